// Function objects: code with its globals, defaults and closure.
//
// func_version is what call caches compare: it is given to a function that has its code's defaults and changes to 0 as
// soon as code, defaults, keyword defaults or the vectorcall pointer change.
#include "interpreter/function.h"

#include <cstddef>

#include "interpreter/call_frame.h"
#include "interpreter/evaluate.h"
#include "object/identifier.h"
#include "object/method.h"
#include "runtime/state.h"

namespace ks {
namespace {

void notify(PyFunction_WatchEvent event, PyFunctionObject* function, PyObject* value) {
  InterpreterState& state = interpreter()->interpreter;
  for (int i = 0; i < kWatchers; ++i) {
    if (!(state.active_function_watchers >> i & 1) || !state.function_watchers[i]) continue;
    if (state.function_watchers[i](event, function, value) < 0) PyErr_FormatUnraisable("Exception ignored in watcher callback for function");
  }
}
inline void handle_event(PyFunction_WatchEvent event, PyFunctionObject* function, PyObject* value) {
  if (interpreter()->interpreter.active_function_watchers) [[unlikely]] notify(event, function, value);
  if (event > PyFunction_EVENT_DESTROY) function->func_version = 0;
}

inline PyFunctionObject* function_of(PyObject* object) { return reinterpret_cast<PyFunctionObject*>(object); }
inline PyCodeObject* code_of(PyFunctionObject* function) { return reinterpret_cast<PyCodeObject*>(function->func_code); }

PyFunctionObject* function_allocate(PyObject* code, PyObject* globals, PyObject* builtins, PyObject* name, PyObject* qualname,
                                    PyObject* doc, PyObject* module) {
  auto* function = PyObject_GC_New(PyFunctionObject, &PyFunction_Type);
  if (!function) return nullptr;
  function->func_globals = Py_NewRef(globals);
  function->func_builtins = Py_NewRef(builtins);
  function->func_name = Py_NewRef(name);
  function->func_qualname = Py_NewRef(qualname);
  function->func_code = Py_NewRef(code);
  function->func_defaults = nullptr;
  function->func_kwdefaults = nullptr;
  function->func_closure = nullptr;
  function->func_doc = Py_NewRef(doc);
  function->func_dict = nullptr;
  function->func_weakreflist = nullptr;
  function->func_module = Py_XNewRef(module);
  function->func_annotations = nullptr;
  function->func_annotate = nullptr;
  function->func_typeparams = nullptr;
  function->vectorcall = _PyFunction_Vectorcall;
  function->func_version = 0;
  PyObject_GC_Track(function);
  handle_event(PyFunction_EVENT_CREATE, function, nullptr);
  return function;
}

}  // namespace

PyObject* builtins_of_globals(PyThreadState* thread, PyObject* globals) {
  PyObject* builtins = nullptr;
  if (PyDict_GetItemRef(globals, "__builtins__"_id, &builtins) < 0) return nullptr;
  if (!builtins) return PyEval_GetBuiltins();  // those of the code that makes the function
  if (PyModule_Check(builtins)) {
    PyObject* dict = PyModule_GetDict(builtins);
    Py_DECREF(builtins);
    return dict;
  }
  Py_DECREF(builtins);  // the globals hold it
  return builtins;
}

Ref<PyFunctionObject> function_from_code(PyObject* globals, PyObject* builtins, PyObject* code) {
  auto* c = reinterpret_cast<PyCodeObject*>(code);
  Ref<> module;
  if (PyDict_GetItemRef(globals, "__name__"_id, module.out()) < 0) return nullptr;
  PyErr_Clear();
  return steal(function_allocate(code, globals, builtins, c->co_name, c->co_name, Py_None, module));
}

void function_set_version(PyFunctionObject* function, uint32_t version) { function->func_version = version; }

uint32_t function_version(PyFunctionObject* function) {
  if (function->func_version) return function->func_version;
  if (function->vectorcall != _PyFunction_Vectorcall) return 0;
  uint32_t& next = interpreter()->interpreter.next_function_version;
  // The lower half belongs to code objects (code.cpp), the upper half to functions that were changed.
  if (next == 0) next = 1u << 31;
  if (next == UINT32_MAX) return 0;
  return function->func_version = next++;
}

// ---- life ------------------------------------------------------------------------------------------------------------

static int function_clear(PyObject* self) {
  PyFunctionObject* f = function_of(self);
  f->func_version = 0;
  Py_CLEAR(f->func_globals);
  Py_CLEAR(f->func_builtins);
  Py_CLEAR(f->func_module);
  Py_CLEAR(f->func_defaults);
  Py_CLEAR(f->func_kwdefaults);
  Py_CLEAR(f->func_doc);
  Py_CLEAR(f->func_dict);
  Py_CLEAR(f->func_closure);
  Py_CLEAR(f->func_annotations);
  Py_CLEAR(f->func_annotate);
  Py_CLEAR(f->func_typeparams);
  // Name, qualified name and code stay, so that a function in a cycle can still be shown and called.
  return 0;
}

static void function_dealloc(PyObject* self) {
  PyFunctionObject* f = function_of(self);
  if (interpreter()->interpreter.active_function_watchers) {
    Py_SET_REFCNT(self, 1);
    notify(PyFunction_EVENT_DESTROY, f, nullptr);
    Py_SET_REFCNT(self, Py_REFCNT(self) - 1);
    if (Py_REFCNT(self) > 0) return;
  }
  PyObject_GC_UnTrack(self);
  if (f->func_weakreflist) PyObject_ClearWeakRefs(self);
  function_clear(self);
  Py_DECREF(f->func_code);
  Py_DECREF(f->func_name);
  Py_DECREF(f->func_qualname);
  PyObject_GC_Del(self);
}

static int function_traverse(PyObject* self, visitproc visit, void* arg) {
  PyFunctionObject* f = function_of(self);
  Py_VISIT(f->func_code);
  Py_VISIT(f->func_globals);
  Py_VISIT(f->func_builtins);
  Py_VISIT(f->func_module);
  Py_VISIT(f->func_defaults);
  Py_VISIT(f->func_kwdefaults);
  Py_VISIT(f->func_doc);
  Py_VISIT(f->func_name);
  Py_VISIT(f->func_dict);
  Py_VISIT(f->func_closure);
  Py_VISIT(f->func_annotations);
  Py_VISIT(f->func_annotate);
  Py_VISIT(f->func_typeparams);
  Py_VISIT(f->func_qualname);
  return 0;
}

static PyObject* function_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static constexpr Signature signature =
      read_signature("function", "(code, globals, name=None, argdefs=None, closure=None, kwdefaults=None)");
  PyObject* a[6];
  if (is_failure(bind_tuple(signature, args, kwargs, a))) return nullptr;
  auto [code, globals, name, defaults, closure, keyword_defaults] = a;
  if (!PyCode_Check(code))
    return raise(PyExc_TypeError, "function() argument 'code' must be code, not %.200s", code == Py_None ? "None" : Py_TYPE(code)->tp_name);
  if (!PyDict_Check(globals))
    return raise(PyExc_TypeError, "function() argument 'globals' must be dict, not %.200s", globals == Py_None ? "None" : Py_TYPE(globals)->tp_name);
  auto* c = reinterpret_cast<PyCodeObject*>(code);
  if (name && name != Py_None && !PyUnicode_Check(name)) return raise(PyExc_TypeError, "arg 3 (name) must be None or string");
  if (defaults && defaults != Py_None && !PyTuple_Check(defaults)) return raise(PyExc_TypeError, "arg 4 (defaults) must be None or tuple");
  const Py_ssize_t free_count = c->co_nfreevars;
  if (!closure) closure = Py_None;
  if (!PyTuple_Check(closure)) {
    if (free_count && closure == Py_None) return raise(PyExc_TypeError, "arg 5 (closure) must be tuple");
    if (closure != Py_None) return raise(PyExc_TypeError, "arg 5 (closure) must be None or tuple");
  }
  if (keyword_defaults && keyword_defaults != Py_None && !PyDict_Check(keyword_defaults))
    return raise(PyExc_TypeError, "arg 6 (kwdefaults) must be None or dict");
  const Py_ssize_t closure_size = closure == Py_None ? 0 : PyTuple_GET_SIZE(closure);
  if (free_count != closure_size)
    return raise(PyExc_ValueError, "%U requires closure of length %zd, not %zd", c->co_name, free_count, closure_size);
  for (Py_ssize_t i = 0; i < closure_size; ++i)
    if (!PyCell_Check(PyTuple_GET_ITEM(closure, i)))
      return raise(PyExc_TypeError, "arg 5 (closure) expected cell, found %s", Py_TYPE(PyTuple_GET_ITEM(closure, i))->tp_name);
  if (PySys_Audit("function.__new__", "O", code) < 0) return nullptr;
  Ref<> result = TRY(steal(PyFunction_New(code, globals)));
  PyFunctionObject* f = function_of(result);
  if (name && name != Py_None) Py_SETREF(f->func_name, Py_NewRef(name));
  if (defaults && defaults != Py_None) f->func_defaults = Py_NewRef(defaults);
  if (closure != Py_None) f->func_closure = Py_NewRef(closure);
  if (keyword_defaults && keyword_defaults != Py_None) f->func_kwdefaults = Py_NewRef(keyword_defaults);
  return result.release();
}

static PyObject* function_repr(PyObject* self) {
  return PyUnicode_FromFormat("<function %U at %p>", function_of(self)->func_qualname, static_cast<void*>(self));
}

static PyObject* function_descr_get(PyObject* self, PyObject* object, PyObject*) {
  if (!object || object == Py_None) return Py_NewRef(self);
  return PyMethod_New(self, object);
}

// ---- attributes ------------------------------------------------------------------------------------------------------

static PyObject* get_code(PyObject* self, void*) {
  if (PySys_Audit("object.__getattr__", "Os", self, "__code__") < 0) return nullptr;
  return Py_NewRef(function_of(self)->func_code);
}
static int set_code(PyObject* self, PyObject* value, void*) {
  PyFunctionObject* f = function_of(self);
  if (!value || !PyCode_Check(value)) return raise(PyExc_TypeError, "__code__ must be set to a code object");
  if (PySys_Audit("object.__setattr__", "OsO", self, "__code__", value) < 0) return -1;
  const int free_count = reinterpret_cast<PyCodeObject*>(value)->co_nfreevars;
  const Py_ssize_t closure_size = f->func_closure ? PyTuple_GET_SIZE(f->func_closure) : 0;
  if (closure_size != free_count)
    return raise(PyExc_ValueError, "%U() requires a code object with %zd free vars, not %zd", f->func_name, closure_size,
                 static_cast<Py_ssize_t>(free_count));
  constexpr int kMask = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;
  if ((code_of(f)->co_flags & kMask) != (reinterpret_cast<PyCodeObject*>(value)->co_flags & kMask) &&
      PyErr_Warn(PyExc_DeprecationWarning,
                 "Assigning a code object of non-matching type is deprecated (e.g., from a generator to a plain function)") < 0)
    return -1;
  handle_event(PyFunction_EVENT_MODIFY_CODE, f, value);
  Py_SETREF(f->func_code, Py_NewRef(value));
  return 0;
}

static PyObject* get_name(PyObject* self, void*) { return Py_NewRef(function_of(self)->func_name); }
static int set_name(PyObject* self, PyObject* value, void*) {
  if (!value || !PyUnicode_Check(value)) return raise(PyExc_TypeError, "__name__ must be set to a string object");
  Py_SETREF(function_of(self)->func_name, Py_NewRef(value));
  return 0;
}
static PyObject* get_qualname(PyObject* self, void*) { return Py_NewRef(function_of(self)->func_qualname); }
static int set_qualname(PyObject* self, PyObject* value, void*) {
  if (!value || !PyUnicode_Check(value)) return raise(PyExc_TypeError, "__qualname__ must be set to a string object");
  Py_SETREF(function_of(self)->func_qualname, Py_NewRef(value));
  return 0;
}

static PyObject* get_defaults(PyObject* self, void*) {
  if (PySys_Audit("object.__getattr__", "Os", self, "__defaults__") < 0) return nullptr;
  PyObject* value = function_of(self)->func_defaults;
  return Py_NewRef(value ? value : Py_None);
}
static int set_defaults(PyObject* self, PyObject* value, void*) {
  PyFunctionObject* f = function_of(self);
  if (value == Py_None) value = nullptr;
  if (value && !PyTuple_Check(value)) return raise(PyExc_TypeError, "__defaults__ must be set to a tuple object");
  if ((value ? PySys_Audit("object.__setattr__", "OsO", self, "__defaults__", value)
             : PySys_Audit("object.__delattr__", "Os", self, "__defaults__")) < 0)
    return -1;
  handle_event(PyFunction_EVENT_MODIFY_DEFAULTS, f, value);
  Py_XSETREF(f->func_defaults, Py_XNewRef(value));
  return 0;
}
static PyObject* get_kwdefaults(PyObject* self, void*) {
  if (PySys_Audit("object.__getattr__", "Os", self, "__kwdefaults__") < 0) return nullptr;
  PyObject* value = function_of(self)->func_kwdefaults;
  return Py_NewRef(value ? value : Py_None);
}
static int set_kwdefaults(PyObject* self, PyObject* value, void*) {
  PyFunctionObject* f = function_of(self);
  if (value == Py_None) value = nullptr;
  if (value && !PyDict_Check(value)) return raise(PyExc_TypeError, "__kwdefaults__ must be set to a dict object");
  if ((value ? PySys_Audit("object.__setattr__", "OsO", self, "__kwdefaults__", value)
             : PySys_Audit("object.__delattr__", "Os", self, "__kwdefaults__")) < 0)
    return -1;
  handle_event(PyFunction_EVENT_MODIFY_KWDEFAULTS, f, value);
  Py_XSETREF(f->func_kwdefaults, Py_XNewRef(value));
  return 0;
}

// The annotations' dict, borrowed; made when asked for first. The compiler may leave a tuple (name, value, name, ...).
static PyObject* annotations(PyFunctionObject* f) {
  if (!f->func_annotations) {
    if (f->func_annotate && f->func_annotate != Py_None && PyCallable_Check(f->func_annotate)) {
      Ref<> one = TRY(steal(PyLong_FromLong(1)));
      Ref<> dict = TRY(steal(PyObject_CallOneArg(f->func_annotate, one)));
      if (!PyDict_Check(dict))
        return raise(PyExc_TypeError, "__annotate__ returned non-dict of type '%.100s'", Py_TYPE(dict)->tp_name);
      Py_XSETREF(f->func_annotations, dict.release());
      return f->func_annotations;
    }
    f->func_annotations = PyDict_New();
    return f->func_annotations;
  }
  if (PyTuple_CheckExact(f->func_annotations)) {
    PyObject* tuple = f->func_annotations;
    Ref<> dict = TRY(steal(PyDict_New()));
    for (Py_ssize_t i = 0; i + 1 < PyTuple_GET_SIZE(tuple); i += 2)
      TRY(PyDict_SetItem(dict, PyTuple_GET_ITEM(tuple, i), PyTuple_GET_ITEM(tuple, i + 1)));
    Py_SETREF(f->func_annotations, dict.release());
  }
  return f->func_annotations;
}
static PyObject* get_annotate(PyObject* self, void*) {
  PyObject* value = function_of(self)->func_annotate;
  return Py_NewRef(value ? value : Py_None);
}
static int set_annotate(PyObject* self, PyObject* value, void*) {
  PyFunctionObject* f = function_of(self);
  if (!value) return raise(PyExc_TypeError, "__annotate__ cannot be deleted");
  if (value == Py_None) {
    Py_XSETREF(f->func_annotate, Py_NewRef(value));
    return 0;
  }
  if (!PyCallable_Check(value)) return raise(PyExc_TypeError, "__annotate__ must be callable or None");
  Py_XSETREF(f->func_annotate, Py_NewRef(value));
  Py_CLEAR(f->func_annotations);
  return 0;
}
static PyObject* get_annotations(PyObject* self, void*) {
  PyFunctionObject* f = function_of(self);
  return Py_XNewRef(annotations(f));
}
static int set_annotations(PyObject* self, PyObject* value, void*) {
  PyFunctionObject* f = function_of(self);
  if (value == Py_None) value = nullptr;
  if (value && !PyDict_Check(value)) return raise(PyExc_TypeError, "__annotations__ must be set to a dict object");
  Py_XSETREF(f->func_annotations, Py_XNewRef(value));
  Py_CLEAR(f->func_annotate);
  return 0;
}

static PyObject* get_type_params(PyObject* self, void*) {
  PyFunctionObject* f = function_of(self);
  if (!f->func_typeparams) return PyTuple_New(0);
  return Py_NewRef(f->func_typeparams);
}
static int set_type_params(PyObject* self, PyObject* value, void*) {
  if (!value || !PyTuple_Check(value)) return raise(PyExc_TypeError, "__type_params__ must be set to a tuple");
  Py_XSETREF(function_of(self)->func_typeparams, Py_NewRef(value));
  return 0;
}

static PyGetSetDef function_getsets[] = {
    {"__code__", get_code, set_code, nullptr, nullptr},
    {"__defaults__", get_defaults, set_defaults, nullptr, nullptr},
    {"__kwdefaults__", get_kwdefaults, set_kwdefaults, nullptr, nullptr},
    {"__annotations__", get_annotations, set_annotations, "Dict of annotations in a function object.", nullptr},
    {"__annotate__", get_annotate, set_annotate, "Get the code object for a function.", nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {"__name__", get_name, set_name, nullptr, nullptr},
    {"__qualname__", get_qualname, set_qualname, nullptr, nullptr},
    {"__type_params__", get_type_params, set_type_params, "Get the declared type parameters for a function.", nullptr},
    {},
};

static PyMemberDef function_members[] = {
    {"__closure__", _Py_T_OBJECT, offsetof(PyFunctionObject, func_closure), Py_READONLY, nullptr},
    {"__doc__", _Py_T_OBJECT, offsetof(PyFunctionObject, func_doc), 0, nullptr},
    {"__globals__", _Py_T_OBJECT, offsetof(PyFunctionObject, func_globals), Py_READONLY, nullptr},
    {"__module__", _Py_T_OBJECT, offsetof(PyFunctionObject, func_module), 0, nullptr},
    {"__builtins__", _Py_T_OBJECT, offsetof(PyFunctionObject, func_builtins), Py_READONLY, nullptr},
    {},
};

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject PyFunction_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "function",
    .tp_basicsize = sizeof(PyFunctionObject),
    .tp_dealloc = function_dealloc,
    .tp_vectorcall_offset = offsetof(PyFunctionObject, vectorcall),
    .tp_repr = function_repr,
    .tp_call = PyVectorcall_Call,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "function(code, globals, name=None, argdefs=None, closure=None, kwdefaults=None)\n--\n\nCreate a function object.\n\n  code\n    a code object\n  globals\n    the globals dictionary\n  name\n    a string that overrides the name from the code object\n  argdefs\n    a tuple that specifies the default argument values\n  closure\n    a tuple that supplies the bindings for free variables\n  kwdefaults\n    a dictionary that specifies the default keyword argument values",
    .tp_traverse = function_traverse,
    .tp_clear = function_clear,
    .tp_weaklistoffset = offsetof(PyFunctionObject, func_weakreflist),
    .tp_members = function_members,
    .tp_getset = function_getsets,
    .tp_descr_get = function_descr_get,
    .tp_dictoffset = offsetof(PyFunctionObject, func_dict),
    .tp_new = function_new,
};

PyObject* _PyFunction_Vectorcall(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  PyThreadState* thread = ks::thread();
  PyFunctionObject* f = function_of(function);
  PyObject* locals = (code_of(f)->co_flags & CO_OPTIMIZED) ? nullptr : Py_NewRef(f->func_globals);
  Frame* frame = push_call_frame_borrowed(thread, f, locals, args, PyVectorcall_NARGS(nargsf), kwnames);
  return frame ? evaluate_hooked(thread, frame) : nullptr;
}

// New function; new reference. qualname may be NULL.
PyObject* PyFunction_NewWithQualName(PyObject* code, PyObject* globals, PyObject* qualname) {
  if (!code || !PyCode_Check(code) || !globals) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  auto* c = reinterpret_cast<PyCodeObject*>(code);
  Ref<> module, held = borrow(globals);
  if (PyDict_GetItemRef(globals, "__name__"_id, module.out()) < 0) return nullptr;
  PyObject* builtins = builtins_of_globals(thread(), globals);
  if (!builtins) return nullptr;
  PyObject* doc = Py_None;
  if ((c->co_flags & CO_HAS_DOCSTRING) && PyTuple_GET_SIZE(c->co_consts) > 0) {
    doc = PyTuple_GET_ITEM(c->co_consts, 0);
    if (!PyUnicode_Check(doc)) doc = Py_None;
  }
  return object(function_allocate(code, globals, builtins, c->co_name, qualname ? qualname : c->co_qualname, doc, module));
}
PyObject* PyFunction_New(PyObject* code, PyObject* globals) { return PyFunction_NewWithQualName(code, globals, nullptr); }

// The getters borrow; SystemError for anything that is no function.
#define FUNCTION_GETTER(NAME, FIELD)            \
  PyObject* NAME(PyObject* op) {                \
    if (!op || !PyFunction_Check(op)) {         \
      PyErr_BadInternalCall();                  \
      return nullptr;                           \
    }                                           \
    return function_of(op)->FIELD;              \
  }
FUNCTION_GETTER(PyFunction_GetCode, func_code)
FUNCTION_GETTER(PyFunction_GetGlobals, func_globals)
FUNCTION_GETTER(PyFunction_GetModule, func_module)
FUNCTION_GETTER(PyFunction_GetDefaults, func_defaults)
FUNCTION_GETTER(PyFunction_GetKwDefaults, func_kwdefaults)
FUNCTION_GETTER(PyFunction_GetClosure, func_closure)
#undef FUNCTION_GETTER

// Borrowed; a dict.
PyObject* PyFunction_GetAnnotations(PyObject* op) {
  if (!op || !PyFunction_Check(op)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  return annotations(function_of(op));
}

// The setters take None for nothing; 0 or -1 with SystemError.
int PyFunction_SetDefaults(PyObject* op, PyObject* defaults) {
  if (!op || !PyFunction_Check(op) || !defaults) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (defaults == Py_None) defaults = nullptr;
  if (defaults && !PyTuple_Check(defaults)) return raise(PyExc_SystemError, "non-tuple default args");
  handle_event(PyFunction_EVENT_MODIFY_DEFAULTS, function_of(op), defaults);
  Py_XSETREF(function_of(op)->func_defaults, Py_XNewRef(defaults));
  return 0;
}
int PyFunction_SetKwDefaults(PyObject* op, PyObject* defaults) {
  if (!op || !PyFunction_Check(op) || !defaults) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (defaults == Py_None) defaults = nullptr;
  if (defaults && !PyDict_Check(defaults)) return raise(PyExc_SystemError, "non-dict keyword only default args");
  handle_event(PyFunction_EVENT_MODIFY_KWDEFAULTS, function_of(op), defaults);
  Py_XSETREF(function_of(op)->func_kwdefaults, Py_XNewRef(defaults));
  return 0;
}
int PyFunction_SetClosure(PyObject* op, PyObject* closure) {
  if (!op || !PyFunction_Check(op) || !closure) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (closure == Py_None) {
    closure = nullptr;
  } else if (!PyTuple_Check(closure)) {
    return raise(PyExc_SystemError, "expected tuple for closure, got '%.100s'", Py_TYPE(closure)->tp_name);
  }
  function_of(op)->func_version = 0;
  Py_XSETREF(function_of(op)->func_closure, Py_XNewRef(closure));
  return 0;
}
int PyFunction_SetAnnotations(PyObject* op, PyObject* value) {
  if (!op || !PyFunction_Check(op)) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (value == Py_None) value = nullptr;
  if (value && !PyDict_Check(value)) return raise(PyExc_SystemError, "non-dict annotations");
  Py_XSETREF(function_of(op)->func_annotations, Py_XNewRef(value));
  Py_CLEAR(function_of(op)->func_annotate);
  return 0;
}
void PyFunction_SetVectorcall(PyFunctionObject* function, vectorcallfunc vectorcall) {
  function->func_version = 0;
  function->vectorcall = vectorcall;
}
KS_EXPORT void _PyFunction_SetVersion(PyFunctionObject* function, uint32_t version) { function_set_version(function, version); }

// A handle, or -1 with RuntimeError when all are taken.
int PyFunction_AddWatcher(PyFunction_WatchCallback callback) {
  InterpreterState& state = interpreter()->interpreter;
  for (int i = 0; i < kWatchers; ++i) {
    if (state.function_watchers[i]) continue;
    state.function_watchers[i] = callback;
    state.active_function_watchers = static_cast<uint8_t>(state.active_function_watchers | 1u << i);
    return i;
  }
  return raise(PyExc_RuntimeError, "no more func watcher IDs available");
}
int PyFunction_ClearWatcher(int id) {
  InterpreterState& state = interpreter()->interpreter;
  if (id < 0 || id >= kWatchers) return raise(PyExc_ValueError, "invalid func watcher ID %d", id);
  if (!state.function_watchers[id]) return raise(PyExc_ValueError, "no func watcher set for ID %d", id);
  state.function_watchers[id] = nullptr;
  state.active_function_watchers = static_cast<uint8_t>(state.active_function_watchers & ~(1u << id));
  return 0;
}

}  // extern "C"
