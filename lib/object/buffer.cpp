// The buffer protocol: getting and releasing views, walking over their elements, copying to and from contiguous memory.
#include <Python.h>

#include <cstring>

#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"

namespace ks {
namespace {

Failed null_error() {
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "null argument to internal routine");
  return failed;
}

bool c_contiguous(const Py_buffer* view) {
  if (view->len == 0 || !view->strides) return true;
  Py_ssize_t expected = view->itemsize;
  for (int i = view->ndim - 1; i >= 0; --i) {
    const Py_ssize_t extent = view->shape[i];
    if (extent > 1 && view->strides[i] != expected) return false;
    expected *= extent;
  }
  return true;
}
bool fortran_contiguous(const Py_buffer* view) {
  if (view->len == 0) return true;
  if (!view->strides) {
    // C order; the same as Fortran's when at most one extent is larger than one.
    if (view->ndim <= 1) return true;
    int large = 0;
    for (int i = 0; i < view->ndim; ++i)
      if (view->shape[i] > 1) ++large;
    return large <= 1;
  }
  Py_ssize_t expected = view->itemsize;
  for (int i = 0; i < view->ndim; ++i) {
    const Py_ssize_t extent = view->shape[i];
    if (extent > 1 && view->strides[i] != expected) return false;
    expected *= extent;
  }
  return true;
}

// Steps to the next element, the last (C) or first (Fortran) index fastest.
void advance(int ndim, Py_ssize_t* indices, const Py_ssize_t* shape, bool fortran) {
  for (int step = 0; step < ndim; ++step) {
    const int i = fortran ? step : ndim - 1 - step;
    if (indices[i] < shape[i] - 1) {
      ++indices[i];
      return;
    }
    indices[i] = 0;
  }
}

struct Indices {
  Py_ssize_t values[PyBUF_MAX_NDIM] = {};
};

}  // namespace
}  // namespace ks

using namespace ks;

int PyObject_CheckBuffer(PyObject* o) {
  PyBufferProcs* buffer = Py_TYPE(o)->tp_as_buffer;
  return buffer && buffer->bf_getbuffer;
}

// Fills the view; -1 on error.
int PyObject_GetBuffer(PyObject* o, Py_buffer* view, int flags) {
  if (flags != PyBUF_SIMPLE) {
    // The values of the old protocol's constants are not flags.
    if (flags == PyBUF_READ || flags == PyBUF_WRITE) {
      PyErr_BadInternalCall();
      return -1;
    }
  }
  PyBufferProcs* buffer = Py_TYPE(o)->tp_as_buffer;
  if (!buffer || !buffer->bf_getbuffer)
    return raise(PyExc_TypeError, "a bytes-like object is required, not '%.100s'", Py_TYPE(o)->tp_name);
  return buffer->bf_getbuffer(o, view, flags);
}

void PyBuffer_Release(Py_buffer* view) {
  PyObject* owner = view->obj;
  if (!owner) return;
  PyBufferProcs* buffer = Py_TYPE(owner)->tp_as_buffer;
  if (buffer && buffer->bf_releasebuffer) buffer->bf_releasebuffer(owner, view);
  view->obj = nullptr;
  Py_DECREF(owner);
}

// Fills a view of a plain block of bytes; -1 with BufferError when it is read-only and writing was asked.
int PyBuffer_FillInfo(Py_buffer* view, PyObject* owner, void* memory, Py_ssize_t length, int readonly, int flags) {
  if (!view) return raise(PyExc_BufferError, "PyBuffer_FillInfo: view==NULL argument is obsolete");
  if (flags != PyBUF_SIMPLE) {
    if (flags == PyBUF_READ || flags == PyBUF_WRITE) {
      PyErr_BadInternalCall();
      return -1;
    }
    if ((flags & PyBUF_WRITABLE) == PyBUF_WRITABLE && readonly)
      return raise(PyExc_BufferError, "Object is not writable.");
  }
  view->obj = Py_XNewRef(owner);
  view->buf = memory;
  view->len = length;
  view->readonly = readonly;
  view->itemsize = 1;
  view->format = (flags & PyBUF_FORMAT) == PyBUF_FORMAT ? const_cast<char*>("B") : nullptr;
  view->ndim = 1;
  view->shape = (flags & PyBUF_ND) == PyBUF_ND ? &view->len : nullptr;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &view->itemsize : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  return 0;
}

int PyBuffer_IsContiguous(const Py_buffer* view, char order) {
  if (view->suboffsets) return 0;
  if (order == 'C') return c_contiguous(view);
  if (order == 'F') return fortran_contiguous(view);
  if (order == 'A') return c_contiguous(view) || fortran_contiguous(view);
  return 0;
}

// The address of an element.
void* PyBuffer_GetPointer(const Py_buffer* view, const Py_ssize_t* indices) {
  auto* pointer = static_cast<char*>(view->buf);
  for (int i = 0; i < view->ndim; ++i) {
    pointer += view->strides[i] * indices[i];
    if (view->suboffsets && view->suboffsets[i] >= 0) pointer = *reinterpret_cast<char**>(pointer) + view->suboffsets[i];
  }
  return pointer;
}

// struct.calcsize(format); -1 on error.
Py_ssize_t PyBuffer_SizeFromFormat(const char* format) {
  Ref<> function = TRY(steal(PyImport_ImportModuleAttrString("struct", "calcsize")));
  Ref<> text = TRY(steal(PyUnicode_FromString(format)));
  Ref<> result = TRY(steal(PyObject_CallOneArg(function, text)));
  const Py_ssize_t size = PyLong_AsSsize_t(result);
  return size < 0 ? -1 : size;
}

// Copies bytes in the order given to the view's elements; -1 on error.
int PyBuffer_FromContiguous(const Py_buffer* view, const void* memory, Py_ssize_t length, char order) {
  if (length > view->len) length = view->len;
  if (PyBuffer_IsContiguous(view, order)) {
    memcpy(view->buf, memory, static_cast<size_t>(length));
    return 0;
  }
  Indices indices;
  const auto* source = static_cast<const char*>(memory);
  for (Py_ssize_t elements = view->itemsize ? length / view->itemsize : 0; elements-- > 0;) {
    memcpy(PyBuffer_GetPointer(view, indices.values), source, static_cast<size_t>(view->itemsize));
    source += view->itemsize;
    advance(view->ndim, indices.values, view->shape, order == 'F');
  }
  return 0;
}

// Copies the view's elements to contiguous memory in the order 'C', 'F' or 'A' (the source's own); -1 on error.
int PyBuffer_ToContiguous(void* memory, const Py_buffer* source, Py_ssize_t length, char order) {
  if (length != source->len)
    return raise(PyExc_ValueError, "PyBuffer_ToContiguous: len != view->len");
  if (PyBuffer_IsContiguous(source, order)) {
    memcpy(memory, source->buf, static_cast<size_t>(length));
    return 0;
  }
  const bool fortran = order == 'F' || (order == 'A' && PyBuffer_IsContiguous(source, 'F'));
  // A view without strides is C contiguous; for another order its strides are needed.
  Py_buffer view = *source;
  Py_ssize_t strides[PyBUF_MAX_NDIM];
  if (!view.strides) {
    Py_ssize_t step = view.itemsize;
    for (int i = view.ndim - 1; i >= 0; --i) {
      strides[i] = step;
      step *= view.shape[i];
    }
    view.strides = strides;
  }
  Indices indices;
  auto* target = static_cast<char*>(memory);
  for (Py_ssize_t elements = view.itemsize ? length / view.itemsize : 0; elements-- > 0;) {
    memcpy(target, PyBuffer_GetPointer(&view, indices.values), static_cast<size_t>(view.itemsize));
    target += view.itemsize;
    advance(view.ndim, indices.values, view.shape, fortran);
  }
  return 0;
}

// Copies the elements of one exporter to another of the same size; -1 on error.
int PyObject_CopyData(PyObject* to, PyObject* from) {
  if (!PyObject_CheckBuffer(to) || !PyObject_CheckBuffer(from))
    return raise(PyExc_TypeError, "both destination and source must be bytes-like objects");
  Py_buffer target, source;
  if (PyObject_GetBuffer(to, &target, PyBUF_FULL) < 0) return -1;
  if (PyObject_GetBuffer(from, &source, PyBUF_FULL_RO) < 0) {
    PyBuffer_Release(&target);
    return -1;
  }
  int result = 0;
  if (target.len < source.len) {
    (void)raise(PyExc_BufferError, "destination is too small to receive data from source");
    result = -1;
  } else if ((PyBuffer_IsContiguous(&target, 'C') && PyBuffer_IsContiguous(&source, 'C')) ||
             (PyBuffer_IsContiguous(&target, 'F') && PyBuffer_IsContiguous(&source, 'F'))) {
    memcpy(target.buf, source.buf, static_cast<size_t>(source.len));
  } else {
    Indices indices;
    Py_ssize_t elements = 1;
    for (int i = 0; i < source.ndim; ++i) elements *= source.shape[i];
    while (elements-- > 0) {
      memcpy(PyBuffer_GetPointer(&target, indices.values), PyBuffer_GetPointer(&source, indices.values),
             static_cast<size_t>(source.itemsize));
      advance(source.ndim, indices.values, source.shape, false);
    }
  }
  PyBuffer_Release(&target);
  PyBuffer_Release(&source);
  return result;
}

// The strides of a contiguous array.
void PyBuffer_FillContiguousStrides(int ndim, Py_ssize_t* shape, Py_ssize_t* strides, int itemsize, char order) {
  Py_ssize_t step = itemsize;
  for (int n = 0; n < ndim; ++n) {
    const int i = order == 'F' ? n : ndim - 1 - n;
    strides[i] = step;
    step *= shape[i];
  }
}

// ---- the old protocol, for the stable ABI: pointers that nobody releases ---------------------------------------------

static int old_buffer(PyObject* o, const void** buffer, Py_ssize_t* length, bool write) {
  if (!o || !buffer || !length) return null_error();
  Py_buffer view;
  PyBufferProcs* procs = Py_TYPE(o)->tp_as_buffer;
  if (write) {
    if (!procs || !procs->bf_getbuffer || procs->bf_getbuffer(o, &view, PyBUF_WRITABLE) != 0)
      return raise(PyExc_TypeError, "expected a writable bytes-like object");
  } else if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) != 0) {
    return -1;
  }
  *buffer = view.buf;
  *length = view.len;
  PyBuffer_Release(&view);
  return 0;
}
KS_EXPORT int PyObject_AsCharBuffer(PyObject* o, const char** buffer, Py_ssize_t* length) {
  return old_buffer(o, reinterpret_cast<const void**>(buffer), length, false);
}
KS_EXPORT int PyObject_AsReadBuffer(PyObject* o, const void** buffer, Py_ssize_t* length) {
  return old_buffer(o, buffer, length, false);
}
KS_EXPORT int PyObject_AsWriteBuffer(PyObject* o, void** buffer, Py_ssize_t* length) {
  return old_buffer(o, const_cast<const void**>(buffer), length, true);
}
KS_EXPORT int PyObject_CheckReadBuffer(PyObject* o) {
  Py_buffer view;
  if (!PyObject_CheckBuffer(o)) return 0;
  if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) != 0) {
    PyErr_Clear();
    return 0;
  }
  PyBuffer_Release(&view);
  return 1;
}

// Releases a view in the interpreter that it came from: 0, or -1 with an exception.
KS_EXPORT int _PyBuffer_ReleaseInInterpreter(PyInterpreterState* interp, Py_buffer* view) {
  if (interp == PyInterpreterState_Get()) {
    PyBuffer_Release(view);
    return 0;
  }
  PyThreadState* other = PyThreadState_New(interp);
  if (!other) return -1;
  PyThreadState* before = PyThreadState_Swap(other);
  PyBuffer_Release(view);
  PyThreadState_Clear(other);
  PyThreadState_Swap(before);
  PyThreadState_Delete(other);
  return 0;
}
KS_EXPORT int _PyBuffer_ReleaseInInterpreterAndRawFree(PyInterpreterState* interp, Py_buffer* view) {
  const int result = _PyBuffer_ReleaseInInterpreter(interp, view);
  PyMem_RawFree(view);
  return result;
}
