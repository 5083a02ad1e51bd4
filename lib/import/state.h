// What import/ keeps for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

struct ImportState {};

}  // namespace ks
