/* list. */
#ifndef Py_LISTOBJECT_H
#define Py_LISTOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_VAR_HEAD
    PyObject **ob_item;  /* NULL for an empty list */
    Py_ssize_t allocated;  /* places at ob_item */
} PyListObject;
#endif

PyAPI_DATA(PyTypeObject) PyList_Type;
PyAPI_DATA(PyTypeObject) PyListIter_Type;
PyAPI_DATA(PyTypeObject) PyListRevIter_Type;

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyList_New(Py_ssize_t len);  /* new reference */
PyAPI_FUNC(Py_ssize_t) PyList_Size(PyObject *list);
PyAPI_FUNC(PyObject *) PyList_GetItem(PyObject *list, Py_ssize_t index);  /* borrowed reference */
/* steals item, also when it fails: 0, or -1 with an exception */
PyAPI_FUNC(int) PyList_SetItem(PyObject *list, Py_ssize_t index, PyObject *item);
PyAPI_FUNC(int) PyList_Insert(PyObject *list, Py_ssize_t index, PyObject *item);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyList_Append(PyObject *list, PyObject *item);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyList_GetSlice(PyObject *list, Py_ssize_t low, Py_ssize_t high);  /* new reference */
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyList_SetSlice(PyObject *list, Py_ssize_t low, Py_ssize_t high, PyObject *itemlist);
PyAPI_FUNC(int) PyList_Sort(PyObject *list);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyList_Reverse(PyObject *list);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyList_AsTuple(PyObject *list);  /* new reference */
#if _Py_API >= 0x030D0000
PyAPI_FUNC(PyObject *) PyList_GetItemRef(PyObject *list, Py_ssize_t index);  /* new reference; NULL with IndexError */
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyList_Extend(PyObject *list, PyObject *iterable);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyList_Clear(PyObject *list);  /* 0, or -1 with an exception */
#endif

#define PyList_Check(op) PyType_FastSubclass(Py_TYPE(op), Py_TPFLAGS_LIST_SUBCLASS)
#define PyList_CheckExact(op) Py_IS_TYPE((op), &PyList_Type)

#ifndef Py_LIMITED_API
/* --- Without checks --- */
#define _PyList_CAST(op) (assert(PyList_Check(op)), _Py_CAST(PyListObject*, (op)))

static inline Py_ssize_t PyList_GET_SIZE(PyObject *op) { return Py_SIZE(_PyList_CAST(op)); }
#define PyList_GET_SIZE(op) PyList_GET_SIZE(_PyObject_CAST(op))

#define PyList_GET_ITEM(op, index) (_PyList_CAST(op)->ob_item[(index)])  /* borrowed reference */

/* For a new list: steals value, and an item that was there is not given back. */
static inline void PyList_SET_ITEM(PyObject *op, Py_ssize_t index, PyObject *value) {
    assert(0 <= index && index < _PyList_CAST(op)->allocated);
    _PyList_CAST(op)->ob_item[index] = value;
}
#define PyList_SET_ITEM(op, index, value) \
    PyList_SET_ITEM(_PyObject_CAST(op), (index), _PyObject_CAST(value))
#endif

#ifdef __cplusplus
}
#endif

#endif
