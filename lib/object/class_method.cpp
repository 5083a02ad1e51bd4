// staticmethod and classmethod.
#include <cstddef>

#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/descriptor.h"
#include "object/export.h"
#include "object/type_internal.h"
#include "runtime/state.h"

namespace ks {
namespace {

// Both have the same representation.
struct WrappedMethod {
  PyObject_HEAD
  PyObject* function;
  PyObject* dict;
};
WrappedMethod* wrapped(PyObject* self) { return as<WrappedMethod>(self); }

void wrapped_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(wrapped(self)->function);
  Py_XDECREF(wrapped(self)->dict);
  Py_TYPE(self)->tp_free(self);
}
int wrapped_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(wrapped(self)->dict);
  Py_VISIT(wrapped(self)->function);
  return 0;
}
int wrapped_clear(PyObject* self) {
  Py_CLEAR(wrapped(self)->function);
  Py_CLEAR(wrapped(self)->dict);
  return 0;
}

// The wrapper shows the function's names as its own.
Status copy_attributes(PyObject* self, PyObject* function) {
  for (PyObject* name : {"__module__"_id, "__name__"_id, "__qualname__"_id, "__doc__"_id}) {
    Ref<> value;
    if (TRY(get_optional_attribute(function, name, &value))) TRY(generic_set(self, name, value));
  }
  return Status::Ok;
}

int init(PyObject* self, PyObject* args, PyObject* kwargs, const char* name) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "%s() takes no keyword arguments", name);
  if (PyTuple_GET_SIZE(args) != 1) return raise(PyExc_TypeError, "%s expected 1 argument, got %zd", name, PyTuple_GET_SIZE(args));
  PyObject* function = PyTuple_GET_ITEM(args, 0);
  Py_XSETREF(wrapped(self)->function, Py_NewRef(function));
  return to_c(copy_attributes(self, function));
}
int static_method_init(PyObject* self, PyObject* args, PyObject* kwargs) { return init(self, args, kwargs, "staticmethod"); }
int class_method_init(PyObject* self, PyObject* args, PyObject* kwargs) { return init(self, args, kwargs, "classmethod"); }

PyObject* wrapped_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* made = type->tp_alloc(type, 0);
  if (made) wrapped(made)->function = Py_NewRef(Py_None);
  return made;
}

PyObject* make(PyTypeObject* type, PyObject* function) {
  Ref<> made = TRY(steal(PyType_GenericAlloc(type, 0)));
  wrapped(made)->function = Py_NewRef(function);
  TRY(copy_attributes(made, function));
  return made.release();
}

PyObject* static_method_get(PyObject* self, PyObject*, PyObject*) {
  if (!wrapped(self)->function) return raise(PyExc_RuntimeError, "uninitialized staticmethod object");
  return Py_NewRef(wrapped(self)->function);
}
PyObject* static_method_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!wrapped(self)->function) return raise(PyExc_RuntimeError, "uninitialized staticmethod object");
  return PyObject_Call(wrapped(self)->function, args, kwargs);
}
PyObject* class_method_get(PyObject* self, PyObject* obj, PyObject* type) {
  if (!wrapped(self)->function) return raise(PyExc_RuntimeError, "uninitialized classmethod object");
  return PyMethod_New(wrapped(self)->function, type ? type : object(Py_TYPE(obj)));
}
PyObject* static_method_repr(PyObject* self) { return PyUnicode_FromFormat("<staticmethod(%R)>", wrapped(self)->function); }
PyObject* class_method_repr(PyObject* self) { return PyUnicode_FromFormat("<classmethod(%R)>", wrapped(self)->function); }

PyObject* get_is_abstract(PyObject* self, void*) {
  PyObject* function = wrapped(self)->function;
  if (!function) return Py_NewRef(Py_False);
  Ref<> value;
  if (!TRY(get_optional_attribute(function, "__isabstractmethod__"_id, &value))) return Py_NewRef(Py_False);
  const int truth = PyObject_IsTrue(value);
  return truth < 0 ? nullptr : Py_NewRef(truth ? Py_True : Py_False);
}

// Annotations are the function's until they are set on the wrapper.
PyObject* get_of_function(PyObject* self, PyObject* name) {
  Ref<> dict = TRY(steal(PyObject_GenericGetDict(self, nullptr)));
  Ref<> value;
  if (PyDict_GetItemRef(dict, name, value.out()) < 0) return nullptr;
  if (value) return value.release();
  if (!wrapped(self)->function) return raise(PyExc_AttributeError, "%U", name);
  value = TRY(get_attribute(wrapped(self)->function, name));
  TRY(PyDict_SetItem(dict, name, value));
  return value.release();
}
int set_own(PyObject* self, PyObject* name, PyObject* value) {
  Ref<> dict = TRY(steal(PyObject_GenericGetDict(self, nullptr)));
  if (value) return PyDict_SetItem(dict, name, value);
  const int removed = PyDict_Pop(dict, name, nullptr);
  if (removed == 0) PyErr_Format(PyExc_AttributeError, "'%.200s' object has no attribute '%U'", Py_TYPE(self)->tp_name, name);
  return removed <= 0 ? -1 : 0;
}
PyObject* get_annotations(PyObject* self, void*) { return get_of_function(self, "__annotations__"_id); }
int set_annotations(PyObject* self, PyObject* value, void*) { return set_own(self, "__annotations__"_id, value); }
PyObject* get_annotate(PyObject* self, void*) { return get_of_function(self, "__annotate__"_id); }
int set_annotate(PyObject* self, PyObject* value, void*) { return set_own(self, "__annotate__"_id, value); }

PyMethodDef wrapped_methods[] = {{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "__class_getitem__($type, object, /)\n--\n\n"}, {}};
PyMemberDef wrapped_members[] = {{"__func__", _Py_T_OBJECT, offsetof(WrappedMethod, function), Py_READONLY, nullptr},
                                 {"__wrapped__", _Py_T_OBJECT, offsetof(WrappedMethod, function), Py_READONLY, nullptr},
                                 {}};
PyGetSetDef wrapped_getset[] = {{"__isabstractmethod__", get_is_abstract, nullptr, nullptr, nullptr},
                                {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                                {"__annotations__", get_annotations, set_annotations, nullptr, nullptr},
                                {"__annotate__", get_annotate, set_annotate, nullptr, nullptr},
                                {}};

}  // namespace

PyObject* static_method_function(PyObject* method) { return wrapped(method)->function; }
PyObject* class_method_function(PyObject* method) { return wrapped(method)->function; }

}  // namespace ks

using namespace ks;

#define WRAPPED_METHOD_TYPE(NAME, PYTHON_NAME, PREFIX, DOC, ...)                            \
  constinit PyTypeObject NAME = {                                                            \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)                                      \
      .tp_name = PYTHON_NAME,                                                                \
      .tp_basicsize = sizeof(WrappedMethod),                                                 \
      .tp_dealloc = wrapped_dealloc,                                                         \
      .tp_repr = PREFIX##_repr,                                                              \
      __VA_ARGS__                                                                            \
      .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,             \
      .tp_doc = DOC,                                                                         \
      .tp_traverse = wrapped_traverse,                                                       \
      .tp_clear = wrapped_clear,                                                             \
      .tp_methods = wrapped_methods,                                                         \
      .tp_members = wrapped_members,                                                         \
      .tp_getset = wrapped_getset,                                                           \
      .tp_descr_get = PREFIX##_get,                                                          \
      .tp_dictoffset = offsetof(WrappedMethod, dict),                                        \
      .tp_init = PREFIX##_init,                                                              \
      .tp_alloc = PyType_GenericAlloc,                                                       \
      .tp_new = wrapped_new,                                                                 \
      .tp_free = PyObject_GC_Del,                                                            \
  };

WRAPPED_METHOD_TYPE(PyStaticMethod_Type, "staticmethod", static_method,
                    "staticmethod(function, /)\n--\n\n"
                    "A function in a class that is called without the instance or the class as first argument.\n\n"
                    "    class C:\n        @staticmethod\n        def f(a, b): ...\n\n"
                    "C.f(1, 2) and C().f(1, 2) are the same call.",
                    .tp_call = static_method_call, )
WRAPPED_METHOD_TYPE(PyClassMethod_Type, "classmethod", class_method,
                    "classmethod(function, /)\n--\n\n"
                    "A function in a class that gets the class as first argument, however it is called.\n\n"
                    "    class C:\n        @classmethod\n        def f(cls, a, b): ...\n\n"
                    "C.f(1, 2) and C().f(1, 2) both pass C; for a subclass the subclass is passed.", )

// New.
extern "C" PyObject* PyStaticMethod_New(PyObject* function) { return make(&PyStaticMethod_Type, function); }
extern "C" PyObject* PyClassMethod_New(PyObject* function) { return make(&PyClassMethod_Type, function); }
