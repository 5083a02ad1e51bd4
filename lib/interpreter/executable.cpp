#include "interpreter/executable.h"

#include <cstring>
#include <utility>

#include "interpreter/monitoring.h"
#include "interpreter/specialize.h"

namespace ks {

// What runs for a byte: the instruction; the general form of the reference's specialisations; RESERVED for what is none.
static constexpr uint16_t kRuns[256] = {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) [NUMBER] = NUMBER + 1,
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) [NUMBER] = NUMBER + 1,
#define SPECIALIZED(NUMBER, NAME, FAMILY, FLAGS) [NUMBER] = k##FAMILY + 1,
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-designator"
#include "interpreter/opcodes.def"
#pragma clang diagnostic pop
};

Executable* executable_make(PyCodeObject* code) {
  const Py_ssize_t count = Py_SIZE(code);
  const size_t bytes = sizeof(Executable) + static_cast<size_t>(count + 1) * sizeof(Unit);
  auto* result = static_cast<Executable*>(PyMem_Calloc(1, bytes));
  if (!result) {
    PyErr_NoMemory();
    return nullptr;
  }
  result->code = code;
  result->unit_count = count;
  result->units = reinterpret_cast<Unit*>(result + 1);
  const auto* bytes_in = reinterpret_cast<const unsigned char*>(code->co_code_adaptive);
  uint32_t extension = 0;
  Py_ssize_t extended_from = -1;
  for (Py_ssize_t i = 0; i < count;) {
    const uint8_t byte = bytes_in[2 * i];
    Unit& unit = result->units[i];
    const uint8_t op = kRuns[byte] && byte != kENTER_EXECUTOR ? static_cast<uint8_t>(kRuns[byte] - 1) : static_cast<uint8_t>(kRESERVED);
    unit.op = op;
    unit.oparg = extension << 8 | bytes_in[2 * i + 1];
    if (op == kEXTENDED_ARG) {
      if (extended_from < 0) extended_from = i;
      extension = unit.oparg;
      ++i;
      continue;
    }
    if (extended_from >= 0) {
      for (Py_ssize_t j = extended_from; j < i; ++j) result->units[j].oparg = static_cast<uint32_t>(i - j);
      extended_from = -1;
      extension = 0;
    }
    if (op == kRESERVED) {
      unit.counter = byte;  // for the message
    } else if (is_conditional_jump(op)) {
      unit.counter = i + 2 < count && bytes_in[2 * (i + 2)] == kNOT_TAKEN;
    } else if (kCaches[op]) {
      unit.counter = kWarmup;
    }
    i += 1 + kCaches[op];
  }
  // Running off the end cannot happen in code of the compiler; in code that someone patched it must not run wild.
  result->units[count] = {.op = kRESERVED, .counter = kRESERVED, .oparg = 0};
  code->co_executors = reinterpret_cast<_PyExecutorArray*>(result);
  return result;
}

// Numbers of the reference's specialisations.
enum : uint8_t {
#define SPECIALIZED(NUMBER, NAME, FAMILY, FLAGS) kTheir_##NAME = NUMBER,
#include "interpreter/opcodes.def"
};

// The reference's specialisation that makes the same assumption, or 0. LOAD_ATTR_DICT and
// STORE_ATTR_DICT stand for values of the instance and for dictionaries, so they show as the latter; numbers are operands of up to two digits.
static uint8_t reference_specialization(uint16_t op) {
#define ARITHMETIC(OURS, THEIRS) case kBINARY_OP_##OURS: case kBINARY_OP_##OURS##_NUMBER: return kTheir_BINARY_OP_##THEIRS
#define PAIR(OURS, THEIRS) case k##OURS: return kTheir_##THEIRS
  switch (op) {
    ARITHMETIC(INT_ADD, ADD_INT); ARITHMETIC(INT_SUBTRACT, SUBTRACT_INT); ARITHMETIC(INT_MULTIPLY, MULTIPLY_INT);
    ARITHMETIC(FLOAT_ADD, ADD_FLOAT); ARITHMETIC(FLOAT_SUBTRACT, SUBTRACT_FLOAT); ARITHMETIC(FLOAT_MULTIPLY, MULTIPLY_FLOAT);
    ARITHMETIC(INT_AND, EXTEND); ARITHMETIC(INT_OR, EXTEND); ARITHMETIC(INT_XOR, EXTEND);
    PAIR(BINARY_OP_STR_ADD, BINARY_OP_ADD_UNICODE); PAIR(BINARY_OP_INPLACE_STR_ADD, BINARY_OP_INPLACE_ADD_UNICODE);
    PAIR(BINARY_OP_LIST_INDEX, BINARY_OP_SUBSCR_LIST_INT); PAIR(BINARY_OP_TUPLE_INDEX, BINARY_OP_SUBSCR_TUPLE_INT);
    PAIR(BINARY_OP_STR_INDEX, BINARY_OP_SUBSCR_STR_INT); PAIR(BINARY_OP_DICT_KEY, BINARY_OP_SUBSCR_DICT);
    PAIR(BINARY_OP_GETITEM_FUNCTION, BINARY_OP_SUBSCR_GETITEM);
    PAIR(COMPARE_OP_INTS, COMPARE_OP_INT); PAIR(COMPARE_OP_FLOATS, COMPARE_OP_FLOAT); PAIR(COMPARE_OP_STRS, COMPARE_OP_STR);
    PAIR(STORE_SUBSCR_LIST_INDEX, STORE_SUBSCR_LIST_INT); PAIR(STORE_SUBSCR_DICT_KEY, STORE_SUBSCR_DICT);
    PAIR(CONTAINS_OP_DICT_KEY, CONTAINS_OP_DICT); PAIR(CONTAINS_OP_SET_ITEM, CONTAINS_OP_SET);
    PAIR(LOAD_GLOBAL_OF_MODULE, LOAD_GLOBAL_MODULE); PAIR(LOAD_GLOBAL_OF_BUILTINS, LOAD_GLOBAL_BUILTIN);
    PAIR(LOAD_ATTR_DICT, LOAD_ATTR_WITH_HINT); PAIR(LOAD_ATTR_SLOT_MEMBER, LOAD_ATTR_SLOT);
    PAIR(LOAD_ATTR_MODULE_DICT, LOAD_ATTR_MODULE); PAIR(LOAD_ATTR_OF_CLASS, LOAD_ATTR_CLASS);
    PAIR(LOAD_ATTR_TYPE_VALUE, LOAD_ATTR_NONDESCRIPTOR_NO_DICT); PAIR(LOAD_ATTR_TYPE_VALUE_DICT, LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES);
    PAIR(LOAD_ATTR_METHOD, LOAD_ATTR_METHOD_NO_DICT); PAIR(LOAD_ATTR_METHOD_DICT, LOAD_ATTR_METHOD_WITH_VALUES);
    PAIR(LOAD_ATTR_PROPERTY_FUNCTION, LOAD_ATTR_PROPERTY);
    PAIR(STORE_ATTR_DICT, STORE_ATTR_WITH_HINT); PAIR(STORE_ATTR_SLOT_MEMBER, STORE_ATTR_SLOT);
    PAIR(FOR_ITER_OVER_LIST, FOR_ITER_LIST); PAIR(FOR_ITER_OVER_TUPLE, FOR_ITER_TUPLE); PAIR(FOR_ITER_GENERATOR, FOR_ITER_GEN);
    PAIR(FOR_ITER_OVER_RANGE, FOR_ITER_RANGE); PAIR(FOR_ITER_OVER_RANGE_NUMBER, FOR_ITER_RANGE);
    PAIR(CALL_FUNCTION_EXACT, CALL_PY_EXACT_ARGS); PAIR(CALL_FUNCTION_GENERAL, CALL_PY_GENERAL);
    PAIR(CALL_C_ONE, CALL_BUILTIN_O); PAIR(CALL_C_FAST, CALL_BUILTIN_FAST);
    PAIR(CALL_METHOD_NONE, CALL_METHOD_DESCRIPTOR_NOARGS); PAIR(CALL_METHOD_ONE, CALL_METHOD_DESCRIPTOR_O);
    PAIR(CALL_METHOD_FAST, CALL_METHOD_DESCRIPTOR_FAST);
    PAIR(CALL_APPEND, CALL_LIST_APPEND); PAIR(CALL_LENGTH, CALL_LEN); PAIR(CALL_TYPE_OF, CALL_TYPE_1);
    PAIR(CALL_INSTANCE_CHECK, CALL_ISINSTANCE); PAIR(CALL_CLASS_INIT, CALL_ALLOC_AND_ENTER_INIT);
    default: return 0;
  }
#undef PAIR
#undef ARITHMETIC
}

PyObject* adaptive_code(PyCodeObject* code) {
  PyObject* bytes = PyBytes_FromStringAndSize(code->co_code_adaptive, Py_SIZE(code) * 2);
  const Executable* executable = executable_of(code);
  if (!bytes || !executable) return bytes;
  auto* out = reinterpret_cast<unsigned char*>(PyBytes_AS_STRING(bytes));
  for (Py_ssize_t i = 0; i < executable->unit_count;) {
    const int family = out[2 * i];
    if (const uint8_t theirs = reference_specialization(executable->units[i].op)) out[2 * i] = theirs;
    i += 1 + kCaches[family];
  }
  return bytes;
}

void executable_free(PyCodeObject* code) {
  monitoring_free(code);
  PyMem_Free(std::exchange(code->co_executors, nullptr));
}

}  // namespace ks
