// Names that are looked up in dictionaries, and imports.
#include "interpreter/handler.h"
#include "interpreter/operations.h"

namespace ks {

HANDLER(LOAD_NAME) {
  SAVE();
  PyObject* value = load_name(frame, NAME_AT(OPARG));
  if (!value) ERROR();
  *sp++ = Value::owned(value);
  NEXT(1);
}
HANDLER(STORE_NAME) {
  SAVE();
  if (is_failure(store_name(frame, NAME_AT(OPARG), sp[-1].object()))) ERROR();
  close(*--sp);
  NEXT(1);
}
HANDLER(DELETE_NAME) {
  SAVE();
  if (is_failure(delete_name(frame, NAME_AT(OPARG)))) ERROR();
  NEXT(1);
}
HANDLER(STORE_GLOBAL) {
  SAVE();
  if (PyDict_SetItem(frame->f_globals, NAME_AT(OPARG), sp[-1].object()) < 0) ERROR();
  close(*--sp);
  NEXT(1);
}
HANDLER(DELETE_GLOBAL) {
  SAVE();
  if (is_failure(delete_global(frame, NAME_AT(OPARG)))) ERROR();
  NEXT(1);
}
HANDLER(LOAD_LOCALS) {
  if (!frame->f_locals) {
    SAVE();
    PyErr_SetString(PyExc_SystemError, "no locals");
    ERROR();
  }
  *sp++ = Value::owned(Py_NewRef(frame->f_locals));
  NEXT(1);
}
HANDLER(LOAD_FROM_DICT_OR_GLOBALS) {
  SAVE();
  PyObject* value = load_from_dict_or_globals(frame, sp[-1].object(), NAME_AT(OPARG));
  if (!value) ERROR();
  Value mapping = sp[-1];
  sp[-1] = Value::owned(value);
  close(mapping);
  NEXT(1);
}
HANDLER(LOAD_BUILD_CLASS) {
  SAVE();
  PyObject* value = load_build_class(frame);
  if (!value) ERROR();
  *sp++ = Value::owned(value);
  NEXT(1);
}
HANDLER(SETUP_ANNOTATIONS) {
  SAVE();
  if (is_failure(setup_annotations(frame))) ERROR();
  NEXT(1);
}

HANDLER(IMPORT_NAME) {
  SAVE();
  PyObject* module = import_name(thread, frame, NAME_AT(OPARG), sp[-1].object(), sp[-2].object());
  if (!module) ERROR();
  Value fromlist = sp[-1], level = sp[-2];
  sp[-2] = Value::owned(module);
  --sp;
  close(fromlist);
  close(level);
  NEXT(1);
}
HANDLER(IMPORT_FROM) {
  SAVE();
  PyObject* value = import_from(sp[-1].object(), NAME_AT(OPARG));
  if (!value) ERROR();
  *sp++ = Value::owned(value);
  NEXT(1);
}

}  // namespace ks
