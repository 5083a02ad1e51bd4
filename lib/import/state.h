// What import/ keeps for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

struct ImportState {
  PyObject* importlib;              // the module importlib._bootstrap; owned
  PyObject* find_and_load;          // its _find_and_load, as it was at start; owned
  PyObject* lock_unlock_module;     // its _lock_unlock_module; owned
  PyObject* bootstrap_code;         // the code objects that the installation gave, by name: {"_frozen_importlib": code}
  Py_ssize_t last_index;
  const char* package_context;      // full name while an init function of a module in a package runs
  int import_time_level;
  bool import_time_header;
  int64_t import_time_accumulated;
};

}  // namespace ks
