/* Functions written in Python. */
#ifndef Py_CPYTHON_FUNCOBJECT_H
#define Py_CPYTHON_FUNCOBJECT_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

/* What a watcher is told: each name follows PyFunction_EVENT_. */
#define PY_FOREACH_FUNC_EVENT(V) V(CREATE) V(DESTROY) V(MODIFY_CODE) V(MODIFY_DEFAULTS) V(MODIFY_KWDEFAULTS)

typedef struct {
    PyObject *fc_globals;
    PyObject *fc_builtins;
    PyObject *fc_name;
    PyObject *fc_qualname;
    PyObject *fc_code;
    PyObject *fc_defaults;
    PyObject *fc_kwdefaults;
    PyObject *fc_closure;
} PyFrameConstructor;

typedef struct {
    PyObject_HEAD
    PyObject *func_globals;
    PyObject *func_builtins;
    PyObject *func_name;
    PyObject *func_qualname;
    PyObject *func_code;
    PyObject *func_defaults;
    PyObject *func_kwdefaults;
    PyObject *func_closure;
    PyObject *func_doc;  /* any object */
    PyObject *func_dict;
    PyObject *func_weakreflist;  /* list of weak references */
    PyObject *func_module;
    PyObject *func_annotations;
    PyObject *func_annotate;
    PyObject *func_typeparams;
    vectorcallfunc vectorcall;
    uint32_t func_version;
} PyFunctionObject;

typedef enum {
    PyFunction_EVENT_CREATE,
    PyFunction_EVENT_DESTROY,
    PyFunction_EVENT_MODIFY_CODE,
    PyFunction_EVENT_MODIFY_DEFAULTS,
    PyFunction_EVENT_MODIFY_KWDEFAULTS,
} PyFunction_WatchEvent;

typedef int (*PyFunction_WatchCallback)(PyFunction_WatchEvent event, PyFunctionObject *func, PyObject *new_value);

PyAPI_DATA(PyTypeObject) PyFunction_Type;
PyAPI_DATA(PyTypeObject) PyClassMethod_Type;
PyAPI_DATA(PyTypeObject) PyStaticMethod_Type;

/* --- classmethod and staticmethod --- */
PyAPI_FUNC(PyObject *) PyClassMethod_New(PyObject *callable);  /* new reference */
PyAPI_FUNC(PyObject *) PyStaticMethod_New(PyObject *callable);  /* new reference */

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyFunction_New(PyObject *code, PyObject *globals);  /* new reference */
/* new reference */
PyAPI_FUNC(PyObject *) PyFunction_NewWithQualName(PyObject *code, PyObject *globals, PyObject *qualname);
PyAPI_FUNC(PyObject *) PyFunction_GetCode(PyObject *op);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyFunction_GetGlobals(PyObject *op);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyFunction_GetModule(PyObject *op);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyFunction_GetDefaults(PyObject *op);  /* borrowed reference */
PyAPI_FUNC(int) PyFunction_SetDefaults(PyObject *op, PyObject *defaults);
/* the function's version ends with it */
PyAPI_FUNC(void) PyFunction_SetVectorcall(PyFunctionObject *func, vectorcallfunc vectorcall);
PyAPI_FUNC(PyObject *) PyFunction_GetKwDefaults(PyObject *op);  /* borrowed reference */
PyAPI_FUNC(int) PyFunction_SetKwDefaults(PyObject *op, PyObject *defaults);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyFunction_GetClosure(PyObject *op);  /* borrowed reference */
PyAPI_FUNC(int) PyFunction_SetClosure(PyObject *op, PyObject *closure);
PyAPI_FUNC(PyObject *) PyFunction_GetAnnotations(PyObject *op);  /* borrowed reference */
PyAPI_FUNC(int) PyFunction_SetAnnotations(PyObject *op, PyObject *annotations);
PyAPI_FUNC(int) PyFunction_AddWatcher(PyFunction_WatchCallback callback);  /* an id, or -1 with an exception */
PyAPI_FUNC(int) PyFunction_ClearWatcher(int watcher_id);  /* 0, or -1 with an exception */

#define PyFunction_Check(op) Py_IS_TYPE((op), &PyFunction_Type)

/* --- Without checks: borrowed references --- */
#define _PyFunction_CAST(func) (assert(PyFunction_Check(func)), _Py_CAST(PyFunctionObject*, func))

static inline PyObject *PyFunction_GET_CODE(PyObject *func) { return _PyFunction_CAST(func)->func_code; }
#define PyFunction_GET_CODE(func) PyFunction_GET_CODE(_PyObject_CAST(func))
static inline PyObject *PyFunction_GET_GLOBALS(PyObject *func) { return _PyFunction_CAST(func)->func_globals; }
#define PyFunction_GET_GLOBALS(func) PyFunction_GET_GLOBALS(_PyObject_CAST(func))
static inline PyObject *PyFunction_GET_MODULE(PyObject *func) { return _PyFunction_CAST(func)->func_module; }
#define PyFunction_GET_MODULE(func) PyFunction_GET_MODULE(_PyObject_CAST(func))
static inline PyObject *PyFunction_GET_DEFAULTS(PyObject *func) { return _PyFunction_CAST(func)->func_defaults; }
#define PyFunction_GET_DEFAULTS(func) PyFunction_GET_DEFAULTS(_PyObject_CAST(func))
static inline PyObject *PyFunction_GET_KW_DEFAULTS(PyObject *func) { return _PyFunction_CAST(func)->func_kwdefaults; }
#define PyFunction_GET_KW_DEFAULTS(func) PyFunction_GET_KW_DEFAULTS(_PyObject_CAST(func))
static inline PyObject *PyFunction_GET_CLOSURE(PyObject *func) { return _PyFunction_CAST(func)->func_closure; }
#define PyFunction_GET_CLOSURE(func) PyFunction_GET_CLOSURE(_PyObject_CAST(func))
static inline PyObject *PyFunction_GET_ANNOTATIONS(PyObject *func) { return _PyFunction_CAST(func)->func_annotations; }
#define PyFunction_GET_ANNOTATIONS(func) PyFunction_GET_ANNOTATIONS(_PyObject_CAST(func))

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
