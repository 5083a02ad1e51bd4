/* A mutex of one byte. */
#ifndef Py_LOCK_H
#define Py_LOCK_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
/* One byte; all bits zero is an unlocked mutex. */
typedef struct PyMutex {
    uint8_t _bits;  /* bit 0: locked, bit 1: somebody waits */
} PyMutex;
#define _Py_UNLOCKED 0
#define _Py_LOCKED 1
#endif

/* --- Functions --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyMutex_Lock(PyMutex *m);  /* releases the GIL while it waits */
PyAPI_FUNC(void) PyMutex_Unlock(PyMutex *m);  /* ends the process where the mutex is not locked */
PyAPI_FUNC(int) PyMutex_IsLocked(PyMutex *m);  /* true or false */
#endif

#ifndef Py_LIMITED_API
/* Without a call where nobody holds the mutex. */
static inline void _PyMutex_Lock(PyMutex *m) {
    uint8_t expected = _Py_UNLOCKED;
    if (!_Py_atomic_compare_exchange_uint8(&m->_bits, &expected, _Py_LOCKED)) PyMutex_Lock(m);
}
#define PyMutex_Lock _PyMutex_Lock

/* Without a call where nobody waits. */
static inline void _PyMutex_Unlock(PyMutex *m) {
    uint8_t expected = _Py_LOCKED;
    if (!_Py_atomic_compare_exchange_uint8(&m->_bits, &expected, _Py_UNLOCKED)) PyMutex_Unlock(m);
}
#define PyMutex_Unlock _PyMutex_Unlock

static inline int _PyMutex_IsLocked(PyMutex *m) {
    return (_Py_atomic_load_uint8(&m->_bits) & _Py_LOCKED) != 0;
}
#define PyMutex_IsLocked _PyMutex_IsLocked
#endif

#ifdef __cplusplus
}
#endif

#endif
