// What the parts of the posix module share: argument kinds, results and errors of system calls.
#pragma once

#include <Python.h>
#include <errno.h>
#include <sys/types.h>

#include "object/identifier.h"
#include "object/method.h"
#include "object/ref.h"
#include "object/result.h"

namespace ks::posix {

// Types of the module, one set for each interpreter. All members are object pointers.
struct PosixState {
  PyTypeObject* stat_result;
  PyTypeObject* statvfs_result;
  PyTypeObject* terminal_size;
  PyTypeObject* times_result;
  PyTypeObject* uname_result;
  PyTypeObject* waitid_result;
  PyTypeObject* sched_param;
  PyTypeObject* dir_entry;
  PyTypeObject* scandir_iterator;
};
PosixState* posix_state(PyObject* module);
PosixState* posix_state();  // of the current interpreter's module

// A path given as str, bytes or path-like object, and where allowed as a file descriptor or None.
struct Path {
  PyObject* given = nullptr;   // borrowed: for messages and for results of the same kind
  Ref<> object;                // str or bytes, after __fspath__
  Ref<> bytes;                 // as the system takes it
  const char* text = nullptr;  // nullptr: None was given, or a descriptor
  Py_ssize_t length = 0;
  int fd = -1;
  bool is_fd = false;
  Path() = default;
  bool returns_bytes() const { return object && PyBytes_Check(object.get()); }
};
struct PathOrFd : Path {};
struct PathOrNone : Path {};
struct PathOrFdOrNone : Path {};
// A dir_fd: an int or None.
struct DirFd {
  int fd = -100;  // AT_FDCWD
  bool given() const { return fd != -100; }
};
// A file descriptor: an int or an object with fileno().
struct Fd {
  int fd = -1;
  operator int() const { return fd; }
};
struct Pid {
  pid_t value = 0;
  operator pid_t() const { return value; }
};
struct Uid {
  uid_t value = 0;
};
struct Gid {
  gid_t value = 0;
};
struct Off {
  off_t value = 0;
  operator off_t() const { return value; }
};

bool convert_path(const Signature& signature, int index, PyObject* object, bool fd_allowed, bool none_allowed, Path* path);
bool convert_dir_fd(PyObject* object, int* fd);
bool convert_fd(PyObject* object, int* fd);
bool convert_uid(PyObject* object, uid_t* uid);
bool convert_gid(PyObject* object, gid_t* gid);
bool convert_off(PyObject* object, off_t* value);

// OSError of errno, with file names; they return failed.
Failed os_error();
Failed os_error(const Path& path);
Failed os_error(const Path& path, const Path& path2);
Failed os_error_of(int error);

// ValueError for combinations that the system does not offer, as the reference words them.
Status check_fd_and_dir_fd(const char* function, const Path& path, const DirFd& dir_fd);
Status check_fd_and_follow(const char* function, const Path& path, bool follow_symlinks);

// Runs a system call without the GIL, again after signals. -1 with errno set, or with an exception (then *raised).
template <class F>
auto system_call(F&& function, bool* raised) -> decltype(function()) {
  *raised = false;
  while (true) {
    decltype(function()) result;
    int error;
    Py_BEGIN_ALLOW_THREADS
    errno = 0;
    result = function();
    error = errno;
    Py_END_ALLOW_THREADS
    if (result != static_cast<decltype(result)>(-1) || error != EINTR) {
      errno = error;
      return result;
    }
    if (PyErr_CheckSignals() < 0) {
      *raised = true;
      return result;
    }
  }
}
// The same for calls that are not repeated.
template <class F>
auto without_gil(F&& function) -> decltype(function()) {
  decltype(function()) result;
  int error;
  Py_BEGIN_ALLOW_THREADS
  errno = 0;
  result = function();
  error = errno;
  Py_END_ALLOW_THREADS
  errno = error;
  return result;
}
// None, or OSError when the result is -1.
inline PyObject* none_or_error(int result) {
  if (result < 0) return os_error();
  return Py_NewRef(Py_None);
}
inline PyObject* none_or_error(int result, const Path& path) {
  if (result < 0) return os_error(path);
  return Py_NewRef(Py_None);
}
// "path": str from the file system's bytes, or the bytes when the caller's path was bytes.
Ref<> path_result(const char* text, Py_ssize_t length, bool as_bytes);

PyObject* pid_to_object(pid_t pid);
PyObject* uid_to_object(uid_t uid);
PyObject* gid_to_object(gid_t gid);
PyObject* stat_to_object(PosixState* state, const struct ::stat& info);

// Method tables of the parts.
extern PyMethodDef file_methods[], path_methods[], directory_methods[], process_methods[], identity_methods[], system_methods[],
    spawn_methods[], schedule_methods[];
extern PyType_Spec dir_entry_spec, scandir_iterator_spec;
Status add_schedule_types(PyObject* module);

}  // namespace ks::posix

namespace ks {
#define KS_PATH_ARGUMENT(TYPE, FD, NONE)                                                         \
  template <>                                                                                    \
  struct Argument<posix::TYPE> {                                                                 \
    posix::TYPE value;                                                                           \
    void set_default(const char*, int) {}                                                        \
    bool convert(const Signature& signature, int index, PyObject* object) {                      \
      return posix::convert_path(signature, index, object, FD, NONE, &value);                    \
    }                                                                                            \
  };
KS_PATH_ARGUMENT(Path, false, false)
KS_PATH_ARGUMENT(PathOrFd, true, false)
KS_PATH_ARGUMENT(PathOrNone, false, true)
KS_PATH_ARGUMENT(PathOrFdOrNone, true, true)
#undef KS_PATH_ARGUMENT
#define KS_NUMBER_ARGUMENT(TYPE, CONVERT, MEMBER)                                                \
  template <>                                                                                    \
  struct Argument<posix::TYPE> {                                                                 \
    posix::TYPE value;                                                                           \
    void set_default(const char*, int) {}                                                        \
    bool convert(const Signature&, int, PyObject* object) { return CONVERT(object, &value.MEMBER); } \
  };
KS_NUMBER_ARGUMENT(DirFd, posix::convert_dir_fd, fd)
KS_NUMBER_ARGUMENT(Fd, posix::convert_fd, fd)
KS_NUMBER_ARGUMENT(Uid, posix::convert_uid, value)
KS_NUMBER_ARGUMENT(Gid, posix::convert_gid, value)
KS_NUMBER_ARGUMENT(Off, posix::convert_off, value)
KS_NUMBER_ARGUMENT(Pid, convert_int, value)
#undef KS_NUMBER_ARGUMENT
}  // namespace ks
