// What itertools' files share: types from their structs, and the list of their specs.
//
// No tp_clear: an iterator that lost its members could still be called. The cycles that they lie on break elsewhere.
// An iterator is a struct with a member template `references(f)` that calls f on each owned reference (PyObject*&).
#pragma once

#include "modules/module.h"

extern "C" int _PyArg_CheckPositional(const char* name, Py_ssize_t nargs, Py_ssize_t min, Py_ssize_t max);

namespace ks::itertools {

struct State {
  PyTypeObject* groupby_type;
  PyTypeObject* grouper_type;
  PyTypeObject* tee_type;
  PyTypeObject* tee_data_type;
};
extern PyModuleDef module;
inline State* state_of(PyTypeObject* type) {
  PyObject* owner = PyType_GetModuleByDef(type, &module);
  return owner ? static_cast<State*>(PyModule_GetState(owner)) : nullptr;
}

template <class T>
int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  int result = 0;
  as<T>(self)->references([&](PyObject*& reference) {
    if (!result && reference) result = visit(reference, arg);
  });
  return result;
}
template <class T>
int clear(PyObject* self) {
  as<T>(self)->references([](PyObject*& reference) { Py_CLEAR(reference); });
  return 0;
}
template <class T>
void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear<T>(self);
  if constexpr (requires(T* object) { object->free_memory(); }) as<T>(self)->free_memory();
  type->tp_free(self);
  Py_DECREF(object(type));
}
template <class T>
T* make(PyTypeObject* type) {
  return as<T>(type->tp_alloc(type, 0));
}

inline PyObject* next_of(PyObject* iterator) { return Py_TYPE(iterator)->tp_iternext(iterator); }
inline PyObject* call_one(PyObject* function, PyObject* argument) {
  PyObject* stack[] = {nullptr, argument};
  return PyObject_Vectorcall(function, stack + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}
inline PyObject* call_two(PyObject* function, PyObject* first, PyObject* second) {
  PyObject* stack[] = {nullptr, first, second};
  return PyObject_Vectorcall(function, stack + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

// Keywords go to a subclass's own __init__, if it has one; the types themselves take none.
inline bool no_keywords(const char* name, PyTypeObject* type, PyObject* kwargs) {
  if (!kwargs || PyDict_GET_SIZE(kwargs) == 0 || type->tp_init != PyBaseObject_Type.tp_init) return true;
  PyErr_Format(PyExc_TypeError, "%s() takes no keyword arguments", name);
  return false;
}
inline bool positional(const char* name, PyTypeObject* type, PyObject* args, PyObject* kwargs, Py_ssize_t min, Py_ssize_t max) {
  return no_keywords(name, type, kwargs) && _PyArg_CheckPositional(name, PyTuple_GET_SIZE(args), min, max);
}

// A tuple that an iterator gives out again when nobody else holds it: the place to write the next result into.
inline PyObject** reusable_items(PyObject*& result) {
  auto* tuple = as<PyTupleObject>(result);
  if (Py_REFCNT(result) > 1) {
    const Py_ssize_t size = PyTuple_GET_SIZE(result);
    PyObject* copy = PyTuple_New(size);
    if (!copy) return nullptr;
    for (Py_ssize_t i = 0; i < size; ++i) PyTuple_SET_ITEM(copy, i, Py_NewRef(tuple->ob_item[i]));
    Py_SETREF(result, copy);
    tuple = as<PyTupleObject>(copy);
  } else if (PyTuple_GET_SIZE(result) > 0 && !PyObject_GC_IsTracked(result)) {
    PyObject_GC_Track(result);
  }
  tuple->ob_hash = -1;
  return tuple->ob_item;
}
inline void replace(PyObject*& place, PyObject* value) {
  PyObject* old = place;
  place = Py_NewRef(value);
  Py_XDECREF(old);
}

}  // namespace ks::itertools

// The spec of a type whose struct is STRUCT and whose functions are PREFIX_new, PREFIX_next; more slots may follow.
#define ITERTOOLS_TYPE(PREFIX, NAME, STRUCT, DOC, ...)                                              \
  static PyType_Slot PREFIX##_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc<STRUCT>)}, \
                                         {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)}, \
                                         {Py_tp_doc, const_cast<char*>(DOC)},                       \
                                         {Py_tp_traverse, reinterpret_cast<void*>(traverse<STRUCT>)}, \
                                         {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},  \
                                         {Py_tp_iternext, reinterpret_cast<void*>(PREFIX##_next)},  \
                                         {Py_tp_new, reinterpret_cast<void*>(PREFIX##_new)},        \
                                         {Py_tp_alloc, reinterpret_cast<void*>(PyType_GenericAlloc)}, \
                                         {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},    \
                                         __VA_ARGS__{0, nullptr}};                                  \
  PyType_Spec PREFIX##_spec = {"itertools." NAME, sizeof(STRUCT), 0,                                \
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE, PREFIX##_slots}

namespace ks::itertools {
#define SPEC(PREFIX) extern PyType_Spec PREFIX##_spec;
SPEC(accumulate) SPEC(batched) SPEC(chain) SPEC(combinations) SPEC(compress) SPEC(count) SPEC(combinations_with_replacement) SPEC(cycle)
SPEC(dropwhile) SPEC(filterfalse) SPEC(groupby) SPEC(grouper) SPEC(islice) SPEC(pairwise) SPEC(permutations) SPEC(product) SPEC(repeat)
SPEC(starmap) SPEC(takewhile) SPEC(tee) SPEC(tee_data) SPEC(zip_longest)
#undef SPEC
}  // namespace ks::itertools
