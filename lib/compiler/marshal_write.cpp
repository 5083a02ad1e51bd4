// Values to marshal's bytes.
#include <Python.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "compiler/marshal.h"
#include "interpreter/code.h"

namespace ks::compiler {
namespace {

// What has been written: object -> number. Open addressing; holds references, so that no address is used twice.
class ReferenceTable {
 public:
  ReferenceTable() = default;
  ReferenceTable(const ReferenceTable&) = delete;
  ReferenceTable& operator=(const ReferenceTable&) = delete;
  ~ReferenceTable() {
    for (size_t i = 0; i < capacity_; ++i) Py_XDECREF(slots_[i].object);
    PyMem_Free(slots_);
  }
  // The object's number, or -1 when it is new and has got the next one; -2 without memory.
  Py_ssize_t find_or_add(PyObject* object) {
    if (count_ * 3 >= capacity_ * 2 && !grow()) return -2;
    Slot* slot = find(object);
    if (slot->object) return slot->number;
    *slot = {Py_NewRef(object), static_cast<Py_ssize_t>(count_++)};
    return -1;
  }

 private:
  struct Slot {
    PyObject* object;
    Py_ssize_t number;
  };
  Slot* find(PyObject* object) {
    size_t at = (reinterpret_cast<size_t>(object) >> 4) * 0x9E3779B97F4A7C15u >> 20 & (capacity_ - 1);
    while (slots_[at].object && slots_[at].object != object) at = (at + 1) & (capacity_ - 1);
    return &slots_[at];
  }
  bool grow() {
    const size_t old_capacity = capacity_;
    Slot* old = slots_;
    const size_t capacity = old_capacity ? old_capacity * 2 : 256;
    auto* slots = static_cast<Slot*>(PyMem_Calloc(capacity, sizeof(Slot)));
    if (!slots) return false;
    slots_ = slots;
    capacity_ = capacity;
    for (size_t i = 0; i < old_capacity; ++i)
      if (old[i].object) *find(old[i].object) = old[i];
    PyMem_Free(old);
    return true;
  }
  Slot* slots_ = nullptr;
  size_t capacity_ = 0;
  size_t count_ = 0;
};

enum class Problem { None, Unmarshallable, TooDeep, NoMemory, CodeNotAllowed };

class Writer {
 public:
  Writer(int version, bool allow_code, FILE* file = nullptr) : version_(version), allow_code_(allow_code), file_(file) {}
  ~Writer() {
    flush();
    PyMem_Free(buffer_);
  }
  void write(PyObject* value);
  void number(long value) {
    for (int i = 0; i < 4; ++i) byte(static_cast<int>(value >> i * 8));
  }
  Ref<> result() {
    if (PyErr_Occurred()) return failed;
    switch (problem_) {
      case Problem::None:
        return steal(PyBytes_FromStringAndSize(buffer_, static_cast<Py_ssize_t>(size_)));
      case Problem::NoMemory:
        return steal(PyErr_NoMemory());
      case Problem::TooDeep:
        return raise(PyExc_ValueError, "object too deeply nested to marshal");
      case Problem::CodeNotAllowed:
        return raise(PyExc_ValueError, "marshalling code objects is disallowed");
      case Problem::Unmarshallable:
        break;
    }
    return raise(PyExc_ValueError, "unmarshallable object");
  }

 private:
  bool room(size_t more) {
    if (size_ + more <= capacity_) return true;
    if (file_) {
      flush();
      if (more <= capacity_) return true;
    }
    size_t capacity = capacity_ < 2048 ? 2048 : capacity_ * 2;
    if (capacity < size_ + more) capacity = size_ + more;
    void* buffer = PyMem_Realloc(buffer_, capacity);
    if (!buffer) {
      problem_ = Problem::NoMemory;
      return false;
    }
    buffer_ = static_cast<char*>(buffer);
    capacity_ = capacity;
    return true;
  }
  void flush() {
    if (file_ && size_) {
      fwrite(buffer_, 1, size_, file_);
      size_ = 0;
    }
  }
  void byte(int value) {
    if (room(1)) buffer_[size_++] = static_cast<char>(value);
  }
  void bytes(const void* data, size_t length) {
    if (!room(length)) return;
    std::memcpy(buffer_ + size_, data, length);
    size_ += length;
  }
  void type(MarshalType type, int flag) { byte(static_cast<int>(type) | flag); }
  void plain(MarshalType code) { type(code, 0); }
  // A length; false when the format has no room for it.
  bool length(Py_ssize_t value) {
    if (value > 0x7FFFFFFF) {
      problem_ = Problem::Unmarshallable;
      return false;
    }
    number(static_cast<long>(value));
    return true;
  }
  void sized_bytes(const char* data, Py_ssize_t size) {
    if (length(size)) bytes(data, static_cast<size_t>(size));
  }
  void big_integer(PyObject* value, int flag);
  void real(double value) {
    if (version_ > 1) {
      unsigned char data[8];
      std::memcpy(data, &value, 8);
      bytes(data, 8);
      return;
    }
    char* text = PyOS_double_to_string(value, 'g', 17, 0, nullptr);
    if (!text) {
      problem_ = Problem::NoMemory;
      return;
    }
    const size_t size = std::strlen(text);
    byte(static_cast<int>(size));
    bytes(text, size);
    PyMem_Free(text);
  }
  // Writes a reference where the object has been written before; otherwise says whether it gets a number.
  bool reference(PyObject* value, int* flag);
  void compound(PyObject* value, int flag);
  void text(PyObject* value, int flag);
  void set(PyObject* value, int flag);
  void code(PyCodeObject* code, int flag);

  int version_;
  bool allow_code_;
  FILE* file_;
  char* buffer_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  int depth_ = 0;
  Problem problem_ = Problem::None;
  ReferenceTable references_;
  std::vector<const PyObject*> open_;  // code objects and slices that are being written
};

void Writer::write(PyObject* value) {
  if (problem_ != Problem::None) return;
  ++depth_;
  if (depth_ > kMarshalMaxDepth) {
    problem_ = Problem::TooDeep;
  } else if (!value) {
    plain(MarshalType::Null);
  } else if (value == Py_None) {
    plain(MarshalType::None);
  } else if (value == PyExc_StopIteration) {
    plain(MarshalType::StopIteration);
  } else if (value == Py_Ellipsis) {
    plain(MarshalType::Ellipsis);
  } else if (value == Py_False) {
    plain(MarshalType::False);
  } else if (value == Py_True) {
    plain(MarshalType::True);
  } else {
    int flag = 0;
    if (!reference(value, &flag)) {
      const bool closed = PyCode_Check(value) || PySlice_Check(value);
      if (closed) open_.push_back(value);
      compound(value, flag);
      if (closed) open_.pop_back();
    }
  }
  --depth_;
}

bool Writer::reference(PyObject* value, int* flag) {
  if (version_ < 3) return false;
  // What nobody else refers to cannot come again; interned text may, in another module's run.
  if (Py_REFCNT(value) == 1 && !(PyUnicode_CheckExact(value) && PyUnicode_CHECK_INTERNED(value))) return false;
  const Py_ssize_t known = references_.find_or_add(value);
  if (known == -2) {
    problem_ = Problem::NoMemory;
    return true;
  }
  if (known >= 0) {
    // An object that is made when all its parts are there cannot be a part of itself.
    for (const PyObject* open : open_)
      if (open == value) {
        problem_ = Problem::Unmarshallable;
        return true;
      }
    plain(MarshalType::Ref);
    number(static_cast<long>(known));
    return true;
  }
  *flag = kMarshalFlagRef;
  return false;
}

void Writer::big_integer(PyObject* value, int flag) {
  type(MarshalType::Long, flag);
  PyLongExport view;
  if (PyLong_Export(value, &view) < 0) {
    problem_ = Problem::Unmarshallable;
    return;
  }
  // From 30-bit digits, or a 64-bit value, to 15-bit ones.
  if (!view.digits) {
    uint64_t rest = view.value < 0 ? 0 - static_cast<uint64_t>(view.value) : static_cast<uint64_t>(view.value);
    int digits[5], count = 0;
    for (; rest; rest >>= 15) digits[count++] = static_cast<int>(rest & 0x7FFF);
    number(view.value < 0 ? -count : count);
    for (int i = 0; i < count; ++i) {
      byte(digits[i]);
      byte(digits[i] >> 8);
    }
  } else {
    const auto* digits = static_cast<const uint32_t*>(view.digits);
    const Py_ssize_t count = view.ndigits;
    const bool top_is_small = digits[count - 1] < (1u << 15);
    const Py_ssize_t halves = count * 2 - (top_is_small ? 1 : 0);
    if (halves > 0x7FFFFFFF) {
      problem_ = Problem::Unmarshallable;
    } else {
      number(static_cast<long>(view.negative ? -halves : halves));
      for (Py_ssize_t i = 0; i < halves; ++i) {
        const uint32_t half = digits[i / 2] >> (i % 2 * 15) & 0x7FFF;
        byte(static_cast<int>(half));
        byte(static_cast<int>(half >> 8));
      }
    }
  }
  PyLong_FreeExport(&view);
}

void Writer::text(PyObject* value, int flag) {
  const bool interned = PyUnicode_CHECK_INTERNED(value) != 0;
  if (version_ >= 4 && PyUnicode_IS_ASCII(value)) {
    const Py_ssize_t size = PyUnicode_GET_LENGTH(value);
    if (size < 256) {
      type(interned ? MarshalType::ShortAsciiInterned : MarshalType::ShortAscii, flag);
      byte(static_cast<int>(size));
      bytes(PyUnicode_DATA(value), static_cast<size_t>(size));
    } else {
      type(interned ? MarshalType::AsciiInterned : MarshalType::Ascii, flag);
      sized_bytes(static_cast<const char*>(PyUnicode_DATA(value)), size);
    }
    return;
  }
  Ref<> utf8 = steal(PyUnicode_AsEncodedString(value, "utf8", "surrogatepass"));
  if (!utf8) {
    problem_ = Problem::Unmarshallable;
    return;
  }
  type(version_ >= 3 && interned ? MarshalType::Interned : MarshalType::Text, flag);
  sized_bytes(PyBytes_AS_STRING(utf8.get()), PyBytes_GET_SIZE(utf8.get()));
}

void Writer::set(PyObject* value, int flag) {
  type(PyFrozenSet_CheckExact(value) ? MarshalType::FrozenSet : MarshalType::Set, flag);
  const Py_ssize_t size = PySet_GET_SIZE(value);
  if (!length(size)) return;
  // In the order of the items' bytes, so that equal sets give equal bytes. Writing an item may run code.
  Ref<> items = steal(PySequence_List(value));
  struct Dump {
    Ref<> bytes;
    PyObject* item;
    Py_ssize_t place;
  };
  std::vector<Dump> dumps;
  bool good = static_cast<bool>(items);
  for (Py_ssize_t i = 0; good && i < size; ++i) {
    PyObject* item = PyList_GET_ITEM(items.get(), i);
    Ref<> dump = marshal_dump(item, version_, allow_code_);
    good = static_cast<bool>(dump);
    if (good && PySet_GET_SIZE(value) != size) {
      PyErr_SetString(PyExc_RuntimeError, "set changed size during iteration");
      good = false;
    }
    dumps.push_back({std::move(dump), item, i});
  }
  if (!good) {
    if (problem_ == Problem::None) problem_ = Problem::Unmarshallable;
    return;
  }
  std::sort(dumps.begin(), dumps.end(), [](const Dump& x, const Dump& y) {
    const Py_ssize_t x_size = PyBytes_GET_SIZE(x.bytes.get()), y_size = PyBytes_GET_SIZE(y.bytes.get());
    const int order =
        std::memcmp(PyBytes_AS_STRING(x.bytes.get()), PyBytes_AS_STRING(y.bytes.get()), static_cast<size_t>(std::min(x_size, y_size)));
    if (order) return order < 0;
    return x_size != y_size ? x_size < y_size : x.place < y.place;
  });
  for (const Dump& dump : dumps) write(dump.item);
}

void Writer::code(PyCodeObject* code, int flag) {
  if (!allow_code_) {
    problem_ = Problem::CodeNotAllowed;
    return;
  }
  Ref<> instructions = steal(PyCode_GetCode(code));
  if (!instructions) {
    problem_ = Problem::NoMemory;
    return;
  }
  type(MarshalType::Code, flag);
  number(code->co_argcount);
  number(code->co_posonlyargcount);
  number(code->co_kwonlyargcount);
  number(code->co_stacksize);
  number(code->co_flags);
  write(instructions);
  write(code->co_consts);
  write(code->co_names);
  write(code->co_localsplusnames);
  write(code->co_localspluskinds);
  write(code->co_filename);
  write(code->co_name);
  write(code->co_qualname);
  number(code->co_firstlineno);
  write(code->co_linetable);
  write(code->co_exceptiontable);
}

void Writer::compound(PyObject* value, int flag) {
  if (PyLong_CheckExact(value)) {
    int overflow;
    const long small = PyLong_AsLongAndOverflow(value, &overflow);
    if (!overflow && small >= INT32_MIN && small <= INT32_MAX) {
      type(MarshalType::Int, flag);
      number(small);
    } else {
      big_integer(value, flag);
    }
  } else if (PyFloat_CheckExact(value)) {
    type(version_ > 1 ? MarshalType::BinaryFloat : MarshalType::Float, flag);
    real(PyFloat_AS_DOUBLE(value));
  } else if (PyComplex_CheckExact(value)) {
    type(version_ > 1 ? MarshalType::BinaryComplex : MarshalType::Complex, flag);
    real(PyComplex_RealAsDouble(value));
    real(PyComplex_ImagAsDouble(value));
  } else if (PyBytes_CheckExact(value)) {
    type(MarshalType::Bytes, flag);
    sized_bytes(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
  } else if (PyUnicode_CheckExact(value)) {
    text(value, flag);
  } else if (PyTuple_CheckExact(value)) {
    const Py_ssize_t size = PyTuple_GET_SIZE(value);
    if (version_ >= 4 && size < 256) {
      type(MarshalType::SmallTuple, flag);
      byte(static_cast<int>(size));
    } else {
      type(MarshalType::Tuple, flag);
      if (!length(size)) return;
    }
    for (Py_ssize_t i = 0; i < size; ++i) write(PyTuple_GET_ITEM(value, i));
  } else if (PyList_CheckExact(value)) {
    type(MarshalType::List, flag);
    const Py_ssize_t size = PyList_GET_SIZE(value);
    if (!length(size)) return;
    for (Py_ssize_t i = 0; i < size && i < PyList_GET_SIZE(value); ++i) write(PyList_GET_ITEM(value, i));
  } else if (PyDict_CheckExact(value)) {
    type(MarshalType::Dict, flag);
    Py_ssize_t at = 0;
    PyObject *key, *item;
    while (PyDict_Next(value, &at, &key, &item)) {
      write(key);
      write(item);
    }
    write(nullptr);
  } else if (PyAnySet_CheckExact(value)) {
    set(value, flag);
  } else if (PyCode_Check(value)) {
    code(as<PyCodeObject>(value), flag);
  } else if (PyObject_CheckBuffer(value)) {
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) != 0) {
      plain(MarshalType::Unknown);
      problem_ = Problem::Unmarshallable;
      return;
    }
    type(MarshalType::Bytes, flag);
    sized_bytes(static_cast<const char*>(view.buf), view.len);
    PyBuffer_Release(&view);
  } else if (PySlice_Check(value) && version_ >= 5) {
    auto* slice = as<PySliceObject>(value);
    type(MarshalType::Slice, flag);
    write(slice->start);
    write(slice->stop);
    write(slice->step);
  } else {
    plain(MarshalType::Unknown);
    problem_ = Problem::Unmarshallable;
  }
}

}  // namespace

Ref<> marshal_dump(PyObject* value, int version, bool allow_code) {
  if (PySys_Audit("marshal.dumps", "Oi", value, version) < 0) return failed;
  Writer writer(version, allow_code);
  writer.write(value);
  return writer.result();
}

}  // namespace ks::compiler

// Writes the least 32 bits.
void PyMarshal_WriteLongToFile(long value, FILE* file, int version) {
  ks::compiler::Writer writer(version, true, file);
  writer.number(value);
}
void PyMarshal_WriteObjectToFile(PyObject* value, FILE* file, int version) {
  if (PySys_Audit("marshal.dumps", "Oi", value, version) < 0) return;
  ks::compiler::Writer writer(version, true, file);
  writer.write(value);
}
// New reference to bytes.
PyObject* PyMarshal_WriteObjectToString(PyObject* value, int version) {
  return ks::compiler::marshal_dump(value, version, true).release();
}
