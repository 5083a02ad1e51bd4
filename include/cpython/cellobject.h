/* Cells: variables that functions share. */
#ifndef Py_CPYTHON_CELLOBJECT_H
#define Py_CPYTHON_CELLOBJECT_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    PyObject_HEAD
    PyObject *ob_ref;
} PyCellObject;

PyAPI_DATA(PyTypeObject) PyCell_Type;

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyCell_New(PyObject *ob);  /* new reference */
PyAPI_FUNC(PyObject *) PyCell_Get(PyObject *cell);  /* new reference */
PyAPI_FUNC(int) PyCell_Set(PyObject *cell, PyObject *value);

#define PyCell_Check(op) Py_IS_TYPE((op), &PyCell_Type)

/* --- Without checks --- */
/* Borrowed reference, or NULL where the cell is empty. */
static inline PyObject *PyCell_GET(PyObject *op) {
    assert(PyCell_Check(op));
    return _Py_CAST(PyCellObject*, op)->ob_ref;
}
#define PyCell_GET(op) PyCell_GET(_PyObject_CAST(op))

/* Steals value, and what was there is not given back. */
static inline void PyCell_SET(PyObject *op, PyObject *value) {
    assert(PyCell_Check(op));
    _Py_CAST(PyCellObject*, op)->ob_ref = value;
}
#define PyCell_SET(op, value) PyCell_SET(_PyObject_CAST(op), (value))

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
