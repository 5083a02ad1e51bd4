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

// Where an expression begins: two of them side by side, half a conditional one, or print without parentheses.
bool Parser::wrong_expression() {
  const Place place(*this);
  const Py_ssize_t first = at;
  const Token& begin = tokens[first];
  const bool soft = is(Kind::Name) && (begin.is("match") || begin.is("case") || begin.is("type") || begin.is("_"));
  const bool prefixed = !soft && begin.kind == Kind::Name && kind(1) == Kind::String;
  if (is(Kind::String) && wrong_quotes()) return true;
  E* body = disjunction();
  if (PyErr_Occurred()) return true;
  const Py_ssize_t end = at;
  if (body && !soft && !prefixed) {
    E* next = silently(&Parser::expression_without_memory);
    if (PyErr_Occurred()) return true;
    if (next && !is_legacy(body) && tokens[at - 1].level != 0) {
      error_at(join(body->position, next->position), "invalid syntax. Perhaps you forgot a comma?");
      return true;
    }
    at = end;
  }
  if (body && accept(Kind::If)) {
    E* test = disjunction();
    if (PyErr_Occurred()) return true;
    if (test) {
      if (!is(Kind::Else) && !is(Kind::Colon)) {
        error_at(join(body->position, test->position), "expected 'else' after 'if' expression");
        return true;
      }
      if (accept(Kind::Else)) {
        const Py_ssize_t other = at;
        if (!expression()) {
          if (PyErr_Occurred()) return true;
          at = other;
          error_token("expected expression after 'else', but statement is given");
          return true;
        }
      }
    }
  }
  at = first;
  if (is(Kind::Pass) || is(Kind::Break) || is(Kind::Continue)) {
    const Position statement = place_of(token());
    ++at;
    if (accept(Kind::If)) {
      E* test = disjunction();
      if (PyErr_Occurred()) return true;
      if (test && accept(Kind::Else)) {
        if (simple_statement()) error_at(statement, "expected expression before 'if', but statement is given");
        if (PyErr_Occurred()) return true;
      }
    }
    at = first;
  }
  if (is(Kind::Lambda)) return wrong_lambda();
  if (!is(Kind::Name)) return false;
  ++at;
  if (is(Kind::LeftParenthesis)) return false;
  E* rest = star_expressions();
  if (PyErr_Occurred()) return true;
  if (!rest || !(begin.is("print") || begin.is("exec"))) return false;
  const char* word = begin.is("print") ? "print" : "exec";
  error_at(join(place_of(begin), rest->position), "Missing parentheses in call to '%s'. Did you mean %s(...)?", word, word);
  return true;
}

// A string with quotes inside that are not escaped.
bool Parser::wrong_quotes() {
  const Place place(*this);
  ++at;
  E *begin = nullptr, *last = nullptr;
  while (!is(Kind::String)) {
    E* item = silently(&Parser::expression_without_memory);
    if (!item) return PyErr_Occurred() != nullptr;
    if (!begin) begin = item;
    last = item;
  }
  if (!begin) return false;
  error_at(join(begin->position, last->position), "invalid syntax. Is this intended to be part of the string?");
  return true;
}

// `lambda` in a replacement field: its colon has begun the format.
bool Parser::wrong_lambda() {
  const Place place(*this);
  const Py_ssize_t first = at++;
  if (!parameters(true) || !accept(Kind::Colon)) return PyErr_Occurred() != nullptr;
  const char letter = tokens[at - 1].format_of;
  if (!letter || is(Kind::FStringEnd) || is(Kind::TStringEnd)) return false;
  error_at(join(place_of(tokens[first]), place_of(tokens[at - 1])), "%c-string: lambda expressions are not allowed without parentheses",
           letter);
  return true;
}

// An expression whose own mistakes are not looked for, but those of its parts may have been.
E* Parser::expression_without_memory() {
  return read_expression();
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
  if (tokens[first].kind == Kind::Name && tokens[first + 1].kind == Kind::Equal) {
    ++at;
    E* value = binary(0);
    if (PyErr_Occurred()) return true;
    if (!value || is(Kind::Equal) || is(Kind::ColonEqual)) return false;
    error_at(join(left->position, value->position), "invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
    return true;
  }
  at = first;
  switch (kind()) {
    case Kind::True:
    case Kind::False:
    case Kind::None: return false;
    case Kind::LeftBracket:
    case Kind::LeftParenthesis: {
      // What could be a target, and generators, are left alone; lists and tuples in more parentheses are not.
      E* display = atom();
      if (PyErr_Occurred()) return true;
      if (display && (display->is<List>() || display->is<Tuple>() || display->is<GeneratorExp>()) &&
          display->position.col_offset == tokens[first].column && display->position.lineno == tokens[first].line)
        return false;
      at = first;
      break;
    }
    default: break;
  }
  E* target = binary(0);
  if (PyErr_Occurred()) return true;
  if (!target || !accept(Kind::Equal)) return false;
  E* value = binary(0);
  if (PyErr_Occurred()) return true;
  if (!value || is(Kind::Equal) || is(Kind::ColonEqual)) return false;
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
  E* begin = star_named_expression();
  if (!begin || !is(Kind::Comma)) return PyErr_Occurred() != nullptr;
  Position last = place_of(token());
  while (accept(Kind::Comma)) {
    if (starts_comprehension()) break;
    E* item = star_named_expression();
    if (!item) return PyErr_Occurred() != nullptr;
    last = item->position;
  }
  if (starts_comprehension() && comprehension_clauses(&clauses)) {
    error_at(join(begin->position, last), "did you forget parentheses around the comprehension target?");
    return true;
  }
  return PyErr_Occurred() != nullptr;
}

// Pairs without a colon or a value. Both passes ask.
bool Parser::wrong_dict(Py_ssize_t first) {
  if (readings.empty() && !remember_readings()) return true;
  const Place place(*this);
  at = first + 1;
  // Pairs that are good, each with a comma behind it; then one that is not.
  bool later = false;
  for (;; later = true) {
    const Py_ssize_t before = at;
    bool good;
    if (accept(Kind::DoubleStar)) {
      good = binary(0) != nullptr;
    } else {
      good = expression() && accept(Kind::Colon) && expression();
    }
    if (PyErr_Occurred()) return true;
    if (good && accept(Kind::Comma)) continue;
    if (good) return false;
    at = before;
    break;
  }
  E* key = expression();
  if (!key) return PyErr_Occurred() != nullptr;
  if (!is(Kind::Colon)) {
    if (!later) return false;
    error_at({key->position.lineno, key->position.end_col_offset - 1, key->position.end_lineno, -1}, "':' expected after dictionary key");
    return true;
  }
  const Position colon = place_of(token());
  ++at;
  if (is(Kind::Star)) {
    const Position star = place_of(token());
    ++at;
    E* item = binary(0);
    if (item) error_at({star.lineno, star.col_offset, kCurrent, kCurrent}, "cannot use a starred expression in a dictionary value");
    return PyErr_Occurred() != nullptr;
  }
  if (is(Kind::RightBrace) || is(Kind::Comma)) {
    error_at(colon, "expression expected after dictionary key and ':'");
    return true;
  }
  return false;
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

// A positional argument: *iterable, name := value or a value that no = or := follows.
E* Parser::checked_positional() {
  E* value;
  if (is(Kind::Star)) {
    value = checked_starred();
  } else if (is(Kind::Name) && kind(1) == Kind::ColonEqual) {
    value = named_expression();
  } else {
    value = expression();
    if (value && is(Kind::ColonEqual)) return nullptr;
  }
  return value && !is(Kind::Equal) ? value : nullptr;
}

// One keyword argument, *iterable (`starred`) or **mapping (else).
bool Parser::checked_keyword(bool starred, GrowingArray<E*>& args, GrowingArray<Keyword*>& keywords) {
  const Py_ssize_t first = at;
  const Kind begin = kind();
  if ((begin == Kind::True || begin == Kind::False || begin == Kind::None) && kind(1) == Kind::Equal) {
    error_at(join(place_of(tokens[at]), place_of(tokens[at + 1])), "cannot assign to %s",
             begin == Kind::True ? "True" : begin == Kind::False ? "False" : "None");
    return false;
  }
  if (begin == Kind::Name && kind(1) == Kind::Equal) {
    Identifier name = identifier_of(tokens[at]);
    if (!name) return false;
    at += 2;
    E* value = expression();
    if (!value) return false;
    if (starts_comprehension()) {
      const Place place(*this);
      Sequence<Comprehension*> clauses;
      if (comprehension_clauses(&clauses))
        error_at(join(place_of(tokens[first]), place_of(tokens[first + 1])),
                 "invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
      if (PyErr_Occurred()) return false;
    }
    Keyword* keyword = arena.make<Keyword>(position(first), name, value);
    return keyword && keywords.append(keyword) == Status::Ok;
  }
  // Something else before an =: neither a name nor **mapping.
  if (E* wrong = expression(); wrong && is(Kind::Equal))
    error_at(join(wrong->position, place_of(token())), "expression cannot contain assignment, perhaps you meant \"==\"?");
  if (PyErr_Occurred()) return false;
  at = first;
  if (accept(Kind::DoubleStar)) {
    E* value = expression();
    if (!value) return false;
    if (is(Kind::Equal)) {
      const Place place(*this);
      ++at;
      E* right = expression();
      if (right) error_at(join(place_of(tokens[first]), right->position), "cannot assign to keyword argument unpacking");
      if (PyErr_Occurred()) return false;
    }
    if (starred) return false;
    Keyword* keyword = arena.make<Keyword>(position(first), nullptr, value);
    return keyword && keywords.append(keyword) == Status::Ok;
  }
  if (!starred || !is(Kind::Star)) return false;
  E* value = checked_starred();
  return value && args.append(value) == Status::Ok;
}

// Items with commas between them, as many as there are; `at` is behind the last. False: none, or an exception.
template <class One>
static bool several(Parser& p, One one) {
  bool any = false;
  for (;;) {
    const Py_ssize_t before = p.at;
    if (any && !p.accept(Kind::Comma)) return true;
    if (!one()) {
      p.at = before;
      return any && !PyErr_Occurred();
    }
    any = true;
  }
}

bool Parser::keyword_list(GrowingArray<E*>& args, GrowingArray<Keyword*>& keywords) {
  auto plain = [&] { return checked_keyword(true, args, keywords); };
  auto mapping = [&] { return checked_keyword(false, args, keywords); };
  if (several(*this, plain)) {
    const Py_ssize_t before = at;
    if (!accept(Kind::Comma) || !several(*this, mapping)) at = before;
    return !PyErr_Occurred();
  }
  return !PyErr_Occurred() && several(*this, mapping);
}

// Positional arguments, then others, as far as they go.
bool Parser::argument_list(GrowingArray<E*>& args, GrowingArray<Keyword*>& keywords) {
  auto positional = [&] {
    E* value = checked_positional();
    return value && args.append(value) == Status::Ok;
  };
  if (!several(*this, positional)) return !PyErr_Occurred() && keyword_list(args, keywords);
  const Py_ssize_t before = at;
  if (!accept(Kind::Comma) || !keyword_list(args, keywords)) at = before;
  return !PyErr_Occurred();
}

// The arguments of a call or a class, up to the parenthesis; second pass.
bool Parser::checked_arguments(GrowingArray<E*>& args, GrowingArray<Keyword*>& keywords) {
  const Py_ssize_t first = at;
  if (argument_list(args, keywords)) {
    accept(Kind::Comma);
    if (is(Kind::RightParenthesis)) return true;
  }
  if (PyErr_Occurred()) return false;
  at = first;
  wrong_arguments();
  return false;
}

bool Parser::wrong_arguments() {
  const Place place(*this);
  const Py_ssize_t first = at;
  GrowingArray<E*> args;
  GrowingArray<Keyword*> keywords;
  Sequence<Comprehension*> clauses;
  auto restart = [&] {
    at = first;
    args.shrink(0);
    keywords.shrink(0);
    return !PyErr_Occurred();
  };
  auto unvalued = [&] {
    if (!is(Kind::Name) || kind(1) != Kind::Equal || (kind(2) != Kind::Comma && kind(2) != Kind::RightParenthesis)) return false;
    error_at(join(place_of(tokens[at]), place_of(tokens[at + 1])), "expected argument value expression");
    return true;
  };
  // f(**a, *b)
  auto positional = [&] { return checked_positional() != nullptr; };
  bool good = several(*this, positional) && accept(Kind::Comma) && keyword_list(args, keywords);
  if (!good) good = restart() && keyword_list(args, keywords);
  if (PyErr_Occurred()) return true;
  if (good && is(Kind::Comma)) {
    const Position comma = place_of(token());
    ++at;
    if (is(Kind::Star) && checked_starred()) {
      while (is(Kind::Comma) && kind(1) == Kind::Star) {
        ++at;
        if (!checked_starred()) break;
      }
      if (!PyErr_Occurred())
        error_at({comma.lineno, comma.col_offset, kCurrent, kCurrent},
                 "iterable argument unpacking follows keyword argument unpacking");
    }
    if (PyErr_Occurred()) return true;
  }
  // f(x for x in y, 1)
  restart();
  if (E* element = expression(); element && starts_comprehension() && comprehension_clauses(&clauses)) {
    const Position whole = position(first);
    if (accept(Kind::Comma)) {
      argument_list(args, keywords);
      if (!PyErr_Occurred()) error_at(join(element->position, whole), "Generator expression must be parenthesized");
      return true;
    }
  }
  if (!restart()) return true;
  // f(name=value for value in y) was found before. f(name=, 1)
  if (unvalued()) return true;
  good = argument_list(args, keywords);
  if (PyErr_Occurred()) return true;
  if (!good) return false;
  const Py_ssize_t end = at;
  if (accept(Kind::Comma) && unvalued()) return true;
  at = end;
  // f(1, x for x in y)
  if (starts_comprehension()) {
    const Py_ssize_t begin = at;
    if (comprehension_clauses(&clauses) && args.size() > 1)
      error_at(join(args.back()->position, position(begin)), "Generator expression must be parenthesized");
    if (PyErr_Occurred()) return true;
  }
  at = end;
  if (!accept(Kind::Comma)) return false;
  const Py_ssize_t next = at;
  if (E* element = expression(); element && starts_comprehension() && comprehension_clauses(&clauses)) {
    error_at(join(element->position, position(next)), "Generator expression must be parenthesized");
    return true;
  }
  if (PyErr_Occurred()) return true;
  at = next;
  bool unpacking = false;
  for (Keyword* keyword : keywords) unpacking |= !keyword->arg;
  if (argument_list(args, keywords))
    error_last(PyExc_SyntaxError, unpacking ? "positional argument follows keyword argument unpacking"
                                            : "positional argument follows keyword argument");
  return PyErr_Occurred() != nullptr;
}

}  // namespace ks::syntax
