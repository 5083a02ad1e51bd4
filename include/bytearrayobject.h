/* bytearray. */
#ifndef Py_BYTEARRAYOBJECT_H
#define Py_BYTEARRAYOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_VAR_HEAD
    Py_ssize_t ob_alloc;  /* bytes allocated */
    char *ob_bytes;  /* what was allocated */
    char *ob_start;  /* the first byte in use */
    Py_ssize_t ob_exports;  /* number of buffers */
} PyByteArrayObject;
#endif

PyAPI_DATA(PyTypeObject) PyByteArray_Type;
PyAPI_DATA(PyTypeObject) PyByteArrayIter_Type;
#ifndef Py_LIMITED_API
PyAPI_DATA(char) _PyByteArray_empty_string[];
#endif

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyByteArray_FromObject(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyByteArray_FromStringAndSize(const char *string, Py_ssize_t len);  /* new reference */
PyAPI_FUNC(PyObject *) PyByteArray_Concat(PyObject *a, PyObject *b);  /* new reference */
PyAPI_FUNC(Py_ssize_t) PyByteArray_Size(PyObject *bytearray);
PyAPI_FUNC(char *) PyByteArray_AsString(PyObject *bytearray);  /* a zero follows the bytes; never NULL */
PyAPI_FUNC(int) PyByteArray_Resize(PyObject *bytearray, Py_ssize_t len);  /* 0, or -1 with an exception */

#define PyByteArray_Check(self) PyObject_TypeCheck((self), &PyByteArray_Type)
#define PyByteArray_CheckExact(self) Py_IS_TYPE((self), &PyByteArray_Type)

#ifndef Py_LIMITED_API
/* --- Without checks --- */
#define _PyByteArray_CAST(op) (assert(PyByteArray_Check(op)), _Py_CAST(PyByteArrayObject*, op))

static inline Py_ssize_t PyByteArray_GET_SIZE(PyObject *op) { return Py_SIZE(_PyByteArray_CAST(op)); }
#define PyByteArray_GET_SIZE(self) PyByteArray_GET_SIZE(_PyObject_CAST(self))

static inline char *PyByteArray_AS_STRING(PyObject *op) {
    return PyByteArray_GET_SIZE(op) != 0 ? _PyByteArray_CAST(op)->ob_start : _PyByteArray_empty_string;
}
#define PyByteArray_AS_STRING(self) PyByteArray_AS_STRING(_PyObject_CAST(self))
#endif

#ifdef __cplusplus
}
#endif

#endif
