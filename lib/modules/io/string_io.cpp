// StringIO: a text stream in memory. The content is an array of code points with room to grow.
#include <structmember.h>

#include "modules/io/io.h"

namespace ks::io {
namespace {

struct StringIO {
  PyObject_HEAD Py_UCS4* data;
  Py_ssize_t position;
  Py_ssize_t size;
  Py_ssize_t capacity;
  bool ok;
  bool closed;
  bool read_universal;
  bool read_translate;
  PyObject* decoder;        // IncrementalNewlineDecoder, or nullptr
  PyObject* read_newline;   // str, or nullptr for universal
  PyObject* write_newline;  // str that replaces "\n", or nullptr
  PyObject* dict;
  PyObject* weakreflist;
};

Status check(StringIO* self) {
  if (!self->ok) return raise(PyExc_ValueError, "I/O operation on uninitialized object");
  if (self->closed) return raise(PyExc_ValueError, "I/O operation on closed file");
  return Status::Ok;
}
Status reserve(StringIO* self, Py_ssize_t size) {
  if (size <= self->capacity && size >= self->capacity / 2) return Status::Ok;
  Py_ssize_t capacity = size < self->capacity / 2 ? size + 1 : size + (size >> 3) + 16;
  if (capacity > PY_SSIZE_T_MAX / static_cast<Py_ssize_t>(sizeof(Py_UCS4))) {
    return raise(PyExc_OverflowError, "new buffer size too large");
  }
  auto* data = static_cast<Py_UCS4*>(PyMem_Realloc(self->data, static_cast<size_t>(capacity) * sizeof(Py_UCS4)));
  if (!data) {
    PyErr_NoMemory();
    return failed;
  }
  self->data = data;
  self->capacity = capacity;
  return Status::Ok;
}

Status write_text(StringIO* self, PyObject* text) {
  Ref<> decoded = self->decoder ? Ref<>::steal(newline_decoder_decode(self->decoder, text, true)) : Ref<>::borrow(text);
  if (!decoded) return failed;
  if (self->write_newline) {
    Ref<> newline = TRY(steal(PyUnicode_FromString("\n")));
    decoded = TRY(steal(PyUnicode_Replace(decoded, newline, self->write_newline, -1)));
  }
  const Py_ssize_t length = PyUnicode_GET_LENGTH(decoded.get());
  if (self->position > PY_SSIZE_T_MAX - length) return raise(PyExc_OverflowError, "new position too large");
  const Py_ssize_t end = self->position + length;
  if (end > self->capacity) TRY(reserve(self, end));
  if (self->position > self->size)
    memset(self->data + self->size, 0, static_cast<size_t>(self->position - self->size) * sizeof(Py_UCS4));
  if (length && !PyUnicode_AsUCS4(decoded, self->data + self->position, self->capacity - self->position, 0))
    return failed;
  self->position = end;
  if (end > self->size) self->size = end;
  return Status::Ok;
}

PyObject* text(const Py_UCS4* data, Py_ssize_t length) {
  return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, data, length);
}

PyObject* stringio_read(StringIO* self, SizeOrNone size_argument) {
  TRY(check(self));
  const Py_ssize_t left = self->size > self->position ? self->size - self->position : 0;
  Py_ssize_t size = size_argument;
  if (size < 0 || size > left) size = left;
  if (size == 0) return PyUnicode_New(0, 0);
  const Py_UCS4* start = self->data + self->position;
  self->position += size;
  return text(start, size);
}
METHOD(stringio, read, "($self, size=-1, /)", "Up to size characters; all that is left when size is None or negative.");

PyObject* read_line(StringIO* self, Py_ssize_t limit) {
  if (self->position >= self->size) return PyUnicode_New(0, 0);
  Py_ssize_t end = self->size;
  if (limit >= 0 && limit < end - self->position) end = self->position + limit;
  Py_ssize_t consumed;
  const NewlineMode mode{self->read_translate, self->read_universal, self->read_newline};
  Py_ssize_t line_end = find_line_ending(mode, PyUnicode_4BYTE_KIND, self->data, self->position, end, &consumed);
  if (line_end < 0) line_end = end;
  const Py_UCS4* start = self->data + self->position;
  const Py_ssize_t length = line_end - self->position;
  self->position = line_end;
  return text(start, length);
}
PyObject* stringio_readline(StringIO* self, SizeOrNone size) {
  TRY(check(self));
  return read_line(self, size);
}
METHOD(stringio, readline, "($self, size=-1, /)", "The next line, at most size characters of it.");

PyObject* stringio_iternext(PyObject* op) {
  auto* self = as<StringIO>(op);
  TRY(check(self));
  IoState* state = TRY(io_state_of(Py_TYPE(op)));
  Ref<> line;
  if (Py_TYPE(op) == state->string_io) {
    line = Ref<>::steal(read_line(self, -1));
  } else {
    line = call_method(op, "readline"_id);
    if (line && !PyUnicode_Check(line.get()))
      return raise(PyExc_OSError, "readline() should have returned a str object, not '%.200s'",
                   Py_TYPE(line.get())->tp_name);
  }
  if (!line || PyUnicode_GET_LENGTH(line.get()) == 0) return nullptr;
  return line.release();
}
PyObject* stringio_write(StringIO* self, PyObject* string) {
  TRY(check(self));
  if (!PyUnicode_Check(string))
    return raise(PyExc_TypeError, "string argument expected, got '%s'", Py_TYPE(string)->tp_name);
  const Py_ssize_t length = PyUnicode_GET_LENGTH(string);
  if (length > 0) TRY(write_text(self, string));
  return PyLong_FromSsize_t(length);
}
METHOD(stringio, write, "($self, s, /)", "Write a str; returns its length.");
PyObject* stringio_tell(StringIO* self) {
  TRY(check(self));
  return PyLong_FromSsize_t(self->position);
}
METHOD(stringio, tell, "($self, /)", "The position in characters.");
PyObject* stringio_seek(StringIO* self, Py_ssize_t position, int whence) {
  TRY(check(self));
  if (whence < 0 || whence > 2) return raise(PyExc_ValueError, "Invalid whence (%i, should be 0, 1 or 2)", whence);
  if (position < 0 && whence == 0) return raise(PyExc_ValueError, "Negative seek position %zd", position);
  if (whence != 0 && position != 0) return raise(PyExc_OSError, "Can't do nonzero cur-relative seeks");
  self->position = whence == 0 ? position : whence == 1 ? self->position : self->size;
  return PyLong_FromSsize_t(self->position);
}
METHOD(stringio, seek, "($self, pos, whence=0, /)", "Move the position: to pos, nowhere (1) or to the end (2).");
PyObject* stringio_truncate(StringIO* self, PyObject* size_argument) {
  TRY(check(self));
  Py_ssize_t size = self->position;
  if (size_argument && size_argument != Py_None) {
    size = PyNumber_AsSsize_t(size_argument, PyExc_OverflowError);
    if (size == -1 && PyErr_Occurred()) return nullptr;
    if (size < 0) return raise(PyExc_ValueError, "Negative size value %zd", size);
  }
  if (size < self->size) {
    TRY(reserve(self, size));
    self->size = size;
  }
  return PyLong_FromSsize_t(size);
}
METHOD(stringio, truncate, "($self, pos=None, /)",
       "Cut the content at pos (default: the position), which is returned.");
PyObject* stringio_getvalue(StringIO* self) {
  TRY(check(self));
  return text(self->data, self->size);
}
METHOD(stringio, getvalue, "($self, /)", "The whole content.");
Status stringio_close(StringIO* self) {
  self->closed = true;
  TRY(reserve(self, 0));
  PyMem_Free(std::exchange(self->data, nullptr));
  self->capacity = self->size = 0;
  return Status::Ok;
}
METHOD(stringio, close, "($self, /)", "Give the memory back.");
Found yes(StringIO* self) {
  TRY(check(self));
  return Found::Yes;
}
METHOD_AS(yes, "readable", 0, "($self, /)", "True.");
Found stringio_writable(StringIO* self) { return yes(self); }
METHOD(stringio, writable, "($self, /)", "True.");
Found stringio_seekable(StringIO* self) { return yes(self); }
METHOD(stringio, seekable, "($self, /)", "True.");

PyObject* stringio_getstate(StringIO* self) {
  Ref<> value = TRY(steal(stringio_getvalue(self)));
  Ref<> newline = self->read_newline ? Ref<>::borrow(self->read_newline) : Ref<>::borrow(Py_None);
  Ref<> dict = self->dict ? Ref<>::steal(PyDict_Copy(self->dict)) : Ref<>::borrow(Py_None);
  if (!dict) return nullptr;
  return Py_BuildValue("(OOnO)", value.get(), newline.get(), self->position, dict.get());
}
METHOD_AS(stringio_getstate, "__getstate__", 0, "($self, /)", "");

Status set_newline(StringIO* self, PyObject* newline) {
  const char* mode = nullptr;
  if (newline && newline != Py_None) {
    if (!PyUnicode_Check(newline))
      return raise(PyExc_TypeError, "newline must be str or None, not %.200s", Py_TYPE(newline)->tp_name);
    mode = PyUnicode_AsUTF8(newline);
    if (!mode) return failed;
    if (*mode && strcmp(mode, "\n") && strcmp(mode, "\r") && strcmp(mode, "\r\n"))
      return raise(PyExc_ValueError, "illegal newline value: %R", newline);
  } else if (!newline) {
    mode = "\n";
  }
  Py_CLEAR(self->read_newline);
  Py_CLEAR(self->write_newline);
  Py_CLEAR(self->decoder);
  if (mode) {
    self->read_newline = newline ? Py_NewRef(newline) : PyUnicode_FromString(mode);
    if (!self->read_newline) return failed;
  }
  self->read_universal = !mode || !*mode;
  self->read_translate = !mode;
  if (mode && *mode == '\r') self->write_newline = Py_NewRef(self->read_newline);
  if (self->read_universal) {
    IoState* state = TRY(io_state_of(Py_TYPE(object(self))));
    self->decoder = newline_decoder_new(state->newline_decoder, Py_None, self->read_translate);
    if (!self->decoder) return failed;
  }
  return Status::Ok;
}

constexpr Signature kInitSignature = read_signature("StringIO", "(initial_value='', newline='\\n')");
int stringio_init(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* values[2];
  if (is_failure(bind_tuple(kInitSignature, args, kwargs, values))) return -1;
  auto* self = as<StringIO>(op);
  if (values[1] && values[1] != Py_None && !PyUnicode_Check(values[1]))
    return raise(PyExc_TypeError, "newline must be str or None, not %.200s", Py_TYPE(values[1])->tp_name);
  if (values[0] && values[0] != Py_None && !PyUnicode_Check(values[0]))
    return raise(PyExc_TypeError, "initial_value must be str or None, not %.200s", Py_TYPE(values[0])->tp_name);
  self->ok = false;
  TRY(set_newline(self, values[1]));
  self->size = self->position = 0;
  self->closed = false;
  if (values[0] && values[0] != Py_None && PyUnicode_GET_LENGTH(values[0]) > 0) {
    TRY(write_text(self, values[0]));
    self->position = 0;
  }
  self->ok = true;
  return 0;
}
PyObject* stringio_setstate(StringIO* self, PyObject* state) {
  if (self->closed) return raise(PyExc_ValueError, "I/O operation on closed file");
  if (!PyTuple_Check(state) || PyTuple_GET_SIZE(state) < 4)
    return raise(PyExc_TypeError, "%.200s.__setstate__ argument should be 4-tuple, got %.200s",
                 Py_TYPE(object(self))->tp_name, Py_TYPE(state)->tp_name);
  // The value is stored as it is: it went through the translation already.
  PyObject* value = PyTuple_GET_ITEM(state, 0);
  if (value != Py_None && !PyUnicode_Check(value))
    return raise(PyExc_TypeError, "initial_value must be str or None, not %.200s", Py_TYPE(value)->tp_name);
  TRY(set_newline(self, PyTuple_GET_ITEM(state, 1)));
  self->position = self->size = 0;
  if (value != Py_None) {
    const Py_ssize_t length = PyUnicode_GET_LENGTH(value);
    TRY(reserve(self, length));
    if (length && !PyUnicode_AsUCS4(value, self->data, self->capacity, 0)) return nullptr;
    self->size = length;
  }
  PyObject* position = PyTuple_GET_ITEM(state, 2);
  if (!PyLong_Check(position))
    return raise(PyExc_TypeError, "third item of state must be an integer, got %.200s", Py_TYPE(position)->tp_name);
  const Py_ssize_t at = PyLong_AsSsize_t(position);
  if (at == -1 && PyErr_Occurred()) return nullptr;
  if (at < 0) return raise(PyExc_ValueError, "position value cannot be negative");
  self->position = at;
  self->ok = true;
  PyObject* dict = PyTuple_GET_ITEM(state, 3);
  if (dict != Py_None) {
    if (!PyDict_Check(dict))
      return raise(PyExc_TypeError, "fourth item of state should be a dict, got a %.200s", Py_TYPE(dict)->tp_name);
    if (self->dict) {
      if (PyDict_Update(self->dict, dict) < 0) return nullptr;
    } else {
      self->dict = Py_NewRef(dict);
    }
  }
  Py_RETURN_NONE;
}
METHOD_AS(stringio_setstate, "__setstate__", 0, "($self, state, /)", "");

PyObject* stringio_closed(PyObject* op, void*) {
  auto* self = as<StringIO>(op);
  if (!self->ok) return raise(PyExc_ValueError, "I/O operation on uninitialized object");
  return PyBool_FromLong(self->closed);
}
PyObject* stringio_line_buffering(PyObject* op, void*) {
  TRY(check(as<StringIO>(op)));
  Py_RETURN_FALSE;
}
PyObject* stringio_newlines(PyObject* op, void*) {
  auto* self = as<StringIO>(op);
  TRY(check(self));
  if (!self->decoder) Py_RETURN_NONE;
  return PyObject_GetAttr(self->decoder, "newlines"_id);
}
int stringio_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* self = as<StringIO>(op);
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(self->read_newline);
  Py_VISIT(self->write_newline);
  Py_VISIT(self->decoder);
  Py_VISIT(self->dict);
  return 0;
}
int stringio_clear(PyObject* op) {
  auto* self = as<StringIO>(op);
  Py_CLEAR(self->read_newline);
  Py_CLEAR(self->write_newline);
  Py_CLEAR(self->decoder);
  Py_CLEAR(self->dict);
  return 0;
}
void stringio_dealloc(PyObject* op) {
  auto* self = as<StringIO>(op);
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  self->ok = false;
  PyMem_Free(std::exchange(self->data, nullptr));
  if (self->weakreflist) PyObject_ClearWeakRefs(op);
  stringio_clear(op);
  type->tp_free(op);
  Py_DECREF(type);
}

PyMethodDef methods[] = {stringio_close_method,    stringio_getvalue_method,
                         stringio_read_method,     stringio_readline_method,
                         stringio_tell_method,     stringio_truncate_method,
                         stringio_seek_method,     stringio_write_method,
                         stringio_seekable_method, yes_method,
                         stringio_writable_method, stringio_getstate_method,
                         stringio_setstate_method, {}};
PyGetSetDef getset[] = {{"closed", stringio_closed, nullptr, nullptr, nullptr},
                        {"newlines", stringio_newlines, nullptr, nullptr, nullptr},
                        {"line_buffering", stringio_line_buffering, nullptr, nullptr, nullptr},
                        {}};
PyMemberDef members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(StringIO, weakreflist), Py_READONLY, nullptr},
                         {"__dictoffset__", Py_T_PYSSIZET, offsetof(StringIO, dict), Py_READONLY, nullptr},
                         {}};
constexpr char kDoc[] =
    "StringIO(initial_value='', newline='\\n')\n--\n\nA text stream in memory; newline as for TextIOWrapper.";
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(stringio_dealloc)},
                       {Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(stringio_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(stringio_clear)},
                       {Py_tp_iternext, reinterpret_cast<void*>(stringio_iternext)},
                       {Py_tp_methods, methods},
                       {Py_tp_members, members},
                       {Py_tp_getset, getset},
                       {Py_tp_init, reinterpret_cast<void*>(stringio_init)},
                       {0, nullptr}};

}  // namespace

PyType_Spec string_io_spec = {"_io.StringIO", sizeof(StringIO), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                              slots};

}  // namespace ks::io
