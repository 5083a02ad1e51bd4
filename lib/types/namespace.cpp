// types.SimpleNamespace: an object that is its dictionary.
#include <Python.h>
#include <structmember.h>

#include "object/allocate.h"
#include "object/argument_errors.h"
#include "object/call.h"
#include "object/export.h"
#include "object/method.h"
#include "object/identifier.h"
#include "object/static_types.h"
#include "object/type.h"

namespace ks {
namespace {

struct Namespace {
  PyObject_HEAD
  PyObject* dict;
};
Namespace* namespace_of(PyObject* o) { return reinterpret_cast<Namespace*>(o); }

PyObject* namespace_new(PyTypeObject* type, PyObject*, PyObject*) {
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  namespace_of(self)->dict = TRY(PyDict_New());
  return self.release();
}

int namespace_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!check_positional(type_name_without_module(Py_TYPE(self)), PyTuple_GET_SIZE(args), 0, 1)) return -1;
  if (PyTuple_GET_SIZE(args)) {
    PyObject* argument = PyTuple_GET_ITEM(args, 0);
    Ref<> dict = PyDict_CheckExact(argument) ? borrow(argument) : TRY(steal(call(object(&PyDict_Type), argument)));
    if (!PyArg_ValidateKeywordArguments(dict)) return -1;
    TRY(PyDict_Update(namespace_of(self)->dict, dict));
  }
  if (!kwargs) return 0;
  if (!PyArg_ValidateKeywordArguments(kwargs)) return -1;
  return PyDict_Update(namespace_of(self)->dict, kwargs);
}

void namespace_dealloc(PyObject* self) {
  gc_untrack(self);
  Py_CLEAR(namespace_of(self)->dict);
  Py_TYPE(self)->tp_free(self);
}
int namespace_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(namespace_of(self)->dict);
  return 0;
}
int namespace_clear(PyObject* self) {
  Py_CLEAR(namespace_of(self)->dict);
  return 0;
}

Ref<> repr_of_items(PyObject* self, const char* name) {
  PyObject* dict = namespace_of(self)->dict;
  Ref<> keys = TRY(steal(PyDict_Keys(dict)));
  Ref<> parts = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(keys.get()); ++i) {
    PyObject* key = PyList_GET_ITEM(keys.get(), i);
    if (!PyUnicode_Check(key) || PyUnicode_GET_LENGTH(key) == 0) continue;
    Ref<> value;
    // repr() of an earlier value may have removed it.
    const int there = PyDict_GetItemRef(dict, key, value.out());
    if (there < 0) return failed;
    if (there == 0) continue;
    Ref<> part = TRY(steal(PyUnicode_FromFormat("%S=%R", key, value.get())));
    TRY(PyList_Append(parts, part));
  }
  Ref<> separator = TRY(steal(PyUnicode_FromString(", ")));
  Ref<> joined = TRY(steal(PyUnicode_Join(separator, parts)));
  return steal(PyUnicode_FromFormat("%s(%S)", name, joined.get()));
}
PyObject* namespace_repr(PyObject* self) {
  const char* name = Py_IS_TYPE(self, &_PyNamespace_Type) ? "namespace" : Py_TYPE(self)->tp_name;
  const int nested = Py_ReprEnter(self);
  if (nested) return nested > 0 ? PyUnicode_FromFormat("%s(...)", name) : nullptr;
  Ref<> result = repr_of_items(self, name);
  Py_ReprLeave(self);
  return result.release();
}

PyObject* namespace_compare(PyObject* a, PyObject* b, int op) {
  if (!PyObject_TypeCheck(a, &_PyNamespace_Type) || !PyObject_TypeCheck(b, &_PyNamespace_Type)) Py_RETURN_NOTIMPLEMENTED;
  return PyObject_RichCompare(namespace_of(a)->dict, namespace_of(b)->dict, op);
}

PyObject* namespace_reduce(PyObject* self, PyObject*) {
  return Py_BuildValue("(O()O)", Py_TYPE(self), namespace_of(self)->dict);
}
PyObject* namespace_replace(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args)) return raise(PyExc_TypeError, "__replace__() takes no positional arguments");
  Ref<> result = TRY(steal(call(object(Py_TYPE(self)))));
  if (!PyObject_TypeCheck(result.get(), &_PyNamespace_Type))
    return raise(PyExc_TypeError, "expect %N type, but %T() returned '%T' object", &_PyNamespace_Type, self, result.get());
  TRY(PyDict_Update(namespace_of(result)->dict, namespace_of(self)->dict));
  if (kwargs) TRY(PyDict_Update(namespace_of(result)->dict, kwargs));
  return result.release();
}

PyMemberDef namespace_members[] = {{"__dict__", _Py_T_OBJECT, offsetof(Namespace, dict), Py_READONLY, nullptr}, {}};
PyMethodDef namespace_methods[] = {
    {"__reduce__", namespace_reduce, METH_NOARGS, "What pickle needs to make the namespace again."},
    {"__replace__", KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionWithKeywords>(namespace_replace)),
     METH_VARARGS | METH_KEYWORDS, "__replace__($self, /, **changes)\n--\n\nA copy of the namespace with some attributes replaced."},
    {}};

}  // namespace
}  // namespace ks

using namespace ks;

PyTypeObject _PyNamespace_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "types.SimpleNamespace",
    .tp_basicsize = sizeof(Namespace),
    .tp_dealloc = namespace_dealloc,
    .tp_repr = namespace_repr,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_setattro = PyObject_GenericSetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_doc = "SimpleNamespace(mapping_or_iterable=(), /, **kwargs)\n--\n\nAn object whose attributes are what it is made with.",
    .tp_traverse = namespace_traverse,
    .tp_clear = namespace_clear,
    .tp_richcompare = namespace_compare,
    .tp_methods = namespace_methods,
    .tp_members = namespace_members,
    .tp_dictoffset = offsetof(Namespace, dict),
    .tp_init = namespace_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = namespace_new,
    .tp_free = PyObject_GC_Del,
};

// A new namespace with the items of a dict (may be NULL).
KS_EXPORT PyObject* _PyNamespace_New(PyObject* kwargs) {
  Ref<> self = TRY(steal(namespace_new(&_PyNamespace_Type, nullptr, nullptr)));
  if (kwargs) TRY(PyDict_Update(namespace_of(self)->dict, kwargs));
  return self.release();
}
