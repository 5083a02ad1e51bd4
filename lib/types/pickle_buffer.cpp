// PickleBuffer: a wrapper that lets a buffer travel outside the pickle stream.
#include "object/method.h"
#include "runtime/state.h"

namespace ks {
namespace {

struct PickleBuffer {
  PyObject ob_base;
  Py_buffer view;  // obj is nullptr once released
  PyObject* weakrefs;
};

Failed raise_released() { return raise(PyExc_ValueError, "operation forbidden on released PickleBuffer object"); }

PyObject* make(PyTypeObject* type, PyObject* base) {
  auto* self = as<PickleBuffer>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->view.obj = nullptr;
  self->weakrefs = nullptr;
  if (PyObject_GetBuffer(base, &self->view, PyBUF_FULL_RO) < 0) {
    Py_DECREF(object(self));
    return nullptr;
  }
  return object(self);
}
PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count != 1) return raise(PyExc_TypeError, "PickleBuffer() takes exactly 1 positional argument (%zd given)", count);
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "PickleBuffer() takes no keyword arguments");
  return make(type, PyTuple_GET_ITEM(args, 0));
}
int traverse(PickleBuffer* self, visitproc visit, void* arg) {
  Py_VISIT(self->view.obj);
  return 0;
}
int clear(PickleBuffer* self) {
  if (self->view.obj) PyBuffer_Release(&self->view);
  return 0;
}
void dealloc(PickleBuffer* self) {
  PyObject_GC_UnTrack(self);
  if (self->weakrefs) PyObject_ClearWeakRefs(object(self));
  clear(self);
  Py_TYPE(object(self))->tp_free(object(self));
}
int get_buffer(PickleBuffer* self, Py_buffer* view, int flags) {
  if (!self->view.obj) {
    view->obj = nullptr;
    return raise_released();
  }
  return PyObject_GetBuffer(self->view.obj, view, flags);
}
void release_buffer(PickleBuffer*, Py_buffer*) {}

PyObject* pickle_raw(PickleBuffer* self) {
  if (!self->view.obj) return raise_released();
  if (!PyBuffer_IsContiguous(&self->view, 'A')) return raise(PyExc_BufferError, "cannot extract raw buffer from non-contiguous buffer");
  Ref<> whole = TRY(steal(PyMemoryView_FromObject(object(self))));
  // The same memory as one dimension of bytes.
  Py_buffer* view = PyMemoryView_GET_BUFFER(whole.get());
  view->format = const_cast<char*>("B");
  view->ndim = 1;
  view->itemsize = 1;
  view->strides = &view->itemsize;
  view->shape = &view->len;
  view->suboffsets = nullptr;
  Ref<> result = TRY(steal(PyMemoryView_FromObject(whole)));
  return result.release();
}
METHOD_AS(pickle_raw, "raw", 0, "($self, /)",
          "Return a memoryview of the raw memory underlying this buffer.\n\nWill raise BufferError if the buffer isn't contiguous.");
void pickle_release(PickleBuffer* self) { clear(self); }
METHOD_AS(pickle_release, "release", 0, "($self, /)", "Release the underlying buffer exposed by the PickleBuffer object.");

PyMethodDef methods[] = {pickle_raw_method, pickle_release_method, {}};
PyBufferProcs buffer_slots = {KS_CONSTANT_CAST(getbufferproc, get_buffer), KS_CONSTANT_CAST(releasebufferproc, release_buffer)};

PickleBuffer* expect(PyObject* o) {
  if (!PyObject_TypeCheck(o, &PyPickleBuffer_Type)) return raise(PyExc_TypeError, "expected PickleBuffer, %.200s found", Py_TYPE(o)->tp_name);
  return as<PickleBuffer>(o);
}

}  // namespace
}  // namespace ks

// New; NULL on error.
PyObject* PyPickleBuffer_FromObject(PyObject* base) { return ks::make(&PyPickleBuffer_Type, base); }
// Borrowed description of the buffer; NULL with TypeError or ValueError.
const Py_buffer* PyPickleBuffer_GetBuffer(PyObject* o) {
  ks::PickleBuffer* self = ks::expect(o);
  if (!self) return nullptr;
  if (!self->view.obj) return ks::raise_released();
  return &self->view;
}
// 0; -1 with TypeError.
int PyPickleBuffer_Release(PyObject* o) {
  ks::PickleBuffer* self = ks::expect(o);
  return self ? ks::clear(self) : -1;
}

PyTypeObject PyPickleBuffer_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "pickle.PickleBuffer",
    .tp_basicsize = sizeof(ks::PickleBuffer),
    .tp_dealloc = reinterpret_cast<destructor>(ks::dealloc),
    .tp_as_buffer = &ks::buffer_slots,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "Wrapper for potentially out-of-band buffers",
    .tp_traverse = reinterpret_cast<traverseproc>(ks::traverse),
    .tp_clear = reinterpret_cast<inquiry>(ks::clear),
    .tp_weaklistoffset = offsetof(ks::PickleBuffer, weakrefs),
    .tp_methods = ks::methods,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = ks::new_slot,
    .tp_free = PyObject_GC_Del,
};
