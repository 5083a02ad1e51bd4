// Facts about opcodes, from the one table.
#include "compiler/opcodes.h"

namespace ks::compiler {
namespace {

struct Facts {
  const char* name = nullptr;
  short flags = 0;
  short caches = 0;
};
constexpr int kOpcodes = 267;

struct Table {
  Facts facts[kOpcodes];
  constexpr Table() {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) facts[NUMBER] = {#NAME, FLAGS, CACHES};
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) facts[NUMBER] = {#NAME, FLAGS, CACHES};
#define PSEUDO(NUMBER, NAME, EFFECT, JUMP_EFFECT, FLAGS) facts[NUMBER] = {#NAME, FLAGS, 0};
#define SPECIALIZED(NUMBER, NAME, FAMILY, FLAGS) facts[NUMBER] = {#NAME, FLAGS, 0};
#include "interpreter/opcodes.def"
#undef OPCODE
#undef INSTRUMENTED
#undef PSEUDO
#undef SPECIALIZED
  }
};
constexpr Table kTable;

}  // namespace

bool opcode_exists(int opcode) { return opcode >= 0 && opcode < kOpcodes && kTable.facts[opcode].name; }
int opcode_flags(int opcode) { return opcode_exists(opcode) ? kTable.facts[opcode].flags : 0; }
int opcode_caches(int opcode) { return opcode_exists(opcode) ? kTable.facts[opcode].caches : 0; }
const char* opcode_name(int opcode) { return opcode_exists(opcode) ? kTable.facts[opcode].name : "?"; }

int stack_effect(int opcode, int oparg, bool jump) {
  (void)oparg;
  switch (opcode) {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) \
  case NUMBER: return jump ? (JUMP_EFFECT) : (EFFECT);
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) \
  case NUMBER: return jump ? (JUMP_EFFECT) : (EFFECT);
#define PSEUDO(NUMBER, NAME, EFFECT, JUMP_EFFECT, FLAGS) \
  case NUMBER: return jump ? (JUMP_EFFECT) : (EFFECT);
#include "interpreter/opcodes.def"
#undef OPCODE
#undef INSTRUMENTED
#undef PSEUDO
    default: return kNoEffect;
  }
}

}  // namespace ks::compiler
