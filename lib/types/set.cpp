// set and frozenset: open addressing, without deletion of places.
//
// A place is unused (key nullptr, hash 0), a dummy (key _PySet_Dummy, hash -1) or active. fill counts active and dummy places,
// used the active ones; fill * 5 < mask * 3 holds after every insertion. The order of iteration is that of the places, which is
// visible: probing and growth follow the reference's, so that sets print the same.
//
// Comparing keys can run Python code: a lookup starts again when the table or the compared place has changed.
#include <algorithm>
#include <cstring>

#include "object/export.h"
#include "object/method.h"
#include "types/container_support.h"
#include "types/dict.h"

extern "C" {
PyObject* _PyObject_GetState(PyObject* self);
static PyObject set_dummy_object = {{_Py_STATIC_IMMORTAL_INITIAL_REFCNT}, &PyBaseObject_Type};
extern __attribute__((visibility("default"))) PyObject* _PySet_Dummy;
PyObject* _PySet_Dummy = &set_dummy_object;
}

namespace ks {

namespace {

constexpr size_t kLinearProbes = 9;
constexpr int kPerturbShift = 5;
PyObject* const kDummy = &set_dummy_object;

PySetObject* as_set(PyObject* op) { return reinterpret_cast<PySetObject*>(op); }

bool str_equal(PyObject* left, PyObject* right) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(left);
  const int kind = PyUnicode_KIND(left);
  return length == PyUnicode_GET_LENGTH(right) && kind == static_cast<int>(PyUnicode_KIND(right)) &&
         std::memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right), static_cast<size_t>(length * kind)) == 0;
}

Py_hash_t hash_of_element(PyObject* key) {
  const Py_hash_t hash = hash_of(key);
  if (hash == -1) reword_unhashable(key, "set element");
  return hash;
}

// The key's place or the unused place that ends the search for it; nullptr with an exception. *dummy becomes the last dummy
// on the way, or nullptr.
setentry* find(PySetObject* set, PyObject* key, Py_hash_t hash, setentry** dummy = nullptr) {
again:
  if (dummy) *dummy = nullptr;
  setentry* table = set->table;
  const size_t mask = static_cast<size_t>(set->mask);
  size_t perturb = static_cast<size_t>(hash);
  size_t i = perturb & mask;
  while (true) {
    setentry* entry = &table[i];
    size_t probes = i + kLinearProbes <= mask ? kLinearProbes : 0;
    do {
      PyObject* candidate = entry->key;
      if (!candidate) return entry;
      if (entry->hash == hash && candidate != kDummy) {
        if (candidate == key) return entry;
        if (PyUnicode_CheckExact(candidate) && PyUnicode_CheckExact(key)) {
          if (str_equal(candidate, key)) return entry;
        } else if (both_small_ints(candidate, key)) {
          if (small_ints_equal(candidate, key)) return entry;
        } else {
          Py_INCREF(candidate);
          const int equal = PyObject_RichCompareBool(candidate, key, Py_EQ);
          Py_DECREF(candidate);
          if (equal < 0) return nullptr;
          if (table != set->table || entry->key != candidate) goto again;
          if (equal) return entry;
        }
      } else if (dummy && candidate == kDummy) {
        *dummy = entry;
      }
      ++entry;
    } while (probes--);
    perturb >>= kPerturbShift;
    i = (i * 5 + 1 + perturb) & mask;
  }
}

// Puts a key that is surely missing into a table without dummies.
void insert_clean(setentry* table, size_t mask, PyObject* key, Py_hash_t hash) {
  size_t perturb = static_cast<size_t>(hash);
  size_t i = perturb & mask;
  while (true) {
    setentry* entry = &table[i];
    size_t probes = i + kLinearProbes <= mask ? kLinearProbes : 0;
    do {
      if (!entry->key) {
        entry->key = key;
        entry->hash = hash;
        return;
      }
      ++entry;
    } while (probes--);
    perturb >>= kPerturbShift;
    i = (i * 5 + 1 + perturb) & mask;
  }
}

size_t size_for(Py_ssize_t minimum) {
  size_t size = PySet_MINSIZE;
  while (size <= static_cast<size_t>(minimum)) size <<= 1;
  return size;
}
Status resize(PySetObject* set, Py_ssize_t minimum) {
  const size_t size = size_for(minimum);
  setentry* old = set->table;
  const Py_ssize_t old_mask = set->mask;
  const bool old_is_small = old == set->smalltable;
  setentry small_copy[PySet_MINSIZE];
  setentry* table;
  if (size == PySet_MINSIZE) {
    table = set->smalltable;
    if (old_is_small) {
      if (set->fill == set->used) return Status::Ok;  // nothing to clean away
      std::memcpy(small_copy, old, sizeof small_copy);
      old = small_copy;
    }
  } else {
    if (size > static_cast<size_t>(PY_SSIZE_T_MAX) / sizeof(setentry)) {
      PyErr_NoMemory();
      return failed;
    }
    table = static_cast<setentry*>(PyMem_Malloc(size * sizeof(setentry)));
    if (!table) {
      PyErr_NoMemory();
      return failed;
    }
  }
  std::memset(table, 0, size * sizeof(setentry));
  set->mask = static_cast<Py_ssize_t>(size - 1);
  set->table = table;
  for (Py_ssize_t i = 0; i <= old_mask; ++i)
    if (old[i].key && old[i].key != kDummy) insert_clean(table, size - 1, old[i].key, old[i].hash);
  set->fill = set->used;
  if (!old_is_small) PyMem_Free(old);
  return Status::Ok;
}
Py_ssize_t grown(const PySetObject* set) { return set->used > 50000 ? set->used * 2 : set->used * 4; }

// Takes the key over, also on failure.
Status add_taking(PySetObject* set, PyObject* key, Py_hash_t hash) {
  setentry* dummy;
  setentry* entry = find(set, key, hash, &dummy);
  if (!entry || entry->key) {
    Py_DECREF(key);
    return entry ? Status::Ok : Status::Error;
  }
  if (dummy) {
    dummy->key = key;
    dummy->hash = hash;
    ++set->used;
    return Status::Ok;
  }
  entry->key = key;
  entry->hash = hash;
  ++set->fill;
  ++set->used;
  if (static_cast<size_t>(set->fill) * 5 < static_cast<size_t>(set->mask) * 3) return Status::Ok;
  return resize(set, grown(set));
}
Status add(PySetObject* set, PyObject* key, Py_hash_t hash) { return add_taking(set, Py_NewRef(key), hash); }
Status add_key(PySetObject* set, PyObject* key) {
  const Py_hash_t hash = hash_of_element(key);
  return hash == -1 ? Status::Error : add(set, key, hash);
}
Found contains(PySetObject* set, PyObject* key, Py_hash_t hash) {
  setentry* entry = find(set, key, hash);
  if (!entry) return failed;
  return entry->key ? Found::Yes : Found::No;
}
Found discard(PySetObject* set, PyObject* key, Py_hash_t hash) {
  setentry* entry = find(set, key, hash);
  if (!entry) return failed;
  if (!entry->key) return Found::No;
  PyObject* old = entry->key;
  entry->key = kDummy;
  entry->hash = -1;
  --set->used;
  Py_DECREF(old);
  return Found::Yes;
}

// Steps through the active places; *position starts at 0.
setentry* next_entry(PySetObject* set, Py_ssize_t* position) {
  Py_ssize_t i = *position;
  const Py_ssize_t mask = set->mask;
  if (i > mask) return nullptr;
  setentry* entry = &set->table[i];
  while (i <= mask && (!entry->key || entry->key == kDummy)) ++i, ++entry;
  *position = i + 1;
  return i <= mask ? entry : nullptr;
}

void make_empty(PySetObject* set) {
  std::memset(set->smalltable, 0, sizeof set->smalltable);
  set->fill = 0;
  set->used = 0;
  set->mask = PySet_MINSIZE - 1;
  set->table = set->smalltable;
  set->hash = -1;
}
void clear(PySetObject* set) {
  if (set->fill == 0 && set->table == set->smalltable) return;
  setentry* table = set->table;
  const Py_ssize_t mask = set->mask;
  const bool heap = table != set->smalltable;
  setentry small_copy[PySet_MINSIZE];
  if (!heap) {
    std::memcpy(small_copy, table, sizeof small_copy);
    table = small_copy;
  }
  make_empty(set);
  for (Py_ssize_t i = 0; i <= mask; ++i)
    if (table[i].key && table[i].key != kDummy) Py_DECREF(table[i].key);
  if (heap) PyMem_Free(table);
}

// ---- update -----------------------------------------------------------------------------------------------------------------

Status merge_set(PySetObject* set, PySetObject* other) {
  if (other == set || other->used == 0) return Status::Ok;
  if (set->fill == 0 && set->table == set->smalltable && other->table != other->smalltable && other->fill == other->used &&
      size_for(other->used * 2) == static_cast<size_t>(other->mask) + 1) {
    // The table that would be made is the other's: it is copied as it is.
    const size_t size = static_cast<size_t>(other->mask) + 1;
    auto* table = static_cast<setentry*>(PyMem_Malloc(size * sizeof(setentry)));
    if (!table) {
      PyErr_NoMemory();
      return failed;
    }
    std::memcpy(table, other->table, size * sizeof(setentry));
    for (size_t i = 0; i < size; ++i) Py_XINCREF(table[i].key);
    set->table = table;
    set->mask = other->mask;
    set->fill = other->fill;
    set->used = other->used;
    return Status::Ok;
  }
  if ((static_cast<size_t>(set->fill) + static_cast<size_t>(other->used)) * 5 >= static_cast<size_t>(set->mask) * 3)
    TRY(resize(set, (set->used + other->used) * 2));
  if (set->fill == 0 && set->mask == other->mask && other->fill == other->used) {
    for (Py_ssize_t i = 0; i <= other->mask; ++i) {
      set->table[i].key = Py_XNewRef(other->table[i].key);
      set->table[i].hash = other->table[i].hash;
    }
    set->fill = other->fill;
    set->used = other->used;
    return Status::Ok;
  }
  if (set->fill == 0) {
    set->fill = other->used;
    set->used = other->used;
    for (Py_ssize_t i = 0; i <= other->mask; ++i) {
      const setentry& entry = other->table[i];
      if (entry.key && entry.key != kDummy)
        insert_clean(set->table, static_cast<size_t>(set->mask), Py_NewRef(entry.key), entry.hash);
    }
    return Status::Ok;
  }
  for (Py_ssize_t i = 0; i <= other->mask; ++i) {
    const setentry entry = other->table[i];
    if (!entry.key || entry.key == kDummy) continue;
    // A comparison may empty the other set.
    Ref<> held = borrow(entry.key);
    TRY(add(set, held, entry.hash));
  }
  return Status::Ok;
}
Status merge_dict_keys(PySetObject* set, PyDictObject* dict) {
  if ((static_cast<size_t>(set->fill) + static_cast<size_t>(dict->ma_used)) * 5 >= static_cast<size_t>(set->mask) * 3)
    TRY(resize(set, (set->used + dict->ma_used) * 2));
  Py_ssize_t position = 0;
  PyObject* key;
  Py_hash_t hash;
  while (dict_next(dict, &position, &key, nullptr, &hash)) TRY(add(set, key, hash));
  return Status::Ok;
}
Status update(PySetObject* set, PyObject* other) {
  if (PyAnySet_Check(other)) return merge_set(set, as_set(other));
  if (PyDict_CheckExact(other)) return merge_dict_keys(set, as<PyDictObject>(other));
  Ref<> iterator = TRY(steal(PyObject_GetIter(other)));
  while (PyObject* key = PyIter_Next(iterator)) {
    const Py_hash_t hash = hash_of_element(key);
    if (hash == -1) {
      Py_DECREF(key);
      return failed;
    }
    TRY(add_taking(set, key, hash));
  }
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}

// ---- creation ----------------------------------------------------------------------------------------------------------------

PySetObject* new_set(PyTypeObject* type, PyObject* iterable) {
  auto* set = as_set(type->tp_alloc(type, 0));
  if (!set) return nullptr;
  make_empty(set);
  set->finger = 0;
  set->weakreflist = nullptr;
  if (iterable && update(set, iterable) == Status::Error) {
    Py_DECREF(object(set));
    return nullptr;
  }
  return set;
}
// Results of operators are plain sets and frozensets, whatever the subclass.
PyTypeObject* base_type(PyObject* op) { return PyFrozenSet_Check(op) ? &PyFrozenSet_Type : &PySet_Type; }
Ref<PySetObject> new_like(PyObject* op, PyObject* iterable) { return Ref<PySetObject>::steal(new_set(base_type(op), iterable)); }

PyObject* set_new(PyTypeObject* type, PyObject*, PyObject*) { return object(new_set(type, nullptr)); }
int set_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!check_no_keywords("set", kwargs) || !check_positional("set", PyTuple_GET_SIZE(args), 0, 1)) return -1;
  if (as_set(self)->fill) clear(as_set(self));
  as_set(self)->hash = -1;
  return PyTuple_GET_SIZE(args) ? to_c(update(as_set(self), PyTuple_GET_ITEM(args, 0))) : 0;
}
PyObject* set_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (!check_no_keyword_names("set", kwnames) || !check_positional("set", nargs, 0, 1)) return nullptr;
  return object(new_set(as<PyTypeObject>(type), nargs ? args[0] : nullptr));
}
PyObject* frozenset_of(PyTypeObject* type, PyObject* iterable) {
  if (type == &PyFrozenSet_Type && iterable && PyFrozenSet_CheckExact(iterable)) return Py_NewRef(iterable);
  return object(new_set(type, iterable));
}
PyObject* frozenset_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if ((type == &PyFrozenSet_Type || type->tp_init == PyFrozenSet_Type.tp_init) && !check_no_keywords("frozenset", kwargs))
    return nullptr;
  if (!check_positional("frozenset", PyTuple_GET_SIZE(args), 0, 1)) return nullptr;
  return frozenset_of(type, PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : nullptr);
}
PyObject* frozenset_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (!check_no_keyword_names("frozenset", kwnames) || !check_positional("frozenset", nargs, 0, 1)) return nullptr;
  return frozenset_of(as<PyTypeObject>(type), nargs ? args[0] : nullptr);
}

void set_dealloc(PyObject* self) {
  untrack(self);
  auto* set = as_set(self);
  if (set->weakreflist) PyObject_ClearWeakRefs(self);
  Py_ssize_t left = set->used;
  for (setentry* entry = set->table; left > 0; ++entry) {
    if (entry->key && entry->key != kDummy) {
      --left;
      Py_DECREF(entry->key);
    }
  }
  if (set->table != set->smalltable) PyMem_Free(set->table);
  Py_TYPE(self)->tp_free(self);
}
int set_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_ssize_t position = 0;
  while (setentry* entry = next_entry(as_set(self), &position)) Py_VISIT(entry->key);
  return 0;
}
int set_tp_clear(PyObject* self) {
  clear(as_set(self));
  return 0;
}

// ---- single elements ---------------------------------------------------------------------------------------------------------

// Runs `operation` with the key's hash; a set, which has none, stands for the frozenset of its elements.
template <class F>
Found with_element(PyObject* key, F&& operation) {
  Py_hash_t hash = hash_of(key);
  if (hash != -1) return operation(key, hash);
  if (!PySet_Check(key) || !PyErr_ExceptionMatches(PyExc_TypeError)) {
    reword_unhashable(key, "set element");
    return failed;
  }
  PyErr_Clear();
  Ref<PySetObject> frozen = Ref<PySetObject>::steal(new_set(&PyFrozenSet_Type, key));
  if (!frozen) return failed;
  hash = PyObject_Hash(frozen.object());
  return hash == -1 ? Found::Error : operation(frozen.object(), hash);
}
Found contains_element(PySetObject* set, PyObject* key) {
  return with_element(key, [&](PyObject* k, Py_hash_t hash) { return contains(set, k, hash); });
}
int set_contains(PyObject* self, PyObject* key) { return to_c(contains_element(as_set(self), key)); }
PyObject* set_contains_method_body(PyObject* self, PyObject* key) { return box(contains_element(as_set(self), key)); }

Status set_add(PySetObject* self, PyObject* key) { return add_key(self, key); }
METHOD(set, add, "($self, object, /)", "Add an element to a set.\n\nThis has no effect if the element is already present.");
Status set_discard(PySetObject* self, PyObject* key) {
  const Found done = with_element(key, [&](PyObject* k, Py_hash_t hash) { return discard(self, k, hash); });
  return done == Found::Error ? Status::Error : Status::Ok;
}
METHOD(set, discard, "($self, object, /)",
       "Remove an element from a set if it is a member.\n\nUnlike set.remove(), the discard() method does not raise\n"
       "an exception when an element is missing from the set.");
Status set_remove(PySetObject* self, PyObject* key) {
  if (TRY(with_element(key, [&](PyObject* k, Py_hash_t hash) { return discard(self, k, hash); }))) return Status::Ok;
  _PyErr_SetKeyError(key);
  return failed;
}
METHOD(set, remove, "($self, object, /)",
       "Remove an element from a set; it must be a member.\n\nIf the element is not a member, raise a KeyError.");
PyObject* set_pop(PySetObject* self) {
  if (self->used == 0) return raise(PyExc_KeyError, "pop from an empty set");
  // The finger remembers where the search went on, so that emptying a set is linear.
  setentry* entry = self->table + (self->finger & self->mask);
  setentry* limit = self->table + self->mask;
  while (!entry->key || entry->key == kDummy) {
    if (++entry > limit) entry = self->table;
  }
  PyObject* key = entry->key;
  entry->key = kDummy;
  entry->hash = -1;
  --self->used;
  self->finger = entry - self->table + 1;
  return key;
}
METHOD(set, pop, "($self, /)", "Remove and return an arbitrary set element.\n\nRaises KeyError if the set is empty.");
void set_clear(PySetObject* self) { clear(self); }
METHOD(set, clear, "($self, /)", "Remove all elements from this set.");
PyObject* set_copy(PyObject* self) { return object(new_set(base_type(self), self)); }
METHOD(set, copy, "($self, /)", "Return a shallow copy of a set.");
PyObject* frozenset_copy(PyObject* self) { return PyFrozenSet_CheckExact(self) ? Py_NewRef(self) : set_copy(self); }
METHOD(frozenset, copy, "($self, /)", "Return a shallow copy of a set.");

// ---- algebra -------------------------------------------------------------------------------------------------------------------

Status set_update(PySetObject* self, PyObject* others) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(others); ++i) TRY(update(self, PyTuple_GET_ITEM(others, i)));
  return Status::Ok;
}
METHOD(set, update, "($self, /, *others)", "Update the set, adding elements from all others.");
PyObject* set_union(PyObject* self, PyObject* others) {
  Ref<PySetObject> result = new_like(self, self);
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(others); ++i) {
    PyObject* other = PyTuple_GET_ITEM(others, i);
    if (other != self && update(result, other) == Status::Error) return nullptr;
  }
  return object(result.release());
}
METHOD(set, union, "($self, /, *others)", "Return a new set with elements from the set and all others.");
PyObject* set_or(PyObject* left, PyObject* right) {
  if (!PyAnySet_Check(left) || !PyAnySet_Check(right)) Py_RETURN_NOTIMPLEMENTED;
  Ref<PySetObject> result = new_like(left, left);
  if (!result || (left != right && update(result, right) == Status::Error)) return nullptr;
  return object(result.release());
}
PyObject* set_inplace_or(PyObject* self, PyObject* other) {
  if (!PyAnySet_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  return update(as_set(self), other) == Status::Error ? nullptr : Py_NewRef(self);
}

PyObject* intersection(PyObject* self, PyObject* other) {
  if (self == other) return set_copy(self);
  Ref<PySetObject> result = new_like(self, nullptr);
  if (!result) return nullptr;
  if (PyAnySet_Check(other)) {
    auto *larger = as_set(self), *smaller = as_set(other);
    if (smaller->used > larger->used) std::swap(larger, smaller);
    Py_ssize_t position = 0;
    while (setentry* entry = next_entry(smaller, &position)) {
      Ref<> key = borrow(entry->key);
      const Py_hash_t hash = entry->hash;
      const Found there = contains(larger, key, hash);
      if (there == Found::Error || (there == Found::Yes && add(result, key, hash) == Status::Error)) return nullptr;
    }
    return object(result.release());
  }
  Ref<> iterator = steal(PyObject_GetIter(other));
  if (!iterator) return nullptr;
  while (Ref<> key = steal(PyIter_Next(iterator))) {
    const Py_hash_t hash = hash_of_element(key);
    if (hash == -1) return nullptr;
    const Found there = contains(as_set(self), key, hash);
    if (there == Found::Error || (there == Found::Yes && add(result, key, hash) == Status::Error)) return nullptr;
  }
  return PyErr_Occurred() ? nullptr : object(result.release());
}
PyObject* set_intersection(PyObject* self, PyObject* others) {
  const Py_ssize_t count = PyTuple_GET_SIZE(others);
  if (count == 0) return set_copy(self);
  Ref<> result = borrow(self);
  for (Py_ssize_t i = 0; i < count; ++i) {
    result = steal(intersection(result, PyTuple_GET_ITEM(others, i)));
    if (!result) return nullptr;
  }
  return result.release();
}
METHOD(set, intersection, "($self, /, *others)", "Return a new set with elements common to the set and all others.");

// The two sets exchange their contents.
void swap_bodies(PySetObject* a, PySetObject* b) {
  std::swap(a->fill, b->fill);
  std::swap(a->used, b->used);
  std::swap(a->mask, b->mask);
  setentry* table_a = a->table == a->smalltable ? b->smalltable : a->table;
  setentry* table_b = b->table == b->smalltable ? a->smalltable : b->table;
  a->table = table_b;
  b->table = table_a;
  std::swap(a->smalltable, b->smalltable);
  a->hash = -1;
  b->hash = -1;
}
Status set_intersection_update(PyObject* self, PyObject* others) {
  Ref<> result = TRY(steal(set_intersection(self, others)));
  swap_bodies(as_set(self), as_set(result));
  return Status::Ok;
}
METHOD(set, intersection_update, "($self, /, *others)", "Update the set, keeping only elements found in it and all others.");
PyObject* set_and(PyObject* left, PyObject* right) {
  if (!PyAnySet_Check(left) || !PyAnySet_Check(right)) Py_RETURN_NOTIMPLEMENTED;
  return intersection(left, right);
}
PyObject* set_inplace_and(PyObject* self, PyObject* other) {
  if (!PyAnySet_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  Ref<> result = steal(intersection(self, other));
  if (!result) return nullptr;
  swap_bodies(as_set(self), as_set(result));
  return Py_NewRef(self);
}

Status subtract(PySetObject* self, PyObject* other) {
  if (object(self) == other) {
    clear(self);
    return Status::Ok;
  }
  if (PyAnySet_Check(other)) {
    Ref<> source = borrow(other);
    // A far larger set is asked only about what is here.
    if ((as_set(other)->used >> 3) > self->used) source = TRY(steal(intersection(object(self), other)));
    Py_ssize_t position = 0;
    while (setentry* entry = next_entry(as_set(source), &position)) {
      Ref<> key = borrow(entry->key);
      TRY(discard(self, key, entry->hash));
    }
  } else {
    Ref<> iterator = TRY(steal(PyObject_GetIter(other)));
    while (Ref<> key = steal(PyIter_Next(iterator))) {
      const Py_hash_t hash = hash_of_element(key);
      if (hash == -1) return failed;
      TRY(discard(self, key, hash));
    }
    if (PyErr_Occurred()) return failed;
  }
  if (static_cast<size_t>(self->fill - self->used) <= static_cast<size_t>(self->mask) / 5) return Status::Ok;
  return resize(self, grown(self));
}
PyObject* copy_and_subtract(PyObject* self, PyObject* other) {
  Ref<PySetObject> result = new_like(self, self);
  if (!result || subtract(result, other) == Status::Error) return nullptr;
  return object(result.release());
}
PyObject* difference(PyObject* self, PyObject* other) {
  auto* set = as_set(self);
  Py_ssize_t other_size;
  if (PyAnySet_Check(other)) other_size = as_set(other)->used;
  else if (PyDict_CheckExact(other)) other_size = PyDict_GET_SIZE(other);
  else return copy_and_subtract(self, other);
  if ((set->used >> 2) > other_size) return copy_and_subtract(self, other);
  Ref<PySetObject> result = new_like(self, nullptr);
  if (!result) return nullptr;
  Py_ssize_t position = 0;
  while (setentry* entry = next_entry(set, &position)) {
    Ref<> key = borrow(entry->key);
    const Py_hash_t hash = entry->hash;
    Found there;
    if (PyDict_CheckExact(other)) {
      PyObject* value;
      if (dict_lookup(as<PyDictObject>(other), key, hash, &value) == kLookupError) return nullptr;
      there = value ? Found::Yes : Found::No;
    } else {
      there = contains(as_set(other), key, hash);
    }
    if (there == Found::Error || (there == Found::No && add(result, key, hash) == Status::Error)) return nullptr;
  }
  return object(result.release());
}
PyObject* set_difference(PyObject* self, PyObject* others) {
  const Py_ssize_t count = PyTuple_GET_SIZE(others);
  if (count == 0) return set_copy(self);
  Ref<> result = steal(difference(self, PyTuple_GET_ITEM(others, 0)));
  for (Py_ssize_t i = 1; result && i < count; ++i)
    if (subtract(as_set(result), PyTuple_GET_ITEM(others, i)) == Status::Error) return nullptr;
  return result.release();
}
METHOD(set, difference, "($self, /, *others)", "Return a new set with elements in the set that are not in the others.");
Status set_difference_update(PySetObject* self, PyObject* others) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(others); ++i) TRY(subtract(self, PyTuple_GET_ITEM(others, i)));
  return Status::Ok;
}
METHOD(set, difference_update, "($self, /, *others)", "Update the set, removing elements found in others.");
PyObject* set_subtract(PyObject* left, PyObject* right) {
  if (!PyAnySet_Check(left) || !PyAnySet_Check(right)) Py_RETURN_NOTIMPLEMENTED;
  return difference(left, right);
}
PyObject* set_inplace_subtract(PyObject* self, PyObject* other) {
  if (!PyAnySet_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  return subtract(as_set(self), other) == Status::Error ? nullptr : Py_NewRef(self);
}

Status toggle(PySetObject* self, PyObject* key, Py_hash_t hash) {
  if (!TRY(discard(self, key, hash))) TRY(add(self, key, hash));
  return Status::Ok;
}
Status symmetric_difference_update(PySetObject* self, PyObject* other) {
  if (object(self) == other) {
    clear(self);
    return Status::Ok;
  }
  if (PyDict_CheckExact(other)) {
    Py_ssize_t position = 0;
    PyObject* borrowed;
    Py_hash_t hash;
    while (dict_next(as<PyDictObject>(other), &position, &borrowed, nullptr, &hash)) {
      Ref<> key = borrow(borrowed);
      TRY(toggle(self, key, hash));
    }
    return Status::Ok;
  }
  Ref<> source = borrow(other);
  if (!PyAnySet_Check(other)) source = TRY(steal(object(new_set(base_type(object(self)), other))));
  Py_ssize_t position = 0;
  while (setentry* entry = next_entry(as_set(source), &position)) {
    Ref<> key = borrow(entry->key);
    TRY(toggle(self, key, entry->hash));
  }
  return Status::Ok;
}
METHOD_AS(symmetric_difference_update, "symmetric_difference_update", 0, "($self, other, /)",
          "Update the set, keeping only elements found in either set, but not in both.");
PyObject* symmetric_difference(PyObject* self, PyObject* other) {
  Ref<PySetObject> result = new_like(self, other);
  if (!result || symmetric_difference_update(result, self) == Status::Error) return nullptr;
  return object(result.release());
}
METHOD_AS(symmetric_difference, "symmetric_difference", 0, "($self, other, /)",
          "Return a new set with elements in either the set or other but not both.");
PyObject* set_xor(PyObject* left, PyObject* right) {
  if (!PyAnySet_Check(left) || !PyAnySet_Check(right)) Py_RETURN_NOTIMPLEMENTED;
  return symmetric_difference(left, right);
}
PyObject* set_inplace_xor(PyObject* self, PyObject* other) {
  if (!PyAnySet_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  return symmetric_difference_update(as_set(self), other) == Status::Error ? nullptr : Py_NewRef(self);
}

// ---- comparison ----------------------------------------------------------------------------------------------------------------

Found subset_of(PySetObject* self, PySetObject* other) {
  if (self->used > other->used) return Found::No;
  Py_ssize_t position = 0;
  while (setentry* entry = next_entry(self, &position)) {
    Ref<> key = borrow(entry->key);
    if (!TRY(contains(other, key, entry->hash))) return Found::No;
  }
  return Found::Yes;
}
Found set_issubset(PyObject* self, PyObject* other) {
  if (PyAnySet_Check(other)) return subset_of(as_set(self), as_set(other));
  Ref<> common = TRY(steal(intersection(self, other)));
  return as_set(common)->used == as_set(self)->used ? Found::Yes : Found::No;
}
METHOD(set, issubset, "($self, other, /)", "Report whether another set contains this set.");
Found set_issuperset(PySetObject* self, PyObject* other) {
  if (PyAnySet_Check(other)) return subset_of(as_set(other), self);
  Ref<> iterator = TRY(steal(PyObject_GetIter(other)));
  while (Ref<> key = steal(PyIter_Next(iterator))) {
    const Py_hash_t hash = hash_of_element(key);
    if (hash == -1) return failed;
    if (!TRY(contains(self, key, hash))) return Found::No;
  }
  return PyErr_Occurred() ? Found::Error : Found::Yes;
}
METHOD(set, issuperset, "($self, other, /)", "Report whether this set contains another set.");
Found set_isdisjoint(PySetObject* self, PyObject* other) {
  if (object(self) == other) return self->used == 0 ? Found::Yes : Found::No;
  if (PyAnySet_CheckExact(other)) {
    auto *larger = self, *smaller = as_set(other);
    if (smaller->used > larger->used) std::swap(larger, smaller);
    Py_ssize_t position = 0;
    while (setentry* entry = next_entry(smaller, &position)) {
      Ref<> key = borrow(entry->key);
      if (TRY(contains(larger, key, entry->hash))) return Found::No;
    }
    return Found::Yes;
  }
  Ref<> iterator = TRY(steal(PyObject_GetIter(other)));
  while (Ref<> key = steal(PyIter_Next(iterator))) {
    const Py_hash_t hash = hash_of_element(key);
    if (hash == -1) return failed;
    if (TRY(contains(self, key, hash))) return Found::No;
  }
  return PyErr_Occurred() ? Found::Error : Found::Yes;
}
METHOD(set, isdisjoint, "($self, other, /)", "Return True if two sets have a null intersection.");

PyObject* set_richcompare(PyObject* self, PyObject* other, int op) {
  if (!PyAnySet_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  auto *a = as_set(self), *b = as_set(other);
  Found result = Found::No;
  switch (op) {
    case Py_EQ:
    case Py_NE:
      if (a->used == b->used && (a->hash == -1 || b->hash == -1 || a->hash == b->hash)) result = subset_of(a, b);
      if (op == Py_NE && result != Found::Error) result = result == Found::Yes ? Found::No : Found::Yes;
      break;
    case Py_LE:
      result = subset_of(a, b);
      break;
    case Py_GE:
      result = subset_of(b, a);
      break;
    case Py_LT:
      if (a->used < b->used) result = subset_of(a, b);
      break;
    case Py_GT:
      if (a->used > b->used) result = subset_of(b, a);
      break;
  }
  return box(result);
}

// Independent of the order: the elements' hashes are spread and combined by xor.
Py_hash_t frozenset_hash(PyObject* self) {
  auto* set = as_set(self);
  if (set->hash != -1) return set->hash;
  auto spread = [](Py_uhash_t h) { return ((h ^ 89869747u) ^ (h << 16)) * 3644798167u; };
  Py_uhash_t hash = 0;
  Py_ssize_t position = 0;
  while (setentry* entry = next_entry(set, &position)) hash ^= spread(static_cast<Py_uhash_t>(entry->hash));
  hash ^= (static_cast<Py_uhash_t>(set->used) + 1) * 1927868237u;
  hash ^= (hash >> 11) ^ (hash >> 25);
  hash = hash * 69069u + 907133923u;
  if (hash == static_cast<Py_uhash_t>(-1)) hash = 590923713u;
  return set->hash = static_cast<Py_hash_t>(hash);
}

// ---- the rest ------------------------------------------------------------------------------------------------------------------

PyObject* set_repr(PyObject* self) {
  const char* name = Py_TYPE(self)->tp_name;
  if (const char* dot = std::strrchr(name, '.')) name = dot + 1;
  const int entered = Py_ReprEnter(self);
  if (entered != 0) return entered > 0 ? PyUnicode_FromFormat("%s(...)", name) : nullptr;
  PyObject* result = nullptr;
  if (as_set(self)->used == 0) {
    result = PyUnicode_FromFormat("%s()", name);
  } else if (Ref<> list = steal(PySequence_List(self))) {
    PyUnicodeWriter* writer = PyUnicodeWriter_Create(0);
    int error = writer ? 0 : -1;
    const bool plain = PySet_CheckExact(self);
    if (!error && !plain) error = PyUnicodeWriter_WriteUTF8(writer, name, -1) || PyUnicodeWriter_WriteChar(writer, '(');
    if (!error) error = PyUnicodeWriter_WriteChar(writer, '{');
    for (Py_ssize_t i = 0; !error && i < PyList_GET_SIZE(list.get()); ++i) {
      if (i > 0) error = PyUnicodeWriter_WriteChar(writer, ',') || PyUnicodeWriter_WriteChar(writer, ' ');
      if (!error) error = PyUnicodeWriter_WriteRepr(writer, PyList_GET_ITEM(list.get(), i));
    }
    if (!error) error = PyUnicodeWriter_WriteChar(writer, '}');
    if (!error && !plain) error = PyUnicodeWriter_WriteChar(writer, ')');
    if (!error) result = PyUnicodeWriter_Finish(writer);
    else if (writer) PyUnicodeWriter_Discard(writer);
  }
  Py_ReprLeave(self);
  return result;
}
PyObject* set_reduce(PyObject* self) {
  Ref<> list = steal(PySequence_List(self));
  if (!list) return nullptr;
  Ref<> state = steal(_PyObject_GetState(self));
  if (!state) return nullptr;
  return Py_BuildValue("O(O)O", Py_TYPE(self), list.get(), state.get());
}
METHOD_AS(set_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
Py_ssize_t set_sizeof(PySetObject* self) {
  Py_ssize_t size = Py_TYPE(self)->tp_basicsize;
  if (self->table != self->smalltable) size += (self->mask + 1) * static_cast<Py_ssize_t>(sizeof(setentry));
  return size;
}
METHOD_AS(set_sizeof, "__sizeof__", 0, "($self, /)", "S.__sizeof__() -> size of S in memory, in bytes.");
Py_ssize_t set_length(PyObject* self) { return as_set(self)->used; }

struct SetIterator {
  PyObject ob_base;
  PySetObject* set;  // nullptr once exhausted
  Py_ssize_t used;
  Py_ssize_t position;
  Py_ssize_t left;
};
PyObject* set_iter(PyObject* self) {
  SetIterator* iterator = allocate_gc<SetIterator>(&PySetIter_Type);
  if (!iterator) return nullptr;
  iterator->set = as_set(Py_NewRef(self));
  iterator->used = as_set(self)->used;
  iterator->position = 0;
  iterator->left = as_set(self)->used;
  track(iterator);
  return object(iterator);
}
void set_iterator_dealloc(PyObject* self) {
  untrack(self);
  Py_XDECREF(object(as<SetIterator>(self)->set));
  PyObject_GC_Del(self);
}
int set_iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<SetIterator>(self)->set);
  return 0;
}
PyObject* set_iterator_next(PyObject* self) {
  auto* iterator = as<SetIterator>(self);
  PySetObject* set = iterator->set;
  if (!set) return nullptr;
  if (iterator->used != set->used) {
    iterator->used = -1;  // stays so
    return raise(PyExc_RuntimeError, "Set changed size during iteration");
  }
  if (iterator->position <= set->mask) {
    if (setentry* entry = next_entry(set, &iterator->position)) {
      --iterator->left;
      return Py_NewRef(entry->key);
    }
  }
  iterator->set = nullptr;
  Py_DECREF(object(set));
  return nullptr;
}
Py_ssize_t set_iterator_length_hint(SetIterator* self) { return self->set && self->used == self->set->used ? self->left : 0; }
METHOD_AS(set_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
PyObject* set_iterator_reduce(SetIterator* self) {
  SetIterator* copy = allocate_gc<SetIterator>(&PySetIter_Type);
  if (!copy) return nullptr;
  copy->set = as_set(Py_XNewRef(object(self->set)));
  copy->used = self->used;
  copy->position = self->position;
  copy->left = self->left;
  track(copy);
  Ref<> own = steal(object(copy));
  Ref<> list = steal(PySequence_List(own));
  if (!list) return nullptr;
  Ref<> iter = builtin("iter"_id);
  return iter ? Py_BuildValue("O(O)", iter.get(), list.get()) : nullptr;
}
METHOD_AS(set_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");

PyMethodDef set_iterator_methods[] = {set_iterator_length_hint_method, set_iterator_reduce_method, {}};
constexpr PyMethodDef contains_row = {"__contains__", set_contains_method_body, METH_O | METH_COEXIST,
                                      "__contains__($self, object, /)\n--\n\nx.__contains__(y) <==> y in x."};
PyMethodDef set_methods[] = {set_add_method,
                             set_clear_method,
                             contains_row,
                             set_copy_method,
                             set_discard_method,
                             set_difference_method,
                             set_difference_update_method,
                             set_intersection_method,
                             set_intersection_update_method,
                             set_isdisjoint_method,
                             set_issubset_method,
                             set_issuperset_method,
                             set_pop_method,
                             set_reduce_method,
                             set_remove_method,
                             set_sizeof_method,
                             symmetric_difference_method,
                             symmetric_difference_update_method,
                             set_union_method,
                             set_update_method,
                             KS_CLASS_GETITEM,
                             {}};
PyMethodDef frozenset_methods[] = {contains_row,
                                   frozenset_copy_method,
                                   set_difference_method,
                                   set_intersection_method,
                                   set_isdisjoint_method,
                                   set_issubset_method,
                                   set_issuperset_method,
                                   set_reduce_method,
                                   set_sizeof_method,
                                   symmetric_difference_method,
                                   set_union_method,
                                   KS_CLASS_GETITEM,
                                   {}};
PyNumberMethods set_as_number = {.nb_subtract = set_subtract,
                                 .nb_and = set_and,
                                 .nb_xor = set_xor,
                                 .nb_or = set_or,
                                 .nb_inplace_subtract = set_inplace_subtract,
                                 .nb_inplace_and = set_inplace_and,
                                 .nb_inplace_xor = set_inplace_xor,
                                 .nb_inplace_or = set_inplace_or};
PyNumberMethods frozenset_as_number = {
    .nb_subtract = set_subtract, .nb_and = set_and, .nb_xor = set_xor, .nb_or = set_or};
PySequenceMethods set_as_sequence = {.sq_length = set_length, .sq_contains = set_contains};

bool is_any_set(PyObject* op) {
  if (op && PyAnySet_Check(op)) return true;
  PyErr_BadInternalCall();
  return false;
}
bool is_set(PyObject* op) {
  if (op && PySet_Check(op)) return true;
  PyErr_BadInternalCall();
  return false;
}

}  // namespace
}  // namespace ks

using namespace ks;

PyTypeObject PySet_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "set",
    .tp_basicsize = sizeof(PySetObject),
    .tp_dealloc = set_dealloc,
    .tp_repr = set_repr,
    .tp_as_number = &set_as_number,
    .tp_as_sequence = &set_as_sequence,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | _Py_TPFLAGS_MATCH_SELF,
    .tp_doc = "set(iterable=(), /)\n--\n\nBuild an unordered collection of unique elements.",
    .tp_traverse = set_traverse,
    .tp_clear = set_tp_clear,
    .tp_richcompare = set_richcompare,
    .tp_weaklistoffset = offsetof(PySetObject, weakreflist),
    .tp_iter = set_iter,
    .tp_methods = set_methods,
    .tp_init = set_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = set_new,
    .tp_free = PyObject_GC_Del,
    .tp_vectorcall = set_vectorcall,
};
PyTypeObject PyFrozenSet_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "frozenset",
    .tp_basicsize = sizeof(PySetObject),
    .tp_dealloc = set_dealloc,
    .tp_repr = set_repr,
    .tp_as_number = &frozenset_as_number,
    .tp_as_sequence = &set_as_sequence,
    .tp_hash = frozenset_hash,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | _Py_TPFLAGS_MATCH_SELF,
    .tp_doc = "frozenset(iterable=(), /)\n--\n\nBuild an immutable unordered collection of unique elements.",
    .tp_traverse = set_traverse,
    .tp_clear = set_tp_clear,
    .tp_richcompare = set_richcompare,
    .tp_weaklistoffset = offsetof(PySetObject, weakreflist),
    .tp_iter = set_iter,
    .tp_methods = frozenset_methods,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = frozenset_new,
    .tp_free = PyObject_GC_Del,
    .tp_vectorcall = frozenset_vectorcall,
};
PyTypeObject PySetIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "set_iterator",
    .tp_basicsize = sizeof(SetIterator),
    .tp_dealloc = set_iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = set_iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = set_iterator_next,
    .tp_methods = set_iterator_methods,
};

// ---- exports -------------------------------------------------------------------------------------------------------------------

// New reference; iterable may be nullptr.
PyObject* PySet_New(PyObject* iterable) { return object(new_set(&PySet_Type, iterable)); }
PyObject* PyFrozenSet_New(PyObject* iterable) { return object(new_set(&PyFrozenSet_Type, iterable)); }
Py_ssize_t PySet_Size(PyObject* op) { return is_any_set(op) ? as_set(op)->used : -1; }
int PySet_Clear(PyObject* op) {
  if (!is_set(op)) return -1;
  clear(as_set(op));
  return 0;
}
int PySet_Contains(PyObject* op, PyObject* key) {
  if (!is_any_set(op)) return -1;
  const Py_hash_t hash = hash_of_element(key);
  return hash == -1 ? -1 : to_c(contains(as_set(op), key, hash));
}
int PySet_Discard(PyObject* op, PyObject* key) {
  if (!is_set(op)) return -1;
  const Py_hash_t hash = hash_of_element(key);
  return hash == -1 ? -1 : to_c(discard(as_set(op), key, hash));
}
// Also fills a new frozenset that nobody else has seen.
int PySet_Add(PyObject* op, PyObject* key) {
  if (!PySet_Check(op) && (!PyFrozenSet_Check(op) || Py_REFCNT(op) != 1)) {
    PyErr_BadInternalCall();
    return -1;
  }
  return to_c(add_key(as_set(op), key));
}
// New reference; KeyError when empty.
PyObject* PySet_Pop(PyObject* op) { return is_set(op) ? set_pop(as_set(op)) : nullptr; }
KS_EXPORT int _PySet_Update(PyObject* op, PyObject* iterable) { return is_set(op) ? to_c(update(as_set(op), iterable)) : -1; }
KS_EXPORT int _PySet_Contains(PySetObject* set, PyObject* key) { return to_c(contains_element(set, key)); }
KS_EXPORT int _PySet_AddTakeRef(PySetObject* set, PyObject* key) {
  const Py_hash_t hash = hash_of_element(key);
  if (hash == -1) {
    Py_DECREF(key);
    return -1;
  }
  return to_c(add_taking(set, key, hash));
}
// Borrowed key.
KS_EXPORT int _PySet_NextEntry(PyObject* op, Py_ssize_t* position, PyObject** key, Py_hash_t* hash) {
  if (!is_any_set(op)) return -1;
  if (*position > as_set(op)->mask) return 0;
  setentry* entry = next_entry(as_set(op), position);
  if (!entry) return 0;
  *key = entry->key;
  *hash = entry->hash;
  return 1;
}
KS_EXPORT int _PySet_NextEntryRef(PyObject* op, Py_ssize_t* position, PyObject** key, Py_hash_t* hash) {
  const int result = _PySet_NextEntry(op, position, key, hash);
  if (result > 0) Py_INCREF(*key);
  return result;
}
