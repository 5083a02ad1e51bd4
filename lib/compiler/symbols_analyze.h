#pragma once

#include "compiler/symbols.h"

namespace ks::compiler {

// Second pass: sets each symbol's Where, decides which comprehensions are inlined, and which cells classes need.
Status analyze_scopes(Scope* top, PyObject* filename);

}  // namespace ks::compiler
