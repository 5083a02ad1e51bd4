// See pending.def. Weak: a real definition elsewhere takes the place of the one here.
#include "object/export.h"
#include "object/result.h"

#define PENDING(NAME)                                                       \
  __attribute__((visibility("default"), weak)) PyObject* NAME() asm(#NAME); \
  PyObject* NAME() { return ks::unimplemented(#NAME); }
namespace ks::pending {
#include "capi/pending.def"
}
