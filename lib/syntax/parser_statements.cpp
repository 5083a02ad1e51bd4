// Whole inputs, blocks and simple statements.
#include "syntax/parser_state.h"

namespace ks::syntax {

using E = Expression;
using S = Statement;

// ---- inputs ----------------------------------------------------------------------------------------------------------

Module* Parser::module() {
  auto* result = arena.make_plain<Module>();
  if (!result) return nullptr;
  GrowingArray<S*> body;
  switch (options.start) {
    case Py_eval_input: {
      result->kind = ModuleKind::Expression;
      result->expression = expressions();
      if (!result->expression) return nullptr;
      while (accept(Kind::NewLine)) {
      }
      return is(Kind::EndMarker) ? result : nullptr;
    }
    case Py_single_input: {
      result->kind = ModuleKind::Interactive;
      if (is(Kind::EndMarker)) return nullptr;
      if (is(Kind::NewLine)) {
        S* pass = arena.make<Pass>(Position{tokens[at].line, tokens[at].column, tokens[at].line, tokens[at].column});
        if (!pass || body.append(pass) != Status::Ok) return nullptr;
        ++at;
      } else {
        const Py_ssize_t first = at;
        S* compound = compound_statement();
        if (compound) {
          remember(compound);
          if (body.append(compound) != Status::Ok) return nullptr;
          if (!accept(Kind::NewLine)) return nullptr;
        } else {
          if (PyErr_Occurred()) return nullptr;
          at = first;
          if (!simple_statements(body)) return nullptr;
        }
      }
      result->body = keep(body);
      return result;
    }
    case Py_func_type_input: {
      result->kind = ModuleKind::FunctionType;
      GrowingArray<E*> types;
      if (!accept(Kind::LeftParenthesis)) return nullptr;
      bool star = false, mapping = false;
      while (!is(Kind::RightParenthesis)) {
        if (accept(Kind::DoubleStar)) mapping = true;
        else if (star) return nullptr;
        else if (accept(Kind::Star)) star = true;
        E* type = expression();
        if (!type || types.append(type) != Status::Ok) return nullptr;
        if (mapping || !accept(Kind::Comma)) break;
        if (is(Kind::RightParenthesis)) return nullptr;
      }
      if (!accept(Kind::RightParenthesis) || !accept(Kind::RightArrow)) return nullptr;
      result->argtypes = keep(types);
      result->expression = expression();
      if (!result->expression) return nullptr;
      while (accept(Kind::NewLine)) {
      }
      return is(Kind::EndMarker) ? result : nullptr;
    }
    default: {
      if (!statements(body, true)) return nullptr;
      if (!is(Kind::EndMarker)) return nullptr;
      result->body = keep(body);
      GrowingArray<TypeIgnore*> ignores;
      for (const TypeIgnore& ignore : type_ignores) {
        auto* kept = arena.make_plain<TypeIgnore>(ignore);
        if (!kept || ignores.append(kept) != Status::Ok) return nullptr;
      }
      result->type_ignores = keep(ignores);
      return result;
    }
  }
}

// Statements up to a DEDENT or the end.
bool Parser::statements(GrowingArray<S*>& out, bool at_top) {
  while (!is(Kind::EndMarker) && !is(Kind::Dedent)) {
    if (!statement(out)) return false;
  }
  return at_top ? is(Kind::EndMarker) : true;
}

void Parser::remember(const S* compound) {
  if (compound->is<FunctionDef>() || compound->is<AsyncFunctionDef>() || compound->position.lineno < last_statement_line) return;
  last_statement_line = compound->position.lineno;
  last_statement_column = compound->position.col_offset;
}

bool Parser::statement(GrowingArray<S*>& out) {
  const Py_ssize_t first = at;
  switch (kind()) {
    case Kind::If:
    case Kind::While:
    case Kind::For:
    case Kind::With:
    case Kind::Try:
    case Kind::Def:
    case Kind::Class:
    case Kind::At:
    case Kind::Async: {
      S* compound = compound_statement();
      if (!compound) return false;
      remember(compound);
      return out.append(compound) == Status::Ok;
    }
    default: break;
  }
  if (is_soft("match")) {
    S* match = match_statement();
    if (match) {
      remember(match);
      return out.append(match) == Status::Ok;
    }
    if (PyErr_Occurred()) return false;
    at = first;
  }
  return simple_statements(out);
}

bool Parser::simple_statements(GrowingArray<S*>& out) {
  for (;;) {
    S* one = simple_statement();
    if (!one || out.append(one) != Status::Ok) return false;
    if (accept(Kind::NewLine)) return true;
    if (!accept(Kind::Semicolon)) return false;
    if (accept(Kind::NewLine)) return true;
  }
}

// The statements of a compound statement, after its colon.
bool Parser::block(Sequence<S*>* out, const char* after, Py_ssize_t first) {
  Nesting nesting(*this);
  if (!nesting.good) return false;
  GrowingArray<S*> body;
  if (accept(Kind::NewLine)) {
    if (!accept(Kind::Indent)) {
      if (!finding_errors) return false;
      if (after) error_last(PyExc_IndentationError, "expected an indented block after %s on line %d", after, tokens[first].line);
      else error_last(PyExc_IndentationError, "expected an indented block");
      return false;
    }
    if (is(Kind::Dedent) || !statements(body, false) || !accept(Kind::Dedent)) return false;
  } else if (!simple_statements(body)) {
    return false;
  }
  *out = keep(body);
  return out->length >= 0;
}

// ---- simple statements -----------------------------------------------------------------------------------------------

S* Parser::simple_statement() {
  const Py_ssize_t first = at;
  if (finding_errors && (is(Kind::Pass) || is(Kind::Break) || is(Kind::Continue)) && wrong_expression()) return nullptr;
  switch (kind()) {
    case Kind::Return: {
      ++at;
      E* value = nullptr;
      if (!is(Kind::NewLine) && !is(Kind::Semicolon)) {
        value = star_expressions();
        if (!value) return nullptr;
      }
      return arena.make<Return>(position(first), value);
    }
    case Kind::Import: return import_statement();
    case Kind::From: return import_from();
    case Kind::Raise: {
      ++at;
      E *exception = nullptr, *cause = nullptr;
      if (!is(Kind::NewLine) && !is(Kind::Semicolon)) {
        exception = expression();
        if (!exception) return nullptr;
        if (accept(Kind::From)) {
          cause = expression();
          if (!cause) return nullptr;
        }
      }
      return arena.make<Raise>(position(first), exception, cause);
    }
    case Kind::Pass: ++at; return arena.make<Pass>(position(first));
    case Kind::Break: ++at; return arena.make<Break>(position(first));
    case Kind::Continue: ++at; return arena.make<Continue>(position(first));
    case Kind::Del: return del_statement();
    case Kind::Assert: {
      ++at;
      E* test = expression();
      if (!test) return nullptr;
      E* message = nullptr;
      if (accept(Kind::Comma)) {
        message = expression();
        if (!message) return nullptr;
      }
      return arena.make<Assert>(position(first), test, message);
    }
    case Kind::Global:
    case Kind::NonLocal: return global_or_nonlocal();
    case Kind::Yield: {
      E* value = yield_expression();
      if (!value) return nullptr;
      if (is(Kind::Equal)) {
        if (finding_errors) error_at(value->position, "assignment to yield expression not possible");
        return nullptr;
      }
      return arena.make<Expr>(position(first), value);
    }
    default: break;
  }
  if (is_soft("type") && kind(1) == Kind::Name) {
    if (finding_errors) {
      // It could have been an expression.
      star_expressions();
      if (PyErr_Occurred()) return nullptr;
      at = first;
    }
    S* alias = type_alias();
    if (alias || PyErr_Occurred()) return alias;
    at = first;
  }
  return expression_statement();
}

static bool augmented_operator(Kind kind, Operator* op) {
  switch (kind) {
    case Kind::PlusEqual: *op = Operator::Add; return true;
    case Kind::MinusEqual: *op = Operator::Sub; return true;
    case Kind::StarEqual: *op = Operator::Mult; return true;
    case Kind::AtEqual: *op = Operator::MatMult; return true;
    case Kind::SlashEqual: *op = Operator::Div; return true;
    case Kind::PercentEqual: *op = Operator::Mod; return true;
    case Kind::AmpersandEqual: *op = Operator::BitAnd; return true;
    case Kind::BarEqual: *op = Operator::BitOr; return true;
    case Kind::CircumflexEqual: *op = Operator::BitXor; return true;
    case Kind::LeftShiftEqual: *op = Operator::LShift; return true;
    case Kind::RightShiftEqual: *op = Operator::RShift; return true;
    case Kind::DoubleStarEqual: *op = Operator::Pow; return true;
    case Kind::DoubleSlashEqual: *op = Operator::FloorDiv; return true;
    default: return false;
  }
}

// An expression, or one of the assignments that begin with one.
S* Parser::expression_statement() {
  const Py_ssize_t first = at;
  if (finding_errors) {
    if (wrong_first_strings(true)) return nullptr;
    S* result = assignment();
    if (PyErr_Occurred() || (result && !result->is<Expr>())) return result;
    at = first;
    if (wrong_assignment()) return nullptr;
    E* value = star_expressions();
    return value ? arena.make<Expr>(position(first), value) : nullptr;
  }
  return assignment();
}

S* Parser::assignment() {
  const Py_ssize_t first = at;
  E* value = star_expressions();
  if (!value) return nullptr;
  Operator op;
  if (is(Kind::Equal)) {
    GrowingArray<E*> targets;
    while (accept(Kind::Equal)) {
      if (!is_target(value, true)) return nullptr;
      set_context(value, Context::Store);
      if (targets.append(value) != Status::Ok) return nullptr;
      if (finding_errors && wrong_first_strings(false)) return nullptr;
      value = annotated_rhs();
      if (!value) return nullptr;
    }
    PyObject* comment = type_comment();
    if (PyErr_Occurred()) return nullptr;
    return arena.make<Assign>(position(first), keep(targets), value, comment);
  }
  if (is(Kind::Colon)) {
    const bool simple = value->is<Name>() && !parenthesized(first);
    if (!value->is<Name>() && !value->is<Attribute>() && !value->is<Subscript>()) return nullptr;
    ++at;
    set_context(value, Context::Store);
    E* annotation = expression();
    if (!annotation) return nullptr;
    E* right = nullptr;
    if (is(Kind::Equal)) {
      const Py_ssize_t sign = at++;
      right = annotated_rhs();
      if (!right) {
        if (PyErr_Occurred()) return nullptr;
        at = sign;
      }
    }
    if (!check_version(6, "Variable annotation syntax is")) return nullptr;
    return arena.make<AnnAssign>(position(first), value, annotation, right, simple ? 1 : 0);
  }
  if (augmented_operator(kind(), &op)) {
    if (op == Operator::MatMult && !check_version(5, "The '@' operator is")) return nullptr;
    if (!value->is<Name>() && !value->is<Attribute>() && !value->is<Subscript>()) return nullptr;
    ++at;
    set_context(value, Context::Store);
    E* right = annotated_rhs();
    if (!right) return nullptr;
    return arena.make<AugAssign>(position(first), value, op, right);
  }
  return arena.make<Expr>(position(first), value);
}

PyObject* Parser::type_comment() {
  if (!is(Kind::TypeComment)) return nullptr;
  const Token& comment = tokens[at++];
  return arena.own(steal(PyUnicode_DecodeUTF8(comment.start, comment.size(), nullptr)));
}

S* Parser::del_statement() {
  const Py_ssize_t first = at;
  S* result = read_del_statement();
  if (!result && finding_errors && !PyErr_Occurred()) {
    at = first + 1;
    E* targets = star_expressions();
    if (targets && !PyErr_Occurred()) refuse_target(targets, Target::Delete);
  }
  return result;
}

S* Parser::read_del_statement() {
  const Py_ssize_t first = at++;
  GrowingArray<E*> targets;
  do {
    if (is(Kind::NewLine) || is(Kind::Semicolon)) {
      if (targets.empty()) return nullptr;
      break;
    }
    E* target = primary();
    if (!target || !is_delete_target(target)) return nullptr;
    set_context(target, Context::Del);
    if (targets.append(target) != Status::Ok) return nullptr;
  } while (accept(Kind::Comma));
  if (!is(Kind::NewLine) && !is(Kind::Semicolon)) return nullptr;
  return arena.make<Delete>(position(first), keep(targets));
}

S* Parser::global_or_nonlocal() {
  const Py_ssize_t first = at;
  const bool global = is(Kind::Global);
  ++at;
  GrowingArray<Identifier> names;
  do {
    if (!is(Kind::Name)) return nullptr;
    Identifier id = identifier_of(tokens[at]);
    if (!id || names.append(id) != Status::Ok) return nullptr;
    ++at;
  } while (accept(Kind::Comma));
  if (global) return arena.make<Global>(position(first), keep(names));
  return arena.make<Nonlocal>(position(first), keep(names));
}

S* Parser::type_alias() {
  const Py_ssize_t first = at++;
  E* target = name(Context::Store);
  if (!target) return nullptr;
  Sequence<TypeParameter*> params;
  if (is(Kind::LeftBracket) && !type_parameters(&params)) return nullptr;
  if (!accept(Kind::Equal)) return nullptr;
  E* value = expression();
  if (!value || !check_version(12, "Type statement is")) return nullptr;
  return arena.make<TypeAlias>(position(first), target, params, value);
}

// ---- imports ---------------------------------------------------------------------------------------------------------

// a.b.c as one identifier.
Identifier Parser::dotted_name() {
  if (!is(Kind::Name)) return nullptr;
  Identifier whole = identifier_of(tokens[at]);
  if (!whole) return nullptr;
  ++at;
  while (is(Kind::Dot)) {
    ++at;
    if (!is(Kind::Name)) return nullptr;
    Identifier part = identifier_of(tokens[at]);
    if (!part) return nullptr;
    ++at;
    Ref<> joined = steal(PyUnicode_FromFormat("%U.%U", whole, part));
    if (!joined) return nullptr;
    Py_ssize_t size;
    const char* text = PyUnicode_AsUTF8AndSize(joined, &size);
    whole = text ? arena.identifier(text, size) : nullptr;
    if (!whole) return nullptr;
  }
  return whole;
}

Alias* Parser::dotted_alias() {
  const Py_ssize_t first = at;
  Identifier module_name = dotted_name();
  if (!module_name) return nullptr;
  Identifier as_name = nullptr;
  if (accept(Kind::As)) {
    if (finding_errors && wrong_import_name()) return nullptr;
    if (!is(Kind::Name)) return nullptr;
    as_name = identifier_of(tokens[at]);
    if (!as_name) return nullptr;
    ++at;
  }
  return arena.make<Alias>(position(first), module_name, as_name);
}

S* Parser::import_statement() {
  const Py_ssize_t first = at++;
  if (finding_errors && wrong_import(first)) return nullptr;
  GrowingArray<Alias*> names;
  do {
    Alias* alias = dotted_alias();
    if (!alias || names.append(alias) != Status::Ok) return nullptr;
  } while (accept(Kind::Comma));
  return arena.make<Import>(position(first), keep(names));
}

bool Parser::alias_list(GrowingArray<Alias*>& out) {
  do {
    if (is(Kind::RightParenthesis) && !out.empty()) return true;
    const Py_ssize_t first = at;
    if (!is(Kind::Name)) return false;
    Identifier id = identifier_of(tokens[at]);
    if (!id) return false;
    ++at;
    Identifier as_name = nullptr;
    if (accept(Kind::As)) {
      if (finding_errors && wrong_import_name()) return false;
      if (!is(Kind::Name)) return false;
      as_name = identifier_of(tokens[at]);
      if (!as_name) return false;
      ++at;
    }
    Alias* alias = arena.make<Alias>(position(first), id, as_name);
    if (!alias || out.append(alias) != Status::Ok) return false;
  } while (accept(Kind::Comma));
  return true;
}

S* Parser::import_from() {
  const Py_ssize_t first = at++;
  int level = 0;
  for (;; ++at) {
    if (is(Kind::Dot)) level += 1;
    else if (is(Kind::Ellipsis)) level += 3;
    else break;
  }
  Identifier module_name = nullptr;
  if (!is(Kind::Import)) {
    module_name = dotted_name();
    if (!module_name) return nullptr;
  } else if (level == 0) {
    return nullptr;
  }
  if (!accept(Kind::Import)) return nullptr;
  GrowingArray<Alias*> names;
  if (is(Kind::Star)) {
    ++at;
    Identifier star = arena.identifier("*", 1);
    Alias* alias = star ? arena.make<Alias>(position(at - 1), star, nullptr) : nullptr;
    if (!alias || names.append(alias) != Status::Ok) return nullptr;
  } else if (accept(Kind::LeftParenthesis)) {
    if (!alias_list(names) || !accept(Kind::RightParenthesis)) return nullptr;
  } else {
    if (finding_errors && is(Kind::NewLine)) {
      const Position line_end = place_of(token());
      return error_at({line_end.lineno, line_end.col_offset, kCurrent, kCurrent}, "Expected one or more names after 'import'");
    }
    if (!alias_list(names)) {
      if (finding_errors && !PyErr_Occurred() && tokens[at - 1].kind == Kind::Comma && is(Kind::NewLine))
        error_last(PyExc_SyntaxError, "trailing comma not allowed without surrounding parentheses");
      return nullptr;
    }
    if (tokens[at - 1].kind == Kind::Comma) return nullptr;
  }
  if (level == 0 && PyUnicode_EqualToUTF8(module_name, "__future__"))
    for (const Alias* alias : names) barry |= PyUnicode_EqualToUTF8(alias->name, "barry_as_FLUFL") != 0;
  return arena.make<ImportFrom>(position(first), module_name, keep(names), level);
}

}  // namespace ks::syntax
