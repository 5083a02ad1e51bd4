// Between the runtime's signals and the _signal module.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

PyOS_sighandler_t signal_c_handler();                     // what a signal with a Python handler calls
Status signals_install_int_handler(PyObject* module);     // modules/_signal.cpp

}  // namespace ks
