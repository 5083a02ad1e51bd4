// What the files type*.cpp share.
#pragma once

#include "object/slots.h"
#include "object/type.h"

namespace ks {

inline constexpr Py_ssize_t kManagedWeakOffset = -4 * static_cast<Py_ssize_t>(sizeof(void*));

Status type_ready(PyTypeObject* type);
bool slot_is_inherited(PyTypeObject* type, const SlotRow& row, void* function);

// ---- MRO and bases (type_mro.cpp) ------------------------------------------------------------------------------------------
// Computes type->tp_mro anew, by the metatype's mro() where it has its own.
Status update_mro(PyTypeObject* type);
// The C3 order, a tuple.
Ref<> standard_mro(PyTypeObject* type);
Status add_subclass(PyTypeObject* base, PyTypeObject* type);
void remove_subclass(PyTypeObject* base, PyTypeObject* type);
void remove_from_bases(PyTypeObject* type);
Ref<> list_subclasses(PyTypeObject* type);
// type.__bases__ = bases
Status set_type_bases(PyTypeObject* type, PyObject* bases);
void update_all_slots_below(PyTypeObject* type);
// Whether instances of the two can take each other's class; TypeError when not, with `attribute` in its message.
bool compatible_for_assignment(PyTypeObject* old_type, PyTypeObject* new_type, const char* attribute);
// The nearest class at or above `type` that adds fields to instances (other than a dictionary and weak references).
PyTypeObject* solid_base(PyTypeObject* type);

// ---- type_new.cpp -----------------------------------------------------------------------------------------------------------
PyObject* type_new(PyTypeObject* metatype, PyObject* args, PyObject* kwargs);
Status add_new_wrapper(PyTypeObject* type);
// The members of a class's __slots__ lie behind the type's struct.
inline PyMemberDef* heap_type_members(PyHeapTypeObject* type) {
  return reinterpret_cast<PyMemberDef*>(reinterpret_cast<char*>(type) + Py_TYPE(object(&type->ht_type))->tp_basicsize);
}
// Copies of the getset rows that classes with a dictionary and weak references get.
extern PyGetSetDef instance_dict_getset[];       // __dict__, __weakref__
extern PyGetSetDef instance_dict_only_getset[];  // __dict__
extern PyGetSetDef instance_weak_getset[];       // __weakref__

// ---- type_object.cpp ----------------------------------------------------------------------------------------------------------
// tp_vectorcall of classes made by type.__new__.
PyObject* class_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames);
PyObject* object_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
int object_init(PyObject* self, PyObject* args, PyObject* kwargs);
// TypeError "Can't instantiate abstract class …".
Failed raise_abstract(PyTypeObject* type);

// ---- type_attributes.cpp ------------------------------------------------------------------------------------------------------
PyObject* type_getattro(PyObject* type, PyObject* name);
int type_setattro(PyObject* type, PyObject* name, PyObject* value);
// type.name: new; nullptr without an exception when there is no such attribute.
PyObject* type_get_optional(PyTypeObject* type, PyObject* name);
// Adds the names of a class and its bases to the dict `names`.
Status merge_class_dict(PyObject* names, PyObject* cls);
extern PyGetSetDef type_getsets[];

// ---- type_spec.cpp, descriptors -------------------------------------------------------------------------------------------------
Status add_methods(PyTypeObject* type);
Status add_members(PyTypeObject* type);
Status add_getsets(PyTypeObject* type);

}  // namespace ks
