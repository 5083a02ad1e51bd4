// Compound statements.
#include "syntax/parser_state.h"

namespace ks::syntax {

using E = Expression;
using S = Statement;

S* Parser::compound_statement() {
  const Py_ssize_t first = at;
  switch (kind()) {
    case Kind::If: return if_statement();
    case Kind::While: return while_statement();
    case Kind::For: return for_statement(false, first);
    case Kind::With: return with_statement(false, first);
    case Kind::Try: return try_statement();
    case Kind::Def: return function({}, false, first);
    case Kind::Class: return class_definition({});
    case Kind::At: return decorated();
    case Kind::Async:
      ++at;
      if (is(Kind::Def)) return function({}, true, first);
      if (is(Kind::For)) return for_statement(true, first);
      if (is(Kind::With)) return with_statement(true, first);
      return nullptr;
    default: return is_soft("match") ? match_statement() : nullptr;
  }
}

// `if` and each `elif`, the latter as the only statement of the former's orelse. A long chain must not nest calls.
S* Parser::if_statement() {
  If* outermost = nullptr;
  GrowingArray<If*> chain;
  Sequence<S*> orelse;
  for (;;) {
    const Py_ssize_t first = at;
    if (!accept(outermost ? Kind::Elif : Kind::If)) return nullptr;
    E* test = named_expression();
    Sequence<S*> body;
    if (!test || !colon() || !block(&body, outermost ? "'elif' statement" : "'if' statement", first)) {
      if (!outermost || PyErr_Occurred()) return nullptr;
      // The statement ends before what is no `elif`.
      at = first;
      break;
    }
    auto* node = arena.make<If>(position(first), test, body, Sequence<S*>{});
    if (!node || chain.append(node) != Status::Ok) return nullptr;
    if (!outermost) outermost = node;
    if (is(Kind::Elif)) continue;
    if (!else_block(&orelse)) return nullptr;
    break;
  }
  // Every link ends where the whole statement ends.
  for (Py_ssize_t i = chain.size() - 1; i >= 0; --i) {
    chain[i]->position = position_from(chain[i]->position);
    if (i == chain.size() - 1) {
      chain[i]->orelse = orelse;
    } else {
      S* next = chain[i + 1];
      chain[i]->orelse = arena.copy(&next, 1);
      if (chain[i]->orelse.length < 0) return nullptr;
    }
  }
  return outermost;
}

// `else` or `finally` if it is there: statements may end before one that is none. False: an exception.
bool Parser::last_block(Kind keyword, Sequence<S*>* out, const char* name) {
  if (!is(keyword)) return true;
  const Py_ssize_t first = at++;
  if (forced_colon() && block(out, name, first)) {
    if (!finding_errors || keyword != Kind::Else || !is(Kind::Elif)) return true;
    error_last(PyExc_SyntaxError, "'elif' block follows an 'else' block");
    return false;
  }
  at = first;
  return !PyErr_Occurred();
}
bool Parser::else_block(Sequence<S*>* out) { return last_block(Kind::Else, out, "'else' statement"); }

S* Parser::while_statement() {
  const Py_ssize_t first = at++;
  E* test = named_expression();
  Sequence<S*> body, orelse;
  if (!test || !colon() || !block(&body, "'while' statement", first)) return nullptr;
  if (!else_block(&orelse)) return nullptr;
  return arena.make<While>(position(first), test, body, orelse);
}

S* Parser::for_statement(bool is_async, Py_ssize_t first) {
  if (!accept(Kind::For)) return nullptr;
  const Py_ssize_t begin = at;
  E* target = star_targets();
  if (!target || !accept(Kind::In)) {
    if (finding_errors && !PyErr_Occurred()) {
      at = begin;
      wrong_for_target();
    }
    return nullptr;
  }
  E* iterable = star_expressions();
  if (!iterable || !colon()) return nullptr;
  PyObject* comment = type_comment();
  Sequence<S*> body, orelse;
  if (PyErr_Occurred() || !block(&body, "'for' statement", begin - 1)) return nullptr;
  if (!else_block(&orelse)) return nullptr;
  if (!is_async) return arena.make<For>(position(first), target, iterable, body, orelse, comment);
  if (!check_version(5, "Async for loops are")) return nullptr;
  return arena.make<AsyncFor>(position(first), target, iterable, body, orelse, comment);
}

WithItem* Parser::with_item(bool) {
  E* context = expression();
  if (!context) return nullptr;
  if (!accept(Kind::As)) return arena.make_plain<WithItem>(context, nullptr);
  const Py_ssize_t before = at;
  E* target = star_target();
  if (!target || !(is(Kind::Comma) || is(Kind::RightParenthesis) || is(Kind::Colon))) {
    if (finding_errors && !PyErr_Occurred()) {
      at = before;
      E* wrong = expression();
      if (wrong && (is(Kind::Comma) || is(Kind::RightParenthesis) || is(Kind::Colon))) refuse_target(wrong, Target::Assign);
      if (PyErr_Occurred()) return nullptr;
      at = before;
      // A target that something else follows: let the caller see what.
      if (star_target() && is(Kind::NewLine)) error_last(PyExc_SyntaxError, "expected ':'");
    }
    return nullptr;
  }
  return arena.make_plain<WithItem>(context, target);
}

bool Parser::with_items(GrowingArray<WithItem*>& out, bool parenthesized) {
  for (;;) {
    WithItem* item = with_item(parenthesized);
    if (!item || out.append(item) != Status::Ok) return false;
    if (!accept(Kind::Comma)) return true;
    if (parenthesized && is(Kind::RightParenthesis)) return true;
  }
}

S* Parser::with_statement(bool is_async, Py_ssize_t first) {
  if (!accept(Kind::With)) return nullptr;
  const Py_ssize_t begin = at;
  GrowingArray<WithItem*> items;
  // `with (a, b):` has two items; `with (a, b).c:` and `with (a), b:` do not. The first reading is tried first.
  bool good = accept(Kind::LeftParenthesis) && with_items(items, true) && accept(Kind::RightParenthesis) &&
              (is(Kind::Colon) || (finding_errors && is(Kind::NewLine)));
  if (!good) {
    if (PyErr_Occurred()) return nullptr;
    at = begin;
    items.shrink(0);
    good = with_items(items, false);
  }
  if (!good || !colon()) return nullptr;
  PyObject* comment = type_comment();
  Sequence<S*> body;
  if (PyErr_Occurred() || !block(&body, "'with' statement", begin - 1)) return nullptr;
  if (!is_async) return arena.make<With>(position(first), keep(items), body, comment);
  if (!check_version(5, "Async with statements are")) return nullptr;
  return arena.make<AsyncWith>(position(first), keep(items), body, comment);
}

S* Parser::try_statement() {
  const Py_ssize_t first = at++;
  Sequence<S*> body, orelse, finalbody;
  if (!forced_colon() || !block(&body, "'try' statement", first)) return nullptr;
  if (finding_errors && !is(Kind::Except) && !is(Kind::Finally))
    return error_last(PyExc_SyntaxError, "expected 'except' or 'finally' block");
  GrowingArray<ExceptHandler*> handlers;
  bool star = false;
  while (is(Kind::Except)) {
    const Py_ssize_t begin = at;
    const bool this_star = kind(1) == Kind::Star;
    if (!handlers.empty() && this_star != star) {
      if (finding_errors && wrong_handler()) return nullptr;
      break;
    }
    star = this_star;
    ExceptHandler* handler = except_handler();
    if (!handler) {
      if (PyErr_Occurred()) return nullptr;
      at = begin;
      break;
    }
    if (handlers.append(handler) != Status::Ok) return nullptr;
  }
  if (!handlers.empty() && !else_block(&orelse)) return nullptr;
  if (!last_block(Kind::Finally, &finalbody, "'finally' statement")) return nullptr;
  if (handlers.empty() && finalbody.length == 0) return nullptr;
  if (!star) return arena.make<Try>(position(first), body, keep(handlers), orelse, finalbody);
  if (!check_version(11, "Exception groups are")) return nullptr;
  return arena.make<TryStar>(position(first), body, keep(handlers), orelse, finalbody);
}

ExceptHandler* Parser::except_handler() {
  const Py_ssize_t first = at++;
  const bool star = accept(Kind::Star);
  E* type = nullptr;
  Identifier target = nullptr;
  bool unparenthesized = false;
  if (finding_errors && star && (is(Kind::NewLine) || is(Kind::Colon)))
    return error_last(PyExc_SyntaxError, "expected one or more exception types");
  if (!is(Kind::Colon)) {
    if (finding_errors && is(Kind::NewLine)) return error_last(PyExc_SyntaxError, "expected ':'");
    const Py_ssize_t begin = at;
    type = expressions();
    if (!type) return nullptr;
    if (is(Kind::Comma)) return nullptr;
    const bool several = type->is<Tuple>() && type->as<Tuple>()->elts.length > 0 &&
                         !(parenthesized(begin) && type->position.lineno == tokens[begin].line &&
                           type->position.col_offset == tokens[begin].column && tokens[at - 1].kind == Kind::RightParenthesis &&
                           type->as<Tuple>()->elts[0]->position.col_offset != type->position.col_offset);
    if (is(Kind::As)) {
      if (several) {
        // Several types and a name need parentheses.
        if (finding_errors && type->as<Tuple>()->elts.length > 1 && kind(1) == Kind::Name && kind(2) == Kind::Colon)
          error_at({type->position.lineno, type->position.col_offset, kCurrent, kCurrent},
                   "multiple exception types must be parenthesized when using 'as'");
        return nullptr;
      }
      ++at;
      const Py_ssize_t name_at = at;
      if (!is(Kind::Name) || (kind(1) != Kind::Colon && finding_errors)) {
        if (!finding_errors) return nullptr;
        E* wrong = expression();
        if (PyErr_Occurred()) return nullptr;
        Sequence<S*> ignored;
        if (wrong && accept(Kind::Colon) && block(&ignored))
          return error_at(wrong->position, star ? "cannot use except* statement with %s" : "cannot use except statement with %s",
                          name_of(wrong));
        if (PyErr_Occurred()) return nullptr;
        at = name_at;
        if (!is(Kind::Name)) return nullptr;
      }
      target = identifier_of(tokens[at]);
      if (!target) return nullptr;
      ++at;
    } else {
      unparenthesized = several;
    }
  } else if (star) {
    return nullptr;
  }
  Sequence<S*> body;
  if (unparenthesized ? !accept(Kind::Colon) || !block(&body)
                      : !colon() || !block(&body, star ? "'except*' statement" : "'except' statement", first))
    return nullptr;
  if (unparenthesized && !check_version(14, "except expressions without parentheses are")) return nullptr;
  return arena.make<ExceptHandler>(position(first), type, target, body);
}

// ---- definitions -----------------------------------------------------------------------------------------------------

S* Parser::decorated() {
  GrowingArray<E*> decorators;
  while (accept(Kind::At)) {
    E* decorator = named_expression();
    if (!decorator || !accept(Kind::NewLine) || decorators.append(decorator) != Status::Ok) return nullptr;
  }
  const Sequence<E*> kept = keep(decorators);
  if (kept.length < 0) return nullptr;
  const Py_ssize_t first = at;
  if (is(Kind::Class)) return class_definition(kept);
  if (accept(Kind::Async)) return is(Kind::Def) ? function(kept, true, first) : nullptr;
  return is(Kind::Def) ? function(kept, false, first) : nullptr;
}

// A type comment after the colon, on the same line or alone on the next.
PyObject* Parser::function_type_comment(bool* good) {
  *good = true;
  PyObject* comment = nullptr;
  if (is(Kind::NewLine) && kind(1) == Kind::TypeComment) {
    if (kind(2) != Kind::NewLine || kind(3) != Kind::Indent) {
      *good = false;
      return nullptr;
    }
    ++at;
    comment = type_comment();
  } else if (is(Kind::TypeComment)) {
    comment = type_comment();
    if (comment && is(Kind::NewLine) && kind(1) == Kind::TypeComment && kind(2) == Kind::NewLine && kind(3) == Kind::Indent) {
      *good = false;
      error_last(PyExc_SyntaxError, "Cannot have two type comments on def");
      return nullptr;
    }
  }
  if (PyErr_Occurred()) *good = false;
  return comment;
}

S* Parser::function(const Sequence<E*>& decorators, bool is_async, Py_ssize_t first) {
  const Py_ssize_t definition = at;
  if (!accept(Kind::Def) || !is(Kind::Name)) return nullptr;
  Identifier id = identifier_of(tokens[at]);
  if (!id) return nullptr;
  ++at;
  Sequence<TypeParameter*> params;
  if (is(Kind::LeftBracket)) {
    const Py_ssize_t before = at;
    if (!type_parameters(&params)) {
      if (PyErr_Occurred()) return nullptr;
      at = before;
    }
  }
  if (!accept(Kind::LeftParenthesis)) {
    if (finding_errors) error_at(place_of(token()), "expected '('");
    return nullptr;
  }
  const Py_ssize_t open = at;
  Arguments* args = parameters(false);
  if (!args || !accept(Kind::RightParenthesis)) {
    if (finding_errors && !PyErr_Occurred()) wrong_parameters(open, false);
    return nullptr;
  }
  E* returns = nullptr;
  if (is(Kind::RightArrow)) {
    const Py_ssize_t before = at++;
    returns = expression();
    if (!returns) {
      if (PyErr_Occurred()) return nullptr;
      at = before;
    }
  }
  if (!forced_colon()) return nullptr;
  bool good;
  PyObject* comment = function_type_comment(&good);
  Sequence<S*> body;
  if (!good || !block(&body, "function definition", definition)) return nullptr;
  if (!is_async) return arena.make<FunctionDef>(position(first), id, args, body, decorators, returns, comment, params);
  if (!check_version(5, "Async functions are")) return nullptr;
  return arena.make<AsyncFunctionDef>(position(first), id, args, body, decorators, returns, comment, params);
}

S* Parser::class_definition(const Sequence<E*>& decorators) {
  const Py_ssize_t first = at++;
  if (!is(Kind::Name)) return nullptr;
  Identifier id = identifier_of(tokens[at]);
  if (!id) return nullptr;
  ++at;
  Sequence<TypeParameter*> params;
  if (is(Kind::LeftBracket) && !type_parameters(&params)) return nullptr;
  GrowingArray<E*> bases;
  GrowingArray<Keyword*> keywords;
  if (accept(Kind::LeftParenthesis)) {
    if (!is(Kind::RightParenthesis) && !(finding_errors ? checked_arguments(bases, keywords)
                                                        : call_arguments(bases, keywords, Kind::RightParenthesis)))
      return nullptr;
    if (!accept(Kind::RightParenthesis)) return nullptr;
  }
  Sequence<S*> body;
  if (!colon() || !block(&body, "class definition", first)) return nullptr;
  return arena.make<ClassDef>(position(first), id, keep(bases), keep(keywords), body, decorators, params);
}

// [T, *Ts, **P = default]
bool Parser::type_parameters(Sequence<TypeParameter*>* out) {
  ++at;
  GrowingArray<TypeParameter*> params;
  if (finding_errors && is(Kind::RightBracket)) {
    const Position close = place_of(token());
    error_at({close.lineno, close.col_offset, kCurrent, kCurrent}, "Type parameter list cannot be empty");
    return false;
  }
  while (!is(Kind::RightBracket)) {
    TypeParameter* param = type_parameter();
    if (!param || params.append(param) != Status::Ok) return false;
    if (!accept(Kind::Comma)) break;
  }
  if (params.empty() || !accept(Kind::RightBracket)) return false;
  if (!check_version(12, "Type parameter lists are")) return false;
  *out = keep(params);
  return out->length >= 0;
}

TypeParameter* Parser::type_parameter() {
  const Py_ssize_t first = at;
  const bool star = accept(Kind::Star);
  const bool double_star = !star && accept(Kind::DoubleStar);
  if (!is(Kind::Name)) return nullptr;
  Identifier id = identifier_of(tokens[at]);
  if (!id) return nullptr;
  ++at;
  E *bound = nullptr, *default_value = nullptr;
  if (!star && !double_star && accept(Kind::Colon)) {
    bound = expression();
    if (!bound) return nullptr;
  } else if (finding_errors && is(Kind::Colon)) {
    const Position sign = place_of(token());
    ++at;
    E* wrong = expression();
    if (!wrong) return nullptr;
    return error_at({sign.lineno, sign.col_offset, kCurrent, kCurrent}, "cannot use %s with %s",
                    wrong->is<Tuple>() ? "constraints" : "bound", star ? "TypeVarTuple" : "ParamSpec");
  }
  if (accept(Kind::Equal)) {
    default_value = star ? star_expression() : expression();
    if (!default_value || !check_version(13, "Type parameter defaults are")) return nullptr;
  }
  if (star) return arena.make<TypeVarTuple>(position(first), id, default_value);
  if (double_star) return arena.make<ParamSpec>(position(first), id, default_value);
  return arena.make<TypeVar>(position(first), id, bound, default_value);
}

// ---- match -----------------------------------------------------------------------------------------------------------

// nullptr without exception where `match` is an ordinary name.
S* Parser::match_statement() {
  const Py_ssize_t first = at++;
  const Py_ssize_t begin = at;
  E* subject;
  E* item = star_named_expression();
  if (!item) return nullptr;
  if (is(Kind::Comma)) {
    GrowingArray<E*> items;
    if (items.append(item) != Status::Ok) return nullptr;
    while (accept(Kind::Comma)) {
      if (is(Kind::Colon)) break;
      item = star_named_expression();
      if (!item || items.append(item) != Status::Ok) return nullptr;
    }
    subject = arena.make<Tuple>(position(begin), keep(items), Context::Load);
  } else {
    if (item->is<Starred>()) return nullptr;
    subject = item;
  }
  if (!subject || !colon() || !accept(Kind::NewLine)) return nullptr;
  if (!accept(Kind::Indent)) {
    if (finding_errors) error_last(PyExc_IndentationError, "expected an indented block after 'match' statement on line %d", tokens[first].line);
    return nullptr;
  }
  if (!is_soft("case")) return nullptr;
  GrowingArray<MatchCase*> cases;
  while (is_soft("case")) {
    MatchCase* one = case_block();
    if (!one || cases.append(one) != Status::Ok) return nullptr;
  }
  if (!accept(Kind::Dedent)) return nullptr;
  if (!check_version(10, "Pattern matching is")) return nullptr;
  return arena.make<Match>(position(first), subject, keep(cases));
}

MatchCase* Parser::case_block() {
  const Py_ssize_t first = at++;
  Pattern* what = patterns();
  if (!what) return nullptr;
  E* guard = nullptr;
  if (accept(Kind::If)) {
    guard = named_expression();
    if (!guard) return nullptr;
  }
  Sequence<S*> body;
  if (!colon() || !block(&body, "'case' statement", first)) return nullptr;
  return arena.make_plain<MatchCase>(what, guard, body);
}

}  // namespace ks::syntax
