// The sequence and mapping protocols.
#include <Python.h>

#include "object/call.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"

namespace ks {
namespace {

Failed null_error() {
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "null argument to internal routine");
  return failed;
}
Failed type_error(const char* format, PyObject* o) { return raise(PyExc_TypeError, format, Py_TYPE(o)->tp_name); }

PySequenceMethods* sequence_of(PyObject* o) { return Py_TYPE(o)->tp_as_sequence; }
PyMappingMethods* mapping_of(PyObject* o) { return Py_TYPE(o)->tp_as_mapping; }

// Negative indices count from the end where the length is known; false with an exception.
bool normalise(PyObject* o, Py_ssize_t* index) {
  if (*index >= 0 || !sequence_of(o)->sq_length) return true;
  const Py_ssize_t length = sequence_of(o)->sq_length(o);
  if (length < 0) return false;
  *index += length;
  return true;
}

Ref<> slice_of(Py_ssize_t start, Py_ssize_t stop) {
  Ref<> first = TRY(steal(PyLong_FromSsize_t(start)));
  Ref<> last = TRY(steal(PyLong_FromSsize_t(stop)));
  return steal(PySlice_New(first, last, nullptr));
}

enum class Search { Count, Index, Contains };

Py_ssize_t search(PyObject* o, PyObject* wanted, Search what) {
  if (!o || !wanted) return null_error();
  Ref<> iterator = steal(PyObject_GetIter(o));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
      if (what == Search::Contains) (void)type_error("argument of type '%.200s' is not a container or iterable", o);
      else (void)type_error("argument of type '%.200s' is not iterable", o);
    }
    return -1;
  }
  Py_ssize_t count = 0;
  bool wrapped = false;
  while (true) {
    Ref<> item;
    const int more = PyIter_NextItem(iterator, item.out());
    if (more < 0) return -1;
    if (more == 0) break;
    const int equal = PyObject_RichCompareBool(item, wanted, Py_EQ);
    if (equal < 0) return -1;
    if (equal) {
      switch (what) {
        case Search::Count:
          if (count == PY_SSIZE_T_MAX) return raise(PyExc_OverflowError, "count exceeds C integer size");
          ++count;
          break;
        case Search::Index:
          if (wrapped) return raise(PyExc_OverflowError, "index exceeds C integer size");
          return count;
        case Search::Contains:
          return 1;
      }
    }
    if (what == Search::Index) {
      if (count == PY_SSIZE_T_MAX) {
        wrapped = true;
        count = 0;
      } else {
        ++count;
      }
    }
  }
  if (what == Search::Index) return raise(PyExc_ValueError, "sequence.index(x): x not in sequence");
  return what == Search::Contains ? 0 : count;
}

// list(o.method()) for keys, values and items.
PyObject* method_as_list(PyObject* o, PyObject* method) {
  Ref<> view = TRY(steal(call_method(o, method)));
  Ref<> iterator = steal(PyObject_GetIter(view));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
      PyErr_Format(PyExc_TypeError, "%.200s.%U() returned a non-iterable (type %.200s)", Py_TYPE(o)->tp_name, method,
                   Py_TYPE(view.get())->tp_name);
    }
    return nullptr;
  }
  return PySequence_List(iterator);
}

}  // namespace
}  // namespace ks

using namespace ks;

// The items of a list move into a new tuple (types/list.cpp).
KS_EXPORT PyObject* _PyList_AsTupleAndClear(PyListObject* list);

// ---- sequences -------------------------------------------------------------------------------------------------------

int PySequence_Check(PyObject* o) {
  if (PyDict_Check(o)) return 0;
  return sequence_of(o) && sequence_of(o)->sq_item;
}

#undef PySequence_Length
Py_ssize_t PySequence_Size(PyObject* o) {
  if (!o) return null_error();
  if (sequence_of(o) && sequence_of(o)->sq_length) return sequence_of(o)->sq_length(o);
  if (mapping_of(o) && mapping_of(o)->mp_length) return type_error("%.200s is not a sequence", o);
  return type_error("object of type '%.200s' has no len()", o);
}
Py_ssize_t PySequence_Length(PyObject* o) { return PySequence_Size(o); }

// v + w as sequences; new reference.
PyObject* PySequence_Concat(PyObject* v, PyObject* w) {
  if (!v || !w) return null_error();
  if (sequence_of(v) && sequence_of(v)->sq_concat) return sequence_of(v)->sq_concat(v, w);
  // Instances of Python classes have only number slots.
  if (PySequence_Check(v) && PySequence_Check(w)) {
    PyNumberMethods* number = Py_TYPE(v)->tp_as_number;
    PyNumberMethods* other = Py_TYPE(w)->tp_as_number;
    if ((number && number->nb_add) || (other && other->nb_add)) {
      binaryfunc first = number ? number->nb_add : nullptr;
      binaryfunc second = other ? other->nb_add : nullptr;
      PyObject* result = Py_NotImplemented;
      if (first) result = first(v, w);
      if (result == Py_NotImplemented && second && second != first) result = second(v, w);
      if (result != Py_NotImplemented) return result;
    }
  }
  return type_error("'%.200s' object can't be concatenated", v);
}
// o * count; new reference.
PyObject* PySequence_Repeat(PyObject* o, Py_ssize_t count) {
  if (!o) return null_error();
  if (sequence_of(o) && sequence_of(o)->sq_repeat) return sequence_of(o)->sq_repeat(o, count);
  if (PySequence_Check(o)) {
    PyNumberMethods* number = Py_TYPE(o)->tp_as_number;
    if (number && number->nb_multiply) {
      Ref<> times = TRY(steal(PyLong_FromSsize_t(count)));
      PyObject* result = number->nb_multiply(o, times);
      if (result != Py_NotImplemented) return result;
    }
  }
  return type_error("'%.200s' object can't be repeated", o);
}
// v += w; new reference, perhaps to v.
PyObject* PySequence_InPlaceConcat(PyObject* v, PyObject* w) {
  if (!v || !w) return null_error();
  if (PySequenceMethods* sequence = sequence_of(v)) {
    if (sequence->sq_inplace_concat) return sequence->sq_inplace_concat(v, w);
    if (sequence->sq_concat) return sequence->sq_concat(v, w);
  }
  if (PySequence_Check(v) && PySequence_Check(w)) {
    PyNumberMethods* number = Py_TYPE(v)->tp_as_number;
    if (number && number->nb_inplace_add) {
      PyObject* result = number->nb_inplace_add(v, w);
      if (result != Py_NotImplemented) return result;
    }
    return PySequence_Concat(v, w);
  }
  return type_error("'%.200s' object can't be concatenated", v);
}
PyObject* PySequence_InPlaceRepeat(PyObject* o, Py_ssize_t count) {
  if (!o) return null_error();
  if (PySequenceMethods* sequence = sequence_of(o)) {
    if (sequence->sq_inplace_repeat) return sequence->sq_inplace_repeat(o, count);
    if (sequence->sq_repeat) return sequence->sq_repeat(o, count);
  }
  if (PySequence_Check(o)) {
    PyNumberMethods* number = Py_TYPE(o)->tp_as_number;
    if (number && number->nb_inplace_multiply) {
      Ref<> times = TRY(steal(PyLong_FromSsize_t(count)));
      PyObject* result = number->nb_inplace_multiply(o, times);
      if (result != Py_NotImplemented) return result;
    }
    return PySequence_Repeat(o, count);
  }
  return type_error("'%.200s' object can't be repeated", o);
}

// o[index]; new reference.
PyObject* PySequence_GetItem(PyObject* o, Py_ssize_t index) {
  if (!o) return null_error();
  if (sequence_of(o) && sequence_of(o)->sq_item) {
    if (!normalise(o, &index)) return nullptr;
    return sequence_of(o)->sq_item(o, index);
  }
  if (mapping_of(o) && mapping_of(o)->mp_subscript) return type_error("%.200s is not a sequence", o);
  return type_error("'%.200s' object does not support indexing", o);
}
// o[start:stop]; new reference.
PyObject* PySequence_GetSlice(PyObject* o, Py_ssize_t start, Py_ssize_t stop) {
  if (!o) return null_error();
  if (mapping_of(o) && mapping_of(o)->mp_subscript) {
    Ref<> slice = TRY(slice_of(start, stop));
    return mapping_of(o)->mp_subscript(o, slice);
  }
  return type_error("'%.200s' object is unsliceable", o);
}
// o[index] = value; -1 on error.
int PySequence_SetItem(PyObject* o, Py_ssize_t index, PyObject* value) {
  if (!o) return null_error();
  if (sequence_of(o) && sequence_of(o)->sq_ass_item) {
    if (!normalise(o, &index)) return -1;
    return sequence_of(o)->sq_ass_item(o, index, value);
  }
  if (mapping_of(o) && mapping_of(o)->mp_ass_subscript) return type_error("%.200s is not a sequence", o);
  return type_error("'%.200s' object does not support item assignment", o);
}
int PySequence_DelItem(PyObject* o, Py_ssize_t index) {
  if (!o) return null_error();
  if (sequence_of(o) && sequence_of(o)->sq_ass_item) {
    if (!normalise(o, &index)) return -1;
    return sequence_of(o)->sq_ass_item(o, index, nullptr);
  }
  if (mapping_of(o) && mapping_of(o)->mp_ass_subscript) return type_error("%.200s is not a sequence", o);
  return type_error("'%.200s' object doesn't support item deletion", o);
}
int PySequence_SetSlice(PyObject* o, Py_ssize_t start, Py_ssize_t stop, PyObject* value) {
  if (!o) return null_error();
  if (mapping_of(o) && mapping_of(o)->mp_ass_subscript) {
    Ref<> slice = TRY(slice_of(start, stop));
    return mapping_of(o)->mp_ass_subscript(o, slice, value);
  }
  return type_error("'%.200s' object doesn't support slice assignment", o);
}
int PySequence_DelSlice(PyObject* o, Py_ssize_t start, Py_ssize_t stop) {
  if (!o) return null_error();
  if (mapping_of(o) && mapping_of(o)->mp_ass_subscript) {
    Ref<> slice = TRY(slice_of(start, stop));
    return mapping_of(o)->mp_ass_subscript(o, slice, nullptr);
  }
  return type_error("'%.200s' object doesn't support slice deletion", o);
}

// tuple(o); new reference.
PyObject* PySequence_Tuple(PyObject* o) {
  if (!o) return null_error();
  if (PyTuple_CheckExact(o)) return Py_NewRef(o);
  if (PyList_CheckExact(o)) return PyList_AsTuple(o);
  Ref<> list = TRY(steal(PyList_New(0)));
  // The iterable is asked itself, so that its errors and its length hint are as a list's.
  TRY(PyList_Extend(list, o));
  return _PyList_AsTupleAndClear(reinterpret_cast<PyListObject*>(list.get()));
}
// list(o); new reference.
PyObject* PySequence_List(PyObject* o) {
  if (!o) return null_error();
  Ref<> list = TRY(steal(PyList_New(0)));
  TRY(PyList_Extend(list, o));
  return list.release();
}
// o itself if it is a list or tuple, else list(o); TypeError with the message when it is not iterable. New reference.
PyObject* PySequence_Fast(PyObject* o, const char* message) {
  if (!o) return null_error();
  if (PyList_CheckExact(o) || PyTuple_CheckExact(o)) return Py_NewRef(o);
  Ref<> iterator = steal(PyObject_GetIter(o));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) PyErr_SetString(PyExc_TypeError, message);
    return nullptr;
  }
  return PySequence_List(iterator);
}

Py_ssize_t PySequence_Count(PyObject* o, PyObject* value) { return search(o, value, Search::Count); }
Py_ssize_t PySequence_Index(PyObject* o, PyObject* value) { return search(o, value, Search::Index); }
// value in o; -1 on error.
int PySequence_Contains(PyObject* o, PyObject* value) {
  if (o && sequence_of(o) && sequence_of(o)->sq_contains) return sequence_of(o)->sq_contains(o, value);
  return static_cast<int>(search(o, value, Search::Contains));
}
#undef PySequence_In
KS_EXPORT int PySequence_In(PyObject* o, PyObject* value) { return PySequence_Contains(o, value); }

// ---- mappings --------------------------------------------------------------------------------------------------------

int PyMapping_Check(PyObject* o) { return o && mapping_of(o) && mapping_of(o)->mp_subscript; }

#undef PyMapping_Length
Py_ssize_t PyMapping_Size(PyObject* o) {
  if (!o) return null_error();
  if (mapping_of(o) && mapping_of(o)->mp_length) return mapping_of(o)->mp_length(o);
  if (sequence_of(o) && sequence_of(o)->sq_length) return type_error("%.200s is not a mapping", o);
  return type_error("object of type '%.200s' has no len()", o);
}
Py_ssize_t PyMapping_Length(PyObject* o) { return PyMapping_Size(o); }

// o[key]; new reference.
PyObject* PyMapping_GetItemString(PyObject* o, const char* key) {
  if (!key) return null_error();
  Ref<> name = TRY(steal(PyUnicode_FromString(key)));
  return PyObject_GetItem(o, name);
}
// 1 and *result new; 0 and NULL when there is no such key; -1 on error.
int PyMapping_GetOptionalItem(PyObject* o, PyObject* key, PyObject** result) {
  if (PyDict_CheckExact(o)) return PyDict_GetItemRef(o, key, result);
  *result = PyObject_GetItem(o, key);
  if (*result) return 1;
  if (!PyErr_ExceptionMatches(PyExc_KeyError)) return -1;
  PyErr_Clear();
  return 0;
}
int PyMapping_GetOptionalItemString(PyObject* o, const char* key, PyObject** result) {
  *result = nullptr;
  if (!key) return null_error();
  Ref<> name = TRY(steal(PyUnicode_FromString(key)));
  return PyMapping_GetOptionalItem(o, name, result);
}
int PyMapping_SetItemString(PyObject* o, const char* key, PyObject* value) {
  if (!key) return null_error();
  Ref<> name = TRY(steal(PyUnicode_FromString(key)));
  return PyObject_SetItem(o, name, value);
}
int PyMapping_HasKeyWithError(PyObject* o, PyObject* key) {
  Ref<> value;
  return PyMapping_GetOptionalItem(o, key, value.out());
}
int PyMapping_HasKeyStringWithError(PyObject* o, const char* key) {
  Ref<> value;
  return PyMapping_GetOptionalItemString(o, key, value.out());
}
// Without errors: they are reported as unraisable.
int PyMapping_HasKeyString(PyObject* o, const char* key) {
  Ref<> value;
  int result;
  if (!o) {
    (void)null_error();
    result = -1;
  } else {
    result = PyMapping_GetOptionalItemString(o, key, value.out());
  }
  if (result >= 0) return result;
  PyErr_FormatUnraisable(
      "Exception ignored in PyMapping_HasKeyString(); consider using PyMapping_HasKeyStringWithError(), "
      "PyMapping_GetOptionalItemString() or PyMapping_GetItemString()");
  return 0;
}
int PyMapping_HasKey(PyObject* o, PyObject* key) {
  Ref<> value;
  int result;
  if (!o || !key) {
    (void)null_error();
    result = -1;
  } else {
    result = PyMapping_GetOptionalItem(o, key, value.out());
  }
  if (result >= 0) return result;
  PyErr_FormatUnraisable(
      "Exception ignored in PyMapping_HasKey(); consider using PyMapping_HasKeyWithError(), PyMapping_GetOptionalItem() or "
      "PyObject_GetItem()");
  return 0;
}

// The keys, values or items as a new list.
PyObject* PyMapping_Keys(PyObject* o) {
  if (!o) return null_error();
  return PyDict_CheckExact(o) ? PyDict_Keys(o) : method_as_list(o, "keys"_id);
}
PyObject* PyMapping_Values(PyObject* o) {
  if (!o) return null_error();
  return PyDict_CheckExact(o) ? PyDict_Values(o) : method_as_list(o, "values"_id);
}
PyObject* PyMapping_Items(PyObject* o) {
  if (!o) return null_error();
  return PyDict_CheckExact(o) ? PyDict_Items(o) : method_as_list(o, "items"_id);
}
