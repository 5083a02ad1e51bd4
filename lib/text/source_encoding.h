// The encoding that a source file declares (PEP 263).
#pragma once

#include "object/result.h"

namespace ks {

// Looks for a cookie in the comments of the first two lines. Yes: *name is its encoding as str ("utf-8" and
// "iso-8859-1" for all their spellings that the reference folds), *line where it stands, 1 or 2.
Found find_source_encoding(const char* source, Py_ssize_t size, Ref<>* name, int* line);

}  // namespace ks
