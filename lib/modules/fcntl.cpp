// fcntl: control of file descriptors, and file locks.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include "modules/module.h"

// Facts of the kernel's interface that older C library headers do not name.
#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace ks {
namespace {

constexpr size_t kBufferSize = 1024;
// Behind the caller's data; a call that writes past the buffer is found by it.
constexpr char kGuard[8] = {'\0', '\xfa', '\x69', '\xc4', '\x67', '\xa3', '\x6c', '\x58'};

// Calls without the GIL, again after signals. -1 and an exception on failure.
template <class F>
int repeated_call(F&& call) {
  while (true) {
    int result, error;
    Py_BEGIN_ALLOW_THREADS
    result = call();
    error = errno;
    Py_END_ALLOW_THREADS
    if (result >= 0) return result;
    if (error != EINTR) {
      errno = error;
      PyErr_SetFromErrno(PyExc_OSError);
      return -1;
    }
    if (PyErr_CheckSignals() < 0) return -1;
  }
}
Status descriptor(PyObject* object, int* fd) {
  *fd = PyObject_AsFileDescriptor(object);
  return *fd < 0 ? failed : Status::Ok;
}
Status check_guard(const char* buffer, size_t length) {
  if (memcmp(buffer + length, kGuard, sizeof kGuard) == 0) return Status::Ok;
  return raise(PyExc_SystemError, "buffer overflow");
}

PyObject* fcntl_fcntl(PyObject*, PyObject* fd_object, int command, PyObject* argument) {
  int fd;
  TRY(descriptor(fd_object, &fd));
  TRY(PySys_Audit("fcntl.fcntl", "iiO", fd, command, argument ? argument : Py_None));
  if (!argument || PyIndex_Check(argument)) {
    unsigned int value = 0;
    if (argument) {
      const unsigned long mask = PyLong_AsUnsignedLongMask(argument);
      if (mask == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
      value = static_cast<unsigned int>(mask);
    }
    const int result = repeated_call([&] { return fcntl(fd, command, static_cast<int>(value)); });
    return result < 0 ? nullptr : PyLong_FromLong(result);
  }
  if (!PyUnicode_Check(argument) && !PyObject_CheckBuffer(argument))
    return raise(PyExc_TypeError, "fcntl() argument 3 must be an integer, a bytes-like object, or a string, not %T", argument);
  Py_buffer view;
  if (!PyArg_Parse(argument, "s*", &view)) return nullptr;
  const auto length = static_cast<size_t>(view.len);
  char buffer[kBufferSize + sizeof kGuard];
  if (length > kBufferSize) {
    PyBuffer_Release(&view);
    return raise(PyExc_ValueError, "fcntl argument 3 is too long");
  }
  memcpy(buffer, view.buf, length);
  memcpy(buffer + length, kGuard, sizeof kGuard);
  PyBuffer_Release(&view);
  if (repeated_call([&] { return fcntl(fd, command, buffer); }) < 0) return nullptr;
  TRY(check_guard(buffer, length));
  return PyBytes_FromStringAndSize(buffer, static_cast<Py_ssize_t>(length));
}
METHOD(fcntl, fcntl, "($module, fd, cmd, arg=0, /)",
       "Call fcntl(2). With an integer argument the result is the call's; with bytes it is what the call made of a copy of them.");

PyObject* fcntl_ioctl(PyObject*, PyObject* fd_object, PyObject* request_object, PyObject* argument, bool mutate) {
  int fd;
  TRY(descriptor(fd_object, &fd));
  const unsigned long request = PyLong_AsUnsignedLongMask(request_object);
  if (request == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
  Ref<> request_shown = TRY(steal(PyLong_FromUnsignedLong(request)));
  TRY(PySys_Audit("fcntl.ioctl", "iOO", fd, request_shown.get(), argument ? argument : Py_None));
  if (!argument || PyIndex_Check(argument)) {
    int value = 0;
    if (argument) {
      const unsigned long mask = PyLong_AsUnsignedLongMask(argument);
      if (mask == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
      value = static_cast<int>(mask);
    }
    const int result = repeated_call([&] { return ioctl(fd, request, value); });
    return result < 0 ? nullptr : PyLong_FromLong(result);
  }
  if (!PyUnicode_Check(argument) && !PyObject_CheckBuffer(argument))
    return raise(PyExc_TypeError, "ioctl() argument 3 must be an integer, a bytes-like object, or a string, not %T", argument);
  Py_buffer view;
  char buffer[kBufferSize + sizeof kGuard];
  if (mutate && !PyBytes_Check(argument) && !PyUnicode_Check(argument)) {
    if (PyObject_GetBuffer(argument, &view, PyBUF_WRITABLE) == 0) {
      const auto length = static_cast<size_t>(view.len);
      char* target = static_cast<char*>(view.buf);
      const bool copied = length <= kBufferSize;
      if (copied) {
        memcpy(buffer, view.buf, length);
        memcpy(buffer + length, kGuard, sizeof kGuard);
        target = buffer;
      }
      const int result = repeated_call([&] { return ioctl(fd, request, target); });
      Status checked = Status::Ok;
      if (result >= 0 && copied) {
        memcpy(view.buf, buffer, length);
        checked = check_guard(buffer, length);
      }
      PyBuffer_Release(&view);
      return result < 0 || checked == Status::Error ? nullptr : PyLong_FromLong(result);
    }
    if (!PyErr_ExceptionMatches(PyExc_BufferError)) return nullptr;
    PyErr_Clear();
  }
  if (!PyArg_Parse(argument, "s*", &view)) return nullptr;
  const auto length = static_cast<size_t>(view.len);
  if (length > kBufferSize) {
    PyBuffer_Release(&view);
    return raise(PyExc_ValueError, "ioctl argument 3 is too long");
  }
  memcpy(buffer, view.buf, length);
  memcpy(buffer + length, kGuard, sizeof kGuard);
  PyBuffer_Release(&view);
  if (repeated_call([&] { return ioctl(fd, request, buffer); }) < 0) return nullptr;
  TRY(check_guard(buffer, length));
  return PyBytes_FromStringAndSize(buffer, static_cast<Py_ssize_t>(length));
}
METHOD(fcntl, ioctl, "($module, fd, request, arg=0, mutate_flag=True, /)",
       "Call ioctl(2). A writable buffer receives the result when mutate_flag is true; otherwise a changed copy is returned.");

PyObject* fcntl_flock(PyObject*, PyObject* fd_object, int operation) {
  int fd;
  TRY(descriptor(fd_object, &fd));
  TRY(PySys_Audit("fcntl.flock", "ii", fd, operation));
  if (repeated_call([&] { return flock(fd, operation); }) < 0) return nullptr;
  Py_RETURN_NONE;
}
METHOD(fcntl, flock, "($module, fd, operation, /)", "Lock or unlock a whole file: LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB.");

PyObject* fcntl_lockf(PyObject*, PyObject* fd_object, int operation, PyObject* length, PyObject* start, int whence) {
  int fd;
  TRY(descriptor(fd_object, &fd));
  TRY(PySys_Audit("fcntl.lockf", "iiOOi", fd, operation, length ? length : Py_None, start ? start : Py_None, whence));
  struct flock lock {};
  if (operation == LOCK_UN) lock.l_type = F_UNLCK;
  else if (operation & LOCK_SH) lock.l_type = F_RDLCK;
  else if (operation & LOCK_EX) lock.l_type = F_WRLCK;
  else return raise(PyExc_ValueError, "unrecognized lockf argument");
  if (start) {
    lock.l_start = PyLong_AsLongLong(start);
    if (PyErr_Occurred()) return nullptr;
  }
  if (length) {
    lock.l_len = PyLong_AsLongLong(length);
    if (PyErr_Occurred()) return nullptr;
  }
  lock.l_whence = static_cast<short>(whence);
  if (repeated_call([&] { return fcntl(fd, operation & LOCK_NB ? F_SETLK : F_SETLKW, &lock); }) < 0) return nullptr;
  Py_RETURN_NONE;
}
METHOD(fcntl, lockf, "($module, fd, cmd, len=0, start=0, whence=0, /)", "Lock or unlock a range of a file, with the constants of flock().");

PyMethodDef methods[] = {fcntl_fcntl_method, fcntl_ioctl_method, fcntl_flock_method, fcntl_lockf_method, {}};
#define C(NAME) {#NAME, static_cast<long long>(NAME)}
constexpr IntConstant constants[] = {
    C(DN_ACCESS), C(DN_ATTRIB), C(DN_CREATE), C(DN_DELETE), C(DN_MODIFY), C(DN_MULTISHOT), C(DN_RENAME), C(FASYNC), C(FD_CLOEXEC),
    C(FICLONE), C(FICLONERANGE), C(F_ADD_SEALS), C(F_DUPFD), C(F_DUPFD_CLOEXEC), C(F_DUPFD_QUERY), C(F_EXLCK), C(F_GETFD), C(F_GETFL),
    C(F_GETLEASE), C(F_GETLK), C(F_GETLK64), C(F_GETOWN), C(F_GETOWN_EX), C(F_GETPIPE_SZ), C(F_GETSIG), C(F_GET_FILE_RW_HINT),
    C(F_GET_RW_HINT), C(F_GET_SEALS), C(F_NOTIFY), C(F_OFD_GETLK), C(F_OFD_SETLK), C(F_OFD_SETLKW), C(F_OWNER_PGRP), C(F_OWNER_PID),
    C(F_OWNER_TID), C(F_RDLCK), C(F_SEAL_FUTURE_WRITE), C(F_SEAL_GROW), C(F_SEAL_SEAL), C(F_SEAL_SHRINK), C(F_SEAL_WRITE), C(F_SETFD),
    C(F_SETFL), C(F_SETLEASE), C(F_SETLK), C(F_SETLK64), C(F_SETLKW), C(F_SETLKW64), C(F_SETOWN), C(F_SETOWN_EX), C(F_SETPIPE_SZ),
    C(F_SETSIG), C(F_SET_FILE_RW_HINT), C(F_SET_RW_HINT), C(F_SHLCK), C(F_UNLCK), C(F_WRLCK), C(LOCK_EX), C(LOCK_MAND), C(LOCK_NB),
    C(LOCK_READ), C(LOCK_RW), C(LOCK_SH), C(LOCK_UN), C(LOCK_WRITE), C(RWH_WRITE_LIFE_EXTREME), C(RWH_WRITE_LIFE_LONG),
    C(RWH_WRITE_LIFE_MEDIUM), C(RWH_WRITE_LIFE_NONE), {"RWH_WRITE_LIFE_NOT_SET", 0}, C(RWH_WRITE_LIFE_SHORT)};
#undef C
int fcntl_exec(PyObject* module) { return to_c(add_constants(module, constants)); }
MODULE_SLOTS(slots, fcntl_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "fcntl", .m_doc = "Control of file descriptors, and file locks.",
                      .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_fcntl(void) { return PyModuleDef_Init(&ks::module); }
