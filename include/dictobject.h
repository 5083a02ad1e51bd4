/* dict and its views. */
#ifndef Py_DICTOBJECT_H
#define Py_DICTOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
/* What a watcher is told: each name follows PyDict_EVENT_. */
#define PY_FOREACH_DICT_EVENT(V) V(ADDED) V(MODIFIED) V(DELETED) V(CLONED) V(CLEARED) V(DEALLOCATED)
#endif

#ifndef Py_LIMITED_API
typedef struct _dictkeysobject PyDictKeysObject;
typedef struct _dictvalues PyDictValues;
typedef struct {
    PyObject_HEAD
    Py_ssize_t ma_used;  /* number of items */
    uint64_t _ma_watcher_tag;  /* bits of the watchers */
    PyDictKeysObject *ma_keys;
    PyDictValues *ma_values;  /* NULL: keys and values are together */
} PyDictObject;

typedef enum {
    PyDict_EVENT_ADDED,
    PyDict_EVENT_MODIFIED,
    PyDict_EVENT_DELETED,
    PyDict_EVENT_CLONED,
    PyDict_EVENT_CLEARED,
    PyDict_EVENT_DEALLOCATED,
} PyDict_WatchEvent;

typedef int (*PyDict_WatchCallback)(PyDict_WatchEvent event, PyObject *dict, PyObject *key, PyObject *new_value);
#endif

PyAPI_DATA(PyTypeObject) PyDict_Type;
PyAPI_DATA(PyTypeObject) PyDictKeys_Type;
PyAPI_DATA(PyTypeObject) PyDictValues_Type;
PyAPI_DATA(PyTypeObject) PyDictItems_Type;
PyAPI_DATA(PyTypeObject) PyDictIterKey_Type;
PyAPI_DATA(PyTypeObject) PyDictIterValue_Type;
PyAPI_DATA(PyTypeObject) PyDictIterItem_Type;
PyAPI_DATA(PyTypeObject) PyDictRevIterKey_Type;
PyAPI_DATA(PyTypeObject) PyDictRevIterItem_Type;
PyAPI_DATA(PyTypeObject) PyDictRevIterValue_Type;

/* --- Items of a dict --- */
PyAPI_FUNC(int) PyDict_Contains(PyObject *p, PyObject *key);
PyAPI_FUNC(int) PyDict_SetItem(PyObject *p, PyObject *key, PyObject *val);  /* steals val; 0, or -1 with an exception */
PyAPI_FUNC(int) PyDict_SetItemString(PyObject *p, const char *key, PyObject *val);
PyAPI_FUNC(int) PyDict_DelItem(PyObject *p, PyObject *key);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyDict_DelItemString(PyObject *p, const char *key);
/* borrowed reference; NULL without an exception where it is not found, and whatever went wrong */
PyAPI_FUNC(PyObject *) PyDict_GetItem(PyObject *p, PyObject *key);
/* borrowed reference; NULL without an exception where it is not found */
PyAPI_FUNC(PyObject *) PyDict_GetItemWithError(PyObject *p, PyObject *key);
/* borrowed reference; NULL without an exception where it is not found, and whatever went wrong */
PyAPI_FUNC(PyObject *) PyDict_GetItemString(PyObject *p, const char *key);
#if _Py_API >= 0x030D0000
/* 1: *result is a new reference; 0: not found, NULL; -1 with an exception */
PyAPI_FUNC(int) PyDict_GetItemRef(PyObject *p, PyObject *key, PyObject **result);
/* 1: *result is a new reference; 0: not found, NULL; -1 with an exception */
PyAPI_FUNC(int) PyDict_GetItemStringRef(PyObject *p, const char *key, PyObject **result);
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyDict_ContainsString(PyObject *p, const char *key);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyDict_SetDefault(PyObject *p, PyObject *key, PyObject *defaultobj);  /* borrowed reference */
/* 1: it was there, 0: it is set; *result is a new reference; -1 with an exception */
PyAPI_FUNC(int) PyDict_SetDefaultRef(PyObject *p, PyObject *key, PyObject *default_value, PyObject **result);
/* 1: *result (where result is not NULL) is a new reference; 0: not found; -1 with an exception */
PyAPI_FUNC(int) PyDict_Pop(PyObject *p, PyObject *key, PyObject **result);
/* 1: *result (where result is not NULL) is a new reference; 0: not found; -1 with an exception */
PyAPI_FUNC(int) PyDict_PopString(PyObject *p, const char *key, PyObject **result);
PyAPI_FUNC(PyObject *) _PyDict_GetItem_KnownHash(PyObject *mp, PyObject *key, Py_hash_t hash);
Py_DEPRECATED(3.14) PyAPI_FUNC(PyObject *) _PyDict_GetItemStringWithError(PyObject *, const char *);
Py_DEPRECATED(3.14) PyAPI_FUNC(PyObject *) _PyDict_Pop(PyObject *dict, PyObject *key, PyObject *default_value);
#endif

/* --- Whole dicts --- */
PyAPI_FUNC(PyObject *) PyDict_New(void);  /* new reference */
PyAPI_FUNC(void) PyDict_Clear(PyObject *p);
PyAPI_FUNC(PyObject *) PyDict_Copy(PyObject *p);  /* new reference */
PyAPI_FUNC(PyObject *) PyDict_Items(PyObject *p);  /* new reference */
PyAPI_FUNC(PyObject *) PyDict_Keys(PyObject *p);  /* new reference */
PyAPI_FUNC(PyObject *) PyDict_Values(PyObject *p);  /* new reference */
PyAPI_FUNC(Py_ssize_t) PyDict_Size(PyObject *p);
/* 1 while there are items: *key and *value are borrowed references; *pos is 0 for the first call */
PyAPI_FUNC(int) PyDict_Next(PyObject *p, Py_ssize_t *ppos, PyObject **pkey, PyObject **pvalue);
PyAPI_FUNC(int) PyDict_Merge(PyObject *a, PyObject *b, int override);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyDict_Update(PyObject *a, PyObject *b);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyDict_MergeFromSeq2(PyObject *a, PyObject *seq2, int override);  /* 0, or -1 with an exception */

/* --- Watchers --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyDict_AddWatcher(PyDict_WatchCallback callback);  /* an id, or -1 with an exception */
PyAPI_FUNC(int) PyDict_ClearWatcher(int watcher_id);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyDict_Watch(int watcher_id, PyObject *dict);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyDict_Unwatch(int watcher_id, PyObject *dict);  /* 0, or -1 with an exception */
#endif

/* --- Any object --- */
#if _Py_API >= 0x030A0000
PyAPI_FUNC(PyObject *) PyObject_GenericGetDict(PyObject *o, void *context);  /* new reference */
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) _PyDict_NewPresized(Py_ssize_t minused);
#endif

#define PyDict_Check(op) PyType_FastSubclass(Py_TYPE(op), Py_TPFLAGS_DICT_SUBCLASS)
#define PyDict_CheckExact(op) Py_IS_TYPE((op), &PyDict_Type)

#define PyDictKeys_Check(op) PyObject_TypeCheck((op), &PyDictKeys_Type)
#define PyDictValues_Check(op) PyObject_TypeCheck((op), &PyDictValues_Type)
#define PyDictItems_Check(op) PyObject_TypeCheck((op), &PyDictItems_Type)
#define PyDictViewSet_Check(op) (PyDictKeys_Check(op) || PyDictItems_Check(op))

#ifndef Py_LIMITED_API
static inline Py_ssize_t PyDict_GET_SIZE(PyObject *op) {
    assert(PyDict_Check(op));
    return _Py_CAST(PyDictObject*, op)->ma_used;
}
#define PyDict_GET_SIZE(op) PyDict_GET_SIZE(_PyObject_CAST(op))
#endif

#ifdef __cplusplus
}
#endif

#endif
