// What the container types keep for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

// Dead objects of one size, linked through their first word.
struct FreeList {
  void* head;
  Py_ssize_t count;

  void* take() {
    void* block = head;
    if (block) {
      head = *static_cast<void**>(block);
      --count;
    }
    return block;
  }
  bool give(void* block, Py_ssize_t limit) {
    if (count >= limit) return false;
    *static_cast<void**>(block) = head;
    head = block;
    ++count;
    return true;
  }
};

inline constexpr Py_ssize_t kTupleFreeSizes = 20;  // tuples of 1 .. 20 items have free lists

struct ContainerTypesState {
  FreeList dicts;
  FreeList dict_keys;  // Unicode keys of the smallest size
  FreeList dict_iterators;
  FreeList lists;
  FreeList list_iterators;
  FreeList tuple_iterators;
  FreeList tuples[kTupleFreeSizes + 1];
  PyDict_WatchCallback dict_watchers[8];
  uint32_t last_keys_version;
};

}  // namespace ks
