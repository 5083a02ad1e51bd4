// What is known of local variables: which may be unbound, which can be lent to the stack without a reference.
#include <algorithm>

#include "compiler/graph.h"

namespace ks::compiler {

// ---- unbound locals --------------------------------------------------------------------------------------------------

namespace {

constexpr int kMaskBits = 64;

class UnboundScan {
 public:
  void push(Block* block, uint64_t mask) {
    const uint64_t both = block->unsafe_locals | mask;
    if (both == block->unsafe_locals) return;
    block->unsafe_locals = both;
    if (block->visited) return;
    block->visited = true;
    todo_.push_back(block);
  }
  void scan(Block* block) {
    uint64_t mask = block->unsafe_locals;
    for (Op& op : block->ops) {
      if (op.handler) push(op.handler, mask);
      if (op.oparg < 0 || op.oparg >= kMaskBits) continue;
      const uint64_t bit = uint64_t{1} << op.oparg;
      switch (op.opcode) {
        case DELETE_FAST:
        case LOAD_FAST_AND_CLEAR:
        case STORE_FAST_MAYBE_NULL: mask |= bit; break;
        case LOAD_FAST:
          if (mask & bit) op.opcode = LOAD_FAST_CHECK;
          mask &= ~bit;
          break;
        case STORE_FAST:
        case LOAD_FAST_CHECK: mask &= ~bit; break;
        default: break;
      }
    }
    if (block->next && block->falls_through()) push(block->next, mask);
    const Op* last = block->last();
    if (last && last->is_jump()) push(last->target, mask);
  }
  void run() {
    while (!todo_.empty()) {
      Block* block = todo_.back();
      todo_.pop_back();
      block->visited = false;
      scan(block);
    }
  }

 private:
  std::vector<Block*> todo_;
};

// Locals that no mask has room for are known to be bound only within a block.
void check_far_locals(Block* entry, int local_count) {
  std::vector<int> bound_in(static_cast<size_t>(local_count - kMaskBits), 0);
  int number = 0;
  for (Block* block = entry; block; block = block->next) {
    ++number;
    for (Op& op : block->ops) {
      if (op.oparg < kMaskBits || op.oparg >= local_count) continue;
      int& bound = bound_in[static_cast<size_t>(op.oparg - kMaskBits)];
      switch (op.opcode) {
        case DELETE_FAST:
        case LOAD_FAST_AND_CLEAR:
        case STORE_FAST_MAYBE_NULL: bound = number - 1; break;
        case STORE_FAST: bound = number; break;
        case LOAD_FAST:
          if (bound != number) op.opcode = LOAD_FAST_CHECK;
          bound = number;
          break;
        default: break;
      }
    }
  }
}

}  // namespace

void Graph::check_unbound_locals(int local_count, int parameter_count) {
  if (local_count == 0) return;
  if (local_count > kMaskBits) {
    check_far_locals(entry_, local_count);
    local_count = kMaskBits;
  }
  clear_visited();
  UnboundScan scan;
  uint64_t at_start = 0;
  for (int i = parameter_count; i < local_count; ++i) at_start |= uint64_t{1} << i;
  scan.push(entry_, at_start);
  // A variable is unbound at the start or after `del`; from there it spreads.
  for (Block* block = entry_; block; block = block->next) scan.scan(block);
  scan.run();
}

// ---- superinstructions -----------------------------------------------------------------------------------------------

namespace {

void combine(Op* first, Op* second, int opcode) {
  const int line = first->location.lineno, next_line = second->location.lineno;
  if (line >= 0 && next_line >= 0 && line != next_line) return;
  if (first->oparg >= 16 || second->oparg >= 16) return;
  first->set(opcode, first->oparg << 4 | second->oparg);
  second->clear();
}

}  // namespace

void Graph::make_superinstructions() {
  for (Block* block = entry_; block; block = block->next) {
    for (size_t i = 0; i + 1 < block->ops.size(); ++i) {
      Op &op = block->ops[i], &next = block->ops[i + 1];
      if (op.opcode == LOAD_FAST && next.opcode == LOAD_FAST) combine(&op, &next, LOAD_FAST_LOAD_FAST);
      else if (op.opcode == STORE_FAST && next.opcode == LOAD_FAST) combine(&op, &next, STORE_FAST_LOAD_FAST);
      else if (op.opcode == STORE_FAST && next.opcode == STORE_FAST) combine(&op, &next, STORE_FAST_STORE_FAST);
    }
  }
  remove_redundant_nops();
}

// ---- borrowed locals -------------------------------------------------------------------------------------------------

namespace {

// How many items an instruction takes from the stack, all of which it consumes.
int items_taken(int opcode, int oparg) {
  switch (opcode) {
    case BINARY_OP:
    case BINARY_SLICE:
    case COMPARE_OP:
    case CONTAINS_OP:
    case IS_OP:
    case CALL_INTRINSIC_2:
    case CHECK_EG_MATCH:
    case BUILD_TEMPLATE:
    case FORMAT_WITH_SPEC:
    case STORE_ATTR:
    case IMPORT_NAME:
    case DELETE_SUBSCR:
    case END_ASYNC_FOR: return opcode == BINARY_SLICE ? 3 : 2;
    case STORE_SUBSCR:
    case MATCH_CLASS: return 3;
    case STORE_SLICE:
    case CALL_FUNCTION_EX: return 4;
    case CLEANUP_THROW: return 3;
    case BUILD_INTERPOLATION: return 2 + (oparg & 1);
    case BUILD_LIST:
    case BUILD_SET:
    case BUILD_SLICE:
    case BUILD_STRING:
    case BUILD_TUPLE:
    case RAISE_VARARGS: return oparg;
    case BUILD_MAP: return 2 * oparg;
    case CALL: return 2 + oparg;
    case CALL_KW: return 3 + oparg;
    case CALL_INTRINSIC_1:
    case CONVERT_VALUE:
    case DELETE_ATTR:
    case FORMAT_SIMPLE:
    case GET_AITER:
    case GET_AWAITABLE:
    case GET_ITER:
    case GET_YIELD_FROM_ITER:
    case LOAD_FROM_DICT_OR_DEREF:
    case LOAD_FROM_DICT_OR_GLOBALS:
    case MAKE_FUNCTION:
    case POP_EXCEPT:
    case POP_ITER:
    case END_FOR:
    case POP_JUMP_IF_FALSE:
    case POP_JUMP_IF_NONE:
    case POP_JUMP_IF_NOT_NONE:
    case POP_JUMP_IF_TRUE:
    case POP_TOP:
    case RETURN_VALUE:
    case STORE_DEREF:
    case STORE_GLOBAL:
    case STORE_NAME:
    case TO_BOOL:
    case UNARY_INVERT:
    case UNARY_NEGATIVE:
    case UNARY_NOT:
    case UNPACK_EX:
    case UNPACK_SEQUENCE:
    case YIELD_VALUE: return 1;
    default: return 0;
  }
}

// The stack of a block as far as locals are concerned: which instruction of the block pushed an item, from which local.
class BorrowScan {
 public:
  explicit BorrowScan(Block* block) : block_(block), spoiled_(block->ops.size()) {
    items_.resize(static_cast<size_t>(std::max(block->start_depth, 0)));
  }
  template <class Visit>
  void run(Visit visit);

 private:
  struct Item {
    int op = -1;     // -1: from before the block
    int local = -1;  // -1: not a local
  };
  void push(int op, int local = -1) { items_.push_back({op, local}); }
  Item pop() {
    if (items_.empty()) return {};
    const Item item = items_.back();
    items_.pop_back();
    return item;
  }
  void pop(int count) {
    while (count-- > 0) pop();
  }
  void spoil(int op) {
    if (op >= 0) spoiled_[static_cast<size_t>(op)] = true;
  }
  // The local's own reference goes away while items may still borrow it.
  void kill(int local) {
    for (const Item& item : items_)
      if (item.local == local) spoil(item.op);
  }
  void store(int local) {
    const Item item = pop();
    kill(local);
    spoil(item.op);
  }

  Block* block_;
  std::vector<bool> spoiled_;
  std::vector<Item> items_;
};

template <class Visit>
void BorrowScan::run(Visit visit) {
  std::vector<Op>& ops = block_->ops;
  for (int i = 0; i < static_cast<int>(ops.size()); ++i) {
    const Op& op = ops[static_cast<size_t>(i)];
    const auto height = static_cast<int>(items_.size());
    switch (op.opcode) {
      case DELETE_FAST: kill(op.oparg); break;
      case LOAD_FAST: push(i, op.oparg); break;
      case LOAD_FAST_AND_CLEAR:
        kill(op.oparg);
        push(i, op.oparg);
        break;
      case LOAD_FAST_LOAD_FAST:
        push(i, op.oparg >> 4);
        push(i, op.oparg & 15);
        break;
      case STORE_FAST: store(op.oparg); break;
      case STORE_FAST_LOAD_FAST:
        store(op.oparg >> 4);
        push(i, op.oparg & 15);
        break;
      case STORE_FAST_STORE_FAST:
        store(op.oparg >> 4);
        store(op.oparg & 15);
        break;
      case COPY: {
        const Item item = op.oparg <= height ? items_[static_cast<size_t>(height - op.oparg)] : Item{};
        push(item.op, item.local);
        break;
      }
      case SWAP:
        if (op.oparg <= height) std::swap(items_[static_cast<size_t>(height - op.oparg)], items_.back());
        break;
      // These leave all they take, and push on top.
      case GET_ANEXT:
      case GET_LEN:
      case IMPORT_FROM:
      case MATCH_KEYS:
      case MATCH_MAPPING:
      case MATCH_SEQUENCE:
      case WITH_EXCEPT_START:
        // The reference takes the block's first instruction for what pushed these.
        push(0);
        break;
      // What they push may be what they took.
      case FORMAT_SIMPLE:
      case GET_YIELD_FROM_ITER: break;
      // These leave what is below.
      case DICT_MERGE:
      case DICT_UPDATE:
      case LIST_APPEND:
      case LIST_EXTEND:
      case MAP_ADD:
      case RERAISE:
      case SET_ADD:
      case SET_UPDATE: pop(-stack_effect(op.opcode, op.oparg, false)); break;
      case CHECK_EXC_MATCH:
        pop();
        push(i);
        break;
      case SET_FUNCTION_ATTRIBUTE:
      case END_SEND: {
        const Item top = pop();
        pop();
        push(top.op, top.local);
        break;
      }
      case FOR_ITER:
        visit(op.target, height + 1);
        push(i);
        break;
      case LOAD_ATTR:
      case LOAD_SUPER_ATTR: {
        const Item self = pop();
        if (op.opcode == LOAD_SUPER_ATTR) pop(2);
        push(i);
        // The object may go on as the method's self.
        if (op.oparg & 1) push(self.op, self.local);
        break;
      }
      case LOAD_SPECIAL:
      case PUSH_EXC_INFO: {
        const Item top = pop();
        push(i);
        push(top.op, top.local);
        break;
      }
      case SEND:
        visit(op.target, height);
        pop();
        push(i);
        break;
      default: {
        const int taken = items_taken(op.opcode, op.oparg);
        const int effect = stack_effect(op.opcode, op.oparg, false);
        if (op.target && !is_block_push(op.opcode)) visit(op.target, height + effect);
        if (is_block_push(op.opcode) || effect == kNoEffect) break;
        pop(taken);
        for (int j = 0; j < effect + taken; ++j) push(i);
        break;
      }
    }
  }
  if (block_->next && !ops.empty() && block_->falls_through()) visit(block_->next, static_cast<int>(items_.size()));
  // What outlives the block is not followed.
  for (const Item& item : items_) spoil(item.op);
  for (size_t i = 0; i < ops.size(); ++i) {
    if (spoiled_[i]) continue;
    if (ops[i].opcode == LOAD_FAST) ops[i].opcode = LOAD_FAST_BORROW;
    else if (ops[i].opcode == LOAD_FAST_LOAD_FAST) ops[i].opcode = LOAD_FAST_BORROW_LOAD_FAST_BORROW;
  }
}

}  // namespace

// A load can borrow from its local where the instruction that consumes the value runs in the same block and before the
// local changes, and does not store it in a local. Code that is only reached by exceptions is left alone.
void Graph::borrow_locals() {
  clear_visited();
  std::vector<Block*> todo{entry_};
  entry_->visited = true;
  entry_->start_depth = 0;
  while (!todo.empty()) {
    Block* block = todo.back();
    todo.pop_back();
    BorrowScan(block).run([&](Block* next, int depth) {
      if (next->visited) return;
      next->visited = true;
      next->start_depth = depth;
      todo.push_back(next);
    });
  }
}

}  // namespace ks::compiler
