// str: life, access, comparison, concatenation and the type object. Representation: see str.h.
#include "types/str.h"

#include <algorithm>
#include <cstddef>

#include "object/export.h"
#include "runtime/state.h"
#include "types/str_private.h"

static_assert(sizeof(PyASCIIObject) == 40 && sizeof(PyCompactUnicodeObject) == 56 && sizeof(PyUnicodeObject) == 64);

namespace ks {

// ---- the statics --------------------------------------------------------------------------------------------------------

struct AsciiCharacter {
  PyASCIIObject head;
  Py_UCS1 data[8];
};
struct Latin1Character {
  PyCompactUnicodeObject head;
  Py_UCS1 data[8];
};

struct Latin1Utf8 {
  char text[128][3];
};
static constinit Latin1Utf8 latin1_utf8 = [] {
  Latin1Utf8 result{};
  for (int i = 0; i < 128; ++i) {
    result.text[i][0] = static_cast<char>(0xc0 | ((i + 128) >> 6));
    result.text[i][1] = static_cast<char>(0x80 | (i & 0x3f));
  }
  return result;
}();

static constexpr PyASCIIObject static_head(Py_ssize_t length, bool ascii) {
  PyASCIIObject head{};
  head.ob_base.ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
  head.ob_base.ob_type = &PyUnicode_Type;
  head.length = length;
  head.hash = -1;
  head.state.kind = PyUnicode_1BYTE_KIND;
  head.state.compact = 1;
  head.state.ascii = ascii;
  head.state.statically_allocated = 1;
  return head;
}

struct StaticCharacters {
  AsciiCharacter empty;
  AsciiCharacter ascii[128];
  Latin1Character latin1[128];
};
static constinit StaticCharacters characters = [] {
  StaticCharacters result{};
  result.empty.head = static_head(0, true);
  for (int i = 0; i < 128; ++i) {
    result.ascii[i].head = static_head(1, true);
    result.ascii[i].data[0] = static_cast<Py_UCS1>(i);
    result.latin1[i].head._base = static_head(1, false);
    result.latin1[i].head.utf8 = latin1_utf8.text[i];
    result.latin1[i].head.utf8_length = 2;
    result.latin1[i].data[0] = static_cast<Py_UCS1>(i + 128);
  }
  return result;
}();

PyObject* str_empty() { return &characters.empty.head.ob_base; }
PyObject* str_latin1_char(Py_UCS1 c) {
  return c < 128 ? &characters.ascii[c].head.ob_base : &characters.latin1[c - 128].head._base.ob_base;
}

// ---- making -----------------------------------------------------------------------------------------------------------------

static inline int kind_for(Py_UCS4 max_char) { return max_char < 0x100 ? 1 : max_char < 0x10000 ? 2 : 4; }

PyObject* str_new(Py_ssize_t length, Py_UCS4 max_char) {
  if (length == 0) return str_empty();
  const int kind = kind_for(max_char);
  const bool ascii = max_char < 128;
  const size_t head_size = ascii ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject);
  if (max_char > 0x10ffff) return raise(PyExc_SystemError, "invalid maximum character passed to PyUnicode_New");
  if (length < 0) return raise(PyExc_SystemError, "Negative size passed to PyUnicode_New");
  if (length > (PY_SSIZE_T_MAX - static_cast<Py_ssize_t>(head_size)) / kind - 1) return PyErr_NoMemory();
  auto* head = static_cast<PyASCIIObject*>(
      PyObject_Malloc(head_size + static_cast<size_t>(length + 1) * static_cast<size_t>(kind)));
  if (!head) return PyErr_NoMemory();
  PyObject* result = PyObject_Init(&head->ob_base, &PyUnicode_Type);
  head->length = length;
  head->hash = -1;
  head->state = {};
  head->state.kind = kind & 7;
  head->state.compact = 1;
  head->state.ascii = ascii;
  char* data = reinterpret_cast<char*>(head) + head_size;
  if (!ascii) {
    as<PyCompactUnicodeObject>(head)->utf8 = nullptr;
    as<PyCompactUnicodeObject>(head)->utf8_length = 0;
  }
  memset(data + length * kind, 0, static_cast<size_t>(kind));
  return result;
}

PyObject* str_from_char(Py_UCS4 c) {
  if (c < 256) return str_latin1_char(static_cast<Py_UCS1>(c));
  PyObject* result = str_new(1, c);
  if (!result) return nullptr;
  if (str_kind(result) == 2) str_data_as<Py_UCS2>(result)[0] = static_cast<Py_UCS2>(c);
  else str_data_as<Py_UCS4>(result)[0] = c;
  return result;
}

Py_ssize_t ascii_prefix(const void* data, Py_ssize_t size) {
  const auto* p = static_cast<const unsigned char*>(data);
  Py_ssize_t i = 0;
  for (; i + 32 <= size; i += 32) {
    uint64_t w[4];
    memcpy(w, p + i, 32);
    if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u) break;
  }
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    memcpy(&word, p + i, 8);
    word &= 0x8080808080808080u;
    if (word) return i + __builtin_ctzll(word) / 8;
  }
  while (i < size && p[i] < 128) ++i;
  return i;
}
bool all_ascii(const void* data, Py_ssize_t size) { return ascii_prefix(data, size) == size; }

Py_UCS4 max_char_of(const Py_UCS1* data, Py_ssize_t size) { return all_ascii(data, size) ? 0x7f : 0xff; }
Py_UCS4 max_char_of(const Py_UCS2* data, Py_ssize_t size) {
  Py_UCS2 bits = 0;
  for (Py_ssize_t i = 0; i < size;) {
    const Py_ssize_t end = std::min(size, i + 256);
    for (; i < end; ++i) bits |= data[i];
    if (bits >= 0x100) return 0xffff;
  }
  return bits < 0x80 ? 0x7f : 0xff;
}
Py_UCS4 max_char_of(const Py_UCS4* data, Py_ssize_t size) {
  Py_UCS4 bits = 0;
  for (Py_ssize_t i = 0; i < size;) {
    const Py_ssize_t end = std::min(size, i + 256);
    for (; i < end; ++i) bits |= data[i];
    if (bits >= 0x10000) return 0x10ffff;
  }
  return bits < 0x80 ? 0x7f : bits < 0x100 ? 0xff : 0xffff;
}

template <class To, class From>
static void convert_chars(To* to, const From* from, Py_ssize_t count) {
  if constexpr (sizeof(To) == sizeof(From)) memcpy(to, from, static_cast<size_t>(count) * sizeof(To));
  else
    for (Py_ssize_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}
template <class To>
static void convert_from(To* to, int from_kind, const void* from, Py_ssize_t index, Py_ssize_t count) {
  if (from_kind == 1) convert_chars(to, static_cast<const Py_UCS1*>(from) + index, count);
  else if (from_kind == 2) convert_chars(to, static_cast<const Py_UCS2*>(from) + index, count);
  else convert_chars(to, static_cast<const Py_UCS4*>(from) + index, count);
}
void copy_chars(int to_kind, void* to, Py_ssize_t to_index, int from_kind, const void* from, Py_ssize_t from_index,
                Py_ssize_t count) {
  if (to_kind == 1) convert_from(static_cast<Py_UCS1*>(to) + to_index, from_kind, from, from_index, count);
  else if (to_kind == 2) convert_from(static_cast<Py_UCS2*>(to) + to_index, from_kind, from, from_index, count);
  else convert_from(static_cast<Py_UCS4*>(to) + to_index, from_kind, from, from_index, count);
}

PyObject* str_from_ascii(const char* text, Py_ssize_t length) {
  if (length == 1) return str_latin1_char(static_cast<Py_UCS1>(text[0]));
  PyObject* result = str_new(length, 0x7f);
  if (result && length) memcpy(str_data(result), text, static_cast<size_t>(length));
  return result;
}
template <class T>
static PyObject* from_chars(const T* text, Py_ssize_t length) {
  if (length == 1) return str_from_char(text[0]);
  PyObject* result = str_new(length, max_char_of(text, length));
  if (result && length) copy_chars(str_kind(result), str_data(result), 0, sizeof(T), text, 0, length);
  return result;
}
PyObject* str_from_latin1(const Py_UCS1* text, Py_ssize_t length) { return from_chars(text, length); }
PyObject* str_from_ucs2(const Py_UCS2* text, Py_ssize_t length) { return from_chars(text, length); }
PyObject* str_from_ucs4(const Py_UCS4* text, Py_ssize_t length) { return from_chars(text, length); }

PyObject* str_substring(PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  const Py_ssize_t length = str_length(s);
  end = std::min(end, length);
  if (start <= 0 && end == length) return str_exact(s);
  start = std::max<Py_ssize_t>(start, 0);
  if (start >= end) return str_empty();
  if (str_is_ascii(s)) return str_from_ascii(str_data_as<char>(s) + start, end - start);
  return str_visit(s, [&](auto chars) { return from_chars(chars.data + start, end - start); });
}

PyObject* str_exact(PyObject* s) {
  if (is_exact_str(s)) return Py_NewRef(s);
  const Py_ssize_t length = str_length(s);
  if (length == 1 && str_char(s, 0) < 256) return str_from_char(str_char(s, 0));
  PyObject* result = str_new(length, PyUnicode_MAX_CHAR_VALUE(s));
  if (result && length) memcpy(str_data(result), str_data(s), static_cast<size_t>(length) * str_kind(s));
  return result;
}

// ---- the end -----------------------------------------------------------------------------------------------------------------

void intern_forget(PyObject* s);  // str_intern.cpp

static inline bool owns_utf8(PyObject* s) {
  if (str_head(s)->state.compact && str_head(s)->state.ascii) return false;
  char* utf8 = as<PyCompactUnicodeObject>(s)->utf8;
  return utf8 && utf8 != str_data(s);
}

static void str_dealloc(PyObject* s) {
  PyASCIIObject* head = str_head(s);
  if (head->state.statically_allocated) {  // an unbalanced decref from outside
    Py_SET_REFCNT(s, _Py_STATIC_IMMORTAL_INITIAL_REFCNT);
    return;
  }
  if (head->state.interned) intern_forget(s);
  if (owns_utf8(s)) PyMem_Free(as<PyCompactUnicodeObject>(s)->utf8);
  if (!head->state.compact) PyMem_Free(as<PyUnicodeObject>(s)->data.any);
  if (is_exact_str(s)) PyObject_Free(s);
  else Py_TYPE(s)->tp_free(s);
}

// ---- resizing ------------------------------------------------------------------------------------------------------------------

// Changes the length of a str nobody else sees; takes the reference, nullptr (with the object freed) on failure.
static PyObject* resize_compact(PyObject* s, Py_ssize_t length) {
  const int kind = str_kind(s);
  const size_t head_size = str_is_ascii(s) ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject);
  if (length > (PY_SSIZE_T_MAX - static_cast<Py_ssize_t>(head_size)) / kind - 1) return PyErr_NoMemory();
  if (owns_utf8(s)) {
    PyMem_Free(as<PyCompactUnicodeObject>(s)->utf8);
    as<PyCompactUnicodeObject>(s)->utf8 = nullptr;
    as<PyCompactUnicodeObject>(s)->utf8_length = 0;
  }
  auto* moved = static_cast<PyObject*>(
      PyObject_Realloc(s, head_size + static_cast<size_t>(length + 1) * static_cast<size_t>(kind)));
  if (!moved) return PyErr_NoMemory();
  str_head(moved)->length = length;
  memset(static_cast<char*>(str_data(moved)) + length * kind, 0, static_cast<size_t>(kind));
  return moved;
}

// Sets *place to a str of the length with the same beginning; in place where that is possible.
static Status str_resize(PyObject** place, Py_ssize_t length) {
  PyObject* s = *place;
  const Py_ssize_t old_length = str_length(s);
  if (old_length == length) return Status::Ok;
  if (length == 0) {
    *place = str_empty();
    Py_DECREF(s);
    return Status::Ok;
  }
  if (str_is_modifiable(s) && str_head(s)->state.compact) {
    PyObject* moved = resize_compact(s, length);
    if (!moved) return failed;
    *place = moved;
    return Status::Ok;
  }
  PyObject* copy = TRY(str_new(length, PyUnicode_MAX_CHAR_VALUE(s)));
  const Py_ssize_t count = std::min(length, old_length);
  memcpy(str_data(copy), str_data(s), static_cast<size_t>(count) * str_kind(s));
  *place = copy;
  Py_DECREF(s);
  return Status::Ok;
}

// ---- hashing and comparing -------------------------------------------------------------------------------------------------------

Py_hash_t str_hash_compute(PyObject* s) {
  return str_head(s)->hash = hash_bytes(str_data(s), str_length(s) * str_kind(s));
}

template <class A, class B>
static int compare_chars(Chars<A> a, Chars<B> b) {
  const Py_ssize_t common = std::min(a.size, b.size);
  if constexpr (sizeof(A) == 1 && sizeof(B) == 1) {
    const int order = memcmp(a.data, b.data, static_cast<size_t>(common));
    if (order) return order < 0 ? -1 : 1;
  } else {
    for (Py_ssize_t i = 0; i < common; ++i)
      if (a[i] != b[i]) return static_cast<Py_UCS4>(a[i]) < static_cast<Py_UCS4>(b[i]) ? -1 : 1;
  }
  return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}
int str_compare(PyObject* a, PyObject* b) {
  if (a == b) return 0;
  return str_visit(a, [&](auto left) { return str_visit(b, [&](auto right) { return compare_chars(left, right); }); });
}

bool str_equal_ascii(PyObject* s, const char* text, Py_ssize_t length) {
  return str_is_ascii(s) && str_length(s) == length && memcmp(str_data(s), text, static_cast<size_t>(length)) == 0;
}

static PyObject* str_richcompare(PyObject* a, PyObject* b, int op) {
  if (!PyUnicode_Check(a) || !PyUnicode_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  bool result;
  if (op == Py_EQ || op == Py_NE) result = str_equal(a, b) == (op == Py_EQ);
  else {
    const int order = str_compare(a, b);
    switch (op) {
      case Py_LT: result = order < 0; break;
      case Py_LE: result = order <= 0; break;
      case Py_GT: result = order > 0; break;
      case Py_GE: result = order >= 0; break;
      default: PyErr_BadArgument(); return nullptr;
    }
  }
  return Py_NewRef(result ? Py_True : Py_False);
}

// ---- concatenation ------------------------------------------------------------------------------------------------------------------

PyObject* str_concat(PyObject* left, PyObject* right) {
  const Py_ssize_t m = str_length(left), n = str_length(right);
  if (m == 0) return str_exact(right);
  if (n == 0) return str_exact(left);
  if (m > PY_SSIZE_T_MAX - n) return raise(PyExc_OverflowError, "strings are too large to concat");
  PyObject* result = str_new(m + n, std::max(PyUnicode_MAX_CHAR_VALUE(left), PyUnicode_MAX_CHAR_VALUE(right)));
  if (!result) return nullptr;
  const int kind = str_kind(result);
  copy_chars(kind, str_data(result), 0, str_kind(left), str_data(left), 0, m);
  copy_chars(kind, str_data(result), m, str_kind(right), str_data(right), 0, n);
  return result;
}

Status str_append(PyObject** place, PyObject* right) {
  PyObject* left = *place;
  const Py_ssize_t m = str_length(left), n = str_length(right);
  if (n == 0 && is_exact_str(left)) return Status::Ok;
  if (m > 0 && str_is_modifiable(left) && is_exact_str(right) && str_kind(right) <= str_kind(left) &&
      (!str_is_ascii(left) || str_is_ascii(right))) {
    if (m > PY_SSIZE_T_MAX - n) {
      *place = nullptr;
      Py_DECREF(left);
      return raise(PyExc_OverflowError, "strings are too large to concat");
    }
    const bool same = left == right;
    PyObject* moved = resize_compact(left, m + n);
    if (!moved) {
      *place = nullptr;
      Py_DECREF(left);
      return failed;
    }
    if (same) right = moved;
    copy_chars(str_kind(moved), str_data(moved), m, str_kind(right), str_data(right), 0, n);
    *place = moved;
    return Status::Ok;
  }
  PyObject* result = str_concat(left, right);
  *place = result;
  Py_DECREF(left);
  return result ? Status::Ok : Status::Error;
}

static PyObject* str_slot_concat(PyObject* left, PyObject* right) {
  TRY(require_str(left));
  if (!PyUnicode_Check(right))
    return raise(PyExc_TypeError, "can only concatenate str (not \"%.200s\") to str", Py_TYPE(right)->tp_name);
  return str_concat(left, right);
}

static PyObject* str_repeat(PyObject* s, Py_ssize_t count) {
  if (count < 1 || str_length(s) == 0) return str_empty();
  if (count == 1) return str_exact(s);
  const Py_ssize_t length = str_length(s);
  if (length > PY_SSIZE_T_MAX / count) return raise(PyExc_OverflowError, "repeated string is too long");
  PyObject* result = str_new(length * count, PyUnicode_MAX_CHAR_VALUE(s));
  if (!result) return nullptr;
  const int kind = str_kind(s);
  char* to = str_data_as<char>(result);
  const size_t unit = static_cast<size_t>(length) * kind, total = unit * static_cast<size_t>(count);
  if (unit == 1) {
    memset(to, str_data_as<char>(s)[0], total);
  } else {
    memcpy(to, str_data(s), unit);
    for (size_t done = unit; done < total;) {  // doubling what is there
      const size_t step = std::min(done, total - done);
      memcpy(to + done, to, step);
      done += step;
    }
  }
  return result;
}

// ---- items ----------------------------------------------------------------------------------------------------------------------------

static Py_ssize_t str_slot_length(PyObject* s) { return str_length(s); }

static PyObject* str_item(PyObject* s, Py_ssize_t index) {
  if (!PyUnicode_Check(s)) {
    PyErr_BadArgument();
    return nullptr;
  }
  if (index < 0 || index >= str_length(s)) return raise(PyExc_IndexError, "string index out of range");
  return str_from_char(str_char(s, index));
}

static PyObject* str_slice(PyObject* s, Py_ssize_t start, Py_ssize_t step, Py_ssize_t count) {
  if (count <= 0) return str_empty();
  return str_visit(s, [&](auto chars) -> PyObject* {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(chars.data)>>;
    Py_UCS4 bits = 0;
    if (sizeof(T) > 1 || !str_is_ascii(s))
      for (Py_ssize_t i = 0, at = start; i < count; ++i, at += step) bits |= chars[at];
    if (count == 1) return str_from_char(chars[start]);
    PyObject* result = str_new(count, std::min<Py_UCS4>(bits, 0x10ffff));
    if (!result) return nullptr;
    str_visit_mutable(result, [&](auto* to) {
      for (Py_ssize_t i = 0, at = start; i < count; ++i, at += step)
        to[i] = static_cast<std::remove_pointer_t<decltype(to)>>(chars[at]);
    });
    return result;
  });
}

static PyObject* str_subscript(PyObject* s, PyObject* key) {
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    if (index < 0) index += str_length(s);
    return str_item(s, index);
  }
  if (PySlice_Check(key)) {
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0) return nullptr;
    const Py_ssize_t count = PySlice_AdjustIndices(str_length(s), &start, &stop, step);
    if (count <= 0) return str_empty();
    if (step == 1) return str_substring(s, start, start + count);
    return str_slice(s, start, step, count);
  }
  return raise(PyExc_TypeError, "string indices must be integers, not '%.200s'", Py_TYPE(key)->tp_name);
}

static int str_slot_contains(PyObject* s, PyObject* element) { return PyUnicode_Contains(s, element); }

static PyObject* str_mod(PyObject* format, PyObject* arguments) {
  if (!PyUnicode_Check(format)) Py_RETURN_NOTIMPLEMENTED;
  return PyUnicode_Format(format, arguments);
}

// ---- construction ------------------------------------------------------------------------------------------------------------------------

static constexpr Signature str_signature =
    read_signature("str", "(object=<no value>, encoding='utf-8', errors='strict')");

static PyObject* str_make(PyObject* const* values) {
  if (!values[0]) return str_empty();
  const char *encoding = nullptr, *errors = nullptr;
  if (values[1] && !convert_text(str_signature, 1, values[1], false, &encoding)) return nullptr;
  if (values[2] && !convert_text(str_signature, 2, values[2], false, &errors)) return nullptr;
  if (!encoding && !errors) return PyObject_Str(values[0]);
  return PyUnicode_FromEncodedObject(values[0], encoding, errors);
}

// An instance of a subclass with the text's value.
static PyObject* str_make_subtype(PyTypeObject* type, PyObject* text) {
  Ref<> self = steal(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  auto* result = as<PyUnicodeObject>(self.get());
  const Py_ssize_t length = str_length(text);
  const int kind = str_kind(text);
  PyASCIIObject* head = &result->_base._base;
  head->length = length;
  head->hash = str_head(text)->hash;
  head->state = {};
  head->state.kind = kind & 7;
  head->state.ascii = str_head(text)->state.ascii;
  result->_base.utf8 = nullptr;
  result->_base.utf8_length = 0;
  result->data.any = nullptr;
  if (length > PY_SSIZE_T_MAX / kind - 1) return PyErr_NoMemory();
  void* data = PyMem_Malloc(static_cast<size_t>(length + 1) * static_cast<size_t>(kind));
  if (!data) return PyErr_NoMemory();
  result->data.any = data;
  if (head->state.ascii) {
    result->_base.utf8 = static_cast<char*>(data);
    result->_base.utf8_length = length;
  }
  memcpy(data, str_data(text), static_cast<size_t>(length + 1) * static_cast<size_t>(kind));
  return self.release();
}

static PyObject* str_slot_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[3] = {};
  TRY(bind_tuple(str_signature, args, kwargs, values));
  Ref<> text = TRY(steal(str_make(values)));
  if (type == &PyUnicode_Type) return text.release();
  return str_make_subtype(type, text);
}

static PyObject* str_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (!kwnames && nargs == 1) return PyObject_Str(args[0]);
  if (nargs > 3 && !kwnames) return raise(PyExc_TypeError, "str expected at most 3 arguments, got %zd", nargs);
  // By position the type is named in full, None too.
  if (!kwnames && nargs > 1) {
    for (Py_ssize_t i = 1; i < nargs; ++i)
      if (!PyUnicode_Check(args[i])) return raise(PyExc_TypeError, "str() argument '%s' must be str, not %T", i == 1 ? "encoding" : "errors", args[i]);
  }
  PyObject* values[3] = {};
  TRY(bind(str_signature, args, nargs, kwnames, values));
  return str_make(values);
}

static PyObject* str_slot_str(PyObject* s) { return str_exact(s); }
static Py_hash_t str_slot_hash(PyObject* s) { return str_hash(s); }

// ---- iteration -------------------------------------------------------------------------------------------------------------------------------

struct StrIterator {
  PyObject_HEAD
  Py_ssize_t index;
  PyObject* text;  // nullptr when exhausted
};

static PyObject* str_iter(PyObject* s) {
  auto* iterator = PyObject_GC_New(StrIterator, &PyUnicodeIter_Type);
  if (!iterator) return nullptr;
  iterator->index = 0;
  iterator->text = Py_NewRef(s);
  PyObject_GC_Track(iterator);
  return object(iterator);
}
static void str_iterator_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(as<StrIterator>(self)->text);
  PyObject_GC_Del(self);
}
static int str_iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<StrIterator>(self)->text);
  return 0;
}
static PyObject* str_iterator_next(PyObject* self) {
  auto* it = as<StrIterator>(self);
  PyObject* text = it->text;
  if (!text) return nullptr;
  if (it->index < str_length(text)) return str_from_char(str_char(text, it->index++));
  it->text = nullptr;
  Py_DECREF(text);
  return nullptr;
}
static Py_ssize_t str_iterator_length_hint(StrIterator* it) { return it->text ? str_length(it->text) - it->index : 0; }
METHOD_AS(str_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
static PyObject* str_iterator_reduce(StrIterator* it) {
  PyObject* builtins = PyEval_GetBuiltins();
  Ref<> iter = borrow(builtins ? PyDict_GetItemWithError(builtins, "iter"_id) : nullptr);
  if (!iter) return PyErr_Occurred() ? nullptr : (PyErr_SetObject(PyExc_AttributeError, "iter"_id), nullptr);
  if (!it->text) return Py_BuildValue("O(O)", iter.get(), str_empty());
  return Py_BuildValue("O(O)n", iter.get(), it->text, it->index);
}
METHOD_AS(str_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
static PyObject* str_iterator_setstate(StrIterator* it, PyObject* state) {
  Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && PyErr_Occurred()) return nullptr;
  if (it->text) it->index = std::clamp<Py_ssize_t>(index, 0, str_length(it->text));
  Py_RETURN_NONE;
}
METHOD_AS(str_iterator_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");
static PyMethodDef str_iterator_methods[] = {
    str_iterator_length_hint_method, str_iterator_reduce_method, str_iterator_setstate_method, {}};

static PyNumberMethods str_as_number = {.nb_remainder = str_mod};
static PySequenceMethods str_as_sequence = {
    .sq_length = str_slot_length,
    .sq_concat = str_slot_concat,
    .sq_repeat = str_repeat,
    .sq_item = str_item,
    .sq_contains = str_slot_contains,
};
static PyMappingMethods str_as_mapping = {.mp_length = str_slot_length, .mp_subscript = str_subscript};

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject PyUnicodeIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "str_iterator",
    .tp_basicsize = sizeof(StrIterator),
    .tp_dealloc = str_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = str_iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = str_iterator_next,
    .tp_methods = str_iterator_methods,
};

PyTypeObject PyUnicode_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "str",
    .tp_basicsize = sizeof(PyUnicodeObject),
    .tp_dealloc = str_dealloc,
    .tp_repr = str_repr,
    .tp_as_number = &str_as_number,
    .tp_as_sequence = &str_as_sequence,
    .tp_as_mapping = &str_as_mapping,
    .tp_hash = str_slot_hash,
    .tp_str = str_slot_str,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_UNICODE_SUBCLASS | _Py_TPFLAGS_MATCH_SELF,
    .tp_doc = "str(object='') -> str\nstr(bytes_or_buffer[, encoding[, errors]]) -> str\n\n"
              "The text of an object: its __str__(), or the decoded bytes when an encoding or errors is given.",
    .tp_richcompare = str_richcompare,
    .tp_iter = str_iter,
    .tp_methods = str_methods,
    .tp_new = str_slot_new,
    .tp_free = PyObject_Free,
    .tp_vectorcall = str_vectorcall,
};

// ---- exports ---------------------------------------------------------------------------------------------------------------------------------

#undef PyUnicode_KIND
#undef PyUnicode_DATA
int PyUnicode_KIND(PyObject* s) { return str_kind(s); }
void* PyUnicode_DATA(PyObject* s) { return str_data(s); }

// New str of the length whose characters the caller sets; SystemError, MemoryError.
PyObject* PyUnicode_New(Py_ssize_t length, Py_UCS4 max_char) { return str_new(length, max_char); }

// New str from characters of the kind (1, 2, 4).
PyObject* PyUnicode_FromKindAndData(int kind, const void* data, Py_ssize_t length) {
  if (length < 0) return raise(PyExc_ValueError, "size must be positive");
  switch (kind) {
    case 1: return str_from_latin1(static_cast<const Py_UCS1*>(data), length);
    case 2: return str_from_ucs2(static_cast<const Py_UCS2*>(data), length);
    case 4: return str_from_ucs4(static_cast<const Py_UCS4*>(data), length);
    default: return raise(PyExc_SystemError, "invalid kind");
  }
}

// New str of one character; ValueError.
PyObject* PyUnicode_FromOrdinal(int ordinal) {
  if (ordinal < 0 || ordinal > 0x10ffff) return raise(PyExc_ValueError, "chr() arg not in range(0x110000)");
  return str_from_char(static_cast<Py_UCS4>(ordinal));
}

// New reference to an exact str equal to the argument; TypeError.
PyObject* PyUnicode_FromObject(PyObject* o) {
  if (PyUnicode_Check(o)) return str_exact(o);
  return raise(PyExc_TypeError, "Can't convert '%.100s' object to str implicitly", Py_TYPE(o)->tp_name);
}

// New exact copy of a str.
KS_EXPORT PyObject* _PyUnicode_Copy(PyObject* s) {
  if (!is_str_internal(s)) return nullptr;
  PyObject* result = str_new(str_length(s), PyUnicode_MAX_CHAR_VALUE(s));
  if (result && str_length(s)) memcpy(str_data(result), str_data(s), static_cast<size_t>(str_length(s)) * str_kind(s));
  return result;
}

KS_EXPORT void _PyUnicode_ExactDealloc(PyObject* s) { str_dealloc(s); }

KS_EXPORT int _PyUnicode_CheckConsistency(PyObject* s, int check_content) {
  if (!s || !PyUnicode_Check(s)) return 0;
  const PyASCIIObject* head = str_head(s);
  if (head->state.ascii && head->state.kind != 1) return 0;
  if (!check_content) return 1;
  const Py_UCS4 most = str_visit(s, [](auto chars) { return max_char_of(chars.data, chars.size); });
  return most <= PyUnicode_MAX_CHAR_VALUE(s) ? 1 : 0;
}

// -1 on error.
Py_ssize_t PyUnicode_GetLength(PyObject* s) { return is_str_argument(s) ? str_length(s) : -1; }
__attribute__((visibility("default"))) Py_ssize_t PyUnicode_GetSize(PyObject*) {
  PyErr_SetString(PyExc_RuntimeError, "PyUnicode_GetSize has been removed.");
  return -1;
}

// (Py_UCS4)-1 on error.
Py_UCS4 PyUnicode_ReadChar(PyObject* s, Py_ssize_t index) {
  if (!is_str_argument(s)) return static_cast<Py_UCS4>(-1);
  if (index < 0 || index >= str_length(s)) {
    PyErr_SetString(PyExc_IndexError, "string index out of range");
    return static_cast<Py_UCS4>(-1);
  }
  return str_char(s, index);
}

static Status check_modifiable(PyObject* s) {
  if (!str_is_modifiable(s)) return raise(PyExc_SystemError, "Cannot modify a string currently used");
  return Status::Ok;
}

int PyUnicode_WriteChar(PyObject* s, Py_ssize_t index, Py_UCS4 c) {
  if (!is_str_argument(s)) return -1;
  if (index < 0 || index >= str_length(s)) return raise(PyExc_IndexError, "string index out of range");
  TRY(check_modifiable(s));
  if (c > PyUnicode_MAX_CHAR_VALUE(s)) return raise(PyExc_ValueError, "character out of range");
  PyUnicode_WRITE(str_kind(s), str_data(s), index, c);
  return 0;
}

// *place becomes a str of the length; on error it stays.
int PyUnicode_Resize(PyObject** place, Py_ssize_t length) {
  if (!place || !*place || !PyUnicode_Check(*place) || length < 0) {
    PyErr_BadInternalCall();
    return -1;
  }
  return to_c(str_resize(place, length));
}

// How many characters were copied; -1 on error.
Py_ssize_t PyUnicode_CopyCharacters(PyObject* to, Py_ssize_t to_start, PyObject* from, Py_ssize_t from_start,
                                    Py_ssize_t count) {
  if (!is_str_internal(from) || !is_str_internal(to)) return -1;
  if (from_start < 0 || from_start > str_length(from)) return raise(PyExc_IndexError, "string index out of range");
  if (to_start < 0 || to_start > str_length(to)) return raise(PyExc_IndexError, "string index out of range");
  if (count < 0) return raise(PyExc_SystemError, "how_many cannot be negative");
  count = std::min(str_length(from) - from_start, count);
  if (to_start + count > str_length(to))
    return raise(PyExc_SystemError, "Cannot write %zi characters at %zi in a string of %zi characters", count, to_start,
                 str_length(to));
  if (count == 0) return 0;
  TRY(check_modifiable(to));
  if (PyUnicode_MAX_CHAR_VALUE(from) > PyUnicode_MAX_CHAR_VALUE(to)) {
    const Py_UCS4 most = str_visit(from, [&](auto chars) {
      Py_UCS4 value = 0;
      for (Py_ssize_t i = from_start; i < from_start + count; ++i) value = std::max<Py_UCS4>(value, chars[i]);
      return value;
    });
    if (most > PyUnicode_MAX_CHAR_VALUE(to))
      return raise(PyExc_SystemError, "Cannot copy %s characters into a string of %s characters",
                   str_is_ascii(from) ? "ASCII" : str_kind(from) == 1 ? "UCS1" : str_kind(from) == 2 ? "UCS2" : "UCS4",
                   str_is_ascii(to) ? "ASCII" : str_kind(to) == 1 ? "UCS1" : str_kind(to) == 2 ? "UCS2" : "UCS4");
  }
  copy_chars(str_kind(to), str_data(to), to_start, str_kind(from), str_data(from), from_start, count);
  return count;
}

// How many characters were written; -1 on error.
Py_ssize_t PyUnicode_Fill(PyObject* s, Py_ssize_t start, Py_ssize_t length, Py_UCS4 fill) {
  if (!is_str_internal(s)) return -1;
  TRY(check_modifiable(s));
  if (start < 0) return raise(PyExc_IndexError, "string index out of range");
  if (fill > PyUnicode_MAX_CHAR_VALUE(s))
    return raise(PyExc_ValueError, "fill character is bigger than the string maximum character");
  const Py_ssize_t count = std::min(str_length(s) - start, length);
  if (count <= 0) return 0;
  str_visit_mutable(s, [&](auto* to) {
    std::fill_n(to + start, count, static_cast<std::remove_pointer_t<decltype(to)>>(fill));
  });
  return count;
}

// New; IndexError for negative bounds.
PyObject* PyUnicode_Substring(PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  if (start == 0 && end >= PyUnicode_GET_LENGTH(s)) return str_exact(s);
  if (start < 0 || end < 0) return raise(PyExc_IndexError, "string index out of range");
  return str_substring(s, start, end);
}

PyObject* PyUnicode_Concat(PyObject* left, PyObject* right) { return str_slot_concat(left, right); }

// *left becomes left + right, NULL on error; takes over the reference.
void PyUnicode_Append(PyObject** left, PyObject* right) {
  if (!left) {
    if (!PyErr_Occurred()) PyErr_BadInternalCall();
    return;
  }
  if (!*left || !right || !PyUnicode_Check(*left) || !PyUnicode_Check(right)) {
    if (!PyErr_Occurred()) PyErr_BadInternalCall();
    Py_CLEAR(*left);
    return;
  }
  (void)str_append(left, right);
}
void PyUnicode_AppendAndDel(PyObject** left, PyObject* right) {
  PyUnicode_Append(left, right);
  Py_XDECREF(right);
}

// -1, 0, 1; -1 with an exception on error.
int PyUnicode_Compare(PyObject* left, PyObject* right) {
  if (left && right && PyUnicode_Check(left) && PyUnicode_Check(right)) return str_compare(left, right);
  if (!left || !right) {
    PyErr_BadInternalCall();
    return -1;
  }
  return raise(PyExc_TypeError, "Can't compare %.100s and %.100s", Py_TYPE(left)->tp_name, Py_TYPE(right)->tp_name);
}

// Compares with Latin-1 text; cannot fail.
int PyUnicode_CompareWithASCIIString(PyObject* s, const char* text) {
  return str_visit(s, [&](auto chars) {
    return compare_chars(chars, Chars<Py_UCS1>{reinterpret_cast<const Py_UCS1*>(text), static_cast<Py_ssize_t>(strlen(text))});
  });
}
KS_EXPORT int _PyUnicode_EqualToASCIIString(PyObject* s, const char* text) { return str_equal_ascii(s, text); }
KS_EXPORT int _PyUnicode_Equal(PyObject* a, PyObject* b) { return str_equal(a, b); }

// 1, 0; -1 with TypeError.
int PyUnicode_Equal(PyObject* a, PyObject* b) {
  if (!PyUnicode_Check(a))
    return raise(PyExc_TypeError, "first argument must be str, not %T", a);
  if (!PyUnicode_Check(b))
    return raise(PyExc_TypeError, "second argument must be str, not %T", b);
  return str_equal(a, b);
}

// 1, 0; cannot fail.
int PyUnicode_EqualToUTF8AndSize(PyObject* s, const char* text, Py_ssize_t size) {
  if (str_is_ascii(s)) return str_equal_ascii(s, text, size);
  const auto* compact = as<PyCompactUnicodeObject>(s);
  if (compact->utf8)
    return compact->utf8_length == size && memcmp(compact->utf8, text, static_cast<size_t>(size)) == 0;
  const auto* p = reinterpret_cast<const unsigned char*>(text);
  const unsigned char* end = p + size;
  return str_visit(s, [&](auto chars) {
    for (const Py_UCS4 c : chars) {
      unsigned char unit[4];
      int n;
      if (c < 0x80) unit[0] = static_cast<unsigned char>(c), n = 1;
      else if (c < 0x800) unit[0] = static_cast<unsigned char>(0xc0 | c >> 6), n = 2;
      else if (c < 0x10000) {
        if (c >= 0xd800 && c <= 0xdfff) return 0;
        unit[0] = static_cast<unsigned char>(0xe0 | c >> 12), n = 3;
      } else unit[0] = static_cast<unsigned char>(0xf0 | c >> 18), n = 4;
      for (int i = 1; i < n; ++i) unit[i] = static_cast<unsigned char>(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
      if (end - p < n || memcmp(p, unit, static_cast<size_t>(n)) != 0) return 0;
      p += n;
    }
    return p == end ? 1 : 0;
  });
}
int PyUnicode_EqualToUTF8(PyObject* s, const char* text) {
  return PyUnicode_EqualToUTF8AndSize(s, text, static_cast<Py_ssize_t>(strlen(text)));
}

// New bool or NotImplemented.
PyObject* PyUnicode_RichCompare(PyObject* a, PyObject* b, int op) { return str_richcompare(a, b, op); }

}  // extern "C"
