/* Evaluation: calls, frames, the GIL around them. */
#ifndef Py_CEVAL_H
#define Py_CEVAL_H

#ifdef __cplusplus
extern "C" {
#endif

#define FVC_MASK 0x3
#define FVC_NONE 0x0
#define FVC_STR 0x1
#define FVC_REPR 0x2
#define FVC_ASCII 0x3

#define FVS_MASK 0x4
#define FVS_HAVE_SPEC 0x4

#ifndef Py_LIMITED_API
typedef struct {
    FILE *perf_map;
    PyThread_type_lock map_lock;
} PerfMapState;
#endif

/* --- Running code objects and frames --- */
PyAPI_FUNC(PyObject *) PyEval_EvalCode(PyObject *co, PyObject *globals, PyObject *locals);  /* new reference */
PyAPI_FUNC(PyObject *) PyEval_EvalCodeEx(PyObject *co, PyObject *globals, PyObject *locals,
    PyObject *const *args, int argcount, PyObject *const *kws, int kwcount, PyObject *const *defs, int defcount,
    PyObject *kwdefs, PyObject *closure);  /* new reference */
PyAPI_FUNC(PyObject *) PyEval_EvalFrame(PyFrameObject *f);  /* new reference */
PyAPI_FUNC(PyObject *) PyEval_EvalFrameEx(PyFrameObject *f, int throwflag);  /* new reference */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) _PyEval_EvalFrameDefault(PyThreadState *tstate, struct _PyInterpreterFrame *f, int exc);
#endif

/* --- The current frame and its variables --- */
PyAPI_FUNC(PyObject *) PyEval_GetBuiltins(void);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyEval_GetLocals(void);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyEval_GetGlobals(void);  /* borrowed reference */
PyAPI_FUNC(PyFrameObject *) PyEval_GetFrame(void);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyEval_GetFrameBuiltins(void);  /* new reference */
PyAPI_FUNC(PyObject *) PyEval_GetFrameLocals(void);  /* new reference */
PyAPI_FUNC(PyObject *) PyEval_GetFrameGlobals(void);  /* new reference */
PyAPI_FUNC(const char *) PyEval_GetFuncName(PyObject *func);
PyAPI_FUNC(const char *) PyEval_GetFuncDesc(PyObject *func);  /* "()", " constructor", " instance" or " object" */
#ifndef Py_LIMITED_API
/* adds the current frame's flags: true where any is set */
PyAPI_FUNC(int) PyEval_MergeCompilerFlags(PyCompilerFlags *cf);
#endif

/* --- Recursion --- */
PyAPI_FUNC(int) Py_EnterRecursiveCall(const char *where);  /* 0, or -1 with RecursionError, which says where */
PyAPI_FUNC(void) Py_LeaveRecursiveCall(void);  /* once for each Py_EnterRecursiveCall() that gave 0 */
PyAPI_FUNC(int) Py_GetRecursionLimit(void);
PyAPI_FUNC(void) Py_SetRecursionLimit(int new_limit);

/* --- The GIL --- */
Py_DEPRECATED(3.9) PyAPI_FUNC(void) PyEval_InitThreads(void);
PyAPI_FUNC(PyThreadState *) PyEval_SaveThread(void);  /* releases the GIL */
PyAPI_FUNC(void) PyEval_RestoreThread(PyThreadState *tstate);  /* takes the GIL */
PyAPI_FUNC(void) PyEval_AcquireThread(PyThreadState *tstate);  /* takes the GIL with this thread state */
/* releases the GIL; the thread state has to be the current one */
PyAPI_FUNC(void) PyEval_ReleaseThread(PyThreadState *tstate);

/* --- Tracing and profiling --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyEval_SetProfile(Py_tracefunc func, PyObject *obj);  /* for this thread; NULL ends it */
PyAPI_FUNC(void) PyEval_SetProfileAllThreads(Py_tracefunc func, PyObject *obj);  /* for every thread of the interpreter */
PyAPI_FUNC(void) PyEval_SetTrace(Py_tracefunc func, PyObject *obj);  /* for this thread; NULL ends it */
PyAPI_FUNC(void) PyEval_SetTraceAllThreads(Py_tracefunc func, PyObject *obj);  /* for every thread of the interpreter */
#endif

/* --- Perf maps --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyUnstable_PerfMapState_Init(void);  /* 0, -1: no file, -2: no lock */
PyAPI_FUNC(int) PyUnstable_WritePerfMapEntry(const void *code_addr, unsigned int code_size,
    const char *entry_name);  /* 0, or -1: no file, -2: no lock */
PyAPI_FUNC(void) PyUnstable_PerfMapState_Fini(void);  /* closes the file */
PyAPI_FUNC(int) PyUnstable_CopyPerfMapFile(const char *parent_filename);  /* 0, or -1 */
#endif

/* --- Perf maps --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyUnstable_PerfTrampoline_CompileCode(PyCodeObject *code);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnstable_PerfTrampoline_SetPersistAfterFork(int enable);  /* 0, or -1 with an exception */
#endif

/* --- Notes for the main thread and for others --- */
/* 0, or -1 where the queue is full; from any thread, without the GIL */
PyAPI_FUNC(int) Py_AddPendingCall(int (*func)(void *), void *arg);
PyAPI_FUNC(int) Py_MakePendingCalls(void);  /* 0, or -1 with an exception of one */

/* --- More --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(Py_ssize_t) PyUnstable_Eval_RequestCodeExtraIndex(freefunc);  /* -1 where there are no more */
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) _PyEval_SliceIndex(PyObject *, Py_ssize_t *);
PyAPI_FUNC(int) _PyEval_SliceIndexNotNone(PyObject *, Py_ssize_t *);
#endif

/* --- Code between these two runs without the GIL --- */
#define Py_BEGIN_ALLOW_THREADS { PyThreadState *_save; _save = PyEval_SaveThread();
#define Py_END_ALLOW_THREADS PyEval_RestoreThread(_save); }
/* And inside, for a while with it. */
#define Py_BLOCK_THREADS PyEval_RestoreThread(_save);
#define Py_UNBLOCK_THREADS _save = PyEval_SaveThread();

#ifndef Py_LIMITED_API
_Py_DEPRECATED_EXTERNALLY(3.12) static inline Py_ssize_t _PyEval_RequestCodeExtraIndex(freefunc f) {
    return PyUnstable_Eval_RequestCodeExtraIndex(f);
}
#endif

#ifdef __cplusplus
}
#endif

#endif
