// _struct: Python values to and from the bytes of C structs.
//
// A format is compiled to a list of codes (type, offset, size, repeat count). Native formats differ from standard ones only in sizes and
// alignment, as the machine is little-endian.
#include <bit>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "modules/module.h"
#include "types/bytes.h"
#include "types/int.h"

namespace ks {
namespace {

struct StructState {
  PyObject* struct_type;
  PyObject* iterator_type;
  PyObject* error;
  PyObject* cache;  // format -> Struct
};
StructState* state_of(PyObject* module) { return static_cast<StructState*>(PyModule_GetState(module)); }

// ---- formats ---------------------------------------------------------------------------------------------------------

struct Code {
  char code;
  Py_ssize_t offset, size, repeat;
};
struct Codes : std::vector<Code> {
  bool big = false;
};
struct StructObject {
  PyObject ob_base;
  Py_ssize_t size;
  Py_ssize_t length;  // values
  Codes* codes;  // nullptr: not initialised
  PyObject* format;  // bytes
  PyObject* weakrefs;
};

struct Kind {
  char code;
  int native_size, native_alignment, standard_size;  // standard 0: only native
};
constexpr Kind kinds[] = {{'x', 1, 0, 1}, {'b', 1, 0, 1}, {'B', 1, 0, 1}, {'c', 1, 0, 1}, {'s', 1, 0, 1}, {'p', 1, 0, 1},
                          {'h', 2, 2, 2}, {'H', 2, 2, 2}, {'i', 4, 4, 4}, {'I', 4, 4, 4}, {'l', 8, 8, 4}, {'L', 8, 8, 4},
                          {'q', 8, 8, 8}, {'Q', 8, 8, 8}, {'n', 8, 8, 0}, {'N', 8, 8, 0}, {'?', 1, 0, 1}, {'e', 2, 2, 2},
                          {'f', 4, 4, 4}, {'d', 8, 8, 8}, {'F', 8, 4, 8}, {'D', 16, 8, 16}, {'P', 8, 8, 0}};

Status compile(StructState* state, StructObject* self, const char* format) {
  auto error = [&](const char* message) {
    PyErr_SetString(state->error, message);
    return failed;
  };
  const char* p = format;
  bool native = true, big = false;
  switch (*p) {
    case '@': ++p; break;
    case '=': case '<': ++p, native = false; break;
    case '>': case '!': ++p, native = false, big = true; break;
  }
  auto* codes = new (std::nothrow) Codes;
  if (!codes) {
    PyErr_NoMemory();
    return failed;
  }
  struct Guard {
    Codes*& codes;
    ~Guard() { delete codes; }
  } guard{codes};
  Py_ssize_t size = 0, length = 0;
  while (const char first = *p++) {
    if (Py_ISSPACE(first)) continue;
    char c = first;
    Py_ssize_t count = 1;
    if (c >= '0' && c <= '9') {
      count = 0;
      for (;; c = *p++) {
        if (c < '0' || c > '9') break;
        if (__builtin_mul_overflow(count, Py_ssize_t{10}, &count) || __builtin_add_overflow(count, static_cast<Py_ssize_t>(c - '0'), &count))
          return error("total struct size too long");
      }
      if (c == '\0') return error("repeat count given without format specifier");
    }
    const Kind* kind = nullptr;
    for (const Kind& candidate : kinds)
      if (candidate.code == c && (native || candidate.standard_size)) kind = &candidate;
    if (!kind) return error("bad char in struct format");
    const Py_ssize_t item = native ? kind->native_size : kind->standard_size;
    if (native && kind->native_alignment) {
      const Py_ssize_t extra = size % kind->native_alignment;
      if (extra && __builtin_add_overflow(size, kind->native_alignment - extra, &size)) return error("total struct size too long");
    }
    if (c == 's' || c == 'p') {
      codes->push_back({c, size, count, 1});
      ++length;
    } else if (c != 'x' && count) {
      codes->push_back({c, size, item, count});
      length += count;
    }
    Py_ssize_t total;
    if (__builtin_mul_overflow(count, item, &total) || __builtin_add_overflow(size, total, &size)) return error("total struct size too long");
  }
  std::swap(self->codes, codes);
  self->size = size;
  self->length = length;
  self->codes->big = big;
  return Status::Ok;
}

// ---- values ----------------------------------------------------------------------------------------------------------

void store(uint64_t value, char* place, Py_ssize_t size, bool big) {
  for (Py_ssize_t i = 0; i < size; ++i, value >>= 8) place[big ? size - 1 - i : i] = static_cast<char>(value);
}
uint64_t load(const char* place, Py_ssize_t size, bool big) {
  uint64_t value = 0;
  if (!big && size == 8) {
    memcpy(&value, place, 8);
    return value;
  }
  for (Py_ssize_t i = size; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(place[big ? size - 1 - i : i]);
  return value;
}
bool is_signed_code(char code) { return code == 'b' || code == 'h' || code == 'i' || code == 'l' || code == 'q' || code == 'n'; }

Status pack_int(StructState* state, PyObject* value, const Code& code, char* place, bool big) {
  Ref<> index;
  if (PyLong_Check(value)) {
    index = borrow(value);
  } else if (PyIndex_Check(value)) {
    index = TRY(steal(PyNumber_Index(value)));
  } else {
    return raise(state->error, "required argument is not an integer");
  }
  const int bits = static_cast<int>(code.size) * 8;
  if (code.code == 'P') {
    void* pointer = PyLong_AsVoidPtr(index);
    if (!pointer && PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return failed;
      return raise(state->error, "int too large to convert");
    }
    store(reinterpret_cast<uintptr_t>(pointer), place, 8, big);
    return Status::Ok;
  }
  if (is_signed_code(code.code)) {
    const int64_t high = bits == 64 ? INT64_MAX : (int64_t{1} << (bits - 1)) - 1;
    int64_t number;
    if (!int_fits_int64(index, &number) || number > high || number < -high - 1)
      return raise(state->error, "'%c' format requires %lld <= number <= %lld", code.code, static_cast<long long>(-high - 1), static_cast<long long>(high));
    store(static_cast<uint64_t>(number), place, code.size, big);
  } else {
    const uint64_t high = bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1;
    uint64_t number = 0;
    bool good = !int_is_negative(index);
    if (good) {
      number = PyLong_AsUnsignedLong(index);
      if (number == static_cast<uint64_t>(-1) && PyErr_Occurred()) {
        PyErr_Clear();
        good = false;
      }
    }
    if (!good || number > high)
      return raise(state->error, "'%c' format requires 0 <= number <= %llu", code.code, static_cast<unsigned long long>(high));
    store(number, place, code.size, big);
  }
  return Status::Ok;
}
Status pack_float(StructState* state, PyObject* value, const Code& code, char* place, bool big) {
  const double x = PyFloat_AsDouble(value);
  if (x == -1.0 && PyErr_Occurred()) return raise(state->error, "required argument is not a float");
  switch (code.code) {
    case 'e': return status(PyFloat_Pack2(x, place, !big));
    case 'f': return status(PyFloat_Pack4(x, place, !big));
    default: return status(PyFloat_Pack8(x, place, !big));
  }
}
Status pack_value(StructState* state, PyObject* value, const Code& code, char* place, bool big) {
  switch (code.code) {
    case 'c':
      if (!PyBytes_Check(value) || PyBytes_GET_SIZE(value) != 1) return raise(state->error, "char format requires a bytes object of length 1");
      *place = *PyBytes_AS_STRING(value);
      return Status::Ok;
    case '?': {
      const int truth = PyObject_IsTrue(value);
      if (truth < 0) return failed;
      *place = static_cast<char>(truth);
      return Status::Ok;
    }
    case 's': case 'p': {
      const bool array = PyByteArray_Check(value);
      if (!array && !PyBytes_Check(value)) return raise(state->error, "argument for '%c' must be a bytes object", code.code);
      const char* text = array ? PyByteArray_AS_STRING(value) : PyBytes_AS_STRING(value);
      Py_ssize_t size = Py_SIZE(value);
      if (code.code == 's') {
        memcpy(place, text, static_cast<size_t>(std::min(size, code.size)));
      } else if (code.size > 0) {
        size = std::min(size, code.size - 1);
        memcpy(place + 1, text, static_cast<size_t>(size));
        *place = static_cast<char>(std::min<Py_ssize_t>(size, 255));
      }
      return Status::Ok;
    }
    case 'e': case 'f': case 'd': return pack_float(state, value, code, place, big);
    case 'F': case 'D': {
      const Py_complex x = PyComplex_AsCComplex(value);
      if (x.real == -1.0 && PyErr_Occurred()) return raise(state->error, "required argument is not a complex");
      if (code.code == 'F') {
        TRY(PyFloat_Pack4(x.real, place, !big));
        return status(PyFloat_Pack4(x.imag, place + 4, !big));
      }
      TRY(PyFloat_Pack8(x.real, place, !big));
      return status(PyFloat_Pack8(x.imag, place + 8, !big));
    }
    default: return pack_int(state, value, code, place, big);
  }
}
PyObject* unpack_value(const Code& code, const char* place, bool big) {
  switch (code.code) {
    case 'c': return bytes_single(static_cast<unsigned char>(*place));
    case '?': return PyBool_FromLong(*place != 0);
    case 's': return bytes_from(place, code.size);
    case 'p': {
      if (code.size == 0) return bytes_empty();
      const Py_ssize_t size = std::min<Py_ssize_t>(static_cast<unsigned char>(*place), code.size - 1);
      return bytes_from(place + 1, size);
    }
    case 'e': return PyFloat_FromDouble(PyFloat_Unpack2(place, !big));
    case 'f': return PyFloat_FromDouble(PyFloat_Unpack4(place, !big));
    case 'd': return PyFloat_FromDouble(PyFloat_Unpack8(place, !big));
    case 'F': return PyComplex_FromDoubles(PyFloat_Unpack4(place, !big), PyFloat_Unpack4(place + 4, !big));
    case 'D': return PyComplex_FromDoubles(PyFloat_Unpack8(place, !big), PyFloat_Unpack8(place + 8, !big));
    default: {
      const uint64_t value = load(place, code.size, big);
      if (!is_signed_code(code.code)) return int_from_uint64(value);
      const int unused = 64 - static_cast<int>(code.size) * 8;
      return int_from_int64(static_cast<int64_t>(value << unused) >> unused);
    }
  }
}

Status pack_all(StructState* state, StructObject* self, PyObject* const* values, char* place) {
  memset(place, 0, static_cast<size_t>(self->size));
  for (const Code& code : *self->codes) {
    char* at = place + code.offset;
    for (Py_ssize_t i = 0; i < code.repeat; ++i, at += code.size) TRY(pack_value(state, *values++, code, at, self->codes->big));
  }
  return Status::Ok;
}
PyObject* unpack_all(StructObject* self, const char* place) {
  Ref<> result = TRY(steal(PyTuple_New(self->length)));
  Py_ssize_t n = 0;
  for (const Code& code : *self->codes) {
    const char* at = place + code.offset;
    for (Py_ssize_t i = 0; i < code.repeat; ++i, at += code.size) PyTuple_SET_ITEM(result.get(), n++, TRY(unpack_value(code, at, self->codes->big)));
  }
  return result.release();
}

// ---- Struct ----------------------------------------------------------------------------------------------------------

extern PyModuleDef module;
StructState* state_of_type(PyTypeObject* type) {
  PyObject* owner = PyType_GetModuleByDef(type, &module);
  return owner ? state_of(owner) : nullptr;
}

Status initialise(StructState* state, StructObject* self, PyObject* format) {
  Ref<> text;
  if (PyUnicode_Check(format)) text = TRY(steal(PyUnicode_AsASCIIString(format)));
  else if (PyBytes_Check(format)) text = borrow(format);
  else return raise(PyExc_TypeError, "Struct() argument 1 must be a str or bytes object, not %.200s", Py_TYPE(format)->tp_name);
  if (strlen(PyBytes_AS_STRING(text.get())) != static_cast<size_t>(PyBytes_GET_SIZE(text.get()))) return raise(state->error, "embedded null character");
  TRY(compile(state, self, PyBytes_AS_STRING(text.get())));
  Py_XSETREF(self->format, text.release());
  return Status::Ok;
}
constexpr Signature init_signature = read_signature("Struct", "(format)");
PyObject* struct_new(PyTypeObject* type, PyObject*, PyObject*) {
  auto* self = as<StructObject>(type->tp_alloc(type, 0));
  if (self) self->size = self->length = -1;
  return object(self);
}
int struct_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* format = nullptr;
  if (is_failure(bind_tuple(init_signature, args, kwargs, &format))) return -1;
  StructState* state = state_of_type(Py_TYPE(self));
  return state ? to_c(initialise(state, as<StructObject>(self), format)) : -1;
}
void struct_dealloc(PyObject* o) {
  auto* self = as<StructObject>(o);
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  if (self->weakrefs) PyObject_ClearWeakRefs(o);
  delete self->codes;
  Py_XDECREF(self->format);
  type->tp_free(o);
  Py_DECREF(type);
}
int struct_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  return 0;
}
Status ready(StructObject* self) {
  if (!self->codes) return raise(PyExc_RuntimeError, "Struct object is not initialized");
  return Status::Ok;
}
PyObject* repr(PyObject* o) {
  auto* self = as<StructObject>(o);
  TRY(ready(self));
  Ref<> format = TRY(steal(PyUnicode_FromStringAndSize(PyBytes_AS_STRING(self->format), PyBytes_GET_SIZE(self->format))));
  const char* name = strrchr(Py_TYPE(o)->tp_name, '.');
  return PyUnicode_FromFormat("%s(%R)", name ? name + 1 : Py_TYPE(o)->tp_name, format.get());
}

PyObject* pack_values(StructState* state, StructObject* self, PyObject* const* args, Py_ssize_t nargs) {
  TRY(ready(self));
  if (nargs != self->length) return raise(state->error, "pack expected %zd items for packing (got %zd)", self->length, nargs);
  Ref<> result = TRY(steal(bytes_new(self->size)));
  TRY(pack_all(state, self, args, bytes_data(result)));
  return result.release();
}
PyObject* pack_values_into(StructState* state, StructObject* self, PyObject* const* args, Py_ssize_t nargs) {
  TRY(ready(self));
  if (nargs != self->length + 2) {
    if (nargs == 0) return raise(state->error, "pack_into expected buffer argument");
    if (nargs == 1) return raise(state->error, "pack_into expected offset argument");
    return raise(state->error, "pack_into expected %zd items for packing (got %zd)", self->length, nargs - 2);
  }
  struct Held {
    Py_buffer view{};
    ~Held() {
      if (view.obj) PyBuffer_Release(&view);
    }
  } held;
  if (PyObject_GetBuffer(args[0], &held.view, PyBUF_WRITABLE) < 0)
    return raise(PyExc_TypeError, "argument must be read-write bytes-like object, not %.50s", Py_TYPE(args[0])->tp_name);
  Py_ssize_t offset = PyNumber_AsSsize_t(args[1], PyExc_IndexError);
  if (offset == -1 && PyErr_Occurred()) return nullptr;
  const Py_ssize_t available = held.view.len;
  if (offset < 0) {
    if (offset + self->size > 0) return raise(state->error, "no space to pack %zd bytes at offset %zd", self->size, offset);
    if (offset + available < 0) return raise(state->error, "offset %zd out of range for %zd-byte buffer", offset, available);
    offset += available;
  }
  if (available - offset < self->size)
    return raise(state->error, "pack_into requires a buffer of at least %zu bytes for packing %zd bytes at offset %zd (actual buffer size is %zd)",
                 static_cast<size_t>(self->size) + static_cast<size_t>(offset), self->size, offset, available);
  TRY(pack_all(state, self, args + 2, static_cast<char*>(held.view.buf) + offset));
  return Py_NewRef(Py_None);
}
PyObject* unpack_buffer(StructState* state, StructObject* self, const BufferArgument& buffer) {
  TRY(ready(self));
  if (buffer.size() != self->size) return raise(state->error, "unpack requires a buffer of %zd bytes", self->size);
  return unpack_all(self, reinterpret_cast<const char*>(buffer.data()));
}
PyObject* unpack_at(StructState* state, StructObject* self, const BufferArgument& buffer, Py_ssize_t offset) {
  TRY(ready(self));
  const Py_ssize_t available = buffer.size();
  if (offset < 0) {
    if (offset + self->size > 0) return raise(state->error, "not enough data to unpack %zd bytes at offset %zd", self->size, offset);
    if (offset + available < 0) return raise(state->error, "offset %zd out of range for %zd-byte buffer", offset, available);
    offset += available;
  }
  if (available - offset < self->size)
    return raise(state->error, "unpack_from requires a buffer of at least %zu bytes for unpacking %zd bytes at offset %zd (actual buffer size is %zd)",
                 static_cast<size_t>(self->size) + static_cast<size_t>(offset), self->size, offset, available);
  return unpack_all(self, reinterpret_cast<const char*>(buffer.data()) + offset);
}

// ---- the iterator ----------------------------------------------------------------------------------------------------

struct UnpackIterator {
  PyObject ob_base;
  StructObject* structure;
  Py_buffer view;
  Py_ssize_t index;
};
PyObject* iterate_buffer(StructState* state, StructObject* self, PyObject* buffer) {
  TRY(ready(self));
  if (self->size == 0) return raise(state->error, "cannot iteratively unpack with a struct of length 0");
  auto* type = reinterpret_cast<PyTypeObject*>(state->iterator_type);
  auto* it = as<UnpackIterator>(type->tp_alloc(type, 0));
  if (!it) return nullptr;
  Ref<> owner = steal(object(it));
  if (PyObject_GetBuffer(buffer, &it->view, PyBUF_SIMPLE) < 0) return nullptr;
  if (it->view.len % self->size) return raise(state->error, "iterative unpacking requires a buffer of a multiple of %zd bytes", self->size);
  it->structure = as<StructObject>(Py_NewRef(object(self)));
  it->index = 0;
  return owner.release();
}
PyObject* iterator_next(PyObject* o) {
  auto* it = as<UnpackIterator>(o);
  if (!it->structure || it->index >= it->view.len) {
    if (it->structure) {
      Py_CLEAR(it->structure);
      PyBuffer_Release(&it->view);
    }
    return nullptr;
  }
  PyObject* result = unpack_all(it->structure, static_cast<char*>(it->view.buf) + it->index);
  it->index += it->structure->size;
  return result;
}
void iterator_dealloc(PyObject* o) {
  auto* it = as<UnpackIterator>(o);
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  Py_XDECREF(it->structure);
  if (it->view.obj) PyBuffer_Release(&it->view);
  PyObject_GC_Del(o);
  Py_DECREF(type);
}
int iterator_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(as<UnpackIterator>(o)->structure);
  Py_VISIT(as<UnpackIterator>(o)->view.obj);
  return 0;
}
Py_ssize_t iterator_hint(UnpackIterator* it) { return it->structure ? (it->view.len - it->index) / it->structure->size : 0; }
METHOD_AS(iterator_hint, "__length_hint__", 0, "($self, /)", "");
PyMethodDef iterator_methods[] = {iterator_hint_method, {}};
PyType_Slot iterator_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(iterator_dealloc)},
                                {Py_tp_traverse, reinterpret_cast<void*>(iterator_traverse)},
                                {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                {Py_tp_iternext, reinterpret_cast<void*>(iterator_next)},
                                {Py_tp_methods, iterator_methods},
                                {0, nullptr}};
PyType_Spec iterator_spec = {"_struct.unpack_iterator", sizeof(UnpackIterator), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, iterator_slots};

// ---- methods ---------------------------------------------------------------------------------------------------------

PyObject* struct_pack(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  StructState* state = state_of_type(Py_TYPE(self));
  return state ? pack_values(state, as<StructObject>(self), args, nargs) : nullptr;
}
PyObject* struct_pack_into(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  StructState* state = state_of_type(Py_TYPE(self));
  return state ? pack_values_into(state, as<StructObject>(self), args, nargs) : nullptr;
}
PyObject* Struct_unpack(PyObject* self, const BufferArgument& buffer) {
  StructState* state = state_of_type(Py_TYPE(self));
  return state ? unpack_buffer(state, as<StructObject>(self), buffer) : nullptr;
}
METHOD(Struct, unpack, "($self, buffer, /)",
       "Return a tuple containing unpacked values.\n\nUnpack according to the format string Struct.format. The buffer's size\nin bytes must be Struct.size.\n\n"
       "See help(struct) for more on format strings.");
PyObject* Struct_unpack_from(PyObject* self, const BufferArgument& buffer, Py_ssize_t offset) {
  StructState* state = state_of_type(Py_TYPE(self));
  return state ? unpack_at(state, as<StructObject>(self), buffer, offset) : nullptr;
}
METHOD(Struct, unpack_from, "($self, /, buffer, offset=0)",
       "Return a tuple containing unpacked values.\n\nValues are unpacked according to the format string Struct.format.\n\n"
       "The buffer's size in bytes, starting at position offset, must be\nat least Struct.size.\n\nSee help(struct) for more on format strings.");
PyObject* Struct_iter_unpack(PyObject* self, PyObject* buffer) {
  StructState* state = state_of_type(Py_TYPE(self));
  return state ? iterate_buffer(state, as<StructObject>(self), buffer) : nullptr;
}
METHOD(Struct, iter_unpack, "($self, buffer, /)",
       "Return an iterator yielding tuples.\n\nTuples are unpacked from the given bytes source, like a repeated\ninvocation of unpack_from().\n\n"
       "Requires that the bytes length be a multiple of the struct size.");
PyObject* struct_size_method(PyObject* self) {
  auto* s = as<StructObject>(self);
  TRY(ready(s));
  return int_from_int64(static_cast<int64_t>(sizeof(StructObject) + (s->codes->size() + 1) * sizeof(Code)));
}
METHOD_AS(struct_size_method, "__sizeof__", 0, "($self, /)", "S.__sizeof__() -> size of S in memory, in bytes");
#define FAST(FUNCTION) KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionFast>(FUNCTION))
PyMethodDef struct_methods[] = {
    Struct_iter_unpack_method,
    {"pack", FAST(struct_pack), METH_FASTCALL,
     "S.pack(v1, v2, ...) -> bytes\n\nReturn a bytes object containing values v1, v2, ... packed according\nto the format string S.format.  See help(struct) for more on format\nstrings."},
    {"pack_into", FAST(struct_pack_into), METH_FASTCALL,
     "S.pack_into(buffer, offset, v1, v2, ...)\n\nPack the values v1, v2, ... according to the format string S.format\nand write the packed bytes into the writable buffer buf starting at\n"
     "offset.  Note that the offset is a required argument.  See\nhelp(struct) for more on format strings."},
    Struct_unpack_method, Struct_unpack_from_method, struct_size_method_method, {}};
PyObject* get_format(PyObject* self, void*) {
  auto* s = as<StructObject>(self);
  TRY(ready(s));
  return PyUnicode_FromStringAndSize(PyBytes_AS_STRING(s->format), PyBytes_GET_SIZE(s->format));
}
PyObject* get_size(PyObject* self, void*) {
  return int_from_int64(as<StructObject>(self)->size);
}
PyGetSetDef struct_properties[] = {{"format", get_format, nullptr, "struct format string", nullptr},
                                   {"size", get_size, nullptr, "struct size in bytes", nullptr},
                                   {}};
PyMemberDef struct_members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(StructObject, weakrefs), Py_READONLY, nullptr}, {}};
PyType_Slot struct_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(struct_dealloc)},
                              {Py_tp_traverse, reinterpret_cast<void*>(struct_traverse)},
                              {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                              {Py_tp_repr, reinterpret_cast<void*>(repr)},
                              {Py_tp_doc, const_cast<char*>("Struct(fmt) --> compiled struct object")},
                              {Py_tp_methods, struct_methods},
                              {Py_tp_members, struct_members},
                              {Py_tp_getset, struct_properties},
                              {Py_tp_init, reinterpret_cast<void*>(struct_init)},
                              {Py_tp_new, reinterpret_cast<void*>(struct_new)},
                              {Py_tp_alloc, reinterpret_cast<void*>(PyType_GenericAlloc)},
                              {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},
                              {0, nullptr}};
PyType_Spec struct_spec = {"_struct.Struct", sizeof(StructObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE, struct_slots};

// ---- functions of the module, with a cache of compiled formats ---------------------------------------------------------------

Ref<StructObject> cached(StructState* state, PyObject* format) {
  Ref<> known;
  const int found = PyDict_GetItemRef(state->cache, format, known.out());
  if (found > 0) return steal(as<StructObject>(known.release()));
  if (found < 0) PyErr_Clear();  // unhashable: the constructor says what is wrong
  Ref<> fresh = TRY(steal(PyObject_CallOneArg(state->struct_type, format)));
  if (PyDict_GET_SIZE(state->cache) >= 100) PyDict_Clear(state->cache);
  if (PyDict_SetItem(state->cache, format, fresh) < 0) PyErr_Clear();
  return steal(as<StructObject>(fresh.release()));
}
PyObject* module_pack(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs == 0) return raise(PyExc_TypeError, "missing format argument");
  Ref<StructObject> structure = TRY(cached(state_of(self), args[0]));
  return pack_values(state_of(self), structure, args + 1, nargs - 1);
}
PyObject* module_pack_into(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs == 0) return raise(PyExc_TypeError, "missing format argument");
  Ref<StructObject> structure = TRY(cached(state_of(self), args[0]));
  return pack_values_into(state_of(self), structure, args + 1, nargs - 1);
}
void module__clearcache(PyObject* self) { PyDict_Clear(state_of(self)->cache); }
METHOD(module, _clearcache, "($module, /)", "Clear the internal cache.");
PyObject* module_calcsize(PyObject* self, PyObject* format) {
  Ref<StructObject> structure = TRY(cached(state_of(self), format));
  return int_from_int64(structure->size);
}
METHOD(module, calcsize, "($module, format, /)", "Return size in bytes of the struct described by the format string.");
PyObject* module_unpack(PyObject* self, PyObject* format, const BufferArgument& buffer) {
  Ref<StructObject> structure = TRY(cached(state_of(self), format));
  return unpack_buffer(state_of(self), structure, buffer);
}
METHOD(module, unpack, "($module, format, buffer, /)",
       "Return a tuple containing values unpacked according to the format string.\n\nThe buffer's size in bytes must be calcsize(format).\n\nSee help(struct) for more on format strings.");
PyObject* module_unpack_from(PyObject* self, PyObject* format, const BufferArgument& buffer, Py_ssize_t offset) {
  Ref<StructObject> structure = TRY(cached(state_of(self), format));
  return unpack_at(state_of(self), structure, buffer, offset);
}
METHOD(module, unpack_from, "($module, format, /, buffer, offset=0)",
       "Return a tuple containing values unpacked according to the format string.\n\nThe buffer's size, minus offset, must be at least calcsize(format).\n\nSee help(struct) for more on format strings.");
PyObject* module_iter_unpack(PyObject* self, PyObject* format, PyObject* buffer) {
  Ref<StructObject> structure = TRY(cached(state_of(self), format));
  return iterate_buffer(state_of(self), structure, buffer);
}
METHOD(module, iter_unpack, "($module, format, buffer, /)",
       "Return an iterator yielding tuples unpacked from the given bytes.\n\nThe bytes are unpacked according to the format string, like\na repeated invocation of unpack_from().\n\n"
       "Requires that the bytes length be a multiple of the format struct size.");

PyMethodDef methods[] = {
    module__clearcache_method, module_calcsize_method, module_iter_unpack_method,
    {"pack", FAST(module_pack), METH_FASTCALL,
     "pack(format, v1, v2, ...) -> bytes\n\nReturn a bytes object containing the values v1, v2, ... packed according\nto the format string.  See help(struct) for more on format strings."},
    {"pack_into", FAST(module_pack_into), METH_FASTCALL,
     "pack_into(format, buffer, offset, v1, v2, ...)\n\nPack the values v1, v2, ... according to the format string and write\nthe packed bytes into the writable buffer buf starting at offset.  Note\n"
     "that the offset is a required argument.  See help(struct) for more\non format strings."},
    module_unpack_method, module_unpack_from_method, {}};

int exec(PyObject* m) {
  StructState* state = state_of(m);
  if (!(state->cache = PyDict_New())) return -1;
  if (!(state->struct_type = PyType_FromModuleAndSpec(m, &struct_spec, nullptr))) return -1;
  if (PyModule_AddType(m, reinterpret_cast<PyTypeObject*>(state->struct_type)) < 0) return -1;
  if (!(state->iterator_type = PyType_FromModuleAndSpec(m, &iterator_spec, nullptr))) return -1;
  if (!(state->error = PyErr_NewException("struct.error", nullptr, nullptr))) return -1;
  return PyModule_AddObjectRef(m, "error", state->error);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  StructState* state = state_of(m);
  if (!state) return 0;
  Py_VISIT(state->struct_type);
  Py_VISIT(state->iterator_type);
  Py_VISIT(state->error);
  Py_VISIT(state->cache);
  return 0;
}
int clear(PyObject* m) {
  StructState* state = state_of(m);
  if (!state) return 0;
  Py_CLEAR(state->struct_type);
  Py_CLEAR(state->iterator_type);
  Py_CLEAR(state->error);
  Py_CLEAR(state->cache);
  return 0;
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_struct",
    .m_doc = "Functions to convert between Python values and C structs.\nPython bytes objects are used to hold the data representing the C struct.\n"
             "The format string (explained below) describes the layout of data\nin the C struct.\n\n"
             "The first character may give byte order, size and alignment: @ native (the default), = native order and standard sizes,\n"
             "< little-endian, > or ! big-endian. Types, with an optional repeat count: x pad byte, c char, b B bytes, ? bool, h H short,\n"
             "i I int, l L long, q Q long long, f float, d double, e half float, F D complex, s bytes, p Pascal bytes, and native only\n"
             "n N ssize_t and size_t, P pointer. Whitespace between types is ignored.\n\nThe variable struct.error is an exception raised on errors.\n",
    .m_size = sizeof(StructState), .m_methods = methods, .m_slots = slots, .m_traverse = traverse, .m_clear = clear,
    .m_free = [](void* m) { clear(static_cast<PyObject*>(m)); }};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__struct(void) { return PyModuleDef_Init(&ks::module); }
