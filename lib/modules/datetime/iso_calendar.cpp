// IsoCalendarDate: what isocalendar() gives, a tuple with names. A heap type of the interpreter, made when first needed.
#include "modules/datetime/dates.h"
#include "runtime/state.h"

namespace ks {
namespace {

PyObject* iso_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"year", "week", "weekday", nullptr};
  int year, week, weekday;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iii:IsoCalendarDate", const_cast<char**>(names), &year, &week, &weekday)) return nullptr;
  Ref<> self = TRY(steal(type->tp_alloc(type, 3)));
  const int values[] = {year, week, weekday};
  for (int i = 0; i < 3; ++i) {
    Ref<> value = TRY(steal(PyLong_FromLong(values[i])));
    PyTuple_SET_ITEM(self.get(), i, value.release());
  }
  return self.release();
}
PyObject* iso_repr(PyObject* self) {
  return PyUnicode_FromFormat("%.200s(year=%S, week=%S, weekday=%S)", Py_TYPE(self)->tp_name, PyTuple_GET_ITEM(self, 0),
                              PyTuple_GET_ITEM(self, 1), PyTuple_GET_ITEM(self, 2));
}
PyObject* iso_get(PyObject* self, void* index) {
  return Py_NewRef(PyTuple_GET_ITEM(self, static_cast<Py_ssize_t>(reinterpret_cast<intptr_t>(index))));
}
PyObject* iso___reduce__(PyObject* self) {
  Ref<> plain = TRY(steal(PyTuple_Pack(3, PyTuple_GET_ITEM(self, 0), PyTuple_GET_ITEM(self, 1), PyTuple_GET_ITEM(self, 2))));
  return Py_BuildValue("(O(O))", &PyTuple_Type, plain.get());
}
METHOD(iso, __reduce__, "($self, /)", "__reduce__() -> (cls, state)");

PyMethodDef methods[] = {iso___reduce___method, {}};
PyGetSetDef getset[] = {{"year", iso_get, nullptr, nullptr, reinterpret_cast<void*>(0)},
                        {"week", iso_get, nullptr, nullptr, reinterpret_cast<void*>(1)},
                        {"weekday", iso_get, nullptr, nullptr, reinterpret_cast<void*>(2)},
                        {}};
PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(iso_repr)},
                       {Py_tp_doc, const_cast<char*>("The result of date.isocalendar() or datetime.isocalendar()\n\n"
                                                     "This object may be accessed either as a tuple of\n"
                                                     "  ((year, week, weekday)\n"
                                                     "or via the object attributes as named in the above tuple.")},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, getset},
                       {Py_tp_new, reinterpret_cast<void*>(iso_tp_new)},
                       {0, nullptr}};
PyType_Spec spec = {"datetime.IsoCalendarDate", sizeof(PyTupleObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};

}  // namespace

PyObject* iso_calendar_new(int year, int week, int weekday) {
  TRY(require_module());
  PyTypeObject*& type = interpreter()->modules.iso_calendar_date_type;
  if (!type) type = as<PyTypeObject>(TRY(PyType_FromSpecWithBases(&spec, object(&PyTuple_Type))));
  Ref<> self = TRY(steal(type->tp_alloc(type, 3)));
  const int values[] = {year, week, weekday};
  for (int i = 0; i < 3; ++i) PyTuple_SET_ITEM(self.get(), i, TRY(PyLong_FromLong(values[i])));
  return self.release();
}

}  // namespace ks
