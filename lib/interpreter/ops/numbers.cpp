// Arithmetic and comparison of ints of up to two digits and of floats, objects or immediates.
#include "interpreter/ops/numbers.h"
#include "interpreter/handler.h"
#include "interpreter/immediates.h"
#include "interpreter/specialize.h"

namespace ks {

// Whether the slot is the object's only owner, so that the object may be written over.
static inline bool is_sole_owner(Value value) { return !value.is_borrowed() && Py_REFCNT(value.object()) == 1; }

#define REPLACE_TWO_BY(VALUE)                  \
  do {                                         \
    Value ks_left = sp[-2], ks_right = sp[-1]; \
    sp[-2] = (VALUE);                          \
    --sp;                                      \
    close(ks_left);                            \
    close(ks_right);                           \
    NEXT(6);                                   \
  } while (0)

// A number for the stack or, where that comes next, for a local variable that has nothing to close.
#define LEAVE_NUMBER(VALUE)                    \
  do {                                         \
    Unit* ks_next = ip + 6;                    \
    if (ks_next->op == kSTORE_FAST) {          \
      Value& ks_local = LOCAL(ks_next->oparg); \
      if (ks_local.is_borrowed()) [[likely]] { \
        ks_local = (VALUE);                    \
        sp -= 2;                               \
        NEXT(7);                               \
      }                                        \
    }                                          \
    sp[-2] = (VALUE);                          \
    --sp;                                      \
    NEXT(6);                                   \
  } while (0)
// Behind the fast handlers, which make no calls.
#define SLOWER(NAME) GO_TO(NAME##_SLOWER)

// ---- ints -----------------------------------------------------------------------------------------------------------

// A temporary operand is used again where the result has one digit.
#define INT_OBJECT_RESULT(VALUE)                                                                         \
  do {                                                                                                   \
    const int64_t ks_value = (VALUE);                                                                    \
    if (int_is_small(ks_value)) REPLACE_TWO_BY(Value::borrowed(int_small(ks_value)));                    \
    const uint64_t ks_magnitude = static_cast<uint64_t>(ks_value < 0 ? -ks_value : ks_value);            \
    Value ks_reused = sp[-2];                                                                            \
    if (ks_magnitude <= PyLong_MASK && is_sole_owner(ks_reused) && int_is_compact(ks_reused.object())) { \
      auto* ks_int = reinterpret_cast<PyLongObject*>(ks_reused.object());                                \
      ks_int->long_value.lv_tag = ks_value < 0 ? (1 << 3) | 2 : 1 << 3;                                  \
      ks_int->long_value.ob_digit[0] = static_cast<digit>(ks_magnitude);                                 \
      --sp;                                                                                              \
      close(*sp);                                                                                        \
      NEXT(6);                                                                                           \
    }                                                                                                    \
    PyObject* ks_new = int_from_int64(ks_value);                                                         \
    if (!ks_new) ERROR();                                                                                \
    REPLACE_TWO_BY(Value::owned(ks_new));                                                                \
  } while (0)
#define INT_NUMBER_RESULT(VALUE)                      \
  do {                                                \
    const int64_t ks_value = (VALUE);                 \
    if (Value::int_fits(ks_value)) [[likely]]         \
      REPLACE_TWO_BY(Value::immediate_int(ks_value)); \
    PyObject* ks_new = int_from_int64(ks_value);      \
    if (!ks_new) ERROR();                             \
    REPLACE_TWO_BY(Value::owned(ks_new));             \
  } while (0)

// COMPUTE sets `result` and is false where the instruction has to be done in general.
#define INT_HANDLERS(NAME, WORDS, COMPUTE)                                               \
  HANDLER(BINARY_OP_INT_##NAME) {                                                        \
    int64_t a, b, result;                                                                \
    if (!int_operand(sp[-2], &a) || !int_operand(sp[-1], &b) || !(COMPUTE)) [[unlikely]] \
      MISS(BINARY_OP);                                                                   \
    INT_OBJECT_RESULT(result);                                                           \
  }                                                                                      \
  HANDLER_DECLARATION(BINARY_OP_INT_##NAME##_NUMBER_SLOWER);                             \
  HANDLER(BINARY_OP_INT_##NAME##_NUMBER) {                                               \
    Value words;                                                                         \
    if (both_immediate_ints(sp[-2], sp[-1]) && WORDS(sp[-2], sp[-1], &words)) [[likely]] \
      LEAVE_NUMBER(words);                                                               \
    SLOWER(BINARY_OP_INT_##NAME##_NUMBER);                                               \
  }                                                                                      \
  HANDLER(BINARY_OP_INT_##NAME##_NUMBER_SLOWER) {                                        \
    int64_t a, b, result;                                                                \
    if (!int_operand(sp[-2], &a) || !int_operand(sp[-1], &b) || !(COMPUTE)) [[unlikely]] \
      MISS(BINARY_OP);                                                                   \
    INT_NUMBER_RESULT(result);                                                           \
  }
INT_HANDLERS(ADD, add_words, (result = a + b, true))
INT_HANDLERS(SUBTRACT, subtract_words, (result = a - b, true))
INT_HANDLERS(MULTIPLY, multiply_words, !__builtin_mul_overflow(a, b, &result))
INT_HANDLERS(AND, and_words, (result = a & b, true))
INT_HANDLERS(OR, or_words, (result = a | b, true))
INT_HANDLERS(XOR, xor_words, (result = a ^ b, true))
INT_HANDLERS(LSHIFT, no_words,
             b >= 0 && b < 62 && (result = static_cast<int64_t>(static_cast<uint64_t>(a) << b), result >> b == a))
INT_HANDLERS(RSHIFT, shift_right_words, b >= 0 && (result = a >> (b < 63 ? b : 63), true))
INT_HANDLERS(FLOOR_DIVIDE, quotient_words, b != 0 && (result = a / b - ((a % b != 0) && ((a < 0) != (b < 0))), true))
INT_HANDLERS(REMAINDER, remainder_words,
             b != 0 && (result = a % b, result += result != 0 && ((a < 0) != (b < 0)) ? b : 0, true))

// ---- floats ---------------------------------------------------------------------------------------------------------

#define FLOAT_OBJECT_RESULT(VALUE)                                             \
  do {                                                                         \
    const double ks_value = (VALUE);                                           \
    Value ks_left = sp[-2], ks_right = sp[-1];                                 \
    if (is_sole_owner(ks_left) && PyFloat_CheckExact(ks_left.object())) {      \
      reinterpret_cast<PyFloatObject*>(ks_left.object())->ob_fval = ks_value;  \
      --sp;                                                                    \
      close(ks_right);                                                         \
      NEXT(6);                                                                 \
    }                                                                          \
    if (is_sole_owner(ks_right) && PyFloat_CheckExact(ks_right.object())) {    \
      reinterpret_cast<PyFloatObject*>(ks_right.object())->ob_fval = ks_value; \
      sp[-2] = ks_right;                                                       \
      --sp;                                                                    \
      close(ks_left);                                                          \
      NEXT(6);                                                                 \
    }                                                                          \
    PyObject* ks_new = float_new(ks_value);                                    \
    if (!ks_new) ERROR();                                                      \
    REPLACE_TWO_BY(Value::owned(ks_new));                                      \
  } while (0)
#define FLOAT_NUMBER_RESULT(VALUE)                      \
  do {                                                  \
    const double ks_value = (VALUE);                    \
    if (Value::float_fits(ks_value)) [[likely]]         \
      REPLACE_TWO_BY(Value::immediate_float(ks_value)); \
    PyObject* ks_new = float_new(ks_value);             \
    if (!ks_new) ERROR();                               \
    REPLACE_TWO_BY(Value::owned(ks_new));               \
  } while (0)

#define FLOAT_HANDLERS(NAME, QUICK, OPERANDS, CONDITION, EXPRESSION) \
  HANDLER(BINARY_OP_##NAME) {                                        \
    double a, b;                                                     \
    if (!(OPERANDS) || !(CONDITION)) [[unlikely]]                    \
      MISS(BINARY_OP);                                               \
    FLOAT_OBJECT_RESULT(EXPRESSION);                                 \
  }                                                                  \
  HANDLER_DECLARATION(BINARY_OP_##NAME##_NUMBER_SLOWER);             \
  HANDLER(BINARY_OP_##NAME##_NUMBER) {                               \
    double a, b;                                                     \
    if (QUICK && (CONDITION)) [[likely]] {                           \
      const double result = (EXPRESSION);                            \
      if (Value::float_fits(result)) [[likely]]                      \
        LEAVE_NUMBER(Value::immediate_float(result));                \
    }                                                                \
    SLOWER(BINARY_OP_##NAME##_NUMBER);                               \
  }                                                                  \
  HANDLER(BINARY_OP_##NAME##_NUMBER_SLOWER) {                        \
    double a, b;                                                     \
    if (!(OPERANDS) || !(CONDITION)) [[unlikely]]                    \
      MISS(BINARY_OP);                                               \
    FLOAT_NUMBER_RESULT(EXPRESSION);                                 \
  }
#define QUICK_FLOATS quick_floats(sp[-2], sp[-1], &a, &b)
#define FLOAT_OPERANDS float_operands(sp[-2], sp[-1], &a, &b)
FLOAT_HANDLERS(FLOAT_ADD, QUICK_FLOATS, FLOAT_OPERANDS, true, a + b)
FLOAT_HANDLERS(FLOAT_SUBTRACT, QUICK_FLOATS, FLOAT_OPERANDS, true, a - b)
FLOAT_HANDLERS(FLOAT_MULTIPLY, QUICK_FLOATS, FLOAT_OPERANDS, true, a* b)
FLOAT_HANDLERS(FLOAT_TRUE_DIVIDE, QUICK_FLOATS, FLOAT_OPERANDS, b != 0.0, a / b)
FLOAT_HANDLERS(INT_TRUE_DIVIDE, (quick_integer(sp[-2], &a) && quick_integer(sp[-1], &b)),
               exact_operand(sp[-2], &a) && exact_operand(sp[-1], &b), b != 0.0, a / b)

// ---- comparisons; with oparg bit 4 the result must be a bool, which these are anyway --------------------------------

HANDLER(COMPARE_OP_INTS) {
  int64_t a, b;
  if (!int_operand(sp[-2], &a) || !int_operand(sp[-1], &b)) [[unlikely]]
    MISS(COMPARE_OP);
  COMPARE_RESULT(compare_ints(OPARG >> 5, a, b));
}
HANDLER(COMPARE_OP_FLOATS) {
  double a, b;
  if (!float_operands(sp[-2], sp[-1], &a, &b)) [[unlikely]]
    MISS(COMPARE_OP);
  const unsigned order = a < b ? 1 : a == b ? 2 : a > b ? 4 : 8;
  COMPARE_RESULT((kAccepts[OPARG >> 5] & order) != 0);
}

// ---- choosing -------------------------------------------------------------------------------------------------------

#define CHOOSE(NAME) (unit->op = number ? kBINARY_OP_##NAME##_NUMBER : kBINARY_OP_##NAME)

bool specialize_arithmetic(Frame* frame, Unit* unit, Value* sp, uint32_t operation) {
  int64_t i, j;
  double a, b;
  const auto stays_number = [&] {
    Executable* executable = executable_of(frame_code(frame));
    ensure_marked_loads(executable);
    return goes_to_taker(executable, unit - executable->units, 0, Origin::Fresh);
  };
  if (int_operand(sp[-2], &i) && int_operand(sp[-1], &j)) {
    const bool number = stays_number();
    switch (operation) {
      case NB_ADD:
        CHOOSE(INT_ADD);
        break;
      case NB_SUBTRACT:
        CHOOSE(INT_SUBTRACT);
        break;
      case NB_MULTIPLY:
        CHOOSE(INT_MULTIPLY);
        break;
      case NB_AND:
        CHOOSE(INT_AND);
        break;
      case NB_OR:
        CHOOSE(INT_OR);
        break;
      case NB_XOR:
        CHOOSE(INT_XOR);
        break;
      case NB_LSHIFT:
        if (j >= 0 && j < 62) CHOOSE(INT_LSHIFT);
        break;
      case NB_RSHIFT:
        if (j >= 0) CHOOSE(INT_RSHIFT);
        break;
      case NB_FLOOR_DIVIDE:
        if (j) CHOOSE(INT_FLOOR_DIVIDE);
        break;
      case NB_REMAINDER:
        if (j) CHOOSE(INT_REMAINDER);
        break;
      case NB_TRUE_DIVIDE:
        if (j && exact_operand(sp[-2], &a) && exact_operand(sp[-1], &b)) CHOOSE(INT_TRUE_DIVIDE);
        break;
      default:
        break;
    }
    fuse_with_load(executable_of(frame_code(frame)), unit);
    return true;
  }
  if (float_operands(sp[-2], sp[-1], &a, &b)) {
    const bool number = stays_number();
    switch (operation) {
      case NB_ADD:
        CHOOSE(FLOAT_ADD);
        break;
      case NB_SUBTRACT:
        CHOOSE(FLOAT_SUBTRACT);
        break;
      case NB_MULTIPLY:
        CHOOSE(FLOAT_MULTIPLY);
        break;
      case NB_TRUE_DIVIDE:
        if (b != 0.0) CHOOSE(FLOAT_TRUE_DIVIDE);
        break;
      default:
        break;
    }
    fuse_with_load(executable_of(frame_code(frame)), unit);
    return true;
  }
  return false;
}

bool specialize_number_comparison(Frame* frame, Unit* unit, Value* sp) {
  int64_t i, j;
  double a, b;
  if (int_operand(sp[-2], &i) && int_operand(sp[-1], &j))
    unit->op = kCOMPARE_OP_INTS;
  else if (float_operands(sp[-2], sp[-1], &a, &b))
    unit->op = kCOMPARE_OP_FLOATS;
  else
    return false;
  ensure_marked_loads(executable_of(frame_code(frame)));
  fuse_with_load(executable_of(frame_code(frame)), unit);
  return true;
}

}  // namespace ks
