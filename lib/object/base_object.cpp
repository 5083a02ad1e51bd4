// object: the class at the root.
#include "object/attribute.h"
#include "object/call.h"
#include "object/export.h"
#include "object/method.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/tuple.h"

namespace ks {

Failed raise_abstract(PyTypeObject* type) {
  Ref<> methods = TRY(get_attribute(object(type), "__abstractmethods__"_id));
  Ref<> names = TRY(steal(PySequence_List(methods)));
  TRY(PyList_Sort(names));
  Ref<> separator = TRY(steal(PyUnicode_FromString("', '")));
  Ref<> joined = TRY(steal(PyUnicode_Join(separator, names)));
  return raise(PyExc_TypeError, "Can't instantiate abstract class %s without an implementation for abstract method%s '%U'", type->tp_name,
               PyList_GET_SIZE(names.get()) > 1 ? "s" : "", joined.get());
}

namespace {
bool has_arguments(PyObject* args, PyObject* kwargs) {
  return PyTuple_GET_SIZE(args) || (kwargs && PyDict_Check(kwargs) && PyDict_GET_SIZE(kwargs));
}
}  // namespace

// Arguments are an error unless the class overrides the other of __new__ and __init__, which then uses them.
int object_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!has_arguments(args, kwargs)) return 0;
  PyTypeObject* type = Py_TYPE(self);
  if (type->tp_init != object_init)
    return raise(PyExc_TypeError, "object.__init__() takes exactly one argument (the instance to initialize)");
  if (type->tp_new == object_new)
    return raise(PyExc_TypeError, "%.200s.__init__() takes exactly one argument (the instance to initialize)", type->tp_name);
  return 0;
}
PyObject* object_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (has_arguments(args, kwargs)) {
    if (type->tp_new != object_new)
      return raise(PyExc_TypeError, "object.__new__() takes exactly one argument (the type to instantiate)");
    if (type->tp_init == object_init) return raise(PyExc_TypeError, "%.200s() takes no arguments", type->tp_name);
  }
  if (type_has(type, Py_TPFLAGS_IS_ABSTRACT)) return raise_abstract(type);
  return type->tp_alloc(type, 0);
}

namespace {

void object_dealloc(PyObject* self) { Py_TYPE(self)->tp_free(self); }

PyObject* object_repr(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Ref<> module = steal(PyType_GetModuleName(type));
  if (!module) PyErr_Clear();
  Ref<> name = TRY(steal(PyType_GetQualName(type)));
  if (module && PyUnicode_Check(module) && !PyUnicode_EqualToUTF8(module, "builtins"))
    return PyUnicode_FromFormat("<%U.%U object at %p>", module.get(), name.get(), self);
  return PyUnicode_FromFormat("<%s object at %p>", type->tp_name, self);
}
PyObject* object_str(PyObject* self) {
  reprfunc repr = Py_TYPE(self)->tp_repr;
  return repr ? repr(self) : object_repr(self);
}

PyObject* object_richcompare(PyObject* self, PyObject* other, int op) {
  if (op == Py_EQ) return Py_NewRef(self == other ? Py_True : Py_NotImplemented);
  if (op != Py_NE || !Py_TYPE(self)->tp_richcompare) return Py_NewRef(Py_NotImplemented);
  // The opposite of what __eq__ says.
  Ref<> equal = TRY(steal(Py_TYPE(self)->tp_richcompare(self, other, Py_EQ)));
  if (equal.get() == Py_NotImplemented) return equal.release();
  const int truth = PyObject_IsTrue(equal);
  return truth < 0 ? nullptr : Py_NewRef(truth ? Py_False : Py_True);
}

PyObject* get_class(PyObject* self, void*) { return Py_NewRef(object(Py_TYPE(self))); }
int set_class(PyObject* self, PyObject* value, void*) {
  PyTypeObject* old_type = Py_TYPE(self);
  if (!value) return raise(PyExc_TypeError, "can't delete __class__ attribute");
  if (!PyType_Check(value))
    return raise(PyExc_TypeError, "__class__ must be set to a class, not '%s' object", Py_TYPE(value)->tp_name);
  TRY(PySys_Audit("object.__setattr__", "OsO", self, "__class__", value));
  auto* new_type = as<PyTypeObject>(value);
  // C code may rely on the layout of immutable types and keeps their instances; modules are made for this.
  if (!(is_subtype(new_type, &PyModule_Type) && is_subtype(old_type, &PyModule_Type)) &&
      (type_has(new_type, Py_TPFLAGS_IMMUTABLETYPE) || type_has(old_type, Py_TPFLAGS_IMMUTABLETYPE)))
    return raise(PyExc_TypeError, "__class__ assignment only supported for mutable types or ModuleType subclasses");
  if (!compatible_for_assignment(old_type, new_type, "__class__")) return -1;
  if (is_heap_type(new_type)) Py_INCREF(value);
  Py_SET_TYPE(self, new_type);
  if (is_heap_type(old_type)) Py_DECREF(object(old_type));
  return 0;
}

// ---- copying and pickling ----------------------------------------------------------------------------------------------------------

Ref<> copyreg() { return steal(PyImport_ImportModule("copyreg")); }

// copyreg's list of the names of slots, kept in the class: list or None.
Ref<> slot_names(PyTypeObject* type) {
  Ref<> names;
  PyObject* dict = type_dict(type);
  if (dict && PyDict_GetItemRef(dict, "__slotnames__"_id, names.out()) < 0) return nullptr;
  if (names) {
    if (names.get() != Py_None && !PyList_Check(names))
      return raise(PyExc_TypeError, "%.200s.__slotnames__ should be a list or None, not %.200s", type->tp_name, Py_TYPE(names)->tp_name);
    return names;
  }
  Ref<> module = TRY(copyreg());
  names = TRY(steal(call_method(module.get(), "_slotnames"_id, object(type))));
  if (names.get() != Py_None && !PyList_Check(names))
    return raise(PyExc_TypeError, "copyreg._slotnames didn't return a list or None");
  return names;
}

// The values of slots that are set.
Status collect_slots(PyObject* self, PyObject* names, PyObject* slots) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); ++i) {
    const Py_ssize_t size = PyList_GET_SIZE(names);
    Ref<> name = borrow(PyList_GET_ITEM(names, i));
    Ref<> value;
    if (TRY(get_optional_attribute(self, name, &value))) TRY(PyDict_SetItem(slots, name, value));
    if (PyList_GET_SIZE(names) != size) return raise(PyExc_RuntimeError, "__slotsname__ changed size during iteration");
  }
  return Status::Ok;
}

// None, the dictionary, or (dictionary or None, slots). `required`: the class has nothing else that says how to make it.
Ref<> default_state(PyObject* self, bool required) {
  PyTypeObject* type = Py_TYPE(self);
  if (required && type->tp_itemsize) return raise(PyExc_TypeError, "cannot pickle %.200s objects", type->tp_name);
  Ref<> state = borrow(Py_None);
  PyObject** dict_slot = instance_dict_slot(self);
  if (dict_slot && *dict_slot && (!PyDict_Check(*dict_slot) || PyDict_GET_SIZE(*dict_slot) > 0)) {
    state = TRY(get_attribute(self, "__dict__"_id));
  }
  Ref<> names = TRY(slot_names(type));
  const Py_ssize_t count = names.get() == Py_None ? 0 : PyList_GET_SIZE(names.get());
  if (required) {
    // What is in the instance besides, only C code knows.
    constexpr auto kWord = static_cast<Py_ssize_t>(sizeof(PyObject*));
    Py_ssize_t size = PyBaseObject_Type.tp_basicsize;
    if (type->tp_dictoffset > 0) size += kWord;
    if (type->tp_weaklistoffset > 0) size += kWord;
    size += count * kWord;
    if (type->tp_basicsize > size) return raise(PyExc_TypeError, "cannot pickle '%.200s' object", type->tp_name);
  }
  if (count == 0) return state;
  Ref<> slots = TRY(steal(PyDict_New()));
  TRY(collect_slots(self, names, slots));
  if (PyDict_GET_SIZE(slots.get()) == 0) return state;
  return steal(PyTuple_Pack(2, state.get(), slots.get()));
}

Ref<> object___getstate__(PyObject* self) { return default_state(self, false); }
METHOD(object, __getstate__, "($self, /)", "Helper for pickle.");

Ref<> state_of(PyObject* self, bool required) {
  Ref<> method = TRY(get_attribute(self, "__getstate__"_id));
  if (PyCFunction_Check(method) && PyCFunction_GET_SELF(method.get()) == self &&
      as<PyCFunctionObject>(method.get())->m_ml->ml_meth == object___getstate___method.ml_meth)
    return default_state(self, required);
  return steal(PyObject_CallNoArgs(method));
}

// What __getnewargs_ex__ or __getnewargs__ give; *args stays empty when there is neither.
Status new_arguments(PyObject* self, Ref<>* args, Ref<>* kwargs) {
  Ref<> method = lookup_special(self, "__getnewargs_ex__"_id);
  if (!method && thread()->current_exception) return failed;
  if (method) {
    Ref<> result = TRY(steal(PyObject_CallNoArgs(method)));
    if (!PyTuple_Check(result))
      return raise(PyExc_TypeError, "__getnewargs_ex__ should return a tuple, not '%.200s'", Py_TYPE(result)->tp_name);
    if (PyTuple_GET_SIZE(result.get()) != 2)
      return raise(PyExc_ValueError, "__getnewargs_ex__ should return a tuple of length 2, not %zd", PyTuple_GET_SIZE(result.get()));
    PyObject* first = PyTuple_GET_ITEM(result.get(), 0);
    PyObject* second = PyTuple_GET_ITEM(result.get(), 1);
    if (!PyTuple_Check(first))
      return raise(PyExc_TypeError, "first item of the tuple returned by __getnewargs_ex__ must be a tuple, not '%.200s'", Py_TYPE(first)->tp_name);
    if (!PyDict_Check(second))
      return raise(PyExc_TypeError, "second item of the tuple returned by __getnewargs_ex__ must be a dict, not '%.200s'", Py_TYPE(second)->tp_name);
    *args = borrow(first);
    *kwargs = borrow(second);
    return Status::Ok;
  }
  method = lookup_special(self, "__getnewargs__"_id);
  if (!method && thread()->current_exception) return failed;
  if (method) {
    Ref<> result = TRY(steal(PyObject_CallNoArgs(method)));
    if (!PyTuple_Check(result))
      return raise(PyExc_TypeError, "__getnewargs__ should return a tuple, not '%.200s'", Py_TYPE(result)->tp_name);
    *args = std::move(result);
  }
  return Status::Ok;
}

// Protocol 2 and later: (copyreg.__newobj__, (cls, *args), state, list items, dict items).
Ref<> reduce_newobj(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (!type->tp_new) return raise(PyExc_TypeError, "cannot pickle '%.200s' object", type->tp_name);
  Ref<> args, kwargs;
  TRY(new_arguments(self, &args, &kwargs));
  Ref<> module = TRY(copyreg());
  Ref<> maker, maker_args;
  if (!kwargs || PyDict_GET_SIZE(kwargs.get()) == 0) {
    maker = TRY(get_attribute(module, "__newobj__"_id));
    const Py_ssize_t count = args ? PyTuple_GET_SIZE(args.get()) : 0;
    maker_args = TRY(steal(PyTuple_New(count + 1)));
    PyTuple_SET_ITEM(maker_args.get(), 0, Py_NewRef(object(type)));
    for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(maker_args.get(), i + 1, Py_NewRef(PyTuple_GET_ITEM(args.get(), i)));
  } else {
    maker = TRY(get_attribute(module, "__newobj_ex__"_id));
    maker_args = TRY(steal(PyTuple_Pack(3, type, args.get(), kwargs.get())));
  }
  Ref<> state = TRY(state_of(self, !(args || PyList_Check(self) || PyDict_Check(self))));
  Ref<> list_items = PyList_Check(self) ? steal(PyObject_GetIter(self)) : borrow(Py_None);
  if (!list_items) return nullptr;
  Ref<> dict_items = borrow(Py_None);
  if (PyDict_Check(self)) {
    Ref<> items = TRY(steal(call_method(self, "items"_id)));
    dict_items = TRY(steal(PyObject_GetIter(items)));
  }
  return steal(PyTuple_Pack(5, maker.get(), maker_args.get(), state.get(), list_items.get(), dict_items.get()));
}

Ref<> reduce(PyObject* self, int protocol) {
  if (protocol >= 2) return reduce_newobj(self);
  Ref<> module = TRY(copyreg());
  Ref<> number = TRY(steal(PyLong_FromLong(protocol)));
  return steal(call_method(module.get(), "_reduce_ex"_id, self, number.get()));
}

Ref<> object___reduce__(PyObject* self) { return reduce(self, 0); }
METHOD(object, __reduce__, "($self, /)", "Helper for pickle.");

Ref<> object___reduce_ex__(PyObject* self, int protocol) {
  Ref<> own;
  if (TRY(get_optional_attribute(self, "__reduce__"_id, &own))) {
    // A class with its own __reduce__ need not know of __reduce_ex__.
    Ref<> standard;
    if (PyDict_GetItemRef(type_dict(&PyBaseObject_Type), "__reduce__"_id, standard.out()) < 0) return nullptr;
    Ref<> of_class = TRY(get_attribute(object(Py_TYPE(self)), "__reduce__"_id));
    if (of_class.get() != standard.get()) return steal(PyObject_CallNoArgs(own));
  }
  return reduce(self, protocol);
}
METHOD(object, __reduce_ex__, "($self, protocol, /)", "Helper for pickle.");

// ---- the other methods -----------------------------------------------------------------------------------------------------------------

PyObject* object_subclass_hook(PyObject*, PyObject*) { return Py_NewRef(Py_NotImplemented); }
METHOD_AS(object_subclass_hook, "__subclasshook__", METH_CLASS, "($type, object, /)",
          "Abstract classes can override this to customize issubclass().\n\nThis is invoked early on by "
          "abc.ABCMeta.__subclasscheck__().\nIt should return True, False or NotImplemented.  If it returns\nNotImplemented, the normal "
          "algorithm is used.  Otherwise, it\noverrides the normal algorithm (and the outcome is cached).\n");

void object_init_subclass(PyObject*) {}
METHOD_AS(object_init_subclass, "__init_subclass__", METH_CLASS, "($type, /)",
          "This method is called when a class is subclassed.\n\nThe default implementation does nothing. It may be\noverridden to "
          "extend subclasses.\n");

Ref<> object___format__(PyObject* self, StrArgument format_spec) {
  if (PyUnicode_GET_LENGTH(format_spec.object) > 0)
    return raise(PyExc_TypeError, "unsupported format string passed to %.200s.__format__", Py_TYPE(self)->tp_name);
  Ref<> text = TRY(steal(PyObject_Str(self)));
  return steal(PyObject_Format(text, format_spec.object));
}
METHOD(object, __format__, "($self, format_spec, /)",
       "Default object formatter.\n\nReturn str(self) if format_spec is empty. Raise TypeError otherwise.");

Py_ssize_t object___sizeof__(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_ssize_t size = type->tp_basicsize;
  if (type->tp_itemsize > 0) size += Py_ABS(Py_SIZE(self)) * type->tp_itemsize;
  return size;
}
METHOD(object, __sizeof__, "($self, /)", "Size of object in memory, in bytes.");

Ref<> object___dir__(PyObject* self) {
  Ref<> dict;
  Ref<> names;
  if (TRY(get_optional_attribute(self, "__dict__"_id, &dict)) && PyDict_Check(dict))
    names = steal(PyDict_Copy(dict));
  else
    names = steal(PyDict_New());
  if (!names) return nullptr;
  Ref<> cls;
  if (TRY(get_optional_attribute(self, "__class__"_id, &cls))) TRY(merge_class_dict(names, cls));
  return steal(PyDict_Keys(names));
}
METHOD(object, __dir__, "($self, /)", "Default dir() implementation.");

PyMethodDef object_methods[] = {object___reduce_ex___method, object___reduce___method,  object___getstate___method,
                                object_subclass_hook_method, object_init_subclass_method, object___format___method,
                                object___sizeof___method,    object___dir___method,       {}};
PyGetSetDef object_getset[] = {{"__class__", get_class, set_class, "the object's class", nullptr}, {}};

}  // namespace
}  // namespace ks

using namespace ks;

constinit PyTypeObject PyBaseObject_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "object",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = object_dealloc,
    .tp_repr = object_repr,
    .tp_hash = PyObject_GenericHash,
    .tp_str = object_str,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_setattro = PyObject_GenericSetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "object()\n--\n\n"
              "The base class of the class hierarchy.\n\nWhen called, it accepts no arguments and returns a new featureless\n"
              "instance that has no instance attributes and cannot be given any.\n",
    .tp_richcompare = object_richcompare,
    .tp_methods = object_methods,
    .tp_getset = object_getset,
    .tp_init = object_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = object_new,
    .tp_free = PyObject_Free,
};

// object.__getstate__ as pickle uses it: new.
KS_EXPORT PyObject* _PyObject_GetState(PyObject* self) {
  Ref<> state = state_of(self, false);
  return state.release();
}
