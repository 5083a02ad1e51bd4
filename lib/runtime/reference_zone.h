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
// The five words before the list of tasks: top, soft and hard limit of the C stack, asyncio's running loop and task.
inline void** reference_zone_thread_words(PyThreadState* state) {
  return reinterpret_cast<void**>(reinterpret_cast<char*>(state) + reference::kThreadTasks) - 5;
}
// Below the soft limit the modules' own recursion check asks _Py_CheckRecursiveCall.
inline void reference_zone_set_stack(PyThreadState* state, uintptr_t low, uintptr_t top) {
  constexpr uintptr_t kMargin = 64 * 1024;
  void** words = reference_zone_thread_words(state);
  words[0] = reinterpret_cast<void*>(top);
  words[1] = reinterpret_cast<void*>(low + 2 * kMargin);
  words[2] = reinterpret_cast<void*>(low + kMargin);
}
inline void reference_zone_clear_thread(PyThreadState* state) {
  void** words = reference_zone_thread_words(state);
  for (int i = 3; i < 5; ++i) {
    auto* object = static_cast<PyObject*>(words[i]);
    words[i] = nullptr;
    Py_XDECREF(object);
  }
}
inline void reference_zone_start_thread(PyThreadState* state) {
  make_empty_list(reinterpret_cast<char*>(state) + reference::kThreadTasks);
}
// Tasks that outlive their thread go on in the interpreter's list.
inline void reference_zone_hand_over_tasks(PyThreadState* state) {
  struct Node {
    Node *next, *previous;
  };
  auto* from = reinterpret_cast<Node*>(reinterpret_cast<char*>(state) + reference::kThreadTasks);
  auto* to = reinterpret_cast<Node*>(reinterpret_cast<char*>(state->interp) + reference::kInterpreterTasks);
  if (from->next == from) return;
  from->next->previous = to->previous;
  to->previous->next = from->next;
  from->previous->next = to;
  to->previous = from->previous;
  from->next = from->previous = from;
}
// In a forked child no loop runs and no task is known.
inline void reference_zone_after_fork(PyThreadState* state) {
  reference_zone_clear_thread(state);
  make_empty_list(reinterpret_cast<char*>(state) + reference::kThreadTasks);
}

}  // namespace ks
