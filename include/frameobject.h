/* Frame objects: what Python.h does not have. To be included by its name. */
#ifndef Py_FRAMEOBJECT_H
#define Py_FRAMEOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_HEAD
    PyFrameObject *frame;
} PyFrameLocalsProxyObject;
#endif

/* --- Parts of a frame --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyFrameObject *) PyFrame_New(PyThreadState *tstate, PyCodeObject *code, PyObject *globals,
    PyObject *locals);  /* new reference */
#endif

/* --- Nothing is to be done any more --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyFrame_LocalsToFast(PyFrameObject *f, int clear);  /* does nothing */
PyAPI_FUNC(void) PyFrame_FastToLocals(PyFrameObject *f);  /* does nothing */
PyAPI_FUNC(int) PyFrame_FastToLocalsWithError(PyFrameObject *f);  /* 0: does nothing */
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) _PyFrame_IsEntryFrame(PyFrameObject *frame);
#endif

#ifdef __cplusplus
}
#endif

#endif
