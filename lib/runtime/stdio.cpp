// sys.stdin, sys.stdout and sys.stderr; the printer that stands in for stderr in the first minute; flushing at the end.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "text/codec.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "runtime/config.h"
#include "runtime/process.h"
#include "runtime/stdio.h"


namespace ks {

void configure_c_stdio(const PyConfig& config) {
  if (!config.buffered_stdio) {
    setvbuf(stdin, nullptr, _IONBF, BUFSIZ);
    setvbuf(stdout, nullptr, _IONBF, BUFSIZ);
    setvbuf(stderr, nullptr, _IONBF, BUFSIZ);
  } else if (config.interactive) {
    setvbuf(stdin, nullptr, _IOLBF, BUFSIZ);
    setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  }
}

namespace {

// The normal name of a codec replaces the one in the configuration.
Status normalize_encoding(wchar_t** slot) {
  char* name = Py_EncodeLocale(*slot, nullptr);
  if (!name) {
    PyErr_NoMemory();
    return failed;
  }
  Ref<> codec = steal(codec_lookup(name));
  PyMem_Free(name);
  if (!codec) return failed;
  Ref<> normal = TRY(steal(PyObject_GetAttr(codec, "name"_id)));
  wchar_t* wide = PyUnicode_AsWideCharString(normal, nullptr);
  if (!wide) return failed;
  const bool good = set_wide(slot, wide);
  PyMem_Free(wide);
  if (good) return Status::Ok;
  PyErr_NoMemory();
  return failed;
}

bool valid_descriptor(int fd) {
  if (fd < 0) return false;
  return fcntl(fd, F_GETFD) >= 0;
}

Ref<> create_stream(const PyConfig& config, PyObject* io, int fd, bool write, const char* name, const wchar_t* encoding,
                    const wchar_t* errors) {
  if (!valid_descriptor(fd)) return borrow(Py_None);
  const int buffering = !config.buffered_stdio && write ? 0 : -1;
  Ref<> buffer = TRY(steal(PyObject_CallMethod(io, "open", "isiOOOO", fd, write ? "wb" : "rb", buffering, Py_None, Py_None,
                                               Py_None, Py_False)));
  Ref<> raw = buffering ? steal(PyObject_GetAttr(buffer, "raw"_id)) : buffer.share();
  if (!raw) return failed;
  Ref<> name_text = TRY(steal(PyUnicode_FromString(name)));
  TRY(PyObject_SetAttr(raw, "name"_id, name_text));
  Ref<> terminal = TRY(steal(PyObject_CallMethodNoArgs(raw, "isatty"_id)));
  const int is_terminal = PyObject_IsTrue(terminal);
  if (is_terminal < 0) return failed;
  const bool write_through = !config.buffered_stdio;
  const bool line_buffering = config.buffered_stdio && (is_terminal || fd == STDERR_FILENO);
  Ref<> encoding_text = TRY(steal(PyUnicode_FromWideChar(encoding, -1)));
  Ref<> errors_text = TRY(steal(PyUnicode_FromWideChar(errors, -1)));
  Ref<> stream = TRY(steal(PyObject_CallMethod(io, "TextIOWrapper", "OOOsOO", buffer.get(), encoding_text.get(), errors_text.get(),
                                               "\n", line_buffering ? Py_True : Py_False, write_through ? Py_True : Py_False)));
  TRY(PyObject_SetAttr(stream, "mode"_id, write ? "w"_id : "r"_id));
  return stream;
}

Status set_stream(const char* name, const char* hidden_name, PyObject* stream) {
  PyObject* sys = interpreter()->core.sys_dict;
  TRY(PyDict_SetItemString(sys, hidden_name, stream));
  TRY(PyDict_SetItemString(sys, name, stream));
  return Status::Ok;
}

}  // namespace

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
Status encodings_start(PyThreadState* state) {
  PyConfig& config = state->interp->core.config;
  TRY(normalize_encoding(&config.filesystem_encoding));
  if (is_main_interpreter(state->interp)) {
    char* encoding = Py_EncodeLocale(config.filesystem_encoding, nullptr);
    char* errors = Py_EncodeLocale(config.filesystem_errors, nullptr);
    Py_FileSystemDefaultEncoding = encoding ? strdup(encoding) : nullptr;
    Py_FileSystemDefaultEncodeErrors = errors ? strdup(errors) : nullptr;
    PyMem_Free(encoding);
    PyMem_Free(errors);
  }
  return Status::Ok;
}
#pragma clang diagnostic pop

Status std_streams_start(PyThreadState* state) {
  PyConfig& config = state->interp->core.config;
  struct stat info;
  if (fstat(STDIN_FILENO, &info) == 0 && S_ISDIR(info.st_mode)) {
    fprintf(stderr, "Python error: <stdin> is a directory, cannot continue\n");
    exit(1);
  }
  TRY(normalize_encoding(&config.stdio_encoding));
  Ref<> io = TRY(steal(PyImport_ImportModule("_io")));
  Ref<> open = TRY(steal(PyObject_GetAttr(io, "open"_id)));
  TRY(PyDict_SetItem(state->interp->core.builtins_dict, "open"_id, open));
  Ref<> input = TRY(create_stream(config, io, STDIN_FILENO, false, "<stdin>", config.stdio_encoding, config.stdio_errors));
  TRY(set_stream("stdin", "__stdin__", input));
  Ref<> output = TRY(create_stream(config, io, STDOUT_FILENO, true, "<stdout>", config.stdio_encoding, config.stdio_errors));
  TRY(set_stream("stdout", "__stdout__", output));
  Ref<> error = TRY(create_stream(config, io, STDERR_FILENO, true, "<stderr>", config.stdio_encoding, L"backslashreplace"));
  TRY(set_stream("stderr", "__stderr__", error));
  return Status::Ok;
}

Status stdio_encoding_check(PyThreadState*) { return Status::Ok; }

// 0, or -1 when a stream could not be flushed.
int flush_std_files() {
  int result = 0;
  for (PyObject* name : {"stdout"_id, "stderr"_id}) {
    Ref<> stream = borrow(sys_get(name));
    if (!stream || stream.get() == Py_None) continue;
    Ref<> closed = steal(PyObject_GetAttr(stream, "closed"_id));
    const int is_closed = closed ? PyObject_IsTrue(closed) : 0;
    if (!closed || is_closed < 0) PyErr_Clear();
    if (is_closed > 0) continue;
    Ref<> done = steal(PyObject_CallMethodNoArgs(stream, "flush"_id));
    if (!done) {
      if (name == "stdout"_id) {
        PyErr_FormatUnraisable("Exception ignored while flushing sys.stdout");
        result = -1;
      } else {
        PyErr_Clear();
      }
    }
  }
  return result;
}

// ---- the printer ------------------------------------------------------------------------------------------------------------

struct StdPrinter {
  PyObject ob_base;
  int fd;
};

static PyObject* printer_write(StdPrinter* self, PyObject* text) {
  if (self->fd < 0) return Py_NewRef(Py_None);
  if (!PyUnicode_Check(text)) return raise(PyExc_TypeError, "write() argument must be str, not %.200s", Py_TYPE(text)->tp_name);
  Ref<> bytes = steal(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace"));
  if (!bytes) return nullptr;
  const char* data = PyBytes_AS_STRING(bytes.get());
  Py_ssize_t size = PyBytes_GET_SIZE(bytes.get());
  Py_ssize_t written = 0;
  while (written < size) {
    const ssize_t count = write(self->fd, data + written, static_cast<size_t>(size - written));
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Py_NewRef(Py_None);
      return PyErr_SetFromErrno(PyExc_OSError);
    }
    written += count;
  }
  return PyLong_FromSsize_t(written);
}
static PyObject* printer_fileno(StdPrinter* self) { return PyLong_FromLong(self->fd); }
static PyObject* printer_isatty(StdPrinter* self) { return PyBool_FromLong(self->fd >= 0 && isatty(self->fd)); }
static PyObject* printer_none(StdPrinter*) { return Py_NewRef(Py_None); }
static PyObject* printer_close(StdPrinter*) { return Py_NewRef(Py_None); }
static PyObject* printer_repr(PyObject* self) {
  return PyUnicode_FromFormat("<stdprinter(fd=%d) object at %p>", as<StdPrinter>(self)->fd, static_cast<void*>(self));
}
METHOD(printer, write, "($self, string, /)", "Write the text to the descriptor.");
METHOD(printer, fileno, "($self, /)", "The descriptor.");
METHOD(printer, isatty, "($self, /)", "Is the descriptor a terminal?");
METHOD_AS(printer_none, "flush", 0, "($self, /)", "Nothing to do: writes are not buffered.");
METHOD_AS(printer_close, "close", 0, "($self, /)", "Nothing to do: the descriptor belongs to the process.");
static PyMethodDef printer_methods[] = {printer_write_method, printer_fileno_method, printer_isatty_method,
                                        printer_none_method, printer_close_method, {}};
static PyObject* printer_closed(PyObject*, void*) { return Py_NewRef(Py_False); }
static PyObject* printer_encoding(PyObject*, void*) { return Py_NewRef(Py_None); }
static PyGetSetDef printer_getset[] = {{"closed", printer_closed, nullptr, "True if the file is closed", nullptr},
                                       {"encoding", printer_encoding, nullptr, "Encoding of the file", nullptr},
                                       {"mode", [](PyObject*, void*) { return PyUnicode_FromString("w"); }, nullptr, "String giving the file mode", nullptr},
                                       {}};

}  // namespace ks

extern "C" {

PyTypeObject PyStdPrinter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "stderrprinter",
    .tp_basicsize = sizeof(ks::StdPrinter),
    .tp_repr = ks::printer_repr,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_methods = ks::printer_methods,
    .tp_getset = ks::printer_getset,
};

// New file-like object for a descriptor, only for writing text.
PyObject* PyFile_NewStdPrinter(int fd) {
  if (fd != STDOUT_FILENO && fd != STDERR_FILENO) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  auto* self = PyObject_New(ks::StdPrinter, &PyStdPrinter_Type);
  if (self) self->fd = fd;
  return ks::object(self);
}

}  // extern "C"
