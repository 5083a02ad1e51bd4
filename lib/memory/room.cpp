// Start and end of the room: what must exist before the first object of an interpreter.
#include <Python.h>

#include "object/collector.h"
#include "runtime/rooms.h"

namespace ks {

Status memory_start(PyInterpreterState* state) {
  collector_initialise(state);
  return Status::Ok;
}
void memory_end(PyInterpreterState* state) { collector_end(state); }

}  // namespace ks
