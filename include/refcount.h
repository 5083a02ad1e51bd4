/* Reference counts. */
#ifndef Py_REFCOUNT_H
#define Py_REFCOUNT_H

#ifdef __cplusplus
extern "C" {
#endif

/* --- Immortal objects: their count is not changed --- */
#define _Py_IMMORTAL_INITIAL_REFCNT (3ULL << 30)
#define _Py_STATIC_FLAG_BITS ((Py_ssize_t)(_Py_STATICALLY_ALLOCATED_FLAG | _Py_IMMORTAL_FLAGS))
#define _Py_STATIC_IMMORTAL_INITIAL_REFCNT \
    (((Py_ssize_t)_Py_IMMORTAL_INITIAL_REFCNT) | (_Py_STATIC_FLAG_BITS << 48))
#define _Py_STATICALLY_ALLOCATED_FLAG 4
#define _Py_IMMORTAL_FLAGS 1
#define _Py_IMMORTAL_MINIMUM_REFCNT (1ULL << 31)

/* --- As functions --- */
PyAPI_FUNC(Py_ssize_t) Py_REFCNT(PyObject *o);  /* the count; of immortal objects a large number */
PyAPI_FUNC(PyObject *) Py_NewRef(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) Py_XNewRef(PyObject *o);  /* new reference, or NULL */
PyAPI_FUNC(void) Py_IncRef(PyObject *o);  /* NULL does no harm */
PyAPI_FUNC(void) Py_DecRef(PyObject *o);  /* NULL does no harm */

/* --- Names with an underscore: not for new code --- */
PyAPI_FUNC(void) _Py_SetRefcnt(PyObject *ob, Py_ssize_t refcnt);
PyAPI_FUNC(void) _Py_Dealloc(PyObject *);
PyAPI_FUNC(void) _Py_IncRef(PyObject *);
PyAPI_FUNC(void) _Py_DecRef(PyObject *);

#if !defined(Py_LIMITED_API) || _Py_API < 0x030E0000
static inline Py_ssize_t _Py_REFCNT(PyObject *ob) { return ob->ob_refcnt; }
#  if !defined(Py_LIMITED_API) || _Py_API < 0x030B0000
#    define Py_REFCNT(ob) _Py_REFCNT(_PyObject_CAST(ob))
#  else
#    define Py_REFCNT(ob) _Py_REFCNT(ob)
#  endif
#endif

static inline Py_ALWAYS_INLINE int _Py_IsImmortal(PyObject *op) { return (int32_t)op->ob_refcnt < 0; }
#define _Py_IsImmortal(op) _Py_IsImmortal(_PyObject_CAST(op))

static inline Py_ALWAYS_INLINE int _Py_IsStaticImmortal(PyObject *op) {
    return (op->ob_flags & _Py_STATICALLY_ALLOCATED_FLAG) != 0;
}
#define _Py_IsStaticImmortal(op) _Py_IsStaticImmortal(_PyObject_CAST(op))

static inline void Py_SET_REFCNT(PyObject *ob, Py_ssize_t refcnt) {
#if defined(Py_LIMITED_API) && _Py_API >= 0x030D0000
    _Py_SetRefcnt(ob, refcnt);
#else
    if (!_Py_IsImmortal(ob)) ob->ob_refcnt = (uint32_t)refcnt;
#endif
}

/* --- Taking and giving back references --- */
#if defined(Py_LIMITED_API) && _Py_API >= 0x030C0000
/* What a count is, is the library's business from 3.12 on. */
static inline Py_ALWAYS_INLINE void Py_INCREF(PyObject *op) { _Py_IncRef(op); }
static inline Py_ALWAYS_INLINE void Py_DECREF(PyObject *op) { _Py_DecRef(op); }
#else
static inline Py_ALWAYS_INLINE void Py_INCREF(PyObject *op) {
    const uint32_t count = op->ob_refcnt;
    if (count < _Py_IMMORTAL_INITIAL_REFCNT) op->ob_refcnt = count + 1;
}
static inline Py_ALWAYS_INLINE void Py_DECREF(PyObject *op) {
    if (!_Py_IsImmortal(op) && --op->ob_refcnt == 0) _Py_Dealloc(op);
}
#endif

static inline void Py_XINCREF(PyObject *op) {
    if (op != _Py_NULL) Py_INCREF(op);
}
static inline void Py_XDECREF(PyObject *op) {
    if (op != _Py_NULL) Py_DECREF(op);
}

/* Py_NewRef() and Py_XNewRef(): the same object, and a new reference to it. */
static inline PyObject *_Py_NewRef(PyObject *obj) {
    Py_INCREF(obj);
    return obj;
}
static inline PyObject *_Py_XNewRef(PyObject *obj) {
    Py_XINCREF(obj);
    return obj;
}

/* Any pointer to an object will do. */
#define Py_DECREF(op) Py_DECREF(_PyObject_CAST(op))
#if !defined(Py_LIMITED_API) || _Py_API < 0x030B0000
#  define Py_SET_REFCNT(ob, refcnt) Py_SET_REFCNT(_PyObject_CAST(ob), (refcnt))
#  define Py_INCREF(op) Py_INCREF(_PyObject_CAST(op))
#  define Py_XINCREF(op) Py_XINCREF(_PyObject_CAST(op))
#  define Py_XDECREF(op) Py_XDECREF(_PyObject_CAST(op))
#  define Py_NewRef(obj) _Py_NewRef(_PyObject_CAST(obj))
#  define Py_XNewRef(obj) _Py_XNewRef(_PyObject_CAST(obj))
#else
#  define Py_NewRef(obj) _Py_NewRef(obj)
#  define Py_XNewRef(obj) _Py_XNewRef(obj)
#endif

/* Sets the variable to NULL before its object goes. */
#define Py_CLEAR(op) \
    do { \
        _Py_TYPEOF(op) *_ref_place = &(op); \
        _Py_TYPEOF(op) _ref_old = *_ref_place; \
        if (_ref_old != NULL) { \
            *_ref_place = _Py_NULL; \
            Py_DECREF(_ref_old); \
        } \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
