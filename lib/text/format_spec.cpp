// Formatting of str, int, float and complex by a format specification (format_spec.h).
#include "text/format_spec.h"

#include <clocale>
#include <climits>

#include <algorithm>
#include <cmath>

#include "types/float.h"
#include "types/int.h"
#include "types/str.h"
#include "types/str_private.h"

namespace ks {

enum class Grouping { None, Comma, Underscore, UnderscoreFour, Locale };

struct FormatSpec {
  Py_UCS4 fill = ' ';
  Py_UCS4 align = '<';
  Py_UCS4 sign = 0;
  bool alternate = false;
  bool no_negative_zero = false;
  Py_ssize_t width = -1;
  Grouping grouping = Grouping::None;
  Py_ssize_t precision = -1;
  Grouping fraction_grouping = Grouping::None;
  Py_UCS4 type = 0;
};

static bool is_align(Py_UCS4 c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

static Failed unknown_type(Py_UCS4 type, PyObject* value) {
  if (type > 32 && type < 128)
    return raise(PyExc_ValueError, "Unknown format code '%c' for object of type '%.200s'", static_cast<int>(type),
                 Py_TYPE(value)->tp_name);
  return raise(PyExc_ValueError, "Unknown format code '\\x%x' for object of type '%.200s'", static_cast<unsigned>(type),
               Py_TYPE(value)->tp_name);
}
static Failed bad_separator(char separator, Py_UCS4 type) {
  if (type > 32 && type < 128)
    return raise(PyExc_ValueError, "Cannot specify '%c' with '%c'.", separator, static_cast<int>(type));
  return raise(PyExc_ValueError, "Cannot specify '%c' with '\\x%x'.", separator, static_cast<unsigned>(type));
}

// A number at the place, if there is one; how many digits it had, -1 on overflow.
static Py_ssize_t read_number(PyObject* spec, Py_ssize_t& at, Py_ssize_t* value) {
  Py_ssize_t number = 0, digits = 0;
  for (; at < str_length(spec); ++at, ++digits) {
    const int digit = Py_UNICODE_TODECIMAL(str_char(spec, at));
    if (digit < 0) break;
    if (number > (PY_SSIZE_T_MAX - digit) / 10) return raise(PyExc_ValueError, "Too many decimal digits in format string");
    number = number * 10 + digit;
  }
  if (digits) *value = number;
  return digits;
}

// Grouping characters at the place.
static Status read_grouping(PyObject* spec, Py_ssize_t& at, Grouping* grouping) {
  const Py_ssize_t length = str_length(spec);
  auto here = [&] { return at < length ? str_char(spec, at) : 0; };
  if (here() == ',') {
    *grouping = Grouping::Comma;
    ++at;
  }
  if (here() == '_') {
    if (*grouping != Grouping::None) return raise(PyExc_ValueError, "Cannot specify both ',' and '_'.");
    *grouping = Grouping::Underscore;
    ++at;
  }
  if (here() == ',') {
    if (*grouping == Grouping::Underscore) return raise(PyExc_ValueError, "Cannot specify both ',' and '_'.");
  }
  return Status::Ok;
}

static Status parse_spec(PyObject* value, PyObject* spec, FormatSpec* format, Py_UCS4 default_type, Py_UCS4 default_align) {
  const Py_ssize_t length = str_length(spec);
  Py_ssize_t at = 0;
  bool fill_given = false, align_given = false;
  format->align = default_align;
  format->type = default_type;
  auto here = [&] { return at < length ? str_char(spec, at) : 0; };
  if (length >= 2 && is_align(str_char(spec, 1))) {
    format->fill = str_char(spec, 0);
    format->align = str_char(spec, 1);
    fill_given = align_given = true;
    at = 2;
  } else if (length >= 1 && is_align(str_char(spec, 0))) {
    format->align = str_char(spec, 0);
    align_given = true;
    at = 1;
  }
  if (here() == '+' || here() == '-' || here() == ' ') format->sign = str_char(spec, at++);
  if (here() == 'z') format->no_negative_zero = true, ++at;
  if (here() == '#') format->alternate = true, ++at;
  if (!fill_given && here() == '0') {
    format->fill = '0';
    if (!align_given && default_align == '>') format->align = '=';
    ++at;
  }
  if (read_number(spec, at, &format->width) < 0) return failed;
  TRY(read_grouping(spec, at, &format->grouping));
  if (here() == '.' && at < length) {
    ++at;
    const Py_ssize_t digits = read_number(spec, at, &format->precision);
    if (digits < 0) return failed;
    const Py_ssize_t before = at;
    TRY(read_grouping(spec, at, &format->fraction_grouping));
    if (digits == 0 && at == before) return raise(PyExc_ValueError, "Format specifier missing precision");
  }
  if (length - at > 1)
    return raise(PyExc_ValueError, "Invalid format specifier '%U' for object of type '%.200s'", spec,
                 Py_TYPE(value)->tp_name);
  if (length - at == 1) format->type = str_char(spec, at);
  auto check_grouping = [&](Grouping& grouping) -> Status {
    if (grouping == Grouping::None) return Status::Ok;
    switch (format->type) {
      case 'd': case 'e': case 'f': case 'g': case 'E': case 'G': case '%': case 'F': case 0: return Status::Ok;
      case 'b': case 'o': case 'x': case 'X':
        if (grouping == Grouping::Underscore) {
          grouping = Grouping::UnderscoreFour;
          return Status::Ok;
        }
        [[fallthrough]];
      default: return bad_separator(grouping == Grouping::Comma ? ',' : '_', format->type);
    }
  };
  TRY(check_grouping(format->grouping));
  if (format->fraction_grouping != Grouping::None && format->type != 's') TRY(check_grouping(format->fraction_grouping));
  return Status::Ok;
}

// ---- separators -------------------------------------------------------------------------------------------------------------

struct Separators {
  Ref<> decimal_point;
  Ref<> thousands;      // empty str: no groups
  Ref<> fraction;
  char grouping[16] = {};  // as localeconv() has it
};

static Status set_separators(Grouping grouping, Grouping fraction, Separators* separators) {
  separators->decimal_point = borrow(str_latin1_char('.'));
  separators->thousands = borrow(str_empty());
  separators->fraction = borrow(str_empty());
  if (fraction == Grouping::Comma) separators->fraction = borrow(str_latin1_char(','));
  else if (fraction != Grouping::None) separators->fraction = borrow(str_latin1_char('_'));
  switch (grouping) {
    case Grouping::None: break;
    case Grouping::Comma:
      separators->thousands = borrow(str_latin1_char(','));
      separators->grouping[0] = 3;
      break;
    case Grouping::Underscore:
    case Grouping::UnderscoreFour:
      separators->thousands = borrow(str_latin1_char('_'));
      separators->grouping[0] = grouping == Grouping::Underscore ? 3 : 4;
      break;
    case Grouping::Locale: {
      const lconv* locale = localeconv();
      separators->decimal_point = TRY(steal(PyUnicode_DecodeLocale(locale->decimal_point, nullptr)));
      separators->thousands = TRY(steal(PyUnicode_DecodeLocale(locale->thousands_sep, nullptr)));
      strncpy(separators->grouping, locale->grouping, sizeof separators->grouping - 1);
    }
  }
  return Status::Ok;
}

// The digits in groups, with zeros at the left up to min_width; written backwards into `parts`, as (digits, zeros) pairs.
struct Groups {
  Py_ssize_t count = 0;
  Py_ssize_t total = 0;  // characters altogether
  struct Group {
    Py_ssize_t digits, zeros;
  };
  Group small[64];
  Group* items = small;
  Py_ssize_t capacity = 64;
  Groups() = default;
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;
  ~Groups() {
    if (items != small) PyMem_Free(items);
  }
  Status add(Py_ssize_t digits, Py_ssize_t zeros) {
    if (count == capacity) {
      auto* more = static_cast<Group*>(PyMem_Malloc(sizeof(Group) * static_cast<size_t>(capacity) * 2));
      if (!more) return PyErr_NoMemory(), failed;
      memcpy(more, items, sizeof(Group) * static_cast<size_t>(count));
      if (items != small) PyMem_Free(items);
      items = more;
      capacity *= 2;
    }
    items[count++] = {digits, zeros};
    total += digits + zeros;
    return Status::Ok;
  }
};

static Status make_groups(const Separators& separators, Py_ssize_t digits, Py_ssize_t min_width, Groups* groups) {
  const Py_ssize_t gap = str_length(separators.thousands);
  const char* rule = separators.grouping;
  Py_ssize_t size = 0;
  if (gap == 0 && !rule[0]) return groups->add(digits, std::max<Py_ssize_t>(0, min_width - digits));
  for (;;) {
    bool last = false;
    if (*rule == CHAR_MAX) last = true;
    else if (*rule) size = *rule++;
    else if (size == 0) last = true;
    const Py_ssize_t most = std::max({digits, min_width, Py_ssize_t{1}});
    const Py_ssize_t take = last ? most : std::min(size, most);
    const Py_ssize_t from_digits = std::max<Py_ssize_t>(0, std::min(digits, take));
    TRY(groups->add(from_digits, std::max<Py_ssize_t>(0, take - digits)));
    digits -= from_digits;
    min_width -= take;
    if (digits <= 0 && min_width <= 0) break;
    if (last) break;
    min_width -= gap;
  }
  groups->total += (groups->count - 1) * gap;
  return Status::Ok;
}

// ---- numbers -------------------------------------------------------------------------------------------------------------------

// A number's text (ASCII): [prefix] digits [.fraction] [rest], and how it is laid out.
struct NumberLayout {
  Py_UCS4 sign = 0;
  const char* prefix = "";
  Py_ssize_t prefix_length = 0;
  const char* digits = nullptr;
  Py_ssize_t digit_count = 0;
  bool has_point = false;
  const char* fraction = nullptr;
  Py_ssize_t fraction_count = 0;
  const char* rest = nullptr;
  Py_ssize_t rest_count = 0;
};

static Py_UCS4 sign_character(Py_UCS4 format_sign, bool negative) {
  if (format_sign == '+') return negative ? '-' : '+';
  if (format_sign == ' ') return negative ? '-' : ' ';
  return negative ? '-' : 0;
}

static Status write_number(StrBuilder& out, const NumberLayout& number, const FormatSpec& format,
                           const Separators& separators) {
  const Py_ssize_t fraction_gap = str_length(separators.fraction);
  const Py_ssize_t fraction_size =
      number.fraction_count + (fraction_gap && number.fraction_count ? (number.fraction_count - 1) / 3 * fraction_gap : 0);
  const Py_ssize_t fixed = (number.sign ? 1 : 0) + number.prefix_length +
                           (number.has_point ? str_length(separators.decimal_point) : 0) + fraction_size + number.rest_count;
  Groups groups;
  if (number.digit_count || format.width > 0 || number.fraction_count == 0) {
    const Py_ssize_t min_width = format.fill == '0' && format.align == '=' ? format.width - fixed : 0;
    if (number.digit_count == 0 && min_width <= 0) {
      // "inf", "nan": no digits at all
    } else if (number.digit_count == 0) {
      TRY(groups.add(0, min_width > 0 ? min_width : 0));
    } else {
      TRY(make_groups(separators, number.digit_count, min_width, &groups));
    }
  }
  const Py_ssize_t padding = std::max<Py_ssize_t>(0, format.width - (fixed + groups.total));
  Py_ssize_t left = 0, inner = 0, right = 0;
  switch (format.align) {
    case '<': right = padding; break;
    case '^': left = padding / 2, right = padding - left; break;
    case '=': inner = padding; break;
    default: left = padding;
  }
  TRY(out.add_repeated(format.fill, left));
  if (number.sign) TRY(out.add_char(number.sign));
  TRY(out.add_ascii(number.prefix, number.prefix_length));
  TRY(out.add_repeated(format.fill, inner));
  const char* digits = number.digits;
  for (Py_ssize_t i = groups.count; i-- > 0;) {
    TRY(out.add_repeated('0', groups.items[i].zeros));
    TRY(out.add_ascii(digits, groups.items[i].digits));
    digits += groups.items[i].digits;
    if (i) TRY(out.add_chars(str_kind(separators.thousands), str_data(separators.thousands), str_length(separators.thousands)));
  }
  if (number.has_point)
    TRY(out.add_chars(str_kind(separators.decimal_point), str_data(separators.decimal_point), str_length(separators.decimal_point)));
  if (!fraction_gap) {
    TRY(out.add_ascii(number.fraction, number.fraction_count));
  } else {
    for (Py_ssize_t i = 0; i < number.fraction_count; i += 3) {
      if (i) TRY(out.add_chars(str_kind(separators.fraction), str_data(separators.fraction), fraction_gap));
      TRY(out.add_ascii(number.fraction + i, std::min<Py_ssize_t>(3, number.fraction_count - i)));
    }
  }
  TRY(out.add_ascii(number.rest, number.rest_count));
  TRY(out.add_repeated(format.fill, right));
  return Status::Ok;
}

PyObject* format_int(PyObject* value, PyObject* spec) {
  if (str_length(spec) == 0) return PyLong_CheckExact(value) ? int_to_str(value, 10, false).release() : PyObject_Str(value);
  FormatSpec format;
  TRY(parse_spec(value, spec, &format, 'd', '>'));
  int base = 10;
  switch (format.type) {
    case 'b': base = 2; break;
    case 'o': base = 8; break;
    case 'x': case 'X': base = 16; break;
    case 'd': case 'n': case 'c': break;
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case '%': {
      Ref<> number = TRY(steal(PyNumber_Float(value)));
      return format_float(number, spec);
    }
    default: return unknown_type(format.type, value);
  }
  if (format.no_negative_zero)
    return raise(PyExc_ValueError, "Negative zero coercion (z) not allowed in integer format specifier");
  if (format.precision != -1)
    return raise(PyExc_ValueError, "Precision not allowed in integer format specifier");
  StrBuilder out;
  if (format.type == 'c') {
    if (format.sign) return raise(PyExc_ValueError, "Sign not allowed with integer format specifier 'c'");
    if (format.alternate) return raise(PyExc_ValueError, "Alternate form (#) not allowed with integer format specifier 'c'");
    const long code = PyLong_AsLong(value);
    if (code == -1 && PyErr_Occurred()) return nullptr;
    if (code < 0 || code > 0x10ffff) return raise(PyExc_OverflowError, "%%c arg not in range(0x110000)");
    const Py_ssize_t padding = std::max<Py_ssize_t>(0, format.width - 1);
    Py_ssize_t left = format.align == '<' ? 0 : format.align == '^' ? padding / 2 : padding;
    TRY(out.add_repeated(format.fill, left));
    TRY(out.add_char(static_cast<Py_UCS4>(code)));
    TRY(out.add_repeated(format.fill, padding - left));
    return out.finish();
  }
  char small[128];
  char* text = small;
  const Py_ssize_t bound = int_text_bound(value, base, true);
  if (bound > static_cast<Py_ssize_t>(sizeof small)) {
    text = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(bound)));
    if (!text) return PyErr_NoMemory();
  }
  const Py_ssize_t length = int_write_text(value, base, base != 10, text);
  Status done = Status::Error;
  if (length >= 0) {
    NumberLayout number;
    Py_ssize_t at = 0;
    const bool negative = text[0] == '-';
    if (negative) ++at;
    number.sign = sign_character(format.sign, negative);
    if (base != 10) {
      if (format.alternate) {
        number.prefix = base == 2 ? "0b" : base == 8 ? "0o" : format.type == 'X' ? "0X" : "0x";
        number.prefix_length = 2;
      }
      at += 2;
    }
    if (format.type == 'X')
      for (Py_ssize_t i = at; i < length; ++i)
        if (text[i] >= 'a' && text[i] <= 'f') text[i] = static_cast<char>(text[i] - 32);
    number.digits = text + at;
    number.digit_count = length - at;
    Separators separators;
    done = set_separators(format.type == 'n' ? Grouping::Locale : format.grouping, Grouping::None, &separators);
    if (done == Status::Ok) done = write_number(out, number, format, separators);
  }
  if (text != small) PyMem_Free(text);
  TRY(done);
  return out.finish();
}

// Splits the text that PyOS_double_to_string made.
static void split_float(const char* text, Py_ssize_t length, NumberLayout* number) {
  Py_ssize_t at = 0;
  auto digit = [&] { return at < length && text[at] >= '0' && text[at] <= '9'; };
  number->digits = text;
  while (digit()) ++at;
  number->digit_count = at;
  if (at < length && text[at] == '.') {
    number->has_point = true;
    ++at;
  }
  number->fraction = text + at;
  if (number->has_point)
    while (digit()) ++at;
  number->fraction_count = text + at - number->fraction;
  number->rest = text + at;
  number->rest_count = length - at;
}

struct FloatText {
  char* text = nullptr;
  ~FloatText() { PyMem_Free(text); }
};

// The options that PyOS_double_to_string gets for a specification.
struct FloatConversion {
  char type;
  int precision;
  int flags;
  bool percent;
};
static Status float_conversion(const FormatSpec& format, FloatConversion* conversion) {
  if (format.precision > INT_MAX) return raise(PyExc_ValueError, "precision too big");
  int precision = static_cast<int>(format.precision);
  int default_precision = 6;
  int flags = 0;
  if (format.alternate) flags |= Py_DTSF_ALT;
  if (format.no_negative_zero) flags |= Py_DTSF_NO_NEG_0;
  Py_UCS4 type = format.type;
  if (type == 0) {
    flags |= Py_DTSF_ADD_DOT_0;
    type = 'r';
    default_precision = 0;
  }
  if (type == 'n') type = 'g';
  const bool percent = type == '%';
  if (percent) type = 'f';
  if (precision < 0) precision = default_precision;
  else if (type == 'r') type = 'g';
  *conversion = {static_cast<char>(type), precision, flags, percent};
  return Status::Ok;
}

PyObject* format_float(PyObject* value, PyObject* spec) {
  if (str_length(spec) == 0) return PyObject_Str(value);
  FormatSpec format;
  TRY(parse_spec(value, spec, &format, 0, '>'));
  switch (format.type) {
    case 0: case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case 'n': case '%': break;
    default: return unknown_type(format.type, value);
  }
  FloatConversion conversion;
  TRY(float_conversion(format, &conversion));
  double number_value = PyFloat_AsDouble(value);
  if (number_value == -1.0 && PyErr_Occurred()) return nullptr;
  if (conversion.percent) number_value *= 100;
  FloatText owned;
  owned.text = PyOS_double_to_string(number_value, conversion.type, conversion.precision, conversion.flags, nullptr);
  if (!owned.text) return nullptr;
  const char* text = owned.text;
  Py_ssize_t length = static_cast<Py_ssize_t>(strlen(text));
  NumberLayout number;
  const bool negative = *text == '-';
  if (negative) ++text, --length;
  number.sign = sign_character(format.sign, negative);
  split_float(text, length, &number);
  if (conversion.percent) {  // the terminator's place is ours: the text is not used as a C string any more
    owned.text[text - owned.text + length] = '%';
    ++number.rest_count;
  }
  Separators separators;
  TRY(set_separators(format.type == 'n' ? Grouping::Locale : format.grouping, format.fraction_grouping, &separators));
  StrBuilder out;
  TRY(write_number(out, number, format, separators));
  return out.finish();
}

PyObject* format_complex(PyObject* value, PyObject* spec) {
  if (str_length(spec) == 0) return PyObject_Str(value);
  FormatSpec format;
  TRY(parse_spec(value, spec, &format, 0, '>'));
  switch (format.type) {
    case 0: case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case 'n': break;
    default: return unknown_type(format.type, value);
  }
  if (format.fill == '0') return raise(PyExc_ValueError, "Zero padding is not allowed in complex format specifier");
  if (format.align == '=') return raise(PyExc_ValueError, "'=' alignment flag is not allowed in complex format specifier");
  const Py_complex number = PyComplex_AsCComplex(value);
  if (number.real == -1.0 && PyErr_Occurred()) return nullptr;
  FloatConversion conversion;
  TRY(float_conversion(format, &conversion));
  bool parentheses = false, skip_real = false;
  if (format.type == 0) {
    conversion.flags &= ~Py_DTSF_ADD_DOT_0;
    if (number.real == 0.0 && std::copysign(1.0, number.real) == 1.0) skip_real = true;
    else parentheses = true;
  }
  FloatText real, imaginary;
  real.text = PyOS_double_to_string(number.real, conversion.type, conversion.precision, conversion.flags, nullptr);
  if (!real.text) return nullptr;
  imaginary.text = PyOS_double_to_string(number.imag, conversion.type, conversion.precision, conversion.flags, nullptr);
  if (!imaginary.text) return nullptr;
  Separators separators;
  TRY(set_separators(format.type == 'n' ? Grouping::Locale : format.grouping, format.fraction_grouping, &separators));
  StrBuilder parts;
  FormatSpec plain = format;
  plain.fill = 0;
  plain.align = '<';
  plain.width = -1;
  auto write = [&](const char* text, Py_UCS4 sign) -> Status {
    NumberLayout layout;
    const bool negative = *text == '-';
    if (negative) ++text;
    layout.sign = sign_character(sign, negative);
    split_float(text, static_cast<Py_ssize_t>(strlen(text)), &layout);
    return write_number(parts, layout, plain, separators);
  };
  if (parentheses) TRY(parts.add_char('('));
  if (!skip_real) TRY(write(real.text, format.sign));
  TRY(write(imaginary.text, skip_real ? format.sign : '+'));
  TRY(parts.add_char('j'));
  if (parentheses) TRY(parts.add_char(')'));
  Ref<> text = TRY(steal(parts.finish()));
  const Py_ssize_t padding = format.width - str_length(text);
  if (padding <= 0) return text.release();
  const Py_ssize_t left = format.align == '<' ? 0 : format.align == '^' ? padding / 2 : padding;
  return str_pad(text, left, padding - left, format.fill);
}

PyObject* format_str(PyObject* value, PyObject* spec) {
  FormatSpec format;
  TRY(parse_spec(value, spec, &format, 's', '<'));
  if (format.type != 's') return unknown_type(format.type, value);
  if (format.sign) {
    if (format.sign == ' ') return raise(PyExc_ValueError, "Space not allowed in string format specifier");
    return raise(PyExc_ValueError, "Sign not allowed in string format specifier");
  }
  if (format.no_negative_zero)
    return raise(PyExc_ValueError, "Negative zero coercion (z) not allowed in string format specifier");
  if (format.alternate) return raise(PyExc_ValueError, "Alternate form (#) not allowed in string format specifier");
  if (format.align == '=') return raise(PyExc_ValueError, "'=' alignment not allowed in string format specifier");
  Py_ssize_t length = str_length(value);
  if ((format.width == -1 || format.width <= length) && (format.precision == -1 || format.precision >= length))
    return str_exact(value);
  if (format.precision >= 0 && length >= format.precision) length = format.precision;
  Ref<> part = TRY(steal(str_substring(value, 0, length)));
  const Py_ssize_t padding = std::max<Py_ssize_t>(0, format.width - length);
  const Py_ssize_t left = format.align == '>' ? padding : format.align == '^' ? padding / 2 : 0;
  return str_pad(part, left, padding - left, format.fill);
}

}  // namespace ks
