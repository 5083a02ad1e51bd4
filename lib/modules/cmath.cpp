// cmath: C's complex functions (which follow annex G of the standard for zeros, infinities and NaNs) with Python's exceptions.
#include <cmath>

#include "modules/module.h"
#include "types/float.h"

using CComplex = _Complex double;
extern "C" {
CComplex cacos(CComplex);
CComplex cacosh(CComplex);
CComplex casin(CComplex);
CComplex casinh(CComplex);
CComplex catan(CComplex);
CComplex catanh(CComplex);
CComplex ccos(CComplex);
CComplex ccosh(CComplex);
CComplex cexp(CComplex);
CComplex clog(CComplex);
CComplex csin(CComplex);
CComplex csinh(CComplex);
CComplex csqrt(CComplex);
CComplex ctan(CComplex);
CComplex ctanh(CComplex);
}

namespace ks {
namespace {

bool is_finite(Py_complex z) { return std::isfinite(z.real) && std::isfinite(z.imag); }
bool has_infinity(Py_complex z) { return std::isinf(z.real) || std::isinf(z.imag); }
Failed raise_domain() { return raise(PyExc_ValueError, "math domain error"); }
Failed raise_range() { return raise(PyExc_OverflowError, "math range error"); }

template <CComplex (*function)(CComplex)>
Py_complex call(Py_complex z) {
  CComplex argument, result;
  __real__ argument = z.real;
  __imag__ argument = z.imag;
  result = function(argument);
  return {__real__ result, __imag__ result};
}
bool read(PyObject* o, Py_complex* z) {
  *z = PyComplex_AsCComplex(o);
  return !(z->real == -1.0 && PyErr_Occurred());
}
// Where the function is not defined: an angle that is infinite, a pole.
using Domain = bool (*)(Py_complex);
bool everywhere(Py_complex) { return true; }
bool not_infinite_imaginary(Py_complex z) { return !std::isinf(z.imag) || std::isnan(z.real); }
bool not_infinite_real(Py_complex z) { return !std::isinf(z.real) || std::isnan(z.imag); }
bool exp_domain(Py_complex z) { return !std::isinf(z.imag) || std::isnan(z.real) || (std::isinf(z.real) && z.real < 0); }
bool tanh_domain(Py_complex z) { return !(std::isinf(z.imag) && std::isfinite(z.real)); }
bool tan_domain(Py_complex z) { return !(std::isinf(z.real) && std::isfinite(z.imag)); }
bool not_zero(Py_complex z) { return z.real != 0.0 || z.imag != 0.0; }
bool atanh_domain(Py_complex z) { return !(z.imag == 0.0 && std::fabs(z.real) == 1.0); }
bool atan_domain(Py_complex z) { return !(z.real == 0.0 && std::fabs(z.imag) == 1.0); }

template <Py_complex (*function)(Py_complex), Domain domain>
PyObject* apply(PyObject*, PyObject* o) {
  Py_complex z;
  if (!read(o, &z)) return nullptr;
  if (!domain(z)) return raise_domain();
  const Py_complex result = function(z);
  if (is_finite(z) && has_infinity(result)) return raise_range();
  return PyComplex_FromCComplex(result);
}
Py_complex log10_of(Py_complex z) {
  const Py_complex natural = call<clog>(z);
  constexpr double kLn10 = 2.302585092994045684017991454684364208;
  return {natural.real / kLn10, natural.imag / kLn10};
}
#define CMATH(NAME, FUNCTION, DOMAIN, DOC)                                              \
  PyObject* cmath_##NAME(PyObject* m, PyObject* z) { return apply<FUNCTION, DOMAIN>(m, z); } \
  METHOD(cmath, NAME, "($module, z, /)", DOC)
CMATH(acos, call<cacos>, everywhere, "Return the arc cosine of z.");
CMATH(acosh, call<cacosh>, everywhere, "Return the inverse hyperbolic cosine of z.");
CMATH(asin, call<casin>, everywhere, "Return the arc sine of z.");
CMATH(asinh, call<casinh>, everywhere, "Return the inverse hyperbolic sine of z.");
CMATH(atan, call<catan>, atan_domain, "Return the arc tangent of z.");
CMATH(atanh, call<catanh>, atanh_domain, "Return the inverse hyperbolic tangent of z.");
CMATH(cos, call<ccos>, not_infinite_real, "Return the cosine of z.");
CMATH(cosh, call<ccosh>, not_infinite_imaginary, "Return the hyperbolic cosine of z.");
CMATH(exp, call<cexp>, exp_domain, "Return the exponential value e**z.");
CMATH(log10, log10_of, not_zero, "Return the base-10 logarithm of z.");
CMATH(sin, call<csin>, not_infinite_real, "Return the sine of z.");
CMATH(sinh, call<csinh>, not_infinite_imaginary, "Return the hyperbolic sine of z.");
CMATH(sqrt, call<csqrt>, everywhere, "Return the square root of z.");
CMATH(tan, call<ctan>, tan_domain, "Return the tangent of z.");
CMATH(tanh, call<ctanh>, tanh_domain, "Return the hyperbolic tangent of z.");

PyObject* cmath_log(PyObject*, PyObject* z_object, PyObject* base_object) {
  Py_complex z, base;
  if (!read(z_object, &z) || (base_object && !read(base_object, &base))) return nullptr;
  if (!not_zero(z)) return raise_domain();
  Py_complex result = call<clog>(z);
  if (base_object) {
    if (!not_zero(base)) return raise_domain();
    errno = 0;
    result = _Py_c_quot(result, call<clog>(base));
    if (errno == EDOM) return raise_domain();
  }
  return PyComplex_FromCComplex(result);
}
METHOD(cmath, log, "($module, z, base=<unrepresentable>, /)",
       "log(z[, base]) -> the logarithm of z to the given base.\n\nIf the base is not specified, returns the natural logarithm (base e) of z.");
PyObject* cmath_phase(PyObject*, PyObject* o) {
  Py_complex z;
  if (!read(o, &z)) return nullptr;
  return PyFloat_FromDouble(std::atan2(z.imag, z.real));
}
METHOD(cmath, phase, "($module, z, /)", "Return argument, also known as the phase angle, of a complex.");
PyObject* cmath_polar(PyObject*, PyObject* o) {
  Py_complex z;
  if (!read(o, &z)) return nullptr;
  errno = 0;
  const double r = _Py_c_abs(z);
  if (errno == ERANGE) return raise_range();
  return Py_BuildValue("dd", r, std::atan2(z.imag, z.real));
}
METHOD(cmath, polar, "($module, z, /)",
       "Convert a complex from rectangular coordinates to polar coordinates.\n\nr is the distance from 0 and phi the phase angle.");
PyObject* cmath_rect(PyObject*, double r, double phi) {
  Py_complex z;
  if (!std::isfinite(r) || !std::isfinite(phi)) {
    if (std::isinf(phi) && r != 0.0 && !std::isnan(r)) return raise_domain();
    if (std::isinf(r) && std::isfinite(phi) && phi != 0.0) {
      z = {std::copysign(Py_INFINITY, r > 0 ? std::cos(phi) : -std::cos(phi)), std::copysign(Py_INFINITY, r > 0 ? std::sin(phi) : -std::sin(phi))};
    } else if (std::isinf(r) && phi == 0.0) {
      z = {r, r > 0 ? phi : -phi};
    } else if (r == 0.0) {
      z = {0.0, 0.0};  // whatever the angle
    } else if (std::isnan(r) && phi == 0.0) {
      z = {r, phi};
    } else if (std::isinf(r)) {
      z = {Py_INFINITY, Py_NAN};
    } else {
      z = {Py_NAN, Py_NAN};
    }
  } else if (phi == 0.0) {
    // sin(-0.0) keeps its sign.
    z = {r, r * phi};
  } else {
    z = {r * std::cos(phi), r * std::sin(phi)};
  }
  return PyComplex_FromCComplex(z);
}
METHOD(cmath, rect, "($module, r, phi, /)", "Convert from polar coordinates to rectangular coordinates.");
PyObject* cmath_isfinite(PyObject*, PyObject* o) {
  Py_complex z;
  return read(o, &z) ? PyBool_FromLong(is_finite(z)) : nullptr;
}
METHOD(cmath, isfinite, "($module, z, /)", "Return True if both the real and imaginary parts of z are finite, else False.");
PyObject* cmath_isnan(PyObject*, PyObject* o) {
  Py_complex z;
  return read(o, &z) ? PyBool_FromLong(std::isnan(z.real) || std::isnan(z.imag)) : nullptr;
}
METHOD(cmath, isnan, "($module, z, /)", "Checks if the real or imaginary part of z not a number (NaN).");
PyObject* cmath_isinf(PyObject*, PyObject* o) {
  Py_complex z;
  return read(o, &z) ? PyBool_FromLong(has_infinity(z)) : nullptr;
}
METHOD(cmath, isinf, "($module, z, /)", "Checks if the real or imaginary part of z is infinite.");
PyObject* cmath_isclose(PyObject*, PyObject* a_object, PyObject* b_object, PyObject* rel_tol, PyObject* abs_tol) {
  Py_complex a, b;
  double relative = 1e-09, absolute = 0.0;
  if (!read(a_object, &a) || !read(b_object, &b) || (rel_tol && !convert_double(rel_tol, &relative)) || (abs_tol && !convert_double(abs_tol, &absolute)))
    return nullptr;
  if (relative < 0.0 || absolute < 0.0) return raise(PyExc_ValueError, "tolerances must be non-negative");
  if (a.real == b.real && a.imag == b.imag) return Py_NewRef(Py_True);
  if (has_infinity(a) || has_infinity(b)) return Py_NewRef(Py_False);
  const double difference = _Py_c_abs(_Py_c_diff(a, b));
  return PyBool_FromLong(difference <= relative * _Py_c_abs(b) || difference <= relative * _Py_c_abs(a) || difference <= absolute);
}
METHOD(cmath, isclose, "($module, /, a, b, *, rel_tol=1e-09, abs_tol=0.0)",
       "Determine whether two complex numbers are close in value.\n\n  rel_tol\n    maximum difference for being considered \"close\", relative to the\n"
       "    magnitude of the input values\n  abs_tol\n    maximum difference for being considered \"close\", regardless of the\n    magnitude of the input values\n\n"
       "Return True if a is close in value to b, and False otherwise.");

PyMethodDef methods[] = {cmath_acos_method, cmath_acosh_method, cmath_asin_method, cmath_asinh_method, cmath_atan_method, cmath_atanh_method,
                         cmath_cos_method, cmath_cosh_method, cmath_exp_method, cmath_isclose_method, cmath_isfinite_method, cmath_isinf_method,
                         cmath_isnan_method, cmath_log_method, cmath_log10_method, cmath_phase_method, cmath_polar_method, cmath_rect_method,
                         cmath_sin_method, cmath_sinh_method, cmath_sqrt_method, cmath_tan_method, cmath_tanh_method, {}};
int exec(PyObject* m) {
  const std::pair<const char*, double> reals[] = {
      {"pi", Py_MATH_PI}, {"e", Py_MATH_E}, {"tau", Py_MATH_TAU}, {"inf", Py_INFINITY}, {"nan", std::fabs(Py_NAN)}};
  for (const auto& [name, value] : reals)
    if (PyModule_Add(m, name, PyFloat_FromDouble(value)) < 0) return -1;
  if (PyModule_Add(m, "infj", PyComplex_FromDoubles(0.0, Py_INFINITY)) < 0) return -1;
  return PyModule_Add(m, "nanj", PyComplex_FromDoubles(0.0, std::fabs(Py_NAN)));
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "cmath",
                      .m_doc = "This module provides access to mathematical functions for complex\nnumbers.", .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_cmath(void) { return PyModuleDef_Init(&ks::module); }
