// Binary operations of constants at compile time. Results are kept small: code that never runs must not cost.
#include <cstdint>

#include "compiler/graph.h"

namespace ks::compiler {
namespace {

constexpr int64_t kMostBits = 128;
constexpr Py_ssize_t kMostCharacters = 4096;
constexpr Py_ssize_t kMostItems = 256;        // of a sequence
constexpr Py_ssize_t kMostItemsInAll = 1024;  // with those of its items

int sign_of(PyObject* number) {
  int sign = 0;
  PyLong_GetSign(number, &sign);
  return sign;
}

int64_t bits_of(PyObject* number) {
  Ref<> count = steal(PyObject_CallMethod(number, "bit_length", nullptr));
  return count ? PyLong_AsLongLong(count) : -1;
}

// What is left of `limit` after the items of a tuple or frozenset, and of their items; negative: too many.
Py_ssize_t count_items(PyObject* value, Py_ssize_t limit) {
  if (PyTuple_Check(value)) {
    limit -= PyTuple_GET_SIZE(value);
    for (Py_ssize_t i = 0; limit >= 0 && i < PyTuple_GET_SIZE(value); ++i) limit = count_items(PyTuple_GET_ITEM(value, i), limit);
  } else if (PyFrozenSet_Check(value)) {
    limit -= PySet_GET_SIZE(value);
    Ref<> iterator = steal(PyObject_GetIter(value));
    while (iterator && limit >= 0) {
      Ref<> item = steal(PyIter_Next(iterator));
      if (!item) break;
      limit = count_items(item, limit);
    }
  }
  return limit;
}

Ref<> power(PyObject* left, PyObject* right) {
  if (PyLong_Check(left) && PyLong_Check(right) && sign_of(left) != 0 && sign_of(right) > 0) {
    const int64_t bits = bits_of(left);
    const size_t exponent = PyLong_AsSize_t(right);
    if (exponent == static_cast<size_t>(-1)) return failed;
    if (bits < 0 || exponent > static_cast<size_t>(kMostBits / bits)) return nullptr;
  }
  return steal(PyNumber_Power(left, right, Py_None));
}

Ref<> left_shift(PyObject* left, PyObject* right) {
  if (PyLong_Check(left) && PyLong_Check(right) && sign_of(left) != 0 && sign_of(right) != 0) {
    const int64_t bits = bits_of(left);
    const size_t count = PyLong_AsSize_t(right);
    if (count == static_cast<size_t>(-1)) return failed;
    if (bits < 0 || count > static_cast<size_t>(kMostBits) || bits > kMostBits - static_cast<int64_t>(count)) return nullptr;
  }
  return steal(PyNumber_Lshift(left, right));
}

Ref<> multiply(PyObject* left, PyObject* right) {
  auto is_sequence = [](PyObject* value) { return PyTuple_Check(value) || PyUnicode_Check(value) || PyBytes_Check(value); };
  if (PyLong_Check(left) && PyLong_Check(right)) {
    if (sign_of(left) != 0 && sign_of(right) != 0 && bits_of(left) + bits_of(right) > kMostBits) return nullptr;
  } else if (PyLong_Check(left) && is_sequence(right)) {
    const Py_ssize_t size = PyObject_Size(right);
    if (size) {
      const long count = PyLong_AsLong(left);
      if (count == -1 && PyErr_Occurred()) return failed;
      const bool is_tuple = PyTuple_Check(right);
      if (count < 0 || count > (is_tuple ? kMostItems : kMostCharacters) / size) return nullptr;
      if (is_tuple && count && count_items(right, kMostItemsInAll / count) < 0) return nullptr;
    }
  } else if (PyLong_Check(right) && is_sequence(left)) {
    return multiply(right, left);
  }
  return steal(PyNumber_Multiply(left, right));
}

}  // namespace

Ref<> fold_binary_operation(int operation, PyObject* left, PyObject* right) {
  switch (operation) {
    case binary::Add: return steal(PyNumber_Add(left, right));
    case binary::Subtract: return steal(PyNumber_Subtract(left, right));
    case binary::Multiply: return multiply(left, right);
    case binary::TrueDivide: return steal(PyNumber_TrueDivide(left, right));
    case binary::FloorDivide: return steal(PyNumber_FloorDivide(left, right));
    case binary::Remainder:
      // Formatting belongs to the program.
      if (PyUnicode_Check(left) || PyBytes_Check(left)) return nullptr;
      return steal(PyNumber_Remainder(left, right));
    case binary::Power: return power(left, right);
    case binary::LeftShift: return left_shift(left, right);
    case binary::RightShift: return steal(PyNumber_Rshift(left, right));
    case binary::Or: return steal(PyNumber_Or(left, right));
    case binary::Xor: return steal(PyNumber_Xor(left, right));
    case binary::And: return steal(PyNumber_And(left, right));
    case binary::MatrixMultiply: return steal(PyNumber_MatrixMultiply(left, right));
    case binary::Subscript: return steal(PyObject_GetItem(left, right));
    default: return nullptr;
  }
}

}  // namespace ks::compiler
