// sys.stdin, sys.stdout, sys.stderr and the encodings they need (stdio.cpp).
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

void configure_c_stdio(const PyConfig& config);
Status encodings_start(PyThreadState* state);     // the codec of the filesystem encoding, by its normal name
Status std_streams_start(PyThreadState* state);
Status stdio_encoding_check(PyThreadState* state);  // EncodingWarning and ResourceWarning questions of the start

}  // namespace ks
