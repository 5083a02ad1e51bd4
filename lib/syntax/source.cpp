// Decoding of source text.
#include "syntax/source.h"

#include "object/identifier.h"
#include "text/source_encoding.h"

namespace ks::syntax {
namespace {

constexpr char kMark[] = "\xef\xbb\xbf";
constexpr Py_ssize_t kMarkSize = 3;

// A line of undecoded text, for messages.
Ref<> shown_line(const char* begin, const char* end) { return steal(PyUnicode_DecodeUTF8(begin, end - begin, "replace")); }

const char* end_of_line(const char* at, const char* end) {
  while (at < end && *at != '\n' && *at != '\r') ++at;
  return at;
}

// Strings have no name for the reference's tokenizer: it is set on the exception when that has been made.
bool raise_at(const ParseOptions& options, PyObject* message, int line, Py_ssize_t offset, PyObject* text, Py_ssize_t end_offset) {
  if (!message || !text) return false;
  PyObject* name = options.from_file ? options.filename : Py_None;
  Ref<> args = steal(Py_BuildValue("(O(OinOin))", message, name, line, offset, text, line, end_offset));
  if (!args) return false;
  PyErr_SetObject(PyExc_SyntaxError, args);
  if (options.from_file) return false;
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (PyObject_SetAttr(exception, "filename"_id, options.filename) < 0) PyErr_Clear();
  PyErr_SetRaisedException(exception.release());
  return false;
}

// What a codec has raised, as SyntaxError that belongs to no line.
bool undecodable(const ParseOptions& options) {
  if (!PyErr_ExceptionMatches(PyExc_LookupError) && !PyErr_ExceptionMatches(PyExc_ValueError)) return false;
  Ref<> exception = steal(PyErr_GetRaisedException());
  Ref<> message = steal(PyObject_Str(exception));
  Ref<> args = message ? steal(Py_BuildValue("(O(OiiO))", message.get(), options.filename, 0, -1, Py_None)) : nullptr;
  if (args) PyErr_SetObject(PyExc_SyntaxError, args);
  return false;
}

bool append_lines(GrowingArray<char>& text, const char* source, Py_ssize_t size) {
  for (Py_ssize_t i = 0; i < size; ++i) {
    char c = source[i];
    if (c == '\r') {
      c = '\n';
      if (i + 1 < size && source[i + 1] == '\n') ++i;
    }
    if (is_failure(text.append(c))) return false;
  }
  return true;
}

bool end_last_line(GrowingArray<char>& text, const ParseOptions& options) {
  return options.start != Py_file_input || text.empty() || text.back() == '\n' || !is_failure(text.append('\n'));
}

// Where UTF-8 ends to be valid; `size` if it is all good. *why gets the codec's exception.
Py_ssize_t first_bad_byte(const char* text, Py_ssize_t size, Ref<>* why) {
  Py_ssize_t i = 0;
  while (i < size && static_cast<unsigned char>(text[i]) < 128) ++i;
  if (i == size) return size;
  Ref<> decoded = steal(PyUnicode_DecodeUTF8(text, size, nullptr));
  if (decoded) return size;
  *why = steal(PyErr_GetRaisedException());
  Py_ssize_t start = -1;
  if (PyErr_GivenExceptionMatches(*why, PyExc_UnicodeDecodeError) && PyUnicodeDecodeError_GetStart(*why, &start) == 0) return start;
  PyErr_Clear();
  return -1;
}

struct Line {
  const char* begin;
  const char* end;
  int number;
};
Line line_around(const char* text, Py_ssize_t size, const char* place) {
  Line line{text, nullptr, 1};
  for (const char* at = text; at < place; ++at)
    if (*at == '\n') line.begin = at + 1, ++line.number;
  line.end = end_of_line(place, text + size);
  return line;
}

bool raise_undeclared(const ParseOptions& options, const Line& line, const char* place) {
  const unsigned byte = static_cast<unsigned char>(*place);
  Ref<> where = steal(options.from_file ? PyUnicode_FromFormat(" in file %V", options.filename, "(unknown)") : PyUnicode_FromString(""));
  if (!where) return false;
  Ref<> message = steal(PyUnicode_FromFormat("Non-UTF-8 code starting with '\\x%.2x'%U on line %i, but no encoding declared; see "
                                             "https://peps.python.org/pep-0263/ for details",
                                             byte, where.get(), line.number));
  Ref<> text = shown_line(line.begin, line.end);
  Ref<> before = shown_line(line.begin, place);
  if (!before) return false;
  const Py_ssize_t offset = PyUnicode_GET_LENGTH(before.get()) + 1;
  return raise_at(options, message, line.number, offset, text, offset);
}

// A declared encoding that does not go with a byte order mark.
bool raise_mark_problem(const ParseOptions& options, const char* text, Py_ssize_t size, PyObject* encoding, int number) {
  const char* end = text + size;
  const char* begin = text;
  if (number == 2) {
    begin = end_of_line(text, end);
    begin += begin + 1 < end && begin[0] == '\r' && begin[1] == '\n' ? 2 : 1;
  }
  const char* stop = end_of_line(begin, end);
  Ref<> message = steal(PyUnicode_FromFormat("encoding problem: %U with BOM", encoding));
  Ref<> line = shown_line(begin, stop);
  return raise_at(options, message, number, 0, line, (stop - begin) + (options.from_file ? 1 : 0));
}

// The text of a stream that a codec decodes; the reference opens the file at the end of the cookie's line.
Ref<> decode_stream(const char* text, Py_ssize_t size, const char* encoding, int cookie_line) {
  const char* end = text + size;
  const char* head_end = text;
  for (int line = 1;; ++line) {
    head_end = end_of_line(head_end, end);
    if (line == cookie_line || head_end == end) break;
    head_end += head_end + 1 < end && head_end[0] == '\r' && head_end[1] == '\n' ? 2 : 1;
  }
  Ref<> io = TRY(steal(PyImport_ImportModule("_io")));
  Ref<> bytes = TRY(steal(PyObject_CallMethod(io, "BytesIO", "y#", head_end, end - head_end)));
  Ref<> stream = TRY(steal(PyObject_CallMethod(io, "TextIOWrapper", "Os", bytes.get(), encoding)));
  Ref<> rest = TRY(steal(PyObject_CallMethod(stream, "read", nullptr)));
  if (!PyUnicode_Check(rest.get())) return raise(PyExc_TypeError, "decoder returned %T", rest.get());
  Ref<> head = TRY(steal(PyUnicode_Decode(text, head_end - text, encoding, nullptr)));
  return steal(PyUnicode_Concat(head, rest));
}

// Cuts the text before the line in which `place` lies; the exception that is set comes when the tokenizer is there.
bool stop_before(Source& source, const Line& line) {
  source.stop = steal(PyErr_GetRaisedException());
  const Py_ssize_t keep = line.begin - source.text.begin();
  source.text.shrink(keep);
  return source.stop && !is_failure(source.text.append('\0'));
}

// What is wrong with UTF-8 text: bytes, and null characters in files.
bool check_text(const ParseOptions& options, Source& source, bool declared) {
  const char* text = source.text.begin();
  const Py_ssize_t size = source.text.size();
  Ref<> why;
  Py_ssize_t bad = size ? first_bad_byte(text, size, &why) : 0;
  if (bad < 0) return false;
  const char* null = size ? static_cast<const char*>(memchr(text, '\0', static_cast<size_t>(size))) : nullptr;
  if (null && null - text < bad) {
    const Line line = line_around(text, size, null);
    Ref<> message = steal(PyUnicode_FromString("source code cannot contain null bytes"));
    Ref<> shown = shown_line(line.begin, null);
    raise_at(options, message, line.number, 0, shown, 0);
    return options.from_file && stop_before(source, line);
  }
  if (bad == size) return !is_failure(source.text.append('\0'));
  const Line line = line_around(text, size, text + bad);
  if (options.from_file && declared) {
    Ref<> whole = steal(PyUnicode_DecodeUTF8(line.begin, line.end - line.begin + (line.end < text + size), nullptr));
    Ref<> exception = steal(PyErr_GetRaisedException());
    Ref<> description = exception ? steal(PyObject_Str(exception)) : nullptr;
    if (!description) return false;
    Ref<> message = steal(PyUnicode_FromFormat("(unicode error) %U", description.get()));
    Ref<> shown = shown_line(line.begin, line.end);
    raise_at(options, message, line.number, 0, shown, -1);
  } else {
    raise_undeclared(options, line, text + bad);
  }
  return options.from_file && stop_before(source, line);
}

}  // namespace

bool read_source(const char* given, Py_ssize_t size, const ParseOptions& options, Source& source) {
  bool declared = false;
  Ref<> decoded;
  if (!(options.flags & PyCF_IGNORE_COOKIE)) {
    const bool mark = size >= kMarkSize && memcmp(given, kMark, kMarkSize) == 0;
    if (mark) given += kMarkSize, size -= kMarkSize;
    int line = 0;
    Ref<> name;
    const Found cookie = find_source_encoding(given, size, &name, &line);
    if (is_failure(cookie)) return false;
    const bool is_utf8 = !name || PyUnicode_EqualToUTF8(name, "utf-8");
    if (mark && !is_utf8) return raise_mark_problem(options, given, size, name, line);
    declared = mark || cookie == Found::Yes;
    if (!is_utf8) {
      const char* encoding = PyUnicode_AsUTF8(name);
      if (!encoding) return false;
      if (options.from_file) {
        decoded = decode_stream(given, size, encoding, line);
      } else {
        // Line ends are made \n first, and the last one is there: positions in messages count them.
        GrowingArray<char> lines;
        if (!append_lines(lines, given, size)) return false;
        if (!end_last_line(lines, options)) return false;
        decoded = steal(PyUnicode_Decode(lines.begin(), lines.size(), encoding, nullptr));
      }
      if (!decoded) return undecodable(options);
      Py_ssize_t length;
      given = PyUnicode_AsUTF8AndSize(decoded, &length);
      if (!given) return undecodable(options);
      size = options.from_file ? length : static_cast<Py_ssize_t>(strlen(given));
    }
    source.encoding = name ? std::move(name) : mark ? steal(PyUnicode_FromString("utf-8")) : nullptr;
  }
  if (!append_lines(source.text, given, size)) return false;
  if (!end_last_line(source.text, options)) return false;
  if (options.flags & PyCF_IGNORE_COOKIE) return !is_failure(source.text.append('\0'));
  return check_text(options, source, declared);
}

}  // namespace ks::syntax
