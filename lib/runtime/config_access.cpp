// Configuration by name: PyConfig_Get and PyConfig_Set of a running interpreter, PyInitConfig before there is one, and
// configurations as dictionaries.
#include <climits>
#include <cstdlib>
#include <cstring>

#include "object/export.h"
#include "object/identifier.h"
#include "runtime/config.h"
#include "runtime/process.h"

KS_EXPORT int _Py_SetMaxStrDigits(int digits) __attribute__((weak));

namespace ks {

Status sys_flags_set(const char* field, int value);  // modules/sys: replaces sys.flags

namespace {

const ConfigField* find_field(const ConfigField* fields, const char* name) {
  for (; fields->name; ++fields)
    if (strcmp(fields->name, name) == 0) return fields;
  return nullptr;
}

PyObject* xoptions_as_dict(const PyWideStringList& list) {
  Ref<> result = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < list.length; ++i) {
    const wchar_t* equals = wcschr(list.items[i], L'=');
    Ref<> key = TRY(steal(PyUnicode_FromWideChar(list.items[i], equals ? equals - list.items[i] : -1)));
    Ref<> value = equals ? steal(PyUnicode_FromWideChar(equals + 1, -1)) : borrow(Py_True);
    if (!value) return nullptr;
    TRY(PyDict_SetItem(result, key, value));
  }
  return result.release();
}

PyObject* field_value(const void* config, const ConfigField& field) {
  const void* slot = field_address(config, field);
  switch (field.kind) {
    case FieldKind::Int:
    case FieldKind::UnsignedInt: return PyLong_FromLong(*static_cast<const int*>(slot));
    case FieldKind::Bool: return PyBool_FromLong(*static_cast<const int*>(slot) != 0);
    case FieldKind::UnsignedLong: return PyLong_FromUnsignedLong(*static_cast<const unsigned long*>(slot));
    case FieldKind::Text:
    case FieldKind::TextOrNone: {
      const wchar_t* text = *static_cast<wchar_t* const*>(slot);
      return text ? PyUnicode_FromWideChar(text, -1) : Py_NewRef(Py_None);
    }
    case FieldKind::List:
      if (strcmp(field.name, "xoptions") == 0) return xoptions_as_dict(*static_cast<const PyWideStringList*>(slot));
      return list_as_tuple(*static_cast<const PyWideStringList*>(slot));
  }
  return nullptr;
}

Status unknown(const char* name) { return raise(PyExc_ValueError, "unknown config option name: %s", name); }

Status set_text(wchar_t** slot, PyObject* value) {
  wchar_t* wide = PyUnicode_AsWideCharString(value, nullptr);
  if (!wide) return failed;
  const bool good = set_wide(slot, wide);
  PyMem_Free(wide);
  if (good) return Status::Ok;
  PyErr_NoMemory();
  return failed;
}

Status set_list(PyWideStringList* list, PyObject* value) {
  PyWideStringList result{};
  const Py_ssize_t size = PyList_Size(value);
  for (Py_ssize_t i = 0; i < size; ++i) {
    wchar_t* wide = PyUnicode_AsWideCharString(PyList_GET_ITEM(value, i), nullptr);
    if (!wide || is_exception(PyWideStringList_Append(&result, wide))) {
      PyMem_Free(wide);
      list_clear(&result);
      if (!PyErr_Occurred()) PyErr_NoMemory();
      return failed;
    }
    PyMem_Free(wide);
  }
  list_clear(list);
  *list = result;
  return Status::Ok;
}

Status config_set(const char* name, PyObject* value) {
  if (PySys_Audit("cpython.PyConfig_Set", "sO", name, value) < 0) return failed;
  const ConfigField* field = find_field(kConfigFields, name);
  if (!field) {
    if (find_field(kPreConfigFields, name) && find_field(kPreConfigFields, name)->access != FieldAccess::Init)
      return raise(PyExc_ValueError, "cannot set read-only option %s", name);
    return unknown(name);
  }
  if (field->access == FieldAccess::Init) return unknown(name);
  if (field->access != FieldAccess::Public) return raise(PyExc_ValueError, "cannot set read-only option %s", name);
  PyConfig& config = interpreter()->core.config;
  void* slot = field_address(&config, *field);
  switch (field->kind) {
    case FieldKind::Int:
    case FieldKind::UnsignedInt:
    case FieldKind::Bool:
    case FieldKind::UnsignedLong: {
      if (!PyLong_Check(value)) return raise(PyExc_TypeError, "expected int or bool, got %T", value);
      const int number = PyLong_AsInt(value);
      if (number == -1 && PyErr_Occurred()) return failed;
      if (number < 0 && field->kind != FieldKind::Int) return raise(PyExc_ValueError, "value must be >= 0");
      if (strcmp(name, "int_max_str_digits") == 0) {
        Ref<> done = TRY(steal(PyObject_CallFunction(sys_get("set_int_max_str_digits"_id), "i", number)));
      }
      if (field->sys_flag) {
        const int flag = field->flag_inverted ? !number : number;
        TRY(sys_flags_set(field->sys_flag, flag));
        if (strcmp(name, "write_bytecode") == 0) {
          TRY(PyDict_SetItem(interpreter()->core.sys_dict, "dont_write_bytecode"_id, flag ? Py_True : Py_False));
        }
      }
      *static_cast<int*>(slot) = number;
      break;
    }
    case FieldKind::Text:
    case FieldKind::TextOrNone:
      if (value == Py_None && field->kind == FieldKind::TextOrNone) {
        set_wide(static_cast<wchar_t**>(slot), nullptr);
      } else if (!PyUnicode_Check(value)) {
        return field->kind == FieldKind::TextOrNone ? raise(PyExc_TypeError, "expected str or None, got %T", value)
                                                    : raise(PyExc_TypeError, "expected str, got %T", value);
      } else {
        TRY(set_text(static_cast<wchar_t**>(slot), value));
      }
      break;
    case FieldKind::List:
      if (strcmp(name, "xoptions") == 0) {
        if (!PyDict_Check(value)) return raise(PyExc_TypeError, "expected dict[str, str | bool], got %T", value);
        Py_ssize_t position = 0;
        PyObject *key, *item;
        while (PyDict_Next(value, &position, &key, &item)) {
          if (!PyUnicode_Check(key)) return raise(PyExc_TypeError, "expected str, got dict key type %T", key);
          if (!PyUnicode_Check(item) && !PyBool_Check(item)) return raise(PyExc_TypeError, "expected str or bool, got dict value type %T", item);
        }
      } else {
        if (!PyList_Check(value)) return raise(PyExc_TypeError, "expected list[str], got %T", value);
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(value); ++i)
          if (!PyUnicode_Check(PyList_GET_ITEM(value, i)))
            return raise(PyExc_TypeError, "expected str, list item %zd has type %T", i, PyList_GET_ITEM(value, i));
        TRY(set_list(static_cast<PyWideStringList*>(slot), value));
      }
      break;
  }
  if (field->sys_attribute) {
    Ref<> copy = PyList_Check(value) && strcmp(field->sys_attribute, "_xoptions") ? steal(PyList_GetSlice(value, 0, PY_SSIZE_T_MAX))
                                                                                 : borrow(value);
    if (!copy) return failed;
    TRY(PyDict_SetItemString(interpreter()->core.sys_dict, field->sys_attribute, copy));
  }
  return Status::Ok;
}

Status as_dict(PyObject* dict, const void* config, const ConfigField* fields) {
  for (; fields->name; ++fields) {
    Ref<> value = TRY(steal(field_value(config, *fields)));
    TRY(PyDict_SetItemString(dict, fields->name, value));
  }
  return Status::Ok;
}

}  // namespace
}  // namespace ks

using namespace ks;

// A configuration that is being put together, with the last error.
struct PyInitConfig {
  PyPreConfig preconfig;
  PyConfig config;
  struct _inittab* inittab;
  Py_ssize_t inittab_size;
  PyStatus status;
  char* message;
};

namespace {
int fail(PyInitConfig* config, const char* message) {
  config->status = {._type = PyStatus::_PyStatus_TYPE_ERROR, .func = nullptr, .err_msg = message, .exitcode = 0};
  return -1;
}
struct Place {
  void* slot = nullptr;
  const ConfigField* field = nullptr;
};
Place place_of(PyInitConfig* config, const char* name) {
  if (const ConfigField* field = find_field(kConfigFields, name)) return {field_address(&config->config, *field), field};
  if (const ConfigField* field = find_field(kPreConfigFields, name)) return {field_address(&config->preconfig, *field), field};
  fail(config, "unknown config option name");
  return {};
}
// UTF-8 to a wide string.
wchar_t* from_utf8(PyInitConfig* config, const char* text) {
  const size_t size = strlen(text);
  auto* out = static_cast<wchar_t*>(PyMem_RawMalloc((size + 1) * sizeof(wchar_t)));
  if (!out) {
    fail(config, "memory allocation failed");
    return nullptr;
  }
  const auto* p = reinterpret_cast<const unsigned char*>(text);
  size_t used = 0;
  while (*p) {
    int more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 : *p >= 0xf0 && *p < 0xf5 ? 3 : -1;
    wchar_t value = more <= 0 ? *p : *p & (0x3f >> more);
    bool good = more >= 0;
    for (int i = 1; good && i <= more; ++i) {
      good = (p[i] & 0xc0) == 0x80;
      value = (value << 6) | (p[i] & 0x3f);
    }
    if (!good || (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff) {
      PyMem_RawFree(out);
      fail(config, "decoding error");
      return nullptr;
    }
    out[used++] = value;
    p += more + 1;
  }
  out[used] = 0;
  return out;
}
char* to_utf8(PyInitConfig* config, const wchar_t* text) {
  const size_t length = wcslen(text);
  auto* out = static_cast<char*>(malloc(length * 4 + 1));
  if (!out) {
    fail(config, "memory allocation failed");
    return nullptr;
  }
  char* p = out;
  for (size_t i = 0; i < length; ++i) {
    const auto c = static_cast<unsigned>(text[i]);
    if (c < 0x80) *p++ = static_cast<char>(c);
    else if (c < 0x800) *p++ = static_cast<char>(0xc0 | (c >> 6)), *p++ = static_cast<char>(0x80 | (c & 0x3f));
    else if (c >= 0xd800 && c <= 0xdfff) {
      free(out);
      fail(config, "encoding error");
      return nullptr;
    } else if (c < 0x10000)
      *p++ = static_cast<char>(0xe0 | (c >> 12)), *p++ = static_cast<char>(0x80 | ((c >> 6) & 0x3f)), *p++ = static_cast<char>(0x80 | (c & 0x3f));
    else
      *p++ = static_cast<char>(0xf0 | (c >> 18)), *p++ = static_cast<char>(0x80 | ((c >> 12) & 0x3f)),
      *p++ = static_cast<char>(0x80 | ((c >> 6) & 0x3f)), *p++ = static_cast<char>(0x80 | (c & 0x3f));
  }
  *p = 0;
  return out;
}
}  // namespace

extern "C" {

// ---- a running interpreter's configuration ------------------------------------------------------------------------------

// New reference; ValueError for an unknown name.
PyObject* PyConfig_Get(const char* name) {
  const ConfigField* field = find_field(kConfigFields, name);
  if (field && field->access != FieldAccess::Init) {
    if (field->sys_attribute) {
      PyObject* value = PyDict_GetItemString(interpreter()->core.sys_dict, field->sys_attribute);
      if (!value) {
        PyErr_Format(PyExc_RuntimeError, "lost sys.%s", field->sys_attribute);
        return nullptr;
      }
      return Py_NewRef(value);
    }
    if (strcmp(name, "int_max_str_digits") == 0) return PyObject_CallNoArgs(sys_get("get_int_max_str_digits"_id));
    if (strcmp(name, "write_bytecode") == 0) {
      PyObject* value = PyDict_GetItemWithError(interpreter()->core.sys_dict, "dont_write_bytecode"_id);
      if (value) return PyBool_FromLong(!PyObject_IsTrue(value));
    }
    return field_value(&interpreter()->core.config, *field);
  }
  field = find_field(kPreConfigFields, name);
  if (field && field->access != FieldAccess::Init) return field_value(&process.preconfig, *field);
  (void)unknown(name);
  return nullptr;
}
int PyConfig_GetInt(const char* name, int* value) {
  Ref<> object = steal(PyConfig_Get(name));
  if (!object) return -1;
  if (!PyLong_Check(object)) {
    PyErr_Format(PyExc_TypeError, "config option %s is not an int", name);
    return -1;
  }
  const int number = PyLong_AsInt(object);
  if (number == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    PyErr_Format(PyExc_OverflowError, "config option %s value does not fit into a C int", name);
    return -1;
  }
  *value = number;
  return 0;
}
// New frozenset of names.
PyObject* PyConfig_Names(void) {
  Ref<> list = steal(PyList_New(0));
  if (!list) return nullptr;
  for (const ConfigField* fields : {kPreConfigFields, kConfigFields})
    for (const ConfigField* field = fields; field->name; ++field) {
      if (field->access == FieldAccess::Init) continue;
      Ref<> name = steal(PyUnicode_FromString(field->name));
      if (!name || PyList_Append(list, name) < 0) return nullptr;
    }
  return PyFrozenSet_New(list);
}
int PyConfig_Set(const char* name, PyObject* value) { return to_c(config_set(name, value)); }

// ---- PyInitConfig -------------------------------------------------------------------------------------------------------------

// NULL without memory.
PyInitConfig* PyInitConfig_Create(void) {
  auto* config = static_cast<PyInitConfig*>(calloc(1, sizeof(PyInitConfig)));
  if (!config) return nullptr;
  PyPreConfig_InitIsolatedConfig(&config->preconfig);
  PyConfig_InitIsolatedConfig(&config->config);
  config->config.faulthandler = -1;
  config->status = status_ok();
  return config;
}
void PyInitConfig_Free(PyInitConfig* config) {
  if (!config) return;
  PyConfig_Clear(&config->config);
  free(config->inittab);
  free(config->message);
  free(config);
}
int PyInitConfig_GetError(PyInitConfig* config, const char** message) {
  if (config->status._type == PyStatus::_PyStatus_TYPE_EXIT) {
    free(config->message);
    config->message = static_cast<char*>(malloc(64));
    if (config->message) snprintf(config->message, 64, "exit code %i", config->status.exitcode);
    *message = config->message;
    return 1;
  }
  if (config->status._type == PyStatus::_PyStatus_TYPE_ERROR && config->status.err_msg) {
    *message = config->status.err_msg;
    return 1;
  }
  *message = nullptr;
  return 0;
}
int PyInitConfig_GetExitCode(PyInitConfig* config, int* code) {
  if (config->status._type != PyStatus::_PyStatus_TYPE_EXIT) return 0;
  *code = config->status.exitcode;
  return 1;
}
int PyInitConfig_HasOption(PyInitConfig* config, const char* name) {
  return find_field(kConfigFields, name) || find_field(kPreConfigFields, name);
}
int PyInitConfig_GetInt(PyInitConfig* config, const char* name, int64_t* value) {
  const Place place = place_of(config, name);
  if (!place.field) return -1;
  switch (place.field->kind) {
    case FieldKind::Int: case FieldKind::Bool: case FieldKind::UnsignedInt: *value = *static_cast<int*>(place.slot); return 0;
    case FieldKind::UnsignedLong: *value = static_cast<int64_t>(*static_cast<unsigned long*>(place.slot)); return 0;
    default: return fail(config, "config option type is not int");
  }
}
// *value is to be released with free().
int PyInitConfig_GetStr(PyInitConfig* config, const char* name, char** value) {
  const Place place = place_of(config, name);
  if (!place.field) return -1;
  if (place.field->kind != FieldKind::Text && place.field->kind != FieldKind::TextOrNone)
    return fail(config, "config option type is not string");
  const wchar_t* text = *static_cast<wchar_t**>(place.slot);
  *value = nullptr;
  if (text && !(*value = to_utf8(config, text))) return -1;
  return 0;
}
int PyInitConfig_GetStrList(PyInitConfig* config, const char* name, size_t* length, char*** items) {
  const Place place = place_of(config, name);
  if (!place.field) return -1;
  if (place.field->kind != FieldKind::List) return fail(config, "config option type is not string list");
  const auto& list = *static_cast<PyWideStringList*>(place.slot);
  *length = static_cast<size_t>(list.length);
  *items = static_cast<char**>(calloc(static_cast<size_t>(list.length) + 1, sizeof(char*)));
  if (!*items) return fail(config, "memory allocation failed");
  for (Py_ssize_t i = 0; i < list.length; ++i)
    if (!((*items)[i] = to_utf8(config, list.items[i]))) {
      PyInitConfig_FreeStrList(static_cast<size_t>(i), *items);
      return -1;
    }
  return 0;
}
void PyInitConfig_FreeStrList(size_t length, char** items) {
  for (size_t i = 0; i < length; ++i) free(items[i]);
  free(items);
}
int PyInitConfig_SetInt(PyInitConfig* config, const char* name, int64_t value) {
  const Place place = place_of(config, name);
  if (!place.field) return -1;
  switch (place.field->kind) {
    case FieldKind::Int:
      if (value < INT_MIN || value > INT_MAX) return fail(config, "config option value is out of int range");
      *static_cast<int*>(place.slot) = static_cast<int>(value);
      break;
    case FieldKind::Bool: case FieldKind::UnsignedInt:
      if (value < 0 || value > UINT_MAX) return fail(config, "config option value is out of unsigned int range");
      *static_cast<int*>(place.slot) = static_cast<int>(value);
      break;
    case FieldKind::UnsignedLong:
      if (value < 0) return fail(config, "config option value is out of unsigned long range");
      *static_cast<unsigned long*>(place.slot) = static_cast<unsigned long>(value);
      break;
    default: return fail(config, "config option type is not int");
  }
  if (strcmp(name, "hash_seed") == 0) config->config.use_hash_seed = 1;
  return 0;
}
int PyInitConfig_SetStr(PyInitConfig* config, const char* name, const char* value) {
  const Place place = place_of(config, name);
  if (!place.field) return -1;
  if (place.field->kind != FieldKind::Text && place.field->kind != FieldKind::TextOrNone)
    return fail(config, "config option type is not string");
  wchar_t* wide = nullptr;
  if (value && !(wide = from_utf8(config, value))) return -1;
  PyMem_RawFree(*static_cast<wchar_t**>(place.slot));
  *static_cast<wchar_t**>(place.slot) = wide;
  return 0;
}
int PyInitConfig_SetStrList(PyInitConfig* config, const char* name, size_t length, char* const* items) {
  const Place place = place_of(config, name);
  if (!place.field) return -1;
  if (place.field->kind != FieldKind::List) return fail(config, "config option type is not string list");
  PyWideStringList list{};
  for (size_t i = 0; i < length; ++i) {
    wchar_t* wide = from_utf8(config, items[i]);
    if (!wide) {
      list_clear(&list);
      return -1;
    }
    PyStatus status = PyWideStringList_Append(&list, wide);
    PyMem_RawFree(wide);
    if (is_exception(status)) return fail(config, "memory allocation failed");
  }
  list_clear(static_cast<PyWideStringList*>(place.slot));
  *static_cast<PyWideStringList*>(place.slot) = list;
  if (strcmp(name, "module_search_paths") == 0) config->config.module_search_paths_set = 1;
  return 0;
}
int PyInitConfig_AddModule(PyInitConfig* config, const char* name, PyObject* (*initfunc)(void)) {
  const size_t size = static_cast<size_t>(config->inittab_size) + 2;
  auto* table = static_cast<struct _inittab*>(realloc(config->inittab, size * sizeof(struct _inittab)));
  if (!table) return fail(config, "memory allocation failed");
  table[config->inittab_size++] = {name, initfunc};
  table[config->inittab_size] = {nullptr, nullptr};
  config->inittab = table;
  return 0;
}
int Py_InitializeFromInitConfig(PyInitConfig* config) {
  if (config->inittab && PyImport_ExtendInittab(config->inittab) < 0) return fail(config, "memory allocation failed");
  const Arguments arguments{config->config.argv.length, nullptr, config->config.argv.items};
  config->preconfig.parse_argv = config->config.parse_argv;
  config->status = preinitialize(&config->preconfig, config->config.parse_argv ? &arguments : nullptr);
  if (is_exception(config->status)) return -1;
  config->config.dev_mode = config->preconfig.dev_mode;
  config->status = Py_InitializeFromConfig(&config->config);
  return is_exception(config->status) ? -1 : 0;
}

// ---- as dictionaries ------------------------------------------------------------------------------------------------------------

KS_EXPORT PyObject* _PyConfig_AsDict(const PyConfig* config) {
  Ref<> dict = steal(PyDict_New());
  return !dict || is_failure(as_dict(dict, config, kConfigFields)) ? nullptr : dict.release();
}
// Fills a configuration from a dictionary with all its fields.
KS_EXPORT int _PyConfig_FromDict(PyConfig* config, PyObject* dict) {
  if (!PyDict_Check(dict)) {
    PyErr_SetString(PyExc_TypeError, "dict expected");
    return -1;
  }
  for (const ConfigField* field = kConfigFields; field->name; ++field) {
    PyObject* value = PyDict_GetItemString(dict, field->name);
    if (!value) {
      PyErr_Format(PyExc_ValueError, "missing config key: %s", field->name);
      return -1;
    }
    void* slot = field_address(config, *field);
    auto bad_type = [&] {
      PyErr_Format(PyExc_TypeError, "invalid config type: %s", field->name);
      return -1;
    };
    switch (field->kind) {
      case FieldKind::Int: case FieldKind::Bool: case FieldKind::UnsignedInt: {
        if (!PyLong_Check(value)) return bad_type();
        const int number = PyLong_AsInt(value);
        if (number == -1 && PyErr_Occurred()) return -1;
        if (field->kind != FieldKind::Int && number < 0) {
          PyErr_Format(PyExc_ValueError, "invalid config value: %s", field->name);
          return -1;
        }
        *static_cast<int*>(slot) = number;
        break;
      }
      case FieldKind::UnsignedLong: {
        if (!PyLong_Check(value)) return bad_type();
        const unsigned long number = PyLong_AsUnsignedLong(value);
        if (number == static_cast<unsigned long>(-1) && PyErr_Occurred()) return -1;
        *static_cast<unsigned long*>(slot) = number;
        break;
      }
      case FieldKind::Text: case FieldKind::TextOrNone:
        if (value == Py_None && field->kind == FieldKind::TextOrNone) set_wide(static_cast<wchar_t**>(slot), nullptr);
        else if (!PyUnicode_Check(value)) return bad_type();
        else if (is_failure(set_text(static_cast<wchar_t**>(slot), value))) return -1;
        break;
      case FieldKind::List: {
        if (strcmp(field->name, "xoptions") == 0) {
          if (!PyDict_Check(value)) return bad_type();
          PyWideStringList list{};
          Py_ssize_t position = 0;
          PyObject *key, *item;
          while (PyDict_Next(value, &position, &key, &item)) {
            Ref<> text = item == Py_True ? borrow(key) : steal(PyUnicode_FromFormat("%U=%U", key, item));
            wchar_t* wide = text ? PyUnicode_AsWideCharString(text, nullptr) : nullptr;
            if (!wide) return -1;
            (void)PyWideStringList_Append(&list, wide);
            PyMem_Free(wide);
          }
          list_clear(static_cast<PyWideStringList*>(slot));
          *static_cast<PyWideStringList*>(slot) = list;
          break;
        }
        if (!PyList_Check(value) && !PyTuple_Check(value)) return bad_type();
        Ref<> list = steal(PySequence_List(value));
        if (!list || is_failure(set_list(static_cast<PyWideStringList*>(slot), list))) return -1;
        break;
      }
    }
  }
  return 0;
}
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
KS_EXPORT PyObject* _Py_GetConfigsAsDict(void) {
  Ref<> result = steal(PyDict_New());
  Ref<> global = steal(PyDict_New()), pre = steal(PyDict_New());
  if (!result || !global || !pre) return nullptr;
  const struct {
    const char* name;
    int value;
  } flags[] = {{"Py_UTF8Mode", Py_UTF8Mode},
               {"Py_DebugFlag", Py_DebugFlag},
               {"Py_VerboseFlag", Py_VerboseFlag},
               {"Py_QuietFlag", Py_QuietFlag},
               {"Py_InteractiveFlag", Py_InteractiveFlag},
               {"Py_InspectFlag", Py_InspectFlag},
               {"Py_OptimizeFlag", Py_OptimizeFlag},
               {"Py_NoSiteFlag", Py_NoSiteFlag},
               {"Py_BytesWarningFlag", Py_BytesWarningFlag},
               {"Py_FrozenFlag", Py_FrozenFlag},
               {"Py_IgnoreEnvironmentFlag", Py_IgnoreEnvironmentFlag},
               {"Py_DontWriteBytecodeFlag", Py_DontWriteBytecodeFlag},
               {"Py_NoUserSiteDirectory", Py_NoUserSiteDirectory},
               {"Py_UnbufferedStdioFlag", Py_UnbufferedStdioFlag},
               {"Py_HashRandomizationFlag", Py_HashRandomizationFlag},
               {"Py_IsolatedFlag", Py_IsolatedFlag},
               {"Py_HasFileSystemDefaultEncoding", Py_HasFileSystemDefaultEncoding},
               {"_Py_HasFileSystemDefaultEncodeErrors", 0}};
  for (const auto& flag : flags) {
    Ref<> value = steal(PyLong_FromLong(flag.value));
    if (!value || PyDict_SetItemString(global, flag.name, value) < 0) return nullptr;
  }
  const struct {
    const char* name;
    const char* text;
  } texts[] = {{"Py_FileSystemDefaultEncoding", Py_FileSystemDefaultEncoding},
               {"Py_FileSystemDefaultEncodeErrors", Py_FileSystemDefaultEncodeErrors}};
  for (const auto& text : texts) {
    Ref<> value = text.text ? steal(PyUnicode_FromString(text.text)) : borrow(Py_None);
    if (!value || PyDict_SetItemString(global, text.name, value) < 0) return nullptr;
  }
  for (const ConfigField* field = kPreConfigFields; field->name; ++field) {
    Ref<> value = steal(PyLong_FromLong(*static_cast<const int*>(field_address(&process.preconfig, *field))));
    if (!value || PyDict_SetItemString(pre, field->name, value) < 0) return nullptr;
  }
  Ref<> config = steal(_PyConfig_AsDict(&interpreter()->core.config));
  if (!config || PyDict_SetItemString(result, "global_config", global) < 0 || PyDict_SetItemString(result, "pre_config", pre) < 0 ||
      PyDict_SetItemString(result, "config", config) < 0)
    return nullptr;
  return result.release();
}
#pragma clang diagnostic pop

}  // extern "C"
