// float <-> text: shortest repr, the format codes, and correctly rounded reading.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/state.h"
#include "types/bytes.h"
#include "types/float.h"

namespace ks {

// ---- to text ---------------------------------------------------------------------------------------------------------

namespace {
// Decimal digits of a finite number: 0.d1d2d3... * 10**point, without trailing zeros unless asked for.
struct Decimal {
  char* digits;
  int count;
  int point;
};
// Reads "d.ddde+XX" as std::to_chars writes it; the digits move together in place.
Decimal read_scientific(char* text, char* end) {
  Decimal result{text, 0, 0};
  char* out = text;
  char* p = text;
  for (; p < end && *p != 'e'; ++p)
    if (*p != '.') *out++ = *p;
  result.count = static_cast<int>(out - text);
  int exponent = 0;
  bool negative = false;
  if (p < end) {
    ++p;
    if (*p == '+' || *p == '-') negative = *p++ == '-';
    for (; p < end; ++p) exponent = exponent * 10 + (*p - '0');
  }
  result.point = (negative ? -exponent : exponent) + 1;
  return result;
}
// Writes an exponent as the reference does: a sign and two digits at least.
char* write_exponent(char* out, int exponent, char letter) {
  *out++ = letter;
  *out++ = exponent < 0 ? '-' : '+';
  exponent = std::abs(exponent);
  if (exponent >= 100) *out++ = static_cast<char>('0' + exponent / 100);
  *out++ = static_cast<char>('0' + exponent / 10 % 10);
  *out++ = static_cast<char>('0' + exponent % 10);
  return out;
}
// The digits without exponent when `-4 <= exponent < limit`, else with.
char* layout(char* out, const Decimal& number, int limit, bool alternative, bool dot_zero, char letter) {
  const int exponent = number.point - 1;
  if (exponent < -4 || exponent >= limit) {
    *out++ = number.digits[0];
    if (number.count > 1 || alternative) *out++ = '.';
    memcpy(out, number.digits + 1, static_cast<size_t>(number.count - 1));
    return write_exponent(out + number.count - 1, exponent, letter);
  }
  if (number.point <= 0) {
    *out++ = '0';
    *out++ = '.';
    for (int i = number.point; i < 0; ++i) *out++ = '0';
    memcpy(out, number.digits, static_cast<size_t>(number.count));
    return out + number.count;
  }
  const int whole = std::min(number.count, number.point);
  memcpy(out, number.digits, static_cast<size_t>(whole));
  out += whole;
  for (int i = whole; i < number.point; ++i) *out++ = '0';
  if (number.count > number.point) {
    *out++ = '.';
    memcpy(out, number.digits + whole, static_cast<size_t>(number.count - whole));
    out += number.count - whole;
  } else if (alternative || dot_zero) {
    *out++ = '.';
    if (dot_zero) *out++ = '0';
  }
  return out;
}
}  // namespace

int float_write_repr(double value, char* out) {
  char* place = out;
  if (std::isnan(value)) return memcpy(out, "nan", 3), 3;
  if (std::signbit(value)) *place++ = '-';
  if (std::isinf(value)) return memcpy(place, "inf", 3), static_cast<int>(place + 3 - out);
  char text[40];
  const auto end = std::to_chars(text, text + sizeof(text), std::fabs(value), std::chars_format::scientific).ptr;
  return static_cast<int>(layout(place, read_scientific(text, end), 16, false, true, 'e') - out);
}

// ---- from text -------------------------------------------------------------------------------------------------------

static bool matches_word(const char* p, const char* limit, const char* word) {
  const size_t length = strlen(word);
  if (static_cast<size_t>(limit - p) < length) return false;
  for (size_t i = 0; i < length; ++i)
    if ((p[i] | 0x20) != word[i]) return false;
  return true;
}

double float_parse(const char* text, const char* limit, const char** end) {
  const char* p = text;
  bool negative = false;
  if (p < limit && (*p == '+' || *p == '-')) negative = *p++ == '-';
  const double sign = negative ? -1.0 : 1.0;
  if (matches_word(p, limit, "inf")) {
    *end = p + (matches_word(p, limit, "infinity") ? 8 : 3);
    return sign * std::numeric_limits<double>::infinity();
  }
  if (matches_word(p, limit, "nan")) {
    *end = p + 3;
    return std::copysign(std::numeric_limits<double>::quiet_NaN(), sign);
  }
  // The extent of the number, and where its first significant digit stands.
  const char* begin = p;
  int64_t leading = 0;  // decimal exponent of the first significant digit, plus one
  bool significant = false, any = false;
  for (; p < limit && *p >= '0' && *p <= '9'; ++p) {
    any = true;
    if (*p != '0') significant = true;
    if (significant) ++leading;
  }
  if (p < limit && *p == '.') {
    const char* dot = p++;
    for (; p < limit && *p >= '0' && *p <= '9'; ++p) {
      any = true;
      if (!significant) {
        if (*p != '0') significant = true;
        else --leading;
      }
    }
    if (!any) p = dot;
  }
  if (!any) {
    *end = text;
    return 0.0;
  }
  const char* number_end = p;
  int64_t exponent = 0;
  if (p < limit && (*p == 'e' || *p == 'E')) {
    const char* q = p + 1;
    bool exponent_negative = false;
    if (q < limit && (*q == '+' || *q == '-')) exponent_negative = *q++ == '-';
    if (q < limit && *q >= '0' && *q <= '9') {
      for (; q < limit && *q >= '0' && *q <= '9'; ++q)
        if (exponent < 100000000000) exponent = exponent * 10 + (*q - '0');
      if (exponent_negative) exponent = -exponent;
      number_end = q;
    }
  }
  *end = number_end;
  if (!significant) return sign * 0.0;
  if (leading + exponent > 400) return sign * std::numeric_limits<double>::infinity();
  if (leading + exponent < -400) return sign * 0.0;
  double value = 0;
  const auto result = std::from_chars(begin, number_end, value, std::chars_format::general);
  if (result.ec == std::errc::result_out_of_range) value = leading + exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return sign * value;
}

// The text of a str or bytes-like argument, as ASCII with decimal digits and spaces of all scripts converted.
static bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// float(text): whitespace around, underscores between digits. ValueError shows `shown`.
static PyObject* read_float(const char* text, Py_ssize_t size, PyObject* shown) {
  const char *p = text, *limit = text + size;
  while (p < limit && is_ascii_space(*p)) ++p;
  while (limit > p && is_ascii_space(limit[-1])) --limit;
  const char* end;
  if (!memchr(p, '_', static_cast<size_t>(limit - p))) {
    const double value = float_parse(p, limit, &end);
    if (end == limit && end != p) return PyFloat_FromDouble(value);
  } else {
    BytesBuilder plain;
    char* out = plain.reserve(limit - p);
    if (!out) return nullptr;
    char* place = out;
    char previous = 0;
    bool good = true;
    auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (const char* q = p; q < limit; ++q) {
      if (*q == '_') good &= is_digit(previous);
      else {
        if (previous == '_') good &= is_digit(*q);
        *place++ = *q;
      }
      previous = *q;
    }
    if (good && previous != '_') {
      const double value = float_parse(out, place, &end);
      if (end == place && end != out) return PyFloat_FromDouble(value);
    }
  }
  return raise(PyExc_ValueError, "could not convert string to float: %R", shown);
}

}  // namespace ks

using namespace ks;

// float(x) of text: str, bytes, bytearray or any buffer. New; NULL with ValueError or TypeError.
PyObject* PyFloat_FromString(PyObject* o) {
  if (PyUnicode_Check(o)) {
    const Py_ssize_t length = PyUnicode_GET_LENGTH(o);
    if (PyUnicode_IS_ASCII(o)) return read_float(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(o)), length, o);
    BytesBuilder ascii;
    char* place = ascii.reserve(length);
    if (!place) return nullptr;
    const int kind = PyUnicode_KIND(o);
    const void* data = PyUnicode_DATA(o);
    for (Py_ssize_t i = 0; i < length; ++i) {
      const Py_UCS4 c = PyUnicode_READ(kind, data, i);
      place[i] = static_cast<char>(c < 127                           ? c
                                   : Py_UNICODE_ISSPACE(c)           ? ' '
                                   : Py_UNICODE_TODECIMAL(c) >= 0 ? '0' + Py_UNICODE_TODECIMAL(c)
                                                                     : '?');
    }
    return read_float(place, length, o);
  }
  if (PyBytes_Check(o)) return read_float(PyBytes_AS_STRING(o), PyBytes_GET_SIZE(o), o);
  if (PyByteArray_Check(o)) return read_float(PyByteArray_AS_STRING(o), PyByteArray_GET_SIZE(o), o);
  Py_buffer view;
  if (PyObject_CheckBuffer(o) && PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) == 0) {
    Ref<> copy = steal(PyBytes_FromStringAndSize(static_cast<const char*>(view.buf), view.len));
    PyBuffer_Release(&view);
    return copy ? read_float(PyBytes_AS_STRING(copy.get()), PyBytes_GET_SIZE(copy.get()), o) : nullptr;
  }
  PyErr_Clear();
  return raise(PyExc_TypeError, "float() argument must be a string or a real number, not '%.200s'", Py_TYPE(o)->tp_name);
}

// The number at `text`; -1.0 with ValueError where there is none (or, without `end`, something behind it), or with
// `overflow` when it is too large (NULL: infinity without exception).
double PyOS_string_to_double(const char* text, char** end, PyObject* overflow) {
  const char* stop;
  const char* limit = text + strlen(text);
  const double value = float_parse(text, limit, &stop);
  if (stop == text || (!end && stop != limit)) {
    (void)raise(PyExc_ValueError, "could not convert string to float: '%.200s'", text);
    if (end) *end = const_cast<char*>(stop);
    return -1.0;
  }
  if (end) *end = const_cast<char*>(stop);
  if (std::isinf(value) && overflow) {
    const char* p = text + (*text == '-' || *text == '+');
    if ((*p | 0x20) != 'i') {
      (void)raise(overflow, "value too large to convert to float: '%.200s'", text);
      return -1.0;
    }
  }
  return value;
}

// Text from PyMem_Malloc; NULL with MemoryError or SystemError. `*type`, if given: finite, infinite or NaN.
char* PyOS_double_to_string(double value, char code, int precision, int flags, int* type) {
  bool upper = false;
  switch (code) {
    case 'E': case 'F': case 'G':
      upper = true;
      code = static_cast<char>(code | 0x20);
      break;
    case 'e': case 'f': case 'g': break;
    case 'r':
      if (precision == 0) break;
      [[fallthrough]];
    default:
      PyErr_BadInternalCall();
      return nullptr;
  }
  if (precision < 0) precision = 6;
  if (precision > INT_MAX - 1024) return raise(PyExc_ValueError, "precision too big");
  bool negative = std::signbit(value);
  const double magnitude = std::fabs(value);
  const bool alternative = flags & Py_DTSF_ALT;
  if (type) *type = std::isfinite(value) ? Py_DTST_FINITE : std::isinf(value) ? Py_DTST_INFINITE : Py_DTST_NAN;
  // 309 digits before the point at most, the precision behind it.
  const size_t room = 350 + static_cast<size_t>(precision) + 32;
  char* result = static_cast<char*>(PyMem_Malloc(room));
  char* scratch = static_cast<char*>(PyMem_Malloc(room));
  if (!result || !scratch) {
    PyMem_Free(result);
    PyMem_Free(scratch);
    PyErr_NoMemory();
    return nullptr;
  }
  char* out = result + 1;  // the first byte is for the sign
  char* begin = out;
  if (!std::isfinite(value)) {
    if (std::isnan(value)) negative = false;
    memcpy(out, std::isnan(value) ? "nan" : "inf", 3);
    out += 3;
  } else if (code == 'f') {
    out = std::to_chars(out, result + room, magnitude, std::chars_format::fixed, precision).ptr;
    if (precision == 0 && alternative) *out++ = '.';
    if (precision == 0 && !alternative && (flags & Py_DTSF_ADD_DOT_0)) *out++ = '.', *out++ = '0';
  } else if (code == 'e') {
    char* end = std::to_chars(scratch, scratch + room, magnitude, std::chars_format::scientific, precision).ptr;
    const Decimal number = read_scientific(scratch, end);
    *out++ = number.digits[0];
    if (number.count > 1 || alternative) *out++ = '.';
    memcpy(out, number.digits + 1, static_cast<size_t>(number.count - 1));
    out = write_exponent(out + number.count - 1, magnitude == 0 ? 0 : number.point - 1, 'e');
  } else {
    const bool shortest = code == 'r';
    if (precision == 0) precision = 1;
    char* end = shortest ? std::to_chars(scratch, scratch + room, magnitude, std::chars_format::scientific).ptr
                         : std::to_chars(scratch, scratch + room, magnitude, std::chars_format::scientific, precision - 1).ptr;
    Decimal number = read_scientific(scratch, end);
    if (!shortest && !alternative)
      while (number.count > 1 && number.digits[number.count - 1] == '0') --number.count;
    // A '.0' counts as a digit: 1e5 with precision 5 shows an exponent where it is asked for.
    int limit = shortest ? 16 : precision;
    if (!shortest && (flags & Py_DTSF_ADD_DOT_0) && number.point == precision) limit = precision - 1;
    out = layout(out, number, limit, alternative, (flags & Py_DTSF_ADD_DOT_0) != 0, 'e');
  }
  if (negative && (flags & Py_DTSF_NO_NEG_0)) {
    bool zero = std::isfinite(value);
    for (char* p = begin; p < out && *p != 'e' && zero; ++p) zero = *p == '0' || *p == '.';
    if (zero) negative = false;
  }
  *out = '\0';
  if (upper)
    for (char* p = begin; p < out; ++p) *p = static_cast<char>(std::toupper(static_cast<unsigned char>(*p)));
  const char sign = negative ? '-' : (flags & Py_DTSF_SIGN) ? '+' : 0;
  if (sign) *result = sign;
  else memmove(result, begin, static_cast<size_t>(out - begin) + 1);
  PyMem_Free(scratch);
  return result;
}
