// The faulthandler module: tracebacks written from signal handlers, with nothing but write().
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>

#include "interpreter/frame.h"
#include "modules/_thread.h"
#include "modules/module.h"
#include "object/export.h"
#include "runtime/lifecycle.h"
#include "runtime/locks.h"
#include "runtime/process.h"

namespace ks {

namespace {

// ---- writing ----------------------------------------------------------------------------------------------------------------

void put(int fd, const char* text, size_t size) {
  while (size) {
    const ssize_t count = write(fd, text, size);
    if (count <= 0) return;
    text += count;
    size -= static_cast<size_t>(count);
  }
}
void put(int fd, const char* text) { put(fd, text, strlen(text)); }
void put_decimal(int fd, size_t value) {
  char buffer[24];
  char* p = buffer + sizeof buffer;
  do *--p = static_cast<char>('0' + value % 10);
  while (value /= 10);
  put(fd, p, static_cast<size_t>(buffer + sizeof buffer - p));
}
void put_hex(int fd, uintptr_t value, int width) {
  char buffer[24];
  int digits = 0;
  do buffer[digits++] = "0123456789abcdef"[value & 15];
  while ((value >>= 4) || digits < width);
  char reversed[24];
  for (int i = 0; i < digits; ++i) reversed[i] = buffer[digits - 1 - i];
  put(fd, reversed, static_cast<size_t>(digits));
}
// ASCII text of a str; other characters as escapes; 500 characters at most.
void put_str(int fd, PyObject* text) {
  Py_ssize_t size = PyUnicode_GET_LENGTH(text);
  const bool cut = size > 500;
  if (cut) size = 500;
  const int kind = static_cast<int>(PyUnicode_KIND(text));
  const void* data = PyUnicode_DATA(text);
  for (Py_ssize_t i = 0; i < size; ++i) {
    const Py_UCS4 c = PyUnicode_READ(kind, data, i);
    if (c >= 0x20 && c < 0x7f) {
      const char byte = static_cast<char>(c);
      put(fd, &byte, 1);
    } else if (c <= 0xff) {
      put(fd, "\\x");
      put_hex(fd, c, 2);
    } else if (c <= 0xffff) {
      put(fd, "\\u");
      put_hex(fd, c, 4);
    } else {
      put(fd, "\\U");
      put_hex(fd, c, 8);
    }
  }
  if (cut) put(fd, "...");
}

void dump_frames(int fd, PyThreadState* state, bool header) {
  if (header) put(fd, "Stack (most recent call first):\n");
  Frame* frame = state->current_frame;
  if (!frame) {
    put(fd, "  <no Python frame>\n");
    return;
  }
  unsigned depth = 0;
  for (; frame; frame = frame->previous) {
    if (frame->owner == kOwnedByInterpreter) continue;
    if (depth++ >= 100) {
      put(fd, "  ...\n");
      break;
    }
    PyObject* code_object = frame->f_executable.object();
    if (!code_object || !PyCode_Check(code_object)) continue;
    auto* code = as<PyCodeObject>(code_object);
    put(fd, "  File ");
    if (code->co_filename && PyUnicode_Check(code->co_filename)) {
      put(fd, "\"");
      put_str(fd, code->co_filename);
      put(fd, "\"");
    } else {
      put(fd, "???");
    }
    const int line = PyCode_Addr2Line(code, frame_instruction_index(frame) * 2);
    put(fd, ", line ");
    if (line >= 0) put_decimal(fd, static_cast<size_t>(line));
    else put(fd, "???");
    put(fd, " in ");
    if (code->co_name && PyUnicode_Check(code->co_name)) put_str(fd, code->co_name);
    else put(fd, "???");
    put(fd, "\n");
  }
}
void dump_thread_head(int fd, PyThreadState* state, bool current) {
  put(fd, current ? "Current thread 0x" : "Thread 0x");
  put_hex(fd, state->thread_id, 16);
  char name[17] = {};
  if (pthread_getname_np(static_cast<pthread_t>(state->thread_id), name, sizeof name) == 0 && *name) {
    put(fd, " [");
    put(fd, name);
    put(fd, "]");
  }
  put(fd, " (most recent call first):\n");
}
void dump_all(int fd, PyInterpreterState* interp, PyThreadState* current) {
  unsigned count = 0;
  for (PyThreadState* state = interp->core.threads; state; state = state->next) {
    if (count) put(fd, "\n");
    if (count++ >= 100) {
      put(fd, "...\n");
      break;
    }
    dump_thread_head(fd, state, state == current);
    dump_frames(fd, state, false);
  }
}
void dump_c_stack(int fd) {
  put(fd, "Current thread's C stack trace (most recent call first):\n");
  void* addresses[32];
  const int count = backtrace(addresses, 32);
  for (int i = 0; i < count; ++i) {
    Dl_info info;
    if (!dladdr(addresses[i], &info) || !info.dli_fname) {
      put(fd, "  Binary file \"<unknown>\" [0x");
      put_hex(fd, reinterpret_cast<uintptr_t>(addresses[i]), 1);
      put(fd, "]\n");
      continue;
    }
    put(fd, "  Binary file \"");
    put(fd, info.dli_fname);
    put(fd, "\"");
    if (info.dli_sname) {
      put(fd, ", at ");
      put(fd, info.dli_sname);
      put(fd, "+0x");
      put_hex(fd, reinterpret_cast<uintptr_t>(addresses[i]) - reinterpret_cast<uintptr_t>(info.dli_saddr), 1);
    } else {
      put(fd, ", at +0x");
      put_hex(fd, reinterpret_cast<uintptr_t>(addresses[i]) - reinterpret_cast<uintptr_t>(info.dli_fbase), 1);
    }
    put(fd, " [0x");
    put_hex(fd, reinterpret_cast<uintptr_t>(addresses[i]), 1);
    put(fd, "]\n");
  }
}

// ---- fatal signals ------------------------------------------------------------------------------------------------------------

struct FatalSignal {
  int number;
  const char* name;
  bool installed;
  struct sigaction previous;
};
struct UserSignal {
  bool installed;
  PyObject* file;
  int fd;
  bool all_threads, chain;
  struct sigaction previous;
};
// Signal handlers can only reach what has a fixed place; it belongs to the process.
struct State {
  FatalSignal fatal[5] = {{SIGBUS, "Bus error", false, {}},
                          {SIGILL, "Illegal instruction", false, {}},
                          {SIGFPE, "Floating-point exception", false, {}},
                          {SIGABRT, "Aborted", false, {}},
                          {SIGSEGV, "Segmentation fault", false, {}}};
  bool enabled = false;
  PyObject* file = nullptr;
  int fd = -1;
  bool all_threads = true;
  UserSignal user[NSIG] = {};
  stack_t stack = {}, old_stack = {};
  // dump_traceback_later
  PyObject* later_file = nullptr;
  int later_fd = -1;
  int64_t later_timeout = 0;
  bool later_repeat = false, later_exit = false, later_active = false;
  char later_header[64] = {};
  PyInterpreterState* later_interp = nullptr;
  Event later_cancel, later_done;
};
constinit State state;

PyThreadState* faulting_thread() {
  // The thread-local variable is in the initial TLS block: reading it is safe here.
  return current_thread_state ? current_thread_state : PyGILState_GetThisThreadState();
}

void disable_one(FatalSignal& signal) {
  if (!signal.installed) return;
  signal.installed = false;
  sigaction(signal.number, &signal.previous, nullptr);
}

void fatal_handler(int number) {
  const int saved = errno;
  FatalSignal* signal = nullptr;
  for (FatalSignal& candidate : state.fatal)
    if (candidate.number == number) signal = &candidate;
  if (!signal || !state.enabled) return;
  disable_one(*signal);
  const int fd = state.fd;
  put(fd, "Fatal Python error: ");
  put(fd, signal->name);
  put(fd, "\n\n");
  PyThreadState* thread_state = faulting_thread();
  if (state.all_threads && process.main) {
    dump_all(fd, thread_state ? thread_state->interp : process.main, thread_state);
  } else if (thread_state) {
    dump_frames(fd, thread_state, true);
  }
  put(fd, "\n");
  dump_c_stack(fd);
  errno = saved;
  ::raise(number);
}

void user_handler(int number) {
  const int saved = errno;
  UserSignal& signal = state.user[number];
  if (!signal.installed) return;
  PyThreadState* thread_state = faulting_thread();
  if (signal.all_threads && process.main) dump_all(signal.fd, thread_state ? thread_state->interp : process.main, thread_state);
  else if (thread_state) dump_frames(signal.fd, thread_state, true);
  if (signal.chain) {
    // The former handler runs, then ours is back.
    struct sigaction ours;
    sigaction(number, &signal.previous, &ours);
    errno = saved;
    ::raise(number);
    sigaction(number, &ours, nullptr);
  }
  errno = saved;
}

// ---- arguments -------------------------------------------------------------------------------------------------------------------

// The descriptor of a file argument: an int, an object with fileno(), or sys.stderr. *file: what must be kept.
int descriptor(PyObject** file) {
  if (!*file || *file == Py_None) {
    *file = sys_get("stderr"_id);
    if (!*file) {
      PyErr_SetString(PyExc_RuntimeError, "unable to get sys.stderr");
      return -1;
    }
    if (*file == Py_None) {
      PyErr_SetString(PyExc_RuntimeError, "sys.stderr is None");
      return -1;
    }
  } else if (PyLong_Check(*file)) {
    if (PyBool_Check(*file) && PyErr_WarnEx(PyExc_RuntimeWarning, "bool is used as a file descriptor", 1)) return -1;
    const int fd = PyLong_AsInt(*file);
    if (fd == -1 && PyErr_Occurred()) return -1;
    if (fd < 0) {
      PyErr_SetString(PyExc_ValueError, "file is not a valid file descripter");
      return -1;
    }
    *file = nullptr;
    return fd;
  }
  Ref<> number = steal(PyObject_CallMethodNoArgs(*file, "fileno"_id));
  if (!number) return -1;
  int fd = -1;
  if (PyLong_Check(number.get())) {
    const long value = PyLong_AsLong(number);
    if (value >= 0 && value < INT_MAX) fd = static_cast<int>(value);
  }
  if (fd == -1) {
    PyErr_SetString(PyExc_RuntimeError, "file.fileno() is not a valid file descriptor");
    return -1;
  }
  Ref<> flushed = steal(PyObject_CallMethodNoArgs(*file, "flush"_id));
  if (!flushed) PyErr_Clear();
  return fd;
}

Status enable_handlers() {
  if (state.enabled) return Status::Ok;
  state.enabled = true;
  for (FatalSignal& signal : state.fatal) {
    struct sigaction action{};
    action.sa_handler = fatal_handler;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_NODEFER | SA_ONSTACK;
    if (sigaction(signal.number, &action, &signal.previous)) return raise(PyExc_RuntimeError, "can't enable faulthandler");
    signal.installed = true;
  }
  return Status::Ok;
}
bool disable_handlers() {
  const bool was = state.enabled;
  state.enabled = false;
  for (FatalSignal& signal : state.fatal) disable_one(signal);
  Py_CLEAR(state.file);
  return was;
}
void alternative_stack() {
  if (state.stack.ss_sp) return;
  state.stack.ss_flags = 0;
  state.stack.ss_size = static_cast<size_t>(SIGSTKSZ) * 2;
  state.stack.ss_sp = PyMem_RawMalloc(state.stack.ss_size);
  if (state.stack.ss_sp && sigaltstack(&state.stack, &state.old_stack) != 0) {
    PyMem_RawFree(state.stack.ss_sp);
    state.stack.ss_sp = nullptr;
  }
}

// ---- the module --------------------------------------------------------------------------------------------------------------------

Status fault_enable(PyObject*, PyObject* file, bool all_threads) {
  const int fd = descriptor(&file);
  if (fd < 0) return failed;
  alternative_stack();
  Py_XSETREF(state.file, Py_XNewRef(file));
  state.fd = fd;
  state.all_threads = all_threads;
  return enable_handlers();
}
bool fault_disable(PyObject*) { return disable_handlers(); }
bool fault_is_enabled(PyObject*) { return state.enabled; }
Status fault_dump_traceback(PyObject*, PyObject* file, bool all_threads) {
  const int fd = descriptor(&file);
  if (fd < 0) return failed;
  if (all_threads) dump_all(fd, interpreter(), thread());
  else dump_frames(fd, thread(), true);
  return PyErr_CheckSignals() ? Status::Error : Status::Ok;
}
Status fault_dump_c_stack(PyObject*, PyObject* file) {
  const int fd = descriptor(&file);
  if (fd < 0) return failed;
  dump_c_stack(fd);
  return PyErr_CheckSignals() ? Status::Error : Status::Ok;
}

void later_thread(void*) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  for (;;) {
    if (state.later_cancel.wait(state.later_timeout, nullptr)) break;
    put(state.later_fd, state.later_header);
    dump_all(state.later_fd, state.later_interp, nullptr);
    if (state.later_exit) _exit(1);
    if (!state.later_repeat) break;
  }
  state.later_done.set();
}
void cancel_later() {
  if (state.later_active) {
    state.later_cancel.set();
    state.later_done.wait(-1, nullptr);
    state.later_active = false;
  }
  Py_CLEAR(state.later_file);
}
Status fault_dump_traceback_later(PyObject*, PyObject* timeout, bool repeat, PyObject* file, bool exit) {
  int64_t nanoseconds;
  TRY(seconds_to_nanoseconds(timeout, &nanoseconds));
  if (nanoseconds <= 0) return raise(PyExc_ValueError, "timeout must be greater than 0");
  const int fd = descriptor(&file);
  if (fd < 0) return failed;
  const int64_t microseconds = (nanoseconds + 999) / 1000;
  cancel_later();
  const long seconds = static_cast<long>(microseconds / 1000000), rest = static_cast<long>(microseconds % 1000000);
  if (rest)
    snprintf(state.later_header, sizeof state.later_header, "Timeout (%lu:%02lu:%02lu.%06lu)!\n", static_cast<unsigned long>(seconds / 3600),
             static_cast<unsigned long>(seconds / 60 % 60), static_cast<unsigned long>(seconds % 60), static_cast<unsigned long>(rest));
  else
    snprintf(state.later_header, sizeof state.later_header, "Timeout (%lu:%02lu:%02lu)!\n", static_cast<unsigned long>(seconds / 3600),
             static_cast<unsigned long>(seconds / 60 % 60), static_cast<unsigned long>(seconds % 60));
  state.later_file = Py_XNewRef(file);
  state.later_fd = fd;
  state.later_timeout = nanoseconds;
  state.later_repeat = repeat;
  state.later_exit = exit;
  state.later_interp = interpreter();
  state.later_cancel.word = state.later_done.word = 0;
  if (PyThread_start_new_thread(later_thread, nullptr) == PYTHREAD_INVALID_THREAD_ID) return raise(PyExc_RuntimeError, "unable to start watchdog thread");
  state.later_active = true;
  return Status::Ok;
}
void fault_cancel_dump_traceback_later(PyObject*) { cancel_later(); }

bool good_signal(int number) {
  for (const FatalSignal& signal : state.fatal)
    if (signal.number == number) {
      PyErr_Format(PyExc_RuntimeError, "signal %i cannot be registered, use enable() instead", number);
      return false;
    }
  if (number < 1 || number >= NSIG) {
    PyErr_SetString(PyExc_ValueError, "signal number out of range");
    return false;
  }
  return true;
}
Status fault_register(PyObject*, int number, PyObject* file, bool all_threads, bool chain) {
  if (!good_signal(number)) return failed;
  const int fd = descriptor(&file);
  if (fd < 0) return failed;
  alternative_stack();
  UserSignal& signal = state.user[number];
  if (!signal.installed) {
    struct sigaction action{};
    action.sa_handler = user_handler;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    if (chain) action.sa_flags = SA_NODEFER | SA_ONSTACK;
    if (sigaction(number, &action, &signal.previous)) return raise_errno();
  }
  Py_XSETREF(signal.file, Py_XNewRef(file));
  signal.fd = fd;
  signal.all_threads = all_threads;
  signal.chain = chain;
  signal.installed = true;
  return Status::Ok;
}
bool unregister_one(int number) {
  UserSignal& signal = state.user[number];
  if (!signal.installed) return false;
  signal.installed = false;
  sigaction(number, &signal.previous, nullptr);
  Py_CLEAR(signal.file);
  signal.fd = -1;
  return true;
}
PyObject* fault_unregister(PyObject*, int number) {
  if (!good_signal(number)) return nullptr;
  return PyBool_FromLong(unregister_one(number));
}

void no_core_file() {
  rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &limit);
  }
}
void fault_read_null(PyObject*) {
  no_core_file();
  volatile int* nothing = nullptr;
  const int value = *nothing;
  (void)value;
}
void fault_sigsegv(PyObject*, bool release_gil) {
  no_core_file();
  if (release_gil) {
    Py_BEGIN_ALLOW_THREADS
    ::raise(SIGSEGV);
    Py_END_ALLOW_THREADS
  } else {
    ::raise(SIGSEGV);
  }
}
void fatal_c_thread(void*) { Py_FatalError("in new thread"); }
Status fault_fatal_error_c_thread(PyObject*) {
  no_core_file();
  if (PyThread_start_new_thread(fatal_c_thread, nullptr) == PYTHREAD_INVALID_THREAD_ID) return raise(PyExc_RuntimeError, "unable to start the thread");
  for (;;) pause();
}
void fault_sigfpe(PyObject*) {
  no_core_file();
  ::raise(SIGFPE);
}
void fault_sigabrt(PyObject*) {
  no_core_file();
  abort();
}
[[clang::optnone]] uintptr_t overflow(uintptr_t depth) {
  volatile char buffer[4096];
  buffer[0] = static_cast<char>(depth);
  if (depth == UINTPTR_MAX) return 0;
  return overflow(depth + 1) + static_cast<uintptr_t>(buffer[0]);
}
PyObject* fault_stack_overflow(PyObject*) {
  no_core_file();
  return PyLong_FromSize_t(overflow(0));
}

METHOD_AS(fault_enable, "enable", 0, "($module, /, file=sys.stderr, all_threads=True)", "Enable the fault handler.");
METHOD_AS(fault_disable, "disable", 0, "($module, /)", "Disable the fault handler.");
METHOD_AS(fault_is_enabled, "is_enabled", 0, "($module, /)", "Check if the handler is enabled.");
METHOD_AS(fault_dump_traceback, "dump_traceback", 0, "($module, /, file=sys.stderr, all_threads=True)",
          "Dump the traceback of the current thread into file.");
METHOD_AS(fault_dump_c_stack, "dump_c_stack", 0, "($module, /, file=sys.stderr)", "Dump the C stack of the current thread.");
METHOD_AS(fault_dump_traceback_later, "dump_traceback_later", 0, "($module, /, timeout, repeat=False, file=sys.stderr, exit=False)",
          "Dump the traceback of all threads in timeout seconds.");
METHOD_AS(fault_cancel_dump_traceback_later, "cancel_dump_traceback_later", 0, "($module, /)", "Cancel the previous call to dump_traceback_later().");
METHOD_AS(fault_register, "register", 0, "($module, /, signum, file=sys.stderr, all_threads=True, chain=False)",
          "Register a handler for the signal 'signum'.");
METHOD_AS(fault_unregister, "unregister", 0, "($module, signum, /)", "Unregister the handler of the signal registered by register().");
METHOD_AS(fault_read_null, "_read_null", 0, "($module, /)", "Read from NULL, raise a SIGSEGV or SIGBUS signal depending on the platform.");
METHOD_AS(fault_sigsegv, "_sigsegv", 0, "($module, release_gil=False, /)", "Raise a SIGSEGV signal.");
METHOD_AS(fault_fatal_error_c_thread, "_fatal_error_c_thread", 0, "($module, /)", "Call Py_FatalError() in a new C thread.");
METHOD_AS(fault_sigabrt, "_sigabrt", 0, "($module, /)", "Raise a SIGABRT signal.");
METHOD_AS(fault_sigfpe, "_sigfpe", 0, "($module, /)", "Raise a SIGFPE signal.");
METHOD_AS(fault_stack_overflow, "_stack_overflow", 0, "($module, /)", "Recursive call to raise a stack overflow.");
PyMethodDef fault_methods[] = {fault_enable_method, fault_disable_method, fault_is_enabled_method, fault_dump_traceback_method,
                               fault_dump_c_stack_method, fault_dump_traceback_later_method, fault_cancel_dump_traceback_later_method,
                               fault_register_method, fault_unregister_method, fault_read_null_method, fault_sigsegv_method,
                               fault_fatal_error_c_thread_method, fault_sigabrt_method, fault_sigfpe_method, fault_stack_overflow_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(fault_slots);
PyModuleDef fault_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "faulthandler",
    .m_doc = "faulthandler module.",
    .m_size = 0,
    .m_methods = fault_methods,
    .m_slots = fault_slots,
};

}  // namespace

// -X faulthandler: the module's enable(), once the module can be imported.
Status faulthandler_start(bool enable) {
  if (!enable) return Status::Ok;
  alternative_stack();
  state.fd = 2;
  state.all_threads = true;
  return enable_handlers();
}
void faulthandler_end() {
  cancel_later();
  for (int i = 1; i < NSIG; ++i) unregister_one(i);
  disable_handlers();
  if (state.stack.ss_sp) {
    stack_t current;
    if (sigaltstack(nullptr, &current) == 0 && current.ss_sp == state.stack.ss_sp) sigaltstack(&state.old_stack, nullptr);
    PyMem_RawFree(state.stack.ss_sp);
    state.stack.ss_sp = nullptr;
  }
}

}  // namespace ks

extern "C" {

void ks_dump_traceback(int fd, PyThreadState* thread_state) {
  ks::dump_thread_head(fd, thread_state, true);
  ks::dump_frames(fd, thread_state, false);
}
KS_EXPORT void _Py_DumpStack(int fd) { ks::dump_c_stack(fd); }
KS_EXPORT void _Py_InitDumpStack(void) {
  void* addresses[1];
  backtrace(addresses, 1);
}

}  // extern "C"

PyMODINIT_FUNC PyInit_faulthandler(void) { return PyModuleDef_Init(&ks::fault_module); }
