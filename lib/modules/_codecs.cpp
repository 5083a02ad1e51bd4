// The module _codecs: the registry and the built-in codecs as functions that give (result, length used).
#include "modules/module.h"
#include "text/codec.h"

namespace ks {

Found codec_unregister_error(const char* name);  // text/error_handlers.cpp

// ---- the registry -----------------------------------------------------------------------------------------------------------

static Status codecs_register(PyObject*, PyObject* function) { return status(PyCodec_Register(function)); }
METHOD_AS(codecs_register, "register", 0, "($module, search_function, /)", "Add a function that finds codecs by their normalised name.");
static Status codecs_unregister(PyObject*, PyObject* function) { return status(PyCodec_Unregister(function)); }
METHOD(codecs, unregister, "($module, search_function, /)", "Remove a search function and forget what was found.");
static PyObject* codecs_lookup(PyObject*, TextArgument encoding) { return codec_lookup(encoding); }
METHOD(codecs, lookup, "($module, encoding, /)", "The tuple of functions of a codec.");
static PyObject* codecs_encode(PyObject*, PyObject* object, TextArgument encoding, TextArgument errors) {
  return PyCodec_Encode(object, encoding ? encoding.text : "utf-8", errors);
}
METHOD(codecs, encode, "($module, /, obj, encoding='utf-8', errors='strict')", "The object encoded by the named codec.");
static PyObject* codecs_decode(PyObject*, PyObject* object, TextArgument encoding, TextArgument errors) {
  return PyCodec_Decode(object, encoding ? encoding.text : "utf-8", errors);
}
METHOD(codecs, decode, "($module, /, obj, encoding='utf-8', errors='strict')", "The object decoded by the named codec.");
static Status codecs_register_error(PyObject*, TextArgument name, PyObject* handler) {
  return status(PyCodec_RegisterError(name, handler));
}
METHOD(codecs, register_error, "($module, errors, handler, /)", "Register an error handler under a name.");
static Found codecs_unregister_error(PyObject*, TextArgument name) { return codec_unregister_error(name); }
METHOD_AS(codecs_unregister_error, "_unregister_error", 0, "($module, errors, /)", "Remove an error handler; whether there was one.");
static PyObject* codecs_lookup_error(PyObject*, TextArgument name) { return PyCodec_LookupError(name); }
METHOD(codecs, lookup_error, "($module, name, /)", "The error handler of a name.");

// ---- codecs -------------------------------------------------------------------------------------------------------------------

static PyObject* with_length(PyObject* result, Py_ssize_t length) {  // takes the reference over
  return result ? Py_BuildValue("(Nn)", result, length) : nullptr;
}

// Bytes of a buffer; of a str its UTF-8, for the decoders of Python escapes.
struct TextOrBuffer {
  const char* data = nullptr;
  Py_ssize_t size = 0;
  Py_buffer view{};
  TextOrBuffer() = default;
  TextOrBuffer(const TextOrBuffer&) = delete;
  ~TextOrBuffer() {
    if (view.obj) PyBuffer_Release(&view);
  }
  Status read(PyObject* object) {
    if (PyUnicode_Check(object)) {
      data = PyUnicode_AsUTF8AndSize(object, &size);
      return data ? Status::Ok : Status::Error;
    }
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) return failed;
    data = static_cast<const char*>(view.buf);
    size = view.len;
    return Status::Ok;
  }
};

static const char* text_of(const BufferArgument& data) { return reinterpret_cast<const char*>(data.data()); }

#define DECODE_SIGNATURE "($module, data, errors=None, final=False, /)"
#define ENCODE_SIGNATURE "($module, str, errors=None, /)"
// Decoders that may leave a rest when more is to come.
#define STATEFUL_DECODER(NAME, CALL)                                                                        \
  static PyObject* codecs_##NAME##_decode(PyObject*, const BufferArgument& data, TextOrNoneArgument errors, bool final) { \
    Py_ssize_t consumed = data.size();                                                                      \
    Py_ssize_t* rest = final ? nullptr : &consumed;                                                         \
    [[maybe_unused]] int little = -1, big = 1;                                                              \
    PyObject* result = CALL;                                                                                \
    return with_length(result, consumed);                                                                   \
  }                                                                                                         \
  METHOD(codecs, NAME##_decode, DECODE_SIGNATURE, "Decode; a tuple of the text and the bytes used.")
#define ENCODER(NAME, CALL)                                                                     \
  static PyObject* codecs_##NAME##_encode(PyObject*, StrArgument text, TextOrNoneArgument errors) { \
    return with_length(CALL, str_length(text));                                                 \
  }                                                                                             \
  METHOD(codecs, NAME##_encode, ENCODE_SIGNATURE, "Encode; a tuple of the bytes and the characters used.")

STATEFUL_DECODER(utf_8, utf8_decode(text_of(data), data.size(), errors, rest));
STATEFUL_DECODER(utf_7, PyUnicode_DecodeUTF7Stateful(text_of(data), data.size(), errors, rest));
STATEFUL_DECODER(utf_16, (PyUnicode_DecodeUTF16Stateful(text_of(data), data.size(), errors, nullptr, rest)));
STATEFUL_DECODER(utf_16_le, (PyUnicode_DecodeUTF16Stateful(text_of(data), data.size(), errors, &little, rest)));
STATEFUL_DECODER(utf_16_be, (PyUnicode_DecodeUTF16Stateful(text_of(data), data.size(), errors, &big, rest)));
STATEFUL_DECODER(utf_32, (PyUnicode_DecodeUTF32Stateful(text_of(data), data.size(), errors, nullptr, rest)));
STATEFUL_DECODER(utf_32_le, (PyUnicode_DecodeUTF32Stateful(text_of(data), data.size(), errors, &little, rest)));
STATEFUL_DECODER(utf_32_be, (PyUnicode_DecodeUTF32Stateful(text_of(data), data.size(), errors, &big, rest)));

static PyObject* codecs_utf_16_ex_decode(PyObject*, const BufferArgument& data, TextOrNoneArgument errors, int byteorder, bool final) {
  Py_ssize_t consumed = data.size();
  PyObject* result = PyUnicode_DecodeUTF16Stateful(text_of(data), data.size(), errors, &byteorder, final ? nullptr : &consumed);
  return result ? Py_BuildValue("(Nni)", result, consumed, byteorder) : nullptr;
}
METHOD(codecs, utf_16_ex_decode, "($module, data, errors=None, byteorder=0, final=False,\n                 /)",
       "Decode; a tuple of the text, the bytes used and the byte order.");
static PyObject* codecs_utf_32_ex_decode(PyObject*, const BufferArgument& data, TextOrNoneArgument errors, int byteorder, bool final) {
  Py_ssize_t consumed = data.size();
  PyObject* result = PyUnicode_DecodeUTF32Stateful(text_of(data), data.size(), errors, &byteorder, final ? nullptr : &consumed);
  return result ? Py_BuildValue("(Nni)", result, consumed, byteorder) : nullptr;
}
METHOD(codecs, utf_32_ex_decode, "($module, data, errors=None, byteorder=0, final=False,\n                 /)",
       "Decode; a tuple of the text, the bytes used and the byte order.");

ENCODER(utf_8, utf8_encode(text, errors));
ENCODER(utf_7, utf7_encode(text, errors));
ENCODER(utf_16_le, utf16_encode(text, errors, -1));
ENCODER(utf_16_be, utf16_encode(text, errors, 1));
ENCODER(utf_32_le, utf32_encode(text, errors, -1));
ENCODER(utf_32_be, utf32_encode(text, errors, 1));
ENCODER(latin_1, latin1_encode(text, errors));
ENCODER(ascii, ascii_encode(text, errors));
ENCODER(unicode_escape, PyUnicode_AsUnicodeEscapeString(text));
ENCODER(raw_unicode_escape, PyUnicode_AsRawUnicodeEscapeString(text));
static PyObject* codecs_utf_16_encode(PyObject*, StrArgument text, TextOrNoneArgument errors, int byteorder) {
  return with_length(utf16_encode(text, errors, byteorder), str_length(text));
}
METHOD(codecs, utf_16_encode, "($module, str, errors=None, byteorder=0, /)", "Encode; a tuple of the bytes and the characters used.");
static PyObject* codecs_utf_32_encode(PyObject*, StrArgument text, TextOrNoneArgument errors, int byteorder) {
  return with_length(utf32_encode(text, errors, byteorder), str_length(text));
}
METHOD(codecs, utf_32_encode, "($module, str, errors=None, byteorder=0, /)", "Encode; a tuple of the bytes and the characters used.");

static PyObject* codecs_latin_1_decode(PyObject*, const BufferArgument& data, TextOrNoneArgument errors) {
  return with_length(PyUnicode_DecodeLatin1(text_of(data), data.size(), errors), data.size());
}
METHOD(codecs, latin_1_decode, "($module, data, errors=None, /)", "Decode; a tuple of the text and the bytes used.");
static PyObject* codecs_ascii_decode(PyObject*, const BufferArgument& data, TextOrNoneArgument errors) {
  return with_length(PyUnicode_DecodeASCII(text_of(data), data.size(), errors), data.size());
}
METHOD(codecs, ascii_decode, "($module, data, errors=None, /)", "Decode; a tuple of the text and the bytes used.");

static PyObject* codecs_unicode_escape_decode(PyObject*, PyObject* data, TextOrNoneArgument errors, bool final) {
  TextOrBuffer input;
  TRY(input.read(data));
  Py_ssize_t consumed = input.size;
  return with_length(unicode_escape_decode(input.data, input.size, errors, final ? nullptr : &consumed), final ? input.size : consumed);
}
METHOD(codecs, unicode_escape_decode, "($module, data, errors=None, final=True, /)", "Decode; a tuple of the text and the bytes used.");
static PyObject* codecs_raw_unicode_escape_decode(PyObject*, PyObject* data, TextOrNoneArgument errors, bool final) {
  TextOrBuffer input;
  TRY(input.read(data));
  Py_ssize_t consumed = input.size;
  return with_length(raw_unicode_escape_decode(input.data, input.size, errors, final ? nullptr : &consumed), final ? input.size : consumed);
}
METHOD(codecs, raw_unicode_escape_decode, "($module, data, errors=None, final=True, /)", "Decode; a tuple of the text and the bytes used.");

static PyObject* codecs_charmap_decode(PyObject*, const BufferArgument& data, TextOrNoneArgument errors, PyObject* mapping) {
  if (mapping == Py_None) mapping = nullptr;
  return with_length(PyUnicode_DecodeCharmap(text_of(data), data.size(), mapping, errors), data.size());
}
METHOD(codecs, charmap_decode, "($module, data, errors=None, mapping=None, /)", "Decode by a table; a tuple of the text and the bytes used.");
static PyObject* codecs_charmap_encode(PyObject*, StrArgument text, TextOrNoneArgument errors, PyObject* mapping) {
  if (mapping == Py_None) mapping = nullptr;
  return with_length(charmap_encode(text, mapping, errors), str_length(text));
}
METHOD(codecs, charmap_encode, "($module, str, errors=None, mapping=None, /)", "Encode by a table; a tuple of the bytes and the characters used.");
static PyObject* codecs_charmap_build(PyObject*, StrArgument map) { return PyUnicode_BuildEncodingMap(map); }
METHOD(codecs, charmap_build, "($module, map, /)", "The encoding table of a decoding string.");

static PyObject* codecs_readbuffer_encode(PyObject*, PyObject* data, TextOrNoneArgument) {
  TextOrBuffer input;
  TRY(input.read(data));
  return with_length(PyBytes_FromStringAndSize(input.data, input.size), input.size);
}
METHOD(codecs, readbuffer_encode, "($module, data, errors=None, /)", "The bytes of a buffer or of a str's UTF-8, and how many.");

static PyObject* codecs_escape_encode(PyObject*, PyObject* data, TextOrNoneArgument) {
  if (!PyBytes_Check(data)) {
    return raise(PyExc_TypeError, "escape_encode() argument 1 must be bytes, not %.50s", data == Py_None ? "None" : Py_TYPE(data)->tp_name);
  }
  BytesBuilder out;
  const char* text = PyBytes_AS_STRING(data);
  const Py_ssize_t size = PyBytes_GET_SIZE(data);
  for (Py_ssize_t i = 0; i < size; ++i) {
    const char c = text[i];
    if (c == '\'' || c == '\\') {
      TRY(out.append('\\'));
      TRY(out.append(c));
    } else if (c == '\t') {
      TRY(out.append("\\t", 2));
    } else if (c == '\n') {
      TRY(out.append("\\n", 2));
    } else if (c == '\r') {
      TRY(out.append("\\r", 2));
    } else if (c < ' ' || c >= 0x7f) {
      char escape[8];
      TRY(out.append(escape, snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c))));
    } else {
      TRY(out.append(c));
    }
  }
  return with_length(out.finish(), size);
}
METHOD(codecs, escape_encode, "($module, data, errors=None, /)", "The escaped bytes, and how many there were.");
static PyObject* codecs_escape_decode(PyObject*, PyObject* data, TextOrNoneArgument errors) {
  TextOrBuffer input;
  TRY(input.read(data));
  return with_length(PyBytes_DecodeEscape(input.data, input.size, errors, 0, nullptr), input.size);
}
METHOD(codecs, escape_decode, "($module, data, errors=None, /)", "The bytes without escapes, and how many there were.");

static PyMethodDef methods[] = {
    codecs_register_method,               codecs_unregister_method,
    codecs_lookup_method,                 codecs_encode_method,
    codecs_decode_method,                 codecs_escape_encode_method,
    codecs_escape_decode_method,          codecs_utf_8_encode_method,
    codecs_utf_8_decode_method,           codecs_utf_7_encode_method,
    codecs_utf_7_decode_method,           codecs_utf_16_encode_method,
    codecs_utf_16_le_encode_method,       codecs_utf_16_be_encode_method,
    codecs_utf_16_decode_method,          codecs_utf_16_le_decode_method,
    codecs_utf_16_be_decode_method,       codecs_utf_16_ex_decode_method,
    codecs_utf_32_encode_method,          codecs_utf_32_le_encode_method,
    codecs_utf_32_be_encode_method,       codecs_utf_32_decode_method,
    codecs_utf_32_le_decode_method,       codecs_utf_32_be_decode_method,
    codecs_utf_32_ex_decode_method,       codecs_unicode_escape_encode_method,
    codecs_unicode_escape_decode_method,  codecs_raw_unicode_escape_encode_method,
    codecs_raw_unicode_escape_decode_method, codecs_latin_1_encode_method,
    codecs_latin_1_decode_method,         codecs_ascii_encode_method,
    codecs_ascii_decode_method,           codecs_charmap_encode_method,
    codecs_charmap_decode_method,         codecs_charmap_build_method,
    codecs_readbuffer_encode_method,      codecs_register_error_method,
    codecs_unregister_error_method,       codecs_lookup_error_method,
    {}};
MODULE_SLOTS_WITHOUT_EXEC(slots);
static PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_codecs", .m_methods = methods, .m_slots = slots};

}  // namespace ks

PyMODINIT_FUNC PyInit__codecs() { return PyModuleDef_Init(&ks::definition); }
