/* complex. */
#ifndef Py_COMPLEXOBJECT_H
#define Py_COMPLEXOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    double real;
    double imag;
} Py_complex;

typedef struct {
    PyObject_HEAD
    Py_complex cval;
} PyComplexObject;
#endif

PyAPI_DATA(PyTypeObject) PyComplex_Type;

/* --- Arithmetic with C structs --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(Py_complex) _Py_c_sum(Py_complex left, Py_complex right);
PyAPI_FUNC(Py_complex) _Py_c_diff(Py_complex left, Py_complex right);
PyAPI_FUNC(Py_complex) _Py_c_neg(Py_complex num);
PyAPI_FUNC(Py_complex) _Py_c_prod(Py_complex left, Py_complex right);
PyAPI_FUNC(Py_complex) _Py_c_quot(Py_complex dividend, Py_complex divisor);
PyAPI_FUNC(Py_complex) _Py_c_pow(Py_complex num, Py_complex exp);
#endif

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyComplex_FromDoubles(double real, double imag);  /* new reference */
PyAPI_FUNC(double) PyComplex_RealAsDouble(PyObject *op);  /* -1.0 with an exception */
PyAPI_FUNC(double) PyComplex_ImagAsDouble(PyObject *op);  /* -1.0 with an exception */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) PyComplex_FromCComplex(Py_complex v);  /* new reference */
PyAPI_FUNC(Py_complex) PyComplex_AsCComplex(PyObject *op);
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(double) _Py_c_abs(Py_complex);
#endif

#define PyComplex_Check(op) PyObject_TypeCheck((op), &PyComplex_Type)
#define PyComplex_CheckExact(op) Py_IS_TYPE((op), &PyComplex_Type)

#ifdef __cplusplus
}
#endif

#endif
