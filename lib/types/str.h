// Cores of str for the other rooms: making strings, access by kind, comparing, hashing, building, interning.
//
// Representation (cpython/unicodeobject.h): a compact str is its head followed by the characters, 1, 2 or 4 bytes each
// (kind), of the smallest kind that holds the largest character; ASCII has the short head PyASCIIObject and serves as its
// own UTF-8. Instances of subclasses are not compact: PyUnicodeObject whose data lie in a block of their own. The empty
// str and the 256 one-character Latin-1 strings are immortal statics, and no other object has their value.
#pragma once

#include <Python.h>

#include <cstring>

#include "object/identifier.h"
#include "object/ref.h"
#include "object/result.h"

namespace ks {

// ---- access -----------------------------------------------------------------------------------------------------------

template <class T>
struct Chars {
  const T* data;
  Py_ssize_t size;
  const T* begin() const { return data; }
  const T* end() const { return data + size; }
  T operator[](Py_ssize_t i) const { return data[i]; }
};

inline PyASCIIObject* str_head(PyObject* s) { return reinterpret_cast<PyASCIIObject*>(s); }
inline Py_ssize_t str_length(PyObject* s) { return str_head(s)->length; }
inline int str_kind(PyObject* s) { return str_head(s)->state.kind; }
inline bool str_is_ascii(PyObject* s) { return str_head(s)->state.ascii; }
inline void* str_data(PyObject* s) { return _PyUnicode_DATA(s); }
template <class T>
T* str_data_as(PyObject* s) {
  return static_cast<T*>(_PyUnicode_DATA(s));
}
inline Py_UCS4 read_char(int kind, const void* data, Py_ssize_t i) {
  if (kind == 1) return static_cast<const Py_UCS1*>(data)[i];
  if (kind == 2) return static_cast<const Py_UCS2*>(data)[i];
  return static_cast<const Py_UCS4*>(data)[i];
}
inline Py_UCS4 str_char(PyObject* s, Py_ssize_t i) { return read_char(str_kind(s), str_data(s), i); }

// Calls f(Chars<T>) with the characters in their own width.
template <class F>
decltype(auto) str_visit(PyObject* s, F&& f) {
  const void* data = str_data(s);
  const Py_ssize_t size = str_length(s);
  switch (str_kind(s)) {
    case 1: return f(Chars<Py_UCS1>{static_cast<const Py_UCS1*>(data), size});
    case 2: return f(Chars<Py_UCS2>{static_cast<const Py_UCS2*>(data), size});
    default: return f(Chars<Py_UCS4>{static_cast<const Py_UCS4*>(data), size});
  }
}
// The same for writing into a str that nobody else has seen yet.
template <class F>
decltype(auto) str_visit_mutable(PyObject* s, F&& f) {
  void* data = str_data(s);
  switch (str_kind(s)) {
    case 1: return f(static_cast<Py_UCS1*>(data));
    case 2: return f(static_cast<Py_UCS2*>(data));
    default: return f(static_cast<Py_UCS4*>(data));
  }
}

// ---- making ------------------------------------------------------------------------------------------------------------

PyObject* str_empty();                       // borrowed, immortal
PyObject* str_latin1_char(Py_UCS1 c);        // borrowed, immortal
PyObject* str_from_char(Py_UCS4 c);          // new
PyObject* str_new(Py_ssize_t length, Py_UCS4 max_char);  // new, characters not set; length 0 gives the empty str
PyObject* str_from_ascii(const char* text, Py_ssize_t length);  // new; the caller knows that all is ASCII
PyObject* str_from_latin1(const Py_UCS1* text, Py_ssize_t length);
PyObject* str_from_ucs2(const Py_UCS2* text, Py_ssize_t length);
PyObject* str_from_ucs4(const Py_UCS4* text, Py_ssize_t length);
PyObject* str_substring(PyObject* s, Py_ssize_t start, Py_ssize_t end);  // new; clipped; an exact str
PyObject* str_exact(PyObject* s);            // new reference to s itself, or to an exact str equal to it

// Largest character class of the text: 0x7f, 0xff, 0xffff or 0x10ffff.
Py_UCS4 max_char_of(const Py_UCS1* data, Py_ssize_t size);
Py_UCS4 max_char_of(const Py_UCS2* data, Py_ssize_t size);
Py_UCS4 max_char_of(const Py_UCS4* data, Py_ssize_t size);
bool all_ascii(const void* data, Py_ssize_t size);
Py_ssize_t ascii_prefix(const void* data, Py_ssize_t size);  // how many leading bytes are below 128

// Copies characters between kinds; the target is wide enough.
void copy_chars(int to_kind, void* to, Py_ssize_t to_index, int from_kind, const void* from, Py_ssize_t from_index,
                Py_ssize_t count);

// ---- comparing and hashing (both arguments are str) ----------------------------------------------------------------------

inline bool str_equal(PyObject* a, PyObject* b) {
  if (a == b) return true;
  PyASCIIObject *x = str_head(a), *y = str_head(b);
  if (x->length != y->length || x->state.kind != y->state.kind) return false;
  return memcmp(str_data(a), str_data(b), static_cast<size_t>(x->length) * x->state.kind) == 0;
}
int str_compare(PyObject* a, PyObject* b);  // -1, 0, 1 by code points
bool str_equal_ascii(PyObject* s, const char* text, Py_ssize_t length);
inline bool str_equal_ascii(PyObject* s, const char* text) {
  return str_equal_ascii(s, text, static_cast<Py_ssize_t>(strlen(text)));
}
Py_hash_t str_hash_compute(PyObject* s);
inline Py_hash_t str_hash(PyObject* s) {
  const Py_hash_t hash = str_head(s)->hash;
  return hash != -1 ? hash : str_hash_compute(s);
}
// Which exact str need no call to compare: the fast test for dictionary keys.
inline bool is_exact_str(PyObject* o) { return Py_IS_TYPE(o, &PyUnicode_Type); }

// ---- concatenation ---------------------------------------------------------------------------------------------------------

PyObject* str_concat(PyObject* left, PyObject* right);  // new
// left = left + right; grows *left in place when this is the only reference. On failure *left is NULL. Both are str.
Status str_append(PyObject** left, PyObject* right);

// ---- searching; indices within [0, length] ------------------------------------------------------------------------------------

Py_ssize_t str_find(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end);   // -1: not found
Py_ssize_t str_rfind(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end);
Py_ssize_t str_count(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end);
Py_ssize_t str_find_char(PyObject* s, Py_UCS4 c, Py_ssize_t start, Py_ssize_t end);
Py_ssize_t str_rfind_char(PyObject* s, Py_UCS4 c, Py_ssize_t start, Py_ssize_t end);
bool str_contains(PyObject* s, PyObject* sub);

// ---- interning ------------------------------------------------------------------------------------------------------------------

// The interned object of the same value (new reference); takes over the reference it is given. Never fails: without
// memory the object itself comes back.
PyObject* str_intern_steal(PyObject* s);
PyObject* str_intern_ascii(const char* text, Py_ssize_t length);  // new
Status identifiers_intern();
// How many strings the interpreter's table holds: all, or those that are immortal.
Py_ssize_t interned_count(bool only_immortal);

// ---- UTF-8 --------------------------------------------------------------------------------------------------------------------------

// Decodes; `consumed` not null: an incomplete sequence at the end is left over.
PyObject* utf8_decode(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t* consumed);
PyObject* utf8_encode(PyObject* s, const char* errors);  // new bytes

// ---- building -------------------------------------------------------------------------------------------------------------------------

// Builds a str piece by piece. Characters go into a raw buffer of the width needed so far (a small one inside the builder
// at first) and are copied once into the result. A builder that received just one whole str gives back that object.
//   StrBuilder builder;
//   TRY(builder.add_ascii("<", 1)); TRY(builder.add(name)); TRY(builder.add_char('>'));
//   return builder.finish();
class StrBuilder {
 public:
  StrBuilder() = default;
  StrBuilder(const StrBuilder&) = delete;
  StrBuilder& operator=(const StrBuilder&) = delete;
  ~StrBuilder() { discard(); }

  Status add(PyObject* s) {  // a str
    const Py_ssize_t count = str_length(s);
    if (!length_ && !only_ && is_exact_str(s)) {
      only_ = Py_NewRef(s);
      return Status::Ok;
    }
    return add_chars(str_kind(s), str_data(s), count, str_is_ascii(s));
  }
  Status add_char(Py_UCS4 c) {
    if (only_ || length_ >= capacity_ || (kind_ == 1 ? c > 0xff : kind_ == 2 && c > 0xffff)) TRY(prepare(1, c));
    put(c);
    return Status::Ok;
  }
  Status add_ascii(const char* text, Py_ssize_t count) { return add_chars(1, text, count, true); }
  Status add_ascii(const char* text) { return add_ascii(text, static_cast<Py_ssize_t>(strlen(text))); }
  Status add_substring(PyObject* s, Py_ssize_t start, Py_ssize_t end) {
    return add_chars(str_kind(s), static_cast<const char*>(str_data(s)) + start * str_kind(s), end - start,
                     str_is_ascii(s));
  }
  Status add_chars(int kind, const void* data, Py_ssize_t count, bool known_ascii = false);
  Status add_repeated(Py_UCS4 c, Py_ssize_t count);
  Status add_utf8(const char* text, Py_ssize_t size, const char* errors = nullptr);  // decodes
  Status add_object(PyObject* o);  // str(o)
  Status add_repr(PyObject* o);

  // Room for `count` more characters up to c; then put() may be called that often.
  Status prepare(Py_ssize_t count, Py_UCS4 c) {
    if (!only_ && count <= capacity_ - length_ && (kind_ == 1 ? c <= 0xff : kind_ == 4 || c <= 0xffff)) return Status::Ok;
    return grow(count, c);
  }
  void put(Py_UCS4 c) {
    if (kind_ == 1) {
      static_cast<Py_UCS1*>(data_)[length_++] = static_cast<Py_UCS1>(c);
      bits_ |= static_cast<Py_UCS1>(c);
    } else if (kind_ == 2) {
      static_cast<Py_UCS2*>(data_)[length_++] = static_cast<Py_UCS2>(c);
    } else {
      static_cast<Py_UCS4*>(data_)[length_++] = c;
    }
  }

  Py_ssize_t length() const { return only_ ? str_length(only_) : length_; }
  Py_UCS4 last() const { return only_ ? str_char(only_, str_length(only_) - 1) : read_char(kind_, data_, length_ - 1); }
  void truncate(Py_ssize_t length);
  // A reader of what is there: valid until the next addition.
  int kind() const { return only_ ? str_kind(only_) : kind_; }
  const void* data() const { return only_ ? str_data(only_) : data_; }

  PyObject* finish();  // new; the builder is empty afterwards
  void discard();

 private:
  Status grow(Py_ssize_t count, Py_UCS4 c);

  PyObject* only_ = nullptr;
  void* data_ = small_;
  Py_ssize_t length_ = 0;
  Py_ssize_t capacity_ = kSmall;
  int kind_ = 1;
  Py_UCS1 bits_ = 0;  // of all characters while kind is 1
  static constexpr Py_ssize_t kSmall = 208;
  Py_UCS1 small_[kSmall];
};

// ---- hash secret -----------------------------------------------------------------------------------------------------------------------

// Fills _Py_HashSecret: random, or from the seed as PYTHONHASHSEED says (0: all zero). Called by the runtime, once,
// before the first interpreter's rooms start. False when the system gives no randomness.
bool hash_secret_start(bool use_seed, unsigned long seed);
Py_hash_t hash_bytes(const void* data, Py_ssize_t size);  // never -1; 0 for no bytes

}  // namespace ks
