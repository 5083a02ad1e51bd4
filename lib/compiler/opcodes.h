// The opcodes as the compiler sees them: numbers, and facts from interpreter/opcodes.def.
#pragma once

#include <climits>
#include <cstdint>

namespace ks::compiler {

enum Opcode : int {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) NAME = NUMBER,
#define SPECIALIZED(NUMBER, NAME, FAMILY, FLAGS) NAME = NUMBER,
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) NAME = NUMBER,
#define PSEUDO(NUMBER, NAME, EFFECT, JUMP_EFFECT, FLAGS) NAME = NUMBER,
#include "interpreter/opcodes.def"
#undef OPCODE
#undef SPECIALIZED
#undef INSTRUMENTED
#undef PSEUDO
};

inline constexpr int kArg = 1;     // uses its operand
inline constexpr int kName = 2;    // operand: index of a name
inline constexpr int kConst = 4;   // operand: index of a constant
inline constexpr int kLocal = 8;   // operand: index of a local
inline constexpr int kFree = 16;   // operand: index of a cell or free variable
inline constexpr int kJump = 32;   // operand: where it jumps
inline constexpr int kExc = 64;    // pseudo instruction that sets up a handler
inline constexpr int kNoEffect = INT_MAX;

bool opcode_exists(int opcode);
int opcode_flags(int opcode);
int opcode_caches(int opcode);
// Change of the stack's height, without and with the jump; kNoEffect where there is none to tell.
int stack_effect(int opcode, int oparg, bool jump);
const char* opcode_name(int opcode);

inline bool has_target(int opcode) { return opcode_flags(opcode) & (kJump | kExc); }
inline bool is_block_push(int opcode) { return opcode == SETUP_FINALLY || opcode == SETUP_WITH || opcode == SETUP_CLEANUP; }
inline bool is_unconditional_jump(int opcode) {
  return opcode == JUMP || opcode == JUMP_NO_INTERRUPT || opcode == JUMP_FORWARD || opcode == JUMP_BACKWARD ||
         opcode == JUMP_BACKWARD_NO_INTERRUPT;
}
inline bool is_scope_exit(int opcode) { return opcode == RETURN_VALUE || opcode == RAISE_VARARGS || opcode == RERAISE; }
// Nothing falls through to what follows.
inline bool ends_block_for_good(int opcode) { return is_scope_exit(opcode) || is_unconditional_jump(opcode); }

// Operands of CALL_INTRINSIC_1 and _2, and other small enumerations that the bytecode numbers.
namespace intrinsic {
enum One { Invalid, Print, ImportStar, StopIterationError, AsyncGenWrap, UnaryPositive, ListToTuple, TypeVar, ParamSpec,
           TypeVarTuple, SubscriptGeneric, TypeAlias };
enum Two { Invalid2, PrepReraiseStar, TypeVarWithBound, TypeVarWithConstraints, SetFunctionTypeParams, SetTypeParamDefault };
}  // namespace intrinsic

namespace common_constant {
enum { AssertionError, NotImplementedError, BuiltinTuple, BuiltinAll, BuiltinAny };
}
namespace special_method {
enum { Enter, Exit, AsyncEnter, AsyncExit };
}

// Operands of BINARY_OP; the in-place ones follow.
namespace binary {
enum { Add, And, FloorDivide, LeftShift, MatrixMultiply, Multiply, Remainder, Or, Power, RightShift, Subtract, TrueDivide, Xor,
       InplaceAdd, Subscript = 26 };
}

}  // namespace ks::compiler
