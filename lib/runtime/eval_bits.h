// The runtime's names for the bits of PyThreadState.eval_breaker that it sets (interpreter/eval_breaker.h).
#pragma once

#include <Python.h>

#include "interpreter/eval_breaker.h"

namespace ks {

inline constexpr uintptr_t kCallsPending = kCallsToDo;
inline constexpr uintptr_t kGcScheduled = kCollectScheduled;
inline constexpr uintptr_t kEventBits = kEvalBreakerEvents;

inline uintptr_t eval_breaker_load(PyThreadState* state) { return __atomic_load_n(&state->eval_breaker, __ATOMIC_RELAXED); }

}  // namespace ks
