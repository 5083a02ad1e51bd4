// The allocation domains raw, mem and obj: hook tables, the functions of the manual, choice by PYTHONMALLOC.
//
// All three lie on mimalloc unless PYTHONMALLOC asks for the C library's malloc. The names that the reference reports
// stay: "pymalloc" is its default, and so is ours, whatever does the work.
#include <Python.h>

#include <mimalloc.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "memory/allocator.h"
#include "memory/debug_hooks.h"
#include "object/export.h"

namespace ks {

namespace {

void* fast_malloc(void*, size_t size) { return mi_malloc(size); }
void* fast_calloc(void*, size_t count, size_t size) { return mi_calloc(count, size); }
void* fast_realloc(void*, void* block, size_t size) { return mi_realloc(block, size); }
void fast_free(void*, void* block) { mi_free(block); }

// The C library may return NULL for zero bytes; Python's functions never do.
void* system_malloc(void*, size_t size) { return malloc(size ? size : 1); }
void* system_calloc(void*, size_t count, size_t size) {
  if (count == 0 || size == 0) return calloc(1, 1);
  return calloc(count, size);
}
void* system_realloc(void*, void* block, size_t size) { return realloc(block, size ? size : 1); }
void system_free(void*, void* block) { free(block); }

constexpr PyMemAllocatorEx kFast = {nullptr, fast_malloc, fast_calloc, fast_realloc, fast_free};
constexpr PyMemAllocatorEx kSystem = {nullptr, system_malloc, system_calloc, system_realloc, system_free};

bool same(const PyMemAllocatorEx& a, const PyMemAllocatorEx& b) {
  return a.malloc == b.malloc && a.calloc == b.calloc && a.realloc == b.realloc && a.free == b.free;
}

}  // namespace

constinit AllocatorTable allocators = {{kFast, kFast, kFast}, true, true};

namespace {

// Which of the two names of the fast allocator was chosen; only reported.
constinit bool named_mimalloc = false;

void update_shortcuts() {
  allocators.plain_mem = same(allocators.domains[PYMEM_DOMAIN_MEM], kFast);
  allocators.plain_obj = same(allocators.domains[PYMEM_DOMAIN_OBJ], kFast);
}

bool valid(PyMemAllocatorDomain domain) { return static_cast<unsigned>(domain) <= PYMEM_DOMAIN_OBJ; }

void* raw_mmap_allocate(void*, size_t size) { return mi_malloc(size); }
void raw_mmap_free(void*, void* block, size_t) { mi_free(block); }
constinit PyObjectArenaAllocator arena_allocator = {nullptr, raw_mmap_allocate, raw_mmap_free};

}  // namespace

bool allocators_set(PyMemAllocatorName name) {
  const PyMemAllocatorEx* base = &kFast;
  bool debug = false;
  switch (name) {
    case PYMEM_ALLOCATOR_NOT_SET:
      return true;
    case PYMEM_ALLOCATOR_DEFAULT:
    case PYMEM_ALLOCATOR_PYMALLOC:
      break;
    case PYMEM_ALLOCATOR_DEBUG:
    case PYMEM_ALLOCATOR_PYMALLOC_DEBUG:
      debug = true;
      break;
    case PYMEM_ALLOCATOR_MALLOC:
      base = &kSystem;
      break;
    case PYMEM_ALLOCATOR_MALLOC_DEBUG:
      base = &kSystem;
      debug = true;
      break;
    case PYMEM_ALLOCATOR_MIMALLOC:
      break;
    case PYMEM_ALLOCATOR_MIMALLOC_DEBUG:
      debug = true;
      break;
    default:
      return false;
  }
  named_mimalloc = name == PYMEM_ALLOCATOR_MIMALLOC || name == PYMEM_ALLOCATOR_MIMALLOC_DEBUG;
  for (PyMemAllocatorEx& domain : allocators.domains) domain = *base;
  if (debug) PyMem_SetupDebugHooks();
  update_shortcuts();
  return true;
}

bool allocators_set_by_name(const char* name) {
  static constexpr struct {
    const char* text;
    PyMemAllocatorName name;
  } kNames[] = {
      {"", PYMEM_ALLOCATOR_DEFAULT},
      {"default", PYMEM_ALLOCATOR_DEFAULT},
      {"debug", PYMEM_ALLOCATOR_DEBUG},
      {"pymalloc", PYMEM_ALLOCATOR_PYMALLOC},
      {"pymalloc_debug", PYMEM_ALLOCATOR_PYMALLOC_DEBUG},
      {"mimalloc", PYMEM_ALLOCATOR_MIMALLOC},
      {"mimalloc_debug", PYMEM_ALLOCATOR_MIMALLOC_DEBUG},
      {"malloc", PYMEM_ALLOCATOR_MALLOC},
      {"malloc_debug", PYMEM_ALLOCATOR_MALLOC_DEBUG},
  };
  for (const auto& row : kNames)
    if (strcmp(row.text, name) == 0) return allocators_set(row.name);
  return false;
}

Py_ssize_t allocated_blocks() {
  Py_ssize_t count = 0;
  mi_heap_visit_blocks(
      mi_heap_get_default(), false,
      [](const mi_heap_t*, const mi_heap_area_t* area, void*, size_t, void* sum) {
        // `used` is bytes in releases that count bytes and blocks in those that count blocks.
        const size_t used = area->used;
        *static_cast<Py_ssize_t*>(sum) +=
            static_cast<Py_ssize_t>(area->block_size && used * area->block_size > area->committed ? used / area->block_size : used);
        return true;
      },
      &count);
  return count;
}

}  // namespace ks

using namespace ks;

#define DOMAIN_CALL(DOMAIN, FUNCTION, ...) \
  allocators.domains[DOMAIN].FUNCTION(allocators.domains[DOMAIN].ctx, __VA_ARGS__)

static bool too_large(size_t size) { return size > static_cast<size_t>(PY_SSIZE_T_MAX); }
static bool too_large(size_t count, size_t size) {
  return size != 0 && count > static_cast<size_t>(PY_SSIZE_T_MAX) / size;
}

// The functions of a domain: NULL without exception when there is no memory or the size passes PY_SSIZE_T_MAX.
void* PyMem_RawMalloc(size_t size) { return too_large(size) ? nullptr : DOMAIN_CALL(PYMEM_DOMAIN_RAW, malloc, size); }
void* PyMem_RawCalloc(size_t count, size_t size) {
  return too_large(count, size) ? nullptr : DOMAIN_CALL(PYMEM_DOMAIN_RAW, calloc, count, size);
}
void* PyMem_RawRealloc(void* block, size_t size) {
  return too_large(size) ? nullptr : DOMAIN_CALL(PYMEM_DOMAIN_RAW, realloc, block, size);
}
void PyMem_RawFree(void* block) { DOMAIN_CALL(PYMEM_DOMAIN_RAW, free, block); }

void* PyMem_Malloc(size_t size) {
  if (too_large(size)) return nullptr;
  return allocators.plain_mem ? mi_malloc(size) : DOMAIN_CALL(PYMEM_DOMAIN_MEM, malloc, size);
}
void* PyMem_Calloc(size_t count, size_t size) {
  if (too_large(count, size)) return nullptr;
  return allocators.plain_mem ? mi_calloc(count, size) : DOMAIN_CALL(PYMEM_DOMAIN_MEM, calloc, count, size);
}
void* PyMem_Realloc(void* block, size_t size) {
  if (too_large(size)) return nullptr;
  return allocators.plain_mem ? mi_realloc(block, size) : DOMAIN_CALL(PYMEM_DOMAIN_MEM, realloc, block, size);
}
void PyMem_Free(void* block) {
  if (allocators.plain_mem) mi_free(block);
  else DOMAIN_CALL(PYMEM_DOMAIN_MEM, free, block);
}

void* PyObject_Malloc(size_t size) {
  if (too_large(size)) return nullptr;
  return allocators.plain_obj ? mi_malloc(size) : DOMAIN_CALL(PYMEM_DOMAIN_OBJ, malloc, size);
}
void* PyObject_Calloc(size_t count, size_t size) {
  if (too_large(count, size)) return nullptr;
  return allocators.plain_obj ? mi_calloc(count, size) : DOMAIN_CALL(PYMEM_DOMAIN_OBJ, calloc, count, size);
}
void* PyObject_Realloc(void* block, size_t size) {
  if (too_large(size)) return nullptr;
  return allocators.plain_obj ? mi_realloc(block, size) : DOMAIN_CALL(PYMEM_DOMAIN_OBJ, realloc, block, size);
}
void PyObject_Free(void* block) {
  if (allocators.plain_obj) mi_free(block);
  else DOMAIN_CALL(PYMEM_DOMAIN_OBJ, free, block);
}

// The hooks of a domain; an unknown domain gives a table of nulls.
void PyMem_GetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx* allocator) {
  if (valid(domain)) *allocator = allocators.domains[domain];
  else *allocator = {};
}
// Replaces the hooks of a domain; an unknown domain is ignored.
void PyMem_SetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx* allocator) {
  if (!valid(domain)) return;
  allocators.domains[domain] = *allocator;
  update_shortcuts();
}
// Puts the debug hooks on top of each domain that has none on top.
void PyMem_SetupDebugHooks(void) {
  for (int domain = PYMEM_DOMAIN_RAW; domain <= PYMEM_DOMAIN_OBJ; ++domain)
    debug_hooks_install(static_cast<PyMemAllocatorDomain>(domain), &allocators.domains[domain]);
  update_shortcuts();
}

// Where the reference's own allocator would get its arenas; kept for those who replace it, and not used.
void PyObject_GetArenaAllocator(PyObjectArenaAllocator* allocator) { *allocator = arena_allocator; }
void PyObject_SetArenaAllocator(PyObjectArenaAllocator* allocator) { arena_allocator = *allocator; }

// The PYTHONMALLOC name of what is installed; NULL when it is none of the known.
KS_EXPORT const char* _PyMem_GetCurrentAllocatorName() {
  PyMemAllocatorEx base[3];
  bool debug = true;
  for (int i = 0; i < 3; ++i)
    debug = debug_hooks_inner(static_cast<PyMemAllocatorDomain>(i), allocators.domains[i], &base[i]) && debug;
  auto all = [&](const PyMemAllocatorEx& kind) {
    return same(debug ? base[0] : allocators.domains[0], kind) && same(debug ? base[1] : allocators.domains[1], kind) &&
           same(debug ? base[2] : allocators.domains[2], kind);
  };
  if (all(kFast)) {
    if (named_mimalloc) return debug ? "mimalloc_debug" : "mimalloc";
    return debug ? "pymalloc_debug" : "pymalloc";
  }
  if (all(kSystem)) return debug ? "malloc_debug" : "malloc";
  return nullptr;
}

// For the runtime: the allocators of a PyMemAllocatorName; -1 for an unknown one.
extern "C" int _PyMem_SetupAllocators(int name) { return allocators_set(static_cast<PyMemAllocatorName>(name)) ? 0 : -1; }

// A copy in domain mem; NULL without exception when there is no memory.
KS_EXPORT char* _PyMem_Strdup(const char* text) {
  const size_t size = strlen(text) + 1;
  auto* copy = static_cast<char*>(PyMem_Malloc(size));
  if (copy) memcpy(copy, text, size);
  return copy;
}

// Writes the allocator's statistics; 1 when it did.
KS_EXPORT int _PyObject_DebugMallocStats(FILE* out) {
  if (!allocators.plain_obj) return 0;
  mi_stats_print_out([](const char* text, void* file) { fputs(text, static_cast<FILE*>(file)); }, out);
  return 1;
}
