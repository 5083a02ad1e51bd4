// What the compiler does not do yet: these give way to the real ones (weak).
#include "compiler/codegen.h"

namespace ks::compiler {

[[gnu::weak]] Ref<> expression_text(const syntax::Expression*) { return unimplemented("annotations as text (from __future__ import annotations)"); }

}  // namespace ks::compiler
