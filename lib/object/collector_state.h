// What the cycle collector keeps for each interpreter.
#pragma once

#include <Python.h>

namespace ks {

// The two words before every collectable object: a doubly linked ring of the generation that it belongs to.
//
// next == 0 means "not tracked". The two low bits of prev are flags; while a generation is collected the other bits of
// prev hold a reference count and the ring is singly linked (collector.cpp).
struct GcHead {
  uintptr_t next;
  uintptr_t prev;
};

struct GcGeneration {
  GcHead head;
  int threshold;
  int count;  // generation 0: allocations minus deallocations; others: collections of the next younger one
};

struct GcStatistics {
  Py_ssize_t collections;
  Py_ssize_t collected;
  Py_ssize_t uncollectable;
};

inline constexpr int kGenerations = 3;

struct CollectorState {
  GcGeneration generations[kGenerations];
  GcGeneration permanent;  // what gc.freeze() put aside
  GcStatistics statistics[kGenerations];
  PyObject* garbage;    // list, owned
  PyObject* callbacks;  // list, owned
  Py_ssize_t long_lived_total;    // objects that survived the last full collection
  Py_ssize_t long_lived_pending;  // survivors of the middle generation since then
  void (*clear_free_lists[12])(PyInterpreterState*);  // what a full collection calls; null-terminated
  int debug;
  bool enabled;
  bool collecting;
};

}  // namespace ks
