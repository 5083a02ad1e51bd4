// itertools: the iterators that keep little more than their source, and the module. See also itertools_combine.cpp and
// itertools_share.cpp.
#include "modules/itertools.h"

namespace ks::itertools {

PyObject* tee_function(PyObject* module, PyObject* iterable, Py_ssize_t n);

namespace {

// ---- accumulate ------------------------------------------------------------------------------------------------------------------

struct Accumulate {
  PyObject ob_base;
  PyObject* total;
  PyObject* iterator;
  PyObject* function;
  PyObject* initial;
  PyObject* unused;
  template <class F>
  void references(F f) {
    f(total);
    f(iterator);
    f(function);
    f(initial);
  }
};
constexpr char accumulate_text[] = "accumulate";
constexpr Signature accumulate_signature = read_signature(accumulate_text, "(iterable, func=None, *, initial=None)");
PyObject* accumulate_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[3] = {};
  if (bind_tuple(accumulate_signature, args, kwargs, values) == Status::Error) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(values[0]));
  auto* self = iterator ? make<Accumulate>(type) : nullptr;
  if (!self) return nullptr;
  self->iterator = iterator.release();
  if (values[1] && values[1] != Py_None) self->function = Py_NewRef(values[1]);
  if (values[2] && values[2] != Py_None) self->initial = Py_NewRef(values[2]);
  return object(self);
}
PyObject* accumulate_next(PyObject* op) {
  auto* self = as<Accumulate>(op);
  if (self->initial) {
    self->total = std::exchange(self->initial, nullptr);
    return Py_NewRef(self->total);
  }
  Ref<> value = steal(next_of(self->iterator));
  if (!value) return nullptr;
  if (!self->total) {
    self->total = value.share().release();
    return value.release();
  }
  Ref<> total = steal(self->function ? call_two(self->function, self->total, value) : PyNumber_Add(self->total, value));
  if (!total) return nullptr;
  Py_XSETREF(self->total, total.share().release());
  return total.release();
}

// ---- batched ---------------------------------------------------------------------------------------------------------------------

struct Batched {
  PyObject ob_base;
  PyObject* iterator;
  Py_ssize_t size;
  bool strict;
  template <class F>
  void references(F f) {
    f(iterator);
  }
};
constexpr char batched_text[] = "batched";
constexpr Signature batched_signature = read_signature(batched_text, "(iterable, n, *, strict=False)");
PyObject* batched_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[3] = {};
  if (bind_tuple(batched_signature, args, kwargs, values) == Status::Error) return nullptr;
  Py_ssize_t size;
  if (!convert_ssize(values[1], &size)) return nullptr;
  const int strict = values[2] ? PyObject_IsTrue(values[2]) : 0;
  if (strict < 0) return nullptr;
  if (size < 1) return raise(PyExc_ValueError, "n must be at least one");
  Ref<> iterator = steal(PyObject_GetIter(values[0]));
  auto* self = iterator ? make<Batched>(type) : nullptr;
  if (!self) return nullptr;
  self->iterator = iterator.release();
  self->size = size;
  self->strict = strict;
  return object(self);
}
PyObject* batched_next(PyObject* op) {
  auto* self = as<Batched>(op);
  if (!self->iterator) return nullptr;
  PyObject* result = PyTuple_New(self->size);
  if (!result) return nullptr;
  Ref<> iterator = borrow(self->iterator);
  for (Py_ssize_t i = 0; i < self->size; ++i) {
    PyObject* item = next_of(iterator);
    if (item) {
      PyTuple_SET_ITEM(result, i, item);
      continue;
    }
    Ref<> partial = steal(result);
    if (PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return nullptr;
      PyErr_Clear();
    }
    Py_CLEAR(self->iterator);
    if (i == 0) return nullptr;
    if (self->strict) return raise(PyExc_ValueError, "batched(): incomplete batch");
    result = partial.release();
    return _PyTuple_Resize(&result, i) < 0 ? nullptr : result;
  }
  return result;
}

// ---- chain -----------------------------------------------------------------------------------------------------------------------

struct Chain {
  PyObject ob_base;
  PyObject* source;  // iterator over the iterables
  PyObject* active;
  template <class F>
  void references(F f) {
    f(source);
    f(active);
  }
};
PyObject* chain_over(PyTypeObject* type, PyObject* iterables) {
  Ref<> source = steal(PyObject_GetIter(iterables));
  auto* self = source ? make<Chain>(type) : nullptr;
  if (!self) return nullptr;
  self->source = source.release();
  return object(self);
}
PyObject* chain_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return no_keywords("chain", type, kwargs) ? chain_over(type, args) : nullptr;
}
PyObject* chain_from_iterable(PyTypeObject* type, PyObject* iterable) { return chain_over(type, iterable); }
METHOD_AS(chain_from_iterable, "from_iterable", METH_CLASS, "($type, iterable, /)",
          "Alternative chain() constructor taking a single iterable argument that evaluates lazily.");
PyObject* chain_next(PyObject* op) {
  auto* self = as<Chain>(op);
  while (self->source) {
    if (!self->active) {
      Ref<> iterable = steal(PyIter_Next(self->source));
      if (!iterable) {
        Py_CLEAR(self->source);
        return nullptr;
      }
      self->active = PyObject_GetIter(iterable);
      if (!self->active) {
        Py_CLEAR(self->source);
        return nullptr;
      }
    }
    if (PyObject* item = next_of(self->active)) return item;
    if (PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return nullptr;
      PyErr_Clear();
    }
    Py_CLEAR(self->active);
  }
  return nullptr;
}
PyMethodDef chain_methods[] = {
    chain_from_iterable_method,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "__class_getitem__($type, object, /)\n--\n\nSee PEP 585"}, {}};

// ---- compress --------------------------------------------------------------------------------------------------------------------

// Two sources or a function and a source; `flag` is the iterator's own.
struct Two {
  PyObject ob_base;
  PyObject* first;
  PyObject* second;
  long flag;
  template <class F>
  void references(F f) {
    f(first);
    f(second);
  }
};
constexpr char compress_text[] = "compress";
constexpr Signature compress_signature = read_signature(compress_text, "(data, selectors)");
PyObject* compress_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  if (bind_tuple(compress_signature, args, kwargs, values) == Status::Error) return nullptr;
  Ref<> data = steal(PyObject_GetIter(values[0]));
  Ref<> selectors = data ? steal(PyObject_GetIter(values[1])) : Ref<>();
  auto* self = selectors ? make<Two>(type) : nullptr;
  if (!self) return nullptr;
  self->first = data.release();
  self->second = selectors.release();
  return object(self);
}
PyObject* compress_next(PyObject* op) {
  auto* self = as<Two>(op);
  while (true) {
    Ref<> datum = steal(next_of(self->first));
    if (!datum) return nullptr;
    Ref<> selector = steal(next_of(self->second));
    if (!selector) return nullptr;
    const int chosen = PyObject_IsTrue(selector);
    if (chosen < 0) return nullptr;
    if (chosen) return datum.release();
  }
}

// ---- dropwhile, takewhile, filterfalse, starmap ------------------------------------------------------------------------------------

PyObject* function_and_source(const char* name, PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (!positional(name, type, args, kwargs, 2, 2)) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(PyTuple_GET_ITEM(args, 1)));
  auto* self = iterator ? make<Two>(type) : nullptr;
  if (!self) return nullptr;
  self->first = Py_NewRef(PyTuple_GET_ITEM(args, 0));
  self->second = iterator.release();
  return object(self);
}
int holds(PyObject* predicate, PyObject* item) {
  Ref<> verdict = steal(call_one(predicate, item));
  return verdict ? PyObject_IsTrue(verdict) : -1;
}
PyObject* dropwhile_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) { return function_and_source("dropwhile", type, args, kwargs); }
PyObject* dropwhile_next(PyObject* op) {
  auto* self = as<Two>(op);
  while (Ref<> item = steal(next_of(self->second))) {
    if (self->flag) return item.release();
    const int drop = holds(self->first, item);
    if (drop < 0) return nullptr;
    if (!drop) {
      self->flag = 1;
      return item.release();
    }
  }
  return nullptr;
}
PyObject* takewhile_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) { return function_and_source("takewhile", type, args, kwargs); }
PyObject* takewhile_next(PyObject* op) {
  auto* self = as<Two>(op);
  if (self->flag) return nullptr;
  Ref<> item = steal(next_of(self->second));
  if (!item) return nullptr;
  const int keep = holds(self->first, item);
  if (keep > 0) return item.release();
  if (keep == 0) self->flag = 1;
  return nullptr;
}
PyObject* filterfalse_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) { return function_and_source("filterfalse", type, args, kwargs); }
PyObject* filterfalse_next(PyObject* op) {
  auto* self = as<Two>(op);
  const bool plain = self->first == Py_None || self->first == object(&PyBool_Type);
  while (Ref<> item = steal(next_of(self->second))) {
    const int truth = plain ? PyObject_IsTrue(item) : holds(self->first, item);
    if (truth < 0) return nullptr;
    if (!truth) return item.release();
  }
  return nullptr;
}
PyObject* starmap_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) { return function_and_source("starmap", type, args, kwargs); }
PyObject* starmap_next(PyObject* op) {
  auto* self = as<Two>(op);
  Ref<> arguments = steal(next_of(self->second));
  if (!arguments) return nullptr;
  if (!PyTuple_CheckExact(arguments.get())) {
    arguments = steal(PySequence_Tuple(arguments));
    if (!arguments) return nullptr;
  }
  return PyObject_Vectorcall(self->first, as<PyTupleObject>(arguments.get())->ob_item, static_cast<size_t>(PyTuple_GET_SIZE(arguments.get())), nullptr);
}

// ---- count -----------------------------------------------------------------------------------------------------------------------

// As long as `number` is below PY_SSIZE_T_MAX the step is 1 and it is the count; then long_number and step are.
struct Count {
  PyObject ob_base;
  Py_ssize_t number;
  PyObject* long_number;
  PyObject* step;
  template <class F>
  void references(F f) {
    f(long_number);
    f(step);
  }
};
bool is_one(PyObject* value) {
  if (!PyLong_Check(value)) return false;
  int overflow;
  return PyLong_AsLongAndOverflow(value, &overflow) == 1;
}
constexpr char count_text[] = "count";
constexpr Signature count_signature = read_signature(count_text, "(start=0, step=1)");
PyObject* count_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  if (bind_tuple(count_signature, args, kwargs, values) == Status::Error) return nullptr;
  if ((values[0] && !PyNumber_Check(values[0])) || (values[1] && !PyNumber_Check(values[1])))
    return raise(PyExc_TypeError, "a number is required");
  Ref<> step = values[1] ? borrow(values[1]) : steal(PyLong_FromLong(1));
  if (!step) return nullptr;
  Ref<> start;
  Py_ssize_t number = 0;
  bool fast = is_one(step);
  if (values[0]) {
    start = borrow(values[0]);
    if (PyLong_Check(values[0])) {
      number = PyLong_AsSsize_t(values[0]);
      if (number == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        fast = false;
      }
    } else {
      fast = false;
    }
  } else if (!fast) {
    start = steal(PyLong_FromLong(0));
    if (!start) return nullptr;
  }
  if (fast) start.reset();
  else number = PY_SSIZE_T_MAX;
  auto* self = make<Count>(type);
  if (!self) return nullptr;
  self->number = number;
  self->long_number = start.release();
  self->step = step.release();
  return object(self);
}
PyObject* count_next(PyObject* op) {
  auto* self = as<Count>(op);
  if (self->number != PY_SSIZE_T_MAX) return PyLong_FromSsize_t(self->number++);
  if (!self->long_number) {
    self->long_number = PyLong_FromSsize_t(PY_SSIZE_T_MAX);
    if (!self->long_number) return nullptr;
  }
  PyObject* following = PyNumber_Add(self->long_number, self->step);
  return following ? std::exchange(self->long_number, following) : nullptr;
}
PyObject* count_repr(PyObject* op) {
  auto* self = as<Count>(op);
  Ref<> name = steal(PyType_GetName(Py_TYPE(op)));
  if (!name) return nullptr;
  if (!self->long_number) return PyUnicode_FromFormat("%U(%zd)", name.get(), self->number);
  if (is_one(self->step)) return PyUnicode_FromFormat("%U(%R)", name.get(), self->long_number);
  return PyUnicode_FromFormat("%U(%R, %R)", name.get(), self->long_number, self->step);
}

// ---- cycle -----------------------------------------------------------------------------------------------------------------------

struct Cycle {
  PyObject ob_base;
  PyObject* iterator;  // nullptr after the first round
  PyObject* saved;
  Py_ssize_t index;
  template <class F>
  void references(F f) {
    f(iterator);
    f(saved);
  }
};
PyObject* cycle_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (!positional("cycle", type, args, kwargs, 1, 1)) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(PyTuple_GET_ITEM(args, 0)));
  Ref<> saved = iterator ? steal(PyList_New(0)) : Ref<>();
  auto* self = saved ? make<Cycle>(type) : nullptr;
  if (!self) return nullptr;
  self->iterator = iterator.release();
  self->saved = saved.release();
  return object(self);
}
PyObject* cycle_next(PyObject* op) {
  auto* self = as<Cycle>(op);
  if (self->iterator) {
    PyObject* item = next_of(self->iterator);
    if (item) {
      if (PyList_Append(self->saved, item) == 0) return item;
      Py_DECREF(item);
      return nullptr;
    }
    if (PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return nullptr;
      PyErr_Clear();
    }
    Py_CLEAR(self->iterator);
  }
  const Py_ssize_t size = PyList_GET_SIZE(self->saved);
  if (size == 0) return nullptr;
  PyObject* item = PyList_GET_ITEM(self->saved, self->index);
  if (++self->index >= size) self->index = 0;
  return Py_NewRef(item);
}

// ---- islice ----------------------------------------------------------------------------------------------------------------------

struct ISlice {
  PyObject ob_base;
  PyObject* iterator;
  Py_ssize_t next;   // the number of the item to give out next
  Py_ssize_t stop;   // -1: none
  Py_ssize_t step;
  Py_ssize_t count;  // how many were read
  template <class F>
  void references(F f) {
    f(iterator);
  }
};
PyObject* islice_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (!positional("islice", type, args, kwargs, 2, 4)) return nullptr;
  const Py_ssize_t nargs = PyTuple_GET_SIZE(args);
  // -1 where it cannot be converted, without an exception.
  auto read = [&](PyObject* value) {
    const Py_ssize_t result = PyNumber_AsSsize_t(value, PyExc_OverflowError);
    if (result == -1 && PyErr_Occurred()) PyErr_Clear();
    return result;
  };
  Py_ssize_t start = 0, stop = -1, step = 1;
  PyObject* stop_object = PyTuple_GET_ITEM(args, nargs == 2 ? 1 : 2);
  if (nargs > 2 && PyTuple_GET_ITEM(args, 1) != Py_None) start = read(PyTuple_GET_ITEM(args, 1));
  if (stop_object != Py_None) {
    stop = read(stop_object);
    if (stop == -1) return raise(PyExc_ValueError, "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
  }
  if (start < 0 || stop < -1)
    return raise(PyExc_ValueError, "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
  if (nargs == 4 && PyTuple_GET_ITEM(args, 3) != Py_None) step = read(PyTuple_GET_ITEM(args, 3));
  if (step < 1) return raise(PyExc_ValueError, "Step for islice() must be a positive integer or None.");
  Ref<> iterator = steal(PyObject_GetIter(PyTuple_GET_ITEM(args, 0)));
  auto* self = iterator ? make<ISlice>(type) : nullptr;
  if (!self) return nullptr;
  self->iterator = iterator.release();
  self->next = start;
  self->stop = stop;
  self->step = step;
  return object(self);
}
PyObject* islice_next(PyObject* op) {
  auto* self = as<ISlice>(op);
  if (!self->iterator) return nullptr;
  Ref<> iterator = borrow(self->iterator);
  const Py_ssize_t stop = self->stop;
  while (self->count < self->next) {
    Ref<> skipped = steal(next_of(iterator));
    if (!skipped) {
      Py_CLEAR(self->iterator);
      return nullptr;
    }
    ++self->count;
  }
  PyObject* item = nullptr;
  if (stop == -1 || self->count < stop) item = next_of(iterator);
  if (!item) {
    Py_CLEAR(self->iterator);
    return nullptr;
  }
  ++self->count;
  if (__builtin_add_overflow(self->next, self->step, &self->next)) self->next = stop == -1 ? PY_SSIZE_T_MAX : stop;
  if (stop != -1 && self->next > stop) self->next = stop;
  return item;
}

// ---- pairwise --------------------------------------------------------------------------------------------------------------------

struct Pairwise {
  PyObject ob_base;
  PyObject* iterator;
  PyObject* old;
  PyObject* result;
  template <class F>
  void references(F f) {
    f(iterator);
    f(old);
    f(result);
  }
};
PyObject* pairwise_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (!positional("pairwise", type, args, kwargs, 1, 1)) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(PyTuple_GET_ITEM(args, 0)));
  Ref<> result = iterator ? steal(PyTuple_Pack(2, Py_None, Py_None)) : Ref<>();
  auto* self = result ? make<Pairwise>(type) : nullptr;
  if (!self) return nullptr;
  self->iterator = iterator.release();
  self->result = result.release();
  return object(self);
}
PyObject* pairwise_next(PyObject* op) {
  auto* self = as<Pairwise>(op);
  if (!self->iterator) return nullptr;
  Ref<> iterator = borrow(self->iterator);
  if (!self->old) {
    PyObject* first = next_of(iterator);
    Py_XSETREF(self->old, first);
    if (!first) {
      Py_CLEAR(self->iterator);
      return nullptr;
    }
    // The source may have come here itself.
    if (!self->iterator) {
      Py_CLEAR(self->old);
      return nullptr;
    }
  }
  Ref<> old = borrow(self->old);
  Ref<> item = steal(next_of(iterator));
  if (!item) {
    Py_CLEAR(self->iterator);
    Py_CLEAR(self->old);
    return nullptr;
  }
  Py_XSETREF(self->old, item.share().release());
  if (Py_REFCNT(self->result) == 1) {
    PyObject* result = Py_NewRef(self->result);
    auto* tuple = as<PyTupleObject>(result);
    replace(tuple->ob_item[0], old);
    replace(tuple->ob_item[1], item);
    tuple->ob_hash = -1;
    if (!PyObject_GC_IsTracked(result)) PyObject_GC_Track(result);
    return result;
  }
  return PyTuple_Pack(2, old.get(), item.get());
}

// ---- repeat ----------------------------------------------------------------------------------------------------------------------

struct Repeat {
  PyObject ob_base;
  PyObject* element;
  Py_ssize_t left;  // -1: endless
  template <class F>
  void references(F f) {
    f(element);
  }
};
constexpr char repeat_text[] = "repeat";
constexpr Signature repeat_signature = read_signature(repeat_text, "(object, times=None)");
PyObject* repeat_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  if (bind_tuple(repeat_signature, args, kwargs, values) == Status::Error) return nullptr;
  Py_ssize_t left = -1;
  if (values[1]) {
    if (!convert_ssize(values[1], &left)) return nullptr;
    if (left < 0) left = 0;
  }
  auto* self = make<Repeat>(type);
  if (!self) return nullptr;
  self->element = Py_NewRef(values[0]);
  self->left = left;
  return object(self);
}
PyObject* repeat_next(PyObject* op) {
  auto* self = as<Repeat>(op);
  if (self->left == 0) return nullptr;
  if (self->left > 0) --self->left;
  return Py_NewRef(self->element);
}
PyObject* repeat_repr(PyObject* op) {
  auto* self = as<Repeat>(op);
  Ref<> name = steal(PyType_GetName(Py_TYPE(op)));
  if (!name) return nullptr;
  if (self->left == -1) return PyUnicode_FromFormat("%U(%R)", name.get(), self->element);
  return PyUnicode_FromFormat("%U(%R, %zd)", name.get(), self->element, self->left);
}
PyObject* repeat_length_hint(Repeat* self) {
  if (self->left == -1) return raise(PyExc_TypeError, "len() of unsized object");
  return PyLong_FromSsize_t(self->left);
}
METHOD_AS(repeat_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
PyMethodDef repeat_methods[] = {repeat_length_hint_method, {}};

// ---- zip_longest -----------------------------------------------------------------------------------------------------------------

struct ZipLongest {
  PyObject ob_base;
  Py_ssize_t count;
  Py_ssize_t active;
  PyObject* iterators;  // tuple; nullptr where one has ended
  PyObject* result;
  PyObject* fill;
  template <class F>
  void references(F f) {
    f(iterators);
    f(result);
    f(fill);
  }
};
PyObject* zip_longest_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* fill = Py_None;
  if (kwargs && PyDict_GET_SIZE(kwargs)) {
    fill = PyDict_GET_SIZE(kwargs) == 1 ? PyDict_GetItemString(kwargs, "fillvalue") : nullptr;
    if (!fill) return raise(PyExc_TypeError, "zip_longest() got an unexpected keyword argument");
  }
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  Ref<> iterators = steal(PyTuple_New(count));
  if (!iterators) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* iterator = PyObject_GetIter(PyTuple_GET_ITEM(args, i));
    if (!iterator) return nullptr;
    PyTuple_SET_ITEM(iterators.get(), i, iterator);
  }
  Ref<> result = steal(PyTuple_New(count));
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(result.get(), i, Py_NewRef(Py_None));
  auto* self = make<ZipLongest>(type);
  if (!self) return nullptr;
  self->count = count;
  self->active = count;
  self->iterators = iterators.release();
  self->result = result.release();
  self->fill = Py_NewRef(fill);
  return object(self);
}
// New: what iterator i gives, the filler after its end, or nullptr when the whole is at its end or failed.
PyObject* zip_longest_item(ZipLongest* self, Py_ssize_t i) {
  PyObject* iterator = PyTuple_GET_ITEM(self->iterators, i);
  if (!iterator) return Py_NewRef(self->fill);
  if (PyObject* item = next_of(iterator)) return item;
  --self->active;
  if (self->active == 0 || (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_StopIteration))) {
    self->active = 0;
    return nullptr;
  }
  PyErr_Clear();
  as<PyTupleObject>(self->iterators)->ob_item[i] = nullptr;
  Py_DECREF(iterator);
  return Py_NewRef(self->fill);
}
PyObject* zip_longest_next(PyObject* op) {
  auto* self = as<ZipLongest>(op);
  if (self->count == 0 || self->active == 0) return nullptr;
  const bool again = Py_REFCNT(self->result) == 1;
  Ref<> result = again ? borrow(self->result) : steal(PyTuple_New(self->count));
  if (!result) return nullptr;
  PyObject** items = as<PyTupleObject>(result.get())->ob_item;
  for (Py_ssize_t i = 0; i < self->count; ++i) {
    PyObject* item = zip_longest_item(self, i);
    if (!item) return nullptr;
    PyObject* old = std::exchange(items[i], item);
    Py_XDECREF(old);
  }
  as<PyTupleObject>(result.get())->ob_hash = -1;
  if (!PyObject_GC_IsTracked(result)) PyObject_GC_Track(result);
  return result.release();
}

// ---- the module ------------------------------------------------------------------------------------------------------------------

PyObject* itertools_tee(PyObject* module, PyObject* iterable, Py_ssize_t n) { return tee_function(module, iterable, n); }
METHOD(itertools, tee, "($module, iterable, n=2, /)", "Returns a tuple of n independent iterators.");

int exec(PyObject* op) {
  auto* state = static_cast<State*>(PyModule_GetState(op));
  struct {
    PyType_Spec* spec;
    PyTypeObject** slot;
  } types[] = {{&accumulate_spec, nullptr}, {&batched_spec, nullptr}, {&chain_spec, nullptr}, {&combinations_spec, nullptr},
               {&compress_spec, nullptr}, {&count_spec, nullptr}, {&combinations_with_replacement_spec, nullptr}, {&cycle_spec, nullptr},
               {&dropwhile_spec, nullptr}, {&filterfalse_spec, nullptr}, {&groupby_spec, &state->groupby_type},
               {&grouper_spec, &state->grouper_type}, {&islice_spec, nullptr}, {&pairwise_spec, nullptr}, {&permutations_spec, nullptr},
               {&product_spec, nullptr}, {&repeat_spec, nullptr}, {&starmap_spec, nullptr}, {&takewhile_spec, nullptr},
               {&tee_spec, &state->tee_type}, {&tee_data_spec, &state->tee_data_type}, {&zip_longest_spec, nullptr}};
  for (auto& type : types) {
    Ref<> made = TRY(steal(PyType_FromModuleAndSpec(op, type.spec, nullptr)));
    TRY(PyModule_AddType(op, as<PyTypeObject>(made.get())));
    if (type.slot) *type.slot = as<PyTypeObject>(made.release());
  }

  return 0;
}
int module_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* state = static_cast<State*>(PyModule_GetState(op));
  Py_VISIT(state->groupby_type);
  Py_VISIT(state->grouper_type);
  Py_VISIT(state->tee_type);
  Py_VISIT(state->tee_data_type);
  return 0;
}
int module_clear(PyObject* op) {
  auto* state = static_cast<State*>(PyModule_GetState(op));
  Py_CLEAR(state->groupby_type);
  Py_CLEAR(state->grouper_type);
  Py_CLEAR(state->tee_type);
  Py_CLEAR(state->tee_data_type);
  return 0;
}
PyMethodDef methods[] = {itertools_tee_method, {}};
MODULE_SLOTS(slots, exec);

}  // namespace

#define METHODS(TABLE) {Py_tp_methods, TABLE},
#define REPR(FUNCTION) {Py_tp_repr, reinterpret_cast<void*>(FUNCTION)},
#define NOTHING
ITERTOOLS_TYPE(accumulate, "accumulate", Accumulate,
               "accumulate(iterable, func=None, *, initial=None)\n--\n\nReturn series of accumulated sums.", NOTHING);
ITERTOOLS_TYPE(batched, "batched", Batched,
               "batched(iterable, n, *, strict=False)\n--\n\nBatch data into tuples of length n. The last batch may be shorter than n.\n\n"
               "Loops over the input iterable and accumulates data into tuples\nup to size n.  The input is consumed lazily, just enough to\n"
               "fill a batch.  The result is yielded as soon as a batch is full\nor when the input iterable is exhausted.\n\n"
               "    >>> for batch in batched('ABCDEFG', 3):\n    ...     print(batch)\n    ...\n    ('A', 'B', 'C')\n    ('D', 'E', 'F')\n    ('G',)\n\n"
               "If \"strict\" is True, raises a ValueError if the final batch is shorter\nthan n.", NOTHING);
ITERTOOLS_TYPE(chain, "chain", Chain,
               "chain(*iterables)\n--\n\nReturn a chain object whose .__next__() method returns elements from the\n"
               "first iterable until it is exhausted, then elements from the next\niterable, until all of the iterables are exhausted.",
               METHODS(chain_methods));
ITERTOOLS_TYPE(compress, "compress", Two,
               "compress(data, selectors)\n--\n\nReturn data elements corresponding to true selector elements.\n\n"
               "Forms a shorter iterator from selected data elements using the selectors to\nchoose the data elements.", NOTHING);
ITERTOOLS_TYPE(count, "count", Count,
               "count(start=0, step=1)\n--\n\nReturn a count object whose .__next__() method returns consecutive values.\n\n"
               "Equivalent to:\n    def count(firstval=0, step=1):\n        x = firstval\n        while 1:\n            yield x\n            x += step",
               REPR(count_repr));
ITERTOOLS_TYPE(cycle, "cycle", Cycle,
               "cycle(iterable, /)\n--\n\nReturn elements from the iterable until it is exhausted. Then repeat the sequence indefinitely.",
               NOTHING);
ITERTOOLS_TYPE(dropwhile, "dropwhile", Two,
               "dropwhile(predicate, iterable, /)\n--\n\nDrop items from the iterable while predicate(item) is true.\n\n"
               "Afterwards, return every element until the iterable is exhausted.", NOTHING);
ITERTOOLS_TYPE(filterfalse, "filterfalse", Two,
               "filterfalse(function, iterable, /)\n--\n\nReturn those items of iterable for which function(item) is false.\n\n"
               "If function is None, return the items that are false.", NOTHING);
ITERTOOLS_TYPE(islice, "islice", ISlice,
               "islice(iterable, stop) --> islice object\nislice(iterable, start, stop[, step]) --> islice object\n\n"
               "Return an iterator whose next() method returns selected values from an\niterable.  If start is specified, will skip all preceding elements;\n"
               "otherwise, start defaults to zero.  Step defaults to one.  If\nspecified as another value, step determines how many values are\n"
               "skipped between successive calls.  Works like a slice() on a list\nbut returns an iterator.", NOTHING);
ITERTOOLS_TYPE(pairwise, "pairwise", Pairwise,
               "pairwise(iterable, /)\n--\n\nReturn an iterator of overlapping pairs taken from the input iterator.\n\n"
               "    s -> (s0,s1), (s1,s2), (s2, s3), ...", NOTHING);
ITERTOOLS_TYPE(repeat, "repeat", Repeat,
               "repeat(object [,times]) -> create an iterator which returns the object\n"
               "for the specified number of times.  If not specified, returns the object\nendlessly.", METHODS(repeat_methods) REPR(repeat_repr));
ITERTOOLS_TYPE(starmap, "starmap", Two,
               "starmap(function, iterable, /)\n--\n\nReturn an iterator whose values are returned from the function evaluated with an "
               "argument tuple taken from the given sequence.", NOTHING);
ITERTOOLS_TYPE(takewhile, "takewhile", Two,
               "takewhile(predicate, iterable, /)\n--\n\nReturn successive entries from an iterable as long as the predicate evaluates to true for each entry.",
               NOTHING);
ITERTOOLS_TYPE(zip_longest, "zip_longest", ZipLongest,
               "zip_longest(*iterables, fillvalue=None)\n--\n\nReturn a zip_longest object whose .__next__() method returns a tuple.\n\n"
               "The i-th element of the tuple comes from the i-th iterable argument.  The\n.__next__() method continues until the longest iterable in the\n"
               "argument sequence is exhausted and then it raises StopIteration.  When\nthe shorter iterables are exhausted, the fillvalue is substituted in their\n"
               "place.  The fillvalue defaults to None or can be specified by a keyword\nargument.", NOTHING);

PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "itertools",
                      .m_doc = "Functional tools for creating and using iterators.",
                      .m_size = sizeof(State), .m_methods = methods, .m_slots = slots,
                      .m_traverse = module_traverse, .m_clear = module_clear};

}  // namespace ks::itertools

PyMODINIT_FUNC PyInit_itertools(void) { return PyModuleDef_Init(&ks::itertools::module); }
