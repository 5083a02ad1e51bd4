// PyConfig and PyPreConfig: initial values, copying, setting, and the global variables of older days.
#include "runtime/config.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "object/export.h"
#include "object/ref.h"
#include "runtime/process.h"

namespace ks {

#define FIELD(NAME, KIND, ACCESS, SYS) {#NAME, offsetof(PyConfig, NAME), FieldKind::KIND, FieldAccess::ACCESS, SYS, nullptr, false}
#define FLAG(NAME, KIND, ACCESS, FLAG_NAME, INVERTED) \
  {#NAME, offsetof(PyConfig, NAME), FieldKind::KIND, FieldAccess::ACCESS, nullptr, FLAG_NAME, INVERTED}
const ConfigField kConfigFields[] = {
    FIELD(argv, List, Public, "argv"),
    FIELD(base_exec_prefix, TextOrNone, Public, "base_exec_prefix"),
    FIELD(base_executable, TextOrNone, Public, "_base_executable"),
    FIELD(base_prefix, TextOrNone, Public, "base_prefix"),
    FLAG(bytes_warning, UnsignedInt, Public, "bytes_warning", false),
    FIELD(cpu_count, Int, Public, nullptr),
    FIELD(exec_prefix, TextOrNone, Public, "exec_prefix"),
    FIELD(executable, TextOrNone, Public, "executable"),
    FLAG(inspect, Bool, Public, "inspect", false),
    FIELD(int_max_str_digits, UnsignedInt, Public, nullptr),
    FLAG(interactive, Bool, Public, "interactive", false),
    FIELD(module_search_paths, List, Public, "path"),
    FLAG(optimization_level, UnsignedInt, Public, "optimize", false),
    FLAG(parser_debug, Bool, Public, "debug", false),
    FIELD(platlibdir, Text, Public, "platlibdir"),
    FIELD(prefix, TextOrNone, Public, "prefix"),
    FIELD(pycache_prefix, TextOrNone, Public, "pycache_prefix"),
    FLAG(quiet, Bool, Public, "quiet", false),
    FIELD(stdlib_dir, TextOrNone, Public, "_stdlib_dir"),
    FLAG(use_environment, Bool, Public, "ignore_environment", true),
    FLAG(verbose, UnsignedInt, Public, "verbose", false),
    FIELD(warnoptions, List, Public, "warnoptions"),
    FLAG(write_bytecode, Bool, Public, "dont_write_bytecode", true),
    FIELD(xoptions, List, Public, "_xoptions"),

    FIELD(buffered_stdio, Bool, ReadOnly, nullptr),
    FIELD(check_hash_pycs_mode, Text, ReadOnly, nullptr),
    FIELD(code_debug_ranges, Bool, ReadOnly, nullptr),
    FIELD(configure_c_stdio, Bool, ReadOnly, nullptr),
    FIELD(context_aware_warnings, Int, ReadOnly, nullptr),
    FIELD(dev_mode, Bool, ReadOnly, nullptr),
    FIELD(dump_refs, Bool, ReadOnly, nullptr),
    FIELD(dump_refs_file, TextOrNone, ReadOnly, nullptr),
    FIELD(faulthandler, Bool, ReadOnly, nullptr),
    FIELD(filesystem_encoding, Text, ReadOnly, nullptr),
    FIELD(filesystem_errors, Text, ReadOnly, nullptr),
    FIELD(hash_seed, UnsignedLong, ReadOnly, nullptr),
    FIELD(home, TextOrNone, ReadOnly, nullptr),
    FIELD(thread_inherit_context, Int, ReadOnly, nullptr),
    FIELD(import_time, UnsignedInt, ReadOnly, nullptr),
    FIELD(install_signal_handlers, Bool, ReadOnly, nullptr),
    FIELD(isolated, Bool, ReadOnly, nullptr),
    FIELD(malloc_stats, Bool, ReadOnly, nullptr),
    FIELD(pathconfig_warnings, Bool, ReadOnly, nullptr),
    FIELD(perf_profiling, UnsignedInt, ReadOnly, nullptr),
    FIELD(remote_debug, Bool, ReadOnly, nullptr),
    FIELD(program_name, TextOrNone, ReadOnly, nullptr),
    FIELD(run_command, TextOrNone, ReadOnly, nullptr),
    FIELD(run_filename, TextOrNone, ReadOnly, nullptr),
    FIELD(run_module, TextOrNone, ReadOnly, nullptr),
    FIELD(safe_path, Bool, ReadOnly, nullptr),
    FIELD(show_ref_count, Bool, ReadOnly, nullptr),
    FIELD(site_import, Bool, ReadOnly, nullptr),
    FIELD(skip_source_first_line, Bool, ReadOnly, nullptr),
    FIELD(stdio_encoding, Text, ReadOnly, nullptr),
    FIELD(stdio_errors, Text, ReadOnly, nullptr),
    FIELD(tracemalloc, UnsignedInt, ReadOnly, nullptr),
    FIELD(use_frozen_modules, Bool, ReadOnly, nullptr),
    FIELD(use_hash_seed, Bool, ReadOnly, nullptr),
    FIELD(user_site_directory, Bool, ReadOnly, nullptr),
    FIELD(warn_default_encoding, Bool, ReadOnly, nullptr),
    FIELD(orig_argv, List, ReadOnly, "orig_argv"),
    FIELD(parse_argv, Bool, ReadOnly, nullptr),

    FIELD(pythonpath_env, TextOrNone, Init, nullptr),
    FIELD(sys_path_0, TextOrNone, Init, nullptr),
    FIELD(module_search_paths_set, Bool, Init, nullptr),
    FIELD(_config_init, UnsignedInt, Init, nullptr),
    FIELD(_init_main, Bool, Init, nullptr),
    FIELD(_install_importlib, Bool, Init, nullptr),
    FIELD(_is_python_build, Bool, Init, nullptr),
    {}};
#undef FIELD
#undef FLAG
#define FIELD(NAME, KIND, ACCESS) {#NAME, offsetof(PyPreConfig, NAME), FieldKind::KIND, FieldAccess::ACCESS, nullptr, nullptr, false}
const ConfigField kPreConfigFields[] = {
    FIELD(allocator, Int, ReadOnly),
    FIELD(coerce_c_locale, Bool, ReadOnly),
    FIELD(coerce_c_locale_warn, Bool, ReadOnly),
    FIELD(configure_locale, Bool, ReadOnly),
    FIELD(utf8_mode, Bool, ReadOnly),
    FIELD(dev_mode, Bool, Init),
    FIELD(isolated, Bool, Init),
    FIELD(parse_argv, Bool, Init),
    FIELD(use_environment, Bool, Init),
    FIELD(_config_init, Int, Init),
    {}};
#undef FIELD

wchar_t* copy_wide(const wchar_t* text) {
  const size_t bytes = (wcslen(text) + 1) * sizeof(wchar_t);
  auto* copy = static_cast<wchar_t*>(PyMem_RawMalloc(bytes));
  if (copy) memcpy(copy, text, bytes);
  return copy;
}
bool set_wide(wchar_t** slot, const wchar_t* text) {
  wchar_t* copy = nullptr;
  if (text && !(copy = copy_wide(text))) return false;
  PyMem_RawFree(*slot);
  *slot = copy;
  return true;
}
void list_clear(PyWideStringList* list) {
  for (Py_ssize_t i = 0; i < list->length; ++i) PyMem_RawFree(list->items[i]);
  PyMem_RawFree(list->items);
  list->length = 0;
  list->items = nullptr;
}
bool list_extend(PyWideStringList* to, const PyWideStringList* from) {
  for (Py_ssize_t i = 0; i < from->length; ++i)
    if (is_exception(PyWideStringList_Append(to, from->items[i]))) return false;
  return true;
}
bool list_copy(PyWideStringList* to, const PyWideStringList* from) {
  PyWideStringList copy{};
  if (!list_extend(&copy, from)) {
    list_clear(&copy);
    return false;
  }
  list_clear(to);
  *to = copy;
  return true;
}
bool list_contains(const PyWideStringList& list, const wchar_t* item) {
  for (Py_ssize_t i = 0; i < list.length; ++i)
    if (wcscmp(list.items[i], item) == 0) return true;
  return false;
}
PyObject* list_as_list(const PyWideStringList& list) {
  Ref<> result = TRY(steal(PyList_New(list.length)));
  for (Py_ssize_t i = 0; i < list.length; ++i)
    PyList_SET_ITEM(result.get(), i, TRY(steal(PyUnicode_FromWideChar(list.items[i], -1))).release());
  return result.release();
}
PyObject* list_as_tuple(const PyWideStringList& list) {
  Ref<> result = TRY(steal(PyTuple_New(list.length)));
  for (Py_ssize_t i = 0; i < list.length; ++i)
    PyTuple_SET_ITEM(result.get(), i, TRY(steal(PyUnicode_FromWideChar(list.items[i], -1))).release());
  return result.release();
}

bool parse_int(const char* text, int* value) {
  errno = 0;
  char* end;
  const long number = strtol(text, &end, 10);
  if (*end || end == text || errno == ERANGE || number < INT_MIN || number > INT_MAX) return false;
  *value = static_cast<int>(number);
  return true;
}
bool parse_wide_int(const wchar_t* text, int* value) {
  errno = 0;
  wchar_t* end;
  const long number = wcstol(text, &end, 10);
  if (*end || end == text || errno == ERANGE || number < INT_MIN || number > INT_MAX) return false;
  *value = static_cast<int>(number);
  return true;
}
const char* environment(bool use_environment, const char* name) {
  if (!use_environment) return nullptr;
  const char* value = getenv(name);
  return value && *value ? value : nullptr;
}
PyStatus decode_locale(const char* text, wchar_t** result) {
  size_t size = 0;
  *result = Py_DecodeLocale(text, &size);
  if (*result) return status_ok();
  return size == static_cast<size_t>(-2) ? status_error_in(__func__, "cannot decode the text") : status_error_in(__func__, "memory allocation failed");
}
PyStatus environment_wide(bool use_environment, const char* name, wchar_t** result) {
  *result = nullptr;
  const char* value = environment(use_environment, name);
  return value ? decode_locale(value, result) : status_ok();
}
const wchar_t* find_xoption(const PyWideStringList& xoptions, const wchar_t* name) {
  for (Py_ssize_t i = 0; i < xoptions.length; ++i) {
    const wchar_t* option = xoptions.items[i];
    const wchar_t* equals = wcschr(option, L'=');
    const size_t length = equals ? static_cast<size_t>(equals - option) : wcslen(option);
    if (length == wcslen(name) && wcsncmp(option, name, length) == 0) return option;
  }
  return nullptr;
}
const wchar_t* option_value(const wchar_t* option) {
  const wchar_t* equals = wcschr(option, L'=');
  return equals ? equals + 1 : nullptr;
}

PyStatus arguments_to_list(const Arguments& arguments, PyWideStringList* list) {
  PyWideStringList result{};
  for (Py_ssize_t i = 0; i < arguments.count; ++i) {
    wchar_t* item = nullptr;
    if (arguments.wide) {
      item = copy_wide(arguments.wide[i]);
      if (!item) return STATUS_NO_MEMORY();
    } else {
      size_t length;
      item = Py_DecodeLocale(arguments.bytes[i], &length);
      if (!item) {
        list_clear(&result);
        return STATUS_ERROR("cannot decode command line arguments");
      }
    }
    PyStatus status = PyWideStringList_Append(&result, item);
    PyMem_RawFree(item);
    STATUS_TRY(status);
  }
  list_clear(list);
  *list = result;
  return status_ok();
}

PyStatus copy_config(PyConfig* to, const PyConfig* from) {
  PyConfig_Clear(to);
  for (const ConfigField* field = kConfigFields; field->name; ++field) {
    void* target = field_address(to, *field);
    const void* source = field_address(from, *field);
    switch (field->kind) {
      case FieldKind::Int:
      case FieldKind::Bool:
      case FieldKind::UnsignedInt:
        *static_cast<int*>(target) = *static_cast<const int*>(source);
        break;
      case FieldKind::UnsignedLong:
        *static_cast<unsigned long*>(target) = *static_cast<const unsigned long*>(source);
        break;
      case FieldKind::Text:
      case FieldKind::TextOrNone:
        if (!set_wide(static_cast<wchar_t**>(target), *static_cast<wchar_t* const*>(source))) return STATUS_NO_MEMORY();
        break;
      case FieldKind::List:
        if (!list_copy(static_cast<PyWideStringList*>(target), static_cast<const PyWideStringList*>(source)))
          return STATUS_NO_MEMORY();
        break;
    }
  }
  return status_ok();
}

}  // namespace ks

using namespace ks;

extern "C" {

// ---- global variables ------------------------------------------------------------------------------------------------

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
int Py_UTF8Mode = 0;
int Py_DebugFlag = 0;
int Py_VerboseFlag = 0;
int Py_QuietFlag = 0;
int Py_InteractiveFlag = 0;
int Py_InspectFlag = 0;
int Py_OptimizeFlag = 0;
int Py_NoSiteFlag = 0;
int Py_BytesWarningFlag = 0;
int Py_FrozenFlag = 0;
int Py_IgnoreEnvironmentFlag = 0;
int Py_DontWriteBytecodeFlag = 0;
int Py_NoUserSiteDirectory = 0;
int Py_UnbufferedStdioFlag = 0;
int Py_HashRandomizationFlag = 0;
int Py_IsolatedFlag = 0;
const char* Py_FileSystemDefaultEncoding = nullptr;
int Py_HasFileSystemDefaultEncoding = 0;
const char* Py_FileSystemDefaultEncodeErrors = nullptr;

// ---- PyStatus -----------------------------------------------------------------------------------------------------------

PyStatus PyStatus_Ok(void) { return status_ok(); }
PyStatus PyStatus_Error(const char* message) { return status_error_in(nullptr, message); }
PyStatus PyStatus_NoMemory(void) { return PyStatus_Error("memory allocation failed"); }
PyStatus PyStatus_Exit(int code) { return status_exit(code); }
int PyStatus_IsError(PyStatus status) { return status._type == PyStatus::_PyStatus_TYPE_ERROR; }
int PyStatus_IsExit(PyStatus status) { return status._type == PyStatus::_PyStatus_TYPE_EXIT; }
int PyStatus_Exception(PyStatus status) { return is_exception(status); }
KS_EXPORT void _PyErr_SetFromPyStatus(PyStatus status) {
  if (!PyStatus_IsError(status)) {
    PyErr_SetString(PyExc_SystemError, "_PyErr_SetFromPyStatus() expects an error PyStatus");
    return;
  }
  const char* message = status.err_msg;
  if (message && strcmp(message, "memory allocation failed") == 0) {
    PyErr_NoMemory();
    return;
  }
  if (status.func) PyErr_Format(PyExc_RuntimeError, "%s: %s", status.func, message);
  else PyErr_SetString(PyExc_RuntimeError, message);
}

// ---- PyWideStringList -----------------------------------------------------------------------------------------------------

PyStatus PyWideStringList_Insert(PyWideStringList* list, Py_ssize_t index, const wchar_t* item) {
  if (index < 0) return STATUS_ERROR("PyWideStringList_Insert index must be >= 0");
  const Py_ssize_t length = list->length;
  if (index > length) index = length;
  wchar_t* copy = copy_wide(item);
  if (!copy) return STATUS_NO_MEMORY();
  auto** items = static_cast<wchar_t**>(
      PyMem_RawRealloc(list->items, (static_cast<size_t>(length) + 1) * sizeof(wchar_t*)));
  if (!items) {
    PyMem_RawFree(copy);
    return STATUS_NO_MEMORY();
  }
  memmove(items + index + 1, items + index, static_cast<size_t>(length - index) * sizeof(wchar_t*));
  items[index] = copy;
  list->items = items;
  list->length = length + 1;
  return status_ok();
}
PyStatus PyWideStringList_Append(PyWideStringList* list, const wchar_t* item) {
  return PyWideStringList_Insert(list, list->length, item);
}

// ---- PyPreConfig ------------------------------------------------------------------------------------------------------------

static void preconfig_undecided(PyPreConfig* config) {
  *config = {};
  config->isolated = config->use_environment = config->dev_mode = -1;
  config->utf8_mode = 0;
  config->configure_locale = 1;
  config->coerce_c_locale = config->coerce_c_locale_warn = 0;
}
KS_EXPORT void _PyPreConfig_InitCompatConfig(PyPreConfig* config) {
  preconfig_undecided(config);
  config->_config_init = kInitCompat;
  config->parse_argv = 0;
}
void PyPreConfig_InitPythonConfig(PyPreConfig* config) {
  preconfig_undecided(config);
  config->_config_init = kInitPython;
  config->isolated = 0;
  config->parse_argv = 1;
  config->use_environment = 1;
  config->coerce_c_locale = -1;
  config->coerce_c_locale_warn = -1;
  config->utf8_mode = -1;
}
void PyPreConfig_InitIsolatedConfig(PyPreConfig* config) {
  preconfig_undecided(config);
  config->_config_init = kInitIsolated;
  config->configure_locale = 0;
  config->isolated = 1;
  config->use_environment = 0;
  config->dev_mode = 0;
}

// ---- PyConfig -----------------------------------------------------------------------------------------------------------------

KS_EXPORT void _PyConfig_InitCompatConfig(PyConfig* config) {
  *config = {};
  config->_config_init = kInitCompat;
  config->import_time = -1;
  config->isolated = config->use_environment = config->dev_mode = -1;
  config->install_signal_handlers = 1;
  config->use_hash_seed = -1;
  config->faulthandler = config->tracemalloc = config->perf_profiling = -1;
  config->remote_debug = -1;
  config->module_search_paths_set = 0;
  config->parse_argv = 0;
  config->site_import = config->bytes_warning = config->warn_default_encoding = -1;
  config->warn_default_encoding = 0;
  config->inspect = config->interactive = config->optimization_level = config->parser_debug = -1;
  config->write_bytecode = config->verbose = config->quiet = -1;
  config->user_site_directory = -1;
  config->configure_c_stdio = 0;
  config->buffered_stdio = -1;
  config->_install_importlib = 1;
  config->pathconfig_warnings = -1;
  config->_init_main = 1;
  config->_is_python_build = 0;
  config->code_debug_ranges = 1;
  config->safe_path = 0;
  config->int_max_str_digits = -1;
  config->use_frozen_modules = -1;
  config->cpu_count = -1;
  config->thread_inherit_context = -1;
  config->context_aware_warnings = -1;
}

static void config_defaults(PyConfig* config) {
  _PyConfig_InitCompatConfig(config);
  config->isolated = 0;
  config->use_environment = 1;
  config->site_import = 1;
  config->bytes_warning = 0;
  config->inspect = config->interactive = config->optimization_level = config->parser_debug = 0;
  config->write_bytecode = 1;
  config->verbose = 0;
  config->quiet = 0;
  config->user_site_directory = 1;
  config->buffered_stdio = 1;
  config->pathconfig_warnings = 1;
}
void PyConfig_InitPythonConfig(PyConfig* config) {
  config_defaults(config);
  config->_config_init = kInitPython;
  config->configure_c_stdio = 1;
  config->parse_argv = 1;
}
void PyConfig_InitIsolatedConfig(PyConfig* config) {
  config_defaults(config);
  config->_config_init = kInitIsolated;
  config->isolated = 1;
  config->use_environment = 0;
  config->user_site_directory = 0;
  config->dev_mode = 0;
  config->install_signal_handlers = 0;
  config->use_hash_seed = 0;
  config->tracemalloc = 0;
  config->perf_profiling = 0;
  config->int_max_str_digits = 4300;
  config->safe_path = 1;
  config->pathconfig_warnings = 0;
  config->faulthandler = 0;
}

void PyConfig_Clear(PyConfig* config) {
  for (const ConfigField* field = kConfigFields; field->name; ++field) {
    void* slot = field_address(config, *field);
    if (field->kind == FieldKind::Text || field->kind == FieldKind::TextOrNone) {
      PyMem_RawFree(*static_cast<wchar_t**>(slot));
      *static_cast<wchar_t**>(slot) = nullptr;
    } else if (field->kind == FieldKind::List) {
      list_clear(static_cast<PyWideStringList*>(slot));
    }
  }
}

PyStatus PyConfig_SetString(PyConfig* config, wchar_t** slot, const wchar_t* text) {
  STATUS_TRY(preinitialize_from_config(config, nullptr));
  return set_wide(slot, text) ? status_ok() : STATUS_NO_MEMORY();
}
PyStatus PyConfig_SetBytesString(PyConfig* config, wchar_t** slot, const char* text) {
  STATUS_TRY(preinitialize_from_config(config, nullptr));
  wchar_t* wide = nullptr;
  if (text) {
    size_t length;
    wide = Py_DecodeLocale(text, &length);
    if (!wide) {
      if (length == static_cast<size_t>(-2)) return STATUS_ERROR("cannot decode string");
      return STATUS_NO_MEMORY();
    }
  }
  PyMem_RawFree(*slot);
  *slot = wide;
  return status_ok();
}
PyStatus PyConfig_SetArgv(PyConfig* config, Py_ssize_t argc, wchar_t* const* argv) {
  const Arguments arguments{argc, nullptr, argv};
  STATUS_TRY(preinitialize_from_config(config, &arguments));
  return arguments_to_list(arguments, &config->argv);
}
PyStatus PyConfig_SetBytesArgv(PyConfig* config, Py_ssize_t argc, char* const* argv) {
  const Arguments arguments{argc, argv, nullptr};
  STATUS_TRY(preinitialize_from_config(config, &arguments));
  return arguments_to_list(arguments, &config->argv);
}
PyStatus PyConfig_SetWideStringList(PyConfig* config, PyWideStringList* list, Py_ssize_t length, wchar_t** items) {
  STATUS_TRY(preinitialize_from_config(config, nullptr));
  const PyWideStringList source{length, items};
  return list_copy(list, &source) ? status_ok() : STATUS_NO_MEMORY();
}

// The arguments of the process as they were before anybody changed them; borrowed.
void Py_GetArgcArgv(int* argc, wchar_t*** argv) {
  *argc = static_cast<int>(process.orig_argv.length);
  *argv = process.orig_argv.items;
}

char* Py_GETENV(const char* name) { return Py_IgnoreEnvironmentFlag ? nullptr : getenv(name); }

KS_EXPORT const PyConfig* _Py_GetConfig(void) { return &interpreter()->core.config; }

}  // extern "C"

namespace ks {

void write_global_flags(const PyConfig& config) {
  Py_IsolatedFlag = config.isolated;
  Py_IgnoreEnvironmentFlag = !config.use_environment;
  Py_BytesWarningFlag = config.bytes_warning;
  Py_InspectFlag = config.inspect;
  Py_InteractiveFlag = config.interactive;
  Py_OptimizeFlag = config.optimization_level;
  Py_DebugFlag = config.parser_debug;
  Py_VerboseFlag = config.verbose;
  Py_QuietFlag = config.quiet;
  Py_UnbufferedStdioFlag = !config.buffered_stdio;
  Py_NoSiteFlag = !config.site_import;
  Py_DontWriteBytecodeFlag = !config.write_bytecode;
  Py_NoUserSiteDirectory = !config.user_site_directory;
  Py_HashRandomizationFlag = config.use_hash_seed == 0 || config.hash_seed != 0;
}

}  // namespace ks
#pragma clang diagnostic pop
