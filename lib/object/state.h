// What object/ keeps for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

#include "memory/free_list.h"
#include "object/collector_state.h"
#include "object/type_state.h"

namespace ks {

struct ObjectState {
  CollectorState collector;
  BlockList<20> bound_methods;
  PyObject* modules_by_index;  // list of modules by PyModuleDef index (PyState_FindModule), or nullptr
  TypeState types;
};

}  // namespace ks
