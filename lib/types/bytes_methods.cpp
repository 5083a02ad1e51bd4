// The methods of bytes and bytearray: each works on either and makes results of its self's kind.
#include "types/bytes_methods.h"

#include <algorithm>

#include "object/export.h"
#include "object/identifier.h"
#include "runtime/state.h"
#include "types/int.h"
#include "object/method_text.h"

namespace ks {

PyObject* bytes_like(PyObject* self, const char* data, Py_ssize_t size) {
  return PyByteArray_Check(self) ? PyByteArray_FromStringAndSize(data, size) : bytes_from(data, size);
}
PyObject* bytes_like_new(PyObject* self, Py_ssize_t size, char** place) {
  PyObject* result = PyByteArray_Check(self) ? PyByteArray_FromStringAndSize(nullptr, size) : bytes_new(size);
  if (result) *place = PyByteArray_Check(result) ? PyByteArray_AS_STRING(result) : bytes_data(result);
  return result;
}

namespace {

// self where nothing changes: itself if it is exactly bytes, else a copy.
PyObject* unchanged(PyObject* self, const PinnedBytes& bytes) {
  return PyBytes_CheckExact(self) ? Py_NewRef(self) : bytes_like(self, bytes.data, bytes.size);
}
PyObject* part_of(PyObject* self, const PinnedBytes& bytes, Py_ssize_t start, Py_ssize_t stop) {
  if (start == 0 && stop == bytes.size) return unchanged(self, bytes);
  return bytes_like(self, bytes.data + start, stop - start);
}

// ---- ASCII classes ---------------------------------------------------------------------------------------------------

constexpr bool is_upper(unsigned char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(unsigned char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_alpha(unsigned char c) { return is_upper(c) || is_lower(c); }
constexpr bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
constexpr bool is_space(unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr char to_lower(char c) { return is_upper(static_cast<unsigned char>(c)) ? static_cast<char>(c | 0x20) : c; }
constexpr char to_upper(char c) { return is_lower(static_cast<unsigned char>(c)) ? static_cast<char>(c & ~0x20) : c; }

// ---- arguments -------------------------------------------------------------------------------------------------------

// What is searched for: a bytes-like object or a byte.
class Needle {
 public:
  bool read(PyObject* o) {
    if (PyObject_CheckBuffer(o)) {
      if (PyObject_GetBuffer(o, &view_, PyBUF_SIMPLE) < 0) return false;
      data = static_cast<const char*>(view_.buf);
      size = view_.len;
      return true;
    }
    if (!PyIndex_Check(o)) {
      PyErr_Format(PyExc_TypeError, "argument should be integer or bytes-like object, not '%.200s'", Py_TYPE(o)->tp_name);
      return false;
    }
    Py_ssize_t value = PyNumber_AsSsize_t(o, nullptr);
    if (value == -1 && PyErr_Occurred()) return false;
    if (value < 0 || value > 255) {
      PyErr_SetString(PyExc_ValueError, "byte must be in range(0, 256)");
      return false;
    }
    byte_ = static_cast<char>(value);
    data = &byte_;
    size = 1;
    return true;
  }
  Needle() = default;
  Needle(const Needle&) = delete;
  Needle& operator=(const Needle&) = delete;
  ~Needle() {
    if (view_.obj) PyBuffer_Release(&view_);
  }
  const char* data = nullptr;
  Py_ssize_t size = 0;

 private:
  Py_buffer view_{};
  char byte_ = 0;
};

// start and end of find() and its like.
struct Bounds {
  Py_ssize_t start = 0, end = PY_SSIZE_T_MAX;
  bool read(PyObject* start_object, PyObject* end_object) {
    return (!start_object || convert_index(start_object, &start)) && (!end_object || convert_index(end_object, &end));
  }
  void adjust(Py_ssize_t size) {
    if (end > size) end = size;
    else if (end < 0) end = std::max<Py_ssize_t>(end + size, 0);
    if (start < 0) start = std::max<Py_ssize_t>(start + size, 0);
  }
};

// ---- find, index, count ----------------------------------------------------------------------------------------------

Py_ssize_t find_in(PyObject* self, PyObject* sub, PyObject* start, PyObject* end, bool backwards) {  // -2: error
  Bounds bounds;
  Needle needle;
  if (!bounds.read(start, end)) return -2;
  PinnedBytes bytes(self);
  if (!needle.read(sub)) return -2;
  bounds.adjust(bytes.size);
  if (bounds.end - bounds.start < needle.size) return -1;
  const char* text = bytes.data + bounds.start;
  const Py_ssize_t size = bounds.end - bounds.start;
  const Py_ssize_t at = backwards ? bytes_search_back(text, size, needle.data, needle.size) : bytes_search(text, size, needle.data, needle.size);
  return at < 0 ? -1 : at + bounds.start;
}
PyObject* box_find(Py_ssize_t at, bool required) {
  if (at == -2) return nullptr;
  if (at == -1 && required) return raise(PyExc_ValueError, "subsection not found");
  return int_from_int64(at);
}
#define BOUNDED "($self, sub, start=None, end=None, /)"
#define BOUNDED_SHOWN "($self, sub[, start[, end]], /)"
#define BOUNDED_DOC "\n\n  sub\n    A bytes-like object, or an int in range(256).\n  start, end\n    Search only in self[start:end]."
PyObject* shared_find(PyObject* self, PyObject* sub, PyObject* start, PyObject* end) { return box_find(find_in(self, sub, start, end, false), false); }
METHOD_SHOWN(shared_find, "find", 0, BOUNDED, BOUNDED_SHOWN, "The lowest index where sub is found, or -1." BOUNDED_DOC);
PyObject* shared_rfind(PyObject* self, PyObject* sub, PyObject* start, PyObject* end) { return box_find(find_in(self, sub, start, end, true), false); }
METHOD_SHOWN(shared_rfind, "rfind", 0, BOUNDED, BOUNDED_SHOWN, "The highest index where sub is found, or -1." BOUNDED_DOC);
PyObject* shared_index(PyObject* self, PyObject* sub, PyObject* start, PyObject* end) { return box_find(find_in(self, sub, start, end, false), true); }
METHOD_SHOWN(shared_index, "index", 0, BOUNDED, BOUNDED_SHOWN, "The lowest index where sub is found; ValueError where it is not." BOUNDED_DOC);
PyObject* shared_rindex(PyObject* self, PyObject* sub, PyObject* start, PyObject* end) { return box_find(find_in(self, sub, start, end, true), true); }
METHOD_SHOWN(shared_rindex, "rindex", 0, BOUNDED, BOUNDED_SHOWN, "The highest index where sub is found; ValueError where it is not." BOUNDED_DOC);

Py_ssize_t count_in(const char* text, Py_ssize_t size, const char* needle, Py_ssize_t needle_size, Py_ssize_t limit) {
  if (needle_size == 0) return std::min(size + 1, limit);
  Py_ssize_t count = 0;
  while (count < limit) {
    const Py_ssize_t at = bytes_search(text, size, needle, needle_size);
    if (at < 0) break;
    ++count;
    text += at + needle_size;
    size -= at + needle_size;
  }
  return count;
}
Py_ssize_t shared_count(PyObject* self, PyObject* sub, PyObject* start, PyObject* end) {
  Bounds bounds;
  Needle needle;
  if (!bounds.read(start, end)) return -1;
  PinnedBytes bytes(self);
  if (!needle.read(sub)) return -1;
  bounds.adjust(bytes.size);
  if (bounds.start > bounds.end) return 0;
  return count_in(bytes.data + bounds.start, bounds.end - bounds.start, needle.data, needle.size, PY_SSIZE_T_MAX);
}
METHOD_SHOWN(shared_count, "count", 0, BOUNDED, BOUNDED_SHOWN, "The number of occurrences of sub that do not overlap." BOUNDED_DOC);

// -1 error, 0, 1
int tail_match(const PinnedBytes& bytes, PyObject* part, Bounds bounds, bool at_end) {
  BytesLike needle(part);
  if (!needle.good()) return -1;
  bounds.adjust(bytes.size);
  if (bounds.start > bytes.size || bounds.end - bounds.start < needle.size()) return 0;
  const char* place = bytes.data + (at_end ? bounds.end - needle.size() : bounds.start);
  return memcmp(place, needle.data(), static_cast<size_t>(needle.size())) == 0;
}
Found match_any(PyObject* self, PyObject* part, PyObject* start, PyObject* end, const char* name, bool at_end) {
  Bounds bounds;
  if (!bounds.read(start, end)) return failed;
  PinnedBytes bytes(self);
  if (PyTuple_Check(part)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(part); ++i)
      if (const int match = tail_match(bytes, PyTuple_GET_ITEM(part, i), bounds, at_end)) return found(match);
    return Found::No;
  }
  const int match = tail_match(bytes, part, bounds, at_end);
  if (match < 0 && PyErr_ExceptionMatches(PyExc_TypeError))
    return raise(PyExc_TypeError, "%s first arg must be bytes or a tuple of bytes, not %s", name, Py_TYPE(part)->tp_name);
  return found(match);
}
Found shared_startswith(PyObject* self, PyObject* prefix, PyObject* start, PyObject* end) {
  return match_any(self, prefix, start, end, "startswith", false);
}
METHOD_SHOWN(shared_startswith, "startswith", 0, "($self, prefix, start=None, end=None, /)", "($self, prefix[, start[, end]], /)",
             "Whether the bytes start with prefix, or with one of a tuple of prefixes.");
Found shared_endswith(PyObject* self, PyObject* suffix, PyObject* start, PyObject* end) {
  return match_any(self, suffix, start, end, "endswith", true);
}
METHOD_SHOWN(shared_endswith, "endswith", 0, "($self, suffix, start=None, end=None, /)", "($self, suffix[, start[, end]], /)",
             "Whether the bytes end with suffix, or with one of a tuple of suffixes.");

PyObject* shared_removeprefix(PyObject* self, PyObject* prefix) {
  BytesLike part(prefix);
  if (!part.good()) return nullptr;
  PinnedBytes bytes(self);
  const bool match = part.size() > 0 && bytes.size >= part.size() && memcmp(bytes.data, part.data(), static_cast<size_t>(part.size())) == 0;
  return part_of(self, bytes, match ? part.size() : 0, bytes.size);
}
METHOD(shared, removeprefix, "($self, prefix, /)", "The bytes without the prefix, or a copy where they do not begin with it.");
PyObject* shared_removesuffix(PyObject* self, PyObject* suffix) {
  BytesLike part(suffix);
  if (!part.good()) return nullptr;
  PinnedBytes bytes(self);
  const bool match = part.size() > 0 && bytes.size >= part.size() &&
                     memcmp(bytes.data + bytes.size - part.size(), part.data(), static_cast<size_t>(part.size())) == 0;
  return part_of(self, bytes, 0, bytes.size - (match ? part.size() : 0));
}
METHOD(shared, removesuffix, "($self, suffix, /)", "The bytes without the suffix, or a copy where they do not end with it.");

// ---- split and join --------------------------------------------------------------------------------------------------

// Collects parts; from the right they are turned round at the end.
class Parts {
 public:
  explicit Parts(PyObject* self, const PinnedBytes& bytes) : self_(self), bytes_(bytes), list_(steal(PyList_New(0))) {}
  Status add(Py_ssize_t start, Py_ssize_t stop) {
    Ref<> item = start == 0 && stop == bytes_.size && PyBytes_CheckExact(self_) ? borrow(self_)
                                                                              : steal(bytes_like(self_, bytes_.data + start, stop - start));
    return item && list_ ? status(PyList_Append(list_, item)) : failed;
  }
  PyObject* finish(bool reverse) {
    if (reverse && PyList_Reverse(list_) < 0) return nullptr;
    return list_.release();
  }

 private:
  PyObject* self_;
  const PinnedBytes& bytes_;
  Ref<> list_;
};
PyObject* shared_split(PyObject* self, PyObject* sep, Py_ssize_t maxsplit) {
  if (maxsplit < 0) maxsplit = PY_SSIZE_T_MAX;
  PinnedBytes bytes(self);
  Parts parts(self, bytes);
  const char* text = bytes.data;
  const Py_ssize_t size = bytes.size;
  if (!sep || sep == Py_None) {
    Py_ssize_t i = 0;
    for (;;) {
      while (i < size && is_space(static_cast<unsigned char>(text[i]))) ++i;
      if (i == size) return parts.finish(false);
      const Py_ssize_t start = i;
      if (maxsplit-- <= 0) {
        TRY(parts.add(start, size));
        return parts.finish(false);
      }
      while (i < size && !is_space(static_cast<unsigned char>(text[i]))) ++i;
      TRY(parts.add(start, i));
    }
  }
  BytesLike needle(sep);
  if (!needle.good()) return nullptr;
  if (needle.size() == 0) return raise(PyExc_ValueError, "empty separator");
  Py_ssize_t start = 0;
  while (maxsplit-- > 0) {
    const Py_ssize_t at = bytes_search(text + start, size - start, needle.data(), needle.size());
    if (at < 0) break;
    TRY(parts.add(start, start + at));
    start += at + needle.size();
  }
  TRY(parts.add(start, size));
  return parts.finish(false);
}
#define SPLIT_DOC                                                                                                    \
  "\n\n  sep\n    The delimiter; None: runs of ASCII whitespace (space, tab, return, newline, formfeed, vertical tab)." \
  "\n  maxsplit\n    The most splits to do; -1: no limit."
METHOD(shared, split, "($self, /, sep=None, maxsplit=-1)", "A list of the sections, from the left." SPLIT_DOC);
PyObject* shared_rsplit(PyObject* self, PyObject* sep, Py_ssize_t maxsplit) {
  if (maxsplit < 0) maxsplit = PY_SSIZE_T_MAX;
  PinnedBytes bytes(self);
  Parts parts(self, bytes);
  const char* text = bytes.data;
  Py_ssize_t end = bytes.size;
  if (!sep || sep == Py_None) {
    for (;;) {
      while (end > 0 && is_space(static_cast<unsigned char>(text[end - 1]))) --end;
      if (end == 0) return parts.finish(true);
      Py_ssize_t start = end;
      if (maxsplit-- <= 0) {
        TRY(parts.add(0, end));
        return parts.finish(true);
      }
      while (start > 0 && !is_space(static_cast<unsigned char>(text[start - 1]))) --start;
      TRY(parts.add(start, end));
      end = start;
    }
  }
  BytesLike needle(sep);
  if (!needle.good()) return nullptr;
  if (needle.size() == 0) return raise(PyExc_ValueError, "empty separator");
  while (maxsplit-- > 0) {
    const Py_ssize_t at = bytes_search_back(text, end, needle.data(), needle.size());
    if (at < 0) break;
    TRY(parts.add(at + needle.size(), end));
    end = at;
  }
  TRY(parts.add(0, end));
  return parts.finish(true);
}
METHOD(shared, rsplit, "($self, /, sep=None, maxsplit=-1)", "A list of the sections, splitting from the right." SPLIT_DOC);
PyObject* shared_splitlines(PyObject* self, bool keepends) {
  PinnedBytes bytes(self);
  Parts parts(self, bytes);
  for (Py_ssize_t i = 0; i < bytes.size;) {
    const Py_ssize_t start = i;
    while (i < bytes.size && bytes.data[i] != '\n' && bytes.data[i] != '\r') ++i;
    const Py_ssize_t stop = i;
    if (i < bytes.size) i += bytes.data[i] == '\r' && i + 1 < bytes.size && bytes.data[i + 1] == '\n' ? 2 : 1;
    TRY(parts.add(start, keepends ? i : stop));
  }
  return parts.finish(false);
}
METHOD(shared, splitlines, "($self, /, keepends=False)", "A list of the lines, with their ends only if keepends is true.");

PyObject* partition_at(PyObject* self, PyObject* sep, bool backwards) {
  BytesLike needle(sep);
  if (!needle.good()) return nullptr;
  if (needle.size() == 0) return raise(PyExc_ValueError, "empty separator");
  PinnedBytes bytes(self);
  const Py_ssize_t at = backwards ? bytes_search_back(bytes.data, bytes.size, needle.data(), needle.size())
                                  : bytes_search(bytes.data, bytes.size, needle.data(), needle.size());
  Ref<> head, middle, tail;
  if (at < 0) {
    Ref<> whole = TRY(steal(unchanged(self, bytes)));
    middle = TRY(steal(bytes_like(self, nullptr, 0)));
    Ref<> other = TRY(steal(bytes_like(self, nullptr, 0)));
    head = backwards ? std::move(other) : std::move(whole);
    tail = backwards ? std::move(whole) : std::move(other);
  } else {
    head = TRY(steal(bytes_like(self, bytes.data, at)));
    middle = PyBytes_Check(sep) && PyBytes_Check(self) ? borrow(sep) : TRY(steal(bytes_like(self, needle.data(), needle.size())));
    tail = TRY(steal(bytes_like(self, bytes.data + at + needle.size(), bytes.size - at - needle.size())));
  }
  return PyTuple_Pack(3, head.get(), middle.get(), tail.get());
}
PyObject* shared_partition(PyObject* self, PyObject* sep) { return partition_at(self, sep, false); }
METHOD(shared, partition, "($self, sep, /)",
       "The part before the first sep, sep, and the part behind it; (self, b'', b'') where it is not found.");
PyObject* shared_rpartition(PyObject* self, PyObject* sep) { return partition_at(self, sep, true); }
METHOD(shared, rpartition, "($self, sep, /)",
       "The part before the last sep, sep, and the part behind it; (b'', b'', self) where it is not found.");

PyObject* shared_join(PyObject* self, PyObject* iterable) {
  PinnedBytes separator(self);
  Ref<> items = TRY(steal(PySequence_Fast(iterable, "can only join an iterable")));
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(items.get());
  if (count == 0) return bytes_like(self, nullptr, 0);
  if (count == 1 && PyBytes_Check(self) && PyBytes_CheckExact(PySequence_Fast_GET_ITEM(items.get(), 0)))
    return Py_NewRef(PySequence_Fast_GET_ITEM(items.get(), 0));
  // Buffers stay held until everything is copied, so that nothing moves meanwhile.
  struct Held {
    Py_buffer* views;
    Py_ssize_t count = 0;
    ~Held() {
      for (Py_ssize_t i = 0; i < count; ++i)
        if (views[i].obj) PyBuffer_Release(&views[i]);
      PyMem_Free(views);
    }
  } held{static_cast<Py_buffer*>(PyMem_Calloc(static_cast<size_t>(count), sizeof(Py_buffer)))};
  if (!held.views) return PyErr_NoMemory();
  Py_ssize_t total = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (i >= PySequence_Fast_GET_SIZE(items.get())) return raise(PyExc_RuntimeError, "sequence changed size during iteration");
    Ref<> item = borrow(PySequence_Fast_GET_ITEM(items.get(), i));  // its __buffer__ may change the list
    Py_buffer& view = held.views[i];
    if (PyBytes_CheckExact(item.get())) {
      view.obj = Py_NewRef(item.get());
      view.buf = bytes_data(item);
      view.len = Py_SIZE(item.get());
    } else if (PyObject_GetBuffer(item, &view, PyBUF_SIMPLE) < 0) {
      return raise(PyExc_TypeError, "sequence item %zd: expected a bytes-like object, %.80s found", i, Py_TYPE(item.get())->tp_name);
    }
    held.count = i + 1;
    const Py_ssize_t more = view.len + (i ? separator.size : 0);
    if (more < 0 || more > PY_SSIZE_T_MAX - total) return raise(PyExc_OverflowError, "join() result is too long");
    total += more;
  }
  if (PySequence_Fast_GET_SIZE(items.get()) != count) return raise(PyExc_RuntimeError, "sequence changed size during iteration");
  char* out;
  PyObject* result = TRY(bytes_like_new(self, total, &out));
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (i && separator.size) {
      memcpy(out, separator.data, static_cast<size_t>(separator.size));
      out += separator.size;
    }
    if (held.views[i].len) memcpy(out, held.views[i].buf, static_cast<size_t>(held.views[i].len));
    out += held.views[i].len;
  }
  return result;
}
METHOD(shared, join, "($self, iterable_of_bytes, /)",
       "Concatenate any number of bytes-like objects, with self between them.\n\nExample: b'.'.join([b'ab', b'pq', b'rs']) -> b'ab.pq.rs'.");

// ---- replace, strip, translate -----------------------------------------------------------------------------------------

PyObject* shared_replace(PyObject* self, PyObject* old_object, PyObject* new_object, Py_ssize_t count) {
  BytesLike from(old_object);
  if (!from.good()) return nullptr;
  BytesLike to(new_object);
  if (!to.good()) return nullptr;
  PinnedBytes bytes(self);
  if (count < 0) count = PY_SSIZE_T_MAX;
  const Py_ssize_t matches = count_in(bytes.data, bytes.size, from.data(), from.size(), count);
  // b"".replace(b"", x, n): one place, if anything is to be done at all.
  if (matches == 0 || (from.size() == 0 && to.size() == 0)) return unchanged(self, bytes);
  const Py_ssize_t growth = to.size() - from.size();
  if (growth > 0 && matches > (PY_SSIZE_T_MAX - bytes.size) / growth) return raise(PyExc_OverflowError, "replace bytes is too long");
  char* out;
  PyObject* result = TRY(bytes_like_new(self, bytes.size + matches * growth, &out));
  auto copy = [&](const char* data, Py_ssize_t size) {
    if (size) memcpy(out, data, static_cast<size_t>(size));
    out += size;
  };
  const char* p = bytes.data;
  Py_ssize_t rest = bytes.size;
  for (Py_ssize_t i = 0; i < matches; ++i) {
    if (from.size() == 0) {
      copy(to.data(), to.size());
      if (i + 1 < matches || rest > 0) {
        if (rest == 0) break;
        if (i + 1 == matches) break;
        copy(p, 1);
        ++p, --rest;
      }
      continue;
    }
    const Py_ssize_t at = bytes_search(p, rest, from.data(), from.size());
    copy(p, at);
    copy(to.data(), to.size());
    p += at + from.size();
    rest -= at + from.size();
  }
  copy(p, rest);
  return result;
}
METHOD(shared, replace, "($self, old, new, count=-1, /)",
       "A copy with all occurrences of old replaced by new.\n\n  count\n    The most occurrences to replace; -1: all.");

PyObject* strip(PyObject* self, PyObject* set, bool left, bool right) {
  bool members[256] = {};
  if (!set || set == Py_None) {
    for (int c = 0; c < 256; ++c) members[c] = is_space(static_cast<unsigned char>(c));
  } else {
    BytesLike chars(set);
    if (!chars.good()) return nullptr;
    for (Py_ssize_t i = 0; i < chars.size(); ++i) members[static_cast<unsigned char>(chars.data()[i])] = true;
  }
  PinnedBytes bytes(self);
  Py_ssize_t start = 0, stop = bytes.size;
  if (left)
    while (start < stop && members[static_cast<unsigned char>(bytes.data[start])]) ++start;
  if (right)
    while (stop > start && members[static_cast<unsigned char>(bytes.data[stop - 1])]) --stop;
  return part_of(self, bytes, start, stop);
}
#define STRIP_DOC "\n\nWithout an argument, or with None, ASCII whitespace goes."
PyObject* shared_strip(PyObject* self, PyObject* bytes) { return strip(self, bytes, true, true); }
METHOD(shared, strip, "($self, bytes=None, /)", "Without the leading and trailing bytes that the argument contains." STRIP_DOC);
PyObject* shared_lstrip(PyObject* self, PyObject* bytes) { return strip(self, bytes, true, false); }
METHOD(shared, lstrip, "($self, bytes=None, /)", "Without the leading bytes that the argument contains." STRIP_DOC);
PyObject* shared_rstrip(PyObject* self, PyObject* bytes) { return strip(self, bytes, false, true); }
METHOD(shared, rstrip, "($self, bytes=None, /)", "Without the trailing bytes that the argument contains." STRIP_DOC);

PyObject* shared_translate(PyObject* self, PyObject* table, PyObject* deleted) {
  unsigned char map[256];
  bool removed[256] = {};
  for (int c = 0; c < 256; ++c) map[c] = static_cast<unsigned char>(c);
  const bool mapped = table != Py_None;
  if (mapped) {
    BytesLike view(table);
    if (!view.good()) return nullptr;
    if (view.size() != 256) return raise(PyExc_ValueError, "translation table must be 256 characters long");
    memcpy(map, view.data(), 256);
  }
  if (deleted) {
    BytesLike view(deleted);
    if (!view.good()) return nullptr;
    for (Py_ssize_t i = 0; i < view.size(); ++i) removed[static_cast<unsigned char>(view.data()[i])] = true;
  }
  PinnedBytes bytes(self);
  Py_ssize_t kept = 0;
  bool changed = false;
  for (Py_ssize_t i = 0; i < bytes.size; ++i) {
    const auto c = static_cast<unsigned char>(bytes.data[i]);
    if (removed[c]) changed = true;
    else ++kept, changed |= map[c] != c;
  }
  if (!changed) return unchanged(self, bytes);
  char* out;
  PyObject* result = TRY(bytes_like_new(self, kept, &out));
  if (kept == 1) {  // a single byte may be a shared object
    Py_DECREF(result);
    for (Py_ssize_t i = 0; i < bytes.size; ++i)
      if (!removed[static_cast<unsigned char>(bytes.data[i])]) return bytes_like(self, reinterpret_cast<char*>(&map[static_cast<unsigned char>(bytes.data[i])]), 1);
  }
  for (Py_ssize_t i = 0; i < bytes.size; ++i) {
    const auto c = static_cast<unsigned char>(bytes.data[i]);
    if (!removed[c]) *out++ = static_cast<char>(map[c]);
  }
  return result;
}
METHOD(shared, translate, "($self, table, /, delete=b'')",
       "A copy with each byte mapped by the table (256 bytes, or None), without those in delete.");
PyObject* shared_maketrans(PyObject*, PyObject* from_object, PyObject* to_object) {
  BytesLike from(from_object);
  if (!from.good()) return nullptr;
  BytesLike to(to_object);
  if (!to.good()) return nullptr;
  if (from.size() != to.size()) return raise(PyExc_ValueError, "maketrans arguments must have same length");
  char map[256];
  for (int c = 0; c < 256; ++c) map[c] = static_cast<char>(c);
  for (Py_ssize_t i = 0; i < from.size(); ++i) map[static_cast<unsigned char>(from.data()[i])] = to.data()[i];
  return bytes_from(map, 256);
}
STATIC_METHOD(shared, maketrans, "(frm, to, /)", "A table for translate() that maps each byte of frm to the byte at the same place in to.");

// ---- case ------------------------------------------------------------------------------------------------------------

template <class Function>
PyObject* map_bytes(PyObject* self, Function function) {
  PinnedBytes bytes(self);
  char* out;
  if (bytes.size == 1) {
    const char c = function(bytes.data[0]);
    return bytes_like(self, &c, 1);
  }
  PyObject* result = TRY(bytes_like_new(self, bytes.size, &out));
  for (Py_ssize_t i = 0; i < bytes.size; ++i) out[i] = function(bytes.data[i]);
  return result;
}
PyObject* shared_lower(PyObject* self) { return map_bytes(self, to_lower); }
METHOD(shared, lower, "($self, /)", "A copy with all ASCII letters in lower case.");
PyObject* shared_upper(PyObject* self) { return map_bytes(self, to_upper); }
METHOD(shared, upper, "($self, /)", "A copy with all ASCII letters in upper case.");
PyObject* shared_swapcase(PyObject* self) {
  return map_bytes(self, [](char c) { return is_upper(static_cast<unsigned char>(c)) ? to_lower(c) : to_upper(c); });
}
METHOD(shared, swapcase, "($self, /)", "A copy with upper case ASCII letters in lower case and the other way round.");
PyObject* shared_capitalize(PyObject* self) {
  bool first = true;
  return map_bytes(self, [&](char c) { return std::exchange(first, false) ? to_upper(c) : to_lower(c); });
}
METHOD(shared, capitalize, "($self, /)", "A copy with only the first byte in upper case (ASCII).");
PyObject* shared_title(PyObject* self) {
  bool inside = false;
  return map_bytes(self, [&](char c) {
    const bool alpha = is_alpha(static_cast<unsigned char>(c));
    const char result = !alpha ? c : inside ? to_lower(c) : to_upper(c);
    inside = alpha;
    return result;
  });
}
METHOD(shared, title, "($self, /)", "A copy where words begin with an upper case letter and go on in lower case (ASCII).");

template <class Function>
bool all_of(PyObject* self, Function function) {
  PinnedBytes bytes(self);
  for (Py_ssize_t i = 0; i < bytes.size; ++i)
    if (!function(static_cast<unsigned char>(bytes.data[i]))) return false;
  return bytes.size > 0;
}
bool shared_isalnum(PyObject* self) {
  return all_of(self, [](unsigned char c) { return is_alpha(c) || is_digit(c); });
}
METHOD(shared, isalnum, "($self, /)", "Whether there are bytes and all are ASCII letters or digits.");
bool shared_isalpha(PyObject* self) { return all_of(self, is_alpha); }
METHOD(shared, isalpha, "($self, /)", "Whether there are bytes and all are ASCII letters.");
bool shared_isascii(PyObject* self) {
  PinnedBytes bytes(self);
  for (Py_ssize_t i = 0; i < bytes.size; ++i)
    if (bytes.data[i] & 0x80) return false;
  return true;
}
METHOD(shared, isascii, "($self, /)", "Whether all bytes are ASCII; empty is, too.");
bool shared_isdigit(PyObject* self) { return all_of(self, is_digit); }
METHOD(shared, isdigit, "($self, /)", "Whether there are bytes and all are ASCII digits.");
bool shared_isspace(PyObject* self) { return all_of(self, is_space); }
METHOD(shared, isspace, "($self, /)", "Whether there are bytes and all are ASCII whitespace.");
bool has_case(PyObject* self, bool upper) {
  PinnedBytes bytes(self);
  bool any = false;
  for (Py_ssize_t i = 0; i < bytes.size; ++i) {
    const auto c = static_cast<unsigned char>(bytes.data[i]);
    if (upper ? is_lower(c) : is_upper(c)) return false;
    any |= is_alpha(c);
  }
  return any;
}
bool shared_islower(PyObject* self) { return has_case(self, false); }
METHOD(shared, islower, "($self, /)", "Whether there are ASCII letters and all are in lower case.");
bool shared_isupper(PyObject* self) { return has_case(self, true); }
METHOD(shared, isupper, "($self, /)", "Whether there are ASCII letters and all are in upper case.");
bool shared_istitle(PyObject* self) {
  PinnedBytes bytes(self);
  bool inside = false, any = false;
  for (Py_ssize_t i = 0; i < bytes.size; ++i) {
    const auto c = static_cast<unsigned char>(bytes.data[i]);
    if (is_upper(c) ? inside : is_lower(c) && !inside) return false;
    inside = is_alpha(c);
    any |= inside;
  }
  return any;
}
METHOD(shared, istitle, "($self, /)", "Whether the bytes are titlecased: upper case begins words, lower case follows.");

// ---- padding ---------------------------------------------------------------------------------------------------------

PyObject* pad(PyObject* self, const PinnedBytes& bytes, Py_ssize_t left, Py_ssize_t right, char fill) {
  left = std::max<Py_ssize_t>(left, 0);
  right = std::max<Py_ssize_t>(right, 0);
  if (left == 0 && right == 0) return unchanged(self, bytes);
  if (bytes.size + left + right == 1) return bytes_like(self, &fill, 1);
  char* out;
  PyObject* result = TRY(bytes_like_new(self, left + bytes.size + right, &out));
  memset(out, fill, static_cast<size_t>(left));
  memcpy(out + left, bytes.data, static_cast<size_t>(bytes.size));
  memset(out + left + bytes.size, fill, static_cast<size_t>(right));
  return result;
}
int read_fill(PyObject* o, const char* method) {
  if (!o) return ' ';
  const bool array = PyByteArray_Check(o);
  if (!array && !PyBytes_Check(o))
    return raise(PyExc_TypeError, "%s() argument 2 must be a byte string of length 1, not %.50s", method, Py_TYPE(o)->tp_name);
  if (Py_SIZE(o) != 1)
    return raise(PyExc_TypeError, "%s(): argument 2 must be a byte string of length 1, not a %s object of length %zd", method,
                 array ? "bytearray" : "bytes", Py_SIZE(o));
  return static_cast<unsigned char>(array ? PyByteArray_AS_STRING(o)[0] : bytes_data(o)[0]);
}
PyObject* shared_center(PyObject* self, Py_ssize_t width, PyObject* fillchar) {
  const int fill = TRY(read_fill(fillchar, "center"));
  PinnedBytes bytes(self);
  const Py_ssize_t margin = width - bytes.size;
  if (width <= bytes.size) return unchanged(self, bytes);
  const Py_ssize_t left = margin / 2 + (margin & width & 1);
  return pad(self, bytes, left, margin - left, static_cast<char>(fill));
}
METHOD(shared, center, "($self, width, fillchar=b' ', /)", "Centred in so many bytes, padded with the fill character.");
PyObject* shared_ljust(PyObject* self, Py_ssize_t width, PyObject* fillchar) {
  const int fill = TRY(read_fill(fillchar, "ljust"));
  PinnedBytes bytes(self);
  return pad(self, bytes, 0, width <= bytes.size ? 0 : width - bytes.size, static_cast<char>(fill));
}
METHOD(shared, ljust, "($self, width, fillchar=b' ', /)", "At the left of so many bytes, padded with the fill character.");
PyObject* shared_rjust(PyObject* self, Py_ssize_t width, PyObject* fillchar) {
  const int fill = TRY(read_fill(fillchar, "rjust"));
  PinnedBytes bytes(self);
  return pad(self, bytes, width <= bytes.size ? 0 : width - bytes.size, 0, static_cast<char>(fill));
}
METHOD(shared, rjust, "($self, width, fillchar=b' ', /)", "At the right of so many bytes, padded with the fill character.");
PyObject* shared_zfill(PyObject* self, Py_ssize_t width) {
  PinnedBytes bytes(self);
  if (width <= bytes.size) return unchanged(self, bytes);
  const Py_ssize_t fill = width - bytes.size;
  if (bytes.size == 0 && fill == 1) return bytes_like(self, "0", 1);
  char* out;
  PyObject* result = TRY(bytes_like_new(self, width, &out));
  memset(out, '0', static_cast<size_t>(fill));
  memcpy(out + fill, bytes.data, static_cast<size_t>(bytes.size));
  if (bytes.size && (bytes.data[0] == '+' || bytes.data[0] == '-')) {
    out[0] = bytes.data[0];
    out[fill] = '0';
  }
  return result;
}
METHOD(shared, zfill, "($self, width, /)", "Padded with zeros on the left, behind a sign.");
PyObject* shared_expandtabs(PyObject* self, int tabsize) {
  PinnedBytes bytes(self);
  Py_ssize_t total = 0, column = 0;
  for (Py_ssize_t i = 0; i < bytes.size; ++i) {
    Py_ssize_t width = 1;
    if (bytes.data[i] == '\t') {
      width = tabsize > 0 ? tabsize - column % tabsize : 0;
      column += width;
    } else {
      column = bytes.data[i] == '\n' || bytes.data[i] == '\r' ? 0 : column + 1;
    }
    if (total > PY_SSIZE_T_MAX - width) return raise(PyExc_OverflowError, "result too long");
    total += width;
  }
  BytesBuilder builder;
  char* out = builder.reserve(total);
  if (!out) return nullptr;
  builder.add(total);
  column = 0;
  for (Py_ssize_t i = 0; i < bytes.size; ++i) {
    const char c = bytes.data[i];
    if (c == '\t') {
      const Py_ssize_t width = tabsize > 0 ? tabsize - column % tabsize : 0;
      memset(out, ' ', static_cast<size_t>(width));
      out += width;
      column += width;
    } else {
      *out++ = c;
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return bytes_like(self, builder.data(), total);
}
METHOD(shared, expandtabs, "($self, /, tabsize=8)", "A copy where tabs are expanded to spaces; a tab stop every tabsize columns.");

// ---- hex and decode --------------------------------------------------------------------------------------------------

PyObject* shared_hex(PyObject* self, PyObject* sep, int bytes_per_sep) {
  PinnedBytes bytes(self);
  return bytes_hex(bytes.data, bytes.size, sep, bytes_per_sep, false);
}
METHOD(shared, hex, "($self, /, sep=<unrepresentable>, bytes_per_sep=1)",
       "A str of hexadecimal digits.\n\n  sep\n    A single character or byte that separates groups.\n  bytes_per_sep\n"
       "    How many bytes make a group; counted from the right, negative: from the left.\n\n"
       ">>> b'\\xb9\\x01\\xef'.hex(':')\n'b9:01:ef'\n>>> b'\\xb9\\x01\\xef'.hex(':', 2)\n'b9:01ef'");
int hex_digit(Py_UCS4 c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A' + 10);
  return -1;
}
PyObject* shared_fromhex(PyObject* type, PyObject* string) {
  const bool array = PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type), &PyByteArray_Type);
  int kind = PyUnicode_1BYTE_KIND;
  const void* data;
  Py_ssize_t length;
  Py_buffer view{};
  if (PyUnicode_Check(string)) {
    kind = PyUnicode_KIND(string);
    data = PyUnicode_DATA(string);
    length = PyUnicode_GET_LENGTH(string);
  } else if (PyObject_CheckBuffer(string)) {
    if (PyObject_GetBuffer(string, &view, PyBUF_SIMPLE) < 0) return nullptr;
    data = view.buf;
    length = view.len;
  } else {
    return raise(PyExc_TypeError, "fromhex() argument must be str or bytes-like, not %T", string);
  }
  BytesBuilder builder;
  Ref<> result;
  [&] {
    auto at = [&](Py_ssize_t i) { return PyUnicode_READ(kind, data, i); };
    char* out = builder.reserve(length / 2 + 1);
    if (!out) return;
    Py_ssize_t i = 0, count = 0;
    while (i < length) {
      Py_UCS4 c = at(i);
      if (c < 128 && is_space(static_cast<unsigned char>(c))) {
        ++i;
        continue;
      }
      const int high = hex_digit(c);
      if (high < 0) {
        (void)raise(PyExc_ValueError, "non-hexadecimal number found in fromhex() arg at position %zd", i);
        return;
      }
      if (++i >= length) {
        (void)raise(PyExc_ValueError, "fromhex() arg must contain an even number of hexadecimal digits");
        return;
      }
      const int low = hex_digit(at(i));
      if (low < 0) {
        (void)raise(PyExc_ValueError, "non-hexadecimal number found in fromhex() arg at position %zd", i);
        return;
      }
      ++i;
      out[count++] = static_cast<char>(high << 4 | low);
    }
    result = steal(array ? PyByteArray_FromStringAndSize(out, count) : bytes_from(out, count));
  }();
  if (view.obj) PyBuffer_Release(&view);
  if (!result || type == object(&PyBytes_Type) || type == object(&PyByteArray_Type)) return result.release();
  return PyObject_CallOneArg(type, result);
}
CLASS_METHOD(shared, fromhex, "($type, string, /)",
             "Bytes from a text of hexadecimal numbers; spaces between two numbers are accepted.\n\n"
             "Example: bytes.fromhex('B9 01EF') -> b'\\xb9\\x01\\xef'.");
PyObject* shared_decode(PyObject* self, TextArgument encoding, TextArgument errors) {
  return PyUnicode_FromEncodedObject(self, encoding.text ? encoding.text : "utf-8", errors.text);
}
METHOD(shared, decode, "($self, /, encoding='utf-8', errors='strict')",
       "Decode with the codec that is registered for the encoding.\n\n  errors\n    What to do on errors: 'strict' raises a\n"
       "    UnicodeDecodeError; 'ignore', 'replace' and any name registered with codecs.register_error are possible too.");

// ---- bytes only -------------------------------------------------------------------------------------------------------

PyObject* bytes_to_bytes(PyObject* self) { return PyBytes_CheckExact(self) ? Py_NewRef(self) : bytes_from(bytes_data(self), Py_SIZE(self)); }
METHOD_AS(bytes_to_bytes, "__bytes__", 0, "($self, /)", "Convert to exact type bytes.");
PyObject* bytes_new_arguments(PyObject* self) {
  return Py_BuildValue("(N)", bytes_from(bytes_data(self), Py_SIZE(self)));
}
METHOD_AS(bytes_new_arguments, "__getnewargs__", 0, "($self, /)", "");

}  // namespace

Found bytes_contains(PyObject* self, PyObject* item) {
  PinnedBytes bytes(self);
  if (PyIndex_Check(item)) {
    const Py_ssize_t value = PyNumber_AsSsize_t(item, nullptr);
    if (value == -1 && PyErr_Occurred()) {
      PyErr_Clear();
    } else {
      if (value < 0 || value > 255) return raise(PyExc_ValueError, "byte must be in range(0, 256)");
      return memchr(bytes.data, static_cast<int>(value), static_cast<size_t>(bytes.size)) ? Found::Yes : Found::No;
    }
  }
  BytesLike needle(item);
  if (!needle.good()) return failed;
  return bytes_search(bytes.data, bytes.size, needle.data(), needle.size()) >= 0 ? Found::Yes : Found::No;
}

PyObject* bytes_hex(const char* data, Py_ssize_t size, PyObject* separator, int group, bool to_bytes) {
  int mark = 0;
  if (separator) {
    const Py_ssize_t length = PyObject_Length(separator);
    if (length < 0) return nullptr;
    if (length != 1) return raise(PyExc_ValueError, "sep must be length 1.");
    if (PyUnicode_Check(separator)) {
      if (PyUnicode_READ_CHAR(separator, 0) > 127) return raise(PyExc_ValueError, "sep must be ASCII.");
      mark = static_cast<int>(PyUnicode_READ_CHAR(separator, 0));
    } else if (PyBytes_Check(separator)) {
      mark = static_cast<unsigned char>(bytes_data(separator)[0]);
    } else {
      return raise(PyExc_TypeError, "sep must be str or bytes.");
    }
    if (mark > 127 && !to_bytes) return raise(PyExc_ValueError, "sep must be ASCII.");
  } else {
    group = 0;
  }
  const Py_ssize_t width = group < 0 ? -static_cast<Py_ssize_t>(group) : group;
  const Py_ssize_t marks = size && width ? (size - 1) / width : 0;
  if (size > (PY_SSIZE_T_MAX - marks) / 2) return PyErr_NoMemory();
  const Py_ssize_t length = size * 2 + marks;
  PyObject* result;
  char* out;
  if (to_bytes) {
    result = TRY(bytes_new(length));
    out = bytes_data(result);
  } else {
    result = TRY(PyUnicode_New(length, 127));
    out = reinterpret_cast<char*>(PyUnicode_1BYTE_DATA(result));
  }
  // Groups are full from the right; with a negative width from the left.
  Py_ssize_t left_in_group = !width ? size : group > 0 ? (size % width ? size % width : width) : width;
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (left_in_group == 0) {
      *out++ = static_cast<char>(mark);
      left_in_group = width;
    }
    --left_in_group;
    const auto byte = static_cast<unsigned char>(data[i]);
    *out++ = "0123456789abcdef"[byte >> 4];
    *out++ = "0123456789abcdef"[byte & 15];
  }
  return result;
}

// ---- tables ----------------------------------------------------------------------------------------------------------

namespace {
METHOD(bytearray, append, "($self, item, /)", "Append a single item to the end of the bytearray.\n\n  item\n    The item to be appended.");
METHOD(bytearray, clear, "($self, /)", "Remove all items from the bytearray.");
METHOD(bytearray, copy, "($self, /)", "A copy of the bytearray.");
METHOD(bytearray, extend, "($self, iterable_of_ints, /)", "Append all the items of a buffer or an iterable of ints.");
METHOD(bytearray, insert, "($self, index, item, /)", "Insert a single item before the given index.");
METHOD(bytearray, pop, "($self, index=-1, /)", "Remove and return a single item.\n\n  index\n    Where it stands; -1 (the default): at the end.");
METHOD(bytearray, remove, "($self, value, /)", "Remove the first occurrence of a value.");
METHOD(bytearray, resize, "($self, size, /)", "Change the length; new bytes are zero.\n\n  size\n    The new length.");
METHOD(bytearray, reverse, "($self, /)", "Reverse the order of the values in place.");
METHOD_AS(bytearray_reduce, "__reduce__", 0, "($self, /)", "State for pickling.");
METHOD_AS(bytearray_reduce_ex, "__reduce_ex__", 0, "($self, proto=0, /)", "State for pickling.");
METHOD_AS(bytearray_size_method, "__sizeof__", 0, "($self, /)", "Size in memory, in bytes.");
METHOD_AS(bytearray_alloc, "__alloc__", 0, "($self, /)", "B.__alloc__() -> int\n\nThe number of bytes actually allocated.");
}  // namespace

#define SHARED_ROWS                                                                                                        \
  shared_capitalize_method, shared_center_method, shared_count_method, shared_decode_method, shared_endswith_method,       \
      shared_expandtabs_method, shared_find_method, shared_fromhex_method, shared_hex_method, shared_index_method,         \
      shared_isalnum_method, shared_isalpha_method, shared_isascii_method, shared_isdigit_method, shared_islower_method,   \
      shared_isspace_method, shared_istitle_method, shared_isupper_method, shared_join_method, shared_ljust_method,        \
      shared_lower_method, shared_lstrip_method, shared_maketrans_method, shared_partition_method, shared_replace_method,  \
      shared_removeprefix_method, shared_removesuffix_method, shared_rfind_method, shared_rindex_method,                   \
      shared_rjust_method, shared_rpartition_method, shared_rsplit_method, shared_rstrip_method, shared_split_method,      \
      shared_splitlines_method, shared_startswith_method, shared_strip_method, shared_swapcase_method, shared_title_method, \
      shared_translate_method, shared_upper_method, shared_zfill_method

PyMethodDef bytes_methods[] = {bytes_new_arguments_method, bytes_to_bytes_method, SHARED_ROWS, {}};
PyMethodDef bytearray_methods[] = {bytearray_alloc_method, bytearray_reduce_method, bytearray_reduce_ex_method,
                                   bytearray_size_method_method, bytearray_append_method, bytearray_clear_method, bytearray_copy_method,
                                   bytearray_extend_method, bytearray_insert_method, bytearray_pop_method, bytearray_remove_method,
                                   bytearray_resize_method, bytearray_reverse_method, SHARED_ROWS, {}};

}  // namespace ks

// separator.join(iterable) for bytes. New; NULL on error.
PyObject* PyBytes_Join(PyObject* separator, PyObject* iterable) {
  if (!separator) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (!PyBytes_Check(separator)) return ks::raise(PyExc_TypeError, "sep: expected bytes, got %T", separator);
  return ks::shared_join(separator, iterable);
}
// Hexadecimal digits as str / as bytes. New; NULL on error.
KS_EXPORT PyObject* _Py_strhex(const char* data, Py_ssize_t size) { return ks::bytes_hex(data, size, nullptr, 0, false); }
KS_EXPORT PyObject* _Py_strhex_bytes_with_sep(const char* data, Py_ssize_t size, PyObject* separator, int group) {
  return ks::bytes_hex(data, size, separator, group, true);
}
