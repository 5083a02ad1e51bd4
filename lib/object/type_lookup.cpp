// Looking up names in types: dictionaries along the MRO, the method cache, version tags, watchers.
//
// A version tag names one state of a type and all its bases: whatever changes a type's dictionary or bases takes the tags
// of the type and of its subclasses away (type_modified); a new one is given at the next lookup. So (tag, name) -> value
// never goes stale, in the method cache here and in the interpreter's inline caches. A type has a tag only if all its
// bases have one. Static builtin types are numbered from 1, the same in all interpreters.
#include <cstring>

#include "object/export.h"
#include "object/type.h"
#include "runtime/state.h"
#include "types/dict.h"

namespace ks {
namespace {

constexpr uint16_t kVersionsPerClass = 1000;
constexpr unsigned int kStaticVersionStep = 512;
static_assert(kMaxStaticTypes < kStaticVersionStep);

TypeState& state() { return interpreter()->object.types; }

Py_ssize_t static_index(const PyTypeObject* type) { return reinterpret_cast<Py_ssize_t>(type->tp_subclasses) - 1; }
StaticTypeView& static_view(const PyTypeObject* type) { return state().static_types[static_index(type)]; }

PyObject* lookup_in_mro(PyTypeObject* type, PyObject* name) {
  PyObject* mro = type->tp_mro;
  if (!mro) return nullptr;
  // The dictionaries are searched with a comparison that may run Python code only for keys that are no plain str.
  Ref<> held = borrow(mro);
  const Py_ssize_t size = PyTuple_GET_SIZE(mro);
  const bool plain = PyUnicode_CheckExact(name);
  const Py_hash_t hash = plain ? 0 : PyObject_Hash(name);
  for (Py_ssize_t i = 0; i < size; ++i) {
    auto* dict = as<PyDictObject>(type_dict(as<PyTypeObject>(PyTuple_GET_ITEM(mro, i))));
    if (!dict) continue;
    PyObject* value = plain ? dict_get_str(dict, name) : dict_get_known_hash(dict, name, hash);
    if (value) return value;
    if (thread()->current_exception) [[unlikely]] return nullptr;
  }
  return nullptr;
}

MethodCacheEntry& cache_entry(unsigned int version, PyObject* name) {
  const uintptr_t where = version ^ (reinterpret_cast<uintptr_t>(name) >> 4);
  return state().method_cache[where & ((1u << kMethodCacheBits) - 1)];
}

}  // namespace

PyObject* type_dict(PyTypeObject* type) { return is_static_builtin(type) ? static_view(type).dict : type->tp_dict; }
void type_set_dict(PyTypeObject* type, PyObject* dict) {
  PyObject*& slot = is_static_builtin(type) ? static_view(type).dict : type->tp_dict;
  Py_XDECREF(std::exchange(slot, dict));
}
PyObject* type_subclasses(PyTypeObject* type) {
  return is_static_builtin(type) ? static_view(type).subclasses : static_cast<PyObject*>(type->tp_subclasses);
}
PyObject** type_weak_list(PyTypeObject* type) {
  return is_static_builtin(type) ? &static_view(type).weak_list : &type->tp_weaklist;
}

unsigned int type_assign_version(PyTypeObject* type) {
  if (type->tp_version_tag) return type->tp_version_tag;
  if (!type_has(type, Py_TPFLAGS_READY) || type->tp_versions_used >= kVersionsPerClass) return 0;
  if (is_static_builtin(type)) return type->tp_version_tag = static_cast<unsigned int>(static_index(type)) + 1;
  PyObject* bases = type->tp_bases;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); ++i)
    if (!type_assign_version(as<PyTypeObject>(PyTuple_GET_ITEM(bases, i)))) return 0;
  uint32_t& next = state().next_version;
  if (next < kFirstHeapTypeVersion) {
    if (next) return 0;  // all have been given away
    next = kFirstHeapTypeVersion;
  }
  ++type->tp_versions_used;
  type->tp_version_tag = next++;
  if (next == 0) next = 1;
  return type->tp_version_tag;
}

PyObject* type_lookup_with_version(PyTypeObject* type, PyObject* name, unsigned int* version) {
  unsigned int tag = type->tp_version_tag;
  if (tag) [[likely]] {
    const MethodCacheEntry& entry = cache_entry(tag, name);
    if (entry.version == tag && entry.name == name) [[likely]] {
      *version = tag;
      return entry.value;
    }
  } else {
    tag = type_assign_version(type);
  }
  PyObject* value = lookup_in_mro(type, name);
  if (!value && thread()->current_exception) [[unlikely]] {
    // No error of a lookup is reported: a key that cannot be compared counts as another name.
    PyErr_Clear();
    *version = 0;
    return nullptr;
  }
  // The lookup may have run Python code that changed the type.
  if (tag && tag == type->tp_version_tag && PyUnicode_CheckExact(name)) {
    MethodCacheEntry& entry = cache_entry(tag, name);
    entry.version = tag;
    entry.value = value;
    if (entry.name != name) Py_XDECREF(std::exchange(entry.name, Py_NewRef(name)));
    *version = tag;
  } else {
    *version = 0;
  }
  return value;
}

PyObject* type_lookup(PyTypeObject* type, PyObject* name) {
  unsigned int version;
  return type_lookup_with_version(type, name, &version);
}

void type_modified(PyTypeObject* type) {
  if (type->tp_version_tag == 0) return;
  if (PyObject* subclasses = type_subclasses(type)) {
    Py_ssize_t position = 0;
    PyObject* reference;
    while (PyDict_Next(subclasses, &position, nullptr, &reference)) {
      Ref<> subclass;
      if (PyWeakref_GetRef(reference, subclass.out()) > 0) type_modified(as<PyTypeObject>(subclass.get()));
    }
  }
  if (unsigned int bits = type->tp_watched) {
    for (int i = 0; bits; ++i, bits >>= 1) {
      if (!(bits & 1)) continue;
      PyType_WatchCallback callback = state().watchers[i];
      if (callback && callback(type) < 0)
        PyErr_FormatUnraisable("Exception ignored in type watcher callback #%d for %R", i, object(type));
    }
  }
  type->tp_version_tag = is_static_builtin(type) ? type->tp_version_tag + kStaticVersionStep : 0;
  if (is_heap_type(type)) {
    heap_type(type)->_spec_cache.getitem = nullptr;
    heap_type(type)->_spec_cache.init = nullptr;
  }
}

Ref<> lookup_special(PyObject* obj, PyObject* name) {
  PyObject* value = type_lookup(Py_TYPE(obj), name);
  if (!value) return nullptr;
  Ref<> held = borrow(value);
  descrgetfunc get = Py_TYPE(value)->tp_descr_get;
  return get ? steal(get(value, obj, object(Py_TYPE(obj)))) : std::move(held);
}

int lookup_special_method(PyObject* obj, PyObject* name, PyObject** out) {
  PyObject* value = type_lookup(Py_TYPE(obj), name);
  *out = nullptr;
  if (!value) return 0;
  if (type_has(Py_TYPE(value), Py_TPFLAGS_METHOD_DESCRIPTOR)) {
    *out = Py_NewRef(value);
    return 1;
  }
  Ref<> held = borrow(value);
  descrgetfunc get = Py_TYPE(value)->tp_descr_get;
  *out = get ? get(value, obj, object(Py_TYPE(obj))) : held.release();
  return *out ? 0 : -1;
}

}  // namespace ks

// ---- exports ---------------------------------------------------------------------------------------------------------------

using namespace ks;

// Borrowed; nullptr without an exception when there is no such name.
extern "C" PyObject* _PyType_Lookup(PyTypeObject* type, PyObject* name) { return type_lookup(type, name); }
// The same, new.
extern "C" PyObject* _PyType_LookupRef(PyTypeObject* type, PyObject* name) { return Py_XNewRef(type_lookup(type, name)); }

// To be called after a type's dictionary was changed from outside.
extern "C" void PyType_Modified(PyTypeObject* type) { type_modified(type); }

// Empties the method cache; returns the next version tag.
extern "C" unsigned int PyType_ClearCache() {
  TypeState& types = state();
  for (MethodCacheEntry& entry : types.method_cache) {
    entry.version = 0;
    entry.value = nullptr;
    Py_CLEAR(entry.name);
  }
  return types.next_version ? types.next_version - 1 : 0;
}

// 1 if the type has a version tag (now), else 0.
extern "C" int PyUnstable_Type_AssignVersionTag(PyTypeObject* type) { return type_assign_version(type) != 0; }

// For tests: gives the type this version tag.
KS_EXPORT void _PyType_SetVersion(PyTypeObject* type, unsigned int version) {
  if (version && type->tp_versions_used < kVersionsPerClass) ++type->tp_versions_used;
  type->tp_version_tag = version;
}

// The id of a new watcher, -1 with RuntimeError when there are too many.
extern "C" int PyType_AddWatcher(PyType_WatchCallback callback) {
  // Number 0 is not given away, as in the reference.
  for (int i = 1; i < kTypeWatchers; ++i) {
    if (state().watchers[i]) continue;
    state().watchers[i] = callback;
    return i;
  }
  return raise(PyExc_RuntimeError, "no more type watcher IDs available");
}

namespace {
Status check_watcher(int id) {
  if (id < 0 || id >= kTypeWatchers) return raise(PyExc_ValueError, "Invalid type watcher ID %d", id);
  if (!state().watchers[id]) return raise(PyExc_ValueError, "No type watcher set for ID %d", id);
  return Status::Ok;
}
}  // namespace

extern "C" int PyType_ClearWatcher(int id) {
  TRY(check_watcher(id));
  state().watchers[id] = nullptr;
  return 0;
}
// From now on the watcher is told once when the type is modified.
extern "C" int PyType_Watch(int id, PyObject* obj) {
  if (!PyType_Check(obj)) return raise(PyExc_ValueError, "Cannot watch non-type");
  TRY(check_watcher(id));
  auto* type = as<PyTypeObject>(obj);
  type_assign_version(type);
  type->tp_watched |= static_cast<unsigned char>(1u << id);
  return 0;
}
extern "C" int PyType_Unwatch(int id, PyObject* obj) {
  if (!PyType_Check(obj)) return raise(PyExc_ValueError, "Cannot watch non-type");
  TRY(check_watcher(id));
  as<PyTypeObject>(obj)->tp_watched &= static_cast<unsigned char>(~(1u << id));
  return 0;
}

// tp_dict wherever it is: new, nullptr for a type without one.
extern "C" PyObject* PyType_GetDict(PyTypeObject* type) { return Py_XNewRef(type_dict(type)); }
KS_EXPORT PyObject* _PyType_GetDict(PyTypeObject* type) { return type_dict(type); }

// A special method of obj's type, bound: new; nullptr without an exception when there is none.
KS_EXPORT PyObject* _PyObject_LookupSpecial(PyObject* obj, PyObject* name) {
  Ref<> result = lookup_special(obj, name);
  return result.release();
}
