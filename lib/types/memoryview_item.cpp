// Single items of a memoryview: native struct codes.
#include "types/memoryview_item.h"

#include <cstring>

#include "types/bytes.h"
#include "types/int.h"

namespace ks {

#define KS_INTEGER_CODES(X)                                                                                       \
  X('b', signed char) X('B', unsigned char) X('h', short) X('H', unsigned short) X('i', int) X('I', unsigned) X('l', long) \
  X('L', unsigned long) X('q', long long) X('Q', unsigned long long) X('n', Py_ssize_t) X('N', size_t)

char native_format_code(const char* format, Py_ssize_t* size) {
  if (*format == '@') ++format;
  if (!format[0] || format[1]) return 0;
  switch (*format) {
    case 'c': case '?': *size = 1; break;
    case 'e': *size = 2; break;
    case 'f': *size = sizeof(float); break;
    case 'd': *size = sizeof(double); break;
    case 'P': *size = sizeof(void*); break;
#define CASE(CODE, TYPE) \
    case CODE: *size = sizeof(TYPE); break;
      KS_INTEGER_CODES(CASE)
#undef CASE
    default: return 0;
  }
  return *format;
}

template <class T>
static T load(const char* place) {
  T value;
  memcpy(&value, place, sizeof(T));
  return value;
}
template <class T>
static PyObject* unpack_integer(const char* place) {
  const T value = load<T>(place);
  if constexpr (static_cast<T>(-1) < 0) return int_from_int64(value);
  else return int_from_uint64(value);
}

PyObject* unpack_item(const char* place, const char* format) {
  Py_ssize_t size;
  switch (native_format_code(format, &size)) {
#define CASE(CODE, TYPE) \
    case CODE: return unpack_integer<TYPE>(place);
    KS_INTEGER_CODES(CASE)
#undef CASE
    case '?': return PyBool_FromLong(*place != 0);
    case 'c': return bytes_single(static_cast<unsigned char>(*place));
    case 'e': return PyFloat_FromDouble(PyFloat_Unpack2(place, 1));
    case 'f': return PyFloat_FromDouble(PyFloat_Unpack4(place, 1));
    case 'd': return PyFloat_FromDouble(load<double>(place));
    case 'P': return PyLong_FromVoidPtr(load<void*>(place));
    default: return raise(PyExc_NotImplementedError, "memoryview: format %s not supported", format);
  }
}

static Failed raise_value(const char* format) { return raise(PyExc_ValueError, "memoryview: invalid value for format '%s'", format); }
static Failed raise_type(const char* format) { return raise(PyExc_TypeError, "memoryview: invalid type for format '%s'", format); }
// What went wrong in a conversion, in memoryview's words; other exceptions stay.
static Failed translate_error(const char* format) {
  if (PyErr_ExceptionMatches(PyExc_TypeError)) return raise_type(format);
  if (PyErr_ExceptionMatches(PyExc_OverflowError) || PyErr_ExceptionMatches(PyExc_ValueError)) return raise_value(format);
  return failed;
}
template <class T>
static Status pack_integer(char* place, PyObject* item, const char* format) {
  Ref<> index = steal(PyNumber_Index(item));
  if (!index) return translate_error(format);
  T value;
  if constexpr (static_cast<T>(-1) < 0) {
    int64_t wide;
    if (!int_fits_int64(index, &wide) || wide != static_cast<T>(wide)) return raise_value(format);
    value = static_cast<T>(wide);
  } else {
    const unsigned long wide = PyLong_AsUnsignedLong(index);
    if (wide == static_cast<unsigned long>(-1) && PyErr_Occurred()) return translate_error(format);
    if (wide != static_cast<T>(wide)) return raise_value(format);
    value = static_cast<T>(wide);
  }
  memcpy(place, &value, sizeof(T));
  return Status::Ok;
}

Status pack_item(char* place, PyObject* item, const char* format) {
  Py_ssize_t size;
  const char code = native_format_code(format, &size);
  switch (code) {
#define CASE(CODE, TYPE) \
    case CODE: return pack_integer<TYPE>(place, item, format);
    KS_INTEGER_CODES(CASE)
#undef CASE
    case 'e': case 'f': case 'd': {
      const double value = PyFloat_AsDouble(item);
      if (value == -1.0 && PyErr_Occurred()) return translate_error(format);
      if (code == 'd') return status(PyFloat_Pack8(value, place, 1));
      if (code == 'f') {
        const float narrow = static_cast<float>(value);
        memcpy(place, &narrow, sizeof(narrow));
        return Status::Ok;
      }
      return PyFloat_Pack2(value, place, 1) < 0 ? translate_error(format) : Status::Ok;
    }
    case '?': {
      const int truth = PyObject_IsTrue(item);
      if (truth < 0) return failed;
      *place = static_cast<char>(truth);
      return Status::Ok;
    }
    case 'c':
      if (!PyBytes_Check(item)) return raise_type(format);
      if (PyBytes_GET_SIZE(item) != 1) return raise_value(format);
      *place = *PyBytes_AS_STRING(item);
      return Status::Ok;
    case 'P': {
      Ref<> index = steal(PyNumber_Index(item));
      if (!index) return translate_error(format);
      void* pointer = PyLong_AsVoidPtr(index);
      if (!pointer && PyErr_Occurred()) return translate_error(format);
      memcpy(place, &pointer, sizeof(pointer));
      return Status::Ok;
    }
    default: return raise(PyExc_NotImplementedError, "memoryview: format %s not supported", format);
  }
}

bool equal_items(const char* a, const char* b, char code) {
  switch (code) {
#define CASE(CODE, TYPE) \
    case CODE: return load<TYPE>(a) == load<TYPE>(b);
    KS_INTEGER_CODES(CASE)
#undef CASE
    case '?': return (*a != 0) == (*b != 0);
    case 'c': return *a == *b;
    case 'e': return PyFloat_Unpack2(a, 1) == PyFloat_Unpack2(b, 1);
    case 'f': return load<float>(a) == load<float>(b);
    case 'd': return load<double>(a) == load<double>(b);
    case 'P': return load<void*>(a) == load<void*>(b);
    default: return false;
  }
}

}  // namespace ks
