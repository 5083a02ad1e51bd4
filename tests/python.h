// What every test file needs: an interpreter that runs, and owned references in tests' own terms.
#pragma once

#include <Python.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

namespace test {

struct Decref {
  void operator()(PyObject* object) const { Py_XDECREF(object); }
};
// Owns a reference.
using Object = std::unique_ptr<PyObject, Decref>;
inline Object own(PyObject* object) { return Object(object); }

// Starts the interpreter once for the whole program.
void start_python();

// The current exception's class name and text, "" when there is none; the exception is cleared.
std::string take_error();

inline std::string text_of(PyObject* object) {
  Object text = own(PyObject_Str(object));
  const char* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  return utf8 ? utf8 : "<error>";
}
inline std::string repr_of(PyObject* object) {
  Object text = own(PyObject_Repr(object));
  const char* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  return utf8 ? utf8 : "<error>";
}

}  // namespace test
