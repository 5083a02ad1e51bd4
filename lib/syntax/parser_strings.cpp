// Strings in expressions: concatenation, f-strings and t-strings.
#include "syntax/parser_state.h"

namespace ks::syntax {

using E = Expression;

static Position position_of(const Token& token) { return {token.line, token.column, token.end_line, token.end_column}; }

// One node from parts: neighbouring texts become one Constant, empty ones disappear.
E* Parser::join_parts(GrowingArray<Part>& parts, const Position& position, bool formatted, bool templated, PyObject* kind_prefix,
                      bool allow_plain) {
  GrowingArray<E*> values;
  for (Py_ssize_t i = 0; i < parts.size();) {
    if (parts[i].field) {
      if (values.append(parts[i++].field) != Status::Ok) return nullptr;
      continue;
    }
    Py_ssize_t last = i;
    while (last + 1 < parts.size() && !parts[last + 1].field) ++last;
    PyObject* text = parts[i].text;
    if (last > i) {
      Ref<> pieces = steal(PyList_New(0));
      if (!pieces) return nullptr;
      for (Py_ssize_t k = i; k <= last; ++k)
        if (PyList_Append(pieces, parts[k].text) < 0) return nullptr;
      Ref<> empty = steal(PyUnicode_FromStringAndSize("", 0));
      text = empty ? arena.own(steal(PyUnicode_Join(empty, pieces))) : nullptr;
      if (!text) return nullptr;
    }
    if (PyUnicode_GET_LENGTH(text) > 0 || (allow_plain && !formatted && !templated)) {
      E* constant = arena.make<Constant>(join(parts[i].position, parts[last].position), text, kind_prefix);
      if (!constant || values.append(constant) != Status::Ok) return nullptr;
    }
    i = last + 1;
  }
  if (templated) return arena.make<TemplateStr>(position, keep(values));
  if (formatted || !allow_plain) return arena.make<JoinedStr>(position, keep(values));
  return values[0];
}

E* Parser::strings() {
  const Py_ssize_t first = at;
  bool any_bytes = false, any_text = false, formatted = false, templated = false;
  GrowingArray<Part> parts;
  GrowingArray<PyObject*> bytes;
  PyObject* kind_prefix = nullptr;
  Py_ssize_t last = at;
  for (;;) {
    const Kind next = kind();
    if (next == Kind::String) {
      if (templated) break;
      const Token& literal = tokens[at];
      bool is_bytes;
      PyObject* value = arena.own(string_literal_value(*this, literal, &is_bytes));
      if (!value) return nullptr;
      (is_bytes ? any_bytes : any_text) = true;
      if (is_bytes) {
        if (bytes.append(value) != Status::Ok) return nullptr;
      } else {
        if (at == first && *literal.start == 'u') {
          kind_prefix = arena.identifier("u", 1);
          if (!kind_prefix) return nullptr;
        }
        if (parts.append({value, nullptr, position_of(literal)}) != Status::Ok) return nullptr;
      }
      last = at++;
    } else if (next == Kind::FStringStart || next == Kind::TStringStart) {
      const bool is_template = next == Kind::TStringStart;
      // t-strings stand with t-strings only.
      if (at > first && is_template != templated) break;
      (is_template ? templated : formatted) = true;
      if (!is_template) any_text = true;
      const Py_ssize_t size = parts.size();
      const Py_ssize_t before = at;
      if (!formatted_string(parts)) {
        if (before == first || PyErr_Occurred()) return nullptr;
        parts.shrink(size);
        at = before;
        break;
      }
      last = before;
      if (is_template && !check_version(14, "t-strings are")) return nullptr;
    } else {
      break;
    }
  }
  if (finding_errors && wrong_strings(last, templated)) return nullptr;
  const Position whole = position(first);
  if (any_bytes && any_text) return error_last(PyExc_SyntaxError, "cannot mix bytes and nonbytes literals");
  if (any_bytes) {
    PyObject* value = bytes[0];
    if (bytes.size() > 1) {
      Ref<> list = steal(PyList_New(0));
      if (!list) return nullptr;
      for (PyObject* piece : bytes)
        if (PyList_Append(list, piece) < 0) return nullptr;
      Ref<> empty = steal(PyBytes_FromStringAndSize("", 0));
      value = empty ? arena.own(steal(PyObject_CallMethod(empty, "join", "O", list.get()))) : nullptr;
      if (!value) return nullptr;
    }
    return arena.make<Constant>(whole, value, nullptr);
  }
  return join_parts(parts, whole, formatted, templated, kind_prefix, true);
}

// From the opening quote to the closing one.
bool Parser::formatted_string(GrowingArray<Part>& parts) {
  if (!is(Kind::TStringStart) || readings.empty()) return read_formatted_string(parts);
  // A t-string that is none is not read again.
  Reading& known = reading(Remembered::Template);
  if (known.end) return false;
  const bool good = read_formatted_string(parts);
  if (!good && !PyErr_Occurred()) known.end = 1;
  return good;
}

bool Parser::read_formatted_string(GrowingArray<Part>& parts) {
  Nesting nesting(*this);
  if (!nesting.good) return false;
  const Token& start = tokens[at];
  const bool is_template = start.kind == Kind::TStringStart;
  bool raw = false;
  for (const char* c = start.start; *c != '"' && *c != '\''; ++c) raw |= *c == 'r' || *c == 'R';
  ++at;
  const Kind middle = is_template ? Kind::TStringMiddle : Kind::FStringMiddle;
  for (;;) {
    if (is(middle)) {
      if (!formatted_text(parts, raw)) return false;
    } else if (is(Kind::LeftBrace)) {
      const Py_ssize_t first = at;
      if (!replacement_field(parts, raw, is_template)) {
        if (finding_errors && !PyErr_Occurred()) wrong_replacement_field(first, is_template);
        return false;
      }
    } else {
      return accept(is_template ? Kind::TStringEnd : Kind::FStringEnd);
    }
  }
}

// Escapes that are wrong in a format specification are no SyntaxError, as in the reference.
bool Parser::formatted_text(GrowingArray<Part>& parts, bool raw, bool of_specification) {
  const Token& text = tokens[at];
  Ref<> value = decode_text(*this, text, text.start, text.end, raw);
  if (!value) {
    if (!of_specification) wrap_literal_error(*this);
    return false;
  }
  ++at;
  if (PyUnicode_GET_LENGTH(value.get()) == 0) return true;
  PyObject* kept = arena.own(std::move(value));
  return kept && parts.append({kept, nullptr, position_of(text)}) == Status::Ok;
}

// Source text without comments, as `=` and t-strings show it.
Ref<> Parser::source_text(const char* start, const char* end) {
  GrowingArray<char> text;
  char quote = 0;
  int quote_size = 0;
  for (const char* c = start; c < end; ++c) {
    if (quote) {
      if (*c == '\\' && c + 1 < end) {
        TRY(text.append(*c++));
      } else if (*c == quote && (quote_size == 1 || (c + 2 < end && c[1] == quote && c[2] == quote))) {
        for (int i = 1; i < quote_size; ++i) TRY(text.append(*c++));
        quote = 0;
      }
    } else if (*c == '"' || *c == '\'') {
      quote = *c;
      quote_size = c + 2 < end && c[1] == *c && c[2] == *c ? 3 : 1;
      for (int i = 1; i < quote_size; ++i) TRY(text.append(*c++));
    } else if (*c == '#') {
      while (c < end && *c != '\n') ++c;
      if (c == end) break;
    }
    TRY(text.append(*c));
  }
  return steal(PyUnicode_DecodeUTF8(text.begin() ? text.begin() : "", text.size(), nullptr));
}

bool Parser::replacement_field(GrowingArray<Part>& parts, bool raw, bool is_template) {
  const Py_ssize_t first = at++;
  const Token& brace = tokens[first];
  E* value = annotated_rhs();
  if (!value) return false;
  const char* expression_end = token().start;
  const bool debug = accept(Kind::Equal);
  const Token& after = token();  // what ends the expression, or the text that `=` shows
  int conversion = -1;
  E* specification = nullptr;
  if (accept(Kind::Exclamation)) {
    // The conversion follows at once and is one of three letters: syntax_errors.cpp says what is wrong with others.
    if (!is(Kind::Name) || tokens[at].start != tokens[at - 1].end) return false;
    const Token& letter = tokens[at];
    if (letter.size() != 1 || !strchr("sra", *letter.start)) {
      Ref<> shown = steal(PyUnicode_DecodeUTF8(letter.start, letter.size(), nullptr));
      if (shown)
        error_at(position_of(letter), "%c-string: invalid conversion character %R: expected 's', 'r', or 'a'",
                 is_template ? 't' : 'f', shown.get());
      return false;
    }
    conversion = *letter.start;
    ++at;
  }
  if (is(Kind::Colon)) {
    if (!format_specification(raw, is_template, &specification)) return false;
  }
  if (!accept(Kind::RightBrace)) return false;
  if (debug && conversion < 0 && !specification) conversion = 'r';
  E* field;
  if (is_template) {
    PyObject* text = arena.own(source_text(brace.end, expression_end));
    field = text ? arena.make<Interpolation>(position(first), value, text, conversion, specification) : nullptr;
  } else {
    field = arena.make<FormattedValue>(position(first), value, conversion, specification);
  }
  if (!field) return false;
  if (debug) {
    PyObject* text = arena.own(source_text(brace.end, after.start));
    if (!text) return false;
    const Position shown{brace.line, brace.column + 1, after.line, after.column};
    if (parts.append({text, nullptr, shown}) != Status::Ok) return false;
  }
  return parts.append({nullptr, field, field->position}) == Status::Ok;
}

bool Parser::format_specification(bool raw, bool is_template, E** out) {
  const Py_ssize_t first = at++;
  const Kind middle = is_template ? Kind::TStringMiddle : Kind::FStringMiddle;
  GrowingArray<Part> parts;
  for (;;) {
    if (is(middle)) {
      if (!formatted_text(parts, raw, true)) return false;
    } else if (is(Kind::LeftBrace)) {
      // Fields in a specification are formatted at once, in a t-string too.
      const Py_ssize_t field = at;
      if (!replacement_field(parts, raw, false)) {
        if (finding_errors && !PyErr_Occurred()) wrong_replacement_field(field, is_template);
        return false;
      }
    } else {
      break;
    }
  }
  *out = join_parts(parts, position(first), true, false, nullptr, false);
  return *out != nullptr;
}

}  // namespace ks::syntax
