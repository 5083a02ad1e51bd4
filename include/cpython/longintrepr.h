/* How an int is stored, and its export and import. */
#ifndef Py_CPYTHON_LONGINTREPR_H
#define Py_CPYTHON_LONGINTREPR_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

#define PyLong_SHIFT 30  /* bits of a digit */
#define _PyLong_DECIMAL_SHIFT 9
#define _PyLong_SIGN_MASK 3
#define _PyLong_NON_SIZE_BITS 3

typedef uint32_t digit;
typedef int32_t sdigit;
typedef uint64_t twodigits;
typedef int64_t stwodigits;
typedef struct _PyLongValue {
    uintptr_t lv_tag;  /* number of digits, and the sign in the lower bits */
    digit ob_digit[1];  /* the lowest first */
} _PyLongValue;

struct _longobject {
    PyObject_HEAD
    _PyLongValue long_value;
};

/* How digits are stored. */
typedef struct PyLongLayout {
    uint8_t bits_per_digit;
    uint8_t digit_size;
    int8_t digits_order;
    int8_t digit_endianness;
} PyLongLayout;

/* An int for reading: value where digits is NULL. */
typedef struct PyLongExport {
    int64_t value;
    uint8_t negative;
    Py_ssize_t ndigits;
    const void *digits;
    Py_uintptr_t _reserved;
} PyLongExport;

typedef struct PyLongWriter PyLongWriter;

/* --- Export: the digits of an int --- */
PyAPI_FUNC(const PyLongLayout *) PyLong_GetNativeLayout(void);
PyAPI_FUNC(int) PyLong_Export(PyObject *obj, PyLongExport *export_long);  /* cannot fail */
PyAPI_FUNC(void) PyLong_FreeExport(PyLongExport *export_long);

/* --- Import: an int from digits --- */
PyAPI_FUNC(PyLongWriter *) PyLongWriter_Create(int negative, Py_ssize_t ndigits, void **digits);
PyAPI_FUNC(PyObject *) PyLongWriter_Finish(PyLongWriter *writer);  /* new reference */
PyAPI_FUNC(void) PyLongWriter_Discard(PyLongWriter *writer);

/* --- Names with an underscore: not for new code --- */
Py_DEPRECATED(3.14) PyAPI_FUNC(PyLongObject *) _PyLong_New(Py_ssize_t);
PyAPI_FUNC(PyObject *) _PyLong_Copy(PyLongObject *src);
Py_DEPRECATED(3.14) PyAPI_FUNC(PyLongObject *) _PyLong_FromDigits(int negative, Py_ssize_t digit_count,
    digit *digits);

#define PyLong_BASE ((digit)1 << PyLong_SHIFT)
#define PyLong_MASK ((digit)(PyLong_BASE - 1))
#define _PyLong_DECIMAL_BASE ((digit)1000000000)

/* One digit or none: the value is at hand. */
static inline int _PyLong_IsCompact(const PyLongObject *op) {
    assert(PyType_HasFeature(op->ob_base.ob_type, Py_TPFLAGS_LONG_SUBCLASS));
    return op->long_value.lv_tag < (2 << _PyLong_NON_SIZE_BITS);
}
#define PyUnstable_Long_IsCompact _PyLong_IsCompact

static inline Py_ssize_t _PyLong_CompactValue(const PyLongObject *op) {
    const Py_ssize_t sign = 1 - _Py_STATIC_CAST(Py_ssize_t, op->long_value.lv_tag & _PyLong_SIGN_MASK);
    assert(_PyLong_IsCompact(op));
    return sign * _Py_STATIC_CAST(Py_ssize_t, op->long_value.ob_digit[0]);
}
#define PyUnstable_Long_CompactValue _PyLong_CompactValue

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
