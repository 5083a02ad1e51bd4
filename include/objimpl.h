/* Memory of objects, and the cycle collector. */
#ifndef Py_OBJIMPL_H
#define Py_OBJIMPL_H

#ifdef __cplusplus
extern "C" {
#endif

#define PyObject_MALLOC PyObject_Malloc
#define PyObject_REALLOC PyObject_Realloc
#define PyObject_FREE PyObject_Free
#define PyObject_Del PyObject_Free
#define PyObject_DEL PyObject_Free

#ifndef Py_LIMITED_API
/* Functions for arenas, and their first argument. */
typedef struct {
    void *ctx;
    void *(*alloc) (void *ctx, size_t size);
    void (*free) (void *ctx, void *ptr, size_t size);
} PyObjectArenaAllocator;

typedef int (*gcvisitobjects_t)(PyObject *, void *);
#endif

/* --- The collector --- */
PyAPI_FUNC(Py_ssize_t) PyGC_Collect(void);  /* objects that were collected or cannot be */
PyAPI_FUNC(int) PyGC_Enable(void);  /* 1 where it was enabled */
PyAPI_FUNC(int) PyGC_Disable(void);  /* 1 where it was enabled */
PyAPI_FUNC(int) PyGC_IsEnabled(void);  /* true or false */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyUnstable_GC_VisitObjects(gcvisitobjects_t callback, void *arg);  /* while the callback gives 1 */
#endif

/* --- Objects that the collector knows --- */
PyAPI_FUNC(void) PyObject_GC_Track(void *op);  /* once the members that tp_traverse visits are valid */
PyAPI_FUNC(int) PyObject_GC_IsTracked(PyObject *op);  /* true or false */
PyAPI_FUNC(int) PyObject_GC_IsFinalized(PyObject *op);  /* true or false */
PyAPI_FUNC(void) PyObject_GC_Del(void *op);  /* for tp_free */
PyAPI_FUNC(void) PyObject_GC_UnTrack(void *op);  /* at the beginning of tp_dealloc */
PyAPI_FUNC(PyVarObject *) _PyObject_GC_Resize(PyVarObject *, Py_ssize_t);
PyAPI_FUNC(PyObject *) _PyObject_GC_New(PyTypeObject *);
PyAPI_FUNC(PyVarObject *) _PyObject_GC_NewVar(PyTypeObject *, Py_ssize_t);
#ifndef Py_LIMITED_API
/* new reference; the further bytes are zero */
PyAPI_FUNC(PyObject *) PyUnstable_Object_GC_NewWithExtraData(PyTypeObject *type, size_t extra_size);
PyAPI_FUNC(int) PyObject_IS_GC(PyObject *obj);  /* true or false */
#endif

/* --- New objects, not initialized --- */
PyAPI_FUNC(PyObject *) _PyObject_New(PyTypeObject *type);  /* new reference */
PyAPI_FUNC(PyVarObject *) _PyObject_NewVar(PyTypeObject *type, Py_ssize_t size);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_Init(PyObject *op, PyTypeObject *type);  /* borrowed reference */
/* borrowed reference */
PyAPI_FUNC(PyVarObject *) PyObject_InitVar(PyVarObject *op, PyTypeObject *type, Py_ssize_t size);

/* --- Memory for objects --- */
PyAPI_FUNC(void *) PyObject_Malloc(size_t n);  /* NULL where there is no memory */
PyAPI_FUNC(void *) PyObject_Realloc(void *p, size_t n);  /* NULL, and p stays, where there is no memory */
PyAPI_FUNC(void) PyObject_Free(void *p);  /* NULL does no harm */
#if _Py_API >= 0x03050000
PyAPI_FUNC(void *) PyObject_Calloc(size_t nelem, size_t elsize);  /* zeroed; NULL where there is no memory */
#endif

/* --- Arenas --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyObject_GetArenaAllocator(PyObjectArenaAllocator *allocator);  /* what allocates arenas now */
PyAPI_FUNC(void) PyObject_SetArenaAllocator(PyObjectArenaAllocator *allocator);  /* before the interpreter starts */
#endif

/* --- Types --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyType_SUPPORTS_WEAKREFS(PyTypeObject *type);  /* true or false: cannot fail */
#endif

/* --- Weak references --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject **) PyObject_GET_WEAKREFS_LISTPTR(PyObject *object);  /* where the list of weak references is */
#endif

/* --- With the type of the result --- */
#define PyObject_New(type, typeobj) ((type *)_PyObject_New(typeobj))
#define PyObject_NewVar(type, typeobj, n) ((type *)_PyObject_NewVar((typeobj), (n)))
#define PyObject_GC_New(type, typeobj) _Py_CAST(type*, _PyObject_GC_New(typeobj))
#define PyObject_GC_NewVar(type, typeobj, n) _Py_CAST(type*, _PyObject_GC_NewVar((typeobj), (n)))
#define PyObject_GC_Resize(type, op, n) ((type *)_PyObject_GC_Resize(_PyVarObject_CAST(op), (n)))

#define PyObject_INIT(op, typeobj) PyObject_Init(_PyObject_CAST(op), (typeobj))
#define PyObject_INIT_VAR(op, typeobj, size) PyObject_InitVar(_PyVarObject_CAST(op), (typeobj), (size))
#define PyObject_NEW(type, typeobj) PyObject_New(type, typeobj)
#define PyObject_NEW_VAR(type, typeobj, n) PyObject_NewVar(type, typeobj, n)

/* --- For tp_traverse: the parameters have to be called visit and arg --- */
#define Py_VISIT(op) \
    do { \
        if (op) { \
            int _visit_result = visit(_PyObject_CAST(op), arg); \
            if (_visit_result) return _visit_result; \
        } \
    } while (0)

#define PyType_IS_GC(t) PyType_HasFeature((t), Py_TPFLAGS_HAVE_GC)

#ifndef Py_LIMITED_API
/* --- Bytes that an instance takes --- */
static inline size_t _PyObject_SIZE(PyTypeObject *type) { return _Py_STATIC_CAST(size_t, type->tp_basicsize); }

static inline size_t _PyObject_VAR_SIZE(PyTypeObject *type, Py_ssize_t nitems) {
    const size_t size = _Py_STATIC_CAST(size_t, type->tp_basicsize)
                        + _Py_STATIC_CAST(size_t, nitems) * _Py_STATIC_CAST(size_t, type->tp_itemsize);
    return _Py_SIZE_ROUND_UP(size, SIZEOF_VOID_P);
}
#endif

#ifdef __cplusplus
}
#endif

#endif
