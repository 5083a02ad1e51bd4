// async for, async with, await, yield from: finding the right iterator.
#include "interpreter/operations.h"

#include "interpreter/generator.h"

namespace ks {

static PyAsyncMethods* async_methods(PyObject* object) { return Py_TYPE(object)->tp_as_async; }

PyObject* get_async_iterator(PyObject* object) {
  PyAsyncMethods* methods = async_methods(object);
  if (!methods || !methods->am_aiter)
    return raise(PyExc_TypeError, "'async for' requires an object with __aiter__ method, got %.100s", Py_TYPE(object)->tp_name);
  Ref<> iterator = TRY(steal(methods->am_aiter(object)));
  methods = async_methods(iterator);
  if (!methods || !methods->am_anext)
    return raise(PyExc_TypeError, "'async for' received an object from __aiter__ that does not implement __anext__: %.100s",
                 Py_TYPE(iterator.get())->tp_name);
  return iterator.release();
}

PyObject* get_async_next(PyObject* iterator) {
  PyAsyncMethods* methods = async_methods(iterator);
  if (PyAsyncGen_CheckExact(iterator)) return methods->am_anext(iterator);
  if (!methods || !methods->am_anext)
    return raise(PyExc_TypeError, "'async for' requires an iterator with __anext__ method, got %.100s", Py_TYPE(iterator)->tp_name);
  Ref<> next = TRY(steal(methods->am_anext(iterator)));
  PyObject* awaitable = awaitable_iterator(next);
  if (!awaitable)
    return raise_from_current(PyExc_TypeError, "'async for' received an invalid object from __anext__: %.100s",
                              Py_TYPE(next.get())->tp_name);
  return awaitable;
}

PyObject* get_awaitable(PyObject* object, uint32_t where) {
  Ref<> iterator = steal(awaitable_iterator(object));
  if (!iterator) {
    PyAsyncMethods* methods = async_methods(object);
    if (where && (!methods || !methods->am_await)) {
      const char* method = where == 1 ? "__aenter__" : "__aexit__";
      return raise(PyExc_TypeError, "'async with' received an object from %s that does not implement __await__: %.100s", method,
                   Py_TYPE(object)->tp_name);
    }
    return nullptr;
  }
  if (PyCoro_CheckExact(iterator)) {
    Ref<> waits_for = steal(generator_delegate(reinterpret_cast<PyGenObject*>(iterator.get())));
    if (waits_for) return raise(PyExc_RuntimeError, "coroutine is being awaited already");
  }
  return iterator.release();
}

PyObject* get_yield_from_iterator(PyCodeObject* code, PyObject* object) {
  if (PyCoro_CheckExact(object)) {
    if (!(code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE)))
      return raise(PyExc_TypeError, "cannot 'yield from' a coroutine object in a non-coroutine generator");
    return Py_NewRef(object);
  }
  if (PyGen_CheckExact(object)) return Py_NewRef(object);
  return PyObject_GetIter(object);
}

}  // namespace ks
