// The foundation of code generation: instructions with names and constants, units, frame blocks.
#include "compiler/codegen.h"

#include <algorithm>

#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

// ---- constants -------------------------------------------------------------------------------------------------------

// The key of a constant in the cache (new reference), whose items are shared too.
Ref<> merged_constant_key(PyObject* constant, PyObject* cache) {
  if (constant == Py_None || constant == Py_Ellipsis) return borrow(constant);
  Ref<> key = TRY(steal(_PyCode_ConstantKey(constant)));
  Ref<> known;
  const int present = PyDict_SetDefaultRef(cache, key, key, known.out());
  if (present < 0) return failed;
  if (present) return known;
  auto item_of = [](PyObject* item_key) { return PyTuple_CheckExact(item_key) ? PyTuple_GET_ITEM(item_key, 1) : item_key; };
  if (PyTuple_CheckExact(constant)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constant); ++i) {
      PyObject* item = PyTuple_GET_ITEM(constant, i);
      Ref<> item_key = TRY(merged_constant_key(item, cache));
      PyObject* shared = item_of(item_key.get());
      if (shared != item) {
        reinterpret_cast<PyTupleObject*>(constant)->ob_item[i] = Py_NewRef(shared);
        Py_DECREF(item);
      }
    }
  } else if (PyFrozenSet_CheckExact(constant) && PySet_GET_SIZE(constant) > 0) {
    Ref<> items = TRY(steal(PySequence_Tuple(constant)));
    Ref<> shared = TRY(steal(PyTuple_New(PyTuple_GET_SIZE(items.get()))));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
      Ref<> item_key = TRY(merged_constant_key(PyTuple_GET_ITEM(items.get(), i), cache));
      PyTuple_SET_ITEM(shared.get(), i, Py_NewRef(item_of(item_key.get())));
    }
    PyObject* set = PyFrozenSet_New(shared);
    if (!set) return failed;
    PyObject** slot = &reinterpret_cast<PyTupleObject*>(key.get())->ob_item[1];
    PyObject* old = *slot;
    *slot = set;
    Py_DECREF(old);
  }
  return key;
}

Py_ssize_t ConstantTable::add(PyObject* constant, PyObject* cache) {
  if (!keys_) {
    keys_ = steal(PyDict_New());
    if (!keys_) return -1;
  }
  Ref<> key = TRY(merged_constant_key(constant, cache));
  Ref<> known;
  if (PyDict_GetItemRef(keys_, key, known.out()) < 0) return -1;
  if (known) return PyLong_AsSsize_t(known);
  const Py_ssize_t index = PyDict_GET_SIZE(keys_.get());
  Ref<> number = TRY(steal(PyLong_FromSsize_t(index)));
  return PyDict_SetItem(keys_, key, number) < 0 ? -1 : index;
}

Ref<> ConstantTable::as_list() const {
  Ref<> list = TRY(steal(PyList_New(0)));
  if (!keys_) return list;
  Py_ssize_t at = 0;
  PyObject *key, *index;
  while (PyDict_Next(keys_, &at, &key, &index)) {
    PyObject* value = PyTuple_CheckExact(key) ? PyTuple_GET_ITEM(key, 1) : key;
    TRY(status(PyList_Append(list, value)));
  }
  return list;
}

// ---- instructions ----------------------------------------------------------------------------------------------------

Status Codegen::load_const(PyObject* value, const Location& at) {
  const Py_ssize_t index = unit().constants.add(value, constant_cache_);
  if (index < 0) return failed;
  emit(LOAD_CONST, static_cast<int>(index), at);
  return Status::Ok;
}

Status Codegen::mangled(Identifier name, Identifier* out) {
  *out = TRY(mangle_in(unit().scope, unit().class_name, name, arena_));
  return Status::Ok;
}

Status Codegen::emit_name(int opcode, Identifier name, const Location& at, int shift, int low) {
  TRY(mangled(name, &name));
  emit(opcode, index_of(unit().names, name) << shift | low, at);
  return Status::Ok;
}

Status Codegen::emit_attribute(int opcode, Identifier name, const Location& at, bool method) {
  if (opcode == LOAD_ATTR) return emit_name(opcode, name, at, 1, method);
  return emit_name(opcode, name, at);
}

// Loads, stores or deletes a variable, wherever it lives.
Status Codegen::name_operation(Identifier name, Context context, const Location& at) {
  TRY(mangled(name, &name));
  const Where where = scope().where(name);
  const bool function_like = scope().is_function_like();
  enum { kFast, kGlobal, kDeref, kName } access = kName;
  NameMap<int>* table = &unit().names;
  switch (where) {
    case Where::Free:
      access = kDeref;
      table = &unit().freevars;
      break;
    case Where::Cell:
      access = kDeref;
      table = &unit().cellvars;
      break;
    case Where::Local: {
      const bool* hidden = unit().fast_hidden.find(name);
      if (function_like || (hidden && *hidden)) access = kFast;
      break;
    }
    case Where::GlobalImplicit:
      if (function_like) access = kGlobal;
      break;
    case Where::GlobalExplicit:
      access = kGlobal;
      break;
    case Where::Unknown:
      break;
  }
  if (access == kFast) {
    emit(context == Context::Load ? LOAD_FAST : context == Context::Store ? STORE_FAST : DELETE_FAST,
         index_of(unit().varnames, name), at);
    return Status::Ok;
  }
  const int index = index_of(*table, name);
  int opcode = 0;
  const bool in_class = scope().type == ScopeType::Class;
  const bool inlined = unit().inlined_depth > 0;
  switch (access) {
    case kDeref:
      if (context != Context::Load) {
        opcode = context == Context::Store ? STORE_DEREF : DELETE_DEREF;
      } else if (in_class && !inlined) {
        opcode = LOAD_FROM_DICT_OR_DEREF;
        emit(LOAD_LOCALS, at);
      } else if (scope().can_see_class_scope) {
        opcode = LOAD_FROM_DICT_OR_DEREF;
        emit(LOAD_DEREF, index_of(unit().freevars, "__classdict__"_id), at);
      } else {
        opcode = LOAD_DEREF;
      }
      break;
    case kGlobal:
      if (context == Context::Load && scope().can_see_class_scope && where == Where::GlobalImplicit) {
        emit(LOAD_DEREF, index_of(unit().freevars, "__classdict__"_id), at);
        opcode = LOAD_FROM_DICT_OR_GLOBALS;
      } else {
        opcode = context == Context::Load ? LOAD_GLOBAL : context == Context::Store ? STORE_GLOBAL : DELETE_GLOBAL;
      }
      break;
    default:
      if (context == Context::Load) opcode = in_class && inlined ? LOAD_GLOBAL : LOAD_NAME;
      else opcode = context == Context::Store ? STORE_NAME : DELETE_NAME;
      break;
  }
  emit(opcode, opcode == LOAD_GLOBAL ? index << 1 : index, at);
  return Status::Ok;
}

void Codegen::emit_binary(Operator op, bool in_place, const Location& at) {
  static constexpr int kOperands[] = {binary::Add,       binary::Subtract,  binary::Multiply,   binary::MatrixMultiply, binary::TrueDivide,
                                      binary::Remainder, binary::Power,     binary::LeftShift,  binary::RightShift,     binary::Or,
                                      binary::Xor,       binary::And,       binary::FloorDivide};
  emit(BINARY_OP, kOperands[static_cast<int>(op)] + (in_place ? static_cast<int>(binary::InplaceAdd) : 0), at);
}

void Codegen::emit_compare(Comparison op, const Location& at) {
  // COMPARE_OP has the operation above bit 4 and, below, for which of unordered, less, greater, equal it is true.
  struct Compare {
    int operation, mask;
  };
  static constexpr int kUnordered = 1, kLess = 2, kGreater = 4, kEqual = 8;
  switch (op) {
    case Comparison::Eq: return emit(COMPARE_OP, Py_EQ << 5 | kEqual, at);
    case Comparison::NotEq: return emit(COMPARE_OP, Py_NE << 5 | kUnordered | kLess | kGreater, at);
    case Comparison::Lt: return emit(COMPARE_OP, Py_LT << 5 | kLess, at);
    case Comparison::LtE: return emit(COMPARE_OP, Py_LE << 5 | kLess | kEqual, at);
    case Comparison::Gt: return emit(COMPARE_OP, Py_GT << 5 | kGreater, at);
    case Comparison::GtE: return emit(COMPARE_OP, Py_GE << 5 | kGreater | kEqual, at);
    case Comparison::Is: return emit(IS_OP, 0, at);
    case Comparison::IsNot: return emit(IS_OP, 1, at);
    case Comparison::In: return emit(CONTAINS_OP, 0, at);
    case Comparison::NotIn: return emit(CONTAINS_OP, 1, at);
  }
}

// Operands of RESUME: where the frame goes on.
static constexpr int kResumeAtStart = 0, kResumeAfterYield = 1, kResumeAfterYieldFrom = 2, kResumeAfterAwait = 3;

void Codegen::emit_yield(const Location& at) {
  if (scope().generator && scope().coroutine) emit(CALL_INTRINSIC_1, intrinsic::AsyncGenWrap, at);
  emit(YIELD_VALUE, 0, at);
  emit(RESUME, kResumeAfterYield, at);
}

// Delegates to the iterator or awaitable on the stack, with the value to send above it, until it returns.
Status Codegen::emit_yield_from(bool await, const Location& at) {
  const Label send = new_label(), fail = new_label(), exit = new_label();
  use(send);
  emit_jump(SEND, exit, at);
  // An exception thrown in here may be the StopIteration that ends the delegation.
  emit_jump(SETUP_FINALLY, fail, at);
  emit(YIELD_VALUE, 1, at);
  emit(POP_BLOCK, kNoLocation);
  emit(RESUME, await ? kResumeAfterAwait : kResumeAfterYieldFrom, at);
  emit_jump(JUMP_NO_INTERRUPT, send, at);
  use(fail);
  emit(CLEANUP_THROW, at);
  use(exit);
  emit(END_SEND, at);
  return Status::Ok;
}

Status Codegen::emit_await(int how, const Location& at) {
  emit(GET_AWAITABLE, how, at);
  TRY(load_const(Py_None, at));
  return emit_yield_from(true, at);
}

// ---- units -----------------------------------------------------------------------------------------------------------

namespace {

// Names in that place or with that flag, in alphabetical order, numbered from `first`.
void number_names(const Scope& scope, Where where, int flag, NameMap<int>* out, int first) {
  std::vector<Identifier> names;
  for (const auto& symbol : scope.symbols)
    if (where_of(symbol.value) == where || (symbol.value & flag)) names.push_back(symbol.name);
  std::sort(names.begin(), names.end(), [](Identifier a, Identifier b) { return PyUnicode_Compare(a, b) < 0; });
  for (Identifier name : names) out->at(name, first++);
}

}  // namespace

Status Codegen::enter(Identifier name, UnitType type, const void* key, int line, Identifier class_name, ArgumentCounts counts) {
  auto made = std::make_unique<Unit>();
  Unit& u = *made;
  u.type = type;
  u.scope = symbols_.lookup(key);
  if (!u.scope) return raise(PyExc_SystemError, "compiler: no scope for a code block");
  u.name = name;
  u.first_line = line;
  u.argument_count = counts.positional;
  u.positional_only_count = counts.positional_only;
  u.keyword_only_count = counts.keyword_only;
  for (Identifier parameter : u.scope->parameters) index_of(u.varnames, parameter);
  number_names(*u.scope, Where::Cell, kCellInComprehension, &u.cellvars, 0);
  if (u.scope->needs_class_closure) index_of(u.cellvars, "__class__"_id);
  if (u.scope->needs_classdict) index_of(u.cellvars, "__classdict__"_id);
  if (u.scope->has_conditional_annotations) index_of(u.cellvars, "__conditional_annotations__"_id);
  number_names(*u.scope, Where::Free, kFreeInClass, &u.freevars, static_cast<int>(u.cellvars.size()));
  // Private names are those of the innermost class.
  u.class_name = class_name ? class_name : units_.empty() ? nullptr : unit().class_name;
  units_.push_back(std::move(made));
  if (type == UnitType::Module) u.qualname = u.name;
  else TRY(set_qualname());
  Location at = {line, 0, line, 0};
  if (type == UnitType::Module) at.lineno = 0;
  emit(RESUME, kResumeAtStart, at);
  if (type == UnitType::Module) emit(ANNOTATIONS_PLACEHOLDER, at);
  return Status::Ok;
}

Status Codegen::set_qualname() {
  Unit& u = unit();
  Ref<> base;
  size_t above = units_.size() - 1;  // how many units are around
  if (above > 1) {
    const Unit* parent = units_[above - 1].get();
    if (parent->type == UnitType::TypeParameters || parent->type == UnitType::Annotations) {
      // The blocks around a generic and of a lazily run value give no name; the reference looks one block further only.
      --above;
      parent = units_[above - 1].get();
    }
    if (above <= 1) {
      u.qualname = u.name;
      parent = nullptr;
    }
    if (parent) {
      bool global = false;
      if (u.type == UnitType::Function || u.type == UnitType::AsyncFunction || u.type == UnitType::Class) {
        const Identifier name = TRY(mangle(parent->class_name, u.name, arena_));
        global = parent->scope->where(name) == Where::GlobalExplicit;
      }
      if (!global) {
        if (parent->type == UnitType::Function || parent->type == UnitType::AsyncFunction || parent->type == UnitType::Lambda) {
          base = TRY(steal(PyUnicode_FromFormat("%U.<locals>", parent->qualname)));
        } else {
          base = borrow(parent->qualname);
        }
      }
    }
  }
  if (!base) {
    u.qualname = u.name;
    return Status::Ok;
  }
  u.qualname = TRY(arena_.own(steal(PyUnicode_FromFormat("%U.%U", base.get(), u.name))));
  return Status::Ok;
}

Ref<PyCodeObject> Codegen::leave(bool return_none, Identifier first_local_name) {
  TRY(return_at_end(return_none));
  Unit& u = unit();
  const Scope& s = scope();
  int flags = 0;
  if (s.is_function_like()) {
    flags |= CO_NEWLOCALS | CO_OPTIMIZED;
    if (s.nested) flags |= CO_NESTED;
    if (s.generator) flags |= s.coroutine ? CO_ASYNC_GENERATOR : CO_GENERATOR;
    else if (s.coroutine) flags |= CO_COROUTINE;
    if (s.varargs) flags |= CO_VARARGS;
    if (s.varkeywords) flags |= CO_VARKEYWORDS;
    if (s.has_docstring) flags |= CO_HAS_DOCSTRING;
    if (s.method) flags |= CO_METHOD;
  } else if (s.type == ScopeType::Module && s.coroutine && !s.generator && (settings_.flags & PyCF_ALLOW_TOP_LEVEL_AWAIT)) {
    flags |= CO_COROUTINE;
  }
  flags |= settings_.flags & PyCF_MASK;
  Ref<PyCodeObject> code = assemble_unit(u, flags, settings_.filename, constant_cache_, first_local_name);
  std::unique_ptr<InstructionSequence> kept = std::move(u.code);
  units_.pop_back();
  if (keep_nested_ && !units_.empty()) unit().code->nested.push_back(std::move(kept));
  return code;
}

// SET_FUNCTION_ATTRIBUTE's operands.
enum { kDefaults = 1, kKeywordDefaults = 2, kAnnotationsAttribute = 4, kClosure = 8, kAnnotate = 16 };

Status Codegen::make_closure(PyCodeObject* code, int attributes, const Location& at) {
  if (code->co_nfreevars) {
    for (int i = PyUnstable_Code_GetFirstFree(code); i < code->co_nlocalsplus; ++i) {
      const Identifier name = TRY(arena_.own(borrow(local_name(code, i))));
      // A method's free variable may be a name of the class too; the cells that the class makes are cells all the same.
      const bool special = unit().type == UnitType::Class && (name == "__class__"_id || name == "__classdict__"_id ||
                                                              name == "__conditional_annotations__"_id);
      const bool cell = special || scope().where(name) == Where::Cell;
      const int* index = (cell ? unit().cellvars : unit().freevars).find(name);
      if (!index)
        return raise(PyExc_SystemError, "compiler: no closure variable %R in the scope of %R", name, unit().name);
      emit(LOAD_CLOSURE, *index, at);
    }
    attributes |= kClosure;
    emit(BUILD_TUPLE, code->co_nfreevars, at);
  }
  TRY(load_const(object(code), at));
  emit(MAKE_FUNCTION, at);
  for (int attribute : {kClosure, kAnnotationsAttribute, kAnnotate, kKeywordDefaults, kDefaults})
    if (attributes & attribute) emit(SET_FUNCTION_ATTRIBUTE, attribute, at);
  return Status::Ok;
}

// The generator's or coroutine's frame turns a StopIteration that leaves it into RuntimeError.
Status Codegen::wrap_in_stop_iteration_handler() {
  const Label handler = new_label();
  InstructionSequence& code = *unit().code;
  size_t resume = 0;
  while (code.instructions[resume].opcode != RESUME) ++resume;
  code.insert(resume, {SETUP_CLEANUP, handler.id, kNoLocation});
  TRY(load_const(Py_None, kNoLocation));
  emit(RETURN_VALUE, kNoLocation);
  use(handler);
  emit(CALL_INTRINSIC_1, intrinsic::StopIterationError, kNoLocation);
  emit(RERAISE, 1, kNoLocation);
  return Status::Ok;
}

// ---- frame blocks ----------------------------------------------------------------------------------------------------

Status Codegen::push_block(const FrameBlock& block) {
  if (unit().blocks.size() >= CO_MAXBLOCKS) return error(block.location, "too many statically nested blocks");
  unit().blocks.push_back(block);
  return Status::Ok;
}

Status Codegen::call_exit_with_nones(const Location& at) {
  for (int i = 0; i < 3; ++i) TRY(load_const(Py_None, at));
  emit(CALL, 3, at);
  return Status::Ok;
}

// Code that leaves one block, with a value on the stack that stays when `preserve_top`.
Status Codegen::unwind_block(const FrameBlock& block, Location* at, bool preserve_top) {
  switch (block.type) {
    case BlockType::WhileLoop:
    case BlockType::ExceptionHandler:
    case BlockType::ExceptionGroupHandler:
    case BlockType::InlinedComprehension:
    case BlockType::AsyncComprehension:
    case BlockType::StopIteration:
      return Status::Ok;
    case BlockType::ForLoop:
      if (preserve_top) emit(SWAP, 2, *at);
      emit(POP_TOP, *at);
      return Status::Ok;
    case BlockType::AsyncForLoop:
    case BlockType::PopValue:
      if (preserve_top) emit(SWAP, 2, *at);
      emit(POP_TOP, *at);
      return Status::Ok;
    case BlockType::TryExcept:
      emit(POP_BLOCK, *at);
      return Status::Ok;
    case BlockType::FinallyTry:
      emit(POP_BLOCK, *at);
      if (preserve_top) TRY(push_block({BlockType::PopValue, {}, {}, *at}));
      TRY(visit_again(*block.final_body));
      if (preserve_top) pop_block();
      // What follows seems to happen in the statement that is left, after the finally block.
      *at = kNoLocation;
      return Status::Ok;
    case BlockType::FinallyEnd:
      if (preserve_top) emit(SWAP, 2, *at);
      emit(POP_TOP, *at);
      if (preserve_top) emit(SWAP, 2, *at);
      emit(POP_BLOCK, *at);
      emit(POP_EXCEPT, *at);
      return Status::Ok;
    case BlockType::With:
    case BlockType::AsyncWith:
      *at = block.location;
      emit(POP_BLOCK, *at);
      if (preserve_top) {
        emit(SWAP, 3, *at);
        emit(SWAP, 2, *at);
      }
      TRY(call_exit_with_nones(*at));
      if (block.type == BlockType::AsyncWith) TRY(emit_await(2, *at));
      emit(POP_TOP, *at);
      *at = kNoLocation;
      return Status::Ok;
    case BlockType::HandlerCleanup:
      if (block.name) emit(POP_BLOCK, *at);
      if (preserve_top) emit(SWAP, 2, *at);
      emit(POP_BLOCK, *at);
      emit(POP_EXCEPT, *at);
      if (block.name) {
        TRY(load_const(Py_None, *at));
        TRY(name_operation(block.name, Context::Store, *at));
        TRY(name_operation(block.name, Context::Del, *at));
      }
      return Status::Ok;
  }
  return Status::Ok;
}

// Leaves all blocks; or, with `loop`, those inside the innermost loop, which is returned there.
Status Codegen::unwind_blocks(Location* at, bool preserve_top, const FrameBlock** loop) {
  if (unit().blocks.empty()) return Status::Ok;
  const FrameBlock top = unit().blocks.back();
  if (top.type == BlockType::ExceptionGroupHandler)
    return error(*at, "'break', 'continue' and 'return' cannot appear in an except* block");
  if (loop && (top.type == BlockType::WhileLoop || top.type == BlockType::ForLoop || top.type == BlockType::AsyncForLoop)) {
    *loop = &unit().blocks.back();
    return Status::Ok;
  }
  // While the block's own exit is generated, it is not entered any more.
  pop_block();
  TRY(unwind_block(top, at, preserve_top));
  const FrameBlock* found = nullptr;
  TRY(unwind_blocks(at, preserve_top, loop ? &found : nullptr));
  const std::ptrdiff_t index = found ? found - unit().blocks.data() : -1;
  unit().blocks.push_back(top);
  if (loop && index >= 0) *loop = &unit().blocks[static_cast<size_t>(index)];
  return Status::Ok;
}

// ---- the whole module ------------------------------------------------------------------------------------------------

Found Codegen::module_body(const Module* module) {
  constant_cache_ = TRY(steal(PyDict_New()));
  TRY(enter("<module>"_id, UnitType::Module, module, 1, nullptr));
  switch (module->kind) {
    case ModuleKind::Module:
    case ModuleKind::Interactive: {
      const Location at = module->body.empty() ? Location{1, 0, 1, 0} : module->body[0]->position;
      TRY(body(module->body, at));
      return Found::Yes;
    }
    case ModuleKind::Expression:
      TRY(visit(module->expression));
      return Found::No;
    case ModuleKind::FunctionType:
      return raise(PyExc_SystemError, "module kind %d should not be possible", static_cast<int>(module->kind));
  }
  return Found::Error;
}

Ref<PyCodeObject> Codegen::module(const Module* module) { return leave(TRY(module_body(module))); }

Ref<> Codegen::instructions(const Module* module, std::unique_ptr<InstructionSequence>* code) {
  keep_nested_ = true;
  TRY(return_at_end(TRY(module_body(module))));
  *code = std::move(unit().code);
  Ref<> constants = TRY(unit().constants.as_list());
  return steal(Py_BuildValue("{sisisisO}", "argcount", unit().argument_count, "posonlyargcount", unit().positional_only_count,
                             "kwonlyargcount", unit().keyword_only_count, "consts", constants.get()));
}

}  // namespace ks::compiler
