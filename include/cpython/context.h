/* Contexts and context variables. */
#ifndef Py_CPYTHON_CONTEXT_H
#define Py_CPYTHON_CONTEXT_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pycontextobject PyContext;
typedef struct _pycontextvarobject PyContextVar;
typedef struct _pycontexttokenobject PyContextToken;
typedef enum {
    Py_CONTEXT_SWITCHED = 1,
} PyContextEvent;

typedef int (*PyContext_WatchCallback)(PyContextEvent, PyObject *);

PyAPI_DATA(PyTypeObject) PyContext_Type;
PyAPI_DATA(PyTypeObject) PyContextVar_Type;
PyAPI_DATA(PyTypeObject) PyContextToken_Type;

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyContext_New(void);  /* new reference */
PyAPI_FUNC(PyObject *) PyContext_Copy(PyObject *ctx);  /* new reference */
PyAPI_FUNC(PyObject *) PyContext_CopyCurrent(void);  /* new reference */
PyAPI_FUNC(int) PyContext_Enter(PyObject *ctx);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyContext_Exit(PyObject *ctx);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyContext_AddWatcher(PyContext_WatchCallback callback);  /* an id, or -1 with an exception */
PyAPI_FUNC(int) PyContext_ClearWatcher(int watcher_id);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyContextVar_New(const char *name, PyObject *def);  /* new reference */
PyAPI_FUNC(int) PyContextVar_Get(PyObject *var, PyObject *default_value, PyObject **value);
PyAPI_FUNC(PyObject *) PyContextVar_Set(PyObject *var, PyObject *value);  /* new reference */
PyAPI_FUNC(int) PyContextVar_Reset(PyObject *var, PyObject *token);  /* 0, or -1 with an exception */

#define PyContext_CheckExact(o) Py_IS_TYPE((o), &PyContext_Type)
#define PyContextVar_CheckExact(o) Py_IS_TYPE((o), &PyContextVar_Type)
#define PyContextToken_CheckExact(o) Py_IS_TYPE((o), &PyContextToken_Type)

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
