// int <-> text. Long numbers go through GMP, which is subquadratic in any base.
#include <algorithm>
#include <bit>
#include <cmath>

#include "object/export.h"
#include "runtime/state.h"
#include "types/bytes.h"
#include "types/int_digits.h"

namespace ks {

static constexpr int kDigitLimitThreshold = 640;
static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static Failed raise_too_long(int limit) {
  return raise(PyExc_ValueError,
               "Exceeds the limit (%d digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit",
               limit);
}

// ---- to text ---------------------------------------------------------------------------------------------------------

Py_ssize_t int_text_bound(PyObject* value, int base, bool prefix) {
  const int64_t bits = int_bit_length(value);
  const int log = std::bit_width(static_cast<unsigned>(base)) - 1;  // floor(log2(base))
  const int64_t digits = base == 10 ? static_cast<int64_t>(static_cast<double>(bits) * 0.30103) + 2 : bits / log + 2;
  return static_cast<Py_ssize_t>(digits + 1 + (prefix ? 2 : 0));
}

static char* write_small(uint64_t magnitude, unsigned base, char* out) {
  char buffer[64];
  char* end = buffer + sizeof(buffer);
  char* place = end;
  if (base == 10) {
    do {
      *--place = static_cast<char>('0' + magnitude % 10);
      magnitude /= 10;
    } while (magnitude);
  } else {
    do {
      *--place = kDigits[magnitude % base];
      magnitude /= base;
    } while (magnitude);
  }
  memcpy(out, place, static_cast<size_t>(end - place));
  return out + (end - place);
}

// Surely more decimal digits than that; what is close is counted when it is written.
static bool exceeds_limit(PyObject* value, int limit) {
  return limit >= kDigitLimitThreshold &&
         static_cast<double>(int_bit_length(value) - 1) * 0.30102999 > static_cast<double>(limit) + 1;
}

Py_ssize_t int_write_text(PyObject* value, int base, bool prefix, char* out) {
  char* place = out;
  if (int_is_negative(value)) *place++ = '-';
  if (prefix && (base == 16 || base == 8 || base == 2)) {
    *place++ = '0';
    *place++ = base == 16 ? 'x' : base == 8 ? 'o' : 'b';
  }
  const Py_ssize_t count = int_digit_count(value);
  const digit* digits = int_digits(value);
  if (count <= 2) {
    const uint64_t magnitude = count == 0 ? 0 : count == 1 ? digits[0] : digits[0] | (static_cast<uint64_t>(digits[1]) << 30);
    return write_small(magnitude, static_cast<unsigned>(base), place) - out;
  }
  // Only conversions that are not linear are limited.
  const int limit = std::has_single_bit(static_cast<unsigned>(base)) ? 0 : int_max_str_digits();
  if (exceeds_limit(value, limit)) return raise_too_long(limit);
  if (base == 10 && count > kHookTextDigits) {
    Ref<> given;
    TRY(int_hook_to_decimal(value, &given));
    if (given) {
      const Py_ssize_t length = PyUnicode_GET_LENGTH(given.get());
      if (limit > 0 && length - int_is_negative(value) > limit) return raise_too_long(limit);
      if (!PyUnicode_IS_ASCII(given.get()) || length > int_text_bound(value, base, prefix))
        return raise(PyExc_ValueError, "_pylong.int_to_decimal_string returned what is no decimal text of the number");
      memcpy(out, PyUnicode_1BYTE_DATA(given.get()), static_cast<size_t>(length));
      return length;
    }
  }
  Limbs limbs(limbs_for_digits(count));
  if (!limbs) return -1;
  digits_to_limbs(digits, count, limbs.data());
  auto* text = reinterpret_cast<unsigned char*>(place);
  size_t length = mpn_get_str(text, base, limbs.data(), limbs.significant());
  size_t skip = 0;
  while (skip + 1 < length && text[skip] == 0) ++skip;
  length -= skip;
  for (size_t i = 0; i < length; ++i) text[i] = static_cast<unsigned char>(kDigits[text[i + skip]]);
  if (limit > 0 && static_cast<Py_ssize_t>(length) > limit) return raise_too_long(limit);
  return place + length - reinterpret_cast<char*>(out);
}

Ref<> int_to_str(PyObject* value, int base, bool prefix) {
  if (base == 10 && int_digit_count(value) > kHookTextDigits && !exceeds_limit(value, int_max_str_digits())) {
    Ref<> given;
    TRY(int_hook_to_decimal(value, &given));
    if (given) {
      const int limit = int_max_str_digits();
      if (limit > 0 && PyUnicode_GET_LENGTH(given.get()) - int_is_negative(value) > limit) return raise_too_long(limit);
      return given;
    }
  }
  const Py_ssize_t bound = int_text_bound(value, base, prefix);
  char fixed[128];
  char* buffer = fixed;
  if (bound > static_cast<Py_ssize_t>(sizeof(fixed))) buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(bound)));
  if (!buffer) {
    PyErr_NoMemory();
    return nullptr;
  }
  const Py_ssize_t length = int_write_text(value, base, prefix, buffer);
  PyObject* result = nullptr;
  if (length >= 0) {
    result = PyUnicode_New(length, 127);
    if (result) memcpy(PyUnicode_1BYTE_DATA(result), buffer, static_cast<size_t>(length));
  }
  if (buffer != fixed) PyMem_Free(buffer);
  return steal(result);
}

// ---- from text -------------------------------------------------------------------------------------------------------

static constexpr auto digit_values = [] {
  struct Table {
    unsigned char values[256];
  } table{};
  for (int c = 0; c < 256; ++c) {
    table.values[c] = static_cast<unsigned char>(c >= '0' && c <= '9' ? c - '0'
                                                 : c >= 'a' && c <= 'z' ? c - 'a' + 10
                                                 : c >= 'A' && c <= 'Z' ? c - 'A' + 10
                                                                        : 37);
  }
  return table;
}();

// Digits with single underscores between them. `*end` is where reading stopped; nullptr without exception: malformed there.
static PyObject* parse_digits(const char* text, const char* limit, int base, bool negative, const char** end) {
  const char* p = text;
  Py_ssize_t count = 0;
  bool after_digit = false, good = true;
  for (; p < limit; ++p) {
    if (digit_values.values[static_cast<unsigned char>(*p)] < base) {
      ++count;
      after_digit = true;
    } else if (*p == '_') {
      if (!after_digit) {
        good = false;
        break;
      }
      after_digit = false;
    } else {
      break;
    }
  }
  *end = p;
  if (!good || !after_digit) {
    if (p > text && p[-1] == '_') *end = p - 1;
    return nullptr;
  }
  if (!std::has_single_bit(static_cast<unsigned>(base)) && count > kDigitLimitThreshold) {
    const int maximum = int_max_str_digits();
    if (maximum > 0 && count > maximum)
      return raise(PyExc_ValueError,
                   "Exceeds the limit (%d digits) for integer string conversion: value has %zd digits; use "
                   "sys.set_int_max_str_digits() to increase the limit",
                   maximum, count);
  }
  if (count <= 12 || (base <= 10 && count <= 18)) {
    uint64_t value = 0;
    for (const char* q = text; q < p; ++q)
      if (*q != '_') value = value * static_cast<unsigned>(base) + digit_values.values[static_cast<unsigned char>(*q)];
    return int_from_magnitude(value, negative);
  }
  if (base == 10 && count > kHookParseCharacters) {
    Ref<> given;
    TRY(int_hook_from_decimal(text, p - text, negative, &given));
    if (given) return given.release();
  }
  auto* values = static_cast<unsigned char*>(PyMem_Malloc(static_cast<size_t>(count)));
  if (!values) return PyErr_NoMemory();
  Py_ssize_t used = 0;
  for (const char* q = text; q < p; ++q) {
    if (*q == '_') continue;
    const unsigned char value = digit_values.values[static_cast<unsigned char>(*q)];
    if (used || value) values[used++] = value;
  }
  const int bits = std::bit_width(static_cast<unsigned>(base) - 1);
  PyObject* result = int_small(0);
  if (used) {
    // GMP asks for one limb more than the value may need.
    Limbs limbs(static_cast<Py_ssize_t>((static_cast<__int128>(used) * bits + 63) / 64 + 2));
    result = limbs ? int_from_limbs(limbs.data(), mpn_set_str(limbs.data(), values, static_cast<size_t>(used), base), negative) : nullptr;
  }
  PyMem_Free(values);
  return result;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The reference's grammar: whitespace, sign, prefix, digits, whitespace. `*end` is behind it all; nullptr without exception: malformed.
static PyObject* parse_literal(const char* text, const char* limit, int base, const char** end) {
  const char* p = text;
  while (p < limit && is_space(*p)) ++p;
  bool negative = false, only_zero = false;
  if (p < limit && (*p == '+' || *p == '-')) negative = *p++ == '-';
  const char letter = limit - p > 1 && *p == '0' ? static_cast<char>(p[1] | 0x20) : 0;
  const int prefixed = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  if (base == 0) {
    if (p < limit && *p != '0') base = 10;
    else if (prefixed) base = prefixed;
    else only_zero = true, base = 10;
  }
  if (prefixed && prefixed == base && letter) {
    p += 2;
    if (p < limit && *p == '_') ++p;
  }
  *end = p;
  if (p < limit && *p == '_') return nullptr;
  Ref<> value = steal(parse_digits(p, limit, base, negative, end));
  if (!value) return nullptr;
  if (only_zero && !int_is_zero(value)) {
    *end = p;
    return nullptr;
  }
  p = *end;
  while (p < limit && is_space(*p)) ++p;
  *end = p;
  return p == limit ? value.release() : nullptr;
}

Ref<> int_parse(const char* text, Py_ssize_t length, int base) {
  const char* end;
  if (length && (is_space(text[0]) || is_space(text[length - 1]))) return nullptr;
  return steal(parse_literal(text, text + length, base, &end));
}

}  // namespace ks

using namespace ks;

// New; NULL with ValueError. `*end` (may be NULL) tells where reading stopped.
PyObject* PyLong_FromString(const char* text, char** end, int base) {
  if ((base != 0 && base < 2) || base > 36) return raise(PyExc_ValueError, "int() arg 2 must be >= 2 and <= 36");
  const size_t length = strlen(text);
  const char* stop = text;
  PyObject* value = parse_literal(text, text + length, base, &stop);
  if (!value && PyErr_Occurred()) {
    if (end) *end = nullptr;
    return nullptr;
  }
  if (end) *end = const_cast<char*>(stop);
  if (value) return value;
  Ref<> shown = TRY(steal(PyUnicode_FromStringAndSize(text, static_cast<Py_ssize_t>(std::min<size_t>(length, 200)))));
  return raise(PyExc_ValueError, "invalid literal for int() with base %d: %.200R", base, shown.get());
}
// New; NULL with ValueError. Decimal digits and whitespace of all scripts.
PyObject* PyLong_FromUnicodeObject(PyObject* o, int base) {
  if ((base != 0 && base < 2) || base > 36) return raise(PyExc_ValueError, "int() arg 2 must be >= 2 and <= 36");
  const Py_ssize_t length = PyUnicode_GET_LENGTH(o);
  const char* stop;
  PyObject* value = nullptr;
  if (PyUnicode_IS_ASCII(o)) {
    const char* text = reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(o));
    value = parse_literal(text, text + length, base, &stop);
  } else {
    BytesBuilder ascii;
    char* place = ascii.reserve(length);
    if (!place) return nullptr;
    const int kind = PyUnicode_KIND(o);
    const void* data = PyUnicode_DATA(o);
    for (Py_ssize_t i = 0; i < length; ++i) {
      const Py_UCS4 c = PyUnicode_READ(kind, data, i);
      if (c < 127) place[i] = static_cast<char>(c);
      else if (Py_UNICODE_ISSPACE(c)) place[i] = ' ';
      else place[i] = static_cast<char>(Py_UNICODE_TODECIMAL(c) >= 0 ? '0' + Py_UNICODE_TODECIMAL(c) : '?');
    }
    value = parse_literal(place, place + length, base, &stop);
  }
  if (value || PyErr_Occurred()) return value;
  return raise(PyExc_ValueError, "invalid literal for int() with base %d: %.200R", base, o);
}
// Text in base 2, 8, 10 or 16, with the prefix. New; NULL on error.
KS_EXPORT PyObject* _PyLong_Format(PyObject* o, int base) {
  if (!PyLong_Check(o)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return int_to_str(o, base, base != 10).release();
}
// The value of a digit character in bases up to 36; 37 for others.
KS_EXPORT unsigned char _PyLong_DigitValue[256];
#define ROW4(b) digit_values.values[b], digit_values.values[b + 1], digit_values.values[b + 2], digit_values.values[b + 3]
#define ROW16(b) ROW4(b), ROW4(b + 4), ROW4(b + 8), ROW4(b + 12)
#define ROW64(b) ROW16(b), ROW16(b + 16), ROW16(b + 32), ROW16(b + 48)
constinit unsigned char _PyLong_DigitValue[256] = {ROW64(0), ROW64(64), ROW64(128), ROW64(192)};
#undef ROW64
#undef ROW16
#undef ROW4

// ---- C strings to C integers; no exceptions: errno as of strtol -----------------------------------------------------------------
static unsigned long string_to_unsigned(const char* text, char** end, int base, bool* overflow) {
  const char* p = text;
  *overflow = false;
  if (base != 0 && (base < 2 || base > 36)) {
    if (end) *end = const_cast<char*>(text);
    return 0;
  }
  while (is_space(*p)) ++p;
  const char letter = *p == '0' ? static_cast<char>(p[1] | 0x20) : 0;
  const int prefixed = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  auto digit_follows = [&](int b) { return digit_values.values[static_cast<unsigned char>(p[2])] < b; };
  if (base == 0) {
    if (*p != '0') {
      base = 10;
    } else if (prefixed) {
      if (!digit_follows(prefixed)) {
        if (end) *end = const_cast<char*>(p);
        return 0;
      }
      p += 2;
      base = prefixed;
    } else {  // only zeros
      while (*p == '0') ++p;
      while (is_space(*p)) ++p;
      if (end) *end = const_cast<char*>(p);
      return 0;
    }
  } else if (prefixed == base && letter) {
    if (!digit_follows(base)) {
      if (end) *end = const_cast<char*>(p);
      return 0;
    }
    p += 2;
  }
  unsigned long value = 0;
  for (;; ++p) {
    const unsigned d = digit_values.values[static_cast<unsigned char>(*p)];
    if (d >= static_cast<unsigned>(base)) break;
    if (__builtin_mul_overflow(value, static_cast<unsigned long>(base), &value) || __builtin_add_overflow(value, static_cast<unsigned long>(d), &value))
      *overflow = true;
  }
  if (end) *end = const_cast<char*>(p);
  return value;
}
unsigned long PyOS_strtoul(const char* text, char** end, int base) {
  bool overflow;
  const unsigned long value = string_to_unsigned(text, end, base, &overflow);
  if (!overflow) return value;
  errno = ERANGE;
  return static_cast<unsigned long>(-1);
}
long PyOS_strtol(const char* text, char** end, int base) {
  while (is_space(*text)) ++text;
  const char sign = *text;
  if (sign == '+' || sign == '-') ++text;
  bool overflow;
  const unsigned long value = string_to_unsigned(text, end, base, &overflow);
  if (!overflow && value <= static_cast<unsigned long>(LONG_MAX)) return sign == '-' ? -static_cast<long>(value) : static_cast<long>(value);
  if (!overflow && sign == '-' && value == static_cast<unsigned long>(LONG_MIN)) return LONG_MIN;
  errno = ERANGE;
  return LONG_MAX;
}
