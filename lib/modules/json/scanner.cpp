// Reading JSON: json.decoder's scanner.
#include <structmember.h>

#include "modules/json/json.h"
#include "types/float.h"
#include "types/int.h"

namespace ks {

struct JsonScanner {
  PyObject_HEAD
  char strict;
  PyObject *object_hook, *object_pairs_hook, *parse_float, *parse_int, *parse_constant;
};

// JSONDecodeError(message, text, place)
static Failed raise_decode_error(const char* message, PyObject* text, Py_ssize_t at) {
  Ref<> type = steal(PyImport_ImportModuleAttrString("json.decoder", "JSONDecodeError"));
  if (!type) return failed;
  Ref<> error = steal(PyObject_CallFunction(type, "sOn", message, text, at));
  if (error) PyErr_SetObject(type, error);
  return failed;
}
static Failed raise_stop(Py_ssize_t at) {
  Ref<> value = steal(PyLong_FromSsize_t(at));
  if (value) PyErr_SetObject(PyExc_StopIteration, value);
  return failed;
}

static int hex_value(Py_UCS4 c) {
  return c >= '0' && c <= '9'   ? static_cast<int>(c - '0')
         : c >= 'a' && c <= 'f' ? static_cast<int>(c - 'a' + 10)
         : c >= 'A' && c <= 'F' ? static_cast<int>(c - 'A' + 10)
                                : -1;
}

// A text being read, in characters of type T.
template <class T>
struct JsonReader {
  JsonScanner* scanner;  // nullptr for a lone string
  PyObject* text;
  const T* data;
  Py_ssize_t length;
  bool ascii;
  PyObject* memo = nullptr;  // keys that have been seen

  PyObject* part(Py_ssize_t start, Py_ssize_t end) const {
    if constexpr (sizeof(T) == 1) {
      if (ascii) return str_from_ascii(reinterpret_cast<const char*>(data) + start, end - start);
      return str_from_latin1(data + start, end - start);
    } else if constexpr (sizeof(T) == 2) {
      return str_from_ucs2(data + start, end - start);
    } else {
      return str_from_ucs4(data + start, end - start);
    }
  }

  void skip_space(Py_ssize_t& at) const {
    while (at < length && (data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r')) ++at;
  }
  bool is(Py_ssize_t at, const char* word) const {
    for (; *word; ++word, ++at)
      if (at >= length || data[at] != static_cast<unsigned char>(*word)) return false;
    return true;
  }

  // Four hexadecimal digits at the place, or -1 with an exception.
  int escape_unit(Py_ssize_t& at) const {
    const Py_ssize_t start = at - 1;
    int unit = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      const int digit = at < length ? hex_value(data[at]) : -1;
      if (digit < 0) return raise_decode_error("Invalid \\uXXXX escape", text, start);
      unit = unit << 4 | digit;
    }
    return unit;
  }

  PyObject* string(Py_ssize_t at, bool strict, Py_ssize_t* end) const {
    const Py_ssize_t begin = at - 1;
    if (at < 0 || at > length) return raise(PyExc_ValueError, "end is out of bounds");
    Py_ssize_t stop = at;
    Py_UCS4 c = 0;
    auto run = [&] {  // up to a quote, a backslash or (strict) a control character
      for (; stop < length; ++stop) {
        c = data[stop];
        if (c == '"' || c == '\\' || (c <= 0x1f && strict)) return;
      }
      c = 0;
    };
    run();
    if (stop < length && c == '"') {
      *end = stop + 1;
      return part(at, stop);
    }
    StrBuilder out;
    for (;;) {
      if (stop >= length) return raise_decode_error("Unterminated string starting at", text, begin);
      if (stop > at) TRY(out.add_chars(sizeof(T), data + at, stop - at, ascii));
      if (c == '"') break;
      if (c != '\\') return raise_decode_error("Invalid control character at", text, stop);
      at = stop + 1;
      if (at >= length) return raise_decode_error("Unterminated string starting at", text, begin);
      c = data[at];
      if (c != 'u') {
        switch (c) {
          case '"': case '\\': case '/': break;
          case 'b': c = '\b'; break;
          case 'f': c = '\f'; break;
          case 'n': c = '\n'; break;
          case 'r': c = '\r'; break;
          case 't': c = '\t'; break;
          default: return raise_decode_error("Invalid \\escape", text, at - 1);
        }
        ++at;
      } else {
        ++at;
        if (length - at < 4) return raise_decode_error("Invalid \\uXXXX escape", text, at - 1);
        const int unit = escape_unit(at);
        if (unit < 0) return nullptr;
        c = static_cast<Py_UCS4>(unit);
        if (Py_UNICODE_IS_HIGH_SURROGATE(c) && at + 6 <= length && data[at] == '\\' && data[at + 1] == 'u') {
          Py_ssize_t second = at + 2;
          const int low = escape_unit(second);
          if (low < 0) return nullptr;
          if (Py_UNICODE_IS_LOW_SURROGATE(static_cast<Py_UCS4>(low))) {
            c = Py_UNICODE_JOIN_SURROGATES(c, static_cast<Py_UCS4>(low));
            at = second;
          }
        }
      }
      TRY(out.add_char(c));
      stop = at;
      run();
    }
    *end = stop + 1;
    return out.finish();
  }

  PyObject* constant(const char* name, Py_ssize_t at, Py_ssize_t* end) const {
    *end = at + static_cast<Py_ssize_t>(strlen(name));
    Ref<> word = TRY(steal(PyUnicode_InternFromString(name)));
    return PyObject_CallOneArg(scanner->parse_constant, word);
  }

  PyObject* number(Py_ssize_t start, Py_ssize_t* end) const {
    auto digit = [&](Py_ssize_t i) { return i < length && data[i] >= '0' && data[i] <= '9'; };
    Py_ssize_t at = start;
    if (data[at] == '-') ++at;
    if (!digit(at)) return raise_stop(start);
    if (data[at] == '0') ++at;
    else
      while (digit(at)) ++at;
    bool floating = false;
    if (at < length && data[at] == '.' && digit(at + 1)) {
      floating = true;
      at += 2;
      while (digit(at)) ++at;
    }
    if (at < length && (data[at] == 'e' || data[at] == 'E')) {
      Py_ssize_t exponent = at + 1;
      if (exponent < length && (data[exponent] == '-' || data[exponent] == '+')) ++exponent;
      if (digit(exponent)) {
        floating = true;
        while (digit(exponent)) ++exponent;
        at = exponent;
      }
    }
    *end = at;
    PyObject* custom = floating ? scanner->parse_float : scanner->parse_int;
    if (custom != reinterpret_cast<PyObject*>(floating ? &PyFloat_Type : &PyLong_Type)) {
      Ref<> word = TRY(steal(part(start, at)));
      return PyObject_CallOneArg(custom, word);
    }
    const Py_ssize_t size = at - start;
    if (!floating && size < 18) {
      int64_t value = 0;
      const bool negative = data[start] == '-';
      for (Py_ssize_t i = start + negative; i < at; ++i) value = value * 10 + static_cast<int64_t>(data[i] - '0');
      return int_from_int64(negative ? -value : value);
    }
    char small[64];
    char* word = size < static_cast<Py_ssize_t>(sizeof small) ? small : static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size) + 1));
    if (!word) return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < size; ++i) word[i] = static_cast<char>(data[start + i]);
    word[size] = 0;
    PyObject* result;
    if (floating) {
      const char* stop;
      result = float_new(float_parse(word, word + size, &stop));
    } else {
      result = PyLong_FromString(word, nullptr, 10);
    }
    if (word != small) PyMem_Free(word);
    return result;
  }

  PyObject* object(Py_ssize_t at, Py_ssize_t* end) {
    const bool pairs = scanner->object_pairs_hook != Py_None;
    Ref<> result = TRY(steal(pairs ? PyList_New(0) : PyDict_New()));
    skip_space(at);
    if (at >= length || data[at] != '}') {
      for (;;) {
        if (at >= length || data[at] != '"')
          return raise_decode_error("Expecting property name enclosed in double quotes", text, at);
        Ref<> key = TRY(steal(string(at + 1, scanner->strict, &at)));
        Ref<> shared;
        if (PyDict_SetDefaultRef(memo, key, key, shared.out()) < 0) return nullptr;
        skip_space(at);
        if (at >= length || data[at] != ':') return raise_decode_error("Expecting ':' delimiter", text, at);
        ++at;
        skip_space(at);
        Ref<> value = TRY(steal(once(at, &at)));
        if (pairs) {
          Ref<> item = TRY(steal(PyTuple_Pack(2, shared.get(), value.get())));
          if (PyList_Append(result, item) < 0) return nullptr;
        } else if (PyDict_SetItem(result, shared, value) < 0) {
          return nullptr;
        }
        skip_space(at);
        if (at < length && data[at] == '}') break;
        if (at >= length || data[at] != ',') return raise_decode_error("Expecting ',' delimiter", text, at);
        const Py_ssize_t comma = at++;
        skip_space(at);
        if (at < length && data[at] == '}') return raise_decode_error("Illegal trailing comma before end of object", text, comma);
      }
    }
    *end = at + 1;
    if (pairs) return PyObject_CallOneArg(scanner->object_pairs_hook, result);
    if (scanner->object_hook != Py_None) return PyObject_CallOneArg(scanner->object_hook, result);
    return result.release();
  }

  PyObject* array(Py_ssize_t at, Py_ssize_t* end) {
    Ref<> result = TRY(steal(PyList_New(0)));
    skip_space(at);
    if (at >= length || data[at] != ']') {
      for (;;) {
        Ref<> value = TRY(steal(once(at, &at)));
        if (PyList_Append(result, value) < 0) return nullptr;
        skip_space(at);
        if (at < length && data[at] == ']') break;
        if (at >= length || data[at] != ',') return raise_decode_error("Expecting ',' delimiter", text, at);
        const Py_ssize_t comma = at++;
        skip_space(at);
        if (at < length && data[at] == ']') return raise_decode_error("Illegal trailing comma before end of array", text, comma);
      }
    }
    *end = at + 1;
    return result.release();
  }

  // One value; StopIteration(place) when there is none.
  PyObject* once(Py_ssize_t at, Py_ssize_t* end) {
    if (at < 0) return raise(PyExc_ValueError, "idx cannot be negative");
    if (at >= length) return raise_stop(at);
    PyObject* result;
    switch (data[at]) {
      case '"': return string(at + 1, scanner->strict, end);
      case '{':
        if (Py_EnterRecursiveCall(" while decoding a JSON object from a unicode string")) return nullptr;
        result = object(at + 1, end);
        Py_LeaveRecursiveCall();
        return result;
      case '[':
        if (Py_EnterRecursiveCall(" while decoding a JSON array from a unicode string")) return nullptr;
        result = array(at + 1, end);
        Py_LeaveRecursiveCall();
        return result;
      case 'n': if (is(at, "null")) return *end = at + 4, Py_NewRef(Py_None); break;
      case 't': if (is(at, "true")) return *end = at + 4, Py_NewRef(Py_True); break;
      case 'f': if (is(at, "false")) return *end = at + 5, Py_NewRef(Py_False); break;
      case 'N': if (is(at, "NaN")) return constant("NaN", at, end); break;
      case 'I': if (is(at, "Infinity")) return constant("Infinity", at, end); break;
      case '-': if (is(at, "-Infinity")) return constant("-Infinity", at, end); break;
    }
    return number(at, end);
  }
};

PyObject* json_scan_string(PyObject* text, Py_ssize_t at, bool strict, Py_ssize_t* end) {
  return str_visit(text, [&](auto chars) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(chars.data)>>;
    return JsonReader<T>{nullptr, text, chars.data, chars.size, str_is_ascii(text)}.string(at, strict, end);
  });
}

static PyObject* scanner_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* text;
  Py_ssize_t at;
  static const char* const names[] = {"string", "idx", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "On:scan_once", const_cast<char**>(names), &text, &at)) return nullptr;
  if (!PyUnicode_Check(text)) return raise(PyExc_TypeError, "first argument must be a string, not %.80s", Py_TYPE(text)->tp_name);
  Ref<> memo = TRY(steal(PyDict_New()));
  Py_ssize_t end = -1;
  PyObject* result = str_visit(text, [&](auto chars) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(chars.data)>>;
    return JsonReader<T>{as<JsonScanner>(self), text, chars.data, chars.size, str_is_ascii(text), memo}.once(at, &end);
  });
  return result ? Py_BuildValue("(Nn)", result, end) : nullptr;
}

static PyObject* scanner_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* context;
  static const char* const names[] = {"context", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:make_scanner", const_cast<char**>(names), &context)) return nullptr;
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  auto* scanner = as<JsonScanner>(self.get());
  Ref<> strict = TRY(steal(PyObject_GetAttrString(context, "strict")));
  const int is_strict = PyObject_IsTrue(strict);
  if (is_strict < 0) return nullptr;
  scanner->strict = static_cast<char>(is_strict);
  if (!(scanner->object_hook = PyObject_GetAttrString(context, "object_hook")) ||
      !(scanner->object_pairs_hook = PyObject_GetAttrString(context, "object_pairs_hook")) ||
      !(scanner->parse_float = PyObject_GetAttrString(context, "parse_float")) ||
      !(scanner->parse_int = PyObject_GetAttrString(context, "parse_int")) ||
      !(scanner->parse_constant = PyObject_GetAttrString(context, "parse_constant")))
    return nullptr;
  return self.release();
}
static int scanner_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* s = as<JsonScanner>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(s->object_hook);
  Py_VISIT(s->object_pairs_hook);
  Py_VISIT(s->parse_float);
  Py_VISIT(s->parse_int);
  Py_VISIT(s->parse_constant);
  return 0;
}
static int scanner_clear(PyObject* self) {
  auto* s = as<JsonScanner>(self);
  Py_CLEAR(s->object_hook);
  Py_CLEAR(s->object_pairs_hook);
  Py_CLEAR(s->parse_float);
  Py_CLEAR(s->parse_int);
  Py_CLEAR(s->parse_constant);
  return 0;
}
static void scanner_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  scanner_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyMemberDef scanner_members[] = {
    {"strict", Py_T_BOOL, offsetof(JsonScanner, strict), Py_READONLY, "strict"},
    {"object_hook", _Py_T_OBJECT, offsetof(JsonScanner, object_hook), Py_READONLY, "object_hook"},
    {"object_pairs_hook", _Py_T_OBJECT, offsetof(JsonScanner, object_pairs_hook), Py_READONLY, nullptr},
    {"parse_float", _Py_T_OBJECT, offsetof(JsonScanner, parse_float), Py_READONLY, "parse_float"},
    {"parse_int", _Py_T_OBJECT, offsetof(JsonScanner, parse_int), Py_READONLY, "parse_int"},
    {"parse_constant", _Py_T_OBJECT, offsetof(JsonScanner, parse_constant), Py_READONLY, "parse_constant"},
    {}};
static PyType_Slot scanner_slots[] = {{Py_tp_doc, const_cast<char*>("JSON scanner object")},
                                      {Py_tp_dealloc, reinterpret_cast<void*>(scanner_dealloc)},
                                      {Py_tp_call, reinterpret_cast<void*>(scanner_call)},
                                      {Py_tp_traverse, reinterpret_cast<void*>(scanner_traverse)},
                                      {Py_tp_clear, reinterpret_cast<void*>(scanner_clear)},
                                      {Py_tp_members, scanner_members},
                                      {Py_tp_new, reinterpret_cast<void*>(scanner_new)},
                                      {0, nullptr}};
PyType_Spec json_scanner_spec = {"_json.Scanner", sizeof(JsonScanner), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, scanner_slots};

}  // namespace ks
