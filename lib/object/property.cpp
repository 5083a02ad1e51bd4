// property: attributes computed by functions.
#include <cstddef>

#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/descriptor.h"
#include "object/method.h"
#include "object/type_internal.h"
#include "runtime/state.h"

namespace ks {
namespace {

struct Property {
  PyObject_HEAD
  PyObject* getter;
  PyObject* setter;
  PyObject* deleter;
  PyObject* doc;
  PyObject* name;      // given by __set_name__ or set
  bool doc_of_getter;  // taken over from the getter
};
Property* view(PyObject* self) { return as<Property>(self); }

void property_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Property* own = view(self);
  Py_XDECREF(own->getter);
  Py_XDECREF(own->setter);
  Py_XDECREF(own->deleter);
  Py_XDECREF(own->doc);
  Py_XDECREF(own->name);
  Py_TYPE(self)->tp_free(self);
}
int property_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(view(self)->getter);
  Py_VISIT(view(self)->setter);
  Py_VISIT(view(self)->deleter);
  Py_VISIT(view(self)->doc);
  Py_VISIT(view(self)->name);
  return 0;
}
int property_clear(PyObject* self) {
  Py_CLEAR(view(self)->doc);
  return 0;
}

// The name for messages and __name__: the property's own, else the getter's. Found::No: none.
Found property_name(PyObject* self, Ref<>* name) {
  if (view(self)->name) {
    *name = borrow(view(self)->name);
    return Found::Yes;
  }
  if (!view(self)->getter) return Found::No;
  return get_optional_attribute(view(self)->getter, "__name__"_id, name);
}

Failed raise_missing(PyObject* self, PyObject* obj, const char* what) {
  Ref<> name;
  if (is_failure(property_name(self, &name))) return failed;
  Ref<> type = TRY(steal(PyType_GetQualName(Py_TYPE(obj))));
  if (name) return raise(PyExc_AttributeError, "property %R of %R object has no %s", name.get(), type.get(), what);
  return raise(PyExc_AttributeError, "property of %R object has no %s", type.get(), what);
}

PyObject* property_get(PyObject* self, PyObject* obj, PyObject*) {
  if (!obj || obj == Py_None) return Py_NewRef(self);
  if (!view(self)->getter) return raise_missing(self, obj, "getter");
  return call(view(self)->getter, obj);
}
int property_set(PyObject* self, PyObject* obj, PyObject* value) {
  PyObject* function = value ? view(self)->setter : view(self)->deleter;
  if (!function) return raise_missing(self, obj, value ? "setter" : "deleter");
  Ref<> result = steal(value ? call(function, obj, value) : call(function, obj));
  return result ? 0 : -1;
}

constexpr Signature kInit = read_signature("property", "($self, fget=None, fset=None, fdel=None, doc=None)");

void set_or_clear(PyObject*& slot, PyObject* value) { Py_XSETREF(slot, value && value != Py_None ? Py_NewRef(value) : nullptr); }

int property_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* given[4] = {};
  TRY(bind_tuple(kInit, args, kwargs, given));
  Property* own = view(self);
  set_or_clear(own->getter, given[0]);
  set_or_clear(own->setter, given[1]);
  set_or_clear(own->deleter, given[2]);
  Py_CLEAR(own->doc);
  Py_CLEAR(own->name);
  own->doc_of_getter = false;
  Ref<> doc;
  if (given[3] && given[3] != Py_None) {
    doc = borrow(given[3]);
  } else if (own->getter) {
    if (TRY(get_optional_attribute(own->getter, "__doc__"_id, &doc)) && doc.get() == Py_None) doc.reset();
    if (doc) own->doc_of_getter = true;
  }
  if (Py_IS_TYPE(self, &PyProperty_Type)) {
    own->doc = doc.release();
    return 0;
  }
  // A subclass has a __doc__ of its own in its dictionary: the instance's goes into the instance.
  if (is_failure(set_attribute(self, "__doc__"_id, doc ? doc.get() : Py_None))) {
    if (own->doc_of_getter || !PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();
  }
  return 0;
}

// The same property with one function replaced.
Ref<> copy_with(PyObject* self, PyObject* getter, PyObject* setter, PyObject* deleter) {
  Property* own = view(self);
  auto choose = [](PyObject* given, PyObject* old) { return given && given != Py_None ? given : old ? old : Py_None; };
  getter = choose(getter, own->getter);
  setter = choose(setter, own->setter);
  deleter = choose(deleter, own->deleter);
  PyObject* doc = own->doc_of_getter && getter != Py_None ? Py_None : own->doc ? own->doc : Py_None;
  Ref<> made = TRY(steal(call(object(Py_TYPE(self)), getter, setter, deleter, doc)));
  if (PyObject_TypeCheck(made, &PyProperty_Type)) Py_XSETREF(view(made)->name, Py_XNewRef(own->name));
  return made;
}

Ref<> property_getter_method(PyObject* self, PyObject* function) { return copy_with(self, function, nullptr, nullptr); }
METHOD_AS(property_getter_method, "getter", 0, "($self, object, /)", "Descriptor to obtain a copy of the property with a different getter.");
Ref<> property_setter_method(PyObject* self, PyObject* function) { return copy_with(self, nullptr, function, nullptr); }
METHOD_AS(property_setter_method, "setter", 0, "($self, object, /)", "Descriptor to obtain a copy of the property with a different setter.");
Ref<> property_deleter_method(PyObject* self, PyObject* function) { return copy_with(self, nullptr, nullptr, function); }
METHOD_AS(property_deleter_method, "deleter", 0, "($self, object, /)", "Descriptor to obtain a copy of the property with a different deleter.");

PyObject* property_set_name(PyObject* self, PyObject* args) {
  if (PyTuple_GET_SIZE(args) != 2)
    return raise(PyExc_TypeError, "__set_name__() takes 2 positional arguments but %zd were given", PyTuple_GET_SIZE(args));
  Py_XSETREF(view(self)->name, Py_NewRef(PyTuple_GET_ITEM(args, 1)));
  return Py_NewRef(Py_None);
}

PyObject* get_name(PyObject* self, void*) {
  Ref<> name;
  if (TRY(property_name(self, &name))) return name.release();
  return raise(PyExc_AttributeError, "'%.200s' object has no attribute '__name__'", Py_TYPE(self)->tp_name);
}
int set_name(PyObject* self, PyObject* value, void*) {
  Py_XSETREF(view(self)->name, Py_XNewRef(value));
  return 0;
}
PyObject* get_is_abstract(PyObject* self, void*) {
  for (PyObject* function : {view(self)->getter, view(self)->setter, view(self)->deleter}) {
    Ref<> value;
    if (!function || !TRY(get_optional_attribute(function, "__isabstractmethod__"_id, &value))) continue;
    const int truth = PyObject_IsTrue(value);
    if (truth != 0) return truth < 0 ? nullptr : Py_NewRef(Py_True);
  }
  return Py_NewRef(Py_False);
}

PyMethodDef property_methods[] = {property_getter_method_method, property_setter_method_method, property_deleter_method_method,
                                  {"__set_name__", property_set_name, METH_VARARGS,
                                   "__set_name__($self, owner, name, /)\n--\n\nMethod to set name of a property."},
                                  {}};
PyMemberDef property_members[] = {{"fget", _Py_T_OBJECT, offsetof(Property, getter), Py_READONLY, nullptr},
                                  {"fset", _Py_T_OBJECT, offsetof(Property, setter), Py_READONLY, nullptr},
                                  {"fdel", _Py_T_OBJECT, offsetof(Property, deleter), Py_READONLY, nullptr},
                                  {"__doc__", _Py_T_OBJECT, offsetof(Property, doc), 0, nullptr},
                                  {}};
PyGetSetDef property_getset[] = {{"__name__", get_name, set_name, nullptr, nullptr},
                                 {"__isabstractmethod__", get_is_abstract, nullptr, nullptr, nullptr},
                                 {}};

}  // namespace

PyObject* property_getter(PyObject* property) { return view(property)->getter; }

}  // namespace ks

using namespace ks;

constinit PyTypeObject PyProperty_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "property",
    .tp_basicsize = sizeof(Property),
    .tp_dealloc = property_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_doc = "property(fget=None, fset=None, fdel=None, doc=None)\n--\n\n"
              "An attribute whose value is computed.\n\n"
              "  fget\n    called with the instance to get the value\n"
              "  fset\n    called with the instance and the new value\n"
              "  fdel\n    called with the instance to delete the attribute\n"
              "  doc\n    docstring; the getter's when it is left out\n\n"
              "As decorators:\n\n"
              "    class C:\n        @property\n        def x(self):\n            return self._x\n"
              "        @x.setter\n        def x(self, value):\n            self._x = value\n",
    .tp_traverse = property_traverse,
    .tp_clear = property_clear,
    .tp_methods = property_methods,
    .tp_members = property_members,
    .tp_getset = property_getset,
    .tp_descr_get = property_get,
    .tp_descr_set = property_set,
    .tp_init = property_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = PyType_GenericNew,
    .tp_free = PyObject_GC_Del,
};
