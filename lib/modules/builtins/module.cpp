// The builtins module: functions, types, constants, exceptions.
#include "import/import.h"
#include "modules/builtins/builtins.h"
#include "object/export.h"
#include "types/exceptions.h"

extern "C" {
extern PyTypeObject PyFilter_Type, PyMap_Type, PyZip_Type, PyReversed_Type, PyEnum_Type, PySuper_Type, PyProperty_Type;
}

namespace ks {

namespace {

constexpr char kDoc[] =
    "Built-in functions, types, exceptions, and other objects.\n\n"
    "This module provides direct access to all 'built-in'\n"
    "identifiers of Python; for example, builtins.len is\n"
    "the full name for the built-in function len().\n\n"
    "This module is not normally accessed explicitly by most\n"
    "applications, but can be useful in modules that provide\n"
    "objects with the same name as a builtin and need it too.";

PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "builtins", .m_doc = kDoc, .m_size = -1};

Status add(PyObject* dict, const char* name, PyObject* value) {
  Ref<> key = TRY(steal(PyUnicode_InternFromString(name)));
  return status(PyDict_SetItem(dict, key, value));
}

}  // namespace

Ref<> builtins_create(PyThreadState* state) {
  Ref<> module = TRY(steal(PyModule_Create2(&definition, PYTHON_API_VERSION)));
  PyObject* dict = PyModule_GetDict(module);
  Ref<> name = TRY(steal(PyModule_GetNameObject(module)));
  for (const PyMethodDef* const* list : {kBuiltinCodeMethods, kBuiltinStreamMethods, kBuiltinObjectMethods, kBuiltinFoldMethods}) {
    for (; *list; ++list) {
      Ref<> function = TRY(steal(PyCFunction_NewEx(const_cast<PyMethodDef*>(*list), module, name)));
      TRY(add(dict, (*list)->ml_name, function));
    }
  }
  TRY(add(dict, "None", Py_None));
  TRY(add(dict, "Ellipsis", Py_Ellipsis));
  TRY(add(dict, "NotImplemented", Py_NotImplemented));
  TRY(add(dict, "False", Py_False));
  TRY(add(dict, "True", Py_True));
#define BUILTIN_TYPE(NAME, TYPE) TRY(add(dict, #NAME, object(&TYPE)));
#include "modules/builtins/names.def"
#undef BUILTIN_TYPE
  TRY(exceptions_add_builtins(dict));
  TRY(add(dict, "__debug__", state->interp->core.config.optimization_level == 0 ? Py_True : Py_False));
  return module;
}

}  // namespace ks
