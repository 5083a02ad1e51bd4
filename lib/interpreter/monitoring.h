// sys.monitoring (PEP 669), and sys.settrace and sys.setprofile on top of it.
//
// Tools set events for everything or for one code object. A change gives the interpreter a new version; code is
// brought in line (instrument()) when it is next entered, code that runs right away. Instrumenting replaces ops in the
// executable by INSTRUMENTED_ ones; a tool that returns DISABLE is remembered per instruction until restart_events().
// Tool 6 is sys.setprofile, tool 7 sys.settrace: they call the thread's C functions instead of Python callables.
#pragma once

#include <Python.h>

#include "interpreter/eval_breaker.h"
#include "interpreter/frame.h"
#include "runtime/state.h"

namespace ks {

enum MonitoringEvent : int {
  kEventStart, kEventResume, kEventReturn, kEventYield, kEventCall, kEventLine, kEventInstruction, kEventJump,
  kEventBranchLeft, kEventBranchRight, kEventStopIteration, kEventRaise, kEventHandled, kEventUnwind, kEventThrow,
  kEventReraise, kEventCReturn, kEventCRaise,
};
inline constexpr int kProfileTool = 6, kTraceTool = 7;

// Whether any tool watches anything in the thread's interpreter.
inline bool monitoring_active(PyThreadState* thread) { return thread->interp->interpreter.monitoring.active; }

// Brings the code's executable in line with the tools that are active now.
int instrument(PyThreadState* thread, PyCodeObject* code);

// Fires a local event of the instruction at frame->instr_ptr: 0, or -1 with an exception. The frame's stack pointer must
// be saved. `a` and `b` (may be nullptr) follow the offset in the call.
int monitor_local(PyThreadState* thread, Frame* frame, int event, PyObject* a = nullptr, PyObject* b = nullptr);
// `previous`: the instruction before, or an earlier one of the same line.
int monitor_line(PyThreadState* thread, Frame* frame, const Unit* previous);
// `source`: the branch that the event belongs to, when another instruction fires it.
int monitor_jump(PyThreadState* thread, Frame* frame, int event, const Unit* target, const Unit* source = nullptr);
// C_RETURN or C_RAISE after a CALL event.
int monitor_c_result(PyThreadState* thread, Frame* frame, bool raised, PyObject* callable, PyObject* argument);

// Events that have no instruction of their own; the exception is set. A callback's exception replaces it.
void monitor_raise(PyThreadState* thread, Frame* frame);
void monitor_reraise(PyThreadState* thread, Frame* frame);
void monitor_unwind(PyThreadState* thread, Frame* frame);
void monitor_throw(PyThreadState* thread, Frame* frame);
void monitor_stop_iteration(PyThreadState* thread, Frame* frame, PyObject* value);
int monitor_handled(PyThreadState* thread, Frame* frame, PyObject* exception);

// Changes what a tool watches; -1 with an exception.
int monitoring_set_events(int tool, uint32_t events);
int monitoring_set_local_events(PyCodeObject* code, int tool, uint32_t events);
uint32_t monitoring_local_events(PyCodeObject* code, int tool);
int monitoring_restart();
// For code that is no Python code (Cython): calls the tools in *active; clears the bit of a tool that says DISABLE.
int monitoring_fire_codelike(int event, uint8_t* active, PyObject* codelike, int offset, PyObject* third, PyObject* fourth);
// For the code object's deallocation.
void monitoring_free(PyCodeObject* code);
PyObject* monitoring_disable();  // sys.monitoring.DISABLE and MISSING, immortal
PyObject* monitoring_missing();

// The line of each unit of the code, -1 for none.
void code_lines(PyCodeObject* code, int* lines);
uint16_t op_under_line(Frame* frame, const Unit* unit);
uint16_t op_under_instruction(Frame* frame, const Unit* unit);

// trace.cpp: what the two legacy tools do with an event.
int legacy_event(PyThreadState* thread, Frame* frame, int tool, int event, PyObject* a, PyObject* b);
int frame_trace_opcodes(Frame* frame);  // somebody set f_trace_opcodes
int legacy_line(PyThreadState* thread, Frame* frame, int line);

}  // namespace ks
