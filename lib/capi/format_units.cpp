// The units of argument formats; see format_units.h and the manual's page "Parsing arguments and building values".
#include "capi/format_units.h"

#include <Python.h>

#include <cctype>
#include <climits>
#include <cstdio>
#include <cstring>

#include "object/identifier.h"
#include "object/protocol.h"
#include "object/result.h"

namespace ks {

// ---- what was acquired -----------------------------------------------------------------------------------------------

Acquired::~Acquired() {
  if (entries_ != small_) PyMem_Free(entries_);
}
bool Acquired::add(Kind kind, void* item, int (*converter)(PyObject*, void*)) {
  if (count_ == capacity_) {
    auto* larger = static_cast<Entry*>(PyMem_Malloc(sizeof(Entry) * static_cast<size_t>(capacity_) * 2));
    if (!larger) {
      PyErr_NoMemory();
      return false;
    }
    memcpy(larger, entries_, sizeof(Entry) * static_cast<size_t>(count_));
    if (entries_ != small_) PyMem_Free(entries_);
    entries_ = larger;
    capacity_ *= 2;
  }
  entries_[count_++] = {kind, item, converter};
  return true;
}
void Acquired::release() {
  for (int i = 0; i < count_; ++i) {
    const Entry& entry = entries_[i];
    switch (entry.kind) {
      case Kind::Memory: {
        void** slot = static_cast<void**>(entry.item);
        PyMem_Free(*slot);
        *slot = nullptr;
        break;
      }
      case Kind::Buffer:
        PyBuffer_Release(static_cast<Py_buffer*>(entry.item));
        break;
      case Kind::Converter:
        // Py_CLEANUP_SUPPORTED: called with NULL to clean up.
        entry.converter(nullptr, entry.item);
        break;
    }
  }
  count_ = 0;
}

// ---- errors ----------------------------------------------------------------------------------------------------------

void raise_at(const Place& place, int argument, const char* function, const char* message) {
  if (PyErr_Occurred()) return;
  char text[512];
  if (!message) {
    char* at = text;
    char* const end = text + sizeof text;
    if (function) at += snprintf(at, static_cast<size_t>(end - at), "%.200s() ", function);
    if (argument) {
      at += snprintf(at, static_cast<size_t>(end - at), "argument %d", argument);
      for (int i = 0; i < Place::kDepth && place.levels[i] > 0 && end - at > 220; ++i)
        at += snprintf(at, static_cast<size_t>(end - at), ", item %d", place.levels[i] - 1);
    } else {
      at += snprintf(at, static_cast<size_t>(end - at), "argument");
    }
    snprintf(at, static_cast<size_t>(end - at), " %.256s", place.message);
    message = text;
  }
  if (place.message[0] == '(') PyErr_SetString(PyExc_SystemError, message);
  else PyErr_SetString(PyExc_TypeError, message);
}

namespace {

const char* type_name(PyObject* o) { return o == Py_None ? "None" : Py_TYPE(o)->tp_name; }

bool expected(Place* place, const char* what, PyObject* actual) {
  // A message of its own instead of a type's name is in parentheses.
  if (what[0] == '(') snprintf(place->message, sizeof place->message, "%.100s", what);
  else snprintf(place->message, sizeof place->message, "must be %.50s, not %.50s", what, type_name(actual));
  return false;
}

// A buffer that stays valid without being released.
bool read_only_bytes(PyObject* argument, const void** data, Py_ssize_t* size, Place* place) {
  PyBufferProcs* buffer = Py_TYPE(argument)->tp_as_buffer;
  if (buffer && buffer->bf_releasebuffer) return expected(place, "read-only bytes-like object", argument);
  Py_buffer view;
  if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0) return false;
  *data = view.buf;
  *size = view.len;
  PyBuffer_Release(&view);
  return true;
}

bool fill_buffer(PyObject* argument, Py_buffer* view, Place* place) {
  if (PyObject_GetBuffer(argument, view, PyBUF_SIMPLE) < 0) return false;
  if (!PyBuffer_IsContiguous(view, 'C')) {
    PyBuffer_Release(view);
    return expected(place, "contiguous buffer", argument);
  }
  return true;
}

bool convert_integer(PyObject* argument, char unit, Variadic* arguments, Place* place) {
  switch (unit) {
    case 'b': {
      auto* target = va_arg(arguments->list, unsigned char*);
      const long value = PyLong_AsLong(argument);
      if (value == -1 && PyErr_Occurred()) return false;
      if (value < 0) return raise(PyExc_OverflowError, "unsigned byte integer is less than minimum"), false;
      if (value > UCHAR_MAX) return raise(PyExc_OverflowError, "unsigned byte integer is greater than maximum"), false;
      *target = static_cast<unsigned char>(value);
      return true;
    }
    case 'B': {
      auto* target = va_arg(arguments->list, unsigned char*);
      const unsigned long value = PyLong_AsUnsignedLongMask(argument);
      if (value == static_cast<unsigned long>(-1) && PyErr_Occurred()) return false;
      *target = static_cast<unsigned char>(value);
      return true;
    }
    case 'h': {
      auto* target = va_arg(arguments->list, short*);
      const long value = PyLong_AsLong(argument);
      if (value == -1 && PyErr_Occurred()) return false;
      if (value < SHRT_MIN) return raise(PyExc_OverflowError, "signed short integer is less than minimum"), false;
      if (value > SHRT_MAX) return raise(PyExc_OverflowError, "signed short integer is greater than maximum"), false;
      *target = static_cast<short>(value);
      return true;
    }
    case 'H': {
      auto* target = va_arg(arguments->list, unsigned short*);
      const unsigned long value = PyLong_AsUnsignedLongMask(argument);
      if (value == static_cast<unsigned long>(-1) && PyErr_Occurred()) return false;
      *target = static_cast<unsigned short>(value);
      return true;
    }
    case 'i': {
      auto* target = va_arg(arguments->list, int*);
      const long value = PyLong_AsLong(argument);
      if (value == -1 && PyErr_Occurred()) return false;
      if (value > INT_MAX) return raise(PyExc_OverflowError, "signed integer is greater than maximum"), false;
      if (value < INT_MIN) return raise(PyExc_OverflowError, "signed integer is less than minimum"), false;
      *target = static_cast<int>(value);
      return true;
    }
    case 'I': {
      auto* target = va_arg(arguments->list, unsigned int*);
      const unsigned long value = PyLong_AsUnsignedLongMask(argument);
      if (value == static_cast<unsigned long>(-1) && PyErr_Occurred()) return false;
      *target = static_cast<unsigned int>(value);
      return true;
    }
    case 'n': {
      auto* target = va_arg(arguments->list, Py_ssize_t*);
      Ref<> number = number_index(argument);
      if (!number) return false;
      const Py_ssize_t value = PyLong_AsSsize_t(number);
      if (value == -1 && PyErr_Occurred()) return false;
      *target = value;
      return true;
    }
    case 'l': {
      auto* target = va_arg(arguments->list, long*);
      const long value = PyLong_AsLong(argument);
      if (value == -1 && PyErr_Occurred()) return false;
      *target = value;
      return true;
    }
    case 'k': {
      auto* target = va_arg(arguments->list, unsigned long*);
      if (!PyIndex_Check(argument)) return expected(place, "int", argument);
      const unsigned long value = PyLong_AsUnsignedLongMask(argument);
      if (value == static_cast<unsigned long>(-1) && PyErr_Occurred()) return false;
      *target = value;
      return true;
    }
    case 'L': {
      auto* target = va_arg(arguments->list, long long*);
      const long long value = PyLong_AsLongLong(argument);
      if (value == -1 && PyErr_Occurred()) return false;
      *target = value;
      return true;
    }
    default: {  // 'K'
      auto* target = va_arg(arguments->list, unsigned long long*);
      if (!PyIndex_Check(argument)) return expected(place, "int", argument);
      const unsigned long long value = PyLong_AsUnsignedLongLongMask(argument);
      if (value == static_cast<unsigned long long>(-1) && PyErr_Occurred()) return false;
      *target = value;
      return true;
    }
  }
}

// s, z, y, each alone, with * (a Py_buffer) or with # (pointer and size).
bool convert_text_unit(PyObject* argument, char unit, const char** format, Variadic* arguments, Acquired* acquired, Place* place) {
  const bool none_allowed = unit == 'z';
  const bool text_allowed = unit != 'y';
  if (**format == '*') {
    ++*format;
    auto* view = va_arg(arguments->list, Py_buffer*);
    if (none_allowed && argument == Py_None) {
      PyBuffer_FillInfo(view, nullptr, nullptr, 0, 1, 0);
    } else if (text_allowed && PyUnicode_Check(argument)) {
      Py_ssize_t size;
      const char* text = PyUnicode_AsUTF8AndSize(argument, &size);
      if (!text) return false;
      PyBuffer_FillInfo(view, argument, const_cast<char*>(text), size, 1, 0);
    } else if (!fill_buffer(argument, view, place)) {
      return false;
    }
    if (!acquired->add(Acquired::Kind::Buffer, view)) {
      PyBuffer_Release(view);
      return false;
    }
    return true;
  }
  if (**format == '#') {
    ++*format;
    auto** target = va_arg(arguments->list, const char**);
    auto* size = va_arg(arguments->list, Py_ssize_t*);
    if (none_allowed && argument == Py_None) {
      *target = nullptr;
      *size = 0;
      return true;
    }
    if (text_allowed && PyUnicode_Check(argument)) {
      Py_ssize_t length;
      const char* text = PyUnicode_AsUTF8AndSize(argument, &length);
      if (!text) return false;
      *target = text;
      *size = length;
      return true;
    }
    const void* data;
    if (!read_only_bytes(argument, &data, size, place)) return false;
    *target = static_cast<const char*>(data);
    return true;
  }
  auto** target = va_arg(arguments->list, const char**);
  if (unit == 'y') {
    const void* data;
    Py_ssize_t size;
    if (!read_only_bytes(argument, &data, &size, place)) return false;
    if (strlen(static_cast<const char*>(data)) != static_cast<size_t>(size))
      return raise(PyExc_ValueError, "embedded null byte"), false;
    *target = static_cast<const char*>(data);
    return true;
  }
  if (none_allowed && argument == Py_None) {
    *target = nullptr;
    return true;
  }
  if (!PyUnicode_Check(argument)) return expected(place, none_allowed ? "str or None" : "str", argument);
  Py_ssize_t size;
  const char* text = PyUnicode_AsUTF8AndSize(argument, &size);
  if (!text) return false;
  if (strlen(text) != static_cast<size_t>(size)) return raise(PyExc_ValueError, "embedded null character"), false;
  *target = text;
  return true;
}

// es, et, es#, et#: encoded into a block of the caller's or of ours.
bool convert_encoded(PyObject* argument, const char** format, Variadic* arguments, Acquired* acquired, Place* place) {
  const char* encoding = va_arg(arguments->list, const char*);
  if (!encoding) encoding = "utf-8";
  bool recode;
  if (**format == 's') recode = true;
  else if (**format == 't') recode = false;
  else return expected(place, "(unknown parser marker combination)", argument);
  auto** buffer = va_arg(arguments->list, char**);
  ++*format;
  if (!buffer) return expected(place, "(buffer is NULL)", argument);
  Ref<> encoded;
  const char* data;
  Py_ssize_t size;
  if (!recode && (PyBytes_Check(argument) || PyByteArray_Check(argument))) {
    encoded = borrow(argument);
    if (PyBytes_Check(argument)) {
      data = PyBytes_AS_STRING(argument);
      size = PyBytes_GET_SIZE(argument);
    } else {
      data = PyByteArray_AS_STRING(argument);
      size = PyByteArray_GET_SIZE(argument);
    }
  } else if (PyUnicode_Check(argument)) {
    encoded = steal(PyUnicode_AsEncodedString(argument, encoding, nullptr));
    if (!encoded) return expected(place, "(encoding failed)", argument);
    data = PyBytes_AS_STRING(encoded.get());
    size = PyBytes_GET_SIZE(encoded.get());
  } else {
    return expected(place, recode ? "str" : "str, bytes or bytearray", argument);
  }
  if (**format == '#') {
    auto* length = va_arg(arguments->list, Py_ssize_t*);
    ++*format;
    if (!length) return expected(place, "(buffer_len is NULL)", argument);
    if (!*buffer) {
      *buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size) + 1));
      if (!*buffer) {
        PyErr_NoMemory();
        return false;
      }
      if (!acquired->add(Acquired::Kind::Memory, buffer)) {
        PyMem_Free(*buffer);
        *buffer = nullptr;
        return false;
      }
    } else if (size + 1 > *length) {
      PyErr_Format(PyExc_ValueError, "encoded string too long (%zd, maximum length %zd)", size, *length - 1);
      return false;
    }
    memcpy(*buffer, data, static_cast<size_t>(size) + 1);
    *length = size;
    return true;
  }
  if (strlen(data) != static_cast<size_t>(size)) return expected(place, "encoded string without null bytes", argument);
  *buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size) + 1));
  if (!*buffer) {
    PyErr_NoMemory();
    return false;
  }
  if (!acquired->add(Acquired::Kind::Memory, buffer)) {
    PyMem_Free(*buffer);
    *buffer = nullptr;
    return false;
  }
  memcpy(*buffer, data, static_cast<size_t>(size) + 1);
  return true;
}

bool convert_object(PyObject* argument, const char** format, Variadic* arguments, Acquired* acquired, Place* place) {
  if (**format == '!') {
    ++*format;
    auto* type = va_arg(arguments->list, PyTypeObject*);
    auto** target = va_arg(arguments->list, PyObject**);
    if (!PyType_IsSubtype(Py_TYPE(argument), type)) return expected(place, type->tp_name, argument);
    *target = argument;
    return true;
  }
  if (**format == '&') {
    ++*format;
    using Converter = int (*)(PyObject*, void*);
    auto converter = va_arg(arguments->list, Converter);
    void* target = va_arg(arguments->list, void*);
    const int result = converter(argument, target);
    if (result == 0) return expected(place, "(unspecified)", argument);
    if (result == Py_CLEANUP_SUPPORTED && !acquired->add(Acquired::Kind::Converter, target, converter)) {
      converter(nullptr, target);
      return false;
    }
    return true;
  }
  *va_arg(arguments->list, PyObject**) = argument;
  return true;
}

bool convert_simple(PyObject* argument, const char** format, Variadic* arguments, Acquired* acquired, Place* place) {
  const char unit = *(*format)++;
  switch (unit) {
    case 'b': case 'B': case 'h': case 'H': case 'i': case 'I': case 'n': case 'l': case 'k': case 'L': case 'K':
      return convert_integer(argument, unit, arguments, place);
    case 'f': {
      auto* target = va_arg(arguments->list, float*);
      const double value = PyFloat_AsDouble(argument);
      if (value == -1.0 && PyErr_Occurred()) return false;
      *target = static_cast<float>(value);
      return true;
    }
    case 'd': {
      auto* target = va_arg(arguments->list, double*);
      const double value = PyFloat_AsDouble(argument);
      if (value == -1.0 && PyErr_Occurred()) return false;
      *target = value;
      return true;
    }
    case 'D': {
      auto* target = va_arg(arguments->list, Py_complex*);
      const Py_complex value = PyComplex_AsCComplex(argument);
      if (PyErr_Occurred()) return false;
      *target = value;
      return true;
    }
    case 'c': {
      auto* target = va_arg(arguments->list, char*);
      const bool is_bytes = PyBytes_Check(argument);
      if (!is_bytes && !PyByteArray_Check(argument)) return expected(place, "a byte string of length 1", argument);
      const Py_ssize_t size = is_bytes ? PyBytes_GET_SIZE(argument) : PyByteArray_GET_SIZE(argument);
      if (size != 1) {
        snprintf(place->message, sizeof place->message, "must be a byte string of length 1, not a %s object of length %zd",
                 is_bytes ? "bytes" : "bytearray", size);
        return false;
      }
      *target = is_bytes ? PyBytes_AS_STRING(argument)[0] : PyByteArray_AS_STRING(argument)[0];
      return true;
    }
    case 'C': {
      auto* target = va_arg(arguments->list, int*);
      if (!PyUnicode_Check(argument)) return expected(place, "a unicode character", argument);
      if (PyUnicode_GET_LENGTH(argument) != 1) {
        snprintf(place->message, sizeof place->message, "must be a unicode character, not a string of length %zd",
                 PyUnicode_GET_LENGTH(argument));
        return false;
      }
      *target = static_cast<int>(PyUnicode_READ_CHAR(argument, 0));
      return true;
    }
    case 'p': {
      auto* target = va_arg(arguments->list, int*);
      const int truth = PyObject_IsTrue(argument);
      if (truth < 0) return false;
      *target = truth;
      return true;
    }
    case 's': case 'z': case 'y':
      return convert_text_unit(argument, unit, format, arguments, acquired, place);
    case 'e':
      return convert_encoded(argument, format, arguments, acquired, place);
    case 'S': {
      auto** target = va_arg(arguments->list, PyObject**);
      if (!PyBytes_Check(argument)) return expected(place, "bytes", argument);
      *target = argument;
      return true;
    }
    case 'Y': {
      auto** target = va_arg(arguments->list, PyObject**);
      if (!PyByteArray_Check(argument)) return expected(place, "bytearray", argument);
      *target = argument;
      return true;
    }
    case 'U': {
      auto** target = va_arg(arguments->list, PyObject**);
      if (!PyUnicode_Check(argument)) return expected(place, "str", argument);
      *target = argument;
      return true;
    }
    case 'O':
      return convert_object(argument, format, arguments, acquired, place);
    case 'w': {
      if (**format != '*') break;
      ++*format;
      auto* view = va_arg(arguments->list, Py_buffer*);
      if (PyObject_GetBuffer(argument, view, PyBUF_WRITABLE) < 0) {
        PyErr_Clear();
        return expected(place, "read-write bytes-like object", argument);
      }
      if (!PyBuffer_IsContiguous(view, 'C')) {
        PyBuffer_Release(view);
        return expected(place, "contiguous buffer", argument);
      }
      if (!acquired->add(Acquired::Kind::Buffer, view)) {
        PyBuffer_Release(view);
        return false;
      }
      return true;
    }
    default:
      break;
  }
  return expected(place, "(impossible<bad format char>)", argument);
}

// Items of a nested list, and whether one of them gives out a reference that it does not own.
int count_items(const char* format, bool* borrows) {
  int level = 0, count = 0;
  while (true) {
    const char c = *format++;
    if (c == '(') {
      if (level == 0) ++count;
      ++level;
    } else if (c == ')') {
      if (level == 0) return count;
      --level;
    } else if (c == ':' || c == ';' || c == '\0') {
      return count;
    } else if (isalpha(static_cast<unsigned char>(c))) {
      if (c == 'e') {
        // The letter behind it belongs to the unit.
        if (*format) ++format;
      } else if (strchr("syzSYUO", c)) {
        if (*format != '*' && *format != '&') *borrows = true;
      }
      if (level == 0) ++count;
    }
  }
}

bool convert_tuple(PyObject* argument, const char** format, Variadic* arguments, Acquired* acquired, Place* place, int depth) {
  bool borrows = false;
  const int count = count_items(*format, &borrows);
  const bool is_tuple = PyTuple_Check(argument);
  if (!is_tuple && (!PySequence_Check(argument) || PyUnicode_Check(argument) || PyBytes_Check(argument) || PyByteArray_Check(argument))) {
    snprintf(place->message, sizeof place->message, "must be %d-item tuple, not %.50s", count, type_name(argument));
    return false;
  }
  if (!is_tuple && borrows &&
      PyErr_WarnFormat(PyExc_DeprecationWarning, 0, "argument must be %d-item tuple, not %T", count, argument) < 0)
    return false;
  const Py_ssize_t size = PySequence_Size(argument);
  if (size < 0) return false;
  if (size != count) {
    snprintf(place->message, sizeof place->message, "must be %s of length %d, not %zd", is_tuple || borrows ? "tuple" : "sequence", count,
             size);
    return false;
  }
  for (int i = 0; i < count; ++i) {
    Ref<> item = is_tuple ? borrow(PyTuple_GET_ITEM(argument, i)) : steal(PySequence_GetItem(argument, i));
    if (!item) {
      if (depth < Place::kDepth) place->levels[depth] = i + 1;
      return false;
    }
    if (!convert_unit(item, format, arguments, acquired, place, depth + 1)) {
      if (depth < Place::kDepth) place->levels[depth] = i + 1;
      return false;
    }
  }
  return true;
}

}  // namespace

bool convert_unit(PyObject* argument, const char** format, Variadic* arguments, Acquired* acquired, Place* place, int depth) {
  if (**format != '(') return convert_simple(argument, format, arguments, acquired, place);
  ++*format;
  if (!convert_tuple(argument, format, arguments, acquired, place, depth)) return false;
  ++*format;
  return true;
}

const char* skip_unit(const char** format, Variadic* arguments) {
  const char unit = *(*format)++;
  switch (unit) {
    case 'b': case 'B': case 'h': case 'H': case 'i': case 'I': case 'l': case 'k': case 'L': case 'K': case 'n': case 'f':
    case 'd': case 'D': case 'c': case 'C': case 'p': case 'S': case 'Y': case 'U':
      (void)va_arg(arguments->list, void*);
      return nullptr;
    case 'e':
      (void)va_arg(arguments->list, const char*);
      [[fallthrough]];
    case 's': case 'z': case 'y': case 'w':
      (void)va_arg(arguments->list, char**);
      if (unit == 'w' && **format != '*') {
        --*format;
        return "impossible<bad format char>";
      }
      if (unit == 'e') {
        if (**format != 's' && **format != 't') return "impossible<bad format char>";
        ++*format;
      }
      if (**format == '#') {
        ++*format;
        (void)va_arg(arguments->list, Py_ssize_t*);
      } else if (**format == '*' && unit != 'e') {
        ++*format;
      }
      return nullptr;
    case 'O':
      if (**format == '!') {
        ++*format;
        (void)va_arg(arguments->list, PyTypeObject*);
        (void)va_arg(arguments->list, PyObject**);
      } else if (**format == '&') {
        ++*format;
        using Converter = int (*)(PyObject*, void*);
        (void)va_arg(arguments->list, Converter);
        (void)va_arg(arguments->list, void*);
      } else {
        (void)va_arg(arguments->list, PyObject**);
      }
      return nullptr;
    case '(':
      while (true) {
        if (**format == ')') break;
        if (**format == '\0' || **format == ':' || **format == ';') return "Unmatched left paren in format string";
        if (const char* message = skip_unit(format, arguments)) return message;
      }
      ++*format;
      return nullptr;
    case ')':
      return "Unmatched right paren in format string";
    default:
      --*format;  // the message shows it
      return "impossible<bad format char>";
  }
}

}  // namespace ks
