// Attribute access: the generic algorithm (data descriptor, instance dictionary, other descriptor, class attribute), its
// variants, instance dictionaries, and the C API's front.
#include "object/attribute.h"

#include "object/call.h"
#include "object/descriptor.h"
#include "object/export.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/dict.h"

namespace ks {

// ---- instance dictionaries --------------------------------------------------------------------------------------------------------

PyObject** instance_dict_slot_by_offset(PyObject* obj) {
  const PyTypeObject* type = Py_TYPE(obj);
  Py_ssize_t offset = type->tp_dictoffset;
  if (offset == 0) return nullptr;
  if (offset < 0) {
    // Counted from the end of the items.
    const Py_ssize_t items = PyLong_Check(obj) ? static_cast<Py_ssize_t>(as<PyLongObject>(obj)->long_value.lv_tag >> 3) : Py_ABS(Py_SIZE(obj));
    const Py_ssize_t size = (type->tp_basicsize + items * type->tp_itemsize + 7) & ~Py_ssize_t{7};
    offset += size;
  }
  return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(obj) + offset);
}

PyObject** make_managed_dict(PyObject* obj) {
  PyObject** word = managed_word(obj);
  *word = instance_dict_from_values(instance_values(*word));
  return *word ? word : nullptr;
}

// The values of an instance without a dict, else nullptr.
static PyDictValues* values_of(PyObject* obj) {
  if (!type_has(Py_TYPE(obj), Py_TPFLAGS_MANAGED_DICT)) return nullptr;
  PyObject* word = *managed_word(obj);
  return is_instance_values(word) ? instance_values(word) : nullptr;
}

Ref<> new_instance_dict(PyTypeObject* type) { return steal(dict_new_for_instance(type)); }

PyObject* instance_dict(PyObject* obj) {
  PyObject** slot = instance_dict_slot(obj);
  if (!slot) return raise(PyExc_AttributeError, "This object has no __dict__");
  if (!*slot) *slot = new_instance_dict(Py_TYPE(obj)).release();
  return *slot;
}

// ---- errors --------------------------------------------------------------------------------------------------------------------------

void add_attribute_context(PyObject* obj, PyObject* name) {
  PyObject* current = thread()->current_exception;
  if (!current || Py_TYPE(current) != as<PyTypeObject>(PyExc_AttributeError)) return;
  auto* error = as<PyAttributeErrorObject>(current);
  if (error->name || error->obj) return;
  error->name = Py_NewRef(name);
  error->obj = Py_NewRef(obj);
}

Failed raise_no_attribute(PyObject* obj, PyObject* name) {
  raise(PyExc_AttributeError, "'%.100s' object has no attribute '%U'", Py_TYPE(obj)->tp_name, name);
  add_attribute_context(obj, name);
  return failed;
}

namespace {

Failed raise_bad_name(PyObject* name) {
  return raise(PyExc_TypeError, "attribute name must be string, not '%.200s'", Py_TYPE(name)->tp_name);
}

// An AttributeError of a descriptor counts as absence where that is what the caller wants to know.
PyObject* suppress_attribute_error(PyObject* value, bool suppress) {
  if (!value && suppress && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
  return value;
}

// New; nullptr without or with an exception.
PyObject* find_in_dict(PyObject* dict, PyObject* name) {
  if (PyUnicode_CheckExact(name)) return Py_XNewRef(dict_get_str(as<PyDictObject>(dict), name));
  PyObject* value;
  return PyDict_GetItemRef(dict, name, &value) < 0 ? nullptr : value;
}

}  // namespace

// ---- getting --------------------------------------------------------------------------------------------------------------------------

PyObject* generic_get(PyObject* obj, PyObject* name, PyObject* dict, bool suppress) {
  if (!PyUnicode_Check(name)) return raise_bad_name(name);
  PyTypeObject* type = Py_TYPE(obj);
  if (!type->tp_mro && !type_has(type, Py_TPFLAGS_READY) && is_failure(type_ready(type))) return nullptr;
  PyObject* descriptor = type_lookup(type, name);
  descrgetfunc get = nullptr;
  Ref<> held;
  if (descriptor) {
    held = borrow(descriptor);
    get = Py_TYPE(descriptor)->tp_descr_get;
    if (get && is_data_descriptor(descriptor)) return suppress_attribute_error(get(descriptor, obj, object(type)), suppress);
  }
  PyDictValues* values = dict || !PyUnicode_CheckExact(name) ? nullptr : values_of(obj);
  if (values) {
    if (PyObject* value = instance_values_get(values, name)) return Py_NewRef(value);
  } else if (!dict) {
    PyObject** slot = instance_dict_slot(obj);
    if (slot) dict = *slot;
  }
  if (dict) {
    Ref<> dict_held = borrow(dict);
    PyObject* value = find_in_dict(dict, name);
    if (value) return value;
    if (thread()->current_exception) [[unlikely]] return suppress_attribute_error(nullptr, suppress);
  }
  if (get) return suppress_attribute_error(get(descriptor, obj, object(type)), suppress);
  if (descriptor) return held.release();
  if (!suppress) return raise_no_attribute(obj, name);
  return nullptr;
}

Ref<> get_attribute(PyObject* obj, PyObject* name) {
  PyTypeObject* type = Py_TYPE(obj);
  if (!PyUnicode_Check(name)) return raise_bad_name(name);
  PyObject* value;
  if (type->tp_getattro) {
    value = type->tp_getattro(obj, name);
  } else if (type->tp_getattr) {
    const char* text = TRY(PyUnicode_AsUTF8(name));
    value = type->tp_getattr(obj, const_cast<char*>(text));
  } else {
    return raise_no_attribute(obj, name);
  }
  if (!value) add_attribute_context(obj, name);
  return steal(value);
}

Found get_optional_attribute(PyObject* obj, PyObject* name, Ref<>* out) {
  out->reset();
  PyTypeObject* type = Py_TYPE(obj);
  PyObject* value;
  if (!PyUnicode_Check(name)) return raise_bad_name(name);
  if (type->tp_getattro == PyObject_GenericGetAttr) {
    value = generic_get(obj, name, nullptr, true);
    if (!value) return thread()->current_exception ? Found::Error : Found::No;
  } else if (type->tp_getattro == type_getattro) {
    value = type_get_optional(as<PyTypeObject>(obj), name);
    if (!value && !thread()->current_exception) return Found::No;
  } else {
    value = get_attribute(obj, name).release();
  }
  if (value) {
    *out = steal(value);
    return Found::Yes;
  }
  if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return Found::Error;
  PyErr_Clear();
  return Found::No;
}

int get_method(PyObject* obj, PyObject* name, PyObject** out) {
  PyTypeObject* type = Py_TYPE(obj);
  if (type->tp_getattro != PyObject_GenericGetAttr || !PyUnicode_CheckExact(name)) {
    *out = get_attribute(obj, name).release();
    return *out ? 0 : -1;
  }
  PyObject* descriptor = type_lookup(type, name);
  descrgetfunc get = nullptr;
  bool unbound = false;
  Ref<> held;
  if (descriptor) {
    held = borrow(descriptor);
    if (type_has(Py_TYPE(descriptor), Py_TPFLAGS_METHOD_DESCRIPTOR)) {
      unbound = true;
    } else {
      get = Py_TYPE(descriptor)->tp_descr_get;
      if (get && is_data_descriptor(descriptor)) {
        *out = get(descriptor, obj, object(type));
        return *out ? 0 : -1;
      }
    }
  }
  if (PyDictValues* values = values_of(obj)) {
    if (PyObject* value = instance_values_get(values, name)) {
      *out = Py_NewRef(value);
      return 0;
    }
  } else if (PyObject** slot = instance_dict_slot(obj); slot && *slot) {
    Ref<> dict = borrow(*slot);
    *out = find_in_dict(dict, name);
    if (*out) return 0;
    if (thread()->current_exception) [[unlikely]] return -1;
  }
  if (unbound) {
    *out = held.release();
    return 1;
  }
  *out = get ? get(descriptor, obj, object(type)) : held.release();
  if (*out) return 0;
  if (!descriptor) raise_no_attribute(obj, name);
  return -1;
}

// ---- setting --------------------------------------------------------------------------------------------------------------------------

// As instance_values_set, for the word of an instance. What is replaced may be freed, which can run code that changes the word: it
// is right before that.
static Found set_in_values(PyObject** word, PyObject* name, PyObject* value) {
  PyDictValues* values = instance_values(*word);
  Ref<> old = borrow(instance_values_get(values, name));
  const Found found = instance_values_set(&values, name, value);
  *word = instance_values_word(values);
  return found;
}

Status generic_set(PyObject* obj, PyObject* name, PyObject* value, PyObject* dict) {
  if (!PyUnicode_Check(name)) return raise_bad_name(name);
  PyTypeObject* type = Py_TYPE(obj);
  if (!type->tp_mro && !type_has(type, Py_TPFLAGS_READY)) TRY(type_ready(type));
  PyObject* descriptor = type_lookup(type, name);
  if (descriptor) {
    if (descrsetfunc set = Py_TYPE(descriptor)->tp_descr_set) {
      Ref<> held = borrow(descriptor);
      return status(set(descriptor, obj, value));
    }
  }
  if (!dict && type_has(type, Py_TPFLAGS_MANAGED_DICT) && PyUnicode_CheckExact(name)) {
    PyObject** word = managed_word(obj);
    if (!*word && value && is_heap_type(type)) *word = instance_values_word(TRY(instance_values_new(type)));
    if (values_of(obj)) {
      if (TRY(set_in_values(word, name, value))) return Status::Ok;
      if (!value) return raise_no_attribute(obj, name);
    }
  }
  if (!dict) {
    PyObject** slot = instance_dict_slot(obj);
    if (!slot) {
      if (descriptor)
        raise(PyExc_AttributeError, "'%.100s' object attribute '%U' is read-only", type->tp_name, name);
      else if (type->tp_setattro == PyObject_GenericSetAttr)
        raise(PyExc_AttributeError, "'%.100s' object has no attribute '%U' and no __dict__ for setting new attributes", type->tp_name, name);
      else
        raise(PyExc_AttributeError, "'%.100s' object has no attribute '%U'", type->tp_name, name);
      add_attribute_context(obj, name);
      return failed;
    }
    if (!*slot) {
      if (!value) return raise_no_attribute(obj, name);
      Ref<> made = TRY(new_instance_dict(type));
      *slot = made.release();
    }
    dict = *slot;
  }
  Ref<> held = borrow(dict);
  if (value) return status(PyDict_SetItem(dict, name, value));
  const int removed = PyDict_Pop(dict, name, nullptr);
  if (removed < 0) return failed;
  if (!removed) return raise_no_attribute(obj, name);
  return Status::Ok;
}

Status set_attribute(PyObject* obj, PyObject* name, PyObject* value) {
  PyTypeObject* type = Py_TYPE(obj);
  if (!PyUnicode_Check(name)) return raise_bad_name(name);
  PyObject* interned = Py_NewRef(name);
  PyUnicode_InternInPlace(&interned);
  Ref<> key = steal(interned);
  if (type->tp_setattro) return status(type->tp_setattro(obj, key, value));
  if (type->tp_setattr) {
    const char* text = TRY(PyUnicode_AsUTF8(key));
    return status(type->tp_setattr(obj, const_cast<char*>(text), value));
  }
  const char* what = value ? "assign to" : "del";
  if (!type->tp_getattr && !type->tp_getattro)
    return raise(PyExc_TypeError, "'%.100s' object has no attributes (%s .%U)", type->tp_name, what, key.get());
  return raise(PyExc_TypeError, "'%.100s' object has only read-only attributes (%s .%U)", type->tp_name, what, key.get());
}

}  // namespace ks

// ---- exports --------------------------------------------------------------------------------------------------------------------------

using namespace ks;

namespace {
Ref<> name_from(const char* text) {
  PyObject* name = PyUnicode_InternFromString(text);
  return steal(name);
}
}  // namespace

// obj.name: new; AttributeError.
extern "C" PyObject* PyObject_GetAttr(PyObject* obj, PyObject* name) { return get_attribute(obj, name).release(); }
extern "C" PyObject* PyObject_GetAttrString(PyObject* obj, const char* text) {
  if (!Py_TYPE(obj)->tp_getattro && Py_TYPE(obj)->tp_getattr) return Py_TYPE(obj)->tp_getattr(obj, const_cast<char*>(text));
  Ref<> name = TRY(name_from(text));
  return get_attribute(obj, name).release();
}
// 1 and *result = obj.name (new); 0 and *result = NULL when there is no such attribute; -1 on other errors.
extern "C" int PyObject_GetOptionalAttr(PyObject* obj, PyObject* name, PyObject** result) {
  Ref<> value;
  const Found found = get_optional_attribute(obj, name, &value);
  *result = value.release();
  return to_c(found);
}
extern "C" int PyObject_GetOptionalAttrString(PyObject* obj, const char* text, PyObject** result) {
  *result = nullptr;
  Ref<> name = TRY(name_from(text));
  return PyObject_GetOptionalAttr(obj, name, result);
}
// 0, or -1 with an exception; value NULL deletes.
extern "C" int PyObject_SetAttr(PyObject* obj, PyObject* name, PyObject* value) { return to_c(set_attribute(obj, name, value)); }
extern "C" int PyObject_SetAttrString(PyObject* obj, const char* text, PyObject* value) {
  if (!Py_TYPE(obj)->tp_setattro && Py_TYPE(obj)->tp_setattr) return Py_TYPE(obj)->tp_setattr(obj, const_cast<char*>(text), value);
  Ref<> name = TRY(name_from(text));
  return to_c(set_attribute(obj, name, value));
}
extern "C" int(PyObject_DelAttr)(PyObject* obj, PyObject* name) { return to_c(set_attribute(obj, name, nullptr)); }
extern "C" int(PyObject_DelAttrString)(PyObject* obj, const char* text) { return PyObject_SetAttrString(obj, text, nullptr); }
// 1, 0, or -1 with an exception.
extern "C" int PyObject_HasAttrWithError(PyObject* obj, PyObject* name) {
  Ref<> value;
  return to_c(get_optional_attribute(obj, name, &value));
}
extern "C" int PyObject_HasAttrStringWithError(PyObject* obj, const char* text) {
  Ref<> name = TRY(name_from(text));
  return PyObject_HasAttrWithError(obj, name);
}
// 1 or 0; errors are reported as unraisable.
extern "C" int PyObject_HasAttr(PyObject* obj, PyObject* name) {
  const int result = PyObject_HasAttrWithError(obj, name);
  if (result < 0) {
    PyErr_FormatUnraisable(
        "Exception ignored in PyObject_HasAttr(); consider using PyObject_HasAttrWithError(), PyObject_GetOptionalAttr() or PyObject_GetAttr()");
    return 0;
  }
  return result;
}
extern "C" int PyObject_HasAttrString(PyObject* obj, const char* text) {
  const int result = PyObject_HasAttrStringWithError(obj, text);
  if (result < 0) {
    PyErr_FormatUnraisable(
        "Exception ignored in PyObject_HasAttrString(); consider using PyObject_HasAttrStringWithError(), PyObject_GetOptionalAttrString() or PyObject_GetAttrString()");
    return 0;
  }
  return result;
}

// The standard tp_getattro: new.
extern "C" PyObject* PyObject_GenericGetAttr(PyObject* obj, PyObject* name) { return generic_get(obj, name); }
extern "C" PyObject* _PyObject_GenericGetAttrWithDict(PyObject* obj, PyObject* name, PyObject* dict, int suppress) {
  return generic_get(obj, name, dict, suppress != 0);
}
// The standard tp_setattro.
extern "C" int PyObject_GenericSetAttr(PyObject* obj, PyObject* name, PyObject* value) { return to_c(generic_set(obj, name, value)); }
extern "C" int _PyObject_GenericSetAttrWithDict(PyObject* obj, PyObject* name, PyObject* value, PyObject* dict) {
  return to_c(generic_set(obj, name, value, dict));
}

// The getter of __dict__ for getset tables: new; made when there is none yet.
extern "C" PyObject* PyObject_GenericGetDict(PyObject* obj, void*) { return Py_XNewRef(instance_dict(obj)); }
// The setter: TypeError unless a dict; cannot be deleted.
extern "C" int PyObject_GenericSetDict(PyObject* obj, PyObject* value, void*) {
  PyObject** slot = instance_dict_slot(obj);
  if (!slot) return raise(PyExc_AttributeError, "This object has no __dict__");
  if (!value) return raise(PyExc_TypeError, "cannot delete __dict__");
  if (!PyDict_Check(value))
    return raise(PyExc_TypeError, "__dict__ must be set to a dictionary, not a '%.200s'", Py_TYPE(value)->tp_name);
  Py_XSETREF(*slot, Py_NewRef(value));
  return 0;
}
// The address of the dictionary's pointer; NULL without an exception when instances have none.
extern "C" PyObject** _PyObject_GetDictPtr(PyObject* obj) {
  PyObject** slot = instance_dict_slot(obj);
  // Callers expect to find the dictionary of an instance that has attributes; a managed one is made for them.
  if (slot && !*slot && type_has(Py_TYPE(obj), Py_TPFLAGS_MANAGED_DICT)) {
    *slot = new_instance_dict(Py_TYPE(obj)).release();
    if (!*slot) {
      PyErr_Clear();
      return nullptr;
    }
  }
  return slot;
}

// For tp_traverse and tp_clear of types with Py_TPFLAGS_MANAGED_DICT.
extern "C" int PyObject_VisitManagedDict(PyObject* obj, visitproc visit, void* arg) {
  if (!type_has(Py_TYPE(obj), Py_TPFLAGS_MANAGED_DICT)) return 0;
  PyObject* word = *managed_word(obj);
  if (is_instance_values(word)) return instance_values_traverse(instance_values(word), visit, arg);
  Py_VISIT(word);
  return 0;
}
extern "C" void PyObject_ClearManagedDict(PyObject* obj) {
  if (!type_has(Py_TYPE(obj), Py_TPFLAGS_MANAGED_DICT)) return;
  PyObject* word = std::exchange(*managed_word(obj), nullptr);
  if (is_instance_values(word)) instance_values_free(instance_values(word));
  else Py_XDECREF(word);
}
extern "C" int _PyObject_SetManagedDict(PyObject* obj, PyObject* dict) {
  PyObject* word = std::exchange(*managed_word(obj), Py_XNewRef(dict));
  if (is_instance_values(word)) instance_values_free(instance_values(word));
  else Py_XDECREF(word);
  return 0;
}

// 1 and *method = unbound function (new, wants obj first); 0 and *method = the value (new, or NULL with an exception).
KS_EXPORT int _PyObject_GetMethod(PyObject* obj, PyObject* name, PyObject** method) {
  const int result = get_method(obj, name, method);
  return result < 0 ? 0 : result;
}
// Calls obj's special method without arguments: new; NULL without an exception when there is none.
KS_EXPORT PyObject* _PyObject_MaybeCallSpecialNoArgs(PyObject* obj, PyObject* name) {
  Ref<> method;
  const int unbound = find_optional_special(obj, name, &method);
  if (unbound < 0) return nullptr;
  return unbound ? call(method.get(), obj) : call(method.get());
}
KS_EXPORT PyObject* _PyObject_MaybeCallSpecialOneArg(PyObject* obj, PyObject* name, PyObject* argument) {
  Ref<> method;
  const int unbound = find_optional_special(obj, name, &method);
  if (unbound < 0) return nullptr;
  return unbound ? call(method.get(), obj, argument) : call(method.get(), argument);
}
// A cached static identifier of an extension module: new.
extern "C" PyObject* _PyObject_GetAttrId(PyObject* obj, _Py_Identifier* identifier) {
  PyObject* name = _PyUnicode_FromId(identifier);  // borrowed
  return name ? get_attribute(obj, name).release() : nullptr;
}
