// The codecs unicode-escape and raw-unicode-escape.
#include "object/export.h"
#include "runtime/state.h"
#include "text/codec.h"
#include "text/unicode.h"
#include "types/str_private.h"

namespace ks {

Status need_character_names() {
  bool& loaded = interpreter()->text.codecs.names_loaded;
  if (loaded) return Status::Ok;
  Ref<> module = steal(PyImport_ImportModule("unicodedata"));
  if (!module) return raise(PyExc_UnicodeError, "\\N escapes not supported (can't load unicodedata module)");
  loaded = true;
  return Status::Ok;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// What decoding found that deserves a warning: the first invalid escape. `character` is -1 when there is none; an octal
// escape above 0o377 has its value.
struct InvalidEscape {
  int character = -1;
  const char* place = nullptr;  // behind the backslash
};

static PyObject* decode_escapes(const char* text, Py_ssize_t size, const char* error_name, Py_ssize_t* consumed,
                                InvalidEscape* invalid) {
  if (consumed) *consumed = size;
  if (size == 0) return str_empty();
  DecodeErrors errors("unicodeescape", error_name, text, size);
  StrBuilder out;
  Py_ssize_t at = 0;
  while (at < errors.size) {
    const char* input = errors.input;
    const char* plain = static_cast<const char*>(memchr(input + at, '\\', static_cast<size_t>(errors.size - at)));
    const Py_ssize_t run = plain ? plain - (input + at) : errors.size - at;
    if (run) {
      TRY(out.add_chars(1, input + at, run));
      at += run;
      continue;
    }
    const Py_ssize_t start = at++;
    const char* message = nullptr;
    bool incomplete = false;
    if (at >= errors.size) {
      message = "\\ at end of string";
      incomplete = true;
    } else {
      const char c = input[at++];
      int digits = 0;
      switch (c) {
        case '\n': continue;
        case '\\': case '\'': case '"': TRY(out.add_char(static_cast<Py_UCS4>(c))); continue;
        case 'b': TRY(out.add_char('\b')); continue;
        case 'f': TRY(out.add_char('\f')); continue;
        case 't': TRY(out.add_char('\t')); continue;
        case 'n': TRY(out.add_char('\n')); continue;
        case 'r': TRY(out.add_char('\r')); continue;
        case 'v': TRY(out.add_char('\v')); continue;
        case 'a': TRY(out.add_char('\a')); continue;
        case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': {
          Py_UCS4 value = static_cast<Py_UCS4>(c - '0');
          for (int i = 0; i < 2 && at < errors.size && input[at] >= '0' && input[at] <= '7'; ++i)
            value = value * 8 + static_cast<Py_UCS4>(input[at++] - '0');
          if (value > 0377 && invalid->character == -1) {
            invalid->character = static_cast<int>(value);
            if (input == text) invalid->place = input + start + 1;
          }
          TRY(out.add_char(value));
          continue;
        }
        case 'x': digits = 2; message = "truncated \\xXX escape"; break;
        case 'u': digits = 4; message = "truncated \\uXXXX escape"; break;
        case 'U': digits = 8; message = "truncated \\UXXXXXXXX escape"; break;
        case 'N': {
          message = "malformed \\N character escape";
          if (at >= errors.size) {
            incomplete = true;
            break;
          }
          if (input[at] != '{') break;
          const Py_ssize_t name = ++at;
          while (at < errors.size && input[at] != '}') ++at;
          if (at >= errors.size) {
            incomplete = true;
            break;
          }
          if (at == name) break;
          ++at;
          TRY(need_character_names());
          Py_UCS4 found[4];
          if (character_by_name(input + name, at - 1 - name, NameKinds::WithAliases, found) == 1) {
            TRY(out.add_char(found[0]));
            continue;
          }
          message = "unknown Unicode character name";
          break;
        }
        default:
          if (invalid->character == -1) {
            invalid->character = static_cast<unsigned char>(c);
            if (input == text) invalid->place = input + start + 1;
          }
          TRY(out.add_char('\\'));
          TRY(out.add_char(static_cast<unsigned char>(c)));
          continue;
      }
      if (digits) {
        Py_UCS4 value = 0;
        int seen = 0;
        for (; seen < digits && at < errors.size; ++seen, ++at) {
          const int digit = hex_digit(input[at]);
          if (digit < 0) break;
          value = value << 4 | static_cast<Py_UCS4>(digit);
        }
        if (seen == digits) {
          if (value <= 0x10ffff) {
            TRY(out.add_char(value));
            continue;
          }
          message = "illegal Unicode character";
        } else {
          incomplete = at >= errors.size;
        }
      }
    }
    if (incomplete && consumed) {
      *consumed = start;
      break;
    }
    TRY(errors.handle(out, start, at, message, &at));
  }
  return out.finish();
}

static Status warn_invalid(const InvalidEscape& invalid) {
  if (invalid.character == -1) return Status::Ok;
  if (invalid.character > 0xff)
    return status(PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                                   "\"\\%o\" is an invalid octal escape sequence. Such sequences will not work in the future. ",
                                   invalid.character));
  return status(PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                                 "\"\\%c\" is an invalid escape sequence. Such sequences will not work in the future. ",
                                 invalid.character));
}

PyObject* unicode_escape_decode(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t* consumed) {
  InvalidEscape invalid;
  Ref<> result = TRY(steal(decode_escapes(text, size, errors, consumed, &invalid)));
  TRY(warn_invalid(invalid));
  return result.release();
}

PyObject* raw_unicode_escape_decode(const char* text, Py_ssize_t size, const char* error_name, Py_ssize_t* consumed) {
  if (consumed) *consumed = size;
  if (size == 0) return str_empty();
  DecodeErrors errors("rawunicodeescape", error_name, text, size);
  StrBuilder out;
  Py_ssize_t at = 0;
  while (at < errors.size) {
    const char* input = errors.input;
    const Py_ssize_t start = at;
    const char c = input[at++];
    if (c != '\\') {
      TRY(out.add_char(static_cast<unsigned char>(c)));
      continue;
    }
    if (at >= errors.size) {
      if (consumed) {
        *consumed = start;
        break;
      }
      TRY(out.add_char('\\'));
      continue;
    }
    const char kind = input[at++];
    if (kind != 'u' && kind != 'U') {
      TRY(out.add_char('\\'));
      TRY(out.add_char(static_cast<unsigned char>(kind)));
      continue;
    }
    const int digits = kind == 'u' ? 4 : 8;
    Py_UCS4 value = 0;
    int seen = 0;
    for (; seen < digits && at < errors.size; ++seen, ++at) {
      const int digit = hex_digit(input[at]);
      if (digit < 0) break;
      value = value << 4 | static_cast<Py_UCS4>(digit);
    }
    const char* message;
    if (seen == digits) {
      if (value <= 0x10ffff) {
        TRY(out.add_char(value));
        continue;
      }
      message = "\\Uxxxxxxxx out of range";
    } else {
      if (at >= errors.size && consumed) {
        *consumed = start;
        break;
      }
      message = kind == 'u' ? "truncated \\uXXXX escape" : "truncated \\UXXXXXXXX escape";
    }
    TRY(errors.handle(out, start, at, message, &at));
  }
  return out.finish();
}

static Status add_hex(BytesBuilder& out, Py_UCS4 c, bool short_form) {
  char text[12];
  const int n = short_form && c < 0x100 ? snprintf(text, sizeof text, "\\x%02x", c)
                : c < 0x10000           ? snprintf(text, sizeof text, "\\u%04x", c)
                                        : snprintf(text, sizeof text, "\\U%08x", c);
  return out.append(text, n);
}

}  // namespace ks

using namespace ks;

extern "C" {

// New str; DeprecationWarning for an invalid escape.
PyObject* PyUnicode_DecodeUnicodeEscape(const char* text, Py_ssize_t size, const char* errors) {
  return unicode_escape_decode(text, size, errors, nullptr);
}
// The same without the warning: *character and *place say what to warn of.
KS_EXPORT PyObject* _PyUnicode_DecodeUnicodeEscapeInternal2(const char* text, Py_ssize_t size, const char* errors,
                                                            Py_ssize_t* consumed, int* character, const char** place) {
  InvalidEscape invalid;
  PyObject* result = decode_escapes(text, size, errors, consumed, &invalid);
  *character = invalid.character;
  *place = invalid.place;
  return result;
}
PyObject* PyUnicode_DecodeRawUnicodeEscape(const char* text, Py_ssize_t size, const char* errors) {
  return raw_unicode_escape_decode(text, size, errors, nullptr);
}
// New bytes.
PyObject* PyUnicode_AsUnicodeEscapeString(PyObject* s) {
  if (!is_str_argument(s)) return nullptr;
  BytesBuilder out;
  const Py_ssize_t length = str_length(s);
  for (Py_ssize_t i = 0; i < length; ++i) {
    const Py_UCS4 c = str_char(s, i);
    switch (c) {
      case '\\': TRY(out.append("\\\\", 2)); break;
      case '\t': TRY(out.append("\\t", 2)); break;
      case '\n': TRY(out.append("\\n", 2)); break;
      case '\r': TRY(out.append("\\r", 2)); break;
      default:
        if (c >= ' ' && c < 127) TRY(out.append(static_cast<char>(c)));
        else TRY(add_hex(out, c, true));
    }
  }
  return out.finish();
}
PyObject* PyUnicode_AsRawUnicodeEscapeString(PyObject* s) {
  if (!is_str_argument(s)) return nullptr;
  if (str_kind(s) == 1) return bytes_from(str_data_as<char>(s), str_length(s));
  BytesBuilder out;
  const Py_ssize_t length = str_length(s);
  for (Py_ssize_t i = 0; i < length; ++i) {
    const Py_UCS4 c = str_char(s, i);
    if (c < 256) TRY(out.append(static_cast<char>(c)));
    else TRY(add_hex(out, c, false));
  }
  return out.finish();
}

}  // extern "C"
