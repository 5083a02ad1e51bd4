// binascii: hexadecimal, base64, uuencode, quoted-printable, and checksums.
#include <zlib.h>

#include "modules/module.h"
#include "types/bytes_methods.h"

namespace ks {
namespace {

struct BinasciiState {
  PyObject* error;
  PyObject* incomplete;
};
BinasciiState* state_of(PyObject* module) { return static_cast<BinasciiState*>(PyModule_GetState(module)); }

// An argument that is a str of ASCII characters or a buffer.
struct AsciiArgument {
  Py_buffer view{};
  const char* text = nullptr;
  Py_ssize_t length = 0;
  AsciiArgument() = default;
  AsciiArgument(const AsciiArgument&) = delete;
  AsciiArgument& operator=(const AsciiArgument&) = delete;
  ~AsciiArgument() {
    if (view.obj) PyBuffer_Release(&view);
  }
  bool read(PyObject* o) {
    if (PyUnicode_Check(o)) {
      if (!PyUnicode_IS_ASCII(o)) {
        PyErr_SetString(PyExc_ValueError, "string argument should contain only ASCII characters");
        return false;
      }
      text = reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(o));
      length = PyUnicode_GET_LENGTH(o);
      return true;
    }
    if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) < 0) {
      PyErr_Format(PyExc_TypeError, "argument should be bytes, buffer or ASCII string, not '%.100s'", Py_TYPE(o)->tp_name);
      return false;
    }
    text = static_cast<const char*>(view.buf);
    length = view.len;
    return true;
  }
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// ---- hexadecimal -------------------------------------------------------------------------------------------------------

PyObject* to_hex(const BufferArgument& data, PyObject* sep, int group) {
  return bytes_hex(reinterpret_cast<const char*>(data.data()), data.size(), sep, group, true);
}
#define TO_HEX_DOC                                                                                                       \
  "Hexadecimal representation of binary data.\n\n  sep\n    An optional single character or byte to separate hex bytes.\n" \
  "  bytes_per_sep\n    How many bytes between separators.  Positive values count from the\n    right, negative values count from the left.\n\n" \
  "The return value is a bytes object.  This function is also\navailable as \"b2a_hex()\"."
PyObject* binascii_b2a_hex(PyObject*, const BufferArgument& data, PyObject* sep, int bytes_per_sep) { return to_hex(data, sep, bytes_per_sep); }
METHOD(binascii, b2a_hex, "($module, /, data, sep=<unrepresentable>, bytes_per_sep=1)", TO_HEX_DOC);
PyObject* binascii_hexlify(PyObject*, const BufferArgument& data, PyObject* sep, int bytes_per_sep) { return to_hex(data, sep, bytes_per_sep); }
METHOD(binascii, hexlify, "($module, /, data, sep=<unrepresentable>, bytes_per_sep=1)", TO_HEX_DOC);
PyObject* from_hex(PyObject* module, PyObject* hexstr) {
  AsciiArgument text;
  if (!text.read(hexstr)) return nullptr;
  if (text.length % 2) return raise(state_of(module)->error, "Odd-length string");
  Ref<> result = TRY(steal(bytes_new(text.length / 2)));
  char* out = bytes_data(result);
  for (Py_ssize_t i = 0; i < text.length; i += 2) {
    const int high = hex_digit(text.text[i]), low = hex_digit(text.text[i + 1]);
    if (high < 0 || low < 0) return raise(state_of(module)->error, "Non-hexadecimal digit found");
    *out++ = static_cast<char>(high << 4 | low);
  }
  return result.release();
}
#define FROM_HEX_DOC                                                                                                   \
  "Binary data of hexadecimal representation.\n\nhexstr must contain an even number of hex digits (upper or lower case)."
PyObject* binascii_a2b_hex(PyObject* module, PyObject* hexstr) { return from_hex(module, hexstr); }
METHOD(binascii, a2b_hex, "($module, hexstr, /)", FROM_HEX_DOC "\nThis function is also available as \"unhexlify()\".");
PyObject* binascii_unhexlify(PyObject* module, PyObject* hexstr) { return from_hex(module, hexstr); }
METHOD(binascii, unhexlify, "($module, hexstr, /)", FROM_HEX_DOC);

// ---- base64 ------------------------------------------------------------------------------------------------------------

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr auto base64_values = [] {
  struct Table {
    unsigned char values[256];
  } table{};
  for (auto& value : table.values) value = 64;
  for (int i = 0; i < 64; ++i) table.values[static_cast<unsigned char>(kBase64[i])] = static_cast<unsigned char>(i);
  return table;
}();

PyObject* binascii_b2a_base64(PyObject* module, const BufferArgument& data, bool newline) {
  if (data.size() > (PY_SSIZE_T_MAX - 3) / 2) return raise(state_of(module)->error, "Too much data for base64 line");
  const Py_ssize_t size = (data.size() + 2) / 3 * 4 + (newline ? 1 : 0);
  Ref<> result = TRY(steal(bytes_new(size)));
  char* out = bytes_data(result);
  const unsigned char* p = data.data();
  Py_ssize_t rest = data.size();
  for (; rest >= 3; rest -= 3, p += 3) {
    const unsigned group = static_cast<unsigned>(p[0]) << 16 | static_cast<unsigned>(p[1]) << 8 | p[2];
    *out++ = kBase64[group >> 18];
    *out++ = kBase64[(group >> 12) & 63];
    *out++ = kBase64[(group >> 6) & 63];
    *out++ = kBase64[group & 63];
  }
  if (rest) {
    const unsigned group = static_cast<unsigned>(p[0]) << 16 | (rest == 2 ? static_cast<unsigned>(p[1]) << 8 : 0);
    *out++ = kBase64[group >> 18];
    *out++ = kBase64[(group >> 12) & 63];
    *out++ = rest == 2 ? kBase64[(group >> 6) & 63] : '=';
    *out++ = '=';
  }
  if (newline) *out = '\n';
  return result.release();
}
METHOD(binascii, b2a_base64, "($module, data, /, *, newline=True)", "Base64-code line of data.");
PyObject* binascii_a2b_base64(PyObject* module, PyObject* data, bool strict) {
  AsciiArgument text;
  if (!text.read(data)) return nullptr;
  PyObject* error = state_of(module)->error;
  const char *p = text.text, *end = p + text.length;
  if (strict && p < end && *p == '=') return raise(error, "Leading padding not allowed");
  BytesBuilder builder;
  char* begin = builder.reserve((text.length + 3) / 4 * 3 + 3);
  if (!begin) return nullptr;
  char* out = begin;
  int position = 0, pads = 0;
  unsigned carry = 0;
  bool padding = false;
  Py_ssize_t data_count = 0;
  for (; p < end; ++p) {
    const unsigned char c = static_cast<unsigned char>(*p);
    if (c == '=') {
      padding = true;
      ++pads;
      if (position >= 2 && position + pads <= 4) continue;
      if (!strict) continue;
      if (position == 1) break;  // reported below
      return raise(error, "Excess padding not allowed");
    }
    const unsigned value = base64_values.values[c];
    if (value >= 64) {
      if (strict) return raise(error, "Only base64 data is allowed");
      continue;
    }
    if (strict && padding) return raise(error, position + pads == 4 ? "Excess data after padding" : "Discontinuous padding not allowed");
    pads = 0;
    ++data_count;
    switch (position) {
      case 0:
        position = 1;
        carry = value;
        break;
      case 1:
        position = 2;
        *out++ = static_cast<char>(carry << 2 | value >> 4);
        carry = value & 15;
        break;
      case 2:
        position = 3;
        *out++ = static_cast<char>(carry << 4 | value >> 2);
        carry = value & 3;
        break;
      default:
        position = 0;
        *out++ = static_cast<char>(carry << 6 | value);
        carry = 0;
    }
  }
  if (position == 1)
    return raise(error, "Invalid base64-encoded string: number of data characters (%zd) cannot be 1 more than a multiple of 4", data_count);
  if (position != 0 && position + pads < 4) return raise(error, "Incorrect padding");
  return bytes_from(begin, out - begin);
}
METHOD(binascii, a2b_base64, "($module, data, /, *, strict_mode=False)",
       "Decode a line of base64 data.\n\n  strict_mode\n    When set to True, bytes that are not in the base64 standard are not allowed.\n"
       "    The same applies to excess data after padding (= / ==).");

// ---- uuencode ----------------------------------------------------------------------------------------------------------

PyObject* binascii_b2a_uu(PyObject* module, const BufferArgument& data, bool backtick) {
  if (data.size() > 45) return raise(state_of(module)->error, "At most 45 bytes at once");
  auto symbol = [&](unsigned value) { return static_cast<char>(value || !backtick ? value + ' ' : '`'); };
  char line[64];
  char* out = line;
  *out++ = symbol(static_cast<unsigned>(data.size()));
  for (Py_ssize_t i = 0; i < data.size(); i += 3) {
    auto at = [&](Py_ssize_t k) { return k < data.size() ? static_cast<unsigned>(data.data()[k]) : 0u; };
    const unsigned group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) *out++ = symbol((group >> shift) & 63);
  }
  *out++ = '\n';
  return bytes_from(line, out - line);
}
METHOD(binascii, b2a_uu, "($module, data, /, *, backtick=False)", "Uuencode line of data.");
PyObject* binascii_a2b_uu(PyObject* module, PyObject* data) {
  AsciiArgument text;
  if (!text.read(data)) return nullptr;
  PyObject* error = state_of(module)->error;
  const char *p = text.text, *end = p + text.length;
  if (p == end) return raise(error, "Missing length byte");
  const int size = (*p++ - ' ') & 63;
  Ref<> result = TRY(steal(bytes_new(size)));
  char* out = bytes_data(result);
  unsigned carry = 0;
  int bits = 0;
  for (int written = 0; written < size;) {
    unsigned value = 0;  // lines may lack trailing spaces
    if (p < end) {
      const char c = *p++;
      if (c == '\n' || c == '\r') p = end;
      else if (c < ' ' || c > ' ' + 64) return raise(error, "Illegal char");
      else value = static_cast<unsigned>(c - ' ') & 63;
    }
    carry = carry << 6 | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *out++ = static_cast<char>(carry >> bits);
      carry &= (1u << bits) - 1;
      ++written;
    }
  }
  for (; p < end; ++p)
    if (*p != ' ' && *p != '`' && *p != '\n' && *p != '\r') return raise(error, "Trailing garbage");
  return result.release();
}
METHOD(binascii, a2b_uu, "($module, data, /)", "Decode a line of uuencoded data.");

// ---- quoted-printable --------------------------------------------------------------------------------------------------

PyObject* binascii_a2b_qp(PyObject*, PyObject* data, bool header) {
  AsciiArgument text;
  if (!text.read(data)) return nullptr;
  BytesBuilder builder;
  char* begin = builder.reserve(text.length);
  if (!begin) return nullptr;
  char* out = begin;
  const char *p = text.text, *end = p + text.length;
  while (p < end) {
    if (*p == '=') {
      if (++p >= end) break;
      if (*p == '\n' || *p == '\r') {  // a soft line break
        if (*p != '\n')
          while (p < end && *p != '\n') ++p;
        if (p < end) ++p;
      } else if (*p == '=') {
        *out++ = '=';
        ++p;
      } else if (end - p > 1 && hex_digit(p[0]) >= 0 && hex_digit(p[1]) >= 0) {
        *out++ = static_cast<char>(hex_digit(p[0]) << 4 | hex_digit(p[1]));
        p += 2;
      } else {
        *out++ = '=';
      }
    } else {
      *out++ = header && *p == '_' ? ' ' : *p;
      ++p;
    }
  }
  return bytes_from(begin, out - begin);
}
METHOD(binascii, a2b_qp, "($module, /, data, header=False)", "Decode a string of qp-encoded data.");
PyObject* binascii_b2a_qp(PyObject*, const BufferArgument& argument, bool quotetabs, bool istext, bool header) {
  constexpr int kLine = 76;
  const auto* data = argument.data();
  const Py_ssize_t size = argument.size();
  // Lines end as the first one does.
  const auto* first = size ? static_cast<const unsigned char*>(memchr(data, '\n', static_cast<size_t>(size))) : nullptr;
  const bool crlf = first && first > data && first[-1] == '\r';
  BytesBuilder out;
  int column = 0;
  auto newline = [&]() -> Status {
    if (crlf) TRY(out.append('\r'));
    return out.append('\n');
  };
  auto soft_break = [&]() -> Status {
    TRY(out.append('='));
    TRY(newline());
    column = 0;
    return Status::Ok;
  };
  Py_ssize_t i = 0;
  while (i < size) {
    const unsigned char c = data[i];
    const bool quote = c > 126 || c == '=' || (header && c == '_') ||
                       (c == '.' && column == 0 && (i + 1 == size || data[i + 1] == '\n' || data[i + 1] == '\r' || data[i + 1] == 0)) ||
                       (!istext && (c == '\r' || c == '\n')) || ((c == '\t' || c == ' ') && i + 1 == size) ||
                       (c < 33 && c != '\r' && c != '\n' && c != '\t' && c != ' ') ||
                       (c < 33 && c != '\r' && c != '\n' && (quotetabs || (!quotetabs && c != '\t' && c != ' ')));
    if (quote) {
      if (column + 3 >= kLine) TRY(soft_break());
      TRY(out.append('='));
      TRY(out.append("0123456789ABCDEF"[c >> 4]));
      TRY(out.append("0123456789ABCDEF"[c & 15]));
      ++i;
      column += 3;
      continue;
    }
    if (istext && (c == '\n' || (c == '\r' && i + 1 < size && data[i + 1] == '\n'))) {
      column = 0;
      // Whitespace before the end of a line would be lost on the way.
      if (out.size()) {
        const char last = out.data()[out.size() - 1];
        if (last == ' ' || last == '\t') {
          out.add(-1);
          TRY(out.append('='));
          TRY(out.append("0123456789ABCDEF"[static_cast<unsigned char>(last) >> 4]));
          TRY(out.append("0123456789ABCDEF"[last & 15]));
        }
      }
      TRY(newline());
      i += c == '\r' ? 2 : 1;
      continue;
    }
    if (i + 1 != size && data[i + 1] != '\n' && column + 1 >= kLine) TRY(soft_break());
    ++column;
    TRY(out.append(header && c == ' ' ? '_' : static_cast<char>(c)));
    ++i;
  }
  return out.finish();
}
METHOD(binascii, b2a_qp, "($module, /, data, quotetabs=False, istext=True, header=False)",
       "Encode a string using quoted-printable encoding.\n\nOn encoding, when istext is set, newlines are not encoded, and white\n"
       "space at end of lines is.  When istext is not set, \\r and \\n (CR/LF)\nare both encoded.  When quotetabs is set, space and tabs are encoded.");

// ---- checksums ---------------------------------------------------------------------------------------------------------

PyObject* binascii_crc_hqx(PyObject*, const BufferArgument& data, PyObject* crc) {
  const unsigned long start = PyLong_AsUnsignedLongMask(crc);
  if (start == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
  unsigned value = start & 0xffff;
  for (Py_ssize_t i = 0; i < data.size(); ++i) {
    value ^= static_cast<unsigned>(data.data()[i]) << 8;
    for (int bit = 0; bit < 8; ++bit) value = ((value << 1) ^ (value & 0x8000 ? 0x1021u : 0)) & 0xffff;
  }
  return PyLong_FromLong(static_cast<long>(value));
}
METHOD(binascii, crc_hqx, "($module, data, crc, /)", "Compute CRC-CCITT incrementally.");
PyObject* binascii_crc32(PyObject*, const BufferArgument& data, PyObject* crc) {
  unsigned long start = 0;
  if (crc) {
    start = PyLong_AsUnsignedLongMask(crc);
    if (start == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
  }
  return PyLong_FromUnsignedLong(crc32_z(start & 0xffffffffu, data.data(), static_cast<size_t>(data.size())));
}
METHOD(binascii, crc32, "($module, data, crc=0, /)", "Compute CRC-32 incrementally.");

PyMethodDef methods[] = {binascii_a2b_uu_method, binascii_b2a_uu_method, binascii_a2b_base64_method, binascii_b2a_base64_method,
                         binascii_b2a_hex_method, binascii_a2b_hex_method, binascii_hexlify_method, binascii_unhexlify_method,
                         binascii_crc_hqx_method, binascii_crc32_method, binascii_a2b_qp_method, binascii_b2a_qp_method, {}};
int exec(PyObject* m) {
  BinasciiState* state = state_of(m);
  if (!(state->error = PyErr_NewException("binascii.Error", PyExc_ValueError, nullptr))) return -1;
  if (!(state->incomplete = PyErr_NewException("binascii.Incomplete", nullptr, nullptr))) return -1;
  if (PyModule_AddObjectRef(m, "Error", state->error) < 0) return -1;
  return PyModule_AddObjectRef(m, "Incomplete", state->incomplete);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  if (!state_of(m)) return 0;
  Py_VISIT(state_of(m)->error);
  Py_VISIT(state_of(m)->incomplete);
  return 0;
}
int clear(PyObject* m) {
  if (!state_of(m)) return 0;
  Py_CLEAR(state_of(m)->error);
  Py_CLEAR(state_of(m)->incomplete);
  return 0;
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "binascii", .m_doc = "Conversion between binary data and ASCII",
                      .m_size = sizeof(BinasciiState), .m_methods = methods, .m_slots = slots, .m_traverse = traverse, .m_clear = clear,
                      .m_free = [](void* m) { clear(static_cast<PyObject*>(m)); }};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_binascii(void) { return PyModuleDef_Init(&ks::module); }
