// BufferedReader, BufferedWriter, BufferedRandom and BufferedRWPair.
//
// One buffer serves both directions. With positions counted in the buffer:
//
//   0 <= position <= size            `position` is where the user is
//   read_end     (-1: nothing read)  bytes [position, read_end) are read ahead
//   write_pos <= write_end           bytes [write_pos, write_end) wait to be written (write_end -1: none)
//   raw_pos                          where in the buffer the raw stream's position is
//   absolute                         the raw stream's position in the file (-1: unknown)
//
// so the user's position in the file is absolute - (raw_pos - position). A lock serialises threads; the same thread
// coming back (a signal handler that prints) gets RuntimeError rather than a deadlock.
#include <errno.h>
#include <structmember.h>

#include "modules/io/io.h"
#include "object/method_text.h"

namespace ks::io {
namespace {

struct Buffered {
  PyObject_HEAD PyObject* raw;
  bool ok;  // initialised and not in a broken state
  bool detached;
  bool readable;
  bool writable;
  char finalizing;
  bool fast_closed_check;  // raw is exactly a FileIO
  Offset absolute;
  char* buffer;
  Py_ssize_t position;
  Py_ssize_t raw_pos;
  Py_ssize_t read_end;
  Py_ssize_t write_pos;
  Py_ssize_t write_end;
  Py_ssize_t size;
  PyThread_type_lock lock;
  unsigned long owner;
  PyObject* dict;
  PyObject* weakreflist;
};

bool read_valid(const Buffered* self) { return self->readable && self->read_end != -1; }
bool write_valid(const Buffered* self) { return self->writable && self->write_end != -1; }
Py_ssize_t read_ahead(const Buffered* self) { return read_valid(self) ? self->read_end - self->position : 0; }
// How far the raw stream is in front of the user.
Py_ssize_t raw_offset(const Buffered* self) {
  return (read_valid(self) || write_valid(self)) && self->raw_pos >= 0 ? self->raw_pos - self->position : 0;
}
void reset_read(Buffered* self) { self->read_end = -1; }
void reset_write(Buffered* self) {
  self->write_pos = 0;
  self->write_end = -1;
}
void advance_position(Buffered* self, Py_ssize_t position) {
  self->position = position;
  if (read_valid(self) && self->read_end < position) self->read_end = position;
}

Status check_initialized(Buffered* self) {
  if (self->ok) return Status::Ok;
  if (self->detached) return raise(PyExc_ValueError, "raw stream has been detached");
  return raise(PyExc_ValueError, "I/O operation on uninitialized object");
}

class Lock {
 public:
  // Check entered() first.
  explicit Lock(Buffered* self) : self_(self) {
    if (!PyThread_acquire_lock(self->lock, NOWAIT_LOCK) && !wait()) {
      self_ = nullptr;
      return;
    }
    self->owner = PyThread_get_thread_ident();
  }
  ~Lock() {
    if (!self_) return;
    self_->owner = 0;
    PyThread_release_lock(self_->lock);
  }
  Lock(const Lock&) = delete;
  bool entered() const { return self_ != nullptr; }

 private:
  bool wait() {
    if (self_->owner == PyThread_get_thread_ident()) {
      PyErr_Format(PyExc_RuntimeError, "reentrant call inside %R", self_);
      return false;
    }
    if (Py_IsFinalizing()) {
      // Daemon threads may hold the lock for ever.
      if (PyThread_acquire_lock_timed(self_->lock, 1000000, 0) == PY_LOCK_ACQUIRED) return true;
      PyObject* repr = PyObject_ASCII(object(self_));
      Py_FatalError(
          repr
              ? PyUnicode_AsUTF8(repr)
              : "could not acquire lock for a buffered stream at interpreter shutdown, possibly due to daemon threads");
    }
    Py_BEGIN_ALLOW_THREADS PyThread_acquire_lock(self_->lock, WAIT_LOCK);
    Py_END_ALLOW_THREADS return true;
  }
  Buffered* self_;
};
#define LOCKED(SELF) \
  Lock lock(SELF);   \
  if (!lock.entered()) return failed

Found is_closed(Buffered* self) {
  TRY(check_initialized(self));
  if (self->fast_closed_check) {
    // FileIO's own attribute, without a detour.
    Ref<> closed = TRY(steal(PyObject_GetAttr(self->raw, "closed"_id)));
    return closed == Py_True ? Found::Yes : Found::No;
  }
  Ref<> closed = TRY(steal(PyObject_GetAttr(self->raw, "closed"_id)));
  return found(PyObject_IsTrue(closed));
}
Status check_not_closed(Buffered* self, const char* message) {
  if (self->raw == nullptr || !TRY(is_closed(self)) || read_ahead(self) > 0) return Status::Ok;
  return raise(PyExc_ValueError, "%s", message);
}

// ---- the raw stream
// ---------------------------------------------------------------------------------------------------

Offset raw_tell(Buffered* self) {
  self->absolute = -1;
  Ref<> result = call_method(self->raw, "tell"_id);
  if (!result) return -1;
  const Offset position = offset_from_object(result, PyExc_ValueError);
  if (position < 0) {
    if (!PyErr_Occurred())
      PyErr_Format(PyExc_OSError, "Raw stream returned invalid position %lld", static_cast<long long>(position));
    return -1;
  }
  return self->absolute = position;
}
Offset raw_seek(Buffered* self, Offset target, int whence) {
  self->absolute = -1;
  Ref<> target_object = Ref<>::steal(offset_to_object(target));
  Ref<> whence_object = Ref<>::steal(PyLong_FromLong(whence));
  if (!target_object || !whence_object) return -1;
  Ref<> result = call_method(self->raw, "seek"_id, target_object.get(), whence_object.get());
  if (!result) return -1;
  const Offset position = offset_from_object(result, PyExc_ValueError);
  if (position < 0) {
    if (!PyErr_Occurred())
      PyErr_Format(PyExc_OSError, "Raw stream returned invalid position %lld", static_cast<long long>(position));
    return -1;
  }
  return self->absolute = position;
}

// Bytes read into the memory; -1 error, -2 would block, 0 end.
Py_ssize_t raw_read(Buffered* self, char* start, Py_ssize_t length) {
  Ref<> view = Ref<>::steal(PyMemoryView_FromMemory(start, length, PyBUF_WRITE));
  if (!view) return -1;
  Ref<> result;
  do result = call_method(self->raw, "readinto"_id, view.get());
  while (!result && retry_after_interrupt());
  // The raw stream may have kept the view; the memory is ours only.
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  Ref<> released = call_method(view, "release"_id);
  if (!released) PyErr_Clear();
  PyErr_SetRaisedException(pending.release());
  if (!result) return -1;
  if (result == Py_None) return -2;
  const Py_ssize_t count = PyNumber_AsSsize_t(result, PyExc_ValueError);
  if (count == -1 && PyErr_Occurred()) {
    Ref<> cause = Ref<>::steal(PyErr_GetRaisedException());
    PyErr_SetString(PyExc_OSError, "raw readinto() failed");
    Ref<> error = Ref<>::steal(PyErr_GetRaisedException());
    PyException_SetCause(error, cause.share().release());
    PyException_SetContext(error, cause.release());
    PyErr_SetRaisedException(error.release());
    return -1;
  }
  if (count < 0 || count > length) {
    PyErr_Format(PyExc_OSError, "raw readinto() returned invalid length %zd (should have been between 0 and %zd)",
                 count, length);
    return -1;
  }
  if (count > 0 && self->absolute != -1) self->absolute += count;
  return count;
}

Py_ssize_t raw_write(Buffered* self, const char* start, Py_ssize_t length) {
  Ref<> view = Ref<>::steal(PyMemoryView_FromMemory(const_cast<char*>(start), length, PyBUF_READ));
  if (!view) return -1;
  Ref<> result;
  int error = 0;
  do {
    errno = 0;
    result = call_method(self->raw, "write"_id, view.get());
    error = errno;
  } while (!result && retry_after_interrupt());
  if (!result) return -1;
  if (result == Py_None) {
    errno = error;  // for the BlockingIOError
    return -2;
  }
  const Py_ssize_t count = PyNumber_AsSsize_t(result, PyExc_ValueError);
  if (count < 0 || count > length) {
    if (!PyErr_Occurred())
      PyErr_Format(PyExc_OSError, "raw write() returned invalid length %zd (should have been between 0 and %zd)", count,
                   length);
    return -1;
  }
  if (count > 0 && self->absolute != -1) self->absolute += count;
  return count;
}

// Reads on behind what is read ahead.
Py_ssize_t fill_buffer(Buffered* self) {
  const Py_ssize_t start = read_valid(self) ? self->read_end : 0;
  const Py_ssize_t count = raw_read(self, self->buffer + start, self->size - start);
  if (count <= 0) return count;
  self->read_end = start + count;
  self->raw_pos = start + count;
  return count;
}

void raise_blocking(Py_ssize_t written, const char* message = "write could not complete without blocking") {
  Ref<> error = Ref<>::steal(PyObject_CallFunction(PyExc_BlockingIOError, "isn", errno, message, written));
  if (error) PyErr_SetObject(PyExc_BlockingIOError, error);
}

Status flush_writes(Buffered* self) {
  if (!write_valid(self) || self->write_pos == self->write_end) {
    reset_write(self);
    return Status::Ok;
  }
  const Py_ssize_t rewind = raw_offset(self) + (self->position - self->write_pos);
  if (rewind != 0) {
    if (raw_seek(self, -rewind, 1) < 0) return failed;
    self->raw_pos -= rewind;
  }
  while (self->write_pos < self->write_end) {
    const Py_ssize_t count = raw_write(self, self->buffer + self->write_pos, self->write_end - self->write_pos);
    if (count == -1) return failed;
    if (count == -2) {
      raise_blocking(0);
      return failed;
    }
    // The user's position stays: it may be in front of what was written.
    self->write_pos += count;
    self->raw_pos = self->write_pos;
    // Short writes may come from signals.
    if (PyErr_CheckSignals() < 0) return failed;
  }
  reset_write(self);
  return Status::Ok;
}
// Writes out what waits and drops what was read ahead, moving the raw stream back to the user's position.
Status flush_and_rewind(Buffered* self) {
  TRY(flush_writes(self));
  if (self->readable) {
    const Py_ssize_t back = raw_offset(self);
    reset_read(self);
    if (back != 0 && raw_seek(self, -back, 1) < 0) return failed;
  }
  return Status::Ok;
}

// ---- delegation
// -------------------------------------------------------------------------------------------------------

PyObject* ask_raw(Buffered* self, PyObject* name) {
  TRY(check_initialized(self));
  return call_method(self->raw, name).release();
}
#define ASK_RAW(NAME, DOC)                                                                      \
  PyObject* buffered_##NAME(Buffered* self) { return ask_raw(self, operator""_id < #NAME>()); } \
  METHOD(buffered, NAME, "($self, /)", DOC)
ASK_RAW(seekable, "Whether the raw stream can be moved in.");
ASK_RAW(fileno, "The raw stream's file descriptor.");
ASK_RAW(isatty, "Whether the raw stream talks to a terminal.");
PyObject* buffered_readable(Buffered* self) { return ask_raw(self, "readable"_id); }
METHOD(buffered, readable, "($self, /)", "Whether the raw stream can be read.");
PyObject* buffered_writable(Buffered* self) { return ask_raw(self, "writable"_id); }
METHOD(buffered, writable, "($self, /)", "Whether the raw stream can be written.");

PyObject* raw_attribute(PyObject* op, PyObject* name) {
  auto* self = as<Buffered>(op);
  TRY(check_initialized(self));
  return PyObject_GetAttr(self->raw, name);
}
PyObject* buffered_closed_get(PyObject* op, void*) { return raw_attribute(op, "closed"_id); }
PyObject* buffered_name_get(PyObject* op, void*) { return raw_attribute(op, "name"_id); }
PyObject* buffered_mode_get(PyObject* op, void*) { return raw_attribute(op, "mode"_id); }

PyObject* buffered_flush(Buffered* self) {
  TRY(check_initialized(self));
  TRY(check_not_closed(self, "flush of closed file"));
  LOCKED(self);
  TRY(flush_and_rewind(self));
  return Py_NewRef(Py_None);
}
PyObject* simple_flush(Buffered* self) {
  TRY(check_initialized(self));
  return call_method(self->raw, "flush"_id).release();
}
METHOD(buffered, flush, "($self, /)", "Write out what is buffered.");
METHOD_AS(simple_flush, "flush", 0, "($self, /)", "Flush the raw stream.");

PyObject* buffered_dealloc_warn(Buffered* self, PyObject* source) {
  if (self->ok && self->raw) {
    Ref<> result = call_method(self->raw, "_dealloc_warn"_id, source);
    if (!result) PyErr_Clear();
  }
  Py_RETURN_NONE;
}
METHOD_AS(buffered_dealloc_warn, "_dealloc_warn", 0, "($self, source, /)", "");

PyObject* buffered_close(Buffered* self) {
  TRY(check_initialized(self));
  {
    LOCKED(self);
    if (TRY(is_closed(self))) return Py_NewRef(Py_None);
    if (self->finalizing && self->raw) {
      Ref<> ignored = Ref<>::steal(buffered_dealloc_warn(self, object(self)));
    }
  }
  // flush() takes the lock by itself, and may be overridden.
  Ref<> flushed = call_method(object(self), "flush"_id);
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  LOCKED(self);
  Ref<> result = call_method(self->raw, "close"_id);
  if (self->buffer) {
    PyMem_Free(self->buffer);
    self->buffer = nullptr;
  }
  if (pending) {
    if (!result) {
      Ref<> second = Ref<>::steal(PyErr_GetRaisedException());
      PyException_SetContext(second, pending.release());
      PyErr_SetRaisedException(second.release());
    } else {
      PyErr_SetRaisedException(pending.release());
    }
    return nullptr;
  }
  self->read_end = 0;
  self->position = 0;
  return result.release();
}
METHOD(buffered, close, "($self, /)", "Flush, then close the raw stream.");

PyObject* buffered_detach(Buffered* self) {
  TRY(check_initialized(self));
  Ref<> flushed = TRY(call_method(object(self), "flush"_id));
  PyObject* raw = self->raw;
  self->raw = nullptr;
  self->detached = true;
  self->ok = false;
  return raw;
}
METHOD(buffered, detach, "($self, /)", "Flush and give the raw stream back; this object is of no use afterwards.");

// ---- reading
// ----------------------------------------------------------------------------------------------------------

PyObject* read_all(Buffered* self) {
  const Py_ssize_t ahead = read_ahead(self);
  Ref<> data;
  if (ahead > 0) {
    data = TRY(steal(PyBytes_FromStringAndSize(self->buffer + self->position, ahead)));
    self->position += ahead;
  }
  if (self->writable) TRY(flush_and_rewind(self));
  reset_read(self);
  Ref<> readall;
  if (TRY(found(PyObject_GetOptionalAttr(self->raw, "readall"_id, readall.out())))) {
    Ref<> rest = TRY(steal(PyObject_CallNoArgs(readall)));
    if (rest != Py_None && !PyBytes_Check(rest.get())) return raise(PyExc_TypeError, "readall() should return bytes");
    if (rest == Py_None) return data ? data.release() : rest.release();
    if (!data) return rest.release();
    PyObject* joined = data.release();
    PyBytes_Concat(&joined, rest);
    return joined;
  }
  Ref<> pieces = TRY(steal(PyList_New(0)));
  Py_ssize_t total = 0;
  if (data) {
    TRY(PyList_Append(pieces, data));
    total = ahead;
  }
  while (true) {
    Ref<> piece = TRY(call_method(self->raw, "read"_id));
    if (piece != Py_None && !PyBytes_Check(piece.get())) return raise(PyExc_TypeError, "read() should return bytes");
    if (piece == Py_None || PyBytes_GET_SIZE(piece.get()) == 0) {
      if (total == 0) return piece.release();
      break;
    }
    TRY(PyList_Append(pieces, piece));
    total += PyBytes_GET_SIZE(piece.get());
    if (self->absolute != -1) self->absolute += PyBytes_GET_SIZE(piece.get());
  }
  Ref<> empty = TRY(steal(PyBytes_FromStringAndSize(nullptr, 0)));
  return call_method(empty, "join"_id, pieces.get()).release();
}

// Fills target with up to `wanted` bytes: from what is ahead, then whole blocks without the buffer, then through it.
// Returns how many; -1 error; *blocked when the raw stream would block.
Py_ssize_t read_up_to(Buffered* self, char* target, Py_ssize_t wanted, bool only_once, bool* blocked) {
  *blocked = false;
  if (wanted == 0) return 0;
  Py_ssize_t done = Py_MIN(read_ahead(self), wanted);
  if (done > 0) {
    memcpy(target, self->buffer + self->position, static_cast<size_t>(done));
    self->position += done;
    // One read only: more than the buffer holds may follow straight into the target, but nothing is read ahead.
    if (done == wanted || (only_once && wanted - done <= self->size)) return done;
  }
  if (self->writable) TRY(flush_and_rewind(self));
  reset_read(self);
  while (done < wanted) {
    const Py_ssize_t left = wanted - done;
    // One call asks for all whole blocks that are left.
    const Py_ssize_t blocks = left - left % self->size;
    Py_ssize_t count;
    if (blocks > 0) {
      count = raw_read(self, target + done, blocks);
      if (count > 0) done += count;
    } else {
      self->position = 0;
      self->raw_pos = 0;
      self->read_end = 0;
      count = fill_buffer(self);
      if (count > 0) {
        const Py_ssize_t take = Py_MIN(left, count);
        memcpy(target + done, self->buffer, static_cast<size_t>(take));
        done += take;
        self->position += take;
      }
    }
    if (count == -1) return -1;
    if (count == -2) *blocked = true;
    if (count <= 0 || only_once) break;
  }
  return done;
}

PyObject* read_bytes(Buffered* self, Py_ssize_t size, bool only_once) {
  PyObject* result = PyBytes_FromStringAndSize(nullptr, size);
  if (!result) return nullptr;
  bool blocked;
  const Py_ssize_t count = read_up_to(self, PyBytes_AS_STRING(result), size, only_once, &blocked);
  if (count < 0 || (count == 0 && blocked && !only_once)) {
    Py_DECREF(result);
    return count < 0 ? nullptr : Py_NewRef(Py_None);
  }
  if (count != size && _PyBytes_Resize(&result, count) < 0) return nullptr;
  return result;
}

PyObject* buffered_read(Buffered* self, SizeOrNone size) {
  TRY(check_initialized(self));
  if (size < -1) return raise(PyExc_ValueError, "read length must be non-negative or -1");
  TRY(check_not_closed(self, "read of closed file"));
  if (size == -1) {
    LOCKED(self);
    return read_all(self);
  }
  // What is ahead needs no lock.
  if (size <= read_ahead(self)) {
    PyObject* result = PyBytes_FromStringAndSize(self->buffer + self->position, size);
    if (result) self->position += size;
    return result;
  }
  LOCKED(self);
  return read_bytes(self, size, false);
}
METHOD(buffered, read, "($self, size=-1, /)",
       "Up to size bytes, by as many reads as it takes; all that is left when size is None or -1.");

PyObject* buffered_read1(Buffered* self, SizeOrNone size_argument) {
  TRY(check_initialized(self));
  Py_ssize_t size = size_argument;
  if (size < 0) size = self->size;
  TRY(check_not_closed(self, "read of closed file"));
  if (size == 0) return PyBytes_FromStringAndSize(nullptr, 0);
  LOCKED(self);
  const Py_ssize_t ahead = read_ahead(self);
  if (ahead > 0) {
    const Py_ssize_t take = Py_MIN(ahead, size);
    PyObject* result = PyBytes_FromStringAndSize(self->buffer + self->position, take);
    if (result) self->position += take;
    return result;
  }
  PyObject* result = PyBytes_FromStringAndSize(nullptr, size);
  if (!result) return nullptr;
  if (self->writable && is_failure(flush_and_rewind(self))) {
    Py_DECREF(result);
    return nullptr;
  }
  reset_read(self);
  Py_ssize_t count = raw_read(self, PyBytes_AS_STRING(result), size);
  if (count == -1) {
    Py_DECREF(result);
    return nullptr;
  }
  if (count == -2) count = 0;
  if (count != size && _PyBytes_Resize(&result, count) < 0) return nullptr;
  return result;
}
METHOD(buffered, read1, "($self, size=-1, /)", "Up to size bytes, with one read of the raw stream at most.");

PyObject* read_into(Buffered* self, PyObject* target, bool only_once) {
  TRY(check_initialized(self));
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
    PyErr_Clear();
    return raise(PyExc_TypeError, "%s() argument must be read-write bytes-like object, not %.200s",
                 only_once ? "readinto1" : "readinto", target == Py_None ? "None" : Py_TYPE(target)->tp_name);
  }
  struct Release {
    Py_buffer* view;
    ~Release() { PyBuffer_Release(view); }
  } release{&view};
  TRY(check_not_closed(self, "readinto of closed file"));
  LOCKED(self);
  bool blocked;
  const Py_ssize_t count = read_up_to(self, static_cast<char*>(view.buf), view.len, only_once, &blocked);
  if (count < 0) return nullptr;
  if (count == 0 && blocked) Py_RETURN_NONE;
  return PyLong_FromSsize_t(count);
}
PyObject* buffered_readinto(Buffered* self, PyObject* buffer) { return read_into(self, buffer, false); }
METHOD(buffered, readinto, "($self, buffer, /)",
       "Read into buffer until it is full or the stream ends; returns how many bytes.");
PyObject* buffered_readinto1(Buffered* self, PyObject* buffer) { return read_into(self, buffer, true); }
METHOD(buffered, readinto1, "($self, buffer, /)", "Read into buffer with one read of the raw stream at most.");

PyObject* buffered_peek(Buffered* self, Py_ssize_t) {
  TRY(check_initialized(self));
  TRY(check_not_closed(self, "peek of closed file"));
  LOCKED(self);
  if (self->writable) TRY(flush_and_rewind(self));
  const Py_ssize_t ahead = read_ahead(self);
  if (ahead > 0) return PyBytes_FromStringAndSize(self->buffer + self->position, ahead);
  reset_read(self);
  self->position = self->raw_pos = 0;
  Py_ssize_t count = fill_buffer(self);
  if (count == -1) return nullptr;
  if (count == -2) count = 0;
  self->position = 0;
  return PyBytes_FromStringAndSize(self->buffer, count);
}
METHOD(buffered, peek, "($self, size=0, /)", "What is read ahead, without moving; reads once when nothing is.");

PyObject* read_line(Buffered* self, Py_ssize_t limit) {
  TRY(check_not_closed(self, "readline of closed file"));
  // The common case: the line is in the buffer.
  Py_ssize_t ahead = read_ahead(self);
  if (limit >= 0 && ahead > limit) ahead = limit;
  const char* start = self->buffer + self->position;
  if (const void* end = ahead > 0 ? memchr(start, '\n', static_cast<size_t>(ahead)) : nullptr) {
    const Py_ssize_t length = static_cast<const char*>(end) - start + 1;
    PyObject* result = PyBytes_FromStringAndSize(start, length);
    if (result) self->position += length;
    return result;
  }
  if (ahead == limit) {
    PyObject* result = PyBytes_FromStringAndSize(start, ahead);
    if (result) self->position += ahead;
    return result;
  }
  LOCKED(self);
  Ref<> pieces = TRY(steal(PyList_New(0)));
  auto keep = [&](const char* from, Py_ssize_t length) {
    Ref<> piece = Ref<>::steal(PyBytes_FromStringAndSize(from, length));
    return piece && PyList_Append(pieces, piece) == 0;
  };
  if (ahead > 0) {
    if (!keep(self->buffer + self->position, ahead)) return nullptr;
    self->position += ahead;
    if (limit >= 0) limit -= ahead;
  }
  if (self->writable) TRY(flush_and_rewind(self));
  while (true) {
    reset_read(self);
    self->position = self->raw_pos = 0;
    const Py_ssize_t count = fill_buffer(self);
    if (count == -1) return nullptr;
    if (count <= 0) break;
    const Py_ssize_t most = limit >= 0 && count > limit ? limit : count;
    const void* end = memchr(self->buffer, '\n', static_cast<size_t>(most));
    const Py_ssize_t length = end ? static_cast<const char*>(end) - self->buffer + 1 : most;
    if (!keep(self->buffer, length)) return nullptr;
    self->position = length;
    if (end || length == limit) break;
    if (limit >= 0) limit -= length;
  }
  Ref<> empty = TRY(steal(PyBytes_FromStringAndSize(nullptr, 0)));
  return call_method(empty, "join"_id, pieces.get()).release();
}
PyObject* buffered_readline(Buffered* self, SizeOrNone size) {
  TRY(check_initialized(self));
  return read_line(self, size);
}
METHOD(buffered, readline, "($self, size=-1, /)", "The next line, at most size bytes of it.");

PyObject* buffered_iternext(PyObject* op) {
  auto* self = as<Buffered>(op);
  TRY(check_initialized(self));
  IoState* state = TRY(io_state_of(Py_TYPE(op)));
  Ref<> line;
  if (Py_TYPE(op) == state->buffered_reader || Py_TYPE(op) == state->buffered_random) {
    line = Ref<>::steal(read_line(self, -1));
  } else {
    line = call_method(op, "readline"_id);
    if (line && !PyBytes_Check(line.get()))
      return raise(PyExc_OSError, "readline() should have returned a bytes object, not '%.200s'",
                   Py_TYPE(line.get())->tp_name);
  }
  if (!line || PyBytes_GET_SIZE(line.get()) == 0) return nullptr;
  return line.release();
}

// ---- position
// ---------------------------------------------------------------------------------------------------------

PyObject* buffered_tell(Buffered* self) {
  TRY(check_initialized(self));
  LOCKED(self);
  Offset position = raw_tell(self);
  if (position == -1) return nullptr;
  position -= raw_offset(self);
  // A raw stream that lies about its position (a pipe) must not make it negative.
  return offset_to_object(position < 0 ? 0 : position);
}
METHOD(buffered, tell, "($self, /)", "The position in the stream.");

PyObject* buffered_seek(Buffered* self, PyObject* target_object, int whence) {
  TRY(check_initialized(self));
  if (whence < 0 || whence > 4) return raise(PyExc_ValueError, "whence value %d unsupported", whence);
  TRY(check_not_closed(self, "seek of closed file"));
  TRY(check_seekable(self->raw));
  Offset target = offset_from_object(target_object, PyExc_ValueError);
  if (target == -1 && PyErr_Occurred()) return nullptr;

  if ((whence == 0 || whence == 1) && self->readable) {
    // Within what is read ahead only the position changes.
    const Offset current = self->absolute != -1 ? self->absolute : raw_tell(self);
    if (current == -1) return nullptr;
    const Py_ssize_t ahead = read_ahead(self);
    if (ahead > 0) {
      const Offset here = current - raw_offset(self);
      const Offset offset = whence == 0 ? target - here : target;
      if (offset >= -self->position && offset <= ahead) {
        self->position += offset;
        // Devices that say nothing of their position must not make it negative.
        return offset_to_object(Py_MAX(current - raw_offset(self), 0));
      }
    }
  }
  LOCKED(self);
  TRY(flush_writes(self));
  if (whence == 1) target -= raw_offset(self);
  const Offset position = raw_seek(self, target, whence);
  if (position == -1) return nullptr;
  self->raw_pos = -1;
  if (self->readable) reset_read(self);
  return offset_to_object(position);
}
METHOD(buffered, seek, "($self, target, whence=0, /)", "Move the position and return it.");

PyObject* buffered_truncate(Buffered* self, PyObject* position) {
  TRY(check_initialized(self));
  TRY(check_not_closed(self, "truncate of closed file"));
  if (!self->writable) return raise_unsupported(Py_TYPE(object(self)), "truncate");
  LOCKED(self);
  TRY(flush_and_rewind(self));
  Ref<> result = TRY(call_method(self->raw, "truncate"_id, position ? position : Py_None));
  if (raw_tell(self) == -1) PyErr_Clear();
  return result.release();
}
METHOD(buffered, truncate, "($self, pos=None, /)", "Flush, then truncate the raw stream.");

// ---- writing
// ----------------------------------------------------------------------------------------------------------

PyObject* buffered_write(Buffered* self, const BufferArgument& data) {
  TRY(check_initialized(self));
  LOCKED(self);
  if (TRY(is_closed(self))) return raise(PyExc_ValueError, "write to closed file");
  const auto* bytes = reinterpret_cast<const char*>(data.data());
  const Py_ssize_t length = data.size();

  if (!read_valid(self) && !write_valid(self)) {
    self->position = 0;
    self->raw_pos = 0;
  }
  const Py_ssize_t available = self->size - self->position;
  if (length <= available && length < self->size) {
    if (length) memcpy(self->buffer + self->position, bytes, static_cast<size_t>(length));
    if (!write_valid(self) || self->write_pos > self->position) self->write_pos = self->position;
    advance_position(self, self->position + length);
    if (self->write_end < self->position) self->write_end = self->position;
    return PyLong_FromSsize_t(length);
  }

  if (is_failure(flush_writes(self))) {
    if (!PyErr_ExceptionMatches(PyExc_BlockingIOError)) return nullptr;
    // The raw stream is full: keep what fits, and tell how much that was.
    Ref<> error = Ref<>::steal(PyErr_GetRaisedException());
    if (self->readable) reset_read(self);
    memmove(self->buffer, self->buffer + self->write_pos, static_cast<size_t>(self->write_end - self->write_pos));
    self->write_end -= self->write_pos;
    self->raw_pos -= self->write_pos;
    self->position -= self->write_pos;
    self->write_pos = 0;
    const Py_ssize_t room = self->size - self->write_end;
    if (length <= room) {
      memcpy(self->buffer + self->write_end, bytes, static_cast<size_t>(length));
      self->write_end += length;
      self->position += length;
      return PyLong_FromSsize_t(length);
    }
    memcpy(self->buffer + self->write_end, bytes, static_cast<size_t>(room));
    self->write_end += room;
    self->position += room;
    errno = EAGAIN;
    raise_blocking(room);
    return nullptr;
  }

  const Py_ssize_t offset = raw_offset(self);
  if (offset != 0) {
    if (raw_seek(self, -offset, 1) < 0) return nullptr;
    self->raw_pos -= offset;
  }
  // More than the buffer holds goes out at once; the rest is buffered.
  Py_ssize_t written = 0;
  while (length - written > self->size) {
    const Py_ssize_t count = raw_write(self, bytes + written, length - written);
    if (count == -1) return nullptr;
    if (count == -2) {
      if (length - written > self->size) {
        memcpy(self->buffer, bytes + written, static_cast<size_t>(self->size));
        self->raw_pos = 0;
        advance_position(self, self->size);
        self->write_pos = 0;
        self->write_end = self->size;
        written += self->size;
        errno = EAGAIN;
        raise_blocking(written);
        return nullptr;
      }
      break;
    }
    written += count;
    if (PyErr_CheckSignals() < 0) return nullptr;
  }
  if (self->readable) reset_read(self);
  const Py_ssize_t rest = length - written;
  if (rest > 0) memcpy(self->buffer, bytes + written, static_cast<size_t>(rest));
  self->write_pos = 0;
  self->write_end = rest;
  self->position = rest;
  self->raw_pos = 0;
  return PyLong_FromSsize_t(length);
}
METHOD(buffered, write, "($self, buffer, /)", "Write bytes through the buffer; returns how many (all).");

// ---- life
// -------------------------------------------------------------------------------------------------------------

PyObject* buffered_repr(PyObject* op) {
  Ref<> name;
  if (PyObject_GetOptionalAttr(op, "name"_id, name.out()) < 0) {
    // A detached or uninitialised object has no name to show.
    if (!PyErr_ExceptionMatches(PyExc_ValueError)) return nullptr;
    PyErr_Clear();
  }
  const char* type_name = Py_TYPE(op)->tp_name;
  if (!name) return PyUnicode_FromFormat("<%s>", type_name);
  const int status = Py_ReprEnter(op);
  if (status < 0) return nullptr;
  if (status > 0) return raise(PyExc_RuntimeError, "reentrant call inside %s.__repr__", type_name);
  PyObject* result = PyUnicode_FromFormat("<%s name=%R>", type_name, name.get());
  Py_ReprLeave(op);
  return result;
}
PyObject* buffered_sizeof(Buffered* self) {
  return PyLong_FromSsize_t(Py_TYPE(object(self))->tp_basicsize + (self->buffer ? self->size : 0));
}
METHOD_AS(buffered_sizeof, "__sizeof__", 0, "($self, /)", "");
PyObject* buffered_getstate(Buffered* self) {
  return raise(PyExc_TypeError, "cannot pickle '%.100s' instances", Py_TYPE(object(self))->tp_name);
}
METHOD_AS(buffered_getstate, "__getstate__", 0, "($self, /)", "");

Status prepare(Buffered* self, PyObject* raw, Py_ssize_t size, bool readable, bool writable) {
  self->ok = false;
  self->detached = false;
  if (readable) TRY(check_readable(raw));
  if (writable) TRY(check_writable(raw));
  PyObject* old = std::exchange(self->raw, Py_NewRef(raw));
  Py_XDECREF(old);
  self->readable = readable;
  self->writable = writable;
  self->size = size;
  self->position = 0;
  self->raw_pos = 0;
  if (size <= 0) return raise(PyExc_ValueError, "buffer size must be strictly positive");
  PyMem_Free(self->buffer);
  self->buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size)));
  if (!self->buffer) {
    PyErr_NoMemory();
    return failed;
  }
  if (!self->lock) self->lock = PyThread_allocate_lock();
  if (!self->lock) return raise(PyExc_RuntimeError, "can't allocate read lock");
  self->owner = 0;
  reset_read(self);
  reset_write(self);
  // A raw stream without position is fine.
  if (raw_tell(self) == -1) PyErr_Clear();
  IoState* state = TRY(io_state_of(Py_TYPE(object(self))));
  self->fast_closed_check = Py_TYPE(raw) == state->file_io;
  self->ok = true;
  return Status::Ok;
}

template <const Signature& signature>
int init_one(PyObject* op, PyObject* args, PyObject* kwargs, bool readable, bool writable) {
  PyObject* values[2];
  if (is_failure(bind_tuple(signature, args, kwargs, values))) return -1;
  Py_ssize_t size = kDefaultBufferSize;
  if (values[1] && !convert_ssize(values[1], &size)) return -1;
  auto* self = as<Buffered>(op);
  if (readable && writable) {
    self->ok = false;
    TRY(check_seekable(values[0]));
  }
  return to_c(prepare(self, values[0], size, readable, writable));
}
constexpr Signature kReaderSignature = read_signature("BufferedReader", "(raw, buffer_size=131072)");
constexpr Signature kWriterSignature = read_signature("BufferedWriter", "(raw, buffer_size=131072)");
constexpr Signature kRandomSignature = read_signature("BufferedRandom", "(raw, buffer_size=131072)");
int reader_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  return init_one<kReaderSignature>(self, args, kwargs, true, false);
}
int writer_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  return init_one<kWriterSignature>(self, args, kwargs, false, true);
}
int random_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  return init_one<kRandomSignature>(self, args, kwargs, true, true);
}

int buffered_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* self = as<Buffered>(op);
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(self->raw);
  Py_VISIT(self->dict);
  return 0;
}
int buffered_clear(PyObject* op) {
  auto* self = as<Buffered>(op);
  self->ok = false;
  Py_CLEAR(self->raw);
  Py_CLEAR(self->dict);
  return 0;
}
void buffered_dealloc(PyObject* op) {
  auto* self = as<Buffered>(op);
  self->finalizing = 1;
  if (!io_base_finalize(op)) return;
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  self->ok = false;
  if (self->weakreflist) PyObject_ClearWeakRefs(op);
  PyMem_Free(std::exchange(self->buffer, nullptr));
  if (self->lock) PyThread_free_lock(std::exchange(self->lock, nullptr));
  buffered_clear(op);
  type->tp_free(op);
  Py_DECREF(type);
}

PyMemberDef members[] = {{"raw", _Py_T_OBJECT, offsetof(Buffered, raw), Py_READONLY, nullptr},
                         {"_finalizing", Py_T_BOOL, offsetof(Buffered, finalizing), 0, nullptr},
                         {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Buffered, weakreflist), Py_READONLY, nullptr},
                         {"__dictoffset__", Py_T_PYSSIZET, offsetof(Buffered, dict), Py_READONLY, nullptr},
                         {}};
PyGetSetDef getset[] = {{"closed", buffered_closed_get, nullptr, "Whether the raw stream is closed.", nullptr},
                        {"name", buffered_name_get, nullptr, "The raw stream's name.", nullptr},
                        {"mode", buffered_mode_get, nullptr, "The raw stream's mode.", nullptr},
                        {}};
#define COMMON_METHODS                                                                                        \
  buffered_detach_method, buffered_close_method, buffered_seekable_method, buffered_fileno_method,            \
      buffered_isatty_method, buffered_dealloc_warn_method, buffered_getstate_method, buffered_sizeof_method, \
      buffered_seek_method, buffered_tell_method, buffered_truncate_method
#define READ_METHODS                                                                           \
  buffered_read_method, buffered_peek_method, buffered_read1_method, buffered_readinto_method, \
      buffered_readinto1_method, buffered_readline_method, buffered_readable_method
PyMethodDef reader_methods[] = {COMMON_METHODS, READ_METHODS, simple_flush_method, {}};
PyMethodDef writer_methods[] = {
    COMMON_METHODS, buffered_writable_method, buffered_flush_method, buffered_write_method, {}};
PyMethodDef random_methods[] = {COMMON_METHODS,        READ_METHODS,          buffered_writable_method,
                                buffered_flush_method, buffered_write_method, {}};

constexpr char kReaderDoc[] = "BufferedReader(raw, buffer_size=DEFAULT_BUFFER_SIZE)\n--\n\nReads a raw stream ahead.";
constexpr char kWriterDoc[] = "BufferedWriter(raw, buffer_size=DEFAULT_BUFFER_SIZE)\n--\n\nCollects writes to a raw stream.";
constexpr char kRandomDoc[] =
    "BufferedRandom(raw, buffer_size=DEFAULT_BUFFER_SIZE)\n--\n\nA buffer for a raw stream that is read, written and moved in.";

#define BUFFERED_SLOTS(DOC, INIT, METHODS)                                                                            \
  {                                                                                                                   \
    {Py_tp_dealloc, reinterpret_cast<void*>(buffered_dealloc)}, {Py_tp_repr, reinterpret_cast<void*>(buffered_repr)}, \
        {Py_tp_doc, const_cast<char*>(DOC)}, {Py_tp_traverse, reinterpret_cast<void*>(buffered_traverse)},            \
        {Py_tp_clear, reinterpret_cast<void*>(buffered_clear)}, {Py_tp_methods, METHODS}, {Py_tp_members, members},   \
        {Py_tp_getset, getset}, {Py_tp_init, reinterpret_cast<void*>(INIT)},                                          \
        {Py_tp_iternext, reinterpret_cast<void*>(buffered_iternext)}, {                                               \
      0, nullptr                                                                                                      \
    }                                                                                                                 \
  }
PyType_Slot reader_slots[] = BUFFERED_SLOTS(kReaderDoc, reader_init, reader_methods);
PyType_Slot random_slots[] = BUFFERED_SLOTS(kRandomDoc, random_init, random_methods);
PyType_Slot writer_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(buffered_dealloc)},
                              {Py_tp_repr, reinterpret_cast<void*>(buffered_repr)},
                              {Py_tp_doc, const_cast<char*>(kWriterDoc)},
                              {Py_tp_traverse, reinterpret_cast<void*>(buffered_traverse)},
                              {Py_tp_clear, reinterpret_cast<void*>(buffered_clear)},
                              {Py_tp_methods, writer_methods},
                              {Py_tp_members, members},
                              {Py_tp_getset, getset},
                              {Py_tp_init, reinterpret_cast<void*>(writer_init)},
                              {0, nullptr}};

// ---- BufferedRWPair
// ---------------------------------------------------------------------------------------------------

// Two one-way streams as one; they share nothing.
struct Pair {
  PyObject_HEAD PyObject* reader;
  PyObject* writer;
  PyObject* dict;
  PyObject* weakreflist;
};
PyObject* forward(PyObject* stream, PyObject* name, PyObject* argument = nullptr) {
  if (!stream) return raise(PyExc_ValueError, "I/O operation on uninitialized object");
  return (argument ? call_method(stream, name, argument) : call_method(stream, name)).release();
}
constexpr Signature kPairSignature = read_signature("BufferedRWPair", "(reader, writer, buffer_size=131072, /)");
int pair_init(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* values[3];
  if (is_failure(bind_tuple(kPairSignature, args, kwargs, values))) return -1;
  Py_ssize_t size = kDefaultBufferSize;
  if (values[2] && !convert_ssize(values[2], &size)) return -1;
  IoState* state = TRY(io_state_of(Py_TYPE(op)));
  TRY(check_readable(values[0]));
  TRY(check_writable(values[1]));
  auto* self = as<Pair>(op);
  Ref<> reader = TRY(steal(PyObject_CallFunction(object(state->buffered_reader), "On", values[0], size)));
  Ref<> writer = TRY(steal(PyObject_CallFunction(object(state->buffered_writer), "On", values[1], size)));
  Ref<> old_reader = Ref<>::steal(std::exchange(self->reader, reader.release()));
  Ref<> old_writer = Ref<>::steal(std::exchange(self->writer, writer.release()));
  return 0;
}
#define PAIR_FORWARD(STREAM, NAME, SIGNATURE, DOC)                    \
  PyObject* pair_##NAME(Pair* self, PyObject* argument) {             \
    return forward(self->STREAM, operator""_id < #NAME>(), argument); \
  }                                                                   \
  METHOD_UNSIGNED(pair_##NAME, #NAME, 0, SIGNATURE, DOC)
#define PAIR_FORWARD_0(STREAM, NAME, DOC)                                                       \
  PyObject* pair_##NAME(Pair* self) { return forward(self->STREAM, operator""_id < #NAME>()); } \
  METHOD(pair, NAME, "($self, /)", DOC)
PAIR_FORWARD(reader, read, "($self, size=-1, /)", "As the reader's read().");
PAIR_FORWARD(reader, read1, "($self, size=-1, /)", "As the reader's read1().");
PAIR_FORWARD(reader, peek, "($self, size=0, /)", "As the reader's peek().");
PAIR_FORWARD(reader, readinto, "($self, buffer, /)", "As the reader's readinto().");
PAIR_FORWARD(reader, readinto1, "($self, buffer, /)", "As the reader's readinto1().");
PAIR_FORWARD(writer, write, "($self, buffer, /)", "As the writer's write().");
PAIR_FORWARD_0(writer, flush, "As the writer's flush().");
PAIR_FORWARD_0(reader, readable, "Whether the reader can be read.");
PAIR_FORWARD_0(writer, writable, "Whether the writer can be written.");

PyObject* pair_close(Pair* self) {
  Ref<> written = Ref<>::steal(forward(self->writer, "close"_id));
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  Ref<> result = Ref<>::steal(forward(self->reader, "close"_id));
  if (pending) {
    if (!result) {
      Ref<> second = Ref<>::steal(PyErr_GetRaisedException());
      PyException_SetContext(second, pending.release());
      PyErr_SetRaisedException(second.release());
    } else {
      PyErr_SetRaisedException(pending.release());
    }
    return nullptr;
  }
  return result.release();
}
METHOD(pair, close, "($self, /)", "Close both streams.");
PyObject* pair_isatty(Pair* self) {
  Ref<> answer = TRY(steal(forward(self->writer, "isatty"_id)));
  if (answer != Py_False) return answer.release();
  return forward(self->reader, "isatty"_id);
}
METHOD(pair, isatty, "($self, /)", "Whether one of the streams talks to a terminal.");
PyObject* pair_closed(PyObject* op, void*) {
  auto* self = as<Pair>(op);
  if (!self->writer) return raise(PyExc_RuntimeError, "the BufferedRWPair object is being garbage-collected");
  return PyObject_GetAttr(self->writer, "closed"_id);
}
int pair_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* self = as<Pair>(op);
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(self->dict);
  Py_VISIT(self->reader);
  Py_VISIT(self->writer);
  return 0;
}
int pair_clear(PyObject* op) {
  auto* self = as<Pair>(op);
  Py_CLEAR(self->reader);
  Py_CLEAR(self->writer);
  Py_CLEAR(self->dict);
  return 0;
}
void pair_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  if (as<Pair>(op)->weakreflist) PyObject_ClearWeakRefs(op);
  pair_clear(op);
  type->tp_free(op);
  Py_DECREF(type);
}
PyMethodDef pair_methods[] = {pair_read_method,      pair_peek_method,  pair_read1_method,  pair_readinto_method,
                              pair_readinto1_method, pair_write_method, pair_flush_method,  pair_readable_method,
                              pair_writable_method,  pair_close_method, pair_isatty_method, {}};
PyGetSetDef pair_getset[] = {{"closed", pair_closed, nullptr, nullptr, nullptr}, {}};
PyMemberDef pair_members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Pair, weakreflist), Py_READONLY, nullptr},
                              {"__dictoffset__", Py_T_PYSSIZET, offsetof(Pair, dict), Py_READONLY, nullptr},
                              {}};
constexpr char kPairDoc[] =
    "BufferedRWPair(reader, writer, buffer_size=DEFAULT_BUFFER_SIZE, /)\n--\n\n"
    "Two raw streams, one to read and one to write, as one buffered stream.";
PyType_Slot pair_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(pair_dealloc)},
                            {Py_tp_doc, const_cast<char*>(kPairDoc)},
                            {Py_tp_traverse, reinterpret_cast<void*>(pair_traverse)},
                            {Py_tp_clear, reinterpret_cast<void*>(pair_clear)},
                            {Py_tp_methods, pair_methods},
                            {Py_tp_members, pair_members},
                            {Py_tp_getset, pair_getset},
                            {Py_tp_init, reinterpret_cast<void*>(pair_init)},
                            {0, nullptr}};

constexpr unsigned kFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE;

}  // namespace

PyType_Spec buffered_reader_spec = {"_io.BufferedReader", sizeof(Buffered), 0, kFlags, reader_slots};
PyType_Spec buffered_writer_spec = {"_io.BufferedWriter", sizeof(Buffered), 0, kFlags, writer_slots};
PyType_Spec buffered_random_spec = {"_io.BufferedRandom", sizeof(Buffered), 0, kFlags, random_slots};
PyType_Spec buffered_rw_pair_spec = {"_io.BufferedRWPair", sizeof(Pair), 0, kFlags, pair_slots};

}  // namespace ks::io
