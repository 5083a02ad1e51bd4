// int from and to C values: PyLong_From*, PyLong_As*, bytes, doubles, and the export interface.
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>

#include "object/export.h"
#include "runtime/state.h"
#include "types/int_digits.h"

namespace ks {

// The object as an int: itself, or its __index__.
static Ref<> as_index(PyObject* o) {
  if (!o) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (PyLong_Check(o)) return borrow(o);
  return steal(PyNumber_Index(o));
}
// The object must be an int.
static bool require_int(PyObject* o) {
  if (!o) {
    PyErr_BadInternalCall();
    return false;
  }
  if (PyLong_Check(o)) return true;
  PyErr_SetString(PyExc_TypeError, "an integer is required");
  return false;
}
static bool expect_int(PyObject* o) {
  if (o && PyLong_Check(o)) return true;
  PyErr_Format(PyExc_TypeError, "expected int, got %T", o);
  return false;
}
// The value modulo 2**64.
static uint64_t low_bits(const PyObject* o) {
  uint64_t value = 0;
  const Py_ssize_t count = std::min<Py_ssize_t>(int_digit_count(o), 3);
  for (Py_ssize_t i = count; i-- > 0;) value = (value << PyLong_SHIFT) | int_digits(o)[i];
  return int_is_negative(o) ? -value : value;
}
static bool fits_uint64(const PyObject* o, uint64_t* value) {  // of the magnitude
  const Py_ssize_t count = int_digit_count(o);
  if (count > 3 || (count == 3 && int_digits(o)[2] > 15)) return false;
  uint64_t result = 0;
  for (Py_ssize_t i = count; i-- > 0;) result = (result << PyLong_SHIFT) | int_digits(o)[i];
  *value = result;
  return true;
}

static int64_t as_signed(PyObject* o, const char* message, int64_t low, int64_t high) {
  Ref<> value = as_index(o);
  if (!value) return -1;
  int64_t result;
  if (int_fits_int64(value, &result) && result >= low && result <= high) return result;
  PyErr_SetString(PyExc_OverflowError, message);
  return -1;
}
static int64_t as_signed_and_overflow(PyObject* o, int* overflow) {
  *overflow = 0;
  Ref<> value = as_index(o);
  if (!value) return -1;
  int64_t result;
  if (int_fits_int64(value, &result)) return result;
  *overflow = int_is_negative(value) ? -1 : 1;
  return -1;
}
static uint64_t as_unsigned(PyObject* o, const char* negative_message, const char* too_large_message) {
  if (!require_int(o)) return static_cast<uint64_t>(-1);
  uint64_t result;
  if (int_is_negative(o)) PyErr_SetString(PyExc_OverflowError, negative_message);
  else if (!fits_uint64(o, &result)) PyErr_SetString(PyExc_OverflowError, too_large_message);
  else return result;
  return static_cast<uint64_t>(-1);
}
static uint64_t as_mask(PyObject* o) {
  Ref<> value = as_index(o);
  return value ? low_bits(value) : static_cast<uint64_t>(-1);
}
// PyLong_AsInt32 and its brothers.
static int store_signed(PyObject* o, int64_t low, int64_t high, const char* type, int64_t* out) {
  Ref<> value = as_index(o);
  if (!value) return -1;
  if (int_fits_int64(value, out) && *out >= low && *out <= high) return 0;
  return raise(PyExc_OverflowError, "Python int too large to convert to C %s", type);
}
static int store_unsigned(PyObject* o, uint64_t high, const char* type, uint64_t* out) {
  Ref<> value = as_index(o);
  if (!value) return -1;
  if (int_is_negative(value)) return raise(PyExc_ValueError, "Cannot convert negative int");
  if (fits_uint64(value, out) && *out <= high) return 0;
  return raise(PyExc_OverflowError, "Python int too large to convert to C %s", type);
}

// x with |x| = fraction * 2**exponent, 0.5 <= fraction < 1, rounded half even.
static double fraction_and_exponent(const PyObject* o, int64_t* exponent) {
  const int64_t bits = int_bit_length(o);
  const digit* digits = int_digits(o);
  if (bits == 0) {
    *exponent = 0;
    return 0.0;
  }
  // The leading 64 bits, with a sticky bit for the rest.
  uint64_t top = 0;
  bool sticky = false;
  int64_t missing = 64;
  Py_ssize_t i = int_digit_count(o);
  int digit_bits = static_cast<int>((bits - 1) % PyLong_SHIFT) + 1;
  while (i > 0 && missing > 0) {
    const digit d = digits[--i];
    if (digit_bits <= missing) {
      top = digit_bits == 64 ? d : (top << digit_bits) | d;
      missing -= digit_bits;
    } else {
      const int rest = digit_bits - static_cast<int>(missing);
      top = (top << missing) | (d >> rest);
      sticky = (d & ((digit{1} << rest) - 1)) != 0;
      missing = 0;
    }
    digit_bits = PyLong_SHIFT;
  }
  top <<= missing;
  while (!sticky && i > 0) sticky = digits[--i] != 0;
  // 53 bits and 11 to round away.
  const uint64_t low = top & 2047;
  top >>= 11;
  if (low > 1024 || (low == 1024 && (sticky || (top & 1)))) ++top;
  double fraction = std::ldexp(static_cast<double>(top), -53);
  int64_t power = bits;
  if (fraction == 1.0) fraction = 0.5, ++power;
  *exponent = power;
  return int_is_negative(o) ? -fraction : fraction;
}

}  // namespace ks

using namespace ks;

// ---- from C: new reference, NULL with MemoryError ---------------------------------------------------------------------------
PyObject* PyLong_FromLong(long value) { return int_from_int64(value); }
PyObject* PyLong_FromLongLong(long long value) { return int_from_int64(value); }
PyObject* PyLong_FromSsize_t(Py_ssize_t value) { return int_from_int64(value); }
PyObject* PyLong_FromInt32(int32_t value) { return int_from_int64(value); }
PyObject* PyLong_FromInt64(int64_t value) { return int_from_int64(value); }
PyObject* PyLong_FromUnsignedLong(unsigned long value) { return int_from_uint64(value); }
PyObject* PyLong_FromUnsignedLongLong(unsigned long long value) { return int_from_uint64(value); }
PyObject* PyLong_FromSize_t(size_t value) { return int_from_uint64(value); }
PyObject* PyLong_FromUInt32(uint32_t value) { return int_from_uint64(value); }
PyObject* PyLong_FromUInt64(uint64_t value) { return int_from_uint64(value); }
PyObject* PyLong_FromVoidPtr(void* value) { return int_from_uint64(reinterpret_cast<uintptr_t>(value)); }
// Truncates; NULL with ValueError for NaN, OverflowError for infinity.
PyObject* PyLong_FromDouble(double value) {
  if (value > -9.2e18 && value < 9.2e18) return int_from_int64(static_cast<int64_t>(value));
  if (std::isinf(value)) return raise(PyExc_OverflowError, "cannot convert float infinity to integer");
  if (std::isnan(value)) return raise(PyExc_ValueError, "cannot convert float NaN to integer");
  int exponent;
  const double fraction = std::frexp(value < 0 ? -value : value, &exponent);
  Ref<> mantissa = TRY(steal(int_from_int64(static_cast<int64_t>(std::ldexp(fraction, 53)))));
  Ref<> result = TRY(steal(int_shift_left_by(mantissa, exponent - 53)));
  return value < 0 ? int_negate(result) : result.release();
}
KS_EXPORT PyObject* _PyLong_FromTime_t(time_t value) { return int_from_int64(value); }
KS_EXPORT PyObject* _PyLong_FromGid(gid_t value) {
  return value == static_cast<gid_t>(-1) ? int_small(-1) : int_from_uint64(value);
}

// ---- to C: the value, or -1 with an exception --------------------------------------------------------------------------------
long PyLong_AsLong(PyObject* o) { return as_signed(o, "Python int too large to convert to C long", INT64_MIN, INT64_MAX); }
int PyLong_AsInt(PyObject* o) {
  return static_cast<int>(as_signed(o, "Python int too large to convert to C int", INT_MIN, INT_MAX));
}
long PyLong_AsLongAndOverflow(PyObject* o, int* overflow) { return as_signed_and_overflow(o, overflow); }
long long PyLong_AsLongLong(PyObject* o) { return as_signed(o, "int too big to convert", INT64_MIN, INT64_MAX); }
long long PyLong_AsLongLongAndOverflow(PyObject* o, int* overflow) { return as_signed_and_overflow(o, overflow); }
// No __index__.
Py_ssize_t PyLong_AsSsize_t(PyObject* o) {
  if (!require_int(o)) return -1;
  return as_signed(o, "Python int too large to convert to C ssize_t", INT64_MIN, INT64_MAX);
}
size_t PyLong_AsSize_t(PyObject* o) {
  return as_unsigned(o, "can't convert negative value to size_t", "Python int too large to convert to C size_t");
}
unsigned long PyLong_AsUnsignedLong(PyObject* o) {
  return as_unsigned(o, "can't convert negative value to unsigned int", "Python int too large to convert to C unsigned long");
}
unsigned long long PyLong_AsUnsignedLongLong(PyObject* o) {
  return as_unsigned(o, "can't convert negative int to unsigned", "int too big to convert");
}
// Modulo 2**64, with __index__.
unsigned long PyLong_AsUnsignedLongMask(PyObject* o) { return as_mask(o); }
unsigned long long PyLong_AsUnsignedLongLongMask(PyObject* o) { return as_mask(o); }
int PyLong_AsInt32(PyObject* o, int32_t* value) {
  int64_t wide;
  if (store_signed(o, INT32_MIN, INT32_MAX, "int32_t", &wide) < 0) return -1;
  *value = static_cast<int32_t>(wide);
  return 0;
}
int PyLong_AsInt64(PyObject* o, int64_t* value) { return store_signed(o, INT64_MIN, INT64_MAX, "int64_t", value); }
int PyLong_AsUInt32(PyObject* o, uint32_t* value) {
  uint64_t wide;
  if (store_unsigned(o, UINT32_MAX, "uint32_t", &wide) < 0) return -1;
  *value = static_cast<uint32_t>(wide);
  return 0;
}
int PyLong_AsUInt64(PyObject* o, uint64_t* value) { return store_unsigned(o, UINT64_MAX, "uint64_t", value); }
// NULL with an exception on error; None is not accepted.
void* PyLong_AsVoidPtr(PyObject* o) {
  if (!require_int(o)) return nullptr;
  const uint64_t value = int_is_negative(o) ? static_cast<uint64_t>(PyLong_AsLong(o)) : PyLong_AsUnsignedLong(o);
  return value == static_cast<uint64_t>(-1) && PyErr_Occurred() ? nullptr : reinterpret_cast<void*>(value);
}
KS_EXPORT time_t _PyLong_AsTime_t(PyObject* o) {
  return as_signed(o, "timestamp out of range for platform time_t", INT64_MIN, INT64_MAX);
}
double PyLong_AsDouble(PyObject* o) {
  if (!require_int(o)) return -1.0;
  if (int_is_compact(o)) return static_cast<double>(int_compact_value(o));
  int64_t exponent;
  const double fraction = fraction_and_exponent(o, &exponent);
  if (exponent > DBL_MAX_EXP) {
    PyErr_SetString(PyExc_OverflowError, "int too large to convert to float");
    return -1.0;
  }
  return std::ldexp(fraction, static_cast<int>(exponent));
}
// fraction in [0.5, 1) and exponent, rounded half even; cannot fail.
KS_EXPORT double _PyLong_Frexp(PyLongObject* o, int64_t* exponent) { return fraction_and_exponent(object(o), exponent); }

// ---- argument converters: 1, or 0 with an exception ----------------------------------------------------------------------------
template <class T>
static int convert_unsigned(PyObject* o, void* out, const char* type) {
  Ref<> value = as_index(o);
  if (!value) return 0;
  if (int_is_negative(value)) {
    PyErr_SetString(PyExc_ValueError, "Cannot convert negative int");
    return 0;
  }
  uint64_t wide;
  if (!fits_uint64(value, &wide) || wide > static_cast<T>(-1)) {
    PyErr_Format(PyExc_OverflowError, "Python int too large for C %s", type);
    return 0;
  }
  *static_cast<T*>(out) = static_cast<T>(wide);
  return 1;
}
#define KS_CONVERTER(NAME, TYPE, TEXT) \
  KS_EXPORT int _PyLong_##NAME##_Converter(PyObject* o, void* out) { return convert_unsigned<TYPE>(o, out, TEXT); }
KS_CONVERTER(UnsignedShort, unsigned short, "unsigned short")
KS_CONVERTER(UnsignedInt, unsigned int, "unsigned int")
KS_CONVERTER(UnsignedLong, unsigned long, "unsigned long")
KS_CONVERTER(UnsignedLongLong, unsigned long long, "unsigned long long")
KS_CONVERTER(Size_t, size_t, "size_t")
KS_CONVERTER(UInt8, uint8_t, "uint8_t")
KS_CONVERTER(UInt16, uint16_t, "uint16_t")
KS_CONVERTER(UInt32, uint32_t, "uint32_t")
KS_CONVERTER(UInt64, uint64_t, "uint64_t")

// ---- sign and size -------------------------------------------------------------------------------------------------------
int PyLong_IsPositive(PyObject* o) { return expect_int(o) ? int_sign(o) > 0 : -1; }
int PyLong_IsNegative(PyObject* o) { return expect_int(o) ? int_sign(o) < 0 : -1; }
int PyLong_IsZero(PyObject* o) { return expect_int(o) ? int_is_zero(o) : -1; }
int PyLong_GetSign(PyObject* o, int* sign) {
  if (!expect_int(o)) return -1;
  *sign = int_sign(o);
  return 0;
}
KS_EXPORT int _PyLong_Sign(PyObject* o) { return int_sign(o); }
int64_t _PyLong_NumBits(PyObject* o) { return int_bit_length(o); }
#undef PyUnstable_Long_IsCompact
#undef PyUnstable_Long_CompactValue
KS_EXPORT int PyUnstable_Long_IsCompact(const PyLongObject* o) { return int_is_compact(reinterpret_cast<const PyObject*>(o)); }
KS_EXPORT Py_ssize_t PyUnstable_Long_CompactValue(const PyLongObject* o) {
  return int_compact_value(reinterpret_cast<const PyObject*>(o));
}
PyObject* _PyLong_Copy(PyLongObject* o) { return int_copy(object(o)); }
KS_EXPORT PyLongObject* _PyLong_New(Py_ssize_t count) { return int_allocate(count); }
KS_EXPORT PyLongObject* _PyLong_FromDigits(int negative, Py_ssize_t count, digit* digits) {
  PyLongObject* z = int_allocate(count);
  if (!z) return nullptr;
  memcpy(z->long_value.ob_digit, digits, static_cast<size_t>(count) * sizeof(digit));
  return as_int(int_finish(z, count, negative));
}

// ---- bytes ---------------------------------------------------------------------------------------------------------------

// New; NULL on error.
PyObject* _PyLong_FromByteArray(const unsigned char* bytes, size_t size, int little_endian, int is_signed) {
  auto at = [&](size_t i) { return bytes[little_endian ? i : size - 1 - i]; };  // 0: least significant
  const bool negative = is_signed && size && (at(size - 1) & 0x80);
  const unsigned char filler = negative ? 0xff : 0;
  while (size > 0 && at(size - 1) == filler) {
    if (little_endian) --size;
    else ++bytes, --size;
  }
  if (size < 8) {
    uint64_t value = negative ? ~uint64_t{0} : 0;
    for (size_t i = size; i-- > 0;) value = (value << 8) | at(i);
    return int_from_int64(static_cast<int64_t>(value));
  }
  if (size > static_cast<size_t>(PY_SSIZE_T_MAX) / 8) return raise(PyExc_OverflowError, "byte array too long to convert to int");
  const Py_ssize_t count = static_cast<Py_ssize_t>((size * 8 + 1 + PyLong_SHIFT - 1) / PyLong_SHIFT);
  PyLongObject* z = int_allocate(count);
  if (!z) return nullptr;
  digit* out = z->long_value.ob_digit;
  uint64_t accumulator = 0;
  int bits = 0;
  size_t next = 0;
  unsigned carry = 1;
  for (Py_ssize_t i = 0; i < count; ++i) {
    while (bits < PyLong_SHIFT) {
      unsigned byte = next < size ? at(next) : filler;
      ++next;
      if (negative) {
        byte = (~byte & 0xff) + carry;
        carry = byte >> 8;
        byte &= 0xff;
      }
      accumulator |= static_cast<uint64_t>(byte) << bits;
      bits += 8;
    }
    out[i] = static_cast<digit>(accumulator) & PyLong_MASK;
    accumulator >>= PyLong_SHIFT;
    bits -= PyLong_SHIFT;
  }
  return int_finish(z, count, negative);
}
// 0; -1 when the value does not fit (the low bytes are written all the same).
int _PyLong_AsByteArray(PyLongObject* v, unsigned char* bytes, size_t size, int little_endian, int is_signed, int with_exceptions) {
  PyObject* o = object(v);
  const bool negative = int_is_negative(o);
  if (negative && !is_signed) {
    if (with_exceptions) PyErr_SetString(PyExc_OverflowError, "can't convert negative int to unsigned");
    return -1;
  }
  const digit* digits = int_digits(o);
  const Py_ssize_t count = int_digit_count(o);
  uint64_t accumulator = 0;
  int bits = 0;
  Py_ssize_t next = 0;
  unsigned carry = 1;
  unsigned last = 0;
  for (size_t i = 0; i < size; ++i) {
    if (bits < 8 && next < count) {
      accumulator |= static_cast<uint64_t>(digits[next++]) << bits;
      bits += PyLong_SHIFT;
    }
    unsigned byte = accumulator & 0xff;
    accumulator >>= 8;
    bits = std::max(bits - 8, 0);
    if (negative) {
      byte = (~byte & 0xff) + carry;
      carry = byte >> 8;
      byte &= 0xff;
    }
    bytes[little_endian ? i : size - 1 - i] = static_cast<unsigned char>(byte);
    last = byte;
  }
  const int64_t needed = int_bit_length(o);
  bool fits = !accumulator && next >= count;
  if (fits && is_signed && needed) fits = size && ((last & 0x80) != 0) == negative;
  if (fits) return 0;
  if (with_exceptions) PyErr_SetString(PyExc_OverflowError, "int too big to convert");
  return -1;
}

static bool native_little(int flags) { return (flags & Py_ASNATIVEBYTES_NATIVE_ENDIAN) != 0; }
// The number of bytes needed; -1 with an exception.
Py_ssize_t PyLong_AsNativeBytes(PyObject* o, void* buffer, Py_ssize_t size, int flags) {
  if (!o || size < 0) {
    PyErr_BadInternalCall();
    return -1;
  }
  Ref<> value;
  if (PyLong_Check(o)) value = borrow(o);
  else if (flags != -1 && (flags & Py_ASNATIVEBYTES_ALLOW_INDEX)) value = TRY(steal(PyNumber_Index(o)));
  else return raise(PyExc_TypeError, "expect int, got %T", o);
  const bool negative = int_is_negative(value);
  if (flags != -1 && (flags & Py_ASNATIVEBYTES_REJECT_NEGATIVE) && negative) {
    PyErr_SetString(PyExc_ValueError, "Cannot convert negative int");
    return -1;
  }
  const bool little = native_little(flags);
  if (size > 0) _PyLong_AsByteArray(as_int(value.get()), static_cast<unsigned char*>(buffer), static_cast<size_t>(size), little, 1, 0);
  const int64_t bits = int_bit_length(value);
  // An unsigned destination needs no sign bit; so does "anything goes" for what just fits.
  if ((flags == -1 || (flags & Py_ASNATIVEBYTES_UNSIGNED_BUFFER)) && !negative && size > 0 && bits == size * 8) return size;
  if (negative) {
    // -2**n needs n bits and a sign.
    Ref<> inverse = TRY(steal(int_invert(value)));
    return static_cast<Py_ssize_t>(int_bit_length(inverse) / 8 + 1);
  }
  return static_cast<Py_ssize_t>(bits / 8 + 1);
}
// New; NULL on error.
PyObject* PyLong_FromNativeBytes(const void* buffer, size_t size, int flags) {
  if (!buffer) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  const bool is_unsigned = flags != -1 && (flags & Py_ASNATIVEBYTES_UNSIGNED_BUFFER);
  return _PyLong_FromByteArray(static_cast<const unsigned char*>(buffer), size, native_little(flags), !is_unsigned);
}
PyObject* PyLong_FromUnsignedNativeBytes(const void* buffer, size_t size, int flags) {
  if (!buffer) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return _PyLong_FromByteArray(static_cast<const unsigned char*>(buffer), size, native_little(flags), 0);
}

// ---- export and writer -------------------------------------------------------------------------------------------------------

static constexpr PyLongLayout native_layout = {PyLong_SHIFT, sizeof(digit), -1, -1};
const PyLongLayout* PyLong_GetNativeLayout(void) { return &native_layout; }
// 0; -1 with TypeError. Big values hold a reference until PyLong_FreeExport.
int PyLong_Export(PyObject* o, PyLongExport* out) {
  if (!o || !PyLong_Check(o)) {
    memset(out, 0, sizeof(*out));
    return raise(PyExc_TypeError, "expected int, got %T", o);
  }
  int64_t value;
  if (int_fits_int64(o, &value)) {
    *out = {.value = value, .negative = 0, .ndigits = 0, .digits = nullptr, ._reserved = 0};
  } else {
    *out = {.value = 0, .negative = int_is_negative(o), .ndigits = int_digit_count(o), .digits = int_digits(o),
            ._reserved = reinterpret_cast<Py_uintptr_t>(Py_NewRef(o))};
  }
  return 0;
}
void PyLong_FreeExport(PyLongExport* out) {
  PyObject* o = reinterpret_cast<PyObject*>(std::exchange(out->_reserved, 0));
  out->ndigits = 0;
  out->digits = nullptr;
  Py_XDECREF(o);
}
// The writer is the unfinished int. NULL on error.
PyLongWriter* PyLongWriter_Create(int negative, Py_ssize_t count, void** digits) {
  if (count <= 0) {
    *digits = nullptr;
    return raise(PyExc_ValueError, "ndigits must be positive");
  }
  PyLongObject* z = int_allocate(count);
  if (!z) {
    *digits = nullptr;
    return nullptr;
  }
  z->long_value.lv_tag = int_make_tag(negative ? -1 : 1, count);
  *digits = z->long_value.ob_digit;
  return reinterpret_cast<PyLongWriter*>(z);
}
PyObject* PyLongWriter_Finish(PyLongWriter* writer) {
  auto* z = reinterpret_cast<PyLongObject*>(writer);
  return int_finish(z, int_digit_count(object(z)), int_is_negative(object(z)));
}
void PyLongWriter_Discard(PyLongWriter* writer) {
  if (writer) PyObject_Free(writer);
}
