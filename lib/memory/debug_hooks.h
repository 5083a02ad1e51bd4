// The hooks of PYTHONMALLOC=debug: blocks with a frame of forbidden bytes, checked when they are resized or freed.
#pragma once

#include <Python.h>

namespace ks {

// Puts the hooks on top of `current` unless they are there.
void debug_hooks_install(PyMemAllocatorDomain domain, PyMemAllocatorEx* current);
// Whether `current` is the hooks of the domain; *inner gets what is below them.
bool debug_hooks_inner(PyMemAllocatorDomain domain, const PyMemAllocatorEx& current, PyMemAllocatorEx* inner);

// Blocks in use in this thread's heap, for sys.getallocatedblocks().
Py_ssize_t allocated_blocks();

// Set by tracemalloc while it traces: writes the traceback of a block to a file descriptor, false when it has none.
using DumpTraceback = bool (*)(int fd, const void* block);
extern constinit DumpTraceback dump_block_traceback;

}  // namespace ks
