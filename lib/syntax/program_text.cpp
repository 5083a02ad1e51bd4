// Lines of source files, read back for messages.
#include <Python.h>

#include <cstdio>
#include <cstring>

#include "object/export.h"
#include "object/result.h"
#include "text/source_encoding.h"

namespace ks {
namespace {

// Line `line` of an open file as bytes with its line end; empty Ref without error when the file is shorter.
Ref<> read_line(FILE* file, int line) {
  char* buffer = nullptr;
  size_t capacity = 0;
  Ref<> result;
  ssize_t size = -1;
  for (int i = 0; i < line; ++i)
    if ((size = getline(&buffer, &capacity, file)) < 0) break;
  if (size >= 0) result = steal(PyBytes_FromStringAndSize(buffer, size));
  free(buffer);
  return result;
}

// What the file declares; the file is at its start again.
Status encoding_of(FILE* file, Ref<>* encoding) {
  char* buffer = nullptr;
  size_t capacity = 0;
  Ref<> head = steal(PyByteArray_FromStringAndSize(nullptr, 0));
  for (int i = 0; i < 2 && head; ++i) {
    const ssize_t size = getline(&buffer, &capacity, file);
    if (size < 0) break;
    Ref<> line = steal(PyBytes_FromStringAndSize(buffer, size));
    head = line ? steal(PySequence_InPlaceConcat(head, line)) : nullptr;
  }
  free(buffer);
  rewind(file);
  if (!head) return failed;
  const char* data = PyByteArray_AS_STRING(head.get());
  Py_ssize_t size = PyByteArray_GET_SIZE(head.get());
  if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) data += 3, size -= 3;
  int line;
  TRY(find_source_encoding(data, size, encoding, &line));
  return Status::Ok;
}

Ref<> program_text(PyObject* path, int line, const char* encoding, bool find_encoding) {
  if (!path || line <= 0) return nullptr;
  Ref<> bytes_path;
  if (!PyUnicode_FSConverter(path, bytes_path.out())) return nullptr;
  FILE* file = fopen(PyBytes_AS_STRING(bytes_path.get()), "re");
  if (!file) return nullptr;
  Ref<> cookie;
  if (find_encoding && is_failure(encoding_of(file, &cookie))) PyErr_Clear();
  if (cookie) encoding = PyUnicode_AsUTF8(cookie);
  Ref<> text = read_line(file, line);
  fclose(file);
  if (!text) return nullptr;
  const char* data = PyBytes_AS_STRING(text.get());
  Py_ssize_t size = PyBytes_GET_SIZE(text.get());
  if (line == 1 && size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) data += 3, size -= 3;
  if (encoding && strcmp(encoding, "utf-8") == 0) encoding = nullptr;
  return steal(encoding ? PyUnicode_Decode(data, size, encoding, "replace") : PyUnicode_DecodeUTF8(data, size, "replace"));
}

}  // namespace
}  // namespace ks

using namespace ks;

// A line of a source file as a new str, for messages; NULL, perhaps without an exception, when it cannot be read.
PyObject* PyErr_ProgramTextObject(PyObject* filename, int line) {
  Ref<> text = program_text(filename, line, nullptr, true);
  if (!text) PyErr_Clear();
  return text.release();
}
// The same with the encoding given (NULL: UTF-8).
KS_EXPORT PyObject* _PyErr_ProgramDecodedTextObject(PyObject* filename, int line, const char* encoding) {
  Ref<> text = program_text(filename, line, encoding, false);
  if (!text) PyErr_Clear();
  return text.release();
}
PyObject* PyErr_ProgramText(const char* filename, int line) {
  Ref<> name = steal(PyUnicode_DecodeFSDefault(filename));
  if (!name) {
    PyErr_Clear();
    return nullptr;
  }
  return PyErr_ProgramTextObject(name, line);
}

