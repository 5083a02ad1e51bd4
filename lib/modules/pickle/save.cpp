// Saving objects: the builtin types by their own opcodes, all others by their reduction (reduce.cpp).
#include <cstring>

#include "modules/pickle/pickle.h"

namespace ks {
namespace {

void store_size(char* out, Py_ssize_t size, int bytes) {
  for (int i = 0; i < bytes; ++i) out[i] = static_cast<char>(static_cast<size_t>(size) >> (8 * i));
}

Status save_long(Pickler* self, PyObject* object) {
  char data[48];
  int overflow;
  const long value = PyLong_AsLongAndOverflow(object, &overflow);
  if (value == -1 && !overflow && PyErr_Occurred()) return Status::Error;
  if (!overflow && value >= -0x80000000L && value <= 0x7fffffffL) {
    if (!self->bin) return pickle_write(self, data, PyOS_snprintf(data, sizeof data, "%c%ld\n", kInt, value));
    store_size(data + 1, value, 4);
    if (value >= 0 && value < 256) {
      data[0] = kBinInt1;
      return pickle_write(self, data, 2);
    }
    if (value >= 0 && value < 65536) {
      data[0] = kBinInt2;
      return pickle_write(self, data, 3);
    }
    data[0] = kBinInt;
    return pickle_write(self, data, 5);
  }
  if (self->proto < 2) {
    Ref<> text = TRY(steal(PyLong_Type.tp_repr(object)));
    Py_ssize_t size;
    const char* digits = TRY(PyUnicode_AsUTF8AndSize(text, &size));
    TRY(pickle_write_op(self, kLong));
    TRY(pickle_write(self, digits, size));
    return pickle_write(self, "L\n", 2);
  }
  const Py_ssize_t room = PyLong_AsNativeBytes(object, nullptr, 0, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
  if (room < 0) return Status::Error;
  if (room > 0x7fffffff) return raise(PyExc_OverflowError, "int too large to pickle");
  auto* bytes = static_cast<unsigned char*>(PyMem_Malloc(static_cast<size_t>(room) + 1));
  if (!bytes) {
    PyErr_NoMemory();
    return Status::Error;
  }
  Status result = Status::Error;
  if (PyLong_AsNativeBytes(object, bytes, room, Py_ASNATIVEBYTES_LITTLE_ENDIAN) >= 0) {
    // The shortest two's complement.
    Py_ssize_t size = room;
    while (size > 1 && ((bytes[size - 1] == 0xff && (bytes[size - 2] & 0x80)) || (bytes[size - 1] == 0 && !(bytes[size - 2] & 0x80)))) --size;
    if (size < 256) {
      data[0] = kLong1;
      data[1] = static_cast<char>(size);
      result = pickle_write(self, data, 2);
    } else {
      data[0] = kLong4;
      store_size(data + 1, size, 4);
      result = pickle_write(self, data, 5);
    }
    if (!is_failure(result)) result = pickle_write(self, reinterpret_cast<char*>(bytes), size);
  }
  PyMem_Free(bytes);
  return result;
}

Status save_float(Pickler* self, PyObject* object) {
  const double value = PyFloat_AS_DOUBLE(object);
  if (self->bin) {
    char data[9];
    data[0] = kBinFloat;
    TRY(PyFloat_Pack8(value, data + 1, 0));
    return pickle_write(self, data, 9);
  }
  char* text = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr);
  if (!text) {
    PyErr_NoMemory();
    return Status::Error;
  }
  Status result = pickle_write_op(self, kFloat);
  if (!is_failure(result)) result = pickle_write(self, text, static_cast<Py_ssize_t>(strlen(text)));
  if (!is_failure(result)) result = pickle_write(self, "\n", 1);
  PyMem_Free(text);
  return result;
}

Status save_bool(Pickler* self, PyObject* object) {
  if (self->proto >= 2) return pickle_write_op(self, object == Py_True ? kNewTrue : kNewFalse);
  return pickle_write(self, object == Py_True ? "I01\n" : "I00\n", 4);
}

// ---- bytes -----------------------------------------------------------------------------------------------------------

Status save_bytes_data(PickleState* state, Pickler* self, PyObject* object, const char* data, Py_ssize_t size) {
  char header[9];
  Py_ssize_t header_size;
  if (size <= 0xff) {
    header[0] = kShortBinBytes;
    header_size = 2;
  } else if (static_cast<size_t>(size) <= 0xffffffff) {
    header[0] = kBinBytes;
    header_size = 5;
  } else if (self->proto >= 4) {
    header[0] = kBinBytes8;
    header_size = 9;
  } else {
    return raise(PyExc_OverflowError, "serializing a bytes object larger than 4 GiB requires pickle protocol 4 or higher");
  }
  store_size(header + 1, size, static_cast<int>(header_size) - 1);
  TRY(pickle_write_block(self, header, header_size, data, size, object));
  return pickle_memo_put(state, self, object);
}
Status save_bytearray_data(PickleState* state, Pickler* self, PyObject* object, const char* data, Py_ssize_t size) {
  char header[9] = {kByteArray8};
  store_size(header + 1, size, 8);
  TRY(pickle_write_block(self, header, 9, data, size, object));
  return pickle_memo_put(state, self, object);
}

Status save_bytes(PickleState* state, Pickler* self, PyObject* object) {
  if (self->proto >= 3) return save_bytes_data(state, self, object, PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
  // Python 2 has no such type: text with characters below 256, encoded when it is loaded.
  Ref<> reduced;
  if (PyBytes_GET_SIZE(object) == 0) {
    reduced = steal(Py_BuildValue("(O())", &PyBytes_Type));
  } else {
    Ref<> text = TRY(steal(PyUnicode_DecodeLatin1(PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object), "strict")));
    reduced = steal(Py_BuildValue("(O(OO))", state->codecs_encode, text.get(), "latin1"_id));
  }
  if (!reduced) return failed;
  return pickle_save_reduce(state, self, reduced, object);
}

Status save_bytearray(PickleState* state, Pickler* self, PyObject* object) {
  if (self->proto >= 5) return save_bytearray_data(state, self, object, PyByteArray_AS_STRING(object), PyByteArray_GET_SIZE(object));
  Ref<> reduced;
  if (PyByteArray_GET_SIZE(object) == 0) {
    reduced = steal(Py_BuildValue("(O())", &PyByteArray_Type));
  } else {
    Ref<> bytes = TRY(steal(PyBytes_FromObject(object)));
    reduced = steal(Py_BuildValue("(O(O))", &PyByteArray_Type, bytes.get()));
  }
  if (!reduced) return failed;
  return pickle_save_reduce(state, self, reduced, object);
}

Status save_picklebuffer(PickleState* state, Pickler* self, PyObject* object) {
  if (self->proto < 5) return raise(state->pickling_error, "PickleBuffer can only be pickled with protocol >= 5");
  const Py_buffer* own = TRY(PyPickleBuffer_GetBuffer(object));
  if (own->suboffsets || !PyBuffer_IsContiguous(own, 'A'))
    return raise(state->pickling_error, "PickleBuffer can not be pickled when pointing to a non-contiguous buffer");
  // Held: the callback may release the PickleBuffer.
  BufferArgument buffer;
  TRY(PyObject_GetBuffer(object, &buffer.view, PyBUF_FULL_RO));
  bool in_band = true;
  if (self->buffer_callback) {
    Ref<> answer = TRY(steal(PyObject_CallOneArg(self->buffer_callback, object)));
    in_band = TRY(PyObject_IsTrue(answer)) != 0;
  }
  if (in_band) {
    const auto* data = static_cast<const char*>(buffer.view.buf);
    return buffer.view.readonly ? save_bytes_data(state, self, object, data, buffer.size()) : save_bytearray_data(state, self, object, data, buffer.size());
  }
  TRY(pickle_write_op(self, kNextBuffer));
  return buffer.view.readonly ? pickle_write_op(self, kReadonlyBuffer) : Status::Ok;
}

// ---- str -------------------------------------------------------------------------------------------------------------

// raw-unicode-escape, where also what would break the line or the escape is escaped.
Ref<> raw_unicode_escape(PyObject* text) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
  const int kind = PyUnicode_KIND(text);
  const void* data = PyUnicode_DATA(text);
  if (length > PY_SSIZE_T_MAX / 10) {
    PyErr_NoMemory();
    return nullptr;
  }
  Py_ssize_t size = 0;
  auto width = [](Py_UCS4 c) {
    return c >= 0x10000 ? 10 : (c >= 256 || c == '\\' || c == 0 || c == '\n' || c == '\r' || c == 0x1a) ? 6 : 1;
  };
  for (Py_ssize_t i = 0; i < length; ++i) size += width(PyUnicode_READ(kind, data, i));
  Ref<> result = TRY(steal(PyBytes_FromStringAndSize(nullptr, size)));
  char* out = PyBytes_AS_STRING(result.get());
  for (Py_ssize_t i = 0; i < length; ++i) {
    const Py_UCS4 c = PyUnicode_READ(kind, data, i);
    const int w = width(c);
    if (w == 1) {
      *out++ = static_cast<char>(c);
      continue;
    }
    *out++ = '\\';
    *out++ = w == 10 ? 'U' : 'u';
    for (int shift = (w - 3) * 4; shift >= 0; shift -= 4) *out++ = "0123456789abcdef"[(c >> shift) & 15];
  }
  return result;
}

Status save_unicode(PickleState* state, Pickler* self, PyObject* object) {
  if (!self->bin) {
    Ref<> encoded = TRY(raw_unicode_escape(object));
    TRY(pickle_write_op(self, kUnicode));
    TRY(pickle_write(self, PyBytes_AS_STRING(encoded.get()), PyBytes_GET_SIZE(encoded.get())));
    TRY(pickle_write(self, "\n", 1));
    return pickle_memo_put(state, self, object);
  }
  Ref<> encoded;
  Py_ssize_t size;
  const char* data;
  if (PyUnicode_IS_COMPACT_ASCII(object)) {
    size = PyUnicode_GET_LENGTH(object);
    data = static_cast<const char*>(PyUnicode_DATA(object));
  } else if (!(data = PyUnicode_AsUTF8AndSize(object, &size))) {
    PyErr_Clear();  // surrogates
    encoded = TRY(steal(PyUnicode_AsEncodedString(object, "utf-8", "surrogatepass")));
    data = PyBytes_AS_STRING(encoded.get());
    size = PyBytes_GET_SIZE(encoded.get());
  }
  char header[9];
  Py_ssize_t header_size;
  if (size <= 0xff && self->proto >= 4) {
    header[0] = kShortBinUnicode;
    header_size = 2;
  } else if (static_cast<size_t>(size) <= 0xffffffff) {
    header[0] = kBinUnicode;
    header_size = 5;
  } else if (self->proto >= 4) {
    header[0] = kBinUnicode8;
    header_size = 9;
  } else {
    return raise(PyExc_OverflowError, "serializing a string larger than 4 GiB requires pickle protocol 4 or higher");
  }
  store_size(header + 1, size, static_cast<int>(header_size) - 1);
  TRY(pickle_write_block(self, header, header_size, data, size, encoded));
  return pickle_memo_put(state, self, object);
}

// ---- containers ------------------------------------------------------------------------------------------------------

// In fast mode there is no memo: cycles are found by depth.
Status enter_fast(Pickler* self, PyObject* object) {
  if (!self->fast || ++self->fast_nesting < kFastNestingLimit) return Status::Ok;
  Ref<> key = TRY(steal(PyLong_FromVoidPtr(object)));
  if (!self->fast_memo) {
    self->fast_memo = PyDict_New();
    if (!self->fast_memo) {
      self->fast_nesting = -1;
      return Status::Error;
    }
  }
  const int known = PyDict_Contains(self->fast_memo, key);
  if (known > 0)
    PyErr_Format(PyExc_ValueError, "fast mode: can't pickle cyclic objects including object type %.200s at %p", Py_TYPE(object)->tp_name, object);
  if (known || PyDict_SetItem(self->fast_memo, key, Py_None) < 0) {
    self->fast_nesting = -1;
    return Status::Error;
  }
  return Status::Ok;
}
Status leave_fast(Pickler* self, PyObject* object, Status result) {
  if (!self->fast || self->fast_nesting < 0 || self->fast_nesting-- < kFastNestingLimit || is_failure(result) || !self->fast_memo) return result;
  Ref<> key = TRY(steal(PyLong_FromVoidPtr(object)));
  return status(PyDict_DelItem(self->fast_memo, key));
}

Status save_tuple(PickleState* state, Pickler* self, PyObject* object) {
  const Py_ssize_t length = PyTuple_GET_SIZE(object);
  if (length == 0) {
    if (self->proto) return pickle_write_op(self, kEmptyTuple);
    const char data[2] = {kMark, kTuple};
    return pickle_write(self, data, 2);
  }
  const bool marked = length > 3 || self->proto < 2;
  if (marked) TRY(pickle_write_op(self, kMark));
  for (Py_ssize_t i = 0; i < length; ++i)
    if (is_failure(pickle_save(state, self, PyTuple_GET_ITEM(object, i), false))) return pickle_note("when serializing %T item %zd", object, i);
  // A recursive tuple was saved while its items were: throw ours away.
  const Py_ssize_t known = self->memo.find(object);
  if (known >= 0) {
    if (marked && self->bin) {
      TRY(pickle_write_op(self, kPopMark));
    } else {
      for (Py_ssize_t i = 0; i < length + (marked ? 1 : 0); ++i) TRY(pickle_write_op(self, kPop));
    }
    return pickle_memo_get(self, known);
  }
  TRY(pickle_write_op(self, marked ? kTuple : length == 1 ? kTuple1 : length == 2 ? kTuple2 : kTuple3));
  return pickle_memo_put(state, self, object);
}

Status batch_list_exact(PickleState* state, Pickler* self, PyObject* object) {
  auto save_item = [&](Py_ssize_t i) -> Status {
    Ref<> item = borrow(PyList_GET_ITEM(object, i));
    if (is_failure(pickle_save(state, self, item, false))) return pickle_note("when serializing %T item %zd", object, i);
    return Status::Ok;
  };
  if (PyList_GET_SIZE(object) == 1) {
    TRY(save_item(0));
    return pickle_write_op(self, kAppend);
  }
  Py_ssize_t total = 0;
  do {
    TRY(pickle_write_op(self, kMark));
    for (Py_ssize_t batch = 0; total < PyList_GET_SIZE(object) && batch < kBatchSize; ++batch, ++total) TRY(save_item(total));
    TRY(pickle_write_op(self, kAppends));
  } while (total < PyList_GET_SIZE(object));
  return Status::Ok;
}

Status save_list(PickleState* state, Pickler* self, PyObject* object) {
  const char header[2] = {kMark, kList};
  if (self->bin) TRY(pickle_write_op(self, kEmptyList));
  else TRY(pickle_write(self, header, 2));
  TRY(pickle_memo_put(state, self, object));
  if (PyList_GET_SIZE(object) == 0) return Status::Ok;
  if (PyList_CheckExact(object) && self->proto > 0) return batch_list_exact(state, self, object);
  Ref<> iterator = TRY(steal(PyObject_GetIter(object)));
  return pickle_batch_list(state, self, iterator, object);
}

Status save_pair(PickleState* state, Pickler* self, PyObject* key, PyObject* value, PyObject* original) {
  TRY(pickle_save(state, self, key, false));
  if (is_failure(pickle_save(state, self, value, false))) return pickle_note("when serializing %T item %R", original, key);
  return Status::Ok;
}

Status batch_dict_exact(PickleState* state, Pickler* self, PyObject* object) {
  const Py_ssize_t size = PyDict_GET_SIZE(object);
  Py_ssize_t position = 0, in_batch;
  do {
    in_batch = 0;
    if (size != 1) TRY(pickle_write_op(self, kMark));
    PyObject *key, *value;
    while (PyDict_Next(object, &position, &key, &value)) {
      Ref<> held_key = borrow(key), held_value = borrow(value);
      TRY(save_pair(state, self, key, value, object));
      if (++in_batch == kBatchSize) break;
      if (PyDict_GET_SIZE(object) != size) break;
    }
    if (PyDict_GET_SIZE(object) != size) return raise(PyExc_RuntimeError, "dictionary changed size during iteration");
    TRY(pickle_write_op(self, size == 1 ? kSetItem : kSetItems));
  } while (in_batch == kBatchSize);
  return Status::Ok;
}

Status save_dict(PickleState* state, Pickler* self, PyObject* object) {
  const char header[2] = {kMark, kDict};
  if (self->bin) TRY(pickle_write_op(self, kEmptyDict));
  else TRY(pickle_write(self, header, 2));
  TRY(pickle_memo_put(state, self, object));
  if (PyDict_GET_SIZE(object) == 0) return Status::Ok;
  if (PyDict_CheckExact(object) && self->proto > 0) return batch_dict_exact(state, self, object);
  Ref<> items = TRY(steal(PyObject_CallMethodNoArgs(object, "items"_id)));
  Ref<> iterator = TRY(steal(PyObject_GetIter(items)));
  return pickle_batch_dict(state, self, iterator, object);
}

Status reduce_set(PickleState* state, Pickler* self, PyObject* object, PyTypeObject* type) {
  Ref<> items = TRY(steal(PySequence_List(object)));
  Ref<> reduced = TRY(steal(Py_BuildValue("(O(O))", type, items.get())));
  return pickle_save_reduce(state, self, reduced, object);
}

Status save_set(PickleState* state, Pickler* self, PyObject* object) {
  if (self->proto < 4) return reduce_set(state, self, object, &PySet_Type);
  TRY(pickle_write_op(self, kEmptySet));
  TRY(pickle_memo_put(state, self, object));
  const Py_ssize_t size = PySet_GET_SIZE(object);
  if (size == 0) return Status::Ok;
  Ref<> iterator = TRY(steal(PyObject_GetIter(object)));
  Py_ssize_t in_batch;
  do {
    in_batch = 0;
    TRY(pickle_write_op(self, kMark));
    while (in_batch < kBatchSize) {
      if (PySet_GET_SIZE(object) != size) return raise(PyExc_RuntimeError, "set changed size during iteration");
      Ref<> item = steal(PyIter_Next(iterator));
      if (!item) break;
      if (is_failure(pickle_save(state, self, item, false))) return pickle_note("when serializing %T element", object);
      ++in_batch;
    }
    if (PyErr_Occurred()) return Status::Error;
    TRY(pickle_write_op(self, kAddItems));
    if (PySet_GET_SIZE(object) != size) return raise(PyExc_RuntimeError, "set changed size during iteration");
  } while (in_batch == kBatchSize);
  return Status::Ok;
}

Status save_frozenset(PickleState* state, Pickler* self, PyObject* object) {
  if (self->proto < 4) return reduce_set(state, self, object, &PyFrozenSet_Type);
  TRY(pickle_write_op(self, kMark));
  Ref<> iterator = TRY(steal(PyObject_GetIter(object)));
  for (;;) {
    Ref<> item = steal(PyIter_Next(iterator));
    if (!item) break;
    if (is_failure(pickle_save(state, self, item, false))) return pickle_note("when serializing %T element", object);
  }
  if (PyErr_Occurred()) return Status::Error;
  const Py_ssize_t known = self->memo.find(object);
  if (known >= 0) {
    TRY(pickle_write_op(self, kPopMark));
    return pickle_memo_get(self, known);
  }
  TRY(pickle_write_op(self, kFrozenSet));
  return pickle_memo_put(state, self, object);
}

// ---- persistent ids and the rest ---------------------------------------------------------------------------------------

// Yes: the object has a persistent id, which is written.
Found save_persistent(PickleState* state, Pickler* self, PyObject* object) {
  Ref<> hook = borrow(self->persistent_id);
  Ref<> id = TRY(steal(PyObject_CallOneArg(hook, object)));
  if (id.get() == Py_None) return Found::No;
  if (self->bin) {
    TRY(pickle_save(state, self, id, true));
    TRY(pickle_write_op(self, kBinPersId));
    return Found::Yes;
  }
  Ref<> text = TRY(steal(PyObject_Str(id)));
  if (!PyUnicode_IS_ASCII(text.get())) return raise(state->pickling_error, "persistent IDs in protocol 0 must be ASCII strings");
  TRY(pickle_write_op(self, kPersId));
  TRY(pickle_write(self, static_cast<const char*>(PyUnicode_DATA(text.get())), PyUnicode_GET_LENGTH(text.get())));
  TRY(pickle_write(self, "\n", 1));
  return Found::Yes;
}

Ref<> reduction(PickleState* state, Pickler* self, PyObject* object, bool* is_global) {
  PyTypeObject* type = Py_TYPE(object);
  Ref<> function;
  if (self->dispatch_table) {
    TRY(status(PyMapping_GetOptionalItem(self->dispatch_table, ks::object(type), function.out())));
  } else {
    function = borrow(PyDict_GetItemWithError(state->dispatch_table, ks::object(type)));
    if (!function && PyErr_Occurred()) return failed;
  }
  if (function) return steal(PyObject_CallOneArg(function, object));
  if (PyType_IsSubtype(type, &PyType_Type)) {
    *is_global = true;
    return nullptr;
  }
  TRY(status(PyObject_GetOptionalAttr(object, "__reduce_ex__"_id, function.out())));
  if (function) {
    Ref<> protocol = TRY(steal(PyLong_FromLong(self->proto)));
    return steal(PyObject_CallOneArg(function, protocol));
  }
  TRY(status(PyObject_GetOptionalAttr(object, "__reduce__"_id, function.out())));
  if (function) return steal(PyObject_CallNoArgs(function));
  return raise(state->pickling_error, "Can't pickle %T object", object);
}

// What has no own opcode, or may be saved in another way.
Status save_other(PickleState* state, Pickler* self, PyObject* object, PyTypeObject* type) {
  if (type == &PyDict_Type || type == &PyList_Type) {
    Status result = enter_fast(self, object);
    if (!is_failure(result)) result = type == &PyDict_Type ? save_dict(state, self, object) : save_list(state, self, object);
    return leave_fast(self, object, result);
  }
  if (type == &PySet_Type) return save_set(state, self, object);
  if (type == &PyFrozenSet_Type) return save_frozenset(state, self, object);
  if (type == &PyTuple_Type) return save_tuple(state, self, object);
  if (type == &PyByteArray_Type) return save_bytearray(state, self, object);
  if (type == &PyPickleBuffer_Type) return save_picklebuffer(state, self, object);

  Ref<> reduced;
  if (self->reducer_override) {
    Ref<> hook = borrow(self->reducer_override);
    reduced = TRY(steal(PyObject_CallOneArg(hook, object)));
    if (reduced.get() == Py_NotImplemented) reduced.reset();
  }
  if (!reduced) {
    if (type == &PyType_Type) return pickle_save_type(state, self, object);
    if (type == &PyFunction_Type) return pickle_save_global(state, self, object, nullptr);
    bool is_global = false;
    reduced = reduction(state, self, object, &is_global);
    if (is_global) return pickle_save_global(state, self, object, nullptr);
    if (!reduced) return Status::Error;
  }
  if (PyUnicode_Check(reduced.get())) return pickle_save_global(state, self, object, reduced);
  if (!PyTuple_Check(reduced.get())) {
    PyErr_Format(state->pickling_error, "__reduce__ must return a string or tuple, not %T", reduced.get());
    return pickle_note("when serializing %T object", object);
  }
  if (is_failure(pickle_save_reduce(state, self, reduced, object))) return pickle_note("when serializing %T object", object);
  return Status::Ok;
}

// What an iterator gives, one by one with the opcode `one`, or in batches between a mark and `many`; a batch of one is
// written as one.
template <class SaveItem>
Status save_in_batches(Pickler* self, PyObject* iterator, char one, char many, SaveItem save_item) {
  if (self->proto == 0) {
    while (Ref<> item = steal(PyIter_Next(iterator))) {
      TRY(save_item(item));
      TRY(pickle_write_op(self, one));
    }
    return PyErr_Occurred() ? Status::Error : Status::Ok;
  }
  Py_ssize_t in_batch;
  do {
    Ref<> first = steal(PyIter_Next(iterator));
    if (!first) break;
    Ref<> next = steal(PyIter_Next(iterator));
    if (!next) {
      if (PyErr_Occurred()) return Status::Error;
      TRY(save_item(first));
      return pickle_write_op(self, one);
    }
    TRY(pickle_write_op(self, kMark));
    TRY(save_item(first));
    in_batch = 1;
    while (next) {
      TRY(save_item(next));
      if (++in_batch == kBatchSize) break;
      next = steal(PyIter_Next(iterator));
    }
    if (PyErr_Occurred()) return Status::Error;
    TRY(pickle_write_op(self, many));
  } while (in_batch == kBatchSize);
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}

}  // namespace

Status pickle_batch_list(PickleState* state, Pickler* self, PyObject* iterator, PyObject* original) {
  Py_ssize_t total = 0;
  return save_in_batches(self, iterator, kAppend, kAppends, [&](PyObject* item) -> Status {
    if (is_failure(pickle_save(state, self, item, false))) return pickle_note("when serializing %T item %zd", original, total);
    ++total;
    return Status::Ok;
  });
}

Status pickle_batch_dict(PickleState* state, Pickler* self, PyObject* iterator, PyObject* original) {
  return save_in_batches(self, iterator, kSetItem, kSetItems, [&](PyObject* item) -> Status {
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) return raise(PyExc_TypeError, "dict items iterator must return 2-tuples");
    return save_pair(state, self, PyTuple_GET_ITEM(item, 0), PyTuple_GET_ITEM(item, 1), original);
  });
}

Status pickle_save(PickleState* state, Pickler* self, PyObject* object, bool persistent) {
  TRY(pickle_boundary(self));
  if (!persistent && self->persistent_id && TRY(save_persistent(state, self, object))) return Status::Ok;
  PyTypeObject* type = Py_TYPE(object);
  if (object == Py_None) return pickle_write_op(self, kNone);
  if (type == &PyBool_Type) return save_bool(self, object);
  if (type == &PyLong_Type) return save_long(self, object);
  if (type == &PyFloat_Type) return save_float(self, object);
  const Py_ssize_t known = self->memo.find(object);
  if (known >= 0) return pickle_memo_get(self, known);
  if (type == &PyBytes_Type) return save_bytes(state, self, object);
  if (type == &PyUnicode_Type) return save_unicode(state, self, object);
  if (Py_EnterRecursiveCall(" while pickling an object")) return Status::Error;
  const Status result = save_other(state, self, object, type);
  Py_LeaveRecursiveCall();
  return result;
}

}  // namespace ks
