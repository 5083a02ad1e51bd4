// The special attributes of classes (__name__, __module__, __doc__, __annotations__, …) and the C API's names for them.
#include <cstring>

#include "object/attribute.h"
#include "object/call.h"
#include "object/descriptor.h"
#include "object/export.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/tuple.h"

namespace ks {

const char* type_name_without_module(const PyTypeObject* type) {
  const char* dot = strrchr(type->tp_name, '.');
  return dot ? dot + 1 : type->tp_name;
}
Ref<> type_name(PyTypeObject* type) {
  if (is_heap_type(type)) return borrow(heap_type(type)->ht_name);
  return steal(PyUnicode_FromString(type_name_without_module(type)));
}

namespace {

bool may_set(PyTypeObject* type, PyObject* value, const char* name) {
  if (type_has(type, Py_TPFLAGS_IMMUTABLETYPE)) {
    raise(PyExc_TypeError, "cannot set '%s' attribute of immutable type '%s'", name, type->tp_name);
    return false;
  }
  if (!value) {
    raise(PyExc_TypeError, "cannot delete '%s' attribute of immutable type '%s'", name, type->tp_name);
    return false;
  }
  return PySys_Audit("object.__setattr__", "OsO", type, name, value) == 0;
}

Status set_in_dict(PyTypeObject* type, PyObject* name, PyObject* value) {
  type_modified(type);
  return status(PyDict_SetItem(type_dict(type), name, value));
}

PyObject* get_name(PyObject* self, void*) { return type_name(as<PyTypeObject>(self)).release(); }
int set_name(PyObject* self, PyObject* value, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!may_set(type, value, "__name__")) return -1;
  if (!PyUnicode_Check(value))
    return raise(PyExc_TypeError, "can only assign string to %s.__name__, not '%s'", type->tp_name, Py_TYPE(value)->tp_name);
  Py_ssize_t length;
  const char* text = TRY(PyUnicode_AsUTF8AndSize(value, &length));
  if (strlen(text) != static_cast<size_t>(length)) return raise(PyExc_ValueError, "type name must not contain null characters");
  type->tp_name = text;
  Py_SETREF(heap_type(type)->ht_name, Py_NewRef(value));
  return 0;
}

PyObject* get_qualname(PyObject* self, void*) { return PyType_GetQualName(as<PyTypeObject>(self)); }
int set_qualname(PyObject* self, PyObject* value, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!may_set(type, value, "__qualname__")) return -1;
  if (!PyUnicode_Check(value))
    return raise(PyExc_TypeError, "can only assign string to %s.__qualname__, not '%s'", type->tp_name, Py_TYPE(value)->tp_name);
  Py_SETREF(heap_type(type)->ht_qualname, Py_NewRef(value));
  return 0;
}

PyObject* get_module(PyObject* self, void*) {
  auto* type = as<PyTypeObject>(self);
  if (is_heap_type(type)) {
    PyObject* module;
    const int found = PyDict_GetItemRef(type_dict(type), "__module__"_id, &module);
    if (found == 0) PyErr_Format(PyExc_AttributeError, "__module__");
    return module;
  }
  const char* dot = strrchr(type->tp_name, '.');
  if (!dot) return Py_NewRef("builtins"_id);
  PyObject* name = PyUnicode_FromStringAndSize(type->tp_name, dot - type->tp_name);
  if (name) PyUnicode_InternInPlace(&name);
  return name;
}
int set_module(PyObject* self, PyObject* value, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!may_set(type, value, "__module__")) return -1;
  if (PyDict_Pop(type_dict(type), "__firstlineno__"_id, nullptr) < 0) return -1;
  return to_c(set_in_dict(type, "__module__"_id, value));
}

PyObject* get_bases(PyObject* self, void*) {
  PyObject* bases = as<PyTypeObject>(self)->tp_bases;
  return Py_NewRef(bases ? bases : Py_None);
}
int set_bases(PyObject* self, PyObject* value, void*) { return to_c(set_type_bases(as<PyTypeObject>(self), value)); }
PyObject* get_mro(PyObject* self, void*) {
  PyObject* mro = as<PyTypeObject>(self)->tp_mro;
  return Py_NewRef(mro ? mro : Py_None);
}

PyObject* get_abstract_methods(PyObject* self, void*) {
  PyObject* value = nullptr;
  if (as<PyTypeObject>(self) != &PyType_Type && PyDict_GetItemRef(type_dict(as<PyTypeObject>(self)), "__abstractmethods__"_id, &value) < 0)
    return nullptr;
  if (!value) PyErr_SetObject(PyExc_AttributeError, "__abstractmethods__"_id);
  return value;
}
int set_abstract_methods(PyObject* self, PyObject* value, void*) {
  auto* type = as<PyTypeObject>(self);
  bool abstract = false;
  if (value) {
    const int truth = PyObject_IsTrue(value);
    if (truth < 0) return -1;
    abstract = truth;
    TRY(PyDict_SetItem(type_dict(type), "__abstractmethods__"_id, value));
  } else {
    const int removed = PyDict_Pop(type_dict(type), "__abstractmethods__"_id, nullptr);
    if (removed == 0) PyErr_SetObject(PyExc_AttributeError, "__abstractmethods__"_id);
    if (removed <= 0) return -1;
  }
  type_modified(type);
  if (abstract)
    type->tp_flags |= Py_TPFLAGS_IS_ABSTRACT;
  else
    type->tp_flags &= ~Py_TPFLAGS_IS_ABSTRACT;
  return 0;
}

PyObject* get_dict(PyObject* self, void*) {
  PyObject* dict = type_dict(as<PyTypeObject>(self));
  return dict ? PyDictProxy_New(dict) : Py_NewRef(Py_None);
}

PyObject* get_doc(PyObject* self, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!is_heap_type(type) && type->tp_doc) return doc_text(type_name_without_module(type), type->tp_doc);
  Ref<> value;
  if (PyDict_GetItemRef(type_dict(type), "__doc__"_id, value.out()) < 0) return nullptr;
  if (!value) return Py_NewRef(Py_None);
  descrgetfunc get = Py_TYPE(value)->tp_descr_get;
  return get ? get(value, nullptr, self) : value.release();
}
int set_doc(PyObject* self, PyObject* value, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!may_set(type, value, "__doc__")) return -1;
  return to_c(set_in_dict(type, "__doc__"_id, value));
}
PyObject* get_text_signature(PyObject* self, void*) {
  auto* type = as<PyTypeObject>(self);
  return doc_text_signature(type_name_without_module(type), type->tp_doc);
}

// The function that makes the annotations when they are asked for (PEP 649) is __annotate_func__ in the dictionary, what it
// made is __annotations_cache__; the plain names are what a class body or exec sets.
PyObject* get_annotate(PyObject* self, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!is_heap_type(type))
    return raise(PyExc_AttributeError, "type object '%s' has no attribute '__annotate__'", type->tp_name);
  PyObject* dict = type_dict(type);
  Ref<> function;
  int found = PyDict_GetItemRef(dict, "__annotate__"_id, function.out());
  if (found == 0) found = PyDict_GetItemRef(dict, "__annotate_func__"_id, function.out());
  if (found < 0) return nullptr;
  if (function) {
    descrgetfunc get = Py_TYPE(function)->tp_descr_get;
    return get ? get(function, nullptr, self) : function.release();
  }
  TRY(set_in_dict(type, "__annotate_func__"_id, Py_None));
  return Py_NewRef(Py_None);
}
int set_annotate(PyObject* self, PyObject* value, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!value) return raise(PyExc_TypeError, "cannot delete __annotate__ attribute");
  if (type_has(type, Py_TPFLAGS_IMMUTABLETYPE))
    return raise(PyExc_TypeError, "cannot set '__annotate__' attribute of immutable type '%s'", type->tp_name);
  if (value != Py_None && !PyCallable_Check(value)) return raise(PyExc_TypeError, "__annotate__ must be callable or None");
  TRY(set_in_dict(type, "__annotate_func__"_id, value));
  if (value != Py_None && PyDict_Pop(type_dict(type), "__annotations_cache__"_id, nullptr) < 0) return -1;
  return 0;
}

PyObject* get_annotations(PyObject* self, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!is_heap_type(type))
    return raise(PyExc_AttributeError, "type object '%s' has no attribute '__annotations__'", type->tp_name);
  PyObject* dict = type_dict(type);
  Ref<> value;
  int found = PyDict_GetItemRef(dict, "__annotations__"_id, value.out());
  if (found == 0) found = PyDict_GetItemRef(dict, "__annotations_cache__"_id, value.out());
  if (found < 0) return nullptr;
  if (value) {
    descrgetfunc get = Py_TYPE(value)->tp_descr_get;
    return get ? get(value, nullptr, self) : value.release();
  }
  Ref<> function = TRY(get_attribute(self, "__annotate__"_id));
  if (PyCallable_Check(function)) {
    Ref<> format = TRY(steal(PyLong_FromLong(1)));  // annotationlib.Format.VALUE
    value = TRY(steal(call(function.get(), format.get())));
    if (!PyDict_Check(value)) return raise(PyExc_TypeError, "__annotate__ returned non-dict of type '%.100s'", Py_TYPE(value)->tp_name);
  } else {
    value = TRY(steal(PyDict_New()));
  }
  TRY(set_in_dict(type, "__annotations_cache__"_id, value));
  return value.release();
}
int set_annotations(PyObject* self, PyObject* value, void*) {
  auto* type = as<PyTypeObject>(self);
  if (type_has(type, Py_TPFLAGS_IMMUTABLETYPE))
    return raise(PyExc_TypeError, "cannot set '__annotations__' attribute of immutable type '%s'", type->tp_name);
  PyObject* dict = type_dict(type);
  if (value) {
    const int plain = PyDict_Contains(dict, "__annotations__"_id);
    if (plain < 0) return -1;
    TRY(set_in_dict(type, plain ? "__annotations__"_id : "__annotations_cache__"_id, value));
  } else {
    int removed = PyDict_Pop(dict, "__annotations__"_id, nullptr);
    if (removed == 0) removed = PyDict_Pop(dict, "__annotations_cache__"_id, nullptr);
    if (removed == 0) PyErr_SetString(PyExc_AttributeError, "__annotations__");
    if (removed <= 0) return -1;
    type_modified(type);
  }
  if (PyDict_Pop(dict, "__annotate_func__"_id, nullptr) < 0 || PyDict_Pop(dict, "__annotate__"_id, nullptr) < 0) return -1;
  return 0;
}

PyObject* get_type_parameters(PyObject* self, void*) {
  auto* type = as<PyTypeObject>(self);
  if (type == &PyType_Type) return Py_NewRef(empty_tuple());
  PyObject* value;
  const int found = PyDict_GetItemRef(type_dict(type), "__type_params__"_id, &value);
  return found == 0 ? Py_NewRef(empty_tuple()) : value;
}
int set_type_parameters(PyObject* self, PyObject* value, void*) {
  auto* type = as<PyTypeObject>(self);
  if (!may_set(type, value, "__type_params__")) return -1;
  return to_c(set_in_dict(type, "__type_params__"_id, value));
}

// ---- __dict__ and __weakref__ of instances -----------------------------------------------------------------------------------

// A C-defined base with a dictionary has its own idea of it (modules, exceptions): its descriptor is asked.
PyObject* base_dict_descriptor(PyTypeObject* type) {
  for (; type->tp_base; type = type->tp_base) {
    if (type->tp_dictoffset == 0 || is_heap_type(type)) continue;
    PyObject* descriptor = type_lookup(type, "__dict__"_id);
    return descriptor && is_data_descriptor(descriptor) ? descriptor : nullptr;
  }
  return nullptr;
}
PyObject* get_instance_dict(PyObject* self, void*) {
  if (PyObject* descriptor = base_dict_descriptor(Py_TYPE(self))) {
    if (descrgetfunc get = Py_TYPE(descriptor)->tp_descr_get) return get(descriptor, self, object(Py_TYPE(self)));
    return raise(PyExc_TypeError, "this __dict__ descriptor does not support '%.200s' objects", Py_TYPE(self)->tp_name);
  }
  return PyObject_GenericGetDict(self, nullptr);
}
int set_instance_dict(PyObject* self, PyObject* value, void*) {
  if (PyObject* descriptor = base_dict_descriptor(Py_TYPE(self)))
    return Py_TYPE(descriptor)->tp_descr_set(descriptor, self, value);
  PyObject** slot = instance_dict_slot(self);
  if (!slot) return raise(PyExc_AttributeError, "This object has no __dict__");
  if (value && !PyDict_Check(value))
    return raise(PyExc_TypeError, "__dict__ must be set to a dictionary, not a '%.200s'", Py_TYPE(value)->tp_name);
  Py_XSETREF(*slot, Py_XNewRef(value));
  return 0;
}
PyObject* get_instance_weakref(PyObject* self, void*) {
  PyObject** list = weak_list_slot(self);
  if (!list) return raise(PyExc_AttributeError, "This object has no __weakref__");
  return Py_NewRef(*list ? *list : Py_None);
}

}  // namespace

#define DICT_ROW {"__dict__", get_instance_dict, set_instance_dict, "dictionary for instance variables", nullptr}
#define WEAK_ROW {"__weakref__", get_instance_weakref, nullptr, "list of weak references to the object", nullptr}
PyGetSetDef instance_dict_getset[] = {DICT_ROW, WEAK_ROW, {}};
PyGetSetDef instance_dict_only_getset[] = {DICT_ROW, {}};
PyGetSetDef instance_weak_getset[] = {WEAK_ROW, {}};

PyGetSetDef type_getsets[] = {
    {"__name__", get_name, set_name, nullptr, nullptr},
    {"__qualname__", get_qualname, set_qualname, nullptr, nullptr},
    {"__bases__", get_bases, set_bases, nullptr, nullptr},
    {"__mro__", get_mro, nullptr, nullptr, nullptr},
    {"__module__", get_module, set_module, nullptr, nullptr},
    {"__abstractmethods__", get_abstract_methods, set_abstract_methods, nullptr, nullptr},
    {"__dict__", get_dict, nullptr, nullptr, nullptr},
    {"__doc__", get_doc, set_doc, nullptr, nullptr},
    {"__text_signature__", get_text_signature, nullptr, nullptr, nullptr},
    {"__annotations__", get_annotations, set_annotations, nullptr, nullptr},
    {"__annotate__", get_annotate, set_annotate, nullptr, nullptr},
    {"__type_params__", get_type_parameters, set_type_parameters, nullptr, nullptr},
    {}};

}  // namespace ks

// ---- exports --------------------------------------------------------------------------------------------------------------------

using namespace ks;

// __name__: new str.
extern "C" PyObject* PyType_GetName(PyTypeObject* type) { return type_name(type).release(); }
// __qualname__: new str.
extern "C" PyObject* PyType_GetQualName(PyTypeObject* type) {
  if (is_heap_type(type)) return Py_NewRef(heap_type(type)->ht_qualname);
  return type_name(type).release();
}
// __module__: new; AttributeError.
extern "C" PyObject* PyType_GetModuleName(PyTypeObject* type) { return get_module(object(type), nullptr); }
// "module.qualname", "qualname" for builtins and __main__: new str.
extern "C" PyObject* PyType_GetFullyQualifiedName(PyTypeObject* type) {
  if (!is_heap_type(type)) return PyUnicode_FromString(type->tp_name);
  Ref<> name = TRY(steal(PyType_GetQualName(type)));
  Ref<> module = TRY(steal(PyType_GetModuleName(type)));
  if (PyUnicode_Check(module) && !PyUnicode_EqualToUTF8(module, "builtins") && !PyUnicode_EqualToUTF8(module, "__main__"))
    return PyUnicode_FromFormat("%U.%U", module.get(), name.get());
  return name.release();
}
KS_EXPORT const char* _PyType_Name(PyTypeObject* type) { return type_name_without_module(type); }
// tp_flags.
extern "C" unsigned long PyType_GetFlags(PyTypeObject* type) { return type->tp_flags; }
