// builtins: what goes over all items of an iterable: sum, min, max, sorted, any, all.
#include <cmath>

#include "modules/builtins/builtins.h"

namespace ks {

namespace {

Found builtin_all(PyObject*, PyObject* iterable) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  iternextfunc next = Py_TYPE(iterator.get())->tp_iternext;
  while (Ref<> item = steal(next(iterator))) {
    const int truth = PyObject_IsTrue(item);
    if (truth < 0) return failed;
    if (!truth) return Found::No;
  }
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return failed;
    PyErr_Clear();
  }
  return Found::Yes;
}
Found builtin_any(PyObject*, PyObject* iterable) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  iternextfunc next = Py_TYPE(iterator.get())->tp_iternext;
  while (Ref<> item = steal(next(iterator))) {
    const int truth = PyObject_IsTrue(item);
    if (truth < 0) return failed;
    if (truth) return Found::Yes;
  }
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return failed;
    PyErr_Clear();
  }
  return Found::No;
}

// ---- sum --------------------------------------------------------------------------------------------------------------------

// Floats add up with the rounding errors collected (Neumaier).
struct CompensatedSum {
  double high = 0, low = 0;
  void add(double x) {
    const double total = high + x;
    if (std::fabs(high) >= std::fabs(x)) low += (high - total) + x;
    else low += (x - total) + high;
    high = total;
  }
  double value() const { return low && std::isfinite(low) ? high + low : high; }
};

// The next item; nullptr at the end (no exception) or with one.
Ref<> next_item(PyObject* iterator) {
  Ref<> item = steal(Py_TYPE(iterator)->tp_iternext(iterator));
  if (!item && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_StopIteration)) PyErr_Clear();
  return item;
}

Ref<> builtin_sum(PyObject*, PyObject* iterable, PyObject* start) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  Ref<> result;
  if (!start) {
    result = TRY(steal(PyLong_FromLong(0)));
  } else {
    if (PyUnicode_Check(start)) return raise(PyExc_TypeError, "sum() can't sum strings [use ''.join(seq) instead]");
    if (PyBytes_Check(start)) return raise(PyExc_TypeError, "sum() can't sum bytes [use b''.join(seq) instead]");
    if (PyByteArray_Check(start)) return raise(PyExc_TypeError, "sum() can't sum bytearray [use b''.join(seq) instead]");
    result = borrow(start);
  }
  Ref<> item;
  auto add_general = [&]() -> bool {
    Ref<> total = steal(PyNumber_Add(result, item));
    result = std::move(total);
    return static_cast<bool>(result);
  };
  // Small ints in a machine word, as long as that does not overflow.
  if (PyLong_CheckExact(result.get())) {
    int overflow;
    long total = PyLong_AsLongAndOverflow(result, &overflow);
    if (!overflow) {
      result.reset();
      for (;;) {
        item = next_item(iterator);
        if (!item) {
          if (PyErr_Occurred()) return failed;
          return steal(PyLong_FromLong(total));
        }
        if (PyLong_CheckExact(item.get()) || PyBool_Check(item.get())) {
          int item_overflow;
          const long value = PyLong_AsLongAndOverflow(item, &item_overflow);
          long sum;
          if (!item_overflow && !__builtin_add_overflow(total, value, &sum)) {
            total = sum;
            continue;
          }
        }
        result = TRY(steal(PyLong_FromLong(total)));
        if (!add_general()) return failed;
        break;
      }
    }
  }
  if (PyFloat_CheckExact(result.get())) {
    CompensatedSum sum{PyFloat_AS_DOUBLE(result.get()), 0};
    result.reset();
    for (;;) {
      item = next_item(iterator);
      if (!item) {
        if (PyErr_Occurred()) return failed;
        return steal(PyFloat_FromDouble(sum.value()));
      }
      if (PyFloat_CheckExact(item.get())) {
        sum.add(PyFloat_AS_DOUBLE(item.get()));
        continue;
      }
      if (PyLong_Check(item.get())) {
        const double value = PyLong_AsDouble(item);
        if (value == -1.0 && PyErr_Occurred()) return failed;
        sum.add(value);
        continue;
      }
      result = TRY(steal(PyFloat_FromDouble(sum.value())));
      if (!add_general()) return failed;
      break;
    }
  }
  if (PyComplex_CheckExact(result.get())) {
    const Py_complex begin = PyComplex_AsCComplex(result);
    CompensatedSum real{begin.real, 0}, imaginary{begin.imag, 0};
    result.reset();
    for (;;) {
      item = next_item(iterator);
      if (!item) {
        if (PyErr_Occurred()) return failed;
        return steal(PyComplex_FromDoubles(real.value(), imaginary.value()));
      }
      if (PyComplex_CheckExact(item.get())) {
        const Py_complex value = PyComplex_AsCComplex(item);
        real.add(value.real);
        imaginary.add(value.imag);
        continue;
      }
      if (PyLong_Check(item.get())) {
        const double value = PyLong_AsDouble(item);
        if (value == -1.0 && PyErr_Occurred()) return failed;
        real.add(value);
        continue;
      }
      if (PyFloat_Check(item.get())) {
        real.add(PyFloat_AS_DOUBLE(item.get()));
        continue;
      }
      result = TRY(steal(PyComplex_FromDoubles(real.value(), imaginary.value())));
      if (!add_general()) return failed;
      break;
    }
  }
  for (;;) {
    item = next_item(iterator);
    if (!item) {
      if (PyErr_Occurred()) return failed;
      return result;
    }
    if (!add_general()) return failed;
  }
}

// ---- min and max -------------------------------------------------------------------------------------------------------------

PyObject* extreme(const char* name, int comparison, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject *key = nullptr, *fallback = nullptr;
  if (nargs == 0) return raise(PyExc_TypeError, "%s expected at least 1 argument, got 0", name);
  const Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  if (keywords > 2) return raise(PyExc_TypeError, "%s() takes at most 2 keyword arguments (%zd given)", name, keywords);
  for (Py_ssize_t i = 0; i < keywords; ++i) {
    PyObject* keyword = PyTuple_GET_ITEM(kwnames, i);
    if (PyUnicode_CompareWithASCIIString(keyword, "key") == 0) key = args[nargs + i];
    else if (PyUnicode_CompareWithASCIIString(keyword, "default") == 0) fallback = args[nargs + i];
    else return raise(PyExc_TypeError, "%s() got an unexpected keyword argument %R", name, keyword);
  }
  const bool positional = nargs > 1;
  if (positional && fallback)
    return raise(PyExc_TypeError, "Cannot specify a default for %s() with multiple positional arguments", name);
  if (key == Py_None) key = nullptr;
  Ref<> iterator;
  if (!positional) {
    iterator = steal(PyObject_GetIter(args[0]));
    if (!iterator) return nullptr;
  }
  Ref<> best, best_value;
  for (Py_ssize_t i = 0;;) {
    Ref<> item;
    if (positional) {
      if (i == nargs) break;
      item = borrow(args[i++]);
    } else {
      item = next_item(iterator);
      if (!item) break;
    }
    Ref<> value = key ? steal(PyObject_CallOneArg(key, item)) : item.share();
    if (!value) return nullptr;
    if (!best) {
      best = std::move(item);
      best_value = std::move(value);
      continue;
    }
    const int better = PyObject_RichCompareBool(value, best_value, comparison);
    if (better < 0) return nullptr;
    if (better) {
      best = std::move(item);
      best_value = std::move(value);
    }
  }
  if (PyErr_Occurred()) return nullptr;
  if (best) return best.release();
  if (fallback) return Py_NewRef(fallback);
  return raise(PyExc_ValueError, "%s() iterable argument is empty", name);
}
PyObject* builtin_min(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return extreme("min", Py_LT, args, nargs, kwnames);
}
PyObject* builtin_max(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return extreme("max", Py_GT, args, nargs, kwnames);
}

PyObject* builtin_sorted(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (nargs != 1) return raise(PyExc_TypeError, "sorted expected 1 argument, got %zd", nargs);
  Ref<> list = steal(PySequence_List(args[0]));
  if (!list) return nullptr;
  Ref<> sort = steal(PyObject_GetAttr(list, "sort"_id));
  Ref<> done = sort ? steal(PyObject_Vectorcall(sort, args + 1, 0, kwnames)) : nullptr;
  return done ? list.release() : nullptr;
}

METHOD_AS(builtin_all, "all", 0, "($module, iterable, /)", "Return True if bool(x) is True for all values x in the iterable.");
METHOD_AS(builtin_any, "any", 0, "($module, iterable, /)", "Return True if bool(x) is True for any x in the iterable.");
METHOD_AS(builtin_sum, "sum", 0, "($module, iterable, /, start=0)",
          "Return the sum of a 'start' value (default: 0) plus an iterable of numbers");
METHOD_RAW(builtin_min, "min", 0,
           "min(iterable, *[, default=obj, key=func]) -> value\nmin(arg1, arg2, *args, *[, key=func]) -> value\n\nThe smallest item.");
METHOD_RAW(builtin_max, "max", 0,
           "max(iterable, *[, default=obj, key=func]) -> value\nmax(arg1, arg2, *args, *[, key=func]) -> value\n\nThe biggest item.");
METHOD_RAW(builtin_sorted, "sorted", 0,
           "sorted($module, iterable, /, *, key=None, reverse=False)\n--\n\nReturn a new list containing all items from the iterable in "
           "ascending order.");

}  // namespace

const PyMethodDef* const kBuiltinFoldMethods[] = {&builtin_all_method, &builtin_any_method, &builtin_sum_method, &builtin_min_method,
                                                  &builtin_max_method, &builtin_sorted_method, nullptr};

}  // namespace ks
