// Errors and warnings of the compiler, with their place in the source.
#pragma once

#include <Python.h>

#include "object/result.h"
#include "syntax/ast.h"

namespace ks::compiler {

// SyntaxError; the format is that of PyErr_Format.
Failed syntax_error(PyObject* filename, const syntax::Position& at, const char* format, ...);
// The same from the passes over names: there the place is set on the instance, and args hold the message alone.
Failed scope_error(PyObject* filename, const syntax::Position& at, const char* format, ...);
// SyntaxWarning, which becomes a SyntaxError at that place where warnings are errors.
Status syntax_warning(PyObject* filename, const syntax::Position& at, const char* format, ...);

// Counts the nesting of the tree against the recursion limit, as the reference does.
class Nesting {
 public:
  Nesting() : entered_(Py_EnterRecursiveCall(" during compilation") == 0) {}
  ~Nesting() {
    if (entered_) Py_LeaveRecursiveCall();
  }
  explicit operator bool() const { return entered_; }

 private:
  bool entered_;
};

}  // namespace ks::compiler
