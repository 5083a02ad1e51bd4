// Containers, operators by number, formatting.
#include "interpreter/operations.h"

#include <iterator>

#include "object/identifier.h"
#include "types/dict.h"
#include "types/list.h"

namespace ks {

namespace {

using BinaryFunction = PyObject* (*)(PyObject*, PyObject*);
PyObject* power(PyObject* a, PyObject* b) { return PyNumber_Power(a, b, Py_None); }
PyObject* power_in_place(PyObject* a, PyObject* b) { return PyNumber_InPlacePower(a, b, Py_None); }

// In the order of the oparg (opcode._nb_ops).
const BinaryFunction binary_functions[] = {
    PyNumber_Add, PyNumber_And, PyNumber_FloorDivide, PyNumber_Lshift, PyNumber_MatrixMultiply, PyNumber_Multiply,
    PyNumber_Remainder, PyNumber_Or, power, PyNumber_Rshift, PyNumber_Subtract, PyNumber_TrueDivide, PyNumber_Xor,
    PyNumber_InPlaceAdd, PyNumber_InPlaceAnd, PyNumber_InPlaceFloorDivide, PyNumber_InPlaceLshift,
    PyNumber_InPlaceMatrixMultiply, PyNumber_InPlaceMultiply, PyNumber_InPlaceRemainder, PyNumber_InPlaceOr, power_in_place,
    PyNumber_InPlaceRshift, PyNumber_InPlaceSubtract, PyNumber_InPlaceTrueDivide, PyNumber_InPlaceXor, PyObject_GetItem,
};

}  // namespace

PyObject* binary_operation(uint32_t operation, PyObject* a, PyObject* b) {
  if (operation >= std::size(binary_functions)) return raise(PyExc_SystemError, "unknown binary operation");
  return binary_functions[operation](a, b);
}

PyObject* slice_get(PyObject* container, PyObject* start, PyObject* stop) {
  Ref<> slice = TRY(steal(PySlice_New(start, stop, nullptr)));
  return PyObject_GetItem(container, slice);
}
Status slice_set(PyObject* container, PyObject* start, PyObject* stop, PyObject* value) {
  Ref<> slice = TRY(steal(PySlice_New(start, stop, nullptr)));
  return status(PyObject_SetItem(container, slice, value));
}

// ---- unpacking -------------------------------------------------------------------------------------------------------

static Failed too_many(PyObject* iterable, int count) {
  if (PyList_CheckExact(iterable) || PyTuple_CheckExact(iterable) || PyDict_CheckExact(iterable)) {
    const Py_ssize_t size = PyDict_CheckExact(iterable) ? PyDict_GET_SIZE(iterable) : Py_SIZE(iterable);
    if (size > count) return raise(PyExc_ValueError, "too many values to unpack (expected %d, got %zd)", count, size);
  }
  return raise(PyExc_ValueError, "too many values to unpack (expected %d)", count);
}

Status unpack(PyObject* iterable, Value* stack, int count, int after) {
  Ref<> iterator = steal(PyObject_GetIter(iterable));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError) && !Py_TYPE(iterable)->tp_iter && !PySequence_Check(iterable))
      PyErr_Format(PyExc_TypeError, "cannot unpack non-iterable %.200s object", Py_TYPE(iterable)->tp_name);
    return failed;
  }
  const int total = after < 0 ? count : count + after + 1;
  Value* top = stack + total;  // filled downwards
  auto drop = [&]() -> Failed {
    for (; top < stack + total; ++top) close(*top);
    return failed;
  };
  for (int i = 0; i < count; ++i) {
    PyObject* item = PyIter_Next(iterator);
    if (!item) {
      if (!PyErr_Occurred()) {
        if (after < 0) {
          PyErr_Format(PyExc_ValueError, "not enough values to unpack (expected %d, got %d)", count, i);
        } else {
          PyErr_Format(PyExc_ValueError, "not enough values to unpack (expected at least %d, got %d)", count + after, i);
        }
      }
      return drop();
    }
    *--top = Value::owned(item);
  }
  if (after < 0) {
    Ref<> more = steal(PyIter_Next(iterator));
    if (more) {
      (void)too_many(iterable, count);
      return drop();
    }
    if (PyErr_Occurred()) return drop();
    return Status::Ok;
  }
  PyObject* list = PySequence_List(iterator);
  if (!list) return drop();
  *--top = Value::owned(list);
  const Py_ssize_t length = PyList_GET_SIZE(list);
  if (length < after) {
    PyErr_Format(PyExc_ValueError, "not enough values to unpack (expected at least %d, got %zd)", count + after, count + length);
    return drop();
  }
  for (int i = 0; i < after; ++i) *--top = Value::owned(Py_NewRef(PyList_GET_ITEM(list, length - after + i)));
  if (after && PyList_SetSlice(list, length - after, length, nullptr) < 0) return drop();
  return Status::Ok;
}

// ---- building --------------------------------------------------------------------------------------------------------

PyObject* join_strings(const Value* strings, Py_ssize_t count) {
  if (count == 2) return PyUnicode_Concat(strings[0].object(), strings[1].object());
  Ref<> list = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(list.get(), i, Py_NewRef(strings[i].object()));
  return PyUnicode_Join(""_id, list);
}

PyObject* build_set(const Value* items, Py_ssize_t count) {
  Ref<> set = TRY(steal(PySet_New(nullptr)));
  for (Py_ssize_t i = 0; i < count; ++i) TRY(PySet_Add(set, items[i].object()));
  return set.release();
}

PyObject* build_map(const Value* items, Py_ssize_t pairs) {
  Ref<> dict = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < pairs; ++i) TRY(PyDict_SetItem(dict, items[2 * i].object(), items[2 * i + 1].object()));
  return dict.release();
}

Status update_dict(PyObject* dict, PyObject* update) {
  if (PyDict_Update(dict, update) == 0) return Status::Ok;
  if (PyErr_ExceptionMatches(PyExc_AttributeError))
    return raise(PyExc_TypeError, "'%.200s' object is not a mapping", Py_TYPE(update)->tp_name);
  return failed;
}

Status extend_list(PyObject* list, PyObject* iterable) {
  if (is_failure(list_extend(reinterpret_cast<PyListObject*>(list), iterable))) {
    if (PyErr_ExceptionMatches(PyExc_TypeError) && !Py_TYPE(iterable)->tp_iter && !PySequence_Check(iterable)) {
      PyErr_Clear();
      return raise(PyExc_TypeError, "Value after * must be an iterable, not %.200s", Py_TYPE(iterable)->tp_name);
    }
    return failed;
  }
  return Status::Ok;
}

PyObject* convert_value(uint32_t conversion, PyObject* value) {
  switch (conversion) {
    case FVC_STR: return PyObject_Str(value);
    case FVC_REPR: return PyObject_Repr(value);
    case FVC_ASCII: return PyObject_ASCII(value);
    default: return raise(PyExc_SystemError, "unexpected conversion flag %d", static_cast<int>(conversion));
  }
}

}  // namespace ks
