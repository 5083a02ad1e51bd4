/* Running code in text and files. */
#ifndef Py_PYTHONRUN_H
#define Py_PYTHONRUN_H

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_DATA(int) (*PyOS_InputHook)(void);
#ifndef Py_LIMITED_API
PyAPI_DATA(char *) (*PyOS_ReadlineFunctionPointer)(FILE *, FILE *, const char *);
#endif

/* --- Showing the current exception --- */
/* as PyErr_Print(); set_sys_last_vars: sys.last_exc and the like are set */
PyAPI_FUNC(void) PyErr_PrintEx(int set_sys_last_vars);
PyAPI_FUNC(void) PyErr_Print(void);  /* to sys.excepthook, and clears; SystemExit ends the process */
PyAPI_FUNC(void) PyErr_Display(PyObject *unused, PyObject *value, PyObject *tb);  /* to sys.stderr */
#if _Py_API >= 0x030C0000
PyAPI_FUNC(void) PyErr_DisplayException(PyObject *exc);  /* to sys.stderr */
#endif

/* --- Functions --- */
PyAPI_FUNC(PyObject *) Py_CompileString(const char *str, const char *filename, int start);  /* new reference */
#ifndef Py_LIMITED_API
/* interactive or not: 0, or -1 after an exception was shown */
PyAPI_FUNC(int) PyRun_AnyFile(FILE *fp, const char *filename);
/* interactive or not: 0, or -1 after an exception was shown */
PyAPI_FUNC(int) PyRun_AnyFileFlags(FILE *fp, const char *filename, PyCompilerFlags *flags);
/* interactive or not: 0, or -1 after an exception was shown */
PyAPI_FUNC(int) PyRun_AnyFileEx(FILE *fp, const char *filename, int closeit);
/* interactive or not: 0, or -1 after an exception was shown */
PyAPI_FUNC(int) PyRun_AnyFileExFlags(FILE *fp, const char *filename, int closeit, PyCompilerFlags *flags);
PyAPI_FUNC(int) PyRun_SimpleString(const char *command);  /* in __main__: 0, or -1 after an exception was shown */
/* in __main__: 0, or -1 after an exception was shown */
PyAPI_FUNC(int) PyRun_SimpleStringFlags(const char *command, PyCompilerFlags *flags);
/* in __main__: 0, or -1 after an exception was shown */
PyAPI_FUNC(int) PyRun_SimpleFile(FILE *fp, const char *filename);
/* in __main__: 0, or -1 after an exception was shown */
PyAPI_FUNC(int) PyRun_SimpleFileEx(FILE *fp, const char *filename, int closeit);
/* in __main__: 0, or -1 after an exception was shown */
PyAPI_FUNC(int) PyRun_SimpleFileExFlags(FILE *fp, const char *filename, int closeit, PyCompilerFlags *flags);
/* 0, -1 after an exception was shown, or the code of errcode.h */
PyAPI_FUNC(int) PyRun_InteractiveOneObject(FILE *fp, PyObject *filename, PyCompilerFlags *flags);
/* 0, -1 after an exception was shown, or the code of errcode.h */
PyAPI_FUNC(int) PyRun_InteractiveOne(FILE *fp, const char *filename);
/* 0, -1 after an exception was shown, or the code of errcode.h */
PyAPI_FUNC(int) PyRun_InteractiveOneFlags(FILE *fp, const char *filename, PyCompilerFlags *flags);
/* 0 at the end of the file, or less where there was an error */
PyAPI_FUNC(int) PyRun_InteractiveLoop(FILE *fp, const char *filename);
/* 0 at the end of the file, or less where there was an error */
PyAPI_FUNC(int) PyRun_InteractiveLoopFlags(FILE *fp, const char *filename, PyCompilerFlags *flags);
/* a line, to be freed by PyMem_Free(); empty at the end of the file; NULL where it was interrupted */
PyAPI_FUNC(char *) PyOS_Readline(FILE *sys_stdin, FILE *sys_stdout, const char *prompt);
PyAPI_FUNC(PyObject *) PyRun_String(const char *str, int start, PyObject *globals, PyObject *locals);  /* new reference */
PyAPI_FUNC(PyObject *) PyRun_StringFlags(const char *str, int start, PyObject *globals, PyObject *locals,
    PyCompilerFlags *flags);  /* new reference */
PyAPI_FUNC(PyObject *) PyRun_File(FILE *fp, const char *filename, int start, PyObject *globals,
    PyObject *locals);  /* new reference */
PyAPI_FUNC(PyObject *) PyRun_FileEx(FILE *fp, const char *filename, int start, PyObject *globals,
    PyObject *locals, int closeit);  /* new reference */
PyAPI_FUNC(PyObject *) PyRun_FileFlags(FILE *fp, const char *filename, int start, PyObject *globals,
    PyObject *locals, PyCompilerFlags *flags);  /* new reference */
PyAPI_FUNC(PyObject *) PyRun_FileExFlags(FILE *fp, const char *filename, int start, PyObject *globals,
    PyObject *locals, int closeit, PyCompilerFlags *flags);  /* new reference */
PyAPI_FUNC(PyObject *) Py_CompileStringFlags(const char *str, const char *filename, int start,
    PyCompilerFlags *flags);  /* new reference */
PyAPI_FUNC(PyObject *) Py_CompileStringObject(const char *str, PyObject *filename, int start,
    PyCompilerFlags *flags, int optimize);  /* new reference */
PyAPI_FUNC(PyObject *) Py_CompileStringExFlags(const char *str, const char *filename, int start,
    PyCompilerFlags *flags, int optimize);  /* new reference */
#endif

#ifndef Py_LIMITED_API
/* --- With what is usual in the place of the last arguments --- */
#define Py_CompileString(str, p, s) Py_CompileStringExFlags((str), (p), (s), NULL, -1)
#define Py_CompileStringFlags(str, p, s, f) Py_CompileStringExFlags((str), (p), (s), (f), -1)
#define PyRun_String(str, s, g, l) PyRun_StringFlags((str), (s), (g), (l), NULL)
#define PyRun_SimpleString(s) PyRun_SimpleStringFlags((s), NULL)
#define PyRun_AnyFile(fp, name) PyRun_AnyFileExFlags((fp), (name), 0, NULL)
#define PyRun_AnyFileEx(fp, name, closeit) PyRun_AnyFileExFlags((fp), (name), (closeit), NULL)
#define PyRun_AnyFileFlags(fp, name, flags) PyRun_AnyFileExFlags((fp), (name), 0, (flags))
#define PyRun_SimpleFile(f, p) PyRun_SimpleFileExFlags((f), (p), 0, NULL)
#define PyRun_SimpleFileEx(f, p, c) PyRun_SimpleFileExFlags((f), (p), (c), NULL)
#define PyRun_InteractiveOne(f, p) PyRun_InteractiveOneFlags((f), (p), NULL)
#define PyRun_InteractiveLoop(f, p) PyRun_InteractiveLoopFlags((f), (p), NULL)
#define PyRun_File(fp, p, s, g, l) PyRun_FileExFlags((fp), (p), (s), (g), (l), 0, NULL)
#define PyRun_FileEx(fp, p, s, g, l, c) PyRun_FileExFlags((fp), (p), (s), (g), (l), (c), NULL)
#define PyRun_FileFlags(fp, p, s, g, l, flags) PyRun_FileExFlags((fp), (p), (s), (g), (l), 0, (flags))
#endif

#ifdef __cplusplus
}
#endif

#endif
