// Compiled modules of the installation (_asyncio) reach fields of the reference's thread and interpreter states by their
// offsets: these lie in zones of ours (state.h), where a list without members must point to itself.
#pragma once

#include <Python.h>

#include <cstring>

#include "runtime/reference_layout.h"

namespace ks {

inline void make_empty_list(char* node) {
  void* self = node;
  memcpy(node, &self, sizeof self);
  memcpy(node + sizeof self, &self, sizeof self);
}
extern "C" char _PyRuntime[];

inline void reference_zone_set(PyInterpreterState* state, size_t offset, void* pointer) {
  memcpy(reinterpret_cast<char*>(state) + offset, &pointer, sizeof pointer);
}
inline void reference_zone_start_interpreter(PyInterpreterState* state) {
  reference_zone_set(state, reference::kInterpreterRuntime, _PyRuntime);
  make_empty_list(reinterpret_cast<char*>(state) + reference::kInterpreterTasks);
}
// The list of threads has a new first one.
inline void reference_zone_set_threads(PyInterpreterState* state, PyThreadState* first) {
  reference_zone_set(state, reference::kInterpreterThreads, first);
}
inline void reference_zone_start_thread(PyThreadState* state) {
  make_empty_list(reinterpret_cast<char*>(state) + reference::kThreadTasks);
}

}  // namespace ks
