// Template and Interpolation, the values of t-strings.
//
// A template with n interpolations has n + 1 strings, empty ones included.
#include "types/template.h"

#include <cstddef>

#include "interpreter/operations.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "object/result.h"

namespace ks {
namespace {

struct Template {
  PyObject_HEAD
  PyObject* strings;
  PyObject* interpolations;
};
struct Interpolation {
  PyObject_HEAD
  PyObject* value;
  PyObject* expression;
  PyObject* conversion;
  PyObject* format_spec;
};
struct TemplateIterator {
  PyObject_HEAD
  PyObject* strings;
  PyObject* interpolations;
  Py_ssize_t position;  // steps done: even ones are strings
};

Template* template_of(PyObject* object) { return reinterpret_cast<Template*>(object); }
Interpolation* interpolation_of(PyObject* object) { return reinterpret_cast<Interpolation*>(object); }
TemplateIterator* iterator_of(PyObject* object) { return reinterpret_cast<TemplateIterator*>(object); }
bool is_template(PyObject* object) { return Py_IS_TYPE(object, &_PyTemplate_Type); }
bool is_interpolation(PyObject* object) { return Py_IS_TYPE(object, &_PyInterpolation_Type); }

// ---- Interpolation -------------------------------------------------------------------------------------------------

PyObject* interpolation_new(PyTypeObject* type, PyObject* value, PyObject* expression, PyObject* conversion, PyObject* format) {
  auto* self = reinterpret_cast<Interpolation*>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->value = Py_NewRef(value);
  self->expression = Py_NewRef(expression);
  self->conversion = Py_NewRef(conversion);
  self->format_spec = Py_NewRef(format);
  return object(self);
}
PyObject* interpolation_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static constexpr Signature signature =
      read_signature("Interpolation", "(value, expression='', conversion=None, format_spec='')");
  PyObject* a[4];
  if (is_failure(bind_tuple(signature, args, kwargs, a))) return nullptr;
  auto [value, expression, conversion, format] = a;
  if (!expression) expression = ""_id;
  if (!conversion) conversion = Py_None;
  if (!format) format = ""_id;
  if (!PyUnicode_Check(expression)) return raise_bad_argument(signature, 1, "str", expression);
  if (conversion != Py_None) {
    if (!PyUnicode_Check(conversion)) return raise_bad_argument(signature, 2, "str", conversion);
    const Py_UCS4 letter = PyUnicode_GET_LENGTH(conversion) == 1 ? PyUnicode_READ_CHAR(conversion, 0) : 0;
    if (letter != 's' && letter != 'a' && letter != 'r')
      return raise(PyExc_ValueError, "Interpolation() argument 'conversion' must be one of 's', 'a' or 'r'");
  }
  if (!PyUnicode_Check(format)) return raise_bad_argument(signature, 3, "str", format);
  return interpolation_new(type, value, expression, conversion, format);
}
void interpolation_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Interpolation* i = interpolation_of(self);
  Py_CLEAR(i->value);
  Py_CLEAR(i->expression);
  Py_CLEAR(i->conversion);
  Py_CLEAR(i->format_spec);
  Py_TYPE(self)->tp_free(self);
}
int interpolation_traverse(PyObject* self, visitproc visit, void* arg) {
  Interpolation* i = interpolation_of(self);
  Py_VISIT(i->value);
  Py_VISIT(i->expression);
  Py_VISIT(i->conversion);
  Py_VISIT(i->format_spec);
  return 0;
}
PyObject* interpolation_repr(PyObject* self) {
  Interpolation* i = interpolation_of(self);
  return PyUnicode_FromFormat("Interpolation(%R, %R, %R, %R)", i->value, i->expression, i->conversion, i->format_spec);
}
PyObject* interpolation_reduce(PyObject* self, PyObject*) {
  Interpolation* i = interpolation_of(self);
  return Py_BuildValue("(O(OOOO))", Py_TYPE(self), i->value, i->expression, i->conversion, i->format_spec);
}

PyMethodDef interpolation_methods[] = {
    {"__reduce__", interpolation_reduce, METH_NOARGS, "__reduce__() -> (cls, state)"},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "Interpolations are generic over the types of their values"},
    {},
};
PyMemberDef interpolation_members[] = {
    {"value", _Py_T_OBJECT, offsetof(Interpolation, value), Py_READONLY, "Value"},
    {"expression", _Py_T_OBJECT, offsetof(Interpolation, expression), Py_READONLY, "Expression"},
    {"conversion", _Py_T_OBJECT, offsetof(Interpolation, conversion), Py_READONLY, "Conversion"},
    {"format_spec", _Py_T_OBJECT, offsetof(Interpolation, format_spec), Py_READONLY, "Format specifier"},
    {},
};

// ---- Template ------------------------------------------------------------------------------------------------------

PyObject* template_new(PyTypeObject* type, PyObject* strings, PyObject* interpolations) {
  auto* self = reinterpret_cast<Template*>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->strings = Py_NewRef(strings);
  self->interpolations = Py_NewRef(interpolations);
  return object(self);
}

// Any sequence of str and Interpolation: neighbouring strings are joined, missing ones become empty.
PyObject* template_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "Template.__new__ only accepts *args arguments");
  Ref<> strings = TRY(steal(PyList_New(0)));
  Ref<> interpolations = TRY(steal(PyList_New(0)));
  bool last_was_string = false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
    PyObject* item = PyTuple_GET_ITEM(args, i);
    if (PyUnicode_Check(item)) {
      if (last_was_string) {
        const Py_ssize_t last = PyList_GET_SIZE(strings.get()) - 1;
        PyObject* joined = TRY(PyUnicode_Concat(PyList_GET_ITEM(strings.get(), last), item));
        TRY(PyList_SetItem(strings, last, joined));
      } else {
        TRY(PyList_Append(strings, item));
      }
      last_was_string = true;
    } else if (is_interpolation(item)) {
      if (!last_was_string) TRY(PyList_Append(strings, ""_id));
      TRY(PyList_Append(interpolations, item));
      last_was_string = false;
    } else {
      return raise(PyExc_TypeError, "Template.__new__ *args need to be of type 'str' or 'Interpolation', got %T", item);
    }
  }
  if (!last_was_string) TRY(PyList_Append(strings, ""_id));
  Ref<> string_tuple = TRY(steal(PyList_AsTuple(strings)));
  Ref<> interpolation_tuple = TRY(steal(PyList_AsTuple(interpolations)));
  return template_new(type, string_tuple, interpolation_tuple);
}
void template_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(template_of(self)->strings);
  Py_CLEAR(template_of(self)->interpolations);
  Py_TYPE(self)->tp_free(self);
}
int template_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(template_of(self)->strings);
  Py_VISIT(template_of(self)->interpolations);
  return 0;
}
PyObject* template_repr(PyObject* self) {
  return PyUnicode_FromFormat("Template(strings=%R, interpolations=%R)", template_of(self)->strings, template_of(self)->interpolations);
}
PyObject* template_concat(PyObject* left, PyObject* right) {
  if (!is_template(left) || !is_template(right))
    return raise(PyExc_TypeError, "can only concatenate string.templatelib.Template (not \"%T\") to string.templatelib.Template",
                 is_template(left) ? right : left);
  PyObject *a = template_of(left)->strings, *b = template_of(right)->strings;
  const Py_ssize_t count_a = PyTuple_GET_SIZE(a), count_b = PyTuple_GET_SIZE(b);
  Ref<> strings = TRY(steal(PyTuple_New(count_a + count_b - 1)));
  for (Py_ssize_t i = 0; i < count_a - 1; ++i) PyTuple_SET_ITEM(strings.get(), i, Py_NewRef(PyTuple_GET_ITEM(a, i)));
  PyObject* middle = TRY(PyUnicode_Concat(PyTuple_GET_ITEM(a, count_a - 1), PyTuple_GET_ITEM(b, 0)));
  PyTuple_SET_ITEM(strings.get(), count_a - 1, middle);
  for (Py_ssize_t i = 1; i < count_b; ++i) PyTuple_SET_ITEM(strings.get(), count_a + i - 1, Py_NewRef(PyTuple_GET_ITEM(b, i)));
  Ref<> interpolations = TRY(steal(PySequence_Concat(template_of(left)->interpolations, template_of(right)->interpolations)));
  return template_new(&_PyTemplate_Type, strings, interpolations);
}
PyObject* template_values(PyObject* self, void*) {
  PyObject* interpolations = template_of(self)->interpolations;
  const Py_ssize_t count = PyTuple_GET_SIZE(interpolations);
  Ref<> values = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i)
    PyTuple_SET_ITEM(values.get(), i, Py_NewRef(interpolation_of(PyTuple_GET_ITEM(interpolations, i))->value));
  return values.release();
}
PyObject* template_reduce(PyObject* self, PyObject*) {
  Ref<> module = TRY(steal(PyImport_ImportModule("string.templatelib")));
  Ref<> function = TRY(steal(PyObject_GetAttrString(module, "_template_unpickle")));
  return Py_BuildValue("O(OO)", function.get(), template_of(self)->strings, template_of(self)->interpolations);
}
PyObject* template_iter(PyObject* self) {
  auto* iterator = reinterpret_cast<TemplateIterator*>(_PyTemplateIter_Type.tp_alloc(&_PyTemplateIter_Type, 0));
  if (!iterator) return nullptr;
  iterator->strings = Py_NewRef(template_of(self)->strings);
  iterator->interpolations = Py_NewRef(template_of(self)->interpolations);
  iterator->position = 0;
  return object(iterator);
}

PyMethodDef template_methods[] = {
    {"__reduce__", template_reduce, METH_NOARGS, nullptr},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "Template supports [] for generic usage"},
    {},
};
PyMemberDef template_members[] = {
    {"strings", _Py_T_OBJECT, offsetof(Template, strings), Py_READONLY, "Strings"},
    {"interpolations", _Py_T_OBJECT, offsetof(Template, interpolations), Py_READONLY, "Interpolations"},
    {},
};
PyGetSetDef template_getsets[] = {{"values", template_values, nullptr, "Values of interpolations", nullptr}, {}};
PySequenceMethods template_sequence = {.sq_concat = template_concat};

// Strings and interpolations alternately; empty strings are left out.
PyObject* iterator_next(PyObject* self) {
  TemplateIterator* it = iterator_of(self);
  while (true) {
    const Py_ssize_t index = it->position / 2;
    if (it->position % 2 == 0) {
      if (index >= PyTuple_GET_SIZE(it->strings)) return nullptr;
      ++it->position;
      PyObject* text = PyTuple_GET_ITEM(it->strings, index);
      if (PyUnicode_GET_LENGTH(text)) return Py_NewRef(text);
    } else {
      if (index >= PyTuple_GET_SIZE(it->interpolations)) return nullptr;
      ++it->position;
      return Py_NewRef(PyTuple_GET_ITEM(it->interpolations, index));
    }
  }
}
void iterator_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(iterator_of(self)->strings);
  Py_CLEAR(iterator_of(self)->interpolations);
  Py_TYPE(self)->tp_free(self);
}
int iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(iterator_of(self)->strings);
  Py_VISIT(iterator_of(self)->interpolations);
  return 0;
}

}  // namespace

PyObject* template_build(PyObject* strings, PyObject* interpolations) {
  return template_new(&_PyTemplate_Type, strings, interpolations);
}
PyObject* interpolation_build(PyObject* value, PyObject* expression, int conversion, PyObject* format) {
  PyObject* letter;
  switch (conversion) {
    case 0: letter = Py_None; break;
    case 1: letter = "s"_id; break;
    case 2: letter = "r"_id; break;
    case 3: letter = "a"_id; break;
    default: return raise(PyExc_SystemError, "Interpolation() argument 'conversion' must be one of 's', 'a' or 'r'");
  }
  return interpolation_new(&_PyInterpolation_Type, value, expression, letter, format ? format : ""_id);
}
Status template_types_start() {
  Ref<> names = TRY(steal(Py_BuildValue("(ssss)", "value", "expression", "conversion", "format_spec")));
  Ref<> dict = steal(PyType_GetDict(&_PyInterpolation_Type));
  TRY(PyDict_SetItemString(dict, "__match_args__", names));
  PyType_Modified(&_PyInterpolation_Type);
  return Status::Ok;
}

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject _PyTemplate_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "string.templatelib.Template",
    .tp_basicsize = sizeof(Template),
    .tp_dealloc = template_dealloc,
    .tp_repr = template_repr,
    .tp_as_sequence = &template_sequence,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Template object",
    .tp_traverse = template_traverse,
    .tp_iter = template_iter,
    .tp_methods = template_methods,
    .tp_members = template_members,
    .tp_getset = template_getsets,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = template_tp_new,
    .tp_free = PyObject_GC_Del,
};
PyTypeObject _PyTemplateIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "string.templatelib.TemplateIter",
    .tp_basicsize = sizeof(TemplateIterator),
    .tp_dealloc = iterator_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "Template iterator object",
    .tp_traverse = iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = iterator_next,
    .tp_alloc = PyType_GenericAlloc,
    .tp_free = PyObject_GC_Del,
};
PyTypeObject _PyInterpolation_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "string.templatelib.Interpolation",
    .tp_basicsize = sizeof(Interpolation),
    .tp_dealloc = interpolation_dealloc,
    .tp_repr = interpolation_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Interpolation object",
    .tp_traverse = interpolation_traverse,
    .tp_methods = interpolation_methods,
    .tp_members = interpolation_members,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = interpolation_tp_new,
    .tp_free = PyObject_GC_Del,
};

KS_EXPORT PyObject* _PyTemplate_Build(PyObject* strings, PyObject* interpolations) { return template_build(strings, interpolations); }
KS_EXPORT PyObject* _PyInterpolation_Build(PyObject* value, PyObject* expression, int conversion, PyObject* format) {
  return interpolation_build(value, expression, conversion, format);
}

}  // extern "C"
