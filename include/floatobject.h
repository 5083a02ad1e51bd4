/* float. */
#ifndef Py_FLOATOBJECT_H
#define Py_FLOATOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_HEAD
    double ob_fval;
} PyFloatObject;
#endif

PyAPI_DATA(PyTypeObject) PyFloat_Type;

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyFloat_FromString(PyObject *str);  /* new reference */
PyAPI_FUNC(PyObject *) PyFloat_FromDouble(double v);  /* new reference */
PyAPI_FUNC(double) PyFloat_AsDouble(PyObject *pyfloat);  /* -1.0 with an exception */
PyAPI_FUNC(PyObject *) PyFloat_GetInfo(void);  /* new reference */
PyAPI_FUNC(double) PyFloat_GetMax(void);  /* the largest finite number */
PyAPI_FUNC(double) PyFloat_GetMin(void);  /* the smallest positive normal number */

/* --- Bytes of a double, in the order that le says: 0, or -1 with an exception --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyFloat_Pack2(double x, char *p, int le);  /* two bytes */
PyAPI_FUNC(int) PyFloat_Pack4(double x, char *p, int le);  /* four bytes */
PyAPI_FUNC(int) PyFloat_Pack8(double x, char *p, int le);  /* eight bytes */
#endif

/* --- A double from bytes: -1.0 with an exception --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(double) PyFloat_Unpack2(const char *p, int le);  /* two bytes */
PyAPI_FUNC(double) PyFloat_Unpack4(const char *p, int le);  /* four bytes */
PyAPI_FUNC(double) PyFloat_Unpack8(const char *p, int le);  /* eight bytes */
#endif

#define PyFloat_Check(op) PyObject_TypeCheck((op), &PyFloat_Type)
#define PyFloat_CheckExact(op) Py_IS_TYPE((op), &PyFloat_Type)

#define Py_RETURN_NAN return PyFloat_FromDouble(Py_NAN)
#define Py_RETURN_INF(sign) return PyFloat_FromDouble(copysign(Py_INFINITY, (sign)))

#ifndef Py_LIMITED_API
#define _PyFloat_CAST(op) (assert(PyFloat_Check(op)), _Py_CAST(PyFloatObject*, op))
static inline double PyFloat_AS_DOUBLE(PyObject *op) { return _PyFloat_CAST(op)->ob_fval; }
#define PyFloat_AS_DOUBLE(op) PyFloat_AS_DOUBLE(_PyObject_CAST(op))
#endif

#ifdef __cplusplus
}
#endif

#endif
