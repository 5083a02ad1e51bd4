// Shared by the files of str: argument checks and the functions behind the method table.
#pragma once

#include "object/export.h"
#include "object/method.h"
#include "types/str.h"

KS_EXPORT PyObject* _PyUnicode_Copy(PyObject* s);

namespace ks {

// TypeError "must be str, not ..." for what is no str.
inline Status require_str(PyObject* o) {
  if (PyUnicode_Check(o)) [[likely]] return Status::Ok;
  return raise(PyExc_TypeError, "must be str, not %.100s", Py_TYPE(o)->tp_name);
}
inline bool is_str_argument(PyObject* o) {
  if (o && PyUnicode_Check(o)) [[likely]] return true;
  PyErr_BadArgument();
  return false;
}
inline bool is_str_internal(PyObject* o) {
  if (o && PyUnicode_Check(o)) [[likely]] return true;
  PyErr_BadInternalCall();
  return false;
}

// Bounds of a slice as the find family understands them, clipped to [0, length].
inline void clip_slice(Py_ssize_t* start, Py_ssize_t* end, Py_ssize_t length) {
  if (*end > length) *end = length;
  else if (*end < 0) *end = *end + length < 0 ? 0 : *end + length;
  if (*start < 0) *start = *start + length < 0 ? 0 : *start + length;
}

// The end of a slice: omitted or None is the end of the text.
struct SliceEnd {
  Py_ssize_t value = PY_SSIZE_T_MAX;
  operator Py_ssize_t() const { return value; }
};
template <>
struct Argument<SliceEnd> {
  SliceEnd value;
  void set_default(const char*, int) {}
  bool convert(const Signature&, int, PyObject* object) { return convert_index(object, &value.value); }
};

// Text of a smaller kind in a wider one, for the time of an operation.
class Widened {
 public:
  Widened(PyObject* s, int kind) : Widened(str_kind(s), str_data(s), str_length(s), kind) {}
  Widened(int from, const void* source, Py_ssize_t length, int kind) {
    if (from >= kind) {
      data_ = source;
      return;
    }
    const size_t size = static_cast<size_t>(length) * kind;
    void* target = small_;
    if (size > sizeof small_) target = owned_ = PyMem_Malloc(size);
    if (!target) {
      PyErr_NoMemory();
      return;
    }
    copy_chars(kind, target, 0, from, source, 0, length);
    data_ = target;
  }
  Widened(const Widened&) = delete;
  Widened& operator=(const Widened&) = delete;
  ~Widened() { PyMem_Free(owned_); }
  explicit operator bool() const { return data_ != nullptr; }
  const void* data() const { return data_; }

 private:
  const void* data_ = nullptr;
  void* owned_ = nullptr;
  alignas(8) char small_[256];
};

// Behind the method table (str_methods.cpp).
PyObject* str_split(PyObject* s, PyObject* separator, Py_ssize_t maximum);    // separator nullptr: whitespace
PyObject* str_rsplit(PyObject* s, PyObject* separator, Py_ssize_t maximum);
PyObject* str_splitlines(PyObject* s, bool keep_ends);
PyObject* str_partition(PyObject* s, PyObject* separator);
PyObject* str_rpartition(PyObject* s, PyObject* separator);
PyObject* str_join(PyObject* separator, PyObject* iterable);
PyObject* str_replace(PyObject* s, PyObject* old, PyObject* replacement, Py_ssize_t maximum);
PyObject* str_translate(PyObject* s, PyObject* table, const char* errors);
PyObject* str_maketrans(PyObject* x, PyObject* y, PyObject* z);
PyObject* str_repr(PyObject* s);
PyObject* str_percent(PyObject* format, PyObject* arguments);
PyObject* str_format(PyObject* self, PyObject* args, PyObject* kwargs);
PyObject* str_format_map(PyObject* self, PyObject* mapping);
bool str_tail_match(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end, bool at_end);
PyObject* str_pad(PyObject* s, Py_ssize_t left, Py_ssize_t right, Py_UCS4 fill);

enum class StripSide { Left = 1, Right = 2, Both = 3 };
PyObject* str_strip(PyObject* s, PyObject* chars, StripSide side);  // chars nullptr: whitespace

PyObject* str_upper(PyObject* s);
PyObject* str_lower(PyObject* s);
PyObject* str_title(PyObject* s);
PyObject* str_swapcase(PyObject* s);
PyObject* str_capitalize(PyObject* s);
PyObject* str_casefold(PyObject* s);

extern PyMethodDef str_methods[];

// Whether the text has a new owner's freedom: nobody else refers to it, it is not interned, hashed or a subclass's.
inline bool str_is_modifiable(PyObject* s) {
  return Py_REFCNT(s) == 1 && str_head(s)->hash == -1 && !str_head(s)->state.interned && is_exact_str(s);
}

}  // namespace ks
