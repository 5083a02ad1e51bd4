// Wrappers: how the C function of a slot is called as a method, with a tuple of arguments. Messages name no method, as
// one wrapper serves many.
#include "object/call.h"
#include "object/identifier.h"
#include "object/slots_functions.h"

// A memoryview of self by this getbuffer function with these flags (types/memoryview.cpp): new.
extern "C" PyObject* _PyMemoryView_FromBufferProc(PyObject* self, int flags, getbufferproc function)
    __attribute__((weak, visibility("hidden")));

namespace ks {

bool check_argument_count(PyObject* args, Py_ssize_t count) {
  if (!PyTuple_CheckExact(args)) {
    PyErr_SetString(PyExc_SystemError, "PyArg_UnpackTuple() argument list is not a tuple");
    return false;
  }
  if (PyTuple_GET_SIZE(args) == count) return true;
  PyErr_Format(PyExc_TypeError, "expected %zd argument%s, got %zd", count, count == 1 ? "" : "s", PyTuple_GET_SIZE(args));
  return false;
}

namespace {

PyObject* argument(PyObject* args, Py_ssize_t index) { return PyTuple_GET_ITEM(args, index); }
PyObject* none_or_error(int result) { return result < 0 ? nullptr : Py_NewRef(Py_None); }
template <class F>
F as_function(void* pointer) {
  return reinterpret_cast<F>(pointer);
}

// One or two arguments; the second is None when it is left out.
bool unpack_power(PyObject* args, PyObject** other, PyObject** modulus) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count != 1 && count != 2) {
    PyErr_Format(PyExc_TypeError, "expected 1 or 2 arguments, got %zd", count);
    return false;
  }
  *other = argument(args, 0);
  *modulus = count == 2 ? argument(args, 1) : Py_None;
  return true;
}
// "__set__ expected 2 arguments, got 1"
bool check_two(PyObject* args, const char* name) {
  if (PyTuple_GET_SIZE(args) == 2) return true;
  PyErr_Format(PyExc_TypeError, "%s expected 2 arguments, got %zd", name, PyTuple_GET_SIZE(args));
  return false;
}

// An index argument for sq_item and the like: negative ones count from the end.
bool convert_item_index(PyObject* self, PyObject* value, Py_ssize_t* index) {
  *index = PyNumber_AsSsize_t(value, PyExc_OverflowError);
  if (*index == -1 && thread()->current_exception) return false;
  if (*index < 0) {
    PySequenceMethods* methods = Py_TYPE(self)->tp_as_sequence;
    if (methods && methods->sq_length) {
      const Py_ssize_t length = methods->sq_length(self);
      if (length < 0) return false;
      *index += length;
    }
  }
  return true;
}

// object.__setattr__(a_class, …) would go around the checks of type.__setattr__: only the most derived C base's own
// function may be used.
bool setattr_allowed(PyObject* self, setattrofunc function, const char* what) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject* mro = type->tp_mro;
  if (!mro) return true;
  // The C class that introduced the function in the type's slot; Python classes have none of their own ...
  PyTypeObject* defining = type;
  for (Py_ssize_t i = PyTuple_GET_SIZE(mro) - 1; i >= 0; --i) {
    auto* base = as<PyTypeObject>(PyTuple_GET_ITEM(mro, i));
    if (base->tp_setattro == slot_tp_setattro || base->tp_setattro != type->tp_setattro) continue;
    defining = base;
    break;
  }
  // ... must be the function that is called, or the call would skip that class's checks.
  for (PyTypeObject* base = defining; base; base = base->tp_base) {
    if (base->tp_setattro == function) return true;
    if (base->tp_setattro != slot_tp_setattro) {
      PyErr_Format(PyExc_TypeError, "can't apply this %s to %s object", what, type->tp_name);
      return false;
    }
  }
  return true;
}

}  // namespace

PyObject* wrap_unary(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 0)) return nullptr;
  return as_function<unaryfunc>(function)(self);
}
PyObject* wrap_binary(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  return as_function<binaryfunc>(function)(self, argument(args, 0));
}
PyObject* wrap_binary_left(PyObject* self, PyObject* args, void* function) { return wrap_binary(self, args, function); }
PyObject* wrap_binary_right(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  return as_function<binaryfunc>(function)(argument(args, 0), self);
}
PyObject* wrap_ternary(PyObject* self, PyObject* args, void* function) {
  PyObject *other, *modulus;
  if (!unpack_power(args, &other, &modulus)) return nullptr;
  return as_function<ternaryfunc>(function)(self, other, modulus);
}
PyObject* wrap_ternary_right(PyObject* self, PyObject* args, void* function) {
  PyObject *other, *modulus;
  if (!unpack_power(args, &other, &modulus)) return nullptr;
  return as_function<ternaryfunc>(function)(other, self, modulus);
}
PyObject* wrap_bool(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 0)) return nullptr;
  const int result = as_function<inquiry>(function)(self);
  if (result == -1 && thread()->current_exception) return nullptr;
  return PyBool_FromLong(result);
}
PyObject* wrap_length(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 0)) return nullptr;
  const Py_ssize_t result = as_function<lenfunc>(function)(self);
  if (result < 0 && thread()->current_exception) return nullptr;
  return PyLong_FromSsize_t(result);
}
PyObject* wrap_repeat(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  const Py_ssize_t count = PyNumber_AsSsize_t(argument(args, 0), PyExc_OverflowError);
  if (count == -1 && thread()->current_exception) return nullptr;
  return as_function<ssizeargfunc>(function)(self, count);
}
PyObject* wrap_item(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  Py_ssize_t index;
  if (!convert_item_index(self, argument(args, 0), &index)) return nullptr;
  return as_function<ssizeargfunc>(function)(self, index);
}
PyObject* wrap_set_item(PyObject* self, PyObject* args, void* function) {
  if (!check_two(args, "__setitem__")) return nullptr;
  Py_ssize_t index;
  if (!convert_item_index(self, argument(args, 0), &index)) return nullptr;
  return none_or_error(as_function<ssizeobjargproc>(function)(self, index, argument(args, 1)));
}
PyObject* wrap_delete_item(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  Py_ssize_t index;
  if (!convert_item_index(self, argument(args, 0), &index)) return nullptr;
  return none_or_error(as_function<ssizeobjargproc>(function)(self, index, nullptr));
}
PyObject* wrap_contains(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  const int result = as_function<objobjproc>(function)(self, argument(args, 0));
  if (result == -1 && thread()->current_exception) return nullptr;
  return PyBool_FromLong(result);
}
PyObject* wrap_set_subscript(PyObject* self, PyObject* args, void* function) {
  if (!check_two(args, "__setitem__")) return nullptr;
  return none_or_error(as_function<objobjargproc>(function)(self, argument(args, 0), argument(args, 1)));
}
PyObject* wrap_delete_subscript(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  return none_or_error(as_function<objobjargproc>(function)(self, argument(args, 0), nullptr));
}
PyObject* wrap_setattr(PyObject* self, PyObject* args, void* function) {
  if (!check_two(args, "__setattr__")) return nullptr;
  auto set = as_function<setattrofunc>(function);
  if (!setattr_allowed(self, set, "__setattr__")) return nullptr;
  return none_or_error(set(self, argument(args, 0), argument(args, 1)));
}
PyObject* wrap_delattr(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  auto set = as_function<setattrofunc>(function);
  if (!setattr_allowed(self, set, "__delattr__")) return nullptr;
  return none_or_error(set(self, argument(args, 0), nullptr));
}
PyObject* wrap_hash(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 0)) return nullptr;
  const Py_hash_t result = as_function<hashfunc>(function)(self);
  if (result == -1 && thread()->current_exception) return nullptr;
  return PyLong_FromSsize_t(result);
}
PyObject* wrap_next(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 0)) return nullptr;
  PyObject* result = as_function<iternextfunc>(function)(self);
  if (!result && !thread()->current_exception) PyErr_SetNone(PyExc_StopIteration);
  return result;
}
PyObject* wrap_descr_get(PyObject* self, PyObject* args, void* function) {
  PyObject *obj, *type = nullptr;
  if (!PyArg_UnpackTuple(args, "__get__", 1, 2, &obj, &type)) return nullptr;
  if (obj == Py_None) obj = nullptr;
  if (type == Py_None) type = nullptr;
  if (!obj && !type) return raise(PyExc_TypeError, "__get__(None, None) is invalid");
  return as_function<descrgetfunc>(function)(self, obj, type);
}
PyObject* wrap_descr_set(PyObject* self, PyObject* args, void* function) {
  if (!check_two(args, "__set__")) return nullptr;
  return none_or_error(as_function<descrsetfunc>(function)(self, argument(args, 0), argument(args, 1)));
}
PyObject* wrap_descr_delete(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  return none_or_error(as_function<descrsetfunc>(function)(self, argument(args, 0), nullptr));
}
PyObject* wrap_del(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 0)) return nullptr;
  as_function<destructor>(function)(self);
  return Py_NewRef(Py_None);
}
PyObject* wrap_call(PyObject* self, PyObject* args, void* function, PyObject* keywords) {
  return as_function<ternaryfunc>(function)(self, args, keywords);
}
PyObject* wrap_init(PyObject* self, PyObject* args, void* function, PyObject* keywords) {
  return none_or_error(as_function<initproc>(function)(self, args, keywords));
}
PyObject* wrap_buffer(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  const Py_ssize_t flags = PyNumber_AsSsize_t(argument(args, 0), PyExc_OverflowError);
  if (flags == -1 && thread()->current_exception) return nullptr;
  if (flags > INT_MAX || flags < INT_MIN) return raise(PyExc_OverflowError, "buffer flags out of range");
  if (_PyMemoryView_FromBufferProc)
    return _PyMemoryView_FromBufferProc(self, static_cast<int>(flags), as_function<getbufferproc>(function));
  return PyMemoryView_FromObject(self);
}
PyObject* wrap_release_buffer(PyObject* self, PyObject* args, void*) {
  if (!check_argument_count(args, 1)) return nullptr;
  PyObject* view = argument(args, 0);
  if (!PyMemoryView_Check(view)) return raise(PyExc_TypeError, "expected a memoryview object");
  Py_buffer* buffer = PyMemoryView_GET_BUFFER(view);
  constexpr char kReleased[] = "memoryview's buffer has already been released";
  if (!buffer->obj) return raise(PyExc_ValueError, kReleased);
  if (buffer->obj != self) return raise(PyExc_ValueError, "memoryview's buffer is not this object");
  if (as<PyMemoryViewObject>(view)->flags & _Py_MEMORYVIEW_RELEASED) return raise(PyExc_ValueError, kReleased);
  Ref<> released = TRY(steal(PyObject_CallMethodNoArgs(view, "release"_id)));
  return Py_NewRef(Py_None);
}

}  // namespace ks
