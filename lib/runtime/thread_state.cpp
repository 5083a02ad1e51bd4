// Thread states and interpreter states: creation, the current one, lists, deletion, the GILState functions.
//
// A thread state belongs to one OS thread from the first time it is attached (bound). The current one, if any, holds
// its interpreter's GIL. Each OS thread remembers its first thread state for PyGILState_Ensure.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "object/export.h"
#include "object/identifier.h"
#include "interpreter/frame.h"
#include "object/ref.h"
#include "runtime/reference_zone.h"
#include "runtime/eval_bits.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

namespace ks {

thread_local constinit PyThreadState* current_thread_state [[gnu::tls_model("initial-exec")]] = nullptr;
// The first thread state of this thread, for PyGILState_*.
static thread_local constinit PyThreadState* gilstate_thread_state [[gnu::tls_model("initial-exec")]] = nullptr;

constinit Runtime process{
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .extensions_mutex = PTHREAD_MUTEX_INITIALIZER,
    .late_types_mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
};

namespace {

struct ProcessLock {
  ProcessLock() { pthread_mutex_lock(&process.mutex); }
  ~ProcessLock() { pthread_mutex_unlock(&process.mutex); }
};

[[noreturn]] void fatal(const char* function, const char* message);

}  // namespace

}  // namespace ks

KS_EXPORT void _Py_NO_RETURN _Py_FatalErrorFunc(const char* function, const char* message);

namespace ks {
namespace {
void fatal(const char* function, const char* message) { _Py_FatalErrorFunc(function, message); }
}  // namespace

PyInterpreterState* new_interpreter_state() {
  void* memory = calloc(1, sizeof(PyInterpreterState));
  if (!memory) return nullptr;
  // Default-initialised: calloc's zeroes stay untouched, so the zone's pages cost nothing.
  auto* state = new (memory) PyInterpreterState;
  reference_zone_start_interpreter(state);
  pthread_mutex_init(&state->core.threads_mutex, nullptr);
  state->core.switch_interval = 5000;
  state->core.dlopen_flags = 2;  // RTLD_NOW
  state->core.allow_fork = state->core.allow_exec = state->core.allow_threads = state->core.allow_daemon_threads = true;
  state->core.next_thread_number = 1;
  ProcessLock lock;
  state->core.id = process.next_interpreter_id++;
  state->core.next = process.first;
  process.first = state;
  if (!process.main) process.main = state;
  return state;
}

void delete_interpreter_state(PyInterpreterState* state) {
  {
    ProcessLock lock;
    PyInterpreterState** link = &process.first;
    while (*link && *link != state) link = &(*link)->core.next;
    if (*link) *link = state->core.next;
    if (process.main == state) process.main = nullptr;
  }
  pthread_mutex_destroy(&state->core.threads_mutex);
  PyConfig_Clear(&state->core.config);
  free(state);
}

PyThreadState* new_thread_state(PyInterpreterState* interp, int whence) {
  auto* state = static_cast<ThreadState*>(calloc(1, sizeof(ThreadState)));
  if (!state) return nullptr;
  reference_zone_start_thread(state);
  state->interp = interp;
  state->_whence = whence;
  state->py_recursion_limit = 1000;
  state->py_recursion_remaining = 1000;
  state->exc_info = &state->exc_state;
  state->what_event = -1;
  state->gilstate_counter = 1;
  state->context_ver = 1;
  state->id = __atomic_fetch_add(&interp->core.next_thread_number, 1, __ATOMIC_RELAXED);
  state->_status.initialized = 1;
  ProcessLock lock;
  PyThreadState* old = interp->core.threads;
  if (old) {
    state->py_recursion_limit = state->py_recursion_remaining = old->py_recursion_limit;
    // The instrumentation version is the same in all threads of an interpreter.
    state->eval_breaker = eval_breaker_load(old) & ~kEventBits;
    old->prev = state;
  }
  state->next = old;
  interp->core.threads = state;
  reference_zone_set_threads(interp, state);
  return state;
}

void bind_thread_state(PyThreadState* state) {
  if (state->_status.bound) return;
  state->_status.bound = 1;
  state->thread_id = static_cast<unsigned long>(pthread_self());
  state->native_thread_id = static_cast<unsigned long>(syscall(SYS_gettid));
  auto* own = static_cast<ThreadState*>(state);
  if (!own->own.stack_limit) {
    // Where the stack ends: the thread's attributes, once for each thread state.
    pthread_attr_t attributes;
    void* base = nullptr;
    size_t size = 0, guard = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
      pthread_attr_getstack(&attributes, &base, &size);
      pthread_attr_getguardsize(&attributes, &guard);
      pthread_attr_destroy(&attributes);
      own->own.stack_limit = reinterpret_cast<uintptr_t>(base) + guard;
      own->own.stack_top = reinterpret_cast<uintptr_t>(base) + size;
      reference_zone_set_stack(state, own->own.stack_limit, own->own.stack_top);
    }
  }
  if (!gilstate_thread_state) {
    gilstate_thread_state = state;
    state->_status.bound_gilstate = 1;
  }
}

static void unlink_thread_state(PyThreadState* state) {
  ProcessLock lock;
  if (state->prev) state->prev->next = state->next;
  else if (state->interp->core.threads == state) {
    state->interp->core.threads = state->next;
    reference_zone_set_threads(state->interp, state->next);
  }
  if (state->next) state->next->prev = state->prev;
}

static void free_thread_state(PyThreadState* state) {
  if (gilstate_thread_state == state) gilstate_thread_state = nullptr;
  data_stack_free(state);
  free(state);
}

void attach(PyThreadState* state) {
  take_gil(state);
  bind_thread_state(state);
  state->_status.active = 1;
  state->state = 1;
  current_thread_state = state;
}

void detach(PyThreadState* state) {
  state->_status.active = 0;
  state->state = 0;
  current_thread_state = nullptr;
  drop_gil(state->interp, state);
}

// After fork(): the only thread left is this one.
void keep_only_thread(PyThreadState* keep) {
  PyInterpreterState* interp = keep->interp;
  PyThreadState* list = interp->core.threads;
  interp->core.threads = keep;
  reference_zone_set_threads(interp, keep);
  PyThreadState* others = nullptr;
  while (list) {
    PyThreadState* next = list->next;
    if (list != keep) {
      list->next = others;
      list->prev = nullptr;
      others = list;
    }
    list = next;
  }
  keep->next = keep->prev = nullptr;
  while (others) {
    PyThreadState* next = others->next;
    others->next = nullptr;
    // Their frames live on nowhere; what they own is released.
    others->current_frame = nullptr;
    PyThreadState_Clear(others);
    free_thread_state(others);
    others = next;
  }
}

}  // namespace ks

using namespace ks;

extern "C" {

// ---- the current thread state ------------------------------------------------------------------------------------------

// Borrowed; fatal when this thread has none.
PyThreadState* PyThreadState_Get(void) {
  PyThreadState* state = current_thread_state;
  if (!state)
    fatal("PyThreadState_Get",
          "the function must be called with the GIL held, after Python initialization and before Python finalization, "
          "but the GIL is released (the current Python thread state is NULL)");
  return state;
}

// Borrowed or NULL.
PyThreadState* PyThreadState_GetUnchecked(void) { return current_thread_state; }
KS_EXPORT PyThreadState* _PyThreadState_GetCurrent(void) { return current_thread_state; }
#undef _PyThreadState_UncheckedGet

// Makes `state` (or none) current; returns the old one.
PyThreadState* PyThreadState_Swap(PyThreadState* state) {
  PyThreadState* old = current_thread_state;
  if (old == state) return old;
  if (old) detach(old);
  if (state) attach(state);
  return old;
}

// ---- creation and deletion ----------------------------------------------------------------------------------------------

KS_EXPORT PyThreadState* _PyThreadState_New(PyInterpreterState* interp, int whence) { return new_thread_state(interp, whence); }
KS_EXPORT PyThreadState* _PyThreadState_NewBound(PyInterpreterState* interp, int whence) {
  PyThreadState* state = new_thread_state(interp, whence);
  if (state) bind_thread_state(state);
  return state;
}
KS_EXPORT PyThreadState* _PyThreadState_Prealloc(PyInterpreterState* interp) { return new_thread_state(interp, 0); }
KS_EXPORT void _PyThreadState_Init(PyThreadState*) {
  fatal("_PyThreadState_Init", "_PyThreadState_Init() is for internal use only");
}

// New thread state, bound to this thread; NULL without memory.
PyThreadState* PyThreadState_New(PyInterpreterState* interp) {
  PyThreadState* state = new_thread_state(interp, 0);
  if (!state) return nullptr;
  // The reference binds at once; the state may be attached in another thread all the same.
  return state;
}

// Releases what the state owns. Needs the GIL.
void PyThreadState_Clear(PyThreadState* state) {
  if (state->_status.cleared) return;
  state->_status.finalizing = 1;
  reference_zone_clear_thread(state);
  Py_CLEAR(state->threading_local_key);
  Py_CLEAR(state->threading_local_sentinel);
  Py_CLEAR(state->dict);
  Py_CLEAR(state->async_exc);
  Py_CLEAR(state->current_exception);
  Py_CLEAR(state->exc_state.exc_value);
  state->c_profilefunc = nullptr;
  state->c_tracefunc = nullptr;
  Py_CLEAR(state->c_profileobj);
  Py_CLEAR(state->c_traceobj);
  Py_CLEAR(state->async_gen_firstiter);
  Py_CLEAR(state->async_gen_finalizer);
  Py_CLEAR(state->context);
  reference_zone_hand_over_tasks(state);
  state->_status.cleared = 1;
}

void PyThreadState_Delete(PyThreadState* state) {
  if (state == current_thread_state) fatal("PyThreadState_Delete", "tstate is still current");
  unlink_thread_state(state);
  free_thread_state(state);
}

// Deletes the current thread state and releases the GIL.
void PyThreadState_DeleteCurrent(void) {
  PyThreadState* state = PyThreadState_Get();
  PyInterpreterState* interp = state->interp;
  unlink_thread_state(state);
  current_thread_state = nullptr;
  drop_gil(interp, nullptr);
  free_thread_state(state);
}

// ---- what it tells ---------------------------------------------------------------------------------------------------------

// Borrowed dictionary for extensions, or NULL without exception.
KS_EXPORT PyObject* _PyThreadState_GetDict(PyThreadState* state) {
  if (!state->dict) {
    state->dict = PyDict_New();
    if (!state->dict) PyErr_Clear();
  }
  return state->dict;
}
PyObject* PyThreadState_GetDict(void) {
  PyThreadState* state = current_thread_state;
  return state ? _PyThreadState_GetDict(state) : nullptr;
}
PyInterpreterState* PyThreadState_GetInterpreter(PyThreadState* state) { return state->interp; }
uint64_t PyThreadState_GetID(PyThreadState* state) { return state->id; }

// Sets an exception in another thread; returns how many threads were found.
int PyThreadState_SetAsyncExc(unsigned long id, PyObject* exception) {
  PyInterpreterState* interp = interpreter();
  PyObject* old = nullptr;
  int count = 0;
  {
    ProcessLock lock;
    for (PyThreadState* state = interp->core.threads; state; state = state->next) {
      if (state->thread_id != id) continue;
      old = __atomic_exchange_n(&state->async_exc, Py_XNewRef(exception), __ATOMIC_ACQ_REL);
      if (exception) eval_breaker_set(state, kAsyncException);
      count = 1;
      break;
    }
  }
  Py_XDECREF(old);
  return count;
}

PyThreadState* PyThreadState_Next(PyThreadState* state) {
  ProcessLock lock;
  return state->next;
}

int PyUnstable_ThreadState_SetStackProtection(PyThreadState* state, void* start, size_t size) {
  constexpr size_t kMinimum = 64 * 1024;
  if (size < kMinimum) {
    PyErr_Format(PyExc_ValueError, "stack_size must be at least %zu bytes", kMinimum);
    return -1;
  }
  auto* own = static_cast<ThreadState*>(state);
  own->own.stack_limit = reinterpret_cast<uintptr_t>(start);
  own->own.stack_top = reinterpret_cast<uintptr_t>(start) + size;
  reference_zone_set_stack(state, own->own.stack_limit, own->own.stack_top);
  return 0;
}
void PyUnstable_ThreadState_ResetStackProtection(PyThreadState* state) {
  auto* own = static_cast<ThreadState*>(state);
  pthread_attr_t attributes;
  void* base = nullptr;
  size_t size = 0, guard = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  pthread_attr_getstack(&attributes, &base, &size);
  pthread_attr_getguardsize(&attributes, &guard);
  pthread_attr_destroy(&attributes);
  own->own.stack_limit = reinterpret_cast<uintptr_t>(base) + guard;
  own->own.stack_top = reinterpret_cast<uintptr_t>(base) + size;
  reference_zone_set_stack(state, own->own.stack_limit, own->own.stack_top);
}

// ---- interpreters -----------------------------------------------------------------------------------------------------------

// Borrowed; fatal without a current thread state.
PyInterpreterState* PyInterpreterState_Get(void) {
  PyThreadState* state = current_thread_state;
  if (!state)
    fatal("PyInterpreterState_Get",
          "the function must be called with the GIL held, after Python initialization and before Python finalization, "
          "but the GIL is released (the current Python thread state is NULL)");
  return state->interp;
}
PyInterpreterState* PyInterpreterState_New(void) {
  PyThreadState* state = current_thread_state;
  if (state && PySys_Audit("cpython.PyInterpreterState_New", nullptr) < 0) return nullptr;
  PyInterpreterState* interp = new_interpreter_state();
  if (interp) gil_create(interp, false);
  return interp;
}
void PyInterpreterState_Delete(PyInterpreterState* interp) {
  while (PyThreadState* state = interp->core.threads) {
    unlink_thread_state(state);
    if (state != current_thread_state) free_thread_state(state);
  }
  gil_destroy(interp);
  delete_interpreter_state(interp);
}
PyInterpreterState* PyInterpreterState_Main(void) { return process.main; }
KS_EXPORT PyInterpreterState* _PyInterpreterState_Main(void) { return process.main; }
PyInterpreterState* PyInterpreterState_Head(void) {
  ProcessLock lock;
  return process.first;
}
PyInterpreterState* PyInterpreterState_Next(PyInterpreterState* interp) {
  ProcessLock lock;
  return interp->core.next;
}
PyThreadState* PyInterpreterState_ThreadHead(PyInterpreterState* interp) {
  ProcessLock lock;
  return interp->core.threads;
}
int64_t PyInterpreterState_GetID(PyInterpreterState* interp) {
  if (!interp) {
    PyErr_SetString(PyExc_RuntimeError, "no interpreter provided");
    return -1;
  }
  return interp->core.id;
}
// Borrowed, or NULL without exception.
PyObject* PyInterpreterState_GetDict(PyInterpreterState* interp) {
  if (!interp->core.dict) {
    interp->core.dict = PyDict_New();
    if (!interp->core.dict) PyErr_Clear();
  }
  return interp->core.dict;
}

KS_EXPORT int _PyInterpreterState_IsReady(PyInterpreterState* interp) { return interp->core.ready; }
KS_EXPORT long _PyInterpreterState_GetWhence(PyInterpreterState* interp) { return interp->core.whence; }
KS_EXPORT PyObject* _PyInterpreterState_GetIDObject(PyInterpreterState* interp) { return PyLong_FromLongLong(interp->core.id); }
KS_EXPORT void _PyInterpreterState_IDIncref(PyInterpreterState* interp) {
  __atomic_fetch_add(&interp->core.id_references, 1, __ATOMIC_RELAXED);
}
KS_EXPORT void _PyInterpreterState_IDDecref(PyInterpreterState* interp) {
  const int64_t left = __atomic_sub_fetch(&interp->core.id_references, 1, __ATOMIC_RELAXED);
  if (left == 0 && interp->core.id_references_required) {
    PyThreadState* state = new_thread_state(interp, 2);
    if (!state) return;
    PyThreadState* old = PyThreadState_Swap(state);
    Py_EndInterpreter(state);
    PyThreadState_Swap(old);
  }
}
int _PyInterpreterState_RequiresIDRef(PyInterpreterState* interp) { return interp->core.id_references_required; }
void _PyInterpreterState_RequireIDRef(PyInterpreterState* interp, int required) {
  interp->core.id_references_required = required != 0;
}
KS_EXPORT int64_t _PyInterpreterState_ObjectToID(PyObject* object) {
  if (!PyIndex_Check(object)) {
    PyErr_Format(PyExc_TypeError, "interpreter ID must be an int, got %.100s", Py_TYPE(object)->tp_name);
    return -1;
  }
  const long long id = PyLong_AsLongLong(object);
  if (id == -1 && PyErr_Occurred()) return -1;
  if (id < 0) {
    PyErr_Format(PyExc_ValueError, "interpreter ID must be a non-negative int, got %R", object);
    return -1;
  }
  return id;
}
KS_EXPORT PyInterpreterState* _PyInterpreterState_LookUpID(int64_t id) {
  PyInterpreterState* interp = nullptr;
  {
    ProcessLock lock;
    for (interp = process.first; interp && interp->core.id != id; interp = interp->core.next) {
    }
  }
  if (!interp && !PyErr_Occurred()) {
    Ref<> module = steal(PyImport_ImportModule("_interpreters"));
    Ref<> type = module ? steal(PyObject_GetAttrString(module, "InterpreterNotFoundError")) : nullptr;
    if (!type) PyErr_Clear();
    PyErr_Format(type ? type.get() : PyExc_RuntimeError, "unrecognized interpreter ID %lld", static_cast<long long>(id));
  }
  return interp;
}
KS_EXPORT PyInterpreterState* _PyInterpreterState_LookUpIDObject(PyObject* object) {
  const int64_t id = _PyInterpreterState_ObjectToID(object);
  return id < 0 ? nullptr : _PyInterpreterState_LookUpID(id);
}
KS_EXPORT int _PyInterpreterState_SetRunningMain(PyInterpreterState* interp) {
  if (interp->core.running_main) {
    Ref<> module = steal(PyImport_ImportModule("_interpreters"));
    Ref<> type = module ? steal(PyObject_GetAttrString(module, "InterpreterError")) : nullptr;
    if (!type) PyErr_Clear();
    PyErr_SetString(type ? type.get() : PyExc_RuntimeError, "interpreter already running");
    return -1;
  }
  interp->core.running_main = current_thread_state;
  return 0;
}
KS_EXPORT void _PyInterpreterState_SetNotRunningMain(PyInterpreterState* interp) { interp->core.running_main = nullptr; }
KS_EXPORT int _PyInterpreterState_IsRunningMain(PyInterpreterState* interp) { return interp->core.running_main != nullptr; }
KS_EXPORT void _PyErr_SetInterpreterAlreadyRunning(void) {
  PyErr_SetString(PyExc_RuntimeError, "interpreter already running");
}

// ---- PyGILState --------------------------------------------------------------------------------------------------------------

PyThreadState* PyGILState_GetThisThreadState(void) { return gilstate_thread_state; }

// Does this thread hold the GIL?
int PyGILState_Check(void) {
  PyThreadState* state = current_thread_state;
  if (!process.initialized && !process.core_initialized) return 1;
  if (!state) return 0;
  return gilstate_thread_state == state || !gilstate_thread_state || state->interp != process.main;
}

// Takes the GIL whatever the state of this thread; balanced by PyGILState_Release.
PyGILState_STATE PyGILState_Ensure(void) {
  PyThreadState* state = gilstate_thread_state;
  bool held;
  if (!state) {
    PyInterpreterState* interp = process.main;
    if (!interp) {
      // The interpreter has ended: this thread must not go on with Python.
      if (process.finalizing || process.initialized) {
        for (;;) pause();
      }
      fatal("PyGILState_Ensure", "PyGILState_Ensure() called before Python is initialized");
    }
    state = new_thread_state(interp, 4);
    if (!state) fatal("PyGILState_Ensure", "Couldn't create thread-state for new thread");
    bind_thread_state(state);
    state->gilstate_counter = 0;
    static_cast<ThreadState*>(state)->own.from_gilstate = true;
    held = false;
  } else {
    held = state == current_thread_state;
  }
  if (!held) {
    if (current_thread_state && current_thread_state != state) {
      // Inside another interpreter's thread state: that one stays current, as in the reference.
      PyThreadState_Swap(state);
    } else {
      attach(state);
    }
  }
  ++state->gilstate_counter;
  return held ? PyGILState_LOCKED : PyGILState_UNLOCKED;
}

void PyGILState_Release(PyGILState_STATE old) {
  PyThreadState* state = gilstate_thread_state;
  if (!state) fatal("PyGILState_Release", "auto-releasing thread-state, but no thread-state for this thread");
  if (state != current_thread_state) {
    static thread_local char message[128];
    snprintf(message, sizeof message, "thread state %p must be current when releasing", static_cast<void*>(state));
    fatal("PyGILState_Release", message);
  }
  if (--state->gilstate_counter == 0) {
    ++state->gilstate_counter;
    PyThreadState_Clear(state);
    --state->gilstate_counter;
    if (current_thread_state == state) PyThreadState_DeleteCurrent();
  } else if (old == PyGILState_UNLOCKED) {
    PyEval_SaveThread();
  }
}

}  // extern "C"
