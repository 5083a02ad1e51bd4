// The _tokenize module: the tokenizer for the tokenize module, a token at a time as tuples.
//
// The source is read from `readline` to its end when the first token is asked for.
#include "modules/module.h"
#include "syntax/token.h"
#include "syntax/tokenizer.h"

namespace ks {

using syntax::GrowingArray;
using syntax::Token;
using syntax::TokenKind;

namespace {

struct TokenizerIterator {
  PyObject_HEAD
  PyObject* readline;
  PyObject* encoding;  // str or nullptr
  bool extra_tokens;
  bool started, done;
  int last_line;       // in which a statement ended
  bool made_up_end;    // the last line has no line end, but gets one
  PyObject* lines;     // list of str, each with its own line end
  char* text;          // UTF-8, line ends \n
  Py_ssize_t size;
  syntax::Tokenizer* tokenizer;
};

TokenizerIterator* self_of(PyObject* object) { return as<TokenizerIterator>(object); }

PyObject* iterator_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static constexpr char name[] = "tokenizeriter";
  static constexpr Signature signature = read_signature(name, "(readline, /, *, encoding=None, extra_tokens=False)");
  PyObject* values[3] = {};
  TRY(bind_tuple(signature, args, kwargs, values));
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  self_of(self)->readline = Py_NewRef(values[0]);
  if (values[1] && values[1] != Py_None) {
    if (!PyUnicode_Check(values[1])) return raise_bad_argument(signature, 1, "str", values[1]);
    self_of(self)->encoding = Py_NewRef(values[1]);
  }
  if (values[2]) self_of(self)->extra_tokens = TRY(found(PyObject_IsTrue(values[2])));
  return self.release();
}

int iterator_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(self_of(o)->readline);
  Py_VISIT(self_of(o)->lines);
  return 0;
}
int iterator_clear(PyObject* o) {
  Py_CLEAR(self_of(o)->readline);
  Py_CLEAR(self_of(o)->lines);
  return 0;
}
void iterator_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  iterator_clear(o);
  Py_CLEAR(self_of(o)->encoding);
  delete self_of(o)->tokenizer;
  PyMem_RawFree(self_of(o)->text);
  type->tp_free(o);
  Ref<> held = Ref<>::steal(object(type));
}

// One line from readline() as str; empty at the end.
Ref<> next_line(TokenizerIterator* self) {
  Ref<> line = steal(PyObject_CallNoArgs(self->readline));
  if (!line) {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return nullptr;
    PyErr_Clear();
    return steal(PyUnicode_FromStringAndSize("", 0));
  }
  if (!self->encoding) {
    if (!PyUnicode_Check(line.get()))
      return raise(PyExc_TypeError, "readline() returned a non-string object");
    return line;
  }
  if (!PyBytes_Check(line.get())) return raise(PyExc_TypeError, "readline() returned a non-bytes object");
  const char* encoding = TRY(PyUnicode_AsUTF8(self->encoding));
  return steal(PyUnicode_Decode(PyBytes_AS_STRING(line.get()), PyBytes_GET_SIZE(line.get()), encoding, nullptr));
}

Status start(TokenizerIterator* self) {
  self->started = true;
  self->lines = TRY(PyList_New(0));
  GrowingArray<char> text;
  for (;;) {
    Ref<> line = TRY(next_line(self));
    if (PyUnicode_GET_LENGTH(line.get()) == 0) break;
    TRY(PyList_Append(self->lines, line));
    Py_ssize_t size;
    const char* utf8 = TRY(PyUnicode_AsUTF8AndSize(line, &size));
    for (Py_ssize_t i = 0; i < size; ++i) {
      if (utf8[i] == '\r' && i + 1 < size && utf8[i + 1] == '\n') continue;
      if (utf8[i] == '\0') {
        const Py_ssize_t number = PyList_GET_SIZE(self->lines);
        Ref<> shown = TRY(steal(PyUnicode_DecodeUTF8(utf8, i, "replace")));
        Ref<> args = TRY(steal(Py_BuildValue("(s(sniOni))", "source code cannot contain null bytes", "<string>", number, 0, shown.get(), number, 0)));
        PyErr_SetObject(PyExc_SyntaxError, args);
        return failed;
      }
      TRY(text.append(utf8[i] == '\r' ? '\n' : utf8[i]));
    }
  }
  if (text.size() > 0 && text.back() != '\n') {
    TRY(text.append('\n'));
    self->made_up_end = true;
  }
  self->size = text.size();
  TRY(text.append('\0'));
  self->text = static_cast<char*>(PyMem_RawMalloc(static_cast<size_t>(text.size())));
  if (!self->text) {
    PyErr_NoMemory();
    return failed;
  }
  memcpy(self->text, text.begin(), static_cast<size_t>(text.size()));
  self->tokenizer = new syntax::Tokenizer(self->text, self->size, {.extra_tokens = self->extra_tokens, .silent = true});
  return Status::Ok;
}

Py_ssize_t characters(const char* from, const char* to) {
  Py_ssize_t count = 0;
  for (; from < to; ++from) count += (static_cast<unsigned char>(*from) & 0xc0) != 0x80;
  return count;
}

const char* line_begin(const char* text, const char* at) {
  while (at > text && at[-1] != '\n') --at;
  return at;
}

// Line `number` as it was read; empty beyond the end.
Ref<> line_text(TokenizerIterator* self, int number) {
  if (number < 1 || number > PyList_GET_SIZE(self->lines)) return steal(PyUnicode_FromStringAndSize("", 0));
  return borrow(PyList_GET_ITEM(self->lines, number - 1));
}
bool has_crlf(TokenizerIterator* self, int number) {
  if (number < 1 || number > PyList_GET_SIZE(self->lines)) return false;
  PyObject* line = PyList_GET_ITEM(self->lines, number - 1);
  const Py_ssize_t length = PyUnicode_GET_LENGTH(line);
  return length >= 2 && PyUnicode_READ_CHAR(line, length - 2) == '\r' && PyUnicode_READ_CHAR(line, length - 1) == '\n';
}

Status raise_error(TokenizerIterator* self) {
  self->done = true;
  if (PyErr_Occurred()) return failed;
  const syntax::Tokenizer& tokenizer = *self->tokenizer;
  const syntax::TokenizerError& error = tokenizer.error();
  if (tokenizer.unclosed() || (tokenizer.incomplete() && error.late()))
    return raise(PyExc_SyntaxError, "unexpected EOF in multi-line statement");
  if (!error.message) return raise(PyExc_SyntaxError, "unknown tokenization error");
  Ref<> line = TRY(line_text(self, error.line));
  const Py_ssize_t length = PyUnicode_GET_LENGTH(line.get());
  if (length && PyUnicode_READ_CHAR(line.get(), length - 1) == '\n') line = TRY(steal(PyUnicode_Substring(line, 0, length - 1)));
  Ref<> args;
  if (error.late()) {
    // Of these only the line is known; the offset is its length with the line end.
    args = steal(Py_BuildValue("(O(sinOOO))", error.message, "<string>", error.line, PyUnicode_GET_LENGTH(line.get()) + 1, line.get(), Py_None,
                               Py_None));
  } else {
    const Py_ssize_t offset = error.column < 0 ? -1 : characters(error.line_start, error.line_start + error.column) + 1;
    const Py_ssize_t end_offset = error.end_column < 0 ? offset : characters(error.line_start, error.line_start + error.end_column) + 1;
    args = steal(Py_BuildValue("(O(sinOin))", error.message, "<string>", error.line, offset, line.get(), error.line, end_offset));
  }
  if (!args) return failed;
  PyErr_SetObject(error.type, args);
  return failed;
}

PyObject* iterator_next(PyObject* o) {
  TokenizerIterator* self = self_of(o);
  if (self->done) return nullptr;
  if (!self->started) TRY(start(self));
  const Token token = self->tokenizer->next();
  if (token.kind == TokenKind::Error) {
    (void)raise_error(self);
    return nullptr;
  }
  TokenKind kind = token.kind;
  if (kind == TokenKind::EndMarker) self->done = true;
  if (kind == TokenKind::EndMarker && self->size == 0 && !self->extra_tokens) return nullptr;
  const char* start_line = token.start - token.column;
  Py_ssize_t column = characters(start_line, token.start);
  Py_ssize_t end_column = token.end_line == token.line ? column + characters(token.start, token.end)
                                                       : characters(line_begin(self->text, token.end), token.end);
  int line = token.line, end_line = token.end_line;
  Ref<> text = TRY(steal(PyUnicode_DecodeUTF8(token.start, token.end - token.start, "replace")));
  const bool is_operator = kind >= TokenKind::LeftParenthesis && kind <= TokenKind::Operator;
  if (self->extra_tokens) {
    if (is_operator) kind = TokenKind::Operator;
    if (kind == TokenKind::NewLine || kind == TokenKind::BlankNewLine) {
      // The line end as it was written; none where the last line has none.
      const bool missing = self->made_up_end && token.start == self->text + self->size - 1;
      const bool crlf = has_crlf(self, line);
      text = TRY(steal(PyUnicode_FromString(missing ? "" : crlf ? "\r\n" : "\n")));
      end_line = line;
      end_column = column + (crlf ? 2 : 1);
    } else if (kind == TokenKind::EndMarker || kind == TokenKind::Dedent) {
      if (kind == TokenKind::EndMarker || token.start >= self->text + self->size) {
        // At the end: on a line of its own.
        line = end_line = static_cast<int>(PyList_GET_SIZE(self->lines)) + 1;
        column = end_column = 0;
      }
      text = TRY(steal(PyUnicode_FromStringAndSize("", 0)));
    }
  } else if (kind == TokenKind::NewLine) {
    // A comment before it belongs to it, and so does the first half of a long line end.
    const bool crlf = has_crlf(self, line);
    text = TRY(steal(PyUnicode_DecodeUTF8(token.start, token.end - token.start - 1, "replace")));
    if (crlf) text = TRY(steal(PyUnicode_FromFormat("%U\r", text.get())));
    end_column = column + PyUnicode_GET_LENGTH(text.get());
    end_line = self->last_line = line;
  } else if (kind == TokenKind::EndMarker || kind == TokenKind::Indent || kind == TokenKind::Dedent) {
    text = TRY(steal(PyUnicode_FromStringAndSize("", 0)));
    column = end_column = -1;
    const auto last = static_cast<int>(PyList_GET_SIZE(self->lines));
    if (kind != TokenKind::Indent && token.start >= self->text + self->size) {
      line = end_line = last;
      // Behind lines without code there is no line to show.
      if (self->last_line != last)
        return Py_BuildValue("(iO(in)(in)s)", static_cast<int>(kind), text.get(), line, column, end_line, end_column, "");
    }
  }
  Ref<> shown = TRY(line_text(self, line));
  if (end_line > line) {
    for (int next = line + 1; next <= end_line; ++next) {
      Ref<> more = TRY(line_text(self, next));
      shown = TRY(steal(PyUnicode_Concat(shown, more)));
    }
  }
  if (end_line > line && kind != TokenKind::NewLine) {
    // With the line ends as they were written.
    Ref<> last = TRY(line_text(self, end_line));
    text = TRY(steal(PyUnicode_Substring(shown, column, PyUnicode_GET_LENGTH(shown.get()) - PyUnicode_GET_LENGTH(last.get()) + end_column)));
  }
  return Py_BuildValue("(iO(in)(in)O)", static_cast<int>(kind), text.get(), line, column, end_line, end_column, shown.get());
}

PyType_Slot iterator_slots[] = {{Py_tp_new, reinterpret_cast<void*>(iterator_new)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(iterator_dealloc)},
                                {Py_tp_traverse, reinterpret_cast<void*>(iterator_traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(iterator_clear)},
                                {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                                {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                {Py_tp_iternext, reinterpret_cast<void*>(iterator_next)},
                                {0, nullptr}};
PyType_Spec iterator_spec = {"_tokenize.TokenizerIter", sizeof(TokenizerIterator), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC, iterator_slots};

int tokenize_exec(PyObject* module) {
  Ref<> type = TRY(steal(PyType_FromModuleAndSpec(module, &iterator_spec, nullptr)));
  return PyModule_AddType(module, as<PyTypeObject>(type.get()));
}
MODULE_SLOTS(tokenize_slots, tokenize_exec);
PyModuleDef tokenize_module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_tokenize", .m_slots = tokenize_slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__tokenize() { return PyModuleDef_Init(&ks::tokenize_module); }
