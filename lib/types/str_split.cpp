// Taking str apart and putting it together: split, splitlines, partition, strip, join.
#include <algorithm>

#include "object/export.h"
#include "types/str.h"
#include "types/str_private.h"

namespace ks {

// Collects parts; the first twelve in place.
class Parts {
 public:
  explicit Parts(Py_ssize_t) {}
  Status add(PyObject* part) {  // takes the reference over; nullptr is a failure
    if (!part) return failed;
    if (!list_ && count_ < kFixed) {
      fixed_[count_++] = part;
      return Status::Ok;
    }
    if (!list_ && is_failure(spill())) {
      Py_DECREF(part);
      return failed;
    }
    Ref<> owned = steal(part);
    return status(PyList_Append(list_, owned));
  }
  PyObject* finish() {
    if (!list_) {
      PyObject* list = PyList_New(count_);
      if (!list) return nullptr;
      for (int i = 0; i < count_; ++i) PyList_SET_ITEM(list, i, fixed_[i]);
      count_ = 0;
      return list;
    }
    count_ = 0;  // the list owns them
    return list_.release();
  }
  ~Parts() {
    if (!list_)
      for (int i = 0; i < count_; ++i) Py_DECREF(fixed_[i]);
  }

 private:
  Status spill() {
    Ref<> list = TRY(steal(PyList_New(count_)));
    for (int i = 0; i < count_; ++i) PyList_SET_ITEM(list.get(), i, fixed_[i]);
    list_ = std::move(list);
    count_ = 0;
    return Status::Ok;
  }
  static constexpr int kFixed = 12;
  int count_ = 0;
  PyObject* fixed_[kFixed];
  Ref<> list_;
};

static Status add_part(Parts& parts, PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  return parts.add(start == 0 && end == str_length(s) ? str_exact(s) : str_substring(s, start, end));
}

PyObject* str_split(PyObject* s, PyObject* separator, Py_ssize_t maximum) {
  if (maximum < 0) maximum = PY_SSIZE_T_MAX;
  Parts parts(maximum);
  const Py_ssize_t length = str_length(s);
  if (!separator) {
    const Status done = str_visit(s, [&](auto chars) -> Status {
      Py_ssize_t i = 0;
      while (maximum-- > 0) {
        while (i < length && Py_UNICODE_ISSPACE(chars[i])) ++i;
        if (i == length) return Status::Ok;
        const Py_ssize_t start = i++;
        while (i < length && !Py_UNICODE_ISSPACE(chars[i])) ++i;
        TRY(add_part(parts, s, start, i));
      }
      while (i < length && Py_UNICODE_ISSPACE(chars[i])) ++i;
      if (i < length) TRY(add_part(parts, s, i, length));
      return Status::Ok;
    });
    TRY(done);
    return parts.finish();
  }
  const Py_ssize_t step = str_length(separator);
  if (step == 0) return raise(PyExc_ValueError, "empty separator");
  Py_ssize_t start = 0;
  while (maximum-- > 0) {
    const Py_ssize_t found = step == 1 ? str_find_char(s, str_char(separator, 0), start, length) : str_find(s, separator, start, length);
    if (found == -2) return nullptr;
    if (found < 0) break;
    TRY(add_part(parts, s, start, found));
    start = found + step;
  }
  TRY(add_part(parts, s, start, length));
  return parts.finish();
}

PyObject* str_rsplit(PyObject* s, PyObject* separator, Py_ssize_t maximum) {
  if (maximum < 0) maximum = PY_SSIZE_T_MAX;
  Parts parts(maximum);
  const Py_ssize_t length = str_length(s);
  if (!separator) {
    const Status done = str_visit(s, [&](auto chars) -> Status {
      Py_ssize_t i = length;
      while (maximum-- > 0) {
        while (i > 0 && Py_UNICODE_ISSPACE(chars[i - 1])) --i;
        if (i == 0) return Status::Ok;
        const Py_ssize_t end = i--;
        while (i > 0 && !Py_UNICODE_ISSPACE(chars[i - 1])) --i;
        TRY(add_part(parts, s, i, end));
      }
      while (i > 0 && Py_UNICODE_ISSPACE(chars[i - 1])) --i;
      if (i > 0) TRY(add_part(parts, s, 0, i));
      return Status::Ok;
    });
    TRY(done);
  } else {
    const Py_ssize_t step = str_length(separator);
    if (step == 0) return raise(PyExc_ValueError, "empty separator");
    Py_ssize_t end = length;
    while (maximum-- > 0) {
      const Py_ssize_t found = str_rfind(s, separator, 0, end);
      if (found == -2) return nullptr;
      if (found < 0) break;
      TRY(add_part(parts, s, found + step, end));
      end = found;
    }
    TRY(add_part(parts, s, 0, end));
  }
  Ref<> list = TRY(steal(parts.finish()));
  if (PyList_Reverse(list) < 0) return nullptr;
  return list.release();
}

template <class T>
static bool is_line_break(T c) {
  if (c < 0x80) return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e);
  if constexpr (sizeof(T) == 1) return c == 0x85;
  else return c == 0x85 || c == 0x2028 || c == 0x2029;
}
PyObject* str_splitlines(PyObject* s, bool keep_ends) {
  Parts parts(-1);
  const Py_ssize_t length = str_length(s);
  const Status done = str_visit(s, [&](auto chars) -> Status {
    for (Py_ssize_t i = 0; i < length;) {
      const Py_ssize_t start = i;
      while (i < length && !is_line_break(chars[i])) ++i;
      Py_ssize_t end = i;
      if (i < length) {
        i += chars[i] == '\r' && i + 1 < length && chars[i + 1] == '\n' ? 2 : 1;
        if (keep_ends) end = i;
      }
      TRY(add_part(parts, s, start, end));
    }
    return Status::Ok;
  });
  TRY(done);
  return parts.finish();
}

static PyObject* three(PyObject* a, PyObject* b, PyObject* c) {  // takes the references over
  Ref<> x = steal(a), y = steal(b), z = steal(c);
  if (!x || !y || !z) return nullptr;
  return PyTuple_Pack(3, x.get(), y.get(), z.get());
}
PyObject* str_partition(PyObject* s, PyObject* separator) {
  const Py_ssize_t step = str_length(separator);
  if (step == 0) return raise(PyExc_ValueError, "empty separator");
  const Py_ssize_t found = str_find(s, separator, 0, PY_SSIZE_T_MAX);
  if (found == -2) return nullptr;
  if (found < 0) return three(str_exact(s), str_empty(), str_empty());
  return three(str_substring(s, 0, found), Py_NewRef(separator), str_substring(s, found + step, str_length(s)));
}
PyObject* str_rpartition(PyObject* s, PyObject* separator) {
  const Py_ssize_t step = str_length(separator);
  if (step == 0) return raise(PyExc_ValueError, "empty separator");
  const Py_ssize_t found = str_rfind(s, separator, 0, PY_SSIZE_T_MAX);
  if (found == -2) return nullptr;
  if (found < 0) return three(str_empty(), str_empty(), str_exact(s));
  return three(str_substring(s, 0, found), Py_NewRef(separator), str_substring(s, found + step, str_length(s)));
}

PyObject* str_strip(PyObject* s, PyObject* chars, StripSide side) {
  Py_ssize_t start = 0, end = str_length(s);
  const bool left = static_cast<int>(side) & 1, right = static_cast<int>(side) & 2;
  str_visit(s, [&](auto text) {
    auto strip = [&](auto&& drop) {
      if (left)
        while (start < end && drop(text[start])) ++start;
      if (right)
        while (end > start && drop(text[end - 1])) --end;
    };
    if (!chars) strip([](Py_UCS4 c) { return Py_UNICODE_ISSPACE(c) != 0; });
    else if (str_length(chars) == 1) strip([c = str_char(chars, 0)](Py_UCS4 other) { return c == other; });
    else strip([&](Py_UCS4 c) { return str_find_char(chars, c, 0, PY_SSIZE_T_MAX) >= 0; });
  });
  return str_substring(s, start, end);
}

// Joins items that may be anything; TypeError for what is no str.
static PyObject* join_items(PyObject* separator, PyObject* const* items, Py_ssize_t count) {
  if (count == 0) return str_empty();
  if (count == 1 && is_exact_str(items[0])) return Py_NewRef(items[0]);
  const Py_ssize_t gap = separator ? str_length(separator) : 1;
  Py_UCS4 most = count > 1 && gap ? separator ? PyUnicode_MAX_CHAR_VALUE(separator) : 0x7f : 0x7f;
  Py_ssize_t total = 0;
  bool same_kind = true;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = items[i];
    if (!PyUnicode_Check(item))
      return raise(PyExc_TypeError, "sequence item %zd: expected str instance, %.80s found", i, Py_TYPE(item)->tp_name);
    const Py_ssize_t add = str_length(item) + (i ? gap : 0);
    if (add > PY_SSIZE_T_MAX - total) return raise(PyExc_OverflowError, "join() result is too long for a Python string");
    total += add;
    most = std::max(most, PyUnicode_MAX_CHAR_VALUE(item));
  }
  if (count == 1) return str_exact(items[0]);
  PyObject* result = str_new(total, most);
  if (!result) return nullptr;
  const int kind = str_kind(result);
  char* to = str_data_as<char>(result);
  (void)same_kind;
  const char* gap_data = separator ? str_data_as<const char>(separator) : " ";
  const int gap_kind = separator ? str_kind(separator) : 1;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (i && gap) {
      if (gap == 1 && kind == 1) {
        *to++ = gap_data[0];
      } else {
        copy_chars(kind, to, 0, gap_kind, gap_data, 0, gap);
        to += gap * kind;
      }
    }
    PyObject* item = items[i];
    const Py_ssize_t length = str_length(item);
    if (str_kind(item) == kind) memcpy(to, str_data(item), static_cast<size_t>(length) * kind);
    else copy_chars(kind, to, 0, str_kind(item), str_data(item), 0, length);
    to += length * kind;
  }
  if (total == 1) Py_SETREF(result, str_from_char(str_char(result, 0)));
  return result;
}

PyObject* str_join(PyObject* separator, PyObject* iterable) {
  Ref<> items = TRY(steal(PySequence_Fast(iterable, "can only join an iterable")));
  return join_items(separator, PySequence_Fast_ITEMS(items.get()), PySequence_Fast_GET_SIZE(items.get()));
}

}  // namespace ks

using namespace ks;

extern "C" {

// Separator NULL: one space.
PyObject* PyUnicode_Join(PyObject* separator, PyObject* iterable) {
  if (separator && !PyUnicode_Check(separator))
    return raise(PyExc_TypeError, "separator: expected str instance, %.80s found", Py_TYPE(separator)->tp_name);
  return str_join(separator, iterable);
}
KS_EXPORT PyObject* _PyUnicode_JoinArray(PyObject* separator, PyObject* const* items, Py_ssize_t count) {
  if (separator && !PyUnicode_Check(separator))
    return raise(PyExc_TypeError, "separator: expected str instance, %.80s found", Py_TYPE(separator)->tp_name);
  return join_items(separator, items, count);
}

// New lists and tuples; separator NULL (or None): whitespace.
PyObject* PyUnicode_Split(PyObject* s, PyObject* separator, Py_ssize_t maximum) {
  TRY(require_str(s));
  if (separator) TRY(require_str(separator));
  return str_split(s, separator, maximum);
}
PyObject* PyUnicode_RSplit(PyObject* s, PyObject* separator, Py_ssize_t maximum) {
  TRY(require_str(s));
  if (separator) TRY(require_str(separator));
  return str_rsplit(s, separator, maximum);
}
PyObject* PyUnicode_Splitlines(PyObject* s, int keep_ends) {
  TRY(require_str(s));
  return str_splitlines(s, keep_ends != 0);
}
PyObject* PyUnicode_Partition(PyObject* s, PyObject* separator) {
  TRY(require_str(s));
  TRY(require_str(separator));
  return str_partition(s, separator);
}
PyObject* PyUnicode_RPartition(PyObject* s, PyObject* separator) {
  TRY(require_str(s));
  TRY(require_str(separator));
  return str_rpartition(s, separator);
}

}  // extern "C"
