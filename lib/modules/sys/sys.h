// Inside the sys module: its method rows by file, and how struct sequences and constants get into the dictionary.
#pragma once

#include "modules/module.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

namespace ks {

extern const PyMethodDef* const kSysHookMethods[];   // hooks.cpp
extern const PyMethodDef* const kSysTraceMethods[];  // trace.cpp

// A struct sequence type that cannot be instantiated by its users; owned.
Ref<> make_struct_type(PyStructSequence_Desc* description);
Status set_sys(const char* name, Ref<> value);

Status sys_hooks_start();                            // hooks.cpp: UnraisableHookArgs
Status sys_info_start(PyObject* dict);               // info.cpp: version, hash_info, implementation, ...
Status sys_flags_start();                            // sys.flags from the configuration
Ref<> stdlib_module_names();

}  // namespace ks
