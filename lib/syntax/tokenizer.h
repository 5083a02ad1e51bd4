// UTF-8 source text to tokens.
//
// The whole source is in memory, its line ends are all \n. Columns, indentation and parentheses are followed as the
// language reference's chapter "Lexical analysis" says; f-strings and t-strings are a stack of modes, since their
// replacement fields are tokenized like other code.
#pragma once

#include "syntax/token.h"

namespace ks::syntax {

// What went wrong, for the one who reports it.
struct TokenizerError {
  PyObject* type = nullptr;       // borrowed: SyntaxError, IndentationError or TabError; nullptr: none yet
  PyObject* message = nullptr;    // owned str
  int line = 0;
  const char* line_start = nullptr;  // of the line that is shown
  int column = 0;                 // byte offsets in that line; -1: unknown
  int end_line = 0;
  int end_column = 0;

  // Matters only when the parser comes to its place: an error of the parser before it is reported instead.
  bool late() const { return type != PyExc_SyntaxError || is_late; }
  bool is_late = false;
};

class Tokenizer {
 public:
  struct Options {
    PyObject* filename = nullptr;  // borrowed; for warnings
    bool type_comments = false;
    bool extra_tokens = false;     // comments and blank lines too, as the tokenize module wants them
    bool interactive = false;      // an empty line ends a block
    bool interactive_end = false;  // the last line's end is not made up where it is missing, nor are blocks closed then
    bool cut_off = false;          // the text goes on, but cannot be read: its end is an Error
    bool silent = false;           // no warnings: what is tokenized may be tokenized again
  };
  Tokenizer(const char* source, Py_ssize_t size, const Options& options);
  ~Tokenizer() { Py_XDECREF(error_.message); }
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // The next token; kind Error when there is an error (see error()) or an exception (memory, a warning made an error).
  Token next();

  const TokenizerError& error() const { return error_; }
  // At the end of the source inside parentheses: the innermost one, to say that it was never closed.
  struct Open {
    char kind;
    int line;
    int column;
    const char* line_start;
  };
  bool unclosed() const { return at_end_in_parentheses_; }
  const Open& innermost() const { return open_[level_ - 1]; }
  int level() const { return level_; }
  // At the end: dedents come next.
  void close_blocks() {
    pending_ -= indent_;
    indent_ = 0;
  }
  // The Error is that the text is cut off.
  bool at_cut() const { return at_cut_; }
  bool in_string() const { return string_depth_ > 0; }
  // The error can go away when more text follows: an open string, parenthesis or a line continuation.
  bool incomplete() const { return incomplete_; }
  const char* line_start() const { return line_start_; }
  int line() const { return line_; }

 private:
  static constexpr int kNoEnd = -2;  // an error's end column of which nothing is said; -1: it is where the error begins
  static constexpr int kMaxLevel = 200;
  static constexpr int kMaxIndent = 100;
  static constexpr int kMaxStrings = 150;

  // A string whose replacement fields are being tokenized.
  struct FormattedString {
    char quote;
    int quote_size;
    bool raw;
    bool is_template;
    bool in_format_spec;
    bool behind_field;     // in a format specification: a field was in it
    int brace_depth;       // replacement fields open within this string
    int brace_level;       // level_ inside the innermost field's brace
    const char* start;
    int start_line;
    const char* start_line_start;
    const char* middle_line_start;
  };

  char peek(int ahead = 0) const { return at_ + ahead < end_ ? at_[ahead] : '\0'; }
  bool at_end() const { return at_ >= end_; }
  int column_of(const char* position) const { return static_cast<int>(position - line_start_); }
  void new_line() {
    ++line_;
    line_start_ = at_;
  }

  Token cut();
  Token regular();
  Token middle();
  bool indentation(Token* result);
  Token number(const char* start);
  Token string(const char* start);
  Token begin_formatted(const char* start, bool raw, bool is_template);
  Token operator_token(const char* start);
  bool decimal_tail();
  bool end_of_number(const char* kind);
  bool warn_number(const char* kind);
  Token invalid_character(const char* start);
  Token make(TokenKind kind, const char* start);
  Token make_from(TokenKind kind, const char* start, int line, const char* line_start);

  [[gnu::format(printf, 2, 3)]] Token fail(const char* format, ...);
  Token fail_late(const char* message);
  Token fail_at_end();
  Token fail_at(PyObject* type, int line, const char* line_start, int column, int end_column, PyObject* message);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* line_start_;
  int line_ = 1;
  Options options_;

  bool at_line_begin_ = true;
  bool line_has_token_ = false;
  int pending_ = 0;  // indents (positive) or dedents (negative) to hand out
  bool indent_tokens_blocked_ = false;
  int indents_[kMaxIndent] = {};
  int alternative_indents_[kMaxIndent] = {};
  int indent_ = 0;
  int level_ = 0;
  Open open_[kMaxLevel];
  FormattedString strings_[kMaxStrings];
  int string_depth_ = 0;
  bool text_due_ = false;    // of a stretch of a formatted string's text nothing has been handed out yet
  bool in_middle_ = false;  // inside the text of strings_[string_depth_ - 1]
  bool end_newline_done_ = false;
  bool at_end_in_parentheses_ = false;
  bool incomplete_ = false;
  bool at_cut_ = false;
  TokenizerError error_;
};

}  // namespace ks::syntax
