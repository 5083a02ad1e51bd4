// UTF-8: decoding and encoding, and the UTF-8 text that a str keeps.
#include <algorithm>

#include "object/export.h"
#include "text/codec.h"
#include "types/str_private.h"

namespace ks {

// ---- decoding ------------------------------------------------------------------------------------------------------------

// One sequence at p (p < end): its length; 0 when it is cut off at the end; negative when malformed: -n where n is the
// number of bytes that belong to the error, and *start_is_bad tells whether it is the first byte.
static int sequence(const unsigned char* p, const unsigned char* end, Py_UCS4* c, bool* start_is_bad) {
  const unsigned char a = p[0];
  *start_is_bad = false;
  auto continues = [](unsigned char b) { return (b & 0xc0) == 0x80; };
  if (a < 0x80) {
    *c = a;
    return 1;
  }
  if (a < 0xc2 || a > 0xf4) {
    *start_is_bad = true;
    return -1;
  }
  if (a < 0xe0) {
    if (end - p < 2) return 0;
    if (!continues(p[1])) return -1;
    *c = (a & 0x1fu) << 6 | (p[1] & 0x3fu);
    return 2;
  }
  if (end - p < 2) return 0;
  const unsigned char b = p[1];
  if (!continues(b)) return -1;
  if (a < 0xf0) {
    if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f)) return -1;
    if (end - p < 3) return 0;
    if (!continues(p[2])) return -2;
    *c = (a & 0xfu) << 12 | (b & 0x3fu) << 6 | (p[2] & 0x3fu);
    return 3;
  }
  if ((a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f)) return -1;
  if (end - p < 3) return 0;
  if (!continues(p[2])) return -2;
  if (end - p < 4) return 0;
  if (!continues(p[3])) return -3;
  *c = (a & 7u) << 18 | (b & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
  return 4;
}

// Counts the characters and their width up to the first malformed byte.
struct Utf8Scan {
  Py_ssize_t bytes = 0, characters = 0;
  Py_UCS4 most = 0x7f;
};
static Utf8Scan scan(const unsigned char* text, Py_ssize_t size) {
  Utf8Scan result;
  Py_ssize_t i = 0;
  Py_UCS4 bits = 0;
  const unsigned char* end = text + size;
  while (i < size) {
    if (text[i] < 0x80) {
      const Py_ssize_t run = ascii_prefix(text + i, size - i);
      i += run;
      result.characters += run;
      continue;
    }
    Py_UCS4 c = 0;
    bool start_is_bad;
    const int n = sequence(text + i, end, &c, &start_is_bad);
    if (n <= 0) break;
    bits |= c;
    i += n;
    ++result.characters;
  }
  result.bytes = i;
  result.most = bits < 0x80 ? 0x7f : bits < 0x100 ? 0xff : bits < 0x10000 ? 0xffff : 0x10ffff;
  return result;
}
template <class T>
static void decode_valid(const unsigned char* text, Py_ssize_t size, T* to) {
  const unsigned char* end = text + size;
  while (text < end) {
    const unsigned char a = *text;
    if (a < 0x80) {
      // Runs of ASCII eight at a time.
      while (end - text >= 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        if (word & 0x8080808080808080u) break;
        for (int i = 0; i < 8; ++i) to[i] = text[i];
        to += 8;
        text += 8;
      }
      while (text < end && *text < 0x80) *to++ = *text++;
    } else if (a < 0xe0) {
      *to++ = static_cast<T>((a & 0x1fu) << 6 | (text[1] & 0x3fu));
      text += 2;
    } else if (a < 0xf0) {
      *to++ = static_cast<T>((a & 0xfu) << 12 | (text[1] & 0x3fu) << 6 | (text[2] & 0x3fu));
      text += 3;
    } else {
      *to++ = static_cast<T>((a & 7u) << 18 | (text[1] & 0x3fu) << 12 | (text[2] & 0x3fu) << 6 | (text[3] & 0x3fu));
      text += 4;
    }
  }
}

static PyObject* decode_all_valid(const unsigned char* text, const Utf8Scan& found) {
  if (found.characters == 1) {
    Py_UCS4 c;
    bool bad;
    sequence(text, text + found.bytes, &c, &bad);
    return str_from_char(c);
  }
  PyObject* result = str_new(found.characters, found.most);
  if (result && found.characters)
    str_visit_mutable(result, [&](auto* to) { decode_valid(text, found.bytes, to); });
  return result;
}

// May what stands at the end become a character, or an encoded surrogate for the error handlers, with more bytes?
static bool cut_off(const unsigned char* p, const unsigned char* end, int n) {
  return n == 0 || (n == -1 && end - p == 2 && p[0] == 0xed && p[1] > 0x9f && p[1] < 0xc0);
}

static PyObject* decode_with_errors(const char* text, Py_ssize_t size, const char* error_name, Py_ssize_t* consumed) {
  DecodeErrors errors("utf-8", error_name, text, size);
  StrBuilder out;
  Py_ssize_t at = 0;
  while (at < errors.size) {
    const auto* input = reinterpret_cast<const unsigned char*>(errors.input);
    Py_UCS4 c;
    bool start_is_bad;
    if (input[at] < 0x80) {
      const Py_ssize_t run = ascii_prefix(input + at, errors.size - at);
      TRY(out.add_ascii(errors.input + at, run));
      at += run;
      continue;
    }
    const int n = sequence(input + at, input + errors.size, &c, &start_is_bad);
    if (n > 0) {
      TRY(out.add_char(c));
      at += n;
      continue;
    }
    if (consumed && cut_off(input + at, input + errors.size, n)) break;
    if (n == 0) {
      TRY(errors.handle(out, at, errors.size, "unexpected end of data", &at));
    } else {
      TRY(errors.handle(out, at, at - n, start_is_bad ? "invalid start byte" : "invalid continuation byte", &at));
    }
  }
  if (consumed) *consumed = at;
  return out.finish();
}

PyObject* utf8_decode(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t* consumed) {
  if (size <= 0) {
    if (consumed) *consumed = 0;
    return str_empty();
  }
  const auto* input = reinterpret_cast<const unsigned char*>(text);
  const Py_ssize_t ascii = ascii_prefix(text, size);
  if (ascii == size) {
    if (consumed) *consumed = size;
    return str_from_ascii(text, size);
  }
  const Utf8Scan found = scan(input, size);
  if (found.bytes == size) {
    if (consumed) *consumed = size;
    return decode_all_valid(input, found);
  }
  if (consumed) {  // perhaps just cut off at the end
    Py_UCS4 c;
    bool bad;
    if (cut_off(input + found.bytes, input + size, sequence(input + found.bytes, input + size, &c, &bad))) {
      *consumed = found.bytes;
      return decode_all_valid(input, found);
    }
  }
  return decode_with_errors(text, size, errors, consumed);
}

// ---- encoding -----------------------------------------------------------------------------------------------------------------

// Writes one character that is no surrogate; the number of bytes.
static inline int put_utf8(Py_UCS4 c, char* out) {
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<char>(0xc0 | c >> 6);
    out[1] = static_cast<char>(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<char>(0xe0 | c >> 12);
    out[1] = static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out[2] = static_cast<char>(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | c >> 18);
  out[1] = static_cast<char>(0x80 | (c >> 12 & 0x3f));
  out[2] = static_cast<char>(0x80 | (c >> 6 & 0x3f));
  out[3] = static_cast<char>(0x80 | (c & 0x3f));
  return 4;
}
static bool is_surrogate(Py_UCS4 c) { return c >= 0xd800 && c <= 0xdfff; }

// The size in UTF-8, or -1 - index of the first surrogate.
static Py_ssize_t utf8_size(PyObject* s) {
  return str_visit(s, [](auto chars) {
    Py_ssize_t size = 0;
    for (Py_ssize_t i = 0; i < chars.size; ++i) {
      const Py_UCS4 c = chars[i];
      if (is_surrogate(c)) return -1 - i;
      size += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    return size;
  });
}
static void write_utf8(PyObject* s, char* out) {
  str_visit(s, [&](auto chars) {
    for (Py_ssize_t i = 0; i < chars.size; ++i) out += put_utf8(chars[i], out);
  });
}

static PyObject* encode_with_errors(PyObject* s, const char* error_name) {
  EncodeErrors errors("utf-8", error_name, s);
  BytesBuilder out;
  const Py_ssize_t length = str_length(s);
  auto add = [&](Py_UCS4 c) -> Found {
    if (c > 0x7f) return Found::No;  // replacements must be ASCII
    TRY(out.append(static_cast<char>(c)));
    return Found::Yes;
  };
  for (Py_ssize_t i = 0; i < length;) {
    const Py_UCS4 c = str_char(s, i);
    if (!is_surrogate(c)) {
      char* place = out.reserve(4);
      if (!place) return nullptr;
      out.add(put_utf8(c, place));
      ++i;
      continue;
    }
    Py_ssize_t end = i + 1;
    while (end < length && is_surrogate(str_char(s, end))) ++end;
    if (errors.kind() == ErrorHandler::SurrogatePass) {
      for (; i < end; ++i) {
        char* place = out.reserve(4);
        if (!place) return nullptr;
        out.add(put_utf8(str_char(s, i), place));
      }
      continue;
    }
    EncodeErrors::Replacement replacement;
    TRY(errors.handle(i, end, "surrogates not allowed", &replacement));
    TRY(add_replacement(errors, replacement, i, end, "surrogates not allowed", out, add));
    i = replacement.position;
  }
  return out.finish();
}

PyObject* utf8_encode(PyObject* s, const char* errors) {
  if (str_is_ascii(s)) return bytes_from(str_data_as<char>(s), str_length(s));
  const auto* compact = as<PyCompactUnicodeObject>(s);
  if (compact->utf8) return bytes_from(compact->utf8, compact->utf8_length);
  const Py_ssize_t size = utf8_size(s);
  if (size < 0) return encode_with_errors(s, errors);
  PyObject* result = bytes_new(size);
  if (result) write_utf8(s, bytes_data(result));
  return result;
}

}  // namespace ks

using namespace ks;

extern "C" {

// New str; `errors` as in bytes.decode().
PyObject* PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors) {
  return utf8_decode(text, size, errors, nullptr);
}
// The same, leaving a cut-off sequence at the end alone when `consumed` is given.
PyObject* PyUnicode_DecodeUTF8Stateful(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t* consumed) {
  return utf8_decode(text, size, errors, consumed);
}
// New str from UTF-8.
PyObject* PyUnicode_FromStringAndSize(const char* text, Py_ssize_t size) {
  if (size < 0) return raise(PyExc_SystemError, "Negative size passed to PyUnicode_FromStringAndSize");
  if (text) return utf8_decode(text, size, nullptr, nullptr);
  if (size > 0) return raise(PyExc_SystemError, "NULL string with positive size with NULL passed to PyUnicode_FromStringAndSize");
  return str_empty();
}
PyObject* PyUnicode_FromString(const char* text) {
  const size_t size = strlen(text);
  if (size > PY_SSIZE_T_MAX) return raise(PyExc_OverflowError, "input too long");
  return utf8_decode(text, static_cast<Py_ssize_t>(size), nullptr, nullptr);
}

// Borrowed text, kept by the str; UnicodeEncodeError for surrogates.
const char* PyUnicode_AsUTF8AndSize(PyObject* s, Py_ssize_t* size) {
  if (!is_str_argument(s)) {
    if (size) *size = -1;
    return nullptr;
  }
  if (str_is_ascii(s)) {
    if (size) *size = str_length(s);
    return str_data_as<char>(s);
  }
  auto* compact = as<PyCompactUnicodeObject>(s);
  if (!compact->utf8) {
    const Py_ssize_t needed = utf8_size(s);
    if (needed < 0) {
      Ref<> bytes = steal(encode_with_errors(s, nullptr));  // raises
      if (size) *size = -1;
      return nullptr;
    }
    char* text = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(needed) + 1));
    if (!text) {
      PyErr_NoMemory();
      if (size) *size = -1;
      return nullptr;
    }
    write_utf8(s, text);
    text[needed] = 0;
    compact->utf8 = text;
    compact->utf8_length = needed;
  }
  if (size) *size = compact->utf8_length;
  return compact->utf8;
}
const char* PyUnicode_AsUTF8(PyObject* s) { return PyUnicode_AsUTF8AndSize(s, nullptr); }
// The same, ValueError for embedded null characters.
KS_EXPORT const char* _PyUnicode_AsUTF8NoNUL(PyObject* s) {
  Py_ssize_t size;
  const char* text = PyUnicode_AsUTF8AndSize(s, &size);
  if (text && strlen(text) != static_cast<size_t>(size)) return raise(PyExc_ValueError, "embedded null character");
  return text;
}
// New bytes.
KS_EXPORT PyObject* _PyUnicode_AsUTF8String(PyObject* s, const char* errors) {
  if (!is_str_argument(s)) return nullptr;
  return utf8_encode(s, errors);
}
PyObject* PyUnicode_AsUTF8String(PyObject* s) { return _PyUnicode_AsUTF8String(s, nullptr); }

}  // extern "C"
