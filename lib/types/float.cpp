// float: a boxed C double. Objects come from a free list of the interpreter.
#include "types/float.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cfloat>
#include <cmath>
#include <limits>

#include "object/export.h"
#include "object/method.h"
#include "runtime/state.h"
#include "text/format_spec.h"
#include "types/int.h"

KS_EXPORT Py_hash_t _Py_HashDouble(PyObject* instance, double value);

namespace ks {

static constexpr int kFreeFloatLimit = 256;

PyObject* float_new(double value) {
  NumberTypesState& state = interpreter()->numbers;
  PyObject* o = state.free_floats;
  if (o) {
    state.free_floats = reinterpret_cast<PyObject*>(o->ob_type);
    --state.free_float_count;
    o->ob_type = &PyFloat_Type;
    o->ob_refcnt_full = 1;
  } else {
    o = static_cast<PyObject*>(PyObject_Malloc(sizeof(PyFloatObject)));
    if (!o) return PyErr_NoMemory();
    PyObject_Init(o, &PyFloat_Type);
  }
  as<PyFloatObject>(o)->ob_fval = value;
  return o;
}
void float_free(PyObject* o) {
  NumberTypesState& state = interpreter()->numbers;
  if (state.free_float_count >= kFreeFloatLimit) {
    PyObject_Free(o);
    return;
  }
  o->ob_type = reinterpret_cast<PyTypeObject*>(state.free_floats);
  state.free_floats = o;
  ++state.free_float_count;
}
static void float_dealloc(PyObject* o) {
  if (PyFloat_CheckExact(o)) float_free(o);
  else Py_TYPE(o)->tp_free(o);
}

// ---- operands --------------------------------------------------------------------------------------------------------

enum class Operand { Number, Other, Error };
static inline Operand read_operand(PyObject* o, double* value) {
  if (PyFloat_Check(o)) {
    *value = float_value(o);
    return Operand::Number;
  }
  if (!PyLong_Check(o)) return Operand::Other;
  *value = PyLong_AsDouble(o);
  return *value == -1.0 && PyErr_Occurred() ? Operand::Error : Operand::Number;
}
template <class Operation>
static inline PyObject* binary(PyObject* a, PyObject* b, Operation operation) {
  double x, y;
  for (auto [o, value] : {std::pair{a, &x}, std::pair{b, &y}}) {
    const Operand kind = read_operand(o, value);
    if (kind == Operand::Error) return nullptr;
    if (kind == Operand::Other) Py_RETURN_NOTIMPLEMENTED;
  }
  return operation(x, y);
}

double float_floor_modulo(double a, double b, double* floor_quotient) {
  double modulus = std::fmod(a, b);
  double quotient = (a - modulus) / b;
  if (modulus != 0.0) {
    if ((b < 0) != (modulus < 0)) {
      modulus += b;
      quotient -= 1.0;
    }
  } else {
    modulus = std::copysign(0.0, b);
  }
  if (quotient != 0.0) {
    double whole = std::floor(quotient);
    if (quotient - whole > 0.5) whole += 1.0;
    quotient = whole;
  } else {
    quotient = std::copysign(0.0, a / b);
  }
  *floor_quotient = quotient;
  return modulus;
}
static Failed raise_zero_division() { return raise(PyExc_ZeroDivisionError, "division by zero"); }

// a ** b as C's pow with Python's exceptions; complex results come from complex.
static PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) return raise(PyExc_TypeError, "pow() 3rd argument not allowed unless all arguments are integers");
  return binary(a, b, [&](double x, double y) -> PyObject* {
    if (y == 0.0 || x == 1.0) return float_new(1.0);
    if (x == 0.0 && y < 0.0 && std::isfinite(y)) return raise(PyExc_ZeroDivisionError, "zero to a negative power");
    if (x < 0.0 && std::isfinite(x) && std::isfinite(y) && y != std::floor(y)) {
      Ref<> base = TRY(steal(float_new(x))), exponent = TRY(steal(float_new(y)));
      return PyComplex_Type.tp_as_number->nb_power(base, exponent, Py_None);
    }
    const double result = std::pow(x, y);
    if (std::isinf(result) && std::isfinite(x) && std::isfinite(y)) {
      errno = ERANGE;
      return PyErr_SetFromErrno(PyExc_OverflowError);
    }
    return float_new(result);
  });
}

namespace {
PyObject* add(PyObject* a, PyObject* b) {
  return binary(a, b, [](double x, double y) { return float_new(x + y); });
}
PyObject* subtract(PyObject* a, PyObject* b) {
  return binary(a, b, [](double x, double y) { return float_new(x - y); });
}
PyObject* multiply(PyObject* a, PyObject* b) {
  return binary(a, b, [](double x, double y) { return float_new(x * y); });
}
PyObject* divide(PyObject* a, PyObject* b) {
  return binary(a, b, [](double x, double y) -> PyObject* { return y == 0.0 ? raise_zero_division() : float_new(x / y); });
}
PyObject* remainder(PyObject* a, PyObject* b) {
  return binary(a, b, [](double x, double y) -> PyObject* {
    if (y == 0.0) return raise_zero_division();
    double modulus = std::fmod(x, y);
    if (modulus != 0.0) {
      if ((y < 0) != (modulus < 0)) modulus += y;
    } else {
      modulus = std::copysign(0.0, y);
    }
    return float_new(modulus);
  });
}
PyObject* floor_divide(PyObject* a, PyObject* b) {
  return binary(a, b, [](double x, double y) -> PyObject* {
    if (y == 0.0) return raise_zero_division();
    double quotient;
    float_floor_modulo(x, y, &quotient);
    return float_new(quotient);
  });
}
PyObject* divide_with_remainder(PyObject* a, PyObject* b) {
  return binary(a, b, [](double x, double y) -> PyObject* {
    if (y == 0.0) return raise_zero_division();
    double quotient;
    const double modulus = float_floor_modulo(x, y, &quotient);
    return Py_BuildValue("(dd)", quotient, modulus);
  });
}
PyObject* negate(PyObject* o) { return float_new(-float_value(o)); }
PyObject* absolute(PyObject* o) { return float_new(std::fabs(float_value(o))); }
PyObject* exact(PyObject* o) { return PyFloat_CheckExact(o) ? Py_NewRef(o) : float_new(float_value(o)); }
int is_true(PyObject* o) { return float_value(o) != 0.0; }
PyObject* to_int(PyObject* o) { return PyLong_FromDouble(float_value(o)); }
PyObject* repr(PyObject* o) {
  char text[kFloatTextSize];
  const int length = float_write_repr(float_value(o), text);
  PyObject* result = TRY(PyUnicode_New(length, 127));
  memcpy(PyUnicode_1BYTE_DATA(result), text, static_cast<size_t>(length));
  return result;
}
}  // namespace

int float_compare_int(double a, PyObject* b) {
  int64_t value;
  if (int_fits_int64(b, &value) && value >= -(int64_t{1} << 53) && value <= int64_t{1} << 53) {
    const double y = static_cast<double>(value);
    return (a > y) - (a < y);
  }
  if (std::isinf(a)) return a > 0 ? 1 : -1;
  const int sign_a = (a > 0) - (a < 0), sign_b = int_sign(b);
  if (sign_a != sign_b) return sign_a < sign_b ? -1 : 1;
  // Same sign, b is beyond 2**53: compare sizes, then integral parts exactly; a of that size has no fraction.
  int exponent;
  std::frexp(a, &exponent);
  const int64_t bits = int_bit_length(b);
  if (exponent != bits) return (exponent < bits) == (sign_a > 0) ? -1 : 1;
  uint64_t mantissa = static_cast<uint64_t>(std::ldexp(std::frexp(std::fabs(a), &exponent), 53));
  const digit* digits = int_digits(b);
  // Walk b's bits from the top, 53 against the mantissa, then any more make b larger.
  int order = 0;
  int64_t missing = 53;
  Py_ssize_t i = int_digit_count(b);
  int width = static_cast<int>((bits - 1) % PyLong_SHIFT) + 1;
  uint64_t top = 0;
  bool more = false;
  while (i > 0) {
    const digit d = digits[--i];
    if (missing >= width) {
      top = (top << width) | d;
      missing -= width;
    } else {
      const int rest = width - static_cast<int>(missing);
      if (missing > 0) top = (top << missing) | (d >> rest);
      missing = 0;
      more |= (d & ((uint64_t{1} << rest) - 1)) != 0;
    }
    width = PyLong_SHIFT;
  }
  mantissa >>= 0;
  top <<= missing;
  order = mantissa != top ? (mantissa < top ? -1 : 1) : more ? -1 : 0;
  return sign_a > 0 ? order : -order;
}

static PyObject* compare(PyObject* a, PyObject* b, int operation) {
  if (!PyFloat_Check(a)) Py_RETURN_NOTIMPLEMENTED;
  const double x = float_value(a);
  double y = 0.0;
  if (PyFloat_Check(b)) {
    y = float_value(b);
  } else if (PyLong_Check(b)) {
    if (!std::isnan(x)) {
      const int order = float_compare_int(x, b);
      Py_RETURN_RICHCOMPARE(order, 0, operation);
    }
  } else {
    Py_RETURN_NOTIMPLEMENTED;
  }
  Py_RETURN_RICHCOMPARE(x, y, operation);
}

Py_hash_t float_hash(PyObject* o) { return _Py_HashDouble(o, float_value(o)); }

// ---- rounding --------------------------------------------------------------------------------------------------------

// Half even at `digits` decimal places, exactly.
static PyObject* round_to(double x, Py_ssize_t digits) {
  if (!std::isfinite(x) || x == 0.0 || digits > 323) return float_new(x);
  if (digits < -308) return float_new(0.0 * x);
  double result;
  char text[1200];
  if (digits >= 0) {
    char* end = std::to_chars(text, text + sizeof(text), x, std::chars_format::fixed, static_cast<int>(digits)).ptr;
    const char* stop;
    result = float_parse(text, end, &stop);
  } else {
    // Exact digits; keep `keep` of them.
    char* end = std::to_chars(text, text + sizeof(text), std::fabs(x), std::chars_format::scientific, 770).ptr;
    int exponent = 0;
    std::from_chars(std::find(text, end, 'e') + 2, end, exponent);
    if (*(std::find(text, end, 'e') + 1) == '-') exponent = -exponent;
    const int keep = exponent + 1 + static_cast<int>(digits);
    if (keep < 0) return float_new(std::copysign(0.0, x));
    if (keep == 0) {
      const char* e = std::find(text, end, 'e');
      const bool up = text[0] > '5' || (text[0] == '5' && std::any_of(text + 2, const_cast<char*>(e), [](char c) { return c != '0'; }));
      result = 0.0;
      if (up) {
        char one[16];
        const char* stop;
        const int length = snprintf(one, sizeof(one), "1e%d", exponent + 1);
        result = float_parse(one, one + length, &stop);
      }
    } else {
      end = std::to_chars(text, text + sizeof(text), std::fabs(x), std::chars_format::scientific, keep - 1).ptr;
      const char* stop;
      result = float_parse(text, end, &stop);
    }
    result = std::copysign(result, x);
  }
  if (std::isinf(result)) return raise(PyExc_OverflowError, "rounded value too large to represent");
  return float_new(result);
}
static PyObject* round_method(PyObject* self, PyObject* ndigits) {
  const double x = float_value(self);
  if (!ndigits || ndigits == Py_None) {
    double rounded = std::round(x);
    if (std::fabs(x - rounded) == 0.5) rounded = 2.0 * std::round(x / 2.0);
    return PyLong_FromDouble(rounded);
  }
  const Py_ssize_t digits = PyNumber_AsSsize_t(ndigits, nullptr);
  if (digits == -1 && PyErr_Occurred()) return nullptr;
  return round_to(x, digits);
}

// ---- methods ---------------------------------------------------------------------------------------------------------

namespace {

PyObject* float_conjugate(PyObject* self) { return exact(self); }
METHOD(float, conjugate, "($self, /)", "The number itself: a float is its own complex conjugate.");
METHOD_AS(to_int, "__trunc__", 0, "($self, /)", "The integral part, rounded towards zero.");
PyObject* float_floor(PyObject* self) { return PyLong_FromDouble(std::floor(float_value(self))); }
METHOD_AS(float_floor, "__floor__", 0, "($self, /)", "The largest int that is not greater.");
PyObject* float_ceil(PyObject* self) { return PyLong_FromDouble(std::ceil(float_value(self))); }
METHOD_AS(float_ceil, "__ceil__", 0, "($self, /)", "The smallest int that is not less.");
METHOD_AS(round_method, "__round__", 0, "($self, ndigits=None, /)",
          "Round to the nearest int, or to ndigits decimal places; ties go to the even digit. ndigits may be negative.");
bool float_is_integer(PyObject* self) { return std::isfinite(float_value(self)) && std::floor(float_value(self)) == float_value(self); }
METHOD(float, is_integer, "($self, /)", "Whether the float is an integer.");
PyObject* float_as_integer_ratio(PyObject* self) {
  const double x = float_value(self);
  if (std::isinf(x)) return raise(PyExc_OverflowError, "cannot convert Infinity to integer ratio");
  if (std::isnan(x)) return raise(PyExc_ValueError, "cannot convert NaN to integer ratio");
  int exponent;
  double fraction = std::frexp(x, &exponent);
  for (int i = 0; i < 300 && fraction != std::floor(fraction); ++i) {
    fraction *= 2.0;
    --exponent;
  }
  Ref<> numerator = TRY(steal(PyLong_FromDouble(fraction))), denominator = steal(int_small(1));
  if (exponent > 0) numerator = TRY(steal(int_shift_left_by(numerator, exponent)));
  else denominator = TRY(steal(int_shift_left_by(denominator, -exponent)));
  return PyTuple_Pack(2, numerator.get(), denominator.get());
}
METHOD(float, as_integer_ratio, "($self, /)",
       "A pair of ints whose ratio is exactly equal to the float, in lowest terms and with a positive denominator.\n\n"
       "OverflowError for infinities, ValueError for NaNs.\n\n>>> (10.0).as_integer_ratio()\n(10, 1)");
PyObject* float_hex(PyObject* self) {
  const double x = float_value(self);
  if (!std::isfinite(x)) return repr(self);
  const char* sign = std::signbit(x) ? "-" : "";
  if (x == 0.0) return PyUnicode_FromFormat("%s0x0.0p+0", sign);
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const uint64_t mantissa = bits & ((uint64_t{1} << 52) - 1);
  const int raw = static_cast<int>((bits >> 52) & 0x7ff);
  const int exponent = raw ? raw - 1023 : -1022;
  char digits[14];
  for (int i = 0; i < 13; ++i) digits[i] = "0123456789abcdef"[(mantissa >> (4 * (12 - i))) & 15];
  digits[13] = 0;
  return PyUnicode_FromFormat("%s0x%d.%sp%c%d", sign, raw ? 1 : 0, digits, exponent < 0 ? '-' : '+', std::abs(exponent));
}
METHOD(float, hex, "($self, /)",
       "Hexadecimal text of the float.\n\n>>> (-0.1).hex()\n'-0x1.999999999999ap-4'\n>>> 3.14159.hex()\n'0x1.921f9f01b866ep+1'");

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
// mantissa * 2**exponent (with a sticky bit below) to the nearest double; infinity on overflow.
double scale(uint64_t mantissa, int64_t exponent, bool sticky) {
  if (!mantissa) return 0.0;
  const int zeros = std::countl_zero(mantissa);
  mantissa <<= zeros;
  exponent -= zeros;
  const int64_t top = exponent + 64;  // value < 2**top
  if (top > DBL_MAX_EXP) return std::numeric_limits<double>::infinity();
  int drop = 11;
  if (top < DBL_MIN_EXP) drop += static_cast<int>(std::min<int64_t>(DBL_MIN_EXP - top, 60));
  if (drop > 64) return 0.0;
  uint64_t kept = drop == 64 ? 0 : mantissa >> drop;
  const uint64_t half = uint64_t{1} << (drop - 1);
  const uint64_t low = drop == 64 ? mantissa : mantissa & ((uint64_t{1} << drop) - 1);
  if (low > half || (low == half && (sticky || (kept & 1)))) ++kept;
  return std::ldexp(static_cast<double>(kept), static_cast<int>(exponent + drop));
}
PyObject* float_fromhex(PyObject* type, PyObject* string) {
  Py_ssize_t size;
  const char* text = PyUnicode_AsUTF8AndSize(string, &size);
  if (!text) return nullptr;
  const char *p = text, *limit = text + size;
  auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  auto malformed = [] { return raise(PyExc_ValueError, "invalid hexadecimal floating-point string"); };
  while (p < limit && is_space(*p)) ++p;
  while (limit > p && is_space(limit[-1])) --limit;
  double x = 0.0;
  const char* after;
  const char first = p < limit ? static_cast<char>(p[(*p == '-' || *p == '+') && p + 1 < limit ? 1 : 0] | 0x20) : 0;
  if (first == 'i' || first == 'n') {
    x = float_parse(p, limit, &after);
    if (after == p) return malformed();
    p = after;
  } else {
    bool negative = false;
    if (p < limit && (*p == '-' || *p == '+')) negative = *p++ == '-';
    if (limit - p > 1 && *p == '0' && (p[1] | 0x20) == 'x') p += 2;
    uint64_t mantissa = 0;
    int64_t exponent = 0;
    bool sticky = false, any = false, point = false;
    for (; p < limit; ++p) {
      if (*p == '.' && !point) {
        point = true;
        continue;
      }
      const int value = hex_value(*p);
      if (value < 0) break;
      any = true;
      if (mantissa >> 60) {
        sticky |= value != 0;
        if (!point) exponent += 4;
      } else {
        mantissa = (mantissa << 4) | static_cast<uint64_t>(value);
        if (point) exponent -= 4;
      }
    }
    if (!any) return malformed();
    if (p < limit && (*p | 0x20) == 'p') {
      ++p;
      bool exponent_negative = false;
      if (p < limit && (*p == '-' || *p == '+')) exponent_negative = *p++ == '-';
      if (p == limit || *p < '0' || *p > '9') return malformed();
      int64_t value = 0;
      for (; p < limit && *p >= '0' && *p <= '9'; ++p)
        if (value < (int64_t{1} << 50)) value = value * 10 + (*p - '0');
      exponent += exponent_negative ? -value : value;
    }
    x = scale(mantissa, exponent, sticky);
    if (p == limit && std::isinf(x)) return raise(PyExc_OverflowError, "hexadecimal value too large to represent as a float");
    if (negative) x = -x;
  }
  if (p != limit) return malformed();
  Ref<> value = TRY(steal(float_new(x)));
  return type == object(&PyFloat_Type) ? value.release() : PyObject_CallOneArg(type, value);
}
CLASS_METHOD(float, fromhex, "($type, string, /)",
             "The float that a hexadecimal text denotes.\n\n>>> float.fromhex('0x1.ffffp10')\n2047.984375\n>>> float.fromhex('-0x1p-1074')\n-5e-324");
PyObject* float_from_number(PyObject* type, PyObject* number) {
  if (PyFloat_CheckExact(number) && type == object(&PyFloat_Type)) return Py_NewRef(number);
  const double x = PyFloat_AsDouble(number);
  if (x == -1.0 && PyErr_Occurred()) return nullptr;
  Ref<> value = TRY(steal(float_new(x)));
  return type == object(&PyFloat_Type) ? value.release() : PyObject_CallOneArg(type, value);
}
CLASS_METHOD(float, from_number, "($type, number, /)", "Convert a real number to a float.");
PyObject* get_format(PyObject*, StrArgument kind) {
  if (PyUnicode_EqualToUTF8(kind, "double") || PyUnicode_EqualToUTF8(kind, "float")) return PyUnicode_FromString("IEEE, little-endian");
  return raise(PyExc_ValueError, "__getformat__() argument 1 must be 'double' or 'float'");
}
METHOD_AS(get_format, "__getformat__", METH_CLASS, "($type, typestr, /)",
          "How C doubles or floats are represented ('double' or 'float'); for the test suite.");
PyObject* get_new_arguments(PyObject* self) { return Py_BuildValue("(d)", float_value(self)); }
METHOD_AS(get_new_arguments, "__getnewargs__", 0, "($self, /)", "");
PyObject* format_method(PyObject* self, StrArgument spec) { return format_float(self, spec); }
METHOD_AS(format_method, "__format__", 0, "($self, format_spec, /)", "Format the float according to format_spec.");

PyMethodDef methods[] = {float_from_number_method, float_conjugate_method, to_int_method, float_floor_method, float_ceil_method,
                         round_method_method, float_as_integer_ratio_method, float_fromhex_method, float_hex_method,
                         float_is_integer_method, get_new_arguments_method, get_format_method, format_method_method, {}};
PyObject* get_exact(PyObject* self, void*) { return exact(self); }
PyObject* get_zero(PyObject*, void*) { return float_new(0.0); }
PyGetSetDef properties[] = {{"real", get_exact, nullptr, "the real part of a complex number", nullptr},
                            {"imag", get_zero, nullptr, "the imaginary part of a complex number", nullptr},
                            {}};

PyObject* construct(PyTypeObject* type, PyObject* x) {
  Ref<> value = steal(!x ? float_new(0.0) : PyUnicode_CheckExact(x) ? PyFloat_FromString(x) : PyNumber_Float(x));
  if (!value || type == &PyFloat_Type) return value.release();
  PyObject* result = TRY(type->tp_alloc(type, 0));
  as<PyFloatObject>(result)->ob_fval = float_value(value);
  return result;
}
PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  // A subclass with an __init__ of its own may take keywords.
  if (kwargs && PyDict_GET_SIZE(kwargs) && (type == &PyFloat_Type || type->tp_init == PyFloat_Type.tp_init))
    return raise(PyExc_TypeError, "float() takes no keyword arguments");
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count > 1) return raise(PyExc_TypeError, "float expected at most 1 argument, got %zd", count);
  return construct(type, count ? PyTuple_GET_ITEM(args, 0) : nullptr);
}
PyObject* vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "float() takes no keyword arguments");
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (count > 1) return raise(PyExc_TypeError, "float expected at most 1 argument, got %zd", count);
  return construct(reinterpret_cast<PyTypeObject*>(type), count ? args[0] : nullptr);
}

PyNumberMethods number_slots = {.nb_add = add, .nb_subtract = subtract, .nb_multiply = multiply, .nb_remainder = remainder,
                                .nb_divmod = divide_with_remainder, .nb_power = power, .nb_negative = negate, .nb_positive = exact,
                                .nb_absolute = absolute, .nb_bool = is_true, .nb_int = to_int, .nb_float = exact,
                                .nb_floor_divide = floor_divide, .nb_true_divide = divide};

PyStructSequence_Field float_info_fields[] = {
    {"max", "DBL_MAX: largest finite float"},
    {"max_exp", "DBL_MAX_EXP: 2**(max_exp-1) is representable"},
    {"max_10_exp", "DBL_MAX_10_EXP: 10**max_10_exp is representable"},
    {"min", "DBL_MIN: smallest positive normal float"},
    {"min_exp", "DBL_MIN_EXP: 2**(min_exp-1) is a normal float"},
    {"min_10_exp", "DBL_MIN_10_EXP: 10**min_10_exp is a normal float"},
    {"dig", "DBL_DIG: decimal digits that survive a float"},
    {"mant_dig", "DBL_MANT_DIG: binary digits of the significand"},
    {"epsilon", "DBL_EPSILON: distance from 1 to the next float"},
    {"radix", "FLT_RADIX: base of the exponent"},
    {"rounds", "FLT_ROUNDS: how additions are rounded"},
    {nullptr, nullptr}};
PyStructSequence_Desc float_info_description = {"sys.float_info", "Limits and precision of float, as C's float.h names them.", float_info_fields, 11};

}  // namespace

PyObject* float_info() {
  NumberTypesState& state = interpreter()->numbers;
  if (!state.float_info_type) state.float_info_type = PyStructSequence_NewType(&float_info_description);
  if (!state.float_info_type) return nullptr;
  Ref<> info = TRY(steal(PyStructSequence_New(state.float_info_type)));
  const auto set_float = [&](int i, double value) { PyStructSequence_SetItem(info, i, float_new(value)); };
  const auto set_int = [&](int i, long value) { PyStructSequence_SetItem(info, i, int_from_int64(value)); };
  set_float(0, DBL_MAX);
  set_int(1, DBL_MAX_EXP);
  set_int(2, DBL_MAX_10_EXP);
  set_float(3, DBL_MIN);
  set_int(4, DBL_MIN_EXP);
  set_int(5, DBL_MIN_10_EXP);
  set_int(6, DBL_DIG);
  set_int(7, DBL_MANT_DIG);
  set_float(8, DBL_EPSILON);
  set_int(9, FLT_RADIX);
  set_int(10, 1);
  return PyErr_Occurred() ? nullptr : info.release();
}

}  // namespace ks

using namespace ks;

// The hash of a number that equals `value`: value modulo 2**61 - 1. NaN hashes by the identity of `instance`.
KS_EXPORT Py_hash_t _Py_HashDouble(PyObject* instance, double value) {
  if (!std::isfinite(value)) return std::isinf(value) ? (value > 0 ? 314159 : -314159) : PyObject_GenericHash(instance);
  int exponent;
  const double fraction = std::frexp(std::fabs(value), &exponent);
  const uint64_t mantissa = static_cast<uint64_t>(std::ldexp(fraction, 53));
  int shift = (exponent - 53) % 61;
  if (shift < 0) shift += 61;
  constexpr uint64_t kModulus = (uint64_t{1} << 61) - 1;
  uint64_t x = ((mantissa << shift) & kModulus) | (shift ? mantissa >> (61 - shift) : 0);
  if (x >= kModulus) x -= kModulus;
  const Py_hash_t hash = value < 0 ? -static_cast<Py_hash_t>(x) : static_cast<Py_hash_t>(x);
  return hash == -1 ? -2 : hash;
}
// New; NULL with MemoryError.
PyObject* PyFloat_FromDouble(double value) { return float_new(value); }
KS_EXPORT void _PyFloat_ExactDealloc(PyObject* o) { float_free(o); }
// The value, through __float__ or __index__ where needed; -1.0 with an exception.
double PyFloat_AsDouble(PyObject* o) {
  if (!o) {
    PyErr_BadArgument();
    return -1.0;
  }
  if (PyFloat_Check(o)) return float_value(o);
  const PyNumberMethods* number = Py_TYPE(o)->tp_as_number;
  if (!number || !number->nb_float) {
    if (number && number->nb_index) {
      Ref<> index = steal(PyNumber_Index(o));
      return index ? PyLong_AsDouble(index) : -1.0;
    }
    (void)raise(PyExc_TypeError, "must be real number, not %.50s", Py_TYPE(o)->tp_name);
    return -1.0;
  }
  Ref<> result = steal(number->nb_float(o));
  if (!result) return -1.0;
  if (!PyFloat_CheckExact(result)) {
    if (!PyFloat_Check(result)) {
      (void)raise(PyExc_TypeError, "%.50s.__float__() must return a float, not %.50s", Py_TYPE(o)->tp_name, Py_TYPE(result)->tp_name);
      return -1.0;
    }
    if (PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                         "%.50s.__float__() must return a float, not %.50s.  The ability to return an instance of a strict subclass of "
                         "float is deprecated, and may not be allowed in a future version of Python.",
                         Py_TYPE(o)->tp_name, Py_TYPE(result)->tp_name) < 0)
      return -1.0;
  }
  return float_value(result);
}
// sys.float_info. New; NULL on error.
PyObject* PyFloat_GetInfo(void) { return float_info(); }
double PyFloat_GetMax(void) { return DBL_MAX; }
double PyFloat_GetMin(void) { return DBL_MIN; }

// ---- IEEE 754 bytes: 0, or -1 with OverflowError -----------------------------------------------------------------------------
template <class Word>
static void store(Word word, char* out, int little) {
  for (size_t i = 0; i < sizeof(Word); ++i) out[little ? i : sizeof(Word) - 1 - i] = static_cast<char>(word >> (8 * i));
}
template <class Word>
static Word load(const char* in, int little) {
  Word word = 0;
  for (size_t i = 0; i < sizeof(Word); ++i)
    word = static_cast<Word>(word | static_cast<Word>(static_cast<Word>(static_cast<unsigned char>(in[little ? i : sizeof(Word) - 1 - i])) << (8 * i)));
  return word;
}
int PyFloat_Pack8(double value, char* out, int little) {
  store(std::bit_cast<uint64_t>(value), out, little);
  return 0;
}
double PyFloat_Unpack8(const char* in, int little) { return std::bit_cast<double>(load<uint64_t>(in, little)); }
int PyFloat_Pack4(double value, char* out, int little) {
  uint32_t word;
  if (std::isnan(value)) {
    // The payload's upper bits stay, and a signalling NaN stays one.
    const uint64_t bits = std::bit_cast<uint64_t>(value);
    word = static_cast<uint32_t>((bits >> 63) << 31) | 0x7f800000u | static_cast<uint32_t>((bits >> 29) & 0x7fffff);
    if (!(word & 0x7fffff)) word |= 1;
  } else {
    const float narrow = static_cast<float>(value);
    if (std::isinf(narrow) && !std::isinf(value)) return raise(PyExc_OverflowError, "float too large to pack with f format");
    word = std::bit_cast<uint32_t>(narrow);
  }
  store(word, out, little);
  return 0;
}
double PyFloat_Unpack4(const char* in, int little) {
  const uint32_t word = load<uint32_t>(in, little);
  if ((word & 0x7f800000u) == 0x7f800000u && (word & 0x7fffffu))
    return std::bit_cast<double>((static_cast<uint64_t>(word >> 31) << 63) | 0x7ff0000000000000u | (static_cast<uint64_t>(word & 0x7fffff) << 29));
  return std::bit_cast<float>(word);
}
int PyFloat_Pack2(double value, char* out, int little) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 63) << 15);
  uint16_t word;
  if (std::isnan(value)) {
    word = static_cast<uint16_t>(sign | 0x7c00 | ((bits >> 42) & 0x3ff));
    if (!(word & 0x3ff)) word |= 1;
  } else if (std::isinf(value)) {
    word = sign | 0x7c00;
  } else {
    // Scaled so that the result is an integer: 11 bits, fewer when subnormal.
    int exponent;
    std::frexp(value, &exponent);
    exponent = std::max(exponent, -13);
    double scaled = std::nearbyint(std::ldexp(std::fabs(value), 11 - exponent));
    if (scaled >= 2048.0) scaled /= 2, ++exponent;
    if (value != 0.0 && exponent > 16) return raise(PyExc_OverflowError, "float too large to pack with e format");
    const unsigned mantissa = static_cast<unsigned>(scaled);
    word = mantissa < 1024 ? static_cast<uint16_t>(sign | mantissa)
                           : static_cast<uint16_t>(sign | static_cast<unsigned>((exponent + 14) << 10) | (mantissa - 1024));
  }
  store(word, out, little);
  return 0;
}
double PyFloat_Unpack2(const char* in, int little) {
  const uint16_t word = load<uint16_t>(in, little);
  const uint64_t sign = static_cast<uint64_t>(word >> 15) << 63;
  const unsigned exponent = (word >> 10) & 31, mantissa = word & 0x3ff;
  if (exponent == 31) return std::bit_cast<double>(sign | 0x7ff0000000000000u | (static_cast<uint64_t>(mantissa) << 42));
  const double value = exponent ? std::ldexp(1024.0 + mantissa, static_cast<int>(exponent) - 25) : std::ldexp(static_cast<double>(mantissa), -24);
  return sign ? -value : value;
}

PyTypeObject PyFloat_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "float",
    .tp_basicsize = sizeof(PyFloatObject),
    .tp_dealloc = ks::float_dealloc,
    .tp_repr = ks::repr,
    .tp_as_number = &ks::number_slots,
    .tp_hash = ks::float_hash,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | _Py_TPFLAGS_MATCH_SELF,
    .tp_doc = "float(x=0, /)\n--\n\nConvert a string or number to a floating-point number, if possible.",
    .tp_richcompare = ks::compare,
    .tp_methods = ks::methods,
    .tp_getset = ks::properties,
    .tp_new = ks::new_slot,
    .tp_vectorcall = ks::vectorcall,
};
