/* Atomic operations. */
#ifndef Py_PYATOMIC_H
#define Py_PYATOMIC_H

#ifndef Py_LIMITED_API
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The last part of a function's name says the memory order; without one it is the strictest, sequential consistency. */

/* --- Read, change, write --- */
#define _Py_ATOMIC_ADD(NAME, TYPE) \
    static inline TYPE _Py_atomic_add_##NAME(TYPE *obj, TYPE value) { \
        return __atomic_fetch_add(obj, value, __ATOMIC_SEQ_CST); \
    }
#define _Py_ATOMIC_EXCHANGE(NAME, TYPE) \
    static inline TYPE _Py_atomic_exchange_##NAME(TYPE *obj, TYPE value) { \
        return __atomic_exchange_n(obj, value, __ATOMIC_SEQ_CST); \
    }
/* 1 and *obj = desired where it was *expected; otherwise 0, and *expected is what was found. */
#define _Py_ATOMIC_COMPARE_EXCHANGE(NAME, TYPE) \
    static inline int _Py_atomic_compare_exchange_##NAME(TYPE *obj, TYPE *expected, TYPE desired) { \
        return __atomic_compare_exchange_n(obj, expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    }
#define _Py_ATOMIC_BITS(NAME, TYPE) \
    static inline TYPE _Py_atomic_and_##NAME(TYPE *obj, TYPE value) { \
        return __atomic_fetch_and(obj, value, __ATOMIC_SEQ_CST); \
    } \
    static inline TYPE _Py_atomic_or_##NAME(TYPE *obj, TYPE value) { \
        return __atomic_fetch_or(obj, value, __ATOMIC_SEQ_CST); \
    }

/* --- Load and store --- */
#define _Py_ATOMIC_LOAD(NAME, TYPE, SUFFIX, ORDER) \
    static inline TYPE _Py_atomic_load_##NAME##SUFFIX(const TYPE *obj) { \
        TYPE value; \
        __atomic_load(obj, &value, ORDER); \
        return value; \
    }
#define _Py_ATOMIC_STORE(NAME, TYPE, SUFFIX, ORDER) \
    static inline void _Py_atomic_store_##NAME##SUFFIX(TYPE *obj, TYPE value) { \
        __atomic_store(obj, &value, ORDER); \
    }
#define _Py_ATOMIC_RELAXED(NAME, TYPE) \
    _Py_ATOMIC_LOAD(NAME, TYPE, _relaxed, __ATOMIC_RELAXED) \
    _Py_ATOMIC_STORE(NAME, TYPE, _relaxed, __ATOMIC_RELAXED)

/* What every whole number has. */
#define _Py_ATOMIC_NUMBER(NAME, TYPE) \
    _Py_ATOMIC_ADD(NAME, TYPE) \
    _Py_ATOMIC_EXCHANGE(NAME, TYPE) \
    _Py_ATOMIC_COMPARE_EXCHANGE(NAME, TYPE) \
    _Py_ATOMIC_LOAD(NAME, TYPE, , __ATOMIC_SEQ_CST) \
    _Py_ATOMIC_STORE(NAME, TYPE, , __ATOMIC_SEQ_CST) \
    _Py_ATOMIC_RELAXED(NAME, TYPE)

_Py_ATOMIC_NUMBER(int, int)
_Py_ATOMIC_NUMBER(int8, int8_t)
_Py_ATOMIC_NUMBER(int16, int16_t)
_Py_ATOMIC_NUMBER(int32, int32_t)
_Py_ATOMIC_NUMBER(int64, int64_t)
_Py_ATOMIC_NUMBER(intptr, intptr_t)
_Py_ATOMIC_NUMBER(uint, unsigned int)
_Py_ATOMIC_NUMBER(uint8, uint8_t)
_Py_ATOMIC_NUMBER(uint16, uint16_t)
_Py_ATOMIC_NUMBER(uint32, uint32_t)
_Py_ATOMIC_NUMBER(uint64, uint64_t)
_Py_ATOMIC_NUMBER(uintptr, uintptr_t)
_Py_ATOMIC_NUMBER(ssize, Py_ssize_t)

_Py_ATOMIC_BITS(uint8, uint8_t)
_Py_ATOMIC_BITS(uint16, uint16_t)
_Py_ATOMIC_BITS(uint32, uint32_t)
_Py_ATOMIC_BITS(uint64, uint64_t)
_Py_ATOMIC_BITS(uintptr, uintptr_t)

_Py_ATOMIC_RELAXED(char, char)
_Py_ATOMIC_RELAXED(uchar, unsigned char)
_Py_ATOMIC_RELAXED(short, short)
_Py_ATOMIC_RELAXED(ushort, unsigned short)
_Py_ATOMIC_RELAXED(long, long)
_Py_ATOMIC_RELAXED(llong, long long)
_Py_ATOMIC_RELAXED(ullong, unsigned long long)
_Py_ATOMIC_RELAXED(float, float)
_Py_ATOMIC_RELAXED(double, double)

_Py_ATOMIC_LOAD(int, int, _acquire, __ATOMIC_ACQUIRE)
_Py_ATOMIC_LOAD(uint32, uint32_t, _acquire, __ATOMIC_ACQUIRE)
_Py_ATOMIC_LOAD(uint64, uint64_t, _acquire, __ATOMIC_ACQUIRE)
_Py_ATOMIC_LOAD(uintptr, uintptr_t, _acquire, __ATOMIC_ACQUIRE)
_Py_ATOMIC_LOAD(ssize, Py_ssize_t, _acquire, __ATOMIC_ACQUIRE)
_Py_ATOMIC_STORE(int, int, _release, __ATOMIC_RELEASE)
_Py_ATOMIC_STORE(uint, unsigned int, _release, __ATOMIC_RELEASE)
_Py_ATOMIC_STORE(uint32, uint32_t, _release, __ATOMIC_RELEASE)
_Py_ATOMIC_STORE(uint64, uint64_t, _release, __ATOMIC_RELEASE)
_Py_ATOMIC_STORE(uintptr, uintptr_t, _release, __ATOMIC_RELEASE)
_Py_ATOMIC_STORE(ssize, Py_ssize_t, _release, __ATOMIC_RELEASE)

#undef _Py_ATOMIC_ADD
#undef _Py_ATOMIC_EXCHANGE
#undef _Py_ATOMIC_COMPARE_EXCHANGE
#undef _Py_ATOMIC_BITS
#undef _Py_ATOMIC_LOAD
#undef _Py_ATOMIC_STORE
#undef _Py_ATOMIC_RELAXED
#undef _Py_ATOMIC_NUMBER

/* --- Pointers: obj is the address of a pointer of any type --- */
static inline void *_Py_atomic_exchange_ptr(void *obj, void *value) {
    return __atomic_exchange_n((void **)obj, value, __ATOMIC_SEQ_CST);
}
static inline int _Py_atomic_compare_exchange_ptr(void *obj, void *expected, void *desired) {
    return __atomic_compare_exchange_n((void **)obj, (void **)expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
static inline void *_Py_atomic_load_ptr(const void *obj) {
    return __atomic_load_n((void *const *)obj, __ATOMIC_SEQ_CST);
}
static inline void *_Py_atomic_load_ptr_relaxed(const void *obj) {
    return __atomic_load_n((void *const *)obj, __ATOMIC_RELAXED);
}
static inline void *_Py_atomic_load_ptr_acquire(const void *obj) {
    return __atomic_load_n((void *const *)obj, __ATOMIC_ACQUIRE);
}
static inline void _Py_atomic_store_ptr(void *obj, void *value) {
    __atomic_store_n((void **)obj, value, __ATOMIC_SEQ_CST);
}
static inline void _Py_atomic_store_ptr_relaxed(void *obj, void *value) {
    __atomic_store_n((void **)obj, value, __ATOMIC_RELAXED);
}
static inline void _Py_atomic_store_ptr_release(void *obj, void *value) {
    __atomic_store_n((void **)obj, value, __ATOMIC_RELEASE);
}
/* What depends on the loaded pointer is ordered by the processor. */
#define _Py_atomic_load_ptr_consume _Py_atomic_load_ptr_relaxed

/* --- Fences --- */
static inline void _Py_atomic_fence_seq_cst(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void _Py_atomic_fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
static inline void _Py_atomic_fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

/* --- unsigned long --- */
#define _Py_atomic_load_ulong(p) _Py_atomic_load_uint64((const uint64_t *)(p))
#define _Py_atomic_load_ulong_relaxed(p) _Py_atomic_load_uint64_relaxed((const uint64_t *)(p))
#define _Py_atomic_store_ulong(p, v) _Py_atomic_store_uint64((uint64_t *)(p), (uint64_t)(v))
#define _Py_atomic_store_ulong_relaxed(p, v) _Py_atomic_store_uint64_relaxed((uint64_t *)(p), (uint64_t)(v))

#ifdef __cplusplus
}
#endif
#endif  /* Py_LIMITED_API */

#endif
