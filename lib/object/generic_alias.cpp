// types.GenericAlias: list[int] and its kind.
#include "object/generic_alias.h"

#include <cstddef>

#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/method.h"
#include "object/type.h"
#include "runtime/state.h"
#include "types/tuple.h"

namespace ks {
namespace {

struct GenericAlias {
  PyObject_HEAD
  PyObject* origin;
  PyObject* args;        // tuple
  PyObject* parameters;  // tuple, nullptr until asked for
  PyObject* weak_list;
  bool starred;          // *origin[args]
  vectorcallfunc vectorcall;
};
GenericAlias* view(PyObject* self) { return as<GenericAlias>(self); }

void alias_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  if (view(self)->weak_list) PyObject_ClearWeakRefs(self);
  Py_XDECREF(view(self)->origin);
  Py_XDECREF(view(self)->args);
  Py_XDECREF(view(self)->parameters);
  Py_TYPE(self)->tp_free(self);
}
int alias_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(view(self)->origin);
  Py_VISIT(view(self)->args);
  Py_VISIT(view(self)->parameters);
  return 0;
}

Status add_text(PyUnicodeWriter* writer, PyObject* text) { return status(PyUnicodeWriter_WriteStr(writer, text)); }

Status write_item(PyUnicodeWriter* writer, PyObject* item);
Status write_items(PyUnicodeWriter* writer, PyObject* items, const char* open, const char* close) {
  TRY(PyUnicodeWriter_WriteUTF8(writer, open, -1));
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (i) TRY(PyUnicodeWriter_WriteUTF8(writer, ", ", -1));
    // A list may have become shorter by what its items do.
    Ref<> item = TRY(PyList_Check(items) ? steal(PyList_GetItemRef(items, i)) : borrow(PyTuple_GET_ITEM(items, i)));
    TRY(write_item(writer, item));
  }
  return status(PyUnicodeWriter_WriteUTF8(writer, close, -1));
}
Status write_item(PyUnicodeWriter* writer, PyObject* item) {
  if (PyList_CheckExact(item)) return write_items(writer, item, "[", "]");
  Ref<> text = TRY(type_representation(item));
  return add_text(writer, text);
}

PyObject* alias_repr(PyObject* self) {
  PyUnicodeWriter* writer = PyUnicodeWriter_Create(0);
  if (!writer) return nullptr;
  auto write = [&]() -> Status {
    if (view(self)->starred) TRY(PyUnicodeWriter_WriteChar(writer, '*'));
    TRY(write_item(writer, view(self)->origin));
    if (PyTuple_GET_SIZE(view(self)->args) == 0) return status(PyUnicodeWriter_WriteUTF8(writer, "[()]", -1));
    return write_items(writer, view(self)->args, "[", "]");
  };
  if (is_failure(write())) {
    PyUnicodeWriter_Discard(writer);
    return nullptr;
  }
  return PyUnicodeWriter_Finish(writer);
}

// ---- parameters --------------------------------------------------------------------------------------------------------------------

Py_ssize_t index_in(PyObject* tuple, PyObject* wanted) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i)
    if (PyTuple_GET_ITEM(tuple, i) == wanted) return i;
  return -1;
}
Status append_once(PyObject* list, PyObject* value) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i)
    if (PyList_GET_ITEM(list, i) == value) return Status::Ok;
  return status(PyList_Append(list, value));
}
Status extend_once(PyObject* list, PyObject* tuple) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) TRY(append_once(list, PyTuple_GET_ITEM(tuple, i)));
  return Status::Ok;
}

bool is_sequence_argument(PyObject* arg) { return PyTuple_CheckExact(arg) || PyList_CheckExact(arg); }

// Arguments of a subscript, with *tuple[int, str] in them unpacked: new tuple.
Ref<> unpack_arguments(PyObject* item) {
  Ref<> list = TRY(steal(PyList_New(0)));
  PyObject* const* items = PyTuple_Check(item) ? &PyTuple_GET_ITEM(item, 0) : &item;
  const Py_ssize_t count = PyTuple_Check(item) ? PyTuple_GET_SIZE(item) : 1;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (!PyType_Check(items[i])) {
      Ref<> inner;
      TRY(get_optional_attribute(items[i], "__typing_unpacked_tuple_args__"_id, &inner));
      if (inner && inner.get() != Py_None && PyTuple_Check(inner)) {
        const Py_ssize_t inner_count = PyTuple_GET_SIZE(inner.get());
        // What has no fixed length stays.
        if (!(inner_count && PyTuple_GET_ITEM(inner.get(), inner_count - 1) == Py_Ellipsis)) {
          for (Py_ssize_t j = 0; j < inner_count; ++j) TRY(PyList_Append(list, PyTuple_GET_ITEM(inner.get(), j)));
          continue;
        }
      }
    }
    TRY(PyList_Append(list, items[i]));
  }
  return steal(PyList_AsTuple(list));
}

// An argument that is itself generic gets what its own parameters become.
Ref<> substitute_inside(PyObject* arg, PyObject* parameters, PyObject* items) {
  Ref<> inner;
  TRY(get_optional_attribute(arg, "__parameters__"_id, &inner));
  if (!inner || !PyTuple_Check(inner) || PyTuple_GET_SIZE(inner.get()) == 0) return borrow(arg);
  Ref<> list = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inner.get()); ++i) {
    PyObject* parameter = PyTuple_GET_ITEM(inner.get(), i);
    const Py_ssize_t where = index_in(parameters, parameter);
    PyObject* value = where < 0 ? parameter : PyTuple_GET_ITEM(items, where);
    // A TypeVarTuple stands for any number.
    if (where >= 0 && Py_TYPE(parameter)->tp_iter && PyTuple_Check(value)) {
      for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(value); ++j) TRY(PyList_Append(list, PyTuple_GET_ITEM(value, j)));
    } else {
      TRY(PyList_Append(list, value));
    }
  }
  Ref<> arguments = TRY(steal(PyList_AsTuple(list)));
  return steal(PyObject_GetItem(arg, arguments));
}

Found is_unpacked_type_variable_tuple(PyObject* arg) {
  if (PyType_Check(arg)) return Found::No;
  Ref<> value;
  if (!TRY(get_optional_attribute(arg, "__typing_is_unpacked_typevartuple__"_id, &value))) return Found::No;
  return found(PyObject_IsTrue(value));
}

// args with items (one for each parameter) put in: appended to list.
Status substitute_all(PyObject* args, PyObject* parameters, PyObject* items, PyObject* list) {
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(args); ++i) {
    Ref<> arg = borrow(PySequence_Fast_GET_ITEM(args, i));
    if (PyType_Check(arg)) {
      TRY(PyList_Append(list, arg));
      continue;
    }
    if (is_sequence_argument(arg)) {
      Ref<> inner = TRY(steal(PyList_New(0)));
      if (Py_EnterRecursiveCall(" in __getitem__ of a generic alias")) return failed;
      const Status inside = substitute_all(arg, parameters, items, inner);
      Py_LeaveRecursiveCall();
      TRY(inside);
      if (PyTuple_CheckExact(arg)) inner = TRY(steal(PyList_AsTuple(inner)));
      TRY(PyList_Append(list, inner));
      continue;
    }
    const bool unpack = TRY(is_unpacked_type_variable_tuple(arg));
    Ref<> substitute, value;
    TRY(get_optional_attribute(arg, "__typing_subst__"_id, &substitute));
    if (substitute) {
      const Py_ssize_t where = index_in(parameters, arg);
      if (where < 0) return raise(PyExc_TypeError, "argument %R with __typing_subst__ was not found in __parameters__", arg.get());
      value = steal(call(substitute.get(), PyTuple_GET_ITEM(items, where)));
    } else {
      value = substitute_inside(arg, parameters, items);
    }
    if (!value) return failed;
    if (!unpack) {
      TRY(PyList_Append(list, value));
      continue;
    }
    if (!PyTuple_Check(value))
      return raise(PyExc_TypeError, "expected __typing_subst__ of %T objects to return a tuple, not %T", arg.get(), value.get());
    for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(value.get()); ++j) TRY(PyList_Append(list, PyTuple_GET_ITEM(value.get(), j)));
  }
  return Status::Ok;
}

}  // namespace

Ref<> type_representation(PyObject* type) {
  if (type == Py_Ellipsis) return steal(PyUnicode_FromString("..."));
  if (type == object(Py_TYPE(Py_None))) return steal(PyUnicode_FromString("None"));
  Ref<> origin, args;
  if (TRY(get_optional_attribute(type, "__origin__"_id, &origin)) && TRY(get_optional_attribute(type, "__args__"_id, &args)))
    return steal(PyObject_Repr(type));
  Ref<> name, module;
  if (!TRY(get_optional_attribute(type, "__qualname__"_id, &name)) || !TRY(get_optional_attribute(type, "__module__"_id, &module)) ||
      module.get() == Py_None)
    return steal(PyObject_Repr(type));
  if (PyUnicode_Check(module) && PyUnicode_EqualToUTF8(module, "builtins")) return steal(PyObject_Str(name));
  return steal(PyUnicode_FromFormat("%S.%S", module.get(), name.get()));
}

Ref<> make_parameters(PyObject* args) {
  Ref<> list = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(args); ++i) {
    Ref<> arg = borrow(PySequence_Fast_GET_ITEM(args, i));
    // A class has its own parameters, which are not ours.
    if (PyType_Check(arg)) continue;
    if (is_sequence_argument(arg)) {
      if (Py_EnterRecursiveCall(" in __parameter__ calculation")) return nullptr;
      Ref<> inner = make_parameters(arg);
      Py_LeaveRecursiveCall();
      if (!inner) return nullptr;
      TRY(extend_once(list, inner));
      continue;
    }
    Ref<> substitute, inner;
    if (TRY(get_optional_attribute(arg, "__typing_subst__"_id, &substitute))) {
      TRY(append_once(list, arg));
    } else if (TRY(get_optional_attribute(arg, "__parameters__"_id, &inner)) && PyTuple_Check(inner)) {
      TRY(extend_once(list, inner));
    }
  }
  return steal(PyList_AsTuple(list));
}

Ref<> substitute_parameters(PyObject* self, PyObject* args, PyObject* parameters, PyObject* item) {
  const Py_ssize_t count = PyTuple_GET_SIZE(parameters);
  if (count == 0) return raise(PyExc_TypeError, "%R is not a generic class", self);
  Ref<> items = TRY(unpack_arguments(item));
  for (Py_ssize_t i = 0; i < count; ++i) {
    Ref<> prepare;
    TRY(get_optional_attribute(PyTuple_GET_ITEM(parameters, i), "__typing_prepare_subst__"_id, &prepare));
    if (!prepare || prepare.get() == Py_None) continue;
    items = TRY(steal(call(prepare.get(), self, items.get())));
    if (!PyTuple_Check(items)) items = TRY(steal(PyTuple_Pack(1, items.get())));
  }
  const Py_ssize_t given = PyTuple_GET_SIZE(items.get());
  if (given != count)
    return raise(PyExc_TypeError, "Too %s arguments for %R; actual %zd, expected %zd", given > count ? "many" : "few", self, given, count);
  Ref<> list = TRY(steal(PyList_New(0)));
  TRY(substitute_all(args, parameters, items, list));
  return steal(PyList_AsTuple(list));
}

namespace {

Status need_parameters(PyObject* self) {
  if (!view(self)->parameters) view(self)->parameters = make_parameters(view(self)->args).release();
  return view(self)->parameters ? Status::Ok : Status::Error;
}
PyObject* alias_subscript(PyObject* self, PyObject* item) {
  TRY(need_parameters(self));
  Ref<> args = TRY(substitute_parameters(self, view(self)->args, view(self)->parameters, item));
  Ref<> made = TRY(steal(Py_GenericAlias(view(self)->origin, args)));
  view(made)->starred = view(self)->starred;
  return made.release();
}

Py_hash_t alias_hash(PyObject* self) {
  const Py_hash_t origin = PyObject_Hash(view(self)->origin);
  if (origin == -1) return -1;
  const Py_hash_t args = PyObject_Hash(view(self)->args);
  if (args == -1) return -1;
  const Py_hash_t hash = origin ^ args;
  return hash == -1 ? -2 : hash;
}

// Instances are told what they were made by, where they can be.
PyObject* set_original_class(PyObject* made, PyObject* self) {
  if (!made) return nullptr;
  if (is_failure(set_attribute(made, "__orig_class__"_id, self))) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError) && !PyErr_ExceptionMatches(PyExc_TypeError)) {
      Py_DECREF(made);
      return nullptr;
    }
    PyErr_Clear();
  }
  return made;
}
PyObject* alias_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return set_original_class(PyObject_Call(view(self)->origin, args, kwargs), self);
}
PyObject* alias_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return set_original_class(vectorcall(view(self)->origin, args, nargsf, kwnames), self);
}

// These are the alias's own; everything else is the origin's.
constexpr const char* kOwnAttributes[] = {"__class__",   "__origin__",     "__args__",   "__unpacked__", "__parameters__",
                                          "__typing_unpacked_tuple_args__", "__mro_entries__", "__reduce_ex__", "__reduce__"};
constexpr const char* kBlockedAttributes[] = {"__bases__", "__copy__", "__deepcopy__"};

PyObject* alias_getattro(PyObject* self, PyObject* name) {
  if (PyUnicode_Check(name)) {
    bool own = false;
    for (const char* each : kOwnAttributes) own = own || PyUnicode_EqualToUTF8(name, each);
    for (const char* each : kBlockedAttributes) own = own || PyUnicode_EqualToUTF8(name, each);
    if (!own) return get_attribute(view(self)->origin, name).release();
  }
  return generic_get(self, name);
}

PyObject* alias_richcompare(PyObject* self, PyObject* other, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyObject_TypeCheck(self, &Py_GenericAliasType) || !PyObject_TypeCheck(other, &Py_GenericAliasType))
    return Py_NewRef(Py_NotImplemented);
  if (op == Py_NE) {
    Ref<> equal = TRY(steal(alias_richcompare(self, other, Py_EQ)));
    return Py_NewRef(equal.get() == Py_True ? Py_False : Py_True);
  }
  if (view(self)->starred != view(other)->starred) return Py_NewRef(Py_False);
  const int same = PyObject_RichCompareBool(view(self)->origin, view(other)->origin, Py_EQ);
  if (same <= 0) return same < 0 ? nullptr : Py_NewRef(Py_False);
  return PyObject_RichCompare(view(self)->args, view(other)->args, Py_EQ);
}

Ref<> alias_mro_entries(PyObject* self, PyObject*) { return steal(PyTuple_Pack(1, view(self)->origin)); }
METHOD_AS(alias_mro_entries, "__mro_entries__", 0, "($self, bases, /)", "");
Ref<> alias_instancecheck(PyObject*, PyObject*) {
  return raise(PyExc_TypeError, "isinstance() argument 2 cannot be a parameterized generic");
}
METHOD_AS(alias_instancecheck, "__instancecheck__", 0, "($self, instance, /)", "");
Ref<> alias_subclasscheck(PyObject*, PyObject*) {
  return raise(PyExc_TypeError, "issubclass() argument 2 cannot be a parameterized generic");
}
METHOD_AS(alias_subclasscheck, "__subclasscheck__", 0, "($self, subclass, /)", "");
Ref<> alias_reduce(PyObject* self) {
  if (view(self)->starred) {
    Ref<> plain = TRY(steal(Py_GenericAlias(view(self)->origin, view(self)->args)));
    Ref<> iterator = TRY(steal(generic_alias_iterator(plain)));
    Ref<> next = TRY(steal(PyMapping_GetItemString(PyEval_GetBuiltins(), "next")));
    return steal(Py_BuildValue("O(O)", next.get(), iterator.get()));
  }
  return steal(Py_BuildValue("O(OO)", Py_TYPE(self), view(self)->origin, view(self)->args));
}
METHOD_AS(alias_reduce, "__reduce__", 0, "($self, /)", "");
Ref<> alias_dir(PyObject* self) {
  Ref<> names = TRY(steal(PyObject_Dir(view(self)->origin)));
  for (const char* each : kOwnAttributes) {
    Ref<> name = TRY(steal(PyUnicode_FromString(each)));
    const int known = PySequence_Contains(names, name);
    if (known < 0 || (!known && PyList_Append(names, name) < 0)) return nullptr;
  }
  return names;
}
METHOD_AS(alias_dir, "__dir__", 0, "($self, /)", "");

PyMethodDef alias_methods[] = {alias_mro_entries_method, alias_instancecheck_method, alias_subclasscheck_method, alias_reduce_method, alias_dir_method, {}};
PyMemberDef alias_members[] = {{"__origin__", _Py_T_OBJECT, offsetof(GenericAlias, origin), Py_READONLY, nullptr},
                               {"__args__", _Py_T_OBJECT, offsetof(GenericAlias, args), Py_READONLY, nullptr},
                               {"__unpacked__", Py_T_BOOL, offsetof(GenericAlias, starred), Py_READONLY, nullptr},
                               {}};
PyObject* get_parameters(PyObject* self, void*) {
  TRY(need_parameters(self));
  return Py_NewRef(view(self)->parameters);
}
PyObject* get_unpacked_args(PyObject* self, void*) {
  const bool tuple = view(self)->starred && view(self)->origin == object(&PyTuple_Type);
  return Py_NewRef(tuple ? view(self)->args : Py_None);
}
PyGetSetDef alias_getset[] = {{"__parameters__", get_parameters, nullptr, "Type variables in the GenericAlias.", nullptr},
                              {"__typing_unpacked_tuple_args__", get_unpacked_args, nullptr, nullptr, nullptr},
                              {}};

PyObject* make(PyTypeObject* type, PyObject* origin, PyObject* args) {
  Ref<> tuple = PyTuple_Check(args) ? borrow(args) : steal(PyTuple_Pack(1, args));
  if (!tuple) return nullptr;
  PyObject* made = type->tp_alloc(type, 0);
  if (!made) return nullptr;
  view(made)->origin = Py_NewRef(origin);
  view(made)->args = tuple.release();
  view(made)->vectorcall = vectorcall_function(origin) ? alias_vectorcall : nullptr;
  return made;
}
PyObject* alias_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "GenericAlias() takes no keyword arguments");
  if (PyTuple_GET_SIZE(args) != 2) return raise(PyExc_TypeError, "GenericAlias expected 2 arguments, got %zd", PyTuple_GET_SIZE(args));
  return make(type, PyTuple_GET_ITEM(args, 0), PyTuple_GET_ITEM(args, 1));
}

PyObject* alias_or(PyObject* left, PyObject* right) { return _Py_union_type_or(left, right); }
constinit PyNumberMethods alias_number = {.nb_or = alias_or};
constinit PyMappingMethods alias_mapping = {.mp_subscript = alias_subscript};

// ---- *alias ---------------------------------------------------------------------------------------------------------------------------

struct AliasIterator {
  PyObject_HEAD
  PyObject* alias;  // nullptr: exhausted
};
void iterator_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(as<AliasIterator>(self)->alias);
  PyObject_GC_Del(self);
}
int iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<AliasIterator>(self)->alias);
  return 0;
}
PyObject* iterator_next(PyObject* self) {
  PyObject* alias = as<AliasIterator>(self)->alias;
  if (!alias) return nullptr;
  Ref<> made = TRY(steal(Py_GenericAlias(view(alias)->origin, view(alias)->args)));
  view(made)->starred = true;
  Py_CLEAR(as<AliasIterator>(self)->alias);
  return made.release();
}
Ref<> iterator_reduce(PyObject* self) {
  Ref<> iter = TRY(steal(PyMapping_GetItemString(PyEval_GetBuiltins(), "iter")));
  PyObject* alias = as<AliasIterator>(self)->alias;
  return steal(Py_BuildValue("O(O)", iter.get(), alias ? alias : empty_tuple()));
}
METHOD_AS(iterator_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef iterator_methods[] = {iterator_reduce_method, {}};

}  // namespace

PyObject* generic_alias_iterator(PyObject* alias) {
  auto* made = PyObject_GC_New(AliasIterator, &GenericAliasIterator_Type);
  if (!made) return nullptr;
  made->alias = Py_NewRef(alias);
  PyObject_GC_Track(made);
  return object(made);
}

}  // namespace ks

using namespace ks;

// origin[args]: new.
extern "C" PyObject* Py_GenericAlias(PyObject* origin, PyObject* args) { return make(&Py_GenericAliasType, origin, args); }

constinit PyTypeObject Py_GenericAliasType = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "types.GenericAlias",
    .tp_basicsize = sizeof(GenericAlias),
    .tp_dealloc = alias_dealloc,
    .tp_vectorcall_offset = offsetof(GenericAlias, vectorcall),
    .tp_repr = alias_repr,
    .tp_as_number = &alias_number,
    .tp_as_mapping = &alias_mapping,
    .tp_hash = alias_hash,
    .tp_call = alias_call,
    .tp_getattro = alias_getattro,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "GenericAlias(origin, args, /)\n--\n\nRepresent a PEP 585 generic type\n\nE.g. for t = list[int], t.__origin__ is list and "
              "t.__args__ is (int,).",
    .tp_traverse = alias_traverse,
    .tp_richcompare = alias_richcompare,
    .tp_weaklistoffset = offsetof(GenericAlias, weak_list),
    .tp_iter = generic_alias_iterator,
    .tp_methods = alias_methods,
    .tp_members = alias_members,
    .tp_getset = alias_getset,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = alias_new,
    .tp_free = PyObject_GC_Del,
};

constinit PyTypeObject GenericAliasIterator_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "generic_alias_iterator",
    .tp_basicsize = sizeof(AliasIterator),
    .tp_dealloc = iterator_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = iterator_next,
    .tp_methods = iterator_methods,
};
