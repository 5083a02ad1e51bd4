// str.format(), str.format_map(), and the pieces of it that string.Formatter uses (module _string).
#include "object/identifier.h"
#include "object/static_types.h"
#include "text/format_spec.h"
#include "types/str.h"
#include "types/str_private.h"

namespace ks {

// A part of a str; without `text` it is absent.
struct Part {
  PyObject* text = nullptr;
  Py_ssize_t start = 0, end = 0;
  bool empty() const { return !text || start >= end; }
  PyObject* to_str() const { return text ? str_substring(text, start, end) : str_empty(); }
  PyObject* to_str_or_none() const { return text ? str_substring(text, start, end) : Py_NewRef(Py_None); }
};

// ---- reading the markup -----------------------------------------------------------------------------------------------------

struct Markup {
  Part literal;
  bool has_field = false;
  Part field_name, format_spec;
  Py_UCS4 conversion = 0;
  bool spec_has_fields = false;
};

// Walks over literal texts and fields.
struct MarkupReader {
  PyObject* text;
  Py_ssize_t at, end;

  Status read_field(Markup* markup) {
    markup->field_name = {text, at, at};
    bool bracket = false;
    Py_UCS4 c = 0;
    while (at < end) {
      c = str_char(text, at++);
      if (c == '{' && !bracket) return raise(PyExc_ValueError, "unexpected '{' in field name");
      if (c == '[') bracket = true;
      else if (c == ']') bracket = false;
      else if ((c == '}' || c == ':' || c == '!') && !bracket) break;
      c = 0;
    }
    markup->field_name.end = c ? at - 1 : at;
    if (c == '!' || c == ':') {
      if (c == '!') {
        if (at >= end) return raise(PyExc_ValueError, "end of string while looking for conversion specifier");
        markup->conversion = str_char(text, at++);
        if (at < end) {
          c = str_char(text, at++);
          if (c == '}') return Status::Ok;
          if (c != ':') return raise(PyExc_ValueError, "expected ':' after conversion specifier");
        }
      }
      markup->format_spec = {text, at, at};
      int depth = 1;
      while (at < end) {
        c = str_char(text, at);
        if (c == '{') {
          markup->spec_has_fields = true;
          ++depth;
        } else if (c == '}' && --depth == 0) {
          markup->format_spec.end = at++;
          return Status::Ok;
        }
        ++at;
      }
      return raise(PyExc_ValueError, "unmatched '{' in format spec");
    }
    if (c != '}') return raise(PyExc_ValueError, "expected '}' before end of string");
    return Status::Ok;
  }

  // Yes: a literal text and perhaps a field; No: the end.
  Found next(Markup* markup) {
    *markup = {};
    if (at >= end) return Found::No;
    const Py_ssize_t start = at;
    Py_UCS4 c = 0;
    bool stopped = false;
    while (at < end) {
      c = str_char(text, at++);
      if (c == '{' || c == '}') {
        stopped = true;
        break;
      }
    }
    Py_ssize_t stop = at;
    if (stopped) {
      const bool at_end = at >= end;
      if (c == '}' && (at_end || str_char(text, at) != '}'))
        return raise(PyExc_ValueError, "Single '}' encountered in format string");
      if (at_end) return raise(PyExc_ValueError, "Single '{' encountered in format string");
      if (str_char(text, at) == c) {
        ++at;  // a doubled brace: one belongs to the literal
      } else {
        --stop;
        markup->has_field = true;
      }
    }
    markup->literal = {text, start, stop};
    if (markup->has_field) TRY(read_field(markup));
    return Found::Yes;
  }
};

// ---- field names ----------------------------------------------------------------------------------------------------------------

// The number that the part is; -1: no number, -2: error.
static Py_ssize_t part_number(const Part& part) {
  if (part.empty()) return -1;
  Py_ssize_t value = 0;
  for (Py_ssize_t i = part.start; i < part.end; ++i) {
    const int digit = Py_UNICODE_TODECIMAL(str_char(part.text, i));
    if (digit < 0) return -1;
    if (value > (PY_SSIZE_T_MAX - digit) / 10) {
      PyErr_SetString(PyExc_ValueError, "Too many decimal digits in format string");
      return -2;
    }
    value = value * 10 + digit;
  }
  return value;
}

struct FieldStep {
  bool is_attribute = false;
  Part name;
  Py_ssize_t index = -1;
};
// The attributes and items behind a field's first name.
struct FieldReader {
  PyObject* text;
  Py_ssize_t at, end;
  Found next(FieldStep* step) {
    if (at >= end) return Found::No;
    *step = {};
    const Py_UCS4 c = str_char(text, at++);
    if (c == '.') {
      step->is_attribute = true;
      step->name = {text, at, at};
      while (at < end && str_char(text, at) != '.' && str_char(text, at) != '[') ++at;
      step->name.end = at;
    } else if (c == '[') {
      step->name = {text, at, at};
      bool closed = false;
      while (at < end) {
        if (str_char(text, at++) == ']') {
          closed = true;
          break;
        }
      }
      if (!closed) return raise(PyExc_ValueError, "Missing ']' in format string");
      step->name.end = at - 1;
      step->index = part_number(step->name);
      if (step->index == -2) return failed;
    } else {
      return raise(PyExc_ValueError, "Only '.' or '[' may follow ']' in format field specifier");
    }
    if (step->name.empty()) return raise(PyExc_ValueError, "Empty attribute in format string");
    return Found::Yes;
  }
};

// Automatic numbering: what has been seen so far.
struct AutoNumber {
  enum State { Unknown, Automatic, Manual } state = Unknown;
  Py_ssize_t next = 0;
};

static Status split_field_name(const Part& name, Part* first, Py_ssize_t* index, FieldReader* rest, AutoNumber* numbering) {
  Py_ssize_t i = name.start;
  while (i < name.end) {
    const Py_UCS4 c = str_char(name.text, i);
    if (c == '.' || c == '[') break;
    ++i;
  }
  *first = {name.text, name.start, i};
  *rest = {name.text, i, name.end};
  *index = part_number(*first);
  if (*index == -2) return failed;
  if (!numbering) return Status::Ok;
  const bool empty = first->empty();
  if (empty || *index != -1) {
    const AutoNumber::State wanted = empty ? AutoNumber::Automatic : AutoNumber::Manual;
    if (numbering->state == AutoNumber::Unknown) numbering->state = wanted;
    if (numbering->state != wanted)
      return raise(PyExc_ValueError, wanted == AutoNumber::Manual
                                         ? "cannot switch from automatic field numbering to manual field specification"
                                         : "cannot switch from manual field specification to automatic field numbering");
    if (empty) *index = numbering->next++;
  }
  return Status::Ok;
}

// ---- formatting --------------------------------------------------------------------------------------------------------------------

struct FormatArguments {
  PyObject* args;    // tuple, nullptr for format_map
  PyObject* kwargs;  // mapping or nullptr
  AutoNumber numbering;
};

static Ref<> field_value(const Part& name, FormatArguments& arguments) {
  Part first;
  Py_ssize_t index;
  FieldReader rest;
  TRY(split_field_name(name, &first, &index, &rest, &arguments.numbering));
  Ref<> value;
  if (index == -1) {
    Ref<> key = TRY(steal(first.to_str()));
    if (!arguments.kwargs) {
      PyErr_SetObject(PyExc_KeyError, key);
      return nullptr;
    }
    value = TRY(steal(PyObject_GetItem(arguments.kwargs, key)));
  } else {
    if (!arguments.args) return raise(PyExc_ValueError, "Format string contains positional fields");
    if (index >= PyTuple_GET_SIZE(arguments.args))
      return raise(PyExc_IndexError, "Replacement index %zd out of range for positional args tuple", index);
    value = borrow(PyTuple_GET_ITEM(arguments.args, index));
  }
  FieldStep step;
  while (TRY(rest.next(&step))) {
    if (!step.is_attribute && step.index != -1 && PySequence_Check(value)) {
      value = TRY(steal(PySequence_GetItem(value, step.index)));
      continue;
    }
    if (!step.is_attribute && step.index != -1) {
      Ref<> key = TRY(steal(PyLong_FromSsize_t(step.index)));
      value = TRY(steal(PyObject_GetItem(value, key)));
      continue;
    }
    Ref<> key = TRY(steal(step.name.to_str()));
    value = TRY(steal(step.is_attribute ? PyObject_GetAttr(value, key) : PyObject_GetItem(value, key)));
  }
  return value;
}

static Status build(StrBuilder& out, PyObject* text, Py_ssize_t start, Py_ssize_t end, FormatArguments& arguments, int depth);

static Status render_field(StrBuilder& out, PyObject* value, PyObject* spec) {
  if (!spec && is_exact_str(value)) return out.add(value);
  Ref<> result;
  if (is_exact_str(value)) result = str_length(spec) ? steal(format_str(value, spec)) : borrow(value);
  else if (PyLong_CheckExact(value)) result = steal(format_int(value, spec ? spec : str_empty()));
  else if (PyFloat_CheckExact(value)) result = steal(format_float(value, spec ? spec : str_empty()));
  else result = steal(PyObject_Format(value, spec ? spec : str_empty()));
  if (!result) return failed;
  return out.add(result);
}

static Status output_field(StrBuilder& out, const Markup& markup, FormatArguments& arguments, int depth) {
  Ref<> value = TRY(field_value(markup.field_name, arguments));
  switch (markup.conversion) {
    case 0: break;
    case 'r': value = TRY(steal(PyObject_Repr(value))); break;
    case 's': value = TRY(steal(PyObject_Str(value))); break;
    case 'a': value = TRY(steal(PyObject_ASCII(value))); break;
    default:
      if (markup.conversion > 32 && markup.conversion < 127)
        return raise(PyExc_ValueError, "Unknown conversion specifier %c", static_cast<int>(markup.conversion));
      return raise(PyExc_ValueError, "Unknown conversion specifier \\x%x", static_cast<unsigned>(markup.conversion));
  }
  Ref<> spec;
  if (markup.spec_has_fields) {
    StrBuilder inner;
    TRY(build(inner, markup.format_spec.text, markup.format_spec.start, markup.format_spec.end, arguments, depth - 1));
    spec = TRY(steal(inner.finish()));
  } else if (!markup.format_spec.empty()) {
    spec = TRY(steal(markup.format_spec.to_str()));
  }
  return render_field(out, value, spec);
}

static Status build(StrBuilder& out, PyObject* text, Py_ssize_t start, Py_ssize_t end, FormatArguments& arguments, int depth) {
  if (depth <= 0) return raise(PyExc_ValueError, "Max string recursion exceeded");
  MarkupReader reader{text, start, end};
  Markup markup;
  while (TRY(reader.next(&markup))) {
    if (!markup.literal.empty()) TRY(out.add_substring(text, markup.literal.start, markup.literal.end));
    if (markup.has_field) TRY(output_field(out, markup, arguments, depth));
  }
  return Status::Ok;
}

PyObject* str_format(PyObject* self, PyObject* args, PyObject* kwargs) {
  FormatArguments arguments{args, kwargs, {}};
  const Py_ssize_t length = str_length(self);
  if (str_find_char(self, '{', 0, length) < 0 && str_find_char(self, '}', 0, length) < 0) return str_exact(self);
  StrBuilder out;
  TRY(build(out, self, 0, str_length(self), arguments, 2));
  return out.finish();
}
PyObject* str_format_map(PyObject* self, PyObject* mapping) { return str_format(self, nullptr, mapping); }

// ---- the iterators of _string ------------------------------------------------------------------------------------------------------

struct FormatterIterator {
  PyObject_HEAD
  PyObject* text;
  MarkupReader reader;
};
static void formatter_iterator_dealloc(PyObject* self) {
  Py_XDECREF(as<FormatterIterator>(self)->text);
  PyObject_Free(self);
}
static PyObject* formatter_iterator_next(PyObject* self) {
  auto* it = as<FormatterIterator>(self);
  Markup markup;
  if (!TRY(it->reader.next(&markup))) return nullptr;
  Ref<> literal = TRY(steal(markup.literal.to_str()));
  Ref<> name = markup.has_field ? steal(markup.field_name.to_str()) : borrow(Py_None);
  if (!name) return nullptr;
  Ref<> spec = markup.has_field ? steal(markup.format_spec.to_str()) : borrow(Py_None);
  if (!spec) return nullptr;
  Ref<> conversion = markup.conversion ? steal(str_from_char(markup.conversion)) : borrow(Py_None);
  if (!conversion) return nullptr;
  return PyTuple_Pack(4, literal.get(), name.get(), spec.get(), conversion.get());
}

struct FieldNameIterator {
  PyObject_HEAD
  PyObject* text;
  FieldReader reader;
};
static void field_name_iterator_dealloc(PyObject* self) {
  Py_XDECREF(as<FieldNameIterator>(self)->text);
  PyObject_Free(self);
}
static PyObject* field_name_iterator_next(PyObject* self) {
  auto* it = as<FieldNameIterator>(self);
  FieldStep step;
  if (!TRY(it->reader.next(&step))) return nullptr;
  Ref<> key = TRY(steal(step.index != -1 ? PyLong_FromSsize_t(step.index) : step.name.to_str()));
  return PyTuple_Pack(2, step.is_attribute ? Py_True : Py_False, key.get());
}

// Behind _string.formatter_parser() and _string.formatter_field_name_split().
PyObject* formatter_parser(PyObject* text) {
  if (!PyUnicode_Check(text)) return raise(PyExc_TypeError, "expected str, got %s", Py_TYPE(text)->tp_name);
  auto* it = PyObject_New(FormatterIterator, &FormatterIterator_Type);
  if (!it) return nullptr;
  it->text = Py_NewRef(text);
  it->reader = {text, 0, str_length(text)};
  return object(it);
}
PyObject* formatter_field_name_split(PyObject* text) {
  if (!PyUnicode_Check(text)) return raise(PyExc_TypeError, "expected str, got %s", Py_TYPE(text)->tp_name);
  Part first;
  Py_ssize_t index;
  FieldReader rest;
  TRY(split_field_name({text, 0, str_length(text)}, &first, &index, &rest, nullptr));
  Ref<> name = TRY(steal(index != -1 ? PyLong_FromSsize_t(index) : first.to_str()));
  auto* it = PyObject_New(FieldNameIterator, &FieldNameIterator_Type);
  if (!it) return nullptr;
  it->text = Py_NewRef(text);
  it->reader = rest;
  return Py_BuildValue("(NN)", name.release(), object(it));
}

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject FormatterIterator_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "formatteriterator",
    .tp_basicsize = sizeof(FormatterIterator),
    .tp_dealloc = formatter_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = formatter_iterator_next,
};
PyTypeObject FieldNameIterator_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "fieldnameiterator",
    .tp_basicsize = sizeof(FieldNameIterator),
    .tp_dealloc = field_name_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = field_name_iterator_next,
};

}  // extern "C"
