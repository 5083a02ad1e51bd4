// The C types of typing: TypeVar, ParamSpec, TypeVarTuple, TypeAliasType, Generic, NoDefault.
//
// Bounds, constraints, defaults and alias values of PEP 695 syntax are functions until they are asked for; the value is
// then kept. What is only needed by people who look at types is left to typing.py (substitution rules, Generic's
// subscription).
#include "types/typing.h"

#include <cstddef>

#include "object/attribute.h"
#include "object/call.h"
#include "object/evaluator.h"
#include "object/generic_alias.h"
#include "object/method.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/tuple.h"

namespace ks {
namespace {

constinit PyObject no_default_object = {.ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT, .ob_type = &NoDefault_Type};

// typing.name(arguments…)
template <class... A>
Ref<> call_typing(const char* name, A... arguments) {
  Ref<> module = TRY(steal(PyImport_ImportModule("typing")));
  Ref<> function = TRY(steal(PyObject_GetAttrString(module, name)));
  return steal(call(function.get(), arguments...));
}
Ref<> check_type(PyObject* value, const char* message) {
  if (PyType_Check(value)) return borrow(value);
  Ref<> text = TRY(steal(PyUnicode_FromString(message)));
  return call_typing("_type_check", value, text.get());
}
// typing.Unpack[value]
Ref<> unpack(PyObject* value) {
  Ref<> module = TRY(steal(PyImport_ImportModule("typing")));
  Ref<> form = TRY(steal(PyObject_GetAttrString(module, "Unpack")));
  return steal(PyObject_GetItem(form, value));
}
PyObject* iterate_unpacked(PyObject* self) {
  Ref<> unpacked = TRY(unpack(self));
  Ref<> tuple = TRY(steal(PyTuple_Pack(1, unpacked.get())));
  return PyObject_GetIter(tuple);
}

// A value that may still be a function to be called.
struct Lazy {
  PyObject* value;
  PyObject* evaluate;
};
PyObject* force(Lazy& lazy, PyObject* otherwise) {
  if (lazy.value) return Py_NewRef(lazy.value);
  if (!lazy.evaluate) return Py_NewRef(otherwise);
  Ref<> format = TRY(steal(PyLong_FromLong(1)));  // annotationlib.Format.VALUE
  Ref<> value = TRY(steal(call(lazy.evaluate, format.get())));
  Py_XSETREF(lazy.value, Py_NewRef(value.get()));
  return value.release();
}
PyObject* make_constant_evaluator(PyObject* value);
PyObject* evaluator(const Lazy& lazy) {
  if (lazy.evaluate) return Py_NewRef(lazy.evaluate);
  return lazy.value ? make_constant_evaluator(lazy.value) : Py_NewRef(Py_None);
}
int visit_lazy(const Lazy& lazy, visitproc visit, void* arg) {
  Py_VISIT(lazy.value);
  Py_VISIT(lazy.evaluate);
  return 0;
}
void clear_lazy(Lazy& lazy) {
  Py_CLEAR(lazy.value);
  Py_CLEAR(lazy.evaluate);
}

// The three kinds of parameters have these fields, as far as they use them.
struct Parameter {
  PyObject_HEAD
  PyObject* name;
  Lazy default_value;
  Lazy bound;
  Lazy constraints;
  bool covariant, contravariant, infer_variance;
};
ks::Failed raise_not_str(const char* function, PyObject* value) {
  return raise(PyExc_TypeError, "%s() argument 'name' must be str, not %.50s", function, Py_TYPE(value)->tp_name);
}
#define VIEW(SELF) (reinterpret_cast<TypeParameter*>(SELF))
using TypeParameter = struct TypeParameterObject : Parameter {};

void parameter_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyObject_ClearWeakRefs(self);
  Py_XDECREF(VIEW(self)->name);
  clear_lazy(VIEW(self)->default_value);
  clear_lazy(VIEW(self)->bound);
  clear_lazy(VIEW(self)->constraints);
  PyObject_ClearManagedDict(self);
  Py_TYPE(self)->tp_free(self);
}
int parameter_traverse(PyObject* self, visitproc visit, void* arg) {
  for (const Lazy* lazy : {&VIEW(self)->default_value, &VIEW(self)->bound, &VIEW(self)->constraints})
    if (const int result = visit_lazy(*lazy, visit, arg)) return result;
  return PyObject_VisitManagedDict(self, visit, arg);
}
int parameter_clear(PyObject* self) {
  clear_lazy(VIEW(self)->default_value);
  clear_lazy(VIEW(self)->bound);
  clear_lazy(VIEW(self)->constraints);
  PyObject_ClearManagedDict(self);
  return 0;
}

Ref<> make_parameter(PyTypeObject* type, PyObject* name, PyObject* default_value) {
  Ref<> made = TRY(steal(PyType_GenericAlloc(type, 0)));
  VIEW(made.get())->name = Py_NewRef(name);
  VIEW(made.get())->default_value.value = Py_XNewRef(default_value);
  return made;
}
// __module__ is where the parameter was made, for pickling.
Status set_module(PyObject* self) {
  PyObject* module = frame_module_name();
  if (!module && thread()->current_exception) return failed;
  Ref<> held = borrow(module ? module : Py_None);
  return set_attribute(self, "__module__"_id, held);
}
PyObject* get_module(PyObject* self, void*) {
  PyObject** slot = TRY(managed_dict_slot(self));
  PyObject* dict = *slot;
  Ref<> value;
  if (dict && PyDict_GetItemRef(dict, "__module__"_id, value.out()) < 0) return nullptr;
  return value ? value.release() : PyUnicode_FromString("typing");
}
int put_module(PyObject* self, PyObject* value, void*) {
  PyObject* dict = TRY(instance_dict(self));
  return value ? PyDict_SetItem(dict, "__module__"_id, value) : PyDict_DelItem(dict, "__module__"_id);
}

PyObject* parameter_repr(PyObject* self) {
  if (VIEW(self)->infer_variance) return Py_NewRef(VIEW(self)->name);
  const char sign = VIEW(self)->covariant ? '+' : VIEW(self)->contravariant ? '-' : '~';
  return PyUnicode_FromFormat("%c%U", sign, VIEW(self)->name);
}
PyObject* name_repr(PyObject* self) { return Py_NewRef(VIEW(self)->name); }
PyObject* parameter_or(PyObject* left, PyObject* right) { return make_union(left, right).release(); }
constinit PyNumberMethods parameter_number = {.nb_or = parameter_or};

PyObject* get_bound(PyObject* self, void*) { return force(VIEW(self)->bound, Py_None); }
PyObject* get_constraints(PyObject* self, void*) { return force(VIEW(self)->constraints, empty_tuple()); }
PyObject* get_default(PyObject* self, void*) { return force(VIEW(self)->default_value, &no_default_object); }
PyObject* get_evaluate_bound(PyObject* self, void*) { return evaluator(VIEW(self)->bound); }
PyObject* get_evaluate_constraints(PyObject* self, void*) { return evaluator(VIEW(self)->constraints); }
PyObject* get_evaluate_default(PyObject* self, void*) { return evaluator(VIEW(self)->default_value); }

bool parameter_has_default(PyObject* self) {
  const Lazy& lazy = VIEW(self)->default_value;
  return lazy.evaluate || (lazy.value && lazy.value != &no_default_object);
}
METHOD_AS(parameter_has_default, "has_default", 0, "($self, /)", "");
Ref<> parameter_reduce(PyObject* self) { return borrow(VIEW(self)->name); }
METHOD_AS(parameter_reduce, "__reduce__", 0, "($self, /)", "");
Ref<> parameter_mro_entries(PyObject* self, PyObject*) {
  return raise(PyExc_TypeError, "Cannot subclass an instance of %s", type_name_without_module(Py_TYPE(self)));
}
METHOD_AS(parameter_mro_entries, "__mro_entries__", 0, "($self, bases, /)", "");

// ---- TypeVar ------------------------------------------------------------------------------------------------------------------------

constexpr Signature kTypeVar = read_signature(
    "typevar", "($type, name, *constraints, bound=None, default=NoDefault, covariant=False, contravariant=False, infer_variance=False)");

struct Variance {
  bool covariant = false, contravariant = false, infer = false;
};
Status read_variance(PyObject* const* given, Variance* variance) {
  bool* targets[] = {&variance->covariant, &variance->contravariant, &variance->infer};
  for (int i = 0; i < 3; ++i) {
    if (!given[i]) continue;
    const int truth = PyObject_IsTrue(given[i]);
    if (truth < 0) return failed;
    *targets[i] = truth;
  }
  if (variance->covariant && variance->contravariant) return raise(PyExc_ValueError, "Bivariant types are not supported.");
  if (variance->infer && (variance->covariant || variance->contravariant))
    return raise(PyExc_ValueError, "Variance cannot be specified with infer_variance.");
  return Status::Ok;
}
void set_variance(PyObject* self, const Variance& variance) {
  VIEW(self)->covariant = variance.covariant;
  VIEW(self)->contravariant = variance.contravariant;
  VIEW(self)->infer_variance = variance.infer;
}

PyObject* type_variable_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* given[6] = {};
  Ref<> constraints;
  TRY(bind_tuple(kTypeVar, args, kwargs, given, &constraints));
  if (!PyUnicode_Check(given[0])) return raise_not_str("typevar", given[0]);
  Variance variance;
  TRY(read_variance(given + 3, &variance));
  Ref<> bound;
  if (given[1] && given[1] != Py_None) bound = TRY(check_type(given[1], "Bound must be a type."));
  const Py_ssize_t count = PyTuple_GET_SIZE(constraints.get());
  if (count == 1) return raise(PyExc_TypeError, "A single constraint is not allowed");
  if (count > 1 && bound) return raise(PyExc_TypeError, "Constraints cannot be combined with bound=...");
  Ref<> made = TRY(make_parameter(type, given[0], given[2] ? given[2] : &no_default_object));
  VIEW(made.get())->bound.value = bound.release();
  if (count) VIEW(made.get())->constraints.value = constraints.release();
  set_variance(made, variance);
  TRY(set_module(made));
  return made.release();
}

Ref<> type_variable_subst(PyObject* self, PyObject* arg) { return call_typing("_typevar_subst", self, arg); }
METHOD_AS(type_variable_subst, "__typing_subst__", 0, "($self, arg, /)", "");

// Fills in the default for a missing argument.
Ref<> type_variable_prepare(PyObject* self, PyObject* alias, PyObject* args) {
  Ref<> parameters = TRY(get_attribute(alias, "__parameters__"_id));
  const Py_ssize_t count = TRY(PyObject_Size(args));
  const Py_ssize_t index = PySequence_Index(parameters, self);
  if (index < 0) return nullptr;
  if (index < count) return borrow(args);
  if (index == count) {
    Ref<> value = TRY(steal(get_default(self, nullptr)));
    if (value.get() != &no_default_object) {
      Ref<> tuple = TRY(steal(PyTuple_Pack(1, value.get())));
      return steal(PySequence_Concat(args, tuple));
    }
  }
  return raise(PyExc_TypeError, "Too few arguments for %S; actual %zd, expected at least %zd", alias, count, index + 1);
}
METHOD_AS(type_variable_prepare, "__typing_prepare_subst__", 0, "($self, alias, args, /)", "");

#define NAME_MEMBER {"__name__", _Py_T_OBJECT, offsetof(TypeParameter, name), Py_READONLY, nullptr}
#define VARIANCE_MEMBERS                                                                          \
  {"__covariant__", Py_T_BOOL, offsetof(TypeParameter, covariant), Py_READONLY, nullptr},         \
  {"__contravariant__", Py_T_BOOL, offsetof(TypeParameter, contravariant), Py_READONLY, nullptr}, \
  {"__infer_variance__", Py_T_BOOL, offsetof(TypeParameter, infer_variance), Py_READONLY, nullptr}
#define DEFAULT_ROWS                                                                                                 \
  {"__default__", get_default, nullptr, "The default value of this type parameter.", nullptr},                       \
  {"evaluate_default", get_evaluate_default, nullptr, nullptr, nullptr},                                             \
  {"__module__", get_module, put_module, nullptr, nullptr}

PyMethodDef type_variable_methods[] = {type_variable_subst_method, type_variable_prepare_method, parameter_reduce_method,
                                       parameter_has_default_method, parameter_mro_entries_method, {}};
PyMemberDef type_variable_members[] = {NAME_MEMBER, VARIANCE_MEMBERS, {}};
PyGetSetDef type_variable_getset[] = {{"__bound__", get_bound, nullptr, nullptr, nullptr},
                                      {"__constraints__", get_constraints, nullptr, nullptr, nullptr},
                                      {"evaluate_bound", get_evaluate_bound, nullptr, nullptr, nullptr},
                                      {"evaluate_constraints", get_evaluate_constraints, nullptr, nullptr, nullptr},
                                      DEFAULT_ROWS,
                                      {}};

// ---- ParamSpec ------------------------------------------------------------------------------------------------------------------------

constexpr Signature kParamSpec = read_signature(
    "paramspec", "($type, name, *, bound=None, default=NoDefault, covariant=False, contravariant=False, infer_variance=False)");

PyObject* param_spec_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* given[6] = {};
  TRY(bind_tuple(kParamSpec, args, kwargs, given));
  if (!PyUnicode_Check(given[0])) return raise_not_str("paramspec", given[0]);
  Variance variance;
  TRY(read_variance(given + 3, &variance));
  Ref<> made = TRY(make_parameter(type, given[0], given[2] ? given[2] : &no_default_object));
  if (given[1] && given[1] != Py_None) VIEW(made.get())->bound.value = Py_NewRef(given[1]);
  set_variance(made, variance);
  TRY(set_module(made));
  return made.release();
}
Ref<> param_spec_subst(PyObject* self, PyObject* arg) { return call_typing("_paramspec_subst", self, arg); }
METHOD_AS(param_spec_subst, "__typing_subst__", 0, "($self, arg, /)", "");
Ref<> param_spec_prepare(PyObject* self, PyObject* alias, PyObject* args) { return call_typing("_paramspec_prepare_subst", self, alias, args); }
METHOD_AS(param_spec_prepare, "__typing_prepare_subst__", 0, "($self, alias, args, /)", "");

struct ParamSpecPart {
  PyObject_HEAD
  PyObject* origin;
};
PyObject* make_part(PyTypeObject* type, PyObject* origin) {
  PyObject* made = PyType_GenericAlloc(type, 0);
  if (made) as<ParamSpecPart>(made)->origin = Py_NewRef(origin);
  return made;
}
PyObject* get_args(PyObject* self, void*) { return make_part(&ParamSpecArgs_Type, self); }
PyObject* get_kwargs(PyObject* self, void*) { return make_part(&ParamSpecKwargs_Type, self); }

PyMethodDef param_spec_methods[] = {param_spec_subst_method, param_spec_prepare_method, parameter_has_default_method, parameter_reduce_method,
                                    parameter_mro_entries_method, {}};
PyMemberDef param_spec_members[] = {
    NAME_MEMBER, {"__bound__", _Py_T_OBJECT, offsetof(TypeParameter, bound.value), Py_READONLY, nullptr}, VARIANCE_MEMBERS, {}};
PyGetSetDef param_spec_getset[] = {{"args", get_args, nullptr, "Represents positional arguments.", nullptr},
                                   {"kwargs", get_kwargs, nullptr, "Represents keyword arguments.", nullptr},
                                   DEFAULT_ROWS,
                                   {}};

void part_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyObject_ClearWeakRefs(self);
  Py_XDECREF(as<ParamSpecPart>(self)->origin);
  Py_TYPE(self)->tp_free(self);
}
int part_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<ParamSpecPart>(self)->origin);
  return 0;
}
int part_clear(PyObject* self) {
  Py_CLEAR(as<ParamSpecPart>(self)->origin);
  return 0;
}
PyObject* part_repr(PyObject* self) {
  PyObject* origin = as<ParamSpecPart>(self)->origin;
  const char* part = Py_TYPE(self) == &ParamSpecArgs_Type ? "args" : "kwargs";
  if (Py_IS_TYPE(origin, &ParamSpec_Type)) return PyUnicode_FromFormat("%U.%s", VIEW(origin)->name, part);
  return PyUnicode_FromFormat("%R.%s", origin, part);
}
PyObject* part_richcompare(PyObject* self, PyObject* other, int op) {
  if (!Py_IS_TYPE(other, Py_TYPE(self)) || (op != Py_EQ && op != Py_NE)) return Py_NewRef(Py_NotImplemented);
  return PyObject_RichCompare(as<ParamSpecPart>(self)->origin, as<ParamSpecPart>(other)->origin, op);
}
constexpr Signature kArgsPart = read_signature("paramspecargs", "($type, origin)");
constexpr Signature kKwargsPart = read_signature("paramspeckwargs", "($type, origin)");
PyObject* args_part_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* origin = nullptr;
  TRY(bind_tuple(kArgsPart, args, kwargs, &origin));
  return make_part(type, origin);
}
PyObject* kwargs_part_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* origin = nullptr;
  TRY(bind_tuple(kKwargsPart, args, kwargs, &origin));
  return make_part(type, origin);
}
PyMethodDef part_methods[] = {parameter_mro_entries_method, {}};
PyMemberDef part_members[] = {{"__origin__", _Py_T_OBJECT, offsetof(ParamSpecPart, origin), Py_READONLY, nullptr}, {}};

// ---- TypeVarTuple -----------------------------------------------------------------------------------------------------------------------

constexpr Signature kTypeVarTuple = read_signature("typevartuple", "($type, name, *, default=NoDefault)");

PyObject* type_variable_tuple_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* given[2] = {};
  TRY(bind_tuple(kTypeVarTuple, args, kwargs, given));
  if (!PyUnicode_Check(given[0])) return raise_not_str("typevartuple", given[0]);
  Ref<> made = TRY(make_parameter(type, given[0], given[1] ? given[1] : &no_default_object));
  TRY(set_module(made));
  return made.release();
}
Ref<> type_variable_tuple_subst(PyObject*, PyObject*) {
  return raise(PyExc_TypeError, "Substitution of bare TypeVarTuple is not supported");
}
METHOD_AS(type_variable_tuple_subst, "__typing_subst__", 0, "($self, arg, /)", "");
Ref<> type_variable_tuple_prepare(PyObject* self, PyObject* alias, PyObject* args) {
  return call_typing("_typevartuple_prepare_subst", self, alias, args);
}
METHOD_AS(type_variable_tuple_prepare, "__typing_prepare_subst__", 0, "($self, alias, args, /)", "");
PyMethodDef type_variable_tuple_methods[] = {type_variable_tuple_subst_method, type_variable_tuple_prepare_method, parameter_reduce_method,
                                             parameter_has_default_method, parameter_mro_entries_method, {}};
PyMemberDef type_variable_tuple_members[] = {NAME_MEMBER, {}};
PyGetSetDef type_variable_tuple_getset[] = {DEFAULT_ROWS, {}};

// ---- TypeAliasType ------------------------------------------------------------------------------------------------------------------------

struct TypeAlias {
  PyObject_HEAD
  PyObject* name;
  PyObject* type_params;  // tuple, or nullptr
  Lazy value;
  PyObject* module;       // or nullptr
};
TypeAlias* alias_of(PyObject* self) { return as<TypeAlias>(self); }

void type_alias_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(alias_of(self)->name);
  Py_XDECREF(alias_of(self)->type_params);
  clear_lazy(alias_of(self)->value);
  Py_XDECREF(alias_of(self)->module);
  Py_TYPE(self)->tp_free(self);
}
int type_alias_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(alias_of(self)->type_params);
  Py_VISIT(alias_of(self)->module);
  return visit_lazy(alias_of(self)->value, visit, arg);
}
int type_alias_clear(PyObject* self) {
  Py_CLEAR(alias_of(self)->type_params);
  clear_lazy(alias_of(self)->value);
  return 0;
}

// None and an empty tuple mean: not generic.
Ref<> make_alias(PyObject* name, PyObject* parameters, PyObject* value, PyObject* compute, PyObject* module) {
  Ref<> made = TRY(steal(PyType_GenericAlloc(&TypeAliasType_Type, 0)));
  TypeAlias* alias = alias_of(made);
  alias->name = Py_NewRef(name);
  if (parameters && parameters != Py_None && PyTuple_GET_SIZE(parameters)) alias->type_params = Py_NewRef(parameters);
  alias->value = {Py_XNewRef(value), Py_XNewRef(compute)};
  alias->module = Py_XNewRef(module);
  return made;
}

constexpr Signature kTypeAlias = read_signature("typealias", "($type, name, value, *, type_params=())");

Status check_parameters(PyObject* parameters) {
  bool default_seen = false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parameters); ++i) {
    PyObject* each = PyTuple_GET_ITEM(parameters, i);
    if (!Py_IS_TYPE(each, &TypeVar_Type) && !Py_IS_TYPE(each, &ParamSpec_Type) && !Py_IS_TYPE(each, &TypeVarTuple_Type))
      return raise(PyExc_TypeError, "Expected a type param, got %R", each);
    if (parameter_has_default(each))
      default_seen = true;
    else if (default_seen)
      return raise(PyExc_TypeError, "non-default type parameter '%R' follows default type parameter", each);
  }
  return Status::Ok;
}
PyObject* type_alias_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  PyObject* given[3] = {};
  if (PyTuple_GET_SIZE(args) > 2)
    return raise(PyExc_TypeError, "typealias() takes exactly 2 positional arguments (%zd given)", PyTuple_GET_SIZE(args));
  TRY(bind_tuple(kTypeAlias, args, kwargs, given));
  if (!PyUnicode_Check(given[0])) return raise_not_str("typealias", given[0]);
  if (given[2]) {
    if (!PyTuple_Check(given[2])) return raise(PyExc_TypeError, "type_params must be a tuple");
    TRY(check_parameters(given[2]));
  }
  PyObject* module = frame_module_name();
  if (!module && thread()->current_exception) return nullptr;
  return make_alias(given[0], given[2], given[1], nullptr, module).release();
}

PyObject* type_alias_repr(PyObject* self) { return Py_NewRef(alias_of(self)->name); }
PyObject* type_alias_subscript(PyObject* self, PyObject* args) {
  if (!alias_of(self)->type_params) return raise(PyExc_TypeError, "Only generic type aliases are subscriptable");
  return Py_GenericAlias(self, args);
}
PyObject* get_type_params(PyObject* self, void*) {
  PyObject* parameters = alias_of(self)->type_params;
  return Py_NewRef(parameters ? parameters : empty_tuple());
}
// TypeVarTuples unpacked, as a class's __parameters__ shows them.
Ref<> unpack_type_variable_tuples(PyObject* parameters) {
  const Py_ssize_t count = PyTuple_GET_SIZE(parameters);
  Ref<> result = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* each = PyTuple_GET_ITEM(parameters, i);
    Ref<> shown = Py_IS_TYPE(each, &TypeVarTuple_Type) ? unpack(each) : borrow(each);
    if (!shown) return nullptr;
    PyTuple_SET_ITEM(result.get(), i, shown.release());
  }
  return result;
}
PyObject* get_parameters(PyObject* self, void*) {
  PyObject* parameters = alias_of(self)->type_params;
  return parameters ? unpack_type_variable_tuples(parameters).release() : Py_NewRef(empty_tuple());
}
PyObject* get_value(PyObject* self, void*) { return force(alias_of(self)->value, Py_None); }
PyObject* get_evaluate_value(PyObject* self, void*) { return evaluator(alias_of(self)->value); }
PyObject* get_alias_module(PyObject* self, void*) {
  if (alias_of(self)->module) return Py_NewRef(alias_of(self)->module);
  PyObject* compute = alias_of(self)->value.evaluate;
  if (compute && PyFunction_Check(compute)) {
    PyObject* module = PyFunction_GetModule(compute);
    if (module) return Py_NewRef(module);
  }
  return Py_NewRef(Py_None);
}
Ref<> type_alias_reduce(PyObject* self) { return borrow(alias_of(self)->name); }
METHOD_AS(type_alias_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef type_alias_methods[] = {type_alias_reduce_method, {}};
PyMemberDef type_alias_members[] = {{"__name__", _Py_T_OBJECT, offsetof(TypeAlias, name), Py_READONLY, nullptr}, {}};
PyGetSetDef type_alias_getset[] = {{"__parameters__", get_parameters, nullptr, nullptr, nullptr},
                                   {"__type_params__", get_type_params, nullptr, nullptr, nullptr},
                                   {"__value__", get_value, nullptr, nullptr, nullptr},
                                   {"evaluate_value", get_evaluate_value, nullptr, nullptr, nullptr},
                                   {"__module__", get_alias_module, nullptr, nullptr, nullptr},
                                   {}};
constinit PyMappingMethods type_alias_mapping = {.mp_subscript = type_alias_subscript};

// ---- Generic --------------------------------------------------------------------------------------------------------------------------------

PyObject* forward_to_typing(const char* name, PyObject* cls, PyObject* args, PyObject* kwargs) {
  Ref<> module = TRY(steal(PyImport_ImportModule("typing")));
  Ref<> function = TRY(steal(PyObject_GetAttrString(module, name)));
  return call_with_first(function, cls, args, kwargs);
}
PyObject* generic_class_getitem(PyObject* cls, PyObject* args, PyObject* kwargs) {
  return forward_to_typing("_generic_class_getitem", cls, args, kwargs);
}
PyObject* generic_init_subclass(PyObject* cls, PyObject* args, PyObject* kwargs) {
  return forward_to_typing("_generic_init_subclass", cls, args, kwargs);
}
PyMethodDef generic_methods[] = {
    {"__class_getitem__", KS_CONSTANT_CAST(PyCFunction, &generic_class_getitem), METH_VARARGS | METH_KEYWORDS | METH_CLASS,
     "Parameterizes a generic class: `cls[parameters]`."},
    {"__init_subclass__", KS_CONSTANT_CAST(PyCFunction, &generic_init_subclass), METH_VARARGS | METH_KEYWORDS | METH_CLASS,
     "Function to initialize subclasses."},
    {}};

PyType_Slot generic_slots[] = {
    {Py_tp_doc, const_cast<char*>("Base of generic classes.\n\n    class Mapping[KT, VT]:\n        def __getitem__(self, key: KT) -> VT: ...\n\n"
                                  "has Generic among its bases without naming it; before there was this syntax, one wrote class "
                                  "Mapping(Generic[KT, VT]).")},
    {Py_tp_methods, generic_methods},
    {Py_tp_dealloc, KS_CONSTANT_CAST(void*, &instance_dealloc)},
    {Py_tp_traverse, KS_CONSTANT_CAST(void*, &instance_traverse)},
    {Py_tp_clear, KS_CONSTANT_CAST(void*, &instance_clear)},
    {0, nullptr}};
PyType_Spec generic_spec = {"typing.Generic", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                            generic_slots};

// ---- NoDefault and constant evaluators --------------------------------------------------------------------------------------------------------

PyObject* no_default_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) || (kwargs && PyDict_GET_SIZE(kwargs))) return raise(PyExc_TypeError, "NoDefaultType takes no arguments");
  return Py_NewRef(&no_default_object);
}
PyObject* no_default_repr(PyObject*) { return PyUnicode_FromString("typing.NoDefault"); }
Ref<> no_default_reduce(PyObject*) { return steal(PyUnicode_FromString("NoDefault")); }
METHOD_AS(no_default_reduce, "__reduce__", 0, "($self, /)", "");
PyMethodDef no_default_methods[] = {no_default_reduce_method, {}};
// Immortal: nothing to free.
void no_default_dealloc(PyObject* self) { Py_SET_REFCNT(self, static_cast<Py_ssize_t>(_Py_IMMORTAL_INITIAL_REFCNT)); }

struct ConstEvaluator {
  PyObject_HEAD
  PyObject* value;
};
PyObject* make_constant_evaluator(PyObject* value) {
  PyObject* made = PyType_GenericAlloc(&ConstEvaluator_Type, 0);
  if (made) as<ConstEvaluator>(made)->value = Py_NewRef(value);
  return made;
}
void evaluator_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(as<ConstEvaluator>(self)->value);
  Py_TYPE(self)->tp_free(self);
}
int evaluator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<ConstEvaluator>(self)->value);
  return 0;
}
int evaluator_clear(PyObject* self) {
  Py_CLEAR(as<ConstEvaluator>(self)->value);
  return 0;
}
PyObject* evaluator_repr(PyObject* self) { return PyUnicode_FromFormat("<constevaluator %R>", as<ConstEvaluator>(self)->value); }

PyObject* constant_as_text(PyObject* value) {
  if (!PyTuple_Check(value)) return type_representation(value).release();
  Ref<> list = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i) {
    Ref<> text = TRY(type_representation(PyTuple_GET_ITEM(value, i)));
    TRY(PyList_Append(list, text));
  }
  Ref<> separator = TRY(steal(PyUnicode_FromString(", ")));
  Ref<> joined = TRY(steal(PyUnicode_Join(separator, list)));
  return PyUnicode_FromFormat("(%U)", joined.get());
}
PyObject* evaluator_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "constevaluator.__call__() takes no keyword arguments");
  if (PyTuple_GET_SIZE(args) != 1)
    return raise(PyExc_TypeError, "constevaluator.__call__() takes exactly 1 argument (%zd given)", PyTuple_GET_SIZE(args));
  const long format = PyLong_AsLong(PyTuple_GET_ITEM(args, 0));
  if (format == -1 && PyErr_Occurred()) return nullptr;
  PyObject* value = as<ConstEvaluator>(self)->value;
  constexpr long kString = 4;  // annotationlib.Format.STRING
  return format == kString ? constant_as_text(value) : Py_NewRef(value);
}

}  // namespace

// ---- the doors --------------------------------------------------------------------------------------------------------------------------------

PyObject* generic_type() {
  PyObject*& generic = interpreter()->object.types.generic;
  if (!generic) generic = PyType_FromSpec(&generic_spec);
  return generic;
}
PyObject* no_default() { return &no_default_object; }
bool is_type_alias(PyObject* value) { return Py_IS_TYPE(value, &TypeAliasType_Type); }

PyObject* typevar_new(PyObject* name, PyObject* evaluate_bound, PyObject* evaluate_constraints) {
  Ref<> made = TRY(make_parameter(&TypeVar_Type, name, &no_default_object));
  VIEW(made.get())->bound.evaluate = Py_XNewRef(evaluate_bound);
  VIEW(made.get())->constraints.evaluate = Py_XNewRef(evaluate_constraints);
  VIEW(made.get())->infer_variance = true;
  return made.release();
}
PyObject* paramspec_new(PyObject* name) {
  Ref<> made = TRY(make_parameter(&ParamSpec_Type, name, &no_default_object));
  VIEW(made.get())->infer_variance = true;
  return made.release();
}
PyObject* typevartuple_new(PyObject* name) { return make_parameter(&TypeVarTuple_Type, name, &no_default_object).release(); }
PyObject* set_typeparam_default(PyObject* parameter, PyObject* evaluate_default) {
  if (!Py_IS_TYPE(parameter, &TypeVar_Type) && !Py_IS_TYPE(parameter, &ParamSpec_Type) && !Py_IS_TYPE(parameter, &TypeVarTuple_Type))
    return raise(PyExc_TypeError, "Expected a type param, got %R", parameter);
  Lazy& lazy = VIEW(parameter)->default_value;
  Py_CLEAR(lazy.value);
  Py_XSETREF(lazy.evaluate, Py_NewRef(evaluate_default));
  return Py_NewRef(parameter);
}
PyObject* typealias_new(PyObject* arguments) {
  return make_alias(PyTuple_GET_ITEM(arguments, 0), PyTuple_GET_ITEM(arguments, 1), nullptr, PyTuple_GET_ITEM(arguments, 2), nullptr).release();
}
PyObject* subscript_generic(PyObject* parameters) {
  Ref<> unpacked = TRY(unpack_type_variable_tuples(parameters));
  Ref<> module = TRY(steal(PyImport_ImportModule("typing")));
  Ref<> make = TRY(steal(PyObject_GetAttrString(module, "_GenericAlias")));
  return call(make.get(), generic_type(), unpacked.get());
}

}  // namespace ks

using namespace ks;

#define PARAMETER_TYPE(NAME, PYTHON_NAME, PREFIX, DOC, ...)                                                     \
  constinit PyTypeObject NAME = {                                                                               \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)                                                         \
      .tp_name = PYTHON_NAME,                                                                                   \
      .tp_basicsize = sizeof(TypeParameter),                                                                    \
      .tp_dealloc = parameter_dealloc,                                                                          \
      __VA_ARGS__                                                                                               \
      .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MANAGED_DICT | Py_TPFLAGS_MANAGED_WEAKREF, \
      .tp_doc = DOC,                                                                                            \
      .tp_traverse = parameter_traverse,                                                                        \
      .tp_clear = parameter_clear,                                                                              \
      PARAMETER_ITER                                                                                            \
      .tp_methods = PREFIX##_methods,                                                                           \
      .tp_members = PREFIX##_members,                                                                           \
      .tp_getset = PREFIX##_getset,                                                                             \
      .tp_alloc = PyType_GenericAlloc,                                                                          \
      .tp_new = PREFIX##_new,                                                                                   \
      .tp_free = PyObject_GC_Del,                                                                               \
  };
#define PARAMETER_ITER
PARAMETER_TYPE(TypeVar_Type, "typing.TypeVar", type_variable,
               "Type variable: stands for one type in generic functions, classes and aliases.\n\n"
               "    class Sequence[T]: ...\n    class StrSequence[S: str]: ...            # bound\n"
               "    class StrOrBytesSequence[A: (str, bytes)]: ...  # constraints\n    class IntDefault[T = int]: ...            # default\n\n"
               "or, for reuse, T = TypeVar('T', bound=str).",
               .tp_repr = parameter_repr, .tp_as_number = &parameter_number, )
PARAMETER_TYPE(ParamSpec_Type, "typing.ParamSpec", param_spec,
               "Parameter specification variable: stands for the parameters of a callable.\n\n"
               "    def add_logging[**P, T](f: Callable[P, T]) -> Callable[P, T]: ...",
               .tp_repr = parameter_repr, .tp_as_number = &parameter_number, )
#undef PARAMETER_ITER
#define PARAMETER_ITER .tp_iter = iterate_unpacked,
PARAMETER_TYPE(TypeVarTuple_Type, "typing.TypeVarTuple", type_variable_tuple,
               "Type variable tuple: stands for any number of types.\n\n    class Array[*Shape]: ...", .tp_repr = name_repr, )

#define PART_TYPE(NAME, PYTHON_NAME, NEW, DOC)                                                                  \
  constinit PyTypeObject NAME = {                                                                               \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)                                                         \
      .tp_name = PYTHON_NAME,                                                                                   \
      .tp_basicsize = sizeof(ParamSpecPart),                                                                    \
      .tp_dealloc = part_dealloc,                                                                               \
      .tp_repr = part_repr,                                                                                     \
      .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MANAGED_WEAKREF,                         \
      .tp_doc = DOC,                                                                                            \
      .tp_traverse = part_traverse,                                                                             \
      .tp_clear = part_clear,                                                                                   \
      .tp_richcompare = part_richcompare,                                                                       \
      .tp_methods = part_methods,                                                                               \
      .tp_members = part_members,                                                                               \
      .tp_alloc = PyType_GenericAlloc,                                                                          \
      .tp_new = NEW,                                                                                            \
      .tp_free = PyObject_GC_Del,                                                                               \
  };
PART_TYPE(ParamSpecArgs_Type, "typing.ParamSpecArgs", args_part_new, "The positional arguments of a ParamSpec: P.args.")
PART_TYPE(ParamSpecKwargs_Type, "typing.ParamSpecKwargs", kwargs_part_new, "The keyword arguments of a ParamSpec: P.kwargs.")

constinit PyTypeObject TypeAliasType_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "typing.TypeAliasType",
    .tp_basicsize = sizeof(TypeAlias),
    .tp_dealloc = type_alias_dealloc,
    .tp_repr = type_alias_repr,
    .tp_as_number = &parameter_number,
    .tp_as_mapping = &type_alias_mapping,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Type alias, made by the type statement:\n\n    type Alias = int",
    .tp_traverse = type_alias_traverse,
    .tp_clear = type_alias_clear,
    .tp_iter = iterate_unpacked,
    .tp_methods = type_alias_methods,
    .tp_members = type_alias_members,
    .tp_getset = type_alias_getset,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = type_alias_new,
    .tp_free = PyObject_GC_Del,
};

constinit PyTypeObject NoDefault_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "NoDefaultType",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = no_default_dealloc,
    .tp_repr = no_default_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "NoDefaultType()\n--\n\nThe type of the NoDefault singleton.",
    .tp_methods = no_default_methods,
    .tp_new = no_default_new,
};

constinit PyTypeObject ConstEvaluator_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "_typing._ConstEvaluator",
    .tp_basicsize = sizeof(ConstEvaluator),
    .tp_dealloc = evaluator_dealloc,
    .tp_repr = evaluator_repr,
    .tp_call = evaluator_call,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "Implementation of an annotation evaluator that returns a constant.",
    .tp_traverse = evaluator_traverse,
    .tp_clear = evaluator_clear,
    .tp_alloc = PyType_GenericAlloc,
    .tp_free = PyObject_GC_Del,
};
