// Names: lookups in namespaces, their errors, imports.
#include "interpreter/operations.h"
#include "object/identifier.h"
#include "object/module.h"
#include "runtime/state.h"
#include "types/dict.h"

namespace ks {

// Sets .name on a NameError that has just been raised.
static void set_name_of_error(PyObject* name) {
  PyObject* error = PyErr_GetRaisedException();
  if (!error) return;
  if (Py_IS_TYPE(error, reinterpret_cast<PyTypeObject*>(PyExc_NameError))) {  // not UnboundLocalError: no other name is suggested
    PyObject*& slot = reinterpret_cast<PyNameErrorObject*>(error)->name;
    if (!slot) slot = Py_NewRef(name);
  }
  PyErr_SetRaisedException(error);
}

void raise_name_error(PyObject* name) {
  const char* text = PyUnicode_AsUTF8(name);
  if (!text) return;
  PyErr_Format(PyExc_NameError, "name '%.200s' is not defined", text);
  set_name_of_error(name);
}

void raise_unbound(PyCodeObject* code, int index) {
  if (PyErr_Occurred()) return;
  PyObject* name = PyTuple_GET_ITEM(code->co_localsplusnames, index);
  const char* text = PyUnicode_AsUTF8(name);
  if (!text) return;
  if (index < code->co_nlocalsplus - code->co_nfreevars) {
    PyErr_Format(PyExc_UnboundLocalError, "cannot access local variable '%s' where it is not associated with a value", text);
  } else {
    PyErr_Format(PyExc_NameError, "cannot access free variable '%s' where it is not associated with a value in enclosing scope",
                 text);
  }
  set_name_of_error(name);
}

PyObject* load_global(Frame* frame, PyObject* name) {
  PyObject* value = nullptr;
  if (PyDict_CheckExact(frame->f_globals) && PyDict_CheckExact(frame->f_builtins)) {
    value = dict_load_global(reinterpret_cast<PyDictObject*>(frame->f_globals), frame->f_builtins, name);
  } else if (PyMapping_GetOptionalItem(frame->f_globals, name, &value) == 0) {
    PyMapping_GetOptionalItem(frame->f_builtins, name, &value);
  }
  if (!value && !PyErr_Occurred()) raise_name_error(name);
  return value;
}

PyObject* load_from_dict_or_globals(Frame* frame, PyObject* mapping, PyObject* name) {
  PyObject* value = nullptr;
  if (PyMapping_GetOptionalItem(mapping, name, &value) < 0) return nullptr;
  return value ? value : load_global(frame, name);
}

PyObject* load_name(Frame* frame, PyObject* name) {
  if (!frame->f_locals) return raise(PyExc_SystemError, "no locals when loading %R", name);
  return load_from_dict_or_globals(frame, frame->f_locals, name);
}

PyObject* load_build_class(Frame* frame) {
  PyObject* value = nullptr;
  if (PyMapping_GetOptionalItem(frame->f_builtins, "__build_class__"_id, &value) < 0) return nullptr;
  if (!value) return raise(PyExc_NameError, "__build_class__ not found");
  return value;
}

Status store_name(Frame* frame, PyObject* name, PyObject* value) {
  PyObject* locals = frame->f_locals;
  if (!locals) return raise(PyExc_SystemError, "no locals found when storing %R", name);
  return status(PyDict_CheckExact(locals) ? PyDict_SetItem(locals, name, value) : PyObject_SetItem(locals, name, value));
}

Status delete_name(Frame* frame, PyObject* name) {
  PyObject* locals = frame->f_locals;
  if (!locals) return raise(PyExc_SystemError, "no locals when deleting %R", name);
  if (PyObject_DelItem(locals, name) == 0) return Status::Ok;
  if (PyErr_ExceptionMatches(PyExc_KeyError)) {
    PyErr_Clear();
    raise_name_error(name);
  }
  return failed;
}

Status delete_global(Frame* frame, PyObject* name) {
  const int found = PyDict_Pop(frame->f_globals, name, nullptr);
  if (found == 0) raise_name_error(name);
  return found > 0 ? Status::Ok : Status::Error;
}

Status setup_annotations(Frame* frame) {
  PyObject* locals = frame->f_locals;
  if (!locals) return raise(PyExc_SystemError, "no locals found when setting up annotations");
  Ref<> old;
  TRY(PyMapping_GetOptionalItem(locals, "__annotations__"_id, old.out()));
  if (old) return Status::Ok;
  Ref<> annotations = TRY(steal(PyDict_New()));
  return status(PyObject_SetItem(locals, "__annotations__"_id, annotations));
}

// ---- imports ---------------------------------------------------------------------------------------------------------

PyObject* import_name(PyThreadState* thread, Frame* frame, PyObject* name, PyObject* fromlist, PyObject* level) {
  Ref<> import;
  if (PyMapping_GetOptionalItem(frame->f_builtins, "__import__"_id, import.out()) < 0) return nullptr;
  if (!import) return raise(PyExc_ImportError, "__import__ not found");
  PyObject* locals = frame->f_locals ? frame->f_locals : Py_None;
  if (import.get() == thread->interp->core.import_func) {
    const long number = PyLong_AsLong(level);
    if (number == -1 && PyErr_Occurred()) return nullptr;
    return PyImport_ImportModuleLevelObject(name, frame->f_globals, locals, fromlist, static_cast<int>(number));
  }
  return PyObject_CallFunctionObjArgs(import, name, frame->f_globals, locals, fromlist, level, nullptr);
}

// The file a module's spec names; empty without exception when it has none.
static Found module_origin(PyObject* spec, Ref<>* origin) {
  Ref<> has_location;
  if (!TRY(found(PyObject_GetOptionalAttr(spec, "has_location"_id, has_location.out())))) return Found::No;
  if (!TRY(found(PyObject_IsTrue(has_location)))) return Found::No;
  if (!TRY(found(PyObject_GetOptionalAttr(spec, "origin"_id, origin->out())))) return Found::No;
  if (!PyUnicode_Check(origin->get())) {
    origin->reset();
    return Found::No;
  }
  return Found::Yes;
}

static Failed raise_import_from(PyObject* message, PyObject* module_name, PyObject* origin, PyObject* name) {
  if (!message) return failed;
  Ref<> held = steal(message);
  PyErr_SetImportError(message, module_name, origin);
  PyObject* error = PyErr_GetRaisedException();
  if (error && PyErr_GivenExceptionMatches(error, PyExc_ImportError))
    Py_XSETREF(reinterpret_cast<PyImportErrorObject*>(error)->name_from, Py_NewRef(name));
  PyErr_SetRaisedException(error);
  return failed;
}

static PyObject* import_from_failed(PyObject* module, PyObject* name, PyObject* module_name) {
  Ref<> shown = module_name ? borrow(module_name) : steal(PyUnicode_FromString("<unknown module name>"));
  if (!shown) return nullptr;
  Ref<> spec;
  if (PyObject_GetOptionalAttr(module, "__spec__"_id, spec.out()) < 0) return nullptr;
  if (!spec || spec.get() == Py_None) {
    if (!module_name || !spec)
      return raise_import_from(PyUnicode_FromFormat("cannot import name %R from %R (unknown location)", name, shown.get()), shown,
                               nullptr, name);
    spec.reset();
  }
  Ref<> origin;
  if (spec) TRY(module_origin(spec, &origin));
  bool shadowing = false, shadowing_stdlib = false;
  if (origin && module_name) {
    shadowing = TRY(module_is_possibly_shadowing(origin));
    if (shadowing) {
      PyObject* names = PySys_GetObject("stdlib_module_names");
      if (names && PyAnySet_Check(names)) shadowing_stdlib = TRY(found(PySet_Contains(names, shown)));
    }
  }
  if (shadowing_stdlib)
    return raise_import_from(
        PyUnicode_FromFormat("cannot import name %R from %R (consider renaming %R since it has the same name as the standard library "
                             "module named %R and prevents importing that standard library module)",
                             name, shown.get(), origin.get(), shown.get()),
        shown, origin, name);
  bool initialising = false;
  if (spec) {
    Ref<> flag;
    if (TRY(found(PyObject_GetOptionalAttr(spec, "_initializing"_id, flag.out())))) initialising = TRY(found(PyObject_IsTrue(flag)));
  }
  PyObject* message;
  if (initialising && shadowing) {
    message = PyUnicode_FromFormat(
        "cannot import name %R from %R (consider renaming %R if it has the same name as a library you intended to import)", name,
        shown.get(), origin.get());
  } else if (initialising && origin) {
    message = PyUnicode_FromFormat(
        "cannot import name %R from partially initialized module %R (most likely due to a circular import) (%S)", name, shown.get(),
        origin.get());
  } else if (initialising) {
    message = PyUnicode_FromFormat("cannot import name %R from partially initialized module %R (most likely due to a circular import)",
                                   name, shown.get());
  } else if (origin) {
    message = PyUnicode_FromFormat("cannot import name %R from %R (%S)", name, shown.get(), origin.get());
  } else {
    message = PyUnicode_FromFormat("cannot import name %R from %R (unknown location)", name, shown.get());
  }
  return raise_import_from(message, shown, origin, name);
}

PyObject* import_from(PyObject* module, PyObject* name) {
  PyObject* value = nullptr;
  if (PyObject_GetOptionalAttr(module, name, &value) != 0) return value;
  // A circular import: the submodule may be in sys.modules before it is an attribute of its package.
  Ref<> module_name;
  if (PyObject_GetOptionalAttr(module, "__name__"_id, module_name.out()) < 0) return nullptr;
  if (!module_name || !PyUnicode_Check(module_name)) return import_from_failed(module, name, nullptr);
  Ref<> full = TRY(steal(PyUnicode_FromFormat("%U.%U", module_name.get(), name)));
  value = PyImport_GetModule(full);
  if (value || PyErr_Occurred()) return value;
  return import_from_failed(module, name, module_name);
}

Status import_star(Frame* frame, PyObject* module) {
  PyObject* locals = frame->f_locals;
  if (!locals) return raise(PyExc_SystemError, "no locals found during 'import *'");
  Ref<> names, dict;
  bool skip_private = false;
  TRY(found(PyObject_GetOptionalAttr(module, "__all__"_id, names.out())));
  if (!names) {
    TRY(found(PyObject_GetOptionalAttr(module, "__dict__"_id, dict.out())));
    if (!dict) return raise(PyExc_ImportError, "from-import-* object has no __dict__ and no __all__");
    names = TRY(steal(PyMapping_Keys(dict)));
    skip_private = true;
  }
  for (Py_ssize_t i = 0;; ++i) {
    Ref<> name = steal(PySequence_GetItem(names, i));
    if (!name) {
      if (!PyErr_ExceptionMatches(PyExc_IndexError)) return failed;
      PyErr_Clear();
      return Status::Ok;
    }
    if (!PyUnicode_Check(name)) {
      Ref<> module_name = TRY(steal(PyObject_GetAttr(module, "__name__"_id)));
      if (!PyUnicode_Check(module_name))
        return raise(PyExc_TypeError, "module __name__ must be a string, not %.100s", Py_TYPE(module_name.get())->tp_name);
      return raise(PyExc_TypeError, "%s in %U.%s must be str, not %.100s", skip_private ? "Key" : "Item", module_name.get(),
                   skip_private ? "__dict__" : "__all__", Py_TYPE(name.get())->tp_name);
    }
    if (skip_private && PyUnicode_GET_LENGTH(name) && PyUnicode_READ_CHAR(name, 0) == '_') continue;
    Ref<> value = TRY(steal(PyObject_GetAttr(module, name)));
    TRY(PyDict_CheckExact(locals) ? PyDict_SetItem(locals, name, value) : PyObject_SetItem(locals, name, value));
  }
}

}  // namespace ks
