// Making modules from C: single-phase and multi-phase initialisation, adding to modules, finding them by definition.
#include <Python.h>

#include <cstring>

#include "object/attribute.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/module.h"
#include "object/result.h"
#include "object/type.h"
#include "runtime/state.h"

namespace ks {

Ref<> module_make(PyObject* name);

namespace {

ModuleObject* module_of(PyObject* o) { return reinterpret_cast<ModuleObject*>(o); }

// The number of the last definition that was initialised in this process; definitions are static data of their modules.
constinit Py_ssize_t last_index = 0;

bool check_api_version(const char* name, int version) {
  if (version == PYTHON_API_VERSION || version == PYTHON_ABI_VERSION) return true;
  return PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                          "Python C API version mismatch for module %.100s: This Python has API version %d, module %.100s has "
                          "version %d.",
                          name, PYTHON_API_VERSION, name, version) == 0;
}

Status add_methods(PyObject* module, PyObject* name, PyMethodDef* methods) {
  for (PyMethodDef* row = methods; row->ml_name; ++row) {
    if (row->ml_flags & (METH_CLASS | METH_STATIC))
      return raise(PyExc_ValueError, "module functions cannot set METH_CLASS or METH_STATIC");
    Ref<> function = TRY(steal(PyCFunction_NewEx(row, module, name)));
    TRY(PyObject_SetAttrString(module, row->ml_name, function));
  }
  return Status::Ok;
}

// SystemError when a slot function failed without an exception or succeeded with one.
Status check_slot_result(bool good, const char* what, const char* name) {
  if (good) {
    if (!PyErr_Occurred()) return Status::Ok;
    PyObject* cause = PyErr_GetRaisedException();
    PyErr_Format(PyExc_SystemError, "%s of module %s raised unreported exception", what, name);
    PyObject* error = PyErr_GetRaisedException();
    PyException_SetCause(error, Py_NewRef(cause));
    PyException_SetContext(error, cause);
    PyErr_SetRaisedException(error);
    return failed;
  }
  if (!PyErr_Occurred())
    return raise(PyExc_SystemError, "%s of module %s failed without setting an exception", what, name);
  return failed;
}

}  // namespace
}  // namespace ks

using namespace ks;

// ---- new modules -----------------------------------------------------------------------------------------------------

// An empty module; new reference.
PyObject* PyModule_NewObject(PyObject* name) { return module_make(name).release(); }
PyObject* PyModule_New(const char* name) {
  Ref<> text = TRY(steal(PyUnicode_FromString(name)));
  return PyModule_NewObject(text);
}

// Makes the definition an object with an index: what PyInit_* of a multi-phase module returns (borrowed).
PyObject* PyModuleDef_Init(PyModuleDef* definition) {
  PyModuleDef_Base& base = definition->m_base;
  if (base.m_index == 0) {
    base.m_index = __atomic_add_fetch(&last_index, 1, __ATOMIC_RELAXED);
    base.ob_base.ob_refcnt_full = _Py_IMMORTAL_INITIAL_REFCNT;
    base.ob_base.ob_type = &PyModuleDef_Type;
  }
  return reinterpret_cast<PyObject*>(definition);
}

// The full name of the module that is being imported when `name` is its last part (import/extensions.cpp).
KS_EXPORT const char* _PyImport_ResolveNameWithPackageContext(const char* name);

// A module from a definition without slots; new reference.
PyObject* PyModule_Create2(PyModuleDef* definition, int api_version) {
  if (!PyModuleDef_Init(definition)) return nullptr;
  const char* name = definition->m_name;
  if (!check_api_version(name, api_version)) return nullptr;
  if (definition->m_slots)
    return raise(PyExc_SystemError, "module %s: PyModule_Create is incompatible with m_slots", name);
  // A module inside a package knows only its own last name; import says the whole.
  name = _PyImport_ResolveNameWithPackageContext(name);
  Ref<> module = TRY(steal(PyModule_New(name)));
  if (definition->m_size > 0) {
    void* state = PyMem_Malloc(static_cast<size_t>(definition->m_size));
    if (!state) return PyErr_NoMemory();
    memset(state, 0, static_cast<size_t>(definition->m_size));
    module_of(module)->state = state;
  }
  if (definition->m_methods) TRY(PyModule_AddFunctions(module, definition->m_methods));
  if (definition->m_doc) TRY(PyModule_SetDocString(module, definition->m_doc));
  module_of(module)->definition = definition;
  return module.release();
}

// The create phase of a multi-phase module; new reference.
PyObject* PyModule_FromDefAndSpec2(PyModuleDef* definition, PyObject* spec, int api_version) {
  PyModuleDef_Init(definition);
  Ref<> name_object = TRY(steal(PyObject_GetAttr(spec, "name"_id)));
  const char* name = TRY(PyUnicode_AsUTF8(name_object));
  if (!check_api_version(name, api_version)) return nullptr;
  if (definition->m_size < 0) {
    return raise(PyExc_SystemError, "module %s: m_size may not be negative for multi-phase initialization", name);
  }
  PyObject* (*create)(PyObject*, PyModuleDef*) = nullptr;
  bool executes = false, has_interpreters = false, has_gil = false;
  void* interpreters = Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED;  // without a slot several are expected to work
  for (PyModuleDef_Slot* slot = definition->m_slots; slot && slot->slot; ++slot) {
    switch (slot->slot) {
      case Py_mod_create:
        if (create) return raise(PyExc_SystemError, "module %s has multiple create slots", name);
        create = reinterpret_cast<PyObject* (*)(PyObject*, PyModuleDef*)>(slot->value);
        break;
      case Py_mod_multiple_interpreters:
        if (has_interpreters) return raise(PyExc_SystemError, "module %s has more than one 'multiple interpreters' slots", name);
        has_interpreters = true;
        interpreters = slot->value;
        break;
      case Py_mod_gil:
        if (has_gil) return raise(PyExc_SystemError, "module %s has more than one 'gil' slot", name);
        has_gil = true;
        break;
      default:
        if (slot->slot < 0 || slot->slot > Py_mod_gil)
          return raise(PyExc_SystemError, "module %s uses unknown slot ID %i", name, slot->slot);
        executes = true;
    }
  }
  const PyInterpreterState* here = interpreter();
  const bool one_only = interpreters == Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED;
  if (here != PyInterpreterState_Main() && (one_only || (interpreters != Py_MOD_PER_INTERPRETER_GIL_SUPPORTED && here->core.own_gil))) {
    const int override = here->core.multi_interp_override;
    if (override ? override > 0 : here->core.check_multi_interp_extensions)
      return raise(PyExc_ImportError, "module %s does not support loading in subinterpreters", name);
  }
  Ref<> module;
  if (create) {
    module = steal(create(spec, definition));
    TRY(check_slot_result(static_cast<bool>(module), "creation", name));
  } else {
    module = TRY(steal(PyModule_NewObject(name_object)));
  }
  if (PyModule_Check(module.get())) {
    module_of(module)->state = nullptr;
    module_of(module)->definition = definition;
  } else {
    if (definition->m_size > 0 || definition->m_traverse || definition->m_clear || definition->m_free)
      return raise(PyExc_SystemError, "module %s is not a module object, but requests module state", name);
    if (executes)
      return raise(PyExc_SystemError, "module %s specifies execution slots, but did not create a ModuleType instance", name);
  }
  if (definition->m_methods) TRY(add_methods(module, name_object, definition->m_methods));
  if (definition->m_doc) TRY(PyModule_SetDocString(module, definition->m_doc));
  return module.release();
}

// The execute phase; -1 on error.
int PyModule_ExecDef(PyObject* module, PyModuleDef* definition) {
  const char* name = PyModule_GetName(module);
  if (!name) return -1;
  if (definition->m_size >= 0) {
    ModuleObject* object = module_of(module);
    if (!object->state) {
      // Also for size 0: the state says that the module has been executed.
      object->state = PyMem_Malloc(static_cast<size_t>(definition->m_size));
      if (!object->state) {
        PyErr_NoMemory();
        return -1;
      }
      memset(object->state, 0, static_cast<size_t>(definition->m_size));
    }
  }
  for (PyModuleDef_Slot* slot = definition->m_slots; slot && slot->slot; ++slot) {
    switch (slot->slot) {
      case Py_mod_create:
      case Py_mod_multiple_interpreters:
      case Py_mod_gil:
        break;
      case Py_mod_exec: {
        const int result = reinterpret_cast<int (*)(PyObject*)>(slot->value)(module);
        TRY(check_slot_result(result == 0, "execution", name));
        break;
      }
      default:
        return raise(PyExc_SystemError, "module %s initialized with unknown slot %i", name, slot->slot);
    }
  }
  return 0;
}

// ---- what a module holds ---------------------------------------------------------------------------------------------

// Adds the functions of a table; -1 on error.
int PyModule_AddFunctions(PyObject* module, PyMethodDef* functions) {
  Ref<> name = TRY(steal(PyModule_GetNameObject(module)));
  return to_c(add_methods(module, name, functions));
}
int PyModule_SetDocString(PyObject* module, const char* doc) {
  Ref<> text = TRY(steal(PyUnicode_FromString(doc)));
  return PyObject_SetAttr(module, "__doc__"_id, text);
}

// __dict__, borrowed.
PyObject* PyModule_GetDict(PyObject* module) {
  if (!PyModule_Check(module)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return module_of(module)->dict;
}
// __name__, new; SystemError when it is not a str.
PyObject* PyModule_GetNameObject(PyObject* module) {
  if (!PyModule_Check(module)) {
    PyErr_BadArgument();
    return nullptr;
  }
  PyObject* dict = module_of(module)->dict;
  Ref<> name;
  if (dict && PyDict_Check(dict) && PyDict_GetItemRef(dict, "__name__"_id, name.out()) < 0) return nullptr;
  if (!name || !PyUnicode_Check(name.get())) return raise(PyExc_SystemError, "nameless module");
  return name.release();
}
const char* PyModule_GetName(PyObject* module) {
  Ref<> name = steal(PyModule_GetNameObject(module));
  return name ? PyUnicode_AsUTF8(name) : nullptr;
}
PyObject* PyModule_GetFilenameObject(PyObject* module) {
  if (!PyModule_Check(module)) {
    PyErr_BadArgument();
    return nullptr;
  }
  PyObject* dict = module_of(module)->dict;
  Ref<> file;
  if (dict && PyDict_GetItemRef(dict, "__file__"_id, file.out()) < 0) return nullptr;
  if (!file || !PyUnicode_Check(file.get())) return raise(PyExc_SystemError, "module filename missing");
  return file.release();
}
const char* PyModule_GetFilename(PyObject* module) {
  Ref<> file = steal(PyModule_GetFilenameObject(module));
  return file ? PyUnicode_AsUTF8(file) : nullptr;
}
PyModuleDef* PyModule_GetDef(PyObject* module) {
  if (!PyModule_Check(module)) {
    PyErr_BadArgument();
    return nullptr;
  }
  return module_of(module)->definition;
}
void* PyModule_GetState(PyObject* module) {
  if (!PyModule_Check(module)) {
    PyErr_BadArgument();
    return nullptr;
  }
  return module_of(module)->state;
}
// Only the free-threaded build asks.
KS_EXPORT int PyUnstable_Module_SetGIL(PyObject* module, void*) {
  if (!PyModule_Check(module)) {
    PyErr_BadInternalCall();
    return -1;
  }
  return 0;
}

// module.name = value; -1 on error. A NULL value is an error that has been raised.
int PyModule_AddObjectRef(PyObject* module, const char* name, PyObject* value) {
  if (!PyModule_Check(module))
    return raise(PyExc_TypeError, "PyModule_AddObjectRef() first argument must be a module");
  if (!value) {
    if (!PyErr_Occurred())
      PyErr_SetString(PyExc_SystemError, "PyModule_AddObjectRef() must be called with an exception raised if value is NULL");
    return -1;
  }
  PyObject* dict = PyModule_GetDict(module);
  if (!dict) return raise(PyExc_SystemError, "module '%s' has no __dict__", PyModule_GetName(module));
  return PyDict_SetItemString(dict, name, value);
}
// Takes over the value.
int PyModule_Add(PyObject* module, const char* name, PyObject* value) {
  const int result = PyModule_AddObjectRef(module, name, value);
  Py_XDECREF(value);
  return result;
}
// Takes over the value, but only on success.
int PyModule_AddObject(PyObject* module, const char* name, PyObject* value) {
  const int result = PyModule_AddObjectRef(module, name, value);
  if (result == 0) Py_DECREF(value);
  return result;
}
int PyModule_AddIntConstant(PyObject* module, const char* name, long value) {
  return PyModule_Add(module, name, PyLong_FromLong(value));
}
int PyModule_AddStringConstant(PyObject* module, const char* name, const char* value) {
  return PyModule_Add(module, name, PyUnicode_FromString(value));
}
int PyModule_AddType(PyObject* module, PyTypeObject* type) {
  if (!PyType_HasFeature(type, Py_TPFLAGS_READY) && PyType_Ready(type) < 0) return -1;
  const char* dot = strrchr(type->tp_name, '.');
  return PyModule_AddObjectRef(module, dot ? dot + 1 : type->tp_name, reinterpret_cast<PyObject*>(type));
}

// ---- modules by definition -------------------------------------------------------------------------------------------

// The module of a single-phase definition, borrowed; NULL without error when there is none.
PyObject* PyState_FindModule(PyModuleDef* definition) {
  if (definition->m_slots) return nullptr;
  const Py_ssize_t index = definition->m_base.m_index;
  PyObject* list = interpreter()->object.modules_by_index;
  if (index == 0 || !list || index >= PyList_GET_SIZE(list)) return nullptr;
  PyObject* module = PyList_GET_ITEM(list, index);
  return module == Py_None ? nullptr : module;
}
KS_EXPORT int _PyState_AddModule(PyThreadState* tstate, PyObject* module, PyModuleDef* definition) {
  if (!definition) return raise(PyExc_SystemError, "module definition is NULL");
  if (definition->m_slots) return raise(PyExc_SystemError, "PyState_AddModule called on module with slots");
  PyObject*& list = tstate->interp->object.modules_by_index;
  if (!list && !(list = PyList_New(0))) return -1;
  const Py_ssize_t index = definition->m_base.m_index;
  while (PyList_GET_SIZE(list) <= index)
    if (PyList_Append(list, Py_None) < 0) return -1;
  return PyList_SetItem(list, index, Py_NewRef(module));
}
int PyState_AddModule(PyObject* module, PyModuleDef* definition) {
  if (!definition) Py_FatalError("module definition is NULL");
  PyThreadState* tstate = thread();
  PyObject* list = tstate->interp->object.modules_by_index;
  const Py_ssize_t index = definition->m_base.m_index;
  if (list && index < PyList_GET_SIZE(list) && module == PyList_GET_ITEM(list, index)) {
    char message[64];
    snprintf(message, sizeof message, "module %p already added", static_cast<void*>(module));
    Py_FatalError(message);
  }
  return _PyState_AddModule(tstate, module, definition);
}
int PyState_RemoveModule(PyModuleDef* definition) {
  if (definition->m_slots) return raise(PyExc_SystemError, "PyState_RemoveModule called on module with slots");
  const Py_ssize_t index = definition->m_base.m_index;
  PyObject* list = interpreter()->object.modules_by_index;
  if (index == 0) Py_FatalError("invalid module index");
  if (!list) Py_FatalError("Interpreters module-list not accessible.");
  if (index >= PyList_GET_SIZE(list)) Py_FatalError("Module index out of bounds.");
  return PyList_SetItem(list, index, Py_NewRef(Py_None));
}
