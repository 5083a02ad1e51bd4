// list's typed cores: unchecked, for use inside the library.
#pragma once

#include <Python.h>

#include "object/ref.h"
#include "object/result.h"

namespace ks {

// Grows to `size` items with the usual over-allocation; new places are not initialised.
Status list_resize(PyListObject* list, Py_ssize_t size);

// Takes the reference over, also on failure.
inline Status list_append_taking(PyListObject* list, PyObject* item) {
  const Py_ssize_t size = Py_SIZE(list);
  if (size < list->allocated) {
    list->ob_item[size] = item;
    Py_SET_SIZE(list, size + 1);
    return Status::Ok;
  }
  if (list_resize(list, size + 1) == Status::Error) {
    Py_DECREF(item);
    return failed;
  }
  list->ob_item[size] = item;
  return Status::Ok;
}
inline Status list_append(PyListObject* list, PyObject* item) { return list_append_taking(list, Py_NewRef(item)); }

// New list of `size` items, all nullptr until set; allocated exactly.
PyObject* list_new(Py_ssize_t size);
// New, from borrowed items.
PyObject* list_from_array(PyObject* const* items, Py_ssize_t size);
// New, from owned items: taken over, also on failure.
PyObject* list_from_array_taking(PyObject* const* items, Py_ssize_t size);

// The forward iterator and the reversed one; list is nullptr once exhausted.
struct ListIterator {
  PyObject ob_base;
  Py_ssize_t index;
  PyListObject* list;
};

Status list_extend(PyListObject* list, PyObject* iterable);
Status list_assign_slice(PyListObject* list, Py_ssize_t low, Py_ssize_t high, PyObject* values);
PyObject* list_slice(PyListObject* list, Py_ssize_t low, Py_ssize_t high);
Status list_sort(PyListObject* list, PyObject* key, bool reverse);
void list_reverse_range(PyObject** low, PyObject** high);

}  // namespace ks
