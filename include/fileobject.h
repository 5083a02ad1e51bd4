/* File objects, as far as C knows them. */
#ifndef Py_FILEOBJECT_H
#define Py_FILEOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#define PY_STDIOTEXTMODE "b"

#ifndef Py_LIMITED_API
typedef PyObject *(*Py_OpenCodeHookFunction)(PyObject *, void *);
#endif

Py_DEPRECATED(3.12) PyAPI_DATA(const char *) Py_FileSystemDefaultEncoding;
Py_DEPRECATED(3.12) PyAPI_DATA(int) Py_HasFileSystemDefaultEncoding;
#if _Py_API >= 0x03060000
Py_DEPRECATED(3.12) PyAPI_DATA(const char *) Py_FileSystemDefaultEncodeErrors;
#endif
#if _Py_API >= 0x03070000
Py_DEPRECATED(3.12) PyAPI_DATA(int) Py_UTF8Mode;
#endif
#ifndef Py_LIMITED_API
PyAPI_DATA(PyTypeObject) PyStdPrinter_Type;
#endif

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyFile_FromFd(int fd, const char *name, const char *mode, int buffering,
    const char *encoding, const char *errors, const char *newline, int closefd);  /* new reference */
PyAPI_FUNC(int) PyObject_AsFileDescriptor(PyObject *p);
PyAPI_FUNC(PyObject *) PyFile_GetLine(PyObject *p, int n);  /* new reference */
PyAPI_FUNC(int) PyFile_WriteObject(PyObject *obj, PyObject *p, int flags);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyFile_WriteString(const char *s, PyObject *p);  /* 0, or -1 with an exception */
#ifndef Py_LIMITED_API
/* as fgets(); every kind of newline becomes \n */
PyAPI_FUNC(char *) Py_UniversalNewlineFgets(char *buf, int n, FILE *stream, PyObject *fobj);
/* 0, or -1 where there is one; before Py_Initialize() */
PyAPI_FUNC(int) PyFile_SetOpenCodeHook(Py_OpenCodeHookFunction hook, void *userData);
PyAPI_FUNC(PyObject *) PyFile_OpenCodeObject(PyObject *path);  /* new reference: the file in binary mode */
PyAPI_FUNC(PyObject *) PyFile_OpenCode(const char *path);  /* new reference: the file in binary mode */
#endif

/* --- Text of an object to a file --- */
#ifndef Py_LIMITED_API
/* new reference: an object that only writes, for the time before io is there */
PyAPI_FUNC(PyObject *) PyFile_NewStdPrinter(int fd);
#endif

#ifdef __cplusplus
}
#endif

#endif
