// typing.Union (types.UnionType): int | str.
//
// The arguments are distinct and in order of appearance. Equality and hash do not depend on the order: hashable arguments
// are kept as a frozenset as well, the rest are compared one by one.
#include <cstddef>

#include "object/attribute.h"
#include "object/call.h"
#include "object/collector.h"
#include "object/export.h"
#include "object/generic_alias.h"
#include "object/method.h"
#include "object/type.h"
#include "runtime/state.h"
#include "types/typing.h"

namespace ks {
namespace {

struct Union {
  PyObject_HEAD
  PyObject* args;             // tuple
  PyObject* hashable_args;    // frozenset
  PyObject* unhashable_args;  // tuple, or nullptr
  PyObject* parameters;       // tuple, nullptr until asked for
  PyObject* weak_list;
};
Union* view(PyObject* self) { return as<Union>(self); }
bool is_union(PyObject* value) { return Py_IS_TYPE(value, &_PyUnion_Type); }

void union_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  if (view(self)->weak_list) PyObject_ClearWeakRefs(self);
  Py_XDECREF(view(self)->args);
  Py_XDECREF(view(self)->hashable_args);
  Py_XDECREF(view(self)->unhashable_args);
  Py_XDECREF(view(self)->parameters);
  PyObject_GC_Del(self);
}
int union_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(view(self)->args);
  Py_VISIT(view(self)->hashable_args);
  Py_VISIT(view(self)->unhashable_args);
  Py_VISIT(view(self)->parameters);
  return 0;
}

// ---- building ----------------------------------------------------------------------------------------------------------------------------

struct Builder {
  Ref<> args = steal(PyList_New(0));
  Ref<> hashable = steal(PySet_New(nullptr));
  Ref<> unhashable;
  bool good() const { return args && hashable; }
};

Status add_one(Builder& builder, PyObject* value) {
  if (PyObject_Hash(value) == -1) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return failed;
    PyErr_Clear();
    if (!builder.unhashable) builder.unhashable = TRY(steal(PyList_New(0)));
    const int known = PySequence_Contains(builder.unhashable, value);
    if (known != 0) return known < 0 ? Status::Error : Status::Ok;
    TRY(PyList_Append(builder.unhashable, value));
  } else {
    const int known = PySet_Contains(builder.hashable, value);
    if (known != 0) return known < 0 ? Status::Error : Status::Ok;
    TRY(PySet_Add(builder.hashable, value));
  }
  return status(PyList_Append(builder.args, value));
}
Status add(Builder& builder, PyObject* value) {
  if (value == Py_None) return add_one(builder, object(Py_TYPE(Py_None)));
  if (!is_union(value)) return add_one(builder, value);
  PyObject* args = view(value)->args;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) TRY(add_one(builder, PyTuple_GET_ITEM(args, i)));
  return Status::Ok;
}

bool is_unionable(PyObject* value) {
  return value == Py_None || PyType_Check(value) || PyObject_TypeCheck(value, &Py_GenericAliasType) || is_type_alias(value) || is_union(value);
}
// What is no type is for typing to judge (a str becomes a ForwardRef).
Status add_checked(Builder& builder, PyObject* value) {
  if (is_unionable(value)) return add(builder, value);
  Ref<> typing = TRY(steal(PyImport_ImportModule("typing")));
  Ref<> check = TRY(get_attribute(typing, "_type_check"_id));
  Ref<> message = TRY(steal(PyUnicode_FromString("Union[arg, ...]: each arg must be a type.")));
  Ref<> checked = TRY(steal(call(check.get(), value, message.get())));
  return add(builder, checked);
}

Ref<> finish(Builder& builder) {
  const Py_ssize_t count = PyList_GET_SIZE(builder.args.get());
  if (count == 0) return raise(PyExc_TypeError, "Cannot take a Union of no types.");
  if (count == 1) return borrow(PyList_GET_ITEM(builder.args.get(), 0));
  Ref<> args = TRY(steal(PyList_AsTuple(builder.args)));
  Ref<> hashable = TRY(steal(PyFrozenSet_New(builder.hashable)));
  Ref<> unhashable;
  if (builder.unhashable) unhashable = TRY(steal(PyList_AsTuple(builder.unhashable)));
  auto* made = PyObject_GC_New(Union, &_PyUnion_Type);
  if (!made) return nullptr;
  made->args = args.release();
  made->hashable_args = hashable.release();
  made->unhashable_args = unhashable.release();
  made->parameters = made->weak_list = nullptr;
  PyObject_GC_Track(made);
  return steal(object(made));
}

// ---- operations --------------------------------------------------------------------------------------------------------------------------

Py_hash_t union_hash(PyObject* self) {
  if (PyObject* unhashable = view(self)->unhashable_args) {
    // Raises, unless an argument has become hashable.
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(unhashable); ++i)
      if (PyObject_Hash(PyTuple_GET_ITEM(unhashable, i)) == -1) return -1;
    PyErr_Format(PyExc_TypeError, "union contains %d unhashable elements", static_cast<int>(PyTuple_GET_SIZE(unhashable)));
    return -1;
  }
  return PyObject_Hash(view(self)->hashable_args);
}

Found all_in(PyObject* items, PyObject* others) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); ++i) {
    const int known = PySequence_Contains(others, PyTuple_GET_ITEM(items, i));
    if (known <= 0) return found(known);
  }
  return Found::Yes;
}
Found unions_equal(PyObject* a, PyObject* b) {
  const int same = PyObject_RichCompareBool(view(a)->hashable_args, view(b)->hashable_args, Py_EQ);
  if (same <= 0) return found(same);
  PyObject *first = view(a)->unhashable_args, *second = view(b)->unhashable_args;
  if (!first || !second) return first == second ? Found::Yes : Found::No;
  if (PyTuple_GET_SIZE(first) != PyTuple_GET_SIZE(second)) return Found::No;
  if (!TRY(all_in(first, second))) return Found::No;
  return all_in(second, first);
}
PyObject* union_richcompare(PyObject* self, PyObject* other, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_union(other)) return Py_NewRef(Py_NotImplemented);
  const bool equal = TRY(unions_equal(self, other));
  return Py_NewRef(equal == (op == Py_EQ) ? Py_True : Py_False);
}

PyObject* union_repr(PyObject* self) {
  PyObject* args = view(self)->args;
  Ref<> list = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
    Ref<> text = TRY(type_representation(PyTuple_GET_ITEM(args, i)));
    TRY(PyList_Append(list, text));
  }
  Ref<> separator = TRY(steal(PyUnicode_FromString(" | ")));
  return PyUnicode_Join(separator, list);
}

// The class's own attributes where typing looks for those of a special form.
PyObject* union_getattro(PyObject* self, PyObject* name) {
  if (PyUnicode_Check(name) && PyUnicode_EqualToUTF8(name, "__module__")) return get_attribute(object(Py_TYPE(self)), name).release();
  return generic_get(self, name);
}

Status need_parameters(PyObject* self) {
  if (!view(self)->parameters) view(self)->parameters = make_parameters(view(self)->args).release();
  return view(self)->parameters ? Status::Ok : Status::Error;
}
PyObject* union_subscript(PyObject* self, PyObject* item) {
  TRY(need_parameters(self));
  Ref<> args = TRY(substitute_parameters(self, view(self)->args, view(self)->parameters, item));
  return union_of(args).release();
}

Ref<> union_mro_entries(PyObject* self, PyObject*) { return raise(PyExc_TypeError, "Cannot subclass %R", self); }
METHOD_AS(union_mro_entries, "__mro_entries__", 0, "($self, bases, /)", "");
Ref<> union_class_getitem(PyObject*, PyObject* items) {
  Builder builder;
  if (!builder.good()) return nullptr;
  if (PyTuple_CheckExact(items)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); ++i) TRY(add_checked(builder, PyTuple_GET_ITEM(items, i)));
  } else {
    TRY(add_checked(builder, items));
  }
  return finish(builder);
}
METHOD_AS(union_class_getitem, "__class_getitem__", METH_CLASS, "($type, object, /)", "");

PyObject* get_name(PyObject*, void*) { return PyUnicode_FromString("Union"); }
PyObject* get_origin(PyObject*, void*) { return Py_NewRef(object(&_PyUnion_Type)); }
PyObject* get_parameters(PyObject* self, void*) {
  TRY(need_parameters(self));
  return Py_NewRef(view(self)->parameters);
}

PyMethodDef union_methods[] = {union_mro_entries_method, union_class_getitem_method, {}};
PyMemberDef union_members[] = {{"__args__", _Py_T_OBJECT, offsetof(Union, args), Py_READONLY, nullptr}, {}};
PyGetSetDef union_getset[] = {{"__name__", get_name, nullptr, "Name of the type", nullptr},
                              {"__qualname__", get_name, nullptr, "Qualified name of the type", nullptr},
                              {"__origin__", get_origin, nullptr, "Always returns the type", nullptr},
                              {"__parameters__", get_parameters, nullptr, "Type variables in the types.UnionType.", nullptr},
                              {}};
// With a union on one side the other may be anything that Union[...] takes.
PyObject* union_or(PyObject* left, PyObject* right) { return make_union(left, right).release(); }
constinit PyNumberMethods union_number = {.nb_or = union_or};
constinit PyMappingMethods union_mapping = {.mp_subscript = union_subscript};

}  // namespace

Ref<> union_of(PyObject* items) {
  Builder builder;
  if (!builder.good()) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); ++i) TRY(add_checked(builder, PyTuple_GET_ITEM(items, i)));
  return finish(builder);
}
Ref<> make_union(PyObject* left, PyObject* right) {
  Ref<> pair = TRY(steal(PyTuple_Pack(2, left, right)));
  return union_of(pair);
}

}  // namespace ks

using namespace ks;

// left | right of types: new; NotImplemented when one is no type.
extern "C" PyObject* _Py_union_type_or(PyObject* left, PyObject* right) {
  if (!is_unionable(left) || !is_unionable(right)) return Py_NewRef(Py_NotImplemented);
  Builder builder;
  if (!builder.good()) return nullptr;
  TRY(add(builder, left));
  TRY(add(builder, right));
  return finish(builder).release();
}
extern "C" PyObject* _Py_union_args(PyObject* self) { return view(self)->args; }

__attribute__((visibility("default"))) constinit PyTypeObject _PyUnion_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "typing.Union",
    .tp_basicsize = sizeof(Union),
    .tp_dealloc = union_dealloc,
    .tp_repr = union_repr,
    .tp_as_number = &union_number,
    .tp_as_mapping = &union_mapping,
    .tp_hash = union_hash,
    .tp_getattro = union_getattro,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "Represent a union type\n\nE.g. for int | str",
    .tp_traverse = union_traverse,
    .tp_richcompare = union_richcompare,
    .tp_weaklistoffset = offsetof(Union, weak_list),
    .tp_methods = union_methods,
    .tp_members = union_members,
    .tp_getset = union_getset,
    .tp_alloc = PyType_GenericAlloc,
    .tp_free = PyObject_GC_Del,
};
