// What the container types' files share: collector tracking, fresh objects, argument counts.
#pragma once

#include <Python.h>

#include "object/allocate.h"
#include "object/collector.h"
#include "object/identifier.h"
#include "object/ref.h"
#include "object/result.h"
#include "runtime/state.h"


extern "C" {
void _PyErr_SetKeyError(PyObject* key);
int _PyArg_CheckPositional(const char* name, Py_ssize_t nargs, Py_ssize_t min, Py_ssize_t max);
int _PyArg_NoKeywords(const char* name, PyObject* kwargs);
}

namespace ks {

inline ContainerTypesState& container_state() { return interpreter()->containers; }

inline void track(void* op) { gc_track(op); }
inline void untrack(void* op) { gc_untrack(op); }

// An object from a free list begins a new life.
template <class T>
T* revive(void* block, PyTypeObject* type) {
  auto* op = static_cast<PyObject*>(block);
  object_renew(op, type);
  return static_cast<T*>(block);
}

inline bool check_positional(const char* name, Py_ssize_t nargs, Py_ssize_t min, Py_ssize_t max) {
  if (nargs >= min && nargs <= max) return true;
  return _PyArg_CheckPositional(name, nargs, min, max);
}
inline bool check_no_keyword_names(const char* name, PyObject* kwnames) {
  if (!kwnames || PyTuple_GET_SIZE(kwnames) == 0) return true;
  PyErr_Format(PyExc_TypeError, "%.200s() takes no keyword arguments", name);
  return false;
}
inline bool check_no_keywords(const char* name, PyObject* kwargs) {
  if (!kwargs || PyDict_GET_SIZE(kwargs) == 0) return true;
  PyErr_Format(PyExc_TypeError, "%.200s() takes no keyword arguments", name);
  return false;
}

// Could the object take part in a reference cycle? For tuples, whose tracking is decided by their items.
inline bool may_be_tracked(PyObject* op) {
  if (!object_is_gc(op)) return false;
  return !PyTuple_CheckExact(op) || gc_is_tracked(op);
}

// Exact ints of one digit, which are compared without a call.
inline bool both_small_ints(PyObject* left, PyObject* right) {
  return PyLong_CheckExact(left) && PyLong_CheckExact(right) &&
         PyUnstable_Long_IsCompact(reinterpret_cast<PyLongObject*>(left)) &&
         PyUnstable_Long_IsCompact(reinterpret_cast<PyLongObject*>(right));
}
inline bool small_ints_equal(PyObject* left, PyObject* right) {
  return PyUnstable_Long_CompactValue(reinterpret_cast<PyLongObject*>(left)) ==
         PyUnstable_Long_CompactValue(reinterpret_cast<PyLongObject*>(right));
}

// The iterators' __reduce__: (builtins.iter, arguments), or with a state.
inline Ref<> builtin(PyObject* name) {
  PyObject* builtins = PyEval_GetBuiltins();
  if (!builtins) return nullptr;
  Ref<> result;
  if (PyMapping_GetOptionalItem(builtins, name, result.out()) == 0) {
    PyErr_SetObject(PyExc_AttributeError, name);
    return nullptr;
  }
  return result;
}

}  // namespace ks

extern "C" inline PyObject* ks_class_getitem(PyObject* type, PyObject* item) { return Py_GenericAlias(type, item); }
#define KS_CLASS_GETITEM {"__class_getitem__", ks_class_getitem, METH_O | METH_CLASS, \
                          "__class_getitem__($type, object, /)\n--\n\nSee PEP 585"}
