// Slot functions of classes that define special methods in Python: each looks its method up along the type's MRO and
// calls it, without making a bound method where it is a plain function.
#include "object/attribute.h"
#include "object/call.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/slots_functions.h"

namespace ks {

int find_special(PyObject* self, PyObject* name, Ref<>* method) {
  PyObject* found = type_lookup(Py_TYPE(self), name);
  if (!found) return -1;
  if (type_has(Py_TYPE(found), Py_TPFLAGS_METHOD_DESCRIPTOR)) {
    *method = borrow(found);
    return 1;
  }
  Ref<> held = borrow(found);
  descrgetfunc get = Py_TYPE(found)->tp_descr_get;
  if (!get) {
    *method = std::move(held);
    return 0;
  }
  *method = steal(get(held, self, object(Py_TYPE(self))));
  return *method ? 0 : -1;
}
int find_optional_special(PyObject* self, PyObject* name, Ref<>* method) {
  const int unbound = find_special(self, name, method);
  if (unbound < 0 && thread()->current_exception && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
  return unbound;
}

namespace {

template <class... A>
PyObject* call_found(PyObject* method, int unbound, PyObject* self, A... arguments) {
  PyObject* stack[sizeof...(A) + 2] = {nullptr, self, arguments...};
  if (unbound) return vectorcall(method, stack + 1, (sizeof...(A) + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET);
  return vectorcall(method, stack + 2, sizeof...(A) | PY_VECTORCALL_ARGUMENTS_OFFSET);
}

// self.name(arguments...); AttributeError when the method is gone.
template <class... A>
PyObject* call_special(PyObject* self, PyObject* name, A... arguments) {
  Ref<> method;
  const int unbound = find_special(self, name, &method);
  if (unbound < 0) {
    if (!thread()->current_exception) PyErr_SetObject(PyExc_AttributeError, name);
    return nullptr;
  }
  return call_found(method.get(), unbound, self, arguments...);
}
// The same; NotImplemented when there is no such method.
template <class... A>
PyObject* call_special_if(PyObject* self, PyObject* name, A... arguments) {
  Ref<> method;
  const int unbound = find_optional_special(self, name, &method);
  if (unbound < 0) return thread()->current_exception ? nullptr : Py_NewRef(Py_NotImplemented);
  return call_found(method.get(), unbound, self, arguments...);
}

// Whether type(other) has another reflected method than type(self).
Found reflected_overridden(PyObject* self, PyObject* other, PyObject* reflected) {
  Ref<> theirs, ours;
  if (!TRY(get_optional_attribute(object(Py_TYPE(other)), reflected, &theirs))) return Found::No;
  if (!TRY(get_optional_attribute(object(Py_TYPE(self)), reflected, &ours))) return Found::Yes;
  return found(PyObject_RichCompareBool(ours, theirs, Py_NE));
}

template <auto Member>
void* number_slot(PyObject* obj) {
  PyNumberMethods* number = Py_TYPE(obj)->tp_as_number;
  return number ? reinterpret_cast<void*>(number->*Member) : nullptr;
}

// self OP other, for a slot function that either operand's type may have: the right operand goes first when it is of a
// subclass with its own reflected method.
template <auto Member, class Function, class... A>
PyObject* binary_special(PyObject* self, PyObject* other, PyObject* name, PyObject* reflected, Function* function,
                         A... more) {
  void* own = reinterpret_cast<void*>(function);
  bool try_other = !Py_IS_TYPE(self, Py_TYPE(other)) && number_slot<Member>(other) == own;
  if (number_slot<Member>(self) == own) {
    if (try_other && PyType_IsSubtype(Py_TYPE(other), Py_TYPE(self))) {
      if (TRY(reflected_overridden(self, other, reflected))) {
        PyObject* result = call_special_if(other, reflected, self, more...);
        if (result != Py_NotImplemented) return result;
        Py_DECREF(result);
        try_other = false;
      }
    }
    PyObject* result = call_special_if(self, name, other, more...);
    if (result != Py_NotImplemented || Py_IS_TYPE(other, Py_TYPE(self))) return result;
    Py_DECREF(result);
  }
  if (try_other) return call_special_if(other, reflected, self, more...);
  return Py_NewRef(Py_NotImplemented);
}

}  // namespace

#define BINARY(MEMBER, NAME, REFLECTED)                                                                        \
  PyObject* slot_##MEMBER(PyObject* self, PyObject* other) {                                                   \
    return binary_special<&PyNumberMethods::MEMBER>(self, other, NAME, REFLECTED, &slot_##MEMBER);             \
  }
BINARY(nb_add, "__add__"_id, "__radd__"_id)
BINARY(nb_subtract, "__sub__"_id, "__rsub__"_id)
BINARY(nb_multiply, "__mul__"_id, "__rmul__"_id)
BINARY(nb_remainder, "__mod__"_id, "__rmod__"_id)
BINARY(nb_divmod, "__divmod__"_id, "__rdivmod__"_id)
BINARY(nb_lshift, "__lshift__"_id, "__rlshift__"_id)
BINARY(nb_rshift, "__rshift__"_id, "__rrshift__"_id)
BINARY(nb_and, "__and__"_id, "__rand__"_id)
BINARY(nb_xor, "__xor__"_id, "__rxor__"_id)
BINARY(nb_or, "__or__"_id, "__ror__"_id)
BINARY(nb_floor_divide, "__floordiv__"_id, "__rfloordiv__"_id)
BINARY(nb_true_divide, "__truediv__"_id, "__rtruediv__"_id)
BINARY(nb_matrix_multiply, "__matmul__"_id, "__rmatmul__"_id)
#undef BINARY

PyObject* slot_nb_power(PyObject* self, PyObject* other, PyObject* modulus) {
  if (modulus == Py_None)
    return binary_special<&PyNumberMethods::nb_power>(self, other, "__pow__"_id, "__rpow__"_id, &slot_nb_power);
  return binary_special<&PyNumberMethods::nb_power>(self, other, "__pow__"_id, "__rpow__"_id, &slot_nb_power, modulus);
}

#define UNARY(MEMBER, NAME) \
  PyObject* slot_##MEMBER(PyObject* self) { return call_special(self, NAME); }
UNARY(nb_negative, "__neg__"_id)
UNARY(nb_positive, "__pos__"_id)
UNARY(nb_absolute, "__abs__"_id)
UNARY(nb_invert, "__invert__"_id)
UNARY(nb_int, "__int__"_id)
UNARY(nb_float, "__float__"_id)
UNARY(nb_index, "__index__"_id)
UNARY(tp_str, "__str__"_id)
UNARY(tp_iternext, "__next__"_id)
#undef UNARY

#define INPLACE(MEMBER, NAME) \
  PyObject* slot_##MEMBER(PyObject* self, PyObject* other) { return call_special(self, NAME, other); }
INPLACE(nb_inplace_add, "__iadd__"_id)
INPLACE(nb_inplace_subtract, "__isub__"_id)
INPLACE(nb_inplace_multiply, "__imul__"_id)
INPLACE(nb_inplace_remainder, "__imod__"_id)
INPLACE(nb_inplace_lshift, "__ilshift__"_id)
INPLACE(nb_inplace_rshift, "__irshift__"_id)
INPLACE(nb_inplace_and, "__iand__"_id)
INPLACE(nb_inplace_xor, "__ixor__"_id)
INPLACE(nb_inplace_or, "__ior__"_id)
INPLACE(nb_inplace_floor_divide, "__ifloordiv__"_id)
INPLACE(nb_inplace_true_divide, "__itruediv__"_id)
INPLACE(nb_inplace_matrix_multiply, "__imatmul__"_id)
INPLACE(mp_subscript, "__getitem__"_id)
#undef INPLACE
// Three-argument in-place power does not exist.
PyObject* slot_nb_inplace_power(PyObject* self, PyObject* other, PyObject*) {
  return call_special(self, "__ipow__"_id, other);
}

int slot_nb_bool(PyObject* self) {
  Ref<> method;
  int unbound = find_optional_special(self, "__bool__"_id, &method);
  bool by_length = false;
  if (unbound < 0) {
    if (thread()->current_exception) return -1;
    unbound = find_optional_special(self, "__len__"_id, &method);
    if (unbound < 0) return thread()->current_exception ? -1 : 1;
    by_length = true;
  }
  Ref<> value = TRY(steal(call_found(method.get(), unbound, self)));
  if (by_length) return PyObject_IsTrue(value);
  if (PyBool_Check(value)) return value == Py_True;
  return raise(PyExc_TypeError, "__bool__ should return bool, returned %s", Py_TYPE(value)->tp_name);
}

Py_ssize_t slot_sq_length(PyObject* self) {
  Ref<> result = TRY(steal(call_special(self, "__len__"_id)));
  Ref<> number = TRY(steal(PyNumber_Index(result)));
  if (PyLong_IsNegative(number)) return raise(PyExc_ValueError, "__len__() should return >= 0");
  return PyNumber_AsSsize_t(number, PyExc_OverflowError);
}
Py_ssize_t slot_mp_length(PyObject* self) { return slot_sq_length(self); }

PyObject* slot_sq_item(PyObject* self, Py_ssize_t index) {
  Ref<> number = TRY(steal(PyLong_FromSsize_t(index)));
  return call_special(self, "__getitem__"_id, number.get());
}
int slot_sq_ass_item(PyObject* self, Py_ssize_t index, PyObject* value) {
  Ref<> number = TRY(steal(PyLong_FromSsize_t(index)));
  return slot_mp_ass_subscript(self, number, value);
}
int slot_mp_ass_subscript(PyObject* self, PyObject* key, PyObject* value) {
  Ref<> result = steal(value ? call_special(self, "__setitem__"_id, key, value) : call_special(self, "__delitem__"_id, key));
  return result ? 0 : -1;
}

int slot_sq_contains(PyObject* self, PyObject* value) {
  Ref<> method;
  const int unbound = find_optional_special(self, "__contains__"_id, &method);
  if (method.get() == Py_None)
    return raise(PyExc_TypeError, "'%.200s' object is not a container", Py_TYPE(self)->tp_name);
  if (unbound >= 0) {
    Ref<> result = TRY(steal(call_found(method.get(), unbound, self, value)));
    return PyObject_IsTrue(result);
  }
  if (thread()->current_exception) return -1;
  Ref<> iterator = steal(PyObject_GetIter(self));
  if (!iterator) {
    if (PyErr_ExceptionMatches(PyExc_TypeError))
      PyErr_Format(PyExc_TypeError, "argument of type '%.200s' is not a container or iterable", Py_TYPE(self)->tp_name);
    return -1;
  }
  for (;;) {
    Ref<> item;
    const int more = PyIter_NextItem(iterator, item.out());
    if (more <= 0) return more;
    const int equal = PyObject_RichCompareBool(item, value, Py_EQ);
    if (equal != 0) return equal;
  }
}

PyObject* slot_tp_repr(PyObject* self) {
  Ref<> method;
  const int unbound = find_optional_special(self, "__repr__"_id, &method);
  if (unbound >= 0) return call_found(method.get(), unbound, self);
  if (thread()->current_exception) return nullptr;
  return PyUnicode_FromFormat("<%s object at %p>", Py_TYPE(self)->tp_name, self);
}

Py_hash_t slot_tp_hash(PyObject* self) {
  Ref<> method;
  const int unbound = find_optional_special(self, "__hash__"_id, &method);
  if (unbound < 0 && thread()->current_exception) return -1;
  if (unbound < 0 || method.get() == Py_None) return PyObject_HashNotImplemented(self);
  Ref<> result = steal(call_found(method.get(), unbound, self));
  if (!result) return -1;
  if (!PyLong_Check(result)) {
    PyErr_SetString(PyExc_TypeError, "__hash__ method should return an integer");
    return -1;
  }
  // What fits is the hash itself; of what does not, the hash of the int is taken.
  int overflow;
  Py_hash_t hash = PyLong_AsLongAndOverflow(result, &overflow);
  if (overflow) hash = PyLong_Type.tp_hash(result);
  return hash == -1 ? -2 : hash;
}

PyObject* slot_tp_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  Ref<> method;
  const int unbound = find_special(self, "__call__"_id, &method);
  if (unbound < 0) {
    if (!thread()->current_exception) PyErr_SetObject(PyExc_AttributeError, "__call__"_id);
    return nullptr;
  }
  if (!unbound) return PyObject_Call(method, args, kwargs);
  return call_with_first(method, self, args, kwargs);
}

PyObject* call_with_first(PyObject* callable, PyObject* first, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  constexpr Py_ssize_t kOnStack = 8;
  PyObject* small[kOnStack + 1];
  PyObject** stack = small;
  if (count + 2 > kOnStack + 1) {
    stack = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(count + 2) * sizeof(PyObject*)));
    if (!stack) return PyErr_NoMemory();
  }
  stack[0] = nullptr;
  stack[1] = first;
  for (Py_ssize_t i = 0; i < count; ++i) stack[i + 2] = PyTuple_GET_ITEM(args, i);
  PyObject* result = PyObject_VectorcallDict(callable, stack + 1, static_cast<size_t>(count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, kwargs);
  if (stack != small) PyMem_Free(stack);
  return result;
}

PyObject* slot_tp_getattro(PyObject* self, PyObject* name) { return call_special(self, "__getattribute__"_id, name); }

// __getattr__ is defined somewhere (or was): it is asked when ordinary access raises AttributeError.
PyObject* slot_tp_getattro_hook(PyObject* self, PyObject* name) {
  PyTypeObject* type = Py_TYPE(self);
  Ref<> fallback = borrow(type_lookup(type, "__getattr__"_id));
  if (!fallback) {
    // Only __getattribute__ is there: the simpler function does from now on.
    type->tp_getattro = slot_tp_getattro;
    return slot_tp_getattro(self, name);
  }
  PyObject* getter = type_lookup(type, "__getattribute__"_id);
  PyObject* result;
  if (!getter || (Py_IS_TYPE(getter, &PyWrapperDescr_Type) &&
                  as<PyWrapperDescrObject>(getter)->d_wrapped == reinterpret_cast<void*>(&PyObject_GenericGetAttr))) {
    result = generic_get(self, name, nullptr, true);
    if (result || thread()->current_exception) {
      if (result || !PyErr_ExceptionMatches(PyExc_AttributeError)) return result;
      PyErr_Clear();
    }
  } else {
    result = call_special(self, "__getattribute__"_id, name);
    if (result || !PyErr_ExceptionMatches(PyExc_AttributeError)) return result;
    PyErr_Clear();
  }
  if (type_has(Py_TYPE(fallback), Py_TPFLAGS_METHOD_DESCRIPTOR)) return call(fallback.get(), self, name);
  descrgetfunc get = Py_TYPE(fallback)->tp_descr_get;
  if (!get) return call(fallback.get(), name);
  Ref<> bound = TRY(steal(get(fallback, self, object(type))));
  return call(bound.get(), name);
}

int slot_tp_setattro(PyObject* self, PyObject* name, PyObject* value) {
  Ref<> result = steal(value ? call_special(self, "__setattr__"_id, name, value) : call_special(self, "__delattr__"_id, name));
  return result ? 0 : -1;
}

PyObject* slot_tp_richcompare(PyObject* self, PyObject* other, int op) {
  PyObject* name;
  switch (op) {
    case Py_LT: name = "__lt__"_id; break;
    case Py_LE: name = "__le__"_id; break;
    case Py_EQ: name = "__eq__"_id; break;
    case Py_NE: name = "__ne__"_id; break;
    case Py_GT: name = "__gt__"_id; break;
    default: name = "__ge__"_id; break;
  }
  return call_special_if(self, name, other);
}

PyObject* slot_tp_iter(PyObject* self) {
  Ref<> method;
  int unbound = find_optional_special(self, "__iter__"_id, &method);
  if (method.get() == Py_None) return raise(PyExc_TypeError, "'%.200s' object is not iterable", Py_TYPE(self)->tp_name);
  if (unbound >= 0) return call_found(method.get(), unbound, self);
  if (thread()->current_exception) return nullptr;
  unbound = find_optional_special(self, "__getitem__"_id, &method);
  if (unbound < 0) {
    if (thread()->current_exception) return nullptr;
    return raise(PyExc_TypeError, "'%.200s' object is not iterable", Py_TYPE(self)->tp_name);
  }
  return PySeqIter_New(self);
}

namespace {
PyObject* call_async(PyObject* self, PyObject* name) {
  Ref<> method;
  const int unbound = find_optional_special(self, name, &method);
  if (unbound >= 0) return call_found(method.get(), unbound, self);
  if (thread()->current_exception) return nullptr;
  return raise(PyExc_AttributeError, "object %.50s does not have %U method", Py_TYPE(self)->tp_name, name);
}
}  // namespace
PyObject* slot_am_await(PyObject* self) { return call_async(self, "__await__"_id); }
PyObject* slot_am_aiter(PyObject* self) { return call_async(self, "__aiter__"_id); }
PyObject* slot_am_anext(PyObject* self) { return call_async(self, "__anext__"_id); }

PyObject* slot_tp_descr_get(PyObject* self, PyObject* obj, PyObject* type) {
  PyTypeObject* own = Py_TYPE(self);
  Ref<> get = borrow(type_lookup(own, "__get__"_id));
  if (!get) {
    // Was deleted.
    if (own->tp_descr_get == slot_tp_descr_get) own->tp_descr_get = nullptr;
    return Py_NewRef(self);
  }
  return call(get.get(), self, obj ? obj : Py_None, type ? type : Py_None);
}
int slot_tp_descr_set(PyObject* self, PyObject* obj, PyObject* value) {
  Ref<> result = steal(value ? call_special(self, "__set__"_id, obj, value) : call_special(self, "__delete__"_id, obj));
  return result ? 0 : -1;
}

int slot_tp_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  Ref<> method;
  const int unbound = find_special(self, "__init__"_id, &method);
  if (unbound < 0) {
    if (!thread()->current_exception) PyErr_SetObject(PyExc_AttributeError, "__init__"_id);
    return -1;
  }
  Ref<> result = steal(unbound ? call_with_first(method, self, args, kwargs) : PyObject_Call(method, args, kwargs));
  if (!result) return -1;
  if (result.get() == Py_None) return 0;
  return raise(PyExc_TypeError, "__init__() should return None, not '%.200s'", Py_TYPE(result)->tp_name);
}

PyObject* slot_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  Ref<> function = TRY(get_attribute(object(type), "__new__"_id));
  return call_with_first(function, object(type), args, kwargs);
}

void slot_tp_finalize(PyObject* self) {
  Ref<> pending = steal(PyErr_GetRaisedException());
  Ref<> method;
  const int unbound = find_optional_special(self, "__del__"_id, &method);
  if (unbound < 0) {
    PyErr_Clear();
  } else {
    Ref<> result = steal(call_found(method.get(), unbound, self));
    if (!result) PyErr_FormatUnraisable("Exception ignored while calling deallocator %R", method.get());
  }
  PyErr_SetRaisedException(pending.release());
}

// ---- buffers ---------------------------------------------------------------------------------------------------------------
// __buffer__ returns a memoryview; the consumer gets a buffer of it whose owner is a BufferWrapper, so that the release
// reaches the memoryview and __release_buffer__ of the object.

namespace {

struct BufferWrapper {
  PyObject_HEAD
  PyObject* view;  // the memoryview
  PyObject* obj;   // whose __buffer__ gave it
};

void buffer_wrapper_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(as<BufferWrapper>(self)->view);
  Py_XDECREF(as<BufferWrapper>(self)->obj);
  Py_TYPE(self)->tp_free(self);
}
int buffer_wrapper_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<BufferWrapper>(self)->view);
  Py_VISIT(as<BufferWrapper>(self)->obj);
  return 0;
}

// The C function for releasing that a class with a Python __release_buffer__ inherits.
releasebufferproc inherited_release(PyTypeObject* type) {
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 1; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    auto* base = as<PyTypeObject>(PyTuple_GET_ITEM(mro, i));
    releasebufferproc function = base->tp_as_buffer ? base->tp_as_buffer->bf_releasebuffer : nullptr;
    if (function && function != slot_bf_releasebuffer) return function;
  }
  return nullptr;
}

// Calls obj.__release_buffer__ with the very memoryview that __buffer__ gave, or with one that dies with the call and gives
// out no views; errors cannot be raised.
void call_release_buffer(PyObject* obj, Py_buffer* buffer) {
  Ref<> pending = steal(PyErr_GetRaisedException());
  const bool given = Py_TYPE(buffer->obj) == &BufferWrapper_Type;
  Ref<> view = given ? borrow(as<BufferWrapper>(buffer->obj)->view) : steal(PyMemoryView_FromBuffer(buffer));
  if (view) {
    if (!given) as<PyMemoryViewObject>(view.get())->flags |= _Py_MEMORYVIEW_RESTRICTED;
    Ref<> result = steal(call_special(obj, "__release_buffer__"_id, view.get()));
    if (!result) PyErr_FormatUnraisable("Exception ignored in __release_buffer__ of %s", Py_TYPE(obj)->tp_name);
    if (!given) {
      Ref<> released = steal(PyObject_CallMethodNoArgs(view, "release"_id));
      if (!released) PyErr_FormatUnraisable("Exception ignored in bf_releasebuffer of %s", Py_TYPE(obj)->tp_name);
    }
  } else if (!given) {
    PyErr_FormatUnraisable("Exception ignored in bf_releasebuffer of %s", Py_TYPE(obj)->tp_name);
  }
  PyErr_SetRaisedException(pending.release());
}

void buffer_wrapper_release(PyObject* self, Py_buffer* buffer) {
  auto* wrapper = as<BufferWrapper>(self);
  if (!wrapper->view || !wrapper->obj) return;
  // The memoryview has one export less; what its own exporter holds is given back when it goes.
  if (auto* release = Py_TYPE(wrapper->view)->tp_as_buffer->bf_releasebuffer) release(wrapper->view, buffer);
  // If the memoryview is of the object itself, its release comes by here once more, without the wrapper.
  PyBufferProcs* procs = Py_TYPE(wrapper->obj)->tp_as_buffer;
  if (PyMemoryView_GET_BUFFER(wrapper->view)->obj != wrapper->obj && procs && procs->bf_releasebuffer == slot_bf_releasebuffer)
    call_release_buffer(wrapper->obj, buffer);
  Py_CLEAR(wrapper->view);
  Py_CLEAR(wrapper->obj);
}

constinit PyBufferProcs buffer_wrapper_procs = {nullptr, buffer_wrapper_release};

}  // namespace

constinit PyTypeObject BufferWrapper_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "_buffer_wrapper",
    .tp_basicsize = sizeof(BufferWrapper),
    .tp_dealloc = buffer_wrapper_dealloc,
    .tp_as_buffer = &buffer_wrapper_procs,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = buffer_wrapper_traverse,
};

int slot_bf_getbuffer(PyObject* self, Py_buffer* view, int flags) {
  if (flags == PyBUF_READ || flags == PyBUF_WRITE) {
    PyErr_BadInternalCall();
    return -1;
  }
  Ref<> number = TRY(steal(PyLong_FromLong(flags)));
  Ref<> result = TRY(steal(call_special(self, "__buffer__"_id, number.get())));
  if (!PyMemoryView_Check(result)) return raise(PyExc_TypeError, "__buffer__ returned non-memoryview object");
  if (PyObject_GetBuffer(result, view, flags) < 0) return -1;
  auto wrapper = steal(PyObject_GC_New(BufferWrapper, &BufferWrapper_Type));
  if (!wrapper) {
    PyBuffer_Release(view);
    return -1;
  }
  wrapper->view = result.release();
  wrapper->obj = Py_NewRef(self);
  PyObject_GC_Track(wrapper.get());
  // The buffer belongs to the wrapper, which keeps the memoryview exporting.
  Py_SETREF(view->obj, wrapper.object());
  (void)wrapper.release();
  return 0;
}

void slot_bf_releasebuffer(PyObject* self, Py_buffer* view) {
  call_release_buffer(self, view);
  // A C base may have work of its own to do.
  if (releasebufferproc release = inherited_release(Py_TYPE(self))) release(self, view);
}

}  // namespace ks
