// Where a SyntaxError is: lines and offsets.
#include "object/errors.h"
#include "object/identifier.h"
#include "runtime/state.h"

namespace ks {

static void set_number(PyObject* exception, PyObject* name, int value) {
  Ref<> number = value < 0 ? borrow(Py_None) : steal(PyLong_FromLong(value));
  if (!number || PyObject_SetAttr(exception, name, number) < 0) PyErr_Clear();
}
static void set_if_missing(PyObject* exception, PyObject* name, PyObject* value) {
  const int has = PyObject_HasAttrWithError(exception, name);
  if (has < 0) PyErr_Clear();
  if (has || !value || PyObject_SetAttr(exception, name, value) < 0) PyErr_Clear();
}

void set_syntax_location(PyObject* filename, int line, int offset, int end_line, int end_offset) {
  PyThreadState* tstate = thread();
  Ref<> exception = take_raised(tstate);
  if (!exception) return;
  set_number(exception, "lineno"_id, line);
  set_number(exception, "offset"_id, offset);
  set_number(exception, "end_lineno"_id, end_line);
  set_number(exception, "end_offset"_id, end_offset);
  if (filename) {
    if (PyObject_SetAttr(exception, "filename"_id, filename) < 0) PyErr_Clear();
    Ref<> text = steal(PyErr_ProgramTextObject(filename, line));
    if (!text) {
      PyErr_Clear();
      text = borrow(Py_None);
    }
    if (PyObject_SetAttr(exception, "text"_id, text) < 0) PyErr_Clear();
  }
  if (object(Py_TYPE(exception.get())) != PyExc_SyntaxError) {
    Ref<> message = steal(PyObject_Str(exception));
    if (!message) PyErr_Clear();
    set_if_missing(exception, "msg"_id, message);
    set_if_missing(exception, "print_file_and_line"_id, Py_None);
  }
  set_raised(tstate, std::move(exception));
}

}  // namespace ks

using namespace ks;

// Set file, line and offset of the current SyntaxError, and its text from the file; what goes wrong is ignored.
void PyErr_SyntaxLocationObject(PyObject* filename, int line, int offset) { set_syntax_location(filename, line, offset, line, -1); }
void PyErr_RangedSyntaxLocationObject(PyObject* filename, int line, int offset, int end_line, int end_offset) {
  set_syntax_location(filename, line, offset, end_line, end_offset);
}
void PyErr_SyntaxLocationEx(const char* filename, int line, int offset) {
  Ref<> exception = take_raised(thread());
  Ref<> name;
  if (filename) {
    name = steal(PyUnicode_DecodeFSDefault(filename));
    if (!name) PyErr_Clear();
  }
  set_raised(thread(), std::move(exception));
  set_syntax_location(name, line, offset, line, -1);
}
void PyErr_SyntaxLocation(const char* filename, int line) { PyErr_SyntaxLocationEx(filename, line, -1); }
