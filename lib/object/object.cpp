// What every object can do: repr, str, bytes, comparison, hash, truth, dir, printing.
#include <Python.h>

#include <cstdio>

#include "object/call.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"
#include "object/type.h"

using namespace ks;

static Status check_str(PyObject* result, const char* method) {
  if (PyUnicode_Check(result)) return Status::Ok;
  return raise(PyExc_TypeError, "%s returned non-string (type %.200s)", method, Py_TYPE(result)->tp_name);
}

// repr(o); "<NULL>" for NULL. New str.
PyObject* PyObject_Repr(PyObject* o) {
  if (PyErr_CheckSignals()) return nullptr;
  if (!o) return PyUnicode_FromString("<NULL>");
  PyTypeObject* type = Py_TYPE(o);
  if (!type->tp_repr) return PyUnicode_FromFormat("<%s object at %p>", type->tp_name, o);
  if (Py_EnterRecursiveCall(" while getting the repr of an object")) return nullptr;
  Ref<> result = steal(type->tp_repr(o));
  Py_LeaveRecursiveCall();
  if (!result) return nullptr;
  TRY(check_str(result, "__repr__"));
  return result.release();
}

// str(o); "<NULL>" for NULL. New str.
PyObject* PyObject_Str(PyObject* o) {
  if (PyErr_CheckSignals()) return nullptr;
  if (!o) return PyUnicode_FromString("<NULL>");
  if (PyUnicode_CheckExact(o)) return Py_NewRef(o);
  reprfunc function = Py_TYPE(o)->tp_str;
  if (!function) return PyObject_Repr(o);
  if (Py_EnterRecursiveCall(" while getting the str of an object")) return nullptr;
  Ref<> result = steal(function(o));
  Py_LeaveRecursiveCall();
  if (!result) return nullptr;
  TRY(check_str(result, "__str__"));
  return result.release();
}

// ascii(o). New str.
PyObject* PyObject_ASCII(PyObject* o) {
  Ref<> repr = TRY(steal(PyObject_Repr(o)));
  if (PyUnicode_IS_ASCII(repr.get())) return repr.release();
  Ref<> bytes = TRY(steal(PyUnicode_AsEncodedString(repr, "ascii", "backslashreplace")));
  return PyUnicode_DecodeASCII(PyBytes_AS_STRING(bytes.get()), PyBytes_GET_SIZE(bytes.get()), "strict");
}

// bytes(o) for an object with __bytes__ or a buffer or an iterable; b"<NULL>" for NULL. New bytes.
PyObject* PyObject_Bytes(PyObject* o) {
  if (!o) return PyBytes_FromString("<NULL>");
  if (PyBytes_CheckExact(o)) return Py_NewRef(o);
  Ref<> method = lookup_special(o, "__bytes__"_id);
  if (method) {
    Ref<> result = TRY(steal(call(method.get())));
    if (!PyBytes_Check(result.get()))
      return raise(PyExc_TypeError, "__bytes__ returned non-bytes (type %.200s)", Py_TYPE(result.get())->tp_name);
    return result.release();
  }
  if (PyErr_Occurred()) return nullptr;
  return PyBytes_FromObject(o);
}

// Which operator compares the other way round.
extern "C" {
extern __attribute__((visibility("default"))) const int _Py_SwappedOp[];
const int _Py_SwappedOp[] = {Py_GT, Py_GE, Py_EQ, Py_NE, Py_LT, Py_LE};
}

static PyObject* compare(PyObject* v, PyObject* w, int op) {
  static constexpr const char* kNames[] = {"<", "<=", "==", "!=", ">", ">="};
  PyTypeObject *v_type = Py_TYPE(v), *w_type = Py_TYPE(w);
  bool tried_reverse = false;
  if (v_type != w_type && w_type->tp_richcompare && PyType_IsSubtype(w_type, v_type)) {
    tried_reverse = true;
    PyObject* result = w_type->tp_richcompare(w, v, _Py_SwappedOp[op]);
    if (result != Py_NotImplemented) return result;
  }
  if (v_type->tp_richcompare) {
    PyObject* result = v_type->tp_richcompare(v, w, op);
    if (result != Py_NotImplemented) return result;
  }
  if (!tried_reverse && w_type->tp_richcompare) {
    PyObject* result = w_type->tp_richcompare(w, v, _Py_SwappedOp[op]);
    if (result != Py_NotImplemented) return result;
  }
  if (op == Py_EQ) return Py_NewRef(v == w ? Py_True : Py_False);
  if (op == Py_NE) return Py_NewRef(v != w ? Py_True : Py_False);
  return raise(PyExc_TypeError, "'%s' not supported between instances of '%.100s' and '%.100s'", kNames[op], v_type->tp_name,
               w_type->tp_name);
}

// v op w. New reference.
PyObject* PyObject_RichCompare(PyObject* v, PyObject* w, int op) {
  if (!v || !w || op < Py_LT || op > Py_GE) {
    if (!PyErr_Occurred()) PyErr_BadInternalCall();
    return nullptr;
  }
  if (Py_EnterRecursiveCall(" in comparison")) return nullptr;
  PyObject* result = compare(v, w, op);
  Py_LeaveRecursiveCall();
  return result;
}

// The truth of v op w, where an object equals itself; -1 on error.
int PyObject_RichCompareBool(PyObject* v, PyObject* w, int op) {
  if (v == w) {
    if (op == Py_EQ) return 1;
    if (op == Py_NE) return 0;
  }
  PyObject* result = PyObject_RichCompare(v, w, op);
  if (!result) return -1;
  const int truth = PyBool_Check(result) ? result == Py_True : PyObject_IsTrue(result);
  Py_DECREF(result);
  return truth;
}

// The tp_hash of what cannot be hashed: TypeError.
Py_hash_t PyObject_HashNotImplemented(PyObject* o) {
  return raise(PyExc_TypeError, "unhashable type: '%.200s'", Py_TYPE(o)->tp_name);
}
// hash(o); -1 on error.
Py_hash_t PyObject_Hash(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (type->tp_hash) return type->tp_hash(o);
  if (!PyType_HasFeature(type, Py_TPFLAGS_READY)) {
    if (PyType_Ready(type) < 0) return -1;
    if (type->tp_hash) return type->tp_hash(o);
  }
  return PyObject_HashNotImplemented(o);
}

// Truth of o; -1 on error.
int PyObject_IsTrue(PyObject* o) {
  if (o == Py_True) return 1;
  if (o == Py_False || o == Py_None) return 0;
  PyTypeObject* type = Py_TYPE(o);
  Py_ssize_t result;
  if (type->tp_as_number && type->tp_as_number->nb_bool) result = type->tp_as_number->nb_bool(o);
  else if (type->tp_as_mapping && type->tp_as_mapping->mp_length) result = type->tp_as_mapping->mp_length(o);
  else if (type->tp_as_sequence && type->tp_as_sequence->sq_length) result = type->tp_as_sequence->sq_length(o);
  else return 1;
  return result > 0 ? 1 : static_cast<int>(result);
}
int PyObject_Not(PyObject* o) {
  const int truth = PyObject_IsTrue(o);
  return truth < 0 ? truth : !truth;
}

int PyCallable_Check(PyObject* o) { return o && Py_TYPE(o)->tp_call; }

PyObject* PyObject_SelfIter(PyObject* o) { return Py_NewRef(o); }

// type(o); new reference, SystemError for NULL.
PyObject* PyObject_Type(PyObject* o) {
  if (!o) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "null argument to internal routine");
    return nullptr;
  }
  return Py_NewRef(object(Py_TYPE(o)));
}

static PyObject* dir_locals() {
  Ref<> locals = TRY(steal(PyEval_GetFrameLocals()));
  Ref<> names = TRY(steal(PyMapping_Keys(locals)));
  if (!PyList_Check(names.get()))
    return raise(PyExc_TypeError, "dir(): expected keys() of locals to be a list, not '%.200s'", Py_TYPE(names.get())->tp_name);
  TRY(PyList_Sort(names));
  return names.release();
}
// dir(o), or for NULL the sorted names of the current locals. New list.
PyObject* PyObject_Dir(PyObject* o) {
  if (!o) return dir_locals();
  Ref<> method = lookup_special(o, "__dir__"_id);
  if (!method) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "object does not provide __dir__");
    return nullptr;
  }
  Ref<> result = TRY(steal(call(method.get())));
  Ref<> sorted = TRY(steal(PySequence_List(result)));
  TRY(PyList_Sort(sorted));
  return sorted.release();
}

// Writes repr(o), or str(o) with Py_PRINT_RAW; -1 on error.
int PyObject_Print(PyObject* o, FILE* file, int flags) {
  if (PyErr_CheckSignals()) return -1;
  clearerr(file);
  if (!o) {
    fprintf(file, "<nil>");
  } else if (Py_REFCNT(o) <= 0) {
    fprintf(file, "<refcnt %zd at %p>", Py_REFCNT(o), static_cast<void*>(o));
  } else {
    Ref<> text = TRY(steal(flags & Py_PRINT_RAW ? PyObject_Str(o) : PyObject_Repr(o)));
    Ref<> bytes = TRY(steal(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace")));
    fwrite(PyBytes_AS_STRING(bytes.get()), 1, static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())), file);
  }
  if (ferror(file)) {
    PyErr_SetFromErrno(PyExc_OSError);
    clearerr(file);
    return -1;
  }
  return 0;
}

// The callable's "module.qualname()" for messages (without the module for builtins), or str(callable). New str.
PyObject* _PyObject_FunctionStr(PyObject* callable) {
  Ref<> qualified_name, module;
  if (PyObject_GetOptionalAttr(callable, "__qualname__"_id, qualified_name.out()) < 0) return nullptr;
  if (!qualified_name) return PyObject_Str(callable);
  if (PyObject_GetOptionalAttr(callable, "__module__"_id, module.out()) < 0) return nullptr;
  if (module && module.get() != Py_None) {
    const int differs = PyObject_RichCompareBool(module, "builtins"_id, Py_NE);
    if (differs < 0) return nullptr;
    if (differs) return PyUnicode_FromFormat("%S.%S()", module.get(), qualified_name.get());
  }
  return PyUnicode_FromFormat("%S()", qualified_name.get());
}
PyObject* ks::callable_description(PyObject* callable) { return _PyObject_FunctionStr(callable); }
