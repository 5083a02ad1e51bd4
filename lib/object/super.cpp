// super: attribute lookup that starts behind a class in the MRO of an object's type.
#include <cstddef>

#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/evaluator.h"
#include "object/export.h"
#include "object/method.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/dict.h"

namespace ks {
namespace {

struct Super {
  PyObject_HEAD
  PyTypeObject* type;      // lookup starts behind it
  PyObject* self;          // nullptr: unbound
  PyTypeObject* self_type; // whose MRO is searched
};
Super* view(PyObject* self) { return as<Super>(self); }

void super_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(object(view(self)->type));
  Py_XDECREF(view(self)->self);
  Py_XDECREF(object(view(self)->self_type));
  Py_TYPE(self)->tp_free(self);
}
int super_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(view(self)->type);
  Py_VISIT(view(self)->self);
  Py_VISIT(view(self)->self_type);
  return 0;
}
PyObject* super_repr(PyObject* self) {
  const char* type = view(self)->type ? view(self)->type->tp_name : "NULL";
  if (view(self)->self_type) return PyUnicode_FromFormat("<super: <class '%s'>, <%s object>>", type, view(self)->self_type->tp_name);
  return PyUnicode_FromFormat("<super: <class '%s'>, NULL>", type);
}

// The class whose MRO is searched for super(type, obj): new.
Ref<PyTypeObject> check_super(PyTypeObject* type, PyObject* obj) {
  // A custom mro() may leave out the class itself: then it is no subtype of itself.
  if (PyType_Check(obj) && PyType_IsSubtype(as<PyTypeObject>(obj), type)) return borrow(as<PyTypeObject>(obj));
  if (PyType_IsSubtype(Py_TYPE(obj), type)) return borrow(Py_TYPE(obj));
  // A proxy may claim to be of another class.
  Ref<> claimed;
  if (is_failure(get_optional_attribute(obj, "__class__"_id, &claimed))) return nullptr;
  if (claimed && PyType_Check(claimed) && claimed.object() != object(Py_TYPE(obj)) && is_subtype(as<PyTypeObject>(claimed.get()), type))
    return steal(as<PyTypeObject>(claimed.release()));
  const bool is_type = PyType_Check(obj);
  return raise(PyExc_TypeError, "super(type, obj): obj (%s %.200s) is not an instance or subtype of type (%.200s).",
               is_type ? "type" : "instance of", is_type ? as<PyTypeObject>(obj)->tp_name : Py_TYPE(obj)->tp_name, type->tp_name);
}

// The value behind `type` in self_type's MRO, bound: new; nullptr without an exception when there is none.
PyObject* find_behind(PyTypeObject* type, PyObject* self, PyTypeObject* self_type, PyObject* name, bool* method_found) {
  if (!self_type->tp_mro) return nullptr;
  Ref<> mro = borrow(self_type->tp_mro);
  const Py_ssize_t size = PyTuple_GET_SIZE(mro.get());
  Py_ssize_t i = 0;
  while (i < size && PyTuple_GET_ITEM(mro.get(), i) != object(type)) ++i;
  for (++i; i < size; ++i) {
    PyObject* dict = type_dict(as<PyTypeObject>(PyTuple_GET_ITEM(mro.get(), i)));
    Ref<> value;
    if (PyDict_GetItemRef(dict, name, value.out()) < 0) return nullptr;
    if (!value) continue;
    // What is found for a class that is bound itself takes no self.
    if (method_found && self != object(self_type) && type_has(Py_TYPE(value), Py_TPFLAGS_METHOD_DESCRIPTOR)) {
      *method_found = true;
      return value.release();
    }
    descrgetfunc get = Py_TYPE(value)->tp_descr_get;
    if (!get) return value.release();
    // For super(type, a_class) the class is what is bound, not an instance.
    return get(value, self == object(self_type) ? nullptr : self, object(self_type));
  }
  return nullptr;
}

PyObject* super_getattro(PyObject* self, PyObject* name) {
  Super* own = view(self);
  // super().__class__ is super itself.
  if (own->self_type && !(PyUnicode_Check(name) && PyUnicode_EqualToUTF8(name, "__class__"))) {
    PyObject* value = find_behind(own->type, own->self, own->self_type, name, nullptr);
    if (value || thread()->current_exception) return value;
  }
  return generic_get(self, name);
}

Status initialise(Super* own, PyTypeObject* type, PyObject* obj) {
  Ref<PyTypeObject> self_type;
  if (!type) {
    // super(): the class in the frame's __class__ and its first argument.
    TRY(frame_super_arguments(&type, &obj));
  }
  Ref<> type_held = borrow(object(type));
  if (obj == Py_None) obj = nullptr;
  if (obj) self_type = TRY(check_super(type, obj));
  Py_XSETREF(own->type, as<PyTypeObject>(type_held.release()));
  Py_XSETREF(own->self, Py_XNewRef(obj));
  Py_XSETREF(own->self_type, self_type.release());
  return Status::Ok;
}

Status initialise_from(Super* own, PyObject* const* args, Py_ssize_t count) {
  if (count > 2) return raise(PyExc_TypeError, "super() expected at most 2 arguments, got %zd", count);
  PyTypeObject* type = nullptr;
  if (count > 0) {
    if (!PyType_Check(args[0])) return raise(PyExc_TypeError, "super() argument 1 must be a type, not %.200s", Py_TYPE(args[0])->tp_name);
    type = as<PyTypeObject>(args[0]);
  }
  return initialise(own, type, count > 1 ? args[1] : nullptr);
}

int super_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "super() takes no keyword arguments");
  PyObject* given[2] = {};
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  for (Py_ssize_t i = 0; i < count && i < 2; ++i) given[i] = PyTuple_GET_ITEM(args, i);
  return to_c(initialise_from(view(self), given, count));
}
PyObject* super_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "super() takes no keyword arguments");
  Ref<> made = TRY(steal(PyType_GenericAlloc(as<PyTypeObject>(type), 0)));
  TRY(initialise_from(view(made), args, PyVectorcall_NARGS(nargsf)));
  return made.release();
}

PyObject* super_get(PyObject* self, PyObject* obj, PyObject*) {
  Super* own = view(self);
  if (!obj || obj == Py_None || own->self) return Py_NewRef(self);
  if (!Py_IS_TYPE(self, &PySuper_Type)) return call(object(Py_TYPE(self)), own->type ? object(own->type) : Py_None, obj);
  Ref<PyTypeObject> self_type = TRY(check_super(own->type, obj));
  PyObject* made = TRY(PySuper_Type.tp_alloc(&PySuper_Type, 0));
  view(made)->type = as<PyTypeObject>(Py_XNewRef(object(own->type)));
  view(made)->self = Py_NewRef(obj);
  view(made)->self_type = self_type.release();
  return made;
}

PyMemberDef super_members[] = {
    {"__thisclass__", _Py_T_OBJECT, offsetof(Super, type), Py_READONLY, "the class invoking super()"},
    {"__self__", _Py_T_OBJECT, offsetof(Super, self), Py_READONLY, "the instance invoking super(); may be None"},
    {"__self_class__", _Py_T_OBJECT, offsetof(Super, self_type), Py_READONLY, "the type of the instance invoking super(); may be None"},
    {}};

}  // namespace

PyObject* super_lookup(PyTypeObject* type, PyObject* self, PyObject* name, bool* method_found) {
  if (method_found) *method_found = false;
  Ref<PyTypeObject> self_type = TRY(check_super(type, self));
  if (!PyUnicode_EqualToUTF8(name, "__class__")) {
    PyObject* value = find_behind(type, self, self_type, name, method_found);
    if (value || thread()->current_exception) return value;
  }
  // Not found: what the super object itself has, or the error.
  Ref<> made = TRY(steal(call(object(&PySuper_Type), object(type), self)));
  return generic_get(made, name);
}

}  // namespace ks

using namespace ks;

// For super(type, self).name: new.
KS_EXPORT PyObject* _PySuper_Lookup(PyTypeObject* type, PyObject* self, PyObject* name, int* method) {
  bool found = false;
  PyObject* value = super_lookup(type, self, name, method ? &found : nullptr);
  if (method) *method = found;
  return value;
}

constinit PyTypeObject PySuper_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "super",
    .tp_basicsize = sizeof(Super),
    .tp_dealloc = super_dealloc,
    .tp_repr = super_repr,
    .tp_getattro = super_getattro,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_doc = "super() -> super of the class that the running method is defined in, bound to its first argument\n"
              "super(type) -> unbound super object\n"
              "super(type, obj) -> bound super object; requires isinstance(obj, type)\n"
              "super(type, type2) -> bound super object; requires issubclass(type2, type)\n\n"
              "Attributes are looked up in what comes behind the class in the method resolution order:\n\n"
              "    class C(B):\n        def method(self, arg):\n            super().method(arg)\n",
    .tp_traverse = super_traverse,
    .tp_members = super_members,
    .tp_descr_get = super_get,
    .tp_init = super_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = PyType_GenericNew,
    .tp_free = PyObject_GC_Del,
    .tp_vectorcall = super_vectorcall,
};
