/* The interpreter's start and end. */
#ifndef Py_PYLIFECYCLE_H
#define Py_PYLIFECYCLE_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
#define PyInterpreterConfig_DEFAULT_GIL 0
#define PyInterpreterConfig_SHARED_GIL 1
#define PyInterpreterConfig_OWN_GIL 2
#define _PyInterpreterConfig_LEGACY_CHECK_MULTI_INTERP_EXTENSIONS 0
#endif

typedef void (*PyOS_sighandler_t)(int);
#ifndef Py_LIMITED_API
/* What Py_NewInterpreterFromConfig() is told. */
typedef struct {
    int use_main_obmalloc;
    int allow_fork;
    int allow_exec;
    int allow_threads;
    int allow_daemon_threads;
    int check_multi_interp_extensions;
    int gil;
} PyInterpreterConfig;

typedef void (*atexit_datacallbackfunc)(void *);
#endif

#if _Py_API >= 0x030B0000
PyAPI_DATA(const unsigned long) Py_Version;
#endif

/* --- Start and end --- */
PyAPI_FUNC(void) Py_Initialize(void);  /* ends the process where it fails */
PyAPI_FUNC(void) Py_InitializeEx(int initsigs);  /* initsigs 0: no handlers of signals */
PyAPI_FUNC(int) Py_IsInitialized(void);  /* true or false */
PyAPI_FUNC(void) Py_Finalize(void);  /* Py_FinalizeEx(), whose result is not told */
PyAPI_FUNC(int) Py_BytesMain(int argc, char **argv);  /* the python program, and its exit status */
PyAPI_FUNC(int) Py_Main(int argc, wchar_t **argv);  /* the python program, and its exit status */
_Py_NO_RETURN PyAPI_FUNC(void) Py_Exit(int status);  /* Py_FinalizeEx() and exit() */
PyAPI_FUNC(int) Py_AtExit(void (*func)(void));  /* 0, or -1 where there are 32 already; called by Py_FinalizeEx() */
#if _Py_API >= 0x03060000
PyAPI_FUNC(int) Py_FinalizeEx(void);  /* 0, or -1 where buffered output could not be written */
#endif
#if _Py_API >= 0x030D0000
PyAPI_FUNC(int) Py_IsFinalizing(void);  /* true or false */
#endif
#ifndef Py_LIMITED_API
_Py_NO_RETURN PyAPI_FUNC(void) Py_ExitStatusException(PyStatus status);  /* ends the process as the status says */
PyAPI_FUNC(PyStatus) Py_PreInitialize(const PyPreConfig *preconfig);  /* memory and encodings, before anything else */
/* with options of the command line */
PyAPI_FUNC(PyStatus) Py_PreInitializeFromBytesArgs(const PyPreConfig *preconfig, Py_ssize_t argc, char **argv);
/* with options of the command line */
PyAPI_FUNC(PyStatus) Py_PreInitializeFromArgs(const PyPreConfig *preconfig, Py_ssize_t argc, wchar_t **argv);
PyAPI_FUNC(PyStatus) Py_InitializeFromConfig(const PyConfig *config);  /* the configuration stays the caller's */
PyAPI_FUNC(int) Py_RunMain(void);  /* what the configuration says, then Py_FinalizeEx(): the exit status */
/* 0, or -1 with an exception; before the interpreter ends */
PyAPI_FUNC(int) PyUnstable_AtExit(PyInterpreterState *interp, atexit_datacallbackfunc func, void *data);
#endif

/* --- Further interpreters --- */
PyAPI_FUNC(PyThreadState *) Py_NewInterpreter(void);  /* NULL where it fails; its thread state is the current one */
PyAPI_FUNC(void) Py_EndInterpreter(PyThreadState *tstate);  /* of the current thread state; none is current afterwards */
#ifndef Py_LIMITED_API
/* its thread state is the current one, and *tstate_p */
PyAPI_FUNC(PyStatus) Py_NewInterpreterFromConfig(PyThreadState **tstate_p, const PyInterpreterConfig *config);
#endif

/* --- Names and paths of the program --- */
Py_DEPRECATED(3.11) PyAPI_FUNC(void) Py_SetProgramName(const wchar_t *name);  /* before Py_Initialize(); not copied */
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetProgramName(void);  /* not to be changed */
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetPrefix(void);  /* not to be changed */
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetExecPrefix(void);  /* not to be changed */
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetProgramFullPath(void);  /* not to be changed */
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetPath(void);  /* not to be changed */
Py_DEPRECATED(3.11) PyAPI_FUNC(void) Py_SetPythonHome(const wchar_t *home);  /* before Py_Initialize(); not copied */
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetPythonHome(void);  /* not to be changed */

/* --- Which Python this is --- */
PyAPI_FUNC(const char *) Py_GetVersion(void);  /* as sys.version */
PyAPI_FUNC(const char *) Py_GetPlatform(void);  /* as sys.platform */
PyAPI_FUNC(const char *) Py_GetCopyright(void);  /* as sys.copyright */
PyAPI_FUNC(const char *) Py_GetCompiler(void);  /* in brackets */
PyAPI_FUNC(const char *) Py_GetBuildInfo(void);  /* number and date of the build */

/* --- Signals --- */
PyAPI_FUNC(PyOS_sighandler_t) PyOS_getsig(int i);  /* the handler */
PyAPI_FUNC(PyOS_sighandler_t) PyOS_setsig(int i, PyOS_sighandler_t h);  /* the handler before */

/* --- Start and end --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) Py_FrozenMain(int argc, char **argv);  /* the program that the frozen module __main__ is */
#endif

/* --- The operating system --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) Py_FdIsInteractive(FILE *fp, const char *filename);  /* true or false */
#endif

#ifndef Py_LIMITED_API
/* --- Values for a PyInterpreterConfig: an isolated interpreter, and one as Py_NewInterpreter() makes it --- */
#define _PyInterpreterConfig_INIT \
    { \
        .use_main_obmalloc = 0, \
        .allow_fork = 0, \
        .allow_exec = 0, \
        .allow_threads = 1, \
        .allow_daemon_threads = 0, \
        .check_multi_interp_extensions = 1, \
        .gil = PyInterpreterConfig_OWN_GIL, \
    }
#define _PyInterpreterConfig_LEGACY_INIT \
    { \
        .use_main_obmalloc = 1, \
        .allow_fork = 1, \
        .allow_exec = 1, \
        .allow_threads = 1, \
        .allow_daemon_threads = 1, \
        .check_multi_interp_extensions = _PyInterpreterConfig_LEGACY_CHECK_MULTI_INTERP_EXTENSIONS, \
        .gil = PyInterpreterConfig_SHARED_GIL, \
    }
#endif

#ifdef __cplusplus
}
#endif

#endif
