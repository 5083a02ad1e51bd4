// _typing: the C types of typing.
#include "modules/module.h"
#include "object/generic_alias.h"
#include "object/type.h"
#include "types/typing.h"

namespace ks {
namespace {

Ref<> typing__idfunc(PyObject*, PyObject* argument) { return borrow(argument); }
METHOD(typing, _idfunc, "($module, x, /)", "");
PyMethodDef methods[] = {typing__idfunc_method, {}};

int exec(PyObject* module) {
  const struct {
    const char* name;
    PyObject* value;
  } contents[] = {{"TypeVar", object(&TypeVar_Type)},
                  {"TypeVarTuple", object(&TypeVarTuple_Type)},
                  {"ParamSpec", object(&ParamSpec_Type)},
                  {"ParamSpecArgs", object(&ParamSpecArgs_Type)},
                  {"ParamSpecKwargs", object(&ParamSpecKwargs_Type)},
                  {"Generic", TRY(generic_type())},
                  {"TypeAliasType", object(&TypeAliasType_Type)},
                  {"Union", object(&_PyUnion_Type)},
                  {"NoDefault", no_default()}};
  for (const auto& each : contents) TRY(PyModule_AddObjectRef(module, each.name, each.value));
  return 0;
}
MODULE_SLOTS(slots, exec);
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_typing", "Primitives and accelerators for the typing module.\n", 0, methods, slots, nullptr, nullptr, nullptr};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__typing() { return PyModuleDef_Init(&ks::definition); }
