#include "compiler/error.h"

#include "object/identifier.h"

namespace ks::compiler {
namespace {

Failed raise_message(PyObject* filename, const syntax::Position& at, PyObject* message) {
  Ref<> text = steal(PyErr_ProgramTextObject(filename, at.lineno));
  if (!text) {
    if (PyErr_Occurred()) return failed;
    text = borrow(Py_None);
  }
  Ref<> details = steal(Py_BuildValue("O(OiiOii)", message, filename, at.lineno, at.col_offset + 1, text.get(),
                                      at.end_lineno, at.end_col_offset + 1));
  if (details) PyErr_SetObject(PyExc_SyntaxError, details);
  return failed;
}

}  // namespace

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wvarargs"
Failed syntax_error(PyObject* filename, const syntax::Position& at, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Ref<> message = steal(PyUnicode_FromFormatV(format, arguments));
  va_end(arguments);
  if (!message) return failed;
  return raise_message(filename, at, message);
}

Failed scope_error(PyObject* filename, const syntax::Position& at, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyErr_FormatV(PyExc_SyntaxError, format, arguments);
  va_end(arguments);
  PyErr_RangedSyntaxLocationObject(filename, at.lineno, at.col_offset + 1, at.end_lineno, at.end_col_offset + 1);
  return failed;
}

Status syntax_warning(PyObject* filename, const syntax::Position& at, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Ref<> message = steal(PyUnicode_FromFormatV(format, arguments));
  va_end(arguments);
  if (!message) return failed;
  if (PyErr_WarnExplicitObject(PyExc_SyntaxWarning, message, filename, at.lineno, nullptr, nullptr) == 0) return Status::Ok;
  if (!PyErr_ExceptionMatches(PyExc_SyntaxWarning)) return failed;
  // The error tells more than the warning would: it has the line's text.
  PyErr_Clear();
  return raise_message(filename, at, message);
}
#pragma clang diagnostic pop

}  // namespace ks::compiler
