// Calling objects from inside: the vectorcall protocol without detours. Results are new references.
#pragma once

#include <Python.h>

#include "object/ref.h"
#include "runtime/state.h"

namespace ks {

inline vectorcallfunc vectorcall_function(PyObject* callable) {
  PyTypeObject* type = Py_TYPE(callable);
  if (!(type->tp_flags & Py_TPFLAGS_HAVE_VECTORCALL)) return nullptr;
  return *reinterpret_cast<vectorcallfunc*>(reinterpret_cast<char*>(callable) + type->tp_vectorcall_offset);
}

// SystemError when a callable returned NULL without an exception or a value with one; `callable` or `where` names it.
PyObject* check_function_result_slow(PyThreadState* thread, PyObject* callable, PyObject* result, const char* where);
inline PyObject* check_function_result(PyThreadState* thread, PyObject* callable, PyObject* result,
                                       const char* where = nullptr) {
  if ((result == nullptr) == (thread->current_exception == nullptr)) [[unlikely]]
    return check_function_result_slow(thread, callable, result, where);
  return result;
}

// Calls through tp_call, for callables without vectorcall. `keywords`: a tuple of names, a dict, or nullptr.
PyObject* call_by_type(PyThreadState* thread, PyObject* callable, PyObject* const* args, Py_ssize_t nargs,
                       PyObject* keywords);

inline PyObject* vectorcall(PyThreadState* thread, PyObject* callable, PyObject* const* args, size_t nargsf,
                            PyObject* kwnames) {
  if (vectorcallfunc function = vectorcall_function(callable)) [[likely]]
    return check_function_result(thread, callable, function(callable, args, nargsf, kwnames));
  return call_by_type(thread, callable, args, static_cast<Py_ssize_t>(nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET), kwnames);
}
inline PyObject* vectorcall(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames = nullptr) {
  return vectorcall(thread(), callable, args, nargsf, kwnames);
}

// call(f, a, b): positional arguments only.
template <class... A>
PyObject* call(PyObject* callable, A... arguments) {
  PyObject* stack[sizeof...(A) + 1] = {nullptr, arguments...};
  return vectorcall(thread(), callable, stack + 1, sizeof...(A) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

// call_method(o, "name"_id, a, b): without making a bound method where the attribute is a plain method.
PyObject* vectorcall_method(PyObject* name, PyObject* const* args, size_t nargsf, PyObject* kwnames);
template <class... A>
PyObject* call_method(PyObject* self, PyObject* name, A... arguments) {
  PyObject* stack[sizeof...(A) + 2] = {nullptr, self, arguments...};
  return vectorcall_method(name, stack + 1, (sizeof...(A) + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

// What PyEval calls "function str": the callable's qualified name with parentheses, for messages; new reference.
PyObject* callable_description(PyObject* callable);

}  // namespace ks
