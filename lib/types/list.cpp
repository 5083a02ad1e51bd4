// list: a growing array. ob_item has room for `allocated` items; during a sort ob_item is nullptr and allocated -1.
//
// Dropping an item can run Python code that changes the list: items leave the array before their reference is dropped.
#include "types/list.h"

#include <algorithm>
#include <cstring>

#include "object/export.h"
#include "object/method.h"
#include "types/container_support.h"
#include "types/tuple.h"

namespace ks {

static PyListObject* as_list(PyObject* op) { return reinterpret_cast<PyListObject*>(op); }

// ---- memory ----------------------------------------------------------------------------------------------------------------

Status list_resize(PyListObject* list, Py_ssize_t size) {
  const Py_ssize_t allocated = list->allocated;
  // Small arrays are not given back in part.
  if (allocated >= size && (size >= (allocated >> 1) || allocated <= 32)) {
    Py_SET_SIZE(list, size);
    return Status::Ok;
  }
  // The growth pattern is the reference's: 0, 4, 8, 16, 24, 32, 40, 52, 64, 76, ...
  size_t room = (static_cast<size_t>(size) + (static_cast<size_t>(size) >> 3) + 6) & ~size_t{3};
  if (size - Py_SIZE(list) > static_cast<Py_ssize_t>(room - static_cast<size_t>(size)))
    room = (static_cast<size_t>(size) + 3) & ~size_t{3};
  if (size == 0) {
    PyMem_Free(list->ob_item);
    list->ob_item = nullptr;
    list->allocated = 0;
    Py_SET_SIZE(list, 0);
    return Status::Ok;
  }
  PyObject** items = nullptr;
  if (room <= static_cast<size_t>(PY_SSIZE_T_MAX) / sizeof(PyObject*))
    items = static_cast<PyObject**>(PyMem_Realloc(list->ob_item, room * sizeof(PyObject*)));
  if (!items) {
    PyErr_NoMemory();
    return failed;
  }
  list->ob_item = items;
  list->allocated = static_cast<Py_ssize_t>(room);
  Py_SET_SIZE(list, size);
  return Status::Ok;
}
// The first array of an empty list, without over-allocation.
static Status preallocate(PyListObject* list, Py_ssize_t room) {
  room = (room + 1) & ~Py_ssize_t{1};
  auto* items = room > PY_SSIZE_T_MAX / 8 ? nullptr : static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(room) * sizeof(PyObject*)));
  if (!items) {
    PyErr_NoMemory();
    return failed;
  }
  list->ob_item = items;
  list->allocated = room;
  return Status::Ok;
}

static PyListObject* list_head() {
  if (void* block = container_state().lists.take()) return revive<PyListObject>(block, &PyList_Type);
  return allocate_gc<PyListObject>(&PyList_Type);
}
// Untracked, not initialised items.
static PyListObject* list_allocate(Py_ssize_t size) {
  PyListObject* list = list_head();
  if (!list) return nullptr;
  list->ob_item = nullptr;
  if (size > 0) {
    if (static_cast<size_t>(size) <= static_cast<size_t>(PY_SSIZE_T_MAX) / sizeof(PyObject*))
      list->ob_item = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(size) * sizeof(PyObject*)));
    if (!list->ob_item) {
      PyObject_GC_Del(list);
      PyErr_NoMemory();
      return nullptr;
    }
  }
  Py_SET_SIZE(list, size);
  list->allocated = size;
  return list;
}
PyObject* list_new(Py_ssize_t size) {
  PyListObject* list = list_allocate(size);
  if (!list) return nullptr;
  if (size) std::memset(list->ob_item, 0, static_cast<size_t>(size) * sizeof(PyObject*));
  track(list);
  return object(list);
}
PyObject* list_from_array(PyObject* const* items, Py_ssize_t size) {
  PyListObject* list = list_allocate(size);
  if (!list) return nullptr;
  for (Py_ssize_t i = 0; i < size; ++i) list->ob_item[i] = Py_NewRef(items[i]);
  track(list);
  return object(list);
}
PyObject* list_from_array_taking(PyObject* const* items, Py_ssize_t size) {
  PyListObject* list = list_allocate(size);
  if (!list) {
    for (Py_ssize_t i = 0; i < size; ++i) Py_DECREF(items[i]);
    return nullptr;
  }
  if (size) std::memcpy(list->ob_item, items, static_cast<size_t>(size) * sizeof(PyObject*));
  track(list);
  return object(list);
}

static void list_empty(PyListObject* list) {
  PyObject** items = list->ob_item;
  if (!items) return;
  Py_ssize_t size = Py_SIZE(list);
  Py_SET_SIZE(list, 0);
  list->ob_item = nullptr;
  list->allocated = 0;
  while (--size >= 0) Py_XDECREF(items[size]);
  PyMem_Free(items);
}
static void list_dealloc(PyObject* self) {
  untrack(self);
  auto* list = as_list(self);
  if (list->ob_item) {
    for (Py_ssize_t i = Py_SIZE(list); --i >= 0;) Py_XDECREF(list->ob_item[i]);
    PyMem_Free(list->ob_item);
    list->ob_item = nullptr;
  }
  if (PyList_CheckExact(self) && container_state().lists.give(self, 80)) return;
  Py_TYPE(self)->tp_free(self);
}
static int list_traverse(PyObject* self, visitproc visit, void* arg) {
  for (Py_ssize_t i = Py_SIZE(self); --i >= 0;) Py_VISIT(as_list(self)->ob_item[i]);
  return 0;
}
static int list_tp_clear(PyObject* self) {
  list_empty(as_list(self));
  return 0;
}

// ---- slices and changes -------------------------------------------------------------------------------------------------------

PyObject* list_slice(PyListObject* list, Py_ssize_t low, Py_ssize_t high) {
  return high <= low ? list_new(0) : list_from_array(list->ob_item + low, high - low);
}

// list[low:high] = values; nullptr deletes.
Status list_assign_slice(PyListObject* list, Py_ssize_t low, Py_ssize_t high, PyObject* values) {
  Ref<> fast;
  if (values) {
    if (values == object(list)) {
      Ref<> copy = TRY(steal(list_slice(list, 0, Py_SIZE(list))));
      return list_assign_slice(list, low, high, copy);
    }
    fast = TRY(steal(PySequence_Fast(values, "must assign iterable to extended slice")));
  }
  const Py_ssize_t count = fast ? PySequence_Fast_GET_SIZE(fast.get()) : 0;
  const Py_ssize_t size = Py_SIZE(list);
  low = std::clamp<Py_ssize_t>(low, 0, size);
  high = std::clamp<Py_ssize_t>(high, low, size);
  const Py_ssize_t removed = high - low;
  const Py_ssize_t change = count - removed;
  if (size + change == 0) {
    list_empty(list);
    return Status::Ok;
  }
  // The removed items die when the list is whole again.
  PyObject* few[8];
  PyObject** dead = few;
  if (removed > 8) {
    dead = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(removed) * sizeof(PyObject*)));
    if (!dead) {
      PyErr_NoMemory();
      return failed;
    }
  }
  if (removed) std::memcpy(dead, list->ob_item + low, static_cast<size_t>(removed) * sizeof(PyObject*));
  Status result = Status::Ok;
  const size_t tail = static_cast<size_t>(size - high) * sizeof(PyObject*);
  if (change < 0) {
    std::memmove(list->ob_item + high + change, list->ob_item + high, tail);
    // Shrinking can fail only to give memory back.
    if (list_resize(list, size + change) == Status::Error) {
      PyErr_Clear();
      Py_SET_SIZE(list, size + change);
    }
  } else if (change > 0) {
    result = list_resize(list, size + change);
    if (result == Status::Ok) std::memmove(list->ob_item + high + change, list->ob_item + high, tail);
  }
  if (result == Status::Ok) {
    for (Py_ssize_t i = 0; i < count; ++i) list->ob_item[low + i] = Py_NewRef(PySequence_Fast_GET_ITEM(fast.get(), i));
    for (Py_ssize_t i = removed; --i >= 0;) Py_XDECREF(dead[i]);
  }
  if (dead != few) PyMem_Free(dead);
  return result;
}

static Status extend_from_array(PyListObject* list, PyObject* source, Py_ssize_t count) {
  if (count == 0) return Status::Ok;
  const Py_ssize_t size = Py_SIZE(list);
  if (!list->ob_item) {
    TRY(preallocate(list, count));
    Py_SET_SIZE(list, count);
  } else {
    TRY(list_resize(list, size + count));
  }
  PyObject** items = PySequence_Fast_ITEMS(source);  // read here: `source` may be the list itself
  for (Py_ssize_t i = 0; i < count; ++i) list->ob_item[size + i] = Py_NewRef(items[i]);
  return Status::Ok;
}
static Status extend_from_iterator(PyListObject* list, PyObject* iterable) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  iternextfunc next = Py_TYPE(iterator.get())->tp_iternext;
  const Py_ssize_t hint = PyObject_LengthHint(iterable, 8);
  if (hint < 0) return failed;
  const Py_ssize_t size = Py_SIZE(list);
  if (size <= PY_SSIZE_T_MAX - hint) {
    if (!list->ob_item && hint) {
      TRY(preallocate(list, hint));
    } else if (hint && size + hint > list->allocated) {
      TRY(list_resize(list, size + hint));
      Py_SET_SIZE(list, size);
    }
  }
  while (true) {
    PyObject* item = next(iterator);
    if (!item) {
      if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return failed;
        PyErr_Clear();
      }
      break;
    }
    TRY(list_append_taking(list, item));
  }
  if (Py_SIZE(list) < list->allocated) TRY(list_resize(list, Py_SIZE(list)));
  return Status::Ok;
}
Status list_extend(PyListObject* list, PyObject* iterable) {
  if (PyList_CheckExact(iterable) || PyTuple_CheckExact(iterable))
    return extend_from_array(list, iterable, Py_SIZE(iterable));
  if (PyDict_CheckExact(iterable)) {
    Ref<> keys = TRY(steal(PyDict_Keys(iterable)));
    return extend_from_array(list, keys, Py_SIZE(keys.get()));
  }
  return extend_from_iterator(list, iterable);
}

static Status list_insert_at(PyListObject* list, Py_ssize_t index, PyObject* item) {
  const Py_ssize_t size = Py_SIZE(list);
  if (size == PY_SSIZE_T_MAX) return raise(PyExc_OverflowError, "cannot add more objects to list");
  TRY(list_resize(list, size + 1));
  if (index < 0) index = index + size < 0 ? 0 : index + size;
  if (index > size) index = size;
  PyObject** items = list->ob_item;
  std::memmove(items + index + 1, items + index, static_cast<size_t>(size - index) * sizeof(PyObject*));
  items[index] = Py_NewRef(item);
  return Status::Ok;
}
static Status list_insert(PyListObject* self, Py_ssize_t index, PyObject* item) { return list_insert_at(self, index, item); }
METHOD(list, insert, "($self, index, object, /)", "Insert object before index.");
METHOD(list, append, "($self, object, /)", "Append object to the end of the list.");
METHOD(list, extend, "($self, iterable, /)", "Extend list by appending elements from the iterable.");
static void list_clear(PyListObject* self) { list_empty(self); }
METHOD(list, clear, "($self, /)", "Remove all items from list.");
static PyObject* list_copy(PyListObject* self) { return list_slice(self, 0, Py_SIZE(self)); }
METHOD(list, copy, "($self, /)", "Return a shallow copy of the list.");

static PyObject* list_pop_at(PyListObject* list, Py_ssize_t index) {
  const Py_ssize_t size = Py_SIZE(list);
  if (size == 0) return raise(PyExc_IndexError, "pop from empty list");
  if (index < 0) index += size;
  if (index < 0 || index >= size) return raise(PyExc_IndexError, "pop index out of range");
  PyObject** items = list->ob_item;
  PyObject* item = items[index];
  if (size == 1) {
    Py_SET_SIZE(list, 0);
    list_empty(list);
    return item;
  }
  if (index < size - 1) std::memmove(items + index, items + index + 1, static_cast<size_t>(size - 1 - index) * sizeof(PyObject*));
  if (list_resize(list, size - 1) == Status::Error) {
    PyErr_Clear();
    Py_SET_SIZE(list, size - 1);
  }
  return item;
}
static PyObject* list_pop(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  Py_ssize_t index = -1;
  if (nargs != 0) {
    if (!check_positional("pop", nargs, 0, 1)) return nullptr;
    index = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
    if (index == -1 && PyErr_Occurred()) {
      if (PyErr_ExceptionMatches(PyExc_OverflowError))
        PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C ssize_t");
      return nullptr;
    }
  }
  return list_pop_at(as_list(self), index);
}

void list_reverse_range(PyObject** low, PyObject** high) {
  for (--high; low < high; ++low, --high) std::swap(*low, *high);
}
static void list_reverse(PyListObject* self) {
  if (Py_SIZE(self) > 1) list_reverse_range(self->ob_item, self->ob_item + Py_SIZE(self));
}
METHOD(list, reverse, "($self, /)", "Reverse *IN PLACE*.");
METHOD(list, sort, "($self, /, *, key=None, reverse=False)",
       "Sort the list in ascending order and return None.\n\n"
       "The sort is in-place (i.e. the list itself is modified) and stable (i.e. the\n"
       "order of two equal elements is maintained).\n\n"
       "If a key function is given, apply it once to each list item and sort them,\n"
       "ascending or descending, according to their function values.\n\n"
       "The reverse flag can be set to sort in descending order.");

// ---- search -------------------------------------------------------------------------------------------------------------------

static int item_equals(PyListObject* list, Py_ssize_t i, PyObject* value) {
  PyObject* item = list->ob_item[i];
  if (item == value) return 1;
  Ref<> held = borrow(item);
  return PyObject_RichCompareBool(held, value, Py_EQ);
}
static int list_contains(PyObject* self, PyObject* value) {
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    const int equal = item_equals(as_list(self), i, value);
    if (equal) return equal;
  }
  return 0;
}
static Py_ssize_t list_index(PyListObject* self, PyObject* value, Index start, Index stop) {
  if (start.value < 0) start.value = start.value + Py_SIZE(self) < 0 ? 0 : start.value + Py_SIZE(self);
  if (stop.value < 0) stop.value = stop.value + Py_SIZE(self) < 0 ? 0 : stop.value + Py_SIZE(self);
  for (Py_ssize_t i = start.value; i < stop.value && i < Py_SIZE(self); ++i) {
    const int equal = item_equals(self, i, value);
    if (equal < 0) return -1;
    if (equal) return i;
  }
  return raise(PyExc_ValueError, "list.index(x): x not in list");
}
METHOD(list, index, "($self, value, start=0, stop=sys.maxsize, /)",
       "Return first index of value.\n\nRaises ValueError if the value is not present.");
static Py_ssize_t list_count(PyListObject* self, PyObject* value) {
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    const int equal = item_equals(self, i, value);
    if (equal < 0) return -1;
    count += equal;
  }
  return count;
}
METHOD(list, count, "($self, value, /)", "Return number of occurrences of value.");
static Status list_remove(PyListObject* self, PyObject* value) {
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    const int equal = item_equals(self, i, value);
    if (equal < 0) return failed;
    if (equal) return list_assign_slice(self, i, i + 1, nullptr);
  }
  return raise(PyExc_ValueError, "list.remove(x): x not in list");
}
METHOD(list, remove, "($self, value, /)",
       "Remove first occurrence of value.\n\nRaises ValueError if the value is not present.");

// ---- subscripts -----------------------------------------------------------------------------------------------------------------

static Py_ssize_t list_length(PyObject* self) { return Py_SIZE(self); }
static PyObject* list_item(PyObject* self, Py_ssize_t index) {
  if (static_cast<size_t>(index) >= static_cast<size_t>(Py_SIZE(self)))
    return raise(PyExc_IndexError, "list index out of range");
  return Py_NewRef(as_list(self)->ob_item[index]);
}
static int list_assign_item(PyObject* self, Py_ssize_t index, PyObject* value) {
  auto* list = as_list(self);
  if (static_cast<size_t>(index) >= static_cast<size_t>(Py_SIZE(self)))
    return raise(PyExc_IndexError, "list assignment index out of range");
  if (!value) {
    Ref<> dead = steal(list->ob_item[index]);
    std::memmove(list->ob_item + index, list->ob_item + index + 1,
                 static_cast<size_t>(Py_SIZE(list) - index - 1) * sizeof(PyObject*));
    return to_c(list_resize(list, Py_SIZE(list) - 1));
  }
  PyObject* old = list->ob_item[index];
  list->ob_item[index] = Py_NewRef(value);
  Py_DECREF(old);
  return 0;
}
static PyObject* slice_of(PyListObject* list, PyObject* slice) {
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(slice, &start, &stop, &step) < 0) return nullptr;
  const Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(list), &start, &stop, step);
  if (count <= 0) return list_new(0);
  if (step == 1) return list_slice(list, start, start + count);
  PyListObject* result = list_allocate(count);
  if (!result) return nullptr;
  for (Py_ssize_t i = 0, from = start; i < count; ++i, from += step) result->ob_item[i] = Py_NewRef(list->ob_item[from]);
  track(result);
  return object(result);
}
static PyObject* list_subscript(PyObject* self, PyObject* key) {
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    if (index < 0) index += Py_SIZE(self);
    return list_item(self, index);
  }
  if (PySlice_Check(key)) return slice_of(as_list(self), key);
  return raise(PyExc_TypeError, "list indices must be integers or slices, not %.200s", Py_TYPE(key)->tp_name);
}
// del list[start:stop:step] with a step that is not 1.
static Status delete_strided(PyListObject* list, Py_ssize_t start, Py_ssize_t step, Py_ssize_t count) {
  if (count <= 0) return Status::Ok;
  if (step < 0) {
    start = start + step * (count - 1);
    step = -step;
  }
  auto* dead = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(count) * sizeof(PyObject*)));
  if (!dead) {
    PyErr_NoMemory();
    return failed;
  }
  PyObject** items = list->ob_item;
  const Py_ssize_t size = Py_SIZE(list);
  Py_ssize_t from = start;
  for (Py_ssize_t i = 0; i < count; ++i, from += step) {
    dead[i] = items[from];
    // What lies between this item and the next one moves down by i + 1.
    const Py_ssize_t next = i == count - 1 ? size : std::min(from + step, size);
    std::memmove(items + from - i, items + from + 1, static_cast<size_t>(next - from - 1) * sizeof(PyObject*));
  }
  const Status result = list_resize(list, size - count);
  for (Py_ssize_t i = 0; i < count; ++i) Py_DECREF(dead[i]);
  PyMem_Free(dead);
  return result;
}
static Status assign_strided(PyListObject* list, PyObject* slice, PyObject* value) {
  Py_ssize_t given_start, given_stop, step;
  if (PySlice_Unpack(slice, &given_start, &given_stop, &step) < 0) return failed;
  Py_ssize_t start = given_start, stop = given_stop;
  Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(list), &start, &stop, step);
  if (step == 1) return list_assign_slice(list, start, stop, value);
  if (!value) return delete_strided(list, start, step, count);
  Ref<> fast = TRY(steal(value == object(list) ? list_slice(list, 0, Py_SIZE(list))
                                               : PySequence_Fast(value, "must assign iterable to extended slice")));
  // Reading the values can have changed the list.
  start = given_start;
  stop = given_stop;
  count = PySlice_AdjustIndices(Py_SIZE(list), &start, &stop, step);
  if (PySequence_Fast_GET_SIZE(fast.get()) != count)
    return raise(PyExc_ValueError, "attempt to assign sequence of size %zd to extended slice of size %zd",
                 PySequence_Fast_GET_SIZE(fast.get()), count);
  if (count == 0) return Status::Ok;
  auto* dead = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(count) * sizeof(PyObject*)));
  if (!dead) {
    PyErr_NoMemory();
    return failed;
  }
  PyObject** items = list->ob_item;
  for (Py_ssize_t i = 0, to = start; i < count; ++i, to += step) {
    dead[i] = items[to];
    items[to] = Py_NewRef(PySequence_Fast_GET_ITEM(fast.get(), i));
  }
  for (Py_ssize_t i = 0; i < count; ++i) Py_DECREF(dead[i]);
  PyMem_Free(dead);
  return Status::Ok;
}
static int list_assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  if (PyIndex_Check(key)) {
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (index < 0) index += Py_SIZE(self);
    return list_assign_item(self, index, value);
  }
  if (PySlice_Check(key)) {
    if (value && Py_TYPE(value)->tp_iter == nullptr && !PySequence_Check(value))
      return raise(PyExc_TypeError, "must assign iterable to extended slice");
    return to_c(assign_strided(as_list(self), key, value));
  }
  return raise(PyExc_TypeError, "list indices must be integers or slices, not %.200s", Py_TYPE(key)->tp_name);
}

// ---- operators ------------------------------------------------------------------------------------------------------------------

static PyObject* list_concat(PyObject* self, PyObject* other) {
  if (!PyList_Check(other))
    return raise(PyExc_TypeError, "can only concatenate list (not \"%.200s\") to list", Py_TYPE(other)->tp_name);
  const Py_ssize_t left = Py_SIZE(self), right = Py_SIZE(other);
  if (left > PY_SSIZE_T_MAX - right) return PyErr_NoMemory();
  PyListObject* result = list_allocate(left + right);
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < left; ++i) result->ob_item[i] = Py_NewRef(as_list(self)->ob_item[i]);
  for (Py_ssize_t i = 0; i < right; ++i) result->ob_item[left + i] = Py_NewRef(as_list(other)->ob_item[i]);
  track(result);
  return object(result);
}
static PyObject* list_repeat(PyObject* self, Py_ssize_t n) {
  const Py_ssize_t size = Py_SIZE(self);
  if (n <= 0 || size == 0) return list_new(0);
  if (n > PY_SSIZE_T_MAX / size) return PyErr_NoMemory();
  PyListObject* result = list_allocate(size * n);
  if (!result) return nullptr;
  PyObject** to = result->ob_item;
  if (size == 1) {
    PyObject* item = as_list(self)->ob_item[0];
    for (Py_ssize_t i = 0; i < n; ++i) *to++ = Py_NewRef(item);
  } else {
    for (Py_ssize_t round = 0; round < n; ++round)
      for (Py_ssize_t i = 0; i < size; ++i) *to++ = Py_NewRef(as_list(self)->ob_item[i]);
  }
  track(result);
  return object(result);
}
static PyObject* list_inplace_concat(PyObject* self, PyObject* other) {
  if (list_extend(as_list(self), other) == Status::Error) return nullptr;
  return Py_NewRef(self);
}
static PyObject* list_inplace_repeat(PyObject* self, Py_ssize_t n) {
  auto* list = as_list(self);
  const Py_ssize_t size = Py_SIZE(list);
  if (size == 0 || n == 1) return Py_NewRef(self);
  if (n < 1) {
    list_empty(list);
    return Py_NewRef(self);
  }
  if (size > PY_SSIZE_T_MAX / n) return PyErr_NoMemory();
  if (list_resize(list, size * n) == Status::Error) return nullptr;
  PyObject** items = list->ob_item;
  for (Py_ssize_t i = size; i < size * n; ++i) items[i] = Py_NewRef(items[i - size]);
  return Py_NewRef(self);
}

static PyObject* list_repr(PyObject* self) {
  if (Py_SIZE(self) == 0) return PyUnicode_FromString("[]");
  const int entered = Py_ReprEnter(self);
  if (entered != 0) return entered > 0 ? PyUnicode_FromString("[...]") : nullptr;
  PyUnicodeWriter* writer = PyUnicodeWriter_Create(Py_SIZE(self) * 3);
  int error = writer ? PyUnicodeWriter_WriteChar(writer, '[') : -1;
  for (Py_ssize_t i = 0; !error && i < Py_SIZE(self); ++i) {
    if (i > 0) error = PyUnicodeWriter_WriteChar(writer, ',') || PyUnicodeWriter_WriteChar(writer, ' ');
    if (error) break;
    Ref<> item = borrow(as_list(self)->ob_item[i]);
    error = PyUnicodeWriter_WriteRepr(writer, item);
  }
  if (!error) error = PyUnicodeWriter_WriteChar(writer, ']');
  Py_ReprLeave(self);
  if (!error) return PyUnicodeWriter_Finish(writer);
  if (writer) PyUnicodeWriter_Discard(writer);
  return nullptr;
}

static PyObject* list_richcompare(PyObject* self, PyObject* other, int op) {
  if (!PyList_Check(self) || !PyList_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  auto *left = as_list(self), *right = as_list(other);
  if (Py_SIZE(left) != Py_SIZE(right) && (op == Py_EQ || op == Py_NE)) return Py_NewRef(op == Py_EQ ? Py_False : Py_True);
  Py_ssize_t i = 0;
  for (; i < Py_SIZE(left) && i < Py_SIZE(right); ++i) {
    PyObject *a = left->ob_item[i], *b = right->ob_item[i];
    if (a == b) continue;
    Ref<> hold_a = borrow(a), hold_b = borrow(b);
    const int equal = PyObject_RichCompareBool(a, b, Py_EQ);
    if (equal < 0) return nullptr;
    if (!equal) break;
  }
  // The comparison may have changed the lists.
  if (i >= Py_SIZE(left) || i >= Py_SIZE(right)) Py_RETURN_RICHCOMPARE(Py_SIZE(left), Py_SIZE(right), op);
  if (op == Py_EQ) Py_RETURN_FALSE;
  if (op == Py_NE) Py_RETURN_TRUE;
  Ref<> a = borrow(left->ob_item[i]), b = borrow(right->ob_item[i]);
  return PyObject_RichCompare(a, b, op);
}

// ---- creation --------------------------------------------------------------------------------------------------------------------

static int list_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if ((Py_IS_TYPE(self, &PyList_Type) || Py_TYPE(self)->tp_new == PyList_Type.tp_new) && !check_no_keywords("list", kwargs))
    return -1;
  if (!check_positional("list", PyTuple_GET_SIZE(args), 0, 1)) return -1;
  list_empty(as_list(self));
  return PyTuple_GET_SIZE(args) ? to_c(list_extend(as_list(self), PyTuple_GET_ITEM(args, 0))) : 0;
}
static PyObject* list_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (!check_no_keyword_names("list", kwnames) || !check_positional("list", nargs, 0, 1)) return nullptr;
  Ref<> list = steal(type == object(&PyList_Type) ? list_new(0) : PyType_GenericAlloc(as<PyTypeObject>(type), 0));
  if (!list) return nullptr;
  if (nargs && list_extend(as_list(list), args[0]) == Status::Error) return nullptr;
  return list.release();
}
static Py_ssize_t list_sizeof(PyListObject* self) {
  return Py_TYPE(self)->tp_basicsize + self->allocated * static_cast<Py_ssize_t>(sizeof(PyObject*));
}
METHOD_AS(list_sizeof, "__sizeof__", 0, "($self, /)", "Return the size of the list in memory, in bytes.");

// ---- iterators ---------------------------------------------------------------------------------------------------------------------

static PyObject* iterator_over(PyObject* list, PyTypeObject* type, Py_ssize_t index) {
  void* block = container_state().list_iterators.take();
  ListIterator* iterator = block ? revive<ListIterator>(block, type) : allocate_gc<ListIterator>(type);
  if (!iterator) return nullptr;
  iterator->index = index;
  iterator->list = as_list(Py_NewRef(list));
  track(iterator);
  return object(iterator);
}
static PyObject* list_iter(PyObject* self) { return iterator_over(self, &PyListIter_Type, 0); }
static PyObject* list_reversed(PyObject* self) { return iterator_over(self, &PyListRevIter_Type, Py_SIZE(self) - 1); }
METHOD_AS(list_reversed, "__reversed__", 0, "($self, /)", "Return a reverse iterator over the list.");
static void list_iterator_dealloc(PyObject* self) {
  untrack(self);
  Py_XDECREF(as<ListIterator>(self)->list);
  if (!container_state().list_iterators.give(self, 10)) PyObject_GC_Del(self);
}
static int list_iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<ListIterator>(self)->list);
  return 0;
}
static PyObject* list_iterator_next(PyObject* self) {
  auto* iterator = as<ListIterator>(self);
  PyListObject* list = iterator->list;
  if (!list) return nullptr;
  if (iterator->index < Py_SIZE(list)) return Py_NewRef(list->ob_item[iterator->index++]);
  iterator->list = nullptr;
  Py_DECREF(list);
  return nullptr;
}
static PyObject* list_reverse_iterator_next(PyObject* self) {
  auto* iterator = as<ListIterator>(self);
  PyListObject* list = iterator->list;
  if (!list) return nullptr;
  const Py_ssize_t index = iterator->index;
  if (index >= 0 && index < Py_SIZE(list)) {
    --iterator->index;
    return Py_NewRef(list->ob_item[index]);
  }
  iterator->index = -1;
  iterator->list = nullptr;
  Py_DECREF(list);
  return nullptr;
}
static Py_ssize_t list_iterator_length_hint(ListIterator* self) {
  if (!self->list) return 0;
  const Py_ssize_t length = Py_SIZE(self->list) - self->index;
  return length < 0 ? 0 : length;
}
METHOD_AS(list_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
static Py_ssize_t list_reverse_iterator_length_hint(ListIterator* self) {
  const Py_ssize_t length = self->index + 1;
  return !self->list || Py_SIZE(self->list) < length ? 0 : length;
}
METHOD_AS(list_reverse_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
static PyObject* reduce_iterator(ListIterator* self, PyObject* function_name) {
  Ref<> function = builtin(function_name);
  if (!function) return nullptr;
  if (self->list) return Py_BuildValue("O(O)n", function.get(), self->list, self->index);
  Ref<> empty = steal(list_new(0));
  return function && empty ? Py_BuildValue("O(O)", function.get(), empty.get()) : nullptr;
}
static PyObject* list_iterator_reduce(ListIterator* self) { return reduce_iterator(self, "iter"_id); }
METHOD_AS(list_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
static PyObject* list_reverse_iterator_reduce(ListIterator* self) { return reduce_iterator(self, "reversed"_id); }
METHOD_AS(list_reverse_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
static Status list_iterator_setstate(ListIterator* self, PyObject* state) {
  Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && PyErr_Occurred()) return failed;
  if (self->list) self->index = std::clamp<Py_ssize_t>(index, 0, Py_SIZE(self->list));
  return Status::Ok;
}
METHOD_AS(list_iterator_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");
static Status list_reverse_iterator_setstate(ListIterator* self, PyObject* state) {
  Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && PyErr_Occurred()) return failed;
  if (self->list) self->index = std::clamp<Py_ssize_t>(index, -1, Py_SIZE(self->list) - 1);
  return Status::Ok;
}
METHOD_AS(list_reverse_iterator_setstate, "__setstate__", 0, "($self, object, /)", "Set state information for unpickling.");

static PyMethodDef list_iterator_methods[] = {list_iterator_length_hint_method, list_iterator_reduce_method,
                                              list_iterator_setstate_method, {}};
static PyMethodDef list_reverse_iterator_methods[] = {list_reverse_iterator_length_hint_method,
                                                      list_reverse_iterator_reduce_method,
                                                      list_reverse_iterator_setstate_method, {}};
static PyMethodDef list_methods[] = {
    {"__getitem__", list_subscript, METH_O | METH_COEXIST, "__getitem__($self, index, /)\n--\n\nReturn self[index]."},
    list_reversed_method,
    list_sizeof_method,
    list_clear_method,
    list_copy_method,
    list_append_method,
    list_insert_method,
    list_extend_method,
    {"pop", KS_CONSTANT_CAST(PyCFunction, list_pop), METH_FASTCALL,
     "pop($self, index=-1, /)\n--\n\nRemove and return item at index (default last).\n\n"
     "Raises IndexError if list is empty or index is out of range."},
    list_remove_method,
    list_index_method,
    list_count_method,
    list_reverse_method,
    list_sort_method,
    KS_CLASS_GETITEM,
    {}};
static PySequenceMethods list_as_sequence = {.sq_length = list_length,
                                             .sq_concat = list_concat,
                                             .sq_repeat = list_repeat,
                                             .sq_item = list_item,
                                             .sq_ass_item = list_assign_item,
                                             .sq_contains = list_contains,
                                             .sq_inplace_concat = list_inplace_concat,
                                             .sq_inplace_repeat = list_inplace_repeat};
static PyMappingMethods list_as_mapping = {
    .mp_length = list_length, .mp_subscript = list_subscript, .mp_ass_subscript = list_assign_subscript};

static bool is_list(PyObject* op) {
  if (op && PyList_Check(op)) return true;
  PyErr_BadInternalCall();
  return false;
}

}  // namespace ks

using namespace ks;

PyTypeObject PyList_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "list",
    .tp_basicsize = sizeof(PyListObject),
    .tp_dealloc = list_dealloc,
    .tp_repr = list_repr,
    .tp_as_sequence = &list_as_sequence,
    .tp_as_mapping = &list_as_mapping,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_LIST_SUBCLASS |
                _Py_TPFLAGS_MATCH_SELF | Py_TPFLAGS_SEQUENCE,
    .tp_doc = "list(iterable=(), /)\n--\n\nBuilt-in mutable sequence.\n\n"
              "If no argument is given, the constructor creates a new empty list.\n"
              "The argument must be an iterable if specified.",
    .tp_traverse = list_traverse,
    .tp_clear = list_tp_clear,
    .tp_richcompare = list_richcompare,
    .tp_iter = list_iter,
    .tp_methods = list_methods,
    .tp_init = list_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = PyType_GenericNew,
    .tp_free = PyObject_GC_Del,
    .tp_vectorcall = list_vectorcall,
};
PyTypeObject PyListIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "list_iterator",
    .tp_basicsize = sizeof(ListIterator),
    .tp_dealloc = list_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = list_iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = list_iterator_next,
    .tp_methods = list_iterator_methods,
};
PyTypeObject PyListRevIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "list_reverseiterator",
    .tp_basicsize = sizeof(ListIterator),
    .tp_dealloc = list_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = list_iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = list_reverse_iterator_next,
    .tp_methods = list_reverse_iterator_methods,
};

// ---- exports -----------------------------------------------------------------------------------------------------------------------

// New reference; items are nullptr until set.
PyObject* PyList_New(Py_ssize_t size) {
  if (size < 0) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return list_new(size);
}
Py_ssize_t PyList_Size(PyObject* op) { return is_list(op) ? Py_SIZE(op) : -1; }
// Borrowed.
PyObject* PyList_GetItem(PyObject* op, Py_ssize_t index) {
  if (!is_list(op)) return nullptr;
  if (static_cast<size_t>(index) >= static_cast<size_t>(Py_SIZE(op))) return raise(PyExc_IndexError, "list index out of range");
  return as_list(op)->ob_item[index];
}
// New reference.
PyObject* PyList_GetItemRef(PyObject* op, Py_ssize_t index) {
  if (!PyList_Check(op)) return raise(PyExc_TypeError, "expected a list");
  return list_item(op, index);
}
// Takes the item over, also on failure.
int PyList_SetItem(PyObject* op, Py_ssize_t index, PyObject* item) {
  if (!op || !PyList_Check(op)) {
    Py_XDECREF(item);
    PyErr_BadInternalCall();
    return -1;
  }
  if (static_cast<size_t>(index) >= static_cast<size_t>(Py_SIZE(op))) {
    Py_XDECREF(item);
    return raise(PyExc_IndexError, "list assignment index out of range");
  }
  Py_XSETREF(as_list(op)->ob_item[index], item);
  return 0;
}
int PyList_Insert(PyObject* op, Py_ssize_t index, PyObject* item) {
  if (!is_list(op)) return -1;
  if (!item) {
    PyErr_BadInternalCall();
    return -1;
  }
  return to_c(list_insert_at(as_list(op), index, item));
}
int PyList_Append(PyObject* op, PyObject* item) {
  if (op && item && PyList_Check(op)) return to_c(list_append(as_list(op), item));
  PyErr_BadInternalCall();
  return -1;
}
// New reference.
PyObject* PyList_GetSlice(PyObject* op, Py_ssize_t low, Py_ssize_t high) {
  if (!is_list(op)) return nullptr;
  low = std::clamp<Py_ssize_t>(low, 0, Py_SIZE(op));
  high = std::clamp<Py_ssize_t>(high, low, Py_SIZE(op));
  return list_slice(as_list(op), low, high);
}
int PyList_SetSlice(PyObject* op, Py_ssize_t low, Py_ssize_t high, PyObject* values) {
  return is_list(op) ? to_c(list_assign_slice(as_list(op), low, high, values)) : -1;
}
int PyList_Extend(PyObject* op, PyObject* iterable) { return is_list(op) ? to_c(list_extend(as_list(op), iterable)) : -1; }
int PyList_Clear(PyObject* op) {
  if (!is_list(op)) return -1;
  list_empty(as_list(op));
  return 0;
}
int PyList_Sort(PyObject* op) { return is_list(op) ? to_c(list_sort(as_list(op), nullptr, false)) : -1; }
int PyList_Reverse(PyObject* op) {
  if (!is_list(op)) return -1;
  list_reverse(as_list(op));
  return 0;
}
// New reference.
PyObject* PyList_AsTuple(PyObject* op) { return is_list(op) ? tuple_from_array(as_list(op)->ob_item, Py_SIZE(op)) : nullptr; }

KS_EXPORT PyObject* _PyList_Extend(PyListObject* list, PyObject* iterable) {
  if (list_extend(list, iterable) == Status::Error) return nullptr;
  Py_RETURN_NONE;
}
KS_EXPORT int _PyList_AppendTakeRefListResize(PyListObject* list, PyObject* item) { return to_c(list_append_taking(list, item)); }
KS_EXPORT PyObject* _PyList_SliceSubscript(PyObject* op, PyObject* slice) { return slice_of(as_list(op), slice); }
// New tuple of the items, which leave the list.
KS_EXPORT PyObject* _PyList_AsTupleAndClear(PyListObject* list) {
  PyObject** items = list->ob_item;
  const Py_ssize_t size = Py_SIZE(list);
  PyObject* result = PyTuple_New(size);
  if (!result || size == 0) return result;
  Py_SET_SIZE(list, 0);
  std::memcpy(reinterpret_cast<PyTupleObject*>(result)->ob_item, items, static_cast<size_t>(size) * sizeof(PyObject*));
  return result;
}
