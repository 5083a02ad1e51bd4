// PyArg_*: parsing arguments by a format string, and the private helpers that compiled modules use.
#include <Python.h>

#include <cctype>
#include <climits>
#include <cstring>

#include "capi/format_units.h"
#include "object/argument_errors.h"
#include "object/export.h"
#include "object/result.h"

namespace ks {
namespace {

bool at_end(char c) { return c == '\0' || c == ';' || c == ':'; }

// What a format says beside its units: "...:name" or "...;message".
struct FormatTail {
  const char* function = nullptr;
  const char* message = nullptr;
};
FormatTail format_tail(const char* format) {
  FormatTail tail;
  const char* at = strpbrk(format, ":;");
  if (!at) return tail;
  (*at == ':' ? tail.function : tail.message) = at + 1;
  return tail;
}

// ---- positional arguments --------------------------------------------------------------------------------------------

// `single`: the one object of PyArg_Parse; else the arguments.
bool parse_positional(PyObject* single, bool is_single, PyObject* const* args, Py_ssize_t nargs, const char* format,
                      Variadic* arguments) {
  const FormatTail tail = format_tail(format);
  int least = -1, most = 0, level = 0;
  for (const char* at = format; !at_end(*at); ++at) {
    if (*at == '(') {
      if (level++ == 0) ++most;
    } else if (*at == ')') {
      if (level-- == 0) Py_FatalError("excess ')' in getargs format");
    } else if (*at == '|') {
      if (level == 0) least = most;
    } else if (level == 0 && isalpha(static_cast<unsigned char>(*at))) {
      ++most;
      if (*at == 'e' && at[1]) ++at;
    } else if (*at == 'e' && at[1]) {
      ++at;
    }
  }
  if (level != 0) Py_FatalError("missing ')' in getargs format");
  if (least < 0) least = most;
  const char* function = tail.function ? tail.function : "function";
  const char* parentheses = tail.function ? "()" : "";

  Acquired acquired;
  if (is_single) {
    if (most == 0) {
      if (!single) return true;
      return raise(PyExc_TypeError, "%.200s%s takes no arguments", function, parentheses), false;
    }
    if (least == 1 && most == 1) {
      if (!single) return raise(PyExc_TypeError, "%.200s%s takes at least one argument", function, parentheses), false;
      Place place;
      if (convert_unit(single, &format, arguments, &acquired, &place, 0)) return true;
      raise_at(place, 0, tail.function, tail.message);
      acquired.release();
      return false;
    }
    return raise(PyExc_SystemError, "old style getargs format uses new features"), false;
  }

  if (nargs < least || nargs > most) {
    if (tail.message) return raise(PyExc_TypeError, "%s", tail.message), false;
    const int bound = nargs < least ? least : most;
    return raise(PyExc_TypeError, "%.150s%s takes %s %d argument%s (%zd given)", function, parentheses,
                 least == most ? "exactly" : nargs < least ? "at least" : "at most", bound, bound == 1 ? "" : "s", nargs),
           false;
  }
  for (Py_ssize_t i = 0; i < nargs; ++i) {
    if (*format == '|') ++format;
    Place place;
    if (!convert_unit(args[i], &format, arguments, &acquired, &place, 0)) {
      raise_at(place, static_cast<int>(i) + 1, tail.function, tail.message);
      acquired.release();
      return false;
    }
  }
  if (!at_end(*format) && !isalpha(static_cast<unsigned char>(*format)) && *format != '(' && *format != '|') {
    acquired.release();
    return raise(PyExc_SystemError, "bad format string: %.200s", format), false;
  }
  return true;
}

bool parse_tuple(PyObject* args, const char* format, Variadic* arguments) {
  if (!PyTuple_Check(args))
    return raise(PyExc_SystemError, "new style getargs format but argument is not a tuple"), false;
  return parse_positional(nullptr, false, reinterpret_cast<PyTupleObject*>(args)->ob_item, PyTuple_GET_SIZE(args), format,
                          arguments);
}

// ---- keywords --------------------------------------------------------------------------------------------------------

// Keyword arguments of either convention.
struct Keywords {
  PyObject* names = nullptr;
  PyObject* const* values = nullptr;
  PyObject* dict = nullptr;

  Py_ssize_t count() const { return names ? PyTuple_GET_SIZE(names) : dict ? PyDict_GET_SIZE(dict) : 0; }
  // The value of a name (borrowed), nullptr when it is not given; false with an exception.
  bool find(const char* name, PyObject** value) const {
    *value = nullptr;
    if (names) {
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
        PyObject* key = PyTuple_GET_ITEM(names, i);
        if (PyUnicode_Check(key) && PyUnicode_EqualToUTF8(key, name)) {
          *value = values[i];
          return true;
        }
      }
      return true;
    }
    if (!dict) return true;
    bool plain = true;
    for (const char* at = name; *at; ++at) plain = plain && static_cast<signed char>(*at) > 0;
    Py_ssize_t position = 0;
    PyObject *key, *item;
    while (plain && PyDict_Next(dict, &position, &key, &item)) {
      plain = PyUnicode_CheckExact(key);
      if (plain && PyUnicode_EqualToUTF8(key, name)) {
        *value = item;
        return true;
      }
    }
    if (plain) return true;
    // Names that are not ASCII (perhaps not even UTF-8), keys with a mind of their own.
    PyObject* owned;
    if (PyDict_GetItemStringRef(dict, name, &owned) < 0) return false;
    *value = owned;
    Py_XDECREF(owned);  // the dict keeps it
    return true;
  }
  template <class F>
  bool each(F&& f) const {
    if (names) {
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i)
        if (!f(PyTuple_GET_ITEM(names, i))) return false;
      return true;
    }
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (dict && PyDict_Next(dict, &position, &key, &value))
      if (!f(key)) return false;
    return true;
  }
};

// The names that a function takes: a null-terminated list whose first ones are empty for positional-only parameters.
struct Names {
  const char* const* list;
  int count = 0;
  int positional_only = 0;
  explicit Names(const char* const* names) : list(names) {
    while (names[count]) ++count;
    while (positional_only < count && !*names[positional_only]) ++positional_only;
  }
};

[[gnu::cold]] bool leftover_error(const Names& names, const Keywords& keywords, Py_ssize_t nargs, const char* function, bool by_equality) {
  for (int i = names.positional_only; i < nargs && i < names.count; ++i) {
    PyObject* given;
    if (!keywords.find(names.list[i], &given)) return false;
    if (given)
      return raise(PyExc_TypeError, "argument for %.200s%s given by name ('%s') and position (%d)", function ? function : "function",
                   function ? "()" : "", names.list[i], i + 1),
             false;
  }
  PyObject* unknown = nullptr;
  bool bad_key = false, failure = false;
  keywords.each([&](PyObject* key) {
    if (!PyUnicode_Check(key)) {
      bad_key = true;
      return false;
    }
    // An instance of a subclass may have the text of a name, or be equal to it by its own __eq__, and yet not be found in
    // the dictionary: then it is neither used nor unknown.
    for (int i = names.positional_only; i < names.count; ++i) {
      if (!by_equality || PyUnicode_CheckExact(key)) {
        if (PyUnicode_EqualToUTF8(key, names.list[i])) return true;
        continue;
      }
      Ref<> name = steal(PyUnicode_FromString(names.list[i]));
      const int equal = name ? PyObject_RichCompareBool(name, key, Py_EQ) : -1;
      if (equal < 0) failure = true;
      if (equal) return equal > 0;
    }
    unknown = key;
    return false;
  });
  if (failure) return false;
  if (bad_key) return raise(PyExc_TypeError, "keywords must be strings"), false;
  if (!unknown) {
    (void)raise(PyExc_TypeError, "invalid keyword argument for %.200s%s", function ? function : "this function", function ? "()" : "");
    return false;
  }
  NamedParameters known{names.positional_only, names.count, &names, [](const void* context, int i) {
                          const char* name = static_cast<const Names*>(context)->list[i];
                          return NamedParameters::Name{name, static_cast<Py_ssize_t>(strlen(name))};
                        }};
  (void)raise_unexpected_keyword(function ? function : "this function", function ? "()" : "", unknown, known);
  return false;
}

bool parse_with_keywords(PyObject* const* args, Py_ssize_t nargs, const Keywords& keywords, const char* format,
                         const char* const* name_list, Variadic* arguments, const char* given_function = nullptr,
                         const char* given_message = nullptr) {
  FormatTail tail = format_tail(format);
  if (given_function) tail.function = given_function;
  if (given_message) tail.message = given_message;
  const char* function = tail.function ? tail.function : "function";
  const char* parentheses = tail.function ? "()" : "";
  const Names names(name_list);
  const int count = names.count, positional_only = names.positional_only;
  for (int i = positional_only; i < count; ++i)
    if (!*name_list[i]) return raise(PyExc_SystemError, "Empty keyword parameter name"), false;
  Py_ssize_t remaining = keywords.count();
  if (nargs + remaining > count) {
    // TypeError of its own when "at most" and "keyword" are to be said.
    (void)raise_too_many(function, parentheses, count, nargs, nargs + remaining, false);
    return false;
  }

  Acquired acquired;
  int least = INT_MAX;  // parameters before '|'
  int most = INT_MAX;   // parameters before '$'
  bool skip = false;    // a positional-only argument is missing: only look for where the error message gets its numbers
  int i = 0;
  for (; i < count; ++i) {
    if (*format == '|') {
      if (least != INT_MAX) {
        acquired.release();
        return raise(PyExc_SystemError, "Invalid format string (| specified twice)"), false;
      }
      least = i;
      ++format;
      if (most != INT_MAX) {
        acquired.release();
        return raise(PyExc_SystemError, "Invalid format string ($ before |)"), false;
      }
    }
    if (*format == '$') {
      if (most != INT_MAX) {
        acquired.release();
        return raise(PyExc_SystemError, "Invalid format string ($ specified twice)"), false;
      }
      most = i;
      ++format;
      if (most < positional_only) {
        acquired.release();
        return raise(PyExc_SystemError, "Empty parameter name after $"), false;
      }
      // No more positional parameters: the count for the message is complete.
      if (skip) break;
      if (most < nargs) {
        acquired.release();
        if (most == 0) return raise(PyExc_TypeError, "%.200s%s takes no positional arguments", function, parentheses), false;
        (void)raise_positional_count(function, parentheses, least != INT_MAX ? "at most" : "exactly", most, nargs);
        return false;
      }
    }
    if (at_end(*format)) {
      acquired.release();
      return raise(PyExc_SystemError, "More keyword list entries (%d) than format specifiers (%d)", count, i), false;
    }
    if (!skip) {
      PyObject* argument = nullptr;
      if (i < nargs) {
        argument = args[i];
      } else if (remaining && i >= positional_only) {
        if (!keywords.find(name_list[i], &argument)) {
          acquired.release();
          return false;
        }
        if (argument) --remaining;
      }
      if (argument) {
        Place place;
        if (!convert_unit(argument, &format, arguments, &acquired, &place, 0)) {
          raise_at(place, i + 1, tail.function, tail.message);
          acquired.release();
          return false;
        }
        continue;
      }
      if (i < least) {
        if (i < positional_only) {
          skip = true;
        } else {
          acquired.release();
          return raise(PyExc_TypeError, "%.200s%s missing required argument '%s' (pos %d)", function, parentheses, name_list[i],
                       i + 1),
                 false;
        }
      }
      // All that is required is there, and nothing is left: the rest keeps its values.
      if (!remaining && !skip) return true;
    }
    if (const char* message = skip_unit(&format, arguments)) {
      acquired.release();
      return raise(PyExc_SystemError, "%s: '%s'", message, format), false;
    }
  }

  if (skip) {
    acquired.release();
    const int required = positional_only < least ? positional_only : least;
    (void)raise_positional_count(function, parentheses, required < i ? "at least" : "exactly", required, nargs);
    return false;
  }
  if (!at_end(*format) && *format != '|' && *format != '$') {
    acquired.release();
    return raise(PyExc_SystemError, "more argument specifiers than keyword list entries (remaining format:'%s')", format), false;
  }
  if (remaining > 0) {
    acquired.release();
    return leftover_error(names, keywords, nargs, tail.function, given_function || keywords.names);
  }
  return true;
}

bool parse_tuple_and_keywords(PyObject* args, PyObject* kwargs, const char* format, const char* const* names, Variadic* arguments) {
  if (!args || !PyTuple_Check(args) || (kwargs && !PyDict_Check(kwargs)) || !format || !names) {
    PyErr_BadInternalCall();
    return false;
  }
  Keywords keywords;
  keywords.dict = kwargs;
  return parse_with_keywords(reinterpret_cast<PyTupleObject*>(args)->ob_item, PyTuple_GET_SIZE(args), keywords, format, names,
                             arguments);
}

// The function's name as a parser tells it.
const char* parser_function(const _PyArg_Parser* parser) {
  if (parser->fname) return parser->fname;
  return parser->format ? format_tail(parser->format).function : nullptr;
}

bool parse_fast(PyObject* const* args, Py_ssize_t nargs, const Keywords& keywords, _PyArg_Parser* parser, Variadic* arguments) {
  return parse_with_keywords(args, nargs, keywords, parser->format, parser->keywords, arguments, parser->fname,
                             parser->custom_msg);
}

// Wraps the variable arguments of the calling function.
#define WITH_ARGUMENTS(LAST, EXPRESSION) \
  Variadic arguments;                    \
  va_start(arguments.list, LAST);        \
  const bool good = (EXPRESSION);        \
  va_end(arguments.list);                \
  return good

#define WITH_LIST(EXPRESSION)      \
  Variadic arguments;              \
  va_copy(arguments.list, list);   \
  const bool good = (EXPRESSION);  \
  va_end(arguments.list);          \
  return good

}  // namespace
}  // namespace ks

using namespace ks;

// ---- 1 on success, 0 with an exception -------------------------------------------------------------------------------

int PyArg_Parse(PyObject* object, const char* format, ...) {
  WITH_ARGUMENTS(format, parse_positional(object, true, nullptr, 0, format, &arguments));
}
int PyArg_ParseTuple(PyObject* args, const char* format, ...) {
  WITH_ARGUMENTS(format, parse_tuple(args, format, &arguments));
}
int PyArg_VaParse(PyObject* args, const char* format, va_list list) { WITH_LIST(parse_tuple(args, format, &arguments)); }
int PyArg_ParseTupleAndKeywords(PyObject* args, PyObject* kwargs, const char* format, const char* const* names, ...) {
  WITH_ARGUMENTS(names, parse_tuple_and_keywords(args, kwargs, format, names, &arguments));
}
int PyArg_VaParseTupleAndKeywords(PyObject* args, PyObject* kwargs, const char* format, const char* const* names, va_list list) {
  WITH_LIST(parse_tuple_and_keywords(args, kwargs, format, names, &arguments));
}
// The names that PY_SSIZE_T_CLEAN gave the same functions.
KS_EXPORT int _PyArg_Parse_SizeT(PyObject* object, const char* format, ...) {
  WITH_ARGUMENTS(format, parse_positional(object, true, nullptr, 0, format, &arguments));
}
KS_EXPORT int _PyArg_ParseTuple_SizeT(PyObject* args, const char* format, ...) {
  WITH_ARGUMENTS(format, parse_tuple(args, format, &arguments));
}
KS_EXPORT int _PyArg_VaParse_SizeT(PyObject* args, const char* format, va_list list) {
  WITH_LIST(parse_tuple(args, format, &arguments));
}
KS_EXPORT int _PyArg_ParseTupleAndKeywords_SizeT(PyObject* args, PyObject* kwargs, const char* format, char* const* names, ...) {
  WITH_ARGUMENTS(names, parse_tuple_and_keywords(args, kwargs, format, names, &arguments));
}
KS_EXPORT int _PyArg_VaParseTupleAndKeywords_SizeT(PyObject* args, PyObject* kwargs, const char* format, char* const* names,
                                                   va_list list) {
  WITH_LIST(parse_tuple_and_keywords(args, kwargs, format, names, &arguments));
}
KS_EXPORT int _PyArg_ParseStack(PyObject* const* args, Py_ssize_t nargs, const char* format, ...) {
  WITH_ARGUMENTS(format, parse_positional(nullptr, false, args, nargs, format, &arguments));
}
KS_EXPORT int _PyArg_ParseTupleAndKeywordsFast(PyObject* args, PyObject* kwargs, _PyArg_Parser* parser, ...) {
  if (!args || !PyTuple_Check(args) || (kwargs && !PyDict_Check(kwargs)) || !parser) {
    PyErr_BadInternalCall();
    return 0;
  }
  Keywords keywords;
  keywords.dict = kwargs;
  WITH_ARGUMENTS(parser, parse_fast(reinterpret_cast<PyTupleObject*>(args)->ob_item, PyTuple_GET_SIZE(args), keywords, parser,
                                    &arguments));
}
KS_EXPORT int _PyArg_ParseStackAndKeywords(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, _PyArg_Parser* parser, ...) {
  Keywords keywords;
  keywords.names = kwnames;
  keywords.values = args + nargs;
  WITH_ARGUMENTS(parser, parse_fast(args, nargs, keywords, parser, &arguments));
}

// Orders the arguments of a function by its parameters, into buf (NULL where omitted); NULL with an exception.
// Parameters 0..maxpos-1 can be positional, the first minpos are required, and so are minkw after maxpos.
#undef _PyArg_UnpackKeywords
KS_EXPORT PyObject* const* _PyArg_UnpackKeywords(PyObject* const* args, Py_ssize_t nargs, PyObject* kwargs, PyObject* kwnames,
                                                 _PyArg_Parser* parser, int minpos, int maxpos, int minkw, int varpos,
                                                 PyObject** buf) {
  if (!parser || (kwargs && !PyDict_Check(kwargs))) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (!args && nargs) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  Keywords keywords;
  if (kwnames) {
    keywords.names = kwnames;
    keywords.values = args + nargs;
  } else {
    keywords.dict = kwargs;
  }
  const Py_ssize_t given_keywords = keywords.count();
  if (given_keywords == 0 && minkw == 0 && minpos <= nargs && (varpos || nargs <= maxpos)) {
    // The usual case: the caller's array serves.
    const Names names(parser->keywords);
    for (int i = 0; i < names.count; ++i) buf[i] = i < nargs && i < maxpos ? args[i] : nullptr;
    return buf;
  }
  const Names names(parser->keywords);
  const int count = names.count, positional_only = names.positional_only;
  const char* name = parser_function(parser);
  const char* function = name ? name : "function";
  const char* parentheses = name ? "()" : "";
  const int minimum_positional_only = positional_only < minpos ? positional_only : minpos;

  if (!varpos && nargs + given_keywords > count) {
    (void)raise_too_many(function, parentheses, count, nargs, nargs + given_keywords, false);
    return nullptr;
  }
  if (!varpos && nargs > maxpos) {
    if (maxpos == 0) return raise(PyExc_TypeError, "%.200s%s takes no positional arguments", function, parentheses);
    return raise_positional_count(function, parentheses, minpos < maxpos ? "at most" : "exactly", maxpos, nargs);
  }
  if (nargs < minimum_positional_only) {
    return raise_positional_count(function, parentheses, varpos || minimum_positional_only < maxpos ? "at least" : "exactly",
                                  minimum_positional_only, nargs);
  }
  const int from_positions = static_cast<int>(nargs < maxpos ? nargs : maxpos);
  for (int i = 0; i < count; ++i) buf[i] = i < from_positions ? args[i] : nullptr;
  Py_ssize_t remaining = given_keywords;
  const int required_end = minkw ? maxpos + minkw : minpos;
  for (int i = from_positions > positional_only ? from_positions : positional_only; i < count; ++i) {
    PyObject* value = nullptr;
    if (remaining) {
      if (!keywords.find(parser->keywords[i], &value)) return nullptr;
    } else if (i >= minpos && (i < maxpos || i >= required_end)) {
      break;
    }
    if (value) {
      --remaining;
      buf[i] = value;
    } else if (i < minpos || (maxpos <= i && i < required_end)) {
      return raise(PyExc_TypeError, "%.200s%s missing required argument '%s' (pos %d)", function, parentheses, parser->keywords[i],
                   i + 1);
    }
  }
  if (remaining > 0) {
    (void)leftover_error(names, keywords, nargs, name, true);
    return nullptr;
  }
  return buf;
}

// ---- single checks: 1 when all is well, 0 with an exception -----------------------------------------------------------

#undef _PyArg_CheckPositional
KS_EXPORT int _PyArg_CheckPositional(const char* name, Py_ssize_t nargs, Py_ssize_t least, Py_ssize_t most) {
  return check_positional(name, nargs, least, most);
}
#undef _PyArg_NoKeywords
KS_EXPORT int _PyArg_NoKeywords(const char* name, PyObject* kwargs) {
  if (!kwargs) return 1;
  if (!PyDict_Check(kwargs)) {
    PyErr_BadInternalCall();
    return 0;
  }
  if (PyDict_GET_SIZE(kwargs) == 0) return 1;
  (void)raise_no_keywords(name);
  return 0;
}
#undef _PyArg_NoPositional
KS_EXPORT int _PyArg_NoPositional(const char* name, PyObject* args) {
  if (!args) return 1;
  if (!PyTuple_Check(args)) {
    PyErr_BadInternalCall();
    return 0;
  }
  if (PyTuple_GET_SIZE(args) == 0) return 1;
  (void)raise(PyExc_TypeError, "%.200s() takes no positional arguments", name);
  return 0;
}
// TypeError "f() argument 1 must be str, not int".
KS_EXPORT void _PyArg_BadArgument(const char* function, const char* display_name, const char* expected, PyObject* argument) {
  (void)raise(PyExc_TypeError, "%.200s() %.200s must be %.50s, not %.50s", function, display_name, expected,
              argument == Py_None ? "None" : Py_TYPE(argument)->tp_name);
}

// The arguments as they are, borrowed, to PyObject** targets.
int PyArg_UnpackTuple(PyObject* args, const char* name, Py_ssize_t least, Py_ssize_t most, ...) {
  if (!PyTuple_Check(args)) return raise(PyExc_SystemError, "PyArg_UnpackTuple() argument list is not a tuple"), 0;
  const Py_ssize_t nargs = PyTuple_GET_SIZE(args);
  if (!check_positional(name, nargs, least, most)) return 0;
  va_list list;
  va_start(list, most);
  for (Py_ssize_t i = 0; i < nargs; ++i) *va_arg(list, PyObject**) = PyTuple_GET_ITEM(args, i);
  va_end(list);
  return 1;
}

int PyArg_ValidateKeywordArguments(PyObject* kwargs) {
  if (!PyDict_Check(kwargs)) {
    PyErr_BadInternalCall();
    return 0;
  }
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (PyDict_Next(kwargs, &position, &key, &value))
    if (!PyUnicode_Check(key)) return raise(PyExc_TypeError, "keywords must be strings"), 0;
  return 1;
}

// For "O&": an int or None (which leaves the value).
KS_EXPORT int _Py_convert_optional_to_ssize_t(PyObject* object, void* target) {
  if (object == Py_None) return 1;
  if (!PyIndex_Check(object))
    return raise(PyExc_TypeError, "argument should be integer or None, not '%.200s'", Py_TYPE(object)->tp_name), 0;
  const Py_ssize_t value = PyNumber_AsSsize_t(object, PyExc_OverflowError);
  if (value == -1 && PyErr_Occurred()) return 0;
  *static_cast<Py_ssize_t*>(target) = value;
  return 1;
}
