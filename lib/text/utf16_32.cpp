// UTF-16 and UTF-32, both byte orders, with and without byte order mark.
#include "object/export.h"
#include "text/codec.h"
#include "types/str_private.h"

namespace ks {

static bool is_surrogate(Py_UCS4 c) { return c >= 0xd800 && c <= 0xdfff; }

static Py_UCS4 unit16(const char* text, bool big) {
  const auto* p = reinterpret_cast<const unsigned char*>(text);
  return big ? p[0] << 8u | p[1] : p[1] << 8u | p[0];
}
static Py_UCS4 unit32(const char* text, bool big) {
  const auto* p = reinterpret_cast<const unsigned char*>(text);
  return big ? static_cast<Py_UCS4>(p[0]) << 24 | p[1] << 16u | p[2] << 8u | p[3]
             : static_cast<Py_UCS4>(p[3]) << 24 | p[2] << 16u | p[1] << 8u | p[0];
}

static PyObject* utf16_decode(const char* text, Py_ssize_t size, const char* error_name, int* byte_order, Py_ssize_t* consumed) {
  int order = byte_order ? *byte_order : 0;
  Py_ssize_t at = 0;
  if (order == 0 && size >= 2) {
    const Py_UCS4 mark = unit16(text, false);
    if (mark == 0xfeff) order = -1, at = 2;
    else if (mark == 0xfffe) order = 1, at = 2;
  }
  const bool big = order > 0;
  DecodeErrors errors(big ? "utf-16-be" : "utf-16-le", error_name, text, size);
  StrBuilder out;
  TRY(out.prepare((size - at) / 2, 0x7f));
  while (at < errors.size) {
    if (errors.size - at == 1) {
      if (consumed) break;
      TRY(errors.handle(out, at, errors.size, "truncated data", &at));
      continue;
    }
    const Py_UCS4 c = unit16(errors.input + at, big);
    if (!is_surrogate(c)) {
      TRY(out.add_char(c));
      at += 2;
    } else if (c >= 0xdc00) {
      TRY(errors.handle(out, at, at + 2, "illegal encoding", &at));
    } else if (errors.size - at < 4) {
      if (consumed) break;
      TRY(errors.handle(out, at, errors.size, "unexpected end of data", &at));
    } else {
      const Py_UCS4 low = unit16(errors.input + at + 2, big);
      if (low >= 0xdc00 && low <= 0xdfff) {
        TRY(out.add_char(0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff))));
        at += 4;
      } else {
        TRY(errors.handle(out, at, at + 2, "illegal UTF-16 surrogate", &at));
      }
    }
  }
  if (byte_order) *byte_order = order;
  if (consumed) *consumed = at;
  return out.finish();
}

static PyObject* utf32_decode(const char* text, Py_ssize_t size, const char* error_name, int* byte_order, Py_ssize_t* consumed) {
  int order = byte_order ? *byte_order : 0;
  Py_ssize_t at = 0;
  if (order == 0 && size >= 4) {
    const Py_UCS4 mark = unit32(text, false);
    if (mark == 0xfeff) order = -1, at = 4;
    else if (mark == 0xfffe0000) order = 1, at = 4;
  }
  const bool big = order > 0;
  DecodeErrors errors(big ? "utf-32-be" : "utf-32-le", error_name, text, size);
  StrBuilder out;
  while (at < errors.size) {
    if (errors.size - at < 4) {
      if (consumed) break;
      TRY(errors.handle(out, at, errors.size, "truncated data", &at));
      continue;
    }
    const Py_UCS4 c = unit32(errors.input + at, big);
    if (c > 0x10ffff) {
      TRY(errors.handle(out, at, at + 4, "code point not in range(0x110000)", &at));
    } else if (is_surrogate(c)) {
      TRY(errors.handle(out, at, at + 4, "code point in surrogate code point range(0xd800, 0xe000)", &at));
    } else {
      TRY(out.add_char(c));
      at += 4;
    }
  }
  if (byte_order) *byte_order = order;
  if (consumed) *consumed = at;
  return out.finish();
}

static Status put16(BytesBuilder& out, Py_UCS4 unit, bool big) {
  char* p = out.reserve(2);
  if (!p) return failed;
  p[big ? 1 : 0] = static_cast<char>(unit);
  p[big ? 0 : 1] = static_cast<char>(unit >> 8);
  out.add(2);
  return Status::Ok;
}
static Status put32(BytesBuilder& out, Py_UCS4 c, bool big) {
  char* p = out.reserve(4);
  if (!p) return failed;
  for (int i = 0; i < 4; ++i) p[big ? 3 - i : i] = static_cast<char>(c >> (8 * i));
  out.add(4);
  return Status::Ok;
}

// `width` 2 or 4.
template <int width>
static PyObject* encode_wide(PyObject* s, const char* error_name, int byte_order, const char* encoding) {
  const bool big = byte_order > 0;
  EncodeErrors errors(encoding, error_name, s);
  BytesBuilder out;
  auto put = [&](Py_UCS4 c) -> Status {
    if (width == 4) return put32(out, c, big);
    if (c < 0x10000) return put16(out, c, big);
    TRY(put16(out, 0xd7c0 + (c >> 10), big));
    return put16(out, 0xdc00 + (c & 0x3ff), big);
  };
  auto add = [&](Py_UCS4 c) -> Found {
    if (c > 0x7f) return Found::No;
    TRY(put(c));
    return Found::Yes;
  };
  if (byte_order == 0) TRY(put(0xfeff));
  const Py_ssize_t length = str_length(s);
  if (!out.reserve(length * width)) return nullptr;
  for (Py_ssize_t i = 0; i < length;) {
    const Py_UCS4 c = str_char(s, i);
    if (!is_surrogate(c)) {
      TRY(put(c));
      ++i;
      continue;
    }
    constexpr const char* kReason = "surrogates not allowed";
    EncodeErrors::Replacement replacement;
    TRY(errors.handle(i, i + 1, kReason, &replacement));
    if (replacement.text && PyBytes_Check(replacement.text.object()) && bytes_size(replacement.text) % width)
      return errors.raise_strict(i, i + 1, kReason);
    TRY(add_replacement(errors, replacement, i, i + 1, kReason, out, add));
    i = replacement.position;
  }
  return out.finish();
}

PyObject* utf16_encode(PyObject* s, const char* errors, int byte_order) {
  return encode_wide<2>(s, errors, byte_order, byte_order == 0 ? "utf-16" : byte_order < 0 ? "utf-16-le" : "utf-16-be");
}
PyObject* utf32_encode(PyObject* s, const char* errors, int byte_order) {
  return encode_wide<4>(s, errors, byte_order, byte_order == 0 ? "utf-32" : byte_order < 0 ? "utf-32-le" : "utf-32-be");
}

}  // namespace ks

using namespace ks;

extern "C" {

// New str. *byteorder: -1 little, 1 big, 0 native after looking for a mark; set to what was used.
PyObject* PyUnicode_DecodeUTF16Stateful(const char* text, Py_ssize_t size, const char* errors, int* byteorder, Py_ssize_t* consumed) {
  return utf16_decode(text, size, errors, byteorder, consumed);
}
PyObject* PyUnicode_DecodeUTF16(const char* text, Py_ssize_t size, const char* errors, int* byteorder) {
  return utf16_decode(text, size, errors, byteorder, nullptr);
}
PyObject* PyUnicode_DecodeUTF32Stateful(const char* text, Py_ssize_t size, const char* errors, int* byteorder, Py_ssize_t* consumed) {
  return utf32_decode(text, size, errors, byteorder, consumed);
}
PyObject* PyUnicode_DecodeUTF32(const char* text, Py_ssize_t size, const char* errors, int* byteorder) {
  return utf32_decode(text, size, errors, byteorder, nullptr);
}
// New bytes.
KS_EXPORT PyObject* _PyUnicode_EncodeUTF16(PyObject* s, const char* errors, int byteorder) {
  return is_str_argument(s) ? utf16_encode(s, errors, byteorder) : nullptr;
}
KS_EXPORT PyObject* _PyUnicode_EncodeUTF32(PyObject* s, const char* errors, int byteorder) {
  return is_str_argument(s) ? utf32_encode(s, errors, byteorder) : nullptr;
}
PyObject* PyUnicode_AsUTF16String(PyObject* s) { return _PyUnicode_EncodeUTF16(s, nullptr, 0); }
PyObject* PyUnicode_AsUTF32String(PyObject* s) { return _PyUnicode_EncodeUTF32(s, nullptr, 0); }

}  // extern "C"
