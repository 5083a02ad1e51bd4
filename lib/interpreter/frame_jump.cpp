#include "interpreter/frame_jump.h"

#include "interpreter/frame_object.h"
#include "object/result.h"

namespace ks {

int frame_set_line(PyFrameObject* frame, PyObject* value) {
  if (!value) return raise(PyExc_AttributeError, "attribute 'f_lineno' of 'frame' objects cannot be deleted");
  if (!PyLong_CheckExact(value)) return raise(PyExc_ValueError, "lineno must be an integer");
  (void)frame;
  return raise(PyExc_ValueError, "f_lineno can only be set in a trace function");
}

}  // namespace ks
