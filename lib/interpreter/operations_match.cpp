// Structural pattern matching: mapping keys and class patterns.
#include "interpreter/operations.h"

#include "object/call.h"
#include "object/identifier.h"

namespace ks {

PyObject* match_keys(PyObject* map, PyObject* keys) {
  const Py_ssize_t count = PyTuple_GET_SIZE(keys);
  if (count == 0) return PyTuple_New(0);
  Ref<> seen = TRY(steal(PySet_New(nullptr)));
  Ref<> missing = TRY(steal(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type))));
  Ref<> get = TRY(steal(PyObject_GetAttr(map, "get"_id)));
  Ref<> values = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* key = PyTuple_GET_ITEM(keys, i);
    if (TRY(found(PySet_Contains(seen, key)))) return raise(PyExc_ValueError, "mapping pattern checks duplicate key (%R)", key);
    TRY(PySet_Add(seen, key));
    PyObject* value = TRY(call(get.get(), key, missing.get()));
    if (value == missing.get()) {
      Py_DECREF(value);
      return Py_NewRef(Py_None);
    }
    PyTuple_SET_ITEM(values.get(), i, value);
  }
  return values.release();
}

// subject.name for a pattern: Found::No when there is none.
static Found match_attribute(PyObject* subject, PyTypeObject* type, PyObject* name, PyObject* seen, Ref<>* value) {
  if (TRY(found(PySet_Contains(seen, name))))
    return raise(PyExc_TypeError, "%s() got multiple sub-patterns for attribute %R", type->tp_name, name);
  TRY(PySet_Add(seen, name));
  return found(PyObject_GetOptionalAttr(subject, name, value->out()));
}

PyObject* match_class(PyObject* subject, PyObject* type_object, Py_ssize_t positional, PyObject* names) {
  if (!PyType_Check(type_object)) return raise(PyExc_TypeError, "called match pattern must be a class");
  auto* type = reinterpret_cast<PyTypeObject*>(type_object);
  if (!TRY(found(PyObject_IsInstance(subject, type_object)))) return Py_NewRef(Py_None);
  Ref<> seen = TRY(steal(PySet_New(nullptr)));
  Ref<> attributes = TRY(steal(PyList_New(0)));
  Ref<> value;
  if (positional) {
    bool match_self = false;
    Ref<> match_args;
    TRY(found(PyObject_GetOptionalAttr(type_object, "__match_args__"_id, match_args.out())));
    if (match_args) {
      if (!PyTuple_CheckExact(match_args))
        return raise(PyExc_TypeError, "%s.__match_args__ must be a tuple (got %s)", type->tp_name, Py_TYPE(match_args.get())->tp_name);
    } else {
      match_args = TRY(steal(PyTuple_New(0)));
      // int, str, ...: one positional pattern matches the subject itself.
      match_self = type->tp_flags & _Py_TPFLAGS_MATCH_SELF;
    }
    const Py_ssize_t allowed = match_self ? 1 : PyTuple_GET_SIZE(match_args);
    if (allowed < positional)
      return raise(PyExc_TypeError, "%s() accepts %d positional sub-pattern%s (%d given)", type->tp_name, static_cast<int>(allowed),
                   allowed == 1 ? "" : "s", static_cast<int>(positional));
    if (match_self) {
      TRY(PyList_Append(attributes, subject));
    } else {
      for (Py_ssize_t i = 0; i < positional; ++i) {
        PyObject* name = PyTuple_GET_ITEM(match_args.get(), i);
        if (!PyUnicode_CheckExact(name))
          return raise(PyExc_TypeError, "__match_args__ elements must be strings (got %s)", Py_TYPE(name)->tp_name);
        if (!TRY(match_attribute(subject, type, name, seen, &value))) return Py_NewRef(Py_None);
        TRY(PyList_Append(attributes, value));
      }
    }
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    if (!TRY(match_attribute(subject, type, PyTuple_GET_ITEM(names, i), seen, &value))) return Py_NewRef(Py_None);
    TRY(PyList_Append(attributes, value));
  }
  return PyList_AsTuple(attributes);
}

}  // namespace ks
