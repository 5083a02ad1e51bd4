// tuple's typed cores: unchecked, for use inside the library.
#pragma once

#include <Python.h>

#include "object/ref.h"
#include "object/result.h"

namespace ks {

// The one empty tuple, a constant; borrowed.
PyObject* empty_tuple();

// New, untracked, all items nullptr; size > 0. Fill it, then PyObject_GC_Track it (or tuple_track).
PyTupleObject* tuple_allocate(Py_ssize_t size);
// New, from borrowed items.
PyObject* tuple_from_array(PyObject* const* items, Py_ssize_t size);
// New, from owned items: taken over, also on failure.
PyObject* tuple_from_array_taking(PyObject* const* items, Py_ssize_t size);
// New pair/single.
PyObject* tuple_pair(PyObject* first, PyObject* second);
PyObject* tuple_pair_taking(PyObject* first, PyObject* second);
// New slice; low and high are within bounds.
PyObject* tuple_slice(PyTupleObject* tuple, Py_ssize_t low, Py_ssize_t high);
// The iterator; tuple is nullptr once exhausted.
struct TupleIterator {
  PyObject ob_base;
  Py_ssize_t index;
  PyTupleObject* tuple;
};
// For the collector: stops tracking a tuple whose items can be in no cycle.
void tuple_maybe_untrack(PyObject* tuple);

}  // namespace ks
