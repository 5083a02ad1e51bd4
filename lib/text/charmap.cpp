// The charmap codec: single bytes by a table that Python code gives, and the compact form of encoding tables.
#include "object/static_types.h"
#include "text/codec.h"
#include "types/str_private.h"

namespace ks {

// Encoding table: three levels over the characters below 0x10000; 0xff at the first two: none; 0 at the last: unmapped
// (character 0 itself is mapped to 0 always).
struct EncodingMap {
  PyObject_HEAD
  unsigned char level1[32];
  int count2, count3;
  unsigned char level23[1];
};
static_assert(sizeof(EncodingMap) == 64);

static int encoding_map_find(const EncodingMap* map, Py_UCS4 c) {  // -1: unmapped
  if (c > 0xffff) return -1;
  if (c == 0) return 0;
  int i = map->level1[c >> 11];
  if (i == 0xff) return -1;
  i = map->level23[16 * i + static_cast<int>(c >> 7 & 0xf)];
  if (i == 0xff) return -1;
  i = map->level23[16 * map->count2 + 128 * i + static_cast<int>(c & 0x7f)];
  return i ? i : -1;
}

static PyObject* encoding_map_size(EncodingMap* map) {
  return PyLong_FromLong(static_cast<long>(sizeof(EncodingMap)) - 1 + 16 * map->count2 + 128 * map->count3);
}
METHOD_AS(encoding_map_size, "size", 0, "($self, /)", "Return the size (in bytes) of this object.");
static PyMethodDef encoding_map_methods[] = {encoding_map_size_method, {}};

// ---- decoding -------------------------------------------------------------------------------------------------------------

static PyObject* decode_by_text(const char* text, Py_ssize_t size, PyObject* table, const char* error_name) {
  DecodeErrors errors("charmap", error_name, text, size);
  StrBuilder out;
  const Py_ssize_t count = str_length(table);
  TRY(out.prepare(size, 0x7f));
  for (Py_ssize_t at = 0; at < errors.size;) {
    const auto byte = static_cast<unsigned char>(errors.input[at]);
    const Py_UCS4 c = byte < count ? str_char(table, byte) : 0xfffe;
    if (c != 0xfffe) {
      TRY(out.add_char(c));
      ++at;
    } else {
      TRY(errors.handle(out, at, at + 1, "character maps to <undefined>", &at));
    }
  }
  return out.finish();
}

static PyObject* decode_by_mapping(const char* text, Py_ssize_t size, PyObject* mapping, const char* error_name) {
  DecodeErrors errors("charmap", error_name, text, size);
  StrBuilder out;
  for (Py_ssize_t at = 0; at < errors.size;) {
    Ref<> key = TRY(steal(PyLong_FromLong(static_cast<unsigned char>(errors.input[at]))));
    Ref<> value = steal(PyObject_GetItem(mapping, key));
    bool undefined = false;
    if (!value) {
      if (!PyErr_ExceptionMatches(PyExc_LookupError)) return nullptr;
      PyErr_Clear();
      undefined = true;
    } else if (value == Py_None) {
      undefined = true;
    } else if (PyLong_Check(value.get())) {
      const long code = PyLong_AsLong(value);
      if (code == -1 && PyErr_Occurred()) PyErr_Clear();
      if (code == 0xfffe) undefined = true;
      else if (code < 0 || code > 0x10ffff) return raise(PyExc_TypeError, "character mapping must be in range(0x%x)", 0x110000);
      else TRY(out.add_char(static_cast<Py_UCS4>(code)));
    } else if (PyUnicode_Check(value.get())) {
      if (str_length(value) == 1 && str_char(value, 0) == 0xfffe) undefined = true;
      else TRY(out.add_chars(str_kind(value), str_data(value), str_length(value)));
    } else {
      return raise(PyExc_TypeError, "character mapping must return integer, None or str");
    }
    if (undefined) TRY(errors.handle(out, at, at + 1, "character maps to <undefined>", &at));
    else ++at;
  }
  return out.finish();
}

// ---- encoding ------------------------------------------------------------------------------------------------------------------

// One character by the mapping, appended. No: undefined.
static Found encode_one(BytesBuilder& out, Py_UCS4 c, PyObject* mapping) {
  if (Py_IS_TYPE(mapping, &EncodingMap_Type)) {
    const int byte = encoding_map_find(as<EncodingMap>(mapping), c);
    if (byte < 0) return Found::No;
    TRY(out.append(static_cast<char>(byte)));
    return Found::Yes;
  }
  Ref<> key = TRY(steal(PyLong_FromLong(static_cast<long>(c))));
  Ref<> value = steal(PyObject_GetItem(mapping, key));
  if (!value) {
    if (!PyErr_ExceptionMatches(PyExc_LookupError)) return failed;
    PyErr_Clear();
    return Found::No;
  }
  if (value == Py_None) return Found::No;
  if (PyLong_Check(value.get())) {
    const long byte = PyLong_AsLong(value);
    if (byte == -1 && PyErr_Occurred()) PyErr_Clear();
    if (byte < 0 || byte > 255) return raise(PyExc_TypeError, "character mapping must be in range(256)");
    TRY(out.append(static_cast<char>(byte)));
    return Found::Yes;
  }
  if (PyBytes_Check(value.get())) {
    TRY(out.append(bytes_data(value), bytes_size(value)));
    return Found::Yes;
  }
  return raise(PyExc_TypeError, "character mapping must return integer, bytes or None, not %.400s", Py_TYPE(value.get())->tp_name);
}
// Whether the mapping has the character, without writing.
static Found is_mapped(Py_UCS4 c, PyObject* mapping) {
  if (Py_IS_TYPE(mapping, &EncodingMap_Type)) return encoding_map_find(as<EncodingMap>(mapping), c) < 0 ? Found::No : Found::Yes;
  BytesBuilder ignored;
  return encode_one(ignored, c, mapping);
}

PyObject* charmap_encode(PyObject* s, PyObject* mapping, const char* error_name) {
  if (!mapping) return latin1_encode(s, error_name);
  EncodeErrors errors("charmap", error_name, s);
  BytesBuilder out;
  auto add = [&](Py_UCS4 c) { return encode_one(out, c, mapping); };
  const Py_ssize_t length = str_length(s);
  constexpr const char* kReason = "character maps to <undefined>";
  for (Py_ssize_t i = 0; i < length;) {
    if (TRY(encode_one(out, str_char(s, i), mapping))) {
      ++i;
      continue;
    }
    Py_ssize_t end = i + 1;
    while (end < length) {
      if (TRY(is_mapped(str_char(s, end), mapping))) break;
      ++end;
    }
    EncodeErrors::Replacement replacement;
    TRY(errors.handle(i, end, kReason, &replacement));
    TRY(add_replacement(errors, replacement, i, end, kReason, out, add));
    i = replacement.position;
  }
  return out.finish();
}

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject EncodingMap_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "EncodingMap",
    .tp_basicsize = sizeof(EncodingMap),
    .tp_dealloc = [](PyObject* self) { PyObject_Free(self); },
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_methods = encoding_map_methods,
};

// New: the table from characters to bytes for a str of up to 256 characters; a dict when the compact form cannot hold it.
PyObject* PyUnicode_BuildEncodingMap(PyObject* s) {
  if (!PyUnicode_Check(s) || !str_length(s)) {
    PyErr_BadArgument();
    return nullptr;
  }
  const Py_ssize_t length = str_length(s) < 256 ? str_length(s) : 256;
  unsigned char level1[32], level2[512];
  memset(level1, 0xff, sizeof level1);
  memset(level2, 0xff, sizeof level2);
  int count2 = 0, count3 = 0;
  bool need_dict = str_char(s, 0) != 0;
  for (Py_ssize_t i = 1; i < length && !need_dict; ++i) {
    const Py_UCS4 c = str_char(s, i);
    if (c == 0 || c > 0xffff) {
      need_dict = true;
      break;
    }
    if (c == 0xfffe) continue;
    if (level1[c >> 11] == 0xff) level1[c >> 11] = static_cast<unsigned char>(count2++);
    if (level2[c >> 7] == 0xff) level2[c >> 7] = static_cast<unsigned char>(count3++);
  }
  if (count2 >= 0xff || count3 >= 0xff) need_dict = true;
  if (need_dict) {
    Ref<> result = TRY(steal(PyDict_New()));
    for (Py_ssize_t i = 0; i < length; ++i) {
      Ref<> key = TRY(steal(PyLong_FromLong(static_cast<long>(str_char(s, i)))));
      Ref<> value = TRY(steal(PyLong_FromLong(static_cast<long>(i))));
      if (PyDict_SetItem(result, key, value) < 0) return nullptr;
    }
    return result.release();
  }
  const size_t tables = static_cast<size_t>(16 * count2 + 128 * count3);
  auto* map = static_cast<EncodingMap*>(PyObject_Malloc(sizeof(EncodingMap) + tables));
  if (!map) return PyErr_NoMemory();
  PyObject_Init(object(map), &EncodingMap_Type);
  memcpy(map->level1, level1, sizeof level1);
  map->count2 = count2;
  map->count3 = count3;
  unsigned char* second = map->level23;
  unsigned char* third = map->level23 + 16 * count2;
  memset(second, 0xff, static_cast<size_t>(16 * count2));
  memset(third, 0, static_cast<size_t>(128 * count3));
  int next = 0;
  for (Py_ssize_t i = 1; i < length; ++i) {
    const Py_UCS4 c = str_char(s, i);
    if (c == 0xfffe) continue;
    unsigned char& block = second[16 * level1[c >> 11] + static_cast<int>(c >> 7 & 0xf)];
    if (block == 0xff) block = static_cast<unsigned char>(next++);
    third[128 * block + static_cast<int>(c & 0x7f)] = static_cast<unsigned char>(i);
  }
  return object(map);
}

// New str; mapping NULL: Latin-1.
PyObject* PyUnicode_DecodeCharmap(const char* text, Py_ssize_t size, PyObject* mapping, const char* errors) {
  if (!mapping) return PyUnicode_DecodeLatin1(text, size, errors);
  if (size == 0) return str_empty();
  if (PyUnicode_CheckExact(mapping)) return decode_by_text(text, size, mapping, errors);
  return decode_by_mapping(text, size, mapping, errors);
}
// New bytes.
PyObject* PyUnicode_AsCharmapString(PyObject* s, PyObject* mapping) {
  if (!is_str_argument(s) || !mapping) {
    if (!PyErr_Occurred()) PyErr_BadArgument();
    return nullptr;
  }
  return charmap_encode(s, mapping, nullptr);
}

}  // extern "C"
