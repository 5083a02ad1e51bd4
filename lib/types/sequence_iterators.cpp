// Iterators over __getitem__, over a callable with a sentinel, and anext()'s awaitable.
#include "object/export.h"
#include "object/method.h"
#include "types/container_support.h"
#include "types/iterators.h"

extern "C" {
PyObject* _PyCoro_GetAwaitableIter(PyObject* op);
int _PyGen_SetStopIterationValue(PyObject* value);
}

namespace ks {
namespace {

// ---- sequence ------------------------------------------------------------------------------------------------------------------

struct SequenceIterator {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* sequence;  // nullptr once exhausted
};
void sequence_iterator_dealloc(PyObject* self) {
  untrack(self);
  Py_XDECREF(as<SequenceIterator>(self)->sequence);
  PyObject_GC_Del(self);
}
int sequence_iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<SequenceIterator>(self)->sequence);
  return 0;
}
PyObject* sequence_iterator_next(PyObject* self) {
  auto* iterator = as<SequenceIterator>(self);
  PyObject* sequence = iterator->sequence;
  if (!sequence) return nullptr;
  if (iterator->index == PY_SSIZE_T_MAX) return raise(PyExc_OverflowError, "iter index too large");
  Ref<> hold = borrow(sequence);
  PyObject* item = PySequence_GetItem(sequence, iterator->index);
  if (item) {
    ++iterator->index;
    return item;
  }
  if (PyErr_ExceptionMatches(PyExc_IndexError) || PyErr_ExceptionMatches(PyExc_StopIteration)) {
    PyErr_Clear();
    Py_CLEAR(iterator->sequence);
  }
  return nullptr;
}
PyObject* sequence_iterator_length_hint(SequenceIterator* self) {
  Py_ssize_t length = 0;
  if (self->sequence) {
    const PySequenceMethods* methods = Py_TYPE(self->sequence)->tp_as_sequence;
    if (!methods || !methods->sq_length) Py_RETURN_NOTIMPLEMENTED;
    const Py_ssize_t size = PySequence_Size(self->sequence);
    if (size < 0) return nullptr;
    length = size > self->index ? size - self->index : 0;
  }
  return PyLong_FromSsize_t(length);
}
METHOD_AS(sequence_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
PyObject* sequence_iterator_reduce(SequenceIterator* self) {
  Ref<> iter = builtin("iter"_id);
  if (!iter) return nullptr;
  if (self->sequence) return Py_BuildValue("O(O)n", iter.get(), self->sequence, self->index);
  return Py_BuildValue("O(())", iter.get());
}
METHOD_AS(sequence_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Status sequence_iterator_setstate(SequenceIterator* self, PyObject* state) {
  const Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && PyErr_Occurred()) return failed;
  if (self->sequence) self->index = index < 0 ? 0 : index;
  return Status::Ok;
}
METHOD_AS(sequence_iterator_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");
PyMethodDef sequence_iterator_methods[] = {sequence_iterator_length_hint_method, sequence_iterator_reduce_method,
                                           sequence_iterator_setstate_method, {}};

// ---- callable with sentinel ------------------------------------------------------------------------------------------------------

struct CallIterator {
  PyObject ob_base;
  PyObject* callable;  // both nullptr once exhausted
  PyObject* sentinel;
};
void call_iterator_dealloc(PyObject* self) {
  untrack(self);
  Py_XDECREF(as<CallIterator>(self)->callable);
  Py_XDECREF(as<CallIterator>(self)->sentinel);
  PyObject_GC_Del(self);
}
int call_iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<CallIterator>(self)->callable);
  Py_VISIT(as<CallIterator>(self)->sentinel);
  return 0;
}
PyObject* call_iterator_next(PyObject* self) {
  auto* iterator = as<CallIterator>(self);
  if (!iterator->callable) return nullptr;
  Ref<> callable = borrow(iterator->callable);
  Ref<> result = steal(PyObject_CallNoArgs(callable));
  if (result && iterator->sentinel) {
    Ref<> sentinel = borrow(iterator->sentinel);
    const int equal = PyObject_RichCompareBool(sentinel, result, Py_EQ);
    if (equal == 0) return result.release();
    if (equal > 0) {
      Py_CLEAR(iterator->callable);
      Py_CLEAR(iterator->sentinel);
    }
  } else if (!result && PyErr_ExceptionMatches(PyExc_StopIteration)) {
    PyErr_Clear();
    Py_CLEAR(iterator->callable);
    Py_CLEAR(iterator->sentinel);
  }
  return nullptr;
}
PyObject* call_iterator_reduce(CallIterator* self) {
  Ref<> iter = builtin("iter"_id);
  if (!iter) return nullptr;
  if (self->callable && self->sentinel) return Py_BuildValue("O(OO)", iter.get(), self->callable, self->sentinel);
  return Py_BuildValue("O(())", iter.get());
}
METHOD_AS(call_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
PyMethodDef call_iterator_methods[] = {call_iterator_reduce_method, {}};

// ---- anext with default -----------------------------------------------------------------------------------------------------------

struct AnextAwaitable {
  PyObject ob_base;
  PyObject* wrapped;
  PyObject* fallback;
};
void anext_dealloc(PyObject* self) {
  untrack(self);
  Py_XDECREF(as<AnextAwaitable>(self)->wrapped);
  Py_XDECREF(as<AnextAwaitable>(self)->fallback);
  PyObject_GC_Del(self);
}
int anext_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<AnextAwaitable>(self)->wrapped);
  Py_VISIT(as<AnextAwaitable>(self)->fallback);
  return 0;
}
// The iterator that runs the awaited object.
Ref<> running_iterator(AnextAwaitable* self) {
  Ref<> awaitable = TRY(steal(_PyCoro_GetAwaitableIter(self->wrapped)));
  if (!Py_TYPE(awaitable.get())->tp_iternext) {
    // A coroutine: its __await__ makes the iterator.
    unaryfunc await = Py_TYPE(awaitable.get())->tp_as_async->am_await;
    Ref<> iterator = TRY(steal(await(awaitable)));
    if (!PyIter_Check(iterator.get()))
      return raise(PyExc_TypeError, "%T.__await__() must return an iterable, not %T", self->wrapped, iterator.get());
    awaitable = std::move(iterator);
  }
  return awaitable;
}
// StopAsyncIteration becomes the default.
PyObject* finish(AnextAwaitable* self) {
  if (PyErr_ExceptionMatches(PyExc_StopAsyncIteration)) {
    PyErr_Clear();
    _PyGen_SetStopIterationValue(self->fallback);
  }
  return nullptr;
}
PyObject* anext_next(PyObject* self) {
  Ref<> iterator = running_iterator(as<AnextAwaitable>(self));
  if (!iterator) return nullptr;
  PyObject* result = Py_TYPE(iterator.get())->tp_iternext(iterator);
  return result ? result : finish(as<AnextAwaitable>(self));
}
PyObject* forward(PyObject* self, PyObject* name, PyObject* args) {
  Ref<> iterator = running_iterator(as<AnextAwaitable>(self));
  if (!iterator) return nullptr;
  Ref<> method = steal(PyObject_GetAttr(iterator, name));
  if (!method) return nullptr;
  PyObject* result = args ? PyObject_CallObject(method, args) : PyObject_CallNoArgs(method);
  return result ? result : finish(as<AnextAwaitable>(self));
}
PyObject* anext_send(PyObject* self, PyObject* args) { return forward(self, "send"_id, args); }
PyObject* anext_throw(PyObject* self, PyObject* args) { return forward(self, "throw"_id, args); }
PyObject* anext_close(PyObject* self, PyObject*) { return forward(self, "close"_id, nullptr); }
PyMethodDef anext_methods[] = {
    {"send", anext_send, METH_VARARGS, "send(arg) -> send 'arg' into the wrapped iterator,\nreturn next yielded value or raise StopIteration."},
    {"throw", anext_throw, METH_VARARGS, "throw(value)\nthrow(typ[,val[,tb]])\n\nraise exception in the wrapped iterator, return next yielded value\nor raise StopIteration."},
    {"close", anext_close, METH_NOARGS, "close() -> raise GeneratorExit inside generator."},
    {}};
PyAsyncMethods anext_as_async = {.am_await = PyObject_SelfIter};

}  // namespace
}  // namespace ks

using namespace ks;

PyTypeObject PySeqIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "iterator",
    .tp_basicsize = sizeof(SequenceIterator),
    .tp_dealloc = sequence_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = sequence_iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = sequence_iterator_next,
    .tp_methods = sequence_iterator_methods,
};
PyTypeObject PyCallIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "callable_iterator",
    .tp_basicsize = sizeof(CallIterator),
    .tp_dealloc = call_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = call_iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = call_iterator_next,
    .tp_methods = call_iterator_methods,
};
extern "C" {
extern PyTypeObject _PyAnextAwaitable_Type;
PyTypeObject _PyAnextAwaitable_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "anext_awaitable",
    .tp_basicsize = sizeof(AnextAwaitable),
    .tp_dealloc = anext_dealloc,
    .tp_as_async = &anext_as_async,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = anext_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = anext_next,
    .tp_methods = anext_methods,
};
}

PyObject* ks::anext_awaitable_new(PyObject* awaitable, PyObject* fallback) {
  AnextAwaitable* self = allocate_gc<AnextAwaitable>(&_PyAnextAwaitable_Type);
  if (!self) return nullptr;
  self->wrapped = Py_NewRef(awaitable);
  self->fallback = Py_NewRef(fallback);
  track(self);
  return object(self);
}
// New reference.
PyObject* PySeqIter_New(PyObject* sequence) {
  if (!PySequence_Check(sequence)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  SequenceIterator* self = allocate_gc<SequenceIterator>(&PySeqIter_Type);
  if (!self) return nullptr;
  self->index = 0;
  self->sequence = Py_NewRef(sequence);
  track(self);
  return object(self);
}
// New reference.
PyObject* PyCallIter_New(PyObject* callable, PyObject* sentinel) {
  CallIterator* self = allocate_gc<CallIterator>(&PyCallIter_Type);
  if (!self) return nullptr;
  self->callable = Py_NewRef(callable);
  self->sentinel = Py_NewRef(sentinel);
  track(self);
  return object(self);
}
