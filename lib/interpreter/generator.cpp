// Generators and coroutines. Asynchronous generators add their own awaitables in async_generator.cpp.
//
// States: created, suspended (perhaps in yield from), executing, completed, cleared (generator.h). A suspended generator's
// frame is complete in itself; its instr_ptr is the instruction to resume at.
#include "interpreter/generator.h"

#include <cstddef>
#include <cstring>

#include "interpreter/evaluate.h"
#include "interpreter/executable.h"
#include "interpreter/frame_object.h"
#include "interpreter/handler.h"
#include "object/call.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"
#include "runtime/state.h"

namespace ks {

static PyGenObject* generator_of(PyObject* object) { return reinterpret_cast<PyGenObject*>(object); }
static PyCodeObject* code_of(PyGenObject* generator) { return frame_code(&generator->gi_iframe); }

// "generator", "coroutine" or "async generator", for messages.
static const char* kind_name(PyGenObject* generator) {
  if (PyCoro_CheckExact(object(generator))) return "coroutine";
  return PyAsyncGen_CheckExact(object(generator)) ? "async generator" : "generator";
}

// ---- making ----------------------------------------------------------------------------------------------------------

static PyGenObject* allocate(PyTypeObject* type, PyCodeObject* code, PyObject* name, PyObject* qualname) {
  auto* generator = PyObject_GC_NewVar(PyGenObject, type, static_cast<Py_ssize_t>(frame_words(code) - kFrameHeaderWords));
  if (!generator) return nullptr;
  generator->gi_weakreflist = nullptr;
  generator->gi_name = Py_NewRef(name);
  generator->gi_qualname = Py_NewRef(qualname);
  generator->gi_exc_state = {nullptr, nullptr};
  generator->gi_origin_or_finalizer = nullptr;
  generator->gi_hooks_inited = generator->gi_closed = generator->gi_running_async = 0;
  generator->gi_frame_state = kGenCleared;
  return generator;
}

// Where a coroutine was created: a tuple of (file name, line, function name), innermost first.
static PyObject* compute_origin(int depth, Frame* frame) {
  int count = 0;
  for (Frame* each = frame_visible(frame); each && count < depth; each = frame_visible(each->previous)) ++count;
  Ref<> origin = TRY(steal(PyTuple_New(count)));
  Frame* each = frame_visible(frame);
  for (int i = 0; i < count; ++i, each = frame_visible(each->previous)) {
    PyCodeObject* code = frame_code(each);
    PyObject* entry = TRY(Py_BuildValue("OiO", code->co_filename, frame_line(each), code->co_name));
    PyTuple_SET_ITEM(origin.get(), i, entry);
  }
  return origin.release();
}

PyGenObject* generator_new(PyFunctionObject* function) {
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  PyTypeObject* type = (code->co_flags & CO_GENERATOR)   ? &PyGen_Type
                       : (code->co_flags & CO_COROUTINE) ? &PyCoro_Type
                                                         : &PyAsyncGen_Type;
  PyGenObject* generator = allocate(type, code, function->func_name, function->func_qualname);
  if (!generator) return nullptr;
  if (type == &PyCoro_Type) {
    PyThreadState* thread = ks::thread();
    if (const int depth = thread->coroutine_origin_tracking_depth) {
      generator->gi_origin_or_finalizer = compute_origin(depth, thread->current_frame->previous);
      if (!generator->gi_origin_or_finalizer) {
        // Only the name fields are alive.
        generator->gi_iframe.f_executable = Value::borrowed(Py_None);
        Py_CLEAR(generator->gi_name);
        Py_CLEAR(generator->gi_qualname);
        PyObject_GC_Del(generator);
        return nullptr;
      }
    }
  }
  return generator;
}

// ---- life ------------------------------------------------------------------------------------------------------------

int generator_traverse(PyObject* self, visitproc visit, void* arg) {
  PyGenObject* g = generator_of(self);
  Py_VISIT(g->gi_name);
  Py_VISIT(g->gi_qualname);
  if (g->gi_frame_state == kGenCleared || g->gi_frame_state == kGenCompleted) {
    if (!g->gi_iframe.f_executable.is_borrowed()) Py_VISIT(g->gi_iframe.f_executable.object());
  } else {
    const bool runs = g->gi_frame_state == kGenExecuting;  // what is on its stack counts as referenced from outside
    const int result = runs ? frame_traverse_running(&g->gi_iframe, visit, arg) : frame_traverse(&g->gi_iframe, visit, arg);
    if (result) return result;
  }
  Py_VISIT(g->gi_exc_state.exc_value);
  Py_VISIT(g->gi_origin_or_finalizer);
  return 0;
}

static void clear_frame(PyGenObject* g) {
  if (g->gi_frame_state == kGenCleared) return;
  g->gi_frame_state = kGenCleared;
  g->gi_iframe.previous = nullptr;
  frame_clear(&g->gi_iframe);
  Py_CLEAR(g->gi_exc_state.exc_value);
}

void generator_dealloc(PyObject* self) {
  PyGenObject* g = generator_of(self);
  PyObject_GC_UnTrack(self);
  if (g->gi_weakreflist) PyObject_ClearWeakRefs(self);
  PyObject_GC_Track(self);
  if (PyObject_CallFinalizerFromDealloc(self)) return;
  PyObject_GC_UnTrack(self);
  Py_CLEAR(g->gi_origin_or_finalizer);
  clear_frame(g);
  Value code = g->gi_iframe.f_executable;
  g->gi_iframe.f_executable = Value::null();
  close_or_null(code);
  Py_CLEAR(g->gi_name);
  Py_CLEAR(g->gi_qualname);
  Py_CLEAR(g->gi_exc_state.exc_value);
  PyObject_GC_Del(self);
}

// "coroutine 'x' was never awaited", through warnings.py when that is loaded.
static void warn_never_awaited(PyObject* coroutine) {
  Ref<> name = steal(PyUnicode_FromString("warnings"));
  Ref<> warnings = name ? steal(PyImport_GetModule(name)) : nullptr;
  Ref<> function;
  if (warnings && PyObject_GetOptionalAttr(warnings, "_warn_unawaited_coroutine"_id, function.out()) < 0)
    PyErr_FormatUnraisable("Exception ignored while finalizing coroutine %R", coroutine);
  Ref<> result;
  bool warned = false;
  if (function) {
    result = steal(call(function.get(), coroutine));
    warned = result || PyErr_ExceptionMatches(PyExc_RuntimeWarning);
    if (PyErr_Occurred()) PyErr_FormatUnraisable("Exception ignored while finalizing coroutine %R", coroutine);
  }
  if (!warned)
    PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%S' was never awaited", generator_of(coroutine)->gi_qualname);
  if (PyErr_Occurred()) PyErr_FormatUnraisable("Exception ignored while finalizing coroutine %R", coroutine);
}

void generator_finalize(PyObject* self) {
  PyGenObject* g = generator_of(self);
  if (generator_is_finished(g->gi_frame_state)) return;
  PyObject* pending = PyErr_GetRaisedException();
  if (PyAsyncGen_CheckExact(self)) {
    PyObject* finalizer = g->gi_origin_or_finalizer;
    if (finalizer && !g->gi_closed) {
      Ref<> result = steal(PyObject_CallOneArg(finalizer, self));
      if (!result) PyErr_WriteUnraisable(self);
      PyErr_SetRaisedException(pending);
      return;
    }
  }
  if (PyCoro_CheckExact(self) && g->gi_frame_state == kGenCreated) {
    warn_never_awaited(self);
  } else {
    Ref<> result = steal(generator_close(g));
    if (!result && PyErr_Occurred()) PyErr_FormatUnraisable("Exception ignored while closing generator %R", self);
  }
  PyErr_SetRaisedException(pending);
}

// ---- resuming --------------------------------------------------------------------------------------------------------

// An exception that is about to be raised gets the one that is being handled as its context.
static void chain_with_handled() {
  PyObject* exception = PyErr_GetRaisedException();
  if (!exception) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
  Py_DECREF(exception);
}

PySendResult generator_resume(PyGenObject* g, PyObject* value, PyObject** result, bool throwing, bool closing) {
  PyThreadState* thread = ks::thread();
  *result = nullptr;
  if (g->gi_frame_state == kGenCreated && value && value != Py_None) {
    PyErr_Format(PyExc_TypeError, "can't send non-None value to a just-started %s", kind_name(g));
    return PYGEN_ERROR;
  }
  if (g->gi_frame_state == kGenExecuting) {
    PyErr_Format(PyExc_ValueError, "%s already executing", kind_name(g));
    return PYGEN_ERROR;
  }
  if (generator_is_finished(g->gi_frame_state)) {
    if (PyCoro_CheckExact(object(g)) && !closing) {
      PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    } else if (value && !throwing) {
      *result = Py_NewRef(Py_None);
      return PYGEN_RETURN;
    }
    return PYGEN_ERROR;
  }
  Frame* frame = &g->gi_iframe;
  Ref<> held = borrow(object(g));
  *frame->stackpointer++ = Value::owned(Py_NewRef(value ? value : Py_None));
  g->gi_exc_state.previous_item = thread->exc_info;
  thread->exc_info = &g->gi_exc_state;
  // Only what this generator itself is handling becomes the context; the rest is chained when it is raised.
  if (throwing && g->gi_exc_state.exc_value) chain_with_handled();
  g->gi_frame_state = kGenExecuting;
  PyObject* returned = evaluate_hooked(thread, frame, throwing);
  if (returned && generator_is_suspended(g->gi_frame_state)) {
    *result = returned;
    return PYGEN_NEXT;
  }
  if (returned == Py_None && !PyAsyncGen_CheckExact(object(g)) && !value) Py_CLEAR(returned);
  *result = returned;
  return returned ? PYGEN_RETURN : PYGEN_ERROR;
}

PySendResult generator_am_send(PyObject* self, PyObject* value, PyObject** result) {
  return generator_resume(generator_of(self), value, result, false, false);
}

void set_stop_iteration_value(PyObject* value) {
  if (!value || (!PyTuple_Check(value) && !PyExceptionInstance_Check(value))) {
    // Delayed normalisation would take these for arguments.
    PyErr_SetObject(PyExc_StopIteration, value);
    return;
  }
  Ref<> error = steal(PyObject_CallOneArg(PyExc_StopIteration, value));
  if (error) PyErr_SetObject(PyExc_StopIteration, error);
}

int fetch_stop_iteration_value(PyObject** result) {
  PyObject* value = nullptr;
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return -1;
    PyObject* exception = PyErr_GetRaisedException();
    value = Py_XNewRef(reinterpret_cast<PyStopIterationObject*>(exception)->value);
    Py_DECREF(exception);
  }
  *result = value ? value : Py_NewRef(Py_None);
  return 0;
}

PyObject* generator_send(PyGenObject* g, PyObject* value, bool throwing, bool closing) {
  PyObject* result;
  const PySendResult sent = generator_resume(g, value, &result, throwing, closing);
  if (sent != PYGEN_RETURN) return result;
  if (PyAsyncGen_CheckExact(object(g))) {
    PyErr_SetNone(PyExc_StopAsyncIteration);
  } else if (result == Py_None) {
    PyErr_SetNone(PyExc_StopIteration);
  } else {
    set_stop_iteration_value(result);
  }
  Py_DECREF(result);
  return nullptr;
}

PyObject* generator_next(PyObject* self) {
  PyObject* result;
  const PySendResult sent = generator_resume(generator_of(self), nullptr, &result, false, false);
  if (sent != PYGEN_RETURN) return result;
  if (result != Py_None) set_stop_iteration_value(result);
  Py_CLEAR(result);
  return nullptr;
}

PyObject* generator_delegate(PyGenObject* g) {
  if (g->gi_frame_state != kGenSuspendedYieldFrom) return nullptr;
  return Py_NewRef(g->gi_iframe.stackpointer[-1].object());
}

// ---- close and throw ---------------------------------------------------------------------------------------------------

// Closes what a generator delegates to: 0 or -1.
static int close_iterator(PyObject* iterator) {
  if (PyGen_CheckExact(iterator) || PyCoro_CheckExact(iterator)) {
    Ref<> result = steal(generator_close(generator_of(iterator)));
    return result ? 0 : -1;
  }
  Ref<> method;
  if (PyObject_GetOptionalAttr(iterator, "close"_id, method.out()) < 0) PyErr_WriteUnraisable(iterator);
  if (!method) return 0;
  Ref<> result = steal(PyObject_CallNoArgs(method));
  return result ? 0 : -1;
}

PyObject* generator_close(PyGenObject* g) {
  if (g->gi_frame_state == kGenCreated) {
    clear_frame(g);
    Py_RETURN_NONE;
  }
  if (generator_is_finished(g->gi_frame_state)) Py_RETURN_NONE;
  int error = 0;
  if (Ref<> delegate = steal(generator_delegate(g))) {
    const int8_t state = g->gi_frame_state;
    g->gi_frame_state = kGenExecuting;
    error = close_iterator(delegate);
    g->gi_frame_state = state;
  }
  if (error == 0) PyErr_SetNone(PyExc_GeneratorExit);
  Ref<> result = steal(generator_send(g, Py_None, true, true));
  if (result) return raise(PyExc_RuntimeError, "%s ignored GeneratorExit", kind_name(g));
  if (PyErr_ExceptionMatches(PyExc_GeneratorExit)) {
    PyErr_Clear();
    Py_RETURN_NONE;
  }
  PyObject* value;
  return fetch_stop_iteration_value(&value) == 0 ? value : nullptr;
}

PyObject* generator_throw(PyGenObject* g, bool close_on_exit, PyObject* type, PyObject* value, PyObject* traceback) {
  if (Ref<> delegate = steal(generator_delegate(g))) {
    PyThreadState* thread = ks::thread();
    Frame* frame = &g->gi_iframe;
    if (close_on_exit && PyErr_GivenExceptionMatches(type, PyExc_GeneratorExit)) {
      // Closing an asynchronous generator waits: the delegate is not closed here but told by the exception.
      const int8_t state = g->gi_frame_state;
      g->gi_frame_state = kGenExecuting;
      const int error = close_iterator(delegate);
      g->gi_frame_state = state;
      if (error < 0) return generator_send(g, Py_None, true);
    } else {
      const bool known = PyGen_CheckExact(delegate.get()) || PyCoro_CheckExact(delegate.get());
      Ref<> method;
      if (!known && PyObject_GetOptionalAttr(delegate, "throw"_id, method.out()) < 0) return nullptr;
      if (known || method) {
        Ref<> held = borrow(object(g));
        const int8_t state = g->gi_frame_state;
        g->gi_frame_state = kGenExecuting;
        // The generator's frame is in the stack while its delegate runs, as if it had resumed it.
        Frame* previous = thread->current_frame;
        frame->previous = previous;
        thread->current_frame = frame;
        PyObject* result;
        if (known) {
          result = generator_throw(generator_of(delegate), close_on_exit, type, value, traceback);
        } else {
          PyObject* stack[] = {nullptr, type, value, traceback};
          const size_t count = traceback ? 3 : value ? 2 : 1;
          result = vectorcall(thread, method, stack + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
        }
        thread->current_frame = previous;
        frame->previous = nullptr;
        g->gi_frame_state = state;
        if (!result) return generator_send(g, Py_None, true);
        return result;
      }
    }
  }
  if (traceback == Py_None) traceback = nullptr;
  if (traceback && !PyTraceBack_Check(traceback))
    return raise(PyExc_TypeError, "throw() third argument must be a traceback object");
  PyObject *t = Py_NewRef(type), *v = Py_XNewRef(value), *tb = Py_XNewRef(traceback);
  if (PyExceptionClass_Check(type)) {
    PyErr_NormalizeException(&t, &v, &tb);
  } else if (PyExceptionInstance_Check(type)) {
    if (v && v != Py_None) {
      PyErr_SetString(PyExc_TypeError, "instance exception may not have a separate value");
      Py_DECREF(t);
      Py_DECREF(v);
      Py_XDECREF(tb);
      return nullptr;
    }
    Py_XDECREF(v);
    v = t;
    t = Py_NewRef(PyExceptionInstance_Class(v));
    if (!tb) tb = PyException_GetTraceback(v);
  } else {
    PyErr_Format(PyExc_TypeError, "exceptions must be classes or instances deriving from BaseException, not %s", Py_TYPE(type)->tp_name);
    Py_DECREF(t);
    Py_XDECREF(v);
    Py_XDECREF(tb);
    return nullptr;
  }
  PyErr_Restore(t, v, tb);
  return generator_send(g, Py_None, true);
}

int warn_old_throw(Py_ssize_t count) {
  if (count <= 1) return 0;
  return PyErr_WarnEx(PyExc_DeprecationWarning,
                      "the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.", 1);
}

static int check_throw_count(Py_ssize_t count) {
  if (count < 1) return raise(PyExc_TypeError, "throw expected at least 1 argument, got %zd", count);
  if (count > 3) return raise(PyExc_TypeError, "throw expected at most 3 arguments, got %zd", count);
  return warn_old_throw(count);
}

PyObject* generator_throw_method(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (check_throw_count(count) < 0) return nullptr;
  return generator_throw(generator_of(self), true, args[0], count > 1 ? args[1] : nullptr, count > 2 ? args[2] : nullptr);
}
PyObject* generator_send_method(PyObject* self, PyObject* value) { return generator_send(generator_of(self), value); }
PyObject* generator_close_method(PyObject* self, PyObject*) { return generator_close(generator_of(self)); }
PyObject* generator_sizeof(PyObject* self, PyObject*) {
  PyCodeObject* code = code_of(generator_of(self));
  return PyLong_FromSize_t(offsetof(PyGenObject, gi_iframe) + offsetof(Frame, localsplus) +
                           (static_cast<size_t>(code->co_nlocalsplus) + static_cast<size_t>(code->co_stacksize)) * sizeof(PyObject*));
}

// ---- attributes ------------------------------------------------------------------------------------------------------

namespace {

PyObject* generator_repr(PyObject* self) {
  return PyUnicode_FromFormat("<generator object %S at %p>", generator_of(self)->gi_qualname, static_cast<void*>(self));
}
PyObject* coroutine_repr(PyObject* self) {
  return PyUnicode_FromFormat("<coroutine object %S at %p>", generator_of(self)->gi_qualname, static_cast<void*>(self));
}

PyObject* get_name(PyObject* self, void*) { return Py_NewRef(generator_of(self)->gi_name); }
int set_name(PyObject* self, PyObject* value, void*) {
  if (!value || !PyUnicode_Check(value)) return raise(PyExc_TypeError, "__name__ must be set to a string object");
  Py_XSETREF(generator_of(self)->gi_name, Py_NewRef(value));
  return 0;
}
PyObject* get_qualname(PyObject* self, void*) { return Py_NewRef(generator_of(self)->gi_qualname); }
int set_qualname(PyObject* self, PyObject* value, void*) {
  if (!value || !PyUnicode_Check(value)) return raise(PyExc_TypeError, "__qualname__ must be set to a string object");
  Py_XSETREF(generator_of(self)->gi_qualname, Py_NewRef(value));
  return 0;
}
PyObject* get_delegate(PyObject* self, void*) {
  PyObject* delegate = generator_delegate(generator_of(self));
  return delegate ? delegate : Py_NewRef(Py_None);
}
PyObject* get_running(PyObject* self, void*) { return PyBool_FromLong(generator_of(self)->gi_frame_state == kGenExecuting); }
PyObject* get_suspended(PyObject* self, void*) { return PyBool_FromLong(generator_is_suspended(generator_of(self)->gi_frame_state)); }
PyObject* get_frame(PyObject* self, const char* audit) {
  if (PySys_Audit("object.__getattr__", "Os", self, audit) < 0) return nullptr;
  PyGenObject* g = generator_of(self);
  if (generator_is_finished(g->gi_frame_state)) Py_RETURN_NONE;
  return Py_XNewRef(object(frame_object(&g->gi_iframe)));
}
PyObject* get_code(PyObject* self, const char* audit) {
  if (PySys_Audit("object.__getattr__", "Os", self, audit) < 0) return nullptr;
  return Py_NewRef(generator_of(self)->gi_iframe.f_executable.object());
}
PyObject* get_frame_of(PyObject* self, void* audit) { return get_frame(self, static_cast<const char*>(audit)); }
PyObject* get_code_of(PyObject* self, void* audit) { return get_code(self, static_cast<const char*>(audit)); }



PyGetSetDef generator_getsets[] = {
    {"__name__", get_name, set_name, "name of the generator", nullptr},
    {"__qualname__", get_qualname, set_qualname, "qualified name of the generator", nullptr},
    {"gi_yieldfrom", get_delegate, nullptr, "object being iterated by yield from, or None", nullptr},
    {"gi_running", get_running, nullptr, nullptr, nullptr},
    {"gi_frame", get_frame_of, nullptr, nullptr, const_cast<char*>("gi_frame")},
    {"gi_suspended", get_suspended, nullptr, nullptr, nullptr},
    {"gi_code", get_code_of, nullptr, nullptr, const_cast<char*>("gi_code")},
    {},
};
PyGetSetDef coroutine_getsets[] = {
    {"__name__", get_name, set_name, "name of the coroutine", nullptr},
    {"__qualname__", get_qualname, set_qualname, "qualified name of the coroutine", nullptr},
    {"cr_await", get_delegate, nullptr, "object being awaited on, or None", nullptr},
    {"cr_running", get_running, nullptr, nullptr, nullptr},
    {"cr_frame", get_frame_of, nullptr, nullptr, const_cast<char*>("cr_frame")},
    {"cr_code", get_code_of, nullptr, nullptr, const_cast<char*>("cr_code")},
    {"cr_suspended", get_suspended, nullptr, nullptr, nullptr},
    {},
};
PyMemberDef coroutine_members[] = {
    {"cr_origin", _Py_T_OBJECT, offsetof(PyGenObject, gi_origin_or_finalizer), Py_READONLY, nullptr}, {}};

#define FAST(FUNCTION) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(FUNCTION))
constexpr char kThrowDoc[] =
    "throw(value)\nthrow(type[,value[,tb]])\n\nRaise exception in generator, return next yielded value or raise\nStopIteration.\n"
    "the (type, val, tb) signature is deprecated, \nand may be removed in a future version of Python.";
constexpr char kCoroutineThrowDoc[] =
    "throw(value)\nthrow(type[,value[,traceback]])\n\nRaise exception in coroutine, return next iterated value or raise\n"
    "StopIteration.\nthe (type, val, tb) signature is deprecated, \nand may be removed in a future version of Python.";
constexpr char kCoroutineSendDoc[] = "send(arg) -> send 'arg' into coroutine,\nreturn next iterated value or raise StopIteration.";
constexpr char kSizeofDoc[] = "gen.__sizeof__() -> size of gen in memory, in bytes";

PyMethodDef generator_methods[] = {
    {"send", generator_send_method, METH_O, "send(value) -> send 'value' into generator,\nreturn next yielded value or raise StopIteration."},
    {"throw", FAST(generator_throw_method), METH_FASTCALL, kThrowDoc},
    {"close", generator_close_method, METH_NOARGS, "close() -> raise GeneratorExit inside generator."},
    {"__sizeof__", generator_sizeof, METH_NOARGS, kSizeofDoc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "generators are generic over the types of their yield, send, and return values"},
    {},
};
PyMethodDef coroutine_methods[] = {
    {"send", generator_send_method, METH_O, kCoroutineSendDoc},
    {"throw", FAST(generator_throw_method), METH_FASTCALL, kCoroutineThrowDoc},
    {"close", generator_close_method, METH_NOARGS, "close() -> raise GeneratorExit inside coroutine."},
    {"__sizeof__", generator_sizeof, METH_NOARGS, kSizeofDoc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "coroutines are generic over the types of their yield, send, and return values"},
    {},
};

// ---- what await on a coroutine gives ------------------------------------------------------------------------------------

struct CoroutineWrapper {
  PyObject_HEAD
  PyGenObject* coroutine;
};
CoroutineWrapper* wrapper_of(PyObject* object) { return reinterpret_cast<CoroutineWrapper*>(object); }

PyObject* coroutine_await(PyObject* self) {
  auto* wrapper = PyObject_GC_New(CoroutineWrapper, &_PyCoroWrapper_Type);
  if (!wrapper) return nullptr;
  wrapper->coroutine = generator_of(Py_NewRef(self));
  PyObject_GC_Track(wrapper);
  return object(wrapper);
}
void wrapper_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(wrapper_of(self)->coroutine);
  PyObject_GC_Del(self);
}
int wrapper_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(wrapper_of(self)->coroutine);
  return 0;
}
PyObject* wrapper_next(PyObject* self) { return generator_next(object(wrapper_of(self)->coroutine)); }
PyObject* wrapper_send(PyObject* self, PyObject* value) { return generator_send(wrapper_of(self)->coroutine, value); }
PyObject* wrapper_throw(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (check_throw_count(count) < 0) return nullptr;
  return generator_throw(wrapper_of(self)->coroutine, true, args[0], count > 1 ? args[1] : nullptr, count > 2 ? args[2] : nullptr);
}
PyObject* wrapper_close(PyObject* self, PyObject*) { return generator_close(wrapper_of(self)->coroutine); }

PyMethodDef wrapper_methods[] = {
    {"send", wrapper_send, METH_O, kCoroutineSendDoc},
    {"throw", FAST(wrapper_throw), METH_FASTCALL, kCoroutineThrowDoc},
    {"close", wrapper_close, METH_NOARGS, "close() -> raise GeneratorExit inside coroutine."},
    {},
};

PyAsyncMethods generator_async = {.am_send = generator_am_send};
PyAsyncMethods coroutine_async = {.am_await = coroutine_await, .am_send = generator_am_send};

bool is_iterable_coroutine(PyObject* object) {
  return PyGen_CheckExact(object) && (code_of(generator_of(object))->co_flags & CO_ITERABLE_COROUTINE);
}

}  // namespace

PyGetSetDef async_generator_getsets[] = {
    {"__name__", get_name, set_name, "name of the async generator", nullptr},
    {"__qualname__", get_qualname, set_qualname, "qualified name of the async generator", nullptr},
    {"ag_await", get_delegate, nullptr, "object being awaited on, or None", nullptr},
    {"ag_frame", get_frame_of, nullptr, nullptr, const_cast<char*>("ag_frame")},
    {"ag_code", get_code_of, nullptr, nullptr, const_cast<char*>("ag_code")},
    {"ag_suspended", get_suspended, nullptr, nullptr, nullptr},
    {},
};

PyObject* awaitable_iterator(PyObject* object) {
  if (PyCoro_CheckExact(object) || is_iterable_coroutine(object)) return Py_NewRef(object);
  PyAsyncMethods* methods = Py_TYPE(object)->tp_as_async;
  if (!methods || !methods->am_await)
    return raise(PyExc_TypeError, "'%.100s' object can't be awaited", Py_TYPE(object)->tp_name);
  Ref<> result = TRY(steal(methods->am_await(object)));
  if (PyCoro_CheckExact(result.get()) || is_iterable_coroutine(result)) return raise(PyExc_TypeError, "__await__() returned a coroutine");
  if (!PyIter_Check(result))
    return raise(PyExc_TypeError, "__await__() returned non-iterator of type '%.100s'", Py_TYPE(result.get())->tp_name);
  return result.release();
}

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject PyGen_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "generator",
    .tp_basicsize = offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, localsplus),
    .tp_itemsize = sizeof(PyObject*),
    .tp_dealloc = generator_dealloc,
    .tp_as_async = &generator_async,
    .tp_repr = generator_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = generator_traverse,
    .tp_weaklistoffset = offsetof(PyGenObject, gi_weakreflist),
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = generator_next,
    .tp_methods = generator_methods,
    .tp_getset = generator_getsets,
    .tp_finalize = generator_finalize,
};
PyTypeObject PyCoro_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "coroutine",
    .tp_basicsize = offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, localsplus),
    .tp_itemsize = sizeof(PyObject*),
    .tp_dealloc = generator_dealloc,
    .tp_as_async = &coroutine_async,
    .tp_repr = coroutine_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = generator_traverse,
    .tp_weaklistoffset = offsetof(PyGenObject, gi_weakreflist),
    .tp_methods = coroutine_methods,
    .tp_members = coroutine_members,
    .tp_getset = coroutine_getsets,
    .tp_finalize = generator_finalize,
};
PyTypeObject _PyCoroWrapper_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "coroutine_wrapper",
    .tp_basicsize = sizeof(CoroutineWrapper),
    .tp_dealloc = wrapper_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "A wrapper object implementing __await__ for coroutines.",
    .tp_traverse = wrapper_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = wrapper_next,
    .tp_methods = wrapper_methods,
};

// A generator of the frame's function; the frame is taken over. New.
static PyObject* from_frame(PyTypeObject* type, PyFrameObject* f, PyObject* name, PyObject* qualname) {
  Frame* frame = f->f_frame;
  PyCodeObject* code = frame_code(frame);
  PyGenObject* generator = allocate(type, code, name ? name : code->co_name, qualname ? qualname : code->co_qualname);
  if (!generator) {
    Py_DECREF(f);
    return nullptr;
  }
  Frame* inner = &generator->gi_iframe;
  memcpy(static_cast<void*>(inner), frame, reinterpret_cast<char*>(frame->stackpointer) - reinterpret_cast<char*>(frame));
  inner->stackpointer = inner->localsplus + (frame->stackpointer - frame->localsplus);
  inner->owner = kOwnedByGenerator;
  inner->frame_obj = f;
  inner->previous = nullptr;
  f->f_frame = inner;
  generator->gi_frame_state = kGenCreated;
  PyObject_GC_UnTrack(f);
  PyObject_GC_Track(generator);
  return object(generator);
}
PyObject* PyGen_New(PyFrameObject* f) { return from_frame(&PyGen_Type, f, nullptr, nullptr); }
PyObject* PyGen_NewWithQualName(PyFrameObject* f, PyObject* name, PyObject* qualname) { return from_frame(&PyGen_Type, f, name, qualname); }
PyObject* PyCoro_New(PyFrameObject* f, PyObject* name, PyObject* qualname) { return from_frame(&PyCoro_Type, f, name, qualname); }
PyObject* PyAsyncGen_New(PyFrameObject* f, PyObject* name, PyObject* qualname) {
  return from_frame(&PyAsyncGen_Type, f, name, qualname);
}
// New.
PyCodeObject* PyGen_GetCode(PyGenObject* generator) {
  return reinterpret_cast<PyCodeObject*>(Py_NewRef(generator->gi_iframe.f_executable.object()));
}

KS_EXPORT PyObject* _PyGen_yf(PyGenObject* generator) { return generator_delegate(generator); }
KS_EXPORT int _PyGen_FetchStopIterationValue(PyObject** result) { return fetch_stop_iteration_value(result); }
KS_EXPORT int _PyGen_SetStopIterationValue(PyObject* value) {
  set_stop_iteration_value(value);
  return 0;
}
KS_EXPORT PyObject* _PyCoro_GetAwaitableIter(PyObject* object) { return awaitable_iterator(object); }

}  // extern "C"
