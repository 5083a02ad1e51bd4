// The % operator: printf-style formatting.
#include <algorithm>
#include <climits>

#include "object/export.h"
#include "types/int.h"
#include "types/str.h"
#include "types/str_private.h"

namespace ks {

// One formatting operation: where its arguments come from.
struct Percent {
  PyObject* format;
  PyObject* arguments;          // as given
  PyObject* mapping = nullptr;  // for %(key)s
  Ref<> value;                  // what the last key found: the only argument then
  Py_ssize_t count, next;       // of a tuple; -1, -2 for a single value (next -1 once it is used)
};

struct PercentField {
  bool left = false, plus = false, blank = false, alternate = false, zero = false;
  Py_ssize_t width = -1, precision = -1;
  Py_UCS4 kind = 0;
};

static Ref<> next_argument(Percent& p) {
  if (p.count >= 0) {
    if (p.next < p.count) return borrow(PyTuple_GET_ITEM(p.arguments, p.next++));
  } else if (p.next < -1) {
    p.next = -1;
    return p.value ? p.value.share() : borrow(p.arguments);
  }
  return raise(PyExc_TypeError, "not enough arguments for format string");
}

// What '*' stands for.
static Status star_argument(Percent& p, Py_ssize_t* value) {
  Ref<> argument = TRY(next_argument(p));
  if (!PyLong_Check(argument.get())) return raise(PyExc_TypeError, "* wants int");
  *value = PyLong_AsSsize_t(argument);
  if (*value == -1 && PyErr_Occurred()) return failed;
  return Status::Ok;
}

static Status parse_field(Percent& p, Py_ssize_t& at, PercentField* field) {
  const Py_ssize_t length = str_length(p.format);
  auto char_at = [&](Py_ssize_t i) { return str_char(p.format, i); };
  if (at < length && char_at(at) == '(') {
    if (!p.mapping) return raise(PyExc_TypeError, "format requires a mapping");
    const Py_ssize_t start = ++at;
    int depth = 1;
    while (depth > 0 && at < length) {
      const Py_UCS4 c = char_at(at++);
      if (c == ')') --depth;
      else if (c == '(') ++depth;
    }
    if (depth > 0) return raise(PyExc_ValueError, "incomplete format key");
    Ref<> key = TRY(steal(str_substring(p.format, start, at - 1)));
    p.value = TRY(steal(PyObject_GetItem(p.mapping, key)));
    p.count = -1;
    p.next = -2;
  }
  for (; at < length; ++at) {
    const Py_UCS4 c = char_at(at);
    if (c == '-') field->left = true;
    else if (c == '+') field->plus = true;
    else if (c == ' ') field->blank = true;
    else if (c == '#') field->alternate = true;
    else if (c == '0') field->zero = true;
    else break;
  }
  auto number = [&](Py_ssize_t limit, const char* what, Py_ssize_t* value) -> Status {
    *value = 0;
    for (; at < length; ++at) {
      const Py_UCS4 c = char_at(at);
      if (c < '0' || c > '9') break;
      const Py_ssize_t digit = static_cast<Py_ssize_t>(c - '0');
      if (*value > (limit - digit) / 10) return raise(PyExc_ValueError, "%s too big", what);
      *value = *value * 10 + digit;
    }
    return Status::Ok;
  };
  if (at < length && char_at(at) == '*') {
    ++at;
    TRY(star_argument(p, &field->width));
    if (field->width < 0) {
      if (field->width == PY_SSIZE_T_MIN) return raise(PyExc_OverflowError, "width too big");
      field->left = true;
      field->width = -field->width;
    }
  } else if (at < length && char_at(at) >= '0' && char_at(at) <= '9') {
    TRY(number(PY_SSIZE_T_MAX, "width", &field->width));
  }
  if (at < length && char_at(at) == '.') {
    ++at;
    field->precision = 0;
    if (at < length && char_at(at) == '*') {
      ++at;
      Ref<> argument = TRY(next_argument(p));
      if (!PyLong_Check(argument.get())) return raise(PyExc_TypeError, "* wants int");
      const int value = PyLong_AsInt(argument);
      if (value == -1 && PyErr_Occurred()) return failed;
      field->precision = std::max(value, 0);
    } else {
      TRY(number(INT_MAX, "precision", &field->precision));
    }
  }
  if (at < length && (char_at(at) == 'h' || char_at(at) == 'l' || char_at(at) == 'L')) ++at;
  if (at >= length) return raise(PyExc_ValueError, "incomplete format");
  field->kind = char_at(at++);
  return Status::Ok;
}

// [sign][0x]digits of an int, at least `precision` digits; for kinds d i u o x X.
static Ref<> number_text(PyObject* value, bool alternate, Py_ssize_t precision, char kind) {
  const int base = kind == 'o' ? 8 : kind == 'x' || kind == 'X' ? 16 : 10;
  if (base == 10 && precision <= 1 && PyLong_CheckExact(value)) return int_to_str(value, 10, false);
  Ref<> text = TRY(int_to_str(value, base, base != 10 && alternate));
  const char* from = str_data_as<char>(text);
  Py_ssize_t length = str_length(text);
  StrBuilder out;
  if (*from == '-') {
    TRY(out.add_char('-'));
    ++from, --length;
  }
  if (base != 10 && alternate) {
    TRY(out.add_char('0'));
    TRY(out.add_char(static_cast<Py_UCS4>(kind)));
    from += 2, length -= 2;
  }
  TRY(out.add_repeated('0', precision - length));
  for (; length > 0; --length, ++from) TRY(out.add_char(static_cast<Py_UCS4>(kind == 'X' && *from >= 'a' ? *from - 32 : *from)));
  return steal(out.finish());
}

static Ref<> format_integer(const PercentField& field, PyObject* value) {
  const bool decimal = field.kind == 'd' || field.kind == 'i' || field.kind == 'u';
  Ref<> number;
  if (PyLong_Check(value)) {
    number = borrow(value);
  } else if (PyNumber_Check(value)) {
    number = steal(decimal ? PyNumber_Long(value) : PyNumber_Index(value));
    if (!number && !PyErr_ExceptionMatches(PyExc_TypeError)) return nullptr;
    if (!number) PyErr_Clear();
  }
  if (!number)
    return raise(PyExc_TypeError, decimal ? "%%%c format: a real number is required, not %.200s" : "%%%c format: an integer is required, not %.200s",
                 static_cast<int>(field.kind), Py_TYPE(value)->tp_name);
  return number_text(number, field.alternate, field.precision, static_cast<char>(field.kind));
}

static Ref<> format_floating(const PercentField& field, PyObject* value) {
  const double x = PyFloat_AsDouble(value);
  if (x == -1.0 && PyErr_Occurred()) return nullptr;
  const int precision = field.precision < 0 ? 6 : static_cast<int>(field.precision);
  char* text = PyOS_double_to_string(x, static_cast<char>(field.kind), precision, field.alternate ? Py_DTSF_ALT : 0, nullptr);
  if (!text) return nullptr;
  Ref<> result = steal(str_from_ascii(text, static_cast<Py_ssize_t>(strlen(text))));
  PyMem_Free(text);
  return result;
}

static Ref<> format_character(PyObject* value) {
  if (PyUnicode_Check(value)) {
    if (str_length(value) == 1) return steal(str_exact(value));
    return raise(PyExc_TypeError, "%%c requires an int or a unicode character, not a string of length %zd", str_length(value));
  }
  int overflow;
  if (!PyIndex_Check(value)) return raise(PyExc_TypeError, "%%c requires an int or a unicode character, not %T", value);
  Ref<> index = TRY(steal(PyNumber_Index(value)));
  const long code = PyLong_AsLongAndOverflow(index, &overflow);
  if (code == -1 && PyErr_Occurred()) return nullptr;
  if (overflow || code < 0 || code > 0x10ffff) return raise(PyExc_OverflowError, "%%c arg not in range(0x110000)");
  return steal(str_from_char(static_cast<Py_UCS4>(code)));
}

static Status format_field(Percent& p, Py_ssize_t& at, StrBuilder& out) {
  PercentField field;
  TRY(parse_field(p, at, &field));
  Ref<> text;
  Ref<> value = TRY(next_argument(p));
  bool numeric = false;
  Py_UCS4 fill = ' ';
  switch (field.kind) {
    case 's': text = is_exact_str(value) ? value.share() : steal(PyObject_Str(value)); break;
    case 'r': text = steal(PyObject_Repr(value)); break;
    case 'a': text = steal(PyObject_ASCII(value)); break;
    case 'i': case 'd': case 'u': case 'o': case 'x': case 'X':
      numeric = true;
      text = format_integer(field, value);
      break;
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G':
      numeric = true;
      text = format_floating(field, value);
      break;
    case 'c': text = format_character(value); break;
    default:
      return raise(PyExc_ValueError, "unsupported format character '%c' (0x%x) at index %zd",
                   field.kind >= 32 && field.kind <= 126 ? static_cast<int>(field.kind) : '?', static_cast<unsigned>(field.kind), at - 1);
  }
  if (!text) return failed;
  if (numeric && field.zero) fill = '0';
  Py_ssize_t start = 0, end = str_length(text);
  if (!numeric && field.kind != 'c' && field.precision >= 0) end = std::min(end, field.precision);
  Py_UCS4 sign = 0;
  if (numeric) {
    const Py_UCS4 first = end ? str_char(text, 0) : 0;
    if (first == '-' || first == '+') {
      sign = first;
      start = 1;
    } else if (field.plus) {
      sign = '+';
    } else if (field.blank) {
      sign = ' ';
    }
  }
  const bool prefix = numeric && field.alternate && (field.kind == 'x' || field.kind == 'X' || field.kind == 'o');
  Py_ssize_t padding = field.width - (end - start) - (sign ? 1 : 0);
  if (sign && fill != ' ') TRY(out.add_char(sign));
  if (prefix && fill != ' ') {
    TRY(out.add_substring(text, start, start + 2));
    start += 2;
  }
  if (padding > 0 && !field.left) TRY(out.add_repeated(fill, padding));
  if (sign && fill == ' ') TRY(out.add_char(sign));
  if (start == 0 && end == str_length(text)) TRY(out.add(text));
  else TRY(out.add_substring(text, start, end));
  if (padding > 0 && field.left) TRY(out.add_repeated(' ', padding));
  if (p.value && p.next == -2)
    return raise(PyExc_TypeError, "not all arguments converted during string formatting");
  return Status::Ok;
}

PyObject* str_percent(PyObject* format, PyObject* arguments) {
  Percent p{.format = format, .arguments = arguments, .value = {}, .count = -1, .next = -2};
  if (PyTuple_Check(arguments)) {
    p.count = PyTuple_GET_SIZE(arguments);
    p.next = 0;
  }
  if (PyMapping_Check(arguments) && !PyTuple_Check(arguments) && !PyUnicode_Check(arguments)) p.mapping = arguments;
  StrBuilder out;
  const Py_ssize_t length = str_length(format);
  for (Py_ssize_t at = 0; at < length;) {
    Py_ssize_t found = str_find_char(format, '%', at, length);
    if (found < 0) found = length;
    if (found > at) {
      TRY(out.add_substring(format, at, found));
      at = found;
      continue;
    }
    ++at;
    if (at < length && str_char(format, at) == '%') {
      TRY(out.add_char('%'));
      ++at;
      continue;
    }
    // A key makes its value the only argument; afterwards the sequence is as it was.
    const Py_ssize_t count = p.count, next = p.next;
    TRY(format_field(p, at, out));
    if (p.value) {
      p.value.reset();
      p.count = count;
      p.next = next;
    }
  }
  if (!p.mapping && (p.count >= 0 ? p.next < p.count : p.next < -1))
    return raise(PyExc_TypeError, "not all arguments converted during string formatting");
  if (str_find_char(format, '%', 0, length) < 0) return str_exact(format);
  return out.finish();
}

}  // namespace ks

using namespace ks;

extern "C" {

// New str: format % arguments.
PyObject* PyUnicode_Format(PyObject* format, PyObject* arguments) {
  if (!format || !arguments) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  TRY(require_str(format));
  return str_percent(format, arguments);
}

// New str: the text of an int as % formats it; used by bytes too.
KS_EXPORT PyObject* _PyUnicode_FormatLong(PyObject* value, int alternate, int precision, int kind) {
  return number_text(value, alternate != 0, precision, static_cast<char>(kind)).release();
}

}  // extern "C"
