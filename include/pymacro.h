/* Macros that are good for any C. */
#ifndef Py_PYMACRO_H
#define Py_PYMACRO_H

/* --- Alignment --- */
/* Declares a member of the type T that is aligned to at least N bytes. */
#if defined(__cplusplus)
#  define _Py_ALIGNED_DEF(N, T) alignas(N) alignas(T) T
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#  define _Py_ALIGNED_DEF(N, T) _Alignas(N) _Alignas(T) T
#else
#  define _Py_ALIGNED_DEF(N, T) Py_ALIGNED(N) T
#endif
/* a is a power of two. */
#define _Py_SIZE_ROUND_DOWN(n, a) ((size_t)(n) & ~(size_t)((a) - 1))
#define _Py_SIZE_ROUND_UP(n, a) (((size_t)(n) + (size_t)((a) - 1)) & ~(size_t)((a) - 1))
#define _Py_ALIGN_DOWN(p, a) ((void *)((uintptr_t)(p) & ~(uintptr_t)((a) - 1)))
#define _Py_ALIGN_UP(p, a) ((void *)(((uintptr_t)(p) + (uintptr_t)((a) - 1)) & ~(uintptr_t)((a) - 1)))
#define _Py_IS_ALIGNED(p, a) (((uintptr_t)(p) & (uintptr_t)((a) - 1)) == 0)

/* --- Numbers --- */
#define Py_MIN(x, y) (((y) < (x)) ? (y) : (x))
#define Py_MAX(x, y) (((y) < (x)) ? (x) : (y))
#define Py_ABS(x) (((x) < 0) ? -(x) : (x))
/* Py_ABS() for the smallest negative number too: the result has the unsigned type T. */
#define _Py_ABS_CAST(T, x) ((x) < 0 ? ((T)((T)-((x) + 1) + 1u)) : ((T)(x)))
#define Py_CHARMASK(c) ((unsigned char)((c) & 0xff))
#define _Py_IS_TYPE_SIGNED(type) ((type)-1 <= 0)

/* --- Text --- */
#define _Py_XSTRINGIFY(x) #x
#define Py_STRINGIFY(x) _Py_XSTRINGIFY(x)

/* --- Members and arrays --- */
#define Py_MEMBER_SIZE(type, member) sizeof(((type *)0)->member)
#define _Py_CONTAINER_OF(ptr, type, member) \
    ((type *)((char *)(_Py_TYPEOF(((type *)0)->member) *){(ptr)} - offsetof(type, member)))

/* Stop the compilation where cond is false: as an expression of the value 0, and as a statement. */
#if defined(__cplusplus)
#  define Py_BUILD_ASSERT_EXPR(cond) (sizeof(char[1 - 2 * !(cond)]) * 0)
#  define Py_BUILD_ASSERT(cond) static_assert((cond), #cond)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#  define Py_BUILD_ASSERT_EXPR(cond) ((void)sizeof(struct { int dummy; _Static_assert(cond, #cond); }), 0)
#  define Py_BUILD_ASSERT(cond) do { _Static_assert((cond), #cond); } while (0)
#else
#  define Py_BUILD_ASSERT_EXPR(cond) (sizeof(char[1 - 2 * !(cond)]) * 0)
#  define Py_BUILD_ASSERT(cond) do { (void)Py_BUILD_ASSERT_EXPR(cond); } while (0)
#endif

/* The number of elements; a pointer is no array and does not compile. */
#if defined(__GNUC__) && !defined(__cplusplus)
#  define Py_ARRAY_LENGTH(array) \
      (sizeof(array) / sizeof((array)[0]) \
       + Py_BUILD_ASSERT_EXPR(!__builtin_types_compatible_p(_Py_TYPEOF(array), _Py_TYPEOF(&(array)[0]))))
#else
#  define Py_ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* --- Docstrings: empty in a build without them --- */
#define PyDoc_VAR(name) static const char name[]
#define PyDoc_STRVAR(name, str) PyDoc_VAR(name) = PyDoc_STR(str)
#ifdef WITH_DOC_STRINGS
#  define PyDoc_STR(str) str
#else
#  define PyDoc_STR(str) ""
#endif

/* --- For the reader and the compiler --- */
/* A parameter that is not used. */
#if defined(__GNUC__) || defined(__clang__)
#  define Py_UNUSED(name) _unused_ ## name __attribute__((unused))
#else
#  define Py_UNUSED(name) _unused_ ## name
#endif

/* A place that is never reached. */
#if defined(Py_DEBUG) || defined(RANDALL_WAS_HERE)
#  define Py_UNREACHABLE() Py_FatalError("a place was reached that was thought to be unreachable")
#elif defined(__GNUC__) || defined(__clang__)
#  define Py_UNREACHABLE() __builtin_unreachable()
#else
#  define Py_UNREACHABLE() Py_FatalError("unreachable")
#endif

/* An expression that cannot stand on the left of an assignment. */
#define _Py_RVALUE(EXPR) ((void)0, (EXPR))

/* --- Versions in one number --- */
#if _Py_API >= 0x030E0000
#  ifdef __cplusplus
extern "C" {
#  endif
/* --- As functions --- */
#if _Py_API >= 0x030E0000
PyAPI_FUNC(uint32_t) Py_PACK_FULL_VERSION(int major, int minor, int micro, int release_level,
    int release_serial);
PyAPI_FUNC(uint32_t) Py_PACK_VERSION(int major, int minor);
#endif
#  ifdef __cplusplus
}
#  endif
#  define Py_PACK_FULL_VERSION _Py_PACK_FULL_VERSION
#  define Py_PACK_VERSION(X, Y) Py_PACK_FULL_VERSION(X, Y, 0, 0, 0)
#endif

#endif
