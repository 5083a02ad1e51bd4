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
PyAPI_FUNC(void) Py_Initialize(void);
PyAPI_FUNC(void) Py_InitializeEx(int initsigs);
PyAPI_FUNC(int) Py_IsInitialized(void);
PyAPI_FUNC(void) Py_Finalize(void);
PyAPI_FUNC(int) Py_BytesMain(int argc, char **argv);
PyAPI_FUNC(int) Py_Main(int argc, wchar_t **argv);
_Py_NO_RETURN PyAPI_FUNC(void) Py_Exit(int status);
PyAPI_FUNC(int) Py_AtExit(void (*func)(void));
#if _Py_API >= 0x03060000
PyAPI_FUNC(int) Py_FinalizeEx(void);
#endif
#if _Py_API >= 0x030D0000
PyAPI_FUNC(int) Py_IsFinalizing(void);
#endif
#ifndef Py_LIMITED_API
_Py_NO_RETURN PyAPI_FUNC(void) Py_ExitStatusException(PyStatus status);
PyAPI_FUNC(PyStatus) Py_PreInitialize(const PyPreConfig *preconfig);
PyAPI_FUNC(PyStatus) Py_PreInitializeFromBytesArgs(const PyPreConfig *preconfig, Py_ssize_t argc, char **argv);
PyAPI_FUNC(PyStatus) Py_PreInitializeFromArgs(const PyPreConfig *preconfig, Py_ssize_t argc, wchar_t **argv);
PyAPI_FUNC(PyStatus) Py_InitializeFromConfig(const PyConfig *config);
PyAPI_FUNC(int) Py_RunMain(void);
PyAPI_FUNC(int) PyUnstable_AtExit(PyInterpreterState *interp, atexit_datacallbackfunc func, void *data);
#endif

/* --- Further interpreters --- */
PyAPI_FUNC(PyThreadState *) Py_NewInterpreter(void);
PyAPI_FUNC(void) Py_EndInterpreter(PyThreadState *tstate);
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyStatus) Py_NewInterpreterFromConfig(PyThreadState **tstate_p, const PyInterpreterConfig *config);
#endif

/* --- Names and paths of the program --- */
Py_DEPRECATED(3.11) PyAPI_FUNC(void) Py_SetProgramName(const wchar_t *name);
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetProgramName(void);
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetPrefix(void);
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetExecPrefix(void);
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetProgramFullPath(void);
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetPath(void);
Py_DEPRECATED(3.11) PyAPI_FUNC(void) Py_SetPythonHome(const wchar_t *home);
Py_DEPRECATED(3.13) PyAPI_FUNC(wchar_t *) Py_GetPythonHome(void);

/* --- Which Python this is --- */
PyAPI_FUNC(const char *) Py_GetVersion(void);
PyAPI_FUNC(const char *) Py_GetPlatform(void);
PyAPI_FUNC(const char *) Py_GetCopyright(void);
PyAPI_FUNC(const char *) Py_GetCompiler(void);
PyAPI_FUNC(const char *) Py_GetBuildInfo(void);

/* --- Signals --- */
PyAPI_FUNC(PyOS_sighandler_t) PyOS_getsig(int i);
PyAPI_FUNC(PyOS_sighandler_t) PyOS_setsig(int i, PyOS_sighandler_t h);

/* --- Initializing and finalizing the interpreter --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) Py_FrozenMain(int argc, char **argv);
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
