// Rules of the tree that its types do not say; a tree that the parser made keeps them anyway.
#pragma once

#include "object/result.h"
#include "syntax/ast.h"

namespace ks::syntax {

// ValueError or TypeError, as the reference words it, where a tree from outside breaks a rule.
Status validate(const Module* module);

}  // namespace ks::syntax
