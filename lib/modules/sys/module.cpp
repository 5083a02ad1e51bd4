// The sys module: its creation, what comes from the configuration, its functions, and PySys_* access.
#include <cstring>
#include <dlfcn.h>
#include <sys/stat.h>
#include <vector>

#include "import/import.h"
#include "memory/debug_hooks.h"
#include "modules/sys/sys.h"
#include "interpreter/perf_trampoline.h"
#include "object/export.h"
#include "runtime/config.h"
#include "types/str.h"

KS_EXPORT size_t _PySys_GetSizeOf(PyObject* object);
extern "C" PyObject* ks_create_monitoring_module(void) __attribute__((weak));  // the interpreter's sys.monitoring

extern "C" int _PyObject_DebugMallocStats(FILE* out);  // memory/domains.cpp

namespace ks {

PyObject* sys_get(PyObject* name) {
  PyObject* dict = interpreter()->core.sys_dict;
  return dict ? PyDict_GetItemWithError(dict, name) : nullptr;
}

namespace {

PyInterpreterState* interp_of(PyThreadState* state) { return state->interp; }

// ---- exceptions and exit ---------------------------------------------------------------------------------------------------

PyObject* handled_exception() {
  for (_PyErr_StackItem* item = thread()->exc_info; item; item = item->previous_item)
    if (item->exc_value && item->exc_value != Py_None) return item->exc_value;
  return nullptr;
}
PyObject* sys_exception(PyObject*) {
  PyObject* exception = handled_exception();
  return Py_NewRef(exception ? exception : Py_None);
}
Ref<> sys_exc_info(PyObject*) {
  PyObject* exception = handled_exception();
  if (!exception) return steal(PyTuple_Pack(3, Py_None, Py_None, Py_None));
  Ref<> traceback = steal(PyException_GetTraceback(exception));
  return steal(PyTuple_Pack(3, object(Py_TYPE(exception)), exception, traceback ? traceback.get() : Py_None));
}
PyObject* sys_exit(PyObject*, PyObject* code) {
  PyErr_SetObject(PyExc_SystemExit, code ? code : Py_None);
  return nullptr;
}

// ---- text ---------------------------------------------------------------------------------------------------------------------

Ref<> sys_getdefaultencoding(PyObject*) { return steal(PyUnicode_FromString("utf-8")); }
Ref<> sys_getfilesystemencoding(PyObject*) {
  Ref<> text = TRY(steal(PyUnicode_FromWideChar(interpreter()->core.config.filesystem_encoding, -1)));
  PyObject* interned = text.release();
  PyUnicode_InternInPlace(&interned);
  return steal(interned);
}
Ref<> sys_getfilesystemencodeerrors(PyObject*) {
  Ref<> text = TRY(steal(PyUnicode_FromWideChar(interpreter()->core.config.filesystem_errors, -1)));
  PyObject* interned = text.release();
  PyUnicode_InternInPlace(&interned);
  return steal(interned);
}
PyObject* sys_intern(PyObject*, StrArgument text) {
  if (!PyUnicode_CheckExact(text.object)) return raise(PyExc_TypeError, "can't intern %.400s", Py_TYPE(text.object)->tp_name);
  PyObject* result = Py_NewRef(text.object);
  PyUnicode_InternInPlace(&result);
  return result;
}
bool sys_is_interned(PyObject*, StrArgument text) { return PyUnicode_CHECK_INTERNED(text.object) != 0; }
bool sys_is_immortal(PyObject*, PyObject* o) { return PyUnstable_IsImmortal(o); }

// ---- limits and switches ------------------------------------------------------------------------------------------------------

Status sys_setrecursionlimit(PyObject*, int limit) {
  if (limit < 1) return raise(PyExc_ValueError, "recursion limit must be greater or equal than 1");
  PyThreadState* state = thread();
  const int depth = state->py_recursion_limit - state->py_recursion_remaining;
  if (depth >= limit)
    return raise(PyExc_RecursionError, "cannot set the recursion limit to %i at the recursion depth %i: the limit is too low", limit, depth);
  Py_SetRecursionLimit(limit);
  return Status::Ok;
}
int sys_getrecursionlimit(PyObject*) { return Py_GetRecursionLimit(); }
Status sys_setswitchinterval(PyObject*, double seconds) {
  if (!(seconds > 0.0)) return raise(PyExc_ValueError, "switch interval must be strictly positive");
  interpreter()->core.switch_interval = static_cast<unsigned long>(1e6 * seconds);
  return Status::Ok;
}
double sys_getswitchinterval(PyObject*) { return 1e-6 * static_cast<double>(interpreter()->core.switch_interval); }
int sys_get_int_max_str_digits(PyObject*) { return interpreter()->numbers.max_str_digits; }
Status sys_set_int_max_str_digits(PyObject*, int digits) {
  if (digits != 0 && digits < 640) return raise(PyExc_ValueError, "maxdigits must be >= %d or 0 for unlimited", 640);
  interpreter()->numbers.max_str_digits = digits;
  return Status::Ok;
}
int sys_getdlopenflags(PyObject*) { return interpreter()->core.dlopen_flags; }
void sys_setdlopenflags(PyObject*, int flags) { interpreter()->core.dlopen_flags = flags; }
int sys_get_coroutine_origin_tracking_depth(PyObject*) { return thread()->coroutine_origin_tracking_depth; }
Status sys_set_coroutine_origin_tracking_depth(PyObject*, int depth) {
  if (depth < 0) return raise(PyExc_ValueError, "depth must be >= 0");
  thread()->coroutine_origin_tracking_depth = depth;
  return Status::Ok;
}

// ---- asynchronous generators' hooks ------------------------------------------------------------------------------------------------

PyStructSequence_Field kHookFields[] = {{"firstiter", "Hook to intercept first iteration"}, {"finalizer", "Hook to intercept finalization"},
                                        {nullptr, nullptr}};
PyStructSequence_Desc kHookDescription = {
    "asyncgen_hooks", "asyncgen_hooks\n\nHooks for asynchronous generators: their first iteration and their finalization.", kHookFields, 2};

constexpr char kSetHooksName[] = "set_asyncgen_hooks";
constexpr Signature kSetHooks = read_signature(kSetHooksName, "($module, /, firstiter=None, finalizer=None)");
PyObject* sys_set_asyncgen_hooks(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* values[3] = {};
  if (is_failure(bind(kSetHooks, args, nargs, kwnames, values, nullptr, nullptr))) return nullptr;
  PyObject *first = values[0], *last = values[1];
  if (last && last != Py_None && !PyCallable_Check(last))
    return raise(PyExc_TypeError, "callable finalizer expected, got %.50s", Py_TYPE(last)->tp_name);
  if (first && first != Py_None && !PyCallable_Check(first))
    return raise(PyExc_TypeError, "callable firstiter expected, got %.50s", Py_TYPE(first)->tp_name);
  PyThreadState* state = thread();
  if (first) {
    if (PySys_Audit("sys.set_asyncgen_hooks_firstiter", nullptr) < 0) return nullptr;
    Py_XSETREF(state->async_gen_firstiter, first == Py_None ? nullptr : Py_NewRef(first));
  }
  if (last) {
    if (PySys_Audit("sys.set_asyncgen_hooks_finalizer", nullptr) < 0) return nullptr;
    Py_XSETREF(state->async_gen_finalizer, last == Py_None ? nullptr : Py_NewRef(last));
  }
  return Py_NewRef(Py_None);
}
Ref<> sys_get_asyncgen_hooks(PyObject*) {
  PyThreadState* state = thread();
  Ref<> hooks = TRY(steal(PyStructSequence_New(as<PyTypeObject>(state->interp->core.sys_asyncgen_hooks_type))));
  PyStructSequence_SetItem(hooks, 0, Py_NewRef(state->async_gen_firstiter ? state->async_gen_firstiter : Py_None));
  PyStructSequence_SetItem(hooks, 1, Py_NewRef(state->async_gen_finalizer ? state->async_gen_finalizer : Py_None));
  return hooks;
}

// ---- objects ------------------------------------------------------------------------------------------------------------------------

constexpr char kGetSizeName[] = "getsizeof";
constexpr Signature kGetSize = read_signature(kGetSizeName, "($module, /, object, default=None)");
PyObject* sys_getsizeof(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* values[3] = {};
  if (nargs > 2) return raise(PyExc_TypeError, "getsizeof() takes at most 2 arguments (%zd given)", nargs);
  if (is_failure(bind(kGetSize, args, nargs, kwnames, values, nullptr, nullptr))) return nullptr;
  const size_t size = _PySys_GetSizeOf(values[0]);
  if (size == static_cast<size_t>(-1) && PyErr_Occurred()) {
    if (values[1] && PyErr_ExceptionMatches(PyExc_TypeError)) {
      PyErr_Clear();
      return Py_NewRef(values[1]);
    }
    return nullptr;
  }
  return PyLong_FromSize_t(size);
}
Py_ssize_t sys_getrefcount(PyObject*, PyObject* o) { return Py_REFCNT(o); }
Py_ssize_t sys_getallocatedblocks(PyObject*) { return allocated_blocks(); }
Py_ssize_t sys_getunicodeinternedsize(PyObject*, bool only_immortal) { return interned_count(only_immortal); }
void sys_debugmallocstats(PyObject*) { (void)_PyObject_DebugMallocStats(stderr); }
void sys_clear_caches(PyObject*) { PyType_ClearCache(); }
Status sys_clear_type_cache(PyObject*) {
  TRY(PyErr_WarnEx(PyExc_DeprecationWarning, "sys._clear_type_cache() is deprecated and may be removed in a future version of Python. "
                                             "Use sys._clear_internal_caches() instead.", 1));
  PyType_ClearCache();
  return Status::Ok;
}
Status sys_clear_type_descriptors(PyObject*, PyObject* type) {
  if (!PyType_Check(type))
    return raise(PyExc_TypeError, "_clear_type_descriptors() argument must be type, not %.50s", Py_TYPE(type)->tp_name);
  if (as<PyTypeObject>(type)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) return raise(PyExc_TypeError, "argument is immutable");
  Ref<> dict = steal(PyType_GetDict(as<PyTypeObject>(type)));
  for (PyObject* name : {"__dict__"_id, "__weakref__"_id}) {
    const int has = PyDict_Contains(dict, name);
    if (has < 0) return failed;
    if (has) TRY(PyDict_DelItem(dict, name));
  }
  PyType_Modified(as<PyTypeObject>(type));
  return Status::Ok;
}

// ---- the rest --------------------------------------------------------------------------------------------------------------------------

bool sys_is_finalizing(PyObject*) { return Py_IsFinalizing() || interpreter()->core.finalizing_thread; }
bool sys_is_gil_enabled(PyObject*) { return true; }
int sys_get_cpu_count_config(PyObject*) { return interpreter()->core.config.cpu_count; }
Status sys_activate_stack_trampoline(PyObject*, PyObject* backend) {
  if (!PyUnicode_Check(backend))
    return raise(PyExc_TypeError, "activate_stack_trampoline() argument must be str, not %.50s", Py_TYPE(backend)->tp_name);
  const char* name = PyUnicode_AsUTF8(backend);
  if (!name) return failed;
  if (strcmp(name, "perf") == 0) return perf_trampoline_activate(PerfBackend::Map);
  if (strcmp(name, "perf_jit") == 0) return perf_trampoline_activate(PerfBackend::Jit);
  return raise(PyExc_ValueError, "invalid backend: %s", name);
}
void sys_deactivate_stack_trampoline(PyObject*) { perf_trampoline_deactivate(); }
bool sys_is_stack_trampoline_active(PyObject*) { return perf_trampoline_is_active(); }
bool sys_is_remote_debug_enabled(PyObject*) { return interpreter()->core.config.remote_debug > 0; }
Status sys_remote_exec(PyObject*, int, PyObject* script) {
  Ref<> path;
  TRY(PyUnicode_FSConverter(script, path.out()));
  struct stat info;
  if (stat(PyBytes_AS_STRING(path.get()), &info) != 0) {
    if (errno == ENOENT) return raise(PyExc_FileNotFoundError, "Script file does not exist");
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, script);
    return failed;
  }
  return unimplemented("sys.remote_exec");
}
Status sys_dump_tracelets(PyObject*, PyObject* path) {
  Ref<> text = TRY(steal(PyOS_FSPath(path)));
  return raise(PyExc_NotImplementedError, "No JIT available");
}
Ref<> sys_baserepl(PyObject*) {
  PyCompilerFlags flags{.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
  PyRun_AnyFileExFlags(stdin, "<stdin>", 0, &flags);
  return borrow(Py_None);
}

#define ROW(FUNCTION, NAME, SIGNATURE, DOC) METHOD_AS(FUNCTION, NAME, 0, SIGNATURE, DOC)
ROW(sys_exception, "exception", "($module, /)", "Return the exception that is being handled, or None.");
ROW(sys_exc_info, "exc_info", "($module, /)", "Return current exception information: (type, value, traceback).");
ROW(sys_exit, "exit", "($module, status=None, /)", "Exit the interpreter by raising SystemExit(status).");
ROW(sys_getdefaultencoding, "getdefaultencoding", "($module, /)", "Return the current default encoding used by the Unicode implementation.");
ROW(sys_getfilesystemencoding, "getfilesystemencoding", "($module, /)", "Return the encoding used to convert Unicode filenames to OS filenames.");
ROW(sys_getfilesystemencodeerrors, "getfilesystemencodeerrors", "($module, /)", "Return the error mode used for Unicode to OS filename conversion.");
ROW(sys_intern, "intern", "($module, string, /)", "``Intern'' the given string.");
ROW(sys_is_interned, "_is_interned", "($module, string, /)", "Is the string interned?");
ROW(sys_is_immortal, "_is_immortal", "($module, op, /)", "Is the object immortal?");
ROW(sys_setrecursionlimit, "setrecursionlimit", "($module, limit, /)", "Set the maximum depth of the Python interpreter stack to n.");
ROW(sys_getrecursionlimit, "getrecursionlimit", "($module, /)", "Return the current value of the recursion limit.");
ROW(sys_setswitchinterval, "setswitchinterval", "($module, interval, /)", "Set the ideal thread switching delay inside the Python interpreter.");
ROW(sys_getswitchinterval, "getswitchinterval", "($module, /)", "Return the current thread switch interval; see sys.setswitchinterval().");
ROW(sys_get_int_max_str_digits, "get_int_max_str_digits", "($module, /)", "Return the maximum string digits limit for non-binary int<->str conversions.");
ROW(sys_set_int_max_str_digits, "set_int_max_str_digits", "($module, /, maxdigits)", "Set the maximum string digits limit for non-binary int<->str conversions.");
ROW(sys_getdlopenflags, "getdlopenflags", "($module, /)", "Return the current value of the flags that are used for dlopen calls.");
ROW(sys_setdlopenflags, "setdlopenflags", "($module, flags, /)", "Set the flags used by the interpreter for dlopen calls.");
ROW(sys_get_coroutine_origin_tracking_depth, "get_coroutine_origin_tracking_depth", "($module, /)", "Check status of origin tracking for coroutine objects in this thread.");
ROW(sys_set_coroutine_origin_tracking_depth, "set_coroutine_origin_tracking_depth", "($module, /, depth)", "Enable or disable origin tracking for coroutine objects in this thread.");
ROW(sys_get_asyncgen_hooks, "get_asyncgen_hooks", "($module, /)", "Return the installed asynchronous generators hooks.");
METHOD_RAW(sys_set_asyncgen_hooks, "set_asyncgen_hooks", 0,
           "set_asyncgen_hooks([firstiter] [, finalizer])\n\nSet a finalizer for async generators objects.");
METHOD_RAW(sys_getsizeof, "getsizeof", 0, "getsizeof(object [, default]) -> int\n\nReturn the size of object in bytes.");
ROW(sys_getrefcount, "getrefcount", "($module, object, /)", "Return the reference count of object.");
ROW(sys_getallocatedblocks, "getallocatedblocks", "($module, /)", "Return the number of memory blocks currently allocated.");
ROW(sys_getunicodeinternedsize, "getunicodeinternedsize", "($module, /, *, _only_immortal=False)", "Return the number of elements of the unicode interned dictionary");
ROW(sys_debugmallocstats, "_debugmallocstats", "($module, /)", "Print summary info to stderr about the state of pymalloc's structures.");
ROW(sys_clear_caches, "_clear_internal_caches", "($module, /)", "Clear all internal performance-related caches.");
ROW(sys_clear_type_cache, "_clear_type_cache", "($module, /)", "Clear the internal type lookup cache.");
ROW(sys_clear_type_descriptors, "_clear_type_descriptors", "($module, type, /)", "Private function for clearing certain descriptors from a type's dictionary.");
ROW(sys_is_finalizing, "is_finalizing", "($module, /)", "Return True if Python is exiting.");
ROW(sys_is_gil_enabled, "_is_gil_enabled", "($module, /)", "Return True if the GIL is currently enabled.");
ROW(sys_get_cpu_count_config, "_get_cpu_count_config", "($module, /)", "Private function for getting PyConfig.cpu_count");
ROW(sys_activate_stack_trampoline, "activate_stack_trampoline", "($module, backend, /)", "Activate stack profiler trampoline *backend*.");
ROW(sys_deactivate_stack_trampoline, "deactivate_stack_trampoline", "($module, /)", "Deactivate the current stack profiler trampoline backend.");
ROW(sys_is_stack_trampoline_active, "is_stack_trampoline_active", "($module, /)", "Return *True* if a stack profiler trampoline is active.");
ROW(sys_is_remote_debug_enabled, "is_remote_debug_enabled", "($module, /)", "Return True if remote debugging is enabled, False otherwise.");
ROW(sys_remote_exec, "remote_exec", "($module, /, pid, script)", "Executes a file containing Python code in a given remote Python process.");
ROW(sys_dump_tracelets, "_dump_tracelets", "($module, /, outpath)", "Dump the graph of tracelets in graphviz format");
ROW(sys_baserepl, "_baserepl", "($module, /)", "Private function for getting the base REPL");

const PyMethodDef* const kSysMethods[] = {
    &sys_exception_method, &sys_exc_info_method, &sys_exit_method, &sys_getdefaultencoding_method, &sys_getfilesystemencoding_method,
    &sys_getfilesystemencodeerrors_method, &sys_intern_method, &sys_is_interned_method, &sys_is_immortal_method,
    &sys_setrecursionlimit_method, &sys_getrecursionlimit_method, &sys_setswitchinterval_method, &sys_getswitchinterval_method,
    &sys_get_int_max_str_digits_method, &sys_set_int_max_str_digits_method, &sys_getdlopenflags_method, &sys_setdlopenflags_method,
    &sys_get_coroutine_origin_tracking_depth_method, &sys_set_coroutine_origin_tracking_depth_method, &sys_get_asyncgen_hooks_method,
    &sys_set_asyncgen_hooks_method, &sys_getsizeof_method, &sys_getrefcount_method, &sys_getallocatedblocks_method,
    &sys_getunicodeinternedsize_method, &sys_debugmallocstats_method, &sys_clear_caches_method, &sys_clear_type_cache_method,
    &sys_clear_type_descriptors_method, &sys_is_finalizing_method, &sys_is_gil_enabled_method, &sys_get_cpu_count_config_method,
    &sys_activate_stack_trampoline_method, &sys_deactivate_stack_trampoline_method, &sys_is_stack_trampoline_active_method,
    &sys_is_remote_debug_enabled_method, &sys_remote_exec_method, &sys_dump_tracelets_method, &sys_baserepl_method, nullptr};

constexpr char kSysDoc[] =
    "This module provides access to some objects used or maintained by the\n"
    "interpreter and to functions that interact strongly with the interpreter.";

PyModuleDef sys_definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "sys", .m_doc = kSysDoc, .m_size = -1};

Status add_methods(PyObject* module) {
  // A method definition must outlive its functions: the rows are constants, copied to where PyCFunction can point.
  for (const PyMethodDef* const* list : {kSysMethods, kSysHookMethods, kSysTraceMethods}) {
    for (; *list; ++list) {
      Ref<> name = TRY(steal(PyUnicode_InternFromString((*list)->ml_name)));
      Ref<> module_name = borrow("sys"_id);
      Ref<> function = TRY(steal(PyCFunction_NewEx(const_cast<PyMethodDef*>(*list), module, module_name)));
      TRY(PyDict_SetItem(PyModule_GetDict(module), name, function));
    }
  }
  return Status::Ok;
}

// sys._jit: there is no just-in-time compiler that it could tell of.
PyObject* jit_no(PyObject*, PyObject*) { return Py_NewRef(Py_False); }
PyMethodDef jit_methods[] = {
    {"is_available", jit_no, METH_NOARGS, "is_available($module, /)\n--\n\nReturn True if the current Python executable supports JIT compilation, and False otherwise."},
    {"is_enabled", jit_no, METH_NOARGS, "is_enabled($module, /)\n--\n\nReturn True if JIT compilation is enabled for the current Python process."},
    {"is_active", jit_no, METH_NOARGS, "is_active($module, /)\n--\n\nReturn True if the topmost Python frame is currently executing JIT code."},
    {}};
PyModuleDef jit_definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "sys._jit", .m_doc = nullptr, .m_size = -1, .m_methods = jit_methods};

Status alias(PyObject* dict, const char* from, const char* to) {
  PyObject* value = PyDict_GetItemString(dict, from);
  return value ? status(PyDict_SetItemString(dict, to, value)) : raise(PyExc_SystemError, "lost sys.%s", from);
}

Status fill_module(PyObject* module) {
  PyObject* dict = PyModule_GetDict(module);
  TRY(add_methods(module));
  TRY(alias(dict, "displayhook", "__displayhook__"));
  TRY(alias(dict, "excepthook", "__excepthook__"));
  TRY(alias(dict, "breakpointhook", "__breakpointhook__"));
  TRY(alias(dict, "unraisablehook", "__unraisablehook__"));
  TRY(sys_hooks_start());
  TRY(sys_info_start(dict));
  TRY(sys_flags_start());
  PyInterpreterState* interp = interpreter();
  interp->core.sys_asyncgen_hooks_type = TRY(make_struct_type(&kHookDescription)).release();
  return Status::Ok;
}

Status set_text(const char* name, const wchar_t* text) {
  return set_sys(name, text ? steal(PyUnicode_FromWideChar(text, -1)) : borrow(Py_None));
}

}  // namespace

PyStatus sys_create(PyThreadState* state, PyObject** result) {
  PyInterpreterState* interp = interp_of(state);
  Ref<> modules = steal(PyDict_New());
  if (!modules) return status_error_in("_PySys_Create", "failed to create sys.modules");
  interp->core.modules = modules.share().release();
  Ref<> module = steal(PyModule_Create2(&sys_definition, PYTHON_API_VERSION));
  if (!module) return status_error_in("_PySys_Create", "failed to create a module object");
  interp->core.sys_dict = Py_NewRef(PyModule_GetDict(module));
  if (is_failure(set_sys("modules", modules.share())) || is_failure(fill_module(module)) ||
      is_failure(fix_up_builtin(module, "sys", modules)))
    return status_error_in("_PySys_Create", "can't initialize sys module");
  Ref<> list = steal(PyList_New(0));
  (void)set_sys("meta_path", list.share());
  list = steal(PyList_New(0));
  (void)set_sys("path_hooks", list.share());
  Ref<> cache = steal(PyDict_New());
  if (is_failure(set_sys("path_importer_cache", cache.share())))
    return status_error_in("_PySys_Create", "can't initialize sys module");
  *result = module.release();
  return status_ok();
}

Status sys_set_stderr_printer(PyThreadState*) {
  Ref<> printer = TRY(steal(PyFile_NewStdPrinter(2)));
  TRY(set_sys("stderr", printer.share()));
  return set_sys("__stderr__", std::move(printer));
}

Status sys_fill_from_config(PyThreadState* state) {
  PyInterpreterState* interp = interp_of(state);
  const PyConfig& config = interp->core.config;
  TRY(set_sys("path", steal(list_as_list(config.module_search_paths))));
  TRY(set_text("executable", config.executable ? config.executable : L""));
  TRY(set_text("_base_executable", config.base_executable ? config.base_executable : config.executable ? config.executable : L""));
  TRY(set_text("prefix", config.prefix ? config.prefix : L""));
  TRY(set_text("base_prefix", config.base_prefix ? config.base_prefix : L""));
  TRY(set_text("exec_prefix", config.exec_prefix ? config.exec_prefix : L""));
  TRY(set_text("base_exec_prefix", config.base_exec_prefix ? config.base_exec_prefix : L""));
  TRY(set_text("platlibdir", config.platlibdir ? config.platlibdir : L"lib"));
  TRY(set_text("pycache_prefix", config.pycache_prefix));
  TRY(set_text("_stdlib_dir", config.stdlib_dir && *config.stdlib_dir ? config.stdlib_dir : nullptr));
  TRY(set_sys("_home", borrow(Py_None)));
  TRY(set_sys("argv", steal(list_as_list(config.argv))));
  TRY(set_sys("orig_argv", steal(list_as_list(config.orig_argv))));
  TRY(set_sys("warnoptions", steal(list_as_list(config.warnoptions))));
  Ref<> xoptions = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < config.xoptions.length; ++i) {
    const wchar_t* option = config.xoptions.items[i];
    const wchar_t* equals = wcschr(option, L'=');
    Ref<> key = TRY(steal(PyUnicode_FromWideChar(option, equals ? equals - option : -1)));
    Ref<> value = equals ? steal(PyUnicode_FromWideChar(equals + 1, -1)) : borrow(Py_True);
    if (!value) return failed;
    TRY(PyDict_SetItem(xoptions, key, value));
  }
  TRY(set_sys("_xoptions", std::move(xoptions)));
  interp->numbers.max_str_digits = config.int_max_str_digits;
  TRY(sys_flags_start());
  TRY(set_sys("dont_write_bytecode", borrow(config.write_bytecode ? Py_False : Py_True)));
  Ref<> jit = TRY(steal(PyModule_Create2(&jit_definition, PYTHON_API_VERSION)));
  TRY(set_sys("_jit", std::move(jit)));
  if (ks_create_monitoring_module) TRY(set_sys("monitoring", steal(ks_create_monitoring_module())));
  return Status::Ok;
}

}  // namespace ks

using namespace ks;

extern "C" {

// ---- recursion limit -------------------------------------------------------------------------------------------------------------

int Py_GetRecursionLimit(void) { return thread()->py_recursion_limit; }
// For all threads of the interpreter.
void Py_SetRecursionLimit(int limit) {
  PyInterpreterState* interp = interpreter();
  pthread_mutex_lock(&process.mutex);
  for (PyThreadState* state = interp->core.threads; state; state = state->next) {
    const int depth = state->py_recursion_limit - state->py_recursion_remaining;
    state->py_recursion_limit = limit;
    state->py_recursion_remaining = limit - depth;
  }
  pthread_mutex_unlock(&process.mutex);
}

// ---- attributes of sys ---------------------------------------------------------------------------------------------------------------

// Borrowed; NULL without exception where it is missing.
PyObject* PySys_GetObject(const char* name) {
  PyThreadState* state = current_thread_state;
  PyObject* dict = state ? state->interp->core.sys_dict : nullptr;
  if (!dict) return nullptr;
  Ref<> pending = steal(PyErr_GetRaisedException());
  PyObject* value = PyDict_GetItemString(dict, name);
  if (pending) PyErr_SetRaisedException(pending.release());
  return value;
}
// A null value deletes; 0 or -1.
int PySys_SetObject(const char* name, PyObject* value) {
  PyObject* dict = interpreter()->core.sys_dict;
  Ref<> key = steal(PyUnicode_InternFromString(name));
  if (!dict || !key) return -1;
  if (value) return PyDict_SetItem(dict, key, value);
  const int has = PyDict_Contains(dict, key);
  return has <= 0 ? has : PyDict_DelItem(dict, key);
}
// 1 and a new reference, 0, or -1.
KS_EXPORT int _PySys_GetOptionalAttr(PyObject* name, PyObject** value) {
  *value = nullptr;
  if (!PyUnicode_Check(name)) {
    PyErr_Format(PyExc_TypeError, "attribute name must be string, not '%.200s'", Py_TYPE(name)->tp_name);
    return -1;
  }
  PyObject* dict = interpreter()->core.sys_dict;
  return dict ? PyDict_GetItemRef(dict, name, value) : 0;
}
KS_EXPORT int _PySys_GetOptionalAttrString(const char* name, PyObject** value) {
  *value = nullptr;
  PyObject* dict = interpreter()->core.sys_dict;
  return dict ? PyDict_GetItemStringRef(dict, name, value) : 0;
}
KS_EXPORT PyObject* _PySys_GetRequiredAttr(PyObject* name) {
  PyObject* value;
  if (_PySys_GetOptionalAttr(name, &value) == 0) PyErr_Format(PyExc_RuntimeError, "lost sys.%U", name);
  return value;
}
KS_EXPORT PyObject* _PySys_GetRequiredAttrString(const char* name) {
  PyObject* value;
  if (_PySys_GetOptionalAttrString(name, &value) == 0) PyErr_Format(PyExc_RuntimeError, "lost sys.%s", name);
  return value;
}

// Size with the words in front of the object that the collector and others use.
KS_EXPORT size_t _PySys_GetSizeOf(PyObject* o) {
  if (PyType_Ready(Py_TYPE(o)) < 0) return static_cast<size_t>(-1);
  // Of the type, as with all special methods.
  Ref<> method = borrow(_PyType_Lookup(Py_TYPE(o), "__sizeof__"_id));
  if (!method) {
    PyErr_Format(PyExc_TypeError, "Type %.100s doesn't define __sizeof__", Py_TYPE(o)->tp_name);
    return static_cast<size_t>(-1);
  }
  if (descrgetfunc get = Py_TYPE(method.get())->tp_descr_get) {
    method = steal(get(method, o, reinterpret_cast<PyObject*>(Py_TYPE(o))));
    if (!method) return static_cast<size_t>(-1);
  }
  Ref<> size_object = steal(PyObject_CallNoArgs(method));
  if (!size_object) return static_cast<size_t>(-1);
  if (!PyLong_Check(size_object.get())) {
    PyErr_SetString(PyExc_TypeError, "an integer is required");
    return static_cast<size_t>(-1);
  }
  const Py_ssize_t size = PyLong_AsSsize_t(size_object);
  if (size == -1 && PyErr_Occurred()) return static_cast<size_t>(-1);
  if (size < 0) {
    PyErr_SetString(PyExc_ValueError, "__sizeof__() should return >= 0");
    return static_cast<size_t>(-1);
  }
  size_t head = 0;
  if (Py_TYPE(o)->tp_flags & Py_TPFLAGS_HAVE_GC && PyObject_IS_GC(o)) head += 16;
  if (Py_TYPE(o)->tp_flags & (Py_TPFLAGS_MANAGED_DICT | Py_TPFLAGS_MANAGED_WEAKREF)) head += 16;
  return static_cast<size_t>(size) + head;
}

// ---- options and argv, as older programs set them -----------------------------------------------------------------------------------

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
PyObject* PySys_GetXOptions(void) {
  PyObject* options = PySys_GetObject("_xoptions");
  if (!options || !PyDict_Check(options)) {
    Ref<> dict = steal(PyDict_New());
    if (!dict || PySys_SetObject("_xoptions", dict) < 0) return nullptr;
    return PySys_GetObject("_xoptions");
  }
  return options;
}
KS_EXPORT void PySys_AddXOption(const wchar_t* option) {
  PyObject* options = PySys_GetXOptions();
  if (!options) return PyErr_Clear();
  const wchar_t* equals = wcschr(option, L'=');
  Ref<> key = steal(PyUnicode_FromWideChar(option, equals ? equals - option : -1));
  Ref<> value = equals ? steal(PyUnicode_FromWideChar(equals + 1, -1)) : borrow(Py_True);
  if (!key || !value || PyDict_SetItem(options, key, value) < 0) PyErr_Clear();
}
void PySys_ResetWarnOptions(void) {
  if (!current_thread_state) return;
  PyObject* options = PySys_GetObject("warnoptions");
  if (options && PyList_Check(options)) PyList_SetSlice(options, 0, PyList_GET_SIZE(options), nullptr);
}
KS_EXPORT void PySys_AddWarnOptionUnicode(PyObject* option) {
  PyObject* options = PySys_GetObject("warnoptions");
  if (!options || !PyList_Check(options)) {
    Ref<> list = steal(PyList_New(0));
    if (!list || PySys_SetObject("warnoptions", list) < 0) return PyErr_Clear();
    options = PySys_GetObject("warnoptions");
  }
  if (PyList_Append(options, option) < 0) PyErr_Clear();
}
KS_EXPORT void PySys_AddWarnOption(const wchar_t* option) {
  if (!current_thread_state) return;
  Ref<> text = steal(PyUnicode_FromWideChar(option, -1));
  if (text) PySys_AddWarnOptionUnicode(text);
  else PyErr_Clear();
}
KS_EXPORT int PySys_HasWarnOptions(void) {
  PyObject* options = PySys_GetObject("warnoptions");
  return options && PyList_Check(options) && PyList_GET_SIZE(options) > 0;
}
KS_EXPORT void PySys_SetPath(const wchar_t* path) {
  Ref<> list = steal(PyList_New(0));
  while (list) {
    const wchar_t* end = wcschr(path, L':');
    Ref<> entry = steal(PyUnicode_FromWideChar(path, end ? end - path : -1));
    if (!entry || PyList_Append(list, entry) < 0) break;
    if (!end) break;
    path = end + 1;
  }
  if (!list || PySys_SetObject("path", list) < 0) Py_FatalError("can't set sys.path");
}
void PySys_SetArgvEx(int argc, wchar_t** argv, int update_path) {
  wchar_t empty[] = L"";
  wchar_t* nothing[] = {empty};
  if (argc < 1 || !argv) {
    argv = nothing;
    argc = 1;
  }
  const PyWideStringList list{argc, argv};
  Ref<> arguments = steal(list_as_list(list));
  if (!arguments || PySys_SetObject("argv", arguments) < 0) Py_FatalError("can't assign sys.argv");
  if (!update_path) return;
  PyObject* path0 = nullptr;
  PyStatus status = compute_sys_path0(list, &path0);
  if (is_exception(status)) Py_FatalError("can't compute path0 from argv");
  if (!path0) return;
  Ref<> owner = steal(path0);
  PyObject* path = PySys_GetObject("path");
  if (path && PyList_Check(path) && PyList_Insert(path, 0, path0) < 0) Py_FatalError("can't prepend path0 to sys.path");
}
void PySys_SetArgv(int argc, wchar_t** argv) { PySys_SetArgvEx(argc, argv, Py_IsolatedFlag == 0); }
#pragma clang diagnostic pop

}  // extern "C"
