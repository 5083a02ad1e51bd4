// math: C's functions with Python's exceptions, exact sums, integer functions.
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <vector>

#include "object/type.h"
#include "modules/module.h"
#include "object/export.h"
#include "types/float.h"
#include "types/int_digits.h"

KS_EXPORT double _PyLong_Frexp(PyLongObject* o, int64_t* exponent);

namespace ks {
namespace {

Failed raise_domain() { return raise(PyExc_ValueError, "math domain error"); }
Failed raise_range() { return raise(PyExc_OverflowError, "math range error"); }

// The result of a function of one argument; a NaN from a number is out of the domain, an infinity from a finite number is either
// overflow or a pole.
PyObject* check_one(double x, double result, bool can_overflow, const char* domain) {
  if (std::isnan(result) && !std::isnan(x)) {
    if (!domain) return raise_domain();
    Ref<> shown = TRY(steal(float_new(x)));
    return raise(PyExc_ValueError, domain, shown.get());
  }
  if (std::isinf(result) && std::isfinite(x)) {
    if (can_overflow) return raise_range();
    if (!domain) return raise_domain();
    Ref<> shown = TRY(steal(float_new(x)));
    return raise(PyExc_ValueError, domain, shown.get());
  }
  return float_new(result);
}
#define MATH_ONE(NAME, CALL, OVERFLOW, DOMAIN, DOC)                                         \
  PyObject* math_##NAME(PyObject*, double x) { return check_one(x, CALL, OVERFLOW, DOMAIN); } \
  METHOD(math, NAME, "($module, x, /)", DOC)
#define UNIT "expected a number in range from -1 up to 1, got %R"
#define FINITE "expected a finite input, got %R"
MATH_ONE(acos, std::acos(x), false, UNIT, "Return the arc cosine (measured in radians) of x.\n\nThe result is between 0 and pi.");
MATH_ONE(acosh, std::acosh(x), false, "expected argument value not less than 1, got %R", "Return the inverse hyperbolic cosine of x.");
MATH_ONE(asin, std::asin(x), false, UNIT, "Return the arc sine (measured in radians) of x.\n\nThe result is between -pi/2 and pi/2.");
MATH_ONE(asinh, std::asinh(x), false, nullptr, "Return the inverse hyperbolic sine of x.");
MATH_ONE(atan, std::atan(x), false, nullptr, "Return the arc tangent (measured in radians) of x.\n\nThe result is between -pi/2 and pi/2.");
MATH_ONE(atanh, std::atanh(x), false, "expected a number between -1 and 1, got %R", "Return the inverse hyperbolic tangent of x.");
MATH_ONE(cbrt, std::cbrt(x), false, nullptr, "Return the cube root of x.");
MATH_ONE(cos, std::cos(x), false, FINITE, "Return the cosine of x (measured in radians).");
MATH_ONE(cosh, std::cosh(x), true, nullptr, "Return the hyperbolic cosine of x.");
MATH_ONE(erf, std::erf(x), false, nullptr, "Error function at x.");
MATH_ONE(erfc, std::erfc(x), false, nullptr, "Complementary error function at x.");
MATH_ONE(exp, std::exp(x), true, nullptr, "Return e raised to the power of x.");
MATH_ONE(exp2, std::exp2(x), true, nullptr, "Return 2 raised to the power of x.");
MATH_ONE(expm1, std::expm1(x), true, nullptr, "Return exp(x)-1.\n\nThis avoids the loss of significance for small x.");
MATH_ONE(fabs, std::fabs(x), false, nullptr, "Return the absolute value of the float x.");
MATH_ONE(log1p, x == 0.0 ? x : std::log1p(x), false, "expected argument value > -1, got %R",
         "Return the natural logarithm of 1+x (base e).\n\nThe result is accurate for x near zero.");
MATH_ONE(sin, std::sin(x), false, FINITE, "Return the sine of x (measured in radians).");
MATH_ONE(sinh, std::sinh(x), true, nullptr, "Return the hyperbolic sine of x.");
MATH_ONE(sqrt, std::sqrt(x), false, "expected a nonnegative input, got %R", "Return the square root of x.");
MATH_ONE(tan, std::tan(x), false, FINITE, "Return the tangent of x (measured in radians).");
MATH_ONE(tanh, std::tanh(x), false, nullptr, "Return the hyperbolic tangent of x.");

PyObject* math_gamma(PyObject*, double x) {
  static constexpr char kDomain[] = "expected a noninteger or positive integer, got %R";
  if (x == 0.0 || (x < 0 && x == std::floor(x))) {
    Ref<> shown = TRY(steal(float_new(x)));
    return raise(PyExc_ValueError, kDomain, shown.get());
  }
  if (x == std::floor(x) && x <= 23.0) {  // exact factorials
    double result = 1.0;
    for (double n = 2.0; n < x; n += 1.0) result *= n;
    return float_new(result);
  }
  const double result = std::tgamma(x);
  if (std::isinf(result) && std::isfinite(x)) return raise_range();
  return float_new(result);
}
METHOD(math, gamma, "($module, x, /)", "Gamma function at x.");
PyObject* math_lgamma(PyObject*, double x) {
  if (std::isfinite(x) && x == std::floor(x) && x <= 2.0) {
    if (x > 0.0) return float_new(0.0);
    Ref<> shown = TRY(steal(float_new(x)));
    return raise(PyExc_ValueError, "expected a noninteger or positive integer, got %R", shown.get());
  }
  if (std::isinf(x)) return float_new(Py_INFINITY);
  int sign;
  const double result = ::lgamma_r(x, &sign);
  if (std::isinf(result)) return raise_range();
  return float_new(result);
}
METHOD(math, lgamma, "($module, x, /)", "Natural logarithm of absolute value of Gamma function at x.");

// ---- logarithms of numbers of any size ---------------------------------------------------------------------------------

double log_of(double x) { return std::log(x); }
double log2_of(double x) { return std::log2(x); }
double log10_of(double x) { return std::log10(x); }
PyObject* logarithm(PyObject* o, double (*function)(double)) {
  if (PyLong_Check(o)) {
    if (int_sign(o) <= 0) return raise(PyExc_ValueError, "expected a positive input");
    int64_t exponent;
    const double fraction = _PyLong_Frexp(as_int(o), &exponent);
    if (exponent <= DBL_MAX_EXP) return float_new(function(std::ldexp(fraction, static_cast<int>(exponent))));
    return float_new(function(fraction) + function(2.0) * static_cast<double>(exponent));
  }
  const double x = PyFloat_AsDouble(o);
  if (x == -1.0 && PyErr_Occurred()) return nullptr;
  return check_one(x, x < 0 ? Py_NAN : function(x), false, "expected a positive input, got %R");
}
PyObject* math_log2(PyObject*, PyObject* x) { return logarithm(x, log2_of); }
METHOD(math, log2, "($module, x, /)", "Return the base 2 logarithm of x.");
PyObject* math_log10(PyObject*, PyObject* x) { return logarithm(x, log10_of); }
METHOD(math, log10, "($module, x, /)", "Return the base 10 logarithm of x.");
PyObject* log_raw(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs < 1) return raise(PyExc_TypeError, "log expected at least 1 argument, got 0");
  if (nargs > 2) return raise(PyExc_TypeError, "log expected at most 2 arguments, got %zd", nargs);
  Ref<> numerator = TRY(steal(logarithm(args[0], log_of)));
  if (nargs == 1) return numerator.release();
  Ref<> denominator = TRY(steal(logarithm(args[1], log_of)));
  return PyNumber_TrueDivide(numerator, denominator);
}
constexpr PyMethodDef log_definition = {"log", KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionFast>(log_raw)), METH_FASTCALL,
                                        "log(x, [base=math.e])\nReturn the logarithm of x to the given base.\n\n"
                                        "If the base is not specified, returns the natural logarithm (base e) of x."};

// ---- two arguments -----------------------------------------------------------------------------------------------------

// As check_one, for two arguments: infinite results are overflow.
PyObject* check_two(double x, double y, double result) {
  if (std::isnan(result) && !std::isnan(x) && !std::isnan(y)) return raise_domain();
  if (std::isinf(result) && std::isfinite(x) && std::isfinite(y)) return raise_range();
  return float_new(result);
}
PyObject* math_atan2(PyObject*, double y, double x) { return float_new(std::atan2(y, x)); }
METHOD(math, atan2, "($module, y, x, /)", "Return the arc tangent (measured in radians) of y/x.\n\nUnlike atan(y/x), the signs of both x and y are considered.");
PyObject* math_copysign(PyObject*, double x, double y) { return float_new(std::copysign(x, y)); }
METHOD(math, copysign, "($module, x, y, /)",
       "Return a float with the magnitude (absolute value) of x but the sign of y.\n\n"
       "On platforms that support signed zeros, copysign(1.0, -0.0)\nreturns -1.0.\n");
PyObject* math_fmod(PyObject*, double x, double y) {
  if (std::isinf(y) && std::isfinite(x)) return float_new(x);
  return check_two(x, y, std::fmod(x, y));
}
METHOD(math, fmod, "($module, x, y, /)", "Return fmod(x, y), according to platform C.\n\nx % y may differ.");
PyObject* math_remainder(PyObject*, double x, double y) { return check_two(x, y, std::remainder(x, y)); }
METHOD(math, remainder, "($module, x, y, /)",
       "Difference between x and the closest integer multiple of y.\n\n"
       "Return x - n*y where n*y is the closest integer multiple of y.\nIn the case where x is exactly halfway between two multiples of\n"
       "y, the nearest even value of n is used. The result is always exact.");
PyObject* math_pow(PyObject*, double x, double y) {
  if (x == 0.0 && y < 0.0 && std::isfinite(y)) return raise_domain();
  return check_two(x, y, std::pow(x, y));
}
METHOD(math, pow, "($module, x, y, /)", "Return x**y (x to the power of y).");
PyObject* math_ldexp(PyObject*, double x, PyObject* i) {
  if (!PyLong_Check(i)) return raise(PyExc_TypeError, "Expected an int as second argument to ldexp.");
  if (x == 0.0 || !std::isfinite(x)) return float_new(x);
  int64_t exponent;
  if (!int_fits_int64(i, &exponent)) exponent = int_is_negative(i) ? -100000 : 100000;
  const double result = std::ldexp(x, static_cast<int>(std::clamp<int64_t>(exponent, -100000, 100000)));
  if (std::isinf(result)) return raise_range();
  return float_new(result);
}
METHOD(math, ldexp, "($module, x, i, /)", "Return x * (2**i).\n\nThis is essentially the inverse of frexp().");
PyObject* math_frexp(PyObject*, double x) {
  int exponent = 0;
  if (std::isfinite(x)) x = std::frexp(x, &exponent);
  return Py_BuildValue("(di)", x, exponent);
}
METHOD(math, frexp, "($module, x, /)",
       "Return the mantissa and exponent of x, as pair (m, e).\n\nm is a float and e is an int, such that x = m * 2.**e.\n"
       "If x is 0, m and e are both 0.  Else 0.5 <= abs(m) < 1.0.");
PyObject* math_modf(PyObject*, double x) {
  if (std::isinf(x)) return Py_BuildValue("(dd)", std::copysign(0.0, x), x);
  double whole;
  const double fraction = std::modf(x, &whole);
  return Py_BuildValue("(dd)", fraction, whole);
}
METHOD(math, modf, "($module, x, /)", "Return the fractional and integer parts of x.\n\nBoth results carry the sign of x and are floats.");
PyObject* math_degrees(PyObject*, double x) { return float_new(x * (180.0 / Py_MATH_PI)); }
METHOD(math, degrees, "($module, x, /)", "Convert angle x from radians to degrees.");
PyObject* math_radians(PyObject*, double x) { return float_new(x * (Py_MATH_PI / 180.0)); }
METHOD(math, radians, "($module, x, /)", "Convert angle x from degrees to radians.");
bool math_isfinite(PyObject*, double x) { return std::isfinite(x); }
METHOD(math, isfinite, "($module, x, /)", "Return True if x is neither an infinity nor a NaN, and False otherwise.");
bool math_isnan(PyObject*, double x) { return std::isnan(x); }
METHOD(math, isnan, "($module, x, /)", "Return True if x is a NaN (not a number), and False otherwise.");
bool math_isinf(PyObject*, double x) { return std::isinf(x); }
METHOD(math, isinf, "($module, x, /)", "Return True if x is a positive or negative infinity, and False otherwise.");
PyObject* math_fma(PyObject*, double x, double y, double z) {
  const double result = std::fma(x, y, z);
  if (std::isnan(result) && !std::isnan(x) && !std::isnan(y) && !std::isnan(z)) return raise(PyExc_ValueError, "invalid operation in fma");
  if (std::isinf(result) && std::isfinite(x) && std::isfinite(y) && std::isfinite(z)) return raise(PyExc_OverflowError, "overflow in fma");
  return float_new(result);
}
METHOD(math, fma, "($module, x, y, z, /)", "Fused multiply-add operation.\n\nCompute (x * y) + z with a single round.");
PyObject* math_ulp(PyObject*, double x) {
  if (std::isnan(x)) return float_new(x);
  x = std::fabs(x);
  if (std::isinf(x)) return float_new(x);
  const double next = std::nextafter(x, Py_INFINITY);
  return float_new(std::isinf(next) ? x - std::nextafter(x, -Py_INFINITY) : next - x);
}
METHOD(math, ulp, "($module, x, /)", "Return the value of the least significant bit of the float x.");
PyObject* math_nextafter(PyObject*, double x, double y, PyObject* steps) {
  if (!steps || steps == Py_None) return float_new(std::nextafter(x, y));
  Ref<> count_object = TRY(steal(PyNumber_Index(steps)));
  if (int_is_negative(count_object)) return raise(PyExc_ValueError, "steps must be a non-negative integer");
  int64_t fitted;
  const uint64_t count = int_fits_int64(count_object, &fitted) ? static_cast<uint64_t>(fitted) : ~uint64_t{0};
  if (count == 0 || std::isnan(x)) return float_new(x);
  if (std::isnan(y)) return float_new(y);
  if (x == y) return float_new(y);
  // Floats in order are integers in order, negative ones counted downwards from zero.
  auto rank = [](double value) {
    const auto bits = std::bit_cast<int64_t>(value);
    return bits < 0 ? static_cast<int64_t>(uint64_t{1} << 63) - bits : bits;
  };
  const int64_t from = rank(x), to = rank(y);
  const uint64_t distance = from < to ? static_cast<uint64_t>(to) - static_cast<uint64_t>(from) : static_cast<uint64_t>(from) - static_cast<uint64_t>(to);
  if (count >= distance) return float_new(y);
  const int64_t at = from < to ? from + static_cast<int64_t>(count) : from - static_cast<int64_t>(count);
  return float_new(at == 0 ? std::copysign(0.0, x) : std::bit_cast<double>(at < 0 ? static_cast<int64_t>(uint64_t{1} << 63) - at : at));
}
METHOD(math, nextafter, "($module, x, y, /, *, steps=None)",
       "Return the floating-point value the given number of steps after x towards y.\n\nIf steps is not specified or is None, it defaults to 1.\n\n"
       "Raises a TypeError, if x or y is not a double, or if steps is not an integer.\nRaises ValueError if steps is negative.");
Found math_isclose(PyObject*, double a, double b, PyObject* rel_tol, PyObject* abs_tol) {
  double relative = 1e-09, absolute = 0.0;
  if (rel_tol && !convert_double(rel_tol, &relative)) return failed;
  if (abs_tol && !convert_double(abs_tol, &absolute)) return failed;
  if (relative < 0.0 || absolute < 0.0) return raise(PyExc_ValueError, "tolerances must be non-negative");
  if (a == b) return Found::Yes;
  if (std::isinf(a) || std::isinf(b)) return Found::No;
  const double difference = std::fabs(b - a);
  return difference <= std::fabs(relative * b) || difference <= std::fabs(relative * a) || difference <= absolute ? Found::Yes : Found::No;
}
METHOD(math, isclose, "($module, /, a, b, *, rel_tol=1e-09, abs_tol=0.0)",
       "Determine whether two floating-point numbers are close in value.\n\n  rel_tol\n    maximum difference for being considered \"close\", relative to the\n"
       "    magnitude of the input values\n  abs_tol\n    maximum difference for being considered \"close\", regardless of the\n    magnitude of the input values\n\n"
       "Return True if a is close in value to b, and False otherwise.");

// ---- rounding ----------------------------------------------------------------------------------------------------------

PyObject* call_special(PyObject* o, PyObject* name, bool* found) {
  Ref<> method = lookup_special(o, name);
  *found = method || PyErr_Occurred();
  if (!method && *found && PyErr_ExceptionMatches(PyExc_AttributeError)) {
    PyErr_Clear();
    *found = false;
  }
  return method ? PyObject_CallNoArgs(method) : nullptr;
}
PyObject* round_with(PyObject* o, PyObject* name, double (*function)(double)) {
  double x;
  if (PyFloat_CheckExact(o)) {
    x = float_value(o);
  } else {
    bool found;
    PyObject* result = call_special(o, name, &found);
    if (found) return result;
    x = PyFloat_AsDouble(o);
    if (x == -1.0 && PyErr_Occurred()) return nullptr;
  }
  return PyLong_FromDouble(function(x));
}
PyObject* math_floor(PyObject*, PyObject* x) { return round_with(x, "__floor__"_id, [](double v) { return std::floor(v); }); }
METHOD(math, floor, "($module, x, /)", "Return the floor of x as an Integral.\n\nThis is the largest integer <= x.");
PyObject* math_ceil(PyObject*, PyObject* x) { return round_with(x, "__ceil__"_id, [](double v) { return std::ceil(v); }); }
METHOD(math, ceil, "($module, x, /)", "Return the ceiling of x as an Integral.\n\nThis is the smallest integer >= x.");
PyObject* math_trunc(PyObject*, PyObject* x) {
  if (PyFloat_CheckExact(x)) return PyLong_FromDouble(float_value(x));
  bool found;
  PyObject* result = call_special(x, "__trunc__"_id, &found);
  if (found) return result;
  return raise(PyExc_TypeError, "type %.100s doesn't define __trunc__ method", Py_TYPE(x)->tp_name);
}
METHOD(math, trunc, "($module, x, /)", "Truncates the Real x to the nearest Integral toward 0.\n\nUses the __trunc__ magic method.");

// ---- exact sums --------------------------------------------------------------------------------------------------------

struct Double2 {
  double high, low;
};
// Error-free transformations: high + low is the exact sum or product.
Double2 fast_two_sum(double a, double b) {  // |a| >= |b|
  const double x = a + b;
  return {x, (a - x) + b};
}
Double2 two_sum(double a, double b) {
  const double x = a + b, z = x - a;
  return {x, (a - (x - z)) + (b - z)};
}
Double2 two_product(double a, double b) {
  const double x = a * b;
  return {x, std::fma(a, b, -x)};
}

// Shewchuk: partial sums that do not overlap hold the exact value.
PyObject* math_fsum(PyObject*, PyObject* seq) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(seq)));
  std::vector<double> partials;
  double special_sum = 0.0, infinite_sum = 0.0;
  for (;;) {
    Ref<> item;
    if (!TRY(PyIter_NextItem(iterator, item.out()))) break;
    double x = PyFloat_Check(item) ? float_value(item) : PyFloat_AsDouble(item);
    if (x == -1.0 && PyErr_Occurred()) return nullptr;
    const double given = x;
    size_t kept = 0;
    for (size_t j = 0; j < partials.size(); ++j) {
      double y = partials[j];
      if (std::fabs(x) < std::fabs(y)) std::swap(x, y);
      const Double2 sum = fast_two_sum(x, y);
      if (sum.low != 0.0) partials[kept++] = sum.low;
      x = sum.high;
    }
    partials.resize(kept);
    if (x != 0.0) {
      if (!std::isfinite(x)) {
        if (std::isfinite(given)) return raise(PyExc_OverflowError, "intermediate overflow in fsum");
        if (std::isinf(given)) infinite_sum += given;
        special_sum += given;
        partials.clear();
      } else {
        partials.push_back(x);
      }
    }
  }
  if (special_sum != 0.0) {
    if (std::isnan(infinite_sum)) return raise(PyExc_ValueError, "-inf + inf in fsum");
    return float_new(special_sum);
  }
  double high = 0.0;
  size_t n = partials.size();
  if (n > 0) {
    high = partials[--n];
    double low = 0.0;
    while (n > 0) {
      const double x = high, y = partials[--n];
      high = x + y;
      low = y - (high - x);
      if (low != 0.0) break;
    }
    // Round half even across several partials.
    if (n > 0 && ((low < 0.0 && partials[n - 1] < 0.0) || (low > 0.0 && partials[n - 1] > 0.0))) {
      const double y = low * 2.0, x = high + y;
      if (y == x - high) high = x;
    }
  }
  return float_new(high);
}
METHOD(math, fsum, "($module, seq, /)",
       "Return an accurate floating-point sum of values in the iterable seq.\n\nAssumes IEEE-754 floating-point arithmetic.");

// A sum in three parts.
struct Triple {
  double high = 0.0, low = 0.0, tiny = 0.0;
  void add_product(double x, double y) {
    const Double2 product = two_product(x, y);
    const Double2 sum = two_sum(high, product.high);
    const Double2 r1 = two_sum(low, product.low);
    const Double2 r2 = two_sum(r1.high, sum.low);
    high = sum.high;
    low = r2.high;
    tiny += r1.low + r2.low;
  }
  double value() const {
    const Double2 last = two_sum(low, tiny);
    const Double2 total = two_sum(high, last.high);
    return total.high + (total.low + last.low);
  }
};
PyObject* math_sumprod(PyObject*, PyObject* p, PyObject* q) {
  Ref<> left = TRY(steal(PyObject_GetIter(p))), right = TRY(steal(PyObject_GetIter(q)));
  Ref<> total = steal(int_small(0));
  int64_t int_total = 0;
  bool int_used = false, float_used = false, int_path = true, float_path = true;
  Triple float_total;
  auto flush_int = [&]() -> Status {
    if (int_used) {
      Ref<> term = TRY(steal(int_from_int64(int_total)));
      total = TRY(steal(PyNumber_Add(total, term)));
      int_total = 0;
      int_used = false;
    }
    return Status::Ok;
  };
  auto flush_float = [&]() -> Status {
    if (float_used) {
      Ref<> term = TRY(steal(float_new(float_total.value())));
      total = TRY(steal(PyNumber_Add(total, term)));
      float_total = {};
      float_used = false;
    }
    return Status::Ok;
  };
  for (;;) {
    Ref<> x, y;
    const int more_left = TRY(PyIter_NextItem(left, x.out()));
    const int more_right = TRY(PyIter_NextItem(right, y.out()));
    if (more_left != more_right) return raise(PyExc_ValueError, "Inputs are not the same length");
    if (!more_left) break;
    if (int_path) {
      int64_t a, b, product, sum;
      if (PyLong_CheckExact(x) && PyLong_CheckExact(y) && int_fits_int64(x, &a) && int_fits_int64(y, &b) &&
          !__builtin_mul_overflow(a, b, &product) && !__builtin_add_overflow(int_total, product, &sum)) {
        int_total = sum;
        int_used = true;
        continue;
      }
      TRY(flush_int());
      int_path = false;
    }
    if (float_path) {
      double a = 0.0, b = 0.0;
      bool good = true;
      auto read = [&](PyObject* o, double* value, bool int_allowed) {
        if (PyFloat_CheckExact(o)) *value = float_value(o);
        else if (int_allowed && (PyLong_CheckExact(o) || PyBool_Check(o))) {
          *value = PyLong_AsDouble(o);
          if (*value == -1.0 && PyErr_Occurred()) {
            PyErr_Clear();
            good = false;
          }
        } else good = false;
      };
      read(x, &a, PyFloat_CheckExact(y));
      read(y, &b, PyFloat_CheckExact(x));
      if (good) {
        Triple next = float_total;
        next.add_product(a, b);
        if (std::isfinite(next.high) && std::isfinite(next.low) && std::isfinite(next.tiny)) {
          float_total = next;
          float_used = true;
          continue;
        }
      }
      TRY(flush_float());
      float_path = false;
    }
    Ref<> product = TRY(steal(PyNumber_Multiply(x, y)));
    total = TRY(steal(PyNumber_Add(total, product)));
  }
  TRY(flush_int());
  TRY(flush_float());
  return total.release();
}
METHOD(math, sumprod, "($module, p, q, /)",
       "Return the sum of products of values from two iterables p and q.\n\nRoughly equivalent to:\n\n    sum(itertools.starmap(operator.mul, zip(p, q, strict=True)))\n\n"
       "For float and mixed int/float inputs, the intermediate products\nand sums are computed with extended precision.");
PyObject* math_prod(PyObject*, PyObject* iterable, PyObject* start) {
  Ref<> result = start ? borrow(start) : steal(int_small(1));
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  for (;;) {
    Ref<> item;
    if (!TRY(PyIter_NextItem(iterator, item.out()))) return result.release();
    result = TRY(steal(PyNumber_Multiply(result, item)));
  }
}
METHOD(math, prod, "($module, iterable, /, *, start=1)",
       "Calculate the product of all the elements in the input iterable.\n\nThe default start value for the product is 1.\n\n"
       "When the iterable is empty, return the start value.  This function is\nintended specifically for use with numeric values and may reject\nnon-numeric types.");

// The Euclidean norm to within one rounding: squares of scaled values are summed in double-double, then the root is corrected once.
double norm(std::vector<double>& values, double maximum, bool nan) {
  if (std::isinf(maximum)) return maximum;
  if (nan) return Py_NAN;
  if (maximum == 0.0 || values.size() <= 1) return maximum;
  int exponent;
  std::frexp(maximum, &exponent);
  if (exponent < -1023) {  // subnormal: the scale itself would overflow
    for (double& x : values) x /= DBL_MIN;
    return DBL_MIN * norm(values, maximum / DBL_MIN, false);
  }
  const double scale = std::ldexp(1.0, -exponent);
  double sum = 1.0, low_products = 0.0, low_sums = 0.0;
  auto add = [&](double a, double b) {
    const Double2 product = two_product(a, b);
    const Double2 total = fast_two_sum(sum, product.high);
    sum = total.high;
    low_products += product.low;
    low_sums += total.low;
  };
  for (double x : values) add(x * scale, x * scale);
  double root = std::sqrt(sum - 1.0 + (low_products + low_sums));
  add(-root, root);
  root += (sum - 1.0 + (low_products + low_sums)) / (2.0 * root);
  return root / scale;
}
PyObject* math_hypot(PyObject*, PyObject* coordinates) {
  std::vector<double> values(static_cast<size_t>(PyTuple_GET_SIZE(coordinates)));
  double maximum = 0.0;
  bool nan = false;
  for (size_t i = 0; i < values.size(); ++i) {
    double x = PyFloat_AsDouble(PyTuple_GET_ITEM(coordinates, static_cast<Py_ssize_t>(i)));
    if (x == -1.0 && PyErr_Occurred()) return nullptr;
    x = std::fabs(x);
    values[i] = x;
    nan |= std::isnan(x);
    if (x > maximum) maximum = x;
  }
  return float_new(norm(values, maximum, nan));
}
METHOD(math, hypot, "($module, /, *coordinates)",
       "Multidimensional Euclidean distance from the origin to a point.\n\nRoughly equivalent to:\n    sqrt(sum(x**2 for x in coordinates))");
PyObject* math_dist(PyObject*, PyObject* p, PyObject* q) {
  Ref<> left = PyTuple_Check(p) ? borrow(p) : TRY(steal(PySequence_Tuple(p)));
  Ref<> right = PyTuple_Check(q) ? borrow(q) : TRY(steal(PySequence_Tuple(q)));
  const Py_ssize_t count = PyTuple_GET_SIZE(left.get());
  if (PyTuple_GET_SIZE(right.get()) != count) return raise(PyExc_ValueError, "both points must have the same number of dimensions");
  std::vector<double> values(static_cast<size_t>(count));
  double maximum = 0.0;
  bool nan = false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    const double a = PyFloat_AsDouble(PyTuple_GET_ITEM(left.get(), i));
    if (a == -1.0 && PyErr_Occurred()) return nullptr;
    const double b = PyFloat_AsDouble(PyTuple_GET_ITEM(right.get(), i));
    if (b == -1.0 && PyErr_Occurred()) return nullptr;
    const double x = std::fabs(a - b);
    values[static_cast<size_t>(i)] = x;
    nan |= std::isnan(x);
    if (x > maximum) maximum = x;
  }
  return float_new(norm(values, maximum, nan));
}
METHOD(math, dist, "($module, p, q, /)",
       "Return the Euclidean distance between two points p and q.\n\nThe points should be specified as sequences (or iterables) of\n"
       "coordinates.  Both inputs must have the same dimension.\n\nRoughly equivalent to:\n    sqrt(sum((px - qx) ** 2.0 for px, qx in zip(p, q)))");

// ---- integers ----------------------------------------------------------------------------------------------------------

PyObject* math_gcd(PyObject*, PyObject* integers) {
  Ref<> result = steal(int_small(0));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(integers); ++i) {
    Ref<> value = TRY(steal(PyNumber_Index(PyTuple_GET_ITEM(integers, i))));
    result = TRY(steal(int_gcd(result, value)));
  }
  return result.release();
}
METHOD(math, gcd, "($module, /, *integers)", "Greatest Common Divisor.");
PyObject* math_lcm(PyObject*, PyObject* integers) {
  Ref<> result = steal(int_small(1));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(integers); ++i) {
    Ref<> value = TRY(steal(PyNumber_Index(PyTuple_GET_ITEM(integers, i))));
    if (int_is_zero(value) || int_is_zero(result)) {
      result = steal(int_small(0));
      continue;
    }
    Ref<> divisor = TRY(steal(int_gcd(result, value)));
    result = TRY(steal(int_floor_divide(result, divisor)));
    result = TRY(steal(int_multiply(result, value)));
    result = TRY(steal(int_absolute(result)));
  }
  return result.release();
}
METHOD(math, lcm, "($module, /, *integers)", "Least Common Multiple.");
PyObject* math_isqrt(PyObject*, PyObject* n) {
  Ref<> value = TRY(steal(PyNumber_Index(n)));
  if (int_is_negative(value)) return raise(PyExc_ValueError, "isqrt() argument must be nonnegative");
  return int_square_root(value);
}
METHOD(math, isqrt, "($module, n, /)", "Return the integer part of the square root of the input.");
PyObject* factorial(PyObject* value) {
  if (int_is_negative(value)) return raise(PyExc_ValueError, "factorial() not defined for negative values");
  int64_t n;
  if (!int_fits_int64(value, &n)) return raise(PyExc_OverflowError, "factorial() argument should not exceed %ld", LONG_MAX);
  if (n <= 20) {
    int64_t result = 1;
    for (int64_t i = 2; i <= n; ++i) result *= i;
    return int_from_int64(result);
  }
  if (n > int64_t{1} << 33) return PyErr_NoMemory();
  Mpz result;
  mpz_fac_ui(result.get(), static_cast<unsigned long>(n));
  return result.to_int();
}
PyObject* math_factorial(PyObject*, PyObject* n) {
  Ref<> value = TRY(steal(PyNumber_Index(n)));
  return factorial(value);
}
METHOD(math, factorial, "($module, n, /)", "Find n!.");
// n * (n-1) * ... * (n-k+1), by halves so that factors stay alike in size.
Ref<> falling_product(PyObject* n, int64_t first, int64_t count) {
  if (count == 1) {
    Ref<> offset = TRY(steal(int_from_int64(first)));
    return steal(int_subtract(n, offset));
  }
  Ref<> left = TRY(falling_product(n, first, count / 2));
  Ref<> right = TRY(falling_product(n, first + count / 2, count - count / 2));
  return steal(int_multiply(left, right));
}
PyObject* math_perm(PyObject*, PyObject* n, PyObject* k) {
  Ref<> total = TRY(steal(PyNumber_Index(n)));
  if (!k || k == Py_None) return factorial(total);
  Ref<> chosen = TRY(steal(PyNumber_Index(k)));
  if (int_is_negative(total)) return raise(PyExc_ValueError, "n must be a non-negative integer");
  if (int_is_negative(chosen)) return raise(PyExc_ValueError, "k must be a non-negative integer");
  if (int_compare(total, chosen) < 0) return int_small(0);
  int64_t count;
  if (!int_fits_int64(chosen, &count)) return raise(PyExc_OverflowError, "k must not exceed %lld", LLONG_MAX);
  if (count == 0) return int_small(1);
  return falling_product(total, 0, count).release();
}
METHOD(math, perm, "($module, n, k=None, /)",
       "Number of ways to choose k items from n items without repetition and with order.\n\nEvaluates to n! / (n - k)! when k <= n and evaluates\nto zero when k > n.\n\n"
       "If k is not specified or is None, then k defaults to n\nand the function returns n!.\n\nRaises TypeError if either of the arguments are not integers.\n"
       "Raises ValueError if either of the arguments are negative.");
PyObject* math_comb(PyObject*, PyObject* n, PyObject* k) {
  Ref<> total = TRY(steal(PyNumber_Index(n))), chosen = TRY(steal(PyNumber_Index(k)));
  if (int_is_negative(total)) return raise(PyExc_ValueError, "n must be a non-negative integer");
  if (int_is_negative(chosen)) return raise(PyExc_ValueError, "k must be a non-negative integer");
  if (int_compare(total, chosen) < 0) return int_small(0);
  Ref<> rest = TRY(steal(int_subtract(total, chosen)));
  if (int_compare(rest, chosen) < 0) chosen = std::move(rest);
  int64_t count;
  if (!int_fits_int64(chosen, &count)) return raise(PyExc_OverflowError, "min(n - k, k) must not exceed %lld", LLONG_MAX);
  if (count == 0) return int_small(1);
  if (count == 1) return total.release();
  Mpz result(total);
  mpz_bin_ui(result.get(), result.get(), static_cast<unsigned long>(count));
  return result.to_int();
}
METHOD(math, comb, "($module, n, k, /)",
       "Number of ways to choose k items from n items without repetition and without order.\n\nEvaluates to n! / (k! * (n - k)!) when k <= n and evaluates\nto zero when k > n.\n\n"
       "Also called the binomial coefficient because it is equivalent\nto the coefficient of k-th term in polynomial expansion of the\nexpression (1 + x)**n.\n\n"
       "Raises TypeError if either of the arguments are not integers.\nRaises ValueError if either of the arguments are negative.");

PyMethodDef methods[] = {
    math_acos_method, math_acosh_method, math_asin_method, math_asinh_method, math_atan_method, math_atan2_method, math_atanh_method,
    math_cbrt_method, math_ceil_method, math_copysign_method, math_cos_method, math_cosh_method, math_degrees_method, math_dist_method,
    math_erf_method, math_erfc_method, math_exp_method, math_exp2_method, math_expm1_method, math_fabs_method, math_factorial_method,
    math_floor_method, math_fma_method, math_fmod_method, math_frexp_method, math_fsum_method, math_gamma_method, math_gcd_method,
    math_hypot_method, math_isclose_method, math_isfinite_method, math_isinf_method, math_isnan_method, math_isqrt_method, math_lcm_method,
    math_ldexp_method, math_lgamma_method, log_definition, math_log1p_method, math_log10_method, math_log2_method, math_modf_method,
    math_pow_method, math_radians_method, math_remainder_method, math_sin_method, math_sinh_method, math_sqrt_method, math_tan_method,
    math_tanh_method, math_sumprod_method, math_trunc_method, math_prod_method, math_perm_method, math_comb_method, math_nextafter_method,
    math_ulp_method, {}};

int exec(PyObject* module) {
  const std::pair<const char*, double> constants[] = {
      {"pi", Py_MATH_PI}, {"e", Py_MATH_E}, {"tau", Py_MATH_TAU}, {"inf", Py_INFINITY}, {"nan", std::fabs(Py_NAN)}};
  for (const auto& [name, value] : constants)
    if (PyModule_Add(module, name, float_new(value)) < 0) return -1;
  return 0;
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "math",
                      .m_doc = "This module provides access to the mathematical functions\ndefined by the C standard.",
                      .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_math(void) { return PyModuleDef_Init(&ks::module); }
