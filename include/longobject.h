/* int. */
#ifndef Py_LONGOBJECT_H
#define Py_LONGOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#define _Py_PARSE_PID "i"
#define _Py_PARSE_INTPTR "l"
#define _Py_PARSE_UINTPTR "k"
#if _Py_API >= 0x030E0000
#define Py_ASNATIVEBYTES_DEFAULTS -1
#define Py_ASNATIVEBYTES_BIG_ENDIAN 0
#define Py_ASNATIVEBYTES_LITTLE_ENDIAN 1
#define Py_ASNATIVEBYTES_NATIVE_ENDIAN 3
#define Py_ASNATIVEBYTES_UNSIGNED_BUFFER 4
#define Py_ASNATIVEBYTES_REJECT_NEGATIVE 8
#define Py_ASNATIVEBYTES_ALLOW_INDEX 16
#endif

/* --- From C numbers and text: new references --- */
PyAPI_FUNC(PyObject *) PyLong_FromLong(long v);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromUnsignedLong(unsigned long v);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromSsize_t(Py_ssize_t v);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromSize_t(size_t v);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromLongLong(long long v);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromUnsignedLongLong(unsigned long long v);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromDouble(double v);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromString(const char *str, char **pend, int base);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromVoidPtr(void *p);  /* new reference */
#if _Py_API >= 0x030E0000
PyAPI_FUNC(PyObject *) PyLong_FromInt32(int32_t value);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromInt64(int64_t value);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromUInt32(uint32_t value);  /* new reference */
PyAPI_FUNC(PyObject *) PyLong_FromUInt64(uint64_t value);  /* new reference */
/* new reference; flags: Py_ASNATIVEBYTES_... */
PyAPI_FUNC(PyObject *) PyLong_FromNativeBytes(const void *buffer, size_t n_bytes, int flags);
PyAPI_FUNC(PyObject *) PyLong_FromUnsignedNativeBytes(const void *buffer, size_t n_bytes, int flags);  /* new reference */
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) PyLong_FromUnicodeObject(PyObject *u, int base);  /* new reference */
#endif

/* --- To C numbers: -1 (or the like) with an exception where the value does not fit --- */
PyAPI_FUNC(long) PyLong_AsLong(PyObject *obj);  /* -1 with an exception */
/* -1 and *overflow is 1 or -1 where it does not fit; -1 with an exception */
PyAPI_FUNC(long) PyLong_AsLongAndOverflow(PyObject *obj, int *overflow);
PyAPI_FUNC(long long) PyLong_AsLongLong(PyObject *obj);  /* -1 with an exception */
/* -1 and *overflow is 1 or -1 where it does not fit; -1 with an exception */
PyAPI_FUNC(long long) PyLong_AsLongLongAndOverflow(PyObject *obj, int *overflow);
PyAPI_FUNC(Py_ssize_t) PyLong_AsSsize_t(PyObject *pylong);  /* -1 with an exception */
PyAPI_FUNC(unsigned long) PyLong_AsUnsignedLong(PyObject *pylong);  /* (unsigned long)-1 with an exception */
PyAPI_FUNC(size_t) PyLong_AsSize_t(PyObject *pylong);  /* (size_t)-1 with an exception */
/* (unsigned long long)-1 with an exception */
PyAPI_FUNC(unsigned long long) PyLong_AsUnsignedLongLong(PyObject *pylong);
/* cut off, where it does not fit; (unsigned long)-1 with an exception */
PyAPI_FUNC(unsigned long) PyLong_AsUnsignedLongMask(PyObject *obj);
/* cut off, where it does not fit; (unsigned long long)-1 with an exception */
PyAPI_FUNC(unsigned long long) PyLong_AsUnsignedLongLongMask(PyObject *obj);
PyAPI_FUNC(double) PyLong_AsDouble(PyObject *pylong);  /* -1.0 with an exception */
PyAPI_FUNC(void *) PyLong_AsVoidPtr(PyObject *pylong);  /* NULL with an exception */
#if _Py_API >= 0x030D0000
PyAPI_FUNC(int) PyLong_AsInt(PyObject *obj);  /* -1 with an exception */
#endif
#if _Py_API >= 0x030E0000
PyAPI_FUNC(int) PyLong_AsInt32(PyObject *obj, int32_t *value);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyLong_AsInt64(PyObject *obj, int64_t *value);
PyAPI_FUNC(int) PyLong_AsUInt32(PyObject *obj, uint32_t *value);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyLong_AsUInt64(PyObject *obj, uint64_t *value);
/* bytes that the value needs, more than n_bytes where it was cut off; -1 with an exception */
PyAPI_FUNC(Py_ssize_t) PyLong_AsNativeBytes(PyObject *pylong, void *buffer, Py_ssize_t n_bytes, int flags);
#endif

/* --- C strings --- */
PyAPI_FUNC(unsigned long) PyOS_strtoul(const char *str, char **ptr, int base);  /* as strtoul(), whatever the locale */
PyAPI_FUNC(long) PyOS_strtol(const char *str, char **ptr, int base);  /* as strtol(), whatever the locale */

/* --- Questions --- */
PyAPI_FUNC(PyObject *) PyLong_GetInfo(void);
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyLong_GetSign(PyObject *obj, int *sign);  /* cannot fail */
PyAPI_FUNC(int) PyLong_IsPositive(PyObject *obj);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PyLong_IsNegative(PyObject *obj);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PyLong_IsZero(PyObject *obj);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnstable_Long_IsCompact(const PyLongObject *op);  /* true or false */
PyAPI_FUNC(Py_ssize_t) PyUnstable_Long_CompactValue(const PyLongObject *op);
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
Py_DEPRECATED(3.14) PyAPI_FUNC(int) _PyLong_Sign(PyObject *v);
PyAPI_FUNC(int64_t) _PyLong_NumBits(PyObject *v);
PyAPI_FUNC(PyObject *) _PyLong_FromByteArray(const unsigned char *bytes, size_t n, int little_endian,
    int is_signed);
PyAPI_FUNC(int) _PyLong_AsByteArray(PyLongObject *v, unsigned char *bytes, size_t n, int little_endian,
    int is_signed, int with_exceptions);
PyAPI_FUNC(PyObject *) _PyLong_GCD(PyObject *, PyObject *);
#endif

#define PyLong_Check(op) PyType_FastSubclass(Py_TYPE(op), Py_TPFLAGS_LONG_SUBCLASS)
#define PyLong_CheckExact(op) Py_IS_TYPE((op), &PyLong_Type)
#define PyLong_AS_LONG(op) PyLong_AsLong(op)

/* --- Process ids: a pid_t is an int --- */
#define PyLong_FromPid PyLong_FromLong
#if _Py_API >= 0x030D0000
#  define PyLong_AsPid PyLong_AsInt
#else
static inline int PyLong_AsPid(PyObject *obj) {
    int overflow;
    const long value = PyLong_AsLongAndOverflow(obj, &overflow);
    if (overflow != 0 || value < INT_MIN || value > INT_MAX) {
        PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
        return -1;
    }
    return (int)value;
}
#endif

#ifndef Py_LIMITED_API
#define _PyLong_CAST(op) (assert(PyLong_Check(op)), _Py_CAST(PyLongObject*, (op)))
#endif

#ifdef __cplusplus
}
#endif

#endif
