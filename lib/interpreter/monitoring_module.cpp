// The module sys.monitoring.
#include "interpreter/monitoring.h"
#include "object/identifier.h"
#include "object/method.h"
#include "object/result.h"

extern "C" PyObject* ks_create_monitoring_module(void);

namespace ks {
namespace {

constexpr int kUserTools = 6;
constexpr const char* kEventNames[] = {"PY_START", "PY_RESUME", "PY_RETURN", "PY_YIELD", "CALL", "LINE", "INSTRUCTION", "JUMP",
                                       "BRANCH_LEFT", "BRANCH_RIGHT", "STOP_ITERATION", "RAISE", "EXCEPTION_HANDLED", "PY_UNWIND",
                                       "PY_THROW", "RERAISE", "C_RETURN", "C_RAISE"};
constexpr int kBranch = 1 << 18;  // both sides at once
constexpr int kBothBranches = 1 << kEventBranchLeft | 1 << kEventBranchRight;
constexpr int kCEvents = 1 << kEventCReturn | 1 << kEventCRaise;

MonitoringState& state() { return interpreter()->interpreter.monitoring; }

Status check_tool(int tool) {
  if (tool < 0 || tool >= kUserTools) return raise(PyExc_ValueError, "invalid tool %d (must be between 0 and 5)", tool);
  return Status::Ok;
}
Status check_tool_in_use(int tool) {
  TRY(check_tool(tool));
  if (!state().tool_names[tool]) return raise(PyExc_ValueError, "tool %d is not in use", tool);
  return Status::Ok;
}

Status monitoring_use_tool_id(PyObject*, int tool, PyObject* name) {
  TRY(check_tool(tool));
  if (!PyUnicode_Check(name)) return raise(PyExc_ValueError, "tool name must be a str");
  if (state().tool_names[tool]) return raise(PyExc_ValueError, "tool %d is already in use", tool);
  state().tool_names[tool] = Py_NewRef(name);
  return Status::Ok;
}
METHOD(monitoring, use_tool_id, "($module, tool_id, name, /)", "");

Status clear_tool(int tool) {
  TRY(monitoring_set_events(tool, 0) < 0 ? Status::Error : Status::Ok);
  for (PyObject*& callable : state().callables[tool]) Py_CLEAR(callable);
  return Status::Ok;
}
Status monitoring_clear_tool_id(PyObject*, int tool) {
  TRY(check_tool(tool));
  return state().tool_names[tool] ? clear_tool(tool) : Status::Ok;
}
METHOD(monitoring, clear_tool_id, "($module, tool_id, /)", "");
Status monitoring_free_tool_id(PyObject*, int tool) {
  TRY(check_tool(tool));
  if (!state().tool_names[tool]) return Status::Ok;
  TRY(clear_tool(tool));
  Py_CLEAR(state().tool_names[tool]);
  return Status::Ok;
}
METHOD(monitoring, free_tool_id, "($module, tool_id, /)", "");
PyObject* monitoring_get_tool(PyObject*, int tool) {
  TRY(check_tool(tool));
  PyObject* name = state().tool_names[tool];
  return Py_NewRef(name ? name : Py_None);
}
METHOD(monitoring, get_tool, "($module, tool_id, /)", "");

PyObject* monitoring_register_callback(PyObject*, int tool, int event, PyObject* function) {
  TRY(check_tool(tool));
  if (event <= 0 || (event & (event - 1))) return raise(PyExc_ValueError, "The callback can only be set for one event at a time");
  const int id = __builtin_ctz(static_cast<unsigned>(event));
  if (event == kBranch) {
    // Old name for both sides.
    PyObject*& left = state().callables[tool][kEventBranchLeft];
    PyObject* old = left ? Py_NewRef(left) : Py_NewRef(Py_None);
    PyObject* value = function == Py_None ? nullptr : function;
    Py_XSETREF(left, Py_XNewRef(value));
    Py_XSETREF(state().callables[tool][kEventBranchRight], Py_XNewRef(value));
    state().both_branches = static_cast<uint8_t>(state().both_branches | 1 << tool);
    return old;
  }
  if (id == kEventBranchLeft || id == kEventBranchRight) state().both_branches = static_cast<uint8_t>(state().both_branches & ~(1 << tool));
  if (id >= kMonitoringEvents) return raise(PyExc_ValueError, "invalid event %d", event);
  if (PySys_Audit("sys.monitoring.register_callback", "O", function) < 0) return nullptr;
  PyObject* old = state().callables[tool][id];
  state().callables[tool][id] = function == Py_None ? nullptr : Py_NewRef(function);
  return old ? old : Py_NewRef(Py_None);
}
METHOD(monitoring, register_callback, "($module, tool_id, event, func, /)", "");

int monitoring_get_events(PyObject*, int tool) {
  if (is_failure(check_tool(tool))) return -1;
  int events = 0;
  for (int event = 0; event < kMonitoringEvents; ++event) events |= (state().global_tools[event] >> tool & 1) << event;
  return events & ~kCEvents;
}
METHOD(monitoring, get_events, "($module, tool_id, /)", "");

Status monitoring_set_events_(PyObject*, int tool, int events) {
  TRY(check_tool(tool));
  if (events < 0 || events >= 1 << 19) return raise(PyExc_ValueError, "invalid event set 0x%x", events);
  if (events & kBranch) events = (events & ~kBranch) | kBothBranches;
  if (events & kCEvents) {
    const bool with_call = events & (1 << kEventCall);
    if (!with_call) return raise(PyExc_ValueError, "cannot set C_RETURN or C_RAISE events independently");
    events &= ~kCEvents;
  }
  TRY(check_tool_in_use(tool));
  return status(monitoring_set_events(tool, static_cast<uint32_t>(events)));
}
METHOD_AS(monitoring_set_events_, "set_events", 0, "($module, tool_id, event_set, /)", "");

int monitoring_get_local_events(PyObject*, int tool, PyObject* code) {
  if (!PyCode_Check(code)) return raise(PyExc_TypeError, "code must be a code object");
  if (is_failure(check_tool(tool))) return -1;
  return static_cast<int>(monitoring_local_events(reinterpret_cast<PyCodeObject*>(code), tool));
}
METHOD(monitoring, get_local_events, "($module, tool_id, code, /)", "");

Status monitoring_set_local_events_(PyObject*, int tool, PyObject* code, int events) {
  if (!PyCode_Check(code)) return raise(PyExc_TypeError, "code must be a code object");
  TRY(check_tool(tool));
  if (events & kBranch) events = (events & ~kBranch) | kBothBranches;
  if ((events & kCEvents) && !(events & (1 << kEventCall)))
    return raise(PyExc_ValueError, "cannot set C_RETURN or C_RAISE events independently");
  events &= ~kCEvents;
  if (events < 0 || events >= 1 << kLocalEvents) return raise(PyExc_ValueError, "invalid local event set 0x%x", events);
  TRY(check_tool_in_use(tool));
  return status(monitoring_set_local_events(reinterpret_cast<PyCodeObject*>(code), tool, static_cast<uint32_t>(events)));
}
METHOD_AS(monitoring_set_local_events_, "set_local_events", 0, "($module, tool_id, code, event_set, /)", "");

Status monitoring_restart_events(PyObject*) { return status(monitoring_restart()); }
METHOD(monitoring, restart_events, "($module, /)", "");

PyObject* monitoring_all_events(PyObject*) {
  Ref<> result = TRY(steal(PyDict_New()));
  for (int event = 0; event < kMonitoringEvents; ++event) {
    if (!state().global_tools[event]) continue;
    Ref<> tools = TRY(steal(PyLong_FromLong(state().global_tools[event])));
    TRY(PyDict_SetItemString(result, kEventNames[event], tools));
  }
  return result.release();
}
METHOD_AS(monitoring_all_events, "_all_events", 0, "($module, /)", "");

PyMethodDef methods[] = {monitoring_use_tool_id_method, monitoring_clear_tool_id_method, monitoring_free_tool_id_method,
                         monitoring_get_tool_method, monitoring_register_callback_method, monitoring_get_events_method,
                         monitoring_set_events__method, monitoring_get_local_events_method, monitoring_set_local_events__method,
                         monitoring_restart_events_method, monitoring_all_events_method, {}};
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "sys.monitoring", .m_size = -1, .m_methods = methods};

}  // namespace
}  // namespace ks

using namespace ks;

// A new module object, for sys.
extern "C" PyObject* ks_create_monitoring_module(void) {
  Ref<> self = TRY(steal(PyModule_Create2(&module, PYTHON_API_VERSION)));
  TRY(PyObject_SetAttrString(self, "DISABLE", monitoring_disable()));
  TRY(PyObject_SetAttrString(self, "MISSING", monitoring_missing()));
  Ref<> values = TRY(steal(PyDict_New()));
  auto add = [&](const char* name, long value) {
    Ref<> number = steal(PyLong_FromLong(value));
    return number ? status(PyDict_SetItemString(values, name, number)) : Status::Error;
  };
  for (int event = 0; event < kMonitoringEvents; ++event) TRY(add(kEventNames[event], 1L << event));
  TRY(add("BRANCH", kBranch));
  TRY(add("NO_EVENTS", 0));
  Ref<> types = TRY(steal(PySys_GetObject("implementation") ? Py_NewRef(PySys_GetObject("implementation")) : nullptr));
  Ref<> empty = TRY(steal(PyTuple_New(0)));
  Ref<> events = TRY(steal(PyObject_Call(reinterpret_cast<PyObject*>(Py_TYPE(types.get())), empty, values)));
  TRY(PyObject_SetAttrString(self, "events", events));
  constexpr struct { const char* name; int id; } ids[] = {{"DEBUGGER_ID", 0}, {"COVERAGE_ID", 1}, {"PROFILER_ID", 2}, {"OPTIMIZER_ID", 5}};
  for (const auto& id : ids) TRY(PyModule_AddIntConstant(self, id.name, id.id));
  return self.release();
}
