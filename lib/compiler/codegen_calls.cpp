// Calls, and comprehensions.
#include "compiler/codegen.h"
#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

Location attribute_location(Location at, const Attribute* node);

namespace {
constexpr Py_ssize_t kStackGuideline = 30;

}  // namespace

// ---- calls -----------------------------------------------------------------------------------------------------------

Status Codegen::validate_keywords(const Sequence<Keyword*>& keywords) {
  for (Py_ssize_t i = 0; i < keywords.size(); ++i) {
    if (!keywords[i]->arg) continue;
    for (Py_ssize_t j = i + 1; j < keywords.size(); ++j)
      if (keywords[j]->arg == keywords[i]->arg)
        return error(keywords[j]->position, "keyword argument repeated: %U", keywords[i]->arg);
  }
  return Status::Ok;
}

Status Codegen::keyword_names(const Sequence<Keyword*>& keywords, const Location& at) {
  Ref<> names = TRY(steal(PyTuple_New(keywords.size())));
  for (Py_ssize_t i = 0; i < keywords.size(); ++i) PyTuple_SET_ITEM(names.get(), i, Py_NewRef(keywords[i]->arg));
  return load_const(std::move(names), at);
}

Status Codegen::keyword_dict(const Sequence<Keyword*>& keywords, Py_ssize_t begin, Py_ssize_t end, const Location& at) {
  const bool big = (end - begin) * 2 > kStackGuideline;
  if (big) emit(BUILD_MAP, 0, kNoLocation);
  for (Py_ssize_t i = begin; i < end; ++i) {
    TRY(load_const(keywords[i]->arg, at));
    TRY(visit(keywords[i]->value));
    if (big) emit(MAP_ADD, 1, kNoLocation);
  }
  if (!big) emit(BUILD_MAP, static_cast<int>(end - begin), at);
  return Status::Ok;
}

// super().x and super(type, object).x, where `super` can only be the builtin.
bool Codegen::can_optimize_super(const Attribute* node) {
  const auto* super = node->value->if_is<Call>();
  if (!super || !super->func->is<Name>() || super->func->as<Name>()->id != "super"_id || !super->keywords.empty()) return false;
  if (node->attr == "__class__"_id) return false;  // super().__class__ is the class of the super object itself
  if (scope().where("super"_id) != Where::GlobalImplicit) return false;
  if (symbols_.top()->where("super"_id) != Where::Unknown) return false;
  if (super->args.size() == 2) {
    for (const Expression* argument : super->args)
      if (argument->is<Starred>()) return false;
    return true;
  }
  if (!super->args.empty()) return false;
  // Without arguments it takes the first parameter, and the class from its cell.
  if (unit().argument_count + unit().positional_only_count == 0) return false;
  return scope().where("__class__"_id) == Where::Free;
}

Status Codegen::load_super_arguments(const Call* node) {
  TRY(name_operation("super"_id, Context::Load, node->func->position));
  if (node->args.size() == 2) return visit(node->args);
  TRY(name_operation("__class__"_id, Context::Load, node->position));
  return name_operation(unit().varnames.begin()->name, Context::Load, node->position);
}

// x.method(...) needs no bound method. Yes when the call has been generated.
Found Codegen::method_call(const Call* node) {
  const auto* method = node->func->if_is<Attribute>();
  if (!method || method->ctx != Context::Load) return Found::No;
  // Functions of imported modules are not methods.
  if (const auto* base = method->value->if_is<Name>(); base && (symbols_.top()->flags_of(base->id) & kImported)) return Found::No;
  const Py_ssize_t arguments = node->args.size(), keywords = node->keywords.size();
  if (arguments + keywords + (keywords != 0) >= kStackGuideline) return Found::No;
  for (const Expression* argument : node->args)
    if (argument->is<Starred>()) return Found::No;
  for (const Keyword* keyword : node->keywords)
    if (!keyword->arg) return Found::No;
  Location at = method->position;
  if (can_optimize_super(method)) {
    const Call* super = method->value->as<Call>();
    TRY(load_super_arguments(super));
    TRY(emit_name(LOAD_SUPER_ATTR, method->attr, at, 2, super->args.empty() ? 1 : 3));
    at = attribute_location(at, method);
    emit(NOP, at);
  } else {
    TRY(visit(method->value));
    at = attribute_location(at, method);
    TRY(emit_attribute(LOAD_ATTR, method->attr, at, true));
  }
  TRY(visit(node->args));
  if (keywords) {
    for (const Keyword* keyword : node->keywords) TRY(visit(keyword->value));
    TRY(keyword_names(node->keywords, at));
    emit(CALL_KW, static_cast<int>(arguments + keywords), attribute_location(node->position, method));
  } else {
    emit(CALL, static_cast<int>(arguments), attribute_location(node->position, method));
  }
  return Found::Yes;
}

// all(...), any(...) and tuple(...) of a generator expression are loops, as long as the name means the builtin.
Status Codegen::builtin_with_generator(const Call* node, Label end) {
  if (!node->func->is<Name>() || node->args.size() != 1 || !node->keywords.empty() || !node->args[0]->is<GeneratorExp>())
    return Status::Ok;
  const Scope* generator = symbols_.lookup(node->args[0]);
  if (generator && generator->coroutine) return Status::Ok;  // asynchronous: not for a plain loop
  const Identifier name = node->func->as<Name>()->id;
  int constant, jump = 0;
  PyObject* exhausted = nullptr;
  if (name == "all"_id) {
    constant = common_constant::BuiltinAll;
    exhausted = Py_True;
    jump = POP_JUMP_IF_TRUE;
  } else if (name == "any"_id) {
    constant = common_constant::BuiltinAny;
    exhausted = Py_False;
    jump = POP_JUMP_IF_FALSE;
  } else if (name == "tuple"_id) {
    constant = common_constant::BuiltinTuple;
  } else {
    return Status::Ok;
  }
  const Location& at = node->func->position;
  const Label skip = new_label(), loop = new_label(), cleanup = new_label();
  emit(COPY, 1, at);
  emit(LOAD_COMMON_CONSTANT, constant, at);
  emit_compare(Comparison::Is, at);
  emit_jump(POP_JUMP_IF_FALSE, skip, at);
  emit(POP_TOP, at);
  if (!exhausted) emit(BUILD_LIST, 0, at);
  TRY(visit(node->args[0]));
  use(loop);
  emit_jump(FOR_ITER, cleanup, at);
  if (exhausted) {
    emit(TO_BOOL, at);
    emit_jump(jump, loop, at);
    emit(POP_ITER, kNoLocation);
    TRY(load_const(exhausted == Py_True ? Py_False : Py_True, at));
    emit_jump(JUMP, end, at);
  } else {
    emit(LIST_APPEND, 2, at);
    emit_jump(JUMP, loop, at);
  }
  use(cleanup);
  emit(END_FOR, kNoLocation);
  emit(POP_ITER, kNoLocation);
  if (exhausted) TRY(load_const(exhausted, at));
  else emit(CALL_INTRINSIC_1, intrinsic::ListToTuple, at);
  emit_jump(JUMP, end, at);
  use(skip);
  return Status::Ok;
}

Status Codegen::call(const Call* node) {
  TRY(validate_keywords(node->keywords));
  if (TRY(method_call(node))) return Status::Ok;
  const Label skip = new_label();
  TRY(check_callable(node->func));
  TRY(visit(node->func));
  TRY(builtin_with_generator(node, skip));
  emit(PUSH_NULL, node->func->position);
  TRY(call_with(node->args, node->keywords, 0, node->position));
  use(skip);
  return Status::Ok;
}

Status Codegen::call_with(const Expressions& arguments, const Sequence<Keyword*>& keywords, int pushed, const Location& at,
                          Identifier injected) {
  TRY(validate_keywords(keywords));
  const Py_ssize_t positional = arguments.size(), named = keywords.size();
  bool simple = positional + named * 2 <= kStackGuideline;
  for (const Expression* argument : arguments) simple = simple && !argument->is<Starred>();
  for (const Keyword* keyword : keywords) simple = simple && keyword->arg;
  if (simple) {
    TRY(visit(arguments));
    int count = pushed + static_cast<int>(positional);
    if (injected) {
      TRY(name_operation(injected, Context::Load, at));
      ++count;
    }
    if (named) {
      for (const Keyword* keyword : keywords) TRY(visit(keyword->value));
      TRY(keyword_names(keywords, at));
      emit(CALL_KW, count + static_cast<int>(named), at);
    } else {
      emit(CALL, count, at);
    }
    return Status::Ok;
  }
  if (pushed == 0 && positional == 1 && !injected && arguments[0]->is<Starred>()) {
    TRY(visit(arguments[0]->as<Starred>()->value));
  } else {
    TRY(build_sequence(arguments, at, pushed, BUILD_LIST, LIST_APPEND, LIST_EXTEND, true, injected));
  }
  if (named) {
    bool have_dict = false;
    Py_ssize_t waiting = 0;
    auto flush = [&](Py_ssize_t end) -> Status {
      TRY(keyword_dict(keywords, end - waiting, end, at));
      if (have_dict) emit(DICT_MERGE, 1, at);
      have_dict = true;
      waiting = 0;
      return Status::Ok;
    };
    for (Py_ssize_t i = 0; i < named; ++i) {
      if (keywords[i]->arg) {
        ++waiting;
        continue;
      }
      if (waiting) TRY(flush(i));
      if (!have_dict) {
        emit(BUILD_MAP, 0, at);
        have_dict = true;
      }
      TRY(visit(keywords[i]->value));
      emit(DICT_MERGE, 1, at);
    }
    if (waiting) TRY(flush(named));
  } else {
    emit(PUSH_NULL, at);
  }
  emit(CALL_FUNCTION_EX, at);
  return Status::Ok;
}

// ---- comprehensions --------------------------------------------------------------------------------------------------

Status Codegen::iterable(const Comprehension* outermost) {
  TRY(visit(outermost->iter));
  emit(outermost->is_async ? GET_AITER : GET_ITER, outermost->iter->position);
  return Status::Ok;
}

// The names of the comprehension become names of the unit for a while.
Status Codegen::push_inlined(Scope* inner, const Location& at, Inlined* state) {
  Unit& u = unit();
  const bool in_class = scope().type == ScopeType::Class && u.inlined_depth == 0;
  ++u.inlined_depth;
  for (const auto& symbol : inner->symbols) {
    const int flags = symbol.value;
    const bool own = (flags & kAssigned) && !(flags & kNonlocalStatement);
    if ((own || in_class) && !scope().is_function_like()) {
      // Outside functions the name lives in a fast local that nobody else sees.
      bool& hidden = u.fast_hidden.at(symbol.name);
      if (!hidden) {
        hidden = true;
        state->hidden.push_back(symbol.name);
      }
    }
    const Where inside = where_of(flags);
    const int outer_flags = scope().flags_of(symbol.name);
    const Where outside = where_of(outer_flags);
    if ((inside != outside && inside != Where::Free && !(inside == Where::Cell && outside == Where::Free)) || in_class) {
      state->saved_symbols.push_back({symbol.name, outer_flags});
      // As in the reference, this hides from the comprehension's calls that a name of the module is an import.
      scope().symbols.at(symbol.name) = flags;
    }
    if (!own) continue;
    // Saves the outer value, or the outer cell, on the stack.
    emit(LOAD_FAST_AND_CLEAR, index_of(u.varnames, symbol.name), at);
    if (inside == Where::Cell)
      emit(MAKE_CELL, index_of(outside == Where::Free ? u.freevars : u.cellvars, symbol.name), at);
    state->pushed.push_back(symbol.name);
  }
  if (state->pushed.empty()) return Status::Ok;
  emit(SWAP, static_cast<int>(state->pushed.size()) + 1, at);
  state->cleanup = new_label();
  emit_jump(SETUP_FINALLY, state->cleanup, at);
  // Nothing leaves it early, but it counts.
  return push_block({BlockType::InlinedComprehension, {}, {}, at});
}

void Codegen::restore_inlined_locals(const Location& at, const Inlined& state) {
  emit(SWAP, static_cast<int>(state.pushed.size()) + 1, at);
  for (size_t i = state.pushed.size(); i-- > 0;) emit(STORE_FAST_MAYBE_NULL, index_of(unit().varnames, state.pushed[i]), at);
}

void Codegen::pop_inlined(const Location& at, const Inlined& state) {
  Unit& u = unit();
  if (!state.pushed.empty()) {
    emit(POP_BLOCK, kNoLocation);
    pop_block();
    const Label end = new_label();
    emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
    use(state.cleanup);
    // Beneath the exception lies what has been built so far.
    emit(SWAP, 2, kNoLocation);
    emit(POP_TOP, kNoLocation);
    restore_inlined_locals(at, state);
    emit(RERAISE, 0, kNoLocation);
    use(end);
    restore_inlined_locals(at, state);
  }
  --u.inlined_depth;
  for (const auto& [name, flags] : state.saved_symbols) scope().symbols.at(name) = flags;
  for (Identifier name : state.hidden) u.fast_hidden.at(name) = false;
}

Status Codegen::comprehension(const Expression* node, Identifier name, ComprehensionKind kind,
                              const Sequence<Comprehension*>& generators, const Expression* element, const Expression* value) {
  const Location& at = node->position;
  Scope* inner = symbols_.lookup(node);
  if (!inner) return raise(PyExc_SystemError, "compiler: no scope for a comprehension");
  const bool inlined = inner->inlined;
  const bool async = inner->coroutine;
  const bool is_generator = kind == ComprehensionKind::Generator;
  Inlined state;
  if (inlined) {
    TRY(iterable(generators[0]));
    TRY(push_inlined(inner, at, &state));
  } else {
    TRY(enter(name, UnitType::Comprehension, node, at.lineno, nullptr, {.positional = 1}));
  }
  if (!is_generator) {
    emit(kind == ComprehensionKind::List ? BUILD_LIST : kind == ComprehensionKind::Set ? BUILD_SET : BUILD_MAP, 0, at);
    if (inlined) emit(SWAP, 2, at);
  }
  TRY(generator(at, generators, 0, 0, element, value, kind, inlined));
  if (inlined) {
    pop_inlined(at, state);
    return Status::Ok;
  }
  if (!is_generator) emit(RETURN_VALUE, element->position);
  else TRY(wrap_in_stop_iteration_handler());
  Ref<PyCodeObject> code = TRY(leave(true));
  TRY(make_closure(code, 0, at));
  TRY(iterable(generators[0]));
  emit(CALL, 0, at);
  if (async && !is_generator) TRY(emit_await(0, at));
  return Status::Ok;
}

Status Codegen::generator(const Location& at, const Sequence<Comprehension*>& generators, Py_ssize_t index, int depth,
                          const Expression* element, const Expression* value, ComprehensionKind kind, bool iterator_on_stack) {
  if (generators[index]->is_async)
    return async_generator(at, generators, index, depth, element, value, kind, iterator_on_stack);
  return sync_generator(at, generators, index, depth, element, value, kind, iterator_on_stack);
}

// What the innermost loop does with its element.
Status Codegen::element(const Expression* element, const Expression* value, ComprehensionKind kind, int depth, Location* at) {
  TRY(visit(element));
  switch (kind) {
    case ComprehensionKind::Generator:
      emit_yield(*at);
      emit(POP_TOP, *at);
      break;
    case ComprehensionKind::List:
      emit(LIST_APPEND, depth + 1, *at);
      break;
    case ComprehensionKind::Set:
      emit(SET_ADD, depth + 1, *at);
      break;
    default:
      TRY(visit(value));
      *at = {element->position.lineno, element->position.col_offset, value->position.end_lineno, value->position.end_col_offset};
      emit(MAP_ADD, depth + 1, *at);
      break;
  }
  return Status::Ok;
}

Status Codegen::sync_generator(const Location& at, const Sequence<Comprehension*>& generators, Py_ssize_t index, int depth,
                               const Expression* item, const Expression* value, ComprehensionKind kind, bool iterator_on_stack) {
  const Comprehension* loop = generators[index];
  const Label start = new_label(), if_cleanup = new_label(), anchor = new_label();
  bool loops = true;
  if (!iterator_on_stack) {
    if (index == 0) {
      emit(LOAD_FAST, 0, at);
    } else {
      // for y in [x]: an assignment.
      const Expressions* elements = nullptr;
      if (loop->iter->is<List>()) elements = &loop->iter->as<List>()->elts;
      else if (loop->iter->is<Tuple>()) elements = &loop->iter->as<Tuple>()->elts;
      if (elements && elements->size() == 1 && !(*elements)[0]->is<Starred>()) {
        TRY(visit((*elements)[0]));
        loops = false;
      } else {
        TRY(visit(loop->iter));
        emit(GET_ITER, loop->iter->position);
      }
    }
  }
  if (loops) {
    ++depth;
    use(start);
    emit_jump(FOR_ITER, anchor, loop->iter->position);
  }
  TRY(visit(loop->target));
  for (const Expression* condition : loop->ifs) TRY(jump_if(condition, if_cleanup, false));
  Location here = item->position;
  if (index + 1 < generators.size()) TRY(generator(at, generators, index + 1, depth, item, value, kind, false));
  else TRY(element(item, value, kind, depth, &here));
  use(if_cleanup);
  if (loops) {
    emit_jump(JUMP, start, here);
    use(anchor);
    emit(END_FOR, kNoLocation);
    emit(POP_ITER, kNoLocation);
  }
  return Status::Ok;
}

Status Codegen::async_generator(const Location& at, const Sequence<Comprehension*>& generators, Py_ssize_t index, int depth,
                                const Expression* item, const Expression* value, ComprehensionKind kind, bool iterator_on_stack) {
  const Comprehension* loop = generators[index];
  const Label start = new_label(), send = new_label(), except = new_label(), if_cleanup = new_label();
  if (!iterator_on_stack) {
    if (index == 0) {
      emit(LOAD_FAST, 0, at);
    } else {
      TRY(visit(loop->iter));
      emit(GET_AITER, loop->iter->position);
    }
  }
  use(start);
  TRY(push_block({BlockType::AsyncComprehension, start, {}, at}));
  emit_jump(SETUP_FINALLY, except, at);
  emit(GET_ANEXT, at);
  TRY(load_const(Py_None, at));
  use(send);
  TRY(emit_yield_from(true, at));
  emit(POP_BLOCK, at);
  TRY(visit(loop->target));
  for (const Expression* condition : loop->ifs) TRY(jump_if(condition, if_cleanup, false));
  ++depth;
  Location here = item->position;
  if (index + 1 < generators.size()) TRY(generator(at, generators, index + 1, depth, item, value, kind, false));
  else TRY(element(item, value, kind, depth, &here));
  use(if_cleanup);
  emit_jump(JUMP, start, here);
  pop_block();
  use(except);
  emit_jump(END_ASYNC_FOR, send, at);
  return Status::Ok;
}

}  // namespace ks::compiler
