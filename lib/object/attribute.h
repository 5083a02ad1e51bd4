// Attribute access: the generic implementation, instance dictionaries, methods without binding.
#pragma once

#include <Python.h>

#include "object/result.h"
#include "object/type.h"

namespace ks {

// Words before an object: GC head 2, managed dictionary at -3, managed weak references at -4.
// What stands in the place of a managed dict: nothing, the dict, or values of an instance (types/dict.h).
inline PyObject** managed_word(PyObject* obj) { return reinterpret_cast<PyObject**>(obj) - 3; }
inline bool is_instance_values(PyObject* word) { return reinterpret_cast<uintptr_t>(word) & 1; }
// Makes the dict of an instance's values; nullptr with MemoryError (then the attributes are gone).
PyObject** make_managed_dict(PyObject* obj);
// The place of the managed dict, which is made where there were values alone.
inline PyObject** managed_dict_slot(PyObject* obj) {
  PyObject** word = managed_word(obj);
  return is_instance_values(*word) ? make_managed_dict(obj) : word;
}
inline PyObject** managed_weak_list(PyObject* obj) { return reinterpret_cast<PyObject**>(obj) - 4; }

// The address of the instance dictionary's pointer (which may hold nullptr); nullptr when instances have none.
PyObject** instance_dict_slot_by_offset(PyObject* obj);
inline PyObject** instance_dict_slot(PyObject* obj) {
  const PyTypeObject* type = Py_TYPE(obj);
  if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) return managed_dict_slot(obj);
  return type->tp_dictoffset == 0 ? nullptr : instance_dict_slot_by_offset(obj);
}
// The instance's dictionary, made when there is none yet: borrowed. AttributeError when instances have none.
PyObject* instance_dict(PyObject* obj);
// A new dictionary for an instance of `type` (shared keys where the type has them).
Ref<> new_instance_dict(PyTypeObject* type);

// The head of the list of weak references; nullptr when obj's type does not support them.
inline PyObject** weak_list_slot(PyObject* obj) {
  PyTypeObject* type = Py_TYPE(obj);
  if (PyType_Check(obj) && is_static_builtin(reinterpret_cast<PyTypeObject*>(obj)))
    return type_weak_list(reinterpret_cast<PyTypeObject*>(obj));
  if (type->tp_weaklistoffset == 0) return nullptr;
  return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(obj) + type->tp_weaklistoffset);
}

// obj.name with whatever tp_getattro/tp_getattr say: new. AttributeError when there is none.
Ref<> get_attribute(PyObject* obj, PyObject* name);
// The same; an AttributeError is not raised: Found::No and an empty *out.
Found get_optional_attribute(PyObject* obj, PyObject* name, Ref<>* out);
Status set_attribute(PyObject* obj, PyObject* name, PyObject* value);  // value nullptr: delete

// What PyObject_GenericGetAttr does. `suppress`: nullptr without an exception when there is no such attribute.
PyObject* generic_get(PyObject* obj, PyObject* name, PyObject* dict = nullptr, bool suppress = false);
Status generic_set(PyObject* obj, PyObject* name, PyObject* value, PyObject* dict = nullptr);

// obj.name for a call obj.name(...): 1 and *out = a function that wants obj as first argument; 0 and *out = the
// attribute's value; -1 with an exception. *out is new.
int get_method(PyObject* obj, PyObject* name, PyObject** out);

// AttributeError "'X' object has no attribute 'y'" with its name and obj set.
Failed raise_no_attribute(PyObject* obj, PyObject* name);
// Sets name and obj on the current exception if it is an AttributeError without them.
void add_attribute_context(PyObject* obj, PyObject* name);

// For super(type, self).name and LOAD_SUPER_ATTR: new; falls back on ordinary access to a super object's own
// attributes for __class__. `method_found`: when not nullptr and a plain function is found, it is left unbound and
// *method_found is set.
PyObject* super_lookup(PyTypeObject* type, PyObject* self, PyObject* name, bool* method_found);

}  // namespace ks
