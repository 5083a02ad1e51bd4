// Global names.
#include "interpreter/handler.h"
#include "interpreter/operations.h"
#include "interpreter/specialize.h"

namespace ks {

HANDLER(LOAD_GLOBAL) {
  ADAPT(LOAD_GLOBAL);
  SAVE();
  PyObject* value = load_global(frame, NAME_AT(OPARG >> 1));
  if (!value) ERROR();
  *sp++ = Value::owned(value);
  if (OPARG & 1) *sp++ = Value::null();
  NEXT(5);
}

}  // namespace ks
