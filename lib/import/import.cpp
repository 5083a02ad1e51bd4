// The import statement and the PyImport_* functions around it. The finding and loading is importlib's, which comes from
// the installation; a module that is loaded already never gets there.
#include "import/import.h"

#include <ctime>
#include <cstring>

#include "import/tables.h"
#include "object/export.h"
#include "object/identifier.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

namespace ks {

PyObject* loaded_module(PyObject* name) {
  PyObject* modules = interpreter()->core.modules;
  if (!modules) return nullptr;
  if (PyDict_CheckExact(modules)) return PyDict_GetItemWithError(modules, name);
  Ref<> value = steal(PyObject_GetItem(modules, name));
  if (!value && PyErr_ExceptionMatches(PyExc_KeyError)) PyErr_Clear();
  return value;  // the mapping holds it
}

static Ref<> get_module(PyObject* name) {
  PyObject* modules = interpreter()->core.modules;
  if (!modules) return raise(PyExc_RuntimeError, "unable to get sys.modules");
  Ref<> result;
  if (PyDict_CheckExact(modules)) {
    (void)PyDict_GetItemRef(modules, name, result.out());
    return result;
  }
  (void)PyMapping_GetOptionalItem(modules, name, result.out());
  return result;
}

Status set_module(PyObject* name, PyObject* module) {
  PyObject* modules = interpreter()->core.modules;
  if (!modules) return raise(PyExc_RuntimeError, "unable to get sys.modules");
  return status(PyObject_SetItem(modules, name, module));
}

Ref<> add_module(PyObject* name) {
  Ref<> module = get_module(name);
  if (!module && PyErr_Occurred()) return failed;
  if (module && PyModule_Check(module.get())) return module;
  module = TRY(steal(PyModule_NewObject(name)));
  TRY(set_module(name, module));
  return module;
}

// ---- relative names --------------------------------------------------------------------------------------------------------

static Ref<> resolve_name(PyObject* globals, PyObject* name, int level) {
  Ref<> package, spec;
  if (!globals) return raise(PyExc_KeyError, "'__name__' not in globals");
  if (!PyDict_Check(globals)) return raise(PyExc_TypeError, "globals must be a dict");
  if (PyDict_GetItemRef(globals, "__package__"_id, package.out()) < 0) return failed;
  if (PyDict_GetItemRef(globals, "__spec__"_id, spec.out()) < 0) return failed;
  if (package && package.get() != Py_None) {
    if (!PyUnicode_Check(package.get())) return raise(PyExc_TypeError, "package must be a string");
    if (spec && spec.get() != Py_None) {
      Ref<> parent = TRY(steal(PyObject_GetAttr(spec, "parent"_id)));
      const int equal = PyObject_RichCompareBool(package, parent, Py_EQ);
      if (equal < 0) return failed;
      if (!equal && PyErr_WarnEx(PyExc_DeprecationWarning, "__package__ != __spec__.parent", 1) < 0) return failed;
    }
  } else if (spec && spec.get() != Py_None) {
    package = TRY(steal(PyObject_GetAttr(spec, "parent"_id)));
    if (!PyUnicode_Check(package.get())) return raise(PyExc_TypeError, "__spec__.parent must be a string");
  } else {
    if (PyErr_WarnEx(PyExc_ImportWarning,
                     "can't resolve package from __spec__ or __package__, falling back on __name__ and __path__", 1) < 0)
      return failed;
    package.reset();
    const int has_name = PyDict_GetItemRef(globals, "__name__"_id, package.out());
    if (has_name < 0) return failed;
    if (!has_name) return raise(PyExc_KeyError, "'__name__' not in globals");
    if (!PyUnicode_Check(package.get())) return raise(PyExc_TypeError, "__name__ must be a string");
    const int has_path = PyDict_Contains(globals, "__path__"_id);
    if (has_path < 0) return failed;
    if (!has_path) {
      const Py_ssize_t dot = PyUnicode_FindChar(package, '.', 0, PyUnicode_GET_LENGTH(package.get()), -1);
      if (dot == -2) return failed;
      if (dot == -1) return raise(PyExc_ImportError, "attempted relative import with no known parent package");
      package = TRY(steal(PyUnicode_Substring(package, 0, dot)));
    }
  }
  Py_ssize_t end = PyUnicode_GET_LENGTH(package.get());
  if (end == 0) return raise(PyExc_ImportError, "attempted relative import with no known parent package");
  for (; level > 1; --level) {
    end = PyUnicode_FindChar(package, '.', 0, end, -1);
    if (end == -2) return failed;
    if (end == -1) return raise(PyExc_ImportError, "attempted relative import beyond top-level package");
  }
  Ref<> base = TRY(steal(PyUnicode_Substring(package, 0, end)));
  if (PyUnicode_GET_LENGTH(name) == 0) return base;
  return steal(PyUnicode_FromFormat("%U.%U", base.get(), name));
}

// ---- loading --------------------------------------------------------------------------------------------------------------------

// Tracebacks do not show importlib's own frames: whole chunks of them where the error is an ImportError, otherwise those
// that end in _call_with_frames_removed.
static void remove_importlib_frames() {
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (!exception) return;
  if (interpreter()->core.config.verbose) {
    PyErr_SetRaisedException(exception.release());
    return;
  }
  const bool always = PyErr_GivenExceptionMatches(exception, PyExc_ImportError);
  Ref<> base = steal(PyException_GetTraceback(exception));
  PyObject* first = base;
  Ref<> first_owner = base.share();
  PyTracebackObject** link = nullptr;       // where the chunk's first traceback hangs
  PyTracebackObject** previous = nullptr;
  bool in_importlib = false;
  auto* traceback = as<PyTracebackObject>(first);
  PyTracebackObject* head = traceback;
  PyTracebackObject** outer = &head;
  previous = outer;
  while (traceback) {
    PyTracebackObject* next = traceback->tb_next;
    Ref<> code = steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(traceback->tb_frame)));
    PyObject* file = as<PyCodeObject>(code.get())->co_filename;
    const bool now = PyUnicode_CompareWithASCIIString(file, "<frozen importlib._bootstrap>") == 0 ||
                     PyUnicode_CompareWithASCIIString(file, "<frozen importlib._bootstrap_external>") == 0;
    if (now && !in_importlib) link = previous;
    in_importlib = now;
    if (in_importlib && (always || PyUnicode_CompareWithASCIIString(as<PyCodeObject>(code.get())->co_name, "_call_with_frames_removed") == 0)) {
      // Cut from the chunk's start up to here.
      if (link == &head) {
        head = next;
        previous = link;
      } else {
        Py_XINCREF(object(next));
        PyTracebackObject* old = *link;
        *link = next;
        Ref<> dropped = steal(object(old));
        previous = link;
      }
    } else {
      previous = &traceback->tb_next;
    }
    traceback = next;
  }
  if (object(head) != first) PyException_SetTraceback(exception, head ? object(head) : Py_None);
  PyErr_SetRaisedException(exception.release());
}

static int64_t microseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
}

static Ref<> find_and_load(PyObject* name) {
  PyInterpreterState* interp = interpreter();
  PyObject* sys = interp->core.sys_dict;
  auto attribute = [&](const char* text) {
    PyObject* value = PyDict_GetItemString(sys, text);
    return value ? value : Py_None;
  };
  if (PySys_Audit("import", "OOOOO", name, Py_None, attribute("path"), attribute("meta_path"), attribute("path_hooks")) < 0)
    return failed;
  const bool timed = interp->core.config.import_time > 0;
  ImportState& state = interp->import;
  int64_t begin = 0, before = 0;
  if (timed) {
    if (!state.import_time_header) {
      fprintf(stderr, "import time: self [us] | cumulative | imported package\n");
      state.import_time_header = true;
    }
    ++state.import_time_level;
    begin = microseconds();
    before = state.import_time_accumulated;
    state.import_time_accumulated = 0;
  }
  Ref<> module;
  if (!state.importlib) {
    module = nullptr;
    PyErr_Format(PyExc_ImportError, "importlib is not there to import %R", name);
  } else {
    PyObject* arguments[] = {state.importlib, name, interp->core.import_func};
    module = steal(PyObject_VectorcallMethod("_find_and_load"_id, arguments, 3, nullptr));
  }
  if (timed) {
    const int64_t cumulative = microseconds() - begin;
    --state.import_time_level;
    const char* text = PyUnicode_AsUTF8(name);
    fprintf(stderr, "import time: %9ld | %10ld | %*s%s\n", static_cast<long>(cumulative - state.import_time_accumulated),
            static_cast<long>(cumulative), state.import_time_level * 2, "", text ? text : "<decode error>");
    state.import_time_accumulated = before + cumulative;
  }
  return module;
}

// A module that another thread, or we ourselves further up, is still loading: wait for it.
static Status ensure_initialized(PyObject* module, PyObject* name) {
  Ref<> spec;
  const int has = PyObject_GetOptionalAttr(module, "__spec__"_id, spec.out());
  if (has < 0) return failed;
  if (!has || spec.get() == Py_None) return Status::Ok;
  Ref<> flag;
  const int known = PyObject_GetOptionalAttr(spec, "_initializing"_id, flag.out());
  if (known < 0) return failed;
  if (!known || flag.get() == Py_False) return Status::Ok;
  const int busy = PyObject_IsTrue(flag);
  if (busy < 0) return failed;
  PyObject* importlib = interpreter()->import.importlib;
  if (!busy || !importlib) return Status::Ok;
  PyObject* arguments[] = {importlib, name};
  Ref<> done = TRY(steal(PyObject_VectorcallMethod("_lock_unlock_module"_id, arguments, 2, nullptr)));
  return Status::Ok;
}

static Ref<> import_level(PyObject* name, PyObject* globals, PyObject* fromlist, int level);

static Ref<> import_checked(PyObject* name, PyObject* globals, PyObject* fromlist, int level) {
  if (!name) return raise(PyExc_ValueError, "Empty module name");
  if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "module name must be a string");
  if (level < 0) return raise(PyExc_ValueError, "level must be >= 0");
  Ref<> full;
  if (level > 0) {
    full = TRY(resolve_name(globals, name, level));
  } else {
    if (PyUnicode_GET_LENGTH(name) == 0) return raise(PyExc_ValueError, "Empty module name");
    full = borrow(name);
  }
  Ref<> module = get_module(full);
  if (!module && PyErr_Occurred()) return failed;
  if (module && module.get() != Py_None) {
    TRY(ensure_initialized(module, full));
    if (interpreter()->core.config.import_time == 2) {
      const char* text = PyUnicode_AsUTF8(full);
      fprintf(stderr, "import time: cached    | cached     | %*s%s\n", interpreter()->import.import_time_level * 2, "", text ? text : "");
    }
  } else {
    module = TRY(find_and_load(full));
  }
  int has_from = 0;
  if (fromlist && fromlist != Py_None) {
    has_from = PyObject_IsTrue(fromlist);
    if (has_from < 0) return failed;
  }
  if (!has_from) {
    const Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    if (level != 0 && length == 0) return module;
    const Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, length, 1);
    if (dot == -2) return failed;
    if (dot == -1) return module;
    if (level == 0) {
      Ref<> front = TRY(steal(PyUnicode_Substring(name, 0, dot)));
      return import_level(front, nullptr, nullptr, 0);
    }
    const Py_ssize_t cut = length - dot;
    Ref<> wanted = TRY(steal(PyUnicode_Substring(full, 0, PyUnicode_GET_LENGTH(full.get()) - cut)));
    Ref<> result = get_module(wanted);
    if (!result && !PyErr_Occurred()) return raise(PyExc_KeyError, "%R not in sys.modules as expected", wanted.get());
    return result;
  }
  Ref<> path;
  const int has_path = PyObject_GetOptionalAttr(module, "__path__"_id, path.out());
  if (has_path < 0) return failed;
  if (!has_path) return module;
  PyInterpreterState* interp = interpreter();
  if (!interp->import.importlib) return module;
  PyObject* arguments[] = {interp->import.importlib, module, fromlist, interp->core.import_func};
  return steal(PyObject_VectorcallMethod("_handle_fromlist"_id, arguments, 4, nullptr));
}

static Ref<> import_level(PyObject* name, PyObject* globals, PyObject* fromlist, int level) {
  Ref<> result = import_checked(name, globals, fromlist, level);
  if (!result) remove_importlib_frames();
  return result;
}

void import_end_modules(PyInterpreterState* state) {
  Py_CLEAR(state->object.modules_by_index);
  Py_CLEAR(state->import.importlib);
  Py_CLEAR(state->import.find_and_load);
  Py_CLEAR(state->import.lock_unlock_module);
  Py_CLEAR(state->import.bootstrap_code);
}

}  // namespace ks

using namespace ks;

extern "C" {

// ---- importing ---------------------------------------------------------------------------------------------------------------------

// New reference.
PyObject* PyImport_ImportModuleLevelObject(PyObject* name, PyObject* globals, PyObject*, PyObject* fromlist, int level) {
  return import_level(name, globals, fromlist, level).release();
}
PyObject* PyImport_ImportModuleLevel(const char* name, PyObject* globals, PyObject* locals, PyObject* fromlist, int level) {
  Ref<> text = steal(PyUnicode_FromString(name));
  return text ? PyImport_ImportModuleLevelObject(text, globals, locals, fromlist, level) : nullptr;
}
PyObject* PyImport_ImportModule(const char* name) {
  Ref<> text = steal(PyUnicode_FromString(name));
  return text ? PyImport_Import(text) : nullptr;
}
PyObject* PyImport_ImportModuleNoBlock(const char* name) {
  if (PyErr_WarnEx(PyExc_DeprecationWarning,
                   "PyImport_ImportModuleNoBlock() is deprecated and scheduled for removal in Python 3.15. Use "
                   "PyImport_ImportModule() instead.",
                   1) < 0)
    return nullptr;
  return PyImport_ImportModule(name);
}

// The module itself, also for a dotted name; goes through the __import__ of the running code's builtins.
PyObject* PyImport_Import(PyObject* name) {
  PyInterpreterState* interp = interpreter();
  Ref<> globals = borrow(PyEval_GetGlobals());
  Ref<> builtins, import;
  if (globals) {
    builtins = steal(PyObject_GetItem(globals, "__builtins__"_id));
    if (!builtins) PyErr_Clear();
  }
  if (!builtins) {
    if (PyErr_Occurred()) PyErr_Clear();
    builtins = borrow(interp->core.builtins_dict);
    globals = steal(Py_BuildValue("{OO}", "__builtins__"_id, builtins.get()));
    if (!globals) return nullptr;
  }
  if (PyDict_Check(builtins.get())) {
    import = borrow(PyDict_GetItemWithError(builtins, "__import__"_id));
    if (!import && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, "__import__"_id);
  } else {
    import = steal(PyObject_GetAttr(builtins, "__import__"_id));
  }
  if (!import) return nullptr;
  Ref<> fromlist = steal(PyList_New(0));
  if (!fromlist) return nullptr;
  if (import.get() == interp->core.import_func) {
    Ref<> first = import_level(name, globals, fromlist, 0);
    if (!first) return nullptr;
  } else {
    Ref<> first = steal(PyObject_CallFunction(import, "OOOOi", name, globals.get(), globals.get(), fromlist.get(), 0));
    if (!first) return nullptr;
  }
  Ref<> module = get_module(name);
  if (!module && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, name);
  return module.release();
}

// New reference to an attribute of a module that is imported for it.
PyObject* PyImport_ImportModuleAttr(PyObject* module_name, PyObject* attribute) {
  Ref<> module = steal(PyImport_Import(module_name));
  return module ? PyObject_GetAttr(module, attribute) : nullptr;
}
PyObject* PyImport_ImportModuleAttrString(const char* module_name, const char* attribute) {
  Ref<> module_text = steal(PyUnicode_FromString(module_name));
  Ref<> attribute_text = steal(PyUnicode_FromString(attribute));
  return module_text && attribute_text ? PyImport_ImportModuleAttr(module_text, attribute_text) : nullptr;
}

PyObject* PyImport_ReloadModule(PyObject* module) {
  Ref<> importlib = steal(PyImport_ImportModule("importlib"));
  return importlib ? PyObject_CallMethodOneArg(importlib, "reload"_id, module) : nullptr;
}

// ---- sys.modules -----------------------------------------------------------------------------------------------------------------------

// Borrowed.
PyObject* PyImport_GetModuleDict(void) {
  PyObject* modules = interpreter()->core.modules;
  if (!modules) PyErr_SetString(PyExc_RuntimeError, "unable to get sys.modules");
  return modules;
}
// New reference; NULL without exception where there is none.
PyObject* PyImport_GetModule(PyObject* name) {
  Ref<> module = get_module(name);
  if (module && module.get() != Py_None && is_failure(ensure_initialized(module, name))) {
    remove_importlib_frames();
    return nullptr;
  }
  return module.release();
}
KS_EXPORT int _PyImport_SetModule(PyObject* name, PyObject* module) { return to_c(set_module(name, module)); }
KS_EXPORT int _PyImport_SetModuleString(const char* name, PyObject* module) {
  Ref<> text = steal(PyUnicode_FromString(name));
  return text ? to_c(set_module(text, module)) : -1;
}

// New reference: the module of that name, made empty where there is none.
PyObject* PyImport_AddModuleRef(const char* name) {
  Ref<> text = steal(PyUnicode_FromString(name));
  return text ? add_module(text).release() : nullptr;
}
// Borrowed: sys.modules holds it.
PyObject* PyImport_AddModuleObject(PyObject* name) {
  Ref<> module = add_module(name);
  if (!module) return nullptr;
  // sys.modules may be any mapping; a weak reference tells whether it really holds the module.
  return module;
}
PyObject* PyImport_AddModule(const char* name) {
  Ref<> text = steal(PyUnicode_FromString(name));
  return text ? PyImport_AddModuleObject(text) : nullptr;
}

// ---- code objects as modules ---------------------------------------------------------------------------------------------------------------

static void remove_module(PyObject* name) {
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (PyObject_DelItem(interpreter()->core.modules, name) < 0) PyErr_Clear();
  if (exception) PyErr_SetRaisedException(exception.release());
}

PyObject* PyImport_ExecCodeModuleObject(PyObject* name, PyObject* code, PyObject* pathname, PyObject* cached) {
  Ref<> module = add_module(name);
  if (!module) return nullptr;
  PyObject* dict = PyModule_GetDict(module);
  auto give_up = [&]() -> PyObject* {
    remove_module(name);
    return nullptr;
  };
  if (!PyDict_GetItemWithError(dict, "__builtins__"_id)) {
    if (PyErr_Occurred() || PyDict_SetItem(dict, "__builtins__"_id, PyEval_GetBuiltins()) < 0) return give_up();
  }
  if (!pathname) pathname = as<PyCodeObject>(code)->co_filename;
  PyInterpreterState* interp = interpreter();
  Ref<> external = interp->import.importlib ? steal(PyObject_GetAttrString(interp->import.importlib, "_bootstrap_external")) : nullptr;
  if (external) {
    Ref<> fixed = steal(PyObject_CallMethod(external, "_fix_up_module", "OOOO", dict, name, pathname, cached ? cached : pathname));
    if (!fixed) return give_up();
  } else {
    PyErr_Clear();
  }
  Ref<> value = steal(PyEval_EvalCode(code, dict, dict));
  if (!value) return give_up();
  Ref<> result = get_module(name);
  if (!result && !PyErr_Occurred()) PyErr_Format(PyExc_ImportError, "Loaded module %R not found in sys.modules", name);
  return result.release();
}
PyObject* PyImport_ExecCodeModuleWithPathnames(const char* name, PyObject* code, const char* pathname, const char* cached) {
  Ref<> name_text = steal(PyUnicode_FromString(name));
  Ref<> cached_text = cached ? steal(PyUnicode_DecodeFSDefault(cached)) : nullptr;
  if (!name_text || (cached && !cached_text)) return nullptr;
  Ref<> path_text;
  if (pathname) {
    path_text = steal(PyUnicode_DecodeFSDefault(pathname));
    if (!path_text) return nullptr;
  } else if (cached_text) {
    PyInterpreterState* interp = interpreter();
    Ref<> external = interp->import.importlib ? steal(PyObject_GetAttrString(interp->import.importlib, "_bootstrap_external")) : nullptr;
    if (external) path_text = steal(PyObject_CallMethod(external, "_get_sourcefile", "O", cached_text.get()));
    if (!path_text) PyErr_Clear();
  }
  return PyImport_ExecCodeModuleObject(name_text, code, path_text, cached_text);
}
PyObject* PyImport_ExecCodeModuleEx(const char* name, PyObject* code, const char* pathname) {
  return PyImport_ExecCodeModuleWithPathnames(name, code, pathname, nullptr);
}
PyObject* PyImport_ExecCodeModule(const char* name, PyObject* code) {
  return PyImport_ExecCodeModuleWithPathnames(name, code, nullptr, nullptr);
}

// ---- facts about .pyc files, importers ---------------------------------------------------------------------------------------------------------

long PyImport_GetMagicNumber(void) { return 0x0a0d0e2b; }
const char* PyImport_GetMagicTag(void) { return "cpython-314"; }

// New reference: the path hook's importer for an entry of sys.path, or None.
PyObject* PyImport_GetImporter(PyObject* path) {
  PyObject* cache = sys_get("path_importer_cache"_id);
  PyObject* hooks = sys_get("path_hooks"_id);
  if (!cache || !hooks) {
    PyErr_Format(PyExc_RuntimeError, "lost sys.%s", cache ? "path_hooks" : "path_importer_cache");
    return nullptr;
  }
  const Py_ssize_t count = PyList_Size(hooks);
  if (count < 0) return nullptr;
  if (!PyDict_Check(cache)) return Py_NewRef(Py_None);
  Ref<> known;
  if (PyDict_GetItemRef(cache, path, known.out()) != 0) return known.release();
  if (PyDict_SetItem(cache, path, Py_None) < 0) return nullptr;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hooks); ++i) {
    Ref<> hook = borrow(PyList_GET_ITEM(hooks, i));
    Ref<> importer = steal(PyObject_CallOneArg(hook, path));
    if (importer) {
      return PyDict_SetItem(cache, path, importer) < 0 ? nullptr : importer.release();
    }
    if (!PyErr_ExceptionMatches(PyExc_ImportError)) return nullptr;
    PyErr_Clear();
  }
  return Py_NewRef(Py_None);
}

}  // extern "C"
