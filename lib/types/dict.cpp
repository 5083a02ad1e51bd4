// dict: the table. Representation and invariants stand in dict.h.
//
// Comparing keys can run Python code, which can change the dict: a lookup starts again when the keys or the entry that it
// compared are no longer the same. Everything that drops a reference does so after the table is consistent.
#include "types/dict.h"

#include <cstring>

#include "types/dict_private.h"



namespace ks {

namespace {

constexpr size_t kKeysHeader = offsetof(PyDictKeysObject, indices);
constexpr int kMinLog2 = 3;
constexpr int kPerturbShift = 5;
constexpr int kSharedLog2 = 6;
constexpr Py_ssize_t kSharedMax = 30;
constexpr Py_ssize_t kRestart = -4;
constexpr Py_ssize_t kMaxFreeDicts = 80;

}  // namespace

constinit PyDictKeysObject empty_keys = {1, 0, 3, KeysKind::Unicode, 1, 0, 0, {-1, -1, -1, -1, -1, -1, -1, -1}};

namespace {

// ---- the index table --------------------------------------------------------------------------------------------------

struct Probe {
  size_t mask, perturb, slot;
  Probe(const PyDictKeysObject* keys, Py_hash_t hash)
      : mask((size_t{1} << keys->log2_size) - 1), perturb(static_cast<size_t>(hash)), slot(perturb & mask) {}
  void next() {
    perturb >>= kPerturbShift;
    slot = (slot * 5 + perturb + 1) & mask;
  }
};

template <class I>
I* indices_of(PyDictKeysObject* keys) {
  return reinterpret_cast<I*>(keys->indices);
}

// Calls function.template operator()<I>() with the integer type of the index table.
template <class F>
[[gnu::always_inline]] inline auto with_index_type(const PyDictKeysObject* keys, F&& function) {
  if (keys->log2_size < 8) [[likely]] return function.template operator()<int8_t>();
  if (keys->log2_size < 16) return function.template operator()<int16_t>();
  if (keys->log2_size < 32) return function.template operator()<int32_t>();
  return function.template operator()<int64_t>();
}

inline void set_index(PyDictKeysObject* keys, size_t slot, Py_ssize_t value) {
  with_index_type(keys, [&]<class I>() { indices_of<I>(keys)[slot] = static_cast<I>(value); });
}
size_t find_free_slot(PyDictKeysObject* keys, Py_hash_t hash) {
  return with_index_type(keys, [&]<class I>() {
    const I* indices = indices_of<I>(keys);
    Probe probe(keys, hash);
    while (indices[probe.slot] >= 0) probe.next();
    return probe.slot;
  });
}
size_t find_slot_of(PyDictKeysObject* keys, Py_hash_t hash, Py_ssize_t index) {
  return with_index_type(keys, [&]<class I>() {
    const I* indices = indices_of<I>(keys);
    Probe probe(keys, hash);
    while (indices[probe.slot] != index) probe.next();
    return probe.slot;
  });
}

inline Py_hash_t str_hash(PyObject* text) { return reinterpret_cast<PyASCIIObject*>(text)->hash; }

inline bool str_equal(PyObject* left, PyObject* right) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(left);
  if (length != PyUnicode_GET_LENGTH(right)) return false;
  const int kind = PyUnicode_KIND(left);
  if (kind != static_cast<int>(PyUnicode_KIND(right))) return false;
  return std::memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right), static_cast<size_t>(length) * kind) == 0;
}

// ---- lookup ----------------------------------------------------------------------------------------------------------

// Exact str in str-only keys: no Python code, no error.
template <class I>
[[gnu::always_inline]] inline Py_ssize_t find_str_in(PyDictKeysObject* keys, PyObject* key, Py_hash_t hash) {
  const I* indices = indices_of<I>(keys);
  const UnicodeEntry* entries = unicode_entries(keys);
  Probe probe(keys, hash);
  while (true) {
    const Py_ssize_t index = indices[probe.slot];
    if (index >= 0) [[likely]] {
      PyObject* candidate = entries[index].key;
      if (candidate == key) [[likely]] return index;
      if (str_hash(candidate) == hash && str_equal(candidate, key)) return index;
    } else if (index == kEmpty) {
      return kEmpty;
    }
    probe.next();
  }
}
inline Py_ssize_t find_str(PyDictKeysObject* keys, PyObject* key, Py_hash_t hash) {
  return with_index_type(keys, [&]<class I>() { return find_str_in<I>(keys, key, hash); });
}

// Does the entry's key equal `key`? 1, 0, kLookupError or kRestart.
Py_ssize_t compare_keys(PyDictObject* dict, PyDictKeysObject* keys, PyObject** entry_key, PyObject* key) {
  PyObject* candidate = *entry_key;
  Py_INCREF(candidate);
  const int equal = PyObject_RichCompareBool(candidate, key, Py_EQ);
  Py_DECREF(candidate);
  if (equal < 0) return kLookupError;
  if (dict->ma_keys != keys || *entry_key != candidate) return kRestart;
  return equal;
}

// Another kind of key in str-only keys: equality may run Python code.
Py_ssize_t find_other(PyDictObject* dict, PyDictKeysObject* keys, PyObject* key, Py_hash_t hash) {
  return with_index_type(keys, [&]<class I>() -> Py_ssize_t {
    const I* indices = indices_of<I>(keys);
    Probe probe(keys, hash);
    while (true) {
      const Py_ssize_t index = indices[probe.slot];
      if (index >= 0) {
        UnicodeEntry* entry = unicode_entries(keys) + index;
        if (entry->key == key) return index;
        if (str_hash(entry->key) == hash) {
          const Py_ssize_t equal = compare_keys(dict, keys, &entry->key, key);
          if (equal < 0) return equal;
          if (equal) return index;
        }
      } else if (index == kEmpty) {
        return kEmpty;
      }
      probe.next();
    }
  });
}
template <class I>
Py_ssize_t find_general_in(PyDictObject* dict, PyDictKeysObject* keys, PyObject* key, Py_hash_t hash) {
  const I* indices = indices_of<I>(keys);
  const bool key_is_str = PyUnicode_CheckExact(key);
  Probe probe(keys, hash);
  while (true) {
    const Py_ssize_t index = indices[probe.slot];
    if (index >= 0) {
      GeneralEntry* entry = general_entries(keys) + index;
      if (entry->key == key) return index;
      if (entry->hash == hash) {
        if (key_is_str && PyUnicode_CheckExact(entry->key)) {
          if (str_equal(entry->key, key)) return index;
        } else if (both_small_ints(entry->key, key)) {
          if (small_ints_equal(entry->key, key)) return index;
        } else {
          const Py_ssize_t equal = compare_keys(dict, keys, &entry->key, key);
          if (equal < 0) return equal;
          if (equal) return index;
        }
      }
    } else if (index == kEmpty) {
      return kEmpty;
    }
    probe.next();
  }
}
Py_ssize_t find_general(PyDictObject* dict, PyDictKeysObject* keys, PyObject* key, Py_hash_t hash) {
  return with_index_type(keys, [&]<class I>() { return find_general_in<I>(dict, keys, key, hash); });
}

}  // namespace

Py_ssize_t dict_lookup(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject** value) {
  while (true) {
    PyDictKeysObject* keys = dict->ma_keys;
    Py_ssize_t index;
    if (keys->kind != KeysKind::General) {
      index = PyUnicode_CheckExact(key) ? find_str(keys, key, hash) : find_other(dict, keys, key, hash);
      if (index >= 0) {
        *value = dict_value_at(dict, index);
        return index;
      }
    } else {
      index = find_general(dict, keys, key, hash);
      if (index >= 0) {
        *value = general_entries(keys)[index].value;
        return index;
      }
    }
    if (index == kRestart) continue;
    *value = nullptr;
    return index;
  }
}
PyObject* dict_get_str(PyDictObject* dict, PyObject* name) {
  Py_hash_t hash = str_hash(name);
  if (hash == -1) hash = PyObject_Hash(name);
  PyDictKeysObject* keys = dict->ma_keys;
  if (keys->kind != KeysKind::General) [[likely]] {
    const Py_ssize_t index = find_str(keys, name, hash);
    return index >= 0 ? dict_value_at(dict, index) : nullptr;
  }
  return dict_get_known_hash(dict, name, hash);
}
Py_ssize_t dict_keys_index(PyDictKeysObject* keys, PyObject* name) {
  if (is_general(keys)) return kLookupError;
  Py_hash_t hash = str_hash(name);
  if (hash == -1) hash = PyObject_Hash(name);
  return find_str(keys, name, hash);
}

void reword_unhashable(PyObject* key, const char* role) {
  PyObject* raised = PyErr_GetRaisedException();
  if (raised && Py_IS_TYPE(raised, reinterpret_cast<PyTypeObject*>(PyExc_TypeError))) {
    PyErr_Format(PyExc_TypeError, "cannot use '%T' as a %s (%S)", key, role, raised);
    Py_DECREF(raised);
  } else {
    PyErr_SetRaisedException(raised);
  }
}
Py_hash_t hash_of_dict_key(PyObject* key) {
  const Py_hash_t hash = hash_of(key);
  if (hash == -1) reword_unhashable(key, "dict key");
  return hash;
}

// ---- keys objects ----------------------------------------------------------------------------------------------------

int log2_size_for(Py_ssize_t count) {
  const size_t wanted = (static_cast<size_t>(count) * 3 + 1) / 2;
  int log2 = kMinLog2;
  while ((size_t{1} << log2) < wanted) ++log2;
  return log2;
}
namespace {
int log2_for_growth(Py_ssize_t used) {
  const size_t wanted = static_cast<size_t>(used) * 3;
  int log2 = kMinLog2;
  while ((size_t{1} << log2) < wanted) ++log2;
  return log2;
}
size_t entry_size(KeysKind kind) { return kind == KeysKind::General ? sizeof(GeneralEntry) : sizeof(UnicodeEntry); }
size_t keys_bytes(const PyDictKeysObject* keys) {
  return kKeysHeader + (size_t{1} << keys->log2_index_bytes) +
         entry_size(keys->kind) * static_cast<size_t>(usable_of(keys->log2_size));
}
int index_bytes_log2(int log2_size) {
  return log2_size < 8 ? log2_size : log2_size < 16 ? log2_size + 1 : log2_size < 32 ? log2_size + 2 : log2_size + 3;
}
void keys_free_memory(PyDictKeysObject* keys) {
  if (keys->log2_size == kMinLog2 && keys->kind == KeysKind::Unicode &&
      container_state().dict_keys.give(keys, kMaxFreeDicts))
    return;
  PyMem_Free(keys);
}
}  // namespace

PyDictKeysObject* keys_new(int log2_size, KeysKind kind) {
  const Py_ssize_t usable = usable_of(log2_size);
  const int log2_bytes = index_bytes_log2(log2_size);
  PyDictKeysObject* keys = nullptr;
  if (log2_size == kMinLog2 && kind == KeysKind::Unicode)
    keys = static_cast<PyDictKeysObject*>(container_state().dict_keys.take());
  if (!keys) {
    if (log2_size > 58) {
      PyErr_NoMemory();
      return nullptr;
    }
    keys = static_cast<PyDictKeysObject*>(PyMem_Malloc(kKeysHeader + (size_t{1} << log2_bytes) +
                                                       entry_size(kind) * static_cast<size_t>(usable)));
    if (!keys) {
      PyErr_NoMemory();
      return nullptr;
    }
  }
  keys->refcount = 1;
  keys->log2_size = static_cast<uint8_t>(log2_size);
  keys->log2_index_bytes = static_cast<uint8_t>(log2_bytes);
  keys->kind = kind;
  keys->version = 0;
  keys->usable = usable;
  keys->nentries = 0;
  std::memset(keys->indices, 0xff, size_t{1} << log2_bytes);
  return keys;
}

void dict_keys_release(PyDictKeysObject* keys) {
  if (keys == &empty_keys || --keys->refcount > 0) return;
  const Py_ssize_t count = keys->nentries;
  if (keys->kind == KeysKind::General) {
    GeneralEntry* entries = general_entries(keys);
    for (Py_ssize_t i = 0; i < count; ++i) {
      Py_XDECREF(entries[i].key);
      Py_XDECREF(entries[i].value);
    }
  } else if (keys->kind == KeysKind::Unicode) {
    UnicodeEntry* entries = unicode_entries(keys);
    for (Py_ssize_t i = 0; i < count; ++i) {
      Py_XDECREF(entries[i].key);
      Py_XDECREF(entries[i].value);
    }
  } else {
    UnicodeEntry* entries = unicode_entries(keys);
    for (Py_ssize_t i = 0; i < count; ++i) Py_XDECREF(entries[i].key);
  }
  keys_free_memory(keys);
}

namespace {

void build_indices(PyDictKeysObject* keys, Py_ssize_t first) {
  with_index_type(keys, [&]<class I>() {
    I* indices = indices_of<I>(keys);
    const Py_ssize_t count = keys->nentries;
    auto put = [&](Py_hash_t hash, Py_ssize_t i) {
      Probe probe(keys, hash);
      while (indices[probe.slot] != kEmpty) probe.next();
      indices[probe.slot] = static_cast<I>(i);
    };
    if (is_general(keys)) {
      const GeneralEntry* entries = general_entries(keys);
      for (Py_ssize_t i = first; i < count; ++i) put(entries[i].hash, i);
    } else {
      const UnicodeEntry* entries = unicode_entries(keys);
      for (Py_ssize_t i = first; i < count; ++i) put(str_hash(entries[i].key), i);
    }
  });
}

// Adds an entry whose key is known to be missing; takes both references over. There is room.
void keys_add(PyDictKeysObject* keys, PyObject* key, Py_hash_t hash, PyObject* value) {
  const Py_ssize_t index = keys->nentries;
  set_index(keys, find_free_slot(keys, hash), index);
  if (is_general(keys)) general_entries(keys)[index] = {hash, key, value};
  else unicode_entries(keys)[index] = {key, value};
  --keys->usable;
  ++keys->nentries;
  keys->version = 0;
}

// ---- values of split dicts ---------------------------------------------------------------------------------------------

size_t values_bytes(size_t capacity) { return sizeof(_dictvalues) + capacity * 8 + ((capacity + 7) & ~size_t{7}); }
PyDictValues* values_new(Py_ssize_t capacity) {
  auto* values = static_cast<PyDictValues*>(PyMem_Malloc(values_bytes(static_cast<size_t>(capacity))));
  if (!values) {
    PyErr_NoMemory();
    return nullptr;
  }
  values->capacity = static_cast<uint8_t>(capacity);
  values->size = 0;
  values->keys = nullptr;
  std::memset(values->values, 0, static_cast<size_t>(capacity) * 8);
  return values;
}
void values_free(PyDictValues* values) {
  for (int i = 0; i < values->size; ++i) Py_XDECREF(values->values[values->order()[i]]);
  PyMem_Free(values);
}
Status values_reserve(PyDictValues** place, Py_ssize_t index) {
  PyDictValues* old = *place;
  if (index < old->capacity) return Status::Ok;
  Py_ssize_t capacity = old->capacity * 2;
  if (capacity <= index) capacity = (index + 2) & ~Py_ssize_t{1};
  if (capacity > kSharedMax) capacity = kSharedMax;
  PyDictValues* values = TRY(values_new(capacity));
  std::memcpy(values->values, old->values, size_t{old->capacity} * 8);
  std::memcpy(values->order(), old->order(), old->size);
  values->size = old->size;
  values->keys = old->keys;
  *place = values;
  PyMem_Free(old);
  return Status::Ok;
}
void values_add(PyDictValues* values, Py_ssize_t index, PyObject* value) {
  values->values[index] = value;
  values->order()[values->size++] = static_cast<uint8_t>(index);
}
PyObject* values_remove(PyDictValues* values, Py_ssize_t index) {
  uint8_t* order = values->order();
  int i = 0;
  while (order[i] != index) ++i;
  std::memmove(order + i, order + i + 1, static_cast<size_t>(values->size - i - 1));
  --values->size;
  return std::exchange(values->values[index], nullptr);
}

}  // namespace

// ---- life --------------------------------------------------------------------------------------------------------------

PyObject* dict_new_with(PyDictKeysObject* keys, PyDictValues* values, Py_ssize_t used) {
  PyDictObject* dict;
  if (void* block = container_state().dicts.take()) {
    dict = revive<PyDictObject>(block, &PyDict_Type);
  } else {
    dict = allocate_gc<PyDictObject>(&PyDict_Type);
    if (!dict) {
      if (values) values_free(values);
      dict_keys_release(keys);
      return nullptr;
    }
  }
  dict->ma_used = used;
  dict->_ma_watcher_tag = 0;
  dict->ma_keys = keys;
  dict->ma_values = values;
  track(dict);
  return object(dict);
}

PyObject* dict_new_presized(Py_ssize_t count, bool unicode) {
  if (count <= usable_of(kMinLog2)) return PyDict_New();
  constexpr int kMaxPresize = 17;
  int log2 = log2_size_for(count);
  if (log2 > kMaxPresize) log2 = kMaxPresize;
  PyDictKeysObject* keys = keys_new(log2, unicode ? KeysKind::Unicode : KeysKind::General);
  return keys ? dict_new_with(keys, nullptr, 0) : nullptr;
}

PyDictValues* instance_values_new(PyTypeObject* type) {
  auto* heap_type = reinterpret_cast<PyHeapTypeObject*>(type);
  PyDictKeysObject* keys = heap_type->ht_cached_keys;
  if (!keys) {
    keys = keys_new(kSharedLog2, KeysKind::Split);
    if (!keys) return nullptr;
    keys->usable = kSharedMax;
    heap_type->ht_cached_keys = keys;
  }
  Py_ssize_t capacity = (keys->nentries + 1) & ~Py_ssize_t{1};
  if (capacity < 4) capacity = 4;
  PyDictValues* values = values_new(capacity);
  if (!values) return nullptr;
  ++keys->refcount;
  values->keys = keys;
  return values;
}
void instance_values_free(PyDictValues* values) {
  PyDictKeysObject* keys = values->keys;
  values_free(values);
  dict_keys_release(keys);
}
int instance_values_traverse(PyDictValues* values, visitproc visit, void* arg) {
  for (int i = 0; i < values->size; ++i) Py_VISIT(values->values[values->order()[i]]);
  return 0;
}
PyObject* instance_values_get(PyDictValues* values, PyObject* name) {
  const Py_ssize_t index = dict_keys_index(values->keys, name);
  return index >= 0 && index < values->capacity ? values->values[index] : nullptr;
}
Found instance_values_set(PyDictValues** place, PyObject* name, PyObject* value) {
  PyDictKeysObject* keys = (*place)->keys;
  Py_ssize_t index = dict_keys_index(keys, name);
  PyObject* old = index >= 0 && index < (*place)->capacity ? (*place)->values[index] : nullptr;
  if (!value) {
    if (!old) return Found::No;
    (void)values_remove(*place, index);
    Py_DECREF(old);
    return Found::Yes;
  }
  if (old) {
    (*place)->values[index] = Py_NewRef(value);
    Py_DECREF(old);
    return Found::Yes;
  }
  if (index < 0) {
    if (keys->usable <= 0) return Found::No;
    index = keys->nentries;
    keys_add(keys, Py_NewRef(name), hash_of(name), nullptr);
  }
  TRY(values_reserve(place, index));
  values_add(*place, index, Py_NewRef(value));
  return Found::Yes;
}
PyObject* instance_dict_from_values(PyDictValues* values) { return dict_new_with(std::exchange(values->keys, nullptr), values, values->size); }

PyObject* dict_new_for_instance(PyTypeObject* type) {
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) return PyDict_New();
  PyDictValues* values = instance_values_new(type);
  return values ? instance_dict_from_values(values) : nullptr;
}

void dict_notify(PyDictObject* dict, PyDict_WatchEvent event, PyObject* key, PyObject* value) {
  if (!dict_is_watched(dict)) [[likely]] return;
  unsigned bits = dict->_ma_watcher_tag & 0xff;
  for (int i = 0; bits; ++i, bits >>= 1) {
    if (!(bits & 1)) continue;
    PyDict_WatchCallback callback = container_state().dict_watchers[i];
    if (callback && callback(event, object(dict), key, value) < 0)
      PyErr_FormatUnraisable("Exception ignored in %s watcher callback for <dict at %p>",
                             event == PyDict_EVENT_ADDED      ? "PyDict_EVENT_ADDED"
                             : event == PyDict_EVENT_MODIFIED ? "PyDict_EVENT_MODIFIED"
                             : event == PyDict_EVENT_DELETED  ? "PyDict_EVENT_DELETED"
                             : event == PyDict_EVENT_CLONED   ? "PyDict_EVENT_CLONED"
                             : event == PyDict_EVENT_CLEARED  ? "PyDict_EVENT_CLEARED"
                                                              : "PyDict_EVENT_DEALLOCATED",
                             static_cast<void*>(dict));
  }
}

void dict_dealloc(PyObject* self) {
  auto* dict = as_dict(self);
  if (dict_is_watched(dict)) {
    Py_SET_REFCNT(self, 1);  // callbacks see a living dict
    dict_notify(dict, PyDict_EVENT_DEALLOCATED, nullptr, nullptr);
    if (Py_REFCNT(self) > 1) {
      Py_SET_REFCNT(self, Py_REFCNT(self) - 1);
      return;
    }
    Py_SET_REFCNT(self, 0);
  }
  untrack(self);
  PyDictKeysObject* keys = dict->ma_keys;
  if (PyDictValues* values = dict->ma_values) values_free(values);
  dict_keys_release(keys);
  if (Py_IS_TYPE(self, &PyDict_Type) && container_state().dicts.give(self, kMaxFreeDicts)) return;
  Py_TYPE(self)->tp_free(self);
}

int dict_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* dict = as_dict(self);
  if (PyDictValues* values = dict->ma_values) {
    for (int i = 0; i < values->size; ++i) Py_VISIT(values->values[values->order()[i]]);
    return 0;
  }
  PyDictKeysObject* keys = dict->ma_keys;
  const Py_ssize_t count = keys->nentries;
  if (is_general(keys)) {
    GeneralEntry* entries = general_entries(keys);
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (!entries[i].value) continue;
      Py_VISIT(entries[i].value);
      Py_VISIT(entries[i].key);
    }
  } else {
    UnicodeEntry* entries = unicode_entries(keys);
    for (Py_ssize_t i = 0; i < count; ++i) Py_VISIT(entries[i].value);
  }
  return 0;
}

void dict_clear(PyDictObject* dict) {
  if (dict->ma_keys == &empty_keys) return;
  dict_notify(dict, PyDict_EVENT_CLEARED, nullptr, nullptr);
  PyDictKeysObject* keys = dict->ma_keys;
  PyDictValues* values = dict->ma_values;
  dict->ma_keys = &empty_keys;
  dict->ma_values = nullptr;
  dict->ma_used = 0;
  dict_renumbered(dict);
  if (values) values_free(values);
  dict_keys_release(keys);
}

// ---- change ----------------------------------------------------------------------------------------------------------

Status dict_resize(PyDictObject* dict, int log2_size, bool general, Py_ssize_t gap) {
  PyDictKeysObject* old = dict->ma_keys;
  if (is_general(old)) general = true;
  PyDictKeysObject* keys = TRY(keys_new(log2_size, general ? KeysKind::General : KeysKind::Unicode));
  for (Py_ssize_t i = 0; i < gap; ++i) {
    if (general) general_entries(keys)[i] = {};
    else unicode_entries(keys)[i] = {};
  }
  auto add = [&, n = gap](PyObject* key, Py_hash_t hash, PyObject* value) mutable {
    if (general) general_entries(keys)[n++] = {hash, key, value};
    else unicode_entries(keys)[n++] = {key, value};
  };
  if (PyDictValues* values = dict->ma_values) {
    const UnicodeEntry* entries = unicode_entries(old);
    for (int i = 0; i < values->size; ++i) {
      const int index = values->order()[i];
      PyObject* key = entries[index].key;
      add(Py_NewRef(key), str_hash(key), values->values[index]);
    }
    PyMem_Free(values);
    dict->ma_values = nullptr;
  } else if (is_general(old)) {
    const GeneralEntry* entries = general_entries(old);
    for (Py_ssize_t i = 0; i < old->nentries; ++i)
      if (entries[i].value) add(entries[i].key, entries[i].hash, entries[i].value);
  } else {
    const UnicodeEntry* entries = unicode_entries(old);
    for (Py_ssize_t i = 0; i < old->nentries; ++i)
      if (entries[i].value) add(entries[i].key, str_hash(entries[i].key), entries[i].value);
  }
  keys->nentries = gap + dict->ma_used;
  keys->usable -= keys->nentries;
  build_indices(keys, gap);
  dict->ma_keys = keys;
  dict_renumbered(dict);
  if (old->kind == KeysKind::Split) dict_keys_release(old);
  else if (old != &empty_keys) keys_free_memory(old);
  return Status::Ok;
}

namespace {

// `index` is the lookup's result: >= 0 when a split dict's shared keys have the key.
Status insert_new(PyDictObject* dict, Py_ssize_t index, PyObject* key, Py_hash_t hash, PyObject* value) {
  dict_notify(dict, PyDict_EVENT_ADDED, key, value);
  PyDictKeysObject* keys = dict->ma_keys;
  const bool str = PyUnicode_CheckExact(key);
  if (dict->ma_values) {
    if (str) {
      if (index < 0 && keys->usable > 0) {
        index = keys->nentries;
        keys_add(keys, Py_NewRef(key), hash, nullptr);
      }
      if (index >= 0) {
        TRY(values_reserve(&dict->ma_values, index));
        values_add(dict->ma_values, index, value);
        ++dict->ma_used;
        Py_DECREF(key);
        return Status::Ok;
      }
    }
    TRY(dict_resize(dict, log2_for_growth(dict->ma_used + 1), !str));
    keys = dict->ma_keys;
  } else if (keys == &empty_keys) {
    keys = TRY(keys_new(kMinLog2, str ? KeysKind::Unicode : KeysKind::General));
    dict->ma_keys = keys;
    dict_renumbered(dict);
  } else if (keys->usable <= 0 || (!str && !is_general(keys))) {
    TRY(dict_resize(dict, log2_for_growth(dict->ma_used), !str));
    keys = dict->ma_keys;
  }
  keys_add(keys, key, hash, value);
  ++dict->ma_used;
  return Status::Ok;
}

PyObject** value_slot(PyDictObject* dict, Py_ssize_t index) {
  if (dict->ma_values) return &dict->ma_values->values[index];
  if (is_general(dict->ma_keys)) return &general_entries(dict->ma_keys)[index].value;
  return &unicode_entries(dict->ma_keys)[index].value;
}

}  // namespace

Status dict_insert_taking(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject* value) {
  // The commonest case: a str is there already.
  if (PyDictKeysObject* keys = dict->ma_keys; keys->kind == KeysKind::Unicode && PyUnicode_CheckExact(key) && !dict_is_watched(dict)) {
    const Py_ssize_t found = find_str(keys, key, hash);
    if (found >= 0) {
      PyObject* replaced = std::exchange(unicode_entries(keys)[found].value, value);
      Py_DECREF(key);
      Py_DECREF(replaced);
      return Status::Ok;
    }
    if (insert_new(dict, kEmpty, key, hash, value) == Status::Ok) return Status::Ok;
    Py_DECREF(key);
    Py_DECREF(value);
    return failed;
  }
  PyObject* old;
  const Py_ssize_t index = dict_lookup(dict, key, hash, &old);
  if (old) {
    if (dict_is_watched(dict)) dict_notify(dict, PyDict_EVENT_MODIFIED, key, value);
    *value_slot(dict, index) = value;
    Py_DECREF(old);
    Py_DECREF(key);
    return Status::Ok;
  }
  if (index == kLookupError || insert_new(dict, index, key, hash, value) == Status::Error) {
    Py_DECREF(key);
    Py_DECREF(value);
    return failed;
  }
  return Status::Ok;
}
Status dict_set_known_hash(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject* value) {
  return dict_insert_taking(dict, Py_NewRef(key), hash, Py_NewRef(value));
}
Status dict_set_taking(PyDictObject* dict, PyObject* key, PyObject* value) {
  const Py_hash_t hash = hash_of(key);
  if (hash == -1) {
    reword_unhashable(key, "dict key");
    Py_DECREF(key);
    Py_DECREF(value);
    return failed;
  }
  return dict_insert_taking(dict, key, hash, value);
}
Found dict_set_default(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject* value, PyObject** result) {
  PyObject* old;
  const Py_ssize_t index = dict_lookup(dict, key, hash, &old);
  if (result) *result = nullptr;
  if (index == kLookupError) return failed;
  if (old) {
    if (result) *result = Py_NewRef(old);
    return Found::Yes;
  }
  if (insert_new(dict, index, Py_NewRef(key), hash, Py_NewRef(value)) == Status::Error) {
    Py_DECREF(key);
    Py_DECREF(value);
    return failed;
  }
  if (result) *result = Py_NewRef(value);
  return Found::No;
}

// Takes the present entry out; *value receives the reference.
Status dict_remove_at(PyDictObject* dict, Py_ssize_t index, Py_hash_t hash, PyObject** value) {
  PyDictKeysObject* keys = dict->ma_keys;
  PyObject* key = nullptr;
  if (PyDictValues* values = dict->ma_values) {
    *value = values_remove(values, index);
  } else {
    set_index(keys, find_slot_of(keys, hash, index), kDeleted);
    keys->version = 0;
    if (is_general(keys)) {
      GeneralEntry& entry = general_entries(keys)[index];
      key = std::exchange(entry.key, nullptr);
      *value = std::exchange(entry.value, nullptr);
      entry.hash = 0;
    } else {
      UnicodeEntry& entry = unicode_entries(keys)[index];
      key = std::exchange(entry.key, nullptr);
      *value = std::exchange(entry.value, nullptr);
    }
  }
  --dict->ma_used;
  Py_XDECREF(key);
  return Status::Ok;
}
Found dict_take(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject** value) {
  if (value) *value = nullptr;
  PyObject* old;
  const Py_ssize_t index = dict_lookup(dict, key, hash, &old);
  if (index == kLookupError) return failed;
  if (!old) return Found::No;
  dict_notify(dict, PyDict_EVENT_DELETED, key, nullptr);
  TRY(dict_remove_at(dict, index, hash, &old));
  if (value) *value = old;
  else Py_DECREF(old);
  return Found::Yes;
}
Status dict_delete_known_hash(PyDictObject* dict, PyObject* key, Py_hash_t hash) {
  if (TRY(dict_take(dict, key, hash, nullptr))) return Status::Ok;
  _PyErr_SetKeyError(key);
  return failed;
}
Status dict_pop_last(PyDictObject* dict, PyObject** key, PyObject** value) {
  if (dict->ma_values) TRY(dict_resize(dict, log2_size_for(dict->ma_used), false));
  PyDictKeysObject* keys = dict->ma_keys;
  Py_ssize_t i = keys->nentries - 1;
  Py_hash_t hash;
  if (is_general(keys)) {
    GeneralEntry* entries = general_entries(keys);
    while (!entries[i].value) --i;
    hash = entries[i].hash;
    dict_notify(dict, PyDict_EVENT_DELETED, entries[i].key, nullptr);
    *key = std::exchange(entries[i].key, nullptr);
    *value = std::exchange(entries[i].value, nullptr);
  } else {
    UnicodeEntry* entries = unicode_entries(keys);
    while (!entries[i].value) --i;
    hash = str_hash(entries[i].key);
    dict_notify(dict, PyDict_EVENT_DELETED, entries[i].key, nullptr);
    *key = std::exchange(entries[i].key, nullptr);
    *value = std::exchange(entries[i].value, nullptr);
  }
  set_index(keys, find_slot_of(keys, hash, i), kDeleted);
  keys->nentries = i;
  keys->version = 0;
  --dict->ma_used;
  return Status::Ok;
}

Status dict_move(PyDictObject* dict, Py_ssize_t index, Py_hash_t hash, bool to_end) {
  PyDictKeysObject* keys = dict->ma_keys;
  auto entry_key = [&](Py_ssize_t i) { return is_general(keys) ? general_entries(keys)[i].key : unicode_entries(keys)[i].key; };
  Py_ssize_t target;
  if (to_end) {
    target = keys->nentries;
    if (index == target - 1) return Status::Ok;
    if (keys->usable <= 0) {
      PyObject *key = entry_key(index), *value;
      TRY(dict_resize(dict, log2_for_growth(dict->ma_used), false));
      index = dict_lookup(dict, key, hash, &value);
      if (index == kLookupError) return failed;
      keys = dict->ma_keys;
      target = keys->nentries;
    }
    --keys->usable;
    ++keys->nentries;
  } else {
    Py_ssize_t first = 0;
    while (!entry_key(first)) ++first;
    if (index == first) return Status::Ok;
    if (first == 0) {
      PyObject *key = entry_key(index), *value;
      const Py_ssize_t gap = dict->ma_used / 2 + 4;
      TRY(dict_resize(dict, log2_size_for(dict->ma_used + gap + 1), false, gap));
      index = dict_lookup(dict, key, hash, &value);
      if (index == kLookupError) return failed;
      keys = dict->ma_keys;
      first = gap;
    }
    target = first - 1;
  }
  set_index(keys, find_slot_of(keys, hash, index), kDeleted);
  set_index(keys, find_free_slot(keys, hash), target);
  if (is_general(keys)) general_entries(keys)[target] = std::exchange(general_entries(keys)[index], {});
  else unicode_entries(keys)[target] = std::exchange(unicode_entries(keys)[index], {});
  keys->version = 0;
  return Status::Ok;
}

bool dict_next(PyDictObject* dict, Py_ssize_t* position, PyObject** key, PyObject** value, Py_hash_t* hash) {
  Py_ssize_t i = *position;
  if (i < 0) return false;
  PyDictKeysObject* keys = dict->ma_keys;
  if (PyDictValues* values = dict->ma_values) {
    if (i >= values->size) return false;
    const int index = values->order()[i];
    PyObject* name = unicode_entries(keys)[index].key;
    if (key) *key = name;
    if (value) *value = values->values[index];
    if (hash) *hash = str_hash(name);
  } else if (is_general(keys)) {
    const GeneralEntry* entries = general_entries(keys);
    while (i < keys->nentries && !entries[i].value) ++i;
    if (i >= keys->nentries) return false;
    if (key) *key = entries[i].key;
    if (value) *value = entries[i].value;
    if (hash) *hash = entries[i].hash;
  } else {
    const UnicodeEntry* entries = unicode_entries(keys);
    while (i < keys->nentries && !entries[i].value) ++i;
    if (i >= keys->nentries) return false;
    if (key) *key = entries[i].key;
    if (value) *value = entries[i].value;
    if (hash) *hash = str_hash(entries[i].key);
  }
  *position = i + 1;
  return true;
}

// ---- copies ------------------------------------------------------------------------------------------------------------

// A combined dict's keys with everything in them; new references.
PyDictKeysObject* keys_clone(PyDictObject* dict) {
  PyDictKeysObject* old = dict->ma_keys;
  PyDictKeysObject* keys = keys_new(old->log2_size, old->kind);
  if (!keys) return nullptr;
  std::memcpy(keys, old, keys_bytes(old) - static_cast<size_t>(usable_of(old->log2_size) - old->nentries) * entry_size(old->kind));
  keys->refcount = 1;
  keys->version = 0;
  for (Py_ssize_t i = 0; i < keys->nentries; ++i) {
    if (is_general(keys)) {
      Py_XINCREF(general_entries(keys)[i].key);
      Py_XINCREF(general_entries(keys)[i].value);
    } else {
      Py_XINCREF(unicode_entries(keys)[i].key);
      Py_XINCREF(unicode_entries(keys)[i].value);
    }
  }
  return keys;
}
PyObject* dict_copy(PyDictObject* dict) {
  if (dict->ma_used == 0) return PyDict_New();
  if (PyDictValues* old = dict->ma_values) {
    PyDictValues* values = values_new(old->capacity);
    if (!values) return nullptr;
    std::memcpy(values->values, old->values, size_t{old->capacity} * 8);
    std::memcpy(values->order(), old->order(), old->size);
    values->size = old->size;
    for (int i = 0; i < values->size; ++i) Py_INCREF(values->values[values->order()[i]]);
    ++dict->ma_keys->refcount;
    return dict_new_with(dict->ma_keys, values, dict->ma_used);
  }
  if (Py_TYPE(dict)->tp_iter == dict_iter && dict->ma_used >= dict->ma_keys->nentries * 2 / 3) {
    PyDictKeysObject* keys = keys_clone(dict);
    return keys ? dict_new_with(keys, nullptr, dict->ma_used) : nullptr;
  }
  Ref<> copy = steal(PyDict_New());
  if (!copy || dict_merge(as_dict(copy), object(dict), 1) == Status::Error) return nullptr;
  return copy.release();
}

// ---- for the interpreter -------------------------------------------------------------------------------------------------

uint32_t dict_keys_version(PyDictKeysObject* keys) {
  if (keys->version) return keys->version;
  ContainerTypesState& state = container_state();
  if (state.last_keys_version == UINT32_MAX) return 0;
  if (state.last_keys_version == 0) state.last_keys_version = 1;  // 1 is the empty keys'
  return keys->version = ++state.last_keys_version;
}

PyObject* dict_load_global(PyDictObject* globals, PyObject* builtins, PyObject* name) {
  PyObject* value;
  Py_hash_t hash = str_hash(name);
  if (hash == -1) hash = PyObject_Hash(name);
  if (dict_lookup(globals, name, hash, &value) == kLookupError) return nullptr;
  if (value) return Py_NewRef(value);
  if (PyDict_CheckExact(builtins)) {
    if (dict_lookup(as_dict(builtins), name, hash, &value) == kLookupError) return nullptr;
    return Py_XNewRef(value);
  }
  PyMapping_GetOptionalItem(builtins, name, &value);
  return value;
}


}  // namespace ks
