// Writing CSV.
#include <structmember.h>

#include "modules/csv/csv.h"

namespace ks {

struct CsvWriter {
  PyObject_HEAD
  PyObject* write;  // the file's method
  PyObject* dialect;
};

// One field; `text` nullptr: empty.
static Status write_field(CsvState* module, const CsvDialect* dialect, StrBuilder& out, PyObject* text, bool is_none, bool quoted) {
  StrBuilder content;
  const Py_ssize_t length = text ? str_length(text) : 0;
  for (Py_ssize_t i = 0; i < length; ++i) {
    const Py_UCS4 c = str_char(text, i);
    bool escape = false;
    if (c == dialect->delimiter || c == dialect->escapechar || c == dialect->quotechar || c == '\n' || c == '\r' ||
        str_find_char(dialect->lineterminator, c, 0, PY_SSIZE_T_MAX) >= 0) {
      if (dialect->quoting == kQuoteNone) {
        escape = true;
      } else {
        if (c == dialect->quotechar) {
          if (dialect->doublequote) TRY(content.add_char(dialect->quotechar));
          else escape = true;
        } else if (c == dialect->escapechar) {
          escape = true;
        }
        if (!escape) quoted = true;
      }
      if (escape) {
        if (dialect->escapechar == kNotSet) return raise(module->error, "need to escape, but no escapechar set");
        TRY(content.add_char(dialect->escapechar));
      }
    }
    TRY(content.add_char(c));
  }
  if (length == 0 && dialect->delimiter == ' ' && dialect->skipinitialspace) {
    if (dialect->quoting == kQuoteNone || (is_none && (dialect->quoting == kQuoteStrings || dialect->quoting == kQuoteNotNull)))
      return raise(module->error, "empty field must be quoted if delimiter is a space and skipinitialspace is true");
    quoted = true;
  }
  if (quoted) TRY(out.add_char(dialect->quotechar));
  TRY(out.add_chars(content.kind(), content.data(), content.length()));
  if (quoted) TRY(out.add_char(dialect->quotechar));
  return Status::Ok;
}

static PyObject* writer_writerow(PyObject* object, PyObject* row) {
  auto* self = as<CsvWriter>(object);
  const auto* dialect = as<CsvDialect>(self->dialect);
  CsvState* module = TRY(csv_state_of_type(Py_TYPE(object)));
  Ref<> iterator = steal(PyObject_GetIter(row));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError))
      PyErr_Format(module->error, "iterable expected, not %.200s", Py_TYPE(row)->tp_name);
    return nullptr;
  }
  StrBuilder out;
  Py_ssize_t count = 0;
  bool null_field = false;
  for (;;) {
    Ref<> field = steal(PyIter_Next(iterator));
    if (!field) break;
    bool quoted = false;
    switch (dialect->quoting) {
      case kQuoteNonnumeric: quoted = !PyNumber_Check(field); break;
      case kQuoteAll: quoted = true; break;
      case kQuoteStrings: quoted = PyUnicode_Check(field.get()); break;
      case kQuoteNotNull: quoted = field.get() != Py_None; break;
    }
    if (count++) TRY(out.add_char(dialect->delimiter));
    null_field = field.get() == Py_None;
    if (PyUnicode_Check(field.get())) {
      TRY(write_field(module, dialect, out, field, false, quoted));
    } else if (null_field) {
      TRY(write_field(module, dialect, out, nullptr, true, quoted));
    } else {
      Ref<> text = TRY(steal(PyObject_Str(field)));
      TRY(write_field(module, dialect, out, text, false, quoted));
    }
  }
  if (PyErr_Occurred()) return nullptr;
  if (count > 0 && out.length() == 0) {
    if (dialect->quoting == kQuoteNone || (null_field && (dialect->quoting == kQuoteStrings || dialect->quoting == kQuoteNotNull)))
      return raise(module->error, "single empty field record must be quoted");
    TRY(write_field(module, dialect, out, nullptr, null_field, true));
  }
  TRY(out.add_chars(str_kind(dialect->lineterminator), str_data(dialect->lineterminator), str_length(dialect->lineterminator)));
  Ref<> line = TRY(steal(out.finish()));
  return PyObject_CallOneArg(self->write, line);
}
METHOD_AS(writer_writerow, "writerow", 0, "($self, row, /)", "Write an iterable of fields as a row; what the file's write() gives.");

static PyObject* writer_writerows(PyObject* object, PyObject* rows) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(rows)));
  for (;;) {
    Ref<> row = steal(PyIter_Next(iterator));
    if (!row) break;
    Ref<> result = TRY(steal(writer_writerow(object, row)));
  }
  if (PyErr_Occurred()) return nullptr;
  Py_RETURN_NONE;
}
METHOD_AS(writer_writerows, "writerows", 0, "($self, rows, /)", "Write an iterable of rows.");

static void writer_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Py_CLEAR(as<CsvWriter>(object)->write);
  Py_CLEAR(as<CsvWriter>(object)->dialect);
  type->tp_free(object);
  Py_DECREF(type);
}
static int writer_traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(as<CsvWriter>(object)->write);
  Py_VISIT(as<CsvWriter>(object)->dialect);
  return 0;
}
static int writer_clear(PyObject* object) {
  Py_CLEAR(as<CsvWriter>(object)->write);
  Py_CLEAR(as<CsvWriter>(object)->dialect);
  return 0;
}

static PyMethodDef writer_methods[] = {writer_writerow_method, writer_writerows_method, {}};
static PyMemberDef writer_members[] = {{"dialect", _Py_T_OBJECT, offsetof(CsvWriter, dialect), Py_READONLY, nullptr}, {}};
static PyType_Slot writer_slots[] = {{Py_tp_doc, const_cast<char*>("CSV writer: writes rows of fields into a file.")},
                                     {Py_tp_methods, writer_methods},
                                     {Py_tp_members, writer_members},
                                     {Py_tp_dealloc, reinterpret_cast<void*>(writer_dealloc)},
                                     {Py_tp_traverse, reinterpret_cast<void*>(writer_traverse)},
                                     {Py_tp_clear, reinterpret_cast<void*>(writer_clear)},
                                     {0, nullptr}};
PyType_Spec csv_writer_spec = {"_csv.writer", sizeof(CsvWriter), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, writer_slots};

PyObject* csv_writer_new(CsvState* state, PyObject* file, PyObject* dialect, PyObject* options) {
  Ref<> self = TRY(steal(state->writer_type->tp_alloc(state->writer_type, 0)));
  auto* writer = as<CsvWriter>(self.get());
  Ref<> write;
  if (PyObject_GetOptionalAttr(file, "write"_id, write.out()) < 0) return nullptr;
  if (!write || !PyCallable_Check(write)) return raise(PyExc_TypeError, "argument 1 must have a \"write\" method");
  writer->write = write.release();
  writer->dialect = TRY(csv_make_dialect(state, dialect, options)).release();
  return self.release();
}

}  // namespace ks
