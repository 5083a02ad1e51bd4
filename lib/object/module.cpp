// Module objects: the type, attribute access with its hints, annotations.
#include "object/module.h"

#include <Python.h>
#include <structmember.h>

#include <cwchar>

#include "object/allocate.h"
#include "object/attribute.h"
#include "object/call.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"

namespace ks {

static_assert(sizeof(ModuleObject) == 56);

namespace {

ModuleObject* module_of(PyObject* o) { return reinterpret_cast<ModuleObject*>(o); }

Ref<> new_module(PyTypeObject* type) {
  Ref<> module = TRY(steal(allocate_object(type, 0)));
  module_of(module)->dict = TRY(PyDict_New());
  gc_track(module.get());
  return module;
}

Status fill_dict(PyObject* module, PyObject* dict, PyObject* name, PyObject* doc) {
  TRY(PyDict_SetItem(dict, "__name__"_id, name));
  TRY(PyDict_SetItem(dict, "__doc__"_id, doc ? doc : Py_None));
  TRY(PyDict_SetItem(dict, "__package__"_id, Py_None));
  TRY(PyDict_SetItem(dict, "__loader__"_id, Py_None));
  TRY(PyDict_SetItem(dict, "__spec__"_id, Py_None));
  if (PyUnicode_CheckExact(name)) Py_XSETREF(module_of(module)->name, Py_NewRef(name));
  return Status::Ok;
}

PyObject* module_new(PyTypeObject* type, PyObject*, PyObject*) { return new_module(type).release(); }

constexpr Signature kInitSignature = read_signature("module", "(name, doc=None)");
int module_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* arguments[2];
  TRY(bind_tuple(kInitSignature, args, kwargs, arguments));
  if (!PyUnicode_Check(arguments[0])) return raise_bad_argument(kInitSignature, 0, "str", arguments[0]);
  ModuleObject* module = module_of(self);
  if (!module->dict) module->dict = TRY(PyDict_New());
  return to_c(fill_dict(self, module->dict, arguments[0], arguments[1]));
}

// What the definition's functions see only once its state is there.
bool definition_is_live(ModuleObject* module) {
  return module->definition && (module->definition->m_size <= 0 || module->state);
}

void module_dealloc(PyObject* self) {
  gc_untrack(self);
  ModuleObject* module = module_of(self);
  if (module->weak_list) PyObject_ClearWeakRefs(self);
  if (module->definition && module->definition->m_free && definition_is_live(module)) module->definition->m_free(module);
  Py_XDECREF(module->dict);
  Py_XDECREF(module->name);
  if (module->state) PyMem_Free(module->state);
  Py_TYPE(self)->tp_free(self);
}
int module_traverse(PyObject* self, visitproc visit, void* arg) {
  ModuleObject* module = module_of(self);
  if (module->definition && module->definition->m_traverse && definition_is_live(module)) {
    if (const int result = module->definition->m_traverse(self, visit, arg)) return result;
  }
  Py_VISIT(module->dict);
  return 0;
}
int module_clear(PyObject* self) {
  ModuleObject* module = module_of(self);
  if (module->definition && module->definition->m_clear && definition_is_live(module)) {
    const int result = module->definition->m_clear(self);
    if (PyErr_Occurred()) {
      PyErr_FormatUnraisable("Exception ignored in m_clear of module%s%V", module->name ? " " : "",
                             module->name, "");
    }
    if (result) return result;
  }
  Py_CLEAR(module->dict);
  return 0;
}

// As importlib words it.
PyObject* module_repr(PyObject* self) {
  Ref<> modules = TRY(steal(Py_XNewRef(PyImport_GetModuleDict())));
  Ref<> bootstrap;
  if (PyMapping_GetOptionalItem(modules, "_frozen_importlib"_id, bootstrap.out()) < 0) return nullptr;
  if (bootstrap) return call_method(bootstrap.get(), "_module_repr"_id, self);
  Ref<> name = steal(PyModule_GetNameObject(self));
  if (!name) {
    PyErr_Clear();
    return PyUnicode_FromString("<module '?'>");
  }
  return PyUnicode_FromFormat("<module %R>", name.get());
}

PyObject* module_getattro(PyObject* self, PyObject* name) { return module_get_attribute(self, name, false); }

Ref<> module_dir(PyObject* self) {
  Ref<> dict = TRY(steal(PyObject_GetAttr(self, "__dict__"_id)));
  if (!PyDict_Check(dict.get())) return raise(PyExc_TypeError, "%.200s.__dict__ is not a dictionary", "<module>");
  Ref<> function;
  if (PyDict_GetItemRef(dict, "__dir__"_id, function.out()) < 0) return failed;
  if (function) return steal(call(function.get()));
  return steal(PyDict_Keys(dict));
}
METHOD_AS(module_dir, "__dir__", 0, "($self, /)", "The names in the module, or what the module's own __dir__() returns.");
PyMethodDef module_methods[] = {
    {"__dir__", module_dir_method.ml_meth, METH_NOARGS, "The names in the module, or what the module's own __dir__() returns."}, {}};

// ---- annotations -----------------------------------------------------------------------------------------------------

Ref<> dict_for_annotations(PyObject* self) {
  Ref<> dict = TRY(steal(PyObject_GetAttr(self, "__dict__"_id)));
  if (!PyDict_Check(dict.get())) return raise(PyExc_TypeError, "<module>.__dict__ is not a dictionary");
  return dict;
}

PyObject* module_get_annotations(PyObject* self, void*) {
  Ref<> dict = TRY(dict_for_annotations(self));
  Ref<> annotations;
  if (PyDict_GetItemRef(dict, "__annotations__"_id, annotations.out()) < 0) return nullptr;
  if (annotations) return annotations.release();
  // While the module runs there may come more: the result is not kept.
  Ref<> spec;
  if (PyDict_GetItemRef(dict, "__spec__"_id, spec.out()) < 0) return nullptr;
  const bool initializing = TRY(spec_is_initializing(spec.get()));
  Ref<> annotate;
  if (PyDict_GetItemRef(dict, "__annotate__"_id, annotate.out()) < 0) return nullptr;
  if (annotate && PyCallable_Check(annotate)) {
    Ref<> one = TRY(steal(PyLong_FromLong(1)));
    annotations = TRY(steal(call(annotate.get(), one.get())));
    if (!PyDict_Check(annotations.get()))
      return raise(PyExc_TypeError, "__annotate__ returned non-dict of type '%.100s'", Py_TYPE(annotations)->tp_name);
  } else {
    annotations = TRY(steal(PyDict_New()));
  }
  if (!initializing) TRY(PyDict_SetItem(dict, "__annotations__"_id, annotations));
  return annotations.release();
}
int module_set_annotations(PyObject* self, PyObject* value, void*) {
  Ref<> dict = TRY(dict_for_annotations(self));
  if (value) {
    TRY(PyDict_SetItem(dict, "__annotations__"_id, value));
  } else {
    const int there = PyDict_Pop(dict, "__annotations__"_id, nullptr);
    if (there < 0) return -1;
    if (there == 0) {
      PyErr_SetObject(PyExc_AttributeError, "__annotations__"_id);
      return -1;
    }
  }
  return PyDict_Pop(dict, "__annotate__"_id, nullptr) < 0 ? -1 : 0;
}
PyObject* module_get_annotate(PyObject* self, void*) {
  Ref<> dict = TRY(dict_for_annotations(self));
  Ref<> annotate;
  if (PyDict_GetItemRef(dict, "__annotate__"_id, annotate.out()) < 0) return nullptr;
  if (annotate) return annotate.release();
  TRY(PyDict_SetItem(dict, "__annotate__"_id, Py_None));
  return Py_NewRef(Py_None);
}
int module_set_annotate(PyObject* self, PyObject* value, void*) {
  if (!value) return raise(PyExc_TypeError, "cannot delete __annotate__ attribute");
  Ref<> dict = TRY(dict_for_annotations(self));
  if (value != Py_None && !PyCallable_Check(value))
    return raise(PyExc_TypeError, "__annotate__ must be callable or None");
  TRY(PyDict_SetItem(dict, "__annotate__"_id, value));
  if (value == Py_None) return 0;
  return PyDict_Pop(dict, "__annotations__"_id, nullptr) < 0 ? -1 : 0;
}

PyGetSetDef module_getset[] = {{"__annotations__", module_get_annotations, module_set_annotations, nullptr, nullptr},
                               {"__annotate__", module_get_annotate, module_set_annotate, nullptr, nullptr},
                               {}};
PyMemberDef module_members[] = {{"__dict__", _Py_T_OBJECT, offsetof(ModuleObject, dict), Py_READONLY, nullptr}, {}};

// ---- messages for missing attributes ---------------------------------------------------------------------------------

// Whether spec's parent waits for the submodule `name`.
Found submodule_is_initializing(PyObject* spec, PyObject* name) {
  if (!spec || spec == Py_None) return Found::No;
  Ref<> waiting;
  if (PyObject_GetOptionalAttr(spec, "_uninitialized_submodules"_id, waiting.out()) < 0) return failed;
  return waiting ? found(PySequence_Contains(waiting, name)) : Found::No;
}

Failed raise_missing(PyObject* self, PyObject* name) {
  PyObject* dict = module_of(self)->dict;
  Ref<> module_name;
  if (dict && PyDict_GetItemRef(dict, "__name__"_id, module_name.out()) < 0) return failed;
  if (!module_name || !PyUnicode_Check(module_name.get()))
    return raise(PyExc_AttributeError, "module has no attribute '%U'", name);
  PyObject* mod_name = module_name.get();
  Ref<> spec;
  if (PyDict_GetItemRef(dict, "__spec__"_id, spec.out()) < 0) return failed;
  if (!spec) return raise(PyExc_AttributeError, "module '%U' has no attribute '%U'", mod_name, name);
  Ref<> origin;
  TRY(spec_origin(spec, &origin));
  bool shadowing = false;
  if (origin) shadowing = TRY(module_is_possibly_shadowing(origin));
  if (shadowing) {
    PyObject* names = PySys_GetObject("stdlib_module_names");
    if (names && PyAnySet_Check(names) && TRY(PySet_Contains(names, mod_name))) {
      return raise(PyExc_AttributeError,
                   "module '%U' has no attribute '%U' (consider renaming '%U' since it has the same name as the standard library "
                   "module named '%U' and prevents importing that standard library module)",
                   mod_name, name, origin.get(), mod_name);
    }
  }
  if (TRY(spec_is_initializing(spec))) {
    if (shadowing) {
      // It may be the user's own module that hides an installed one.
      return raise(PyExc_AttributeError,
                   "module '%U' has no attribute '%U' (consider renaming '%U' if it has the same name as a library you intended "
                   "to import)",
                   mod_name, name, origin.get());
    }
    if (origin) {
      return raise(PyExc_AttributeError,
                   "partially initialized module '%U' from '%U' has no attribute '%U' (most likely due to a circular import)",
                   mod_name, origin.get(), name);
    }
    return raise(PyExc_AttributeError,
                 "partially initialized module '%U' has no attribute '%U' (most likely due to a circular import)", mod_name, name);
  }
  if (TRY(submodule_is_initializing(spec, name))) {
    return raise(PyExc_AttributeError, "cannot access submodule '%U' of module '%U' (most likely due to a circular import)", name,
                 mod_name);
  }
  return raise(PyExc_AttributeError, "module '%U' has no attribute '%U'", mod_name, name);
}

}  // namespace

Found spec_is_initializing(PyObject* spec) {
  if (!spec || spec == Py_None) return Found::No;
  Ref<> value;
  if (PyObject_GetOptionalAttr(spec, "_initializing"_id, value.out()) < 0) return failed;
  return value ? found(PyObject_IsTrue(value)) : Found::No;
}

Found spec_origin(PyObject* spec, Ref<>* origin) {
  Ref<> value;
  if (PyObject_GetOptionalAttr(spec, "has_location"_id, value.out()) < 0) return failed;
  if (!value) return Found::No;
  const int located = PyObject_IsTrue(value);
  if (located <= 0) return found(located);
  if (PyObject_GetOptionalAttr(spec, "origin"_id, value.out()) < 0) return failed;
  if (!value || !PyUnicode_Check(value.get())) return Found::No;
  *origin = std::move(value);
  return Found::Yes;
}

Found module_is_possibly_shadowing(PyObject* origin) {
  if (!origin || !PyUnicode_Check(origin)) return Found::No;
  const PyConfig& config = interpreter()->core.config;
  if (config.safe_path || !config.sys_path_0) return Found::No;
  wchar_t directory[4097];
  const Py_ssize_t size = PyUnicode_AsWideChar(origin, directory, 4096);
  if (size < 0) return failed;
  directory[size] = 0;
  wchar_t* separator = wcsrchr(directory, L'/');
  if (!separator) return Found::No;
  // A package is named by its directory.
  if (wcscmp(separator + 1, L"__init__.py") == 0) {
    *separator = 0;
    separator = wcsrchr(directory, L'/');
    if (!separator) return Found::No;
  }
  *separator = 0;
  if (*config.sys_path_0) return wcscmp(config.sys_path_0, directory) == 0 ? Found::Yes : Found::No;
  // The empty entry is the current directory.
  Ref<> os_directory = steal(PyUnicode_FromWideChar(directory, -1));
  char here[4097];
  if (!os_directory || !getcwd(here, sizeof here)) return os_directory ? Found::No : Found::Error;
  Ref<> bytes = steal(PyUnicode_EncodeFSDefault(os_directory));
  if (!bytes) return failed;
  return strcmp(PyBytes_AS_STRING(bytes.get()), here) == 0 ? Found::Yes : Found::No;
}

PyObject* module_get_attribute(PyObject* self, PyObject* name, bool suppress) {
  if (PyObject* value = generic_get(self, name, nullptr, true)) return value;
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return nullptr;
    PyErr_Clear();
  }
  PyObject* dict = module_of(self)->dict;
  Ref<> function;
  if (dict && PyDict_GetItemRef(dict, "__getattr__"_id, function.out()) < 0) return nullptr;
  if (function) {
    PyObject* value = call(function.get(), name);
    if (!value && suppress && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
    return value;
  }
  if (suppress) return nullptr;
  (void)raise_missing(self, name);
  add_attribute_context(self, name);
  return nullptr;
}

// A new empty module of the plain type, for PyModule_New*.
Ref<> module_make(PyObject* name) {
  Ref<> module = TRY(new_module(&PyModule_Type));
  TRY(fill_dict(module, module_of(module)->dict, name, nullptr));
  return module;
}

}  // namespace ks

using namespace ks;

PyTypeObject PyModule_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "module",
    .tp_basicsize = sizeof(ModuleObject),
    .tp_dealloc = module_dealloc,
    .tp_repr = module_repr,
    .tp_getattro = module_getattro,
    .tp_setattro = PyObject_GenericSetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_doc = "module(name, doc=None)\n--\n\nA new module with the given name (a str) and documentation.",
    .tp_traverse = module_traverse,
    .tp_clear = module_clear,
    .tp_weaklistoffset = offsetof(ModuleObject, weak_list),
    .tp_methods = module_methods,
    .tp_members = module_members,
    .tp_getset = module_getset,
    .tp_dictoffset = offsetof(ModuleObject, dict),
    .tp_init = module_init,
    .tp_new = module_new,
    .tp_free = PyObject_GC_Del,
};
PyTypeObject PyModuleDef_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "moduledef",
    .tp_basicsize = sizeof(PyModuleDef),
};
