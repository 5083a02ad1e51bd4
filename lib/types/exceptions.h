// The exception types: one static type for each row of exceptions.def, `_PyExc_<name>`.
//
// A family is a class with a struct of its own; what differs from its base is an ExceptionFamily, from which
// exceptions.cpp builds the type object. Classes without a family inherit everything.
#pragma once

#include <Python.h>

#include "object/collector.h"
#include "object/identifier.h"
#include "object/method.h"
#include "object/ref.h"
#include "object/result.h"

extern "C" {
#define EXCEPTION(NAME, BASE, DOC) extern PyTypeObject _PyExc_##NAME;
#define EXCEPTION_WITH_FIELDS(NAME, BASE, FAMILY, DOC) extern PyTypeObject _PyExc_##NAME;
extern __attribute__((visibility("default"))) PyTypeObject _PyExc_IncompleteInputError;
#include "types/exceptions.def"
#undef EXCEPTION
#undef EXCEPTION_WITH_FIELDS
extern PyTypeObject _PyExc_InterpreterError;
extern PyTypeObject _PyExc_InterpreterNotFoundError;
extern __attribute__((visibility("default"))) PyObject* PyExc_InterpreterError;
extern __attribute__((visibility("default"))) PyObject* PyExc_InterpreterNotFoundError;
}

namespace ks {

struct ExceptionFamily {
  Py_ssize_t size;
  newfunc create;
  initproc init;
  reprfunc str;
  reprfunc repr;
  destructor dealloc;
  traverseproc traverse;
  inquiry clear;
  PyMethodDef* methods;
  PyMemberDef* members;
  PyGetSetDef* getset;
};

#define EXCEPTION(NAME, BASE, DOC)
#define EXCEPTION_WITH_FIELDS(NAME, BASE, FAMILY, DOC) extern const ExceptionFamily FAMILY##_family;
#include "types/exceptions.def"
#undef EXCEPTION
#undef EXCEPTION_WITH_FIELDS

inline bool is_exception(PyObject* object) { return PyExceptionInstance_Check(object); }

// BaseException's own parts, which the families call.
PyObject* base_exception_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
int base_exception_init(PyObject* self, PyObject* args, PyObject* kwargs);
PyObject* base_exception_str(PyObject* self);
int base_exception_traverse(PyObject* self, visitproc visit, void* arg);
int base_exception_clear(PyObject* self);
// TypeError "X() takes no keyword arguments" unless `kwargs` is empty.
Status no_keywords(PyTypeObject* type, PyObject* kwargs);

// Completes the type objects; called once in a process, before static types are readied.
void exceptions_prepare();
// Puts all exceptions into the dictionary of `builtins`.
Status exceptions_add_builtins(PyObject* builtins);

struct ExceptionTypesState;
Status warnings_start(ExceptionTypesState& state);  // lib/object/warnings.cpp
void warnings_end(ExceptionTypesState& state);

// Visits, clears and frees BaseException's fields and the object fields named.
template <class T, PyObject* T::*... fields>
struct ExceptionLife {
  static int traverse(PyObject* self, visitproc visit, void* arg) {
    [[maybe_unused]] auto* exception = as<T>(self);
    int stop = 0;
    ((stop = stop ? stop : exception->*fields ? visit(exception->*fields, arg) : 0), ...);
    return stop ? stop : base_exception_traverse(self, visit, arg);
  }
  static int clear(PyObject* self) {
    [[maybe_unused]] auto* exception = as<T>(self);
    (drop(&(exception->*fields)), ...);
    return base_exception_clear(self);
  }
  static void dealloc(PyObject* self) {
    gc_untrack(self);
    Py_TRASHCAN_BEGIN(self, dealloc)
    clear(self);
    Py_TYPE(self)->tp_free(self);
    Py_TRASHCAN_END
  }

 private:
  static void drop(PyObject** field) { Ref<> old = Ref<>::steal(std::exchange(*field, nullptr)); }
};

// Puts a new reference to `value` (may be nullptr) into a field.
inline void assign(PyObject** field, PyObject* value) {
  Ref<> old = Ref<>::steal(std::exchange(*field, Py_XNewRef(value)));
}

}  // namespace ks
