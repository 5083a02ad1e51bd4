// What codecs share: error handling while decoding and encoding, and the registry's internal entries.
#pragma once

#include <Python.h>

#include "object/result.h"
#include "types/bytes.h"
#include "types/str.h"

namespace ks {

enum class ErrorHandler { Unknown, Strict, Ignore, Replace, SurrogateEscape, SurrogatePass, BackslashReplace, XmlCharRefReplace, Other };
ErrorHandler error_handler_of(const char* errors);

// The errors of one decoding. The input may be exchanged by a handler (it sets exception.object): `input` and `size` are
// the current ones.
class DecodeErrors {
 public:
  DecodeErrors(const char* encoding, const char* errors, const char* input, Py_ssize_t size)
      : input(input), size(size), encoding_(encoding), errors_(errors) {}

  // Handles the error in [start, end): adds the replacement to `out` and sets *position to where to go on.
  Status handle(StrBuilder& out, Py_ssize_t start, Py_ssize_t end, const char* reason, Py_ssize_t* position);

  const char* input;
  Py_ssize_t size;

 private:
  Status call_handler(StrBuilder& out, Py_ssize_t start, Py_ssize_t end, const char* reason, Py_ssize_t* position);

  const char* encoding_;
  const char* errors_;
  ErrorHandler kind_ = ErrorHandler::Unknown;
  Ref<> handler_, exception_, input_owner_;
};

// The errors of one encoding of a str.
class EncodeErrors {
 public:
  EncodeErrors(const char* encoding, const char* errors, PyObject* text)
      : encoding_(encoding), errors_(errors), text_(text) {}

  // What a handler wants in place of characters [start, end).
  struct Replacement {
    Ref<> text;             // a str to encode, or bytes to copy; empty: nothing
    Py_ssize_t position;    // where to go on
  };
  Status handle(Py_ssize_t start, Py_ssize_t end, const char* reason, Replacement* replacement);
  // UnicodeEncodeError for the place, whatever the handler is.
  Failed raise_strict(Py_ssize_t start, Py_ssize_t end, const char* reason);
  ErrorHandler kind();
  const char* encoding() const { return encoding_; }

 private:
  Status make_exception(Py_ssize_t start, Py_ssize_t end, const char* reason);

  const char* encoding_;
  const char* errors_;
  PyObject* text_;
  ErrorHandler kind_ = ErrorHandler::Unknown;
  Ref<> handler_, exception_;
};

// Encodes the replacement by add(character) -> Found (No: not encodable, which is the original error).
template <class Add>
Status add_replacement(EncodeErrors& errors, const EncodeErrors::Replacement& replacement, Py_ssize_t start, Py_ssize_t end,
                       const char* reason, BytesBuilder& out, Add add) {
  PyObject* text = replacement.text;
  if (!text) return Status::Ok;
  if (PyBytes_Check(text)) return out.append(bytes_data(text), bytes_size(text));
  for (Py_ssize_t i = 0; i < str_length(text); ++i)
    if (!TRY(add(str_char(text, i)))) return errors.raise_strict(start, end, reason);
  return Status::Ok;
}

// The built-in codecs by function; `errors` nullptr is strict.
PyObject* utf16_encode(PyObject* s, const char* errors, int byte_order);
PyObject* utf32_encode(PyObject* s, const char* errors, int byte_order);
PyObject* utf7_encode(PyObject* s, const char* errors);
PyObject* latin1_encode(PyObject* s, const char* errors);
PyObject* ascii_encode(PyObject* s, const char* errors);
PyObject* charmap_encode(PyObject* s, PyObject* mapping, const char* errors);
PyObject* unicode_escape_decode(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t* consumed);
PyObject* raw_unicode_escape_decode(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t* consumed);

// Registry: text encodings only (LookupError for others), as str.encode() and bytes.decode() want them.
PyObject* codec_encode_text(PyObject* object, const char* encoding, const char* errors);
PyObject* codec_decode_text(PyObject* object, const char* encoding, const char* errors);
PyObject* codec_lookup(const char* encoding);
PyObject* codec_lookup_text(const char* encoding, const char* alternative);
PyObject* codec_lookup_error(const char* name);

// The lower-case form with - for every run of other characters than letters, digits and dots; false when too long.
bool normalize_encoding(const char* encoding, char* out, size_t size, char separator);

}  // namespace ks
