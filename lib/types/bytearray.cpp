// bytearray: a growing array. `ob_start` may be behind `ob_bytes`, so that removing from the front is cheap; while buffers are
// exported (ob_exports) the size must not change.
#include <algorithm>

#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "runtime/state.h"
#include "types/bytes_methods.h"
#include "types/int.h"

KS_EXPORT PyObject* _PyObject_GetState(PyObject* o);
char _PyByteArray_empty_string[] = "";

namespace ks {

PyObject* bytearray_iterate(PyObject* o);  // bytes.cpp

static char* data_of(PyObject* o) { return PyByteArray_AS_STRING(o); }

static Status can_resize(PyByteArrayObject* self) {
  if (self->ob_exports > 0) return raise(PyExc_BufferError, "Existing exports of data: object cannot be re-sized");
  return Status::Ok;
}

// Changes the size; new bytes are undefined, the terminator is set.
static Status resize(PyByteArrayObject* self, Py_ssize_t size) {
  if (size == Py_SIZE(self)) return Status::Ok;
  TRY(can_resize(self));
  const Py_ssize_t offset = self->ob_start ? self->ob_start - self->ob_bytes : 0;
  Py_ssize_t alloc = self->ob_alloc;
  if (size > PY_SSIZE_T_MAX - 64 - offset) {
    PyErr_NoMemory();
    return failed;
  }
  if (size + offset + 1 <= alloc) {
    if (size >= alloc / 2) {
      // Fits as it is.
      Py_SET_SIZE(self, size);
      self->ob_start[size] = '\0';
      return Status::Ok;
    }
    if (size < alloc / 2) alloc = size + 1;  // a major decrease
  } else if (size - alloc <= (alloc >> 3) && size <= PY_SSIZE_T_MAX / 2) {
    alloc = size + (size >> 3) + (size < 9 ? 3 : 6);
  } else {
    alloc = size + 1;
  }
  char* memory;
  if (offset > 0) {
    memory = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(alloc)));
    if (memory) {
      memcpy(memory, self->ob_start, static_cast<size_t>(std::min(size, Py_SIZE(self))));
      PyMem_Free(self->ob_bytes);
    }
  } else {
    memory = static_cast<char*>(PyMem_Realloc(self->ob_bytes, static_cast<size_t>(alloc)));
  }
  if (!memory) {
    PyErr_NoMemory();
    return failed;
  }
  self->ob_bytes = self->ob_start = memory;
  self->ob_alloc = alloc;
  Py_SET_SIZE(self, size);
  memory[size] = '\0';
  return Status::Ok;
}

// self[low:high] = the given bytes, which do not lie in self.
static Status replace_range(PyByteArrayObject* self, Py_ssize_t low, Py_ssize_t high, const char* data, Py_ssize_t count) {
  const Py_ssize_t size = Py_SIZE(self), growth = count - (high - low);
  if (growth != 0) TRY(can_resize(self));
  if (growth < 0 && low == 0) {  // from the front: move the start
    self->ob_start -= growth;
    Py_SET_SIZE(self, size + growth);
    // Give memory back when most of it is behind the start.
    if (Py_SIZE(self) + 1 < self->ob_alloc / 2) {
      const Py_ssize_t kept = Py_SIZE(self);
      auto* memory = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(kept) + 1));
      if (memory) {
        memcpy(memory, self->ob_start, static_cast<size_t>(kept));
        memory[kept] = '\0';
        PyMem_Free(self->ob_bytes);
        self->ob_bytes = self->ob_start = memory;
        self->ob_alloc = kept + 1;
      }
    }
  } else if (growth < 0) {
    char* text = self->ob_start;
    memmove(text + low + count, text + high, static_cast<size_t>(size - high));
    TRY(resize(self, size + growth));
  } else if (growth > 0) {
    if (size > PY_SSIZE_T_MAX - growth) {
      PyErr_NoMemory();
      return failed;
    }
    TRY(resize(self, size + growth));
    char* text = self->ob_start;
    memmove(text + high + growth, text + high, static_cast<size_t>(size - high));
  }
  if (count) memcpy(self->ob_start + low, data, static_cast<size_t>(count));
  return Status::Ok;
}
static Status assign_range(PyByteArrayObject* self, Py_ssize_t low, Py_ssize_t high, PyObject* values) {
  if (values == object(self)) {
    Ref<> copy = TRY(steal(PyByteArray_FromStringAndSize(data_of(values), Py_SIZE(values))));
    return assign_range(self, low, high, copy);
  }
  if (!values) return replace_range(self, low, high, nullptr, 0);
  Py_buffer view;
  if (PyObject_GetBuffer(values, &view, PyBUF_SIMPLE) < 0)
    return raise(PyExc_TypeError, "can't set bytearray slice from %.100s", Py_TYPE(values)->tp_name);
  // Acquiring the buffer may have run code.
  low = std::clamp<Py_ssize_t>(low, 0, Py_SIZE(self));
  high = std::clamp<Py_ssize_t>(high, low, Py_SIZE(self));
  const Status result = replace_range(self, low, high, static_cast<const char*>(view.buf), view.len);
  PyBuffer_Release(&view);
  return result;
}

// ---- methods ---------------------------------------------------------------------------------------------------------

static constexpr char kByteRange[] = "byte must be in range(0, 256)";

Status bytearray_append(PyByteArrayObject* self, PyObject* item) {
  const int value = TRY(byte_value(item, kByteRange));
  const Py_ssize_t size = Py_SIZE(self);
  if (size == PY_SSIZE_T_MAX) return raise(PyExc_OverflowError, "cannot add more objects to bytearray");
  TRY(resize(self, size + 1));
  self->ob_start[size] = static_cast<char>(value);
  return Status::Ok;
}
Status bytearray_clear(PyByteArrayObject* self) { return resize(self, 0); }
PyObject* bytearray_copy(PyByteArrayObject* self) { return PyByteArray_FromStringAndSize(data_of(object(self)), Py_SIZE(self)); }
Status bytearray_extend(PyByteArrayObject* self, PyObject* iterable) {
  if (PyObject_CheckBuffer(iterable)) return assign_range(self, Py_SIZE(self), Py_SIZE(self), iterable);
  Ref<> iterator = steal(PyObject_GetIter(iterable));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError))
      return raise(PyExc_TypeError, "can't extend bytearray with %.100s", Py_TYPE(iterable)->tp_name);
    return failed;
  }
  if (PyObject_LengthHint(iterable, 32) < 0) return failed;
  // Collected first: the iterator may look at the bytearray.
  BytesBuilder builder;
  for (;;) {
    Ref<> item;
    const int more = PyIter_NextItem(iterator, item.out());
    if (more < 0) return failed;
    if (!more) break;
    const int value = byte_value(item, kByteRange);
    if (value < 0) {
      if (PyErr_ExceptionMatches(PyExc_TypeError) && PyUnicode_Check(iterable))
        return raise(PyExc_TypeError, "expected iterable of integers; got: 'str'");
      return failed;
    }
    TRY(builder.append(static_cast<char>(value)));
  }
  return replace_range(self, Py_SIZE(self), Py_SIZE(self), builder.data(), builder.size());
}
Status bytearray_insert(PyByteArrayObject* self, Py_ssize_t index, PyObject* item) {
  const char value = static_cast<char>(TRY(byte_value(item, kByteRange)));
  const Py_ssize_t size = Py_SIZE(self);
  if (size == PY_SSIZE_T_MAX) return raise(PyExc_OverflowError, "cannot add more objects to bytearray");
  if (index < 0) index += size;
  index = std::clamp<Py_ssize_t>(index, 0, size);
  return replace_range(self, index, index, &value, 1);
}
PyObject* bytearray_pop(PyByteArrayObject* self, Py_ssize_t index) {
  const Py_ssize_t size = Py_SIZE(self);
  if (size == 0) return raise(PyExc_IndexError, "pop from empty bytearray");
  if (index < 0) index += size;
  if (index < 0 || index >= size) return raise(PyExc_IndexError, "pop index out of range");
  TRY(can_resize(self));
  const auto value = static_cast<unsigned char>(self->ob_start[index]);
  TRY(replace_range(self, index, index + 1, nullptr, 0));
  return int_small(value);
}
Status bytearray_remove(PyByteArrayObject* self, PyObject* item) {
  const int value = TRY(byte_value(item, kByteRange));
  const auto* found = Py_SIZE(self) ? static_cast<char*>(memchr(self->ob_start, value, static_cast<size_t>(Py_SIZE(self)))) : nullptr;
  if (!found) return raise(PyExc_ValueError, "value not found in bytearray");
  const Py_ssize_t index = found - self->ob_start;
  return replace_range(self, index, index + 1, nullptr, 0);
}
Status bytearray_resize(PyByteArrayObject* self, Py_ssize_t size) {
  const Py_ssize_t old = Py_SIZE(self);
  if (size < 0) return raise(PyExc_ValueError, "Can only resize to positive sizes, got %zd", size);
  TRY(resize(self, size));
  if (size > old) memset(self->ob_start + old, 0, static_cast<size_t>(size - old));
  return Status::Ok;
}
Status bytearray_reverse(PyByteArrayObject* self) {
  if (Py_SIZE(self)) std::reverse(self->ob_start, self->ob_start + Py_SIZE(self));
  return Status::Ok;
}
static PyObject* reduce(PyObject* self, int protocol) {
  Ref<> state = TRY(steal(_PyObject_GetState(self)));
  const char* data = data_of(self);
  const Py_ssize_t size = Py_SIZE(self);
  if (!size) return Py_BuildValue("(O()N)", Py_TYPE(self), state.release());
  if (protocol < 3) {
    Ref<> text = TRY(steal(PyUnicode_DecodeLatin1(data, size, nullptr)));
    return Py_BuildValue("(O(Os)N)", Py_TYPE(self), text.get(), "latin-1", state.release());
  }
  return Py_BuildValue("(O(y#)N)", Py_TYPE(self), data, size, state.release());
}
PyObject* bytearray_reduce(PyObject* self) { return reduce(self, 2); }
PyObject* bytearray_reduce_ex(PyObject* self, int protocol) { return reduce(self, protocol); }
Py_ssize_t bytearray_size_method(PyByteArrayObject* self) { return Py_TYPE(self)->tp_basicsize + self->ob_alloc; }
Py_ssize_t bytearray_alloc(PyByteArrayObject* self) { return self->ob_alloc; }

// ---- life ------------------------------------------------------------------------------------------------------------

namespace {

constexpr Signature init_signature = read_signature("bytearray", "(source=b'', encoding='', errors='')");

int fill(PyByteArrayObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* values[3] = {};
  if (is_failure(bind_tuple(init_signature, args, kwargs, values))) return -1;
  for (int i = 1; i < 3; ++i)
    if (values[i] && !PyUnicode_Check(values[i])) return raise_bad_argument(init_signature, i, "str", values[i]);
  if (Py_SIZE(self) && is_failure(resize(self, 0))) return -1;
  PyObject* source = values[0];
  Ref<> encoded;
  const Found is_text = bytes_encode_source(source, values[1], values[2], &encoded);
  if (is_text == Found::Error) return -1;
  if (is_text == Found::Yes) return to_c(assign_range(self, 0, 0, encoded));
  if (!source) return 0;
  if (PyUnicode_Check(source)) return raise(PyExc_TypeError, "string argument without an encoding");
  if (PyIndex_Check(source)) {
    const Py_ssize_t count = PyNumber_AsSsize_t(source, PyExc_OverflowError);
    if (count == -1 && PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
      PyErr_Clear();
    } else {
      if (count < 0) return raise(PyExc_ValueError, "negative count");
      if (count) {
        TRY(resize(self, count));
        memset(self->ob_start, 0, static_cast<size_t>(count));
      }
      return 0;
    }
  }
  if (PyObject_CheckBuffer(source)) {
    Py_buffer view;
    if (PyObject_GetBuffer(source, &view, PyBUF_FULL_RO) < 0) return -1;
    int result = to_c(resize(self, view.len));
    if (result == 0 && view.len) result = PyBuffer_ToContiguous(self->ob_start, &view, view.len, 'C');
    PyBuffer_Release(&view);
    return result;
  }
  if (PyList_CheckExact(source) || PyTuple_CheckExact(source)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(source); ++i) {
      Ref<> item = borrow(PySequence_Fast_GET_ITEM(source, i));
      if (is_failure(bytearray_append(self, item))) return -1;
    }
    return 0;
  }
  Ref<> iterator = steal(PyObject_GetIter(source));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError))
      return raise(PyExc_TypeError, "cannot convert '%.200s' object to bytearray", Py_TYPE(source)->tp_name);
    return -1;
  }
  for (;;) {
    Ref<> item;
    const int more = PyIter_NextItem(iterator, item.out());
    if (more <= 0) return more;
    if (is_failure(bytearray_append(self, item))) return -1;
  }
}
int init(PyByteArrayObject* self, PyObject* args, PyObject* kwargs) {
  if (fill(self, args, kwargs) == 0) return 0;
  // What came before the error does not stay.
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (self->ob_exports == 0 && is_failure(resize(self, 0))) PyErr_Clear();
  PyErr_SetRaisedException(exception.release());
  return -1;
}
void dealloc(PyByteArrayObject* self) {
  if (self->ob_exports > 0) {
    PyErr_SetString(PyExc_SystemError, "deallocated bytearray object has exported buffers");
    PyErr_Print();
  }
  PyMem_Free(self->ob_bytes);
  Py_TYPE(self)->tp_free(self);
}
PyObject* repr(PyByteArrayObject* self) {
  const std::string_view content(data_of(object(self)), static_cast<size_t>(Py_SIZE(self)));
  Ref<> text = TRY(steal(bytes_repr_of(content, true, true)));
  const char* name = strrchr(Py_TYPE(self)->tp_name, '.');
  return PyUnicode_FromFormat("%s(%U)", name ? name + 1 : Py_TYPE(self)->tp_name, text.get());
}
PyObject* str(PyByteArrayObject* self) {
  if (interpreter()->core.config.bytes_warning) TRY(PyErr_WarnEx(PyExc_BytesWarning, "str() on a bytearray instance", 1));
  return repr(self);
}
PyObject* compare(PyObject* a, PyObject* b, int operation) {
  if (!PyObject_CheckBuffer(a) || !PyObject_CheckBuffer(b)) {
    if (interpreter()->core.config.bytes_warning && (operation == Py_EQ || operation == Py_NE) && (PyUnicode_Check(a) || PyUnicode_Check(b)))
      TRY(PyErr_WarnEx(PyExc_BytesWarning, "Comparison between bytearray and string", 1));
    Py_RETURN_NOTIMPLEMENTED;
  }
  BytesLike left(a);
  if (!left.good()) {
    PyErr_Clear();
    Py_RETURN_NOTIMPLEMENTED;
  }
  BytesLike right(b);
  if (!right.good()) {
    PyErr_Clear();
    Py_RETURN_NOTIMPLEMENTED;
  }
  if (left.size() != right.size() && (operation == Py_EQ || operation == Py_NE)) return PyBool_FromLong(operation == Py_NE);
  int order = memcmp(left.data(), right.data(), static_cast<size_t>(std::min(left.size(), right.size())));
  if (order == 0) order = (left.size() > right.size()) - (left.size() < right.size());
  Py_RETURN_RICHCOMPARE(order, 0, operation);
}

// ---- sequence, mapping, buffer -----------------------------------------------------------------------------------------

Py_ssize_t length(PyObject* o) { return Py_SIZE(o); }
PyObject* concatenate(PyObject* a, PyObject* b) { return PyByteArray_Concat(a, b); }
PyObject* concatenate_in_place(PyByteArrayObject* self, PyObject* other) {
  Py_buffer view;
  if (PyObject_GetBuffer(other, &view, PyBUF_SIMPLE) < 0)
    return raise(PyExc_TypeError, "can't concat %.100s to %.100s", Py_TYPE(other)->tp_name, Py_TYPE(self)->tp_name);
  const Py_ssize_t size = Py_SIZE(self), more = view.len;
  Status result = Status::Error;
  if (object(self) == other) {  // the export forbids resizing while it is held
    PyBuffer_Release(&view);
    result = resize(self, size + more);
    if (result == Status::Ok) memcpy(self->ob_start + size, self->ob_start, static_cast<size_t>(more));
  } else {
    if (size > PY_SSIZE_T_MAX - more) PyErr_NoMemory();
    else result = resize(self, size + more);
    if (result == Status::Ok && more) memcpy(self->ob_start + size, view.buf, static_cast<size_t>(more));
    PyBuffer_Release(&view);
  }
  return result == Status::Ok ? Py_NewRef(object(self)) : nullptr;
}
PyObject* repeat(PyByteArrayObject* self, Py_ssize_t count) {
  count = std::max<Py_ssize_t>(count, 0);
  const Py_ssize_t size = Py_SIZE(self);
  if (count && size > PY_SSIZE_T_MAX / count) return PyErr_NoMemory();
  PyObject* result = TRY(PyByteArray_FromStringAndSize(nullptr, size * count));
  const char* source = data_of(object(self));
  char* out = data_of(result);
  for (Py_ssize_t i = 0; size && i < count; ++i) memcpy(out + i * size, source, static_cast<size_t>(size));
  return result;
}
PyObject* repeat_in_place(PyByteArrayObject* self, Py_ssize_t count) {
  count = std::max<Py_ssize_t>(count, 0);
  if (count == 1) return Py_NewRef(object(self));
  const Py_ssize_t size = Py_SIZE(self);
  if (count && size > PY_SSIZE_T_MAX / count) return PyErr_NoMemory();
  TRY(resize(self, size * count));
  for (Py_ssize_t i = 1; size && i < count; ++i) memcpy(self->ob_start + i * size, self->ob_start, static_cast<size_t>(size));
  return Py_NewRef(object(self));
}
PyObject* item(PyByteArrayObject* self, Py_ssize_t index) {
  if (index < 0 || index >= Py_SIZE(self)) return raise(PyExc_IndexError, "bytearray index out of range");
  return int_small(static_cast<unsigned char>(self->ob_start[index]));
}
int assign_item(PyByteArrayObject* self, Py_ssize_t index, PyObject* value) {
  if (index < 0 || index >= Py_SIZE(self)) return raise(PyExc_IndexError, "bytearray index out of range");
  if (!value) return to_c(replace_range(self, index, index + 1, nullptr, 0));
  const int byte = byte_value(value, kByteRange);
  if (byte < 0) return -1;
  if (index >= Py_SIZE(self)) return raise(PyExc_IndexError, "bytearray index out of range");  // __index__ may have shortened it
  self->ob_start[index] = static_cast<char>(byte);
  return 0;
}
int contains(PyObject* o, PyObject* value) { return to_c(bytes_contains(o, value)); }
PyObject* subscript(PyByteArrayObject* self, PyObject* key) {
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    if (index < 0) index += Py_SIZE(self);
    return item(self, index);
  }
  if (!PySlice_Check(key)) return raise(PyExc_TypeError, "bytearray indices must be integers or slices, not %.200s", Py_TYPE(key)->tp_name);
  Py_ssize_t start, stop, step;
  TRY(PySlice_Unpack(key, &start, &stop, &step));
  const Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(self), &start, &stop, step);
  if (count <= 0) return PyByteArray_FromStringAndSize("", 0);
  if (step == 1) return PyByteArray_FromStringAndSize(self->ob_start + start, count);
  PyObject* result = TRY(PyByteArray_FromStringAndSize(nullptr, count));
  for (Py_ssize_t i = 0, at = start; i < count; ++i, at += step) data_of(result)[i] = self->ob_start[at];
  return result;
}
int assign_subscript(PyByteArrayObject* self, PyObject* key, PyObject* values) {
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return -1;
    // The value's __index__ comes first: it may change the size.
    int byte = 0;
    if (values && (byte = byte_value(values, kByteRange)) < 0) return -1;
    if (index < 0) index += Py_SIZE(self);
    if (index < 0 || index >= Py_SIZE(self)) return raise(PyExc_IndexError, "bytearray index out of range");
    if (!values) return to_c(replace_range(self, index, index + 1, nullptr, 0));
    self->ob_start[index] = static_cast<char>(byte);
    return 0;
  }
  if (!PySlice_Check(key)) return raise(PyExc_TypeError, "bytearray indices must be integers or slices, not %.200s", Py_TYPE(key)->tp_name);
  Ref<> converted;
  if (values && (values == object(self) || !PyByteArray_Check(values))) {
    if (PyLong_Check(values) || PyUnicode_Check(values))
      return raise(PyExc_TypeError, "can assign only bytes, buffers, or iterables of ints in range(0, 256)");
    converted = TRY(steal(PyByteArray_FromObject(values)));
    values = converted;
  }
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(key, &start, &stop, &step) < 0) return -1;
  const Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(self), &start, &stop, step);
  const Py_ssize_t needed = values ? Py_SIZE(values) : 0;
  const char* data = values ? data_of(values) : nullptr;
  if ((step < 0 && start < stop) || (step > 0 && start > stop)) stop = start;
  if (step == 1) return to_c(replace_range(self, start, stop, data, needed));
  if (needed == 0) {  // remove every step-th
    if (count == 0) return 0;
    if (is_failure(can_resize(self))) return -1;
    if (step < 0) {
      stop = start + 1;
      start = stop + step * (count - 1) - 1;
      step = -step;
    }
    char* text = self->ob_start;
    Py_ssize_t out = start;
    for (Py_ssize_t i = 0; i < count; ++i) {
      const Py_ssize_t from = start + i * step + 1;
      const Py_ssize_t until = i + 1 < count ? start + (i + 1) * step : Py_SIZE(self);
      memmove(text + out, text + from, static_cast<size_t>(until - from));
      out += until - from;
    }
    return to_c(resize(self, Py_SIZE(self) - count));
  }
  if (needed != count)
    return raise(PyExc_ValueError, "attempt to assign bytes of size %zd to extended slice of size %zd", needed, count);
  for (Py_ssize_t i = 0, at = start; i < count; ++i, at += step) self->ob_start[at] = data[i];
  return 0;
}
int get_buffer(PyByteArrayObject* self, Py_buffer* view, int flags) {
  if (!view) return raise(PyExc_BufferError, "bytearray_getbuffer: view==NULL argument is obsolete");
  const int result = PyBuffer_FillInfo(view, object(self), data_of(object(self)), Py_SIZE(self), 0, flags);
  if (result == 0) ++self->ob_exports;
  return result;
}
void release_buffer(PyByteArrayObject* self, Py_buffer*) { --self->ob_exports; }
PyObject* percent(PyObject* a, PyObject* b) {
  if (!PyByteArray_Check(a)) Py_RETURN_NOTIMPLEMENTED;
  return bytes_percent(a, b);
}

PyNumberMethods number_slots = {.nb_remainder = percent};
PySequenceMethods sequence_slots = {
    .sq_length = length, .sq_concat = concatenate, .sq_repeat = KS_CONSTANT_CAST(ssizeargfunc, repeat),
    .sq_item = KS_CONSTANT_CAST(ssizeargfunc, item), .sq_ass_item = KS_CONSTANT_CAST(ssizeobjargproc, assign_item),
    .sq_contains = contains, .sq_inplace_concat = KS_CONSTANT_CAST(binaryfunc, concatenate_in_place),
    .sq_inplace_repeat = KS_CONSTANT_CAST(ssizeargfunc, repeat_in_place)};
PyMappingMethods mapping_slots = {.mp_length = length, .mp_subscript = KS_CONSTANT_CAST(binaryfunc, subscript),
                                  .mp_ass_subscript = KS_CONSTANT_CAST(objobjargproc, assign_subscript)};
PyBufferProcs buffer_slots = {KS_CONSTANT_CAST(getbufferproc, get_buffer), KS_CONSTANT_CAST(releasebufferproc, release_buffer)};

}  // namespace
}  // namespace ks

using namespace ks;

// New; NULL with MemoryError. NULL text: uninitialised bytes.
PyObject* PyByteArray_FromStringAndSize(const char* text, Py_ssize_t size) {
  if (size < 0) {
    PyErr_SetString(PyExc_SystemError, "Negative size passed to PyByteArray_FromStringAndSize");
    return nullptr;
  }
  if (size == PY_SSIZE_T_MAX) return PyErr_NoMemory();
  auto* o = PyObject_New(PyByteArrayObject, &PyByteArray_Type);
  if (!o) return nullptr;
  o->ob_alloc = 0;
  o->ob_bytes = o->ob_start = nullptr;
  o->ob_exports = 0;
  Py_SET_SIZE(o, size);
  if (size) {
    o->ob_bytes = o->ob_start = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size) + 1));
    if (!o->ob_bytes) {
      Py_DECREF(o);
      return PyErr_NoMemory();
    }
    o->ob_alloc = size + 1;
    if (text) memcpy(o->ob_bytes, text, static_cast<size_t>(size));
    o->ob_bytes[size] = '\0';
  }
  return object(o);
}
// bytearray(o). New; NULL on error.
PyObject* PyByteArray_FromObject(PyObject* o) { return PyObject_CallOneArg(object(&PyByteArray_Type), o); }
Py_ssize_t PyByteArray_Size(PyObject* o) { return Py_SIZE(o); }
char* PyByteArray_AsString(PyObject* o) { return data_of(o); }
// 0, or -1 with BufferError or MemoryError.
int PyByteArray_Resize(PyObject* o, Py_ssize_t size) {
  if (size < 0) return raise(PyExc_ValueError, "Can only resize to positive sizes, got %zd", size);
  return to_c(resize(as<PyByteArrayObject>(o), size));
}
// New bytearray of two buffers; NULL on error.
PyObject* PyByteArray_Concat(PyObject* a, PyObject* b) {
  Py_buffer left{}, right{};
  PyObject* result = nullptr;
  if (PyObject_GetBuffer(a, &left, PyBUF_SIMPLE) < 0 || PyObject_GetBuffer(b, &right, PyBUF_SIMPLE) < 0) {
    PyErr_Format(PyExc_TypeError, "can't concat %.100s to %.100s", Py_TYPE(b)->tp_name, Py_TYPE(a)->tp_name);
  } else if (left.len > PY_SSIZE_T_MAX - right.len) {
    PyErr_NoMemory();
  } else if ((result = PyByteArray_FromStringAndSize(nullptr, left.len + right.len))) {
    if (left.len) memcpy(data_of(result), left.buf, static_cast<size_t>(left.len));
    if (right.len) memcpy(data_of(result) + left.len, right.buf, static_cast<size_t>(right.len));
  }
  if (left.obj) PyBuffer_Release(&left);
  if (right.obj) PyBuffer_Release(&right);
  return result;
}

PyTypeObject PyByteArray_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "bytearray",
    .tp_basicsize = sizeof(PyByteArrayObject),
    .tp_dealloc = reinterpret_cast<destructor>(ks::dealloc),
    .tp_repr = reinterpret_cast<reprfunc>(ks::repr),
    .tp_as_number = &ks::number_slots,
    .tp_as_sequence = &ks::sequence_slots,
    .tp_as_mapping = &ks::mapping_slots,
    .tp_str = reinterpret_cast<reprfunc>(ks::str),
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_as_buffer = &ks::buffer_slots,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | _Py_TPFLAGS_MATCH_SELF,
    .tp_doc = "bytearray(iterable_of_ints) -> bytearray\nbytearray(string, encoding[, errors]) -> bytearray\n"
              "bytearray(bytes_or_buffer) -> mutable copy of bytes_or_buffer\n"
              "bytearray(int) -> bytes array of size given by the parameter initialized with null bytes\n"
              "bytearray() -> empty bytes array\n\n"
              "A mutable array of bytes, made from an iterable of ints in range(256), a text string and its encoding, a bytes or\n"
              "buffer object, any object with the buffer protocol, or an int.",
    .tp_richcompare = ks::compare,
    .tp_iter = ks::bytearray_iterate,
    .tp_methods = ks::bytearray_methods,
    .tp_init = reinterpret_cast<initproc>(ks::init),
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = PyType_GenericNew,
    .tp_free = PyObject_Free,
};
