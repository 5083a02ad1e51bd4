// Threads and locks as C has them: PyThread_*, thread specific storage, PyMutex and what is built on it.
//
// A PyThread_type_lock is a futex word: 0 free, 1 taken, 2 taken and waited for. PyMutex, events, once flags and
// reader-writer locks wait in a parking lot: a hash table of addresses with queues of waiters.
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "object/export.h"
#include "object/ref.h"
#include "object/result.h"
#include "runtime/lifecycle.h"
#include "runtime/locks.h"
#include "runtime/process.h"

#undef PyMutex_Lock
#undef PyMutex_Unlock
#undef PyMutex_IsLocked

extern "C" void _Py_NO_RETURN _Py_FatalErrorFunc(const char* function, const char* message);

namespace ks {

int64_t monotonic_nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

static timespec to_timespec(int64_t nanoseconds) {
  return {.tv_sec = static_cast<time_t>(nanoseconds / 1000000000), .tv_nsec = static_cast<long>(nanoseconds % 1000000000)};
}

// Waits while *word == value; until the absolute monotonic time if deadline >= 0. errno-like result.
static int futex_wait(unsigned* word, unsigned value, int64_t deadline) {
  timespec until;
  if (deadline >= 0) until = to_timespec(deadline);
  const long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
                              deadline >= 0 ? &until : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 ? 0 : errno;
}
static void futex_wake(unsigned* word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, nullptr, nullptr, 0);
}

bool WaitLock::try_acquire() {
  unsigned expected = 0;
  return __atomic_compare_exchange_n(&word, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
PyLockStatus WaitLock::acquire(int64_t timeout, bool interruptible) {
  if (try_acquire()) return PY_LOCK_ACQUIRED;
  if (timeout == 0) return PY_LOCK_FAILURE;
  int64_t deadline = -1;
  if (timeout > 0) {
    const int64_t now = monotonic_nanoseconds();
    deadline = timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
  }
  for (;;) {
    if (__atomic_exchange_n(&word, 2, __ATOMIC_ACQUIRE) == 0) return PY_LOCK_ACQUIRED;
    const int result = futex_wait(&word, 2, deadline);
    if (result == ETIMEDOUT) {
      return __atomic_exchange_n(&word, 2, __ATOMIC_ACQUIRE) == 0 ? PY_LOCK_ACQUIRED : PY_LOCK_FAILURE;
    }
    if (result == EINTR && interruptible) {
      return __atomic_exchange_n(&word, 2, __ATOMIC_ACQUIRE) == 0 ? PY_LOCK_ACQUIRED : PY_LOCK_INTR;
    }
  }
}
void WaitLock::release() {
  if (__atomic_exchange_n(&word, 0, __ATOMIC_RELEASE) == 2) futex_wake(&word, 1);
}

void Event::set() {
  if (__atomic_exchange_n(&word, 1, __ATOMIC_RELEASE) != 1) futex_wake(&word, INT_MAX);
}
bool Event::wait(int64_t timeout, bool* interrupted) {
  int64_t deadline = -1;
  if (timeout >= 0) {
    const int64_t now = monotonic_nanoseconds();
    deadline = timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
  }
  while (!is_set()) {
    const int result = futex_wait(&word, 0, deadline);
    if (is_set()) return true;
    if (result == ETIMEDOUT) return false;
    if (result == EINTR && interrupted) {
      *interrupted = true;
      return false;
    }
  }
  return true;
}

PyLockStatus acquire_with_signals(WaitLock* lock, int64_t timeout) {
  if (lock->try_acquire()) return PY_LOCK_ACQUIRED;
  if (timeout == 0) return PY_LOCK_FAILURE;
  int64_t deadline = 0;
  if (timeout > 0) {
    const int64_t now = monotonic_nanoseconds();
    deadline = timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
  }
  for (;;) {
    PyLockStatus result;
    Py_BEGIN_ALLOW_THREADS
    result = lock->acquire(timeout, true);
    Py_END_ALLOW_THREADS
    if (result != PY_LOCK_INTR) return result;
    // A signal: its Python handler may raise; otherwise wait on, with what is left of the time.
    if (Py_MakePendingCalls() < 0) return PY_LOCK_INTR;
    if (timeout > 0) {
      timeout = deadline - monotonic_nanoseconds();
      if (timeout < 0) timeout = 0;
    }
  }
}

// ---- the parking lot -----------------------------------------------------------------------------------------------------

namespace {

struct Waiter {
  Waiter* next;
  Waiter* previous;
  const void* address;
  void* argument;
  unsigned woken;
  bool queued;
};
struct Bucket {
  pthread_mutex_t mutex;
  Waiter head;  // ring
};
constexpr int kBuckets = 257;
struct ParkingLot {
  Bucket buckets[kBuckets];
};
pthread_once_t parking_once = PTHREAD_ONCE_INIT;
ParkingLot parking;

void parking_start() {
  for (Bucket& bucket : parking.buckets) {
    pthread_mutex_init(&bucket.mutex, nullptr);
    bucket.head.next = bucket.head.previous = &bucket.head;
  }
}
Bucket& bucket_of(const void* address) {
  pthread_once(&parking_once, parking_start);
  return parking.buckets[reinterpret_cast<uintptr_t>(address) % kBuckets];
}
void unlink(Waiter* waiter) {
  waiter->next->previous = waiter->previous;
  waiter->previous->next = waiter->next;
  waiter->queued = false;
}

}  // namespace

// As _PyParkingLot_Park: 0 woken, -1 the value had changed, -2 time out, -3 interrupted.
static int park(const void* address, const void* expected, size_t size, int64_t timeout, void* argument, bool detach_thread) {
  Bucket& bucket = bucket_of(address);
  Waiter waiter{};
  waiter.address = address;
  waiter.argument = argument;
  pthread_mutex_lock(&bucket.mutex);
  bool equal = false;
  switch (size) {
    case 1: equal = __atomic_load_n(static_cast<const uint8_t*>(address), __ATOMIC_SEQ_CST) == *static_cast<const uint8_t*>(expected); break;
    case 2: equal = __atomic_load_n(static_cast<const uint16_t*>(address), __ATOMIC_SEQ_CST) == *static_cast<const uint16_t*>(expected); break;
    case 4: equal = __atomic_load_n(static_cast<const uint32_t*>(address), __ATOMIC_SEQ_CST) == *static_cast<const uint32_t*>(expected); break;
    case 8: equal = __atomic_load_n(static_cast<const uint64_t*>(address), __ATOMIC_SEQ_CST) == *static_cast<const uint64_t*>(expected); break;
  }
  if (!equal) {
    pthread_mutex_unlock(&bucket.mutex);
    return -1;
  }
  waiter.previous = bucket.head.previous;
  waiter.next = &bucket.head;
  waiter.previous->next = &waiter;
  bucket.head.previous = &waiter;
  waiter.queued = true;
  pthread_mutex_unlock(&bucket.mutex);

  PyThreadState* saved = nullptr;
  if (detach_thread && current_thread_state) saved = PyEval_SaveThread();
  const int64_t deadline = timeout < 0 ? -1 : monotonic_nanoseconds() + timeout;
  int result = 0;
  while (!__atomic_load_n(&waiter.woken, __ATOMIC_ACQUIRE)) {
    const int error = futex_wait(&waiter.woken, 0, deadline);
    if (__atomic_load_n(&waiter.woken, __ATOMIC_ACQUIRE)) break;
    if (error == ETIMEDOUT || error == EINTR) {
      pthread_mutex_lock(&bucket.mutex);
      const bool still_queued = waiter.queued;
      if (still_queued) unlink(&waiter);
      pthread_mutex_unlock(&bucket.mutex);
      if (still_queued) {
        result = error == ETIMEDOUT ? -2 : -3;
        break;
      }
      // Somebody is just waking us.
    }
  }
  if (saved) PyEval_RestoreThread(saved);
  return result;
}

static void wake(Waiter* waiter) {
  unsigned* word = &waiter->woken;
  __atomic_store_n(word, 1, __ATOMIC_RELEASE);
  futex_wake(word, 1);
}

// PyMutex bits: 1 locked, 2 somebody is parked.
static int mutex_lock(PyMutex* mutex, int64_t timeout, int flags) {
  const bool detach_thread = flags & 1;
  const bool handle_signals_too = flags & 2;
  const int64_t deadline = timeout < 0 ? -1 : monotonic_nanoseconds() + timeout;
  for (int spins = 0;;) {
    uint8_t bits = __atomic_load_n(&mutex->_bits, __ATOMIC_RELAXED);
    if (!(bits & 1)) {
      if (__atomic_compare_exchange_n(&mutex->_bits, &bits, static_cast<uint8_t>(bits | 1), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return PY_LOCK_ACQUIRED;
      continue;
    }
    if (timeout == 0) return PY_LOCK_FAILURE;
    if (spins++ < 20) {
      __builtin_ia32_pause();
      continue;
    }
    uint8_t parked = bits | 2;
    if (!(bits & 2) &&
        !__atomic_compare_exchange_n(&mutex->_bits, &bits, parked, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    int64_t left = -1;
    if (deadline >= 0) {
      left = deadline - monotonic_nanoseconds();
      if (left < 0) return PY_LOCK_FAILURE;
    }
    const int result = park(&mutex->_bits, &parked, 1, left, nullptr, detach_thread);
    if (result == -2) return PY_LOCK_FAILURE;
    if (result == -3 && handle_signals_too && Py_MakePendingCalls() < 0) return PY_LOCK_INTR;
    if (result == -3 && (flags & 4)) return PY_LOCK_INTR;
  }
}

static int mutex_unlock(PyMutex* mutex) {
  Bucket& bucket = bucket_of(&mutex->_bits);
  uint8_t bits = __atomic_load_n(&mutex->_bits, __ATOMIC_RELAXED);
  if (!(bits & 1)) return -1;
  pthread_mutex_lock(&bucket.mutex);
  Waiter* first = nullptr;
  bool more = false;
  for (Waiter* waiter = bucket.head.next; waiter != &bucket.head; waiter = waiter->next) {
    if (waiter->address != &mutex->_bits) continue;
    if (first) {
      more = true;
      break;
    }
    first = waiter;
  }
  if (first) unlink(first);
  __atomic_store_n(&mutex->_bits, static_cast<uint8_t>(more ? 2 : 0), __ATOMIC_RELEASE);
  if (first) wake(first);
  pthread_mutex_unlock(&bucket.mutex);
  return 0;
}

void locks_after_fork() { parking_start(); }

}  // namespace ks

using namespace ks;

extern "C" {

extern const long long PY_TIMEOUT_MAX;
const long long PY_TIMEOUT_MAX = LLONG_MAX / 1000;

// ---- threads --------------------------------------------------------------------------------------------------------------

void PyThread_init_thread(void) { process.threads_started = true; }

namespace {
struct Bootstrap {
  void (*function)(void*);
  void* argument;
};
void* run_thread(void* data) {
  const Bootstrap bootstrap = *static_cast<Bootstrap*>(data);
  free(data);
  bootstrap.function(bootstrap.argument);
  return nullptr;
}
int start_thread(void (*function)(void*), void* argument, pthread_t* thread) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return -1;
  size_t size = process.thread_stack_size;
  PyThreadState* state = current_thread_state;
  (void)state;
  // The default is the system's; deep recursion of Python code does not use the C stack.
  if (size && pthread_attr_setstacksize(&attributes, size) != 0) {
    pthread_attr_destroy(&attributes);
    return -1;
  }
  auto* bootstrap = static_cast<Bootstrap*>(malloc(sizeof(Bootstrap)));
  if (!bootstrap) {
    pthread_attr_destroy(&attributes);
    return -1;
  }
  *bootstrap = {function, argument};
  const int result = pthread_create(thread, &attributes, run_thread, bootstrap);
  pthread_attr_destroy(&attributes);
  if (result != 0) {
    free(bootstrap);
    errno = result;
    return -1;
  }
  return 0;
}
}  // namespace

// Identity of a new detached thread, or PYTHREAD_INVALID_THREAD_ID.
unsigned long PyThread_start_new_thread(void (*function)(void*), void* argument) {
  pthread_t thread;
  if (start_thread(function, argument, &thread) < 0) return PYTHREAD_INVALID_THREAD_ID;
  pthread_detach(thread);
  return static_cast<unsigned long>(thread);
}
KS_EXPORT int PyThread_start_joinable_thread(void (*function)(void*), void* argument, unsigned long long* ident,
                                             unsigned long* handle) {
  pthread_t thread;
  if (start_thread(function, argument, &thread) < 0) return -1;
  *ident = static_cast<unsigned long long>(thread);
  *handle = static_cast<unsigned long>(thread);
  return 0;
}
KS_EXPORT int PyThread_join_thread(unsigned long handle) { return pthread_join(static_cast<pthread_t>(handle), nullptr); }
KS_EXPORT int PyThread_detach_thread(unsigned long handle) { return pthread_detach(static_cast<pthread_t>(handle)); }
void PyThread_exit_thread(void) { pthread_exit(nullptr); }
KS_EXPORT unsigned long long PyThread_get_thread_ident_ex(void) { return static_cast<unsigned long long>(pthread_self()); }
unsigned long PyThread_get_thread_ident(void) { return static_cast<unsigned long>(pthread_self()); }
unsigned long PyThread_get_thread_native_id(void) { return static_cast<unsigned long>(syscall(SYS_gettid)); }
size_t PyThread_get_stacksize(void) { return process.thread_stack_size; }
// 0: set; -1: a bad size; -2: not possible.
int PyThread_set_stacksize(size_t size) {
  if (size == 0) {
    process.thread_stack_size = 0;
    return 0;
  }
  const size_t minimum = static_cast<size_t>(PTHREAD_STACK_MIN) > 32768 ? static_cast<size_t>(PTHREAD_STACK_MIN) : 32768;
  if (size < minimum) return -1;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return -1;
  const int result = pthread_attr_setstacksize(&attributes, size);
  pthread_attr_destroy(&attributes);
  if (result != 0) return -1;
  process.thread_stack_size = size;
  return 0;
}

// ---- locks ------------------------------------------------------------------------------------------------------------------

PyThread_type_lock PyThread_allocate_lock(void) { return calloc(1, sizeof(WaitLock)); }
void PyThread_free_lock(PyThread_type_lock lock) { free(lock); }
PyLockStatus PyThread_acquire_lock_timed(PyThread_type_lock lock, long long microseconds, int interruptible) {
  int64_t timeout = -1;
  if (microseconds >= 0) timeout = microseconds > INT64_MAX / 1000 ? INT64_MAX : microseconds * 1000;
  return static_cast<WaitLock*>(lock)->acquire(timeout, interruptible);
}
int PyThread_acquire_lock(PyThread_type_lock lock, int wait) {
  return PyThread_acquire_lock_timed(lock, wait ? -1 : 0, 0) == PY_LOCK_ACQUIRED;
}
KS_EXPORT PyLockStatus PyThread_acquire_lock_timed_with_retries(PyThread_type_lock lock, long long microseconds) {
  return acquire_with_signals(static_cast<WaitLock*>(lock), microseconds < 0 ? -1 : microseconds * 1000);
}
void PyThread_release_lock(PyThread_type_lock lock) { static_cast<WaitLock*>(lock)->release(); }

// Reads (blocking, timeout) of lock.acquire() as nanoseconds: -1 for ever.
KS_EXPORT int PyThread_ParseTimeoutArg(PyObject* argument, int blocking, long long* timeout) {
  if (!argument || argument == Py_None) {
    *timeout = blocking ? -1 : 0;
    return 0;
  }
  const double seconds = PyFloat_AsDouble(argument);
  if (seconds == -1.0 && PyErr_Occurred()) return -1;
  if (!blocking) {
    PyErr_SetString(PyExc_ValueError, "can't specify a timeout for a non-blocking call");
    return -1;
  }
  if (seconds < 0) {
    PyErr_SetString(PyExc_ValueError, "timeout value must be a non-negative number");
    return -1;
  }
  if (seconds > static_cast<double>(PY_TIMEOUT_MAX) * 1e-6) {
    PyErr_SetString(PyExc_OverflowError, "timeout value is too large");
    return -1;
  }
  *timeout = static_cast<long long>(seconds * 1e6);
  return 0;
}

// ---- thread specific storage ----------------------------------------------------------------------------------------------

Py_tss_t* PyThread_tss_alloc(void) { return static_cast<Py_tss_t*>(calloc(1, sizeof(Py_tss_t))); }
void PyThread_tss_free(Py_tss_t* key) {
  if (!key) return;
  PyThread_tss_delete(key);
  free(key);
}
int PyThread_tss_is_created(Py_tss_t* key) { return key->_is_initialized; }
int PyThread_tss_create(Py_tss_t* key) {
  if (key->_is_initialized) return 0;
  if (pthread_key_create(&key->_key, nullptr) != 0) return -1;
  key->_is_initialized = 1;
  return 0;
}
void PyThread_tss_delete(Py_tss_t* key) {
  if (!key->_is_initialized) return;
  pthread_key_delete(key->_key);
  key->_is_initialized = 0;
}
int PyThread_tss_set(Py_tss_t* key, void* value) { return pthread_setspecific(key->_key, value) == 0 ? 0 : -1; }
void* PyThread_tss_get(Py_tss_t* key) { return pthread_getspecific(key->_key); }

int PyThread_create_key(void) {
  pthread_key_t key;
  if (pthread_key_create(&key, nullptr) != 0) return -1;
  if (key > INT_MAX) {
    pthread_key_delete(key);
    errno = ENOMEM;
    return -1;
  }
  return static_cast<int>(key);
}
void PyThread_delete_key(int key) { pthread_key_delete(static_cast<pthread_key_t>(key)); }
void PyThread_delete_key_value(int key) { pthread_setspecific(static_cast<pthread_key_t>(key), nullptr); }
int PyThread_set_key_value(int key, void* value) {
  return pthread_setspecific(static_cast<pthread_key_t>(key), value) == 0 ? 0 : -1;
}
void* PyThread_get_key_value(int key) { return pthread_getspecific(static_cast<pthread_key_t>(key)); }
void PyThread_ReInitTLS(void) {}

// ---- PyMutex and its family ------------------------------------------------------------------------------------------------

void PyMutex_Lock(PyMutex* mutex) { mutex_lock(mutex, -1, 1); }
void PyMutex_Unlock(PyMutex* mutex) {
  if (mutex_unlock(mutex) < 0) _Py_FatalErrorFunc("PyMutex_Unlock", "unlocking mutex that is not locked");
}
int PyMutex_IsLocked(PyMutex* mutex) { return __atomic_load_n(&mutex->_bits, __ATOMIC_RELAXED) & 1; }
KS_EXPORT int _PyMutex_LockTimed(PyMutex* mutex, int64_t timeout, int flags) { return mutex_lock(mutex, timeout, flags); }

KS_EXPORT int _PyParkingLot_Park(const void* address, const void* expected, size_t size, int64_t timeout, void* argument, int detach) {
  return park(address, expected, size, timeout, argument, detach != 0);
}
KS_EXPORT void _PyParkingLot_Unpark(const void* address, void (*function)(void*, void*, int), void* argument) {
  Bucket& bucket = bucket_of(address);
  pthread_mutex_lock(&bucket.mutex);
  Waiter* first = nullptr;
  bool more = false;
  for (Waiter* waiter = bucket.head.next; waiter != &bucket.head; waiter = waiter->next) {
    if (waiter->address != address) continue;
    if (first) {
      more = true;
      break;
    }
    first = waiter;
  }
  if (first) unlink(first);
  function(argument, first ? first->argument : nullptr, more);
  if (first) wake(first);
  pthread_mutex_unlock(&bucket.mutex);
}
KS_EXPORT void _PyParkingLot_UnparkAll(const void* address) {
  Bucket& bucket = bucket_of(address);
  pthread_mutex_lock(&bucket.mutex);
  for (Waiter* waiter = bucket.head.next; waiter != &bucket.head;) {
    Waiter* next = waiter->next;
    if (waiter->address == address) {
      unlink(waiter);
      wake(waiter);
    }
    waiter = next;
  }
  pthread_mutex_unlock(&bucket.mutex);
}
KS_EXPORT void _PyParkingLot_AfterFork(void) { locks_after_fork(); }

// One byte: 0 not set, 1 set, 2 not set and waited for.
struct PyEvent {
  uint8_t v;
};
KS_EXPORT int _PyEvent_IsSet(PyEvent* event) { return __atomic_load_n(&event->v, __ATOMIC_ACQUIRE) == 1; }
KS_EXPORT void _PyEvent_Notify(PyEvent* event) {
  if (__atomic_exchange_n(&event->v, 1, __ATOMIC_SEQ_CST) == 2) _PyParkingLot_UnparkAll(&event->v);
}
KS_EXPORT int PyEvent_WaitTimed(PyEvent* event, int64_t timeout, int detach) {
  const int64_t deadline = timeout < 0 ? -1 : monotonic_nanoseconds() + timeout;
  for (;;) {
    uint8_t value = __atomic_load_n(&event->v, __ATOMIC_ACQUIRE);
    if (value == 1) return 1;
    uint8_t waiting = 2;
    if (value == 0 && !__atomic_compare_exchange_n(&event->v, &value, waiting, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
      continue;
    int64_t left = -1;
    if (deadline >= 0) {
      left = deadline - monotonic_nanoseconds();
      if (left < 0) left = 0;
    }
    park(&event->v, &waiting, 1, left, nullptr, detach != 0);
    if (__atomic_load_n(&event->v, __ATOMIC_ACQUIRE) == 1) return 1;
    if (deadline >= 0 && monotonic_nanoseconds() >= deadline) return 0;
  }
}
KS_EXPORT void PyEvent_Wait(PyEvent* event) { PyEvent_WaitTimed(event, -1, 1); }

// 0 not run, 1 runs, 2 runs and is waited for, 4 done.
struct PyOnceFlag {
  uint8_t v;
};
KS_EXPORT int _PyOnceFlag_CallOnceSlow(PyOnceFlag* flag, int (*function)(void*), void* argument) {
  for (;;) {
    uint8_t value = __atomic_load_n(&flag->v, __ATOMIC_ACQUIRE);
    if (value == 4) return 0;
    if (value == 0) {
      if (!__atomic_compare_exchange_n(&flag->v, &value, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) continue;
      const int result = function(argument);
      const uint8_t old = __atomic_exchange_n(&flag->v, static_cast<uint8_t>(result == 0 ? 4 : 0), __ATOMIC_SEQ_CST);
      if (old == 2) _PyParkingLot_UnparkAll(&flag->v);
      return result;
    }
    uint8_t waiting = 2;
    if (value == 1 && !__atomic_compare_exchange_n(&flag->v, &value, waiting, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
      continue;
    park(&flag->v, &waiting, 1, -1, nullptr, true);
  }
}

// A word: bit 0 write-locked, bit 1 somebody waits, above them the number of readers.
struct _PyRWMutex {
  uintptr_t bits;
};
KS_EXPORT void _PyRWMutex_RLock(_PyRWMutex* lock) {
  for (;;) {
    uintptr_t bits = __atomic_load_n(&lock->bits, __ATOMIC_RELAXED);
    if (!(bits & 3)) {
      if (__atomic_compare_exchange_n(&lock->bits, &bits, bits + 4, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
      continue;
    }
    uintptr_t parked = bits | 2;
    if (!(bits & 2) && !__atomic_compare_exchange_n(&lock->bits, &bits, parked, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    park(&lock->bits, &parked, sizeof parked, -1, nullptr, true);
  }
}
KS_EXPORT void _PyRWMutex_RUnlock(_PyRWMutex* lock) {
  const uintptr_t bits = __atomic_sub_fetch(&lock->bits, 4, __ATOMIC_RELEASE);
  if (bits == 2) {
    uintptr_t expected = 2;
    if (__atomic_compare_exchange_n(&lock->bits, &expected, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
      _PyParkingLot_UnparkAll(&lock->bits);
  }
}
KS_EXPORT void _PyRWMutex_Lock(_PyRWMutex* lock) {
  for (;;) {
    uintptr_t bits = __atomic_load_n(&lock->bits, __ATOMIC_RELAXED);
    if (!(bits & ~uintptr_t{2})) {
      if (__atomic_compare_exchange_n(&lock->bits, &bits, bits | 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
      continue;
    }
    uintptr_t parked = bits | 2;
    if (!(bits & 2) && !__atomic_compare_exchange_n(&lock->bits, &bits, parked, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    park(&lock->bits, &parked, sizeof parked, -1, nullptr, true);
  }
}
KS_EXPORT void _PyRWMutex_Unlock(_PyRWMutex* lock) {
  if (__atomic_exchange_n(&lock->bits, 0, __ATOMIC_RELEASE) & 2) _PyParkingLot_UnparkAll(&lock->bits);
}

struct _PySeqLock {
  uint32_t sequence;
};
KS_EXPORT void _PySeqLock_LockWrite(_PySeqLock* lock) {
  for (;;) {
    uint32_t value = __atomic_load_n(&lock->sequence, __ATOMIC_RELAXED);
    if (!(value & 1) && __atomic_compare_exchange_n(&lock->sequence, &value, value + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return;
    sched_yield();
  }
}
KS_EXPORT void _PySeqLock_AbandonWrite(_PySeqLock* lock) { __atomic_fetch_sub(&lock->sequence, 1, __ATOMIC_RELEASE); }
KS_EXPORT void _PySeqLock_UnlockWrite(_PySeqLock* lock) { __atomic_fetch_add(&lock->sequence, 1, __ATOMIC_RELEASE); }
KS_EXPORT uint32_t _PySeqLock_BeginRead(_PySeqLock* lock) {
  uint32_t value;
  while ((value = __atomic_load_n(&lock->sequence, __ATOMIC_ACQUIRE)) & 1) sched_yield();
  return value;
}
KS_EXPORT int _PySeqLock_EndRead(_PySeqLock* lock, uint32_t previous) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return __atomic_load_n(&lock->sequence, __ATOMIC_RELAXED) == previous;
}
KS_EXPORT int _PySeqLock_AfterFork(_PySeqLock* lock) {
  if (!(lock->sequence & 1)) return 0;
  lock->sequence = 0;
  return 1;
}

// The reference's struct holds a sem_t; an Event-like word fits into it.
struct _PySemaphore {
  unsigned count;
};
KS_EXPORT void _PySemaphore_Init(_PySemaphore* semaphore) { semaphore->count = 0; }
KS_EXPORT void _PySemaphore_Destroy(_PySemaphore*) {}
KS_EXPORT void _PySemaphore_Wakeup(_PySemaphore* semaphore) {
  __atomic_fetch_add(&semaphore->count, 1, __ATOMIC_RELEASE);
  futex_wake(&semaphore->count, 1);
}
KS_EXPORT int _PySemaphore_Wait(_PySemaphore* semaphore, int64_t timeout) {
  const int64_t deadline = timeout < 0 ? -1 : monotonic_nanoseconds() + timeout;
  for (;;) {
    unsigned count = __atomic_load_n(&semaphore->count, __ATOMIC_RELAXED);
    while (count) {
      if (__atomic_compare_exchange_n(&semaphore->count, &count, count - 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return 0;
    }
    const int result = futex_wait(&semaphore->count, 0, deadline);
    if (result == ETIMEDOUT) return -2;
    if (result == EINTR) return -3;
  }
}

// ---- critical sections: nothing to do where there is a GIL --------------------------------------------------------------------

void PyCriticalSection_Begin(PyCriticalSection*, PyObject*) {}
void PyCriticalSection_BeginMutex(PyCriticalSection*, PyMutex*) {}
void PyCriticalSection_End(PyCriticalSection*) {}
void PyCriticalSection2_Begin(PyCriticalSection2*, PyObject*, PyObject*) {}
void PyCriticalSection2_BeginMutex(PyCriticalSection2*, PyMutex*, PyMutex*) {}
void PyCriticalSection2_End(PyCriticalSection2*) {}
KS_EXPORT void _PyCriticalSection_BeginSlow(PyCriticalSection*, PyMutex*) {}
KS_EXPORT void _PyCriticalSection2_BeginSlow(PyCriticalSection2*, PyMutex*, PyMutex*, int) {}
KS_EXPORT void _PyCriticalSection_Resume(PyThreadState*) {}
KS_EXPORT void _PyCriticalSection_SuspendAll(PyThreadState*) {}

}  // extern "C"
