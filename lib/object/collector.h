// The cycle collector's interface: tracking, and running it. The collector itself is collector.cpp.
#pragma once

#include <Python.h>

#include "object/collector_state.h"
#include "object/ref.h"
#include "runtime/state.h"

namespace ks {

inline constexpr uintptr_t kGcFinalized = 1;   // in prev: tp_finalize has run
inline constexpr uintptr_t kGcCollecting = 2;  // in prev: member of the generation being collected
inline constexpr uintptr_t kGcFlags = 3;
inline constexpr int kGcShift = 2;

inline GcHead* gc_head(void* object) { return static_cast<GcHead*>(object) - 1; }
inline PyObject* gc_object(GcHead* head) { return reinterpret_cast<PyObject*>(head + 1); }

inline bool gc_is_tracked(const void* object) { return (static_cast<const GcHead*>(object) - 1)->next != 0; }
inline bool gc_is_finalized(const void* object) {
  return (static_cast<const GcHead*>(object) - 1)->prev & kGcFinalized;
}
inline void gc_set_finalized(void* object) { gc_head(object)->prev |= kGcFinalized; }

inline GcHead* gc_previous(const GcHead* head) { return reinterpret_cast<GcHead*>(head->prev & ~kGcFlags); }
inline GcHead* gc_next(const GcHead* head) { return reinterpret_cast<GcHead*>(head->next); }
inline void gc_set_previous(GcHead* head, GcHead* previous) {
  head->prev = (head->prev & kGcFlags) | reinterpret_cast<uintptr_t>(previous);
}
inline void gc_set_next(GcHead* head, GcHead* next) { head->next = reinterpret_cast<uintptr_t>(next); }

// Puts a collectable object, all of whose fields are valid, into the youngest generation. It must not be tracked.
inline void gc_track(void* object) {
  GcHead* head = gc_head(object);
  GcHead* young = &interpreter()->object.collector.generations[0].head;
  GcHead* last = reinterpret_cast<GcHead*>(young->prev);
  gc_set_next(last, head);
  gc_set_previous(head, last);
  gc_set_next(head, young);
  young->prev = reinterpret_cast<uintptr_t>(head);
}

// Takes an object out of its generation. An untracked one stays so: a deallocation that was put off begins untracked.
inline void gc_untrack(void* object) {
  GcHead* head = gc_head(object);
  if (!head->next) return;
  GcHead* previous = gc_previous(head);
  GcHead* next = gc_next(head);
  gc_set_next(previous, next);
  gc_set_previous(next, previous);
  head->next = 0;
  head->prev &= kGcFinalized;
}
inline void gc_untrack_if_tracked(void* object) {
  if (gc_is_tracked(object)) gc_untrack(object);
}

// Whether the object has a GC head (a type may decide for each object: static types are not collectable).
inline bool object_is_gc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  return (type->tp_flags & Py_TPFLAGS_HAVE_GC) && (!type->tp_is_gc || type->tp_is_gc(object));
}
// Whether the cycle collector may have something to do with the object.
inline bool gc_may_be_tracked(PyObject* object) { return object_is_gc(object) && gc_is_tracked(object); }

// Counts an allocation in the youngest generation; past its threshold a collection is asked for, to run when the
// evaluator next looks at its breaker.
void collector_schedule(PyThreadState* thread);
inline void gc_count_allocation(CollectorState* collector, PyThreadState* thread) {
  GcGeneration& young = collector->generations[0];
  if (++young.count > young.threshold) [[unlikely]] collector_schedule(thread);
}
inline void gc_count_deallocation(CollectorState* collector) {
  GcGeneration& young = collector->generations[0];
  if (young.count > 0) --young.count;
}

// Runs the collection that was asked for; called by the evaluator when it sees the breaker's GC bit (already cleared).
void collector_run_scheduled(PyThreadState* thread);
// Collects a generation, -1 for the one whose turn it is; objects found unreachable.
Py_ssize_t collector_collect(PyThreadState* thread, int generation, bool at_end);
// For the gc module.
GcHead* collector_ring(PyInterpreterState* state, int generation);
Ref<> collector_objects(PyInterpreterState* state, int generation);
void collector_freeze(PyInterpreterState* state);
void collector_unfreeze(PyInterpreterState* state);
Py_ssize_t collector_frozen(PyInterpreterState* state);
// A full collection without callbacks and without raising, for the end of the interpreter.
Py_ssize_t collector_collect_at_end(PyThreadState* thread);
// Warns about gc.garbage at shutdown, as gc.DEBUG_UNCOLLECTABLE asks.
void collector_report_garbage(PyInterpreterState* state);
// A full collection also clears free lists: a room says at its start how.
void collector_add_free_lists(PyInterpreterState* state, void (*clear)(PyInterpreterState*));
void collector_initialise(PyInterpreterState* state);
void collector_end(PyInterpreterState* state);

// The bit of PyThreadState.eval_breaker that asks for a collection.
inline constexpr uintptr_t kBreakerCollect = uintptr_t{1} << 4;

}  // namespace ks
