// The module _tracemalloc: where each living block of memory was allocated.
//
// While tracing, the allocation domains' hooks note for each block its size and its traceback. Tables and tracebacks lie
// in memory that no hook sees. Equal tracebacks are one object. The table's lock is held only for table operations; the
// traceback is taken with the GIL.
#include <Python.h>

#include <mimalloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "interpreter/frame.h"
#include "memory/allocator.h"
#include "memory/debug_hooks.h"
#include "memory/tracemalloc.h"
#include "modules/module.h"
#include "object/allocate.h"
#include "object/export.h"

namespace ks {
namespace {

constexpr int kMaxFrames = 65535;

struct TraceFrame {
  PyObject* filename;  // owned str
  int line;
};
struct Traceback {
  uint64_t hash;
  Traceback* next;  // in the bucket of equal hashes
  int count;        // frames stored
  int total;        // frames there were
  TraceFrame frames[1];
};
struct Trace {
  uintptr_t block;  // 0: empty
  unsigned int domain;
  size_t size;
  Traceback* traceback;
};

// Open addressing by block address and domain.
struct TraceTable {
  Trace* entries;
  size_t capacity;
  size_t used;

  static size_t hash(uintptr_t block, unsigned int domain) {
    uint64_t value = (block >> 4) * 0x9E3779B97F4A7C15u + domain;
    return static_cast<size_t>(value ^ value >> 29);
  }
  Trace* find(uintptr_t block, unsigned int domain) {
    if (!capacity) return nullptr;
    for (size_t i = hash(block, domain) & (capacity - 1);; i = (i + 1) & (capacity - 1)) {
      if (!entries[i].block) return nullptr;
      if (entries[i].block == block && entries[i].domain == domain) return &entries[i];
    }
  }
  bool grow() {
    const size_t larger = capacity ? capacity * 2 : 1024;
    auto* fresh = static_cast<Trace*>(mi_zalloc(larger * sizeof(Trace)));
    if (!fresh) return false;
    for (size_t k = 0; k < capacity; ++k) {
      if (!entries[k].block) continue;
      size_t i = hash(entries[k].block, entries[k].domain) & (larger - 1);
      while (fresh[i].block) i = (i + 1) & (larger - 1);
      fresh[i] = entries[k];
    }
    mi_free(entries);
    entries = fresh;
    capacity = larger;
    return true;
  }
  Trace* insert(uintptr_t block, unsigned int domain) {
    if ((used + 1) * 4 > capacity * 3 && !grow()) return nullptr;
    size_t i = hash(block, domain) & (capacity - 1);
    while (entries[i].block) i = (i + 1) & (capacity - 1);
    entries[i].block = block;
    entries[i].domain = domain;
    ++used;
    return &entries[i];
  }
  void remove(Trace* entry) {
    // Closes the gap, so that no probe sequence is cut.
    size_t hole = static_cast<size_t>(entry - entries);
    entries[hole].block = 0;
    --used;
    for (size_t i = (hole + 1) & (capacity - 1); entries[i].block; i = (i + 1) & (capacity - 1)) {
      const size_t home = hash(entries[i].block, entries[i].domain) & (capacity - 1);
      if (((i - home) & (capacity - 1)) >= ((i - hole) & (capacity - 1))) {
        entries[hole] = entries[i];
        entries[i].block = 0;
        hole = i;
      }
    }
  }
  void clear() {
    mi_free(entries);
    *this = {};
  }
};

constexpr size_t kBuckets = 4096;

// The process's tracing: allocators belong to the process.
struct Tracing {
  bool on;
  int max_frames;
  PyMutex lock;
  TraceTable traces;
  Traceback* tracebacks[kBuckets];
  size_t traceback_bytes;
  size_t size;
  size_t peak;
  PyMemAllocatorEx inner[3];
};
constinit Tracing tracing = {.on = false, .max_frames = 1, .lock = {}, .traces = {}, .tracebacks = {}, .traceback_bytes = 0, .size = 0, .peak = 0, .inner = {}};
// Set while the thread works for the tracing itself.
thread_local constinit bool busy = false;

struct Busy {
  bool before = busy;
  Busy() { busy = true; }
  ~Busy() { busy = before; }
};
struct Locked {
  Locked() { PyMutex_Lock(&tracing.lock); }
  ~Locked() { PyMutex_Unlock(&tracing.lock); }
};

bool same(const Traceback* a, const Traceback* b) {
  if (a->hash != b->hash || a->count != b->count || a->total != b->total) return false;
  for (int i = 0; i < a->count; ++i)
    if (a->frames[i].filename != b->frames[i].filename || a->frames[i].line != b->frames[i].line) return false;
  return true;
}

// The traceback of the current thread, which holds the GIL; nullptr without memory.
Traceback* take_traceback() {
  PyThreadState* tstate = thread();
  const size_t most = static_cast<size_t>(tracing.max_frames);
  constexpr int kSmall = 32;
  alignas(Traceback) char small[sizeof(Traceback) + sizeof(TraceFrame) * kSmall];
  Traceback* traceback = most <= kSmall ? reinterpret_cast<Traceback*>(small)
                                        : static_cast<Traceback*>(mi_malloc(sizeof(Traceback) + sizeof(TraceFrame) * most));
  if (!traceback) return nullptr;
  traceback->next = nullptr;
  traceback->count = traceback->total = 0;
  uint64_t hash = 0x345678;
  Frame* frame = tstate && tstate->current_frame ? frame_visible(tstate->current_frame) : nullptr;
  for (; frame; frame = frame->previous ? frame_visible(frame->previous) : nullptr) {
    if (traceback->count < tracing.max_frames) {
      PyCodeObject* code = frame_code(frame);
      const int index = frame_instruction_index(frame);
      const int line = PyCode_Addr2Line(code, index * 2);
      TraceFrame& row = traceback->frames[traceback->count++];
      row = {code->co_filename, line < 0 ? 0 : line};
      hash = (hash ^ reinterpret_cast<uintptr_t>(row.filename) >> 4) * 0x100000001B3u ^ static_cast<uint64_t>(row.line);
    }
    ++traceback->total;
  }
  if (traceback->count == 0) {
    traceback->frames[0] = {"<unknown>"_id, 0};
    traceback->count = traceback->total = 1;
  }
  if (traceback->total > kMaxFrames) traceback->total = kMaxFrames;
  traceback->hash = hash + static_cast<uint64_t>(traceback->total);

  Locked locked;
  Traceback** bucket = &tracing.tracebacks[traceback->hash % kBuckets];
  for (Traceback* known = *bucket; known; known = known->next) {
    if (same(known, traceback)) {
      if (traceback != reinterpret_cast<Traceback*>(small)) mi_free(traceback);
      return known;
    }
  }
  const size_t bytes = sizeof(Traceback) + sizeof(TraceFrame) * static_cast<size_t>(traceback->count - 1);
  auto* kept = static_cast<Traceback*>(mi_malloc(bytes));
  if (kept) {
    memcpy(kept, traceback, bytes);
    for (int i = 0; i < kept->count; ++i) Py_INCREF(kept->frames[i].filename);
    kept->next = *bucket;
    *bucket = kept;
    tracing.traceback_bytes += bytes;
  }
  if (traceback != reinterpret_cast<Traceback*>(small)) mi_free(traceback);
  return kept;
}

// Notes a block; false without memory. With the GIL.
bool add_trace(unsigned int domain, uintptr_t block, size_t size) {
  Traceback* traceback = take_traceback();
  if (!traceback) return false;
  Locked locked;
  if (!tracing.on) return true;
  Trace* trace = tracing.traces.find(block, domain);
  if (trace) {
    tracing.size -= trace->size;
  } else {
    trace = tracing.traces.insert(block, domain);
    if (!trace) return false;
  }
  trace->size = size;
  trace->traceback = traceback;
  tracing.size += size;
  if (tracing.size > tracing.peak) tracing.peak = tracing.size;
  return true;
}
void remove_trace(unsigned int domain, uintptr_t block) {
  Locked locked;
  if (!tracing.on) return;
  if (Trace* trace = tracing.traces.find(block, domain)) {
    tracing.size -= trace->size;
    tracing.traces.remove(trace);
  }
}

// add_trace from anywhere: takes the GIL if the thread does not hold it.
bool note(void* block, size_t size) {
  if (thread()) return add_trace(0, reinterpret_cast<uintptr_t>(block), size);
  if (!Py_IsInitialized() || Py_IsFinalizing()) return true;
  const PyGILState_STATE state = PyGILState_Ensure();
  const bool good = add_trace(0, reinterpret_cast<uintptr_t>(block), size);
  PyGILState_Release(state);
  return good;
}

void* hook_malloc(void* context, size_t size) {
  auto* inner = static_cast<PyMemAllocatorEx*>(context);
  void* block = inner->malloc(inner->ctx, size);
  if (!block || busy || !tracing.on) return block;
  Busy working;
  if (!note(block, size)) {
    inner->free(inner->ctx, block);
    return nullptr;
  }
  return block;
}
void* hook_calloc(void* context, size_t count, size_t size) {
  auto* inner = static_cast<PyMemAllocatorEx*>(context);
  void* block = inner->calloc(inner->ctx, count, size);
  if (!block || busy || !tracing.on) return block;
  Busy working;
  if (!note(block, count * size)) {
    inner->free(inner->ctx, block);
    return nullptr;
  }
  return block;
}
void* hook_realloc(void* context, void* old, size_t size) {
  auto* inner = static_cast<PyMemAllocatorEx*>(context);
  void* block = inner->realloc(inner->ctx, old, size);
  if (!block) return nullptr;
  if (old && old != block) remove_trace(0, reinterpret_cast<uintptr_t>(old));
  if (busy || !tracing.on) return block;
  Busy working;
  // Without memory for the note, a resized block cannot be taken back: it stays unknown.
  (void)note(block, size);
  return block;
}
void hook_free(void* context, void* block) {
  if (!block) return;
  auto* inner = static_cast<PyMemAllocatorEx*>(context);
  inner->free(inner->ctx, block);
  remove_trace(0, reinterpret_cast<uintptr_t>(block));
}

// An object in a block from a free list: the block's trace becomes that of the new object.
void note_reused(PyObject* object) {
  if (busy || !tracing.on) return;
  Busy working;
  const uintptr_t block = reinterpret_cast<uintptr_t>(object) - object_presize(Py_TYPE(object));
  Traceback* traceback = take_traceback();
  if (!traceback) return;
  Locked locked;
  if (Trace* trace = tracing.traces.find(block, 0)) trace->traceback = traceback;
}

void clear_tables() {
  Traceback* dead = nullptr;
  {
    Locked locked;
    tracing.traces.clear();
    tracing.size = tracing.peak = 0;
    tracing.traceback_bytes = 0;
    for (Traceback*& bucket : tracing.tracebacks) {
      while (Traceback* traceback = bucket) {
        bucket = traceback->next;
        traceback->next = dead;
        dead = traceback;
      }
    }
  }
  Busy working;
  while (Traceback* traceback = dead) {
    dead = traceback->next;
    for (int i = 0; i < traceback->count; ++i) Py_DECREF(traceback->frames[i].filename);
    mi_free(traceback);
  }
}

// ((filename, line), ...), the innermost frame first.
Ref<> traceback_tuple(const Traceback* traceback) {
  Ref<> tuple = TRY(steal(PyTuple_New(traceback->count)));
  for (int i = 0; i < traceback->count; ++i) {
    Ref<> line = TRY(steal(PyLong_FromLong(traceback->frames[i].line)));
    Ref<> frame = TRY(steal(PyTuple_Pack(2, traceback->frames[i].filename, line.get())));
    PyTuple_SET_ITEM(tuple.get(), i, frame.release());
  }
  return tuple;
}
Traceback* find_traceback(unsigned int domain, uintptr_t block) {
  Locked locked;
  if (!tracing.on) return nullptr;
  Trace* trace = tracing.traces.find(block, domain);
  return trace ? trace->traceback : nullptr;
}

bool dump_traceback(int fd, const void* block) {
  Traceback* traceback = find_traceback(0, reinterpret_cast<uintptr_t>(block));
  if (!traceback) return false;
  dprintf(fd, "Memory block allocated at (most recent call first):\n");
  for (int i = 0; i < traceback->count; ++i) {
    const char* name = PyUnicode_IS_ASCII(traceback->frames[i].filename)
                           ? static_cast<const char*>(PyUnicode_DATA(traceback->frames[i].filename)) : "???";
    dprintf(fd, "  File \"%s\", line %d\n", name, traceback->frames[i].line);
  }
  dprintf(fd, "\n");
  return true;
}

}  // namespace

Status tracemalloc_start(int frames) {
  if (frames < 1 || frames > kMaxFrames)
    return raise(PyExc_ValueError, "the number of frames must be in range [1; %i]", kMaxFrames);
  if (tracing.on) return Status::Ok;
  tracing.max_frames = frames;
  for (int domain = PYMEM_DOMAIN_RAW; domain <= PYMEM_DOMAIN_OBJ; ++domain) {
    PyMem_GetAllocator(static_cast<PyMemAllocatorDomain>(domain), &tracing.inner[domain]);
    PyMemAllocatorEx hook = {&tracing.inner[domain], hook_malloc, hook_calloc, hook_realloc, hook_free};
    PyMem_SetAllocator(static_cast<PyMemAllocatorDomain>(domain), &hook);
  }
  {
    Locked locked;
    tracing.on = true;
  }
  dump_block_traceback = dump_traceback;
  ref_tracer.reused = note_reused;
  return Status::Ok;
}
void tracemalloc_stop() {
  if (!tracing.on) return;
  {
    Locked locked;
    tracing.on = false;
  }
  for (int domain = PYMEM_DOMAIN_RAW; domain <= PYMEM_DOMAIN_OBJ; ++domain)
    PyMem_SetAllocator(static_cast<PyMemAllocatorDomain>(domain), &tracing.inner[domain]);
  dump_block_traceback = nullptr;
  ref_tracer.reused = nullptr;
  clear_tables();
}

namespace {

bool trace_is_tracing(PyObject*) { return tracing.on; }
METHOD_AS(trace_is_tracing, "is_tracing", 0, "($module, /)", "Whether allocations are traced.");
void trace_clear_traces(PyObject*) {
  if (tracing.on) clear_tables();
}
METHOD_AS(trace_clear_traces, "clear_traces", 0, "($module, /)", "Forget the traces so far.");
Status trace_start(PyObject*, int nframe) { return tracemalloc_start(nframe); }
METHOD_AS(trace_start, "start", 0, "($module, nframe=1, /)", "Trace allocations, with up to nframe frames for each.");
void trace_stop(PyObject*) { tracemalloc_stop(); }
METHOD_AS(trace_stop, "stop", 0, "($module, /)", "Stop tracing and forget the traces.");
int trace_limit(PyObject*) { return tracing.max_frames; }
METHOD_AS(trace_limit, "get_traceback_limit", 0, "($module, /)", "How many frames a trace holds at most.");
void trace_reset_peak(PyObject*) {
  Locked locked;
  if (tracing.on) tracing.peak = tracing.size;
}
METHOD_AS(trace_reset_peak, "reset_peak", 0, "($module, /)", "Make the peak the current size.");
PyObject* trace_get_traced_memory(PyObject*) {
  size_t size, peak;
  {
    Locked locked;
    size = tracing.size;
    peak = tracing.peak;
  }
  return Py_BuildValue("nn", static_cast<Py_ssize_t>(size), static_cast<Py_ssize_t>(peak));
}
METHOD_AS(trace_get_traced_memory, "get_traced_memory", 0, "($module, /)", "(size, peak) of the traced blocks in bytes.");
Py_ssize_t trace_get_own_memory(PyObject*) {
  Locked locked;
  return static_cast<Py_ssize_t>(tracing.traceback_bytes + tracing.traces.capacity * sizeof(Trace));
}
METHOD_AS(trace_get_own_memory, "get_tracemalloc_memory", 0, "($module, /)", "Bytes that the tracing itself takes.");

// None for an untraced block.
PyObject* block_traceback(unsigned int domain, uintptr_t block) {
  Traceback* traceback = find_traceback(domain, block);
  if (!traceback) return Py_NewRef(Py_None);
  Busy working;
  return traceback_tuple(traceback).release();
}
PyObject* trace_get_object_traceback(PyObject*, PyObject* obj) {
  return block_traceback(0, reinterpret_cast<uintptr_t>(obj) - object_presize(Py_TYPE(obj)));
}
METHOD_AS(trace_get_object_traceback, "_get_object_traceback", 0, "($module, obj, /)",
          "Where the object's block was allocated: frames as (filename, line), or None.");

Ref<> trace_get_traces(PyObject*) {
  Ref<> result = TRY(steal(PyList_New(0)));
  if (!tracing.on) return result;
  Busy working;
  size_t count = 0;
  Trace* copy;
  {
    Locked locked;
    copy = static_cast<Trace*>(mi_malloc((tracing.traces.used + 1) * sizeof(Trace)));
    if (copy)
      for (size_t i = 0; i < tracing.traces.capacity; ++i)
        if (tracing.traces.entries[i].block) copy[count++] = tracing.traces.entries[i];
  }
  if (!copy) {
    PyErr_NoMemory();
    return failed;
  }
  bool good = true;
  Ref<> tuples = steal(PyDict_New());
  for (size_t i = 0; i < count && good && tuples; ++i) {
    good = false;
    Ref<> key = steal(PyLong_FromVoidPtr(copy[i].traceback));
    if (!key) break;
    Ref<> tuple;
    if (PyDict_GetItemRef(tuples, key, tuple.out()) < 0) break;
    if (!tuple) {
      tuple = traceback_tuple(copy[i].traceback);
      if (!tuple || PyDict_SetItem(tuples, key, tuple) < 0) break;
    }
    Ref<> row = steal(Py_BuildValue("InOi", copy[i].domain, static_cast<Py_ssize_t>(copy[i].size), tuple.get(),
                                    copy[i].traceback->total));
    good = row && PyList_Append(result, row) == 0;
  }
  mi_free(copy);
  if (!good || !tuples) return failed;
  return result;
}
METHOD_AS(trace_get_traces, "_get_traces", 0, "($module, /)", "All traces as (domain, size, traceback, frames there were).");

PyMethodDef tracemalloc_methods[] = {
    trace_is_tracing_method, trace_clear_traces_method, trace_get_traces_method, trace_get_object_traceback_method,
    trace_start_method, trace_stop_method, trace_limit_method, trace_get_own_memory_method, trace_get_traced_memory_method,
    trace_reset_peak_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(tracemalloc_slots);
PyModuleDef tracemalloc_definition = {.m_base = PyModuleDef_HEAD_INIT,
                                      .m_name = "_tracemalloc",
                                      .m_doc = "Tracing of memory allocations, for the module tracemalloc.",
                                      .m_methods = tracemalloc_methods,
                                      .m_slots = tracemalloc_slots};

}  // namespace
}  // namespace ks

using namespace ks;

PyMODINIT_FUNC PyInit__tracemalloc(void) { return PyModuleDef_Init(&tracemalloc_definition); }

// For the runtime: started by -X tracemalloc, stopped at the end.
extern "C" int _PyTraceMalloc_Start(int frames) { return to_c(tracemalloc_start(frames)); }
extern "C" void _PyTraceMalloc_Stop(void) { tracemalloc_stop(); }

// Notes a block of someone else's allocator: 0; -1 without memory; -2 when nothing is traced.
int PyTraceMalloc_Track(unsigned int domain, uintptr_t block, size_t size) {
  if (!tracing.on) return -2;
  const PyGILState_STATE state = PyGILState_Ensure();
  int result;
  {
    Busy working;
    result = tracing.on ? (add_trace(domain, block, size) ? 0 : -1) : -2;
  }
  PyGILState_Release(state);
  return result;
}
int PyTraceMalloc_Untrack(unsigned int domain, uintptr_t block) {
  if (!tracing.on) return -2;
  remove_trace(domain, block);
  return 0;
}
// The traceback of a block as a tuple, None when there is none; new reference.
KS_EXPORT PyObject* _PyTraceMalloc_GetTraceback(unsigned int domain, uintptr_t block) { return block_traceback(domain, block); }
