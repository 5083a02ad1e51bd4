// The cycle collector: three generations, as the manual's page on gc describes them.
//
// A generation is a ring of GC heads. Collecting one (with the younger ones merged into it):
//   1. copy each object's reference count into its head, subtract what the members refer to among themselves;
//   2. what keeps a count is reachable from outside, and all it refers to; the rest is unreachable;
//   3. clear the weak references to it and run their callbacks, run finalizers, and look again (steps 1, 2 among the
//      unreachable): finalizers may have made some reachable;
//   4. clear weak references that finalizers made, and tp_clear what is still unreachable.
// During 1 and 2 prev holds the count (bits from kGcShift), so that the ring is only linked forwards; unreachable
// objects have the mark kNextUnreachable in next. Whether an object is a member is told by kGcCollecting.
#include "object/collector.h"

#include <Python.h>

#include <ctime>

#include "object/attribute.h"
#include "object/call.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"

namespace ks {

namespace {

constexpr uintptr_t kNextUnreachable = 1;
constexpr int kDebugStats = 1;
constexpr int kDebugCollectable = 2;
constexpr int kDebugUncollectable = 4;
constexpr int kDebugSaveAll = 32;

// ---- rings -----------------------------------------------------------------------------------------------------------

void ring_clear(GcHead* ring) { ring->next = ring->prev = reinterpret_cast<uintptr_t>(ring); }
bool ring_empty(const GcHead* ring) { return gc_next(ring) == ring; }
GcHead* ring_last(const GcHead* ring) { return reinterpret_cast<GcHead*>(ring->prev); }

void ring_append(GcHead* ring, GcHead* node) {
  GcHead* last = ring_last(ring);
  gc_set_previous(node, last);
  gc_set_next(last, node);
  gc_set_next(node, ring);
  ring->prev = reinterpret_cast<uintptr_t>(node);
}
void ring_remove(GcHead* node) {
  GcHead* previous = gc_previous(node);
  GcHead* next = gc_next(node);
  gc_set_next(previous, next);
  gc_set_previous(next, previous);
}
void ring_move(GcHead* node, GcHead* ring) {
  ring_remove(node);
  ring_append(ring, node);
}
// Appends all of `from` to `to`; `from` is empty then.
void ring_merge(GcHead* from, GcHead* to) {
  if (!ring_empty(from)) {
    GcHead* to_last = ring_last(to);
    GcHead* first = gc_next(from);
    GcHead* last = ring_last(from);
    gc_set_next(to_last, first);
    gc_set_previous(first, to_last);
    gc_set_next(last, to);
    to->prev = reinterpret_cast<uintptr_t>(last);
  }
  ring_clear(from);
}
Py_ssize_t ring_size(const GcHead* ring) {
  Py_ssize_t size = 0;
  for (GcHead* node = gc_next(ring); node != ring; node = gc_next(node)) ++size;
  return size;
}

// ---- counts in the heads ---------------------------------------------------------------------------------------------

Py_ssize_t head_count(const GcHead* head) { return static_cast<Py_ssize_t>(head->prev >> kGcShift); }
void head_set_count(GcHead* head, Py_ssize_t count) {
  head->prev = (head->prev & kGcFlags) | static_cast<uintptr_t>(count) << kGcShift;
}
bool is_collecting(const GcHead* head) { return head->prev & kGcCollecting; }

int traverse(PyObject* object, visitproc visit, void* argument) {
  traverseproc function = Py_TYPE(object)->tp_traverse;
  return function ? function(object, visit, argument) : 0;
}

// The same with the visitor known here: the commonest containers are walked without a call for each item.
template <int (*visit)(PyObject*, void*)>
inline void traverse_inline(PyObject* object, void* argument) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject* const* items;
  Py_ssize_t count;
  if (type == &PyList_Type) {
    items = reinterpret_cast<PyListObject*>(object)->ob_item;
    count = PyList_GET_SIZE(object);
  } else if (type == &PyTuple_Type) {
    items = reinterpret_cast<PyTupleObject*>(object)->ob_item;
    count = PyTuple_GET_SIZE(object);
  } else {
    if (traverseproc function = type->tp_traverse) (void)function(object, visit, argument);
    return;
  }
  for (Py_ssize_t i = 0; i < count; ++i)
    if (items[i]) (void)visit(items[i], argument);
}

// Step 1. Immortal objects leave the collector for good: they are never garbage.
void copy_counts(GcHead* ring) {
  GcHead* next;
  for (GcHead* node = gc_next(ring); node != ring; node = next) {
    next = gc_next(node);
    PyObject* object = gc_object(node);
    if (_Py_IsImmortal(object)) {
      gc_untrack(object);
      continue;
    }
    node->prev = (node->prev & kGcFinalized) | kGcCollecting | static_cast<uintptr_t>(Py_REFCNT(object)) << kGcShift;
  }
}

inline int visit_subtract(PyObject* object, void*) {
  if (object_is_gc(object)) {
    GcHead* head = gc_head(object);
    if (is_collecting(head)) {
      // Never below zero: an extension that counts wrongly must not send the count around.
      if (head_count(head) > 0) head->prev -= uintptr_t{1} << kGcShift;
    }
  }
  return 0;
}
void subtract_references(GcHead* ring) {
  for (GcHead* node = gc_next(ring); node != ring; node = gc_next(node))
    traverse_inline<visit_subtract>(gc_object(node), nullptr);
}

// Step 2. `argument` is the ring of what is (so far) reachable.
inline int visit_reachable(PyObject* object, void* argument) {
  if (!object_is_gc(object)) return 0;
  auto* reachable = static_cast<GcHead*>(argument);
  GcHead* head = gc_head(object);
  // Only members that have not been looked at for good.
  if (!is_collecting(head)) return 0;
  if (head->next & kNextUnreachable) {
    // It had been moved to the unreachable: back to the end of what is still to be scanned.
    GcHead* previous = gc_previous(head);
    auto* next = reinterpret_cast<GcHead*>(head->next & ~kNextUnreachable);
    previous->next = head->next;  // keeps the mark
    gc_set_previous(next, previous);
    ring_append(reachable, head);
    head_set_count(head, 1);
  } else if (head_count(head) == 0) {
    head_set_count(head, 1);
  }
  return 0;
}

// Moves what has no count left from `young` to `unreachable`. The nodes that stay get their links back.
void move_unreachable(GcHead* young, GcHead* unreachable) {
  GcHead* previous = young;
  GcHead* node = gc_next(young);
  // In the unreachable ring every next carries the mark, so that visit_reachable can tell.
  unreachable->next |= kNextUnreachable;
  while (node != young) {
    if (head_count(node)) {
      PyObject* object = gc_object(node);
      traverse_inline<visit_reachable>(object, young);
      gc_set_previous(node, previous);
      node->prev &= ~kGcCollecting;
      previous = node;
    } else {
      // Perhaps unreachable: out of the singly linked ring.
      previous->next = node->next;
      GcHead* last = ring_last(unreachable);
      last->next = kNextUnreachable | reinterpret_cast<uintptr_t>(node);
      gc_set_previous(node, last);
      node->next = kNextUnreachable | reinterpret_cast<uintptr_t>(unreachable);
      unreachable->prev = reinterpret_cast<uintptr_t>(node);
    }
    node = gc_next(previous);
  }
  young->prev = reinterpret_cast<uintptr_t>(previous);
  unreachable->next &= ~kNextUnreachable;
}

// Splits `base` into itself (reachable) and `unreachable`, whose nodes keep marks and kGcCollecting.
void deduce_unreachable(GcHead* base, GcHead* unreachable) {
  copy_counts(base);
  subtract_references(base);
  ring_clear(unreachable);
  move_unreachable(base, unreachable);
}

void clear_unreachable_marks(GcHead* unreachable) {
  unreachable->next &= ~kNextUnreachable;
  for (GcHead* node = gc_next(unreachable); node != unreachable; node = gc_next(node)) node->next &= ~kNextUnreachable;
}

// Exact tuples of uncollectable things need no collector.
void untrack_tuples(GcHead* ring) {
  GcHead* next;
  for (GcHead* node = gc_next(ring); node != ring; node = next) {
    next = gc_next(node);
    PyObject* object = gc_object(node);
    if (!PyTuple_CheckExact(object)) continue;
    const Py_ssize_t size = PyTuple_GET_SIZE(object);
    Py_ssize_t i = 0;
    for (; i < size; ++i) {
      PyObject* item = PyTuple_GET_ITEM(object, i);
      if (!item || (object_is_gc(item) && gc_is_tracked(item))) break;
    }
    if (i == size) gc_untrack(object);
  }
}

bool has_legacy_finalizer(PyObject* object) { return Py_TYPE(object)->tp_del != nullptr; }

int visit_move(PyObject* object, void* ring) {
  if (object_is_gc(object)) {
    GcHead* head = gc_head(object);
    if (is_collecting(head)) {
      ring_move(head, static_cast<GcHead*>(ring));
      head->prev &= ~kGcCollecting;
    }
  }
  return 0;
}

// Objects with tp_del, and all that they refer to, are not freed.
void move_legacy_finalizers(GcHead* unreachable, GcHead* finalizers) {
  GcHead* next;
  for (GcHead* node = gc_next(unreachable); node != unreachable; node = next) {
    next = gc_next(node);
    if (has_legacy_finalizer(gc_object(node))) {
      node->prev &= ~kGcCollecting;
      ring_move(node, finalizers);
    }
  }
  for (GcHead* node = gc_next(finalizers); node != finalizers; node = gc_next(node))
    traverse(gc_object(node), visit_move, finalizers);
}

// ---- weak references -------------------------------------------------------------------------------------------------

PyWeakReference** weak_list(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (type->tp_flags & Py_TPFLAGS_MANAGED_WEAKREF) return reinterpret_cast<PyWeakReference**>(object) - 4;
  if (type->tp_weaklistoffset <= 0) return nullptr;
  return reinterpret_cast<PyWeakReference**>(reinterpret_cast<char*>(object) + type->tp_weaklistoffset);
}

// Clears the weak references to unreachable objects and runs the callbacks of those references that are reachable
// themselves. Neither callbacks nor finalizers can get at garbage through weak references.
void handle_weak_references(GcHead* unreachable, GcHead* old) {
  GcHead to_call;
  ring_clear(&to_call);
  for (GcHead* node = gc_next(unreachable); node != unreachable; node = gc_next(node)) {
    PyObject* object = gc_object(node);
    // A weak reference in the garbage must never call back.
    if (PyWeakref_Check(object)) _PyWeakref_ClearRef(reinterpret_cast<PyWeakReference*>(object));
    PyWeakReference** list = weak_list(object);
    if (!list) continue;
    while (PyWeakReference* reference = *list) {
      // Keeps the callback, drops the object.
      _PyWeakref_ClearRef(reference);
      if (!reference->wr_callback) continue;
      GcHead* head = gc_head(reference);
      if (is_collecting(head)) continue;
      Py_INCREF(reference);
      ring_move(head, &to_call);
    }
  }
  while (!ring_empty(&to_call)) {
    PyObject* object = gc_object(gc_next(&to_call));
    auto* reference = reinterpret_cast<PyWeakReference*>(object);
    PyObject* callback = reference->wr_callback;
    PyObject* result = PyObject_CallOneArg(callback, object);
    if (result) Py_DECREF(result);
    else PyErr_FormatUnraisable("Exception ignored on calling weakref callback %R", callback);
    Py_DECREF(object);
    if (!ring_empty(&to_call) && gc_object(gc_next(&to_call)) == object) {
      // Still alive: back into a generation.
      ring_move(gc_head(object), old);
    }
  }
}

void clear_weak_references(GcHead* unreachable) {
  for (GcHead* node = gc_next(unreachable); node != unreachable; node = gc_next(node)) {
    PyWeakReference** list = weak_list(gc_object(node));
    if (!list) continue;
    while (*list) _PyWeakref_ClearRef(*list);
  }
}

// ---- finalizers and the end ------------------------------------------------------------------------------------------

void finalize_garbage(GcHead* unreachable) {
  // Finalizers may do anything to the ring: take one off after the other.
  GcHead seen;
  ring_clear(&seen);
  while (!ring_empty(unreachable)) {
    GcHead* node = gc_next(unreachable);
    PyObject* object = gc_object(node);
    ring_move(node, &seen);
    destructor finalize = Py_TYPE(object)->tp_finalize;
    if (!(node->prev & kGcFinalized) && finalize) {
      node->prev |= kGcFinalized;
      Ref<> alive = borrow(object);
      finalize(object);
    }
  }
  ring_merge(&seen, unreachable);
}

// Moves what finalizers have made reachable to `old`; `still` gets the rest.
void handle_resurrected(GcHead* unreachable, GcHead* still, GcHead* old) {
  for (GcHead* node = gc_next(unreachable); node != unreachable; node = gc_next(node)) node->prev &= ~kGcCollecting;
  deduce_unreachable(unreachable, still);
  clear_unreachable_marks(still);
  ring_merge(unreachable, old);
}

void delete_garbage(CollectorState* collector, GcHead* garbage, GcHead* old) {
  while (!ring_empty(garbage)) {
    GcHead* node = gc_next(garbage);
    PyObject* object = gc_object(node);
    if (collector->debug & kDebugSaveAll) {
      if (PyList_Append(collector->garbage, object) < 0) PyErr_Clear();
    } else if (inquiry clear = Py_TYPE(object)->tp_clear) {
      Ref<> alive = borrow(object);
      (void)clear(object);
      if (PyErr_Occurred()) PyErr_FormatUnraisable("Exception ignored in tp_clear of %s", Py_TYPE(object)->tp_name);
    }
    if (!ring_empty(garbage) && gc_next(garbage) == node) {
      // It is still alive: someone else holds it.
      node->prev &= ~kGcCollecting;
      ring_move(node, old);
    }
  }
}

void handle_legacy_finalizers(CollectorState* collector, GcHead* finalizers, GcHead* old) {
  if (!collector->garbage) collector->garbage = PyList_New(0);
  if (!collector->garbage) PyErr_Clear();
  for (GcHead* node = gc_next(finalizers); node != finalizers; node = gc_next(node)) {
    PyObject* object = gc_object(node);
    if ((collector->debug & kDebugSaveAll) || has_legacy_finalizer(object)) {
      if (collector->garbage && PyList_Append(collector->garbage, object) < 0) {
        PyErr_Clear();
        break;
      }
    }
  }
  ring_merge(finalizers, old);
}

// Objects in the garbage. An instance and the dictionary that nobody else has seen count as one, as where attributes lie
// in the instance itself.
Py_ssize_t count_garbage(const GcHead* garbage) {
  Py_ssize_t count = 0;
  for (GcHead* node = gc_next(garbage); node != garbage; node = gc_next(node)) {
    ++count;
    PyObject* object = gc_object(node);
    if (!(Py_TYPE(object)->tp_flags & Py_TPFLAGS_MANAGED_DICT)) continue;
    PyObject* dict = *managed_word(object);
    if (dict && !is_instance_values(dict) && Py_REFCNT(dict) == 1 && gc_is_tracked(dict)) --count;
  }
  return count;
}

void show(const char* what, PyObject* object) {
  PySys_WriteStderr("gc: %s <%s %p>\n", what, Py_TYPE(object)->tp_name, static_cast<void*>(object));
}

double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void show_generations(CollectorState* collector, int generation) {
  PySys_WriteStderr("gc: collecting generation %d...\n", generation);
  PySys_FormatStderr("gc: objects in each generation: %zd %zd %zd\n", ring_size(&collector->generations[0].head),
                     ring_size(&collector->generations[1].head), ring_size(&collector->generations[2].head));
  PySys_FormatStderr("gc: objects in permanent generation: %zd\n", ring_size(&collector->permanent.head));
}

// Calls gc.callbacks with the phase.
void call_callbacks(CollectorState* collector, const char* phase, int generation, Py_ssize_t collected,
                    Py_ssize_t uncollectable) {
  PyObject* callbacks = collector->callbacks;
  if (!callbacks || PyList_GET_SIZE(callbacks) == 0) return;
  Ref<> information = steal(Py_BuildValue("{sisnsn}", "generation", generation, "collected", collected, "uncollectable",
                                          uncollectable));
  Ref<> name = information ? steal(PyUnicode_FromString(phase)) : Ref<>();
  if (!name) {
    PyErr_FormatUnraisable("Exception ignored on invoking gc callbacks");
    return;
  }
  Ref<> alive = borrow(callbacks);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(callbacks); ++i) {
    Ref<> callback = borrow(PyList_GET_ITEM(callbacks, i));
    Ref<> result = steal(call(callback.get(), name.get(), information.get()));
    if (!result) PyErr_FormatUnraisable("Exception ignored while calling GC callback %R", callback.get());
  }
}

// The oldest generation whose count is past its threshold; -1 when none is.
int select_generation(CollectorState* collector) {
  for (int i = kGenerations - 1; i >= 0; --i) {
    GcGeneration& generation = collector->generations[i];
    if (generation.count <= generation.threshold) continue;
    // A full collection waits until a quarter as many objects are pending as survived the last: else building a large
    // structure would take quadratic time.
    if (i == kGenerations - 1 && collector->long_lived_pending < collector->long_lived_total / 4) continue;
    return i;
  }
  return -1;
}

}  // namespace

// Collects a generation (-1: the one whose turn it is). Result: objects found unreachable, uncollectable included.
// Leaves a current exception alone. With `at_end`, callbacks are not called and errors are dropped.
Py_ssize_t collector_collect(PyThreadState* tstate, int generation, bool at_end) {
  CollectorState* collector = &tstate->interp->object.collector;
  if (collector->collecting) return 0;
  if (generation < 0) {
    generation = select_generation(collector);
    if (generation < 0) return 0;
  }
  collector->collecting = true;
  PyObject* exception = PyErr_GetRaisedException();
  if (!at_end) call_callbacks(collector, "start", generation, 0, 0);

  const bool stats = collector->debug & kDebugStats;
  double begin = 0;
  if (stats) {
    show_generations(collector, generation);
    begin = seconds();
  }

  if (generation + 1 < kGenerations) ++collector->generations[generation + 1].count;
  for (int i = 0; i <= generation; ++i) collector->generations[i].count = 0;
  for (int i = 0; i < generation; ++i)
    ring_merge(&collector->generations[i].head, &collector->generations[generation].head);
  GcHead* young = &collector->generations[generation].head;
  GcHead* old = generation < kGenerations - 1 ? &collector->generations[generation + 1].head : young;

  GcHead unreachable;
  deduce_unreachable(young, &unreachable);
  untrack_tuples(young);
  if (young != old) {
    if (generation == kGenerations - 2) collector->long_lived_pending += ring_size(young);
    ring_merge(young, old);
  } else {
    collector->long_lived_pending = 0;
    collector->long_lived_total = ring_size(young);
  }

  GcHead finalizers;
  ring_clear(&finalizers);
  clear_unreachable_marks(&unreachable);
  move_legacy_finalizers(&unreachable, &finalizers);

  if (collector->debug & kDebugCollectable)
    for (GcHead* node = gc_next(&unreachable); node != &unreachable; node = gc_next(node)) show("collectable", gc_object(node));

  handle_weak_references(&unreachable, old);
  finalize_garbage(&unreachable);
  GcHead garbage;
  handle_resurrected(&unreachable, &garbage, old);
  clear_weak_references(&garbage);
  const Py_ssize_t collected = count_garbage(&garbage);
  if ((collector->debug & kDebugSaveAll) && !collector->garbage) {
    collector->garbage = PyList_New(0);
    if (!collector->garbage) Py_FatalError("no memory for gc.garbage");
  }
  delete_garbage(collector, &garbage, old);

  const Py_ssize_t uncollectable = count_garbage(&finalizers);
  if (collector->debug & kDebugUncollectable)
    for (GcHead* node = gc_next(&finalizers); node != &finalizers; node = gc_next(node)) show("uncollectable", gc_object(node));
  if (stats) {
    PySys_WriteStderr("gc: done, %zd unreachable, %zd uncollectable, %.4fs elapsed\n", collected + uncollectable, uncollectable,
                      seconds() - begin);
  }
  handle_legacy_finalizers(collector, &finalizers, old);

  if (generation == kGenerations - 1)
    for (int i = 0; i < 12 && collector->clear_free_lists[i]; ++i) collector->clear_free_lists[i](tstate->interp);

  if (PyErr_Occurred()) {
    if (at_end) PyErr_Clear();
    else PyErr_FormatUnraisable("Exception ignored in garbage collection");
  }
  GcStatistics& statistics = collector->statistics[generation];
  ++statistics.collections;
  statistics.collected += collected;
  statistics.uncollectable += uncollectable;
  if (!at_end) call_callbacks(collector, "stop", generation, collected, uncollectable);
  PyErr_SetRaisedException(exception);
  collector->collecting = false;
  return collected + uncollectable;
}

void collector_schedule(PyThreadState* tstate) {
  CollectorState* collector = &tstate->interp->object.collector;
  if (!collector->enabled || collector->collecting || collector->generations[0].threshold == 0 || tstate->current_exception)
    return;
  __atomic_fetch_or(&tstate->eval_breaker, kBreakerCollect, __ATOMIC_RELAXED);
}
void collector_run_scheduled(PyThreadState* tstate) { (void)collector_collect(tstate, -1, false); }
Py_ssize_t collector_collect_at_end(PyThreadState* tstate) { return collector_collect(tstate, kGenerations - 1, true); }

void collector_add_free_lists(PyInterpreterState* state, void (*clear)(PyInterpreterState*)) {
  auto& list = state->object.collector.clear_free_lists;
  for (int i = 0; i < 11; ++i) {
    if (!list[i]) {
      list[i] = clear;
      return;
    }
  }
}

// Rings and thresholds; before the first object is made.
void collector_initialise(PyInterpreterState* state) {
  CollectorState* collector = &state->object.collector;
  static constexpr int kThresholds[kGenerations] = {2000, 10, 10};
  for (int i = 0; i < kGenerations; ++i) {
    ring_clear(&collector->generations[i].head);
    collector->generations[i].threshold = kThresholds[i];
  }
  ring_clear(&collector->permanent.head);
  collector->enabled = true;
}

void collector_report_garbage(PyInterpreterState* state) {
  CollectorState* collector = &state->object.collector;
  if ((collector->debug & kDebugSaveAll) || !collector->garbage || PyList_GET_SIZE(collector->garbage) == 0) return;
  const char* message = collector->debug & kDebugUncollectable
                            ? "gc: %zd uncollectable objects at shutdown"
                            : "gc: %zd uncollectable objects at shutdown; use gc.set_debug(gc.DEBUG_UNCOLLECTABLE) to list them";
  if (PyErr_WarnExplicitFormat(PyExc_ResourceWarning, "gc", 0, "gc", nullptr, message, PyList_GET_SIZE(collector->garbage)) < 0)
    PyErr_FormatUnraisable("Exception ignored in GC shutdown");
  if (collector->debug & kDebugUncollectable) {
    Ref<> repr = steal(PyObject_Repr(collector->garbage));
    Ref<> bytes = repr ? steal(PyUnicode_EncodeFSDefault(repr)) : Ref<>();
    if (!bytes) PyErr_WriteUnraisable(collector->garbage);
    else PySys_WriteStderr("      %s\n", PyBytes_AS_STRING(bytes.get()));
  }
}
void collector_end(PyInterpreterState* state) {
  Py_CLEAR(state->object.collector.garbage);
  Py_CLEAR(state->object.collector.callbacks);
}

// ---- what the gc module asks -------------------------------------------------------------------------------------------

GcHead* collector_ring(PyInterpreterState* state, int generation) {
  return &state->object.collector.generations[generation].head;
}
// The objects of a generation as a list; the list itself is not among them.
Ref<> collector_objects(PyInterpreterState* state, int generation) {
  Ref<> list = TRY(steal(PyList_New(0)));
  const GcHead* ring = collector_ring(state, generation);
  for (GcHead* node = gc_next(ring); node != ring; node = gc_next(node)) {
    PyObject* object = gc_object(node);
    if (object != list.get()) TRY(PyList_Append(list, object));
  }
  return list;
}
void collector_freeze(PyInterpreterState* state) {
  CollectorState* collector = &state->object.collector;
  for (GcGeneration& generation : collector->generations) {
    ring_merge(&generation.head, &collector->permanent.head);
    generation.count = 0;
  }
}
void collector_unfreeze(PyInterpreterState* state) {
  CollectorState* collector = &state->object.collector;
  ring_merge(&collector->permanent.head, &collector->generations[kGenerations - 1].head);
}
Py_ssize_t collector_frozen(PyInterpreterState* state) { return ring_size(&state->object.collector.permanent.head); }

}  // namespace ks

using namespace ks;

// A full collection: objects found unreachable; 0 while one runs or when collecting is disabled.
Py_ssize_t PyGC_Collect(void) {
  PyThreadState* tstate = thread();
  if (!tstate->interp->object.collector.enabled) return 0;
  return collector_collect(tstate, kGenerations - 1, false);
}
// The previous state.
int PyGC_Enable(void) {
  CollectorState* collector = &interpreter()->object.collector;
  const int before = collector->enabled;
  collector->enabled = true;
  return before;
}
int PyGC_Disable(void) {
  CollectorState* collector = &interpreter()->object.collector;
  const int before = collector->enabled;
  collector->enabled = false;
  return before;
}
int PyGC_IsEnabled(void) { return interpreter()->object.collector.enabled; }

// Calls the function for each tracked object until it returns 0; no collection happens meanwhile.
void PyUnstable_GC_VisitObjects(gcvisitobjects_t callback, void* argument) {
  CollectorState* collector = &interpreter()->object.collector;
  const bool enabled = collector->enabled;
  collector->enabled = false;
  auto visit = [&](GcHead* ring) {
    GcHead* next;
    for (GcHead* node = gc_next(ring); node != ring; node = next) {
      Ref<> object = borrow(gc_object(node));
      const int more = callback(object, argument);
      next = gc_next(node);
      if (!more) return false;
      if (!next) return true;  // the callback untracked it: nothing to go on from
    }
    return true;
  };
  for (GcGeneration& generation : collector->generations)
    if (!visit(&generation.head)) {
      collector->enabled = enabled;
      return;
    }
  (void)visit(&collector->permanent.head);
  collector->enabled = enabled;
}
