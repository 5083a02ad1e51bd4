/* Exceptions. */
#ifndef Py_PYERRORS_H
#define Py_PYERRORS_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
/* --- Exception objects: what all have --- */
#define PyException_HEAD \
    PyObject_HEAD \
    PyObject *dict; \
    PyObject *args;      /* a tuple */ \
    PyObject *notes; \
    PyObject *traceback; \
    PyObject *context; \
    PyObject *cause; \
    char suppress_context;
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyException_HEAD
} PyBaseExceptionObject;

typedef struct {
    PyException_HEAD
    PyObject *msg;
    PyObject *excs;
    PyObject *excs_str;
} PyBaseExceptionGroupObject;

typedef struct {
    PyException_HEAD
    PyObject *msg;
    PyObject *filename;
    PyObject *lineno;
    PyObject *offset;
    PyObject *end_lineno;
    PyObject *end_offset;
    PyObject *text;
    PyObject *print_file_and_line;
    PyObject *metadata;
} PySyntaxErrorObject;

typedef struct {
    PyException_HEAD
    PyObject *msg;
    PyObject *name;
    PyObject *path;
    PyObject *name_from;
} PyImportErrorObject;

typedef struct {
    PyException_HEAD
    PyObject *encoding;
    PyObject *object;
    Py_ssize_t start;
    Py_ssize_t end;
    PyObject *reason;
} PyUnicodeErrorObject;

typedef struct {
    PyException_HEAD
    PyObject *code;
} PySystemExitObject;

typedef struct {
    PyException_HEAD
    PyObject *myerrno;
    PyObject *strerror;
    PyObject *filename;
    PyObject *filename2;
    Py_ssize_t written;
} PyOSErrorObject;

typedef struct {
    PyException_HEAD
    PyObject *value;
} PyStopIterationObject;

typedef struct {
    PyException_HEAD
    PyObject *name;
} PyNameErrorObject;

typedef struct {
    PyException_HEAD
    PyObject *obj;
    PyObject *name;
} PyAttributeErrorObject;

typedef PyOSErrorObject PyEnvironmentErrorObject;
#endif

PyAPI_DATA(PyObject *) PyExc_BaseException;
PyAPI_DATA(PyObject *) PyExc_Exception;
PyAPI_DATA(PyObject *) PyExc_BaseExceptionGroup;
PyAPI_DATA(PyObject *) PyExc_StopIteration;
PyAPI_DATA(PyObject *) PyExc_GeneratorExit;
PyAPI_DATA(PyObject *) PyExc_ArithmeticError;
PyAPI_DATA(PyObject *) PyExc_LookupError;
PyAPI_DATA(PyObject *) PyExc_AssertionError;
PyAPI_DATA(PyObject *) PyExc_AttributeError;
PyAPI_DATA(PyObject *) PyExc_BufferError;
PyAPI_DATA(PyObject *) PyExc_EOFError;
PyAPI_DATA(PyObject *) PyExc_FloatingPointError;
PyAPI_DATA(PyObject *) PyExc_OSError;
PyAPI_DATA(PyObject *) PyExc_ImportError;
PyAPI_DATA(PyObject *) PyExc_IndexError;
PyAPI_DATA(PyObject *) PyExc_KeyError;
PyAPI_DATA(PyObject *) PyExc_KeyboardInterrupt;
PyAPI_DATA(PyObject *) PyExc_MemoryError;
PyAPI_DATA(PyObject *) PyExc_NameError;
PyAPI_DATA(PyObject *) PyExc_OverflowError;
PyAPI_DATA(PyObject *) PyExc_RuntimeError;
PyAPI_DATA(PyObject *) PyExc_NotImplementedError;
PyAPI_DATA(PyObject *) PyExc_SyntaxError;
PyAPI_DATA(PyObject *) PyExc_IndentationError;
PyAPI_DATA(PyObject *) PyExc_TabError;
PyAPI_DATA(PyObject *) PyExc_ReferenceError;
PyAPI_DATA(PyObject *) PyExc_SystemError;
PyAPI_DATA(PyObject *) PyExc_SystemExit;
PyAPI_DATA(PyObject *) PyExc_TypeError;
PyAPI_DATA(PyObject *) PyExc_UnboundLocalError;
PyAPI_DATA(PyObject *) PyExc_UnicodeError;
PyAPI_DATA(PyObject *) PyExc_UnicodeEncodeError;
PyAPI_DATA(PyObject *) PyExc_UnicodeDecodeError;
PyAPI_DATA(PyObject *) PyExc_UnicodeTranslateError;
PyAPI_DATA(PyObject *) PyExc_ValueError;
PyAPI_DATA(PyObject *) PyExc_ZeroDivisionError;
PyAPI_DATA(PyObject *) PyExc_EnvironmentError;
PyAPI_DATA(PyObject *) PyExc_IOError;
PyAPI_DATA(PyObject *) PyExc_Warning;
PyAPI_DATA(PyObject *) PyExc_UserWarning;
PyAPI_DATA(PyObject *) PyExc_DeprecationWarning;
PyAPI_DATA(PyObject *) PyExc_PendingDeprecationWarning;
PyAPI_DATA(PyObject *) PyExc_SyntaxWarning;
PyAPI_DATA(PyObject *) PyExc_RuntimeWarning;
PyAPI_DATA(PyObject *) PyExc_FutureWarning;
PyAPI_DATA(PyObject *) PyExc_ImportWarning;
PyAPI_DATA(PyObject *) PyExc_UnicodeWarning;
PyAPI_DATA(PyObject *) PyExc_BytesWarning;
PyAPI_DATA(PyObject *) PyExc_EncodingWarning;
PyAPI_DATA(PyObject *) PyExc_ResourceWarning;
#if _Py_API >= 0x03030000
PyAPI_DATA(PyObject *) PyExc_BlockingIOError;
PyAPI_DATA(PyObject *) PyExc_BrokenPipeError;
PyAPI_DATA(PyObject *) PyExc_ChildProcessError;
PyAPI_DATA(PyObject *) PyExc_ConnectionError;
PyAPI_DATA(PyObject *) PyExc_ConnectionAbortedError;
PyAPI_DATA(PyObject *) PyExc_ConnectionRefusedError;
PyAPI_DATA(PyObject *) PyExc_ConnectionResetError;
PyAPI_DATA(PyObject *) PyExc_FileExistsError;
PyAPI_DATA(PyObject *) PyExc_FileNotFoundError;
PyAPI_DATA(PyObject *) PyExc_InterruptedError;
PyAPI_DATA(PyObject *) PyExc_IsADirectoryError;
PyAPI_DATA(PyObject *) PyExc_NotADirectoryError;
PyAPI_DATA(PyObject *) PyExc_PermissionError;
PyAPI_DATA(PyObject *) PyExc_ProcessLookupError;
PyAPI_DATA(PyObject *) PyExc_TimeoutError;
#endif
#if _Py_API >= 0x03050000
PyAPI_DATA(PyObject *) PyExc_StopAsyncIteration;
PyAPI_DATA(PyObject *) PyExc_RecursionError;
#endif
#if _Py_API >= 0x03060000
PyAPI_DATA(PyObject *) PyExc_ModuleNotFoundError;
#endif
#ifndef Py_LIMITED_API
PyAPI_DATA(PyObject *) PyExc_PythonFinalizationError;
#endif

/* --- The current exception --- */
PyAPI_FUNC(void) PyErr_Clear(void);
PyAPI_FUNC(PyObject *) PyErr_Occurred(void);  /* borrowed reference: the type, or NULL */
PyAPI_FUNC(int) PyErr_ExceptionMatches(PyObject *exc);  /* true or false; an exception has to be set */
/* true or false; exc may be a tuple of classes */
PyAPI_FUNC(int) PyErr_GivenExceptionMatches(PyObject *given, PyObject *exc);
PyAPI_FUNC(PyObject *) PyErr_GetRaisedException(void);  /* new reference, or NULL; and clears */
PyAPI_FUNC(void) PyErr_SetRaisedException(PyObject *exc);  /* steals exc; NULL clears */
/* new references or NULL, and clears */
PyAPI_FUNC(void) PyErr_Fetch(PyObject **ptype, PyObject **pvalue, PyObject **ptraceback);
/* steals all three; type NULL clears */
PyAPI_FUNC(void) PyErr_Restore(PyObject *type, PyObject *value, PyObject *traceback);
/* changes what the three variables hold */
PyAPI_FUNC(void) PyErr_NormalizeException(PyObject **exc, PyObject **val, PyObject **tb);
#if _Py_API >= 0x03030000
/* of the exception that is handled: new references or NULL */
PyAPI_FUNC(void) PyErr_GetExcInfo(PyObject **ptype, PyObject **pvalue, PyObject **ptraceback);
/* of the exception that is handled: steals all three */
PyAPI_FUNC(void) PyErr_SetExcInfo(PyObject *type, PyObject *value, PyObject *traceback);
#endif
#if _Py_API >= 0x030B0000
PyAPI_FUNC(PyObject *) PyErr_GetHandledException(void);  /* new reference, or NULL */
PyAPI_FUNC(void) PyErr_SetHandledException(PyObject *exc);  /* NULL: none is handled */
#endif

/* --- Signals --- */
PyAPI_FUNC(int) PyErr_CheckSignals(void);  /* runs handlers: 0, or -1 with an exception of one */
PyAPI_FUNC(void) PyErr_SetInterrupt(void);  /* as if SIGINT came */
#if _Py_API >= 0x030A0000
PyAPI_FUNC(int) PyErr_SetInterruptEx(int signum);  /* as if the signal came: 0, or -1 where the number is wrong */
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PySignal_SetWakeupFd(int fd);  /* the one before, or -1 */
#endif

/* --- Lines of sources --- */
/* new reference: a line of a file; NULL without an exception where it cannot be read */
PyAPI_FUNC(PyObject *) PyErr_ProgramText(const char *filename, int lineno);
#ifndef Py_LIMITED_API
/* new reference: a line of a file; NULL without an exception where it cannot be read */
PyAPI_FUNC(PyObject *) PyErr_ProgramTextObject(PyObject *filename, int lineno);
#endif

/* --- Raising --- */
PyAPI_FUNC(void) PyErr_SetString(PyObject *type, const char *message);  /* message: UTF-8 */
PyAPI_FUNC(void) PyErr_SetObject(PyObject *type, PyObject *value);  /* value: the exception or its argument */
PyAPI_FUNC(PyObject *) PyErr_Format(PyObject *exception, const char *format, ...);  /* always NULL */
PyAPI_FUNC(void) PyErr_SetNone(PyObject *type);  /* without arguments */
PyAPI_FUNC(int) PyErr_BadArgument(void);  /* TypeError; 0 */
PyAPI_FUNC(PyObject *) PyErr_NoMemory(void);  /* always NULL */
PyAPI_FUNC(PyObject *) PyErr_SetFromErrno(PyObject *type);  /* always NULL */
PyAPI_FUNC(PyObject *) PyErr_SetFromErrnoWithFilenameObject(PyObject *type, PyObject *filenameObject);  /* always NULL */
PyAPI_FUNC(PyObject *) PyErr_SetFromErrnoWithFilename(PyObject *type, const char *filename);  /* always NULL */
/* adds the place to a SyntaxError */
PyAPI_FUNC(void) PyErr_SyntaxLocationEx(const char *filename, int lineno, int col_offset);
PyAPI_FUNC(void) PyErr_SyntaxLocation(const char *filename, int lineno);  /* adds the place to a SyntaxError */
PyAPI_FUNC(void) PyErr_BadInternalCall(void);  /* SystemError */
PyAPI_FUNC(void) _PyErr_BadInternalCall(const char *filename, int lineno);
#if _Py_API >= 0x03030000
PyAPI_FUNC(PyObject *) PyErr_SetImportError(PyObject *msg, PyObject *name, PyObject *path);  /* always NULL */
#endif
#if _Py_API >= 0x03040000
PyAPI_FUNC(PyObject *) PyErr_SetFromErrnoWithFilenameObjects(PyObject *type, PyObject *filenameObject,
    PyObject *filenameObject2);  /* always NULL */
#endif
#if _Py_API >= 0x03050000
PyAPI_FUNC(PyObject *) PyErr_FormatV(PyObject *exception, const char *format, va_list vargs);  /* always NULL */
#endif
#if _Py_API >= 0x03060000
PyAPI_FUNC(PyObject *) PyErr_SetImportErrorSubclass(PyObject *exception, PyObject *msg, PyObject *name,
    PyObject *path);  /* always NULL */
#endif
#ifndef Py_LIMITED_API
/* to sys.unraisablehook, and clears; the text tells where */
PyAPI_FUNC(void) PyErr_FormatUnraisable(const char *format, ...);
/* adds the place to a SyntaxError */
PyAPI_FUNC(void) PyErr_SyntaxLocationObject(PyObject *filename, int lineno, int col_offset);
PyAPI_FUNC(void) PyErr_RangedSyntaxLocationObject(PyObject *filename, int lineno, int col_offset,
    int end_lineno, int end_col_offset);  /* adds the place to a SyntaxError */
#endif

/* --- Reporting what cannot be raised --- */
PyAPI_FUNC(void) PyErr_WriteUnraisable(PyObject *obj);  /* to sys.unraisablehook, and clears; obj tells where */
_Py_NO_RETURN PyAPI_FUNC(void) Py_FatalError(const char *message);  /* ends the process */
#ifndef Py_LIMITED_API
_Py_NO_RETURN PyAPI_FUNC(void) _Py_FatalErrorFunc(const char *func, const char *message);
#endif

/* --- New exception classes --- */
PyAPI_FUNC(PyObject *) PyErr_NewException(const char *name, PyObject *base, PyObject *dict);  /* new reference */
PyAPI_FUNC(PyObject *) PyErr_NewExceptionWithDoc(const char *name, const char *doc, PyObject *base,
    PyObject *dict);  /* new reference */

/* --- Parts of an exception --- */
PyAPI_FUNC(const char *) PyExceptionClass_Name(PyObject *ob);  /* UTF-8 */
PyAPI_FUNC(PyObject *) PyException_GetTraceback(PyObject *ex);  /* new reference */
PyAPI_FUNC(int) PyException_SetTraceback(PyObject *ex, PyObject *tb);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyException_GetContext(PyObject *ex);  /* new reference */
PyAPI_FUNC(void) PyException_SetContext(PyObject *ex, PyObject *ctx);  /* steals ctx */
PyAPI_FUNC(PyObject *) PyException_GetCause(PyObject *ex);  /* new reference */
PyAPI_FUNC(void) PyException_SetCause(PyObject *ex, PyObject *cause);  /* steals cause */
PyAPI_FUNC(PyObject *) PyException_GetArgs(PyObject *ex);  /* new reference */
PyAPI_FUNC(void) PyException_SetArgs(PyObject *ex, PyObject *args);

/* --- Parts of a UnicodeError --- */
PyAPI_FUNC(PyObject *) PyUnicodeDecodeError_Create(const char *encoding, const char *object, Py_ssize_t length,
    Py_ssize_t start, Py_ssize_t end, const char *reason);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicodeDecodeError_GetEncoding(PyObject *exc);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicodeEncodeError_GetEncoding(PyObject *exc);
PyAPI_FUNC(PyObject *) PyUnicodeDecodeError_GetObject(PyObject *exc);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicodeEncodeError_GetObject(PyObject *exc);
PyAPI_FUNC(PyObject *) PyUnicodeTranslateError_GetObject(PyObject *exc);  /* new reference */
PyAPI_FUNC(int) PyUnicodeDecodeError_GetStart(PyObject *exc, Py_ssize_t *start);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnicodeEncodeError_GetStart(PyObject *exc, Py_ssize_t *start);
PyAPI_FUNC(int) PyUnicodeTranslateError_GetStart(PyObject *exc, Py_ssize_t *start);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnicodeDecodeError_SetStart(PyObject *exc, Py_ssize_t start);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnicodeEncodeError_SetStart(PyObject *exc, Py_ssize_t start);
PyAPI_FUNC(int) PyUnicodeTranslateError_SetStart(PyObject *exc, Py_ssize_t start);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnicodeDecodeError_GetEnd(PyObject *exc, Py_ssize_t *end);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnicodeEncodeError_GetEnd(PyObject *exc, Py_ssize_t *end);
PyAPI_FUNC(int) PyUnicodeTranslateError_GetEnd(PyObject *exc, Py_ssize_t *end);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnicodeDecodeError_SetEnd(PyObject *exc, Py_ssize_t end);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnicodeEncodeError_SetEnd(PyObject *exc, Py_ssize_t end);
PyAPI_FUNC(int) PyUnicodeTranslateError_SetEnd(PyObject *exc, Py_ssize_t end);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyUnicodeDecodeError_GetReason(PyObject *exc);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicodeEncodeError_GetReason(PyObject *exc);
PyAPI_FUNC(PyObject *) PyUnicodeTranslateError_GetReason(PyObject *exc);  /* new reference */
PyAPI_FUNC(int) PyUnicodeDecodeError_SetReason(PyObject *exc, const char *reason);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnicodeEncodeError_SetReason(PyObject *exc, const char *reason);
PyAPI_FUNC(int) PyUnicodeTranslateError_SetReason(PyObject *exc, const char *reason);  /* 0, or -1 with an exception */

/* --- C strings --- */
PyAPI_FUNC(int) PyOS_snprintf(char *str, size_t size, const char *format, ...) Py_GCC_ATTRIBUTE((format(printf,
    3, 4)));  /* never writes more than size bytes, and always a zero */
PyAPI_FUNC(int) PyOS_vsnprintf(char *str, size_t size, const char *format, va_list va)
    Py_GCC_ATTRIBUTE((format(printf, 3, 0)));  /* never writes more than size bytes, and always a zero */

/* --- Parts --- */
#ifndef Py_LIMITED_API
/* new reference: what an except* block raises, or None */
PyAPI_FUNC(PyObject *) PyUnstable_Exc_PrepReraiseStar(PyObject *orig, PyObject *excs);
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) _PyErr_ChainExceptions1(PyObject *);
#endif

#define PyExceptionClass_Check(x) \
    (PyType_Check((x)) && PyType_FastSubclass((PyTypeObject *)(x), Py_TPFLAGS_BASE_EXC_SUBCLASS))
#define PyExceptionInstance_Check(x) PyType_FastSubclass(Py_TYPE(x), Py_TPFLAGS_BASE_EXC_SUBCLASS)
#define PyExceptionInstance_Class(x) _PyObject_CAST(Py_TYPE(x))
#define _PyBaseExceptionGroup_Check(x) PyObject_TypeCheck((x), (PyTypeObject *)PyExc_BaseExceptionGroup)

#define PyErr_BadInternalCall() _PyErr_BadInternalCall(__FILE__, __LINE__)
#ifndef Py_LIMITED_API
#  define Py_FatalError(message) _Py_FatalErrorFunc(__func__, (message))
#endif

#ifdef __cplusplus
}
#endif

#endif
