// What the small types keep for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

struct SmallTypesState {
  PySliceObject* spare_slice;
};

}  // namespace ks
