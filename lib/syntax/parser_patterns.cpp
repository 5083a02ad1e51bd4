// Patterns of match statements.
#include "syntax/parser_state.h"

namespace ks::syntax {

using E = Expression;

Pattern* Parser::patterns() {
  const Py_ssize_t first = at;
  Pattern* item = maybe_star_pattern();
  if (!item) return nullptr;
  if (!is(Kind::Comma)) return item->is<MatchStar>() ? nullptr : item;
  GrowingArray<Pattern*> items;
  if (items.append(item) != Status::Ok) return nullptr;
  while (accept(Kind::Comma)) {
    if (is(Kind::Colon) || is(Kind::If)) break;
    item = maybe_star_pattern();
    if (!item || items.append(item) != Status::Ok) return nullptr;
  }
  return arena.make<MatchSequence>(position(first), keep(items));
}

Pattern* Parser::maybe_star_pattern() { return is(Kind::Star) ? star_pattern() : pattern(); }

Pattern* Parser::star_pattern() {
  const Py_ssize_t first = at++;
  if (!is(Kind::Name)) return nullptr;
  Identifier name = nullptr;
  if (!is_soft("_")) {
    name = identifier_of(tokens[at]);
    if (!name) return nullptr;
  }
  ++at;
  return arena.make<MatchStar>(position(first), name);
}

Pattern* Parser::pattern() {
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at;
  Pattern* result = or_pattern();
  if (!result || !accept(Kind::As)) return result;
  if (finding_errors) {
    if (is_soft("_")) return error_token("cannot use '_' as a target");
    const Place place(*this);
    const bool name = is(Kind::Name) && kind(1) != Kind::Dot && kind(1) != Kind::LeftParenthesis && kind(1) != Kind::Equal;
    E* wrong = name ? nullptr : expression();
    if (PyErr_Occurred()) return nullptr;
    if (wrong) return error_at(wrong->position, "cannot use %s as pattern target", name_of(wrong));
  }
  if (!is(Kind::Name) || is_soft("_")) return nullptr;
  Identifier name = identifier_of(tokens[at]);
  if (!name) return nullptr;
  ++at;
  return arena.make<MatchAs>(position(first), result, name);
}

Pattern* Parser::or_pattern() {
  const Py_ssize_t first = at;
  Pattern* item = closed_pattern();
  if (!item || !is(Kind::Bar)) return item;
  GrowingArray<Pattern*> items;
  if (items.append(item) != Status::Ok) return nullptr;
  while (accept(Kind::Bar)) {
    item = closed_pattern();
    if (!item || items.append(item) != Status::Ok) return nullptr;
  }
  return arena.make<MatchOr>(position(first), keep(items));
}

Pattern* Parser::closed_pattern() {
  switch (kind()) {
    case Kind::Number:
    case Kind::Minus:
    case Kind::String:
    case Kind::FStringStart:
    case Kind::TStringStart:
    case Kind::None:
    case Kind::True:
    case Kind::False: return literal_pattern();
    case Kind::Name: return class_or_value_pattern();
    case Kind::LeftParenthesis:
    case Kind::LeftBracket: return sequence_pattern();
    case Kind::LeftBrace: return mapping_pattern();
    default: return nullptr;
  }
}

// A number with sign and imaginary part, strings, or None, True, False.
E* Parser::literal_expression(bool* is_singleton) {
  *is_singleton = false;
  const Py_ssize_t first = at;
  switch (kind()) {
    case Kind::None:
    case Kind::True:
    case Kind::False: *is_singleton = true; return atom();
    case Kind::String:
    case Kind::FStringStart:
    case Kind::TStringStart: return strings();
    default: break;
  }
  auto signed_number = [this]() -> E* {
    const Py_ssize_t begin = at;
    const bool negative = accept(Kind::Minus);
    if (!is(Kind::Number)) return nullptr;
    E* value = number();
    if (!value || !negative) return value;
    return arena.make<UnaryOp>(position(begin), UnaryOperator::USub, value);
  };
  E* left = signed_number();
  if (!left || !(is(Kind::Plus) || is(Kind::Minus))) return left;
  const Py_ssize_t sign = at;
  const Operator op = is(Kind::Plus) ? Operator::Add : Operator::Sub;
  ++at;
  if (!is(Kind::Number)) {
    at = sign;
    return left;
  }
  auto value_of = [](E* node) {
    if (node->is<UnaryOp>()) node = node->as<UnaryOp>()->operand;
    return node->as<Constant>()->value;
  };
  if (PyComplex_CheckExact(value_of(left))) return error_at(left->position, "real number required in complex literal");
  E* right = number();
  if (!right) return nullptr;
  if (!PyComplex_CheckExact(value_of(right))) return error_at(right->position, "imaginary number required in complex literal");
  return arena.make<BinOp>(position(first), left, op, right);
}

Pattern* Parser::literal_pattern() {
  const Py_ssize_t first = at;
  bool is_singleton;
  E* value = literal_expression(&is_singleton);
  if (!value) return nullptr;
  if (is_singleton) return arena.make<MatchSingleton>(position(first), value->as<Constant>()->value);
  return arena.make<MatchValue>(position(first), value);
}

E* Parser::name_or_attribute() {
  const Py_ssize_t first = at;
  E* node = name();
  while (node && accept(Kind::Dot)) {
    if (!is(Kind::Name)) return nullptr;
    Identifier attribute = identifier_of(tokens[at]);
    if (!attribute) return nullptr;
    ++at;
    node = arena.make<Attribute>(position(first), node, attribute, Context::Load);
  }
  return node;
}

// A capture, the wildcard, a dotted value, or a class with patterns.
Pattern* Parser::class_or_value_pattern() {
  const Py_ssize_t first = at;
  if (is_soft("_")) {
    ++at;
    return arena.make<MatchAs>(position(first), nullptr, nullptr);
  }
  E* node = name_or_attribute();
  if (!node) return nullptr;
  if (!is(Kind::LeftParenthesis)) {
    if (node->is<Attribute>()) return arena.make<MatchValue>(position(first), node);
    return arena.make<MatchAs>(position(first), nullptr, node->as<Name>()->id);
  }
  ++at;
  GrowingArray<Pattern*> positional, keywords;
  GrowingArray<Identifier> names;
  while (!is(Kind::RightParenthesis)) {
    if (is(Kind::Name) && kind(1) == Kind::Equal) {
      Identifier attribute = identifier_of(tokens[at]);
      if (!attribute) return nullptr;
      at += 2;
      Pattern* item = pattern();
      if (!item || names.append(attribute) != Status::Ok || keywords.append(item) != Status::Ok) return nullptr;
    } else {
      if (!keywords.empty()) {
        if (!finding_errors) return nullptr;
        Pattern* begin = pattern();
        Pattern* last = begin;
        while (last && is(Kind::Comma) && kind(1) != Kind::RightParenthesis && !(kind(1) == Kind::Name && kind(2) == Kind::Equal)) {
          ++at;
          Pattern* next = pattern();
          if (!next) break;
          last = next;
        }
        if (PyErr_Occurred() || !begin) return nullptr;
        return error_at(join(begin->position, last->position), "positional patterns follow keyword patterns");
      }
      Pattern* item = pattern();
      if (!item || positional.append(item) != Status::Ok) return nullptr;
    }
    if (!accept(Kind::Comma)) break;
  }
  if (!accept(Kind::RightParenthesis)) return nullptr;
  return arena.make<MatchClass>(position(first), node, keep(positional), keep(names), keep(keywords));
}

// (a), (a, b) and [a, b]: parentheses around one pattern only group.
Pattern* Parser::sequence_pattern() {
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at;
  const bool group = is(Kind::LeftParenthesis);
  const Kind close = group ? Kind::RightParenthesis : Kind::RightBracket;
  ++at;
  GrowingArray<Pattern*> items;
  bool comma = false;
  while (!is(close)) {
    Pattern* item = maybe_star_pattern();
    if (!item || items.append(item) != Status::Ok) return nullptr;
    if (!accept(Kind::Comma)) break;
    comma = true;
  }
  if (!accept(close)) return nullptr;
  if (group && items.size() == 1 && !comma) return items[0]->is<MatchStar>() ? nullptr : items[0];
  return arena.make<MatchSequence>(position(first), keep(items));
}

Pattern* Parser::mapping_pattern() {
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at++;
  GrowingArray<E*> keys;
  GrowingArray<Pattern*> values;
  Identifier rest = nullptr;
  while (!is(Kind::RightBrace)) {
    if (rest) return nullptr;
    if (accept(Kind::DoubleStar)) {
      if (!is(Kind::Name) || is_soft("_")) return nullptr;
      rest = identifier_of(tokens[at]);
      if (!rest) return nullptr;
      ++at;
    } else {
      bool is_singleton;
      E* key = is(Kind::Name) ? name_or_attribute() : literal_expression(&is_singleton);
      if (!key || key->is<Name>() || !accept(Kind::Colon)) return nullptr;
      Pattern* value = pattern();
      if (!value || keys.append(key) != Status::Ok || values.append(value) != Status::Ok) return nullptr;
    }
    if (!accept(Kind::Comma)) break;
  }
  if (!accept(Kind::RightBrace)) return nullptr;
  return arena.make<MatchMapping>(position(first), keep(keys), keep(values), rest);
}

}  // namespace ks::syntax
