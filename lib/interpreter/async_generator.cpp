// Asynchronous generators: what asend(), athrow(), aclose() and __anext__() return to be awaited.
//
// A yield in an asynchronous generator yields a wrapped value, so that the awaitables can tell it from what an await inside
// passes through: it ends their iteration as the value of StopIteration.
#include <cstddef>

#include "interpreter/generator.h"
#include "object/identifier.h"
#include "object/result.h"
#include "runtime/state.h"

namespace ks {
namespace {

enum class AwaitState : int { Init, Iter, Closed };

struct AsyncSend {
  PyObject_HEAD
  PyGenObject* generator;
  PyObject* value;  // nullptr: __anext__()
  AwaitState state;
};
struct AsyncThrow {
  PyObject_HEAD
  PyGenObject* generator;
  PyObject* type;  // nullptr: aclose()
  PyObject* value;
  PyObject* traceback;
  AwaitState state;
};
struct WrappedValue {
  PyObject_HEAD
  PyObject* value;
};

PyGenObject* generator_of(PyObject* object) { return reinterpret_cast<PyGenObject*>(object); }
AsyncSend* send_of(PyObject* object) { return reinterpret_cast<AsyncSend*>(object); }
AsyncThrow* throw_of(PyObject* object) { return reinterpret_cast<AsyncThrow*>(object); }
bool is_wrapped(PyObject* object) { return Py_IS_TYPE(object, &_PyAsyncGenWrappedValue_Type); }

void warn_unawaited(PyGenObject* generator, const char* method) {
  PyObject* pending = PyErr_GetRaisedException();
  PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine method '%s' of '%U' was never awaited", method, generator->gi_qualname);
  if (PyErr_Occurred()) PyErr_WriteUnraisable(object(generator));
  PyErr_SetRaisedException(pending);
}

// What the generator yielded or raised, for whoever awaits; takes `result` over.
PyObject* unwrap_value(PyGenObject* generator, PyObject* result) {
  if (!result) {
    if (!PyErr_Occurred()) PyErr_SetNone(PyExc_StopAsyncIteration);
    if (PyErr_ExceptionMatches(PyExc_StopAsyncIteration) || PyErr_ExceptionMatches(PyExc_GeneratorExit)) generator->gi_closed = 1;
    generator->gi_running_async = 0;
    return nullptr;
  }
  if (!is_wrapped(result)) return result;
  set_stop_iteration_value(reinterpret_cast<WrappedValue*>(result)->value);
  Py_DECREF(result);
  generator->gi_running_async = 0;
  return nullptr;
}

Failed raise_reused(const char* what) { return raise(PyExc_RuntimeError, "cannot reuse already awaited %s", what); }
constexpr char kSendName[] = "__anext__()/asend()", kThrowName[] = "aclose()/athrow()";

// ---- asend() and __anext__() -------------------------------------------------------------------------------------------

PyObject* async_send_new(PyGenObject* generator, PyObject* value) {
  auto* result = PyObject_GC_New(AsyncSend, &_PyAsyncGenASend_Type);
  if (!result) return nullptr;
  result->generator = generator_of(Py_NewRef(object(generator)));
  result->value = Py_XNewRef(value);
  result->state = AwaitState::Init;
  PyObject_GC_Track(result);
  return object(result);
}
void async_send_dealloc(PyObject* self) {
  if (PyObject_CallFinalizerFromDealloc(self)) return;
  PyObject_GC_UnTrack(self);
  Py_CLEAR(send_of(self)->generator);
  Py_CLEAR(send_of(self)->value);
  PyObject_GC_Del(self);
}
int async_send_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(send_of(self)->generator);
  Py_VISIT(send_of(self)->value);
  return 0;
}
void async_send_finalize(PyObject* self) {
  if (send_of(self)->state == AwaitState::Init) warn_unawaited(send_of(self)->generator, "asend");
}

// 0, or -1 with an exception: the first step marks the generator as running.
int async_send_begin(AsyncSend* o) {
  if (o->state == AwaitState::Closed) return raise_reused(kSendName);
  if (o->state == AwaitState::Init) {
    if (o->generator->gi_running_async) {
      o->state = AwaitState::Closed;
      return raise(PyExc_RuntimeError, "anext(): asynchronous generator is already running");
    }
  }
  return 0;
}
PyObject* async_send_send(PyObject* self, PyObject* value) {
  AsyncSend* o = send_of(self);
  if (async_send_begin(o) < 0) return nullptr;
  if (o->state == AwaitState::Init) {
    if (!value || value == Py_None) value = o->value;
    o->state = AwaitState::Iter;
  }
  o->generator->gi_running_async = 1;
  PyObject* result = unwrap_value(o->generator, generator_send(o->generator, value));
  if (!result) o->state = AwaitState::Closed;
  return result;
}
PyObject* async_send_next(PyObject* self) { return async_send_send(self, nullptr); }
PyObject* async_send_throw(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  AsyncSend* o = send_of(self);
  if (o->state == AwaitState::Closed) return raise_reused(kSendName);
  if (async_send_begin(o) < 0) return nullptr;
  if (o->state == AwaitState::Init) {
    o->state = AwaitState::Iter;
    o->generator->gi_running_async = 1;
  }
  PyObject* result = unwrap_value(o->generator, generator_throw_method(object(o->generator), args, count));
  if (!result) o->state = AwaitState::Closed;
  return result;
}

// Shared by both awaitables: GeneratorExit must end them.
PyObject* finish_close(PyObject* result) {
  if (result) {
    Py_DECREF(result);
    return raise(PyExc_RuntimeError, "coroutine ignored GeneratorExit");
  }
  if (PyErr_ExceptionMatches(PyExc_StopIteration) || PyErr_ExceptionMatches(PyExc_StopAsyncIteration) ||
      PyErr_ExceptionMatches(PyExc_GeneratorExit)) {
    PyErr_Clear();
    Py_RETURN_NONE;
  }
  return nullptr;
}
PyObject* async_send_close(PyObject* self, PyObject*) {
  if (send_of(self)->state == AwaitState::Closed) Py_RETURN_NONE;
  PyObject* args[] = {PyExc_GeneratorExit};
  return finish_close(async_send_throw(self, args, 1));
}

// ---- athrow() and aclose() ---------------------------------------------------------------------------------------------

PyObject* async_throw_new(PyGenObject* generator, PyObject* type, PyObject* value, PyObject* traceback) {
  auto* result = PyObject_GC_New(AsyncThrow, &_PyAsyncGenAThrow_Type);
  if (!result) return nullptr;
  result->generator = generator_of(Py_NewRef(object(generator)));
  result->type = Py_XNewRef(type);
  result->value = Py_XNewRef(value);
  result->traceback = Py_XNewRef(traceback);
  result->state = AwaitState::Init;
  PyObject_GC_Track(result);
  return object(result);
}
void async_throw_dealloc(PyObject* self) {
  if (PyObject_CallFinalizerFromDealloc(self)) return;
  PyObject_GC_UnTrack(self);
  AsyncThrow* o = throw_of(self);
  Py_CLEAR(o->generator);
  Py_CLEAR(o->type);
  Py_CLEAR(o->value);
  Py_CLEAR(o->traceback);
  PyObject_GC_Del(self);
}
int async_throw_traverse(PyObject* self, visitproc visit, void* arg) {
  AsyncThrow* o = throw_of(self);
  Py_VISIT(o->generator);
  Py_VISIT(o->type);
  Py_VISIT(o->value);
  Py_VISIT(o->traceback);
  return 0;
}
void async_throw_finalize(PyObject* self) {
  AsyncThrow* o = throw_of(self);
  if (o->state == AwaitState::Init) warn_unawaited(o->generator, o->type ? "athrow" : "aclose");
}

PyObject* ignored_exit(AsyncThrow* o, PyObject* result) {
  o->generator->gi_running_async = 0;
  o->state = AwaitState::Closed;
  Py_DECREF(result);
  return raise(PyExc_RuntimeError, "async generator ignored GeneratorExit");
}
// The end of the generator is the end of aclose().
PyObject* closed_by_exception(AsyncThrow* o) {
  o->generator->gi_running_async = 0;
  o->state = AwaitState::Closed;
  if (!o->type && PyErr_Occurred() &&
      (PyErr_ExceptionMatches(PyExc_StopAsyncIteration) || PyErr_ExceptionMatches(PyExc_GeneratorExit))) {
    PyErr_Clear();
    PyErr_SetNone(PyExc_StopIteration);
  }
  return nullptr;
}
Failed raise_running(AsyncThrow* o) {
  o->state = AwaitState::Closed;
  return raise(PyExc_RuntimeError, "%s: asynchronous generator is already running", o->type ? "athrow()" : "aclose()");
}

PyObject* async_throw_send(PyObject* self, PyObject* value) {
  AsyncThrow* o = throw_of(self);
  PyGenObject* generator = o->generator;
  if (o->state == AwaitState::Closed) return raise_reused(kThrowName);
  if (generator_is_finished(generator->gi_frame_state)) {
    o->state = AwaitState::Closed;
    PyErr_SetNone(PyExc_StopIteration);
    return nullptr;
  }
  PyObject* result;
  if (o->state == AwaitState::Init) {
    if (generator->gi_running_async) return raise_running(o);
    if (generator->gi_closed) {
      o->state = AwaitState::Closed;
      PyErr_SetNone(PyExc_StopAsyncIteration);
      return nullptr;
    }
    if (value && value != Py_None) return raise(PyExc_RuntimeError, "can't send non-None value to a just-started coroutine");
    o->state = AwaitState::Iter;
    generator->gi_running_async = 1;
    if (!o->type) {
      generator->gi_closed = 1;
      result = generator_throw(generator, false, PyExc_GeneratorExit, nullptr, nullptr);
      if (result && is_wrapped(result)) return ignored_exit(o, result);
    } else {
      result = unwrap_value(generator, generator_throw(generator, false, o->type, o->value, o->traceback));
    }
    return result ? result : closed_by_exception(o);
  }
  result = generator_send(generator, value ? value : Py_None);
  if (o->type) {
    result = unwrap_value(generator, result);
    if (!result) o->state = AwaitState::Closed;
    return result;
  }
  if (!result) return closed_by_exception(o);
  return is_wrapped(result) ? ignored_exit(o, result) : result;
}
PyObject* async_throw_next(PyObject* self) { return async_throw_send(self, Py_None); }
PyObject* async_throw_throw(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  AsyncThrow* o = throw_of(self);
  if (o->state == AwaitState::Closed) return raise_reused(kThrowName);
  if (o->state == AwaitState::Init) {
    if (o->generator->gi_running_async) return raise_running(o);
    o->state = AwaitState::Iter;
    o->generator->gi_running_async = 1;
  }
  PyObject* result = generator_throw_method(object(o->generator), args, count);
  if (o->type) {
    result = unwrap_value(o->generator, result);
    if (!result) o->state = AwaitState::Closed;
    return result;
  }
  if (result && is_wrapped(result)) return ignored_exit(o, result);
  if (!result) {
    o->generator->gi_running_async = 0;
    o->state = AwaitState::Closed;
    if (PyErr_ExceptionMatches(PyExc_StopAsyncIteration) || PyErr_ExceptionMatches(PyExc_GeneratorExit)) {
      PyErr_Clear();
      PyErr_SetNone(PyExc_StopIteration);
    }
  }
  return result;
}
PyObject* async_throw_close(PyObject* self, PyObject*) {
  if (throw_of(self)->state == AwaitState::Closed) Py_RETURN_NONE;
  PyObject* args[] = {PyExc_GeneratorExit};
  return finish_close(async_throw_throw(self, args, 1));
}

// ---- the wrapped value -------------------------------------------------------------------------------------------------

void wrapped_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(reinterpret_cast<WrappedValue*>(self)->value);
  PyObject_GC_Del(self);
}
int wrapped_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<WrappedValue*>(self)->value);
  return 0;
}

// ---- the generator's methods -------------------------------------------------------------------------------------------

PyObject* async_repr(PyObject* self) {
  return PyUnicode_FromFormat("<async_generator object %S at %p>", generator_of(self)->gi_qualname, static_cast<void*>(self));
}
PyObject* async_next(PyObject* self) {
  if (async_generator_init_hooks(generator_of(self)) < 0) return nullptr;
  return async_send_new(generator_of(self), nullptr);
}
PyObject* async_asend(PyObject* self, PyObject* value) {
  if (async_generator_init_hooks(generator_of(self)) < 0) return nullptr;
  return async_send_new(generator_of(self), value);
}
PyObject* async_aclose(PyObject* self, PyObject*) {
  if (async_generator_init_hooks(generator_of(self)) < 0) return nullptr;
  return async_throw_new(generator_of(self), nullptr, nullptr, nullptr);
}
PyObject* async_athrow(PyObject* self, PyObject* args) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count > 1 && PyErr_WarnEx(PyExc_DeprecationWarning,
                                "the (type, exc, tb) signature of athrow() is deprecated, use the single-arg signature instead.", 1) < 0)
    return nullptr;
  if (async_generator_init_hooks(generator_of(self)) < 0) return nullptr;
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  if (!PyArg_UnpackTuple(args, "athrow", 1, 3, &type, &value, &traceback)) return nullptr;
  return async_throw_new(generator_of(self), type, value, traceback);
}

#define FAST(FUNCTION) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(FUNCTION))
constexpr char kSendDoc[] = "send(value) -> send 'value' into generator,\nreturn next yielded value or raise StopIteration.";
constexpr char kThrowDoc[] =
    "throw(value)\nthrow(type[,value[,tb]])\n\nRaise exception in generator, return next yielded value or raise\nStopIteration.\n"
    "the (type, val, tb) signature is deprecated, \nand may be removed in a future version of Python.";
constexpr char kCloseDoc[] = "close() -> raise GeneratorExit inside generator.";

PyMethodDef async_send_methods[] = {
    {"send", async_send_send, METH_O, kSendDoc},
    {"throw", FAST(async_send_throw), METH_FASTCALL, kThrowDoc},
    {"close", async_send_close, METH_NOARGS, kCloseDoc},
    {},
};
PyMethodDef async_throw_methods[] = {
    {"send", async_throw_send, METH_O, kSendDoc},
    {"throw", FAST(async_throw_throw), METH_FASTCALL, kThrowDoc},
    {"close", async_throw_close, METH_NOARGS, kCloseDoc},
    {},
};
PyMethodDef async_generator_methods[] = {
    {"asend", async_asend, METH_O, "asend(v) -> send 'v' in generator."},
    {"athrow", async_athrow, METH_VARARGS,
     "athrow(value)\nathrow(type[,value[,tb]])\n\nraise exception in generator.\nthe (type, val, tb) signature is deprecated, \n"
     "and may be removed in a future version of Python."},
    {"aclose", async_aclose, METH_NOARGS, "aclose() -> raise GeneratorExit inside generator."},
    {"__sizeof__", generator_sizeof, METH_NOARGS, "gen.__sizeof__() -> size of gen in memory, in bytes"},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "async generators are generic over the types of their yield and send values"},
    {},
};
PyMemberDef async_generator_members[] = {{"ag_running", Py_T_BOOL, offsetof(PyGenObject, gi_running_async), Py_READONLY, nullptr}, {}};
PyAsyncMethods async_generator_async = {.am_aiter = PyObject_SelfIter, .am_anext = async_next, .am_send = generator_am_send};
PyAsyncMethods awaitable_async = {.am_await = PyObject_SelfIter};

}  // namespace

// The event loop's hooks, called when iteration starts.
int async_generator_init_hooks(PyGenObject* generator) {
  if (generator->gi_hooks_inited) return 0;
  generator->gi_hooks_inited = 1;
  PyThreadState* thread = ks::thread();
  if (PyObject* finalizer = thread->async_gen_finalizer) generator->gi_origin_or_finalizer = Py_NewRef(finalizer);
  if (PyObject* first = thread->async_gen_firstiter) {
    Ref<> held = borrow(first);
    Ref<> result = steal(PyObject_CallOneArg(first, object(generator)));
    if (!result) return -1;
  }
  return 0;
}

PyObject* async_gen_wrap_value(PyObject* value) {
  auto* wrapped = PyObject_GC_New(WrappedValue, &_PyAsyncGenWrappedValue_Type);
  if (!wrapped) {
    Py_DECREF(value);
    return nullptr;
  }
  wrapped->value = value;
  PyObject_GC_Track(wrapped);
  return object(wrapped);
}

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject PyAsyncGen_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "async_generator",
    .tp_basicsize = offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, localsplus),
    .tp_itemsize = sizeof(PyObject*),
    .tp_dealloc = generator_dealloc,
    .tp_as_async = &async_generator_async,
    .tp_repr = async_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = generator_traverse,
    .tp_weaklistoffset = offsetof(PyGenObject, gi_weakreflist),
    .tp_methods = async_generator_methods,
    .tp_members = async_generator_members,
    .tp_getset = async_generator_getsets,
    .tp_finalize = generator_finalize,
};
PyTypeObject _PyAsyncGenASend_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "async_generator_asend",
    .tp_basicsize = sizeof(AsyncSend),
    .tp_dealloc = async_send_dealloc,
    .tp_as_async = &awaitable_async,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = async_send_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = async_send_next,
    .tp_methods = async_send_methods,
    .tp_finalize = async_send_finalize,
};
PyTypeObject _PyAsyncGenAThrow_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "async_generator_athrow",
    .tp_basicsize = sizeof(AsyncThrow),
    .tp_dealloc = async_throw_dealloc,
    .tp_as_async = &awaitable_async,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = async_throw_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = async_throw_next,
    .tp_methods = async_throw_methods,
    .tp_finalize = async_throw_finalize,
};
PyTypeObject _PyAsyncGenWrappedValue_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "async_generator_wrapped_value",
    .tp_basicsize = sizeof(WrappedValue),
    .tp_dealloc = wrapped_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = wrapped_traverse,
};

}  // extern "C"
