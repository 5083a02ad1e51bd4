// Type objects: flags, names, dictionaries, attribute lookup along the MRO, version tags.
#pragma once

#include <Python.h>

#include "object/identifier.h"
#include "object/result.h"

namespace ks {

// ---- flags and fields --------------------------------------------------------------------------------------------------

inline bool type_has(const PyTypeObject* type, unsigned long flags) { return (type->tp_flags & flags) != 0; }
inline bool is_heap_type(const PyTypeObject* type) { return type_has(type, Py_TPFLAGS_HEAPTYPE); }
// Static and part of this library: shared by all interpreters, immutable, immortal.
inline bool is_static_builtin(const PyTypeObject* type) { return type_has(type, _Py_TPFLAGS_STATIC_BUILTIN); }
inline bool is_gc_type(const PyTypeObject* type) { return type_has(type, Py_TPFLAGS_HAVE_GC); }
inline PyHeapTypeObject* heap_type(PyTypeObject* type) { return reinterpret_cast<PyHeapTypeObject*>(type); }
inline PyTypeObject* type_of(PyObject* object) { return Py_TYPE(object); }
inline PyObject* object(PyTypeObject* type) { return reinterpret_cast<PyObject*>(type); }

inline bool is_subtype(PyTypeObject* type, PyTypeObject* base) { return type == base || PyType_IsSubtype(type, base); }

// The part of tp_name after the last dot: what __name__ of a static type is.
const char* type_name_without_module(const PyTypeObject* type);
// __name__ as a str, new.
Ref<> type_name(PyTypeObject* type);

// ---- what depends on the interpreter for static types ------------------------------------------------------------------

// tp_dict, borrowed; never nullptr for a ready type.
PyObject* type_dict(PyTypeObject* type);
void type_set_dict(PyTypeObject* type, PyObject* dict);  // steals
// The dict {address: weak reference} of direct subclasses, borrowed; nullptr when there is none.
PyObject* type_subclasses(PyTypeObject* type);
// The head of the type's list of weak references.
PyObject** type_weak_list(PyTypeObject* type);

// ---- lookup --------------------------------------------------------------------------------------------------------

// The value of `name` in the dictionaries along type's MRO: borrowed, nullptr without error when there is none. Cached.
PyObject* type_lookup(PyTypeObject* type, PyObject* name);
// The same with the version tag under which the result is valid; 0 when it must not be cached.
PyObject* type_lookup_with_version(PyTypeObject* type, PyObject* name, unsigned int* version);
// The version tag, assigned when there is none; 0 when the type cannot have one (any more).
unsigned int type_assign_version(PyTypeObject* type);
// To be called after any change of a type's dictionary, bases or slots.
void type_modified(PyTypeObject* type);
// A special method of obj's type, bound: new; nullptr without error when there is none.
Ref<> lookup_special(PyObject* obj, PyObject* name);
// The same without binding what is a plain function: 1 and *out = unbound method (new), to be called with obj as first
// argument; 0 and *out = bound (new); 0 and *out = nullptr without error when there is none; -1 on error.
int lookup_special_method(PyObject* obj, PyObject* name, PyObject** out);

// ---- making and changing types -----------------------------------------------------------------------------------------

// PyType_Ready for this library's types: registers the type in the current interpreter, readies it if it is not.
Status static_type_ready(PyTypeObject* type);
// The same for the types of a module (module_types.def), bases first, by whichever interpreter comes first.
Status static_types_ready_late(PyTypeObject* const* types, int count);
// All rows of static_types.def.
Status static_types_ready(PyInterpreterState* state);
void static_types_end(PyInterpreterState* state);

// The most derived of the metaclass given and the bases' metaclasses, borrowed; TypeError on a conflict.
PyTypeObject* calculate_metaclass(PyTypeObject* metatype, PyObject* bases);
// The base that determines the layout of instances, borrowed; TypeError when there is none.
PyTypeObject* best_base(PyObject* bases);

// ---- instances of Python-defined and spec-made types --------------------------------------------------------------------

void instance_dealloc(PyObject* self);
int instance_traverse(PyObject* self, visitproc visit, void* argument);
int instance_clear(PyObject* self);

}  // namespace ks
