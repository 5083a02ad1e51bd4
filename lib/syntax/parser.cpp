// The way from source text to a tree, and how errors are raised.
#include "syntax/parser.h"

#include "syntax/parser_state.h"
#include "syntax/source.h"

namespace ks::syntax {

// The nesting at which the reference gives up too.
static constexpr int kMaxDepth = 6000;

bool Parser::enter() {
  if (++depth <= kMaxDepth) return true;
  PyErr_SetString(PyExc_MemoryError, "Parser stack overflowed - Python source too complex to compile");
  return false;
}

// ---- errors ----------------------------------------------------------------------------------------------------------

// Line `number` of the source with its line end.
static void find_line(const char* source, const char* end, int number, const char** begin, const char** stop) {
  const char* at = source;
  for (int line = 1; line < number && at < end; ++line) {
    const char* next = static_cast<const char*>(memchr(at, '\n', static_cast<size_t>(end - at)));
    if (!next) break;
    at = next + 1;
  }
  *begin = at;
  const char* next = at < end ? static_cast<const char*>(memchr(at, '\n', static_cast<size_t>(end - at))) : nullptr;
  *stop = next ? next + 1 : end;
}

// Characters in the first `column` bytes of a line, counted from 1; 0 for an unknown column.
static Py_ssize_t character_offset(const char* begin, const char* stop, int column) {
  if (column < 0) return 0;
  Py_ssize_t count = 0;
  const char* at = begin;
  for (; at < stop && at < begin + column; ++at)
    if ((static_cast<unsigned char>(*at) & 0xc0) != 0x80) ++count;
  return count + (begin + column - at) + 1;
}

static void raise_at(PyObject* type, PyObject* message, PyObject* filename, const char* source, const char* end, const Position& place) {
  const char *begin, *stop;
  find_line(source, end, place.lineno, &begin, &stop);
  const Py_ssize_t offset = character_offset(begin, stop, place.col_offset);
  Py_ssize_t end_offset = place.end_col_offset;
  if (place.end_col_offset >= 0) {
    const char *end_begin, *end_stop;
    find_line(source, end, place.end_lineno, &end_begin, &end_stop);
    end_offset = character_offset(end_begin, end_stop, place.end_col_offset);
  }
  Ref<> text;
  if (PyUnicode_Check(filename) && PyUnicode_GET_LENGTH(filename) && PyUnicode_READ_CHAR(filename, 0) != '<')
    text = steal(PyErr_ProgramTextObject(filename, place.lineno));
  if (!text) text = steal(PyUnicode_DecodeUTF8(begin, stop - begin, "replace"));
  if (!text) return;
  Ref<> args = steal(Py_BuildValue("(O(OinOin))", message, filename, place.lineno, offset, text.get(), place.end_lineno, end_offset));
  if (args) PyErr_SetObject(type, args);
}

std::nullptr_t Parser::raise_error(PyObject* type, const Position& position, PyObject* message) {
  Ref<> held = Ref<>::steal(message);
  if (held) {
    PyErr_Clear();
    raise_at(type, held, options.filename, source, source_end, position);
  }
  return nullptr;
}

std::nullptr_t Parser::error_at(const Position& position, PyObject* type, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* message = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  return raise_error(type, position, message);
}
std::nullptr_t Parser::error_at(const Position& position, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* message = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  return raise_error(PyExc_SyntaxError, position, message);
}
std::nullptr_t Parser::error_here(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* message = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  const Token& here = token();
  return raise_error(PyExc_SyntaxError, {here.line, here.column, here.end_line, here.end_column}, message);
}

bool Parser::check_version(int minor, const char* what, const Position& position) {
  if (options.feature_version >= minor) return true;
  error_at(position, "%s only supported in Python 3.%d and greater", what, minor);
  return false;
}

// ---- tokens ----------------------------------------------------------------------------------------------------------

// The tokenizer's own error as an exception.
static void raise_tokenizer_error(const Tokenizer& tokenizer, const ParseOptions& options, const char* source, const char* end) {
  const TokenizerError& error = tokenizer.error();
  if (PyErr_Occurred()) return;
  if (!error.message) {
    PyErr_NoMemory();
    return;
  }
  raise_at(error.type, error.message, options.filename, source, end,
           {error.line, error.column, error.line, error.end_column >= 0 ? error.end_column : -1});
}

static void raise_incomplete(const ParseOptions& options, const char* source, const char* end, int line) {
  Ref<> message = steal(PyUnicode_FromString("incomplete input"));
  PyErr_Clear();
  extern PyTypeObject incomplete_type __asm__("_PyExc_IncompleteInputError");
  if (message) raise_at(reinterpret_cast<PyObject*>(&incomplete_type), message, options.filename, source, end, {line, 0, line, -1});
}

static void raise_unclosed(const Tokenizer& tokenizer, const ParseOptions& options, const char* source, const char* end) {
  const Tokenizer::Open& open = tokenizer.innermost();
  Ref<> message = steal(PyUnicode_FromFormat("'%c' was never closed", open.kind));
  PyErr_Clear();
  if (message) raise_at(PyExc_SyntaxError, message, options.filename, source, end, {open.line, open.column, open.line, -1});
}

// All tokens of the source; keywords have kinds of their own, type comments that mean "ignore" are set apart.
static bool tokenize(Tokenizer& tokenizer, const ParseOptions& options, Arena& arena, GrowingArray<Token>& tokens,
                     GrowingArray<TypeIgnore>& ignores) {
  for (;;) {
    Token token = tokenizer.next();
    switch (token.kind) {
      case TokenKind::Name: token.kind = keyword_kind(token.start, token.end); break;
      case TokenKind::TypeIgnore: {
        PyObject* tag = arena.own(steal(PyUnicode_DecodeUTF8(token.start, token.size(), nullptr)));
        if (!tag || ignores.append({token.line, tag}) != Status::Ok) return false;
        continue;
      }
      default: break;
    }
    if (tokens.append(token) != Status::Ok) return false;
    if (token.kind == TokenKind::EndMarker || token.kind == TokenKind::Error) return true;
  }
}

// In interactive input the end of the text ends no block when the caller says so: an empty line does.
static void withhold_dedents(GrowingArray<Token>& tokens, const char* source, const char* end) {
  if (end - source >= 2 && end[-1] == '\n' && end[-2] == '\n') return;
  Py_ssize_t last = tokens.size() - 1;
  Py_ssize_t first = last;
  while (first > 0 && tokens[first - 1].kind == TokenKind::Dedent) --first;
  if (first == last) return;
  tokens[first] = tokens[last];
  tokens.shrink(first + 1);
}

Module* parse(const char* source, Py_ssize_t size, const ParseOptions& given, Arena& arena) {
  ParseOptions options = given;
  Ref<> default_name;
  if (!options.filename) {
    default_name = steal(PyUnicode_FromString("<string>"));
    if (!default_name) return nullptr;
    options.filename = default_name;
  }
  GrowingArray<char> text;
  if (!read_source(source, size, options, text)) return nullptr;
  const char* begin = text.begin();
  const char* end = begin + text.size() - 1;

  Tokenizer tokenizer(begin, end - begin,
                      {.filename = options.filename, .type_comments = (options.flags & PyCF_TYPE_COMMENTS) != 0});
  GrowingArray<Token> tokens;
  GrowingArray<TypeIgnore> ignores;
  if (!tokenize(tokenizer, options, arena, tokens, ignores)) return nullptr;
  if (options.start == Py_single_input && (options.flags & PyCF_DONT_IMPLY_DEDENT)) withhold_dedents(tokens, begin, end);
  const bool may_be_incomplete = options.flags & PyCF_ALLOW_INCOMPLETE_INPUT;
  if (tokens.back().kind == TokenKind::Error && !tokenizer.unclosed()) {
    // An error of the tokenizer is reported whatever the parser would say to the text before it.
    if (may_be_incomplete && tokenizer.incomplete() && !PyErr_Occurred()) raise_incomplete(options, begin, end, tokens.back().line);
    else raise_tokenizer_error(tokenizer, options, begin, end);
    return nullptr;
  }

  Parser parser(arena, options, tokens);
  parser.source = begin;
  parser.source_end = end;
  parser.tokenizer = &tokenizer;
  for (const TypeIgnore& ignore : ignores)
    if (parser.type_ignores.append(ignore) != Status::Ok) return nullptr;
  Module* result = parser.module();
  if (result) {
    if (options.start == Py_single_input) {
      while (parser.is(TokenKind::NewLine) || parser.is(TokenKind::Dedent)) ++parser.at;
      if (!parser.is(TokenKind::EndMarker)) {
        const Token& rest = parser.token();
        parser.error_at({rest.line, rest.column, rest.line, -1}, "multiple statements found while compiling a single statement");
        return nullptr;
      }
    }
    return result;
  }
  if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_SyntaxError)) return nullptr;
  if (may_be_incomplete && parser.furthest >= tokens.size() - 1) {
    raise_incomplete(options, begin, end, tokens.back().line);
    return nullptr;
  }
  if (!PyErr_Occurred()) parser.find_error();
  if (tokenizer.unclosed() && PyErr_Occurred()) {
    const Token& last = tokens[parser.furthest];
    // A parenthesis that stays open explains an error on a later line.
    if (last.kind == TokenKind::Error || last.line > tokenizer.innermost().line) raise_unclosed(tokenizer, options, begin, end);
  }
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "the parser failed without an error");
  return nullptr;
}

Module* parse_interactive(FILE* file, const char* encoding, const char* ps1, const char* ps2, const ParseOptions& options,
                          bool* end_of_file, Arena& arena) {
  *end_of_file = false;
  GrowingArray<char> text;
  const char* prompt = ps1;
  for (;;) {
    char* line = PyOS_Readline(file, stdout, prompt ? prompt : "");
    if (!line) {
      if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
      return nullptr;
    }
    const size_t length = strlen(line);
    if (length == 0 && text.empty()) {
      PyMem_Free(line);
      *end_of_file = true;
      return nullptr;
    }
    bool good = true;
    for (size_t i = 0; i < length && good; ++i) good = text.append(line[i]) == Status::Ok;
    PyMem_Free(line);
    if (!good) return nullptr;
    Ref<> decoded;
    const char* source = text.begin();
    Py_ssize_t size = text.size();
    if (encoding) {
      decoded = steal(PyUnicode_Decode(source, size, encoding, nullptr));
      if (!decoded) return nullptr;
      source = PyUnicode_AsUTF8AndSize(decoded, &size);
      if (!source) return nullptr;
    }
    ParseOptions one = options;
    one.start = Py_single_input;
    one.flags |= PyCF_IGNORE_COOKIE | PyCF_ALLOW_INCOMPLETE_INPUT;
    if (length > 0) one.flags |= PyCF_DONT_IMPLY_DEDENT;
    if (Module* tree = parse(source, size, one, arena)) return tree;
    extern PyTypeObject incomplete_type __asm__("_PyExc_IncompleteInputError");
    if (length == 0 || !PyErr_ExceptionMatches(reinterpret_cast<PyObject*>(&incomplete_type))) return nullptr;
    PyErr_Clear();
    prompt = ps2;
  }
}

}  // namespace ks::syntax
