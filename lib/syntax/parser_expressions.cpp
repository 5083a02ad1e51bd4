// Expressions, from the loosest binding to atoms; parameters and arguments. Strings: parser_strings.cpp.
#include "syntax/parser_state.h"

namespace ks::syntax {

using E = Expression;

// ---- lists of expressions ----------------------------------------------------------------------------------------------

// `one (',' one)* [',']`, a tuple as soon as there is a comma.
template <class One>
static E* tuple_or_one(Parser& p, One one) {
  const Py_ssize_t first = p.at;
  E* item = one();
  if (!item) return nullptr;
  if (!p.is(Kind::Comma)) return item;
  GrowingArray<E*> items;
  if (items.append(item) != Status::Ok) return nullptr;
  while (p.accept(Kind::Comma)) {
    const Py_ssize_t before = p.at;
    item = one();
    if (!item) {
      if (PyErr_Occurred()) return nullptr;
      p.at = before;
      break;
    }
    if (items.append(item) != Status::Ok) return nullptr;
  }
  return p.arena.make<Tuple>(p.position(first), p.keep(items), Context::Load);
}

E* Parser::star_expressions() {
  return tuple_or_one(*this, [this] { return star_expression(); });
}
E* Parser::expressions() {
  return tuple_or_one(*this, [this] { return expression(); });
}

E* Parser::star_expression() {
  if (!is(Kind::Star)) return expression();
  const Py_ssize_t first = at++;
  E* value = binary(0);
  return value ? arena.make<Starred>(position(first), value, Context::Load) : nullptr;
}

E* Parser::star_named_expression() {
  if (!is(Kind::Star)) return named_expression();
  return star_expression();
}

E* Parser::named_expression() {
  if (is(Kind::Name) && kind(1) == Kind::ColonEqual) {
    const Py_ssize_t first = at;
    E* target = name(Context::Store);
    if (!target) return nullptr;
    ++at;
    E* value = expression();
    if (!value) return nullptr;
    if (!check_version(8, "Assignment expressions are")) return nullptr;
    return arena.make<NamedExpr>(position(first), target, value);
  }
  const Py_ssize_t first = at;
  E* result = expression();
  if (finding_errors && result && wrong_named(first, result)) return nullptr;
  if (result && is(Kind::ColonEqual)) return nullptr;
  return result;
}

E* Parser::expression() {
  return once(Remembered::Expression, [this] { return read_expression(); });
}

E* Parser::read_expression() {
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at;
  if (finding_errors && wrong_expression()) return nullptr;
  if (is(Kind::Lambda)) return lambda();
  E* body = disjunction();
  if (!body) {
    at = first;
    return nullptr;
  }
  if (!is(Kind::If)) return body;
  const Py_ssize_t before = at;
  ++at;
  E* test = disjunction();
  if (!test || !accept(Kind::Else)) {
    // Not a conditional expression: the `if` may belong to a comprehension.
    if (PyErr_Occurred()) return nullptr;
    at = before;
    return body;
  }
  E* orelse = expression();
  if (!orelse) {
    if (PyErr_Occurred()) return nullptr;
    at = before;
    return body;
  }
  return arena.make<IfExp>(position(first), test, body, orelse);
}

E* Parser::yield_expression() {
  const Py_ssize_t first = at;
  if (!accept(Kind::Yield)) return nullptr;
  if (accept(Kind::From)) {
    E* value = expression();
    return value ? arena.make<YieldFrom>(position(first), value) : nullptr;
  }
  const Py_ssize_t before = at;
  E* value = star_expressions();
  if (!value) {
    if (PyErr_Occurred()) return nullptr;
    at = before;
  }
  return arena.make<Yield>(position(first), value);
}

E* Parser::annotated_rhs() { return is(Kind::Yield) ? yield_expression() : star_expressions(); }

// ---- operators -------------------------------------------------------------------------------------------------------

template <BooleanOperator op, class Operand>
static E* boolean(Parser& p, Kind keyword, Operand operand) {
  const Py_ssize_t first = p.at;
  E* left = operand();
  if (!left || !p.is(keyword)) return left;
  GrowingArray<E*> values;
  if (values.append(left) != Status::Ok) return nullptr;
  while (p.is(keyword)) {
    const Py_ssize_t before = p.at++;
    E* next = operand();
    if (!next) {
      if (PyErr_Occurred()) return nullptr;
      p.at = before;
      break;
    }
    if (values.append(next) != Status::Ok) return nullptr;
  }
  if (values.size() == 1) return left;
  return p.arena.make<BoolOp>(p.position(first), op, p.keep(values));
}
E* Parser::disjunction() {
  return once(Remembered::Disjunction, [this] {
    return boolean<BooleanOperator::Or>(*this, Kind::Or, [this] { return conjunction(); });
  });
}
E* Parser::conjunction() {
  return boolean<BooleanOperator::And>(*this, Kind::And, [this] { return inversion(); });
}

E* Parser::inversion() {
  if (!is(Kind::Not)) return comparison();
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at++;
  E* operand = inversion();
  return operand ? arena.make<UnaryOp>(position(first), UnaryOperator::Not, operand) : nullptr;
}

// An operator that is not there leaves `at` where it is.
static bool comparison_operator(Parser& p, Comparison* op) {
  switch (p.kind()) {
    case Kind::EqualEqual: *op = Comparison::Eq; break;
    case Kind::NotEqual: {
      // `<>` and `!=` exclude each other: the future statement of PEP 401 swaps them.
      const bool old = p.token().is("<>");
      if (p.barry) {
        if (!old) p.error_last(PyExc_SyntaxError, "with Barry as BDFL, use '<>' instead of '!='");
        if (!old) return false;
      } else if (old) {
        const Token& sign = p.token();
        if (p.finding_errors) p.error_at({sign.line, sign.column, sign.end_line, sign.end_column}, "invalid syntax.  Maybe you meant '!=' instead of '<>'?");
        return false;
      }
      *op = Comparison::NotEq;
      break;
    }
    case Kind::LessEqual: *op = Comparison::LtE; break;
    case Kind::Less: *op = Comparison::Lt; break;
    case Kind::GreaterEqual: *op = Comparison::GtE; break;
    case Kind::Greater: *op = Comparison::Gt; break;
    case Kind::In: *op = Comparison::In; break;
    case Kind::Is:
      ++p.at;
      *op = p.accept(Kind::Not) ? Comparison::IsNot : Comparison::Is;
      return true;
    case Kind::Not:
      if (p.kind(1) != Kind::In) return false;
      ++p.at;
      *op = Comparison::NotIn;
      break;
    default: return false;
  }
  ++p.at;
  return true;
}

E* Parser::comparison() {
  const Py_ssize_t first = at;
  E* left = binary(0);
  if (!left) return nullptr;
  GrowingArray<Comparison> ops;
  GrowingArray<E*> values;
  for (;;) {
    Comparison op;
    const Py_ssize_t before = at;
    if (!comparison_operator(*this, &op)) {
      if (PyErr_Occurred()) return nullptr;
      break;
    }
    E* right = binary(0);
    if (!right) {
      if (PyErr_Occurred()) return nullptr;
      at = before;
      break;
    }
    if (ops.append(op) != Status::Ok || values.append(right) != Status::Ok) return nullptr;
  }
  if (values.empty()) return left;
  return arena.make<Compare>(position(first), left, keep(ops), keep(values));
}

// `|` binds loosest (0), then `^`, `&`, shifts, sums, products (5). -1: not a binary operator.
static int precedence_of(Kind kind, Operator* op) {
  switch (kind) {
    case Kind::Bar: *op = Operator::BitOr; return 0;
    case Kind::Circumflex: *op = Operator::BitXor; return 1;
    case Kind::Ampersand: *op = Operator::BitAnd; return 2;
    case Kind::LeftShift: *op = Operator::LShift; return 3;
    case Kind::RightShift: *op = Operator::RShift; return 3;
    case Kind::Plus: *op = Operator::Add; return 4;
    case Kind::Minus: *op = Operator::Sub; return 4;
    case Kind::Star: *op = Operator::Mult; return 5;
    case Kind::Slash: *op = Operator::Div; return 5;
    case Kind::DoubleSlash: *op = Operator::FloorDiv; return 5;
    case Kind::Percent: *op = Operator::Mod; return 5;
    case Kind::At: *op = Operator::MatMult; return 5;
    default: return -1;
  }
}

E* Parser::binary(int least) {
  if (least == 0) return once(Remembered::Operand, [this] { return read_binary(0); });
  return read_binary(least);
}

E* Parser::read_binary(int least) {
  const Py_ssize_t first = at;
  E* left = factor();
  if (!left) return nullptr;
  for (;;) {
    Operator op;
    const int precedence = precedence_of(kind(), &op);
    if (precedence < least) return left;
    const Py_ssize_t sign = at++;
    if (finding_errors && precedence >= 4 && wrong_not()) return nullptr;
    E* right = binary(precedence + 1);
    if (!right) {
      if (PyErr_Occurred()) return nullptr;
      at = sign;
      return left;
    }
    if (op == Operator::MatMult && !check_version(5, "The '@' operator is")) return nullptr;
    left = arena.make<BinOp>(position(first), left, op, right);
    if (!left) return nullptr;
  }
}

E* Parser::factor() {
  UnaryOperator op;
  switch (kind()) {
    case Kind::Plus: op = UnaryOperator::UAdd; break;
    case Kind::Minus: op = UnaryOperator::USub; break;
    case Kind::Tilde: op = UnaryOperator::Invert; break;
    default: return power();
  }
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at++;
  if (finding_errors && wrong_not()) return nullptr;
  E* operand = factor();
  return operand ? arena.make<UnaryOp>(position(first), op, operand) : nullptr;
}

E* Parser::power() {
  const Py_ssize_t first = at;
  E* left = await_primary();
  if (!left || !is(Kind::DoubleStar)) return left;
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t sign = at++;
  E* right = factor();
  if (!right && !PyErr_Occurred()) {
    at = sign;
    return left;
  }
  return right ? arena.make<BinOp>(position(first), left, Operator::Pow, right) : nullptr;
}

E* Parser::await_primary() {
  if (!is(Kind::Await)) return primary();
  const Py_ssize_t first = at++;
  E* value = primary();
  if (!value || !check_version(5, "Await expressions are")) return nullptr;
  return arena.make<Await>(position(first), value);
}

// ---- primaries -------------------------------------------------------------------------------------------------------

// As far as it goes: what follows and is no trailer is left to the caller.
E* Parser::primary() {
  return once(Remembered::Primary, [this] { return read_primary(); });
}

E* Parser::read_primary() {
  const Py_ssize_t first = at;
  E* node = atom();
  while (node) {
    const Py_ssize_t before = at;
    E* next = nullptr;
    if (finding_errors && (is(Kind::LeftBracket) || is(Kind::LeftBrace)) && wrong_comprehension(at)) return nullptr;
    switch (kind()) {
      case Kind::Dot: {
        ++at;
        if (!is(Kind::Name)) break;
        Identifier attribute = identifier_of(tokens[at]);
        if (!attribute) return nullptr;
        ++at;
        next = arena.make<Attribute>(position(first), node, attribute, Context::Load);
        break;
      }
      case Kind::LeftParenthesis: next = call(node, position(first)); break;
      case Kind::LeftBracket: {
        ++at;
        E* index = slices();
        if (!index || !accept(Kind::RightBracket)) break;
        next = arena.make<Subscript>(position(first), node, index, Context::Load);
        break;
      }
      default: return node;
    }
    if (!next) {
      if (PyErr_Occurred()) return nullptr;
      at = before;
      return node;
    }
    node = next;
  }
  return nullptr;
}

E* Parser::call(E* function, const Position& start) {
  const Py_ssize_t open = at++;
  GrowingArray<E*> args;
  GrowingArray<Keyword*> keywords;
  if (finding_errors) {
    if (E* generator = generator_argument(open)) {
      if (args.append(generator) != Status::Ok) return nullptr;
      return arena.make<Call>(position_from(start), function, keep(args), keep(keywords));
    }
    if (PyErr_Occurred() || wrong_comprehension(open)) return nullptr;
    at = open + 1;
    if (!is(Kind::RightParenthesis) && !checked_arguments(args, keywords)) return nullptr;
  } else if (!is(Kind::RightParenthesis)) {
    if (!call_arguments(args, keywords, Kind::RightParenthesis)) return nullptr;
    if (starts_comprehension()) {
      // f(x for x in y): a generator, its parentheses being those of the call. It must be the only argument.
      if (args.size() != 1 || !keywords.empty() || args[0]->is<Starred>()) return nullptr;
      E* generator = generator_argument(open);
      if (!generator) return nullptr;
      args.shrink(0);
      if (args.append(generator) != Status::Ok) return nullptr;
      return arena.make<Call>(position_from(start), function, keep(args), keep(keywords));
    }
  }
  if (!accept(Kind::RightParenthesis)) return nullptr;
  return arena.make<Call>(position_from(start), function, keep(args), keep(keywords));
}

E* Parser::generator_argument(Py_ssize_t open) {
  at = open + 1;
  E* element = is(Kind::Name) && kind(1) == Kind::ColonEqual ? named_expression() : expression();
  if (!element || !starts_comprehension()) return nullptr;
  Sequence<Comprehension*> clauses;
  if (!comprehension_clauses(&clauses) || !accept(Kind::RightParenthesis)) return nullptr;
  return arena.make<GeneratorExp>(position(open), element, clauses);
}

// Arguments up to `close` (not consumed), or to a `for` after the first. Positional ones may follow keywords only as
// *iterables, and nothing but keywords follows **mapping.
bool Parser::call_arguments(GrowingArray<E*>& args, GrowingArray<Keyword*>& keywords, Kind close) {
  bool keyword_seen = false, mapping_seen = false;
  for (;;) {
    const Py_ssize_t first = at;
    if (accept(Kind::DoubleStar)) {
      E* value = expression();
      if (!value) return false;
      Keyword* keyword = arena.make<Keyword>(position(first), nullptr, value);
      if (!keyword || keywords.append(keyword) != Status::Ok) return false;
      mapping_seen = keyword_seen = true;
    } else if (accept(Kind::Star)) {
      if (mapping_seen) return false;
      E* value = expression();
      if (!value) return false;
      E* starred = arena.make<Starred>(position(first), value, Context::Load);
      if (!starred || args.append(starred) != Status::Ok) return false;
    } else if (is(Kind::Name) && kind(1) == Kind::Equal) {
      Identifier name = identifier_of(tokens[at]);
      if (!name) return false;
      at += 2;
      E* value = expression();
      if (!value) return false;
      Keyword* keyword = arena.make<Keyword>(position(first), name, value);
      if (!keyword || keywords.append(keyword) != Status::Ok) return false;
      keyword_seen = true;
    } else {
      if (keyword_seen) return false;
      E* value = named_expression();
      if (!value || args.append(value) != Status::Ok) return false;
      if (args.size() == 1 && starts_comprehension()) return true;
    }
    if (!accept(Kind::Comma)) return is(close);
    if (is(close)) return true;
  }
}

E* Parser::slices() {
  const Py_ssize_t first = at;
  auto one = [this]() -> E* {
    if (is(Kind::Star)) {
      if (finding_errors) return checked_starred();
      const Py_ssize_t begin = at++;
      E* value = expression();
      return value ? arena.make<Starred>(position(begin), value, Context::Load) : nullptr;
    }
    return slice();
  };
  E* item = one();
  if (!item) return nullptr;
  if (!is(Kind::Comma) && !item->is<Starred>()) return item;
  GrowingArray<E*> items;
  if (items.append(item) != Status::Ok) return nullptr;
  while (accept(Kind::Comma)) {
    if (is(Kind::RightBracket)) break;
    item = one();
    if (!item || items.append(item) != Status::Ok) return nullptr;
  }
  return arena.make<Tuple>(position(first), keep(items), Context::Load);
}

E* Parser::slice() {
  const Py_ssize_t first = at;
  E* lower = nullptr;
  if (!is(Kind::Colon)) {
    lower = named_expression();
    if (!lower || !is(Kind::Colon)) return lower;
    // Only an unparenthesised := is no bound of a slice.
    if (lower->is<NamedExpr>() && !parenthesized(first)) return nullptr;
  }
  ++at;
  auto bound = [this](E** out) {
    if (is(Kind::Colon) || is(Kind::Comma) || is(Kind::RightBracket)) return true;
    return (*out = expression()) != nullptr;
  };
  E *upper = nullptr, *step = nullptr;
  if (!bound(&upper)) return nullptr;
  if (accept(Kind::Colon) && !bound(&step)) return nullptr;
  return arena.make<Slice>(position(first), lower, upper, step);
}

// ---- atoms -----------------------------------------------------------------------------------------------------------

Identifier Parser::identifier_of(const Token& token) {
  bool ascii = true;
  for (const char* c = token.start; c < token.end; ++c) ascii &= static_cast<unsigned char>(*c) < 128;
  if (ascii) return arena.identifier(token.start, token.size());
  // Names are compared in normal form KC.
  Ref<> text = TRY(steal(PyUnicode_DecodeUTF8(token.start, token.size(), nullptr)));
  Ref<> module = TRY(steal(PyImport_ImportModule("unicodedata")));
  Ref<> normal = TRY(steal(PyObject_CallMethod(module, "normalize", "sO", "NFKC", text.get())));
  Py_ssize_t size;
  const char* utf8 = TRY(PyUnicode_AsUTF8AndSize(normal, &size));
  for (const char* constant : {"None", "True", "False"})
    if (strcmp(utf8, constant) == 0) {
      PyErr_Format(PyExc_ValueError, "identifier field can't represent '%s' constant", constant);
      return nullptr;
    }
  return arena.identifier(utf8, size);
}

E* Parser::name(Context context) {
  if (!is(Kind::Name)) return nullptr;
  Identifier id = identifier_of(tokens[at]);
  if (!id) return nullptr;
  ++at;
  return arena.make<Name>(position(at - 1), id, context);
}

E* Parser::number() {
  const Token& digits = tokens[at];
  GrowingArray<char> text;
  for (const char* c = digits.start; c < digits.end; ++c)
    if (*c != '_' && text.append(*c) != Status::Ok) return nullptr;
  if (text.append('\0') != Status::Ok) return nullptr;
  const char* start = text.begin();
  const size_t length = static_cast<size_t>(text.size()) - 1;
  const bool radix = length > 1 && start[0] == '0' && (start[1] | 32) >= 'a' && strchr("xob", start[1] | 32);
  Ref<> value;
  if (!radix && (start[length - 1] | 32) == 'j') {
    text[static_cast<Py_ssize_t>(length) - 1] = '\0';
    const double imaginary = PyOS_string_to_double(start, nullptr, nullptr);
    if (imaginary == -1.0 && PyErr_Occurred()) return nullptr;
    value = steal(PyComplex_FromDoubles(0.0, imaginary));
  } else if (!radix && strpbrk(start, ".eE")) {
    const double real = PyOS_string_to_double(start, nullptr, nullptr);
    if (real == -1.0 && PyErr_Occurred()) return nullptr;
    value = steal(PyFloat_FromDouble(real));
  } else {
    // A run of zeros is decimal zero, which base 0 would take for an old octal number.
    const bool zeros = !radix && start[0] == '0';
    value = steal(PyLong_FromString(start, nullptr, zeros ? 10 : 0));
    if (!value && PyErr_ExceptionMatches(PyExc_ValueError)) {
      Ref<> exception = steal(PyErr_GetRaisedException());
      Ref<> shown = steal(PyObject_Str(exception));
      if (!shown) return nullptr;
      return error_at(position(at),
                      "%U - Consider hexadecimal for huge integer literals to avoid decimal conversion limits.", shown.get());
    }
  }
  if (!value) return nullptr;
  if (memchr(digits.start, '_', static_cast<size_t>(digits.size())) &&
      !check_version(6, "Underscores in numeric literals are"))
    return nullptr;
  PyObject* kept = arena.own(std::move(value));
  if (!kept) return nullptr;
  ++at;
  return arena.make<Constant>(position(at - 1), kept, nullptr);
}

E* Parser::atom() {
  auto constant = [this](PyObject* value) {
    ++at;
    return arena.make<Constant>(position(at - 1), value, nullptr);
  };
  switch (kind()) {
    case Kind::Name: return name();
    case Kind::True: return constant(Py_True);
    case Kind::False: return constant(Py_False);
    case Kind::None: return constant(Py_None);
    case Kind::Ellipsis: return constant(Py_Ellipsis);
    case Kind::Number: return number();
    case Kind::String:
    case Kind::FStringStart:
    case Kind::TStringStart: return strings();
    case Kind::LeftParenthesis: return group_or_tuple();
    case Kind::LeftBracket: return list_display();
    case Kind::LeftBrace: return brace_display();
    default: return nullptr;
  }
}

E* Parser::group_or_tuple() {
  const Py_ssize_t first = at;
  E* result = read_group_or_tuple();
  if (!result && finding_errors) wrong_display(first);
  return result;
}

E* Parser::read_group_or_tuple() {
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at++;
  if (accept(Kind::RightParenthesis)) return arena.make<Tuple>(position(first), Sequence<E*>{}, Context::Load);
  if (is(Kind::Yield)) {
    E* value = yield_expression();
    return value && accept(Kind::RightParenthesis) ? value : nullptr;
  }
  E* item = star_named_expression();
  if (!item) return nullptr;
  if (starts_comprehension()) {
    if (item->is<Starred>()) return nullptr;
    Sequence<Comprehension*> clauses;
    if (!comprehension_clauses(&clauses) || !accept(Kind::RightParenthesis)) return nullptr;
    return arena.make<GeneratorExp>(position(first), item, clauses);
  }
  if (accept(Kind::RightParenthesis)) return item->is<Starred>() && tokens[first + 1].kind == Kind::Star ? nullptr : item;
  GrowingArray<E*> items;
  if (items.append(item) != Status::Ok) return nullptr;
  while (accept(Kind::Comma)) {
    if (is(Kind::RightParenthesis)) break;
    item = star_named_expression();
    if (!item || items.append(item) != Status::Ok) return nullptr;
  }
  if (!accept(Kind::RightParenthesis)) return nullptr;
  return arena.make<Tuple>(position(first), keep(items), Context::Load);
}

E* Parser::list_display() {
  const Py_ssize_t first = at;
  E* result = read_list_display();
  if (!result && finding_errors) wrong_display(first);
  return result;
}

E* Parser::read_list_display() {
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at++;
  GrowingArray<E*> items;
  while (!is(Kind::RightBracket)) {
    E* item = star_named_expression();
    if (!item) return nullptr;
    if (items.empty() && starts_comprehension()) {
      if (item->is<Starred>()) return nullptr;
      Sequence<Comprehension*> clauses;
      if (!comprehension_clauses(&clauses) || !accept(Kind::RightBracket)) return nullptr;
      return arena.make<ListComp>(position(first), item, clauses);
    }
    if (items.append(item) != Status::Ok) return nullptr;
    if (!accept(Kind::Comma)) break;
  }
  if (!accept(Kind::RightBracket)) return nullptr;
  return arena.make<List>(position(first), keep(items), Context::Load);
}

E* Parser::brace_display() {
  const Py_ssize_t first = at;
  E* result = read_brace_display();
  if (!result && !PyErr_Occurred() && !wrong_dict(first) && finding_errors) wrong_display(first);
  return result;
}

E* Parser::read_brace_display() {
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at++;
  if (accept(Kind::RightBrace)) return arena.make<Dict>(position(first), Sequence<E*>{}, Sequence<E*>{});
  GrowingArray<E*> keys, values;
  bool is_dict = is(Kind::DoubleStar);
  if (!is_dict) {
    E* item = star_named_expression();
    if (!item) return nullptr;
    if (!is(Kind::Colon)) {
      if (starts_comprehension()) {
        if (item->is<Starred>()) return nullptr;
        Sequence<Comprehension*> clauses;
        if (!comprehension_clauses(&clauses) || !accept(Kind::RightBrace)) return nullptr;
        return arena.make<SetComp>(position(first), item, clauses);
      }
      if (values.append(item) != Status::Ok) return nullptr;
      while (accept(Kind::Comma)) {
        if (is(Kind::RightBrace)) break;
        item = star_named_expression();
        if (!item || values.append(item) != Status::Ok) return nullptr;
      }
      if (!accept(Kind::RightBrace)) return nullptr;
      return arena.make<Set>(position(first), keep(values));
    }
    // The key is a plain expression.
    if (item->is<Starred>() || (item->is<NamedExpr>() && !parenthesized(first + 1))) return nullptr;
    ++at;
    E* value = expression();
    if (!value) return nullptr;
    if (starts_comprehension()) {
      Sequence<Comprehension*> clauses;
      if (!comprehension_clauses(&clauses) || !accept(Kind::RightBrace)) return nullptr;
      return arena.make<DictComp>(position(first), item, value, clauses);
    }
    if (keys.append(item) != Status::Ok || values.append(value) != Status::Ok) return nullptr;
    if (!accept(Kind::Comma)) {
      if (!accept(Kind::RightBrace)) return nullptr;
      return arena.make<Dict>(position(first), keep(keys), keep(values));
    }
  }
  while (!is(Kind::RightBrace)) {
    E* key = nullptr;
    E* value;
    if (accept(Kind::DoubleStar)) {
      value = binary(0);
    } else {
      key = finding_errors ? silently(&Parser::expression) : expression();
      if (!key || !accept(Kind::Colon)) return nullptr;
      value = expression();
    }
    if (!value || keys.append(key) != Status::Ok || values.append(value) != Status::Ok) return nullptr;
    if (!accept(Kind::Comma)) break;
  }
  if (!accept(Kind::RightBrace)) return nullptr;
  return arena.make<Dict>(position(first), keep(keys), keep(values));
}

bool Parser::comprehension_clauses(Sequence<Comprehension*>* out) {
  GrowingArray<Comprehension*> clauses;
  while (starts_comprehension()) {
    const Py_ssize_t first = at;
    const bool is_async = accept(Kind::Async);
    ++at;
    E* target = star_targets();
    if (!target || !accept(Kind::In)) {
      if (finding_errors) wrong_for_clause(first);
      return false;
    }
    E* iterable = disjunction();
    if (!iterable) return false;
    GrowingArray<E*> conditions;
    while (accept(Kind::If)) {
      E* condition = disjunction();
      if (!condition || conditions.append(condition) != Status::Ok) return false;
    }
    if (is_async && !check_version(6, "Async comprehensions are")) return false;
    auto* clause = arena.make_plain<Comprehension>(target, iterable, keep(conditions), is_async ? 1 : 0);
    if (!clause || clauses.append(clause) != Status::Ok) return false;
  }
  *out = keep(clauses);
  return out->length >= 0;
}

// ---- targets ---------------------------------------------------------------------------------------------------------

bool Parser::is_target(E* node, bool allow_starred) {
  switch (node->kind) {
    case ExpressionKind::Name:
    case ExpressionKind::Attribute:
    case ExpressionKind::Subscript: return true;
    case ExpressionKind::Starred: return allow_starred && is_target(node->as<Starred>()->value, false);
    case ExpressionKind::Tuple:
      for (E* item : node->as<Tuple>()->elts)
        if (!is_target(item, true)) return false;
      return true;
    case ExpressionKind::List:
      for (E* item : node->as<List>()->elts)
        if (!is_target(item, true)) return false;
      return true;
    default: return false;
  }
}

bool Parser::is_delete_target(E* node) {
  switch (node->kind) {
    case ExpressionKind::Name:
    case ExpressionKind::Attribute:
    case ExpressionKind::Subscript: return true;
    case ExpressionKind::Tuple:
      for (E* item : node->as<Tuple>()->elts)
        if (!is_delete_target(item)) return false;
      return true;
    case ExpressionKind::List:
      for (E* item : node->as<List>()->elts)
        if (!is_delete_target(item)) return false;
      return true;
    default: return false;
  }
}

void Parser::set_context(E* node, Context context) {
  switch (node->kind) {
    case ExpressionKind::Name: node->as<Name>()->ctx = context; break;
    case ExpressionKind::Attribute: node->as<Attribute>()->ctx = context; break;
    case ExpressionKind::Subscript: node->as<Subscript>()->ctx = context; break;
    case ExpressionKind::Starred:
      node->as<Starred>()->ctx = context;
      set_context(node->as<Starred>()->value, context);
      break;
    case ExpressionKind::Tuple:
      node->as<Tuple>()->ctx = context;
      for (E* item : node->as<Tuple>()->elts) set_context(item, context);
      break;
    case ExpressionKind::List:
      node->as<List>()->ctx = context;
      for (E* item : node->as<List>()->elts) set_context(item, context);
      break;
    default: break;
  }
}

E* Parser::star_target() {
  const Py_ssize_t first = at;
  E* node;
  if (accept(Kind::Star)) {
    E* value = primary();
    if (!value || !is_target(value, false)) return nullptr;
    node = arena.make<Starred>(position(first), value, Context::Store);
    if (!node) return nullptr;
  } else {
    node = primary();
    if (!node || !is_target(node, false)) return nullptr;
  }
  set_context(node, Context::Store);
  return node;
}

E* Parser::star_targets() {
  const Py_ssize_t first = at;
  E* node = star_target();
  if (!node || !is(Kind::Comma)) return node;
  GrowingArray<E*> items;
  if (items.append(node) != Status::Ok) return nullptr;
  while (accept(Kind::Comma)) {
    if (is(Kind::In) || is(Kind::Equal)) break;
    node = star_target();
    if (!node || items.append(node) != Status::Ok) return nullptr;
  }
  return arena.make<Tuple>(position(first), keep(items), Context::Store);
}

// ---- parameters ------------------------------------------------------------------------------------------------------

E* Parser::lambda() {
  Nesting nesting(*this);
  if (!nesting.good) return nullptr;
  const Py_ssize_t first = at++;
  Arguments* args = parameters(true);
  if (!args || !is(Kind::Colon)) {
    if (finding_errors && !PyErr_Occurred()) wrong_parameters(first + 1, true);
    return nullptr;
  }
  ++at;
  E* body = expression();
  return body ? arena.make<Lambda>(position(first), args, body) : nullptr;
}

Argument* Parser::parameter(bool is_lambda, bool star_annotation) {
  const Py_ssize_t first = at;
  if (!is(Kind::Name)) return nullptr;
  Identifier name = identifier_of(tokens[at]);
  if (!name) return nullptr;
  ++at;
  E* annotation = nullptr;
  if (!is_lambda && accept(Kind::Colon)) {
    annotation = star_annotation ? star_expression() : expression();
    if (!annotation) return nullptr;
  }
  return arena.make<Argument>(position(first), name, annotation, nullptr);
}

// Parameters up to ')' or ':'. Order: positional-only, '/', ordinary ones, '*' [name], keyword-only ones, '**' name.
Arguments* Parser::parameters(bool is_lambda) {
  bool slash = false;
  Arguments* result = read_parameters(is_lambda, &slash);
  if (slash && !PyErr_Occurred() && !check_version(8, "Positional-only parameters are")) return nullptr;
  return result;
}

Arguments* Parser::read_parameters(bool is_lambda, bool* slash) {
  const Kind close = is_lambda ? Kind::Colon : Kind::RightParenthesis;
  GrowingArray<Argument*> positional_only, ordinary, keyword_only;
  GrowingArray<E*> defaults, keyword_defaults;
  Argument *star = nullptr, *mapping = nullptr;
  bool star_seen = false;
  // A type comment belongs to the parameter before it, also after its comma.
  auto comment = [this](Argument* argument) {
    if (is(Kind::TypeComment) && argument) argument->type_comment = type_comment();
    return !PyErr_Occurred();
  };
  auto separated = [&](Argument* argument) {
    const bool comma = accept(Kind::Comma);
    if (!comment(argument)) return false;
    return comma || is(close);
  };
  while (!is(close)) {
    if (mapping) return nullptr;
    if (is(Kind::DoubleStar)) {
      ++at;
      mapping = parameter(is_lambda, false);
      if (!mapping || is(Kind::Equal) || !separated(mapping)) return nullptr;
    } else if (is(Kind::Star)) {
      if (star_seen) return nullptr;
      star_seen = true;
      ++at;
      if (is(Kind::Comma)) {
        ++at;
        if (is(close) || is(Kind::DoubleStar) || is(Kind::TypeComment)) return nullptr;
      } else {
        star = parameter(is_lambda, true);
        if (!star || is(Kind::Equal) || !separated(star)) return nullptr;
      }
    } else if (is(Kind::Slash)) {
      if (*slash || star_seen || ordinary.empty()) return nullptr;
      *slash = true;
      ++at;
      for (Argument* argument : ordinary)
        if (positional_only.append(argument) != Status::Ok) return nullptr;
      ordinary.shrink(0);
      if (!accept(Kind::Comma) && !is(close)) return nullptr;
    } else {
      Argument* argument = parameter(is_lambda, false);
      if (!argument) return nullptr;
      E* value = nullptr;
      if (accept(Kind::Equal)) {
        value = expression();
        if (!value) return nullptr;
      } else if (!star_seen && !defaults.empty()) {
        return nullptr;
      }
      if (!separated(argument)) return nullptr;
      if (star_seen) {
        if (keyword_only.append(argument) != Status::Ok || keyword_defaults.append(value) != Status::Ok) return nullptr;
      } else {
        if (ordinary.append(argument) != Status::Ok || (value && defaults.append(value) != Status::Ok)) return nullptr;
      }
    }
  }
  return arena.make_plain<Arguments>(keep(positional_only), keep(ordinary), star, keep(keyword_only), keep(keyword_defaults), mapping,
                               keep(defaults));
}

}  // namespace ks::syntax
