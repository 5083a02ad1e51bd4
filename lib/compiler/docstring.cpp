// Docstrings lose the indentation that the source gives them.
#include <climits>

#include "compiler/codegen.h"
#include "object/identifier.h"
#include "syntax/token.h"

namespace ks::compiler {

// The first line without leading spaces, the others without the indentation that all of them with text have.
Ref<> clean_docstring(PyObject* docstring) {
  Ref<> expanded = TRY(steal(PyObject_CallMethodNoArgs(docstring, "expandtabs"_id)));
  Py_ssize_t size;
  const char* text = TRY(PyUnicode_AsUTF8AndSize(expanded, &size));
  const char* end = text + size;
  const char* first = text;
  while (first < end && *first == ' ') ++first;
  Py_ssize_t margin = PY_SSIZE_T_MAX;
  for (const char* p = first; p < end;) {
    p = static_cast<const char*>(memchr(p, '\n', static_cast<size_t>(end - p)));
    if (!p) break;
    const char* start = ++p;
    while (p < end && *p == ' ') ++p;
    if (p < end && *p != '\n' && p - start < margin) margin = p - start;
  }
  if (margin == PY_SSIZE_T_MAX) margin = 0;
  if (first == text && margin == 0) return expanded;
  syntax::GrowingArray<char> cleaned;
  for (const char* p = first; p < end;) {
    if (p != first)
      for (Py_ssize_t i = 0; i < margin && p < end && *p == ' '; ++i) ++p;
    while (p < end) {
      TRY(cleaned.append(*p));
      if (*p++ == '\n') break;
    }
  }
  return steal(PyUnicode_FromStringAndSize(cleaned.begin() ? cleaned.begin() : "", cleaned.size()));
}

}  // namespace ks::compiler
