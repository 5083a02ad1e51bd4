// PyTime_*: clocks, and conversions between times, numbers and the system's structures, with a rounding mode.
#include <sys/time.h>

#include <cerrno>
#include <cmath>
#include <ctime>

#include "object/export.h"
#include "object/ref.h"
#include "object/result.h"

namespace ks {

namespace {

constexpr PyTime_t kSecond = 1000000000;

// As the reference numbers them.
enum Rounding { kFloor = 0, kCeiling = 1, kHalfEven = 2, kUp = 3 };

double round_double(double x, int rounding) {
  switch (rounding) {
    case kHalfEven: {
      double rounded = std::round(x);
      if (std::fabs(x - rounded) == 0.5) rounded = 2.0 * std::round(x / 2.0);
      return rounded;
    }
    case kCeiling: return std::ceil(x);
    case kFloor: return std::floor(x);
    default: return x >= 0 ? std::ceil(x) : std::floor(x);
  }
}

PyTime_t divide(PyTime_t t, PyTime_t by, int rounding) {
  PyTime_t quotient = t / by;
  const PyTime_t rest = t % by;
  if (!rest) return quotient;
  switch (rounding) {
    case kHalfEven: {
      const PyTime_t twice = (rest < 0 ? -rest : rest) * 2;
      if (twice > by || (twice == by && (quotient & 1))) quotient += t >= 0 ? 1 : -1;
      return quotient;
    }
    case kCeiling: return t >= 0 ? quotient + 1 : quotient;
    case kFloor: return t >= 0 ? quotient : quotient - 1;
    default: return t >= 0 ? quotient + 1 : quotient - 1;
  }
}

int time_t_overflow() {
  PyErr_SetString(PyExc_OverflowError, "timestamp out of range for platform time_t");
  return -1;
}
int time_overflow() {
  PyErr_SetString(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
  return -1;
}

// A number of units (nanoseconds each) from an int or a float.
int from_object(PyTime_t* t, PyObject* object, int rounding, PyTime_t unit) {
  if (PyFloat_Check(object)) {
    const double value = PyFloat_AsDouble(object);
    if (std::isnan(value)) {
      PyErr_SetString(PyExc_ValueError, "Invalid value NaN (not a number)");
      return -1;
    }
    const double rounded = round_double(value * static_cast<double>(unit), rounding);
    if (!(rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0)) {
      PyErr_SetString(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
      return -1;
    }
    *t = static_cast<PyTime_t>(rounded);
    return 0;
  }
  int overflow;
  const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (value == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
      PyErr_Clear();
      PyErr_Format(PyExc_TypeError, "'%T' object cannot be interpreted as an integer or float", object);
    }
    return -1;
  }
  long long result;
  if (overflow || __builtin_mul_overflow(value, unit, &result)) return time_overflow();
  *t = result;
  return 0;
}

// Seconds and a fraction in units of 1/denominator.
int to_pair(PyObject* object, time_t* seconds, long* fraction, long denominator, int rounding) {
  if (PyFloat_Check(object)) {
    const double value = PyFloat_AsDouble(object);
    if (std::isnan(value)) {
      *fraction = 0;
      PyErr_SetString(PyExc_ValueError, "Invalid value NaN (not a number)");
      return -1;
    }
    double whole;
    double part = std::modf(value, &whole) * static_cast<double>(denominator);
    part = round_double(part, rounding);
    if (part >= static_cast<double>(denominator)) {
      part -= static_cast<double>(denominator);
      whole += 1;
    } else if (part < 0) {
      part += static_cast<double>(denominator);
      whole -= 1;
    }
    if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0)) return time_t_overflow();
    *seconds = static_cast<time_t>(whole);
    *fraction = static_cast<long>(part);
    return 0;
  }
  int overflow;
  const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  *fraction = 0;
  if (overflow) return time_t_overflow();
  if (value == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
      PyErr_Clear();
      PyErr_Format(PyExc_TypeError, "argument must be int or float, not %T", object);
    }
    return -1;
  }
  *seconds = value;
  return 0;
}

int read_clock(clockid_t clock, PyTime_t* result, bool raise_error) {
  timespec now;
  if (clock_gettime(clock, &now) != 0) {
    *result = 0;
    if (raise_error) PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  *result = static_cast<PyTime_t>(now.tv_sec) * kSecond + now.tv_nsec;
  return 0;
}

}  // namespace
}  // namespace ks

using namespace ks;

struct _Py_clock_info_t {
  const char* implementation;
  int monotonic;
  int adjustable;
  double resolution;
};

extern "C" {

double PyTime_AsSecondsDouble(PyTime_t t) {
  // Whole seconds exactly, where there is no rest.
  return t % kSecond == 0 ? static_cast<double>(t / kSecond) : static_cast<double>(t) / 1e9;
}
int PyTime_Time(PyTime_t* result) { return read_clock(CLOCK_REALTIME, result, true); }
int PyTime_TimeRaw(PyTime_t* result) { return read_clock(CLOCK_REALTIME, result, false); }
int PyTime_Monotonic(PyTime_t* result) { return read_clock(CLOCK_MONOTONIC, result, true); }
int PyTime_MonotonicRaw(PyTime_t* result) { return read_clock(CLOCK_MONOTONIC, result, false); }
int PyTime_PerfCounter(PyTime_t* result) { return read_clock(CLOCK_MONOTONIC, result, true); }
int PyTime_PerfCounterRaw(PyTime_t* result) { return read_clock(CLOCK_MONOTONIC, result, false); }

KS_EXPORT int _PyTime_MonotonicWithInfo(PyTime_t* t, _Py_clock_info_t* info) {
  if (info) {
    timespec resolution;
    *info = {"clock_gettime(CLOCK_MONOTONIC)", 1, 0, 1e-9};
    if (clock_getres(CLOCK_MONOTONIC, &resolution) == 0)
      info->resolution = static_cast<double>(resolution.tv_sec) + static_cast<double>(resolution.tv_nsec) * 1e-9;
  }
  return PyTime_Monotonic(t);
}
KS_EXPORT PyTime_t _PyTime_FromSeconds(int seconds) { return static_cast<PyTime_t>(seconds) * kSecond; }
KS_EXPORT int _PyTime_FromLong(PyTime_t* t, PyObject* object) {
  if (!PyLong_Check(object)) {
    PyErr_Format(PyExc_TypeError, "expect int, got %s", Py_TYPE(object)->tp_name);
    return -1;
  }
  const long long value = PyLong_AsLongLong(object);
  if (value == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) return time_overflow();
    return -1;
  }
  *t = value;
  return 0;
}
KS_EXPORT int _PyTime_FromSecondsObject(PyTime_t* t, PyObject* object, int rounding) { return from_object(t, object, rounding, kSecond); }
KS_EXPORT int _PyTime_FromMillisecondsObject(PyTime_t* t, PyObject* object, int rounding) { return from_object(t, object, rounding, 1000000); }
KS_EXPORT PyObject* _PyTime_AsLong(PyTime_t t) { return PyLong_FromLongLong(t); }
KS_EXPORT PyTime_t _PyTime_AsMilliseconds(PyTime_t t, int rounding) { return divide(t, 1000000, rounding); }
KS_EXPORT PyTime_t _PyTime_AsMicroseconds(PyTime_t t, int rounding) { return divide(t, 1000, rounding); }
KS_EXPORT int _PyTime_ObjectToTime_t(PyObject* object, time_t* seconds, int rounding) {
  if (PyFloat_Check(object)) {
    const double value = PyFloat_AsDouble(object);
    if (std::isnan(value)) {
      PyErr_SetString(PyExc_ValueError, "Invalid value NaN (not a number)");
      return -1;
    }
    const double rounded = round_double(value, rounding);
    if (!(rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0)) return time_t_overflow();
    *seconds = static_cast<time_t>(rounded);
    return 0;
  }
  int overflow;
  const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow) return time_t_overflow();
  if (value == -1 && PyErr_Occurred()) return -1;
  *seconds = value;
  return 0;
}
KS_EXPORT int _PyTime_ObjectToTimeval(PyObject* object, time_t* seconds, long* microseconds, int rounding) {
  return to_pair(object, seconds, microseconds, 1000000, rounding);
}
KS_EXPORT int _PyTime_ObjectToTimespec(PyObject* object, time_t* seconds, long* nanoseconds, int rounding) {
  return to_pair(object, seconds, nanoseconds, 1000000000, rounding);
}
KS_EXPORT int _PyTime_AsTimeval(PyTime_t t, struct timeval* value, int rounding) {
  const PyTime_t microseconds = divide(t, 1000, rounding);
  PyTime_t seconds = microseconds / 1000000, rest = microseconds % 1000000;
  if (rest < 0) {
    rest += 1000000;
    --seconds;
  }
  value->tv_sec = seconds;
  value->tv_usec = rest;
  return 0;
}
KS_EXPORT void _PyTime_AsTimeval_clamp(PyTime_t t, struct timeval* value, int rounding) { _PyTime_AsTimeval(t, value, rounding); }
KS_EXPORT int _PyTime_AsTimevalTime_t(PyTime_t t, time_t* seconds, int* microseconds, int rounding) {
  struct timeval value;
  _PyTime_AsTimeval(t, &value, rounding);
  *seconds = value.tv_sec;
  *microseconds = static_cast<int>(value.tv_usec);
  return 0;
}
KS_EXPORT int _PyTime_AsTimespec(PyTime_t t, struct timespec* value) {
  PyTime_t seconds = t / kSecond, rest = t % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  value->tv_sec = seconds;
  value->tv_nsec = rest;
  return 0;
}
KS_EXPORT void _PyTime_AsTimespec_clamp(PyTime_t t, struct timespec* value) { _PyTime_AsTimespec(t, value); }
KS_EXPORT int _PyTime_localtime(time_t t, struct tm* result) {
  errno = 0;
  if (localtime_r(&t, result)) return 0;
  if (!errno) errno = EINVAL;
  PyErr_SetFromErrno(PyExc_OSError);
  return -1;
}
KS_EXPORT int _PyTime_gmtime(time_t t, struct tm* result) {
  errno = 0;
  if (gmtime_r(&t, result)) return 0;
  if (!errno) errno = EINVAL;
  PyErr_SetFromErrno(PyExc_OSError);
  return -1;
}
KS_EXPORT PyTime_t _PyDeadline_Init(PyTime_t timeout) {
  PyTime_t now;
  (void)PyTime_MonotonicRaw(&now);
  PyTime_t result;
  return __builtin_add_overflow(now, timeout, &result) ? PyTime_MAX : result;
}
KS_EXPORT PyTime_t _PyDeadline_Get(PyTime_t deadline) {
  PyTime_t now;
  (void)PyTime_MonotonicRaw(&now);
  return deadline - now;
}

}  // extern "C"
