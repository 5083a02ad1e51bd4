// The way from source text to a tree, and how errors are raised.
#include "syntax/parser.h"

#include "object/export.h"
#include "syntax/parser_state.h"
#include "syntax/source.h"

KS_EXPORT PyObject* _PyErr_ProgramDecodedTextObject(PyObject* filename, int line, const char* encoding);

namespace ks::syntax {

// The nesting at which the reference gives up too.
static constexpr int kMaxDepth = 6000;

bool Parser::enter() {
  if (++depth <= kMaxDepth) return true;
  PyErr_SetString(PyExc_MemoryError, "Parser stack overflowed - Python source too complex to parse");
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

// Characters that begin in the first `size` bytes of a line; what is beyond the line counts as one.
static Py_ssize_t character_offset(const char* begin, const char* stop, Py_ssize_t size) {
  if (size <= 0) return size;
  Py_ssize_t count = 0;
  for (const char* at = begin; at < stop && at < begin + size; ++at)
    if ((static_cast<unsigned char>(*at) & 0xc0) != 0x80) ++count;
  return size > stop - begin ? count + 1 : count;
}

static void set_error(PyObject* type, PyObject* message, PyObject* filename, PyObject* text, int line, Py_ssize_t offset, int end_line,
                      Py_ssize_t end_offset) {
  Ref<> args = steal(Py_BuildValue("(O(OinOin))", message, filename, line, offset, text, end_line, end_offset));
  if (args) PyErr_SetObject(type, args);
}

// An error of the parser. Columns count from 0; the end's is kNoPlace where it is not known. The text that goes with it has
// its line end only where the tokenizer is not beyond that line (`tokenizer_line`).
static void raise_at(PyObject* type, PyObject* message, const ParseOptions& options, const char* source, const char* end,
                     const Position& place, int tokenizer_line, bool to_the_end = false) {
  const char *begin, *stop;
  find_line(source, end, place.lineno, &begin, &stop);
  if (begin == end && place.lineno > 1) find_line(source, end, place.lineno - 1, &begin, &stop);
  if (to_the_end) stop = end;
  if (tokenizer_line > place.lineno && stop > begin && stop[-1] == '\n') --stop;
  PyObject* filename = options.filename;
  Ref<> text;
  if (options.start == Py_file_input && PyUnicode_Check(filename) && PyUnicode_GET_LENGTH(filename) &&
      PyUnicode_READ_CHAR(filename, 0) != '<')
    text = steal(_PyErr_ProgramDecodedTextObject(filename, place.lineno, options.encoding));
  if (!text) {
    if (PyErr_Occurred()) return;
    text = steal(PyUnicode_DecodeUTF8(begin, stop - begin, "replace"));
  } else {
    // Columns are counted in the line that is shown, even if it is another one.
    Py_ssize_t size;
    begin = PyUnicode_AsUTF8AndSize(text, &size);
    if (!begin) return;
    stop = begin + size;
  }
  const Py_ssize_t offset = character_offset(begin, stop, Py_ssize_t{place.col_offset} + 1);
  const Py_ssize_t end_offset = character_offset(begin, stop, Py_ssize_t{place.end_col_offset} + 1);
  if (text) set_error(type, message, filename, text, place.lineno, offset, place.end_lineno, end_offset);
}

std::nullptr_t Parser::raise_error(PyObject* type, const Position& position, PyObject* message) {
  Ref<> held = Ref<>::steal(message);
  // Where the tokenizer has failed, its own error is the one to report.
  if (!held || stopped()) return nullptr;
  PyErr_Clear();
  Position place = position;
  if (place.end_col_offset == kCurrent) {
    const Token& last = tokens[furthest];
    place.end_lineno = last.end_line;
    place.end_col_offset = last.end_column - 1;
  }
  raise_at(type, held, options, source, source_end, place, tokenizer_line());
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

bool Parser::check_version(int minor, const char* what) {
  if (options.feature_version >= minor) return true;
  error_last(PyExc_SyntaxError, "%s only supported in Python 3.%d and greater", what, minor);
  return false;
}

// ---- tokens ----------------------------------------------------------------------------------------------------------

// The tokenizer's own error as an exception.
static void raise_tokenizer_error(const Tokenizer& tokenizer, const ParseOptions& options, const char* source, const char* end,
                                  bool first_token) {
  const TokenizerError& error = tokenizer.error();
  if (!error.message) {
    if (!PyErr_Occurred()) PyErr_NoMemory();
    return;
  }
  PyErr_Clear();
  if (error.late()) {
    // Of a file whose very first token fails nothing is known.
    const int column = options.from_file && first_token ? -1 : error.column;
    raise_at(error.type, error.message, options, source, end, {error.line, column, error.line, error.end_column}, error.line);
    return;
  }
  const char *begin, *stop;
  find_line(source, end, error.line, &begin, &stop);
  if (stop > begin && stop[-1] == '\n') --stop;
  const Py_ssize_t offset = character_offset(begin, stop, Py_ssize_t{error.column} + 1);
  const Py_ssize_t end_offset = error.end_column >= 0 ? character_offset(begin, stop, Py_ssize_t{error.end_column} + 1) : offset;
  Ref<> text = steal(PyUnicode_DecodeUTF8(begin, stop - begin, "replace"));
  if (text) set_error(error.type, error.message, options.filename, text, error.line, offset, error.line, end_offset);
}

static void raise_incomplete(Parser& parser) {
  extern PyTypeObject incomplete_type __asm__("_PyExc_IncompleteInputError");
  PyErr_Clear();
  Ref<> message = steal(PyUnicode_FromString("incomplete input"));
  if (message)
    raise_at(reinterpret_cast<PyObject*>(&incomplete_type), message, parser.options, parser.source, parser.source_end,
             parser.last_place(), parser.tokenizer_line(), parser.stopped() && parser.tokenizer->error().message);
}

static void raise_unclosed(const Parser& parser) {
  const Tokenizer::Open& open = parser.tokenizer->innermost();
  Ref<> message = steal(PyUnicode_FromFormat("'%c' was never closed", open.kind));
  PyErr_Clear();
  if (message)
    raise_at(PyExc_SyntaxError, message, parser.options, parser.source, parser.source_end, {open.line, open.column, open.line, -1},
             parser.place_of(parser.tokens[parser.tokens.size() - 1]).lineno);
}

// All tokens of the source; keywords have kinds of their own, type comments that mean "ignore" are set apart.
//
// A single statement is ended by an empty line as much as by the end: that is a NEWLINE first, and closes blocks unless
// the caller does without. At a prompt only the empty line counts.
static bool tokenize(Tokenizer& tokenizer, const ParseOptions& options, const char* source_end, Arena& arena,
                     GrowingArray<Token>& tokens, GrowingArray<TypeIgnore>& ignores) {
  const bool single = options.start == Py_single_input;
  bool started = false;
  for (;;) {
    Token token = tokenizer.next();
    if (single && options.more_may_come && token.kind == TokenKind::Dedent && token.start == source_end) token.kind = TokenKind::EndMarker;
    if (single && !options.more_may_come && started && token.kind == TokenKind::EndMarker) {
      token.kind = TokenKind::NewLine;
      token.at_end = true;
      started = false;
      if (!(options.flags & PyCF_DONT_IMPLY_DEDENT)) tokenizer.close_blocks();
    } else {
      started = true;
    }
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

// In the input of one expression, the end of the text is no end of a line.
static void drop_last_line_end(GrowingArray<Token>& tokens, const char* end) {
  const Py_ssize_t last = tokens.size() - 1;
  if (last < 1 || tokens[last].kind != TokenKind::EndMarker || tokens[last - 1].kind != TokenKind::NewLine || tokens[last - 1].start != end) return;
  const int line = tokens[last - 1].line;
  tokens[last - 1] = tokens[last];
  tokens[last - 1].line = tokens[last - 1].end_line = line;
  tokens.pop();
}

// What traceback needs to look for misspelt keywords.
static void add_metadata(const Parser& parser) {
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (!exception) return;
  if (PyObject_TypeCheck(exception.get(), reinterpret_cast<PyTypeObject*>(PyExc_SyntaxError))) {
    PyObject* source = PyUnicode_DecodeUTF8(parser.source, parser.source_end - parser.source, "replace");
    PyObject* metadata = source ? Py_BuildValue("(iiN)", parser.last_statement_line, parser.last_statement_column, source) : nullptr;
    if (!metadata) PyErr_Clear();
    Py_XSETREF(reinterpret_cast<PySyntaxErrorObject*>(exception.get())->metadata, metadata);
  }
  PyErr_SetRaisedException(exception.release());
}

// The exception for a source that does not parse. `pending` is one that the tokenizer has raised (a warning made an error).
// True: more input is wanted.
static bool explain(Parser& parser, const Tokenizer& tokenizer, Ref<>& pending) {
  const ParseOptions& options = parser.options;
  if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_SyntaxError)) return false;
  // At a prompt an empty line ends what is typed, except in a string or parentheses.
  const bool ended = options.at_prompt && !options.more_may_come && !parser.stopped();
  if ((options.flags & PyCF_ALLOW_INCOMPLETE_INPUT) && !ended && parser.at_end_of_source()) {
    raise_incomplete(parser);
    return true;
  }
  if (!parser.stopped() && !PyErr_Occurred()) parser.find_error();
  if (parser.stopped()) {
    // The tokenizer could not go on where the parser needed more.
    PyErr_Clear();
    if (pending) PyErr_SetRaisedException(pending.release());
    else if (tokenizer.unclosed()) raise_unclosed(parser);
    else raise_tokenizer_error(tokenizer, options, parser.source, parser.source_end, parser.tokens.size() == 1);
    return false;
  }
  if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_SyntaxError) && !parser.sees_end_of_source() &&
      parser.tokens[parser.tokens.size() - 1].kind == TokenKind::Error) {
    // An error of the tokenizer further on is reported rather than one of the parser, unless it is in an f-string; and a
    // parenthesis that stays open explains an error on a later line.
    const bool late = tokenizer.unclosed() || tokenizer.error().late();
    if (parser.unexpected_block || options.at_prompt || (tokenizer.in_string() && !pending)) return false;
    if (pending || !late) {
      PyErr_Clear();
      if (pending) PyErr_SetRaisedException(pending.release());
      else raise_tokenizer_error(tokenizer, options, parser.source, parser.source_end, parser.tokens.size() == 1);
    } else if (tokenizer.level() > 0 && parser.tokens[parser.furthest].line > tokenizer.innermost().line) {
      raise_unclosed(parser);
    }
  }
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "the parser failed without an error");
  return false;
}

// Is there anything but space and comments?
static bool more_than_space(const char* at, const char* end) {
  while (at < end) {
    if (*at == '#') {
      while (at < end && *at != '\n') ++at;
    } else if (strchr(" \t\n\f", *at++) == nullptr) {
      return true;
    }
  }
  return false;
}

Module* parse(const char* source, Py_ssize_t size, const ParseOptions& given, Arena& arena) {
  ParseOptions options = given;
  Ref<> default_name;
  if (!options.filename) {
    default_name = steal(PyUnicode_FromString("<string>"));
    if (!default_name) return nullptr;
    options.filename = default_name;
  }
  Source read;
  if (!read_source(source, size, options, read)) return nullptr;
  const char* begin = read.text.begin();
  const char* end = begin + read.text.size() - 1;
  if (read.encoding) {
    options.encoding = PyUnicode_AsUTF8(read.encoding);
    if (!options.encoding) return nullptr;
  }

  Tokenizer tokenizer(begin, end - begin,
                      {.filename = options.filename, .type_comments = (options.flags & PyCF_TYPE_COMMENTS) != 0,
                       .interactive_end = options.start == Py_single_input,
                       .cut_off = read.stop.get() != nullptr});
  GrowingArray<Token> tokens;
  GrowingArray<TypeIgnore> ignores;
  if (!tokenize(tokenizer, options, end, arena, tokens, ignores)) return nullptr;
  Ref<> pending = steal(PyErr_GetRaisedException());
  if (read.stop && tokenizer.at_cut()) pending = std::move(read.stop);
  if (options.start != Py_file_input && options.start != Py_single_input && begin < end) drop_last_line_end(tokens, end);
  Parser parser(arena, options, tokens);
  parser.source = begin;
  parser.source_end = end;
  parser.tokenizer = &tokenizer;
  for (const TypeIgnore& ignore : ignores)
    if (parser.type_ignores.append(ignore) != Status::Ok) return nullptr;
  Module* result = parser.module();
  if (result) {
    if (options.start == Py_single_input && parser.at > 0 && more_than_space(parser.tokens[parser.at - 1].end, end))
      return parser.error_last(PyExc_SyntaxError, "multiple statements found while compiling a single statement");
    return result;
  }
  if (!explain(parser, tokenizer, pending)) add_metadata(parser);
  return nullptr;
}

// The last line, or the only one, has nothing in it.
static bool ends_in_empty_line(const char* text, Py_ssize_t size) {
  if (size == 0 || text[size - 1] != '\n') return false;
  Py_ssize_t at = size - 1;
  while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t')) --at;
  return at == 0 || text[at - 1] == '\n';
}

// The tree of a line without code at a prompt.
static Module* nothing_to_do(Arena& arena) {
  auto* result = arena.make_plain<Module>();
  auto* pass = arena.make<Pass>(Position{1, 0, 1, 0});
  if (!result || !pass) return nullptr;
  result->kind = ModuleKind::Interactive;
  result->body = arena.sequence<Statement*>(1);
  if (result->body.length < 0) return nullptr;
  result->body.items[0] = pass;
  return result;
}

Module* parse_interactive(FILE* file, const char* encoding, const char* ps1, const char* ps2, const ParseOptions& options,
                          bool* end_of_file, Ref<>* read, Arena& arena) {
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
    if (length == 0) PySys_WriteStderr("\n");
    if (length == 0 && text.empty()) {
      PyMem_Free(line);
      *end_of_file = true;
      return nullptr;
    }
    bool good = true;
    for (size_t i = 0; i < length && good; ++i) good = text.append(line[i]) == Status::Ok;
    if (good && length > 0 && line[length - 1] != '\n') {
      // The input ends within a line: as in the reference, more is asked for in vain.
      char* rest = PyOS_Readline(file, stdout, ps2 ? ps2 : "");
      PyMem_Free(rest);
      PySys_WriteStderr("\n");
      good = text.append('\n') == Status::Ok;
    }
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
    *read = steal(PyUnicode_DecodeUTF8(source, size, "replace"));
    if (!*read) return nullptr;
    if (prompt == ps1 && !more_than_space(source, source + size)) return nothing_to_do(arena);
    ParseOptions one = options;
    one.start = Py_single_input;
    one.flags |= PyCF_IGNORE_COOKIE;
    if (length > 0) one.flags |= PyCF_ALLOW_INCOMPLETE_INPUT;  // else there is no more
    one.at_prompt = true;
    one.more_may_come = length > 0 && !ends_in_empty_line(source, size);
    if (Module* tree = parse(source, size, one, arena)) return tree;
    extern PyTypeObject incomplete_type __asm__("_PyExc_IncompleteInputError");
    if (length == 0 || !PyErr_ExceptionMatches(reinterpret_cast<PyObject*>(&incomplete_type))) return nullptr;
    PyErr_Clear();
    prompt = ps2;
  }
}

}  // namespace ks::syntax
