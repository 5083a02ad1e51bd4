// itertools: product, permutations, combinations, combinations_with_replacement.
#include <numeric>

#include "modules/itertools.h"

namespace ks::itertools {
namespace {

Py_ssize_t* new_indices(Py_ssize_t count) {
  auto* indices = static_cast<Py_ssize_t*>(PyMem_Calloc(static_cast<size_t>(count ? count : 1), sizeof(Py_ssize_t)));
  if (!indices) PyErr_NoMemory();
  return indices;
}

// ---- product ---------------------------------------------------------------------------------------------------------------------

struct Product {
  PyObject ob_base;
  PyObject* pools;
  Py_ssize_t* indices;
  PyObject* result;
  int stopped;
  template <class F>
  void references(F f) {
    f(pools);
    f(result);
  }
  void free_memory() { PyMem_Free(indices); }
};
PyObject* product_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  Py_ssize_t repeat = 1;
  if (kwargs && PyDict_GET_SIZE(kwargs)) {
    if (PyDict_GET_SIZE(kwargs) > 1)
      return raise(PyExc_TypeError, "product() takes at most 1 keyword argument (%zd given)", PyDict_GET_SIZE(kwargs));
    Py_ssize_t position = 0;
    PyObject *name, *value;
    while (PyDict_Next(kwargs, &position, &name, &value)) {
      if (!PyUnicode_EqualToUTF8(name, "repeat"))
        return raise(PyExc_TypeError, "product() got an unexpected keyword argument '%S'", name);
      if (!convert_ssize(value, &repeat)) return nullptr;
    }
    if (repeat < 0) return raise(PyExc_ValueError, "repeat argument cannot be negative");
  }
  const Py_ssize_t given = repeat ? PyTuple_GET_SIZE(args) : 0;
  if (given && repeat > PY_SSIZE_T_MAX / static_cast<Py_ssize_t>(sizeof(Py_ssize_t)) / given)
    return raise(PyExc_OverflowError, "repeat argument too large");
  const Py_ssize_t count = given * repeat;
  Py_ssize_t* indices = new_indices(count);
  if (!indices) return nullptr;
  Ref<> pools = steal(PyTuple_New(count));
  bool good = static_cast<bool>(pools);
  for (Py_ssize_t i = 0; good && i < count; ++i) {
    PyObject* pool = i < given ? PySequence_Tuple(PyTuple_GET_ITEM(args, i)) : Py_NewRef(PyTuple_GET_ITEM(pools.get(), i - given));
    good = pool != nullptr;
    if (good) PyTuple_SET_ITEM(pools.get(), i, pool);
  }
  Product* self = good ? make<Product>(type) : nullptr;
  if (!self) {
    PyMem_Free(indices);
    return nullptr;
  }
  self->pools = pools.release();
  self->indices = indices;
  return object(self);
}
PyObject* product_next(PyObject* op) {
  auto* self = as<Product>(op);
  if (self->stopped) return nullptr;
  const Py_ssize_t count = PyTuple_GET_SIZE(self->pools);
  auto pool = [&](Py_ssize_t i) { return PyTuple_GET_ITEM(self->pools, i); };
  if (!self->result) {
    Ref<> result = steal(PyTuple_New(count));
    if (!result) return nullptr;
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (PyTuple_GET_SIZE(pool(i)) == 0) {
        self->stopped = 1;
        return nullptr;
      }
      PyTuple_SET_ITEM(result.get(), i, Py_NewRef(PyTuple_GET_ITEM(pool(i), 0)));
    }
    self->result = result.release();
  } else {
    PyObject** items = reusable_items(self->result);
    if (!items) return nullptr;
    // The rightmost pool steps; each that wraps around makes its left neighbour step.
    Py_ssize_t i = count - 1;
    for (; i >= 0; --i) {
      const bool wraps = ++self->indices[i] == PyTuple_GET_SIZE(pool(i));
      if (wraps) self->indices[i] = 0;
      replace(items[i], PyTuple_GET_ITEM(pool(i), self->indices[i]));
      if (!wraps) break;
    }
    if (i < 0) {
      self->stopped = 1;
      return nullptr;
    }
  }
  return Py_NewRef(self->result);
}
Py_ssize_t product_sizeof(Product* self) {
  return Py_TYPE(self)->tp_basicsize + PyTuple_GET_SIZE(self->pools) * static_cast<Py_ssize_t>(sizeof(Py_ssize_t));
}
METHOD_AS(product_sizeof, "__sizeof__", 0, "($self, /)", "Returns size in memory, in bytes.");
PyMethodDef product_methods[] = {product_sizeof_method, {}};

// ---- combinations, with and without replacement ------------------------------------------------------------------------------------

struct Combinations {
  PyObject ob_base;
  PyObject* pool;
  Py_ssize_t* indices;
  PyObject* result;
  Py_ssize_t r;
  int stopped;
  template <class F>
  void references(F f) {
    f(pool);
    f(result);
  }
  void free_memory() { PyMem_Free(indices); }
};
template <bool kReplacement>
PyObject* combinations_make(PyTypeObject* type, PyObject* iterable, PyObject* size) {
  Py_ssize_t r;
  if (!convert_ssize(size, &r)) return nullptr;
  Ref<> pool = steal(PySequence_Tuple(iterable));
  if (!pool) return nullptr;
  const Py_ssize_t n = PyTuple_GET_SIZE(pool.get());
  if (r < 0) return raise(PyExc_ValueError, "r must be non-negative");
  Py_ssize_t* indices = new_indices(r);
  if (!indices) return nullptr;
  if (!kReplacement) std::iota(indices, indices + r, Py_ssize_t{0});
  auto* self = make<Combinations>(type);
  if (!self) {
    PyMem_Free(indices);
    return nullptr;
  }
  self->pool = pool.release();
  self->indices = indices;
  self->r = r;
  self->stopped = kReplacement ? n == 0 && r > 0 : r > n;
  return object(self);
}
template <bool kReplacement>
PyObject* combinations_step(PyObject* op) {
  auto* self = as<Combinations>(op);
  if (self->stopped) return nullptr;
  const Py_ssize_t n = PyTuple_GET_SIZE(self->pool), r = self->r;
  Py_ssize_t* indices = self->indices;
  if (!self->result) {
    self->result = PyTuple_New(r);
    if (!self->result) return nullptr;
    for (Py_ssize_t i = 0; i < r; ++i) PyTuple_SET_ITEM(self->result, i, Py_NewRef(PyTuple_GET_ITEM(self->pool, indices[i])));
    return Py_NewRef(self->result);
  }
  PyObject** items = reusable_items(self->result);
  if (!items) return nullptr;
  // The rightmost index that is not at its maximum steps; those behind it start again.
  Py_ssize_t i = r - 1;
  while (i >= 0 && indices[i] == (kReplacement ? n - 1 : i + n - r)) --i;
  if (i < 0) {
    self->stopped = 1;
    return nullptr;
  }
  ++indices[i];
  for (Py_ssize_t j = i + 1; j < r; ++j) indices[j] = indices[j - 1] + (kReplacement ? 0 : 1);
  for (; i < r; ++i) replace(items[i], PyTuple_GET_ITEM(self->pool, indices[i]));
  return Py_NewRef(self->result);
}
constexpr char combinations_text[] = "combinations", replacement_text[] = "combinations_with_replacement";
constexpr Signature combinations_signature = read_signature(combinations_text, "(iterable, r)");
constexpr Signature replacement_signature = read_signature(replacement_text, "(iterable, r)");
PyObject* combinations_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  return bind_tuple(combinations_signature, args, kwargs, values) == Status::Error ? nullptr : combinations_make<false>(type, values[0], values[1]);
}
PyObject* combinations_next(PyObject* op) { return combinations_step<false>(op); }
PyObject* combinations_with_replacement_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  return bind_tuple(replacement_signature, args, kwargs, values) == Status::Error ? nullptr : combinations_make<true>(type, values[0], values[1]);
}
PyObject* combinations_with_replacement_next(PyObject* op) { return combinations_step<true>(op); }
Py_ssize_t combinations_sizeof(Combinations* self) {
  return Py_TYPE(self)->tp_basicsize + self->r * static_cast<Py_ssize_t>(sizeof(Py_ssize_t));
}
METHOD_AS(combinations_sizeof, "__sizeof__", 0, "($self, /)", "Returns size in memory, in bytes.");
PyMethodDef combinations_methods[] = {combinations_sizeof_method, {}};

// ---- permutations ------------------------------------------------------------------------------------------------------------------

struct Permutations {
  PyObject ob_base;
  PyObject* pool;
  Py_ssize_t* indices;  // n
  Py_ssize_t* cycles;   // r; how many choices are left at each place
  PyObject* result;
  Py_ssize_t r;
  int stopped;
  template <class F>
  void references(F f) {
    f(pool);
    f(result);
  }
  void free_memory() {
    PyMem_Free(indices);
    PyMem_Free(cycles);
  }
};
constexpr char permutations_text[] = "permutations";
constexpr Signature permutations_signature = read_signature(permutations_text, "(iterable, r=None)");
PyObject* permutations_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  if (bind_tuple(permutations_signature, args, kwargs, values) == Status::Error) return nullptr;
  Ref<> pool = steal(PySequence_Tuple(values[0]));
  if (!pool) return nullptr;
  const Py_ssize_t n = PyTuple_GET_SIZE(pool.get());
  Py_ssize_t r = n;
  if (values[1] && values[1] != Py_None) {
    if (!PyLong_Check(values[1])) return raise(PyExc_TypeError, "Expected int as r");
    r = PyLong_AsSsize_t(values[1]);
    if (r == -1 && PyErr_Occurred()) return nullptr;
  }
  if (r < 0) return raise(PyExc_ValueError, "r must be non-negative");
  Py_ssize_t* indices = new_indices(n);
  Py_ssize_t* cycles = indices ? new_indices(r) : nullptr;
  Permutations* self = cycles ? make<Permutations>(type) : nullptr;
  if (!self) {
    PyMem_Free(indices);
    PyMem_Free(cycles);
    return nullptr;
  }
  std::iota(indices, indices + n, Py_ssize_t{0});
  for (Py_ssize_t i = 0; i < r; ++i) cycles[i] = n - i;
  self->pool = pool.release();
  self->indices = indices;
  self->cycles = cycles;
  self->r = r;
  self->stopped = r > n;
  return object(self);
}
PyObject* permutations_next(PyObject* op) {
  auto* self = as<Permutations>(op);
  if (self->stopped) return nullptr;
  const Py_ssize_t n = PyTuple_GET_SIZE(self->pool), r = self->r;
  Py_ssize_t* indices = self->indices;
  if (!self->result) {
    self->result = PyTuple_New(r);
    if (!self->result) return nullptr;
    for (Py_ssize_t i = 0; i < r; ++i) PyTuple_SET_ITEM(self->result, i, Py_NewRef(PyTuple_GET_ITEM(self->pool, indices[i])));
    return Py_NewRef(self->result);
  }
  PyObject** items = n ? reusable_items(self->result) : nullptr;
  if (n && !items) return nullptr;
  for (Py_ssize_t i = r - 1; i >= 0; --i) {
    if (--self->cycles[i] == 0) {
      // All choices at this place are used up: its index goes to the end, and the place starts again.
      const Py_ssize_t index = indices[i];
      for (Py_ssize_t j = i; j < n - 1; ++j) indices[j] = indices[j + 1];
      indices[n - 1] = index;
      self->cycles[i] = n - i;
      continue;
    }
    std::swap(indices[i], indices[n - self->cycles[i]]);
    for (Py_ssize_t k = i; k < r; ++k) replace(items[k], PyTuple_GET_ITEM(self->pool, indices[k]));
    return Py_NewRef(self->result);
  }
  self->stopped = 1;
  return nullptr;
}
Py_ssize_t permutations_sizeof(Permutations* self) {
  return Py_TYPE(self)->tp_basicsize + (PyTuple_GET_SIZE(self->pool) + self->r) * static_cast<Py_ssize_t>(sizeof(Py_ssize_t));
}
METHOD_AS(permutations_sizeof, "__sizeof__", 0, "($self, /)", "Returns size in memory, in bytes.");
PyMethodDef permutations_methods[] = {permutations_sizeof_method, {}};

}  // namespace

#define METHODS(TABLE) {Py_tp_methods, TABLE},
ITERTOOLS_TYPE(product, "product", Product,
               "product(*iterables, repeat=1)\n--\n\nCartesian product of input iterables.  Equivalent to nested for-loops.\n\n"
               "For example, product(A, B) returns the same as:  ((x,y) for x in A for y in B).\n"
               "The leftmost iterators are in the outermost for-loop, so the output tuples\n"
               "cycle in a manner similar to an odometer (with the rightmost element changing\non every iteration).\n\n"
               "To compute the product of an iterable with itself, specify the number\n"
               "of repetitions with the optional repeat keyword argument. For example,\n"
               "product(A, repeat=4) means the same as product(A, A, A, A).\n\n"
               "product('ab', range(3)) --> ('a',0) ('a',1) ('a',2) ('b',0) ('b',1) ('b',2)\n"
               "product((0,1), (0,1), (0,1)) --> (0,0,0) (0,0,1) (0,1,0) (0,1,1) (1,0,0) ...",
               METHODS(product_methods));
ITERTOOLS_TYPE(combinations, "combinations", Combinations,
               "combinations(iterable, r)\n--\n\nReturn successive r-length combinations of elements in the iterable.\n\n"
               "combinations(range(4), 3) --> (0,1,2), (0,1,3), (0,2,3), (1,2,3)",
               METHODS(combinations_methods));
ITERTOOLS_TYPE(combinations_with_replacement, "combinations_with_replacement", Combinations,
               "combinations_with_replacement(iterable, r)\n--\n\nReturn successive r-length combinations of elements in the iterable allowing "
               "individual elements to have successive repeats.\n\n"
               "combinations_with_replacement('ABC', 2) --> ('A','A'), ('A','B'), ('A','C'), ('B','B'), ('B','C'), ('C','C')",
               METHODS(combinations_methods));
ITERTOOLS_TYPE(permutations, "permutations", Permutations,
               "permutations(iterable, r=None)\n--\n\nReturn successive r-length permutations of elements in the iterable.\n\n"
               "permutations(range(3), 2) --> (0,1), (0,2), (1,0), (1,2), (2,0), (2,1)",
               METHODS(permutations_methods));

}  // namespace ks::itertools
