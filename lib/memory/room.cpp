// Start and end of the room: what must exist before the first object of an interpreter.
#include <Python.h>

#include "object/collector.h"
#include "runtime/rooms.h"

namespace ks {

void bound_methods_clear(PyInterpreterState* state);

Status memory_start(PyInterpreterState* state) {
  collector_initialise(state);
  collector_add_free_lists(state, bound_methods_clear);
  return Status::Ok;
}
void memory_end(PyInterpreterState* state) {
  collector_end(state);
  Py_CLEAR(state->object.modules_by_index);
  bound_methods_clear(state);
}

}  // namespace ks
