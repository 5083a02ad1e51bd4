/* Configuration of the interpreter before it starts. */
#ifndef Py_CPYTHON_INITCONFIG_H
#define Py_CPYTHON_INITCONFIG_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

/* How a step of the start ended. */
typedef struct {
    enum {
        _PyStatus_TYPE_OK=0,
        _PyStatus_TYPE_ERROR=1,
        _PyStatus_TYPE_EXIT=2
    } _type;
    const char *func;
    const char *err_msg;
    int exitcode;
} PyStatus;

typedef struct {
    Py_ssize_t length;
    wchar_t **items;
} PyWideStringList;

typedef struct PyPreConfig {
    int _config_init;
    int parse_argv;
    int isolated;
    int use_environment;
    int configure_locale;
    int coerce_c_locale;
    int coerce_c_locale_warn;
    int utf8_mode;
    int dev_mode;
    int allocator;
} PyPreConfig;

typedef struct PyConfig {
    int _config_init;
    int isolated;
    int use_environment;
    int dev_mode;
    int install_signal_handlers;
    int use_hash_seed;
    unsigned long hash_seed;
    int faulthandler;
    int tracemalloc;
    int perf_profiling;
    int remote_debug;
    int import_time;
    int code_debug_ranges;
    int show_ref_count;
    int dump_refs;
    wchar_t *dump_refs_file;
    int malloc_stats;
    wchar_t *filesystem_encoding;
    wchar_t *filesystem_errors;
    wchar_t *pycache_prefix;
    int parse_argv;
    PyWideStringList orig_argv;
    PyWideStringList argv;
    PyWideStringList xoptions;
    PyWideStringList warnoptions;
    int site_import;
    int bytes_warning;
    int warn_default_encoding;
    int inspect;
    int interactive;
    int optimization_level;
    int parser_debug;
    int write_bytecode;
    int verbose;
    int quiet;
    int user_site_directory;
    int configure_c_stdio;
    int buffered_stdio;
    wchar_t *stdio_encoding;
    wchar_t *stdio_errors;
    wchar_t *check_hash_pycs_mode;
    int use_frozen_modules;
    int safe_path;
    int int_max_str_digits;
    int thread_inherit_context;
    int context_aware_warnings;
    int cpu_count;
    int pathconfig_warnings;
    wchar_t *program_name;
    wchar_t *pythonpath_env;
    wchar_t *home;
    wchar_t *platlibdir;
    int module_search_paths_set;
    PyWideStringList module_search_paths;
    wchar_t *stdlib_dir;
    wchar_t *executable;
    wchar_t *base_executable;
    wchar_t *prefix;
    wchar_t *base_prefix;
    wchar_t *exec_prefix;
    wchar_t *base_exec_prefix;
    int skip_source_first_line;
    wchar_t *run_command;
    wchar_t *run_module;
    wchar_t *run_filename;
    wchar_t *sys_path_0;
    int _install_importlib;
    int _init_main;
    int _is_python_build;
} PyConfig;

typedef struct PyInitConfig PyInitConfig;

/* --- PyStatus --- */
PyAPI_FUNC(PyStatus) PyStatus_Ok(void);
PyAPI_FUNC(PyStatus) PyStatus_Error(const char *err_msg);  /* err_msg is not copied */
PyAPI_FUNC(PyStatus) PyStatus_NoMemory(void);  /* a failed allocation */
PyAPI_FUNC(PyStatus) PyStatus_Exit(int exitcode);  /* an end that is no error */
PyAPI_FUNC(int) PyStatus_Exception(PyStatus status);  /* true for an error or an exit */
PyAPI_FUNC(int) PyStatus_IsError(PyStatus status);  /* true or false */
PyAPI_FUNC(int) PyStatus_IsExit(PyStatus status);  /* true or false */

/* --- PyWideStringList --- */
PyAPI_FUNC(PyStatus) PyWideStringList_Append(PyWideStringList *list, const wchar_t *item);
/* an index after the end appends */
PyAPI_FUNC(PyStatus) PyWideStringList_Insert(PyWideStringList *list, Py_ssize_t index, const wchar_t *item);

/* --- PyPreConfig --- */
PyAPI_FUNC(void) PyPreConfig_InitPythonConfig(PyPreConfig *preconfig);  /* as the python program wants it */
/* as a host wants it: no environment, no locale */
PyAPI_FUNC(void) PyPreConfig_InitIsolatedConfig(PyPreConfig *preconfig);

/* --- PyConfig --- */
PyAPI_FUNC(void) PyConfig_InitPythonConfig(PyConfig *config);  /* as the python program wants it */
/* as a host wants it: no environment, no site directories of the user */
PyAPI_FUNC(void) PyConfig_InitIsolatedConfig(PyConfig *config);
/* a copy; for members of the type wchar_t * */
PyAPI_FUNC(PyStatus) PyConfig_SetString(PyConfig *config, wchar_t **config_str, const wchar_t *str);
/* decoded as Py_DecodeLocale() does */
PyAPI_FUNC(PyStatus) PyConfig_SetBytesString(PyConfig *config, wchar_t **config_str, const char *str);
PyAPI_FUNC(PyStatus) PyConfig_SetArgv(PyConfig *config, Py_ssize_t argc, wchar_t *const *argv);  /* copies */
/* decoded as Py_DecodeLocale() does */
PyAPI_FUNC(PyStatus) PyConfig_SetBytesArgv(PyConfig *config, Py_ssize_t argc, char *const *argv);
PyAPI_FUNC(PyStatus) PyConfig_SetWideStringList(PyConfig *config, PyWideStringList *list, Py_ssize_t length,
    wchar_t **items);  /* copies */
PyAPI_FUNC(PyStatus) PyConfig_Read(PyConfig *config);  /* reads environment and command line, computes paths */
PyAPI_FUNC(void) PyConfig_Clear(PyConfig *config);  /* frees what the members own */

/* --- The configuration of the running interpreter --- */
PyAPI_FUNC(PyObject *) PyConfig_Get(const char *name);
PyAPI_FUNC(int) PyConfig_GetInt(const char *name, int *value);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyConfig_Names(void);
PyAPI_FUNC(int) PyConfig_Set(const char *name, PyObject *value);  /* 0, or -1 with an exception */
PyAPI_FUNC(void) Py_GetArgcArgv(int *argc, wchar_t ***argv);  /* as they were given to the program; not to be changed */

/* --- PyInitConfig: options by name --- */
PyAPI_FUNC(PyInitConfig *) PyInitConfig_Create(void);  /* NULL where there is no memory */
PyAPI_FUNC(void) PyInitConfig_Free(PyInitConfig *config);  /* NULL does no harm */
PyAPI_FUNC(int) PyInitConfig_GetError(PyInitConfig *config, const char **err_msg);  /* true or false */
PyAPI_FUNC(int) PyInitConfig_GetExitCode(PyInitConfig *config, int *exitcode);  /* true or false */
PyAPI_FUNC(int) PyInitConfig_HasOption(PyInitConfig *config, const char *name);  /* true or false */
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyInitConfig_GetInt(PyInitConfig *config, const char *name, int64_t *value);
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyInitConfig_GetStr(PyInitConfig *config, const char *name, char **value);
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyInitConfig_GetStrList(PyInitConfig *config, const char *name, size_t *length, char ***items);
PyAPI_FUNC(void) PyInitConfig_FreeStrList(size_t length, char **items);  /* what PyInitConfig_GetStrList() gave */
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyInitConfig_SetInt(PyInitConfig *config, const char *name, int64_t value);
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyInitConfig_SetStr(PyInitConfig *config, const char *name, const char *value);
PyAPI_FUNC(int) PyInitConfig_SetStrList(PyInitConfig *config, const char *name, size_t length,
    char *const *items);  /* 0, or -1 with an exception */
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyInitConfig_AddModule(PyInitConfig *config, const char *name, PyObject *(*initfunc)(void));
PyAPI_FUNC(int) Py_InitializeFromInitConfig(PyInitConfig *config);  /* 0, or -1 with an exception */

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
