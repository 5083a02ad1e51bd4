// frame.f_lineno = N: which instructions of a line can be jumped to depends on what lies on the stack there.
//
// A stack is described by a number of three bits for each value, the top in the lowest bits. Every instruction gets the
// description that holds before it, found by following all paths until nothing changes.
#include "interpreter/frame_jump.h"

#include <climits>
#include <cstring>

#include "interpreter/executable.h"
#include "interpreter/frame_object.h"
#include "interpreter/generator.h"
#include "interpreter/handler.h"
#include "interpreter/monitoring.h"
#include "object/result.h"
#include "runtime/state.h"

namespace ks {

namespace {

using Stack = int64_t;
enum Kind : int { kIterator = 1, kException = 2, kObject = 3, kNothing = 4, kLasti = 5 };
constexpr Stack kUnknown = -2, kTooDeep = -1;
constexpr int kBits = 3;
constexpr Stack kLimit = Stack{1} << (63 - kBits);

Stack push(Stack stack, int kind) { return stack < 0 || stack >= kLimit ? kTooDeep : stack << kBits | kind; }
Stack pop(Stack stack) { return stack < 0 ? stack : stack >> kBits; }
int top(Stack stack) { return static_cast<int>(stack & 7); }
int peek(Stack stack, int n) { return static_cast<int>(stack >> (kBits * (n - 1)) & 7); }  // n from 1
Stack replace(Stack stack, int n, int kind) {
  const int shift = kBits * (n - 1);
  return (stack & ~(Stack{7} << shift)) | static_cast<Stack>(kind) << shift;
}
int depth(Stack stack) {
  int result = 0;
  for (; stack > 0; stack >>= kBits) ++result;
  return result;
}

bool compatible(Stack from, Stack to) {
  if (from < 0 || to < 0) return false;
  while (from > to) from = pop(from);
  for (; from; from = pop(from), to = pop(to)) {
    const int a = top(from), b = top(to);
    const bool good = b == kObject ? a != kNothing : b == kNothing || (b && a == b);
    if (!good) return false;
  }
  return to == 0;
}
const char* why_incompatible(Stack to) {
  if (to == kTooDeep) return "stack is too deep to analyze";
  if (to == kUnknown) return "can't jump into an exception handler, or code may be unreachable";
  switch (top(to)) {
    case kException: return "can't jump into an 'except' block as there's no exception";
    case kLasti: return "can't jump into a re-raising block as there's no location";
    case kIterator: return "can't jump into the body of a for loop";
    default: return "incompatible stacks";
  }
}

int plain_effect(int op, int oparg) {
  switch (op) {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) case NUMBER: return EFFECT;
#include "interpreter/opcodes.def"
    default: return 0;
  }
}

struct Analysis {
  PyCodeObject* code;
  Executable* executable;
  Py_ssize_t count;
  Stack* stacks;
  bool changed = true;

  int opcode(Py_ssize_t i) const { return static_cast<unsigned char>(code->co_code_adaptive[2 * i]); }
  void reach(Py_ssize_t i, Stack stack) {
    if (i < 0 || i >= count || stacks[i] != kUnknown) return;
    stacks[i] = stack;
    changed = true;
  }

  void step(Py_ssize_t i) {
    const int op = opcode(i);
    const int oparg = op == kEXTENDED_ARG ? 0 : static_cast<int>(executable->units[i].oparg);
    Stack stack = stacks[i];
    const Py_ssize_t next = i + 1 + kCaches[op];
    switch (op) {
      case kPOP_JUMP_IF_FALSE: case kPOP_JUMP_IF_TRUE: case kPOP_JUMP_IF_NONE: case kPOP_JUMP_IF_NOT_NONE:
        stack = pop(stack);
        reach(next + oparg, stack);
        return reach(next, stack);
      case kSEND:
        reach(next + oparg, stack);
        return reach(next, stack);
      case kJUMP_FORWARD: return reach(next + oparg, stack);
      case kJUMP_BACKWARD: case kJUMP_BACKWARD_NO_INTERRUPT: return reach(next - oparg, stack);
      case kGET_ITER: case kGET_AITER: return reach(next, push(pop(stack), kIterator));
      case kFOR_ITER:
        reach(next, push(stack, kObject));
        return reach(next + oparg, push(stack, kObject));
      case kEND_ASYNC_FOR: return reach(next, pop(pop(stack)));
      case kPUSH_EXC_INFO: return reach(next, push(stack, kException));
      case kPOP_EXCEPT: return reach(next, pop(stack));
      case kRETURN_VALUE: case kRAISE_VARARGS: case kRERAISE: case kINTERPRETER_EXIT: return;
      case kPUSH_NULL: return reach(next, push(stack, kNothing));
      case kLOAD_GLOBAL:
        stack = push(stack, kObject);
        return reach(next, (oparg & 1) ? push(stack, kNothing) : stack);
      case kLOAD_ATTR: return reach(next, (oparg & 1) ? push(push(pop(stack), kObject), kNothing) : stack);
      case kSWAP: {
        const int a = peek(stack, 1), b = peek(stack, oparg);
        return reach(next, replace(replace(stack, 1, b), oparg, a));
      }
      case kCOPY: return reach(next, push(stack, peek(stack, oparg)));
      default: {
        int effect = plain_effect(op, oparg);
        for (; effect < 0; ++effect) stack = pop(stack);
        for (; effect > 0; --effect) stack = push(stack, kObject);
        return reach(next, stack);
      }
    }
  }

  void handlers() {
    const auto* p = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(code->co_exceptiontable));
    const unsigned char* end = p + PyBytes_GET_SIZE(code->co_exceptiontable);
    auto number = [&] {
      int value = *p & 63;
      while (*p & 64) value = value << 6 | (*++p & 63);
      ++p;
      return value;
    };
    while (p < end) {
      const int start = number();
      number();
      const int target = number(), level = number();
      if (stacks[start] == kUnknown || stacks[target] != kUnknown) continue;
      Stack stack = stacks[start];
      while (stack > 0 && depth(stack) > level >> 1) stack = pop(stack);
      if (level & 1) stack = push(stack, kLasti);
      reach(target, push(stack, kException));
    }
  }

  void run() {
    for (Py_ssize_t i = 0; i < count; ++i) stacks[i] = kUnknown;
    reach(0, 0);
    // What a generator is sent lies on the stack behind RETURN_GENERATOR: its effect says so.
    while (changed) {
      changed = false;
      for (Py_ssize_t i = 0; i < count; i += 1 + kCaches[opcode(i)])
        if (stacks[i] != kUnknown) step(i);
      handlers();
    }
  }
};

// For units where the line changes: the new line; else -1.
void mark_lines(PyCodeObject* code, int* lines) {
  code_lines(code, lines);
  int last = -1;
  for (Py_ssize_t i = 0; i < Py_SIZE(code); ++i) {
    if (lines[i] == last || lines[i] < 0) lines[i] = -1;
    else last = lines[i];
  }
}

int set_line(PyFrameObject* f, int wanted, Stack* stacks, int* lines) {
  Frame* frame = f->f_frame;
  PyCodeObject* code = frame_code(frame);
  const Py_ssize_t count = Py_SIZE(code);
  mark_lines(code, lines);
  int line = INT_MAX;
  for (Py_ssize_t i = 0; i < count; ++i)
    if (lines[i] >= wanted && lines[i] < line) line = lines[i];
  if (line == INT_MAX) return raise(PyExc_ValueError, "line %d comes after the current code block", wanted);
  Analysis analysis{code, executable_of(code), count, stacks};
  analysis.run();
  const bool suspended = frame->owner == kOwnedByGenerator && generator_is_suspended(frame_generator(frame)->gi_frame_state);
  Stack start = stacks[frame_instruction_index(frame)];
  if (suspended) start = pop(start);  // what is sent has not been pushed yet
  Stack best = kTooDeep;
  Py_ssize_t best_unit = -1;
  const char* message = "cannot find bytecode for specified line";
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (lines[i] != line) continue;
    const Stack target = stacks[i];
    if (compatible(start, target)) {
      message = nullptr;
      if (target > best) {
        best = target;
        best_unit = i;
      }
    } else if (message) {
      message = start == kTooDeep ? "stack to deep to analyze" : start == kUnknown ? "can't jump from unreachable code" : why_incompatible(target);
    }
  }
  if (message) return raise(PyExc_ValueError, "%s", message);
  // Variables without a value would crash code that was compiled for the other path.
  int unbound = 0;
  for (int i = 0; i < code->co_nlocalsplus; ++i) unbound += frame->localsplus[i].is_null();
  if (unbound) {
    if (PyErr_WarnFormat(PyExc_RuntimeWarning, 0, "assigning None to %d unbound local%s", unbound, unbound == 1 ? "" : "s") < 0) return -1;
    for (int i = 0; i < code->co_nlocalsplus; ++i)
      if (frame->localsplus[i].is_null()) frame->localsplus[i] = Value::owned(Py_NewRef(Py_None));
  }
  for (; start > best; start = pop(start)) {
    Value value = *--frame->stackpointer;
    if (top(start) == kException) {
      PyObject* exception = value.take();
      PyObject*& handled = thread()->exc_info->exc_value;
      PyObject* old = handled;
      handled = exception == Py_None ? nullptr : exception;
      Py_XDECREF(old);
    } else {
      close_or_null(value);
    }
  }
  f->f_lineno = 0;
  frame->instr_ptr = executable_of(code)->units + best_unit;
  return 0;
}

}  // namespace

int frame_set_line(PyFrameObject* f, PyObject* value) {
  if (!value) return raise(PyExc_AttributeError, "attribute 'f_lineno' of 'frame' objects cannot be deleted");
  if (!PyLong_CheckExact(value)) return raise(PyExc_ValueError, "lineno must be an integer");
  PyCodeObject* code = frame_code(f->f_frame);
  if (thread()->what_event < 0 || f->f_frame->owner == kOwnedByFrameObject)
    return raise(PyExc_ValueError, "f_lineno can only be set in a trace function");
  switch (thread()->what_event) {
    case kEventResume: case kEventJump: case kEventBranchLeft: case kEventBranchRight: case kEventLine: case kEventYield: break;
    case kEventStart: return raise(PyExc_ValueError, "can't jump from the 'call' trace event of a new frame");
    case kEventCall: case kEventCReturn: return raise(PyExc_ValueError, "can't jump during a call");
    case kEventReturn: case kEventThrow: case kEventUnwind: case kEventRaise: case kEventCRaise: case kEventInstruction: case kEventHandled:
      return raise(PyExc_ValueError, "can only jump from a 'line' trace event");
    default: return raise(PyExc_SystemError, "unexpected event type");
  }
  int overflow;
  const long wanted = PyLong_AsLongAndOverflow(value, &overflow);
  if (overflow || wanted > INT_MAX || wanted < INT_MIN) return raise(PyExc_ValueError, "lineno out of range");
  if (wanted < code->co_firstlineno)
    return raise(PyExc_ValueError, "line %ld comes before the current code block", wanted);
  const auto count = static_cast<size_t>(Py_SIZE(code));
  auto* stacks = static_cast<Stack*>(PyMem_Malloc(count * sizeof(Stack)));
  auto* lines = static_cast<int*>(PyMem_Malloc(count * sizeof(int)));
  int result = -1;
  if (stacks && lines) result = set_line(f, static_cast<int>(wanted), stacks, lines);
  else PyErr_NoMemory();
  PyMem_Free(stacks);
  PyMem_Free(lines);
  return result;
}

}  // namespace ks
