// Descriptors of what C types define: methods, class methods, members, computed attributes, slot wrappers; and bound slot
// wrappers (method-wrapper).
#include "object/descriptor.h"

#include <cstddef>
#include <cstring>

#include "object/allocate.h"
#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/export.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/tuple.h"

namespace ks {

// ---- docstrings ------------------------------------------------------------------------------------------------------------------

namespace {

// Where "(…)" begins in a docstring that starts with the name.
const char* find_signature(const char* name, const char* doc) {
  if (!doc) return nullptr;
  if (const char* dot = strrchr(name, '.')) name = dot + 1;
  const size_t length = strlen(name);
  if (strncmp(doc, name, length) != 0 || doc[length] != '(') return nullptr;
  return doc + length;
}
constexpr char kSignatureEnd[] = ")\n--\n\n";
// What follows the signature; nullptr when a blank line comes before its end.
const char* skip_signature(const char* text) {
  for (; *text; ++text) {
    if (strncmp(text, kSignatureEnd, sizeof(kSignatureEnd) - 1) == 0) return text + sizeof(kSignatureEnd) - 1;
    if (text[0] == '\n' && text[1] == '\n') return nullptr;
  }
  return nullptr;
}

}  // namespace

const char* doc_without_signature(const char* name, const char* doc) {
  const char* signature = find_signature(name, doc);
  if (!signature) return doc;
  const char* rest = skip_signature(signature);
  return rest ? rest : doc;
}
PyObject* doc_text(const char* name, const char* doc) {
  if (!doc) return Py_NewRef(Py_None);
  const char* text = doc_without_signature(name, doc);
  return *text ? PyUnicode_FromString(text) : Py_NewRef(Py_None);
}
PyObject* doc_text_signature(const char* name, const char* doc, int flags) {
  const char* signature = find_signature(name, doc);
  const char* rest = signature ? skip_signature(signature) : nullptr;
  if (!rest) {
    const char* first = flags & METH_STATIC ? "" : flags & METH_CLASS ? "$type, " : "$self, ";
    if (flags & METH_NOARGS) return PyUnicode_FromFormat("(%s%s)", first, *first ? "/" : "");
    if (flags & METH_O) return PyUnicode_FromFormat("(%sobject, /)", first);
    return Py_NewRef(Py_None);
  }
  return PyUnicode_FromStringAndSize(signature, rest - signature - static_cast<Py_ssize_t>(sizeof(kSignatureEnd) - 2));
}

namespace {

// ---- what all have -----------------------------------------------------------------------------------------------------------------

template <class T = PyDescrObject>
T* descriptor(PyObject* self) {
  return reinterpret_cast<T*>(self);
}
PyObject* name_of(PyObject* self) { return PyDescr_NAME(self); }
const char* type_name_of(PyObject* self) { return PyDescr_TYPE(self)->tp_name; }

void descriptor_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(object(PyDescr_TYPE(self)));
  Py_XDECREF(PyDescr_NAME(self));
  Py_XDECREF(descriptor<>(self)->d_qualname);
  PyObject_GC_Del(self);
}
int descriptor_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(PyDescr_TYPE(self));
  return 0;
}

Ref<> make_descriptor(PyTypeObject* kind, PyTypeObject* type, const char* name) {
  PyObject* made = allocate_object(kind, 0);
  if (!made) return nullptr;
  descriptor<>(made)->d_type = as<PyTypeObject>(Py_NewRef(object(type)));
  descriptor<>(made)->d_name = PyUnicode_InternFromString(name);
  gc_track(made);
  if (!descriptor<>(made)->d_name) {
    Py_DECREF(made);
    return nullptr;
  }
  return steal(made);
}

Status check_applies(PyObject* self, PyObject* obj) {
  if (is_subtype(Py_TYPE(obj), PyDescr_TYPE(self))) [[likely]] return Status::Ok;
  return raise(PyExc_TypeError, "descriptor '%U' for '%.100s' objects doesn't apply to a '%.100s' object", name_of(self), type_name_of(self),
               Py_TYPE(obj)->tp_name);
}

PyObject* method_repr(PyObject* self) { return PyUnicode_FromFormat("<method '%U' of '%s' objects>", name_of(self), type_name_of(self)); }
PyObject* member_repr(PyObject* self) { return PyUnicode_FromFormat("<member '%U' of '%s' objects>", name_of(self), type_name_of(self)); }
PyObject* getset_repr(PyObject* self) { return PyUnicode_FromFormat("<attribute '%U' of '%s' objects>", name_of(self), type_name_of(self)); }
PyObject* wrapper_repr(PyObject* self) { return PyUnicode_FromFormat("<slot wrapper '%U' of '%s' objects>", name_of(self), type_name_of(self)); }

PyObject* get_qualname(PyObject* self, void*) {
  auto* own = descriptor<>(self);
  if (!own->d_qualname) {
    if (!own->d_type || !PyType_Check(object(own->d_type)))
      return raise(PyExc_TypeError, "<descriptor>.__objclass__ is not a type");
    Ref<> type_name = TRY(get_attribute(object(own->d_type), "__qualname__"_id));
    if (!PyUnicode_Check(type_name)) return raise(PyExc_TypeError, "<descriptor>.__objclass__.__qualname__ is not a unicode object");
    own->d_qualname = PyUnicode_FromFormat("%U.%U", type_name.get(), own->d_name);
  }
  return Py_XNewRef(own->d_qualname);
}
// (getattr, (type, name))
Ref<> descriptor_reduce(PyObject* self) {
  Ref<> getattr = TRY(steal(PyMapping_GetItemString(PyEval_GetBuiltins(), "getattr")));
  return steal(Py_BuildValue("O(OO)", getattr.get(), PyDescr_TYPE(self), PyDescr_NAME(self)));
}
METHOD_AS(descriptor_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef descriptor_methods[] = {descriptor_reduce_method, {}};

PyMemberDef descriptor_members[] = {{"__objclass__", _Py_T_OBJECT, offsetof(PyDescrObject, d_type), Py_READONLY, nullptr},
                                    {"__name__", _Py_T_OBJECT, offsetof(PyDescrObject, d_name), Py_READONLY, nullptr},
                                    {}};

// ---- methods -------------------------------------------------------------------------------------------------------------------------

PyObject* method_get(PyObject* self, PyObject* obj, PyObject* type) {
  if (!obj) return Py_NewRef(self);
  TRY(check_applies(self, obj));
  PyMethodDef* method = descriptor<PyMethodDescrObject>(self)->d_method;
  if (!(method->ml_flags & METH_METHOD)) return PyCFunction_NewEx(method, obj, nullptr);
  if (type && !PyType_Check(type))
    return raise(PyExc_TypeError, "descriptor '%U' needs a type, not '%s', as arg 2", name_of(self), Py_TYPE(type)->tp_name);
  return PyCMethod_New(method, obj, nullptr, PyDescr_TYPE(self));
}

// The checks before every direct call: an argument for self, of the right type, and no keywords.
bool check_call(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* kwnames) {
  if (count < 1) {
    Ref<> name = steal(callable_description(self));
    if (name) PyErr_Format(PyExc_TypeError, "unbound method %U needs an argument", name.get());
    return false;
  }
  if (is_failure(check_applies(self, args[0]))) return false;
  if (kwnames && PyTuple_GET_SIZE(kwnames)) {
    Ref<> name = steal(callable_description(self));
    if (name) PyErr_Format(PyExc_TypeError, "%U takes no keyword arguments", name.get());
    return false;
  }
  return true;
}
PyMethodDef* definition(PyObject* self) { return descriptor<PyMethodDescrObject>(self)->d_method; }
template <class F>
F function_of(PyObject* self) {
  return reinterpret_cast<F>(definition(self)->ml_meth);
}

PyObject* call_varargs(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (!check_call(self, args, count, kwnames)) return nullptr;
  Ref<> tuple = TRY(steal(tuple_from_array(args + 1, count - 1)));
  return function_of<PyCFunction>(self)(args[0], tuple);
}
PyObject* call_varargs_keywords(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (!check_call(self, args, count, nullptr)) return nullptr;
  Ref<> tuple = TRY(steal(tuple_from_array(args + 1, count - 1)));
  Ref<> keywords;
  if (kwnames && PyTuple_GET_SIZE(kwnames)) {
    keywords = TRY(steal(PyDict_New()));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i)
      TRY(PyDict_SetItem(keywords, PyTuple_GET_ITEM(kwnames, i), args[count + i]));
  }
  return function_of<PyCFunctionWithKeywords>(self)(args[0], tuple, keywords);
}
PyObject* call_fast(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (!check_call(self, args, count, kwnames)) return nullptr;
  return function_of<PyCFunctionFast>(self)(args[0], args + 1, count - 1);
}
PyObject* call_fast_keywords(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (!check_call(self, args, count, nullptr)) return nullptr;
  return function_of<PyCFunctionFastWithKeywords>(self)(args[0], args + 1, count - 1, kwnames);
}
PyObject* call_method_keywords(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (!check_call(self, args, count, nullptr)) return nullptr;
  return function_of<PyCMethod>(self)(args[0], PyDescr_TYPE(self), args + 1, static_cast<size_t>(count - 1), kwnames);
}
PyObject* call_no_arguments(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (!check_call(self, args, count, kwnames)) return nullptr;
  if (count != 1) {
    Ref<> name = TRY(steal(callable_description(self)));
    return raise(PyExc_TypeError, "%U takes no arguments (%zd given)", name.get(), count - 1);
  }
  return function_of<PyCFunction>(self)(args[0], nullptr);
}
PyObject* call_one_argument(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (!check_call(self, args, count, kwnames)) return nullptr;
  if (count != 2) {
    Ref<> name = TRY(steal(callable_description(self)));
    return raise(PyExc_TypeError, "%U takes exactly one argument (%zd given)", name.get(), count - 1);
  }
  return function_of<PyCFunction>(self)(args[0], args[1]);
}

vectorcallfunc vectorcall_for(const PyMethodDef* method) {
  switch (method->ml_flags & (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD)) {
    case METH_VARARGS: return call_varargs;
    case METH_VARARGS | METH_KEYWORDS: return call_varargs_keywords;
    case METH_FASTCALL: return call_fast;
    case METH_FASTCALL | METH_KEYWORDS: return call_fast_keywords;
    case METH_NOARGS: return call_no_arguments;
    case METH_O: return call_one_argument;
    case METH_METHOD | METH_FASTCALL | METH_KEYWORDS: return call_method_keywords;
    default: return nullptr;
  }
}

PyObject* method_get_doc(PyObject* self, void*) { return doc_text(definition(self)->ml_name, definition(self)->ml_doc); }
PyObject* method_get_signature(PyObject* self, void*) { 
  return doc_text_signature(definition(self)->ml_name, definition(self)->ml_doc, definition(self)->ml_flags);
}
PyGetSetDef method_getset[] = {{"__doc__", method_get_doc, nullptr, nullptr, nullptr},
                               {"__qualname__", get_qualname, nullptr, nullptr, nullptr},
                               {"__text_signature__", method_get_signature, nullptr, nullptr, nullptr},
                               {}};

// ---- class methods --------------------------------------------------------------------------------------------------------------------

PyObject* class_method_get(PyObject* self, PyObject* obj, PyObject* type) {
  if (!type) {
    if (!obj)
      return raise(PyExc_TypeError, "descriptor '%U' for type '%.100s' needs either an object or a type", name_of(self), type_name_of(self));
    type = object(Py_TYPE(obj));
  }
  if (!PyType_Check(type))
    return raise(PyExc_TypeError, "descriptor '%U' for type '%.100s' needs a type, not a '%.100s' as arg 2", name_of(self), type_name_of(self),
                 Py_TYPE(type)->tp_name);
  if (!is_subtype(as<PyTypeObject>(type), PyDescr_TYPE(self)))
    return raise(PyExc_TypeError, "descriptor '%U' requires a subtype of '%.100s' but received '%.100s'", name_of(self), type_name_of(self),
                 as<PyTypeObject>(type)->tp_name);
  PyMethodDef* method = definition(self);
  return PyCMethod_New(method, type, nullptr, method->ml_flags & METH_METHOD ? PyDescr_TYPE(self) : nullptr);
}
PyObject* class_method_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count < 1) return raise(PyExc_TypeError, "descriptor '%U' of '%.100s' object needs an argument", name_of(self), type_name_of(self));
  Ref<> bound = TRY(steal(class_method_get(self, nullptr, PyTuple_GET_ITEM(args, 0))));
  Ref<> rest = TRY(steal(PyTuple_GetSlice(args, 1, count)));
  return PyObject_Call(bound, rest, kwargs);
}

// ---- members and computed attributes ---------------------------------------------------------------------------------------------------

PyMemberDef* member_of(PyObject* self) { return descriptor<PyMemberDescrObject>(self)->d_member; }
PyObject* member_get(PyObject* self, PyObject* obj, PyObject*) {
  if (!obj) return Py_NewRef(self);
  TRY(check_applies(self, obj));
  PyMemberDef* member = member_of(self);
  if (member->flags & Py_AUDIT_READ) TRY(PySys_Audit("object.__getattr__", "Os", obj, member->name));
  return PyMember_GetOne(reinterpret_cast<char*>(obj), member);
}
int member_set(PyObject* self, PyObject* obj, PyObject* value) {
  TRY(check_applies(self, obj));
  return PyMember_SetOne(reinterpret_cast<char*>(obj), member_of(self), value);
}
PyObject* member_get_doc(PyObject* self, void*) {
  const char* doc = member_of(self)->doc;
  return doc ? PyUnicode_FromString(doc) : Py_NewRef(Py_None);
}
PyGetSetDef member_getset[] = {
    {"__doc__", member_get_doc, nullptr, nullptr, nullptr}, {"__qualname__", get_qualname, nullptr, nullptr, nullptr}, {}};

PyGetSetDef* getset_of(PyObject* self) { return descriptor<PyGetSetDescrObject>(self)->d_getset; }
PyObject* getset_get(PyObject* self, PyObject* obj, PyObject*) {
  if (!obj) return Py_NewRef(self);
  TRY(check_applies(self, obj));
  PyGetSetDef* getset = getset_of(self);
  if (getset->get) return getset->get(obj, getset->closure);
  return raise(PyExc_AttributeError, "attribute '%U' of '%.100s' objects is not readable", name_of(self), type_name_of(self));
}
int getset_set(PyObject* self, PyObject* obj, PyObject* value) {
  TRY(check_applies(self, obj));
  PyGetSetDef* getset = getset_of(self);
  if (getset->set) return getset->set(obj, value, getset->closure);
  return raise(PyExc_AttributeError, "attribute '%U' of '%.100s' objects is not writable", name_of(self), type_name_of(self));
}
PyObject* getset_get_doc(PyObject* self, void*) {
  const char* doc = getset_of(self)->doc;
  return doc ? PyUnicode_FromString(doc) : Py_NewRef(Py_None);
}
PyGetSetDef getset_getset[] = {
    {"__doc__", getset_get_doc, nullptr, nullptr, nullptr}, {"__qualname__", get_qualname, nullptr, nullptr, nullptr}, {}};

// ---- slot wrappers -----------------------------------------------------------------------------------------------------------------------

wrapperbase* base_of(PyObject* self) { return descriptor<PyWrapperDescrObject>(self)->d_base; }

PyObject* wrapper_get(PyObject* self, PyObject* obj, PyObject*) {
  if (!obj) return Py_NewRef(self);
  TRY(check_applies(self, obj));
  return PyWrapper_New(self, obj);
}
PyObject* wrapper_type_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count < 1) return raise(PyExc_TypeError, "descriptor '%U' of '%.100s' object needs an argument", name_of(self), type_name_of(self));
  PyObject* obj = PyTuple_GET_ITEM(args, 0);
  if (!is_subtype(Py_TYPE(obj), PyDescr_TYPE(self)))
    return raise(PyExc_TypeError, "descriptor '%U' requires a '%.100s' object but received a '%.100s'", name_of(self), type_name_of(self),
                 Py_TYPE(obj)->tp_name);
  Ref<> rest = TRY(steal(PyTuple_GetSlice(args, 1, count)));
  return wrapper_call(self, obj, rest, kwargs);
}
PyObject* wrapper_get_doc(PyObject* self, void*) { return doc_text(base_of(self)->name, base_of(self)->doc); }
PyObject* wrapper_get_signature(PyObject* self, void*) { return doc_text_signature(base_of(self)->name, base_of(self)->doc); }
PyGetSetDef wrapper_getset[] = {{"__doc__", wrapper_get_doc, nullptr, nullptr, nullptr},
                                {"__qualname__", get_qualname, nullptr, nullptr, nullptr},
                                {"__text_signature__", wrapper_get_signature, nullptr, nullptr, nullptr},
                                {}};

}  // namespace

PyObject* wrapper_call(PyObject* self, PyObject* obj, PyObject* args, PyObject* kwargs) {
  wrapperbase* base = base_of(self);
  void* wrapped = descriptor<PyWrapperDescrObject>(self)->d_wrapped;
  if (base->flags & PyWrapperFlag_KEYWORDS) return reinterpret_cast<wrapperfunc_kwds>(base->wrapper)(obj, args, wrapped, kwargs);
  if (kwargs && (!PyDict_Check(kwargs) || PyDict_GET_SIZE(kwargs)))
    return raise(PyExc_TypeError, "wrapper %s() takes no keyword arguments", base->name);
  return base->wrapper(obj, args, wrapped);
}

namespace {

// ---- bound slot wrappers -----------------------------------------------------------------------------------------------------------------

struct MethodWrapper {
  PyObject_HEAD
  PyObject* descr;
  PyObject* self;
};
MethodWrapper* bound(PyObject* self) { return as<MethodWrapper>(self); }

void bound_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(bound(self)->descr);
  Py_XDECREF(bound(self)->self);
  PyObject_GC_Del(self);
}
int bound_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(bound(self)->descr);
  Py_VISIT(bound(self)->self);
  return 0;
}
PyObject* bound_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return wrapper_call(bound(self)->descr, bound(self)->self, args, kwargs);
}
PyObject* bound_richcompare(PyObject* self, PyObject* other, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(self) != &_PyMethodWrapper_Type || Py_TYPE(other) != &_PyMethodWrapper_Type)
    return Py_NewRef(Py_NotImplemented);
  const bool equal = bound(self)->descr == bound(other)->descr && bound(self)->self == bound(other)->self;
  return Py_NewRef(equal == (op == Py_EQ) ? Py_True : Py_False);
}
Py_hash_t bound_hash(PyObject* self) {
  const Py_hash_t hash = PyObject_GenericHash(bound(self)->self) ^ PyObject_GenericHash(bound(self)->descr);
  return hash == -1 ? -2 : hash;
}
PyObject* bound_repr(PyObject* self) {
  return PyUnicode_FromFormat("<method-wrapper '%s' of %s object at %p>", base_of(bound(self)->descr)->name,
                              Py_TYPE(bound(self)->self)->tp_name, bound(self)->self);
}
Ref<> bound_reduce(PyObject* self) {
  Ref<> getattr = TRY(steal(PyMapping_GetItemString(PyEval_GetBuiltins(), "getattr")));
  return steal(Py_BuildValue("O(OO)", getattr.get(), bound(self)->self, PyDescr_NAME(bound(self)->descr)));
}
METHOD_AS(bound_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef bound_methods[] = {bound_reduce_method, {}};
PyMemberDef bound_members[] = {{"__self__", _Py_T_OBJECT, offsetof(MethodWrapper, self), Py_READONLY, nullptr}, {}};
PyObject* bound_get_objclass(PyObject* self, void*) { return Py_NewRef(object(PyDescr_TYPE(bound(self)->descr))); }
PyObject* bound_get_name(PyObject* self, void*) { return PyUnicode_FromString(base_of(bound(self)->descr)->name); }
PyObject* bound_get_qualname(PyObject* self, void*) { return get_qualname(bound(self)->descr, nullptr); }
PyObject* bound_get_doc(PyObject* self, void*) { return wrapper_get_doc(bound(self)->descr, nullptr); }
PyObject* bound_get_signature(PyObject* self, void*) { return wrapper_get_signature(bound(self)->descr, nullptr); }
PyGetSetDef bound_getset[] = {{"__objclass__", bound_get_objclass, nullptr, nullptr, nullptr},
                              {"__name__", bound_get_name, nullptr, nullptr, nullptr},
                              {"__qualname__", bound_get_qualname, nullptr, nullptr, nullptr},
                              {"__doc__", bound_get_doc, nullptr, nullptr, nullptr},
                              {"__text_signature__", bound_get_signature, nullptr, nullptr, nullptr},
                              {}};

}  // namespace

// ---- filling types' dictionaries ---------------------------------------------------------------------------------------------------------

namespace {
// A definition does not replace what is there, unless METH_COEXIST says so.
Status add_to_dict(PyTypeObject* type, PyObject* name, PyObject* value, bool replace) {
  if (replace) return status(PyDict_SetItem(type_dict(type), name, value));
  return PyDict_SetDefaultRef(type_dict(type), name, value, nullptr) < 0 ? Status::Error : Status::Ok;
}
}  // namespace

Status add_methods(PyTypeObject* type) {
  for (PyMethodDef* method = type->tp_methods; method->ml_name; ++method) {
    Ref<> made;
    if (method->ml_flags & METH_CLASS) {
      if (method->ml_flags & METH_STATIC) return raise(PyExc_ValueError, "method cannot be both class and static");
      made = steal(PyDescr_NewClassMethod(type, method));
    } else if (method->ml_flags & METH_STATIC) {
      Ref<> function = TRY(steal(PyCFunction_NewEx(method, object(type), nullptr)));
      made = steal(PyStaticMethod_New(function));
    } else {
      made = steal(PyDescr_NewMethod(type, method));
    }
    if (!made) return failed;
    Ref<> name = TRY(steal(PyUnicode_InternFromString(method->ml_name)));
    TRY(add_to_dict(type, name, made, method->ml_flags & METH_COEXIST));
  }
  return Status::Ok;
}
Status add_members(PyTypeObject* type) {
  for (PyMemberDef* member = type->tp_members; member->name; ++member) {
    Ref<> made = TRY(steal(PyDescr_NewMember(type, member)));
    TRY(add_to_dict(type, PyDescr_NAME(made.get()), made, false));
  }
  return Status::Ok;
}
Status add_getsets(PyTypeObject* type) {
  for (PyGetSetDef* getset = type->tp_getset; getset->name; ++getset) {
    Ref<> made = TRY(steal(PyDescr_NewGetSet(type, getset)));
    TRY(add_to_dict(type, PyDescr_NAME(made.get()), made, false));
  }
  return Status::Ok;
}

}  // namespace ks

// ---- exports --------------------------------------------------------------------------------------------------------------------------------

using namespace ks;

// Descriptors for a type's tables; the definitions must outlive them. New; SystemError for impossible flags.
extern "C" PyObject* PyDescr_NewMethod(PyTypeObject* type, PyMethodDef* method) {
  vectorcallfunc function = vectorcall_for(method);
  if (!function) return raise(PyExc_SystemError, "%s() method: bad call flags", method->ml_name);
  Ref<> made = TRY(make_descriptor(&PyMethodDescr_Type, type, method->ml_name));
  as<PyMethodDescrObject>(made.get())->d_method = method;
  as<PyMethodDescrObject>(made.get())->vectorcall = function;
  return made.release();
}
extern "C" PyObject* PyDescr_NewClassMethod(PyTypeObject* type, PyMethodDef* method) {
  Ref<> made = TRY(make_descriptor(&PyClassMethodDescr_Type, type, method->ml_name));
  as<PyMethodDescrObject>(made.get())->d_method = method;
  return made.release();
}
extern "C" PyObject* PyDescr_NewMember(PyTypeObject* type, PyMemberDef* member) {
  if (member->flags & Py_RELATIVE_OFFSET)
    return raise(PyExc_SystemError, "PyDescr_NewMember used with Py_RELATIVE_OFFSET");
  Ref<> made = TRY(make_descriptor(&PyMemberDescr_Type, type, member->name));
  as<PyMemberDescrObject>(made.get())->d_member = member;
  return made.release();
}
extern "C" PyObject* PyDescr_NewGetSet(PyTypeObject* type, PyGetSetDef* getset) {
  Ref<> made = TRY(make_descriptor(&PyGetSetDescr_Type, type, getset->name));
  as<PyGetSetDescrObject>(made.get())->d_getset = getset;
  return made.release();
}
extern "C" PyObject* PyDescr_NewWrapper(PyTypeObject* type, wrapperbase* base, void* wrapped) {
  Ref<> made = TRY(make_descriptor(&PyWrapperDescr_Type, type, base->name));
  as<PyWrapperDescrObject>(made.get())->d_base = base;
  as<PyWrapperDescrObject>(made.get())->d_wrapped = wrapped;
  return made.release();
}
// Whether the object is a data descriptor: 1 or 0.
extern "C" int PyDescr_IsData(PyObject* value) { return is_data_descriptor(value); }
// A slot wrapper bound to an object: new.
extern "C" PyObject* PyWrapper_New(PyObject* descr, PyObject* self) {
  auto* made = allocate_gc<MethodWrapper>(&_PyMethodWrapper_Type);
  if (!made) return nullptr;
  made->descr = Py_NewRef(descr);
  made->self = Py_NewRef(self);
  gc_track(made);
  return object(made);
}

#define DESCRIPTOR_TYPE(NAME, PYTHON_NAME, STRUCT, ...)                     \
  constinit PyTypeObject NAME = {                                           \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)                     \
      .tp_name = PYTHON_NAME,                                               \
      .tp_basicsize = sizeof(STRUCT),                                       \
      .tp_dealloc = descriptor_dealloc,                                     \
      __VA_ARGS__};

DESCRIPTOR_TYPE(PyMethodDescr_Type, "method_descriptor", PyMethodDescrObject,
                .tp_vectorcall_offset = offsetof(PyMethodDescrObject, vectorcall), .tp_repr = method_repr, .tp_call = PyVectorcall_Call,
                .tp_getattro = PyObject_GenericGetAttr,
                .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
                .tp_traverse = descriptor_traverse, .tp_methods = descriptor_methods, .tp_members = descriptor_members,
                .tp_getset = method_getset, .tp_descr_get = method_get)
DESCRIPTOR_TYPE(PyClassMethodDescr_Type, "classmethod_descriptor", PyMethodDescrObject, .tp_repr = method_repr, .tp_call = class_method_call,
                .tp_getattro = PyObject_GenericGetAttr, .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                .tp_traverse = descriptor_traverse, .tp_members = descriptor_members,
                .tp_getset = method_getset, .tp_descr_get = class_method_get)
DESCRIPTOR_TYPE(PyMemberDescr_Type, "member_descriptor", PyMemberDescrObject, .tp_repr = member_repr,
                .tp_getattro = PyObject_GenericGetAttr, .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                .tp_traverse = descriptor_traverse, .tp_methods = descriptor_methods, .tp_members = descriptor_members,
                .tp_getset = member_getset, .tp_descr_get = member_get, .tp_descr_set = member_set)
DESCRIPTOR_TYPE(PyGetSetDescr_Type, "getset_descriptor", PyGetSetDescrObject, .tp_repr = getset_repr,
                .tp_getattro = PyObject_GenericGetAttr, .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                .tp_traverse = descriptor_traverse, .tp_members = descriptor_members, .tp_getset = getset_getset,
                .tp_descr_get = getset_get, .tp_descr_set = getset_set)
DESCRIPTOR_TYPE(PyWrapperDescr_Type, "wrapper_descriptor", PyWrapperDescrObject, .tp_repr = wrapper_repr, .tp_call = wrapper_type_call,
                .tp_getattro = PyObject_GenericGetAttr,
                .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR,
                .tp_traverse = descriptor_traverse, .tp_methods = descriptor_methods, .tp_members = descriptor_members,
                .tp_getset = wrapper_getset, .tp_descr_get = wrapper_get)

constinit PyTypeObject _PyMethodWrapper_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "method-wrapper",
    .tp_basicsize = sizeof(MethodWrapper),
    .tp_dealloc = bound_dealloc,
    .tp_repr = bound_repr,
    .tp_hash = bound_hash,
    .tp_call = bound_call,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = bound_traverse,
    .tp_richcompare = bound_richcompare,
    .tp_methods = bound_methods,
    .tp_members = bound_members,
    .tp_getset = bound_getset,
};
