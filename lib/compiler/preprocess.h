// Changes to the tree before names and code are looked at: what the optimisation level takes away, formatting with %,
// constants in patterns; and warnings about leaving a finally block.
#pragma once

#include "object/result.h"
#include "syntax/arena.h"
#include "syntax/ast.h"

namespace ks::compiler {

struct PreprocessOptions {
  PyObject* filename;
  int optimize;             // 0, 1, 2
  int flags;                // CO_FUTURE_* of the module
  bool check_only = false;  // only warn, change nothing
  bool warn = true;
};

Status preprocess(syntax::Module* module, const PreprocessOptions& options, syntax::Arena& arena);

}  // namespace ks::compiler
