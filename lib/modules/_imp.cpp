// The _imp module: what importlib needs from below.
#include <cstring>

#include "import/import.h"
#include "import/tables.h"
#include "modules/module.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

namespace ks {

namespace {

// ---- the global import lock: importlib has locks for each module, so that this one is only for old callers -----------------

struct ImportLockState {
  unsigned long owner;
  int level;
  PyMutex mutex;
};
ImportLockState* import_lock(PyObject* module) { return static_cast<ImportLockState*>(PyModule_GetState(module)); }

void imp_acquire_lock(PyObject* module) {
  ImportLockState* lock = import_lock(module);
  const unsigned long me = PyThread_get_thread_ident();
  if (lock->level && lock->owner == me) {
    ++lock->level;
    return;
  }
  PyMutex_Lock(&lock->mutex);
  lock->owner = me;
  lock->level = 1;
}
Status imp_release_lock(PyObject* module) {
  ImportLockState* lock = import_lock(module);
  if (!lock->level || lock->owner != PyThread_get_thread_ident()) return raise(PyExc_RuntimeError, "not holding the import lock");
  if (--lock->level == 0) {
    lock->owner = 0;
    PyMutex_Unlock(&lock->mutex);
  }
  return Status::Ok;
}
bool imp_lock_held(PyObject* module) { return import_lock(module)->level != 0; }

// ---- builtin and extension modules --------------------------------------------------------------------------------------------

PyObject* imp_is_builtin_boxed(PyObject*, PyObject* name) {
  if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "is_builtin() argument must be str, not %.50s", Py_TYPE(name)->tp_name);
  return PyLong_FromLong(builtin_module_kind(name));
}
Ref<> imp_create_builtin(PyObject*, PyObject* spec) {
  Ref<> name = TRY(steal(PyObject_GetAttr(spec, "name"_id)));
  if (!PyUnicode_Check(name.get())) return raise(PyExc_TypeError, "name must be string, not %.200s", Py_TYPE(name.get())->tp_name);
  if (PyUnicode_GetLength(name) == 0) return raise(PyExc_ValueError, "name must not be empty");
  return create_builtin_module(name, spec);
}
PyObject* imp_exec(PyObject*, PyObject* module) {
  if (is_failure(execute_module(module))) return nullptr;
  return PyLong_FromLong(0);
}
Ref<> imp_create_dynamic(PyObject*, PyObject* spec, PyObject*) { return create_dynamic_module(spec); }
Ref<> imp_extension_suffixes(PyObject*) {
  return steal(Py_BuildValue("[ssss]", ".cpython-314-x86_64-linux-gnu.so", ".abi3.so", ".abi3-x86_64-linux-gnu.so", ".so"));
}
PyObject* imp_override_multi_interp(PyObject*, int override) {
  PyInterpreterState* interp = interpreter();
  if (is_main_interpreter(interp))
    return raise(PyExc_RuntimeError, "_imp._override_multi_interp_extensions_check() cannot be used in the main interpreter");
  const int old = interp->core.multi_interp_override;
  interp->core.multi_interp_override = override;
  return PyLong_FromLong(old);
}

// ---- frozen modules --------------------------------------------------------------------------------------------------------------

Failed frozen_error(PyObject* name, const FrozenModule& module) {
  Ref<> message = steal(PyUnicode_FromFormat(module.excluded ? "Excluded frozen object named %R"
                                             : module.bad    ? "Frozen object named %R is invalid"
                                                             : "No such frozen object named %R",
                                             name));
  if (message) PyErr_SetImportError(message, name, nullptr);
  return failed;
}
Ref<> imp_find_frozen(PyObject*, StrArgument name, bool withdata) {
  const FrozenModule module = find_frozen(name);
  if (!module.found || module.excluded) return borrow(Py_None);
  if (module.bad) return frozen_error(name, module);
  Ref<> data;
  if (withdata && module.data) {
    data = TRY(steal(PyMemoryView_FromMemory(reinterpret_cast<char*>(const_cast<unsigned char*>(module.data)), module.size, PyBUF_READ)));
  }
  Ref<> origin = module.origin ? steal(PyUnicode_FromString(module.origin)) : borrow(Py_None);
  if (!origin) return failed;
  return steal(PyTuple_Pack(3, data ? data.get() : Py_None, module.is_package ? Py_True : Py_False, origin.get()));
}
Ref<> imp_get_frozen_object(PyObject*, StrArgument name, PyObject* data) {
  FrozenModule module = find_frozen(name);
  Py_buffer view{};
  if (data && data != Py_None) {
    TRY(PyObject_GetBuffer(data, &view, PyBUF_SIMPLE));
    module.found = true;
    module.excluded = module.bad = module.from_installation = false;
    module.data = static_cast<const unsigned char*>(view.buf);
    module.size = view.len;
    if (view.len == 0) module.bad = true;
  }
  Ref<> code;
  if (!module.found || module.excluded || module.bad) (void)frozen_error(name, module);
  else code = frozen_code(name, module);
  if (view.obj) PyBuffer_Release(&view);
  if (!code) return failed;
  if (!PyCode_Check(code.get())) return raise(PyExc_TypeError, "object is not a code object");
  return code;
}
Ref<> imp_init_frozen(PyObject*, StrArgument name) {
  bool found = false;
  Ref<> module = import_frozen(name, &found);
  if (!module && !PyErr_Occurred()) return borrow(Py_None);
  return module;
}
Found imp_is_frozen(PyObject*, StrArgument name) {
  const FrozenModule module = find_frozen(name);
  return module.found && !module.excluded ? Found::Yes : Found::No;
}
Found imp_is_frozen_package(PyObject*, StrArgument name) {
  const FrozenModule module = find_frozen(name);
  if (!module.found || module.excluded) return frozen_error(name, module);
  return module.is_package ? Found::Yes : Found::No;
}
Ref<> imp_frozen_module_names(PyObject*) { return frozen_names(); }
void imp_override_frozen(PyObject*, int override) { interpreter()->core.frozen_modules_override = override; }

// ---- code -----------------------------------------------------------------------------------------------------------------------

Status imp_fix_co_filename(PyObject*, PyObject* code, StrArgument path) {
  if (!PyCode_Check(code))
    return raise(PyExc_TypeError, "_fix_co_filename() argument 1 must be code, not %.50s", Py_TYPE(code)->tp_name);
  return fix_co_filename(code, path);
}
Ref<> imp_source_hash(PyObject*, long key, const BufferArgument& source) {
  unsigned char hash[8];
  source_hash(reinterpret_cast<const char*>(source.data()), source.size(), static_cast<unsigned long long>(key), hash);
  return steal(PyBytes_FromStringAndSize(reinterpret_cast<char*>(hash), 8));
}

}  // namespace

namespace {

METHOD_AS(imp_extension_suffixes, "extension_suffixes", 0, "($module, /)", "The suffixes of extension modules' files.");
METHOD_AS(imp_lock_held, "lock_held", 0, "($module, /)", "Does some thread hold the import lock?");
METHOD_AS(imp_acquire_lock, "acquire_lock", 0, "($module, /)", "Take the global import lock for this thread.");
METHOD_AS(imp_release_lock, "release_lock", 0, "($module, /)", "Give the global import lock back.");
METHOD_AS(imp_find_frozen, "find_frozen", 0, "($module, name, /, *, withdata=False)",
          "Facts of a frozen module: (data, is_package, origname), or None.");
METHOD_AS(imp_get_frozen_object, "get_frozen_object", 0, "($module, name, data=None, /)", "The code object of a frozen module.");
METHOD_AS(imp_is_frozen_package, "is_frozen_package", 0, "($module, name, /)", "Is the frozen module a package?");
METHOD_AS(imp_create_builtin, "create_builtin", 0, "($module, spec, /)", "Create the builtin module of a spec.");
METHOD_AS(imp_init_frozen, "init_frozen", 0, "($module, name, /)", "Import a frozen module.");
METHOD_AS(imp_is_frozen, "is_frozen", 0, "($module, name, /)", "Is there a frozen module of that name?");
METHOD_AS(imp_frozen_module_names, "_frozen_module_names", 0, "($module, /)", "The names of the frozen modules.");
METHOD_AS(imp_override_frozen, "_override_frozen_modules_for_tests", 0, "($module, override, /)", "For tests: force frozen modules on or off.");
METHOD_AS(imp_override_multi_interp, "_override_multi_interp_extensions_check", 0, "($module, override, /)",
          "For tests: force the check of extension modules in subinterpreters.");
METHOD_AS(imp_create_dynamic, "create_dynamic", 0, "($module, spec, file=<unrepresentable>, /)", "Create the module of a shared object.");
METHOD_AS(imp_fix_co_filename, "_fix_co_filename", 0, "($module, code, path, /)", "Change the file name of a code object and those in it.");
METHOD_AS(imp_source_hash, "source_hash", 0, "($module, /, key, source)", "The hash of a source for .pyc files.");
constexpr PyMethodDef imp_is_builtin_method = {"is_builtin", imp_is_builtin_boxed, METH_O,
                                              "is_builtin($module, name, /)\n--\n\n1: a builtin module, -1: one that exists already, 0: none."};
constexpr PyMethodDef imp_exec_builtin_method = {"exec_builtin", imp_exec, METH_O, "exec_builtin($module, mod, /)\n--\n\nRun the module's exec slots."};
constexpr PyMethodDef imp_exec_dynamic_method = {"exec_dynamic", imp_exec, METH_O, "exec_dynamic($module, mod, /)\n--\n\nRun the module's exec slots."};

PyMethodDef imp_methods[] = {
    imp_extension_suffixes_method, imp_lock_held_method, imp_acquire_lock_method, imp_release_lock_method, imp_find_frozen_method,
    imp_get_frozen_object_method, imp_is_frozen_package_method, imp_create_builtin_method, imp_init_frozen_method,
    imp_is_builtin_method, imp_is_frozen_method, imp_frozen_module_names_method, imp_override_frozen_method,
    imp_override_multi_interp_method, imp_create_dynamic_method, imp_exec_dynamic_method, imp_exec_builtin_method,
    imp_fix_co_filename_method, imp_source_hash_method, {}};

int imp_execute(PyObject* module) {
  const wchar_t* mode = interpreter()->core.config.check_hash_pycs_mode;
  Ref<> text = steal(PyUnicode_FromWideChar(mode ? mode : L"default", -1));
  if (!text || PyModule_AddObjectRef(module, "check_hash_based_pycs", text) < 0) return -1;
  return PyModule_AddIntConstant(module, "pyc_magic_number_token", PyImport_GetMagicNumber());
}

MODULE_SLOTS(imp_slots, imp_execute);
PyModuleDef imp_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_imp",
    .m_doc = "The low-level part of imports.",
    .m_size = sizeof(ImportLockState),
    .m_methods = imp_methods,
    .m_slots = imp_slots,
};

}  // namespace
// The process is not copied while another thread imports: fork() waits for the lock.
static PyObject* current_imp() {
  PyObject* module = interpreter()->core.modules ? PyDict_GetItemString(interpreter()->core.modules, "_imp") : nullptr;
  return module && PyModule_Check(module) && PyModule_GetDef(module) == &imp_module && PyModule_GetState(module) ? module : nullptr;
}
void import_lock_before_fork() {
  if (PyObject* module = current_imp()) imp_acquire_lock(module);
}
void import_lock_after_fork(bool in_child) {
  PyObject* module = current_imp();
  if (!module || !imp_lock_held(module)) return;
  ImportLockState* lock = import_lock(module);
  if (in_child) lock->mutex = {._bits = 1};  // held, and those who waited are not here
  if (is_failure(imp_release_lock(module))) PyErr_Clear();
}

}  // namespace ks

PyMODINIT_FUNC PyInit__imp(void) { return PyModuleDef_Init(&ks::imp_module); }
