// Known mistakes in statements, parameters and replacement fields: see syntax_errors_expressions.cpp.
#include "syntax/parser_state.h"

namespace ks::syntax {

using E = Expression;

bool Parser::colon() {
  if (accept(Kind::Colon)) return true;
  if (finding_errors && is(Kind::NewLine)) error_last(PyExc_SyntaxError, "expected ':'");
  return false;
}
bool Parser::forced_colon() {
  if (accept(Kind::Colon)) return true;
  if (finding_errors && !PyErr_Occurred()) error_at(place_of(token()), "expected ':'");
  return false;
}

static bool is_augmented(Kind kind) {
  return (kind >= Kind::PlusEqual && kind <= Kind::DoubleStarEqual) || kind == Kind::DoubleSlashEqual || kind == Kind::AtEqual;
}

// Where an expression statement begins that is no assignment as it stands: targets that are none.
bool Parser::wrong_assignment() {
  const Place place(*this);
  const Py_ssize_t first = at;
  auto annotated = [this] {
    if (!accept(Kind::Colon)) return false;
    return expression() != nullptr;
  };
  // (a, b): annotation, also in more parentheses
  if (is(Kind::LeftParenthesis) || is(Kind::LeftBracket)) {
    E* display = atom();
    if (PyErr_Occurred()) return true;
    if (display && (display->is<Tuple>() || display->is<List>()) && annotated())
      error_at(display->position, "only single target (not %s) can be annotated", display->is<List>() ? "list" : "tuple");
    if (PyErr_Occurred()) return true;
    at = first;
  }
  // a, b: annotation
  E* leading = star_named_expression();
  if (PyErr_Occurred()) return true;
  if (leading && accept(Kind::Comma)) {
    const Py_ssize_t second = at;
    for (;;) {
      const Py_ssize_t before = at;
      if (!star_named_expression()) {
        at = before;
        break;
      }
      accept(Kind::Comma);
    }
    if (PyErr_Occurred()) return true;
    if (annotated()) error_at(leading->position, "only single target (not tuple) can be annotated");
    if (PyErr_Occurred()) return true;
    at = second;
  }
  at = first;
  E* value = expression();
  if (PyErr_Occurred()) return true;
  if (value && annotated()) error_at(value->position, "illegal target for annotation");
  if (PyErr_Occurred()) return true;
  // a = f() = b
  at = first;
  for (;;) {
    if (is(Kind::Yield)) {
      value = yield_expression();
      if (PyErr_Occurred()) return true;
      if (!value || !is(Kind::Equal)) break;
      error_at(value->position, "assignment to yield expression not possible");
      return true;
    }
    value = star_expressions();
    if (PyErr_Occurred()) return true;
    if (!value || !is(Kind::Equal)) break;
    if (!is_target(value, true)) {
      if (refuse_target(value, Target::Assign)) return true;
      break;
    }
    ++at;
  }
  at = first;
  value = star_expressions();
  if (PyErr_Occurred()) return true;
  if (value && is_augmented(kind())) {
    ++at;
    if (annotated_rhs()) error_at(value->position, "'%s' is an illegal expression for augmented assignment", name_of(value));
  }
  return PyErr_Occurred() != nullptr;
}

// ---- imports -----------------------------------------------------------------------------------------------------------

// Behind `as`: something else than a name.
bool Parser::wrong_import_name() {
  const Place place(*this);
  if (is(Kind::Name)) {
    switch (kind(1)) {
      case Kind::Comma:
      case Kind::RightParenthesis:
      case Kind::Semicolon:
      case Kind::NewLine: return false;
      default: break;
    }
  }
  E* wrong = expression();
  if (PyErr_Occurred()) return true;
  if (!wrong) return false;
  error_at(wrong->position, "cannot use %s as import target", name_of(wrong));
  return true;
}

bool Parser::wrong_import(Py_ssize_t first) {
  const Place place(*this);
  const Position begin = place_of(tokens[first]);
  if (is(Kind::NewLine)) {
    const Position line_end = place_of(token());
    error_at({line_end.lineno, line_end.col_offset, kCurrent, kCurrent}, "Expected one or more names after 'import'");
    return true;
  }
  do {
    if (!dotted_name()) return PyErr_Occurred() != nullptr;
  } while (accept(Kind::Comma));
  if (!accept(Kind::From) || !dotted_name()) return PyErr_Occurred() != nullptr;
  error_at({begin.lineno, begin.col_offset, kCurrent, kCurrent}, "Did you mean to use 'from ... import ...' instead?");
  return true;
}

// `except` where all others are `except*`, or the other way round.
bool Parser::wrong_handler() {
  const Place place(*this);
  const Position begin = place_of(tokens[at++]);
  const bool star = accept(Kind::Star);
  const Position end = place_of(tokens[at - 1]);
  if (star || !is(Kind::Colon)) {
    E* type = expression();
    if (!type) return PyErr_Occurred() != nullptr;
    if (accept(Kind::As) && !accept(Kind::Name)) return false;
  }
  if (!is(Kind::Colon)) return false;
  error_at(join(begin, end), "cannot have both 'except' and 'except*' on the same 'try'");
  return true;
}

// ---- parameters --------------------------------------------------------------------------------------------------------

// The parameters that begin at token `first`.
bool Parser::wrong_parameters(Py_ssize_t first, bool is_lambda) {
  if (PyErr_Occurred()) return true;
  const Place place(*this);
  at = first;
  const Kind close = is_lambda ? Kind::Colon : Kind::RightParenthesis;
  bool slash = false, star = false, any = false, only_names = true;
  bool default_seen = false, slash_with_default = false, settled = false;
  auto here = [&](const char* message) {
    error_at(place_of(token()), "%s", message);
    return true;
  };
  auto last = [&](const char* message) {
    error_last(PyExc_SyntaxError, "%s", message);
    return true;
  };
  for (;;) {
    if (is(Kind::Slash)) {
      if (!any && !slash && !star) return kind(1) == Kind::Comma
                                              ? here("at least one argument must precede /")
                                              : false;
      if (star) return here("/ must be ahead of *");
      if (slash) return here("/ may appear only once");
      slash = true;
      slash_with_default = default_seen;
      ++at;
      if (is(Kind::Star)) return here("expected comma between / and *");
    } else if (is(Kind::Star)) {
      const Kind next = kind(1);
      if (star) {
        if (next == Kind::Name || next == Kind::Comma) return here("* argument may appear only once");
        return false;
      }
      if (next == close || (next == Kind::Comma && (kind(2) == close || kind(2) == Kind::DoubleStar)))
        return is_lambda ? last("named arguments must follow bare *") : here("named arguments must follow bare *");
      ++at;
      if (is(Kind::Comma) && kind(1) == Kind::TypeComment) {
        error_last(PyExc_SyntaxError, "bare * has associated type comment");
        return true;
      }
      star = true;
      if (!is(Kind::Comma)) {
        const Argument* argument = parameter(is_lambda, true);
        if (!argument) return PyErr_Occurred() != nullptr;
        const bool starred = argument->annotation && argument->annotation->is<Starred>();
        if (is(Kind::Equal) && !starred) return here("var-positional argument cannot have default value");
      }
    } else if (is(Kind::DoubleStar)) {
      ++at;
      if (!parameter(is_lambda, false)) return PyErr_Occurred() != nullptr;
      if (is(Kind::Equal)) return here("var-keyword argument cannot have default value");
      if (!accept(Kind::Comma)) return false;
      if (is(Kind::Star) || is(Kind::DoubleStar) || is(Kind::Slash)) return here("arguments cannot follow var-keyword argument");
      const Py_ssize_t next = at;
      if (!is(Kind::Name) || !parameter(is_lambda, false)) return PyErr_Occurred() != nullptr;
      error_at(position(next), "arguments cannot follow var-keyword argument");
      return true;
    } else if (is(Kind::LeftParenthesis)) {
      if (!only_names || slash || star) return false;
      const Position open = place_of(token());
      ++at;
      bool inner = false;
      while (is(Kind::Name)) {
        if (!parameter(is_lambda, false)) return PyErr_Occurred() != nullptr;
        inner = true;
        if (!accept(Kind::Comma)) break;
      }
      if (!inner || !is(Kind::RightParenthesis)) return false;
      error_at(join(open, place_of(token())),
               is_lambda ? "Lambda expression parameters cannot be parenthesized" : "Function parameters cannot be parenthesized");
      return true;
    } else if (is(Kind::Name)) {
      const Py_ssize_t begin = at;
      if (!parameter(is_lambda, false)) return PyErr_Occurred() != nullptr;
      any = true;
      if (is(Kind::Equal)) {
        const Position equal = place_of(token());
        ++at;
        only_names = false;
        if (is(Kind::RightParenthesis) || is(Kind::Comma)) {
          error_at(equal, "expected default value expression");
          return true;
        }
        if (!expression()) return PyErr_Occurred() != nullptr;
        if (!star) {
          // Defaults on both sides of a slash: what follows is not looked at.
          settled |= slash_with_default;
          default_seen = true;
        }
      } else if (default_seen && !settled && !star && (is(Kind::Comma) || is(close))) {
        error_at(position(begin), "parameter without a default follows parameter with a default");
        return true;
      }
    } else {
      return false;
    }
    if (!accept(Kind::Comma)) return false;
    if (is(Kind::TypeComment)) ++at;
  }
}

// ---- f-strings and t-strings -------------------------------------------------------------------------------------------

// Strings where a target may begin: what is wrong in them is told before what is wrong around them.
bool Parser::wrong_first_strings(bool after_parenthesis) {
  const Place place(*this);
  if (after_parenthesis) accept(Kind::LeftParenthesis);
  if (!is(Kind::String)) return false;
  const Py_ssize_t first = at;
  if (strings() && (is(Kind::LeftParenthesis) || is(Kind::LeftBracket) || is(Kind::Dot))) {
    at = first;
    primary();
  }
  return PyErr_Occurred() != nullptr;
}

// Behind strings the last of which is token `last`: one that cannot stand with them.
bool Parser::wrong_strings(Py_ssize_t last, bool templated) {
  const Place place(*this);
  const Position before = position(last);
  if (templated ? !(is(Kind::String) || is(Kind::FStringStart)) : !is(Kind::TStringStart)) return false;
  const Py_ssize_t first = at;
  GrowingArray<Part> parts;
  if (!accept(Kind::String) && !formatted_string(parts)) return PyErr_Occurred() != nullptr;
  error_at(join(before, position(first)), "cannot mix t-string literals with string or bytes literals");
  return true;
}

bool Parser::wrong_replacement_field(Py_ssize_t first, bool is_template) {
  const char letter = is_template ? 't' : 'f';
  const Place place(*this);
  at = first + 1;
  switch (kind()) {
    case Kind::Equal:
    case Kind::Exclamation:
    case Kind::Colon:
    case Kind::RightBrace: {
      const Token& sign = token();
      error_token("%c-string: valid expression required before '%c'", letter, *sign.start);
      return true;
    }
    default: break;
  }
  E* value = annotated_rhs();
  if (PyErr_Occurred()) return true;
  if (!value) {
    at = first + 1;
    error_token("%c-string: expecting a valid expression after '{'", letter);
    return true;
  }
  auto is_one_of = [this](std::initializer_list<Kind> kinds) {
    for (Kind one : kinds)
      if (is(one)) return true;
    return false;
  };
  if (!is_one_of({Kind::Equal, Kind::Exclamation, Kind::Colon, Kind::RightBrace})) {
    error_token("%c-string: expecting '=', or '!', or ':', or '}'", letter);
    return true;
  }
  if (accept(Kind::Equal) && !is_one_of({Kind::Exclamation, Kind::Colon, Kind::RightBrace})) {
    error_token("%c-string: expecting '!', or ':', or '}'", letter);
    return true;
  }
  if (accept(Kind::Exclamation)) {
    if (is(Kind::Colon) || is(Kind::RightBrace)) {
      error_token("%c-string: missing conversion character", letter);
      return true;
    }
    if (token().start != tokens[at - 1].end && is(Kind::Name)) {
      error_at(join(place_of(tokens[at - 1]), place_of(tokens[at])),
               "%c-string: conversion type must come right after the exclamation mark", letter);
      return true;
    }
    if (!is(Kind::Name)) {
      error_token("%c-string: invalid conversion character", letter);
      return true;
    }
    ++at;
    if (!is(Kind::Colon) && !is(Kind::RightBrace)) {
      error_token("%c-string: expecting ':' or '}'", letter);
      return true;
    }
  }
  if (is(Kind::Colon)) {
    ++at;
    GrowingArray<Part> parts;
    for (;;) {
      // The reference does not read the text of a t-string's specification here.
      if (accept(Kind::FStringMiddle)) continue;
      const Py_ssize_t before = at;
      if (!is(Kind::LeftBrace) || !replacement_field(parts, false, false)) {
        at = before;
        break;
      }
    }
    if (PyErr_Occurred()) return true;
    if (!is(Kind::RightBrace)) {
      error_token("%c-string: expecting '}', or format specs", letter);
      return true;
    }
  }
  if (!is(Kind::RightBrace)) {
    error_token("%c-string: expecting '}'", letter);
    return true;
  }
  return false;
}

}  // namespace ks::syntax
