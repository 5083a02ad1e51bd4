/* Interpreters and threads. */
#ifndef Py_PYSTATE_H
#define Py_PYSTATE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the thread held the GIL before PyGILState_Ensure(). */
typedef enum { PyGILState_LOCKED, PyGILState_UNLOCKED } PyGILState_STATE;

#define PyThreadState_GET() PyThreadState_Get()
#ifndef Py_LIMITED_API
#  define _PY_DATA_STACK_CHUNK_SIZE (16 * 1024)
#endif

#define MAX_CO_EXTRA_USERS 255
#ifndef Py_LIMITED_API
#define PyTrace_CALL 0
#define PyTrace_EXCEPTION 1
#define PyTrace_LINE 2
#define PyTrace_RETURN 3

#define PyTrace_C_CALL 4
#define PyTrace_C_EXCEPTION 5
#define PyTrace_C_RETURN 6

#define PyTrace_OPCODE 7
#define _Py_MAX_SCRIPT_PATH_SIZE 512
#endif

#ifndef Py_LIMITED_API
typedef int (*Py_tracefunc)(PyObject *, PyFrameObject *, int, PyObject *);
typedef struct {
    int32_t debugger_pending_call;
    char debugger_script_path[512];
} _PyRemoteDebuggerSupport;

typedef struct _err_stackitem {
    PyObject *exc_value;
    struct _err_stackitem *previous_item;
} _PyErr_StackItem;

typedef struct _stack_chunk {
    struct _stack_chunk *previous;
    size_t size;
    size_t top;
    PyObject *data[1];
} _PyStackChunk;

struct _ts {
    PyThreadState *prev;
    PyThreadState *next;
    PyInterpreterState *interp;  /* never NULL */
    uintptr_t eval_breaker;  /* bits for what interrupts the evaluation */
    struct {
        unsigned int initialized:1;
        unsigned int bound:1;
        unsigned int unbound:1;
        unsigned int bound_gilstate:1;
        unsigned int active:1;
        unsigned int finalizing:1;
        unsigned int cleared:1;
        unsigned int finalized:1;
        unsigned int : 24;
    } _status;
    int holds_gil;
    int _whence;
    int state;
    int py_recursion_remaining;
    int py_recursion_limit;
    int recursion_headroom;
    int tracing;
    int what_event;
    struct _PyInterpreterFrame *current_frame;  /* the innermost */
    Py_tracefunc c_profilefunc;
    Py_tracefunc c_tracefunc;
    PyObject *c_profileobj;
    PyObject *c_traceobj;
    PyObject *current_exception;  /* raised and not caught yet */
    _PyErr_StackItem *exc_info;  /* the exceptions that are handled */
    PyObject *dict;  /* PyThreadState_GetDict() */
    int gilstate_counter;
    PyObject *async_exc;  /* to be raised at the next check */
    unsigned long thread_id;
    unsigned long native_thread_id;
    PyObject *delete_later;
    uintptr_t critical_section;
    int coroutine_origin_tracking_depth;
    PyObject *async_gen_firstiter;
    PyObject *async_gen_finalizer;
    PyObject *context;
    uint64_t context_ver;
    uint64_t id;  /* unique in the interpreter */
    _PyStackChunk *datastack_chunk;
    PyObject **datastack_top;
    PyObject **datastack_limit;
    _PyErr_StackItem exc_state;
    PyObject *current_executor;
    uint64_t dict_global_version;
    PyObject *threading_local_key;
    PyObject *threading_local_sentinel;
    _PyRemoteDebuggerSupport remote_debugger_support;
    _PyStackChunk *datastack_cached_chunk;
};

typedef PyObject *(*_PyFrameEvalFunction)(PyThreadState *tstate, struct _PyInterpreterFrame *, int);
#endif

/* --- Interpreters --- */
PyAPI_FUNC(PyInterpreterState *) PyInterpreterState_New(void);  /* NULL where it fails */
PyAPI_FUNC(void) PyInterpreterState_Clear(PyInterpreterState *interp);  /* with the GIL */
PyAPI_FUNC(void) PyInterpreterState_Delete(PyInterpreterState *interp);  /* after PyInterpreterState_Clear() */
#if _Py_API >= 0x03070000
PyAPI_FUNC(int64_t) PyInterpreterState_GetID(PyInterpreterState *interp);  /* -1 with an exception */
#endif
#if _Py_API >= 0x03080000
/* borrowed reference, or NULL without an exception */
PyAPI_FUNC(PyObject *) PyInterpreterState_GetDict(PyInterpreterState *interp);
#endif
#if _Py_API >= 0x03090000
PyAPI_FUNC(PyInterpreterState *) PyInterpreterState_Get(void);  /* never NULL */
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(_PyFrameEvalFunction) _PyInterpreterState_GetEvalFrameFunc(PyInterpreterState *interp);
PyAPI_FUNC(void) _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState *interp,
    _PyFrameEvalFunction eval_frame);
PyAPI_FUNC(PyInterpreterState *) PyInterpreterState_Head(void);  /* the first of all interpreters */
PyAPI_FUNC(PyInterpreterState *) PyInterpreterState_Main(void);  /* the first that was started */
PyAPI_FUNC(PyInterpreterState *) PyInterpreterState_Next(PyInterpreterState *interp);  /* NULL after the last */
/* the first of its thread states */
PyAPI_FUNC(PyThreadState *) PyInterpreterState_ThreadHead(PyInterpreterState *interp);
PyAPI_FUNC(int) _PyInterpreterState_RequiresIDRef(PyInterpreterState *);
PyAPI_FUNC(void) _PyInterpreterState_RequireIDRef(PyInterpreterState *, int);
#endif

/* --- Threads that Python did not start --- */
PyAPI_FUNC(PyGILState_STATE) PyGILState_Ensure(void);  /* takes the GIL for any thread */
PyAPI_FUNC(void) PyGILState_Release(PyGILState_STATE);  /* once for each PyGILState_Ensure(), with its result */
PyAPI_FUNC(PyThreadState *) PyGILState_GetThisThreadState(void);  /* NULL where the thread has none */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyGILState_Check(void);  /* 1 where the thread holds the GIL */
#endif

/* --- Thread states --- */
PyAPI_FUNC(PyThreadState *) PyThreadState_Get(void);  /* the current one; ends the process where there is none */
PyAPI_FUNC(PyThreadState *) PyThreadState_Swap(PyThreadState *tstate);  /* the one before, or NULL */
PyAPI_FUNC(PyThreadState *) PyThreadState_New(PyInterpreterState *interp);  /* NULL where there is no memory */
PyAPI_FUNC(void) PyThreadState_Clear(PyThreadState *tstate);  /* with the GIL */
PyAPI_FUNC(void) PyThreadState_Delete(PyThreadState *tstate);  /* after PyThreadState_Clear(); not the current one */
PyAPI_FUNC(PyObject *) PyThreadState_GetDict(void);  /* borrowed reference, or NULL without an exception */
PyAPI_FUNC(int) PyThreadState_SetAsyncExc(unsigned long id, PyObject *exc);  /* how many threads were found: 0 or 1 */
#if _Py_API >= 0x03090000
PyAPI_FUNC(PyFrameObject *) PyThreadState_GetFrame(PyThreadState *tstate);  /* new reference, or NULL */
PyAPI_FUNC(uint64_t) PyThreadState_GetID(PyThreadState *tstate);  /* a number for each since the process started */
PyAPI_FUNC(PyInterpreterState *) PyThreadState_GetInterpreter(PyThreadState *tstate);  /* never NULL */
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyThreadState *) PyThreadState_Next(PyThreadState *tstate);  /* NULL after the last */
PyAPI_FUNC(PyThreadState *) PyThreadState_GetUnchecked(void);  /* the current one, or NULL */
PyAPI_FUNC(void) PyThreadState_DeleteCurrent(void);  /* after PyThreadState_Clear(); releases the GIL */
PyAPI_FUNC(void) PyThreadState_EnterTracing(PyThreadState *tstate);  /* no events until PyThreadState_LeaveTracing() */
PyAPI_FUNC(void) PyThreadState_LeaveTracing(PyThreadState *tstate);  /* once for each PyThreadState_EnterTracing() */
PyAPI_FUNC(int) PyUnstable_ThreadState_SetStackProtection(PyThreadState *tstate, void *stack_start_addr,
    size_t stack_size);  /* 0, or -1 with an exception */
/* the stack that the platform tells */
PyAPI_FUNC(void) PyUnstable_ThreadState_ResetStackProtection(PyThreadState *tstate);
#endif

/* --- Modules of single-phase initialization --- */
PyAPI_FUNC(PyObject *) PyState_FindModule(PyModuleDef *def);  /* borrowed reference */
#if _Py_API >= 0x03030000
PyAPI_FUNC(int) PyState_AddModule(PyObject *module, PyModuleDef *def);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyState_RemoveModule(PyModuleDef *def);  /* 0, or -1 with an exception */
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) _PyThread_CurrentFrames(void);
#endif

#ifndef Py_LIMITED_API
Py_DEPRECATED(3.14) static inline PyThreadState *_PyThreadState_UncheckedGet(void) {
    return PyThreadState_GetUnchecked();
}
#endif

#ifdef __cplusplus
}
#endif

#endif
