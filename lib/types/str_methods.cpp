// The methods of str as data, and those that need no file of their own.
#include <algorithm>

#include "object/export.h"
#include "text/format_spec.h"
#include "text/unicode.h"
#include "types/str.h"
#include "types/str_private.h"
#include "object/method_text.h"

namespace ks {

// A row whose shown signature has forms that binding does not read ("sub[, start[, end]]").
#define BOUNDS "($self, sub, start=None, end=None, /)"
#define BOUNDS_SHOWN "($self, sub[, start[, end]], /)"

// ---- searching -----------------------------------------------------------------------------------------------------------

static PyObject* boxed_index(Py_ssize_t index) { return index == -2 ? nullptr : PyLong_FromSsize_t(index); }

static PyObject* str_method_find(PyObject* s, StrArgument sub, Index start, SliceEnd end) {
  return boxed_index(str_find(s, sub, start, end));
}
METHOD_SHOWN(str_method_find, "find", 0, BOUNDS, BOUNDS_SHOWN, "The lowest index in S[start:end] where sub begins, or -1.");
static PyObject* str_method_rfind(PyObject* s, StrArgument sub, Index start, SliceEnd end) {
  return boxed_index(str_rfind(s, sub, start, end));
}
METHOD_SHOWN(str_method_rfind, "rfind", 0, BOUNDS, BOUNDS_SHOWN, "The highest index in S[start:end] where sub begins, or -1.");
static PyObject* str_method_index(PyObject* s, StrArgument sub, Index start, SliceEnd end) {
  const Py_ssize_t found = str_find(s, sub, start, end);
  if (found == -1) return raise(PyExc_ValueError, "substring not found");
  return boxed_index(found);
}
METHOD_SHOWN(str_method_index, "index", 0, BOUNDS, BOUNDS_SHOWN, "Like find(), but ValueError when there is none.");
static PyObject* str_method_rindex(PyObject* s, StrArgument sub, Index start, SliceEnd end) {
  const Py_ssize_t found = str_rfind(s, sub, start, end);
  if (found == -1) return raise(PyExc_ValueError, "substring not found");
  return boxed_index(found);
}
METHOD_SHOWN(str_method_rindex, "rindex", 0, BOUNDS, BOUNDS_SHOWN, "Like rfind(), but ValueError when there is none.");
static PyObject* str_method_count(PyObject* s, StrArgument sub, Index start, SliceEnd end) {
  return boxed_index(str_count(s, sub, start, end));
}
METHOD_SHOWN(str_method_count, "count", 0, BOUNDS, BOUNDS_SHOWN, "How often sub occurs in S[start:end] without overlap.");

static PyObject* affix_test(PyObject* s, PyObject* affix, Py_ssize_t start, Py_ssize_t end, bool at_end) {
  const char* name = at_end ? "endswith" : "startswith";
  if (PyTuple_Check(affix)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(affix); ++i) {
      PyObject* one = PyTuple_GET_ITEM(affix, i);
      if (!PyUnicode_Check(one))
        return raise(PyExc_TypeError, "tuple for %s must only contain str, not %.100s", name, Py_TYPE(one)->tp_name);
      if (str_tail_match(s, one, start, end, at_end)) Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
  }
  if (!PyUnicode_Check(affix))
    return raise(PyExc_TypeError, "%s first arg must be str or a tuple of str, not %.100s", name, Py_TYPE(affix)->tp_name);
  return Py_NewRef(str_tail_match(s, affix, start, end, at_end) ? Py_True : Py_False);
}
static PyObject* str_method_startswith(PyObject* s, PyObject* prefix, Index start, SliceEnd end) {
  return affix_test(s, prefix, start, end, false);
}
METHOD_SHOWN(str_method_startswith, "startswith", 0, "($self, prefix, start=None, end=None, /)",
             "($self, prefix[, start[, end]], /)", "Whether S[start:end] begins with prefix, a str or a tuple of them.");
static PyObject* str_method_endswith(PyObject* s, PyObject* suffix, Index start, SliceEnd end) {
  return affix_test(s, suffix, start, end, true);
}
METHOD_SHOWN(str_method_endswith, "endswith", 0, "($self, suffix, start=None, end=None, /)",
             "($self, suffix[, start[, end]], /)", "Whether S[start:end] ends with suffix, a str or a tuple of them.");

static PyObject* str_removeprefix(PyObject* s, StrArgument prefix) {
  if (str_tail_match(s, prefix, 0, PY_SSIZE_T_MAX, false)) return str_substring(s, str_length(prefix), str_length(s));
  return str_exact(s);
}
METHOD(str, removeprefix, "($self, prefix, /)", "The text without the prefix, if it has it.");
static PyObject* str_removesuffix(PyObject* s, StrArgument suffix) {
  if (str_length(suffix) && str_tail_match(s, suffix, 0, PY_SSIZE_T_MAX, true))
    return str_substring(s, 0, str_length(s) - str_length(suffix));
  return str_exact(s);
}
METHOD(str, removesuffix, "($self, suffix, /)", "The text without the suffix, if it has it.");

static PyObject* str_method_replace(PyObject* s, StrArgument old, StrArgument replacement, Py_ssize_t count) {
  return str_replace(s, old, replacement, count);
}
METHOD_AS(str_method_replace, "replace", 0, "($self, old, new, /, count=-1)", "The text with old replaced by new, all or the first count times.");

// ---- taking apart, putting together ------------------------------------------------------------------------------------------

static Status separator_argument(PyObject*& separator) {
  if (!separator || separator == Py_None) {
    separator = nullptr;
    return Status::Ok;
  }
  if (PyUnicode_Check(separator)) return Status::Ok;
  return raise(PyExc_TypeError, "must be str or None, not %.100s", Py_TYPE(separator)->tp_name);
}
static PyObject* str_method_split(PyObject* s, PyObject* separator, Py_ssize_t maximum) {
  TRY(separator_argument(separator));
  return str_split(s, separator, maximum);
}
METHOD_AS(str_method_split, "split", 0, "($self, /, sep=None, maxsplit=-1)", "A list of the parts between separators (None: runs of whitespace).");
static PyObject* str_method_rsplit(PyObject* s, PyObject* separator, Py_ssize_t maximum) {
  TRY(separator_argument(separator));
  return str_rsplit(s, separator, maximum);
}
METHOD_AS(str_method_rsplit, "rsplit", 0, "($self, /, sep=None, maxsplit=-1)", "Like split(), counting maxsplit from the end.");
static PyObject* str_method_splitlines(PyObject* s, bool keep_ends) { return str_splitlines(s, keep_ends); }
METHOD_AS(str_method_splitlines, "splitlines", 0, "($self, /, keepends=False)", "A list of the lines, with their ends only if keepends is true.");
static PyObject* str_method_partition(PyObject* s, PyObject* separator) { return PyUnicode_Partition(s, separator); }
METHOD_AS(str_method_partition, "partition", 0, "($self, sep, /)", "What is before the first separator, it, and what is behind.");
static PyObject* str_method_rpartition(PyObject* s, PyObject* separator) { return PyUnicode_RPartition(s, separator); }
METHOD_AS(str_method_rpartition, "rpartition", 0, "($self, sep, /)", "What is before the last separator, it, and what is behind.");
METHOD(str, join, "($self, iterable, /)", "The strings of iterable with this one between them.");

static PyObject* strip(PyObject* s, PyObject* chars, StripSide side, const char* name) {
  if (!chars || chars == Py_None) return str_strip(s, nullptr, side);
  if (!PyUnicode_Check(chars)) return raise(PyExc_TypeError, "%s arg must be None or str", name);
  return str_strip(s, chars, side);
}
static PyObject* str_method_strip(PyObject* s, PyObject* chars) { return strip(s, chars, StripSide::Both, "strip"); }
METHOD_AS(str_method_strip, "strip", 0, "($self, chars=None, /)", "The text without whitespace, or the given characters, at both ends.");
static PyObject* str_method_lstrip(PyObject* s, PyObject* chars) { return strip(s, chars, StripSide::Left, "lstrip"); }
METHOD_AS(str_method_lstrip, "lstrip", 0, "($self, chars=None, /)", "The text without whitespace, or the given characters, at the start.");
static PyObject* str_method_rstrip(PyObject* s, PyObject* chars) { return strip(s, chars, StripSide::Right, "rstrip"); }
METHOD_AS(str_method_rstrip, "rstrip", 0, "($self, chars=None, /)", "The text without whitespace, or the given characters, at the end.");

// ---- case ------------------------------------------------------------------------------------------------------------------

METHOD(str, upper, "($self, /)", "A copy in upper case.");
METHOD(str, lower, "($self, /)", "A copy in lower case.");
METHOD(str, title, "($self, /)", "A copy whose words begin with a title case letter, the rest in lower case.");
METHOD(str, swapcase, "($self, /)", "A copy with upper and lower case exchanged.");
METHOD(str, capitalize, "($self, /)", "A copy with the first character in title case and the rest in lower case.");
METHOD(str, casefold, "($self, /)", "A copy for comparing without regard to case.");

// ---- predicates ---------------------------------------------------------------------------------------------------------------

template <class F>
static bool all_chars(PyObject* s, F test) {
  if (str_length(s) == 0) return false;
  return str_visit(s, [&](auto chars) {
    for (const Py_UCS4 c : chars)
      if (!test(c)) return false;
    return true;
  });
}
static bool all_are(PyObject* s, unsigned flags) {
  return all_chars(s, [flags](Py_UCS4 c) { return character_is(c, flags); });
}
static bool str_isascii(PyObject* s) { return str_is_ascii(s); }
METHOD(str, isascii, "($self, /)", "Whether all characters are ASCII.");
static bool str_isspace(PyObject* s) { return all_are(s, kIs_space); }
METHOD(str, isspace, "($self, /)", "Whether there are characters and all are whitespace.");
static bool str_isdecimal(PyObject* s) { return all_are(s, kIs_decimal); }
METHOD(str, isdecimal, "($self, /)", "Whether there are characters and all are decimal digits.");
static bool str_isdigit(PyObject* s) { return all_are(s, kIs_digit); }
METHOD(str, isdigit, "($self, /)", "Whether there are characters and all are digits.");
static bool str_isnumeric(PyObject* s) { return all_are(s, kIs_numeric); }
METHOD(str, isnumeric, "($self, /)", "Whether there are characters and all are numeric.");
static bool str_isalpha(PyObject* s) { return all_are(s, kIs_alpha); }
METHOD(str, isalpha, "($self, /)", "Whether there are characters and all are letters.");
static bool str_isalnum(PyObject* s) { return all_are(s, kIs_alpha | kIs_decimal | kIs_digit | kIs_numeric); }
METHOD(str, isalnum, "($self, /)", "Whether there are characters and all are letters or numeric.");
static bool str_isprintable(PyObject* s) { return str_length(s) == 0 || all_are(s, kIs_printable); }
METHOD(str, isprintable, "($self, /)", "Whether all characters are printable.");
static bool one_case(PyObject* s, unsigned wanted, unsigned unwanted) {
  bool cased = false;
  const bool clean = all_chars(s, [&](Py_UCS4 c) {
    const unsigned flags = character_type(c).flags;
    cased |= (flags & wanted) != 0;
    return !(flags & unwanted);
  });
  return clean && cased;
}
static bool str_islower(PyObject* s) { return one_case(s, kIs_lower, kIs_upper | kIs_title); }
METHOD(str, islower, "($self, /)", "Whether there are cased characters and all of them are lower case.");
static bool str_isupper(PyObject* s) { return one_case(s, kIs_upper, kIs_lower | kIs_title); }
METHOD(str, isupper, "($self, /)", "Whether there are cased characters and all of them are upper case.");
static bool str_istitle(PyObject* s) {
  bool cased = false, after_cased = false;
  const bool clean = all_chars(s, [&](Py_UCS4 c) {
    const unsigned flags = character_type(c).flags;
    if (flags & (kIs_upper | kIs_title)) {
      if (after_cased) return false;
      after_cased = cased = true;
    } else if (flags & kIs_lower) {
      if (!after_cased) return false;
      cased = true;
    } else {
      after_cased = false;
    }
    return true;
  });
  return clean && cased;
}
METHOD(str, istitle, "($self, /)", "Whether words begin with upper or title case and go on in lower case.");

static Py_ssize_t scan_identifier(PyObject* s) {
  return str_visit(s, [](auto chars) -> Py_ssize_t {
    if (chars.size == 0) return 0;
    if (chars[0] != '_' && !character_is(chars[0], kIs_identifier_start)) return 0;
    Py_ssize_t i = 1;
    while (i < chars.size && character_is(chars[i], kIs_identifier_continue)) ++i;
    return i;
  });
}
static bool str_isidentifier(PyObject* s) { return str_length(s) && scan_identifier(s) == str_length(s); }
METHOD(str, isidentifier, "($self, /)", "Whether the text is a name as Python's source may have it.");

// ---- padding ---------------------------------------------------------------------------------------------------------------------

PyObject* str_pad(PyObject* s, Py_ssize_t left, Py_ssize_t right, Py_UCS4 fill) {
  left = std::max<Py_ssize_t>(left, 0);
  right = std::max<Py_ssize_t>(right, 0);
  if (left == 0 && right == 0) return str_exact(s);
  const Py_ssize_t length = str_length(s);
  if (left > PY_SSIZE_T_MAX - length || right > PY_SSIZE_T_MAX - (left + length))
    return raise(PyExc_OverflowError, "padded string is too long");
  PyObject* result = str_new(left + length + right, std::max(fill, PyUnicode_MAX_CHAR_VALUE(s)));
  if (!result) return nullptr;
  str_visit_mutable(result, [&](auto* to) {
    using T = std::remove_pointer_t<decltype(to)>;
    std::fill_n(to, left, static_cast<T>(fill));
    std::fill_n(to + left + length, right, static_cast<T>(fill));
  });
  copy_chars(str_kind(result), str_data(result), left, str_kind(s), str_data(s), 0, length);
  if (str_length(result) == 1) Py_SETREF(result, str_from_char(str_char(result, 0)));
  return result;
}
static Status fill_argument(PyObject* fill, Py_UCS4* c) {
  *c = ' ';
  if (!fill) return Status::Ok;
  if (!PyUnicode_Check(fill))
    return raise(PyExc_TypeError, "The fill character must be a unicode character, not %.100s", Py_TYPE(fill)->tp_name);
  if (str_length(fill) != 1) return raise(PyExc_TypeError, "The fill character must be exactly one character long");
  *c = str_char(fill, 0);
  return Status::Ok;
}
static PyObject* str_center(PyObject* s, Py_ssize_t width, PyObject* fill) {
  Py_UCS4 c;
  TRY(fill_argument(fill, &c));
  const Py_ssize_t margin = width - str_length(s);
  if (margin <= 0) return str_exact(s);
  const Py_ssize_t left = margin / 2 + (margin & width & 1);
  return str_pad(s, left, margin - left, c);
}
METHOD(str, center, "($self, width, fillchar=' ', /)", "The text in the middle of width characters.");
static PyObject* str_ljust(PyObject* s, Py_ssize_t width, PyObject* fill) {
  Py_UCS4 c;
  TRY(fill_argument(fill, &c));
  return str_pad(s, 0, width - str_length(s), c);
}
METHOD(str, ljust, "($self, width, fillchar=' ', /)", "The text at the left of width characters.");
static PyObject* str_rjust(PyObject* s, Py_ssize_t width, PyObject* fill) {
  Py_UCS4 c;
  TRY(fill_argument(fill, &c));
  return str_pad(s, width - str_length(s), 0, c);
}
METHOD(str, rjust, "($self, width, fillchar=' ', /)", "The text at the right of width characters.");
static PyObject* str_zfill(PyObject* s, Py_ssize_t width) {
  const Py_ssize_t fill = width - str_length(s);
  if (fill <= 0) return str_exact(s);
  PyObject* result = str_pad(s, fill, 0, '0');
  if (!result) return nullptr;
  if (str_length(s) == 0) return result;
  const Py_UCS4 sign = str_char(s, 0);
  if ((sign == '+' || sign == '-') && str_length(result) > 1) {
    PyUnicode_WRITE(str_kind(result), str_data(result), fill, '0');
    PyUnicode_WRITE(str_kind(result), str_data(result), 0, sign);
  }
  return result;
}
METHOD(str, zfill, "($self, width, /)", "The numeric text with zeros at the left, behind the sign.");

static PyObject* str_expandtabs(PyObject* s, int tab_size) {
  StrBuilder builder;
  Py_ssize_t column = 0;
  bool found = false;
  const Status done = str_visit(s, [&](auto chars) -> Status {
    for (Py_ssize_t i = 0; i < chars.size; ++i) {
      const Py_UCS4 c = chars[i];
      if (c == '\t') {
        found = true;
        if (tab_size > 0) {
          const Py_ssize_t add = tab_size - column % tab_size;
          if (column > PY_SSIZE_T_MAX - add || builder.length() > PY_SSIZE_T_MAX - add)
            return raise(PyExc_OverflowError, "new string is too long");
          column += add;
          TRY(builder.add_repeated(' ', add));
        }
      } else {
        ++column;
        TRY(builder.add_char(c));
        if (c == '\n' || c == '\r') column = 0;
      }
    }
    return Status::Ok;
  });
  TRY(done);
  if (!found) return str_exact(s);
  return builder.finish();
}
METHOD(str, expandtabs, "($self, /, tabsize=8)", "The text with tabs replaced by spaces up to the next column that is a multiple.");

// ---- translate --------------------------------------------------------------------------------------------------------------------

// What the table says for a character: appended to the builder. No: not mapped.
static Found translate_one(PyObject* table, Py_UCS4 c, StrBuilder& builder) {
  Ref<> key = TRY(steal(PyLong_FromLong(static_cast<long>(c))));
  Ref<> value = steal(PyObject_GetItem(table, key));
  if (!value) {
    if (!PyErr_ExceptionMatches(PyExc_LookupError)) return failed;
    PyErr_Clear();
    return Found::No;
  }
  if (value == Py_None) return Found::Yes;
  if (PyLong_Check(value.get())) {
    const long code = PyLong_AsLong(value);
    if (code == -1 && PyErr_Occurred()) PyErr_Clear();
    if (code < 0 || code > 0x10ffff) return raise(PyExc_ValueError, "character mapping must be in range(0x%x)", 0x110000);
    TRY(builder.add_char(static_cast<Py_UCS4>(code)));
    return Found::Yes;
  }
  if (PyUnicode_Check(value.get())) {
    TRY(builder.add_chars(str_kind(value), str_data(value), str_length(value)));
    return Found::Yes;
  }
  return raise(PyExc_TypeError, "character mapping must return integer, None or str");
}

PyObject* str_translate(PyObject* s, PyObject* table, const char*) {
  const Py_ssize_t length = str_length(s);
  if (length == 0) return str_exact(s);
  StrBuilder builder;
  // ASCII characters are asked once: 0 unknown, 1 as they are, 2 deleted, 3 ask each time, else the ASCII result + 4.
  Py_UCS1 known[128] = {};
  for (Py_ssize_t i = 0; i < length; ++i) {
    const Py_UCS4 c = str_char(s, i);
    if (c < 128 && known[c] && known[c] != 3) {
      if (known[c] == 1) TRY(builder.add_char(c));
      else if (known[c] > 3) TRY(builder.add_char(known[c] - 4u));
      continue;
    }
    const Py_ssize_t before = builder.length();
    const bool mapped = TRY(translate_one(table, c, builder));
    if (!mapped) TRY(builder.add_char(c));
    if (c < 128) {
      const Py_ssize_t added = builder.length() - before;
      known[c] = !mapped ? 1 : added == 0 ? 2 : 3;
      if (mapped && added == 1 && builder.last() < 128) known[c] = static_cast<Py_UCS1>(builder.last() + 4);
    }
  }
  return builder.finish();
}
static PyObject* str_method_translate(PyObject* s, PyObject* table) { return str_translate(s, table, nullptr); }
METHOD_AS(str_method_translate, "translate", 0, "($self, table, /)",
          "Each character replaced by what table[ord(c)] is: a str, an ordinal, or None to delete it.");

PyObject* str_maketrans(PyObject* x, PyObject* y, PyObject* z) {
  Ref<> result = TRY(steal(PyDict_New()));
  if (y) {
    if (!PyUnicode_Check(x))
      return raise(PyExc_TypeError, "first maketrans argument must be a string if there is a second argument");
    if (str_length(x) != str_length(y))
      return raise(PyExc_ValueError, "the first two maketrans arguments must have equal length");
    for (Py_ssize_t i = 0; i < str_length(x); ++i) {
      Ref<> key = TRY(steal(PyLong_FromLong(static_cast<long>(str_char(x, i)))));
      Ref<> value = TRY(steal(PyLong_FromLong(static_cast<long>(str_char(y, i)))));
      if (PyDict_SetItem(result, key, value) < 0) return nullptr;
    }
    if (z)
      for (Py_ssize_t i = 0; i < str_length(z); ++i) {
        Ref<> key = TRY(steal(PyLong_FromLong(static_cast<long>(str_char(z, i)))));
        if (PyDict_SetItem(result, key, Py_None) < 0) return nullptr;
      }
    return result.release();
  }
  if (!PyDict_CheckExact(x))
    return raise(PyExc_TypeError, "if you give only one argument to maketrans it must be a dict");
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (PyDict_Next(x, &position, &key, &value)) {
    if (PyUnicode_Check(key)) {
      if (str_length(key) != 1) return raise(PyExc_ValueError, "string keys in translatetable must be of length 1");
      Ref<> code = TRY(steal(PyLong_FromLong(static_cast<long>(str_char(key, 0)))));
      if (PyDict_SetItem(result, code, value) < 0) return nullptr;
    } else if (PyLong_Check(key)) {
      if (PyDict_SetItem(result, key, value) < 0) return nullptr;
    } else {
      return raise(PyExc_TypeError, "keys in translate table mustbe strings or integers");
    }
  }
  return result.release();
}
static PyObject* str_method_maketrans(PyObject*, PyObject* x, StrArgument y, StrArgument z) {
  return str_maketrans(x, y.object, z.object);
}
METHOD_AS(str_method_maketrans, "maketrans", METH_STATIC, "(x, y=<unrepresentable>, z=<unrepresentable>, /)",
             "A table for str.translate() from a dict, or from two strings of equal length and one to delete.");

// ---- the rest -----------------------------------------------------------------------------------------------------------------------

static PyObject* str_encode(PyObject* s, TextArgument encoding, TextArgument errors) {
  return PyUnicode_AsEncodedString(s, encoding, errors);
}
METHOD(str, encode, "($self, /, encoding='utf-8', errors='strict')", "The text as bytes of the encoding.");

static PyObject* str_format_spec(PyObject* s, StrArgument spec) {
  if (str_length(spec) == 0) {
    if (is_exact_str(s)) return Py_NewRef(s);
    return PyObject_Str(s);
  }
  return format_str(s, spec);
}
METHOD_AS(str_format_spec, "__format__", 0, "($self, format_spec, /)", "The text formatted as format_spec says.");

static PyObject* str_method_format(PyObject* s, PyObject* args, PyObject* kwargs) { return str_format(s, args, kwargs); }
METHOD_AS(str_method_format, "format", 0, "($self, /, *args, **kwargs)", "The text with its replacement fields filled from the arguments.");
METHOD(str, format_map, "($self, mapping, /)", "The text with its replacement fields filled from mapping.");

static PyObject* str_sizeof(PyObject* s) {
  const PyASCIIObject* head = str_head(s);
  Py_ssize_t size;
  if (head->state.compact && head->state.ascii) size = static_cast<Py_ssize_t>(sizeof(PyASCIIObject)) + head->length + 1;
  else if (head->state.compact) size = static_cast<Py_ssize_t>(sizeof(PyCompactUnicodeObject)) + (head->length + 1) * head->state.kind;
  else {
    size = Py_TYPE(s)->tp_basicsize;
    if (as<PyUnicodeObject>(s)->data.any) size += (head->length + 1) * head->state.kind;
  }
  if (!(head->state.compact && head->state.ascii)) {
    const auto* compact = as<PyCompactUnicodeObject>(s);
    if (compact->utf8 && compact->utf8 != str_data(s)) size += compact->utf8_length + 1;
  }
  return PyLong_FromSsize_t(size);
}
METHOD_AS(str_sizeof, "__sizeof__", 0, "($self, /)", "The size of the string in memory, in bytes.");

static PyObject* str_getnewargs(PyObject* s) {
  PyObject* copy = _PyUnicode_Copy(s);
  return copy ? Py_BuildValue("(N)", copy) : nullptr;
}
METHOD_AS(str_getnewargs, "__getnewargs__", 0, "($self, /)", "");

PyMethodDef str_methods[] = {
    str_encode_method,            str_method_replace_method,    str_method_split_method,      str_method_rsplit_method,
    str_join_method,              str_capitalize_method,        str_casefold_method,          str_title_method,
    str_center_method,            str_method_count_method,      str_expandtabs_method,        str_method_find_method,
    str_method_partition_method,  str_method_index_method,      str_ljust_method,             str_lower_method,
    str_method_lstrip_method,     str_method_rfind_method,      str_method_rindex_method,     str_rjust_method,
    str_method_rstrip_method,     str_method_rpartition_method, str_method_splitlines_method, str_method_strip_method,
    str_swapcase_method,          str_method_translate_method,  str_upper_method,             str_method_startswith_method,
    str_method_endswith_method,   str_removeprefix_method,      str_removesuffix_method,      str_isascii_method,
    str_islower_method,           str_isupper_method,           str_istitle_method,           str_isspace_method,
    str_isdecimal_method,         str_isdigit_method,           str_isnumeric_method,         str_isalpha_method,
    str_isalnum_method,           str_isidentifier_method,      str_isprintable_method,       str_zfill_method,
    str_method_format_method,     str_format_map_method,        str_format_spec_method,       str_method_maketrans_method,
    str_sizeof_method,            str_getnewargs_method,            {}};

// ---- repr --------------------------------------------------------------------------------------------------------------------------------

static Status add_escape(StrBuilder& out, Py_UCS4 c) {
  char text[12];
  const int n = c < 0x100 ? snprintf(text, sizeof text, "\\x%02x", c)
                : c < 0x10000 ? snprintf(text, sizeof text, "\\u%04x", c) : snprintf(text, sizeof text, "\\U%08x", c);
  return out.add_ascii(text, n);
}

PyObject* str_repr(PyObject* s) {
  const Py_ssize_t length = str_length(s);
  if (length == 0) return str_from_ascii("''", 2);
  return str_visit(s, [&](auto chars) -> PyObject* {
    Py_ssize_t singles = 0, doubles = 0;
    bool plain = true;
    for (const Py_UCS4 c : chars) {
      singles += c == '\'';
      doubles += c == '"';
      plain &= c >= ' ' && c < 0x7f && c != '\\';
    }
    const Py_UCS4 quote = singles && !doubles ? '"' : '\'';
    if (plain && (singles == 0 || quote == '"')) {
      PyObject* result = str_new(length + 2, 0x7f);
      if (!result) return nullptr;
      auto* to = str_data_as<Py_UCS1>(result);
      to[0] = to[length + 1] = static_cast<Py_UCS1>(quote);
      copy_chars(1, to, 1, sizeof *chars.data, chars.data, 0, length);
      return result;
    }
    StrBuilder out;
    TRY(out.add_char(quote));
    for (const Py_UCS4 c : chars) {
      switch (c) {
        case '\t': TRY(out.add_ascii("\\t", 2)); break;
        case '\n': TRY(out.add_ascii("\\n", 2)); break;
        case '\r': TRY(out.add_ascii("\\r", 2)); break;
        case '\\': TRY(out.add_ascii("\\\\", 2)); break;
        default:
          if (c == quote) {
            TRY(out.add_char('\\'));
            TRY(out.add_char(c));
          } else if (c >= ' ' && (c < 0x7f || (c > 0x7f && character_is(c, kIs_printable)))) {
            TRY(out.add_char(c));
          } else {
            TRY(add_escape(out, c));
          }
      }
    }
    TRY(out.add_char(quote));
    return out.finish();
  });
}

}  // namespace ks

using namespace ks;

extern "C" {

// How many leading characters make an identifier.
KS_EXPORT Py_ssize_t _PyUnicode_ScanIdentifier(PyObject* s) { return scan_identifier(s); }
int PyUnicode_IsIdentifier(PyObject* s) { return str_isidentifier(s); }

// New; the errors argument has no meaning any more.
PyObject* PyUnicode_Translate(PyObject* s, PyObject* table, const char* errors) {
  TRY(require_str(s));
  return str_translate(s, table, errors);
}

// New: decimal digits of any script as ASCII, whitespace as spaces, everything else that is not ASCII ends in '?'.
KS_EXPORT PyObject* _PyUnicode_TransformDecimalAndSpaceToASCII(PyObject* s) {
  if (!is_str_internal(s)) return nullptr;
  if (str_is_ascii(s)) return str_exact(s);
  const Py_ssize_t length = str_length(s);
  PyObject* result = str_new(length, 0x7f);
  if (!result) return nullptr;
  auto* to = str_data_as<Py_UCS1>(result);
  str_visit(s, [&](auto chars) {
    for (Py_ssize_t i = 0; i < length; ++i) {
      const Py_UCS4 c = chars[i];
      if (c < 127) {
        to[i] = static_cast<Py_UCS1>(c);
      } else if (Py_UNICODE_ISSPACE(c)) {
        to[i] = ' ';
      } else {
        const int digit = character_type(c).decimal;
        if (digit < 0) {
          to[i] = '?';
          str_head(result)->length = i + 1;
          to[i + 1] = 0;
          break;
        }
        to[i] = static_cast<Py_UCS1>('0' + digit);
      }
    }
  });
  return result;
}

}  // extern "C"
