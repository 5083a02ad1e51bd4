// Start and end of the runtime and its interpreters.
//
// The start has three steps, as the configuration's _init_main allows for: the runtime (preconfiguration), the core (first
// interpreter, rooms, sys, builtins, importlib), and the main part (external importlib, encodings, signals, stdio, site).
#include <dlfcn.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "interpreter/perf_trampoline.h"
#include "import/import.h"
#include "object/export.h"
#include "object/identifier.h"
#include "runtime/config.h"
#include "runtime/eval_bits.h"
#include "runtime/process.h"
#include "runtime/rooms.h"
#include "runtime/stdio.h"
#include "types/exceptions.h"
#include "types/str.h"

#ifndef KINGSNAKE_PROFILE
#define KINGSNAKE_PROFILE "unknown"
#endif

extern "C" void _Py_NO_RETURN _Py_FatalErrorFunc(const char* function, const char* message);
KS_EXPORT int _PyTraceMalloc_Start(int frames) __attribute__((weak));

namespace ks {

Status faulthandler_start(bool enable);  // modules/faulthandler.cpp
void faulthandler_end();

namespace {

PyStatus start_rooms(PyInterpreterState* interp) {
  if (is_main_interpreter(interp)) exceptions_prepare();
#define ROOM(NAME) \
  if (is_failure(NAME##_start(interp))) return status_error_in("Py_Initialize", "cannot start the room " #NAME);
#include "runtime/rooms.def"
#undef ROOM
  return status_ok();
}

using RoomEnd = void (*)(PyInterpreterState*);
void end_rooms(PyInterpreterState* interp) {
  constexpr RoomEnd kEnds[] = {
#define ROOM(NAME) NAME##_end,
#include "runtime/rooms.def"
#undef ROOM
  };
  for (size_t i = sizeof kEnds / sizeof *kEnds; i--;) kEnds[i](interp);
}

// Extension modules expect our names in the global scope, also where a host has loaded the library with RTLD_LOCAL.
void promote_library() {
  if (process.global_scope) return;
  process.global_scope = true;
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&Py_Initialize), &info) || !info.dli_fname) return;
  void* handle = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_GLOBAL | RTLD_NOW);
  (void)handle;
  const char* verbose = getenv("KINGSNAKE_VERBOSE");
  if (verbose && strcmp(verbose, "1") == 0)
    fprintf(stderr, "kingsnake: %s, Python %s, profile %s\n", info.dli_fname, PY_VERSION, KINGSNAKE_PROFILE);
}

// The status for an exception that has stopped the start: it is printed, and the message names the step.
PyStatus failed_step(const char* function, const char* message) {
  if (PyErr_Occurred()) print_exception_to_stderr();
  return status_error_in(function, message);
}

void set_interpreter_flags(PyInterpreterState* interp, const PyInterpreterConfig& config) {
  interp->core.allow_fork = config.allow_fork;
  interp->core.allow_exec = config.allow_exec;
  interp->core.allow_threads = config.allow_threads;
  interp->core.allow_daemon_threads = config.allow_daemon_threads;
  interp->core.check_multi_interp_extensions = config.check_multi_interp_extensions;
  interp->core.own_allocator = !config.use_main_obmalloc;
}

// sys, builtins and importlib of a new interpreter whose rooms have started.
PyStatus create_modules(PyThreadState* state) {
  PyInterpreterState* interp = state->interp;
  PyObject* sys = nullptr;
  STATUS_TRY(sys_create(state, &sys));
  Ref<> sys_owner = steal(sys);
  Ref<> builtins = builtins_create(state);
  if (!builtins) return failed_step("pycore_init_builtins", "can't initialize builtins module");
  interp->core.builtins_dict = Py_NewRef(PyModule_GetDict(builtins));
  if (is_failure(fix_up_builtin(builtins, "builtins", interp->core.modules)))
    return failed_step("pycore_init_builtins", "failed to add builtins to modules");
  interp->core.import_func = Py_XNewRef(PyDict_GetItemWithError(interp->core.builtins_dict, "__import__"_id));
  interp->core.builtins_dict_copy = PyDict_Copy(interp->core.builtins_dict);
  if (!interp->core.import_func || !interp->core.builtins_dict_copy) return STATUS_NO_MEMORY();
  if (is_failure(sys_set_stderr_printer(state))) return failed_step("init_sys_streams", "can't set preliminary stderr");
  if (is_failure(sys_fill_from_config(state))) return failed_step("_PySys_UpdateConfig", "can't initialize sys from the configuration");
  if (interp->core.config._install_importlib && is_failure(importlib_start(interp, sys))) {
    if (PyErr_ExceptionMatches(PyExc_ModuleNotFoundError)) {
      // There is no standard library where we look for it.
      dump_paths(interp->core.config);
      process.core_initialized = true;
      return status_error_in(nullptr, "Failed to import encodings module");
    }
    return failed_step("init_importlib", "failed to initialize importlib");
  }
  return status_ok();
}

Status add_main_module(PyInterpreterState* interp) {
  Ref<> module = TRY(steal(PyImport_AddModuleRef("__main__")));
  PyObject* dict = PyModule_GetDict(module);
  Ref<> annotations = TRY(steal(PyDict_New()));
  (void)annotations;
  if (!PyDict_GetItemWithError(dict, "__builtins__"_id)) {
    Ref<> builtins = TRY(steal(PyImport_ImportModule("builtins")));
    TRY(PyDict_SetItem(dict, "__builtins__"_id, builtins));
  }
  PyObject* loader = PyDict_GetItemWithError(dict, "__loader__"_id);
  if (!loader || loader == Py_None) {
    if (interp->import.importlib) {
      Ref<> importer = TRY(steal(PyObject_GetAttr(interp->import.importlib, "BuiltinImporter"_id)));
      TRY(PyDict_SetItem(dict, "__loader__"_id, importer));
    }
  }
  return Status::Ok;
}

PyStatus start_main_part(PyThreadState* state) {
  PyInterpreterState* interp = state->interp;
  PyConfig& config = interp->core.config;
  const bool main = is_main_interpreter(interp);
  if (!config._install_importlib) {
    interp->core.ready = true;
    if (main) process.initialized = true;
    return status_ok();
  }
  if (main && config.perf_profiling > 0 &&
      is_failure(perf_trampoline_activate(config.perf_profiling == 1 ? PerfBackend::Map : PerfBackend::Jit)))
    return failed_step("init_interp_main", "can't activate the perf trampoline");
  if (is_failure(importlib_start_external(interp)))
    return failed_step("init_importlib_external", "external importer setup failed");
  if (main && is_failure(faulthandler_start(config.faulthandler > 0)))
    return failed_step("init_interp_main", "can't initialize faulthandler");
  if (is_failure(encodings_start(state))) {
    if (PyErr_ExceptionMatches(PyExc_ModuleNotFoundError)) {
      dump_paths(config);
      return status_error_in(nullptr, "Failed to import encodings module");
    }
    return failed_step("init_fs_encoding", "failed to get the Python codec of the filesystem encoding");
  }
  if (main) {
    if (is_failure(signals_start(config.install_signal_handlers > 0)))
      return failed_step("init_interp_main", "can't initialize signals");
    if (config.tracemalloc > 0 && _PyTraceMalloc_Start && _PyTraceMalloc_Start(config.tracemalloc) < 0)
      return failed_step("init_interp_main", "can't start tracemalloc");
  }
  if (is_failure(std_streams_start(state))) return failed_step("init_sys_streams", "can't initialize sys standard streams");
  if (is_failure(add_main_module(interp))) return failed_step("add_main_module", "can't create __main__ module");
  if (main) {
    // The warnings module is needed when there are options for it.
    PyObject* options = sys_get("warnoptions"_id);
    if (options && PyList_Check(options) && PyList_GET_SIZE(options) > 0) {
      Ref<> warnings = steal(PyImport_ImportModule("warnings"));
      if (!warnings) {
        fprintf(stderr, "'import warnings' failed; traceback:\n");
        print_exception_to_stderr();
      }
    }
    process.initialized = true;
  }
  interp->core.ready = true;
  if (config.site_import) {
    Ref<> site = steal(PyImport_ImportModule("site"));
    if (!site) {
      print_exception_to_stderr();
      return status_error_in("init_import_site", "Failed to import the site module");
    }
  }
  if (main && is_failure(stdio_encoding_check(state))) PyErr_Clear();
  return status_ok();
}

PyStatus start_core(const PyConfig* source, PyThreadState** result) {
  PyConfig config;
  _PyConfig_InitCompatConfig(&config);
  config._config_init = source->_config_init;
  STATUS_TRY(copy_config(&config, source));
  config._config_init = source->_config_init;
  PyStatus status = read_config(&config, true);
  if (is_exception(status)) {
    PyConfig_Clear(&config);
    return status;
  }
  promote_library();
  write_global_flags(config);
  publish_paths(config);
  if (!list_copy(&process.orig_argv, &config.orig_argv)) return STATUS_NO_MEMORY();
  if (config.configure_c_stdio) configure_c_stdio(config);

  process.main_thread = static_cast<unsigned long>(pthread_self());
  PyInterpreterState* interp = new_interpreter_state();
  if (!interp) return STATUS_ERROR("can't make main interpreter");
  interp->core.config = config;  // moved
  interp->core.config_read = true;
  interp->core.whence = 1;
  gil_create(interp, true);
  PyThreadState* state = new_thread_state(interp, 1);
  if (!state) return STATUS_ERROR("can't make first thread");
  attach(state);
  if (!hash_secret_start(config.use_hash_seed > 0, config.hash_seed))
    return status_error_in("_Py_HashRandomization_Init", "failed to get random numbers to initialize Python");
  STATUS_TRY(start_rooms(interp));
  STATUS_TRY(create_modules(state));
  process.core_initialized = true;
  *result = state;
  return status_ok();
}

}  // namespace

void end_interpreter_rooms(PyInterpreterState* interp) { end_rooms(interp); }

}  // namespace ks

using namespace ks;

extern "C" {

// ---- initialisation -------------------------------------------------------------------------------------------------------

PyStatus Py_InitializeFromConfig(const PyConfig* config) {
  if (!config) return STATUS_ERROR("initialization config is NULL");
  if (process.initialized) return status_ok();
  STATUS_TRY(preinitialize_from_config(config, nullptr));
  PyThreadState* state = nullptr;
  if (process.core_initialized) state = current_thread_state;
  else STATUS_TRY(start_core(config, &state));
  if (state->interp->core.config._init_main) STATUS_TRY(start_main_part(state));
  return status_ok();
}
KS_EXPORT PyStatus _Py_InitializeMain(void) {
  PyThreadState* state = current_thread_state;
  if (!state) return STATUS_ERROR("_Py_InitializeMain() must be called with a current thread state");
  return start_main_part(state);
}
void Py_InitializeEx(int install_signal_handlers) {
  if (process.initialized) return;
  PyConfig config;
  _PyConfig_InitCompatConfig(&config);
  config.install_signal_handlers = install_signal_handlers;
  PyStatus status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (is_exception(status)) Py_ExitStatusException(status);
}
void Py_Initialize(void) { Py_InitializeEx(1); }
int Py_IsInitialized(void) { return process.initialized; }
int Py_IsFinalizing(void) { return __atomic_load_n(&process.finalizing, __ATOMIC_ACQUIRE) != nullptr; }
KS_EXPORT int _Py_IsInterpreterFinalizing(PyInterpreterState* interp) {
  return __atomic_load_n(&interp->core.finalizing_thread, __ATOMIC_ACQUIRE) != nullptr || interp->core.finalizing;
}

// ---- subinterpreters ----------------------------------------------------------------------------------------------------------

PyStatus Py_NewInterpreterFromConfig(PyThreadState** result, const PyInterpreterConfig* config) {
  *result = nullptr;
  if (!process.initialized) return STATUS_ERROR("Py_Initialize must be called first");
  if (config->gil < PyInterpreterConfig_DEFAULT_GIL || config->gil > PyInterpreterConfig_OWN_GIL)
    return STATUS_ERROR("invalid interpreter config 'gil' value");
  if (!config->use_main_obmalloc && !config->check_multi_interp_extensions)
    return STATUS_ERROR("per-interpreter obmalloc does not support single-phase init extension modules");
  PyThreadState* old = current_thread_state;
  PyInterpreterState* interp = new_interpreter_state();
  if (!interp) return status_ok();
  interp->core.whence = 2;
  set_interpreter_flags(interp, *config);
  PyInterpreterState* parent = old ? old->interp : process.main;
  _PyConfig_InitCompatConfig(&interp->core.config);
  STATUS_TRY(copy_config(&interp->core.config, &parent->core.config));
  interp->core.switch_interval = parent->core.switch_interval;
  const bool own = config->gil == PyInterpreterConfig_OWN_GIL;
  gil_create(interp, own);
  if (!own && parent->core.gil != &process.main_gil) interp->core.gil = parent->core.gil;
  PyThreadState* state = new_thread_state(interp, 2);
  if (!state) return STATUS_ERROR("can't make the first thread of an interpreter");
  if (old) detach(old);
  attach(state);
  PyStatus status = start_rooms(interp);
  if (!is_exception(status)) status = create_modules(state);
  if (!is_exception(status)) status = start_main_part(state);
  if (is_exception(status)) {
    detach(state);
    if (old) attach(old);
    return status;
  }
  *result = state;
  return status_ok();
}
// New interpreter that shares GIL and allocator; its thread state is current. NULL when it cannot be made.
PyThreadState* Py_NewInterpreter(void) {
  PyThreadState* state = nullptr;
  const PyInterpreterConfig config = _PyInterpreterConfig_LEGACY_INIT;
  PyStatus status = Py_NewInterpreterFromConfig(&state, &config);
  if (is_exception(status)) Py_ExitStatusException(status);
  return state;
}

static const struct {
  const char* name;
  int PyInterpreterConfig::*field;
} kInterpreterFields[] = {
    {"use_main_obmalloc", &PyInterpreterConfig::use_main_obmalloc},
    {"allow_fork", &PyInterpreterConfig::allow_fork},
    {"allow_exec", &PyInterpreterConfig::allow_exec},
    {"allow_threads", &PyInterpreterConfig::allow_threads},
    {"allow_daemon_threads", &PyInterpreterConfig::allow_daemon_threads},
    {"check_multi_interp_extensions", &PyInterpreterConfig::check_multi_interp_extensions},
};
static const char* const kGilNames[] = {"default", "shared", "own"};

// New dict.
KS_EXPORT PyObject* _PyInterpreterConfig_AsDict(PyInterpreterConfig* config) {
  Ref<> dict = steal(PyDict_New());
  if (!dict) return nullptr;
  for (const auto& entry : kInterpreterFields)
    if (PyDict_SetItemString(dict, entry.name, config->*entry.field ? Py_True : Py_False) < 0) return nullptr;
  if (config->gil < 0 || config->gil > 2) {
    PyErr_SetString(PyExc_ValueError, "invalid interpreter config 'gil' value");
    return nullptr;
  }
  Ref<> gil = steal(PyUnicode_FromString(kGilNames[config->gil]));
  if (!gil || PyDict_SetItemString(dict, "gil", gil) < 0) return nullptr;
  return dict.release();
}
static int interpreter_config_from(PyInterpreterConfig* config, PyObject* dict, bool missing_allowed) {
  Ref<> copy = steal(PyDict_New());
  if (!copy || PyDict_Update(copy, dict) < 0) return -1;
  for (const auto& entry : kInterpreterFields) {
    PyObject* value = PyDict_GetItemString(copy, entry.name);
    if (!value) {
      if (missing_allowed) continue;
      PyErr_Format(PyExc_ValueError, "missing dict key: %s", entry.name);
      return -1;
    }
    const int truth = PyObject_IsTrue(value);
    if (truth < 0) return -1;
    config->*entry.field = truth;
    if (PyDict_DelItemString(copy, entry.name) < 0) return -1;
  }
  if (PyObject* value = PyDict_GetItemString(copy, "gil")) {
    const char* text = PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : nullptr;
    if (!text) {
      if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "invalid config value for 'gil'");
      return -1;
    }
    int found = -1;
    for (int i = 0; i < 3; ++i)
      if (strcmp(text, kGilNames[i]) == 0) found = i;
    if (found < 0) {
      PyErr_Format(PyExc_ValueError, "unsupported interpreter config .gil value '%s'", text);
      return -1;
    }
    config->gil = found;
    if (PyDict_DelItemString(copy, "gil") < 0) return -1;
  } else if (!missing_allowed) {
    PyErr_Format(PyExc_ValueError, "missing dict key: %s", "gil");
    return -1;
  }
  const Py_ssize_t left = PyDict_Size(copy);
  if (left > 0) {
    if (left == 1) PyErr_SetString(PyExc_ValueError, "config dict has 1 extra item");
    else PyErr_Format(PyExc_ValueError, "config dict has %d extra items", static_cast<int>(left));
    return -1;
  }
  return 0;
}
KS_EXPORT int _PyInterpreterConfig_InitFromDict(PyInterpreterConfig* config, PyObject* dict) {
  if (!PyDict_Check(dict)) {
    PyErr_SetString(PyExc_TypeError, "dict expected");
    return -1;
  }
  return interpreter_config_from(config, dict, false);
}
KS_EXPORT int _PyInterpreterConfig_UpdateFromDict(PyInterpreterConfig* config, PyObject* dict) {
  if (!PyDict_Check(dict)) {
    PyErr_SetString(PyExc_TypeError, "dict expected");
    return -1;
  }
  return interpreter_config_from(config, dict, true);
}
KS_EXPORT int _PyInterpreterConfig_InitFromState(PyInterpreterConfig* config, PyInterpreterState* interp) {
  config->use_main_obmalloc = !interp->core.own_allocator;
  config->allow_fork = interp->core.allow_fork;
  config->allow_exec = interp->core.allow_exec;
  config->allow_threads = interp->core.allow_threads;
  config->allow_daemon_threads = interp->core.allow_daemon_threads;
  config->check_multi_interp_extensions = interp->core.check_multi_interp_extensions;
  config->gil = interp->core.own_gil ? PyInterpreterConfig_OWN_GIL : PyInterpreterConfig_SHARED_GIL;
  return 0;
}
// A new interpreter from a configuration, for _interpreters and _testinternalcapi.
KS_EXPORT PyInterpreterState* _PyXI_NewInterpreter(PyInterpreterConfig* config, long* whence, PyThreadState** state, PyThreadState** save) {
  PyThreadState* saved = current_thread_state;
  PyThreadState* made = nullptr;
  PyStatus status = Py_NewInterpreterFromConfig(&made, config);
  if (is_exception(status)) {
    _PyErr_SetFromPyStatus(status);
    return nullptr;
  }
  PyInterpreterState* interp = made->interp;
  if (whence) interp->core.whence = static_cast<int>(*whence);
  if (state) {
    *state = made;
    if (save) *save = saved;
  } else {
    PyThreadState_Swap(saved);
    PyThreadState* back = PyThreadState_Swap(made);
    PyThreadState_Clear(made);
    PyThreadState_Swap(back);
    PyThreadState_Delete(made);
  }
  return interp;
}
KS_EXPORT void _PyXI_EndInterpreter(PyInterpreterState* interp, PyThreadState* state, PyThreadState** save) {
  PyThreadState* saved = nullptr;
  if (!interp->core.ready) {
    // Never started: there is nothing to end.
    if (current_thread_state && current_thread_state->interp == interp) PyThreadState_Swap(save ? *save : nullptr);
    PyInterpreterState_Delete(interp);
    return;
  }
  if (current_thread_state && current_thread_state->interp == interp) {
    saved = save ? *save : nullptr;
    state = current_thread_state;
  } else {
    if (!state) state = new_thread_state(interp, 3);
    saved = PyThreadState_Swap(state);
  }
  Py_EndInterpreter(state);
  if (saved) PyThreadState_Swap(saved);
}

}  // extern "C"
