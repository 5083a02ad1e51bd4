// The evaluator's core: entering and leaving, starting a frame, unwinding.
#include "interpreter/evaluate.h"

#include <pthread.h>

#include "interpreter/generator.h"
#include "interpreter/handler.h"
#include "interpreter/monitoring.h"
#include "object/export.h"
#include "object/result.h"
#include "runtime/state.h"

namespace ks {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-designator"
const Handler dispatch_table[kOpCount] = {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) [NUMBER] = op_##NAME,
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) [NUMBER] = op_##NAME,
#include "interpreter/opcodes.def"
#define SPECIALIZATION(NAME, FAMILY) [k##NAME] = op_##NAME,
#include "interpreter/specializations.def"
};
#pragma clang diagnostic pop

// ---- recursion -------------------------------------------------------------------------------------------------------

int enter_python_call_slow(PyThreadState* thread) {
  if (thread->recursion_headroom) {
    if (thread->py_recursion_remaining < -50) Py_FatalError("Cannot recover from Python stack overflow.");
    return 0;
  }
  if (thread->py_recursion_remaining > 0) return 0;
  ++thread->recursion_headroom;
  PyErr_Format(PyExc_RecursionError, "maximum recursion depth exceeded");
  --thread->recursion_headroom;
  return -1;
}

namespace {

// The C stack of this operating system thread; nothing of an interpreter.
struct StackBounds {
  uintptr_t soft, hard, top;
};
thread_local constinit StackBounds stack_bounds [[gnu::tls_model("initial-exec")]] = {};

constexpr uintptr_t kStackMargin = 64 * 1024;

[[gnu::noinline]] void find_stack_bounds() {
  pthread_attr_t attributes;
  void* base = nullptr;
  size_t size = 0, guard = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    pthread_attr_getguardsize(&attributes, &guard);
    if (pthread_attr_getstack(&attributes, &base, &size) != 0) size = 0;
    pthread_attr_destroy(&attributes);
  }
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (size == 0) {
    stack_bounds = {here - 4 * 1024 * 1024, here - 5 * 1024 * 1024, here};
    return;
  }
  const auto low = reinterpret_cast<uintptr_t>(base) + guard;
  const auto top = reinterpret_cast<uintptr_t>(base) + size;
  // A stack in somebody's own memory (a greenlet, a fiber): unknown bounds, no checks.
  if (here < low || here > top) {
    stack_bounds = {1, 1, here};
    return;
  }
  const uintptr_t margin = size > 4 * kStackMargin ? kStackMargin : size / 8;
  stack_bounds = {low + 2 * margin, low + margin, top};
}

[[gnu::noinline]] int c_stack_low(PyThreadState* thread, const char* where) {
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (stack_bounds.soft == 0) {
    find_stack_bounds();
    if (here >= stack_bounds.soft) return 0;
  }
  if (here > stack_bounds.top || here + (stack_bounds.top - stack_bounds.hard) < stack_bounds.hard) return 0;  // another stack
  const int used = static_cast<int>((stack_bounds.top - here) / 1024);
  if (here < stack_bounds.hard) {
    char message[80];
    snprintf(message, sizeof message, "Unrecoverable stack overflow (used %d kB)%s", used, where);
    Py_FatalError(message);
  }
  if (thread->recursion_headroom) return 0;
  ++thread->recursion_headroom;
  PyErr_Format(PyExc_RecursionError, "Stack overflow (used %d kB)%s", used, where);
  --thread->recursion_headroom;
  return -1;
}

inline int enter_c(PyThreadState* thread, const char* where) {
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  return here >= stack_bounds.soft && stack_bounds.soft ? 0 : c_stack_low(thread, where);
}

// ---- unwinding -------------------------------------------------------------------------------------------------------

struct ExceptionHandler {
  int target, depth;
  bool push_lasti;
};

const unsigned char* read_number(const unsigned char* p, int* value) {
  int result = *p & 63;
  while (*p & 64) {
    ++p;
    result = result << 6 | (*p & 63);
  }
  *value = result;
  return p + 1;
}

bool find_handler(PyCodeObject* code, int index, ExceptionHandler* handler) {
  PyObject* table = code->co_exceptiontable;
  const auto* p = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(table));
  const unsigned char* end = p + PyBytes_GET_SIZE(table);
  while (p < end) {
    int start, size, target, depth_and_lasti;
    p = read_number(p, &start);
    p = read_number(p, &size);
    p = read_number(p, &target);
    p = read_number(p, &depth_and_lasti);
    if (start > index) return false;
    if (index < start + size) {
      *handler = {target, depth_and_lasti >> 1, (depth_and_lasti & 1) != 0};
      return true;
    }
  }
  return false;
}

}  // namespace

// Adds the frame to the traceback of the exception that is set.
[[gnu::noinline]] static void add_traceback(Frame* frame) {
  if (frame_is_incomplete(frame)) return;
  PyObject* exception = PyErr_GetRaisedException();
  PyFrameObject* object = frame_object(frame);
  if (!object) {
    Py_XDECREF(exception);
    return;
  }
  PyErr_SetRaisedException(exception);
  PyTraceBack_Here(object);
}

HANDLER(error) {
  SAVE_ALL();
  if (!thread->current_exception) [[unlikely]]
    PyErr_SetString(PyExc_SystemError, "error return without exception set");
  add_traceback(frame);
  if (monitoring_active(thread)) [[unlikely]] monitor_raise(thread, frame);
  GO_TO(unwind);
}

// Leaves a frame whose exception nobody in it handles. sp is the frame's stack pointer.
HANDLER_DECLARATION(leave_by_exception);

HANDLER(unwind) {
  Executable* executable = executable_of(frame_code(frame));
  const int index = static_cast<int>(ip - executable->units);
  ExceptionHandler handler;
  if (!find_handler(frame_code(frame), index, &handler)) {
    if (monitoring_active(thread)) [[unlikely]] {
      frame->stackpointer = sp;
      monitor_unwind(thread, frame);
    }
    GO_TO(leave_by_exception);
  }
  Value* level = frame_stack(frame) + handler.depth;
  while (sp > level) {
    --sp;
    close_or_null(*sp);
  }
  frame->stackpointer = sp;
  if (handler.push_lasti) {
    PyObject* lasti = PyLong_FromLong(frame_instruction_index(frame));
    if (!lasti) ERROR();
    *sp++ = Value::owned(lasti);
  }
  ip = executable->units + handler.target;
  PyObject* exception = thread->current_exception;
  thread->current_exception = nullptr;
  *sp++ = Value::owned(exception);
  if (monitoring_active(thread)) [[unlikely]] {
    SAVE_ALL();
    // A callback's own exception is handled like one that the handler's first instruction raised.
    if (monitor_handled(thread, frame, exception) < 0) GO_TO(unwind);
  }
  DISPATCH();
}

HANDLER(leave_by_exception) {
  frame->stackpointer = sp;
  Frame* dying = frame;
  frame = dying->previous;
  thread->current_frame = frame;
  ++thread->py_recursion_remaining;
  frame_clear_and_pop(thread, dying);
  if (frame->owner == kOwnedByInterpreter) {
    thread->current_frame = frame->previous;
    return nullptr;
  }
  ip = frame->instr_ptr;
  sp = frame->stackpointer;
  ERROR();
}

// ---- starting and leaving --------------------------------------------------------------------------------------------

HANDLER(start_frame) {
  if (enter_python_call(thread) < 0) [[unlikely]] GO_TO(leave_by_exception);
  DISPATCH();
}

HANDLER(INTERPRETER_EXIT) {
  PyObject* result = sp[-1].take();
  thread->current_frame = frame->previous;
  return result;
}

void frame_clear_and_pop(PyThreadState* thread, Frame* frame) {
  if (frame->owner == kOwnedByThread) {
    frame_clear(frame);
    data_stack_pop(thread, frame);
    return;
  }
  PyGenObject* generator = frame_generator(frame);
  generator->gi_frame_state = kGenCleared;
  thread->exc_info = generator->gi_exc_state.previous_item;
  generator->gi_exc_state.previous_item = nullptr;
  frame->previous = nullptr;
  frame_clear(frame);
}

// RETURN_VALUE continues at the first, YIELD_VALUE at the third.
static const Unit exit_units[3] = {{kINTERPRETER_EXIT, 0, 0}, {kINTERPRETER_EXIT, 0, 0}, {kINTERPRETER_EXIT, 0, 0}};

PyObject* evaluate(PyThreadState* thread, Frame* frame, bool throwing) {
  // The sentinel has a stack of one value, for the result.
  struct {
    Frame frame;
    Value more[2];
  } sentinel;
  Frame* exit = &sentinel.frame;
  exit->f_executable = Value::borrowed(Py_None);
  exit->previous = thread->current_frame;
  exit->f_funcobj = Value::null();
  exit->f_globals = exit->f_builtins = exit->f_locals = nullptr;
  exit->frame_obj = nullptr;
  exit->instr_ptr = const_cast<Unit*>(exit_units);
  exit->stackpointer = exit->localsplus;
  exit->return_offset = 0;
  exit->owner = kOwnedByInterpreter;
  exit->visited = 0;
  frame->previous = exit;
  thread->current_frame = frame;
  if (enter_c(thread, "") < 0) [[unlikely]] {
    --thread->py_recursion_remaining;
    return op_leave_by_exception(frame, frame->instr_ptr, frame->stackpointer, thread);
  }
  if (throwing) {
    if (enter_python_call(thread) < 0)
      return op_leave_by_exception(frame, frame->instr_ptr, frame->stackpointer, thread);
    // The instruction before the one to resume at is the yield that raises.
    --frame->instr_ptr;
    if (monitoring_active(thread)) monitor_throw(thread, frame);
    return op_error(frame, frame->instr_ptr, frame->stackpointer, thread);
  }
  return op_start_frame(frame, frame->instr_ptr, frame->stackpointer, thread);
}

PyObject* evaluate_hooked(PyThreadState* thread, Frame* frame, bool throwing) {
  _PyFrameEvalFunction hook = thread->interp->interpreter.eval_frame;
  if (hook) [[unlikely]] return hook(thread, frame, throwing);
  return evaluate(thread, frame, throwing);
}

}  // namespace ks

extern "C" {

// Counts a recursive C call; RecursionError and -1 when the C stack runs low. `where` is appended to the message.
int Py_EnterRecursiveCall(const char* where) { return ks::enter_c(ks::thread(), where); }
void Py_LeaveRecursiveCall() {}
KS_EXPORT int _Py_CheckRecursiveCall(PyThreadState* thread, const char* where) { return ks::enter_c(thread, where); }

// The evaluator itself: result new.
PyObject* _PyEval_EvalFrameDefault(PyThreadState* thread, _PyInterpreterFrame* frame, int throwing) {
  return ks::evaluate(thread, frame, throwing != 0);
}
KS_EXPORT void _PyEval_FrameClearAndPop(PyThreadState* thread, _PyInterpreterFrame* frame) {
  ks::frame_clear_and_pop(thread, frame);
}
KS_EXPORT void _PyThreadState_PopFrame(PyThreadState* thread, _PyInterpreterFrame* frame) { ks::data_stack_pop(thread, frame); }

// A frame evaluation function (PEP 523) for the interpreter; nullptr or the default turns it off.
void _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState* interpreter, _PyFrameEvalFunction function) {
  interpreter->interpreter.eval_frame = function == _PyEval_EvalFrameDefault ? nullptr : function;
}
_PyFrameEvalFunction _PyInterpreterState_GetEvalFrameFunc(PyInterpreterState* interpreter) {
  return interpreter->interpreter.eval_frame ? interpreter->interpreter.eval_frame : _PyEval_EvalFrameDefault;
}

}  // extern "C"
