// Constants that can be computed now, and small patterns of instructions with a shorter form.
#include <algorithm>

#include "compiler/graph.h"
#include "object/identifier.h"

namespace ks::compiler {
namespace {

constexpr int kMostItems = 30;      // sequences longer than this are built piece by piece
constexpr int kFewestForExtend = 3;  // fewer constants are not worth an extra tuple

bool loads_constant(int opcode) { return opcode == LOAD_CONST || opcode == LOAD_SMALL_INT; }

void remove_loads(const std::vector<Op*>& loads) {
  for (Op* op : loads) {
    op->clear();
    op->location = kNoLocation;
  }
}

// No folding is the answer to an error.
Status give_up() {
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) return failed;
  PyErr_Clear();
  return Status::Ok;
}

Ref<> fold_unary_operation(int opcode, int oparg, PyObject* operand) {
  switch (opcode) {
    case UNARY_NEGATIVE: return steal(PyNumber_Negative(operand));
    case UNARY_INVERT:
      // ~True is deprecated: the warning has to come when it runs.
      return PyBool_Check(operand) ? nullptr : steal(PyNumber_Invert(operand));
    case UNARY_NOT: {
      const int is_true = PyObject_IsTrue(operand);
      return is_true < 0 ? nullptr : borrow(is_true ? Py_False : Py_True);
    }
    case CALL_INTRINSIC_1: return oparg == intrinsic::UnaryPositive ? steal(PyNumber_Positive(operand)) : nullptr;
    default: return nullptr;
  }
}

}  // namespace

// ---- constants of the graph ------------------------------------------------------------------------------------------

PyObject* Graph::constant_of(const Op& op) {
  if (op.opcode == LOAD_SMALL_INT) return PyLong_FromLong(op.oparg);
  return Py_NewRef(PyList_GET_ITEM(constants_.get(), op.oparg));
}

// The constant's index, as that of a new one unless the very object is there already.
Py_ssize_t Graph::constant_index(Ref<> value) {
  if (!value) return failed;
  Ref<> key = TRY(merged_constant_key(value, constant_cache_));
  PyObject* shared = PyTuple_CheckExact(key.get()) ? PyTuple_GET_ITEM(key.get(), 1) : key.get();
  const Py_ssize_t count = PyList_GET_SIZE(constants_.get());
  for (Py_ssize_t i = 0; i < count; ++i)
    if (PyList_GET_ITEM(constants_.get(), i) == shared) return i;
  return PyList_Append(constants_, shared) < 0 ? -1 : count;
}

bool Graph::shrink_to_small_int(Op* op) {
  PyObject* value = PyList_GET_ITEM(constants_.get(), op->oparg);
  if (!PyLong_CheckExact(value)) return false;
  int overflow = 0;
  const long number = PyLong_AsLongAndOverflow(value, &overflow);
  if (overflow || number < 0 || number > 255) return false;
  op->set(LOAD_SMALL_INT, static_cast<int>(number));
  return true;
}

Status Graph::make_load(Op* op, Ref<> value) {
  if (!value) return failed;
  if (PyLong_CheckExact(value.get())) {
    int overflow = 0;
    const long number = PyLong_AsLongAndOverflow(value, &overflow);
    if (!overflow && number >= 0 && number <= 255) {
      op->set(LOAD_SMALL_INT, static_cast<int>(number));
      return Status::Ok;
    }
  }
  const Py_ssize_t index = constant_index(std::move(value));
  if (index < 0) return failed;
  op->set(LOAD_CONST, static_cast<int>(index));
  return Status::Ok;
}

// The loads of the `count` constants that end before `at`; false if other things are between.
bool Graph::constant_loads_before(Block* block, int at, int count, std::vector<Op*>* out) {
  out->resize(static_cast<size_t>(count));
  for (int i = at - 1; i >= 0 && count > 0; --i) {
    Op& op = block->ops[static_cast<size_t>(i)];
    if (op.opcode == NOP) continue;
    if (!loads_constant(op.opcode)) return false;
    (*out)[static_cast<size_t>(--count)] = &op;
  }
  return count == 0;
}

// Unused constants go; the first stays, as it may be the docstring.
Status Graph::remove_unused_constants() {
  const Py_ssize_t count = PyList_GET_SIZE(constants_.get());
  if (count == 0) return Status::Ok;
  std::vector<int> new_index(static_cast<size_t>(count), -1);
  new_index[0] = 0;
  for (Block* block = entry_; block; block = block->next)
    for (const Op& op : block->ops)
      if (opcode_flags(op.opcode) & kConst) new_index[static_cast<size_t>(op.oparg)] = 0;
  int kept = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    int& index = new_index[static_cast<size_t>(i)];
    if (index < 0) continue;
    if (kept != i) PyList_SetItem(constants_, kept, Py_NewRef(PyList_GET_ITEM(constants_.get(), i)));
    index = kept++;
  }
  if (kept == count) return Status::Ok;
  TRY(status(PyList_SetSlice(constants_, kept, count, nullptr)));
  for (Block* block = entry_; block; block = block->next)
    for (Op& op : block->ops)
      if (opcode_flags(op.opcode) & kConst) op.oparg = new_index[static_cast<size_t>(op.oparg)];
  return Status::Ok;
}

// ---- sequences -------------------------------------------------------------------------------------------------------

Status Graph::fold_tuple(Block* block, int at) {
  Op& build = block->ops[static_cast<size_t>(at)];
  const int size = build.oparg;
  std::vector<Op*> loads;
  if (size > kMostItems || !constant_loads_before(block, at, size, &loads)) return Status::Ok;
  Ref<> tuple = TRY(steal(PyTuple_New(size)));
  for (int i = 0; i < size; ++i) {
    PyObject* item = constant_of(*loads[static_cast<size_t>(i)]);
    if (!item) return failed;
    PyTuple_SET_ITEM(tuple.get(), i, item);
  }
  remove_loads(loads);
  return make_load(&build, std::move(tuple));
}

// BUILD_LIST 0, then loads of constants, each with LIST_APPEND: a long tuple of constants; or a set in the same way.
Status Graph::fold_list_to_tuple(Block* block, int at) {
  std::vector<Op*> parts, loads;
  bool append_expected = true;
  // A list or set that is only looked through ends with the last item that is added.
  const int last = block->ops[static_cast<size_t>(at)].opcode;
  const bool is_set = last == SET_ADD;
  const int build_opcode = is_set ? BUILD_SET : BUILD_LIST, add_opcode = is_set ? SET_ADD : LIST_APPEND;
  for (int i = last == add_opcode ? at : at - 1; i >= 0; --i) {
    Op& op = block->ops[static_cast<size_t>(i)];
    if (op.opcode == NOP) continue;
    parts.push_back(&op);
    if (op.opcode == build_opcode && op.oparg == 0) {
      if (!append_expected) return Status::Ok;
      const auto size = static_cast<Py_ssize_t>(loads.size());
      Ref<> tuple = TRY(steal(PyTuple_New(size)));
      for (Py_ssize_t j = 0; j < size; ++j) {
        PyObject* item = constant_of(*loads[static_cast<size_t>(size - 1 - j)]);
        if (!item) return failed;
        PyTuple_SET_ITEM(tuple.get(), j, item);
      }
      if (is_set) tuple = TRY(steal(PyFrozenSet_New(tuple)));
      remove_loads(parts);
      return make_load(&block->ops[static_cast<size_t>(at)], std::move(tuple));
    }
    if (append_expected) {
      if (op.opcode != add_opcode || op.oparg != 1) return Status::Ok;
    } else {
      if (!loads_constant(op.opcode)) return Status::Ok;
      loads.push_back(&op);
    }
    append_expected = !append_expected;
  }
  return Status::Ok;
}

// A list or set of constants: one constant where it is only looked through, else a constant to extend from.
Status Graph::fold_list_or_set(Block* block, int at, int next_opcode) {
  Op& build = block->ops[static_cast<size_t>(at)];
  const bool only_looked_through = next_opcode == GET_ITER || next_opcode == CONTAINS_OP;
  const int size = build.oparg;
  if (size > kMostItems || (size < kFewestForExtend && !only_looked_through)) return Status::Ok;
  std::vector<Op*> loads;
  if (!constant_loads_before(block, at, size, &loads)) {
    if (only_looked_through && build.opcode == BUILD_LIST) build.opcode = BUILD_TUPLE;
    return Status::Ok;
  }
  Ref<> value = TRY(steal(PyTuple_New(size)));
  for (int i = 0; i < size; ++i) {
    PyObject* item = constant_of(*loads[static_cast<size_t>(i)]);
    if (!item) return failed;
    PyTuple_SET_ITEM(value.get(), i, item);
  }
  if (build.opcode == BUILD_SET) value = TRY(steal(PyFrozenSet_New(value)));
  const Py_ssize_t index = constant_index(std::move(value));
  if (index < 0) return failed;
  remove_loads(loads);
  if (only_looked_through) {
    build.set(LOAD_CONST, static_cast<int>(index));
    return Status::Ok;
  }
  Op* first = &block->ops[static_cast<size_t>(at - 2)];
  Op* second = &block->ops[static_cast<size_t>(at - 1)];
  first->set(build.opcode, 0);
  first->location = build.location;
  second->set(LOAD_CONST, static_cast<int>(index));
  build.set(build.opcode == BUILD_LIST ? LIST_EXTEND : SET_UPDATE, 1);
  return Status::Ok;
}

// ---- operations ------------------------------------------------------------------------------------------------------

Status Graph::fold_unary(Block* block, int at) {
  Op& op = block->ops[static_cast<size_t>(at)];
  std::vector<Op*> loads;
  if (!constant_loads_before(block, at, 1, &loads)) return Status::Ok;
  Ref<> operand = TRY(steal(constant_of(*loads[0])));
  Ref<> value = fold_unary_operation(op.opcode, op.oparg, operand);
  if (!value) return PyErr_Occurred() ? give_up() : Status::Ok;
  remove_loads(loads);
  return make_load(&op, std::move(value));
}

Status Graph::fold_binary(Block* block, int at) {
  Op& op = block->ops[static_cast<size_t>(at)];
  std::vector<Op*> loads;
  if (!constant_loads_before(block, at, 2, &loads)) return Status::Ok;
  Ref<> left = TRY(steal(constant_of(*loads[0])));
  Ref<> right = TRY(steal(constant_of(*loads[1])));
  Ref<> value = fold_binary_operation(op.oparg, left, right);
  if (!value) return PyErr_Occurred() ? give_up() : Status::Ok;
  remove_loads(loads);
  return make_load(&op, std::move(value));
}

// ---- what follows the load of a constant -----------------------------------------------------------------------------

Status Graph::fold_constant_loads() {
  for (Block* block = entry_; block; block = block->next) TRY(fold_constant_loads(block));
  return Status::Ok;
}

Status Graph::fold_constant_loads(Block* block) {
  std::vector<Op>& ops = block->ops;
  Op constant;  // the load whose value is on top of the stack
  for (size_t i = 0; i < ops.size(); ++i) {
    Op& op = ops[i];
    if (op.opcode == LOAD_CONST) shrink_to_small_int(&op);
    const bool is_copy = constant.opcode == LOAD_CONST && op.opcode == COPY && op.oparg == 1;
    if (!is_copy) constant = op;
    if (!loads_constant(constant.opcode) || i + 1 >= ops.size()) continue;
    Op& next = ops[i + 1];
    switch (next.opcode) {
      case POP_JUMP_IF_FALSE:
      case POP_JUMP_IF_TRUE:
      case JUMP_IF_FALSE:
      case JUMP_IF_TRUE: {
        Ref<> value = TRY(steal(constant_of(constant)));
        const int is_true = PyObject_IsTrue(value);
        if (is_true < 0) return failed;
        // The jumps that do not pop leave the constant where it is.
        if (next.opcode == POP_JUMP_IF_FALSE || next.opcode == POP_JUMP_IF_TRUE) op.clear();
        const bool if_true = next.opcode == POP_JUMP_IF_TRUE || next.opcode == JUMP_IF_TRUE;
        if ((is_true != 0) == if_true) next.opcode = JUMP;
        else next.clear();
        break;
      }
      case IS_OP: {
        Ref<> value = TRY(steal(constant_of(constant)));
        if (value.get() != Py_None || i + 2 >= ops.size()) break;
        Op* jump = &ops[i + 2];
        if (jump->opcode == TO_BOOL) {
          jump->clear();
          if (i + 3 >= ops.size()) break;
          jump = &ops[i + 3];
        }
        bool inverted = next.oparg;
        if (jump->opcode == POP_JUMP_IF_FALSE) inverted = !inverted;
        else if (jump->opcode != POP_JUMP_IF_TRUE) break;
        op.clear();
        next.clear();
        jump->opcode = inverted ? POP_JUMP_IF_NOT_NONE : POP_JUMP_IF_NONE;
        break;
      }
      case TO_BOOL: {
        Ref<> value = TRY(steal(constant_of(constant)));
        const int is_true = PyObject_IsTrue(value);
        if (is_true < 0) return failed;
        const Py_ssize_t index = constant_index(borrow(is_true ? Py_True : Py_False));
        if (index < 0) return failed;
        op.clear();
        next.set(LOAD_CONST, static_cast<int>(index));
        break;
      }
      default: break;
    }
  }
  return Status::Ok;
}

// ---- swaps -----------------------------------------------------------------------------------------------------------

namespace {

// Rewrites the run of SWAPs that starts at `at` into the fewest that do the same; returns the run's last index.
size_t shorten_swaps(std::vector<Op>& ops, size_t at) {
  size_t end = at + 1;
  auto depth = static_cast<size_t>(ops[at].oparg);
  bool several = false;
  for (; end < ops.size(); ++end) {
    if (ops[end].opcode == SWAP) {
      depth = std::max(depth, static_cast<size_t>(ops[end].oparg));
      several = true;
    } else if (ops[end].opcode != NOP) {
      break;
    }
  }
  if (!several) return at;
  constexpr int kDone = -1;
  std::vector<int> places(depth);
  for (size_t i = 0; i < depth; ++i) places[i] = static_cast<int>(i);
  for (size_t i = at; i < end; ++i)
    if (ops[i].opcode == SWAP) std::swap(places[0], places[static_cast<size_t>(ops[i].oparg) - 1]);
  // Each cycle of the permutation is undone through the top of the stack; written from the end of the run, that shuffles
  // instead.
  size_t current = end;
  for (size_t i = 0; i < depth; ++i) {
    if (places[i] == kDone || places[i] == static_cast<int>(i)) continue;
    size_t j = i;
    for (;;) {
      if (j) ops[--current].set(SWAP, static_cast<int>(j) + 1);
      if (places[j] == kDone) break;
      const auto next = static_cast<size_t>(places[j]);
      places[j] = kDone;
      j = next;
    }
  }
  while (current > at) ops[--current].clear();
  return end - 1;
}

bool is_swappable(int opcode) { return opcode == STORE_FAST || opcode == STORE_FAST_MAYBE_NULL || opcode == POP_TOP; }
int stored_local(const Op& op) { return op.opcode == STORE_FAST || op.opcode == STORE_FAST_MAYBE_NULL ? op.oparg : -1; }

int next_swappable(const std::vector<Op>& ops, int at, int line) {
  for (++at; at < static_cast<int>(ops.size()); ++at) {
    const Op& op = ops[static_cast<size_t>(at)];
    if (line >= 0 && op.location.lineno != line) return -1;
    if (op.opcode == NOP) continue;
    return is_swappable(op.opcode) ? at : -1;
  }
  return -1;
}

// SWAPs before stores are done by reordering the stores.
void swap_statically(std::vector<Op>& ops, int at) {
  for (; at >= 0; --at) {
    Op& swap = ops[static_cast<size_t>(at)];
    if (swap.opcode != SWAP) {
      if (swap.opcode == NOP || is_swappable(swap.opcode)) continue;
      return;
    }
    const int first = next_swappable(ops, at, -1);
    if (first < 0) return;
    const int line = ops[static_cast<size_t>(first)].location.lineno;
    int other = first;
    for (int count = swap.oparg - 1; count > 0; --count) {
      other = next_swappable(ops, other, line);
      if (other < 0) return;
    }
    Op& a = ops[static_cast<size_t>(first)];
    Op& b = ops[static_cast<size_t>(other)];
    const int local_a = stored_local(a), local_b = stored_local(b);
    if (local_a >= 0 || local_b >= 0) {
      if (local_a == local_b) return;
      for (int i = first + 1; i < other; ++i) {
        const int local = stored_local(ops[static_cast<size_t>(i)]);
        if (local >= 0 && (local == local_a || local == local_b)) return;
      }
    }
    swap.clear();
    std::swap(a, b);
  }
}

}  // namespace

// ---- patterns --------------------------------------------------------------------------------------------------------

// A jump to a jump goes where that one goes, by an instruction after it, whose NOP keeps the line if need be.
bool Graph::thread_jump(Block* block, int at, int opcode) {
  Op& op = block->ops[static_cast<size_t>(at)];
  const Op& target = op.target->ops[0];
  if (op.target == target.target) return false;
  Op jump;
  jump.opcode = opcode;
  jump.location = target.location;
  jump.target = target.target;
  op.clear();
  block->append(jump);
  return true;
}

Status Graph::optimize_blocks() {
  for (Block* block = entry_; block; block = block->next) TRY(optimize_block(block));
  return Status::Ok;
}

Status Graph::optimize_block(Block* block) {
  std::vector<Op>& ops = block->ops;
  for (int i = 0; i < static_cast<int>(ops.size()); ++i) {
    Op& op = ops[static_cast<size_t>(i)];
    const int target = op.target && !op.target->ops.empty() ? op.target->ops[0].opcode : NOP;
    Op* next = static_cast<size_t>(i) + 1 < ops.size() ? &ops[static_cast<size_t>(i) + 1] : nullptr;
    const int next_opcode = next ? next->opcode : CACHE;
    switch (op.opcode) {
      case BUILD_TUPLE:
        if (next_opcode == UNPACK_SEQUENCE && op.oparg == next->oparg && op.oparg >= 1 && op.oparg <= 3) {
          if (op.oparg == 1) next->clear();
          else next->opcode = SWAP;
          op.clear();
          continue;
        }
        TRY(fold_tuple(block, i));
        break;
      case BUILD_LIST:
      case BUILD_SET: TRY(fold_list_or_set(block, i, next_opcode)); break;
      case POP_JUMP_IF_NONE:
      case POP_JUMP_IF_NOT_NONE:
      case POP_JUMP_IF_FALSE:
      case POP_JUMP_IF_TRUE:
        if (target == JUMP) i -= thread_jump(block, i, op.opcode);
        break;
      case JUMP_IF_FALSE:
      case JUMP_IF_TRUE:
        if (target == JUMP || target == op.opcode) {
          i -= thread_jump(block, i, op.opcode);
        } else if (target == JUMP_IF_FALSE || target == JUMP_IF_TRUE) {
          // The other condition does not hold there.
          op.target = op.target->next;
          --i;
        }
        break;
      case JUMP:
      case JUMP_NO_INTERRUPT:
        if (target == JUMP) i -= thread_jump(block, i, JUMP);
        else if (target == JUMP_NO_INTERRUPT) i -= thread_jump(block, i, op.opcode);
        break;
      case STORE_FAST:
        if (next_opcode == STORE_FAST && next->oparg == op.oparg && next->location.lineno == op.location.lineno) op.set(POP_TOP, 0);
        break;
      case SWAP:
        if (op.oparg == 1) op.clear();
        break;
      case LOAD_GLOBAL:
        if (next_opcode == PUSH_NULL && !(op.oparg & 1)) {
          op.oparg |= 1;
          next->clear();
        }
        break;
      case COMPARE_OP:
        if (next_opcode == TO_BOOL) {
          next->set(COMPARE_OP, op.oparg | 16);
          op.clear();
        }
        break;
      case CONTAINS_OP:
      case IS_OP:
        if (next_opcode == TO_BOOL) {
          next->set(op.opcode, op.oparg);
          op.clear();
        } else if (next_opcode == UNARY_NOT) {
          next->set(op.opcode, op.oparg ^ 1);
          op.clear();
        }
        break;
      case TO_BOOL:
        if (next_opcode == TO_BOOL) op.clear();
        break;
      case UNARY_NOT:
        if (next_opcode == TO_BOOL) {
          op.clear();
          next->set(UNARY_NOT, 0);
          continue;
        }
        if (next_opcode == UNARY_NOT) {
          op.clear();
          next->clear();
          continue;
        }
        TRY(fold_unary(block, i));
        break;
      case UNARY_INVERT:
      case UNARY_NEGATIVE: TRY(fold_unary(block, i)); break;
      case CALL_INTRINSIC_1:
        if (op.oparg == intrinsic::ListToTuple) {
          TRY(fold_list_to_tuple(block, i));
          if (next_opcode == GET_ITER && op.opcode == CALL_INTRINSIC_1) op.clear();
        } else if (op.oparg == intrinsic::UnaryPositive) {
          TRY(fold_unary(block, i));
        }
        break;
      case LIST_APPEND:
      case SET_ADD:
        if (op.oparg == 1 && (next_opcode == GET_ITER || next_opcode == CONTAINS_OP)) TRY(fold_list_to_tuple(block, i));
        break;
      case BINARY_OP: TRY(fold_binary(block, i)); break;
      default: break;
    }
  }
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].opcode != SWAP) continue;
    i = shorten_swaps(ops, i);
    swap_statically(ops, static_cast<int>(i));
  }
  return Status::Ok;
}

}  // namespace ks::compiler
