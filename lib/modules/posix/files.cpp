// posix: calls on file descriptors.
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utmp.h>

#include <vector>

#include "modules/posix/posix.h"

namespace ks::posix {
namespace {

#define POSIX(NAME, SIGNATURE, DOC) METHOD_AS(posix_##NAME, #NAME, 0, SIGNATURE, DOC)

// Descriptors that Python makes are not inherited by programs it starts.
Status set_inheritable(int fd, bool inheritable) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags < 0) return os_error();
  const int wanted = inheritable ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
  if (wanted != flags && fcntl(fd, F_SETFD, wanted) < 0) return os_error();
  return Status::Ok;
}

PyObject* posix_open(PyObject*, const Path& path, int flags, int mode, DirFd dir_fd) {
  TRY(PySys_Audit("open", "OOi", path.object.get(), Py_None, flags));
  bool raised;
  const int fd = system_call([&] { return openat(dir_fd.fd, path.text, flags | O_CLOEXEC, static_cast<mode_t>(mode)); }, &raised);
  if (fd < 0) return raised ? failed : os_error(path);
  return PyLong_FromLong(fd);
}
POSIX(open, "($module, /, path, flags, mode=511, *, dir_fd=None)", "Open a file; returns its descriptor, which programs started later do not inherit.");

PyObject* posix_close(PyObject*, Fd fd) {
  // Not repeated after a signal: the descriptor is gone either way.
  const int result = without_gil([&] { return close(fd); });
  return none_or_error(result);
}
POSIX(close, "($module, /, fd)", "Close a file descriptor.");
void posix_closerange(PyObject*, int low, int high) {
  if (low < high) without_gil([&] { return close_range(static_cast<unsigned>(Py_MAX(low, 0)), static_cast<unsigned>(high - 1), 0); });
}
POSIX(closerange, "($module, fd_low, fd_high, /)", "Close the descriptors from fd_low to below fd_high, whether open or not.");

PyObject* posix_dup(PyObject*, int fd) {
  const int result = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return result < 0 ? os_error() : PyLong_FromLong(result);
}
POSIX(dup, "($module, fd, /)", "A copy of a file descriptor, not inheritable.");
PyObject* posix_dup2(PyObject*, int fd, int fd2, bool inheritable) {
  const int result = without_gil([&] { return inheritable || fd == fd2 ? dup2(fd, fd2) : dup3(fd, fd2, O_CLOEXEC); });
  return result < 0 ? os_error() : PyLong_FromLong(result);
}
POSIX(dup2, "($module, /, fd, fd2, inheritable=True)", "Make fd2 a copy of fd.");

PyObject* posix_read(PyObject*, int fd, Py_ssize_t length) {
  if (length < 0) return os_error_of(EINVAL);
  PyObject* buffer = PyBytes_FromStringAndSize(nullptr, length);
  if (!buffer) return nullptr;
  bool raised;
  const Py_ssize_t count = system_call([&] { return read(fd, PyBytes_AS_STRING(buffer), static_cast<size_t>(length)); }, &raised);
  if (count < 0) {
    const int error = errno;
    Py_DECREF(buffer);
    return raised ? failed : os_error_of(error);
  }
  if (count != length) _PyBytes_Resize(&buffer, count);
  return buffer;
}
POSIX(read, "($module, fd, length, /)", "Up to length bytes from a descriptor.");
PyObject* posix_readinto(PyObject*, int fd, PyObject* target) {
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
    PyErr_Clear();
    return raise(PyExc_TypeError, "readinto() argument 2 must be read-write bytes-like object, not %.200s", Py_TYPE(target)->tp_name);
  }
  bool raised;
  const Py_ssize_t count = system_call([&] { return read(fd, view.buf, static_cast<size_t>(view.len)); }, &raised);
  const int error = errno;
  PyBuffer_Release(&view);
  if (count < 0) return raised ? failed : os_error_of(error);
  return PyLong_FromSsize_t(count);
}
POSIX(readinto, "($module, fd, buffer, /)", "Read into a buffer; returns how many bytes.");
PyObject* posix_write(PyObject*, int fd, const BufferArgument& data) {
  bool raised;
  const Py_ssize_t count = system_call([&] { return write(fd, data.data(), static_cast<size_t>(data.size())); }, &raised);
  if (count < 0) return raised ? failed : os_error();
  return PyLong_FromSsize_t(count);
}
POSIX(write, "($module, fd, data, /)", "Write bytes to a descriptor; returns how many went out.");
PyObject* posix_pread(PyObject*, int fd, Py_ssize_t length, Off offset) {
  if (length < 0) return os_error_of(EINVAL);
  PyObject* buffer = PyBytes_FromStringAndSize(nullptr, length);
  if (!buffer) return nullptr;
  bool raised;
  const Py_ssize_t count = system_call([&] { return pread(fd, PyBytes_AS_STRING(buffer), static_cast<size_t>(length), offset); }, &raised);
  if (count < 0) {
    const int error = errno;
    Py_DECREF(buffer);
    return raised ? failed : os_error_of(error);
  }
  if (count != length) _PyBytes_Resize(&buffer, count);
  return buffer;
}
POSIX(pread, "($module, fd, length, offset, /)", "As read(), at an offset; the position stays.");
PyObject* posix_pwrite(PyObject*, int fd, const BufferArgument& data, Off offset) {
  bool raised;
  const Py_ssize_t count = system_call([&] { return pwrite(fd, data.data(), static_cast<size_t>(data.size()), offset); }, &raised);
  if (count < 0) return raised ? failed : os_error();
  return PyLong_FromSsize_t(count);
}
POSIX(pwrite, "($module, fd, buffer, offset, /)", "As write(), at an offset; the position stays.");

// The buffers of readv() and writev().
class Vectors {
 public:
  ~Vectors() {
    for (Py_buffer& view : views_) PyBuffer_Release(&view);
  }
  Status fill(PyObject* sequence, int flags, const char* function) {
    if (!PySequence_Check(sequence)) return raise(PyExc_TypeError, "%s() arg 2 must be a sequence", function);
    const Py_ssize_t count = PySequence_Size(sequence);
    if (count < 0) return failed;
    views_.reserve(static_cast<size_t>(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
      Ref<> item = TRY(steal(PySequence_GetItem(sequence, i)));
      Py_buffer view;
      if (PyObject_GetBuffer(item, &view, flags) < 0) return failed;
      views_.push_back(view);
      vectors.push_back({view.buf, static_cast<size_t>(view.len)});
    }
    return Status::Ok;
  }
  std::vector<iovec> vectors;
  int count() const { return static_cast<int>(vectors.size()); }

 private:
  std::vector<Py_buffer> views_;
};
PyObject* transferred(Py_ssize_t count, bool raised) {
  if (count < 0) return raised ? failed : os_error();
  return PyLong_FromSsize_t(count);
}
PyObject* posix_readv(PyObject*, int fd, PyObject* buffers) {
  Vectors vectors;
  TRY(vectors.fill(buffers, PyBUF_WRITABLE, "readv"));
  bool raised;
  const Py_ssize_t count = system_call([&] { return readv(fd, vectors.vectors.data(), vectors.count()); }, &raised);
  return transferred(count, raised);
}
POSIX(readv, "($module, fd, buffers, /)", "Read into several buffers; returns how many bytes.");
PyObject* posix_writev(PyObject*, int fd, PyObject* buffers) {
  Vectors vectors;
  TRY(vectors.fill(buffers, PyBUF_SIMPLE, "writev"));
  bool raised;
  const Py_ssize_t count = system_call([&] { return writev(fd, vectors.vectors.data(), vectors.count()); }, &raised);
  return transferred(count, raised);
}
POSIX(writev, "($module, fd, buffers, /)", "Write several buffers; returns how many bytes went out.");
PyObject* posix_preadv(PyObject*, int fd, PyObject* buffers, Off offset, int flags) {
  Vectors vectors;
  TRY(vectors.fill(buffers, PyBUF_WRITABLE, "preadv"));
  bool raised;
  const Py_ssize_t count = system_call([&] { return preadv2(fd, vectors.vectors.data(), vectors.count(), offset, flags); }, &raised);
  return transferred(count, raised);
}
POSIX(preadv, "($module, fd, buffers, offset, flags=0, /)", "As readv(), at an offset.");
PyObject* posix_pwritev(PyObject*, int fd, PyObject* buffers, Off offset, int flags) {
  Vectors vectors;
  TRY(vectors.fill(buffers, PyBUF_SIMPLE, "pwritev"));
  bool raised;
  const Py_ssize_t count = system_call([&] { return pwritev2(fd, vectors.vectors.data(), vectors.count(), offset, flags); }, &raised);
  return transferred(count, raised);
}
POSIX(pwritev, "($module, fd, buffers, offset, flags=0, /)", "As writev(), at an offset.");

PyObject* posix_sendfile(PyObject*, int out, int in, PyObject* offset_object, Py_ssize_t count) {
  bool raised;
  Py_ssize_t sent;
  if (offset_object == Py_None) {
    sent = system_call([&] { return sendfile(out, in, nullptr, static_cast<size_t>(count)); }, &raised);
  } else {
    off_t offset;
    if (!convert_off(offset_object, &offset)) return nullptr;
    sent = system_call([&] { return sendfile(out, in, &offset, static_cast<size_t>(count)); }, &raised);
  }
  return transferred(sent, raised);
}
POSIX(sendfile, "($module, /, out_fd, in_fd, offset, count)", "Copy count bytes between descriptors within the kernel.");
// None: from the descriptor's own position.
Status optional_offset(PyObject* object, loff_t* value, loff_t** pointer) {
  *pointer = nullptr;
  if (!object || object == Py_None) return Status::Ok;
  off_t offset;
  if (!convert_off(object, &offset)) return failed;
  *value = offset;
  *pointer = value;
  return Status::Ok;
}
PyObject* posix_copy_file_range(PyObject*, int source, int target, Py_ssize_t count, PyObject* offset_source, PyObject* offset_target) {
  if (count < 0) return raise(PyExc_ValueError, "negative value for 'count' not allowed");
  loff_t source_value, target_value, *source_offset, *target_offset;
  TRY(optional_offset(offset_source, &source_value, &source_offset));
  TRY(optional_offset(offset_target, &target_value, &target_offset));
  bool raised;
  const Py_ssize_t copied =
      system_call([&] { return copy_file_range(source, source_offset, target, target_offset, static_cast<size_t>(count), 0); }, &raised);
  return transferred(copied, raised);
}
POSIX(copy_file_range, "($module, /, src, dst, count, offset_src=None, offset_dst=None)", "Copy count bytes from file to file within the kernel.");
PyObject* posix_splice(PyObject*, int source, int target, Py_ssize_t count, PyObject* offset_source, PyObject* offset_target, int flags) {
  if (count < 0) return raise(PyExc_ValueError, "negative value for 'count' not allowed");
  loff_t source_value, target_value, *source_offset, *target_offset;
  TRY(optional_offset(offset_source, &source_value, &source_offset));
  TRY(optional_offset(offset_target, &target_value, &target_offset));
  bool raised;
  const Py_ssize_t moved = system_call(
      [&] { return splice(source, source_offset, target, target_offset, static_cast<size_t>(count), static_cast<unsigned>(flags)); }, &raised);
  return transferred(moved, raised);
}
POSIX(splice, "($module, /, src, dst, count, offset_src=None, offset_dst=None, flags=0)", "Move count bytes between descriptors, one of them a pipe's.");

PyObject* posix_lseek(PyObject*, int fd, Off position, int whence) {
  const off_t result = without_gil([&] { return lseek(fd, position, whence); });
  return result < 0 ? os_error() : PyLong_FromLongLong(result);
}
POSIX(lseek, "($module, fd, position, whence, /)", "Move a descriptor's position and return it.");
PyObject* posix_fstat(PyObject*, int fd) {
  struct stat info;
  bool raised;
  if (system_call([&] { return fstat(fd, &info); }, &raised) < 0) return raised ? failed : os_error();
  PosixState* state = posix_state();
  return state ? stat_to_object(state, info) : nullptr;
}
POSIX(fstat, "($module, /, fd)", "stat() for a descriptor.");
#define FD_CALL(NAME, DOC)                                                                    \
  PyObject* posix_##NAME(PyObject*, Fd fd) {                                                  \
    bool raised;                                                                              \
    if (system_call([&] { return NAME(fd); }, &raised) < 0) return raised ? failed : os_error(); \
    Py_RETURN_NONE;                                                                           \
  }                                                                                           \
  POSIX(NAME, "($module, /, fd)", DOC)
FD_CALL(fsync, "Write a file's data and facts out to the device.");
FD_CALL(fdatasync, "Write a file's data out to the device.");
FD_CALL(fchdir, "Make the directory of a descriptor the current one.");
PyObject* posix_ftruncate(PyObject*, int fd, Off length) {
  bool raised;
  if (system_call([&] { return ftruncate(fd, length); }, &raised) < 0) return raised ? failed : os_error();
  Py_RETURN_NONE;
}
POSIX(ftruncate, "($module, fd, length, /)", "Make the file of a descriptor length bytes long.");
PyObject* posix_fchmod(PyObject*, int fd, int mode) {
  bool raised;
  if (system_call([&] { return fchmod(fd, static_cast<mode_t>(mode)); }, &raised) < 0) return raised ? failed : os_error();
  Py_RETURN_NONE;
}
POSIX(fchmod, "($module, /, fd, mode)", "Set the access rights of a descriptor's file.");
PyObject* posix_fchown(PyObject*, int fd, Uid uid, Gid gid) {
  bool raised;
  if (system_call([&] { return fchown(fd, uid.value, gid.value); }, &raised) < 0) return raised ? failed : os_error();
  Py_RETURN_NONE;
}
POSIX(fchown, "($module, /, fd, uid, gid)", "Set the owner and group of a descriptor's file; -1 leaves one.");
PyObject* posix_posix_fallocate(PyObject*, int fd, Off offset, Off length) {
  int error;
  do {
    error = without_gil([&] { return posix_fallocate(fd, offset, length); });
    if (error == EINTR && PyErr_CheckSignals() < 0) return nullptr;
  } while (error == EINTR);
  if (error) return os_error_of(error);
  Py_RETURN_NONE;
}
POSIX(posix_fallocate, "($module, fd, offset, length, /)", "Make sure that a range of a file has room on the device.");
PyObject* posix_posix_fadvise(PyObject*, int fd, Off offset, Off length, int advice) {
  int error;
  do {
    error = without_gil([&] { return posix_fadvise(fd, offset, length, advice); });
    if (error == EINTR && PyErr_CheckSignals() < 0) return nullptr;
  } while (error == EINTR);
  if (error) return os_error_of(error);
  Py_RETURN_NONE;
}
POSIX(posix_fadvise, "($module, fd, offset, length, advice, /)", "Tell how a range of a file will be used.");
PyObject* posix_lockf(PyObject*, int fd, int command, Off length) {
  bool raised;
  if (system_call([&] { return lockf(fd, command, length); }, &raised) < 0) return raised ? failed : os_error();
  Py_RETURN_NONE;
}
POSIX(lockf, "($module, fd, command, length, /)", "Lock, test or unlock a range of a file.");

Found posix_isatty(PyObject*, int fd) { return without_gil([&] { return isatty(fd); }) ? Found::Yes : Found::No; }
POSIX(isatty, "($module, fd, /)", "Whether a descriptor is a terminal's.");
PyObject* posix_ttyname(PyObject*, int fd) {
  char name[4096];
  if (const int error = ttyname_r(fd, name, sizeof name)) return os_error_of(error);
  return PyUnicode_DecodeFSDefault(name);
}
POSIX(ttyname, "($module, fd, /)", "The name of a descriptor's terminal.");
PyObject* posix_get_terminal_size(PyObject*, PyObject* fd_object) {
  int fd = STDOUT_FILENO;
  if (fd_object && !convert_int(fd_object, &fd)) return nullptr;
  winsize window;
  if (ioctl(fd, TIOCGWINSZ, &window) < 0) return os_error();
  PosixState* state = posix_state();
  if (!state) return nullptr;
  Ref<> result = TRY(steal(PyStructSequence_New(state->terminal_size)));
  PyStructSequence_SetItem(result, 0, PyLong_FromLong(window.ws_col));
  PyStructSequence_SetItem(result, 1, PyLong_FromLong(window.ws_row));
  return PyErr_Occurred() ? nullptr : result.release();
}
POSIX(get_terminal_size, "($module, fd=<unrepresentable>, /)", "The size of a terminal window as (columns, lines).");

PyObject* two_descriptors(int first, int second) { return Py_BuildValue("(ii)", first, second); }
PyObject* posix_pipe(PyObject*) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return os_error();
  return two_descriptors(fds[0], fds[1]);
}
POSIX(pipe, "($module, /)", "A new pipe's (read, write) descriptors, not inheritable.");
PyObject* posix_pipe2(PyObject*, int flags) {
  int fds[2];
  if (pipe2(fds, flags) < 0) return os_error();
  return two_descriptors(fds[0], fds[1]);
}
POSIX(pipe2, "($module, flags, /)", "A new pipe's (read, write) descriptors, made with flags.");
PyObject* posix_openpty(PyObject*) {
  int master, slave;
  if (openpty(&master, &slave, nullptr, nullptr, nullptr) < 0) return os_error();
  TRY(set_inheritable(master, false));
  TRY(set_inheritable(slave, false));
  return two_descriptors(master, slave);
}
POSIX(openpty, "($module, /)", "A new pseudo-terminal's (master, slave) descriptors.");
PyObject* posix_login_tty(PyObject*, Fd fd) { return none_or_error(login_tty(fd)); }
POSIX(login_tty, "($module, fd, /)", "Make a terminal the controlling one and standard input, output and error.");
PyObject* posix_posix_openpt(PyObject*, int flags) {
  const int fd = posix_openpt(flags);
  if (fd < 0) return os_error();
  TRY(set_inheritable(fd, flags & O_CLOEXEC ? false : true));
  return PyLong_FromLong(fd);
}
POSIX(posix_openpt, "($module, oflag, /)", "Open a pseudo-terminal's master.");
PyObject* posix_grantpt(PyObject*, Fd fd) { return none_or_error(grantpt(fd)); }
POSIX(grantpt, "($module, fd, /)", "Give access to the slave of a pseudo-terminal.");
PyObject* posix_unlockpt(PyObject*, Fd fd) { return none_or_error(unlockpt(fd)); }
POSIX(unlockpt, "($module, fd, /)", "Unlock the slave of a pseudo-terminal.");
PyObject* posix_ptsname(PyObject*, Fd fd) {
  char name[4096];
  if (const int error = ptsname_r(fd, name, sizeof name)) return os_error_of(error < 0 ? errno : error);
  return PyUnicode_DecodeFSDefault(name);
}
POSIX(ptsname, "($module, fd, /)", "The name of the slave of a pseudo-terminal.");

Found posix_get_inheritable(PyObject*, int fd) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags < 0) return os_error();
  return flags & FD_CLOEXEC ? Found::No : Found::Yes;
}
POSIX(get_inheritable, "($module, fd, /)", "Whether programs started later inherit a descriptor.");
Status posix_set_inheritable(PyObject*, int fd, int inheritable) { return set_inheritable(fd, inheritable != 0); }
POSIX(set_inheritable, "($module, fd, inheritable, /)", "Set whether programs started later inherit a descriptor.");
Found posix_get_blocking(PyObject*, int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return os_error();
  return flags & O_NONBLOCK ? Found::No : Found::Yes;
}
POSIX(get_blocking, "($module, fd, /)", "Whether a descriptor blocks.");
PyObject* posix_set_blocking(PyObject*, int fd, bool blocking) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return os_error();
  return none_or_error(fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK));
}
POSIX(set_blocking, "($module, fd, blocking, /)", "Set whether a descriptor blocks.");
PyObject* posix_device_encoding(PyObject*, int fd) {
  if (!without_gil([&] { return isatty(fd); })) Py_RETURN_NONE;
  Ref<> locale = TRY(steal(PyImport_ImportModule("_locale")));
  return PyObject_CallMethodNoArgs(locale, "getencoding"_id);
}
POSIX(device_encoding, "($module, /, fd)", "The encoding of a terminal's descriptor; None for others.");

PyObject* posix_tcgetpgrp(PyObject*, int fd) {
  const pid_t group = tcgetpgrp(fd);
  return group < 0 ? os_error() : pid_to_object(group);
}
POSIX(tcgetpgrp, "($module, fd, /)", "The process group in a terminal's foreground.");
PyObject* posix_tcsetpgrp(PyObject*, int fd, Pid group) { return none_or_error(tcsetpgrp(fd, group)); }
POSIX(tcsetpgrp, "($module, fd, pgid, /)", "Put a process group into a terminal's foreground.");

unsigned long long device_number(PyObject* object, bool* good) {
  const long long value = PyLong_AsLongLong(object);
  if (value == -1 && !PyErr_Occurred()) return static_cast<unsigned long long>(-1);
  PyErr_Clear();
  const unsigned long long result = PyLong_AsUnsignedLongLong(object);
  *good = !(result == static_cast<unsigned long long>(-1) && PyErr_Occurred());
  return result;
}
// A part of "no device" is that too.
PyObject* part_number(unsigned part) { return part == UINT_MAX ? PyLong_FromLong(-1) : PyLong_FromUnsignedLong(part); }
PyObject* posix_major(PyObject*, PyObject* device) {
  bool good = true;
  const unsigned long long value = device_number(device, &good);
  return good ? part_number(major(value)) : nullptr;
}
POSIX(major, "($module, device, /)", "The major number of a device.");
PyObject* posix_minor(PyObject*, PyObject* device) {
  bool good = true;
  const unsigned long long value = device_number(device, &good);
  return good ? part_number(minor(value)) : nullptr;
}
POSIX(minor, "($module, device, /)", "The minor number of a device.");
PyObject* posix_makedev(PyObject*, PyObject* major_object, PyObject* minor_object) {
  unsigned parts[2];
  PyObject* objects[] = {major_object, minor_object};
  for (int i = 0; i < 2; ++i) {
    bool good = true;
    const unsigned long long number = device_number(objects[i], &good);
    if (!good) return nullptr;
    if (number > UINT_MAX && number != static_cast<unsigned long long>(-1))
      return raise(PyExc_OverflowError, "Python int too large to convert to C unsigned int");
    parts[i] = static_cast<unsigned>(number);
  }
  const dev_t device = makedev(parts[0], parts[1]);
  return device == static_cast<dev_t>(-1) ? PyLong_FromLong(-1) : PyLong_FromUnsignedLongLong(device);
}
POSIX(makedev, "($module, major, minor, /)", "A device number from its parts.");

PyObject* posix_memfd_create(PyObject*, const Path& name, PyObject* flags_object) {
  int flags = MFD_CLOEXEC;
  if (flags_object && !convert_int(flags_object, &flags)) return nullptr;
  const int fd = without_gil([&] { return memfd_create(name.text, static_cast<unsigned>(flags)); });
  return fd < 0 ? os_error() : PyLong_FromLong(fd);
}
POSIX(memfd_create, "($module, /, name, flags=MFD_CLOEXEC)", "A file that lives in memory only.");
PyObject* posix_eventfd(PyObject*, PyObject* initial, PyObject* flags_object) {
  int flags = EFD_CLOEXEC;
  const unsigned long value = PyLong_AsUnsignedLong(initial);
  if (PyErr_Occurred() || (flags_object && !convert_int(flags_object, &flags))) return nullptr;
  const int fd = without_gil([&] { return eventfd(static_cast<unsigned>(value), flags); });
  return fd < 0 ? os_error() : PyLong_FromLong(fd);
}
POSIX(eventfd, "($module, /, initval, flags=EFD_CLOEXEC)", "A descriptor that counts events.");
PyObject* posix_eventfd_read(PyObject*, Fd fd) {
  eventfd_t value;
  if (without_gil([&] { return eventfd_read(fd, &value); }) < 0) return os_error();
  return PyLong_FromUnsignedLongLong(value);
}
POSIX(eventfd_read, "($module, /, fd)", "Take the count of an event descriptor.");
PyObject* posix_eventfd_write(PyObject*, Fd fd, PyObject* value) {
  const unsigned long long count = PyLong_AsUnsignedLongLong(value);
  if (PyErr_Occurred()) return nullptr;
  return none_or_error(without_gil([&] { return eventfd_write(fd, count); }));
}
POSIX(eventfd_write, "($module, /, fd, value)", "Add to the count of an event descriptor.");

// ---- timers -----------------------------------------------------------------------------------------------------------

PyObject* posix_timerfd_create(PyObject*, int clock, PyObject* flags_object) {
  int flags = TFD_CLOEXEC;
  if (flags_object && !convert_int(flags_object, &flags)) return nullptr;
  const int fd = without_gil([&] { return timerfd_create(clock, flags | TFD_CLOEXEC); });
  return fd < 0 ? os_error() : PyLong_FromLong(fd);
}
POSIX(timerfd_create, "($module, clockid, /, *, flags=0)", "A descriptor that tells when time has passed.");
timespec from_nanoseconds(long long value) { return {static_cast<time_t>(value / 1000000000), static_cast<long>(value % 1000000000)}; }
PyObject* timer_result(const itimerspec& value, bool nanoseconds) {
  if (nanoseconds)
    return Py_BuildValue("(LL)", value.it_value.tv_sec * 1000000000LL + value.it_value.tv_nsec,
                         value.it_interval.tv_sec * 1000000000LL + value.it_interval.tv_nsec);
  return Py_BuildValue("(dd)", static_cast<double>(value.it_value.tv_sec) + 1e-9 * static_cast<double>(value.it_value.tv_nsec),
                       static_cast<double>(value.it_interval.tv_sec) + 1e-9 * static_cast<double>(value.it_interval.tv_nsec));
}
PyObject* timer_set(int fd, int flags, timespec initial, timespec interval, bool nanoseconds) {
  const itimerspec value{interval, initial};
  itimerspec old;
  if (without_gil([&] { return timerfd_settime(fd, flags, &value, &old); }) < 0) return os_error();
  return timer_result(old, nanoseconds);
}
bool seconds_argument(PyObject* object, timespec* value) {
  *value = {0, 0};
  if (!object) return true;
  PyTime_t time;
  const double seconds = PyFloat_AsDouble(object);
  if (seconds == -1.0 && PyErr_Occurred()) return false;
  time = static_cast<PyTime_t>(seconds * 1e9);
  *value = from_nanoseconds(time);
  return true;
}
bool nanoseconds_argument(PyObject* object, timespec* value) {
  *value = {0, 0};
  if (!object) return true;
  const long long time = PyLong_AsLongLong(object);
  if (time == -1 && PyErr_Occurred()) return false;
  *value = from_nanoseconds(time);
  return true;
}
PyObject* posix_timerfd_settime(PyObject*, Fd fd, int flags, PyObject* initial, PyObject* interval) {
  timespec initial_time, interval_time;
  if (!seconds_argument(initial, &initial_time) || !seconds_argument(interval, &interval_time)) return nullptr;
  return timer_set(fd, flags, initial_time, interval_time, false);
}
POSIX(timerfd_settime, "($module, fd, /, *, flags=0, initial=0.0, interval=0.0)", "Set a timer in seconds; returns the old setting.");
PyObject* posix_timerfd_settime_ns(PyObject*, Fd fd, int flags, PyObject* initial, PyObject* interval) {
  timespec initial_time, interval_time;
  if (!nanoseconds_argument(initial, &initial_time) || !nanoseconds_argument(interval, &interval_time)) return nullptr;
  return timer_set(fd, flags, initial_time, interval_time, true);
}
POSIX(timerfd_settime_ns, "($module, fd, /, *, flags=0, initial=0, interval=0)", "Set a timer in nanoseconds; returns the old setting.");
PyObject* timer_get(int fd, bool nanoseconds) {
  itimerspec value;
  if (without_gil([&] { return timerfd_gettime(fd, &value); }) < 0) return os_error();
  return timer_result(value, nanoseconds);
}
PyObject* posix_timerfd_gettime(PyObject*, Fd fd) { return timer_get(fd, false); }
POSIX(timerfd_gettime, "($module, fd, /)", "A timer's (time left, interval) in seconds.");
PyObject* posix_timerfd_gettime_ns(PyObject*, Fd fd) { return timer_get(fd, true); }
POSIX(timerfd_gettime_ns, "($module, fd, /)", "A timer's (time left, interval) in nanoseconds.");

}  // namespace

PyMethodDef file_methods[] = {posix_open_method, posix_close_method, posix_closerange_method, posix_dup_method, posix_dup2_method,
                              posix_read_method, posix_readinto_method, posix_write_method, posix_pread_method, posix_pwrite_method,
                              posix_readv_method, posix_writev_method, posix_preadv_method, posix_pwritev_method, posix_sendfile_method,
                              posix_copy_file_range_method, posix_splice_method, posix_lseek_method, posix_fstat_method,
                              posix_fsync_method, posix_fdatasync_method, posix_fchdir_method, posix_ftruncate_method,
                              posix_fchmod_method, posix_fchown_method, posix_posix_fallocate_method, posix_posix_fadvise_method,
                              posix_lockf_method, posix_isatty_method, posix_ttyname_method, posix_get_terminal_size_method,
                              posix_pipe_method, posix_pipe2_method, posix_openpty_method, posix_login_tty_method,
                              posix_posix_openpt_method, posix_grantpt_method, posix_unlockpt_method, posix_ptsname_method,
                              posix_get_inheritable_method, posix_set_inheritable_method, posix_get_blocking_method,
                              posix_set_blocking_method, posix_device_encoding_method, posix_tcgetpgrp_method,
                              posix_tcsetpgrp_method, posix_major_method, posix_minor_method, posix_makedev_method,
                              posix_memfd_create_method, posix_eventfd_method, posix_eventfd_read_method, posix_eventfd_write_method,
                              posix_timerfd_create_method, posix_timerfd_settime_method, posix_timerfd_settime_ns_method,
                              posix_timerfd_gettime_method, posix_timerfd_gettime_ns_method, {}};

}  // namespace ks::posix
