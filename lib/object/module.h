// Module objects for the other rooms.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

struct ModuleObject {
  PyObject_HEAD
  PyObject* dict;
  PyModuleDef* definition;
  void* state;
  PyObject* weak_list;
  PyObject* name;  // for messages at shutdown; may be nullptr
};

// module.name; AttributeError with the reference's hints. `suppress`: nullptr without exception instead.
PyObject* module_get_attribute(PyObject* module, PyObject* name, bool suppress);
// Whether a module loaded from `origin` (str) may hide another of the same name: it lies in the script's directory.
Found module_is_possibly_shadowing(PyObject* origin);
// spec._initializing; No without a spec.
Found spec_is_initializing(PyObject* spec);
// spec.origin if spec.has_location: Yes and *origin new.
Found spec_origin(PyObject* spec, Ref<>* origin);

}  // namespace ks

// Lists a single-phase module under its definition's index; exported, but no public header declares it.
extern "C" int _PyState_AddModule(PyThreadState* tstate, PyObject* module, PyModuleDef* definition);
