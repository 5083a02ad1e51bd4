// Generators, coroutines and asynchronous generators: three types, one representation.
//
// The frame lies at the end of the object. gi_exc_state is linked into thread->exc_info while the frame runs.
#pragma once

#include <Python.h>

#include "interpreter/frame.h"
#include "object/result.h"

namespace ks {

enum GeneratorState : int8_t {
  kGenCreated = -3,
  kGenSuspended = -2,
  kGenSuspendedYieldFrom = -1,  // in yield from or await
  kGenExecuting = 0,
  kGenCompleted = 1,
  kGenCleared = 4,
};
inline bool generator_is_suspended(int8_t state) { return state == kGenSuspended || state == kGenSuspendedYieldFrom; }
inline bool generator_is_finished(int8_t state) { return state >= kGenCompleted; }

}  // namespace ks

// Shared by the three: the public header names _PyGenObject, _PyCoroObject and _PyAsyncGenObject without defining them.
struct _PyGenObject {
  PyObject_HEAD
  PyObject* gi_weakreflist;
  PyObject* gi_name;
  PyObject* gi_qualname;
  _PyErr_StackItem gi_exc_state;
  PyObject* gi_origin_or_finalizer;  // coroutine: where it was created; asynchronous generator: its finaliser
  char gi_hooks_inited;
  char gi_closed;
  char gi_running_async;
  int8_t gi_frame_state;
  _PyInterpreterFrame gi_iframe;
};

// Types without an exported name.
extern "C" PyTypeObject _PyCoroWrapper_Type, _PyAsyncGenWrappedValue_Type, _PyAsyncGenAThrow_Type;

namespace ks {

inline PyGenObject* frame_generator(Frame* frame) {
  return reinterpret_cast<PyGenObject*>(reinterpret_cast<char*>(frame) - offsetof(PyGenObject, gi_iframe));
}
inline bool is_generator_like(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  return type == &PyGen_Type || type == &PyCoro_Type;
}

// The generator object of the kind that the function's code asks for, with room for its frame, which the caller moves in.
PyGenObject* generator_new(PyFunctionObject* function);

// The object that a suspended generator waits for in yield from or await, new; nullptr without exception otherwise.
PyObject* generator_delegate(PyGenObject* generator);

// Resumes. On Next *result is what it yields; on Return its value (nullptr instead of None when `value` is nullptr). With
// `throwing` the exception that is set is raised in it.
PySendResult generator_resume(PyGenObject* generator, PyObject* value, PyObject** result, bool throwing, bool closing);
// send(), throw(), close() as Python sees them.
PyObject* generator_send(PyGenObject* generator, PyObject* value, bool throwing = false, bool closing = false);
PyObject* generator_throw(PyGenObject* generator, bool close_on_exit, PyObject* type, PyObject* value, PyObject* traceback);
PyObject* generator_close(PyGenObject* generator);
// Warns about throw(type, value, traceback): -1 when that raises.
int warn_old_throw(Py_ssize_t argument_count);
void set_stop_iteration_value(PyObject* value);
PyObject* generator_next(PyObject* self);
PySendResult generator_am_send(PyObject* self, PyObject* value, PyObject** result);
int generator_traverse(PyObject* self, visitproc visit, void* argument);
void generator_dealloc(PyObject* self);
int async_generator_init_hooks(PyGenObject* generator);
void generator_finalize(PyObject* self);
PyObject* generator_sizeof(PyObject* self, PyObject*);
PyObject* generator_send_method(PyObject* self, PyObject* value);
PyObject* generator_throw_method(PyObject* self, PyObject* const* args, Py_ssize_t count);
PyObject* generator_close_method(PyObject* self, PyObject*);
extern PyGetSetDef async_generator_getsets[];

// The iterator of an awaitable, with the reference's messages (new).
PyObject* awaitable_iterator(PyObject* object);

// The value of an exception StopIteration that is (perhaps) set: 0 and a new reference, or -1 with another exception.
int fetch_stop_iteration_value(PyObject** result);

// Wraps what an asynchronous generator yields (takes over `value`).
PyObject* async_gen_wrap_value(PyObject* value);

}  // namespace ks

