// The cores of arithmetic on immediates, for the instructions themselves and those fused with the loads before them.
#pragma once

#include "interpreter/immediates.h"

namespace ks {

// ---- ints -----------------------------------------------------------------------------------------------------------

// Both immediates: the tags are equal, and what is left is one instruction on the words.
inline bool both_immediate_ints(Value a, Value b) {
  return ((a.bits ^ Value::kIntTag) | (b.bits ^ Value::kIntTag)) % 8 == 0;
}
inline bool add_words(Value a, Value b, Value* result) {
  int64_t sum;
  if (__builtin_add_overflow(static_cast<int64_t>(a.bits - Value::kIntTag), static_cast<int64_t>(b.bits), &sum))
    return false;
  *result = {static_cast<uintptr_t>(sum)};
  return true;
}
inline bool subtract_words(Value a, Value b, Value* result) {
  int64_t difference;
  if (__builtin_sub_overflow(static_cast<int64_t>(a.bits), static_cast<int64_t>(b.bits - Value::kIntTag), &difference))
    return false;
  *result = {static_cast<uintptr_t>(difference)};
  return true;
}
inline bool and_words(Value a, Value b, Value* result) {
  *result = {a.bits & b.bits};
  return true;
}
inline bool or_words(Value a, Value b, Value* result) {
  *result = {a.bits | b.bits};
  return true;
}
inline bool xor_words(Value a, Value b, Value* result) {
  *result = {(a.bits ^ b.bits) | Value::kIntTag};
  return true;
}
inline bool multiply_words(Value a, Value b, Value* result) {
  int64_t product;
  if (__builtin_mul_overflow(static_cast<int64_t>(a.bits - Value::kIntTag), b.immediate_int_value(), &product))
    return false;
  *result = {static_cast<uintptr_t>(product) | Value::kIntTag};
  return true;
}
inline bool remainder_words(Value a, Value b, Value* result) {
  const int64_t divisor = b.immediate_int_value(), dividend = a.immediate_int_value();
  if (divisor <= 0 || dividend < 0) return false;
  // A division of 32 bits is several times faster than one of 64.
  const auto n = static_cast<uint64_t>(dividend), d = static_cast<uint64_t>(divisor);
  *result = Value::immediate_int(
      static_cast<int64_t>((n | d) >> 32 ? n % d : static_cast<uint32_t>(n) % static_cast<uint32_t>(d)));
  return true;
}
inline bool quotient_words(Value a, Value b, Value* result) {
  const int64_t divisor = b.immediate_int_value(), dividend = a.immediate_int_value();
  if (divisor <= 0 || dividend < 0) return false;
  const auto n = static_cast<uint64_t>(dividend), d = static_cast<uint64_t>(divisor);
  *result = Value::immediate_int(
      static_cast<int64_t>((n | d) >> 32 ? n / d : static_cast<uint32_t>(n) / static_cast<uint32_t>(d)));
  return true;
}
inline bool shift_right_words(Value a, Value b, Value* result) {
  const int64_t count = b.immediate_int_value();
  if (count < 0 || count > 60) return false;
  *result = Value::immediate_int(a.immediate_int_value() >> count);
  return true;
}
inline bool no_words(Value, Value, Value*) { return false; }

// ---- floats ---------------------------------------------------------------------------------------------------------

// An int that is exact as a double.
inline bool exact_operand(Value value, double* result) {
  int64_t number;
  if (!int_operand(value, &number) || number > int64_t{1} << 53 || number < -(int64_t{1} << 53)) return false;
  *result = static_cast<double>(number);
  return true;
}
// Two floats, or a float and an int that is exact as one.
inline bool float_operands(Value left, Value right, double* a, double* b) {
  if (float_operand(left, a)) [[likely]]
    return float_operand(right, b) || exact_operand(right, b);
  return float_operand(right, b) && exact_operand(left, a);
}
// Operands of which at least one is a float, neither owned by the stack.
inline bool quick_operand(Value value, double* result) { return value.is_borrowed() && float_operand(value, result); }
inline bool quick_integer(Value value, double* result) { return value.is_immediate_int() && exact_operand(value, result); }
inline bool quick_floats(Value left, Value right, double* a, double* b) {
  if (quick_operand(left, a)) [[likely]]
    return quick_operand(right, b) || quick_integer(right, b);
  return quick_operand(right, b) && quick_integer(left, a);
}

// ---- comparisons ----------------------------------------------------------------------------------------------------

// Bits: 1 for less, 2 for equal, 4 for greater, 8 for unordered; indexed by the operation.
inline constexpr uint8_t kAccepts[6] = {1, 3, 2, 13, 4, 6};
inline bool compare_ints(uint32_t operation, int64_t a, int64_t b) {
  const unsigned order = a < b ? 1 : a == b ? 2 : 4;
  return (kAccepts[operation] & order) != 0;
}

}  // namespace ks
