// The registered error handlers by name, and the built-in ones as Python functions.
#include "object/export.h"
#include "runtime/state.h"
#include "text/codec.h"
#include "text/unicode.h"
#include "types/str_private.h"

namespace ks {

// The three kinds of UnicodeError by one face.
struct Failure {
  enum Kind { None, Encode, Decode, Translate } kind = None;
  Ref<> subject;  // a str, or bytes for Decode
  Py_ssize_t start = 0, end = 0;
};

static Status read_failure(PyObject* exception, Failure* failure) {
  auto is = [&](PyObject* type) { return PyObject_TypeCheck(exception, reinterpret_cast<PyTypeObject*>(type)); };
  if (is(PyExc_UnicodeEncodeError)) {
    failure->kind = Failure::Encode;
    if (PyUnicodeEncodeError_GetStart(exception, &failure->start) < 0 || PyUnicodeEncodeError_GetEnd(exception, &failure->end) < 0)
      return failed;
    failure->subject = TRY(steal(PyUnicodeEncodeError_GetObject(exception)));
  } else if (is(PyExc_UnicodeDecodeError)) {
    failure->kind = Failure::Decode;
    if (PyUnicodeDecodeError_GetStart(exception, &failure->start) < 0 || PyUnicodeDecodeError_GetEnd(exception, &failure->end) < 0)
      return failed;
    failure->subject = TRY(steal(PyUnicodeDecodeError_GetObject(exception)));
  } else if (is(PyExc_UnicodeTranslateError)) {
    failure->kind = Failure::Translate;
    if (PyUnicodeTranslateError_GetStart(exception, &failure->start) < 0 || PyUnicodeTranslateError_GetEnd(exception, &failure->end) < 0)
      return failed;
    failure->subject = TRY(steal(PyUnicodeTranslateError_GetObject(exception)));
  }
  return Status::Ok;
}
static Failed cannot_handle(PyObject* exception) {
  return raise(PyExc_TypeError, "don't know how to handle %.200s in error callback", Py_TYPE(exception)->tp_name);
}
static Failed raise_again(PyObject* exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
  return failed;
}
static PyObject* answer(StrBuilder& text, Py_ssize_t position) {
  PyObject* result = text.finish();
  return result ? Py_BuildValue("(Nn)", result, position) : nullptr;
}

static Status add_escape(StrBuilder& out, Py_UCS4 c) {
  char text[16];
  const int n = snprintf(text, sizeof text, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
  return out.add_ascii(text, n);
}

// ---- the codecs that surrogatepass knows ---------------------------------------------------------------------------------

struct StandardEncoding {
  int width = 0;  // 0: none of them
  bool big = false;
};
static StandardEncoding standard_encoding(const char* name) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  auto is = [&](const char* text) {
    const char* p = name;
    for (; *text; ++text, ++p)
      if (lower(*p) != *text) return false;
    name = p;
    return true;
  };
  auto skip_dash = [&] {
    if (*name == '-' || *name == '_') ++name;
  };
  if (!is("utf")) return {};
  skip_dash();
  if (is("8")) return {*name ? 0 : 1, false};
  const int width = is("16") ? 2 : is("32") ? 4 : 0;
  if (!width) return {};
  if (!*name) return {width, false};
  skip_dash();
  if (is("be")) return {*name ? 0 : width, true};
  if (is("le")) return {*name ? 0 : width, false};
  return {};
}

static PyObject* surrogatepass(PyObject*, PyObject* exception) {
  Failure failure;
  TRY(read_failure(exception, &failure));
  if (failure.kind == Failure::Encode) {
    Ref<> name = TRY(steal(PyUnicodeEncodeError_GetEncoding(exception)));
    const char* encoding = TRY(PyUnicode_AsUTF8(name));
    const StandardEncoding standard = standard_encoding(encoding);
    if (!standard.width) return raise_again(exception);
    BytesBuilder out;
    for (Py_ssize_t i = failure.start; i < failure.end; ++i) {
      const Py_UCS4 c = str_char(failure.subject, i);
      if (!Py_UNICODE_IS_SURROGATE(c)) return raise_again(exception);
      if (standard.width == 1) {
        TRY(out.append(static_cast<char>(0xe0 | c >> 12)));
        TRY(out.append(static_cast<char>(0x80 | (c >> 6 & 0x3f))));
        TRY(out.append(static_cast<char>(0x80 | (c & 0x3f))));
      } else {
        for (int byte = 0; byte < standard.width; ++byte) {
          const int shift = standard.big ? 8 * (standard.width - 1 - byte) : 8 * byte;
          TRY(out.append(static_cast<char>(c >> shift)));
        }
      }
    }
    PyObject* bytes = out.finish();
    return bytes ? Py_BuildValue("(Nn)", bytes, failure.end) : nullptr;
  }
  if (failure.kind == Failure::Decode) {
    Ref<> name = TRY(steal(PyUnicodeDecodeError_GetEncoding(exception)));
    const char* encoding = TRY(PyUnicode_AsUTF8(name));
    const StandardEncoding standard = standard_encoding(encoding);
    if (!standard.width) return raise_again(exception);
    const auto* p = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(failure.subject.get())) + failure.start;
    const Py_ssize_t left = PyBytes_GET_SIZE(failure.subject.get()) - failure.start;
    Py_UCS4 c = 0;
    const int width = standard.width == 1 ? 3 : standard.width;
    if (left >= width) {
      if (standard.width == 1) {
        if ((p[0] & 0xf0) == 0xe0 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80)
          c = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
      } else {
        for (int byte = 0; byte < width; ++byte) c |= static_cast<Py_UCS4>(p[byte]) << (standard.big ? 8 * (width - 1 - byte) : 8 * byte);
      }
    }
    if (!Py_UNICODE_IS_SURROGATE(c)) return raise_again(exception);
    StrBuilder out;
    TRY(out.add_char(c));
    return answer(out, failure.start + width);
  }
  return cannot_handle(exception);
}

static PyObject* surrogateescape(PyObject*, PyObject* exception) {
  Failure failure;
  TRY(read_failure(exception, &failure));
  if (failure.kind == Failure::Encode) {
    BytesBuilder out;
    for (Py_ssize_t i = failure.start; i < failure.end; ++i) {
      const Py_UCS4 c = str_char(failure.subject, i);
      if (c < 0xdc80 || c > 0xdcff) return raise_again(exception);
      TRY(out.append(static_cast<char>(c - 0xdc00)));
    }
    PyObject* bytes = out.finish();
    return bytes ? Py_BuildValue("(Nn)", bytes, failure.end) : nullptr;
  }
  if (failure.kind == Failure::Decode) {
    const auto* p = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(failure.subject.get()));
    StrBuilder out;
    Py_ssize_t i = failure.start;
    for (; i < failure.end && i < failure.start + 4; ++i) {
      if (p[i] < 128) break;
      TRY(out.add_char(0xdc00u + p[i]));
    }
    if (i == failure.start) return raise_again(exception);
    return answer(out, i);
  }
  return cannot_handle(exception);
}

// ---- as methods, for the registry ----------------------------------------------------------------------------------------

static PyObject* strict_errors(PyObject*, PyObject* e) { return PyCodec_StrictErrors(e); }
static PyObject* ignore_errors(PyObject*, PyObject* e) { return PyCodec_IgnoreErrors(e); }
static PyObject* replace_errors(PyObject*, PyObject* e) { return PyCodec_ReplaceErrors(e); }
static PyObject* xmlcharrefreplace_errors(PyObject*, PyObject* e) { return PyCodec_XMLCharRefReplaceErrors(e); }
static PyObject* backslashreplace_errors(PyObject*, PyObject* e) { return PyCodec_BackslashReplaceErrors(e); }
static PyObject* namereplace_errors(PyObject*, PyObject* e) { return PyCodec_NameReplaceErrors(e); }

struct BuiltinHandler {
  const char* name;
  PyMethodDef method;
};
static BuiltinHandler builtin_handlers[] = {
    {"strict", {"strict_errors", strict_errors, METH_O, "Raises the exception."}},
    {"ignore", {"ignore_errors", ignore_errors, METH_O, "Leaves out what is malformed."}},
    {"replace", {"replace_errors", replace_errors, METH_O, "Puts a replacement mark in its place."}},
    {"xmlcharrefreplace", {"xmlcharrefreplace_errors", xmlcharrefreplace_errors, METH_O, "Puts an XML character reference in its place."}},
    {"backslashreplace", {"backslashreplace_errors", backslashreplace_errors, METH_O, "Puts a backslash escape in its place."}},
    {"namereplace", {"namereplace_errors", namereplace_errors, METH_O, "Puts an \\N{...} escape in its place."}},
    {"surrogatepass", {"surrogatepass", surrogatepass, METH_O, nullptr}},
    {"surrogateescape", {"surrogateescape", surrogateescape, METH_O, nullptr}},
};

static PyObject* handlers() {  // borrowed dict
  CodecRegistry& registry = interpreter()->text.codecs;
  if (registry.error_handlers) return registry.error_handlers;
  Ref<> dict = TRY(steal(PyDict_New()));
  for (BuiltinHandler& handler : builtin_handlers) {
    Ref<> function = TRY(steal(PyCFunction_NewEx(&handler.method, nullptr, nullptr)));
    if (PyDict_SetItemString(dict, handler.name, function) < 0) return nullptr;
  }
  return registry.error_handlers = dict.release();
}

PyObject* codec_lookup_error(const char* name) {
  PyObject* dict = TRY(handlers());
  if (!name) name = "strict";
  Ref<> handler;
  const int found = PyDict_GetItemStringRef(dict, name, handler.out());
  if (found < 0) return nullptr;
  if (!found) return raise(PyExc_LookupError, "unknown error handler name '%.400s'", name);
  return handler.release();
}

// For _codecs._unregister_error().
Found codec_unregister_error(const char* name) {
  for (const BuiltinHandler& handler : builtin_handlers)
    if (strcmp(handler.name, name) == 0)
      return raise(PyExc_ValueError, "cannot un-register built-in error handler '%.400s'", name);
  PyObject* dict = TRY(handlers());
  return found(PyDict_PopString(dict, name, nullptr));
}

}  // namespace ks

using namespace ks;

extern "C" {

// 0, or -1 with TypeError.
int PyCodec_RegisterError(const char* name, PyObject* handler) {
  if (!PyCallable_Check(handler)) return raise(PyExc_TypeError, "handler must be callable");
  PyObject* dict = TRY(handlers());
  return PyDict_SetItemString(dict, name, handler);
}
// New; NULL is "strict"; LookupError.
PyObject* PyCodec_LookupError(const char* name) { return codec_lookup_error(name); }

// The handlers: a new tuple (replacement, position), or the exception raised.
PyObject* PyCodec_StrictErrors(PyObject* exception) {
  if (PyExceptionInstance_Check(exception)) return raise_again(exception);
  return raise(PyExc_TypeError, "codec must pass exception instance");
}
PyObject* PyCodec_IgnoreErrors(PyObject* exception) {
  Failure failure;
  TRY(read_failure(exception, &failure));
  if (!failure.kind) return cannot_handle(exception);
  return Py_BuildValue("(On)", str_empty(), failure.end);
}
PyObject* PyCodec_ReplaceErrors(PyObject* exception) {
  Failure failure;
  TRY(read_failure(exception, &failure));
  if (!failure.kind) return cannot_handle(exception);
  StrBuilder out;
  if (failure.kind == Failure::Decode) TRY(out.add_char(0xfffd));
  else TRY(out.add_repeated(failure.kind == Failure::Encode ? '?' : 0xfffd, failure.end - failure.start));
  return answer(out, failure.end);
}
PyObject* PyCodec_XMLCharRefReplaceErrors(PyObject* exception) {
  Failure failure;
  TRY(read_failure(exception, &failure));
  if (failure.kind != Failure::Encode) return cannot_handle(exception);
  StrBuilder out;
  for (Py_ssize_t i = failure.start; i < failure.end; ++i) {
    char text[16];
    TRY(out.add_ascii(text, snprintf(text, sizeof text, "&#%u;", str_char(failure.subject, i))));
  }
  return answer(out, failure.end);
}
PyObject* PyCodec_BackslashReplaceErrors(PyObject* exception) {
  Failure failure;
  TRY(read_failure(exception, &failure));
  if (!failure.kind) return cannot_handle(exception);
  StrBuilder out;
  for (Py_ssize_t i = failure.start; i < failure.end; ++i)
    TRY(add_escape(out, failure.kind == Failure::Decode
                            ? static_cast<unsigned char>(PyBytes_AS_STRING(failure.subject.get())[i])
                            : str_char(failure.subject, i)));
  return answer(out, failure.end);
}
PyObject* PyCodec_NameReplaceErrors(PyObject* exception) {
  Failure failure;
  TRY(read_failure(exception, &failure));
  if (failure.kind != Failure::Encode) return cannot_handle(exception);
  TRY(need_character_names());
  StrBuilder out;
  for (Py_ssize_t i = failure.start; i < failure.end; ++i) {
    const Py_UCS4 c = str_char(failure.subject, i);
    char name[kNameSize];
    const int length = character_name(c, name);
    if (length) {
      TRY(out.add_ascii("\\N{", 3));
      TRY(out.add_ascii(name, length));
      TRY(out.add_char('}'));
    } else {
      TRY(add_escape(out, c));
    }
  }
  return answer(out, failure.end);
}

}  // extern "C"
