// Dialects of CSV.
#include <structmember.h>

#include "modules/csv/csv.h"

namespace ks {

static Status set_bool(const char*, char* target, PyObject* source, bool fallback) {
  if (!source) {
    *target = fallback;
    return Status::Ok;
  }
  const int truth = PyObject_IsTrue(source);
  if (truth < 0) return failed;
  *target = static_cast<char>(truth);
  return Status::Ok;
}
static Status set_char(const char* name, Py_UCS4* target, PyObject* source, Py_UCS4 fallback, bool none_allowed) {
  if (!source) {
    *target = fallback;
    return Status::Ok;
  }
  const char* or_none = none_allowed ? " or None" : "";
  if (none_allowed && source == Py_None) {
    *target = kNotSet;
    return Status::Ok;
  }
  if (!PyUnicode_Check(source))
    return raise(PyExc_TypeError, "\"%s\" must be a unicode character%s, not %T", name, or_none, source);
  if (str_length(source) != 1)
    return raise(PyExc_TypeError, "\"%s\" must be a unicode character%s, not a string of length %zd", name, or_none, str_length(source));
  *target = str_char(source, 0);
  return Status::Ok;
}

static Status check_char(const char* name, Py_UCS4 c, const CsvDialect* dialect, bool space_allowed) {
  if (c == '\r' || c == '\n' || (c == ' ' && !space_allowed)) return raise(PyExc_ValueError, "bad %s value", name);
  if (c != kNotSet && str_find_char(dialect->lineterminator, c, 0, PY_SSIZE_T_MAX) >= 0)
    return raise(PyExc_ValueError, "bad %s or lineterminator value", name);
  return Status::Ok;
}
static Status check_differ(const char* first, const char* second, Py_UCS4 a, Py_UCS4 b) {
  if (a == b && a != kNotSet) return raise(PyExc_ValueError, "bad %s or %s value", first, second);
  return Status::Ok;
}

static PyObject* dialect_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  enum { kDialect, kDelimiter, kDoublequote, kEscapechar, kLineterminator, kQuotechar, kQuoting, kSkipinitialspace, kStrict, kCount };
  static const char* const names[] = {"dialect",   "delimiter", "doublequote",      "escapechar", "lineterminator",
                                      "quotechar", "quoting",   "skipinitialspace", "strict",     nullptr};
  PyObject* given[kCount] = {};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOOOOOOO", const_cast<char**>(names), &given[0], &given[1], &given[2], &given[3],
                                   &given[4], &given[5], &given[6], &given[7], &given[8]))
    return nullptr;
  CsvState* state = TRY(csv_state_of_type(type));
  Ref<> base;
  if (given[kDialect] && given[kDialect] != Py_None) {
    base = PyUnicode_Check(given[kDialect]) ? csv_dialect_by_name(state, given[kDialect]) : borrow(given[kDialect]);
    if (!base) return nullptr;
    // An instance without changes is as good as a copy.
    bool changes = false;
    for (int i = kDelimiter; i < kCount; ++i) changes |= given[i] != nullptr;
    if (PyObject_TypeCheck(base.get(), state->dialect_type) && !changes) return base.release();
  }
  Ref<> options[kCount];
  for (int i = kDelimiter; i < kCount; ++i) {
    if (given[i]) {
      options[i] = borrow(given[i]);
    } else if (base) {
      options[i] = steal(PyObject_GetAttrString(base, names[i]));
      if (!options[i]) PyErr_Clear();
    }
  }
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  auto* dialect = as<CsvDialect>(self.get());
  TRY(set_char("delimiter", &dialect->delimiter, options[kDelimiter].get(), ',', false));
  TRY(set_bool("doublequote", &dialect->doublequote, options[kDoublequote].get(), true));
  TRY(set_char("escapechar", &dialect->escapechar, options[kEscapechar].get(), kNotSet, true));
  if (options[kLineterminator]) {
    if (!PyUnicode_Check(options[kLineterminator].get()))
      return raise(PyExc_TypeError, "\"lineterminator\" must be a string, not %T", options[kLineterminator].get());
    dialect->lineterminator = options[kLineterminator].share().release();
  } else {
    dialect->lineterminator = TRY(PyUnicode_FromString("\r\n"));
  }
  TRY(set_char("quotechar", &dialect->quotechar, options[kQuotechar].get(), '"', true));
  dialect->quoting = kQuoteMinimal;
  if (PyObject* quoting = options[kQuoting].get()) {
    if (!PyLong_CheckExact(quoting)) return raise(PyExc_TypeError, "\"quoting\" must be an integer, not %T", quoting);
    dialect->quoting = PyLong_AsInt(quoting);
    if (dialect->quoting == -1 && PyErr_Occurred()) return nullptr;
  } else if (options[kQuotechar] && options[kQuotechar].get() == Py_None) {
    dialect->quoting = kQuoteNone;
  }
  TRY(set_bool("skipinitialspace", &dialect->skipinitialspace, options[kSkipinitialspace].get(), false));
  TRY(set_bool("strict", &dialect->strict, options[kStrict].get(), false));
  if (dialect->quoting < 0 || dialect->quoting > kQuoteNotNull) return raise(PyExc_TypeError, "bad \"quoting\" value");
  if (dialect->quoting != kQuoteNone && dialect->quotechar == kNotSet)
    return raise(PyExc_TypeError, "quotechar must be set if quoting enabled");
  TRY(check_char("delimiter", dialect->delimiter, dialect, true));
  TRY(check_char("escapechar", dialect->escapechar, dialect, !dialect->skipinitialspace));
  TRY(check_char("quotechar", dialect->quotechar, dialect, !dialect->skipinitialspace));
  TRY(check_differ("delimiter", "escapechar", dialect->delimiter, dialect->escapechar));
  TRY(check_differ("delimiter", "quotechar", dialect->delimiter, dialect->quotechar));
  TRY(check_differ("escapechar", "quotechar", dialect->escapechar, dialect->quotechar));
  return self.release();
}

static void dialect_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(as<CsvDialect>(self)->lineterminator);
  type->tp_free(self);
  Py_DECREF(type);
}
static int dialect_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as<CsvDialect>(self)->lineterminator);
  return 0;
}

static PyObject* char_or_none(Py_UCS4 c) { return c == kNotSet ? Py_NewRef(Py_None) : str_from_char(c); }
static PyObject* get_delimiter(PyObject* self, void*) { return char_or_none(as<CsvDialect>(self)->delimiter); }
static PyObject* get_escapechar(PyObject* self, void*) { return char_or_none(as<CsvDialect>(self)->escapechar); }
static PyObject* get_quotechar(PyObject* self, void*) { return char_or_none(as<CsvDialect>(self)->quotechar); }
static PyObject* get_lineterminator(PyObject* self, void*) { return Py_XNewRef(as<CsvDialect>(self)->lineterminator); }
static PyObject* get_quoting(PyObject* self, void*) { return PyLong_FromLong(as<CsvDialect>(self)->quoting); }
static PyGetSetDef dialect_attributes[] = {{"delimiter", get_delimiter, nullptr, nullptr, nullptr},
                                           {"escapechar", get_escapechar, nullptr, nullptr, nullptr},
                                           {"lineterminator", get_lineterminator, nullptr, nullptr, nullptr},
                                           {"quotechar", get_quotechar, nullptr, nullptr, nullptr},
                                           {"quoting", get_quoting, nullptr, nullptr, nullptr},
                                           {}};
static PyMemberDef dialect_members[] = {
    {"skipinitialspace", Py_T_BOOL, offsetof(CsvDialect, skipinitialspace), Py_READONLY, nullptr},
    {"doublequote", Py_T_BOOL, offsetof(CsvDialect, doublequote), Py_READONLY, nullptr},
    {"strict", Py_T_BOOL, offsetof(CsvDialect, strict), Py_READONLY, nullptr},
    {}};
static PyObject* dialect_reduce(PyObject* self, PyObject*) {
  return raise(PyExc_TypeError, "cannot pickle '%.100s' instances", Py_TYPE(self)->tp_name);
}
static PyMethodDef dialect_methods[] = {{"__reduce__", dialect_reduce, METH_NOARGS, "Raises an exception: dialects cannot be pickled."},
                                        {"__reduce_ex__", dialect_reduce, METH_VARARGS, "Raises an exception: dialects cannot be pickled."},
                                        {}};
static PyType_Slot dialect_slots[] = {{Py_tp_doc, const_cast<char*>("CSV dialect: how CSV is read and written.")},
                                      {Py_tp_members, dialect_members},
                                      {Py_tp_getset, dialect_attributes},
                                      {Py_tp_methods, dialect_methods},
                                      {Py_tp_new, reinterpret_cast<void*>(dialect_new)},
                                      {Py_tp_dealloc, reinterpret_cast<void*>(dialect_dealloc)},
                                      {Py_tp_traverse, reinterpret_cast<void*>(dialect_traverse)},
                                      {0, nullptr}};
PyType_Spec csv_dialect_spec = {"_csv.Dialect", sizeof(CsvDialect), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, dialect_slots};

Ref<> csv_make_dialect(CsvState* state, PyObject* dialect, PyObject* options) {
  PyObject* arguments[2] = {nullptr, dialect};
  return steal(PyObject_VectorcallDict(reinterpret_cast<PyObject*>(state->dialect_type), arguments + 1,
                                       (dialect ? 1 : 0) | PY_VECTORCALL_ARGUMENTS_OFFSET, options));
}
Ref<> csv_dialect_by_name(CsvState* state, PyObject* name) {
  Ref<> dialect;
  if (PyDict_GetItemRef(state->dialects, name, dialect.out()) < 0) return nullptr;
  if (!dialect) return raise(state->error, "unknown dialect");
  return dialect;
}

}  // namespace ks
