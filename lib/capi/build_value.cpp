// Py_BuildValue: objects from a format string; and the C library's small replacements (PyOS_snprintf, ...).
//
// Every unit consumes its C arguments even after an error, so that references given by "N" are released.
#include <Python.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"

namespace ks {
namespace {

struct Variadic {
  va_list list;
};

class Builder {
 public:
  Builder(const char* format, Variadic* arguments) : format_(format), arguments_(arguments) {}

  // The value of the whole format: None, one object, or a tuple.
  Ref<> build_all() {
    const Py_ssize_t count = count_items(format_, '\0');
    if (count < 0) return failed;
    if (count == 0) return borrow(Py_None);
    if (count == 1) return build_one();
    return build_sequence('\0', count, true);
  }

 private:
  // Number of units up to the closing character; -1 with SystemError.
  static Py_ssize_t count_items(const char* format, char end) {
    Py_ssize_t count = 0;
    int level = 0;
    while (level > 0 || *format != end) {
      switch (*format) {
        case '\0':
          return raise(PyExc_SystemError, "unmatched paren in format");
        case '(': case '[': case '{':
          if (level == 0) ++count;
          ++level;
          break;
        case ')': case ']': case '}':
          --level;
          break;
        case '#': case '&': case ',': case ':': case ' ': case '\t':
          break;
        default:
          if (level == 0) ++count;
      }
      ++format;
    }
    return count;
  }

  void skip_separators() {
    while (*format_ == ',' || *format_ == ':' || *format_ == ' ' || *format_ == '\t') ++format_;
  }

  // Builds what is left up to `end` and drops it: references are released, the error stays.
  void ignore(char end, Py_ssize_t count) {
    PyObject* exception = PyErr_GetRaisedException();
    for (Py_ssize_t i = 0; i < count; ++i) {
      Ref<> dropped = build_one();
      PyErr_Clear();
    }
    PyErr_SetRaisedException(exception);
    finish(end);
  }
  // Moves behind the closing character.
  bool finish(char end) {
    skip_separators();
    if (*format_ != end) {
      PyErr_SetString(PyExc_SystemError, "Unmatched paren in format");
      return false;
    }
    if (end) ++format_;
    return true;
  }

  Ref<> build_sequence(char end, Py_ssize_t count, bool tuple) {
    if (count < 0) return failed;
    Ref<> result = steal(tuple ? PyTuple_New(count) : PyList_New(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
      Ref<> item = result ? build_one() : Ref<>();
      if (!item) {
        ignore(end, result ? count - i - 1 : count);
        return failed;
      }
      if (tuple) PyTuple_SET_ITEM(result.get(), i, item.release());
      else PyList_SET_ITEM(result.get(), i, item.release());
    }
    if (!finish(end)) return failed;
    return result;
  }

  Ref<> build_dict(char end, Py_ssize_t count) {
    if (count < 0) return failed;
    if (count % 2) {
      PyErr_SetString(PyExc_SystemError, "Bad dict format");
      ignore(end, count);
      return failed;
    }
    Ref<> result = steal(PyDict_New());
    for (Py_ssize_t i = 0; i < count; i += 2) {
      Ref<> key = result ? build_one() : Ref<>();
      if (!key) {
        ignore(end, result ? count - i - 1 : count);
        return failed;
      }
      Ref<> value = build_one();
      if (!value || PyDict_SetItem(result, key, value) < 0) {
        ignore(end, count - i - 2);
        return failed;
      }
    }
    if (!finish(end)) return failed;
    return result;
  }

  // A pointer with an optional "#" size; SystemError for a size that is negative is the callee's.
  bool text_argument(const char** text, Py_ssize_t* size) {
    *text = va_arg(arguments_->list, const char*);
    *size = -1;
    if (*format_ == '#') {
      ++format_;
      *size = va_arg(arguments_->list, Py_ssize_t);
    }
    return *text != nullptr;
  }

  Ref<> build_object(char unit) {
    if (*format_ == '&') {
      ++format_;
      using Converter = PyObject* (*)(void*);
      auto converter = va_arg(arguments_->list, Converter);
      void* argument = va_arg(arguments_->list, void*);
      return steal(converter(argument));
    }
    PyObject* object = va_arg(arguments_->list, PyObject*);
    if (!object) {
      // The caller's NULL result, whose exception is the one to tell; without one:
      if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "NULL object passed to Py_BuildValue");
      return failed;
    }
    return unit == 'N' ? steal(object) : borrow(object);
  }

  Ref<> build_one() {
    while (true) {
      const char unit = *format_++;
      switch (unit) {
        case '(': return build_sequence(')', count_items(format_, ')'), true);
        case '[': return build_sequence(']', count_items(format_, ']'), false);
        case '{': return build_dict('}', count_items(format_, '}'));
        case 'b': case 'B': case 'h': case 'i':
          return steal(PyLong_FromLong(va_arg(arguments_->list, int)));
        case 'H': return steal(PyLong_FromLong(static_cast<long>(va_arg(arguments_->list, unsigned int))));
        case 'I': return steal(PyLong_FromUnsignedLong(va_arg(arguments_->list, unsigned int)));
        case 'n': return steal(PyLong_FromSsize_t(va_arg(arguments_->list, Py_ssize_t)));
        case 'l': return steal(PyLong_FromLong(va_arg(arguments_->list, long)));
        case 'k': return steal(PyLong_FromUnsignedLong(va_arg(arguments_->list, unsigned long)));
        case 'L': return steal(PyLong_FromLongLong(va_arg(arguments_->list, long long)));
        case 'K': return steal(PyLong_FromUnsignedLongLong(va_arg(arguments_->list, unsigned long long)));
        case 'p': return borrow(va_arg(arguments_->list, int) ? Py_True : Py_False);
        case 'u': {
          const wchar_t* text = va_arg(arguments_->list, const wchar_t*);
          Py_ssize_t size = -1;
          if (*format_ == '#') {
            ++format_;
            size = va_arg(arguments_->list, Py_ssize_t);
          }
          if (!text) return borrow(Py_None);
          return steal(PyUnicode_FromWideChar(text, size));
        }
        case 'f': case 'd': return steal(PyFloat_FromDouble(va_arg(arguments_->list, double)));
        case 'D': return steal(PyComplex_FromCComplex(*va_arg(arguments_->list, Py_complex*)));
        case 'c': {
          const char byte = static_cast<char>(va_arg(arguments_->list, int));
          return steal(PyBytes_FromStringAndSize(&byte, 1));
        }
        case 'C': return steal(PyUnicode_FromOrdinal(va_arg(arguments_->list, int)));
        case 's': case 'z': case 'U': {
          const char* text;
          Py_ssize_t size;
          if (!text_argument(&text, &size)) return borrow(Py_None);
          if (size < 0) size = static_cast<Py_ssize_t>(strlen(text));
          return steal(PyUnicode_FromStringAndSize(text, size));
        }
        case 'y': {
          const char* text;
          Py_ssize_t size;
          if (!text_argument(&text, &size)) return borrow(Py_None);
          if (size < 0) size = static_cast<Py_ssize_t>(strlen(text));
          return steal(PyBytes_FromStringAndSize(text, size));
        }
        case 'N': case 'S': case 'O':
          return build_object(unit);
        case ':': case ',': case ' ': case '\t':
          break;
        default:
          --format_;  // stays where it is: the end must be found
          PyErr_SetString(PyExc_SystemError, "bad format char passed to Py_BuildValue");
          if (*format_) ++format_;
          return failed;
      }
    }
  }

  const char* format_;
  Variadic* arguments_;
};

PyObject* build(const char* format, va_list list) {
  Variadic arguments;
  va_copy(arguments.list, list);
  PyObject* result = Builder(format, &arguments).build_all().release();
  va_end(arguments.list);
  return result;
}

}  // namespace
}  // namespace ks

using namespace ks;

// A new object made by the format; NULL with an exception.
PyObject* Py_BuildValue(const char* format, ...) {
  va_list list;
  va_start(list, format);
  PyObject* result = build(format, list);
  va_end(list);
  return result;
}
PyObject* Py_VaBuildValue(const char* format, va_list list) { return build(format, list); }
KS_EXPORT PyObject* _Py_BuildValue_SizeT(const char* format, ...) {
  va_list list;
  va_start(list, format);
  PyObject* result = build(format, list);
  va_end(list);
  return result;
}
KS_EXPORT PyObject* _Py_VaBuildValue_SizeT(const char* format, va_list list) { return build(format, list); }

// ---- text in C -------------------------------------------------------------------------------------------------------

// As snprintf, with a null character in any case; what would be beyond INT_MAX is -666.
int PyOS_vsnprintf(char* text, size_t size, const char* format, va_list list) {
  int length;
  if (size > INT_MAX - 512) {
    length = -666;
  } else {
    length = vsnprintf(text, size, format, list);
  }
  if (size > 0) text[size - 1] = '\0';
  return length;
}
int PyOS_snprintf(char* text, size_t size, const char* format, ...) {
  va_list list;
  va_start(list, format);
  const int length = PyOS_vsnprintf(text, size, format, list);
  va_end(list);
  return length;
}

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c + 32 : static_cast<unsigned char>(c); }
// Comparison without regard to the case of ASCII letters.
int PyOS_mystrnicmp(const char* a, const char* b, Py_ssize_t size) {
  if (size == 0) return 0;
  while (--size > 0 && *a && *b && lower(*a) == lower(*b)) ++a, ++b;
  return lower(*a) - lower(*b);
}
int PyOS_mystricmp(const char* a, const char* b) {
  while (*a && lower(*a) == lower(*b)) ++a, ++b;
  return lower(*a) - lower(*b);
}
