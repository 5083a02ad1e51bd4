// Text of the operating system: bytes of the locale's encoding <-> wide strings, with surrogateescape.
//
// In UTF-8 mode, and where the locale's encoding is UTF-8, our own UTF-8 conversion is used; elsewhere the C library's.
#include <errno.h>
#include <langinfo.h>

#include <clocale>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <strings.h>

#include "object/export.h"
#include "object/ref.h"
#include "object/result.h"
#include "runtime/config.h"
#include "runtime/locale_text.h"
#include "runtime/process.h"

namespace ks {

bool locale_is_utf8() {
  const char* codeset = nl_langinfo(CODESET);
  return codeset && (strcasecmp(codeset, "UTF-8") == 0 || strcasecmp(codeset, "UTF8") == 0);
}
// The C locale's encoding is ASCII whatever the C library says.
static bool locale_is_ascii() {
  const char* codeset = nl_langinfo(CODESET);
  return !codeset || !*codeset || strcasecmp(codeset, "ANSI_X3.4-1968") == 0 || strcasecmp(codeset, "ASCII") == 0 ||
         strcasecmp(codeset, "US-ASCII") == 0 || strcasecmp(codeset, "646") == 0;
}

namespace {

enum class Handler { Strict, SurrogateEscape, SurrogatePass };
bool handler_named(const char* errors, Handler* handler) {
  if (!errors || strcmp(errors, "strict") == 0) *handler = Handler::Strict;
  else if (strcmp(errors, "surrogateescape") == 0) *handler = Handler::SurrogateEscape;
  else if (strcmp(errors, "surrogatepass") == 0) *handler = Handler::SurrogatePass;
  else return false;
  return true;
}

wchar_t* allocate_wide(size_t count, bool raw) {
  return static_cast<wchar_t*>(raw ? PyMem_RawMalloc((count + 1) * sizeof(wchar_t)) : PyMem_Malloc((count + 1) * sizeof(wchar_t)));
}

// Length of the good UTF-8 sequence at `text`, 0 if there is none.
int utf8_sequence(const unsigned char* text, size_t size, bool surrogates, wchar_t* character) {
  const unsigned char lead = text[0];
  if (lead < 0x80) {
    *character = lead;
    return 1;
  }
  auto tail = [&](size_t i) { return i < size && (text[i] & 0xc0) == 0x80; };
  if (lead >= 0xc2 && lead <= 0xdf && tail(1)) {
    *character = ((lead & 0x1f) << 6) | (text[1] & 0x3f);
    return 2;
  }
  if (lead >= 0xe0 && lead <= 0xef && tail(1) && tail(2)) {
    const int value = ((lead & 0x0f) << 12) | ((text[1] & 0x3f) << 6) | (text[2] & 0x3f);
    if (value < 0x800 || (!surrogates && value >= 0xd800 && value <= 0xdfff)) return 0;
    *character = value;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4 && tail(1) && tail(2) && tail(3)) {
    const int value = ((lead & 0x07) << 18) | ((text[1] & 0x3f) << 12) | ((text[2] & 0x3f) << 6) | (text[3] & 0x3f);
    if (value < 0x10000 || value > 0x10ffff) return 0;
    *character = value;
    return 4;
  }
  return 0;
}

// 0; -1 no memory; -2 bad text at *length (with *reason); -3 unknown error handler.
int decode_utf8(const char* text, wchar_t** result, size_t* length, const char** reason, Handler handler) {
  const size_t size = strlen(text);
  wchar_t* out = allocate_wide(size, true);
  if (!out) return -1;
  size_t used = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text);
  for (size_t i = 0; i < size;) {
    wchar_t character;
    const int count = utf8_sequence(bytes + i, size - i, handler == Handler::SurrogatePass, &character);
    if (count) {
      out[used++] = character;
      i += static_cast<size_t>(count);
    } else if (handler == Handler::SurrogateEscape) {
      out[used++] = 0xdc00 + bytes[i++];
    } else {
      PyMem_RawFree(out);
      if (length) *length = i;
      if (reason) *reason = "decoding error";
      return -2;
    }
  }
  out[used] = 0;
  *result = out;
  if (length) *length = used;
  return 0;
}

int decode_ascii(const char* text, wchar_t** result, size_t* length, const char** reason, Handler handler) {
  const size_t size = strlen(text);
  wchar_t* out = allocate_wide(size, true);
  if (!out) return -1;
  for (size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80 && handler != Handler::SurrogateEscape) {
      PyMem_RawFree(out);
      if (length) *length = i;
      if (reason) *reason = "decoding error";
      return -2;
    }
    out[i] = byte < 0x80 ? byte : 0xdc00 + byte;
  }
  out[size] = 0;
  *result = out;
  if (length) *length = size;
  return 0;
}

int decode_multibyte(const char* text, wchar_t** result, size_t* length, const char** reason, Handler handler) {
  const size_t size = strlen(text);
  wchar_t* out = allocate_wide(size, true);
  if (!out) return -1;
  mbstate_t state{};
  size_t used = 0;
  for (size_t i = 0; i < size;) {
    wchar_t character;
    const size_t count = mbrtowc(&character, text + i, size - i, &state);
    if (count == 0) break;
    if (count == static_cast<size_t>(-1) || count == static_cast<size_t>(-2) || (character >= 0xd800 && character <= 0xdfff)) {
      if (handler != Handler::SurrogateEscape) {
        PyMem_RawFree(out);
        if (length) *length = i;
        if (reason) *reason = "decoding error";
        return -2;
      }
      out[used++] = 0xdc00 + static_cast<unsigned char>(text[i++]);
      state = {};
      continue;
    }
    out[used++] = character;
    i += count;
  }
  out[used] = 0;
  *result = out;
  if (length) *length = used;
  return 0;
}

int encode(const wchar_t* text, char** result, size_t* error_position, const char** reason, bool raw, Handler handler, bool utf8) {
  const size_t length = wcslen(text);
  const size_t room = length * (utf8 ? 4 : static_cast<size_t>(MB_CUR_MAX) + 1) + 16;
  auto* out = static_cast<char*>(raw ? PyMem_RawMalloc(room) : PyMem_Malloc(room));
  if (!out) return -1;
  char* p = out;
  const bool ascii = !utf8 && locale_is_ascii();
  auto bad = [&](size_t position) {
    raw ? PyMem_RawFree(out) : PyMem_Free(out);
    if (error_position) *error_position = position;
    if (reason) *reason = "encoding error";
    return -2;
  };
  mbstate_t state{};
  for (size_t i = 0; i < length; ++i) {
    const auto c = static_cast<unsigned>(text[i]);
    if (c >= 0xdc80 && c <= 0xdcff && handler == Handler::SurrogateEscape) {
      *p++ = static_cast<char>(c - 0xdc00);
    } else if (utf8) {
      if (c < 0x80) {
        *p++ = static_cast<char>(c);
      } else if (c < 0x800) {
        *p++ = static_cast<char>(0xc0 | (c >> 6));
        *p++ = static_cast<char>(0x80 | (c & 0x3f));
      } else if (c < 0x10000) {
        if (c >= 0xd800 && c <= 0xdfff && handler != Handler::SurrogatePass) return bad(i);
        *p++ = static_cast<char>(0xe0 | (c >> 12));
        *p++ = static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        *p++ = static_cast<char>(0x80 | (c & 0x3f));
      } else if (c <= 0x10ffff) {
        *p++ = static_cast<char>(0xf0 | (c >> 18));
        *p++ = static_cast<char>(0x80 | ((c >> 12) & 0x3f));
        *p++ = static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        *p++ = static_cast<char>(0x80 | (c & 0x3f));
      } else {
        return bad(i);
      }
    } else if (c < 0x80) {
      *p++ = static_cast<char>(c);
    } else {
      if (ascii) return bad(i);
      const size_t count = wcrtomb(p, text[i], &state);
      if (count == static_cast<size_t>(-1)) return bad(i);
      p += count;
    }
  }
  *p = 0;
  *result = out;
  return 0;
}

int decode_any(const char* text, wchar_t** result, size_t* length, const char** reason, bool current_locale, Handler handler) {
  if (!current_locale && process.preconfig.utf8_mode > 0) return decode_utf8(text, result, length, reason, handler);
  if (locale_is_utf8()) return decode_utf8(text, result, length, reason, handler);
  if (locale_is_ascii()) return decode_ascii(text, result, length, reason, handler);
  return decode_multibyte(text, result, length, reason, handler);
}
int encode_any(const wchar_t* text, char** result, size_t* position, const char** reason, bool raw, bool current_locale,
               Handler handler) {
  const bool utf8 = (!current_locale && process.preconfig.utf8_mode > 0) || locale_is_utf8();
  return encode(text, result, position, reason, raw, handler, utf8);
}

}  // namespace

Ref<> decode_with_locale(const char* text, Py_ssize_t size, const char* errors, bool current_locale) {
  if (text[size] != 0 || static_cast<size_t>(size) != strlen(text)) return raise(PyExc_ValueError, "embedded null byte");
  Handler handler;
  if (!handler_named(errors, &handler)) return raise(PyExc_ValueError, "unsupported error handler");
  wchar_t* wide;
  size_t length = 0;
  const char* reason = nullptr;
  const int result = decode_any(text, &wide, &length, &reason, current_locale, handler);
  if (result == -1) {
    PyErr_NoMemory();
    return failed;
  }
  if (result == -2) {
    Ref<> error = steal(PyObject_CallFunction(PyExc_UnicodeDecodeError, "sy#nns", "locale", text, size,
                                              static_cast<Py_ssize_t>(length), static_cast<Py_ssize_t>(length + 1), reason));
    if (error) PyErr_SetObject(PyExc_UnicodeDecodeError, error);
    return failed;
  }
  Ref<> object = steal(PyUnicode_FromWideChar(wide, static_cast<Py_ssize_t>(length)));
  PyMem_RawFree(wide);
  return object;
}

Ref<> encode_with_locale(PyObject* text, const char* errors, bool current_locale) {
  Handler handler;
  if (!handler_named(errors, &handler)) return raise(PyExc_ValueError, "unsupported error handler");
  Py_ssize_t length;
  wchar_t* wide = PyUnicode_AsWideCharString(text, &length);
  if (!wide) return failed;
  if (static_cast<size_t>(length) != wcslen(wide)) {
    PyMem_Free(wide);
    return raise(PyExc_ValueError, "embedded null character");
  }
  char* bytes;
  size_t position = 0;
  const char* reason = nullptr;
  const int result = encode_any(wide, &bytes, &position, &reason, false, current_locale, handler);
  PyMem_Free(wide);
  if (result == -1) {
    PyErr_NoMemory();
    return failed;
  }
  if (result == -2) {
    Ref<> error = steal(PyObject_CallFunction(PyExc_UnicodeEncodeError, "sOnns", "locale", text, static_cast<Py_ssize_t>(position),
                                              static_cast<Py_ssize_t>(position + 1), reason));
    if (error) PyErr_SetObject(PyExc_UnicodeEncodeError, error);
    return failed;
  }
  Ref<> object = steal(PyBytes_FromString(bytes));
  PyMem_Free(bytes);
  return object;
}

}  // namespace ks

using namespace ks;

extern "C" {

// New string from PyMem_RawMalloc; NULL with *size = -1 (memory) or -2 (text). Never fails for bad bytes: they become
// lone surrogates.
wchar_t* Py_DecodeLocale(const char* text, size_t* size) {
  wchar_t* result = nullptr;
  size_t length = 0;
  const int outcome = decode_any(text, &result, &length, nullptr, false, Handler::SurrogateEscape);
  if (outcome != 0) {
    if (size) *size = static_cast<size_t>(outcome);
    return nullptr;
  }
  if (size) *size = length;
  return result;
}
// New string from PyMem_Malloc; NULL with *error_position.
char* Py_EncodeLocale(const wchar_t* text, size_t* error_position) {
  char* result = nullptr;
  size_t position = static_cast<size_t>(-1);
  const int outcome = encode_any(text, &result, &position, nullptr, false, false, Handler::SurrogateEscape);
  if (outcome != 0) {
    if (error_position) *error_position = outcome == -1 ? static_cast<size_t>(-1) : position;
    return nullptr;
  }
  if (error_position) *error_position = static_cast<size_t>(-1);
  return result;
}
// errors: 1 strict, 2 surrogateescape, 4 surrogatepass (the reference's numbering of error handlers).
static Handler handler_of(int errors) {
  return errors == 2 ? Handler::SurrogateEscape : errors == 4 ? Handler::SurrogatePass : Handler::Strict;
}
KS_EXPORT int _Py_DecodeLocaleEx(const char* text, wchar_t** result, size_t* size, const char** reason, int current_locale, int errors) {
  if (errors != 1 && errors != 2 && errors != 4) return -3;
  return decode_any(text, result, size, reason, current_locale != 0, handler_of(errors));
}
KS_EXPORT int _Py_EncodeLocaleEx(const wchar_t* text, char** result, size_t* position, const char** reason, int current_locale, int errors) {
  if (errors != 1 && errors != 2 && errors != 4) return -3;
  return encode_any(text, result, position, reason, true, current_locale != 0, handler_of(errors));
}

// New str of bytes in the current locale's encoding.
PyObject* PyUnicode_DecodeLocaleAndSize(const char* text, Py_ssize_t size, const char* errors) {
  return decode_with_locale(text, size, errors, true).release();
}
PyObject* PyUnicode_DecodeLocale(const char* text, const char* errors) {
  return PyUnicode_DecodeLocaleAndSize(text, static_cast<Py_ssize_t>(strlen(text)), errors);
}
// New bytes in the current locale's encoding.
PyObject* PyUnicode_EncodeLocale(PyObject* text, const char* errors) {
  if (!PyUnicode_Check(text)) {
    PyErr_BadArgument();
    return nullptr;
  }
  return encode_with_locale(text, errors, true).release();
}

KS_EXPORT char* _Py_SetLocaleFromEnv(int category) { return setlocale(category, ""); }

}  // extern "C"
