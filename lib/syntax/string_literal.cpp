// Values of string and bytes literals.
#include "syntax/parser_state.h"

namespace ks::syntax {

void wrap_literal_error(Parser& parser) {
  const char* what = PyErr_ExceptionMatches(PyExc_UnicodeError) ? "unicode error"
                     : PyErr_ExceptionMatches(PyExc_ValueError) ? "value error"
                                                                : nullptr;
  if (!what) return;
  Ref<> exception = steal(PyErr_GetRaisedException());
  Ref<> text = steal(PyObject_Str(exception));
  if (!text) {
    PyErr_Clear();
    text = steal(PyUnicode_FromString("unknown error"));
  }
  parser.error_at(parser.last_place(), "(%s) %U", what, text.get());
}

// Warns of a backslash before something that it does not change: of the first one in a literal. `count` characters (ASCII)
// are shown.
static Status warn_escape(Parser& parser, const Token& token, const char* escape, int count, bool octal) {
  if (parser.finding_errors) return Status::Ok;  // was given in the first pass
  int line = token.line;
  const char* line_start = token.start - token.column;
  for (const char* p = token.start; p < escape; ++p)
    if (*p == '\n') ++line, line_start = p + 1;
  char shown[8] = {};
  memcpy(shown, escape, static_cast<size_t>(count));
  Ref<> message = TRY(steal(PyUnicode_FromFormat(
      octal ? "\"\\%s\" is an invalid octal escape sequence. Such sequences will not work in the future. Did you mean "
              "\"\\\\%s\"? A raw string is also an option."
            : "\"\\%s\" is an invalid escape sequence. Such sequences will not work in the future. Did you mean \"\\\\%s\"? "
              "A raw string is also an option.",
      shown, shown)));
  if (PyErr_WarnExplicitObject(PyExc_SyntaxWarning, message, parser.options.filename, line, nullptr, nullptr) < 0) {
    if (PyErr_ExceptionMatches(PyExc_SyntaxWarning)) {
      PyErr_Clear();
      const int column = static_cast<int>(escape - 1 - line_start);
      parser.error_at({line, column, line, column + 2},
                      octal ? "\"\\%s\" is an invalid octal escape sequence. Did you mean \"\\\\%s\"? A raw string is also an option."
                            : "\"\\%s\" is an invalid escape sequence. Did you mean \"\\\\%s\"? A raw string is also an option.",
                      shown, shown);
    }
    return failed;
  }
  return Status::Ok;
}

static int octal_value(const char*& at, const char* end) {
  int value = 0;
  for (int i = 0; i < 3 && at < end && *at >= '0' && *at <= '7'; ++i) value = value * 8 + (*at++ - '0');
  return value;
}
static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
static bool hex_value(const char*& at, const char* end, int digits, Py_UCS4* value) {
  *value = 0;
  if (end - at < digits) return false;
  for (int i = 0; i < digits; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) return false;
    *value = *value * 16 + static_cast<Py_UCS4>(digit);
  }
  at += digits;
  return *value <= 0x10ffff;
}

// Escapes that the codec must decode, or must complain about: it sees the whole text, other characters escaped.
static Ref<> decode_by_codec(const char* start, const char* end) {
  GrowingArray<char> text;
  for (const char* p = start; p < end;) {
    if (static_cast<unsigned char>(*p) < 128) {
      // A backslash before a non-ASCII character is two characters; doubled, it stays what it is.
      if (*p == '\\' && p + 1 < end && static_cast<unsigned char>(p[1]) >= 128) TRY(text.append('\\'));
      else if (*p == '\\' && p + 1 < end) {
        TRY(text.append(*p++));
      }
      TRY(text.append(*p++));
      continue;
    }
    const char* next = p + 1;
    while (next < end && (static_cast<unsigned char>(*next) & 0xc0) == 0x80) ++next;
    Ref<> one = TRY(steal(PyUnicode_DecodeUTF8(p, next - p, nullptr)));
    char escaped[12];
    PyOS_snprintf(escaped, sizeof escaped, "\\U%08x", static_cast<unsigned>(PyUnicode_READ_CHAR(one.get(), 0)));
    for (int i = 0; i < 10; ++i) TRY(text.append(escaped[i]));
    p = next;
  }
  return steal(PyUnicode_DecodeUnicodeEscape(text.begin(), text.size(), nullptr));
}

Ref<> decode_text(Parser& parser, const Token& token, const char* start, const char* end, bool raw) {
  if (raw || !memchr(start, '\\', static_cast<size_t>(end - start))) return steal(PyUnicode_DecodeUTF8(start, end - start, nullptr));
  GrowingArray<char> text;  // UTF-8; code points that UTF-8 has no place for (surrogates) go through "surrogatepass"
  bool surrogates = false;
  auto put = [&](Py_UCS4 c) -> Status {
    if (c < 0x80) return text.append(static_cast<char>(c));
    if (c < 0x800) {
      TRY(text.append(static_cast<char>(0xc0 | c >> 6)));
    } else {
      if (c >= 0xd800 && c <= 0xdfff) surrogates = true;
      if (c < 0x10000) {
        TRY(text.append(static_cast<char>(0xe0 | c >> 12)));
      } else {
        TRY(text.append(static_cast<char>(0xf0 | c >> 18)));
        TRY(text.append(static_cast<char>(0x80 | (c >> 12 & 0x3f))));
      }
      TRY(text.append(static_cast<char>(0x80 | (c >> 6 & 0x3f))));
    }
    return text.append(static_cast<char>(0x80 | (c & 0x3f)));
  };
  bool warned = false;
  auto warn = [&](const char* escape, int count, bool octal) {
    return std::exchange(warned, true) ? Status::Ok : warn_escape(parser, token, escape, count, octal);
  };
  for (const char* p = start; p < end;) {
    if (*p != '\\') {
      TRY(text.append(*p++));
      continue;
    }
    const char* escape = ++p;
    if (p == end) {
      // In an f-string, before a brace.
      TRY(warn(escape, 1, false));
      TRY(text.append('\\'));
      break;
    }
    Py_UCS4 value = 0;
    switch (*p++) {
      case '\n': break;
      case '\\': TRY(text.append('\\')); break;
      case '\'': TRY(text.append('\'')); break;
      case '"': TRY(text.append('"')); break;
      case 'a': TRY(text.append('\a')); break;
      case 'b': TRY(text.append('\b')); break;
      case 'f': TRY(text.append('\f')); break;
      case 'n': TRY(text.append('\n')); break;
      case 'r': TRY(text.append('\r')); break;
      case 't': TRY(text.append('\t')); break;
      case 'v': TRY(text.append('\v')); break;
      case 'x':
        if (!hex_value(p, end, 2, &value)) return decode_by_codec(start, end);
        TRY(put(value));
        break;
      case 'u':
        if (!hex_value(p, end, 4, &value)) return decode_by_codec(start, end);
        TRY(put(value));
        break;
      case 'U':
        if (!hex_value(p, end, 8, &value)) return decode_by_codec(start, end);
        TRY(put(value));
        break;
      case 'N': {
        const char* close = p < end && *p == '{' ? static_cast<const char*>(memchr(p, '}', static_cast<size_t>(end - p))) : nullptr;
        if (!close) return decode_by_codec(start, end);
        Ref<> named = steal(PyUnicode_DecodeUnicodeEscape(escape - 1, close + 1 - (escape - 1), nullptr));
        if (!named) {
          PyErr_Clear();
          return decode_by_codec(start, end);
        }
        for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(named.get()); ++i) TRY(put(PyUnicode_READ_CHAR(named.get(), i)));
        p = close + 1;
        break;
      }
      case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': {
        p = escape;
        const int octal = octal_value(p, end);
        if (octal > 0377) TRY(warn(escape, 3, true));
        TRY(put(static_cast<Py_UCS4>(octal)));
        break;
      }
      default:
        p = escape;
        if (static_cast<unsigned char>(*p) < 128) TRY(warn(escape, 1, false));
        TRY(text.append('\\'));
        break;
    }
  }
  return steal(PyUnicode_DecodeUTF8(text.begin() ? text.begin() : "", text.size(), surrogates ? "surrogatepass" : nullptr));
}

static Ref<> decode_bytes(Parser& parser, const Token& token, const char* start, const char* end, bool raw) {
  if (raw || !memchr(start, '\\', static_cast<size_t>(end - start))) return steal(PyBytes_FromStringAndSize(start, end - start));
  GrowingArray<char> bytes;
  bool warned = false;
  auto warn = [&](const char* escape, int count, bool octal) {
    return std::exchange(warned, true) ? Status::Ok : warn_escape(parser, token, escape, count, octal);
  };
  for (const char* p = start; p < end;) {
    if (*p != '\\') {
      TRY(bytes.append(*p++));
      continue;
    }
    const char* escape = ++p;
    Py_UCS4 value = 0;
    switch (*p++) {
      case '\n': break;
      case '\\': TRY(bytes.append('\\')); break;
      case '\'': TRY(bytes.append('\'')); break;
      case '"': TRY(bytes.append('"')); break;
      case 'a': TRY(bytes.append('\a')); break;
      case 'b': TRY(bytes.append('\b')); break;
      case 'f': TRY(bytes.append('\f')); break;
      case 'n': TRY(bytes.append('\n')); break;
      case 'r': TRY(bytes.append('\r')); break;
      case 't': TRY(bytes.append('\t')); break;
      case 'v': TRY(bytes.append('\v')); break;
      case 'x':
        if (!hex_value(p, end, 2, &value)) {
          return raise(PyExc_ValueError, "invalid \\x escape at position %zd", static_cast<Py_ssize_t>(escape - 1 - start));
        }
        TRY(bytes.append(static_cast<char>(value)));
        break;
      case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': {
        p = escape;
        const int octal = octal_value(p, end);
        if (octal > 0377) TRY(warn(escape, 3, true));
        TRY(bytes.append(static_cast<char>(octal)));
        break;
      }
      default:
        p = escape;
        TRY(warn(escape, 1, false));
        TRY(bytes.append('\\'));
        break;
    }
  }
  return steal(PyBytes_FromStringAndSize(bytes.begin(), bytes.size()));
}

Ref<> string_literal_value(Parser& parser, const Token& token, bool* is_bytes) {
  const char* start = token.start;
  const char* end = token.end;
  bool raw = false;
  *is_bytes = false;
  while (*start != '"' && *start != '\'') {
    if (*start == 'b' || *start == 'B') *is_bytes = true;
    if (*start == 'r' || *start == 'R') raw = true;
    ++start;
  }
  const int quotes = end - start >= 6 && start[1] == start[0] && start[2] == start[0] ? 3 : 1;
  start += quotes;
  end -= quotes;
  Ref<> value;
  if (*is_bytes) {
    for (const char* p = start; p < end; ++p)
      if (static_cast<unsigned char>(*p) >= 128) {
        parser.error_at({token.line, token.column, token.end_line, token.end_column}, "bytes can only contain ASCII literal characters");
        return failed;
      }
    value = decode_bytes(parser, token, start, end, raw);
  } else {
    value = decode_text(parser, token, start, end, raw);
  }
  if (!value) wrap_literal_error(parser);
  return value;
}

}  // namespace ks::syntax
