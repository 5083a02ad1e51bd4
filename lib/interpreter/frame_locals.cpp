// f_locals of optimised frames: a mapping that reads and writes the frame's variables (PEP 667).
//
// Names without a slot go to the frame object's f_extra_locals. A value that is replaced may still be borrowed by the
// evaluation stack of the running frame, so it is kept in f_overwritten_fast_locals.
#include <Python.h>
#include <frameobject.h>

#include "interpreter/immediates.h"
#include "interpreter/frame_object.h"
#include "object/identifier.h"
#include "object/method.h"
#include "object/result.h"

namespace ks {

namespace {

constexpr unsigned char kHidden = 0x10, kCell = 0x40, kFree = 0x80;

unsigned char kind_of(PyCodeObject* code, int index) {
  return static_cast<unsigned char>(PyBytes_AS_STRING(code->co_localspluskinds)[index]);
}
PyFrameObject* frame_of_proxy(PyObject* self) { return reinterpret_cast<PyFrameLocalsProxyObject*>(self)->frame; }
PyObject* name_of(PyCodeObject* code, int index) { return PyTuple_GET_ITEM(code->co_localsplusnames, index); }

}  // namespace

bool frame_has_hidden_locals(Frame* frame) {
  PyCodeObject* code = frame_code(frame);
  for (int i = 0; i < code->co_nlocalsplus; ++i)
    if ((kind_of(code, i) & kHidden) && frame_local_value(frame, i)) return true;
  return false;
}

PyObject* frame_local_value(Frame* frame, int index) {
  // Without memory for the object the variable seems unbound: the callers have no other way to leave it out.
  if (frame->localsplus[index].is_immediate() && !make_local_object(&frame->localsplus[index])) {
    PyErr_Clear();
    return nullptr;
  }
  const Value value = frame->localsplus[index];
  if (value.is_null()) return nullptr;
  PyObject* object = value.object();
  if ((kind_of(frame_code(frame), index) & (kCell | kFree)) && PyCell_Check(object)) return reinterpret_cast<PyCellObject*>(object)->ob_ref;
  return object;
}

namespace {

// Calls f(name, value) for each bound variable; stops when it returns false.
template <class F>
bool for_each_local(PyFrameObject* object, F f) {
  Frame* frame = object->f_frame;
  PyCodeObject* code = frame_code(frame);
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    Ref<> value = borrow(frame_local_value(frame, i));
    if (value && !f(name_of(code, i), value.get())) return false;
  }
  if (!object->f_extra_locals) return true;
  Ref<> extra = borrow(object->f_extra_locals);
  PyObject *key, *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(extra, &position, &key, &value)) {
    Ref<> held_key = borrow(key), held_value = borrow(value);
    if (!f(key, value)) return false;
  }
  return true;
}

// The slot of a variable; -1 when there is none, -2 with an exception. For reading it must be bound.
int index_of(PyFrameObject* object, PyObject* key, bool read) {
  PyCodeObject* code = frame_code(object->f_frame);
  // Interned names: identity decides first.
  if (PyUnicode_CheckExact(key)) {
    for (int i = 0; i < code->co_nlocalsplus; ++i) {
      if (name_of(code, i) != key) continue;
      if (!read || frame_local_value(object->f_frame, i)) return i;
    }
  }
  // Anything that is equal to a name and hashes like it counts as that name.
  const Py_hash_t hash = PyObject_Hash(key);
  if (hash == -1) return -2;
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    PyObject* name = name_of(code, i);
    if (PyObject_Hash(name) != hash) continue;
    const int equal = PyObject_RichCompareBool(name, key, Py_EQ);
    if (equal < 0) return -2;
    if (equal && (!read || frame_local_value(object->f_frame, i))) return i;
  }
  return -1;
}

// New, nullptr without an exception when missing.
PyObject* lookup(PyFrameObject* object, PyObject* key) {
  const int index = index_of(object, key, true);
  if (index == -2) return nullptr;
  if (index >= 0) return Py_XNewRef(frame_local_value(object->f_frame, index));
  PyObject* value = nullptr;
  if (object->f_extra_locals) PyDict_GetItemRef(object->f_extra_locals, key, &value);
  return value;
}

Status keep_overwritten(PyFrameObject* object, PyObject* old) {
  if (!object->f_overwritten_fast_locals) {
    object->f_overwritten_fast_locals = TRY(PyTuple_Pack(1, old));
    return Status::Ok;
  }
  const Py_ssize_t size = PyTuple_GET_SIZE(object->f_overwritten_fast_locals);
  Ref<> longer = TRY(steal(PyTuple_New(size + 1)));
  for (Py_ssize_t i = 0; i < size; ++i)
    PyTuple_SET_ITEM(longer.get(), i, Py_NewRef(PyTuple_GET_ITEM(object->f_overwritten_fast_locals, i)));
  PyTuple_SET_ITEM(longer.get(), size, Py_NewRef(old));
  Py_SETREF(object->f_overwritten_fast_locals, longer.release());
  return Status::Ok;
}

int proxy_set(PyObject* self, PyObject* key, PyObject* value) {
  PyFrameObject* object = frame_of_proxy(self);
  Frame* frame = object->f_frame;
  const int index = index_of(object, key, false);
  if (index == -2) return -1;
  if (index >= 0) {
    if (!value) return raise(PyExc_ValueError, "cannot remove local variables from FrameLocalsProxy");
    PyCodeObject* code = frame_code(frame);
    Value& slot = frame->localsplus[index];
    if (slot.is_immediate()) slot = Value::null();
    if (slot && (kind_of(code, index) & (kCell | kFree)) && PyCell_Check(slot.object())) {
      auto* cell = reinterpret_cast<PyCellObject*>(slot.object());
      Py_XSETREF(cell->ob_ref, Py_NewRef(value));
      return 0;
    }
    if (slot && slot.object() == value) return 0;
    if (slot) TRY(keep_overwritten(object, slot.object()));
    Value old = slot;
    slot = Value::owned(Py_NewRef(value));
    close_or_null(old);
    return 0;
  }
  if (!object->f_extra_locals) {
    if (!value) {
      PyErr_SetObject(PyExc_KeyError, key);
      return -1;
    }
    object->f_extra_locals = PyDict_New();
    if (!object->f_extra_locals) return -1;
  }
  return value ? PyDict_SetItem(object->f_extra_locals, key, value) : PyDict_DelItem(object->f_extra_locals, key);
}

Ref<> to_dict(PyObject* self) {
  Ref<> dict = TRY(steal(PyDict_New()));
  if (!for_each_local(frame_of_proxy(self), [&](PyObject* name, PyObject* value) { return PyDict_SetItem(dict, name, value) == 0; }))
    return nullptr;
  return dict;
}

PyObject* proxy_get(PyObject* self, PyObject* key) {
  PyObject* value = lookup(frame_of_proxy(self), key);
  if (!value && !PyErr_Occurred()) PyErr_Format(PyExc_KeyError, "local variable '%R' is not defined", key);
  return value;
}

Py_ssize_t proxy_length(PyObject* self) {
  Py_ssize_t count = 0;
  for_each_local(frame_of_proxy(self), [&](PyObject*, PyObject*) { return ++count, true; });
  return count;
}

int proxy_contains(PyObject* self, PyObject* key) {
  Ref<> value = steal(lookup(frame_of_proxy(self), key));
  if (!value && PyErr_Occurred()) return -1;
  return value ? 1 : 0;
}

enum class What { Keys, Values, Items };
PyObject* listed(PyObject* self, What what) {
  Ref<> list = TRY(steal(PyList_New(0)));
  const bool good = for_each_local(frame_of_proxy(self), [&](PyObject* name, PyObject* value) {
    Ref<> item = what == What::Items ? steal(PyTuple_Pack(2, name, value)) : borrow(what == What::Keys ? name : value);
    return item && PyList_Append(list, item) == 0;
  });
  return good ? list.release() : nullptr;
}

PyObject* proxy_iter(PyObject* self) {
  Ref<> keys = TRY(steal(listed(self, What::Keys)));
  return PyObject_GetIter(keys);
}
PyObject* proxy_compare(PyObject* self, PyObject* other, int op) {
  if (op != Py_EQ && op != Py_NE) Py_RETURN_NOTIMPLEMENTED;
  if (PyFrameLocalsProxy_Check(other)) {
    const bool same = frame_of_proxy(self) == frame_of_proxy(other);
    return PyBool_FromLong(same == (op == Py_EQ));
  }
  if (!PyDict_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  Ref<> dict = TRY(to_dict(self));
  return PyObject_RichCompare(dict, other, op);
}
PyObject* proxy_repr(PyObject* self) {
  const int entered = Py_ReprEnter(self);
  if (entered != 0) return entered > 0 ? PyUnicode_FromString("{...}") : nullptr;
  Ref<> dict = to_dict(self);
  PyObject* text = dict ? PyObject_Repr(dict) : nullptr;
  Py_ReprLeave(self);
  return text;
}

Status merge(PyObject* self, PyObject* other) {
  if (!PyDict_Check(other) && !PyFrameLocalsProxy_Check(other)) {
    PyErr_SetNone(PyExc_TypeError);
    return failed;
  }
  Ref<> keys = TRY(steal(PyMapping_Keys(other)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(keys.get()); ++i) {
    PyObject* key = PyList_GET_ITEM(keys.get(), i);
    Ref<> value = TRY(steal(PyObject_GetItem(other, key)));
    TRY(proxy_set(self, key, value));
  }
  return Status::Ok;
}
bool is_mapping_for_or(PyObject* object) { return PyDict_Check(object) || PyFrameLocalsProxy_Check(object); }
PyObject* proxy_or(PyObject* self, PyObject* other) {
  if (!is_mapping_for_or(other) || !PyFrameLocalsProxy_Check(self)) {
    if (!PyFrameLocalsProxy_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  }
  Ref<> result = TRY(steal(PyDict_New()));
  TRY(PyDict_Update(result, self));
  TRY(PyDict_Update(result, other));
  return result.release();
}
PyObject* proxy_inplace_or(PyObject* self, PyObject* other) {
  if (!is_mapping_for_or(other)) Py_RETURN_NOTIMPLEMENTED;
  TRY(merge(self, other));
  return Py_NewRef(self);
}

PyObject* proxy_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) != 1)
    return raise(PyExc_TypeError, "FrameLocalsProxy expected 1 argument, got %zd", PyTuple_GET_SIZE(args));
  PyObject* frame = PyTuple_GET_ITEM(args, 0);
  if (!PyFrame_Check(frame)) return raise(PyExc_TypeError, "expect frame, not %T", frame);
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "FrameLocalsProxy takes no keyword arguments");
  return frame_locals_proxy(reinterpret_cast<PyFrameObject*>(frame));
}
void proxy_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(reinterpret_cast<PyFrameLocalsProxyObject*>(self)->frame);
  PyObject_GC_Del(self);
}
int proxy_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(frame_of_proxy(self));
  return 0;
}
int proxy_clear(PyObject* self) {
  Py_CLEAR(reinterpret_cast<PyFrameLocalsProxyObject*>(self)->frame);
  return 0;
}

// ---- methods ---------------------------------------------------------------------------------------------------------

PyObject* proxy_contains_method(PyObject* self, PyObject* key) {
  const int found = proxy_contains(self, key);
  return found < 0 ? nullptr : PyBool_FromLong(found);
}
PyObject* proxy_keys(PyObject* self, PyObject*) { return listed(self, What::Keys); }
PyObject* proxy_values(PyObject* self, PyObject*) { return listed(self, What::Values); }
PyObject* proxy_items(PyObject* self, PyObject*) { return listed(self, What::Items); }
PyObject* proxy_copy(PyObject* self, PyObject*) { return to_dict(self).release(); }
PyObject* proxy_reversed(PyObject* self, PyObject*) {
  Ref<> keys = TRY(steal(listed(self, What::Keys)));
  TRY(PyList_Reverse(keys));
  return keys.release();
}
PyObject* proxy_update(PyObject* self, PyObject* other) {
  if (is_failure(merge(self, other))) {
    if (!is_mapping_for_or(other)) return raise(PyExc_TypeError, "update() argument must be dict or another FrameLocalsProxy");
    return nullptr;
  }
  Py_RETURN_NONE;
}
PyObject* proxy_get_method(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count < 1 || count > 2) return raise(PyExc_TypeError, "get expected 1 or 2 arguments");
  PyObject* value = lookup(frame_of_proxy(self), args[0]);
  if (value || PyErr_Occurred()) return value;
  return Py_NewRef(count == 2 ? args[1] : Py_None);
}
PyObject* proxy_setdefault(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count < 1 || count > 2) return raise(PyExc_TypeError, "setdefault expected 1 or 2 arguments");
  PyObject* value = lookup(frame_of_proxy(self), args[0]);
  if (value || PyErr_Occurred()) return value;
  value = count == 2 ? args[1] : Py_None;
  if (proxy_set(self, args[0], value) < 0) return nullptr;
  return Py_NewRef(value);
}
PyObject* proxy_pop(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count < 1) return raise(PyExc_TypeError, "pop expected at least 1 argument, got %zd", count);
  if (count > 2) return raise(PyExc_TypeError, "pop expected at most 2 arguments, got %zd", count);
  PyFrameObject* object = frame_of_proxy(self);
  const int index = index_of(object, args[0], false);
  if (index == -2) return nullptr;
  if (index >= 0) return raise(PyExc_ValueError, "cannot remove local variables from FrameLocalsProxy");
  PyObject* value = nullptr;
  if (object->f_extra_locals && PyDict_Pop(object->f_extra_locals, args[0], &value) < 0) return nullptr;
  if (value) return value;
  if (count == 2) return Py_NewRef(args[1]);
  PyErr_SetObject(PyExc_KeyError, args[0]);
  return nullptr;
}

#define FAST(FUNCTION) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(FUNCTION))
PyMethodDef proxy_methods[] = {
    {"__contains__", proxy_contains_method, METH_O | METH_COEXIST, nullptr},
    {"__getitem__", proxy_get, METH_O | METH_COEXIST, nullptr},
    {"update", proxy_update, METH_O, nullptr},
    {"__reversed__", proxy_reversed, METH_NOARGS, nullptr},
    {"copy", proxy_copy, METH_NOARGS, nullptr},
    {"keys", proxy_keys, METH_NOARGS, nullptr},
    {"values", proxy_values, METH_NOARGS, nullptr},
    {"items", proxy_items, METH_NOARGS, nullptr},
    {"get", FAST(proxy_get_method), METH_FASTCALL, nullptr},
    {"pop", FAST(proxy_pop), METH_FASTCALL, nullptr},
    {"setdefault", FAST(proxy_setdefault), METH_FASTCALL, nullptr},
    {},
};
PyNumberMethods proxy_number = {.nb_or = proxy_or, .nb_inplace_or = proxy_inplace_or};
PySequenceMethods proxy_sequence = {.sq_contains = proxy_contains};
PyMappingMethods proxy_mapping = {.mp_length = proxy_length, .mp_subscript = proxy_get, .mp_ass_subscript = proxy_set};

}  // namespace

PyObject* frame_locals_proxy(PyFrameObject* frame) {
  auto* proxy = PyObject_GC_New(PyFrameLocalsProxyObject, &PyFrameLocalsProxy_Type);
  if (!proxy) return nullptr;
  proxy->frame = reinterpret_cast<PyFrameObject*>(Py_NewRef(frame));
  PyObject_GC_Track(proxy);
  return object(proxy);
}

PyObject* frame_locals_snapshot(Frame* frame) {
  PyFrameObject* object = frame_object(frame);
  if (!object) return nullptr;
  if (!frame_has_fast_locals(frame) && !frame_has_hidden_locals(frame)) return PyFrame_GetLocals(object);
  Ref<> proxy = TRY(steal(frame_locals_proxy(object)));
  return to_dict(proxy).release();
}

}  // namespace ks

using namespace ks;

extern "C" PyTypeObject PyFrameLocalsProxy_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "FrameLocalsProxy",
    .tp_basicsize = sizeof(PyFrameLocalsProxyObject),
    .tp_dealloc = proxy_dealloc,
    .tp_repr = proxy_repr,
    .tp_as_number = &proxy_number,
    .tp_as_sequence = &proxy_sequence,
    .tp_as_mapping = &proxy_mapping,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_setattro = PyObject_GenericSetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MAPPING,
    .tp_traverse = proxy_traverse,
    .tp_clear = proxy_clear,
    .tp_richcompare = proxy_compare,
    .tp_iter = proxy_iter,
    .tp_methods = proxy_methods,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = proxy_new,
    .tp_free = PyObject_GC_Del,
};
