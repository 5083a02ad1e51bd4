// The codec of the current locale, wide-character text in and out of it, and the codec of file names.
#include <langinfo.h>
#include <wchar.h>

#include <algorithm>
#include <cerrno>

#include "object/export.h"
#include "runtime/state.h"
#include "text/codec.h"
#include "types/str_private.h"

namespace ks {

// What to do with bytes and characters that do not convert; -3 results for anything but these two.
enum LocaleErrors { kLocaleStrict = 1, kLocaleEscape = 2 };

static bool is_utf8_locale() {
  const char* codeset = nl_langinfo(CODESET);
  return codeset && (strcasecmp(codeset, "UTF-8") == 0 || strcasecmp(codeset, "utf8") == 0);
}
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static bool utf8_mode() { return Py_UTF8Mode > 0; }
#pragma clang diagnostic pop

// Results: 0, -1 out of memory, -2 undecodable (*wlen is the place, *reason says why), -3 unknown error handler. The text is allocated by PyMem_RawMalloc.
static int decode_locale(const char* text, wchar_t** result, size_t* length, const char** reason, bool current_locale, int handler) {
  if (handler != kLocaleStrict && handler != kLocaleEscape) return -3;
  const size_t size = strlen(text);
  auto* out = static_cast<wchar_t*>(PyMem_RawMalloc((size + 1) * sizeof(wchar_t)));
  if (!out) return -1;
  size_t n = 0, at = 0;
  const bool utf8 = is_utf8_locale() || (!current_locale && utf8_mode());
  mbstate_t state{};
  while (at < size) {
    wchar_t c = 0;
    size_t step;
    if (static_cast<unsigned char>(text[at]) < 0x80 && utf8) {
      c = text[at];
      step = 1;
    } else if (utf8) {
      const auto* p = reinterpret_cast<const unsigned char*>(text + at);
      const size_t left = size - at;
      auto cont = [&](size_t i) { return i < left && (p[i] & 0xc0) == 0x80; };
      step = static_cast<size_t>(-1);
      if (p[0] >= 0xc2 && p[0] < 0xe0 && cont(1)) {
        c = static_cast<wchar_t>((p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));
        step = 2;
      } else if (p[0] >= 0xe0 && p[0] < 0xf0 && cont(1) && cont(2)) {
        c = static_cast<wchar_t>((p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
        if (c >= 0x800 && !(c >= 0xd800 && c <= 0xdfff)) step = 3;
      } else if (p[0] >= 0xf0 && p[0] < 0xf5 && cont(1) && cont(2) && cont(3)) {
        c = static_cast<wchar_t>((p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu));
        if (c >= 0x10000 && c <= 0x10ffff) step = 4;
      }
    } else {
      step = mbrtowc(&c, text + at, size - at, &state);
      if (step == 0) break;
      if (step != static_cast<size_t>(-1) && step != static_cast<size_t>(-2) && c >= 0xd800 && c <= 0xdfff)
        step = static_cast<size_t>(-1);
    }
    if (step == static_cast<size_t>(-1) || step == static_cast<size_t>(-2)) {
      if (handler == kLocaleStrict) {
        PyMem_RawFree(out);
        if (length) *length = at;
        if (reason) *reason = "decoding error";
        return -2;
      }
      out[n++] = static_cast<wchar_t>(0xdc00 + static_cast<unsigned char>(text[at++]));
      state = {};
      continue;
    }
    out[n++] = c;
    at += step;
  }
  out[n] = 0;
  *result = out;
  if (length) *length = n;
  return 0;
}

// Results as above; the text is allocated by PyMem_RawMalloc when `raw`, by PyMem_Malloc otherwise.
static int encode_locale(const wchar_t* text, char** result, size_t* error_place, const char** reason, bool raw, bool current_locale,
                         int handler) {
  if (handler != kLocaleStrict && handler != kLocaleEscape) return -3;
  const size_t length = wcslen(text);
  const size_t capacity = length * 8 + 16;
  auto* out = static_cast<char*>(raw ? PyMem_RawMalloc(capacity) : PyMem_Malloc(capacity));
  if (!out) return -1;
  const bool utf8 = is_utf8_locale() || (!current_locale && utf8_mode());
  size_t n = 0;
  mbstate_t state{};
  for (size_t i = 0; i < length; ++i) {
    const Py_UCS4 c = static_cast<Py_UCS4>(text[i]);
    if (handler == kLocaleEscape && c >= 0xdc80 && c <= 0xdcff) {
      out[n++] = static_cast<char>(c - 0xdc00);
      continue;
    }
    if (utf8 && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff)) {
      if (c < 0x80) {
        out[n++] = static_cast<char>(c);
      } else {
        const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        out[n++] = static_cast<char>((more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0) | c >> (6 * more));
        for (int k = more - 1; k >= 0; --k) out[n++] = static_cast<char>(0x80 | (c >> (6 * k) & 0x3f));
      }
      continue;
    }
    const size_t step = utf8 ? static_cast<size_t>(-1) : wcrtomb(out + n, text[i], &state);
    if (step == static_cast<size_t>(-1)) {
      if (raw) PyMem_RawFree(out);
      else PyMem_Free(out);
      if (error_place) *error_place = i;
      if (reason) *reason = "encoding error";
      return -2;
    }
    n += step;
  }
  out[n] = 0;
  *result = out;
  return 0;
}

static int locale_errors(const char* errors) {
  switch (error_handler_of(errors)) {
    case ErrorHandler::Strict: return kLocaleStrict;
    case ErrorHandler::SurrogateEscape: return kLocaleEscape;
    default: return 0;
  }
}

static PyObject* decode_as_locale(const char* text, Py_ssize_t size, const char* errors, bool current_locale) {
  if (text[size] != '\0' || static_cast<size_t>(size) != strlen(text)) return raise(PyExc_ValueError, "embedded null byte");
  wchar_t* wide;
  size_t length;
  const char* reason;
  switch (decode_locale(text, &wide, &length, &reason, current_locale, locale_errors(errors))) {
    case 0: break;
    case -1: return PyErr_NoMemory();
    case -2: {
      Ref<> exception = TRY(steal(PyObject_CallFunction(PyExc_UnicodeDecodeError, "sy#nns", "locale", text, size,
                                                        static_cast<Py_ssize_t>(length), static_cast<Py_ssize_t>(length + 1), reason)));
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception);
      return nullptr;
    }
    default: return raise(PyExc_ValueError, "unsupported error handler");
  }
  PyObject* result = PyUnicode_FromWideChar(wide, static_cast<Py_ssize_t>(length));
  PyMem_RawFree(wide);
  return result;
}

static PyObject* encode_as_locale(PyObject* s, const char* errors, bool current_locale) {
  Py_ssize_t length;
  wchar_t* wide = PyUnicode_AsWideCharString(s, &length);
  if (!wide) return nullptr;
  if (wcslen(wide) != static_cast<size_t>(length)) {
    PyMem_Free(wide);
    return raise(PyExc_ValueError, "embedded null character");
  }
  char* text;
  size_t place;
  const char* reason;
  const int outcome = encode_locale(wide, &text, &place, &reason, false, current_locale, locale_errors(errors));
  PyMem_Free(wide);
  switch (outcome) {
    case 0: break;
    case -1: return PyErr_NoMemory();
    case -2: {
      Ref<> exception = TRY(steal(PyObject_CallFunction(PyExc_UnicodeEncodeError, "sOnns", "locale", s, static_cast<Py_ssize_t>(place),
                                                        static_cast<Py_ssize_t>(place + 1), reason)));
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception);
      return nullptr;
    }
    default: return raise(PyExc_ValueError, "unsupported error handler");
  }
  PyObject* result = PyBytes_FromString(text);
  PyMem_Free(text);
  return result;
}

// ---- file names ------------------------------------------------------------------------------------------------------------------

static char* narrow(const wchar_t* text) {  // ASCII; PyMem_RawMalloc
  const size_t length = wcslen(text);
  auto* result = static_cast<char*>(PyMem_RawMalloc(length + 1));
  if (!result) return nullptr;
  for (size_t i = 0; i <= length; ++i) result[i] = static_cast<char>(text[i]);
  return result;
}

void file_system_codec_start(PyInterpreterState* state) {
  FileSystemCodec& codec = state->text.file_system;
  const PyConfig& config = state->core.config;
  codec.encoding = config.filesystem_encoding ? narrow(config.filesystem_encoding) : nullptr;
  codec.errors = config.filesystem_errors ? narrow(config.filesystem_errors) : nullptr;
  codec.utf8 = !codec.encoding || strcmp(codec.encoding, "utf-8") == 0;
}
void file_system_codec_end(PyInterpreterState* state) {
  FileSystemCodec& codec = state->text.file_system;
  PyMem_RawFree(codec.encoding);
  PyMem_RawFree(codec.errors);
  codec = {};
}

static const char* file_system_errors(const FileSystemCodec& codec) { return codec.errors ? codec.errors : "surrogateescape"; }

}  // namespace ks

using namespace ks;

extern "C" {

// The text in wide characters (PyMem_RawMalloc), undecodable bytes as lone surrogates; NULL and *size -1 (memory) or -2.
wchar_t* Py_DecodeLocale(const char* text, size_t* size) {
  wchar_t* result;
  const int outcome = decode_locale(text, &result, size, nullptr, false, kLocaleEscape);
  if (outcome == 0) return result;
  if (size) *size = static_cast<size_t>(outcome);
  return nullptr;
}
// The bytes (PyMem_Malloc), or NULL and *error_place; -1 when it is not the text's fault.
char* Py_EncodeLocale(const wchar_t* text, size_t* error_place) {
  char* result;
  if (error_place) *error_place = static_cast<size_t>(-1);
  return encode_locale(text, &result, error_place, nullptr, false, false, kLocaleEscape) == 0 ? result : nullptr;
}
KS_EXPORT int _Py_DecodeLocaleEx(const char* text, wchar_t** result, size_t* length, const char** reason, int current_locale, int errors) {
  return decode_locale(text, result, length, reason, current_locale != 0, errors);
}
KS_EXPORT int _Py_EncodeLocaleEx(const wchar_t* text, char** result, size_t* error_place, const char** reason, int current_locale, int errors) {
  return encode_locale(text, result, error_place, reason, true, current_locale != 0, errors);
}

// New str from bytes of the current locale's encoding.
PyObject* PyUnicode_DecodeLocaleAndSize(const char* text, Py_ssize_t size, const char* errors) {
  return decode_as_locale(text, size, errors, true);
}
PyObject* PyUnicode_DecodeLocale(const char* text, const char* errors) {
  return decode_as_locale(text, static_cast<Py_ssize_t>(strlen(text)), errors, true);
}
// New bytes.
PyObject* PyUnicode_EncodeLocale(PyObject* s, const char* errors) {
  TRY(require_str(s));
  return encode_as_locale(s, errors, true);
}

// New str of a file name.
PyObject* PyUnicode_DecodeFSDefaultAndSize(const char* text, Py_ssize_t size) {
  const FileSystemCodec& codec = interpreter()->text.file_system;
  if (codec.utf8 || !codec.encoding) return utf8_decode(text, size, file_system_errors(codec), nullptr);
  return PyUnicode_Decode(text, size, codec.encoding, file_system_errors(codec));
}
PyObject* PyUnicode_DecodeFSDefault(const char* text) {
  return PyUnicode_DecodeFSDefaultAndSize(text, static_cast<Py_ssize_t>(strlen(text)));
}
// New bytes of a file name.
PyObject* PyUnicode_EncodeFSDefault(PyObject* s) {
  if (!is_str_argument(s)) return nullptr;
  const FileSystemCodec& codec = interpreter()->text.file_system;
  if (codec.utf8 || !codec.encoding) return utf8_encode(s, file_system_errors(codec));
  return PyUnicode_AsEncodedString(s, codec.encoding, file_system_errors(codec));
}

// For the format unit O&: *(PyObject**)result becomes new bytes of a path; Py_CLEANUP_SUPPORTED, or 0 with an exception.
int PyUnicode_FSConverter(PyObject* argument, void* result) {
  auto** place = static_cast<PyObject**>(result);
  if (!argument) {
    Py_CLEAR(*place);
    return 1;
  }
  Ref<> path = steal(PyOS_FSPath(argument));
  if (!path) return 0;
  Ref<> bytes = PyBytes_Check(path.get()) ? path.share() : steal(PyUnicode_EncodeFSDefault(path));
  if (!bytes) return 0;
  if (strlen(PyBytes_AS_STRING(bytes.get())) != static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))) {
    PyErr_SetString(PyExc_ValueError, "embedded null byte");
    return 0;
  }
  *place = bytes.release();
  return Py_CLEANUP_SUPPORTED;
}
// The same for a str.
int PyUnicode_FSDecoder(PyObject* argument, void* result) {
  auto** place = static_cast<PyObject**>(result);
  if (!argument) {
    Py_CLEAR(*place);
    return 1;
  }
  Ref<> path = steal(PyOS_FSPath(argument));
  if (!path) return 0;
  Ref<> text = PyUnicode_Check(path.get())
                   ? path.share()
                   : steal(PyUnicode_DecodeFSDefaultAndSize(PyBytes_AS_STRING(path.get()), PyBytes_GET_SIZE(path.get())));
  if (!text) return 0;
  if (str_find_char(text, 0, 0, str_length(text)) >= 0) {
    PyErr_SetString(PyExc_ValueError, "embedded null character");
    return 0;
  }
  *place = text.release();
  return Py_CLEANUP_SUPPORTED;
}

}  // extern "C"
