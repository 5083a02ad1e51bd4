// The _warnings module: what the warnings module takes from us instead of doing it in Python.
#include "modules/module.h"
#include "object/export.h"
#include "object/warnings.h"
#include "runtime/state.h"

namespace ks {

static Status warnings_warn(PyObject*, PyObject* message, PyObject* category, Py_ssize_t stack_level, PyObject* source,
                            PyObject* skip_prefixes) {
  category = TRY(warning_category(message, category));
  if (skip_prefixes) {
    if (!PyTuple_Check(skip_prefixes))
      return raise(PyExc_TypeError, "warn() argument 'skip_file_prefixes' must be tuple, not %.200s", Py_TYPE(skip_prefixes)->tp_name);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(skip_prefixes); ++i)
      if (!PyUnicode_Check(PyTuple_GET_ITEM(skip_prefixes, i)))
        return raise(PyExc_TypeError, "Found non-str '%s' in skip_file_prefixes.", Py_TYPE(PyTuple_GET_ITEM(skip_prefixes, i))->tp_name);
    if (PyTuple_GET_SIZE(skip_prefixes) == 0) skip_prefixes = nullptr;
    // The frame that calls warn() is never the one to blame then.
    else if (stack_level < 2) stack_level = 2;
  }
  return warn(category, message, stack_level, source == Py_None ? nullptr : source, skip_prefixes);
}
METHOD(warnings, warn, "($module, /, message, category=None, stacklevel=1, source=None, *,\n     skip_file_prefixes=())",
       "Issue a warning, or maybe ignore it or raise an exception.\n\n"
       "  message\n    Text of the warning message.\n"
       "  category\n    The Warning category subclass. Defaults to UserWarning.\n"
       "  stacklevel\n    How far up the call stack to make this warning appear. A value of 2 for\n"
       "    example attributes the warning to the caller of the code calling warn().\n"
       "  source\n    If supplied, the destroyed object which emitted a ResourceWarning\n"
       "  skip_file_prefixes\n    An optional tuple of module filename prefixes indicating frames to skip\n"
       "    during stacklevel computations for stack frame attribution.");

// The line from the module's loader; empty without error when there is none.
static Status source_line_of(PyObject* globals, int line, Ref<>* result) {
  // importlib knows which loader it is, and what is wrong with the globals.
  Ref<> bless = TRY(steal(PyImport_ImportModuleAttrString("_frozen_importlib_external", "_bless_my_loader")));
  Ref<> loader = TRY(steal(PyObject_CallOneArg(bless, globals)));
  Ref<> name;
  if (PyDict_GetItemRef(globals, "__name__"_id, name.out()) < 0) return failed;
  if (loader.get() == Py_None || !name) return Status::Ok;
  Ref<> get_source;
  if (PyObject_GetOptionalAttr(loader, "get_source"_id, get_source.out()) < 0) return failed;
  if (!get_source) return Status::Ok;
  Ref<> source = steal(PyObject_CallOneArg(get_source, name));
  if (!source) {
    if (!PyErr_ExceptionMatches(PyExc_ImportError)) return failed;
    PyErr_Clear();
    return Status::Ok;
  }
  if (source.get() == Py_None) return Status::Ok;
  Ref<> lines = TRY(steal(PyUnicode_Splitlines(source, 0)));
  if (line >= 1 && line <= PyList_GET_SIZE(lines.get())) *result = borrow(PyList_GET_ITEM(lines.get(), line - 1));
  return Status::Ok;
}

static Status warnings_warn_explicit(PyObject*, PyObject* message, PyObject* category, StrArgument filename, int line,
                                     PyObject* module, PyObject* registry, PyObject* module_globals, PyObject* source) {
  Ref<> source_line;
  if (module_globals && module_globals != Py_None) {
    if (!PyDict_Check(module_globals))
      return raise(PyExc_TypeError, "module_globals must be a dict, not '%.200s'", Py_TYPE(module_globals)->tp_name);
    TRY(source_line_of(module_globals, line, &source_line));
  }
  return warn_explicit(category, message, filename, line, module, registry, source_line, source == Py_None ? nullptr : source);
}
METHOD(warnings, warn_explicit,
       "($module, /, message, category, filename, lineno,\n              module=<unrepresentable>, registry=None,\n"
       "              module_globals=None, source=None)",
       "Issue a warning, or maybe ignore it or raise an exception.");

static ExceptionTypesState& state() { return interpreter()->exceptions; }

static Status warnings_filters_mutated(PyObject*) {
  if (state().warning_lock_depth == 0) return raise(PyExc_RuntimeError, "warnings._filters_mutated_lock_held() must be called with lock held");
  ++state().warning_filters_version;
  return Status::Ok;
}
METHOD_AS(warnings_filters_mutated, "_filters_mutated_lock_held", 0, "($module, /)", "");

// The filters' lock is recursive and, the GIL being held whenever filters are looked at, only counted.
static void warnings_acquire_lock(PyObject*) { ++state().warning_lock_depth; }
METHOD_AS(warnings_acquire_lock, "_acquire_lock", 0, "($module, /)", "");
static Status warnings_release_lock(PyObject*) {
  if (state().warning_lock_depth == 0) return raise(PyExc_RuntimeError, "cannot release un-acquired lock");
  --state().warning_lock_depth;
  return Status::Ok;
}
METHOD_AS(warnings_release_lock, "_release_lock", 0, "($module, /)", "");

static PyMethodDef warnings_functions[] = {warnings_warn_method,         warnings_warn_explicit_method,
                                           warnings_filters_mutated_method, warnings_acquire_lock_method,
                                           warnings_release_lock_method, {}};

static int warnings_exec(PyObject* module) {
  TRY(PyModule_AddObjectRef(module, "filters", state().warning_filters));
  TRY(PyModule_AddObjectRef(module, "_onceregistry", state().warning_once_registry));
  TRY(PyModule_AddObjectRef(module, "_defaultaction", state().warning_default_action));
  TRY(PyModule_AddObjectRef(module, "_warnings_context", state().warning_context));
  return 0;
}
MODULE_SLOTS(warnings_slots, warnings_exec);
static PyModuleDef warnings_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_warnings",
    .m_doc = "_warnings provides basic warning filtering support.\nIt is a helper module to speed up interpreter start-up.",
    .m_methods = warnings_functions,
    .m_slots = warnings_slots};

}  // namespace ks

PyMODINIT_FUNC PyInit__warnings() { return PyModuleDef_Init(&ks::warnings_module); }

// The module for those who want it before imports work; new reference.
KS_EXPORT PyObject* _PyWarnings_Init() { return PyInit__warnings(); }
