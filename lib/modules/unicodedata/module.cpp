// The module unicodedata: functions on the current database; the object ucd_3_2_0 has the same as methods on the old one.
#include <algorithm>

#include "modules/module.h"
#include "modules/unicodedata/database.h"
#include "types/str.h"

namespace ks {

// One character given as a str.
struct CharArgument {
  Py_UCS4 c = 0;
  operator Py_UCS4() const { return c; }
};
template <>
struct Argument<CharArgument> {
  CharArgument value;
  void set_default(const char*, int) {}
  bool convert(const Signature& signature, int index, PyObject* object) {
    if (!PyUnicode_Check(object)) {
      (void)raise_bad_argument(signature, index, "a unicode character", object);
      return false;
    }
    if (str_length(object) != 1) {
      if (signature.count == 1)
        PyErr_Format(PyExc_TypeError, "%s(): argument must be a unicode character, not a string of length %zd", signature.function,
                     str_length(object));
      else
        PyErr_Format(PyExc_TypeError, "%s(): argument %d must be a unicode character, not a string of length %zd",
                     signature.function, index + 1, str_length(object));
      return false;
    }
    value.c = str_char(object, 0);
    return true;
  }
};

// The module's functions get the module, the old database's methods their object.
static bool is_old(PyObject* self) { return self && !PyModule_Check(self); }
static const DatabaseRecord& record_for(PyObject* self, Py_UCS4 c) { return is_old(self) ? old_database_record(c) : database_record(c); }
static bool is_unassigned_in_old(Py_UCS4 c) { return strcmp(kCategories[old_database_record(c).category], "Cn") == 0; }

// ---- numbers ----------------------------------------------------------------------------------------------------------------

struct OldNumber {
  int32_t code, decimal, digit, padding;
  double numeric;
};
static_assert(sizeof(OldNumber) == 24);
struct Number {
  int decimal;
  bool is_numeric;
  double numeric;
};
static Number number_for(PyObject* self, Py_UCS4 c) {
  if (is_old(self)) {
    const auto* begin = unicode_section<OldNumber>(k_old_numbers);
    const auto* end = begin + k_old_number_count;
    const OldNumber* found = std::lower_bound(begin, end, static_cast<int32_t>(c), [](const OldNumber& n, int32_t code) { return n.code < code; });
    if (found != end && found->code == static_cast<int32_t>(c))
      return {found->decimal, found->numeric != -1.0, found->numeric};
    if (is_unassigned_in_old(c)) return {-1, false, -1.0};
  }
  const CharacterType& type = character_type(c);
  return {type.decimal, type.numeric != 0, unicode_section<double>(k_numeric_values)[type.numeric]};
}

static PyObject* or_default(PyObject* fallback, const char* message) {
  if (fallback) return Py_NewRef(fallback);
  return raise(PyExc_ValueError, "%s", message);
}
static PyObject* ucd_decimal(PyObject* self, CharArgument c, PyObject* fallback) {
  const Number number = number_for(self, c);
  return number.decimal >= 0 ? PyLong_FromLong(number.decimal) : or_default(fallback, "not a decimal");
}
METHOD(ucd, decimal, "($self, chr, default=<unrepresentable>, /)", "The decimal value of a character, or the default.");
static PyObject* ucd_digit(PyObject*, CharArgument c, PyObject* fallback) {
  const int digit = character_type(c).digit;  // of the current version always, as in the reference
  return digit >= 0 ? PyLong_FromLong(digit) : or_default(fallback, "not a digit");
}
METHOD(ucd, digit, "($self, chr, default=<unrepresentable>, /)", "The digit value of a character, or the default.");
static PyObject* ucd_numeric(PyObject* self, CharArgument c, PyObject* fallback) {
  const Number number = number_for(self, c);
  return number.is_numeric ? PyFloat_FromDouble(number.numeric) : or_default(fallback, "not a numeric character");
}
METHOD(ucd, numeric, "($self, chr, default=<unrepresentable>, /)", "The numeric value of a character as float, or the default.");

// ---- properties --------------------------------------------------------------------------------------------------------------

static PyObject* ucd_category(PyObject* self, CharArgument c) { return PyUnicode_FromString(kCategories[record_for(self, c).category]); }
METHOD(ucd, category, "($self, chr, /)", "The general category of a character.");
static PyObject* ucd_bidirectional(PyObject* self, CharArgument c) {
  return PyUnicode_FromString(kBidirectional[record_for(self, c).bidirectional]);
}
METHOD(ucd, bidirectional, "($self, chr, /)", "The bidirectional class of a character, perhaps empty.");
static int ucd_combining(PyObject* self, CharArgument c) { return record_for(self, c).combining; }
METHOD(ucd, combining, "($self, chr, /)", "The canonical combining class of a character.");
static int ucd_mirrored(PyObject* self, CharArgument c) { return record_for(self, c).mirrored; }
METHOD(ucd, mirrored, "($self, chr, /)", "1 for a character that is mirrored in text from right to left, or 0.");
static PyObject* ucd_east_asian_width(PyObject* self, CharArgument c) { return PyUnicode_FromString(kWidths[record_for(self, c).width]); }
METHOD(ucd, east_asian_width, "($self, chr, /)", "The East Asian width of a character.");

static PyObject* ucd_decomposition(PyObject* self, CharArgument c) {
  const bool old = is_old(self);
  StrBuilder out;
  auto add = [&](Py_UCS4 code) -> Status {
    char text[16];
    return out.add_ascii(text, snprintf(text, sizeof text, "%s%04X", out.length() ? " " : "", code));
  };
  if (c.c >= 0xac00 && c.c <= 0xd7a3) {
    const Py_UCS4 index = c.c - 0xac00;
    TRY(add(0x1100 + index / 588));
    TRY(add(0x1161 + index % 588 / 28));
    if (index % 28) TRY(add(0x11a7 + index % 28));
    return out.finish();
  }
  const Decomposition d = decomposition_of(c, old);
  if (d.count && d.prefix) TRY(out.add_ascii(kPrefixes[d.prefix]));
  for (unsigned i = 0; i < d.count; ++i) TRY(add(d.characters[i]));
  return out.finish();
}
METHOD(ucd, decomposition, "($self, chr, /)", "The decomposition of a character as text, perhaps empty.");

// ---- names --------------------------------------------------------------------------------------------------------------------

static PyObject* ucd_name(PyObject* self, CharArgument c, PyObject* fallback) {
  char name[kNameSize];
  const int length = is_old(self) && is_unassigned_in_old(c) ? 0 : character_name(c, name);
  if (length) return PyUnicode_FromStringAndSize(name, length);
  return or_default(fallback, "no such name");
}
METHOD(ucd, name, "($self, chr, default=<unrepresentable>, /)", "The name of a character, or the default.");

static PyObject* ucd_lookup(PyObject* self, PyObject* name) {
  const char* text;
  Py_ssize_t length;
  struct View {
    Py_buffer buffer{};
    ~View() {
      if (buffer.obj) PyBuffer_Release(&buffer);
    }
  } view;
  if (PyUnicode_Check(name)) {
    text = TRY(PyUnicode_AsUTF8AndSize(name, &length));
  } else {
    if (PyObject_GetBuffer(name, &view.buffer, PyBUF_SIMPLE) < 0) return nullptr;
    text = static_cast<const char*>(view.buffer.buf);
    length = view.buffer.len;
  }
  if (length > kNameSize) return raise(PyExc_KeyError, "name too long");
  Py_UCS4 found[4];
  const int count = character_by_name(text, length, is_old(self) ? NameKinds::Characters : NameKinds::WithSequences, found);
  if (count == 0)
    return raise(PyExc_KeyError, "undefined character name '%s'", text);
  return str_from_ucs4(found, count);
}
METHOD(ucd, lookup, "($self, name, /)", "The character, or named sequence of characters, of a name.");

// ---- normalisation ---------------------------------------------------------------------------------------------------------------

static PyObject* ucd_normalize(PyObject* self, StrArgument form, StrArgument text) { return normalize(form, text, is_old(self)); }
METHOD_AS(ucd_normalize, "normalize", 0, "($self, form, unistr, /)", "The text in a normal form: NFC, NFKC, NFD or NFKD.");
static Found ucd_is_normalized(PyObject* self, StrArgument form, StrArgument text) { return is_normalized(form, text, is_old(self)); }
METHOD_AS(ucd_is_normalized, "is_normalized", 0, "($self, form, unistr, /)", "Whether the text is in a normal form.");

static PyMethodDef methods[] = {ucd_decimal_method,       ucd_digit_method,     ucd_numeric_method,          ucd_category_method,
                                ucd_bidirectional_method, ucd_combining_method, ucd_mirrored_method,         ucd_east_asian_width_method,
                                ucd_decomposition_method, ucd_name_method,      ucd_lookup_method,           ucd_is_normalized_method,
                                ucd_normalize_method,     {}};

// ---- the old database -------------------------------------------------------------------------------------------------------------

static PyObject* old_version(PyObject*, void*) { return PyUnicode_FromString("3.2.0"); }
static PyGetSetDef old_attributes[] = {{"unidata_version", old_version, nullptr, nullptr, nullptr}, {}};
static void old_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}
static PyType_Slot old_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(old_dealloc)},
                                  {Py_tp_methods, methods},
                                  {Py_tp_getset, old_attributes},
                                  {0, nullptr}};
static PyType_Spec old_spec = {"unicodedata.UCD", sizeof(PyObject), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, old_slots};

// ---- names for C --------------------------------------------------------------------------------------------------------------------

// What extension modules (and the reference's codecs) take from the capsule _ucnhash_CAPI.
struct NameApi {
  int (*name)(Py_UCS4 code, char* out, int size, int with_alias_and_sequence);
  int (*code)(const char* name, int length, Py_UCS4* code);
};
static int api_name(Py_UCS4 code, char* out, int size, int) {
  char name[kNameSize];
  const int length = character_name(code, name);
  if (!length || length >= size) return 0;
  memcpy(out, name, static_cast<size_t>(length));
  out[length] = 0;
  return 1;
}
static int api_code(const char* name, int length, Py_UCS4* code) {
  Py_UCS4 found[4];
  if (character_by_name(name, length, NameKinds::WithAliases, found) != 1) return 0;
  *code = found[0];
  return 1;
}
static constinit NameApi name_api = {api_name, api_code};

static int exec(PyObject* module) {
  TRY(status(PyModule_AddStringConstant(module, "unidata_version", KS_UNICODE_VERSION)));
  Ref<> type = TRY(steal(PyType_FromModuleAndSpec(module, &old_spec, nullptr)));
  TRY(status(PyModule_AddType(module, as<PyTypeObject>(type.get()))));
  Ref<> old = TRY(steal(as<PyTypeObject>(type.get())->tp_alloc(as<PyTypeObject>(type.get()), 0)));
  TRY(status(PyModule_AddObjectRef(module, "ucd_3_2_0", old)));
  Ref<> capsule = TRY(steal(PyCapsule_New(&name_api, "unicodedata._ucnhash_CAPI", nullptr)));
  return PyModule_AddObjectRef(module, "_ucnhash_CAPI", capsule);
}
MODULE_SLOTS(slots, exec);
static PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT,
                                 .m_name = "unicodedata",
                                 .m_doc = "The Unicode Character Database, version " KS_UNICODE_VERSION ".",
                                 .m_methods = methods,
                                 .m_slots = slots};

}  // namespace ks

PyMODINIT_FUNC PyInit_unicodedata() { return PyModuleDef_Init(&ks::definition); }
