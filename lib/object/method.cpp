// Binding the arguments of a call to a signature, with the reference's messages; conversions of single arguments.
//
// Two families of messages: functions whose parameters are all positional-only ("insert expected 2 arguments, got 1"), and
// functions with names ("split() takes at most 2 arguments (3 given)").
#include "object/method.h"

#include <Python.h>

#include <cstring>

#include "object/argument_errors.h"
#include "object/identifier.h"
#include "object/protocol.h"
#include "object/suggest.h"

namespace ks {

// ---- messages, shared with PyArg_* -----------------------------------------------------------------------------------

Failed raise_no_keywords(const char* function) { return raise(PyExc_TypeError, "%.200s() takes no keyword arguments", function); }

bool check_positional(const char* function, Py_ssize_t given, Py_ssize_t least, Py_ssize_t most) {
  if (given < least) {
    if (function)
      (void)raise(PyExc_TypeError, "%.200s expected %s%zd argument%s, got %zd", function, least == most ? "" : "at least ", least,
                  least == 1 ? "" : "s", given);
    else
      (void)raise(PyExc_TypeError, "unpacked tuple should have %s%zd element%s, but has %zd", least == most ? "" : "at least ",
                  least, least == 1 ? "" : "s", given);
    return false;
  }
  if (given > most) {
    if (function)
      (void)raise(PyExc_TypeError, "%.200s expected %s%zd argument%s, got %zd", function, least == most ? "" : "at most ", most,
                  most == 1 ? "" : "s", given);
    else
      (void)raise(PyExc_TypeError, "unpacked tuple should have %s%zd element%s, but has %zd", least == most ? "" : "at most ",
                  most, most == 1 ? "" : "s", given);
    return false;
  }
  return true;
}

Failed raise_too_many(const char* function, const char* parentheses, Py_ssize_t most, Py_ssize_t positional,
                      Py_ssize_t given, bool exact) {
  return raise(PyExc_TypeError, "%.200s%s takes %s %zd %sargument%s (%zd given)", function, parentheses,
               exact ? "exactly" : "at most", most, positional == 0 ? "keyword " : "", most == 1 ? "" : "s", given);
}
Failed raise_positional_count(const char* function, const char* parentheses, const char* bound, Py_ssize_t expected,
                              Py_ssize_t given) {
  return raise(PyExc_TypeError, "%.200s%s takes %s %zd positional argument%s (%zd given)", function, parentheses, bound, expected,
               expected == 1 ? "" : "s", given);
}

Failed raise_unexpected_keyword(const char* function, const char* parentheses, PyObject* name, const NamedParameters& names) {
  Ref<> found = borrow(name);
  Py_ssize_t size;
  const char* text = PyUnicode_AsUTF8AndSize(name, &size);
  if (!text) {
    PyErr_Clear();
    return raise(PyExc_TypeError, "%.200s%s got an unexpected keyword argument '%S'", function, parentheses, name);
  }
  Suggestion suggestion(text, size);
  for (int i = names.first_name; i < names.count; ++i) {
    const NamedParameters::Name candidate = names.name(names.context, i);
    suggestion.offer(candidate.text, candidate.size);
  }
  if (suggestion.best()) {
    Ref<> better = TRY(steal(PyUnicode_FromStringAndSize(suggestion.best(), suggestion.best_size())));
    return raise(PyExc_TypeError, "%.200s%s got an unexpected keyword argument '%S'. Did you mean '%S'?", function, parentheses,
                 name, better.get());
  }
  return raise(PyExc_TypeError, "%.200s%s got an unexpected keyword argument '%S'", function, parentheses, name);
}

// ---- binding ---------------------------------------------------------------------------------------------------------

namespace {

// Keyword arguments of either calling convention: names in a tuple with values in an array, or a dict.
struct Keywords {
  PyObject* names = nullptr;  // tuple, or nullptr
  PyObject* const* values = nullptr;
  PyObject* dict = nullptr;

  Py_ssize_t count() const { return names ? PyTuple_GET_SIZE(names) : dict ? PyDict_GET_SIZE(dict) : 0; }
};

bool name_is(PyObject* key, const char* text, Py_ssize_t size) {
  return PyUnicode_Check(key) && PyUnicode_IS_ASCII(key) && PyUnicode_GET_LENGTH(key) == size &&
         memcmp(PyUnicode_1BYTE_DATA(key), text, static_cast<size_t>(size)) == 0;
}

// The value given by name (borrowed), nullptr when there is none.
PyObject* find_keyword(const Keywords& keywords, const char* text, Py_ssize_t size) {
  if (keywords.names) {
    const Py_ssize_t count = PyTuple_GET_SIZE(keywords.names);
    for (Py_ssize_t i = 0; i < count; ++i)
      if (name_is(PyTuple_GET_ITEM(keywords.names, i), text, size)) return keywords.values[i];
    return nullptr;
  }
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (PyDict_Next(keywords.dict, &position, &key, &value))
    if (name_is(key, text, size)) return value;
  return nullptr;
}
// Calls f(key, value) for all; stops at false.
template <class F>
bool each_keyword(const Keywords& keywords, F&& f) {
  if (keywords.names) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keywords.names); ++i)
      if (!f(PyTuple_GET_ITEM(keywords.names, i), keywords.values[i])) return false;
    return true;
  }
  if (!keywords.dict) return true;
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (PyDict_Next(keywords.dict, &position, &key, &value))
    if (!f(key, value)) return false;
  return true;
}

bool is_required(const Signature& signature, int index) { return signature.parameters[index].default_length == 0; }
const char* name_of(const Signature& signature, int index) { return signature.text + signature.parameters[index].name_begin; }
Py_ssize_t name_size(const Signature& signature, int index) { return signature.parameters[index].name_length; }

Ref<> name_object(const Signature& signature, int index) {
  return steal(PyUnicode_FromStringAndSize(name_of(signature, index), name_size(signature, index)));
}

int parameter_index(const Signature& signature, PyObject* key) {
  for (int i = signature.positional_only; i < signature.count; ++i)
    if (name_is(key, name_of(signature, i), name_size(signature, i))) return i;
  return -1;
}

// Whether the key equals the name of a parameter, as == says: 0, 1, or -1 with an exception.
int keyword_is_known(const Signature& signature, PyObject* key) {
  if (PyUnicode_CheckExact(key)) return parameter_index(signature, key) >= 0;
  for (int i = signature.positional_only; i < signature.count; ++i) {
    Ref<> name = TRY(name_object(signature, i));
    const int equal = PyObject_RichCompareBool(name, key, Py_EQ);
    if (equal) return equal;
  }
  return 0;
}

// Something is left over: says what.
[[gnu::cold]] Status leftover_error(const Signature& signature, const Keywords& keywords, Py_ssize_t nargs) {
  // Given by name and by position?
  for (int i = signature.positional_only; i < nargs && i < signature.positional; ++i) {
    if (find_keyword(keywords, name_of(signature, i), name_size(signature, i))) {
      Ref<> name = TRY(name_object(signature, i));
      return raise(PyExc_TypeError, "argument for %.200s() given by name ('%U') and position (%d)", signature.function, name.get(),
                   i + 1);
    }
  }
  PyObject* unknown = nullptr;
  bool bad_key = false, failure = false;
  each_keyword(keywords, [&](PyObject* key, PyObject*) {
    if (!PyUnicode_Check(key)) {
      bad_key = true;
      return false;
    }
    // An instance of a subclass may be equal to a name by its own __eq__ only; then it is neither used nor unknown.
    const int known = keyword_is_known(signature, key);
    if (known > 0) return true;
    if (known < 0) failure = true;
    else unknown = key;
    return false;
  });
  if (failure) return failed;
  if (bad_key) return raise(PyExc_TypeError, "keywords must be strings");
  if (!unknown) return raise(PyExc_TypeError, "invalid keyword argument for %.200s()", signature.function);
  NamedParameters names{signature.positional_only, signature.count, &signature, [](const void* context, int i) {
                          const auto& owner = *static_cast<const Signature*>(context);
                          return NamedParameters::Name{name_of(owner, i), name_size(owner, i)};
                        }};
  return raise_unexpected_keyword(signature.function, "()", unknown, names);
}

Ref<> rest_tuple(PyObject* const* args, Py_ssize_t begin, Py_ssize_t end) {
  const Py_ssize_t count = end > begin ? end - begin : 0;
  Ref<> tuple = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[begin + i]));
  return tuple;
}

Status bind_general(const Signature& signature, PyObject* const* args, Py_ssize_t nargs, const Keywords& keywords, PyObject** out,
                    Ref<>* extra_positional, Ref<>* extra_keywords) {
  const int count = signature.count;
  const int positional = signature.positional;
  const char* function = signature.function;
  const bool takes_keywords = signature.positional_only != count || signature.var_keyword;
  const Py_ssize_t given_keywords = keywords.count();

  for (int i = 0; i < count; ++i) out[i] = i < nargs && i < positional ? args[i] : nullptr;

  if (!takes_keywords) {
    if (given_keywords) return raise_no_keywords(function);
    if (!check_positional(function, nargs, signature.required, signature.var_positional ? PY_SSIZE_T_MAX : count)) return failed;
    if (signature.var_positional && extra_positional) *extra_positional = TRY(rest_tuple(args, positional, nargs));
    return Status::Ok;
  }

  if (!signature.var_positional && !signature.var_keyword && nargs + given_keywords > count)
    return raise_too_many(function, "()", count, nargs, nargs + given_keywords, false);
  if (nargs > positional && !signature.var_positional) {
    if (positional == 0) return raise(PyExc_TypeError, "%.200s() takes no positional arguments", function);
    return raise_positional_count(function, "()", signature.required < positional ? "at most" : "exactly", positional, nargs);
  }
  const int required_positional = signature.required < signature.positional_only ? signature.required : signature.positional_only;
  if (nargs < required_positional) {
    // With only *args behind them, the words are those of functions without names.
    if (signature.var_positional) {
      (void)check_positional(function, nargs, required_positional, PY_SSIZE_T_MAX);
      return failed;
    }
    return raise_positional_count(function, "()", required_positional < positional ? "at least" : "exactly", required_positional,
                                  nargs);
  }

  Py_ssize_t used = 0;
  for (int i = static_cast<int>(nargs < positional ? nargs : positional); i < count; ++i) {
    if (i < signature.positional_only) continue;
    PyObject* value = used < given_keywords ? find_keyword(keywords, name_of(signature, i), name_size(signature, i)) : nullptr;
    if (value) {
      out[i] = value;
      ++used;
    } else if (is_required(signature, i)) {
      Ref<> name = TRY(name_object(signature, i));
      return raise(PyExc_TypeError, "%.200s() missing required argument '%U' (pos %d)", function, name.get(), i + 1);
    }
  }
  if (signature.var_keyword && extra_keywords) {
    Ref<> rest = TRY(steal(PyDict_New()));
    const bool good = each_keyword(keywords, [&](PyObject* key, PyObject* value) {
      const int index = PyUnicode_Check(key) ? parameter_index(signature, key) : -1;
      if (index >= 0 && (index >= nargs || index >= positional)) return true;
      return PyDict_SetItem(rest, key, value) == 0;
    });
    if (!good) return failed;
    *extra_keywords = std::move(rest);
  } else if (used < given_keywords) {
    return leftover_error(signature, keywords, nargs);
  }
  if (signature.var_positional && extra_positional) *extra_positional = TRY(rest_tuple(args, positional, nargs));
  return Status::Ok;
}

}  // namespace

Status bind(const Signature& signature, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** out,
            Ref<>* extra_positional, Ref<>* extra_keywords) {
  // The usual call: positional arguments only, and enough of them.
  if ((!kwnames || PyTuple_GET_SIZE(kwnames) == 0) && nargs >= signature.required && nargs <= signature.positional &&
      !signature.var_positional && !signature.var_keyword && signature.positional == signature.count) {
    int i = 0;
    for (; i < nargs; ++i) out[i] = args[i];
    for (; i < signature.count; ++i) out[i] = nullptr;
    return Status::Ok;
  }
  Keywords keywords;
  if (kwnames && PyTuple_GET_SIZE(kwnames)) {
    keywords.names = kwnames;
    keywords.values = args + nargs;
  }
  return bind_general(signature, args, nargs, keywords, out, extra_positional, extra_keywords);
}

Status bind_tuple(const Signature& signature, PyObject* args, PyObject* kwargs, PyObject** out, Ref<>* extra_positional,
                  Ref<>* extra_keywords) {
  Keywords keywords;
  if (kwargs && PyDict_GET_SIZE(kwargs)) keywords.dict = kwargs;
  return bind_general(signature, reinterpret_cast<PyTupleObject*>(args)->ob_item, PyTuple_GET_SIZE(args), keywords, out,
                      extra_positional, extra_keywords);
}

// ---- conversions -----------------------------------------------------------------------------------------------------

Failed raise_bad_argument(const Signature& signature, int index, const char* expected, PyObject* actual) {
  const char* type = actual == Py_None ? "None" : Py_TYPE(actual)->tp_name;
  if (signature.count == 1 && signature.positional_only == 1 && signature.required == 1 && !signature.var_positional)
    return raise(PyExc_TypeError, "%.200s() argument must be %.50s, not %.50s", signature.function, expected, type);
  if (index < signature.positional_only)
    return raise(PyExc_TypeError, "%.200s() argument %d must be %.50s, not %.50s", signature.function, index + 1, expected, type);
  Ref<> name = TRY(name_object(signature, index));
  return raise(PyExc_TypeError, "%.200s() argument '%U' must be %.50s, not %.50s", signature.function, name.get(), expected, type);
}

bool convert_ssize(PyObject* object, Py_ssize_t* value) {
  if (PyLong_CheckExact(object)) {
    *value = PyLong_AsSsize_t(object);
    return *value != -1 || !PyErr_Occurred();
  }
  Ref<> number = number_index(object);
  if (!number) return false;
  *value = PyLong_AsSsize_t(number);
  return *value != -1 || !PyErr_Occurred();
}
bool convert_int(PyObject* object, int* value) {
  *value = PyLong_AsInt(object);
  return *value != -1 || !PyErr_Occurred();
}
bool convert_long(PyObject* object, long* value) {
  *value = PyLong_AsLong(object);
  return *value != -1 || !PyErr_Occurred();
}
bool convert_double(PyObject* object, double* value) {
  if (PyFloat_CheckExact(object)) {
    *value = PyFloat_AS_DOUBLE(object);
    return true;
  }
  *value = PyFloat_AsDouble(object);
  return *value != -1.0 || !PyErr_Occurred();
}
bool convert_index(PyObject* object, Py_ssize_t* value) {
  if (object == Py_None) return true;
  if (!PyIndex_Check(object)) {
    PyErr_SetString(PyExc_TypeError, "slice indices must be integers or None or have an __index__ method");
    return false;
  }
  const Py_ssize_t index = PyNumber_AsSsize_t(object, nullptr);
  if (index == -1 && PyErr_Occurred()) return false;
  *value = index;
  return true;
}
bool convert_text(const Signature& signature, int index, PyObject* object, bool none_allowed, const char** value) {
  if (none_allowed && object == Py_None) {
    *value = nullptr;
    return true;
  }
  if (!PyUnicode_Check(object)) {
    (void)raise_bad_argument(signature, index, none_allowed ? "str or None" : "str", object);
    return false;
  }
  Py_ssize_t size;
  const char* text = PyUnicode_AsUTF8AndSize(object, &size);
  if (!text) return false;
  if (strlen(text) != static_cast<size_t>(size)) {
    PyErr_SetString(PyExc_ValueError, "embedded null character");
    return false;
  }
  *value = text;
  return true;
}
bool convert_buffer(const Signature&, int, PyObject* object, Py_buffer* view) {
  return PyObject_GetBuffer(object, view, PyBUF_SIMPLE) == 0;
}

}  // namespace ks
