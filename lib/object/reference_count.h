// Reference counts: deallocation, immortality, and who watches objects come and go.
#pragma once

#include <Python.h>

namespace ks {

// PyRefTracer_SetTracer's function; process-wide, changed under the GIL.
struct RefTracer {
  PyRefTracer function;
  void* data;
  void (*reused)(PyObject* object);  // tracemalloc's: an object begins in a block that had been kept
};
extern constinit RefTracer ref_tracer;

// An object of this process that lives until its end and is never counted again.
inline void make_immortal(PyObject* object) {
  object->ob_refcnt_full = _Py_IMMORTAL_INITIAL_REFCNT;
}
inline bool is_unique(PyObject* object) { return Py_REFCNT(object) == 1; }

}  // namespace ks
