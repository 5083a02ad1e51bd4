// Syntax tree to code object.
#pragma once

#include <Python.h>

#include <memory>

#include "object/result.h"
#include "syntax/parser.h"

namespace ks::compiler {

struct CompileOptions {
  PyObject* filename = nullptr;  // borrowed str
  int flags = 0;                 // PyCF_* and CO_FUTURE_*
  int optimize = -1;             // -1: the interpreter's own level
};

// The code object of a tree; nullptr with an exception set.
Ref<PyCodeObject> compile_tree(syntax::Module* tree, const CompileOptions& options, syntax::Arena& arena);

// Source text (see syntax::parse) to a code object, or with PyCF_ONLY_AST to a tree's object.
Ref<> compile_text(const char* source, Py_ssize_t size, const syntax::ParseOptions& options, int optimize);

struct InstructionSequence;
// The module's instructions before they are optimised, those of its functions with them, and {"argcount": ..., "consts": ...}.
Ref<> generate_only(syntax::Module* tree, const CompileOptions& options, syntax::Arena& arena, std::unique_ptr<InstructionSequence>* code);

// The tree as PyCF_OPTIMIZED_AST shows it; with `check_only` it stays as it is, and only warnings come.
Status preprocess_tree(syntax::Module* tree, const CompileOptions& options, bool check_only, syntax::Arena& arena);

}  // namespace ks::compiler
