// Signals: C handlers that only take a note, Python handlers that run at the next safe point of the main thread.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "import/import.h"
#include "interpreter/perf_trampoline.h"
#include "object/export.h"
#include "object/identifier.h"
#include "runtime/eval_bits.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"
#include "runtime/signals.h"
#include "runtime/reference_zone.h"

namespace ks {

namespace {

// The evaluator of the main interpreter's main thread shall look at once.
void signal_evaluator() {
  PyInterpreterState* main = process.main;
  if (!main) return;
  for (PyThreadState* state = main->core.threads; state; state = state->next)
    if (state->thread_id == process.main_thread || !state->next) eval_breaker_set(state, kSignalsPending);
}

int report_wakeup_write_error(void* data) {
  Ref<> pending = steal(PyErr_GetRaisedException());
  errno = static_cast<int>(reinterpret_cast<intptr_t>(data));
  PyErr_SetFromErrno(PyExc_OSError);
  PyErr_FormatUnraisable("Exception ignored while trying to write to the signal wakeup fd");
  if (pending) PyErr_SetRaisedException(pending.release());
  return 0;
}

// Async-signal-safe.
void trip(int number) {
  process.signals[number].tripped = 1;
  process.any_signal = 1;
  signal_evaluator();
  const int fd = process.wakeup_fd - 1;
  if (fd >= 0) {
    const auto byte = static_cast<unsigned char>(number);
    if (write(fd, &byte, 1) < 0) {
      if (process.wakeup_warn_on_full || (errno != EWOULDBLOCK && errno != EAGAIN)) {
        Py_AddPendingCall(report_wakeup_write_error, reinterpret_cast<void*>(static_cast<intptr_t>(errno)));
      }
    }
  }
}

void c_handler(int number) {
  const int saved = errno;
  trip(number);
  errno = saved;
}

}  // namespace

PyOS_sighandler_t signal_c_handler() { return c_handler; }

// Runs the Python handlers of the signals that have come.
Status handle_signals(PyThreadState* state) {
  if (!process.any_signal) return Status::Ok;
  process.any_signal = 0;
  Ref<> frame = steal(object(PyThreadState_GetFrame(state)));
  PyObject* frame_argument = frame ? frame.get() : Py_None;
  for (int i = 1; i < NSIG; ++i) {
    SignalSlot& slot = process.signals[i];
    if (!slot.tripped) continue;
    slot.tripped = 0;
    Ref<> handler = borrow(slot.handler);
    if (!handler || handler.get() == Py_None || handler.get() == process.signal_ignore || handler.get() == process.signal_default) {
      // Somebody has changed the handler since the signal came.
      PyErr_Format(PyExc_OSError, "Signal %i ignored due to race condition", i);
      PyErr_FormatUnraisable("Exception ignored while calling signal handler");
      continue;
    }
    Ref<> result;
    Ref<> number = steal(PyLong_FromLong(i));
    if (number) {
      PyObject* arguments[] = {number.get(), frame_argument};
      result = steal(PyObject_Vectorcall(handler, arguments, 2, nullptr));
    }
    if (!result) {
      // The others are for later.
      process.any_signal = 1;
      signal_evaluator();
      return failed;
    }
  }
  return Status::Ok;
}

// What the handlers are at the start, and SIGINT's, SIGPIPE's, SIGXFSZ's as Python wants them.
Status signals_start(bool install_handlers) {
  if (install_handlers) {
    PyOS_setsig(SIGPIPE, SIG_IGN);
    PyOS_setsig(SIGXFSZ, SIG_IGN);
    Ref<> module = TRY(steal(PyImport_ImportModule("_signal")));
    TRY(signals_install_int_handler(module));
  }
  return Status::Ok;
}

void signals_end() {
  for (int i = 1; i < NSIG; ++i) {
    SignalSlot& slot = process.signals[i];
    slot.tripped = 0;
    PyObject* handler = slot.handler;
    slot.handler = nullptr;
    if (handler && handler != Py_None && handler != process.signal_default && handler != process.signal_ignore) {
      if (i == SIGINT || true) PyOS_setsig(i, SIG_DFL);
    }
    Py_XDECREF(handler);
  }
  process.any_signal = 0;
  process.wakeup_fd = 0;
  Py_CLEAR(process.default_int_handler);
}

}  // namespace ks

using namespace ks;

namespace ks {
void keep_only_thread(PyThreadState* keep);
void thread_handles_after_fork(PyInterpreterState* interp);
void locks_after_fork();
}  // namespace ks

extern "C" {

PyOS_sighandler_t PyOS_getsig(int number) {
  struct sigaction action;
  return sigaction(number, nullptr, &action) == -1 ? SIG_ERR : action.sa_handler;
}
PyOS_sighandler_t PyOS_setsig(int number, PyOS_sighandler_t handler) {
  struct sigaction action{}, old;
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  // On the alternative stack where there is one.
  action.sa_flags = SA_ONSTACK;
  return sigaction(number, &action, &old) == -1 ? SIG_ERR : old.sa_handler;
}

// Runs handlers if this is the main thread of the main interpreter; -1 with the exception of one.
int PyErr_CheckSignals(void) {
  PyThreadState* state = current_thread_state;
  if (!state) return 0;
  if (eval_breaker_load(state) & kGcScheduled) {
    // A collection may wait for the evaluation loop.
  }
  if (!is_main_thread() || !is_main_interpreter(state->interp)) return 0;
  eval_breaker_clear(state, kSignalsPending);
  return to_c(handle_signals(state));
}
// As if the signal had come; -1 for a number that is none.
int PyErr_SetInterruptEx(int number) {
  if (number < 1 || number >= NSIG) return -1;
  PyObject* handler = process.signals[number].handler;
  if (handler != process.signal_ignore && handler != process.signal_default) trip(number);
  return 0;
}
void PyErr_SetInterrupt(void) { (void)PyErr_SetInterruptEx(SIGINT); }
int PyOS_InterruptOccurred(void) {
  PyThreadState* state = current_thread_state;
  if (!state || !is_main_thread() || !is_main_interpreter(state->interp)) return 0;
  if (!process.signals[SIGINT].tripped) return 0;
  process.signals[SIGINT].tripped = 0;
  return 1;
}
KS_EXPORT int _PyOS_IsMainThread(void) {
  PyThreadState* state = current_thread_state;
  return is_main_thread() && state && is_main_interpreter(state->interp);
}
KS_EXPORT void _Py_RestoreSignals(void) {
  PyOS_setsig(SIGPIPE, SIG_DFL);
  PyOS_setsig(SIGXFSZ, SIG_DFL);
}
// The old descriptor, or -1.
int PySignal_SetWakeupFd(int fd) {
  if (fd < 0) fd = -1;
  const int old = process.wakeup_fd - 1;
  process.wakeup_fd = fd + 1;
  process.wakeup_warn_on_full = true;
  return old;
}

// ---- fork -----------------------------------------------------------------------------------------------------------------------

// os.register_at_fork() keeps its functions in the interpreter's dictionary.
static void run_hooks(const char* name, bool backwards, const char* text) {
  PyObject* dict = interpreter()->core.dict;
  PyObject* list = dict ? PyDict_GetItemString(dict, name) : nullptr;
  if (!list) return;
  Ref<> hooks = steal(PyList_GetSlice(list, 0, PY_SSIZE_T_MAX));
  if (!hooks) return PyErr_FormatUnraisable("%s", text);
  if (backwards) PyList_Reverse(hooks);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hooks.get()); ++i) {
    Ref<> done = steal(PyObject_CallNoArgs(PyList_GET_ITEM(hooks.get(), i)));
    if (!done) PyErr_FormatUnraisable("%s", text);
  }
}

void PyOS_BeforeFork(void) {
  run_hooks("__fork_hooks_before__", true, "Exception ignored in before_fork hook");
  import_lock_before_fork();
  // No other thread may hold these while the process is copied.
  pthread_mutex_lock(&process.mutex);
  pthread_mutex_lock(&process.extensions_mutex);
  pthread_mutex_lock(&process.late_types_mutex);
}
void PyOS_AfterFork_Parent(void) {
  pthread_mutex_unlock(&process.late_types_mutex);
  pthread_mutex_unlock(&process.extensions_mutex);
  pthread_mutex_unlock(&process.mutex);
  import_lock_after_fork(false);
  run_hooks("__fork_hooks_after_in_parent__", false, "Exception ignored in after_forkers_parent hook");
}
void PyOS_AfterFork_Child(void) {
  PyThreadState* state = current_thread_state;
  pthread_mutex_init(&process.mutex, nullptr);
  pthread_mutex_init(&process.extensions_mutex, nullptr);
  process.late_types_mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  locks_after_fork();
  gil_after_fork(state);
  state->thread_id = static_cast<unsigned long>(pthread_self());
  state->native_thread_id = PyThread_get_thread_native_id();
  process.main_thread = state->thread_id;
  process.readline_mutex_made = false;
  for (int i = 1; i < NSIG; ++i) process.signals[i].tripped = 0;
  process.any_signal = 0;
  state->interp->core.pending.busy = false;
  thread_handles_after_fork(state->interp);
  keep_only_thread(state);
  reference_zone_after_fork(state);
  import_lock_after_fork(true);
  perf_trampoline_after_fork();
  run_hooks("__fork_hooks_after_in_child__", false, "Exception ignored in after_forkers_child hook");
}
void PyOS_AfterFork(void) { PyOS_AfterFork_Child(); }

}  // extern "C"
