// PyEval_*: running code from C, and asking about the frame that runs.
#include "interpreter/call_frame.h"
#include "interpreter/context.h"
#include "interpreter/evaluate.h"
#include "interpreter/executable.h"
#include "interpreter/frame_object.h"
#include "interpreter/function.h"
#include "interpreter/immediates.h"
#include "interpreter/operations.h"
#include "object/call.h"
#include "object/evaluator.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"
#include "runtime/rooms.h"
#include "runtime/state.h"

namespace ks {

// ---- the door for the object model ---------------------------------------------------------------------------------------

Status frame_super_arguments(PyTypeObject** type, PyObject** self) {
  Frame* frame = current_visible_frame(thread());
  if (!frame) return raise(PyExc_RuntimeError, "super(): no current frame");
  PyCodeObject* code = frame_code(frame);
  if (code->co_argcount == 0) return raise(PyExc_RuntimeError, "super(): no arguments");
  if (frame->localsplus[0].is_immediate() && !make_local_object(&frame->localsplus[0])) return failed;
  Value first = frame->localsplus[0];
  PyObject* argument = first.is_null() ? nullptr : first.object();
  const auto kind = static_cast<unsigned char>(PyBytes_AS_STRING(code->co_localspluskinds)[0]);
  if (argument && (kind & 0x40) && PyCell_Check(argument)) argument = as<PyCellObject>(argument)->ob_ref;
  if (!argument) return raise(PyExc_RuntimeError, "super(): arg[0] deleted");
  for (int i = code->co_nlocalsplus - code->co_nfreevars; i < code->co_nlocalsplus; ++i) {
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(code->co_localsplusnames, i), "__class__") != 0) continue;
    Value cell = frame->localsplus[i];
    if (cell.is_null() || !PyCell_Check(cell.object())) return raise(PyExc_RuntimeError, "super(): bad __class__ cell");
    PyObject* found = as<PyCellObject>(cell.object())->ob_ref;
    if (!found) return raise(PyExc_RuntimeError, "super(): empty __class__ cell");
    if (!PyType_Check(found)) return raise(PyExc_RuntimeError, "super(): __class__ is not a type (%s)", Py_TYPE(found)->tp_name);
    *type = reinterpret_cast<PyTypeObject*>(found);
    *self = argument;
    return Status::Ok;
  }
  return raise(PyExc_RuntimeError, "super(): __class__ cell not found");
}

PyObject* frame_module_name() {
  Frame* frame = current_visible_frame(thread());
  if (!frame) return nullptr;
  PyObject* name = nullptr;
  if (PyDict_GetItemRef(frame->f_globals, "__name__"_id, &name) < 0) {
    PyErr_Clear();
    return nullptr;
  }
  Py_XDECREF(name);  // the globals hold it
  return name;
}

// ---- running code ----------------------------------------------------------------------------------------------------

static PyObject* run_function(PyFunctionObject* function, PyObject* locals, PyObject* const* args, Py_ssize_t count,
                              PyObject* keyword_names) {
  PyThreadState* thread = ks::thread();
  if (locals && (reinterpret_cast<PyCodeObject*>(function->func_code)->co_flags & CO_OPTIMIZED)) locals = nullptr;
  Frame* frame = push_call_frame_borrowed(thread, function, Py_XNewRef(locals), args, count, keyword_names);
  return frame ? evaluate_hooked(thread, frame) : nullptr;
}

Status interpreter_start(PyInterpreterState*) {
  TRY(context_types_start());
  return template_types_start();
}
void interpreter_end(PyInterpreterState* state) {
  InterpreterState& own = state->interpreter;
  Py_CLEAR(own.builtin_all);
  Py_CLEAR(own.builtin_any);
  for (auto& tool : own.monitoring.callables)
    for (PyObject*& callable : tool) Py_CLEAR(callable);
  for (PyObject*& name : own.monitoring.tool_names) Py_CLEAR(name);
}

}  // namespace ks

using namespace ks;

extern "C" {

// Runs a code object: new. `locals` may be NULL.
PyObject* PyEval_EvalCode(PyObject* code, PyObject* globals, PyObject* locals) {
  if (!locals) locals = globals;
  if (!code || !PyCode_Check(code) || !globals || !PyDict_Check(globals)) {
    if (globals && code && PyCode_Check(code)) return raise(PyExc_SystemError, "globals must be a real dict");
    PyErr_BadInternalCall();
    return nullptr;
  }
  PyObject* builtins = builtins_of_globals(thread(), globals);
  if (!builtins) return nullptr;
  // A namespace that will run code gets its builtins, as exec() gives them.
  Ref<> held = borrow(builtins);
  Ref<PyFunctionObject> function = TRY(function_from_code(globals, builtins, code));
  return run_function(function, locals, nullptr, 0, nullptr);
}

PyObject* PyEval_EvalCodeEx(PyObject* code, PyObject* globals, PyObject* locals, PyObject* const* args, int args_count,
                            PyObject* const* kwargs, int kwargs_count, PyObject* const* defaults, int defaults_count,
                            PyObject* keyword_defaults, PyObject* closure) {
  PyObject* builtins = builtins_of_globals(thread(), globals);
  if (!builtins) return nullptr;
  Ref<PyFunctionObject> function = TRY(function_from_code(globals, builtins, code));
  if (defaults_count) {
    Ref<> tuple = TRY(steal(PyTuple_New(defaults_count)));
    for (int i = 0; i < defaults_count; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(defaults[i]));
    function->func_defaults = tuple.release();
  }
  function->func_kwdefaults = Py_XNewRef(keyword_defaults);
  function->func_closure = Py_XNewRef(closure);
  if (!kwargs_count) return run_function(function, locals, args, args_count, nullptr);
  Ref<> names = TRY(steal(PyTuple_New(kwargs_count)));
  auto** stack = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(args_count + kwargs_count) * sizeof(PyObject*)));
  if (!stack) return PyErr_NoMemory();
  for (int i = 0; i < args_count; ++i) stack[i] = args[i];
  for (int i = 0; i < kwargs_count; ++i) {
    PyTuple_SET_ITEM(names.get(), i, Py_NewRef(kwargs[2 * i]));
    stack[args_count + i] = kwargs[2 * i + 1];
  }
  PyObject* result = run_function(function, locals, stack, args_count, names);
  PyMem_Free(stack);
  return result;
}

PyObject* PyEval_EvalFrame(PyFrameObject* f) { return evaluate_hooked(thread(), f->f_frame); }
PyObject* PyEval_EvalFrameEx(PyFrameObject* f, int throwing) { return evaluate_hooked(thread(), f->f_frame, throwing != 0); }

// Calls a Python function with an explicit locals mapping: how class bodies run. Result new.
KS_EXPORT PyObject* _PyEval_Vector(PyThreadState* thread, PyFunctionObject* function, PyObject* locals, PyObject* const* args,
                                   size_t count, PyObject* kwnames) {
  Frame* frame = push_call_frame_borrowed(thread, function, Py_XNewRef(locals), args, static_cast<Py_ssize_t>(count), kwnames);
  return frame ? evaluate_hooked(thread, frame) : nullptr;
}

// ---- the frame that runs ---------------------------------------------------------------------------------------------

static Frame* current() {
  PyThreadState* thread = ks::thread();
  return thread ? current_visible_frame(thread) : nullptr;
}

// Borrowed; NULL without exception when no Python code runs.
PyFrameObject* PyEval_GetFrame() {
  Frame* frame = current();
  return frame ? ks::frame_object(frame) : nullptr;
}
// New.
PyFrameObject* PyThreadState_GetFrame(PyThreadState* thread) {
  Frame* frame = current_visible_frame(thread);
  if (!frame) return nullptr;
  PyFrameObject* result = ks::frame_object(frame);
  if (!result) PyErr_Clear();
  return reinterpret_cast<PyFrameObject*>(Py_XNewRef(reinterpret_cast<PyObject*>(result)));
}
// Borrowed.
PyObject* PyEval_GetGlobals() {
  Frame* frame = current();
  return frame ? frame->f_globals : nullptr;
}
// Borrowed: the running frame's, else the interpreter's.
PyObject* PyEval_GetBuiltins() {
  Frame* frame = current();
  return frame ? frame->f_builtins : interpreter()->core.builtins_dict;
}
// Borrowed; SystemError when no frame runs. For optimised code a dict that is kept with the frame and refreshed here.
PyObject* PyEval_GetLocals() {
  Frame* frame = current();
  if (!frame) return raise(PyExc_SystemError, "frame does not exist");
  PyFrameObject* object = ks::frame_object(frame);
  if (!object) return nullptr;
  if (!frame_has_fast_locals(frame)) {
    Ref<> locals = TRY(steal(PyFrame_GetLocals(object)));
    return locals.get();  // the frame holds it
  }
  if (!object->f_locals_cache) {
    object->f_locals_cache = PyDict_New();
    if (!object->f_locals_cache) return nullptr;
  }
  PyDict_Clear(object->f_locals_cache);
  Ref<> proxy = TRY(steal(frame_locals_proxy(object)));
  if (PyDict_Update(object->f_locals_cache, proxy) < 0) return nullptr;
  return object->f_locals_cache;
}
// New: what locals() returns.
PyObject* PyEval_GetFrameLocals() {
  Frame* frame = current();
  if (!frame) return raise(PyExc_SystemError, "frame does not exist");
  return frame_locals_snapshot(frame);
}
PyObject* PyEval_GetFrameGlobals() { return Py_XNewRef(PyEval_GetGlobals()); }
PyObject* PyEval_GetFrameBuiltins() { return Py_XNewRef(PyEval_GetBuiltins()); }

// A builtin by name: new; AttributeError when missing.
KS_EXPORT PyObject* _PyEval_GetBuiltin(PyObject* name) {
  PyObject* value = nullptr;
  if (PyMapping_GetOptionalItem(PyEval_GetBuiltins(), name, &value) < 0) return nullptr;
  if (!value) PyErr_SetObject(PyExc_AttributeError, name);
  return value;
}

int PyEval_MergeCompilerFlags(PyCompilerFlags* flags) {
  Frame* frame = current();
  bool result = flags->cf_flags != 0;
  if (frame) {
    if (const int inherited = frame_code(frame)->co_flags & PyCF_MASK) {
      result = true;
      flags->cf_flags |= inherited;
    }
  }
  return result;
}

// For messages: the name of a callable, "()" or " object", borrowed from it.
const char* PyEval_GetFuncName(PyObject* function) {
  if (PyMethod_Check(function)) return PyEval_GetFuncName(PyMethod_GET_FUNCTION(function));
  if (PyFunction_Check(function)) return PyUnicode_AsUTF8(reinterpret_cast<PyFunctionObject*>(function)->func_name);
  if (PyCFunction_Check(function)) return reinterpret_cast<PyCFunctionObject*>(function)->m_ml->ml_name;
  return Py_TYPE(function)->tp_name;
}
const char* PyEval_GetFuncDesc(PyObject* function) {
  return PyMethod_Check(function) || PyFunction_Check(function) || PyCFunction_Check(function) ? "()" : " object";
}

// Slice bounds: None leaves *result; anything with __index__ is clipped. 1, or 0 with TypeError.
int _PyEval_SliceIndexNotNone(PyObject* value, Py_ssize_t* result) {
  if (!PyIndex_Check(value)) {
    PyErr_SetString(PyExc_TypeError, "slice indices must be integers or have an __index__ method");
    return 0;
  }
  const Py_ssize_t index = PyNumber_AsSsize_t(value, nullptr);
  if (index == -1 && PyErr_Occurred()) return 0;
  *result = index;
  return 1;
}
int _PyEval_SliceIndex(PyObject* value, Py_ssize_t* result) {
  if (value == Py_None) return 1;
  if (!PyIndex_Check(value)) {
    PyErr_SetString(PyExc_TypeError, "slice indices must be integers or None or have an __index__ method");
    return 0;
  }
  return _PyEval_SliceIndexNotNone(value, result);
}

}  // extern "C"
