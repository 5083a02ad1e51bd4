// Searching in str: find, count, replace, contains, tail matches.
//
// A needle is looked for by its first and last character, 16 bytes of text at a time; the places where both fit are
// compared. When comparing turns out to cost more than it should (periodic texts), the search goes on with the two-way
// algorithm (Crochemore and Perrin), which is linear in the worst case. Backwards: the same filter, without the latter.
#include <emmintrin.h>

#include <algorithm>

#include "types/str.h"
#include "types/str_private.h"

namespace ks {

// ---- one character ----------------------------------------------------------------------------------------------------

template <class T>
static __m128i splat(T c) {
  if constexpr (sizeof(T) == 1) return _mm_set1_epi8(static_cast<char>(c));
  else if constexpr (sizeof(T) == 2) return _mm_set1_epi16(static_cast<short>(c));
  else return _mm_set1_epi32(static_cast<int>(c));
}
template <class T>
static __m128i equal_lanes(__m128i a, __m128i b) {
  if constexpr (sizeof(T) == 1) return _mm_cmpeq_epi8(a, b);
  else if constexpr (sizeof(T) == 2) return _mm_cmpeq_epi16(a, b);
  else return _mm_cmpeq_epi32(a, b);
}
template <class T>
static __m128i load(const T* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

template <class T>
static Py_ssize_t find_char(const T* text, Py_ssize_t size, T c) {
  if constexpr (sizeof(T) == 1) {
    const void* found = memchr(text, c, static_cast<size_t>(size));
    return found ? static_cast<const T*>(found) - text : -1;
  } else {
    constexpr Py_ssize_t kStep = 16 / sizeof(T);
    const __m128i wanted = splat(c);
    Py_ssize_t i = 0;
    for (; i + kStep <= size; i += kStep) {
      const int mask = _mm_movemask_epi8(equal_lanes<T>(load(text + i), wanted));
      if (mask) return i + __builtin_ctz(static_cast<unsigned>(mask)) / static_cast<int>(sizeof(T));
    }
    for (; i < size; ++i)
      if (text[i] == c) return i;
    return -1;
  }
}
template <class T>
static Py_ssize_t rfind_char(const T* text, Py_ssize_t size, T c) {
  if constexpr (sizeof(T) == 1) {
    const void* found = memrchr(text, c, static_cast<size_t>(size));
    return found ? static_cast<const T*>(found) - text : -1;
  } else {
    for (Py_ssize_t i = size; i-- > 0;)
      if (text[i] == c) return i;
    return -1;
  }
}

// ---- two-way ----------------------------------------------------------------------------------------------------------

// The start of the maximal suffix, and its period.
template <class T>
static Py_ssize_t maximal_suffix(const T* needle, Py_ssize_t size, bool inverted, Py_ssize_t* period) {
  Py_ssize_t suffix = 0, candidate = 1, k = 0;
  *period = 1;
  while (candidate + k < size) {
    const T a = needle[candidate + k], b = needle[suffix + k];
    if (inverted ? b < a : a < b) {
      candidate += k + 1;
      k = 0;
      *period = candidate - suffix;
    } else if (a == b) {
      if (k + 1 != *period) ++k;
      else candidate += *period, k = 0;
    } else {
      suffix = candidate++;
      k = 0;
      *period = 1;
    }
  }
  return suffix;
}

template <class T>
static Py_ssize_t two_way(const T* text, Py_ssize_t size, const T* needle, Py_ssize_t count) {
  Py_ssize_t period, other_period;
  Py_ssize_t cut = maximal_suffix(needle, count, false, &period);
  const Py_ssize_t other = maximal_suffix(needle, count, true, &other_period);
  if (other > cut) cut = other, period = other_period;
  const bool periodic = cut + period <= count && memcmp(needle, needle + period, static_cast<size_t>(cut) * sizeof(T)) == 0;
  if (!periodic) period = std::max(cut, count - cut) + 1;
  Py_ssize_t memory = 0;
  for (Py_ssize_t at = 0; at <= size - count;) {
    Py_ssize_t i = std::max(cut, memory);
    while (i < count && needle[i] == text[at + i]) ++i;
    if (i < count) {
      at += i - cut + 1;
      memory = 0;
      continue;
    }
    i = cut;
    while (i > memory && needle[i - 1] == text[at + i - 1]) --i;
    if (i <= memory) return at;
    at += period;
    memory = periodic ? count - period : 0;
  }
  return -1;
}

// ---- several characters ------------------------------------------------------------------------------------------------

template <class T>
static bool same_chars(const T* a, const T* b, Py_ssize_t count) {
  return memcmp(a, b, static_cast<size_t>(count) * sizeof(T)) == 0;
}

// count >= 2
template <class T>
static Py_ssize_t find_chars(const T* text, Py_ssize_t size, const T* needle, Py_ssize_t count) {
  constexpr Py_ssize_t kStep = 16 / sizeof(T);
  const Py_ssize_t last = size - count;  // the last place where it can begin
  const T first_char = needle[0], last_char = needle[count - 1];
  const __m128i first = splat(first_char), final = splat(last_char);
  Py_ssize_t work = 0, i = 0;
  for (; i + kStep <= last + 1; i += kStep) {
    unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(
        _mm_and_si128(equal_lanes<T>(load(text + i), first), equal_lanes<T>(load(text + i + count - 1), final))));
    while (mask) {
      const int bit = __builtin_ctz(mask);
      const Py_ssize_t at = i + bit / static_cast<int>(sizeof(T));
      if (same_chars(text + at + 1, needle + 1, count - 2)) return at;
      mask &= ~(((1u << sizeof(T)) - 1) << bit);
      work += count;
      if (work > 4096 && work > 8 * at) {
        const Py_ssize_t found = two_way(text + at + 1, size - at - 1, needle, count);
        return found < 0 ? -1 : found + at + 1;
      }
    }
  }
  for (; i <= last; ++i)
    if (text[i] == first_char && text[i + count - 1] == last_char && same_chars(text + i + 1, needle + 1, count - 2))
      return i;
  return -1;
}
template <class T>
static Py_ssize_t rfind_chars(const T* text, Py_ssize_t size, const T* needle, Py_ssize_t count) {
  const T first_char = needle[0], last_char = needle[count - 1];
  for (Py_ssize_t i = size - count; i >= 0; --i)
    if (text[i] == first_char && text[i + count - 1] == last_char && same_chars(text + i, needle, count)) return i;
  return -1;
}

template <class T>
static Py_ssize_t search(const T* text, Py_ssize_t size, const T* needle, Py_ssize_t count) {
  if (count > size) return -1;
  if (count == 0) return 0;
  if (count == 1) return find_char(text, size, needle[0]);
  if (count == size) return same_chars(text, needle, size) ? 0 : -1;
  return find_chars(text, size, needle, count);
}
template <class T>
static Py_ssize_t search_back(const T* text, Py_ssize_t size, const T* needle, Py_ssize_t count) {
  if (count > size) return -1;
  if (count == 0) return size;
  if (count == 1) return rfind_char(text, size, needle[0]);
  return rfind_chars(text, size, needle, count);
}

// Prepares the needle in the text's width and calls f(text, needle); `absent` where it cannot occur.
template <class F>
static Py_ssize_t with_needle(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end, Py_ssize_t absent, F f) {
  clip_slice(&start, &end, str_length(s));
  if (str_kind(sub) > str_kind(s) || (str_is_ascii(s) && !str_is_ascii(sub))) return absent;
  if (end - start < str_length(sub)) return absent;
  Widened needle(sub, str_kind(s));
  if (!needle) return -2;
  return str_visit(s, [&](auto chars) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(chars.data)>>;
    return f(chars.data + start, end - start, static_cast<const T*>(needle.data()), str_length(sub), start);
  });
}

Py_ssize_t str_find(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end) {
  return with_needle(s, sub, start, end, -1, [](auto text, Py_ssize_t size, auto needle, Py_ssize_t count, Py_ssize_t base) {
    const Py_ssize_t found = search(text, size, needle, count);
    return found < 0 ? -1 : found + base;
  });
}
Py_ssize_t str_rfind(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end) {
  return with_needle(s, sub, start, end, -1, [](auto text, Py_ssize_t size, auto needle, Py_ssize_t count, Py_ssize_t base) {
    const Py_ssize_t found = search_back(text, size, needle, count);
    return found < 0 ? -1 : found + base;
  });
}

template <class T>
static Py_ssize_t count_in(const T* text, Py_ssize_t size, const T* needle, Py_ssize_t count, Py_ssize_t maximum) {
  if (count == 0) return std::min(size + 1, maximum);
  Py_ssize_t result = 0;
  if (count == 1 && maximum == PY_SSIZE_T_MAX) {
    const T c = needle[0];
    for (Py_ssize_t i = 0; i < size; ++i) result += text[i] == c;
    return result;
  }
  for (Py_ssize_t at = 0; result < maximum;) {
    const Py_ssize_t found = search(text + at, size - at, needle, count);
    if (found < 0) break;
    ++result;
    at += found + count;
  }
  return result;
}
Py_ssize_t str_count(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end) {
  return with_needle(s, sub, start, end, 0, [](auto text, Py_ssize_t size, auto needle, Py_ssize_t count, Py_ssize_t) {
    return count_in(text, size, needle, count, PY_SSIZE_T_MAX);
  });
}

Py_ssize_t str_find_char(PyObject* s, Py_UCS4 c, Py_ssize_t start, Py_ssize_t end) {
  clip_slice(&start, &end, str_length(s));
  if (c > PyUnicode_MAX_CHAR_VALUE(s) || end <= start) return -1;
  return str_visit(s, [&](auto chars) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(chars.data)>>;
    const Py_ssize_t found = find_char(chars.data + start, end - start, static_cast<T>(c));
    return found < 0 ? found : found + start;
  });
}
Py_ssize_t str_rfind_char(PyObject* s, Py_UCS4 c, Py_ssize_t start, Py_ssize_t end) {
  clip_slice(&start, &end, str_length(s));
  if (c > PyUnicode_MAX_CHAR_VALUE(s) || end <= start) return -1;
  return str_visit(s, [&](auto chars) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(chars.data)>>;
    const Py_ssize_t found = rfind_char(chars.data + start, end - start, static_cast<T>(c));
    return found < 0 ? found : found + start;
  });
}
bool str_contains(PyObject* s, PyObject* sub) {
  if (str_length(sub) == 1) return str_find_char(s, str_char(sub, 0), 0, PY_SSIZE_T_MAX) >= 0;
  return str_find(s, sub, 0, PY_SSIZE_T_MAX) >= 0;
}

bool str_tail_match(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end, bool at_end) {
  clip_slice(&start, &end, str_length(s));
  const Py_ssize_t count = str_length(sub);
  if (end - start < count) return false;
  if (count == 0) return true;
  if (str_kind(sub) > str_kind(s)) return false;
  const Py_ssize_t at = at_end ? end - count : start;
  if (str_kind(s) == str_kind(sub)) {
    const int kind = str_kind(s);
    return memcmp(str_data_as<char>(s) + at * kind, str_data(sub), static_cast<size_t>(count) * kind) == 0;
  }
  for (Py_ssize_t i = 0; i < count; ++i)
    if (str_char(s, at + i) != str_char(sub, i)) return false;
  return true;
}

// ---- replace --------------------------------------------------------------------------------------------------------------

PyObject* str_replace(PyObject* s, PyObject* old, PyObject* replacement, Py_ssize_t maximum) {
  if (maximum < 0) maximum = PY_SSIZE_T_MAX;
  const Py_ssize_t length = str_length(s), old_length = str_length(old), new_length = str_length(replacement);
  if (maximum == 0 || old_length > length || str_kind(old) > str_kind(s) || (old_length == 0 && new_length == 0))
    return str_exact(s);
  if (length == 0 && old_length > 0) return str_exact(s);
  if (str_equal(old, replacement)) return str_exact(s);
  Widened needle(old, str_kind(s));
  if (!needle) return nullptr;
  const Py_ssize_t hits = str_visit(s, [&](auto chars) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(chars.data)>>;
    return count_in(chars.data, length, static_cast<const T*>(needle.data()), old_length, maximum);
  });
  if (hits == 0) return str_exact(s);
  if (new_length > old_length && new_length - old_length > (PY_SSIZE_T_MAX - length) / hits)
    return raise(PyExc_OverflowError, "replace string is too long");
  const Py_ssize_t new_size = length + hits * (new_length - old_length);
  if (new_size == 0) return str_empty();
  Py_UCS4 most = std::max(PyUnicode_MAX_CHAR_VALUE(s), PyUnicode_MAX_CHAR_VALUE(replacement));
  // What is taken out may have been all that was wide.
  const bool may_shrink = PyUnicode_MAX_CHAR_VALUE(old) == PyUnicode_MAX_CHAR_VALUE(s) && !str_is_ascii(s) &&
                          PyUnicode_MAX_CHAR_VALUE(replacement) < PyUnicode_MAX_CHAR_VALUE(s);
  PyObject* result = str_new(new_size, most);
  if (!result) return nullptr;
  const int kind = str_kind(result);
  void* to = str_data(result);
  str_visit(s, [&](auto chars) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(chars.data)>>;
    constexpr int from_kind = sizeof(T);
    const T* wanted = static_cast<const T*>(needle.data());
    const void* fresh = str_data(replacement);
    const int fresh_kind = str_kind(replacement);
    Py_ssize_t from = 0, at = 0;
    if (old_length == 0) {
      for (Py_ssize_t i = 0; i < hits; ++i) {
        copy_chars(kind, to, at, fresh_kind, fresh, 0, new_length);
        at += new_length;
        if (from < length) copy_chars(kind, to, at++, from_kind, chars.data, from++, 1);
      }
    } else if (old_length == 1 && new_length == 1) {
      copy_chars(kind, to, 0, from_kind, chars.data, 0, length);
      const Py_UCS4 c = str_char(replacement, 0);
      for (Py_ssize_t i = 0; i < hits; ++i) {
        from += find_char(chars.data + from, length - from, wanted[0]);
        PyUnicode_WRITE(kind, to, from, c);
        ++from;
      }
      from = at = length;
    } else {
      for (Py_ssize_t i = 0; i < hits; ++i) {
        const Py_ssize_t found = search(chars.data + from, length - from, wanted, old_length);
        copy_chars(kind, to, at, from_kind, chars.data, from, found);
        at += found;
        copy_chars(kind, to, at, fresh_kind, fresh, 0, new_length);
        at += new_length;
        from += found + old_length;
      }
    }
    copy_chars(kind, to, at, from_kind, chars.data, from, length - from);
  });
  if (may_shrink || new_size == 1) {
    Ref<> wide = steal(result);
    return str_visit(wide, [](auto chars) { return PyUnicode_FromKindAndData(sizeof *chars.data, chars.data, chars.size); });
  }
  return result;
}

}  // namespace ks

using namespace ks;

extern "C" {

// Index, -1 not found, -2 with an exception.
Py_ssize_t PyUnicode_Find(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end, int direction) {
  if (is_failure(require_str(s)) || is_failure(require_str(sub))) return -2;
  return direction > 0 ? str_find(s, sub, start, end) : str_rfind(s, sub, start, end);
}
Py_ssize_t PyUnicode_FindChar(PyObject* s, Py_UCS4 c, Py_ssize_t start, Py_ssize_t end, int direction) {
  return direction > 0 ? str_find_char(s, c, start, end) : str_rfind_char(s, c, start, end);
}
// -1 with an exception.
Py_ssize_t PyUnicode_Count(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end) {
  if (is_failure(require_str(s)) || is_failure(require_str(sub))) return -1;
  return str_count(s, sub, start, end);
}
Py_ssize_t PyUnicode_Tailmatch(PyObject* s, PyObject* sub, Py_ssize_t start, Py_ssize_t end, int direction) {
  if (is_failure(require_str(s)) || is_failure(require_str(sub))) return -1;
  return str_tail_match(s, sub, start, end, direction > 0);
}
int PyUnicode_Contains(PyObject* s, PyObject* sub) {
  if (!PyUnicode_Check(sub))
    return raise(PyExc_TypeError, "'in <string>' requires string as left operand, not %.100s", Py_TYPE(sub)->tp_name);
  TRY(require_str(s));
  return str_contains(s, sub);
}
// New.
PyObject* PyUnicode_Replace(PyObject* s, PyObject* old, PyObject* replacement, Py_ssize_t maximum) {
  TRY(require_str(s));
  TRY(require_str(old));
  TRY(require_str(replacement));
  return str_replace(s, old, replacement, maximum);
}

}  // extern "C"
