/* Telling tracemalloc of memory. */
#ifndef Py_CPYTHON_TRACEMALLOC_H
#define Py_CPYTHON_TRACEMALLOC_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

/* --- Functions --- */
PyAPI_FUNC(int) PyTraceMalloc_Track(unsigned int domain, uintptr_t ptr, size_t size);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyTraceMalloc_Untrack(unsigned int domain, uintptr_t ptr);

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
