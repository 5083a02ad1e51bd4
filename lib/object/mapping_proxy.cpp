// mappingproxy: a read-only view of a mapping; what type.__dict__ is.
#include "object/allocate.h"
#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/method.h"
#include "runtime/state.h"

namespace ks {
namespace {

struct MappingProxy {
  PyObject_HEAD
  PyObject* mapping;
};
PyObject* mapping_of(PyObject* self) { return as<MappingProxy>(self)->mapping; }

void proxy_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_DECREF(mapping_of(self));
  PyObject_GC_Del(self);
}
int proxy_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(mapping_of(self));
  return 0;
}

Py_ssize_t proxy_length(PyObject* self) { return PyObject_Size(mapping_of(self)); }
PyObject* proxy_subscript(PyObject* self, PyObject* key) { return PyObject_GetItem(mapping_of(self), key); }
int proxy_contains(PyObject* self, PyObject* key) {
  PyObject* mapping = mapping_of(self);
  return PyDict_CheckExact(mapping) ? PyDict_Contains(mapping, key) : PySequence_Contains(mapping, key);
}
PyObject* unwrap_proxy(PyObject* value) { return PyObject_TypeCheck(value, &PyDictProxy_Type) ? mapping_of(value) : value; }
PyObject* proxy_or(PyObject* left, PyObject* right) { return PyNumber_Or(unwrap_proxy(left), unwrap_proxy(right)); }
PyObject* proxy_inplace_or(PyObject* self, PyObject*) {
  return raise(PyExc_TypeError, "'|=' is not supported by %s; use '|' instead", Py_TYPE(self)->tp_name);
}
PyObject* proxy_iter(PyObject* self) { return PyObject_GetIter(mapping_of(self)); }
PyObject* proxy_repr(PyObject* self) { return PyUnicode_FromFormat("mappingproxy(%R)", mapping_of(self)); }
PyObject* proxy_str(PyObject* self) { return PyObject_Str(mapping_of(self)); }
Py_hash_t proxy_hash(PyObject* self) { return PyObject_Hash(mapping_of(self)); }
PyObject* proxy_richcompare(PyObject* self, PyObject* other, int op) { return PyObject_RichCompare(mapping_of(self), other, op); }

Ref<> mappingproxy_get(PyObject* self, PyObject* key, PyObject* fallback) {
  return steal(call_method(mapping_of(self), "get"_id, key, fallback ? fallback : Py_None));
}
METHOD(mappingproxy, get, "($self, key, default=None, /)", "Return the value for key if key is in the mapping, else default.");
Ref<> mappingproxy_keys(PyObject* self) { return steal(call_method(mapping_of(self), "keys"_id)); }
METHOD(mappingproxy, keys, "($self, /)", "D.keys() -> a set-like object providing a view on D's keys");
Ref<> mappingproxy_values(PyObject* self) { return steal(call_method(mapping_of(self), "values"_id)); }
METHOD(mappingproxy, values, "($self, /)", "D.values() -> an object providing a view on D's values");
Ref<> mappingproxy_items(PyObject* self) { return steal(call_method(mapping_of(self), "items"_id)); }
METHOD(mappingproxy, items, "($self, /)", "D.items() -> a set-like object providing a view on D's items");
Ref<> mappingproxy_copy(PyObject* self) { return steal(call_method(mapping_of(self), "copy"_id)); }
METHOD(mappingproxy, copy, "($self, /)", "D.copy() -> a shallow copy of D");
Ref<> mappingproxy___reversed__(PyObject* self) { return steal(call_method(mapping_of(self), "__reversed__"_id)); }
METHOD(mappingproxy, __reversed__, "($self, /)", "D.__reversed__() -> reverse iterator");

PyMethodDef proxy_methods[] = {
    mappingproxy_get_method,    mappingproxy_keys_method, mappingproxy_values_method,
    mappingproxy_items_method,  mappingproxy_copy_method,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "__class_getitem__($type, object, /)\n--\n\n"
     "mappingproxy objects are generic over two types, signifying (respectively) the types of their keys and values"},
    mappingproxy___reversed___method, {}};

constinit PyNumberMethods proxy_number = {.nb_or = proxy_or, .nb_inplace_or = proxy_inplace_or};
constinit PySequenceMethods proxy_sequence = {.sq_contains = proxy_contains};
constinit PyMappingMethods proxy_mapping = {.mp_length = proxy_length, .mp_subscript = proxy_subscript};

Status check_mapping(PyObject* mapping) {
  if (PyMapping_Check(mapping) && !PyList_Check(mapping) && !PyTuple_Check(mapping)) return Status::Ok;
  return raise(PyExc_TypeError, "mappingproxy() argument must be a mapping, not %s", Py_TYPE(mapping)->tp_name);
}

constexpr Signature kNew = read_signature("mappingproxy", "($type, mapping)");
PyObject* proxy_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  PyObject* mapping = nullptr;
  TRY(bind_tuple(kNew, args, kwargs, &mapping));
  return PyDictProxy_New(mapping);
}

}  // namespace
}  // namespace ks

using namespace ks;

constinit PyTypeObject PyDictProxy_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "mappingproxy",
    .tp_basicsize = sizeof(MappingProxy),
    .tp_dealloc = proxy_dealloc,
    .tp_repr = proxy_repr,
    .tp_as_number = &proxy_number,
    .tp_as_sequence = &proxy_sequence,
    .tp_as_mapping = &proxy_mapping,
    .tp_hash = proxy_hash,
    .tp_str = proxy_str,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MAPPING,
    .tp_doc = "mappingproxy(mapping)\n--\n\nRead-only proxy of a mapping.",
    .tp_traverse = proxy_traverse,
    .tp_richcompare = proxy_richcompare,
    .tp_iter = proxy_iter,
    .tp_methods = proxy_methods,
    .tp_new = proxy_new,
};

// New; TypeError unless a mapping.
extern "C" PyObject* PyDictProxy_New(PyObject* mapping) {
  TRY(check_mapping(mapping));
  auto* made = allocate_gc<MappingProxy>(&PyDictProxy_Type);
  if (!made) return nullptr;
  made->mapping = Py_NewRef(mapping);
  gc_track(made);
  return object(made);
}
