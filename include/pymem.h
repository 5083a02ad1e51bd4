/* Memory that is no object. */
#ifndef Py_PYMEM_H
#define Py_PYMEM_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef enum {
    PYMEM_DOMAIN_RAW,
    PYMEM_DOMAIN_MEM,
    PYMEM_DOMAIN_OBJ
} PyMemAllocatorDomain;

typedef enum {
    PYMEM_ALLOCATOR_NOT_SET = 0,
    PYMEM_ALLOCATOR_DEFAULT = 1,
    PYMEM_ALLOCATOR_DEBUG = 2,
    PYMEM_ALLOCATOR_MALLOC = 3,
    PYMEM_ALLOCATOR_MALLOC_DEBUG = 4,
    PYMEM_ALLOCATOR_PYMALLOC = 5,
    PYMEM_ALLOCATOR_PYMALLOC_DEBUG = 6,
    PYMEM_ALLOCATOR_MIMALLOC = 7,
    PYMEM_ALLOCATOR_MIMALLOC_DEBUG = 8,
} PyMemAllocatorName;

/* Functions of an allocator, and their first argument. */
typedef struct {
    void *ctx;
    void *(*malloc) (void *ctx, size_t size);
    void *(*calloc) (void *ctx, size_t nelem, size_t elsize);
    void *(*realloc) (void *ctx, void *ptr, size_t new_size);
    void (*free) (void *ctx, void *ptr);
} PyMemAllocatorEx;
#endif

/* --- Without the GIL --- */
#if _Py_API >= 0x030D0000
PyAPI_FUNC(void *) PyMem_RawMalloc(size_t n);  /* NULL where there is no memory */
PyAPI_FUNC(void *) PyMem_RawCalloc(size_t nelem, size_t elsize);  /* zeroed; NULL where there is no memory */
PyAPI_FUNC(void *) PyMem_RawRealloc(void *p, size_t n);  /* NULL, and p stays, where there is no memory */
PyAPI_FUNC(void) PyMem_RawFree(void *p);  /* NULL does no harm */
#endif

/* --- With the GIL --- */
PyAPI_FUNC(void *) PyMem_Malloc(size_t n);  /* NULL where there is no memory */
PyAPI_FUNC(void *) PyMem_Calloc(size_t nelem, size_t elsize);  /* zeroed; NULL where there is no memory */
PyAPI_FUNC(void *) PyMem_Realloc(void *p, size_t n);  /* NULL, and p stays, where there is no memory */
PyAPI_FUNC(void) PyMem_Free(void *p);  /* NULL does no harm */

/* --- Other allocators --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyMem_GetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx *allocator);  /* what the domain uses */
/* the raw domain's has to work without the GIL */
PyAPI_FUNC(void) PyMem_SetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx *allocator);
PyAPI_FUNC(void) PyMem_SetupDebugHooks(void);  /* around the allocators of all domains */
#endif

/* --- With a type: n elements, or NULL where n is negative or too large --- */
#define PyMem_New(type, n) \
    (((size_t)(n) > PY_SSIZE_T_MAX / sizeof(type)) ? NULL : ((type *)PyMem_Malloc((n) * sizeof(type))))
#define PyMem_Resize(p, type, n) \
    ((p) = ((size_t)(n) > PY_SSIZE_T_MAX / sizeof(type)) ? NULL : (type *)PyMem_Realloc((p), (n) * sizeof(type)))

/* --- Names of the past --- */
#define PyMem_MALLOC(n) PyMem_Malloc(n)
#define PyMem_NEW(type, n) PyMem_New(type, (n))
#define PyMem_REALLOC(p, n) PyMem_Realloc((p), (n))
#define PyMem_RESIZE(p, type, n) PyMem_Resize((p), type, (n))
#define PyMem_FREE(p) PyMem_Free((p))
#define PyMem_Del(p) PyMem_Free((p))
#define PyMem_DEL(p) PyMem_Free((p))

#ifdef __cplusplus
}
#endif

#endif
