// Inside int: making objects from digits, and the way to GMP's limbs and back.
#pragma once

#include <gmp.h>

#include "types/int.h"

namespace ks {

inline PyLongObject* as_int(PyObject* o) { return reinterpret_cast<PyLongObject*>(o); }
inline uintptr_t int_make_tag(int sign, Py_ssize_t count) {  // sign: -1, 0, 1
  return (static_cast<uintptr_t>(count) << 3) | static_cast<uintptr_t>(1 - sign);
}
// An int with room for so many digits (at least one); tag says positive with that many.
PyLongObject* int_allocate(Py_ssize_t count);
// Takes over `z`: strips leading zeros, sets the sign, and gives the shared object for small values.
PyObject* int_finish(PyLongObject* z, Py_ssize_t count, bool negative);
PyObject* int_from_magnitude(uint64_t magnitude, bool negative);

// GMP limbs, on the stack while they are few. Empty data() after a failed allocation (MemoryError is set).
class Limbs {
 public:
  explicit Limbs(Py_ssize_t count) : size_(count) {
    if (count <= kFixed) data_ = fixed_;
    else data_ = static_cast<mp_limb_t*>(PyMem_Malloc(static_cast<size_t>(count) * sizeof(mp_limb_t)));
    if (!data_) PyErr_NoMemory();
  }
  Limbs(const Limbs&) = delete;
  Limbs& operator=(const Limbs&) = delete;
  ~Limbs() {
    if (data_ != fixed_) PyMem_Free(data_);
  }
  explicit operator bool() const { return data_ != nullptr; }
  mp_limb_t* data() { return data_; }
  Py_ssize_t size() const { return size_; }  // may have zeros at the top
  Py_ssize_t significant() const {
    Py_ssize_t n = size_;
    while (n > 0 && data_[n - 1] == 0) --n;
    return n;
  }

 private:
  static constexpr Py_ssize_t kFixed = 48;
  Py_ssize_t size_;
  mp_limb_t* data_;
  mp_limb_t fixed_[kFixed];
};

inline Py_ssize_t limbs_for_digits(Py_ssize_t count) { return (count * PyLong_SHIFT + 63) / 64; }
inline Py_ssize_t digits_for_limbs(Py_ssize_t count) { return (count * 64 + PyLong_SHIFT - 1) / PyLong_SHIFT; }
void digits_to_limbs(const digit* digits, Py_ssize_t count, mp_limb_t* limbs);  // fills limbs_for_digits(count)
void limbs_to_digits(const mp_limb_t* limbs, Py_ssize_t limb_count, digit* digits, Py_ssize_t count);
// A new int from limbs.
PyObject* int_from_limbs(const mp_limb_t* limbs, Py_ssize_t limb_count, bool negative);

// ---- functions put in the place of `_pylong`'s (int_hooks.cpp) ---------------------------------------------------------
// From these sizes on the reference leaves the work to `_pylong`. The results stay null while nobody has replaced its function.
inline constexpr Py_ssize_t kHookTextDigits = 1000;       // more digits than this, to decimal text
inline constexpr Py_ssize_t kHookParseCharacters = 6000;  // more decimal digits than this, from text
inline bool int_hook_divides(Py_ssize_t dividend_digits, Py_ssize_t divisor_digits) {
  return divisor_digits > 300 && dividend_digits - divisor_digits > 150;
}
Status int_hook_to_decimal(PyObject* value, Ref<>* text);
Status int_hook_from_decimal(const char* digits, Py_ssize_t length, bool negative, Ref<>* value);
Status int_hook_divmod(PyObject* a, PyObject* b, Ref<>* quotient, Ref<>* remainder);

// An mpz with an int's value.
class Mpz {
 public:
  Mpz() { mpz_init(value_); }
  explicit Mpz(PyObject* o) {
    mpz_init(value_);
    set(o);
  }
  Mpz(const Mpz&) = delete;
  Mpz& operator=(const Mpz&) = delete;
  ~Mpz() { mpz_clear(value_); }
  void set(PyObject* o) {
    const Py_ssize_t count = int_digit_count(o);
    if (!count) {
      mpz_set_ui(value_, 0);
      return;
    }
    const Py_ssize_t limbs = limbs_for_digits(count);
    digits_to_limbs(int_digits(o), count, mpz_limbs_write(value_, limbs));
    mpz_limbs_finish(value_, int_is_negative(o) ? -limbs : limbs);
  }
  mpz_ptr get() { return value_; }
  PyObject* to_int() {
    return int_from_limbs(mpz_limbs_read(value_), static_cast<Py_ssize_t>(mpz_size(value_)), mpz_sgn(value_) < 0);
  }

 private:
  mpz_t value_;
};

}  // namespace ks
