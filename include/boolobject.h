/* True and False. */
#ifndef Py_BOOLOBJECT_H
#define Py_BOOLOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_DATA(PyLongObject) _Py_FalseStruct;
PyAPI_DATA(PyLongObject) _Py_TrueStruct;

/* --- New references to True or False --- */
PyAPI_FUNC(PyObject *) PyBool_FromLong(long v);  /* new reference */

/* --- Truth as an object --- */
PyAPI_FUNC(int) Py_IsTrue(PyObject *x);  /* true or false */
PyAPI_FUNC(int) Py_IsFalse(PyObject *x);  /* true or false */

#define PyBool_Check(x) Py_IS_TYPE((x), &PyBool_Type)

#if defined(Py_LIMITED_API) && _Py_API >= 0x030D0000
#  define Py_False Py_GetConstantBorrowed(Py_CONSTANT_FALSE)
#  define Py_True Py_GetConstantBorrowed(Py_CONSTANT_TRUE)
#else
#  define Py_False _PyObject_CAST(&_Py_FalseStruct)
#  define Py_True _PyObject_CAST(&_Py_TrueStruct)
#endif
#define Py_IsTrue(x) Py_Is((x), Py_True)
#define Py_IsFalse(x) Py_Is((x), Py_False)

/* Before 3.12 they were not immortal. */
#if _Py_API >= 0x030C0000
#  define Py_RETURN_TRUE return Py_True
#  define Py_RETURN_FALSE return Py_False
#else
#  define Py_RETURN_TRUE return Py_NewRef(Py_True)
#  define Py_RETURN_FALSE return Py_NewRef(Py_False)
#endif

#ifdef __cplusplus
}
#endif

#endif
