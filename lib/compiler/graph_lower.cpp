// From pseudo instructions to those that the evaluator runs.
#include <algorithm>

#include "compiler/graph.h"

namespace ks::compiler {

// JUMP_IF_... leaves the value on the stack: it copies it, and its truth decides.
void Graph::lower_conditional_jumps() {
  for (Block* block = entry_; block; block = block->next) {
    for (size_t i = 0; i < block->ops.size(); ++i) {
      const Op jump = block->ops[i];
      if (jump.opcode != JUMP_IF_FALSE && jump.opcode != JUMP_IF_TRUE) continue;
      block->ops[i].opcode = jump.opcode == JUMP_IF_FALSE ? POP_JUMP_IF_FALSE : POP_JUMP_IF_TRUE;
      Op copy = jump;
      copy.target = nullptr;
      copy.set(COPY, 1);
      Op test = copy;
      test.set(TO_BOOL, 0);
      const auto at = block->ops.begin() + static_cast<std::ptrdiff_t>(i);
      block->ops.insert(at, {copy, test});
      i += 2;
    }
  }
}

int Graph::stack_depth() {
  for (Block* block = entry_; block; block = block->next) block->start_depth = -1;
  std::vector<Block*> todo{entry_};
  entry_->start_depth = 0;
  int most = 0;
  bool good = true;
  auto push = [&](Block* block, int depth) {
    if (block->start_depth < 0) {
      block->start_depth = depth;
      todo.push_back(block);
    } else if (block->start_depth != depth) {
      good = false;
    }
  };
  while (!todo.empty() && good) {
    Block* block = todo.back();
    todo.pop_back();
    int depth = block->start_depth;
    bool falls = true;
    for (const Op& op : block->ops) {
      const int effect = stack_effect(op.opcode, op.oparg, false);
      if (effect == kNoEffect || depth + effect < 0) {
        raise(PyExc_SystemError, "compiler: wrong stack effect of %s", opcode_name(op.opcode));
        return -1;
      }
      most = std::max(most, depth + effect);
      if (op.target && op.opcode != END_ASYNC_FOR) {
        const int at_target = depth + stack_effect(op.opcode, op.oparg, true);
        most = std::max(most, at_target);
        push(op.target, at_target);
      }
      depth += effect;
      if (ends_block_for_good(op.opcode)) {
        falls = false;
        break;
      }
    }
    if (falls && block->next) push(block->next, depth);
  }
  if (!good) {
    raise(PyExc_SystemError, "compiler: the stack's depth differs by the way that is taken");
    return -1;
  }
  return most;
}

// Cells and free variables get their places after the locals; a parameter that is a cell has the parameter's place.
int Graph::place_cells(int flags) {
  const auto locals = static_cast<int>(unit_.varnames.size());
  const auto cells = static_cast<int>(unit_.cellvars.size());
  const auto frees = static_cast<int>(unit_.freevars.size());
  std::vector<int> place(static_cast<size_t>(cells + frees));
  for (int i = 0; i < cells + frees; ++i) place[static_cast<size_t>(i)] = locals + i;
  for (const auto& cell : unit_.cellvars)
    if (const int* local = unit_.varnames.find(cell.name)) place[static_cast<size_t>(cell.value)] = *local;

  // The code begins with what sets the frame up.
  std::vector<Op> prefix;
  auto add = [&](int opcode, int oparg, const Location& location) {
    Op op;
    op.set(opcode, oparg);
    op.location = location;
    prefix.push_back(op);
  };
  if (frees) add(COPY_FREE_VARS, frees, kNoLocation);
  std::vector<std::pair<int, int>> sorted;
  for (int i = 0; i < cells; ++i) sorted.push_back({place[static_cast<size_t>(i)], i});
  std::sort(sorted.begin(), sorted.end());
  for (const auto& cell : sorted) add(MAKE_CELL, cell.second, kNoLocation);
  if (flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) {
    const Location head = {unit_.first_line, -1, unit_.first_line, -1};
    add(RETURN_GENERATOR, 0, head);
    add(POP_TOP, 0, head);
  }
  entry_->ops.insert(entry_->ops.begin(), prefix.begin(), prefix.end());

  int dropped = 0;
  for (int i = 0; i < cells + frees; ++i) {
    int& at = place[static_cast<size_t>(i)];
    if (at == locals + i) at -= dropped;
    else ++dropped;
  }
  for (Block* block = entry_; block; block = block->next) {
    for (Op& op : block->ops) {
      switch (op.opcode) {
        case MAKE_CELL:
        case LOAD_CLOSURE:
        case LOAD_DEREF:
        case STORE_DEREF:
        case DELETE_DEREF:
        case LOAD_FROM_DICT_OR_DEREF: op.oparg = place[static_cast<size_t>(op.oparg)]; break;
        default: break;
      }
    }
  }
  return locals + cells + frees - dropped;
}

void Graph::lower_pseudo_instructions() {
  for (Block* block = entry_; block; block = block->next) {
    for (Op& op : block->ops) {
      if (is_block_push(op.opcode)) op.clear();
      else if (op.opcode == LOAD_CLOSURE) op.opcode = LOAD_FAST;
      else if (op.opcode == STORE_FAST_MAYBE_NULL) op.opcode = STORE_FAST;
    }
  }
  remove_redundant_nops();
}

namespace {

int opposite(int opcode) {
  switch (opcode) {
    case POP_JUMP_IF_FALSE: return POP_JUMP_IF_TRUE;
    case POP_JUMP_IF_TRUE: return POP_JUMP_IF_FALSE;
    case POP_JUMP_IF_NONE: return POP_JUMP_IF_NOT_NONE;
    case POP_JUMP_IF_NOT_NONE: return POP_JUMP_IF_NONE;
    default: return 0;
  }
}

}  // namespace

// Conditional jumps only go forward; the order of the blocks is final now.
void Graph::normalize_jumps() {
  clear_visited();
  for (Block* block = entry_; block; block = block->next) {
    block->visited = true;
    Op* last = block->last();
    if (!last || !opposite(last->opcode)) continue;
    Op not_taken;
    not_taken.set(NOT_TAKEN, 0);
    not_taken.location = last->location;
    if (!last->target->visited) {
      block->append(not_taken);
      continue;
    }
    Block* back = new_block();
    Op jump;
    jump.set(JUMP, 0);
    jump.location = last->location;
    jump.target = last->target;
    back->ops = {not_taken, jump};
    back->start_depth = last->target->start_depth;
    back->cold = block->cold;
    back->next = block->next;
    last->opcode = opposite(last->opcode);
    last->target = block->next;
    block->next = back;
  }
  clear_visited();
  for (Block* block = entry_; block; block = block->next) {
    block->visited = true;
    for (Op& op : block->ops) {
      if (op.opcode != JUMP && op.opcode != JUMP_NO_INTERRUPT) continue;
      const bool backward = op.target->visited;
      if (!backward) op.opcode = JUMP_FORWARD;
      else op.opcode = op.opcode == JUMP ? JUMP_BACKWARD : JUMP_BACKWARD_NO_INTERRUPT;
    }
  }
}

}  // namespace ks::compiler
