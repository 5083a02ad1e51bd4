// Builtin modules and modules in shared objects.
//
// Modules with multi-phase initialisation need nothing from us after their definition is there. Those with single-phase
// initialisation are remembered by file and name, for a second import in the process.
#include <dlfcn.h>

#include <cstring>
#include <cstdlib>
#include <string>

#include "import/import.h"
#include "import/tables.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/module.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

// Weak: a module that is not written yet is a null pointer, and importing it says so.
#define BUILTIN_MODULE(NAME) extern "C" __attribute__((weak, visibility("default"))) PyObject* PyInit_##NAME(void);
#include "modules/builtin_modules.def"
#undef BUILTIN_MODULE

extern "C" {
#define BUILTIN_MODULE(NAME) {#NAME, PyInit_##NAME},
static struct _inittab builtin_table[] = {
#include "modules/builtin_modules.def"
    {"builtins", nullptr},
    {"sys", nullptr},
    {nullptr, nullptr},
};
#undef BUILTIN_MODULE
struct _inittab* PyImport_Inittab = builtin_table;
}

namespace ks {

namespace {

struct Extension {
  Extension* next;
  std::string file, name;
  PyModuleDef* definition;
  PyObject* (*init)(void);
  PyObject* dictionary;  // copy, of modules with m_size -1; owned by the main interpreter
};

struct ExtensionsLock {
  ExtensionsLock() { pthread_mutex_lock(&process.extensions_mutex); }
  ~ExtensionsLock() { pthread_mutex_unlock(&process.extensions_mutex); }
};

Extension* find_extension(const char* file, const char* name) {
  ExtensionsLock lock;
  for (auto* extension = static_cast<Extension*>(process.extensions); extension; extension = extension->next)
    if (extension->file == file && extension->name == name) return extension;
  return nullptr;
}

Status check_single_phase_allowed(const char* name) {
  PyInterpreterState* interp = interpreter();
  const bool check = interp->core.multi_interp_override ? interp->core.multi_interp_override > 0 : interp->core.check_multi_interp_extensions;
  if (!is_main_interpreter(interp) && check)
    return raise(PyExc_ImportError, "module %s does not support loading in subinterpreters", name);
  return Status::Ok;
}

// The module among those that PyState_FindModule knows.
Status index_module(PyObject* module, PyModuleDef* definition) {
  if (!definition) return Status::Ok;
  if (definition->m_base.m_index <= 0) return Status::Ok;
  return status(_PyState_AddModule(thread(), module, definition));
}

Status remember_single_phase(PyObject* module, PyModuleDef* definition, PyObject* (*init)(void), const char* file, const char* name) {
  TRY(index_module(module, definition));
  Extension* extension = find_extension(file, name);
  if (!extension) {
    extension = new Extension{.next = nullptr, .file = file, .name = name, .definition = definition, .init = init, .dictionary = nullptr};
    ExtensionsLock lock;
    extension->next = static_cast<Extension*>(process.extensions);
    process.extensions = extension;
  }
  extension->definition = definition;
  extension->init = init;
  if (definition && definition->m_size == -1) {
    Ref<> copy = TRY(steal(PyDict_Copy(PyModule_GetDict(module))));
    Py_XSETREF(extension->dictionary, copy.release());
  }
  return Status::Ok;
}

struct PackageContext {
  const char* old;
  explicit PackageContext(const char* name) : old(interpreter()->import.package_context) { interpreter()->import.package_context = name; }
  ~PackageContext() { interpreter()->import.package_context = old; }
};

// Calls an init function and makes a module of what it returns.
Ref<> run_init(PyObject* (*init)(void), PyObject* spec, PyObject* name, const char* full_name, PyObject* path, bool dynamic) {
  const char* short_name = strrchr(full_name, '.');
  short_name = short_name ? short_name + 1 : full_name;
  Ref<> result;
  {
    PackageContext context(full_name);
    result = steal(init());
  }
  if (!result) {
    if (!PyErr_Occurred()) return raise(PyExc_SystemError, "initialization of %s failed without raising an exception", short_name);
    return failed;
  }
  if (PyErr_Occurred()) {
    Ref<> cause = steal(PyErr_GetRaisedException());
    PyErr_Format(PyExc_SystemError, "initialization of %s raised unreported exception", short_name);
    Ref<> error = steal(PyErr_GetRaisedException());
    PyException_SetCause(error, cause.share().release());
    PyException_SetContext(error, cause.release());
    PyErr_SetRaisedException(error.release());
    return failed;
  }
  if (!result.get()->ob_type) {
    (void)result.release();
    return raise(PyExc_SystemError, "init function of %s returned uninitialized object", short_name);
  }
  if (PyObject_TypeCheck(result.get(), &PyModuleDef_Type)) {
    auto* definition = as<PyModuleDef>(result.release());
    return steal(PyModule_FromDefAndSpec(definition, spec));
  }
  // Single-phase.
  if (!PyModule_Check(result.get())) {
    return raise(PyExc_SystemError, "initialization of %s did not return an extension module", short_name);
  }
  TRY(check_single_phase_allowed(full_name));
  PyModuleDef* definition = PyModule_GetDef(result);
  if (!definition && dynamic) {
    PyErr_Clear();
    return raise(PyExc_SystemError, "initialization of %s did not return an extension module", short_name);
  }
  if (path) {
    if (PyModule_AddObjectRef(result, "__file__", path) < 0) PyErr_Clear();
    else if (!PyDict_Contains(PyModule_GetDict(result), "__file__"_id)) PyErr_Clear();
  }
  const char* file = path ? PyUnicode_AsUTF8(path) : full_name;
  if (!file) return failed;
  TRY(remember_single_phase(result, definition, init, file, full_name));
  TRY(set_module(name, result));
  return result;
}

// A single-phase module once more, perhaps in another interpreter; *known tells whether there was one.
Ref<> reload_single_phase(PyObject* spec, PyObject* name, const char* full_name, const char* file, bool* known) {
  Extension* extension = find_extension(file, full_name);
  *known = extension != nullptr;
  if (!extension) return nullptr;
  TRY(check_single_phase_allowed(full_name));
  PyModuleDef* definition = extension->definition;
  if (definition && definition->m_size == -1) {
    if (!extension->dictionary) {
      *known = false;
      return nullptr;
    }
    Ref<> module = TRY(add_module(name));
    TRY(PyDict_Update(PyModule_GetDict(module), extension->dictionary));
    TRY(index_module(module, definition));
    return module;
  }
  Ref<> module;
  {
    PackageContext context(full_name);
    module = steal(extension->init());
  }
  if (!module) return failed;
  if (PyObject_TypeCheck(module.get(), &PyModuleDef_Type)) {
    auto* again = as<PyModuleDef>(module.release());
    return steal(PyModule_FromDefAndSpec(again, spec));
  }
  TRY(index_module(module, definition));
  TRY(set_module(name, module));
  return module;
}

const struct _inittab* find_builtin(PyObject* name) {
  for (const struct _inittab* entry = PyImport_Inittab; entry->name; ++entry)
    if (PyUnicode_CompareWithASCIIString(name, entry->name) == 0) return entry;
  return nullptr;
}
bool made_by_the_runtime(const char* name) { return strcmp(name, "sys") == 0 || strcmp(name, "builtins") == 0; }

// PyInit_NAME for an ASCII name; PyInitU_ with Punycode otherwise.
Ref<> encoded_name(PyObject* name, const char** prefix) {
  Py_ssize_t length = PyUnicode_GET_LENGTH(name);
  const Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, length, -1);
  if (dot == -2) return failed;
  Ref<> last = dot >= 0 ? steal(PyUnicode_Substring(name, dot + 1, length)) : borrow(name);
  if (!last) return failed;
  Ref<> bytes = steal(PyUnicode_AsEncodedString(last, "ascii", nullptr));
  if (bytes) {
    *prefix = "PyInit";
  } else {
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return failed;
    PyErr_Clear();
    bytes = TRY(steal(PyUnicode_AsEncodedString(last, "punycode", nullptr)));
    *prefix = "PyInitU";
  }
  std::string text(PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())));
  for (char& c : text)
    if (c == '-') c = '_';
  return steal(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

Failed import_error(PyObject* name, PyObject* path, const char* format, const char* first, const char* second = nullptr) {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
  Ref<> message = steal(second ? PyUnicode_FromFormat(format, first, second) : PyUnicode_FromFormat(format, first));
#pragma clang diagnostic pop
  if (message) PyErr_SetImportError(message, name, path);
  return failed;
}

}  // namespace

int builtin_module_kind(PyObject* name) {
  const struct _inittab* entry = find_builtin(name);
  if (!entry) return 0;
  return made_by_the_runtime(entry->name) && !entry->initfunc ? -1 : 1;
}

Ref<> builtin_module_names() {
  Ref<> list = TRY(steal(PyList_New(0)));
  for (const struct _inittab* entry = PyImport_Inittab; entry->name; ++entry) {
    Ref<> name = TRY(steal(PyUnicode_FromString(entry->name)));
    TRY(PyList_Append(list, name));
  }
  TRY(PyList_Sort(list));
  return steal(PyList_AsTuple(list));
}

Ref<> create_builtin_module(PyObject* name, PyObject* spec) {
  const char* full_name = PyUnicode_AsUTF8(name);
  if (!full_name) return failed;
  bool known = false;
  Ref<> again = reload_single_phase(spec, name, full_name, full_name, &known);
  if (known) return again;
  const struct _inittab* entry = find_builtin(name);
  if (!entry) return borrow(Py_None);
  if (!entry->initfunc) {
    if (made_by_the_runtime(entry->name)) {
      // Made once at the start; importing it again gives the same module.
      Ref<> module = TRY(add_module(name));
      return module;
    }
    Ref<> message = TRY(steal(PyUnicode_FromFormat("Kingsnake does not implement the builtin module %R yet", name)));
    PyErr_SetImportError(message, name, nullptr);
    return failed;
  }
  return run_init(entry->initfunc, spec, name, full_name, nullptr, false);
}

Ref<> create_dynamic_module(PyObject* spec) {
  Ref<> name = TRY(steal(PyObject_GetAttr(spec, "name"_id)));
  Ref<> path = TRY(steal(PyObject_GetAttr(spec, "origin"_id)));
  if (!PyUnicode_Check(name.get())) return raise(PyExc_TypeError, "name must be a string");
  if (!PyUnicode_Check(path.get())) return raise(PyExc_TypeError, "path must be a string");
  for (PyObject* text : {name.get(), path.get()})
    if (PyUnicode_FindChar(text, 0, 0, PyUnicode_GET_LENGTH(text), 1) >= 0) return raise(PyExc_ValueError, "embedded null character");
  const char* full_name = PyUnicode_AsUTF8(name);
  const char* file = PyUnicode_AsUTF8(path);
  if (!full_name || !file) {
    PyErr_Clear();
  }
  if (full_name && file) {
    bool known = false;
    Ref<> again = reload_single_phase(spec, name, full_name, file, &known);
    if (known) return again;
  }
  if (PySys_Audit("import", "OOOOO", name.get(), path.get(), Py_None, Py_None, Py_None) < 0) return failed;
  Ref<> path_bytes = TRY(steal(PyUnicode_EncodeFSDefault(path)));
  std::string file_name = PyBytes_AS_STRING(path_bytes.get());
  if (file_name.size() != static_cast<size_t>(PyBytes_GET_SIZE(path_bytes.get()))) return raise(PyExc_ValueError, "embedded null character");
  if (file_name.find('/') == std::string::npos) file_name = "./" + file_name;
  const char* prefix = nullptr;
  Ref<> short_name = TRY(encoded_name(name, &prefix));
  if (interpreter()->core.config.verbose) PySys_FormatStderr("dlopen(\"%U\", %x);\n", path.get(), interpreter()->core.dlopen_flags);
  void* handle = dlopen(file_name.c_str(), interpreter()->core.dlopen_flags);
  if (!handle) {
    const char* reason = dlerror();
    Ref<> message = steal(PyUnicode_DecodeLocale(reason ? reason : "unknown dlopen() error", "surrogateescape"));
    if (message) PyErr_SetImportError(message, name, path);
    return failed;
  }
  const std::string symbol = std::string(prefix) + "_" + PyBytes_AS_STRING(short_name.get());
  auto init = reinterpret_cast<PyObject* (*)(void)>(dlsym(handle, symbol.c_str()));
  if (!init)
    return import_error(name, path, "dynamic module does not define module export function (%s_%s)", prefix,
                        PyBytes_AS_STRING(short_name.get()));
  std::string full = full_name ? full_name : PyBytes_AS_STRING(short_name.get());
  return run_init(init, spec, name, full.c_str(), path, true);
}

Status execute_module(PyObject* module) {
  if (!PyModule_Check(module)) return Status::Ok;
  PyModuleDef* definition = PyModule_GetDef(module);
  if (!definition) {
    PyErr_Clear();
    return Status::Ok;
  }
  if (PyModule_GetState(module)) return Status::Ok;  // executed already
  return status(PyModule_ExecDef(module, definition));
}

Status fix_up_builtin(PyObject* module, const char* name, PyObject* modules) {
  Ref<> text = TRY(steal(PyUnicode_InternFromString(name)));
  TRY(PyObject_SetItem(modules, text, module));
  return index_module(module, PyModule_GetDef(module));
}

}  // namespace ks

using namespace ks;

extern "C" {

// Adds builtin modules; only before initialisation. 0, or -1 without memory.
int PyImport_ExtendInittab(struct _inittab* table) {
  if (process.core_initialized) Py_FatalError("PyImport_ExtendInittab() may not be called after Py_Initialize()");
  size_t added = 0, present = 0;
  while (table[added].name) ++added;
  if (!added) return 0;
  while (PyImport_Inittab[present].name) ++present;
  auto* merged = static_cast<struct _inittab*>(malloc((present + added + 1) * sizeof(struct _inittab)));
  if (!merged) return -1;
  memcpy(merged, PyImport_Inittab, present * sizeof(struct _inittab));
  memcpy(merged + present, table, (added + 1) * sizeof(struct _inittab));
  if (PyImport_Inittab == process.inittab) free(process.inittab);
  process.inittab = merged;
  PyImport_Inittab = merged;
  return 0;
}
int PyImport_AppendInittab(const char* name, PyObject* (*initfunc)(void)) {
  struct _inittab table[2] = {{name, initfunc}, {nullptr, nullptr}};
  return PyImport_ExtendInittab(table);
}

// The full name for a single-phase module that is being initialised inside a package.
KS_EXPORT const char* _PyImport_ResolveNameWithPackageContext(const char* name) {
  PyThreadState* state = current_thread_state;
  const char* full = state ? state->interp->import.package_context : nullptr;
  if (!full) return name;
  const char* last = strrchr(full, '.');
  if (last && strcmp(last + 1, name) == 0) {
    state->interp->import.package_context = nullptr;
    return full;
  }
  return name;
}

// Forgets a single-phase module, for tests.
KS_EXPORT int _PyImport_ClearExtension(PyObject* name, PyObject* path) {
  const char* full_name = PyUnicode_AsUTF8(name);
  const char* file = PyUnicode_AsUTF8(path);
  if (!full_name || !file) return -1;
  ExtensionsLock lock;
  for (Extension** link = reinterpret_cast<Extension**>(&process.extensions); *link; link = &(*link)->next) {
    Extension* extension = *link;
    if (extension->file != file || extension->name != full_name) continue;
    *link = extension->next;
    Py_XDECREF(extension->dictionary);
    delete extension;
    break;
  }
  return 0;
}

}  // extern "C"
