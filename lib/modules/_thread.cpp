// The _thread module: starting threads, their handles, shutting down. Locks are in _thread_locks.cpp, thread-local data
// in _thread_local.cpp.
//
// A handle is shared by the Python object and the thread: state, identity, and an event that the end of the thread sets.
#include <sys/prctl.h>
#include <pthread.h>

#include <cstring>

#include "modules/_thread.h"
#include "runtime/error_display.h"
#include "runtime/process.h"
#include "object/method_text.h"

namespace ks {

enum HandleState { kHandleNotStarted = 1, kHandleStarting = 2, kHandleRunning = 3, kHandleDone = 4 };

struct ThreadHandle {
  ThreadHandle *next, *previous;  // in the process's list of handles; guarded by its mutex
  PyInterpreterState* interp;
  bool awaited;  // by _thread._shutdown()
  int references;
  int state;
  unsigned long ident;
  unsigned long os_handle;
  bool has_os_thread;
  bool joined;
  pthread_mutex_t mutex;
  Event done;
};

namespace {

ThreadHandle* new_handle() {
  auto* handle = static_cast<ThreadHandle*>(calloc(1, sizeof(ThreadHandle)));
  if (!handle) {
    PyErr_NoMemory();
    return nullptr;
  }
  handle->references = 1;
  handle->state = kHandleNotStarted;
  handle->interp = interpreter();
  pthread_mutex_init(&handle->mutex, nullptr);
  pthread_mutex_lock(&process.mutex);
  handle->next = process.thread_handles;
  if (handle->next) handle->next->previous = handle;
  process.thread_handles = handle;
  pthread_mutex_unlock(&process.mutex);
  return handle;
}
void keep(ThreadHandle* handle) { __atomic_fetch_add(&handle->references, 1, __ATOMIC_RELAXED); }
void drop(ThreadHandle* handle) {
  pthread_mutex_lock(&process.mutex);
  const bool last = __atomic_sub_fetch(&handle->references, 1, __ATOMIC_ACQ_REL) == 0;
  if (last) {
    if (handle->previous) handle->previous->next = handle->next;
    else process.thread_handles = handle->next;
    if (handle->next) handle->next->previous = handle->previous;
  }
  pthread_mutex_unlock(&process.mutex);
  if (!last) return;
  if (handle->has_os_thread && !handle->joined && handle->state != kHandleNotStarted) pthread_detach(static_cast<pthread_t>(handle->os_handle));
  pthread_mutex_destroy(&handle->mutex);
  free(handle);
}

void set_awaited(ThreadHandle* handle, bool awaited) {
  pthread_mutex_lock(&process.mutex);
  handle->awaited = awaited;
  pthread_mutex_unlock(&process.mutex);
}

// ---- running ------------------------------------------------------------------------------------------------------------------

struct Boot {
  PyThreadState* state;
  PyObject *function, *args, *kwargs;
  ThreadHandle* handle;
  Event ready;  // the handle knows its identity
};

void free_boot(Boot* boot) {
  Py_DECREF(boot->function);
  Py_DECREF(boot->args);
  Py_XDECREF(boot->kwargs);
  drop(boot->handle);
  PyMem_RawFree(boot);
}

void thread_main(void* data) {
  auto* boot = static_cast<Boot*>(data);
  PyThreadState* state = boot->state;
  boot->ready.wait(-1, nullptr);
  ThreadHandle* handle = boot->handle;
  keep(handle);
  __atomic_store_n(&handle->state, kHandleRunning, __ATOMIC_RELEASE);
  PyEval_AcquireThread(state);
  PyInterpreterState* interp = state->interp;
  __atomic_fetch_add(&interp->core.thread_count, 1, __ATOMIC_RELAXED);
  Ref<> result = steal(PyObject_Call(boot->function, boot->args, boot->kwargs));
  if (!result) {
    if (PyErr_ExceptionMatches(PyExc_SystemExit)) PyErr_Clear();
    else PyErr_FormatUnraisable("Exception ignored in thread started by %R", boot->function);
  }
  result.reset();
  free_boot(boot);
  __atomic_fetch_sub(&interp->core.thread_count, 1, __ATOMIC_RELAXED);
  PyThreadState_Clear(state);
  set_awaited(handle, false);
  __atomic_store_n(&handle->state, kHandleDone, __ATOMIC_RELEASE);
  PyThreadState_DeleteCurrent();
  handle->done.set();
  drop(handle);
}

Status start(ThreadHandle* handle, PyObject* function, PyObject* args, PyObject* kwargs, bool daemon) {
  PyThreadState* current = thread();
  PyInterpreterState* interp = current->interp;
  if (!interp->core.allow_threads) return raise(PyExc_RuntimeError, "thread is not supported for isolated subinterpreters");
  if (interp->core.finalizing || Py_IsFinalizing()) return raise(PyExc_PythonFinalizationError, "can't create new thread at interpreter shutdown");
  pthread_mutex_lock(&handle->mutex);
  if (handle->state != kHandleNotStarted) {
    pthread_mutex_unlock(&handle->mutex);
    return raise(PyExc_RuntimeError, "thread already started");
  }
  handle->state = kHandleStarting;
  pthread_mutex_unlock(&handle->mutex);
  auto* boot = static_cast<Boot*>(PyMem_RawCalloc(1, sizeof(Boot)));
  if (!boot || !(boot->state = new_thread_state(interp, 3))) {
    PyMem_RawFree(boot);
    handle->state = kHandleNotStarted;
    PyErr_NoMemory();
    return failed;
  }
  boot->function = Py_NewRef(function);
  boot->args = Py_NewRef(args);
  boot->kwargs = Py_XNewRef(kwargs);
  boot->handle = handle;
  keep(handle);
  if (!daemon) set_awaited(handle, true);
  unsigned long long ident = 0;
  unsigned long os_handle = 0;
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = PyThread_start_joinable_thread(thread_main, boot, &ident, &os_handle);
  Py_END_ALLOW_THREADS
  if (result) {
    set_awaited(handle, false);
    PyThreadState* state = boot->state;
    PyThreadState_Clear(state);
    PyThreadState_Delete(state);
    free_boot(boot);
    handle->state = kHandleNotStarted;
    return raise(PyExc_RuntimeError, "can't start new thread");
  }
  handle->ident = static_cast<unsigned long>(ident);
  handle->os_handle = os_handle;
  handle->has_os_thread = true;
  boot->ready.set();
  return Status::Ok;
}

// Waits for the end; nanoseconds, -1 for ever.
Status join(ThreadHandle* handle, int64_t timeout) {
  if (__atomic_load_n(&handle->state, __ATOMIC_ACQUIRE) == kHandleNotStarted) return raise(PyExc_RuntimeError, "thread not started");
  if (handle->ident == PyThread_get_thread_ident() && !handle->done.is_set()) return raise(PyExc_RuntimeError, "Cannot join current thread");
  const int64_t deadline = timeout < 0 ? -1 : monotonic_nanoseconds() + timeout;
  while (!handle->done.is_set()) {
    if (Py_IsFinalizing() && handle->has_os_thread)
      return raise(PyExc_PythonFinalizationError, "cannot join thread at interpreter shutdown");
    int64_t left = -1;
    if (deadline >= 0) {
      left = deadline - monotonic_nanoseconds();
      if (left < 0) left = 0;
    }
    bool interrupted = false, done;
    Py_BEGIN_ALLOW_THREADS
    done = handle->done.wait(left, &interrupted);
    Py_END_ALLOW_THREADS
    if (done) break;
    if (interrupted) {
      TRY(Py_MakePendingCalls());
      continue;
    }
    if (deadline >= 0) return Status::Ok;  // time is up
  }
  pthread_mutex_lock(&handle->mutex);
  const bool must_join = handle->has_os_thread && !handle->joined;
  handle->joined = true;
  pthread_mutex_unlock(&handle->mutex);
  if (must_join) {
    Py_BEGIN_ALLOW_THREADS
    pthread_join(static_cast<pthread_t>(handle->os_handle), nullptr);
    Py_END_ALLOW_THREADS
  }
  return Status::Ok;
}

// ---- handles as objects ---------------------------------------------------------------------------------------------------------

struct HandleObject {
  PyObject ob_base;
  ThreadHandle* handle;
};
ThreadHandle* handle_of(PyObject* self) { return as<HandleObject>(self)->handle; }

Ref<> make_handle_object(PyTypeObject* type) {
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  ThreadHandle* handle = new_handle();
  if (!handle) return failed;
  as<HandleObject>(self.get())->handle = handle;
  return self;
}
PyObject* handle_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) || (kwargs && PyDict_Size(kwargs))) return raise(PyExc_TypeError, "_ThreadHandle() takes no arguments");
  return make_handle_object(type).release();
}
void handle_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (ThreadHandle* handle = handle_of(self)) drop(handle);
  type->tp_free(self);
  Py_DECREF(type);
}
PyObject* handle_repr(PyObject* self) {
  return PyUnicode_FromFormat("<%s object: ident=%lu>", Py_TYPE(self)->tp_name, handle_of(self)->ident);
}
PyObject* handle_ident(PyObject* self, void*) { return PyLong_FromUnsignedLong(handle_of(self)->ident); }
PyObject* handle_join(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if ((kwnames && PyTuple_GET_SIZE(kwnames)) || nargs > 1) return raise(PyExc_TypeError, "join() takes at most 1 argument (%zd given)", nargs);
  int64_t timeout = -1;
  if (nargs && args[0] != Py_None) {
    if (is_failure(seconds_to_nanoseconds(args[0], &timeout))) return nullptr;
    if (timeout < 0) timeout = -1;
  }
  return is_failure(join(handle_of(self), timeout)) ? nullptr : Py_NewRef(Py_None);
}
bool handle_is_done(PyObject* self) { return handle_of(self)->done.is_set(); }
// After a fork: a thread that is not in this process is over.
Status handle_set_done(PyObject* self) {
  ThreadHandle* handle = handle_of(self);
  if (handle->state == kHandleNotStarted) return raise(PyExc_RuntimeError, "thread not started");
  set_awaited(handle, false);
  handle->state = kHandleDone;
  handle->joined = true;
  handle->done.set();
  return Status::Ok;
}
METHOD_RAW(handle_join, "join", 0, nullptr);
METHOD_AS(handle_is_done, "is_done", 0, "($self, /)", "Is the thread over?");
METHOD_AS(handle_set_done, "_set_done", 0, "($self, /)", "Say that the thread is over.");
PyMethodDef handle_methods[] = {handle_join_method, handle_is_done_method, handle_set_done_method, {}};
PyGetSetDef handle_getset[] = {{"ident", handle_ident, nullptr, nullptr, nullptr}, {}};
PyType_Slot handle_slots[] = {{Py_tp_new, reinterpret_cast<void*>(handle_new)},
                              {Py_tp_dealloc, reinterpret_cast<void*>(handle_dealloc)},
                              {Py_tp_repr, reinterpret_cast<void*>(handle_repr)},
                              {Py_tp_methods, handle_methods},
                              {Py_tp_getset, handle_getset},
                              {0, nullptr}};
PyType_Spec handle_spec = {"_thread._ThreadHandle", sizeof(HandleObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, handle_slots};

// ---- functions -------------------------------------------------------------------------------------------------------------------

struct ModuleState {
  PyTypeObject* handle_type;
};
ModuleState* state_of(PyObject* module) { return static_cast<ModuleState*>(PyModule_GetState(module)); }

PyObject* thread_start_new_thread(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "start_new_thread() takes no keyword arguments");
  if (nargs < 2 || nargs > 3)
    return raise(PyExc_TypeError, "start_new_thread expected at %s %d arguments, got %zd", nargs < 2 ? "least" : "most", nargs < 2 ? 2 : 3, nargs);
  PyObject *function = args[0], *arguments = args[1], *keywords = nargs > 2 ? args[2] : nullptr;
  if (!PyCallable_Check(function)) return raise(PyExc_TypeError, "first arg must be callable");
  if (!PyTuple_Check(arguments)) return raise(PyExc_TypeError, "2nd arg must be a tuple");
  if (keywords && !PyDict_Check(keywords)) return raise(PyExc_TypeError, "optional 3rd arg must be a dictionary");
  if (PySys_Audit("_thread.start_new_thread", "OOO", function, arguments, keywords ? keywords : Py_None) < 0) return nullptr;
  ThreadHandle* handle = new_handle();
  if (!handle) return nullptr;
  const Status result = start(handle, function, arguments, keywords, true);
  const unsigned long ident = handle->ident;
  drop(handle);
  return is_failure(result) ? nullptr : PyLong_FromUnsignedLong(ident);
}
constexpr char kJoinableName[] = "start_joinable_thread";
constexpr Signature kJoinable = read_signature(kJoinableName, "($module, /, function, handle=None, daemon=True)");
PyObject* thread_start_joinable_thread(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* values[4] = {};
  if (is_failure(bind(kJoinable, args, nargs, kwnames, values, nullptr, nullptr))) return nullptr;
  PyObject *function = values[0], *given = values[1];
  int daemon = 1;
  if (values[2] && (daemon = PyObject_IsTrue(values[2])) < 0) return nullptr;
  ModuleState* state = state_of(module);
  if (!PyCallable_Check(function)) return raise(PyExc_TypeError, "thread function must be callable");
  if (given && given != Py_None && Py_TYPE(given) != state->handle_type) return raise(PyExc_TypeError, "'handle' must be a _ThreadHandle");
  if (PySys_Audit("_thread.start_joinable_thread", "OiO", function, daemon, given ? given : Py_None) < 0) return nullptr;
  Ref<> handle = given && given != Py_None ? borrow(given) : make_handle_object(state->handle_type);
  Ref<> empty = steal(PyTuple_New(0));
  if (!handle || !empty) return nullptr;
  if (daemon && !interpreter()->core.allow_daemon_threads)
    return raise(PyExc_RuntimeError, "daemon threads are disabled in this interpreter");
  return is_failure(start(handle_of(handle), function, empty, nullptr, daemon)) ? nullptr : handle.release();
}
bool thread_daemon_threads_allowed(PyObject*) { return interpreter()->core.allow_daemon_threads; }
PyObject* thread_exit(PyObject*) {
  PyErr_SetNone(PyExc_SystemExit);
  return nullptr;
}
PyObject* thread_get_ident(PyObject*) { return PyLong_FromUnsignedLong(PyThread_get_thread_ident()); }
PyObject* thread_get_native_id(PyObject*) { return PyLong_FromUnsignedLong(PyThread_get_thread_native_id()); }
Py_ssize_t thread_count(PyObject*) { return interpreter()->core.thread_count; }
Status thread_interrupt_main(PyObject*, int signum) {
  if (PyErr_SetInterruptEx(signum)) return raise(PyExc_ValueError, "signal number out of range");
  return Status::Ok;
}
PyObject* thread_stack_size(PyObject*, Py_ssize_t size) {
  constexpr Py_ssize_t kMinimum = 53248;
  if (size != 0 && size < kMinimum) return raise(PyExc_ValueError, "size must be at least %zd bytes", kMinimum);
  const size_t old = PyThread_get_stacksize();
  const int result = PyThread_set_stacksize(static_cast<size_t>(size));
  if (result == -1) return raise(PyExc_ValueError, "size not valid: %zd bytes", size);
  if (result == -2) return raise(PyExc_ThreadError, "setting stack size not supported");
  return PyLong_FromSize_t(old);
}
bool thread_is_main_interpreter(PyObject*) { return is_main_interpreter(interpreter()); }
PyObject* thread_get_main_thread_ident(PyObject*) { return PyLong_FromUnsignedLong(process.main_thread); }
PyObject* thread_make_thread_handle(PyObject* module, PyObject* ident) {
  if (!PyLong_Check(ident)) return raise(PyExc_TypeError, "ident must be an integer");
  const unsigned long value = PyLong_AsUnsignedLong(ident);
  if (value == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
  Ref<> self = make_handle_object(state_of(module)->handle_type);
  if (!self) return nullptr;
  handle_of(self)->ident = value;
  handle_of(self)->state = kHandleRunning;
  return self.release();
}

// Waits for all threads that are not daemons.
PyObject* thread_shutdown(PyObject*) {
  PyInterpreterState* interp = interpreter();
  const unsigned long me = PyThread_get_thread_ident();
  for (;;) {
    ThreadHandle* handle = nullptr;
    pthread_mutex_lock(&process.mutex);
    for (ThreadHandle* candidate = process.thread_handles; candidate; candidate = candidate->next)
      if (candidate->awaited && candidate->interp == interp && candidate->ident != me) {
        handle = candidate;
        keep(handle);
        break;
      }
    pthread_mutex_unlock(&process.mutex);
    if (!handle) return Py_NewRef(Py_None);
    const Status result = join(handle, -1);
    if (is_failure(result)) {
      PyErr_FormatUnraisable("Exception ignored while joining a thread in _thread._shutdown()");
      set_awaited(handle, false);
    }
    // Its end unlinks it just before the event is set; be sure that it does not come up again.
    set_awaited(handle, false);
    drop(handle);
  }
}

PyObject* thread_get_name(PyObject*) {
  char name[17] = {};
  if (pthread_getname_np(pthread_self(), name, sizeof name)) return PyErr_SetFromErrno(PyExc_OSError);
  return PyUnicode_DecodeFSDefault(name);
}
Status thread_set_name(PyObject*, StrArgument name) {
  Ref<> bytes = TRY(steal(PyUnicode_AsEncodedString(name, "utf-8", "replace")));
  char text[17];
  const auto size = static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()));
  const size_t length = size < 15 ? size : 15;
  const char* data = PyBytes_AS_STRING(bytes.get());
  memcpy(text, data, length);
  text[length] = 0;
  const int error = pthread_setname_np(pthread_self(), text);
  if (error) {
    errno = error;
    PyErr_SetFromErrno(PyExc_OSError);
    return failed;
  }
  return Status::Ok;
}

// ---- the default threading.excepthook ------------------------------------------------------------------------------------------

PyStructSequence_Field kHookFields[] = {{"exc_type", "Exception type"}, {"exc_value", "Exception value"}, {"exc_traceback", "Exception traceback"},
                                        {"thread", "Thread"}, {nullptr, nullptr}};
PyStructSequence_Desc kHookDescription = {"_thread._ExceptHookArgs", "ExceptHookArgs\n\nType used to pass arguments to threading.excepthook.",
                                          kHookFields, 4};

PyObject* thread_excepthook(PyObject*, PyObject* arguments) {
  PyObject* type = interpreter()->core.thread_excepthook_args_type;
  if (object(Py_TYPE(arguments)) != type) return raise(PyExc_TypeError, "_thread._excepthook argument type must be ExceptHookArgs");
  PyObject* exc_type = PyStructSequence_GetItem(arguments, 0);
  if (exc_type == PyExc_SystemExit) return Py_NewRef(Py_None);
  PyObject* exc_value = PyStructSequence_GetItem(arguments, 1);
  PyObject* exc_traceback = PyStructSequence_GetItem(arguments, 2);
  PyObject* the_thread = PyStructSequence_GetItem(arguments, 3);
  Ref<> file = borrow(sys_get("stderr"_id));
  if (!file || file.get() == Py_None) {
    if (the_thread == Py_None) return Py_NewRef(Py_None);
    file = steal(PyObject_GetAttr(the_thread, "_stderr"_id));
    if (!file) return nullptr;
    if (file.get() == Py_None) return Py_NewRef(Py_None);
  }
  Ref<> name;
  if (the_thread != Py_None) {
    if (PyObject_GetOptionalAttr(the_thread, "name"_id, name.out()) < 0) return nullptr;
  }
  if (PyFile_WriteString("Exception in thread ", file) < 0) return nullptr;
  if (name) {
    if (PyFile_WriteObject(name, file, Py_PRINT_RAW) < 0) return nullptr;
  } else {
    Ref<> text = steal(PyUnicode_FromFormat("%lu", PyThread_get_thread_ident()));
    if (!text || PyFile_WriteObject(text, file, Py_PRINT_RAW) < 0) return nullptr;
  }
  if (PyFile_WriteString(":\n", file) < 0) return nullptr;
  if (exc_value) display_exception(exc_value, exc_traceback, file);
  Ref<> flushed = steal(PyObject_CallMethodNoArgs(file, "flush"_id));
  return flushed ? Py_NewRef(Py_None) : nullptr;
}

METHOD_RAW(thread_start_new_thread, "start_new_thread", 0,
           "start_new_thread($module, function, args, kwargs={}, /)\n--\n\nStart a new thread and return its identifier.");
METHOD_RAW(thread_start_joinable_thread, "start_joinable_thread", 0,
           "start_joinable_thread($module, /, function, handle=None, daemon=True)\n--\n\nStart a new thread that can be joined through its handle.");
METHOD_AS(thread_daemon_threads_allowed, "daemon_threads_allowed", 0, "($module, /)", "Return True if daemon threads are allowed in the current interpreter.");
METHOD_AS(thread_exit, "exit", 0, "($module, /)", "Raise SystemExit, which ends the thread silently.");
METHOD_AS(thread_get_ident, "get_ident", 0, "($module, /)", "Return a non-zero integer that identifies the thread among those that exist.");
METHOD_AS(thread_get_native_id, "get_native_id", 0, "($module, /)", "Return the system's number of the thread.");
METHOD_AS(thread_count, "_count", 0, "($module, /)", "Return the number of currently running Python threads, the main thread left out.");
METHOD_SHOWN(thread_interrupt_main, "interrupt_main", 0, "($module, signum=2, /)", "($module, signum=signal.SIGINT, /)", "Simulate the arrival of the given signal in the main thread.");
METHOD_AS(thread_stack_size, "stack_size", 0, "($module, size=0, /)", "Return the thread stack size used when creating new threads, and set it.");
METHOD_AS(thread_is_main_interpreter, "_is_main_interpreter", 0, "($module, /)", "Is the current interpreter the main one?");
METHOD_AS(thread_get_main_thread_ident, "_get_main_thread_ident", 0, "($module, /)", "Identity of the main thread.");
METHOD_AS(thread_shutdown, "_shutdown", 0, "($module, /)", "Wait for all non-daemon threads (other than the calling thread) to stop.");
METHOD_AS(thread_get_name, "_get_name", 0, "($module, /)", "Get the name of the current thread.");
METHOD_AS(thread_set_name, "set_name", 0, "($module, /, name)", "Set the name of the current thread.");
METHOD_AS(thread_make_thread_handle, "_make_thread_handle", 0, "($module, ident, /)", "A handle for a thread that was not started here.");
METHOD_AS(thread_excepthook, "_excepthook", 0, "($module, args, /)", "Handle uncaught Thread.run() exception.");

constexpr PyMethodDef renamed(PyMethodDef method, const char* name) {
  method.ml_name = name;
  return method;
}
PyMethodDef thread_methods[] = {thread_start_new_thread_method,
                                {"start_new", thread_start_new_thread_method.ml_meth, thread_start_new_thread_method.ml_flags,
                                 "start_new($module, function, args, kwargs={}, /)\n--\n\nThe same as start_new_thread()."},
                                thread_start_joinable_thread_method,
                                thread_daemon_threads_allowed_method,
                                {"allocate_lock", thread_allocate_lock, METH_NOARGS, "allocate_lock($module, /)\n--\n\nCreate a new lock object."},
                                {"allocate", thread_allocate_lock, METH_NOARGS, "allocate($module, /)\n--\n\nCreate a new lock object."},
                                thread_exit_method,
                                renamed(thread_exit_method, "exit_thread"),
                                thread_get_ident_method,
                                thread_get_native_id_method,
                                thread_count_method,
                                thread_interrupt_main_method,
                                thread_stack_size_method,
                                thread_is_main_interpreter_method,
                                thread_get_main_thread_ident_method,
                                thread_shutdown_method,
                                thread_get_name_method,
                                thread_set_name_method,
                                thread_make_thread_handle_method,
                                thread_excepthook_method,
                                {}};

int thread_execute(PyObject* module) {
  PyThread_init_thread();
  ModuleState* state = state_of(module);
  Ref<> handle_type = steal(PyType_FromModuleAndSpec(module, &handle_spec, nullptr));
  if (!handle_type || PyModule_AddObjectRef(module, "_ThreadHandle", handle_type) < 0) return -1;
  state->handle_type = as<PyTypeObject>(handle_type.release());
  if (is_failure(add_lock_types(module)) || is_failure(add_local_type(module))) return -1;
  PyInterpreterState* interp = interpreter();
  if (!interp->core.thread_excepthook_args_type)
    interp->core.thread_excepthook_args_type = object(PyStructSequence_NewType(&kHookDescription));
  if (!interp->core.thread_excepthook_args_type ||
      PyModule_AddObjectRef(module, "_ExceptHookArgs", interp->core.thread_excepthook_args_type) < 0)
    return -1;
  if (PyModule_AddObjectRef(module, "error", PyExc_RuntimeError) < 0) return -1;
  Ref<> timeout = steal(PyFloat_FromDouble(static_cast<double>(PY_TIMEOUT_MAX / 1000000)));
  if (!timeout || PyModule_AddObjectRef(module, "TIMEOUT_MAX", timeout) < 0) return -1;
  return PyModule_AddIntConstant(module, "_NAME_MAXLEN", 15);
}
int thread_traverse(PyObject* module, visitproc visit, void* arg) {
  Py_VISIT(state_of(module)->handle_type);
  return 0;
}
int thread_clear(PyObject* module) {
  Py_CLEAR(state_of(module)->handle_type);
  return 0;
}

MODULE_SLOTS(thread_slots, thread_execute);
PyModuleDef thread_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_thread",
    .m_doc = "This module provides primitive operations to write multi-threaded programs.\nThe 'threading' module provides a more convenient interface.",
    .m_size = sizeof(ModuleState),
    .m_methods = thread_methods,
    .m_slots = thread_slots,
    .m_traverse = thread_traverse,
    .m_clear = thread_clear,
};

}  // namespace

// Handles of threads that are not in a forked child.
void thread_handles_after_fork(PyInterpreterState* interp) {
  const unsigned long me = PyThread_get_thread_ident();
  for (ThreadHandle* handle = process.thread_handles; handle; handle = handle->next) {
    if (handle->state == kHandleNotStarted || handle->ident == me) continue;
    handle->awaited = false;
    handle->state = kHandleDone;
    handle->joined = true;
    handle->done.set();
    pthread_mutex_init(&handle->mutex, nullptr);
  }
  interp->core.thread_count = 0;
}

Status seconds_to_nanoseconds(PyObject* seconds, int64_t* result) {
  if (PyFloat_Check(seconds)) {
    const double value = PyFloat_AsDouble(seconds);
    if (value != value) return raise(PyExc_ValueError, "Invalid value NaN (not a number)");
    const double nanoseconds = __builtin_ceil(__builtin_fabs(value) * 1e9);
    if (nanoseconds >= 9223372036854775808.0) return raise(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
    *result = static_cast<int64_t>(value < 0 ? -nanoseconds : nanoseconds);
    return Status::Ok;
  }
  int overflow;
  if (!PyLong_Check(seconds) && !PyIndex_Check(seconds))
    return raise(PyExc_TypeError, "'%.200s' object cannot be interpreted as an integer or float", Py_TYPE(seconds)->tp_name);
  const long long value = PyLong_AsLongLongAndOverflow(seconds, &overflow);
  if (value == -1 && PyErr_Occurred()) return failed;
  long long nanoseconds;
  if (overflow || __builtin_mul_overflow(value, 1000000000LL, &nanoseconds))
    return raise(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
  *result = nanoseconds;
  return Status::Ok;
}

}  // namespace ks

PyMODINIT_FUNC PyInit__thread(void) { return PyModuleDef_Init(&ks::thread_module); }
