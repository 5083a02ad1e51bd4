// _contextvars: the types of lib/interpreter/context.cpp as a module.
#include "modules/module.h"

namespace ks {
namespace {

PyObject* contextvars_copy_context(PyObject*) { return PyContext_CopyCurrent(); }
METHOD(contextvars, copy_context, "($module, /)", "Return a copy of the current context.");

PyMethodDef methods[] = {contextvars_copy_context_method, {}};
int contextvars_exec(PyObject* module) {
  for (PyTypeObject* type : {&PyContext_Type, &PyContextVar_Type, &PyContextToken_Type})
    if (PyModule_AddType(module, type) < 0) return -1;
  return 0;
}
MODULE_SLOTS(slots, contextvars_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_contextvars", .m_doc = "Context Variables", .m_size = 0,
                      .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__contextvars(void) { return PyModuleDef_Init(&ks::module); }
