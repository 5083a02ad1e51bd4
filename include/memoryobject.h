/* memoryview. */
#ifndef Py_MEMORYOBJECT_H
#define Py_MEMORYOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
#define _Py_MANAGED_BUFFER_RELEASED 0x001
#define _Py_MANAGED_BUFFER_FREE_FORMAT 0x002
#define _Py_MEMORYVIEW_RELEASED 0x001
#define _Py_MEMORYVIEW_C 0x002
#define _Py_MEMORYVIEW_FORTRAN 0x004
#define _Py_MEMORYVIEW_SCALAR 0x008
#define _Py_MEMORYVIEW_PIL 0x010
#define _Py_MEMORYVIEW_RESTRICTED 0x020
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_HEAD
    int flags;
    Py_ssize_t exports;
    Py_buffer master;
} _PyManagedBufferObject;

typedef struct {
    PyObject_VAR_HEAD
    _PyManagedBufferObject *mbuf;
    Py_hash_t hash;
    int flags;
    Py_ssize_t exports;
    Py_buffer view;
    PyObject *weakreflist;
    Py_ssize_t ob_array[1];
} PyMemoryViewObject;
#endif

PyAPI_DATA(PyTypeObject) PyMemoryView_Type;

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyMemoryView_FromObject(PyObject *obj);  /* new reference */
PyAPI_FUNC(PyObject *) PyMemoryView_GetContiguous(PyObject *obj, int buffertype, char order);  /* new reference */
#if _Py_API >= 0x03030000
PyAPI_FUNC(PyObject *) PyMemoryView_FromMemory(char *mem, Py_ssize_t size, int flags);  /* new reference */
#endif
#if _Py_API >= 0x030B0000
PyAPI_FUNC(PyObject *) PyMemoryView_FromBuffer(const Py_buffer *view);  /* new reference */
#endif

#define PyMemoryView_Check(op) Py_IS_TYPE((op), &PyMemoryView_Type)

#ifndef Py_LIMITED_API
/* --- Without checks --- */
#define _PyMemoryView_CAST(op) _Py_CAST(PyMemoryViewObject*, op)

static inline Py_buffer *PyMemoryView_GET_BUFFER(PyObject *op) { return &_PyMemoryView_CAST(op)->view; }
#define PyMemoryView_GET_BUFFER(op) PyMemoryView_GET_BUFFER(_PyObject_CAST(op))

/* The object that the memory belongs to, or NULL: borrowed reference. */
static inline PyObject *PyMemoryView_GET_BASE(PyObject *op) { return _PyMemoryView_CAST(op)->view.obj; }
#define PyMemoryView_GET_BASE(op) PyMemoryView_GET_BASE(_PyObject_CAST(op))
#endif

#ifdef __cplusplus
}
#endif

#endif
