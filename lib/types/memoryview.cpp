// memoryview: a view of another object's buffer.
//
// The exporter's buffer is acquired once, by a managed buffer (mbuf); all views derived from it share that and have a description of
// their own: `view` points to shape, strides and suboffsets in ob_array. mbuf->exports counts views, self->exports counts the
// buffers that a view has exported itself: while there are any, the view cannot be released.
#include <algorithm>

#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "runtime/state.h"
#include "types/bytes_methods.h"
#include "types/int.h"
#include "types/memoryview_item.h"

extern "C" {
extern PyTypeObject _PyManagedBuffer_Type;
extern PyTypeObject _PyMemoryIter_Type;
PyObject* _PyMemoryView_FromBufferProc(PyObject* self, int flags, getbufferproc function);
}

namespace ks {

using Managed = _PyManagedBufferObject;
using View = PyMemoryViewObject;

// ---- managed buffers ---------------------------------------------------------------------------------------------------

static Managed* managed_new() {
  auto* managed = PyObject_GC_New(Managed, &_PyManagedBuffer_Type);
  if (!managed) return nullptr;
  managed->flags = 0;
  managed->exports = 0;
  managed->master = {};
  PyObject_GC_Track(managed);
  return managed;
}
static void managed_release(Managed* managed) {
  if (managed->flags & _Py_MANAGED_BUFFER_RELEASED) return;
  managed->flags |= _Py_MANAGED_BUFFER_RELEASED;
  PyObject_GC_UnTrack(managed);
  PyBuffer_Release(&managed->master);
}
static void managed_dealloc(Managed* managed) {
  managed_release(managed);
  if (managed->flags & _Py_MANAGED_BUFFER_FREE_FORMAT) PyMem_Free(managed->master.format);
  PyObject_GC_Del(managed);
}
static int managed_traverse(Managed* managed, visitproc visit, void* arg) {
  Py_VISIT(managed->master.obj);
  return 0;
}
static int managed_clear(Managed* managed) {
  if (managed->exports == 0) managed_release(managed);
  return 0;
}

// ---- views -----------------------------------------------------------------------------------------------------------

static void set_layout_flags(View* self) {
  const Py_buffer& view = self->view;
  int flags = 0;
  if (view.ndim == 0) {
    flags = _Py_MEMORYVIEW_SCALAR | _Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN;
  } else if (view.ndim == 1) {
    if (view.shape[0] == 1 || view.strides[0] == view.itemsize) flags = _Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN;
  } else {
    if (PyBuffer_IsContiguous(&view, 'C')) flags |= _Py_MEMORYVIEW_C;
    if (PyBuffer_IsContiguous(&view, 'F')) flags |= _Py_MEMORYVIEW_FORTRAN;
  }
  if (view.suboffsets) {
    flags |= _Py_MEMORYVIEW_PIL;
    flags &= ~(_Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN);
  }
  self->flags = flags;
}
static void set_c_strides(Py_buffer& view) {
  Py_ssize_t stride = view.itemsize;
  for (int i = view.ndim; i-- > 0;) {
    view.strides[i] = stride;
    stride *= view.shape[i];
  }
}
static View* view_new(int ndim) {
  auto* self = PyObject_GC_NewVar(View, &PyMemoryView_Type, 3 * ndim);
  if (!self) return nullptr;
  self->mbuf = nullptr;
  self->hash = -1;
  self->flags = 0;
  self->exports = 0;
  self->view = {};
  self->view.ndim = ndim;
  self->view.shape = self->ob_array;
  self->view.strides = self->ob_array + ndim;
  self->view.suboffsets = self->ob_array + 2 * ndim;
  self->weakreflist = nullptr;
  PyObject_GC_Track(self);
  return self;
}
static void copy_shared(Py_buffer& to, const Py_buffer& from) {
  to.obj = from.obj;
  to.buf = from.buf;
  to.len = from.len;
  to.itemsize = from.itemsize;
  to.readonly = from.readonly;
  to.format = from.format ? from.format : const_cast<char*>("B");
  to.internal = from.internal;
}
// A view of the managed buffer as `source` describes it (by default the master).
static View* view_of(Managed* managed, const Py_buffer* source) {
  if (!source) source = &managed->master;
  if (source->ndim > PyBUF_MAX_NDIM)
    return raise(PyExc_ValueError, "memoryview: number of dimensions must not exceed " Py_STRINGIFY(PyBUF_MAX_NDIM));
  View* self = view_new(source->ndim);
  if (!self) return nullptr;
  Py_buffer& view = self->view;
  copy_shared(view, *source);
  if (view.ndim == 0) {
    view.shape = view.strides = nullptr;
  } else if (view.ndim == 1) {
    view.shape[0] = source->shape ? source->shape[0] : source->len / source->itemsize;
    view.strides[0] = source->strides ? source->strides[0] : source->itemsize;
  } else {
    for (int i = 0; i < view.ndim; ++i) view.shape[i] = source->shape[i];
    if (!source->strides) set_c_strides(view);
    else std::copy_n(source->strides, view.ndim, view.strides);
  }
  if (source->suboffsets) std::copy_n(source->suboffsets, view.ndim, view.suboffsets);
  else view.suboffsets = nullptr;
  set_layout_flags(self);
  self->mbuf = as<Managed>(Py_NewRef(object(managed)));
  ++managed->exports;
  return self;
}

static bool is_released(const View* self) {
  return (self->flags & _Py_MEMORYVIEW_RELEASED) || (self->mbuf->flags & _Py_MANAGED_BUFFER_RELEASED);
}
static Status check_alive(const View* self) {
  if (is_released(self)) return raise(PyExc_ValueError, "operation forbidden on released memoryview object");
  return Status::Ok;
}
// Only formats of one native item can be read and written.
static Status check_format(const View* self) {
  const char* format = self->view.format;
  const char* code = format + (*format == '@');
  if (code[0] && !code[1]) return Status::Ok;
  return raise(PyExc_NotImplementedError, "memoryview: unsupported format %s", format);
}
static Status check_shareable(const View* self) {
  TRY(check_alive(self));
  if (self->flags & _Py_MEMORYVIEW_RESTRICTED) return raise(PyExc_ValueError, "cannot create new view on restricted memoryview");
  return Status::Ok;
}
// While items are read or written, code may run that releases the view: it must fail then.
class Busy {
 public:
  explicit Busy(View* self) : self_(self) { ++self->exports; }
  ~Busy() { --self_->exports; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  View* self_;
};

static Ref<View> from_object(PyObject* o, int flags, getbufferproc function) {
  Ref<Managed> managed = TRY(steal(managed_new()));
  const int result = function ? function(o, &managed->master, flags) : PyObject_GetBuffer(o, &managed->master, flags);
  if (result < 0) {
    managed->master.obj = nullptr;  // whatever the exporter left there
    return nullptr;
  }
  return steal(view_of(managed, nullptr));
}
static View* view_from_object(PyObject* o, int flags) {
  if (PyMemoryView_Check(o)) {
    View* other = as<View>(o);
    TRY(check_shareable(other));
    return view_of(other->mbuf, &other->view);
  }
  if (PyObject_CheckBuffer(o)) return from_object(o, flags, nullptr).release();
  return raise(PyExc_TypeError, "memoryview: a bytes-like object is required, not '%.200s'", Py_TYPE(o)->tp_name);
}

namespace {

Status release(View* self) {
  if (self->flags & _Py_MEMORYVIEW_RELEASED) return Status::Ok;
  if (self->exports > 0)
    return raise(PyExc_BufferError, "memoryview has %zd exported buffer%s", self->exports, self->exports == 1 ? "" : "s");
  if (self->exports < 0) return raise(PyExc_SystemError, "memoryview: negative export count");
  self->flags |= _Py_MEMORYVIEW_RELEASED;
  if (--self->mbuf->exports == 0) managed_release(self->mbuf);
  return Status::Ok;
}
void dealloc(View* self) {
  PyObject_GC_UnTrack(self);
  if (self->mbuf) {
    (void)release(self);
    Py_CLEAR(self->mbuf);
  }
  if (self->weakreflist) PyObject_ClearWeakRefs(object(self));
  PyObject_GC_Del(self);
}
int traverse(View* self, visitproc visit, void* arg) {
  Py_VISIT(self->mbuf);
  return 0;
}
int clear(View* self) {
  if (self->exports == 0 && self->mbuf) {
    (void)release(self);
    Py_CLEAR(self->mbuf);
    self->flags |= _Py_MEMORYVIEW_RELEASED;
  }
  return 0;
}

constexpr Signature new_signature = read_signature("memoryview", "(object)");
PyObject* new_slot(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  PyObject* o = nullptr;
  TRY(bind_tuple(new_signature, args, kwargs, &o));
  return PyMemoryView_FromObject(o);
}
PyObject* view_from_flags(PyObject*, PyObject* o, int flags) { return object(view_from_object(o, flags)); }
METHOD_AS(view_from_flags, "_from_flags", METH_CLASS, "($type, /, object, flags)",
          "Create a new memoryview object which references the given object, with these buffer flags.");

// ---- the buffer protocol -------------------------------------------------------------------------------------------------

int get_buffer(View* self, Py_buffer* view, int flags) {
  if (is_failure(check_shareable(self))) return -1;
  const int base = self->flags;
  auto wants = [&](int flag) { return (flags & flag) == flag; };
  auto refuse = [&](const char* why) {
    view->obj = nullptr;
    return raise(PyExc_BufferError, "memoryview: underlying buffer %s", why);
  };
  *view = self->view;
  view->obj = nullptr;
  if (wants(PyBUF_WRITABLE) && self->view.readonly) return refuse("is not writable");
  if (!wants(PyBUF_FORMAT)) view->format = nullptr;
  if (wants(PyBUF_C_CONTIGUOUS) && !(base & _Py_MEMORYVIEW_C)) return refuse("is not C-contiguous");
  if (wants(PyBUF_F_CONTIGUOUS) && !(base & _Py_MEMORYVIEW_FORTRAN)) return refuse("is not Fortran contiguous");
  if (wants(PyBUF_ANY_CONTIGUOUS) && !(base & (_Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN))) return refuse("is not contiguous");
  if (!wants(PyBUF_INDIRECT) && (base & _Py_MEMORYVIEW_PIL)) return refuse("requires suboffsets");
  if (!wants(PyBUF_STRIDES)) {
    if (!(base & _Py_MEMORYVIEW_C)) return refuse("is not C-contiguous");
    view->strides = nullptr;
  }
  if (!wants(PyBUF_ND)) {
    if (view->format) return raise(PyExc_BufferError, "memoryview: cannot cast to unsigned bytes if the format flag is present");
    view->ndim = 1;
    view->shape = nullptr;
  }
  view->obj = Py_NewRef(object(self));
  ++self->exports;
  return 0;
}
void release_buffer(View* self, Py_buffer*) { --self->exports; }

// ---- places ----------------------------------------------------------------------------------------------------------

const char* follow(const char* place, const Py_ssize_t* suboffsets, int dimension) {
  return suboffsets && suboffsets[dimension] >= 0 ? *reinterpret_cast<char* const*>(place) + suboffsets[dimension] : place;
}
char* place_in_dimension(const Py_buffer& view, const char* place, int dimension, Py_ssize_t index) {
  if (index < 0) index += view.shape[dimension];
  if (index < 0 || index >= view.shape[dimension]) return raise(PyExc_IndexError, "index out of bounds on dimension %d", dimension + 1);
  return const_cast<char*>(follow(place + view.strides[dimension] * index, view.suboffsets, dimension));
}
char* place_of_index(const Py_buffer& view, Py_ssize_t index) {
  return place_in_dimension(view, static_cast<char*>(view.buf), 0, index);
}
char* place_of_tuple(const Py_buffer& view, PyObject* tuple) {
  const Py_ssize_t count = PyTuple_GET_SIZE(tuple);
  if (count > view.ndim) return raise(PyExc_TypeError, "cannot index %d-dimension view with %zd-element tuple", view.ndim, count);
  char* place = static_cast<char*>(view.buf);
  for (int i = 0; i < count; ++i) {
    const Py_ssize_t index = PyNumber_AsSsize_t(PyTuple_GET_ITEM(tuple, i), PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    place = TRY(place_in_dimension(view, place, i, index));
  }
  return place;
}

// Copies items of `shape` from one layout to another; both have the same shape and item size. Overlaps are fine for one dimension.
void copy_items(int ndim, const Py_ssize_t* shape, Py_ssize_t itemsize, char* to, const Py_ssize_t* to_strides, const Py_ssize_t* to_suboffsets,
                const char* from, const Py_ssize_t* from_strides, const Py_ssize_t* from_suboffsets) {
  if (ndim == 0) {
    memcpy(to, from, static_cast<size_t>(itemsize));
    return;
  }
  for (Py_ssize_t i = 0; i < shape[0]; ++i, to += to_strides[0], from += from_strides[0])
    copy_items(ndim - 1, shape + 1, itemsize, const_cast<char*>(follow(to, to_suboffsets, 0)), to_strides + 1,
               to_suboffsets ? to_suboffsets + 1 : nullptr, follow(from, from_suboffsets, 0), from_strides + 1,
               from_suboffsets ? from_suboffsets + 1 : nullptr);
}
// Writes the view's items one behind the other, 'C' or 'F' order.
Status write_contiguous(char* out, const Py_buffer& view, char order) {
  if (view.ndim == 0) {
    memcpy(out, view.buf, static_cast<size_t>(view.itemsize));
    return Status::Ok;
  }
  Py_ssize_t strides[PyBUF_MAX_NDIM];
  Py_ssize_t stride = view.itemsize;
  for (int i = 0; i < view.ndim; ++i) {
    const int dimension = order == 'F' ? i : view.ndim - 1 - i;
    strides[dimension] = stride;
    stride *= view.shape[dimension];
  }
  copy_items(view.ndim, view.shape, view.itemsize, out, strides, nullptr, static_cast<const char*>(view.buf), view.strides, view.suboffsets);
  return Status::Ok;
}

// ---- cast ------------------------------------------------------------------------------------------------------------

// A static text of the format, as the view does not own its format.
char* static_format(char code, bool with_sign) {
  static constexpr char kFormats[] = "@c\0@b\0@B\0@h\0@H\0@i\0@I\0@l\0@L\0@q\0@Q\0@n\0@N\0@f\0@d\0@e\0@?\0@P";
  for (size_t i = 1; i < sizeof(kFormats); i += 3)
    if (kFormats[i] == code) return const_cast<char*>(&kFormats[with_sign ? i - 1 : i]);
  return nullptr;
}
bool is_byte_code(char code) { return code == 'b' || code == 'B' || code == 'c'; }

Status cast_to_one_dimension(View* self, const char* format) {
  Py_buffer& view = self->view;
  Py_ssize_t itemsize, source_size;
  const char code = native_format_code(format, &itemsize);
  if (!code)
    return raise(PyExc_ValueError, "memoryview: destination format must be a native single character format prefixed with an optional '@'");
  const char source = native_format_code(view.format, &source_size);
  // A source of another format ("<d", as ctypes has) may be seen as bytes.
  if (!is_byte_code(source) && !is_byte_code(code)) return raise(PyExc_TypeError, "memoryview: cannot cast between two non-byte formats");
  if (view.len % itemsize) return raise(PyExc_TypeError, "memoryview: length is not a multiple of itemsize");
  view.format = static_format(code, *format == '@');
  view.itemsize = itemsize;
  view.ndim = 1;
  view.shape = self->ob_array;
  view.strides = self->ob_array + 1;
  view.shape[0] = view.len / itemsize;
  view.strides[0] = itemsize;
  view.suboffsets = nullptr;
  set_layout_flags(self);
  return Status::Ok;
}
Status cast_to_shape(View* self, PyObject* shape, int ndim) {
  Py_buffer& view = self->view;
  view.ndim = ndim;
  view.shape = ndim ? self->ob_array : nullptr;
  view.strides = ndim ? self->ob_array + ndim : nullptr;
  view.suboffsets = nullptr;
  Py_ssize_t length = view.itemsize;
  for (int i = 0; i < ndim; ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(shape, i);
    if (!PyLong_Check(item)) return raise(PyExc_TypeError, "memoryview.cast(): elements of shape must be integers");
    const Py_ssize_t size = PyLong_AsSsize_t(item);
    if (size == -1 && PyErr_Occurred()) return failed;
    if (size <= 0) return raise(PyExc_ValueError, "memoryview.cast(): elements of shape must be integers > 0");
    if (size > PY_SSIZE_T_MAX / length) return raise(PyExc_ValueError, "memoryview.cast(): product(shape) > SSIZE_MAX");
    length *= size;
    view.shape[i] = size;
  }
  if (ndim) set_c_strides(view);
  if (view.len != length) return raise(PyExc_TypeError, "memoryview: product(shape) * itemsize != buffer size");
  set_layout_flags(self);
  return Status::Ok;
}
PyObject* memoryview_cast(View* self, StrArgument format, PyObject* shape) {
  TRY(check_shareable(self));
  if (!(self->flags & _Py_MEMORYVIEW_C)) return raise(PyExc_TypeError, "memoryview: casts are restricted to C-contiguous views");
  if (shape || self->view.ndim != 1)
    for (int i = 0; i < self->view.ndim; ++i)
      if (self->view.shape[i] == 0 || self->view.strides[i] == 0)
        return raise(PyExc_TypeError, "memoryview: cannot cast view with zeros in shape or strides");
  Py_ssize_t ndim = 1;
  if (shape) {
    if (!PyList_Check(shape) && !PyTuple_Check(shape)) return raise(PyExc_TypeError, "shape must be a list or a tuple");
    ndim = PySequence_Fast_GET_SIZE(shape);
    if (ndim > PyBUF_MAX_NDIM)
      return raise(PyExc_ValueError, "memoryview: number of dimensions must not exceed " Py_STRINGIFY(PyBUF_MAX_NDIM));
    if (self->view.ndim != 1 && ndim != 1) return raise(PyExc_TypeError, "memoryview: cast must be 1D -> ND or ND -> 1D");
  }
  Ref<> ascii = TRY(steal(PyUnicode_AsASCIIString(format)));
  // Room for the larger of both shapes: the source is copied first.
  Ref<View> result = TRY(steal(view_new(ndim == 0 ? 1 : static_cast<int>(ndim))));
  copy_shared(result->view, self->view);
  result->mbuf = as<Managed>(Py_NewRef(object(self->mbuf)));
  ++self->mbuf->exports;
  TRY(cast_to_one_dimension(result, PyBytes_AS_STRING(ascii.get())));
  if (shape) TRY(cast_to_shape(result, shape, static_cast<int>(ndim)));
  return object(result.release());
}
METHOD(memoryview, cast, "($self, /, format, shape=<unrepresentable>)", "Cast a memoryview to a new format or shape.");
PyObject* memoryview_toreadonly(View* self) {
  TRY(check_shareable(self));
  View* result = TRY(view_of(self->mbuf, &self->view));
  result->view.readonly = 1;
  return object(result);
}
METHOD(memoryview, toreadonly, "($self, /)", "Return a readonly version of the memoryview.");
Status memoryview_release(View* self) { return release(self); }
METHOD(memoryview, release, "($self, /)", "Release the underlying buffer exposed by the memoryview object.");
PyObject* enter(View* self) {
  TRY(check_alive(self));
  return Py_NewRef(object(self));
}
METHOD_AS(enter, "__enter__", 0, "($self, /)", "");
Status leave(View* self, PyObject*) { return release(self); }
METHOD_AS(leave, "__exit__", 0, "($self, /, *exc_info)", "Release the underlying buffer exposed by the memoryview object.");

// ---- copies out ------------------------------------------------------------------------------------------------------

PyObject* list_of(const char* place, const Py_buffer& view, int dimension, const char* format) {
  if (dimension == view.ndim) return unpack_item(place, format);
  const Py_ssize_t count = view.shape[dimension];
  Ref<> list = TRY(steal(PyList_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i, place += view.strides[dimension])
    PyList_SET_ITEM(list.get(), i, TRY(list_of(follow(place, view.suboffsets, dimension), view, dimension + 1, format)));
  return list.release();
}
PyObject* memoryview_tolist(View* self) {
  TRY(check_alive(self));
  TRY(check_format(self));
  Busy busy(self);
  return list_of(static_cast<char*>(self->view.buf), self->view, 0, self->view.format);
}
METHOD(memoryview, tolist, "($self, /)", "Return the data in the buffer as a list of elements.");
PyObject* memoryview_tobytes(View* self, PyObject* order) {
  TRY(check_alive(self));
  char letter = 'C';
  if (order && order != Py_None) {
    if (!PyUnicode_Check(order)) return raise(PyExc_TypeError, "tobytes() argument 'order' must be str or None, not %T", order);
    if (PyUnicode_EqualToUTF8(order, "F")) letter = 'F';
    else if (PyUnicode_EqualToUTF8(order, "A")) letter = 'A';
    else if (!PyUnicode_EqualToUTF8(order, "C")) return raise(PyExc_ValueError, "order must be 'C', 'F' or 'A'");
  }
  if (letter == 'A') letter = !(self->flags & _Py_MEMORYVIEW_C) && (self->flags & _Py_MEMORYVIEW_FORTRAN) ? 'F' : 'C';
  Ref<> result = TRY(steal(bytes_new(self->view.len)));
  if (self->view.len == 0) return result.release();
  if (self->flags & (letter == 'C' ? _Py_MEMORYVIEW_C : _Py_MEMORYVIEW_FORTRAN))
    memcpy(bytes_data(result), self->view.buf, static_cast<size_t>(self->view.len));
  else TRY(write_contiguous(bytes_data(result), self->view, letter));
  return result.release();
}
METHOD(memoryview, tobytes, "($self, /, order='C')",
       "Return the data in the buffer as a byte string.\n\n"
       "Order can be {'C', 'F', 'A'}: row by row, column by column, or as it lies in memory when it is Fortran contiguous.\n"
       "Default is 'C'. None is treated as 'C'.");
PyObject* memoryview_hex(View* self, PyObject* sep, int bytes_per_sep) {
  TRY(check_alive(self));
  if (self->flags & _Py_MEMORYVIEW_C) {
    Busy busy(self);
    return bytes_hex(static_cast<char*>(self->view.buf), self->view.len, sep, bytes_per_sep, false);
  }
  Ref<> copy = TRY(steal(memoryview_tobytes(self, nullptr)));
  return bytes_hex(bytes_data(copy), Py_SIZE(copy.get()), sep, bytes_per_sep, false);
}
METHOD(memoryview, hex, "($self, /, sep=<unrepresentable>, bytes_per_sep=1)",
       "Return the data in the buffer as a str of hexadecimal numbers.\n\n  sep\n    A single character or byte that separates groups.\n"
       "  bytes_per_sep\n    How many bytes make a group; counted from the right, negative: from the left.");

// ---- items and slices ------------------------------------------------------------------------------------------------

PyObject* item(View* self, Py_ssize_t index) {
  TRY(check_alive(self));
  TRY(check_format(self));
  if (self->view.ndim == 0) return raise(PyExc_TypeError, "invalid indexing of 0-dim memory");
  if (self->view.ndim > 1) return raise(PyExc_NotImplementedError, "multi-dimensional sub-views are not implemented");
  const char* place = TRY(place_of_index(self->view, index));
  return unpack_item(place, self->view.format);
}
bool is_multi_index(PyObject* key) {
  if (!PyTuple_Check(key)) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); ++i)
    if (!PyIndex_Check(PyTuple_GET_ITEM(key, i))) return false;
  return true;
}
bool is_multi_slice(PyObject* key) {
  if (!PyTuple_Check(key) || PyTuple_GET_SIZE(key) == 0) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); ++i)
    if (!PySlice_Check(PyTuple_GET_ITEM(key, i))) return false;
  return true;
}
// Narrows the first dimension.
Status apply_slice(Py_buffer& view, PyObject* key) {
  Py_ssize_t start, stop, step;
  TRY(PySlice_Unpack(key, &start, &stop, &step));
  const Py_ssize_t count = PySlice_AdjustIndices(view.shape[0], &start, &stop, step);
  Py_ssize_t* suboffsets = view.suboffsets;
  if (!suboffsets || suboffsets[0] < 0) view.buf = static_cast<char*>(view.buf) + view.strides[0] * start;
  else {
    int n = 0;
    while (n < view.ndim && suboffsets[n] < 0) ++n;
    view.buf = static_cast<char*>(view.buf) + view.strides[0] * start;
  }
  view.shape[0] = count;
  view.strides[0] *= step;
  Py_ssize_t length = view.itemsize;
  for (int i = 0; i < view.ndim; ++i) length *= view.shape[i];
  view.len = length;
  return Status::Ok;
}
PyObject* subscript(View* self, PyObject* key) {
  TRY(check_alive(self));
  if (self->view.ndim == 0) {
    if (PyTuple_Check(key) && PyTuple_GET_SIZE(key) == 0) {
      TRY(check_format(self));
      return unpack_item(static_cast<char*>(self->view.buf), self->view.format);
    }
    if (key == Py_Ellipsis) return Py_NewRef(object(self));
    return raise(PyExc_TypeError, "invalid indexing of 0-dim memory");
  }
  if (PyIndex_Check(key)) {
    const Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return nullptr;
    return item(self, index);
  }
  if (PySlice_Check(key)) {
    TRY(check_shareable(self));
    Ref<View> result = TRY(steal(view_of(self->mbuf, &self->view)));
    TRY(apply_slice(result->view, key));
    set_layout_flags(result);
    return object(result.release());
  }
  if (is_multi_index(key)) {
    TRY(check_format(self));
    const Py_ssize_t count = PyTuple_GET_SIZE(key);
    if (count < self->view.ndim) return raise(PyExc_NotImplementedError, "sub-views are not implemented");
    const char* place = TRY(place_of_tuple(self->view, key));
    TRY(check_alive(self));
    return unpack_item(place, self->view.format);
  }
  if (is_multi_slice(key)) return raise(PyExc_NotImplementedError, "multi-dimensional slicing is not implemented");
  return raise(PyExc_TypeError, "memoryview: invalid slice key");
}

bool same_structure(const Py_buffer& a, const Py_buffer& b) {
  const char* left = a.format ? a.format : "B";
  const char* right = b.format ? b.format : "B";
  if (strcmp(left + (*left == '@'), right + (*right == '@')) != 0 || a.itemsize != b.itemsize || a.ndim != b.ndim) return false;
  for (int i = 0; i < a.ndim; ++i) {
    if (a.shape[i] != b.shape[i]) return false;
    if (a.shape[i] == 0) break;
  }
  return true;
}
Status assign_slice(View* self, PyObject* key, PyObject* value) {
  Py_buffer source;
  if (PyObject_GetBuffer(value, &source, PyBUF_FULL_RO) < 0) return failed;
  Py_buffer target = self->view;
  Py_ssize_t arrays[3] = {target.shape[0], target.strides[0], target.suboffsets ? target.suboffsets[0] : -1};
  target.shape = &arrays[0];
  target.strides = &arrays[1];
  if (target.suboffsets) target.suboffsets = &arrays[2];
  Status result = apply_slice(target, key);
  if (result == Status::Ok) result = check_alive(self);
  if (result == Status::Ok) {
    Py_ssize_t one_shape = source.ndim == 1 && !source.shape ? source.len / source.itemsize : 0, one_stride = source.itemsize;
    if (source.ndim == 1 && !source.shape) source.shape = &one_shape;
    if (source.ndim == 1 && !source.strides) source.strides = &one_stride;
    if (source.ndim != 1 || !same_structure(target, source)) {
      result = raise(PyExc_ValueError, "memoryview assignment: lvalue and rvalue have different structures");
    } else if (target.shape[0] > 0) {
      // Through a copy: the two may overlap.
      const size_t size = static_cast<size_t>(target.shape[0] * target.itemsize);
      const bool plain = target.strides[0] == target.itemsize && source.strides[0] == source.itemsize && !target.suboffsets && !source.suboffsets;
      if (plain) {
        memmove(target.buf, source.buf, size);
      } else if (auto* copy = static_cast<char*>(PyMem_Malloc(size))) {
        copy_items(1, target.shape, target.itemsize, copy, &target.itemsize, nullptr, static_cast<char*>(source.buf), source.strides, source.suboffsets);
        copy_items(1, target.shape, target.itemsize, static_cast<char*>(target.buf), target.strides, target.suboffsets, copy, &target.itemsize, nullptr);
        PyMem_Free(copy);
      } else {
        PyErr_NoMemory();
        result = Status::Error;
      }
    }
    if (source.shape == &one_shape) source.shape = nullptr;
    if (source.strides == &one_stride) source.strides = nullptr;
  }
  PyBuffer_Release(&source);
  return result;
}
// Keys and values may run code that releases the view: nothing is written then.
Status store(View* self, char* place, PyObject* value) {
  TRY(check_alive(self));
  char item[32];
  const auto size = static_cast<size_t>(self->view.itemsize);
  if (size > sizeof item) return pack_item(place, value, self->view.format);  // no native format
  memcpy(item, place, size);
  TRY(pack_item(item, value, self->view.format));
  TRY(check_alive(self));
  memcpy(place, item, size);
  return Status::Ok;
}
int assign_subscript(View* self, PyObject* key, PyObject* value) {
  if (is_failure(check_alive(self)) || is_failure(check_format(self))) return -1;
  const Py_buffer& view = self->view;
  if (view.readonly) return raise(PyExc_TypeError, "cannot modify read-only memory");
  if (!value) return raise(PyExc_TypeError, "cannot delete memory");
  if (view.ndim == 0) {
    if (key == Py_Ellipsis || (PyTuple_Check(key) && PyTuple_GET_SIZE(key) == 0))
      return to_c(store(self, static_cast<char*>(view.buf), value));
    return raise(PyExc_TypeError, "invalid indexing of 0-dim memory");
  }
  if (PyIndex_Check(key)) {
    if (view.ndim > 1) return raise(PyExc_NotImplementedError, "sub-views are not implemented");
    const Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return -1;
    char* place = place_of_index(view, index);
    return place ? to_c(store(self, place, value)) : -1;
  }
  if (PySlice_Check(key) && view.ndim == 1) return to_c(assign_slice(self, key, value));
  if (is_multi_index(key)) {
    if (PyTuple_GET_SIZE(key) < view.ndim) return raise(PyExc_NotImplementedError, "sub-views are not implemented");
    char* place = place_of_tuple(view, key);
    return place ? to_c(store(self, place, value)) : -1;
  }
  if (PySlice_Check(key) || is_multi_slice(key))
    return raise(PyExc_NotImplementedError, "memoryview slice assignments are currently restricted to ndim = 1");
  return raise(PyExc_TypeError, "memoryview: invalid slice key");
}
Py_ssize_t length(View* self) {
  if (is_failure(check_alive(self))) return -1;
  if (self->view.ndim == 0) return raise(PyExc_TypeError, "0-dim memory has no length");
  return self->view.shape[0];
}
PyObject* memoryview_index(View* self, PyObject* value, Py_ssize_t start, Py_ssize_t stop) {
  TRY(check_alive(self));
  if (self->view.ndim == 0) return raise(PyExc_TypeError, "invalid lookup on 0-dim memory");
  if (self->view.ndim > 1) return raise(PyExc_NotImplementedError, "multi-dimensional lookup is not implemented");
  const Py_ssize_t count = self->view.shape[0];
  if (start < 0) start = std::max<Py_ssize_t>(start + count, 0);
  if (stop < 0) stop = std::max<Py_ssize_t>(stop + count, 0);
  stop = std::min(stop, count);
  for (Py_ssize_t i = start; i < stop; ++i) {
    Ref<> member = TRY(steal(item(self, i)));
    if (member.get() == value || TRY(PyObject_RichCompareBool(member, value, Py_EQ))) return int_from_int64(i);
  }
  return raise(PyExc_ValueError, "memoryview.index(x): x not found");
}
PyObject* index_method(View* self, PyObject* value, Index start, Index stop) { return memoryview_index(self, value, start, stop); }
METHOD_AS(index_method, "index", 0, "($self, value, start=0, stop=sys.maxsize, /)",
          "Return the index of the first occurrence of a value.\n\nRaises ValueError if the value is not present.");
PyObject* memoryview_count(View* self, PyObject* value) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(object(self))));
  Py_ssize_t count = 0;
  for (;;) {
    Ref<> member;
    if (!TRY(PyIter_NextItem(iterator, member.out()))) return int_from_int64(count);
    if (member.get() == value || TRY(PyObject_RichCompareBool(member, value, Py_EQ))) ++count;
  }
}
METHOD(memoryview, count, "($self, value, /)", "Count the number of occurrences of a value.");

// ---- comparison and hash -------------------------------------------------------------------------------------------------

// How items of a format that is no native code are read: struct.Struct(format).unpack_from of their bytes.
struct Reader {
  Ref<> unpack;
  Status open(const char* format, Py_ssize_t itemsize) {
    Ref<> module = TRY(steal(PyImport_ImportModule("struct")));
    Ref<> type = TRY(steal(PyObject_GetAttrString(module, "Struct")));
    Ref<> structure = TRY(steal(PyObject_CallFunction(type, "s", format)));
    Ref<> size = TRY(steal(PyObject_GetAttrString(structure, "size")));
    if (PyLong_AsSsize_t(size) != itemsize) return raise(PyExc_NotImplementedError, "memoryview: unsupported format %s", format);
    unpack = TRY(steal(PyObject_GetAttrString(structure, "unpack")));
    return Status::Ok;
  }
  PyObject* read(const char* place, Py_ssize_t itemsize) {
    Ref<> bytes = TRY(steal(bytes_from(place, itemsize)));
    Ref<> values = TRY(steal(PyObject_CallOneArg(unpack, bytes)));
    return PyTuple_GET_SIZE(values.get()) == 1 ? Py_NewRef(PyTuple_GET_ITEM(values.get(), 0)) : values.release();
  }
};
struct Comparison {
  const Py_buffer& a;
  const Py_buffer& b;
  char code = 0;  // of both, when they are the same native code
  char code_a = 0, code_b = 0;
  Reader reader_a, reader_b;
  int equal(const char* p, const char* q, int dimension) {  // -1, 0, 1
    if (dimension == a.ndim) {
      if (code) return equal_items(p, q, code);
      Ref<> left = steal(code_a ? unpack_item(p, a.format) : reader_a.read(p, a.itemsize));
      Ref<> right = left ? steal(code_b ? unpack_item(q, b.format ? b.format : "B") : reader_b.read(q, b.itemsize)) : nullptr;
      return right ? PyObject_RichCompareBool(left, right, Py_EQ) : -1;
    }
    const Py_ssize_t step_b = b.strides ? b.strides[dimension] : b.itemsize;
    for (Py_ssize_t i = 0; i < a.shape[dimension]; ++i, p += a.strides[dimension], q += step_b) {
      const int result = equal(follow(p, a.suboffsets, dimension), follow(q, b.suboffsets, dimension), dimension + 1);
      if (result <= 0) return result;
    }
    return 1;
  }
};
// -1 with an exception, 0, 1; 2: cannot be compared
int equal_views(View* v, PyObject* w) {
  if (is_released(v)) return object(v) == w;
  Py_buffer view{};
  Ref<> holder;
  const Py_buffer* other = &view;
  if (PyMemoryView_Check(w)) {
    if (is_released(as<View>(w))) return 0;
    other = &as<View>(w)->view;
  } else if (PyObject_GetBuffer(w, &view, PyBUF_FULL_RO) < 0) {
    PyErr_Clear();
    return 2;
  }
  struct Release {
    Py_buffer* view;
    ~Release() {
      if (view->obj) PyBuffer_Release(view);
    }
  } guard{&view};
  const Py_buffer &a = v->view, &b = *other;
  if (a.ndim != b.ndim) return 0;
  for (int i = 0; i < a.ndim; ++i) {
    const Py_ssize_t size = b.shape ? b.shape[i] : b.len / b.itemsize;
    if (a.shape[i] != size) return 0;
    if (size == 0) break;
  }
  Comparison comparison{a, b, 0, 0, 0, {}, {}};
  Py_ssize_t size;
  comparison.code_a = native_format_code(a.format, &size);
  comparison.code_b = native_format_code(b.format ? b.format : "B", &size);
  if (comparison.code_a && comparison.code_a == comparison.code_b) comparison.code = comparison.code_a;
  const bool readable = (comparison.code_a || comparison.reader_a.open(a.format, a.itemsize) == Status::Ok) &&
                        (comparison.code_b || comparison.reader_b.open(b.format, b.itemsize) == Status::Ok);
  if (!readable) {
    // A format that nobody can read: unequal.
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) return -1;
    PyErr_Clear();
    return 0;
  }
  Busy busy(v);
  return comparison.equal(static_cast<char*>(a.buf), static_cast<char*>(b.buf), 0);
}
PyObject* compare(PyObject* v, PyObject* w, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || !PyMemoryView_Check(v)) Py_RETURN_NOTIMPLEMENTED;
  const int equal = equal_views(as<View>(v), w);
  if (equal < 0) return nullptr;
  if (equal == 2) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong(equal == (operation == Py_EQ));
}
Py_hash_t hash(View* self) {
  if (self->hash != -1) return self->hash;
  TRY(check_alive(self));
  const Py_buffer& view = self->view;
  if (!view.readonly) return raise(PyExc_ValueError, "cannot hash writable memoryview object");
  Py_ssize_t size;
  if (!is_byte_code(native_format_code(view.format, &size)))
    return raise(PyExc_ValueError, "memoryview: hashing is restricted to formats 'B', 'b' or 'c'");
  if (view.obj) {
    Busy busy(self);
    if (PyObject_Hash(view.obj) == -1) return -1;
  }
  if (self->flags & _Py_MEMORYVIEW_C) return self->hash = Py_HashBuffer(view.buf, view.len);
  Ref<> copy = TRY(steal(memoryview_tobytes(self, nullptr)));
  return self->hash = Py_HashBuffer(bytes_data(copy), Py_SIZE(copy.get()));
}
PyObject* repr(View* self) {
  return PyUnicode_FromFormat(self->flags & _Py_MEMORYVIEW_RELEASED ? "<released memory at %p>" : "<memory at %p>", self);
}

// ---- attributes ------------------------------------------------------------------------------------------------------

PyObject* tuple_of(int count, const Py_ssize_t* values) {
  if (!values) return PyTuple_New(0);
  Ref<> tuple = TRY(steal(PyTuple_New(count)));
  for (int i = 0; i < count; ++i) PyTuple_SET_ITEM(tuple.get(), i, TRY(int_from_int64(values[i])));
  return tuple.release();
}
#define KS_VIEW_GETTER(NAME, EXPRESSION)      \
  PyObject* get_##NAME(View* self, void*) {  \
    TRY(check_alive(self));                  \
    const Py_buffer& view = self->view;      \
    (void)view;                              \
    return EXPRESSION;                       \
  }
KS_VIEW_GETTER(obj, Py_NewRef(view.obj ? view.obj : Py_None))
KS_VIEW_GETTER(nbytes, int_from_int64(view.len))
KS_VIEW_GETTER(itemsize, int_from_int64(view.itemsize))
KS_VIEW_GETTER(format, PyUnicode_FromString(view.format))
KS_VIEW_GETTER(ndim, int_from_int64(view.ndim))
KS_VIEW_GETTER(shape, tuple_of(view.ndim, view.shape))
KS_VIEW_GETTER(strides, tuple_of(view.ndim, view.strides))
KS_VIEW_GETTER(suboffsets, tuple_of(view.ndim, view.suboffsets))
KS_VIEW_GETTER(readonly, PyBool_FromLong(view.readonly))
KS_VIEW_GETTER(c_contiguous, PyBool_FromLong(self->flags & _Py_MEMORYVIEW_C))
KS_VIEW_GETTER(f_contiguous, PyBool_FromLong(self->flags & _Py_MEMORYVIEW_FORTRAN))
KS_VIEW_GETTER(contiguous, PyBool_FromLong(self->flags & (_Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN)))
#undef KS_VIEW_GETTER
#define ROW(NAME, DOC) {#NAME, KS_CONSTANT_CAST(getter, get_##NAME), nullptr, DOC, nullptr}
PyGetSetDef properties[] = {
    ROW(obj, "The underlying object of the memoryview."),
    ROW(nbytes, "The amount of space in bytes that the array would use in\n a contiguous representation."),
    ROW(readonly, "A bool indicating whether the memory is read only."),
    ROW(itemsize, "The size in bytes of each element of the memoryview."),
    ROW(format, "A string containing the format (in struct module style)\n for each element in the view."),
    ROW(ndim, "An integer indicating how many dimensions of a multi-dimensional\n array the memory represents."),
    ROW(shape, "A tuple of ndim integers giving the shape of the memory\n as an N-dimensional array."),
    ROW(strides, "A tuple of ndim integers giving the size in bytes to access\n each element for each dimension of the array."),
    ROW(suboffsets, "A tuple of integers used internally for PIL-style arrays."),
    ROW(c_contiguous, "A bool indicating whether the memory is C contiguous."),
    ROW(f_contiguous, "A bool indicating whether the memory is Fortran contiguous."),
    ROW(contiguous, "A bool indicating whether the memory is contiguous."),
    {}};
#undef ROW

PyMethodDef methods[] = {memoryview_release_method, memoryview_tobytes_method, memoryview_hex_method, memoryview_tolist_method,
                         memoryview_cast_method, memoryview_toreadonly_method, memoryview_count_method, index_method_method,
                         view_from_flags_method, enter_method, leave_method,
                         {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585"}, {}};
PySequenceMethods sequence_slots = {.sq_length = KS_CONSTANT_CAST(lenfunc, length), .sq_item = KS_CONSTANT_CAST(ssizeargfunc, item)};
PyMappingMethods mapping_slots = {.mp_length = KS_CONSTANT_CAST(lenfunc, length), .mp_subscript = KS_CONSTANT_CAST(binaryfunc, subscript),
                                  .mp_ass_subscript = KS_CONSTANT_CAST(objobjargproc, assign_subscript)};
PyBufferProcs buffer_slots = {KS_CONSTANT_CAST(getbufferproc, get_buffer), KS_CONSTANT_CAST(releasebufferproc, release_buffer)};

// ---- iteration -------------------------------------------------------------------------------------------------------

struct Iterator {
  PyObject ob_base;
  Py_ssize_t index, length;
  View* view;  // nullptr when exhausted
};
PyObject* iterate(View* self) {
  TRY(check_alive(self));
  if (self->view.ndim == 0) return raise(PyExc_TypeError, "invalid indexing of 0-dim memory");
  if (self->view.ndim != 1) return raise(PyExc_NotImplementedError, "multi-dimensional sub-views are not implemented");
  TRY(check_format(self));
  Py_ssize_t size;
  if (!native_format_code(self->view.format, &size))
    return raise(PyExc_NotImplementedError, "memoryview: format %s not supported", self->view.format);
  auto* it = PyObject_GC_New(Iterator, &_PyMemoryIter_Type);
  if (!it) return nullptr;
  it->index = 0;
  it->length = self->view.shape[0];
  it->view = as<View>(Py_NewRef(object(self)));
  PyObject_GC_Track(it);
  return object(it);
}
PyObject* iterator_next(Iterator* it) {
  View* view = it->view;
  if (!view) return nullptr;
  if (it->index < it->length) {
    TRY(check_alive(view));
    const char* place = TRY(place_of_index(view->view, it->index++));
    return unpack_item(place, view->view.format);
  }
  Py_CLEAR(it->view);
  return nullptr;
}
void iterator_dealloc(Iterator* it) {
  PyObject_GC_UnTrack(it);
  Py_XDECREF(it->view);
  PyObject_GC_Del(it);
}
int iterator_traverse(Iterator* it, visitproc visit, void* arg) {
  Py_VISIT(it->view);
  return 0;
}

}  // namespace
}  // namespace ks

using namespace ks;

// A new view of the object's buffer; NULL with TypeError or what the exporter raises.
PyObject* PyMemoryView_FromObject(PyObject* o) { return object(view_from_object(o, PyBUF_FULL_RO)); }
// A new view of raw memory that must outlive it; NULL on error.
PyObject* PyMemoryView_FromMemory(char* memory, Py_ssize_t size, int flags) {
  Ref<Managed> managed = TRY(steal(managed_new()));
  if (PyBuffer_FillInfo(&managed->master, nullptr, memory, size, flags == PyBUF_WRITE ? 0 : 1, PyBUF_FULL_RO) < 0) return nullptr;
  return object(view_of(managed, nullptr));
}
// A new view of a described buffer (its obj is not kept); NULL with ValueError.
PyObject* PyMemoryView_FromBuffer(const Py_buffer* info) {
  if (!info->buf) return raise(PyExc_ValueError, "PyMemoryView_FromBuffer(): info->buf must not be NULL");
  Ref<Managed> managed = TRY(steal(managed_new()));
  managed->master = *info;
  managed->master.obj = nullptr;
  return object(view_of(managed, nullptr));
}
// A view of the object's contiguous memory, or of a contiguous copy (order 'C', 'F' or 'A'). New; NULL on error.
PyObject* PyMemoryView_GetContiguous(PyObject* o, int kind, char order) {
  Ref<View> view = TRY(steal(as<View>(PyMemoryView_FromObject(o))));
  if (kind == PyBUF_WRITE && view->view.readonly) return raise(PyExc_BufferError, "underlying buffer is not writable");
  if (PyBuffer_IsContiguous(&view->view, order)) return object(view.release());
  if (kind == PyBUF_WRITE) return raise(PyExc_BufferError, "writable contiguous buffer requested for a non-contiguous object.");
  // A view of bytes with the same format and shape.
  Ref<> bytes = TRY(steal(bytes_new(view->view.len)));
  const char letter = order == 'A' ? 'C' : order;
  TRY(write_contiguous(bytes_data(bytes), view->view, letter));
  Ref<Managed> managed = TRY(steal(managed_new()));
  if (PyObject_GetBuffer(bytes, &managed->master, PyBUF_FULL_RO) < 0) return nullptr;
  if (view->view.format) {
    const size_t length = strlen(view->view.format) + 1;
    auto* format = static_cast<char*>(PyMem_Malloc(length));
    if (!format) return PyErr_NoMemory();
    managed->master.format = static_cast<char*>(memcpy(format, view->view.format, length));
    managed->flags |= _Py_MANAGED_BUFFER_FREE_FORMAT;
  }
  Py_buffer description = managed->master;
  description.itemsize = view->view.itemsize;
  description.ndim = view->view.ndim;
  description.shape = view->view.shape;
  description.suboffsets = nullptr;
  Py_ssize_t strides[PyBUF_MAX_NDIM];
  description.strides = strides;
  PyBuffer_FillContiguousStrides(description.ndim, description.shape, strides, static_cast<int>(description.itemsize), letter);
  return object(view_of(managed, &description));
}
// For __buffer__ called from Python: a view of what this type's own slot exports. New; NULL on error.
PyObject* _PyMemoryView_FromBufferProc(PyObject* self, int flags, getbufferproc function) {
  return object(from_object(self, flags, function).release());
}

PyTypeObject _PyManagedBuffer_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "managedbuffer",
    .tp_basicsize = sizeof(_PyManagedBufferObject),
    .tp_dealloc = reinterpret_cast<destructor>(ks::managed_dealloc),
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = reinterpret_cast<traverseproc>(ks::managed_traverse),
    .tp_clear = reinterpret_cast<inquiry>(ks::managed_clear),
};
PyTypeObject _PyMemoryIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "memory_iterator",
    .tp_basicsize = sizeof(ks::Iterator),
    .tp_dealloc = reinterpret_cast<destructor>(ks::iterator_dealloc),
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = reinterpret_cast<traverseproc>(ks::iterator_traverse),
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = reinterpret_cast<iternextfunc>(ks::iterator_next),
};
PyTypeObject PyMemoryView_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "memoryview",
    .tp_basicsize = offsetof(PyMemoryViewObject, ob_array),
    .tp_itemsize = sizeof(Py_ssize_t),
    .tp_dealloc = reinterpret_cast<destructor>(ks::dealloc),
    .tp_repr = reinterpret_cast<reprfunc>(ks::repr),
    .tp_as_sequence = &ks::sequence_slots,
    .tp_as_mapping = &ks::mapping_slots,
    .tp_hash = reinterpret_cast<hashfunc>(ks::hash),
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_as_buffer = &ks::buffer_slots,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_SEQUENCE,
    .tp_doc = "memoryview(object)\n--\n\nCreate a new memoryview object which references the given object.",
    .tp_traverse = reinterpret_cast<traverseproc>(ks::traverse),
    .tp_clear = reinterpret_cast<inquiry>(ks::clear),
    .tp_richcompare = ks::compare,
    .tp_weaklistoffset = offsetof(PyMemoryViewObject, weakreflist),
    .tp_iter = reinterpret_cast<getiterfunc>(ks::iterate),
    .tp_methods = ks::methods,
    .tp_getset = ks::properties,
    .tp_new = ks::new_slot,
};
