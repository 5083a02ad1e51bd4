// What is wrong with a source that does not parse: the second pass, and the helpers of those who find something.
//
// The second pass parses again with `finding_errors` set. Then the functions of the parser ask, where a construct has
// failed or is about to, whether it is one of the known mistakes. Those questions are in syntax_errors_*.cpp.
#include "syntax/parser_state.h"

namespace ks::syntax {

using E = Expression;

// From now on, from nothing.
bool Parser::remember_readings() {
  readings.shrink(0);
  for (Py_ssize_t i = 0; i < tokens.size() * static_cast<Py_ssize_t>(Remembered::Count); ++i)
    if (readings.append({nullptr, 0}) != Status::Ok) return false;
  return true;
}

void Parser::find_error() {
  const Token& last = tokens[furthest];
  finding_errors = true;
  at = 0;
  depth = 0;
  if (!remember_readings()) return;
  module();
  if (PyErr_Occurred() || stopped()) return;
  unexpected_block = last.kind == Kind::Indent || last.kind == Kind::Dedent;
  if (last.kind == Kind::Indent) {
    error_last(PyExc_IndentationError, "unexpected indent");
  } else if (last.kind == Kind::Dedent) {
    error_last(PyExc_IndentationError, "unexpected unindent");
  } else {
    error_at(place_of(last), "invalid syntax");
  }
}

std::nullptr_t Parser::error_last(PyObject* type, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* message = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  return raise_error(type, last_place(), message);
}

// The last token that was looked at.
Position Parser::last_place() const { return place_for_error(tokens[furthest]); }

// Where a token has no columns, what is told is where the tokenizer stands.
Position Parser::place_for_error(const Token& token) const {
  Position place = place_of(token);
  if (without_place(token)) {
    if (token.kind == Kind::Error && tokenizer->error().message) {
      place.lineno = place.end_lineno = tokenizer->error().line;
      place.col_offset = tokenizer->error().column;
    } else {
      place.col_offset = token.start == source_end ? last_line_size() - 1 : token.end_column - 1;
    }
    place.end_col_offset = kNoPlace;
  }
  return place;
}

bool Parser::sees_end_of_source() const {
  const Token& last = tokens[furthest];
  if (last.kind == Kind::EndMarker) return true;
  if (last.kind == Kind::Dot && last.end + 1 == source_end && *last.end == '.') return true;
  if (last.end != source_end) return false;
  // The tokens whose end is only known from the character behind them.
  switch (last.kind) {
    case Kind::String:
    case Kind::FStringEnd:
    case Kind::TStringEnd: return false;
    case Kind::NewLine: return last.start == source_end;
    case Kind::Name:
    case Kind::Number:
    case Kind::Indent:
    case Kind::Dedent: return true;
    default: return last.kind >= Kind::False || last.size() < 3;
  }
}

std::nullptr_t Parser::error_token(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* message = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  return raise_error(PyExc_SyntaxError, place_for_error(token()), message);
}

int Parser::last_line_size() const {
  const char* begin = source_end;
  if (begin > source && begin[-1] == '\n') --begin;
  while (begin > source && begin[-1] != '\n') --begin;
  return static_cast<int>(source_end - begin);
}

// Where a token is in a message. Indents, dedents and the end have no columns; the end belongs to the last line.
Position Parser::place_of(const Token& token) const {
  if (!without_place(token)) {
    // `<>` counts as `<` where it is pointed at.
    const int end_column = token.is("<>") && !barry ? token.column + 1 : token.end_column;
    return {token.line, token.column, token.end_line, end_column};
  }
  int line = token.line;
  if (token.start == source_end && line > 0 && (source_end == source || source_end[-1] == '\n')) --line;
  return {line, -1, line, -1};
}

Py_ssize_t Parser::closing(Py_ssize_t open) const {
  Py_ssize_t index = open + 1;
  while (index < tokens.size() - 1 && tokens[index].level >= tokens[open].level) ++index;
  return index;
}
bool Parser::bracketed(Py_ssize_t first, const E* node) const {
  switch (tokens[first].kind) {
    case Kind::LeftParenthesis:
    case Kind::LeftBracket:
    case Kind::LeftBrace: break;
    default: return false;
  }
  const Token& close = tokens[closing(first)];
  return node->position.end_lineno < close.end_line ||
         (node->position.end_lineno == close.end_line && node->position.end_col_offset <= close.end_column);
}

E* Parser::silently(E* (Parser::*rule)()) {
  const bool before = finding_errors;
  finding_errors = false;
  E* result = (this->*rule)();
  finding_errors = before;
  return result;
}

const char* name_of(const E* node) {
  switch (node->kind) {
    case ExpressionKind::Attribute: return "attribute";
    case ExpressionKind::Subscript: return "subscript";
    case ExpressionKind::Starred: return "starred";
    case ExpressionKind::Name: return "name";
    case ExpressionKind::List: return "list";
    case ExpressionKind::Tuple: return "tuple";
    case ExpressionKind::Lambda: return "lambda";
    case ExpressionKind::Call: return "function call";
    case ExpressionKind::BoolOp:
    case ExpressionKind::BinOp:
    case ExpressionKind::UnaryOp: return "expression";
    case ExpressionKind::GeneratorExp: return "generator expression";
    case ExpressionKind::Yield:
    case ExpressionKind::YieldFrom: return "yield expression";
    case ExpressionKind::Await: return "await expression";
    case ExpressionKind::ListComp: return "list comprehension";
    case ExpressionKind::SetComp: return "set comprehension";
    case ExpressionKind::DictComp: return "dict comprehension";
    case ExpressionKind::Dict: return "dict literal";
    case ExpressionKind::Set: return "set display";
    case ExpressionKind::JoinedStr:
    case ExpressionKind::FormattedValue: return "f-string expression";
    case ExpressionKind::TemplateStr:
    case ExpressionKind::Interpolation: return "t-string expression";
    case ExpressionKind::Compare: return "comparison";
    case ExpressionKind::IfExp: return "conditional expression";
    case ExpressionKind::NamedExpr: return "named expression";
    case ExpressionKind::Constant: {
      PyObject* value = const_cast<E*>(node)->as<Constant>()->value;
      if (value == Py_None) return "None";
      if (value == Py_True) return "True";
      if (value == Py_False) return "False";
      if (value == Py_Ellipsis) return "ellipsis";
      return "literal";
    }
    default: return "expression";
  }
}

// The first part of `node` that cannot be a target; nullptr: all can.
E* wrong_target(E* node, Target kind) {
  switch (node->kind) {
    case ExpressionKind::Name:
    case ExpressionKind::Attribute:
    case ExpressionKind::Subscript: return nullptr;
    case ExpressionKind::Tuple:
      for (E* item : node->as<Tuple>()->elts)
        if (E* wrong = wrong_target(item, kind)) return wrong;
      return nullptr;
    case ExpressionKind::List:
      for (E* item : node->as<List>()->elts)
        if (E* wrong = wrong_target(item, kind)) return wrong;
      return nullptr;
    case ExpressionKind::Starred: return kind == Target::Delete ? node : wrong_target(node->as<Starred>()->value, kind);
    case ExpressionKind::Compare:
      // The `in` of a for loop was read as an operator.
      if (kind != Target::For) return node;
      return node->as<Compare>()->ops[0] == Comparison::In ? wrong_target(node->as<Compare>()->left, kind) : nullptr;
    default: return node;
  }
}

bool Parser::refuse_target(E* node, Target kind) {
  E* wrong = wrong_target(node, kind);
  if (!wrong) return false;
  error_at(wrong->position, kind == Target::Delete ? "cannot delete %s" : "cannot assign to %s", name_of(wrong));
  return true;
}

}  // namespace ks::syntax
