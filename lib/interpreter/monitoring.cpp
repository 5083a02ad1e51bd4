// Instrumentation of executables and the firing of events.
#include "interpreter/immediates.h"
#include "interpreter/monitoring.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "interpreter/executable.h"
#include "interpreter/frame_object.h"
#include "interpreter/specialize.h"
#include "object/call.h"
#include "object/result.h"

// What _co_monitoring points to: made when a code object is first instrumented.
struct _PyCoMonitoringData {
  uint8_t local_tools[ks::kLocalEvents];   // tools that want the event in this code
  uint8_t active_tools[ks::kLocalEvents];  // local and global ones, as instrumented
  uint64_t restarts;                       // when `disabled` was last cleared
  int* line_of;                            // each unit's line; -1 for none
  int* lines;                              // for units that start a line: its number; else -1
  uint16_t* under_line;                    // the op that a line event stands in front of
  uint16_t* under_instruction;
  uint8_t* disabled[3];                    // tools that said DISABLE: for the op's own event, the line, the instruction
};

namespace ks {

namespace {

constinit PyObject disable_object = {{_Py_STATIC_IMMORTAL_INITIAL_REFCNT}, &PyBaseObject_Type};
constinit PyObject missing_object = {{_Py_STATIC_IMMORTAL_INITIAL_REFCNT}, &PyBaseObject_Type};

MonitoringState& state_of(PyThreadState* thread) { return thread->interp->interpreter.monitoring; }

// The local event of an op, or -1.
int event_of(int op) {
  switch (op) {
    case kRESUME: return kEventStart;  // or resume: by its oparg
    case kRETURN_VALUE: return kEventReturn;
    case kYIELD_VALUE: return kEventYield;
    case kCALL: case kCALL_KW: case kCALL_FUNCTION_EX: case kLOAD_SUPER_ATTR: return kEventCall;
    case kJUMP_FORWARD: case kJUMP_BACKWARD: return kEventJump;
    case kPOP_JUMP_IF_FALSE: case kPOP_JUMP_IF_TRUE: case kPOP_JUMP_IF_NONE: case kPOP_JUMP_IF_NOT_NONE: return kEventBranchRight;
    case kFOR_ITER: case kNOT_TAKEN: return kEventBranchLeft;
    case kPOP_ITER: case kEND_ASYNC_FOR: return kEventBranchRight;
    case kEND_FOR: case kEND_SEND: return kEventStopIteration;
    default: return -1;
  }
}
int instrumented_op(int op) {
  switch (op) {
#define PAIR(NAME) case k##NAME: return kINSTRUMENTED_##NAME
    PAIR(RESUME); PAIR(RETURN_VALUE); PAIR(YIELD_VALUE); PAIR(CALL); PAIR(CALL_KW); PAIR(CALL_FUNCTION_EX); PAIR(LOAD_SUPER_ATTR);
    PAIR(JUMP_FORWARD); PAIR(JUMP_BACKWARD); PAIR(POP_JUMP_IF_FALSE); PAIR(POP_JUMP_IF_TRUE); PAIR(POP_JUMP_IF_NONE);
    PAIR(POP_JUMP_IF_NOT_NONE); PAIR(FOR_ITER); PAIR(NOT_TAKEN); PAIR(POP_ITER); PAIR(END_ASYNC_FOR); PAIR(END_FOR); PAIR(END_SEND);
#undef PAIR
    default: return op;
  }
}

_PyCoMonitoringData* data_of(PyCodeObject* code) { return code->_co_monitoring; }
_PyCoMonitoringData* data_make(PyCodeObject* code) {
  if (code->_co_monitoring) return code->_co_monitoring;
  auto* data = static_cast<_PyCoMonitoringData*>(PyMem_Calloc(1, sizeof(_PyCoMonitoringData)));
  if (!data) {
    PyErr_NoMemory();
    return nullptr;
  }
  const auto units = static_cast<size_t>(Py_SIZE(code)) + 1;
  data->line_of = static_cast<int*>(PyMem_Calloc(units, sizeof(int)));
  data->lines = static_cast<int*>(PyMem_Calloc(units, sizeof(int)));
  data->under_line = static_cast<uint16_t*>(PyMem_Calloc(units, sizeof(uint16_t)));
  data->under_instruction = static_cast<uint16_t*>(PyMem_Calloc(units, sizeof(uint16_t)));
  bool good = data->line_of && data->lines && data->under_line && data->under_instruction;
  for (uint8_t*& each : data->disabled) good = (each = static_cast<uint8_t*>(PyMem_Calloc(units, 1))) && good;
  code->_co_monitoring = data;
  if (!good) {
    monitoring_free(code);
    PyErr_NoMemory();
    return nullptr;
  }
  return data;
}

int real_opcode(PyCodeObject* code, Py_ssize_t index) { return static_cast<uint8_t>(code->co_code_adaptive[2 * index]); }

// The line of each unit, in one pass over the location table.
void code_line_table(PyCodeObject* code, int* line_of) {
  const Py_ssize_t count = Py_SIZE(code);
  const auto* p = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(code->co_linetable));
  const unsigned char* end = p + PyBytes_GET_SIZE(code->co_linetable);
  auto number = [&] {
    unsigned value = 0, shift = 0;
    while (p < end) {
      const unsigned char byte = *p++;
      value |= (byte & 63u) << shift;
      shift += 6;
      if (!(byte & 64)) break;
    }
    return value;
  };
  int line = code->co_firstlineno;
  Py_ssize_t unit = 0;
  while (p < end && unit < count) {
    const unsigned char head = *p++;
    const int kind = head >> 3 & 15;
    const Py_ssize_t length = (head & 7) + 1;
    if (kind == PY_CODE_LOCATION_INFO_LONG || kind == PY_CODE_LOCATION_INFO_NO_COLUMNS) {
      const unsigned delta = number();
      line += (delta & 1) ? -static_cast<int>(delta >> 1) : static_cast<int>(delta >> 1);
      if (kind == PY_CODE_LOCATION_INFO_LONG) number(), number(), number();
    } else if (kind >= PY_CODE_LOCATION_INFO_ONE_LINE0 && kind <= PY_CODE_LOCATION_INFO_ONE_LINE2) {
      line += kind - PY_CODE_LOCATION_INFO_ONE_LINE0;
      p += 2;
    } else if (kind < PY_CODE_LOCATION_INFO_ONE_LINE0) {
      p += 1;
    }
    for (Py_ssize_t i = 0; i < length && unit < count; ++i) line_of[unit++] = kind == PY_CODE_LOCATION_INFO_NONE ? -1 : line;
  }
  while (unit < count) line_of[unit++] = -1;
}

// Which units start a line: those where the line differs from the unit's before, and targets of jumps onto another line.
void find_line_starts(PyCodeObject* code, _PyCoMonitoringData* data) {
  const Py_ssize_t count = Py_SIZE(code);
  for (Py_ssize_t i = 0; i < count; ++i) data->lines[i] = -1;
  int* line_of = data->line_of;
  code_line_table(code, line_of);
  Executable* executable = executable_of(code);
  // Instruction starts, with EXTENDED_ARG prefixes counted to what they extend: a jump goes to the prefix.
  int current = -1;
  for (Py_ssize_t i = 0; i < count;) {
    const int op = real_opcode(code, i);
    if (i < code->_co_firsttraceable) {
      i += 1 + kCaches[op];
      continue;
    }
    const int line = line_of[i];
    const bool markers = op == kEND_FOR || op == kEND_SEND || op == kRESUME || op == kPOP_ITER || op == kEND_ASYNC_FOR;
    if (line != current && line >= 0 && op != kEND_ASYNC_FOR && !(markers && op != kRESUME)) {
      if (op != kRESUME) data->lines[i] = line;
    }
    if (line >= 0 && !(op == kRESUME)) current = line;
    else if (line < 0) current = -1;
    i += 1 + kCaches[op];
  }
  // Targets: of jumps, and of exception handlers.
  for (Py_ssize_t i = 0; i < count;) {
    const int op = real_opcode(code, i);
    const auto oparg = static_cast<Py_ssize_t>(executable->units[i].oparg);
    Py_ssize_t target = -1;
    switch (op) {
      case kJUMP_FORWARD: target = i + 1 + oparg; break;
      case kJUMP_BACKWARD: target = i + 2 - oparg; break;
      case kJUMP_BACKWARD_NO_INTERRUPT: target = i + 1 - oparg; break;
      case kPOP_JUMP_IF_FALSE: case kPOP_JUMP_IF_TRUE: case kPOP_JUMP_IF_NONE: case kPOP_JUMP_IF_NOT_NONE: case kSEND:
        target = i + 2 + oparg; break;
      case kFOR_ITER: {
        // Leaves behind END_FOR and POP_ITER.
        target = i + 2 + oparg + 2;
        break;
      }
      default: break;
    }
    if (target > code->_co_firsttraceable && target < count) {
      const int target_op = real_opcode(code, target);
      if (line_of[target] >= 0 && line_of[target] != line_of[i] && target_op != kEND_FOR && target_op != kEND_SEND)
        data->lines[target] = line_of[target];
    }
    i += 1 + kCaches[op];
  }
  const auto* p = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(code->co_exceptiontable));
  const unsigned char* end = p + PyBytes_GET_SIZE(code->co_exceptiontable);
  auto number = [&] {
    int value = *p & 63;
    while (*p & 64) value = value << 6 | (*++p & 63);
    ++p;
    return value;
  };
  while (p < end) {
    number();
    number();
    const int target = number();
    number();
    if (target >= count) continue;
    const int op = real_opcode(code, target);
    // A handler's first instruction with a line of its own: PUSH_EXC_INFO has the line of the try's except.
    if (line_of[target] >= 0 && op != kEND_ASYNC_FOR) data->lines[target] = line_of[target];
  }
}

uint8_t tools_for(const MonitoringState& state, const _PyCoMonitoringData* data, int event) {
  return static_cast<uint8_t>(state.global_tools[event] | (data ? data->local_tools[event] : 0));
}

}  // namespace

void code_lines(PyCodeObject* code, int* lines) { code_line_table(code, lines); }
PyObject* monitoring_disable() { return &disable_object; }
PyObject* monitoring_missing() { return &missing_object; }

void monitoring_free(PyCodeObject* code) {
  _PyCoMonitoringData* data = std::exchange(code->_co_monitoring, nullptr);
  if (!data) return;
  PyMem_Free(data->line_of);
  PyMem_Free(data->lines);
  PyMem_Free(data->under_line);
  PyMem_Free(data->under_instruction);
  for (uint8_t* each : data->disabled) PyMem_Free(each);
  PyMem_Free(data);
}

int instrument(PyThreadState* thread, PyCodeObject* code) {
  MonitoringState& state = state_of(thread);
  // A thread learns of a new version here too.
  const uintptr_t events = thread->eval_breaker & kEvalBreakerEvents;
  if ((thread->eval_breaker & ~kEvalBreakerEvents) != state.version) {
    eval_breaker_clear(thread, ~kEvalBreakerEvents);
    eval_breaker_set(thread, state.version);
  }
  (void)events;
  Executable* executable = executable_of(code);
  if (!executable) return 0;
  executable->instrumentation_version = state.version;
  uint8_t wanted[kLocalEvents];
  bool any = false;
  for (int event = 0; event < kLocalEvents; ++event) {
    wanted[event] = (code->co_flags & CO_NO_MONITORING_EVENTS) ? 0 : tools_for(state, data_of(code), event);
    any = any || wanted[event];
  }
  if (!any && !data_of(code)) return 0;
  const bool fresh = !data_of(code);
  _PyCoMonitoringData* data = data_make(code);
  if (!data) return -1;
  const Py_ssize_t count = Py_SIZE(code);
  if (fresh) find_line_starts(code, data);
  if (data->restarts != state.restarts) {
    for (uint8_t* each : data->disabled) memset(each, 0, static_cast<size_t>(count));
    data->restarts = state.restarts;
  }
  // DISABLE holds until the tool asks for the event anew.
  uint8_t added[kLocalEvents];
  for (int event = 0; event < kLocalEvents; ++event) added[event] = static_cast<uint8_t>(wanted[event] & ~data->active_tools[event]);
  memcpy(data->active_tools, wanted, sizeof wanted);
  for (Py_ssize_t i = 0; i < count;) {
    const int op = real_opcode(code, i);
    Unit& unit = executable->units[i];
    if (op == kEXTENDED_ARG) {
      // A line that starts here is announced by the instruction that is extended.
      const Py_ssize_t real = i + static_cast<Py_ssize_t>(unit.oparg);
      if (data->lines[i] >= 0 && real < count) data->lines[real] = std::exchange(data->lines[i], -1);
      ++i;
      continue;
    }
    int chosen = op;
    int event = event_of(op);
    if (op == kRESUME && (unit.oparg & 3)) event = kEventResume;
    if (event >= 0) data->disabled[0][i] = static_cast<uint8_t>(data->disabled[0][i] & ~added[event]);
    data->disabled[1][i] = static_cast<uint8_t>(data->disabled[1][i] & ~added[kEventLine]);
    data->disabled[2][i] = static_cast<uint8_t>(data->disabled[2][i] & ~added[kEventInstruction]);
    if (event >= 0 && (wanted[event] & ~data->disabled[0][i])) chosen = instrumented_op(op);
    if ((wanted[kEventInstruction] & ~data->disabled[2][i]) && i > code->_co_firsttraceable) {
      data->under_instruction[i] = static_cast<uint16_t>(chosen);
      chosen = kINSTRUMENTED_INSTRUCTION;
    }
    if (data->lines[i] >= 0 && (wanted[kEventLine] & ~data->disabled[1][i]) && i >= code->_co_firsttraceable) {
      data->under_line[i] = static_cast<uint16_t>(chosen);
      chosen = kINSTRUMENTED_LINE;
    }
    if (is_fused(unit.op)) unit.op = static_cast<uint16_t>(op);
    // Whoever is between caller and callee finds the same places: specialised forms have the same size.
    if (chosen != op || unit.op < kFirstSpecialized) {
      unit.op = static_cast<uint16_t>(chosen);
      if (kCaches[op] && chosen == op && unit.counter > 255) unit.counter = kWarmup;
    }
    if (is_conditional_jump(op)) unit.counter = !any && i + 2 < count && real_opcode(code, i + 2) == kNOT_TAKEN;
    i += 1 + kCaches[op];
  }
  if (executable->loads_are_marked) mark_immediate_loads(executable);
  return 0;
}

// The op that runs when the event in front of it has been fired.
uint16_t op_under_line(Frame* frame, const Unit* unit) {
  return data_of(frame_code(frame))->under_line[unit - executable_of(frame_code(frame))->units];
}
uint16_t op_under_instruction(Frame* frame, const Unit* unit) {
  return data_of(frame_code(frame))->under_instruction[unit - executable_of(frame_code(frame))->units];
}

// ---- firing ----------------------------------------------------------------------------------------------------------

namespace {

// Calls one tool: 0 go on, 1 DISABLE, -1 exception.
int call_tool(PyThreadState* thread, int tool, int event, PyObject* const* args, size_t count) {
  PyObject* callable = state_of(thread).callables[tool][event];
  if (!callable) return 0;
  Ref<> held = borrow(callable);
  const int old_event = std::exchange(thread->what_event, event);
  ++thread->tracing;
  PyObject* result = vectorcall(thread, callable, args + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  --thread->tracing;
  thread->what_event = old_event;
  if (!result) return -1;
  const bool disable = result == &disable_object;
  Py_DECREF(result);
  return disable ? 1 : 0;
}


// kind: which disabled table. `arguments` excludes code and offset when there is one.
// Where the event of the other branch fires when this one fires at the branching instruction itself; -1 if there is none.
Py_ssize_t other_side(PyCodeObject* code, Py_ssize_t index) {
  const int op = real_opcode(code, index);
  if (is_conditional_jump(op)) return index + 2;
  if (op == kFOR_ITER) return index + 2 + static_cast<Py_ssize_t>(executable_of(code)->units[index].oparg) + 1;
  return -1;
}

int cannot_disable(PyThreadState* thread, int tool, int event) {
  PyErr_Format(PyExc_ValueError, "Cannot disable %s events. Callback removed.",
               event == kEventRaise ? "RAISE" : event == kEventHandled ? "EXCEPTION_HANDLED" : event == kEventUnwind ? "PY_UNWIND"
               : event == kEventThrow ? "PY_THROW" : event == kEventReraise ? "RERAISE" : "C_RETURN");
  Py_CLEAR(state_of(thread).callables[tool][event]);
  return -1;
}

// `shown`: the unit whose offset the event shows, when it is not the one that fires.
int fire_local(PyThreadState* thread, Frame* frame, int event, int kind, PyObject* third, PyObject* fourth, PyObject* fifth,
               uint8_t tools, Py_ssize_t shown = -1) {
  if (thread->tracing) return 0;
  PyCodeObject* code = frame_code(frame);
  const int index = frame_instruction_index(frame);
  Ref<> offset;
  PyObject* second = third;
  int count = third ? 2 : 1;
  if (kind != 1) {
    offset = steal(PyLong_FromSsize_t(2 * (shown >= 0 ? shown : index)));
    if (!offset) return -1;
    second = offset;
    count = fifth ? 5 : fourth ? 4 : third ? 3 : 2;
  }
  PyObject* args[6] = {nullptr, reinterpret_cast<PyObject*>(code), second, kind == 1 ? nullptr : third, fourth, fifth};
  for (int tool = 0; tool < kMonitoringTools; ++tool) {
    if (!(tools >> tool & 1)) continue;
    if (tool >= kProfileTool) {
      if (legacy_event(thread, frame, tool, event, third, fourth) < 0) return -1;
      continue;
    }
    const int result = call_tool(thread, tool, event, args, static_cast<size_t>(count));
    if (result < 0) return -1;
    if (result > 0 && event < kLocalEvents) {
      _PyCoMonitoringData* data = data_of(code);
      auto disable = [&](Py_ssize_t at) { data->disabled[kind][at] = static_cast<uint8_t>(data->disabled[kind][at] | 1u << tool); };
      disable(index);
      if ((event == kEventBranchLeft || event == kEventBranchRight) && (state_of(thread).both_branches >> tool & 1)) {
        const Py_ssize_t other = shown >= 0 && shown != index ? shown : other_side(code, index);
        if (other >= 0 && other < Py_SIZE(code)) disable(other);
        executable_of(code)->instrumentation_version = ~uintptr_t{0} << 8;
      }
      // Nobody left: the instruction itself comes back.
      if (!(data->active_tools[event] & ~data->disabled[kind][index])) executable_of(code)->instrumentation_version = ~uintptr_t{0} << 8;
    } else if (result > 0) {
      return cannot_disable(thread, tool, event);
    }
  }
  return 0;
}

uint8_t active_tools(PyThreadState* thread, Frame* frame, int event, int kind) {
  _PyCoMonitoringData* data = data_of(frame_code(frame));
  const int index = frame_instruction_index(frame);
  uint8_t tools = tools_for(state_of(thread), data, event);
  if (data && index >= 0) tools = static_cast<uint8_t>(tools & ~data->disabled[kind][index]);
  return tools;
}

// Events that only exist globally; takes no notice of what code is instrumented.
int fire_exception_event(PyThreadState* thread, Frame* frame, int event, PyObject* exception) {
  const uint8_t tools = state_of(thread).global_tools[event];
  if (!tools || thread->tracing) return 0;
  return fire_local(thread, frame, event, 0, exception, nullptr, nullptr, tools);
}

void fire_with_exception(PyThreadState* thread, Frame* frame, int event) {
  if (!state_of(thread).global_tools[event] || thread->tracing || frame_is_incomplete(frame)) return;
  PyObject* exception = PyErr_GetRaisedException();
  if (fire_exception_event(thread, frame, event, exception) == 0) {
    PyErr_SetRaisedException(exception);
  } else {
    Py_DECREF(exception);  // the callback's own takes its place
  }
}

}  // namespace

int monitor_local(PyThreadState* thread, Frame* frame, int event, PyObject* a, PyObject* b) {
  return fire_local(thread, frame, event, event == kEventInstruction ? 2 : 0, a, b, nullptr,
                    active_tools(thread, frame, event, event == kEventInstruction ? 2 : 0));
}
int monitor_line(PyThreadState* thread, Frame* frame, const Unit* previous) {
  PyCodeObject* code = frame_code(frame);
  const _PyCoMonitoringData* data = data_of(code);
  const Py_ssize_t index = frame_instruction_index(frame);
  const int line = data->lines[index];
  // The first RESUME does not leave its place in the frame unless it is watched.
  const Py_ssize_t before = std::max<Py_ssize_t>(previous - executable_of(code)->units, code->_co_firsttraceable);
  // A place that others jump to from another line was reached from its own line: that line goes on. Not so behind a RESUME
  // that is watched, and when an exception was thrown in from outside into a yield from.
  if (before < Py_SIZE(code) && before != index && data->line_of[before] == line) {
    const Unit& unit = executable_of(code)->units[before];
    const int op = unit.op == kINSTRUMENTED_INSTRUCTION ? data->under_instruction[before] : unit.op;
    const bool thrown_in = real_opcode(code, before) == kYIELD_VALUE && real_opcode(code, index) == kCLEANUP_THROW;
    if (op != kINSTRUMENTED_RESUME && !thrown_in) return 0;
  }
  uint8_t tools = active_tools(thread, frame, kEventLine, 1);
  if (tools >> kTraceTool & 1) {
    if (legacy_line(thread, frame, line) < 0) return -1;
    tools = static_cast<uint8_t>(tools & ~(1u << kTraceTool));
  }
  if (!tools || thread->tracing) return 0;
  Ref<> number = steal(PyLong_FromLong(line));
  return number ? fire_local(thread, frame, kEventLine, 1, number, nullptr, nullptr, tools) : -1;
}
int monitor_jump(PyThreadState* thread, Frame* frame, int event, const Unit* target, const Unit* source) {
  const uint8_t tools = active_tools(thread, frame, event, 0);
  if (!tools || thread->tracing) return 0;
  Ref<> to = steal(PyLong_FromLong(2 * static_cast<long>(target - executable_of(frame_code(frame))->units)));
  if (!to) return -1;
  return fire_local(thread, frame, event, 0, to, nullptr, nullptr, tools, source ? source - executable_of(frame_code(frame))->units : -1);
}
int monitor_c_result(PyThreadState* thread, Frame* frame, bool raised, PyObject* callable, PyObject* argument) {
  const uint8_t tools = active_tools(thread, frame, kEventCall, 0);
  PyObject* exception = raised ? PyErr_GetRaisedException() : nullptr;
  const int result = fire_local(thread, frame, raised ? kEventCRaise : kEventCReturn, 0, callable, argument, nullptr, tools);
  if (raised) {
    if (result == 0) PyErr_SetRaisedException(exception);
    else Py_XDECREF(exception);
  }
  return result;
}

void monitor_raise(PyThreadState* thread, Frame* frame) { fire_with_exception(thread, frame, kEventRaise); }
void monitor_reraise(PyThreadState* thread, Frame* frame) { fire_with_exception(thread, frame, kEventReraise); }
void monitor_unwind(PyThreadState* thread, Frame* frame) { fire_with_exception(thread, frame, kEventUnwind); }
void monitor_throw(PyThreadState* thread, Frame* frame) { fire_with_exception(thread, frame, kEventThrow); }
int monitor_handled(PyThreadState* thread, Frame* frame, PyObject* exception) {
  return fire_exception_event(thread, frame, kEventHandled, exception);
}
void monitor_stop_iteration(PyThreadState* thread, Frame* frame, PyObject* value) {
  const uint8_t tools = active_tools(thread, frame, kEventStopIteration, 0);
  if (!tools || thread->tracing) return;
  Ref<> exception = steal(PyObject_CallOneArg(PyExc_StopIteration, value));
  if (exception) (void)fire_local(thread, frame, kEventStopIteration, 0, exception, nullptr, nullptr, tools);
}

// ---- changing --------------------------------------------------------------------------------------------------------

static int publish(PyThreadState* current) {
  MonitoringState& state = state_of(current);
  state.version += 256;
  state.active = false;
  for (uint8_t tools : state.global_tools) state.active = state.active || tools;
  // Code with tools of its own counts as well: once there were any, exceptions are looked at.
  for (PyThreadState* thread = current->interp->core.threads; thread; thread = thread->next) {
    eval_breaker_clear(thread, ~kEvalBreakerEvents);
    eval_breaker_set(thread, state.version);
    for (Frame* frame = thread->current_frame; frame; frame = frame->previous) {
      if (frame->owner == kOwnedByInterpreter) continue;
      if (instrument(current, frame_code(frame)) < 0) return -1;
    }
  }
  return 0;
}

int monitoring_set_events(int tool, uint32_t events) {
  PyThreadState* thread = ks::thread();
  MonitoringState& state = state_of(thread);
  bool changed = false;
  for (int event = 0; event < kMonitoringEvents; ++event) {
    const uint8_t old = state.global_tools[event];
    const auto now = static_cast<uint8_t>((events >> event & 1) ? old | 1u << tool : old & ~(1u << tool));
    changed = changed || old != now;
    state.global_tools[event] = now;
  }
  return changed ? publish(thread) : 0;
}

int monitoring_set_local_events(PyCodeObject* code, int tool, uint32_t events) {
  if (!executable(code)) return -1;
  const bool fresh = !data_of(code);
  _PyCoMonitoringData* data = data_make(code);
  if (!data) return -1;
  if (fresh) find_line_starts(code, data);
  bool changed = false;
  for (int event = 0; event < kLocalEvents; ++event) {
    const uint8_t old = data->local_tools[event];
    const auto now = static_cast<uint8_t>((events >> event & 1) ? old | 1u << tool : old & ~(1u << tool));
    changed = changed || old != now;
    data->local_tools[event] = now;
  }
  return changed ? publish(ks::thread()) : 0;
}

uint32_t monitoring_local_events(PyCodeObject* code, int tool) {
  uint32_t events = 0;
  if (_PyCoMonitoringData* data = data_of(code))
    for (int event = 0; event < kLocalEvents; ++event) events |= static_cast<uint32_t>(data->local_tools[event] >> tool & 1) << event;
  return events;
}

int monitoring_fire_codelike(int event, uint8_t* active, PyObject* codelike, int offset, PyObject* third, PyObject* fourth) {
  PyThreadState* thread = ks::thread();
  if (thread->tracing) return 0;
  Ref<> number = steal(PyLong_FromLong(offset));
  if (!number) return -1;
  const bool line = event == kEventLine;
  PyObject* args[5] = {nullptr, codelike, line ? third : number.get(), line ? nullptr : third, fourth};
  const size_t count = line ? 2 : fourth ? 4 : third ? 3 : 2;
  for (int tool = 0; tool < kProfileTool; ++tool) {
    if (!(*active >> tool & 1)) continue;
    const int result = call_tool(thread, tool, event, args, count);
    if (result < 0) return -1;
    if (result > 0 && event < kLocalEvents) *active = static_cast<uint8_t>(*active & ~(1u << tool));
    else if (result > 0) return cannot_disable(thread, tool, event);
  }
  return 0;
}

int monitoring_restart() {
  ++state_of(ks::thread()).restarts;
  return publish(ks::thread());
}

}  // namespace ks
