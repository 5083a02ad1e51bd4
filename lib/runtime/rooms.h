// Start and end of the rooms' per-interpreter state, called by the runtime (lifecycle.cpp) for each interpreter.
//
// A room defines both functions for its member of PyInterpreterState (state.h). NAME_start runs with a current thread
// state; static types are ready and identifiers interned once object and texts have started. The first interpreter
// starts everything; a later one only what is its own.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

#define ROOM(NAME)                                \
  Status NAME##_start(PyInterpreterState* state); \
  void NAME##_end(PyInterpreterState* state);
#include "runtime/rooms.def"
#undef ROOM

}  // namespace ks
