// Decoding of source text.
#include "syntax/source.h"

#include <cctype>

namespace ks::syntax {

static bool fail(const ParseOptions& options, int line, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Ref<> message = steal(PyUnicode_FromFormatV(format, arguments));
  va_end(arguments);
  if (!message) return false;
  Ref<> args = steal(Py_BuildValue("(O(OiiOii))", message.get(), options.filename, line, line ? 0 : 0, Py_None, line, 0));
  if (line == 0) args = steal(PyTuple_Pack(1, message.get()));
  if (args) PyErr_SetObject(PyExc_SyntaxError, args);
  return false;
}

// Normal form of the names that need no codec; others are left to the registry.
static void normalize(char* name) {
  char folded[16];
  int i = 0;
  for (; name[i] && i < 12; ++i) folded[i] = name[i] == '_' ? '-' : static_cast<char>(tolower(static_cast<unsigned char>(name[i])));
  folded[i] = '\0';
  if (strcmp(folded, "utf-8") == 0 || strncmp(folded, "utf-8-", 6) == 0) {
    strcpy(name, "utf-8");
    return;
  }
  for (const char* latin : {"latin-1", "iso-8859-1", "iso-latin-1"}) {
    const size_t length = strlen(latin);
    if (strncmp(folded, latin, length) == 0 && (folded[length] == '\0' || folded[length] == '-')) {
      strcpy(name, "iso-8859-1");
      return;
    }
  }
}

bool source_cookie(const char* source, Py_ssize_t size, char (&name)[64]) {
  const char* end = source + size;
  const char* line = source;
  for (int number = 0; number < 2 && line < end; ++number) {
    const char* stop = line;
    while (stop < end && *stop != '\n' && *stop != '\r') ++stop;
    const char* at = line;
    while (at < stop && (*at == ' ' || *at == '\t' || *at == '\f')) ++at;
    if (at < stop && *at != '#') return false;  // code: no cookie on a later line
    for (; at + 6 < stop; ++at) {
      if (memcmp(at, "coding", 6) != 0 || (at[6] != ':' && at[6] != '=')) continue;
      const char* begin = at + 7;
      while (begin < stop && (*begin == ' ' || *begin == '\t')) ++begin;
      const char* finish = begin;
      while (finish < stop && (isalnum(static_cast<unsigned char>(*finish)) || *finish == '-' || *finish == '_' || *finish == '.')) ++finish;
      if (finish == begin) continue;
      const size_t length = static_cast<size_t>(finish - begin) < sizeof name - 1 ? static_cast<size_t>(finish - begin) : sizeof name - 1;
      memcpy(name, begin, length);
      name[length] = '\0';
      normalize(name);
      return true;
    }
    if (stop < end && *stop == '\r' && stop + 1 < end && stop[1] == '\n') ++stop;
    line = stop + 1;
  }
  return false;
}

static Status append_lines(GrowingArray<char>& text, const char* source, Py_ssize_t size) {
  for (Py_ssize_t i = 0; i < size; ++i) {
    char c = source[i];
    if (c == '\r') {
      c = '\n';
      if (i + 1 < size && source[i + 1] == '\n') ++i;
    }
    TRY(text.append(c));
  }
  return Status::Ok;
}

bool read_source(const char* source, Py_ssize_t size, const ParseOptions& options, GrowingArray<char>& text) {
  if (memchr(source, '\0', static_cast<size_t>(size))) return fail(options, 0, "source code string cannot contain null bytes");
  Ref<> decoded, encoded;
  const bool is_utf8 = options.flags & (PyCF_IGNORE_COOKIE | PyCF_SOURCE_IS_UTF8);
  if (!is_utf8) {
    const bool mark = size >= 3 && memcmp(source, "\xef\xbb\xbf", 3) == 0;
    if (mark) source += 3, size -= 3;
    char name[64] = "utf-8";
    const bool cookie = source_cookie(source, size, name);
    if (mark && cookie && strcmp(name, "utf-8") != 0) return fail(options, 0, "encoding problem: %s with BOM", name);
    if (strcmp(name, "utf-8") != 0) {
      decoded = steal(PyUnicode_Decode(source, size, name, nullptr));
      if (!decoded) {
        if (PyErr_ExceptionMatches(PyExc_LookupError)) {
          PyErr_Clear();
          return fail(options, 0, "unknown encoding: %s", name);
        }
        if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) return false;
      } else {
        encoded = steal(PyUnicode_AsUTF8String(decoded));
        if (!encoded) return false;
        source = PyBytes_AS_STRING(encoded.get());
        size = PyBytes_GET_SIZE(encoded.get());
      }
    } else {
      decoded = steal(PyUnicode_DecodeUTF8(source, size, nullptr));
    }
    if (!decoded) {
      if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) return false;
      Ref<> exception = steal(PyErr_GetRaisedException());
      Ref<> shown = steal(PyObject_Str(exception));
      if (!shown) return false;
      return fail(options, 0, "(unicode error) %U", shown.get());
    }
  } else if (size >= 3 && memcmp(source, "\xef\xbb\xbf", 3) == 0 && !(options.flags & PyCF_IGNORE_COOKIE)) {
    source += 3, size -= 3;
  }
  if (append_lines(text, source, size) != Status::Ok) return false;
  if (text.size() > 0 && text.back() != '\n' && options.start != Py_eval_input) {
    if (text.append('\n') != Status::Ok) return false;
  }
  return text.append('\0') == Status::Ok;
}

}  // namespace ks::syntax
