// Source text to syntax tree.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks::syntax {

class Arena;  // owns all nodes of a tree, and references to the objects in it (syntax/arena.h)
struct Module;

// Where compilation starts: Py_file_input, Py_eval_input, Py_single_input, Py_func_type_input or Py_fstring_input.
struct ParseOptions {
  PyObject* filename = nullptr;  // borrowed; for messages
  int start = 257;
  int flags = 0;                 // PyCF_*
  int feature_version = PY_MINOR_VERSION;
  bool from_file = false;        // bytes of a file that is run: decoded as it is read, for errors
  bool at_prompt = false;        // typed: what comes behind an error does not matter
  bool more_may_come = false;    // Py_single_input at a prompt: the end of the text ends no block
  const char* encoding = nullptr;  // parse() sets it: what the source declares
};

// The tree of UTF-8 or undecoded `source` (PyCF_SOURCE_IS_UTF8, PyCF_IGNORE_COOKIE say which), in `arena`; nullptr with
// SyntaxError, IndentationError, TabError, ValueError (null bytes), MemoryError or RecursionError set.
Module* parse(const char* source, Py_ssize_t size, const ParseOptions& options, Arena& arena);

// Reads one statement from an interactive file, with prompts from sys.ps1 and sys.ps2. *end_of_file tells the end, *read
// becomes the text.
Module* parse_interactive(FILE* file, const char* encoding, const char* ps1, const char* ps2, const ParseOptions& options,
                          bool* end_of_file, Ref<>* read, Arena& arena);

// The tree as objects of the _ast module, and back (checked with the reference's messages).
Ref<> tree_to_object(const Module* tree);
Module* tree_from_object(PyObject* object, int start, Arena& arena);
Ref<> ast_module();                      // _ast, once it has been imported without asking sys.modules
Found is_tree_object(PyObject* object);  // an instance of _ast.AST?

}  // namespace ks::syntax
