// The tokenizer: names, operators, indentation. Numbers and strings: tokenizer_literals.cpp.
#include "syntax/tokenizer.h"

#include <cctype>

namespace ks::syntax {

static constexpr struct {
  const char* text;
  TokenKind kind;
} kKeywords[] = {
    {"False", TokenKind::False},   {"None", TokenKind::None},         {"True", TokenKind::True},
    {"and", TokenKind::And},       {"as", TokenKind::As},             {"assert", TokenKind::Assert},
    {"async", TokenKind::Async},   {"await", TokenKind::Await},       {"break", TokenKind::Break},
    {"class", TokenKind::Class},   {"continue", TokenKind::Continue}, {"def", TokenKind::Def},
    {"del", TokenKind::Del},       {"elif", TokenKind::Elif},         {"else", TokenKind::Else},
    {"except", TokenKind::Except}, {"finally", TokenKind::Finally},   {"for", TokenKind::For},
    {"from", TokenKind::From},     {"global", TokenKind::Global},     {"if", TokenKind::If},
    {"import", TokenKind::Import}, {"in", TokenKind::In},             {"is", TokenKind::Is},
    {"lambda", TokenKind::Lambda}, {"nonlocal", TokenKind::NonLocal}, {"not", TokenKind::Not},
    {"or", TokenKind::Or},         {"pass", TokenKind::Pass},         {"raise", TokenKind::Raise},
    {"return", TokenKind::Return}, {"try", TokenKind::Try},           {"while", TokenKind::While},
    {"with", TokenKind::With},     {"yield", TokenKind::Yield}};

TokenKind keyword_kind(const char* start, const char* end) {
  const size_t size = static_cast<size_t>(end - start);
  if (size < 2 || size > 8) return TokenKind::Name;
  for (const auto& keyword : kKeywords)
    if (keyword.text[0] == *start && strlen(keyword.text) == size && memcmp(keyword.text, start, size) == 0) return keyword.kind;
  return TokenKind::Name;
}

static bool is_identifier_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 128;
}
static bool is_identifier_part(char c) { return is_identifier_start(c) || (c >= '0' && c <= '9'); }

Tokenizer::Tokenizer(const char* source, Py_ssize_t size, const Options& options)
    : begin_(source), at_(source), end_(source + size), line_start_(source), options_(options) {}

Token Tokenizer::make_from(TokenKind kind, const char* start, int line, const char* line_start) {
  Token token;
  token.kind = kind;
  token.level = static_cast<unsigned char>(level_);
  token.line = line;
  token.column = static_cast<int>(start - line_start);
  token.end_line = line_;
  token.end_column = column_of(at_);
  token.start = start;
  token.end = at_;
  return token;
}
Token Tokenizer::make(TokenKind kind, const char* start) { return make_from(kind, start, line_, line_start_); }

Token Tokenizer::fail_at(PyObject* type, int line, const char* line_start, int column, int end_column, PyObject* message) {
  Py_XDECREF(error_.message);
  error_ = {type, message, line, line_start, column, line, end_column};
  Token token;
  token.kind = TokenKind::Error;
  token.line = line;
  token.start = token.end = at_;
  return token;
}

// A SyntaxError where the tokenizer is now.
Token Tokenizer::fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* message = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  return fail_at(PyExc_SyntaxError, line_, line_start_, column_of(at_) - 1, -1, message);
}

Token Tokenizer::fail_late(const char* message) {
  Token token = fail("%s", message);
  error_.is_late = true;
  return token;
}

Token Tokenizer::fail_at_end() {
  incomplete_ = true;
  at_end_in_parentheses_ = level_ > 0;
  Token token = fail_late("unexpected EOF while parsing");
  ++error_.column;
  error_.end_column = kNoEnd;
  return token;
}

Token Tokenizer::next() {
  if (at_cut_) return cut();
  const bool ended = at_end();
  Token token = in_middle_ ? middle() : regular();
  if (options_.cut_off) {
    const bool of_the_end = token.kind == TokenKind::EndMarker || token.kind == TokenKind::Dedent || token.kind == TokenKind::Error;
    if (ended || (at_end() && of_the_end) || (token.kind == TokenKind::Error && incomplete_)) return cut();
  }
  return token;
}

// In the place of what only comes because the text ends here.
Token Tokenizer::cut() {
  at_cut_ = true;
  incomplete_ = at_end_in_parentheses_ = false;
  Py_CLEAR(error_.message);
  error_ = {};
  return make(TokenKind::Error, at_);
}

// Measures the indentation of a new logical line. True: *result is to be handed out.
bool Tokenizer::indentation(Token* result) {
  at_line_begin_ = false;
  int column = 0, alternative = 0, continued = 0;
  for (;;) {
    const char c = peek();
    if (c == ' ') {
      ++column, ++alternative, ++at_;
    } else if (c == '\t') {
      column = (column / 8 + 1) * 8;
      ++alternative, ++at_;
    } else if (c == '\f') {
      column = alternative = 0;
      ++at_;
    } else if (c == '\\' && peek(1) == '\n') {
      // The first line of a continued one tells the indentation, if it has any.
      if (continued == 0) continued = column;
      at_ += 2;
      if (at_end()) {
        --at_;
        *result = fail_at_end();
        return true;
      }
      new_line();
    } else if (c == '\\') {
      ++at_;
      if (!at_end()) ++at_;
      *result = fail_late("unexpected character after line continuation character");
      return true;
    } else {
      break;
    }
  }
  if (continued > 0) column = continued, alternative = continued;
  const char c = peek();
  if (c == '#' || c == '\n' || c == '\r' || (at_end() && options_.extra_tokens)) {
    // Lines without code have no indentation; but an empty line ends an interactive block.
    if (!(options_.interactive && c == '\n' && column == 0 && level_ == 0)) return false;
    column = alternative = 0;
  }
  if (level_ > 0) return false;
  if (column == indents_[indent_]) {
    if (alternative != alternative_indents_[indent_]) {
      *result = fail_at(PyExc_TabError, line_, line_start_, 0, -1,
                        PyUnicode_FromString("inconsistent use of tabs and spaces in indentation"));
      return true;
    }
  } else if (column > indents_[indent_]) {
    if (indent_ + 1 >= kMaxIndent) {
      *result = fail_at(PyExc_IndentationError, line_, line_start_, 0, -1, PyUnicode_FromString("too many levels of indentation"));
      return true;
    }
    if (alternative <= alternative_indents_[indent_]) {
      *result = fail_at(PyExc_TabError, line_, line_start_, 0, -1,
                        PyUnicode_FromString("inconsistent use of tabs and spaces in indentation"));
      return true;
    }
    ++pending_;
    indents_[++indent_] = column;
    alternative_indents_[indent_] = alternative;
  } else {
    while (indent_ > 0 && column < indents_[indent_]) {
      --pending_;
      --indent_;
    }
    if (column != indents_[indent_]) {
      const char* line_end = static_cast<const char*>(memchr(at_, '\n', static_cast<size_t>(end_ - at_)));
      *result = fail_at(PyExc_IndentationError, line_, line_start_, column_of(line_end ? line_end : end_ - 1), kNoEnd,
                        PyUnicode_FromString("unindent does not match any outer indentation level"));
      return true;
    }
    if (alternative != alternative_indents_[indent_]) {
      *result = fail_at(PyExc_TabError, line_, line_start_, 0, -1,
                        PyUnicode_FromString("inconsistent use of tabs and spaces in indentation"));
      return true;
    }
  }
  return false;
}

Token Tokenizer::regular() {
  const char* comment = nullptr;  // the line's end begins where the comment before it does
  for (;;) {
    if (at_line_begin_) {
      Token result;
      line_has_token_ = false;
      if (indentation(&result)) return result;
    }
    if (pending_ != 0) {
      const bool indent = pending_ > 0;
      pending_ += indent ? -1 : 1;
      if (indent) return make(TokenKind::Indent, line_start_);
      return make(TokenKind::Dedent, at_);
    }
    while (peek() == ' ' || peek() == '\t' || peek() == '\f') ++at_;
    const char* start = at_;

    if (at_end()) {
      if (level_ > 0) {
        at_end_in_parentheses_ = true;
        incomplete_ = true;
        Token token = make(TokenKind::Error, start);
        return token;
      }
      if ((line_has_token_ || at_ > line_start_) && options_.interactive_end) return make(TokenKind::EndMarker, start);
      if (line_has_token_) {
        // The last line lacks its line end.
        line_has_token_ = false;
        at_line_begin_ = true;
        Token token = make(TokenKind::NewLine, start);
        token.end_column += 1;
        ++line_;
        line_start_ = at_;
        return token;
      }
      if (indent_ > 0) {
        pending_ -= indent_;
        indent_ = 0;
        continue;
      }
      return make(TokenKind::EndMarker, start);
    }

    char c = *at_;
    if (c == '#') {
      while (!at_end() && peek() != '\n') ++at_;
      if (options_.type_comments) {
        const char* text = start + 1;
        while (text < at_ && (*text == ' ' || *text == '\t')) ++text;
        if (at_ - text >= 5 && memcmp(text, "type:", 5) == 0) {
          text += 5;
          while (text < at_ && (*text == ' ' || *text == '\t')) ++text;
          const bool ignore = at_ - text >= 6 && memcmp(text, "ignore", 6) == 0 &&
                              !(at_ - text > 6 && (isalnum(static_cast<unsigned char>(text[6])) || static_cast<unsigned char>(text[6]) >= 128));
          if (ignore) {
            Token token = make(TokenKind::TypeIgnore, start);
            token.start = text + 6;
            // A line of its own ends here: it has no other token, so no NEWLINE either.
            if (!line_has_token_ && !at_end()) {
              ++at_;
              new_line();
              at_line_begin_ = true;
            }
            return token;
          }
          Token token = make(TokenKind::TypeComment, text);
          line_has_token_ = true;
          return token;
        }
      }
      if (options_.extra_tokens) return make(TokenKind::Comment, start);
      comment = start;
      continue;
    }
    if (c == '\n') {
      ++at_;
      const bool ends_line = line_has_token_ && level_ == 0;
      const bool ends_block = options_.interactive && !line_has_token_ && level_ == 0;
      if (ends_line || ends_block) {
        Token token;
        token.kind = TokenKind::NewLine;
        if (!ends_line) comment = nullptr;
        token.line = token.end_line = line_;
        token.column = column_of(comment ? comment : start);
        token.end_column = column_of(start) + 1;
        token.start = comment ? comment : start;
        token.end = at_;
        new_line();
        at_line_begin_ = true;
        line_has_token_ = false;
        if (ends_block && !ends_line) continue;
        return token;
      }
      if (options_.extra_tokens) {
        Token token = make(TokenKind::BlankNewLine, start);
        token.end_line = token.line;
        token.end_column = token.column + 1;
        new_line();
        at_line_begin_ = level_ == 0;
        return token;
      }
      new_line();
      comment = nullptr;
      if (level_ == 0) at_line_begin_ = true;
      continue;
    }
    if (c == '\\') {
      if (peek(1) == '\n') {
        at_ += 2;
        if (at_end()) {
          --at_;
          return fail_at_end();
        }
        new_line();
        continue;
      }
      at_ += 1;
      if (!at_end()) ++at_;
      return fail_late("unexpected character after line continuation character");
    }
    line_has_token_ = true;

    if (is_identifier_start(c)) {
      // Up to two letters before a quote are a string's prefix.
      bool bytes = false, raw = false, unicode = false, formatted = false, templated = false;
      bool non_ascii = false;
      for (;;) {
        c = peek();
        if (!(bytes || unicode || formatted || templated) && (c == 'b' || c == 'B')) bytes = true;
        else if (!(bytes || unicode || raw || formatted || templated) && (c == 'u' || c == 'U')) unicode = true;
        else if (!(raw || unicode) && (c == 'r' || c == 'R')) raw = true;
        else if (!(formatted || bytes || unicode || templated) && (c == 'f' || c == 'F')) formatted = true;
        else if (!(templated || bytes || unicode || formatted) && (c == 't' || c == 'T')) templated = true;
        else break;
        ++at_;
        if (peek() == '"' || peek() == '\'') {
          if (formatted || templated) return begin_formatted(start, raw, templated);
          return string(start);
        }
      }
      while (!at_end() && is_identifier_part(peek())) {
        if (static_cast<unsigned char>(*at_) >= 128) non_ascii = true;
        ++at_;
      }
      if ((peek() == '"' || peek() == '\'') && at_ - start <= 5 && !non_ascii) {
        // Letters that are each a prefix but do not go together.
        bool seen[5] = {};
        bool all = true;
        for (const char* p = start; p < at_; ++p) {
          const char lower = static_cast<char>(tolower(*p));
          const char* letters = "brftu";
          const char* where = strchr(letters, lower);
          if (!where || seen[where - letters]) {
            all = false;
            break;
          }
          seen[where - letters] = true;
        }
        if (all && at_ - start > 1) {
          const struct {
            int a, b;
          } pairs[] = {{4, 0}, {4, 1}, {4, 2}, {4, 3}, {0, 2}, {0, 3}, {2, 3}};
          const char* letters = "brftu";
          for (const auto& pair : pairs)
            if (seen[pair.a] && seen[pair.b]) {
              PyObject* message = PyUnicode_FromFormat("'%c' and '%c' prefixes are incompatible", letters[pair.a], letters[pair.b]);
              return fail_at(PyExc_SyntaxError, line_, line_start_, column_of(start), column_of(at_), message);
            }
        }
      }
      if (non_ascii && !options_.extra_tokens) {
        Ref<> text = steal(PyUnicode_DecodeUTF8(start, at_ - start, nullptr));
        if (!text) return make(TokenKind::Error, start);
        if (!PyUnicode_IsIdentifier(text)) {
          const char* stop = at_;
          Py_ssize_t i = 0;
          const Py_ssize_t length = PyUnicode_GET_LENGTH(text.get());
          // The first character that cannot stand where it stands.
          for (; i < length; ++i) {
            Ref<> prefix = steal(PyUnicode_Substring(text, 0, i + 1));
            if (!prefix || !PyUnicode_IsIdentifier(prefix)) break;
          }
          if (i == length) i = length - 1;
          const Py_UCS4 bad = PyUnicode_READ_CHAR(text.get(), i);
          at_ = start;
          for (Py_ssize_t k = 0; k <= i && at_ < stop; ++k) {
            ++at_;
            while (at_ < stop && (static_cast<unsigned char>(*at_) & 0xc0) == 0x80) ++at_;
          }
          Ref<> character = steal(PyUnicode_FromOrdinal(static_cast<int>(bad)));
          // Offsets count characters there; columns are bytes here: step back to where the character begins.
          const char* bad_start = at_ - 1;
          while (bad_start > start && (static_cast<unsigned char>(*bad_start) & 0xc0) == 0x80) --bad_start;
          PyObject* message = Py_UNICODE_ISPRINTABLE(bad)
                                  ? PyUnicode_FromFormat("invalid character '%U' (U+%04X)", character.get(), static_cast<unsigned>(bad))
                                  : PyUnicode_FromFormat("invalid non-printable character U+%04X", static_cast<unsigned>(bad));
          return fail_at(PyExc_SyntaxError, line_, line_start_, column_of(bad_start), -1, message);
        }
      }
      return make(TokenKind::Name, start);
    }
    if ((c >= '0' && c <= '9') || (c == '.' && peek(1) >= '0' && peek(1) <= '9')) return number(start);
    if (c == '"' || c == '\'') return string(start);
    return operator_token(start);
  }
}

static TokenKind one_character(char c) {
  switch (c) {
    case '!': return TokenKind::Exclamation;
    case '%': return TokenKind::Percent;
    case '&': return TokenKind::Ampersand;
    case '(': return TokenKind::LeftParenthesis;
    case ')': return TokenKind::RightParenthesis;
    case '*': return TokenKind::Star;
    case '+': return TokenKind::Plus;
    case ',': return TokenKind::Comma;
    case '-': return TokenKind::Minus;
    case '.': return TokenKind::Dot;
    case '/': return TokenKind::Slash;
    case ':': return TokenKind::Colon;
    case ';': return TokenKind::Semicolon;
    case '<': return TokenKind::Less;
    case '=': return TokenKind::Equal;
    case '>': return TokenKind::Greater;
    case '@': return TokenKind::At;
    case '[': return TokenKind::LeftBracket;
    case ']': return TokenKind::RightBracket;
    case '^': return TokenKind::Circumflex;
    case '{': return TokenKind::LeftBrace;
    case '|': return TokenKind::Bar;
    case '}': return TokenKind::RightBrace;
    case '~': return TokenKind::Tilde;
    default: return TokenKind::Operator;
  }
}
static TokenKind two_characters(char a, char b) {
  switch (a) {
    case '!': return b == '=' ? TokenKind::NotEqual : TokenKind::Operator;
    case '%': return b == '=' ? TokenKind::PercentEqual : TokenKind::Operator;
    case '&': return b == '=' ? TokenKind::AmpersandEqual : TokenKind::Operator;
    case '*': return b == '*' ? TokenKind::DoubleStar : b == '=' ? TokenKind::StarEqual : TokenKind::Operator;
    case '+': return b == '=' ? TokenKind::PlusEqual : TokenKind::Operator;
    case '-': return b == '=' ? TokenKind::MinusEqual : b == '>' ? TokenKind::RightArrow : TokenKind::Operator;
    case '/': return b == '/' ? TokenKind::DoubleSlash : b == '=' ? TokenKind::SlashEqual : TokenKind::Operator;
    case ':': return b == '=' ? TokenKind::ColonEqual : TokenKind::Operator;
    case '<':
      return b == '<' ? TokenKind::LeftShift : b == '=' ? TokenKind::LessEqual : b == '>' ? TokenKind::NotEqual : TokenKind::Operator;
    case '=': return b == '=' ? TokenKind::EqualEqual : TokenKind::Operator;
    case '>': return b == '>' ? TokenKind::RightShift : b == '=' ? TokenKind::GreaterEqual : TokenKind::Operator;
    case '@': return b == '=' ? TokenKind::AtEqual : TokenKind::Operator;
    case '^': return b == '=' ? TokenKind::CircumflexEqual : TokenKind::Operator;
    case '|': return b == '=' ? TokenKind::BarEqual : TokenKind::Operator;
    default: return TokenKind::Operator;
  }
}
static TokenKind three_characters(char a, char b, char c) {
  if (a == '.' && b == '.' && c == '.') return TokenKind::Ellipsis;
  if (c != '=') return TokenKind::Operator;
  if (a == '*' && b == '*') return TokenKind::DoubleStarEqual;
  if (a == '/' && b == '/') return TokenKind::DoubleSlashEqual;
  if (a == '<' && b == '<') return TokenKind::LeftShiftEqual;
  if (a == '>' && b == '>') return TokenKind::RightShiftEqual;
  return TokenKind::Operator;
}

Token Tokenizer::operator_token(const char* start) {
  FormattedString* field = string_depth_ ? &strings_[string_depth_ - 1] : nullptr;
  const bool at_field_level = field && field->brace_depth > 0 && level_ == field->brace_level;
  const char c = *at_;
  // At the top of a replacement field, ':' starts the format specification and '!' a conversion; "!=" is an operator.
  if (at_field_level && c == ':') {
    ++at_;
    field->in_format_spec = true;
    field->behind_field = false;
    text_due_ = true;
    Token token = make(TokenKind::Colon, start);
    token.format_of = field->is_template ? 't' : 'f';
    field->middle_line_start = line_start_;
    in_middle_ = true;
    return token;
  }
  if (two_characters(c, peek(1)) != TokenKind::Operator && !(options_.silent && c == '<' && peek(1) == '>')) {
    const TokenKind three = three_characters(c, peek(1), peek(2));
    at_ += three != TokenKind::Operator ? 3 : 2;
    return make(three != TokenKind::Operator ? three : two_characters(c, start[1]), start);
  }
  if (three_characters(c, peek(1), peek(2)) == TokenKind::Ellipsis) {
    at_ += 3;
    return make(TokenKind::Ellipsis, start);
  }
  if (static_cast<unsigned char>(c) < 32 || c == 127) {
    ++at_;
    return fail("invalid non-printable character U+%04X", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  ++at_;
  switch (c) {
    case '(':
    case '[':
    case '{':
      if (level_ >= kMaxLevel) return fail("too many nested parentheses");
      open_[level_++] = {c, line_, column_of(start), line_start_};
      break;
    case ')':
    case ']':
    case '}': {
      const bool in_field = field && field->brace_depth > 0;
      if (field && c == '}' && field->brace_depth == 0) return fail("%c-string: single '}' is not allowed", field->is_template ? 't' : 'f');
      // The tokenize module shows what does not fit as it is.
      if (level_ == 0 && options_.extra_tokens) break;
      if (level_ == 0) return fail("unmatched '%c'", c);
      const Open& opening = open_[level_ - 1];
      const bool fits = (opening.kind == '(' && c == ')') || (opening.kind == '[' && c == ']') || (opening.kind == '{' && c == '}');
      if (!fits) {
        if (in_field && level_ == field->brace_level) return fail("%c-string: unmatched '%c'", field->is_template ? 't' : 'f', c);
        if (options_.extra_tokens) {
          --level_;
          break;
        }
        if (opening.line != line_)
          return fail("closing parenthesis '%c' does not match opening parenthesis '%c' on line %d", c, opening.kind, opening.line);
        return fail("closing parenthesis '%c' does not match opening parenthesis '%c'", c, opening.kind);
      }
      if (in_field && c == '}' && level_ == field->brace_level) {
        --level_;
        --field->brace_depth;
        in_middle_ = true;
        field->middle_line_start = line_start_;
        // A field inside a format specification ends: the specification goes on. Else the text does.
        field->in_format_spec = field->brace_depth > 0;
        text_due_ = true;
        field->behind_field = true;
        field->brace_level = level_;
        return make(TokenKind::RightBrace, start);
      }
      --level_;
      break;
    }
    default: break;
  }
  const TokenKind kind = one_character(c);
  if (kind == TokenKind::Operator && static_cast<unsigned char>(c) >= 128) return invalid_character(start);
  return make(kind, start);
}

Token Tokenizer::invalid_character(const char* start) {
  while (!at_end() && (static_cast<unsigned char>(*at_) & 0xc0) == 0x80) ++at_;
  Ref<> text = steal(PyUnicode_DecodeUTF8(start, at_ - start, nullptr));
  if (!text || PyUnicode_GET_LENGTH(text.get()) == 0) return make(TokenKind::Error, start);
  const Py_UCS4 c = PyUnicode_READ_CHAR(text.get(), 0);
  return fail_at(PyExc_SyntaxError, line_, line_start_, column_of(start), -1,
                 PyUnicode_FromFormat("invalid character '%U' (U+%04X)", text.get(), static_cast<unsigned>(c)));
}

}  // namespace ks::syntax
