/* Frames. */
#ifndef Py_PYFRAME_H
#define Py_PYFRAME_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
#define PyUnstable_EXECUTABLE_KIND_SKIP 0
#define PyUnstable_EXECUTABLE_KIND_PY_FUNCTION 1
#define PyUnstable_EXECUTABLE_KIND_BUILTIN_FUNCTION 3
#define PyUnstable_EXECUTABLE_KIND_METHOD_DESCRIPTOR 4
#define PyUnstable_EXECUTABLE_KINDS 5
#endif

#ifndef Py_LIMITED_API
struct _PyInterpreterFrame;
#endif

#ifndef Py_LIMITED_API
PyAPI_DATA(PyTypeObject) PyFrame_Type;
PyAPI_DATA(PyTypeObject) PyFrameLocalsProxy_Type;
PyAPI_DATA(const PyTypeObject *const) PyUnstable_ExecutableKinds[6];
#endif

/* --- Parts of a frame --- */
PyAPI_FUNC(PyCodeObject *) PyFrame_GetCode(PyFrameObject *frame);  /* new reference */
PyAPI_FUNC(int) PyFrame_GetLineNumber(PyFrameObject *frame);  /* the line that runs */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyFrameObject *) PyFrame_GetBack(PyFrameObject *frame);  /* new reference */
PyAPI_FUNC(PyObject *) PyFrame_GetBuiltins(PyFrameObject *frame);  /* new reference */
PyAPI_FUNC(PyObject *) PyFrame_GetGenerator(PyFrameObject *frame);  /* new reference */
PyAPI_FUNC(PyObject *) PyFrame_GetGlobals(PyFrameObject *frame);  /* new reference */
PyAPI_FUNC(int) PyFrame_GetLasti(PyFrameObject *frame);  /* the offset of the instruction in bytes, or -1 */
PyAPI_FUNC(PyObject *) PyFrame_GetVar(PyFrameObject *frame, PyObject *name);  /* new reference */
PyAPI_FUNC(PyObject *) PyFrame_GetVarString(PyFrameObject *frame, const char *name);  /* new reference */
PyAPI_FUNC(PyObject *) PyFrame_GetLocals(PyFrameObject *frame);  /* new reference */
#endif

/* --- The interpreter's own frames --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) PyUnstable_InterpreterFrame_GetCode(struct _PyInterpreterFrame *frame);  /* new reference */
/* the offset of the instruction in bytes, or -1 */
PyAPI_FUNC(int) PyUnstable_InterpreterFrame_GetLasti(struct _PyInterpreterFrame *frame);
PyAPI_FUNC(int) PyUnstable_InterpreterFrame_GetLine(struct _PyInterpreterFrame *frame);  /* -1 where there is none */
#endif

#ifndef Py_LIMITED_API
#define PyFrame_Check(op) Py_IS_TYPE((op), &PyFrame_Type)
#define PyFrameLocalsProxy_Check(op) Py_IS_TYPE((op), &PyFrameLocalsProxy_Type)
#endif

#ifdef __cplusplus
}
#endif

#endif
