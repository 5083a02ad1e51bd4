// Replacements of the installation's `_pylong`, the reference's algorithms for huge ints. GMP gives the same results faster, so
// nothing here imports that module; but who has put a function of their own in its place is asked, from the reference's sizes on.
#include "object/identifier.h"
#include "types/int_digits.h"

namespace ks {

// The replaced function `name` of `_pylong`; null without exception while it is the module's own, or the module is not imported.
static Ref<> replaced_function(PyObject* name, Status* status) {
  *status = Status::Ok;
  Ref<> module = steal(PyImport_GetModule("_pylong"_id));
  if (!module || !PyModule_Check(module)) {
    if (!module && PyErr_Occurred()) *status = Status::Error;
    return nullptr;
  }
  Ref<> function = steal(PyObject_GetAttr(module, name));
  if (!function) *status = Status::Error;
  else if (PyFunction_Check(function) && PyFunction_GET_GLOBALS(function.get()) == PyModule_GetDict(module)) return nullptr;
  return function;
}

Status int_hook_to_decimal(PyObject* value, Ref<>* text) {
  Status status;
  Ref<> function = replaced_function("int_to_decimal_string"_id, &status);
  if (!function) return status;
  Ref<> result = TRY(steal(PyObject_CallOneArg(function, value)));
  if (!PyUnicode_Check(result)) return raise(PyExc_TypeError, "_pylong.int_to_decimal_string did not return a str");
  *text = std::move(result);
  return Status::Ok;
}

Status int_hook_from_decimal(const char* digits, Py_ssize_t length, bool negative, Ref<>* value) {
  Status status;
  Ref<> function = replaced_function("int_from_string"_id, &status);
  if (!function) return status;
  Ref<> text = TRY(steal(PyUnicode_FromStringAndSize(digits, length)));
  Ref<> result = TRY(steal(PyObject_CallOneArg(function, text)));
  if (!PyLong_Check(result)) return raise(PyExc_TypeError, "_pylong.int_from_string did not return an int");
  *value = TRY(steal(negative ? int_negate(result) : int_copy(result)));
  return Status::Ok;
}

Status int_hook_divmod(PyObject* a, PyObject* b, Ref<>* quotient, Ref<>* remainder) {
  Status status;
  Ref<> function = replaced_function("int_divmod"_id, &status);
  if (!function) return status;
  PyObject* arguments[] = {a, b};
  Ref<> result = TRY(steal(PyObject_Vectorcall(function, arguments, 2, nullptr)));
  if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result.get()) != 2)
    return raise(PyExc_ValueError, "tuple of length 2 is required from int_divmod()");
  PyObject *q = PyTuple_GET_ITEM(result.get(), 0), *r = PyTuple_GET_ITEM(result.get(), 1);
  if (!PyLong_Check(q) || !PyLong_Check(r)) return raise(PyExc_ValueError, "tuple of int is required from int_divmod()");
  *quotient = borrow(q);
  *remainder = borrow(r);
  return Status::Ok;
}

}  // namespace ks
