// bool: True and False, immortal ints of their own type.
#include "object/identifier.h"
#include "object/method.h"
#include "runtime/state.h"
#include "types/int_digits.h"

#undef Py_IsTrue
#undef Py_IsFalse

namespace ks {
namespace {

constexpr PyLongObject make_bool(bool value) {
  PyLongObject o{};
  o.ob_base.ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
  o.ob_base.ob_type = &PyBool_Type;
  o.long_value.lv_tag = value ? 1 << 3 : 1;
  o.long_value.ob_digit[0] = value;
  return o;
}

bool is_true(PyObject* o) { return !int_is_zero(o); }
PyObject* repr(PyObject* o) { return is_true(o) ? "True"_id : "False"_id; }

template <PyObject* (*core)(PyObject*, PyObject*), class Operation>
PyObject* logical(PyObject* a, PyObject* b, Operation operation) {
  if (PyBool_Check(a) && PyBool_Check(b)) return PyBool_FromLong(operation(is_true(a), is_true(b)));
  if (!PyLong_Check(a) || !PyLong_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  return core(a, b);
}
PyObject* bool_and(PyObject* a, PyObject* b) {
  return logical<int_and>(a, b, [](bool x, bool y) { return x && y; });
}
PyObject* bool_or(PyObject* a, PyObject* b) {
  return logical<int_or>(a, b, [](bool x, bool y) { return x || y; });
}
PyObject* bool_xor(PyObject* a, PyObject* b) {
  return logical<int_xor>(a, b, [](bool x, bool y) { return x != y; });
}
PyObject* bool_invert(PyObject* a) {
  TRY(PyErr_WarnEx(PyExc_DeprecationWarning,
                   "Bitwise inversion '~' on bool is deprecated and will be removed in Python 3.16. This returns the bitwise "
                   "inversion of the underlying int object and is usually not what you expect from negating a bool. Use the 'not' "
                   "operator for boolean negation or ~int(x) if you really want the bitwise inversion of the underlying int.",
                   1));
  return int_invert(a);
}

PyObject* construct(PyObject* const* args, Py_ssize_t count) {
  if (count > 1) return raise(PyExc_TypeError, "bool expected at most 1 argument, got %zd", count);
  const int truth = count ? PyObject_IsTrue(args[0]) : 0;
  return truth < 0 ? nullptr : PyBool_FromLong(truth);
}
PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (kwargs && type == &PyBool_Type && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "bool() takes no keyword arguments");
  return construct(&PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args));
}
PyObject* vectorcall(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "bool() takes no keyword arguments");
  return construct(args, PyVectorcall_NARGS(nargsf));
}

PyNumberMethods number_slots = {.nb_invert = bool_invert, .nb_and = bool_and, .nb_xor = bool_xor, .nb_or = bool_or};

// An extension may have ruined the count: put it right, never free.
void dealloc(PyObject* o) { o->ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT; }

}  // namespace
}  // namespace ks

extern "C" {
constinit PyLongObject _Py_FalseStruct = ks::make_bool(false);
constinit PyLongObject _Py_TrueStruct = ks::make_bool(true);
}

// True or False; new (they are immortal).
PyObject* PyBool_FromLong(long value) { return reinterpret_cast<PyObject*>(value ? &_Py_TrueStruct : &_Py_FalseStruct); }
int Py_IsTrue(PyObject* o) { return o == reinterpret_cast<PyObject*>(&_Py_TrueStruct); }
int Py_IsFalse(PyObject* o) { return o == reinterpret_cast<PyObject*>(&_Py_FalseStruct); }

PyTypeObject PyBool_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "bool",
    .tp_basicsize = offsetof(PyLongObject, long_value.ob_digit),
    .tp_itemsize = sizeof(digit),
    .tp_dealloc = ks::dealloc,
    .tp_repr = ks::repr,
    .tp_as_number = &ks::number_slots,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "bool(object=False, /)\n--\n\n"
              "True when the argument is true, False otherwise.\n"
              "True and False are the only two instances of the class bool, a subclass of int that cannot be subclassed itself.",
    .tp_base = &PyLong_Type,
    .tp_new = ks::new_slot,
    .tp_vectorcall = ks::vectorcall,
};
