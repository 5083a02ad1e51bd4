// The words of argument errors, shared by the binder (method.cpp) and the format-string front (capi/arguments.cpp).
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// TypeError "f() takes no keyword arguments".
Failed raise_no_keywords(const char* function);
// "f expected at most 2 arguments, got 3"; function nullptr: about a tuple. False with TypeError.
bool check_positional(const char* function, Py_ssize_t given, Py_ssize_t least, Py_ssize_t most);
// "f() takes at most 2 arguments (3 given)"; with no positional ones given, "keyword arguments".
Failed raise_too_many(const char* function, const char* parentheses, Py_ssize_t most, Py_ssize_t positional, Py_ssize_t given,
                      bool exact);
// "f() takes exactly 2 positional arguments (3 given)".
Failed raise_positional_count(const char* function, const char* parentheses, const char* bound, Py_ssize_t expected,
                              Py_ssize_t given);

// The names that a function takes, for suggestions: those from first_name to count - 1.
struct NamedParameters {
  struct Name {
    const char* text;
    Py_ssize_t size;
  };
  int first_name;
  int count;
  const void* context;
  Name (*name)(const void* context, int index);
};
// "f() got an unexpected keyword argument 'x'", with a suggestion.
Failed raise_unexpected_keyword(const char* function, const char* parentheses, PyObject* name, const NamedParameters& names);

}  // namespace ks
