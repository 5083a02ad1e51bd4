// The static types of the whole library, in the order in which an interpreter readies them.
//
// Each room lists its own in a .def file of rows STATIC_TYPE(PyList_Type). Bases come before what inherits from them.
#pragma once

#include <Python.h>

extern "C" {
#define STATIC_TYPE(NAME) extern PyTypeObject NAME;
#include "object/static_types.def"
#undef STATIC_TYPE
}
