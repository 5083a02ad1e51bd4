// Latin-1 and ASCII.
#include "text/codec.h"
#include "types/str_private.h"

namespace ks {

static PyObject* narrow_encode(PyObject* s, const char* error_name, Py_UCS4 limit) {
  const Py_ssize_t length = str_length(s);
  if (limit == 256 ? str_kind(s) == 1 : str_is_ascii(s)) return bytes_from(str_data_as<char>(s), length);
  const char* reason = limit == 256 ? "ordinal not in range(256)" : "ordinal not in range(128)";
  EncodeErrors errors(limit == 256 ? "latin-1" : "ascii", error_name, s);
  BytesBuilder out;
  auto add = [&](Py_UCS4 c) -> Found {
    if (c >= limit) return Found::No;
    TRY(out.append(static_cast<char>(c)));
    return Found::Yes;
  };
  for (Py_ssize_t i = 0; i < length;) {
    const Py_UCS4 c = str_char(s, i);
    if (c < limit) {
      TRY(out.append(static_cast<char>(c)));
      ++i;
      continue;
    }
    Py_ssize_t end = i + 1;
    while (end < length && str_char(s, end) >= limit) ++end;
    EncodeErrors::Replacement replacement;
    TRY(errors.handle(i, end, reason, &replacement));
    TRY(add_replacement(errors, replacement, i, end, reason, out, add));
    i = replacement.position;
  }
  return out.finish();
}
PyObject* latin1_encode(PyObject* s, const char* errors) { return narrow_encode(s, errors, 256); }
PyObject* ascii_encode(PyObject* s, const char* errors) { return narrow_encode(s, errors, 128); }

}  // namespace ks

using namespace ks;

extern "C" {

// New str; cannot fail but for memory.
PyObject* PyUnicode_DecodeLatin1(const char* text, Py_ssize_t size, const char*) {
  return str_from_latin1(reinterpret_cast<const Py_UCS1*>(text), size);
}
// New str.
PyObject* PyUnicode_DecodeASCII(const char* text, Py_ssize_t size, const char* error_name) {
  if (size == 0) return str_empty();
  if (all_ascii(text, size)) return str_from_ascii(text, size);
  DecodeErrors errors("ascii", error_name, text, size);
  StrBuilder out;
  for (Py_ssize_t at = 0; at < errors.size;) {
    const Py_ssize_t run = ascii_prefix(errors.input + at, errors.size - at);
    TRY(out.add_ascii(errors.input + at, run));
    at += run;
    if (at < errors.size) TRY(errors.handle(out, at, at + 1, "ordinal not in range(128)", &at));
  }
  return out.finish();
}
// New bytes.
PyObject* PyUnicode_AsLatin1String(PyObject* s) { return is_str_argument(s) ? latin1_encode(s, nullptr) : nullptr; }
PyObject* PyUnicode_AsASCIIString(PyObject* s) { return is_str_argument(s) ? ascii_encode(s, nullptr) : nullptr; }

}  // extern "C"
