// range: start, stop, step and length are ints of any size. Where all fit a machine word, that is what is computed with.
#include "types/range.h"

#include "object/export.h"
#include "object/method.h"
#include "types/container_support.h"

namespace ks {
namespace {

struct RangeObject {
  PyObject ob_base;
  PyObject* start;
  PyObject* stop;
  PyObject* step;
  PyObject* length;
};
RangeObject* as_range(PyObject* op) { return reinterpret_cast<RangeObject*>(op); }

struct LongRangeIterator {
  PyObject ob_base;
  PyObject* start;
  PyObject* step;
  PyObject* len;
};

// The value if it is an int that fits; no exception.
bool fits(PyObject* value, long* result) {
  int overflow;
  *result = PyLong_AsLongAndOverflow(value, &overflow);
  return !overflow;
}
unsigned long length_of(long start, long stop, long step) {
  if (step > 0 && start < stop) return 1 + (static_cast<unsigned long>(stop) - 1 - static_cast<unsigned long>(start)) / static_cast<unsigned long>(step);
  if (step < 0 && start > stop) return 1 + (static_cast<unsigned long>(start) - 1 - static_cast<unsigned long>(stop)) / (0ul - static_cast<unsigned long>(step));
  return 0;
}
Ref<> zero() { return steal(PyLong_FromLong(0)); }
Ref<> one() { return steal(PyLong_FromLong(1)); }
int sign_of(PyObject* value) {
  int sign = 0;
  PyLong_GetSign(value, &sign);
  return sign;
}

Ref<> compute_length(PyObject* start, PyObject* stop, PyObject* step) {
  long a, b, c;
  if (fits(start, &a) && fits(stop, &b) && fits(step, &c)) return steal(PyLong_FromUnsignedLong(length_of(a, b, c)));
  const bool forwards = sign_of(step) > 0;
  PyObject *low = forwards ? start : stop, *high = forwards ? stop : start;
  const int nothing = PyObject_RichCompareBool(low, high, Py_GE);
  if (nothing < 0) return nullptr;
  if (nothing) return zero();
  Ref<> width = forwards ? borrow(step) : steal(PyNumber_Negative(step));
  if (!width) return nullptr;
  Ref<> unit = one();
  Ref<> difference = TRY(steal(PyNumber_Subtract(high, low)));
  difference = TRY(steal(PyNumber_Subtract(difference, unit)));
  difference = TRY(steal(PyNumber_FloorDivide(difference, width)));
  return steal(PyNumber_Add(difference, unit));
}
PyObject* range_make(Ref<> start, Ref<> stop, Ref<> step) {
  if (!start || !stop || !step) return nullptr;
  Ref<> length = compute_length(start, stop, step);
  if (!length) return nullptr;
  RangeObject* range = allocate_plain<RangeObject>(&PyRange_Type);
  if (!range) return nullptr;
  range->start = start.release();
  range->stop = stop.release();
  range->step = step.release();
  range->length = length.release();
  return object(range);
}
PyObject* range_from(PyObject* const* args, Py_ssize_t nargs) {
  if (!check_positional("range", nargs, 1, 3)) return nullptr;
  if (nargs == 1) {
    Ref<> stop = steal(PyNumber_Index(args[0]));
    return stop ? range_make(zero(), std::move(stop), one()) : nullptr;
  }
  Ref<> start = steal(PyNumber_Index(args[0]));
  if (!start) return nullptr;
  Ref<> stop = steal(PyNumber_Index(args[1]));
  if (!stop) return nullptr;
  Ref<> step = nargs == 3 ? steal(PyNumber_Index(args[2])) : one();
  if (!step) return nullptr;
  if (sign_of(step) == 0) return raise(PyExc_ValueError, "range() arg 3 must not be zero");
  return range_make(std::move(start), std::move(stop), std::move(step));
}
PyObject* range_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (!check_no_keywords("range", kwargs)) return nullptr;
  return range_from(as<PyTupleObject>(args)->ob_item, PyTuple_GET_SIZE(args));
}
PyObject* range_vectorcall(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (!check_no_keyword_names("range", kwnames)) return nullptr;
  return range_from(args, PyVectorcall_NARGS(nargsf));
}
void range_dealloc(PyObject* self) {
  auto* range = as_range(self);
  Py_DECREF(range->start);
  Py_DECREF(range->stop);
  Py_DECREF(range->step);
  Py_DECREF(range->length);
  PyObject_Free(self);
}

// start + index * step
Ref<> item_at(RangeObject* range, PyObject* index) {
  long start, step, i, product, sum;
  if (fits(range->start, &start) && fits(range->step, &step) && fits(index, &i) && !__builtin_mul_overflow(i, step, &product) &&
      !__builtin_add_overflow(start, product, &sum))
    return steal(PyLong_FromLong(sum));
  Ref<> offset = TRY(steal(PyNumber_Multiply(index, range->step)));
  return steal(PyNumber_Add(range->start, offset));
}
Ref<> item_checked(RangeObject* range, PyObject* index) {
  Ref<> position = borrow(index);
  if (sign_of(index) < 0) position = TRY(steal(PyNumber_Add(range->length, index)));
  bool outside = sign_of(position) < 0;
  if (!outside) {
    const int above = PyObject_RichCompareBool(position, range->length, Py_GE);
    if (above < 0) return nullptr;
    outside = above;
  }
  if (outside) return raise(PyExc_IndexError, "range object index out of range");
  return item_at(range, position);
}
PyObject* range_item(PyObject* self, Py_ssize_t index) {
  Ref<> position = steal(PyLong_FromSsize_t(index));
  return position ? item_checked(as_range(self), position).release() : nullptr;
}
PyObject* range_subscript(PyObject* self, PyObject* key) {
  auto* range = as_range(self);
  if (PyIndex_Check(key)) {
    Ref<> index = steal(PyNumber_Index(key));
    return index ? item_checked(range, index).release() : nullptr;
  }
  if (PySlice_Check(key)) {
    PyObject *start, *stop, *step;
    if (_PySlice_GetLongIndices(as<PySliceObject>(key), range->length, &start, &stop, &step) < 0) return nullptr;
    Ref<> own_start = steal(start), own_stop = steal(stop), own_step = steal(step);
    return range_make(item_at(range, own_start), item_at(range, own_stop), steal(PyNumber_Multiply(own_step, range->step)));
  }
  return raise(PyExc_TypeError, "range indices must be integers or slices, not %.200s", Py_TYPE(key)->tp_name);
}
Py_ssize_t range_length(PyObject* self) { return PyLong_AsSsize_t(as_range(self)->length); }
int range_bool(PyObject* self) { return sign_of(as_range(self)->length) != 0; }

// For exact ints: arithmetic.
int contains_int(RangeObject* range, PyObject* value) {
  long start, stop, step, v;
  if (fits(range->start, &start) && fits(range->stop, &stop) && fits(range->step, &step) && fits(value, &v)) {
    if (step > 0 ? (v < start || v >= stop) : (v > start || v <= stop)) return 0;
    return step > 0 ? (static_cast<unsigned long>(v) - static_cast<unsigned long>(start)) % static_cast<unsigned long>(step) == 0
                    : (static_cast<unsigned long>(start) - static_cast<unsigned long>(v)) % (0ul - static_cast<unsigned long>(step)) == 0;
  }
  const bool forwards = sign_of(range->step) > 0;
  const int after_start = forwards ? PyObject_RichCompareBool(range->start, value, Py_LE) : PyObject_RichCompareBool(value, range->start, Py_LE);
  if (after_start <= 0) return after_start;
  const int before_stop = forwards ? PyObject_RichCompareBool(value, range->stop, Py_LT) : PyObject_RichCompareBool(range->stop, value, Py_LT);
  if (before_stop <= 0) return before_stop;
  Ref<> offset = TRY(steal(PyNumber_Subtract(value, range->start)));
  Ref<> rest = TRY(steal(PyNumber_Remainder(offset, range->step)));
  return sign_of(rest) == 0;
}
bool is_plain_int(PyObject* value) { return PyLong_CheckExact(value) || PyBool_Check(value); }

enum class Search { Contains, Count, Index };
// Any other kind of value is compared with each item.
Py_ssize_t search(PyObject* self, PyObject* value, Search what) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(self)));
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0;; ++i) {
    Ref<> item = steal(PyIter_Next(iterator));
    if (!item) break;
    const int equal = PyObject_RichCompareBool(item, value, Py_EQ);
    if (equal < 0) return -1;
    if (!equal) continue;
    if (what == Search::Index) return i;
    if (what == Search::Contains) return 1;
    ++count;
  }
  if (PyErr_Occurred()) return -1;
  if (what == Search::Index) return raise(PyExc_ValueError, "sequence.index(x): x not in sequence");
  return count;
}
int range_contains(PyObject* self, PyObject* value) {
  if (is_plain_int(value)) return contains_int(as_range(self), value);
  return static_cast<int>(search(self, value, Search::Contains));
}
PyObject* range_count(PyObject* self, PyObject* value) {
  if (is_plain_int(value)) {
    const int there = contains_int(as_range(self), value);
    return there < 0 ? nullptr : PyLong_FromLong(there);
  }
  return box(search(self, value, Search::Count));
}
METHOD(range, count, "($self, object, /)", "rangeobject.count(value) -> integer -- return number of occurrences of value");
PyObject* range_index(PyObject* self, PyObject* value) {
  auto* range = as_range(self);
  if (!is_plain_int(value)) return box(search(self, value, Search::Index));
  const int there = contains_int(range, value);
  if (there < 0) return nullptr;
  if (!there) return raise(PyExc_ValueError, "range.index(x): x not in range");
  Ref<> offset = steal(PyNumber_Subtract(value, range->start));
  return offset ? PyNumber_FloorDivide(offset, range->step) : nullptr;
}
METHOD(range, index, "($self, object, /)",
       "rangeobject.index(value) -> integer -- return index of value.\nRaise ValueError if the value is not present.");

PyObject* range_repr(PyObject* self) {
  auto* range = as_range(self);
  long step;
  if (fits(range->step, &step) && step == 1) return PyUnicode_FromFormat("range(%R, %R)", range->start, range->stop);
  return PyUnicode_FromFormat("range(%R, %R, %R)", range->start, range->stop, range->step);
}
PyObject* range_reduce(RangeObject* self) { return Py_BuildValue("(O(OOO))", Py_TYPE(self), self->start, self->stop, self->step); }
METHOD_AS(range_reduce, "__reduce__", 0, "($self, /)", "");

// Equal as sequences.
int ranges_equal(RangeObject* a, RangeObject* b) {
  if (a == b) return 1;
  int equal = PyObject_RichCompareBool(a->length, b->length, Py_EQ);
  if (equal <= 0 || sign_of(a->length) == 0) return equal;
  equal = PyObject_RichCompareBool(a->start, b->start, Py_EQ);
  if (equal <= 0) return equal;
  long length;
  if (fits(a->length, &length) && length == 1) return 1;
  return PyObject_RichCompareBool(a->step, b->step, Py_EQ);
}
PyObject* range_richcompare(PyObject* self, PyObject* other, int op) {
  if (!PyRange_Check(other) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  const int equal = ranges_equal(as_range(self), as_range(other));
  if (equal < 0) return nullptr;
  return Py_NewRef(equal == (op == Py_EQ) ? Py_True : Py_False);
}
Py_hash_t range_hash(PyObject* self) {
  auto* range = as_range(self);
  long length = 2;
  fits(range->length, &length);
  Ref<> key = TRY(steal(PyTuple_Pack(3, range->length, length == 0 ? Py_None : range->start, length == 0 || length == 1 ? Py_None : range->step)));
  return PyObject_Hash(key);
}

// ---- iterators -----------------------------------------------------------------------------------------------------------------

PyObject* fast_iterator(long start, long step, unsigned long length) {
  RangeIterator* iterator = allocate_plain<RangeIterator>(&PyRangeIter_Type);
  if (!iterator) return nullptr;
  iterator->start = start;
  iterator->step = step;
  iterator->len = static_cast<long>(length);
  return object(iterator);
}
// Do all values from start, and the one behind the last, fit?
bool iterates_fast(long start, long step, unsigned long length) {
  long product, end;
  return length <= static_cast<unsigned long>(PY_SSIZE_T_MAX) && !__builtin_mul_overflow(static_cast<long>(length), step, &product) &&
         !__builtin_add_overflow(start, product, &end);
}
PyObject* long_iterator(Ref<> start, Ref<> step, Ref<> length) {
  if (!start || !step || !length) return nullptr;
  auto* iterator = allocate_plain<LongRangeIterator>(&PyLongRangeIter_Type);
  if (!iterator) return nullptr;
  iterator->start = start.release();
  iterator->step = step.release();
  iterator->len = length.release();
  return object(iterator);
}
PyObject* range_iter(PyObject* self) {
  auto* range = as_range(self);
  long start, stop, step;
  if (fits(range->start, &start) && fits(range->stop, &stop) && fits(range->step, &step)) {
    const unsigned long length = length_of(start, stop, step);
    if (iterates_fast(start, step, length)) return fast_iterator(start, step, length);
  }
  return long_iterator(borrow(range->start), borrow(range->step), borrow(range->length));
}
PyObject* range_reversed(PyObject* self) {
  auto* range = as_range(self);
  long start, stop, step;
  if (fits(range->start, &start) && fits(range->stop, &stop) && fits(range->step, &step) && step != LONG_MIN) {
    const unsigned long length = length_of(start, stop, step);
    long before;
    if (iterates_fast(start, step, length) && !__builtin_sub_overflow(start, step, &before))
      return fast_iterator(length ? start + (static_cast<long>(length) - 1) * step : start, -step, length);
  }
  Ref<> unit = one();
  Ref<> last = steal(PyNumber_Subtract(range->length, unit));
  return last ? long_iterator(item_at(range, last), steal(PyNumber_Negative(range->step)), borrow(range->length)) : nullptr;
}
METHOD_AS(range_reversed, "__reversed__", 0, "($self, /)", "Return a reverse iterator.");

void range_iterator_dealloc(PyObject* self) { PyObject_Free(self); }
PyObject* range_iterator_next(PyObject* self) {
  auto* iterator = as<RangeIterator>(self);
  if (iterator->len <= 0) return nullptr;
  --iterator->len;
  const long value = iterator->start;
  iterator->start = value + iterator->step;
  return PyLong_FromLong(value);
}
long range_iterator_length_hint_value(RangeIterator* self) { return self->len; }
Py_ssize_t range_iterator_length_hint(RangeIterator* self) { return range_iterator_length_hint_value(self); }
METHOD_AS(range_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
PyObject* reduce_as_range(PyObject* range) {
  Ref<> own = steal(range);
  Ref<> iter = own ? builtin("iter"_id) : Ref<>();
  return iter ? Py_BuildValue("O(O)O", iter.get(), own.get(), Py_None) : nullptr;
}
PyObject* range_iterator_reduce(RangeIterator* self) {
  return reduce_as_range(range_make(steal(PyLong_FromLong(self->start)), steal(PyLong_FromLong(self->start + self->len * self->step)),
                                    steal(PyLong_FromLong(self->step))));
}
METHOD_AS(range_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Status range_iterator_setstate(RangeIterator* self, PyObject* state) {
  long index = PyLong_AsLong(state);
  if (index == -1 && PyErr_Occurred()) return failed;
  if (index < 0) index = 0;
  if (index > self->len) index = self->len;
  self->start += index * self->step;
  self->len -= index;
  return Status::Ok;
}
METHOD_AS(range_iterator_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");

void long_iterator_dealloc(PyObject* self) {
  auto* iterator = as<LongRangeIterator>(self);
  Py_XDECREF(iterator->start);
  Py_XDECREF(iterator->step);
  Py_XDECREF(iterator->len);
  PyObject_Free(self);
}
PyObject* long_iterator_next(PyObject* self) {
  auto* iterator = as<LongRangeIterator>(self);
  if (sign_of(iterator->len) <= 0) return nullptr;
  Ref<> unit = one();
  Ref<> left = steal(PyNumber_Subtract(iterator->len, unit));
  Ref<> next = left ? steal(PyNumber_Add(iterator->start, iterator->step)) : Ref<>();
  if (!next) return nullptr;
  Py_SETREF(iterator->len, left.release());
  return std::exchange(iterator->start, next.release());
}
PyObject* long_iterator_length_hint(LongRangeIterator* self) { return Py_NewRef(self->len); }
METHOD_AS(long_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
PyObject* long_iterator_reduce(LongRangeIterator* self) {
  Ref<> product = steal(PyNumber_Multiply(self->len, self->step));
  Ref<> stop = product ? steal(PyNumber_Add(self->start, product)) : Ref<>();
  return stop ? reduce_as_range(range_make(borrow(self->start), std::move(stop), borrow(self->step))) : nullptr;
}
METHOD_AS(long_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Status long_iterator_setstate(LongRangeIterator* self, PyObject* state) {
  if (!PyLong_CheckExact(state)) return raise(PyExc_TypeError, "state must be an int, not %T", state);
  Ref<> index = borrow(state);
  if (sign_of(state) < 0) {
    index = zero();
  } else {
    const int above = PyObject_RichCompareBool(self->len, state, Py_LT);
    if (above < 0) return failed;
    if (above) index = borrow(self->len);
  }
  Ref<> product = TRY(steal(PyNumber_Multiply(index, self->step)));
  Ref<> start = TRY(steal(PyNumber_Add(self->start, product)));
  Ref<> left = TRY(steal(PyNumber_Subtract(self->len, index)));
  Py_SETREF(self->start, start.release());
  Py_SETREF(self->len, left.release());
  return Status::Ok;
}
METHOD_AS(long_iterator_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");

PyMethodDef range_iterator_methods[] = {range_iterator_length_hint_method, range_iterator_reduce_method, range_iterator_setstate_method, {}};
PyMethodDef long_iterator_methods[] = {long_iterator_length_hint_method, long_iterator_reduce_method, long_iterator_setstate_method, {}};
PyMethodDef range_methods[] = {range_reversed_method, range_reduce_method, range_count_method, range_index_method, {}};
PyMemberDef range_members[] = {{"start", Py_T_OBJECT_EX, offsetof(RangeObject, start), Py_READONLY, nullptr},
                               {"stop", Py_T_OBJECT_EX, offsetof(RangeObject, stop), Py_READONLY, nullptr},
                               {"step", Py_T_OBJECT_EX, offsetof(RangeObject, step), Py_READONLY, nullptr},
                               {}};
PySequenceMethods range_as_sequence = {.sq_length = range_length, .sq_item = range_item, .sq_contains = range_contains};
PyMappingMethods range_as_mapping = {.mp_length = range_length, .mp_subscript = range_subscript};
PyNumberMethods range_as_number = {.nb_bool = range_bool};

}  // namespace
}  // namespace ks

using namespace ks;

PyTypeObject PyRange_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "range",
    .tp_basicsize = sizeof(RangeObject),
    .tp_dealloc = range_dealloc,
    .tp_repr = range_repr,
    .tp_as_number = &range_as_number,
    .tp_as_sequence = &range_as_sequence,
    .tp_as_mapping = &range_as_mapping,
    .tp_hash = range_hash,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_SEQUENCE,
    .tp_doc = "range(stop) -> range object\nrange(start, stop[, step]) -> range object\n\n"
              "Return an object that produces a sequence of integers from start (inclusive)\n"
              "to stop (exclusive) by step.  range(i, j) produces i, i+1, i+2, ..., j-1.\n"
              "start defaults to 0, and stop is omitted!  range(4) produces 0, 1, 2, 3.\n"
              "These are exactly the valid indices for a list of 4 elements.\n"
              "When step is given, it specifies the increment (or decrement).",
    .tp_richcompare = range_richcompare,
    .tp_iter = range_iter,
    .tp_methods = range_methods,
    .tp_members = range_members,
    .tp_new = range_new,
    .tp_vectorcall = range_vectorcall,
};
PyTypeObject PyRangeIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "range_iterator",
    .tp_basicsize = sizeof(RangeIterator),
    .tp_dealloc = range_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = range_iterator_next,
    .tp_methods = range_iterator_methods,
};
PyTypeObject PyLongRangeIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "longrange_iterator",
    .tp_basicsize = sizeof(LongRangeIterator),
    .tp_dealloc = long_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = long_iterator_next,
    .tp_methods = long_iterator_methods,
};
