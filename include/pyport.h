/* The compiler and the platform: types, casts, attributes. */
#ifndef Py_PYPORT_H
#define Py_PYPORT_H

#include "pyconfig.h"
#include "exports.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>
#ifndef UCHAR_MAX
#  error "<limits.h> does not define UCHAR_MAX"
#endif
#if UCHAR_MAX != 255
#  error "a char has eight bits here"
#endif

/* The API level that the including file asks for: the version in Py_LIMITED_API, or more than any for the full API. */
#ifdef Py_LIMITED_API
#  define _Py_API (Py_LIMITED_API+0)
#else
#  define _Py_API 0x7FFFFFFF
#endif

/* --- What the compiler has --- */
#ifdef __has_builtin
#  define _Py__has_builtin(x) __has_builtin(x)
#else
#  define _Py__has_builtin(x) 0
#endif
#ifdef __has_attribute
#  define _Py__has_attribute(x) __has_attribute(x)
#else
#  define _Py__has_attribute(x) 0
#endif

/* --- Casts that both languages take --- */
#ifdef __cplusplus
#  define _Py_STATIC_CAST(type, expr) static_cast<type>(expr)
#else
#  define _Py_STATIC_CAST(type, expr) ((type)(expr))
#endif
#define _Py_CAST(type, expr) ((type)(expr))
/* Between function types: through void (*)(void), which no compiler warns about. */
#define _Py_FUNC_CAST(T, func) _Py_CAST(T, _Py_CAST(void (*)(void), (func)))

#if (defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L) || (defined(__cplusplus) && __cplusplus >= 201103L)
#  define _Py_NULL nullptr
#else
#  define _Py_NULL NULL
#endif

/* --- Numbers --- */
#define PY_LONG_LONG long long
#define PY_LLONG_MIN LLONG_MIN
#define PY_LLONG_MAX LLONG_MAX
#define PY_ULLONG_MAX ULLONG_MAX
#define PY_UINT32_T uint32_t
#define PY_UINT64_T uint64_t
#define PY_INT32_T int32_t
#define PY_INT64_T int64_t
#define PYLONG_BITS_IN_DIGIT 30
#define PY_FORMAT_SIZE_T "z"

typedef uintptr_t Py_uintptr_t;
typedef intptr_t Py_intptr_t;
typedef ssize_t Py_ssize_t;  /* sizes and indices */
typedef Py_ssize_t Py_hash_t;
typedef size_t Py_uhash_t;
typedef Py_ssize_t Py_ssize_clean_t;  /* the length that "#" formats store */

#define SIZEOF_PY_HASH_T SIZEOF_SIZE_T
#define SIZEOF_PY_UHASH_T SIZEOF_SIZE_T
#define PY_SIZE_MAX SIZE_MAX
#define PY_SSIZE_T_MAX SSIZE_MAX
#define PY_SSIZE_T_MIN (-PY_SSIZE_T_MAX - 1)

#define Py_LL(x) x##LL
#define Py_ULL(x) Py_LL(x##U)
#define Py_FORCE_EXPANSION(X) X
/* The sign is kept on this platform. */
#define Py_ARITHMETIC_RIGHT_SHIFT(TYPE, I, J) ((I) >> (J))
/* Checked with Py_DEBUG only. */
#ifdef Py_DEBUG
#  define Py_SAFE_DOWNCAST(VALUE, WIDE, NARROW) \
      (assert(_Py_STATIC_CAST(WIDE, _Py_STATIC_CAST(NARROW, (VALUE))) == (VALUE)), _Py_STATIC_CAST(NARROW, (VALUE)))
#else
#  define Py_SAFE_DOWNCAST(VALUE, WIDE, NARROW) _Py_STATIC_CAST(NARROW, (VALUE))
#endif

/* For arrays of names: in C an array of char * has to do, in C++ also one of const char *. */
#ifdef __cplusplus
#  define PY_CXX_CONST const
#else
#  define PY_CXX_CONST
#endif

/* --- Functions of one file --- */
#define Py_LOCAL(type) static type
#define Py_LOCAL_INLINE(type) static inline type
#if !defined(Py_LIMITED_API) || _Py_API < 0x030B0000
#  define Py_MEMCPY memcpy
#endif
#define Py_VA_COPY va_copy

/* --- Attributes --- */
#if defined(__GNUC__) || defined(__clang__)
#  define Py_DEPRECATED(VERSION_UNUSED) __attribute__((__deprecated__))
#  define Py_GCC_ATTRIBUTE(x) __attribute__(x)
#  define Py_ALIGNED(x) __attribute__((aligned(x)))
#  define Py_ALWAYS_INLINE __attribute__((always_inline))
#  define Py_NO_INLINE __attribute__((noinline))
#  define _Py_NO_RETURN __attribute__((__noreturn__))
#else
#  define Py_DEPRECATED(VERSION_UNUSED)
#  define Py_GCC_ATTRIBUTE(x)
#  define Py_ALIGNED(x)
#  define Py_ALWAYS_INLINE
#  define Py_NO_INLINE
#  define _Py_NO_RETURN
#endif
#define _Py_DEPRECATED_EXTERNALLY(version) Py_DEPRECATED(version)
#define _Py_TYPEOF(expr) __typeof__(expr)
#define _Py_HOT_FUNCTION
#if _Py__has_attribute(fallthrough)
#  define _Py_FALLTHROUGH __attribute__((fallthrough))
#else
#  define _Py_FALLTHROUGH do { } while (0)
#endif
#if _Py__has_attribute(nonstring) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 15
#  define _Py_NONSTRING __attribute__((nonstring))
#else
#  define _Py_NONSTRING
#endif

/* Around a use of something deprecated. */
#if defined(__clang__)
#  define _Py_COMP_DIAG_PUSH _Pragma("clang diagnostic push")
#  define _Py_COMP_DIAG_IGNORE_DEPR_DECLS _Pragma("clang diagnostic ignored \"-Wdeprecated-declarations\"")
#  define _Py_COMP_DIAG_POP _Pragma("clang diagnostic pop")
#elif defined(__GNUC__)
#  define _Py_COMP_DIAG_PUSH _Pragma("GCC diagnostic push")
#  define _Py_COMP_DIAG_IGNORE_DEPR_DECLS _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"")
#  define _Py_COMP_DIAG_POP _Pragma("GCC diagnostic pop")
#else
#  define _Py_COMP_DIAG_PUSH
#  define _Py_COMP_DIAG_IGNORE_DEPR_DECLS
#  define _Py_COMP_DIAG_POP
#endif

/* --- Sanitizers --- */
#if defined(__has_feature)
#  if __has_feature(memory_sanitizer)
#    define _Py_MEMORY_SANITIZER
#    define _Py_NO_SANITIZE_MEMORY __attribute__((no_sanitize_memory))
#  endif
#  if __has_feature(address_sanitizer)
#    define _Py_ADDRESS_SANITIZER
#    define _Py_NO_SANITIZE_ADDRESS __attribute__((no_sanitize("address")))
#  endif
#  if __has_feature(thread_sanitizer)
#    define _Py_THREAD_SANITIZER
#    define _Py_NO_SANITIZE_THREAD __attribute__((no_sanitize_thread))
#  endif
#elif defined(__GNUC__)
#  ifdef __SANITIZE_ADDRESS__
#    define _Py_ADDRESS_SANITIZER
#    define _Py_NO_SANITIZE_ADDRESS __attribute__((no_sanitize_address))
#  endif
#  ifdef __SANITIZE_THREAD__
#    define _Py_THREAD_SANITIZER
#    define _Py_NO_SANITIZE_THREAD __attribute__((no_sanitize_thread))
#  endif
#endif
#ifndef _Py_NO_SANITIZE_ADDRESS
#  define _Py_NO_SANITIZE_ADDRESS
#endif
#ifndef _Py_NO_SANITIZE_THREAD
#  define _Py_NO_SANITIZE_THREAD
#endif
#ifndef _Py_NO_SANITIZE_MEMORY
#  define _Py_NO_SANITIZE_MEMORY
#endif
#ifndef _Py_NO_SANITIZE_UNDEFINED
#  define _Py_NO_SANITIZE_UNDEFINED
#endif
#ifdef _Py_MEMORY_SANITIZER
#  include <sanitizer/msan_interface.h>
#  define _Py_MSAN_UNPOISON(PTR, SIZE) (__msan_unpoison((PTR), (SIZE)))
#  define _Py_MSAN_UNPOISON_STRING(STR) (__msan_unpoison_string(STR))
#else
#  define _Py_MSAN_UNPOISON(PTR, SIZE)
#  define _Py_MSAN_UNPOISON_STRING(STR)
#endif

/* --- Names of the past --- */
#ifndef WITH_THREAD
#  define WITH_THREAD
#endif
#define HAVE_LONG_LONG 1
#define PY_BIG_ENDIAN 0
#define PY_LITTLE_ENDIAN 1
#define PY_DWORD_MAX 4294967295U
#define Py_CAN_START_THREADS 1

#endif
