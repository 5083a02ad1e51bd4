// PyUnicode_FromFormat: text from a C format.
#include <algorithm>

#include "types/str.h"
#include "types/str_private.h"

namespace ks {

struct Conversion {
  bool left = false, zero = false, alternate = false;
  Py_ssize_t width = -1, precision = -1;
  enum Size { kInt, kLong, kLongLong, kSize, kPointerDifference, kMaximum } size = kInt;
};

static Status add_padded(StrBuilder& out, PyObject* s, const Conversion& conversion) {
  Py_ssize_t length = str_length(s);
  if (conversion.precision >= 0) length = std::min(length, conversion.precision);
  const Py_ssize_t padding = conversion.width - length;
  if (padding > 0 && !conversion.left) TRY(out.add_repeated(' ', padding));
  if (length == str_length(s)) TRY(out.add(s));
  else TRY(out.add_substring(s, 0, length));
  if (padding > 0 && conversion.left) TRY(out.add_repeated(' ', padding));
  return Status::Ok;
}

static Status add_c_text(StrBuilder& out, const char* text, const Conversion& conversion) {
  if (!text) text = "(null)";
  Py_ssize_t size;
  Py_ssize_t consumed, *partial = nullptr;
  if (conversion.precision < 0) {
    size = static_cast<Py_ssize_t>(strlen(text));
  } else {
    size = static_cast<Py_ssize_t>(strnlen(text, static_cast<size_t>(conversion.precision)));
    if (size == conversion.precision) partial = &consumed;  // cut in the middle of a sequence, perhaps
  }
  if (conversion.width < 0 && all_ascii(text, size)) return out.add_ascii(text, size);
  Ref<> decoded = TRY(steal(utf8_decode(text, size, "replace", partial)));
  Conversion plain = conversion;
  plain.precision = -1;
  return add_padded(out, decoded, plain);
}
static Status add_wide_text(StrBuilder& out, const wchar_t* text, const Conversion& conversion) {
  const size_t size = conversion.precision < 0 ? wcslen(text) : wcsnlen(text, static_cast<size_t>(conversion.precision));
  Ref<> s = TRY(steal(PyUnicode_FromWideChar(text, static_cast<Py_ssize_t>(size))));
  Conversion plain = conversion;
  plain.precision = -1;
  return add_padded(out, s, plain);
}

static Status add_number(StrBuilder& out, const char* text, Py_ssize_t length, Conversion conversion) {
  const bool negative = *text == '-';
  if (negative) ++text, --length;
  const Py_ssize_t sign = negative ? 1 : 0;
  Py_ssize_t digits = std::max(length, conversion.precision);
  if (conversion.zero && !conversion.left) digits = std::max(digits, conversion.width - sign);
  const Py_ssize_t padding = conversion.width - digits - sign;
  if (padding > 0 && !conversion.left) TRY(out.add_repeated(' ', padding));
  if (negative) TRY(out.add_char('-'));
  TRY(out.add_repeated('0', digits - length));
  TRY(out.add_ascii(text, length));
  if (padding > 0 && conversion.left) TRY(out.add_repeated(' ', padding));
  return Status::Ok;
}

// The name as %T and %N show it: with the module unless that is builtins or __main__.
static PyObject* type_name(PyTypeObject* type, bool colon) {
  if (!colon) return PyType_GetFullyQualifiedName(type);
  Ref<> name = TRY(steal(PyType_GetQualName(type)));
  Ref<> module = TRY(steal(PyType_GetModuleName(type)));
  if (!PyUnicode_Check(module.get()) || str_equal_ascii(module, "builtins") || str_equal_ascii(module, "__main__"))
    return name.release();
  StrBuilder out;
  TRY(out.add(module));
  TRY(out.add_char(':'));
  TRY(out.add(name));
  return out.finish();
}

static Status add_object(StrBuilder& out, PyObject* text, const Conversion& conversion) {  // takes the reference over
  if (!text) return failed;
  Ref<> owned = steal(text);
  return add_padded(out, owned, conversion);
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// va_list as a member, so that functions can take it by reference.
struct Arguments {
  va_list list;
};

// A digit string as a size; false (with ValueError) when too big.
static bool read_size(const char*& format, Py_ssize_t* value, const char* what) {
  *value = 0;
  for (; is_digit(*format); ++format) {
    const int digit = *format - '0';
    if (*value > (PY_SSIZE_T_MAX - digit) / 10) {
      PyErr_Format(PyExc_ValueError, "%s too big", what);
      return false;
    }
    *value = *value * 10 + digit;
  }
  return true;
}

// One conversion; `format` is behind the %, and afterwards behind the conversion.
static Status add_conversion(StrBuilder& out, const char*& format, Arguments& arguments) {
  const char* start = format - 1;
  if (*format == '%') {
    ++format;
    return out.add_char('%');
  }
  Conversion conversion;
  for (;; ++format) {
    if (*format == '-') conversion.left = true;
    else if (*format == '0') conversion.zero = true;
    else if (*format == '#') conversion.alternate = true;
    else break;
  }
  if (*format == '*') {
    ++format;
    conversion.width = va_arg(arguments.list, int);
    if (conversion.width < 0) {
      conversion.left = true;
      conversion.width = -conversion.width;
    }
  } else if (is_digit(*format)) {
    if (!read_size(format, &conversion.width, "width")) return failed;
  }
  if (*format == '.') {
    ++format;
    if (*format == '*') {
      ++format;
      conversion.precision = va_arg(arguments.list, int);
      if (conversion.precision < 0) conversion.precision = -2;
    } else {
      if (!read_size(format, &conversion.precision, "precision")) return failed;
    }
  }
  switch (*format) {
    case 'l':
      ++format;
      conversion.size = Conversion::kLong;
      if (*format == 'l') ++format, conversion.size = Conversion::kLongLong;
      break;
    case 'z': ++format, conversion.size = Conversion::kSize; break;
    case 't': ++format, conversion.size = Conversion::kPointerDifference; break;
    case 'j': ++format, conversion.size = Conversion::kMaximum; break;
  }
  const char kind = *format;
  if (kind) ++format;
  const bool sized = conversion.size != Conversion::kInt;
  const bool wide = conversion.size == Conversion::kLong;
  char text[64];
  switch (kind) {
    case 'd': case 'i': case 'u': case 'o': case 'x': case 'X': {
      const bool is_signed = kind == 'd' || kind == 'i';
      int n = 0;
      unsigned long long value = 0;
      switch (conversion.size) {
        case Conversion::kInt:
          value = is_signed ? static_cast<unsigned long long>(va_arg(arguments.list, int)) : va_arg(arguments.list, unsigned);
          break;
        case Conversion::kLong: value = static_cast<unsigned long long>(va_arg(arguments.list, long)); break;
        default: value = static_cast<unsigned long long>(va_arg(arguments.list, long long));
      }
      if (is_signed) n = snprintf(text, sizeof text, "%lld", static_cast<long long>(value));
      else if (kind == 'u') n = snprintf(text, sizeof text, "%llu", value);
      else if (kind == 'o') n = snprintf(text, sizeof text, "%llo", value);
      else n = snprintf(text, sizeof text, kind == 'x' ? "%llx" : "%llX", value);
      if (conversion.precision == -2) conversion.precision = 0;
      return add_number(out, text, n, conversion);
    }
    case 'c': {
      if (sized) break;
      const int c = va_arg(arguments.list, int);
      if (c < 0 || c > 0x10ffff) return raise(PyExc_OverflowError, "character argument not in range(0x110000)");
      Ref<> one = TRY(steal(str_from_char(static_cast<Py_UCS4>(c))));
      conversion.precision = -1;
      return add_padded(out, one, conversion);
    }
    case 'p': {
      if (sized) break;
      const int n = snprintf(text, sizeof text, "%#zx", reinterpret_cast<size_t>(va_arg(arguments.list, void*)));
      if (n == 1) return add_c_text(out, "0x0", {});
      return add_c_text(out, text, {.left = conversion.left, .width = conversion.width});
    }
    case 's':
      if (sized && !wide) break;
      if (conversion.precision == -2) conversion.precision = 0;
      if (wide) return add_wide_text(out, va_arg(arguments.list, const wchar_t*), conversion);
      return add_c_text(out, va_arg(arguments.list, const char*), conversion);
    case 'U': {
      if (sized) break;
      PyObject* s = va_arg(arguments.list, PyObject*);
      if (!s || !PyUnicode_Check(s)) return raise(PyExc_SystemError, "the argument of %%U is not a str");
      return add_padded(out, s, conversion);
    }
    case 'V': {
      if (sized && !wide) break;
      PyObject* s = va_arg(arguments.list, PyObject*);
      const void* alternative = va_arg(arguments.list, const void*);
      if (s) return add_padded(out, s, conversion);
      if (wide) return add_wide_text(out, static_cast<const wchar_t*>(alternative), conversion);
      return add_c_text(out, static_cast<const char*>(alternative), conversion);
    }
    case 'S': if (sized) break; return add_object(out, PyObject_Str(va_arg(arguments.list, PyObject*)), conversion);
    case 'R': if (sized) break; return add_object(out, PyObject_Repr(va_arg(arguments.list, PyObject*)), conversion);
    case 'A': if (sized) break; return add_object(out, PyObject_ASCII(va_arg(arguments.list, PyObject*)), conversion);
    case 'T': if (sized) break; return add_object(out, type_name(Py_TYPE(va_arg(arguments.list, PyObject*)), conversion.alternate), conversion);
    case 'N': {
      if (sized) break;
      PyObject* type = va_arg(arguments.list, PyObject*);
      if (!PyType_Check(type)) return raise(PyExc_TypeError, "%%N argument must be a type");
      return add_object(out, type_name(as<PyTypeObject>(type), conversion.alternate), conversion);
    }
    default: break;
  }
  return raise(PyExc_SystemError, "invalid format string: %s", start);
}

}  // namespace ks

using namespace ks;

extern "C" {

// New str; SystemError for a bad format, ValueError for one that is not ASCII, and what the arguments raise.
PyObject* PyUnicode_FromFormatV(const char* format, va_list list) {
  Arguments arguments;
  va_copy(arguments.list, list);
  StrBuilder out;
  Status done = Status::Ok;
  while (*format && done == Status::Ok) {
    if (*format == '%') {
      ++format;
      done = add_conversion(out, format, arguments);
      continue;
    }
    const char* end = format;
    while (*end && *end != '%') {
      if (static_cast<unsigned char>(*end) > 127) {
        PyErr_Format(PyExc_ValueError, "PyUnicode_FromFormatV() expects an ASCII-encoded format string, got a non-ASCII byte: 0x%02x",
                     static_cast<unsigned char>(*end));
        done = Status::Error;
        break;
      }
      ++end;
    }
    if (done == Status::Ok) done = out.add_ascii(format, end - format);
    format = end;
  }
  va_end(arguments.list);
  return done == Status::Ok ? out.finish() : nullptr;
}
PyObject* PyUnicode_FromFormat(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  return result;
}

}  // extern "C"
