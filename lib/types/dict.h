// dict's representation and its typed cores.
//
// A dict is a hash table in two parts: an index table of 2^log2_size slots, probed by hash, whose slots hold the number of
// an entry (kEmpty, kDeleted or >= 0; 1, 2, 4 or 8 bytes wide), and the entries in insertion order. A deleted entry has
// key and value nullptr.
//
// Kinds: General (any keys, entries hold the hash), Unicode (all keys are exact str: no hash stored, lookups cannot fail),
// Split (Unicode keys shared by the instances of a class; values lie in ma_values, entries' values are unused).
// Keys with refcount > 1 are Split keys; Unicode and General keys have one owner. empty_keys is a constant for everyone.
#pragma once

#include <Python.h>

#include "object/attribute.h"
#include "object/ref.h"
#include "object/result.h"

enum class KeysKind : uint8_t { General = 0, Unicode = 1, Split = 2 };

struct _dictkeysobject {
  Py_ssize_t refcount;
  uint8_t log2_size;
  uint8_t log2_index_bytes;
  KeysKind kind;
  uint32_t version;      // 0: none given since the last change of the keys
  Py_ssize_t usable;     // how many entries may still be added
  Py_ssize_t nentries;   // how many entries are in use, deleted ones included
  // char indices[1 << log2_index_bytes]; then entries.
  signed char indices[8];  // or more
};

// Values of a split dict, by the number of the entry in the shared keys; nullptr where this dict has no such key.
// `order` (behind the values) holds the numbers in this dict's own insertion order.
// The values of an instance without a dict object hold a reference to the keys; in a dict, ma_keys does.
struct _dictvalues {
  uint8_t capacity;
  uint8_t size;  // == ma_used
  uint8_t unused[6];
  PyDictKeysObject* keys;
  PyObject* values[];
  uint8_t* order() { return reinterpret_cast<uint8_t*>(values + capacity); }
};

namespace ks {

struct GeneralEntry {
  Py_hash_t hash;
  PyObject* key;
  PyObject* value;
};
struct UnicodeEntry {
  PyObject* key;
  PyObject* value;
};

inline constexpr Py_ssize_t kEmpty = -1, kDeleted = -2, kLookupError = -3;

extern PyDictKeysObject empty_keys;

inline GeneralEntry* general_entries(PyDictKeysObject* keys) {
  return reinterpret_cast<GeneralEntry*>(keys->indices + (size_t{1} << keys->log2_index_bytes));
}
inline UnicodeEntry* unicode_entries(PyDictKeysObject* keys) {
  return reinterpret_cast<UnicodeEntry*>(keys->indices + (size_t{1} << keys->log2_index_bytes));
}
inline bool is_general(const PyDictKeysObject* keys) { return keys->kind == KeysKind::General; }

// The hash of a key; -1 with an exception. Cached hashes of str are read directly.
inline Py_hash_t hash_of(PyObject* key) {
  if (PyUnicode_CheckExact(key)) {
    const Py_hash_t hash = reinterpret_cast<PyASCIIObject*>(key)->hash;
    if (hash != -1) return hash;
  }
  return PyObject_Hash(key);
}
// As hash_of, with the message "cannot use 'list' as a dict key (unhashable type: 'list')".
Py_hash_t hash_of_dict_key(PyObject* key);
// Rewords the TypeError that is set, if it is one, as "cannot use 'list' as a dict key (...)".
void reword_unhashable(PyObject* key, const char* role);

// ---- lookup ----------------------------------------------------------------------------------------------------------

// The number of the entry, kEmpty, or kLookupError with an exception; *value is borrowed (nullptr when missing).
Py_ssize_t dict_lookup(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject** value);
// Borrowed; nullptr without (missing) or with an exception.
inline PyObject* dict_get_known_hash(PyDictObject* dict, PyObject* key, Py_hash_t hash) {
  PyObject* value;
  dict_lookup(dict, key, hash, &value);
  return value;
}
// *value becomes new.
inline Found dict_find(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject** value) {
  const Py_ssize_t index = dict_lookup(dict, key, hash, value);
  if (index == kLookupError) return failed;
  Py_XINCREF(*value);
  return *value ? Found::Yes : Found::No;
}
// `name` is an exact str; borrowed. Fails (with nullptr and an exception) only when a key that is no str compares so.
PyObject* dict_get_str(PyDictObject* dict, PyObject* name);

// ---- change ----------------------------------------------------------------------------------------------------------

Status dict_set_known_hash(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject* value);
// Both references are taken over, also on failure.
Status dict_set_taking(PyDictObject* dict, PyObject* key, PyObject* value);
// KeyError when missing.
Status dict_delete_known_hash(PyDictObject* dict, PyObject* key, Py_hash_t hash);
// Removes; *value (may be nullptr) becomes new. No exception when missing.
Found dict_take(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject** value);
void dict_clear(PyDictObject* dict);
// Found::Yes: was there. *result (may be nullptr) becomes new.
Found dict_set_default(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject* value, PyObject** result);
// override: 0 keeps what is there, 1 replaces, 2 raises KeyError(key) on a duplicate.
Status dict_merge(PyDictObject* target, PyObject* source, int override);
PyObject* dict_copy(PyDictObject* dict);

// Steps through the live entries: *position starts at 0. Everything is borrowed.
bool dict_next(PyDictObject* dict, Py_ssize_t* position, PyObject** key, PyObject** value, Py_hash_t* hash);

// A new dict with room for `count` items; unicode: all keys will be exact str.
PyObject* dict_new_presized(Py_ssize_t count, bool unicode);

// Moves a present entry to the end or to the front of the order (combined dicts).
Status dict_move(PyDictObject* dict, Py_ssize_t index, Py_hash_t hash, bool to_end);
// Changes whenever the entries of a combined dict get new numbers.
inline uint32_t dict_numbering(const PyDictObject* dict) { return static_cast<uint32_t>(dict->_ma_watcher_tag >> 32); }

// ---- instances ---------------------------------------------------------------------------------------------------------

// The dict of a new instance: split, with the keys shared through ht_cached_keys, when `type` is a heap type.
PyObject* dict_new_for_instance(PyTypeObject* type);

// Attributes of an instance that nobody has asked for a dict: values whose pointer, with bit 0 set, stands in the place of the managed
// dict's (object/attribute.h). instance_dict_from_values makes the dict of them.
inline PyDictValues* instance_values(PyObject* word) { return reinterpret_cast<PyDictValues*>(reinterpret_cast<uintptr_t>(word) - 1); }
inline PyObject* instance_values_word(PyDictValues* values) { return reinterpret_cast<PyObject*>(reinterpret_cast<uintptr_t>(values) + 1); }
// Empty, with the keys of the class: a heap type. nullptr with MemoryError.
PyDictValues* instance_values_new(PyTypeObject* type);
void instance_values_free(PyDictValues* values);
int instance_values_traverse(PyDictValues* values, visitproc visit, void* argument);
// `name` is an exact str; borrowed, nullptr when missing.
PyObject* instance_values_get(PyDictValues* values, PyObject* name);
// Sets, or with a null `value` deletes; may move the values. No: there is no room for the name, or nothing to delete.
Found instance_values_set(PyDictValues** values, PyObject* name, PyObject* value);
// Takes the values over: new; nullptr with MemoryError (then they are gone).
PyObject* instance_dict_from_values(PyDictValues* values);
// For the owner of ht_cached_keys: gives its reference back.
void dict_keys_release(PyDictKeysObject* keys);

// ---- for the interpreter's caches -----------------------------------------------------------------------------------------

// A number that is given to no other keys and changes with every change of the set of keys (not of the values). 0: none left.
uint32_t dict_keys_version(PyDictKeysObject* keys);
inline uint32_t dict_keys_version(PyDictObject* dict) { return dict_keys_version(dict->ma_keys); }

// The number of the entry of `name` (exact str) in keys without other kinds of keys, kEmpty if missing, kLookupError
// (without an exception) if the keys are General.
Py_ssize_t dict_keys_index(PyDictKeysObject* keys, PyObject* name);
inline Py_ssize_t dict_index_of(PyDictObject* dict, PyObject* name) { return dict_keys_index(dict->ma_keys, name); }

// The value at an index found while the keys had this version: borrowed, nullptr if absent. Works for Unicode and Split.
inline PyObject* dict_value_at(PyDictObject* dict, Py_ssize_t index) {
  if (PyDictValues* values = dict->ma_values) return index < values->capacity ? values->values[index] : nullptr;
  return unicode_entries(dict->ma_keys)[index].value;
}
// For combined dicts of any state: the value if entry `hint` has this very key (identity), else nullptr. Borrowed.
inline PyObject* dict_value_by_hint(PyDictObject* dict, Py_ssize_t hint, PyObject* name) {
  PyDictKeysObject* keys = dict->ma_keys;
  if (hint >= keys->nentries || keys->kind != KeysKind::Unicode) return nullptr;
  const UnicodeEntry& entry = unicode_entries(keys)[hint];
  return entry.key == name ? entry.value : nullptr;
}
inline bool dict_is_watched(const PyDictObject* dict) { return dict->_ma_watcher_tag & 0xff; }
// Replaces the value of a present key at `index` (from dict_keys_index, still valid); false when the dict is watched.
inline bool dict_replace_value_at(PyDictObject* dict, Py_ssize_t index, PyObject* value) {
  if (dict_is_watched(dict)) return false;
  PyObject** slot;
  if (PyDictValues* values = dict->ma_values) {
    if (index >= values->capacity) return false;
    slot = &values->values[index];
  } else {
    slot = &unicode_entries(dict->ma_keys)[index].value;
  }
  PyObject* old = *slot;
  if (!old) return false;
  *slot = Py_NewRef(value);
  Py_DECREF(old);
  return true;
}

// Looks up globals, then builtins: new; nullptr without an exception when missing. `builtins` may be any mapping.
PyObject* dict_load_global(PyDictObject* globals, PyObject* builtins, PyObject* name);

}  // namespace ks
