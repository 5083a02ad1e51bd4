// Traceback objects. Printing them is in lib/runtime.
//
// tb_lineno is -1 until somebody asks: the line is then found from tb_lasti.
#include "interpreter/traceback.h"

#include <cstddef>

#include "interpreter/frame_object.h"
#include "object/export.h"
#include "object/method.h"
#include "object/result.h"
#include "runtime/state.h"

namespace ks {
namespace {

PyTracebackObject* traceback_of(PyObject* object) { return reinterpret_cast<PyTracebackObject*>(object); }

PyObject* traceback_make(PyObject* next, PyFrameObject* frame, int lasti, int lineno) {
  if ((next && !PyTraceBack_Check(next)) || !frame || !PyFrame_Check(frame)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  auto* tb = PyObject_GC_New(PyTracebackObject, &PyTraceBack_Type);
  if (!tb) return nullptr;
  tb->tb_next = reinterpret_cast<PyTracebackObject*>(Py_XNewRef(next));
  tb->tb_frame = reinterpret_cast<PyFrameObject*>(Py_NewRef(frame));
  tb->tb_lasti = lasti;
  tb->tb_lineno = lineno;
  PyObject_GC_Track(tb);
  return object(tb);
}

PyObject* traceback_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  static constexpr Signature signature = read_signature("traceback", "(tb_next, tb_frame, tb_lasti, tb_lineno)");
  PyObject* a[4];
  if (is_failure(bind_tuple(signature, args, kwargs, a))) return nullptr;
  PyObject* next = a[0];
  if (!PyFrame_Check(a[1]))
    return raise(PyExc_TypeError, "traceback() argument 'tb_frame' must be frame, not %.200s", a[1] == Py_None ? "None" : Py_TYPE(a[1])->tp_name);
  int lasti, lineno;
  if (!convert_int(a[2], &lasti) || !convert_int(a[3], &lineno)) return nullptr;
  if (next == Py_None) {
    next = nullptr;
  } else if (!PyTraceBack_Check(next)) {
    return raise(PyExc_TypeError, "expected traceback object or None, got '%s'", Py_TYPE(next)->tp_name);
  }
  return traceback_make(next, reinterpret_cast<PyFrameObject*>(a[1]), lasti, lineno);
}

void traceback_dealloc(PyObject* self) {
  // A chain of tracebacks can be as long as the recursion limit: freed in a loop.
  PyObject_GC_UnTrack(self);
  while (true) {
    PyTracebackObject* tb = traceback_of(self);
    PyObject* next = object(tb->tb_next);
    tb->tb_next = nullptr;
    Py_CLEAR(tb->tb_frame);
    PyObject_GC_Del(self);
    if (!next) return;
    if (Py_REFCNT(next) > 1 || _Py_IsImmortal(next)) {
      Py_DECREF(next);
      return;
    }
    self = next;
    PyObject_GC_UnTrack(self);
  }
}
int traceback_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(traceback_of(self)->tb_next);
  Py_VISIT(traceback_of(self)->tb_frame);
  return 0;
}
int traceback_clear(PyObject* self) {
  Py_CLEAR(traceback_of(self)->tb_next);
  Py_CLEAR(traceback_of(self)->tb_frame);
  return 0;
}

PyObject* traceback_dir(PyObject*, PyObject*) { return Py_BuildValue("[ssss]", "tb_frame", "tb_next", "tb_lasti", "tb_lineno"); }

PyObject* get_next(PyObject* self, void*) {
  PyObject* next = object(traceback_of(self)->tb_next);
  return Py_NewRef(next ? next : Py_None);
}
int set_next(PyObject* self, PyObject* value, void*) {
  if (!value) return raise(PyExc_TypeError, "can't delete tb_next attribute");
  if (value == Py_None) {
    value = nullptr;
  } else if (!PyTraceBack_Check(value)) {
    return raise(PyExc_TypeError, "expected traceback object, got '%s'", Py_TYPE(value)->tp_name);
  }
  for (PyObject* each = value; each; each = object(traceback_of(each)->tb_next))
    if (each == self) return raise(PyExc_ValueError, "traceback loop detected");
  PyObject* old = object(traceback_of(self)->tb_next);
  traceback_of(self)->tb_next = reinterpret_cast<PyTracebackObject*>(Py_XNewRef(value));
  Py_XDECREF(old);
  return 0;
}
PyObject* get_line(PyObject* self, void*) {
  PyTracebackObject* tb = traceback_of(self);
  int line = tb->tb_lineno;
  if (line == -1) {
    line = PyCode_Addr2Line(frame_code(tb->tb_frame->f_frame), tb->tb_lasti);
    if (line == -1) Py_RETURN_NONE;
  }
  return PyLong_FromLong(line);
}

PyMethodDef traceback_methods[] = {{"__dir__", traceback_dir, METH_NOARGS, nullptr}, {}};
PyMemberDef traceback_members[] = {
    {"tb_frame", Py_T_OBJECT_EX, offsetof(PyTracebackObject, tb_frame), Py_READONLY | Py_AUDIT_READ, nullptr},
    {"tb_lasti", Py_T_INT, offsetof(PyTracebackObject, tb_lasti), Py_READONLY, nullptr},
    {},
};
PyGetSetDef traceback_getsets[] = {
    {"tb_next", get_next, set_next, nullptr, nullptr},
    {"tb_lineno", get_line, nullptr, nullptr, nullptr},
    {},
};

}  // namespace

PyObject* traceback_from_frame(PyObject* next, PyFrameObject* frame) {
  return traceback_make(next, frame, frame_instruction_index(frame->f_frame) * 2, -1);
}

}  // namespace ks

using namespace ks;

extern "C" {

PyTypeObject PyTraceBack_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "traceback",
    .tp_basicsize = sizeof(PyTracebackObject),
    .tp_dealloc = traceback_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "traceback(tb_next, tb_frame, tb_lasti, tb_lineno)\n--\n\nCreate a new traceback object.",
    .tp_traverse = traceback_traverse,
    .tp_clear = traceback_clear,
    .tp_methods = traceback_methods,
    .tp_members = traceback_members,
    .tp_getset = traceback_getsets,
    .tp_new = traceback_new,
};

// Puts the frame in front of the traceback of the exception that is set. 0 or -1.
int PyTraceBack_Here(PyFrameObject* frame) {
  PyObject* exception = PyErr_GetRaisedException();
  if (!exception) return 0;
  PyObject* old = PyException_GetTraceback(exception);
  PyObject* tb = traceback_from_frame(old, frame);
  Py_XDECREF(old);
  if (!tb) {
    // The new failure (no memory) gives way, chained to the old one as the reference does it.
    PyObject* failure = PyErr_GetRaisedException();
    if (failure) PyException_SetContext(failure, exception);
    else Py_DECREF(exception);
    PyErr_SetRaisedException(failure);
    return -1;
  }
  PyException_SetTraceback(exception, tb);
  Py_DECREF(tb);
  PyErr_SetRaisedException(exception);
  return 0;
}

}  // extern "C"
