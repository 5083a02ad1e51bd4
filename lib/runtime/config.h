// Configuration inside the runtime: the table of PyConfig's fields, wide string helpers, and the stages of reading.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cwchar>

#include "object/export.h"
#include "runtime/lifecycle.h"

KS_EXPORT void _PyPreConfig_InitCompatConfig(PyPreConfig* config);
KS_EXPORT void _PyConfig_InitCompatConfig(PyConfig* config);
KS_EXPORT void _PyErr_SetFromPyStatus(PyStatus status);

namespace ks {

// Which initial values a config was given; PyConfig._config_init.
enum ConfigInit { kInitCompat = 1, kInitPython = 2, kInitIsolated = 3 };

enum class FieldKind : unsigned char { Int, Bool, UnsignedInt, UnsignedLong, Text, TextOrNone, List };
enum class FieldAccess : unsigned char { Init, ReadOnly, Public };

struct ConfigField {
  const char* name;
  size_t offset;
  FieldKind kind;
  FieldAccess access;
  const char* sys_attribute;  // where PyConfig_Get looks first, or nullptr
  const char* sys_flag;       // field of sys.flags that PyConfig_Set updates, or nullptr
  bool flag_inverted;
};
extern const ConfigField kConfigFields[];
extern const ConfigField kPreConfigFields[];

inline void* field_address(void* config, const ConfigField& field) { return static_cast<char*>(config) + field.offset; }
inline const void* field_address(const void* config, const ConfigField& field) {
  return static_cast<const char*>(config) + field.offset;
}

// Raw memory strings.
wchar_t* copy_wide(const wchar_t* text);
bool set_wide(wchar_t** slot, const wchar_t* text);  // false: out of memory
void list_clear(PyWideStringList* list);
bool list_copy(PyWideStringList* to, const PyWideStringList* from);
bool list_extend(PyWideStringList* to, const PyWideStringList* from);
bool list_contains(const PyWideStringList& list, const wchar_t* item);
PyObject* list_as_list(const PyWideStringList& list);
PyObject* list_as_tuple(const PyWideStringList& list);
bool parse_wide_int(const wchar_t* text, int* value);
bool parse_int(const char* text, int* value);

const char* environment(bool use_environment, const char* name);  // nullptr when unset or empty
PyStatus environment_wide(bool use_environment, const char* name, wchar_t** result);  // *result owned or nullptr
// -X NAME or -X NAME=VALUE; nullptr when not there. option_value points behind '=', or is nullptr.
const wchar_t* find_xoption(const PyWideStringList& xoptions, const wchar_t* name);
const wchar_t* option_value(const wchar_t* option);

PyStatus copy_config(PyConfig* to, const PyConfig* from);
PyStatus decode_locale(const char* text, wchar_t** result);

// Arguments as bytes or wide strings, as the process got them.
struct Arguments {
  Py_ssize_t count = 0;
  char* const* bytes = nullptr;
  wchar_t* const* wide = nullptr;
};
PyStatus arguments_to_list(const Arguments& arguments, PyWideStringList* list);

PyStatus preinitialize(const PyPreConfig* source, const Arguments* arguments);
PyStatus preinitialize_from_config(const PyConfig* config, const Arguments* arguments);

struct CommandLine {
  PyWideStringList warnoptions{};  // -W
  Py_ssize_t next = 0;             // first argument that is not an option
};
// Reads options of config->argv into config (command_line.cpp). An exit status where all is said (-h, -V, bad option).
PyStatus parse_command_line(PyConfig* config, CommandLine* line);
// Early look at the arguments, for the preconfiguration: -E, -I, -X dev, -X utf8.
struct EarlyOptions {
  bool ignore_environment = false, isolated = false;
  PyWideStringList xoptions{};
};
PyStatus parse_early(const PyWideStringList& arguments, EarlyOptions* options);

PyStatus read_config(PyConfig* config, bool compute_paths);
PyStatus compute_paths(PyConfig* config);                    // paths.cpp
PyStatus compute_sys_path0(const PyWideStringList& argv, PyObject** path0);  // 1 entry, or *path0 = nullptr: none
void dump_paths(const PyConfig& config);                     // to stderr, when no standard library is found
void publish_paths(const PyConfig& config);                  // for Py_GetPath and friends
void write_global_flags(const PyConfig& config);

}  // namespace ks
