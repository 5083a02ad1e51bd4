// tuple and its iterator. Items never change once others see the tuple; ob_hash caches the hash (-1: not computed).
#include "types/tuple.h"

#include <cstring>

#include "object/export.h"
#include "object/method.h"
#include "types/container_support.h"

namespace ks {

namespace {

constexpr Py_ssize_t kMaxFreeTuples = 2000;

// The empty tuple with the collector's header before it.
struct StaticTuple {
  uintptr_t gc[2];
  PyTupleObject tuple;
};
constinit StaticTuple static_empty_tuple = {
    {0, 0}, {{{{_Py_STATIC_IMMORTAL_INITIAL_REFCNT}, &PyTuple_Type}, 0}, -1, {nullptr}}};

PyTupleObject* as_tuple(PyObject* op) { return reinterpret_cast<PyTupleObject*>(op); }

// Starts tracking if an item may lie on a cycle.
void track_if_needed(PyTupleObject* tuple) {
  const Py_ssize_t size = Py_SIZE(tuple);
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (may_be_tracked(tuple->ob_item[i])) {
      track(tuple);
      return;
    }
  }
}

}  // namespace

PyObject* empty_tuple() { return object(&static_empty_tuple.tuple); }

// Untracked, items not initialised.
static inline PyTupleObject* tuple_block(Py_ssize_t size) {
  PyTupleObject* tuple;
  void* block = size <= kTupleFreeSizes ? container_state().tuples[size].take() : nullptr;
  if (block) {
    tuple = revive<PyTupleObject>(block, &PyTuple_Type);
  } else {
    if (static_cast<size_t>(size) > (static_cast<size_t>(PY_SSIZE_T_MAX) - sizeof(PyTupleObject)) / sizeof(PyObject*)) {
      PyErr_NoMemory();
      return nullptr;
    }
    tuple = PyObject_GC_NewVar(PyTupleObject, &PyTuple_Type, size);
    if (!tuple) return nullptr;
  }
  tuple->ob_hash = -1;
  return tuple;
}
PyTupleObject* tuple_allocate(Py_ssize_t size) {
  PyTupleObject* tuple = tuple_block(size);
  if (tuple) std::memset(tuple->ob_item, 0, static_cast<size_t>(size) * sizeof(PyObject*));
  return tuple;
}
PyObject* tuple_from_array(PyObject* const* items, Py_ssize_t size) {
  if (size == 0) return empty_tuple();
  PyTupleObject* tuple = tuple_block(size);
  if (!tuple) return nullptr;
  for (Py_ssize_t i = 0; i < size; ++i) tuple->ob_item[i] = Py_NewRef(items[i]);
  track_if_needed(tuple);
  return object(tuple);
}
PyObject* tuple_from_array_taking(PyObject* const* items, Py_ssize_t size) {
  if (size == 0) return empty_tuple();
  PyTupleObject* tuple = tuple_block(size);
  if (!tuple) {
    for (Py_ssize_t i = 0; i < size; ++i) Py_DECREF(items[i]);
    return nullptr;
  }
  std::memcpy(tuple->ob_item, items, static_cast<size_t>(size) * sizeof(PyObject*));
  track_if_needed(tuple);
  return object(tuple);
}
PyObject* tuple_pair_taking(PyObject* first, PyObject* second) {
  PyObject* items[] = {first, second};
  return tuple_from_array_taking(items, 2);
}
PyObject* tuple_pair(PyObject* first, PyObject* second) { return tuple_pair_taking(Py_NewRef(first), Py_NewRef(second)); }
PyObject* tuple_slice(PyTupleObject* tuple, Py_ssize_t low, Py_ssize_t high) {
  if (low < 0) low = 0;
  if (high > Py_SIZE(tuple)) high = Py_SIZE(tuple);
  if (high < low) high = low;
  if (low == 0 && high == Py_SIZE(tuple) && PyTuple_CheckExact(object(tuple))) return Py_NewRef(object(tuple));
  return tuple_from_array(tuple->ob_item + low, high - low);
}
void tuple_maybe_untrack(PyObject* op) {
  if (!PyTuple_CheckExact(op) || !PyObject_GC_IsTracked(op)) return;
  const Py_ssize_t size = Py_SIZE(op);
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = as_tuple(op)->ob_item[i];
    if (!item || may_be_tracked(item)) return;
  }
  untrack(op);
}

// ---- life ----------------------------------------------------------------------------------------------------------------

static void tuple_dealloc(PyObject* self) {
  if (self == empty_tuple()) {
    self->ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
    return;
  }
  untrack(self);
  const Py_ssize_t size = Py_SIZE(self);
  for (Py_ssize_t i = size; --i >= 0;) Py_XDECREF(as_tuple(self)->ob_item[i]);
  if (PyTuple_CheckExact(self) && size > 0 && size <= kTupleFreeSizes &&
      container_state().tuples[size].give(self, kMaxFreeTuples))
    return;
  Py_TYPE(self)->tp_free(self);
}
static int tuple_traverse(PyObject* self, visitproc visit, void* arg) {
  for (Py_ssize_t i = Py_SIZE(self); --i >= 0;) Py_VISIT(as_tuple(self)->ob_item[i]);
  return 0;
}

static PyObject* tuple_of_type(PyTypeObject* type, PyObject* iterable) {
  if (type == &PyTuple_Type) return iterable ? PySequence_Tuple(iterable) : empty_tuple();
  Ref<> items = steal(iterable ? PySequence_Tuple(iterable) : empty_tuple());
  if (!items) return nullptr;
  const Py_ssize_t size = PyTuple_GET_SIZE(items.get());
  PyObject* self = type->tp_alloc(type, size);
  if (!self) return nullptr;
  as_tuple(self)->ob_hash = -1;
  for (Py_ssize_t i = 0; i < size; ++i) as_tuple(self)->ob_item[i] = Py_NewRef(PyTuple_GET_ITEM(items.get(), i));
  return self;
}
static PyObject* tuple_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (type == &PyTuple_Type || type->tp_init == PyTuple_Type.tp_init)
    if (!check_no_keywords("tuple", kwargs)) return nullptr;
  if (!check_positional("tuple", PyTuple_GET_SIZE(args), 0, 1)) return nullptr;
  return tuple_of_type(type, PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : nullptr);
}
static PyObject* tuple_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (!check_no_keyword_names("tuple", kwnames) || !check_positional("tuple", nargs, 0, 1)) return nullptr;
  return tuple_of_type(as<PyTypeObject>(type), nargs ? args[0] : nullptr);
}

// ---- operations ------------------------------------------------------------------------------------------------------------

// xxHash over the items' hashes, as the reference has it: hash((1, 2)) is the same in both.
static Py_hash_t tuple_hash(PyObject* self) {
  constexpr Py_uhash_t kPrime1 = 11400714785074694791u, kPrime2 = 14029467366897019727u, kPrime5 = 2870177450012600261u;
  auto* tuple = as_tuple(self);
  if (tuple->ob_hash != -1) return tuple->ob_hash;
  const Py_ssize_t size = Py_SIZE(tuple);
  Py_uhash_t accumulator = kPrime5;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = tuple->ob_item[i];
    Py_hash_t lane;
    if (PyTuple_CheckExact(item) && as_tuple(item)->ob_hash == -1) {
      if (Py_EnterRecursiveCall(" while hashing a tuple")) return -1;
      lane = tuple_hash(item);
      Py_LeaveRecursiveCall();
    } else {
      lane = PyObject_Hash(item);
    }
    if (lane == -1) return -1;
    accumulator += static_cast<Py_uhash_t>(lane) * kPrime2;
    accumulator = (accumulator << 31) | (accumulator >> 33);
    accumulator *= kPrime1;
  }
  accumulator += static_cast<Py_uhash_t>(size) ^ (kPrime5 ^ 3527539u);
  if (accumulator == static_cast<Py_uhash_t>(-1)) accumulator = 1546275796;
  return tuple->ob_hash = static_cast<Py_hash_t>(accumulator);
}

static PyObject* tuple_repr(PyObject* self) {
  const Py_ssize_t size = Py_SIZE(self);
  if (size == 0) return PyUnicode_FromString("()");
  const int entered = Py_ReprEnter(self);
  if (entered != 0) return entered > 0 ? PyUnicode_FromString("(...)") : nullptr;
  PyUnicodeWriter* writer = PyUnicodeWriter_Create(size > 1 ? size * 3 : 4);
  int error = writer ? PyUnicodeWriter_WriteChar(writer, '(') : -1;
  for (Py_ssize_t i = 0; i < size && !error; ++i) {
    if (i > 0) error = PyUnicodeWriter_WriteChar(writer, ',') || PyUnicodeWriter_WriteChar(writer, ' ');
    if (!error) error = PyUnicodeWriter_WriteRepr(writer, as_tuple(self)->ob_item[i]);
  }
  if (!error && size == 1) error = PyUnicodeWriter_WriteChar(writer, ',');
  if (!error) error = PyUnicodeWriter_WriteChar(writer, ')');
  Py_ReprLeave(self);
  if (!error) return PyUnicodeWriter_Finish(writer);
  if (writer) PyUnicodeWriter_Discard(writer);
  return nullptr;
}

static PyObject* tuple_richcompare(PyObject* self, PyObject* other, int op) {
  if (!PyTuple_Check(self) || !PyTuple_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  auto *left = as_tuple(self), *right = as_tuple(other);
  const Py_ssize_t left_size = Py_SIZE(left), right_size = Py_SIZE(right);
  Py_ssize_t i = 0;
  for (; i < left_size && i < right_size; ++i) {
    if (left->ob_item[i] == right->ob_item[i]) continue;
    const int equal = PyObject_RichCompareBool(left->ob_item[i], right->ob_item[i], Py_EQ);
    if (equal < 0) return nullptr;
    if (!equal) break;
  }
  if (i >= left_size || i >= right_size) Py_RETURN_RICHCOMPARE(left_size, right_size, op);
  if (op == Py_EQ) Py_RETURN_FALSE;
  if (op == Py_NE) Py_RETURN_TRUE;
  return PyObject_RichCompare(left->ob_item[i], right->ob_item[i], op);
}

static Py_ssize_t tuple_length(PyObject* self) { return Py_SIZE(self); }
static int tuple_contains(PyObject* self, PyObject* item) {
  const Py_ssize_t size = Py_SIZE(self);
  for (Py_ssize_t i = 0; i < size; ++i) {
    const int equal = PyObject_RichCompareBool(as_tuple(self)->ob_item[i], item, Py_EQ);
    if (equal) return equal;
  }
  return 0;
}
static PyObject* tuple_item(PyObject* self, Py_ssize_t index) {
  if (index < 0 || index >= Py_SIZE(self)) return raise(PyExc_IndexError, "tuple index out of range");
  return Py_NewRef(as_tuple(self)->ob_item[index]);
}
static PyObject* tuple_subscript(PyObject* self, PyObject* key) {
  auto* tuple = as_tuple(self);
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    if (index < 0) index += Py_SIZE(self);
    return tuple_item(self, index);
  }
  if (PySlice_Check(key)) {
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0) return nullptr;
    const Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(self), &start, &stop, step);
    if (count <= 0) return empty_tuple();
    if (step == 1) return tuple_slice(tuple, start, start + count);
    PyTupleObject* result = tuple_allocate(count);
    if (!result) return nullptr;
    for (Py_ssize_t i = 0, from = start; i < count; ++i, from += step) result->ob_item[i] = Py_NewRef(tuple->ob_item[from]);
    track_if_needed(result);
    return object(result);
  }
  return raise(PyExc_TypeError, "tuple indices must be integers or slices, not %.200s", Py_TYPE(key)->tp_name);
}
static PyObject* tuple_concat(PyObject* self, PyObject* other) {
  if (Py_SIZE(self) == 0 && PyTuple_CheckExact(other)) return Py_NewRef(other);
  if (!PyTuple_Check(other))
    return raise(PyExc_TypeError, "can only concatenate tuple (not \"%.200s\") to tuple", Py_TYPE(other)->tp_name);
  if (Py_SIZE(other) == 0 && PyTuple_CheckExact(self)) return Py_NewRef(self);
  const Py_ssize_t left = Py_SIZE(self), right = Py_SIZE(other);
  if (left > PY_SSIZE_T_MAX - right) return PyErr_NoMemory();
  if (left + right == 0) return empty_tuple();
  PyTupleObject* result = tuple_allocate(left + right);
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < left; ++i) result->ob_item[i] = Py_NewRef(as_tuple(self)->ob_item[i]);
  for (Py_ssize_t i = 0; i < right; ++i) result->ob_item[left + i] = Py_NewRef(as_tuple(other)->ob_item[i]);
  track_if_needed(result);
  return object(result);
}
static PyObject* tuple_repeat(PyObject* self, Py_ssize_t n) {
  const Py_ssize_t size = Py_SIZE(self);
  if ((size == 0 || n == 1) && PyTuple_CheckExact(self)) return Py_NewRef(self);
  if (size == 0 || n <= 0) return empty_tuple();
  if (n > PY_SSIZE_T_MAX / size) return PyErr_NoMemory();
  PyTupleObject* result = tuple_allocate(size * n);
  if (!result) return nullptr;
  PyObject** to = result->ob_item;
  for (Py_ssize_t round = 0; round < n; ++round)
    for (Py_ssize_t i = 0; i < size; ++i) *to++ = Py_NewRef(as_tuple(self)->ob_item[i]);
  track_if_needed(result);
  return object(result);
}

static Py_ssize_t tuple_index(PyObject* self, PyObject* value, Index start, Index stop) {
  const Py_ssize_t size = Py_SIZE(self);
  if (start.value < 0) start.value = start.value + size < 0 ? 0 : start.value + size;
  if (stop.value < 0) stop.value += size;
  if (stop.value > size) stop.value = size;
  for (Py_ssize_t i = start.value; i < stop.value; ++i) {
    const int equal = PyObject_RichCompareBool(as_tuple(self)->ob_item[i], value, Py_EQ);
    if (equal < 0) return -1;
    if (equal) return i;
  }
  return raise(PyExc_ValueError, "tuple.index(x): x not in tuple");
}
METHOD(tuple, index, "($self, value, start=0, stop=sys.maxsize, /)",
       "Return first index of value.\n\nRaises ValueError if the value is not present.");
static Py_ssize_t tuple_count(PyObject* self, PyObject* value) {
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    const int equal = PyObject_RichCompareBool(as_tuple(self)->ob_item[i], value, Py_EQ);
    if (equal < 0) return -1;
    count += equal;
  }
  return count;
}
METHOD(tuple, count, "($self, value, /)", "Return number of occurrences of value.");
static PyObject* tuple_getnewargs(PyObject* self) {
  Ref<> plain = steal(tuple_from_array(as_tuple(self)->ob_item, Py_SIZE(self)));
  return plain ? PyTuple_Pack(1, plain.get()) : nullptr;
}
METHOD_AS(tuple_getnewargs, "__getnewargs__", 0, "($self, /)", "");

// ---- the iterator ------------------------------------------------------------------------------------------------------------

static PyObject* tuple_iter(PyObject* self) {
  TupleIterator* iterator;
  if (void* block = container_state().tuple_iterators.take()) {
    iterator = revive<TupleIterator>(block, &PyTupleIter_Type);
  } else {
    iterator = allocate_gc<TupleIterator>(&PyTupleIter_Type);
    if (!iterator) return nullptr;
  }
  iterator->index = 0;
  iterator->tuple = as_tuple(Py_NewRef(self));
  track(iterator);
  return object(iterator);
}
static void tuple_iterator_dealloc(PyObject* self) {
  untrack(self);
  Py_XDECREF(as<TupleIterator>(self)->tuple);
  if (!container_state().tuple_iterators.give(self, 10)) PyObject_GC_Del(self);
}
static int tuple_iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<TupleIterator>(self)->tuple);
  return 0;
}
static PyObject* tuple_iterator_next(PyObject* self) {
  auto* iterator = as<TupleIterator>(self);
  PyTupleObject* tuple = iterator->tuple;
  if (!tuple) return nullptr;
  if (iterator->index < Py_SIZE(tuple)) return Py_NewRef(tuple->ob_item[iterator->index++]);
  iterator->tuple = nullptr;
  Py_DECREF(tuple);
  return nullptr;
}
static Py_ssize_t tuple_iterator_length_hint(TupleIterator* self) {
  return self->tuple ? Py_SIZE(self->tuple) - self->index : 0;
}
METHOD_AS(tuple_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
static PyObject* tuple_iterator_reduce(TupleIterator* self) {
  Ref<> iter = builtin("iter"_id);
  if (!iter) return nullptr;
  if (self->tuple) return Py_BuildValue("O(O)n", iter.get(), self->tuple, self->index);
  return Py_BuildValue("O(())", iter.get());
}
METHOD_AS(tuple_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
static Status tuple_iterator_setstate(TupleIterator* self, PyObject* state) {
  Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && PyErr_Occurred()) return failed;
  if (self->tuple) {
    if (index < 0) index = 0;
    if (index > Py_SIZE(self->tuple)) index = Py_SIZE(self->tuple);
    self->index = index;
  }
  return Status::Ok;
}
METHOD_AS(tuple_iterator_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");

static PyMethodDef tuple_iterator_methods[] = {tuple_iterator_length_hint_method, tuple_iterator_reduce_method,
                                               tuple_iterator_setstate_method, {}};
static PyMethodDef tuple_methods[] = {tuple_getnewargs_method, tuple_index_method, tuple_count_method, KS_CLASS_GETITEM, {}};
static PySequenceMethods tuple_as_sequence = {.sq_length = tuple_length,
                                              .sq_concat = tuple_concat,
                                              .sq_repeat = tuple_repeat,
                                              .sq_item = tuple_item,
                                              .sq_contains = tuple_contains};
static PyMappingMethods tuple_as_mapping = {.mp_length = tuple_length, .mp_subscript = tuple_subscript};

}  // namespace ks

using namespace ks;

PyTypeObject PyTuple_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "tuple",
    .tp_basicsize = sizeof(PyTupleObject) - sizeof(PyObject*),
    .tp_itemsize = sizeof(PyObject*),
    .tp_dealloc = tuple_dealloc,
    .tp_repr = tuple_repr,
    .tp_as_sequence = &tuple_as_sequence,
    .tp_as_mapping = &tuple_as_mapping,
    .tp_hash = tuple_hash,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_TUPLE_SUBCLASS |
                _Py_TPFLAGS_MATCH_SELF | Py_TPFLAGS_SEQUENCE,
    .tp_doc = "tuple(iterable=(), /)\n--\n\nBuilt-in immutable sequence.\n\n"
              "If no argument is given, the constructor returns an empty tuple.\n"
              "If iterable is specified the tuple is initialized from iterable's items.\n\n"
              "If the argument is a tuple, the return value is the same object.",
    .tp_traverse = tuple_traverse,
    .tp_richcompare = tuple_richcompare,
    .tp_iter = tuple_iter,
    .tp_methods = tuple_methods,
    .tp_new = tuple_new,
    .tp_free = PyObject_GC_Del,
    .tp_vectorcall = tuple_vectorcall,
};
PyTypeObject PyTupleIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "tuple_iterator",
    .tp_basicsize = sizeof(TupleIterator),
    .tp_dealloc = tuple_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = tuple_iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = tuple_iterator_next,
    .tp_methods = tuple_iterator_methods,
};

// ---- exports -------------------------------------------------------------------------------------------------------------------

// New reference; items are nullptr until set.
PyObject* PyTuple_New(Py_ssize_t size) {
  if (size < 0) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (size == 0) return empty_tuple();
  PyTupleObject* tuple = tuple_allocate(size);
  if (tuple) track(tuple);
  return object(tuple);
}
Py_ssize_t PyTuple_Size(PyObject* op) {
  if (PyTuple_Check(op)) return Py_SIZE(op);
  PyErr_BadInternalCall();
  return -1;
}
// Borrowed.
PyObject* PyTuple_GetItem(PyObject* op, Py_ssize_t index) {
  if (!PyTuple_Check(op)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (index < 0 || index >= Py_SIZE(op)) return raise(PyExc_IndexError, "tuple index out of range");
  return as_tuple(op)->ob_item[index];
}
// Takes the item over, also on failure.
int PyTuple_SetItem(PyObject* op, Py_ssize_t index, PyObject* item) {
  if (!PyTuple_Check(op) || Py_REFCNT(op) != 1) {
    Py_XDECREF(item);
    PyErr_BadInternalCall();
    return -1;
  }
  if (index < 0 || index >= Py_SIZE(op)) {
    Py_XDECREF(item);
    return raise(PyExc_IndexError, "tuple assignment index out of range");
  }
  Py_XSETREF(as_tuple(op)->ob_item[index], item);
  return 0;
}
// New reference.
PyObject* PyTuple_Pack(Py_ssize_t count, ...) {
  if (count == 0) return empty_tuple();
  PyTupleObject* tuple = tuple_allocate(count);
  if (!tuple) return nullptr;
  va_list items;
  va_start(items, count);
  for (Py_ssize_t i = 0; i < count; ++i) tuple->ob_item[i] = Py_NewRef(va_arg(items, PyObject*));
  va_end(items);
  track_if_needed(tuple);
  return object(tuple);
}
// New reference.
PyObject* PyTuple_GetSlice(PyObject* op, Py_ssize_t low, Py_ssize_t high) {
  if (!op || !PyTuple_Check(op)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return tuple_slice(as_tuple(op), low, high);
}
// Grows or shrinks a tuple that nobody else has seen; *op is replaced, nullptr on failure.
int _PyTuple_Resize(PyObject** op, Py_ssize_t size) {
  auto* old = as_tuple(*op);
  if (!old || !PyTuple_CheckExact(*op) || (Py_SIZE(old) != 0 && Py_REFCNT(*op) != 1)) {
    *op = nullptr;
    Py_XDECREF(object(old));
    PyErr_BadInternalCall();
    return -1;
  }
  const Py_ssize_t old_size = Py_SIZE(old);
  if (old_size == size) return 0;
  if (size == 0) {
    Py_DECREF(object(old));
    *op = empty_tuple();
    return 0;
  }
  if (old_size == 0) {
    *op = PyTuple_New(size);
    return *op ? 0 : -1;
  }
  if (PyObject_GC_IsTracked(*op)) untrack(old);
  for (Py_ssize_t i = size; i < old_size; ++i) Py_CLEAR(old->ob_item[i]);
  PyTupleObject* result = PyObject_GC_Resize(PyTupleObject, old, size);
  if (!result) {
    *op = nullptr;
    PyObject_GC_Del(old);
    return -1;
  }
  for (Py_ssize_t i = old_size; i < size; ++i) result->ob_item[i] = nullptr;
  result->ob_hash = -1;
  *op = object(result);
  track(result);
  return 0;
}
KS_EXPORT PyObject* _PyTuple_FromArray(PyObject* const* items, Py_ssize_t size) { return tuple_from_array(items, size); }
KS_EXPORT PyObject* _PyTuple_FromArraySteal(PyObject* const* items, Py_ssize_t size) { return tuple_from_array_taking(items, size); }
