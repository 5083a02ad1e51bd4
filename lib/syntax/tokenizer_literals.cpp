// Numbers, strings and the text parts of f-strings and t-strings.
#include <cctype>

#include "syntax/tokenizer.h"

namespace ks::syntax {

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 128;
}

// ---- numbers ---------------------------------------------------------------------------------------------------------

// Digits with single underscores between them. False: an error is set.
bool Tokenizer::decimal_tail() {
  for (;;) {
    while (is_digit(peek())) ++at_;
    if (peek() != '_') return true;
    ++at_;
    if (!is_digit(peek())) {
      if (!at_end()) ++at_;
      fail("invalid decimal literal");
      --at_;
      // The offset is where the underscore's successor stands.
      error_.column = column_of(at_) - (error_.column == column_of(at_) ? 1 : 0);
      return false;
    }
  }
}

// A literal directly followed by one of a few keywords is still accepted, with a warning.
bool Tokenizer::warn_number(const char* kind) {
  if (options_.silent || options_.extra_tokens) return true;
  Ref<> message = steal(PyUnicode_FromFormat("invalid %s literal", kind));
  if (!message) return false;
  PyObject* filename = options_.filename;
  Ref<> own_name;
  if (!filename) {
    own_name = steal(PyUnicode_FromString("<string>"));
    filename = own_name;
  }
  if (!filename || PyErr_WarnExplicitObject(PyExc_SyntaxWarning, message, filename, line_, nullptr, nullptr) < 0) {
    if (PyErr_ExceptionMatches(PyExc_SyntaxWarning)) {
      // Replaced by a SyntaxError, which shows the place better.
      PyErr_Clear();
      fail("invalid %s literal", kind);
    }
    return false;
  }
  return true;
}

bool Tokenizer::end_of_number(const char* kind) {
  if (options_.extra_tokens) return true;  // the tokenize module shows what is there
  const char* rest = at_;
  auto follows = [&](const char* word) {
    const size_t length = strlen(word);
    return static_cast<size_t>(end_ - rest) >= length && memcmp(rest, word, length) == 0;
  };
  const char c = peek();
  bool keyword = false;
  switch (c) {
    case 'a': keyword = follows("and"); break;
    case 'e': keyword = follows("else"); break;
    case 'f': keyword = follows("for"); break;
    case 'i': keyword = follows("if") || follows("in") || follows("is"); break;
    case 'n': keyword = follows("not"); break;
    case 'o': keyword = follows("or"); break;
    default: break;
  }
  if (keyword) return warn_number(kind);
  if (is_word(c) && static_cast<unsigned char>(c) < 128) {
    fail("invalid %s literal", kind);
    return false;
  }
  return true;
}

Token Tokenizer::number(const char* start) {
  Token error;
  error.kind = TokenKind::Error;
  error.line = line_;
  auto finish = [&](const char* kind) { return end_of_number(kind) ? make(TokenKind::Number, start) : error; };
  auto radix = [&](const char* kind, auto is_radix_digit) -> Token {
    at_ += 2;
    do {
      if (peek() == '_') ++at_;
      if (!is_radix_digit(peek())) {
        const char c = peek();
        if (is_digit(c)) {
          ++at_;
          return fail("invalid digit '%c' in %s literal", c, kind);
        }
        if (!at_end()) ++at_;
        fail("invalid %s literal", kind);
        // The place is the last character of the literal.
        --error_.column;
        return error;
      }
      while (is_radix_digit(peek())) ++at_;
    } while (peek() == '_');
    if (is_digit(peek())) {
      const char c = peek();
      ++at_;
      return fail("invalid digit '%c' in %s literal", c, kind);
    }
    return finish(kind);
  };
  if (*at_ == '0') {
    const char c = peek(1);
    if (c == 'x' || c == 'X') return radix("hexadecimal", [](char d) { return isxdigit(static_cast<unsigned char>(d)) != 0; });
    if (c == 'o' || c == 'O') return radix("octal", [](char d) { return d >= '0' && d <= '7'; });
    if (c == 'b' || c == 'B') return radix("binary", [](char d) { return d == '0' || d == '1'; });
    bool nonzero = false;
    ++at_;
    // Zeros with underscores; then what else there is decides whether leading zeros were an error.
    for (;;) {
      if (peek() == '_') {
        ++at_;
        if (!is_digit(peek())) {
          if (!at_end()) ++at_;
          fail("invalid decimal literal");
          --error_.column;
          return error;
        }
      }
      if (peek() != '0') break;
      ++at_;
    }
    const char* zeros_end = at_;
    if (is_digit(peek())) {
      nonzero = true;
      if (!decimal_tail()) return error;
    }
    if (peek() == '.' || peek() == 'e' || peek() == 'E' || peek() == 'j' || peek() == 'J') {
      // A float or imaginary literal may begin with zeros.
    } else if (nonzero && !options_.extra_tokens) {
      Token failure = fail_at(PyExc_SyntaxError, line_, line_start_, column_of(start), column_of(zeros_end),
                              PyUnicode_FromString("leading zeros in decimal integer literals are not permitted; use an 0o "
                                                   "prefix for octal integers"));
      return failure;
    } else {
      return finish("decimal");
    }
  } else if (*at_ != '.') {
    if (!decimal_tail()) return error;
  }
  if (peek() == '.') {
    ++at_;
    if (is_digit(peek()) && !decimal_tail()) return error;
  }
  if (peek() == 'e' || peek() == 'E') {
    const char* exponent = at_;
    ++at_;
    if (peek() == '+' || peek() == '-') {
      ++at_;
      if (!is_digit(peek())) {
        if (!at_end()) ++at_;
        fail("invalid decimal literal");
        --error_.column;
        return error;
      }
    } else if (!is_digit(peek())) {
      // Not an exponent: "1else" is a number and a keyword.
      at_ = exponent;
      return finish("decimal");
    }
    if (!decimal_tail()) return error;
  }
  if (peek() == 'j' || peek() == 'J') {
    ++at_;
    return finish("imaginary");
  }
  return finish("decimal");
}

// ---- strings ---------------------------------------------------------------------------------------------------------

Token Tokenizer::string(const char* start) {
  const char quote = *at_;
  const int first_line = line_;
  const char* first_line_start = line_start_;
  int quote_size = 1;
  ++at_;
  if (peek() == quote && peek(1) == quote) {
    quote_size = 3;
    at_ += 2;
  } else if (peek() == quote) {
    ++at_;
    return make(TokenKind::String, start);  // empty
  }
  const char* body = at_;
  bool escaped_quote = false;
  for (int run = 0; run < quote_size;) {
    if (at_end() || (quote_size == 1 && peek() == '\n')) {
      const int detected = quote_size == 1 && at_end() && at_ == line_start_ ? line_ - 1 : line_;
      const int column = static_cast<int>(start - first_line_start);
      line_start_ = first_line_start;
      line_ = first_line;
      const bool cut = at_end();
      at_ = body - quote_size + 1;
      if (string_depth_ > 0) {
        // It has the quotes of the f-string around it: they were meant to end that one.
        const FormattedString& around = strings_[string_depth_ - 1];
        if (around.quote == quote && around.quote_size == quote_size) {
          at_ = start + 1;
          return fail("%c-string: expecting '}'", around.is_template ? 't' : 'f');
        }
      }
      if (quote_size == 1 && cut) incomplete_ = true;
      if (quote_size == 3) {
        incomplete_ = true;
        return fail_at(PyExc_SyntaxError, first_line, first_line_start, column, -1,
                       PyUnicode_FromFormat("unterminated triple-quoted string literal (detected at line %d)",
                                            detected - (end_ > begin_ && end_[-1] == '\n' ? 1 : 0)));
      }
      return fail_at(PyExc_SyntaxError, first_line, first_line_start, column, -1,
                     PyUnicode_FromFormat(escaped_quote ? "unterminated string literal (detected at line %d); perhaps you "
                                                          "escaped the end quote?"
                                                        : "unterminated string literal (detected at line %d)",
                                          detected));
    }
    const char c = *at_++;
    if (c == quote) {
      ++run;
      continue;
    }
    run = 0;
    if (c == '\n') {
      new_line();
    } else if (c == '\\') {
      if (at_end()) continue;
      if (peek() == quote) escaped_quote = true;
      if (*at_++ == '\n') new_line();
    }
  }
  return make_from(TokenKind::String, start, first_line, first_line_start);
}

Token Tokenizer::begin_formatted(const char* start, bool raw, bool is_template) {
  if (string_depth_ == kMaxStrings) return fail("too many nested f-strings or t-strings");
  const char quote = *at_++;
  int quote_size = 1;
  if (peek() == quote && peek(1) == quote) {
    quote_size = 3;
    at_ += 2;
  }
  strings_[string_depth_++] = {quote, quote_size, raw, is_template, false, false, 0, 0, start, line_, line_start_, line_start_};
  in_middle_ = text_due_ = true;
  return make(is_template ? TokenKind::TStringStart : TokenKind::FStringStart, start);
}

// The text up to the next replacement field or the end of the string.
Token Tokenizer::middle() {
  FormattedString& field = strings_[string_depth_ - 1];
  const char letter = field.is_template ? 't' : 'f';
  const TokenKind kind = field.is_template ? TokenKind::TStringMiddle : TokenKind::FStringMiddle;
  const char* start = at_;
  const int first_line = line_;
  const char* first_line_start = line_start_;
  auto at_end_quote = [&]() {
    if (peek() != field.quote) return false;
    return field.quote_size == 1 || (peek(1) == field.quote && peek(2) == field.quote);
  };
  for (;;) {
    if (at_end() || (field.quote_size == 1 && peek() == '\n')) {
      if (field.in_format_spec && !field.behind_field && !at_end()) {
        if (at_ > start) return make_from(kind, start, first_line, first_line_start);
        ++at_;
        return fail("%c-string: newlines are not allowed in format specifiers for single quoted %c-strings", letter, letter);
      }
      const int detected = field.quote_size == 1 && at_end() && at_ == line_start_ ? line_ - 1 : line_;
      const int column = static_cast<int>(field.start - field.start_line_start);
      if (field.quote_size == 3) {
        incomplete_ = true;
        return fail_at(PyExc_SyntaxError, field.start_line, field.start_line_start, column, -1,
                       PyUnicode_FromFormat("unterminated triple-quoted %c-string literal (detected at line %d)", letter,
                                            detected - (end_ > begin_ && end_[-1] == '\n' ? 1 : 0)));
      }
      return fail_at(PyExc_SyntaxError, field.start_line, field.start_line_start, column, -1,
                     PyUnicode_FromFormat("unterminated %c-string literal (detected at line %d)", letter, detected));
    }
    {
      if (at_end_quote()) {
        if (at_ > start) return make_from(kind, start, first_line, first_line_start);
        at_ += field.quote_size;
        --string_depth_;
        // Inside an outer string's replacement field tokenizing goes on as code.
        in_middle_ = false;
        return make(field.is_template ? TokenKind::TStringEnd : TokenKind::FStringEnd, start);
      }
    }
    const char c = *at_;
    if (at_ > start) {
      text_due_ = false;
    } else if (options_.silent && text_due_ && (c == '{' ? field.in_format_spec && peek(1) == '{' : c == '}' && (field.in_format_spec || peek(1) != '}'))) {
      // The tokenize module shows it even if it is empty.
      text_due_ = false;
      return make(kind, start);
    }
    if (c == '{') {
      if (peek(1) == '{' && !field.in_format_spec) {
        // Written twice, it is itself: the token ends with the first.
        ++at_;
        Token token = make_from(kind, start, first_line, first_line_start);
        ++at_;
        token.end_column += 1;
        return token;
      }
      if (at_ > start) return make_from(kind, start, first_line, first_line_start);
      if (level_ >= kMaxLevel) {
        ++at_;
        return fail("too many nested parentheses");
      }
      if (field.brace_depth >= 3) {
        return fail("%c-string: expressions nested too deeply", letter);
      }
      open_[level_++] = {'{', line_, column_of(at_), line_start_};
      ++at_;
      ++field.brace_depth;
      field.brace_level = level_;
      field.in_format_spec = false;
      in_middle_ = false;
      Token token = make(TokenKind::LeftBrace, start);
      token.level = static_cast<unsigned char>(level_ - 1);
      return token;
    }
    if (c == '}') {
      if (field.in_format_spec) {
        if (at_ > start) return make_from(kind, start, first_line, first_line_start);
        in_middle_ = false;
        return regular();
      }
      if (peek(1) == '}') {
        ++at_;
        Token token = make_from(kind, start, first_line, first_line_start);
        ++at_;
        token.end_column += 1;
        return token;
      }
      if (at_ > start) return make_from(kind, start, first_line, first_line_start);
      ++at_;
      return fail("%c-string: single '}' is not allowed", letter);
    }
    if (c == '\\') {
      const char following = peek(1);
      if (following == '{' || following == '}') {
        // A backslash does not escape a brace.
        ++at_;
        continue;
      }
      if (!field.raw && following == 'N' && peek(2) == '{') {
        at_ += 3;
        while (!at_end() && peek() != '}' && peek() != '\n' && !at_end_quote()) ++at_;
        if (peek() != '}') continue;
        ++at_;
        // The reference's token ends with the name.
        if (options_.silent) return make_from(kind, start, first_line, first_line_start);
        continue;
      }
      ++at_;
      if (at_end()) continue;
      if (*at_ == '\n') {
        ++at_;
        new_line();
      } else {
        ++at_;
      }
      continue;
    }
    ++at_;
    if (c == '\n') new_line();
  }
}

}  // namespace ks::syntax
