// Before configuration: locale, UTF-8 mode, development mode, allocator.
#include <langinfo.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "object/export.h"
#include "runtime/config.h"
#include "runtime/process.h"

namespace ks {

namespace {

struct Target {
  const char* name;
};
constexpr Target kCoercionTargets[] = {{"C.UTF-8"}, {"C.utf8"}, {"UTF-8"}};

bool is_c_locale(const char* name) { return name && (strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0); }

bool is_coercion_target(const char* name) {
  for (const Target& target : kCoercionTargets)
    if (strcmp(name, target.name) == 0) return true;
  return false;
}

bool coerce_to(const char* target, bool warn) {
  setenv("LC_CTYPE", target, 1);
  if (warn)
    fprintf(stderr,
            "Python detected LC_CTYPE=C: LC_CTYPE coerced to %.20s (set another locale or PYTHONCOERCECLOCALE=0 to disable "
            "this locale coercion behavior).\n",
            target);
  setlocale(LC_ALL, "");
  return true;
}

// The user wants LC_ALL as it is: then nothing is coerced.
bool coerce_c_locale(bool warn) {
  const char* all = getenv("LC_ALL");
  if (all && *all) return false;
  const char* old = setlocale(LC_CTYPE, nullptr);
  char* saved = old ? strdup(old) : nullptr;
  bool done = false;
  for (const Target& target : kCoercionTargets) {
    if (!setlocale(LC_CTYPE, target.name)) continue;
    const char* codeset = nl_langinfo(CODESET);
    if (!codeset || !*codeset) continue;
    done = coerce_to(target.name, warn);
    break;
  }
  if (!done && saved) setlocale(LC_CTYPE, saved);
  free(saved);
  return done;
}

constexpr struct {
  const char* name;
  int allocator;
} kAllocators[] = {
    {"default", 1}, {"debug", 2}, {"malloc", 3}, {"malloc_debug", 4}, {"pymalloc", 5}, {"pymalloc_debug", 6},
    {"mimalloc", 7}, {"mimalloc_debug", 8},
};

PyStatus read_utf8_mode(PyPreConfig* config, const EarlyOptions& early) {
  if (config->utf8_mode >= 0) return status_ok();
  if (const wchar_t* option = find_xoption(early.xoptions, L"utf8")) {
    const wchar_t* value = option_value(option);
    if (!value || wcscmp(value, L"1") == 0) config->utf8_mode = 1;
    else if (wcscmp(value, L"0") == 0) config->utf8_mode = 0;
    else return status_error_in("preconfig_init_utf8_mode", "invalid -X utf8 option value");
    return status_ok();
  }
  if (const char* value = environment(config->use_environment, "PYTHONUTF8")) {
    if (strcmp(value, "1") == 0) config->utf8_mode = 1;
    else if (strcmp(value, "0") == 0) config->utf8_mode = 0;
    else return status_error_in("preconfig_init_utf8_mode", "invalid PYTHONUTF8 environment variable value");
    return status_ok();
  }
  config->utf8_mode = is_c_locale(setlocale(LC_CTYPE, nullptr));
  return status_ok();
}

PyStatus read_preconfig(PyPreConfig* config, const EarlyOptions& early) {
  if (config->_config_init == kInitCompat) {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
    if (config->isolated < 0) config->isolated = Py_IsolatedFlag;
    if (config->use_environment < 0) config->use_environment = !Py_IgnoreEnvironmentFlag;
    if (Py_UTF8Mode > 0) config->utf8_mode = Py_UTF8Mode;
#pragma clang diagnostic pop
  }
  if (early.isolated) config->isolated = 1;
  if (early.ignore_environment) config->use_environment = 0;
  if (config->isolated > 0) config->use_environment = 0;
  if (config->isolated < 0) config->isolated = 0;
  if (config->use_environment < 0) config->use_environment = 1;

  if (config->dev_mode < 0) {
    config->dev_mode = find_xoption(early.xoptions, L"dev") || environment(config->use_environment, "PYTHONDEVMODE");
  }

  if (config->configure_locale) {
    if (const char* value = environment(config->use_environment, "PYTHONCOERCECLOCALE")) {
      if (strcmp(value, "0") == 0) {
        if (config->coerce_c_locale < 0) config->coerce_c_locale = 0;
      } else if (strcmp(value, "warn") == 0) {
        if (config->coerce_c_locale_warn < 0) config->coerce_c_locale_warn = 1;
      } else if (config->coerce_c_locale < 0) {
        config->coerce_c_locale = 1;
      }
    }
    if (config->coerce_c_locale < 0 || config->coerce_c_locale == 1)
      config->coerce_c_locale = is_c_locale(setlocale(LC_CTYPE, nullptr)) ? 2 : 0;
    if (config->coerce_c_locale_warn < 0) config->coerce_c_locale_warn = 0;
  } else {
    config->coerce_c_locale = config->coerce_c_locale_warn = 0;
  }

  STATUS_TRY(read_utf8_mode(config, early));

  if (config->allocator == PYMEM_ALLOCATOR_NOT_SET) {
    if (const char* value = environment(config->use_environment, "PYTHONMALLOC")) {
      bool known = false;
      for (const auto& allocator : kAllocators) {
        if (strcmp(value, allocator.name) == 0) {
          config->allocator = allocator.allocator;
          known = true;
        }
      }
      if (!known) return status_error_in("preconfig_init_allocator", "PYTHONMALLOC: unknown allocator");
    }
    if (config->allocator == PYMEM_ALLOCATOR_NOT_SET && config->dev_mode) config->allocator = PYMEM_ALLOCATOR_DEBUG;
  }
  return status_ok();
}

}  // namespace

}  // namespace ks

// The memory room's: chooses the allocators by number (PyMemAllocatorName); -1 for one that there is not.
KS_EXPORT int _PyMem_SetupAllocators(int allocator) __attribute__((weak));

namespace ks {

PyStatus preinitialize(const PyPreConfig* source, const Arguments* arguments) {
  if (process.preinitialized) return status_ok();
  process.preinitializing = true;

  PyPreConfig config;
  if (source) config = *source;
  else _PyPreConfig_InitCompatConfig(&config);

  if (!process.original_locale) {
    const char* locale = setlocale(LC_CTYPE, nullptr);
    if (locale) process.original_locale = strdup(locale);
  }
  if (config.configure_locale) setlocale(LC_CTYPE, "");

  EarlyOptions early;
  PyWideStringList list{};
  PyStatus status = status_ok();
  // The arguments may need decoding again once the encoding is known: two rounds at most.
  const PyPreConfig start = config;
  for (int round = 0; round < 2; ++round) {
    config = start;
    early = {};
    if (arguments && config.parse_argv) {
      status = arguments_to_list(*arguments, &list);
      if (!is_exception(status)) status = parse_early(list, &early);
    }
    if (!is_exception(status)) status = read_preconfig(&config, early);
    list_clear(&early.xoptions);
    if (is_exception(status)) break;
    if (process.preconfig.utf8_mode == config.utf8_mode) break;
    process.preconfig.utf8_mode = config.utf8_mode;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
    Py_UTF8Mode = config.utf8_mode;  // decoding goes by it
#pragma clang diagnostic pop
  }
  list_clear(&list);
  if (is_exception(status)) return status;

  if (config.coerce_c_locale == 2 && config.configure_locale) {
    if (!coerce_c_locale(config.coerce_c_locale_warn > 0)) config.coerce_c_locale = 0;
  }
  if (config.coerce_c_locale_warn > 0 && is_c_locale(setlocale(LC_CTYPE, nullptr)))
    fprintf(stderr,
            "Python runtime initialized with LC_CTYPE=C (a locale with default ASCII encoding), which may cause Unicode "
            "compatibility problems. Using C.UTF-8, C.utf8, or UTF-8 (if available) as alternative Unicode-compatible locales "
            "is recommended.\n");
  if (config.allocator != PYMEM_ALLOCATOR_NOT_SET && _PyMem_SetupAllocators && _PyMem_SetupAllocators(config.allocator) < 0)
    return status_error_in("_PyPreConfig_Write", "failed to set the memory allocator");
  process.preconfig = config;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
  if (config.isolated > 0) Py_IsolatedFlag = 1;
  Py_IgnoreEnvironmentFlag = !config.use_environment;
  Py_UTF8Mode = config.utf8_mode;
#pragma clang diagnostic pop
  process.preinitializing = false;
  process.preinitialized = true;
  return status_ok();
}

PyStatus preinitialize_from_config(const PyConfig* config, const Arguments* arguments) {
  if (process.preinitialized) return status_ok();
  PyPreConfig pre;
  switch (config->_config_init) {
    case kInitPython: PyPreConfig_InitPythonConfig(&pre); break;
    case kInitIsolated: PyPreConfig_InitIsolatedConfig(&pre); break;
    default: _PyPreConfig_InitCompatConfig(&pre); break;
  }
  pre._config_init = config->_config_init;
  pre.parse_argv = config->parse_argv;
  if (config->isolated >= 0) pre.isolated = config->isolated;
  if (config->use_environment >= 0) pre.use_environment = config->use_environment;
  if (config->dev_mode >= 0) pre.dev_mode = config->dev_mode;
  if (!arguments && config->parse_argv) {
    const Arguments own{config->argv.length, nullptr, config->argv.items};
    return preinitialize(&pre, &own);
  }
  return preinitialize(&pre, config->parse_argv ? arguments : nullptr);
}

bool stdio_errors_escape() {
  const char* locale = setlocale(LC_CTYPE, nullptr);
  return locale && (is_c_locale(locale) || is_coercion_target(locale));
}

}  // namespace ks

using namespace ks;

extern "C" {

KS_EXPORT char* _Py_SetLocaleFromEnv(int category) { return setlocale(category, ""); }

PyStatus Py_PreInitialize(const PyPreConfig* config) { return preinitialize(config, nullptr); }
PyStatus Py_PreInitializeFromArgs(const PyPreConfig* config, Py_ssize_t argc, wchar_t** argv) {
  const Arguments arguments{argc, nullptr, argv};
  return preinitialize(config, &arguments);
}
PyStatus Py_PreInitializeFromBytesArgs(const PyPreConfig* config, Py_ssize_t argc, char** argv) {
  const Arguments arguments{argc, argv, nullptr};
  return preinitialize(config, &arguments);
}

}  // extern "C"
