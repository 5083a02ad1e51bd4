// Writing JSON: json.encoder's encoder, and the quoting of strings.
#include <structmember.h>

#include <cmath>

#include "modules/json/json.h"
#include "object/export.h"

KS_EXPORT void _PyErr_FormatNote(const char* format, ...);

namespace ks {

// ---- strings ------------------------------------------------------------------------------------------------------------------

template <class T>
static Status quote_chars(StrBuilder& out, Chars<T> chars, bool ascii_only, bool known_ascii) {
  TRY(out.add_char('"'));
  Py_ssize_t plain = 0;  // start of what needs no escape
  for (Py_ssize_t i = 0; i < chars.size; ++i) {
    const Py_UCS4 c = chars[i];
    if (c != '"' && c != '\\' && c >= ' ' && (!ascii_only || c <= '~')) continue;
    if (i > plain) TRY(out.add_chars(sizeof(T), chars.data + plain, i - plain, known_ascii || ascii_only));
    plain = i + 1;
    char text[16];
    int n = 2;
    text[0] = '\\';
    switch (c) {
      case '"': case '\\': text[1] = static_cast<char>(c); break;
      case '\b': text[1] = 'b'; break;
      case '\f': text[1] = 'f'; break;
      case '\n': text[1] = 'n'; break;
      case '\r': text[1] = 'r'; break;
      case '\t': text[1] = 't'; break;
      default:
        if (c >= 0x10000) n = snprintf(text, sizeof text, "\\u%04x\\u%04x", Py_UNICODE_HIGH_SURROGATE(c), Py_UNICODE_LOW_SURROGATE(c));
        else n = snprintf(text, sizeof text, "\\u%04x", c);
    }
    TRY(out.add_ascii(text, n));
  }
  if (chars.size > plain) TRY(out.add_chars(sizeof(T), chars.data + plain, chars.size - plain, known_ascii || ascii_only));
  return out.add_char('"');
}
Status json_quote(StrBuilder& out, PyObject* text, bool ascii_only) {
  return str_visit(text, [&](auto chars) { return quote_chars(out, chars, ascii_only, str_is_ascii(text)); });
}

static PyObject* quoted(PyObject* text, bool ascii_only) {
  if (!PyUnicode_Check(text)) return raise(PyExc_TypeError, "first argument must be a string, not %.80s", Py_TYPE(text)->tp_name);
  StrBuilder out;
  TRY(json_quote(out, text, ascii_only));
  return out.finish();
}
PyObject* json_encode_basestring(PyObject*, PyObject* text) { return quoted(text, false); }
PyObject* json_encode_basestring_ascii(PyObject*, PyObject* text) { return quoted(text, true); }

// ---- the encoder ----------------------------------------------------------------------------------------------------------------

struct JsonEncoder {
  PyObject_HEAD
  PyObject *markers, *default_, *encoder, *indent, *key_separator, *item_separator;
  char sort_keys, skipkeys;
  int allow_nan;
  int fast;  // 0: call encoder; 1: as it is, 2: ASCII
};

static Status encode(JsonEncoder* e, StrBuilder& out, PyObject* o, Py_ssize_t level);

static Status encode_string(JsonEncoder* e, StrBuilder& out, PyObject* text) {
  if (e->fast) return json_quote(out, text, e->fast == 2);
  Ref<> result = TRY(steal(PyObject_CallOneArg(e->encoder, text)));
  if (!PyUnicode_Check(result.get())) return raise(PyExc_TypeError, "encoder() must return a string, not %.80s", Py_TYPE(result.get())->tp_name);
  return out.add(result);
}

// Text of a float, as a new str.
static Ref<> float_text(JsonEncoder* e, PyObject* o) {
  const double value = PyFloat_AS_DOUBLE(o);
  if (!std::isfinite(value)) {
    if (!e->allow_nan) return raise(PyExc_ValueError, "Out of range float values are not JSON compliant: %R", o);
    return steal(PyUnicode_InternFromString(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"));
  }
  return steal(PyFloat_Type.tp_repr(o));
}

static Status add_line(JsonEncoder* e, StrBuilder& out, Py_ssize_t level) {
  TRY(out.add_char('\n'));
  for (Py_ssize_t i = 0; i < level; ++i) TRY(out.add_chars(str_kind(e->indent), str_data(e->indent), str_length(e->indent)));
  return Status::Ok;
}
static Status add_text(StrBuilder& out, PyObject* s) { return out.add_chars(str_kind(s), str_data(s), str_length(s), str_is_ascii(s)); }

// Remembers a container that is being written; ValueError when it is in itself.
class Marker {
 public:
  Status enter(PyObject* markers, PyObject* o) {
    if (markers == Py_None) return Status::Ok;
    key_ = TRY(steal(PyLong_FromVoidPtr(o)));
    const int seen = PyDict_Contains(markers, key_);
    if (seen < 0) return failed;
    if (seen) return raise(PyExc_ValueError, "Circular reference detected");
    return status(PyDict_SetItem(markers, key_, o));
  }
  Status leave(PyObject* markers) { return key_ ? status(PyDict_DelItem(markers, key_)) : Status::Ok; }

 private:
  Ref<> key_;
};

static Status encode_list(JsonEncoder* e, StrBuilder& out, PyObject* o, Py_ssize_t level) {
  Ref<> items = TRY(steal(PySequence_Fast(o, "_iterencode_list needs a sequence")));
  if (PySequence_Fast_GET_SIZE(items.get()) == 0) return out.add_ascii("[]", 2);
  Marker marker;
  TRY(marker.enter(e->markers, o));
  const bool indented = e->indent != Py_None;
  TRY(out.add_char('['));
  if (indented) TRY(add_line(e, out, ++level));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    Ref<> item = borrow(PySequence_Fast_GET_ITEM(items.get(), i));
    if (i) {
      TRY(add_text(out, e->item_separator));
      if (indented) TRY(add_line(e, out, level));
    }
    if (is_failure(encode(e, out, item, level))) {
      _PyErr_FormatNote("when serializing %T item %zd", o, i);
      return failed;
    }
  }
  TRY(marker.leave(e->markers));
  if (indented) TRY(add_line(e, out, --level));
  return out.add_char(']');
}

static Status encode_entry(JsonEncoder* e, StrBuilder& out, PyObject* dict, PyObject* key, PyObject* value, bool* first, Py_ssize_t level) {
  Ref<> name;
  if (PyUnicode_Check(key)) name = borrow(key);
  else if (PyFloat_Check(key)) name = TRY(float_text(e, key));
  else if (key == Py_True) name = borrow("true"_id);
  else if (key == Py_False) name = borrow("false"_id);
  else if (key == Py_None) name = borrow("null"_id);
  else if (PyLong_Check(key)) name = TRY(steal(PyLong_Type.tp_repr(key)));
  else if (e->skipkeys) return Status::Ok;
  else return raise(PyExc_TypeError, "keys must be str, int, float, bool or None, not %.100s", Py_TYPE(key)->tp_name);
  const bool indented = e->indent != Py_None;
  if (!*first) TRY(add_text(out, e->item_separator));
  *first = false;
  if (indented) TRY(add_line(e, out, level));
  TRY(encode_string(e, out, name));
  TRY(add_text(out, e->key_separator));
  if (is_failure(encode(e, out, value, level))) {
    _PyErr_FormatNote("when serializing %T item %R", dict, key);
    return failed;
  }
  return Status::Ok;
}

static Status encode_dict(JsonEncoder* e, StrBuilder& out, PyObject* dict, Py_ssize_t level) {
  if (PyDict_GET_SIZE(dict) == 0) return out.add_ascii("{}", 2);
  Marker marker;
  TRY(marker.enter(e->markers, dict));
  const bool indented = e->indent != Py_None;
  TRY(out.add_char('{'));
  if (indented) ++level;
  bool first = true;
  if (e->sort_keys || !PyDict_CheckExact(dict)) {
    Ref<> items = TRY(steal(PyMapping_Items(dict)));
    if (e->sort_keys) TRY(status(PyList_Sort(items)));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
      Ref<> item = borrow(PyList_GET_ITEM(items.get(), i));
      if (!PyTuple_Check(item.get()) || PyTuple_GET_SIZE(item.get()) != 2) return raise(PyExc_ValueError, "items must return 2-tuples");
      TRY(encode_entry(e, out, dict, PyTuple_GET_ITEM(item.get(), 0), PyTuple_GET_ITEM(item.get(), 1), &first, level));
    }
  } else {
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &position, &key, &value)) {
      Ref<> own_key = borrow(key), own_value = borrow(value);
      TRY(encode_entry(e, out, dict, own_key, own_value, &first, level));
    }
  }
  TRY(marker.leave(e->markers));
  if (indented) {
    --level;
    if (!first) TRY(add_line(e, out, level));
  }
  return out.add_char('}');
}

static Status encode(JsonEncoder* e, StrBuilder& out, PyObject* o, Py_ssize_t level) {
  if (o == Py_None) return out.add_ascii("null", 4);
  if (o == Py_True) return out.add_ascii("true", 4);
  if (o == Py_False) return out.add_ascii("false", 5);
  if (PyUnicode_Check(o)) return encode_string(e, out, o);
  if (PyLong_Check(o)) {
    Ref<> text = TRY(steal(PyLong_Type.tp_repr(o)));
    return add_text(out, text);
  }
  if (PyFloat_Check(o)) {
    Ref<> text = TRY(float_text(e, o));
    return add_text(out, text);
  }
  if (Py_EnterRecursiveCall(" while encoding a JSON object")) return failed;
  Status result;
  if (PyList_Check(o) || PyTuple_Check(o)) {
    result = encode_list(e, out, o, level);
  } else if (PyDict_Check(o)) {
    result = encode_dict(e, out, o, level);
  } else {
    result = [&]() -> Status {
      Marker marker;
      TRY(marker.enter(e->markers, o));
      Ref<> other = TRY(steal(PyObject_CallOneArg(e->default_, o)));
      if (is_failure(encode(e, out, other, level))) {
        _PyErr_FormatNote("when serializing %T object", o);
        return failed;
      }
      return marker.leave(e->markers);
    }();
  }
  Py_LeaveRecursiveCall();
  return result;
}

static PyObject* encoder_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* o;
  Py_ssize_t level;
  static const char* const names[] = {"obj", "_current_indent_level", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "On:_iterencode", const_cast<char**>(names), &o, &level)) return nullptr;
  StrBuilder out;
  TRY(encode(as<JsonEncoder>(self), out, o, Py_MAX(level, 0)));
  Ref<> text = TRY(steal(out.finish()));
  return PyTuple_Pack(1, text.get());
}

static PyObject* encoder_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject *markers, *default_, *encoder, *indent, *key_separator, *item_separator;
  int sort_keys, skipkeys, allow_nan;
  static const char* const names[] = {"markers",        "default",   "encoder",  "indent",    "key_separator",
                                      "item_separator", "sort_keys", "skipkeys", "allow_nan", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOUUppp:make_encoder", const_cast<char**>(names), &markers, &default_, &encoder,
                                   &indent, &key_separator, &item_separator, &sort_keys, &skipkeys, &allow_nan))
    return nullptr;
  if (markers != Py_None && !PyDict_Check(markers))
    return raise(PyExc_TypeError, "make_encoder() argument 1 must be dict or None, not %.200s", Py_TYPE(markers)->tp_name);
  if (indent != Py_None && !PyUnicode_Check(indent))
    return raise(PyExc_TypeError, "make_encoder() argument 4 must be str or None, not %.200s", Py_TYPE(indent)->tp_name);
  PyObject* self = type->tp_alloc(type, 0);
  if (!self) return nullptr;
  auto* e = as<JsonEncoder>(self);
  e->markers = Py_NewRef(markers);
  e->default_ = Py_NewRef(default_);
  e->encoder = Py_NewRef(encoder);
  e->indent = Py_NewRef(indent);
  e->key_separator = Py_NewRef(key_separator);
  e->item_separator = Py_NewRef(item_separator);
  e->sort_keys = static_cast<char>(sort_keys);
  e->skipkeys = static_cast<char>(skipkeys);
  e->allow_nan = allow_nan;
  if (PyCFunction_Check(encoder)) {
    const PyCFunction function = PyCFunction_GetFunction(encoder);
    if (function == json_encode_basestring_ascii) e->fast = 2;
    else if (function == json_encode_basestring) e->fast = 1;
  }
  return self;
}
static int encoder_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* e = as<JsonEncoder>(self);
  Py_VISIT(Py_TYPE(self));
  for (PyObject* member : {e->markers, e->default_, e->encoder, e->indent, e->key_separator, e->item_separator}) Py_VISIT(member);
  return 0;
}
static int encoder_clear(PyObject* self) {
  auto* e = as<JsonEncoder>(self);
  Py_CLEAR(e->markers);
  Py_CLEAR(e->default_);
  Py_CLEAR(e->encoder);
  Py_CLEAR(e->indent);
  Py_CLEAR(e->key_separator);
  Py_CLEAR(e->item_separator);
  return 0;
}
static void encoder_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  encoder_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyMemberDef encoder_members[] = {
    {"markers", _Py_T_OBJECT, offsetof(JsonEncoder, markers), Py_READONLY, "markers"},
    {"default", _Py_T_OBJECT, offsetof(JsonEncoder, default_), Py_READONLY, "default"},
    {"encoder", _Py_T_OBJECT, offsetof(JsonEncoder, encoder), Py_READONLY, "encoder"},
    {"indent", _Py_T_OBJECT, offsetof(JsonEncoder, indent), Py_READONLY, "indent"},
    {"key_separator", _Py_T_OBJECT, offsetof(JsonEncoder, key_separator), Py_READONLY, "key_separator"},
    {"item_separator", _Py_T_OBJECT, offsetof(JsonEncoder, item_separator), Py_READONLY, "item_separator"},
    {"sort_keys", Py_T_BOOL, offsetof(JsonEncoder, sort_keys), Py_READONLY, "sort_keys"},
    {"skipkeys", Py_T_BOOL, offsetof(JsonEncoder, skipkeys), Py_READONLY, "skipkeys"},
    {}};
static PyType_Slot encoder_slots[] = {
    {Py_tp_doc, const_cast<char*>("Encoder(markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan)")},
    {Py_tp_dealloc, reinterpret_cast<void*>(encoder_dealloc)},
    {Py_tp_call, reinterpret_cast<void*>(encoder_call)},
    {Py_tp_traverse, reinterpret_cast<void*>(encoder_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(encoder_clear)},
    {Py_tp_members, encoder_members},
    {Py_tp_new, reinterpret_cast<void*>(encoder_new)},
    {0, nullptr}};
PyType_Spec json_encoder_spec = {"_json.Encoder", sizeof(JsonEncoder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, encoder_slots};

}  // namespace ks
