// The iterator protocol, synchronous and asynchronous.
#include <Python.h>

#include "object/call.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/protocol.h"

using namespace ks;

// The tp_iternext of a type that defines __next__ = None: what says "not an iterator".
KS_EXPORT PyObject* _PyObject_NextNotImplemented(PyObject*);

int PyIter_Check(PyObject* o) {
  iternextfunc next = Py_TYPE(o)->tp_iternext;
  return next && next != _PyObject_NextNotImplemented;
}
int PyAIter_Check(PyObject* o) {
  PyAsyncMethods* async = Py_TYPE(o)->tp_as_async;
  return async && async->am_anext && async->am_anext != _PyObject_NextNotImplemented;
}

// iter(o). New reference.
PyObject* PyObject_GetIter(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (!type->tp_iter) {
    if (PySequence_Check(o)) return PySeqIter_New(o);
    return raise(PyExc_TypeError, "'%.200s' object is not iterable", type->tp_name);
  }
  PyObject* iterator = type->tp_iter(o);
  if (iterator && !PyIter_Check(iterator)) {
    (void)raise(PyExc_TypeError, "iter() returned non-iterator of type '%.200s'", Py_TYPE(iterator)->tp_name);
    Py_DECREF(iterator);
    return nullptr;
  }
  return iterator;
}
// aiter(o). New reference.
PyObject* PyObject_GetAIter(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (!type->tp_as_async || !type->tp_as_async->am_aiter)
    return raise(PyExc_TypeError, "'%.200s' object is not an async iterable", type->tp_name);
  PyObject* iterator = type->tp_as_async->am_aiter(o);
  if (iterator && !PyAIter_Check(iterator)) {
    (void)raise(PyExc_TypeError, "aiter() returned not an async iterator of type '%.200s'", Py_TYPE(iterator)->tp_name);
    Py_DECREF(iterator);
    return nullptr;
  }
  return iterator;
}

bool ks::iteration_ended() {
  PyThreadState* tstate = thread();
  if (!tstate->current_exception) return true;
  if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return false;
  PyErr_Clear();
  return true;
}

// The next value (new); NULL at the end, without exception, and on error, with one.
PyObject* PyIter_Next(PyObject* iterator) {
  PyObject* item = Py_TYPE(iterator)->tp_iternext(iterator);
  if (!item) (void)iteration_ended();
  return item;
}
// 1 and a new reference in *item; 0 at the end; -1 on error.
int PyIter_NextItem(PyObject* iterator, PyObject** item) {
  *item = nullptr;
  iternextfunc next = Py_TYPE(iterator)->tp_iternext;
  if (!next) return raise(PyExc_TypeError, "expected an iterator, got '%T'", iterator);
  *item = next(iterator);
  if (*item) return 1;
  return iteration_ended() ? 0 : -1;
}

int ks::stop_iteration_value(PyObject** value) {
  *value = nullptr;
  if (!PyErr_Occurred()) {
    *value = Py_NewRef(Py_None);
    return 0;
  }
  if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return -1;
  Ref<> exception = steal(PyErr_GetRaisedException());
  PyObject* result = reinterpret_cast<PyStopIterationObject*>(exception.get())->value;
  *value = Py_NewRef(result ? result : Py_None);
  return 0;
}

// iterator.send(value): PYGEN_NEXT, PYGEN_RETURN (new reference in *result) or PYGEN_ERROR.
PySendResult PyIter_Send(PyObject* iterator, PyObject* value, PyObject** result) {
  PyTypeObject* type = Py_TYPE(iterator);
  if (type->tp_as_async && type->tp_as_async->am_send) return type->tp_as_async->am_send(iterator, value, result);
  if (value == Py_None && PyIter_Check(iterator)) *result = type->tp_iternext(iterator);
  else *result = call_method(iterator, "send"_id, value);
  if (*result) return PYGEN_NEXT;
  return stop_iteration_value(result) == 0 ? PYGEN_RETURN : PYGEN_ERROR;
}
