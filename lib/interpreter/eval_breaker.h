// Requests to the evaluator from outside: bits in thread->eval_breaker, as in CPython. The bits above the low eight are
// the version of the instrumentation.
#pragma once

#include <Python.h>

#include <cstdint>

namespace ks {

inline constexpr uintptr_t kGilDropRequest = 1 << 0;
inline constexpr uintptr_t kSignalsPending = 1 << 1;
inline constexpr uintptr_t kCallsToDo = 1 << 2;
inline constexpr uintptr_t kAsyncException = 1 << 3;
inline constexpr uintptr_t kCollectScheduled = 1 << 4;
inline constexpr uintptr_t kPleaseStop = 1 << 5;
inline constexpr uintptr_t kEvalBreakerEvents = 0xFF;

inline void eval_breaker_set(PyThreadState* thread, uintptr_t bit) {
  __atomic_fetch_or(&thread->eval_breaker, bit, __ATOMIC_RELEASE);
}
inline void eval_breaker_clear(PyThreadState* thread, uintptr_t bit) {
  __atomic_fetch_and(&thread->eval_breaker, ~bit, __ATOMIC_RELEASE);
}
inline bool eval_breaker_is_set(PyThreadState* thread, uintptr_t bit) {
  return __atomic_load_n(&thread->eval_breaker, __ATOMIC_RELAXED) & bit;
}

// Does what the bits ask for: signal handlers, pending calls, the asynchronous exception, a collection, giving up the
// GIL for a moment. -1 with an exception set. Defined in lib/runtime; the evaluator calls it at function entry and at
// backward jumps when an event bit is set.
int handle_eval_breaker(PyThreadState* thread);

}  // namespace ks
