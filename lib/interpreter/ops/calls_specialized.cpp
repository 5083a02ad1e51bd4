// Calls by what is called: Python functions by version, C functions by calling convention, Python classes.
#include "interpreter/call_frame.h"
#include "interpreter/evaluate.h"
#include "interpreter/function.h"
#include "interpreter/handler.h"
#include "interpreter/operations.h"
#include "interpreter/specialize.h"
#include <cstring>

#include "object/call.h"
#include "object/type.h"
#include "runtime/state.h"
#include "types/int.h"
#include "types/list.h"

namespace ks {

ADAPTIVE_FAMILY(CALL)
HANDLER_DECLARATION(CALL_C);
HANDLER_DECLARATION(CALL_BREAKER);

// operands[0] callable, operands[1] self or null, then the arguments.
#define OPERANDS() (sp - OPARG - 2)
// Drops the operands and pushes the result of a C call.
#define CALL_RESULT(RESULT)                                                        \
  do {                                                                             \
    PyObject* ks_result = (RESULT);                                                \
    if (!ks_result) [[unlikely]] ERROR();                                          \
    while (sp > operands) close_or_null(*--sp);                                    \
    *sp++ = Value::owned(ks_result);                                               \
    ip += 4;                                                                       \
    if (thread->eval_breaker & kEvalBreakerEvents) [[unlikely]] GO_TO(CALL_BREAKER); \
    DISPATCH();                                                                    \
  } while (0)

// ---- Python functions --------------------------------------------------------------------------------------------------

// A function without *args, **kwargs, keyword-only parameters, called with as many arguments as it has.
HANDLER(CALL_FUNCTION_EXACT) {
  Value* operands = OPERANDS();
  CallCache* cache = call_cache(ip);
  auto* function = reinterpret_cast<PyFunctionObject*>(operands[0].object());
  if (!Py_IS_TYPE(function, &PyFunction_Type) || function->func_version != cache->function_version ||
      operands[1].is_null() != (cache->version == 0) || thread->interp->interpreter.eval_frame) [[unlikely]]
    MISS(CALL);
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  const size_t words = frame_words(code);
  PyObject** top = thread->datastack_top;
  if (static_cast<size_t>(thread->datastack_limit - top) <= words || thread->py_recursion_remaining <= 0) [[unlikely]] MISS(CALL);
  thread->datastack_top = top + words;
  SAVE();
  auto* callee = reinterpret_cast<Frame*>(top);
  callee->f_executable = Value::owned(Py_NewRef(reinterpret_cast<PyObject*>(code)));
  callee->previous = frame;
  callee->f_funcobj = Value::owned(operands[0].take());
  callee->f_globals = function->func_globals;
  callee->f_builtins = function->func_builtins;
  callee->f_locals = nullptr;
  callee->frame_obj = nullptr;
  callee->return_offset = 0;
  callee->owner = kOwnedByThread;
  callee->visited = 0;
  Value* local = callee->localsplus;
  for (Value* argument = operands + 1 + (cache->version == 0); argument < sp; ++argument) *local++ = Value::owned(argument->take());
  Value* const stack = callee->localsplus + code->co_nlocalsplus;
  while (local < stack) *local++ = Value::null();
  callee->stackpointer = stack;
  frame->stackpointer = operands;
  frame->return_offset = 4;
  --thread->py_recursion_remaining;
  thread->current_frame = frame = callee;
  sp = stack;
  ip = callee->instr_ptr = executable_of(code)->units;
  // The first instruction of most code: nothing to do when nothing is pending.
  if (ip->op == kRESUME && thread->eval_breaker == executable_of(code)->instrumentation_version) ++ip;
  DISPATCH();
}
// Any other function, with everything that binding does.
HANDLER(CALL_FUNCTION_GENERAL) {
  Value* operands = OPERANDS();
  auto* function = reinterpret_cast<PyFunctionObject*>(operands[0].object());
  if (!Py_IS_TYPE(function, &PyFunction_Type) || function->vectorcall != _PyFunction_Vectorcall || thread->interp->interpreter.eval_frame)
    MISS(CALL);
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  if (!(code->co_flags & CO_OPTIMIZED)) MISS(CALL);
  SAVE();
  const bool with_self = !operands[1].is_null();
  Frame* callee =
      push_call_frame(thread, operands[0], nullptr, operands + 2 - with_self, static_cast<Py_ssize_t>(OPARG) + with_self, nullptr);
  sp = operands;
  frame->stackpointer = sp;
  if (!callee) ERROR();
  frame->return_offset = 4;
  callee->previous = frame;
  thread->current_frame = frame = callee;
  sp = callee->stackpointer;
  ip = callee->instr_ptr;
  GO_TO(start_frame);
}

// A Python class whose __new__ and metaclass are the usual ones and whose __init__ is a Python function: the new instance
// waits on the stack while __init__ runs; the instruction in the last cache unit then checks what that returned.
HANDLER(CALL_CLASS_INIT) {
  Value* operands = OPERANDS();
  CallCache* cache = call_cache(ip);
  auto* type = reinterpret_cast<PyTypeObject*>(operands[0].object());
  if (!operands[1].is_null() || !PyType_Check(type) || type->tp_version_tag != cache->version) [[unlikely]] MISS(CALL);
  auto* init = reinterpret_cast<PyFunctionObject*>(cache->object);
  if (init->func_version != cache->function_version || thread->interp->interpreter.eval_frame) [[unlikely]] MISS(CALL);
  SAVE_ALL();
  PyObject* instance = PyType_GenericAlloc(type, 0);
  if (!instance) ERROR();
  Value class_value = operands[0];
  operands[1] = Value::owned(Py_NewRef(instance));
  operands[0] = Value::owned(instance);
  close(class_value);
  Frame* callee = push_call_frame(thread, Value::owned(Py_NewRef(reinterpret_cast<PyObject*>(init))), nullptr, operands + 1,
                                  static_cast<Py_ssize_t>(OPARG) + 1, nullptr);
  sp = operands + 1;
  frame->stackpointer = sp;
  if (!callee) ERROR();
  frame->return_offset = 3;
  callee->previous = frame;
  thread->current_frame = frame = callee;
  sp = callee->stackpointer;
  ip = callee->instr_ptr;
  GO_TO(start_frame);
}

// ---- C functions -------------------------------------------------------------------------------------------------------

static inline PyObject* argument_object(Value value) { return value.object(); }

HANDLER(CALL_C_ONE) {
  Value* operands = OPERANDS();
  PyObject* callable = operands[0].object();
  if (!PyCFunction_CheckExact(callable) || !operands[1].is_null() || OPARG != 1 || PyCFunction_GET_FLAGS(callable) != METH_O) [[unlikely]]
    MISS(CALL);
  SAVE_ALL();
  PyCFunction function = PyCFunction_GET_FUNCTION(callable);
  PyObject* result = function(PyCFunction_GET_SELF(callable), argument_object(operands[2]));
  CALL_RESULT(check_function_result(thread, callable, result));
}

// The arguments without tags, for functions that take an array.
[[gnu::noinline]] static PyObject* call_fast(PyThreadState* thread, PyObject* callable, PyCFunctionFast function, PyObject* self,
                                             const Value* arguments, Py_ssize_t count) {
  PyObject* array[8];
  for (Py_ssize_t i = 0; i < count; ++i) array[i] = arguments[i].object();
  return check_function_result(thread, callable, function(self, array, count));
}
static inline PyCFunctionFast fast_function(PyCFunction function) {
  return reinterpret_cast<PyCFunctionFast>(reinterpret_cast<void (*)()>(function));
}
HANDLER(CALL_C_FAST) {
  Value* operands = OPERANDS();
  PyObject* callable = operands[0].object();
  if (!PyCFunction_CheckExact(callable) || !operands[1].is_null() || PyCFunction_GET_FLAGS(callable) != METH_FASTCALL) [[unlikely]] MISS(CALL);
  SAVE_ALL();
  CALL_RESULT(call_fast(thread, callable, fast_function(PyCFunction_GET_FUNCTION(callable)), PyCFunction_GET_SELF(callable), operands + 2,
                        static_cast<Py_ssize_t>(OPARG)));
}

// Methods of builtin types: descriptor and self, as LOAD_ATTR pushes them.
#define METHOD_CHECK(FLAGS)                                                                             \
  Value* operands = OPERANDS();                                                                         \
  auto* descriptor = reinterpret_cast<PyMethodDescrObject*>(operands[0].object());                      \
  if (operands[1].is_null() || !Py_IS_TYPE(descriptor, &PyMethodDescr_Type) ||                          \
      descriptor->d_method->ml_flags != (FLAGS) ||                                                      \
      !PyObject_TypeCheck(operands[1].object(), PyDescr_TYPE(descriptor))) [[unlikely]]                 \
  MISS(CALL)
HANDLER(CALL_METHOD_NONE) {
  METHOD_CHECK(METH_NOARGS);
  if (OPARG != 0) MISS(CALL);
  SAVE_ALL();
  PyObject* result = descriptor->d_method->ml_meth(operands[1].object(), nullptr);
  CALL_RESULT(check_function_result(thread, reinterpret_cast<PyObject*>(descriptor), result));
}
HANDLER(CALL_METHOD_ONE) {
  METHOD_CHECK(METH_O);
  if (OPARG != 1) MISS(CALL);
  SAVE_ALL();
  PyObject* result = descriptor->d_method->ml_meth(operands[1].object(), operands[2].object());
  CALL_RESULT(check_function_result(thread, reinterpret_cast<PyObject*>(descriptor), result));
}
HANDLER(CALL_METHOD_FAST) {
  METHOD_CHECK(METH_FASTCALL);
  SAVE_ALL();
  CALL_RESULT(call_fast(thread, reinterpret_cast<PyObject*>(descriptor), fast_function(descriptor->d_method->ml_meth), operands[1].object(),
                        operands + 2, static_cast<Py_ssize_t>(OPARG)));
}
// list.append(x) with the result thrown away.
HANDLER(CALL_APPEND) {
  Value* operands = OPERANDS();
  if (operands[0].object() != call_cache(ip)->object || operands[1].is_null() || !PyList_CheckExact(operands[1].object())) [[unlikely]]
    MISS(CALL);
  if (ip[4].op != kPOP_TOP) MISS(CALL);
  SAVE();
  PyObject* item = (--sp)->take();
  if (is_failure(list_append_taking(reinterpret_cast<PyListObject*>(operands[1].object()), item))) ERROR();
  sp = operands;
  close(operands[1]);
  close(operands[0]);
  NEXT(5);
}
HANDLER(CALL_LENGTH) {
  Value* operands = OPERANDS();
  if (operands[0].object() != call_cache(ip)->object) [[unlikely]] MISS(CALL);
  SAVE_ALL();
  const Py_ssize_t length = PyObject_Length(operands[2].object());
  if (length < 0) ERROR();
  CALL_RESULT(int_from_int64(length));
}
HANDLER(CALL_TYPE_OF) {
  Value* operands = OPERANDS();
  if (operands[0].object() != reinterpret_cast<PyObject*>(&PyType_Type)) [[unlikely]] MISS(CALL);
  SAVE_ALL();
  CALL_RESULT(Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(operands[2].object()))));
}
HANDLER(CALL_INSTANCE_CHECK) {
  Value* operands = OPERANDS();
  if (operands[0].object() != call_cache(ip)->object) [[unlikely]] MISS(CALL);
  SAVE_ALL();
  const int result = PyObject_IsInstance(operands[2].object(), operands[3].object());
  if (result < 0) ERROR();
  CALL_RESULT(Py_NewRef(result ? Py_True : Py_False));
}
// Whatever is no Python function and no bound method: straight to vectorcall.
HANDLER(CALL_OTHER) {
  Value* operands = OPERANDS();
  PyTypeObject* type = Py_TYPE(operands[0].object());
  if (type == &PyFunction_Type || type == &PyMethod_Type) [[unlikely]] MISS(CALL);
  SAVE();
  GO_TO(CALL_C);
}

// ---- choosing --------------------------------------------------------------------------------------------------------

static void specialize_class_call(PyThreadState* thread, Unit* unit, PyTypeObject* type) {
  unit->op = kCALL_OTHER;
  if (Py_TYPE(type) != &PyType_Type || !is_heap_type(type) || type->tp_new != PyBaseObject_Type.tp_new ||
      type->tp_alloc != PyType_GenericAlloc || (type->tp_flags & Py_TPFLAGS_IS_ABSTRACT) || thread->interp->interpreter.eval_frame)
    return;
  unsigned int version;
  PyObject* init = type_lookup_with_version(type, "__init__"_id, &version);
  if (!init || !version || !Py_IS_TYPE(init, &PyFunction_Type)) return;
  auto* function = reinterpret_cast<PyFunctionObject*>(init);
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  if (!(code->co_flags & CO_OPTIMIZED) || (code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR))) return;
  const uint32_t init_version = function_version(function);
  if (!init_version) return;
  *call_cache(unit) = {version, init_version, init};
  unit[3].op = kEXIT_INIT_CHECK;
  unit[3].oparg = 0;
  unit->op = kCALL_CLASS_INIT;
}

static PyObject* builtin(const char* name) {
  PyObject* dict = interpreter()->core.builtins_dict;
  return dict ? PyDict_GetItemString(dict, name) : nullptr;
}

void specialize_CALL(PyThreadState* thread, Frame*, Unit* unit, Value* sp) {
  Value* operands = sp - unit->oparg - 2;
  PyObject* callable = operands[0].object();
  const bool with_self = !operands[1].is_null();
  const auto given = static_cast<Py_ssize_t>(unit->oparg);
  CallCache* cache = call_cache(unit);
  if (Py_IS_TYPE(callable, &PyFunction_Type)) {
    auto* function = reinterpret_cast<PyFunctionObject*>(callable);
    if (function->vectorcall != _PyFunction_Vectorcall || thread->interp->interpreter.eval_frame) return;
    auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
    if (!(code->co_flags & CO_OPTIMIZED)) return;
    const bool simple = !(code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) && !code->co_kwonlyargcount &&
                        code->co_argcount == given + with_self;
    const uint32_t version = simple ? function_version(function) : 0;
    if (version && executable(code)) {
      *cache = {with_self, version, nullptr};
      unit->op = kCALL_FUNCTION_EXACT;
    } else {
      PyErr_Clear();
      unit->op = kCALL_FUNCTION_GENERAL;
    }
    return;
  }
  if (Py_IS_TYPE(callable, &PyMethod_Type)) return;
  if (PyType_Check(callable)) {
    if (callable == reinterpret_cast<PyObject*>(&PyType_Type) && given == 1 && !with_self) {
      unit->op = kCALL_TYPE_OF;
    } else {
      specialize_class_call(thread, unit, reinterpret_cast<PyTypeObject*>(callable));
    }
    return;
  }
  unit->op = kCALL_OTHER;
  if (PyCFunction_CheckExact(callable) && !with_self) {
    const int flags = PyCFunction_GET_FLAGS(callable);
    if (given == 1 && callable == builtin("len")) {
      *cache = {0, 0, callable};
      unit->op = kCALL_LENGTH;
    } else if (given == 2 && callable == builtin("isinstance")) {
      *cache = {0, 0, callable};
      unit->op = kCALL_INSTANCE_CHECK;
    } else if (flags == METH_O && given == 1) {
      unit->op = kCALL_C_ONE;
    } else if (flags == METH_FASTCALL && given <= 8) {
      unit->op = kCALL_C_FAST;
    }
    return;
  }
  if (Py_IS_TYPE(callable, &PyMethodDescr_Type) && with_self) {
    auto* descriptor = reinterpret_cast<PyMethodDescrObject*>(callable);
    switch (descriptor->d_method->ml_flags) {
      case METH_NOARGS: if (given == 0) unit->op = kCALL_METHOD_NONE; break;
      case METH_O:
        if (given != 1) break;
        if (PyDescr_TYPE(descriptor) == &PyList_Type && strcmp(descriptor->d_method->ml_name, "append") == 0 && unit[4].op == kPOP_TOP) {
          *cache = {0, 0, callable};
          unit->op = kCALL_APPEND;
        } else {
          unit->op = kCALL_METHOD_ONE;
        }
        break;
      case METH_FASTCALL: if (given <= 8) unit->op = kCALL_METHOD_FAST; break;
      default: break;
    }
  }
}

}  // namespace ks
