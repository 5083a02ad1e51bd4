// What a tree made of objects may get wrong: empty bodies, wrong contexts, impossible positions, odd constants.
#include "syntax/validate.h"

#include <Python.h>

namespace ks::syntax {
namespace {

constexpr const char* kContextNames[] = {"Load", "Store", "Del"};

Status check(const Expression* node, Context context = Context::Load);
Status check(const Statement* node);
Status check(const Pattern* node, bool star_allowed);

Status check_position(const Position& at) {
  if (at.lineno > at.end_lineno)
    return raise(PyExc_ValueError, "AST node line range (%d, %d) is not valid", at.lineno, at.end_lineno);
  if ((at.lineno < 0 && at.end_lineno != at.lineno) || (at.col_offset < 0 && at.col_offset != at.end_col_offset))
    return raise(PyExc_ValueError, "AST node column range (%d, %d) for line range (%d, %d) is not valid", at.col_offset,
                 at.end_col_offset, at.lineno, at.end_lineno);
  if (at.lineno == at.end_lineno && at.col_offset > at.end_col_offset)
    return raise(PyExc_ValueError, "line %d, column %d-%d is not a valid range", at.lineno, at.col_offset,
                 at.end_col_offset);
  return Status::Ok;
}

Status check_name(Identifier name) {
  for (const char* forbidden : {"None", "True", "False"})
    if (PyUnicode_EqualToUTF8(name, forbidden))
      return raise(PyExc_ValueError, "identifier field can't represent '%s' constant", forbidden);
  return Status::Ok;
}

Status check_names(const Sequence<Alias*>& names) {
  for (const Alias* alias : names) {
    TRY(check_name(alias->name));
    if (alias->asname) TRY(check_name(alias->asname));
  }
  return Status::Ok;
}

template <class T>
Status not_empty(const Sequence<T>& sequence, const char* what, const char* owner) {
  if (sequence.empty()) return raise(PyExc_ValueError, "empty %s on %s", what, owner);
  return Status::Ok;
}

Status check(const Sequence<Expression*>& nodes, Context context = Context::Load, bool null_allowed = false) {
  for (const Expression* node : nodes) {
    if (node) TRY(check(node, context));
    else if (!null_allowed) return raise(PyExc_ValueError, "None disallowed in expression list");
  }
  return Status::Ok;
}
Status check_maybe(const Expression* node) { return node ? check(node) : Status::Ok; }

Status check(const Sequence<Statement*>& nodes) {
  for (const Statement* node : nodes) {
    if (!node) return raise(PyExc_ValueError, "None disallowed in statement list");
    TRY(check(node));
  }
  return Status::Ok;
}
Status check_body(const Sequence<Statement*>& body, const char* owner) {
  TRY(not_empty(body, "body", owner));
  return check(body);
}

Status check(const Sequence<Argument*>& arguments) {
  for (const Argument* argument : arguments) {
    TRY(check_position(argument->position));
    TRY(check_maybe(argument->annotation));
  }
  return Status::Ok;
}

Status check(const Arguments* arguments) {
  TRY(check(arguments->posonlyargs));
  TRY(check(arguments->args));
  if (arguments->vararg) TRY(check_maybe(arguments->vararg->annotation));
  TRY(check(arguments->kwonlyargs));
  if (arguments->kwarg) TRY(check_maybe(arguments->kwarg->annotation));
  if (arguments->defaults.size() > arguments->posonlyargs.size() + arguments->args.size())
    return raise(PyExc_ValueError, "more positional defaults than args on arguments");
  if (arguments->kw_defaults.size() != arguments->kwonlyargs.size())
    return raise(PyExc_ValueError, "length of kwonlyargs is not the same as kw_defaults on arguments");
  TRY(check(arguments->defaults));
  return check(arguments->kw_defaults, Context::Load, true);
}

Status check(const Sequence<Comprehension*>& generators) {
  if (generators.empty()) return raise(PyExc_ValueError, "comprehension with no generators");
  for (const Comprehension* generator : generators) {
    TRY(check(generator->target, Context::Store));
    TRY(check(generator->iter));
    TRY(check(generator->ifs));
  }
  return Status::Ok;
}

Status check(const Sequence<Keyword*>& keywords) {
  for (const Keyword* keyword : keywords) TRY(check(keyword->value));
  return Status::Ok;
}

Status check(const Sequence<TypeParameter*>& parameters) {
  for (const TypeParameter* parameter : parameters) {
    if (!parameter) return raise(PyExc_ValueError, "None disallowed in type_param list");
    TRY(check_position(parameter->position));
    switch (parameter->kind) {
      case TypeParameterKind::TypeVar: {
        const TypeVar* node = parameter->as<TypeVar>();
        TRY(check_name(node->name));
        TRY(check_maybe(node->bound));
        TRY(check_maybe(node->default_value));
        break;
      }
      case TypeParameterKind::ParamSpec:
        TRY(check_name(parameter->as<ParamSpec>()->name));
        TRY(check_maybe(parameter->as<ParamSpec>()->default_value));
        break;
      case TypeParameterKind::TypeVarTuple:
        TRY(check_name(parameter->as<TypeVarTuple>()->name));
        TRY(check_maybe(parameter->as<TypeVarTuple>()->default_value));
        break;
    }
  }
  return Status::Ok;
}

Status check_constant(PyObject* value) {
  if (value == Py_None || value == Py_Ellipsis || PyLong_CheckExact(value) || PyFloat_CheckExact(value) ||
      PyComplex_CheckExact(value) || PyBool_Check(value) || PyUnicode_CheckExact(value) || PyBytes_CheckExact(value))
    return Status::Ok;
  if (PyTuple_CheckExact(value) || PyFrozenSet_CheckExact(value)) {
    if (Py_EnterRecursiveCall(" during compilation")) return failed;
    Status result = Status::Ok;
    Ref<> iterator = steal(PyObject_GetIter(value));
    if (!iterator) result = Status::Error;
    while (result == Status::Ok) {
      Ref<> item = steal(PyIter_Next(iterator));
      if (!item) {
        if (PyErr_Occurred()) result = Status::Error;
        break;
      }
      result = check_constant(item);
    }
    Py_LeaveRecursiveCall();
    return result;
  }
  Ref<> name = TRY(steal(PyType_GetName(Py_TYPE(value))));
  return raise(PyExc_TypeError, "got an invalid type in Constant: %U", name.get());
}

Status check_fields(const Expression* node, Context context) {
  switch (node->kind) {
    case ExpressionKind::BoolOp: {
      const auto* n = node->as<BoolOp>();
      if (n->values.size() < 2) return raise(PyExc_ValueError, "BoolOp with less than 2 values");
      return check(n->values);
    }
    case ExpressionKind::BinOp:
      TRY(check(node->as<BinOp>()->left));
      return check(node->as<BinOp>()->right);
    case ExpressionKind::UnaryOp:
      return check(node->as<UnaryOp>()->operand);
    case ExpressionKind::Lambda:
      TRY(check(node->as<Lambda>()->args));
      return check(node->as<Lambda>()->body);
    case ExpressionKind::IfExp:
      TRY(check(node->as<IfExp>()->test));
      TRY(check(node->as<IfExp>()->body));
      return check(node->as<IfExp>()->orelse);
    case ExpressionKind::Dict: {
      const auto* n = node->as<Dict>();
      if (n->keys.size() != n->values.size())
        return raise(PyExc_ValueError, "Dict doesn't have the same number of keys as values");
      TRY(check(n->keys, Context::Load, true));
      return check(n->values);
    }
    case ExpressionKind::Set:
      return check(node->as<Set>()->elts);
    case ExpressionKind::ListComp:
      TRY(check(node->as<ListComp>()->generators));
      return check(node->as<ListComp>()->elt);
    case ExpressionKind::SetComp:
      TRY(check(node->as<SetComp>()->generators));
      return check(node->as<SetComp>()->elt);
    case ExpressionKind::GeneratorExp:
      TRY(check(node->as<GeneratorExp>()->generators));
      return check(node->as<GeneratorExp>()->elt);
    case ExpressionKind::DictComp:
      TRY(check(node->as<DictComp>()->generators));
      TRY(check(node->as<DictComp>()->key));
      return check(node->as<DictComp>()->value);
    case ExpressionKind::Yield:
      return check_maybe(node->as<Yield>()->value);
    case ExpressionKind::YieldFrom:
      return check(node->as<YieldFrom>()->value);
    case ExpressionKind::Await:
      return check(node->as<Await>()->value);
    case ExpressionKind::Compare: {
      const auto* n = node->as<Compare>();
      if (n->comparators.empty()) return raise(PyExc_ValueError, "Compare with no comparators");
      if (n->comparators.size() != n->ops.size())
        return raise(PyExc_ValueError, "Compare has a different number of comparators and operands");
      TRY(check(n->comparators));
      return check(n->left);
    }
    case ExpressionKind::Call:
      TRY(check(node->as<Call>()->func));
      TRY(check(node->as<Call>()->args));
      return check(node->as<Call>()->keywords);
    case ExpressionKind::Constant:
      return check_constant(node->as<Constant>()->value);
    case ExpressionKind::JoinedStr:
      return check(node->as<JoinedStr>()->values);
    case ExpressionKind::TemplateStr:
      return check(node->as<TemplateStr>()->values);
    case ExpressionKind::FormattedValue:
      TRY(check(node->as<FormattedValue>()->value));
      return check_maybe(node->as<FormattedValue>()->format_spec);
    case ExpressionKind::Interpolation:
      TRY(check(node->as<Interpolation>()->value));
      return check_maybe(node->as<Interpolation>()->format_spec);
    case ExpressionKind::Attribute:
      return check(node->as<Attribute>()->value);
    case ExpressionKind::Subscript:
      TRY(check(node->as<Subscript>()->slice));
      return check(node->as<Subscript>()->value);
    case ExpressionKind::Starred:
      return check(node->as<Starred>()->value, context);
    case ExpressionKind::Slice:
      TRY(check_maybe(node->as<Slice>()->lower));
      TRY(check_maybe(node->as<Slice>()->upper));
      return check_maybe(node->as<Slice>()->step);
    case ExpressionKind::List:
      return check(node->as<List>()->elts, context);
    case ExpressionKind::Tuple:
      return check(node->as<Tuple>()->elts, context);
    case ExpressionKind::NamedExpr:
      if (!node->as<NamedExpr>()->target->is<Name>())
        return raise(PyExc_TypeError, "NamedExpr target must be a Name");
      return check(node->as<NamedExpr>()->value);
    case ExpressionKind::Name:
      return Status::Ok;
  }
  return Status::Ok;
}

Status check(const Expression* node, Context context) {
  TRY(check_position(node->position));
  Context actual = Context::Load;
  bool assignable = true;
  switch (node->kind) {
    case ExpressionKind::Attribute: actual = node->as<Attribute>()->ctx; break;
    case ExpressionKind::Subscript: actual = node->as<Subscript>()->ctx; break;
    case ExpressionKind::Starred: actual = node->as<Starred>()->ctx; break;
    case ExpressionKind::List: actual = node->as<List>()->ctx; break;
    case ExpressionKind::Tuple: actual = node->as<Tuple>()->ctx; break;
    case ExpressionKind::Name:
      TRY(check_name(node->as<Name>()->id));
      actual = node->as<Name>()->ctx;
      break;
    default:
      assignable = false;
  }
  if (!assignable && context != Context::Load)
    return raise(PyExc_ValueError, "expression which can't be assigned to in %s context",
                 kContextNames[static_cast<int>(context)]);
  if (assignable && actual != context)
    return raise(PyExc_ValueError, "expression must have %s context but has %s instead",
                 kContextNames[static_cast<int>(context)], kContextNames[static_cast<int>(actual)]);
  if (Py_EnterRecursiveCall(" during compilation")) return failed;
  const Status result = check_fields(node, context);
  Py_LeaveRecursiveCall();
  return result;
}

// ---- patterns --------------------------------------------------------------------------------------------------------

Status check_capture(Identifier name) {
  if (PyUnicode_EqualToUTF8(name, "_")) return raise(PyExc_ValueError, "can't capture name '_' in patterns");
  return check_name(name);
}

bool is_number(const Expression* node, bool real, bool imaginary) {
  const auto* constant = node->if_is<Constant>();
  if (!constant) return false;
  return (real && (PyLong_CheckExact(constant->value) || PyFloat_CheckExact(constant->value))) ||
         (imaginary && PyComplex_CheckExact(constant->value));
}
bool is_negative_number(const Expression* node, bool imaginary) {
  const auto* operation = node->if_is<UnaryOp>();
  return operation && operation->op == UnaryOperator::USub && is_number(operation->operand, true, imaginary);
}

Status check_literal(const Expression* node) {
  TRY(check(node));
  switch (node->kind) {
    case ExpressionKind::Constant: {
      PyObject* value = node->as<Constant>()->value;
      if (PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyComplex_CheckExact(value) ||
          PyBytes_CheckExact(value) || PyUnicode_CheckExact(value))
        return Status::Ok;
      return raise(PyExc_ValueError, "unexpected constant inside of a literal pattern");
    }
    case ExpressionKind::Attribute:
    case ExpressionKind::JoinedStr:
    case ExpressionKind::TemplateStr:
      return Status::Ok;
    case ExpressionKind::UnaryOp:
      if (is_negative_number(node, true)) return Status::Ok;
      break;
    case ExpressionKind::BinOp: {
      const auto* n = node->as<BinOp>();
      if ((n->op == Operator::Add || n->op == Operator::Sub) &&
          (is_number(n->left, true, false) || is_negative_number(n->left, false)) && is_number(n->right, false, true))
        return Status::Ok;
      break;
    }
    default:
      break;
  }
  return raise(PyExc_ValueError, "patterns may only match literals and attribute lookups");
}

Status check(const Sequence<Pattern*>& patterns, bool star_allowed) {
  for (const Pattern* pattern : patterns) {
    if (!pattern) return raise(PyExc_ValueError, "None disallowed in pattern list");
    TRY(check(pattern, star_allowed));
  }
  return Status::Ok;
}

bool is_singleton(PyObject* value) { return value == Py_None || value == Py_True || value == Py_False; }

Status check_fields(const Pattern* node, bool star_allowed) {
  switch (node->kind) {
    case PatternKind::MatchValue:
      return check_literal(node->as<MatchValue>()->value);
    case PatternKind::MatchSingleton:
      if (is_singleton(node->as<MatchSingleton>()->value)) return Status::Ok;
      return raise(PyExc_ValueError, "MatchSingleton can only contain True, False and None");
    case PatternKind::MatchSequence:
      return check(node->as<MatchSequence>()->patterns, true);
    case PatternKind::MatchMapping: {
      const auto* n = node->as<MatchMapping>();
      if (n->keys.size() != n->patterns.size())
        return raise(PyExc_ValueError, "MatchMapping doesn't have the same number of keys as patterns");
      if (n->rest) TRY(check_capture(n->rest));
      for (const Expression* key : n->keys) {
        if (!key) return raise(PyExc_ValueError, "None disallowed in expression list");
        if (key->is<Constant>() && is_singleton(key->as<Constant>()->value)) continue;
        TRY(check_literal(key));
      }
      return check(n->patterns, false);
    }
    case PatternKind::MatchClass: {
      const auto* n = node->as<MatchClass>();
      if (n->kwd_attrs.size() != n->kwd_patterns.size())
        return raise(PyExc_ValueError, "MatchClass doesn't have the same number of keyword attributes as patterns");
      TRY(check(n->cls));
      const Expression* cls = n->cls;
      while (cls->is<Attribute>()) cls = cls->as<Attribute>()->value;
      if (!cls->is<Name>())
        return raise(PyExc_ValueError, "MatchClass cls field can only contain Name or Attribute nodes.");
      for (Identifier name : n->kwd_attrs) TRY(check_name(name));
      TRY(check(n->patterns, false));
      return check(n->kwd_patterns, false);
    }
    case PatternKind::MatchStar:
      if (!star_allowed) return raise(PyExc_ValueError, "can't use MatchStar here");
      return node->as<MatchStar>()->name ? check_capture(node->as<MatchStar>()->name) : Status::Ok;
    case PatternKind::MatchAs: {
      const auto* n = node->as<MatchAs>();
      if (n->name) TRY(check_capture(n->name));
      if (!n->pattern) return Status::Ok;
      if (!n->name)
        return raise(PyExc_ValueError, "MatchAs must specify a target name if a pattern is given");
      return check(n->pattern, false);
    }
    case PatternKind::MatchOr:
      if (node->as<MatchOr>()->patterns.size() < 2)
        return raise(PyExc_ValueError, "MatchOr requires at least 2 patterns");
      return check(node->as<MatchOr>()->patterns, false);
  }
  return Status::Ok;
}

Status check(const Pattern* node, bool star_allowed) {
  TRY(check_position(node->position));
  if (Py_EnterRecursiveCall(" during compilation")) return failed;
  const Status result = check_fields(node, star_allowed);
  Py_LeaveRecursiveCall();
  return result;
}

// ---- statements ------------------------------------------------------------------------------------------------------

template <class F>
Status check_function(const F* n, const char* owner) {
  TRY(check_body(n->body, owner));
  TRY(check_name(n->name));
  TRY(check(n->type_params));
  TRY(check(n->args));
  TRY(check(n->decorator_list));
  return check_maybe(n->returns);
}
template <class F>
Status check_for(const F* n, const char* owner) {
  TRY(check(n->target, Context::Store));
  TRY(check(n->iter));
  TRY(check_body(n->body, owner));
  return check(n->orelse);
}
template <class F>
Status check_with(const F* n, const char* owner) {
  TRY(not_empty(n->items, "items", owner));
  for (const WithItem* item : n->items) {
    TRY(check(item->context_expr));
    if (item->optional_vars) TRY(check(item->optional_vars, Context::Store));
  }
  return check_body(n->body, owner);
}
template <class F>
Status check_try(const F* n, const char* owner) {
  TRY(check_body(n->body, owner));
  if (n->handlers.empty() && n->finalbody.empty())
    return raise(PyExc_ValueError, "%s has neither except handlers nor finalbody", owner);
  if (n->handlers.empty() && !n->orelse.empty())
    return raise(PyExc_ValueError, "%s has orelse but no except handlers", owner);
  for (const ExceptHandler* handler : n->handlers) {
    if (!handler) return raise(PyExc_ValueError, "None disallowed in excepthandler list");
    TRY(check_position(handler->position));
    TRY(check_maybe(handler->type));
    if (handler->name) TRY(check_name(handler->name));
    TRY(check_body(handler->body, "ExceptHandler"));
  }
  TRY(check(n->finalbody));
  return check(n->orelse);
}

Status check_fields(const Statement* node) {
  switch (node->kind) {
    case StatementKind::FunctionDef:
      return check_function(node->as<FunctionDef>(), "FunctionDef");
    case StatementKind::AsyncFunctionDef:
      return check_function(node->as<AsyncFunctionDef>(), "AsyncFunctionDef");
    case StatementKind::ClassDef: {
      const auto* n = node->as<ClassDef>();
      TRY(check_body(n->body, "ClassDef"));
      TRY(check_name(n->name));
      TRY(check(n->type_params));
      TRY(check(n->bases));
      TRY(check(n->keywords));
      return check(n->decorator_list);
    }
    case StatementKind::Return:
      return check_maybe(node->as<Return>()->value);
    case StatementKind::Delete:
      TRY(not_empty(node->as<Delete>()->targets, "targets", "Delete"));
      return check(node->as<Delete>()->targets, Context::Del);
    case StatementKind::Assign:
      TRY(not_empty(node->as<Assign>()->targets, "targets", "Assign"));
      TRY(check(node->as<Assign>()->targets, Context::Store));
      return check(node->as<Assign>()->value);
    case StatementKind::AugAssign:
      TRY(check(node->as<AugAssign>()->target, Context::Store));
      return check(node->as<AugAssign>()->value);
    case StatementKind::AnnAssign: {
      const auto* n = node->as<AnnAssign>();
      if (!n->target->is<Name>() && n->simple)
        return raise(PyExc_TypeError, "AnnAssign with simple non-Name target");
      TRY(check(n->target, Context::Store));
      TRY(check_maybe(n->value));
      return check(n->annotation);
    }
    case StatementKind::TypeAlias: {
      const auto* n = node->as<TypeAlias>();
      if (!n->name->is<Name>()) return raise(PyExc_TypeError, "TypeAlias with non-Name name");
      TRY(check(n->name, Context::Store));
      TRY(check(n->type_params));
      return check(n->value);
    }
    case StatementKind::For:
      return check_for(node->as<For>(), "For");
    case StatementKind::AsyncFor:
      return check_for(node->as<AsyncFor>(), "AsyncFor");
    case StatementKind::While:
      TRY(check(node->as<While>()->test));
      TRY(check_body(node->as<While>()->body, "While"));
      return check(node->as<While>()->orelse);
    case StatementKind::If:
      TRY(check(node->as<If>()->test));
      TRY(check_body(node->as<If>()->body, "If"));
      return check(node->as<If>()->orelse);
    case StatementKind::With:
      return check_with(node->as<With>(), "With");
    case StatementKind::AsyncWith:
      return check_with(node->as<AsyncWith>(), "AsyncWith");
    case StatementKind::Match: {
      const auto* n = node->as<Match>();
      TRY(check(n->subject));
      TRY(not_empty(n->cases, "cases", "Match"));
      for (const MatchCase* match_case : n->cases) {
        TRY(check(match_case->pattern, false));
        TRY(check_maybe(match_case->guard));
        TRY(check_body(match_case->body, "match_case"));
      }
      return Status::Ok;
    }
    case StatementKind::Raise: {
      const auto* n = node->as<Raise>();
      if (n->exc) {
        TRY(check(n->exc));
        return check_maybe(n->cause);
      }
      if (n->cause) return raise(PyExc_ValueError, "Raise with cause but no exception");
      return Status::Ok;
    }
    case StatementKind::Try:
      return check_try(node->as<Try>(), "Try");
    case StatementKind::TryStar:
      return check_try(node->as<TryStar>(), "TryStar");
    case StatementKind::Assert:
      TRY(check(node->as<Assert>()->test));
      return check_maybe(node->as<Assert>()->msg);
    case StatementKind::Import:
      TRY(not_empty(node->as<Import>()->names, "names", "Import"));
      return check_names(node->as<Import>()->names);
    case StatementKind::ImportFrom:
      if (node->as<ImportFrom>()->level < 0) return raise(PyExc_ValueError, "Negative ImportFrom level");
      TRY(not_empty(node->as<ImportFrom>()->names, "names", "ImportFrom"));
      return check_names(node->as<ImportFrom>()->names);
    case StatementKind::Global:
      return not_empty(node->as<Global>()->names, "names", "Global");
    case StatementKind::Nonlocal:
      return not_empty(node->as<Nonlocal>()->names, "names", "Nonlocal");
    case StatementKind::Expr:
      return check(node->as<Expr>()->value);
    case StatementKind::Pass:
    case StatementKind::Break:
    case StatementKind::Continue:
      return Status::Ok;
  }
  return Status::Ok;
}

Status check(const Statement* node) {
  TRY(check_position(node->position));
  if (Py_EnterRecursiveCall(" during compilation")) return failed;
  const Status result = check_fields(node);
  Py_LeaveRecursiveCall();
  return result;
}

}  // namespace

Status validate(const Module* module) {
  switch (module->kind) {
    case ModuleKind::Module:
    case ModuleKind::Interactive:
      return check(module->body);
    case ModuleKind::Expression:
      return check(module->expression);
    case ModuleKind::FunctionType:
      TRY(check(module->argtypes));
      return check(module->expression);
  }
  return Status::Ok;
}

}  // namespace ks::syntax
