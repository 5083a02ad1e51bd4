// bytes and bytearray: typed cores.
#pragma once

#include <Python.h>

#include <cstring>
#include <string_view>

#include "object/result.h"

namespace ks {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
inline Py_hash_t& bytes_hash_slot(PyObject* o) { return reinterpret_cast<PyBytesObject*>(o)->ob_shash; }
#pragma clang diagnostic pop
inline char* bytes_data(PyObject* o) { return reinterpret_cast<PyBytesObject*>(o)->ob_sval; }
inline Py_ssize_t bytes_size(PyObject* o) { return Py_SIZE(o); }
inline std::string_view bytes_view(PyObject* o) { return {bytes_data(o), static_cast<size_t>(Py_SIZE(o))}; }

// Immortal: b"" and the 256 single bytes (borrowed).
PyObject* bytes_empty();
PyObject* bytes_single(unsigned char value);
// New bytes of uninitialised content (never the shared objects unless size is 0), terminated.
PyObject* bytes_new(Py_ssize_t size);
PyObject* bytes_from(const char* data, Py_ssize_t size);
Py_hash_t bytes_hash(PyObject* o);
// Index of the first/last occurrence in text, or -1; neither empty special cases nor slicing.
Py_ssize_t bytes_search(const char* text, Py_ssize_t size, const char* needle, Py_ssize_t needle_size);
Py_ssize_t bytes_search_back(const char* text, Py_ssize_t size, const char* needle, Py_ssize_t needle_size);
// repr with the quote that CPython chooses; `smart_quotes` false: always '.
PyObject* bytes_repr(PyObject* o, bool smart_quotes);
PyObject* bytes_repr_of(std::string_view text, bool smart_quotes, bool escape_single);

// A growing buffer of bytes for building results; on the stack up to 256 bytes.
class BytesBuilder {
 public:
  BytesBuilder() = default;
  BytesBuilder(const BytesBuilder&) = delete;
  BytesBuilder& operator=(const BytesBuilder&) = delete;
  ~BytesBuilder() {
    if (data_ != fixed_) PyMem_Free(data_);
  }
  Py_ssize_t size() const { return size_; }
  char* data() { return data_; }
  // Room for `count` more bytes at the returned place; add() them afterwards. nullptr with MemoryError.
  char* reserve(Py_ssize_t count) {
    if (capacity_ - size_ < count && !grow(count)) return nullptr;
    return data_ + size_;
  }
  void add(Py_ssize_t count) { size_ += count; }
  Status append(const char* text, Py_ssize_t count) {
    char* place = reserve(count);
    if (!place) return failed;
    memcpy(place, text, static_cast<size_t>(count));
    size_ += count;
    return Status::Ok;
  }
  Status append(char byte) {
    char* place = reserve(1);
    if (!place) return failed;
    *place = byte;
    ++size_;
    return Status::Ok;
  }
  PyObject* finish() { return bytes_from(data_, size_); }

 private:
  bool grow(Py_ssize_t count) {
    if (count > PY_SSIZE_T_MAX - size_ - (size_ >> 1) - 64) {
      PyErr_NoMemory();
      return false;
    }
    const Py_ssize_t capacity = size_ + count + ((size_ + count) >> 1) + 32;
    char* data = static_cast<char*>(data_ == fixed_ ? PyMem_Malloc(static_cast<size_t>(capacity))
                                                    : PyMem_Realloc(data_, static_cast<size_t>(capacity)));
    if (!data) {
      PyErr_NoMemory();
      return false;
    }
    if (data_ == fixed_) memcpy(data, fixed_, static_cast<size_t>(size_));
    data_ = data;
    capacity_ = capacity;
    return true;
  }
  char fixed_[256];
  char* data_ = fixed_;
  Py_ssize_t size_ = 0;
  Py_ssize_t capacity_ = sizeof(fixed_);
};

}  // namespace ks
