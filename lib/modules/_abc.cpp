// _abc: abstract base classes. Each has a registry and two caches of classes, all by weak reference.
//
// register() on any class raises the interpreter's counter; a negative cache made under an older count is thrown away.
#include "modules/module.h"
#include "object/attribute.h"
#include "object/call.h"
#include "object/type.h"
#include "runtime/state.h"

extern "C" PyTypeObject AbcData_Type;

namespace ks {
namespace {

struct AbcData {
  PyObject_HEAD
  PyObject* registry;        // sets of weak references, nullptr while empty
  PyObject* cache;
  PyObject* negative_cache;
  uint64_t negative_cache_version;
};

void data_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(as<AbcData>(self)->registry);
  Py_XDECREF(as<AbcData>(self)->cache);
  Py_XDECREF(as<AbcData>(self)->negative_cache);
  Py_TYPE(self)->tp_free(self);
}
int data_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<AbcData>(self)->registry);
  Py_VISIT(as<AbcData>(self)->cache);
  Py_VISIT(as<AbcData>(self)->negative_cache);
  return 0;
}
int data_clear(PyObject* self) {
  Py_CLEAR(as<AbcData>(self)->registry);
  Py_CLEAR(as<AbcData>(self)->cache);
  Py_CLEAR(as<AbcData>(self)->negative_cache);
  return 0;
}

uint64_t& counter() { return interpreter()->object.types.abc_invalidation_counter; }

Ref<AbcData> data_of(PyObject* self) {
  Ref<> data = TRY(get_attribute(self, "_abc_impl"_id));
  if (!Py_IS_TYPE(data, &AbcData_Type)) return raise(PyExc_TypeError, "_abc_impl is set to a wrong type");
  return steal(as<AbcData>(data.release()));
}

// ---- sets of weak references ------------------------------------------------------------------------------------------------------

Found in_weak_set(PyObject* set, PyObject* obj) {
  if (!set || PySet_GET_SIZE(set) == 0) return Found::No;
  Ref<> reference = steal(PyWeakref_NewRef(obj, nullptr));
  if (!reference) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return failed;
    PyErr_Clear();
    return Found::No;
  }
  return found(PySet_Contains(set, reference));
}

// Called when a class in a set has died; `self` is a weak reference to the set.
PyObject* forget(PyObject* self, PyObject* reference) {
  Ref<> set;
  if (PyWeakref_GetRef(self, set.out()) < 0) return nullptr;
  if (set && PySet_Discard(set, reference) < 0) return nullptr;
  return Py_NewRef(Py_None);
}
PyMethodDef forget_definition = {"_destroy", forget, METH_O, nullptr};

Status add_to_weak_set(PyObject** set, PyObject* obj) {
  if (!*set) *set = TRY(PySet_New(nullptr));
  Ref<> set_reference = TRY(steal(PyWeakref_NewRef(*set, nullptr)));
  Ref<> callback = TRY(steal(PyCFunction_NewEx(&forget_definition, set_reference, nullptr)));
  Ref<> reference = TRY(steal(PyWeakref_NewRef(obj, callback)));
  return status(PySet_Add(*set, reference));
}

// ---- abstract methods ----------------------------------------------------------------------------------------------------------------

Found is_abstract(PyObject* value) {
  Ref<> mark;
  if (!TRY(get_optional_attribute(value, "__isabstractmethod__"_id, &mark))) return Found::No;
  return found(PyObject_IsTrue(mark));
}

Status compute_abstract_methods(PyObject* self) {
  Ref<> abstract = TRY(steal(PyFrozenSet_New(nullptr)));
  Ref<> names = TRY(steal(PySet_New(nullptr)));
  Ref<> dict = TRY(get_attribute(self, "__dict__"_id));
  Ref<> items = TRY(steal(PyMapping_Items(dict)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    Ref<> pair = TRY(steal(PySequence_Fast(PyList_GET_ITEM(items.get(), i), "items() returned item which size is not 2")));
    if (PySequence_Fast_GET_SIZE(pair.get()) != 2)
      return raise(PyExc_TypeError, "items() returned item which size is not 2");
    if (TRY(is_abstract(PySequence_Fast_GET_ITEM(pair.get(), 1)))) TRY(PySet_Add(names, PySequence_Fast_GET_ITEM(pair.get(), 0)));
  }
  // Inherited ones that are still abstract here.
  Ref<> bases = TRY(get_attribute(self, "__bases__"_id));
  if (!PyTuple_Check(bases)) return raise(PyExc_TypeError, "__bases__ is not tuple");
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases.get()); ++i) {
    Ref<> inherited;
    if (!TRY(get_optional_attribute(PyTuple_GET_ITEM(bases.get(), i), "__abstractmethods__"_id, &inherited))) continue;
    Ref<> iterator = TRY(steal(PyObject_GetIter(inherited)));
    for (;;) {
      Ref<> name, value;
      const int more = PyIter_NextItem(iterator, name.out());
      if (more < 0) return failed;
      if (!more) break;
      if (!TRY(get_optional_attribute(self, name, &value))) continue;
      if (TRY(is_abstract(value))) TRY(PySet_Add(names, name));
    }
  }
  abstract = TRY(steal(PyFrozenSet_New(names)));
  return set_attribute(self, "__abstractmethods__"_id, abstract);
}

constexpr unsigned long kCollection = Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_MAPPING;

Status abc__abc_init(PyObject*, PyObject* self) {
  TRY(compute_abstract_methods(self));
  Ref<> data = TRY(steal(AbcData_Type.tp_alloc(&AbcData_Type, 0)));
  as<AbcData>(data.get())->negative_cache_version = counter();
  TRY(set_attribute(self, "_abc_impl"_id, data));
  if (!PyType_Check(self)) return Status::Ok;
  // What `case` patterns match, said by the class body.
  auto* type = as<PyTypeObject>(self);
  Ref<> flags;
  const int given = PyDict_Pop(type_dict(type), "__abc_tpflags__"_id, flags.out());
  if (given <= 0) return given < 0 ? Status::Error : Status::Ok;
  type_modified(type);
  if (!PyLong_CheckExact(flags)) return Status::Ok;
  const long value = PyLong_AsLong(flags);
  if (value == -1 && PyErr_Occurred()) return failed;
  const unsigned long wanted = static_cast<unsigned long>(value) & kCollection;
  if (wanted == kCollection) return raise(PyExc_TypeError, "__abc_tpflags__ cannot be both Py_TPFLAGS_SEQUENCE and Py_TPFLAGS_MAPPING");
  type->tp_flags |= wanted;
  return Status::Ok;
}
METHOD(abc, _abc_init, "($module, self, /)", "Internal ABC helper for class set-up. Should be never used outside abc module.");

void set_collection_flag(PyTypeObject* type, unsigned long flag) {
  if (type_has(type, Py_TPFLAGS_IMMUTABLETYPE) || (type->tp_flags & kCollection) == flag) return;
  type->tp_flags = (type->tp_flags & ~kCollection) | flag;
  PyType_Modified(type);
  PyObject* subclasses = type_subclasses(type);
  Py_ssize_t position = 0;
  PyObject* reference;
  while (subclasses && PyDict_Next(subclasses, &position, nullptr, &reference)) {
    Ref<> subclass;
    if (PyWeakref_GetRef(reference, subclass.out()) > 0) set_collection_flag(as<PyTypeObject>(subclass.get()), flag);
  }
}

Ref<> abc__abc_register(PyObject*, PyObject* self, PyObject* subclass) {
  if (!PyType_Check(subclass)) return raise(PyExc_TypeError, "Can only register classes");
  const int already = PyObject_IsSubclass(subclass, self);
  if (already != 0) return already < 0 ? nullptr : borrow(subclass);
  const int cycle = PyObject_IsSubclass(self, subclass);
  if (cycle < 0) return nullptr;
  if (cycle) return raise(PyExc_RuntimeError, "Refusing to create an inheritance cycle");
  auto data = TRY(data_of(self));
  TRY(add_to_weak_set(&data->registry, subclass));
  ++counter();
  if (PyType_Check(self)) {
    const unsigned long flag = as<PyTypeObject>(self)->tp_flags & kCollection;
    if (flag) set_collection_flag(as<PyTypeObject>(subclass), flag);
  }
  return borrow(subclass);
}
METHOD(abc, _abc_register, "($module, self, subclass, /)",
       "Internal ABC helper for subclasss registration. Should be never used outside abc module.");

// ---- checks --------------------------------------------------------------------------------------------------------------------------

Ref<> ask(PyObject* self, PyObject* cls) { return steal(call_method(self, "__subclasscheck__"_id, cls)); }

Ref<> abc__abc_instancecheck(PyObject*, PyObject* self, PyObject* instance) {
  auto data = TRY(data_of(self));
  // Held: a check may give the instance another class.
  Ref<> type = borrow(object(Py_TYPE(instance)));
  Ref<> cls;
  if (!TRY(get_optional_attribute(instance, "__class__"_id, &cls))) cls = type.share();
  if (TRY(in_weak_set(data->cache, cls))) return borrow(Py_True);
  if (type.get() == cls.get()) {
    if (data->negative_cache_version == counter() && TRY(in_weak_set(data->negative_cache, cls))) return borrow(Py_False);
    return ask(self, cls);
  }
  Ref<> result = TRY(ask(self, cls));
  const int truth = PyObject_IsTrue(result);
  if (truth < 0) return nullptr;
  return truth ? std::move(result) : ask(self, type);
}
METHOD(abc, _abc_instancecheck, "($module, self, instance, /)",
       "Internal ABC helper for instance checks. Should be never used outside abc module.");

// Yes, when a class in the registry is a base of `subclass`.
Found check_registry(AbcData* data, PyObject* subclass) {
  if (!data->registry) return Found::No;
  // A copy: the checks may change the set.
  Ref<> references = TRY(steal(PySequence_List(data->registry)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(references.get()); ++i) {
    Ref<> registered;
    if (PyWeakref_GetRef(PyList_GET_ITEM(references.get(), i), registered.out()) < 0) return failed;
    if (!registered) continue;
    const int derived = PyObject_IsSubclass(subclass, registered);
    if (derived != 0) return found(derived);
  }
  return Found::No;
}

Found check_slowly(PyObject* self, AbcData* data, PyObject* subclass, bool* cache) {
  Ref<> hook = TRY(steal(call_method(self, "__subclasshook__"_id, subclass)));
  if (hook.get() == Py_True) return Found::Yes;
  if (hook.get() == Py_False) return Found::No;
  if (hook.get() != Py_NotImplemented)
    return raise(PyExc_AssertionError, "__subclasshook__ must return either False, True, or NotImplemented");
  if (is_subtype(as<PyTypeObject>(subclass), as<PyTypeObject>(self))) return Found::Yes;
  if (TRY(in_weak_set(data->registry, subclass))) {
    // As quickly found the next time.
    *cache = false;
    return Found::Yes;
  }
  if (TRY(check_registry(data, subclass))) return Found::Yes;
  Ref<> subclasses = TRY(steal(call_method(self, "__subclasses__"_id)));
  if (!PyList_Check(subclasses)) return raise(PyExc_TypeError, "__subclasses__() must return a list");
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses.get()); ++i) {
    Ref<> each = borrow(PyList_GET_ITEM(subclasses.get(), i));
    const int derived = PyObject_IsSubclass(subclass, each);
    if (derived != 0) return found(derived);
  }
  return Found::No;
}

Found abc__abc_subclasscheck(PyObject*, PyObject* self, PyObject* subclass) {
  if (!PyType_Check(subclass)) return raise(PyExc_TypeError, "issubclass() arg 1 must be a class");
  auto data = TRY(data_of(self));
  if (TRY(in_weak_set(data->cache, subclass))) return Found::Yes;
  if (data->negative_cache_version < counter()) {
    if (data->negative_cache) TRY(PySet_Clear(data->negative_cache));
    data->negative_cache_version = counter();
  } else if (TRY(in_weak_set(data->negative_cache, subclass))) {
    return Found::No;
  }
  bool cache = true;
  const bool derived = TRY(check_slowly(self, data, subclass, &cache));
  if (!cache) return Found::Yes;
  TRY(add_to_weak_set(derived ? &data->cache : &data->negative_cache, subclass));
  return derived ? Found::Yes : Found::No;
}
METHOD(abc, _abc_subclasscheck, "($module, self, subclass, /)",
       "Internal ABC helper for subclasss checks. Should be never used outside abc module.");

// ---- for debugging and tests -----------------------------------------------------------------------------------------------------------

Ref<> abc__get_dump(PyObject*, PyObject* self) {
  auto data = TRY(data_of(self));
  auto copy = [](PyObject* set) { return steal(PySet_New(set)); };
  Ref<> registry = TRY(copy(data->registry));
  Ref<> cache = TRY(copy(data->cache));
  Ref<> negative = TRY(copy(data->negative_cache));
  return steal(Py_BuildValue("OOOK", registry.get(), cache.get(), negative.get(),
                             static_cast<unsigned long long>(data->negative_cache_version)));
}
METHOD(abc, _get_dump, "($module, self, /)",
       "Internal ABC helper for cache and registry debugging.\n\nReturn shallow copies of registry, of both caches, and\nnegative cache "
       "version. Don't call this function directly,\ninstead use ABC._dump_registry() for a nice repr.");
Status abc__reset_registry(PyObject*, PyObject* self) {
  auto data = TRY(data_of(self));
  return data->registry ? status(PySet_Clear(data->registry)) : Status::Ok;
}
METHOD(abc, _reset_registry, "($module, self, /)",
       "Internal ABC helper to reset registry of a given class.\n\nShould be only used by refleak.py");
Status abc__reset_caches(PyObject*, PyObject* self) {
  auto data = TRY(data_of(self));
  if (data->cache) TRY(PySet_Clear(data->cache));
  if (data->negative_cache) TRY(PySet_Clear(data->negative_cache));
  return Status::Ok;
}
METHOD(abc, _reset_caches, "($module, self, /)",
       "Internal ABC helper to reset both caches of a given class.\n\nShould be only used by refleak.py");
Ref<> abc_get_cache_token(PyObject*) { return steal(PyLong_FromUnsignedLongLong(counter())); }
METHOD(abc, get_cache_token, "($module, /)",
       "Returns the current ABC cache token.\n\nThe token is an opaque object (supporting equality testing) identifying\nthe current version "
       "of the ABC cache for virtual subclasses.  The token\nchanges with every call to register() on any ABC.");

PyMethodDef methods[] = {abc_get_cache_token_method,      abc__abc_init_method,    abc__reset_registry_method,
                         abc__reset_caches_method,        abc__get_dump_method,    abc__abc_register_method,
                         abc__abc_instancecheck_method,   abc__abc_subclasscheck_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(slots);
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_abc", "Module contains faster C implementation of abc.ABCMeta", 0, methods, slots, nullptr, nullptr, nullptr};

}  // namespace
}  // namespace ks

using namespace ks;

constinit PyTypeObject AbcData_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "_abc._abc_data",
    .tp_basicsize = sizeof(AbcData),
    .tp_dealloc = data_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Internal state held by ABC machinery.",
    .tp_traverse = data_traverse,
    .tp_clear = data_clear,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = PyType_GenericNew,
    .tp_free = PyObject_GC_Del,
};

PyMODINIT_FUNC PyInit__abc() { return PyModuleDef_Init(&ks::definition); }
