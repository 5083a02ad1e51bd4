/* Hashes of bytes, pointers and numbers. */
#ifndef Py_PYHASH_H
#define Py_PYHASH_H

#ifdef __cplusplus
extern "C" {
#endif

#define Py_HASH_CUTOFF 0
#define Py_HASH_EXTERNAL 0
#define Py_HASH_SIPHASH24 1
#define Py_HASH_FNV 2
#define Py_HASH_SIPHASH13 3
#define Py_HASH_ALGORITHM Py_HASH_SIPHASH13
#ifndef Py_LIMITED_API
#define PyHASH_MULTIPLIER 1000003UL
#define PyHASH_BITS 61
#define PyHASH_INF 314159
#define PyHASH_IMAG PyHASH_MULTIPLIER

#define _PyHASH_MULTIPLIER PyHASH_MULTIPLIER
#define _PyHASH_BITS PyHASH_BITS
#define _PyHASH_MODULUS PyHASH_MODULUS
#define _PyHASH_INF PyHASH_INF
#define _PyHASH_IMAG PyHASH_IMAG
#endif

#ifndef Py_LIMITED_API
typedef struct {
    Py_hash_t (*const hash)(const void *, Py_ssize_t);
    const char *name;
    const int hash_bits;
    const int seed_bits;
} PyHash_FuncDef;
#endif

/* --- Functions --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyHash_FuncDef *) PyHash_GetFuncDef(void);  /* the function that hashes bytes */
PyAPI_FUNC(Py_hash_t) Py_HashPointer(const void *ptr);  /* cannot fail */
PyAPI_FUNC(Py_hash_t) Py_HashBuffer(const void *ptr, Py_ssize_t len);  /* cannot fail */
PyAPI_FUNC(Py_hash_t) PyObject_GenericHash(PyObject *obj);  /* by the address: cannot fail */
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(Py_hash_t) _Py_HashDouble(PyObject *, double);
#endif

#ifndef Py_LIMITED_API
#define PyHASH_MODULUS (((size_t)1 << _PyHASH_BITS) - 1)

Py_DEPRECATED(3.14) static inline Py_hash_t _Py_HashPointer(const void *p) { return Py_HashPointer(p); }
#endif

#ifdef __cplusplus
}
#endif

#endif
