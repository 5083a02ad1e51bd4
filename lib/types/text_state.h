// What the text types keep for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

// Interned strings: open addressing, a power of two of slots. The table does not own mortal strings; one that dies takes
// itself out (str_intern.cpp).
struct InternTable {
  PyObject** slots = nullptr;
  size_t mask = 0;     // slots - 1
  size_t filled = 0;   // occupied or deleted
  size_t used = 0;
};

struct TextTypesState {
  InternTable interned;
};

}  // namespace ks
