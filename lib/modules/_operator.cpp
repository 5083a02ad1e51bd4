// _operator: the operators as functions, and attrgetter, itemgetter, methodcaller.
#include <cstring>

#include "modules/module.h"
#include "object/export.h"

extern "C" {
int _PyArg_CheckPositional(const char* name, Py_ssize_t nargs, Py_ssize_t min, Py_ssize_t max);
PyObject* PySequence_InPlaceConcat(PyObject* left, PyObject* right);
}

namespace ks {
namespace {

#define UNARY(NAME, EXPRESSION, DOC)                                              \
  PyObject* operator_##NAME(PyObject*, PyObject* a) { return EXPRESSION; }        \
  METHOD_AS(operator_##NAME, #NAME, 0, "($module, a, /)", DOC);
#define BINARY(NAME, EXPRESSION, DOC)                                                         \
  PyObject* operator_##NAME(PyObject*, PyObject* a, PyObject* b) { return EXPRESSION; }       \
  METHOD_AS(operator_##NAME, #NAME, 0, "($module, a, b, /)", DOC);

PyObject* truth_value(int truth) { return truth < 0 ? nullptr : Py_NewRef(truth ? Py_True : Py_False); }

UNARY(truth, truth_value(PyObject_IsTrue(a)), "Return True if a is true, False otherwise.")
BINARY(contains, truth_value(PySequence_Contains(a, b)), "Same as b in a (note reversed operands).")
BINARY(indexOf, box(PySequence_Index(a, b)), "Return the first index of b in a.")
BINARY(countOf, box(PySequence_Count(a, b)), "Return the number of items in a which are, or which equal, b.")
BINARY(is_, Py_NewRef(a == b ? Py_True : Py_False), "Same as a is b.")
BINARY(is_not, Py_NewRef(a != b ? Py_True : Py_False), "Same as a is not b.")
UNARY(is_none, Py_NewRef(a == Py_None ? Py_True : Py_False), "Same as a is None.")
UNARY(is_not_none, Py_NewRef(a != Py_None ? Py_True : Py_False), "Same as a is not None.")
UNARY(index, PyNumber_Index(a), "Same as a.__index__()")
BINARY(add, PyNumber_Add(a, b), "Same as a + b.")
BINARY(sub, PyNumber_Subtract(a, b), "Same as a - b.")
BINARY(mul, PyNumber_Multiply(a, b), "Same as a * b.")
BINARY(matmul, PyNumber_MatrixMultiply(a, b), "Same as a @ b.")
BINARY(floordiv, PyNumber_FloorDivide(a, b), "Same as a // b.")
BINARY(truediv, PyNumber_TrueDivide(a, b), "Same as a / b.")
BINARY(mod, PyNumber_Remainder(a, b), "Same as a % b.")
UNARY(neg, PyNumber_Negative(a), "Same as -a.")
UNARY(pos, PyNumber_Positive(a), "Same as +a.")
UNARY(abs, PyNumber_Absolute(a), "Same as abs(a).")
UNARY(inv, PyNumber_Invert(a), "Same as ~a.")
UNARY(invert, PyNumber_Invert(a), "Same as ~a.")
BINARY(lshift, PyNumber_Lshift(a, b), "Same as a << b.")
BINARY(rshift, PyNumber_Rshift(a, b), "Same as a >> b.")
UNARY(not_, truth_value(PyObject_Not(a)), "Same as not a.")
BINARY(and_, PyNumber_And(a, b), "Same as a & b.")
BINARY(xor, PyNumber_Xor(a, b), "Same as a ^ b.")
BINARY(or_, PyNumber_Or(a, b), "Same as a | b.")
BINARY(iadd, PyNumber_InPlaceAdd(a, b), "Same as a += b.")
BINARY(isub, PyNumber_InPlaceSubtract(a, b), "Same as a -= b.")
BINARY(imul, PyNumber_InPlaceMultiply(a, b), "Same as a *= b.")
BINARY(imatmul, PyNumber_InPlaceMatrixMultiply(a, b), "Same as a @= b.")
BINARY(ifloordiv, PyNumber_InPlaceFloorDivide(a, b), "Same as a //= b.")
BINARY(itruediv, PyNumber_InPlaceTrueDivide(a, b), "Same as a /= b.")
BINARY(imod, PyNumber_InPlaceRemainder(a, b), "Same as a %= b.")
BINARY(ilshift, PyNumber_InPlaceLshift(a, b), "Same as a <<= b.")
BINARY(irshift, PyNumber_InPlaceRshift(a, b), "Same as a >>= b.")
BINARY(iand, PyNumber_InPlaceAnd(a, b), "Same as a &= b.")
BINARY(ixor, PyNumber_InPlaceXor(a, b), "Same as a ^= b.")
BINARY(ior, PyNumber_InPlaceOr(a, b), "Same as a |= b.")
BINARY(concat, PySequence_Concat(a, b), "Same as a + b, for a and b sequences.")
BINARY(iconcat, PySequence_InPlaceConcat(a, b), "Same as a += b, for a and b sequences.")
BINARY(getitem, PyObject_GetItem(a, b), "Same as a[b].")
BINARY(pow, PyNumber_Power(a, b, Py_None), "Same as a ** b.")
BINARY(ipow, PyNumber_InPlacePower(a, b, Py_None), "Same as a **= b.")
BINARY(eq, PyObject_RichCompare(a, b, Py_EQ), "Same as a == b.")
BINARY(ne, PyObject_RichCompare(a, b, Py_NE), "Same as a != b.")
BINARY(lt, PyObject_RichCompare(a, b, Py_LT), "Same as a < b.")
BINARY(le, PyObject_RichCompare(a, b, Py_LE), "Same as a <= b.")
BINARY(gt, PyObject_RichCompare(a, b, Py_GT), "Same as a > b.")
BINARY(ge, PyObject_RichCompare(a, b, Py_GE), "Same as a >= b.")
Status operator_setitem(PyObject*, PyObject* a, PyObject* b, PyObject* c) { return status(PyObject_SetItem(a, b, c)); }
METHOD(operator, setitem, "($module, a, b, c, /)", "Same as a[b] = c.");
Status operator_delitem(PyObject*, PyObject* a, PyObject* b) { return status(PyObject_DelItem(a, b)); }
METHOD(operator, delitem, "($module, a, b, /)", "Same as del a[b].");
Py_ssize_t operator_length_hint(PyObject*, PyObject* object, Py_ssize_t fallback) { return PyObject_LengthHint(object, fallback); }
METHOD(operator, length_hint, "($module, obj, default=0, /)",
       "Return an estimate of the number of items in obj.\n\nThis is useful for presizing containers when building from an iterable.\n\n"
       "If the object supports len(), the result will be exact.\nOtherwise, it may over- or under-estimate by an arbitrary amount.\n"
       "The result will be an integer >= 0.");
PyObject* operator_call(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (!_PyArg_CheckPositional("call", nargs, 1, PY_SSIZE_T_MAX)) return nullptr;
  return PyObject_Vectorcall(args[0], args + 1, static_cast<size_t>(nargs - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames);
}
constexpr char call_doc[] = "call($module, obj, /, *args, **kwargs)\n--\n\nSame as obj(*args, **kwargs).";

// Takes time that depends only on the length of b.
bool equal_in_constant_time(const unsigned char* a, Py_ssize_t a_length, const unsigned char* b, Py_ssize_t b_length) {
  volatile unsigned char difference = a_length == b_length ? 0 : 1;
  const unsigned char* volatile left = a_length == b_length ? a : b;
  const unsigned char* volatile right = b;
  for (Py_ssize_t i = 0; i < b_length; ++i) difference |= left[i] ^ right[i];
  return difference == 0;
}
PyObject* operator_compare_digest(PyObject*, PyObject* a, PyObject* b) {
  if (PyUnicode_Check(a) && PyUnicode_Check(b)) {
    if (!PyUnicode_IS_ASCII(a) || !PyUnicode_IS_ASCII(b))
      return raise(PyExc_TypeError, "comparing strings with non-ASCII characters is not supported");
    return box(equal_in_constant_time(static_cast<unsigned char*>(PyUnicode_DATA(a)), PyUnicode_GET_LENGTH(a),
                                      static_cast<unsigned char*>(PyUnicode_DATA(b)), PyUnicode_GET_LENGTH(b)));
  }
  if (!PyObject_CheckBuffer(a) && !PyObject_CheckBuffer(b))
    return raise(PyExc_TypeError, "unsupported operand types(s) or combination of types: '%.100s' and '%.100s'",
                 Py_TYPE(a)->tp_name, Py_TYPE(b)->tp_name);
  BufferArgument left, right;
  if (PyObject_GetBuffer(a, &left.view, PyBUF_SIMPLE) < 0) return nullptr;
  if (left.view.ndim > 1) return raise(PyExc_BufferError, "Buffer must be single dimension");
  if (PyObject_GetBuffer(b, &right.view, PyBUF_SIMPLE) < 0) return nullptr;
  if (right.view.ndim > 1) return raise(PyExc_BufferError, "Buffer must be single dimension");
  return box(equal_in_constant_time(left.data(), left.size(), right.data(), right.size()));
}
METHOD_AS(operator_compare_digest, "_compare_digest", 0, "($module, a, b, /)",
          "Return 'a == b'.\n\nThis function uses an approach designed to prevent\ntiming analysis, making it appropriate for cryptography.\n\n"
          "a and b must both be of the same type: either str (ASCII only),\nor any bytes-like object.");

// ---- what the three callables share ----------------------------------------------------------------------------------------------

bool no_keywords(const char* name, bool given) {
  if (given) PyErr_Format(PyExc_TypeError, "%s() takes no keyword arguments", name);
  return !given;
}
bool has_names(PyObject* kwnames) { return kwnames && PyTuple_GET_SIZE(kwnames) > 0; }
bool has_entries(PyObject* kwargs) { return kwargs && PyDict_GET_SIZE(kwargs) > 0; }

PyObject* signature_getter(PyObject*, void* text) { return PyUnicode_FromString(static_cast<const char*>(text)); }

template <class T>
int visit_type(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return as<T>(self)->traverse(visit, arg);
}
template <class T>
void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  as<T>(self)->clear();
  type->tp_free(self);
  Py_DECREF(object(type));
}
template <class T>
int clear_members(PyObject* self) {
  as<T>(self)->clear();
  return 0;
}

// ---- itemgetter --------------------------------------------------------------------------------------------------------------------

struct ItemGetter {
  PyObject ob_base;
  PyObject* items;
  Py_ssize_t index;  // of the one item, when it is a small non-negative int; else -1
  vectorcallfunc vectorcall;

  int traverse(visitproc visit, void* arg) {
    Py_VISIT(items);
    return 0;
  }
  void clear() { Py_CLEAR(items); }
};
PyObject* itemgetter_apply(ItemGetter* self, PyObject* operand) {
  const Py_ssize_t count = PyTuple_GET_SIZE(self->items);
  if (count == 1) {
    if (self->index >= 0 && PyTuple_CheckExact(operand) && self->index < PyTuple_GET_SIZE(operand))
      return Py_NewRef(PyTuple_GET_ITEM(operand, self->index));
    return PyObject_GetItem(operand, PyTuple_GET_ITEM(self->items, 0));
  }
  Ref<> result = steal(PyTuple_New(count));
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* value = PyObject_GetItem(operand, PyTuple_GET_ITEM(self->items, i));
    if (!value) return nullptr;
    PyTuple_SET_ITEM(result.get(), i, value);
  }
  return result.release();
}
PyObject* itemgetter_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (!no_keywords("itemgetter", has_names(kwnames)) || (nargs != 1 && !_PyArg_CheckPositional("itemgetter", nargs, 1, 1))) return nullptr;
  return itemgetter_apply(as<ItemGetter>(self), args[0]);
}
PyObject* itemgetter_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!no_keywords("itemgetter", has_entries(kwargs)) || !_PyArg_CheckPositional("itemgetter", PyTuple_GET_SIZE(args), 1, 1)) return nullptr;
  return itemgetter_apply(as<ItemGetter>(self), PyTuple_GET_ITEM(args, 0));
}
PyObject* itemgetter_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (!no_keywords("itemgetter", has_entries(kwargs))) return nullptr;
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count == 0 && !_PyArg_CheckPositional("itemgetter", count, 1, 1)) return nullptr;
  auto* self = as<ItemGetter>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->items = Py_NewRef(args);
  self->index = -1;
  if (count == 1 && PyLong_CheckExact(PyTuple_GET_ITEM(args, 0))) {
    const Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GET_ITEM(args, 0));
    if (index >= 0) self->index = index;
    else if (PyErr_Occurred()) PyErr_Clear();
  }
  self->vectorcall = itemgetter_vectorcall;
  return object(self);
}
PyObject* joined_repr(PyObject* self, PyObject* items) {
  const int entered = Py_ReprEnter(self);
  const char* name = Py_TYPE(self)->tp_name;
  if (entered != 0) return entered > 0 ? PyUnicode_FromFormat("%s(...)", name) : nullptr;
  PyObject* result = nullptr;
  if (PyTuple_GET_SIZE(items) == 1) result = PyUnicode_FromFormat("%s(%R)", name, PyTuple_GET_ITEM(items, 0));
  else result = PyUnicode_FromFormat("%s%R", name, items);
  Py_ReprLeave(self);
  return result;
}
PyObject* itemgetter_repr(PyObject* self) { return joined_repr(self, as<ItemGetter>(self)->items); }
PyObject* itemgetter_reduce(ItemGetter* self) { return PyTuple_Pack(2, Py_TYPE(self), self->items); }
METHOD_AS(itemgetter_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling");

// ---- attrgetter --------------------------------------------------------------------------------------------------------------------

struct AttrGetter {
  PyObject ob_base;
  PyObject* names;  // as given
  PyObject* paths;  // for each name, a str or (dotted) a tuple of str
  vectorcallfunc vectorcall;

  int traverse(visitproc visit, void* arg) {
    Py_VISIT(names);
    Py_VISIT(paths);
    return 0;
  }
  void clear() {
    Py_CLEAR(names);
    Py_CLEAR(paths);
  }
};
PyObject* follow(PyObject* operand, PyObject* path) {
  if (!PyTuple_CheckExact(path)) return PyObject_GetAttr(operand, path);
  Ref<> current = borrow(operand);
  for (Py_ssize_t i = 0; current && i < PyTuple_GET_SIZE(path); ++i) current = steal(PyObject_GetAttr(current, PyTuple_GET_ITEM(path, i)));
  return current.release();
}
PyObject* attrgetter_apply(AttrGetter* self, PyObject* operand) {
  const Py_ssize_t count = PyTuple_GET_SIZE(self->paths);
  if (count == 1) return follow(operand, PyTuple_GET_ITEM(self->paths, 0));
  Ref<> result = steal(PyTuple_New(count));
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* value = follow(operand, PyTuple_GET_ITEM(self->paths, i));
    if (!value) return nullptr;
    PyTuple_SET_ITEM(result.get(), i, value);
  }
  return result.release();
}
PyObject* attrgetter_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (!no_keywords("attrgetter", has_names(kwnames)) || !_PyArg_CheckPositional("attrgetter", PyVectorcall_NARGS(nargsf), 1, 1)) return nullptr;
  return attrgetter_apply(as<AttrGetter>(self), args[0]);
}
PyObject* attrgetter_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!no_keywords("attrgetter", has_entries(kwargs)) || !_PyArg_CheckPositional("attrgetter", PyTuple_GET_SIZE(args), 1, 1)) return nullptr;
  return attrgetter_apply(as<AttrGetter>(self), PyTuple_GET_ITEM(args, 0));
}
Ref<> path_of(PyObject* name) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(name);
  const Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, length, 1);
  if (dot < 0) {
    Ref<> own = borrow(name);
    PyObject* interned = own.release();
    PyUnicode_InternInPlace(&interned);
    return steal(interned);
  }
  Ref<> separator = TRY(steal(PyUnicode_FromString(".")));
  Ref<> parts = TRY(steal(PyUnicode_Split(name, separator, -1)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts.get()); ++i) {
    PyObject* part = Py_NewRef(PyList_GET_ITEM(parts.get(), i));
    PyUnicode_InternInPlace(&part);
    TRY(PyList_SetItem(parts, i, part));
  }
  return steal(PyList_AsTuple(parts));
}
PyObject* attrgetter_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (!no_keywords("attrgetter", has_entries(kwargs))) return nullptr;
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count == 0 && !_PyArg_CheckPositional("attrgetter", count, 1, 1)) return nullptr;
  Ref<> paths = steal(PyTuple_New(count));
  if (!paths) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* name = PyTuple_GET_ITEM(args, i);
    if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "attribute name must be a string");
    Ref<> path = path_of(name);
    if (!path) return nullptr;
    PyTuple_SET_ITEM(paths.get(), i, path.release());
  }
  auto* self = as<AttrGetter>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->names = Py_NewRef(args);
  self->paths = paths.release();
  self->vectorcall = attrgetter_vectorcall;
  return object(self);
}
PyObject* attrgetter_repr(PyObject* self) { return joined_repr(self, as<AttrGetter>(self)->names); }
PyObject* attrgetter_reduce(AttrGetter* self) { return PyTuple_Pack(2, Py_TYPE(self), self->names); }
METHOD_AS(attrgetter_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling");

// ---- methodcaller ------------------------------------------------------------------------------------------------------------------

struct MethodCaller {
  PyObject ob_base;
  PyObject* name;
  PyObject* arguments;  // tuple, without the name
  PyObject* keywords;   // dict or nullptr
  vectorcallfunc vectorcall;

  int traverse(visitproc visit, void* arg) {
    Py_VISIT(name);
    Py_VISIT(arguments);
    Py_VISIT(keywords);
    return 0;
  }
  void clear() {
    Py_CLEAR(name);
    Py_CLEAR(arguments);
    Py_CLEAR(keywords);
  }
};
PyObject* methodcaller_apply(MethodCaller* self, PyObject* operand) {
  const Py_ssize_t count = PyTuple_GET_SIZE(self->arguments);
  if (!self->keywords && count <= 8) {
    PyObject* stack[10] = {nullptr, operand};
    for (Py_ssize_t i = 0; i < count; ++i) stack[i + 2] = PyTuple_GET_ITEM(self->arguments, i);
    return PyObject_VectorcallMethod(self->name, stack + 1, static_cast<size_t>(count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  }
  Ref<> method = steal(PyObject_GetAttr(operand, self->name));
  return method ? PyObject_Call(method, self->arguments, self->keywords) : nullptr;
}
PyObject* methodcaller_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  if (!_PyArg_CheckPositional("methodcaller", PyVectorcall_NARGS(nargsf), 1, 1) || !no_keywords("methodcaller", has_names(kwnames))) return nullptr;
  return methodcaller_apply(as<MethodCaller>(self), args[0]);
}
PyObject* methodcaller_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!no_keywords("methodcaller", has_entries(kwargs)) || !_PyArg_CheckPositional("methodcaller", PyTuple_GET_SIZE(args), 1, 1)) return nullptr;
  return methodcaller_apply(as<MethodCaller>(self), PyTuple_GET_ITEM(args, 0));
}
PyObject* methodcaller_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) < 1) return raise(PyExc_TypeError, "methodcaller needs at least one argument, the method name");
  if (!PyUnicode_Check(PyTuple_GET_ITEM(args, 0))) return raise(PyExc_TypeError, "method name must be a string");
  Ref<> arguments = steal(PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args)));
  if (!arguments) return nullptr;
  auto* self = as<MethodCaller>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->name = Py_NewRef(PyTuple_GET_ITEM(args, 0));
  PyUnicode_InternInPlace(&self->name);
  self->arguments = arguments.release();
  self->keywords = has_entries(kwargs) ? Py_NewRef(kwargs) : nullptr;
  self->vectorcall = methodcaller_vectorcall;
  return object(self);
}
PyObject* methodcaller_repr(PyObject* op) {
  auto* self = as<MethodCaller>(op);
  const int entered = Py_ReprEnter(op);
  const char* type_name = Py_TYPE(op)->tp_name;
  if (entered != 0) return entered > 0 ? PyUnicode_FromFormat("%s(...)", type_name) : nullptr;
  struct Leave {
    PyObject* op;
    ~Leave() { Py_ReprLeave(op); }
  } leave{op};
  Ref<> parts = steal(PyList_New(0));
  if (!parts) return nullptr;
  auto add = [&](PyObject* text) {
    Ref<> own = steal(text);
    return own && PyList_Append(parts, own) == 0;
  };
  if (!add(PyObject_Repr(self->name))) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->arguments); ++i)
    if (!add(PyObject_Repr(PyTuple_GET_ITEM(self->arguments, i)))) return nullptr;
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (self->keywords && PyDict_Next(self->keywords, &position, &key, &value))
    if (!add(PyUnicode_FromFormat("%U=%R", key, value))) return nullptr;
  Ref<> separator = steal(PyUnicode_FromString(", "));
  Ref<> joined = separator ? steal(PyUnicode_Join(separator, parts)) : Ref<>();
  return joined ? PyUnicode_FromFormat("%s(%U)", type_name, joined.get()) : nullptr;
}
PyObject* methodcaller_reduce(MethodCaller* self) {
  if (!self->keywords) {
    const Py_ssize_t count = PyTuple_GET_SIZE(self->arguments);
    Ref<> all = steal(PyTuple_New(count + 1));
    if (!all) return nullptr;
    PyTuple_SET_ITEM(all.get(), 0, Py_NewRef(self->name));
    for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(all.get(), i + 1, Py_NewRef(PyTuple_GET_ITEM(self->arguments, i)));
    return PyTuple_Pack(2, Py_TYPE(self), all.get());
  }
  Ref<> functools = steal(PyImport_ImportModule("functools"));
  Ref<> partial = functools ? steal(PyObject_GetAttrString(functools, "partial")) : Ref<>();
  if (!partial) return nullptr;
  PyObject* stack[] = {object(Py_TYPE(self)), self->name};
  Ref<> constructor = steal(PyObject_VectorcallDict(partial, stack, 2, self->keywords));
  return constructor ? PyTuple_Pack(2, constructor.get(), self->arguments) : nullptr;
}
METHOD_AS(methodcaller_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling");

#define GETTER_TYPE(NAME, STRUCT, SIGNATURE, DOC)                                                                 \
  PyMethodDef NAME##_methods[] = {NAME##_reduce_method, {}};                                                      \
  PyMemberDef NAME##_members[] = {{"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(STRUCT, vectorcall), Py_READONLY, nullptr}, {}}; \
  constexpr char NAME##_text_signature[] = SIGNATURE;                                                             \
  PyGetSetDef NAME##_getset[] = {                                                                                 \
      {"__text_signature__", signature_getter, nullptr, nullptr, const_cast<char*>(NAME##_text_signature)}, {}};  \
  PyType_Slot NAME##_slots[] = {{Py_tp_doc, const_cast<char*>(DOC)},                                              \
                                {Py_tp_dealloc, reinterpret_cast<void*>(dealloc<STRUCT>)},                        \
                                {Py_tp_call, reinterpret_cast<void*>(NAME##_call)},                               \
                                {Py_tp_traverse, reinterpret_cast<void*>(visit_type<STRUCT>)},                    \
                                {Py_tp_clear, reinterpret_cast<void*>(clear_members<STRUCT>)},                    \
                                {Py_tp_methods, NAME##_methods},                                                  \
                                {Py_tp_members, NAME##_members},                                                  \
                                {Py_tp_getset, NAME##_getset},                                                    \
                                {Py_tp_new, reinterpret_cast<void*>(NAME##_new)},                                 \
                                {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},               \
                                {Py_tp_repr, reinterpret_cast<void*>(NAME##_repr)},                               \
                                {0, nullptr}};                                                                    \
  PyType_Spec NAME##_spec = {"operator." #NAME, sizeof(STRUCT), 0,                                                \
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL, NAME##_slots};

GETTER_TYPE(itemgetter, ItemGetter, "(obj, /)",
            "itemgetter(item, /, *items)\n--\n\nReturn a callable object that fetches the given item(s) from its operand.\n"
            "After f = itemgetter(2), the call f(r) returns r[2].\n"
            "After g = itemgetter(2, 5, 3), the call g(r) returns (r[2], r[5], r[3])")
GETTER_TYPE(attrgetter, AttrGetter, "(obj, /)",
            "attrgetter(attr, /, *attrs)\n--\n\nReturn a callable object that fetches the given attribute(s) from its operand.\n"
            "After f = attrgetter('name'), the call f(r) returns r.name.\n"
            "After g = attrgetter('name', 'date'), the call g(r) returns (r.name, r.date).\n"
            "After h = attrgetter('name.first', 'name.last'), the call h(r) returns\n(r.name.first, r.name.last).")
GETTER_TYPE(methodcaller, MethodCaller, "(obj, /)",
            "methodcaller(name, /, *args, **kwargs)\n--\n\nReturn a callable object that calls the given method on its operand.\n"
            "After f = methodcaller('name'), the call f(r) returns r.name().\n"
            "After g = methodcaller('name', 'date', foo=1), the call g(r) returns\nr.name('date', foo=1).")

int exec(PyObject* module) {
  for (PyType_Spec* spec : {&attrgetter_spec, &itemgetter_spec, &methodcaller_spec}) {
    Ref<> type = steal(PyType_FromModuleAndSpec(module, spec, nullptr));
    if (!type || PyModule_AddType(module, as<PyTypeObject>(type.get())) < 0) return -1;
  }
  return 0;
}

#define ROW(NAME) operator_##NAME##_method
PyMethodDef methods[] = {
    ROW(truth), ROW(contains), ROW(indexOf), ROW(countOf), ROW(is_), ROW(is_not), ROW(is_none), ROW(is_not_none), ROW(index), ROW(add),
    ROW(sub), ROW(mul), ROW(matmul), ROW(floordiv), ROW(truediv), ROW(mod), ROW(neg), ROW(pos), ROW(abs), ROW(inv), ROW(invert),
    ROW(lshift), ROW(rshift), ROW(not_), ROW(and_), ROW(xor), ROW(or_), ROW(iadd), ROW(isub), ROW(imul), ROW(imatmul), ROW(ifloordiv),
    ROW(itruediv), ROW(imod), ROW(ilshift), ROW(irshift), ROW(iand), ROW(ixor), ROW(ior), ROW(concat), ROW(iconcat), ROW(getitem),
    ROW(setitem), ROW(delitem), ROW(pow), ROW(ipow), ROW(eq), ROW(ne), ROW(lt), ROW(le), ROW(gt), ROW(ge), ROW(compare_digest),
    ROW(length_hint),
    {"call", KS_CONSTANT_CAST(PyCFunction, operator_call), METH_FASTCALL | METH_KEYWORDS, call_doc},
    {}};
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_operator",
                      .m_doc = "Operator interface.\n\nThis module exports a set of functions implemented in C corresponding\n"
                               "to the intrinsic operators of Python.  For example, operator.add(x, y)\nis equivalent to the expression x+y.",
                      .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__operator(void) { return PyModuleDef_Init(&ks::module); }
