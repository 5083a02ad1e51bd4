// Single items of a memoryview: native struct codes.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// The code of a native single-character format ("i" or "@i") and its size; 0 when it is something else.
char native_format_code(const char* format, Py_ssize_t* size);
// New; NULL with NotImplementedError for other formats.
PyObject* unpack_item(const char* place, const char* format);
Status pack_item(char* place, PyObject* item, const char* format);
// Whether two items of the same native code are equal.
bool equal_items(const char* a, const char* b, char code);

}  // namespace ks
