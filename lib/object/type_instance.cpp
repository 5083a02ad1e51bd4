// Life of instances of Python-defined classes: allocation, traversal, clearing, the end.
//
// These functions serve every class in a chain up to the first base with a function of its own (C-defined): what that base
// does not know of (slots, dictionary, weak references, the class itself when it is the only heap type) is done here.
#include "object/allocate.h"
#include "object/attribute.h"
#include "object/collector.h"
#include "object/export.h"
#include "object/type_internal.h"
#include "runtime/state.h"

namespace ks {
namespace {

template <class F>
void each_slot(PyTypeObject* type, PyObject* self, F&& f) {
  const Py_ssize_t count = Py_SIZE(object(type));
  PyMemberDef* member = heap_type_members(heap_type(type));
  for (Py_ssize_t i = 0; i < count; ++i, ++member)
    if (member->type == Py_T_OBJECT_EX) f(reinterpret_cast<PyObject**>(reinterpret_cast<char*>(self) + member->offset));
}

void clear_slots(PyTypeObject* type, PyObject* self) {
  each_slot(type, self, [](PyObject** slot) { Py_CLEAR(*slot); });
}

}  // namespace

int instance_traverse(PyObject* self, visitproc visit, void* arg) {
  PyTypeObject* type = Py_TYPE(self);
  PyTypeObject* base = type;
  while (base->tp_traverse == instance_traverse) {
    if (Py_SIZE(object(base))) {
      int result = 0;
      each_slot(base, self, [&](PyObject** slot) {
        if (*slot && !result) result = visit(*slot, arg);
      });
      if (result) return result;
    }
    base = base->tp_base;
  }
  if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
    const int result = PyObject_VisitManagedDict(self, visit, arg);
    if (result) return result;
  } else if (type->tp_dictoffset != base->tp_dictoffset) {
    PyObject** slot = instance_dict_slot(self);
    if (slot) Py_VISIT(*slot);
  }
  // A heap type that is the base visits the class itself.
  if (is_heap_type(type) && (!base->tp_traverse || !is_heap_type(base))) Py_VISIT(type);
  return base->tp_traverse ? base->tp_traverse(self, visit, arg) : 0;
}

int instance_clear(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyTypeObject* base = type;
  while (base->tp_clear == instance_clear) {
    if (Py_SIZE(object(base))) clear_slots(base, self);
    base = base->tp_base;
  }
  if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
    PyObject_ClearManagedDict(self);
  } else if (type->tp_dictoffset != base->tp_dictoffset) {
    PyObject** slot = instance_dict_slot(self);
    if (slot) Py_CLEAR(*slot);
  }
  return base->tp_clear ? base->tp_clear(self) : 0;
}

void instance_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  const bool collectable = is_gc_type(type);
  PyTypeObject* base = type;
  bool slots = false;
  while (base->tp_dealloc == instance_dealloc) {
    slots = slots || Py_SIZE(object(base));
    base = base->tp_base;
  }
  const bool finalizer = type->tp_finalize || type->tp_del;
  if (collectable && !finalizer) gc_untrack_if_tracked(self);
  if (type->tp_finalize) {
    if (PyObject_CallFinalizerFromDealloc(self) < 0) return;  // resurrected
  }
  if (type->tp_del) {
    // Weak references are gone before it runs; __del__ runs with them.
    if (type->tp_weaklistoffset && !base->tp_weaklistoffset && *weak_list_slot(self)) PyObject_ClearWeakRefs(self);
    // The old protocol: the function may resurrect the object, whose count it raises and lowers itself.
    type->tp_del(self);
    if (Py_REFCNT(self) > 0) return;
  }
  if (finalizer) {
    // __del__ may have given the object another class.
    type = Py_TYPE(self);
    if (collectable) gc_untrack_if_tracked(self);
    slots = false;
    for (base = type; base->tp_dealloc == instance_dealloc; base = base->tp_base) slots = slots || Py_SIZE(object(base));
  }
  if (type->tp_weaklistoffset && !base->tp_weaklistoffset) {
    PyObject** list = weak_list_slot(self);
    if (*list) PyObject_ClearWeakRefs(self);
  }
  if (slots) {
    for (PyTypeObject* owner = type; owner->tp_dealloc == instance_dealloc; owner = owner->tp_base)
      if (Py_SIZE(object(owner))) clear_slots(owner, self);
  }
  if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
    PyObject_ClearManagedDict(self);
  } else if (type->tp_dictoffset && !base->tp_dictoffset) {
    PyObject** slot = instance_dict_slot(self);
    if (slot) Py_CLEAR(*slot);
  }
  type = Py_TYPE(self);
  // A C base's function untracks what it expects to be tracked.
  if (collectable && is_gc_type(base) && base != &PyBaseObject_Type) gc_track(self);
  // A heap type's own function gives the reference to the class back.
  const bool release_type = is_heap_type(type) && !is_heap_type(base);
  base->tp_dealloc(self);
  if (release_type) Py_DECREF(object(type));
}

}  // namespace ks

using namespace ks;

// A new instance, zeroed, tracked when it is collectable: new.
extern "C" PyObject* PyType_GenericAlloc(PyTypeObject* type, Py_ssize_t count) {
  PyObject* self = allocate_object(type, count);
  if (self && is_gc_type(type)) gc_track(self);
  return self;
}
KS_EXPORT PyObject* _PyType_AllocNoTrack(PyTypeObject* type, Py_ssize_t count) { return allocate_object(type, count); }

// tp_new for types without one of their own: new, arguments are not looked at.
extern "C" PyObject* PyType_GenericNew(PyTypeObject* type, PyObject*, PyObject*) { return type->tp_alloc(type, 0); }

// An instance of a class with managed dictionary, as calling the class without __new__ and __init__ makes it: new.
KS_EXPORT PyObject* _PyType_NewManagedObject(PyTypeObject* type) { return PyType_GenericAlloc(type, 0); }
