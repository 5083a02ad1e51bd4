// What every builtin module's file begins with: slots of a module that is happy in any interpreter, and constants.
#pragma once

#include <Python.h>

#include "object/identifier.h"
#include "object/method.h"
#include "object/ref.h"
#include "object/result.h"

namespace ks {

struct IntConstant {
  const char* name;
  long long value;
};
template <size_t N>
Status add_constants(PyObject* module, const IntConstant (&constants)[N]) {
  for (const IntConstant& constant : constants) {
    Ref<> value = TRY(steal(PyLong_FromLongLong(constant.value)));
    TRY(PyModule_AddObjectRef(module, constant.name, value));
  }
  return Status::Ok;
}

// OSError from errno.
inline Failed raise_errno() {
  PyErr_SetFromErrno(PyExc_OSError);
  return failed;
}

}  // namespace ks

// MODULE_SLOTS(exec): the slots of a module that runs in every interpreter, each with its own GIL.
#define MODULE_SLOTS(NAME, EXEC)                                                                     \
  static PyModuleDef_Slot NAME[] = {{Py_mod_exec, reinterpret_cast<void*>(EXEC)},                    \
                                    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, \
                                    {Py_mod_gil, Py_MOD_GIL_NOT_USED},                               \
                                    {0, nullptr}}
#define MODULE_SLOTS_WITHOUT_EXEC(NAME)                                                              \
  static PyModuleDef_Slot NAME[] = {{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, \
                                    {Py_mod_gil, Py_MOD_GIL_NOT_USED},                               \
                                    {0, nullptr}}
