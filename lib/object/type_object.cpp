// type itself: calling classes, attributes of classes, the life of heap types, methods of type.
#include <cstddef>
#include <cstring>

#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/descriptor.h"
#include "object/export.h"
#include "object/method.h"
#include "object/protocol.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/dict.h"
#include "types/tuple.h"

KS_EXPORT PyObject* _Py_union_type_or(PyObject* left, PyObject* right);

namespace ks {
namespace {

// ---- calling a class -----------------------------------------------------------------------------------------------------------

PyObject* type_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  auto* type = as<PyTypeObject>(self);
  if (type == &PyType_Type) {
    const Py_ssize_t count = PyTuple_GET_SIZE(args);
    if (count == 1 && (!kwargs || PyDict_GET_SIZE(kwargs) == 0)) return Py_NewRef(object(Py_TYPE(PyTuple_GET_ITEM(args, 0))));
    if (count != 3) return raise(PyExc_TypeError, "type() takes 1 or 3 arguments");
  }
  if (!type->tp_new) return raise(PyExc_TypeError, "cannot create '%s' instances", type->tp_name);
  PyObject* made = check_function_result(thread(), self, type->tp_new(type, args, kwargs));
  // __new__ may return anything; only an instance is initialised.
  if (!made || !is_subtype(Py_TYPE(made), type)) return made;
  initproc init = Py_TYPE(made)->tp_init;
  if (init && init(made, args, kwargs) < 0) {
    Py_DECREF(made);
    return nullptr;
  }
  return made;
}

PyObject* type_type_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (count == 1 && self == object(&PyType_Type)) {
    if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "type() takes no keyword arguments");
    return Py_NewRef(object(Py_TYPE(args[0])));
  }
  return call_by_type(thread(), self, args, count, kwnames);
}

int type_init(PyObject*, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (kwargs && count == 1 && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "type.__init__() takes no keyword arguments");
  if (count != 1 && count != 3) return raise(PyExc_TypeError, "type.__init__() takes 1 or 3 arguments");
  return 0;
}

}  // namespace

// Makes the instance without a tuple of arguments where the class has object's __new__ and a Python __init__ or neither.
PyObject* class_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  auto* type = as<PyTypeObject>(self);
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (type->tp_new == object_new && !type_has(type, Py_TPFLAGS_IS_ABSTRACT)) {
    if (type->tp_init == slot_tp_init) {
      Ref<> made = TRY(steal(type->tp_alloc(type, 0)));
      Ref<> init;
      const int unbound = find_special(made, "__init__"_id, &init);
      if (unbound < 0) {
        if (!thread()->current_exception) PyErr_SetObject(PyExc_AttributeError, "__init__"_id);
        return nullptr;
      }
      Ref<> result;
      if (!unbound) {
        result = steal(vectorcall(init, args, nargsf, kwnames));
      } else if (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) {
        auto** stack = const_cast<PyObject**>(args) - 1;
        PyObject* saved = std::exchange(stack[0], made.get());
        result = steal(vectorcall(init, stack, static_cast<size_t>(count + 1), kwnames));
        stack[0] = saved;
      } else {
        const Py_ssize_t total = count + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
        PyObject* small[9];
        PyObject** stack = small;
        if (total + 2 > 9 && !(stack = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(total + 2) * sizeof(PyObject*)))))
          return PyErr_NoMemory();
        stack[0] = nullptr;
        stack[1] = made.get();
        if (total) memcpy(stack + 2, args, static_cast<size_t>(total) * sizeof(PyObject*));
        result = steal(vectorcall(init, stack + 1, static_cast<size_t>(count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames));
        if (stack != small) PyMem_Free(stack);
      }
      if (!result) return nullptr;
      if (result.get() != Py_None)
        return raise(PyExc_TypeError, "__init__() should return None, not '%.200s'", Py_TYPE(result)->tp_name);
      return made.release();
    }
    if (type->tp_init == object_init && count == 0 && (!kwnames || PyTuple_GET_SIZE(kwnames) == 0)) return type->tp_alloc(type, 0);
  }
  return call_by_type(thread(), self, args, count, kwnames);
}

// ---- attributes of classes -------------------------------------------------------------------------------------------------------

namespace {

PyObject* find_type_attribute(PyTypeObject* type, PyObject* name) {
  PyTypeObject* metatype = Py_TYPE(object(type));
  Ref<> meta_value = borrow(type_lookup(metatype, name));
  descrgetfunc meta_get = nullptr;
  if (meta_value) {
    meta_get = Py_TYPE(meta_value)->tp_descr_get;
    if (meta_get && is_data_descriptor(meta_value)) return meta_get(meta_value, object(type), object(metatype));
  }
  if (PyObject* value = type_lookup(type, name)) {
    Ref<> held = borrow(value);
    descrgetfunc get = Py_TYPE(value)->tp_descr_get;
    return get ? get(value, nullptr, object(type)) : held.release();
  }
  if (meta_get) return meta_get(meta_value, object(type), object(metatype));
  return meta_value.release();
}

Failed raise_no_type_attribute(PyTypeObject* type, PyObject* name) {
  raise(PyExc_AttributeError, "type object '%.100s' has no attribute '%U'", type->tp_name, name);
  add_attribute_context(object(type), name);
  return failed;
}

}  // namespace

PyObject* type_getattro(PyObject* self, PyObject* name) {
  if (!PyUnicode_Check(name))
    return raise(PyExc_TypeError, "attribute name must be string, not '%.200s'", Py_TYPE(name)->tp_name);
  PyObject* value = find_type_attribute(as<PyTypeObject>(self), name);
  if (!value && !thread()->current_exception) return raise_no_type_attribute(as<PyTypeObject>(self), name);
  return value;
}

// The same; nullptr without an exception when there is no such attribute.
PyObject* type_get_optional(PyTypeObject* type, PyObject* name) { return find_type_attribute(type, name); }

int type_setattro(PyObject* self, PyObject* name, PyObject* value) {
  auto* type = as<PyTypeObject>(self);
  if (type_has(type, Py_TPFLAGS_IMMUTABLETYPE))
    return raise(PyExc_TypeError, "cannot set %R attribute of immutable type '%s'", name, type->tp_name);
  if (!PyUnicode_Check(name))
    return raise(PyExc_TypeError, "attribute name must be string, not '%.200s'", Py_TYPE(name)->tp_name);
  Ref<> key = PyUnicode_CheckExact(name) ? borrow(name) : steal(PyUnicode_FromObject(name));
  if (!key) return -1;
  PyObject* interned = key.release();
  PyUnicode_InternInPlace(&interned);
  key = steal(interned);
  // Lives until the caches forget it.
  Ref<> old;
  if (PyDict_GetItemRef(type_dict(type), key, old.out()) < 0) return -1;
  PyObject* setter = type_lookup(Py_TYPE(self), key);
  if (setter && is_data_descriptor(setter)) {
    Ref<> held = borrow(setter);
    if (Py_TYPE(setter)->tp_descr_set(setter, self, value) < 0) return -1;
    type_modified(type);
  } else {
    PyObject* dict = type_dict(type);
    if (value) {
      type_modified(type);
      if (PyDict_SetItem(dict, key, value) < 0) return -1;
    } else {
      if (!old) return raise_no_type_attribute(type, key);
      type_modified(type);
      if (PyDict_DelItem(dict, key) < 0) return -1;
    }
  }
  return is_dunder(key) ? to_c(update_slots_named(type, key)) : 0;
}

// ---- life of heap types ------------------------------------------------------------------------------------------------------------

namespace {

void type_dealloc(PyObject* self) {
  auto* type = as<PyTypeObject>(self);
  auto* heap = heap_type(type);
  PyObject_GC_UnTrack(self);
  Ref<> pending = steal(PyErr_GetRaisedException());
  remove_from_bases(type);
  if (type->tp_weaklist) PyObject_ClearWeakRefs(self);
  PyErr_SetRaisedException(pending.release());
  Py_XDECREF(object(type->tp_base));
  Py_XDECREF(type->tp_dict);
  Py_XDECREF(type->tp_bases);
  Py_XDECREF(type->tp_mro);
  Py_XDECREF(type->tp_cache);
  Py_XDECREF(static_cast<PyObject*>(type->tp_subclasses));
  PyMem_Free(const_cast<char*>(type->tp_doc));
  Py_XDECREF(heap->ht_name);
  Py_XDECREF(heap->ht_qualname);
  Py_XDECREF(heap->ht_slots);
  if (heap->ht_cached_keys) dict_keys_release(heap->ht_cached_keys);
  Py_XDECREF(heap->ht_module);
  PyMem_Free(heap->_ht_tpname);
  Py_TYPE(self)->tp_free(self);
}

int type_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* type = as<PyTypeObject>(self);
  if (!is_heap_type(type)) return 0;
  Py_VISIT(type->tp_dict);
  Py_VISIT(type->tp_cache);
  Py_VISIT(type->tp_mro);
  Py_VISIT(type->tp_bases);
  Py_VISIT(type->tp_base);
  Py_VISIT(heap_type(type)->ht_module);
  return 0;
}

int type_clear(PyObject* self) {
  auto* type = as<PyTypeObject>(self);
  type_modified(type);
  // The dictionary's values, the MRO and the module make the cycles; name, bases and the rest stay for those who still
  // see the class.
  if (type->tp_dict) PyDict_Clear(type->tp_dict);
  Py_CLEAR(heap_type(type)->ht_module);
  Py_CLEAR(type->tp_mro);
  return 0;
}

int type_is_gc(PyObject* self) { return is_heap_type(as<PyTypeObject>(self)); }

PyObject* type_repr(PyObject* self) {
  auto* type = as<PyTypeObject>(self);
  if (!type->tp_name) return PyUnicode_FromFormat("<class at %p>", type);
  Ref<> module;
  if (is_failure(get_optional_attribute(self, "__module__"_id, &module))) PyErr_Clear();
  Ref<> name = TRY(steal(PyType_GetQualName(type)));
  if (module && PyUnicode_Check(module) && !PyUnicode_EqualToUTF8(module, "builtins"))
    return PyUnicode_FromFormat("<class '%U.%U'>", module.get(), name.get());
  return PyUnicode_FromFormat("<class '%s'>", type->tp_name);
}

// ---- methods -----------------------------------------------------------------------------------------------------------------------

Ref<> type_mro(PyTypeObject* type) {
  // The standard order, whatever mro() the metatype has.
  Ref<> order = TRY(standard_mro(type));
  return steal(PySequence_List(order));
}
METHOD(type, mro, "($self, /)", "Return a type's method resolution order.");

Ref<> type___subclasses__(PyTypeObject* type) { return list_subclasses(type); }
METHOD(type, __subclasses__, "($self, /)", "Return a list of immediate subclasses.");

PyObject* type_prepare(PyObject*, PyObject* const*, Py_ssize_t, PyObject*) { return PyDict_New(); }
METHOD_RAW(type_prepare, "__prepare__", METH_CLASS,
           "__prepare__($cls, name, bases, /, **kwds)\n--\n\nCreate the namespace for the class statement");

Found type___instancecheck__(PyObject* type, PyObject* instance) { return real_is_instance(instance, type); }
METHOD(type, __instancecheck__, "($self, instance, /)", "Check if an object is an instance.");

Found type___subclasscheck__(PyObject* type, PyObject* subclass) { return real_is_subclass(subclass, type); }
METHOD(type, __subclasscheck__, "($self, subclass, /)", "Check if a class is a subclass.");

// The names in a class and its bases, for dir().
Status merge_class_names(PyObject* names, PyObject* cls) {
  Ref<> dict, bases;
  if (TRY(get_optional_attribute(cls, "__dict__"_id, &dict))) TRY(PyDict_Update(names, dict));
  if (!TRY(get_optional_attribute(cls, "__bases__"_id, &bases))) return Status::Ok;
  const Py_ssize_t count = TRY(PySequence_Size(bases));
  for (Py_ssize_t i = 0; i < count; ++i) {
    Ref<> base = TRY(steal(PySequence_GetItem(bases, i)));
    TRY(merge_class_names(names, base));
  }
  return Status::Ok;
}
Ref<> type___dir__(PyTypeObject* type) {
  Ref<> names = TRY(steal(PyDict_New()));
  TRY(merge_class_names(names, object(type)));
  return steal(PyDict_Keys(names));
}
METHOD(type, __dir__, "($self, /)", "Specialized __dir__ implementation for types.");

Py_ssize_t type___sizeof__(PyTypeObject* type) {
  if (!is_heap_type(type)) return static_cast<Py_ssize_t>(sizeof(PyTypeObject));
  return static_cast<Py_ssize_t>(sizeof(PyHeapTypeObject)) + Py_SIZE(object(type)) * static_cast<Py_ssize_t>(sizeof(PyMemberDef));
}
METHOD(type, __sizeof__, "($self, /)", "Return memory consumption of the type object.");

PyMethodDef type_methods[] = {type_mro_method, type___subclasses___method, type_prepare_method, type___instancecheck___method,
                              type___subclasscheck___method, type___dir___method, type___sizeof___method, {}};

PyMemberDef type_members[] = {
    {"__basicsize__", Py_T_PYSSIZET, offsetof(PyTypeObject, tp_basicsize), Py_READONLY, nullptr},
    {"__itemsize__", Py_T_PYSSIZET, offsetof(PyTypeObject, tp_itemsize), Py_READONLY, nullptr},
    {"__flags__", Py_T_ULONG, offsetof(PyTypeObject, tp_flags), Py_READONLY, nullptr},
    {"__weakrefoffset__", Py_T_PYSSIZET, offsetof(PyTypeObject, tp_weaklistoffset), Py_READONLY, nullptr},
    {"__base__", _Py_T_OBJECT, offsetof(PyTypeObject, tp_base), Py_READONLY, nullptr},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(PyTypeObject, tp_dictoffset), Py_READONLY, nullptr},
    {}};

constinit PyNumberMethods type_number = {.nb_or = _Py_union_type_or};

}  // namespace

Status merge_class_dict(PyObject* names, PyObject* cls) { return merge_class_names(names, cls); }

}  // namespace ks

using namespace ks;

constinit PyTypeObject PyType_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "type",
    .tp_basicsize = sizeof(PyHeapTypeObject),
    .tp_itemsize = sizeof(PyMemberDef),
    .tp_dealloc = type_dealloc,
    .tp_vectorcall_offset = offsetof(PyTypeObject, tp_vectorcall),
    .tp_repr = type_repr,
    .tp_as_number = &type_number,
    .tp_call = type_call,
    .tp_getattro = type_getattro,
    .tp_setattro = type_setattro,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_TYPE_SUBCLASS |
                Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_ITEMS_AT_END,
    .tp_doc = "type(object) -> the object's type\ntype(name, bases, dict, **kwds) -> a new type",
    .tp_traverse = type_traverse,
    .tp_clear = type_clear,
    .tp_weaklistoffset = offsetof(PyTypeObject, tp_weaklist),
    .tp_methods = type_methods,
    .tp_members = type_members,
    .tp_getset = type_getsets,
    .tp_dictoffset = offsetof(PyTypeObject, tp_dict),
    .tp_init = type_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = type_new,
    .tp_free = PyObject_GC_Del,
    .tp_is_gc = type_is_gc,
    .tp_vectorcall = type_type_vectorcall,
};
