// Loads fused with the arithmetic behind them.
//
// When an instruction is specialised, the load before it can take it along: the operand comes from the local or the
// constant without the way over the stack, and there is one dispatch less. A fused handler whose check fails does the
// load alone; the instruction behind it is as it was, and a jump to it finds it. Instrumenting the code undoes fusions.
#include "interpreter/handler.h"
#include "interpreter/immediates.h"
#include "interpreter/ops/numbers.h"
#include "interpreter/specialize.h"

namespace ks {

// The number stays in place of `CONSUMED` values of the stack, or goes on to the local that it is stored into next.
// 7 units: the load and a BINARY_OP.
#define LEAVE_FUSED(VALUE, CONSUMED)           \
  do {                                         \
    Unit* ks_next = ip + 7;                    \
    if (ks_next->op == kSTORE_FAST) {          \
      Value& ks_local = LOCAL(ks_next->oparg); \
      if (ks_local.is_borrowed()) [[likely]] { \
        ks_local = (VALUE);                    \
        sp -= (CONSUMED);                      \
        NEXT(8);                               \
      }                                        \
    }                                          \
    sp -= (CONSUMED);                          \
    *sp++ = (VALUE);                           \
    NEXT(7);                                   \
  } while (0)

// Where operands come from.
#define FROM_LOCALS Value left = LOCAL(OPARG >> 4), right = LOCAL(OPARG & 15)
#define FROM_LOCAL Value left = sp[-1], right = LOCAL(OPARG)
#define FROM_SMALL_INT Value left = sp[-1], right = Value::immediate_int(OPARG)
#define FROM_CONSTANT \
  Value left = sp[-1], right = Value::borrowed(PyTuple_GET_ITEM(CODE()->co_consts, static_cast<Py_ssize_t>(OPARG)))

#define FUSED_INT(NAME, FROM, CONSUMED, WORDS, LOAD)                               \
  HANDLER(NAME) {                                                                  \
    FROM;                                                                          \
    Value words;                                                                   \
    if (both_immediate_ints(left, right) && WORDS(left, right, &words)) [[likely]] \
      LEAVE_FUSED(words, CONSUMED);                                                \
    GO_TO(LOAD);                                                                   \
  }
// The left operand of the stack is no temporary object: there is nothing to close.
#define FUSED_FLOAT(NAME, FROM, CONSUMED, EXPRESSION, LOAD)    \
  HANDLER(NAME) {                                              \
    FROM;                                                      \
    double a, b;                                               \
    if (quick_floats(left, right, &a, &b)) [[likely]] {        \
      const double result = (EXPRESSION);                      \
      if (Value::float_fits(result)) [[likely]]                \
        LEAVE_FUSED(Value::immediate_float(result), CONSUMED); \
    }                                                          \
    GO_TO(LOAD);                                               \
  }
#define FUSED_COMPARE(NAME, FROM, CONSUMED, LOAD)                                                                \
  HANDLER(NAME) {                                                                                                \
    FROM;                                                                                                        \
    if (!both_immediate_ints(left, right)) [[unlikely]]                                                          \
      GO_TO(LOAD);                                                                                               \
    sp -= (CONSUMED);                                                                                            \
    const bool result = compare_ints(ip[1].oparg >> 5, left.immediate_int_value(), right.immediate_int_value()); \
    ++ip;                                                                                                        \
    LEAVE_COMPARISON(result);                                                                                    \
  }
// A float of a local variable is owned by it: for the stack it would have been borrowed.
#define BORROWED_LOCALS Value left = {LOCAL(OPARG >> 4).bits | 1}, right = {LOCAL(OPARG & 15).bits | 1}
#define BORROWED_LOCAL Value left = sp[-1], right = {LOCAL(OPARG).bits | 1}

#define FUSED_ARITHMETIC(NAME, WORDS, EXPRESSION)                                            \
  FUSED_INT(LOCALS_INT_##NAME, FROM_LOCALS, 0, WORDS, LOAD_FAST_BORROW_NUMBERS)              \
  FUSED_INT(LOCAL_INT_##NAME, FROM_LOCAL, 1, WORDS, LOAD_FAST_BORROW_NUMBER)                 \
  FUSED_INT(SMALL_INT_##NAME, FROM_SMALL_INT, 1, WORDS, LOAD_SMALL_INT_NUMBER)               \
  FUSED_FLOAT(LOCALS_FLOAT_##NAME, BORROWED_LOCALS, 0, EXPRESSION, LOAD_FAST_BORROW_NUMBERS) \
  FUSED_FLOAT(LOCAL_FLOAT_##NAME, BORROWED_LOCAL, 1, EXPRESSION, LOAD_FAST_BORROW_NUMBER)    \
  FUSED_FLOAT(CONSTANT_FLOAT_##NAME, FROM_CONSTANT, 1, EXPRESSION, LOAD_CONST)
FUSED_ARITHMETIC(ADD, add_words, a + b)
FUSED_ARITHMETIC(SUBTRACT, subtract_words, a - b)
FUSED_ARITHMETIC(MULTIPLY, multiply_words, a* b)
FUSED_INT(SMALL_INT_AND, FROM_SMALL_INT, 1, and_words, LOAD_SMALL_INT_NUMBER)
FUSED_INT(SMALL_INT_RSHIFT, FROM_SMALL_INT, 1, shift_right_words, LOAD_SMALL_INT_NUMBER)
FUSED_INT(SMALL_INT_FLOOR_DIVIDE, FROM_SMALL_INT, 1, quotient_words, LOAD_SMALL_INT_NUMBER)
FUSED_INT(SMALL_INT_REMAINDER, FROM_SMALL_INT, 1, remainder_words, LOAD_SMALL_INT_NUMBER)
FUSED_COMPARE(LOCALS_INT_COMPARE, FROM_LOCALS, 0, LOAD_FAST_BORROW_NUMBERS)
FUSED_COMPARE(LOCAL_INT_COMPARE, FROM_LOCAL, 1, LOAD_FAST_BORROW_NUMBER)
FUSED_COMPARE(SMALL_INT_COMPARE, FROM_SMALL_INT, 1, LOAD_SMALL_INT_NUMBER)

namespace {

struct Fusion {
  uint16_t load, instruction, fused;
};
constexpr Fusion kFusions[] = {
#define FUSION(NAME)                                                                       \
  {kLOAD_FAST_BORROW_NUMBERS, kBINARY_OP_INT_##NAME##_NUMBER, kLOCALS_INT_##NAME},         \
      {kLOAD_FAST_BORROW_NUMBER, kBINARY_OP_INT_##NAME##_NUMBER, kLOCAL_INT_##NAME},       \
      {kLOAD_SMALL_INT_NUMBER, kBINARY_OP_INT_##NAME##_NUMBER, kSMALL_INT_##NAME},         \
      {kLOAD_FAST_BORROW_NUMBERS, kBINARY_OP_FLOAT_##NAME##_NUMBER, kLOCALS_FLOAT_##NAME}, \
      {kLOAD_FAST_BORROW_NUMBER, kBINARY_OP_FLOAT_##NAME##_NUMBER, kLOCAL_FLOAT_##NAME},   \
      {kLOAD_CONST, kBINARY_OP_FLOAT_##NAME##_NUMBER, kCONSTANT_FLOAT_##NAME},
    FUSION(ADD) FUSION(SUBTRACT) FUSION(MULTIPLY){kLOAD_SMALL_INT_NUMBER, kBINARY_OP_INT_AND_NUMBER, kSMALL_INT_AND},
    {kLOAD_SMALL_INT_NUMBER, kBINARY_OP_INT_RSHIFT_NUMBER, kSMALL_INT_RSHIFT},
    {kLOAD_SMALL_INT_NUMBER, kBINARY_OP_INT_FLOOR_DIVIDE_NUMBER, kSMALL_INT_FLOOR_DIVIDE},
    {kLOAD_SMALL_INT_NUMBER, kBINARY_OP_INT_REMAINDER_NUMBER, kSMALL_INT_REMAINDER},
    {kLOAD_FAST_BORROW_NUMBERS, kCOMPARE_OP_INTS, kLOCALS_INT_COMPARE},
    {kLOAD_FAST_BORROW_NUMBER, kCOMPARE_OP_INTS, kLOCAL_INT_COMPARE},
    {kLOAD_SMALL_INT_NUMBER, kCOMPARE_OP_INTS, kSMALL_INT_COMPARE},
};

}  // namespace

void fuse_with_load(Executable* executable, Unit* unit) {
  if (unit == executable->units) return;
  Unit& before = unit[-1];
  // Cache memory of a longer instruction may look like a load: the code tells them apart.
  if (reinterpret_cast<const unsigned char*>(executable->code->co_code_adaptive)[2 * (&before - executable->units)] ==
      kCACHE)
    return;
  for (const Fusion& fusion : kFusions)
    if (fusion.load == before.op && fusion.instruction == unit->op) {
      before.op = fusion.fused;
      return;
    }
}

bool is_fused(uint16_t op) { return op >= kLOCALS_INT_ADD && op <= kSMALL_INT_COMPARE; }

}  // namespace ks
