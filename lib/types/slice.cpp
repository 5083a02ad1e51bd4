// slice, and the arithmetic of slices.
#include <algorithm>

#include "object/export.h"
#include "object/method.h"
#include "types/container_support.h"

// _PyEval_SliceIndex and _PyEval_SliceIndexNotNone belong to the evaluator's exports; the same conversion is made here.
namespace ks {
namespace {

PySliceObject* as_slice(PyObject* op) { return reinterpret_cast<PySliceObject*>(op); }

PySliceObject* slice_allocate() {
  SmallTypesState& state = interpreter()->small;
  if (PySliceObject* spare = state.spare_slice) {
    state.spare_slice = nullptr;
    return revive<PySliceObject>(spare, &PySlice_Type);
  }
  return allocate_gc<PySliceObject>(&PySlice_Type);
}
// Takes the three over.
PyObject* slice_taking(PyObject* start, PyObject* stop, PyObject* step) {
  PySliceObject* slice = start && stop && step ? slice_allocate() : nullptr;
  if (!slice) {
    Py_XDECREF(start);
    Py_XDECREF(stop);
    Py_XDECREF(step);
    return nullptr;
  }
  slice->start = start;
  slice->stop = stop;
  slice->step = step;
  track(slice);
  return object(slice);
}
void slice_dealloc(PyObject* self) {
  untrack(self);
  auto* slice = as_slice(self);
  Py_DECREF(slice->start);
  Py_DECREF(slice->stop);
  Py_DECREF(slice->step);
  SmallTypesState& state = interpreter()->small;
  if (!state.spare_slice) state.spare_slice = slice;
  else PyObject_GC_Del(self);
}
int slice_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* slice = as_slice(self);
  Py_VISIT(slice->start);
  Py_VISIT(slice->stop);
  Py_VISIT(slice->step);
  return 0;
}
PyObject* slice_new_vector(PyObject* const* args, Py_ssize_t nargs) {
  if (!check_positional("slice", nargs, 1, 3)) return nullptr;
  if (nargs == 1) return PySlice_New(nullptr, args[0], nullptr);
  return PySlice_New(args[0], args[1], nargs == 3 ? args[2] : nullptr);
}
PyObject* slice_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (!check_no_keywords("slice", kwargs)) return nullptr;
  return slice_new_vector(as<PyTupleObject>(args)->ob_item, PyTuple_GET_SIZE(args));
}
PyObject* slice_vectorcall(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (!check_no_keyword_names("slice", kwnames)) return nullptr;
  return slice_new_vector(args, PyVectorcall_NARGS(nargsf));
}
PyObject* slice_repr(PyObject* self) {
  auto* slice = as_slice(self);
  return PyUnicode_FromFormat("slice(%R, %R, %R)", slice->start, slice->stop, slice->step);
}
PyObject* slice_richcompare(PyObject* self, PyObject* other, int op) {
  if (!PySlice_Check(self) || !PySlice_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  if (self == other) return Py_NewRef(op == Py_EQ || op == Py_LE || op == Py_GE ? Py_True : Py_False);
  auto *a = as_slice(self), *b = as_slice(other);
  Ref<> left = steal(PyTuple_Pack(3, a->start, a->stop, a->step));
  Ref<> right = steal(PyTuple_Pack(3, b->start, b->stop, b->step));
  return left && right ? PyObject_RichCompare(left, right, op) : nullptr;
}
// As a tuple of the three would hash, without the length.
Py_hash_t slice_hash(PyObject* self) {
  constexpr Py_uhash_t kPrime1 = 11400714785074694791u, kPrime2 = 14029467366897019727u, kPrime5 = 2870177450012600261u;
  auto* slice = as_slice(self);
  Py_uhash_t accumulator = kPrime5;
  for (PyObject* part : {slice->start, slice->stop, slice->step}) {
    const Py_hash_t lane = PyObject_Hash(part);
    if (lane == -1) return -1;
    accumulator += static_cast<Py_uhash_t>(lane) * kPrime2;
    accumulator = (accumulator << 31) | (accumulator >> 33);
    accumulator *= kPrime1;
  }
  return accumulator == static_cast<Py_uhash_t>(-1) ? 1546275796 : static_cast<Py_hash_t>(accumulator);
}

// An index, None giving the default; clipped to Py_ssize_t.
bool slice_index(PyObject* value, Py_ssize_t* result) {
  if (!PyIndex_Check(value)) {
    (void)raise(PyExc_TypeError, "slice indices must be integers or None or have an __index__ method");
    return false;
  }
  *result = PyNumber_AsSsize_t(value, nullptr);
  return *result != -1 || !PyErr_Occurred();
}

Ref<> index_object(PyObject* value) {
  if (PyIndex_Check(value)) return steal(PyNumber_Index(value));
  return raise(PyExc_TypeError, "slice indices must be integers or None or have an __index__ method");
}
// -1 error, 0 no, 1 yes
int is_less(PyObject* left, PyObject* right) { return PyObject_RichCompareBool(left, right, Py_LT); }

// One bound: negative counts from the end, then clipped to [lower, upper].
Ref<> bound(PyObject* value, PyObject* fallback, PyObject* length, PyObject* lower, PyObject* upper, PyObject* zero) {
  if (value == Py_None) return borrow(fallback);
  Ref<> index = TRY(index_object(value));
  const int negative = is_less(index, zero);
  if (negative < 0) return nullptr;
  if (negative) {
    index = TRY(steal(PyNumber_Add(index, length)));
    const int below = is_less(index, lower);
    if (below < 0) return nullptr;
    return below ? borrow(lower) : std::move(index);
  }
  const int above = is_less(upper, index);
  if (above < 0) return nullptr;
  return above ? borrow(upper) : std::move(index);
}

PyObject* slice_indices(PyObject* self, PyObject* length_object) {
  Ref<> length = steal(PyNumber_Index(length_object));
  if (!length) return nullptr;
  Ref<> zero = steal(PyLong_FromLong(0));
  const int negative = is_less(length, zero);
  if (negative < 0) return nullptr;
  if (negative) return raise(PyExc_ValueError, "length should not be negative");
  PyObject *start, *stop, *step;
  if (_PySlice_GetLongIndices(as_slice(self), length, &start, &stop, &step) < 0) return nullptr;
  PyObject* result = PyTuple_Pack(3, start, stop, step);
  Py_DECREF(start);
  Py_DECREF(stop);
  Py_DECREF(step);
  return result;
}
METHOD(slice, indices, "($self, object, /)",
       "S.indices(len) -> (start, stop, stride)\n\nAssuming a sequence of length len, calculate the start and stop\n"
       "indices, and the stride length of the extended slice described by\n"
       "S. Out of bounds indices are clipped in a manner consistent with the\nhandling of normal slices.");
PyObject* slice_reduce(PySliceObject* self) { return Py_BuildValue("O(OOO)", Py_TYPE(self), self->start, self->stop, self->step); }
METHOD_AS(slice_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");

PyMethodDef slice_methods[] = {slice_indices_method, slice_reduce_method, {}};
PyMemberDef slice_members[] = {{"start", Py_T_OBJECT_EX, offsetof(PySliceObject, start), Py_READONLY, nullptr},
                               {"stop", Py_T_OBJECT_EX, offsetof(PySliceObject, stop), Py_READONLY, nullptr},
                               {"step", Py_T_OBJECT_EX, offsetof(PySliceObject, step), Py_READONLY, nullptr},
                               {}};

}  // namespace
}  // namespace ks

using namespace ks;

PyTypeObject PySlice_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "slice",
    .tp_basicsize = sizeof(PySliceObject),
    .tp_dealloc = slice_dealloc,
    .tp_repr = slice_repr,
    .tp_hash = slice_hash,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "slice(stop)\nslice(start, stop[, step])\n\n"
              "Create a slice object.  This is used for extended slicing (e.g. a[0:10:2]).",
    .tp_traverse = slice_traverse,
    .tp_richcompare = slice_richcompare,
    .tp_methods = slice_methods,
    .tp_members = slice_members,
    .tp_new = slice_new,
    .tp_vectorcall = slice_vectorcall,
};

// New reference; nullptr means None.
PyObject* PySlice_New(PyObject* start, PyObject* stop, PyObject* step) {
  return slice_taking(Py_NewRef(start ? start : Py_None), Py_NewRef(stop ? stop : Py_None), Py_NewRef(step ? step : Py_None));
}
PyObject* _PySlice_FromIndices(Py_ssize_t start, Py_ssize_t stop) {
  return slice_taking(PyLong_FromSsize_t(start), PyLong_FromSsize_t(stop), Py_NewRef(Py_None));
}
int PySlice_Unpack(PyObject* op, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step) {
  auto* slice = as_slice(op);
  if (slice->step == Py_None) {
    *step = 1;
  } else {
    if (!slice_index(slice->step, step)) return -1;
    if (*step == 0) return raise(PyExc_ValueError, "slice step cannot be zero");
    if (*step < -PY_SSIZE_T_MAX) *step = -PY_SSIZE_T_MAX;  // so that it can be negated
  }
  if (slice->start == Py_None) *start = *step < 0 ? PY_SSIZE_T_MAX : 0;
  else if (!slice_index(slice->start, start)) return -1;
  if (slice->stop == Py_None) *stop = *step < 0 ? PY_SSIZE_T_MIN : PY_SSIZE_T_MAX;
  else if (!slice_index(slice->stop, stop)) return -1;
  return 0;
}
// Clips to the length; the number of items in the slice.
Py_ssize_t PySlice_AdjustIndices(Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t step) {
  auto clip = [&](Py_ssize_t value) {
    if (value < 0) {
      value += length;
      return value < 0 ? (step < 0 ? -1 : 0) : value;
    }
    return value >= length ? (step < 0 ? length - 1 : length) : value;
  };
  *start = clip(*start);
  *stop = clip(*stop);
  if (step < 0) {
    if (*stop < *start) return (*start - *stop - 1) / -step + 1;
  } else if (*start < *stop) {
    return step == 1 ? *stop - *start : (*stop - *start - 1) / step + 1;
  }
  return 0;
}
// The old way: indices out of range are an error, without an exception where no conversion failed.
int PySlice_GetIndices(PyObject* op, Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step) {
  auto* slice = as_slice(op);
  auto convert = [&](PyObject* value, Py_ssize_t* result) {
    if (!PyLong_Check(value)) return false;
    *result = PyLong_AsSsize_t(value);
    return *result != -1 || !PyErr_Occurred();
  };
  if (slice->step == Py_None) *step = 1;
  else if (!convert(slice->step, step)) return -1;
  if (slice->start == Py_None) {
    *start = *step < 0 ? length - 1 : 0;
  } else {
    if (!convert(slice->start, start)) return -1;
    if (*start < 0) *start += length;
  }
  if (slice->stop == Py_None) {
    *stop = *step < 0 ? -1 : length;
  } else {
    if (!convert(slice->stop, stop)) return -1;
    if (*stop < 0) *stop += length;
  }
  if (*stop > length || *start >= length || *step == 0) return -1;
  return 0;
}
#undef PySlice_GetIndicesEx
int PySlice_GetIndicesEx(PyObject* op, Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step, Py_ssize_t* count) {
  if (PySlice_Unpack(op, start, stop, step) < 0) return -1;
  *count = PySlice_AdjustIndices(length, start, stop, *step);
  return 0;
}
// The same for ints of any size; three new references.
int _PySlice_GetLongIndices(PySliceObject* self, PyObject* length, PyObject** start_out, PyObject** stop_out, PyObject** step_out) {
  *start_out = *stop_out = *step_out = nullptr;
  Ref<> zero = TRY(steal(PyLong_FromLong(0)));
  Ref<> step;
  bool backwards = false;
  if (self->step == Py_None) {
    step = TRY(steal(PyLong_FromLong(1)));
  } else {
    step = TRY(index_object(self->step));
    const int negative = is_less(step, zero);
    if (negative < 0) return -1;
    backwards = negative;
    const int is_zero = PyObject_Not(step);
    if (is_zero < 0) return -1;
    if (is_zero) return raise(PyExc_ValueError, "slice step cannot be zero");
  }
  Ref<> lower, upper;
  if (backwards) {
    lower = TRY(steal(PyLong_FromLong(-1)));
    upper = TRY(steal(PyNumber_Add(length, lower)));
  } else {
    lower = zero.share();
    upper = borrow(length);
  }
  Ref<> start = TRY(bound(self->start, backwards ? upper : lower, length, lower, upper, zero));
  Ref<> stop = TRY(bound(self->stop, backwards ? lower : upper, length, lower, upper, zero));
  *start_out = start.release();
  *stop_out = stop.release();
  *step_out = step.release();
  return 0;
}
