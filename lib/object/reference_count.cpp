// The end of objects (_Py_Dealloc, finalizers, deep chains), function forms of the counting macros, constants.
//
// Deallocating nested containers does not eat the C stack: beyond a depth the object is put on the thread's list
// delete_later (linked through the reference count, which is zero anyway), and the list is worked off when the nesting
// has become shallow again.
#include "object/reference_count.h"

#include <Python.h>

#include <cstdio>

#include "object/collector.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"

namespace ks {

constinit RefTracer ref_tracer = {nullptr, nullptr, nullptr};

namespace {

constexpr int kDeallocDepth = 120;
// How many deallocations of collectable objects are nested in this thread.
thread_local constinit int dealloc_depth [[gnu::tls_model("initial-exec")]] = 0;

void deposit(PyThreadState* tstate, PyObject* object) {
  gc_untrack_if_tracked(object);
  object->ob_refcnt_full = static_cast<int64_t>(reinterpret_cast<intptr_t>(tstate->delete_later));
  tstate->delete_later = object;
}

[[gnu::noinline]] void destroy_chain(PyThreadState* tstate) {
  ++dealloc_depth;
  while (PyObject* object = tstate->delete_later) {
    tstate->delete_later = reinterpret_cast<PyObject*>(static_cast<intptr_t>(object->ob_refcnt_full));
    object->ob_refcnt_full = 0;
    Py_TYPE(object)->tp_dealloc(object);
  }
  --dealloc_depth;
}

}  // namespace
}  // namespace ks

using namespace ks;

// Called when a reference count reaches zero.
void _Py_Dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (ref_tracer.function) [[unlikely]] ref_tracer.function(object, PyRefTracer_DESTROY, ref_tracer.data);
  if (!(type->tp_flags & Py_TPFLAGS_HAVE_GC)) {
    type->tp_dealloc(object);
    return;
  }
  if (dealloc_depth >= kDeallocDepth) [[unlikely]] {
    deposit(thread(), object);
    return;
  }
  ++dealloc_depth;
  type->tp_dealloc(object);
  if (--dealloc_depth < kDeallocDepth / 2) {
    PyThreadState* tstate = thread();
    if (tstate && tstate->delete_later) [[unlikely]] destroy_chain(tstate);
  }
}

// Puts an object with count zero aside for later deallocation.
void _PyTrash_thread_deposit_object(PyThreadState* tstate, PyObject* object) { deposit(tstate, object); }
void _PyTrash_thread_destroy_chain(PyThreadState* tstate) { destroy_chain(tstate); }

// Runs tp_finalize once per object.
void PyObject_CallFinalizer(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (!type->tp_finalize) return;
  const bool collectable = type->tp_flags & Py_TPFLAGS_HAVE_GC;
  if (collectable && gc_is_finalized(self)) return;
  type->tp_finalize(self);
  if (collectable) gc_set_finalized(self);
}

// For tp_dealloc: runs the finalizer with the object alive; -1 when it has been resurrected, else 0.
int PyObject_CallFinalizerFromDealloc(PyObject* self) {
  if (Py_REFCNT(self) != 0) {
    _PyObject_AssertFailed(self, nullptr, "PyObject_CallFinalizerFromDealloc called on object with a non-zero refcount",
                           "object/reference_count.cpp", __LINE__, "PyObject_CallFinalizerFromDealloc");
  }
  self->ob_refcnt_full = 1;
  PyObject_CallFinalizer(self);
  if (Py_REFCNT(self) <= 0) {
    _PyObject_AssertFailed(self, nullptr, "refcount is too small", "object/reference_count.cpp", __LINE__,
                           "PyObject_CallFinalizerFromDealloc");
  }
  // Not Py_DECREF: the caller is the deallocation.
  if (!_Py_IsImmortal(self)) --self->ob_refcnt_full;
  if (Py_REFCNT(self) == 0) return 0;
  return -1;
}

// Count of a block that becomes an object again.
void _Py_NewReference(PyObject* object) {
  object->ob_refcnt_full = 1;
  if (ref_tracer.reused) ref_tracer.reused(object);
  if (ref_tracer.function) ref_tracer.function(object, PyRefTracer_CREATE, ref_tracer.data);
}
void _Py_NewReferenceNoTotal(PyObject* object) { object->ob_refcnt_full = 1; }
void _Py_ResurrectReference(PyObject* object) { object->ob_refcnt_full = 1; }
void _Py_ForgetReference(PyObject*) {}
KS_EXPORT void _Py_SetImmortalUntracked(PyObject* object) { make_immortal(object); }
KS_EXPORT void _Py_SetImmortal(PyObject* object) {
  if (object_is_gc(object)) gc_untrack_if_tracked(object);
  make_immortal(object);
}

#undef Py_IncRef
#undef Py_DecRef
#undef Py_NewRef
#undef Py_XNewRef
#undef Py_REFCNT
#undef Py_TYPE
#undef Py_Is
#undef Py_IsNone
#undef Py_IsTrue
#undef Py_IsFalse
KS_EXPORT void Py_IncRef(PyObject* object) { Py_XINCREF(object); }
KS_EXPORT void Py_DecRef(PyObject* object) { Py_XDECREF(object); }
KS_EXPORT void _Py_IncRef(PyObject* object) { Py_INCREF(object); }
KS_EXPORT void _Py_DecRef(PyObject* object) { Py_DECREF(object); }
KS_EXPORT void _Py_SetRefcnt(PyObject* object, Py_ssize_t count) { Py_SET_REFCNT(object, count); }

KS_EXPORT PyObject* Py_NewRef(PyObject* object) {
  Py_INCREF(object);
  return object;
}
KS_EXPORT PyObject* Py_XNewRef(PyObject* object) {
  Py_XINCREF(object);
  return object;
}
KS_EXPORT Py_ssize_t Py_REFCNT(PyObject* object) { return _Py_REFCNT(object); }
KS_EXPORT PyTypeObject* Py_TYPE(PyObject* object) { return object->ob_type; }
KS_EXPORT int Py_Is(PyObject* a, PyObject* b) { return a == b; }
KS_EXPORT int Py_IsNone(PyObject* object) { return object == Py_None; }

int PyUnstable_IsImmortal(PyObject* object) { return _Py_IsImmortal(object); }
int PyUnstable_Object_IsUniquelyReferenced(PyObject* object) { return _Py_REFCNT(object) == 1; }
// 1 when the count was taken; with the GIL it always is.
int PyUnstable_TryIncRef(PyObject* object) {
  if (_Py_REFCNT(object) <= 0) return 0;
  Py_INCREF(object);
  return 1;
}
void PyUnstable_EnableTryIncRef(PyObject*) {}
// Only the free-threaded build defers counts.
int PyUnstable_Object_EnableDeferredRefcount(PyObject*) { return 0; }

// Borrowed immortal constant; SystemError for an unknown number.
PyObject* Py_GetConstantBorrowed(unsigned int constant) {
  switch (constant) {
    case Py_CONSTANT_NONE: return Py_None;
    case Py_CONSTANT_FALSE: return Py_False;
    case Py_CONSTANT_TRUE: return Py_True;
    case Py_CONSTANT_ELLIPSIS: return Py_Ellipsis;
    case Py_CONSTANT_NOT_IMPLEMENTED: return Py_NotImplemented;
    case Py_CONSTANT_ZERO: return PyLong_FromLong(0);
    case Py_CONSTANT_ONE: return PyLong_FromLong(1);
    case Py_CONSTANT_EMPTY_STR: return PyUnicode_FromStringAndSize("", 0);
    case Py_CONSTANT_EMPTY_BYTES: return PyBytes_FromStringAndSize("", 0);
    case Py_CONSTANT_EMPTY_TUPLE: return PyTuple_New(0);
  }
  PyErr_BadInternalCall();
  return nullptr;
}
// The same; every constant is immortal, so that new and borrowed are one.
PyObject* Py_GetConstant(unsigned int constant) { return Py_GetConstantBorrowed(constant); }

// Function called for each new and each dying object, or NULL for none; 0.
int PyRefTracer_SetTracer(PyRefTracer tracer, void* data) {
  ref_tracer.function = tracer;
  ref_tracer.data = data;
  return 0;
}
PyRefTracer PyRefTracer_GetTracer(void** data) {
  if (data) *data = ref_tracer.data;
  return ref_tracer.function;
}

// 1 when the memory of the object looks freed or never initialised.
KS_EXPORT int _PyObject_IsFreed(PyObject* object) {
  auto freed = [](const void* pointer) {
    const auto value = reinterpret_cast<uintptr_t>(pointer);
    return value == 0 || value == 0xCDCDCDCDCDCDCDCDu || value == 0xDDDDDDDDDDDDDDDDu || value == 0xFDFDFDFDFDFDFDFDu;
  };
  return freed(object) || freed(object->ob_type);
}

// Writes what is known of an object to stderr.
void _PyObject_Dump(PyObject* object) {
  if (_PyObject_IsFreed(object)) {
    fprintf(stderr, "<object at %p is freed>\n", static_cast<void*>(object));
    fflush(stderr);
    return;
  }
  fprintf(stderr, "object address  : %p\n", static_cast<void*>(object));
  fprintf(stderr, "object refcount : %zd\n", _Py_REFCNT(object));
  fflush(stderr);
  PyTypeObject* type = object->ob_type;
  fprintf(stderr, "object type     : %p\n", static_cast<void*>(type));
  fprintf(stderr, "object type name: %s\n", type ? type->tp_name : "NULL");
  fprintf(stderr, "object repr     : ");
  fflush(stderr);
  const PyGILState_STATE gil = PyGILState_Ensure();
  PyObject* exception = PyErr_GetRaisedException();
  (void)PyObject_Print(object, stderr, 0);
  fflush(stderr);
  PyErr_SetRaisedException(exception);
  PyGILState_Release(gil);
  fprintf(stderr, "\n");
  fflush(stderr);
}

// Fatal error that shows an object.
void _PyObject_AssertFailed(PyObject* object, const char* expression, const char* message, const char* file, int line,
                            const char* function) {
  fprintf(stderr, "%s:%d: ", file, line);
  if (function) fprintf(stderr, "%s: ", function);
  fflush(stderr);
  if (expression) fprintf(stderr, "Assertion \"%s\" failed", expression);
  else fprintf(stderr, "Assertion failed");
  fflush(stderr);
  if (message) fprintf(stderr, ": %s", message);
  fprintf(stderr, "\n");
  fflush(stderr);
  if (_PyObject_IsFreed(object)) {
    fprintf(stderr, "<object at %p is freed>\n", static_cast<void*>(object));
    fflush(stderr);
  } else {
    _PyObject_Dump(object);
    fprintf(stderr, "\n");
    fflush(stderr);
  }
  Py_FatalError("_PyObject_AssertFailed");
}
KS_EXPORT [[noreturn]] void _Py_FatalRefcountErrorFunc(const char* function, const char* message) {
  _Py_FatalErrorFunc(function, message);
}

void _Py_BreakPoint(void) {}

// 1 when the repr of the object is being made already, else 0 and it is noted; -1 with exception.
int Py_ReprEnter(PyObject* object) {
  PyObject* dict = PyThreadState_GetDict();
  if (!dict) return 0;  // no thread state: nothing to remember it in
  PyObject* list;
  const int found_list = PyDict_GetItemRef(dict, "Py_Repr"_id, &list);
  if (found_list < 0) return -1;
  if (!found_list) {
    list = PyList_New(0);
    if (!list) return -1;
    if (PyDict_SetItem(dict, "Py_Repr"_id, list) < 0) {
      Py_DECREF(list);
      return -1;
    }
  }
  Ref<> owned = steal(list);
  for (Py_ssize_t i = PyList_GET_SIZE(list); --i >= 0;)
    if (PyList_GET_ITEM(list, i) == object) return 1;
  return PyList_Append(list, object) < 0 ? -1 : 0;
}
// Forgets what Py_ReprEnter noted; leaves a current exception alone.
void Py_ReprLeave(PyObject* object) {
  PyObject* exception = PyErr_GetRaisedException();
  PyObject* dict = PyThreadState_GetDict();
  PyObject* list = nullptr;
  if (dict && PyDict_GetItemRef(dict, "Py_Repr"_id, &list) > 0 && PyList_Check(list)) {
    for (Py_ssize_t i = PyList_GET_SIZE(list); --i >= 0;) {
      if (PyList_GET_ITEM(list, i) == object) {
        PyList_SetSlice(list, i, i + 1, nullptr);
        break;
      }
    }
  }
  Py_XDECREF(list);
  PyErr_SetRaisedException(exception);
}
