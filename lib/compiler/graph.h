// The flow graph of one code object: basic blocks in the order in which they will lie in the code.
//
// The passes are spread over graph.cpp (building, reachability, order), graph_fold.cpp (constants and peephole),
// graph_lines.cpp (line numbers), graph_locals.cpp (what is known of local variables), graph_lower.cpp (pseudo instructions
// to real ones). flow_graph.cpp runs them in order, assemble.cpp writes the bytes.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "compiler/unit.h"

namespace ks::compiler {

struct Block;

struct Op {
  int opcode = NOP;
  int oparg = 0;
  Location location = kNoLocation;
  Block* target = nullptr;   // where it jumps
  Block* handler = nullptr;  // where an exception in it goes

  void set(int new_opcode, int new_oparg) {
    opcode = new_opcode;
    oparg = new_oparg;
  }
  void clear() {
    set(NOP, 0);
    target = nullptr;
  }
  bool is_jump() const { return opcode_flags(opcode) & kJump; }
};

struct Block {
  std::vector<Op> ops;
  Block* next = nullptr;
  int id = 0;                  // of its making: the exception table merges by it
  bool labelled = false;       // something may jump here
  bool is_handler = false;
  bool keeps_lasti = false;    // its handler wants the raising instruction's offset
  bool warm = false;
  bool cold = false;
  bool visited = false;
  int predecessors = 0;
  int start_depth = -1;
  uint64_t unsafe_locals = 0;  // bit i: local i may be unbound at the start
  int position = 0;            // assembler: units from the start of the code

  // As the reference, where an appended instruction takes over the handler that the last one to lie in its place had:
  // what removed instructions leave behind decides where the exception table is split.
  std::vector<Block*> left_behind;
  void shrink(size_t size) {
    if (left_behind.size() < ops.size()) left_behind.resize(ops.size());
    for (size_t i = size; i < ops.size(); ++i) left_behind[i] = ops[i].handler;
    ops.resize(size);
  }
  void append(Op op) {
    op.handler = ops.size() < left_behind.size() ? left_behind[ops.size()] : nullptr;
    ops.push_back(op);
  }

  Op* last() { return ops.empty() ? nullptr : &ops.back(); }
  bool falls_through() const { return ops.empty() || !ends_block_for_good(ops.back().opcode); }
  bool exits_scope() const { return !ops.empty() && is_scope_exit(ops.back().opcode); }
  bool has_no_line() const {
    for (const Op& op : ops)
      if (op.location.lineno > 0) return false;
    return true;
  }
};

inline Block* next_nonempty(Block* block) {
  while (block && block->ops.empty()) block = block->next;
  return block;
}

class Graph {
 public:
  Graph(Unit& unit, PyObject* constant_cache) : unit_(unit), constant_cache_(constant_cache) {}

  // ---- graph.cpp ----
  // A list to take the constants from, and to keep them in, instead of the unit's.
  void use_constants(Ref<> list) { constants_ = std::move(list); }
  Status build(InstructionSequence& code);
  void label_exception_targets();
  void remove_unreachable();
  void inline_small_blocks();
  void remove_redundant_nops_and_pairs();
  void remove_redundant_nops_and_jumps();
  int remove_redundant_nops();
  void push_cold_blocks_to_end();

  // ---- graph_fold.cpp ----
  Status fold_constant_loads();
  Status optimize_blocks();
  Status remove_unused_constants();

  // ---- graph_lines.cpp ----
  void resolve_line_numbers();

  // ---- graph_locals.cpp ----
  void check_unbound_locals(int local_count, int parameter_count);
  void make_superinstructions();
  void borrow_locals();

  // ---- graph_lower.cpp ----
  void lower_conditional_jumps();
  int stack_depth();  // -1 with SystemError
  // The number of locals, cells and free variables.
  int place_cells(int flags);
  void lower_pseudo_instructions();
  void normalize_jumps();

  Block* entry() { return entry_; }
  PyObject* constant_cache() { return constant_cache_; }
  Ref<>& constants() { return constants_; }

 private:
  Block* new_block() {
    blocks_.push_back(std::make_unique<Block>());
    blocks_.back()->id = static_cast<int>(blocks_.size());
    return blocks_.back().get();
  }
  void clear_visited() {
    for (Block* block = entry_; block; block = block->next) block->visited = false;
  }
  int remove_redundant_jumps();
  void mark_warm_and_cold();
  bool inline_small_block(Block* block);

  PyObject* constant_of(const Op& op);  // new reference; of LOAD_CONST and LOAD_SMALL_INT
  Py_ssize_t constant_index(Ref<> value);
  Status make_load(Op* op, Ref<> value);
  bool shrink_to_small_int(Op* op);
  bool constant_loads_before(Block* block, int at, int count, std::vector<Op*>* out);
  Status fold_tuple(Block* block, int at);
  Status fold_list_to_tuple(Block* block, int at);
  Status fold_list_or_set(Block* block, int at, int next_opcode);
  Status fold_unary(Block* block, int at);
  Status fold_binary(Block* block, int at);
  Status fold_constant_loads(Block* block);
  Status optimize_block(Block* block);
  bool thread_jump(Block* block, int at, int opcode);
  void duplicate_exits_without_line();
  void propagate_lines();

  Unit& unit_;
  PyObject* constant_cache_;
  Ref<> constants_;       // list
  Ref<> constant_slots_;  // dict: key -> index
  std::vector<std::unique_ptr<Block>> blocks_;
  Block* entry_ = nullptr;
};

// Constant operations with the compiler's limits on the size of results; nullptr without an exception where there is none.
Ref<> fold_binary_operation(int operation, PyObject* left, PyObject* right);

struct AssembleInput {
  int flags;
  PyObject* filename;
  Identifier first_local_name;
  int stack_size;
  int local_count;  // locals, cells and free variables
};
Ref<PyCodeObject> assemble(Graph& graph, Unit& unit, const AssembleInput& input);

}  // namespace ks::compiler
