// The static types of the whole library, in the order in which an interpreter readies them.
//
// Each room lists its own in a .def file of rows STATIC_TYPE(PyList_Type). Bases come before what inherits from them.
// A LATE_STATIC_TYPE has a number like the others, but is readied only by the module that it belongs to.
#pragma once

#include <Python.h>

extern "C" {
#define STATIC_TYPE(NAME) extern PyTypeObject NAME;
#define LATE_STATIC_TYPE(NAME) extern PyTypeObject NAME;
#include "object/static_types.def"
#undef LATE_STATIC_TYPE
#undef STATIC_TYPE
}
