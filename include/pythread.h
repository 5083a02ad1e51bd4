/* Threads, locks and thread-local storage of the platform. */
#ifndef Py_PYTHREAD_H
#define Py_PYTHREAD_H

#ifdef __cplusplus
extern "C" {
#endif

#define PY_HAVE_THREAD_NATIVE_ID
#define PY_TIMEOUT_T long long
#ifndef Py_LIMITED_API
#  include <pthread.h>
#  define PYTHREAD_INVALID_THREAD_ID ((unsigned long)-1)
#  define Py_tss_NEEDS_INIT { 0 }
#endif

#define WAIT_LOCK 1
#define NOWAIT_LOCK 0

typedef void *PyThread_type_lock;
typedef enum PyLockStatus {
    PY_LOCK_FAILURE = 0,
    PY_LOCK_ACQUIRED = 1,
    PY_LOCK_INTR
} PyLockStatus;

#if _Py_API >= 0x03070000
typedef struct _Py_tss_t Py_tss_t;
#endif
#ifndef Py_LIMITED_API
/* A key of thread-local storage. */
struct _Py_tss_t {
    int _is_initialized;
    pthread_key_t _key;
};
#endif

#ifndef Py_LIMITED_API
PyAPI_DATA(const long long) PY_TIMEOUT_MAX;
#endif

/* --- Locks --- */
PyAPI_FUNC(PyThread_type_lock) PyThread_allocate_lock(void);  /* NULL where it fails */
PyAPI_FUNC(void) PyThread_free_lock(PyThread_type_lock lock);  /* the lock has to be released */
PyAPI_FUNC(PyLockStatus) PyThread_acquire_lock_timed(PyThread_type_lock lock, long long microseconds,
    int intr_flag);  /* microseconds: 0 does not wait, less than 0 waits for ever; intr_flag: signals end it */
/* 1 where it is taken; waitflag 0 does not wait */
PyAPI_FUNC(int) PyThread_acquire_lock(PyThread_type_lock lock, int waitflag);
PyAPI_FUNC(void) PyThread_release_lock(PyThread_type_lock lock);  /* by any thread */

/* --- Threads --- */
/* its number, or PYTHREAD_INVALID_THREAD_ID */
PyAPI_FUNC(unsigned long) PyThread_start_new_thread(void (*func)(void *), void *arg);
PyAPI_FUNC(unsigned long) PyThread_get_thread_ident(void);  /* never 0 */
PyAPI_FUNC(unsigned long) PyThread_get_thread_native_id(void);  /* the kernel's number */
Py_DEPRECATED(3) _Py_NO_RETURN PyAPI_FUNC(void) PyThread_exit_thread(void);  /* ends the thread */
PyAPI_FUNC(void) PyThread_init_thread(void);  /* does nothing any more */
PyAPI_FUNC(int) PyThread_set_stacksize(size_t size);  /* 0, -1: a wrong value, -2: cannot be set */
PyAPI_FUNC(size_t) PyThread_get_stacksize(void);  /* 0: the platform's */
#if _Py_API >= 0x03030000
PyAPI_FUNC(PyObject *) PyThread_GetInfo(void);  /* new reference: sys.thread_info */
#endif

/* --- Keys on the heap --- */
#if _Py_API >= 0x03070000
PyAPI_FUNC(Py_tss_t *) PyThread_tss_alloc(void);  /* NULL where there is no memory */
PyAPI_FUNC(void) PyThread_tss_free(Py_tss_t *key);  /* the key is deleted too */
#endif

/* --- Thread-local storage --- */
#if _Py_API >= 0x03070000
PyAPI_FUNC(int) PyThread_tss_is_created(Py_tss_t *key);  /* true or false */
PyAPI_FUNC(int) PyThread_tss_create(Py_tss_t *key);  /* 0, or -1; a created key stays as it is */
PyAPI_FUNC(void) PyThread_tss_delete(Py_tss_t *key);  /* values of the threads are forgotten, not freed */
PyAPI_FUNC(int) PyThread_tss_set(Py_tss_t *key, void *value);  /* 0, or not 0; for this thread */
PyAPI_FUNC(void *) PyThread_tss_get(Py_tss_t *key);  /* NULL where nothing was set */
#endif

/* --- Thread-local storage before 3.7 --- */
Py_DEPRECATED(3.7) PyAPI_FUNC(int) PyThread_create_key(void);  /* -1 where it fails */
Py_DEPRECATED(3.7) PyAPI_FUNC(void) PyThread_delete_key(int key);  /* values of the threads are forgotten, not freed */
Py_DEPRECATED(3.7) PyAPI_FUNC(int) PyThread_set_key_value(int key, void *value);  /* 0, or -1 */
Py_DEPRECATED(3.7) PyAPI_FUNC(void *) PyThread_get_key_value(int key);  /* NULL where nothing was set */
Py_DEPRECATED(3.7) PyAPI_FUNC(void) PyThread_delete_key_value(int key);  /* for this thread */
Py_DEPRECATED(3.7) PyAPI_FUNC(void) PyThread_ReInitTLS(void);  /* does nothing */

#ifdef __cplusplus
}
#endif

#endif
