// Start and end of the object room.
#include "object/type.h"
#include "runtime/rooms.h"
#include "runtime/state.h"
#include "types/str.h"

namespace ks {

Status object_start(PyInterpreterState* state) {
  // The names of methods in the types' dictionaries are the identifiers themselves.
  TRY(identifiers_intern());
  return static_types_ready(state);
}

void object_end(PyInterpreterState* state) { static_types_end(state); }

}  // namespace ks
