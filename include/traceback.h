/* Tracebacks. */
#ifndef Py_TRACEBACK_H
#define Py_TRACEBACK_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct _traceback PyTracebackObject;
struct _traceback {
    PyObject_HEAD
    PyTracebackObject *tb_next;
    PyFrameObject *tb_frame;
    int tb_lasti;
    int tb_lineno;
};
#endif

PyAPI_DATA(PyTypeObject) PyTraceBack_Type;

/* --- Functions --- */
PyAPI_FUNC(int) PyTraceBack_Here(PyFrameObject *f);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyTraceBack_Print(PyObject *tb, PyObject *f);  /* 0, or -1 with an exception */

#define PyTraceBack_Check(v) Py_IS_TYPE((v), &PyTraceBack_Type)

#ifdef __cplusplus
}
#endif

#endif
