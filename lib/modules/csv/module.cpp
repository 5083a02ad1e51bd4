// The module _csv.
#include "modules/csv/csv.h"

namespace ks {

CsvState* csv_state(PyObject* module) { return static_cast<CsvState*>(PyModule_GetState(module)); }

static PyObject* csv_reader(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);
static PyObject* csv_writer(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);

// (first, dialect=..., **options): the options as a dict (or empty).
static Status split_arguments(const char* name, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** dialect, Ref<>* options) {
  if (nargs < 1) return raise(PyExc_TypeError, "%s expected at least 1 argument, got %zd", name, nargs);
  if (nargs > 2) return raise(PyExc_TypeError, "%s expected at most 2 arguments, got %zd", name, nargs);
  *dialect = nargs > 1 ? args[1] : nullptr;
  if (!kwnames) return Status::Ok;
  *options = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i)
    if (PyDict_SetItem(*options, PyTuple_GET_ITEM(kwnames, i), args[nargs + i]) < 0) return failed;
  return Status::Ok;
}
static PyObject* csv_reader(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* dialect;
  Ref<> options;
  TRY(split_arguments("reader", args, nargs, kwnames, &dialect, &options));
  return csv_reader_new(csv_state(module), args[0], dialect, options.get());
}
METHOD_RAW(csv_reader, "reader", 0, "reader($module, iterable, /, dialect='excel', **fmtparams)\n--\n\nAn iterator over the rows of an iterable of lines.");
static PyObject* csv_writer(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* dialect;
  Ref<> options;
  TRY(split_arguments("writer", args, nargs, kwnames, &dialect, &options));
  return csv_writer_new(csv_state(module), args[0], dialect, options.get());
}
METHOD_RAW(csv_writer, "writer", 0, "writer($module, fileobj, /, dialect='excel', **fmtparams)\n--\n\nAn object that writes rows into a file.");
static PyObject* csv_register_dialect(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* dialect;
  Ref<> options;
  TRY(split_arguments("register_dialect", args, nargs, kwnames, &dialect, &options));
  if (!PyUnicode_Check(args[0])) return raise(PyExc_TypeError, "dialect name must be a string");
  CsvState* state = csv_state(module);
  Ref<> made = TRY(csv_make_dialect(state, dialect, options.get()));
  if (PyDict_SetItem(state->dialects, args[0], made) < 0) return nullptr;
  Py_RETURN_NONE;
}
METHOD_RAW(csv_register_dialect, "register_dialect", 0,
           "register_dialect($module, name, /, dialect='excel', **fmtparams)\n--\n\nGive a dialect a name.");
static PyObject* csv_list_dialects(PyObject* module) { return PyDict_Keys(csv_state(module)->dialects); }
METHOD(csv, list_dialects, "($module, /)", "The names of the registered dialects.");
static Status csv_unregister_dialect(PyObject* module, PyObject* name) {
  CsvState* state = csv_state(module);
  const int removed = PyDict_Pop(state->dialects, name, nullptr);
  if (removed < 0) return failed;
  if (!removed) return raise(state->error, "unknown dialect");
  return Status::Ok;
}
METHOD(csv, unregister_dialect, "($module, /, name)", "Forget a registered dialect.");
static PyObject* csv_get_dialect(PyObject* module, PyObject* name) { return csv_dialect_by_name(csv_state(module), name).release(); }
METHOD(csv, get_dialect, "($module, /, name)", "The dialect of a name.");
static PyObject* csv_field_size_limit(PyObject* module, PyObject* limit) {
  CsvState* state = csv_state(module);
  const Py_ssize_t old = state->field_limit;
  if (limit) {
    if (!PyLong_CheckExact(limit)) return raise(PyExc_TypeError, "limit must be an integer");
    const Py_ssize_t value = PyLong_AsSsize_t(limit);
    if (value == -1 && PyErr_Occurred()) return nullptr;
    state->field_limit = value;
  }
  return PyLong_FromSsize_t(old);
}
METHOD(csv, field_size_limit, "($module, /, new_limit=<unrepresentable>)", "The largest size of a field that is read; a new one may be given.");

static PyMethodDef methods[] = {csv_reader_method,           csv_writer_method,         csv_list_dialects_method, csv_register_dialect_method,
                                csv_unregister_dialect_method, csv_get_dialect_method, csv_field_size_limit_method, {}};

static int exec(PyObject* module) {
  CsvState* state = csv_state(module);
  state->field_limit = 128 * 1024;
  state->dialects = TRY(PyDict_New());
  TRY(status(PyModule_AddObjectRef(module, "_dialects", state->dialects)));
  auto make = [&](PyType_Spec* spec, PyTypeObject** type, const char* name) -> Status {
    *type = as<PyTypeObject>(TRY(PyType_FromModuleAndSpec(module, spec, nullptr)));
    return status(PyModule_AddObjectRef(module, name, object(*type)));
  };
  TRY(make(&csv_dialect_spec, &state->dialect_type, "Dialect"));
  TRY(make(&csv_reader_spec, &state->reader_type, "Reader"));
  TRY(make(&csv_writer_spec, &state->writer_type, "Writer"));
  static constexpr IntConstant constants[] = {{"QUOTE_MINIMAL", kQuoteMinimal}, {"QUOTE_ALL", kQuoteAll},
                                              {"QUOTE_NONNUMERIC", kQuoteNonnumeric}, {"QUOTE_NONE", kQuoteNone},
                                              {"QUOTE_STRINGS", kQuoteStrings}, {"QUOTE_NOTNULL", kQuoteNotNull}};
  TRY(add_constants(module, constants));
  state->error = TRY(PyErr_NewException("_csv.Error", nullptr, nullptr));
  return PyModule_AddObjectRef(module, "Error", state->error);
}
static int traverse(PyObject* module, visitproc visit, void* arg) {
  CsvState* state = csv_state(module);
  Py_VISIT(state->error);
  Py_VISIT(state->dialects);
  Py_VISIT(state->dialect_type);
  Py_VISIT(state->reader_type);
  Py_VISIT(state->writer_type);
  return 0;
}
static int clear(PyObject* module) {
  CsvState* state = csv_state(module);
  Py_CLEAR(state->error);
  Py_CLEAR(state->dialects);
  Py_CLEAR(state->dialect_type);
  Py_CLEAR(state->reader_type);
  Py_CLEAR(state->writer_type);
  return 0;
}
static void free_module(void* module) { clear(static_cast<PyObject*>(module)); }

MODULE_SLOTS(slots, exec);
static PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT,
                                 .m_name = "_csv",
                                 .m_doc = "CSV parsing and writing.",
                                 .m_size = sizeof(CsvState),
                                 .m_methods = methods,
                                 .m_slots = slots,
                                 .m_traverse = traverse,
                                 .m_clear = clear,
                                 .m_free = free_module};

CsvState* csv_state_of_type(PyTypeObject* type) {
  PyObject* module = PyType_GetModuleByDef(type, &definition);
  return module ? csv_state(module) : nullptr;
}

}  // namespace ks

PyMODINIT_FUNC PyInit__csv() { return PyModuleDef_Init(&ks::definition); }
