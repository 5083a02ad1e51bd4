#include "interpreter/immediates.h"

#include "interpreter/handler.h"

namespace ks {

namespace {

// What an instruction takes from the stack and leaves on it.
struct Effect {
  int pops, pushes;
  bool known;
};

Effect effect_of(int op, uint32_t oparg) {
  const int count = static_cast<int>(oparg);
  switch (op) {
    case kNOP:
    case kNOT_TAKEN:
    case kMAKE_CELL:
    case kDELETE_FAST:
      return {0, 0, true};
    case kLOAD_FAST:
    case kLOAD_FAST_BORROW:
    case kLOAD_FAST_CHECK:
    case kLOAD_FAST_AND_CLEAR:
    case kLOAD_CONST:
    case kLOAD_SMALL_INT:
    case kLOAD_DEREF:
    case kLOAD_NAME:
    case kLOAD_COMMON_CONSTANT:
    case kPUSH_NULL:
      return {0, 1, true};
    case kLOAD_FAST_LOAD_FAST:
    case kLOAD_FAST_BORROW_LOAD_FAST_BORROW:
      return {0, 2, true};
    case kLOAD_GLOBAL:
      return {0, 1 + (count & 1), true};
    case kLOAD_ATTR:
      return {1, 1 + (count & 1), true};
    case kUNARY_NEGATIVE:
    case kUNARY_INVERT:
    case kUNARY_NOT:
    case kTO_BOOL:
    case kFORMAT_SIMPLE:
    case kCONVERT_VALUE:
    case kGET_ITER:
    case kSTORE_FAST_LOAD_FAST:
      return {1, 1, true};
    case kBINARY_OP:
    case kCOMPARE_OP:
    case kCONTAINS_OP:
    case kIS_OP:
    case kFORMAT_WITH_SPEC:
      return {2, 1, true};
    case kBINARY_SLICE:
      return {3, 1, true};
    case kBUILD_TUPLE:
    case kBUILD_LIST:
    case kBUILD_STRING:
    case kBUILD_SLICE:
    case kBUILD_SET:
      return {count, 1, true};
    case kBUILD_MAP:
      return {2 * count, 1, true};
    case kCALL:
      return {count + 2, 1, true};
    case kCALL_KW:
      return {count + 3, 1, true};
    case kSTORE_FAST:
    case kPOP_TOP:
    case kSTORE_GLOBAL:
    case kSTORE_NAME:
    case kSTORE_DEREF:
      return {1, 0, true};
    case kSTORE_FAST_STORE_FAST:
    case kSTORE_ATTR:
      return {2, 0, true};
    case kSTORE_SUBSCR:
      return {3, 0, true};
    default:
      return {0, 0, false};
  }
}

// Whether the instruction takes an immediate as the operand `depth` below the top.
bool takes(int op, int depth, Origin origin) {
  switch (op) {
    case kBINARY_OP:
    case kCOMPARE_OP:
    case kUNARY_NEGATIVE:
    case kTO_BOOL:
    case kPOP_TOP:
      return true;
    case kSTORE_SUBSCR:
      return depth < 2;  // the container and the index, not what is stored
    // A second variable for a number has to be the same object.
    case kSTORE_FAST:
    case kSTORE_FAST_LOAD_FAST:
    case kSTORE_FAST_STORE_FAST:
      return origin == Origin::Fresh;
    default:
      return false;
  }
}

constexpr int kHorizon = 40;  // instructions

}  // namespace

bool goes_to_taker(const Executable* executable, Py_ssize_t index, int depth, Origin origin) {
  // The code object has the instructions as the compiler made them, without specialisations and instrumentation.
  const auto* code = reinterpret_cast<const unsigned char*>(executable->code->co_code_adaptive);
  Py_ssize_t i = index + 1 + kCaches[code[2 * index]];
  for (int step = 0; step < kHorizon && i < executable->unit_count; ++step) {
    const int op = code[2 * i];
    const uint32_t oparg = executable->units[i].oparg;
    if (op == kEXTENDED_ARG) {
      i += static_cast<Py_ssize_t>(oparg);
      continue;
    }
    if (op == kSWAP) {
      const int other = static_cast<int>(oparg) - 1;
      depth = depth == 0 ? other : depth == other ? 0 : depth;
    } else {
      const Effect effect = effect_of(op, oparg);
      if (!effect.known) return false;
      if (depth < effect.pops) return takes(op, depth, origin);
      depth += effect.pushes - effect.pops;
    }
    i += 1 + kCaches[op];
  }
  return false;
}

void mark_immediate_loads(Executable* executable) {
  executable->loads_are_marked = true;
  const auto* code = reinterpret_cast<const unsigned char*>(executable->code->co_code_adaptive);
  for (Py_ssize_t i = 0; i < executable->unit_count; i += 1 + kCaches[code[2 * i]]) {
    Unit& unit = executable->units[i];
    if (unit.op != code[2 * i]) continue;  // instrumented
    const auto taken = [&](int depth) { return goes_to_taker(executable, i, depth, Origin::Local); };
    switch (unit.op) {
      case kLOAD_FAST:
        if (taken(0)) unit.op = kLOAD_FAST_NUMBER;
        break;
      case kLOAD_FAST_BORROW:
        if (taken(0)) unit.op = kLOAD_FAST_BORROW_NUMBER;
        break;
      case kLOAD_SMALL_INT:
        if (goes_to_taker(executable, i, 0, Origin::Fresh)) unit.op = kLOAD_SMALL_INT_NUMBER;
        break;
      case kLOAD_FAST_BORROW_LOAD_FAST_BORROW: {
        const bool first = taken(1), second = taken(0);
        if (first && second)
          unit.op = kLOAD_FAST_BORROW_NUMBERS;
        else if (first)
          unit.op = kLOAD_FAST_BORROW_NUMBER_FIRST;
        else if (second)
          unit.op = kLOAD_FAST_BORROW_NUMBER_SECOND;
        break;
      }
      case kSTORE_FAST_LOAD_FAST:
        if (taken(0)) unit.op = kSTORE_FAST_LOAD_FAST_NUMBER;
        break;
      default:
        break;
    }
  }
}

PyObject* make_object(Value immediate) {
  return immediate.is_immediate_int() ? int_from_int64(immediate.immediate_int_value())
                                      : float_new(immediate.immediate_float_value());
}

bool make_local_object(Value* local) {
  PyObject* object = make_object(*local);
  if (!object) return false;
  *local = Value::owned(object);
  return true;
}

bool make_slot_object(Frame* frame, Value* slot) {
  const Value immediate = *slot;
  PyObject* object = make_object(immediate);
  if (!object) return false;
  *slot = Value::owned(object);
  const int count = frame_code(frame)->co_nlocalsplus;
  for (int i = 0; i < count; ++i)
    if (frame->localsplus[i].bits == immediate.bits) frame->localsplus[i] = Value::owned(Py_NewRef(object));
  return true;
}

}  // namespace ks
