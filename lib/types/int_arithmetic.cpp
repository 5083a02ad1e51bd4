// int arithmetic: compact values in registers, short numbers on their 30-bit digits, long ones through GMP's limbs.
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>

#include "object/export.h"
#include "runtime/state.h"
#include "types/float.h"
#include "types/int_digits.h"

namespace ks {

// Below so many digits of the shorter factor the schoolbook method on digits wins.
static constexpr Py_ssize_t kMultiplyThreshold = 24;

// ---- magnitudes ------------------------------------------------------------------------------------------------------

static PyObject* magnitude_sum(const PyObject* a, const PyObject* b, bool negative) {
  Py_ssize_t na = int_digit_count(a), nb = int_digit_count(b);
  if (na < nb) std::swap(a, b), std::swap(na, nb);
  PyLongObject* z = int_allocate(na + 1);
  if (!z) return nullptr;
  const digit *x = int_digits(a), *y = int_digits(b);
  digit* out = z->long_value.ob_digit;
  digit carry = 0;
  Py_ssize_t i = 0;
  for (; i < nb; ++i) {
    carry += x[i] + y[i];
    out[i] = carry & PyLong_MASK;
    carry >>= PyLong_SHIFT;
  }
  for (; i < na; ++i) {
    carry += x[i];
    out[i] = carry & PyLong_MASK;
    carry >>= PyLong_SHIFT;
  }
  out[i] = carry;
  return int_finish(z, na + 1, negative);
}
static int compare_digits(const digit* x, Py_ssize_t nx, const digit* y, Py_ssize_t ny) {
  if (nx != ny) return nx < ny ? -1 : 1;
  for (Py_ssize_t i = nx; i-- > 0;)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}
static PyObject* magnitude_difference(const PyObject* a, const PyObject* b, bool negative) {  // |a| - |b|
  Py_ssize_t na = int_digit_count(a), nb = int_digit_count(b);
  const int order = compare_digits(int_digits(a), na, int_digits(b), nb);
  if (order == 0) return int_small(0);
  if (order < 0) std::swap(a, b), std::swap(na, nb), negative = !negative;
  PyLongObject* z = int_allocate(na);
  if (!z) return nullptr;
  const digit *x = int_digits(a), *y = int_digits(b);
  digit* out = z->long_value.ob_digit;
  digit borrow = 0;
  Py_ssize_t i = 0;
  for (; i < nb; ++i) {
    borrow = x[i] - y[i] - borrow;
    out[i] = borrow & PyLong_MASK;
    borrow = (borrow >> PyLong_SHIFT) & 1;
  }
  for (; i < na; ++i) {
    borrow = x[i] - borrow;
    out[i] = borrow & PyLong_MASK;
    borrow = (borrow >> PyLong_SHIFT) & 1;
  }
  return int_finish(z, na, negative);
}

// Two digits at most: below 2**60, so that sums fit.
static inline bool short_value(const PyObject* o, int64_t* value) {
  const uintptr_t tag = int_tag(o);
  if (tag < 16) {
    *value = int_compact_value(o);
    return true;
  }
  if (tag >= 24) return false;
  const digit* d = int_digits(o);
  *value = (1 - static_cast<int64_t>(tag & 3)) * static_cast<int64_t>(d[0] | (static_cast<uint64_t>(d[1]) << 30));
  return true;
}

PyObject* int_add(PyObject* a, PyObject* b) {
  int64_t x, y;
  if (short_value(a, &x) && short_value(b, &y)) return int_from_int64(x + y);
  const bool negative = int_is_negative(a);
  return negative == int_is_negative(b) ? magnitude_sum(a, b, negative) : magnitude_difference(a, b, negative);
}
PyObject* int_subtract(PyObject* a, PyObject* b) {
  int64_t x, y;
  if (short_value(a, &x) && short_value(b, &y)) return int_from_int64(x - y);
  const bool negative = int_is_negative(a);
  return negative != int_is_negative(b) ? magnitude_sum(a, b, negative) : magnitude_difference(a, b, negative);
}

PyObject* int_multiply(PyObject* a, PyObject* b) {
  if (int_both_compact(a, b)) return int_from_int64(int_compact_value(a) * int_compact_value(b));
  if (int_is_zero(a) || int_is_zero(b)) return int_small(0);
  const bool negative = int_is_negative(a) != int_is_negative(b);
  Py_ssize_t na = int_digit_count(a), nb = int_digit_count(b);
  if (na < nb) std::swap(a, b), std::swap(na, nb);
  const digit *x = int_digits(a), *y = int_digits(b);
  if (nb <= kMultiplyThreshold) {
    PyLongObject* z = int_allocate(na + nb);
    if (!z) return nullptr;
    digit* out = z->long_value.ob_digit;
    memset(out, 0, static_cast<size_t>(na + nb) * sizeof(digit));
    for (Py_ssize_t i = 0; i < nb; ++i) {
      twodigits carry = 0;
      const twodigits factor = y[i];
      digit* place = out + i;
      for (Py_ssize_t j = 0; j < na; ++j) {
        carry += *place + x[j] * factor;
        *place++ = static_cast<digit>(carry & PyLong_MASK);
        carry >>= PyLong_SHIFT;
      }
      *place = static_cast<digit>(carry);
    }
    return int_finish(z, na + nb, negative);
  }
  Limbs left(limbs_for_digits(na)), right(limbs_for_digits(nb));
  if (!left || !right) return nullptr;
  digits_to_limbs(x, na, left.data());
  const Py_ssize_t nl = left.significant();
  if (a == b) {
    Limbs square(2 * nl);
    if (!square) return nullptr;
    mpn_sqr(square.data(), left.data(), nl);
    return int_from_limbs(square.data(), 2 * nl, false);
  }
  digits_to_limbs(y, nb, right.data());
  const Py_ssize_t nr = right.significant();
  Limbs product(nl + nr);
  if (!product) return nullptr;
  if (nl >= nr) mpn_mul(product.data(), left.data(), nl, right.data(), nr);
  else mpn_mul(product.data(), right.data(), nr, left.data(), nl);
  return int_from_limbs(product.data(), nl + nr, negative);
}

// ---- division --------------------------------------------------------------------------------------------------------

// The floor quotient and the remainder with b's sign; either may be left out. b is not zero.
static Status divide(PyObject* a, PyObject* b, Ref<>* quotient, Ref<>* remainder) {
  int64_t x, y;
  if (short_value(a, &x) && short_value(b, &y)) {
    int64_t q = x / y, r = x - q * y;
    if (r && ((r < 0) != (y < 0))) --q, r += y;
    if (quotient) *quotient = TRY(steal(int_from_int64(q)));
    if (remainder) *remainder = TRY(steal(int_from_int64(r)));
    return Status::Ok;
  }
  const Py_ssize_t na = int_digit_count(a), nb = int_digit_count(b);
  const digit *xd = int_digits(a), *yd = int_digits(b);
  const bool a_negative = int_is_negative(a), b_negative = int_is_negative(b), differ = a_negative != b_negative;
  Ref<> q, r;
  if (compare_digits(xd, na, yd, nb) < 0) {
    if (int_is_zero(a) || !differ) {
      if (quotient) *quotient = steal(int_small(0));
      if (remainder) *remainder = TRY(steal(int_copy(a)));
    } else {
      if (quotient) *quotient = steal(int_small(-1));
      if (remainder) *remainder = TRY(steal(int_add(a, b)));
    }
    return Status::Ok;
  }
  if (nb == 1) {
    PyLongObject* z = nullptr;
    if (quotient) {
      z = int_allocate(na);
      if (!z) return failed;
    }
    twodigits rest = 0;
    const digit divisor = yd[0];
    for (Py_ssize_t i = na; i-- > 0;) {
      rest = (rest << PyLong_SHIFT) | xd[i];
      const digit part = static_cast<digit>(rest / divisor);
      if (z) z->long_value.ob_digit[i] = part;
      rest -= static_cast<twodigits>(part) * divisor;
    }
    if (z) q = TRY(steal(int_finish(z, na, differ)));
    int64_t value = static_cast<int64_t>(rest);
    if (value && differ) {
      value = divisor - value;
      if (z) q = TRY(steal(int_subtract(q, int_small(1))));
    }
    if (remainder) *remainder = TRY(steal(int_from_int64(b_negative ? -value : value)));
    if (quotient) *quotient = std::move(q);
    return Status::Ok;
  }
  Limbs top(limbs_for_digits(na)), bottom(limbs_for_digits(nb));
  if (!top || !bottom) return failed;
  digits_to_limbs(xd, na, top.data());
  digits_to_limbs(yd, nb, bottom.data());
  const Py_ssize_t nt = top.significant(), nd = bottom.significant();
  Limbs part(nt - nd + 2), rest(nd);
  if (!part || !rest) return failed;
  mpn_tdiv_qr(part.data(), rest.data(), 0, top.data(), nt, bottom.data(), nd);
  Py_ssize_t np = nt - nd + 1;
  if (differ && !mpn_zero_p(rest.data(), nd)) {
    part.data()[np] = mpn_add_1(part.data(), part.data(), np, 1);
    ++np;
    mpn_sub_n(rest.data(), bottom.data(), rest.data(), nd);
  }
  if (quotient) *quotient = TRY(steal(int_from_limbs(part.data(), np, differ)));
  if (remainder) *remainder = TRY(steal(int_from_limbs(rest.data(), nd, b_negative)));
  return Status::Ok;
}
static Failed raise_zero_division() { return raise(PyExc_ZeroDivisionError, "division by zero"); }

PyObject* int_floor_divide(PyObject* a, PyObject* b) {
  if (int_is_zero(b)) return raise_zero_division();
  Ref<> quotient, remainder;
  if (int_hook_divides(int_digit_count(a), int_digit_count(b))) TRY(int_hook_divmod(a, b, &quotient, &remainder));
  if (!quotient) TRY(divide(a, b, &quotient, nullptr));
  return quotient.release();
}
PyObject* int_remainder(PyObject* a, PyObject* b) {
  if (int_is_zero(b)) return raise_zero_division();
  if (int_both_compact(a, b)) {
    const int64_t x = int_compact_value(a), y = int_compact_value(b);
    int64_t r = x % y;
    if (r && ((r < 0) != (y < 0))) r += y;
    return int_from_int64(r);
  }
  Ref<> remainder;
  TRY(divide(a, b, nullptr, &remainder));
  return remainder.release();
}
PyObject* int_divmod(PyObject* a, PyObject* b) {
  if (int_is_zero(b)) return raise_zero_division();
  Ref<> quotient, remainder;
  if (int_hook_divides(int_digit_count(a), int_digit_count(b))) TRY(int_hook_divmod(a, b, &quotient, &remainder));
  if (!quotient) TRY(divide(a, b, &quotient, &remainder));
  return PyTuple_Pack(2, quotient.get(), remainder.get());
}

// Correctly rounded quotient.
PyObject* int_true_divide(PyObject* a, PyObject* b) {
  if (int_is_zero(b)) return raise_zero_division();
  constexpr int64_t kExact = int64_t{1} << 53;
  int64_t x, y;
  if (short_value(a, &x) && short_value(b, &y) && x >= -kExact && x <= kExact && y >= -kExact && y <= kExact)
    return PyFloat_FromDouble(static_cast<double>(x) / static_cast<double>(y));
  const bool negative = int_is_negative(a) != int_is_negative(b);
  if (int_is_zero(a)) return PyFloat_FromDouble(negative ? -0.0 : 0.0);
  const int64_t difference = int_bit_length(a) - int_bit_length(b);
  if (difference > DBL_MAX_EXP) return raise(PyExc_OverflowError, "integer division result too large for a float");
  if (difference < DBL_MIN_EXP - DBL_MANT_DIG - 1) return PyFloat_FromDouble(negative ? -0.0 : 0.0);
  // A quotient of 55 or 56 bits (fewer for subnormal results) scaled by 2**shift, with a sticky last bit.
  const int64_t shift = std::max<int64_t>(difference, DBL_MIN_EXP) - DBL_MANT_DIG - 2;
  Ref<> top = TRY(steal(int_absolute(a))), bottom = TRY(steal(int_absolute(b)));
  if (shift <= 0) top = TRY(steal(int_shift_left_by(top, -shift)));
  else bottom = TRY(steal(int_shift_left_by(bottom, shift)));
  Ref<> quotient, remainder;
  TRY(divide(top, bottom, &quotient, &remainder));
  int64_t bits = 0;
  if (!int_fits_int64(quotient, &bits)) return raise(PyExc_SystemError, "int_true_divide: quotient out of range");
  uint64_t q = static_cast<uint64_t>(bits);
  if (!int_is_zero(remainder)) q |= 1;
  // Round to what the result can hold.
  const int length = 64 - std::countl_zero(q);
  const int extra = static_cast<int>(std::max<int64_t>(length, DBL_MIN_EXP - shift) - DBL_MANT_DIG);
  const uint64_t half = uint64_t{1} << (extra - 1);
  const uint64_t low = q & (4 * half - 1);
  q &= ~(2 * half - 1);
  if ((low & half) && ((low & (half - 1)) || (low & (2 * half)))) q += 2 * half;
  double result = static_cast<double>(q);
  if (shift + length >= DBL_MAX_EXP && (shift + length > DBL_MAX_EXP || result == std::ldexp(1.0, length)))
    return raise(PyExc_OverflowError, "integer division result too large for a float");
  result = std::ldexp(result, static_cast<int>(shift));
  return PyFloat_FromDouble(negative ? -result : result);
}

// ---- powers ----------------------------------------------------------------------------------------------------------

static PyObject* power_modulo(PyObject* a, PyObject* b, PyObject* modulus) {
  if (int_is_zero(modulus)) return raise(PyExc_ValueError, "pow() 3rd argument cannot be 0");
  const bool negative_modulus = int_is_negative(modulus);
  int64_t base, exponent, small_modulus;
  if (int_is_compact(modulus) && short_value(a, &base) && short_value(b, &exponent) && exponent >= 0) {
    small_modulus = std::abs(int_compact_value(modulus));
    if (small_modulus == 1) return int_small(0);
    int64_t x = base % small_modulus, result = 1;
    if (x < 0) x += small_modulus;
    for (; exponent; exponent >>= 1) {
      if (exponent & 1) result = result * x % small_modulus;
      x = x * x % small_modulus;
    }
    if (negative_modulus && result) result -= small_modulus;
    return int_from_int64(result);
  }
  Mpz m(modulus), x(a), e(b), result;
  mpz_abs(m.get(), m.get());
  if (int_is_negative(b)) {
    if (mpz_cmp_ui(m.get(), 1) == 0) return int_small(0);
    if (!mpz_invert(x.get(), x.get(), m.get())) return raise(PyExc_ValueError, "base is not invertible for the given modulus");
    mpz_neg(e.get(), e.get());
  }
  mpz_powm(result.get(), x.get(), e.get(), m.get());
  if (negative_modulus && mpz_sgn(result.get()) != 0) mpz_sub(result.get(), result.get(), m.get());
  return result.to_int();
}

PyObject* int_power(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) return power_modulo(a, b, modulus);
  if (int_is_negative(b)) {
    Ref<> x = TRY(steal(PyNumber_Float(a))), y = TRY(steal(PyNumber_Float(b)));
    return PyFloat_Type.tp_as_number->nb_power(x, y, Py_None);
  }
  int64_t exponent = 0;
  const bool fits = int_fits_int64(b, &exponent);
  if (int_is_compact(a)) {
    const int64_t base = int_compact_value(a);
    if (fits && exponent == 0) return int_small(1);
    if (base == 0 || base == 1) return int_small(base);
    if (base == -1) return int_small(int_digits(b)[0] & 1 ? -1 : 1);
    if (fits && exponent < 64) {
      int64_t x = base, result = 1;
      int64_t e = exponent;
      bool overflow = false;
      for (;;) {
        if (e & 1) overflow |= __builtin_mul_overflow(result, x, &result);
        e >>= 1;
        if (!e || overflow) break;
        overflow |= __builtin_mul_overflow(x, x, &x);
      }
      if (!overflow) return int_from_int64(result);
    }
    if (fits && base == 2) return int_shift_left_by(int_small(1), exponent);
  }
  // 2**38 bits are 32 GiB: what cannot exist is refused before GMP tries (it aborts on failure).
  const int64_t bits = int_bit_length(a);
  if (!fits || exponent > (int64_t{1} << 38) / std::max<int64_t>(bits - 1, 1)) return PyErr_NoMemory();
  if (exponent == 1) return int_copy(a);
  if (exponent == 2) return int_multiply(a, a);
  Mpz x(a);
  mpz_pow_ui(x.get(), x.get(), static_cast<unsigned long>(exponent));
  return x.to_int();
}

// ---- shifts ----------------------------------------------------------------------------------------------------------

int64_t int_bit_length(const PyObject* a) {
  const Py_ssize_t count = int_digit_count(a);
  return count ? (count - 1) * PyLong_SHIFT + (32 - std::countl_zero(int_digits(a)[count - 1])) : 0;
}

PyObject* int_shift_left_by(PyObject* a, int64_t shift) {
  if (int_is_zero(a)) return int_small(0);
  if (shift == 0) return int_copy(a);
  int64_t value;
  if (shift <= 32 && int_is_compact(a)) {
    value = int_compact_value(a);
    return int_from_int64(static_cast<int64_t>(static_cast<uint64_t>(value) << shift));
  }
  const Py_ssize_t count = int_digit_count(a);
  const int64_t words = shift / PyLong_SHIFT;
  const int bits = static_cast<int>(shift % PyLong_SHIFT);
  if (words > (PY_SSIZE_T_MAX / 8) - count) return raise(PyExc_OverflowError, "too many digits in integer");
  PyLongObject* z = int_allocate(count + words + 1);
  if (!z) return nullptr;
  digit* out = z->long_value.ob_digit;
  memset(out, 0, static_cast<size_t>(words) * sizeof(digit));
  const digit* x = int_digits(a);
  digit carry = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    const twodigits part = (static_cast<twodigits>(x[i]) << bits) | carry;
    out[words + i] = static_cast<digit>(part & PyLong_MASK);
    carry = static_cast<digit>(part >> PyLong_SHIFT);
  }
  out[words + count] = carry;
  return int_finish(z, count + words + 1, int_is_negative(a));
}
PyObject* int_shift_right_by(PyObject* a, int64_t shift) {
  int64_t value;
  if (int_fits_int64(a, &value)) return int_from_int64(value >> std::min<int64_t>(shift, 63));
  const Py_ssize_t count = int_digit_count(a);
  const bool negative = int_is_negative(a);
  const int64_t words = shift / PyLong_SHIFT;
  const int bits = static_cast<int>(shift % PyLong_SHIFT);
  if (words >= count) return int_small(negative ? -1 : 0);
  const digit* x = int_digits(a);
  // Floor: of a negative number the magnitude is rounded up when ones are lost.
  bool lost = false;
  if (negative) {
    for (Py_ssize_t i = 0; i < words && !lost; ++i) lost = x[i] != 0;
    lost |= (x[words] & ((digit{1} << bits) - 1)) != 0;
  }
  const Py_ssize_t size = count - words;
  PyLongObject* z = int_allocate(size + 1);
  if (!z) return nullptr;
  digit* out = z->long_value.ob_digit;
  for (Py_ssize_t i = 0; i < size; ++i) {
    const twodigits pair = x[words + i] | (i + 1 < size ? static_cast<twodigits>(x[words + i + 1]) << PyLong_SHIFT : 0);
    out[i] = static_cast<digit>(pair >> bits) & PyLong_MASK;
  }
  out[size] = 0;
  for (Py_ssize_t i = 0; lost; ++i) {
    out[i] = (out[i] + 1) & PyLong_MASK;
    lost = out[i] == 0;
  }
  return int_finish(z, size + 1, negative);
}
PyObject* int_left_shift(PyObject* a, PyObject* b) {
  if (int_is_negative(b)) return raise(PyExc_ValueError, "negative shift count");
  if (int_is_zero(a)) return int_small(0);
  int64_t shift;
  if (!int_fits_int64(b, &shift)) return raise(PyExc_OverflowError, "too many digits in integer");
  return int_shift_left_by(a, shift);
}
PyObject* int_right_shift(PyObject* a, PyObject* b) {
  if (int_is_negative(b)) return raise(PyExc_ValueError, "negative shift count");
  int64_t shift;
  if (!int_fits_int64(b, &shift)) return int_small(int_is_negative(a) ? -1 : 0);
  return int_shift_right_by(a, shift);
}

// ---- bits ------------------------------------------------------------------------------------------------------------

// The digits of the two's complement, one after the other, with as many sign digits as are asked for.
class TwosComplement {
 public:
  explicit TwosComplement(PyObject* o) : digits_(int_digits(o)), count_(int_digit_count(o)), negative_(int_is_negative(o)), carry_(negative_) {}
  digit next() {
    digit d = index_ < count_ ? digits_[index_] : 0;
    ++index_;
    if (!negative_) return d;
    d = (~d & PyLong_MASK) + carry_;
    carry_ = d >> PyLong_SHIFT;
    return d & PyLong_MASK;
  }

 private:
  const digit* digits_;
  Py_ssize_t count_;
  Py_ssize_t index_ = 0;
  bool negative_;
  digit carry_;
};
template <class Operation>
static PyObject* bitwise(PyObject* a, PyObject* b, Operation operation) {
  int64_t x, y;
  if (int_fits_int64(a, &x) && int_fits_int64(b, &y)) return int_from_int64(operation(x, y));
  const bool negative = operation(int_is_negative(a) ? -1 : 0, int_is_negative(b) ? -1 : 0) != 0;
  const Py_ssize_t count = std::max(int_digit_count(a), int_digit_count(b)) + 1;
  PyLongObject* z = int_allocate(count);
  if (!z) return nullptr;
  digit* out = z->long_value.ob_digit;
  TwosComplement left(a), right(b);
  digit carry = 1;
  for (Py_ssize_t i = 0; i < count; ++i) {
    const int64_t l = left.next(), r = right.next();
    digit d = static_cast<digit>(operation(l, r)) & PyLong_MASK;
    if (negative) {
      d = (~d & PyLong_MASK) + carry;
      carry = d >> PyLong_SHIFT;
      d &= PyLong_MASK;
    }
    out[i] = d;
  }
  return int_finish(z, count, negative);
}
PyObject* int_and(PyObject* a, PyObject* b) {
  return bitwise(a, b, [](int64_t x, int64_t y) { return x & y; });
}
PyObject* int_or(PyObject* a, PyObject* b) {
  return bitwise(a, b, [](int64_t x, int64_t y) { return x | y; });
}
PyObject* int_xor(PyObject* a, PyObject* b) {
  return bitwise(a, b, [](int64_t x, int64_t y) { return x ^ y; });
}

// ---- one operand -----------------------------------------------------------------------------------------------------

static PyObject* with_sign(PyObject* a, bool negative) {
  if (int_is_compact(a)) {
    const int64_t magnitude = std::abs(int_compact_value(a));
    return int_from_int64(negative ? -magnitude : magnitude);
  }
  const Py_ssize_t count = int_digit_count(a);
  PyLongObject* z = int_allocate(count);
  if (!z) return nullptr;
  memcpy(z->long_value.ob_digit, int_digits(a), static_cast<size_t>(count) * sizeof(digit));
  z->long_value.lv_tag = int_make_tag(negative ? -1 : 1, count);
  return object(z);
}
PyObject* int_copy(PyObject* a) { return PyLong_CheckExact(a) ? Py_NewRef(a) : with_sign(a, int_is_negative(a)); }
PyObject* int_negate(PyObject* a) { return with_sign(a, !int_is_negative(a)); }
PyObject* int_absolute(PyObject* a) { return int_is_negative(a) ? with_sign(a, false) : int_copy(a); }
PyObject* int_invert(PyObject* a) {  // -a - 1
  if (int_is_compact(a)) return int_from_int64(~int_compact_value(a));
  return int_is_negative(a) ? magnitude_difference(a, int_small(1), false) : magnitude_sum(a, int_small(1), true);
}

int int_compare_big(const PyObject* a, const PyObject* b) {
  const int sa = int_sign(a), sb = int_sign(b);
  if (sa != sb) return sa < sb ? -1 : 1;
  const int order = compare_digits(int_digits(a), int_digit_count(a), int_digits(b), int_digit_count(b));
  return sa < 0 ? -order : order;
}

Py_hash_t int_hash(PyObject* a) {
  if (int_is_compact(a)) {
    const int64_t value = int_compact_value(a);
    return value == -1 ? -2 : value;
  }
  constexpr uint64_t kModulus = (uint64_t{1} << 61) - 1;
  uint64_t x = 0;
  const digit* digits = int_digits(a);
  for (Py_ssize_t i = int_digit_count(a); i-- > 0;) {
    x = ((x << PyLong_SHIFT) & kModulus) | (x >> (61 - PyLong_SHIFT));
    x += digits[i];
    if (x >= kModulus) x -= kModulus;
  }
  const Py_hash_t hash = int_is_negative(a) ? -static_cast<Py_hash_t>(x) : static_cast<Py_hash_t>(x);
  return hash == -1 ? -2 : hash;
}

PyObject* int_gcd(PyObject* a, PyObject* b) {
  int64_t x, y;
  if (short_value(a, &x) && short_value(b, &y)) {
    uint64_t u = static_cast<uint64_t>(std::abs(x)), v = static_cast<uint64_t>(std::abs(y));
    if (!u || !v) return int_from_uint64(u | v);
    const int twos = std::countr_zero(u | v);
    u >>= std::countr_zero(u);
    while (v) {
      v >>= std::countr_zero(v);
      if (u > v) std::swap(u, v);
      v -= u;
    }
    return int_from_uint64(u << twos);
  }
  Mpz left(a), right(b);
  mpz_gcd(left.get(), left.get(), right.get());
  return left.to_int();
}
PyObject* int_square_root(PyObject* a) {
  int64_t value;
  if (int_fits_int64(a, &value)) {
    uint64_t root = static_cast<uint64_t>(std::sqrt(static_cast<double>(value)));
    const auto square = [](uint64_t r) { return static_cast<unsigned __int128>(r) * r; };
    while (square(root) > static_cast<uint64_t>(value)) --root;
    while (square(root + 1) <= static_cast<uint64_t>(value)) ++root;
    return int_from_uint64(root);
  }
  Mpz x(a);
  mpz_sqrt(x.get(), x.get());
  return x.to_int();
}

}  // namespace ks

// The exported cores: both arguments must be ints. New; NULL on error.
#define KS_EXPORT_INT_CORE(NAME, CORE)                                                           \
  KS_EXPORT PyObject* NAME(PyLongObject* a, PyLongObject* b) { return ks::CORE(ks::object(a), ks::object(b)); }
KS_EXPORT_INT_CORE(_PyLong_Add, int_add)
KS_EXPORT_INT_CORE(_PyLong_Subtract, int_subtract)
KS_EXPORT_INT_CORE(_PyLong_Multiply, int_multiply)
// The shift count is a C integer.
KS_EXPORT PyObject* _PyLong_Lshift(PyObject* a, int64_t shift) {
  return shift < 0 ? ks::raise(PyExc_ValueError, "negative shift count") : ks::int_shift_left_by(a, shift);
}
KS_EXPORT PyObject* _PyLong_Rshift(PyObject* a, int64_t shift) {
  return shift < 0 ? ks::raise(PyExc_ValueError, "negative shift count") : ks::int_shift_right_by(a, shift);
}
// Greatest common divisor, not negative. New; NULL on error.
PyObject* _PyLong_GCD(PyObject* a, PyObject* b) { return ks::int_gcd(a, b); }
