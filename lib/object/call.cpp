// Calling objects: vectorcall, tp_call, and the convenient forms of the C API.
//
// Everything ends in one of two: vectorcall (object/call.h) for callables that have it, call_by_type for the others.
#include "object/call.h"

#include <Python.h>

#include <cstring>
#include <new>

#include "object/attribute.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"

namespace ks {

PyObject* check_function_result_slow(PyThreadState* tstate, PyObject* callable, PyObject* result, const char* where) {
  if (!result) {
    if (callable) PyErr_Format(PyExc_SystemError, "%R returned NULL without setting an exception", callable);
    else PyErr_Format(PyExc_SystemError, "%s returned NULL without setting an exception", where);
    return nullptr;
  }
  Py_DECREF(result);
  // The exception that was set becomes the cause and context of the SystemError.
  PyObject* cause = PyErr_GetRaisedException();
  if (callable) PyErr_Format(PyExc_SystemError, "%R returned a result with an exception set", callable);
  else PyErr_Format(PyExc_SystemError, "%s returned a result with an exception set", where);
  PyObject* error = PyErr_GetRaisedException();
  if (cause && error) {
    PyException_SetCause(error, Py_NewRef(cause));
    PyException_SetContext(error, Py_NewRef(cause));
  }
  Py_XDECREF(cause);
  PyErr_SetRaisedException(error);
  return nullptr;
}

namespace {

// A small array on the stack, a larger one on the heap.
class Stack {
 public:
  Stack() = default;
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() {
    if (items_ != small_) PyMem_Free(items_);
  }
  // False with MemoryError.
  bool reserve(Py_ssize_t count) {
    if (count <= kSmall) return true;
    items_ = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(count) * sizeof(PyObject*)));
    if (items_) return true;
    items_ = small_;
    PyErr_NoMemory();
    return false;
  }
  PyObject** items() { return items_; }

 private:
  static constexpr Py_ssize_t kSmall = 10;
  PyObject* small_[kSmall];
  PyObject** items_ = small_;
};

Ref<> tuple_of(PyObject* const* args, Py_ssize_t count) {
  Ref<> tuple = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
  return tuple;
}

// Calls with a dict of keywords (not empty) by vectorcall: names in a tuple, values behind the arguments.
PyObject* call_with_dict(PyThreadState* tstate, PyObject* callable, vectorcallfunc function, PyObject* const* args,
                         Py_ssize_t nargs, PyObject* keywords) {
  const Py_ssize_t count = PyDict_GET_SIZE(keywords);
  Stack stack;
  if (!stack.reserve(1 + nargs + count)) return nullptr;
  PyObject** items = stack.items() + 1;
  Ref<> names = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < nargs; ++i) items[i] = args[i];
  Py_ssize_t position = 0, i = 0;
  PyObject *key, *value;
  bool all_str = true;
  while (i < count && PyDict_Next(keywords, &position, &key, &value)) {
    all_str = all_str && PyUnicode_Check(key);
    PyTuple_SET_ITEM(names.get(), i, Py_NewRef(key));
    items[nargs + i] = Py_NewRef(value);
    ++i;
  }
  PyObject* result = nullptr;
  if (!all_str && PyType_Check(callable) && !as<PyTypeObject>(callable)->tp_vectorcall) {
    // A class is called with what it is given.
    Ref<> tuple = tuple_of(args, nargs);
    if (tuple) result = check_function_result(tstate, callable, Py_TYPE(callable)->tp_call(callable, tuple, keywords));
  } else if (!all_str) {
    PyErr_SetString(PyExc_TypeError, "keywords must be strings");
  } else {
    result = check_function_result(
        tstate, callable, function(callable, items, static_cast<size_t>(nargs) | PY_VECTORCALL_ARGUMENTS_OFFSET, names));
  }
  for (Py_ssize_t k = 0; k < i; ++k) Py_DECREF(items[nargs + k]);
  return result;
}

// TypeError. For a module that has a callable of its own name, that is suggested.
[[gnu::cold]] Failed not_callable(PyObject* callable) {
  if (PyModule_Check(callable)) {
    Ref<> name = steal(PyModule_GetNameObject(callable));
    if (name) {
      const Py_ssize_t length = PyUnicode_GET_LENGTH(name.get());
      const Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, length, -1);
      Ref<> last = dot >= 0 ? steal(PyUnicode_Substring(name, dot + 1, length)) : name.share();
      Ref<> attribute;
      if (last && PyObject_GetOptionalAttr(callable, last, attribute.out()) > 0 && PyCallable_Check(attribute)) {
        return raise(PyExc_TypeError, "'%.200s' object is not callable. Did you mean: '%U.%U(...)'?", Py_TYPE(callable)->tp_name,
                     name.get(), last.get());
      }
    }
    PyErr_Clear();
  }
  return raise(PyExc_TypeError, "'%.200s' object is not callable", Py_TYPE(callable)->tp_name);
}

PyObject* call_slot(PyThreadState* tstate, PyObject* callable, ternaryfunc slot, PyObject* args, PyObject* keywords) {
  if (Py_EnterRecursiveCall(" while calling a Python object")) return nullptr;
  PyObject* result = slot(callable, args, keywords);
  Py_LeaveRecursiveCall();
  return check_function_result(tstate, callable, result);
}

PyObject* call_vector_with_tuple(PyThreadState* tstate, PyObject* callable, vectorcallfunc function, PyObject* args,
                                 PyObject* keywords) {
  const Py_ssize_t nargs = PyTuple_GET_SIZE(args);
  PyObject* const* items = reinterpret_cast<PyTupleObject*>(args)->ob_item;
  if (!keywords || PyDict_GET_SIZE(keywords) == 0)
    return check_function_result(tstate, callable, function(callable, items, static_cast<size_t>(nargs), nullptr));
  return call_with_dict(tstate, callable, function, items, nargs, keywords);
}

}  // namespace

PyObject* call_by_type(PyThreadState* tstate, PyObject* callable, PyObject* const* args, Py_ssize_t nargs,
                       PyObject* keywords) {
  ternaryfunc slot = Py_TYPE(callable)->tp_call;
  if (!slot) return not_callable(callable);
  Ref<> tuple = TRY(tuple_of(args, nargs));
  Ref<> owned;
  PyObject* dict = nullptr;
  if (keywords) {
    if (PyDict_Check(keywords)) {
      dict = keywords;
    } else if (PyTuple_GET_SIZE(keywords)) {
      owned = TRY(steal(_PyStack_AsDict(args + nargs, keywords)));
      dict = owned;
    }
  }
  return call_slot(tstate, callable, slot, tuple, dict);
}

PyObject* vectorcall_method(PyObject* name, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  PyThreadState* tstate = thread();
  PyObject* callable = nullptr;
  const int unbound = get_method(args[0], name, &callable);
  if (unbound < 0) return nullptr;
  Ref<> owned = steal(callable);
  if (unbound) {
    // The slot before self must stay as it is: args[-1] may be used by the callee all the same if the caller allowed it.
    return vectorcall(tstate, callable, args, nargsf, kwnames);
  }
  // Without self, args[-1] of the callee is self, which may be overwritten for the call.
  return vectorcall(tstate, callable, args + 1, ((nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET) - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET,
                    kwnames);
}

}  // namespace ks

using namespace ks;

// ---- the protocol's functions ----------------------------------------------------------------------------------------

// The vectorcall function of a callable, NULL without error when it has none.
vectorcallfunc PyVectorcall_Function(PyObject* callable) { return vectorcall_function(callable); }
#undef PyVectorcall_NARGS
KS_EXPORT Py_ssize_t PyVectorcall_NARGS(size_t nargsf) { return static_cast<Py_ssize_t>(nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET); }

// The result, or NULL with SystemError when result and exception do not fit. Takes over the result.
KS_EXPORT PyObject* _Py_CheckFunctionResult(PyThreadState* tstate, PyObject* callable, PyObject* result, const char* where) {
  return check_function_result(tstate, callable, result, where);
}
KS_EXPORT PyObject* _PyObject_MakeTpCall(PyThreadState* tstate, PyObject* callable, PyObject* const* args, Py_ssize_t nargs,
                                         PyObject* keywords) {
  return call_by_type(tstate, callable, args, nargs, keywords);
}

// The callable's result, a new reference, in all of the following.
PyObject* PyObject_Vectorcall(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return vectorcall(thread(), callable, args, nargsf, kwnames);
}
PyObject* PyObject_VectorcallDict(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwargs) {
  PyThreadState* tstate = thread();
  const auto nargs = static_cast<Py_ssize_t>(nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET);
  vectorcallfunc function = vectorcall_function(callable);
  if (!function) return call_by_type(tstate, callable, args, nargs, kwargs);
  if (!kwargs || PyDict_GET_SIZE(kwargs) == 0)
    return check_function_result(tstate, callable, function(callable, args, nargsf, nullptr));
  return call_with_dict(tstate, callable, function, args, nargs, kwargs);
}
PyObject* PyObject_VectorcallMethod(PyObject* name, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return vectorcall_method(name, args, nargsf, kwnames);
}

// The tp_call of types with vectorcall.
PyObject* PyVectorcall_Call(PyObject* callable, PyObject* tuple, PyObject* kwargs) {
  PyTypeObject* type = Py_TYPE(callable);
  const Py_ssize_t offset = type->tp_vectorcall_offset;
  if (offset <= 0) return raise(PyExc_TypeError, "'%.200s' object does not support vectorcall", type->tp_name);
  auto function = *reinterpret_cast<vectorcallfunc*>(reinterpret_cast<char*>(callable) + offset);
  if (!function) return raise(PyExc_TypeError, "'%.200s' object does not support vectorcall", type->tp_name);
  return call_vector_with_tuple(thread(), callable, function, tuple, kwargs);
}

PyObject* PyObject_Call(PyObject* callable, PyObject* args, PyObject* kwargs) {
  PyThreadState* tstate = thread();
  if (vectorcallfunc function = vectorcall_function(callable))
    return call_vector_with_tuple(tstate, callable, function, args, kwargs);
  ternaryfunc slot = Py_TYPE(callable)->tp_call;
  if (!slot) return not_callable(callable);
  return call_slot(tstate, callable, slot, args, kwargs);
}
KS_EXPORT PyObject* PyCFunction_Call(PyObject* callable, PyObject* args, PyObject* kwargs) { return PyObject_Call(callable, args, kwargs); }

PyObject* PyObject_CallNoArgs(PyObject* callable) { return call(callable); }
PyObject* PyObject_CallOneArg(PyObject* callable, PyObject* argument) { return call(callable, argument); }

// `args`: a tuple, or NULL for none.
PyObject* PyObject_CallObject(PyObject* callable, PyObject* args) {
  if (!args) return call(callable);
  if (!PyTuple_Check(args)) return raise(PyExc_TypeError, "argument list must be a tuple");
  return PyObject_Call(callable, args, nullptr);
}
KS_EXPORT PyObject* PyEval_CallObjectWithKeywords(PyObject* callable, PyObject* args, PyObject* kwargs) {
  if (args && !PyTuple_Check(args)) return raise(PyExc_TypeError, "argument list must be a tuple");
  if (kwargs && !PyDict_Check(kwargs)) return raise(PyExc_TypeError, "keyword list must be a dictionary");
  if (!args) return PyObject_VectorcallDict(callable, nullptr, 0, kwargs);
  return PyObject_Call(callable, args, kwargs);
}

// ---- arguments made from a format ------------------------------------------------------------------------------------

static Failed null_error() {
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "null argument to internal routine");
  return failed;
}

static PyObject* call_with_format(PyObject* callable, const char* format, va_list arguments) {
  if (!callable) return null_error();
  if (!format || !*format) return call(callable);
  Ref<> value = TRY(steal(Py_VaBuildValue(format, arguments)));
  // "(...)" and several units make a tuple: the arguments. One unit makes one argument, unless it is a tuple.
  if (PyTuple_Check(value.get())) {
    auto* tuple = reinterpret_cast<PyTupleObject*>(value.get());
    return vectorcall(callable, tuple->ob_item, static_cast<size_t>(PyTuple_GET_SIZE(value.get())), nullptr);
  }
  return call(callable, value.get());
}

PyObject* PyObject_CallFunction(PyObject* callable, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = call_with_format(callable, format, arguments);
  va_end(arguments);
  return result;
}
KS_EXPORT PyObject* _PyObject_CallFunction_SizeT(PyObject* callable, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = call_with_format(callable, format, arguments);
  va_end(arguments);
  return result;
}
KS_EXPORT PyObject* PyEval_CallFunction(PyObject* callable, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = call_with_format(callable, format, arguments);
  va_end(arguments);
  return result;
}

static PyObject* call_method_with_format(PyObject* o, PyObject* callable, const char* format, va_list arguments) {
  Ref<> method = steal(callable);
  if (!method) return nullptr;
  if (!PyCallable_Check(method))
    return raise(PyExc_TypeError, "attribute of type '%.200s' is not callable", Py_TYPE(method.get())->tp_name);
  return call_with_format(method, format, arguments);
}
PyObject* PyObject_CallMethod(PyObject* o, const char* name, const char* format, ...) {
  if (!o || !name) return null_error();
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = call_method_with_format(o, PyObject_GetAttrString(o, name), format, arguments);
  va_end(arguments);
  return result;
}
KS_EXPORT PyObject* _PyObject_CallMethod_SizeT(PyObject* o, const char* name, const char* format, ...) {
  if (!o || !name) return null_error();
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = call_method_with_format(o, PyObject_GetAttrString(o, name), format, arguments);
  va_end(arguments);
  return result;
}
KS_EXPORT PyObject* PyEval_CallMethod(PyObject* o, const char* name, const char* format, ...) {
  if (!o || !name) return null_error();
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = call_method_with_format(o, PyObject_GetAttrString(o, name), format, arguments);
  va_end(arguments);
  return result;
}
KS_EXPORT PyObject* _PyObject_CallMethod(PyObject* o, PyObject* name, const char* format, ...) {
  if (!o || !name) return null_error();
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = call_method_with_format(o, PyObject_GetAttr(o, name), format, arguments);
  va_end(arguments);
  return result;
}
PyObject* _PyObject_CallMethodId(PyObject* o, _Py_Identifier* name, const char* format, ...) {
  if (!o || !name) return null_error();
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = call_method_with_format(o, _PyObject_GetAttrId(o, name), format, arguments);
  va_end(arguments);
  return result;
}

// ---- arguments as C arguments, ended by NULL ------------------------------------------------------------------------

// Calls with `first` (may be NULL) and the rest of the list.
static PyObject* call_with_list(PyObject* callable, PyObject* first, va_list list) {
  Py_ssize_t count = first ? 1 : 0;
  va_list copy;
  va_copy(copy, list);
  while (va_arg(copy, PyObject*)) ++count;
  va_end(copy);
  Stack stack;
  if (!stack.reserve(count + 1)) return nullptr;
  PyObject** items = stack.items() + 1;
  Py_ssize_t i = 0;
  if (first) items[i++] = first;
  for (; i < count; ++i) items[i] = va_arg(list, PyObject*);
  return vectorcall(thread(), callable, items, static_cast<size_t>(count) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}
PyObject* PyObject_CallFunctionObjArgs(PyObject* callable, ...) {
  if (!callable) return null_error();
  va_list list;
  va_start(list, callable);
  PyObject* result = call_with_list(callable, nullptr, list);
  va_end(list);
  return result;
}
PyObject* PyObject_CallMethodObjArgs(PyObject* o, PyObject* name, ...) {
  if (!o || !name) return null_error();
  PyObject* callable = nullptr;
  const int unbound = get_method(o, name, &callable);
  if (unbound < 0) return nullptr;
  va_list list;
  va_start(list, name);
  PyObject* result = call_with_list(callable, unbound ? o : nullptr, list);
  va_end(list);
  Py_DECREF(callable);
  return result;
}

// A new dict from values and a tuple of names.
PyObject* _PyStack_AsDict(PyObject* const* values, PyObject* kwnames) {
  Ref<> dict = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i)
    TRY(PyDict_SetItem(dict, PyTuple_GET_ITEM(kwnames, i), values[i]));
  return dict.release();
}
