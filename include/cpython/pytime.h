/* Clocks. */
#ifndef Py_CPYTHON_PYTIME_H
#define Py_CPYTHON_PYTIME_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

#define PyTime_MIN INT64_MIN
#define PyTime_MAX INT64_MAX

typedef int64_t PyTime_t;

/* --- Clocks: 0, or -1 with an exception --- */
PyAPI_FUNC(int) PyTime_Monotonic(PyTime_t *result);  /* never goes back */
PyAPI_FUNC(int) PyTime_PerfCounter(PyTime_t *result);  /* for measuring short times */
PyAPI_FUNC(int) PyTime_Time(PyTime_t *result);  /* since 1970 */

/* --- Clocks without the GIL: 0, or -1 without an exception --- */
PyAPI_FUNC(int) PyTime_MonotonicRaw(PyTime_t *result);  /* never goes back */
PyAPI_FUNC(int) PyTime_PerfCounterRaw(PyTime_t *result);  /* for measuring short times */
PyAPI_FUNC(int) PyTime_TimeRaw(PyTime_t *result);  /* since 1970 */

/* --- Conversion --- */
PyAPI_FUNC(double) PyTime_AsSecondsDouble(PyTime_t t);  /* cannot fail */

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
