// Weak proxies: every operation goes to the object; ReferenceError when it is gone.
#include "object/attribute.h"
#include "object/call.h"
#include "object/weakref.h"
#include "runtime/state.h"

namespace ks {
namespace {

Ref<> unwrap_proxy(PyObject* value) {
  if (!PyWeakref_CheckProxy(value)) return borrow(value);
  Ref<> target = weakref_target(value);
  if (!target) return raise(PyExc_ReferenceError, "weakly-referenced object no longer exists");
  return target;
}

template <PyObject* (*Operation)(PyObject*)>
PyObject* unary(PyObject* self) {
  Ref<> target = TRY(unwrap_proxy(self));
  return Operation(target);
}
template <PyObject* (*Operation)(PyObject*, PyObject*)>
PyObject* binary(PyObject* left, PyObject* right) {
  Ref<> a = TRY(unwrap_proxy(left));
  Ref<> b = TRY(unwrap_proxy(right));
  return Operation(a, b);
}
template <PyObject* (*Operation)(PyObject*, PyObject*, PyObject*)>
PyObject* ternary(PyObject* first, PyObject* second, PyObject* third) {
  Ref<> a = TRY(unwrap_proxy(first));
  Ref<> b = TRY(unwrap_proxy(second));
  Ref<> c = third ? unwrap_proxy(third) : nullptr;
  if (third && !c) return nullptr;
  return Operation(a, b, c);
}

PyObject* proxy_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  Ref<> target = TRY(unwrap_proxy(self));
  return PyObject_Call(target, args, kwargs);
}
PyObject* proxy_repr(PyObject* self) {
  Ref<> target = weakref_target(self);
  if (!target) return PyUnicode_FromFormat("<weakproxy at %p; dead>", self);
  return PyUnicode_FromFormat("<weakproxy at %p; to '%T' at %p>", self, target.get(), target.get());
}
int proxy_setattr(PyObject* self, PyObject* name, PyObject* value) {
  Ref<> target = TRY(unwrap_proxy(self));
  return to_c(set_attribute(target, name, value));
}
PyObject* proxy_richcompare(PyObject* self, PyObject* other, int op) {
  Ref<> a = TRY(unwrap_proxy(self));
  Ref<> b = TRY(unwrap_proxy(other));
  return PyObject_RichCompare(a, b, op);
}
int proxy_bool(PyObject* self) {
  Ref<> target = TRY(unwrap_proxy(self));
  return PyObject_IsTrue(target);
}
int proxy_contains(PyObject* self, PyObject* value) {
  Ref<> target = TRY(unwrap_proxy(self));
  return PySequence_Contains(target, value);
}
Py_ssize_t proxy_length(PyObject* self) {
  Ref<> target = TRY(unwrap_proxy(self));
  return PyObject_Size(target);
}
PyObject* proxy_getitem(PyObject* self, PyObject* key) {
  Ref<> target = TRY(unwrap_proxy(self));
  return PyObject_GetItem(target, key);
}
int proxy_setitem(PyObject* self, PyObject* key, PyObject* value) {
  Ref<> target = TRY(unwrap_proxy(self));
  return value ? PyObject_SetItem(target, key, value) : PyObject_DelItem(target, key);
}
PyObject* proxy_iternext(PyObject* self) {
  Ref<> target = TRY(unwrap_proxy(self));
  if (!PyIter_Check(target))
    return raise(PyExc_TypeError, "Weakref proxy referenced a non-iterator '%.200s' object", Py_TYPE(target)->tp_name);
  return PyIter_Next(target);
}

constinit PyNumberMethods proxy_number = {
    .nb_add = binary<PyNumber_Add>,
    .nb_subtract = binary<PyNumber_Subtract>,
    .nb_multiply = binary<PyNumber_Multiply>,
    .nb_remainder = binary<PyNumber_Remainder>,
    .nb_divmod = binary<PyNumber_Divmod>,
    .nb_power = ternary<PyNumber_Power>,
    .nb_negative = unary<PyNumber_Negative>,
    .nb_positive = unary<PyNumber_Positive>,
    .nb_absolute = unary<PyNumber_Absolute>,
    .nb_bool = proxy_bool,
    .nb_invert = unary<PyNumber_Invert>,
    .nb_lshift = binary<PyNumber_Lshift>,
    .nb_rshift = binary<PyNumber_Rshift>,
    .nb_and = binary<PyNumber_And>,
    .nb_xor = binary<PyNumber_Xor>,
    .nb_or = binary<PyNumber_Or>,
    .nb_int = unary<PyNumber_Long>,
    .nb_float = unary<PyNumber_Float>,
    .nb_inplace_add = binary<PyNumber_InPlaceAdd>,
    .nb_inplace_subtract = binary<PyNumber_InPlaceSubtract>,
    .nb_inplace_multiply = binary<PyNumber_InPlaceMultiply>,
    .nb_inplace_remainder = binary<PyNumber_InPlaceRemainder>,
    .nb_inplace_power = ternary<PyNumber_InPlacePower>,
    .nb_inplace_lshift = binary<PyNumber_InPlaceLshift>,
    .nb_inplace_rshift = binary<PyNumber_InPlaceRshift>,
    .nb_inplace_and = binary<PyNumber_InPlaceAnd>,
    .nb_inplace_xor = binary<PyNumber_InPlaceXor>,
    .nb_inplace_or = binary<PyNumber_InPlaceOr>,
    .nb_floor_divide = binary<PyNumber_FloorDivide>,
    .nb_true_divide = binary<PyNumber_TrueDivide>,
    .nb_inplace_floor_divide = binary<PyNumber_InPlaceFloorDivide>,
    .nb_inplace_true_divide = binary<PyNumber_InPlaceTrueDivide>,
    .nb_index = unary<PyNumber_Index>,
    .nb_matrix_multiply = binary<PyNumber_MatrixMultiply>,
    .nb_inplace_matrix_multiply = binary<PyNumber_InPlaceMatrixMultiply>,
};
constinit PySequenceMethods proxy_sequence = {.sq_length = proxy_length, .sq_contains = proxy_contains};
constinit PyMappingMethods proxy_mapping = {proxy_length, proxy_getitem, proxy_setitem};

#define FORWARD(NAME, TEXT)                                                  \
  PyObject* proxy_##NAME(PyObject* self, PyObject*) {                        \
    Ref<> target = TRY(unwrap_proxy(self));                                  \
    return call_method(target.get(), TEXT##_id);                             \
  }
FORWARD(bytes, "__bytes__")
FORWARD(reversed, "__reversed__")
PyMethodDef proxy_methods[] = {{"__bytes__", proxy_bytes, METH_NOARGS, nullptr}, {"__reversed__", proxy_reversed, METH_NOARGS, nullptr}, {}};

}  // namespace
}  // namespace ks

using namespace ks;

#define PROXY_TYPE(NAME, PYTHON_NAME, ...)                                                              \
  constinit PyTypeObject NAME = {                                                                        \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)                                                  \
      .tp_name = PYTHON_NAME,                                                                            \
      .tp_basicsize = sizeof(PyWeakReference),                                                           \
      .tp_dealloc = weakref_dealloc,                                                                     \
      .tp_repr = proxy_repr,                                                                             \
      .tp_as_number = &proxy_number,                                                                     \
      .tp_as_sequence = &proxy_sequence,                                                                 \
      .tp_as_mapping = &proxy_mapping,                                                                   \
      __VA_ARGS__                                                                                        \
      .tp_str = unary<PyObject_Str>,                                                                     \
      .tp_getattro = binary<PyObject_GetAttr>,                                                           \
      .tp_setattro = proxy_setattr,                                                                      \
      .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,                                               \
      .tp_traverse = weakref_traverse,                                                                   \
      .tp_clear = weakref_clear,                                                                         \
      .tp_richcompare = proxy_richcompare,                                                               \
      .tp_iter = unary<PyObject_GetIter>,                                                                \
      .tp_iternext = proxy_iternext,                                                                     \
      .tp_methods = PROXY_METHODS,                                                                       \
      .tp_free = PyObject_GC_Del,                                                                        \
  };
#define PROXY_METHODS proxy_methods
PROXY_TYPE(_PyWeakref_ProxyType, "weakref.ProxyType", )
#undef PROXY_METHODS
#define PROXY_METHODS nullptr
PROXY_TYPE(_PyWeakref_CallableProxyType, "weakref.CallableProxyType", .tp_call = proxy_call, )
