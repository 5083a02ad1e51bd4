// _functools: partial with placeholders, reduce, cmp_to_key, and lru_cache's wrapper.
#include <algorithm>

#include "modules/module.h"

namespace ks {
namespace {

struct FunctoolsState {
  PyTypeObject* partial_type;
  PyTypeObject* placeholder_type;
  PyTypeObject* key_type;
  PyTypeObject* cache_type;
  PyTypeObject* link_type;
  PyObject* placeholder;
  PyObject* keyword_mark;  // separates positional from keyword arguments in lru_cache's keys
};
extern PyModuleDef module;
FunctoolsState* state_of(PyObject* module) { return static_cast<FunctoolsState*>(PyModule_GetState(module)); }
FunctoolsState* state_of(PyTypeObject* type) {
  PyObject* owner = PyType_GetModuleByDef(type, &module);
  return owner ? state_of(owner) : nullptr;
}

void finish_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(object(type));
}

// ---- Placeholder -------------------------------------------------------------------------------------------------------------------

PyObject* placeholder_repr(PyObject*) { return PyUnicode_FromString("Placeholder"); }
PyObject* placeholder_reduce(PyObject*) { return PyUnicode_FromString("Placeholder"); }
METHOD_AS(placeholder_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef placeholder_methods[] = {placeholder_reduce_method, {}};
void placeholder_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  finish_dealloc(self);
}
PyObject* placeholder_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) || (kwargs && PyDict_GET_SIZE(kwargs))) return raise(PyExc_TypeError, "PlaceholderType takes no arguments");
  FunctoolsState* state = state_of(type);
  if (!state) return nullptr;
  if (!state->placeholder) {
    state->placeholder = PyType_GenericNew(type, nullptr, nullptr);
    if (!state->placeholder) return nullptr;
  }
  return Py_NewRef(state->placeholder);
}
int visit_type_only(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return 0;
}
PyType_Slot placeholder_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(placeholder_dealloc)},
                                   {Py_tp_repr, reinterpret_cast<void*>(placeholder_repr)},
                                   {Py_tp_doc, const_cast<char*>("The type of the Placeholder singleton.\n\nUsed as a placeholder for partial arguments.")},
                                   {Py_tp_methods, placeholder_methods},
                                   {Py_tp_new, reinterpret_cast<void*>(placeholder_new)},
                                   {Py_tp_traverse, reinterpret_cast<void*>(visit_type_only)},
                                   {0, nullptr}};
PyType_Spec placeholder_spec = {"functools._PlaceholderType", sizeof(PyObject), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC, placeholder_slots};

// ---- partial -----------------------------------------------------------------------------------------------------------------------

struct PartialObject {
  PyObject ob_base;
  PyObject* function;
  PyObject* arguments;  // exact tuple
  PyObject* keywords;   // exact dict
  PyObject* dict;
  PyObject* weak_references;
  PyObject* placeholder;        // borrowed from the module's state
  Py_ssize_t placeholder_count;
  vectorcallfunc vectorcall;
};
PyObject* partial_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames);
PyObject* partial_call(PyObject* self, PyObject* args, PyObject* kwargs);
Py_ssize_t count_of(PyObject* tuple, PyObject* value) {
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) count += PyTuple_GET_ITEM(tuple, i) == value;
  return count;
}
// The positional arguments of a partial with further ones: they first fill the placeholders.
Ref<> fill_in(PyObject* old, PyObject* placeholder, Py_ssize_t placeholders, PyObject* const* more, Py_ssize_t count) {
  const Py_ssize_t old_count = PyTuple_GET_SIZE(old);
  const Py_ssize_t filling = std::min(placeholders, count);
  Ref<> result = TRY(steal(PyTuple_New(old_count + count - filling)));
  Py_ssize_t used = 0;
  for (Py_ssize_t i = 0; i < old_count; ++i) {
    PyObject* value = PyTuple_GET_ITEM(old, i);
    if (value == placeholder && used < filling) value = more[used++];
    PyTuple_SET_ITEM(result.get(), i, Py_NewRef(value));
  }
  for (Py_ssize_t i = filling; i < count; ++i) PyTuple_SET_ITEM(result.get(), old_count + i - filling, Py_NewRef(more[i]));
  return result;
}
PyObject* partial_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args) - 1;
  if (count < 0) return raise(PyExc_TypeError, "type 'partial' takes at least one argument");
  FunctoolsState* state = state_of(type);
  if (!state) return nullptr;
  PyObject* function = PyTuple_GET_ITEM(args, 0);
  if (!PyCallable_Check(function)) return raise(PyExc_TypeError, "the first argument must be callable");
  PyObject* const* more = as<PyTupleObject>(args)->ob_item + 1;
  PyObject* placeholder = state->placeholder;
  if (count > 0 && more[count - 1] == placeholder) return raise(PyExc_TypeError, "trailing Placeholders are not allowed");
  if (kwargs) {
    Py_ssize_t position = 0;
    PyObject* value;
    while (PyDict_Next(kwargs, &position, nullptr, &value))
      if (value == placeholder) return raise(PyExc_TypeError, "Placeholder cannot be passed as a keyword argument");
  }
  // A partial of a partial without attributes of its own is one partial.
  PartialObject* inner = nullptr;
  // Whatever is called by partial_call has its layout.
  if (Py_TYPE(function)->tp_call == partial_call && !as<PartialObject>(function)->dict) {
    inner = as<PartialObject>(function);
    function = inner->function;
  }
  Ref<> arguments = inner ? fill_in(inner->arguments, placeholder, inner->placeholder_count, more, count)
                          : steal(PyTuple_GetSlice(args, 1, count + 1));
  if (!arguments) return nullptr;
  Ref<> keywords = steal(inner && PyDict_GET_SIZE(inner->keywords) ? PyDict_Copy(inner->keywords) : PyDict_New());
  if (!keywords || (kwargs && PyDict_Merge(keywords, kwargs, 1) < 0)) return nullptr;
  auto* self = as<PartialObject>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->function = Py_NewRef(function);
  self->placeholder = placeholder;
  self->placeholder_count = count_of(arguments, placeholder);
  self->arguments = arguments.release();
  self->keywords = keywords.release();
  self->vectorcall = partial_vectorcall;
  return object(self);
}
int partial_clear(PyObject* op) {
  auto* self = as<PartialObject>(op);
  Py_CLEAR(self->function);
  Py_CLEAR(self->arguments);
  Py_CLEAR(self->keywords);
  Py_CLEAR(self->dict);
  return 0;
}
int partial_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* self = as<PartialObject>(op);
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(self->function);
  Py_VISIT(self->arguments);
  Py_VISIT(self->keywords);
  Py_VISIT(self->dict);
  return 0;
}
void partial_dealloc(PyObject* op) {
  PyObject_GC_UnTrack(op);
  if (as<PartialObject>(op)->weak_references) PyObject_ClearWeakRefs(op);
  partial_clear(op);
  finish_dealloc(op);
}
bool enough(PartialObject* self, Py_ssize_t count) {
  if (count >= self->placeholder_count) return true;
  PyErr_Format(PyExc_TypeError, "missing positional arguments in 'partial' call; expected at least %zd, got %zd",
               self->placeholder_count, count);
  return false;
}
PyObject* partial_call(PyObject* op, PyObject* args, PyObject* kwargs) {
  auto* self = as<PartialObject>(op);
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (!enough(self, count)) return nullptr;
  Ref<> function = borrow(self->function);
  Ref<> keywords;
  if (PyDict_GET_SIZE(self->keywords) == 0) {
    keywords = kwargs ? borrow(kwargs) : Ref<>();
  } else {
    keywords = steal(PyDict_Copy(self->keywords));
    if (!keywords || (kwargs && PyDict_Merge(keywords, kwargs, 1) < 0)) return nullptr;
  }
  Ref<> arguments = fill_in(self->arguments, self->placeholder, self->placeholder_count, as<PyTupleObject>(args)->ob_item, count);
  return arguments ? PyObject_Call(function, arguments, keywords) : nullptr;
}
PyObject* partial_vectorcall(PyObject* op, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  auto* self = as<PartialObject>(op);
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (!enough(self, count)) return nullptr;
  const Py_ssize_t own_count = PyTuple_GET_SIZE(self->arguments);
  const Py_ssize_t own_keywords = PyDict_GET_SIZE(self->keywords);
  const Py_ssize_t new_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  const Py_ssize_t placeholders = self->placeholder_count;
  const Py_ssize_t positional = own_count + count - placeholders;
  const Py_ssize_t total = positional + own_keywords + new_keywords;
  Ref<> function = borrow(self->function), hold_arguments = borrow(self->arguments), hold_keywords = borrow(self->keywords);

  PyObject* few[10];
  PyObject** stack = few;
  if (total > 9) {
    stack = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(total + 1) * sizeof(PyObject*)));
    if (!stack) return PyErr_NoMemory();
  }
  stack[0] = nullptr;
  PyObject** out = stack + 1;
  Py_ssize_t used = 0;
  for (Py_ssize_t i = 0; i < own_count; ++i) {
    PyObject* value = PyTuple_GET_ITEM(self->arguments, i);
    *out++ = placeholders && value == self->placeholder ? args[used++] : value;
  }
  for (Py_ssize_t i = used; i < count; ++i) *out++ = args[i];
  Ref<> names;
  PyObject* result = nullptr;
  bool good = true;
  if (own_keywords == 0) {
    for (Py_ssize_t i = 0; i < new_keywords; ++i) *out++ = args[count + i];
    if (kwnames) names = borrow(kwnames);
  } else {
    // Own keywords first, with the values that the call gives; then those that only the call has.
    Ref<> list = steal(PyList_New(0));
    good = static_cast<bool>(list);
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (good && PyDict_Next(self->keywords, &position, &key, &value)) {
      for (Py_ssize_t i = 0; i < new_keywords; ++i) {
        PyObject* name = PyTuple_GET_ITEM(kwnames, i);
        if (name == key || PyUnicode_Compare(name, key) == 0) value = args[count + i];
      }
      *out++ = value;
      good = PyList_Append(list, key) == 0;
    }
    for (Py_ssize_t i = 0; good && i < new_keywords; ++i) {
      PyObject* name = PyTuple_GET_ITEM(kwnames, i);
      const int there = PyDict_Contains(self->keywords, name);
      good = there >= 0;
      if (there == 0) {
        *out++ = args[count + i];
        good = PyList_Append(list, name) == 0;
      }
    }
    if (good) {
      names = steal(PyList_AsTuple(list));
      good = static_cast<bool>(names);
    }
  }
  if (good) result = PyObject_Vectorcall(function, stack + 1, static_cast<size_t>(positional) | PY_VECTORCALL_ARGUMENTS_OFFSET, names.get());
  if (stack != few) PyMem_Free(stack);
  return result;
}
PyObject* partial_get(PyObject* self, PyObject* instance, PyObject*) {
  return !instance || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}
PyObject* partial_repr(PyObject* op) {
  auto* self = as<PartialObject>(op);
  Ref<> name = steal(PyType_GetFullyQualifiedName(Py_TYPE(op)));
  if (!name) return nullptr;
  const int entered = Py_ReprEnter(op);
  if (entered != 0) return entered > 0 ? PyUnicode_FromString("...") : nullptr;
  struct Leave {
    PyObject* op;
    ~Leave() { Py_ReprLeave(op); }
  } leave{op};
  // Reprs can run Python code that changes this object.
  Ref<> function = borrow(self->function), arguments = borrow(self->arguments), keywords = borrow(self->keywords);
  Ref<> text = steal(PyUnicode_FromFormat("%U(%R", name.get(), function.get()));
  for (Py_ssize_t i = 0; text && i < PyTuple_GET_SIZE(arguments.get()); ++i)
    text = steal(PyUnicode_FromFormat("%U, %R", text.get(), PyTuple_GET_ITEM(arguments.get(), i)));
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (text && PyDict_Next(keywords, &position, &key, &value)) {
    Ref<> hold_key = borrow(key), hold_value = borrow(value);
    text = steal(PyUnicode_FromFormat("%U, %S=%R", text.get(), key, value));
  }
  return text ? PyUnicode_FromFormat("%U)", text.get()) : nullptr;
}
PyObject* partial_reduce(PartialObject* self) {
  return Py_BuildValue("O(O)(OOOO)", Py_TYPE(self), self->function, self->function, self->arguments, self->keywords,
                       self->dict ? self->dict : Py_None);
}
METHOD_AS(partial_reduce, "__reduce__", 0, "($self, /)", "");
Status partial_setstate(PartialObject* self, PyObject* state) {
  if (!PyTuple_Check(state) || PyTuple_GET_SIZE(state) != 4) return raise(PyExc_TypeError, "invalid partial state");
  PyObject *function = PyTuple_GET_ITEM(state, 0), *arguments = PyTuple_GET_ITEM(state, 1);
  PyObject *keywords = PyTuple_GET_ITEM(state, 2), *dict = PyTuple_GET_ITEM(state, 3);
  if (!PyCallable_Check(function) || !PyTuple_Check(arguments) || (keywords != Py_None && !PyDict_Check(keywords)) ||
      (dict != Py_None && !PyDict_Check(dict)))
    return raise(PyExc_TypeError, "invalid partial state");
  const Py_ssize_t count = PyTuple_GET_SIZE(arguments);
  if (count && PyTuple_GET_ITEM(arguments, count - 1) == self->placeholder)
    return raise(PyExc_TypeError, "trailing Placeholders are not allowed");
  Ref<> new_arguments = TRY(PyTuple_CheckExact(arguments) ? borrow(arguments) : steal(PySequence_Tuple(arguments)));
  Ref<> new_keywords = keywords == Py_None ? steal(PyDict_New()) : PyDict_CheckExact(keywords) ? borrow(keywords) : steal(PyDict_Copy(keywords));
  if (!new_keywords) return failed;
  self->placeholder_count = count_of(new_arguments, self->placeholder);
  Py_SETREF(self->function, Py_NewRef(function));
  Py_SETREF(self->arguments, new_arguments.release());
  Py_SETREF(self->keywords, new_keywords.release());
  Py_XSETREF(self->dict, dict == Py_None ? nullptr : Py_NewRef(dict));
  return Status::Ok;
}
METHOD_AS(partial_setstate, "__setstate__", 0, "($self, object, /)", "");
PyMethodDef partial_methods[] = {
    partial_reduce_method, partial_setstate_method,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "__class_getitem__($type, object, /)\n--\n\nSee PEP 585"}, {}};
PyMemberDef partial_members[] = {
    {"func", Py_T_OBJECT_EX, offsetof(PartialObject, function), Py_READONLY, "function object to use in future partial calls"},
    {"args", Py_T_OBJECT_EX, offsetof(PartialObject, arguments), Py_READONLY, "tuple of arguments to future partial calls"},
    {"keywords", Py_T_OBJECT_EX, offsetof(PartialObject, keywords), Py_READONLY, "dictionary of keyword arguments to future partial calls"},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(PartialObject, weak_references), Py_READONLY, nullptr},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(PartialObject, dict), Py_READONLY, nullptr},
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(PartialObject, vectorcall), Py_READONLY, nullptr},
    {}};
PyGetSetDef dict_getset[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr}, {}};
PyType_Slot partial_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(partial_dealloc)},
                               {Py_tp_repr, reinterpret_cast<void*>(partial_repr)},
                               {Py_tp_call, reinterpret_cast<void*>(partial_call)},
                               {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                               {Py_tp_setattro, reinterpret_cast<void*>(PyObject_GenericSetAttr)},
                               {Py_tp_doc, const_cast<char*>("partial(func, /, *args, **keywords)\n--\n\n"
                                                             "Create a new function with partial application of the given arguments and keywords.")},
                               {Py_tp_traverse, reinterpret_cast<void*>(partial_traverse)},
                               {Py_tp_clear, reinterpret_cast<void*>(partial_clear)},
                               {Py_tp_methods, partial_methods},
                               {Py_tp_members, partial_members},
                               {Py_tp_getset, dict_getset},
                               {Py_tp_descr_get, reinterpret_cast<void*>(partial_get)},
                               {Py_tp_new, reinterpret_cast<void*>(partial_new)},
                               {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},
                               {0, nullptr}};
PyType_Spec partial_spec = {"functools.partial", sizeof(PartialObject), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
                            partial_slots};

// ---- cmp_to_key --------------------------------------------------------------------------------------------------------------------

struct KeyObject {
  PyObject ob_base;
  PyObject* compare;
  PyObject* value;  // nullptr in what cmp_to_key returns
};
int key_clear(PyObject* op) {
  Py_CLEAR(as<KeyObject>(op)->compare);
  Py_CLEAR(as<KeyObject>(op)->value);
  return 0;
}
int key_traverse(PyObject* op, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(as<KeyObject>(op)->compare);
  Py_VISIT(as<KeyObject>(op)->value);
  return 0;
}
void key_dealloc(PyObject* op) {
  PyObject_GC_UnTrack(op);
  key_clear(op);
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_Del(op);
  Py_DECREF(object(type));
}
PyObject* key_make(PyTypeObject* type, PyObject* compare, PyObject* value) {
  KeyObject* self = PyObject_GC_New(KeyObject, type);
  if (!self) return nullptr;
  self->compare = Py_NewRef(compare);
  self->value = Py_XNewRef(value);
  PyObject_GC_Track(self);
  return object(self);
}
constexpr char key_function_name[] = "K";
constexpr Signature key_signature = read_signature(key_function_name, "(obj)");
PyObject* key_call(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* value = nullptr;
  if (bind_tuple(key_signature, args, kwargs, &value) == Status::Error) return nullptr;
  return key_make(Py_TYPE(op), as<KeyObject>(op)->compare, value);
}
PyObject* key_richcompare(PyObject* op, PyObject* other, int operation) {
  if (!Py_IS_TYPE(other, Py_TYPE(op))) return raise(PyExc_TypeError, "other argument must be K instance");
  auto *self = as<KeyObject>(op), *that = as<KeyObject>(other);
  if (!self->value || !that->value) return raise(PyExc_AttributeError, "object");
  PyObject* stack[] = {nullptr, self->value, that->value};
  Ref<> result = steal(PyObject_Vectorcall(self->compare, stack + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  Ref<> zero = result ? steal(PyLong_FromLong(0)) : Ref<>();
  return zero ? PyObject_RichCompare(result, zero, operation) : nullptr;
}
PyMemberDef key_members[] = {{"obj", _Py_T_OBJECT, offsetof(KeyObject, value), 0, "Value wrapped by a key function."}, {}};
PyObject* key_text_signature(PyObject*, void*) { return PyUnicode_FromString("(obj)"); }
PyGetSetDef key_getset[] = {{"__text_signature__", key_text_signature, nullptr, nullptr, nullptr}, {}};
PyType_Slot key_slots[] = {{Py_tp_getset, key_getset},
                           {Py_tp_dealloc, reinterpret_cast<void*>(key_dealloc)},
                           {Py_tp_call, reinterpret_cast<void*>(key_call)},
                           {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                           {Py_tp_traverse, reinterpret_cast<void*>(key_traverse)},
                           {Py_tp_clear, reinterpret_cast<void*>(key_clear)},
                           {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
                           {Py_tp_richcompare, reinterpret_cast<void*>(key_richcompare)},
                           {Py_tp_members, key_members},
                           {0, nullptr}};
PyType_Spec key_spec = {"functools.KeyWrapper", sizeof(KeyObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, key_slots};
PyObject* functools_cmp_to_key(PyObject* module, PyObject* compare) { return key_make(state_of(module)->key_type, compare, nullptr); }
METHOD_AS(functools_cmp_to_key, "cmp_to_key", 0, "($module, /, mycmp)",
          "Convert a cmp= function into a key= function.\n\n  mycmp\n    Function that compares two objects.");

// ---- reduce ------------------------------------------------------------------------------------------------------------------------

PyObject* functools_reduce(PyObject*, PyObject* function, PyObject* iterable, PyObject* initial) {
  Ref<> iterator = steal(PyObject_GetIter(iterable));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) PyErr_SetString(PyExc_TypeError, "reduce() arg 2 must support iteration");
    return nullptr;
  }
  Ref<> result = initial ? borrow(initial) : Ref<>();
  while (Ref<> item = steal(PyIter_Next(iterator))) {
    if (!result) {
      result = std::move(item);
      continue;
    }
    PyObject* stack[] = {nullptr, result.get(), item.get()};
    result = steal(PyObject_Vectorcall(function, stack + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
    if (!result) return nullptr;
  }
  if (PyErr_Occurred()) return nullptr;
  if (!result) return raise(PyExc_TypeError, "reduce() of empty iterable with no initial value");
  return result.release();
}
METHOD_AS(functools_reduce, "reduce", 0, "($module, function, iterable, /, initial=<unrepresentable>)",
          "Apply a function of two arguments cumulatively to the items of an iterable, from left to right.\n\n"
          "This effectively reduces the iterable to a single value.  If initial is present,\n"
          "it is placed before the items of the iterable in the calculation, and serves as\na default when the iterable is empty.\n\n"
          "For example, reduce(lambda x, y: x+y, [1, 2, 3, 4, 5])\ncalculates ((((1 + 2) + 3) + 4) + 5).");

// ---- lru_cache ---------------------------------------------------------------------------------------------------------------------

// A remembered call; the list runs from the one used longest ago to the latest.
struct Link {
  PyObject ob_base;
  Link* previous;
  Link* next;  // both borrowed: the cache dict owns the links
  PyObject* key;
  PyObject* result;
};
struct CacheObject {
  PyObject ob_base;
  Link* first;
  Link* last;
  bool typed;
  bool bounded;
  Py_ssize_t maxsize;  // -1: without limit
  PyObject* function;
  PyObject* cache;  // key -> Link (bounded) or result
  Py_ssize_t hits;
  Py_ssize_t misses;
  PyObject* keyword_mark;
  PyTypeObject* link_type;
  PyObject* info_type;
  PyObject* dict;
  PyObject* weak_references;
  vectorcallfunc vectorcall;
};
int link_traverse(PyObject* op, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(as<Link>(op)->key);
  Py_VISIT(as<Link>(op)->result);
  return 0;
}
int link_clear(PyObject* op) {
  Py_CLEAR(as<Link>(op)->key);
  Py_CLEAR(as<Link>(op)->result);
  return 0;
}
void link_dealloc(PyObject* op) {
  PyObject_GC_UnTrack(op);
  link_clear(op);
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_Del(op);
  Py_DECREF(object(type));
}
PyType_Slot link_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(link_dealloc)},
                            {Py_tp_traverse, reinterpret_cast<void*>(link_traverse)},
                            {Py_tp_clear, reinterpret_cast<void*>(link_clear)},
                            {0, nullptr}};
PyType_Spec link_spec = {"functools._lru_list_elem", sizeof(Link), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC, link_slots};

void unlink(CacheObject* self, Link* link) {
  (link->previous ? link->previous->next : self->first) = link->next;
  (link->next ? link->next->previous : self->last) = link->previous;
  link->previous = link->next = nullptr;
}
void append(CacheObject* self, Link* link) {
  link->previous = self->last;
  link->next = nullptr;
  (self->last ? self->last->next : self->first) = link;
  self->last = link;
}
// One argument that is an exact str or int is its own key; all else is a tuple.
Ref<> make_key(CacheObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const Py_ssize_t nkeywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  if (!self->typed && !nkeywords && nargs == 1 && (PyUnicode_CheckExact(args[0]) || PyLong_CheckExact(args[0]))) return borrow(args[0]);
  Py_ssize_t size = nargs;
  if (nkeywords) size += nkeywords * 2 + 1;
  if (self->typed) size += nargs + nkeywords;
  Ref<> key = TRY(steal(PyTuple_New(size)));
  Py_ssize_t n = 0;
  auto put = [&](PyObject* value) { PyTuple_SET_ITEM(key.get(), n++, Py_NewRef(value)); };
  for (Py_ssize_t i = 0; i < nargs; ++i) put(args[i]);
  if (nkeywords) {
    put(self->keyword_mark);
    for (Py_ssize_t i = 0; i < nkeywords; ++i) {
      put(PyTuple_GET_ITEM(kwnames, i));
      put(args[nargs + i]);
    }
  }
  if (self->typed)
    for (Py_ssize_t i = 0; i < nargs + nkeywords; ++i) put(object(Py_TYPE(args[i])));
  return key;
}
PyObject* call_unbounded(CacheObject* self, PyObject* key, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  PyObject* found;
  if (PyDict_GetItemRef(self->cache, key, &found) < 0) return nullptr;
  if (found) {
    ++self->hits;
    return found;
  }
  ++self->misses;
  Ref<> result = steal(PyObject_Vectorcall(self->function, args, nargsf, kwnames));
  if (!result || PyDict_SetItem(self->cache, key, result) < 0) return nullptr;
  return result.release();
}
PyObject* call_bounded(CacheObject* self, PyObject* key, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  Ref<> found;
  if (PyDict_GetItemRef(self->cache, key, found.out()) < 0) return nullptr;
  if (found) {
    auto* link = as<Link>(found.get());
    if (link != self->last) {
      unlink(self, link);
      append(self, link);
    }
    ++self->hits;
    return Py_NewRef(link->result);
  }
  ++self->misses;
  Ref<> result = steal(PyObject_Vectorcall(self->function, args, nargsf, kwnames));
  if (!result) return nullptr;
  // The call may have come here itself and remembered this very key.
  if (PyDict_GetItemRef(self->cache, key, found.out()) < 0) return nullptr;
  if (found) return result.release();
  Link* link;
  Ref<> owner, old_key, old_result;
  if (PyDict_GET_SIZE(self->cache) < self->maxsize || !self->first) {
    link = PyObject_GC_New(Link, self->link_type);
    if (!link) return nullptr;
    link->previous = link->next = nullptr;
    link->key = Py_NewRef(key);
    link->result = result.share().release();
    PyObject_GC_Track(link);
    owner = steal(object(link));
  } else {
    // The cache is full: the oldest link is used again.
    link = self->first;
    unlink(self, link);
    PyObject* popped;
    const int there = PyDict_Pop(self->cache, link->key, &popped);
    if (there < 0) {
      append(self, link);
      return nullptr;
    }
    if (!there) return result.release();  // somebody else removed it meanwhile
    owner = steal(popped);
    old_key = steal(link->key);
    old_result = steal(link->result);
    link->key = Py_NewRef(key);
    link->result = result.share().release();
  }
  if (PyDict_SetItem(self->cache, key, owner) < 0) return nullptr;
  append(self, link);
  return result.release();
}
PyObject* cache_vectorcall(PyObject* op, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  auto* self = as<CacheObject>(op);
  if (self->maxsize == 0) {
    ++self->misses;
    return PyObject_Vectorcall(self->function, args, nargsf, kwnames);
  }
  Ref<> key = make_key(self, args, PyVectorcall_NARGS(nargsf), kwnames);
  if (!key || PyObject_Hash(key) == -1) return nullptr;
  return self->bounded ? call_bounded(self, key, args, nargsf, kwnames) : call_unbounded(self, key, args, nargsf, kwnames);
}
constexpr char lru_cache_name[] = "lru_cache";
constexpr Signature lru_cache_signature = read_signature(lru_cache_name, "(user_function, maxsize, typed, cache_info_type)");
PyObject* cache_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[4] = {};
  if (bind_tuple(lru_cache_signature, args, kwargs, values) == Status::Error) return nullptr;
  if (!PyCallable_Check(values[0])) return raise(PyExc_TypeError, "the first argument must be callable");
  FunctoolsState* state = state_of(type);
  if (!state) return nullptr;
  Py_ssize_t maxsize = -1;
  if (values[1] != Py_None) {
    if (!PyIndex_Check(values[1])) return raise(PyExc_TypeError, "maxsize should be integer or None");
    maxsize = PyNumber_AsSsize_t(values[1], PyExc_OverflowError);
    if (maxsize == -1 && PyErr_Occurred()) return nullptr;
    if (maxsize < 0) maxsize = 0;
  }
  const int typed = PyObject_IsTrue(values[2]);
  if (typed < 0) return nullptr;
  Ref<> cache = steal(PyDict_New());
  if (!cache) return nullptr;
  auto* self = as<CacheObject>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->typed = typed;
  self->bounded = maxsize > 0;
  self->maxsize = maxsize;
  self->function = Py_NewRef(values[0]);
  self->cache = cache.release();
  self->keyword_mark = Py_NewRef(state->keyword_mark);
  self->link_type = as<PyTypeObject>(Py_NewRef(object(state->link_type)));
  self->info_type = Py_NewRef(values[3]);
  self->vectorcall = cache_vectorcall;
  return object(self);
}
// Forgets the order; the links die with the dict.
void forget_links(CacheObject* self) { self->first = self->last = nullptr; }
int cache_tp_clear(PyObject* op) {
  auto* self = as<CacheObject>(op);
  forget_links(self);
  Py_CLEAR(self->cache);
  Py_CLEAR(self->function);
  Py_CLEAR(self->keyword_mark);
  Py_CLEAR(self->link_type);
  Py_CLEAR(self->info_type);
  Py_CLEAR(self->dict);
  return 0;
}
int cache_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* self = as<CacheObject>(op);
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(self->cache);
  Py_VISIT(self->function);
  Py_VISIT(self->keyword_mark);
  Py_VISIT(self->link_type);
  Py_VISIT(self->info_type);
  Py_VISIT(self->dict);
  return 0;
}
void cache_dealloc(PyObject* op) {
  PyObject_GC_UnTrack(op);
  if (as<CacheObject>(op)->weak_references) PyObject_ClearWeakRefs(op);
  cache_tp_clear(op);
  finish_dealloc(op);
}
PyObject* cache_get(PyObject* self, PyObject* instance, PyObject*) {
  return !instance || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}
PyObject* cache_info(CacheObject* self) {
  if (self->maxsize == -1)
    return PyObject_CallFunction(self->info_type, "nnOn", self->hits, self->misses, Py_None, PyDict_GET_SIZE(self->cache));
  return PyObject_CallFunction(self->info_type, "nnnn", self->hits, self->misses, self->maxsize, PyDict_GET_SIZE(self->cache));
}
METHOD_AS(cache_info, "cache_info", 0, "($self, /)", "Report cache statistics");
void cache_clear(CacheObject* self) {
  self->hits = self->misses = 0;
  forget_links(self);
  PyDict_Clear(self->cache);
}
METHOD_AS(cache_clear, "cache_clear", 0, "($self, /)", "Clear the cache and cache statistics");
PyObject* cache_reduce(PyObject* self) { return PyObject_GetAttrString(self, "__qualname__"); }
METHOD_AS(cache_reduce, "__reduce__", 0, "($self, /)", "");
PyObject* cache_copy(PyObject* self, PyObject*) { return Py_NewRef(self); }
PyMethodDef cache_methods[] = {cache_info_method,
                               cache_clear_method,
                               cache_reduce_method,
                               {"__copy__", cache_copy, METH_VARARGS, nullptr},
                               {"__deepcopy__", cache_copy, METH_VARARGS, nullptr},
                               {}};
PyMemberDef cache_members[] = {{"__dictoffset__", Py_T_PYSSIZET, offsetof(CacheObject, dict), Py_READONLY, nullptr},
                               {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(CacheObject, weak_references), Py_READONLY, nullptr},
                               {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(CacheObject, vectorcall), Py_READONLY, nullptr},
                               {}};
PyType_Slot cache_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(cache_dealloc)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_doc, const_cast<char*>("Create a cached callable that wraps another function.\n\nuser_function:      the function being cached\n\n"
                                  "maxsize:  0         for no caching\n          None      for unlimited cache size\n"
                                  "          n         for a bounded cache\n\n"
                                  "typed:    False     cache f(3) and f(3.0) as identical calls\n"
                                  "          True      cache f(3) and f(3.0) as distinct calls\n\n"
                                  "cache_info_type:    namedtuple class with the fields:\n                        hits misses currsize maxsize\n")},
    {Py_tp_traverse, reinterpret_cast<void*>(cache_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(cache_tp_clear)},
    {Py_tp_methods, cache_methods},
    {Py_tp_members, cache_members},
    {Py_tp_getset, dict_getset},
    {Py_tp_descr_get, reinterpret_cast<void*>(cache_get)},
    {Py_tp_new, reinterpret_cast<void*>(cache_new)},
    {0, nullptr}};
PyType_Spec cache_spec = {"functools._lru_cache_wrapper", sizeof(CacheObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_METHOD_DESCRIPTOR |
                              Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
                          cache_slots};

// ---- the module --------------------------------------------------------------------------------------------------------------------

int exec(PyObject* module) {
  FunctoolsState* state = state_of(module);
  auto make = [&](PyType_Spec* spec) { return as<PyTypeObject>(PyType_FromModuleAndSpec(module, spec, nullptr)); };
  state->keyword_mark = PyObject_CallNoArgs(object(&PyBaseObject_Type));
  if (!state->keyword_mark) return -1;
  state->placeholder_type = make(&placeholder_spec);
  if (!state->placeholder_type || PyModule_AddType(module, state->placeholder_type) < 0) return -1;
  Ref<> placeholder = TRY(steal(PyObject_CallNoArgs(object(state->placeholder_type))));
  TRY(PyModule_AddObjectRef(module, "Placeholder", placeholder));
  state->partial_type = make(&partial_spec);
  if (!state->partial_type || PyModule_AddType(module, state->partial_type) < 0) return -1;
  state->cache_type = make(&cache_spec);
  if (!state->cache_type || PyModule_AddType(module, state->cache_type) < 0) return -1;
  state->key_type = make(&key_spec);
  state->link_type = make(&link_spec);
  return state->key_type && state->link_type ? 0 : -1;
}
int module_traverse(PyObject* module, visitproc visit, void* arg) {
  FunctoolsState* state = state_of(module);
  Py_VISIT(state->partial_type);
  Py_VISIT(state->placeholder_type);
  Py_VISIT(state->key_type);
  Py_VISIT(state->cache_type);
  Py_VISIT(state->link_type);
  Py_VISIT(state->placeholder);
  Py_VISIT(state->keyword_mark);
  return 0;
}
int module_clear(PyObject* module) {
  FunctoolsState* state = state_of(module);
  Py_CLEAR(state->partial_type);
  Py_CLEAR(state->placeholder_type);
  Py_CLEAR(state->key_type);
  Py_CLEAR(state->cache_type);
  Py_CLEAR(state->link_type);
  Py_CLEAR(state->placeholder);
  Py_CLEAR(state->keyword_mark);
  return 0;
}
PyMethodDef methods[] = {functools_reduce_method, functools_cmp_to_key_method, {}};
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_functools", .m_doc = "Tools that operate on functions.",
                      .m_size = sizeof(FunctoolsState), .m_methods = methods, .m_slots = slots,
                      .m_traverse = module_traverse, .m_clear = module_clear};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__functools(void) { return PyModuleDef_Init(&ks::module); }
