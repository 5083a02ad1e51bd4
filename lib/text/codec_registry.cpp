// The codec registry, and encoding and decoding by the name of a codec.
#include "object/export.h"
#include "object/identifier.h"
#include "runtime/rooms.h"
#include "runtime/state.h"
#include "text/codec.h"
#include "types/str_private.h"

KS_EXPORT void _PyErr_FormatNote(const char* format, ...);
extern "C" PyObject* _PyCodec_Lookup(const char* encoding);

namespace ks {

bool normalize_encoding(const char* encoding, char* out, size_t size, char separator) {
  char* to = out;
  const char* end = out + size - 1;
  bool punctuation = false;
  for (; *encoding; ++encoding) {
    const char c = *encoding;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (letter) {
      if (punctuation && to != out) {
        if (to == end) return false;
        *to++ = separator;
      }
      punctuation = false;
      if (to == end) return false;
      *to++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    } else {
      punctuation = true;
    }
  }
  *to = 0;
  return true;
}

static CodecRegistry* registry() {  // with its containers
  CodecRegistry& result = interpreter()->text.codecs;
  if (!result.search_path) {
    result.search_path = PyList_New(0);
    if (!result.search_path) return nullptr;
  }
  if (!result.cache) {
    result.cache = PyDict_New();
    if (!result.cache) return nullptr;
  }
  return &result;
}

PyObject* codec_lookup(const char* encoding) {
  CodecRegistry* codecs = TRY(registry());
  const size_t length = strlen(encoding);
  char small[128];
  char* normalized = length < sizeof small ? small : static_cast<char*>(PyMem_Malloc(length + 1));
  if (!normalized) return PyErr_NoMemory();
  normalize_encoding(encoding, normalized, length + 1, '_');
  Ref<> name = steal(PyUnicode_FromString(normalized));
  if (normalized != small) PyMem_Free(normalized);
  if (!name) return nullptr;
  Ref<> found;
  const int cached = PyDict_GetItemRef(codecs->cache, name, found.out());
  if (cached) return cached < 0 ? nullptr : found.release();
  if (PyList_GET_SIZE(codecs->search_path) == 0 && !codecs->encodings_imported) {
    codecs->encodings_imported = true;
    Ref<> module = TRY(steal(PyImport_ImportModule("encodings")));
  }
  if (PyList_GET_SIZE(codecs->search_path) == 0)
    return raise(PyExc_LookupError, "no codec search functions registered: can't find encoding");
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(codecs->search_path); ++i) {
    Ref<> function = borrow(PyList_GET_ITEM(codecs->search_path, i));
    Ref<> result = TRY(steal(PyObject_CallOneArg(function, name)));
    if (result == Py_None) continue;
    if (!PyTuple_Check(result.get()) || PyTuple_GET_SIZE(result.get()) != 4)
      return raise(PyExc_TypeError, "codec search functions must return 4-tuples");
    if (PyDict_SetItem(codecs->cache, name, result) < 0) return nullptr;
    return result.release();
  }
  return raise(PyExc_LookupError, "unknown encoding: %s", encoding);
}

PyObject* codec_lookup_text(const char* encoding, const char* alternative) {
  Ref<> codec = TRY(steal(codec_lookup(encoding)));
  if (!PyTuple_CheckExact(codec.get())) {
    Ref<> attribute;
    if (PyObject_GetOptionalAttr(codec, "_is_text_encoding"_id, attribute.out()) < 0) return nullptr;
    if (attribute) {
      const int is_text = PyObject_IsTrue(attribute);
      if (is_text < 0) return nullptr;
      if (!is_text)
        return raise(PyExc_LookupError, "'%.400s' is not a text encoding; use %s to handle arbitrary codecs", encoding, alternative);
    }
  }
  return codec.release();
}

static PyObject* run_codec(PyObject* function, PyObject* object, const char* encoding, const char* errors, bool encode) {
  Ref<> result = steal(errors ? PyObject_CallFunction(function, "Os", object, errors) : PyObject_CallOneArg(function, object));
  if (!result) {
    _PyErr_FormatNote("%s with '%s' codec failed", encode ? "encoding" : "decoding", encoding);
    return nullptr;
  }
  if (!PyTuple_Check(result.get()) || PyTuple_GET_SIZE(result.get()) != 2)
    return raise(PyExc_TypeError, encode ? "encoder must return a tuple (object, integer)" : "decoder must return a tuple (object,integer)");
  return Py_NewRef(PyTuple_GET_ITEM(result.get(), 0));
}

static PyObject* codec_item(const char* encoding, Py_ssize_t index) {
  Ref<> codec = TRY(steal(codec_lookup(encoding)));
  return Py_NewRef(PyTuple_GET_ITEM(codec.get(), index));
}

PyObject* codec_encode_text(PyObject* object, const char* encoding, const char* errors) {
  Ref<> codec = TRY(steal(codec_lookup_text(encoding, "codecs.encode()")));
  Ref<> function = borrow(PyTuple_GET_ITEM(codec.get(), 0));
  return run_codec(function, object, encoding, errors, true);
}
PyObject* codec_decode_text(PyObject* object, const char* encoding, const char* errors) {
  Ref<> codec = TRY(steal(codec_lookup_text(encoding, "codecs.decode()")));
  Ref<> function = borrow(PyTuple_GET_ITEM(codec.get(), 1));
  return run_codec(function, object, encoding, errors, false);
}

static PyObject* call_codec_attribute(const char* encoding, const char* attribute, const char* errors) {
  Ref<> codec = TRY(steal(codec_lookup(encoding)));
  Ref<> factory = TRY(steal(PyObject_GetAttrString(codec, attribute)));
  return errors ? PyObject_CallFunction(factory, "s", errors) : PyObject_CallNoArgs(factory);
}
static PyObject* make_stream(const char* encoding, Py_ssize_t index, PyObject* stream, const char* errors) {
  Ref<> factory = TRY(steal(codec_item(encoding, index)));
  return errors ? PyObject_CallFunction(factory, "Os", stream, errors) : PyObject_CallOneArg(factory, stream);
}

void file_system_codec_start(PyInterpreterState* state);  // locale.cpp
void file_system_codec_end(PyInterpreterState* state);

Status text_start(PyInterpreterState* state) {
  TRY(registry());
  file_system_codec_start(state);
  return Status::Ok;
}
void text_end(PyInterpreterState* state) {
  CodecRegistry& codecs = state->text.codecs;
  Py_CLEAR(codecs.search_path);
  Py_CLEAR(codecs.cache);
  Py_CLEAR(codecs.error_handlers);
  codecs.encodings_imported = false;
  file_system_codec_end(state);
}

// The codecs that need no registry.
enum class Builtin { None, Utf8, Utf16, Utf32, Ascii, Latin1 };
static Builtin builtin_codec(const char* encoding) {
  if (!encoding) return Builtin::Utf8;
  char name[16];
  if (!normalize_encoding(encoding, name, sizeof name, '_')) return Builtin::None;
  auto is = [&](const char* text) { return strcmp(name, text) == 0; };
  if (is("utf_8") || is("utf8")) return Builtin::Utf8;
  if (is("ascii") || is("us_ascii")) return Builtin::Ascii;
  if (is("latin1") || is("latin_1") || is("iso_8859_1") || is("iso8859_1")) return Builtin::Latin1;
  if (is("utf_16") || is("utf16")) return Builtin::Utf16;
  if (is("utf_32") || is("utf32")) return Builtin::Utf32;
  return Builtin::None;
}

}  // namespace ks

using namespace ks;

extern "C" {

int PyCodec_Register(PyObject* function) {
  CodecRegistry* codecs = TRY(registry());
  if (!function) {
    PyErr_BadArgument();
    return -1;
  }
  if (!PyCallable_Check(function)) return raise(PyExc_TypeError, "argument must be callable");
  return PyList_Append(codecs->search_path, function);
}
int PyCodec_Unregister(PyObject* function) {
  CodecRegistry* codecs = &interpreter()->text.codecs;
  if (!codecs->search_path) return 0;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(codecs->search_path); ++i) {
    if (PyList_GET_ITEM(codecs->search_path, i) != function) continue;
    if (codecs->cache) PyDict_Clear(codecs->cache);
    return PyList_SetSlice(codecs->search_path, i, i + 1, nullptr);
  }
  return 0;
}
// New: the codec's tuple of functions; LookupError.
PyObject* _PyCodec_Lookup(const char* encoding) { return codec_lookup(encoding); }
// 1 or 0; no exception.
int PyCodec_KnownEncoding(const char* encoding) {
  Ref<> codec = steal(codec_lookup(encoding));
  if (!codec) PyErr_Clear();
  return codec ? 1 : 0;
}
// New results of the codec's functions; LookupError.
PyObject* PyCodec_Encode(PyObject* object, const char* encoding, const char* errors) {
  Ref<> function = TRY(steal(codec_item(encoding, 0)));
  return run_codec(function, object, encoding, errors, true);
}
PyObject* PyCodec_Decode(PyObject* object, const char* encoding, const char* errors) {
  Ref<> function = TRY(steal(codec_item(encoding, 1)));
  return run_codec(function, object, encoding, errors, false);
}
PyObject* PyCodec_Encoder(const char* encoding) { return codec_item(encoding, 0); }
PyObject* PyCodec_Decoder(const char* encoding) { return codec_item(encoding, 1); }
PyObject* PyCodec_IncrementalEncoder(const char* encoding, const char* errors) {
  return call_codec_attribute(encoding, "incrementalencoder", errors);
}
PyObject* PyCodec_IncrementalDecoder(const char* encoding, const char* errors) {
  return call_codec_attribute(encoding, "incrementaldecoder", errors);
}
PyObject* PyCodec_StreamReader(const char* encoding, PyObject* stream, const char* errors) {
  return make_stream(encoding, 2, stream, errors);
}
PyObject* PyCodec_StreamWriter(const char* encoding, PyObject* stream, const char* errors) {
  return make_stream(encoding, 3, stream, errors);
}

// ---- by name ----------------------------------------------------------------------------------------------------------------

static PyObject* check_decoded(PyObject* result, const char* encoding) {  // takes the reference
  if (!result || PyUnicode_Check(result)) return result;
  Ref<> owned = steal(result);
  return raise(PyExc_TypeError, "'%.400s' decoder returned '%.400s' instead of 'str'; use codecs.decode() to decode to arbitrary types",
               encoding, Py_TYPE(result)->tp_name);
}

const char* PyUnicode_GetDefaultEncoding() { return "utf-8"; }

// In development mode names are looked up even where no text needs them.
static Status check_names(const char* encoding, const char* errors) {
  if (!interpreter()->core.config.dev_mode || (!encoding && !errors) || Py_IsFinalizing() || !Py_IsInitialized()) return Status::Ok;
  if (encoding && builtin_codec(encoding) == Builtin::None) (void)TRY(steal(_PyCodec_Lookup(encoding)));
  if (errors && strcmp(errors, "strict") != 0) (void)TRY(steal(PyCodec_LookupError(errors)));
  return Status::Ok;
}

// New str; encoding NULL: UTF-8.
PyObject* PyUnicode_Decode(const char* text, Py_ssize_t size, const char* encoding, const char* errors) {
  TRY(check_names(encoding, errors));
  switch (builtin_codec(encoding)) {
    case Builtin::Utf8: return utf8_decode(text, size, errors, nullptr);
    case Builtin::Ascii: return PyUnicode_DecodeASCII(text, size, errors);
    case Builtin::Latin1: return PyUnicode_DecodeLatin1(text, size, errors);
    case Builtin::Utf16: return PyUnicode_DecodeUTF16(text, size, errors, nullptr);
    case Builtin::Utf32: return PyUnicode_DecodeUTF32(text, size, errors, nullptr);
    case Builtin::None: break;
  }
  Py_buffer view;
  if (PyBuffer_FillInfo(&view, nullptr, const_cast<char*>(text), size, 1, PyBUF_FULL_RO) < 0) return nullptr;
  Ref<> buffer = TRY(steal(PyMemoryView_FromBuffer(&view)));
  return check_decoded(codec_decode_text(buffer, encoding, errors), encoding);
}

// New bytes; encoding NULL: UTF-8.
PyObject* PyUnicode_AsEncodedString(PyObject* s, const char* encoding, const char* errors) {
  if (!is_str_argument(s)) return nullptr;
  TRY(check_names(encoding, errors));
  switch (builtin_codec(encoding)) {
    case Builtin::Utf8: return utf8_encode(s, errors);
    case Builtin::Ascii: return ascii_encode(s, errors);
    case Builtin::Latin1: return latin1_encode(s, errors);
    case Builtin::Utf16: return utf16_encode(s, errors, 0);
    case Builtin::Utf32: return utf32_encode(s, errors, 0);
    case Builtin::None: break;
  }
  Ref<> result = TRY(steal(codec_encode_text(s, encoding, errors)));
  if (PyBytes_Check(result.get())) return result.release();
  if (PyByteArray_Check(result.get())) {
    if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                         "encoder %s returned bytearray instead of bytes; use codecs.encode() to encode to arbitrary types",
                         encoding) < 0)
      return nullptr;
    return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(result.get()), PyByteArray_GET_SIZE(result.get()));
  }
  return raise(PyExc_TypeError, "'%.400s' encoder returned '%.400s' instead of 'bytes'; use codecs.encode() to encode to arbitrary types",
               encoding, Py_TYPE(result.get())->tp_name);
}

// New str from bytes or a buffer; TypeError for str.
PyObject* PyUnicode_FromEncodedObject(PyObject* object, const char* encoding, const char* errors) {
  if (!object) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (PyBytes_Check(object)) {
    if (PyBytes_GET_SIZE(object) == 0) {
      TRY(check_names(encoding, errors));
      return str_empty();
    }
    return PyUnicode_Decode(PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object), encoding, errors);
  }
  if (PyUnicode_Check(object)) return raise(PyExc_TypeError, "decoding str is not supported");
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0)
    return raise(PyExc_TypeError, "decoding to str: need a bytes-like object, %.80s found", Py_TYPE(object)->tp_name);
  PyObject* result = view.len == 0 ? (is_failure(check_names(encoding, errors)) ? nullptr : str_empty()) : PyUnicode_Decode(static_cast<char*>(view.buf), view.len, encoding, errors);
  PyBuffer_Release(&view);
  return result;
}

// Deprecated: by any codec.
PyObject* PyUnicode_AsDecodedObject(PyObject* s, const char* encoding, const char* errors) {
  if (!is_str_argument(s)) return nullptr;
  return PyCodec_Decode(s, encoding ? encoding : "utf-8", errors);
}
PyObject* PyUnicode_AsDecodedUnicode(PyObject* s, const char* encoding, const char* errors) {
  if (!encoding) encoding = "utf-8";
  return check_decoded(PyUnicode_AsDecodedObject(s, encoding, errors), encoding);
}
PyObject* PyUnicode_AsEncodedObject(PyObject* s, const char* encoding, const char* errors) {
  if (!is_str_argument(s)) return nullptr;
  return PyCodec_Encode(s, encoding ? encoding : "utf-8", errors);
}
PyObject* PyUnicode_AsEncodedUnicode(PyObject* s, const char* encoding, const char* errors) {
  if (!encoding) encoding = "utf-8";
  Ref<> result = TRY(steal(PyUnicode_AsEncodedObject(s, encoding, errors)));
  if (PyUnicode_Check(result.get())) return result.release();
  return raise(PyExc_TypeError, "'%.400s' encoder returned '%.400s' instead of 'str'; use codecs.encode() to encode to arbitrary types",
               encoding, Py_TYPE(result.get())->tp_name);
}

KS_EXPORT const char* Py_hexdigits;
const char* Py_hexdigits = "0123456789abcdef";

}  // extern "C"
