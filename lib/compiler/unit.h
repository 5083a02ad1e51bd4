// What the compiler knows while it generates one code object: instructions, names, constants, blocks.
#pragma once

#include <Python.h>

#include <memory>
#include <string>
#include <vector>

#include "compiler/names.h"
#include "compiler/opcodes.h"
#include "compiler/symbols.h"
#include "object/result.h"

namespace ks::compiler {

using Location = syntax::Position;
inline constexpr Location kNoLocation = {-1, -1, -1, -1};    // takes the location of what comes before
inline constexpr Location kNextLocation = {-2, -2, -2, -2};  // takes the location of what comes next
inline bool same_location(const Location& a, const Location& b) {
  return a.lineno == b.lineno && a.end_lineno == b.end_lineno && a.col_offset == b.col_offset &&
         a.end_col_offset == b.end_col_offset;
}

// A place to jump to.
struct Label {
  int id = -1;
  explicit operator bool() const { return id >= 0; }
  bool operator==(const Label& other) const { return id == other.id; }
};

struct Instruction {
  int opcode;
  int oparg;  // of jumps: the label's id
  Location location;
};

// Instructions in order, and where the labels are.
struct InstructionSequence {
  std::vector<Instruction> instructions;
  std::vector<int> label_positions;             // -1: not placed yet
  std::vector<std::unique_ptr<InstructionSequence>> nested;  // of functions in it, where somebody wants to see them
  std::unique_ptr<InstructionSequence> annotations;  // what takes the place of ANNOTATIONS_PLACEHOLDER

  Label new_label() {
    label_positions.push_back(-1);
    return {static_cast<int>(label_positions.size()) - 1};
  }
  void place(Label label) { label_positions[static_cast<size_t>(label.id)] = static_cast<int>(instructions.size()); }
  void insert(size_t at, const Instruction& instruction) {
    instructions.insert(instructions.begin() + static_cast<std::ptrdiff_t>(at), instruction);
    for (int& position : label_positions)
      if (position >= static_cast<int>(at)) ++position;
  }
};

enum class UnitType { Module, Class, Function, AsyncFunction, Lambda, Comprehension, Annotations, TypeParameters };

enum class BlockType {
  WhileLoop, ForLoop, AsyncForLoop, TryExcept, FinallyTry, FinallyEnd, With, AsyncWith, HandlerCleanup, PopValue,
  ExceptionHandler, ExceptionGroupHandler, InlinedComprehension, AsyncComprehension, StopIteration
};

// A block of statements that control can leave early.
struct FrameBlock {
  BlockType type;
  Label start;
  Label exit;
  Location location;
  const syntax::Sequence<syntax::Statement*>* final_body = nullptr;  // of FinallyTry
  Identifier name = nullptr;                                         // of HandlerCleanup
};

// The constants of a code object, merged by type and value.
class ConstantTable {
 public:
  // The constant's index; `cache` shares equal constants among the code objects of a compilation. -1 with an exception.
  Py_ssize_t add(PyObject* constant, PyObject* cache);
  // The constants in order, as a new list.
  Ref<> as_list() const;

 private:
  Ref<> keys_;  // dict: key -> index
};

struct Unit {
  Scope* scope = nullptr;
  UnitType type = UnitType::Module;
  Identifier class_name = nullptr;  // for private names
  Identifier name = nullptr;
  Identifier qualname = nullptr;
  int first_line = 0;
  int argument_count = 0;
  int positional_only_count = 0;
  int keyword_only_count = 0;
  ConstantTable constants;
  NameMap<int> names;
  NameMap<int> varnames;
  NameMap<int> cellvars;
  NameMap<int> freevars;
  NameMap<bool> fast_hidden;  // outside functions: iteration variables of inlined comprehensions
  NameSet static_attributes;  // of a class: what its methods assign to self
  int inlined_depth = 0;      // inside how many inlined comprehensions
  bool in_conditional_block = false;
  struct DeferredAnnotation {
    const syntax::AnnAssign* node;
    int index;  // of its entry in __conditional_annotations__; -1: unconditional
  };
  std::vector<DeferredAnnotation> deferred_annotations;
  int next_conditional_index = 0;
  std::vector<FrameBlock> blocks;
  std::unique_ptr<InstructionSequence> code = std::make_unique<InstructionSequence>();
  int line_of_first_instruction = 0;
};

// The key under which equal constants of a compilation are one (new reference): a tuple whose second item is the shared
// constant, or the constant itself. See codegen.cpp.
Ref<> merged_constant_key(PyObject* constant, PyObject* cache);

inline int index_of(NameMap<int>& names, Identifier name) { return names.at(name, static_cast<int>(names.size())); }

}  // namespace ks::compiler
