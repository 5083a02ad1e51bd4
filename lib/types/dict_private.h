// Shared by dict.cpp, dict_methods.cpp, dict_views.cpp.
#pragma once

#include "types/container_support.h"
#include "types/dict.h"

namespace ks {

inline PyDictObject* as_dict(PyObject* op) { return reinterpret_cast<PyDictObject*>(op); }

// Rebuilds in order; keys become General when `general`; the first `gap` entries stay free.
Status dict_resize(PyDictObject* dict, int log2_size, bool general, Py_ssize_t gap = 0);
inline void dict_renumbered(PyDictObject* dict) { dict->_ma_watcher_tag += uint64_t{1} << 32; }
int log2_size_for(Py_ssize_t count);  // the size whose usable part holds count entries
inline constexpr Py_ssize_t usable_of(int log2_size) { return (Py_ssize_t{2} << log2_size) / 3; }
PyDictKeysObject* keys_new(int log2_size, KeysKind kind);
PyObject* dict_new_with(PyDictKeysObject* keys, PyDictValues* values, Py_ssize_t used);  // takes over the keys
PyDictKeysObject* keys_clone(PyDictObject* dict);
Status dict_insert_taking(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject* value);
Status dict_remove_at(PyDictObject* dict, Py_ssize_t index, Py_hash_t hash, PyObject** value);
Status dict_pop_last(PyDictObject* dict, PyObject** key, PyObject** value);  // the dict is not empty
void dict_notify(PyDictObject* dict, PyDict_WatchEvent event, PyObject* key, PyObject* value);
void dict_dealloc(PyObject* self);
int dict_traverse(PyObject* self, visitproc visit, void* arg);
PyObject* dict_iter(PyObject* dict);
PyObject* dict_reversed_keys(PyObject* dict);
PyObject* dict_view_new(PyObject* dict, PyTypeObject* type);
Status dict_merge_pairs(PyDictObject* dict, PyObject* pairs, int override);
PyObject* dict_or(PyObject* left, PyObject* right);
PyObject* dict_inplace_or(PyObject* self, PyObject* other);
Status dict_update_from(PyObject* self, PyObject* source);
Status dict_update_common(PyObject* self, PyObject* args, PyObject* kwargs, const char* name);

}  // namespace ks
