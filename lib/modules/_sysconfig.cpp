// The _sysconfig module: facts of the build that the standard library asks for.
#include "modules/module.h"

namespace ks {

namespace {

Ref<> sysconfig_config_vars(PyObject*) { return steal(Py_BuildValue("{s:i,s:i}", "Py_GIL_DISABLED", 0, "Py_DEBUG", 0)); }
METHOD_AS(sysconfig_config_vars, "config_vars", 0, "($module, /)", "Returns a dictionary containing build variables intended to be exposed by sysconfig.");
PyMethodDef sysconfig_methods[] = {sysconfig_config_vars_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(sysconfig_slots);
PyModuleDef sysconfig_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_sysconfig",
    .m_doc = "A helper for the sysconfig module.",
    .m_size = 0,
    .m_methods = sysconfig_methods,
    .m_slots = sysconfig_slots,
};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__sysconfig(void) { return PyModuleDef_Init(&ks::sysconfig_module); }
