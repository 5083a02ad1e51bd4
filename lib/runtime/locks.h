// Locks of the runtime for C++: a futex lock that can be released by any thread, and an event.
#pragma once

#include <Python.h>

namespace ks {

int64_t monotonic_nanoseconds();

struct WaitLock {
  unsigned word = 0;  // 0 free, 1 taken, 2 taken and waited for

  bool try_acquire();
  // Nanoseconds: 0 does not wait, negative waits for ever.
  PyLockStatus acquire(int64_t timeout, bool interruptible);
  void release();
  bool locked() const { return __atomic_load_n(&word, __ATOMIC_RELAXED) != 0; }
};

// Acquires with the GIL released; Python signal handlers run meanwhile. PY_LOCK_INTR: one has raised.
PyLockStatus acquire_with_signals(WaitLock* lock, int64_t timeout);

struct Event {
  unsigned word = 0;
  bool is_set() const { return __atomic_load_n(&word, __ATOMIC_ACQUIRE) == 1; }
  void set();
  // true: set. Nanoseconds, negative for ever. With `interrupted`, a signal ends the wait.
  bool wait(int64_t timeout, bool* interrupted);
};

void locks_after_fork();

}  // namespace ks
