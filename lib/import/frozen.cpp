// Frozen modules, and the start of importlib.
//
// Our library holds no module of the standard library. importlib's two parts, which must run before anything can be
// imported, are read from the installation: from __pycache__ where that is valid, else compiled. For importlib they look
// like frozen modules.
#include <Python.h>
#include <marshal.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "import/import.h"
#include "import/tables.h"
#include "object/export.h"
#include "object/identifier.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

extern "C" {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-variable-declarations"
static const struct _frozen no_frozen_modules[] = {{nullptr, nullptr, 0, 0}};
const struct _frozen* PyImport_FrozenModules = nullptr;
__attribute__((visibility("default"))) extern const struct _frozen* _PyImport_FrozenBootstrap;
__attribute__((visibility("default"))) extern const struct _frozen* _PyImport_FrozenStdlib;
__attribute__((visibility("default"))) extern const struct _frozen* _PyImport_FrozenTest;
const struct _frozen* _PyImport_FrozenBootstrap = no_frozen_modules;
const struct _frozen* _PyImport_FrozenStdlib = no_frozen_modules;
const struct _frozen* _PyImport_FrozenTest = no_frozen_modules;
#pragma clang diagnostic pop
}

namespace ks {

namespace {

struct BootstrapModule {
  const char* name;
  const char* origin;
  const char* file;      // below the standard library
  const char* filename;  // what the code objects call their file
};
constexpr BootstrapModule kBootstrap[] = {
    {"_frozen_importlib", "importlib._bootstrap", "importlib/_bootstrap", "<frozen importlib._bootstrap>"},
    {"_frozen_importlib_external", "importlib._bootstrap_external", "importlib/_bootstrap_external",
     "<frozen importlib._bootstrap_external>"},
};

bool read_file(const std::string& path, std::string* data) {
  FILE* file = fopen(path.c_str(), "rbe");
  if (!file) return false;
  char buffer[16384];
  for (size_t count; (count = fread(buffer, 1, sizeof buffer, file)) > 0;) data->append(buffer, count);
  const bool good = !ferror(file);
  fclose(file);
  return good;
}

unsigned read32(const std::string& data, size_t at) {
  unsigned value = 0;
  for (size_t i = 0; i < 4; ++i) value |= static_cast<unsigned>(static_cast<unsigned char>(data[at + i])) << (8 * i);
  return value;
}

// Is the cached code that of the source file?
bool cache_is_valid(const std::string& cache, const std::string& source) {
  if (cache.size() <= 16) return false;
  if (read32(cache, 0) != static_cast<unsigned>(PyImport_GetMagicNumber())) return false;
  const unsigned flags = read32(cache, 4);
  struct stat info;
  if (stat(source.c_str(), &info) != 0) return true;  // no source: the cache is all there is
  if (flags & ~3u) return false;
  if (flags & 1) {
    if (!(flags & 2)) return true;
    std::string text;
    if (!read_file(source, &text)) return false;
    unsigned char hash[8];
    source_hash(text.data(), static_cast<Py_ssize_t>(text.size()), 0x0a0d0e2b, hash);
    return memcmp(hash, cache.data() + 8, 8) == 0;
  }
  return read32(cache, 8) == static_cast<unsigned>(info.st_mtime) && read32(cache, 12) == static_cast<unsigned>(info.st_size);
}

// New code object of a part of importlib.
Ref<> load_bootstrap(const BootstrapModule& module) {
  const PyConfig& config = interpreter()->core.config;
  if (!config.stdlib_dir) return raise(PyExc_RuntimeError, "the installation's standard library is unknown");
  char* folder_bytes = Py_EncodeLocale(config.stdlib_dir, nullptr);
  if (!folder_bytes) {
    PyErr_NoMemory();
    return failed;
  }
  const std::string base = std::string(folder_bytes) + "/" + module.file;
  PyMem_Free(folder_bytes);
  const std::string source = base + ".py";
  const size_t slash = base.rfind('/');
  std::string cache_folder = base.substr(0, slash);
  if (config.pycache_prefix) {
    char* prefix = Py_EncodeLocale(config.pycache_prefix, nullptr);
    if (prefix) cache_folder = std::string(prefix) + cache_folder;
    PyMem_Free(prefix);
  } else {
    cache_folder += "/__pycache__";
  }
  std::string cache_path = cache_folder + "/" + base.substr(slash + 1) + "." + PyImport_GetMagicTag();
  if (config.optimization_level > 0) cache_path += ".opt-" + std::to_string(config.optimization_level);
  cache_path += ".pyc";
  Ref<> filename = TRY(steal(PyUnicode_FromString(module.filename)));
  for (const std::string& path : {cache_path, base + ".pyc"}) {
    std::string cache;
    if (!read_file(path, &cache) || !cache_is_valid(cache, source)) continue;
    Ref<> code = steal(PyMarshal_ReadObjectFromString(cache.data() + 16, static_cast<Py_ssize_t>(cache.size() - 16)));
    if (code && PyCode_Check(code.get())) {
      TRY(fix_co_filename(code, filename));
      return code;
    }
    PyErr_Clear();
  }
  std::string text;
  if (!read_file(source, &text)) return raise(PyExc_ModuleNotFoundError, "No module named 'encodings'");
  PyCompilerFlags flags{.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
  return steal(Py_CompileStringObject(text.c_str(), filename, Py_file_input, &flags, config.optimization_level));
}

const BootstrapModule* bootstrap_named(const char* name) {
  for (const BootstrapModule& module : kBootstrap)
    if (strcmp(module.name, name) == 0) return &module;
  return nullptr;
}

}  // namespace

// ---- SipHash-1-3, the hash of sources in hash-based .pyc files --------------------------------------------------------------

void source_hash(const char* data, Py_ssize_t size, unsigned long long key, unsigned char* hash) {
  using Word = unsigned long long;
  auto rotate = [](Word value, int bits) { return (value << bits) | (value >> (64 - bits)); };
  Word v0 = key ^ 0x736f6d6570736575ULL, v1 = 0 ^ 0x646f72616e646f6dULL, v2 = key ^ 0x6c7967656e657261ULL, v3 = 0 ^ 0x7465646279746573ULL;
  auto round = [&] {
    v0 += v1; v1 = rotate(v1, 13); v1 ^= v0; v0 = rotate(v0, 32);
    v2 += v3; v3 = rotate(v3, 16); v3 ^= v2;
    v0 += v3; v3 = rotate(v3, 21); v3 ^= v0;
    v2 += v1; v1 = rotate(v1, 17); v1 ^= v2; v2 = rotate(v2, 32);
  };
  const auto length = static_cast<size_t>(size);
  size_t at = 0;
  for (; at + 8 <= length; at += 8) {
    Word word;
    memcpy(&word, data + at, 8);
    v3 ^= word;
    round();
    v0 ^= word;
  }
  Word last = static_cast<Word>(length) << 56;
  for (size_t i = 0; at + i < length; ++i) last |= static_cast<Word>(static_cast<unsigned char>(data[at + i])) << (8 * i);
  v3 ^= last;
  round();
  v0 ^= last;
  v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) round();
  const Word result = v0 ^ v1 ^ v2 ^ v3;
  memcpy(hash, &result, 8);
}

// ---- file names of code objects -----------------------------------------------------------------------------------------------

static Status rename_code(PyCodeObject* code, PyObject* old_name, PyObject* new_name) {
  const int equal = PyUnicode_Compare(code->co_filename, old_name);
  if (equal == -1 && PyErr_Occurred()) return failed;
  if (equal != 0) return Status::Ok;
  Py_SETREF(code->co_filename, Py_NewRef(new_name));
  PyObject* constants = code->co_consts;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); ++i) {
    PyObject* constant = PyTuple_GET_ITEM(constants, i);
    if (PyCode_Check(constant)) TRY(rename_code(as<PyCodeObject>(constant), old_name, new_name));
  }
  return Status::Ok;
}
Status fix_co_filename(PyObject* code, PyObject* filename) {
  Ref<> old_name = borrow(as<PyCodeObject>(code)->co_filename);
  const int equal = PyUnicode_Compare(old_name, filename);
  if (equal == -1 && PyErr_Occurred()) return failed;
  return equal == 0 ? Status::Ok : rename_code(as<PyCodeObject>(code), old_name, filename);
}

// ---- finding ------------------------------------------------------------------------------------------------------------------------

FrozenModule find_frozen(PyObject* name) {
  FrozenModule result;
  const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : nullptr;
  if (!text) {
    PyErr_Clear();
    return result;
  }
  if (const BootstrapModule* module = bootstrap_named(text)) {
    result.found = result.from_installation = true;
    result.origin = module->origin;
    return result;
  }
  for (const struct _frozen* module = PyImport_FrozenModules; module && module->name; ++module) {
    if (strcmp(module->name, text) != 0) continue;
    result.found = true;
    result.data = module->code;
    result.size = module->size < 0 ? -module->size : module->size;
    result.is_package = module->is_package || module->size < 0;
    result.origin = module->name;
    result.excluded = !module->code;
    result.bad = module->code && module->size == 0;
    return result;
  }
  return result;
}

Ref<> frozen_code(PyObject* name, const FrozenModule& module) {
  if (module.from_installation) {
    const BootstrapModule* part = bootstrap_named(PyUnicode_AsUTF8(name));
    return part ? load_bootstrap(*part) : nullptr;
  }
  Ref<> code = steal(PyMarshal_ReadObjectFromString(reinterpret_cast<const char*>(module.data), module.size));
  if (!code) {
    PyErr_Clear();
    PyErr_Format(PyExc_ImportError, "Frozen object named %R is invalid", name);
    return failed;
  }
  return code;
}

Ref<> frozen_names() {
  Ref<> list = TRY(steal(PyList_New(0)));
  auto add = [&](const char* name) -> Status {
    Ref<> text = TRY(steal(PyUnicode_FromString(name)));
    return status(PyList_Append(list, text));
  };
  for (const BootstrapModule& module : kBootstrap) TRY(add(module.name));
  for (const struct _frozen* module = PyImport_FrozenModules; module && module->name; ++module) TRY(add(module->name));
  return list;
}

Ref<> import_frozen(PyObject* name, bool* found) {
  const FrozenModule module = find_frozen(name);
  *found = module.found && !module.excluded;
  if (!*found) return failed;
  Ref<> code = TRY(frozen_code(name, module));
  if (!PyCode_Check(code.get())) return raise(PyExc_TypeError, "frozen object %R is not a code object", name);
  Ref<> loaded = TRY(add_module(name));
  PyObject* dict = PyModule_GetDict(loaded);
  if (module.is_package) {
    Ref<> path = TRY(steal(PyList_New(0)));
    TRY(PyDict_SetItemString(dict, "__path__", path));
  }
  if (!PyDict_GetItemWithError(dict, "__builtins__"_id)) {
    PyObject* builtins = PyEval_GetBuiltins();
    TRY(PyDict_SetItem(dict, "__builtins__"_id, builtins ? builtins : interpreter()->core.builtins_dict));
  }
  Ref<> value = steal(PyEval_EvalCode(code, dict, dict));
  if (!value) {
    Ref<> exception = steal(PyErr_GetRaisedException());
    if (PyObject_DelItem(interpreter()->core.modules, name) < 0) PyErr_Clear();
    if (exception) PyErr_SetRaisedException(exception.release());
    return failed;
  }
  Ref<> origin = module.origin ? steal(PyUnicode_FromString(module.origin)) : borrow(Py_None);
  if (!origin) return failed;
  TRY(PyDict_SetItemString(dict, "__origname__", origin));
  return loaded;
}

// ---- the start ------------------------------------------------------------------------------------------------------------------------

Status importlib_start(PyInterpreterState* state, PyObject* sys_module) {
  Ref<> name = TRY(steal(PyUnicode_FromString("_frozen_importlib")));
  bool found = false;
  Ref<> importlib = TRY(import_frozen(name, &found));
  state->import.importlib = Py_NewRef(importlib.get());
  // _imp by hand, as nothing can import it yet.
  Ref<> imp_name = TRY(steal(PyUnicode_FromString("_imp")));
  // Any object with a name does for a spec.
  Ref<> spec_type = TRY(steal(PyObject_GetAttrString(importlib, "ModuleSpec")));
  Ref<> importer = TRY(steal(PyObject_GetAttrString(importlib, "BuiltinImporter")));
  Ref<> spec = TRY(steal(PyObject_CallFunctionObjArgs(spec_type, imp_name.get(), importer.get(), nullptr)));
  Ref<> imp = TRY(create_builtin_module(imp_name, spec));
  TRY(execute_module(imp));
  TRY(set_module(imp_name, imp));
  Ref<> done = TRY(steal(PyObject_CallMethod(importlib, "_install", "OO", sys_module, imp.get())));
  return Status::Ok;
}

static Status start_zipimport() {
  PyObject* hooks = sys_get("path_hooks"_id);
  if (!hooks) return raise(PyExc_RuntimeError, "unable to get sys.path_hooks");
  Ref<> importer = steal(PyImport_ImportModuleAttrString("zipimport", "zipimporter"));
  if (!importer) {
    PyErr_Clear();
    if (interpreter()->core.config.verbose) PySys_WriteStderr("# can't import zipimport.zipimporter\n");
    return Status::Ok;
  }
  if (PyList_Check(hooks)) TRY(PyList_Insert(hooks, 0, importer));
  // What no hook wanted while zipimport itself was looked for may be an archive.
  PyObject* cache = sys_get("path_importer_cache"_id);
  if (!cache || !PyDict_Check(cache)) return Status::Ok;
  Ref<> paths = TRY(steal(PyDict_Keys(cache)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(paths.get()); ++i) {
    PyObject* path = PyList_GET_ITEM(paths.get(), i);
    if (PyDict_GetItemWithError(cache, path) == Py_None) TRY(PyDict_DelItem(cache, path));
  }
  return PyErr_Occurred() ? failed : Status::Ok;
}

Status importlib_start_external(PyInterpreterState* state) {
  Ref<> done = TRY(steal(PyObject_CallMethod(state->import.importlib, "_install_external_importers", "")));
  return start_zipimport();
}

Status import_start(PyInterpreterState*) { return Status::Ok; }
void import_end(PyInterpreterState* state) { import_end_modules(state); }

}  // namespace ks

using namespace ks;

extern "C" {

// 1: imported, 0: there is no such frozen module, -1: an exception.
int PyImport_ImportFrozenModuleObject(PyObject* name) {
  bool found = false;
  Ref<> module = import_frozen(name, &found);
  if (module) return 1;
  return found || PyErr_Occurred() ? -1 : 0;
}
int PyImport_ImportFrozenModule(const char* name) {
  Ref<> text = steal(PyUnicode_FromString(name));
  return text ? PyImport_ImportFrozenModuleObject(text) : -1;
}
KS_EXPORT PyObject* _Py_Get_Getpath_CodeObject(void) { return unimplemented("_Py_Get_Getpath_CodeObject"); }

}  // extern "C"
