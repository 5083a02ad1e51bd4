// The object protocol's containers and classes: len, items, format, isinstance and issubclass.
#include <Python.h>

#include "object/attribute.h"
#include "object/call.h"
#include "object/identifier.h"
#include "object/protocol.h"
#include "object/static_types.h"
#include "object/type.h"

using namespace ks;

static Failed null_error() {
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "null argument to internal routine");
  return failed;
}
static Failed type_error(const char* format, PyObject* o) { return raise(PyExc_TypeError, format, Py_TYPE(o)->tp_name); }

// len(o); -1 on error.
#undef PyObject_Length
Py_ssize_t PyObject_Size(PyObject* o) {
  if (!o) return null_error();
  PySequenceMethods* sequence = Py_TYPE(o)->tp_as_sequence;
  if (sequence && sequence->sq_length) return sequence->sq_length(o);
  return PyMapping_Size(o);
}
Py_ssize_t PyObject_Length(PyObject* o) { return PyObject_Size(o); }

// len(o), or o.__length_hint__(), or the default; -1 on error.
Py_ssize_t PyObject_LengthHint(PyObject* o, Py_ssize_t default_value) {
  PyTypeObject* type = Py_TYPE(o);
  if ((type->tp_as_sequence && type->tp_as_sequence->sq_length) || (type->tp_as_mapping && type->tp_as_mapping->mp_length)) {
    const Py_ssize_t size = PyObject_Size(o);
    if (size >= 0) return size;
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
    PyErr_Clear();
  }
  Ref<> method = lookup_special(o, "__length_hint__"_id);
  if (!method) return PyErr_Occurred() ? -1 : default_value;
  Ref<> result = steal(call(method.get()));
  if (!result) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
    PyErr_Clear();
    return default_value;
  }
  if (result.get() == Py_NotImplemented) return default_value;
  if (!PyLong_Check(result.get())) return type_error("__length_hint__ must be an integer, not %.100s", result);
  const Py_ssize_t hint = PyLong_AsSsize_t(result);
  if (hint < 0 && !PyErr_Occurred()) return raise(PyExc_ValueError, "__length_hint__() should return >= 0");
  return hint;
}

// o[key]; new reference.
PyObject* PyObject_GetItem(PyObject* o, PyObject* key) {
  if (!o || !key) return null_error();
  PyTypeObject* type = Py_TYPE(o);
  if (type->tp_as_mapping && type->tp_as_mapping->mp_subscript) return type->tp_as_mapping->mp_subscript(o, key);
  if (type->tp_as_sequence && type->tp_as_sequence->sq_item) {
    if (!PyIndex_Check(key)) return type_error("sequence index must be integer, not '%.200s'", key);
    const Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    return PySequence_GetItem(o, index);
  }
  if (PyType_Check(o)) {
    if (o == object(&PyType_Type)) return Py_GenericAlias(o, key);
    Ref<> method;
    if (PyObject_GetOptionalAttr(o, "__class_getitem__"_id, method.out()) < 0) return nullptr;
    if (method && method.get() != Py_None) return call(method.get(), key);
    return raise(PyExc_TypeError, "type '%.200s' is not subscriptable", reinterpret_cast<PyTypeObject*>(o)->tp_name);
  }
  return type_error("'%.200s' object is not subscriptable", o);
}

// o[key] = value; -1 on error.
int PyObject_SetItem(PyObject* o, PyObject* key, PyObject* value) {
  if (!o || !key || !value) return null_error();
  PyTypeObject* type = Py_TYPE(o);
  if (type->tp_as_mapping && type->tp_as_mapping->mp_ass_subscript)
    return type->tp_as_mapping->mp_ass_subscript(o, key, value);
  if (type->tp_as_sequence) {
    if (PyIndex_Check(key)) {
      const Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
      if (index == -1 && PyErr_Occurred()) return -1;
      return PySequence_SetItem(o, index, value);
    }
    if (type->tp_as_sequence->sq_ass_item) return type_error("sequence index must be integer, not '%.200s'", key);
  }
  return type_error("'%.200s' object does not support item assignment", o);
}

// del o[key]; -1 on error.
int PyObject_DelItem(PyObject* o, PyObject* key) {
  if (!o || !key) return null_error();
  PyTypeObject* type = Py_TYPE(o);
  if (type->tp_as_mapping && type->tp_as_mapping->mp_ass_subscript)
    return type->tp_as_mapping->mp_ass_subscript(o, key, nullptr);
  if (type->tp_as_sequence) {
    if (PyIndex_Check(key)) {
      const Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
      if (index == -1 && PyErr_Occurred()) return -1;
      return PySequence_DelItem(o, index);
    }
    if (type->tp_as_sequence->sq_ass_item) return type_error("sequence index must be integer, not '%.200s'", key);
  }
  return type_error("'%.200s' object does not support item deletion", o);
}
int PyObject_DelItemString(PyObject* o, const char* key) {
  if (!o || !key) return null_error();
  Ref<> name = TRY(steal(PyUnicode_FromString(key)));
  return PyObject_DelItem(o, name);
}

// format(o, format_spec); NULL as the empty one. New str.
PyObject* PyObject_Format(PyObject* o, PyObject* format_spec) {
  if (format_spec && !PyUnicode_Check(format_spec))
    return raise(PyExc_SystemError, "Format specifier must be a string, not %.200s", Py_TYPE(format_spec)->tp_name);
  if (!format_spec || PyUnicode_GET_LENGTH(format_spec) == 0) {
    if (PyUnicode_CheckExact(o)) return Py_NewRef(o);
    if (PyLong_CheckExact(o)) return PyObject_Str(o);
  }
  Ref<> empty;
  if (!format_spec) {
    empty = TRY(steal(PyUnicode_FromStringAndSize("", 0)));
    format_spec = empty;
  }
  Ref<> method = lookup_special(o, "__format__"_id);
  if (!method) {
    if (PyErr_Occurred()) return nullptr;
    return type_error("Type %.100s doesn't define __format__", o);
  }
  Ref<> result = TRY(steal(call(method.get(), format_spec)));
  if (!PyUnicode_Check(result.get())) return type_error("__format__ must return a str, not %.200s", result);
  return result.release();
}

// ---- isinstance, issubclass ------------------------------------------------------------------------------------------

namespace {

// cls.__bases__ if it is a tuple; empty without an error otherwise. *error tells an exception from "none".
Ref<> bases_of(PyObject* cls, bool* error) {
  Ref<> bases;
  *error = PyObject_GetOptionalAttr(cls, "__bases__"_id, bases.out()) < 0;
  if (bases && !PyTuple_Check(bases.get())) bases.reset();
  return bases;
}

Found abstract_is_subclass(PyObject* derived, PyObject* cls) {
  Ref<> alive = borrow(derived);
  while (true) {
    if (derived == cls) return Found::Yes;
    bool error;
    Ref<> bases = bases_of(derived, &error);
    if (error) return failed;
    if (!bases) return Found::No;
    const Py_ssize_t count = PyTuple_GET_SIZE(bases.get());
    if (count == 0) return Found::No;
    if (count == 1) {
      // Single inheritance needs no recursion.
      alive = borrow(PyTuple_GET_ITEM(bases.get(), 0));
      derived = alive;
      continue;
    }
    if (Py_EnterRecursiveCall(" in __issubclass__")) return failed;
    Found result = Found::No;
    for (Py_ssize_t i = 0; i < count && result == Found::No; ++i)
      result = abstract_is_subclass(PyTuple_GET_ITEM(bases.get(), i), cls);
    Py_LeaveRecursiveCall();
    return result;
  }
}

Status check_class(PyObject* cls, const char* message) {
  bool error;
  Ref<> bases = bases_of(cls, &error);
  if (bases) return Status::Ok;
  if (!error) PyErr_SetString(PyExc_TypeError, message);
  return failed;
}

constexpr char kInstanceMessage[] = "isinstance() arg 2 must be a type, a tuple of types, or a union";
constexpr char kSubclassMessage[] = "issubclass() arg 2 must be a class, a tuple of classes, or a union";

}  // namespace

Found ks::real_is_instance(PyObject* instance, PyObject* cls) {
  if (PyType_Check(cls)) {
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    if (PyObject_TypeCheck(instance, type)) return Found::Yes;
    Ref<> claimed;
    if (PyObject_GetOptionalAttr(instance, "__class__"_id, claimed.out()) < 0) return failed;
    if (claimed && claimed.object() != object(Py_TYPE(instance)) && PyType_Check(claimed.get()))
      return PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(claimed.get()), type) ? Found::Yes : Found::No;
    return Found::No;
  }
  TRY(check_class(cls, kInstanceMessage));
  Ref<> claimed;
  if (PyObject_GetOptionalAttr(instance, "__class__"_id, claimed.out()) < 0) return failed;
  return claimed ? abstract_is_subclass(claimed, cls) : Found::No;
}

Found ks::real_is_subclass(PyObject* derived, PyObject* cls) {
  if (PyType_Check(cls) && PyType_Check(derived)) {
    return PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(derived), reinterpret_cast<PyTypeObject*>(cls)) ? Found::Yes
                                                                                                            : Found::No;
  }
  TRY(check_class(derived, "issubclass() arg 1 must be a class"));
  if (!Py_IS_TYPE(cls, &_PyUnion_Type)) TRY(check_class(cls, kSubclassMessage));
  return abstract_is_subclass(derived, cls);
}

// isinstance(instance, cls): 0, 1, or -1 on error.
int PyObject_IsInstance(PyObject* instance, PyObject* cls) {
  if (object(Py_TYPE(instance)) == cls) return 1;
  if (PyType_CheckExact(cls)) return to_c(real_is_instance(instance, cls));
  Ref<> members;
  if (Py_IS_TYPE(cls, &_PyUnion_Type)) {
    members = TRY(steal(PyObject_GetAttr(cls, "__args__"_id)));
    cls = members;
  }
  if (PyTuple_Check(cls)) {
    if (Py_EnterRecursiveCall(" in __instancecheck__")) return -1;
    int result = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(cls) && result == 0; ++i)
      result = PyObject_IsInstance(instance, PyTuple_GET_ITEM(cls, i));
    Py_LeaveRecursiveCall();
    return result;
  }
  Ref<> checker = lookup_special(cls, "__instancecheck__"_id);
  if (checker) {
    if (Py_EnterRecursiveCall(" in __instancecheck__")) return -1;
    Ref<> result = steal(call(checker.get(), instance));
    Py_LeaveRecursiveCall();
    return result ? PyObject_IsTrue(result) : -1;
  }
  if (PyErr_Occurred()) return -1;
  return to_c(real_is_instance(instance, cls));
}

// issubclass(derived, cls): 0, 1, or -1 on error.
int PyObject_IsSubclass(PyObject* derived, PyObject* cls) {
  if (PyType_CheckExact(cls)) {
    if (derived == cls) return 1;
    return to_c(real_is_subclass(derived, cls));
  }
  Ref<> members;
  if (Py_IS_TYPE(cls, &_PyUnion_Type)) {
    members = TRY(steal(PyObject_GetAttr(cls, "__args__"_id)));
    cls = members;
  }
  if (PyTuple_Check(cls)) {
    if (Py_EnterRecursiveCall(" in __subclasscheck__")) return -1;
    int result = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(cls) && result == 0; ++i)
      result = PyObject_IsSubclass(derived, PyTuple_GET_ITEM(cls, i));
    Py_LeaveRecursiveCall();
    return result;
  }
  Ref<> checker = lookup_special(cls, "__subclasscheck__"_id);
  if (checker) {
    if (Py_EnterRecursiveCall(" in __subclasscheck__")) return -1;
    Ref<> result = steal(call(checker.get(), derived));
    Py_LeaveRecursiveCall();
    return result ? PyObject_IsTrue(result) : -1;
  }
  if (PyErr_Occurred()) return -1;
  return to_c(real_is_subclass(derived, cls));
}
