// _bisect: binary search in sorted sequences.
#include "modules/module.h"

namespace ks {
namespace {

// Right: the place behind equal items; left: the place before them.
Py_ssize_t search(PyObject* sequence, PyObject* item, Py_ssize_t low, Py_ssize_t high, PyObject* key, bool right) {
  if (low < 0) return raise(PyExc_ValueError, "lo must be non-negative");
  if (high == -1) {
    high = PySequence_Size(sequence);
    if (high < 0) return -1;
  }
  const bool plain = !key || key == Py_None;
  while (low < high) {
    const Py_ssize_t middle = low + (high - low) / 2;
    Ref<> candidate = TRY(steal(PySequence_GetItem(sequence, middle)));
    if (!plain) candidate = TRY(steal(PyObject_CallOneArg(key, candidate)));
    const int less = right ? PyObject_RichCompareBool(item, candidate, Py_LT) : PyObject_RichCompareBool(candidate, item, Py_LT);
    if (less < 0) return -1;
    if (right ? less : !less) high = middle;
    else low = middle + 1;
  }
  return low;
}
Status insert(PyObject* sequence, Py_ssize_t index, PyObject* item) {
  if (index < 0) return failed;
  if (PyList_CheckExact(sequence)) return status(PyList_Insert(sequence, index, item));
  Ref<> index_object = TRY(steal(PyLong_FromSsize_t(index)));
  PyObject* stack[] = {sequence, index_object, item};
  Ref<> result = TRY(steal(PyObject_VectorcallMethod("insert"_id, stack, 3, nullptr)));
  return Status::Ok;
}
// The key of the item that is put in is computed once.
PyObject* insort(PyObject* a, PyObject* x, Py_ssize_t low, SizeOrNone high, PyObject* key, bool right) {
  Ref<> item_key = !key || key == Py_None ? Ref<>::borrow(x) : Ref<>::steal(PyObject_CallOneArg(key, x));
  if (!item_key) return nullptr;
  return box(insert(a, search(a, item_key, low, high, key, right), x));
}
#define SIGNATURE "($module, /, a, x, lo=0, hi=None, *, key=None)"
Py_ssize_t bisect_bisect_right(PyObject*, PyObject* a, PyObject* x, Py_ssize_t lo, SizeOrNone hi, PyObject* key) {
  return search(a, x, lo, hi, key, true);
}
METHOD(bisect, bisect_right, SIGNATURE, "Where x goes in sorted a, behind equal items. key is applied to the items of a, not to x.");
Py_ssize_t bisect_bisect_left(PyObject*, PyObject* a, PyObject* x, Py_ssize_t lo, SizeOrNone hi, PyObject* key) {
  return search(a, x, lo, hi, key, false);
}
METHOD(bisect, bisect_left, SIGNATURE, "Where x goes in sorted a, before equal items. key is applied to the items of a, not to x.");
PyObject* bisect_insort_right(PyObject*, PyObject* a, PyObject* x, Py_ssize_t lo, SizeOrNone hi, PyObject* key) {
  return insort(a, x, lo, hi, key, true);
}
METHOD(bisect, insort_right, SIGNATURE, "Put x into sorted a, behind equal items. key is applied to the items of a and to x.");
PyObject* bisect_insort_left(PyObject*, PyObject* a, PyObject* x, Py_ssize_t lo, SizeOrNone hi, PyObject* key) {
  return insort(a, x, lo, hi, key, false);
}
METHOD(bisect, insort_left, SIGNATURE, "Put x into sorted a, before equal items. key is applied to the items of a and to x.");

PyMethodDef methods[] = {bisect_bisect_right_method, bisect_bisect_left_method, bisect_insort_right_method, bisect_insort_left_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(slots);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_bisect", .m_doc = "Binary search, for the module bisect.",
                      .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__bisect(void) { return PyModuleDef_Init(&ks::module); }
