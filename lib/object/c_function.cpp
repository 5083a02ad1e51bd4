// Builtin functions and methods: PyCFunction_Type and, for METH_METHOD, PyCMethod_Type.
//
// Each calling convention has its vectorcall function; METH_VARARGS has none and is called through tp_call.
#include <Python.h>
#include <structmember.h>

#include "object/allocate.h"
#include "object/attribute.h"
#include "object/call.h"
#include "object/descriptor.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/static_types.h"

namespace ks {
namespace {

PyCFunctionObject* function_of(PyObject* o) { return reinterpret_cast<PyCFunctionObject*>(o); }
PyObject* self_of(PyObject* o) {
  PyCFunctionObject* function = function_of(o);
  return function->m_ml->ml_flags & METH_STATIC ? nullptr : function->m_self;
}

// ---- calling ---------------------------------------------------------------------------------------------------------

// False with TypeError when names are given.
bool check_keywords(PyObject* function, PyObject* kwnames) {
  if (!kwnames || PyTuple_GET_SIZE(kwnames) == 0) [[likely]] return true;
  Ref<> description = steal(_PyObject_FunctionStr(function));
  if (description) (void)raise(PyExc_TypeError, "%U takes no keyword arguments", description.get());
  return false;
}

[[gnu::cold]] PyObject* count_error(PyObject* function, const char* message, Py_ssize_t nargs) {
  Ref<> description = TRY(steal(_PyObject_FunctionStr(function)));
  return raise(PyExc_TypeError, message, description.get(), nargs);
}

template <class F>
F entry(PyObject* function) {
  return reinterpret_cast<F>(reinterpret_cast<void*>(function_of(function)->m_ml->ml_meth));
}

PyObject* call_no_arguments(PyObject* function, PyObject* const*, size_t nargsf, PyObject* kwnames) {
  if (!check_keywords(function, kwnames)) return nullptr;
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (nargs != 0) [[unlikely]] return count_error(function, "%U takes no arguments (%zd given)", nargs);
  if (Py_EnterRecursiveCall(" while calling a Python object")) return nullptr;
  PyObject* result = entry<PyCFunction>(function)(self_of(function), nullptr);
  Py_LeaveRecursiveCall();
  return result;
}
PyObject* call_one_argument(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (!check_keywords(function, kwnames)) return nullptr;
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (nargs != 1) [[unlikely]] return count_error(function, "%U takes exactly one argument (%zd given)", nargs);
  if (Py_EnterRecursiveCall(" while calling a Python object")) return nullptr;
  PyObject* result = entry<PyCFunction>(function)(self_of(function), args[0]);
  Py_LeaveRecursiveCall();
  return result;
}
PyObject* call_fast(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (!check_keywords(function, kwnames)) return nullptr;
  if (Py_EnterRecursiveCall(" while calling a Python object")) return nullptr;
  PyObject* result = entry<PyCFunctionFast>(function)(self_of(function), args, PyVectorcall_NARGS(nargsf));
  Py_LeaveRecursiveCall();
  return result;
}
PyObject* call_fast_keywords(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (Py_EnterRecursiveCall(" while calling a Python object")) return nullptr;
  PyObject* result =
      entry<PyCFunctionFastWithKeywords>(function)(self_of(function), args, PyVectorcall_NARGS(nargsf), kwnames);
  Py_LeaveRecursiveCall();
  return result;
}
PyObject* call_with_class(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (Py_EnterRecursiveCall(" while calling a Python object")) return nullptr;
  PyTypeObject* cls = reinterpret_cast<PyCMethodObject*>(function)->mm_class;
  PyObject* result = entry<PyCMethod>(function)(self_of(function), cls, args, static_cast<size_t>(PyVectorcall_NARGS(nargsf)), kwnames);
  Py_LeaveRecursiveCall();
  return result;
}

// tp_call, for METH_VARARGS.
PyObject* c_function_call(PyObject* function, PyObject* args, PyObject* kwargs) {
  PyMethodDef* definition = function_of(function)->m_ml;
  if (function_of(function)->vectorcall) return PyVectorcall_Call(function, args, kwargs);
  if (definition->ml_flags & METH_KEYWORDS) return entry<PyCFunctionWithKeywords>(function)(self_of(function), args, kwargs);
  if (kwargs && PyDict_GET_SIZE(kwargs) != 0)
    return raise(PyExc_TypeError, "%.200s() takes no keyword arguments", definition->ml_name);
  return definition->ml_meth(self_of(function), args);
}

// ---- attributes ------------------------------------------------------------------------------------------------------

PyObject* get_doc(PyObject* o, void*) { return doc_text(function_of(o)->m_ml->ml_name, function_of(o)->m_ml->ml_doc); }
PyObject* get_text_signature(PyObject* o, void*) {
  const PyMethodDef* definition = function_of(o)->m_ml;
  return doc_text_signature(definition->ml_name, definition->ml_doc, definition->ml_flags);
}
PyObject* get_name(PyObject* o, void*) { return PyUnicode_FromString(function_of(o)->m_ml->ml_name); }
// "Type.name" for a method of a type's instance or of a type, "name" for a function.
PyObject* get_qualified_name(PyObject* o, void*) {
  PyObject* self = function_of(o)->m_self;
  if (!self || PyModule_Check(self)) return PyUnicode_FromString(function_of(o)->m_ml->ml_name);
  PyObject* type = PyType_Check(self) ? self : reinterpret_cast<PyObject*>(Py_TYPE(self));
  Ref<> type_name = TRY(steal(PyObject_GetAttr(type, "__qualname__"_id)));
  if (!PyUnicode_Check(type_name.get()))
    return raise(PyExc_TypeError, "<method>.__class__.__qualname__ is not a unicode object");
  return PyUnicode_FromFormat("%S.%s", type_name.get(), function_of(o)->m_ml->ml_name);
}
PyObject* get_self(PyObject* o, void*) {
  PyObject* self = self_of(o);
  return Py_NewRef(self ? self : Py_None);
}
PyGetSetDef c_function_getset[] = {{"__doc__", get_doc, nullptr, nullptr, nullptr},
                                   {"__name__", get_name, nullptr, nullptr, nullptr},
                                   {"__qualname__", get_qualified_name, nullptr, nullptr, nullptr},
                                   {"__self__", get_self, nullptr, nullptr, nullptr},
                                   {"__text_signature__", get_text_signature, nullptr, nullptr, nullptr},
                                   {}};
PyMemberDef c_function_members[] = {{"__module__", _Py_T_OBJECT, offsetof(PyCFunctionObject, m_module), 0, nullptr}, {}};

// Pickled as a global, or as getattr(self, name).
PyObject* c_function_reduce(PyObject* o, PyObject*) {
  PyObject* self = function_of(o)->m_self;
  if (!self || PyModule_Check(self)) return PyUnicode_FromString(function_of(o)->m_ml->ml_name);
  Ref<> getattr = TRY(steal(PyObject_GetAttr(TRY(PyImport_AddModule("builtins")), "getattr"_id)));
  return Py_BuildValue("O(Os)", getattr.get(), self, function_of(o)->m_ml->ml_name);
}
PyMethodDef c_function_methods[] = {{"__reduce__", c_function_reduce, METH_NOARGS, nullptr}, {}};

PyObject* c_function_repr(PyObject* o) {
  PyCFunctionObject* function = function_of(o);
  if (!function->m_self || PyModule_Check(function->m_self))
    return PyUnicode_FromFormat("<built-in function %s>", function->m_ml->ml_name);
  return PyUnicode_FromFormat("<built-in method %s of %s object at %p>", function->m_ml->ml_name,
                              Py_TYPE(function->m_self)->tp_name, function->m_self);
}
Py_hash_t c_function_hash(PyObject* o) {
  const Py_hash_t hash = Py_HashPointer(function_of(o)->m_self) ^
                         Py_HashPointer(reinterpret_cast<void*>(function_of(o)->m_ml->ml_meth));
  return hash == -1 ? -2 : hash;
}
PyObject* c_function_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyCFunction_Check(a) || !PyCFunction_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  const bool equal = function_of(a)->m_self == function_of(b)->m_self &&
                     function_of(a)->m_ml->ml_meth == function_of(b)->m_ml->ml_meth;
  return Py_NewRef(equal == (op == Py_EQ) ? Py_True : Py_False);
}

void c_function_dealloc(PyObject* o) {
  gc_untrack(o);
  PyCFunctionObject* function = function_of(o);
  if (function->m_weakreflist) PyObject_ClearWeakRefs(o);
  // The class first: m_ml may lie in memory that self keeps alive.
  if (function->m_ml->ml_flags & METH_METHOD) Py_XDECREF(reinterpret_cast<PyCMethodObject*>(o)->mm_class);
  Py_XDECREF(function->m_self);
  Py_XDECREF(function->m_module);
  PyObject_GC_Del(o);
}
int c_function_traverse(PyObject* o, visitproc visit, void* arg) {
  if (function_of(o)->m_ml->ml_flags & METH_METHOD) Py_VISIT(reinterpret_cast<PyCMethodObject*>(o)->mm_class);
  Py_VISIT(function_of(o)->m_self);
  Py_VISIT(function_of(o)->m_module);
  return 0;
}

}  // namespace
}  // namespace ks

using namespace ks;

// A new function object for a method table's row; `self`, `module` and `cls` (for METH_METHOD) may be NULL.
PyObject* PyCMethod_New(PyMethodDef* definition, PyObject* self, PyObject* module, PyTypeObject* cls) {
  vectorcallfunc vectorcall;
  switch (definition->ml_flags & (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD)) {
    case METH_VARARGS:
    case METH_VARARGS | METH_KEYWORDS:
      vectorcall = nullptr;
      break;
    case METH_FASTCALL: vectorcall = call_fast; break;
    case METH_FASTCALL | METH_KEYWORDS: vectorcall = call_fast_keywords; break;
    case METH_NOARGS: vectorcall = call_no_arguments; break;
    case METH_O: vectorcall = call_one_argument; break;
    case METH_METHOD | METH_FASTCALL | METH_KEYWORDS: vectorcall = call_with_class; break;
    default:
      return raise(PyExc_SystemError, "%s() method: bad call flags", definition->ml_name);
  }
  PyCFunctionObject* function;
  if (definition->ml_flags & METH_METHOD) {
    if (!cls)
      return raise(PyExc_SystemError, "attempting to create PyCMethod with a METH_METHOD flag but no class");
    auto* method = allocate_gc<PyCMethodObject>(&PyCMethod_Type);
    if (!method) return nullptr;
    method->mm_class = reinterpret_cast<PyTypeObject*>(Py_NewRef(cls));
    function = &method->func;
  } else {
    if (cls)
      return raise(PyExc_SystemError, "attempting to create PyCFunction with class but no METH_METHOD flag");
    function = allocate_gc<PyCFunctionObject>(&PyCFunction_Type);
    if (!function) return nullptr;
  }
  function->m_weakreflist = nullptr;
  function->m_ml = definition;
  function->m_self = Py_XNewRef(self);
  function->m_module = Py_XNewRef(module);
  function->vectorcall = vectorcall;
  gc_track(function);
  return object(function);
}
#undef PyCFunction_New
#undef PyCFunction_NewEx
KS_EXPORT PyObject* PyCFunction_New(PyMethodDef* definition, PyObject* self) {
  return PyCMethod_New(definition, self, nullptr, nullptr);
}
KS_EXPORT PyObject* PyCFunction_NewEx(PyMethodDef* definition, PyObject* self, PyObject* module) {
  return PyCMethod_New(definition, self, module, nullptr);
}

// The C function; NULL with SystemError for another object.
PyCFunction PyCFunction_GetFunction(PyObject* o) {
  if (!PyCFunction_Check(o)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return function_of(o)->m_ml->ml_meth;
}
// Borrowed; NULL, too, when there is no self.
PyObject* PyCFunction_GetSelf(PyObject* o) {
  if (!PyCFunction_Check(o)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return self_of(o);
}
int PyCFunction_GetFlags(PyObject* o) {
  if (!PyCFunction_Check(o)) {
    PyErr_BadInternalCall();
    return -1;
  }
  return function_of(o)->m_ml->ml_flags;
}

PyTypeObject PyCFunction_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "builtin_function_or_method",
    .tp_basicsize = sizeof(PyCFunctionObject),
    .tp_dealloc = c_function_dealloc,
    .tp_vectorcall_offset = offsetof(PyCFunctionObject, vectorcall),
    .tp_repr = c_function_repr,
    .tp_hash = c_function_hash,
    .tp_call = c_function_call,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_traverse = c_function_traverse,
    .tp_richcompare = c_function_compare,
    .tp_weaklistoffset = offsetof(PyCFunctionObject, m_weakreflist),
    .tp_methods = c_function_methods,
    .tp_members = c_function_members,
    .tp_getset = c_function_getset,
};
PyTypeObject PyCMethod_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "builtin_method",
    .tp_basicsize = sizeof(PyCMethodObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_traverse = c_function_traverse,
    .tp_base = &PyCFunction_Type,
};
