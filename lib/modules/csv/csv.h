// The module _csv: what its files share.
#pragma once

#include "modules/module.h"
#include "types/str.h"

namespace ks {

enum CsvQuoting { kQuoteMinimal, kQuoteAll, kQuoteNonnumeric, kQuoteNone, kQuoteStrings, kQuoteNotNull };
inline constexpr Py_UCS4 kNotSet = 0xffffffff;

struct CsvState {
  PyObject* error;
  PyObject* dialects;  // name -> dialect
  PyTypeObject *dialect_type, *reader_type, *writer_type;
  Py_ssize_t field_limit;
};
CsvState* csv_state(PyObject* module);
CsvState* csv_state_of_type(PyTypeObject* type);  // of any of the types or a subclass; nullptr with an exception

struct CsvDialect {
  PyObject_HEAD
  char doublequote, skipinitialspace, strict;
  int quoting;
  Py_UCS4 delimiter, quotechar, escapechar;
  PyObject* lineterminator;
};

// Dialect(dialect, **options); new.
Ref<> csv_make_dialect(CsvState* state, PyObject* dialect, PyObject* options);
Ref<> csv_dialect_by_name(CsvState* state, PyObject* name);

PyObject* csv_reader_new(CsvState* state, PyObject* iterable, PyObject* dialect, PyObject* options);
PyObject* csv_writer_new(CsvState* state, PyObject* file, PyObject* dialect, PyObject* options);

extern PyType_Spec csv_dialect_spec, csv_reader_spec, csv_writer_spec;

}  // namespace ks
