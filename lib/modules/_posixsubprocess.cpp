// _posixsubprocess: fork() and exec() with everything between them done without touching Python objects.
//
// The child shares the parent's memory image at an arbitrary moment: other threads are gone, locks may be held for ever.
// So between fork and exec only async-signal-safe calls are made, on data prepared before; preexec_fn is the exception
// that the user asks for. Errors go to the parent as text "ExceptionName:hex errno:message" through errpipe_write.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <vector>

#include "modules/module.h"
#include "modules/posix/posix.h"

namespace ks {
namespace {

// An array of C strings whose bytes objects are kept alive.
struct Strings {
  std::vector<char*> pointers;
  std::vector<Ref<>> owned;
  Status add_all(PyObject* sequence, bool convert) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); ++i) {
      Ref<> item = Ref<>::borrow(PySequence_Fast_GET_ITEM(sequence, i));
      Ref<> bytes;
      if (convert) {
        if (!PyUnicode_FSConverter(item, bytes.out())) return failed;
      } else {
        char* text;
        if (PyBytes_AsStringAndSize(item, &text, nullptr) < 0) return failed;
        bytes = item.share();
      }
      pointers.push_back(PyBytes_AS_STRING(bytes.get()));
      owned.push_back(std::move(bytes));
    }
    pointers.push_back(nullptr);
    return Status::Ok;
  }
};

struct Request {
  Strings executables, arguments, environment;
  bool has_environment = false;
  const char* folder = nullptr;
  int p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, errpipe_read, errpipe_write;
  bool close_fds, restore_signals, new_session;
  std::vector<int> keep;  // ascending
  pid_t group;
  bool set_uid = false, set_gid = false, set_groups = false;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  int umask_value;
  PyObject* preexec = nullptr;
  PyObject* preexec_arguments = nullptr;
};

// ---- the child --------------------------------------------------------------------------------------------------------

bool make_inheritable(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && (!(flags & FD_CLOEXEC) || fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) >= 0);
}
// Closes everything from 3 on but what is kept. Ranges between kept descriptors go in one system call each.
void close_others(const std::vector<int>& keep) {
  unsigned from = 3;
  auto close_from_to = [](unsigned first, unsigned last) {
    if (first > last) return;
    if (syscall(SYS_close_range, first, last, 0) == 0) return;
    const unsigned limit = last == ~0u ? static_cast<unsigned>(sysconf(_SC_OPEN_MAX)) : last + 1;
    for (unsigned fd = first; fd < limit; ++fd) close(static_cast<int>(fd));
  };
  for (const int fd : keep) {
    if (fd < 3 || static_cast<unsigned>(fd) < from) continue;
    if (fd > 3) close_from_to(from, static_cast<unsigned>(fd) - 1);
    from = static_cast<unsigned>(fd) + 1;
  }
  close_from_to(from, ~0u);
}

enum class Step { Run, Folder, Preexec };

// Everything up to exec; returns only when something failed (errno), with the step for the message.
Step run_child(Request& request) {
  for (const int fd : request.keep)
    if (fd != request.errpipe_write && !make_inheritable(fd)) return Step::Run;
  // The parent's ends of the pipes.
  for (const int fd : {request.p2cwrite, request.c2pread, request.errread, request.errpipe_read})
    if (fd >= 0) close(fd);
  // The child's ends must not be overwritten before they are moved to 0, 1 and 2.
  int c2pwrite = request.c2pwrite, errwrite = request.errwrite;
  if (c2pwrite == 0) {
    c2pwrite = dup(c2pwrite);
    if (c2pwrite < 0) return Step::Run;
  }
  while (errwrite == 0 || errwrite == 1) {
    errwrite = dup(errwrite);
    if (errwrite < 0) return Step::Run;
  }
  const struct {
    int from, to;
  } moves[] = {{request.p2cread, 0}, {c2pwrite, 1}, {errwrite, 2}};
  for (const auto& move : moves) {
    if (move.from < 0) continue;
    if (move.from == move.to ? !make_inheritable(move.from) : dup2(move.from, move.to) < 0) return Step::Run;
  }
  if (request.folder && chdir(request.folder) < 0) return Step::Folder;
  if (request.umask_value >= 0) umask(static_cast<mode_t>(request.umask_value));
  if (request.restore_signals) {
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
  }
  if (request.new_session) setsid();
  if (request.group >= 0 && setpgid(0, request.group) < 0) return Step::Run;
  if (request.set_groups && setgroups(request.groups.size(), request.groups.data()) < 0) return Step::Run;
  if (request.set_gid && setregid(request.gid, request.gid) < 0) return Step::Run;
  if (request.set_uid && setreuid(request.uid, request.uid) < 0) return Step::Run;
  if (request.preexec) {
    Ref<> result = Ref<>::steal(PyObject_Call(request.preexec, request.preexec_arguments, nullptr));
    if (!result) {
      errno = 0;
      return Step::Preexec;
    }
  }
  if (request.close_fds) close_others(request.keep);
  // The first program that can be run; an error other than "not there" is remembered.
  int error = 0;
  for (size_t i = 0; i + 1 < request.executables.pointers.size(); ++i) {
    const char* executable = request.executables.pointers[i];
    if (request.has_environment) execve(executable, request.arguments.pointers.data(), request.environment.pointers.data());
    else execv(executable, request.arguments.pointers.data());
    if (errno != ENOENT && errno != ENOTDIR && error == 0) error = errno;
  }
  if (error) errno = error;
  return Step::Run;
}

void report_failure(int pipe, Step step, int error) {
  auto send = [&](const char* text, size_t length) { [[maybe_unused]] const auto ignored = write(pipe, text, length); };
  if (!error) {
    constexpr char kMessage[] = "SubprocessError:0:Exception occurred in preexec_fn.";
    send(kMessage, sizeof kMessage - 1);
    return;
  }
  char digits[16];
  char* at = digits + sizeof digits;
  for (unsigned rest = static_cast<unsigned>(error); rest; rest /= 16) *--at = "0123456789ABCDEF"[rest % 16];
  send("OSError:", 8);
  send(at, static_cast<size_t>(digits + sizeof digits - at));
  // "noexec": the failure came before exec, so it has nothing to do with the program's name.
  if (step == Step::Folder) send(":noexec:chdir", 13);
  else send(":", 1);
}

// ---- the parent -------------------------------------------------------------------------------------------------------

Status read_kept(PyObject* tuple, std::vector<int>* keep) {
  // Strictly ascending and not negative: the child relies on it.
  int previous = -1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple, i);
    const long fd = PyLong_Check(item) ? PyLong_AsLong(item) : -1;
    if (fd < 0 || fd <= previous || fd > INT_MAX) {
      PyErr_Clear();
      return raise(PyExc_ValueError, "bad value(s) in fds_to_keep");
    }
    keep->push_back(previous = static_cast<int>(fd));
  }
  return Status::Ok;
}

PyObject* subprocess_fork_exec(PyObject*, PyObject* args, PyObject* executable_list, bool close_fds, PyObject* pass_fds, PyObject* cwd,
                               PyObject* env, int p2cread, int p2cwrite, int c2pread, int c2pwrite, int errread, int errwrite,
                               int errpipe_read, int errpipe_write, bool restore_signals, bool call_setsid, int pgid_to_set, PyObject* gid,
                               PyObject* extra_groups, PyObject* uid, int child_umask, PyObject* preexec_fn) {
  if (!PyTuple_Check(pass_fds)) return raise(PyExc_TypeError, "fork_exec() argument 4 must be tuple, not %.50s", Py_TYPE(pass_fds)->tp_name);
  if (preexec_fn != Py_None) {
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) return raise(PyExc_RuntimeError, "preexec_fn not supported within subinterpreters");
    if (Py_IsFinalizing()) return raise(PyExc_PythonFinalizationError, "preexec_fn not supported at interpreter shutdown");
  }
  if (close_fds && errpipe_write < 3) return raise(PyExc_ValueError, "errpipe_write must be >= 3");
  Request request;
  TRY(read_kept(pass_fds, &request.keep));
  request.p2cread = p2cread, request.p2cwrite = p2cwrite, request.c2pread = c2pread, request.c2pwrite = c2pwrite;
  request.errread = errread, request.errwrite = errwrite, request.errpipe_read = errpipe_read, request.errpipe_write = errpipe_write;
  request.close_fds = close_fds, request.restore_signals = restore_signals, request.new_session = call_setsid;
  request.group = pgid_to_set, request.umask_value = child_umask;

  Ref<> executables = TRY(steal(PySequence_Fast(executable_list, "executable_list must be a sequence")));
  TRY(request.executables.add_all(executables, false));
  if (args != Py_None) {
    Ref<> arguments = TRY(steal(PySequence_Fast(args, "argv must be a tuple")));
    TRY(request.arguments.add_all(arguments, true));
  } else {
    request.arguments.pointers.push_back(nullptr);
  }
  if (env != Py_None) {
    Ref<> environment = TRY(steal(PySequence_Fast(env, "env must be a sequence")));
    TRY(request.environment.add_all(environment, false));
    request.has_environment = true;
  }
  Ref<> folder;
  if (cwd != Py_None) {
    if (!PyUnicode_FSConverter(cwd, folder.out())) return nullptr;
    request.folder = PyBytes_AS_STRING(folder.get());
  }
  if (extra_groups != Py_None) {
    if (!PyList_Check(extra_groups)) return raise(PyExc_TypeError, "setgroups argument must be a list");
    const Py_ssize_t count = PyList_GET_SIZE(extra_groups);
    if (count > 65536) return raise(PyExc_ValueError, "too many extra_groups");
    request.set_groups = true;
    for (Py_ssize_t i = 0; i < count; ++i) {
      Ref<> item = Ref<>::borrow(PyList_GET_ITEM(extra_groups, i));
      if (!PyLong_Check(item.get())) return raise(PyExc_TypeError, "extra_groups must be integers");
      gid_t group;
      if (!posix::convert_gid(item, &group)) return raise(PyExc_ValueError, "invalid group id");
      request.groups.push_back(group);
    }
  }
  if (gid != Py_None) {
    if (!posix::convert_gid(gid, &request.gid)) return nullptr;
    request.set_gid = true;
  }
  if (uid != Py_None) {
    if (!posix::convert_uid(uid, &request.uid)) return nullptr;
    request.set_uid = true;
  }
  Ref<> no_arguments;
  const bool runs_python = preexec_fn != Py_None;
  if (runs_python) {
    no_arguments = TRY(steal(PyTuple_New(0)));
    request.preexec = preexec_fn;
    request.preexec_arguments = no_arguments;
    PyOS_BeforeFork();
  }

  // Without Python code in the child its memory may be borrowed until exec; signals wait, as handlers would run in it.
  const bool borrow = !runs_python && !request.set_uid && !request.set_gid && !request.set_groups;
  sigset_t all, old;
  if (borrow) {
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
  }
  int error = 0;
  const pid_t pid = borrow ? vfork() : fork();
  if (pid == 0) {
    if (borrow) {
      // Handlers of the parent must not run here; then signals may arrive again.
      for (int number = 1; number < NSIG; ++number) {
        struct sigaction action;
        if (number == SIGKILL || number == SIGSTOP || sigaction(number, nullptr, &action) < 0) continue;
        if (action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL) signal(number, SIG_DFL);
      }
      pthread_sigmask(SIG_SETMASK, &old, nullptr);
    }
    if (runs_python) PyOS_AfterFork_Child();
    const Step step = run_child(request);
    report_failure(request.errpipe_write, step, errno);
    _exit(255);
  }
  error = errno;
  if (borrow) pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (runs_python) PyOS_AfterFork_Parent();
  if (pid < 0) {
    errno = error;
    return raise_errno();
  }
  return PyLong_FromLong(pid);
}
METHOD_AS(subprocess_fork_exec, "fork_exec", 0,
          "($module, args, executable_list, close_fds, pass_fds, cwd,\n          env, p2cread, p2cwrite, c2pread, c2pwrite, errread, "
          "errwrite,\n          errpipe_read, errpipe_write, restore_signals, call_setsid,\n          pgid_to_set, gid, extra_groups, uid, "
          "child_umask, preexec_fn,\n          /)",
          "Start a program; returns its process id. For the module subprocess.");

PyMethodDef methods[] = {subprocess_fork_exec_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(slots);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_posixsubprocess", .m_doc = "Starting programs, for the module subprocess.",
                      .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__posixsubprocess(void) { return PyModuleDef_Init(&ks::module); }
