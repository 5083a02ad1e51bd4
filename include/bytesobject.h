/* bytes. */
#ifndef Py_BYTESOBJECT_H
#define Py_BYTESOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_VAR_HEAD
    Py_DEPRECATED(3.11) Py_hash_t ob_shash;  /* the hash, or -1 where it was not asked for yet */
    char ob_sval[1];                         /* ob_size bytes and a zero */
} PyBytesObject;
#endif

PyAPI_DATA(PyTypeObject) PyBytes_Type;
PyAPI_DATA(PyTypeObject) PyBytesIter_Type;

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyBytes_FromString(const char *v);  /* new reference */
PyAPI_FUNC(PyObject *) PyBytes_FromStringAndSize(const char *v, Py_ssize_t len);  /* new reference */
PyAPI_FUNC(PyObject *) PyBytes_FromFormat(const char *format, ...);  /* new reference */
PyAPI_FUNC(PyObject *) PyBytes_FromFormatV(const char *format, va_list vargs);  /* new reference */
PyAPI_FUNC(PyObject *) PyBytes_FromObject(PyObject *o);  /* new reference */
PyAPI_FUNC(Py_ssize_t) PyBytes_Size(PyObject *o);
PyAPI_FUNC(char *) PyBytes_AsString(PyObject *o);  /* not to be changed; NULL with TypeError */
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyBytes_AsStringAndSize(PyObject *obj, char **buffer, Py_ssize_t *length);
/* *bytes becomes the result, a new reference, or NULL with an exception */
PyAPI_FUNC(void) PyBytes_Concat(PyObject **bytes, PyObject *newpart);
PyAPI_FUNC(void) PyBytes_ConcatAndDel(PyObject **bytes, PyObject *newpart);  /* as PyBytes_Concat(), steals newpart */
PyAPI_FUNC(PyObject *) PyBytes_Repr(PyObject *bytes, int smartquotes);  /* new reference */
PyAPI_FUNC(PyObject *) PyBytes_DecodeEscape(const char *s, Py_ssize_t len, const char *errors,
    Py_ssize_t unicode, const char *recode_encoding);  /* new reference */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) PyBytes_Join(PyObject *sep, PyObject *iterable);  /* new reference */
/* 0, or -1 with an exception and *bytes is NULL; for bytes that nobody else has seen */
PyAPI_FUNC(int) _PyBytes_Resize(PyObject **bytes, Py_ssize_t newsize);
#endif

#define PyBytes_Check(op) PyType_FastSubclass(Py_TYPE(op), Py_TPFLAGS_BYTES_SUBCLASS)
#define PyBytes_CheckExact(op) Py_IS_TYPE((op), &PyBytes_Type)

#ifndef Py_LIMITED_API
/* --- Without checks --- */
#define _PyBytes_CAST(op) (assert(PyBytes_Check(op)), _Py_CAST(PyBytesObject*, op))

static inline char *PyBytes_AS_STRING(PyObject *op) { return _PyBytes_CAST(op)->ob_sval; }
#define PyBytes_AS_STRING(op) PyBytes_AS_STRING(_PyObject_CAST(op))

static inline Py_ssize_t PyBytes_GET_SIZE(PyObject *op) { return Py_SIZE(_PyBytes_CAST(op)); }
#define PyBytes_GET_SIZE(self) PyBytes_GET_SIZE(_PyObject_CAST(self))

Py_DEPRECATED(3.14) static inline PyObject *_PyBytes_Join(PyObject *sep, PyObject *iterable) {
    return PyBytes_Join(sep, iterable);
}
#endif

#ifdef __cplusplus
}
#endif

#endif
