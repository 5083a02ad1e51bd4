// Calls of other objects than Python functions, intrinsics, special methods of with statements.
#include "interpreter/operations.h"

#include "interpreter/function.h"
#include "interpreter/generator.h"
#include "object/call.h"
#include "object/identifier.h"
#include "object/type.h"
#include "runtime/state.h"

namespace ks {

PyObject* call_with_stack(PyThreadState* thread, PyObject* callable, const Value* arguments, Py_ssize_t positional,
                          PyObject* keyword_names) {
  constexpr Py_ssize_t kSmall = 12;
  const Py_ssize_t count = positional + (keyword_names ? PyTuple_GET_SIZE(keyword_names) : 0);
  if (count <= kSmall) [[likely]] {
    PyObject* stack[kSmall + 1];
    for (Py_ssize_t i = 0; i < count; ++i) stack[i + 1] = arguments[i].object();
    return vectorcall(thread, callable, stack + 1, static_cast<size_t>(positional) | PY_VECTORCALL_ARGUMENTS_OFFSET, keyword_names);
  }
  auto** stack = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(count + 1) * sizeof(PyObject*)));
  if (!stack) return PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < count; ++i) stack[i + 1] = arguments[i].object();
  PyObject* result =
      vectorcall(thread, callable, stack + 1, static_cast<size_t>(positional) | PY_VECTORCALL_ARGUMENTS_OFFSET, keyword_names);
  PyMem_Free(stack);
  return result;
}

PyObject* spread_positional(PyObject* callable, PyObject* arguments) {
  if (!Py_TYPE(arguments)->tp_iter && !PySequence_Check(arguments)) {
    Ref<> text = TRY(steal(callable_description(callable)));
    return raise(PyExc_TypeError, "%U argument after * must be an iterable, not %.200s", text.get(), Py_TYPE(arguments)->tp_name);
  }
  return PySequence_Tuple(arguments);
}

Status merge_keywords(PyObject* callable, PyObject* dict, PyObject* update) {
  // As the reference words it: what a mapping must have for ** is keys().
  if (PyDict_CheckExact(update) && PyDict_GET_SIZE(dict) == 0) return status(PyDict_Update(dict, update));
  Ref<> keys;
  if (!PyDict_Check(update)) {
    keys = steal(PyObject_CallMethodNoArgs(update, "keys"_id));
    if (!keys) {
      if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return failed;
      PyErr_Clear();
      Ref<> text = TRY(steal(callable_description(callable)));
      return raise(PyExc_TypeError, "%U argument after ** must be a mapping, not %.200s", text.get(), Py_TYPE(update)->tp_name);
    }
  } else {
    keys = TRY(steal(PyDict_Keys(update)));
  }
  Ref<> iterator = TRY(steal(PyObject_GetIter(keys)));
  while (Ref<> key = steal(PyIter_Next(iterator))) {
    if (TRY(found(PyDict_Contains(dict, key)))) {
      Ref<> text = TRY(steal(callable_description(callable)));
      return raise(PyExc_TypeError, "%U got multiple values for keyword argument '%S'", text.get(), key.get());
    }
    Ref<> value = TRY(steal(PyObject_GetItem(update, key)));
    TRY(PyDict_SetItem(dict, key, value));
  }
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}

// ---- special methods ---------------------------------------------------------------------------------------------------

namespace {

struct SpecialMethod {
  const char* name;
  const char* protocol;  // of the statement that wants it
  uint32_t alternatives[2];
  const char* suggestion;
};
const SpecialMethod special_methods[] = {
    {"__enter__", "context manager protocol", {2, 3},
     "asynchronous context manager protocol. Did you mean to use 'async with'?"},
    {"__exit__", "context manager protocol", {2, 3},
     "asynchronous context manager protocol. Did you mean to use 'async with'?"},
    {"__aenter__", "asynchronous context manager protocol", {0, 1}, "context manager protocol. Did you mean to use 'with'?"},
    {"__aexit__", "asynchronous context manager protocol", {0, 1}, "context manager protocol. Did you mean to use 'with'?"},
};

PyObject* special_name(uint32_t number) {
  switch (number) {
    case 0: return "__enter__"_id;
    case 1: return "__exit__"_id;
    case 2: return "__aenter__"_id;
    default: return "__aexit__"_id;
  }
}

}  // namespace

int load_special(PyObject* owner, uint32_t number, PyObject** method) {
  const int found = lookup_special_method(owner, special_name(number), method);
  if (found < 0) return -1;
  if (*method) return found;
  const SpecialMethod& special = special_methods[number];
  PyTypeObject* type = Py_TYPE(owner);
  const bool suggests =
      type_lookup(type, special_name(special.alternatives[0])) && type_lookup(type, special_name(special.alternatives[1]));
  return raise(PyExc_TypeError, "'%T' object does not support the %s (missed %s method)%s%s", owner, special.protocol, special.name,
               suggests ? " but it supports the " : "", suggests ? special.suggestion : "");
}

// ---- constants and intrinsics --------------------------------------------------------------------------------------------

PyObject* common_constant(uint32_t number) {
  switch (number) {
    case 0: return PyExc_AssertionError;
    case 1: return PyExc_NotImplementedError;
    case 2: return reinterpret_cast<PyObject*>(&PyTuple_Type);
    default: break;
  }
  // all and any as they were when the builtins were made.
  InterpreterState& state = interpreter()->interpreter;
  PyObject*& slot = number == 3 ? state.builtin_all : state.builtin_any;
  if (!slot) {
    PyObject* dict = interpreter()->core.builtins_dict_copy ? interpreter()->core.builtins_dict_copy : interpreter()->core.builtins_dict;
    if (PyDict_GetItemRef(dict, number == 3 ? "all"_id : "any"_id, &slot) < 0) return nullptr;
    if (!slot) return raise(PyExc_SystemError, "no builtin all or any");
  }
  return slot;
}

// Provided by the module _typing; declared weak because that may be absent.
[[gnu::weak]] PyObject* typevar_new(PyObject* name, PyObject* evaluate_bound, PyObject* evaluate_constraints);
[[gnu::weak]] PyObject* paramspec_new(PyObject* name);
[[gnu::weak]] PyObject* typevartuple_new(PyObject* name);
[[gnu::weak]] PyObject* typealias_new(PyObject* name_params_value);
[[gnu::weak]] PyObject* subscript_generic(PyObject* params);
[[gnu::weak]] PyObject* set_typeparam_default(PyObject* param, PyObject* evaluate_default);

static PyObject* print_expression(PyObject* value) {
  PyObject* hook = PySys_GetObject("displayhook");
  if (!hook) return raise(PyExc_RuntimeError, "lost sys.displayhook");
  Ref<> held = borrow(hook);
  return PyObject_CallOneArg(hook, value);
}

PyObject* intrinsic_1(PyThreadState*, Frame* frame, uint32_t number, PyObject* value) {
  switch (number) {
    case 1: return print_expression(value);
    case 2: return is_failure(import_star(frame, value)) ? nullptr : Py_NewRef(Py_None);
    case 3: return stop_iteration_error(value, frame_code(frame)->co_flags);
    case 4: return async_gen_wrap_value(Py_NewRef(value));
    case 5: return PyNumber_Positive(value);
    case 6: return PyList_AsTuple(value);
    case 7: if (typevar_new) return typevar_new(value, nullptr, nullptr); break;
    case 8: if (paramspec_new) return paramspec_new(value); break;
    case 9: if (typevartuple_new) return typevartuple_new(value); break;
    case 10: if (subscript_generic) return subscript_generic(value); break;
    case 11: if (typealias_new) return typealias_new(value); break;
    default: return raise(PyExc_SystemError, "invalid intrinsic function");
  }
  return unimplemented("type parameters");
}

PyObject* intrinsic_2(PyThreadState*, Frame*, uint32_t number, PyObject* first, PyObject* second) {
  switch (number) {
    case 1: return PyUnstable_Exc_PrepReraiseStar(first, second);
    case 2: if (typevar_new) return typevar_new(first, second, nullptr); break;
    case 3: if (typevar_new) return typevar_new(first, nullptr, second); break;
    case 4: {
      auto* function = reinterpret_cast<PyFunctionObject*>(first);
      Py_XSETREF(function->func_typeparams, Py_NewRef(second));
      return Py_NewRef(first);
    }
    case 5: if (set_typeparam_default) return set_typeparam_default(first, second); break;
    default: return raise(PyExc_SystemError, "invalid intrinsic function");
  }
  return unimplemented("type parameters");
}

}  // namespace ks
