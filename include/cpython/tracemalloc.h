/* Telling tracemalloc of memory. */
#ifndef Py_CPYTHON_TRACEMALLOC_H
#define Py_CPYTHON_TRACEMALLOC_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

/* --- Functions --- */
/* 0, -1 where there is no memory, -2: tracemalloc is off */
PyAPI_FUNC(int) PyTraceMalloc_Track(unsigned int domain, uintptr_t ptr, size_t size);
PyAPI_FUNC(int) PyTraceMalloc_Untrack(unsigned int domain, uintptr_t ptr);  /* 0, or -2: tracemalloc is off */

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
