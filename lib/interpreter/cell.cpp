// Cells: the variables that closures share.
#include <Python.h>

#include "object/method.h"
#include "object/result.h"

namespace ks {
namespace {

PyCellObject* cell_of(PyObject* object) { return reinterpret_cast<PyCellObject*>(object); }

PyObject* cell_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "cell() takes no keyword arguments");
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count > 1) return raise(PyExc_TypeError, "cell expected at most 1 argument, got %zd", count);
  return PyCell_New(count ? PyTuple_GET_ITEM(args, 0) : nullptr);
}

void cell_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(cell_of(self)->ob_ref);
  PyObject_GC_Del(self);
}
int cell_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(cell_of(self)->ob_ref);
  return 0;
}
int cell_clear(PyObject* self) {
  Py_CLEAR(cell_of(self)->ob_ref);
  return 0;
}

// Compares the contents; an empty cell is less than anything.
PyObject* cell_compare(PyObject* left, PyObject* right, int op) {
  if (!PyCell_Check(left) || !PyCell_Check(right)) Py_RETURN_NOTIMPLEMENTED;
  Ref<> a = borrow(cell_of(left)->ob_ref), b = borrow(cell_of(right)->ob_ref);
  if (a && b) return PyObject_RichCompare(a, b, op);
  Py_RETURN_RICHCOMPARE(!b, !a, op);
}

PyObject* cell_repr(PyObject* self) {
  PyObject* value = cell_of(self)->ob_ref;
  if (!value) return PyUnicode_FromFormat("<cell at %p: empty>", static_cast<void*>(self));
  return PyUnicode_FromFormat("<cell at %p: %.80s object at %p>", static_cast<void*>(self), Py_TYPE(value)->tp_name,
                              static_cast<void*>(value));
}

PyObject* get_contents(PyObject* self, void*) {
  PyObject* value = cell_of(self)->ob_ref;
  if (!value) return raise(PyExc_ValueError, "Cell is empty");
  return Py_NewRef(value);
}
int set_contents(PyObject* self, PyObject* value, void*) {
  Py_XSETREF(cell_of(self)->ob_ref, Py_XNewRef(value));
  return 0;
}

PyGetSetDef cell_getsets[] = {{"cell_contents", get_contents, set_contents, nullptr, nullptr}, {}};

}  // namespace
}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject PyCell_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "cell",
    .tp_basicsize = sizeof(PyCellObject),
    .tp_dealloc = cell_dealloc,
    .tp_repr = cell_repr,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "cell([contents])\n--\n\nCreate a new cell object.\n\n  contents\n    the contents of the cell. If not specified, the "
              "cell will be empty,\n    and further attempts to access its cell_contents attribute will\n    raise a ValueError.",
    .tp_traverse = cell_traverse,
    .tp_clear = cell_clear,
    .tp_richcompare = cell_compare,
    .tp_getset = cell_getsets,
    .tp_new = cell_new,
};

// New; the contents may be NULL.
PyObject* PyCell_New(PyObject* contents) {
  auto* cell = PyObject_GC_New(PyCellObject, &PyCell_Type);
  if (!cell) return nullptr;
  cell->ob_ref = Py_XNewRef(contents);
  PyObject_GC_Track(cell);
  return object(cell);
}
// New; NULL without exception for an empty cell.
PyObject* PyCell_Get(PyObject* op) {
  if (!PyCell_Check(op)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return Py_XNewRef(cell_of(op)->ob_ref);
}
int PyCell_Set(PyObject* op, PyObject* value) {
  if (!PyCell_Check(op)) {
    PyErr_BadInternalCall();
    return -1;
  }
  return set_contents(op, value, nullptr);
}

}  // extern "C"
