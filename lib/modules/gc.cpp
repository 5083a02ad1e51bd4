// The gc module.
#include "object/collector.h"

#include <Python.h>

#include "modules/module.h"

namespace ks {
namespace {

CollectorState* collector() { return &interpreter()->object.collector; }

void gc_enable(PyObject*) { collector()->enabled = true; }
METHOD(gc, enable, "($module, /)",
       "Let collections start on their own.");
void gc_disable(PyObject*) { collector()->enabled = false; }
METHOD(gc, disable, "($module, /)",
       "Let no collection start on its own.");
bool gc_isenabled(PyObject*) { return collector()->enabled; }
METHOD(gc, isenabled, "($module, /)",
       "Whether collections start on their own.");

Py_ssize_t gc_collect(PyObject*, int generation) {
  if (generation < 0 || generation >= kGenerations) return raise(PyExc_ValueError, "invalid generation");
  return collector_collect(thread(), generation, false);
}
METHOD(gc, collect, "($module, /, generation=2)",
       "Collect a generation and the younger ones; the oldest, that is everything, by default.\n\nResult: the number of unreachable objects.");

void gc_set_debug(PyObject*, int flags) { collector()->debug = flags; }
METHOD(gc, set_debug, "($module, flags, /)",
       "Set what the collector tells on sys.stderr and keeps: a sum of DEBUG_ constants.");
int gc_get_debug(PyObject*) { return collector()->debug; }
METHOD(gc, get_debug, "($module, /)",
       "The sum of DEBUG_ constants in effect.");

PyObject* gc_set_threshold(PyObject*, PyObject* args) {
  GcGeneration* generations = collector()->generations;
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count < 1 || count > 3) return raise(PyExc_TypeError, "gc.set_threshold requires 1 to 3 arguments");
  int values[3] = {};
  for (Py_ssize_t i = 0; i < count; ++i)
    if (!convert_int(PyTuple_GET_ITEM(args, i), &values[i])) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) generations[i].threshold = values[i];
  Py_RETURN_NONE;
}
PyObject* gc_get_threshold(PyObject*) {
  GcGeneration* generations = collector()->generations;
  return Py_BuildValue("(iii)", generations[0].threshold, generations[1].threshold, generations[2].threshold);
}
METHOD(gc, get_threshold, "($module, /)",
       "The thresholds of the three generations.");
PyObject* gc_get_count(PyObject*) {
  GcGeneration* generations = collector()->generations;
  return Py_BuildValue("(iii)", generations[0].count, generations[1].count, generations[2].count);
}
METHOD(gc, get_count, "($module, /)",
       "The counts of the three generations that are compared with the thresholds.");

int visit_same(PyObject* object, void* wanted) {
  auto* tuple = static_cast<PyObject*>(wanted);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i)
    if (PyTuple_GET_ITEM(tuple, i) == object) return 1;
  return 0;
}
Ref<> gc_get_referrers(PyObject*, PyObject* objs) {
  if (PySys_Audit("gc.get_referrers", "(O)", objs) < 0) return failed;
  Ref<> result = TRY(steal(PyList_New(0)));
  for (int i = 0; i < kGenerations; ++i) {
    const GcHead* ring = collector_ring(interpreter(), i);
    for (GcHead* node = gc_next(ring); node != ring; node = gc_next(node)) {
      PyObject* object = gc_object(node);
      traverseproc traverse = Py_TYPE(object)->tp_traverse;
      if (!traverse || object == objs || object == result.get()) continue;
      if (traverse(object, visit_same, objs)) TRY(PyList_Append(result, object));
    }
  }
  return result;
}
METHOD(gc, get_referrers, "($module, /, *objs)",
       "The tracked objects that refer directly to one of objs.");

int visit_append(PyObject* object, void* list) { return PyList_Append(static_cast<PyObject*>(list), object) < 0; }
Ref<> gc_get_referents(PyObject*, PyObject* objs) {
  if (PySys_Audit("gc.get_referents", "(O)", objs) < 0) return failed;
  Ref<> result = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(objs); ++i) {
    PyObject* object = PyTuple_GET_ITEM(objs, i);
    if (!object_is_gc(object)) continue;
    traverseproc traverse = Py_TYPE(object)->tp_traverse;
    if (traverse && traverse(object, visit_append, result.get())) return failed;
  }
  return result;
}
METHOD(gc, get_referents, "($module, /, *objs)",
       "The objects that objs refer to directly.");

Ref<> gc_get_objects(PyObject*, PyObject* generation) {
  Py_ssize_t wanted = -1;
  if (generation && generation != Py_None) {
    if (!PyIndex_Check(generation))
      return raise(PyExc_TypeError, "argument should be integer or None, not '%.200s'", Py_TYPE(generation)->tp_name);
    wanted = PyNumber_AsSsize_t(generation, PyExc_OverflowError);
    if (wanted == -1 && PyErr_Occurred()) return failed;
    if (PySys_Audit("gc.get_objects", "n", wanted) < 0) return failed;
    if (wanted >= kGenerations)
      return raise(PyExc_ValueError, "generation parameter must be less than the number of available generations (%i)",
                   kGenerations);
    if (wanted < 0) return raise(PyExc_ValueError, "generation parameter cannot be negative");
    return collector_objects(interpreter(), static_cast<int>(wanted));
  }
  if (PySys_Audit("gc.get_objects", "n", wanted) < 0) return failed;
  Ref<> result = TRY(collector_objects(interpreter(), 0));
  for (int i = 1; i < kGenerations; ++i) {
    Ref<> more = TRY(collector_objects(interpreter(), i));
    TRY(PyList_Extend(result, more));
  }
  // The list itself moved to the end of the ring only if a collection ran meanwhile; it is never among the objects.
  return result;
}
METHOD(gc, get_objects, "($module, /, generation=None)",
       "The tracked objects, of one generation or of all, without the list itself.");

Ref<> gc_get_stats(PyObject*) {
  Ref<> result = TRY(steal(PyList_New(0)));
  // A copy: building the result may collect.
  GcStatistics statistics[kGenerations];
  for (int i = 0; i < kGenerations; ++i) statistics[i] = collector()->statistics[i];
  for (const GcStatistics& row : statistics) {
    Ref<> entry = TRY(steal(Py_BuildValue("{snsnsn}", "collections", row.collections, "collected", row.collected,
                                          "uncollectable", row.uncollectable)));
    TRY(PyList_Append(result, entry));
  }
  return result;
}
METHOD(gc, get_stats, "($module, /)",
       "A dict of counters for each generation.");

bool gc_is_tracked_method(PyObject*, PyObject* obj) { return gc_may_be_tracked(obj); }
METHOD_AS(gc_is_tracked_method, "is_tracked", 0, "($module, obj, /)",
       "Whether the collector watches the object.");
bool gc_is_finalized_method(PyObject*, PyObject* obj) { return object_is_gc(obj) && gc_is_finalized(obj); }
METHOD_AS(gc_is_finalized_method, "is_finalized", 0, "($module, obj, /)",
       "Whether the finalizer of the object has run.");

void gc_freeze(PyObject*) { collector_freeze(interpreter()); }
METHOD(gc, freeze, "($module, /)",
       "Put all tracked objects aside: collections pass them over until unfreeze().");
void gc_unfreeze(PyObject*) { collector_unfreeze(interpreter()); }
METHOD(gc, unfreeze, "($module, /)",
       "Put what freeze() set aside into the oldest generation.");
Py_ssize_t gc_get_freeze_count(PyObject*) { return collector_frozen(interpreter()); }
METHOD(gc, get_freeze_count, "($module, /)",
       "The number of objects that freeze() has put aside.");

PyMethodDef gc_methods[] = {
    gc_enable_method, gc_disable_method, gc_isenabled_method, gc_set_debug_method, gc_get_debug_method, gc_get_count_method,
    {"set_threshold", gc_set_threshold, METH_VARARGS,
     "set_threshold(threshold0, [threshold1, [threshold2]])\nSet how often generations are collected; 0 stops it."},
    gc_get_threshold_method, gc_collect_method, gc_get_objects_method, gc_get_stats_method, gc_is_tracked_method_method,
    gc_is_finalized_method_method, gc_get_referrers_method, gc_get_referents_method, gc_freeze_method, gc_unfreeze_method,
    gc_get_freeze_count_method, {}};

int gc_exec(PyObject* module) {
  CollectorState* state = collector();
  if (!state->garbage && !(state->garbage = PyList_New(0))) return -1;
  if (!state->callbacks && !(state->callbacks = PyList_New(0))) return -1;
  if (PyModule_AddObjectRef(module, "garbage", state->garbage) < 0) return -1;
  if (PyModule_AddObjectRef(module, "callbacks", state->callbacks) < 0) return -1;
  static constexpr IntConstant kConstants[] = {
      {"DEBUG_STATS", 1}, {"DEBUG_COLLECTABLE", 2}, {"DEBUG_UNCOLLECTABLE", 4}, {"DEBUG_SAVEALL", 32}, {"DEBUG_LEAK", 38}};
  return to_c(add_constants(module, kConstants));
}
MODULE_SLOTS(gc_slots, gc_exec);

PyModuleDef gc_definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "gc",
    .m_doc = "The collector of objects in reference cycles.",
    .m_methods = gc_methods,
    .m_slots = gc_slots,
};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_gc(void) { return PyModuleDef_Init(&ks::gc_definition); }
