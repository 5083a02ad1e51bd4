// bytes % values, PyBytes_FromFormat and escapes.
#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdarg>

#include "object/export.h"
#include "object/identifier.h"
#include "object/type.h"
#include "runtime/state.h"
#include "types/bytes_methods.h"
#include "types/float.h"
#include "types/int.h"

namespace ks {

namespace {

// One conversion specification.
struct Spec {
  bool minus = false, plus = false, blank = false, alternative = false, zero = false;
  Py_ssize_t width = 0, precision = -1;
  char code = 0;
};

// The values to be formatted: a tuple, a mapping or one object.
class Values {
 public:
  explicit Values(PyObject* values) : values_(values) {
    if (PyTuple_Check(values)) {
      count_ = PyTuple_GET_SIZE(values);
    } else {
      count_ = -1;
      if (PyMapping_Check(values) && !PyBytes_Check(values) && !PyUnicode_Check(values) && !PyByteArray_Check(values)) mapping_ = values;
    }
  }
  PyObject* next() {  // borrowed
    if (keyed_) return keyed_value_;
    if (count_ >= 0) {
      if (index_ < count_) return PyTuple_GET_ITEM(values_, index_++);
    } else if (index_ == 0) {
      index_ = 1;
      return values_;
    }
    return raise(PyExc_TypeError, "not enough arguments for format string");
  }
  Status select(const char* key, Py_ssize_t size) {
    if (!mapping_) return raise(PyExc_TypeError, "format requires a mapping");
    Ref<> name = TRY(steal(bytes_from(key, size)));
    keyed_value_ = TRY(steal(PyObject_GetItem(mapping_, name)));
    keyed_ = true;
    return Status::Ok;
  }
  void end_of_key() { keyed_ = false, used_key_ = true; }
  bool has_mapping() const { return mapping_ != nullptr; }
  bool rest() const { return !used_key_ && !mapping_ && (count_ >= 0 ? index_ < count_ : index_ == 0); }

 private:
  PyObject* values_;
  PyObject* mapping_ = nullptr;
  Ref<> keyed_value_;
  Py_ssize_t count_, index_ = 0;
  bool keyed_ = false, used_key_ = false;
};

// Sign, prefix and digits apart, so that zeros may come between.
struct Pieces {
  char sign = 0;
  char prefix[2];
  int prefix_size = 0;
  const char* text = nullptr;
  Py_ssize_t size = 0;
};
Status write(BytesBuilder& out, const Spec& spec, const Pieces& pieces, bool numeric) {
  const Py_ssize_t length = pieces.size + pieces.prefix_size + (pieces.sign ? 1 : 0);
  const Py_ssize_t fill = std::max<Py_ssize_t>(spec.width - length, 0);
  char* p = out.reserve(length + fill);
  if (!p) return failed;
  out.add(length + fill);
  const bool zeros = numeric && spec.zero && !spec.minus;
  if (!spec.minus && !zeros) p = static_cast<char*>(memset(p, ' ', static_cast<size_t>(fill))) + fill;
  if (pieces.sign) *p++ = pieces.sign;
  for (int i = 0; i < pieces.prefix_size; ++i) *p++ = pieces.prefix[i];
  if (zeros) p = static_cast<char*>(memset(p, '0', static_cast<size_t>(fill))) + fill;
  if (pieces.size) memcpy(p, pieces.text, static_cast<size_t>(pieces.size));
  if (spec.minus) memset(p + pieces.size, ' ', static_cast<size_t>(fill));
  return Status::Ok;
}

Status write_integer(BytesBuilder& out, const Spec& spec, PyObject* value) {
  const char code = spec.code;
  const bool decimal = code == 'd' || code == 'i' || code == 'u';
  Ref<> number;
  if (PyLong_Check(value)) {
    number = borrow(value);
  } else if (PyNumber_Check(value)) {
    number = steal(decimal ? PyNumber_Long(value) : PyNumber_Index(value));
    if (!number && !PyErr_ExceptionMatches(PyExc_TypeError)) return failed;
  }
  if (!number)
    return raise(PyExc_TypeError, decimal ? "%%%c format: a real number is required, not %.200s" : "%%%c format: an integer is required, not %.200s",
                 code, Py_TYPE(value)->tp_name);
  const int base = decimal ? 10 : code == 'o' ? 8 : 16;
  BytesBuilder digits;
  const Py_ssize_t bound = int_text_bound(number, base, false);
  char* text = digits.reserve(bound + std::max<Py_ssize_t>(spec.precision, 0));
  if (!text) return failed;
  Py_ssize_t size = TRY(int_write_text(number, base, false, text));
  Pieces pieces;
  pieces.sign = *text == '-' ? '-' : spec.plus ? '+' : spec.blank ? ' ' : 0;
  if (*text == '-') ++text, --size;
  if (size < spec.precision) {
    memmove(text + spec.precision - size, text, static_cast<size_t>(size));
    memset(text, '0', static_cast<size_t>(spec.precision - size));
    size = spec.precision;
  }
  if (code == 'X')
    for (Py_ssize_t i = 0; i < size; ++i)
      if (text[i] >= 'a') text[i] = static_cast<char>(text[i] - 32);
  if (spec.alternative && !decimal) {
    pieces.prefix[0] = '0';
    pieces.prefix[1] = code;
    pieces.prefix_size = 2;
  }
  pieces.text = text;
  pieces.size = size;
  return write(out, spec, pieces, true);
}
Status write_float(BytesBuilder& out, const Spec& spec, PyObject* value) {
  const double x = PyFloat_AsDouble(value);
  if (x == -1.0 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) return raise(PyExc_TypeError, "float argument required, not %.200s", Py_TYPE(value)->tp_name);
    return failed;
  }
  char* text = PyOS_double_to_string(x, spec.code, spec.precision < 0 ? 6 : static_cast<int>(spec.precision), spec.alternative ? Py_DTSF_ALT : 0, nullptr);
  if (!text) return failed;
  Pieces pieces;
  pieces.sign = *text == '-' ? '-' : spec.plus ? '+' : spec.blank ? ' ' : 0;
  pieces.text = text + (*text == '-');
  pieces.size = static_cast<Py_ssize_t>(strlen(pieces.text));
  const Status result = write(out, spec, pieces, true);
  PyMem_Free(text);
  return result;
}
Status write_text(BytesBuilder& out, const Spec& spec, const char* text, Py_ssize_t size) {
  Pieces pieces;
  pieces.text = text;
  pieces.size = spec.precision >= 0 ? std::min(size, spec.precision) : size;
  return write(out, spec, pieces, false);
}
Status write_bytes(BytesBuilder& out, const Spec& spec, PyObject* value) {
  if (PyBytes_Check(value)) return write_text(out, spec, bytes_data(value), Py_SIZE(value));
  if (PyByteArray_Check(value)) return write_text(out, spec, PyByteArray_AS_STRING(value), Py_SIZE(value));
  Ref<> method = lookup_special(value, "__bytes__"_id);
  if (!method && PyErr_Occurred()) return failed;
  if (method) {
    Ref<> result = TRY(steal(PyObject_CallNoArgs(method)));
    if (!PyBytes_Check(result)) return raise(PyExc_TypeError, "%T.__bytes__() must return a bytes, not %T", value, result.get());
    return write_text(out, spec, bytes_data(result), Py_SIZE(result.get()));
  }
  if (PyObject_CheckBuffer(value)) {
    Ref<> copy = TRY(steal(PyBytes_FromObject(value)));
    return write_text(out, spec, bytes_data(copy), Py_SIZE(copy.get()));
  }
  return raise(PyExc_TypeError, "%%b requires a bytes-like object, or an object that implements __bytes__, not '%.100s'", Py_TYPE(value)->tp_name);
}
Status write_character(BytesBuilder& out, Spec spec, PyObject* value) {
  spec.precision = -1;
  if (PyBytes_Check(value) || PyByteArray_Check(value)) {
    const bool array = PyByteArray_Check(value);
    if (Py_SIZE(value) != 1)
      return raise(PyExc_TypeError, "%%c requires an integer in range(256) or a single byte, not a %s object of length %zd",
                   array ? "bytearray" : "bytes", Py_SIZE(value));
    return write_text(out, spec, array ? PyByteArray_AS_STRING(value) : bytes_data(value), 1);
  }
  if (!PyIndex_Check(value)) return raise(PyExc_TypeError, "%%c requires an integer in range(256) or a single byte, not %T", value);
  int overflow;
  const long number = PyLong_AsLongAndOverflow(value, &overflow);
  if (number == -1 && PyErr_Occurred()) return failed;
  if (number < 0 || number > 255 || overflow) return raise(PyExc_OverflowError, "%%c arg not in range(256)");
  const char byte = static_cast<char>(number);
  return write_text(out, spec, &byte, 1);
}

// The number at a width or precision; `*` takes it from the values.
Status read_number(Values& values, const char*& p, const char* end, Py_ssize_t* number, const char* what, bool is_width, Spec& spec) {
  if (p < end && *p == '*') {
    ++p;
    PyObject* value = TRY(values.next());
    if (!PyLong_Check(value)) return raise(PyExc_TypeError, "* wants int");
    *number = is_width ? PyLong_AsSsize_t(value) : PyLong_AsInt(value);
    if (*number == -1 && PyErr_Occurred()) return failed;
    if (*number < 0) {
      if (is_width && *number == PY_SSIZE_T_MIN) return raise(PyExc_OverflowError, "width too big");
      if (is_width) spec.minus = true, *number = -*number;
      else *number = 0;
    }
    return Status::Ok;
  }
  Py_ssize_t result = 0;
  const Py_ssize_t most = is_width ? PY_SSIZE_T_MAX : INT_MAX;
  for (; p < end && *p >= '0' && *p <= '9'; ++p) {
    if (result > (most - (*p - '0')) / 10) return raise(PyExc_ValueError, what);
    result = result * 10 + (*p - '0');
  }
  *number = result;
  return Status::Ok;
}

Status percent_into(BytesBuilder& out, const char* begin, Py_ssize_t size, Values& values) {
  const char *p = begin, *end = begin + size;
  while (p < end) {
    const auto* percent = static_cast<const char*>(memchr(p, '%', static_cast<size_t>(end - p)));
    if (!percent) return out.append(p, end - p);
    TRY(out.append(p, percent - p));
    p = percent + 1;
    Spec spec;
    bool keyed = false;
    if (p < end && *p == '(') {
      int depth = 1;
      const char* key = ++p;
      for (; p < end && depth; ++p) depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
      if (!values.has_mapping()) return raise(PyExc_TypeError, "format requires a mapping");
      if (depth) return raise(PyExc_ValueError, "incomplete format key");
      TRY(values.select(key, p - 1 - key));
      keyed = true;
    }
    for (bool flags = true; flags && p < end;) {
      switch (*p) {
        case '-': spec.minus = true; break;
        case '+': spec.plus = true; break;
        case ' ': spec.blank = true; break;
        case '#': spec.alternative = true; break;
        case '0': spec.zero = true; break;
        default: flags = false;
      }
      if (flags) ++p;
    }
    TRY(read_number(values, p, end, &spec.width, "width too big", true, spec));
    if (p < end && *p == '.') {
      ++p;
      TRY(read_number(values, p, end, &spec.precision, "prec too big", false, spec));
    }
    if (p < end && (*p == 'h' || *p == 'l' || *p == 'L')) ++p;
    if (p == end) return raise(PyExc_ValueError, "incomplete format");
    spec.code = *p++;
    if (spec.code == '%' && p == percent + 2) {
      TRY(out.append('%'));
      continue;
    }
    PyObject* value = TRY(values.next());
    switch (spec.code) {
      case 'a':
      case 'r': {
        Ref<> text = TRY(steal(PyObject_ASCII(value)));
        Py_ssize_t length;
        const char* utf8 = PyUnicode_AsUTF8AndSize(text, &length);
        if (!utf8) return failed;
        TRY(write_text(out, spec, utf8, length));
        break;
      }
      case 's':
      case 'b': TRY(write_bytes(out, spec, value)); break;
      case 'c': TRY(write_character(out, spec, value)); break;
      case 'd': case 'i': case 'u': case 'o': case 'x': case 'X': TRY(write_integer(out, spec, value)); break;
      case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': TRY(write_float(out, spec, value)); break;
      default:
        return raise(PyExc_ValueError, "unsupported format character '%c' (0x%x) at index %zd", spec.code, static_cast<unsigned char>(spec.code),
                     static_cast<Py_ssize_t>(p - 1 - begin));
    }
    if (keyed) values.end_of_key();
  }
  return Status::Ok;
}

}  // namespace

PyObject* bytes_percent(PyObject* self, PyObject* values_object) {
  PinnedBytes format(self);
  BytesBuilder out;
  Values values(values_object);
  TRY(percent_into(out, format.data, format.size, values));
  if (values.rest()) return raise(PyExc_TypeError, "not all arguments converted during bytes formatting");
  return bytes_like(self, out.data(), out.size());
}

// ---- PyBytes_FromFormat ------------------------------------------------------------------------------------------------

static PyObject* from_format(const char* format, va_list& arguments) {
  BytesBuilder out;
  for (const char* p = format; *p; ++p) {
    if (*p != '%') {
      const char* q = strchr(p, '%');
      const Py_ssize_t size = q ? q - p : static_cast<Py_ssize_t>(strlen(p));
      TRY(out.append(p, size));
      p += size - 1;
      continue;
    }
    const char* specification = p++;
    while (*p >= '0' && *p <= '9') ++p;  // a width is read and ignored
    Py_ssize_t precision = -1;
    if (*p == '.') {
      precision = 0;
      for (++p; *p >= '0' && *p <= '9'; ++p) precision = precision * 10 + (*p - '0');
    }
    while (*p && *p != '%' && !Py_ISALPHA(*p)) ++p;
    bool is_long = false, is_size = false;
    if (*p == 'l' && (p[1] == 'd' || p[1] == 'u')) is_long = true, ++p;
    else if (*p == 'z' && (p[1] == 'd' || p[1] == 'u')) is_size = true, ++p;
    char buffer[32];
    int length = 0;
    switch (*p) {
      case 'c': {
        const int c = va_arg(arguments, int);
        if (c < 0 || c > 255) return raise(PyExc_OverflowError, "PyBytes_FromFormatV(): %%c format expects an integer in range [0; 255]");
        TRY(out.append(static_cast<char>(c)));
        break;
      }
      case 'd':
        length = is_long ? snprintf(buffer, sizeof(buffer), "%ld", va_arg(arguments, long))
                 : is_size ? snprintf(buffer, sizeof(buffer), "%zd", va_arg(arguments, Py_ssize_t))
                           : snprintf(buffer, sizeof(buffer), "%d", va_arg(arguments, int));
        break;
      case 'u':
        length = is_long ? snprintf(buffer, sizeof(buffer), "%lu", va_arg(arguments, unsigned long))
                 : is_size ? snprintf(buffer, sizeof(buffer), "%zu", va_arg(arguments, size_t))
                           : snprintf(buffer, sizeof(buffer), "%u", va_arg(arguments, unsigned));
        break;
      case 'i': length = snprintf(buffer, sizeof(buffer), "%i", va_arg(arguments, int)); break;
      case 'x': length = snprintf(buffer, sizeof(buffer), "%x", va_arg(arguments, unsigned)); break;
      case 's': {
        const char* text = va_arg(arguments, const char*);
        const size_t size = precision < 0 ? strlen(text) : strnlen(text, static_cast<size_t>(precision));
        TRY(out.append(text, static_cast<Py_ssize_t>(size)));
        break;
      }
      case 'p': length = snprintf(buffer, sizeof(buffer), "0x%" PRIxPTR, reinterpret_cast<uintptr_t>(va_arg(arguments, void*))); break;
      case '%': TRY(out.append('%')); break;
      default:  // unknown: the rest as it is
        TRY(out.append(specification, static_cast<Py_ssize_t>(strlen(specification))));
        return out.finish();
    }
    TRY(out.append(buffer, length));
  }
  return out.finish();
}

}  // namespace ks

using namespace ks;

// New; NULL on error.
PyObject* PyBytes_FromFormatV(const char* format, va_list arguments) {
  va_list copy;
  va_copy(copy, arguments);
  PyObject* result = from_format(format, copy);
  va_end(copy);
  return result;
}
PyObject* PyBytes_FromFormat(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject* result = from_format(format, arguments);
  va_end(arguments);
  return result;
}

// ---- escapes ---------------------------------------------------------------------------------------------------------

// As PyBytes_DecodeEscape, without a warning: the first invalid escape is reported, as the character (or -1) or octal value, and where.
KS_EXPORT PyObject* _PyBytes_DecodeEscape2(const char* text, Py_ssize_t size, const char* errors, int* first_invalid, const char** where) {
  BytesBuilder out;
  *first_invalid = -1;
  *where = nullptr;
  const char *p = text, *end = text + size;
  auto hex = [](char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1; };
  while (p < end) {
    if (*p != '\\') {
      const auto* slash = static_cast<const char*>(memchr(p, '\\', static_cast<size_t>(end - p)));
      const char* stop = slash ? slash : end;
      TRY(out.append(p, stop - p));
      p = stop;
      continue;
    }
    if (++p == end) return raise(PyExc_ValueError, "Trailing \\ in string");
    const char c = *p++;
    switch (c) {
      case '\n': break;
      case '\\': case '\'': case '"': TRY(out.append(c)); break;
      case 'b': TRY(out.append('\b')); break;
      case 'f': TRY(out.append('\014')); break;
      case 't': TRY(out.append('\t')); break;
      case 'n': TRY(out.append('\n')); break;
      case 'r': TRY(out.append('\r')); break;
      case 'v': TRY(out.append('\013')); break;
      case 'a': TRY(out.append('\007')); break;
      case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': {
        int value = c - '0';
        const char* digits = p - 1;
        for (int i = 0; i < 2 && p < end && *p >= '0' && *p <= '7'; ++i) value = value * 8 + (*p++ - '0');
        if (value > 0377 && *first_invalid == -1) *first_invalid = value, *where = digits;
        TRY(out.append(static_cast<char>(value)));
        break;
      }
      case 'x': {
        if (end - p >= 2 && hex(p[0]) >= 0 && hex(p[1]) >= 0) {
          TRY(out.append(static_cast<char>(hex(p[0]) * 16 + hex(p[1]))));
          p += 2;
          break;
        }
        const auto position = static_cast<Py_ssize_t>(p - 2 - text);
        if (p < end && hex(*p) >= 0) ++p;
        if (!errors || strcmp(errors, "strict") == 0) return raise(PyExc_ValueError, "invalid \\x escape at position %zd", position);
        if (strcmp(errors, "replace") == 0) TRY(out.append('?'));
        else if (strcmp(errors, "ignore") != 0)
          return raise(PyExc_ValueError, "decoding error; unknown error handling code: %.400s", errors);
        break;
      }
      default:
        if (*first_invalid == -1) *first_invalid = static_cast<unsigned char>(c), *where = p - 1;
        TRY(out.append('\\'));
        TRY(out.append(c));
    }
  }
  return out.finish();
}
// New bytes with the escapes of a bytes literal decoded; NULL on error. Invalid escapes are a DeprecationWarning.
PyObject* PyBytes_DecodeEscape(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t, const char*) {
  int invalid;
  const char* where;
  Ref<> result = TRY(steal(_PyBytes_DecodeEscape2(text, size, errors, &invalid, &where)));
  if (invalid != -1) {
    const int failure = invalid > 255
                            ? PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                                               "b\"\\%o\" is an invalid octal escape sequence. Such sequences will not work in the future. ", invalid)
                            : PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                                               "b\"\\%c\" is an invalid escape sequence. Such sequences will not work in the future. ", invalid);
    if (failure < 0) return nullptr;
  }
  return result.release();
}
