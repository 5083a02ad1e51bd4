// Statements.
#include "compiler/codegen.h"
#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

Status Codegen::visit(const Statements& statements) {
  for (const Statement* statement : statements) TRY(visit(statement));
  return Status::Ok;
}

Status Codegen::visit(const Statement* node) {
  Nesting nesting;
  if (!nesting) return failed;
  bool conditional = false;
  switch (node->kind) {
    case StatementKind::For:
    case StatementKind::AsyncFor:
    case StatementKind::While:
    case StatementKind::If:
    case StatementKind::With:
    case StatementKind::AsyncWith:
    case StatementKind::Match:
    case StatementKind::Try:
    case StatementKind::TryStar:
      conditional = true;
      break;
    default:
      break;
  }
  if (!conditional) return visit_kind(node);
  // Variable annotations in here are noted when their statement runs.
  Unit& u = unit();
  const bool before = u.in_conditional_block;
  u.in_conditional_block = true;
  const Status result = visit_kind(node);
  u.in_conditional_block = before;
  return result;
}

Status Codegen::visit_kind(const Statement* node) {
  const Location& at = node->position;
  switch (node->kind) {
    case StatementKind::FunctionDef:
      return function(node->as<FunctionDef>(), false);
    case StatementKind::AsyncFunctionDef:
      return function(node->as<AsyncFunctionDef>(), true);
    case StatementKind::ClassDef:
      return class_definition(node->as<ClassDef>());
    case StatementKind::TypeAlias:
      return type_alias(node->as<TypeAlias>());
    case StatementKind::Return:
      return return_statement(node->as<Return>());
    case StatementKind::Delete:
      return visit(node->as<Delete>()->targets);
    case StatementKind::Assign: {
      const auto* n = node->as<Assign>();
      TRY(visit(n->value));
      for (Py_ssize_t i = 0; i < n->targets.size(); ++i) {
        if (i + 1 < n->targets.size()) emit(COPY, 1, at);
        TRY(visit(n->targets[i]));
      }
      return Status::Ok;
    }
    case StatementKind::AugAssign:
      return augmented_assignment(node->as<AugAssign>());
    case StatementKind::AnnAssign:
      return annotated_assignment(node->as<AnnAssign>());
    case StatementKind::For:
      return for_statement(node->as<For>());
    case StatementKind::AsyncFor:
      return async_for_statement(node->as<AsyncFor>());
    case StatementKind::While:
      return while_statement(node->as<While>());
    case StatementKind::If:
      return if_statement(node->as<If>());
    case StatementKind::With:
      return with_statement(node->as<With>(), 0, false);
    case StatementKind::AsyncWith:
      return with_statement(node->as<AsyncWith>(), 0, true);
    case StatementKind::Match:
      return match(node->as<Match>());
    case StatementKind::Raise: {
      const auto* n = node->as<Raise>();
      int count = 0;
      if (n->exc) {
        TRY(visit(n->exc));
        ++count;
        if (n->cause) {
          TRY(visit(n->cause));
          ++count;
        }
      }
      emit(RAISE_VARARGS, count, at);
      return Status::Ok;
    }
    case StatementKind::Try:
      return try_statement(node->as<Try>(), false);
    case StatementKind::TryStar:
      return try_statement(node->as<TryStar>(), true);
    case StatementKind::Assert:
      return assert_statement(node->as<Assert>());
    case StatementKind::Import:
      return import_statement(node->as<Import>());
    case StatementKind::ImportFrom:
      return import_from(node->as<ImportFrom>());
    case StatementKind::Global:
    case StatementKind::Nonlocal:
      return Status::Ok;
    case StatementKind::Expr:
      return expression_statement(node->as<Expr>());
    case StatementKind::Pass:
      emit(NOP, at);
      return Status::Ok;
    case StatementKind::Break:
      return break_statement(at);
    case StatementKind::Continue:
      return continue_statement(at);
  }
  return Status::Ok;
}

Status Codegen::expression_statement(const Expr* node) {
  if (settings_.interactive && units_.size() == 1) {
    TRY(visit(node->value));
    emit(CALL_INTRINSIC_1, intrinsic::Print, node->position);
    emit(POP_TOP, kNoLocation);
    return Status::Ok;
  }
  if (node->value->is<Constant>()) {
    emit(NOP, node->position);
    return Status::Ok;
  }
  TRY(visit(node->value));
  emit(POP_TOP, kNoLocation);
  return Status::Ok;
}

// ---- branches and loops ----------------------------------------------------------------------------------------------

Status Codegen::if_statement(const If* node) {
  const Label end = new_label();
  const Label next = node->orelse.empty() ? end : new_label();
  TRY(jump_if(node->test, next, false));
  TRY(visit(node->body));
  if (!node->orelse.empty()) {
    emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
    use(next);
    TRY(visit(node->orelse));
  }
  use(end);
  return Status::Ok;
}

Status Codegen::while_statement(const While* node) {
  const Label loop = new_label(), end = new_label(), anchor = new_label();
  use(loop);
  TRY(push_block({BlockType::WhileLoop, loop, end, node->position}));
  TRY(jump_if(node->test, anchor, false));
  TRY(visit(node->body));
  emit_jump(JUMP, loop, kNoLocation);
  pop_block();
  use(anchor);
  TRY(visit(node->orelse));
  use(end);
  return Status::Ok;
}

Status Codegen::for_statement(const For* node) {
  const Label start = new_label(), cleanup = new_label(), end = new_label();
  TRY(push_block({BlockType::ForLoop, start, end, node->position}));
  TRY(visit(node->iter));
  const Location& at = node->iter->position;
  emit(GET_ITER, at);
  use(start);
  emit_jump(FOR_ITER, cleanup, at);
  // For tracing of a loop head over several lines; goes away where it adds nothing.
  emit(NOP, node->target->position);
  TRY(visit(node->target));
  TRY(visit(node->body));
  emit_jump(JUMP, start, kNoLocation);
  use(cleanup);
  // END_FOR comes first: an exhausted generator jumps to it, other iterators behind it.
  emit(END_FOR, kNoLocation);
  emit(POP_ITER, kNoLocation);
  pop_block();
  TRY(visit(node->orelse));
  use(end);
  return Status::Ok;
}

Status Codegen::async_for_statement(const AsyncFor* node) {
  const Location& at = node->position;
  const Label start = new_label(), send = new_label(), except = new_label(), end = new_label();
  TRY(visit(node->iter));
  emit(GET_AITER, node->iter->position);
  use(start);
  TRY(push_block({BlockType::AsyncForLoop, start, end, at}));
  emit_jump(SETUP_FINALLY, except, at);
  emit(GET_ANEXT, at);
  TRY(load_const(Py_None, at));
  use(send);
  TRY(emit_yield_from(true, at));
  emit(POP_BLOCK, at);
  emit(NOT_TAKEN, at);
  TRY(visit(node->target));
  TRY(visit(node->body));
  emit_jump(JUMP, start, kNoLocation);
  pop_block();
  use(except);
  emit_jump(END_ASYNC_FOR, send, node->iter->position);
  TRY(visit(node->orelse));
  use(end);
  return Status::Ok;
}

Status Codegen::return_statement(const Return* node) {
  Location at = node->position;
  const Expression* value = node->value;
  const bool preserve_top = value && !value->is<Constant>();
  if (!scope().is_function_like()) return error(at, "'return' outside function");
  if (value && scope().coroutine && scope().generator) return error(at, "'return' with value in async generator");
  if (preserve_top) {
    TRY(visit(value));
  } else if (value) {
    at = value->position;
    emit(NOP, at);
  }
  if (!value || value->position.lineno != node->position.lineno) {
    at = node->position;
    emit(NOP, at);
  }
  TRY(unwind_blocks(&at, preserve_top, nullptr));
  if (!value) TRY(load_const(Py_None, at));
  else if (!preserve_top) TRY(load_const(value->as<Constant>()->value, at));
  emit(RETURN_VALUE, at);
  return Status::Ok;
}

Status Codegen::break_statement(const Location& origin) {
  Location at = origin;
  const FrameBlock* loop = nullptr;
  emit(NOP, at);
  TRY(unwind_blocks(&at, false, &loop));
  if (!loop) return error(origin, "'break' outside loop");
  const FrameBlock block = *loop;
  TRY(unwind_block(block, &at, false));
  emit_jump(JUMP, block.exit, at);
  return Status::Ok;
}

Status Codegen::continue_statement(const Location& origin) {
  Location at = origin;
  const FrameBlock* loop = nullptr;
  emit(NOP, at);
  TRY(unwind_blocks(&at, false, &loop));
  if (!loop) return error(origin, "'continue' not properly in loop");
  emit_jump(JUMP, loop->start, at);
  return Status::Ok;
}

// ---- with ------------------------------------------------------------------------------------------------------------

void Codegen::with_except_finish(Label cleanup) {
  const Label suppress = new_label(), exit = new_label();
  emit(TO_BOOL, kNoLocation);
  emit_jump(POP_JUMP_IF_TRUE, suppress, kNoLocation);
  emit(RERAISE, 2, kNoLocation);
  use(suppress);
  emit(POP_TOP, kNoLocation);  // what __exit__ returned
  emit(POP_BLOCK, kNoLocation);
  emit(POP_EXCEPT, kNoLocation);
  emit(POP_TOP, kNoLocation);
  emit(POP_TOP, kNoLocation);
  emit(POP_TOP, kNoLocation);
  emit_jump(JUMP_NO_INTERRUPT, exit, kNoLocation);
  use(cleanup);
  pop_except_and_reraise();
  use(exit);
}

template <class W>
Status Codegen::with_statement(const W* node, Py_ssize_t index, bool async) {
  const WithItem* item = node->items[index];
  const Label block = new_label(), final = new_label(), exit = new_label(), cleanup = new_label();
  TRY(visit(item->context_expr));
  const Location& at = item->context_expr->position;
  emit(COPY, 1, at);
  emit(LOAD_SPECIAL, async ? special_method::AsyncExit : special_method::Exit, at);
  emit(SWAP, 2, at);
  emit(SWAP, 3, at);
  emit(LOAD_SPECIAL, async ? special_method::AsyncEnter : special_method::Enter, at);
  emit(CALL, 0, at);
  if (async) TRY(emit_await(1, at));
  emit_jump(SETUP_WITH, final, at);
  use(block);
  TRY(push_block({async ? BlockType::AsyncWith : BlockType::With, block, final, at}));
  if (item->optional_vars) TRY(visit(item->optional_vars));
  else emit(POP_TOP, at);
  if (index + 1 == node->items.size()) TRY(visit(node->body));
  else TRY(with_statement(node, index + 1, async));
  pop_block();
  emit(POP_BLOCK, async ? at : kNoLocation);
  // The body ended well: __exit__(None, None, None).
  TRY(call_exit_with_nones(at));
  if (async) TRY(emit_await(2, at));
  emit(POP_TOP, at);
  emit_jump(JUMP, exit, at);
  // It raised: __exit__ with the exception.
  use(final);
  emit_jump(SETUP_CLEANUP, cleanup, at);
  emit(PUSH_EXC_INFO, at);
  emit(WITH_EXCEPT_START, at);
  if (async) TRY(emit_await(2, at));
  with_except_finish(cleanup);
  use(exit);
  return Status::Ok;
}
template Status Codegen::with_statement(const With* node, Py_ssize_t index, bool async);
template Status Codegen::with_statement(const AsyncWith* node, Py_ssize_t index, bool async);

// ---- try -------------------------------------------------------------------------------------------------------------

void Codegen::pop_except_and_reraise() {
  emit(COPY, 3, kNoLocation);
  emit(POP_EXCEPT, kNoLocation);
  emit(RERAISE, 1, kNoLocation);
}

template <class T>
Status Codegen::try_statement(const T* node, bool star) {
  auto inner = [&]() -> Status { return star ? try_star(node) : try_except(node); };
  if (node->finalbody.empty()) return inner();
  const Location& at = node->position;
  const Label body = new_label(), end = new_label(), exit = new_label(), cleanup = new_label();
  emit_jump(SETUP_FINALLY, end, at);
  use(body);
  TRY(push_block({BlockType::FinallyTry, body, end, at, &node->finalbody}));
  if (!node->handlers.empty()) TRY(inner());
  else TRY(visit(node->body));
  emit(POP_BLOCK, kNoLocation);
  pop_block();
  TRY(visit(node->finalbody));
  emit_jump(JUMP_NO_INTERRUPT, exit, kNoLocation);
  // The same once more, for exceptions.
  use(end);
  TRY(push_block({BlockType::FinallyEnd, end, {}, at}));
  emit_jump(SETUP_CLEANUP, cleanup, kNoLocation);
  emit(PUSH_EXC_INFO, kNoLocation);
  TRY(visit_again(node->finalbody));
  emit(RERAISE, 0, kNoLocation);
  pop_block();
  use(cleanup);
  pop_except_and_reraise();
  use(exit);
  return Status::Ok;
}
template Status Codegen::try_statement(const Try* node, bool star);
template Status Codegen::try_statement(const TryStar* node, bool star);

// name = None; del name
Status Codegen::clear_handler_name(Identifier name) {
  TRY(load_const(Py_None, kNoLocation));
  TRY(name_operation(name, Context::Store, kNoLocation));
  return name_operation(name, Context::Del, kNoLocation);
}

template <class T>
Status Codegen::try_except(const T* node) {
  const Label body = new_label(), end = new_label(), cleanup = new_label();
  Label except = new_label();
  emit_jump(SETUP_FINALLY, except, node->position);
  use(body);
  TRY(push_block({BlockType::TryExcept, body, {}, node->position}));
  TRY(visit(node->body));
  pop_block();
  emit(POP_BLOCK, kNoLocation);
  TRY(visit(node->orelse));
  emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
  use(except);
  emit_jump(SETUP_CLEANUP, cleanup, kNoLocation);
  emit(PUSH_EXC_INFO, kNoLocation);
  TRY(push_block({BlockType::ExceptionHandler, {}, {}, node->position}));
  for (Py_ssize_t i = 0; i < node->handlers.size(); ++i) {
    const ExceptHandler* handler = node->handlers[i];
    const Location& at = handler->position;
    if (!handler->type && i < node->handlers.size() - 1) return error(at, "default 'except:' must be last");
    except = new_label();
    if (handler->type) {
      TRY(visit(handler->type));
      emit(CHECK_EXC_MATCH, at);
      emit_jump(POP_JUMP_IF_FALSE, except, at);
    }
    const Label cleanup_body = new_label();
    if (handler->name) {
      const Label cleanup_end = new_label();
      TRY(name_operation(handler->name, Context::Store, at));
      // try: body finally: name = None; del name
      emit_jump(SETUP_CLEANUP, cleanup_end, at);
      use(cleanup_body);
      TRY(push_block({BlockType::HandlerCleanup, cleanup_body, {}, at, nullptr, handler->name}));
      TRY(visit(handler->body));
      pop_block();
      emit(POP_BLOCK, kNoLocation);
      emit(POP_BLOCK, kNoLocation);
      emit(POP_EXCEPT, kNoLocation);
      TRY(clear_handler_name(handler->name));
      emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
      use(cleanup_end);
      TRY(clear_handler_name(handler->name));
      emit(RERAISE, 1, kNoLocation);
    } else {
      emit(POP_TOP, at);
      use(cleanup_body);
      TRY(push_block({BlockType::HandlerCleanup, cleanup_body, {}, at}));
      TRY(visit(handler->body));
      pop_block();
      emit(POP_BLOCK, kNoLocation);
      emit(POP_EXCEPT, kNoLocation);
      emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
    }
    use(except);
  }
  emit(RERAISE, 0, kNoLocation);
  pop_block();
  use(cleanup);
  pop_except_and_reraise();
  use(end);
  return Status::Ok;
}

// except*: each handler takes its part of the group; what is left, and what handlers raise, is collected in a list.
template <class T>
Status Codegen::try_star(const T* node) {
  const Label body = new_label(), orelse = new_label(), end = new_label(), cleanup = new_label(), reraise_star = new_label();
  Label except = new_label();
  emit_jump(SETUP_FINALLY, except, node->position);
  use(body);
  TRY(push_block({BlockType::TryExcept, body, {}, node->position}));
  TRY(visit(node->body));
  pop_block();
  emit(POP_BLOCK, kNoLocation);
  emit_jump(JUMP_NO_INTERRUPT, orelse, kNoLocation);
  use(except);
  emit_jump(SETUP_CLEANUP, cleanup, kNoLocation);
  emit(PUSH_EXC_INFO, kNoLocation);
  TRY(push_block({BlockType::ExceptionGroupHandler, {}, {}, node->position}));
  const Py_ssize_t count = node->handlers.size();
  for (Py_ssize_t i = 0; i < count; ++i) {
    const ExceptHandler* handler = node->handlers[i];
    const Location& at = handler->position;
    except = new_label();
    const Label with_error = new_label(), no_match = new_label();
    if (i == 0) {
      emit(BUILD_LIST, 0, at);
      emit(COPY, 2, at);
    }
    if (handler->type) {
      TRY(visit(handler->type));
      emit(CHECK_EG_MATCH, at);
      emit(COPY, 1, at);
      emit_jump(POP_JUMP_IF_NONE, no_match, at);
    }
    const Label cleanup_end = new_label(), cleanup_body = new_label();
    if (handler->name) TRY(name_operation(handler->name, Context::Store, at));
    else emit(POP_TOP, at);
    emit_jump(SETUP_CLEANUP, cleanup_end, at);
    use(cleanup_body);
    TRY(push_block({BlockType::HandlerCleanup, cleanup_body, {}, at, nullptr, handler->name}));
    TRY(visit(handler->body));
    pop_block();
    emit(POP_BLOCK, kNoLocation);
    if (handler->name) TRY(clear_handler_name(handler->name));
    emit_jump(JUMP_NO_INTERRUPT, except, kNoLocation);
    use(cleanup_end);
    if (handler->name) TRY(clear_handler_name(handler->name));
    // The handler raised: to the list with it.
    emit(LIST_APPEND, 3, kNoLocation);
    emit(POP_TOP, kNoLocation);
    emit_jump(JUMP_NO_INTERRUPT, with_error, kNoLocation);
    use(except);
    emit(NOP, kNoLocation);
    emit_jump(JUMP_NO_INTERRUPT, with_error, kNoLocation);
    use(no_match);
    emit(POP_TOP, at);
    use(with_error);
    if (i == count - 1) {
      // The rest of the group, or None.
      emit(LIST_APPEND, 1, kNoLocation);
      emit_jump(JUMP_NO_INTERRUPT, reraise_star, kNoLocation);
    }
  }
  pop_block();
  const Label reraise = new_label();
  use(reraise_star);
  emit(CALL_INTRINSIC_2, intrinsic::PrepReraiseStar, kNoLocation);
  emit(COPY, 1, kNoLocation);
  emit_jump(POP_JUMP_IF_NOT_NONE, reraise, kNoLocation);
  emit(POP_TOP, kNoLocation);
  emit(POP_BLOCK, kNoLocation);
  emit(POP_EXCEPT, kNoLocation);
  emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
  use(reraise);
  emit(POP_BLOCK, kNoLocation);
  emit(SWAP, 2, kNoLocation);
  emit(POP_EXCEPT, kNoLocation);
  emit(RERAISE, 0, kNoLocation);
  use(cleanup);
  pop_except_and_reraise();
  use(orelse);
  TRY(visit(node->orelse));
  use(end);
  return Status::Ok;
}

// ---- assignments -----------------------------------------------------------------------------------------------------

namespace {

bool is_two_part_slice(const Expression* node) {
  const auto* slice = node->if_is<Slice>();
  if (!slice || slice->step) return false;
  auto constant = [](const Expression* part) { return !part || part->is<Constant>(); };
  return !(constant(slice->lower) && constant(slice->upper));
}

}  // namespace

// The attribute's own place: it may stand on a later line than its object.
Location attribute_location(Location at, const Attribute* node);

Status Codegen::augmented_assignment(const AugAssign* node) {
  const Expression* target = node->target;
  Location at = target->position;
  switch (target->kind) {
    case ExpressionKind::Attribute: {
      const auto* n = target->as<Attribute>();
      TRY(visit(n->value));
      emit(COPY, 1, at);
      at = attribute_location(at, n);
      TRY(emit_attribute(LOAD_ATTR, n->attr, at));
      break;
    }
    case ExpressionKind::Subscript: {
      const auto* n = target->as<Subscript>();
      TRY(visit(n->value));
      if (is_two_part_slice(n->slice)) {
        TRY(slice_parts(n->slice->as<Slice>()));
        for (int i = 0; i < 3; ++i) emit(COPY, 3, at);
        emit(BINARY_SLICE, at);
      } else {
        TRY(visit(n->slice));
        emit(COPY, 2, at);
        emit(COPY, 2, at);
        emit(BINARY_OP, binary::Subscript, at);
      }
      break;
    }
    case ExpressionKind::Name:
      TRY(name_operation(target->as<Name>()->id, Context::Load, at));
      break;
    default:
      return raise(PyExc_SystemError, "invalid node type (%d) for augmented assignment", static_cast<int>(target->kind) + 1);
  }
  TRY(visit(node->value));
  emit_binary(node->op, true, node->position);
  switch (target->kind) {
    case ExpressionKind::Attribute: {
      const auto* n = target->as<Attribute>();
      at = attribute_location(target->position, n);
      emit(SWAP, 2, at);
      return emit_attribute(STORE_ATTR, n->attr, at);
    }
    case ExpressionKind::Subscript:
      if (is_two_part_slice(target->as<Subscript>()->slice)) {
        emit(SWAP, 4, at);
        emit(SWAP, 3, at);
        emit(SWAP, 2, at);
        emit(STORE_SLICE, at);
      } else {
        emit(SWAP, 3, at);
        emit(SWAP, 2, at);
        emit(STORE_SUBSCR, at);
      }
      return Status::Ok;
    default:
      return name_operation(target->as<Name>()->id, Context::Store, at);
  }
}

Status Codegen::annotated_assignment(const AnnAssign* node) {
  const Location& at = node->position;
  const Expression* target = node->target;
  if (node->value) {
    TRY(visit(node->value));
    TRY(visit(target));
  }
  auto evaluate = [&](const Expression* part) -> Status {
    TRY(visit(part));
    emit(POP_TOP, part->position);
    return Status::Ok;
  };
  switch (target->kind) {
    case ExpressionKind::Name: {
      Unit& u = unit();
      if (!node->simple || (u.type != UnitType::Module && u.type != UnitType::Class)) break;
      const bool in_class = u.type == UnitType::Class;
      if (future_annotations()) {
        TRY(annotation_text(node->annotation));
        TRY(emit_name(LOAD_NAME, "__annotations__"_id, at));
        Identifier name;
        TRY(mangled(target->as<Name>()->id, &name));
        TRY(load_const(name, at));
        emit(STORE_SUBSCR, at);
        break;
      }
      if (!in_class || u.in_conditional_block) {
        const int index = u.next_conditional_index++;
        u.deferred_annotations.push_back({node, index});
        if (in_class) emit(LOAD_DEREF, index_of(u.cellvars, "__conditional_annotations__"_id), at);
        else emit(LOAD_NAME, index_of(u.names, "__conditional_annotations__"_id), at);
        TRY(load_int(index, at));
        emit(SET_ADD, 1, at);
        emit(POP_TOP, at);
      } else {
        u.deferred_annotations.push_back({node, -1});
      }
      break;
    }
    case ExpressionKind::Attribute:
      if (!node->value) TRY(evaluate(target->as<Attribute>()->value));
      break;
    case ExpressionKind::Subscript:
      if (!node->value) {
        const auto* n = target->as<Subscript>();
        TRY(evaluate(n->value));
        auto evaluate_index = [&](const Expression* index) -> Status {
          if (const auto* slice = index->if_is<Slice>()) {
            for (const Expression* part : {slice->lower, slice->upper, slice->step})
              if (part) TRY(evaluate(part));
            return Status::Ok;
          }
          return evaluate(index);
        };
        if (const auto* tuple = n->slice->if_is<Tuple>()) {
          for (const Expression* index : tuple->elts) TRY(evaluate_index(index));
        } else {
          TRY(evaluate_index(n->slice));
        }
      }
      break;
    default:
      return raise(PyExc_SystemError, "invalid node type (%d) for annotated assignment", static_cast<int>(target->kind) + 1);
  }
  return Status::Ok;
}

Status Codegen::assert_statement(const Assert* node) {
  const Location& at = node->position;
  const auto* tuple = node->test->if_is<Tuple>();
  const auto* constant = node->test->if_is<Constant>();
  if ((tuple && !tuple->elts.empty()) ||
      (constant && PyTuple_Check(constant->value) && PyTuple_GET_SIZE(constant->value) > 0))
    TRY(warn(at, "assertion is always true, perhaps remove parentheses?"));
  if (settings_.optimize) return Status::Ok;
  const Label end = new_label();
  TRY(jump_if(node->test, end, true));
  emit(LOAD_COMMON_CONSTANT, common_constant::AssertionError, at);
  if (node->msg) {
    TRY(visit(node->msg));
    emit(CALL, 0, at);
  }
  emit(RAISE_VARARGS, 1, node->test->position);
  use(end);
  return Status::Ok;
}

// ---- imports ---------------------------------------------------------------------------------------------------------

namespace {

// A piece of a dotted name.
Identifier part_of(Identifier name, Py_ssize_t begin, Py_ssize_t end, Arena& arena) {
  PyObject* part = PyUnicode_Substring(name, begin, end);
  if (!part) return nullptr;
  PyUnicode_InternInPlace(&part);
  return arena.own(steal(part));
}
Py_ssize_t find_dot(Identifier name, Py_ssize_t from) { return PyUnicode_FindChar(name, '.', from, PyUnicode_GET_LENGTH(name), 1); }

}  // namespace

Status Codegen::import_statement(const Import* node) {
  const Location& at = node->position;
  for (const Alias* alias : node->names) {
    TRY(load_int(0, at));
    TRY(load_const(Py_None, at));
    TRY(emit_name(IMPORT_NAME, alias->name, at));
    Py_ssize_t dot = find_dot(alias->name, 0);
    if (!alias->asname) {
      Identifier name = alias->name;
      if (dot >= 0) name = TRY(part_of(name, 0, dot, arena_));
      TRY(name_operation(name, Context::Store, at));
      continue;
    }
    if (dot < 0) {
      TRY(name_operation(alias->asname, Context::Store, at));
      continue;
    }
    // import a.b.c as d: from the package down to the last part.
    while (true) {
      const Py_ssize_t begin = dot + 1;
      dot = find_dot(alias->name, begin);
      const Identifier part = TRY(part_of(alias->name, begin, dot >= 0 ? dot : PyUnicode_GET_LENGTH(alias->name), arena_));
      emit(IMPORT_FROM, index_of(unit().names, part), at);
      if (dot < 0) break;
      emit(SWAP, 2, at);
      emit(POP_TOP, at);
    }
    TRY(name_operation(alias->asname, Context::Store, at));
    emit(POP_TOP, at);
  }
  return Status::Ok;
}

Status Codegen::import_from(const ImportFrom* node) {
  const Location& at = node->position;
  TRY(load_int(node->level, at));
  Ref<> names = TRY(steal(PyTuple_New(node->names.size())));
  for (Py_ssize_t i = 0; i < node->names.size(); ++i) PyTuple_SET_ITEM(names.get(), i, Py_NewRef(node->names[i]->name));
  TRY(load_const(std::move(names), at));
  TRY(emit_name(IMPORT_NAME, node->module ? node->module : ""_id, at));
  for (Py_ssize_t i = 0; i < node->names.size(); ++i) {
    const Alias* alias = node->names[i];
    if (i == 0 && PyUnicode_READ_CHAR(alias->name, 0) == '*') {
      emit(CALL_INTRINSIC_1, intrinsic::ImportStar, at);
      emit(POP_TOP, kNoLocation);
      return Status::Ok;
    }
    TRY(emit_name(IMPORT_FROM, alias->name, at));
    TRY(name_operation(alias->asname ? alias->asname : alias->name, Context::Store, at));
  }
  emit(POP_TOP, at);
  return Status::Ok;
}

}  // namespace ks::compiler
