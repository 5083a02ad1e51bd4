// The stages of the compiler by themselves, as CPython's own tests of them want them: instruction sequences as objects, code
// generation without assembling, optimisation and assembling of a sequence.
#include <algorithm>

#include "compiler/codegen.h"
#include "compiler/compile.h"
#include "compiler/graph.h"
#include "compiler/preprocess.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "syntax/arena.h"

extern "C" PyTypeObject _PyInstructionSequence_Type;

namespace ks::compiler {

struct SequenceObject {
  PyObject_HEAD
  InstructionSequence* code;
  PyObject* nested;  // list
  int last_label;
  bool resolved;     // operands of jumps are indices, no labels
};

namespace {

// What the operand of a jump to a label shows that was never placed.
constexpr int kUnplaced = -111;
constexpr size_t kMostLabels = 1 << 20;

SequenceObject* self_of(PyObject* o) { return as<SequenceObject>(o); }

Ref<> new_sequence() {
  auto* self = PyObject_GC_New(SequenceObject, &_PyInstructionSequence_Type);
  if (!self) return nullptr;
  self->nested = nullptr;
  self->last_label = 0;
  self->resolved = false;
  self->code = new InstructionSequence;
  PyObject_GC_Track(self);
  return Ref<>::steal(object(self));
}

// Takes a sequence of the code generator over, with those of the functions in it.
Ref<> sequence_object(std::unique_ptr<InstructionSequence> code) {
  Ref<> result = TRY(new_sequence());
  SequenceObject* self = self_of(result);
  for (auto& inner : code->nested) {
    Ref<> nested = TRY(sequence_object(std::move(inner)));
    if (!self->nested) self->nested = TRY(PyList_New(0));
    TRY(status(PyList_Append(self->nested, nested)));
  }
  code->nested.clear();
  delete std::exchange(self->code, code.release());
  return result;
}

void resolve_labels(SequenceObject* self) {
  if (std::exchange(self->resolved, true)) return;
  const std::vector<int>& places = self->code->label_positions;
  if (places.empty()) return;  // without labels, operands are indices already
  for (Instruction& instruction : self->code->instructions) {
    if (!has_target(instruction.opcode)) continue;
    const auto label = static_cast<size_t>(instruction.oparg);
    const bool placed = instruction.oparg >= 0 && label < places.size() && places[label] >= 0;
    instruction.oparg = placed ? places[label] : kUnplaced;
  }
}

PyObject* sequence_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) || (kwargs && PyDict_GET_SIZE(kwargs)))
    return raise(PyExc_TypeError, "InstructionSequenceType() takes no %s arguments", PyTuple_GET_SIZE(args) ? "positional" : "keyword");
  return new_sequence().release();
}
void sequence_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  delete self_of(o)->code;
  Py_CLEAR(self_of(o)->nested);
  PyObject_GC_Del(o);
}
int sequence_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(self_of(o)->nested);
  return 0;
}
int sequence_clear(PyObject* o) {
  Py_CLEAR(self_of(o)->nested);
  return 0;
}

Status sequence_addop(PyObject* o, int opcode, int oparg, int lineno, int col_offset, int end_lineno, int end_col_offset) {
  // As in the reference, the second place is taken for the end's line and the third for the column.
  self_of(o)->code->instructions.push_back({opcode, oparg, {lineno, end_lineno, col_offset, end_col_offset}});
  return Status::Ok;
}
METHOD(sequence, addop, "($self, /, opcode, oparg, lineno, col_offset, end_lineno, end_col_offset)", "Append an instruction.");

int sequence_new_label(PyObject* o) { return ++self_of(o)->last_label; }
METHOD(sequence, new_label, "($self, /)", "Return a new label.");

Status sequence_use_label(PyObject* o, int label) {
  std::vector<int>& places = self_of(o)->code->label_positions;
  if (label < 0 || static_cast<size_t>(label) > kMostLabels) return Status::Ok;
  if (places.size() <= static_cast<size_t>(label)) places.resize(static_cast<size_t>(label) + 1, -1);
  places[static_cast<size_t>(label)] = static_cast<int>(self_of(o)->code->instructions.size());
  return Status::Ok;
}
METHOD(sequence, use_label, "($self, /, label)", "Place label at current location.");

Status sequence_add_nested(PyObject* o, PyObject* nested) {
  if (!Py_IS_TYPE(nested, &_PyInstructionSequence_Type))
    return raise(PyExc_TypeError, "expected an instruction sequence, not %T", Py_TYPE(nested));
  if (!self_of(o)->nested) self_of(o)->nested = TRY(PyList_New(0));
  return status(PyList_Append(self_of(o)->nested, nested));
}
METHOD(sequence, add_nested, "($self, /, nested)", "Add a nested sequence.");

PyObject* sequence_get_nested(PyObject* o) {
  if (!self_of(o)->nested) self_of(o)->nested = PyList_New(0);
  return Py_XNewRef(self_of(o)->nested);
}
METHOD(sequence, get_nested, "($self, /)", "Add a nested sequence.");

Ref<> sequence_get_instructions(PyObject* o) {
  resolve_labels(self_of(o));
  Ref<> list = TRY(steal(PyList_New(0)));
  for (const Instruction& instruction : self_of(o)->code->instructions) {
    Ref<> oparg = (opcode_flags(instruction.opcode) & kArg) ? steal(PyLong_FromLong(instruction.oparg)) : borrow(Py_None);
    if (!oparg) return failed;
    const Location& at = instruction.location;
    Ref<> row = TRY(steal(Py_BuildValue("(iOiiii)", instruction.opcode, oparg.get(), at.lineno, at.end_lineno, at.col_offset, at.end_col_offset)));
    TRY(status(PyList_Append(list, row)));
  }
  return list;
}
METHOD(sequence, get_instructions, "($self, /)", "Return the instructions as a list of tuples or labels.");

PyMethodDef sequence_methods[] = {sequence_addop_method,      sequence_new_label_method,  sequence_use_label_method,
                                  sequence_add_nested_method, sequence_get_nested_method, sequence_get_instructions_method,
                                  {nullptr, nullptr, 0, nullptr}};

// A copy with labels as the graph wants them: label i is at index i.
Status copy_for_graph(PyObject* o, InstructionSequence* out) {
  SequenceObject* self = self_of(o);
  resolve_labels(self);
  out->instructions = self->code->instructions;
  for (size_t i = 0; i < out->instructions.size(); ++i) out->label_positions.push_back(static_cast<int>(i));
  for (const Instruction& instruction : out->instructions)
    if (has_target(instruction.opcode) && (instruction.oparg < 0 || static_cast<size_t>(instruction.oparg) >= out->instructions.size()))
      return raise(PyExc_ValueError, "an instruction jumps to nowhere");
  return Status::Ok;
}

}  // namespace

}  // namespace ks::compiler

PyTypeObject _PyInstructionSequence_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "InstructionSequence",
    .tp_basicsize = sizeof(ks::compiler::SequenceObject),
    .tp_dealloc = ks::compiler::sequence_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "InstructionSequenceType()\n--\n\nCreate a new InstructionSequence object.",
    .tp_traverse = ks::compiler::sequence_traverse,
    .tp_clear = ks::compiler::sequence_clear,
    .tp_methods = ks::compiler::sequence_methods,
    .tp_new = ks::compiler::sequence_new,
};

namespace ks::compiler {

// The instructions of an optimised graph, with indices for jumps.
static Ref<> sequence_of_graph(Graph& graph) {
  auto code = std::make_unique<InstructionSequence>();
  std::vector<std::pair<size_t, const Block*>> jumps;
  for (Block* block = graph.entry(); block; block = block->next) {
    block->position = static_cast<int>(code->instructions.size());
    for (const Op& op : block->ops) {
      if (has_target(op.opcode)) jumps.push_back({code->instructions.size(), op.target});
      code->instructions.push_back({op.opcode, op.oparg, op.location});
    }
  }
  for (const auto& [index, target] : jumps) code->instructions[index].oparg = target->position;
  Ref<> result = TRY(sequence_object(std::move(code)));
  self_of(result)->resolved = true;
  return result;
}

// The names of a dict {name: index}, in the order of the indices.
static Status read_names(PyObject* dict, syntax::Arena& arena, NameMap<int>* out) {
  if (!dict || !PyDict_Check(dict)) return raise(PyExc_TypeError, "expected a dict of names");
  std::vector<std::pair<int, Identifier>> names;
  Py_ssize_t at = 0;
  PyObject *key, *value;
  while (PyDict_Next(dict, &at, &key, &value)) {
    const int index = PyLong_AsInt(value);
    if (index == -1 && PyErr_Occurred()) return failed;
    Py_ssize_t size;
    const char* text = TRY(PyUnicode_AsUTF8AndSize(key, &size));
    names.push_back({index, TRY(arena.identifier(text, size))});
  }
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [index, name] : names) out->at(name, index);
  return Status::Ok;
}

// CPython's struct of this name; of its dicts each maps to indices.
struct UnitMetadata {
  PyObject *u_name, *u_qualname, *u_consts, *u_names, *u_varnames, *u_cellvars, *u_freevars, *u_fasthidden;
  Py_ssize_t u_argcount, u_posonlyargcount, u_kwonlyargcount;
  int u_firstlineno;
};

}  // namespace ks::compiler

using namespace ks;
using namespace ks::compiler;

// New reference: an empty instruction sequence; NULL with MemoryError.
KS_EXPORT PyObject* _PyInstructionSequence_New() { return new_sequence().release(); }

// New reference: the docstring without the indentation that its lines share.
KS_EXPORT PyObject* _PyCompile_CleanDoc(PyObject* doc) { return clean_docstring(doc).release(); }

// New reference: (instruction sequence, {"argcount": ..., "consts": [...]}) of a tree that is not assembled.
KS_EXPORT PyObject* _PyCompile_CodeGen(PyObject* tree_object, PyObject* filename, PyCompilerFlags* flags, int optimize, int mode) {
  syntax::Arena arena;
  static constexpr int kStarts[] = {Py_file_input, Py_eval_input, Py_single_input, Py_func_type_input};
  if (mode < 0 || mode >= 4) return raise(PyExc_ValueError, "invalid compile mode");
  syntax::Module* tree = TRY(syntax::tree_from_object(tree_object, kStarts[mode], arena));
  std::unique_ptr<InstructionSequence> code;
  Ref<> metadata = TRY(generate_only(tree, {.filename = filename, .flags = flags ? flags->cf_flags : 0, .optimize = optimize}, arena, &code));
  Ref<> sequence = TRY(sequence_object(std::move(code)));
  resolve_labels(self_of(sequence));
  return PyTuple_Pack(2, sequence.get(), metadata.get());
}

// New reference: the optimised sequence; what `consts` (a list) holds is folded and thinned out in place.
KS_EXPORT PyObject* _PyCompile_OptimizeCfg(PyObject* sequence, PyObject* consts, int nlocals) {
  if (!Py_IS_TYPE(sequence, &_PyInstructionSequence_Type)) return raise(PyExc_ValueError, "expected an instruction sequence");
  if (!PyList_Check(consts)) return raise(PyExc_TypeError, "consts must be a list");
  InstructionSequence code;
  TRY(copy_for_graph(sequence, &code));
  for (const Instruction& instruction : code.instructions)
    if ((opcode_flags(instruction.opcode) & kConst) && (instruction.oparg < 0 || instruction.oparg >= PyList_GET_SIZE(consts)))
      return raise(PyExc_ValueError, "constant index %d is out of range for %zd constants", instruction.oparg, PyList_GET_SIZE(consts));
  Ref<> cache = TRY(steal(PyDict_New()));
  Unit unit;
  Graph graph(unit, cache);
  graph.use_constants(borrow(consts));
  TRY(graph.build(code));
  TRY(optimize_graph(graph, nlocals, 0));
  graph.borrow_locals();
  return sequence_of_graph(graph).release();
}

// New reference: the code object of optimised instructions; `metadata` is CPython's struct.
KS_EXPORT PyCodeObject* _PyCompile_Assemble(void* metadata, PyObject* filename, PyObject* sequence) {
  if (!Py_IS_TYPE(sequence, &_PyInstructionSequence_Type)) return raise(PyExc_TypeError, "expected an instruction sequence");
  const auto& given = *static_cast<const UnitMetadata*>(metadata);
  syntax::Arena arena;
  Unit unit;
  unit.name = given.u_name;
  unit.qualname = given.u_qualname;
  unit.first_line = given.u_firstlineno;
  unit.positional_only_count = static_cast<int>(given.u_posonlyargcount);
  unit.argument_count = static_cast<int>(given.u_argcount);
  unit.keyword_only_count = static_cast<int>(given.u_kwonlyargcount);
  TRY(read_names(given.u_names, arena, &unit.names));
  TRY(read_names(given.u_varnames, arena, &unit.varnames));
  TRY(read_names(given.u_cellvars, arena, &unit.cellvars));
  TRY(read_names(given.u_freevars, arena, &unit.freevars));
  NameMap<int> hidden;
  TRY(read_names(given.u_fasthidden, arena, &hidden));
  for (const auto& name : hidden) unit.fast_hidden.at(name.name) = name.value != 0;
  Ref<> consts = TRY(steal(PyList_New(0)));
  if (PyDict_Check(given.u_consts)) {
    std::vector<std::pair<long, PyObject*>> values;
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (PyDict_Next(given.u_consts, &at, &key, &value)) values.push_back({PyLong_AsLong(value), key});
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [index, constant] : values) {
      // Keys of the compiler's own tables are tuples with the constant as second item.
      const bool wrapped = PyTuple_CheckExact(constant) && PyTuple_GET_SIZE(constant) == 2;
      TRY(status(PyList_Append(consts, wrapped ? PyTuple_GET_ITEM(constant, 1) : constant)));
    }
  }
  InstructionSequence code;
  TRY(copy_for_graph(sequence, &code));
  Ref<> cache = TRY(steal(PyDict_New()));
  Graph graph(unit, cache);
  graph.use_constants(std::move(consts));
  TRY(graph.build(code));
  graph.label_exception_targets();
  return assemble_graph(graph, unit, 0, filename, nullptr).release();
}

// New reference: the name of an operand of CALL_INTRINSIC_1 or _2; NULL with SystemError for others.
static PyObject* intrinsic_name(const char* which, int index) {
  Ref<> module = TRY(steal(PyImport_ImportModule("_opcode")));
  Ref<> names = TRY(steal(PyObject_CallMethod(module, which, nullptr)));
  if (index < 0 || index >= PyList_GET_SIZE(names.get())) return nullptr;
  return Py_NewRef(PyList_GET_ITEM(names.get(), index));
}
KS_EXPORT PyObject* _PyCompile_GetUnaryIntrinsicName(int index) { return intrinsic_name("get_intrinsic1_descs", index); }
KS_EXPORT PyObject* _PyCompile_GetBinaryIntrinsicName(int index) { return intrinsic_name("get_intrinsic2_descs", index); }

static bool has_effect(int opcode) { return opcode_exists(opcode) && stack_effect(opcode, 0, false) != kNoEffect; }

// The change of the stack's height, the larger one of jumping and not; PY_INVALID_STACK_EFFECT where there is none.
int PyCompile_OpcodeStackEffect(int opcode, int oparg) {
  if (!has_effect(opcode)) return PY_INVALID_STACK_EFFECT;
  return std::max(stack_effect(opcode, oparg, false), stack_effect(opcode, oparg, true));
}
// The same with jump 0 or 1 (or -1 for either).
int PyCompile_OpcodeStackEffectWithJump(int opcode, int oparg, int jump) {
  if (jump < 0) return PyCompile_OpcodeStackEffect(opcode, oparg);
  return has_effect(opcode) ? stack_effect(opcode, oparg, jump != 0) : PY_INVALID_STACK_EFFECT;
}
