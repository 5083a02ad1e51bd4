// array: arrays of C values.
#include <algorithm>
#include <bit>

#include "modules/module.h"
#include "types/bytes.h"
#include "types/int.h"

namespace ks {
namespace {

struct ArrayState {
  PyTypeObject* array_type;
  PyTypeObject* iterator_type;
};
extern PyModuleDef module;
ArrayState* state_of(PyObject* m) { return static_cast<ArrayState*>(PyModule_GetState(m)); }
ArrayState* state_of_type(PyTypeObject* type) {
  PyObject* owner = PyType_GetModuleByDef(type, &module);
  return owner ? state_of(owner) : nullptr;
}

// ---- items -----------------------------------------------------------------------------------------------------------

struct Kind {
  char code;
  int size;
  PyObject* (*get)(const char* place);
  Status (*set)(char* place, PyObject* value);
  const char* format;
  bool is_integer, is_signed;
};
template <class T>
T load(const char* place) {
  T value;
  memcpy(&value, place, sizeof(T));
  return value;
}
template <class T>
PyObject* get_integer(const char* place) {
  if constexpr (static_cast<T>(-1) < 0) return int_from_int64(load<T>(place));
  else return int_from_uint64(load<T>(place));
}
template <class T>
Status put(char* place, T value) {
  memcpy(place, &value, sizeof(T));
  return Status::Ok;
}
// Integers that fit a C long are read as such, with the messages of each type.
template <class T>
Status set_limited(char* place, PyObject* value, const char* name) {
  const long number = PyLong_AsLong(value);
  if (number == -1 && PyErr_Occurred()) return failed;
  if (number < static_cast<long>(std::numeric_limits<T>::min())) return raise(PyExc_OverflowError, "%s is less than minimum", name);
  if (number > static_cast<long>(std::numeric_limits<T>::max())) return raise(PyExc_OverflowError, "%s is greater than maximum", name);
  return put(place, static_cast<T>(number));
}
Status set_b(char* place, PyObject* value) { return set_limited<signed char>(place, value, "signed char"); }
Status set_B(char* place, PyObject* value) { return set_limited<unsigned char>(place, value, "unsigned byte integer"); }
Status set_h(char* place, PyObject* value) { return set_limited<short>(place, value, "signed short integer"); }
Status set_H(char* place, PyObject* value) {
  const int number = PyLong_AsInt(value);
  if (number == -1 && PyErr_Occurred()) return failed;
  if (number < 0) return raise(PyExc_OverflowError, "unsigned short is less than minimum");
  if (number > USHRT_MAX) return raise(PyExc_OverflowError, "unsigned short is greater than maximum");
  return put(place, static_cast<unsigned short>(number));
}
Status set_i(char* place, PyObject* value) { return set_limited<int>(place, value, "signed integer"); }
Status set_l(char* place, PyObject* value) {
  const long number = PyLong_AsLong(value);
  return number == -1 && PyErr_Occurred() ? failed : put(place, number);
}
Status set_q(char* place, PyObject* value) {
  const long long number = PyLong_AsLongLong(value);
  return number == -1 && PyErr_Occurred() ? failed : put(place, number);
}
Ref<> as_index(PyObject* value) { return PyLong_Check(value) ? borrow(value) : steal(PyNumber_Index(value)); }
Status set_I(char* place, PyObject* value) {
  Ref<> index = TRY(as_index(value));
  const unsigned long number = PyLong_AsUnsignedLong(index);
  if (number == static_cast<unsigned long>(-1) && PyErr_Occurred()) return failed;
  if (number > UINT_MAX) return raise(PyExc_OverflowError, "unsigned int is greater than maximum");
  return put(place, static_cast<unsigned>(number));
}
Status set_L(char* place, PyObject* value) {
  Ref<> index = TRY(as_index(value));
  const unsigned long number = PyLong_AsUnsignedLong(index);
  return number == static_cast<unsigned long>(-1) && PyErr_Occurred() ? failed : put(place, number);
}
Status set_Q(char* place, PyObject* value) {
  Ref<> index = TRY(as_index(value));
  const unsigned long long number = PyLong_AsUnsignedLongLong(index);
  return number == static_cast<unsigned long long>(-1) && PyErr_Occurred() ? failed : put(place, number);
}
PyObject* get_f(const char* place) { return PyFloat_FromDouble(load<float>(place)); }
PyObject* get_d(const char* place) { return PyFloat_FromDouble(load<double>(place)); }
Status set_f(char* place, PyObject* value) {
  const double number = PyFloat_AsDouble(value);
  return number == -1.0 && PyErr_Occurred() ? failed : put(place, static_cast<float>(number));
}
Status set_d(char* place, PyObject* value) {
  const double number = PyFloat_AsDouble(value);
  return number == -1.0 && PyErr_Occurred() ? failed : put(place, number);
}
PyObject* get_w(const char* place) {
  const Py_UCS4 c = load<Py_UCS4>(place);
  if (c > 0x10ffff) return raise(PyExc_ValueError, "character U+%x is not in range [U+0000; U+10ffff]", c);
  return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, &c, 1);
}
Status set_w(char* place, PyObject* value) {
  if (!PyUnicode_Check(value)) return raise(PyExc_TypeError, "array item must be a unicode character, not %T", value);
  if (PyUnicode_GET_LENGTH(value) != 1)
    return raise(PyExc_TypeError, "array item must be a unicode character, not a string of length %zd", PyUnicode_GET_LENGTH(value));
  return put(place, PyUnicode_READ_CHAR(value, 0));
}
constexpr Kind kinds[] = {{'b', 1, get_integer<signed char>, set_b, "b", true, true},
                          {'B', 1, get_integer<unsigned char>, set_B, "B", true, false},
                          {'u', 4, get_w, set_w, "w", false, false},
                          {'w', 4, get_w, set_w, "w", false, false},
                          {'h', 2, get_integer<short>, set_h, "h", true, true},
                          {'H', 2, get_integer<unsigned short>, set_H, "H", true, false},
                          {'i', 4, get_integer<int>, set_i, "i", true, true},
                          {'I', 4, get_integer<unsigned>, set_I, "I", true, false},
                          {'l', 8, get_integer<long>, set_l, "l", true, true},
                          {'L', 8, get_integer<unsigned long>, set_L, "L", true, false},
                          {'q', 8, get_integer<long long>, set_q, "q", true, true},
                          {'Q', 8, get_integer<unsigned long long>, set_Q, "Q", true, false},
                          {'f', 4, get_f, set_f, "f", false, false},
                          {'d', 8, get_d, set_d, "d", false, false}};
const Kind* find_kind(Py_UCS4 code) {
  for (const Kind& kind : kinds)
    if (static_cast<Py_UCS4>(kind.code) == code) return &kind;
  return nullptr;
}

// ---- the array -------------------------------------------------------------------------------------------------------

struct Array {
  PyVarObject ob_base;
  char* items;
  Py_ssize_t allocated;
  const Kind* kind;
  PyObject* weakrefs;
  Py_ssize_t exports;
};
bool is_array(ArrayState* state, PyObject* o) { return PyObject_TypeCheck(o, state->array_type); }
char* place(Array* self, Py_ssize_t index) { return self->items + index * self->kind->size; }
PyObject* get(Array* self, Py_ssize_t index) { return self->kind->get(place(self, index)); }
bool is_text(Array* self) { return self->kind->code == 'u' || self->kind->code == 'w'; }

Status resize(Array* self, Py_ssize_t size) {
  if (self->exports > 0 && size != Py_SIZE(self)) return raise(PyExc_BufferError, "cannot resize an array that is exporting buffers");
  if (self->allocated >= size && Py_SIZE(self) < size + 16 && self->items) {
    Py_SET_SIZE(self, size);
    return Status::Ok;
  }
  if (size == 0) {
    PyMem_Free(self->items);
    self->items = nullptr;
    self->allocated = 0;
    Py_SET_SIZE(self, 0);
    return Status::Ok;
  }
  if (size > (PY_SSIZE_T_MAX / self->kind->size) - size / 16 - 8) {
    PyErr_NoMemory();
    return failed;
  }
  // Grows by a sixteenth, so that appending is amortised.
  const Py_ssize_t capacity = (size >> 4) + (Py_SIZE(self) < 8 ? 3 : 7) + size;
  auto* items = static_cast<char*>(PyMem_Realloc(self->items, static_cast<size_t>(capacity * self->kind->size)));
  if (!items) {
    PyErr_NoMemory();
    return failed;
  }
  self->items = items;
  self->allocated = capacity;
  Py_SET_SIZE(self, size);
  return Status::Ok;
}
Array* new_array(PyTypeObject* type, Py_ssize_t size, const Kind* kind) {
  if (size < 0) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (size > PY_SSIZE_T_MAX / kind->size) {
    PyErr_NoMemory();
    return nullptr;
  }
  auto* self = as<Array>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->kind = kind;
  self->allocated = size;
  Py_SET_SIZE(self, size);
  if (size) {
    self->items = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size * kind->size)));
    if (!self->items) {
      Py_SET_SIZE(self, 0);
      Py_DECREF(object(self));
      PyErr_NoMemory();
      return nullptr;
    }
  }
  return self;
}
Status insert(Array* self, Py_ssize_t where, PyObject* value) {
  // The value first: converting may run code.
  char item[8];
  TRY(self->kind->set(item, value));
  const Py_ssize_t size = Py_SIZE(self);
  TRY(resize(self, size + 1));
  if (where < 0) where = std::max<Py_ssize_t>(where + size, 0);
  where = std::min(where, size);
  memmove(place(self, where + 1), place(self, where), static_cast<size_t>((size - where) * self->kind->size));
  memcpy(place(self, where), item, static_cast<size_t>(self->kind->size));
  return Status::Ok;
}
void dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  if (as<Array>(o)->weakrefs) PyObject_ClearWeakRefs(o);
  PyMem_Free(as<Array>(o)->items);
  type->tp_free(o);
  Py_DECREF(type);
}
int traverse_array(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  return 0;
}
// Copies of sequences of items; also for arrays of another size.
Array* slice(Array* self, Py_ssize_t start, Py_ssize_t count) {
  ArrayState* state = state_of_type(Py_TYPE(object(self)));
  if (!state) return nullptr;
  Array* result = new_array(state->array_type, count, self->kind);
  if (result && count) memcpy(result->items, place(self, start), static_cast<size_t>(count * self->kind->size));
  return result;
}
Status remove_range(Array* self, Py_ssize_t low, Py_ssize_t high) {
  const Py_ssize_t size = Py_SIZE(self);
  if (low == high) return Status::Ok;
  if (self->exports > 0) return raise(PyExc_BufferError, "cannot resize an array that is exporting buffers");
  memmove(place(self, low), place(self, high), static_cast<size_t>((size - high) * self->kind->size));
  return resize(self, size - (high - low));
}

Status append_array(ArrayState* state, Array* self, PyObject* other) {
  if (!is_array(state, other)) return raise(PyExc_TypeError, "can only extend with array (not \"%.200s\")", Py_TYPE(other)->tp_name);
  auto* more = as<Array>(other);
  if (more->kind != self->kind) return raise(PyExc_TypeError, "can only extend with array of same kind");
  const Py_ssize_t size = Py_SIZE(self), count = Py_SIZE(more);
  if (count > PY_SSIZE_T_MAX - size) {
    PyErr_NoMemory();
    return failed;
  }
  TRY(resize(self, size + count));
  if (count) memcpy(place(self, size), more->items, static_cast<size_t>(count * self->kind->size));
  return Status::Ok;
}
Status extend(Array* self, PyObject* source) {
  ArrayState* state = state_of_type(Py_TYPE(object(self)));
  if (!state) return failed;
  if (is_array(state, source)) return append_array(state, self, source);
  Ref<> iterator = TRY(steal(PyObject_GetIter(source)));
  for (;;) {
    Ref<> item;
    if (!TRY(PyIter_NextItem(iterator, item.out()))) return Status::Ok;
    TRY(insert(self, Py_SIZE(self), item));
  }
}

// ---- slots -----------------------------------------------------------------------------------------------------------

Py_ssize_t length(PyObject* o) { return Py_SIZE(o); }
PyObject* item_slot(PyObject* o, Py_ssize_t index) {
  if (index < 0 || index >= Py_SIZE(o)) return raise(PyExc_IndexError, "array index out of range");
  return get(as<Array>(o), index);
}
int assign_item(PyObject* o, Py_ssize_t index, PyObject* value) {
  auto* self = as<Array>(o);
  if (index < 0 || index >= Py_SIZE(o)) return raise(PyExc_IndexError, "array assignment index out of range");
  if (!value) return to_c(remove_range(self, index, index + 1));
  char item[8];
  if (is_failure(self->kind->set(item, value))) return -1;
  if (index >= Py_SIZE(o)) return raise(PyExc_IndexError, "array assignment index out of range");
  memcpy(place(self, index), item, static_cast<size_t>(self->kind->size));
  return 0;
}
PyObject* concatenate(PyObject* a, PyObject* b) {
  ArrayState* state = state_of_type(Py_TYPE(a));
  if (!state) return nullptr;
  if (!is_array(state, b)) return raise(PyExc_TypeError, "can only append array (not \"%.200s\") to array", Py_TYPE(b)->tp_name);
  auto *left = as<Array>(a), *right = as<Array>(b);
  if (left->kind != right->kind) {
    PyErr_BadArgument();
    return nullptr;
  }
  if (Py_SIZE(a) > PY_SSIZE_T_MAX - Py_SIZE(b)) return PyErr_NoMemory();
  Array* result = new_array(state->array_type, Py_SIZE(a) + Py_SIZE(b), left->kind);
  if (!result) return nullptr;
  if (Py_SIZE(a)) memcpy(result->items, left->items, static_cast<size_t>(Py_SIZE(a) * left->kind->size));
  if (Py_SIZE(b)) memcpy(place(result, Py_SIZE(a)), right->items, static_cast<size_t>(Py_SIZE(b) * left->kind->size));
  return object(result);
}
void fill_repeated(Array* target, const char* source, Py_ssize_t bytes, Py_ssize_t count, Py_ssize_t from) {
  for (Py_ssize_t i = from; i < count && bytes; ++i) memcpy(target->items + i * bytes, source, static_cast<size_t>(bytes));
}
PyObject* repeat(PyObject* o, Py_ssize_t count) {
  auto* self = as<Array>(o);
  count = std::max<Py_ssize_t>(count, 0);
  if (Py_SIZE(o) && count > PY_SSIZE_T_MAX / Py_SIZE(o)) return PyErr_NoMemory();
  ArrayState* state = state_of_type(Py_TYPE(o));
  if (!state) return nullptr;
  Array* result = new_array(state->array_type, Py_SIZE(o) * count, self->kind);
  if (result) fill_repeated(result, self->items, Py_SIZE(o) * self->kind->size, count, 0);
  return object(result);
}
PyObject* concatenate_in_place(PyObject* a, PyObject* b) {
  ArrayState* state = state_of_type(Py_TYPE(a));
  if (!state) return nullptr;
  if (!is_array(state, b)) return raise(PyExc_TypeError, "can only extend array with array (not \"%.200s\")", Py_TYPE(b)->tp_name);
  TRY(append_array(state, as<Array>(a), b));
  return Py_NewRef(a);
}
PyObject* repeat_in_place(PyObject* o, Py_ssize_t count) {
  auto* self = as<Array>(o);
  const Py_ssize_t size = Py_SIZE(o);
  count = std::max<Py_ssize_t>(count, 0);
  if (size && count != 1) {
    if (count > PY_SSIZE_T_MAX / (size * self->kind->size)) return PyErr_NoMemory();
    TRY(resize(self, size * count));
    if (count) fill_repeated(self, self->items, size * self->kind->size, count, 1);
  }
  return Py_NewRef(o);
}
int contains(PyObject* o, PyObject* value) {
  for (Py_ssize_t i = 0; i < Py_SIZE(o); ++i) {
    Ref<> item = TRY(steal(get(as<Array>(o), i)));
    const int equal = PyObject_RichCompareBool(item, value, Py_EQ);
    if (equal) return equal;
  }
  return 0;
}
PyObject* subscript(PyObject* o, PyObject* key) {
  auto* self = as<Array>(o);
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    if (index < 0) index += Py_SIZE(o);
    return item_slot(o, index);
  }
  if (!PySlice_Check(key)) return raise(PyExc_TypeError, "array indices must be integers");
  Py_ssize_t start, stop, step;
  TRY(PySlice_Unpack(key, &start, &stop, &step));
  const Py_ssize_t count = std::max<Py_ssize_t>(PySlice_AdjustIndices(Py_SIZE(o), &start, &stop, step), 0);
  if (step == 1 || count == 0) return object(slice(self, count ? start : 0, count));
  ArrayState* state = state_of_type(Py_TYPE(o));
  if (!state) return nullptr;
  Array* result = new_array(state->array_type, count, self->kind);
  if (!result) return nullptr;
  for (Py_ssize_t i = 0, at = start; i < count; ++i, at += step) memcpy(place(result, i), place(self, at), static_cast<size_t>(self->kind->size));
  return object(result);
}
int assign_subscript(PyObject* o, PyObject* key, PyObject* value) {
  auto* self = as<Array>(o);
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (index < 0) index += Py_SIZE(o);
    return assign_item(o, index, value);
  }
  if (!PySlice_Check(key)) return raise(PyExc_TypeError, "array indices must be integers");
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(key, &start, &stop, &step) < 0) return -1;
  Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(o), &start, &stop, step);
  ArrayState* state = state_of_type(Py_TYPE(o));
  if (!state) return -1;
  Array* other = nullptr;
  Ref<> copy;
  Py_ssize_t needed = 0;
  if (value) {
    if (!is_array(state, value)) return raise(PyExc_TypeError, "can only assign array (not \"%.200s\") to array slice", Py_TYPE(value)->tp_name);
    other = as<Array>(value);
    if (other == self) {
      copy = TRY(steal(object(slice(self, 0, Py_SIZE(o)))));
      other = as<Array>(copy.get());
    }
    if (other->kind != self->kind) {
      PyErr_BadArgument();
      return -1;
    }
    needed = Py_SIZE(other);
  }
  if ((step > 0 && stop < start) || (step < 0 && stop > start)) stop = start;
  const auto item = static_cast<size_t>(self->kind->size);
  if (self->exports > 0 && (needed == 0 || step == 1) && needed != count)
    return raise(PyExc_BufferError, "cannot resize an array that is exporting buffers");
  if (step == 1) {
    const Py_ssize_t size = Py_SIZE(o);
    if (needed > count) {
      TRY(resize(self, size + needed - count));
      memmove(place(self, start + needed), place(self, start + count), static_cast<size_t>(size - start - count) * item);
    } else if (needed < count) {
      memmove(place(self, start + needed), place(self, start + count), static_cast<size_t>(size - start - count) * item);
      TRY(resize(self, size + needed - count));
    }
    if (needed) memcpy(place(self, start), other->items, static_cast<size_t>(needed) * item);
    return 0;
  }
  if (needed == 0) {
    if (count == 0) return 0;
    if (step < 0) {
      start += step * (count - 1);
      step = -step;
    }
    Py_ssize_t out = start;
    for (Py_ssize_t i = 0; i < count; ++i) {
      const Py_ssize_t from = start + i * step + 1, until = i + 1 < count ? start + (i + 1) * step : Py_SIZE(o);
      memmove(place(self, out), place(self, from), static_cast<size_t>(until - from) * item);
      out += until - from;
    }
    return to_c(resize(self, Py_SIZE(o) - count));
  }
  if (needed != count) return raise(PyExc_ValueError, "attempt to assign array of size %zd to extended slice of size %zd", needed, count);
  for (Py_ssize_t i = 0, at = start; i < count; ++i, at += step) memcpy(place(self, at), place(other, i), item);
  return 0;
}
PyObject* compare(PyObject* a, PyObject* b, int operation) {
  ArrayState* state = state_of_type(Py_TYPE(a));
  if (!state) return nullptr;
  if (!is_array(state, a) || !is_array(state, b)) Py_RETURN_NOTIMPLEMENTED;
  auto *left = as<Array>(a), *right = as<Array>(b);
  if (Py_SIZE(a) != Py_SIZE(b) && (operation == Py_EQ || operation == Py_NE)) return PyBool_FromLong(operation == Py_NE);
  const Py_ssize_t common = std::min(Py_SIZE(a), Py_SIZE(b));
  if (left->kind == right->kind && left->kind->is_integer && (operation == Py_EQ || operation == Py_NE)) {
    const bool equal = !common || memcmp(left->items, right->items, static_cast<size_t>(common * left->kind->size)) == 0;
    return PyBool_FromLong(equal == (operation == Py_EQ));
  }
  for (Py_ssize_t i = 0; i < std::min({common, Py_SIZE(a), Py_SIZE(b)}); ++i) {
    Ref<> x = TRY(steal(get(left, i))), y = TRY(steal(get(right, i)));
    const int equal = TRY(PyObject_RichCompareBool(x, y, Py_EQ));
    if (equal) continue;
    if (operation == Py_EQ || operation == Py_NE) return PyBool_FromLong(operation == Py_NE);
    return PyObject_RichCompare(x, y, operation);
  }
  const Py_ssize_t x = Py_SIZE(a), y = Py_SIZE(b);
  Py_RETURN_RICHCOMPARE(x, y, operation);
}
int get_buffer(PyObject* o, Py_buffer* view, int flags) {
  auto* self = as<Array>(o);
  if (!view) return raise(PyExc_BufferError, "array_buffer_getbuf: view==NULL argument is obsolete");
  static char empty[1] = "";
  view->buf = self->items ? self->items : empty;
  view->obj = Py_NewRef(o);
  view->len = Py_SIZE(o) * self->kind->size;
  view->readonly = 0;
  view->ndim = 1;
  view->itemsize = self->kind->size;
  view->suboffsets = nullptr;
  view->shape = (flags & PyBUF_ND) == PyBUF_ND ? &self->ob_base.ob_size : nullptr;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &view->itemsize : nullptr;
  view->format = (flags & PyBUF_FORMAT) == PyBUF_FORMAT ? const_cast<char*>(self->kind->format) : nullptr;
  view->internal = nullptr;
  ++self->exports;
  return 0;
}
void release_buffer(PyObject* o, Py_buffer*) { --as<Array>(o)->exports; }

// ---- methods ---------------------------------------------------------------------------------------------------------

Status array_append(Array* self, PyObject* v) { return insert(self, Py_SIZE(self), v); }
METHOD(array, append, "($self, v, /)", "Append new value v to the end of the array.");
PyObject* array_buffer_info(Array* self) {
  return Py_BuildValue("(Nn)", PyLong_FromVoidPtr(self->items), Py_SIZE(self));
}
METHOD(array, buffer_info, "($self, /)",
       "Return a tuple (address, length) giving the current memory address and the length in items of the buffer used to hold array's contents.\n\n"
       "The length should be multiplied by the itemsize attribute to calculate\nthe buffer length in bytes.");
Status array_byteswap(Array* self) {
  const int size = self->kind->size;
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) std::reverse(place(self, i), place(self, i) + size);
  return Status::Ok;
}
METHOD(array, byteswap, "($self, /)",
       "Byteswap all items of the array.\n\nIf the items in the array are not 1, 2, 4, or 8 bytes in size, RuntimeError is\nraised.");
Status array_clear(Array* self) { return resize(self, 0); }
METHOD(array, clear, "($self, /)", "Remove all items from the array.");
PyObject* copy_method(Array* self) { return object(slice(self, 0, Py_SIZE(self))); }
METHOD_AS(copy_method, "__copy__", 0, "($self, /)", "Return a copy of the array.");
PyObject* deep_copy_method(Array* self, PyObject*) { return object(slice(self, 0, Py_SIZE(self))); }
METHOD_AS(deep_copy_method, "__deepcopy__", 0, "($self, unused, /)", "Return a copy of the array.");
PyObject* array_count(Array* self, PyObject* v) {
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    Ref<> item = TRY(steal(get(self, i)));
    count += TRY(PyObject_RichCompareBool(item, v, Py_EQ));
  }
  return int_from_int64(count);
}
METHOD(array, count, "($self, v, /)", "Return number of occurrences of v in the array.");
Status array_extend(Array* self, PyObject* bb) { return extend(self, bb); }
METHOD(array, extend, "($self, bb, /)", "Append items to the end of the array.");
PyObject* index_method(Array* self, PyObject* v, Index start, Index stop) {
  Py_ssize_t first = start, last = stop;
  if (first < 0) first = std::max<Py_ssize_t>(first + Py_SIZE(self), 0);
  if (last < 0) last += Py_SIZE(self);
  for (Py_ssize_t i = first; i < last && i < Py_SIZE(self); ++i) {
    Ref<> item = TRY(steal(get(self, i)));
    if (TRY(PyObject_RichCompareBool(item, v, Py_EQ))) return int_from_int64(i);
  }
  return raise(PyExc_ValueError, "array.index(x): x not in array");
}
METHOD_AS(index_method, "index", 0, "($self, v, start=0, stop=sys.maxsize, /)",
          "Return index of first occurrence of v in the array.\n\nRaise ValueError if the value is not present.");
Status array_insert(Array* self, Py_ssize_t i, PyObject* v) { return insert(self, i, v); }
METHOD(array, insert, "($self, i, v, /)", "Insert a new item v into the array before position i.");
PyObject* array_pop(Array* self, Py_ssize_t i) {
  if (Py_SIZE(self) == 0) return raise(PyExc_IndexError, "pop from empty array");
  if (i < 0) i += Py_SIZE(self);
  if (i < 0 || i >= Py_SIZE(self)) return raise(PyExc_IndexError, "pop index out of range");
  Ref<> item = TRY(steal(get(self, i)));
  TRY(remove_range(self, i, i + 1));
  return item.release();
}
METHOD(array, pop, "($self, i=-1, /)", "Return the i-th element and delete it from the array.\n\ni defaults to -1.");
Status array_remove(Array* self, PyObject* v) {
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    Ref<> item = TRY(steal(get(self, i)));
    if (TRY(PyObject_RichCompareBool(item, v, Py_EQ))) return remove_range(self, i, i + 1);
  }
  return raise(PyExc_ValueError, "array.remove(x): x not in array");
}
METHOD(array, remove, "($self, v, /)", "Remove the first occurrence of v in the array.");
Status array_reverse(Array* self) {
  const auto size = static_cast<size_t>(self->kind->size);
  for (Py_ssize_t i = 0, j = Py_SIZE(self) - 1; i < j; ++i, --j) {
    char item[8];
    memcpy(item, place(self, i), size);
    memcpy(place(self, i), place(self, j), size);
    memcpy(place(self, j), item, size);
  }
  return Status::Ok;
}
METHOD(array, reverse, "($self, /)", "Reverse the order of the items in the array.");
PyObject* array_tolist(Array* self) {
  Ref<> list = TRY(steal(PyList_New(Py_SIZE(self))));
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) PyList_SET_ITEM(list.get(), i, TRY(get(self, i)));
  return list.release();
}
METHOD(array, tolist, "($self, /)", "Convert array to an ordinary list with the same items.");
Status array_fromlist(Array* self, PyObject* list) {
  if (!PyList_Check(list)) return raise(PyExc_TypeError, "arg must be list");
  const Py_ssize_t count = PyList_GET_SIZE(list), old = Py_SIZE(self);
  if (!count) return Status::Ok;
  TRY(resize(self, old + count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    Ref<> item = borrow(PyList_GET_ITEM(list, i));
    char value[8];
    const Status result = self->kind->set(value, item);
    if (result == Status::Error || PyList_GET_SIZE(list) != count || Py_SIZE(self) < old + count) {
      if (result == Status::Ok) PyErr_SetString(PyExc_RuntimeError, "list changed size during iteration");
      (void)resize(self, std::min(old, Py_SIZE(self)));
      return failed;
    }
    memcpy(place(self, old + i), value, static_cast<size_t>(self->kind->size));
  }
  return Status::Ok;
}
METHOD(array, fromlist, "($self, list, /)", "Append items to array from list.");
PyObject* array_tobytes(Array* self) {
  if (Py_SIZE(self) > PY_SSIZE_T_MAX / self->kind->size) return PyErr_NoMemory();
  return PyBytes_FromStringAndSize(self->items ? self->items : "", Py_SIZE(self) * self->kind->size);
}
METHOD(array, tobytes, "($self, /)", "Convert the array to an array of machine values and return the bytes representation.");
Status append_bytes(Array* self, const char* data, Py_ssize_t size) {
  if (size % self->kind->size) return raise(PyExc_ValueError, "bytes length not a multiple of item size");
  const Py_ssize_t old = Py_SIZE(self), count = size / self->kind->size;
  if (!count) return Status::Ok;
  TRY(resize(self, old + count));
  memcpy(place(self, old), data, static_cast<size_t>(size));
  return Status::Ok;
}
Status array_frombytes(Array* self, const BufferArgument& buffer) {
  return append_bytes(self, reinterpret_cast<const char*>(buffer.data()), buffer.size());
}
METHOD(array, frombytes, "($self, buffer, /)",
       "Appends items from the string, interpreting it as an array of machine values, as if it had been read from a file using the fromfile() method.");
Status array_fromfile(Array* self, PyObject* f, Py_ssize_t n) {
  if (n < 0) return raise(PyExc_ValueError, "negative count");
  if (n > PY_SSIZE_T_MAX / self->kind->size) {
    PyErr_NoMemory();
    return failed;
  }
  const Py_ssize_t wanted = n * self->kind->size;
  Ref<> data = TRY(steal(PyObject_CallMethod(f, "read", "n", wanted)));
  if (!PyBytes_Check(data)) return raise(PyExc_TypeError, "read() didn't return bytes");
  const Py_ssize_t got = PyBytes_GET_SIZE(data.get());
  if (got > wanted) return append_bytes(self, PyBytes_AS_STRING(data.get()), got);
  TRY(append_bytes(self, PyBytes_AS_STRING(data.get()), got));
  if (got != wanted) return raise(PyExc_EOFError, "read() didn't return enough bytes");
  return Status::Ok;
}
METHOD(array, fromfile, "($self, f, n, /)", "Read n objects from the file object f and append them to the end of the array.");
Status array_tofile(Array* self, PyObject* f) {
  constexpr Py_ssize_t kBlock = 64 * 1024;
  const Py_ssize_t total = Py_SIZE(self) * self->kind->size;
  for (Py_ssize_t at = 0; at < total; at += kBlock) {
    const Py_ssize_t size = std::min(kBlock, total - at);
    Ref<> block = TRY(steal(PyBytes_FromStringAndSize(self->items + at, size)));
    Ref<> result = TRY(steal(PyObject_CallMethod(f, "write", "O", block.get())));
  }
  return Status::Ok;
}
METHOD(array, tofile, "($self, f, /)", "Write all items (as machine values) to the file object f.");
Status append_text(Array* self, PyObject* text) {
  const Py_ssize_t count = PyUnicode_GET_LENGTH(text), old = Py_SIZE(self);
  if (!count) return Status::Ok;
  if (!self->items && count <= PY_SSIZE_T_MAX / 4) {  // a fresh array: exactly what is needed
    self->items = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(count * self->kind->size)));
    if (!self->items) {
      PyErr_NoMemory();
      return failed;
    }
    self->allocated = count;
    Py_SET_SIZE(object(self), count);
  } else {
    TRY(resize(self, old + count));
  }
  if (!PyUnicode_AsUCS4(text, reinterpret_cast<Py_UCS4*>(place(self, old)), count, 0)) return failed;
  return Status::Ok;
}
Status array_fromunicode(Array* self, StrArgument ustr) {
  if (!is_text(self)) return raise(PyExc_ValueError, "fromunicode() may only be called on unicode type arrays ('u' or 'w')");
  return append_text(self, ustr);
}
METHOD(array, fromunicode, "($self, ustr, /)",
       "Extends this array with data from the unicode string ustr.\n\nThe array must be a unicode type array; otherwise a ValueError is raised.\n"
       "Use array.frombytes(ustr.encode(...)) to append Unicode data to an array of\nsome other type.");
PyObject* array_tounicode(Array* self) {
  if (!is_text(self)) return raise(PyExc_ValueError, "tounicode() may only be called on unicode type arrays ('u' or 'w')");
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    const Py_UCS4 c = load<Py_UCS4>(place(self, i));
    if (c > 0x10ffff) return raise(PyExc_ValueError, "character U+%x is not in range [U+0000; U+10ffff]", c);
  }
  return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, self->items, Py_SIZE(self));
}
METHOD(array, tounicode, "($self, /)",
       "Extends this array with data from the unicode string ustr.\n\nConvert the array to a unicode string.  The array must be a unicode type array;\n"
       "otherwise a ValueError is raised.  Use array.tobytes().decode() to obtain a\nunicode string from an array of some other type.");
Py_ssize_t size_method(Array* self) { return Py_TYPE(object(self))->tp_basicsize + self->allocated * self->kind->size; }
METHOD_AS(size_method, "__sizeof__", 0, "($self, /)", "Size of the array in memory, in bytes.");

// Machine formats, as pickles of protocol 3 name them.
struct Format {
  int size;
  bool is_signed, big;
};
constexpr Format formats[] = {{1, false, false}, {1, true, false}, {2, false, false}, {2, false, true}, {2, true, false}, {2, true, true},
                              {4, false, false}, {4, false, true}, {4, true, false}, {4, true, true}, {8, false, false}, {8, false, true},
                              {8, true, false}, {8, true, true}, {4, false, false}, {4, false, true}, {8, false, false}, {8, false, true},
                              {4, false, false}, {4, false, true}, {8, false, false}, {8, false, true}};
// 14-17 are floats, 18-19 UTF-16 (2 bytes), 20-21 UTF-32.
int format_of(const Kind& kind) {
  switch (kind.code) {
    case 'b': return 1;
    case 'B': return 0;
    case 'u': case 'w': return 20;
    case 'f': return 14;
    case 'd': return 16;
    default: return (kind.size == 2 ? 2 : kind.size == 4 ? 6 : 10) + (kind.is_signed ? 2 : 0);
  }
}
PyObject* reduce_ex(Array* self, PyObject* protocol) {
  Ref<> dict;
  TRY(PyObject_GetOptionalAttr(object(self), "__dict__"_id, dict.out()));
  PyObject* state = dict ? dict.get() : Py_None;
  PyObject* type = object(Py_TYPE(object(self)));
  const long version = PyLong_AsLong(protocol);
  if (version == -1 && PyErr_Occurred()) return nullptr;
  const char code[2] = {self->kind->code, 0};
  if (version < 3) {
    Ref<> items = TRY(steal(is_text(self) ? array_tounicode(self) : array_tolist(self)));
    if (is_text(self)) items = TRY(steal(array_tolist(self)));
    return Py_BuildValue("O(sO)O", type, code, items.get(), state);
  }
  Ref<> array_module = TRY(steal(PyImport_ImportModule("array")));
  Ref<> reconstructor = TRY(steal(PyObject_GetAttrString(array_module, "_array_reconstructor")));
  Ref<> data = TRY(steal(array_tobytes(self)));
  return Py_BuildValue("N(OsiN)O", reconstructor.release(), type, code, format_of(*self->kind), data.release(), state);
}
METHOD_AS(reduce_ex, "__reduce_ex__", 0, "($self, value, /)", "Return state information for pickling.");

PyMethodDef array_methods[] = {
    array_append_method, array_buffer_info_method, array_byteswap_method, array_clear_method, copy_method_method, array_count_method,
    deep_copy_method_method, array_extend_method, array_fromfile_method, array_fromlist_method, array_frombytes_method,
    array_fromunicode_method, index_method_method, array_insert_method, array_pop_method, reduce_ex_method, array_remove_method,
    array_reverse_method, array_tofile_method, array_tolist_method, array_tobytes_method, array_tounicode_method, size_method_method,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585"}, {}};
PyObject* get_typecode(PyObject* o, void*) {
  const char code[2] = {as<Array>(o)->kind->code, 0};
  return PyUnicode_FromString(code);
}
PyObject* get_itemsize(PyObject* o, void*) { return int_from_int64(as<Array>(o)->kind->size); }
PyGetSetDef array_properties[] = {{"typecode", get_typecode, nullptr, "the typecode character used to create the array", nullptr},
                                  {"itemsize", get_itemsize, nullptr, "the size, in bytes, of one array item", nullptr},
                                  {}};
PyObject* repr(PyObject* o) {
  auto* self = as<Array>(o);
  const char* full = Py_TYPE(o)->tp_name;
  const char* dot = strrchr(full, '.');
  const char* name = dot ? dot + 1 : full;
  if (Py_SIZE(o) == 0) return PyUnicode_FromFormat("%s('%c')", name, self->kind->code);
  Ref<> items = TRY(steal(is_text(self) ? array_tounicode(self) : array_tolist(self)));
  return PyUnicode_FromFormat("%s('%c', %R)", name, self->kind->code, items.get());
}

// ---- construction ----------------------------------------------------------------------------------------------------

PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ArrayState* state = state_of_type(type);
  if (!state) return nullptr;
  if (kwargs && PyDict_GET_SIZE(kwargs) && (type == state->array_type || type->tp_init == state->array_type->tp_init))
    return raise(PyExc_TypeError, "array.array() takes no keyword arguments");
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count < 1) return raise(PyExc_TypeError, "array() takes at least 1 argument (0 given)");
  if (count > 2) return raise(PyExc_TypeError, "array() takes at most 2 arguments (%zd given)", count);
  PyObject* code_object = PyTuple_GET_ITEM(args, 0);
  PyObject* initial = count > 1 ? PyTuple_GET_ITEM(args, 1) : nullptr;
  if (!PyUnicode_Check(code_object)) return raise(PyExc_TypeError, "array() argument 1 must be a unicode character, not %T", code_object);
  if (PyUnicode_GET_LENGTH(code_object) != 1)
    return raise(PyExc_TypeError, "array() argument 1 must be a unicode character, not a string of length %zd", PyUnicode_GET_LENGTH(code_object));
  const Py_UCS4 code = PyUnicode_READ_CHAR(code_object, 0);
  if (PySys_Audit("array.__new__", "CO", static_cast<int>(code), initial ? initial : Py_None) < 0) return nullptr;
  if (code == 'u' &&
      PyErr_WarnEx(PyExc_DeprecationWarning, "The 'u' type code is deprecated and will be removed in Python 3.16", 1) < 0)
    return nullptr;
  const bool text_code = code == 'u' || code == 'w';
  if (initial && !text_code) {
    if (PyUnicode_Check(initial))
      return raise(PyExc_TypeError, "cannot use a str to initialize an array with typecode '%c'", static_cast<int>(code));
    if (is_array(state, initial) && is_text(as<Array>(initial)))
      return raise(PyExc_TypeError, "cannot use a unicode array to initialize an array with typecode '%c'", static_cast<int>(code));
  }
  const Kind* kind = find_kind(code);
  if (!kind) return raise(PyExc_ValueError, "bad typecode (must be b, B, u, w, h, H, i, I, l, L, q, Q, f or d)");
  const bool sized = initial && (PyList_Check(initial) || PyTuple_Check(initial));
  Array* self = new_array(type, sized ? PySequence_Fast_GET_SIZE(initial) : 0, kind);
  if (!self) return nullptr;
  Ref<> owner = steal(object(self));
  if (!initial) return owner.release();
  if (sized) {
    for (Py_ssize_t i = 0; i < Py_SIZE(object(self)); ++i) {
      if (i >= PySequence_Fast_GET_SIZE(initial)) return raise(PyExc_RuntimeError, "sequence changed size during iteration");
      Ref<> item = borrow(PySequence_Fast_GET_ITEM(initial, i));
      TRY(kind->set(place(self, i), item));
    }
    return owner.release();
  }
  if (PyBytes_Check(initial)) TRY(append_bytes(self, PyBytes_AS_STRING(initial), PyBytes_GET_SIZE(initial)));
  else if (PyByteArray_Check(initial)) TRY(append_bytes(self, PyByteArray_AS_STRING(initial), PyByteArray_GET_SIZE(initial)));
  else if (PyUnicode_Check(initial)) TRY(append_text(self, initial));
  else if (is_array(state, initial) && as<Array>(initial)->kind == kind) TRY(append_array(state, self, initial));
  else if (is_array(state, initial)) {
    for (Py_ssize_t i = 0; i < Py_SIZE(initial); ++i) {
      Ref<> item = TRY(steal(get(as<Array>(initial), i)));
      TRY(insert(self, Py_SIZE(self), item));
    }
  } else TRY(extend(self, initial));
  return owner.release();
}

// ---- iterator --------------------------------------------------------------------------------------------------------

struct Iterator {
  PyObject ob_base;
  Py_ssize_t index;
  Array* array;
};
PyObject* iterate(PyObject* o) {
  ArrayState* state = state_of_type(Py_TYPE(o));
  if (!state) return nullptr;
  auto* it = PyObject_GC_New(Iterator, state->iterator_type);
  if (!it) return nullptr;
  it->index = 0;
  it->array = as<Array>(Py_NewRef(o));
  PyObject_GC_Track(it);
  return object(it);
}
PyObject* iterator_next(PyObject* o) {
  auto* it = as<Iterator>(o);
  if (!it->array) return nullptr;
  if (it->index < Py_SIZE(it->array)) return get(it->array, it->index++);
  Py_CLEAR(it->array);
  return nullptr;
}
void iterator_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  Py_XDECREF(as<Iterator>(o)->array);
  PyObject_GC_Del(o);
  Py_DECREF(type);
}
int iterator_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(as<Iterator>(o)->array);
  return 0;
}
PyObject* iterator_reduce(Iterator* it) {
  Ref<> iter;
  if (PyDict_GetItemRef(PyEval_GetBuiltins(), "iter"_id, iter.out()) <= 0) return nullptr;
  if (!it->array) return Py_BuildValue("N(())", iter.release());
  return Py_BuildValue("N(O)n", iter.release(), it->array, it->index);
}
METHOD_AS(iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Status iterator_set_state(Iterator* it, PyObject* state) {
  const Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && PyErr_Occurred()) return failed;
  if (it->array) it->index = std::clamp<Py_ssize_t>(index, 0, Py_SIZE(it->array));
  return Status::Ok;
}
METHOD_AS(iterator_set_state, "__setstate__", 0, "($self, state, /)", "Set state information for unpickling.");
PyMethodDef iterator_methods[] = {iterator_reduce_method, iterator_set_state_method, {}};
#define SLOT(ID, FUNCTION) {ID, reinterpret_cast<void*>(FUNCTION)}
PyType_Slot iterator_slots[] = {SLOT(Py_tp_dealloc, iterator_dealloc), SLOT(Py_tp_getattro, PyObject_GenericGetAttr), SLOT(Py_tp_traverse, iterator_traverse),
                                SLOT(Py_tp_iter, PyObject_SelfIter), SLOT(Py_tp_iternext, iterator_next), {Py_tp_methods, iterator_methods}, {0, nullptr}};
PyType_Spec iterator_spec = {"array.arrayiterator", sizeof(Iterator), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, iterator_slots};

PyMemberDef array_members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Array, weakrefs), Py_READONLY, nullptr}, {}};
PyType_Slot array_slots[] = {
    SLOT(Py_tp_dealloc, dealloc), SLOT(Py_tp_repr, repr), SLOT(Py_tp_getattro, PyObject_GenericGetAttr),
    {Py_tp_doc, const_cast<char*>("array(typecode [, initializer]) -> array\n\nReturn a new array whose items are restricted by typecode, and\n"
                                  "initialized from the optional initializer value, which must be a list,\nstring or iterable over elements of the appropriate type.\n\n"
                                  "Arrays represent basic values and behave very much like lists, except\nthe type of objects stored in them is constrained. The type is specified\nat object creation time by a type code, which is a single character:\n\n"
                                  "    Code  C type              Smallest size in bytes\n"
                                  "    'b'   signed integer      1\n"
                                  "    'B'   unsigned integer    1\n"
                                  "    'u'   Unicode character   2 (see note)\n"
                                  "    'w'   Unicode character   4\n"
                                  "    'h'   signed integer      2\n"
                                  "    'H'   unsigned integer    2\n"
                                  "    'i'   signed integer      2\n"
                                  "    'I'   unsigned integer    2\n"
                                  "    'l'   signed integer      4\n"
                                  "    'L'   unsigned integer    4\n"
                                  "    'q'   signed integer      8\n"
                                  "    'Q'   unsigned integer    8\n"
                                  "    'f'   floating-point      4\n"
                                  "    'd'   floating-point      8\n"
                                  "\nNOTE: the code u is deprecated: use w.\n")},
    SLOT(Py_tp_richcompare, compare), SLOT(Py_tp_iter, iterate), {Py_tp_methods, array_methods}, {Py_tp_members, array_members},
    {Py_tp_getset, array_properties}, SLOT(Py_tp_alloc, PyType_GenericAlloc), SLOT(Py_tp_new, new_slot), SLOT(Py_tp_traverse, traverse_array),
    SLOT(Py_sq_length, length), SLOT(Py_sq_concat, concatenate), SLOT(Py_sq_repeat, repeat), SLOT(Py_sq_item, item_slot),
    SLOT(Py_sq_ass_item, assign_item), SLOT(Py_sq_contains, contains), SLOT(Py_sq_inplace_concat, concatenate_in_place),
    SLOT(Py_sq_inplace_repeat, repeat_in_place), SLOT(Py_mp_length, length), SLOT(Py_mp_subscript, subscript),
    SLOT(Py_mp_ass_subscript, assign_subscript), SLOT(Py_bf_getbuffer, get_buffer), SLOT(Py_bf_releasebuffer, release_buffer), {0, nullptr}};
PyType_Spec array_spec = {"array.array", sizeof(Array), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_SEQUENCE, array_slots};

// ---- unpickling ------------------------------------------------------------------------------------------------------

PyObject* module__array_reconstructor(PyObject* m, PyObject* type_object, PyObject* typecode, int format, PyObject* items) {
  ArrayState* state = state_of(m);
  if (!PyType_Check(type_object)) return raise(PyExc_TypeError, "first argument must be a type object, not %T", type_object);
  auto* type = reinterpret_cast<PyTypeObject*>(type_object);
  if (!PyType_IsSubtype(type, state->array_type))
    return raise(PyExc_TypeError, "%.200s is not a subtype of %.200s", type->tp_name, state->array_type->tp_name);
  if (!PyUnicode_Check(typecode) || PyUnicode_GET_LENGTH(typecode) != 1)
    return raise(PyExc_TypeError, "_array_reconstructor() argument 2 must be a unicode character, not %T", typecode);
  const Kind* kind = find_kind(PyUnicode_READ_CHAR(typecode, 0));
  if (!kind) return raise(PyExc_ValueError, "second argument must be a valid type code");
  if (format < 0 || format > 21) return raise(PyExc_ValueError, "third argument must be a valid machine format code.");
  if (!PyBytes_Check(items)) return raise(PyExc_TypeError, "fourth argument should be bytes, not %T", items);
  const char* data = PyBytes_AS_STRING(items);
  const Py_ssize_t size = PyBytes_GET_SIZE(items);
  if (format == format_of(*kind)) {
    Array* self = new_array(type, 0, kind);
    if (!self) return nullptr;
    Ref<> owner = steal(object(self));
    TRY(append_bytes(self, data, size));
    return owner.release();
  }
  // Written elsewhere: values are read one by one.
  Ref<> list;
  if (format >= 18) {
    int order = format & 1 ? 1 : -1;
    list = TRY(steal(format < 20 ? PyUnicode_DecodeUTF16(data, size, "strict", &order) : PyUnicode_DecodeUTF32(data, size, "strict", &order)));
    char code[2] = {kind->code, 0};
    return PyObject_CallFunction(type_object, "sO", code, list.get());
  }
  const Format& shape = formats[format];
  if (size % shape.size) return raise(PyExc_ValueError, "string length not a multiple of item size");
  list = TRY(steal(PyList_New(size / shape.size)));
  for (Py_ssize_t i = 0; i < size / shape.size; ++i) {
    const char* at = data + i * shape.size;
    PyObject* value;
    if (format >= 14) value = PyFloat_FromDouble(shape.size == 4 ? PyFloat_Unpack4(at, !shape.big) : PyFloat_Unpack8(at, !shape.big));
    else value = _PyLong_FromByteArray(reinterpret_cast<const unsigned char*>(at), static_cast<size_t>(shape.size), !shape.big, shape.is_signed);
    PyList_SET_ITEM(list.get(), i, TRY(std::move(value)));
  }
  char code[2] = {kind->code, 0};
  // An integer type whose size is another now: one of the same signedness and that size.
  if (format < 14)
    for (const Kind& candidate : kinds)
      if (candidate.is_integer && candidate.size == shape.size && candidate.is_signed == shape.is_signed && kind->is_integer) {
        code[0] = kind->size == shape.size ? kind->code : candidate.code;
        break;
      }
  return PyObject_CallFunction(type_object, "sO", code, list.get());
}
METHOD(module, _array_reconstructor, "($module, arraytype, typecode, mformat_code, items, /)", "Internal. Used for pickling support.");
PyMethodDef methods[] = {module__array_reconstructor_method, {}};

int exec(PyObject* m) {
  ArrayState* state = state_of(m);
  state->array_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, &array_spec, nullptr));
  if (!state->array_type) return -1;
  state->iterator_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, &iterator_spec, nullptr));
  if (!state->iterator_type) return -1;
  if (PyModule_AddObjectRef(m, "ArrayType", object(state->array_type)) < 0 || PyModule_AddType(m, state->array_type) < 0) return -1;
  Ref<> mutable_sequence = TRY(steal(PyImport_ImportModule("collections.abc")));
  mutable_sequence = TRY(steal(PyObject_GetAttrString(mutable_sequence, "MutableSequence")));
  Ref<> result = TRY(steal(PyObject_CallMethod(mutable_sequence, "register", "O", state->array_type)));
  char codes[sizeof(kinds) / sizeof(kinds[0]) + 1] = {};
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) codes[i] = kinds[i].code;
  return PyModule_AddStringConstant(m, "typecodes", codes);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  if (!state_of(m)) return 0;
  Py_VISIT(state_of(m)->array_type);
  Py_VISIT(state_of(m)->iterator_type);
  return 0;
}
int clear(PyObject* m) {
  if (!state_of(m)) return 0;
  Py_CLEAR(state_of(m)->array_type);
  Py_CLEAR(state_of(m)->iterator_type);
  return 0;
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "array",
                      .m_doc = "This module defines an object type which can efficiently represent\nan array of basic values: characters, integers, floating-point\n"
                               "numbers.  Arrays are sequence types and behave very much like lists,\nexcept that the type of objects stored in them is constrained.\n",
                      .m_size = sizeof(ArrayState), .m_methods = methods, .m_slots = slots, .m_traverse = traverse, .m_clear = clear,
                      .m_free = [](void* m) { clear(static_cast<PyObject*>(m)); }};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_array(void) { return PyModuleDef_Init(&ks::module); }
