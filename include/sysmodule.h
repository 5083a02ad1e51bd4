/* The sys module. */
#ifndef Py_SYSMODULE_H
#define Py_SYSMODULE_H

#ifdef __cplusplus
extern "C" {
#endif

/* --- sys.argv --- */
/* sets sys.argv; updatepath: inserts the script's directory into sys.path */
Py_DEPRECATED(3.11) PyAPI_FUNC(void) PySys_SetArgvEx(int argc, wchar_t **argv, int updatepath);
/* sets sys.argv, and inserts the script's directory into sys.path */
Py_DEPRECATED(3.11) PyAPI_FUNC(void) PySys_SetArgv(int argc, wchar_t **argv);

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PySys_GetObject(const char *name);  /* borrowed reference; NULL without an exception */
PyAPI_FUNC(int) PySys_SetObject(const char *name, PyObject *v);  /* 0, or -1 with an exception; v NULL deletes */
Py_DEPRECATED(3.13) PyAPI_FUNC(void) PySys_ResetWarnOptions(void);
/* at most 1000 bytes */
PyAPI_FUNC(void) PySys_WriteStdout(const char *format, ...) Py_GCC_ATTRIBUTE((format(printf, 1, 2)));
/* at most 1000 bytes */
PyAPI_FUNC(void) PySys_WriteStderr(const char *format, ...) Py_GCC_ATTRIBUTE((format(printf, 1, 2)));
PyAPI_FUNC(void) PySys_FormatStdout(const char *format, ...);  /* the format is PyUnicode_FromFormat()'s */
PyAPI_FUNC(void) PySys_FormatStderr(const char *format, ...);  /* the format is PyUnicode_FromFormat()'s */
PyAPI_FUNC(PyObject *) PySys_GetXOptions(void);  /* borrowed reference */

#ifdef __cplusplus
}
#endif

#endif
