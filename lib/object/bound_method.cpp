// Bound methods (types.MethodType) and instance methods (what C code wraps a function in so that it binds).
#include <Python.h>
#include <structmember.h>

#include "memory/free_list.h"
#include "object/allocate.h"
#include "object/attribute.h"
#include "object/call.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "object/type.h"

namespace ks {
namespace {

PyMethodObject* method_of(PyObject* o) { return reinterpret_cast<PyMethodObject*>(o); }

// Calls the function with self in front of the arguments.
PyObject* method_vectorcall(PyObject* method, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  PyThreadState* tstate = thread();
  PyObject* self = method_of(method)->im_self;
  PyObject* function = method_of(method)->im_func;
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) {
    // The word before the arguments is ours for the call.
    auto** items = const_cast<PyObject**>(args) - 1;
    PyObject* saved = items[0];
    items[0] = self;
    PyObject* result = vectorcall(tstate, function, items, static_cast<size_t>(nargs + 1), kwnames);
    items[0] = saved;
    return result;
  }
  const Py_ssize_t total = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  if (total == 0) return vectorcall(tstate, function, &self, 1, nullptr);
  PyObject* small[8];
  PyObject** items = small;
  if (total + 1 > 8) {
    items = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(total + 1) * sizeof(PyObject*)));
    if (!items) return PyErr_NoMemory();
  }
  items[0] = self;
  for (Py_ssize_t i = 0; i < total; ++i) items[i + 1] = args[i];
  PyObject* result = vectorcall(tstate, function, items, static_cast<size_t>(nargs + 1), kwnames);
  if (items != small) PyMem_Free(items);
  return result;
}

// Attributes that a bound method does not have itself are its function's.
PyObject* method_getattro(PyObject* o, PyObject* name) {
  if (!PyUnicode_Check(name))
    return raise(PyExc_TypeError, "attribute name must be string, not '%.200s'", Py_TYPE(name)->tp_name);
  if (PyObject* own = type_lookup(Py_TYPE(o), name)) {
    Ref<> alive = borrow(own);
    descrgetfunc get = Py_TYPE(own)->tp_descr_get;
    if (get) return get(own, o, object(Py_TYPE(o)));
    return alive.release();
  }
  return PyObject_GetAttr(method_of(o)->im_func, name);
}

PyObject* method_get_doc(PyObject* o, void*) { return PyObject_GetAttr(method_of(o)->im_func, "__doc__"_id); }
PyGetSetDef method_getset[] = {{"__doc__", method_get_doc, nullptr, nullptr, nullptr}, {}};
PyMemberDef method_members[] = {
    {"__func__", _Py_T_OBJECT, offsetof(PyMethodObject, im_func), Py_READONLY, "what the method calls"},
    {"__self__", _Py_T_OBJECT, offsetof(PyMethodObject, im_self), Py_READONLY, "the object that is passed first"},
    {}};

Ref<> method_reduce(PyObject* o) {
  Ref<> name = TRY(steal(PyObject_GetAttr(method_of(o)->im_func, "__name__"_id)));
  Ref<> getattr = TRY(steal(PyObject_GetAttr(TRY(PyImport_AddModule("builtins")), "getattr"_id)));
  return steal(Py_BuildValue("O(OO)", getattr.get(), method_of(o)->im_self, name.get()));
}
METHOD_AS(method_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef method_methods[] = {method_reduce_method, {}};

constexpr Signature kMethodSignature = read_signature("method", "(function, instance, /)");
PyObject* method_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  PyObject* arguments[2];
  TRY(bind_tuple(kMethodSignature, args, kwargs, arguments));
  if (!PyCallable_Check(arguments[0])) return raise(PyExc_TypeError, "first argument must be callable");
  if (arguments[1] == Py_None) return raise(PyExc_TypeError, "instance must not be None");
  return PyMethod_New(arguments[0], arguments[1]);
}

// The function's __qualname__, or __name__, if it is a str; empty without error otherwise.
bool function_name(PyObject* function, Ref<>* name) {
  if (PyObject_GetOptionalAttr(function, "__qualname__"_id, name->out()) < 0) return false;
  if (!*name && PyObject_GetOptionalAttr(function, "__name__"_id, name->out()) < 0) return false;
  if (*name && !PyUnicode_Check(name->get())) name->reset();
  return true;
}
PyObject* method_repr(PyObject* o) {
  Ref<> name;
  if (!function_name(method_of(o)->im_func, &name)) return nullptr;
  return PyUnicode_FromFormat("<bound method %V of %R>", name.get(), "?", method_of(o)->im_self);
}
Py_hash_t method_hash(PyObject* o) {
  const Py_hash_t self = Py_HashPointer(method_of(o)->im_self);
  const Py_hash_t function = PyObject_Hash(method_of(o)->im_func);
  if (function == -1) return -1;
  const Py_hash_t hash = self ^ function;
  return hash == -1 ? -2 : hash;
}
PyObject* method_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyMethod_Check(a) || !PyMethod_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  int equal = PyObject_RichCompareBool(method_of(a)->im_func, method_of(b)->im_func, Py_EQ);
  if (equal < 0) return nullptr;
  if (equal) equal = method_of(a)->im_self == method_of(b)->im_self;
  return Py_NewRef(equal == (op == Py_EQ) ? Py_True : Py_False);
}
// Already bound.
PyObject* method_get(PyObject* o, PyObject*, PyObject*) { return Py_NewRef(o); }

void method_dealloc(PyObject* o) {
  gc_untrack(o);
  PyMethodObject* method = method_of(o);
  if (method->im_weakreflist) PyObject_ClearWeakRefs(o);
  Py_DECREF(method->im_func);
  Py_XDECREF(method->im_self);
  if (!interpreter()->object.bound_methods.push(o)) PyObject_GC_Del(o);
}
int method_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(method_of(o)->im_func);
  Py_VISIT(method_of(o)->im_self);
  return 0;
}

// ---- instance methods --------------------------------------------------------------------------------------------------

PyInstanceMethodObject* instance_method_of(PyObject* o) { return reinterpret_cast<PyInstanceMethodObject*>(o); }

PyObject* instance_method_get_doc(PyObject* o, void*) { return PyObject_GetAttr(instance_method_of(o)->func, "__doc__"_id); }
PyGetSetDef instance_method_getset[] = {{"__doc__", instance_method_get_doc, nullptr, nullptr, nullptr}, {}};
PyMemberDef instance_method_members[] = {{"__func__", _Py_T_OBJECT, offsetof(PyInstanceMethodObject, func), Py_READONLY,
                                          "what the method calls"},
                                         {}};
PyObject* instance_method_getattro(PyObject* o, PyObject* name) {
  if (PyObject* own = type_lookup(Py_TYPE(o), name)) {
    Ref<> alive = borrow(own);
    descrgetfunc get = Py_TYPE(own)->tp_descr_get;
    if (get) return get(own, o, object(Py_TYPE(o)));
    return alive.release();
  }
  return PyObject_GetAttr(instance_method_of(o)->func, name);
}
void instance_method_dealloc(PyObject* o) {
  gc_untrack(o);
  Py_DECREF(instance_method_of(o)->func);
  PyObject_GC_Del(o);
}
int instance_method_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(instance_method_of(o)->func);
  return 0;
}
PyObject* instance_method_call(PyObject* o, PyObject* args, PyObject* kwargs) {
  return PyObject_Call(instance_method_of(o)->func, args, kwargs);
}
PyObject* instance_method_get(PyObject* o, PyObject* instance, PyObject*) {
  PyObject* function = instance_method_of(o)->func;
  return instance ? PyMethod_New(function, instance) : Py_NewRef(function);
}
PyObject* instance_method_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyInstanceMethod_Check(a) || !PyInstanceMethod_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  const int equal = PyObject_RichCompareBool(instance_method_of(a)->func, instance_method_of(b)->func, Py_EQ);
  if (equal < 0) return nullptr;
  return Py_NewRef(equal == (op == Py_EQ) ? Py_True : Py_False);
}
PyObject* instance_method_repr(PyObject* o) {
  PyObject* function = instance_method_of(o)->func;
  Ref<> name;
  if (PyObject_GetOptionalAttr(function, "__name__"_id, name.out()) < 0) return nullptr;
  if (name && !PyUnicode_Check(name.get())) name.reset();
  return PyUnicode_FromFormat("<instancemethod %V at %p>", name.get(), "?", o);
}
constexpr Signature kInstanceMethodSignature = read_signature("instancemethod", "(func, /)");
PyObject* instance_method_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  PyObject* function;
  TRY(bind_tuple(kInstanceMethodSignature, args, kwargs, &function));
  if (!PyCallable_Check(function)) return raise(PyExc_TypeError, "first argument must be callable");
  return PyInstanceMethod_New(function);
}

}  // namespace

void bound_methods_clear(PyInterpreterState* state) {
  state->object.bound_methods.clear([](void* block) { object_free(static_cast<char*>(block) - sizeof(GcHead)); });
}

}  // namespace ks

using namespace ks;

// A method of `self`; new reference, SystemError without self.
PyObject* PyMethod_New(PyObject* function, PyObject* self) {
  if (!self) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  PyMethodObject* method;
  if (void* block = interpreter()->object.bound_methods.pop()) {
    method = static_cast<PyMethodObject*>(block);
    object_renew(object(method), &PyMethod_Type);
  } else {
    method = allocate_gc<PyMethodObject>(&PyMethod_Type);
    if (!method) return nullptr;
  }
  method->im_weakreflist = nullptr;
  method->im_func = Py_NewRef(function);
  method->im_self = Py_NewRef(self);
  method->vectorcall = method_vectorcall;
  gc_track(method);
  return object(method);
}
// Borrowed; NULL with SystemError for another object.
PyObject* PyMethod_Function(PyObject* o) {
  if (!PyMethod_Check(o)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return method_of(o)->im_func;
}
PyObject* PyMethod_Self(PyObject* o) {
  if (!PyMethod_Check(o)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return method_of(o)->im_self;
}

PyObject* PyInstanceMethod_New(PyObject* function) {
  auto* method = allocate_gc<PyInstanceMethodObject>(&PyInstanceMethod_Type);
  if (!method) return nullptr;
  method->func = Py_NewRef(function);
  gc_track(method);
  return object(method);
}
PyObject* PyInstanceMethod_Function(PyObject* o) {
  if (!PyInstanceMethod_Check(o)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return instance_method_of(o)->func;
}

PyTypeObject PyMethod_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "method",
    .tp_basicsize = sizeof(PyMethodObject),
    .tp_dealloc = method_dealloc,
    .tp_vectorcall_offset = offsetof(PyMethodObject, vectorcall),
    .tp_repr = method_repr,
    .tp_hash = method_hash,
    .tp_call = PyVectorcall_Call,
    .tp_getattro = method_getattro,
    .tp_setattro = PyObject_GenericSetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "method(function, instance, /)\n--\n\nBind a callable to an instance.",
    .tp_traverse = method_traverse,
    .tp_richcompare = method_compare,
    .tp_weaklistoffset = offsetof(PyMethodObject, im_weakreflist),
    .tp_methods = method_methods,
    .tp_members = method_members,
    .tp_getset = method_getset,
    .tp_descr_get = method_get,
    .tp_new = method_new,
};
PyTypeObject PyInstanceMethod_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "instancemethod",
    .tp_basicsize = sizeof(PyInstanceMethodObject),
    .tp_dealloc = instance_method_dealloc,
    .tp_repr = instance_method_repr,
    .tp_call = instance_method_call,
    .tp_getattro = instance_method_getattro,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "instancemethod(func, /)\n--\n\nA callable that binds to instances like a function.",
    .tp_traverse = instance_method_traverse,
    .tp_richcompare = instance_method_compare,
    .tp_members = instance_method_members,
    .tp_getset = instance_method_getset,
    .tp_descr_get = instance_method_get,
    .tp_new = instance_method_new,
};
