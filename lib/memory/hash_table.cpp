// The hash table that the reference's own modules share (_Py_hashtable_*): chained buckets, pointers as keys and values.
//
// Its struct is known to those modules (they read it, and call get_entry_func through it).
#include <Python.h>

#include <cstdlib>

#include "object/export.h"

extern "C" {

struct _Py_hashtable_t;
struct HashTableEntry {
  HashTableEntry* next;
  Py_uhash_t hash;
  void* key;
  void* value;
};
using HashFunction = Py_uhash_t (*)(const void* key);
using CompareFunction = int (*)(const void* a, const void* b);
using DestroyFunction = void (*)(void* item);
struct HashTableAllocator {
  void* (*malloc)(size_t size);
  void (*free)(void* block);
};
struct _Py_hashtable_t {
  size_t count;
  size_t bucket_count;
  HashTableEntry** buckets;
  HashTableEntry* (*get_entry)(_Py_hashtable_t* table, const void* key);
  HashFunction hash;
  CompareFunction compare;
  DestroyFunction destroy_key;
  DestroyFunction destroy_value;
  HashTableAllocator allocator;
};
}

namespace ks {
namespace {

constexpr size_t kMinBuckets = 16;
constexpr double kHigh = 0.50;
constexpr double kLow = 0.10;
constexpr double kRehash = 2.0 / (kLow + kHigh);

size_t buckets_for(size_t wanted) {
  size_t count = kMinBuckets;
  while (count < wanted) count <<= 1;
  return count;
}

HashTableEntry* find_entry(_Py_hashtable_t* table, const void* key) {
  const Py_uhash_t hash = table->hash(key);
  for (HashTableEntry* entry = table->buckets[hash & (table->bucket_count - 1)]; entry; entry = entry->next)
    if (entry->hash == hash && table->compare(key, entry->key)) return entry;
  return nullptr;
}
HashTableEntry* find_pointer(_Py_hashtable_t* table, const void* key);

bool rehash(_Py_hashtable_t* table) {
  const size_t size = buckets_for(static_cast<size_t>(static_cast<double>(table->count) * kRehash));
  if (size == table->bucket_count) return true;
  auto** fresh = static_cast<HashTableEntry**>(table->allocator.malloc(size * sizeof(HashTableEntry*)));
  if (!fresh) return false;
  for (size_t i = 0; i < size; ++i) fresh[i] = nullptr;
  for (size_t i = 0; i < table->bucket_count; ++i) {
    while (HashTableEntry* entry = table->buckets[i]) {
      table->buckets[i] = entry->next;
      HashTableEntry*& bucket = fresh[entry->hash & (size - 1)];
      entry->next = bucket;
      bucket = entry;
    }
  }
  table->allocator.free(table->buckets);
  table->bucket_count = size;
  table->buckets = fresh;
  return true;
}

void destroy_entry(_Py_hashtable_t* table, HashTableEntry* entry) {
  if (table->destroy_key) table->destroy_key(entry->key);
  if (table->destroy_value) table->destroy_value(entry->value);
  table->allocator.free(entry);
}

void destroy_entries(_Py_hashtable_t* table) {
  for (size_t i = 0; i < table->bucket_count; ++i) {
    while (HashTableEntry* entry = table->buckets[i]) {
      table->buckets[i] = entry->next;
      destroy_entry(table, entry);
    }
  }
  table->count = 0;
}

}  // namespace
}  // namespace ks

using namespace ks;

KS_EXPORT Py_uhash_t _Py_hashtable_hash_ptr(const void* key) { return static_cast<Py_uhash_t>(Py_HashPointer(key)); }
KS_EXPORT int _Py_hashtable_compare_direct(const void* a, const void* b) { return a == b; }

namespace ks {
namespace {
HashTableEntry* find_pointer(_Py_hashtable_t* table, const void* key) {
  const Py_uhash_t hash = _Py_hashtable_hash_ptr(key);
  for (HashTableEntry* entry = table->buckets[hash & (table->bucket_count - 1)]; entry; entry = entry->next)
    if (entry->key == key) return entry;
  return nullptr;
}
}  // namespace
}  // namespace ks

// A new table; NULL without memory. Without an allocator, domain mem.
KS_EXPORT _Py_hashtable_t* _Py_hashtable_new_full(HashFunction hash, CompareFunction compare, DestroyFunction destroy_key,
                                                  DestroyFunction destroy_value, HashTableAllocator* given) {
  const HashTableAllocator allocator = given ? *given : HashTableAllocator{PyMem_Malloc, PyMem_Free};
  auto* table = static_cast<_Py_hashtable_t*>(allocator.malloc(sizeof(_Py_hashtable_t)));
  if (!table) return nullptr;
  auto** buckets = static_cast<HashTableEntry**>(allocator.malloc(kMinBuckets * sizeof(HashTableEntry*)));
  if (!buckets) {
    allocator.free(table);
    return nullptr;
  }
  for (size_t i = 0; i < kMinBuckets; ++i) buckets[i] = nullptr;
  *table = {0, kMinBuckets, buckets, find_entry, hash, compare, destroy_key, destroy_value, allocator};
  if (hash == _Py_hashtable_hash_ptr && compare == _Py_hashtable_compare_direct) table->get_entry = find_pointer;
  return table;
}
KS_EXPORT _Py_hashtable_t* _Py_hashtable_new(HashFunction hash, CompareFunction compare) {
  return _Py_hashtable_new_full(hash, compare, nullptr, nullptr, nullptr);
}
KS_EXPORT size_t _Py_hashtable_len(const _Py_hashtable_t* table) { return table->count; }
KS_EXPORT size_t _Py_hashtable_size(const _Py_hashtable_t* table) {
  return sizeof(_Py_hashtable_t) + table->bucket_count * sizeof(HashTableEntry*) + table->count * sizeof(HashTableEntry);
}
// The value, NULL when there is none.
KS_EXPORT void* _Py_hashtable_get(_Py_hashtable_t* table, const void* key) {
  HashTableEntry* entry = table->get_entry(table, key);
  return entry ? entry->value : nullptr;
}
// The key must not be there. 0, or -1 without memory.
KS_EXPORT int _Py_hashtable_set(_Py_hashtable_t* table, const void* key, void* value) {
  auto* entry = static_cast<HashTableEntry*>(table->allocator.malloc(sizeof(HashTableEntry)));
  if (!entry) return -1;
  entry->hash = table->hash(key);
  entry->key = const_cast<void*>(key);
  entry->value = value;
  ++table->count;
  if (static_cast<double>(table->count) / static_cast<double>(table->bucket_count) > kHigh && !rehash(table)) {
    --table->count;
    table->allocator.free(entry);
    return -1;
  }
  HashTableEntry*& bucket = table->buckets[entry->hash & (table->bucket_count - 1)];
  entry->next = bucket;
  bucket = entry;
  return 0;
}
// Removes the key and gives out its value; NULL when it is not there.
KS_EXPORT void* _Py_hashtable_steal(_Py_hashtable_t* table, const void* key) {
  const Py_uhash_t hash = table->hash(key);
  for (HashTableEntry** link = &table->buckets[hash & (table->bucket_count - 1)]; *link; link = &(*link)->next) {
    HashTableEntry* entry = *link;
    if (entry->hash != hash || !table->compare(key, entry->key)) continue;
    *link = entry->next;
    --table->count;
    void* value = entry->value;
    table->allocator.free(entry);
    if (static_cast<double>(table->count) / static_cast<double>(table->bucket_count) < kLow) (void)rehash(table);
    return value;
  }
  return nullptr;
}
// Calls the function for each entry until it returns something else than 0, which then is the result.
KS_EXPORT int _Py_hashtable_foreach(_Py_hashtable_t* table,
                                    int (*function)(_Py_hashtable_t*, const void* key, const void* value, void* data), void* data) {
  for (size_t i = 0; i < table->bucket_count; ++i)
    for (HashTableEntry* entry = table->buckets[i]; entry; entry = entry->next)
      if (const int result = function(table, entry->key, entry->value, data)) return result;
  return 0;
}
KS_EXPORT void _Py_hashtable_clear(_Py_hashtable_t* table) {
  destroy_entries(table);
  (void)rehash(table);
}
KS_EXPORT void _Py_hashtable_destroy(_Py_hashtable_t* table) {
  destroy_entries(table);
  table->allocator.free(table->buckets);
  table->allocator.free(table);
}
