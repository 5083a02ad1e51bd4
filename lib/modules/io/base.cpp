// _IOBase, _RawIOBase, _BufferedIOBase and _TextIOBase: what streams have in common, written against their own
// (overridable) methods.
#include "modules/io/io.h"
#include "object/method_text.h"

#include <structmember.h>

namespace ks::io {
namespace {

#define AS_METHOD(FUNCTION, NAME, SIGNATURE, DOC) METHOD_AS(FUNCTION, NAME, 0, SIGNATURE, DOC)

// ---- _IOBase
// ----------------------------------------------------------------------------------------------------------

Failed unsupported(PyObject* self, const char* method) { return raise_unsupported(Py_TYPE(self), method); }

PyObject* base_seek(PyObject* self, PyObject*, PyObject*) { return unsupported(self, "seek"); }
AS_METHOD(base_seek, "seek", "($self, offset, whence=os.SEEK_SET, /)",
          "Move the stream position; whence is 0 (start), 1 (here) or 2 (end). Returns the new position.");

PyObject* base_tell(PyObject* self) {
  return call_method(self, "seek"_id, PyLong_FromLong(0), PyLong_FromLong(1)).release();
}
AS_METHOD(base_tell, "tell", "($self, /)", "The current stream position.");

PyObject* base_truncate(PyObject* self, PyObject*) { return unsupported(self, "truncate"); }
AS_METHOD(base_truncate, "truncate", "($self, size=None, /)",
          "Cut or extend the stream to size bytes (default: the current position), which is returned.");

// The flag that close() leaves in the instance: a subclass may override `closed`.
Found is_closed_flag(PyObject* self) {
  Ref<> value;
  return found(PyObject_GetOptionalAttr(self, "__IOBase_closed"_id, value.out()));
}

Found closed_attribute(PyObject* self) {
  Ref<> value = TRY(steal(PyObject_GetAttr(self, "closed"_id)));
  return found(PyObject_IsTrue(value));
}

Status base_flush(PyObject* self) {
  if (TRY(is_closed_flag(self))) return raise(PyExc_ValueError, "I/O operation on closed file.");
  return Status::Ok;
}
AS_METHOD(base_flush, "flush", "($self, /)", "Hand buffered data on. Nothing to do for streams that only read.");

PyObject* base_closed_get(PyObject* self, void*) { return box(is_closed_flag(self)); }

Status base_close(PyObject* self) {
  if (TRY(is_closed_flag(self))) return Status::Ok;
  Ref<> result = call_method(self, "flush"_id);
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  const int set = PyObject_SetAttr(self, "__IOBase_closed"_id, Py_True);
  if (pending) {
    if (set < 0) {
      Ref<> second = Ref<>::steal(PyErr_GetRaisedException());
      PyException_SetContext(second, pending.share().release());
      PyErr_SetRaisedException(second.release());
    } else {
      PyErr_SetRaisedException(pending.release());
    }
    return failed;
  }
  return status(set);
}
AS_METHOD(base_close, "close", "($self, /)", "Flush and close; a second call does nothing.");

bool base_seekable(PyObject*) { return false; }
AS_METHOD(base_seekable, "seekable", "($self, /)", "Whether seek(), tell() and truncate() work.");
bool base_readable(PyObject*) { return false; }
AS_METHOD(base_readable, "readable", "($self, /)", "Whether read() works.");
bool base_writable(PyObject*) { return false; }
AS_METHOD(base_writable, "writable", "($self, /)", "Whether write() works.");

Status check_capability(PyObject* self, PyObject* method, const char* message) {
  Ref<> result = TRY(call_method(self, method));
  if (result == Py_True) return Status::Ok;
  return raise_unsupported(Py_TYPE(self), message);
}

PyObject* checked_true(Status status) { return status == Status::Error ? nullptr : Py_NewRef(Py_True); }
PyObject* base_check_closed(PyObject* self, PyObject*) { return box(check_closed(self)); }
METHOD_SHOWN(base_check_closed, "_checkClosed", 0, "($self, msg=None, /)", "($self, /)", "");
PyObject* base_check_seekable(PyObject* self, PyObject*) { return checked_true(check_seekable(self)); }
METHOD_SHOWN(base_check_seekable, "_checkSeekable", 0, "($self, msg=None, /)", "($self, /)", "");
PyObject* base_check_readable(PyObject* self, PyObject*) { return checked_true(check_readable(self)); }
METHOD_SHOWN(base_check_readable, "_checkReadable", 0, "($self, msg=None, /)", "($self, /)", "");
PyObject* base_check_writable(PyObject* self, PyObject*) { return checked_true(check_writable(self)); }
METHOD_SHOWN(base_check_writable, "_checkWritable", 0, "($self, msg=None, /)", "($self, /)", "");

PyObject* base_fileno(PyObject* self) { return unsupported(self, "fileno"); }
AS_METHOD(base_fileno, "fileno", "($self, /)", "The file descriptor below the stream; OSError when there is none.");

Found base_isatty(PyObject* self) {
  TRY(check_closed(self));
  return Found::No;
}
AS_METHOD(base_isatty, "isatty", "($self, /)", "Whether the stream talks to a terminal.");

PyObject* base_enter(PyObject* self) {
  TRY(check_closed(self));
  return Py_NewRef(self);
}
AS_METHOD(base_enter, "__enter__", "($self, /)", "");
PyObject* base_exit(PyObject* self, PyObject*) { return call_method(self, "close"_id).release(); }
METHOD_UNSIGNED(base_exit, "__exit__", 0, "($self, /, *args)", "");

// Reads single bytes, or what peek() says can be read without passing the line's end.
PyObject* base_readline(PyObject* self, SizeOrNone limit) {
  Ref<> peek;
  const bool has_peek = TRY(found(PyObject_GetOptionalAttr(self, "peek"_id, peek.out())));
  Ref<> buffer = TRY(steal(PyByteArray_FromStringAndSize(nullptr, 0)));
  Ref<> one = TRY(steal(PyLong_FromLong(1)));
  while (limit < 0 || PyByteArray_GET_SIZE(buffer.get()) < limit) {
    Py_ssize_t want = 1;
    if (has_peek) {
      Ref<> ahead = Ref<>::steal(PyObject_CallOneArg(peek, one));
      if (!ahead) {
        if (retry_after_interrupt()) continue;
        return nullptr;
      }
      if (!PyBytes_Check(ahead.get()))
        return raise(PyExc_OSError, "peek() should have returned a bytes object, not '%.200s'",
                     Py_TYPE(ahead.get())->tp_name);
      const Py_ssize_t available = PyBytes_GET_SIZE(ahead.get());
      if (available > 0) {
        const char* text = PyBytes_AS_STRING(ahead.get());
        const Py_ssize_t most = limit >= 0 ? Py_MIN(available, limit - PyByteArray_GET_SIZE(buffer.get())) : available;
        const void* end = memchr(text, '\n', static_cast<size_t>(most));
        want = end ? static_cast<const char*>(end) - text + 1 : most;
      }
    }
    Ref<> count = TRY(steal(PyLong_FromSsize_t(want)));
    Ref<> piece = call_method(self, "read"_id, count.get());
    if (!piece) {
      if (retry_after_interrupt()) continue;
      return nullptr;
    }
    if (!PyBytes_Check(piece.get()))
      return raise(PyExc_OSError, "read() should have returned a bytes object, not '%.200s'",
                   Py_TYPE(piece.get())->tp_name);
    const Py_ssize_t size = PyBytes_GET_SIZE(piece.get());
    if (size == 0) break;
    const Py_ssize_t old_size = PyByteArray_GET_SIZE(buffer.get());
    if (PyByteArray_Resize(buffer, old_size + size) < 0) return nullptr;
    memcpy(PyByteArray_AS_STRING(buffer.get()) + old_size, PyBytes_AS_STRING(piece.get()), static_cast<size_t>(size));
    if (PyByteArray_AS_STRING(buffer.get())[old_size + size - 1] == '\n') break;
  }
  return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(buffer.get()), PyByteArray_GET_SIZE(buffer.get()));
}
AS_METHOD(base_readline, "readline", "($self, size=-1, /)",
          "The next line, at most size bytes of it when size is given.");

PyObject* base_readlines(PyObject* self, SizeOrNone hint) {
  Ref<> result = TRY(steal(PyList_New(0)));
  if (hint <= 0) {
    // list.extend semantics: the iterator decides.
    Ref<> extended = TRY(call_method(result, "extend"_id, self));
    return result.release();
  }
  Ref<> iterator = TRY(steal(PyObject_GetIter(self)));
  Py_ssize_t length = 0;
  while (true) {
    Ref<> line = Ref<>::steal(PyIter_Next(iterator));
    if (!line) {
      if (PyErr_Occurred()) return nullptr;
      break;
    }
    TRY(PyList_Append(result, line));
    const Py_ssize_t size = PyObject_Size(line);
    if (size < 0) return nullptr;
    if (size > hint - length) break;
    length += size;
  }
  return result.release();
}
AS_METHOD(base_readlines, "readlines", "($self, hint=-1, /)",
          "The lines that are left, as a list; hint ends it early, counted in bytes or characters.");

PyObject* base_writelines(PyObject* self, PyObject* lines) {
  TRY(check_closed(self));
  Ref<> iterator = TRY(steal(PyObject_GetIter(lines)));
  while (true) {
    Ref<> line = Ref<>::steal(PyIter_Next(iterator));
    if (!line) {
      if (PyErr_Occurred()) return nullptr;
      break;
    }
    Ref<> result;
    do {
      result = call_method(self, "write"_id, line.get());
    } while (!result && retry_after_interrupt());
    if (!result) return nullptr;
  }
  return Py_NewRef(Py_None);
}
AS_METHOD(base_writelines, "writelines", "($self, lines, /)", "Write each item of lines; no line ends are added.");

PyObject* base_iter(PyObject* self) {
  TRY(check_closed(self));
  return Py_NewRef(self);
}
PyObject* base_next(PyObject* self) {
  Ref<> line = TRY(call_method(self, "readline"_id));
  const Py_ssize_t size = PyObject_Size(line);
  if (size <= 0) return nullptr;  // 0: the end
  return line.release();
}

// ---- life
// -------------------------------------------------------------------------------------------------------------

void base_finalize(PyObject* self) {
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  const Found closed = closed_attribute(self);
  if (closed == Found::Error) PyErr_Clear();
  if (closed == Found::No) {
    // Streams that warn about being left open ask for this mark.
    if (PyObject_SetAttr(self, "_finalizing"_id, Py_True) < 0) PyErr_Clear();
    Ref<> result = call_method(self, "close"_id);
    if (!result) PyErr_FormatUnraisable("Exception ignored while finalizing file %R", self);
  }
  PyErr_SetRaisedException(pending.release());
}

int base_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as<IoBase>(self)->dict);
  return 0;
}
int base_clear(PyObject* self) {
  Py_CLEAR(as<IoBase>(self)->dict);
  return 0;
}
void base_dealloc(PyObject* self) {
  if (!io_base_finalize(self)) return;
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (as<IoBase>(self)->weakreflist) PyObject_ClearWeakRefs(self);
  Py_CLEAR(as<IoBase>(self)->dict);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef base_methods[] = {
    base_seek_method,         base_tell_method,           base_truncate_method,       base_flush_method,
    base_close_method,        base_seekable_method,       base_readable_method,       base_writable_method,
    base_check_closed_method, base_check_seekable_method, base_check_readable_method, base_check_writable_method,
    base_fileno_method,       base_isatty_method,         base_enter_method,          base_exit_method,
    base_readline_method,     base_readlines_method,      base_writelines_method,     {}};
PyGetSetDef base_getset[] = {{"__dict__", PyObject_GenericGetDict, nullptr, nullptr, nullptr},
                             {"closed", base_closed_get, nullptr, nullptr, nullptr},
                             {}};
PyMemberDef base_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(IoBase, weakreflist), Py_READONLY, nullptr},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(IoBase, dict), Py_READONLY, nullptr},
    {}};

constexpr char kBaseDoc[] =
    "What all streams have in common.\n\n"
    "As it stands it is a stream that can neither be read, nor written, nor moved in.";

PyType_Slot base_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(base_dealloc)},
                            {Py_tp_doc, const_cast<char*>(kBaseDoc)},
                            {Py_tp_traverse, reinterpret_cast<void*>(base_traverse)},
                            {Py_tp_clear, reinterpret_cast<void*>(base_clear)},
                            {Py_tp_iter, reinterpret_cast<void*>(base_iter)},
                            {Py_tp_iternext, reinterpret_cast<void*>(base_next)},
                            {Py_tp_methods, base_methods},
                            {Py_tp_members, base_members},
                            {Py_tp_getset, base_getset},
                            {Py_tp_finalize, reinterpret_cast<void*>(base_finalize)},
                            {0, nullptr}};

// ---- _RawIOBase
// -------------------------------------------------------------------------------------------------------

PyObject* raw_readall(PyObject* self) {
  Ref<> pieces = TRY(steal(PyList_New(0)));
  Ref<> size = TRY(steal(PyLong_FromSsize_t(kDefaultBufferSize)));
  while (true) {
    Ref<> piece = call_method(self, "read"_id, size.get());
    if (!piece) {
      if (retry_after_interrupt()) continue;
      return nullptr;
    }
    if (piece == Py_None) {
      if (PyList_GET_SIZE(pieces.get()) == 0) return piece.release();
      break;
    }
    if (!PyBytes_Check(piece.get())) return raise(PyExc_TypeError, "read() should return bytes");
    if (PyBytes_GET_SIZE(piece.get()) == 0) break;
    TRY(PyList_Append(pieces, piece));
  }
  Ref<> empty = TRY(steal(PyBytes_FromStringAndSize(nullptr, 0)));
  return call_method(empty, "join"_id, pieces.get()).release();
}
AS_METHOD(raw_readall, "readall", "($self, /)", "Everything up to the end, by as many reads as it takes.");

PyObject* raw_read(PyObject* self, SizeOrNone size) {
  if (size < 0) return call_method(self, "readall"_id).release();
  Ref<> buffer = TRY(steal(PyByteArray_FromStringAndSize(nullptr, size)));
  Ref<> result = TRY(call_method(self, "readinto"_id, buffer.get()));
  if (result == Py_None) return result.release();
  const Py_ssize_t count = PyNumber_AsSsize_t(result, PyExc_ValueError);
  if (count == -1 && PyErr_Occurred()) return nullptr;
  if (count < 0 || count > PyByteArray_GET_SIZE(buffer.get()))
    return raise(PyExc_ValueError, "readinto returned %zd outside buffer size %zd", count,
                 PyByteArray_GET_SIZE(buffer.get()));
  return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(buffer.get()), count);
}
AS_METHOD(raw_read, "read", "($self, size=-1, /)", "");

// What a raw stream must have.
PyObject* raw_missing(PyObject*, PyObject*) {
  PyErr_SetNone(PyExc_NotImplementedError);
  return nullptr;
}
METHOD_UNSIGNED(raw_missing, "readinto", 0, "($self, /, *args)", nullptr);
constexpr PyMethodDef raw_readinto_method = raw_missing_method;
constexpr PyMethodDef raw_write_method = {"write", raw_missing_method.ml_meth, raw_missing_method.ml_flags, nullptr};

PyMethodDef raw_methods[] = {raw_read_method, raw_readall_method, raw_readinto_method, raw_write_method, {}};
constexpr char kRawDoc[] = "Base class for raw binary I/O.";
PyType_Slot raw_slots[] = {{Py_tp_doc, const_cast<char*>(kRawDoc)}, {Py_tp_methods, raw_methods}, {0, nullptr}};

// ---- _BufferedIOBase
// --------------------------------------------------------------------------------------------------

PyObject* buffered_base_read_into(PyObject* self, PyObject* target, PyObject* method) {
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_CONTIG) < 0) {
    PyErr_Clear();
    return raise(PyExc_TypeError, "%U() argument must be read-write bytes-like object, not %.200s",
                 method == "read"_id ? "readinto"_id : "readinto1"_id, Py_TYPE(target)->tp_name);
  }
  PyObject* result = nullptr;
  Ref<> size = Ref<>::steal(PyLong_FromSsize_t(view.len));
  if (size) {
    Ref<> data = call_method(self, method, size.get());
    if (data && !PyBytes_Check(data.get())) {
      PyErr_SetString(PyExc_TypeError, "read() should return bytes");
    } else if (data) {
      const Py_ssize_t length = PyBytes_GET_SIZE(data.get());
      if (length > view.len) {
        PyErr_Format(PyExc_ValueError, "read() returned too much data: %zd bytes requested, %zd returned", view.len,
                     length);
      } else {
        memcpy(view.buf, PyBytes_AS_STRING(data.get()), static_cast<size_t>(length));
        result = PyLong_FromSsize_t(length);
      }
    }
  }
  PyBuffer_Release(&view);
  return result;
}
PyObject* buffered_base_readinto(PyObject* self, PyObject* buffer) {
  return buffered_base_read_into(self, buffer, "read"_id);
}
AS_METHOD(buffered_base_readinto, "readinto", "($self, buffer, /)", "");
PyObject* buffered_base_readinto1(PyObject* self, PyObject* buffer) {
  return buffered_base_read_into(self, buffer, "read1"_id);
}
AS_METHOD(buffered_base_readinto1, "readinto1", "($self, buffer, /)", "");
PyObject* buffered_base_detach(PyObject* self) { return unsupported(self, "detach"); }
AS_METHOD(buffered_base_detach, "detach", "($self, /)",
          "Give the raw stream back; this object is of no use afterwards.");
PyObject* buffered_base_read(PyObject* self, PyObject*) { return unsupported(self, "read"); }
AS_METHOD(buffered_base_read, "read", "($self, size=-1, /)",
          "Up to size bytes; everything up to the end when size is None or negative.");
PyObject* buffered_base_read1(PyObject* self, PyObject*) { return unsupported(self, "read1"); }
AS_METHOD(buffered_base_read1, "read1", "($self, size=-1, /)",
          "Up to size bytes with one read of the raw stream at most.");
PyObject* buffered_base_write(PyObject* self, PyObject*) { return unsupported(self, "write"); }
AS_METHOD(buffered_base_write, "write", "($self, b, /)", "Write the bytes of b; returns how many.");

PyMethodDef buffered_base_methods[] = {buffered_base_detach_method,
                                       buffered_base_read_method,
                                       buffered_base_read1_method,
                                       buffered_base_readinto_method,
                                       buffered_base_readinto1_method,
                                       buffered_base_write_method,
                                       {}};
constexpr char kBufferedDoc[] =
    "Base class for buffered IO objects.\n\n"
    "Its read() takes an optional size, and neither read nor write may be\n"
    "short because the raw stream was.";
PyType_Slot buffered_base_slots[] = {
    {Py_tp_doc, const_cast<char*>(kBufferedDoc)}, {Py_tp_methods, buffered_base_methods}, {0, nullptr}};

// ---- _TextIOBase
// ------------------------------------------------------------------------------------------------------

PyObject* text_base_detach(PyObject* self) { return unsupported(self, "detach"); }
AS_METHOD(text_base_detach, "detach", "($self, /)", "Give the buffer back; this object is of no use afterwards.");
PyObject* text_base_read(PyObject* self, PyObject*) { return unsupported(self, "read"); }
AS_METHOD(text_base_read, "read", "($self, size=-1, /)",
          "Up to size characters; everything up to the end when size is negative.");
PyObject* text_base_readline(PyObject* self, PyObject*) { return unsupported(self, "readline"); }
AS_METHOD(text_base_readline, "readline", "($self, size=-1, /)",
          "The next line, at most size characters of it; empty at the end.");
PyObject* text_base_write(PyObject* self, PyObject*) { return unsupported(self, "write"); }
AS_METHOD(text_base_write, "write", "($self, s, /)", "Write the str s; returns its length.");
PyObject* none_attribute(PyObject*, void*) { return Py_NewRef(Py_None); }

PyMethodDef text_base_methods[] = {
    text_base_detach_method, text_base_read_method, text_base_readline_method, text_base_write_method, {}};
PyGetSetDef text_base_getset[] = {
    {"encoding", none_attribute, nullptr, "Encoding of the text stream.", nullptr},
    {"newlines", none_attribute, nullptr, "Line endings translated so far.", nullptr},
    {"errors", none_attribute, nullptr, "The error setting of the decoder or encoder.", nullptr},
    {}};
constexpr char kTextDoc[] =
    "Base class for text I/O.\n\n"
    "It reads and writes str; there is no readinto(), as str cannot change.";
PyType_Slot text_base_slots[] = {{Py_tp_doc, const_cast<char*>(kTextDoc)},
                                 {Py_tp_methods, text_base_methods},
                                 {Py_tp_getset, text_base_getset},
                                 {0, nullptr}};

constexpr unsigned kAbstractFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE;

}  // namespace

PyType_Spec io_base_spec = {"_io._IOBase", sizeof(IoBase), 0, kAbstractFlags | Py_TPFLAGS_HAVE_GC, base_slots};
PyType_Spec raw_io_base_spec = {"_io._RawIOBase", 0, 0, kAbstractFlags, raw_slots};
PyType_Spec buffered_io_base_spec = {"_io._BufferedIOBase", 0, 0, kAbstractFlags, buffered_base_slots};
PyType_Spec text_io_base_spec = {"_io._TextIOBase", 0, 0, kAbstractFlags, text_base_slots};

bool io_base_finalize(PyObject* self) {
  // A subclass written in Python finalises through its own tp_finalize; then this is only the resurrection test.
  if (PyObject_CallFinalizerFromDealloc(self) == 0) return true;
  return false;
}

Status check_closed(PyObject* self, const char* message) {
  Ref<> closed;
  if (!TRY(found(PyObject_GetOptionalAttr(self, "closed"_id, closed.out())))) return Status::Ok;
  const int truth = PyObject_IsTrue(closed);
  if (truth < 0) return failed;
  if (truth) return raise(PyExc_ValueError, "%s", message ? message : "I/O operation on closed file.");
  return Status::Ok;
}
Status check_readable(PyObject* self) {
  return check_capability(self, "readable"_id, "File or stream is not readable.");
}
Status check_writable(PyObject* self) {
  return check_capability(self, "writable"_id, "File or stream is not writable.");
}
Status check_seekable(PyObject* self) {
  return check_capability(self, "seekable"_id, "File or stream is not seekable.");
}

}  // namespace ks::io
