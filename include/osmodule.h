/* Paths that are objects. */
#ifndef Py_OSMODULE_H
#define Py_OSMODULE_H

#ifdef __cplusplus
extern "C" {
#endif

/* --- The operating system --- */
#if _Py_API >= 0x03060000
PyAPI_FUNC(PyObject *) PyOS_FSPath(PyObject *path);  /* new reference */
#endif

#ifdef __cplusplus
}
#endif

#endif
