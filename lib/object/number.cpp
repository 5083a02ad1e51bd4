// The number protocol: binary operations between two types, in-place operations, conversions.
//
// Order of a binary operation v op w: if w's type is a proper subtype of v's and has a slot of its own, w's slot first;
// then v's; then w's. A slot that does not know returns NotImplemented.
#include <Python.h>

#include "object/export.h"
#include "object/identifier.h"
#include "object/protocol.h"

namespace ks {

namespace {

using BinarySlot = binaryfunc PyNumberMethods::*;
using TernarySlot = ternaryfunc PyNumberMethods::*;

Failed null_error() {
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "null argument to internal routine");
  return failed;
}
Failed type_error(const char* format, PyObject* o) { return raise(PyExc_TypeError, format, Py_TYPE(o)->tp_name); }

template <class F>
F slot_of(PyTypeObject* type, F PyNumberMethods::*slot) {
  return type->tp_as_number ? type->tp_as_number->*slot : nullptr;
}

template <BinarySlot slot>
[[gnu::always_inline]] inline PyObject* binary(PyObject* v, PyObject* w) {
  PyTypeObject *v_type = Py_TYPE(v), *w_type = Py_TYPE(w);
  binaryfunc first = slot_of(v_type, slot);
  binaryfunc second = nullptr;
  if (v_type != w_type) {
    second = slot_of(w_type, slot);
    if (second == first) second = nullptr;
  }
  if (first) {
    if (second && PyType_IsSubtype(w_type, v_type)) {
      PyObject* result = second(v, w);
      if (result != Py_NotImplemented) return result;
      second = nullptr;
    }
    PyObject* result = first(v, w);
    if (result != Py_NotImplemented) return result;
  }
  if (second) return second(v, w);
  return Py_NotImplemented;
}

[[gnu::noinline, gnu::cold]] Failed operand_error(PyObject* v, PyObject* w, const char* name) {
  return raise(PyExc_TypeError, "unsupported operand type(s) for %.100s: '%.100s' and '%.100s'", name, Py_TYPE(v)->tp_name,
               Py_TYPE(w)->tp_name);
}

template <BinarySlot slot>
[[gnu::always_inline]] inline PyObject* binary_or_error(PyObject* v, PyObject* w, const char* name) {
  PyObject* result = binary<slot>(v, w);
  if (result == Py_NotImplemented) [[unlikely]] return operand_error(v, w, name);
  return result;
}

template <BinarySlot in_place, BinarySlot slot>
[[gnu::always_inline]] inline PyObject* in_place_binary(PyObject* v, PyObject* w) {
  if (binaryfunc function = slot_of(Py_TYPE(v), in_place)) {
    PyObject* result = function(v, w);
    if (result != Py_NotImplemented) return result;
  }
  return binary<slot>(v, w);
}
template <BinarySlot in_place, BinarySlot slot>
PyObject* in_place_or_error(PyObject* v, PyObject* w, const char* name) {
  PyObject* result = in_place_binary<in_place, slot>(v, w);
  if (result == Py_NotImplemented) return operand_error(v, w, name);
  return result;
}

// A sequence times a number.
PyObject* repeat(ssizeargfunc function, PyObject* sequence, PyObject* count) {
  if (!PyIndex_Check(count)) return type_error("can't multiply sequence by non-int of type '%.200s'", count);
  const Py_ssize_t number = PyNumber_AsSsize_t(count, PyExc_OverflowError);
  if (number == -1 && PyErr_Occurred()) return nullptr;
  return function(sequence, number);
}

PyObject* power(PyObject* v, PyObject* w, PyObject* z, const char* name) {
  PyTypeObject *v_type = Py_TYPE(v), *w_type = Py_TYPE(w);
  ternaryfunc first = slot_of(v_type, &PyNumberMethods::nb_power);
  ternaryfunc second = nullptr;
  if (v_type != w_type) {
    second = slot_of(w_type, &PyNumberMethods::nb_power);
    if (second == first) second = nullptr;
  }
  ternaryfunc tried_second = second;
  if (first) {
    if (second && PyType_IsSubtype(w_type, v_type)) {
      PyObject* result = second(v, w, z);
      if (result != Py_NotImplemented) return result;
      second = nullptr;
    }
    PyObject* result = first(v, w, z);
    if (result != Py_NotImplemented) return result;
  }
  if (second) {
    PyObject* result = second(v, w, z);
    if (result != Py_NotImplemented) return result;
  }
  ternaryfunc third = slot_of(Py_TYPE(z), &PyNumberMethods::nb_power);
  if (third && third != first && third != tried_second) {
    PyObject* result = third(v, w, z);
    if (result != Py_NotImplemented) return result;
  }
  if (z == Py_None)
    return raise(PyExc_TypeError, "unsupported operand type(s) for %.100s: '%.100s' and '%.100s'", name, v_type->tp_name,
                 w_type->tp_name);
  return raise(PyExc_TypeError, "unsupported operand type(s) for %.100s: '%.100s', '%.100s', '%.100s'", name, v_type->tp_name,
               w_type->tp_name, Py_TYPE(z)->tp_name);
}

template <class F>
[[gnu::always_inline]] inline PyObject* unary(PyObject* o, F PyNumberMethods::*slot, const char* message) {
  if (!o) return null_error();
  if (unaryfunc function = slot_of(Py_TYPE(o), slot)) return function(o);
  return type_error(message, o);
}

}  // namespace

PyObject* binary_operation(PyObject* v, PyObject* w, BinarySlot slot) {
  PyTypeObject *v_type = Py_TYPE(v), *w_type = Py_TYPE(w);
  binaryfunc first = slot_of(v_type, slot);
  binaryfunc second = v_type == w_type ? nullptr : slot_of(w_type, slot);
  if (second == first) second = nullptr;
  if (first) {
    if (second && PyType_IsSubtype(w_type, v_type)) {
      PyObject* result = second(v, w);
      if (result != Py_NotImplemented) return result;
      second = nullptr;
    }
    PyObject* result = first(v, w);
    if (result != Py_NotImplemented) return result;
  }
  return second ? second(v, w) : Py_NotImplemented;
}

Ref<> number_index(PyObject* o) {
  if (!o) return null_error();
  if (PyLong_Check(o)) return borrow(o);
  unaryfunc function = slot_of(Py_TYPE(o), &PyNumberMethods::nb_index);
  if (!function) return type_error("'%.200s' object cannot be interpreted as an integer", o);
  Ref<> result = steal(function(o));
  if (!result || PyLong_CheckExact(result.get())) return result;
  if (!PyLong_Check(result.get())) return type_error("__index__ returned non-int (type %.200s)", result);
  // Deprecated since 3.3, and still so.
  if (PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                       "__index__ returned non-int (type %.200s).  The ability to return an instance of a strict subclass of "
                       "int is deprecated, and may be removed in a future version of Python.",
                       Py_TYPE(result.get())->tp_name) < 0)
    return failed;
  return result;
}

}  // namespace ks

using namespace ks;

// What _PyEval and extensions call by the private name: as PyNumber_Index, and a subclass of int stays.
KS_EXPORT PyObject* _PyNumber_Index(PyObject* o) { return number_index(o).release(); }
KS_EXPORT PyObject* _PyLong_Copy(PyLongObject* number);
KS_EXPORT PyObject* _PyLong_Format(PyObject* number, int base);

int PyIndex_Check(PyObject* o) { return slot_of(Py_TYPE(o), &PyNumberMethods::nb_index) != nullptr; }
int PyNumber_Check(PyObject* o) {
  if (!o) return 0;
  PyNumberMethods* number = Py_TYPE(o)->tp_as_number;
  return number && (number->nb_index || number->nb_int || number->nb_float || PyComplex_Check(o));
}

// v op w: new reference; TypeError when neither operand knows.
#define BINARY(NAME, SLOT, TEXT) \
  PyObject* NAME(PyObject* v, PyObject* w) { return binary_or_error<&PyNumberMethods::SLOT>(v, w, TEXT); }
BINARY(PyNumber_Or, nb_or, "|")
BINARY(PyNumber_Xor, nb_xor, "^")
BINARY(PyNumber_And, nb_and, "&")
BINARY(PyNumber_Lshift, nb_lshift, "<<")
BINARY(PyNumber_Rshift, nb_rshift, ">>")
BINARY(PyNumber_Subtract, nb_subtract, "-")
BINARY(PyNumber_Divmod, nb_divmod, "divmod()")
BINARY(PyNumber_MatrixMultiply, nb_matrix_multiply, "@")
BINARY(PyNumber_FloorDivide, nb_floor_divide, "//")
BINARY(PyNumber_TrueDivide, nb_true_divide, "/")
BINARY(PyNumber_Remainder, nb_remainder, "%")
#undef BINARY

PyObject* PyNumber_Add(PyObject* v, PyObject* w) {
  PyObject* result = binary<&PyNumberMethods::nb_add>(v, w);
  if (result != Py_NotImplemented) return result;
  PySequenceMethods* sequence = Py_TYPE(v)->tp_as_sequence;
  if (sequence && sequence->sq_concat) return sequence->sq_concat(v, w);
  return operand_error(v, w, "+");
}
PyObject* PyNumber_Multiply(PyObject* v, PyObject* w) {
  PyObject* result = binary<&PyNumberMethods::nb_multiply>(v, w);
  if (result != Py_NotImplemented) return result;
  PySequenceMethods *v_sequence = Py_TYPE(v)->tp_as_sequence, *w_sequence = Py_TYPE(w)->tp_as_sequence;
  if (v_sequence && v_sequence->sq_repeat) return repeat(v_sequence->sq_repeat, v, w);
  if (w_sequence && w_sequence->sq_repeat) return repeat(w_sequence->sq_repeat, w, v);
  return operand_error(v, w, "*");
}
PyObject* PyNumber_Power(PyObject* v, PyObject* w, PyObject* z) { return power(v, w, z, "** or pow()"); }

// v op= w: new reference, perhaps to v itself.
#define IN_PLACE(NAME, SLOT, TEXT)                                                                              \
  PyObject* NAME(PyObject* v, PyObject* w) {                                                                    \
    return in_place_or_error<&PyNumberMethods::nb_inplace_##SLOT, &PyNumberMethods::nb_##SLOT>(v, w, TEXT);     \
  }
IN_PLACE(PyNumber_InPlaceOr, or, "|=")
IN_PLACE(PyNumber_InPlaceXor, xor, "^=")
IN_PLACE(PyNumber_InPlaceAnd, and, "&=")
IN_PLACE(PyNumber_InPlaceLshift, lshift, "<<=")
IN_PLACE(PyNumber_InPlaceRshift, rshift, ">>=")
IN_PLACE(PyNumber_InPlaceSubtract, subtract, "-=")
IN_PLACE(PyNumber_InPlaceMatrixMultiply, matrix_multiply, "@=")
IN_PLACE(PyNumber_InPlaceFloorDivide, floor_divide, "//=")
IN_PLACE(PyNumber_InPlaceTrueDivide, true_divide, "/=")
IN_PLACE(PyNumber_InPlaceRemainder, remainder, "%=")
#undef IN_PLACE

PyObject* PyNumber_InPlaceAdd(PyObject* v, PyObject* w) {
  PyObject* result = in_place_binary<&PyNumberMethods::nb_inplace_add, &PyNumberMethods::nb_add>(v, w);
  if (result != Py_NotImplemented) return result;
  if (PySequenceMethods* sequence = Py_TYPE(v)->tp_as_sequence) {
    binaryfunc function = sequence->sq_inplace_concat ? sequence->sq_inplace_concat : sequence->sq_concat;
    if (function) return function(v, w);
  }
  return operand_error(v, w, "+=");
}
PyObject* PyNumber_InPlaceMultiply(PyObject* v, PyObject* w) {
  PyObject* result = in_place_binary<&PyNumberMethods::nb_inplace_multiply, &PyNumberMethods::nb_multiply>(v, w);
  if (result != Py_NotImplemented) return result;
  PySequenceMethods *v_sequence = Py_TYPE(v)->tp_as_sequence, *w_sequence = Py_TYPE(w)->tp_as_sequence;
  if (v_sequence) {
    ssizeargfunc function = v_sequence->sq_inplace_repeat ? v_sequence->sq_inplace_repeat : v_sequence->sq_repeat;
    if (function) return repeat(function, v, w);
  } else if (w_sequence && w_sequence->sq_repeat) {
    // Not in place: the right operand stays as it is.
    return repeat(w_sequence->sq_repeat, w, v);
  }
  return operand_error(v, w, "*=");
}
PyObject* PyNumber_InPlacePower(PyObject* v, PyObject* w, PyObject* z) {
  if (ternaryfunc function = slot_of(Py_TYPE(v), &PyNumberMethods::nb_inplace_power)) {
    PyObject* result = function(v, w, z);
    if (result != Py_NotImplemented) return result;
  }
  return power(v, w, z, "**=");
}

// Unary operations: new reference; TypeError when the type does not know.
PyObject* PyNumber_Negative(PyObject* o) { return unary(o, &PyNumberMethods::nb_negative, "bad operand type for unary -: '%.200s'"); }
PyObject* PyNumber_Positive(PyObject* o) { return unary(o, &PyNumberMethods::nb_positive, "bad operand type for unary +: '%.200s'"); }
PyObject* PyNumber_Invert(PyObject* o) { return unary(o, &PyNumberMethods::nb_invert, "bad operand type for unary ~: '%.200s'"); }
PyObject* PyNumber_Absolute(PyObject* o) { return unary(o, &PyNumberMethods::nb_absolute, "bad operand type for abs(): '%.200s'"); }

// operator.index(o): a new exact int.
PyObject* PyNumber_Index(PyObject* o) {
  Ref<> result = TRY(number_index(o));
  if (PyLong_CheckExact(result.get())) return result.release();
  return _PyLong_Copy(reinterpret_cast<PyLongObject*>(result.get()));
}

// The index as Py_ssize_t: beyond its range an exception of the given type, or (NULL) the nearest value.
Py_ssize_t PyNumber_AsSsize_t(PyObject* o, PyObject* error) {
  Ref<> number = TRY(number_index(o));
  const Py_ssize_t result = PyLong_AsSsize_t(number);
  if (result != -1 || !PyErr_Occurred()) return result;
  if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
  PyErr_Clear();
  if (!error) return PyLong_IsNegative(number) == 1 ? PY_SSIZE_T_MIN : PY_SSIZE_T_MAX;
  (void)raise(error, "cannot fit '%.200s' into an index-sized integer", Py_TYPE(o)->tp_name);
  return -1;
}

// The int that the bytes spell; `shown` is for the message.
static PyObject* int_from_bytes(const char* text, Py_ssize_t size, PyObject* shown) {
  char* end = nullptr;
  PyObject* result = PyLong_FromString(text, &end, 10);
  if (!end || (result && end == text + size)) return result;
  Py_XDECREF(result);
  if (result || PyErr_ExceptionMatches(PyExc_ValueError)) {
    Ref<> bytes = shown ? borrow(shown) : TRY(steal(PyBytes_FromStringAndSize(text, size)));
    (void)raise(PyExc_ValueError, "invalid literal for int() with base %d: %.200R", 10, bytes.get());
  }
  return nullptr;
}

// int(o): a new exact int (unless __int__ returns a subclass's instance: made exact).
PyObject* PyNumber_Long(PyObject* o) {
  if (!o) return null_error();
  if (PyLong_CheckExact(o)) return Py_NewRef(o);
  PyTypeObject* type = Py_TYPE(o);
  if (unaryfunc function = slot_of(type, &PyNumberMethods::nb_int)) {
    Ref<> result = steal(function(o));
    if (!result || PyLong_CheckExact(result.get())) return result.release();
    if (!PyLong_Check(result.get())) return type_error("__int__ returned non-int (type %.200s)", result);
    if (PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                         "__int__ returned non-int (type %.200s).  The ability to return an instance of a strict subclass of "
                         "int is deprecated, and may be removed in a future version of Python.",
                         Py_TYPE(result.get())->tp_name) < 0)
      return nullptr;
    return _PyLong_Copy(reinterpret_cast<PyLongObject*>(result.get()));
  }
  if (slot_of(type, &PyNumberMethods::nb_index)) return PyNumber_Index(o);
  if (PyUnicode_Check(o)) return PyLong_FromUnicodeObject(o, 10);
  if (PyBytes_Check(o)) return int_from_bytes(PyBytes_AS_STRING(o), PyBytes_GET_SIZE(o), o);
  if (PyByteArray_Check(o)) return int_from_bytes(PyByteArray_AS_STRING(o), PyByteArray_GET_SIZE(o), nullptr);
  Py_buffer view;
  if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) == 0) {
    // A copy ends with a null character, which the buffer may not have.
    Ref<> bytes = steal(PyBytes_FromStringAndSize(static_cast<const char*>(view.buf), view.len));
    PyObject* result = bytes ? int_from_bytes(PyBytes_AS_STRING(bytes.get()), PyBytes_GET_SIZE(bytes.get()), nullptr) : nullptr;
    PyBuffer_Release(&view);
    return result;
  }
  return type_error("int() argument must be a string, a bytes-like object or a real number, not '%.200s'", o);
}

// float(o): a new exact float.
PyObject* PyNumber_Float(PyObject* o) {
  if (!o) return null_error();
  if (PyFloat_CheckExact(o)) return Py_NewRef(o);
  PyTypeObject* type = Py_TYPE(o);
  if (unaryfunc function = slot_of(type, &PyNumberMethods::nb_float)) {
    Ref<> result = steal(function(o));
    if (!result || PyFloat_CheckExact(result.get())) return result.release();
    if (!PyFloat_Check(result.get()))
      return raise(PyExc_TypeError, "%.50s.__float__ returned non-float (type %.50s)", type->tp_name,
                   Py_TYPE(result.get())->tp_name);
    if (PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                         "%.50s.__float__ returned non-float (type %.50s).  The ability to return an instance of a strict "
                         "subclass of float is deprecated, and may be removed in a future version of Python.",
                         type->tp_name, Py_TYPE(result.get())->tp_name) < 0)
      return nullptr;
    return PyFloat_FromDouble(PyFloat_AS_DOUBLE(result.get()));
  }
  if (slot_of(type, &PyNumberMethods::nb_index)) {
    Ref<> number = TRY(number_index(o));
    const double value = PyLong_AsDouble(number);
    if (value == -1.0 && PyErr_Occurred()) return nullptr;
    return PyFloat_FromDouble(value);
  }
  if (PyFloat_Check(o)) return PyFloat_FromDouble(PyFloat_AS_DOUBLE(o));
  return PyFloat_FromString(o);
}

// The text of an int in base 2, 8, 10 or 16, with prefix. New str.
PyObject* PyNumber_ToBase(PyObject* n, int base) {
  if (base != 2 && base != 8 && base != 10 && base != 16)
    return raise(PyExc_SystemError, "PyNumber_ToBase: base must be 2, 8, 10 or 16");
  Ref<> number = TRY(number_index(n));
  return _PyLong_Format(number, base);
}
