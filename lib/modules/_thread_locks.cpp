// _thread: lock and RLock.
#include <cstring>

#include "modules/_thread.h"

namespace ks {

namespace {

constexpr char kAcquireName[] = "acquire";
constexpr Signature kAcquire = read_signature(kAcquireName, "($self, /, blocking=True, timeout=-1)");

// Arguments of acquire() as nanoseconds: 0 does not wait, -1 for ever.
Status read_timeout(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, int64_t* timeout) {
  PyObject* values[3] = {};
  TRY(bind(kAcquire, args, nargs, kwnames, values, nullptr, nullptr));
  int blocking = 1;
  if (values[0] && (blocking = PyObject_IsTrue(values[0])) < 0) return failed;
  int64_t given = -1;
  bool unset = true;
  if (values[1]) {
    TRY(seconds_to_nanoseconds(values[1], &given));
    unset = given == -1000000000;
  }
  if (!blocking && !unset) return raise(PyExc_ValueError, "can't specify a timeout for a non-blocking call");
  if (given < 0 && !unset) return raise(PyExc_ValueError, "timeout value must be a non-negative number");
  if (!unset && given / 1000 > PY_TIMEOUT_MAX) return raise(PyExc_OverflowError, "timeout value is too large");
  *timeout = !blocking ? 0 : unset ? -1 : given;
  return Status::Ok;
}

// ---- lock --------------------------------------------------------------------------------------------------------------------

struct LockObject {
  PyObject ob_base;
  WaitLock lock;
};
WaitLock* lock_of(PyObject* self) { return &as<LockObject>(self)->lock; }

void lock_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  PyObject_ClearWeakRefs(self);
  type->tp_free(self);
  Py_DECREF(type);
}
int lock_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return 0;
}
PyObject* lock_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args)) return raise(PyExc_TypeError, "lock() takes 0 positional arguments but %zd were given", PyTuple_GET_SIZE(args));
  if (kwargs && PyDict_Size(kwargs)) return raise(PyExc_TypeError, "lock() takes no keyword arguments");
  return type->tp_alloc(type, 0);
}
PyObject* lock_repr(PyObject* self) {
  return PyUnicode_FromFormat("<%s %s object at %p>", lock_of(self)->locked() ? "locked" : "unlocked", Py_TYPE(self)->tp_name,
                              static_cast<void*>(self));
}
PyObject* lock_acquire(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (nargs == 0 && !kwnames && lock_of(self)->try_acquire()) return Py_NewRef(Py_True);
  int64_t timeout;
  if (is_failure(read_timeout(args, nargs, kwnames, &timeout))) return nullptr;
  const PyLockStatus result = acquire_with_signals(lock_of(self), timeout);
  return result == PY_LOCK_INTR ? nullptr : PyBool_FromLong(result == PY_LOCK_ACQUIRED);
}
Status lock_release(PyObject* self) {
  if (!lock_of(self)->locked()) return raise(PyExc_ThreadError, "release unlocked lock");
  lock_of(self)->release();
  return Status::Ok;
}
bool lock_locked(PyObject* self) { return lock_of(self)->locked(); }
PyObject* lock_enter(PyObject* self) {
  return acquire_with_signals(lock_of(self), -1) == PY_LOCK_INTR ? nullptr : Py_NewRef(Py_True);
}
PyObject* lock_exit(PyObject* self, PyObject* const*, Py_ssize_t, PyObject*) {
  return is_failure(lock_release(self)) ? nullptr : Py_NewRef(Py_None);
}
void lock_at_fork_reinit(PyObject* self) { lock_of(self)->word = 0; }

constexpr char kAcquireDoc[] =
    "acquire($self, /, blocking=True, timeout=-1)\n--\n\nLock the lock.\n\nWithout argument, this blocks if the lock is already locked, "
    "until another thread releases it. The return value tells whether the lock was acquired.";
METHOD_RAW(lock_acquire, "acquire", 0, kAcquireDoc);
METHOD_AS(lock_release, "release", 0, "($self, /)", "Release the lock, allowing another thread that is blocked waiting for the lock to acquire it.");
METHOD_AS(lock_locked, "locked", 0, "($self, /)", "Return whether the lock is in the locked state.");
METHOD_AS(lock_enter, "__enter__", 0, "($self, /)", "Lock the lock.");
METHOD_RAW(lock_exit, "__exit__", 0, "__exit__($self, /, *exc_info)\n--\n\nRelease the lock.");
METHOD_AS(lock_at_fork_reinit, "_at_fork_reinit", 0, "($self, /)", "Unlocked again, in a forked child.");
constexpr PyMethodDef renamed(PyMethodDef method, const char* name, const char* doc = nullptr) {
  method.ml_name = name;
  if (doc) method.ml_doc = doc;  // its text signature begins with the name
  return method;
}
PyMethodDef lock_methods[] = {lock_acquire_method, renamed(lock_acquire_method, "acquire_lock", "acquire_lock($self, /, blocking=True, timeout=-1)\n--\n\nThe same as acquire()."), lock_release_method,
                              renamed(lock_release_method, "release_lock"), lock_locked_method, renamed(lock_locked_method, "locked_lock"),
                              lock_enter_method, lock_exit_method, lock_at_fork_reinit_method, {}};
PyType_Slot lock_slots[] = {{Py_tp_new, reinterpret_cast<void*>(lock_new)},
                            {Py_tp_dealloc, reinterpret_cast<void*>(lock_dealloc)},
                            {Py_tp_repr, reinterpret_cast<void*>(lock_repr)},
                            {Py_tp_traverse, reinterpret_cast<void*>(lock_traverse)},
                            {Py_tp_methods, lock_methods},
                            {Py_tp_doc, const_cast<char*>("lock()\n--\n\nA lock object is a synchronization primitive.")},
                            {0, nullptr}};
PyType_Spec lock_spec = {"_thread.lock", sizeof(LockObject), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_MANAGED_WEAKREF, lock_slots};

// ---- RLock ---------------------------------------------------------------------------------------------------------------------

struct RLockObject {
  PyObject ob_base;
  WaitLock lock;
  unsigned long owner;
  unsigned long level;
  PyObject* weakrefs;
};
RLockObject* rlock_of(PyObject* self) { return as<RLockObject>(self); }
bool mine(RLockObject* self) {
  return self->level > 0 && __atomic_load_n(&self->owner, __ATOMIC_RELAXED) == PyThread_get_thread_ident();
}
void rlock_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (rlock_of(self)->weakrefs) PyObject_ClearWeakRefs(self);
  type->tp_free(self);
  Py_DECREF(type);
}
// Arguments are of no use, and allowed; threading.RLock warns of them.
PyObject* rlock_new(PyTypeObject* type, PyObject*, PyObject*) { return type->tp_alloc(type, 0); }
PyObject* rlock_repr(PyObject* self) {
  RLockObject* lock = rlock_of(self);
  return PyUnicode_FromFormat("<%s %s object owner=%lu count=%zu at %p>", lock->level ? "locked" : "unlocked", Py_TYPE(self)->tp_name,
                              lock->owner, static_cast<size_t>(lock->level), static_cast<void*>(self));
}
PyObject* rlock_take(RLockObject* lock, int64_t timeout) {
  if (mine(lock)) {
    if (lock->level + 1 == 0) return raise(PyExc_OverflowError, "Internal lock count overflowed");
    ++lock->level;
    return Py_NewRef(Py_True);
  }
  const PyLockStatus result = acquire_with_signals(&lock->lock, timeout);
  if (result == PY_LOCK_INTR) return nullptr;
  if (result == PY_LOCK_ACQUIRED) {
    lock->owner = PyThread_get_thread_ident();
    lock->level = 1;
  }
  return PyBool_FromLong(result == PY_LOCK_ACQUIRED);
}
PyObject* rlock_acquire(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  int64_t timeout = -1;
  if ((nargs || kwnames) && is_failure(read_timeout(args, nargs, kwnames, &timeout))) return nullptr;
  return rlock_take(rlock_of(self), timeout);
}
Status rlock_release(PyObject* self) {
  RLockObject* lock = rlock_of(self);
  if (!mine(lock)) return raise(PyExc_RuntimeError, "cannot release un-acquired lock");
  if (--lock->level == 0) {
    lock->owner = 0;
    lock->lock.release();
  }
  return Status::Ok;
}
bool rlock_locked(PyObject* self) { return rlock_of(self)->level > 0; }
bool rlock_is_owned(PyObject* self) { return mine(rlock_of(self)); }
PyObject* rlock_recursion_count(PyObject* self) { return PyLong_FromUnsignedLong(mine(rlock_of(self)) ? rlock_of(self)->level : 0); }
Ref<> rlock_release_save(PyObject* self) {
  RLockObject* lock = rlock_of(self);
  if (!lock->level) return raise(PyExc_RuntimeError, "cannot release un-acquired lock");
  const unsigned long level = lock->level, owner = lock->owner;
  lock->level = 0;
  lock->owner = 0;
  lock->lock.release();
  return steal(Py_BuildValue("kk", level, owner));
}
PyObject* rlock_acquire_restore(PyObject* self, PyObject* saved) {
  unsigned long level, owner;
  if (!PyTuple_Check(saved) || !PyArg_ParseTuple(saved, "kk:_acquire_restore", &level, &owner)) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "_acquire_restore() argument must be a tuple");
    return nullptr;
  }
  RLockObject* lock = rlock_of(self);
  Py_BEGIN_ALLOW_THREADS
  lock->lock.acquire(-1, false);
  Py_END_ALLOW_THREADS
  lock->owner = owner;
  lock->level = level;
  return Py_NewRef(Py_None);
}
PyObject* rlock_enter(PyObject* self) { return rlock_take(rlock_of(self), -1); }
PyObject* rlock_exit(PyObject* self, PyObject* const*, Py_ssize_t, PyObject*) {
  return is_failure(rlock_release(self)) ? nullptr : Py_NewRef(Py_None);
}
void rlock_at_fork_reinit(PyObject* self) {
  rlock_of(self)->lock.word = 0;
  rlock_of(self)->owner = 0;
  rlock_of(self)->level = 0;
}
METHOD_RAW(rlock_acquire, "acquire", 0, kAcquireDoc);
METHOD_AS(rlock_release, "release", 0, "($self, /)", "Release the lock, allowing another thread that is blocked waiting for the lock to acquire it.");
METHOD_AS(rlock_locked, "locked", 0, "($self, /)", "Return a boolean indicating whether this object is locked right now.");
METHOD_AS(rlock_is_owned, "_is_owned", 0, "($self, /)", "For internal use by `threading.Condition`.");
METHOD_AS(rlock_recursion_count, "_recursion_count", 0, "($self, /)", "For internal use by reentrancy checks.");
METHOD_AS(rlock_release_save, "_release_save", 0, "($self, /)", "For internal use by `threading.Condition`.");
METHOD_AS(rlock_acquire_restore, "_acquire_restore", 0, "($self, state, /)", "For internal use by `threading.Condition`.");
METHOD_AS(rlock_enter, "__enter__", 0, "($self, /)", "Lock the lock.");
METHOD_RAW(rlock_exit, "__exit__", 0, "__exit__($self, /, *exc_info)\n--\n\nRelease the lock.");
METHOD_AS(rlock_at_fork_reinit, "_at_fork_reinit", 0, "($self, /)", "Unlocked again, in a forked child.");
PyMethodDef rlock_methods[] = {rlock_acquire_method, rlock_release_method, rlock_locked_method, rlock_is_owned_method,
                               rlock_recursion_count_method, rlock_release_save_method, rlock_acquire_restore_method, rlock_enter_method,
                               rlock_exit_method, rlock_at_fork_reinit_method, {}};
PyMemberDef rlock_members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(RLockObject, weakrefs), Py_READONLY, nullptr}, {}};
PyType_Slot rlock_slots[] = {{Py_tp_new, reinterpret_cast<void*>(rlock_new)},
                             {Py_tp_dealloc, reinterpret_cast<void*>(rlock_dealloc)},
                             {Py_tp_repr, reinterpret_cast<void*>(rlock_repr)},
                             {Py_tp_traverse, reinterpret_cast<void*>(lock_traverse)},
                             {Py_tp_methods, rlock_methods},
                             {Py_tp_members, rlock_members},
                             {0, nullptr}};
PyType_Spec rlock_spec = {"_thread.RLock", sizeof(RLockObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, rlock_slots};

}  // namespace

PyObject* thread_allocate_lock(PyObject* module, PyObject*) {
  Ref<> type = steal(PyObject_GetAttr(module, "lock"_id));
  return type ? as<PyTypeObject>(type.get())->tp_alloc(as<PyTypeObject>(type.get()), 0) : nullptr;
}

Status add_lock_types(PyObject* module) {
  Ref<> lock = TRY(steal(PyType_FromModuleAndSpec(module, &lock_spec, nullptr)));
  TRY(PyModule_AddObjectRef(module, "lock", lock));
  TRY(PyModule_AddObjectRef(module, "LockType", lock));
  Ref<> rlock = TRY(steal(PyType_FromModuleAndSpec(module, &rlock_spec, nullptr)));
  return status(PyModule_AddObjectRef(module, "RLock", rlock));
}

}  // namespace ks
