// Making and freeing the memory of objects: block, pre-header, reference count and type.
#pragma once

#include <Python.h>

#include "memory/allocator.h"
#include "object/collector.h"
#include "object/reference_count.h"

namespace ks {

// Bytes before the object: GC head, and above it (lower addresses) the managed dict and weak reference list.
inline size_t object_presize(PyTypeObject* type) {
  if (type->tp_flags & (Py_TPFLAGS_MANAGED_DICT | Py_TPFLAGS_MANAGED_WEAKREF)) return 4 * sizeof(void*);
  return type->tp_flags & Py_TPFLAGS_HAVE_GC ? sizeof(GcHead) : 0;
}

// A new object of the type: zeroed, with its pre-header, one reference, heap type counted; NOT tracked.
// The size of a type with items has room for one more than asked, as PyType_GenericAlloc promises.
// nullptr with MemoryError.
PyObject* allocate_object(PyTypeObject* type, Py_ssize_t item_count);

// A collectable object of `size` bytes (without pre-header), not zeroed beyond the pre-header: type and reference
// count are set. For the fixed-size types of the library, whose constructor fills every field. nullptr with MemoryError.
PyObject* allocate_gc(PyTypeObject* type, size_t size);
template <class T>
T* allocate_gc(PyTypeObject* type) {
  return reinterpret_cast<T*>(allocate_gc(type, sizeof(T)));
}
// The same without a pre-header.
PyObject* allocate_plain(PyTypeObject* type, size_t size);
template <class T>
T* allocate_plain(PyTypeObject* type) {
  return reinterpret_cast<T*>(allocate_plain(type, sizeof(T)));
}

// Sets type and reference count of a block that came from a free list (static type).
inline void object_renew(PyObject* object, PyTypeObject* type) {
  object->ob_refcnt_full = 1;
  object->ob_type = type;
  if (ref_tracer.reused) [[unlikely]] ref_tracer.reused(object);
  if (ref_tracer.function) [[unlikely]] ref_tracer.function(object, PyRefTracer_CREATE, ref_tracer.data);
}

}  // namespace ks
