// What the type half of object/ keeps for each interpreter: the method cache, version tags, watchers, and this
// interpreter's view of the static types. Part of ObjectState.
#pragma once

#include <Python.h>

#include <cstdint>

namespace ks {

// A static builtin type is shared by all interpreters; what hangs on it is not. tp_subclasses of such a type holds its
// number + 1, and this is what the interpreter keeps under that number.
struct StaticTypeView {
  PyTypeObject* type;    // borrowed: static
  PyObject* dict;        // owned: what tp_dict is for other types
  PyObject* subclasses;  // owned dict {address: weak reference}, or nullptr
  PyObject* weak_list;
};

// One entry of the method cache: what looking up `name` in a type with this version tag gave.
struct MethodCacheEntry {
  PyObject* name;   // owned, interned
  PyObject* value;  // borrowed; nullptr: not there
  uint32_t version;
};

inline constexpr int kMaxStaticTypes = 400;
inline constexpr int kMethodCacheBits = 12;
inline constexpr int kTypeWatchers = 8;
// Version tags of static types are below this, equal in all interpreters; those of heap types start here.
inline constexpr uint32_t kFirstHeapTypeVersion = 1u << 16;

struct TypeState {
  StaticTypeView static_types[kMaxStaticTypes];
  MethodCacheEntry method_cache[1 << kMethodCacheBits];
  uint32_t next_version;  // 0: not started
  PyType_WatchCallback watchers[kTypeWatchers];
  PyObject* generic;             // owned: typing.Generic, nullptr until asked for
  uint64_t abc_invalidation_counter;  // _abc: raised by every register()
};

}  // namespace ks
