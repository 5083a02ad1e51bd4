// float: typed cores for the interpreter and other rooms.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

inline double float_value(const PyObject* o) { return reinterpret_cast<const PyFloatObject*>(o)->ob_fval; }
PyObject* float_new(double value);  // new; the same as PyFloat_FromDouble
// The deallocator's body, for the interpreter: an exact float whose count reached zero.
void float_free(PyObject* o);
// Exact comparison of a finite or infinite float with an int of any size: -1, 0, 1. Not for NaN.
int float_compare_int(double a, PyObject* b);
Py_hash_t float_hash(PyObject* o);
double float_floor_modulo(double a, double b, double* floor_quotient);  // b != 0

// ---- text (lib/text/float_text.cpp) ---------------------------------------------------------------------------------------
inline constexpr int kFloatTextSize = 32;
// repr(), without terminator; returns the length (< kFloatTextSize).
int float_write_repr(double value, char* out);
// Correctly rounded; `*end` is behind the longest number at `text` (which may be "inf", "nan"), or `text` itself where there is none.
// No whitespace, no underscores. Overflow gives infinity.
double float_parse(const char* text, const char* limit, const char** end);
// sys.float_info; new reference.
PyObject* float_info();

}  // namespace ks
