// range's iterator over machine integers, which the interpreter steps through by itself.
#pragma once

#include <Python.h>

namespace ks {

struct RangeIterator {
  PyObject ob_base;
  long start;  // the next value
  long step;
  long len;    // how many are left
};

}  // namespace ks
