// What the evaluator runs: a private copy of a code object's instructions, one Unit for each of its two-byte code units
// with the same index, hung on code->co_executors. co_code_adaptive itself is never changed.
//
// A Unit has room for any handler number, a counter and a folded 32-bit oparg; the units of an instruction's inline
// cache entries are cache memory of eight bytes each (a CALL has 24, a LOAD_ATTR 72). EXTENDED_ARG stays as an
// instruction that skips to the one that it extends.
#pragma once

#include <Python.h>

#include "interpreter/frame.h"

namespace ks {

struct Executable {
  PyCodeObject* code;  // borrowed: the executable is part of it
  Py_ssize_t unit_count;
  Unit* units;         // behind this head
  uintptr_t instrumentation_version;
  bool loads_are_marked;  // immediates.h
  uint32_t trampoline_generation;
  void* trampoline;       // perf_trampoline.h
};

inline Executable* executable_of(PyCodeObject* code) { return reinterpret_cast<Executable*>(code->co_executors); }
// Builds it at the first call; nullptr with MemoryError.
Executable* executable_make(PyCodeObject* code);
inline Executable* executable(PyCodeObject* code) {
  Executable* result = executable_of(code);
  return result ? result : executable_make(code);
}
inline bool is_conditional_jump(int op) { return op >= 100 && op <= 103; }  // POP_JUMP_IF_FALSE ... POP_JUMP_IF_TRUE
// The instructions with the reference's names for what they have become, where it has one for the same: new bytes.
PyObject* adaptive_code(PyCodeObject* code);
// For the code object's deallocation.
void executable_free(PyCodeObject* code);

}  // namespace ks
