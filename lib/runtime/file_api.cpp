// PyFile_*: writing to and reading from Python streams, and opening code files.
#include <cstdio>
#include <cstring>

#include "object/export.h"
#include "object/identifier.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

KS_EXPORT int _Py_set_inheritable(int fd, int inheritable, int* atomic_flag_works);

using namespace ks;

extern "C" {

// Writes str() or repr() of an object with the stream's write(); 0 or -1.
int PyFile_WriteObject(PyObject* value, PyObject* stream, int flags) {
  if (!stream) {
    PyErr_SetString(PyExc_TypeError, "writeobject with NULL file");
    return -1;
  }
  Ref<> text;
  if (flags & Py_PRINT_RAW) {
    text = steal(PyObject_Str(value));
  } else {
    text = steal(PyObject_Repr(value));
  }
  if (!text) return -1;
  Ref<> done = steal(PyObject_CallMethodOneArg(stream, "write"_id, text));
  return done ? 0 : -1;
}
int PyFile_WriteString(const char* text, PyObject* stream) {
  if (!stream) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "null file for PyFile_WriteString");
    return -1;
  }
  if (PyErr_Occurred()) return -1;
  Ref<> object = steal(PyUnicode_FromString(text));
  return object ? PyFile_WriteObject(object, stream, Py_PRINT_RAW) : -1;
}

// New str or bytes: a line. n > 0: at most so much; n < 0: without its line end, EOFError at the end.
PyObject* PyFile_GetLine(PyObject* stream, int n) {
  if (!stream) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  Ref<> line = steal(n <= 0 ? PyObject_CallMethodNoArgs(stream, "readline"_id) : PyObject_CallMethod(stream, "readline", "i", n));
  if (!line) return nullptr;
  if (!PyBytes_Check(line.get()) && !PyUnicode_Check(line.get())) {
    PyErr_SetString(PyExc_TypeError, "object.readline() returned non-string");
    return nullptr;
  }
  if (n < 0) {
    if (PyBytes_Check(line.get())) {
      const Py_ssize_t size = PyBytes_GET_SIZE(line.get());
      if (!size) {
        PyErr_SetString(PyExc_EOFError, "EOF when reading a line");
        return nullptr;
      }
      if (PyBytes_AS_STRING(line.get())[size - 1] == '\n') return PyBytes_FromStringAndSize(PyBytes_AS_STRING(line.get()), size - 1);
    } else {
      const Py_ssize_t size = PyUnicode_GET_LENGTH(line.get());
      if (!size) {
        PyErr_SetString(PyExc_EOFError, "EOF when reading a line");
        return nullptr;
      }
      if (PyUnicode_READ_CHAR(line.get(), size - 1) == '\n') return PyUnicode_Substring(line, 0, size - 1);
    }
  }
  return line.release();
}

// New stream on a descriptor.
PyObject* PyFile_FromFd(int fd, const char*, const char* mode, int buffering, const char* encoding, const char* errors, const char* newline,
                        int closefd) {
  Ref<> io = steal(PyImport_ImportModule("io"));
  return io ? PyObject_CallMethod(io, "open", "isisssO", fd, mode, buffering, encoding, errors, newline, closefd ? Py_True : Py_False) : nullptr;
}

int PyObject_AsFileDescriptor(PyObject* o) {
  long fd;
  if (PyLong_Check(o)) {
    if (PyBool_Check(o) && PyErr_WarnEx(PyExc_RuntimeWarning, "bool is used as a file descriptor", 1) < 0) return -1;
    fd = PyLong_AsLong(o);
  } else {
    Ref<> method;
    if (PyObject_GetOptionalAttr(o, "fileno"_id, method.out()) < 0) return -1;
    if (!method) {
      PyErr_SetString(PyExc_TypeError, "argument must be an int, or have a fileno() method.");
      return -1;
    }
    Ref<> number = steal(PyObject_CallNoArgs(method));
    if (!number) return -1;
    if (!PyLong_Check(number.get())) {
      PyErr_SetString(PyExc_TypeError, "fileno() returned a non-integer");
      return -1;
    }
    fd = PyLong_AsLong(number);
  }
  if (fd == -1 && PyErr_Occurred()) return -1;
  if (fd > INT_MAX || fd < INT_MIN) {
    PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
    return -1;
  }
  if (fd < 0) {
    PyErr_Format(PyExc_ValueError, "file descriptor cannot be a negative integer (%i)", static_cast<int>(fd));
    return -1;
  }
  return static_cast<int>(fd);
}

// ---- code files ---------------------------------------------------------------------------------------------------------------

// New stream, binary; through the hook where there is one.
PyObject* PyFile_OpenCodeObject(PyObject* path) {
  if (!PyUnicode_Check(path)) {
    PyErr_Format(PyExc_TypeError, "'path' must be 'str', not '%.200s'", Py_TYPE(path)->tp_name);
    return nullptr;
  }
  if (process.open_code_hook) return process.open_code_hook(path, process.open_code_data);
  Ref<> io = steal(PyImport_ImportModule("_io"));
  return io ? PyObject_CallMethod(io, "open", "Os", path, "rb") : nullptr;
}
PyObject* PyFile_OpenCode(const char* path) {
  Ref<> text = steal(PyUnicode_FromString(path));
  return text ? PyFile_OpenCodeObject(text) : nullptr;
}
int PyFile_SetOpenCodeHook(Py_OpenCodeHookFunction hook, void* data) {
  if (process.core_initialized && PySys_Audit("setopencodehook", nullptr) < 0) return -1;
  if (process.open_code_hook) {
    if (process.core_initialized) PyErr_SetString(PyExc_SystemError, "failed to change existing open_code hook");
    return -1;
  }
  process.open_code_hook = hook;
  process.open_code_data = data;
  return 0;
}

// ---- C streams --------------------------------------------------------------------------------------------------------------------

// As fgets, with all kinds of line ends as \n.
KS_EXPORT char* _Py_UniversalNewlineFgetsWithSize(char* buffer, int n, FILE* stream, PyObject*, size_t* size) {
  char* p = buffer;
  bool skip_newline = false;
  int c = 0;
  while (--n > 0 && (c = getc(stream)) != EOF) {
    if (skip_newline) {
      skip_newline = false;
      if (c == '\n') {
        ++n;
        continue;
      }
    }
    if (c == '\r') {
      // A newline behind it belongs to it.
      const int next = getc(stream);
      if (next != '\n' && next != EOF) ungetc(next, stream);
      c = '\n';
    }
    *p++ = static_cast<char>(c);
    if (c == '\n') break;
  }
  *p = 0;
  if (p == buffer) return nullptr;
  if (size) *size = static_cast<size_t>(p - buffer);
  return buffer;
}
char* Py_UniversalNewlineFgets(char* buffer, int n, FILE* stream, PyObject* file) {
  return _Py_UniversalNewlineFgetsWithSize(buffer, n, stream, file, nullptr);
}

FILE* Py_fopen(PyObject* path, const char* mode) {
  if (PySys_Audit("open", "Osi", path, mode, 0) < 0) return nullptr;
  Ref<> bytes;
  if (!PyUnicode_FSConverter(path, bytes.out())) return nullptr;
  FILE* file;
  do {
    Py_BEGIN_ALLOW_THREADS
    file = fopen(PyBytes_AS_STRING(bytes.get()), mode);
    Py_END_ALLOW_THREADS
  } while (!file && errno == EINTR && PyErr_CheckSignals() == 0);
  if (!file) {
    if (!PyErr_Occurred()) PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    return nullptr;
  }
  if (_Py_set_inheritable(fileno(file), 0, nullptr) < 0) {
    fclose(file);
    return nullptr;
  }
  return file;
}
int Py_fclose(FILE* file) { return fclose(file); }

}  // extern "C"
