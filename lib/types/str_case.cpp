// Case of str: upper, lower, title, swapcase, capitalize, casefold, with the mappings to several characters.
#include "text/unicode.h"
#include "types/str.h"
#include "types/str_private.h"

namespace ks {

// Whether a capital sigma at the place ends a word: a cased letter before it and none after it, marks aside.
template <class T>
static bool is_final_sigma(const T* text, Py_ssize_t length, Py_ssize_t at) {
  Py_ssize_t i = at - 1;
  while (i >= 0 && character_is(text[i], kIs_case_ignorable)) --i;
  if (i < 0 || !character_is(text[i], kIs_cased)) return false;
  i = at + 1;
  while (i < length && character_is(text[i], kIs_case_ignorable)) ++i;
  return i == length || !character_is(text[i], kIs_cased);
}
template <class T>
static int lower_at(const T* text, Py_ssize_t length, Py_ssize_t at, Py_UCS4* out) {
  const Py_UCS4 c = text[at];
  if (c == 0x3a3) {
    out[0] = is_final_sigma(text, length, at) ? 0x3c2 : 0x3c3;
    return 1;
  }
  return full_lower(c, out);
}

// Builds from mapping(text, length, place, out) for every place.
template <class F>
static PyObject* map_case(PyObject* s, F mapping) {
  StrBuilder builder;
  TRY(builder.prepare(str_length(s), PyUnicode_MAX_CHAR_VALUE(s) > 0xff ? 0x100 : 0x7f));
  const Status done = str_visit(s, [&](auto chars) -> Status {
    for (Py_ssize_t i = 0; i < chars.size; ++i) {
      Py_UCS4 out[3];
      const int n = mapping(chars.data, chars.size, i, out);
      for (int j = 0; j < n; ++j) TRY(builder.add_char(out[j]));
    }
    return Status::Ok;
  });
  TRY(done);
  return builder.finish();
}

static char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
static char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
template <class F>
static PyObject* map_ascii(PyObject* s, F mapping) {
  const Py_ssize_t length = str_length(s);
  const char* from = str_data_as<char>(s);
  if (length == 1) return str_latin1_char(static_cast<Py_UCS1>(mapping(from[0], 0)));
  PyObject* result = str_new(length, 0x7f);
  if (!result || !length) return result;
  char* to = str_data_as<char>(result);
  for (Py_ssize_t i = 0; i < length; ++i) to[i] = mapping(from[i], i);
  return result;
}

PyObject* str_upper(PyObject* s) {
  if (str_is_ascii(s)) return map_ascii(s, [](char c, Py_ssize_t) { return ascii_upper(c); });
  return map_case(s, [](auto text, Py_ssize_t, Py_ssize_t i, Py_UCS4* out) { return full_upper(text[i], out); });
}
PyObject* str_lower(PyObject* s) {
  if (str_is_ascii(s)) return map_ascii(s, [](char c, Py_ssize_t) { return ascii_lower(c); });
  return map_case(s, [](auto text, Py_ssize_t n, Py_ssize_t i, Py_UCS4* out) { return lower_at(text, n, i, out); });
}
PyObject* str_casefold(PyObject* s) {
  if (str_is_ascii(s)) return str_lower(s);
  return map_case(s, [](auto text, Py_ssize_t, Py_ssize_t i, Py_UCS4* out) { return full_fold(text[i], out); });
}
PyObject* str_capitalize(PyObject* s) {
  if (str_is_ascii(s)) return map_ascii(s, [](char c, Py_ssize_t i) { return i ? ascii_lower(c) : ascii_upper(c); });
  return map_case(s, [](auto text, Py_ssize_t n, Py_ssize_t i, Py_UCS4* out) {
    return i ? lower_at(text, n, i, out) : full_title(text[0], out);
  });
}
PyObject* str_title(PyObject* s) {
  bool after_cased = false;
  return map_case(s, [&](auto text, Py_ssize_t n, Py_ssize_t i, Py_UCS4* out) {
    const int count = after_cased ? lower_at(text, n, i, out) : full_title(text[i], out);
    after_cased = character_is(text[i], kIs_cased);
    return count;
  });
}
PyObject* str_swapcase(PyObject* s) {
  if (str_is_ascii(s))
    return map_ascii(s, [](char c, Py_ssize_t) { return c >= 'a' && c <= 'z' ? ascii_upper(c) : ascii_lower(c); });
  return map_case(s, [](auto text, Py_ssize_t n, Py_ssize_t i, Py_UCS4* out) {
    const unsigned flags = character_type(text[i]).flags;
    if (flags & kIs_upper) return lower_at(text, n, i, out);
    if (flags & kIs_lower) return full_upper(text[i], out);
    out[0] = text[i];
    return 1;
  });
}

}  // namespace ks
