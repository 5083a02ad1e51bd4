// The GIL, pending calls, and what the evaluation loop does when it is asked to stop for a moment.
//
// The lock is a flag under a mutex with a condition variable. Who waits longer than the switch interval sets
// kGilDropRequest in the holder's eval_breaker; the holder lets go at its next check and waits until somebody else has
// taken the lock (forced switch), so that nobody starves.
#include <errno.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "object/export.h"
#include "object/ref.h"
#include "runtime/eval_bits.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

extern "C" void _Py_NO_RETURN _Py_FatalErrorFunc(const char* function, const char* message);
#include "object/collector.h"

namespace ks {

static void condition_start(pthread_cond_t* condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}
static void gil_start(Gil* gil) {
  pthread_mutex_init(&gil->mutex, nullptr);
  condition_start(&gil->released);
  pthread_mutex_init(&gil->switch_mutex, nullptr);
  condition_start(&gil->switched);
  gil->holder = nullptr;
  gil->locked = 0;
  gil->switch_count = 0;
}

void gil_create(PyInterpreterState* state, bool own) {
  if (own && state != process.main) {
    auto* gil = static_cast<Gil*>(calloc(1, sizeof(Gil)));
    gil_start(gil);
    state->core.gil = gil;
    state->core.own_gil = true;
    return;
  }
  state->core.gil = &process.main_gil;
  state->core.own_gil = state == process.main;
  if (state == process.main) gil_start(&process.main_gil);
}

void gil_destroy(PyInterpreterState* state) {
  if (state->core.own_gil && state->core.gil && state->core.gil != &process.main_gil) free(state->core.gil);
  state->core.gil = nullptr;
}

bool must_hang(PyThreadState* state) {
  PyThreadState* finalizing = __atomic_load_n(&process.finalizing, __ATOMIC_ACQUIRE);
  if (finalizing && finalizing != state) return true;
  PyThreadState* interpreter_end = __atomic_load_n(&state->interp->core.finalizing_thread, __ATOMIC_ACQUIRE);
  return interpreter_end && interpreter_end != state;
}

[[noreturn]] static void hang_thread() {
  for (;;) pause();
}

void take_gil(PyThreadState* state) {
  const int saved_errno = errno;
  if (must_hang(state)) hang_thread();
  PyInterpreterState* interp = state->interp;
  Gil* gil = interp->core.gil;
  pthread_mutex_lock(&gil->mutex);
  while (gil->locked) {
    const unsigned long seen = gil->switch_count;
    unsigned long interval = interp->core.switch_interval;
    if (interval < 1) interval = 1;
    timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += static_cast<time_t>(interval / 1000000);
    until.tv_nsec += static_cast<long>(interval % 1000000) * 1000;
    if (until.tv_nsec >= 1000000000) {
      until.tv_sec += 1;
      until.tv_nsec -= 1000000000;
    }
    const int result = pthread_cond_timedwait(&gil->released, &gil->mutex, &until);
    if (result == ETIMEDOUT && gil->locked && gil->switch_count == seen) {
      if (must_hang(state)) {
        pthread_mutex_unlock(&gil->mutex);
        hang_thread();
      }
      if (gil->holder) eval_breaker_set(gil->holder, kGilDropRequest);
    }
  }
  gil->locked = 1;
  pthread_mutex_lock(&gil->switch_mutex);
  if (gil->holder != state) {
    gil->holder = state;
    ++gil->switch_count;
  }
  pthread_cond_signal(&gil->switched);
  pthread_mutex_unlock(&gil->switch_mutex);
  if (must_hang(state)) {
    gil->locked = 0;
    pthread_cond_signal(&gil->released);
    pthread_mutex_unlock(&gil->mutex);
    hang_thread();
  }
  state->holds_gil = 1;
  eval_breaker_clear(state, kGilDropRequest);
  pthread_mutex_unlock(&gil->mutex);
  errno = saved_errno;
}

// `thread` is the holder, or nullptr when its state is being deleted.
void drop_gil(PyInterpreterState* interp, PyThreadState* thread) {
  Gil* gil = interp->core.gil;
  if (!gil) return;
  const bool wanted = thread && (eval_breaker_load(thread) & kGilDropRequest);
  if (thread) thread->holds_gil = 0;
  pthread_mutex_lock(&gil->mutex);
  if (!thread) gil->holder = nullptr;
  gil->locked = 0;
  pthread_cond_signal(&gil->released);
  pthread_mutex_unlock(&gil->mutex);
  if (wanted) {
    // Forced switch: give the others a chance before we take the lock again.
    pthread_mutex_lock(&gil->switch_mutex);
    if (gil->holder == thread) {
      eval_breaker_clear(thread, kGilDropRequest);
      timespec until;
      clock_gettime(CLOCK_MONOTONIC, &until);
      until.tv_nsec += 50'000'000;
      if (until.tv_nsec >= 1000000000) {
        until.tv_sec += 1;
        until.tv_nsec -= 1000000000;
      }
      while (gil->holder == thread) {
        if (pthread_cond_timedwait(&gil->switched, &gil->switch_mutex, &until) == ETIMEDOUT) break;
      }
    }
    pthread_mutex_unlock(&gil->switch_mutex);
  }
}

void gil_after_fork(PyThreadState* state) {
  Gil* gil = state->interp->core.gil;
  gil_start(gil);
  gil->locked = 1;
  gil->holder = state;
  ++gil->switch_count;
  state->holds_gil = 1;
  eval_breaker_clear(state, kGilDropRequest);
  pthread_mutex_init(&state->interp->core.threads_mutex, nullptr);
}

// ---- pending calls ------------------------------------------------------------------------------------------------------

// The main interpreter's queue runs in the main thread only; another's in any of its threads.
static void signal_pending(PyInterpreterState* interp) {
  if (is_main_interpreter(interp)) {
    for (PyThreadState* state = interp->core.threads; state; state = state->next)
      if (state->thread_id == process.main_thread) return eval_breaker_set(state, kCallsPending);
    return;
  }
  for (PyThreadState* state = interp->core.threads; state; state = state->next) eval_breaker_set(state, kCallsPending);
}

// 0: done; -1: the queue is full.
static int add_pending(PyInterpreterState* interp, int (*function)(void*), void* argument, bool owned) {
  pthread_mutex_lock(&interp->core.threads_mutex);
  PendingQueue& queue = interp->core.pending;
  const int limit = is_main_interpreter(interp) ? 32 : kPendingCapacity;
  int result = -1;
  if (queue.count < limit) {
    queue.calls[(queue.first + queue.count) % kPendingCapacity] = {function, argument, owned};
    ++queue.count;
    result = 0;
  }
  pthread_mutex_unlock(&interp->core.threads_mutex);
  pthread_mutex_lock(&process.mutex);
  signal_pending(interp);
  pthread_mutex_unlock(&process.mutex);
  return result;
}

static Status run_pending(PyThreadState* state, int limit) {
  PyInterpreterState* interp = state->interp;
  PendingQueue& queue = interp->core.pending;
  pthread_mutex_lock(&interp->core.threads_mutex);
  if (queue.busy) {
    pthread_mutex_unlock(&interp->core.threads_mutex);
    return Status::Ok;
  }
  queue.busy = true;
  int todo = queue.count;
  if (limit && todo > limit) todo = limit;
  pthread_mutex_unlock(&interp->core.threads_mutex);
  eval_breaker_clear(state, kCallsPending);
  Status result = Status::Ok;
  while (todo-- > 0) {
    pthread_mutex_lock(&interp->core.threads_mutex);
    if (!queue.count) {
      pthread_mutex_unlock(&interp->core.threads_mutex);
      break;
    }
    const PendingCall call = queue.calls[queue.first];
    queue.first = (queue.first + 1) % kPendingCapacity;
    --queue.count;
    pthread_mutex_unlock(&interp->core.threads_mutex);
    const int outcome = call.function(call.argument);
    if (call.raw_argument_owned) PyMem_RawFree(call.argument);
    if (outcome != 0) {
      result = Status::Error;
      break;
    }
  }
  pthread_mutex_lock(&interp->core.threads_mutex);
  queue.busy = false;
  const bool more = queue.count != 0;
  pthread_mutex_unlock(&interp->core.threads_mutex);
  if (more) {
    pthread_mutex_lock(&process.mutex);
    signal_pending(interp);
    pthread_mutex_unlock(&process.mutex);
  }
  return result;
}

static bool may_run_pending(PyThreadState* state) {
  return !is_main_interpreter(state->interp) || is_main_thread();
}

void make_all_pending_calls(PyThreadState* state) {
  for (int round = 0; round < 100; ++round) {
    if (!state->interp->core.pending.count) return;
    if (is_failure(run_pending(state, 0))) PyErr_FormatUnraisable("Exception ignored in a pending call");
  }
}

int handle_eval_breaker(PyThreadState* state) {
  uintptr_t breaker = eval_breaker_load(state);
  if (breaker & kSignalsPending && is_main_thread() && is_main_interpreter(state->interp)) {
    eval_breaker_clear(state, kSignalsPending);
    if (is_failure(handle_signals(state))) return -1;
  }
  if (breaker & kCallsPending) {
    if (may_run_pending(state)) {
      const int limit = is_main_interpreter(state->interp) ? 0 : 100;
      if (is_failure(run_pending(state, limit))) return -1;
    } else {
      eval_breaker_clear(state, kCallsPending);
    }
  }
  if (breaker & kGcScheduled) {
    eval_breaker_clear(state, kGcScheduled);
    collector_run_scheduled(state);
  }
  if (breaker & kGilDropRequest) {
    current_thread_state = nullptr;
    state->_status.active = 0;
    drop_gil(state->interp, state);
    take_gil(state);
    state->_status.active = 1;
    current_thread_state = state;
  }
  if (breaker & kAsyncException) {
    eval_breaker_clear(state, kAsyncException);
    PyObject* exception = __atomic_exchange_n(&state->async_exc, nullptr, __ATOMIC_ACQ_REL);
    if (exception) {
      PyErr_SetNone(exception);
      Py_DECREF(exception);
      return -1;
    }
  }
  return 0;
}

}  // namespace ks

using namespace ks;

extern "C" {

KS_EXPORT int _Py_HandlePending(PyThreadState* state) { return handle_eval_breaker(state); }

// Releases the GIL; returns the thread state that was current.
PyThreadState* PyEval_SaveThread(void) {
  PyThreadState* state = PyThreadState_Get();
  detach(state);
  return state;
}
void PyEval_RestoreThread(PyThreadState* state) {
  if (!state)
    _Py_FatalErrorFunc("PyEval_RestoreThread",
                       "the function must be called with the GIL held, after Python initialization and before Python "
                       "finalization, but the GIL is released (the current Python thread state is NULL)");
  const int saved = errno;
  attach(state);
  errno = saved;
}
void PyEval_AcquireThread(PyThreadState* state) {
  if (!state) _Py_FatalErrorFunc("PyEval_AcquireThread", "NULL tstate");
  attach(state);
}
void PyEval_ReleaseThread(PyThreadState* state) {
  if (current_thread_state != state) _Py_FatalErrorFunc("PyEval_ReleaseThread", "wrong thread state");
  detach(state);
}
KS_EXPORT void PyEval_AcquireLock(void) { attach(PyThreadState_Get()); }
KS_EXPORT void PyEval_ReleaseLock(void) {
  if (current_thread_state) drop_gil(current_thread_state->interp, current_thread_state);
}
void PyEval_InitThreads(void) {}
KS_EXPORT int PyEval_ThreadsInitialized(void) { return process.core_initialized; }

// Calls from any thread without the GIL; 0, or -1 when the queue is full.
int Py_AddPendingCall(int (*function)(void*), void* argument) {
  PyInterpreterState* interp = process.main;
  return interp ? add_pending(interp, function, argument, false) : -1;
}
KS_EXPORT int _PyEval_AddPendingCall(PyInterpreterState* interp, int (*function)(void*), void* argument, int flags) {
  PyInterpreterState* target = flags & 1 ? process.main : interp;
  return add_pending(target, function, argument, (flags & 2) != 0);
}
KS_EXPORT int _PyEval_MakePendingCalls(PyThreadState* state) {
  if (is_main_thread() && is_main_interpreter(state->interp)) {
    eval_breaker_clear(state, kSignalsPending);
    if (is_failure(handle_signals(state))) return -1;
  }
  if (!may_run_pending(state)) return 0;
  return to_c(run_pending(state, 0));
}
// Runs signal handlers and pending calls; -1 with an exception set.
int Py_MakePendingCalls(void) {
  PyThreadState* state = current_thread_state;
  return state ? _PyEval_MakePendingCalls(state) : 0;
}
KS_EXPORT void _PyEval_StopTheWorld(PyInterpreterState*) {}
KS_EXPORT void _PyEval_StartTheWorld(PyInterpreterState*) {}

}  // extern "C"
