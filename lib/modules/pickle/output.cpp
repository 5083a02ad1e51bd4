// What a Pickler writes into: a buffer cut into frames, the memo, and the dump as a whole.
#include <cstring>

#include "modules/pickle/pickle.h"

namespace ks {

// ---- the memo --------------------------------------------------------------------------------------------------------

PicklerMemo::Entry* PicklerMemo::place(PyObject* key) const {
  const size_t mask = static_cast<size_t>(capacity_) - 1;
  size_t hash = reinterpret_cast<size_t>(key) >> 4;
  size_t i = (hash ^ (hash >> 16)) & mask;
  while (entries_[i].key && entries_[i].key != key) i = (i + 1) & mask;
  return &entries_[i];
}
Py_ssize_t PicklerMemo::find(PyObject* key) const {
  if (!used_) return -1;
  const Entry* entry = place(key);
  return entry->key ? entry->index : -1;
}
Status PicklerMemo::grow() {
  const Py_ssize_t capacity = capacity_ ? capacity_ * (used_ > 50000 ? 2 : 4) : kFirst;
  auto* entries = static_cast<Entry*>(PyMem_Calloc(static_cast<size_t>(capacity), sizeof(Entry)));
  if (!entries) {
    PyErr_NoMemory();
    return Status::Error;
  }
  Entry* old = entries_;
  const Py_ssize_t old_capacity = capacity_;
  entries_ = entries;
  capacity_ = capacity;
  for (Py_ssize_t i = 0; i < old_capacity; ++i)
    if (old[i].key) *place(old[i].key) = old[i];
  PyMem_Free(old);
  return Status::Ok;
}
Status PicklerMemo::set(PyObject* key, Py_ssize_t index) {
  if (!capacity_) TRY(grow());
  Entry* entry = place(key);
  const bool is_new = !entry->key;
  if (is_new) entry->key = Py_NewRef(key);
  entry->index = index;
  if (!is_new || ++used_ * 3 < capacity_ * 2) return Status::Ok;
  return grow();
}
void PicklerMemo::swap(PicklerMemo& other) {
  std::swap(entries_, other.entries_);
  std::swap(capacity_, other.capacity_);
  std::swap(used_, other.used_);
}
void PicklerMemo::clear() {
  Entry* entries = entries_;
  const Py_ssize_t capacity = capacity_;
  entries_ = nullptr;
  capacity_ = used_ = 0;
  for (Py_ssize_t i = 0; i < capacity; ++i) Py_XDECREF(entries[i].key);
  PyMem_Free(entries);
}

// ---- the buffer and its frames ---------------------------------------------------------------------------------------

static Status reserve(Pickler* self, Py_ssize_t more) {
  if (more <= self->output_capacity - self->output_size) return Status::Ok;
  if (more > PY_SSIZE_T_MAX / 2 - self->output_size) {
    PyErr_NoMemory();
    return Status::Error;
  }
  Py_ssize_t capacity = (self->output_size + more) / 2 * 3 + 64;
  auto* output = static_cast<char*>(PyMem_Realloc(self->output, static_cast<size_t>(capacity)));
  if (!output) {
    PyErr_NoMemory();
    return Status::Error;
  }
  self->output = output;
  self->output_capacity = capacity;
  return Status::Ok;
}

Status pickle_write(Pickler* self, const char* data, Py_ssize_t size) {
  const bool opens_frame = self->framing && self->frame_start < 0;
  TRY(reserve(self, size + (opens_frame ? kFrameHeader : 0)));
  if (opens_frame) {
    self->frame_start = self->output_size;
    memset(self->output + self->output_size, 0, kFrameHeader);
    self->output_size += kFrameHeader;
  }
  if (size < 16)
    for (Py_ssize_t i = 0; i < size; ++i) self->output[self->output_size + i] = data[i];
  else
    memcpy(self->output + self->output_size, data, static_cast<size_t>(size));
  self->output_size += size;
  return Status::Ok;
}

Status pickle_close_frame(Pickler* self) {
  if (!self->framing || self->frame_start < 0) return Status::Ok;
  const Py_ssize_t size = self->output_size - self->frame_start - kFrameHeader;
  char* header = self->output + self->frame_start;
  if (size >= kFrameMinimum) {
    header[0] = kFrame;
    for (int i = 0; i < 8; ++i) header[1 + i] = static_cast<char>(static_cast<size_t>(size) >> (8 * i));
  } else {
    memmove(header, header + kFrameHeader, static_cast<size_t>(size));
    self->output_size -= kFrameHeader;
  }
  self->frame_start = -1;
  return Status::Ok;
}

Ref<> pickler_take(Pickler* self) {
  TRY(pickle_close_frame(self));
  Ref<> result = steal(PyBytes_FromStringAndSize(self->output, self->output_size));
  PyMem_Free(self->output);
  self->output = nullptr;
  self->output_size = self->output_capacity = 0;
  return result;
}

Status pickler_flush(Pickler* self) {
  TRY(pickle_close_frame(self));
  Ref<> chunk = TRY(steal(PyBytes_FromStringAndSize(self->output, self->output_size)));
  self->output_size = 0;
  Ref<> written = TRY(steal(PyObject_CallOneArg(self->write, chunk)));
  return Status::Ok;
}

Status pickle_boundary(Pickler* self) {
  if (!self->framing || self->frame_start < 0) return Status::Ok;
  if (self->output_size - self->frame_start - kFrameHeader < kFrameTarget) return Status::Ok;
  TRY(pickle_close_frame(self));
  if (self->write) TRY(pickler_flush(self));
  return Status::Ok;
}

Status pickle_write_block(Pickler* self, const char* header, Py_ssize_t header_size, const char* data, Py_ssize_t size, PyObject* payload) {
  const bool framing = self->framing;
  const bool large = size >= kFrameTarget;
  if (large) {
    TRY(pickle_close_frame(self));
    self->framing = false;  // a large block lies between frames
  }
  Status result = pickle_write(self, header, header_size);
  if (!is_failure(result)) {
    if (large && self->write) {
      result = pickler_flush(self);
      if (!is_failure(result)) {
        Ref<> block = payload ? borrow(payload) : steal(PyMemoryView_FromMemory(const_cast<char*>(data), size, PyBUF_READ));
        Ref<> written = block ? steal(PyObject_CallOneArg(self->write, block)) : nullptr;
        if (!written) result = Status::Error;
      }
    } else {
      result = pickle_write(self, data, size);
    }
  }
  self->framing = framing;
  return result;
}

// ---- the memo in the stream ------------------------------------------------------------------------------------------

static Status write_index(Pickler* self, Py_ssize_t index, char text_op, char short_op, char long_op) {
  char data[32];
  if (!self->bin) return pickle_write(self, data, PyOS_snprintf(data, sizeof data, "%c%zd\n", text_op, index));
  if (index < 256) {
    data[0] = short_op;
    data[1] = static_cast<char>(index);
    return pickle_write(self, data, 2);
  }
  data[0] = long_op;
  for (int i = 0; i < 4; ++i) data[1 + i] = static_cast<char>(index >> (8 * i));
  return pickle_write(self, data, 5);
}

Status pickle_memo_get(Pickler* self, Py_ssize_t index) {
  if (self->bin && static_cast<size_t>(index) > 0xffffffff)
    return raise(PyExc_OverflowError, "memo id too large for LONG_BINGET");
  return write_index(self, index, kGet, kBinGet, kLongBinGet);
}

Status pickle_memo_put(PickleState* state, Pickler* self, PyObject* object) {
  if (self->fast) return Status::Ok;
  const Py_ssize_t index = self->memo.size();
  TRY(self->memo.set(object, index));
  if (self->proto >= 4) return pickle_write_op(self, kMemoize);
  if (self->bin && static_cast<size_t>(index) > 0xffffffff)
    return raise(state->pickling_error, "memo id too large for LONG_BINPUT");
  return write_index(self, index, kPut, kBinPut, kLongBinPut);
}

// ---- a dump ----------------------------------------------------------------------------------------------------------

// Looks a hook up once for a dump; the type's own default method counts as none.
static Status find_persistent_id(PickleState* state, Pickler* self) {
  if (Py_TYPE(object(self)) == state->pickler_type && !self->persistent_id_attr) {
    Py_CLEAR(self->persistent_id);
    return Status::Ok;
  }
  Ref<> hook;
  TRY(status(PyObject_GetOptionalAttr(object(self), "persistent_id"_id, hook.out())));
  if (hook && PyCFunction_Check(hook.get()) && PyCFunction_GET_SELF(hook.get()) == object(self)) hook.reset();
  Py_XSETREF(self->persistent_id, hook.release());
  return Status::Ok;
}

Status pickler_dump_object(PickleState* state, Pickler* self, PyObject* object) {
  self->frame_start = -1;
  self->framing = false;
  TRY(find_persistent_id(state, self));
  Ref<> override_hook;
  Status result = status(PyObject_GetOptionalAttr(ks::object(self), "reducer_override"_id, override_hook.out()));
  if (!is_failure(result)) {
    Py_XSETREF(self->reducer_override, override_hook.release());
    if (self->proto >= 2) {
      const char header[2] = {kProto, static_cast<char>(self->proto)};
      result = pickle_write(self, header, 2);
      self->framing = self->proto >= 4;
    }
    if (!is_failure(result)) result = pickle_save(state, self, object, false);
    if (!is_failure(result)) result = pickle_write_op(self, kStop);
    if (!is_failure(result)) result = pickle_close_frame(self);
  }
  self->framing = false;
  // The hooks are bound methods: kept, they would keep the pickler alive.
  Py_CLEAR(self->persistent_id);
  Py_CLEAR(self->reducer_override);
  return result;
}

Failed pickle_note(const char* format, ...) {
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (!exception) return failed;
  va_list arguments;
  va_start(arguments, format);
  Ref<> note = steal(PyUnicode_FromFormatV(format, arguments));
  va_end(arguments);
  if (note) {
    Ref<> none = steal(PyObject_CallMethodOneArg(exception, "add_note"_id, note));
    if (none) note.reset(), note = std::move(none);
    else note.reset();
  }
  if (!note) PyErr_Clear();
  PyErr_SetRaisedException(exception.release());
  return failed;
}

}  // namespace ks
