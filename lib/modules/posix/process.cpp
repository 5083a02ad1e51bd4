// posix: making, running, waiting for and ending processes.
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "modules/posix/posix.h"

extern char** environ;

namespace ks::posix {
namespace {

#define POSIX(NAME, SIGNATURE, DOC) METHOD_AS(posix_##NAME, #NAME, 0, SIGNATURE, DOC)

// A NULL-terminated array of strings for exec, with the bytes objects that own them.
class StringArray {
 public:
  Status add(PyObject* text) {
    Ref<> bytes;
    if (!PyUnicode_FSConverter(text, bytes.out())) return failed;
    pointers_.push_back(PyBytes_AS_STRING(bytes.get()));
    owned_.push_back(std::move(bytes));
    return Status::Ok;
  }
  Status add_pair(PyObject* key, PyObject* value) {
    Ref<> key_bytes, value_bytes;
    if (!PyUnicode_FSConverter(key, key_bytes.out()) || !PyUnicode_FSConverter(value, value_bytes.out())) return failed;
    const char* name = PyBytes_AS_STRING(key_bytes.get());
    if (!*name || strchr(name + 1, '=') || *name == '=') return raise(PyExc_ValueError, "illegal environment variable name");
    Ref<> joined = TRY(steal(PyBytes_FromFormat("%s=%s", name, PyBytes_AS_STRING(value_bytes.get()))));
    pointers_.push_back(PyBytes_AS_STRING(joined.get()));
    owned_.push_back(std::move(joined));
    return Status::Ok;
  }
  char** data() {
    if (pointers_.empty() || pointers_.back()) pointers_.push_back(nullptr);
    return pointers_.data();
  }
  Status fill_arguments(PyObject* argv, const char* function) {
    if (!PyList_Check(argv) && !PyTuple_Check(argv)) return raise(PyExc_TypeError, "%s: argv must be a tuple or list", function);
    const Py_ssize_t count = PySequence_Size(argv);
    if (count < 1) return raise(PyExc_ValueError, "%s: argv must not be empty", function);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(argv); ++i) {
      Ref<> item = TRY(steal(PySequence_GetItem(argv, i)));
      TRY(add(item));
    }
    if (!*pointers_[0]) return raise(PyExc_ValueError, "%s: argv first element cannot be empty", function);
    return Status::Ok;
  }
  Status fill_environment(PyObject* env, const char* function) {
    if (!PyMapping_Check(env)) return raise(PyExc_TypeError, "%s: environment must be a mapping object", function);
    Ref<> keys = TRY(steal(PyMapping_Keys(env)));
    Ref<> values = TRY(steal(PyMapping_Values(env)));
    if (!PyList_Check(keys.get()) || !PyList_Check(values.get())) return raise(PyExc_TypeError, "env.keys() or env.values() is not a list");
    const Py_ssize_t count = Py_MIN(PyList_GET_SIZE(keys.get()), PyList_GET_SIZE(values.get()));
    for (Py_ssize_t i = 0; i < count; ++i) TRY(add_pair(PyList_GET_ITEM(keys.get(), i), PyList_GET_ITEM(values.get(), i)));
    return Status::Ok;
  }

 private:
  std::vector<char*> pointers_;
  std::vector<Ref<>> owned_;
};

PyObject* posix_execv(PyObject*, const Path& path, PyObject* argv) {
  StringArray arguments;
  TRY(arguments.fill_arguments(argv, "execv() arg 2"));
  TRY(PySys_Audit("os.exec", "OOO", path.given, argv, Py_None));
  execv(path.text, arguments.data());
  return os_error(path);
}
POSIX(execv, "($module, path, argv, /)", "Run a program in place of this one.");
PyObject* posix_execve(PyObject*, const PathOrFd& path, PyObject* argv, PyObject* env) {
  StringArray arguments, environment;
  TRY(arguments.fill_arguments(argv, "execve"));
  TRY(environment.fill_environment(env, "execve"));
  TRY(PySys_Audit("os.exec", "OOO", path.given, argv, env));
  if (path.is_fd) fexecve(path.fd, arguments.data(), environment.data());
  else execve(path.text, arguments.data(), environment.data());
  return os_error(path);
}
POSIX(execve, "($module, /, path, argv, env)", "Run a program in place of this one, with an environment.");

// As the reference since 3.12: a fork() with other threads around is a risk that the user is told of.
Status warn_about_threads(const char* name) {
  // The kernel knows all threads, those of C libraries too.
  FILE* file = fopen("/proc/self/stat", "r");
  long threads = 0;
  if (file) {
    char line[1024];
    if (fgets(line, sizeof line, file)) {
      if (const char* after_name = strrchr(line, ')')) {
        // num_threads is the 18th field behind the name.
        const char* at = after_name + 1;
        for (int field = 1; field < 18 && at; ++field) at = strchr(at + 1, ' ');
        if (at) threads = strtol(at, nullptr, 10);
      }
    }
    fclose(file);
  }
  if (threads > 1)
    return status(PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                                   "This process (pid=%d) is multi-threaded, use of %s() may lead to deadlocks in the child.", getpid(), name));
  return Status::Ok;
}
PyObject* after_fork(pid_t pid, const char* name, int error) {
  if (pid == 0) {
    PyOS_AfterFork_Child();
  } else {
    PyOS_AfterFork_Parent();
    if (pid > 0) TRY(warn_about_threads(name));
  }
  if (pid < 0) return os_error_of(error);
  return pid_to_object(pid);
}
PyObject* posix_fork(PyObject*) {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) return raise(PyExc_RuntimeError, "fork not supported for isolated subinterpreters");
  if (Py_IsFinalizing()) return raise(PyExc_PythonFinalizationError, "can't fork at interpreter shutdown");
  TRY(PySys_Audit("os.fork", nullptr));
  PyOS_BeforeFork();
  const pid_t pid = fork();
  return after_fork(pid, "fork", errno);
}
POSIX(fork, "($module, /)", "Make a copy of this process; returns 0 in the child, the child's id in the parent.");
PyObject* posix_forkpty(PyObject*) {
  if (Py_IsFinalizing()) return raise(PyExc_PythonFinalizationError, "can't fork at interpreter shutdown");
  TRY(PySys_Audit("os.forkpty", nullptr));
  int master = -1;
  PyOS_BeforeFork();
  const pid_t pid = forkpty(&master, nullptr, nullptr, nullptr);
  Ref<> result = TRY(steal(after_fork(pid, "forkpty", errno)));
  return Py_BuildValue("(Oi)", result.get(), master);
}
POSIX(forkpty, "($module, /)", "fork() with a new pseudo-terminal; returns (pid, the master's descriptor).");

// ---- waiting ----------------------------------------------------------------------------------------------------------

PyObject* wait_result(pid_t pid, int child_status) { return Py_BuildValue("(Ni)", pid_to_object(pid), child_status); }
PyObject* posix_waitpid(PyObject*, Pid pid, int options) {
  int child_status = 0;
  bool raised;
  const pid_t result = system_call([&] { return waitpid(pid, &child_status, options); }, &raised);
  if (result < 0) return raised ? failed : os_error();
  return wait_result(result, child_status);
}
POSIX(waitpid, "($module, pid, options, /)", "Wait for a child to end; returns (its id, status).");
PyObject* posix_wait(PyObject*) {
  int child_status = 0;
  const pid_t result = without_gil([&] { return wait(&child_status); });
  if (result < 0) return os_error();
  return wait_result(result, child_status);
}
POSIX(wait, "($module, /)", "Wait for any child to end; returns (its id, status).");
PyObject* usage_object(const rusage& usage) {
  Ref<> module = TRY(steal(PyImport_ImportModule("resource")));
  Ref<> type = TRY(steal(PyObject_GetAttrString(module, "struct_rusage")));
  Ref<> items = TRY(steal(Py_BuildValue(
      "(ddllllllllllllll)", static_cast<double>(usage.ru_utime.tv_sec) + 1e-6 * static_cast<double>(usage.ru_utime.tv_usec),
      static_cast<double>(usage.ru_stime.tv_sec) + 1e-6 * static_cast<double>(usage.ru_stime.tv_usec), usage.ru_maxrss, usage.ru_ixrss,
      usage.ru_idrss, usage.ru_isrss, usage.ru_minflt, usage.ru_majflt, usage.ru_nswap, usage.ru_inblock, usage.ru_oublock,
      usage.ru_msgsnd, usage.ru_msgrcv, usage.ru_nsignals, usage.ru_nvcsw, usage.ru_nivcsw)));
  return PyObject_CallOneArg(type, items);
}
PyObject* do_wait4(pid_t pid, int options) {
  int child_status = 0;
  rusage usage{};
  bool raised;
  const pid_t result = system_call([&] { return wait4(pid, &child_status, options, &usage); }, &raised);
  if (result < 0) return raised ? failed : os_error();
  Ref<> used = TRY(steal(usage_object(usage)));
  return Py_BuildValue("(NiO)", pid_to_object(result), child_status, used.get());
}
PyObject* posix_wait3(PyObject*, int options) { return do_wait4(-1, options); }
POSIX(wait3, "($module, /, options)", "Wait for any child; returns (its id, status, resource usage).");
PyObject* posix_wait4(PyObject*, Pid pid, int options) { return do_wait4(pid, options); }
POSIX(wait4, "($module, /, pid, options)", "Wait for a child; returns (its id, status, resource usage).");
PyObject* posix_waitid(PyObject*, int id_type, Pid id, int options) {
  siginfo_t info{};
  bool raised;
  if (system_call([&] { return waitid(static_cast<idtype_t>(id_type), static_cast<id_t>(id), &info, options); }, &raised) < 0)
    return raised ? failed : os_error();
  if (info.si_pid == 0) Py_RETURN_NONE;
  PosixState* state = posix_state();
  if (!state) return nullptr;
  Ref<> result = TRY(steal(PyStructSequence_New(state->waitid_result)));
  PyStructSequence_SetItem(result, 0, pid_to_object(info.si_pid));
  PyStructSequence_SetItem(result, 1, uid_to_object(info.si_uid));
  PyStructSequence_SetItem(result, 2, PyLong_FromLong(info.si_signo));
  PyStructSequence_SetItem(result, 3, PyLong_FromLong(info.si_status));
  PyStructSequence_SetItem(result, 4, PyLong_FromLong(info.si_code));
  return PyErr_Occurred() ? nullptr : result.release();
}
POSIX(waitid, "($module, idtype, id, options, /)", "Wait for children that idtype and id choose; None when WNOHANG finds none.");
#define STATUS_TEST(NAME, DOC) \
  bool posix_##NAME(PyObject*, int status) { return NAME(status); } \
  POSIX(NAME, "($module, /, status)", DOC)
#define STATUS_VALUE(NAME, DOC) \
  int posix_##NAME(PyObject*, int status) { return NAME(status); } \
  POSIX(NAME, "($module, /, status)", DOC)
bool posix_WCOREDUMP(PyObject*, int status) { return WCOREDUMP(status); }
POSIX(WCOREDUMP, "($module, status, /)", "Whether the child left a core dump.");
STATUS_TEST(WIFCONTINUED, "Whether the child was continued.");
STATUS_TEST(WIFSTOPPED, "Whether the child was stopped.");
STATUS_TEST(WIFSIGNALED, "Whether a signal ended the child.");
STATUS_TEST(WIFEXITED, "Whether the child ended by itself.");
STATUS_VALUE(WEXITSTATUS, "The child's exit code.");
STATUS_VALUE(WTERMSIG, "The signal that ended the child.");
STATUS_VALUE(WSTOPSIG, "The signal that stopped the child.");
PyObject* posix_waitstatus_to_exitcode(PyObject*, PyObject* status_object) {
  if (!PyLong_Check(status_object)) return raise(PyExc_TypeError, "'%.200s' object cannot be interpreted as an integer", Py_TYPE(status_object)->tp_name);
  const int value = PyLong_AsInt(status_object);
  if (value == -1 && PyErr_Occurred()) return nullptr;
  if (WIFEXITED(value)) return PyLong_FromLong(WEXITSTATUS(value));
  if (WIFSIGNALED(value)) {
    const int signal_number = WTERMSIG(value);
    if (signal_number <= 0) return raise(PyExc_ValueError, "invalid WTERMSIG: %i", signal_number);
    return PyLong_FromLong(-signal_number);
  }
  if (WIFSTOPPED(value)) return raise(PyExc_ValueError, "process stopped by delivery of signal %i", WSTOPSIG(value));
  return raise(PyExc_ValueError, "invalid wait status: %i", value);
}
POSIX(waitstatus_to_exitcode, "($module, /, status)", "A wait status as exit code: negative for a signal.");

// ---- ending, signals --------------------------------------------------------------------------------------------------

PyObject* posix_exit(PyObject*, int code) { _exit(code); }
METHOD_AS(posix_exit, "_exit", 0, "($module, /, status)", "End the process at once, with nothing cleaned up.");
PyObject* posix_abort(PyObject*) { abort(); }
POSIX(abort, "($module, /)", "End the process by SIGABRT.");
PyObject* posix_kill(PyObject*, Pid pid, int signal_number) {
  TRY(PySys_Audit("os.kill", "ii", pid.value, signal_number));
  if (kill(pid, signal_number) < 0) return os_error();
  // A signal to this very process is handled before the call returns.
  if (PyErr_CheckSignals() < 0) return nullptr;
  Py_RETURN_NONE;
}
POSIX(kill, "($module, pid, signal, /)", "Send a signal to a process.");
PyObject* posix_killpg(PyObject*, Pid group, int signal_number) {
  TRY(PySys_Audit("os.killpg", "ii", group.value, signal_number));
  if (killpg(group, signal_number) < 0) return os_error();
  if (PyErr_CheckSignals() < 0) return nullptr;
  Py_RETURN_NONE;
}
POSIX(killpg, "($module, pgid, signal, /)", "Send a signal to a process group.");
PyObject* posix_system(PyObject*, const Path& command) {
  TRY(PySys_Audit("os.system", "(O)", command.bytes.get()));
  const int result = without_gil([&] { return system(command.text); });
  return PyLong_FromLong(result);
}
POSIX(system, "($module, /, command)", "Run a shell command; returns its wait status.");
PyObject* posix_nice(PyObject*, int increment) {
  errno = 0;
  const int value = nice(increment);
  if (value == -1 && errno) return os_error();
  return PyLong_FromLong(value);
}
POSIX(nice, "($module, increment, /)", "Add to the process's niceness and return it.");
PyObject* posix_pidfd_open(PyObject*, Pid pid, PyObject* flags_object) {
  const unsigned long flags = flags_object ? PyLong_AsUnsignedLong(flags_object) : 0;
  if (PyErr_Occurred()) return nullptr;
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid.value, flags));
  return fd < 0 ? os_error() : PyLong_FromLong(fd);
}
POSIX(pidfd_open, "($module, /, pid, flags=0)", "A descriptor that refers to a process.");
PyObject* posix_unshare(PyObject*, int flags) { return none_or_error(without_gil([&] { return unshare(flags); })); }
POSIX(unshare, "($module, /, flags)", "Part with namespaces that are shared with other processes.");
PyObject* posix_setns(PyObject*, Fd fd, int type) { return none_or_error(without_gil([&] { return setns(fd, type); })); }
POSIX(setns, "($module, /, fd, nstype=0)", "Join the namespace of a descriptor.");

PyObject* posix_register_at_fork(PyObject* module, PyObject* before, PyObject* after_in_child, PyObject* after_in_parent) {
  if (!before && !after_in_child && !after_in_parent) return raise(PyExc_TypeError, "At least one argument is required.");
  const struct {
    PyObject* hook;
    const char* name;
  } hooks[] = {{before, "before"}, {after_in_child, "after_in_child"}, {after_in_parent, "after_in_parent"}};
  for (const auto& row : hooks)
    if (row.hook && !PyCallable_Check(row.hook)) return raise(PyExc_TypeError, "'%s' must be callable, not %.200s", row.name, Py_TYPE(row.hook)->tp_name);
  // The runtime calls what these lists hold (PyOS_BeforeFork and its relatives).
  for (const auto& row : hooks) {
    if (!row.hook) continue;
    Ref<> name = TRY(steal(PyUnicode_FromFormat("__fork_hooks_%s__", row.name)));
    PyObject* dict = PyInterpreterState_GetDict(PyInterpreterState_Get());
    if (!dict) return raise(PyExc_RuntimeError, "no interpreter dictionary");
    PyObject* list = PyDict_GetItemWithError(dict, name);
    Ref<> made;
    if (!list) {
      if (PyErr_Occurred()) return nullptr;
      made = TRY(steal(PyList_New(0)));
      TRY(PyDict_SetItem(dict, name, made));
      list = made;
    }
    TRY(PyList_Append(list, row.hook));
  }
  Py_RETURN_NONE;
}
POSIX(register_at_fork,
      "($module, /, *, before=<unrepresentable>,\n                 after_in_child=<unrepresentable>,\n                 "
      "after_in_parent=<unrepresentable>)",
      "Have functions called around fork(): before it in reverse order, after it in order.");

}  // namespace

PyMethodDef process_methods[] = {posix_execv_method, posix_execve_method, posix_fork_method, posix_forkpty_method,
                                 posix_waitpid_method, posix_wait_method, posix_wait3_method, posix_wait4_method,
                                 posix_waitid_method, posix_WCOREDUMP_method, posix_WIFCONTINUED_method, posix_WIFSTOPPED_method,
                                 posix_WIFSIGNALED_method, posix_WIFEXITED_method, posix_WEXITSTATUS_method, posix_WTERMSIG_method,
                                 posix_WSTOPSIG_method, posix_waitstatus_to_exitcode_method, posix_exit_method, posix_abort_method,
                                 posix_kill_method, posix_killpg_method, posix_system_method, posix_nice_method,
                                 posix_pidfd_open_method, posix_unshare_method, posix_setns_method, posix_register_at_fork_method, {}};

}  // namespace ks::posix
