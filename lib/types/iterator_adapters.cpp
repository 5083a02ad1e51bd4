// enumerate, reversed, filter, map, zip.
#include <algorithm>

#include "object/export.h"
#include "object/method.h"
#include "types/container_support.h"
#include "types/tuple.h"

extern "C" PyObject* _PyObject_LookupSpecial(PyObject* self, PyObject* name);

namespace ks {
namespace {

// The next item of any iterator; StopIteration from tp_iternext is left to the caller.
inline PyObject* next_of(PyObject* iterator) { return Py_TYPE(iterator)->tp_iternext(iterator); }

// A StopIteration that is set means the end; any other exception stays. False: an exception is set.
bool at_end() {
  if (!PyErr_Occurred()) return true;
  if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return false;
  PyErr_Clear();
  return true;
}

// ---- enumerate -----------------------------------------------------------------------------------------------------------------

struct EnumerateObject {
  PyObject ob_base;
  Py_ssize_t index;      // the next number, while long_index is nullptr
  PyObject* iterator;
  PyObject* pair;        // used again when nobody else holds it
  PyObject* long_index;  // the next number, once it exceeds Py_ssize_t
  PyObject* unused;
};
PyObject* enumerate_make(PyTypeObject* type, PyObject* iterable, PyObject* start) {
  auto* self = as<EnumerateObject>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  Ref<> own = steal(object(self));
  if (start) {
    Ref<> first = steal(PyNumber_Index(start));
    if (!first) return nullptr;
    self->index = PyLong_AsSsize_t(first);
    if (self->index == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      self->index = PY_SSIZE_T_MAX;
      self->long_index = first.release();
    }
  }
  self->iterator = PyObject_GetIter(iterable);
  if (!self->iterator) return nullptr;
  self->pair = PyTuple_Pack(2, Py_None, Py_None);
  return self->pair ? own.release() : nullptr;
}
bool keyword_is(PyObject* name, const char* text) {
  if (PyUnicode_EqualToUTF8(name, text)) return true;
  PyErr_Format(PyExc_TypeError, "'%U' is an invalid keyword argument for enumerate()", name);
  return false;
}
PyObject* enumerate_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  const Py_ssize_t nkeywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  auto* cls = as<PyTypeObject>(type);
  if (nargs == 1 && nkeywords <= 1) {
    if (nkeywords && !keyword_is(PyTuple_GET_ITEM(kwnames, 0), "start")) return nullptr;
    return enumerate_make(cls, args[0], nkeywords ? args[1] : nullptr);
  }
  if (nargs == 0 && nkeywords == 2) {
    PyObject *first = PyTuple_GET_ITEM(kwnames, 0), *second = PyTuple_GET_ITEM(kwnames, 1);
    if (PyUnicode_EqualToUTF8(first, "iterable"))
      return keyword_is(second, "start") ? enumerate_make(cls, args[0], args[1]) : nullptr;
    if (PyUnicode_EqualToUTF8(second, "iterable"))
      return keyword_is(first, "start") ? enumerate_make(cls, args[1], args[0]) : nullptr;
    return keyword_is(first, "iterable") ? nullptr : nullptr;
  }
  if (nargs == 0 && nkeywords == 1)
    return keyword_is(PyTuple_GET_ITEM(kwnames, 0), "iterable") ? enumerate_make(cls, args[0], nullptr) : nullptr;
  if (nargs == 2 && nkeywords == 0) return enumerate_make(cls, args[0], args[1]);
  if (nargs + nkeywords == 0) return raise(PyExc_TypeError, "enumerate() missing required argument 'iterable'");
  return raise(PyExc_TypeError, "enumerate() takes at most %d arguments (%zd given)", 2, nargs + nkeywords);
}
constexpr char kEnumerate[] = "enumerate";
constexpr Signature enumerate_signature = read_signature(kEnumerate, "(iterable, start=0)");
PyObject* enumerate_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  if (bind_tuple(enumerate_signature, args, kwargs, values) == Status::Error) return nullptr;
  return enumerate_make(type, values[0], values[1]);
}
void enumerate_dealloc(PyObject* self) {
  gc_untrack_if_tracked(self);
  auto* e = as<EnumerateObject>(self);
  Py_XDECREF(e->iterator);
  Py_XDECREF(e->pair);
  Py_XDECREF(e->long_index);
  Py_TYPE(self)->tp_free(self);
}
int enumerate_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* e = as<EnumerateObject>(self);
  Py_VISIT(e->iterator);
  Py_VISIT(e->pair);
  Py_VISIT(e->long_index);
  return 0;
}
// New: the number for the next item; the count goes on.
PyObject* next_number(EnumerateObject* e) {
  if (e->index != PY_SSIZE_T_MAX) return PyLong_FromSsize_t(e->index++);
  if (!e->long_index) {
    e->long_index = PyLong_FromSsize_t(PY_SSIZE_T_MAX);
    if (!e->long_index) return nullptr;
  }
  Ref<> unit = steal(PyLong_FromLong(1));
  Ref<> following = steal(PyNumber_Add(e->long_index, unit));
  return following ? std::exchange(e->long_index, following.release()) : nullptr;
}
PyObject* enumerate_next(PyObject* self) {
  auto* e = as<EnumerateObject>(self);
  PyObject* item = next_of(e->iterator);
  if (!item) return nullptr;
  PyObject* number = next_number(e);
  if (!number) {
    Py_DECREF(item);
    return nullptr;
  }
  PyObject* pair = e->pair;
  if (Py_REFCNT(pair) == 1) {
    auto* tuple = as<PyTupleObject>(pair);
    Py_INCREF(pair);
    PyObject *old_number = tuple->ob_item[0], *old_item = tuple->ob_item[1];
    tuple->ob_item[0] = number;
    tuple->ob_item[1] = item;
    tuple->ob_hash = -1;
    Py_DECREF(old_number);
    Py_DECREF(old_item);
    if (!gc_is_tracked(pair)) track(pair);
    return pair;
  }
  return tuple_pair_taking(number, item);
}
PyObject* enumerate_reduce(EnumerateObject* self) {
  if (self->long_index) return Py_BuildValue("O(OO)", Py_TYPE(self), self->iterator, self->long_index);
  return Py_BuildValue("O(On)", Py_TYPE(self), self->iterator, self->index);
}
METHOD_AS(enumerate_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
PyMethodDef enumerate_methods[] = {enumerate_reduce_method, KS_CLASS_GETITEM, {}};

// ---- reversed ------------------------------------------------------------------------------------------------------------------

struct ReversedObject {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* sequence;  // nullptr once exhausted
};
PyObject* reversed_of(PyTypeObject* type, PyObject* sequence) {
  Ref<> method = steal(_PyObject_LookupSpecial(sequence, "__reversed__"_id));
  if (!method && PyErr_Occurred()) return nullptr;
  if (method == Py_None) return raise(PyExc_TypeError, "'%.200s' object is not reversible", Py_TYPE(sequence)->tp_name);
  if (method) return PyObject_CallNoArgs(method);
  if (!PySequence_Check(sequence)) return raise(PyExc_TypeError, "'%.200s' object is not reversible", Py_TYPE(sequence)->tp_name);
  const Py_ssize_t size = PySequence_Size(sequence);
  if (size == -1) return nullptr;
  auto* self = as<ReversedObject>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->index = size - 1;
  self->sequence = Py_NewRef(sequence);
  return object(self);
}
PyObject* reversed_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if ((type == &PyReversed_Type || type->tp_init == PyReversed_Type.tp_init) && !check_no_keywords("reversed", kwargs)) return nullptr;
  if (!check_positional("reversed", PyTuple_GET_SIZE(args), 1, 1)) return nullptr;
  return reversed_of(type, PyTuple_GET_ITEM(args, 0));
}
PyObject* reversed_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (!check_no_keyword_names("reversed", kwnames) || !check_positional("reversed", nargs, 1, 1)) return nullptr;
  return reversed_of(as<PyTypeObject>(type), args[0]);
}
void reversed_dealloc(PyObject* self) {
  gc_untrack_if_tracked(self);
  Py_XDECREF(as<ReversedObject>(self)->sequence);
  Py_TYPE(self)->tp_free(self);
}
int reversed_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<ReversedObject>(self)->sequence);
  return 0;
}
PyObject* reversed_next(PyObject* self) {
  auto* r = as<ReversedObject>(self);
  if (r->index >= 0) {
    if (PyObject* item = PySequence_GetItem(r->sequence, r->index)) {
      --r->index;
      return item;
    }
    if (PyErr_ExceptionMatches(PyExc_IndexError) || PyErr_ExceptionMatches(PyExc_StopIteration)) PyErr_Clear();
  }
  r->index = -1;
  Py_CLEAR(r->sequence);
  return nullptr;
}
PyObject* reversed_length_hint(ReversedObject* self) {
  if (!self->sequence) return PyLong_FromLong(0);
  const Py_ssize_t size = PySequence_Size(self->sequence);
  if (size == -1) return nullptr;
  const Py_ssize_t left = self->index + 1;
  return PyLong_FromSsize_t(size < left ? 0 : left);
}
METHOD_AS(reversed_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
PyObject* reversed_reduce(ReversedObject* self) {
  if (self->sequence) return Py_BuildValue("O(O)n", Py_TYPE(self), self->sequence, self->index);
  return Py_BuildValue("O(())", Py_TYPE(self));
}
METHOD_AS(reversed_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Status reversed_setstate(ReversedObject* self, PyObject* state) {
  const Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && PyErr_Occurred()) return failed;
  if (self->sequence) {
    const Py_ssize_t size = PySequence_Size(self->sequence);
    if (size < 0) return failed;
    self->index = std::clamp<Py_ssize_t>(index, -1, size - 1);
  }
  return Status::Ok;
}
METHOD_AS(reversed_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");
PyMethodDef reversed_methods[] = {reversed_length_hint_method, reversed_reduce_method, reversed_setstate_method, {}};

// ---- filter --------------------------------------------------------------------------------------------------------------------

struct FilterObject {
  PyObject ob_base;
  PyObject* function;
  PyObject* iterator;
};
PyObject* filter_make(PyTypeObject* type, PyObject* function, PyObject* iterable) {
  Ref<> iterator = steal(PyObject_GetIter(iterable));
  if (!iterator) return nullptr;
  auto* self = as<FilterObject>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->function = Py_NewRef(function);
  self->iterator = iterator.release();
  return object(self);
}
PyObject* filter_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if ((type == &PyFilter_Type || type->tp_init == PyFilter_Type.tp_init) && !check_no_keywords("filter", kwargs)) return nullptr;
  if (!check_positional("filter", PyTuple_GET_SIZE(args), 2, 2)) return nullptr;
  return filter_make(type, PyTuple_GET_ITEM(args, 0), PyTuple_GET_ITEM(args, 1));
}
PyObject* filter_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (!check_no_keyword_names("filter", kwnames) || !check_positional("filter", nargs, 2, 2)) return nullptr;
  return filter_make(as<PyTypeObject>(type), args[0], args[1]);
}
void filter_dealloc(PyObject* self) {
  gc_untrack_if_tracked(self);
  Py_XDECREF(as<FilterObject>(self)->function);
  Py_XDECREF(as<FilterObject>(self)->iterator);
  Py_TYPE(self)->tp_free(self);
}
int filter_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<FilterObject>(self)->function);
  Py_VISIT(as<FilterObject>(self)->iterator);
  return 0;
}
PyObject* filter_next(PyObject* self) {
  auto* filter = as<FilterObject>(self);
  const bool plain = filter->function == Py_None || filter->function == object(&PyBool_Type);
  while (Ref<> item = steal(next_of(filter->iterator))) {
    int keep;
    if (plain) {
      keep = PyObject_IsTrue(item);
    } else {
      Ref<> verdict = steal(PyObject_CallOneArg(filter->function, item));
      if (!verdict) return nullptr;
      keep = PyObject_IsTrue(verdict);
    }
    if (keep < 0) return nullptr;
    if (keep) return item.release();
  }
  return nullptr;
}
PyObject* filter_reduce(FilterObject* self) { return Py_BuildValue("O(OO)", Py_TYPE(self), self->function, self->iterator); }
METHOD_AS(filter_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
PyMethodDef filter_methods[] = {filter_reduce_method, {}};

// ---- what map and zip share --------------------------------------------------------------------------------------------------------

// The `strict` keyword of a call's keyword names and values; false with an exception.
bool read_strict(const char* function, PyObject* kwnames, PyObject* const* values, bool* strict) {
  *strict = false;
  const Py_ssize_t count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  if (count == 0) return true;
  if (count > 1) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most 1 keyword argument (%zd given)", function, count);
    return false;
  }
  PyObject* name = PyTuple_GET_ITEM(kwnames, 0);
  if (!PyUnicode_EqualToUTF8(name, "strict")) {
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%S'", function, name);
    return false;
  }
  const int truth = PyObject_IsTrue(values[0]);
  *strict = truth > 0;
  return truth >= 0;
}
bool read_strict_dict(const char* function, PyObject* kwargs, bool* strict) {
  *strict = false;
  const Py_ssize_t count = kwargs ? PyDict_GET_SIZE(kwargs) : 0;
  if (count == 0) return true;
  Py_ssize_t position = 0;
  PyObject *name, *value;
  PyDict_Next(kwargs, &position, &name, &value);
  Ref<> names = steal(count > 1 ? PyTuple_New(count) : PyTuple_Pack(1, name));
  return names && read_strict(function, names, &value, strict);
}
Ref<> iterators_of(PyObject* const* iterables, Py_ssize_t count) {
  Ref<> iterators = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* iterator = TRY(PyObject_GetIter(iterables[i]));
    PyTuple_SET_ITEM(iterators.get(), i, iterator);
  }
  return iterators;
}
// Iterator i has ended: with `strict` the others must end too.
PyObject* check_lengths(const char* function, PyObject* iterators, Py_ssize_t i) {
  if (PyErr_Occurred() && !at_end()) return nullptr;
  if (i > 0) {
    const char* plural = i == 1 ? " " : "s 1-";
    return raise(PyExc_ValueError, "%s() argument %zd is shorter than argument%s%zd", function, i + 1, plural, i);
  }
  const Py_ssize_t count = PyTuple_GET_SIZE(iterators);
  for (i = 1; i < count; ++i) {
    Ref<> item = steal(next_of(PyTuple_GET_ITEM(iterators, i)));
    if (item) {
      const char* plural = i == 1 ? " " : "s 1-";
      return raise(PyExc_ValueError, "%s() argument %zd is longer than argument%s%zd", function, i + 1, plural, i);
    }
    if (!at_end()) return nullptr;
  }
  return nullptr;
}

// ---- map -----------------------------------------------------------------------------------------------------------------------

struct MapObject {
  PyObject ob_base;
  PyObject* iterators;
  PyObject* function;
  int strict;
};
PyObject* map_make(PyTypeObject* type, PyObject* const* args, Py_ssize_t nargs, bool strict) {
  if (nargs < 2) return raise(PyExc_TypeError, "map() must have at least two arguments.");
  Ref<> iterators = iterators_of(args + 1, nargs - 1);
  if (!iterators) return nullptr;
  auto* self = as<MapObject>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->iterators = iterators.release();
  self->function = Py_NewRef(args[0]);
  self->strict = strict;
  return object(self);
}
PyObject* map_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  bool strict = false;
  if ((type == &PyMap_Type || type->tp_init == PyMap_Type.tp_init || kwargs) && !read_strict_dict("map", kwargs, &strict)) return nullptr;
  return map_make(type, as<PyTupleObject>(args)->ob_item, PyTuple_GET_SIZE(args), strict);
}
PyObject* map_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  bool strict;
  if (!read_strict("map", kwnames, args + nargs, &strict)) return nullptr;
  return map_make(as<PyTypeObject>(type), args, nargs, strict);
}
void map_dealloc(PyObject* self) {
  gc_untrack_if_tracked(self);
  Py_XDECREF(as<MapObject>(self)->iterators);
  Py_XDECREF(as<MapObject>(self)->function);
  Py_TYPE(self)->tp_free(self);
}
int map_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<MapObject>(self)->iterators);
  Py_VISIT(as<MapObject>(self)->function);
  return 0;
}
PyObject* map_next(PyObject* self) {
  auto* map = as<MapObject>(self);
  const Py_ssize_t count = PyTuple_GET_SIZE(map->iterators);
  if (count == 1) {
    PyObject* stack[2] = {nullptr, next_of(PyTuple_GET_ITEM(map->iterators, 0))};
    if (!stack[1]) return nullptr;
    PyObject* result = PyObject_Vectorcall(map->function, stack + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
    Py_DECREF(stack[1]);
    return result;
  }
  PyObject* few[8];
  PyObject** stack = few;
  if (count > 8) {
    stack = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(count) * sizeof(PyObject*)));
    if (!stack) return PyErr_NoMemory();
  }
  PyObject* result = nullptr;
  Py_ssize_t got = 0;
  while (got < count) {
    PyObject* item = next_of(PyTuple_GET_ITEM(map->iterators, got));
    if (!item) break;
    stack[got++] = item;
  }
  if (got == count) result = PyObject_Vectorcall(map->function, stack, static_cast<size_t>(count), nullptr);
  else if (map->strict) check_lengths("map", map->iterators, got);
  for (Py_ssize_t i = 0; i < got; ++i) Py_DECREF(stack[i]);
  if (stack != few) PyMem_Free(stack);
  return result;
}
PyObject* map_reduce(MapObject* self) {
  const Py_ssize_t count = PyTuple_GET_SIZE(self->iterators);
  Ref<> arguments = steal(PyTuple_New(count + 1));
  if (!arguments) return nullptr;
  PyTuple_SET_ITEM(arguments.get(), 0, Py_NewRef(self->function));
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(arguments.get(), i + 1, Py_NewRef(PyTuple_GET_ITEM(self->iterators, i)));
  if (self->strict) return Py_BuildValue("OOO", Py_TYPE(self), arguments.get(), Py_True);
  return Py_BuildValue("OO", Py_TYPE(self), arguments.get());
}
METHOD_AS(map_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Status map_setstate(MapObject* self, PyObject* state) {
  const int strict = TRY(PyObject_IsTrue(state));
  self->strict = strict;
  return Status::Ok;
}
METHOD_AS(map_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");
PyMethodDef map_methods[] = {map_reduce_method, map_setstate_method, {}};

// ---- zip -----------------------------------------------------------------------------------------------------------------------

struct ZipObject {
  PyObject ob_base;
  Py_ssize_t count;
  PyObject* iterators;
  PyObject* result;  // used again when nobody else holds it
  int strict;
};
PyObject* zip_make(PyTypeObject* type, PyObject* const* args, Py_ssize_t nargs, bool strict) {
  Ref<> iterators = iterators_of(args, nargs);
  if (!iterators) return nullptr;
  Ref<> result = steal(PyTuple_New(nargs));
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(result.get(), i, Py_None);
  auto* self = as<ZipObject>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->count = nargs;
  self->iterators = iterators.release();
  self->result = result.release();
  self->strict = strict;
  return object(self);
}
PyObject* zip_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  bool strict = false;
  if (!read_strict_dict("zip", kwargs, &strict)) return nullptr;
  return zip_make(type, as<PyTupleObject>(args)->ob_item, PyTuple_GET_SIZE(args), strict);
}
PyObject* zip_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  bool strict;
  if (!read_strict("zip", kwnames, args + nargs, &strict)) return nullptr;
  return zip_make(as<PyTypeObject>(type), args, nargs, strict);
}
void zip_dealloc(PyObject* self) {
  gc_untrack_if_tracked(self);
  Py_XDECREF(as<ZipObject>(self)->iterators);
  Py_XDECREF(as<ZipObject>(self)->result);
  Py_TYPE(self)->tp_free(self);
}
int zip_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<ZipObject>(self)->iterators);
  Py_VISIT(as<ZipObject>(self)->result);
  return 0;
}
PyObject* zip_next(PyObject* self) {
  auto* zip = as<ZipObject>(self);
  const Py_ssize_t count = zip->count;
  if (count == 0) return nullptr;
  PyObject** iterators = as<PyTupleObject>(zip->iterators)->ob_item;
  if (Py_REFCNT(zip->result) == 1) {
    PyObject* result = Py_NewRef(zip->result);
    PyObject** items = as<PyTupleObject>(result)->ob_item;
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* item = next_of(iterators[i]);
      if (!item) {
        Py_DECREF(result);
        return zip->strict ? check_lengths("zip", zip->iterators, i) : nullptr;
      }
      PyObject* old = items[i];
      items[i] = item;
      Py_DECREF(old);
    }
    as<PyTupleObject>(result)->ob_hash = -1;
    if (!gc_is_tracked(result)) track(result);
    return result;
  }
  PyTupleObject* result = tuple_allocate(count);
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    result->ob_item[i] = next_of(iterators[i]);
    if (!result->ob_item[i]) {
      track(result);
      Py_DECREF(object(result));
      return zip->strict ? check_lengths("zip", zip->iterators, i) : nullptr;
    }
  }
  track(result);
  return object(result);
}
PyObject* zip_reduce(ZipObject* self) {
  if (self->strict) return PyTuple_Pack(3, Py_TYPE(self), self->iterators, Py_True);
  return PyTuple_Pack(2, Py_TYPE(self), self->iterators);
}
METHOD_AS(zip_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Status zip_setstate(ZipObject* self, PyObject* state) {
  const int strict = TRY(PyObject_IsTrue(state));
  self->strict = strict;
  return Status::Ok;
}
METHOD_AS(zip_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");
PyMethodDef zip_methods[] = {zip_reduce_method, zip_setstate_method, {}};

}  // namespace
}  // namespace ks

using namespace ks;

#define ADAPTER_TYPE(TYPE, NAME, STRUCT, PREFIX, DOC)                                   \
  PyTypeObject TYPE = {                                                                 \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)                                 \
      .tp_name = NAME,                                                                  \
      .tp_basicsize = sizeof(STRUCT),                                                   \
      .tp_dealloc = PREFIX##_dealloc,                                                   \
      .tp_getattro = PyObject_GenericGetAttr,                                           \
      .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,        \
      .tp_doc = DOC,                                                                    \
      .tp_traverse = PREFIX##_traverse,                                                 \
      .tp_iter = PyObject_SelfIter,                                                     \
      .tp_iternext = PREFIX##_next,                                                     \
      .tp_methods = PREFIX##_methods,                                                   \
      .tp_alloc = PyType_GenericAlloc,                                                  \
      .tp_new = PREFIX##_new,                                                           \
      .tp_free = PyObject_GC_Del,                                                       \
      .tp_vectorcall = PREFIX##_vectorcall,                                             \
  }
ADAPTER_TYPE(PyEnum_Type, "enumerate", EnumerateObject, enumerate,
             "enumerate(iterable, start=0)\n--\n\nReturn an enumerate object.\n\n"
             "  iterable\n    an object supporting iteration\n\n"
             "The enumerate object yields pairs containing a count (from start, which\n"
             "defaults to zero) and a value yielded by the iterable argument.\n\n"
             "enumerate is useful for obtaining an indexed list:\n"
             "    (0, seq[0]), (1, seq[1]), (2, seq[2]), ...");
ADAPTER_TYPE(PyReversed_Type, "reversed", ReversedObject, reversed,
             "reversed(sequence, /)\n--\n\nReturn a reverse iterator over the values of the given sequence.");
ADAPTER_TYPE(PyFilter_Type, "filter", FilterObject, filter,
             "filter(function, iterable, /)\n--\n\n"
             "Return an iterator yielding those items of iterable for which function(item)\n"
             "is true. If function is None, return the items that are true.");
ADAPTER_TYPE(PyMap_Type, "map", MapObject, map,
             "map(function, iterable, /, *iterables, strict=False)\n--\n\n"
             "Make an iterator that computes the function using arguments from\n"
             "each of the iterables.  Stops when the shortest iterable is exhausted.\n\n"
             "If strict is true and one of the arguments is exhausted before the others,\n"
             "raise a ValueError.");
ADAPTER_TYPE(PyZip_Type, "zip", ZipObject, zip,
             "zip(*iterables, strict=False)\n--\n\n"
             "The zip object yields n-length tuples, where n is the number of iterables\n"
             "passed as positional arguments to zip().  The i-th element in every tuple\n"
             "comes from the i-th iterable argument to zip().  This continues until the\n"
             "shortest argument is exhausted.\n\n"
             "If strict is true and one of the arguments is exhausted before the others,\n"
             "raise a ValueError.\n\n"
             "   >>> list(zip('abcdefg', range(3), range(4)))\n"
             "   [('a', 0, 0), ('b', 1, 1), ('c', 2, 2)]");
