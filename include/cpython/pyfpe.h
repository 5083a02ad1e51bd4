/* Macros of a time when floating point exceptions were caught. */
#ifndef Py_CPYTHON_PYFPE_H
#define Py_CPYTHON_PYFPE_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

/* Nothing is to be done around floating point operations. */
#define PyFPE_START_PROTECT(err_string, leave_stmt)
#define PyFPE_END_PROTECT(v)

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
