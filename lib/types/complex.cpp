// complex: two doubles. Mixed arithmetic with reals never makes an imaginary zero out of a real operand, so that signs of zeros survive.
#include <cmath>

#include "object/type.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "runtime/state.h"
#include "text/format_spec.h"
#include "types/bytes.h"
#include "types/float.h"
#include "types/int.h"

KS_EXPORT Py_hash_t _Py_HashDouble(PyObject* instance, double value);

namespace ks {

static inline Py_complex value_of(PyObject* o) { return as<PyComplexObject>(o)->cval; }

// ---- arithmetic ------------------------------------------------------------------------------------------------------

static double box_infinity(double x) { return std::copysign(std::isinf(x) ? 1.0 : 0.0, x); }
static double unnan(double x) { return std::isnan(x) ? std::copysign(0.0, x) : x; }

// As C11 annex G: an infinity times something that is not zero is infinite.
static Py_complex product(Py_complex z, Py_complex w) {
  double a = z.real, b = z.imag, c = w.real, d = w.imag;
  const double ac = a * c, bd = b * d, ad = a * d, bc = b * c;
  Py_complex r = {ac - bd, ad + bc};
  if (!std::isnan(r.real) || !std::isnan(r.imag)) return r;
  bool again = false;
  if (std::isinf(a) || std::isinf(b)) a = box_infinity(a), b = box_infinity(b), c = unnan(c), d = unnan(d), again = true;
  if (std::isinf(c) || std::isinf(d)) c = box_infinity(c), d = box_infinity(d), a = unnan(a), b = unnan(b), again = true;
  if (!again && (std::isinf(ac) || std::isinf(bd) || std::isinf(ad) || std::isinf(bc)))
    a = unnan(a), b = unnan(b), c = unnan(c), d = unnan(d), again = true;
  if (again) r = {Py_INFINITY * (a * c - b * d), Py_INFINITY * (a * d + b * c)};
  return r;
}
// Smith's method; errno is EDOM for a zero divisor.
static Py_complex quotient(Py_complex a, Py_complex b) {
  Py_complex r;
  const double size_real = std::fabs(b.real), size_imag = std::fabs(b.imag);
  if (size_real >= size_imag) {
    if (size_real == 0.0) {
      errno = EDOM;
      return {0.0, 0.0};
    }
    const double ratio = b.imag / b.real, denominator = b.real + b.imag * ratio;
    r = {(a.real + a.imag * ratio) / denominator, (a.imag - a.real * ratio) / denominator};
  } else if (size_imag >= size_real) {
    const double ratio = b.real / b.imag, denominator = b.real * ratio + b.imag;
    r = {(a.real * ratio + a.imag) / denominator, (a.imag * ratio - a.real) / denominator};
  } else {
    r = {Py_NAN, Py_NAN};
  }
  if (std::isnan(r.real) && std::isnan(r.imag)) {
    if ((std::isinf(a.real) || std::isinf(a.imag)) && std::isfinite(b.real) && std::isfinite(b.imag)) {
      const double x = box_infinity(a.real), y = box_infinity(a.imag);
      r = {Py_INFINITY * (x * b.real + y * b.imag), Py_INFINITY * (y * b.real - x * b.imag)};
    } else if ((std::isinf(size_real) || std::isinf(size_imag)) && std::isfinite(a.real) && std::isfinite(a.imag)) {
      const double x = box_infinity(b.real), y = box_infinity(b.imag);
      r = {0.0 * (a.real * x + a.imag * y), 0.0 * (a.imag * x - a.real * y)};
    }
  }
  return r;
}
static Py_complex real_quotient(double a, Py_complex b) {
  Py_complex r;
  const double size_real = std::fabs(b.real), size_imag = std::fabs(b.imag);
  if (size_real >= size_imag) {
    if (size_real == 0.0) {
      errno = EDOM;
      return {0.0, 0.0};
    }
    const double ratio = b.imag / b.real, denominator = b.real + b.imag * ratio;
    r = {a / denominator, (-a * ratio) / denominator};
  } else if (size_imag >= size_real) {
    const double ratio = b.real / b.imag, denominator = b.real * ratio + b.imag;
    r = {(a * ratio) / denominator, (-a) / denominator};
  } else {
    r = {Py_NAN, Py_NAN};
  }
  if (std::isnan(r.real) && std::isnan(r.imag) && std::isfinite(a) && (std::isinf(size_real) || std::isinf(size_imag))) {
    const double x = box_infinity(b.real), y = box_infinity(b.imag);
    r = {0.0 * (a * x), 0.0 * (-a * y)};
  }
  return r;
}
// errno becomes ERANGE for an infinite result, and 0 where C reported an underflow.
static void adjust_range(Py_complex r) {
  if (std::isinf(r.real) || std::isinf(r.imag)) {
    if (errno == 0) errno = ERANGE;
  } else if (errno == ERANGE) {
    errno = 0;
  }
}
static Py_complex power(Py_complex a, Py_complex b) {
  if (b.real == 0.0 && b.imag == 0.0) return {1.0, 0.0};
  if (a.real == 0.0 && a.imag == 0.0) {
    if (b.imag != 0.0 || b.real < 0.0) errno = EDOM;
    return {0.0, 0.0};
  }
  const double size = std::hypot(a.real, a.imag);
  double length = std::pow(size, b.real);
  const double angle = std::atan2(a.imag, a.real);
  double phase = angle * b.real;
  if (b.imag != 0.0) {
    length *= std::exp(-angle * b.imag);
    phase += b.imag * std::log(size);
  }
  Py_complex r = {length * std::cos(phase), length * std::sin(phase)};
  adjust_range(r);
  return r;
}
static Py_complex power_integer(Py_complex x, long n) {
  const bool invert = n <= 0;
  if (invert) n = -n;
  Py_complex r = {1.0, 0.0}, p = x;
  for (long mask = 1; mask > 0 && n >= mask; mask <<= 1) {
    if (n & mask) r = product(r, p);
    p = product(p, p);
  }
  return invert ? quotient({1.0, 0.0}, r) : r;
}

static PyObject* make(Py_complex value) { return PyComplex_FromCComplex(value); }

namespace {

struct Operand {
  Py_complex value{};
  bool is_real = false;
};
// 1: a number, 0: something else, -1: error.
int read_operand(PyObject* o, Operand* out) {
  if (PyComplex_Check(o)) {
    out->value = value_of(o);
    return 1;
  }
  out->is_real = true;
  if (PyFloat_Check(o)) {
    out->value.real = float_value(o);
    return 1;
  }
  if (!PyLong_Check(o)) return 0;
  out->value.real = PyLong_AsDouble(o);
  return out->value.real == -1.0 && PyErr_Occurred() ? -1 : 1;
}
template <class Operation>
PyObject* binary(PyObject* a, PyObject* b, Operation operation) {
  Operand x, y;
  for (const int kind : {read_operand(a, &x), PyErr_Occurred() ? -1 : read_operand(b, &y)}) {
    if (kind < 0) return nullptr;
    if (kind == 0) Py_RETURN_NOTIMPLEMENTED;
  }
  return operation(x, y);
}
PyObject* add(PyObject* a, PyObject* b) {
  return binary(a, b, [](const Operand& x, const Operand& y) {
    return make({x.value.real + y.value.real, y.is_real ? x.value.imag : x.is_real ? y.value.imag : x.value.imag + y.value.imag});
  });
}
PyObject* subtract(PyObject* a, PyObject* b) {
  return binary(a, b, [](const Operand& x, const Operand& y) {
    return make({x.value.real - y.value.real, y.is_real ? x.value.imag : x.is_real ? -y.value.imag : x.value.imag - y.value.imag});
  });
}
PyObject* multiply(PyObject* a, PyObject* b) {
  return binary(a, b, [](const Operand& x, const Operand& y) {
    if (y.is_real) return make({x.value.real * y.value.real, x.value.imag * y.value.real});
    if (x.is_real) return make({x.value.real * y.value.real, x.value.real * y.value.imag});
    return make(product(x.value, y.value));
  });
}
PyObject* divide(PyObject* a, PyObject* b) {
  return binary(a, b, [](const Operand& x, const Operand& y) -> PyObject* {
    errno = 0;
    Py_complex r;
    if (y.is_real) {
      if (y.value.real == 0.0) errno = EDOM;
      else r = {x.value.real / y.value.real, x.value.imag / y.value.real};
    } else {
      r = x.is_real ? real_quotient(x.value.real, y.value) : quotient(x.value, y.value);
    }
    if (errno == EDOM) return raise(PyExc_ZeroDivisionError, "division by zero");
    return make(r);
  });
}
PyObject* power_slot(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) return raise(PyExc_ValueError, "complex modulo");
  return binary(a, b, [](const Operand& x, const Operand& y) -> PyObject* {
    errno = 0;
    const Py_complex exponent = y.value;
    Py_complex r;
    if (exponent.imag == 0.0 && exponent.real == std::floor(exponent.real) && std::fabs(exponent.real) <= 100.0) {
      r = power_integer(x.value, static_cast<long>(exponent.real));
      adjust_range(r);
    } else {
      r = power(x.value, exponent);
    }
    if (errno == EDOM) return raise(PyExc_ZeroDivisionError, "zero to a negative or complex power");
    if (errno == ERANGE) return raise(PyExc_OverflowError, "complex exponentiation");
    return make(r);
  });
}
PyObject* negate(PyObject* o) { return make({-value_of(o).real, -value_of(o).imag}); }
PyObject* exact(PyObject* o) { return PyComplex_CheckExact(o) ? Py_NewRef(o) : make(value_of(o)); }
PyObject* absolute(PyObject* o) {
  errno = 0;
  const double size = _Py_c_abs(value_of(o));
  if (errno == ERANGE) return raise(PyExc_OverflowError, "absolute value too large");
  return float_new(size);
}
int is_true(PyObject* o) { return value_of(o).real != 0.0 || value_of(o).imag != 0.0; }

PyObject* compare(PyObject* a, PyObject* b, int operation) {
  if (operation != Py_EQ && operation != Py_NE) Py_RETURN_NOTIMPLEMENTED;
  const Py_complex x = value_of(a);
  bool equal;
  if (PyLong_Check(b)) {
    equal = x.imag == 0.0 && !std::isnan(x.real) && float_compare_int(x.real, b) == 0;
  } else if (PyFloat_Check(b)) {
    equal = x.real == float_value(b) && x.imag == 0.0;
  } else if (PyComplex_Check(b)) {
    equal = x.real == value_of(b).real && x.imag == value_of(b).imag;
  } else {
    Py_RETURN_NOTIMPLEMENTED;
  }
  return PyBool_FromLong(equal == (operation == Py_EQ));
}
Py_hash_t hash(PyObject* o) {
  const auto real = static_cast<Py_uhash_t>(_Py_HashDouble(o, value_of(o).real));
  const auto imag = static_cast<Py_uhash_t>(_Py_HashDouble(o, value_of(o).imag));
  const auto combined = static_cast<Py_hash_t>(real + 1000003u * imag);
  return combined == -1 ? -2 : combined;
}
// Parts are written as repr(float) does, but without ".0".
int write_part(double value, char* out) {
  const int length = float_write_repr(value, out);
  return length > 2 && out[length - 1] == '0' && out[length - 2] == '.' ? length - 2 : length;
}
PyObject* repr(PyObject* o) {
  const Py_complex value = value_of(o);
  char text[2 * kFloatTextSize + 8];
  char* p = text;
  const bool imaginary_only = value.real == 0.0 && !std::signbit(value.real);
  if (!imaginary_only) {
    *p++ = '(';
    p += write_part(value.real, p);
    if (!std::signbit(value.imag) || std::isnan(value.imag)) *p++ = '+';
  }
  p += write_part(value.imag, p);
  *p++ = 'j';
  if (!imaginary_only) *p++ = ')';
  return PyUnicode_FromStringAndSize(text, p - text);
}

// ---- construction ----------------------------------------------------------------------------------------------------

PyObject* make_of_type(PyTypeObject* type, Py_complex value) {
  if (type == &PyComplex_Type) return make(value);
  PyObject* o = TRY(type->tp_alloc(type, 0));
  as<PyComplexObject>(o)->cval = value;
  return o;
}
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The value of a text without underscores; false where it is malformed.
bool parse(const char* p, const char* end, Py_complex* out) {
  auto skip = [&] {
    while (p < end && is_space(*p)) ++p;
  };
  skip();
  const bool bracket = p < end && *p == '(';
  if (bracket) {
    ++p;
    skip();
  }
  auto at_j = [&] { return p < end && (*p == 'j' || *p == 'J'); };
  auto at_sign = [&] { return p < end && (*p == '+' || *p == '-'); };
  double real = 0.0, imag = 0.0;
  const char* stop;
  const double first = float_parse(p, end, &stop);
  if (stop != p) {
    p = stop;
    if (at_sign()) {
      real = first;
      imag = float_parse(p, end, &stop);
      if (stop != p) p = stop;
      else imag = *p++ == '-' ? -1.0 : 1.0;
      if (!at_j()) return false;
      ++p;
    } else if (at_j()) {
      ++p;
      imag = first;
    } else {
      real = first;
    }
  } else {
    imag = 1.0;
    if (at_sign() && *p++ == '-') imag = -1.0;
    if (!at_j()) return false;
    ++p;
  }
  skip();
  if (bracket) {
    if (p >= end || *p != ')') return false;
    ++p;
    skip();
  }
  *out = {real, imag};
  return p == end;
}
PyObject* from_text(PyTypeObject* type, PyObject* text) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
  const int kind = PyUnicode_KIND(text);
  const void* data = PyUnicode_DATA(text);
  BytesBuilder plain;
  char* out = plain.reserve(length + 1);
  if (!out) return nullptr;
  Py_ssize_t size = 0;
  char previous = 0;
  bool good = true;
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (Py_ssize_t i = 0; i < length; ++i) {
    const Py_UCS4 c = PyUnicode_READ(kind, data, i);
    const char ascii = static_cast<char>(c < 127                        ? c
                                         : Py_UNICODE_ISSPACE(c)        ? ' '
                                         : Py_UNICODE_TODECIMAL(c) >= 0 ? '0' + Py_UNICODE_TODECIMAL(c)
                                                                        : '?');
    if (ascii == '_') {
      good &= is_digit(previous);
    } else {
      if (previous == '_') good &= is_digit(ascii);
      out[size++] = ascii;
    }
    previous = ascii;
  }
  Py_complex value;
  if (!good || previous == '_') return raise(PyExc_ValueError, "could not convert string to complex: %R", text);
  if (!parse(out, out + size, &value)) return raise(PyExc_ValueError, "complex() arg is a malformed string");
  return make_of_type(type, value);
}

// Through __complex__: 1 with *out, 0: there is none, -1: error.
int from_special(PyObject* o, Py_complex* out) {
  if (PyComplex_CheckExact(o)) {
    *out = value_of(o);
    return 1;
  }
  Ref<> method = lookup_special(o, "__complex__"_id);
  if (!method) return PyErr_Occurred() ? -1 : 0;
  Ref<> result = TRY(steal(PyObject_CallNoArgs(method)));
  if (!PyComplex_Check(result)) return raise(PyExc_TypeError, "%T.__complex__() must return a complex, not %T", o, result.get());
  if (!PyComplex_CheckExact(result) &&
      PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                       "%T.__complex__() must return a complex, not %T.  The ability to return an instance of a strict subclass of complex "
                       "is deprecated, and may not be allowed in a future version of Python.",
                       o, result.get()) < 0)
    return -1;
  *out = value_of(result);
  return 1;
}
bool has_real(PyObject* o) {
  const PyNumberMethods* number = Py_TYPE(o)->tp_as_number;
  return number && (number->nb_float || number->nb_index);
}
constexpr Signature construct_signature = read_signature("complex", "(real=0, imag=0)");

// complex(real=x) is not complex(x): named, it must be a real number.
PyObject* construct(PyTypeObject* type, PyObject* r, PyObject* i, bool by_name) {
  if (!r && !i) return make_of_type(type, {0.0, 0.0});
  if (r && !i && !by_name) {
    if (PyComplex_CheckExact(r) && type == &PyComplex_Type) return Py_NewRef(r);
    if (PyUnicode_Check(r)) return from_text(type, r);
    Py_complex value;
    if (TRY(from_special(r, &value))) return make_of_type(type, value);
    if (PyComplex_Check(r)) return make_of_type(type, value_of(r));
    if (!has_real(r)) return raise(PyExc_TypeError, "complex() argument must be a string or a number, not %T", r);
    const double real = PyFloat_AsDouble(r);
    if (real == -1.0 && PyErr_Occurred()) return nullptr;
    return make_of_type(type, {real, 0.0});
  }
  Py_complex parts[2] = {};
  bool is_complex[2] = {};
  PyObject* arguments[2] = {r, i};
  static constexpr const char* kNames[2] = {"real", "imag"};
  for (int k = 0; k < 2; ++k) {
    PyObject* o = arguments[k];
    if (!o) continue;
    int special = 0;
    if (k == 0 && !PyUnicode_Check(o)) special = TRY(from_special(o, &parts[0]));
    if (special || PyComplex_Check(o)) {
      if (!special) parts[k] = value_of(o);
      is_complex[k] = true;
      if (PyErr_WarnFormat(PyExc_DeprecationWarning, 1, "complex() argument '%s' must be a real number, not %T", kNames[k], o) < 0) return nullptr;
      continue;
    }
    if (!has_real(o)) return raise(PyExc_TypeError, "complex() argument '%s' must be a real number, not %T", kNames[k], o);
    parts[k].real = PyFloat_AsDouble(o);
    if (parts[k].real == -1.0 && PyErr_Occurred()) return nullptr;
  }
  double real = parts[0].real, imag = parts[1].real;
  if (is_complex[1]) real -= parts[1].imag;
  if (is_complex[0]) imag += parts[0].imag;
  return make_of_type(type, {real, imag});
}
PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  TRY(bind_tuple(construct_signature, args, kwargs, values));
  return construct(type, values[0], values[1], kwargs && PyDict_GET_SIZE(kwargs));
}
PyObject* vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  PyObject* values[2] = {};
  TRY(bind(construct_signature, args, PyVectorcall_NARGS(nargsf), kwnames, values));
  return construct(reinterpret_cast<PyTypeObject*>(type), values[0], values[1], kwnames && PyTuple_GET_SIZE(kwnames));
}

// ---- methods ---------------------------------------------------------------------------------------------------------

PyObject* complex_conjugate(PyObject* self) { return make({value_of(self).real, -value_of(self).imag}); }
METHOD(complex, conjugate, "($self, /)", "Return the complex conjugate of its argument. (3-4j).conjugate() == 3+4j.");
METHOD_AS(exact, "__complex__", 0, "($self, /)", "Convert this value to exact type complex.");
PyObject* get_new_arguments(PyObject* self) { return Py_BuildValue("(dd)", value_of(self).real, value_of(self).imag); }
METHOD_AS(get_new_arguments, "__getnewargs__", 0, "($self, /)", "");
PyObject* format_method(PyObject* self, StrArgument spec) { return format_complex(self, spec); }
METHOD_AS(format_method, "__format__", 0, "($self, format_spec, /)", "Convert to a string according to format_spec.");
PyObject* complex_from_number(PyObject* type, PyObject* number) {
  if (PyComplex_CheckExact(number) && type == object(&PyComplex_Type)) return Py_NewRef(number);
  const Py_complex value = PyComplex_AsCComplex(number);
  if (value.real == -1.0 && PyErr_Occurred()) return nullptr;
  Ref<> exact_value = TRY(steal(make(value)));
  return type == object(&PyComplex_Type) ? exact_value.release() : PyObject_CallOneArg(type, exact_value);
}
CLASS_METHOD(complex, from_number, "($type, number, /)", "Convert number to a complex floating-point number.");

PyMethodDef methods[] = {complex_from_number_method, complex_conjugate_method, exact_method, get_new_arguments_method, format_method_method, {}};
PyMemberDef members[] = {
    {"real", Py_T_DOUBLE, offsetof(PyComplexObject, cval.real), Py_READONLY, "the real part of a complex number"},
    {"imag", Py_T_DOUBLE, offsetof(PyComplexObject, cval.imag), Py_READONLY, "the imaginary part of a complex number"},
    {}};
PyNumberMethods number_slots = {.nb_add = add, .nb_subtract = subtract, .nb_multiply = multiply, .nb_power = power_slot,
                                .nb_negative = negate, .nb_positive = exact, .nb_absolute = absolute, .nb_bool = is_true,
                                .nb_true_divide = divide};

}  // namespace
}  // namespace ks

using namespace ks;

// New; NULL with MemoryError.
PyObject* PyComplex_FromCComplex(Py_complex value) {
  auto* o = static_cast<PyComplexObject*>(PyObject_Malloc(sizeof(PyComplexObject)));
  if (!o) return PyErr_NoMemory();
  PyObject_Init(object(o), &PyComplex_Type);
  o->cval = value;
  return object(o);
}
PyObject* PyComplex_FromDoubles(double real, double imag) { return PyComplex_FromCComplex({real, imag}); }
// The value, through __complex__, __float__ or __index__; real is -1.0 with an exception.
Py_complex PyComplex_AsCComplex(PyObject* o) {
  if (PyComplex_Check(o)) return value_of(o);
  Py_complex value = {-1.0, 0.0};
  const int special = from_special(o, &value);
  if (special == 0) value.real = PyFloat_AsDouble(o);
  else if (special < 0) value = {-1.0, 0.0};
  return value;
}
double PyComplex_RealAsDouble(PyObject* o) {
  if (PyComplex_Check(o)) return value_of(o).real;
  Py_complex value;
  const int special = from_special(o, &value);
  return special < 0 ? -1.0 : special ? value.real : PyFloat_AsDouble(o);
}
double PyComplex_ImagAsDouble(PyObject* o) {
  if (PyComplex_Check(o)) return value_of(o).imag;
  Py_complex value;
  const int special = from_special(o, &value);
  if (special) return special < 0 ? -1.0 : value.imag;
  // A real number: but it must be one.
  PyFloat_AsDouble(o);
  return PyErr_Occurred() ? -1.0 : 0.0;
}
// Arithmetic on C values; errno tells of division by zero (EDOM) and overflow (ERANGE).
Py_complex _Py_c_sum(Py_complex a, Py_complex b) { return {a.real + b.real, a.imag + b.imag}; }
Py_complex _Py_c_diff(Py_complex a, Py_complex b) { return {a.real - b.real, a.imag - b.imag}; }
Py_complex _Py_c_neg(Py_complex a) { return {-a.real, -a.imag}; }
Py_complex _Py_c_prod(Py_complex a, Py_complex b) { return product(a, b); }
Py_complex _Py_c_quot(Py_complex a, Py_complex b) { return quotient(a, b); }
Py_complex _Py_c_pow(Py_complex a, Py_complex b) { return power(a, b); }
double _Py_c_abs(Py_complex z) {
  if (!std::isfinite(z.real) || !std::isfinite(z.imag)) {
    errno = 0;
    if (std::isinf(z.real) || std::isinf(z.imag)) return Py_INFINITY;
    return Py_NAN;
  }
  const double size = std::hypot(z.real, z.imag);
  errno = std::isfinite(size) ? 0 : ERANGE;
  return size;
}

PyTypeObject PyComplex_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "complex",
    .tp_basicsize = sizeof(PyComplexObject),
    .tp_repr = ks::repr,
    .tp_as_number = &ks::number_slots,
    .tp_hash = ks::hash,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "complex(real=0, imag=0)\n--\n\nCreate a complex number from a string or numbers.\n\n"
              "If a string is given, parse it as a complex number.\nIf a single number is given, convert it to a complex number.\n"
              "If the 'real' or 'imag' arguments are given, create a complex number\nwith the specified real and imaginary components.",
    .tp_richcompare = ks::compare,
    .tp_methods = ks::methods,
    .tp_members = ks::members,
    .tp_new = ks::new_slot,
    .tp_free = PyObject_Free,
    .tp_vectorcall = ks::vectorcall,
};
