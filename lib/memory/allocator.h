// The three allocation domains of the manual: raw, mem and obj, each behind a table of hooks.
//
// As long as nobody installed a hook, mem and obj go straight to mimalloc: object_allocate() is one test and a call.
#pragma once

#include <Python.h>

#include <mimalloc.h>

namespace ks {

// The process's hooks; changed by PyMem_SetAllocator and the like, under the GIL or before threads exist.
struct AllocatorTable {
  PyMemAllocatorEx domains[3];  // by PyMemAllocatorDomain
  bool plain_mem;               // domain mem is mimalloc without hooks
  bool plain_obj;
};
extern constinit AllocatorTable allocators;

inline void* object_allocate(size_t size) {
  if (allocators.plain_obj) [[likely]] {
    if (size > static_cast<size_t>(PY_SSIZE_T_MAX)) return nullptr;
    return mi_malloc(size);
  }
  return PyObject_Malloc(size);
}
inline void* object_allocate_zeroed(size_t size) {
  if (allocators.plain_obj) [[likely]] {
    if (size > static_cast<size_t>(PY_SSIZE_T_MAX)) return nullptr;
    return mi_zalloc(size);
  }
  return PyObject_Calloc(1, size);
}
inline void object_free(void* block) {
  if (allocators.plain_obj) [[likely]] {
    mi_free(block);
  } else {
    PyObject_Free(block);
  }
}

// Installs the allocators that PYTHONMALLOC (or a configuration) names; false for an unknown name.
bool allocators_set_by_name(const char* name);
bool allocators_set(PyMemAllocatorName name);

}  // namespace ks
