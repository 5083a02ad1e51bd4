// _types: the interpreter's types under the names of the module types.
#include "modules/module.h"
#include "object/static_types.h"

namespace ks {
namespace {

int exec(PyObject* module) {
  const struct {
    const char* name;
    PyTypeObject* type;
  } names[] = {{"AsyncGeneratorType", &PyAsyncGen_Type},
               {"BuiltinFunctionType", &PyCFunction_Type},
               {"BuiltinMethodType", &PyCFunction_Type},
               {"CapsuleType", &PyCapsule_Type},
               {"CellType", &PyCell_Type},
               {"ClassMethodDescriptorType", &PyClassMethodDescr_Type},
               {"CodeType", &PyCode_Type},
               {"CoroutineType", &PyCoro_Type},
               {"EllipsisType", &PyEllipsis_Type},
               {"FrameType", &PyFrame_Type},
               {"FunctionType", &PyFunction_Type},
               {"GeneratorType", &PyGen_Type},
               {"GenericAlias", &Py_GenericAliasType},
               {"GetSetDescriptorType", &PyGetSetDescr_Type},
               {"LambdaType", &PyFunction_Type},
               {"MappingProxyType", &PyDictProxy_Type},
               {"MemberDescriptorType", &PyMemberDescr_Type},
               {"MethodDescriptorType", &PyMethodDescr_Type},
               {"MethodType", &PyMethod_Type},
               {"MethodWrapperType", &_PyMethodWrapper_Type},
               {"ModuleType", &PyModule_Type},
               {"NoneType", &_PyNone_Type},
               {"NotImplementedType", &_PyNotImplemented_Type},
               {"SimpleNamespace", &_PyNamespace_Type},
               {"TracebackType", &PyTraceBack_Type},
               {"UnionType", &_PyUnion_Type},
               {"WrapperDescriptorType", &PyWrapperDescr_Type}};
  for (const auto& row : names) TRY(PyModule_AddObjectRef(module, row.name, object(row.type)));
  return 0;
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_types", .m_doc = "Define names for built-in types.", .m_size = 0, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__types(void) { return PyModuleDef_Init(&ks::module); }
