/* Code objects. */
#ifndef Py_CPYTHON_CODE_H
#define Py_CPYTHON_CODE_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

/* What a watcher is told: each name follows PY_CODE_EVENT_. */
#define PY_FOREACH_CODE_EVENT(V) V(CREATE) V(DESTROY)
/* "with" and "as" are always keywords. */
#define PY_PARSER_REQUIRES_FUTURE_KEYWORD

typedef struct {
    PyObject *_co_code;
    PyObject *_co_varnames;
    PyObject *_co_cellvars;
    PyObject *_co_freevars;
} _PyCoCached;

typedef struct {
    int size;
    int capacity;
    struct _PyExecutorObject *executors[1];
} _PyExecutorArray;

#define _PyCode_DEF_THREAD_LOCAL_BYTECODE()

/* A code object whose instructions take SIZE bytes. */
#define _PyCode_DEF(SIZE) { \
    PyObject_VAR_HEAD \
    PyObject *co_consts;            /* a tuple */ \
    PyObject *co_names;             /* names of globals and attributes: a tuple */ \
    PyObject *co_exceptiontable; \
    int co_flags;                   /* CO_... */ \
    int co_argcount;                /* positional parameters, without *args */ \
    int co_posonlyargcount; \
    int co_kwonlyargcount; \
    int co_stacksize; \
    int co_firstlineno; \
    int co_nlocalsplus;             /* locals, cells and free variables */ \
    int co_framesize;               /* words of a frame */ \
    int co_nlocals; \
    int co_ncellvars; \
    int co_nfreevars; \
    uint32_t co_version; \
    PyObject *co_localsplusnames; \
    PyObject *co_localspluskinds;   /* bytes: a kind for each of the names */ \
    PyObject *co_filename; \
    PyObject *co_name; \
    PyObject *co_qualname; \
    PyObject *co_linetable; \
    PyObject *co_weakreflist; \
    _PyExecutorArray *co_executors; \
    _PyCoCached *_co_cached; \
    uintptr_t _co_instrumentation_version; \
    struct _PyCoMonitoringData *_co_monitoring; \
    Py_ssize_t _co_unique_id; \
    int _co_firsttraceable; \
    void *co_extra;                 /* what PyUnstable_Code_SetExtra() stored */ \
    _PyCode_DEF_THREAD_LOCAL_BYTECODE() \
    char co_code_adaptive[(SIZE)]; \
}

struct PyCodeObject _PyCode_DEF(1);

#define CO_OPTIMIZED 0x0001
#define CO_NEWLOCALS 0x0002
#define CO_VARARGS 0x0004
#define CO_VARKEYWORDS 0x0008
#define CO_NESTED 0x0010
#define CO_GENERATOR 0x0020
#define CO_COROUTINE 0x0080

#define CO_ITERABLE_COROUTINE 0x0100
#define CO_ASYNC_GENERATOR 0x0200
#define CO_FUTURE_DIVISION 0x20000
#define CO_FUTURE_ABSOLUTE_IMPORT 0x40000
#define CO_FUTURE_WITH_STATEMENT 0x80000
#define CO_FUTURE_PRINT_FUNCTION 0x100000
#define CO_FUTURE_UNICODE_LITERALS 0x200000
#define CO_FUTURE_BARRY_AS_BDFL 0x400000
#define CO_FUTURE_GENERATOR_STOP 0x800000
#define CO_FUTURE_ANNOTATIONS 0x1000000

#define CO_NO_MONITORING_EVENTS 0x2000000
#define CO_HAS_DOCSTRING 0x4000000
#define CO_METHOD 0x8000000
#define CO_MAXBLOCKS 21

typedef enum {
    PY_CODE_EVENT_CREATE,
    PY_CODE_EVENT_DESTROY,
} PyCodeEvent;

typedef int (*PyCode_WatchCallback)(PyCodeEvent event, PyCodeObject *co);
struct _opaque {
    int computed_line;
    const uint8_t *lo_next;
    const uint8_t *limit;
};

typedef struct _line_offsets {
    int ar_start;
    int ar_end;
    int ar_line;
    struct _opaque opaque;
} PyCodeAddressRange;

typedef enum _PyCodeLocationInfoKind {
    PY_CODE_LOCATION_INFO_SHORT0 = 0,
    PY_CODE_LOCATION_INFO_ONE_LINE0 = 10,
    PY_CODE_LOCATION_INFO_ONE_LINE1 = 11,
    PY_CODE_LOCATION_INFO_ONE_LINE2 = 12,
    PY_CODE_LOCATION_INFO_NO_COLUMNS = 13,
    PY_CODE_LOCATION_INFO_LONG = 14,
    PY_CODE_LOCATION_INFO_NONE = 15
} _PyCodeLocationInfoKind;

PyAPI_DATA(PyTypeObject) PyCode_Type;

/* --- Functions --- */
PyAPI_FUNC(PyCodeObject *) PyUnstable_Code_New(int argcount, int kwonlyargcount, int nlocals, int stacksize,
    int flags, PyObject *code, PyObject *consts, PyObject *names, PyObject *varnames, PyObject *freevars,
    PyObject *cellvars, PyObject *filename, PyObject *name, PyObject *qualname, int firstlineno,
    PyObject *linetable, PyObject *exceptiontable);
/* new reference */
PyAPI_FUNC(PyCodeObject *) PyCode_NewEmpty(const char *filename, const char *funcname, int firstlineno);
PyAPI_FUNC(int) PyCode_Addr2Line(PyCodeObject *co, int byte_offset);  /* -1 where there is none */
PyAPI_FUNC(int) PyCode_Addr2Location(PyCodeObject *co, int byte_offset, int *start_line, int *start_column,
    int *end_line, int *end_column);  /* true or false */
PyAPI_FUNC(PyObject *) PyCode_GetCode(PyCodeObject *co);  /* new reference: bytes, without what specialisation changed */
PyAPI_FUNC(PyObject *) PyCode_GetVarnames(PyCodeObject *co);  /* new reference: a tuple */
PyAPI_FUNC(PyObject *) PyCode_GetCellvars(PyCodeObject *co);  /* new reference: a tuple */
PyAPI_FUNC(PyObject *) PyCode_GetFreevars(PyCodeObject *co);  /* new reference: a tuple */
PyAPI_FUNC(int) PyCode_AddWatcher(PyCode_WatchCallback callback);  /* an id, or -1 with an exception */
PyAPI_FUNC(int) PyCode_ClearWatcher(int watcher_id);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyCode_Optimize(PyObject *code, PyObject *consts, PyObject *names, PyObject *lnotab_obj);

/* --- More --- */
PyAPI_FUNC(PyCodeObject *) PyUnstable_Code_NewWithPosOnlyArgs(int, int, int, int, int, int, PyObject *,
    PyObject *, PyObject *, PyObject *, PyObject *, PyObject *, PyObject *, PyObject *, PyObject *, int,
    PyObject *, PyObject *);
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnstable_Code_GetExtra(PyObject *code, Py_ssize_t index, void **extra);
PyAPI_FUNC(int) PyUnstable_Code_SetExtra(PyObject *code, Py_ssize_t index, void *extra);  /* 0, or -1 with an exception */

/* --- Names with an underscore: not for new code --- */
PyAPI_FUNC(int) _PyCode_CheckLineNumber(int lasti, PyCodeAddressRange *bounds);
PyAPI_FUNC(PyObject *) _PyCode_ConstantKey(PyObject *obj);

#define PyCode_Check(op) Py_IS_TYPE((op), &PyCode_Type)

static inline Py_ssize_t PyCode_GetNumFree(PyCodeObject *op) {
    assert(PyCode_Check(op));
    return op->co_nfreevars;
}

static inline int PyUnstable_Code_GetFirstFree(PyCodeObject *op) {
    assert(PyCode_Check(op));
    return op->co_nlocalsplus - op->co_nfreevars;
}

/* --- Names before they were called unstable --- */
Py_DEPRECATED(3.13) static inline int PyCode_GetFirstFree(PyCodeObject *op) { return PyUnstable_Code_GetFirstFree(op); }

_Py_DEPRECATED_EXTERNALLY(3.12) static inline PyCodeObject *PyCode_New(
    int a, int k, int l, int s, int f, PyObject *code, PyObject *c, PyObject *n, PyObject *v, PyObject *fv,
    PyObject *cell, PyObject *fn, PyObject *name, PyObject *qname, int first, PyObject *lnotab, PyObject *exctable) {
    return PyUnstable_Code_New(a, k, l, s, f, code, c, n, v, fv, cell, fn, name, qname, first, lnotab, exctable);
}

_Py_DEPRECATED_EXTERNALLY(3.12) static inline PyCodeObject *PyCode_NewWithPosOnlyArgs(
    int a, int poa, int k, int l, int s, int f, PyObject *code, PyObject *c, PyObject *n, PyObject *v, PyObject *fv,
    PyObject *cell, PyObject *fn, PyObject *name, PyObject *qname, int first, PyObject *lnotab, PyObject *exctable) {
    return PyUnstable_Code_NewWithPosOnlyArgs(a, poa, k, l, s, f, code, c, n, v, fv, cell, fn, name, qname, first,
                                              lnotab, exctable);
}

Py_DEPRECATED(3.12) static inline int _PyCode_GetExtra(PyObject *code, Py_ssize_t index, void **extra) {
    return PyUnstable_Code_GetExtra(code, index, extra);
}
Py_DEPRECATED(3.12) static inline int _PyCode_SetExtra(PyObject *code, Py_ssize_t index, void *extra) {
    return PyUnstable_Code_SetExtra(code, index, extra);
}

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
