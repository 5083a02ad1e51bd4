// Error handling of the built-in codecs: the usual handlers at once, the others by calling what is registered.
#include "object/export.h"
#include "text/codec.h"

namespace ks {

ErrorHandler error_handler_of(const char* errors) {
  if (!errors || strcmp(errors, "strict") == 0) return ErrorHandler::Strict;
  if (strcmp(errors, "surrogateescape") == 0) return ErrorHandler::SurrogateEscape;
  if (strcmp(errors, "replace") == 0) return ErrorHandler::Replace;
  if (strcmp(errors, "ignore") == 0) return ErrorHandler::Ignore;
  if (strcmp(errors, "backslashreplace") == 0) return ErrorHandler::BackslashReplace;
  if (strcmp(errors, "surrogatepass") == 0) return ErrorHandler::SurrogatePass;
  if (strcmp(errors, "xmlcharrefreplace") == 0) return ErrorHandler::XmlCharRefReplace;
  return ErrorHandler::Other;
}

// ---- decoding --------------------------------------------------------------------------------------------------------------

Status DecodeErrors::handle(StrBuilder& out, Py_ssize_t start, Py_ssize_t end, const char* reason, Py_ssize_t* position) {
  if (kind_ == ErrorHandler::Unknown) kind_ = error_handler_of(errors_);
  switch (kind_) {
    case ErrorHandler::Ignore: *position = end; return Status::Ok;
    case ErrorHandler::Replace: *position = end; return out.add_char(0xfffd);
    case ErrorHandler::SurrogateEscape: {
      Py_ssize_t i = start;
      for (; i < end && i < start + 4; ++i) {
        const auto byte = static_cast<unsigned char>(input[i]);
        if (byte < 128) break;
        TRY(out.add_char(0xdc00u + byte));
      }
      if (i == start) break;
      *position = i;
      return Status::Ok;
    }
    default: break;
  }
  return call_handler(out, start, end, reason, position);
}

Status DecodeErrors::call_handler(StrBuilder& out, Py_ssize_t start, Py_ssize_t end, const char* reason, Py_ssize_t* position) {
  if (!handler_ && kind_ != ErrorHandler::Strict) handler_ = TRY(steal(codec_lookup_error(errors_)));
  if (!exception_) {
    exception_ = TRY(steal(PyObject_CallFunction(PyExc_UnicodeDecodeError, "sy#nns", encoding_, input, size, start, end, reason)));
  } else {
    if (PyUnicodeDecodeError_SetStart(exception_, start) < 0 || PyUnicodeDecodeError_SetEnd(exception_, end) < 0 ||
        PyUnicodeDecodeError_SetReason(exception_, reason) < 0)
      return failed;
  }
  if (!handler_) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception_.object())), exception_);
    return failed;
  }
  Ref<> result = TRY(steal(PyObject_CallOneArg(handler_, exception_)));
  PyObject* text;
  Py_ssize_t go_on;
  if (!PyTuple_Check(result.object())) return raise(PyExc_TypeError, "decoding error handler must return (str, int) tuple");
  if (!PyArg_ParseTuple(result, "Un;decoding error handler must return (str, int) tuple", &text, &go_on)) return failed;
  // The handler may have set another input.
  Ref<> object = TRY(steal(PyUnicodeDecodeError_GetObject(exception_)));
  if (!PyBytes_Check(object.object())) return raise(PyExc_TypeError, "exception attribute object must be bytes");
  input_owner_ = std::move(object);
  input = bytes_data(input_owner_);
  size = bytes_size(input_owner_);
  if (go_on < 0) go_on += size;
  if (go_on < 0 || go_on > size) return raise(PyExc_IndexError, "position %zd from error handler out of bounds", go_on);
  *position = go_on;
  return out.add_chars(str_kind(text), str_data(text), str_length(text));
}

// ---- encoding ----------------------------------------------------------------------------------------------------------------

ErrorHandler EncodeErrors::kind() {
  if (kind_ == ErrorHandler::Unknown) kind_ = error_handler_of(errors_);
  return kind_;
}

Status EncodeErrors::make_exception(Py_ssize_t start, Py_ssize_t end, const char* reason) {
  if (!exception_) {
    exception_ = TRY(steal(PyObject_CallFunction(PyExc_UnicodeEncodeError, "sOnns", encoding_, text_, start, end, reason)));
    return Status::Ok;
  }
  if (PyUnicodeEncodeError_SetStart(exception_, start) < 0 || PyUnicodeEncodeError_SetEnd(exception_, end) < 0 ||
      PyUnicodeEncodeError_SetReason(exception_, reason) < 0)
    return failed;
  return Status::Ok;
}

Failed EncodeErrors::raise_strict(Py_ssize_t start, Py_ssize_t end, const char* reason) {
  if (make_exception(start, end, reason) == Status::Ok)
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception_.object())), exception_);
  return failed;
}

Status EncodeErrors::handle(Py_ssize_t start, Py_ssize_t end, const char* reason, Replacement* replacement) {
  replacement->text = nullptr;
  replacement->position = end;
  switch (kind()) {
    case ErrorHandler::Strict: return raise_strict(start, end, reason);
    case ErrorHandler::Ignore: return Status::Ok;
    case ErrorHandler::Replace: {
      StrBuilder marks;
      TRY(marks.add_repeated('?', end - start));
      replacement->text = TRY(steal(marks.finish()));
      return Status::Ok;
    }
    case ErrorHandler::SurrogateEscape: {
      BytesBuilder bytes;
      Py_ssize_t i = start;
      for (; i < end; ++i) {
        const Py_UCS4 c = str_char(text_, i);
        if (c < 0xdc80 || c > 0xdcff) break;
        TRY(bytes.append(static_cast<char>(c - 0xdc00)));
      }
      if (i == start) return raise_strict(start, end, reason);
      replacement->text = TRY(steal(bytes.finish()));
      replacement->position = i;
      return Status::Ok;
    }
    case ErrorHandler::BackslashReplace:
    case ErrorHandler::XmlCharRefReplace: {
      StrBuilder text;
      for (Py_ssize_t i = start; i < end; ++i) {
        const Py_UCS4 c = str_char(text_, i);
        char buffer[16];
        const char* format = kind_ == ErrorHandler::XmlCharRefReplace ? "&#%u;"
                             : c < 0x100                              ? "\\x%02x"
                             : c < 0x10000                            ? "\\u%04x"
                                                                      : "\\U%08x";
        const int n = snprintf(buffer, sizeof buffer, format, c);
        TRY(text.add_ascii(buffer, n));
      }
      replacement->text = TRY(steal(text.finish()));
      return Status::Ok;
    }
    default: break;
  }
  if (!handler_) handler_ = TRY(steal(codec_lookup_error(errors_)));
  TRY(make_exception(start, end, reason));
  Ref<> result = TRY(steal(PyObject_CallOneArg(handler_, exception_)));
  PyObject* text;
  Py_ssize_t go_on;
  if (!PyTuple_Check(result.object()))
    return raise(PyExc_TypeError, "encoding error handler must return (str/bytes, int) tuple");
  if (!PyArg_ParseTuple(result, "On;encoding error handler must return (str/bytes, int) tuple", &text, &go_on)) return failed;
  if (!PyUnicode_Check(text) && !PyBytes_Check(text))
    return raise(PyExc_TypeError, "encoding error handler must return (str/bytes, int) tuple");
  const Py_ssize_t size = str_length(text_);
  if (go_on < 0) go_on += size;
  if (go_on < 0 || go_on > size) return raise(PyExc_IndexError, "position %zd from error handler out of bounds", go_on);
  replacement->text = borrow(text);
  replacement->position = go_on;
  return Status::Ok;
}

}  // namespace ks

// The reference's numbering of the handlers.
KS_EXPORT int _Py_GetErrorHandler(const char* errors) {
  using ks::ErrorHandler;
  switch (ks::error_handler_of(errors)) {
    case ErrorHandler::Strict: return 1;
    case ErrorHandler::SurrogateEscape: return 2;
    case ErrorHandler::Replace: return 3;
    case ErrorHandler::Ignore: return 4;
    case ErrorHandler::BackslashReplace: return 5;
    case ErrorHandler::SurrogatePass: return 6;
    case ErrorHandler::XmlCharRefReplace: return 7;
    default: return 8;
  }
}
