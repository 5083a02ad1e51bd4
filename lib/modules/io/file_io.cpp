// FileIO: an unbuffered stream on a file descriptor.
#include <errno.h>
#include <fcntl.h>
#include <structmember.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modules/io/io.h"

namespace ks::io {
namespace {

// Invariant: fd < 0 means closed (or not yet opened). `seekable` is -1 while unknown.
struct FileIO {
  PyObject_HEAD int fd;
  bool created;
  bool readable;
  bool writable;
  bool appending;
  signed char seekable;
  bool close_fd;
  char finalizing;
  long block_size;
  bool have_stat;  // size_at_open and block_size come from the fstat() of opening
  Offset size_at_open;
  PyObject* weakreflist;
  PyObject* dict;
};

Failed raise_closed() { return raise(PyExc_ValueError, "I/O operation on closed file"); }
Failed raise_mode(PyTypeObject* type, const char* action) {
  IoState* state = io_state_of(type);
  if (!state) return failed;
  return raise(state->unsupported_operation, "File not open for %s", action);
}

PyObject* file_new(PyTypeObject* type, PyObject*, PyObject*) {
  auto* self = as<FileIO>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->fd = -1;
  self->seekable = -1;
  self->close_fd = true;
  self->block_size = 0;
  return object(self);
}

Status close_descriptor(FileIO* self) {
  if (self->fd < 0) return Status::Ok;
  const int fd = self->fd;
  self->fd = -1;
  int result;
  int error = 0;
  Py_BEGIN_ALLOW_THREADS result = close(fd);
  error = errno;
  Py_END_ALLOW_THREADS if (result < 0) {
    errno = error;
    PyErr_SetFromErrno(PyExc_OSError);
    return failed;
  }
  return Status::Ok;
}

constexpr Signature kInitSignature = read_signature("FileIO", "(file, mode='r', closefd=True, opener=None)");

// Reads "r", "w", "x", "a", each with optional "+" and "b", into open(2) flags; -1 with ValueError.
int read_mode(FileIO* self, const char* mode) {
  int flags = 0;
  bool kind_seen = false, plus = false, bad = false;
  for (const char* c = mode; *c; ++c) {
    switch (*c) {
      case 'x':
      case 'r':
      case 'w':
      case 'a':
        if (kind_seen) {
          bad = true;
          break;
        }
        kind_seen = true;
        if (*c == 'r') {
          self->readable = true;
        } else {
          self->writable = true;
          if (*c == 'x') self->created = true, flags |= O_EXCL | O_CREAT;
          if (*c == 'w') flags |= O_CREAT | O_TRUNC;
          if (*c == 'a') self->appending = true, flags |= O_APPEND | O_CREAT;
        }
        break;
      case 'b':
        break;
      case '+':
        if (plus) {
          bad = true;
          break;
        }
        plus = self->readable = self->writable = true;
        break;
      default:
        return raise(PyExc_ValueError, "invalid mode: %.200s", mode);
    }
  }
  if (bad || !kind_seen)
    return raise(PyExc_ValueError, "Must have exactly one of create/read/write/append mode and at most one plus");
  flags |= self->readable && self->writable ? O_RDWR : self->readable ? O_RDONLY : O_WRONLY;
  return flags | O_CLOEXEC;
}

Status open_by_opener(FileIO* self, PyObject* name, int flags, PyObject* opener) {
  Ref<> flags_object = TRY(steal(PyLong_FromLong(flags)));
  PyObject* arguments[] = {name, flags_object};
  Ref<> result = TRY(steal(PyObject_Vectorcall(opener, arguments, 2, nullptr)));
  self->fd = PyLong_AsInt(result);
  if (self->fd < 0) {
    if (!PyErr_Occurred()) return raise(PyExc_ValueError, "opener returned %d", self->fd);
    return failed;
  }
  int descriptor_flags = fcntl(self->fd, F_GETFD);
  if (descriptor_flags < 0 || fcntl(self->fd, F_SETFD, descriptor_flags | FD_CLOEXEC) < 0) {
    PyErr_SetFromErrno(PyExc_OSError);
    return failed;
  }
  return Status::Ok;
}

Status open_by_name(FileIO* self, PyObject* name, int flags) {
  Ref<> path;
  if (!PyUnicode_FSConverter(name, path.out())) return failed;
  bool interrupted;
  do {
    int error = 0;
    Py_BEGIN_ALLOW_THREADS self->fd = open(PyBytes_AS_STRING(path.get()), flags, 0666);
    error = errno;
    Py_END_ALLOW_THREADS errno = error;
    interrupted = self->fd < 0 && error == EINTR;
    if (interrupted && PyErr_CheckSignals() < 0) return failed;
  } while (interrupted);
  if (self->fd < 0) {
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
    return failed;
  }
  return Status::Ok;
}

Offset seek_descriptor(FileIO* self, Offset offset, int whence, bool quiet) {
  Offset result;
  int error = 0;
  Py_BEGIN_ALLOW_THREADS result = lseek(self->fd, offset, whence);
  error = errno;
  Py_END_ALLOW_THREADS if (self->seekable < 0) self->seekable = result >= 0;
  if (result < 0 && !quiet) {
    errno = error;
    PyErr_SetFromErrno(PyExc_OSError);
  }
  return result;
}

Status file_open(FileIO* self, PyObject* name, const char* mode, bool close_fd, PyObject* opener) {
  if (self->fd >= 0) {
    if (self->close_fd) TRY(close_descriptor(self));
    self->fd = -1;
  }
  self->created = self->readable = self->writable = self->appending = false;
  self->seekable = -1;
  self->have_stat = false;

  int fd = -1;
  if (PyBool_Check(name) && PyErr_WarnEx(PyExc_RuntimeWarning, "bool is used as a file descriptor", 1) < 0)
    return failed;
  if (PyLong_Check(name) || PyIndex_Check(name)) {
    fd = PyLong_AsInt(name);
    if (fd < 0) {
      if (!PyErr_Occurred()) return raise(PyExc_ValueError, "negative file descriptor");
      // No descriptor; as a name it is refused below.
      if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return failed;
      PyErr_Clear();
      fd = -1;
    }
  }
  const int flags = read_mode(self, mode);
  if (flags < 0) return failed;
  if (PySys_Audit("open", "Osi", name, mode, flags) < 0) return failed;

  bool descriptor_is_own = false;
  if (fd >= 0) {
    self->fd = fd;
    self->close_fd = close_fd;
  } else {
    self->close_fd = true;
    if (!close_fd) return raise(PyExc_ValueError, "Cannot use closefd=False with file name");
    if (opener && opener != Py_None)
      TRY(open_by_opener(self, name, flags, opener));
    else
      TRY(open_by_name(self, name, flags));
    descriptor_is_own = true;
  }

  auto fail = [&]() -> Status {
    // A descriptor that was handed in is left alone; one that was opened here is closed.
    if (!descriptor_is_own) {
      self->fd = -1;
    } else {
      Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
      if (is_failure(close_descriptor(self))) PyErr_Clear();
      PyErr_SetRaisedException(pending.release());
    }
    return failed;
  };
  struct stat info;
  int stat_result, error = 0;
  Py_BEGIN_ALLOW_THREADS stat_result = fstat(self->fd, &info);
  error = errno;
  Py_END_ALLOW_THREADS self->block_size = kDefaultBufferSize;
  if (stat_result < 0) {
    if (error == EBADF) {
      errno = error;
      PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
      return fail();
    }
  } else {
    if (S_ISDIR(info.st_mode)) {
      errno = EISDIR;
      PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
      return fail();
    }
    if (info.st_blksize > 1) self->block_size = info.st_blksize;
    self->have_stat = true;
    self->size_at_open = info.st_size;
  }
  if (PyObject_SetAttr(object(self), "name"_id, name) < 0) return fail();
  if (self->appending && seek_descriptor(self, 0, SEEK_END, true) < 0) {
    // As the reference: an unseekable file may be appended to.
    self->seekable = 0;
  }
  return Status::Ok;
}

int file_init(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* values[4];
  if (is_failure(bind_tuple(kInitSignature, args, kwargs, values))) return -1;
  const char* mode = "r";
  bool close_fd = true;
  if (values[1] && !convert_text(kInitSignature, 1, values[1], false, &mode)) return -1;
  if (values[2]) {
    const int truth = PyObject_IsTrue(values[2]);
    if (truth < 0) return -1;
    close_fd = truth;
  }
  return to_c(file_open(as<FileIO>(op), values[0], mode, close_fd, values[3]));
}

PyObject* file_close(FileIO* self) {
  IoState* state = io_state_of(Py_TYPE(object(self)));
  if (!state) return nullptr;
  Ref<> result = Ref<>::steal(PyObject_CallMethodOneArg(object(state->raw_io_base), "close"_id, object(self)));
  if (!self->close_fd) {
    self->fd = -1;
    return result.release();
  }
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  if (self->finalizing && self->fd >= 0) {
    if (PyErr_ResourceWarning(object(self), 1, "unclosed file %R", self) < 0) {
      if (PyErr_ExceptionMatches(PyExc_Warning))
        PyErr_WriteUnraisable(object(self));
      else
        PyErr_Clear();
    }
  }
  const Status closed = close_descriptor(self);
  if (pending) {
    if (closed == Status::Error) {
      Ref<> second = Ref<>::steal(PyErr_GetRaisedException());
      PyException_SetContext(second, pending.release());
      PyErr_SetRaisedException(second.release());
    } else {
      PyErr_SetRaisedException(pending.release());
    }
    return nullptr;
  }
  return closed == Status::Error ? nullptr : result.release();
}
METHOD(file, close, "($self, /)", "Close the file; its descriptor too unless it was opened with closefd=False.");

PyObject* file_fileno(FileIO* self) {
  if (self->fd < 0) return raise_closed();
  return PyLong_FromLong(self->fd);
}
METHOD(file, fileno, "($self, /)", "The file descriptor.");
PyObject* file_readable(FileIO* self) {
  if (self->fd < 0) return raise_closed();
  return PyBool_FromLong(self->readable);
}
METHOD(file, readable, "($self, /)", "Whether the file was opened for reading.");
PyObject* file_writable(FileIO* self) {
  if (self->fd < 0) return raise_closed();
  return PyBool_FromLong(self->writable);
}
METHOD(file, writable, "($self, /)", "Whether the file was opened for writing.");
PyObject* file_seekable(FileIO* self) {
  if (self->fd < 0) return raise_closed();
  if (self->seekable < 0) seek_descriptor(self, 0, SEEK_CUR, true);
  return PyBool_FromLong(self->seekable == 1);
}
METHOD(file, seekable, "($self, /)", "Whether the file has a position that can be moved.");
PyObject* file_isatty(FileIO* self) {
  if (self->fd < 0) return raise_closed();
  int result;
  Py_BEGIN_ALLOW_THREADS result = isatty(self->fd);
  Py_END_ALLOW_THREADS return PyBool_FromLong(result);
}
METHOD(file, isatty, "($self, /)", "Whether the descriptor is a terminal's.");
// For open(): a regular file need not be asked.
PyObject* file_isatty_open_only(FileIO* self) {
  if (self->have_stat && self->size_at_open > 0) Py_RETURN_FALSE;
  return file_isatty(self);
}
METHOD_AS(file_isatty_open_only, "_isatty_open_only", 0, "($self, /)", "isatty() for a file just opened.");

// One read(2), repeated after signals. -1: exception set; -2: would block.
Py_ssize_t read_descriptor(FileIO* self, char* buffer, Py_ssize_t size) {
  while (true) {
    Py_ssize_t count;
    int error = 0;
    Py_BEGIN_ALLOW_THREADS count = read(self->fd, buffer, static_cast<size_t>(Py_MIN(size, PY_SSIZE_T_MAX)));
    error = errno;
    Py_END_ALLOW_THREADS if (count >= 0) return count;
    if (error == EINTR) {
      if (PyErr_CheckSignals() < 0) return -1;
      continue;
    }
    if (error == EAGAIN) return -2;
    errno = error;
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
}

Status check_can_read(FileIO* self) {
  if (self->fd < 0) return raise_closed();
  if (!self->readable) return raise_mode(Py_TYPE(object(self)), "reading");
  return Status::Ok;
}

PyObject* file_readinto(FileIO* self, PyObject* target) {
  if (self->fd < 0) return raise_closed();
  if (!self->readable) return raise_mode(Py_TYPE(object(self)), "reading");
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
    PyErr_Clear();
    return raise(PyExc_TypeError, "readinto() argument must be read-write bytes-like object, not %.200s",
                 target == Py_None ? "None" : Py_TYPE(target)->tp_name);
  }
  const Py_ssize_t count = read_descriptor(self, static_cast<char*>(view.buf), view.len);
  PyBuffer_Release(&view);
  if (count == -2) Py_RETURN_NONE;
  return count < 0 ? nullptr : PyLong_FromSsize_t(count);
}
METHOD(file, readinto, "($self, buffer, /)",
       "Read once into buffer; returns how many bytes, or None when there are none yet.");

PyObject* file_readall(FileIO* self) {
  TRY(check_can_read(self));
  Py_ssize_t capacity = 8192;
  // The size at opening and, where much could be left, the position tell how much; one byte more finds the end with the
  // same read.
  if (self->have_stat && self->size_at_open > 0) {
    Offset position = 0;
    if (self->size_at_open >= 65536) {
      Py_BEGIN_ALLOW_THREADS position = lseek(self->fd, 0, SEEK_CUR);
      Py_END_ALLOW_THREADS if (position < 0) position = 0;
    }
    if (self->size_at_open >= position && self->size_at_open - position < PY_SSIZE_T_MAX)
      capacity = static_cast<Py_ssize_t>(self->size_at_open - position) + 1;
  }
  PyObject* result = PyBytes_FromStringAndSize(nullptr, capacity);
  if (!result) return nullptr;
  Py_ssize_t length = 0;
  while (true) {
    if (length >= capacity) {
      const Py_ssize_t more = length < 65536 ? length + 256 : length / 4 + 256 * 1024;
      if (length > PY_SSIZE_T_MAX - more) {
        Py_DECREF(result);
        return raise(PyExc_OverflowError, "unbounded read returned more bytes than a Python bytes object can hold");
      }
      capacity = length + more;
      if (_PyBytes_Resize(&result, capacity) < 0) return nullptr;
    }
    const Py_ssize_t count = read_descriptor(self, PyBytes_AS_STRING(result) + length, capacity - length);
    if (count == 0) break;
    if (count == -2) {
      if (length > 0) break;
      Py_DECREF(result);
      Py_RETURN_NONE;
    }
    if (count < 0) {
      Py_DECREF(result);
      return nullptr;
    }
    length += count;
  }
  if (length < capacity && _PyBytes_Resize(&result, length) < 0) return nullptr;
  return result;
}
METHOD(file, readall, "($self, /)", "Read up to the end of the file.");

PyObject* file_read(FileIO* self, SizeOrNone size) {
  TRY(check_can_read(self));
  if (size < 0) return file_readall(self);
  PyObject* result = PyBytes_FromStringAndSize(nullptr, size);
  if (!result) return nullptr;
  const Py_ssize_t count = read_descriptor(self, PyBytes_AS_STRING(result), size);
  if (count < 0) {
    Py_DECREF(result);
    if (count == -2) Py_RETURN_NONE;
    return nullptr;
  }
  if (count != size && _PyBytes_Resize(&result, count) < 0) return nullptr;
  return result;
}
METHOD(file, read, "($self, size=-1, /)",
       "Read once, up to size bytes; None when there are none yet. Without size: readall().");

PyObject* file_write(FileIO* self, const BufferArgument& data) {
  if (self->fd < 0) return raise_closed();
  if (!self->writable) return raise_mode(Py_TYPE(object(self)), "writing");
  while (true) {
    Py_ssize_t count;
    int error = 0;
    Py_BEGIN_ALLOW_THREADS count = write(self->fd, data.data(), static_cast<size_t>(data.size()));
    error = errno;
    Py_END_ALLOW_THREADS if (count >= 0) return PyLong_FromSsize_t(count);
    if (error == EAGAIN) Py_RETURN_NONE;
    if (error == EINTR) {
      if (PyErr_CheckSignals() < 0) return nullptr;
      continue;
    }
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
  }
}
METHOD(file, write, "($self, b, /)", "Write once; returns how many bytes went out, or None when none could yet.");

PyObject* file_seek(FileIO* self, PyObject* position, int whence) {
  if (self->fd < 0) return raise_closed();
  const Offset offset = offset_from_object(position, nullptr);
  if (PyErr_Occurred()) return nullptr;
  const Offset result = seek_descriptor(self, offset, whence, false);
  return result < 0 ? nullptr : offset_to_object(result);
}
METHOD(file, seek, "($self, pos, whence=0, /)", "Move the file's position and return it; whence as in os.lseek().");
PyObject* file_tell(FileIO* self) {
  if (self->fd < 0) return raise_closed();
  const Offset result = seek_descriptor(self, 0, SEEK_CUR, false);
  return result < 0 ? nullptr : offset_to_object(result);
}
METHOD(file, tell, "($self, /)", "The file's position.");
PyObject* file_truncate(FileIO* self, PyObject* size) {
  if (self->fd < 0) return raise_closed();
  if (!self->writable) return raise_mode(Py_TYPE(object(self)), "writing");
  Ref<> own;
  if (!size || size == Py_None) {
    own = TRY(steal(file_tell(self)));
    size = own;
  }
  const Offset length = offset_from_object(size, nullptr);
  if (PyErr_Occurred()) return nullptr;
  int result, error = 0;
  Py_BEGIN_ALLOW_THREADS do result = ftruncate(self->fd, length);
  while (result < 0 && errno == EINTR);
  error = errno;
  Py_END_ALLOW_THREADS if (result != 0) {
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
  }
  self->have_stat = false;
  return Py_NewRef(size);
}
METHOD(file, truncate, "($self, size=None, /)",
       "Make the file size bytes long (default: up to the position), which stays where it is.");

const char* mode_text(FileIO* self) {
  if (self->created) return self->readable ? "xb+" : "xb";
  if (self->appending) return self->readable ? "ab+" : "ab";
  if (self->readable) return self->writable ? "rb+" : "rb";
  return "wb";
}
PyObject* file_repr(PyObject* op) {
  auto* self = as<FileIO>(op);
  const char* type_name = Py_TYPE(op)->tp_name;
  if (self->fd < 0) return PyUnicode_FromFormat("<%.100s [closed]>", type_name);
  Ref<> name;
  if (PyObject_GetOptionalAttr(op, "name"_id, name.out()) < 0) return nullptr;
  const char* close_fd = self->close_fd ? "True" : "False";
  if (!name)
    return PyUnicode_FromFormat("<%.100s fd=%d mode='%s' closefd=%s>", type_name, self->fd, mode_text(self), close_fd);
  const int status = Py_ReprEnter(op);
  if (status < 0) return nullptr;
  if (status > 0) return raise(PyExc_RuntimeError, "reentrant call inside %s.__repr__", type_name);
  PyObject* result =
      PyUnicode_FromFormat("<%.100s name=%R mode='%s' closefd=%s>", type_name, name.get(), mode_text(self), close_fd);
  Py_ReprLeave(op);
  return result;
}
PyObject* file_dealloc_warn(FileIO* self, PyObject* source) {
  if (self->fd >= 0 && self->close_fd) {
    Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
    if (PyErr_ResourceWarning(source, 1, "unclosed file %R", source) < 0) {
      if (PyErr_ExceptionMatches(PyExc_Warning))
        PyErr_WriteUnraisable(object(self));
      else
        PyErr_Clear();
    }
    PyErr_SetRaisedException(pending.release());
  }
  Py_RETURN_NONE;
}
METHOD_AS(file_dealloc_warn, "_dealloc_warn", 0, "($self, source, /)", "");
PyObject* file_getstate(FileIO* self) {
  return raise(PyExc_TypeError, "cannot pickle '%.100s' instances", Py_TYPE(object(self))->tp_name);
}
METHOD_AS(file_getstate, "__getstate__", 0, "($self, /)", "");

PyObject* file_closed(PyObject* self, void*) { return PyBool_FromLong(as<FileIO>(self)->fd < 0); }
PyObject* file_closefd(PyObject* self, void*) { return PyBool_FromLong(as<FileIO>(self)->close_fd); }
PyObject* file_mode(PyObject* self, void*) { return PyUnicode_FromString(mode_text(as<FileIO>(self))); }
PyObject* file_block_size(PyObject* self, void*) { return PyLong_FromLong(as<FileIO>(self)->block_size); }

int file_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as<FileIO>(self)->dict);
  return 0;
}
int file_clear(PyObject* self) {
  Py_CLEAR(as<FileIO>(self)->dict);
  return 0;
}
void file_dealloc(PyObject* op) {
  auto* self = as<FileIO>(op);
  self->finalizing = 1;
  if (!io_base_finalize(op)) return;
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  if (self->weakreflist) PyObject_ClearWeakRefs(op);
  Py_CLEAR(self->dict);
  type->tp_free(op);
  Py_DECREF(type);
}

PyMethodDef file_methods[] = {file_read_method,
                              file_readall_method,
                              file_readinto_method,
                              file_write_method,
                              file_seek_method,
                              file_tell_method,
                              file_truncate_method,
                              file_close_method,
                              file_seekable_method,
                              file_readable_method,
                              file_writable_method,
                              file_fileno_method,
                              file_isatty_method,
                              file_isatty_open_only_method,
                              file_dealloc_warn_method,
                              file_getstate_method,
                              {}};
PyGetSetDef file_getset[] = {{"closed", file_closed, nullptr, "True when the file was closed.", nullptr},
                             {"closefd", file_closefd, nullptr, "Whether close() closes the descriptor.", nullptr},
                             {"mode", file_mode, nullptr, "How the file was opened.", nullptr},
                             {"_blksize", file_block_size, nullptr, "The file system's preferred block size.", nullptr},
                             {}};
PyMemberDef file_members[] = {
    {"_finalizing", Py_T_BOOL, offsetof(FileIO, finalizing), 0, nullptr},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(FileIO, weakreflist), Py_READONLY, nullptr},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(FileIO, dict), Py_READONLY, nullptr},
    {}};
constexpr char kDoc[] =
    "FileIO(file, mode='r', closefd=True, opener=None)\n--\n\n"
    "An unbuffered binary stream on a file, given by name or by descriptor.";
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(file_dealloc)},
                       {Py_tp_repr, reinterpret_cast<void*>(file_repr)},
                       {Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(file_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(file_clear)},
                       {Py_tp_methods, file_methods},
                       {Py_tp_members, file_members},
                       {Py_tp_getset, file_getset},
                       {Py_tp_init, reinterpret_cast<void*>(file_init)},
                       {Py_tp_new, reinterpret_cast<void*>(file_new)},
                       {0, nullptr}};

}  // namespace

PyType_Spec file_io_spec = {"_io.FileIO", sizeof(FileIO), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                            slots};

}  // namespace ks::io
