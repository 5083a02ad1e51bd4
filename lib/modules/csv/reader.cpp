// Reading CSV: a state machine over the characters of lines.
#include <structmember.h>

#include "modules/csv/csv.h"

namespace ks {

enum class Csv { StartRecord, StartField, Escaped, InField, InQuoted, EscapeInQuoted, QuoteInQuoted, EatNewline, AfterEscapedNewline };

struct CsvReader {
  PyObject_HEAD
  PyObject* input;   // iterator over lines
  PyObject* dialect;
  PyObject* fields;  // the row in progress
  Csv state;
  Py_UCS4* field;    // PyMem
  Py_ssize_t field_capacity, field_length;
  bool unquoted;     // the field in progress has no quotes
  unsigned long line_number;
};

static constexpr Py_UCS4 kEndOfLine = 0xfffffffe;

static Status add_char(CsvReader* self, CsvState* module, Py_UCS4 c) {
  if (self->field_length >= module->field_limit)
    return raise(module->error, "field larger than field limit (%zd)", module->field_limit);
  if (self->field_length == self->field_capacity) {
    const Py_ssize_t capacity = self->field_capacity ? self->field_capacity * 2 : 256;
    auto* field = static_cast<Py_UCS4*>(PyMem_Realloc(self->field, static_cast<size_t>(capacity) * sizeof(Py_UCS4)));
    if (!field) return PyErr_NoMemory(), failed;
    self->field = field;
    self->field_capacity = capacity;
  }
  self->field[self->field_length++] = c;
  return Status::Ok;
}

static Status save_field(CsvReader* self) {
  const int quoting = as<CsvDialect>(self->dialect)->quoting;
  Ref<> field;
  if (self->unquoted && self->field_length == 0 && (quoting == kQuoteNotNull || quoting == kQuoteStrings)) {
    field = borrow(Py_None);
  } else {
    field = TRY(steal(str_from_ucs4(self->field, self->field_length)));
    if (self->unquoted && self->field_length != 0 && (quoting == kQuoteNonnumeric || quoting == kQuoteStrings))
      field = TRY(steal(PyNumber_Float(field)));
    self->field_length = 0;
  }
  return status(PyList_Append(self->fields, field));
}

static Status process(CsvReader* self, CsvState* module, Py_UCS4 c) {
  const auto* dialect = as<CsvDialect>(self->dialect);
  const bool end = c == '\n' || c == '\r' || c == kEndOfLine;
  auto end_field = [&]() -> Status {
    TRY(save_field(self));
    self->state = c == kEndOfLine ? Csv::StartRecord : Csv::EatNewline;
    return Status::Ok;
  };
  switch (self->state) {
    case Csv::StartRecord:
      if (c == kEndOfLine) return Status::Ok;
      if (end) {
        self->state = Csv::EatNewline;
        return Status::Ok;
      }
      self->state = Csv::StartField;
      [[fallthrough]];
    case Csv::StartField:
      self->unquoted = true;
      if (end) return end_field();
      if (c == dialect->quotechar && dialect->quoting != kQuoteNone) {
        self->unquoted = false;
        self->state = Csv::InQuoted;
      } else if (c == dialect->escapechar) {
        self->state = Csv::Escaped;
      } else if (c == ' ' && dialect->skipinitialspace) {
        // left out
      } else if (c == dialect->delimiter) {
        return save_field(self);
      } else {
        TRY(add_char(self, module, c));
        self->state = Csv::InField;
      }
      return Status::Ok;
    case Csv::Escaped:
      if (c == '\n' || c == '\r') {
        TRY(add_char(self, module, c));
        self->state = Csv::AfterEscapedNewline;
        return Status::Ok;
      }
      TRY(add_char(self, module, c == kEndOfLine ? '\n' : c));
      self->state = Csv::InField;
      return Status::Ok;
    case Csv::AfterEscapedNewline:
      if (c == kEndOfLine) return Status::Ok;
      [[fallthrough]];
    case Csv::InField:
      if (end) return end_field();
      if (c == dialect->escapechar) {
        self->state = Csv::Escaped;
      } else if (c == dialect->delimiter) {
        TRY(save_field(self));
        self->state = Csv::StartField;
      } else {
        TRY(add_char(self, module, c));
        self->state = Csv::InField;
      }
      return Status::Ok;
    case Csv::InQuoted:
      if (c == kEndOfLine) return Status::Ok;
      if (c == dialect->escapechar) {
        self->state = Csv::EscapeInQuoted;
      } else if (c == dialect->quotechar && dialect->quoting != kQuoteNone) {
        self->state = dialect->doublequote ? Csv::QuoteInQuoted : Csv::InField;
      } else {
        TRY(add_char(self, module, c));
      }
      return Status::Ok;
    case Csv::EscapeInQuoted:
      TRY(add_char(self, module, c == kEndOfLine ? '\n' : c));
      self->state = Csv::InQuoted;
      return Status::Ok;
    case Csv::QuoteInQuoted:
      if (dialect->quoting != kQuoteNone && c == dialect->quotechar) {
        TRY(add_char(self, module, c));
        self->state = Csv::InQuoted;
      } else if (c == dialect->delimiter) {
        TRY(save_field(self));
        self->state = Csv::StartField;
      } else if (end) {
        return end_field();
      } else if (!dialect->strict) {
        TRY(add_char(self, module, c));
        self->state = Csv::InField;
      } else {
        return raise(module->error, "'%c' expected after '%c'", static_cast<int>(dialect->delimiter), static_cast<int>(dialect->quotechar));
      }
      return Status::Ok;
    case Csv::EatNewline:
      if (c == '\n' || c == '\r') return Status::Ok;
      if (c == kEndOfLine) {
        self->state = Csv::StartRecord;
        return Status::Ok;
      }
      return raise(module->error, "new-line character seen in unquoted field - do you need to open the file with newline=''?");
  }
  return Status::Ok;
}

static Status reset(CsvReader* self) {
  PyObject* fields = PyList_New(0);
  if (!fields) return failed;
  Py_XSETREF(self->fields, fields);
  self->field_length = 0;
  self->state = Csv::StartRecord;
  self->unquoted = false;
  return Status::Ok;
}

static PyObject* reader_next(PyObject* object) {
  auto* self = as<CsvReader>(object);
  CsvState* module = TRY(csv_state_of_type(Py_TYPE(object)));
  TRY(reset(self));
  do {
    Ref<> line = steal(PyIter_Next(self->input));
    if (!line) {
      if (!PyErr_Occurred() && (self->field_length != 0 || self->state == Csv::InQuoted)) {
        if (as<CsvDialect>(self->dialect)->strict) return raise(module->error, "unexpected end of data");
        TRY(save_field(self));
        break;
      }
      return nullptr;
    }
    if (!PyUnicode_Check(line.get()))
      return raise(module->error, "iterator should return strings, not %.200s (the file should be opened in text mode)",
                   Py_TYPE(line.get())->tp_name);
    if (!self->fields) return raise(module->error, "iterator has already advanced the reader");
    ++self->line_number;
    const Status done = str_visit(line, [&](auto chars) -> Status {
      for (const Py_UCS4 c : chars) {
        // Most characters just belong to a field.
        if (self->state == Csv::InField || self->state == Csv::InQuoted) {
          const auto* d = as<CsvDialect>(self->dialect);
          if (c != d->delimiter && c != d->quotechar && c != d->escapechar && c != '\n' && c != '\r') {
            TRY(add_char(self, module, c));
            continue;
          }
        }
        TRY(process(self, module, c));
      }
      return process(self, module, kEndOfLine);
    });
    TRY(done);
  } while (self->state != Csv::StartRecord);
  return std::exchange(self->fields, nullptr);
}

static void reader_dealloc(PyObject* object) {
  auto* self = as<CsvReader>(object);
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Py_CLEAR(self->input);
  Py_CLEAR(self->dialect);
  Py_CLEAR(self->fields);
  PyMem_Free(self->field);
  type->tp_free(object);
  Py_DECREF(type);
}
static int reader_traverse(PyObject* object, visitproc visit, void* arg) {
  auto* self = as<CsvReader>(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->input);
  Py_VISIT(self->dialect);
  Py_VISIT(self->fields);
  return 0;
}
static int reader_clear(PyObject* object) {
  auto* self = as<CsvReader>(object);
  Py_CLEAR(self->input);
  Py_CLEAR(self->dialect);
  Py_CLEAR(self->fields);
  return 0;
}

static PyMemberDef reader_members[] = {{"dialect", _Py_T_OBJECT, offsetof(CsvReader, dialect), Py_READONLY, nullptr},
                                       {"line_num", Py_T_ULONG, offsetof(CsvReader, line_number), Py_READONLY, nullptr},
                                       {}};
static PyType_Slot reader_slots[] = {{Py_tp_doc, const_cast<char*>("CSV reader: an iterator over the rows of lines of text.")},
                                     {Py_tp_members, reader_members},
                                     {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                     {Py_tp_iternext, reinterpret_cast<void*>(reader_next)},
                                     {Py_tp_dealloc, reinterpret_cast<void*>(reader_dealloc)},
                                     {Py_tp_traverse, reinterpret_cast<void*>(reader_traverse)},
                                     {Py_tp_clear, reinterpret_cast<void*>(reader_clear)},
                                     {0, nullptr}};
PyType_Spec csv_reader_spec = {"_csv.reader", sizeof(CsvReader), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, reader_slots};

PyObject* csv_reader_new(CsvState* state, PyObject* iterable, PyObject* dialect, PyObject* options) {
  Ref<> self = TRY(steal(state->reader_type->tp_alloc(state->reader_type, 0)));
  auto* reader = as<CsvReader>(self.get());
  TRY(reset(reader));
  reader->input = TRY(PyObject_GetIter(iterable));
  reader->dialect = TRY(csv_make_dialect(state, dialect, options)).release();
  return self.release();
}

}  // namespace ks
