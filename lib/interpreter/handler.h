// How a handler is written.
//
// A handler is one function per instruction with the evaluator's state in registers (preserve_none) that ends in a tail
// call of the next one. preserve_none keeps the four state words in registers which ordinary C functions preserve, so a
// handler may call those freely; what it must not have at the tail call is a local with a destructor: bodies that need
// Ref live in ordinary functions.
//
// On failure a handler leaves the operands that it has not consumed on the stack and ends with ERROR(): the unwinder
// closes everything above the level of the exception handler.
#pragma once

#include <Python.h>

#include "interpreter/eval_breaker.h"
#include "interpreter/executable.h"
#include "interpreter/frame.h"

#define KS_STATE ks::Frame *frame, ks::Unit *ip, ks::Value *sp, PyThreadState *thread
#define KS_PASS frame, ip, sp, thread
#define HANDLER(NAME) [[clang::preserve_none]] PyObject* op_##NAME(KS_STATE)
// Declares a handler that has no opcode of its own.
#define HANDLER_DECLARATION(NAME) [[clang::preserve_none]] PyObject* op_##NAME(KS_STATE)

namespace ks {

using Handler = __attribute__((preserve_none)) PyObject* (*)(KS_STATE);

// Numbers of the executed handlers: CPython's opcodes, then our specialisations.
enum Op : uint16_t {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) k##NAME = NUMBER,
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) k##NAME = NUMBER,
#include "interpreter/opcodes.def"
  kFirstSpecialized = 256,
#define SPECIALIZATION(NAME, FAMILY) k##NAME,
#include "interpreter/specializations.def"
  kOpCount
};

// Operands of BINARY_OP.
enum BinaryOperation : uint32_t {
  NB_ADD, NB_AND, NB_FLOOR_DIVIDE, NB_LSHIFT, NB_MATRIX_MULTIPLY, NB_MULTIPLY, NB_REMAINDER, NB_OR, NB_POWER, NB_RSHIFT,
  NB_SUBTRACT, NB_TRUE_DIVIDE, NB_XOR, NB_INPLACE_ADD, NB_INPLACE_XOR = 25, NB_SUBSCR = 26,
};

#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) HANDLER(NAME);
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) HANDLER(NAME);
#include "interpreter/opcodes.def"
#define SPECIALIZATION(NAME, FAMILY) HANDLER(NAME);
#include "interpreter/specializations.def"

[[gnu::visibility("hidden")]] extern const Handler dispatch_table[kOpCount];

// Where an exception that is set goes: adds the frame to the traceback, then unwinds.
HANDLER_DECLARATION(error);
// The same without the traceback entry.
HANDLER_DECLARATION(unwind);
// The frame of `thread` has just been pushed: continues at its first instruction.
HANDLER_DECLARATION(start_frame);

inline constexpr int kCaches[256] = {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) [NUMBER] = CACHES,
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) [NUMBER] = CACHES,
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-designator"
#include "interpreter/opcodes.def"
#pragma clang diagnostic pop
};

}  // namespace ks

#define DISPATCH() [[clang::musttail]] return ks::dispatch_table[ip->op](KS_PASS)
#define NEXT(UNITS)  \
  do {               \
    ip += (UNITS);   \
    DISPATCH();      \
  } while (0)
#define NEXT_OF(NAME) NEXT(1 + ks::kCaches[ks::k##NAME])
#define SAVE() (frame->instr_ptr = ip)
#define ERROR() [[clang::musttail]] return ks::op_error(KS_PASS)
#define GO_TO(NAME) [[clang::musttail]] return ks::op_##NAME(KS_PASS)
#define OPARG (ip->oparg)
#define LOCAL(INDEX) (frame->localsplus[INDEX])
#define CODE() ks::frame_code(frame)
#define NAME_AT(INDEX) PyTuple_GET_ITEM(CODE()->co_names, static_cast<Py_ssize_t>(INDEX))
// The counterpart of SAVE() for everything that runs other frames of this thread: the stack pointer too.
#define SAVE_ALL() (frame->instr_ptr = ip, frame->stackpointer = sp)
