// The parser: recursive descent over the tokens of the whole source.
//
// A function named after a construct parses it from `at` on. It returns nullptr (or false) when the text is not that
// construct; then `at` is anywhere, and who wants to try another reading has kept the old place. An exception set
// means that there is no other reading. `furthest` is the last token that was looked at: where a plain "invalid
// syntax" is reported. What exactly is wrong is found afterwards, by syntax_errors.cpp, and costs good sources nothing.
#pragma once

#include <initializer_list>

#include "syntax/arena.h"
#include "syntax/ast.h"
#include "syntax/parser.h"
#include "syntax/token.h"
#include "syntax/tokenizer.h"

namespace ks::syntax {

using Kind = TokenKind;

enum class Target { Assign, Delete, For };
const char* name_of(const Expression* node);
Expression* wrong_target(Expression* node, Target kind);

class Parser {
 public:
  static constexpr int kNoPlace = -2;  // as end_col_offset: the end is not known
  static constexpr int kCurrent = -5;  // as end_lineno and end_col_offset: where the tokenizer stands

  Parser(Arena& arena, const ParseOptions& options, const GrowingArray<Token>& tokens)
      : arena(arena), options(options), tokens(tokens), barry(options.flags & CO_FUTURE_BARRY_AS_BDFL) {}

  Arena& arena;
  const ParseOptions& options;
  const GrowingArray<Token>& tokens;
  const char* source = nullptr;      // UTF-8, for the lines that messages show
  const char* source_end = nullptr;
  Tokenizer* tokenizer = nullptr;    // at its end; knows what stayed open
  Py_ssize_t at = 0;
  Py_ssize_t furthest = 0;
  int depth = 0;
  bool barry;  // PEP 401: `<>` instead of `!=`
  bool unexpected_block = false;  // the error is an indentation: nothing else explains it
  bool finding_errors = false;  // second pass: see syntax_errors.cpp
  int last_statement_line = 0;  // of the compound statement that was read last: traceback looks for typos from there on
  int last_statement_column = 0;
  GrowingArray<TypeIgnore> type_ignores;

  // Who looks for mistakes reads many places more than once: what was found there. Tokens x rules.
  enum class Remembered { Expression, Disjunction, Operand, Primary, Template, Count };
  struct Reading {
    Expression* node;  // nullptr: none is there
    Py_ssize_t end;    // 0: not read yet
  };
  GrowingArray<Reading> readings;
  template <class Read>
  Expression* once(Remembered rule, Read read) {
    if (readings.empty()) return read();
    Reading& known = reading(rule);
    if (known.end) {
      at = known.end - 1;
      return known.node;
    }
    Expression* node = read();
    if (!PyErr_Occurred()) known = {node, at + 1};
    return node;
  }
  bool remember_readings();
  Reading& reading(Remembered rule) {
    return readings[at * static_cast<Py_ssize_t>(Remembered::Count) + static_cast<Py_ssize_t>(rule)];
  }

  // ---- tokens
  Kind kind(int ahead = 0) {
    Py_ssize_t index = at + ahead;
    if (index >= tokens.size()) index = tokens.size() - 1;
    if (index > furthest) furthest = index;
    return tokens[index].kind;
  }
  const Token& token() {
    kind();
    return tokens[at];
  }
  bool is(Kind wanted) { return kind() == wanted; }
  bool accept(Kind wanted) {
    if (kind() != wanted) return false;
    ++at;
    return true;
  }
  bool accept_soft(const char* word) {
    if (!is_soft(word)) return false;
    ++at;
    return true;
  }
  bool is_soft(const char* word) { return kind() == Kind::Name && tokens[at].is(word); }
  // The last token consumed that is more than a line's end or an indentation.
  const Token& last_token(Py_ssize_t first) const {
    Py_ssize_t index = at - 1;
    while (index > first && tokens[index].kind >= Kind::NewLine && tokens[index].kind <= Kind::Dedent) --index;
    return tokens[index < first ? first : index];
  }
  // From the start of token `first` to the end of the last one consumed.
  Position position(Py_ssize_t first) const {
    const Token& begin = tokens[first];
    const Token& end = last_token(first);
    return {begin.line, begin.column, end.end_line, end.end_column};
  }
  static Position join(const Position& first, const Position& last) {
    return {first.lineno, first.col_offset, last.end_lineno, last.end_col_offset};
  }
  Position position_from(const Position& first) const {
    const Token& end = last_token(0);
    return {first.lineno, first.col_offset, end.end_line, end.end_column};
  }

  // ---- errors: all return nullptr with an exception set
  std::nullptr_t error_at(const Position& position, PyObject* type, const char* format, ...);
  std::nullptr_t error_at(const Position& position, const char* format, ...);
  std::nullptr_t error_here(const char* format, ...);                     // the current token
  std::nullptr_t raise_error(PyObject* type, const Position& position, PyObject* message);  // steals message
  bool check_version(int minor, const char* what);
  bool enter();  // MemoryError beyond the nesting that the reference allows
  void leave() { --depth; }

  // ---- statements: parser_statements.cpp, parser_compound.cpp
  Module* module();
  bool statements(GrowingArray<Statement*>& out, bool at_top);
  bool statement(GrowingArray<Statement*>& out);
  void remember(const Statement* compound);
  bool simple_statements(GrowingArray<Statement*>& out);
  Statement* simple_statement();
  Statement* expression_statement();
  Statement* assignment();
  Statement* import_statement();
  Statement* import_from();
  Alias* dotted_alias();
  bool alias_list(GrowingArray<Alias*>& out);
  Identifier dotted_name();
  Statement* global_or_nonlocal();
  Statement* del_statement();
  Statement* read_del_statement();
  Statement* type_alias();
  Statement* compound_statement();
  // `after` names the statement that token `first` begins, for the message that tells of a missing block.
  bool block(Sequence<Statement*>* out, const char* after = nullptr, Py_ssize_t first = 0);
  Statement* if_statement();
  Statement* while_statement();
  Statement* for_statement(bool is_async, Py_ssize_t first);
  Statement* with_statement(bool is_async, Py_ssize_t first);
  bool with_items(GrowingArray<WithItem*>& out, bool parenthesized);
  WithItem* with_item(bool parenthesized);
  Statement* try_statement();
  ExceptHandler* except_handler();
  bool last_block(Kind keyword, Sequence<Statement*>* out, const char* name);
  bool else_block(Sequence<Statement*>* out);
  Statement* function(const Sequence<Expression*>& decorators, bool is_async, Py_ssize_t first);
  Statement* class_definition(const Sequence<Expression*>& decorators);
  Statement* decorated();
  Statement* match_statement();
  MatchCase* case_block();
  bool type_parameters(Sequence<TypeParameter*>* out);
  TypeParameter* type_parameter();
  PyObject* type_comment();       // consumes one if it is there
  PyObject* function_type_comment(bool* good);

  // ---- patterns: parser_patterns.cpp
  Pattern* patterns();
  Pattern* pattern();
  Pattern* or_pattern();
  Pattern* closed_pattern();
  Pattern* maybe_star_pattern();
  Pattern* star_pattern();
  Pattern* sequence_pattern();
  Pattern* mapping_pattern();
  Pattern* class_or_value_pattern();
  Pattern* literal_pattern();
  Expression* literal_expression(bool* is_singleton);
  Expression* name_or_attribute();

  // ---- expressions: parser_expressions.cpp
  Expression* star_expressions();
  Expression* star_expression();
  Expression* star_named_expression();
  Expression* named_expression();
  Expression* expressions();
  Expression* expression();
  Expression* read_expression();
  Expression* yield_expression();
  Expression* annotated_rhs();
  Expression* disjunction();
  Expression* conjunction();
  Expression* inversion();
  Expression* comparison();
  Expression* binary(int precedence);
  Expression* read_binary(int precedence);
  Expression* factor();
  Expression* power();
  Expression* await_primary();
  Expression* primary();
  Expression* read_primary();
  Expression* atom();
  Expression* group_or_tuple();
  Expression* read_group_or_tuple();
  Expression* list_display();
  Expression* read_list_display();
  Expression* brace_display();
  Expression* read_brace_display();
  Expression* slices();
  Expression* slice();
  Expression* lambda();
  Expression* number();
  Expression* name(Context context = Context::Load);
  Identifier identifier_of(const Token& token);
  Expression* call(Expression* function, const Position& start);
  bool call_arguments(GrowingArray<Expression*>& args, GrowingArray<Keyword*>& keywords, Kind close);
  Expression* generator_argument(Py_ssize_t open);
  bool comprehension_clauses(Sequence<Comprehension*>* out);
  bool starts_comprehension() { return is(Kind::For) || (is(Kind::Async) && kind(1) == Kind::For); }
  Arguments* parameters(bool is_lambda);
  Arguments* read_parameters(bool is_lambda, bool* slash);
  Argument* parameter(bool is_lambda, bool star_annotation);

  // ---- targets
  Expression* star_targets();      // of for and comprehensions, up to `in`
  Expression* star_target();       // of with ... as
  bool is_target(Expression* node, bool allow_starred);
  bool is_delete_target(Expression* node);
  void set_context(Expression* node, Context context);
  bool parenthesized(Py_ssize_t first) const { return tokens[first].kind == Kind::LeftParenthesis; }

  // ---- strings: parser_strings.cpp
  Expression* strings();
  // A piece of adjacent literals: text (a str, perhaps empty), or a replacement field.
  struct Part {
    PyObject* text;  // borrowed from the arena; nullptr for a field
    Expression* field;
    Position position;
  };
  bool string_part(GrowingArray<Part>& parts);
  bool formatted_string(GrowingArray<Part>& parts);
  bool read_formatted_string(GrowingArray<Part>& parts);
  bool replacement_field(GrowingArray<Part>& parts, bool raw, bool is_template);
  bool format_specification(bool raw, bool is_template, Expression** out);
  bool formatted_text(GrowingArray<Part>& parts, bool raw, bool of_specification = false);
  Expression* join_parts(GrowingArray<Part>& parts, const Position& position, bool formatted, bool templated, PyObject* kind_prefix,
                         bool allow_plain);
  Ref<> source_text(const char* start, const char* end);

  template <class T>
  Sequence<T> keep(GrowingArray<T>& items) {
    return arena.copy(items.begin(), items.size());
  }

  // ---- what is wrong: syntax_errors*.cpp
  // Tells what is wrong, once module() has failed without an exception.
  void find_error();
  bool stopped() const { return tokens[tokens.size() - 1].kind == Kind::Error && furthest >= tokens.size() - 1; }
  // The tokenizer has looked beyond the last character; at_end_of_source(): or has failed for want of more text.
  bool sees_end_of_source() const;
  bool at_end_of_source() const { return stopped() ? tokenizer->incomplete() : sees_end_of_source(); }
  bool without_place(const Token& token) const {
    return token.kind == Kind::Indent || token.kind == Kind::Dedent || token.kind == Kind::EndMarker || token.kind == Kind::Error ||
           token.at_end;
  }
  int tokenizer_line() const { return place_of(tokens[furthest]).end_lineno; }
  Position last_place() const;
  Position place_for_error(const Token& token) const;
  Position place_of(const Token& token) const;
  int last_line_size() const;
  Py_ssize_t closing(Py_ssize_t open) const;                     // the token that closes token `open`, or the last one
  bool bracketed(Py_ssize_t first, const Expression* node) const;  // `node` lies in the bracket that token `first` opens
  std::nullptr_t error_last(PyObject* type, const char* format, ...);  // the last token that was looked at
  std::nullptr_t error_token(const char* format, ...);                 // the current token
  Expression* silently(Expression* (Parser::*rule)());
  bool refuse_target(Expression* node, Target kind);
  bool wrong_expression();
  bool wrong_handler();
  bool wrong_quotes();
  bool wrong_first_strings(bool after_parenthesis);
  bool wrong_lambda();
  bool wrong_strings(Py_ssize_t last, bool templated);
  Expression* expression_without_memory();
  bool wrong_named(Py_ssize_t first, Expression* left);
  bool wrong_not();
  Expression* checked_starred();
  bool wrong_display(Py_ssize_t first);
  bool wrong_comprehension(Py_ssize_t first);
  bool wrong_dict(Py_ssize_t first);
  bool wrong_for_clause(Py_ssize_t first);
  bool wrong_for_target();
  Expression* checked_positional();
  bool checked_keyword(bool starred, GrowingArray<Expression*>& args, GrowingArray<Keyword*>& keywords);
  bool keyword_list(GrowingArray<Expression*>& args, GrowingArray<Keyword*>& keywords);
  bool argument_list(GrowingArray<Expression*>& args, GrowingArray<Keyword*>& keywords);
  bool checked_arguments(GrowingArray<Expression*>& args, GrowingArray<Keyword*>& keywords);
  bool wrong_arguments();
  bool wrong_assignment();
  bool wrong_parameters(Py_ssize_t first, bool is_lambda);
  bool wrong_replacement_field(Py_ssize_t first, bool is_template);
  bool colon();         // the colon of a statement; its absence at the end of a line is an error
  bool forced_colon();  // a colon that can be the only continuation
  bool wrong_import_name();
  bool wrong_import(Py_ssize_t first);
};

// Restores the place on every way out.
struct Place {
  Parser& parser;
  const Py_ssize_t at;
  explicit Place(Parser& p) : parser(p), at(p.at) {}
  ~Place() { parser.at = at; }
};

// Restores the depth on every way out.
struct Nesting {
  Parser& parser;
  const bool good;
  explicit Nesting(Parser& p) : parser(p), good(p.enter()) {}
  ~Nesting() { parser.leave(); }
};

// ---- string literals: string_literal.cpp

// The value of a string token (prefix, quotes and all); `is_bytes` tells the kind. Warnings about escapes are given here.
Ref<> string_literal_value(Parser& parser, const Token& token, bool* is_bytes);
// The value of text [start, end) in which escapes are decoded unless `raw`.
Ref<> decode_text(Parser& parser, const Token& token, const char* start, const char* end, bool raw);
// SyntaxError from the UnicodeError or ValueError that decoding or evaluating a literal has raised.
void wrap_literal_error(Parser& parser);

}  // namespace ks::syntax
