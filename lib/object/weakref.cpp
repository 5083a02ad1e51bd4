// Weak references: the list at each object, references without callback being shared, clearing and callbacks.
//
// The list of an object begins with its one plain reference and its one plain proxy (exact type, no callback), where
// they exist: those are given out again. A dead reference has None as its object and is in no list.
#include "object/weakref.h"

#include <cstddef>

#include "object/allocate.h"
#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/export.h"
#include "object/method.h"
#include "runtime/state.h"

namespace ks {
namespace {

PyWeakReference* view(PyObject* self) { return as<PyWeakReference>(self); }
PyWeakReference** list_of(PyObject* obj) { return reinterpret_cast<PyWeakReference**>(weak_list_slot(obj)); }

bool supports_weak_references(PyObject* obj) {
  const PyTypeObject* type = Py_TYPE(obj);
  return type->tp_weaklistoffset != 0;
}

// Takes the reference out of its list and gives up the callback: new (owned by the caller), or empty.
Ref<> detach(PyWeakReference* self) {
  if (self->wr_object != Py_None) {
    PyWeakReference** list = list_of(self->wr_object);
    if (*list == self) *list = self->wr_next;
    self->wr_object = Py_None;
    if (self->wr_prev) self->wr_prev->wr_next = self->wr_next;
    if (self->wr_next) self->wr_next->wr_prev = self->wr_prev;
    self->wr_prev = self->wr_next = nullptr;
  }
  return steal(std::exchange(self->wr_callback, nullptr));
}

void insert_front(PyWeakReference* self, PyWeakReference** list) {
  PyWeakReference* next = *list;
  self->wr_prev = nullptr;
  self->wr_next = next;
  if (next) next->wr_prev = self;
  *list = self;
}
void insert_after(PyWeakReference* self, PyWeakReference* previous) {
  self->wr_prev = previous;
  self->wr_next = previous->wr_next;
  if (self->wr_next) self->wr_next->wr_prev = self;
  previous->wr_next = self;
}

// The plain reference and the plain proxy of a list.
void find_plain(PyWeakReference* list, PyWeakReference** reference, PyWeakReference** proxy) {
  *reference = *proxy = nullptr;
  if (list && !list->wr_callback) {
    if (PyWeakref_CheckRefExact(object(list))) {
      *reference = list;
      list = list->wr_next;
    }
    if (list && !list->wr_callback && PyWeakref_CheckProxy(object(list))) *proxy = list;
  }
}

PyObject* reference_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames);

Ref<> make_reference(PyTypeObject* type, PyObject* obj, PyObject* callback) {
  if (!supports_weak_references(obj))
    return raise(PyExc_TypeError, "cannot create weak reference to '%s' object", Py_TYPE(obj)->tp_name);
  if (callback == Py_None) callback = nullptr;
  const bool is_proxy = type == &_PyWeakref_ProxyType || type == &_PyWeakref_CallableProxyType;
  const bool is_plain_type = type == &_PyWeakref_RefType || is_proxy;
  PyWeakReference *reference, *proxy;
  if (!callback && is_plain_type) {
    find_plain(*list_of(obj), &reference, &proxy);
    PyWeakReference* existing = is_proxy ? proxy : reference;
    // One whose count has dropped to zero is being deallocated.
    if (existing && Py_REFCNT(object(existing)) > 0) return borrow(object(existing));
  }
  // May collect garbage, and so change the list.
  PyObject* made = type->tp_alloc ? type->tp_alloc(type, 0) : PyType_GenericAlloc(type, 0);
  if (!made) return nullptr;
  PyWeakReference* self = view(made);
  self->hash = -1;
  self->wr_object = obj;
  self->wr_callback = Py_XNewRef(callback);
  self->vectorcall = reference_vectorcall;
  PyWeakReference** list = list_of(obj);
  find_plain(*list, &reference, &proxy);
  if (!callback && type == &_PyWeakref_RefType) {
    insert_front(self, list);
  } else if (!callback && is_proxy) {
    if (reference) insert_after(self, reference);
    else insert_front(self, list);
  } else {
    PyWeakReference* previous = proxy ? proxy : reference;
    if (previous) insert_after(self, previous);
    else insert_front(self, list);
  }
  return steal(made);
}

void call_back(PyObject* reference, PyObject* callback) {
  Ref<> result = steal(call(callback, reference));
  if (!result) PyErr_FormatUnraisable("Exception ignored while calling weakref callback %R", callback);
}

PyObject* reference_vectorcall(PyObject* self, PyObject* const*, size_t nargsf, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "weakref() takes no keyword arguments");
  if (const Py_ssize_t count = PyVectorcall_NARGS(nargsf); count != 0)
    return raise(PyExc_TypeError, "weakref expected 0 arguments, got %zd", count);
  Ref<> target = weakref_target(self);
  return target ? target.release() : Py_NewRef(Py_None);
}

Py_hash_t reference_hash(PyObject* self) {
  if (view(self)->hash != -1) return view(self)->hash;
  Ref<> target = weakref_target(self);
  if (!target) {
    PyErr_SetString(PyExc_TypeError, "weak object has gone away");
    return -1;
  }
  const Py_hash_t hash = PyObject_Hash(target);
  return view(self)->hash = hash;
}

PyObject* reference_repr(PyObject* self) {
  Ref<> target = weakref_target(self);
  if (!target) return PyUnicode_FromFormat("<weakref at %p; dead>", self);
  Ref<> name = lookup_special(target, "__name__"_id);
  if (!name && thread()->current_exception) return nullptr;
  if (!name || !PyUnicode_Check(name))
    return PyUnicode_FromFormat("<weakref at %p; to '%T' at %p>", self, target.get(), target.get());
  return PyUnicode_FromFormat("<weakref at %p; to '%T' at %p (%U)>", self, target.get(), target.get(), name.get());
}

PyObject* reference_richcompare(PyObject* self, PyObject* other, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyWeakref_Check(self) || !PyWeakref_Check(other)) return Py_NewRef(Py_NotImplemented);
  Ref<> mine = weakref_target(self);
  Ref<> theirs = weakref_target(other);
  // The dead are equal only to themselves.
  if (!mine || !theirs) return Py_NewRef((self == other) == (op == Py_EQ) ? Py_True : Py_False);
  return PyObject_RichCompare(mine, theirs, op);
}

bool check_arguments(const char* name, PyObject* args, PyObject** obj, PyObject** callback) {
  *callback = nullptr;
  return PyArg_UnpackTuple(args, name, 1, 2, obj, callback) != 0;
}
PyObject* reference_new(PyTypeObject* type, PyObject* args, PyObject*) {
  PyObject *obj, *callback;
  if (!check_arguments("__new__", args, &obj, &callback)) return nullptr;
  return make_reference(type, obj, callback).release();
}
int reference_init(PyObject*, PyObject* args, PyObject* kwargs) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "ref() takes no keyword arguments");
  PyObject *obj, *callback;
  return check_arguments("__init__", args, &obj, &callback) ? 0 : -1;
}

PyMethodDef reference_methods[] = {{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585"}, {}};
PyMemberDef reference_members[] = {{"__callback__", _Py_T_OBJECT, offsetof(PyWeakReference, wr_callback), Py_READONLY, nullptr}, {}};

}  // namespace

void weakref_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  (void)detach(view(self));
  Py_TYPE(self)->tp_free(self);
}
int weakref_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(view(self)->wr_callback);
  return 0;
}
int weakref_clear(PyObject* self) {
  Ref<> callback = detach(view(self));
  return 0;
}

Ref<> weakref_target(PyObject* reference) {
  PyObject* target = view(reference)->wr_object;
  if (target == Py_None || Py_REFCNT(target) <= 0) return nullptr;
  return borrow(target);
}

Py_ssize_t weakref_count(PyObject* obj) {
  if (!supports_weak_references(obj)) return 0;
  Py_ssize_t count = 0;
  for (PyWeakReference* each = *list_of(obj); each; each = each->wr_next) ++count;
  return count;
}

}  // namespace ks

using namespace ks;

// A weak reference to obj: new (perhaps the same as before); TypeError when obj's type does not support them.
extern "C" PyObject* PyWeakref_NewRef(PyObject* obj, PyObject* callback) {
  return make_reference(&_PyWeakref_RefType, obj, callback).release();
}
extern "C" PyObject* PyWeakref_NewProxy(PyObject* obj, PyObject* callback) {
  return make_reference(PyCallable_Check(obj) ? &_PyWeakref_CallableProxyType : &_PyWeakref_ProxyType, obj, callback).release();
}
// 1 and *result = the object (new); 0 and *result = NULL when it is dead; -1 and TypeError when this is no reference.
extern "C" int PyWeakref_GetRef(PyObject* reference, PyObject** result) {
  *result = nullptr;
  if (!reference) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (!PyWeakref_Check(reference)) return raise(PyExc_TypeError, "expected a weakref");
  *result = weakref_target(reference).release();
  return *result != nullptr;
}
// Borrowed: the object, None when it is dead; SystemError when this is no reference.
extern "C" PyObject* PyWeakref_GetObject(PyObject* reference) {
  if (!reference || !PyWeakref_Check(reference)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  PyObject* target = view(reference)->wr_object;
  return Py_REFCNT(target) > 0 ? target : Py_None;
}
// 1 when the object is gone, 0 when not, -1 and TypeError when this is no reference.
extern "C" int PyWeakref_IsDead(PyObject* reference) {
  if (!reference) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (!PyWeakref_Check(reference))
    return raise(PyExc_TypeError, "expected a weakref, got %T", reference);
  return weakref_target(reference) ? 0 : 1;
}
KS_EXPORT int _PyWeakref_IsDead(PyObject* reference) { return weakref_target(reference) ? 0 : 1; }

// Makes the reference dead; its callback stays and is not called.
extern "C" void _PyWeakref_ClearRef(PyWeakReference* self) {
  Ref<> callback = detach(self);
  self->wr_callback = callback.release();
}

// For tp_dealloc: makes all references to the dying object dead, then runs their callbacks.
extern "C" void PyObject_ClearWeakRefs(PyObject* obj) {
  if (!obj || !supports_weak_references(obj) || Py_REFCNT(obj) != 0) {
    PyErr_BadInternalCall();
    return;
  }
  PyWeakReference** list = list_of(obj);
  if (!list || !*list) return;
  // The plain ones have no callbacks.
  while (*list && !(*list)->wr_callback) (void)detach(*list);
  if (!*list) return;
  Ref<> pending = steal(PyErr_GetRaisedException());
  const Py_ssize_t count = weakref_count(obj);
  if (count == 1) {
    PyWeakReference* self = *list;
    Ref<> reference = Py_REFCNT(object(self)) > 0 ? borrow(object(self)) : nullptr;
    Ref<> callback = detach(self);
    if (callback && reference) call_back(reference, callback);
  } else {
    // All are dead before the first callback runs.
    Ref<> calls = steal(PyTuple_New(count * 2));
    if (!calls) {
      while (*list) (void)detach(*list);
      PyErr_FormatUnraisable("Exception ignored while clearing object weakrefs");
    } else {
      Py_ssize_t used = 0;
      while (PyWeakReference* self = *list) {
        const bool alive = Py_REFCNT(object(self)) > 0;
        if (alive) Py_INCREF(object(self));
        Ref<> callback = detach(self);
        if (!alive) continue;
        PyTuple_SET_ITEM(calls.get(), used++, object(self));
        PyTuple_SET_ITEM(calls.get(), used++, callback.release());
      }
      for (Py_ssize_t i = 0; i < used; i += 2) {
        PyObject* callback = PyTuple_GET_ITEM(calls.get(), i + 1);
        if (callback) call_back(PyTuple_GET_ITEM(calls.get(), i), callback);
      }
    }
  }
  PyErr_SetRaisedException(pending.release());
}
// The same without running callbacks.
extern "C" void PyUnstable_Object_ClearWeakRefsNoCallbacks(PyObject* obj) {
  if (!supports_weak_references(obj)) return;
  PyWeakReference** list = list_of(obj);
  while (list && *list) (void)detach(*list);
}
// The address of the list's head; the type must support weak references.
extern "C" PyObject** PyObject_GET_WEAKREFS_LISTPTR(PyObject* obj) { return weak_list_slot(obj); }
extern "C" int PyType_SUPPORTS_WEAKREFS(PyTypeObject* type) { return type->tp_weaklistoffset != 0; }

constinit PyTypeObject _PyWeakref_RefType = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "weakref.ReferenceType",
    .tp_basicsize = sizeof(PyWeakReference),
    .tp_dealloc = weakref_dealloc,
    .tp_vectorcall_offset = offsetof(PyWeakReference, vectorcall),
    .tp_repr = reference_repr,
    .tp_hash = reference_hash,
    .tp_call = PyVectorcall_Call,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_BASETYPE,
    .tp_traverse = weakref_traverse,
    .tp_clear = weakref_clear,
    .tp_richcompare = reference_richcompare,
    .tp_methods = reference_methods,
    .tp_members = reference_members,
    .tp_init = reference_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = reference_new,
    .tp_free = PyObject_GC_Del,
};
