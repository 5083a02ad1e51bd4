// The _io module: open() and what the parts share.
#include <errno.h>

#include "modules/io/io.h"

namespace ks::io {

IoState* io_state(PyObject* module) { return static_cast<IoState*>(PyModule_GetState(module)); }

IoState* io_state_of(PyTypeObject* type) {
  PyObject* module = PyType_GetModuleByDef(type, &io_module);
  return module ? io_state(module) : nullptr;
}

Failed raise_unsupported(PyTypeObject* type, const char* message) {
  if (IoState* state = io_state_of(type)) {
    PyErr_SetString(state->unsupported_operation, message);
    return failed;
  }
  // A stream that is none of ours.
  if (!PyErr_ExceptionMatches(PyExc_TypeError)) return failed;
  PyErr_Clear();
  if (Ref<> exception = steal(PyImport_ImportModuleAttrString("_io", "UnsupportedOperation"))) PyErr_SetString(exception, message);
  return failed;
}

Offset offset_from_object(PyObject* object, PyObject* overflow_error) {
  Ref<> integer = Ref<>::steal(PyNumber_Index(object));
  if (!integer) return -1;
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(integer, &overflow);
  if (!overflow) return value;
  if (overflow_error) {
    PyErr_Format(overflow_error, "cannot fit '%.200s' into an offset-sized integer", Py_TYPE(object)->tp_name);
    return -1;
  }
  (void)PyLong_AsLongLong(integer);  // the OverflowError of the conversion
  return -1;
}

bool retry_after_interrupt() {
  if (!PyErr_ExceptionMatches(PyExc_OSError)) return false;
  Ref<> error = Ref<>::steal(PyErr_GetRaisedException());
  auto* os_error = as<PyOSErrorObject>(error.get());
  const bool interrupted =
      os_error->myerrno && PyLong_Check(os_error->myerrno) && PyLong_AsLong(os_error->myerrno) == EINTR;
  if (!interrupted) {
    PyErr_SetRaisedException(error.release());
    return false;
  }
  return PyErr_CheckSignals() == 0;
}

namespace {

// What the mode argument of open() says.
struct OpenMode {
  bool creating = false, reading = false, writing = false, appending = false, updating = false, text = false,
       binary = false;
  char raw[6];
};

Status read_open_mode(const char* mode, OpenMode* result) {
  bool seen[128] = {};
  for (const char* c = mode; *c; ++c) {
    const auto character = static_cast<unsigned char>(*c);
    bool known = character < 128 && !seen[character];
    if (known) {
      seen[character] = true;
      switch (*c) {
        case 'x':
          result->creating = true;
          break;
        case 'r':
          result->reading = true;
          break;
        case 'w':
          result->writing = true;
          break;
        case 'a':
          result->appending = true;
          break;
        case '+':
          result->updating = true;
          break;
        case 't':
          result->text = true;
          break;
        case 'b':
          result->binary = true;
          break;
        default:
          known = false;
      }
    }
    if (!known) return raise(PyExc_ValueError, "invalid mode: '%s'", mode);
  }
  char* raw = result->raw;
  if (result->creating) *raw++ = 'x';
  if (result->reading) *raw++ = 'r';
  if (result->writing) *raw++ = 'w';
  if (result->appending) *raw++ = 'a';
  if (result->updating) *raw++ = '+';
  *raw = 0;
  if (result->text && result->binary) return raise(PyExc_ValueError, "can't have text and binary mode at once");
  if (result->creating + result->reading + result->writing + result->appending != 1)
    return raise(PyExc_ValueError, "must have exactly one of create/read/write/append mode");
  return Status::Ok;
}

// Closes `stream` because of the current exception, which stays the one that is raised.
PyObject* close_and_fail(PyObject* stream) {
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  Ref<> closed = call_method(stream, "close"_id);
  if (!closed) {
    Ref<> second = Ref<>::steal(PyErr_GetRaisedException());
    PyException_SetContext(second, pending.release());
    PyErr_SetRaisedException(second.release());
  } else {
    PyErr_SetRaisedException(pending.release());
  }
  return nullptr;
}

Ref<> text_or_none(const char* text) {
  return text ? Ref<>::steal(PyUnicode_FromString(text)) : Ref<>::borrow(Py_None);
}

}  // namespace

PyObject* io_open(PyObject* module, PyObject* file, TextArgument mode_argument, int buffering,
                  TextOrNoneArgument encoding, TextOrNoneArgument errors, TextOrNoneArgument newline, bool closefd,
                  PyObject* opener) {
  IoState* state = io_state(module);
  const char* mode_text = mode_argument.text ? mode_argument.text : "r";
  Ref<> path;
  if (PyLong_Check(file) || PyUnicode_Check(file) || PyBytes_Check(file)) {
    path = Ref<>::borrow(file);
  } else {
    // A path-like object is asked for its path; other objects (an int by __index__) go on as they are.
    path = Ref<>::steal(PyOS_FSPath(file));
    if (!path) {
      if (!PyIndex_Check(file)) {
        Ref<> method;
        Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
        PyErr_SetRaisedException(pending.release());
        return nullptr;
      }
      PyErr_Clear();
      path = Ref<>::borrow(file);
    }
  }
  OpenMode mode;
  TRY(read_open_mode(mode_text, &mode));
  if (mode.binary) {
    if (encoding) return raise(PyExc_ValueError, "binary mode doesn't take an encoding argument");
    if (errors) return raise(PyExc_ValueError, "binary mode doesn't take an errors argument");
    if (newline) return raise(PyExc_ValueError, "binary mode doesn't take a newline argument");
    if (buffering == 1 &&
        PyErr_WarnEx(PyExc_RuntimeWarning,
                     "line buffering (buffering=1) isn't supported in binary mode, the default buffer "
                     "size will be used",
                     1) < 0)
      return nullptr;
  }

  Ref<> raw = TRY(steal(PyObject_CallFunction(object(state->file_io), "OsOO", path.get(), mode.raw,
                                              closefd ? Py_True : Py_False, opener ? opener : Py_None)));
  Ref<> result = raw.share();

  bool line_buffering = buffering == 1 && !mode.binary;
  bool is_terminal = false;
  if (buffering < 0) {
    Ref<> terminal = call_method(raw, "_isatty_open_only"_id);
    if (!terminal) return close_and_fail(result);
    is_terminal = PyObject_IsTrue(terminal) > 0;
  }
  if (is_terminal && !mode.binary && buffering < 0) line_buffering = true;
  if (buffering < 0 || (buffering == 1)) {
    Ref<> block_size = Ref<>::steal(PyObject_GetAttr(raw, "_blksize"_id));
    if (!block_size) return close_and_fail(result);
    const long size = PyLong_AsLong(block_size);
    if (size == -1 && PyErr_Occurred()) return close_and_fail(result);
    // As the reference: large enough for few system calls, and a multiple of what the file system likes.
    const long wanted = size > kDefaultBufferSize ? size : kDefaultBufferSize;
    buffering = static_cast<int>(Py_MIN(wanted, 8L * 1024 * 1024));
  }
  if (buffering == 0) {
    if (!mode.binary) {
      PyErr_SetString(PyExc_ValueError, "can't have unbuffered text I/O");
      return close_and_fail(result);
    }
    return result.release();
  }

  PyTypeObject* buffered_type = mode.updating                                     ? state->buffered_random
                                : mode.creating || mode.writing || mode.appending ? state->buffered_writer
                                                                                  : state->buffered_reader;
  Ref<> buffer = Ref<>::steal(PyObject_CallFunction(object(buffered_type), "Oi", raw.get(), buffering));
  if (!buffer) return close_and_fail(result);
  result = buffer.share();
  if (mode.binary) return result.release();

  Ref<> encoding_object = text_or_none(encoding), errors_object = text_or_none(errors),
        newline_object = text_or_none(newline);
  if (!encoding_object || !errors_object || !newline_object) return close_and_fail(result);
  Ref<> wrapper = Ref<>::steal(PyObject_CallFunction(object(state->text_io_wrapper), "OOOOO", buffer.get(),
                                                     encoding_object.get(), errors_object.get(), newline_object.get(),
                                                     line_buffering ? Py_True : Py_False));
  if (!wrapper) return close_and_fail(result);
  result = wrapper.share();
  Ref<> mode_object = Ref<>::steal(PyUnicode_FromString(mode_text));
  if (!mode_object || PyObject_SetAttr(wrapper, "mode"_id, mode_object) < 0) return close_and_fail(result);
  return result.release();
}

namespace {

METHOD_AS(
    io_open, "open", 0,
    "($module, /, file, mode='r', buffering=-1, encoding=None,\n     errors=None, newline=None, closefd=True, "
    "opener=None)",
    "Open a file, given by path or by descriptor, as a stream.\n\n"
    "mode: 'r' read, 'w' write from scratch, 'x' create, 'a' append; '+' for both directions, 'b' for bytes, 't' for\n"
    "text (the default). buffering: 0 none (bytes only), 1 by line (text only), more: that many bytes, -1: chosen.\n"
    "encoding, errors and newline are for text, closefd and opener as for FileIO.");

PyObject* io_open_code(PyObject* module, StrArgument path) { return PyFile_OpenCodeObject(path.object); }
METHOD(io, open_code, "($module, /, path)",
       "Open a file whose content is going to be run, for reading bytes. Hooks may look at it first.");

PyObject* io_text_encoding(PyObject* module, PyObject* encoding, int stacklevel) {
  if (encoding && encoding != Py_None) return Py_NewRef(encoding);
  Ref<> flags = Ref<>::borrow(PySys_GetObject("flags"));
  if (!flags) return raise(PyExc_RuntimeError, "lost sys.flags");
  Ref<> warn = TRY(steal(PyObject_GetAttr(flags, "warn_default_encoding"_id)));
  const int warned = PyObject_IsTrue(warn);
  if (warned < 0) return nullptr;
  if (warned && PyErr_WarnEx(PyExc_EncodingWarning, "'encoding' argument not specified", stacklevel) < 0)
    return nullptr;
  Ref<> utf8 = TRY(steal(PyObject_GetAttr(flags, "utf8_mode"_id)));
  return Py_NewRef(PyObject_IsTrue(utf8) > 0 ? "utf-8"_id : "locale"_id);
}
METHOD(io, text_encoding, "($module, encoding, stacklevel=2, /)",
       "The encoding to use for an encoding argument that may be None. Warns about None when that was asked for\n"
       "(-X warn_default_encoding), as the caller's caller at stacklevel.");

PyMethodDef methods[] = {io_open_method, io_open_code_method, io_text_encoding_method, {}};

Ref<PyTypeObject> add_type(PyObject* module, PyType_Spec* spec, PyObject* bases, PyTypeObject** slot,
                           bool is_public = true) {
  *slot = as<PyTypeObject>(PyType_FromModuleAndSpec(module, spec, bases));
  if (!*slot || (is_public && PyModule_AddType(module, *slot) < 0)) return nullptr;
  return borrow(*slot);
}

int io_exec(PyObject* module) {
  IoState* state = io_state(module);
  if (PyModule_AddIntConstant(module, "DEFAULT_BUFFER_SIZE", kDefaultBufferSize) < 0) return -1;
  Ref<> bases = Ref<>::steal(PyTuple_Pack(2, PyExc_OSError, PyExc_ValueError));
  if (!bases) return -1;
  state->unsupported_operation =
      PyObject_CallFunction(object(&PyType_Type), "sO{}", "UnsupportedOperation", bases.get());
  if (!state->unsupported_operation) return -1;
  Ref<> module_name = Ref<>::steal(PyUnicode_FromString("io"));
  if (!module_name || PyObject_SetAttr(state->unsupported_operation, "__module__"_id, module_name) < 0) return -1;
  if (PyModule_AddObjectRef(module, "UnsupportedOperation", state->unsupported_operation) < 0) return -1;
  if (PyModule_AddObjectRef(module, "BlockingIOError", PyExc_BlockingIOError) < 0) return -1;

  if (!add_type(module, &io_base_spec, nullptr, &state->io_base) ||
      !add_type(module, &newline_decoder_spec, nullptr, &state->newline_decoder) ||
      !add_type(module, &bytes_io_buffer_spec, nullptr, &state->bytes_io_buffer))
    return -1;
  PyObject* base = object(state->io_base);
  if (!add_type(module, &text_io_base_spec, base, &state->text_io_base) ||
      !add_type(module, &buffered_io_base_spec, base, &state->buffered_io_base) ||
      !add_type(module, &raw_io_base_spec, base, &state->raw_io_base))
    return -1;
  PyObject* buffered = object(state->buffered_io_base);
  if (!add_type(module, &bytes_io_spec, buffered, &state->bytes_io) ||
      !add_type(module, &buffered_writer_spec, buffered, &state->buffered_writer) ||
      !add_type(module, &buffered_reader_spec, buffered, &state->buffered_reader) ||
      !add_type(module, &buffered_random_spec, buffered, &state->buffered_random) ||
      !add_type(module, &buffered_rw_pair_spec, buffered, &state->buffered_rw_pair) ||
      !add_type(module, &file_io_spec, object(state->raw_io_base), &state->file_io) ||
      !add_type(module, &string_io_spec, object(state->text_io_base), &state->string_io) ||
      !add_type(module, &text_io_wrapper_spec, object(state->text_io_base), &state->text_io_wrapper))
    return -1;
  return 0;
}

// All members of IoState are object pointers.
static_assert(sizeof(IoState) % sizeof(PyObject*) == 0);
int io_traverse(PyObject* module, visitproc visit, void* arg) {
  IoState* state = io_state(module);
  if (!state) return 0;
  auto** slots = reinterpret_cast<PyObject**>(state);
  for (size_t i = 0; i < sizeof(IoState) / sizeof(PyObject*); ++i) Py_VISIT(slots[i]);
  return 0;
}
int io_clear(PyObject* module) {
  IoState* state = io_state(module);
  if (!state) return 0;
  auto** slots = reinterpret_cast<PyObject**>(state);
  for (size_t i = 0; i < sizeof(IoState) / sizeof(PyObject*); ++i) Py_CLEAR(slots[i]);
  return 0;
}
void io_free(void* module) { io_clear(static_cast<PyObject*>(module)); }

PyModuleDef_Slot module_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(io_exec)},
                                   {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
                                   {Py_mod_gil, Py_MOD_GIL_NOT_USED},
                                   {0, nullptr}};

}  // namespace

PyModuleDef io_module = {.m_base = PyModuleDef_HEAD_INIT,
                         .m_name = "_io",
                         .m_doc = "Streams of bytes and of text: the classes behind the io module.",
                         .m_size = sizeof(IoState),
                         .m_methods = methods,
                         .m_slots = module_slots,
                         .m_traverse = io_traverse,
                         .m_clear = io_clear,
                         .m_free = io_free};

}  // namespace ks::io

PyMODINIT_FUNC PyInit__io(void) { return PyModuleDef_Init(&ks::io::io_module); }
