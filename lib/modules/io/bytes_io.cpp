// BytesIO: a binary stream in memory.
//
// The content is a bytes object that may be longer than the stream (room to grow). While somebody else holds it
// (getvalue() shares it) it is copied before it changes; while a view of it is exported it must not change its size.
#include <structmember.h>

#include "modules/io/io.h"

namespace ks::io {
namespace {

struct BytesIO {
  PyObject_HEAD PyObject* buffer;  // bytes; nullptr when closed
  Py_ssize_t position;
  Py_ssize_t size;
  PyObject* dict;
  PyObject* weakreflist;
  Py_ssize_t exports;
};
// What getbuffer() hands to memoryview: keeps the stream alive and counts the exports.
struct BytesIOBuffer {
  PyObject_HEAD BytesIO* source;
};

Status check_open(BytesIO* self) {
  if (!self->buffer) return raise(PyExc_ValueError, "I/O operation on closed file.");
  return Status::Ok;
}
Status check_exports(BytesIO* self) {
  if (self->exports > 0) return raise(PyExc_BufferError, "Existing exports of data: object cannot be re-sized");
  return Status::Ok;
}
char* data(BytesIO* self) { return PyBytes_AS_STRING(self->buffer); }
bool is_shared(BytesIO* self) { return Py_REFCNT(self->buffer) > 1 && self->exports == 0; }

// Makes the buffer our own, at least `capacity` bytes.
Status unshare(BytesIO* self, Py_ssize_t capacity) {
  Ref<> copy = TRY(steal(PyBytes_FromStringAndSize(nullptr, capacity)));
  memcpy(PyBytes_AS_STRING(copy.get()), data(self), static_cast<size_t>(Py_MIN(self->size, capacity)));
  PyObject* old = std::exchange(self->buffer, copy.release());
  Py_DECREF(old);
  return Status::Ok;
}
Status resize_buffer(BytesIO* self, Py_ssize_t size) {
  const Py_ssize_t allocated = PyBytes_GET_SIZE(self->buffer);
  Py_ssize_t capacity;
  if (size > PY_SSIZE_T_MAX / 2) return raise(PyExc_OverflowError, "new buffer size too large");
  if (size < allocated / 2)
    capacity = size + 1;  // much smaller: give memory back
  else if (size < allocated)
    return Status::Ok;
  else if (static_cast<double>(size) <= static_cast<double>(allocated) * 1.125)
    capacity = size + (size >> 3) + (size < 9 ? 3 : 6);
  else
    capacity = size + 1;
  if (is_shared(self) || allocated == 0) return unshare(self, capacity);
  // Not by _PyBytes_Resize: without memory the old buffer has to stay.
  auto* moved = static_cast<PyBytesObject*>(PyObject_Realloc(self->buffer, offsetof(PyBytesObject, ob_sval) + static_cast<size_t>(capacity) + 1));
  if (!moved) {
    PyErr_NoMemory();
    return failed;
  }
  self->buffer = reinterpret_cast<PyObject*>(moved);
  Py_SET_SIZE(moved, capacity);
  moved->ob_sval[capacity] = 0;
  return Status::Ok;
}

Py_ssize_t write_bytes(BytesIO* self, PyObject* source) {
  TRY(check_open(self));
  TRY(check_exports(self));
  Py_buffer view;
  if (PyObject_GetBuffer(source, &view, PyBUF_CONTIG_RO) < 0) return -1;
  struct Release {
    Py_buffer* view;
    ~Release() { PyBuffer_Release(view); }
  } release{&view};
  // Getting the buffer may have run Python code.
  TRY(check_open(self));
  TRY(check_exports(self));
  if (view.len == 0) return 0;
  if (self->position > PY_SSIZE_T_MAX - view.len) return raise(PyExc_OverflowError, "new position too large");
  const Py_ssize_t end = self->position + view.len;
  if (end > PyBytes_GET_SIZE(self->buffer))
    TRY(resize_buffer(self, end));
  else if (is_shared(self))
    TRY(unshare(self, Py_MAX(end, self->size)));
  if (self->position > self->size) memset(data(self) + self->size, 0, static_cast<size_t>(self->position - self->size));
  memcpy(data(self) + self->position, view.buf, static_cast<size_t>(view.len));
  self->position = end;
  if (self->size < end) self->size = end;
  return view.len;
}

PyObject* read_bytes(BytesIO* self, Py_ssize_t size) {
  const Py_ssize_t left = self->size > self->position ? self->size - self->position : 0;
  if (size < 0 || size > left) size = left;
  if (size > 1 && self->position == 0 && size == PyBytes_GET_SIZE(self->buffer) && self->exports == 0) {
    self->position += size;
    return Py_NewRef(self->buffer);
  }
  const char* start = data(self) + Py_MIN(self->position, self->size);
  self->position += size;
  return PyBytes_FromStringAndSize(start, size);
}
Py_ssize_t scan_line(BytesIO* self, Py_ssize_t limit) {
  Py_ssize_t left = self->size > self->position ? self->size - self->position : 0;
  if (limit >= 0 && limit < left) left = limit;
  if (left == 0) return 0;
  const char* start = data(self) + self->position;
  const void* end = memchr(start, '\n', static_cast<size_t>(left));
  return end ? static_cast<const char*>(end) - start + 1 : left;
}

Found bytesio_true(BytesIO* self) {
  TRY(check_open(self));
  return Found::Yes;
}
METHOD_AS(bytesio_true, "readable", 0, "($self, /)", "True: the stream can be read.");
Found bytesio_writable(BytesIO* self) { return bytesio_true(self); }
METHOD(bytesio, writable, "($self, /)", "True: the stream can be written.");
Found bytesio_seekable(BytesIO* self) { return bytesio_true(self); }
METHOD(bytesio, seekable, "($self, /)", "True: the position can be moved.");
Found bytesio_isatty(BytesIO* self) {
  TRY(check_open(self));
  return Found::No;
}
METHOD(bytesio, isatty, "($self, /)", "False: memory is no terminal.");
Status bytesio_flush(BytesIO* self) { return check_open(self); }
METHOD(bytesio, flush, "($self, /)", "Nothing to do.");
Status bytesio_close(BytesIO* self) {
  TRY(check_exports(self));
  Py_CLEAR(self->buffer);
  return Status::Ok;
}
METHOD(bytesio, close, "($self, /)", "Give the memory back.");

PyObject* bytesio_tell(BytesIO* self) {
  TRY(check_open(self));
  return PyLong_FromSsize_t(self->position);
}
METHOD(bytesio, tell, "($self, /)", "The position in bytes.");
PyObject* bytesio_read(BytesIO* self, SizeOrNone size) {
  TRY(check_open(self));
  return read_bytes(self, size);
}
METHOD(bytesio, read, "($self, size=-1, /)", "Up to size bytes; all that is left when size is None or negative.");
PyObject* bytesio_read1(BytesIO* self, SizeOrNone size) { return bytesio_read(self, size); }
METHOD(bytesio, read1, "($self, size=-1, /)", "As read().");
PyObject* bytesio_readline(BytesIO* self, SizeOrNone size) {
  TRY(check_open(self));
  return read_bytes(self, scan_line(self, size));
}
METHOD(bytesio, readline, "($self, size=-1, /)", "The next line, at most size bytes of it.");
PyObject* bytesio_readlines(BytesIO* self, PyObject* hint) {
  TRY(check_open(self));
  Py_ssize_t most = 0;
  if (hint && hint != Py_None) {
    if (!PyLong_Check(hint))
      return raise(PyExc_TypeError, "integer argument expected, got '%s'", Py_TYPE(hint)->tp_name);
    most = PyLong_AsSsize_t(hint);
    if (most == -1 && PyErr_Occurred()) return nullptr;
  }
  Ref<> result = TRY(steal(PyList_New(0)));
  Py_ssize_t total = 0;
  while (const Py_ssize_t length = scan_line(self, -1)) {
    Ref<> line = TRY(steal(read_bytes(self, length)));
    TRY(PyList_Append(result, line));
    total += length;
    if (most > 0 && total >= most) break;
  }
  return result.release();
}
METHOD(bytesio, readlines, "($self, size=None, /)", "The lines that are left, as a list; size ends it early.");
PyObject* bytesio_readinto(BytesIO* self, PyObject* target) {
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
    PyErr_Clear();
    return raise(PyExc_TypeError, "readinto() argument must be read-write bytes-like object, not %.200s",
                 target == Py_None ? "None" : Py_TYPE(target)->tp_name);
  }
  PyObject* result = nullptr;
  if (!is_failure(check_open(self))) {
    Py_ssize_t size = self->size > self->position ? self->size - self->position : 0;
    if (view.len < size) size = view.len;
    if (size > 0) memcpy(view.buf, data(self) + self->position, static_cast<size_t>(size));
    self->position += size;
    result = PyLong_FromSsize_t(size);
  }
  PyBuffer_Release(&view);
  return result;
}
METHOD(bytesio, readinto, "($self, buffer, /)", "Read into buffer; returns how many bytes.");
PyObject* bytesio_truncate(BytesIO* self, PyObject* size_argument) {
  TRY(check_open(self));
  TRY(check_exports(self));
  Py_ssize_t size = self->position;
  if (size_argument && size_argument != Py_None) {
    size = PyNumber_AsSsize_t(size_argument, PyExc_OverflowError);
    if (size == -1 && PyErr_Occurred()) return nullptr;
    TRY(check_open(self));  // __index__ ran Python code
    TRY(check_exports(self));
    if (size < 0) return raise(PyExc_ValueError, "negative size value %zd", size);
  }
  if (size < self->size) {
    TRY(resize_buffer(self, size));
    self->size = size;
  }
  return PyLong_FromSsize_t(size);
}
METHOD(bytesio, truncate, "($self, size=None, /)",
       "Cut the content at size (default: the position), which is returned.");
PyObject* bytesio_seek(BytesIO* self, Py_ssize_t position, int whence) {
  TRY(check_open(self));
  if (position < 0 && whence == 0) return raise(PyExc_ValueError, "negative seek value %zd", position);
  if (whence < 0 || whence > 2) return raise(PyExc_ValueError, "invalid whence (%i, should be 0, 1 or 2)", whence);
  const Py_ssize_t base = whence == 1 ? self->position : whence == 2 ? self->size : 0;
  if (position > PY_SSIZE_T_MAX - base) return raise(PyExc_OverflowError, "new position too large");
  self->position = Py_MAX(0, base + position);
  return PyLong_FromSsize_t(self->position);
}
METHOD(bytesio, seek, "($self, pos, whence=0, /)",
       "Move the position: from the start (0), from here (1) or from the end (2).");
PyObject* bytesio_write(BytesIO* self, PyObject* bytes) {
  const Py_ssize_t count = write_bytes(self, bytes);
  return count < 0 ? nullptr : PyLong_FromSsize_t(count);
}
METHOD(bytesio, write, "($self, b, /)", "Write bytes; returns how many.");
PyObject* bytesio_writelines(BytesIO* self, PyObject* lines) {
  TRY(check_open(self));
  Ref<> iterator = TRY(steal(PyObject_GetIter(lines)));
  while (true) {
    Ref<> item = Ref<>::steal(PyIter_Next(iterator));
    if (!item) break;
    if (write_bytes(self, item) < 0) return nullptr;
  }
  if (PyErr_Occurred()) return nullptr;
  return Py_NewRef(Py_None);
}
METHOD(bytesio, writelines, "($self, lines, /)", "Write each item of lines.");
PyObject* bytesio_getvalue(BytesIO* self) {
  TRY(check_open(self));
  if (self->size <= 1 || self->exports > 0) return PyBytes_FromStringAndSize(data(self), self->size);
  if (self->size != PyBytes_GET_SIZE(self->buffer)) {
    if (is_shared(self))
      TRY(unshare(self, self->size));
    else if (_PyBytes_Resize(&self->buffer, self->size) < 0)
      return nullptr;
  }
  return Py_NewRef(self->buffer);
}
METHOD(bytesio, getvalue, "($self, /)", "The whole content as bytes.");
PyObject* bytesio_getbuffer(BytesIO* self) {
  TRY(check_open(self));
  IoState* state = TRY(io_state_of(Py_TYPE(object(self))));
  auto holder = Ref<>::steal(state->bytes_io_buffer->tp_alloc(state->bytes_io_buffer, 0));
  if (!holder) return nullptr;
  as<BytesIOBuffer>(holder.get())->source = as<BytesIO>(Py_NewRef(object(self)));
  return PyMemoryView_FromObject(holder);
}
METHOD(bytesio, getbuffer, "($self, /)", "A memoryview of the content that can be written through.");
PyObject* bytesio_getstate(BytesIO* self) {
  Ref<> value = TRY(steal(bytesio_getvalue(self)));
  Ref<> dict = self->dict ? Ref<>::steal(PyDict_Copy(self->dict)) : Ref<>::borrow(Py_None);
  if (!dict) return nullptr;
  return Py_BuildValue("(OnO)", value.get(), self->position, dict.get());
}
METHOD_AS(bytesio_getstate, "__getstate__", 0, "($self, /)", "");
PyObject* bytesio_setstate(BytesIO* self, PyObject* state) {
  if (!PyTuple_Check(state) || PyTuple_GET_SIZE(state) < 3)
    return raise(PyExc_TypeError, "%.200s.__setstate__ argument should be 3-tuple, got %.200s",
                 Py_TYPE(object(self))->tp_name, Py_TYPE(state)->tp_name);
  TRY(check_open(self));
  TRY(check_exports(self));
  self->size = self->position = 0;
  if (write_bytes(self, PyTuple_GET_ITEM(state, 0)) < 0) return nullptr;
  PyObject* position = PyTuple_GET_ITEM(state, 1);
  if (!PyLong_Check(position))
    return raise(PyExc_TypeError, "second item of state must be an integer, not %.200s", Py_TYPE(position)->tp_name);
  const Py_ssize_t value = PyLong_AsSsize_t(position);
  if (value == -1 && PyErr_Occurred()) return nullptr;
  if (value < 0) return raise(PyExc_ValueError, "position value cannot be negative");
  self->position = value;
  PyObject* dict = PyTuple_GET_ITEM(state, 2);
  if (dict != Py_None) {
    if (!PyDict_Check(dict))
      return raise(PyExc_TypeError, "third item of state should be a dict, got a %.200s", Py_TYPE(dict)->tp_name);
    if (self->dict) {
      if (PyDict_Update(self->dict, dict) < 0) return nullptr;
    } else {
      self->dict = Py_NewRef(dict);
    }
  }
  return Py_NewRef(Py_None);
}
METHOD_AS(bytesio_setstate, "__setstate__", 0, "($self, state, /)", "");
PyObject* bytesio_sizeof(BytesIO* self) {
  size_t size = static_cast<size_t>(Py_TYPE(object(self))->tp_basicsize);
  if (self->buffer && !is_shared(self)) {
    const Py_ssize_t buffer_size =
        PyBytes_GET_SIZE(self->buffer) + static_cast<Py_ssize_t>(offsetof(PyBytesObject, ob_sval)) + 1;
    size += static_cast<size_t>(buffer_size);
  }
  return PyLong_FromSize_t(size);
}
METHOD_AS(bytesio_sizeof, "__sizeof__", 0, "($self, /)", "");

PyObject* bytesio_iternext(PyObject* op) {
  auto* self = as<BytesIO>(op);
  TRY(check_open(self));
  const Py_ssize_t length = scan_line(self, -1);
  return length == 0 ? nullptr : read_bytes(self, length);
}
PyObject* bytesio_closed(PyObject* self, void*) { return PyBool_FromLong(!as<BytesIO>(self)->buffer); }

PyObject* bytesio_new(PyTypeObject* type, PyObject*, PyObject*) {
  auto* self = as<BytesIO>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->buffer = PyBytes_FromStringAndSize(nullptr, 0);
  if (!self->buffer) {
    Py_DECREF(self);
    return nullptr;
  }
  return object(self);
}
constexpr Signature kInitSignature = read_signature("BytesIO", "(initial_bytes=b'')");
int bytesio_init(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* initial[1];
  if (is_failure(bind_tuple(kInitSignature, args, kwargs, initial))) return -1;
  auto* self = as<BytesIO>(op);
  TRY(check_exports(self));
  self->size = self->position = 0;
  if (initial[0] && initial[0] != Py_None) {
    if (PyBytes_CheckExact(initial[0])) {
      PyObject* old = std::exchange(self->buffer, Py_NewRef(initial[0]));
      Py_XDECREF(old);
      self->size = PyBytes_GET_SIZE(initial[0]);
    } else {
      if (!self->buffer) self->buffer = PyBytes_FromStringAndSize(nullptr, 0);
      if (!self->buffer || write_bytes(self, initial[0]) < 0) return -1;
      self->position = 0;
    }
  }
  return 0;
}
int bytesio_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* self = as<BytesIO>(op);
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(self->dict);
  Py_VISIT(self->buffer);
  return 0;
}
int bytesio_clear(PyObject* op) {
  auto* self = as<BytesIO>(op);
  Py_CLEAR(self->dict);
  if (self->exports == 0) Py_CLEAR(self->buffer);
  return 0;
}
void bytesio_dealloc(PyObject* op) {
  auto* self = as<BytesIO>(op);
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  if (self->exports > 0) {
    PyErr_SetString(PyExc_SystemError, "deallocated BytesIO object has exported buffers");
    PyErr_Print();
  }
  if (self->weakreflist) PyObject_ClearWeakRefs(op);
  Py_CLEAR(self->buffer);
  Py_CLEAR(self->dict);
  type->tp_free(op);
  Py_DECREF(type);
}

PyMethodDef methods[] = {bytesio_true_method,       bytesio_writable_method,
                         bytesio_seekable_method,   bytesio_close_method,
                         bytesio_flush_method,      bytesio_isatty_method,
                         bytesio_tell_method,       bytesio_write_method,
                         bytesio_writelines_method, bytesio_read1_method,
                         bytesio_readinto_method,   bytesio_readline_method,
                         bytesio_readlines_method,  bytesio_read_method,
                         bytesio_getbuffer_method,  bytesio_getvalue_method,
                         bytesio_seek_method,       bytesio_truncate_method,
                         bytesio_getstate_method,   bytesio_setstate_method,
                         bytesio_sizeof_method,     {}};
PyGetSetDef getset[] = {{"closed", bytesio_closed, nullptr, "True when the stream was closed.", nullptr}, {}};
PyMemberDef members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(BytesIO, weakreflist), Py_READONLY, nullptr},
                         {"__dictoffset__", Py_T_PYSSIZET, offsetof(BytesIO, dict), Py_READONLY, nullptr},
                         {}};
constexpr char kDoc[] = "BytesIO(initial_bytes=b'')\n--\n\nA binary stream in memory.";
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(bytesio_dealloc)},
                       {Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(bytesio_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(bytesio_clear)},
                       {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                       {Py_tp_iternext, reinterpret_cast<void*>(bytesio_iternext)},
                       {Py_tp_methods, methods},
                       {Py_tp_members, members},
                       {Py_tp_getset, getset},
                       {Py_tp_init, reinterpret_cast<void*>(bytesio_init)},
                       {Py_tp_new, reinterpret_cast<void*>(bytesio_new)},
                       {0, nullptr}};

// ---- the exported buffer
// ----------------------------------------------------------------------------------------------

int buffer_get(PyObject* op, Py_buffer* view, int flags) {
  BytesIO* source = as<BytesIOBuffer>(op)->source;
  if (!view) return raise(PyExc_BufferError, "bytesiobuf_getbuffer: view==NULL argument is obsolete");
  if (!source->buffer) return raise(PyExc_ValueError, "I/O operation on closed file.");
  if (source->exports == 0 && is_shared(source)) TRY(unshare(source, source->size));
  if (PyBuffer_FillInfo(view, op, data(source), source->size, 0, flags) < 0) return -1;
  ++source->exports;
  return 0;
}
void buffer_release(PyObject* op, Py_buffer*) { --as<BytesIOBuffer>(op)->source->exports; }
int buffer_traverse(PyObject* op, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(object(as<BytesIOBuffer>(op)->source));
  return 0;
}
void buffer_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  Py_CLEAR(as<BytesIOBuffer>(op)->source);
  type->tp_free(op);
  Py_DECREF(type);
}
PyType_Slot buffer_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(buffer_dealloc)},
                              {Py_tp_traverse, reinterpret_cast<void*>(buffer_traverse)},
                              {Py_bf_getbuffer, reinterpret_cast<void*>(buffer_get)},
                              {Py_bf_releasebuffer, reinterpret_cast<void*>(buffer_release)},
                              {0, nullptr}};

}  // namespace

PyType_Spec bytes_io_spec = {"_io.BytesIO", sizeof(BytesIO), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                             slots};
PyType_Spec bytes_io_buffer_spec = {
    "_io._BytesIOBuffer", sizeof(BytesIOBuffer), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    buffer_slots};

}  // namespace ks::io
