// _collections: deque (collections_deque.cpp), defaultdict, namedtuple's field descriptors, Counter's loop.
#include "modules/collections_deque.h"

namespace ks {
namespace {

// ---- defaultdict -----------------------------------------------------------------------------------------------------------------

struct DefaultDict {
  PyDictObject dict;
  PyObject* factory;
};
DefaultDict* as_default(PyObject* op) { return reinterpret_cast<DefaultDict*>(op); }

PyObject* defaultdict_missing(PyObject* op, PyObject* key) {
  PyObject* factory = as_default(op)->factory;
  if (!factory || factory == Py_None) {
    if (Ref<> argument = steal(PyTuple_Pack(1, key))) PyErr_SetObject(PyExc_KeyError, argument);
    return nullptr;
  }
  Ref<> value = steal(PyObject_CallNoArgs(factory));
  // The factory may have put a value there already: then that one stays.
  PyObject* result;
  if (!value || PyDict_SetDefaultRef(op, key, value, &result) < 0) return nullptr;
  return result;
}
METHOD_AS(defaultdict_missing, "__missing__", 0, "($self, object, /)",
          "__missing__(key) # Called by __getitem__ for missing key; pseudo-code:\n"
          "  if self.default_factory is None: raise KeyError((key,))\n"
          "  self[key] = value = self.default_factory()\n  return value");
PyObject* make_like(PyObject* op, PyObject* contents) {
  PyObject* factory = as_default(op)->factory;
  return PyObject_CallFunctionObjArgs(object(Py_TYPE(op)), factory ? factory : Py_None, contents, nullptr);
}
PyObject* defaultdict_copy(PyObject* op) { return make_like(op, op); }
METHOD(defaultdict, copy, "($self, /)", "D.copy() -> a shallow copy of D.");
PyObject* defaultdict_copy_dunder(PyObject* op) { return make_like(op, op); }
METHOD_AS(defaultdict_copy_dunder, "__copy__", 0, "($self, /)", "D.copy() -> a shallow copy of D.");
PyObject* defaultdict_reduce(PyObject* op) {
  PyObject* factory = as_default(op)->factory;
  Ref<> arguments = steal(!factory || factory == Py_None ? PyTuple_New(0) : PyTuple_Pack(1, factory));
  if (!arguments) return nullptr;
  Ref<> items = steal(PyObject_CallMethod(op, "items", nullptr));
  Ref<> iterator = items ? steal(PyObject_GetIter(items)) : Ref<>();
  return iterator ? PyTuple_Pack(5, Py_TYPE(op), arguments.get(), Py_None, Py_None, iterator.get()) : nullptr;
}
METHOD_AS(defaultdict_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
PyObject* defaultdict_repr(PyObject* op) {
  Ref<> contents = steal(PyDict_Type.tp_repr(op));
  if (!contents) return nullptr;
  PyObject* factory = as_default(op)->factory;
  Ref<> factory_text;
  if (!factory) {
    factory_text = steal(PyUnicode_FromString("None"));
  } else {
    const int entered = Py_ReprEnter(factory);
    if (entered < 0) return nullptr;
    factory_text = steal(entered ? PyUnicode_FromString("...") : PyObject_Repr(factory));
    if (!entered) Py_ReprLeave(factory);
  }
  Ref<> name = factory_text ? steal(PyType_GetName(Py_TYPE(op))) : Ref<>();
  return name ? PyUnicode_FromFormat("%U(%U, %U)", name.get(), factory_text.get(), contents.get()) : nullptr;
}
PyObject* defaultdict_or(PyObject* left, PyObject* right) {
  CollectionsState* state = collections_state(Py_TYPE(left));
  if (!state) {
    PyErr_Clear();
    state = collections_state(Py_TYPE(right));
    if (!state) return nullptr;
  }
  const bool left_is = PyObject_TypeCheck(left, state->defaultdict_type);
  PyObject *self = left_is ? left : right, *other = left_is ? right : left;
  if (!PyDict_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  Ref<> result = steal(make_like(self, left));
  if (!result || PyDict_Update(result, right) < 0) return nullptr;
  return result.release();
}
int defaultdict_init(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* factory = nullptr;
  Ref<> rest;
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count > 0) {
    factory = PyTuple_GET_ITEM(args, 0);
    if (factory != Py_None && !PyCallable_Check(factory)) return raise(PyExc_TypeError, "first argument must be callable or None");
  }
  rest = TRY(steal(PyTuple_GetSlice(args, count > 0 ? 1 : 0, count)));
  Ref<> old = steal(std::exchange(as_default(op)->factory, Py_XNewRef(factory)));
  return PyDict_Type.tp_init(op, rest, kwargs);
}
int defaultdict_traverse(PyObject* op, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(as_default(op)->factory);
  return PyDict_Type.tp_traverse(op, visit, arg);
}
int defaultdict_clear(PyObject* op) {
  Py_CLEAR(as_default(op)->factory);
  return PyDict_Type.tp_clear(op);
}
void defaultdict_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  Py_CLEAR(as_default(op)->factory);
  PyDict_Type.tp_dealloc(op);
  Py_DECREF(object(type));
}
PyMethodDef defaultdict_methods[] = {
    defaultdict_missing_method, defaultdict_copy_method, defaultdict_copy_dunder_method, defaultdict_reduce_method,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "__class_getitem__($type, object, /)\n--\n\nSee PEP 585"}, {}};
PyMemberDef defaultdict_members[] = {
    {"default_factory", _Py_T_OBJECT, offsetof(DefaultDict, factory), 0, "Factory for default value called by __missing__()."}, {}};
PyType_Slot defaultdict_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(defaultdict_dealloc)},
                                   {Py_tp_repr, reinterpret_cast<void*>(defaultdict_repr)},
                                   {Py_nb_or, reinterpret_cast<void*>(defaultdict_or)},
                                   {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                                   {Py_tp_doc, const_cast<char*>("defaultdict(default_factory=None, /, [...]) --> dict with default factory\n\n"
                                                                 "The default factory is called without arguments to produce\n"
                                                                 "a new value when a key is not present, in __getitem__ only.\n"
                                                                 "A defaultdict compares equal to a dict with the same items.\n"
                                                                 "All remaining arguments are treated the same as if they were\n"
                                                                 "passed to the dict constructor, including keyword arguments.")},
                                   {Py_tp_traverse, reinterpret_cast<void*>(defaultdict_traverse)},
                                   {Py_tp_clear, reinterpret_cast<void*>(defaultdict_clear)},
                                   {Py_tp_methods, defaultdict_methods},
                                   {Py_tp_members, defaultdict_members},
                                   {Py_tp_init, reinterpret_cast<void*>(defaultdict_init)},
                                   {Py_tp_alloc, reinterpret_cast<void*>(PyType_GenericAlloc)},
                                   {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},
                                   {0, nullptr}};
PyType_Spec defaultdict_spec = {"collections.defaultdict", sizeof(DefaultDict), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, defaultdict_slots};

// ---- namedtuple's fields ---------------------------------------------------------------------------------------------------------

struct TupleGetter {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* doc;
};
constexpr char tuplegetter_name[] = "_tuplegetter";
constexpr Signature tuplegetter_signature = read_signature(tuplegetter_name, "(index, doc, /)");
PyObject* tuplegetter_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  if (bind_tuple(tuplegetter_signature, args, kwargs, values) == Status::Error) return nullptr;
  Py_ssize_t index;
  if (!convert_ssize(values[0], &index)) return nullptr;
  auto* self = as<TupleGetter>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->index = index;
  self->doc = Py_NewRef(values[1]);
  return object(self);
}
PyObject* tuplegetter_get(PyObject* op, PyObject* instance, PyObject*) {
  if (!instance) return Py_NewRef(op);
  const Py_ssize_t index = as<TupleGetter>(op)->index;
  if (!PyTuple_Check(instance)) {
    if (instance == Py_None) return Py_NewRef(op);
    return raise(PyExc_TypeError, "descriptor for index '%zd' for tuple subclasses doesn't apply to '%s' object", index, Py_TYPE(instance)->tp_name);
  }
  if (index < 0 || index >= PyTuple_GET_SIZE(instance)) return raise(PyExc_IndexError, "tuple index out of range");
  return Py_NewRef(PyTuple_GET_ITEM(instance, index));
}
int tuplegetter_set(PyObject*, PyObject*, PyObject* value) {
  return raise(PyExc_AttributeError, value ? "can't set attribute" : "can't delete attribute");
}
int tuplegetter_traverse(PyObject* op, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(as<TupleGetter>(op)->doc);
  return 0;
}
int tuplegetter_clear(PyObject* op) {
  Py_CLEAR(as<TupleGetter>(op)->doc);
  return 0;
}
void tuplegetter_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  tuplegetter_clear(op);
  type->tp_free(op);
  Py_DECREF(object(type));
}
PyObject* tuplegetter_repr(PyObject* op) {
  Ref<> name = steal(PyType_GetName(Py_TYPE(op)));
  return name ? PyUnicode_FromFormat("%U(%zd, %R)", name.get(), as<TupleGetter>(op)->index, as<TupleGetter>(op)->doc) : nullptr;
}
PyObject* tuplegetter_reduce(TupleGetter* self) { return Py_BuildValue("O(nO)", Py_TYPE(self), self->index, self->doc); }
METHOD_AS(tuplegetter_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef tuplegetter_methods[] = {tuplegetter_reduce_method, {}};
PyMemberDef tuplegetter_members[] = {{"__doc__", _Py_T_OBJECT, offsetof(TupleGetter, doc), 0, nullptr}, {}};
PyType_Slot tuplegetter_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(tuplegetter_dealloc)},
                                   {Py_tp_traverse, reinterpret_cast<void*>(tuplegetter_traverse)},
                                   {Py_tp_clear, reinterpret_cast<void*>(tuplegetter_clear)},
                                   {Py_tp_repr, reinterpret_cast<void*>(tuplegetter_repr)},
                                   {Py_tp_descr_get, reinterpret_cast<void*>(tuplegetter_get)},
                                   {Py_tp_descr_set, reinterpret_cast<void*>(tuplegetter_set)},
                                   {Py_tp_methods, tuplegetter_methods},
                                   {Py_tp_members, tuplegetter_members},
                                   {Py_tp_new, reinterpret_cast<void*>(tuplegetter_new)},
                                   {0, nullptr}};
PyType_Spec tuplegetter_spec = {"collections._tuplegetter", sizeof(TupleGetter), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, tuplegetter_slots};

// ---- Counter's loop --------------------------------------------------------------------------------------------------------------

// Has the mapping's class dict's own method of this name?
int has_dict_method(PyObject* mapping, const char* name) {
  Ref<> own;
  const int there = PyObject_GetOptionalAttrString(object(Py_TYPE(mapping)), name, own.out());
  if (there <= 0) return there;
  Ref<> original = TRY(steal(PyObject_GetAttrString(object(&PyDict_Type), name)));
  return own.get() == original.get();
}
Status count_in_dict(PyObject* mapping, PyObject* iterator, PyObject* one) {
  while (Ref<> key = steal(PyIter_Next(iterator))) {
    if (PyObject_Hash(key) == -1) return failed;
    Ref<> old;
    if (PyDict_GetItemRef(mapping, key, old.out()) < 0) return failed;
    Ref<> count = old ? steal(PyNumber_Add(old, one)) : one ? borrow(one) : Ref<>();
    if (!count) return failed;
    TRY(PyDict_SetItem(mapping, key, count));
  }
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
Status collections_count_elements(PyObject*, PyObject* mapping, PyObject* iterable) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  Ref<> one = TRY(steal(PyLong_FromLong(1)));
  if (PyDict_Check(mapping) && TRY(has_dict_method(mapping, "get")) && TRY(has_dict_method(mapping, "__setitem__")))
    return count_in_dict(mapping, iterator, one);
  Ref<> get = TRY(steal(PyObject_GetAttrString(mapping, "get")));
  Ref<> zero = TRY(steal(PyLong_FromLong(0)));
  while (Ref<> key = steal(PyIter_Next(iterator))) {
    Ref<> old = TRY(steal(PyObject_CallFunctionObjArgs(get, key.get(), zero.get(), nullptr)));
    Ref<> count = TRY(steal(PyNumber_Add(old, one)));
    TRY(PyObject_SetItem(mapping, key, count));
  }
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
METHOD_AS(collections_count_elements, "_count_elements", 0, "($module, mapping, iterable, /)",
          "Count elements in the iterable, updating the mapping");

// ---- the module ------------------------------------------------------------------------------------------------------------------

int exec(PyObject* module) {
  auto* state = static_cast<CollectionsState*>(PyModule_GetState(module));
  struct {
    PyTypeObject** slot;
    PyType_Spec* spec;
    PyTypeObject* base;
  } types[] = {{&state->deque_type, &deque_spec, nullptr},
               {&state->defaultdict_type, &defaultdict_spec, &PyDict_Type},
               {&state->deque_iterator_type, &deque_iterator_spec, nullptr},
               {&state->deque_reverse_iterator_type, &deque_reverse_iterator_spec, nullptr},
               {&state->tuplegetter_type, &tuplegetter_spec, nullptr}};
  for (auto& type : types) {
    *type.slot = as<PyTypeObject>(PyType_FromModuleAndSpec(module, type.spec, object(type.base)));
    if (!*type.slot || PyModule_AddType(module, *type.slot) < 0) return -1;
  }
  return PyModule_AddType(module, &PyODict_Type);
}
int module_traverse(PyObject* module, visitproc visit, void* arg) {
  auto* state = static_cast<CollectionsState*>(PyModule_GetState(module));
  Py_VISIT(state->deque_type);
  Py_VISIT(state->defaultdict_type);
  Py_VISIT(state->deque_iterator_type);
  Py_VISIT(state->deque_reverse_iterator_type);
  Py_VISIT(state->tuplegetter_type);
  return 0;
}
int module_clear(PyObject* module) {
  auto* state = static_cast<CollectionsState*>(PyModule_GetState(module));
  Py_CLEAR(state->deque_type);
  Py_CLEAR(state->defaultdict_type);
  Py_CLEAR(state->deque_iterator_type);
  Py_CLEAR(state->deque_reverse_iterator_type);
  Py_CLEAR(state->tuplegetter_type);
  return 0;
}
PyMethodDef methods[] = {collections_count_elements_method, {}};
MODULE_SLOTS(slots, exec);

}  // namespace

PyModuleDef collections_module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_collections",
                                  .m_doc = "High performance data structures.\n- deque:        ordered collection accessible from endpoints only\n"
                                           "- defaultdict:  dict subclass with a default value factory",
                                  .m_size = sizeof(CollectionsState), .m_methods = methods, .m_slots = slots,
                                  .m_traverse = module_traverse, .m_clear = module_clear};

}  // namespace ks

PyMODINIT_FUNC PyInit__collections(void) { return PyModuleDef_Init(&ks::collections_module); }
