// "Did you mean": the candidate that is closest to a misspelt name.
#pragma once

#include <Python.h>

#include "object/ref.h"

namespace ks {

// The str in the list `candidates` closest to `name`, within the reference's distance limits; nullptr when none is close
// enough (no exception) or on failure (exception set).
Ref<> closest_name(PyObject* candidates, PyObject* name);

}  // namespace ks
