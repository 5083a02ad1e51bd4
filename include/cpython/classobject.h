/* Methods: functions bound to an object. */
#ifndef Py_CPYTHON_CLASSOBJECT_H
#define Py_CPYTHON_CLASSOBJECT_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    PyObject_HEAD
    PyObject *im_func;
    PyObject *im_self;
    PyObject *im_weakreflist;
    vectorcallfunc vectorcall;
} PyMethodObject;

typedef struct {
    PyObject_HEAD
    PyObject *func;
} PyInstanceMethodObject;

PyAPI_DATA(PyTypeObject) PyMethod_Type;
PyAPI_DATA(PyTypeObject) PyInstanceMethod_Type;

/* --- Instance methods --- */
PyAPI_FUNC(PyObject *) PyInstanceMethod_New(PyObject *func);  /* new reference */
PyAPI_FUNC(PyObject *) PyInstanceMethod_Function(PyObject *im);  /* borrowed reference */

/* --- Methods --- */
PyAPI_FUNC(PyObject *) PyMethod_New(PyObject *func, PyObject *self);  /* new reference */
PyAPI_FUNC(PyObject *) PyMethod_Function(PyObject *meth);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyMethod_Self(PyObject *meth);  /* borrowed reference */

#define PyMethod_Check(op) Py_IS_TYPE((op), &PyMethod_Type)
#define PyInstanceMethod_Check(op) Py_IS_TYPE((op), &PyInstanceMethod_Type)

/* --- Without checks: borrowed references --- */
#define _PyMethod_CAST(meth) (assert(PyMethod_Check(meth)), _Py_CAST(PyMethodObject*, meth))
static inline PyObject *PyMethod_GET_FUNCTION(PyObject *meth) { return _PyMethod_CAST(meth)->im_func; }
#define PyMethod_GET_FUNCTION(meth) PyMethod_GET_FUNCTION(_PyObject_CAST(meth))
static inline PyObject *PyMethod_GET_SELF(PyObject *meth) { return _PyMethod_CAST(meth)->im_self; }
#define PyMethod_GET_SELF(meth) PyMethod_GET_SELF(_PyObject_CAST(meth))

#define _PyInstanceMethod_CAST(meth) (assert(PyInstanceMethod_Check(meth)), _Py_CAST(PyInstanceMethodObject*, meth))
static inline PyObject *PyInstanceMethod_GET_FUNCTION(PyObject *meth) { return _PyInstanceMethod_CAST(meth)->func; }
#define PyInstanceMethod_GET_FUNCTION(meth) PyInstanceMethod_GET_FUNCTION(_PyObject_CAST(meth))

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
