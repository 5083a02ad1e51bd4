// What bytes and bytearray share: every method works on either, and makes results of its self's kind.
#pragma once

#include <Python.h>

#include "object/method.h"
#include "types/bytes.h"

namespace ks {

// The bytes of a bytes or bytearray object; while this lives a bytearray cannot be resized.
class PinnedBytes {
 public:
  explicit PinnedBytes(PyObject* self) : array_(PyByteArray_Check(self) ? reinterpret_cast<PyByteArrayObject*>(self) : nullptr) {
    data = array_ ? PyByteArray_AS_STRING(self) : bytes_data(self);
    size = Py_SIZE(self);
    if (array_) ++array_->ob_exports;
  }
  PinnedBytes(const PinnedBytes&) = delete;
  PinnedBytes& operator=(const PinnedBytes&) = delete;
  ~PinnedBytes() {
    if (array_) --array_->ob_exports;
  }
  const char* data;
  Py_ssize_t size;

 private:
  PyByteArrayObject* array_;
};

// A bytes-like argument, held while it is used; good() is false with TypeError "a bytes-like object is required, not 'x'".
class BytesLike {
 public:
  explicit BytesLike(PyObject* o) : good_(PyObject_GetBuffer(o, &view_, PyBUF_SIMPLE) == 0) {}
  BytesLike(const BytesLike&) = delete;
  BytesLike& operator=(const BytesLike&) = delete;
  ~BytesLike() {
    if (good_) PyBuffer_Release(&view_);
  }
  bool good() const { return good_; }
  const char* data() const { return static_cast<const char*>(view_.buf); }
  Py_ssize_t size() const { return view_.len; }

 private:
  Py_buffer view_{};
  bool good_;
};

// New object of self's kind: bytes or bytearray (never a subclass).
PyObject* bytes_like(PyObject* self, const char* data, Py_ssize_t size);
// ... for n bytes to be written by the caller at *place.
PyObject* bytes_like_new(PyObject* self, Py_ssize_t size, char** place);

// The value of an object that is to be a byte; -1 with TypeError or ValueError.
int byte_value(PyObject* o, const char* message);
Found bytes_contains(PyObject* self, PyObject* item);
PyObject* bytes_percent(PyObject* self, PyObject* values);  // self % values (bytes_format.cpp)
PyObject* bytes_hex(const char* data, Py_ssize_t size, PyObject* separator, int group, bool to_bytes);
// bytes(source, encoding, errors) for both; nullptr arguments are omitted. `encode` handles the str and error cases:
// Found::Yes: *result is the encoded bytes; No: not a str.
Found bytes_encode_source(PyObject* source, PyObject* encoding, PyObject* errors, Ref<>* result);

extern PyMethodDef bytes_methods[];
extern PyMethodDef bytearray_methods[];

// bytearray's own methods (bytearray.cpp).
Status bytearray_append(PyByteArrayObject* self, PyObject* item);
Status bytearray_clear(PyByteArrayObject* self);
PyObject* bytearray_copy(PyByteArrayObject* self);
Status bytearray_extend(PyByteArrayObject* self, PyObject* iterable);
Status bytearray_insert(PyByteArrayObject* self, Py_ssize_t index, PyObject* item);
PyObject* bytearray_pop(PyByteArrayObject* self, Py_ssize_t index);
Status bytearray_remove(PyByteArrayObject* self, PyObject* value);
Status bytearray_resize(PyByteArrayObject* self, Py_ssize_t size);
Status bytearray_reverse(PyByteArrayObject* self);
PyObject* bytearray_reduce(PyObject* self);
PyObject* bytearray_reduce_ex(PyObject* self, int protocol);
Py_ssize_t bytearray_size_method(PyByteArrayObject* self);
Py_ssize_t bytearray_alloc(PyByteArrayObject* self);

}  // namespace ks
