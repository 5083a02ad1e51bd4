// Building the graph, what can be reached, and the order of the blocks.
#include <algorithm>

#include "compiler/graph.h"

namespace ks::compiler {

// ---- building --------------------------------------------------------------------------------------------------------

namespace {

// Instructions with labels resolved to indices; the annotations are put where their placeholder is.
std::vector<Instruction> flatten(InstructionSequence& code) {
  std::vector<Instruction> result;
  std::vector<int> new_index(code.instructions.size() + 1);
  std::vector<bool> own;  // does the target index refer to the outer sequence?
  for (size_t i = 0; i < code.instructions.size(); ++i) {
    new_index[i] = static_cast<int>(result.size());
    const Instruction& instruction = code.instructions[i];
    if (instruction.opcode != ANNOTATIONS_PLACEHOLDER) {
      result.push_back(instruction);
      own.push_back(true);
    } else if (code.annotations) {
      for (Instruction inner : flatten(*code.annotations)) {
        if (has_target(inner.opcode)) inner.oparg += new_index[i];
        result.push_back(inner);
        own.push_back(false);
      }
    }
  }
  new_index[code.instructions.size()] = static_cast<int>(result.size());
  for (size_t i = 0; i < result.size(); ++i) {
    if (!own[i] || !has_target(result[i].opcode)) continue;
    const int at = code.label_positions[static_cast<size_t>(result[i].oparg)];
    result[i].oparg = at < 0 ? -1 : new_index[static_cast<size_t>(at)];
  }
  return result;
}

}  // namespace

Status Graph::build(InstructionSequence& code) {
  const std::vector<Instruction> instructions = flatten(code);
  const size_t count = instructions.size();
  std::vector<bool> is_target(count + 1);
  for (const Instruction& instruction : instructions) {
    if (!has_target(instruction.opcode)) continue;
    if (instruction.oparg < 0 || static_cast<size_t>(instruction.oparg) >= count)
      return raise(PyExc_SystemError, "compiler: a jump to nowhere");
    is_target[static_cast<size_t>(instruction.oparg)] = true;
  }
  std::vector<Block*> block_at(count);
  Block* current = entry_ = new_block();
  auto start_block = [&] {
    Block* block = new_block();
    current->next = block;
    current = block;
  };
  for (size_t i = 0; i < count; ++i) {
    const Op* last = current->last();
    if (last && (last->is_jump() || is_scope_exit(last->opcode))) start_block();
    else if (is_target[i] && (last || current->labelled)) start_block();
    if (is_target[i]) current->labelled = true;
    block_at[i] = current;
    const Instruction& from = instructions[i];
    Op op;
    op.opcode = from.opcode;
    op.oparg = from.oparg;
    op.location = from.location;
    current->ops.push_back(op);
  }
  for (Block* block = entry_; block; block = block->next) {
    for (Op& op : block->ops) {
      if (!has_target(op.opcode)) continue;
      op.target = block_at[static_cast<size_t>(op.oparg)];
      op.oparg = 0;
      if (is_block_push(op.opcode)) op.target->is_handler = true;
    }
  }
  if (!constants_) constants_ = unit_.constants.as_list();
  return constants_ ? Status::Ok : Status::Error;
}

// ---- exception handlers ----------------------------------------------------------------------------------------------

// Walks the code as control may flow and notes for each instruction the handler that is on top. The pseudo instructions
// that enter blocks stay until the stack's depth is known.
void Graph::label_exception_targets() {
  clear_visited();
  using Stack = std::vector<Block*>;
  std::vector<std::pair<Block*, Stack>> todo;
  todo.push_back({entry_, {}});
  entry_->visited = true;
  while (!todo.empty()) {
    auto [block, stack] = std::move(todo.back());
    todo.pop_back();
    auto top = [&stack = stack] { return stack.empty() ? nullptr : stack.back(); };
    Block* handler = top();
    size_t depth_at_yield = 0;
    for (Op& op : block->ops) {
      op.handler = handler;
      if (is_block_push(op.opcode)) {
        op.handler = nullptr;
        if (!op.target->visited) {
          op.target->visited = true;
          todo.push_back({op.target, stack});
        }
        if (op.opcode != SETUP_FINALLY) op.target->keeps_lasti = true;
        stack.push_back(op.target);
        handler = top();
      } else if (op.opcode == POP_BLOCK) {
        if (!stack.empty()) stack.pop_back();
        handler = top();
        op.handler = nullptr;
        op.clear();
      } else if (op.is_jump()) {
        if (!op.target->visited) {
          op.target->visited = true;
          todo.push_back({op.target, stack});
        }
      } else if (op.opcode == YIELD_VALUE) {
        depth_at_yield = stack.size();
      } else if (op.opcode == RESUME && op.oparg != 0) {
        // Only the handler of the frame itself is around: closing the generator is quick then.
        if (depth_at_yield == 1) op.oparg |= 4;
        depth_at_yield = 0;
      }
    }
    if (block->falls_through() && block->next && !block->next->visited) {
      block->next->visited = true;
      todo.push_back({block->next, stack});
    }
  }
}

// ---- reachability ----------------------------------------------------------------------------------------------------

void Graph::remove_unreachable() {
  clear_visited();
  for (Block* block = entry_; block; block = block->next) block->predecessors = 0;
  std::vector<Block*> todo{entry_};
  entry_->predecessors = 1;
  entry_->visited = true;
  auto reach = [&](Block* block) {
    if (!block->visited) {
      block->visited = true;
      todo.push_back(block);
    }
    ++block->predecessors;
  };
  while (!todo.empty()) {
    Block* block = todo.back();
    todo.pop_back();
    if (block->next && block->falls_through()) reach(block->next);
    for (const Op& op : block->ops)
      if (op.target) reach(op.target);
  }
  for (Block* block = entry_; block; block = block->next) {
    if (block->predecessors) continue;
    block->ops.clear();
    block->is_handler = false;
  }
}

// A jump to a block that is short and leaves the code object, or that has no lines of its own and goes elsewhere: a copy
// of the block takes the jump's place.
bool Graph::inline_small_block(Block* block) {
  Op* last = block->last();
  if (!last || !is_unconditional_jump(last->opcode)) return false;
  Block* target = last->target;
  constexpr size_t kMostToCopy = 4;
  const bool small_exit = target->exits_scope() && target->ops.size() <= kMostToCopy;
  const bool no_line = target->has_no_line() && !target->falls_through();
  if (!small_exit && !no_line) return false;
  const int removed = last->opcode;
  last->clear();
  const std::vector<Op> copied = target->ops;
  block->ops.insert(block->ops.end(), copied.begin(), copied.end());
  if (no_line) {
    // Where the removed jump looked for signals, the new one has to.
    last = block->last();
    if (last && is_unconditional_jump(last->opcode) && removed == JUMP) last->opcode = JUMP;
  }
  --target->predecessors;
  return true;
}

void Graph::inline_small_blocks() {
  bool changed;
  do {
    changed = false;
    for (Block* block = entry_; block; block = block->next)
      if (inline_small_block(block)) changed = true;
  } while (changed);
}

// ---- NOPs and jumps that do nothing ----------------------------------------------------------------------------------

namespace {

// A NOP only stays where it alone stands for its line.
int remove_nops(Block* block) {
  std::vector<Op>& ops = block->ops;
  size_t kept = 0;
  int previous_line = -1;
  for (size_t i = 0; i < ops.size(); ++i) {
    const int line = ops[i].location.lineno;
    if (ops[i].opcode == NOP) {
      if (line == kNoLocation.lineno || line == previous_line) continue;
      if (i + 1 < ops.size()) {
        const int next_line = ops[i + 1].location.lineno;
        if (next_line == line) continue;
        if (next_line == kNoLocation.lineno) {
          ops[i + 1].location = ops[i].location;
          continue;
        }
      } else if (Block* next = next_nonempty(block->next)) {
        int next_line = kNoLocation.lineno;
        for (const Op& op : next->ops) {
          if (op.opcode == NOP && op.location.lineno == kNoLocation.lineno) continue;
          next_line = op.location.lineno;
          break;
        }
        if (next_line == line) continue;
      }
    }
    if (kept != i) ops[kept] = ops[i];
    ++kept;
    previous_line = line;
  }
  const int removed = static_cast<int>(ops.size() - kept);
  block->shrink(kept);
  return removed;
}

}  // namespace

int Graph::remove_redundant_nops() {
  int removed = 0;
  for (Block* block = entry_; block; block = block->next) removed += remove_nops(block);
  return removed;
}

// Values that are loaded only to be popped.
void Graph::remove_redundant_nops_and_pairs() {
  bool done;
  do {
    done = true;
    Op* op = nullptr;
    for (Block* block = entry_; block; block = block->next) {
      remove_nops(block);
      if (block->labelled) op = nullptr;
      for (Op& next : block->ops) {
        Op* previous = std::exchange(op, &next);
        if (next.opcode != POP_TOP || !previous) continue;
        const bool unused = previous->opcode == LOAD_CONST || previous->opcode == LOAD_SMALL_INT ||
                            (previous->opcode == COPY && previous->oparg == 1);
        if (!unused) continue;
        previous->clear();
        next.clear();
        done = false;
      }
      if ((op && op->is_jump()) || !block->falls_through()) op = nullptr;
    }
  } while (!done);
}

int Graph::remove_redundant_jumps() {
  int removed = 0;
  for (Block* block = entry_; block; block = block->next) {
    Op* last = block->last();
    if (!last || !is_unconditional_jump(last->opcode)) continue;
    if (next_nonempty(last->target) != next_nonempty(block->next)) continue;
    last->clear();
    ++removed;
  }
  return removed;
}

void Graph::remove_redundant_nops_and_jumps() {
  do remove_redundant_nops();
  while (remove_redundant_jumps());
}

// ---- cold blocks -----------------------------------------------------------------------------------------------------

// Warm is what is reached without an exception; cold what is only reached after one.
void Graph::mark_warm_and_cold() {
  clear_visited();
  std::vector<Block*> todo{entry_};
  entry_->visited = true;
  auto push = [&](Block* block) {
    if (block->visited) return;
    block->visited = true;
    todo.push_back(block);
  };
  while (!todo.empty()) {
    Block* block = todo.back();
    todo.pop_back();
    block->warm = true;
    if (block->next && block->falls_through()) push(block->next);
    for (const Op& op : block->ops)
      if (op.is_jump()) push(op.target);
  }
  clear_visited();
  for (Block* block = entry_; block; block = block->next)
    if (block->is_handler && !block->warm) push(block);
  while (!todo.empty()) {
    Block* block = todo.back();
    todo.pop_back();
    block->cold = true;
    if (block->next && block->falls_through() && !block->next->warm) push(block->next);
    for (const Op& op : block->ops)
      if (op.is_jump() && !op.target->warm) push(op.target);
  }
}

void Graph::push_cold_blocks_to_end() {
  if (!entry_->next) return;
  mark_warm_and_cold();
  // Falling out of a cold block into a warm one becomes a jump.
  for (Block* block = entry_; block; block = block->next) {
    if (!block->cold || !block->falls_through() || !block->next || !block->next->warm) continue;
    Block* jump = new_block();
    block->next->labelled = true;
    Op op;
    op.opcode = JUMP_NO_INTERRUPT;
    op.location = block->ops.empty() ? kNoLocation : block->ops.back().location;
    op.target = block->next;
    jump->ops.push_back(op);
    jump->cold = true;
    jump->next = block->next;
    jump->predecessors = 1;
    block->next = jump;
  }
  Block *warm_end = nullptr, *cold = nullptr, *cold_end = nullptr;
  for (Block *block = entry_, *next; block; block = next) {
    next = block->next;
    block->next = nullptr;
    if (block->cold) {
      (cold_end ? cold_end->next : cold) = block;
      cold_end = block;
    } else {
      if (warm_end) warm_end->next = block;
      warm_end = block;
    }
  }
  warm_end->next = cold;
  if (cold) remove_redundant_nops_and_jumps();
}

}  // namespace ks::compiler
