// Choosing a specialised handler for an instruction from the operands that it sees.
//
// A general handler counts down its unit's counter; at zero the specialiser looks at the operands and rewrites the unit's op,
// or sets the counter for a later try. A specialised handler whose check fails puts the general one back. Cache memory
// (the units behind the instruction) is only meaningful while the specialised op is in place. Instrumented units are left
// alone.
#pragma once

#include "interpreter/handler.h"

namespace ks {

inline constexpr uint16_t kWarmup = 1;         // executions before the first try
inline constexpr uint16_t kAfterFailure = 255;
inline constexpr uint16_t kAfterMiss = 15;

// Cache memory of an instruction, as the families use it.
struct VersionCache {  // LOAD_GLOBAL (4 units), BINARY_OP (5), STORE_ATTR (4), LOAD_ATTR (9)
  uint32_t version;
  uint32_t keys_version;
  int64_t index;       // of a dict entry, or the offset of a slot
  PyObject* object;    // borrowed: valid while the version is
};
static_assert(sizeof(VersionCache) <= 4 * sizeof(Unit));
struct CallCache {  // CALL: units 1 and 2; unit 3 holds an instruction for CALL_CLASS_INIT
  uint32_t version;
  uint32_t function_version;
  PyObject* object;
};
static_assert(sizeof(CallCache) <= 2 * sizeof(Unit));
inline VersionCache* version_cache(Unit* unit) { return reinterpret_cast<VersionCache*>(unit + 1); }
inline CallCache* call_cache(Unit* unit) { return reinterpret_cast<CallCache*>(unit + 1); }

void specialize_BINARY_OP(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);
// ops/numbers.cpp: whether the operands are numbers that it knows; chooses a handler where there is one.
bool specialize_arithmetic(Frame* frame, Unit* unit, Value* sp, uint32_t operation);
bool specialize_number_comparison(Frame* frame, Unit* unit, Value* sp);
// ops/fused.cpp: puts a fused handler in the place of the load before `unit`, where there is one for the pair.
void fuse_with_load(Executable* executable, Unit* unit);
bool is_fused(uint16_t op);
void specialize_COMPARE_OP(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);
void specialize_CONTAINS_OP(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);
void specialize_STORE_SUBSCR(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);
void specialize_LOAD_GLOBAL(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);
void specialize_LOAD_ATTR(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);
void specialize_STORE_ATTR(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);
void specialize_FOR_ITER(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);
void specialize_CALL(PyThreadState* thread, Frame* frame, Unit* unit, Value* sp);

}  // namespace ks

// At the head of a general handler.
#define ADAPT(FAMILY)                                              \
  do {                                                             \
    if (ip->counter == 0) [[unlikely]] GO_TO(FAMILY##_ADAPT);      \
    --ip->counter;                                                 \
  } while (0)
// The handlers behind ADAPT and MISS.
#define ADAPTIVE_FAMILY(FAMILY)                                    \
  HANDLER(FAMILY##_ADAPT) {                                        \
    if (ip->op == k##FAMILY) {                                     \
      SAVE_ALL();                                                  \
      ip->counter = kAfterFailure;                                 \
      specialize_##FAMILY(thread, frame, ip, sp);                  \
    } else {                                                       \
      ip->counter = 0xFFFF;                                        \
    }                                                              \
    DISPATCH_AFTER_ADAPT(FAMILY);                                  \
  }                                                                \
  HANDLER(FAMILY##_MISS) {                                         \
    ip->op = k##FAMILY;                                            \
    ip->counter = kAfterMiss;                                      \
    GO_TO(FAMILY);                                                 \
  }
#define DISPATCH_AFTER_ADAPT(FAMILY)                               \
  if (ip->op >= kFirstSpecialized) DISPATCH();                     \
  GO_TO(FAMILY)
#define ADAPTIVE_DECLARATION(FAMILY)                               \
  HANDLER_DECLARATION(FAMILY##_ADAPT);                             \
  HANDLER_DECLARATION(FAMILY##_MISS)
#define MISS(FAMILY) GO_TO(FAMILY##_MISS)

namespace ks {
ADAPTIVE_DECLARATION(BINARY_OP);
ADAPTIVE_DECLARATION(COMPARE_OP);
ADAPTIVE_DECLARATION(CONTAINS_OP);
ADAPTIVE_DECLARATION(STORE_SUBSCR);
ADAPTIVE_DECLARATION(LOAD_GLOBAL);
ADAPTIVE_DECLARATION(LOAD_ATTR);
ADAPTIVE_DECLARATION(STORE_ATTR);
ADAPTIVE_DECLARATION(FOR_ITER);
ADAPTIVE_DECLARATION(CALL);
}  // namespace ks

// The result of the comparison at `ip`, whose operands are gone; a jump on it directly behind is done along with it.
#define LEAVE_COMPARISON(RESULT)                                                                 \
  do {                                                                                           \
    Unit* ks_next = ip + 2;                                                                      \
    if (ks_next->op == kPOP_JUMP_IF_FALSE) {                                                     \
      ip = ks_next + ((RESULT) ? 2u + ks_next->counter : 2 + ks_next->oparg);                    \
      DISPATCH();                                                                                \
    }                                                                                            \
    if (ks_next->op == kPOP_JUMP_IF_TRUE) {                                                      \
      ip = ks_next + ((RESULT) ? 2 + ks_next->oparg : 2u + ks_next->counter);                    \
      DISPATCH();                                                                                \
    }                                                                                            \
    *sp++ = Value::borrowed((RESULT) ? Py_True : Py_False);                                      \
    NEXT(2);                                                                                     \
  } while (0)
#define COMPARE_RESULT(RESULT)                 \
  do {                                         \
    const bool ks_result = (RESULT);           \
    Value ks_right = sp[-1], ks_left = sp[-2]; \
    sp -= 2;                                   \
    close(ks_left);                            \
    close(ks_right);                           \
    LEAVE_COMPARISON(ks_result);               \
  } while (0)
