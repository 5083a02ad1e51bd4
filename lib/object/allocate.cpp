// Making objects: blocks with pre-header, PyObject_New and its family, PyObject_GC_New and its family.
#include "object/allocate.h"

#include <Python.h>

#include <cstring>

#include "object/export.h"
#include "object/reference_count.h"
#include "object/result.h"

namespace ks {

namespace {

// Sets what every new object has. The type of a heap type's instance is counted.
inline void object_begin(PyObject* object, PyTypeObject* type) {
  object->ob_refcnt_full = 1;
  object->ob_type = type;
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) Py_INCREF(type);
  if (ref_tracer.function) [[unlikely]] ref_tracer.function(object, PyRefTracer_CREATE, ref_tracer.data);
}

// A block for a collectable object; the pre-header is zero, what follows is not.
PyObject* gc_block(size_t presize, size_t size) {
  if (size > static_cast<size_t>(PY_SSIZE_T_MAX) - presize) {
    PyErr_NoMemory();
    return nullptr;
  }
  auto* block = static_cast<char*>(object_allocate(presize + size));
  if (!block) {
    PyErr_NoMemory();
    return nullptr;
  }
  memset(block, 0, presize);
  PyThreadState* tstate = thread();
  gc_count_allocation(&tstate->interp->object.collector, tstate);
  return reinterpret_cast<PyObject*>(block + presize);
}

}  // namespace

PyObject* allocate_object(PyTypeObject* type, Py_ssize_t item_count) {
  size_t size = static_cast<size_t>(type->tp_basicsize);
  if (type->tp_itemsize) {
    // One more item, as a sentinel.
    size_t bytes;
    if (__builtin_mul_overflow(static_cast<size_t>(item_count) + 1, static_cast<size_t>(type->tp_itemsize), &bytes) ||
        bytes > static_cast<size_t>(PY_SSIZE_T_MAX) / 2) {
      PyErr_NoMemory();
      return nullptr;
    }
    size = _Py_SIZE_ROUND_UP(size + bytes, SIZEOF_VOID_P);
  }
  const size_t presize = object_presize(type);
  auto* block = static_cast<char*>(object_allocate_zeroed(presize + size));
  if (!block) {
    PyErr_NoMemory();
    return nullptr;
  }
  auto* object = reinterpret_cast<PyObject*>(block + presize);
  if (presize) {
    PyThreadState* tstate = thread();
    gc_count_allocation(&tstate->interp->object.collector, tstate);
  }
  if (type->tp_itemsize) reinterpret_cast<PyVarObject*>(object)->ob_size = item_count;
  object_begin(object, type);
  return object;
}

PyObject* allocate_gc(PyTypeObject* type, size_t size) {
  PyObject* object = gc_block(object_presize(type), size);
  if (object) object_begin(object, type);
  return object;
}

PyObject* allocate_plain(PyTypeObject* type, size_t size) {
  auto* object = static_cast<PyObject*>(object_allocate(size));
  if (!object) {
    PyErr_NoMemory();
    return nullptr;
  }
  object_begin(object, type);
  return object;
}

}  // namespace ks

using namespace ks;

// Sets type and reference count of a block; result: the block (or NULL with MemoryError for a NULL block).
PyObject* PyObject_Init(PyObject* object, PyTypeObject* type) {
  if (!object) return PyErr_NoMemory();
  object_begin(object, type);
  return object;
}
PyVarObject* PyObject_InitVar(PyVarObject* object, PyTypeObject* type, Py_ssize_t size) {
  if (!object) return reinterpret_cast<PyVarObject*>(PyErr_NoMemory());
  object_begin(&object->ob_base, type);
  Py_SET_SIZE(object, size);
  return object;
}

// New object, not zeroed beyond its head; NULL with MemoryError.
PyObject* _PyObject_New(PyTypeObject* type) { return allocate_plain(type, _PyObject_SIZE(type)); }
PyVarObject* _PyObject_NewVar(PyTypeObject* type, Py_ssize_t count) {
  auto* object = reinterpret_cast<PyVarObject*>(allocate_plain(type, _PyObject_VAR_SIZE(type, count)));
  if (object) Py_SET_SIZE(object, count);
  return object;
}

// New collectable object, not tracked; NULL with MemoryError.
PyObject* _PyObject_GC_New(PyTypeObject* type) { return allocate_gc(type, _PyObject_SIZE(type)); }
PyVarObject* _PyObject_GC_NewVar(PyTypeObject* type, Py_ssize_t count) {
  if (count < 0) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  auto* object = reinterpret_cast<PyVarObject*>(allocate_gc(type, _PyObject_VAR_SIZE(type, count)));
  if (object) Py_SET_SIZE(object, count);
  return object;
}
// New collectable zeroed object with extra bytes behind it; NULL with MemoryError.
PyObject* PyUnstable_Object_GC_NewWithExtraData(PyTypeObject* type, size_t extra) {
  const size_t size = _PyObject_SIZE(type) + extra;
  PyObject* object = gc_block(object_presize(type), size);
  if (!object) return nullptr;
  memset(static_cast<void*>(object), 0, size);
  object_begin(object, type);
  return object;
}

// Resizes an untracked collectable object; NULL with MemoryError, the object then is as it was.
PyVarObject* _PyObject_GC_Resize(PyVarObject* object, Py_ssize_t count) {
  PyTypeObject* type = Py_TYPE(object);
  const size_t presize = object_presize(type);
  const size_t size = _PyObject_VAR_SIZE(type, count);
  if (gc_is_tracked(object)) {
    _PyObject_AssertFailed(&object->ob_base, "!_PyObject_GC_IS_TRACKED(((PyObject*)((op))))", nullptr, "object/allocate.cpp",
                           __LINE__, "_PyObject_GC_Resize");
  }
  if (size > static_cast<size_t>(PY_SSIZE_T_MAX) - presize) return reinterpret_cast<PyVarObject*>(PyErr_NoMemory());
  auto* block = static_cast<char*>(PyObject_Realloc(reinterpret_cast<char*>(object) - presize, presize + size));
  if (!block) return reinterpret_cast<PyVarObject*>(PyErr_NoMemory());
  object = reinterpret_cast<PyVarObject*>(block + presize);
  Py_SET_SIZE(object, count);
  return object;
}

// Frees the memory of a collectable object, untracking it first.
void PyObject_GC_Del(void* object) {
  gc_untrack_if_tracked(object);
  if (PyThreadState* tstate = thread()) [[likely]] gc_count_deallocation(&tstate->interp->object.collector);
  object_free(static_cast<char*>(object) - object_presize(Py_TYPE(static_cast<PyObject*>(object))));
}
// Starts and ends tracking. Tracking a tracked object is a fatal error, untracking an untracked one is nothing.
void PyObject_GC_Track(void* object) {
  if (gc_is_tracked(object)) {
    _PyObject_AssertFailed(static_cast<PyObject*>(object), nullptr, "object already tracked by the garbage collector",
                           "object/allocate.cpp", __LINE__, "PyObject_GC_Track");
  }
  gc_track(object);
}
void PyObject_GC_UnTrack(void* object) { gc_untrack_if_tracked(object); }
int PyObject_GC_IsTracked(PyObject* object) { return gc_may_be_tracked(object); }
int PyObject_GC_IsFinalized(PyObject* object) { return object_is_gc(object) && gc_is_finalized(object); }
int PyObject_IS_GC(PyObject* object) { return object_is_gc(object); }
