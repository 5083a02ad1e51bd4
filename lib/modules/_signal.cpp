// The _signal module.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "modules/_thread.h"
#include "modules/module.h"
#include "runtime/lifecycle.h"
#include "runtime/locks.h"
#include "runtime/process.h"
#include "runtime/signals.h"

namespace ks {

namespace {

struct SignalState {
  PyObject* itimer_error;
  PyTypeObject* siginfo_type;
};
SignalState* state_of(PyObject* module) { return static_cast<SignalState*>(PyModule_GetState(module)); }

bool valid(int number) { return number >= 1 && number < NSIG; }
Failed out_of_range() { return raise(PyExc_ValueError, "signal number out of range"); }

// SIG_DFL and SIG_IGN are 0 and 1 for Python.
void start_slots() {
  if (!process.signal_default) process.signal_default = PyLong_FromLong(0);
  if (!process.signal_ignore) process.signal_ignore = PyLong_FromLong(1);
  for (int i = 1; i < NSIG; ++i) {
    SignalSlot& slot = process.signals[i];
    if (slot.handler) continue;
    const PyOS_sighandler_t handler = PyOS_getsig(i);
    slot.handler = Py_NewRef(handler == SIG_DFL ? process.signal_default : handler == SIG_IGN ? process.signal_ignore : Py_None);
  }
}

PyObject* signal_default_int_handler(PyObject*, PyObject*, PyObject*) {
  PyErr_SetNone(PyExc_KeyboardInterrupt);
  return nullptr;
}
METHOD_AS(signal_default_int_handler, "default_int_handler", 0, "($module, signalnum, frame, /)",
          "The default handler for SIGINT installed by Python. It raises KeyboardInterrupt.");

Found equals(PyObject* a, PyObject* b) { return found(PyObject_RichCompareBool(a, b, Py_EQ)); }

PyObject* signal_signal(PyObject*, int number, PyObject* handler) {
  if (!is_main_thread() || !is_main_interpreter(interpreter()))
    return raise(PyExc_ValueError, "signal only works in main thread of the main interpreter");
  if (!valid(number)) return out_of_range();
  PyOS_sighandler_t function;
  if (PyCallable_Check(handler)) {
    function = signal_c_handler();
  } else {
    const Found is_ignore = equals(handler, process.signal_ignore);
    if (is_failure(is_ignore)) return nullptr;
    const Found is_default = equals(handler, process.signal_default);
    if (is_failure(is_default)) return nullptr;
    if (is_ignore == Found::Yes) {
      function = SIG_IGN;
      handler = process.signal_ignore;
    } else if (is_default == Found::Yes) {
      function = SIG_DFL;
      handler = process.signal_default;
    } else {
      return raise(PyExc_TypeError, "signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object");
    }
  }
  if (PyErr_CheckSignals() < 0) return nullptr;
  if (PyOS_setsig(number, function) == SIG_ERR) return PyErr_SetFromErrno(PyExc_OSError);
  PyObject* old = process.signals[number].handler;
  process.signals[number].handler = Py_NewRef(handler);
  return old ? old : Py_NewRef(Py_None);
}
PyObject* signal_getsignal(PyObject*, int number) {
  if (!valid(number)) return out_of_range();
  PyObject* handler = process.signals[number].handler;
  return Py_NewRef(handler ? handler : Py_None);
}
PyObject* signal_strsignal(PyObject*, int number) {
  if (!valid(number)) return out_of_range();
  errno = 0;
  const char* text = strsignal(number);
  if (errno || !text || strstr(text, "Unknown signal")) return Py_NewRef(Py_None);
  return PyUnicode_FromString(text);
}
Status signal_siginterrupt(PyObject*, int number, int flag) {
  if (!valid(number)) return out_of_range();
  struct sigaction action;
  sigaction(number, nullptr, &action);
  if (flag) action.sa_flags &= ~SA_RESTART;
  else action.sa_flags |= SA_RESTART;
  if (sigaction(number, &action, nullptr) < 0) return raise_errno();
  return Status::Ok;
}
constexpr char kWakeupName[] = "set_wakeup_fd";
constexpr Signature kWakeup = read_signature(kWakeupName, "($module, fd, /, *, warn_on_full_buffer=True)");
PyObject* signal_set_wakeup_fd(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* values[3] = {};
  if (is_failure(bind(kWakeup, args, nargs, kwnames, values, nullptr, nullptr))) return nullptr;
  const int fd = PyLong_AsInt(values[0]);
  if (fd == -1 && PyErr_Occurred()) return nullptr;
  int warn = 1;
  if (values[1] && (warn = PyObject_IsTrue(values[1])) < 0) return nullptr;
  if (!is_main_thread() || !is_main_interpreter(interpreter()))
    return raise(PyExc_ValueError, "set_wakeup_fd only works in main thread of the main interpreter");
  if (fd != -1) {
    struct stat info;
    if (fstat(fd, &info) != 0) return PyErr_SetFromErrno(PyExc_OSError);
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return PyErr_SetFromErrno(PyExc_OSError);
    if (!(flags & O_NONBLOCK)) return raise(PyExc_ValueError, "the fd %i must be in non-blocking mode", fd);
  }
  const int old = process.wakeup_fd - 1;
  process.wakeup_fd = fd + 1;
  process.wakeup_warn_on_full = warn;
  return PyLong_FromLong(old);
}
long signal_alarm(PyObject*, int seconds) { return static_cast<long>(alarm(static_cast<unsigned>(seconds))); }
Status signal_pause(PyObject*) {
  Py_BEGIN_ALLOW_THREADS
  pause();
  Py_END_ALLOW_THREADS
  return PyErr_CheckSignals() ? Status::Error : Status::Ok;
}
Status signal_raise_signal(PyObject*, int number) {
  int error;
  Py_BEGIN_ALLOW_THREADS
  error = ::raise(number);
  Py_END_ALLOW_THREADS
  if (error) return raise_errno();
  return PyErr_CheckSignals() ? Status::Error : Status::Ok;
}

// ---- timers ------------------------------------------------------------------------------------------------------------------

Status to_timeval(PyObject* seconds, timeval* result) {
  *result = {};
  if (!seconds) return Status::Ok;
  int64_t nanoseconds;
  TRY(seconds_to_nanoseconds(seconds, &nanoseconds));
  int64_t microseconds = nanoseconds / 1000 + (nanoseconds % 1000 > 0 ? 1 : 0);
  if (nanoseconds < 0) microseconds = -((-nanoseconds + 999) / 1000);
  result->tv_sec = microseconds / 1000000;
  result->tv_usec = microseconds % 1000000;
  return Status::Ok;
}
Ref<> timer_tuple(const itimerval& value) {
  return steal(Py_BuildValue("(dd)", static_cast<double>(value.it_value.tv_sec) + static_cast<double>(value.it_value.tv_usec) * 1e-6,
                             static_cast<double>(value.it_interval.tv_sec) + static_cast<double>(value.it_interval.tv_usec) * 1e-6));
}
Ref<> signal_setitimer(PyObject* module, int which, PyObject* seconds, PyObject* interval) {
  itimerval wanted{}, old{};
  TRY(to_timeval(seconds, &wanted.it_value));
  TRY(to_timeval(interval, &wanted.it_interval));
  if (setitimer(static_cast<__itimer_which_t>(which), &wanted, &old) != 0) {
    PyErr_SetFromErrno(state_of(module)->itimer_error);
    return failed;
  }
  return timer_tuple(old);
}
Ref<> signal_getitimer(PyObject* module, int which) {
  itimerval value{};
  if (getitimer(static_cast<__itimer_which_t>(which), &value) != 0) {
    PyErr_SetFromErrno(state_of(module)->itimer_error);
    return failed;
  }
  return timer_tuple(value);
}

// ---- sets of signals ---------------------------------------------------------------------------------------------------------

Status read_set(PyObject* iterable, sigset_t* set) {
  sigemptyset(set);
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  while (Ref<> item = steal(PyIter_Next(iterator))) {
    int overflow;
    const long number = PyLong_AsLongAndOverflow(item, &overflow);
    if (number <= 0 || number >= NSIG) {
      if (overflow || !PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "signal number %ld out of range [1; %i]", number, NSIG - 1);
      return failed;
    }
    if (sigaddset(set, static_cast<int>(number)) && errno != EINVAL) return raise_errno();
  }
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
Ref<> set_of(const sigset_t& set) {
  Ref<> result = TRY(steal(PySet_New(nullptr)));
  for (int i = 1; i < NSIG; ++i) {
    if (sigismember(&set, i) != 1) continue;
    Ref<> number = TRY(steal(PyLong_FromLong(i)));
    TRY(PySet_Add(result, number));
  }
  return result;
}
Ref<> signal_pthread_sigmask(PyObject*, int how, PyObject* mask) {
  sigset_t set, old;
  TRY(read_set(mask, &set));
  const int error = pthread_sigmask(how, &set, &old);
  if (error) {
    errno = error;
    return raise_errno();
  }
  if (PyErr_CheckSignals()) return failed;
  return set_of(old);
}
Ref<> signal_sigpending(PyObject*) {
  sigset_t set;
  if (sigpending(&set)) return raise_errno();
  return set_of(set);
}
Ref<> signal_valid_signals(PyObject*) {
  sigset_t set;
  if (sigfillset(&set)) return raise_errno();
  return set_of(set);
}
PyObject* signal_sigwait(PyObject*, PyObject* iterable) {
  sigset_t set;
  if (is_failure(read_set(iterable, &set))) return nullptr;
  int error, number;
  Py_BEGIN_ALLOW_THREADS
  error = sigwait(&set, &number);
  Py_END_ALLOW_THREADS
  if (error) {
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
  }
  return PyLong_FromLong(number);
}

PyStructSequence_Field kInfoFields[] = {{"si_signo", "signal number"}, {"si_code", "signal code"},
                                        {"si_errno", "errno associated with this signal"}, {"si_pid", "sending process ID"},
                                        {"si_uid", "real user ID of sending process"}, {"si_status", "exit value or signal"},
                                        {"si_band", "band event for SIGPOLL"}, {nullptr, nullptr}};
PyStructSequence_Desc kInfoDescription = {
    "signal.struct_siginfo", "struct_siginfo: Result from sigwaitinfo or sigtimedwait.\n\nIts fields are those of the system's siginfo_t.",
    kInfoFields, 7};
Ref<> make_info(PyObject* module, const siginfo_t& info) {
  Ref<> result = TRY(steal(PyStructSequence_New(state_of(module)->siginfo_type)));
  const long values[] = {info.si_signo, info.si_code, info.si_errno, info.si_pid, static_cast<long>(info.si_uid), info.si_status, info.si_band};
  for (int i = 0; i < 7; ++i) PyStructSequence_SetItem(result, i, TRY(steal(PyLong_FromLong(values[i]))).release());
  return result;
}
Ref<> signal_sigwaitinfo(PyObject* module, PyObject* iterable) {
  sigset_t set;
  TRY(read_set(iterable, &set));
  siginfo_t info;
  int error;
  do {
    Py_BEGIN_ALLOW_THREADS
    error = sigwaitinfo(&set, &info);
    Py_END_ALLOW_THREADS
    if (error != -1) return make_info(module, info);
    if (errno != EINTR) return raise_errno();
  } while (PyErr_CheckSignals() == 0);
  return failed;
}
Ref<> signal_sigtimedwait(PyObject* module, PyObject* iterable, PyObject* timeout) {
  int64_t left;
  TRY(seconds_to_nanoseconds(timeout, &left));
  if (left < 0) return raise(PyExc_ValueError, "timeout must be non-negative");
  sigset_t set;
  TRY(read_set(iterable, &set));
  const int64_t deadline = monotonic_nanoseconds() + left;
  siginfo_t info;
  for (;;) {
    const timespec wait{static_cast<time_t>(left / 1000000000), static_cast<long>(left % 1000000000)};
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = sigtimedwait(&set, &info, &wait);
    Py_END_ALLOW_THREADS
    if (result != -1) return make_info(module, info);
    if (errno == EAGAIN) return borrow(Py_None);
    if (errno != EINTR) return raise_errno();
    if (PyErr_CheckSignals()) return failed;
    left = deadline - monotonic_nanoseconds();
    if (left < 0) return borrow(Py_None);
  }
}
Status signal_pthread_kill(PyObject*, PyObject* thread_id, int number) {
  const unsigned long id = PyLong_AsUnsignedLongMask(thread_id);
  if (id == static_cast<unsigned long>(-1) && PyErr_Occurred()) return failed;
  if (PySys_Audit("signal.pthread_kill", "ki", id, number) < 0) return failed;
  const int error = pthread_kill(static_cast<pthread_t>(id), number);
  if (error) {
    errno = error;
    return raise_errno();
  }
  return PyErr_CheckSignals() ? Status::Error : Status::Ok;
}
Status signal_pidfd_send_signal(PyObject*, int pidfd, int number, PyObject* info, int flags) {
  if (info && info != Py_None) return raise(PyExc_TypeError, "siginfo must be None");
  if (syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, flags) < 0) return raise_errno();
  return Status::Ok;
}

METHOD_AS(signal_signal, "signal", 0, "($module, signalnum, handler, /)", "Set the action for the given signal.");
METHOD_AS(signal_getsignal, "getsignal", 0, "($module, signalnum, /)", "Return the current action for the given signal.");
METHOD_AS(signal_strsignal, "strsignal", 0, "($module, signalnum, /)", "Return the system description of the given signal.");
METHOD_AS(signal_siginterrupt, "siginterrupt", 0, "($module, signalnum, flag, /)", "Change system call restart behaviour.");
METHOD_RAW(signal_set_wakeup_fd, "set_wakeup_fd", 0,
           "set_wakeup_fd($module, fd, /, *, warn_on_full_buffer=True)\n--\n\nSets the fd to be written to (with the signal number) when a signal comes in.");
METHOD_AS(signal_alarm, "alarm", 0, "($module, seconds, /)", "Arrange for SIGALRM to arrive after the given number of seconds.");
METHOD_AS(signal_pause, "pause", 0, "($module, /)", "Wait until a signal arrives.");
METHOD_AS(signal_raise_signal, "raise_signal", 0, "($module, signalnum, /)", "Send a signal to the executing process.");
METHOD_AS(signal_setitimer, "setitimer", 0, "($module, which, seconds, interval=0.0, /)", "Sets given itimer (one of ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF).");
METHOD_AS(signal_getitimer, "getitimer", 0, "($module, which, /)", "Returns current value of given itimer.");
METHOD_AS(signal_pthread_sigmask, "pthread_sigmask", 0, "($module, how, mask, /)", "Fetch and/or change the signal mask of the calling thread.");
METHOD_AS(signal_sigpending, "sigpending", 0, "($module, /)", "Examine pending signals.");
METHOD_AS(signal_valid_signals, "valid_signals", 0, "($module, /)", "Return a set of valid signal numbers on this platform.");
METHOD_AS(signal_sigwait, "sigwait", 0, "($module, sigset, /)", "Wait for a signal.");
METHOD_AS(signal_sigwaitinfo, "sigwaitinfo", 0, "($module, sigset, /)", "Wait synchronously until one of the signals in *sigset* is delivered.");
METHOD_AS(signal_sigtimedwait, "sigtimedwait", 0, "($module, sigset, timeout, /)", "Like sigwaitinfo(), but with a timeout.");
METHOD_AS(signal_pthread_kill, "pthread_kill", 0, "($module, thread_id, signalnum, /)", "Send a signal to a thread.");
METHOD_AS(signal_pidfd_send_signal, "pidfd_send_signal", 0, "($module, pidfd, signalnum, siginfo=None, flags=0, /)",
          "Send a signal to a process referred to by a pid file descriptor.");

PyMethodDef signal_methods[] = {
    signal_default_int_handler_method, signal_signal_method, signal_getsignal_method, signal_strsignal_method, signal_siginterrupt_method,
    signal_set_wakeup_fd_method, signal_alarm_method, signal_pause_method, signal_raise_signal_method, signal_setitimer_method,
    signal_getitimer_method, signal_pthread_sigmask_method, signal_sigpending_method, signal_valid_signals_method, signal_sigwait_method,
    signal_sigwaitinfo_method, signal_sigtimedwait_method, signal_pthread_kill_method, signal_pidfd_send_signal_method, {}};

#define SIGNAL(NAME) {#NAME, NAME}
constexpr IntConstant kSignals[] = {
    SIGNAL(SIGHUP), SIGNAL(SIGINT), SIGNAL(SIGQUIT), SIGNAL(SIGILL), SIGNAL(SIGTRAP), SIGNAL(SIGIOT), SIGNAL(SIGABRT), SIGNAL(SIGFPE),
    SIGNAL(SIGKILL), SIGNAL(SIGBUS), SIGNAL(SIGSEGV), SIGNAL(SIGSYS), SIGNAL(SIGPIPE), SIGNAL(SIGALRM), SIGNAL(SIGTERM), SIGNAL(SIGUSR1),
    SIGNAL(SIGUSR2), SIGNAL(SIGCLD), SIGNAL(SIGCHLD), SIGNAL(SIGPWR), SIGNAL(SIGIO), SIGNAL(SIGURG), SIGNAL(SIGWINCH), SIGNAL(SIGPOLL),
    SIGNAL(SIGSTOP), SIGNAL(SIGTSTP), SIGNAL(SIGCONT), SIGNAL(SIGTTIN), SIGNAL(SIGTTOU), SIGNAL(SIGVTALRM), SIGNAL(SIGPROF),
    SIGNAL(SIGXCPU), SIGNAL(SIGXFSZ), SIGNAL(SIGSTKFLT), SIGNAL(NSIG), SIGNAL(SIG_BLOCK), SIGNAL(SIG_UNBLOCK), SIGNAL(SIG_SETMASK),
    SIGNAL(ITIMER_REAL), SIGNAL(ITIMER_VIRTUAL), SIGNAL(ITIMER_PROF)};
#undef SIGNAL

int signal_execute(PyObject* module) {
  SignalState* state = state_of(module);
  start_slots();
  if (PyModule_AddObjectRef(module, "SIG_DFL", process.signal_default) < 0 || PyModule_AddObjectRef(module, "SIG_IGN", process.signal_ignore) < 0)
    return -1;
  if (is_failure(add_constants(module, kSignals))) return -1;
  if (PyModule_AddIntConstant(module, "SIGRTMIN", SIGRTMIN) < 0 || PyModule_AddIntConstant(module, "SIGRTMAX", SIGRTMAX) < 0) return -1;
  state->itimer_error = PyErr_NewException("signal.itimer_error", PyExc_OSError, nullptr);
  if (!state->itimer_error || PyModule_AddObjectRef(module, "ItimerError", state->itimer_error) < 0) return -1;
  state->siginfo_type = PyStructSequence_NewType(&kInfoDescription);
  if (!state->siginfo_type || PyModule_AddObjectRef(module, "struct_siginfo", object(state->siginfo_type)) < 0) return -1;
  // The interrupt handler, when the program that loads us has left SIGINT alone.
  if (is_main_interpreter(interpreter()) && !process.default_int_handler)
    process.default_int_handler = PyObject_GetAttrString(module, "default_int_handler");
  return 0;
}
int signal_traverse(PyObject* module, visitproc visit, void* arg) {
  Py_VISIT(state_of(module)->itimer_error);
  Py_VISIT(state_of(module)->siginfo_type);
  return 0;
}
int signal_clear(PyObject* module) {
  Py_CLEAR(state_of(module)->itimer_error);
  Py_CLEAR(state_of(module)->siginfo_type);
  return 0;
}
MODULE_SLOTS(signal_slots, signal_execute);
PyModuleDef signal_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_signal",
    .m_doc = "This module provides mechanisms to use signal handlers in Python.",
    .m_size = sizeof(SignalState),
    .m_methods = signal_methods,
    .m_slots = signal_slots,
    .m_traverse = signal_traverse,
    .m_clear = signal_clear,
};

}  // namespace

Status signals_install_int_handler(PyObject* module) {
  if (process.signals[SIGINT].handler != process.signal_default) return Status::Ok;
  Ref<> handler = TRY(steal(PyObject_GetAttrString(module, "default_int_handler")));
  Py_XSETREF(process.signals[SIGINT].handler, handler.release());
  PyOS_setsig(SIGINT, signal_c_handler());
  return Status::Ok;
}

}  // namespace ks

PyMODINIT_FUNC PyInit__signal(void) { return PyModuleDef_Init(&ks::signal_module); }
