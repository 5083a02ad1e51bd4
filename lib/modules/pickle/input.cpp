// What an Unpickler reads: a bytes-like object, or a file through read/readinto/readline/peek; and its memo.
//
// `view` is the block that is being read, `position` the next byte in it. What peek() gave is read from the file only when
// it is used up (`prefetched` is the offset of the file in the block), so that the file stands behind the pickle at the end.
#include <algorithm>
#include <cstring>

#include "modules/pickle/pickle.h"

namespace ks {
namespace {

constexpr Py_ssize_t kPrefetch = 128 * 1024;
constexpr Py_ssize_t kTrusted = 16 * 1024 * 1024;  // larger sizes are believed only as the bytes come

// The block becomes the data of a bytes-like object; its size, or -1.
Py_ssize_t set_block(Unpickler* self, PyObject* data) {
  if (self->view.obj) PyBuffer_Release(&self->view);
  self->view = {};
  self->position = self->prefetched = self->frame_end = 0;
  if (PyObject_GetBuffer(data, &self->view, PyBUF_CONTIG_RO) < 0) return -1;
  self->prefetched = self->view.len;
  return self->view.len;
}

// Fills the block with at least `size` bytes, if the file has them (or with a line, size -1); how many came.
Py_ssize_t fill(Unpickler* self, Py_ssize_t size) {
  TRY(unpickle_skip_consumed(self));
  Ref<> data;
  if (size < 0) {
    data = TRY(steal(PyObject_CallNoArgs(self->readline)));
  } else {
    if (self->peek && size < kPrefetch) {
      Ref<> count = TRY(steal(PyLong_FromSsize_t(kPrefetch)));
      data = steal(PyObject_CallOneArg(self->peek, count));
      if (data) {
        const Py_ssize_t got = set_block(self, data);
        if (got < 0) return -1;
        self->prefetched = 0;
        if (size <= got) return size;
      } else {
        if (!PyErr_ExceptionMatches(PyExc_NotImplementedError)) return -1;
        PyErr_Clear();
        Py_CLEAR(self->peek);
      }
    }
    Ref<> count = TRY(steal(PyLong_FromSsize_t(size)));
    data = TRY(steal(PyObject_CallOneArg(self->read, count)));
  }
  return set_block(self, data);
}

Status optional_method(PyObject* file, PyObject* name, PyObject** method) {
  Ref<> found_method;
  TRY(status(PyObject_GetOptionalAttr(file, name, found_method.out())));
  Py_XSETREF(*method, found_method.release());
  return Status::Ok;
}

}  // namespace

Failed unpickle_truncated(PickleState* state) { return raise(state->unpickling_error, "pickle data was truncated"); }

Status unpickle_check_frame(PickleState* state, Unpickler* self, Py_ssize_t size) {
  if (self->position >= self->frame_end || size <= self->frame_end - self->position) return Status::Ok;
  return raise(state->unpickling_error, "pickle exhausted before end of frame");
}

Status unpickle_skip_consumed(Unpickler* self) {
  const Py_ssize_t consumed = self->position - self->prefetched;
  if (consumed <= 0 || !self->read) return Status::Ok;
  Ref<> count = TRY(steal(PyLong_FromSsize_t(consumed)));
  Ref<> data = TRY(steal(PyObject_CallOneArg(self->read, count)));
  self->prefetched = self->position;
  return Status::Ok;
}

Status unpickler_set_string(Unpickler* self, PyObject* data) { return set_block(self, data) < 0 ? Status::Error : Status::Ok; }

Status unpickler_set_file(Unpickler* self, PyObject* file) {
  TRY(optional_method(file, "peek"_id, &self->peek));
  TRY(optional_method(file, "readinto"_id, &self->readinto));
  TRY(optional_method(file, "read"_id, &self->read));
  TRY(optional_method(file, "readline"_id, &self->readline));
  if (self->read && self->readline) return Status::Ok;
  Py_CLEAR(self->read);
  Py_CLEAR(self->readinto);
  Py_CLEAR(self->readline);
  Py_CLEAR(self->peek);
  return raise(PyExc_TypeError, "file must have 'read' and 'readline' attributes");
}

Status unpickler_set_encoding(Unpickler* self, const char* encoding, const char* errors) {
  if (!encoding) encoding = "ASCII";
  if (!errors) errors = "strict";
  const size_t encoding_size = strlen(encoding) + 1, errors_size = strlen(errors) + 1;
  auto* both = static_cast<char*>(PyMem_Malloc(encoding_size + errors_size));
  if (!both) {
    PyErr_NoMemory();
    return Status::Error;
  }
  memcpy(both, encoding, encoding_size);
  memcpy(both + encoding_size, errors, errors_size);
  PyMem_Free(std::exchange(self->encoding, both));
  return Status::Ok;
}
const char* unpickler_errors(const Unpickler* self) { return self->encoding + strlen(self->encoding) + 1; }

Status unpickler_set_buffers(Unpickler* self, PyObject* buffers) {
  Ref<> iterator;
  if (buffers && buffers != Py_None) iterator = TRY(steal(PyObject_GetIter(buffers)));
  Py_XSETREF(self->buffers, iterator.release());
  return Status::Ok;
}

// ---- reading ---------------------------------------------------------------------------------------------------------

const char* unpickle_read(PickleState* state, Unpickler* self, Py_ssize_t size) {
  TRY(unpickle_check_frame(state, self, size));
  if (size > unpickle_available(self)) {
    if (self->position > PY_SSIZE_T_MAX - size) return raise(state->unpickling_error, "read would overflow (invalid bytecode)");
    if (!self->read) return unpickle_truncated(state);
    const Py_ssize_t got = fill(self, size);
    if (got < 0) return nullptr;
    if (got < size) return unpickle_truncated(state);
  }
  const char* data = static_cast<const char*>(self->view.buf) + self->position;
  self->position += size;
  return data;
}

// Copies what the block has; then the file's readinto() fills the rest.
Status unpickle_read_into(PickleState* state, Unpickler* self, char* buffer, Py_ssize_t size) {
  const Py_ssize_t there = std::min(unpickle_available(self), size);
  if (there > 0) {
    memcpy(buffer, static_cast<const char*>(self->view.buf) + self->position, static_cast<size_t>(there));
    self->position += there;
    buffer += there;
    size -= there;
  }
  if (size == 0) return Status::Ok;
  if (!self->read) return unpickle_truncated(state);
  TRY(unpickle_skip_consumed(self));
  if (!self->readinto) {
    Ref<> count = TRY(steal(PyLong_FromSsize_t(size)));
    Ref<> data = TRY(steal(PyObject_CallOneArg(self->read, count)));
    if (!PyBytes_Check(data.get())) return raise(PyExc_ValueError, "read() returned non-bytes object (%R)", Py_TYPE(data.get()));
    if (PyBytes_GET_SIZE(data.get()) < size) return unpickle_truncated(state);
    memcpy(buffer, PyBytes_AS_STRING(data.get()), static_cast<size_t>(size));
    return Status::Ok;
  }
  Ref<> view = TRY(steal(PyMemoryView_FromMemory(buffer, size, PyBUF_WRITE)));
  Ref<> count = steal(PyObject_CallOneArg(self->readinto, view));
  // Nobody keeps the memory that this object owns.
  Ref<> error = steal(PyErr_GetRaisedException());
  Ref<> released = steal(PyObject_CallMethodNoArgs(view, "release"_id));
  if (!released) PyErr_Clear();
  if (!count) {
    PyErr_SetRaisedException(error.release());
    return Status::Error;
  }
  const Py_ssize_t got = PyLong_AsSsize_t(count);
  if (got < 0) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "readinto() returned negative size");
    return Status::Error;
  }
  return got < size ? unpickle_truncated(state) : Status::Ok;
}

// A size that the stream names: is it possible at all?
static Status check_size(PickleState* state, Unpickler* self, Py_ssize_t size) {
  TRY(unpickle_check_frame(state, self, size));
  return !self->read && size > unpickle_available(self) ? unpickle_truncated(state) : Status::Ok;
}

PyObject* unpickle_read_bytes(PickleState* state, Unpickler* self, Py_ssize_t size) {
  if (size > PY_SSIZE_T_MAX - 64) return raise(PyExc_OverflowError, "byte string is too large");
  TRY(check_size(state, self, size));
  Py_ssize_t have = 0, room = std::min(size, kTrusted);
  PyObject* result = PyBytes_FromStringAndSize(nullptr, room);
  while (result) {
    if (is_failure(unpickle_read_into(state, self, PyBytes_AS_STRING(result) + have, room - have))) {
      Py_DECREF(result);
      return nullptr;
    }
    if (room == size) break;
    have = room;
    room = size - room < room ? size : room * 2;
    _PyBytes_Resize(&result, room);
  }
  return result;
}

PyObject* unpickle_read_bytearray(PickleState* state, Unpickler* self, Py_ssize_t size) {
  if (size > PY_SSIZE_T_MAX - 64) return PyErr_NoMemory();
  TRY(check_size(state, self, size));
  Py_ssize_t have = 0, room = std::min(size, kTrusted);
  Ref<> result = TRY(steal(PyByteArray_FromStringAndSize(nullptr, room)));
  for (;;) {
    TRY(unpickle_read_into(state, self, PyByteArray_AS_STRING(result.get()) + have, room - have));
    if (room == size) return result.release();
    have = room;
    room = size - room < room ? size : room * 2;
    TRY(PyByteArray_Resize(result, room));
  }
}

Py_ssize_t unpickle_read_line(PickleState* state, Unpickler* self, char** line) {
  const char* start = static_cast<const char*>(self->view.buf) + self->position;
  const bool framed = self->position < self->frame_end;
  const Py_ssize_t there = framed ? self->frame_end - self->position : unpickle_available(self);
  const auto* newline = there > 0 ? static_cast<const char*>(memchr(start, '\n', static_cast<size_t>(there))) : nullptr;
  Py_ssize_t size;
  if (newline) {
    size = newline - start + 1;
  } else {
    if (framed) TRY(unpickle_check_frame(state, self, there + 1));
    if (!self->read) return unpickle_truncated(state);
    size = fill(self, -1);
    if (size < 0) return -1;
    start = static_cast<const char*>(self->view.buf);
    if (size == 0 || start[size - 1] != '\n') return unpickle_truncated(state);
  }
  self->position += size;
  if (self->line_capacity < size + 1) {
    auto* room = static_cast<char*>(PyMem_Realloc(self->line, static_cast<size_t>(size) + 1));
    if (!room) {
      PyErr_NoMemory();
      return -1;
    }
    self->line = room;
    self->line_capacity = size + 1;
  }
  memcpy(self->line, start, static_cast<size_t>(size));
  self->line[size] = '\0';
  *line = self->line;
  return size;
}

// ---- the memo --------------------------------------------------------------------------------------------------------

PyObject* unpickle_memo_get(Unpickler* self, Py_ssize_t index) {
  if (index < 0) return nullptr;
  if (index < self->memo_capacity && self->memo[index]) return self->memo[index];
  if (!self->sparse_memo) return nullptr;
  Ref<> key = steal(PyLong_FromSsize_t(index));
  PyObject* value = key ? PyDict_GetItemWithError(self->sparse_memo, key) : nullptr;
  return value;
}

Status unpickle_memo_reserve(Unpickler* self, Py_ssize_t capacity) {
  if (capacity <= self->memo_capacity) return Status::Ok;
  auto* memo = static_cast<PyObject**>(PyMem_Realloc(self->memo, static_cast<size_t>(capacity) * sizeof(PyObject*)));
  if (!memo) {
    PyErr_NoMemory();
    return Status::Error;
  }
  std::fill(memo + self->memo_capacity, memo + capacity, nullptr);
  self->memo = memo;
  self->memo_capacity = capacity;
  return Status::Ok;
}

Status unpickle_memo_put(Unpickler* self, Py_ssize_t index, PyObject* value) {
  if (index >= self->memo_capacity && index <= std::max(kFirstMemo * 8, self->memo_capacity * 2))
    TRY(unpickle_memo_reserve(self, std::max(kFirstMemo, index * 2)));
  if (index < self->memo_capacity) {
    if (self->sparse_memo) {
      Ref<> key = TRY(steal(PyLong_FromSsize_t(index)));
      const int removed = TRY(PyDict_Pop(self->sparse_memo, key, nullptr));
      self->memo_count -= removed;
    }
    if (!self->memo[index]) ++self->memo_count;
    Py_XSETREF(self->memo[index], Py_NewRef(value));
    return Status::Ok;
  }
  if (!self->sparse_memo && !(self->sparse_memo = PyDict_New())) return Status::Error;
  Ref<> key = TRY(steal(PyLong_FromSsize_t(index)));
  const Py_ssize_t before = PyDict_GET_SIZE(self->sparse_memo);
  TRY(PyDict_SetItem(self->sparse_memo, key, value));
  self->memo_count += PyDict_GET_SIZE(self->sparse_memo) - before;
  return Status::Ok;
}

Status unpickle_memo_restart(Unpickler* self) {
  auto* memo = static_cast<PyObject**>(PyMem_Calloc(static_cast<size_t>(kFirstMemo), sizeof(PyObject*)));
  if (!memo) {
    PyErr_NoMemory();
    return Status::Error;
  }
  unpickle_memo_clear(self);
  PyMem_Free(std::exchange(self->memo, memo));  // releasing the objects may have begun a new one
  self->memo_capacity = kFirstMemo;
  return Status::Ok;
}

void unpickle_memo_clear(Unpickler* self) {
  Py_CLEAR(self->sparse_memo);
  PyObject** memo = std::exchange(self->memo, nullptr);
  const Py_ssize_t capacity = std::exchange(self->memo_capacity, 0);
  self->memo_count = 0;
  for (Py_ssize_t i = 0; i < capacity; ++i) Py_XDECREF(memo[i]);
  PyMem_Free(memo);
}

Ref<> unpickle_memo_copy(Unpickler* self) {
  Ref<> copy = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < self->memo_capacity; ++i) {
    if (!self->memo[i]) continue;
    Ref<> key = TRY(steal(PyLong_FromSsize_t(i)));
    TRY(PyDict_SetItem(copy, key, self->memo[i]));
  }
  if (self->sparse_memo) TRY(PyDict_Update(copy, self->sparse_memo));
  return copy;
}

}  // namespace ks
