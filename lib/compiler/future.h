// `from __future__ import ...` at the head of a module.
#pragma once

#include "object/result.h"
#include "syntax/ast.h"

namespace ks::compiler {

struct FutureFeatures {
  int flags = 0;                  // CO_FUTURE_*
  syntax::Position last = {-1, -1, -1, -1};  // of the last such statement
};

Status read_future_features(const syntax::Module* module, PyObject* filename, FutureFeatures* out);

}  // namespace ks::compiler
