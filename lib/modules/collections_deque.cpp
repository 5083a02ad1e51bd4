// _collections.deque: a doubly linked list of blocks of 64 places.
//
// Items lie from left_block[left_index] to right_block[right_index]; all places between are filled. An empty deque has one
// block, with left_index == right_index + 1 in the middle. `state` counts the changes, for the iterators. Emptied blocks are
// kept in spare_blocks.
#include "modules/collections_deque.h"
#include "object/method_text.h"

namespace ks {
namespace {

constexpr Py_ssize_t kBlock = 64;
constexpr Py_ssize_t kCentre = (kBlock - 1) / 2;
constexpr Py_ssize_t kMaxSpare = 16;

struct Block {
  Block* left;
  PyObject* data[kBlock];
  Block* right;
};
struct DequeObject {
  PyVarObject ob_base;
  Block* left_block;
  Block* right_block;
  Py_ssize_t left_index;
  Py_ssize_t right_index;
  size_t state;
  Py_ssize_t maxlen;  // -1: no limit
  Py_ssize_t spare_count;
  Block* spare_blocks[kMaxSpare];
  PyObject* weak_references;
};
DequeObject* as_deque(PyObject* op) { return reinterpret_cast<DequeObject*>(op); }

Block* block_new(DequeObject* deque) {
  if (deque->spare_count > 0) return deque->spare_blocks[--deque->spare_count];
  auto* block = static_cast<Block*>(PyMem_Malloc(sizeof(Block)));
  if (!block) PyErr_NoMemory();
  return block;
}
void block_free(DequeObject* deque, Block* block) {
  if (deque->spare_count < kMaxSpare) deque->spare_blocks[deque->spare_count++] = block;
  else PyMem_Free(block);
}
void centre(DequeObject* deque) {
  deque->left_index = kCentre + 1;
  deque->right_index = kCentre;
}

// Both take the item over, also on failure.
Status push_right(DequeObject* deque, PyObject* item) {
  if (deque->right_index == kBlock - 1) {
    Block* block = block_new(deque);
    if (!block) {
      Py_DECREF(item);
      return failed;
    }
    block->left = deque->right_block;
    deque->right_block->right = block;
    deque->right_block = block;
    deque->right_index = -1;
  }
  deque->right_block->data[++deque->right_index] = item;
  Py_SET_SIZE(deque, Py_SIZE(deque) + 1);
  ++deque->state;
  return Status::Ok;
}
Status push_left(DequeObject* deque, PyObject* item) {
  if (deque->left_index == 0) {
    Block* block = block_new(deque);
    if (!block) {
      Py_DECREF(item);
      return failed;
    }
    block->right = deque->left_block;
    deque->left_block->left = block;
    deque->left_block = block;
    deque->left_index = kBlock;
  }
  deque->left_block->data[--deque->left_index] = item;
  Py_SET_SIZE(deque, Py_SIZE(deque) + 1);
  ++deque->state;
  return Status::Ok;
}
// Owned; the deque is not empty.
PyObject* take_right(DequeObject* deque) {
  PyObject* item = deque->right_block->data[deque->right_index--];
  Py_SET_SIZE(deque, Py_SIZE(deque) - 1);
  ++deque->state;
  if (Py_SIZE(deque) == 0) {
    if (deque->left_block != deque->right_block) {
      block_free(deque, deque->right_block);
      deque->right_block = deque->left_block;
    }
    centre(deque);
  } else if (deque->right_index < 0) {
    Block* block = deque->right_block;
    deque->right_block = block->left;
    deque->right_index = kBlock - 1;
    block_free(deque, block);
  }
  return item;
}
PyObject* take_left(DequeObject* deque) {
  PyObject* item = deque->left_block->data[deque->left_index++];
  Py_SET_SIZE(deque, Py_SIZE(deque) - 1);
  ++deque->state;
  if (Py_SIZE(deque) == 0) {
    if (deque->left_block != deque->right_block) {
      block_free(deque, deque->left_block);
      deque->left_block = deque->right_block;
    }
    centre(deque);
  } else if (deque->left_index == kBlock) {
    Block* block = deque->left_block;
    deque->left_block = block->right;
    deque->left_index = 0;
    block_free(deque, block);
  }
  return item;
}
bool too_long(DequeObject* deque) { return deque->maxlen >= 0 && Py_SIZE(deque) > deque->maxlen; }
Status append_taking(DequeObject* deque, PyObject* item) {
  TRY(push_right(deque, item));
  if (too_long(deque)) Py_DECREF(take_left(deque));
  return Status::Ok;
}
Status appendleft_taking(DequeObject* deque, PyObject* item) {
  TRY(push_left(deque, item));
  if (too_long(deque)) Py_DECREF(take_right(deque));
  return Status::Ok;
}

// A place in the deque; steps are valid while nothing changes.
struct Place {
  Block* block;
  Py_ssize_t index;
  PyObject*& item() const { return block->data[index]; }
  void forwards() {
    if (++index == kBlock) {
      block = block->right;
      index = 0;
    }
  }
  void backwards() {
    if (--index < 0) {
      block = block->left;
      index = kBlock - 1;
    }
  }
};
Place first_place(DequeObject* deque) { return {deque->left_block, deque->left_index}; }
Place last_place(DequeObject* deque) { return {deque->right_block, deque->right_index}; }
Place place_at(DequeObject* deque, Py_ssize_t i) {
  if (i < Py_SIZE(deque) / 2) {
    Place place = first_place(deque);
    for (i += place.index; i >= kBlock; i -= kBlock) place.block = place.block->right;
    place.index = i;
    return place;
  }
  Place place = last_place(deque);
  for (i = Py_SIZE(deque) - 1 - i + (kBlock - 1 - place.index); i >= kBlock; i -= kBlock) place.block = place.block->left;
  place.index = kBlock - 1 - i;
  return place;
}

// ---- life ------------------------------------------------------------------------------------------------------------------------

void clear(DequeObject* deque) {
  if (Py_SIZE(deque) == 0) return;
  Block* fresh = block_new(deque);
  if (!fresh) {
    PyErr_Clear();
    while (Py_SIZE(deque)) Py_DECREF(take_right(deque));
    return;
  }
  Place place = first_place(deque);
  Py_ssize_t left = Py_SIZE(deque);
  Block* old = deque->left_block;
  Py_SET_SIZE(deque, 0);
  deque->left_block = deque->right_block = fresh;
  centre(deque);
  ++deque->state;
  while (left-- > 0) {
    PyObject* item = place.item();
    if (left) place.forwards();
    Py_DECREF(item);
    while (old != place.block) {
      Block* next = old->right;
      block_free(deque, old);
      old = next;
    }
  }
  block_free(deque, old);
}
PyObject* deque_new(PyTypeObject* type, PyObject*, PyObject*) {
  auto* deque = as_deque(type->tp_alloc(type, 0));
  if (!deque) return nullptr;
  Block* block = block_new(deque);
  if (!block) {
    Py_DECREF(object(deque));
    return nullptr;
  }
  Py_SET_SIZE(deque, 0);
  deque->left_block = deque->right_block = block;
  centre(deque);
  deque->maxlen = -1;
  return object(deque);
}
int deque_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* deque = as_deque(op);
  Py_VISIT(Py_TYPE(op));
  if (!deque->left_block) return 0;
  Place place = first_place(deque);
  for (Py_ssize_t i = Py_SIZE(deque); i > 0; --i) {
    Py_VISIT(place.item());
    if (i > 1) place.forwards();
  }
  return 0;
}
int deque_tp_clear(PyObject* op) {
  clear(as_deque(op));
  return 0;
}
void deque_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  auto* deque = as_deque(op);
  if (deque->weak_references) PyObject_ClearWeakRefs(op);
  if (deque->left_block) {
    clear(deque);
    PyMem_Free(deque->left_block);
    for (Py_ssize_t i = 0; i < deque->spare_count; ++i) PyMem_Free(deque->spare_blocks[i]);
  }
  type->tp_free(op);
  Py_DECREF(object(type));
}

// ---- extending -------------------------------------------------------------------------------------------------------------------

Status extend(DequeObject* deque, PyObject* iterable, bool left) {
  if (iterable == object(deque)) {
    Ref<> list = TRY(steal(PySequence_List(iterable)));
    return extend(deque, list, left);
  }
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  if (Py_SIZE(deque) == 0 && deque->maxlen != 0) {
    // An empty deque is filled from the edge of its block.
    deque->left_index = left ? kBlock - 1 : 1;
    deque->right_index = deque->left_index - 1;
  }
  while (PyObject* item = PyIter_Next(iterator)) {
    if (deque->maxlen == 0) Py_DECREF(item);
    else TRY(left ? appendleft_taking(deque, item) : append_taking(deque, item));
  }
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
constexpr char deque_name[] = "deque";
constexpr Signature deque_signature = read_signature(deque_name, "(iterable=(), maxlen=None)");
int deque_init(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  if (bind_tuple(deque_signature, args, kwargs, values) == Status::Error) return -1;
  Py_ssize_t maxlen = -1;
  if (values[1] && values[1] != Py_None) {
    if (!PyLong_Check(values[1])) return raise(PyExc_TypeError, "an integer is required");
    maxlen = PyLong_AsSsize_t(values[1]);
    if (maxlen == -1 && PyErr_Occurred()) return -1;
    if (maxlen < 0) return raise(PyExc_ValueError, "maxlen must be non-negative");
  }
  auto* deque = as_deque(op);
  deque->maxlen = maxlen;
  clear(deque);
  return values[0] ? to_c(extend(deque, values[0], false)) : 0;
}

Status deque_append(DequeObject* self, PyObject* item) { return append_taking(self, Py_NewRef(item)); }
METHOD(deque, append, "($self, item, /)", "Add an element to the right side of the deque.");
Status deque_appendleft(DequeObject* self, PyObject* item) { return appendleft_taking(self, Py_NewRef(item)); }
METHOD(deque, appendleft, "($self, item, /)", "Add an element to the left side of the deque.");
Status deque_extend(DequeObject* self, PyObject* iterable) { return extend(self, iterable, false); }
METHOD(deque, extend, "($self, iterable, /)", "Extend the right side of the deque with elements from the iterable.");
Status deque_extendleft(DequeObject* self, PyObject* iterable) { return extend(self, iterable, true); }
METHOD(deque, extendleft, "($self, iterable, /)", "Extend the left side of the deque with elements from the iterable.");
PyObject* deque_pop(DequeObject* self) {
  return Py_SIZE(self) ? take_right(self) : static_cast<PyObject*>(raise(PyExc_IndexError, "pop from an empty deque"));
}
METHOD(deque, pop, "($self, /)", "Remove and return the rightmost element.");
PyObject* deque_popleft(DequeObject* self) {
  return Py_SIZE(self) ? take_left(self) : static_cast<PyObject*>(raise(PyExc_IndexError, "pop from an empty deque"));
}
METHOD(deque, popleft, "($self, /)", "Remove and return the leftmost element.");
void deque_clear(DequeObject* self) { clear(self); }
METHOD(deque, clear, "($self, /)", "Remove all elements from the deque.");

PyObject* deque_copy(PyObject* op) {
  auto* self = as_deque(op);
  CollectionsState* state = collections_state(Py_TYPE(op));
  if (!state) return nullptr;
  if (Py_IS_TYPE(op, state->deque_type)) {
    Ref<> copy = steal(deque_new(Py_TYPE(op), nullptr, nullptr));
    if (!copy) return nullptr;
    as_deque(copy)->maxlen = self->maxlen;
    Place place = first_place(self);
    for (Py_ssize_t i = Py_SIZE(self); i > 0; --i) {
      if (push_right(as_deque(copy), Py_NewRef(place.item())) == Status::Error) return nullptr;
      if (i > 1) place.forwards();
    }
    return copy.release();
  }
  PyObject* result = self->maxlen < 0 ? PyObject_CallOneArg(object(Py_TYPE(op)), op)
                                      : PyObject_CallFunction(object(Py_TYPE(op)), "On", op, self->maxlen);
  if (result && !PyObject_TypeCheck(result, state->deque_type)) {
    (void)raise(PyExc_TypeError, "%.200s() must return a deque, not %.200s", Py_TYPE(op)->tp_name, Py_TYPE(result)->tp_name);
    Py_DECREF(result);
    return nullptr;
  }
  return result;
}
METHOD(deque, copy, "($self, /)", "Return a shallow copy of a deque.");
PyObject* deque_copy_dunder(PyObject* op) { return deque_copy(op); }
METHOD_AS(deque_copy_dunder, "__copy__", 0, "($self, /)", "Return a shallow copy of a deque.");

PyObject* deque_concat(PyObject* op, PyObject* other) {
  CollectionsState* state = collections_state(Py_TYPE(op));
  if (!state) return nullptr;
  const int is_deque = PyObject_IsInstance(other, object(state->deque_type));
  if (is_deque < 0) return nullptr;
  if (!is_deque) return raise(PyExc_TypeError, "can only concatenate deque (not \"%.200s\") to deque", Py_TYPE(other)->tp_name);
  Ref<> result = steal(deque_copy(op));
  if (!result || extend(as_deque(result), other, false) == Status::Error) return nullptr;
  return result.release();
}
PyObject* deque_inplace_concat(PyObject* op, PyObject* other) {
  return extend(as_deque(op), other, false) == Status::Error ? nullptr : Py_NewRef(op);
}
PyObject* deque_inplace_repeat(PyObject* op, Py_ssize_t n) {
  auto* self = as_deque(op);
  const Py_ssize_t size = Py_SIZE(self);
  if (size == 0 || n == 1) return Py_NewRef(op);
  if (n <= 0) {
    clear(self);
    return Py_NewRef(op);
  }
  if (size == 1) {
    Ref<> item = borrow(first_place(self).item());
    if (self->maxlen >= 0 && n > self->maxlen) n = self->maxlen;
    for (Py_ssize_t i = 1; i < n; ++i)
      if (append_taking(self, Py_NewRef(item)) == Status::Error) return nullptr;
    return Py_NewRef(op);
  }
  if (size > PY_SSIZE_T_MAX / n) return PyErr_NoMemory();
  Ref<> list = steal(PySequence_List(op));
  if (!list) return nullptr;
  // Only what stays within maxlen has to be added.
  if (self->maxlen > 0 && n * size > self->maxlen) n = (self->maxlen + size - 1) / size + 1;
  for (Py_ssize_t i = 1; i < n; ++i)
    if (extend(self, list, false) == Status::Error) return nullptr;
  return Py_NewRef(op);
}
PyObject* deque_repeat(PyObject* op, Py_ssize_t n) {
  Ref<> copy = steal(deque_copy(op));
  return copy ? deque_inplace_repeat(copy, n) : nullptr;
}

// ---- reordering ------------------------------------------------------------------------------------------------------------------

Status rotate(DequeObject* self, Py_ssize_t n) {
  const Py_ssize_t size = Py_SIZE(self);
  if (size <= 1) return Status::Ok;
  const Py_ssize_t half = size / 2;
  if (n > half || n < -half) {
    n %= size;
    if (n > half) n -= size;
    else if (n < -half) n += size;
  }
  for (; n > 0; --n) TRY(push_left(self, take_right(self)));
  for (; n < 0; ++n) TRY(push_right(self, take_left(self)));
  return Status::Ok;
}
Status deque_rotate(DequeObject* self, Py_ssize_t n) { return rotate(self, n); }
METHOD(deque, rotate, "($self, n=1, /)", "Rotate the deque n steps to the right.  If n is negative, rotates left.");
void deque_reverse(DequeObject* self) {
  Place low = first_place(self), high = last_place(self);
  for (Py_ssize_t n = Py_SIZE(self) / 2; n > 0; --n) {
    std::swap(low.item(), high.item());
    low.forwards();
    high.backwards();
  }
}
METHOD(deque, reverse, "($self, /)", "Reverse *IN PLACE*.");

Status delete_at(DequeObject* self, Py_ssize_t i) {
  TRY(rotate(self, -i));
  PyObject* item = take_left(self);
  const Status result = rotate(self, i);
  Py_DECREF(item);
  return result;
}
Status deque_insert(DequeObject* self, Py_ssize_t index, PyObject* value) {
  const Py_ssize_t size = Py_SIZE(self);
  if (self->maxlen == size) return raise(PyExc_IndexError, "deque already at its maximum size");
  if (index >= size) return append_taking(self, Py_NewRef(value));
  if (index <= -size || index == 0) return appendleft_taking(self, Py_NewRef(value));
  TRY(rotate(self, -index));
  TRY(index < 0 ? append_taking(self, Py_NewRef(value)) : appendleft_taking(self, Py_NewRef(value)));
  return rotate(self, index);
}
METHOD(deque, insert, "($self, index, value, /)", "Insert value before index.");

// ---- search ----------------------------------------------------------------------------------------------------------------------

// Calls found(i) for each equal item of [start, stop) until it answers true. -1: error, 1: stopped, 0: not.
template <class F>
int search(DequeObject* self, PyObject* value, Py_ssize_t start, Py_ssize_t stop, PyObject* changed_type, const char* changed, F&& found) {
  if (start >= stop) return 0;
  const size_t state = self->state;
  Place place = place_at(self, start);
  for (Py_ssize_t i = start; i < stop; ++i) {
    Ref<> item = borrow(place.item());
    const int equal = PyObject_RichCompareBool(item, value, Py_EQ);
    if (equal < 0) return -1;
    if (state != self->state) return raise(changed_type, "%s", changed);
    if (equal && found(i)) return 1;
    if (i + 1 < stop) place.forwards();
  }
  return 0;
}
constexpr char kMutated[] = "deque mutated during iteration";
Py_ssize_t deque_count(DequeObject* self, PyObject* value) {
  Py_ssize_t count = 0;
  return search(self, value, 0, Py_SIZE(self), PyExc_RuntimeError, kMutated, [&](Py_ssize_t) {
           ++count;
           return false;
         }) < 0
             ? -1
             : count;
}
METHOD(deque, count, "($self, value, /)", "Return number of occurrences of value.");
int deque_contains(PyObject* op, PyObject* value) {
  return search(as_deque(op), value, 0, Py_SIZE(op), PyExc_RuntimeError, kMutated, [](Py_ssize_t) { return true; });
}
Py_ssize_t deque_index(DequeObject* self, PyObject* value, Index start, Index stop) {
  const Py_ssize_t size = Py_SIZE(self);
  auto clip = [&](Py_ssize_t i) {
    if (i < 0) i = i + size < 0 ? 0 : i + size;
    return i > size ? size : i;
  };
  Py_ssize_t at = -1;
  const int result = search(self, value, clip(start.value), clip(stop.value), PyExc_RuntimeError, kMutated, [&](Py_ssize_t i) {
    at = i;
    return true;
  });
  if (result == 0) return raise(PyExc_ValueError, "deque.index(x): x not in deque");
  return result < 0 ? -1 : at;
}
METHOD_SHOWN(deque_index, "index", 0, "($self, value, start=0, stop=sys.maxsize, /)", "($self, value, [start, [stop]])",
       "Return first index of value.\n\nRaises ValueError if the value is not present.");
Status deque_remove(DequeObject* self, PyObject* value) {
  Py_ssize_t at = -1;
  const int result = search(self, value, 0, Py_SIZE(self), PyExc_IndexError, "deque mutated during remove().", [&](Py_ssize_t i) {
    at = i;
    return true;
  });
  if (result == 0) return raise(PyExc_ValueError, "deque.remove(x): x not in deque");
  return result < 0 ? Status::Error : delete_at(self, at);
}
METHOD(deque, remove, "($self, value, /)", "Remove first occurrence of value.");

// ---- sequence --------------------------------------------------------------------------------------------------------------------

Py_ssize_t deque_length(PyObject* op) { return Py_SIZE(op); }
PyObject* deque_item(PyObject* op, Py_ssize_t i) {
  if (i < 0 || i >= Py_SIZE(op)) return raise(PyExc_IndexError, "deque index out of range");
  return Py_NewRef(place_at(as_deque(op), i).item());
}
int deque_assign_item(PyObject* op, Py_ssize_t i, PyObject* value) {
  if (i < 0 || i >= Py_SIZE(op)) return raise(PyExc_IndexError, "deque index out of range");
  if (!value) return to_c(delete_at(as_deque(op), i));
  PyObject*& place = place_at(as_deque(op), i).item();
  Py_SETREF(place, Py_NewRef(value));
  return 0;
}
PyObject* deque_richcompare(PyObject* op, PyObject* other, int operation) {
  CollectionsState* state = collections_state(Py_TYPE(op));
  if (!state) return nullptr;
  if (!PyObject_TypeCheck(op, state->deque_type) || !PyObject_TypeCheck(other, state->deque_type)) Py_RETURN_NOTIMPLEMENTED;
  const Py_ssize_t left = Py_SIZE(op), right = Py_SIZE(other);
  if (op == other && (operation == Py_EQ || operation == Py_LE || operation == Py_GE)) Py_RETURN_TRUE;
  if (op == other) Py_RETURN_FALSE;
  if (left != right && (operation == Py_EQ || operation == Py_NE)) return Py_NewRef(operation == Py_NE ? Py_True : Py_False);
  Ref<> left_iterator = steal(PyObject_GetIter(op)), right_iterator = steal(PyObject_GetIter(other));
  if (!left_iterator || !right_iterator) return nullptr;
  while (true) {
    Ref<> a = steal(PyIter_Next(left_iterator));
    if (!a && PyErr_Occurred()) return nullptr;
    Ref<> b = steal(PyIter_Next(right_iterator));
    if (!b && PyErr_Occurred()) return nullptr;
    if (!a || !b) Py_RETURN_RICHCOMPARE(a ? 1 : 0, b ? 1 : 0, operation);
    const int equal = PyObject_RichCompareBool(a, b, Py_EQ);
    if (equal < 0) return nullptr;
    if (!equal) return PyObject_RichCompare(a, b, operation);
  }
}
PyObject* deque_repr(PyObject* op) {
  const int entered = Py_ReprEnter(op);
  if (entered != 0) return entered > 0 ? PyUnicode_FromString("[...]") : nullptr;
  PyObject* result = nullptr;
  Ref<> name = steal(PyType_GetName(Py_TYPE(op)));
  Ref<> list = name ? steal(PySequence_List(op)) : Ref<>();
  if (list) {
    if (as_deque(op)->maxlen >= 0) result = PyUnicode_FromFormat("%U(%R, maxlen=%zd)", name.get(), list.get(), as_deque(op)->maxlen);
    else result = PyUnicode_FromFormat("%U(%R)", name.get(), list.get());
  }
  Py_ReprLeave(op);
  return result;
}
PyObject* get_state(PyObject* op) {
  // As object.__getstate__ says: None for a plain deque, else the attributes.
  return PyObject_CallMethod(op, "__getstate__", nullptr);
}
PyObject* deque_reduce(DequeObject* self) {
  Ref<> state = steal(get_state(object(self)));
  if (!state) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(object(self)));
  if (!iterator) return nullptr;
  if (self->maxlen < 0) return Py_BuildValue("O()OO", Py_TYPE(self), state.get(), iterator.get());
  return Py_BuildValue("O(()n)OO", Py_TYPE(self), self->maxlen, state.get(), iterator.get());
}
METHOD_AS(deque_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Py_ssize_t deque_sizeof(DequeObject* self) {
  const Py_ssize_t blocks = (self->left_index + Py_SIZE(self) + kBlock - 1) / kBlock;
  return Py_TYPE(self)->tp_basicsize + (blocks ? blocks : 1) * static_cast<Py_ssize_t>(sizeof(Block));
}
METHOD_AS(deque_sizeof, "__sizeof__", 0, "($self, /)", "Return the size of the deque in memory, in bytes.");
PyObject* deque_maxlen(PyObject* op, void*) {
  return as_deque(op)->maxlen < 0 ? Py_NewRef(Py_None) : PyLong_FromSsize_t(as_deque(op)->maxlen);
}

// ---- iterators -------------------------------------------------------------------------------------------------------------------

struct DequeIterator {
  PyObject ob_base;
  Place place;  // of the next item
  DequeObject* deque;
  size_t state;
  Py_ssize_t left;
};
PyObject* iterator_make(PyTypeObject* type, DequeObject* deque, bool backwards) {
  DequeIterator* iterator = PyObject_GC_New(DequeIterator, type);
  if (!iterator) return nullptr;
  iterator->place = backwards ? last_place(deque) : first_place(deque);
  iterator->deque = as_deque(Py_NewRef(object(deque)));
  iterator->state = deque->state;
  iterator->left = Py_SIZE(deque);
  PyObject_GC_Track(iterator);
  return object(iterator);
}
PyObject* deque_iter(PyObject* op) {
  CollectionsState* state = collections_state(Py_TYPE(op));
  return state ? iterator_make(state->deque_iterator_type, as_deque(op), false) : nullptr;
}
PyObject* deque_reversed(PyObject* op) {
  CollectionsState* state = collections_state(Py_TYPE(op));
  return state ? iterator_make(state->deque_reverse_iterator_type, as_deque(op), true) : nullptr;
}
METHOD_AS(deque_reversed, "__reversed__", 0, "($self, /)", "Return a reverse iterator over the deque.");
int iterator_traverse(PyObject* op, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(as<DequeIterator>(op)->deque);
  return 0;
}
int iterator_clear(PyObject* op) {
  Py_CLEAR(as<DequeIterator>(op)->deque);
  return 0;
}
void iterator_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  Py_XDECREF(object(as<DequeIterator>(op)->deque));
  PyObject_GC_Del(op);
  Py_DECREF(object(type));
}
template <bool kBackwards>
PyObject* iterator_next(PyObject* op) {
  auto* iterator = as<DequeIterator>(op);
  if (!iterator->deque) return nullptr;
  if (iterator->deque->state != iterator->state) {
    iterator->left = 0;
    return raise(PyExc_RuntimeError, kMutated);
  }
  if (iterator->left == 0) return nullptr;
  PyObject* item = iterator->place.item();
  if (--iterator->left > 0) {
    if constexpr (kBackwards) iterator->place.backwards();
    else iterator->place.forwards();
  }
  return Py_NewRef(item);
}
template <bool kBackwards>
PyObject* iterator_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* deque;
  Py_ssize_t index = 0;
  CollectionsState* state = collections_state(type);
  if (!state || !PyArg_ParseTuple(args, "O!|n", state->deque_type, &deque, &index)) return nullptr;
  Ref<> iterator = steal(iterator_make(type, as_deque(deque), kBackwards));
  if (!iterator) return nullptr;
  for (; index > 0; --index) {
    Ref<> item = steal(iterator_next<kBackwards>(iterator));
    if (!item) {
      if (PyErr_Occurred()) return nullptr;
      break;
    }
  }
  return iterator.release();
}
Py_ssize_t deque_iterator_length_hint(DequeIterator* self) { return self->left; }
METHOD_AS(deque_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
PyObject* deque_iterator_reduce(DequeIterator* self) {
  return Py_BuildValue("O(On)", Py_TYPE(self), self->deque, Py_SIZE(self->deque) - self->left);
}
METHOD_AS(deque_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
PyMethodDef iterator_methods[] = {deque_iterator_length_hint_method, deque_iterator_reduce_method, {}};

template <bool kBackwards>
PyType_Slot iterator_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(iterator_dealloc)},
                                {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                                {Py_tp_traverse, reinterpret_cast<void*>(iterator_traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(iterator_clear)},
                                {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                {Py_tp_iternext, reinterpret_cast<void*>(iterator_next<kBackwards>)},
                                {Py_tp_methods, iterator_methods},
                                {Py_tp_new, reinterpret_cast<void*>(iterator_new<kBackwards>)},
                                {0, nullptr}};

PyMethodDef deque_methods[] = {
    deque_append_method, deque_appendleft_method, deque_clear_method, deque_copy_dunder_method, deque_copy_method, deque_count_method,
    deque_extend_method, deque_extendleft_method, deque_index_method, deque_insert_method, deque_pop_method, deque_popleft_method,
    deque_reduce_method, deque_remove_method, deque_reversed_method, deque_reverse_method, deque_rotate_method, deque_sizeof_method,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "__class_getitem__($type, object, /)\n--\n\nSee PEP 585"}, {}};
PyGetSetDef deque_getset[] = {{"maxlen", deque_maxlen, nullptr, "maximum size of a deque or None if unbounded", nullptr}, {}};
PyMemberDef deque_members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(DequeObject, weak_references), Py_READONLY, nullptr}, {}};
PyType_Slot deque_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(deque_dealloc)},
                             {Py_tp_repr, reinterpret_cast<void*>(deque_repr)},
                             {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
                             {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                             {Py_tp_doc, const_cast<char*>("deque([iterable[, maxlen]])\n--\n\n"
                                                           "A list-like sequence optimized for data accesses near its endpoints.")},
                             {Py_tp_traverse, reinterpret_cast<void*>(deque_traverse)},
                             {Py_tp_clear, reinterpret_cast<void*>(deque_tp_clear)},
                             {Py_tp_richcompare, reinterpret_cast<void*>(deque_richcompare)},
                             {Py_tp_iter, reinterpret_cast<void*>(deque_iter)},
                             {Py_tp_getset, deque_getset},
                             {Py_tp_init, reinterpret_cast<void*>(deque_init)},
                             {Py_tp_alloc, reinterpret_cast<void*>(PyType_GenericAlloc)},
                             {Py_tp_new, reinterpret_cast<void*>(deque_new)},
                             {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},
                             {Py_tp_methods, deque_methods},
                             {Py_tp_members, deque_members},
                             {Py_sq_length, reinterpret_cast<void*>(deque_length)},
                             {Py_sq_concat, reinterpret_cast<void*>(deque_concat)},
                             {Py_sq_repeat, reinterpret_cast<void*>(deque_repeat)},
                             {Py_sq_item, reinterpret_cast<void*>(deque_item)},
                             {Py_sq_ass_item, reinterpret_cast<void*>(deque_assign_item)},
                             {Py_sq_contains, reinterpret_cast<void*>(deque_contains)},
                             {Py_sq_inplace_concat, reinterpret_cast<void*>(deque_inplace_concat)},
                             {Py_sq_inplace_repeat, reinterpret_cast<void*>(deque_inplace_repeat)},
                             {0, nullptr}};

}  // namespace

PyType_Spec deque_spec = {"collections.deque", sizeof(DequeObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_IMMUTABLETYPE,
                          deque_slots};
PyType_Spec deque_iterator_spec = {"collections._deque_iterator", sizeof(DequeIterator), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, iterator_slots<false>};
PyType_Spec deque_reverse_iterator_spec = {"collections._deque_reverse_iterator", sizeof(DequeIterator), 0,
                                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, iterator_slots<true>};

}  // namespace ks
