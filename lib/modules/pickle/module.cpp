// The module _pickle: its functions, its exceptions, and what it takes from other modules.
#include "modules/pickle/pickle.h"

namespace ks {

PickleState* pickle_state(PyObject* module) { return static_cast<PickleState*>(PyModule_GetState(module)); }
PickleState* pickle_state_of(PyObject* self) {
  PyObject* module = PyType_GetModuleByDef(Py_TYPE(self), &pickle_module);
  return module ? pickle_state(module) : nullptr;
}

static Ref<Pickler> make_pickler(PickleState* state, PyObject* protocol, bool fix_imports, PyObject* buffer_callback) {
  auto pickler = steal(as<Pickler>(state->pickler_type->tp_alloc(state->pickler_type, 0)));
  if (!pickler) return nullptr;
  TRY(pickler_init_fields(pickler));
  TRY(pickler_set_protocol(pickler, protocol, fix_imports));
  TRY(pickler_set_buffer_callback(pickler, buffer_callback));
  return pickler;
}

static Status pickle_dump(PyObject* module, PyObject* object, PyObject* file, PyObject* protocol, bool fix_imports, PyObject* buffer_callback) {
  PickleState* state = pickle_state(module);
  Ref<Pickler> pickler = TRY(make_pickler(state, protocol, fix_imports, nullptr));
  TRY(pickler_set_output(pickler, file));
  TRY(pickler_set_buffer_callback(pickler, buffer_callback));
  pickler->running = true;
  TRY(pickler_dump_object(state, pickler, object));
  return pickler_flush(pickler);
}
METHOD(pickle, dump, "($module, /, obj, file, protocol=None, *, fix_imports=True,\n     buffer_callback=None)",
       "Write the pickled form of the object to the open file.\n\n"
       "The same as Pickler(file, protocol, fix_imports, buffer_callback).dump(obj).");

static Ref<> pickle_dumps(PyObject* module, PyObject* object, PyObject* protocol, bool fix_imports, PyObject* buffer_callback) {
  PickleState* state = pickle_state(module);
  Ref<Pickler> pickler = TRY(make_pickler(state, protocol, fix_imports, buffer_callback));
  pickler->running = true;
  TRY(pickler_dump_object(state, pickler, object));
  return pickler_take(pickler);
}
METHOD(pickle, dumps, "($module, /, obj, protocol=None, *, fix_imports=True,\n      buffer_callback=None)",
       "Return the pickled form of the object as a bytes object.\n\n"
       "The arguments are those of Pickler.");

// Loads from what `set_source` gives the unpickler.
template <class SetSource>
static PyObject* load_with(PyObject* module, bool fix_imports, const char* encoding, const char* errors, PyObject* buffers, SetSource set_source) {
  PickleState* state = pickle_state(module);
  auto unpickler = steal(as<Unpickler>(state->unpickler_type->tp_alloc(state->unpickler_type, 0)));
  if (!unpickler) return nullptr;
  TRY(unpickler_set_encoding(unpickler, encoding, errors));
  unpickler->fix_imports = fix_imports;
  unpickler->running = true;
  TRY(set_source(unpickler.get()));
  TRY(unpickler_set_buffers(unpickler, buffers));
  return unpickler_load_object(state, unpickler);
}

static PyObject* pickle_load(PyObject* module, PyObject* file, bool fix_imports, TextArgument encoding, TextArgument errors, PyObject* buffers) {
  return load_with(module, fix_imports, encoding, errors, buffers, [&](Unpickler* unpickler) { return unpickler_set_file(unpickler, file); });
}
METHOD(pickle, load, "($module, /, file, *, fix_imports=True, encoding='ASCII',\n     errors='strict', buffers=())",
       "Read a pickled object from the open file and return what it describes.\n\n"
       "The arguments are those of Unpickler.");

static PyObject* pickle_loads(PyObject* module, PyObject* data, bool fix_imports, TextArgument encoding, TextArgument errors, PyObject* buffers) {
  return load_with(module, fix_imports, encoding, errors, buffers, [&](Unpickler* unpickler) { return unpickler_set_string(unpickler, data); });
}
METHOD(pickle, loads, "($module, data, /, *, fix_imports=True, encoding='ASCII',\n      errors='strict', buffers=())",
       "Return what the pickle in a bytes-like object describes.\n\n"
       "The arguments are those of Unpickler.");

// ---- the module ------------------------------------------------------------------------------------------------------

static Status take_dict(PyObject* module, const char* module_name, const char* name, PyObject** slot) {
  Ref<> value = TRY(steal(PyObject_GetAttrString(module, name)));
  if (!PyDict_CheckExact(value.get()))
    return raise(PyExc_RuntimeError, "%s.%s should be a dict, not %.200s", module_name, name, Py_TYPE(value.get())->tp_name);
  Py_XSETREF(*slot, value.release());
  return Status::Ok;
}

static Status take_callable(const char* module_name, const char* name, PyObject** slot) {
  Ref<> value = TRY(steal(PyImport_ImportModuleAttrString(module_name, name)));
  if (!PyCallable_Check(value.get()))
    return raise(PyExc_RuntimeError, "%s.%s should be a callable, not %.200s", module_name, name, Py_TYPE(value.get())->tp_name);
  Py_XSETREF(*slot, value.release());
  return Status::Ok;
}

static Status take_imports(PickleState* state) {
  TRY(take_callable("builtins", "getattr", &state->getattr));
  Ref<> copyreg = TRY(steal(PyImport_ImportModule("copyreg")));
  TRY(take_dict(copyreg, "copyreg", "dispatch_table", &state->dispatch_table));
  TRY(take_dict(copyreg, "copyreg", "_extension_registry", &state->extension_registry));
  TRY(take_dict(copyreg, "copyreg", "_inverted_registry", &state->inverted_registry));
  TRY(take_dict(copyreg, "copyreg", "_extension_cache", &state->extension_cache));
  Ref<> compat = TRY(steal(PyImport_ImportModule("_compat_pickle")));
  TRY(take_dict(compat, "_compat_pickle", "NAME_MAPPING", &state->name_mapping_2to3));
  TRY(take_dict(compat, "_compat_pickle", "IMPORT_MAPPING", &state->import_mapping_2to3));
  TRY(take_dict(compat, "_compat_pickle", "REVERSE_NAME_MAPPING", &state->name_mapping_3to2));
  TRY(take_dict(compat, "_compat_pickle", "REVERSE_IMPORT_MAPPING", &state->import_mapping_3to2));
  TRY(take_callable("codecs", "encode", &state->codecs_encode));
  return take_callable("functools", "partial", &state->partial);
}

static Status make_types(PyObject* module, PickleState* state) {
  struct {
    PyType_Spec* spec;
    PyTypeObject** slot;
    bool shown;
  } types[] = {{&pickler_proxy_spec, &state->pickler_proxy_type, false},
               {&unpickler_proxy_spec, &state->unpickler_proxy_type, false},
               {&pickler_spec, &state->pickler_type, true},
               {&unpickler_spec, &state->unpickler_type, true}};
  for (auto& row : types) {
    *row.slot = as<PyTypeObject>(TRY(PyType_FromModuleAndSpec(module, row.spec, nullptr)));
    if (row.shown) TRY(PyModule_AddType(module, *row.slot));
  }
  TRY(PyModule_AddType(module, &PyPickleBuffer_Type));
  state->pickle_error = TRY(PyErr_NewException("_pickle.PickleError", nullptr, nullptr));
  state->pickling_error = TRY(PyErr_NewException("_pickle.PicklingError", state->pickle_error, nullptr));
  state->unpickling_error = TRY(PyErr_NewException("_pickle.UnpicklingError", state->pickle_error, nullptr));
  TRY(PyModule_AddObjectRef(module, "PickleError", state->pickle_error));
  TRY(PyModule_AddObjectRef(module, "PicklingError", state->pickling_error));
  return status(PyModule_AddObjectRef(module, "UnpicklingError", state->unpickling_error));
}

static int exec(PyObject* module) {
  PickleState* state = pickle_state(module);
  TRY(make_types(module, state));
  return to_c(take_imports(state));
}

// The state is a row of object pointers.
static constexpr size_t kStateObjects = sizeof(PickleState) / sizeof(PyObject*);
static int traverse(PyObject* module, visitproc visit, void* arg) {
  auto** slots = reinterpret_cast<PyObject**>(pickle_state(module));
  for (size_t i = 0; slots && i < kStateObjects; ++i) Py_VISIT(slots[i]);
  return 0;
}
static int clear(PyObject* module) {
  auto** slots = reinterpret_cast<PyObject**>(pickle_state(module));
  for (size_t i = 0; slots && i < kStateObjects; ++i) Py_CLEAR(slots[i]);
  return 0;
}
static void free_module(void* module) { clear(static_cast<PyObject*>(module)); }

static PyMethodDef methods[] = {pickle_dump_method, pickle_dumps_method, pickle_load_method, pickle_loads_method, {}};
MODULE_SLOTS(slots, exec);
PyModuleDef pickle_module = {.m_base = PyModuleDef_HEAD_INIT,
                             .m_name = "_pickle",
                             .m_doc = "Fast part of the module pickle.",
                             .m_size = sizeof(PickleState),
                             .m_methods = methods,
                             .m_slots = slots,
                             .m_traverse = traverse,
                             .m_clear = clear,
                             .m_free = free_module};

}  // namespace ks

PyMODINIT_FUNC PyInit__pickle() { return PyModuleDef_Init(&ks::pickle_module); }
