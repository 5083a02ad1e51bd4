// None, NotImplemented and Ellipsis: immortal constants and their types.
#include "object/method.h"
#include "types/container_support.h"

namespace ks {
namespace {

[[noreturn]] void singleton_dealloc(PyObject* self) {
  Py_FatalError("deallocating an immortal constant");
}
template <PyObject* singleton>
PyObject* singleton_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) || (kwargs && PyDict_GET_SIZE(kwargs)))
    return raise(PyExc_TypeError, "%.100s takes no arguments",
                 singleton == &_Py_EllipsisObject         ? "EllipsisType"
                 : singleton == &_Py_NotImplementedStruct ? "NotImplementedType"
                                                          : "NoneType");
  return singleton;
}

PyObject* none_repr(PyObject*) { return "None"_id; }
int none_bool(PyObject*) { return 0; }
Py_hash_t none_hash(PyObject*) { return 0xfca86420; }
// object's own, which is not inherited beside a hash of the type's own.
PyObject* none_compare(PyObject* a, PyObject* b, int operation) { return PyBaseObject_Type.tp_richcompare(a, b, operation); }
PyNumberMethods none_as_number = {.nb_bool = none_bool};

PyObject* not_implemented_repr(PyObject*) { return "NotImplemented"_id; }
PyObject* not_implemented_reduce(PyObject*) { return "NotImplemented"_id; }
METHOD_AS(not_implemented_reduce, "__reduce__", 0, "($self, /)", "");
int not_implemented_bool(PyObject*) {
  return raise(PyExc_TypeError, "NotImplemented should not be used in a boolean context");
}
PyNumberMethods not_implemented_as_number = {.nb_bool = not_implemented_bool};
PyMethodDef not_implemented_methods[] = {not_implemented_reduce_method, {}};

PyObject* ellipsis_repr(PyObject*) { return "Ellipsis"_id; }
PyObject* ellipsis_reduce(PyObject*) { return "Ellipsis"_id; }
METHOD_AS(ellipsis_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef ellipsis_methods[] = {ellipsis_reduce_method, {}};

}  // namespace
}  // namespace ks

using namespace ks;

extern "C" {
extern PyTypeObject _PyNone_Type;
extern PyTypeObject _PyNotImplemented_Type;
PyObject _Py_NoneStruct = {{_Py_STATIC_IMMORTAL_INITIAL_REFCNT}, &_PyNone_Type};
PyObject _Py_NotImplementedStruct = {{_Py_STATIC_IMMORTAL_INITIAL_REFCNT}, &_PyNotImplemented_Type};
PyObject _Py_EllipsisObject = {{_Py_STATIC_IMMORTAL_INITIAL_REFCNT}, &PyEllipsis_Type};

__attribute__((visibility("default"))) PyTypeObject _PyNone_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "NoneType",
    .tp_dealloc = singleton_dealloc,
    .tp_repr = none_repr,
    .tp_as_number = &none_as_number,
    .tp_hash = none_hash,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "NoneType()\n--\n\nThe type of the None singleton.",
    .tp_richcompare = none_compare,
    .tp_new = singleton_new<&_Py_NoneStruct>,
};
__attribute__((visibility("default"))) PyTypeObject _PyNotImplemented_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "NotImplementedType",
    .tp_dealloc = singleton_dealloc,
    .tp_repr = not_implemented_repr,
    .tp_as_number = &not_implemented_as_number,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "NotImplementedType()\n--\n\nThe type of the NotImplemented singleton.",
    .tp_methods = not_implemented_methods,
    .tp_new = singleton_new<&_Py_NotImplementedStruct>,
};
}
PyTypeObject PyEllipsis_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "ellipsis",
    .tp_dealloc = singleton_dealloc,
    .tp_repr = ellipsis_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "ellipsis()\n--\n\nThe type of the Ellipsis singleton.",
    .tp_methods = ellipsis_methods,
    .tp_new = singleton_new<&_Py_EllipsisObject>,
};
