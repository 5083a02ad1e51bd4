// Inside the builtins module: its method rows by file.
#pragma once

#include "modules/module.h"
#include "runtime/lifecycle.h"

namespace ks {

extern const PyMethodDef* const kBuiltinCodeMethods[];    // code.cpp: compile, exec, eval, __import__, __build_class__
extern const PyMethodDef* const kBuiltinStreamMethods[];  // streams.cpp: print, input
extern const PyMethodDef* const kBuiltinObjectMethods[];  // objects.cpp: everything about one object
extern const PyMethodDef* const kBuiltinFoldMethods[];    // folds.cpp: sum, min, max, sorted, any, all

// Source as a C string: str (UTF-8, which the flags then say), bytes, bytearray or any buffer of bytes; `owner` keeps it. TypeError
// and SyntaxError (null characters) in the name of `function`.
const char* source_text(PyObject* source, const char* function, const char* what, PyCompilerFlags* flags, Ref<>* owner);

}  // namespace ks
