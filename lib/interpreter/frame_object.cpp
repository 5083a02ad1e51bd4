// Frame objects. While the activation lives, the object only points to its frame (which owns the object); when it ends and
// someone still holds the object, frame_clear() copies the frame behind the object.
#include "interpreter/frame_object.h"

#include <cstddef>

#include "interpreter/executable.h"
#include "interpreter/frame_jump.h"
#include "interpreter/generator.h"
#include "interpreter/monitoring.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "object/result.h"
#include "object/static_types.h"
#include "runtime/state.h"

namespace ks {

int frame_line(Frame* frame) {
  const int index = frame_instruction_index(frame);
  return PyCode_Addr2Line(frame_code(frame), index < 0 ? index : index * 2);
}

PyFrameObject* frame_object(Frame* frame) {
  if (frame->frame_obj) return frame->frame_obj;
  PyObject* pending = PyErr_GetRaisedException();
  PyCodeObject* code = frame_code(frame);
  auto* object = PyObject_GC_NewVar(PyFrameObject, &PyFrame_Type, code->co_nlocalsplus + code->co_stacksize + 1);
  if (!object) {
    Py_XDECREF(pending);
    return nullptr;
  }
  object->f_back = nullptr;
  object->f_frame = frame;
  object->f_trace = nullptr;
  object->f_lineno = 0;
  object->f_trace_lines = 1;
  object->f_trace_opcodes = 0;
  object->f_extra_locals = nullptr;
  object->f_locals_cache = nullptr;
  object->f_overwritten_fast_locals = nullptr;
  PyErr_SetRaisedException(pending);
  return frame->frame_obj = object;
}

namespace {

PyFrameObject* frame_of(PyObject* object) { return reinterpret_cast<PyFrameObject*>(object); }

void drop_extras(PyFrameObject* f) {
  Py_CLEAR(f->f_back);
  Py_CLEAR(f->f_trace);
  Py_CLEAR(f->f_extra_locals);
  Py_CLEAR(f->f_locals_cache);
  Py_CLEAR(f->f_overwritten_fast_locals);
}

void frame_dealloc(PyObject* self) {
  PyFrameObject* f = frame_of(self);
  if (PyObject_GC_IsTracked(self)) PyObject_GC_UnTrack(self);
  Frame* frame = f->f_frame;
  if (frame == reinterpret_cast<Frame*>(f->f_frame_data) && frame->owner == kOwnedByFrameObject) {
    Value* base = frame->localsplus;
    Value* top = frame->stackpointer;
    while (top > base) close_or_null(*--top);
    Py_CLEAR(frame->f_locals);
    Value function = frame->f_funcobj, code = frame->f_executable;
    frame->f_funcobj = frame->f_executable = Value::null();
    close_or_null(function);
    drop_extras(f);
    close_or_null(code);
  } else {
    drop_extras(f);
  }
  PyObject_GC_Del(self);
}

int frame_object_traverse(PyObject* self, visitproc visit, void* arg) {
  PyFrameObject* f = frame_of(self);
  Py_VISIT(f->f_back);
  Py_VISIT(f->f_trace);
  Py_VISIT(f->f_extra_locals);
  Py_VISIT(f->f_locals_cache);
  Py_VISIT(f->f_overwritten_fast_locals);
  if (f->f_frame->owner != kOwnedByFrameObject) return 0;
  return frame_traverse(f->f_frame, visit, arg);
}

int frame_object_clear(PyObject* self) {
  PyFrameObject* f = frame_of(self);
  Py_CLEAR(f->f_trace);
  Py_CLEAR(f->f_extra_locals);
  Py_CLEAR(f->f_locals_cache);
  Py_CLEAR(f->f_overwritten_fast_locals);
  Frame* frame = f->f_frame;
  Value* base = frame->localsplus;
  Value* locals_end = base + frame_code(frame)->co_nlocalsplus;
  while (frame->stackpointer > locals_end) close_or_null(*--frame->stackpointer);
  for (Value* value = base; value < frame->stackpointer; ++value) {
    Value old = *value;
    *value = Value::null();
    close_or_null(old);
  }
  Py_CLEAR(frame->f_locals);
  return 0;
}

PyObject* frame_repr(PyObject* self) {
  PyFrameObject* f = frame_of(self);
  PyCodeObject* code = frame_code(f->f_frame);
  return PyUnicode_FromFormat("<frame at %p, file %R, line %d, code %S>", static_cast<void*>(self), code->co_filename,
                              PyFrame_GetLineNumber(f), code->co_name);
}

PyObject* frame_clear_method(PyObject* self, PyObject*) {
  PyFrameObject* f = frame_of(self);
  switch (f->f_frame->owner) {
    case kOwnedByGenerator: {
      PyGenObject* generator = frame_generator(f->f_frame);
      if (generator->gi_frame_state == kGenExecuting) return raise(PyExc_RuntimeError, "cannot clear an executing frame");
      if (generator_is_suspended(generator->gi_frame_state)) return raise(PyExc_RuntimeError, "cannot clear a suspended frame");
      PyObject_CallFinalizer(object(generator));
      Py_RETURN_NONE;
    }
    case kOwnedByThread: return raise(PyExc_RuntimeError, "cannot clear an executing frame");
    default: frame_object_clear(self); Py_RETURN_NONE;
  }
}
PyObject* frame_sizeof(PyObject* self, PyObject*) {
  PyCodeObject* code = frame_code(frame_of(self)->f_frame);
  const size_t words = static_cast<size_t>(code->co_nlocalsplus) + static_cast<size_t>(code->co_stacksize);
  return PyLong_FromSize_t(offsetof(PyFrameObject, f_frame_data) + offsetof(Frame, localsplus) + words * sizeof(PyObject*));
}

// ---- attributes ------------------------------------------------------------------------------------------------------

PyObject* or_none(PyObject* object) { return Py_NewRef(object ? object : Py_None); }

PyObject* get_back(PyObject* self, void*) {
  PyObject* back = object(PyFrame_GetBack(frame_of(self)));
  if (!back && !PyErr_Occurred()) Py_RETURN_NONE;
  return back;
}
PyObject* get_locals(PyObject* self, void*) { return PyFrame_GetLocals(frame_of(self)); }
PyObject* get_lineno(PyObject* self, void*) {
  const int line = PyFrame_GetLineNumber(frame_of(self));
  if (line < 0) Py_RETURN_NONE;
  return PyLong_FromLong(line);
}
int set_lineno(PyObject* self, PyObject* value, void*) { return frame_set_line(frame_of(self), value); }
PyObject* get_trace(PyObject* self, void*) { return or_none(frame_of(self)->f_trace); }
int set_trace(PyObject* self, PyObject* value, void*) {
  if (value == Py_None) value = nullptr;
  Py_XSETREF(frame_of(self)->f_trace, Py_XNewRef(value));
  return 0;
}
PyObject* get_lasti(PyObject* self, void*) { return PyLong_FromLong(PyFrame_GetLasti(frame_of(self))); }
PyObject* get_globals(PyObject* self, void*) { return or_none(frame_of(self)->f_frame->f_globals); }
PyObject* get_builtins(PyObject* self, void*) { return or_none(frame_of(self)->f_frame->f_builtins); }
PyObject* get_code(PyObject* self, void*) {
  if (PySys_Audit("object.__getattr__", "Os", self, "f_code") < 0) return nullptr;
  return object(PyFrame_GetCode(frame_of(self)));
}
PyObject* get_trace_opcodes(PyObject* self, void*) { return PyBool_FromLong(frame_of(self)->f_trace_opcodes); }
int set_trace_opcodes(PyObject* self, PyObject* value, void*) {
  if (!value) return raise(PyExc_AttributeError, "attribute 'f_trace_opcodes' of 'frame' objects cannot be deleted");
  if (!PyBool_Check(value)) return raise(PyExc_TypeError, "attribute value type must be bool");
  frame_of(self)->f_trace_opcodes = value == Py_True;
  if (value != Py_True) return 0;
  return frame_trace_opcodes(frame_of(self)->f_frame);
}
PyObject* get_generator(PyObject* self, void*) {
  PyObject* generator = PyFrame_GetGenerator(frame_of(self));
  if (!generator) Py_RETURN_NONE;
  return generator;
}

PyMethodDef frame_methods[] = {
    {"clear", frame_clear_method, METH_NOARGS, "clear($self, /)\n--\n\nClear all references held by the frame."},
    {"__sizeof__", frame_sizeof, METH_NOARGS, "__sizeof__($self, /)\n--\n\nReturn the size of the frame in memory, in bytes."},
    {},
};
PyMemberDef frame_members[] = {{"f_trace_lines", Py_T_BOOL, offsetof(PyFrameObject, f_trace_lines), 0, nullptr}, {}};
PyGetSetDef frame_getsets[] = {
    {"f_back", get_back, nullptr, nullptr, nullptr},
    {"f_locals", get_locals, nullptr, "Return the mapping used by the frame to look up local variables.", nullptr},
    {"f_lineno", get_lineno, set_lineno, "Return the current line number in the frame.", nullptr},
    {"f_trace", get_trace, set_trace, "Return the trace function for this frame, or None if no trace function is set.", nullptr},
    {"f_lasti", get_lasti, nullptr, "Return the index of the last attempted instruction in the frame.", nullptr},
    {"f_globals", get_globals, nullptr, "Return the global variables in the frame.", nullptr},
    {"f_builtins", get_builtins, nullptr, "Return the built-in variables in the frame.", nullptr},
    {"f_code", get_code, nullptr, "Return the code object being executed in this frame.", nullptr},
    {"f_trace_opcodes", get_trace_opcodes, set_trace_opcodes, "Return True if opcode tracing is enabled, False otherwise.", nullptr},
    {"f_generator", get_generator, nullptr, "Return the generator or coroutine associated with this frame, or None.", nullptr},
    {},
};

}  // namespace
}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject PyFrame_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "frame",
    .tp_basicsize = offsetof(PyFrameObject, f_frame_data) + offsetof(_PyInterpreterFrame, localsplus),
    .tp_itemsize = sizeof(PyObject*),
    .tp_dealloc = frame_dealloc,
    .tp_repr = frame_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = frame_object_traverse,
    .tp_clear = frame_object_clear,
    .tp_methods = frame_methods,
    .tp_members = frame_members,
    .tp_getset = frame_getsets,
};

// New, or NULL without exception at the bottom.
PyFrameObject* PyFrame_GetBack(PyFrameObject* f) {
  PyFrameObject* back = f->f_back;
  if (!back && f->f_frame->owner != kOwnedByFrameObject) {
    Frame* previous = frame_visible(f->f_frame->previous);
    if (previous) back = ks::frame_object(previous);
  }
  return reinterpret_cast<PyFrameObject*>(Py_XNewRef(back));
}
// New.
PyCodeObject* PyFrame_GetCode(PyFrameObject* f) {
  return reinterpret_cast<PyCodeObject*>(Py_NewRef(f->f_frame->f_executable.object()));
}
PyObject* PyFrame_GetGlobals(PyFrameObject* f) { return get_globals(object(f), nullptr); }
PyObject* PyFrame_GetBuiltins(PyFrameObject* f) { return get_builtins(object(f), nullptr); }
PyObject* PyFrame_GetLocals(PyFrameObject* f) {
  Frame* frame = f->f_frame;
  if (frame_has_fast_locals(frame) || frame_has_hidden_locals(frame)) return frame_locals_proxy(f);
  if (!frame->f_locals) {
    frame->f_locals = PyDict_New();
    if (!frame->f_locals) return nullptr;
  }
  return Py_NewRef(frame->f_locals);
}
// New; NULL without exception when the frame is no generator's.
PyObject* PyFrame_GetGenerator(PyFrameObject* f) {
  if (f->f_frame->owner != kOwnedByGenerator) return nullptr;
  return Py_NewRef(object(frame_generator(f->f_frame)));
}
int PyFrame_GetLasti(PyFrameObject* f) {
  const int index = frame_instruction_index(f->f_frame);
  return index < 0 ? -1 : index * 2;
}
int PyFrame_GetLineNumber(PyFrameObject* f) { return f->f_lineno ? f->f_lineno : frame_line(f->f_frame); }

// New; NameError when there is no such variable.
PyObject* PyFrame_GetVar(PyFrameObject* f, PyObject* name) {
  if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "name must be str, not %s", Py_TYPE(name)->tp_name);
  Frame* frame = f->f_frame;
  PyCodeObject* code = frame_code(frame);
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    if (PyUnicode_Compare(PyTuple_GET_ITEM(code->co_localsplusnames, i), name) != 0) continue;
    if (PyObject* value = frame_local_value(frame, i)) return Py_NewRef(value);
    break;
  }
  return raise(PyExc_NameError, "variable %R does not exist", name);
}
PyObject* PyFrame_GetVarString(PyFrameObject* f, const char* name) {
  Ref<> text = TRY(steal(PyUnicode_FromString(name)));
  return PyFrame_GetVar(f, text);
}

// A frame that never ran, for tools that make tracebacks: new.
__attribute__((visibility("default"))) PyFrameObject* PyFrame_New(PyThreadState* thread, PyCodeObject* code, PyObject* globals, PyObject* locals) {
  (void)thread;
  Ref<> held_globals = borrow(globals);
  PyObject* builtins = nullptr;
  if (PyDict_GetItemRef(globals, "__builtins__"_id, &builtins) < 0) return nullptr;
  if (builtins && PyModule_Check(builtins)) Py_SETREF(builtins, Py_NewRef(PyModule_GetDict(builtins)));
  if (!builtins) builtins = Py_NewRef(PyEval_GetBuiltins());
  Ref<> held_builtins = steal(builtins);
  Ref<> function = steal(PyFunction_New(reinterpret_cast<PyObject*>(code), globals));
  if (!function || !executable(code)) return nullptr;
  auto* object = PyObject_GC_NewVar(PyFrameObject, &PyFrame_Type, code->co_nlocalsplus + code->co_stacksize + 1);
  if (!object) return nullptr;
  object->f_back = nullptr;
  object->f_trace = nullptr;
  object->f_lineno = 0;
  object->f_trace_lines = 1;
  object->f_trace_opcodes = 0;
  object->f_extra_locals = object->f_locals_cache = object->f_overwritten_fast_locals = nullptr;
  auto* frame = reinterpret_cast<Frame*>(object->f_frame_data);
  object->f_frame = frame;
  frame_initialise(ks::thread(), frame, Value::owned(function.release()), Py_XNewRef(locals), code, 0, nullptr);
  frame->owner = kOwnedByFrameObject;
  // As if its RESUME had run.
  frame->instr_ptr = executable_of(code)->units + code->_co_firsttraceable;
  frame->frame_obj = nullptr;
  PyObject_GC_Track(object);
  return object;
}

// Nothing to do: f_locals writes through.
__attribute__((visibility("default"))) int PyFrame_FastToLocalsWithError(PyFrameObject*) { return 0; }
__attribute__((visibility("default"))) void PyFrame_FastToLocals(PyFrameObject*) {}
__attribute__((visibility("default"))) void PyFrame_LocalsToFast(PyFrameObject*, int) {}

__attribute__((visibility("default"))) int _PyFrame_IsEntryFrame(PyFrameObject* f) {
  Frame* previous = f->f_frame->previous;
  return previous && previous->owner == kOwnedByInterpreter;
}

// New.
PyObject* PyUnstable_InterpreterFrame_GetCode(_PyInterpreterFrame* frame) { return Py_NewRef(frame->f_executable.object()); }
int PyUnstable_InterpreterFrame_GetLasti(_PyInterpreterFrame* frame) {
  return frame_instruction_index(frame) * 2;
}
int PyUnstable_InterpreterFrame_GetLine(_PyInterpreterFrame* frame) { return frame_line(frame); }

const PyTypeObject* const PyUnstable_ExecutableKinds[PyUnstable_EXECUTABLE_KINDS + 1] = {
    &_PyNone_Type, &PyCode_Type, &PyModule_Type, &PyCFunction_Type, &PyMethodDescr_Type, nullptr,
};

}  // extern "C"
