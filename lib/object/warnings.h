// Issuing warnings: the core of PyErr_Warn* and of the _warnings module.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// A warning at a known place. `message` is text or a Warning; `module`, `registry`, `source_line`, `source` may be nullptr.
Status warn_explicit(PyObject* category, PyObject* message, PyObject* filename, int line, PyObject* module, PyObject* registry,
                     PyObject* source_line, PyObject* source);

// A warning `stack_level` frames up (1: the caller); `skip_prefixes` is a tuple of file-name prefixes, or nullptr.
Status warn(PyObject* category, PyObject* message, Py_ssize_t stack_level, PyObject* source, PyObject* skip_prefixes);

// The category that a message and a given category mean, checked; borrowed.
PyObject* warning_category(PyObject* message, PyObject* category);

}  // namespace ks
