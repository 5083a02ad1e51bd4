// Inside import/: builtin and extension modules, frozen modules, sys.modules.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

Status set_module(PyObject* name, PyObject* module);
Ref<> add_module(PyObject* name);

// Builtin modules (extensions.cpp). known: 1 it is, -1 it cannot be created again (sys, builtins), 0 it is not.
int builtin_module_kind(PyObject* name);
Ref<> create_builtin_module(PyObject* name, PyObject* spec);
Ref<> builtin_module_names();                 // tuple, sorted
Ref<> create_dynamic_module(PyObject* spec);  // from a shared object
Status execute_module(PyObject* module);      // the exec slots, once

// Frozen modules (frozen.cpp): importlib's two parts, whose code the installation has, and PyImport_FrozenModules.
struct FrozenModule {
  bool found = false;
  bool excluded = false;
  bool bad = false;
  const char* origin = nullptr;               // the module's own name; nullptr: none
  const unsigned char* data = nullptr;
  Py_ssize_t size = 0;
  bool is_package = false;
  bool from_installation = false;
};
FrozenModule find_frozen(PyObject* name);
Ref<> frozen_code(PyObject* name, const FrozenModule& module);
Ref<> import_frozen(PyObject* name, bool* found);
Ref<> frozen_names();
Status fix_co_filename(PyObject* code, PyObject* filename);
void source_hash(const char* data, Py_ssize_t size, unsigned long long key, unsigned char* hash);

}  // namespace ks
