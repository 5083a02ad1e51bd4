// Why the evaluation loop should stop for a moment: the low bits of PyThreadState.eval_breaker, which any thread may set.
// The bits above kEventBits are the instrumentation version, the interpreter's own.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

inline constexpr uintptr_t kGilDropRequest = 1u << 0;     // another thread waits for the GIL
inline constexpr uintptr_t kSignalsPending = 1u << 1;     // a C signal handler ran
inline constexpr uintptr_t kCallsPending = 1u << 2;       // Py_AddPendingCall
inline constexpr uintptr_t kAsyncException = 1u << 3;     // PyThreadState_SetAsyncExc
inline constexpr uintptr_t kGcScheduled = 1u << 4;        // the collector wants to run at a safe point
inline constexpr uintptr_t kPleaseStop = 1u << 5;         // stop the world
inline constexpr uintptr_t kEventBits = 0xff;

inline uintptr_t eval_breaker_load(PyThreadState* state) { return __atomic_load_n(&state->eval_breaker, __ATOMIC_RELAXED); }
inline void eval_breaker_set(PyThreadState* state, uintptr_t bits) {
  __atomic_fetch_or(&state->eval_breaker, bits, __ATOMIC_RELEASE);
}
inline void eval_breaker_clear(PyThreadState* state, uintptr_t bits) {
  __atomic_fetch_and(&state->eval_breaker, ~bits, __ATOMIC_RELEASE);
}

// Does what the set bits ask for (gil.cpp); an exception may come out of it. Called by the evaluation loop.
int handle_eval_breaker(PyThreadState* state);

}  // namespace ks
