// Known mistakes in expressions, arguments and displays. Every function is called in the second pass only, returns true
// with an exception set, or false with `at` where it was.
#include "syntax/parser_state.h"

namespace ks::syntax {

using E = Expression;

static bool is_legacy(const E* node) {
  if (!node->is<Name>()) return false;
  PyObject* id = const_cast<E*>(node)->as<Name>()->id;
  return PyUnicode_EqualToUTF8(id, "print") || PyUnicode_EqualToUTF8(id, "exec");
}

// After the disjunction `body`: another expression in its place, or half a conditional expression.
bool Parser::wrong_after_operand(Py_ssize_t first, E* body) {
  const Place place(*this);
  const Token& begin = tokens[first];
  const bool soft = begin.kind == Kind::Name && (begin.is("match") || begin.is("case") || begin.is("type") || begin.is("_"));
  if (!soft && !(begin.kind == Kind::Name && tokens[first + 1].kind == Kind::String)) {
    E* next = silently(&Parser::expression);
    if (next) {
      if (!is_legacy(body) && tokens[at - 1].level != 0) {
        error_at(join(body->position, next->position), "invalid syntax. Perhaps you forgot a comma?");
        return true;
      }
    } else if (PyErr_Occurred()) {
      return true;
    }
    at = place.at;
  }
  if (accept(Kind::If)) {
    E* test = disjunction();
    if (PyErr_Occurred()) return true;
    if (test) {
      if (!is(Kind::Else) && !is(Kind::Colon)) {
        error_at(join(body->position, test->position), "expected 'else' after 'if' expression");
        return true;
      }
      if (accept(Kind::Else)) {
        E* other = expression();
        if (PyErr_Occurred()) return true;
        if (!other) {
          error_at(join(body->position, test->position), "expected expression after 'else', but statement is given");
          return true;
        }
      }
    }
    at = place.at;
  }
  return wrong_legacy(first);
}

// print and exec as statements.
bool Parser::wrong_legacy(Py_ssize_t first) {
  const Token& begin = tokens[first];
  if (begin.kind != Kind::Name || !(begin.is("print") || begin.is("exec"))) return false;
  const Place place(*this);
  at = first + 1;
  if (is(Kind::LeftParenthesis)) return false;
  E* rest = star_expressions();
  if (PyErr_Occurred()) return true;
  if (!rest) return false;
  const char* word = begin.is("print") ? "print" : "exec";
  error_at(join(place_of(begin), rest->position), "Missing parentheses in call to '%s'. Did you mean %s(...)?", word, word);
  return true;
}

// `pass if a else b`
bool Parser::wrong_statement_operand() {
  if (!is(Kind::Pass) && !is(Kind::Break) && !is(Kind::Continue)) return false;
  const Place place(*this);
  const Position begin = place_of(token());
  ++at;
  if (!accept(Kind::If)) return false;
  E* test = disjunction();
  if (PyErr_Occurred()) return true;
  if (!test || !accept(Kind::Else)) return false;
  simple_statement();
  if (PyErr_Occurred()) return true;
  error_at(join(begin, test->position), "expected expression before 'else', but statement is given");
  return true;
}

// After an expression where a named one may stand: `:=` to something else than a name, or `=`.
bool Parser::wrong_named(Py_ssize_t first, E* left) {
  const Place place(*this);
  if (is(Kind::ColonEqual)) {
    ++at;
    E* value = expression();
    if (PyErr_Occurred()) return true;
    if (value) {
      error_at(left->position, "cannot use assignment expressions with %s", name_of(left));
      return true;
    }
    return false;
  }
  if (!is(Kind::Equal)) return false;
  at = first;
  E* target = silently_binary();
  if (!target || !is(Kind::Equal)) return PyErr_Occurred() != nullptr;
  ++at;
  E* value = silently_binary();
  if (!value || is(Kind::Equal) || is(Kind::ColonEqual)) return PyErr_Occurred() != nullptr;
  if (tokens[first].kind == Kind::Name && tokens[first + 1].kind == Kind::Equal) {
    error_at(join(target->position, value->position), "invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
    return true;
  }
  switch (tokens[first].kind) {
    case Kind::True:
    case Kind::False:
    case Kind::None:
    case Kind::LeftBracket: return false;
    case Kind::LeftParenthesis: {
      at = first;
      E* display = silently(&Parser::atom);
      if (display && (display->is<Tuple>() || display->is<GeneratorExp>()) && display->position.col_offset == tokens[first].column &&
          display->position.lineno == tokens[first].line)
        return false;
      break;
    }
    default: break;
  }
  error_at(target->position, "cannot assign to %s here. Maybe you meant '==' instead of '='?", name_of(target));
  return true;
}

// `a + not b`; `at` is behind the operator.
bool Parser::wrong_not() {
  if (!is(Kind::Not)) return false;
  const Place place(*this);
  const Position begin = place_of(token());
  ++at;
  E* operand = inversion();
  if (PyErr_Occurred()) return true;
  if (!operand) return false;
  error_at(join(begin, operand->position), "'not' after an operator must be parenthesized");
  return true;
}

// ---- displays ----------------------------------------------------------------------------------------------------------

// *a where an argument or element may be; `at` is at the star.
E* Parser::checked_starred() {
  const Py_ssize_t first = at++;
  E* value = expression();
  if (PyErr_Occurred()) return nullptr;
  if (!value) return error_last(PyExc_SyntaxError, "Invalid star expression");
  if (is(Kind::Equal)) {
    const Place place(*this);
    ++at;
    E* right = expression();
    if (PyErr_Occurred()) return nullptr;
    if (right) return error_at(join(place_of(tokens[first]), right->position), "cannot assign to iterable argument unpacking");
  }
  return arena.make<Starred>(position(first), value, Context::Load);
}

bool Parser::wrong_display(Py_ssize_t first) {
  if (PyErr_Occurred()) return true;
  const Place place(*this);
  const Kind open = tokens[first].kind;
  at = first + 1;
  if (open == Kind::LeftBrace && wrong_dict(first)) return true;
  if (open == Kind::LeftParenthesis) {
    if (is(Kind::Star)) {
      E* starred = checked_starred();
      if (PyErr_Occurred()) return true;
      if (starred && is(Kind::RightParenthesis)) {
        error_at(starred->position, "cannot use starred expression here");
        return true;
      }
    } else if (is(Kind::DoubleStar)) {
      const Position stars = place_of(token());
      ++at;
      E* value = expression();
      if (PyErr_Occurred()) return true;
      if (value && is(Kind::RightParenthesis)) {
        error_at(stars, "cannot use double starred expression here");
        return true;
      }
    }
    at = first + 1;
  }
  if (open == Kind::LeftBrace && is(Kind::DoubleStar)) {
    const Position stars = place_of(token());
    ++at;
    E* value = binary(0);
    Sequence<Comprehension*> clauses;
    if (value && starts_comprehension() && comprehension_clauses(&clauses) && is(Kind::RightBrace)) {
      error_at(stars, "dict unpacking cannot be used in dict comprehension");
      return true;
    }
    if (PyErr_Occurred()) return true;
    at = first + 1;
  }
  return wrong_comprehension(first);
}

bool Parser::wrong_comprehension(Py_ssize_t first) {
  const Place place(*this);
  at = first + 1;
  Sequence<Comprehension*> clauses;
  if (is(Kind::Star)) {
    E* starred = checked_starred();
    if (starred && starts_comprehension() && comprehension_clauses(&clauses)) {
      error_at(starred->position, "iterable unpacking cannot be used in comprehension");
      return true;
    }
    if (PyErr_Occurred()) return true;
    at = first + 1;
  }
  if (tokens[first].kind == Kind::LeftParenthesis) return false;
  E* begin = silently(&Parser::star_named_expression);
  if (!begin || !is(Kind::Comma)) return PyErr_Occurred() != nullptr;
  Position last = place_of(token());
  while (accept(Kind::Comma)) {
    if (starts_comprehension()) break;
    E* item = silently(&Parser::star_named_expression);
    if (!item) return PyErr_Occurred() != nullptr;
    last = item->position;
  }
  if (starts_comprehension() && comprehension_clauses(&clauses)) {
    error_at(join(begin->position, last), "did you forget parentheses around the comprehension target?");
    return true;
  }
  return PyErr_Occurred() != nullptr;
}

bool Parser::wrong_dict(Py_ssize_t first) {
  const Place place(*this);
  at = first + 1;
  for (bool later = false;; later = true) {
    if (accept(Kind::DoubleStar)) {
      if (!binary(0)) return PyErr_Occurred() != nullptr;
    } else {
      E* key = later ? expression() : silently(&Parser::expression);
      if (!key) return PyErr_Occurred() != nullptr;
      if (!is(Kind::Colon)) {
        if (!later) return false;
        error_at({key->position.lineno, key->position.end_col_offset - 1, key->position.end_lineno, kNoPlace},
                 "':' expected after dictionary key");
        return true;
      }
      const Position colon = place_of(token());
      ++at;
      E* value = expression();
      if (PyErr_Occurred()) return true;
      if (!value) {
        if (is(Kind::Star)) {
          const Position star = place_of(token());
          ++at;
          E* item = binary(0);
          if (PyErr_Occurred()) return true;
          if (item) {
            error_at({star.lineno, star.col_offset, kCurrent, kCurrent}, "cannot use a starred expression in a dictionary value");
            return true;
          }
        } else if (is(Kind::RightBrace) || is(Kind::Comma)) {
          error_at(colon, "expression expected after dictionary key and ':'");
          return true;
        }
        return false;
      }
    }
    if (!accept(Kind::Comma) || is(Kind::RightBrace)) return false;
  }
}

bool Parser::wrong_for_clause(Py_ssize_t first) {
  if (PyErr_Occurred()) return true;
  const Place place(*this);
  at = first;
  accept(Kind::Async);
  if (!accept(Kind::For)) return false;
  const Py_ssize_t begin = at;
  // Something that looks like targets, and no `in` behind it.
  if (E* item = binary(0)) {
    while (item && accept(Kind::Comma)) {
      const Py_ssize_t before = at;
      item = binary(0);
      if (!item) at = before;
    }
    if (PyErr_Occurred()) return true;
    if (!is(Kind::In)) {
      error_last(PyExc_SyntaxError, "'in' expected after for-loop variables");
      return true;
    }
  }
  if (PyErr_Occurred()) return true;
  at = begin;
  return wrong_for_target();
}

bool Parser::wrong_for_target() {
  const Place place(*this);
  E* target = star_expressions();
  if (PyErr_Occurred()) return true;
  return target && refuse_target(target, Target::For);
}

// ---- arguments ---------------------------------------------------------------------------------------------------------

// One keyword argument, *iterable (`starred`) or **mapping (else). False: it is none, or an exception is set.
bool Parser::checked_keyword(bool starred, bool* mapping) {
  *mapping = false;
  const Py_ssize_t first = at;
  const Kind begin = kind();
  if ((begin == Kind::True || begin == Kind::False || begin == Kind::None) && kind(1) == Kind::Equal) {
    error_at(join(place_of(tokens[at]), place_of(tokens[at + 1])), "cannot assign to %s",
             begin == Kind::True ? "True" : begin == Kind::False ? "False" : "None");
    return false;
  }
  if (begin == Kind::Name && kind(1) == Kind::Equal) {
    at += 2;
    E* value = expression();
    if (!value) return false;
    Sequence<Comprehension*> clauses;
    if (starts_comprehension()) {
      const Place place(*this);
      if (comprehension_clauses(&clauses))
        error_at(join(place_of(tokens[first]), place_of(tokens[first + 1])),
                 "invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
    }
    return !PyErr_Occurred();
  }
  if (begin == Kind::DoubleStar) {
    ++at;
    E* value = expression();
    if (!value) return false;
    if (is(Kind::Equal)) {
      const Place place(*this);
      ++at;
      E* right = expression();
      if (right) error_at(join(place_of(tokens[first]), right->position), "cannot assign to keyword argument unpacking");
      if (PyErr_Occurred()) return false;
    }
    *mapping = true;
    return !starred;
  }
  if (begin == Kind::Star) return starred && checked_starred();
  E* value = expression();
  if (value && is(Kind::Equal)) {
    const Position equal = place_of(token());
    error_at(join(value->position, equal), "expression cannot contain assignment, perhaps you meant \"==\"?");
  }
  return false;
}

// Arguments as far as they go. `at` is behind the last one that is in its place.
bool Parser::checked_arguments(bool* any_keyword, bool* last_mapping, bool* generator) {
  *any_keyword = *last_mapping = *generator = false;
  Py_ssize_t good = -1;
  for (;;) {
    E* value;
    if (is(Kind::Star)) {
      value = checked_starred();
    } else if (is(Kind::Name) && kind(1) == Kind::Equal) {
      break;
    } else if (is(Kind::Name) && kind(1) == Kind::ColonEqual) {
      value = silently(&Parser::named_expression);
      if (!value && !PyErr_Occurred()) break;
    } else {
      value = expression();
      if (value && (is(Kind::ColonEqual) || is(Kind::Equal))) value = nullptr;
    }
    if (PyErr_Occurred()) return false;
    if (!value) break;
    if (good < 0 && starts_comprehension()) *generator = true;
    good = at;
    if (!accept(Kind::Comma)) {
      at = good;
      return true;
    }
  }
  const Py_ssize_t start = good >= 0 ? good + 1 : at_open;
  at = start;
  bool starred = true;
  for (;;) {
    const Py_ssize_t before = at;
    bool mapping;
    if (checked_keyword(starred, &mapping)) {
      *any_keyword = true;
      *last_mapping = mapping;
      good = at;
    } else {
      if (PyErr_Occurred()) return false;
      if (!starred) break;
      starred = false;
      at = before;
      continue;
    }
    if (!accept(Kind::Comma)) break;
  }
  if (good < 0) return false;
  at = good;
  return true;
}

// The arguments of a call whose parenthesis is token `open`. False: nothing is known to be wrong.
bool Parser::wrong_arguments(Py_ssize_t open, bool is_call) {
  const Place place(*this);
  const Py_ssize_t outer = at_open;
  at = at_open = open + 1;
  bool any_keyword, mapping, generator;
  bool good = checked_arguments(&any_keyword, &mapping, &generator);
  at_open = outer;
  if (PyErr_Occurred()) return true;
  const Py_ssize_t end = at;
  if (good) {
    const bool comma = accept(Kind::Comma);
    if (is(Kind::RightParenthesis)) return false;
    if (comma) at = end;
  }
  Sequence<Comprehension*> clauses;
  if (is_call && good && generator) {
    if (comprehension_clauses(&clauses) && is(Kind::RightParenthesis)) return PyErr_Occurred() != nullptr;
    if (PyErr_Occurred()) return true;
  }
  if (is_call && wrong_comprehension(open)) return true;
  // An argument after which a comprehension follows, though it is not the only argument.
  at = open + 1;
  E* first = silently(&Parser::expression);
  if (first && starts_comprehension()) {
    const Py_ssize_t clauses_at = at;
    if (comprehension_clauses(&clauses)) {
      const Position last = position(clauses_at);
      if (accept(Kind::Comma)) {
        if (!is(Kind::RightParenthesis) || true) {
          // f(x for x in y, 1)
          error_at(join(first->position, last), "Generator expression must be parenthesized");
          return true;
        }
      }
    }
  }
  if (PyErr_Occurred()) return true;
  // name= without a value
  at = open + 1;
  if (is(Kind::Name) && kind(1) == Kind::Equal && (kind(2) == Kind::Comma || kind(2) == Kind::RightParenthesis)) {
    error_at(join(place_of(tokens[at]), place_of(tokens[at + 1])), "expected argument value expression");
    return true;
  }
  if (!good) return false;
  at = end;
  if (is(Kind::Comma) && kind(1) == Kind::Name && kind(2) == Kind::Equal && (kind(3) == Kind::Comma || kind(3) == Kind::RightParenthesis)) {
    error_at(join(place_of(tokens[at + 1]), place_of(tokens[at + 2])), "expected argument value expression");
    return true;
  }
  if (starts_comprehension()) {
    // The last argument before the clauses: found again, silently.
    Py_ssize_t last_start = open + 1;
    for (Py_ssize_t i = end - 1; i > open; --i)
      if (tokens[i].kind == Kind::Comma && tokens[i].level == tokens[open].level) {
        last_start = i + 1;
        break;
      }
    const Py_ssize_t clauses_at = at;
    if (comprehension_clauses(&clauses)) {
      if (last_start > open + 1) {
        at = last_start;
        E* last = silently(&Parser::expression);
        if (last && at == clauses_at) {
          comprehension_clauses(&clauses);
          error_at(join(last->position, position(clauses_at)), "Generator expression must be parenthesized");
          return true;
        }
      }
    }
    return PyErr_Occurred() != nullptr;
  }
  if (accept(Kind::Comma)) {
    if (is(Kind::Star) && mapping) {
      error_at(place_of(tokens[end]), "iterable argument unpacking follows keyword argument unpacking");
      return true;
    }
    const Py_ssize_t outer_again = at_open;
    at_open = at;
    bool keyword2, mapping2, generator2;
    good = checked_arguments(&keyword2, &mapping2, &generator2);
    at_open = outer_again;
    if (PyErr_Occurred()) return true;
    if (good) {
      error_last(PyExc_SyntaxError, mapping ? "positional argument follows keyword argument unpacking"
                                            : "positional argument follows keyword argument");
      return true;
    }
  }
  return false;
}

}  // namespace ks::syntax
