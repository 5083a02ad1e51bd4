// Context variables: what has no name in the public header.
#pragma once

#include <Python.h>

#include "object/result.h"

extern "C" PyTypeObject _PyContextKeys_Type, _PyContextValues_Type, _PyContextItems_Type, _PyContextTokenMissing_Type;

namespace ks {

extern PyObject token_missing;  // Token.MISSING
// Puts MISSING into Token.
Status context_types_start();

}  // namespace ks
