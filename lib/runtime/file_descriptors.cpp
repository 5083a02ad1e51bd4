// Exported helpers around file descriptors, which extension modules of the standard library use.
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <cwchar>

#include "object/export.h"
#include "object/ref.h"
#include "object/result.h"
#include "runtime/lifecycle.h"

using namespace ks;

extern "C" {

KS_EXPORT int _Py_IsValidFD(int fd) { return fd >= 0 && fcntl(fd, F_GETFD) >= 0; }

KS_EXPORT int _Py_fstat_noraise(int fd, struct stat* info) { return fstat(fd, info); }
KS_EXPORT int _Py_fstat(int fd, struct stat* info) {
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = fstat(fd, info);
  Py_END_ALLOW_THREADS
  if (result != 0) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  return 0;
}
// 0, -1 with errno set, -2 with an exception set.
KS_EXPORT int _Py_stat(PyObject* path, struct stat* info) {
  Ref<> bytes = steal(PyUnicode_EncodeFSDefault(path));
  return bytes ? stat(PyBytes_AS_STRING(bytes.get()), info) : -2;
}

static int set_inheritable(int fd, bool inheritable, bool raise_error) {
  const int flags = fcntl(fd, F_GETFD);
  const int wanted = inheritable ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
  if (flags >= 0 && (wanted == flags || fcntl(fd, F_SETFD, wanted) >= 0)) return 0;
  if (raise_error) PyErr_SetFromErrno(PyExc_OSError);
  return -1;
}
KS_EXPORT int _Py_get_inheritable(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags < 0) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  return !(flags & FD_CLOEXEC);
}
// *atomic_works: -1 unknown, 1: the descriptor was opened as not inheritable already.
KS_EXPORT int _Py_set_inheritable(int fd, int inheritable, int* atomic_works) {
  if (atomic_works && !inheritable) {
    if (*atomic_works == -1) {
      const int now = _Py_get_inheritable(fd);
      if (now < 0) return -1;
      *atomic_works = !now;
    }
    if (*atomic_works) return 0;
  }
  return set_inheritable(fd, inheritable, true);
}
KS_EXPORT int _Py_set_inheritable_async_safe(int fd, int inheritable, int*) { return set_inheritable(fd, inheritable, false); }

KS_EXPORT int _Py_open_noraise(const char* path, int flags) { return open(path, flags | O_CLOEXEC, 0666); }
KS_EXPORT int _Py_open(const char* path, int flags) {
  Ref<> name = steal(PyUnicode_DecodeFSDefault(path));
  if (!name || PySys_Audit("open", "OOi", name.get(), Py_None, flags) < 0) return -1;
  int fd;
  for (;;) {
    Py_BEGIN_ALLOW_THREADS
    fd = open(path, flags | O_CLOEXEC, 0666);
    Py_END_ALLOW_THREADS
    if (fd >= 0) return fd;
    if (errno != EINTR) break;
    if (PyErr_CheckSignals()) return -1;
  }
  PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
  return -1;
}
static Py_ssize_t write_some(int fd, const void* data, size_t size, bool with_gil) {
  if (size > 0x7ffff000) size = 0x7ffff000;
  for (;;) {
    ssize_t count;
    if (with_gil) {
      Py_BEGIN_ALLOW_THREADS
      errno = 0;
      count = write(fd, data, size);
      Py_END_ALLOW_THREADS
      if (count >= 0) return count;
      if (errno != EINTR) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
      }
      if (PyErr_CheckSignals()) return -1;
    } else {
      count = write(fd, data, size);
      if (count >= 0 || errno != EINTR) return count;
    }
  }
}
KS_EXPORT Py_ssize_t _Py_write(int fd, const void* data, size_t size) { return write_some(fd, data, size, true); }
KS_EXPORT Py_ssize_t _Py_write_noraise(int fd, const void* data, size_t size) { return write_some(fd, data, size, false); }
KS_EXPORT Py_ssize_t _Py_read(int fd, void* data, size_t size) {
  for (;;) {
    ssize_t count;
    Py_BEGIN_ALLOW_THREADS
    errno = 0;
    count = read(fd, data, size);
    Py_END_ALLOW_THREADS
    if (count >= 0) return count;
    if (errno != EINTR) {
      PyErr_SetFromErrno(PyExc_OSError);
      return -1;
    }
    if (PyErr_CheckSignals()) return -1;
  }
}
KS_EXPORT int _Py_dup(int fd) {
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  Py_END_ALLOW_THREADS
  if (result < 0) PyErr_SetFromErrno(PyExc_OSError);
  return result;
}
KS_EXPORT void _Py_closerange(int first, int last) {
  if (first < 0) first = 0;
  if (last < first) return;
  if (syscall(SYS_close_range, static_cast<unsigned>(first), static_cast<unsigned>(last), 0) == 0) return;
  const long limit = sysconf(_SC_OPEN_MAX);
  if (limit >= 0 && last > limit) last = static_cast<int>(limit);
  for (int fd = first; fd <= last; ++fd) close(fd);
}
KS_EXPORT PyObject* _Py_strerror(int code) { return PyUnicode_DecodeLocale(strerror(code), "surrogateescape"); }

// Takes "." and ".." and double slashes out, in place.
KS_EXPORT wchar_t* _Py_normpath(wchar_t* path, Py_ssize_t size) {
  if (!path[0] || size == 0) return path;
  const size_t length = size > 0 ? static_cast<size_t>(size) : wcslen(path);
  size_t out = 0, root = 0;
  if (path[0] == L'/') {
    root = length >= 2 && path[1] == L'/' && !(length >= 3 && path[2] == L'/') ? 2 : 1;
    out = root;
  }
  size_t depth_floor = out;
  for (size_t at = root; at < length;) {
    while (at < length && path[at] == L'/') ++at;
    size_t end = at;
    while (end < length && path[end] != L'/') ++end;
    const size_t part = end - at;
    if (part == 0) break;
    if (part == 1 && path[at] == L'.') {
      at = end;
      continue;
    }
    if (part == 2 && path[at] == L'.' && path[at + 1] == L'.') {
      if (out > depth_floor) {
        while (out > depth_floor && path[out - 1] != L'/') --out;
        if (out > depth_floor) --out;
        at = end;
        continue;
      }
      if (root) {
        at = end;
        continue;
      }
    }
    if (out > root) path[out++] = L'/';
    wmemmove(path + out, path + at, part);
    const bool up = part == 2 && path[out] == L'.' && path[out + 1] == L'.';
    out += part;
    if (up) depth_floor = out;
    at = end;
  }
  if (out == 0) path[out++] = L'.';
  path[out] = 0;
  return path;
}

// Random bytes, without waiting for the system's pool.
KS_EXPORT int _PyOS_URandomNonblock(void* buffer, Py_ssize_t size) {
  auto* p = static_cast<unsigned char*>(buffer);
  while (size > 0) {
    const ssize_t count = getrandom(p, static_cast<size_t>(size), GRND_NONBLOCK);
    if (count < 0) {
      if (errno == EINTR) {
        if (current_thread_state && PyErr_CheckSignals()) return -1;
        continue;
      }
      if (errno == EAGAIN) {
        const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
          PyErr_SetFromErrno(PyExc_OSError);
          return -1;
        }
        const ssize_t got = read(fd, p, static_cast<size_t>(size));
        close(fd);
        if (got <= 0) {
          PyErr_SetFromErrno(PyExc_OSError);
          return -1;
        }
        p += got;
        size -= got;
        continue;
      }
      PyErr_SetFromErrno(PyExc_OSError);
      return -1;
    }
    p += count;
    size -= count;
  }
  return 0;
}
KS_EXPORT int _PyOS_URandom(void* buffer, Py_ssize_t size) { return _PyOS_URandomNonblock(buffer, size); }

// ---- user and group numbers --------------------------------------------------------------------------------------------------

static int convert_identity(PyObject* object, unsigned* result, const char* what) {
  Ref<> index = steal(PyNumber_Index(object));
  if (!index) {
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "%s should be integer, not %.200s", what, Py_TYPE(object)->tp_name);
    return 0;
  }
  int overflow;
  const long value = PyLong_AsLongAndOverflow(index, &overflow);
  if (value == -1 && !overflow) {
    *result = static_cast<unsigned>(-1);
    return 1;
  }
  if (overflow < 0 || value < 0) {
    PyErr_Format(PyExc_OverflowError, "%s is less than minimum", what);
    return 0;
  }
  if (overflow > 0 || value >= 0xffffffffL) {
    PyErr_Format(PyExc_OverflowError, "%s is greater than maximum", what);
    return 0;
  }
  *result = static_cast<unsigned>(value);
  return 1;
}
KS_EXPORT int _Py_Uid_Converter(PyObject* object, uid_t* result) { return convert_identity(object, result, "uid"); }
KS_EXPORT int _Py_Gid_Converter(PyObject* object, gid_t* result) { return convert_identity(object, result, "gid"); }


}  // extern "C"

// A table of the reference's start that nothing outside it uses; only its name and size are part of the ABI.
extern "C" {
__attribute__((visibility("default"))) extern const char _Py_InitCleanup[216];
const char _Py_InitCleanup[216] = {};
}
