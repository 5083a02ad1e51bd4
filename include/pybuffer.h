/* The buffer protocol. */
#ifndef Py_PYBUFFER_H
#define Py_PYBUFFER_H

#ifdef __cplusplus
extern "C" {
#endif

#if _Py_API >= 0x030B0000
/* --- What the caller of PyObject_GetBuffer() asks for --- */
#define PyBUF_MAX_NDIM 64
#define PyBUF_SIMPLE 0
#define PyBUF_WRITABLE 0x0001
#ifndef Py_LIMITED_API
#  define PyBUF_WRITEABLE PyBUF_WRITABLE
#endif
#define PyBUF_FORMAT 0x0004
#define PyBUF_ND 0x0008
#define PyBUF_STRIDES (0x0010 | PyBUF_ND)
#define PyBUF_C_CONTIGUOUS (0x0020 | PyBUF_STRIDES)
#define PyBUF_F_CONTIGUOUS (0x0040 | PyBUF_STRIDES)
#define PyBUF_ANY_CONTIGUOUS (0x0080 | PyBUF_STRIDES)
#define PyBUF_INDIRECT (0x0100 | PyBUF_STRIDES)

#define PyBUF_CONTIG (PyBUF_ND | PyBUF_WRITABLE)
#define PyBUF_CONTIG_RO (PyBUF_ND)
#define PyBUF_STRIDED (PyBUF_STRIDES | PyBUF_WRITABLE)
#define PyBUF_STRIDED_RO (PyBUF_STRIDES)
#define PyBUF_RECORDS (PyBUF_STRIDED | PyBUF_FORMAT)
#define PyBUF_RECORDS_RO (PyBUF_STRIDED_RO | PyBUF_FORMAT)
#define PyBUF_FULL (PyBUF_INDIRECT | PyBUF_WRITABLE | PyBUF_FORMAT)
#define PyBUF_FULL_RO (PyBUF_INDIRECT | PyBUF_FORMAT)

/* For PyMemoryView_GetContiguous(). */
#define PyBUF_READ 0x100
#define PyBUF_WRITE 0x200
#endif

#if _Py_API >= 0x030B0000
typedef struct {
    void *buf;
    PyObject *obj;  /* new reference: the exporter */
    Py_ssize_t len;  /* bytes of all items */
    Py_ssize_t itemsize;  /* bytes of an item */
    int readonly;
    int ndim;  /* number of dimensions */
    char *format;  /* as in struct; NULL means "B" */
    Py_ssize_t *shape;  /* items in each dimension */
    Py_ssize_t *strides;  /* bytes from an item to the next */
    Py_ssize_t *suboffsets;  /* for arrays of pointers */
    void *internal;  /* the exporter's */
} Py_buffer;

typedef int (*getbufferproc)(PyObject *, Py_buffer *, int);
typedef void (*releasebufferproc)(PyObject *, Py_buffer *);
#endif

/* --- Requests and releases --- */
#if _Py_API >= 0x030B0000
PyAPI_FUNC(int) PyObject_CheckBuffer(PyObject *obj);  /* true or false */
/* 0, or -1 with an exception; flags: PyBUF_... */
PyAPI_FUNC(int) PyObject_GetBuffer(PyObject *exporter, Py_buffer *view, int flags);
PyAPI_FUNC(void) PyBuffer_Release(Py_buffer *view);  /* once for each buffer; view->obj becomes NULL */
PyAPI_FUNC(Py_ssize_t) PyBuffer_SizeFromFormat(const char *format);  /* bytes of an item; -1 with an exception */
/* 1 or 0; order: 'C', 'F' or 'A' for any of both */
PyAPI_FUNC(int) PyBuffer_IsContiguous(const Py_buffer *view, char order);
/* of the item at the indices */
PyAPI_FUNC(void *) PyBuffer_GetPointer(const Py_buffer *view, const Py_ssize_t *indices);
/* 0, or -1 with an exception; fort: 'C', 'F' or 'A' */
PyAPI_FUNC(int) PyBuffer_FromContiguous(const Py_buffer *view, const void *buf, Py_ssize_t len, char fort);
/* 0, or -1 with an exception; order: 'C', 'F' or 'A' */
PyAPI_FUNC(int) PyBuffer_ToContiguous(void *buf, const Py_buffer *src, Py_ssize_t len, char order);
PyAPI_FUNC(int) PyObject_CopyData(PyObject *dest, PyObject *src);  /* 0, or -1 with an exception */
PyAPI_FUNC(void) PyBuffer_FillContiguousStrides(int ndims, Py_ssize_t *shape, Py_ssize_t *strides, int itemsize,
    char order);  /* fills strides */
PyAPI_FUNC(int) PyBuffer_FillInfo(Py_buffer *view, PyObject *exporter, void *buf, Py_ssize_t len, int readonly,
    int flags);  /* for bf_getbuffer: 0, or -1 with an exception */
#endif

#ifdef __cplusplus
}
#endif

#endif
