// The hooks of PYTHONMALLOC=debug.
//
// A block of n bytes at p:  p-16 .. p-9  n, big endian;  p-8  the domain's letter;  p-7 .. p-1  forbidden bytes;
//                           p .. p+n-1  the data;  p+n .. p+n+7  forbidden bytes.
#include "memory/debug_hooks.h"

#include <Python.h>

#include <cstdio>
#include <cstddef>
#include <cstring>

#include "runtime/state.h"

namespace ks {

constinit DumpTraceback dump_block_traceback = nullptr;

namespace {

constexpr unsigned char kClean = 0xCD;
constexpr unsigned char kDead = 0xDD;
constexpr unsigned char kForbidden = 0xFD;
constexpr size_t kWord = sizeof(size_t);
constexpr size_t kFrame = 3 * kWord;

struct DebugHooks {
  char letter;
  PyMemAllocatorEx inner;
};
constinit DebugHooks hooks[3] = {{'r', {}}, {'m', {}}, {'o', {}}};

size_t read_size(const unsigned char* at) {
  size_t size = 0;
  for (size_t i = 0; i < kWord; ++i) size = size << 8 | at[i];
  return size;
}
void write_size(unsigned char* at, size_t size) {
  for (size_t i = kWord; i-- > 0; size >>= 8) at[i] = static_cast<unsigned char>(size);
}

[[noreturn]] void fatal(const char* function, const char* message) { _Py_FatalErrorFunc(function, message); }

// Tells all that can be told about a block, trusting nothing in it.
void dump(const void* block) {
  fprintf(stderr, "Debug memory block at address p=%p:", block);
  if (!block) {
    fputc('\n', stderr);
    return;
  }
  const auto* data = static_cast<const unsigned char*>(block);
  fprintf(stderr, " API '%c'\n", data[-static_cast<Py_ssize_t>(kWord)]);
  const size_t size = read_size(data - 2 * kWord);
  fprintf(stderr, "    %zu bytes originally requested\n", size);

  constexpr int kPad = kWord - 1;
  fprintf(stderr, "    The %d pad bytes at p-%d are ", kPad, kPad);
  bool good = true;
  for (int i = 1; i <= kPad; ++i) good = good && data[-i] == kForbidden;
  if (good) {
    fputs("FORBIDDENBYTE, as expected.\n", stderr);
  } else {
    fprintf(stderr, "not all FORBIDDENBYTE (0x%02x):\n", kForbidden);
    for (int i = kPad; i >= 1; --i) {
      fprintf(stderr, "        at p-%d: 0x%02x", i, data[-i]);
      if (data[-i] != kForbidden) fputs(" *** OUCH", stderr);
      fputc('\n', stderr);
    }
    fputs("    Because memory is corrupted at the start, the count of bytes requested\n"
          "       may be bogus, and checking the trailing pad bytes may segfault.\n", stderr);
  }

  const unsigned char* tail = data + size;
  fprintf(stderr, "    The %d pad bytes at tail=%p are ", static_cast<int>(kWord), static_cast<const void*>(tail));
  good = true;
  for (size_t i = 0; i < kWord; ++i) good = good && tail[i] == kForbidden;
  if (good) {
    fputs("FORBIDDENBYTE, as expected.\n", stderr);
  } else {
    fprintf(stderr, "not all FORBIDDENBYTE (0x%02x):\n", kForbidden);
    for (size_t i = 0; i < kWord; ++i) {
      fprintf(stderr, "        at tail+%zu: 0x%02x", i, tail[i]);
      if (tail[i] != kForbidden) fputs(" *** OUCH", stderr);
      fputc('\n', stderr);
    }
  }

  if (size > 0) {
    fputs("    Data at p:", stderr);
    size_t i = 0;
    for (; i < size && i < 8; ++i) fprintf(stderr, " %02x", data[i]);
    if (i < size) {
      if (size > 16) {
        fputs(" ...", stderr);
        i = size - 8;
      }
      for (; i < size; ++i) fprintf(stderr, " %02x", data[i]);
    }
    fputc('\n', stderr);
  }
  fputc('\n', stderr);
  fflush(stderr);
  if (!dump_block_traceback || !dump_block_traceback(fileno(stderr), block)) {
    fputs("Enable tracemalloc to get the memory block allocation traceback\n\n", stderr);
    fflush(stderr);
  }
}

void check_block(const char* function, char letter, const void* block) {
  if (!block) fatal(function, "didn't expect a NULL pointer");
  const auto* data = static_cast<const unsigned char*>(block);
  const char id = static_cast<char>(data[-static_cast<Py_ssize_t>(kWord)]);
  if (id != letter) {
    dump(block);
    char message[80];
    snprintf(message, sizeof message, "bad ID: Allocated using API '%c', verified using API '%c'", id, letter);
    fatal(function, message);
  }
  for (size_t i = kWord - 1; i >= 1; --i) {
    if (data[-static_cast<Py_ssize_t>(i)] != kForbidden) {
      dump(block);
      fatal(function, "bad leading pad byte");
    }
  }
  const unsigned char* tail = data + read_size(data - 2 * kWord);
  for (size_t i = 0; i < kWord; ++i) {
    if (tail[i] != kForbidden) {
      dump(block);
      fatal(function, "bad trailing pad byte");
    }
  }
}

void* frame(DebugHooks* domain, unsigned char* block, size_t size) {
  write_size(block, size);
  block[kWord] = static_cast<unsigned char>(domain->letter);
  memset(block + kWord + 1, kForbidden, kWord - 1);
  memset(block + 2 * kWord + size, kForbidden, kWord);
  return block + 2 * kWord;
}

void* raw_malloc(void* context, size_t size) {
  auto* domain = static_cast<DebugHooks*>(context);
  if (size > static_cast<size_t>(PY_SSIZE_T_MAX) - kFrame) return nullptr;
  auto* block = static_cast<unsigned char*>(domain->inner.malloc(domain->inner.ctx, size + kFrame));
  if (!block) return nullptr;
  memset(block + 2 * kWord, kClean, size);
  return frame(domain, block, size);
}
void* raw_calloc(void* context, size_t count, size_t size) {
  auto* domain = static_cast<DebugHooks*>(context);
  const size_t bytes = count * size;
  if (bytes > static_cast<size_t>(PY_SSIZE_T_MAX) - kFrame) return nullptr;
  auto* block = static_cast<unsigned char*>(domain->inner.calloc(domain->inner.ctx, 1, bytes + kFrame));
  return block ? frame(domain, block, bytes) : nullptr;
}
void raw_free(void* context, void* data) {
  if (!data) return;
  auto* domain = static_cast<DebugHooks*>(context);
  check_block("_PyMem_DebugRawFree", domain->letter, data);
  unsigned char* block = static_cast<unsigned char*>(data) - 2 * kWord;
  memset(block, kDead, read_size(block) + kFrame);
  domain->inner.free(domain->inner.ctx, block);
}
void* raw_realloc(void* context, void* data, size_t size) {
  if (!data) return raw_malloc(context, size);
  auto* domain = static_cast<DebugHooks*>(context);
  check_block("_PyMem_DebugRawRealloc", domain->letter, data);
  if (size > static_cast<size_t>(PY_SSIZE_T_MAX) - kFrame) return nullptr;
  const size_t old_size = read_size(static_cast<unsigned char*>(data) - 2 * kWord);
  // Always a new block, so that who keeps the old pointer notices.
  void* fresh = raw_malloc(context, size);
  if (!fresh) return nullptr;
  memcpy(fresh, data, size < old_size ? size : old_size);
  raw_free(context, data);
  return fresh;
}

void check_gil(const char* function) {
  if (!PyGILState_Check()) fatal(function, "Python memory allocator called without holding the GIL");
}
void* gil_malloc(void* context, size_t size) {
  check_gil("_PyMem_DebugMalloc");
  return raw_malloc(context, size);
}
void* gil_calloc(void* context, size_t count, size_t size) {
  check_gil("_PyMem_DebugCalloc");
  return raw_calloc(context, count, size);
}
void* gil_realloc(void* context, void* data, size_t size) {
  check_gil("_PyMem_DebugRealloc");
  return raw_realloc(context, data, size);
}
void gil_free(void* context, void* data) {
  check_gil("_PyMem_DebugFree");
  raw_free(context, data);
}

}  // namespace

void debug_hooks_install(PyMemAllocatorDomain domain, PyMemAllocatorEx* current) {
  DebugHooks* hook = &hooks[domain];
  if (current->malloc == (domain == PYMEM_DOMAIN_RAW ? raw_malloc : gil_malloc)) return;
  hook->inner = *current;
  if (domain == PYMEM_DOMAIN_RAW) *current = {hook, raw_malloc, raw_calloc, raw_realloc, raw_free};
  else *current = {hook, gil_malloc, gil_calloc, gil_realloc, gil_free};
}

bool debug_hooks_inner(PyMemAllocatorDomain domain, const PyMemAllocatorEx& current, PyMemAllocatorEx* inner) {
  const bool on_top = current.malloc == (domain == PYMEM_DOMAIN_RAW ? raw_malloc : gil_malloc);
  *inner = on_top ? hooks[domain].inner : current;
  return on_top;
}

}  // namespace ks
