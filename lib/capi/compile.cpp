// Py_CompileString and its kin: source text to code object or tree.
#include <Python.h>

#include <cstring>

#include "compiler/compile.h"
#include "object/export.h"
#include "syntax/parser.h"

#undef Py_CompileString
#undef Py_CompileStringFlags

using namespace ks;

extern "C" {

// New reference: a code object, or with PyCF_ONLY_AST a tree; nullptr with SyntaxError and others.
KS_EXPORT PyObject* Py_CompileStringObject(const char* source, PyObject* filename, int start, PyCompilerFlags* flags, int optimize) {
  const int bits = flags ? flags->cf_flags : 0;
  syntax::ParseOptions options{.filename = filename, .start = start, .flags = bits};
  if (flags && (bits & PyCF_ONLY_AST)) options.feature_version = flags->cf_feature_version;
  return compiler::compile_text(source, static_cast<Py_ssize_t>(strlen(source)), options, optimize).release();
}

// New reference, or nullptr with an exception; the file's name is in the file system's encoding.
KS_EXPORT PyObject* Py_CompileStringExFlags(const char* source, const char* filename, int start, PyCompilerFlags* flags, int optimize) {
  Ref<> name = steal(PyUnicode_DecodeFSDefault(filename));
  return name ? Py_CompileStringObject(source, name, start, flags, optimize) : nullptr;
}

KS_EXPORT PyObject* Py_CompileStringFlags(const char* source, const char* filename, int start, PyCompilerFlags* flags) {
  return Py_CompileStringExFlags(source, filename, start, flags, -1);
}

KS_EXPORT PyObject* Py_CompileString(const char* source, const char* filename, int start) {
  return Py_CompileStringFlags(source, filename, start, nullptr);
}

}  // extern "C"
