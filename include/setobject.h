/* set and frozenset. */
#ifndef Py_SETOBJECT_H
#define Py_SETOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
#define PySet_MINSIZE 8
#endif

#ifndef Py_LIMITED_API
/* A place of a set: key NULL means empty. */
typedef struct {
    PyObject *key;
    Py_hash_t hash;
} setentry;

typedef struct {
    PyObject_HEAD
    Py_ssize_t fill;  /* places with a key, and those where one was removed */
    Py_ssize_t used;  /* number of items */
    Py_ssize_t mask;  /* number of places less one */
    setentry *table;  /* smalltable, or what was allocated */
    Py_hash_t hash;  /* of a frozenset; -1: not asked for yet */
    Py_ssize_t finger;  /* where pop() goes on */
    setentry smalltable[8];
    PyObject *weakreflist;
} PySetObject;
#endif

PyAPI_DATA(PyTypeObject) PySet_Type;
PyAPI_DATA(PyTypeObject) PyFrozenSet_Type;
PyAPI_DATA(PyTypeObject) PySetIter_Type;

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PySet_New(PyObject *iterable);  /* new reference */
PyAPI_FUNC(PyObject *) PyFrozenSet_New(PyObject *iterable);  /* new reference */
PyAPI_FUNC(Py_ssize_t) PySet_Size(PyObject *anyset);
PyAPI_FUNC(int) PySet_Contains(PyObject *anyset, PyObject *key);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PySet_Add(PyObject *set, PyObject *key);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PySet_Discard(PyObject *set, PyObject *key);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PySet_Pop(PyObject *set);  /* new reference; NULL with KeyError where it is empty */
PyAPI_FUNC(int) PySet_Clear(PyObject *set);  /* 0, or -1 with an exception */

#define PySet_CheckExact(op) Py_IS_TYPE((op), &PySet_Type)
#define PySet_Check(ob) (PySet_CheckExact(ob) || PyType_IsSubtype(Py_TYPE(ob), &PySet_Type))
#define PyFrozenSet_CheckExact(ob) Py_IS_TYPE((ob), &PyFrozenSet_Type)
#define PyFrozenSet_Check(ob) (PyFrozenSet_CheckExact(ob) || PyType_IsSubtype(Py_TYPE(ob), &PyFrozenSet_Type))
#define PyAnySet_CheckExact(ob) (PySet_CheckExact(ob) || PyFrozenSet_CheckExact(ob))
#define PyAnySet_Check(ob) (PySet_Check(ob) || PyFrozenSet_Check(ob))

#ifndef Py_LIMITED_API
#define _PySet_CAST(so) (assert(PyAnySet_Check(so)), _Py_CAST(PySetObject*, so))
static inline Py_ssize_t PySet_GET_SIZE(PyObject *so) { return _PySet_CAST(so)->used; }
#define PySet_GET_SIZE(so) PySet_GET_SIZE(_PyObject_CAST(so))
#endif

#ifdef __cplusplus
}
#endif

#endif
