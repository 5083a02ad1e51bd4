// Completes a PyConfig: command line, environment, global variables, defaults.
#include <langinfo.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <climits>
#include <unistd.h>

#include "object/export.h"
#include "runtime/config.h"
#include "runtime/process.h"

namespace ks {

bool stdio_errors_escape();  // preconfig.cpp

namespace {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
void read_global_flags(PyConfig* config) {
  if (config->_config_init != kInitCompat) return;
  auto copy = [](int* field, int value) {
    if (*field == -1) *field = value;
  };
  copy(&config->isolated, Py_IsolatedFlag);
  copy(&config->use_environment, !Py_IgnoreEnvironmentFlag);
  copy(&config->bytes_warning, Py_BytesWarningFlag);
  copy(&config->inspect, Py_InspectFlag);
  copy(&config->interactive, Py_InteractiveFlag);
  copy(&config->optimization_level, Py_OptimizeFlag);
  copy(&config->parser_debug, Py_DebugFlag);
  copy(&config->verbose, Py_VerboseFlag);
  copy(&config->quiet, Py_QuietFlag);
  copy(&config->pathconfig_warnings, !Py_FrozenFlag);
  copy(&config->buffered_stdio, !Py_UnbufferedStdioFlag);
  copy(&config->site_import, !Py_NoSiteFlag);
  copy(&config->write_bytecode, !Py_DontWriteBytecodeFlag);
  copy(&config->user_site_directory, !Py_NoUserSiteDirectory);
}
#pragma clang diagnostic pop

// A flag variable: set, and not a number means 1; a number n raises the flag to n.
void raise_flag(bool use_environment, int* flag, const char* name) {
  const char* value = environment(use_environment, name);
  if (!value) return;
  int number;
  if (!parse_int(value, &number) || number < 0) number = 1;
  if (*flag < number) *flag = number;
}

PyStatus read_environment(PyConfig* config) {
  const bool use = config->use_environment;
  int debug = 0;
  raise_flag(use, &debug, "PYTHONDEBUG");
  if (debug && config->parser_debug < 1) config->parser_debug = 1;
  raise_flag(use, &config->verbose, "PYTHONVERBOSE");
  raise_flag(use, &config->optimization_level, "PYTHONOPTIMIZE");
  if (!config->inspect && environment(use, "PYTHONINSPECT")) config->inspect = 1;
  int flag = 0;
  raise_flag(use, &flag, "PYTHONDONTWRITEBYTECODE");
  if (flag) config->write_bytecode = 0;
  flag = 0;
  raise_flag(use, &flag, "PYTHONNOUSERSITE");
  if (flag) config->user_site_directory = 0;
  flag = 0;
  raise_flag(use, &flag, "PYTHONUNBUFFERED");
  if (flag) config->buffered_stdio = 0;
  if (environment(use, "PYTHONDUMPREFS")) config->dump_refs = 1;
  if (environment(use, "PYTHONMALLOCSTATS")) config->malloc_stats = 1;
  if (environment(use, "PYTHONSAFEPATH")) config->safe_path = 1;
  if (!config->pythonpath_env) STATUS_TRY(environment_wide(use, "PYTHONPATH", &config->pythonpath_env));
  if (!config->platlibdir) STATUS_TRY(environment_wide(use, "PYTHONPLATLIBDIR", &config->platlibdir));
  if (config->use_hash_seed < 0) {
    const char* seed = environment(use, "PYTHONHASHSEED");
    if (seed && strcmp(seed, "random") != 0) {
      char* end;
      errno = 0;
      const unsigned long value = strtoul(seed, &end, 10);
      if (*end || value > 4294967295UL || (errno == ERANGE && value == ULONG_MAX) || *seed == '-')
        return status_error_in("config_init_hash_seed",
                               "PYTHONHASHSEED must be \"random\" or an integer in range [0; 4294967295]");
      config->use_hash_seed = 1;
      config->hash_seed = value;
    } else {
      config->use_hash_seed = 0;
      config->hash_seed = 0;
    }
  }
  return status_ok();
}

struct SwitchOption {
  const wchar_t* option;
  const char* variable;
  const char* function;
  const char* bad_option;
  const char* bad_variable;
};

// "-X name=0|1" or a variable 0|1; -1 stays when neither is given.
PyStatus read_switch(PyConfig* config, int* field, const SwitchOption& names) {
  if (const char* value = environment(config->use_environment, names.variable)) {
    if (strcmp(value, "0") == 0) *field = 0;
    else if (strcmp(value, "1") == 0) *field = 1;
    else return status_error_in(names.function, names.bad_variable);
  }
  if (const wchar_t* option = find_xoption(config->xoptions, names.option)) {
    const wchar_t* value = option_value(option);
    if (value && wcscmp(value, L"0") == 0) *field = 0;
    else if (value && wcscmp(value, L"1") == 0) *field = 1;
    else return status_error_in(names.function, names.bad_option);
  }
  return status_ok();
}

PyStatus read_options(PyConfig* config) {
  const bool use = config->use_environment;
  auto given = [&](const wchar_t* option, const char* variable) {
    return find_xoption(config->xoptions, option) || (variable && environment(use, variable));
  };
  if (given(L"showrefcount", nullptr)) config->show_ref_count = 1;
  if (config->faulthandler < 0) config->faulthandler = config->dev_mode > 0 || given(L"faulthandler", "PYTHONFAULTHANDLER");

  if (config->import_time < 0) {
    config->import_time = 0;
    // What is no number asks for it too; the numbers behind 2 are reserved.
    auto level = [](const char* value) {
      int number;
      if (!parse_int(value, &number)) return 1;
      return number == 1 || number == 2 ? number : 0;
    };
    if (const char* value = environment(use, "PYTHONPROFILEIMPORTTIME")) config->import_time = level(value);
    if (const wchar_t* option = find_xoption(config->xoptions, L"importtime")) {
      const wchar_t* value = option_value(option);
      const std::wstring wide = value ? value : L"1";
      std::string text;
      for (const wchar_t c : wide) text += c < 128 ? static_cast<char>(c) : '?';
      config->import_time = level(text.c_str());
    }
  }
  if (given(L"no_debug_ranges", "PYTHONNODEBUGRANGES")) config->code_debug_ranges = 0;

  if (config->tracemalloc < 0) {
    config->tracemalloc = 0;
    if (const char* value = environment(use, "PYTHONTRACEMALLOC")) {
      int frames;
      if (!parse_int(value, &frames) || frames < 0)
        return status_error_in("config_init_tracemalloc", "PYTHONTRACEMALLOC: invalid number of frames");
      config->tracemalloc = frames;
    }
    if (const wchar_t* option = find_xoption(config->xoptions, L"tracemalloc")) {
      int frames = 1;
      if (const wchar_t* value = option_value(option))
        if (!parse_wide_int(value, &frames) || frames < 0)
          return status_error_in("config_init_tracemalloc", "-X tracemalloc=NFRAME: invalid number of frames");
      config->tracemalloc = frames;
    }
  }
  if (config->perf_profiling < 0) {
    config->perf_profiling = 0;
    if (const char* value = environment(use, "PYTHONPERFSUPPORT")) config->perf_profiling = strcmp(value, "0") != 0;
    if (const char* value = environment(use, "PYTHON_PERF_JIT_SUPPORT")) config->perf_profiling = strcmp(value, "0") != 0 ? 2 : config->perf_profiling;
    if (find_xoption(config->xoptions, L"perf")) config->perf_profiling = 1;
    if (find_xoption(config->xoptions, L"perf_jit")) config->perf_profiling = 2;
  }
  if (config->remote_debug < 0) {
    config->remote_debug = !given(L"disable-remote-debug", "PYTHON_DISABLE_REMOTE_DEBUG") && !given(L"disable_remote_debug", nullptr);
  }
  if (config->int_max_str_digits < 0) {
    config->int_max_str_digits = 4300;
    int digits;
    if (const char* value = environment(use, "PYTHONINTMAXSTRDIGITS")) {
      if (!parse_int(value, &digits) || (digits != 0 && digits < 640))
        return status_error_in("config_init_int_max_str_digits",
                               "PYTHONINTMAXSTRDIGITS: invalid limit; must be >= 640 or 0 for unlimited.");
      config->int_max_str_digits = digits;
    }
    if (const wchar_t* option = find_xoption(config->xoptions, L"int_max_str_digits")) {
      const wchar_t* value = option_value(option);
      if (!value || !parse_wide_int(value, &digits) || (digits != 0 && digits < 640))
        return status_error_in("config_init_int_max_str_digits",
                               "-X int_max_str_digits: invalid limit; must be >= 640 or 0 for unlimited.");
      config->int_max_str_digits = digits;
    }
  }
  if (config->cpu_count < 0) {
    static constexpr char kMessage[] = "-X cpu_count=n option: n is missing or an invalid number, n must be greater than 0";
    int count;
    if (const char* value = environment(use, "PYTHON_CPU_COUNT")) {
      if (strcmp(value, "default") == 0) config->cpu_count = -1;
      else if (parse_int(value, &count) && count >= 1) config->cpu_count = count;
      else return status_error_in("config_init_cpu_count", kMessage);
    }
    if (const wchar_t* option = find_xoption(config->xoptions, L"cpu_count")) {
      const wchar_t* value = option_value(option);
      if (value && wcscmp(value, L"default") == 0) config->cpu_count = -1;
      else if (value && parse_wide_int(value, &count) && count >= 1) config->cpu_count = count;
      else return status_error_in("config_init_cpu_count", kMessage);
    }
  }
  if (!config->pycache_prefix) {
    const wchar_t* option = find_xoption(config->xoptions, L"pycache_prefix");
    if (option) {
      const wchar_t* value = option_value(option);
      if (value && *value && !set_wide(&config->pycache_prefix, value)) return STATUS_NO_MEMORY();
    } else {
      STATUS_TRY(environment_wide(use, "PYTHONPYCACHEPREFIX", &config->pycache_prefix));
    }
  }
  STATUS_TRY(read_switch(config, &config->thread_inherit_context,
                         {L"thread_inherit_context", "PYTHON_THREAD_INHERIT_CONTEXT", "config_init_thread_inherit_context",
                          "-X thread_inherit_context=n: n is missing or invalid",
                          "PYTHON_THREAD_INHERIT_CONTEXT=N: N is missing or invalid"}));
  if (config->thread_inherit_context < 0) config->thread_inherit_context = 0;
  STATUS_TRY(read_switch(config, &config->context_aware_warnings,
                         {L"context_aware_warnings", "PYTHON_CONTEXT_AWARE_WARNINGS", "config_init_context_aware_warnings",
                          "-X context_aware_warnings=n: n is missing or invalid",
                          "PYTHON_CONTEXT_AWARE_WARNINGS=N: N is missing or invalid"}));
  if (config->context_aware_warnings < 0) config->context_aware_warnings = 0;
  if (given(L"warn_default_encoding", "PYTHONWARNDEFAULTENCODING")) config->warn_default_encoding = 1;
  {
    static constexpr char kMessage[] = "Disabling the GIL is not supported by this build";
    const char* variable = environment(use, "PYTHON_GIL");
    const wchar_t* option = find_xoption(config->xoptions, L"gil");
    const wchar_t* value = option ? option_value(option) : nullptr;
    if (option && (!value || (wcscmp(value, L"0") && wcscmp(value, L"1"))))
      return status_error_in("config_read_gil", "PYTHON_GIL / -X gil must be \"0\" or \"1\"");
    if (!option && variable && strcmp(variable, "0") && strcmp(variable, "1"))
      return status_error_in("config_read_gil", "PYTHON_GIL / -X gil must be \"0\" or \"1\"");
    if ((value && wcscmp(value, L"0") == 0) || (!option && variable && strcmp(variable, "0") == 0))
      return status_error_in("config_read_gil", kMessage);
  }
  if (config->use_frozen_modules < 0) {
    config->use_frozen_modules = !config->_is_python_build;
    const wchar_t* option = find_xoption(config->xoptions, L"frozen_modules");
    if (option) {
      const wchar_t* value = option_value(option);
      if (!value || !*value || wcscmp(value, L"on") == 0) config->use_frozen_modules = 1;
      else if (wcscmp(value, L"off") == 0) config->use_frozen_modules = 0;
      else return status_error_in(nullptr, "bad value for option -X frozen_modules (expected \"on\" or \"off\")");
    } else if (const char* value = environment(use, "PYTHON_FROZEN_MODULES")) {
      if (strcmp(value, "on") == 0) config->use_frozen_modules = 1;
      else if (strcmp(value, "off") == 0) config->use_frozen_modules = 0;
      else return status_error_in(nullptr, "bad value for PYTHON_FROZEN_MODULES environment variable (expected \"on\" or \"off\")");
    }
  }
  return status_ok();
}

const char* locale_encoding() {
  if (process.preconfig.utf8_mode > 0) return "utf-8";
  const char* codeset = nl_langinfo(CODESET);
  if (!codeset || !*codeset) return "utf-8";
  if (strcasecmp(codeset, "UTF-8") == 0) return "utf-8";
  if (strcmp(codeset, "ANSI_X3.4-1968") == 0) return "ascii";
  return codeset;
}
PyStatus set_narrow(wchar_t** slot, const char* text) {
  PyMem_RawFree(*slot);
  *slot = nullptr;
  return decode_locale(text, slot);
}

PyStatus read_encodings(PyConfig* config) {
  if (!config->filesystem_encoding) STATUS_TRY(set_narrow(&config->filesystem_encoding, locale_encoding()));
  if (!config->filesystem_errors) STATUS_TRY(set_narrow(&config->filesystem_errors, "surrogateescape"));

  if (!config->stdio_encoding || !config->stdio_errors) {
    if (const char* value = environment(config->use_environment, "PYTHONIOENCODING")) {
      char* copy = strdup(value);
      if (!copy) return STATUS_NO_MEMORY();
      char* errors = strchr(copy, ':');
      if (errors) {
        *errors++ = 0;
        if (!*errors) errors = nullptr;
      }
      PyStatus status = status_ok();
      if (*copy) {
        if (!config->stdio_encoding) status = set_narrow(&config->stdio_encoding, copy);
        // An encoding without error handler means strict.
        if (!errors) errors = const_cast<char*>("strict");
      }
      if (!is_exception(status) && !config->stdio_errors && errors) status = set_narrow(&config->stdio_errors, errors);
      free(copy);
      STATUS_TRY(status);
    }
    if (process.preconfig.utf8_mode > 0) {
      if (!config->stdio_encoding) STATUS_TRY(set_narrow(&config->stdio_encoding, "utf-8"));
      if (!config->stdio_errors) STATUS_TRY(set_narrow(&config->stdio_errors, "surrogateescape"));
    }
    if (!config->stdio_encoding) STATUS_TRY(set_narrow(&config->stdio_encoding, locale_encoding()));
    if (!config->stdio_errors) STATUS_TRY(set_narrow(&config->stdio_errors, stdio_errors_escape() ? "surrogateescape" : "strict"));
  }
  return status_ok();
}

PyStatus read_warnings(PyConfig* config, const PyWideStringList& command_line) {
  PyWideStringList result{};
  auto add = [&](const wchar_t* option) -> PyStatus {
    // A later copy of an option counts; the earlier is dropped.
    return list_contains(result, option) ? status_ok() : PyWideStringList_Append(&result, option);
  };
  if (config->dev_mode > 0) STATUS_TRY(add(L"default"));
  if (const char* value = environment(config->use_environment, "PYTHONWARNINGS")) {
    wchar_t* wide;
    STATUS_TRY(decode_locale(value, &wide));
    wchar_t* state;
    for (wchar_t* part = wcstok(wide, L",", &state); part; part = wcstok(nullptr, L",", &state)) STATUS_TRY(add(part));
    PyMem_RawFree(wide);
  }
  for (Py_ssize_t i = 0; i < command_line.length; ++i) STATUS_TRY(add(command_line.items[i]));
  for (Py_ssize_t i = 0; i < config->warnoptions.length; ++i) STATUS_TRY(add(config->warnoptions.items[i]));
  if (config->bytes_warning > 0) STATUS_TRY(add(config->bytes_warning > 1 ? L"error::BytesWarning" : L"default::BytesWarning"));
  list_clear(&config->warnoptions);
  config->warnoptions = result;
  return status_ok();
}

// sys.argv: what follows the options, with "-c", "-m" or "" first.
PyStatus update_argv(PyConfig* config, Py_ssize_t next) {
  PyWideStringList result{};
  const PyWideStringList& arguments = config->argv;
  const bool command = config->run_command || config->run_module;
  if (command) STATUS_TRY(PyWideStringList_Append(&result, config->run_command ? L"-c" : L"-m"));
  else if (next >= arguments.length) STATUS_TRY(PyWideStringList_Append(&result, L""));
  for (Py_ssize_t i = next; i < arguments.length; ++i) STATUS_TRY(PyWideStringList_Append(&result, arguments.items[i]));
  list_clear(&config->argv);
  config->argv = result;
  return status_ok();
}

PyStatus read_program_name(PyConfig* config) {
  if (config->program_name) return status_ok();
  if (process.program_name) return set_wide(&config->program_name, process.program_name) ? status_ok() : STATUS_NO_MEMORY();
  // A program that started with arguments is called by the first.
  if (config->use_environment && config->_config_init != kInitIsolated) {
  }
  if (config->orig_argv.length >= 1 && config->orig_argv.items[0][0]) {
    if (config->_config_init != kInitCompat && config->parse_argv >= 1)
      return set_wide(&config->program_name, config->orig_argv.items[0]) ? status_ok() : STATUS_NO_MEMORY();
  }
  return set_wide(&config->program_name, L"python3") ? status_ok() : STATUS_NO_MEMORY();
}

}  // namespace

// The script's name, which becomes __file__, does not depend on where the program goes; sys.argv[0] stays as given.
static PyStatus make_script_absolute(PyConfig* config) {
  const wchar_t* name = config->run_filename;
  if (!name || !*name || *name == L'/') return status_ok();
  char folder[PATH_MAX];
  if (!getcwd(folder, sizeof folder)) return status_ok();
  wchar_t* here = Py_DecodeLocale(folder, nullptr);
  if (!here) return STATUS_NO_MEMORY();
  std::wstring absolute = here;
  if (wcscmp(name, L".") != 0) absolute += std::wstring(L"/") + name;
  PyMem_RawFree(here);
  return set_wide(&config->run_filename, absolute.c_str()) ? status_ok() : STATUS_NO_MEMORY();
}

PyStatus read_config(PyConfig* config, bool with_paths) {
  STATUS_TRY(preinitialize_from_config(config, nullptr));
  const PyPreConfig& pre = process.preconfig;
  if (config->isolated < 0) config->isolated = pre.isolated;
  if (config->use_environment < 0) config->use_environment = pre.use_environment;
  if (config->dev_mode < 0) config->dev_mode = pre.dev_mode;
  if (!config->orig_argv.length && !(config->argv.length == 1 && !*config->argv.items[0]))
    if (!list_copy(&config->orig_argv, &config->argv)) return STATUS_NO_MEMORY();

  read_global_flags(config);
  STATUS_TRY(read_program_name(config));
  CommandLine line;
  bool parsed = false;
  if (config->parse_argv == 1 && config->argv.length) {
    STATUS_TRY(parse_command_line(config, &line));
    parsed = true;
  }
  if (config->isolated > 0) {
    config->use_environment = 0;
    config->user_site_directory = 0;
    config->safe_path = 1;
  }
  if (config->use_environment) STATUS_TRY(read_environment(config));
  else if (config->use_hash_seed < 0) config->use_hash_seed = 0;
  if (config->dev_mode <= 0 && find_xoption(config->xoptions, L"dev")) config->dev_mode = 1;
  STATUS_TRY(read_options(config));
  if (config->user_site_directory < 0) config->user_site_directory = 1;
  if (config->site_import < 0) config->site_import = 1;
  if (config->bytes_warning < 0) config->bytes_warning = 0;
  if (config->write_bytecode < 0) config->write_bytecode = 1;
  if (config->buffered_stdio < 0) config->buffered_stdio = 1;
  if (config->pathconfig_warnings < 0) config->pathconfig_warnings = 1;
  for (int* field : {&config->inspect, &config->interactive, &config->optimization_level, &config->parser_debug,
                     &config->verbose, &config->quiet})
    if (*field < 0) *field = 0;
  STATUS_TRY(read_encodings(config));
  if (!config->check_hash_pycs_mode && !set_wide(&config->check_hash_pycs_mode, L"default")) return STATUS_NO_MEMORY();
  if (!config->home && process.home && !set_wide(&config->home, process.home)) return STATUS_NO_MEMORY();
  if (!config->home) STATUS_TRY(environment_wide(config->use_environment, "PYTHONHOME", &config->home));
  if (!config->platlibdir && !set_wide(&config->platlibdir, L"lib")) return STATUS_NO_MEMORY();
  if (parsed) {
    STATUS_TRY(update_argv(config, line.next));
    STATUS_TRY(make_script_absolute(config));
    config->parse_argv = 2;
  } else if (!config->argv.length) {
    STATUS_TRY(PyWideStringList_Append(&config->argv, L""));
  }
  STATUS_TRY(read_warnings(config, line.warnoptions));
  list_clear(&line.warnoptions);
  if (with_paths) STATUS_TRY(ks::compute_paths(config));
  return status_ok();
}

}  // namespace ks

extern "C" PyStatus PyConfig_Read(PyConfig* config) { return ks::read_config(config, true); }
