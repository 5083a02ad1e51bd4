// bytes: an immutable array of bytes behind a length and a cached hash. The empty object and single bytes are shared and immortal.
//
// Methods are in bytes_methods.cpp, searching in bytes_search.cpp, % in bytes_format.cpp.
#include "types/bytes.h"

#include <algorithm>

#include "object/export.h"
#include "object/identifier.h"
#include "object/type.h"
#include "object/method.h"
#include "runtime/state.h"
#include "types/bytes_methods.h"
#include "types/int.h"

KS_EXPORT void _PyBytes_Repeat(char* out, Py_ssize_t out_size, const char* source, Py_ssize_t source_size);

namespace ks {

// ---- shared objects --------------------------------------------------------------------------------------------------

namespace {
struct ShortBytes {
  PyObject ob_base;
  Py_ssize_t size;
  Py_hash_t hash;
  char text[8];
};
struct Singles {
  ShortBytes values[257];  // 256 single bytes, then the empty one
};
constexpr Singles make_singles() {
  Singles result{};
  for (int i = 0; i < 257; ++i) {
    ShortBytes& o = result.values[i];
    o.ob_base.ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
    o.ob_base.ob_type = &PyBytes_Type;
    o.size = i < 256;
    o.hash = -1;
    o.text[0] = i < 256 ? static_cast<char>(i) : '\0';
  }
  return result;
}
constinit Singles singles = make_singles();
static_assert(offsetof(ShortBytes, text) == offsetof(PyBytesObject, ob_sval));
}  // namespace

PyObject* bytes_empty() { return object(&singles.values[256]); }
PyObject* bytes_single(unsigned char value) { return object(&singles.values[value]); }

// ---- life ------------------------------------------------------------------------------------------------------------

static constexpr size_t kHeadSize = offsetof(PyBytesObject, ob_sval);

static PyObject* allocate_bytes(Py_ssize_t size) {
  auto* o = static_cast<PyBytesObject*>(PyObject_Malloc(kHeadSize + static_cast<size_t>(size) + 1));
  if (!o) return PyErr_NoMemory();
  PyObject_InitVar(as<PyVarObject>(o), &PyBytes_Type, size);
  bytes_hash_slot(object(o)) = -1;
  o->ob_sval[size] = '\0';
  return object(o);
}
PyObject* bytes_new(Py_ssize_t size) {
  if (size == 0) return bytes_empty();
  if (size < 0) {
    PyErr_SetString(PyExc_SystemError, "Negative size passed to PyBytes_FromStringAndSize");
    return nullptr;
  }
  if (size > PY_SSIZE_T_MAX - 64) {
    PyErr_SetString(PyExc_OverflowError, "byte string is too large");
    return nullptr;
  }
  return allocate_bytes(size);
}
PyObject* bytes_from(const char* data, Py_ssize_t size) {
  if (size == 1) return bytes_single(static_cast<unsigned char>(*data));
  PyObject* o = bytes_new(size);
  if (o && size) memcpy(bytes_data(o), data, static_cast<size_t>(size));
  return o;
}

Py_hash_t bytes_hash(PyObject* o) {
  Py_hash_t& hash = bytes_hash_slot(o);
  if (hash == -1) hash = Py_HashBuffer(bytes_data(o), Py_SIZE(o));
  return hash;
}

PyObject* bytes_repr(PyObject* o, bool smart_quotes) { return bytes_repr_of(bytes_view(o), smart_quotes, false); }
// bytearray escapes ' even between ".
PyObject* bytes_repr_of(std::string_view text, bool smart_quotes, bool escape_single) {
  char quote = '\'';
  size_t length = 3;  // b''
  if (smart_quotes && text.find('\'') != text.npos && text.find('"') == text.npos) quote = '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || (escape_single && c == '\'') || c == '\\' || c == '\t' || c == '\n' || c == '\r') length += 2;
    else length += byte < ' ' || byte >= 0x7f ? 4 : 1;
    if (length > static_cast<size_t>(PY_SSIZE_T_MAX)) return raise(PyExc_OverflowError, "bytes object is too large to make repr");
  }
  PyObject* result = TRY(PyUnicode_New(static_cast<Py_ssize_t>(length), 127));
  auto* out = reinterpret_cast<char*>(PyUnicode_1BYTE_DATA(result));
  *out++ = 'b';
  *out++ = quote;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || (escape_single && c == '\'') || c == '\\') *out++ = '\\', *out++ = c;
    else if (c == '\t') *out++ = '\\', *out++ = 't';
    else if (c == '\n') *out++ = '\\', *out++ = 'n';
    else if (c == '\r') *out++ = '\\', *out++ = 'r';
    else if (byte < ' ' || byte >= 0x7f) {
      *out++ = '\\';
      *out++ = 'x';
      *out++ = "0123456789abcdef"[byte >> 4];
      *out++ = "0123456789abcdef"[byte & 15];
    } else {
      *out++ = c;
    }
  }
  *out = quote;
  return result;
}

// ---- construction ----------------------------------------------------------------------------------------------------

Found bytes_encode_source(PyObject* source, PyObject* encoding, PyObject* errors, Ref<>* result) {
  if (!source) {
    if (encoding || errors)
      return raise(PyExc_TypeError, encoding ? "encoding without a string argument" : "errors without a string argument");
    return Found::No;
  }
  if (encoding) {
    if (!PyUnicode_Check(source)) return raise(PyExc_TypeError, "encoding without a string argument");
    const char* encoding_text = PyUnicode_AsUTF8(encoding);
    const char* errors_text = encoding_text && errors ? PyUnicode_AsUTF8(errors) : nullptr;
    if (!encoding_text || (errors && !errors_text)) return failed;
    *result = steal(PyUnicode_AsEncodedString(source, encoding_text, errors_text));
    return *result ? Found::Yes : Found::Error;
  }
  if (errors) return raise(PyExc_TypeError, PyUnicode_Check(source) ? "string argument without an encoding" : "errors without a string argument");
  return Found::No;
}

// The bytes of a buffer or iterable. New.
static PyObject* from_buffer(PyObject* source) {
  Py_buffer view;
  if (PyObject_GetBuffer(source, &view, PyBUF_FULL_RO) < 0) return nullptr;
  PyObject* result = bytes_new(view.len);
  if (result && PyBuffer_ToContiguous(bytes_data(result), &view, view.len, 'C') < 0) Py_CLEAR(result);
  PyBuffer_Release(&view);
  return result;
}
int byte_value(PyObject* o, const char* message) {
  int64_t value;
  if (PyLong_Check(o)) {
    value = int_fits_int64(o, &value) ? value : -1;
  } else {
    Ref<> index = TRY(steal(PyNumber_Index(o)));
    value = int_fits_int64(index, &value) ? value : -1;
  }
  if (value < 0 || value > 255) return raise(PyExc_ValueError, message);
  return static_cast<int>(value);
}
static PyObject* from_iterable(PyObject* source) {
  BytesBuilder builder;
  if (PyList_CheckExact(source) || PyTuple_CheckExact(source)) {
    // An item's __index__ may change the list.
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(source); ++i) {
      Ref<> item = borrow(PySequence_Fast_GET_ITEM(source, i));
      TRY(builder.append(static_cast<char>(TRY(byte_value(item, "bytes must be in range(0, 256)")))));
    }
    return builder.finish();
  }
  Ref<> iterator = TRY(steal(PyObject_GetIter(source)));
  for (;;) {
    Ref<> item;
    const int found = PyIter_NextItem(iterator, item.out());
    if (found < 0) return nullptr;
    if (!found) return builder.finish();
    TRY(builder.append(static_cast<char>(TRY(byte_value(item, "bytes must be in range(0, 256)")))));
  }
}

static PyObject* from_source(PyObject* source, PyObject* encoding, PyObject* errors) {
  Ref<> encoded;
  if (TRY(bytes_encode_source(source, encoding, errors, &encoded))) return encoded.release();
  if (!source) return bytes_empty();
  if (PyBytes_CheckExact(source)) return Py_NewRef(source);
  Ref<> method = lookup_special(source, "__bytes__"_id);
  if (!method && PyErr_Occurred()) return nullptr;
  if (method) {
    Ref<> result = TRY(steal(PyObject_CallNoArgs(method)));
    if (!PyBytes_Check(result)) return raise(PyExc_TypeError, "%T.__bytes__() must return a bytes, not %T", source, result.get());
    return result.release();
  }
  if (PyUnicode_Check(source)) return raise(PyExc_TypeError, "string argument without an encoding");
  if (PyIndex_Check(source)) {
    const Py_ssize_t size = PyNumber_AsSsize_t(source, PyExc_OverflowError);
    if (size == -1 && PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_TypeError)) return nullptr;
      PyErr_Clear();
    } else {
      if (size < 0) return raise(PyExc_ValueError, "negative count");
      PyObject* result = bytes_new(size);
      if (result && size) memset(bytes_data(result), 0, static_cast<size_t>(size));
      return result;
    }
  }
  return PyBytes_FromObject(source);
}

namespace {

constexpr Signature construct_signature = read_signature("bytes", "(source=b'', encoding='', errors='')");

PyObject* construct(PyTypeObject* type, PyObject* const* values) {
  for (int i = 1; i < 3; ++i)
    if (values[i] && !PyUnicode_Check(values[i])) return raise_bad_argument(construct_signature, i, "str", values[i]);
  Ref<> exact = TRY(steal(from_source(values[0], values[1], values[2])));
  if (type == &PyBytes_Type) return exact.release();
  const Py_ssize_t size = Py_SIZE(exact.get());
  PyObject* result = TRY(type->tp_alloc(type, size));
  memcpy(bytes_data(result), bytes_data(exact), static_cast<size_t>(size) + 1);
  bytes_hash_slot(result) = -1;
  return result;
}
PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[3] = {};
  TRY(bind_tuple(construct_signature, args, kwargs, values));
  return construct(type, values);
}
PyObject* vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  PyObject* values[3] = {};
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (count <= 1 && !kwnames) values[0] = count ? args[0] : nullptr;
  else TRY(bind(construct_signature, args, count, kwnames, values));
  return construct(reinterpret_cast<PyTypeObject*>(type), values);
}

// ---- slots -----------------------------------------------------------------------------------------------------------

PyObject* repr_slot(PyObject* o) { return bytes_repr(o, true); }
PyObject* str_slot(PyObject* o) {
  if (interpreter()->core.config.bytes_warning) TRY(PyErr_WarnEx(PyExc_BytesWarning, "str() on a bytes instance", 1));
  return bytes_repr(o, true);
}
Py_ssize_t length(PyObject* o) { return Py_SIZE(o); }

PyObject* concatenate(PyObject* a, PyObject* b) {
  if (PyBytes_CheckExact(a) && PyBytes_CheckExact(b)) {
    if (!Py_SIZE(a)) return Py_NewRef(b);
    if (!Py_SIZE(b)) return Py_NewRef(a);
  }
  Py_buffer left{}, right{};
  PyObject* result = nullptr;
  if (PyObject_GetBuffer(a, &left, PyBUF_SIMPLE) < 0 || PyObject_GetBuffer(b, &right, PyBUF_SIMPLE) < 0) {
    PyErr_Format(PyExc_TypeError, "can't concat %.100s to %.100s", Py_TYPE(b)->tp_name, Py_TYPE(a)->tp_name);
  } else if (left.len == 0 && PyBytes_CheckExact(b)) {
    result = Py_NewRef(b);
  } else if (right.len == 0 && PyBytes_CheckExact(a)) {
    result = Py_NewRef(a);
  } else if (left.len > PY_SSIZE_T_MAX - right.len) {
    PyErr_NoMemory();
  } else if ((result = bytes_new(left.len + right.len))) {
    memcpy(bytes_data(result), left.buf, static_cast<size_t>(left.len));
    memcpy(bytes_data(result) + left.len, right.buf, static_cast<size_t>(right.len));
  }
  if (left.obj) PyBuffer_Release(&left);
  if (right.obj) PyBuffer_Release(&right);
  return result;
}
PyObject* repeat(PyObject* o, Py_ssize_t count) {
  const Py_ssize_t size = Py_SIZE(o);
  if (count < 0) count = 0;
  if (size && count > PY_SSIZE_T_MAX / size) return raise(PyExc_OverflowError, "repeated bytes are too long");
  if (count == 1 && PyBytes_CheckExact(o)) return Py_NewRef(o);
  // No times something is a new object.
  PyObject* result = TRY(size ? allocate_bytes(size * count) : bytes_empty());
  _PyBytes_Repeat(bytes_data(result), size * count, bytes_data(o), size);
  return result;
}
PyObject* item(PyObject* o, Py_ssize_t index) {
  if (index < 0 || index >= Py_SIZE(o)) return raise(PyExc_IndexError, "index out of range");
  return int_small(static_cast<unsigned char>(bytes_data(o)[index]));
}
PyObject* subscript(PyObject* o, PyObject* key) {
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    if (index < 0) index += Py_SIZE(o);
    return item(o, index);
  }
  if (!PySlice_Check(key)) return raise(PyExc_TypeError, "byte indices must be integers or slices, not %.200s", Py_TYPE(key)->tp_name);
  Py_ssize_t start, stop, step;
  TRY(PySlice_Unpack(key, &start, &stop, &step));
  const Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(o), &start, &stop, step);
  if (count <= 0) return bytes_empty();
  if (step == 1) {
    if (count == Py_SIZE(o) && PyBytes_CheckExact(o)) return Py_NewRef(o);
    return bytes_from(bytes_data(o) + start, count);
  }
  PyObject* result = TRY(bytes_new(count));
  for (Py_ssize_t i = 0, at = start; i < count; ++i, at += step) bytes_data(result)[i] = bytes_data(o)[at];
  return result;
}
int contains(PyObject* o, PyObject* value) { return to_c(bytes_contains(o, value)); }
int get_buffer(PyObject* o, Py_buffer* view, int flags) { return PyBuffer_FillInfo(view, o, bytes_data(o), Py_SIZE(o), 1, flags); }

PyObject* compare(PyObject* a, PyObject* b, int operation) {
  if (!PyBytes_Check(a) || !PyBytes_Check(b)) {
    if (interpreter()->core.config.bytes_warning && (operation == Py_EQ || operation == Py_NE)) {
      if (PyUnicode_Check(a) || PyUnicode_Check(b)) TRY(PyErr_WarnEx(PyExc_BytesWarning, "Comparison between bytes and string", 1));
      if (PyLong_Check(a) || PyLong_Check(b)) TRY(PyErr_WarnEx(PyExc_BytesWarning, "Comparison between bytes and int", 1));
    }
    Py_RETURN_NOTIMPLEMENTED;
  }
  if (operation == Py_EQ || operation == Py_NE) {
    const bool equal = a == b || bytes_view(a) == bytes_view(b);
    return PyBool_FromLong(equal == (operation == Py_EQ));
  }
  const int order = a == b ? 0 : bytes_view(a).compare(bytes_view(b));
  Py_RETURN_RICHCOMPARE(order, 0, operation);
}
PyObject* percent(PyObject* a, PyObject* b) {
  if (!PyBytes_Check(a)) Py_RETURN_NOTIMPLEMENTED;
  return bytes_percent(a, b);
}

PyNumberMethods number_slots = {.nb_remainder = percent};
PySequenceMethods sequence_slots = {.sq_length = length, .sq_concat = concatenate, .sq_repeat = repeat, .sq_item = item, .sq_contains = contains};
PyMappingMethods mapping_slots = {.mp_length = length, .mp_subscript = subscript};
PyBufferProcs buffer_slots = {.bf_getbuffer = get_buffer};

// ---- iterators of bytes and bytearray ------------------------------------------------------------------------------------

struct Iterator {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* sequence;  // nullptr when exhausted
};
PyObject* make_iterator(PyObject* sequence, PyTypeObject* type) {
  auto* it = PyObject_GC_New(Iterator, type);
  if (!it) return nullptr;
  it->index = 0;
  it->sequence = Py_NewRef(sequence);
  PyObject_GC_Track(it);
  return object(it);
}
PyObject* iterate_bytes(PyObject* o) { return make_iterator(o, &PyBytesIter_Type); }
void iterator_dealloc(Iterator* it) {
  PyObject_GC_UnTrack(it);
  Py_XDECREF(it->sequence);
  PyObject_GC_Del(it);
}
int iterator_traverse(Iterator* it, visitproc visit, void* arg) {
  Py_VISIT(it->sequence);
  return 0;
}
PyObject* iterator_next(Iterator* it) {
  PyObject* sequence = it->sequence;
  if (!sequence) return nullptr;
  if (it->index < Py_SIZE(sequence)) {
    const char* data = PyByteArray_Check(sequence) ? PyByteArray_AS_STRING(sequence) : bytes_data(sequence);
    return int_small(static_cast<unsigned char>(data[it->index++]));
  }
  Py_CLEAR(it->sequence);
  return nullptr;
}
Py_ssize_t iterator_hint(Iterator* it) { return it->sequence ? std::max<Py_ssize_t>(Py_SIZE(it->sequence) - it->index, 0) : 0; }
METHOD_AS(iterator_hint, "__length_hint__", 0, "($self, /)", "An estimate of len(list(it)).");
PyObject* iterator_reduce(Iterator* it) {
  // Looking up iter may run code that exhausts the iterator.
  Ref<> iter;
  if (PyDict_GetItemRef(PyEval_GetBuiltins(), "iter"_id, iter.out()) <= 0) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_AttributeError, "iter");
    return nullptr;
  }
  if (!it->sequence) return Py_BuildValue("O(())", iter.get());
  return Py_BuildValue("O(O)n", iter.get(), it->sequence, it->index);
}
METHOD_AS(iterator_reduce, "__reduce__", 0, "($self, /)", "State for pickling.");
Status iterator_set_state(Iterator* it, PyObject* state) {
  const Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && PyErr_Occurred()) return failed;
  if (it->sequence) it->index = std::clamp<Py_ssize_t>(index, 0, Py_SIZE(it->sequence));
  return Status::Ok;
}
METHOD_AS(iterator_set_state, "__setstate__", 0, "($self, state, /)", "Set state information for unpickling.");
PyMethodDef iterator_methods[] = {iterator_hint_method, iterator_reduce_method, iterator_set_state_method, {}};

}  // namespace

PyObject* bytearray_iterate(PyObject* o) { return make_iterator(o, &PyByteArrayIter_Type); }

}  // namespace ks

using namespace ks;

// ---- the C API -------------------------------------------------------------------------------------------------------

// New; NULL with MemoryError. NULL text: uninitialised bytes.
PyObject* PyBytes_FromStringAndSize(const char* text, Py_ssize_t size) {
  if (size < 0) {
    PyErr_SetString(PyExc_SystemError, "Negative size passed to PyBytes_FromStringAndSize");
    return nullptr;
  }
  return text ? bytes_from(text, size) : bytes_new(size);
}
PyObject* PyBytes_FromString(const char* text) { return bytes_from(text, static_cast<Py_ssize_t>(strlen(text))); }
// The bytes of a buffer or of an iterable of ints. New; NULL with TypeError.
PyObject* PyBytes_FromObject(PyObject* o) {
  if (!o) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (PyBytes_CheckExact(o)) return Py_NewRef(o);
  if (PyObject_CheckBuffer(o)) return from_buffer(o);
  if (PyList_CheckExact(o) || PyTuple_CheckExact(o)) return from_iterable(o);
  if (!PyUnicode_Check(o)) {
    PyObject* result = from_iterable(o);
    if (result || !PyErr_ExceptionMatches(PyExc_TypeError) || Py_TYPE(o)->tp_iter || PySequence_Check(o)) return result;
    PyErr_Clear();
  }
  return raise(PyExc_TypeError, "cannot convert '%.200s' object to bytes", Py_TYPE(o)->tp_name);
}
static bool expect_bytes(PyObject* o) {
  if (PyBytes_Check(o)) return true;
  PyErr_Format(PyExc_TypeError, "expected bytes, %.200s found", Py_TYPE(o)->tp_name);
  return false;
}
Py_ssize_t PyBytes_Size(PyObject* o) { return expect_bytes(o) ? Py_SIZE(o) : -1; }
// Borrowed text; NULL with TypeError.
char* PyBytes_AsString(PyObject* o) { return expect_bytes(o) ? bytes_data(o) : nullptr; }
// 0, or -1; without `size` a null byte inside is a ValueError.
int PyBytes_AsStringAndSize(PyObject* o, char** text, Py_ssize_t* size) {
  if (!text) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (!expect_bytes(o)) return -1;
  *text = bytes_data(o);
  if (size) *size = Py_SIZE(o);
  else if (strlen(*text) != static_cast<size_t>(Py_SIZE(o))) return raise(PyExc_ValueError, "embedded null byte");
  return 0;
}
PyObject* PyBytes_Repr(PyObject* o, int smart_quotes) { return bytes_repr(o, smart_quotes); }
// *a = *a + b; the old *a is released; on error *a becomes NULL.
void PyBytes_Concat(PyObject** a, PyObject* b) {
  if (!*a) return;
  if (!b) {
    Py_CLEAR(*a);
    return;
  }
  Py_SETREF(*a, concatenate(*a, b));
}
void PyBytes_ConcatAndDel(PyObject** a, PyObject* b) {
  PyBytes_Concat(a, b);
  Py_XDECREF(b);
}
// Changes the size of a bytes object that nobody else has seen. 0; -1 with *o NULL.
int _PyBytes_Resize(PyObject** slot, Py_ssize_t size) {
  PyObject* o = *slot;
  if (!PyBytes_Check(o) || size < 0) {
    *slot = nullptr;
    Py_XDECREF(o);
    PyErr_BadInternalCall();
    return -1;
  }
  if (Py_SIZE(o) == size) return 0;
  if (Py_SIZE(o) == 0 || size == 0 || Py_REFCNT(o) != 1) {
    if (Py_SIZE(o) && size && Py_REFCNT(o) != 1 && !PyUnstable_IsImmortal(o)) {
      *slot = nullptr;
      Py_DECREF(o);
      PyErr_BadInternalCall();
      return -1;
    }
    PyObject* fresh = bytes_new(size);
    if (fresh) memcpy(bytes_data(fresh), bytes_data(o), static_cast<size_t>(std::min(size, Py_SIZE(o))));
    *slot = fresh;
    Py_DECREF(o);
    return fresh ? 0 : -1;
  }
  auto* moved = static_cast<PyBytesObject*>(PyObject_Realloc(o, kHeadSize + static_cast<size_t>(size) + 1));
  if (!moved) {
    PyObject_Free(o);
    *slot = nullptr;
    PyErr_NoMemory();
    return -1;
  }
  *slot = object(moved);
  Py_SET_SIZE(moved, size);
  moved->ob_sval[size] = '\0';
  bytes_hash_slot(*slot) = -1;
  return 0;
}
// Fills `out` with repetitions of the source.
KS_EXPORT void _PyBytes_Repeat(char* out, Py_ssize_t out_size, const char* source, Py_ssize_t source_size) {
  if (!out_size || !source_size) return;
  if (source_size == 1) {
    memset(out, *source, static_cast<size_t>(out_size));
    return;
  }
  if (out != source) memcpy(out, source, static_cast<size_t>(std::min(source_size, out_size)));
  for (Py_ssize_t done = source_size; done < out_size;) {
    const Py_ssize_t part = std::min(done, out_size - done);
    memcpy(out + done, out, static_cast<size_t>(part));
    done += part;
  }
}

PyTypeObject PyBytes_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "bytes",
    .tp_basicsize = offsetof(PyBytesObject, ob_sval) + 1,
    .tp_itemsize = 1,
    .tp_repr = ks::repr_slot,
    .tp_as_number = &ks::number_slots,
    .tp_as_sequence = &ks::sequence_slots,
    .tp_as_mapping = &ks::mapping_slots,
    .tp_hash = ks::bytes_hash,
    .tp_str = ks::str_slot,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_as_buffer = &ks::buffer_slots,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_BYTES_SUBCLASS | _Py_TPFLAGS_MATCH_SELF,
    .tp_doc = "bytes(iterable_of_ints) -> bytes\nbytes(string, encoding[, errors]) -> bytes\n"
              "bytes(bytes_or_buffer) -> immutable copy of bytes_or_buffer\n"
              "bytes(int) -> bytes object of size given by the parameter initialized with null bytes\n"
              "bytes() -> empty bytes object\n\n"
              "An immutable array of bytes, made from an iterable of ints in range(256), a text string and its encoding, any object\n"
              "with the buffer protocol, or an int.",
    .tp_richcompare = ks::compare,
    .tp_iter = ks::iterate_bytes,
    .tp_methods = ks::bytes_methods,
    .tp_new = ks::new_slot,
    .tp_free = PyObject_Free,
    .tp_vectorcall = ks::vectorcall,
};
#define KS_BYTES_ITERATOR(VARIABLE, NAME)                                                              \
  PyTypeObject VARIABLE = {                                                                           \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = NAME,                              \
      .tp_basicsize = sizeof(ks::Iterator),                                                           \
      .tp_dealloc = reinterpret_cast<destructor>(ks::iterator_dealloc),                               \
      .tp_getattro = PyObject_GenericGetAttr,                                                         \
      .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,                                            \
      .tp_traverse = reinterpret_cast<traverseproc>(ks::iterator_traverse),                           \
      .tp_iter = PyObject_SelfIter,                                                                   \
      .tp_iternext = reinterpret_cast<iternextfunc>(ks::iterator_next),                               \
      .tp_methods = ks::iterator_methods,                                                             \
  }
KS_BYTES_ITERATOR(PyBytesIter_Type, "bytes_iterator");
KS_BYTES_ITERATOR(PyByteArrayIter_Type, "bytearray_iterator");
