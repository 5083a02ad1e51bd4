// contextvars: Context, ContextVar, Token.
//
// A context's variables are a dict that contexts share until one of them changes it: a dict with other owners (another
// context, an iterator) is never changed but copied first. So copy_context() is cheap and iteration sees a snapshot.
#include <Python.h>

#include <cstddef>

#include "interpreter/context.h"
#include "object/call.h"
#include "object/export.h"
#include "object/method.h"
#include "object/result.h"
#include "runtime/state.h"

struct _pycontextobject {
  PyObject_HEAD
  PyContext* ctx_prev;
  PyObject* ctx_vars;
  PyObject* ctx_weakreflist;
  int ctx_entered;
};
struct _pycontextvarobject {
  PyObject_HEAD
  PyObject* var_name;
  PyObject* var_default;  // nullptr: none
};
struct _pycontexttokenobject {
  PyObject_HEAD
  PyContext* tok_ctx;
  PyContextVar* tok_var;
  PyObject* tok_oldval;  // nullptr: there was none
  int tok_used;
};

namespace ks {
namespace {

PyContext* context_of(PyObject* object) { return reinterpret_cast<PyContext*>(object); }
PyContextVar* var_of(PyObject* object) { return reinterpret_cast<PyContextVar*>(object); }
PyContextToken* token_of(PyObject* object) { return reinterpret_cast<PyContextToken*>(object); }

// ---- contexts --------------------------------------------------------------------------------------------------------

// Takes over `vars` (a dict).
PyContext* context_new(PyObject* vars) {
  if (!vars) return nullptr;
  auto* context = PyObject_GC_New(PyContext, &PyContext_Type);
  if (!context) {
    Py_DECREF(vars);
    return nullptr;
  }
  context->ctx_prev = nullptr;
  context->ctx_vars = vars;
  context->ctx_weakreflist = nullptr;
  context->ctx_entered = 0;
  PyObject_GC_Track(context);
  return context;
}

// The thread's context, made at first use: borrowed.
PyContext* current_context() {
  PyThreadState* thread = ks::thread();
  if (!thread->context) {
    PyContext* context = context_new(PyDict_New());
    if (!context) return nullptr;
    thread->context = object(context);
  }
  return context_of(thread->context);
}

Status make_private(PyContext* context) {
  if (Py_REFCNT(context->ctx_vars) == 1) return Status::Ok;
  PyObject* copy = TRY(PyDict_Copy(context->ctx_vars));
  Py_SETREF(context->ctx_vars, copy);
  return Status::Ok;
}

void notify_switch(PyThreadState* thread) {
  InterpreterState& state = thread->interp->interpreter;
  PyObject* now = thread->context ? thread->context : Py_None;
  for (int i = 0; i < kWatchers; ++i) {
    if (!(state.active_context_watchers >> i & 1) || !state.context_watchers[i]) continue;
    if (state.context_watchers[i](Py_CONTEXT_SWITCHED, now) < 0)
      PyErr_FormatUnraisable("Exception ignored in Py_CONTEXT_SWITCHED watcher callback for %R", now);
  }
}
void switched(PyThreadState* thread) {
  ++thread->context_ver;
  if (thread->interp->interpreter.active_context_watchers) [[unlikely]] notify_switch(thread);
}

Status enter(PyContext* context) {
  if (context->ctx_entered) return raise(PyExc_RuntimeError, "cannot enter context: %R is already entered", object(context));
  PyThreadState* thread = ks::thread();
  context->ctx_prev = context_of(thread->context);  // taken over
  context->ctx_entered = 1;
  thread->context = Py_NewRef(object(context));
  switched(thread);
  return Status::Ok;
}
Status leave(PyContext* context) {
  if (!context->ctx_entered) return raise(PyExc_RuntimeError, "cannot exit context: %R has not been entered", object(context));
  PyThreadState* thread = ks::thread();
  if (thread->context != object(context))
    return raise(PyExc_RuntimeError, "cannot exit context: %R thread state references a different context object", object(context));
  PyObject* old = thread->context;
  thread->context = object(context->ctx_prev);
  context->ctx_prev = nullptr;
  context->ctx_entered = 0;
  Py_DECREF(old);
  switched(thread);
  return Status::Ok;
}

PyObject* context_tp_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) || (kwargs && PyDict_GET_SIZE(kwargs))) return raise(PyExc_TypeError, "Context() does not accept any arguments");
  return PyContext_New();
}
int context_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(context_of(self)->ctx_prev);
  Py_VISIT(context_of(self)->ctx_vars);
  return 0;
}
int context_clear(PyObject* self) {
  Py_CLEAR(context_of(self)->ctx_prev);
  PyObject* old = context_of(self)->ctx_vars;
  // Never without a dict: a finaliser may still look.
  context_of(self)->ctx_vars = PyDict_New();
  if (!context_of(self)->ctx_vars) {
    PyErr_Clear();
    context_of(self)->ctx_vars = old;
    return 0;
  }
  Py_DECREF(old);
  return 0;
}
void context_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyContext* context = context_of(self);
  if (context->ctx_weakreflist) PyObject_ClearWeakRefs(self);
  Py_CLEAR(context->ctx_prev);
  Py_CLEAR(context->ctx_vars);
  PyObject_GC_Del(self);
}

PyObject* context_compare(PyObject* left, PyObject* right, int op) {
  if (!PyContext_CheckExact(left) || !PyContext_CheckExact(right) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  return PyObject_RichCompare(context_of(left)->ctx_vars, context_of(right)->ctx_vars, op);
}
Failed raise_not_a_variable(PyObject* key) { return raise(PyExc_TypeError, "a ContextVar key was expected, got %R", key); }

Py_ssize_t context_length(PyObject* self) { return PyDict_GET_SIZE(context_of(self)->ctx_vars); }
PyObject* context_subscript(PyObject* self, PyObject* key) {
  if (!PyContextVar_CheckExact(key)) return raise_not_a_variable(key);
  PyObject* value = nullptr;
  if (PyDict_GetItemRef(context_of(self)->ctx_vars, key, &value) == 0) PyErr_SetObject(PyExc_KeyError, key);
  return value;
}
int context_contains(PyObject* self, PyObject* key) {
  if (!PyContextVar_CheckExact(key)) return raise_not_a_variable(key);
  return PyDict_Contains(context_of(self)->ctx_vars, key);
}

// ---- iterators: they are also what keys(), values() and items() return ----------------------------------------------------

struct ContextIterator {
  PyObject_HEAD
  PyObject* vars;
  Py_ssize_t position;
};
ContextIterator* iterator_of(PyObject* object) { return reinterpret_cast<ContextIterator*>(object); }

PyObject* iterator_new(PyTypeObject* type, PyObject* self) {
  auto* iterator = PyObject_GC_New(ContextIterator, type);
  if (!iterator) return nullptr;
  iterator->vars = Py_NewRef(context_of(self)->ctx_vars);
  iterator->position = 0;
  PyObject_GC_Track(iterator);
  return object(iterator);
}
void iterator_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(iterator_of(self)->vars);
  PyObject_GC_Del(self);
}
int iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(iterator_of(self)->vars);
  return 0;
}
Py_ssize_t iterator_length(PyObject* self) { return PyDict_GET_SIZE(iterator_of(self)->vars); }
PyObject* iterator_next(PyObject* self) {
  PyObject *key, *value;
  ContextIterator* iterator = iterator_of(self);
  if (!PyDict_Next(iterator->vars, &iterator->position, &key, &value)) return nullptr;
  if (Py_IS_TYPE(self, &_PyContextKeys_Type)) return Py_NewRef(key);
  if (Py_IS_TYPE(self, &_PyContextValues_Type)) return Py_NewRef(value);
  return PyTuple_Pack(2, key, value);
}
PyMappingMethods iterator_mapping = {.mp_length = iterator_length};

PyObject* context_iter(PyObject* self) { return iterator_new(&_PyContextKeys_Type, self); }

PyObject* context_get(PyContext* self, PyObject* key, PyObject* fallback) {
  if (!PyContextVar_CheckExact(key)) return raise_not_a_variable(key);
  PyObject* value = nullptr;
  if (PyDict_GetItemRef(self->ctx_vars, key, &value) != 0) return value;
  return Py_NewRef(fallback ? fallback : Py_None);
}
METHOD(context, get, "($self, key, default=None, /)",
       "Return the value for `key` if `key` has the value in the context object.\n\nIf `key` does not exist, return `default`.  If "
       "`default` is not\ngiven, return None.");
PyObject* context_items(PyObject* self) { return iterator_new(&_PyContextItems_Type, self); }
METHOD(context, items, "($self, /)",
       "Return all variables and their values in the context object.\n\nThe result is returned as a list of 2-tuples (variable, value).");
PyObject* context_keys(PyObject* self) { return iterator_new(&_PyContextKeys_Type, self); }
METHOD(context, keys, "($self, /)", "Return a list of all variables in the context object.");
PyObject* context_values(PyObject* self) { return iterator_new(&_PyContextValues_Type, self); }
METHOD(context, values, "($self, /)", "Return a list of all variables' values in the context object.");
PyObject* context_copy(PyContext* self) { return object(context_new(Py_NewRef(self->ctx_vars))); }
METHOD(context, copy, "($self, /)", "Return a shallow copy of the context object.");

PyObject* context_run(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* kwnames) {
  if (count < 1) return raise(PyExc_TypeError, "run() missing 1 required positional argument");
  TRY(enter(context_of(self)));
  PyObject* result = vectorcall(args[0], args + 1, static_cast<size_t>(count - 1), kwnames);
  if (is_failure(leave(context_of(self)))) Py_CLEAR(result);
  return result;
}
METHOD_RAW(context_run, "run", 0, nullptr);

PyMethodDef context_methods[] = {context_get_method,    context_items_method, context_keys_method,
                                 context_values_method, context_copy_method,  context_run_method, {}};
PySequenceMethods context_sequence = {.sq_contains = context_contains};
PyMappingMethods context_mapping = {.mp_length = context_length, .mp_subscript = context_subscript};

// ---- variables -------------------------------------------------------------------------------------------------------

PyContextVar* var_new(PyObject* name, PyObject* fallback) {
  if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "context variable name must be a str");
  if (PyObject_Hash(name) == -1) return nullptr;  // a subclass of str may refuse
  auto* var = PyObject_GC_New(PyContextVar, &PyContextVar_Type);
  if (!var) return nullptr;
  var->var_name = Py_NewRef(name);
  var->var_default = Py_XNewRef(fallback);
  PyObject_GC_Track(var);
  return var;
}
PyObject* var_tp_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  static constexpr Signature signature = read_signature("ContextVar", "(name, /, *, default=None)");
  PyObject* a[2];
  if (is_failure(bind_tuple(signature, args, kwargs, a))) return nullptr;
  return object(var_new(a[0], a[1]));
}
int var_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(var_of(self)->var_name);
  Py_VISIT(var_of(self)->var_default);
  return 0;
}
int var_clear(PyObject* self) {
  Py_CLEAR(var_of(self)->var_default);
  return 0;
}
void var_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Py_CLEAR(var_of(self)->var_name);
  Py_CLEAR(var_of(self)->var_default);
  PyObject_GC_Del(self);
}
Py_hash_t var_hash(PyObject* self) { return PyObject_GenericHash(self); }
PyObject* var_repr(PyObject* self) {
  PyContextVar* var = var_of(self);
  if (var->var_default)
    return PyUnicode_FromFormat("<ContextVar name=%R default=%R at %p>", var->var_name, var->var_default, static_cast<void*>(self));
  return PyUnicode_FromFormat("<ContextVar name=%R at %p>", var->var_name, static_cast<void*>(self));
}

// The value in the current context: new, nullptr without exception when unset.
Found var_find(PyContextVar* var, PyObject** value) {
  *value = nullptr;
  PyObject* context = thread()->context;
  if (!context) return Found::No;
  return found(PyDict_GetItemRef(context_of(context)->ctx_vars, object(var), value));
}

PyObject* var_get(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count > 1) return raise(PyExc_TypeError, "get expected at most 1 argument, got %zd", count);
  PyObject* value;
  if (TRY(var_find(var_of(self), &value))) return value;
  if (count) return Py_NewRef(args[0]);
  if (var_of(self)->var_default) return Py_NewRef(var_of(self)->var_default);
  PyErr_SetObject(PyExc_LookupError, self);
  return nullptr;
}

PyObject* var_set(PyContextVar* self, PyObject* value) {
  PyContext* context = TRY(current_context());
  Ref<> old;
  TRY(PyDict_GetItemRef(context->ctx_vars, object(self), old.out()));
  auto* token = PyObject_GC_New(PyContextToken, &PyContextToken_Type);
  if (!token) return nullptr;
  token->tok_ctx = context_of(Py_NewRef(object(context)));
  token->tok_var = var_of(Py_NewRef(object(self)));
  token->tok_oldval = old.release();
  token->tok_used = 0;
  PyObject_GC_Track(token);
  Ref<> result = steal(object(token));
  TRY(make_private(context));
  TRY(PyDict_SetItem(context->ctx_vars, object(self), value));
  return result.release();
}
METHOD(var, set, "($self, value, /)",
       "Call to set a new value for the context variable in the current context.\n\nThe required value argument is the new value for the "
       "context\nvariable.\n\nReturns a Token object that can be used to restore the variable to\nits previous value via the "
       "`ContextVar.reset()` method.");

Status var_reset_token(PyContextVar* self, PyContextToken* token) {
  if (token->tok_used) return raise(PyExc_RuntimeError, "%R has already been used once", object(token));
  if (token->tok_var != self) return raise(PyExc_ValueError, "%R was created by a different ContextVar", object(token));
  PyContext* context = TRY(current_context());
  if (context != token->tok_ctx) return raise(PyExc_ValueError, "%R was created in a different Context", object(token));
  token->tok_used = 1;
  TRY(make_private(context));
  if (token->tok_oldval) return status(PyDict_SetItem(context->ctx_vars, object(self), token->tok_oldval));
  return status(PyDict_Pop(context->ctx_vars, object(self), nullptr));
}
Status var_reset(PyContextVar* self, PyObject* token) {
  if (!PyContextToken_CheckExact(token)) return raise(PyExc_TypeError, "expected an instance of Token, got %R", token);
  return var_reset_token(self, token_of(token));
}
METHOD(var, reset, "($self, token, /)",
       "Reset the context variable.\n\nThe variable is reset to the value it had before the\n`ContextVar.set()` that created the token was "
       "used.");

#define FAST(FUNCTION) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(FUNCTION))
PyMethodDef var_methods[] = {
    {"get", FAST(var_get), METH_FASTCALL,
     "get($self, default=<unrepresentable>, /)\n--\n\nReturn a value for the context variable for the current context.\n\nIf there is no "
     "value for the variable in the current context, the\nmethod will:\n * return the value of the default argument of the method, if\n   "
     "provided; or\n * return the default value for the context variable, if it was\n   created with one; or\n * raise a LookupError."},
    var_set_method,
    var_reset_method,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "__class_getitem__($type, object, /)\n--\n\nContextVars are generic over the type of their contained values"},
    {},
};
PyMemberDef var_members[] = {{"name", _Py_T_OBJECT, offsetof(PyContextVar, var_name), Py_READONLY, nullptr}, {}};

// ---- tokens ----------------------------------------------------------------------------------------------------------

PyObject* token_tp_new(PyTypeObject*, PyObject*, PyObject*) {
  return raise(PyExc_RuntimeError, "Tokens can only be created by ContextVars");
}
int token_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(token_of(self)->tok_ctx);
  Py_VISIT(token_of(self)->tok_var);
  Py_VISIT(token_of(self)->tok_oldval);
  return 0;
}
int token_clear(PyObject* self) {
  Py_CLEAR(token_of(self)->tok_ctx);
  Py_CLEAR(token_of(self)->tok_var);
  Py_CLEAR(token_of(self)->tok_oldval);
  return 0;
}
void token_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  token_clear(self);
  PyObject_GC_Del(self);
}
PyObject* token_repr(PyObject* self) {
  PyContextToken* token = token_of(self);
  return PyUnicode_FromFormat("<Token%s var=%R at %p>", token->tok_used ? " used" : "", object(token->tok_var), static_cast<void*>(self));
}
PyObject* token_get_var(PyObject* self, void*) { return Py_NewRef(object(token_of(self)->tok_var)); }
PyObject* token_get_old(PyObject* self, void*) {
  PyObject* old = token_of(self)->tok_oldval;
  return Py_NewRef(old ? old : object(&token_missing));
}
PyObject* token_enter(PyObject* self) { return Py_NewRef(self); }
METHOD_AS(token_enter, "__enter__", 0, "($self, /)", "Enter into Token context manager.");
Status token_exit(PyContextToken* self, PyObject*, PyObject*, PyObject*) { return var_reset_token(self->tok_var, self); }
METHOD_AS(token_exit, "__exit__", 0, "($self, type, val, tb, /)", "Exit from Token context manager, restore the linked ContextVar.");

PyMethodDef token_methods[] = {
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "__class_getitem__($type, object, /)\n--\n\nTokens are generic over the same type as the ContextVar which created them."},
    token_enter_method,
    token_exit_method,
    {},
};
PyGetSetDef token_getsets[] = {{"var", token_get_var, nullptr, nullptr, nullptr}, {"old_value", token_get_old, nullptr, nullptr, nullptr}, {}};

PyObject* missing_repr(PyObject*) { return PyUnicode_FromString("<Token.MISSING>"); }

}  // namespace

constinit PyObject token_missing = {{_Py_STATIC_IMMORTAL_INITIAL_REFCNT}, &_PyContextTokenMissing_Type};

Status context_types_start() {
  PyObject* dict = PyType_GetDict(&PyContextToken_Type);
  const int result = PyDict_SetItemString(dict, "MISSING", &token_missing);
  Py_DECREF(dict);
  PyType_Modified(&PyContextToken_Type);
  return status(result);
}

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject PyContext_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "_contextvars.Context",
    .tp_basicsize = sizeof(PyContext),
    .tp_dealloc = context_dealloc,
    .tp_as_sequence = &context_sequence,
    .tp_as_mapping = &context_mapping,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = context_traverse,
    .tp_clear = context_clear,
    .tp_richcompare = context_compare,
    .tp_weaklistoffset = offsetof(PyContext, ctx_weakreflist),
    .tp_iter = context_iter,
    .tp_methods = context_methods,
    .tp_new = context_tp_new,
};
#define CONTEXT_ITERATOR(VARIABLE, NAME)                              \
  PyTypeObject VARIABLE = {                                           \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = NAME, \
      .tp_basicsize = sizeof(ContextIterator),                        \
      .tp_dealloc = iterator_dealloc,                                 \
      .tp_as_mapping = &iterator_mapping,                             \
      .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, \
      .tp_traverse = iterator_traverse,                               \
      .tp_iter = PyObject_SelfIter,                                   \
      .tp_iternext = iterator_next,                                   \
  }
CONTEXT_ITERATOR(_PyContextKeys_Type, "keys");
CONTEXT_ITERATOR(_PyContextValues_Type, "values");
CONTEXT_ITERATOR(_PyContextItems_Type, "items");

PyTypeObject PyContextVar_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "_contextvars.ContextVar",
    .tp_basicsize = sizeof(PyContextVar),
    .tp_dealloc = var_dealloc,
    .tp_repr = var_repr,
    .tp_hash = var_hash,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = var_traverse,
    .tp_clear = var_clear,
    .tp_methods = var_methods,
    .tp_members = var_members,
    .tp_new = var_tp_new,
};
PyTypeObject PyContextToken_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "_contextvars.Token",
    .tp_basicsize = sizeof(PyContextToken),
    .tp_dealloc = token_dealloc,
    .tp_repr = token_repr,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = token_traverse,
    .tp_clear = token_clear,
    .tp_methods = token_methods,
    .tp_getset = token_getsets,
    .tp_new = token_tp_new,
};
PyTypeObject _PyContextTokenMissing_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "Token.MISSING",
    .tp_basicsize = sizeof(PyObject),
    .tp_repr = missing_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

// All new.
PyObject* PyContext_New() { return object(context_new(PyDict_New())); }
PyObject* PyContext_Copy(PyObject* op) {
  if (!PyContext_CheckExact(op)) return raise(PyExc_TypeError, "an instance of Context was expected");
  return context_copy(context_of(op));
}
PyObject* PyContext_CopyCurrent() {
  PyContext* context = current_context();
  return context ? context_copy(context) : nullptr;
}
int PyContext_Enter(PyObject* op) {
  if (!PyContext_CheckExact(op)) return raise(PyExc_TypeError, "an instance of Context was expected");
  return to_c(enter(context_of(op)));
}
int PyContext_Exit(PyObject* op) {
  if (!PyContext_CheckExact(op)) return raise(PyExc_TypeError, "an instance of Context was expected");
  return to_c(leave(context_of(op)));
}
PyObject* PyContextVar_New(const char* name, PyObject* fallback) {
  Ref<> text = TRY(steal(PyUnicode_FromString(name)));
  return object(var_new(text, fallback));
}
// 0 with a new reference or NULL in *value; -1 with an exception.
int PyContextVar_Get(PyObject* op, PyObject* fallback, PyObject** value) {
  *value = nullptr;
  if (!PyContextVar_CheckExact(op)) return raise(PyExc_TypeError, "an instance of ContextVar was expected");
  if (TRY(var_find(var_of(op), value))) return 0;
  *value = Py_XNewRef(fallback ? fallback : var_of(op)->var_default);
  return 0;
}
// A new Token.
PyObject* PyContextVar_Set(PyObject* op, PyObject* value) {
  if (!PyContextVar_CheckExact(op)) return raise(PyExc_TypeError, "an instance of ContextVar was expected");
  return var_set(var_of(op), value);
}
int PyContextVar_Reset(PyObject* op, PyObject* token) {
  if (!PyContextVar_CheckExact(op)) return raise(PyExc_TypeError, "an instance of ContextVar was expected");
  if (!PyContextToken_CheckExact(token)) return raise(PyExc_TypeError, "an instance of Token was expected");
  return to_c(var_reset_token(var_of(op), token_of(token)));
}

int PyContext_AddWatcher(PyContext_WatchCallback callback) {
  InterpreterState& state = interpreter()->interpreter;
  for (int i = 0; i < kWatchers; ++i) {
    if (state.context_watchers[i]) continue;
    state.context_watchers[i] = callback;
    state.active_context_watchers = static_cast<uint8_t>(state.active_context_watchers | 1u << i);
    return i;
  }
  return raise(PyExc_RuntimeError, "no more context watcher IDs available");
}
int PyContext_ClearWatcher(int id) {
  InterpreterState& state = interpreter()->interpreter;
  if (id < 0 || id >= kWatchers) return raise(PyExc_ValueError, "Invalid context watcher ID %d", id);
  if (!state.context_watchers[id]) return raise(PyExc_ValueError, "No context watcher set for ID %d", id);
  state.context_watchers[id] = nullptr;
  state.active_context_watchers = static_cast<uint8_t>(state.active_context_watchers & ~(1u << id));
  return 0;
}

}  // extern "C"
