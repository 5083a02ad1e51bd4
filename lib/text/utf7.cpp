// UTF-7 (RFC 2152).
#include "text/codec.h"
#include "types/str_private.h"

namespace ks {

static constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static int base64_value(unsigned char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}
static bool decodes_direct(unsigned char c) { return c <= 127 && c != '+'; }
// RFC 2152's sets D and O, and white space.
static bool encodes_direct(Py_UCS4 c) {
  if (c == '\t' || c == '\n' || c == '\r') return true;
  return c >= ' ' && c < 127 && c != '+' && c != '\\' && c != '~';
}

static PyObject* utf7_decode(const char* text, Py_ssize_t size, const char* error_name, Py_ssize_t* consumed) {
  if (size == 0) {
    if (consumed) *consumed = 0;
    return str_empty();
  }
  DecodeErrors errors("utf7", error_name, text, size);
  StrBuilder out;
  bool shifted = false;
  unsigned bits = 0;
  uint64_t buffer = 0;
  Py_UCS4 surrogate = 0;
  Py_ssize_t at = 0, start = 0, shift_out = 0;
  for (;;) {
    while (at < errors.size) {
      const auto c = static_cast<unsigned char>(errors.input[at]);
      const char* message = nullptr;
      if (shifted) {
        const int value = base64_value(c);
        if (value >= 0) {
          buffer = buffer << 6 | static_cast<unsigned>(value);
          bits += 6;
          ++at;
          if (bits >= 16) {
            const Py_UCS4 unit = static_cast<Py_UCS4>(buffer >> (bits - 16)) & 0xffff;
            bits -= 16;
            buffer &= (1u << bits) - 1;
            if (surrogate) {
              if (unit >= 0xdc00 && unit <= 0xdfff) {
                TRY(out.add_char(Py_UNICODE_JOIN_SURROGATES(surrogate, unit)));
                surrogate = 0;
                continue;
              }
              TRY(out.add_char(surrogate));
              surrogate = 0;
            }
            if (unit >= 0xd800 && unit <= 0xdbff) surrogate = unit;
            else TRY(out.add_char(unit));
          }
          continue;
        }
        shifted = false;
        if (bits > 0) {
          if (bits >= 6) {
            ++at;
            message = "partial character in base64 sequence";
          } else if (buffer != 0) {
            ++at;
            message = "non-zero padding bits in shift sequence";
          }
        }
        if (!message) {
          if (surrogate && decodes_direct(c)) TRY(out.add_char(surrogate));
          surrogate = 0;
          if (c == '-') ++at;
          continue;
        }
      } else if (c == '+') {
        start = at++;
        if (at < errors.size && errors.input[at] == '-') {
          ++at;
          TRY(out.add_char('+'));
          continue;
        }
        if (at < errors.size && base64_value(static_cast<unsigned char>(errors.input[at])) < 0) {
          ++at;
          message = "ill-formed sequence";
        } else {
          shifted = true;
          surrogate = 0;
          shift_out = out.length();
          bits = 0;
          buffer = 0;
          continue;
        }
      } else if (decodes_direct(c)) {
        ++at;
        TRY(out.add_char(c));
        continue;
      } else {
        start = at++;
        message = "unexpected special character";
      }
      TRY(errors.handle(out, start, at, message, &at));
    }
    if (!shifted || consumed) break;
    shifted = false;
    if (surrogate || bits >= 6 || (bits > 0 && buffer != 0)) {
      TRY(errors.handle(out, start, errors.size, "unterminated shift sequence", &at));
      if (at < errors.size) continue;
    }
    break;
  }
  if (consumed) {
    *consumed = shifted ? start : at;
    if (shifted && out.length() != shift_out) out.truncate(shift_out);
  }
  return out.finish();
}

PyObject* utf7_encode(PyObject* s, const char*) {
  BytesBuilder out;
  bool shifted = false;
  unsigned bits = 0;
  uint64_t buffer = 0;
  const Py_ssize_t length = str_length(s);
  auto put_unit = [&](Py_UCS4 unit) -> Status {
    bits += 16;
    buffer = buffer << 16 | unit;
    while (bits >= 6) {
      TRY(out.append(kBase64[buffer >> (bits - 6) & 0x3f]));
      bits -= 6;
      buffer &= (uint64_t{1} << bits) - 1;
    }
    return Status::Ok;
  };
  for (Py_ssize_t i = 0; i < length; ++i) {
    const Py_UCS4 c = str_char(s, i);
    if (shifted) {
      if (encodes_direct(c)) {
        if (bits) {
          TRY(out.append(kBase64[buffer << (6 - bits) & 0x3f]));
          buffer = bits = 0;
        }
        shifted = false;
        if (base64_value(static_cast<unsigned char>(c)) >= 0 || c == '-') TRY(out.append('-'));
        TRY(out.append(static_cast<char>(c)));
        continue;
      }
    } else {
      if (c == '+') {
        TRY(out.append("+-", 2));
        continue;
      }
      if (encodes_direct(c)) {
        TRY(out.append(static_cast<char>(c)));
        continue;
      }
      TRY(out.append('+'));
      shifted = true;
    }
    if (c >= 0x10000) {
      TRY(put_unit(Py_UNICODE_HIGH_SURROGATE(c)));
      TRY(put_unit(Py_UNICODE_LOW_SURROGATE(c)));
    } else {
      TRY(put_unit(c));
    }
  }
  if (bits) TRY(out.append(kBase64[buffer << (6 - bits) & 0x3f]));
  if (shifted) TRY(out.append('-'));
  return out.finish();
}

}  // namespace ks

using namespace ks;

extern "C" {

// New str.
PyObject* PyUnicode_DecodeUTF7Stateful(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t* consumed) {
  return utf7_decode(text, size, errors, consumed);
}
PyObject* PyUnicode_DecodeUTF7(const char* text, Py_ssize_t size, const char* errors) {
  return utf7_decode(text, size, errors, nullptr);
}

}  // extern "C"
