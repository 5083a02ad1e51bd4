// Lines for the instructions that have none of their own.
#include "compiler/graph.h"

namespace ks::compiler {
namespace {

bool may_be_interrupted(int opcode) {
  return opcode == CALL || opcode == CALL_KW || opcode == CALL_FUNCTION_EX || opcode == RESUME || opcode == JUMP || opcode == JUMP_BACKWARD;
}

// Leaves the code object, or can run a signal handler, and has no line that a traceback could show.
bool needs_line(const Block* block) {
  if (!block || !block->has_no_line()) return false;
  if (block->exits_scope()) return true;
  for (const Op& op : block->ops)
    if (may_be_interrupted(op.opcode)) return true;
  return false;
}

}  // namespace

// Such a block is copied for each jump to it, and takes the line of the jump.
void Graph::duplicate_exits_without_line() {
  for (Block* block = entry_; block; block = block->next) {
    Op* last = block->last();
    if (!last || !last->is_jump()) continue;
    Block* target = next_nonempty(last->target);
    if (!needs_line(target) || target->predecessors <= 1) continue;
    Block* copy = new_block();
    copy->ops = target->ops;
    copy->is_handler = target->is_handler;
    copy->keeps_lasti = target->keeps_lasti;
    copy->start_depth = target->start_depth;
    copy->ops[0].location = last->location;
    copy->predecessors = 1;
    copy->labelled = true;
    copy->next = target->next;
    target->next = copy;
    --target->predecessors;
    last->target = copy;
  }
  // What is left is only reached by falling into it.
  for (Block* block = entry_; block; block = block->next)
    if (block->falls_through() && block->next && !block->ops.empty() && !block->next->ops.empty() && needs_line(block->next))
      block->next->ops[0].location = block->ops.back().location;
}

void Graph::propagate_lines() {
  for (Block* block = entry_; block; block = block->next) {
    if (block->ops.empty()) continue;
    Location previous = kNoLocation;
    for (Op& op : block->ops) {
      if (op.location.lineno == kNoLocation.lineno) op.location = previous;
      else previous = op.location;
    }
    auto hand_on = [&](Block* to) {
      if (to && to->predecessors == 1 && !to->ops.empty() && to->ops[0].location.lineno == kNoLocation.lineno)
        to->ops[0].location = previous;
    };
    if (block->falls_through()) hand_on(block->next);
    if (block->last()->is_jump()) hand_on(block->last()->target);
  }
}

void Graph::resolve_line_numbers() {
  duplicate_exits_without_line();
  propagate_lines();
}

}  // namespace ks::compiler
