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

void executable_free(PyCodeObject* code) {
  monitoring_free(code);
  PyMem_Free(std::exchange(code->co_executors, nullptr));
}

}  // namespace ks
