// Marshal's bytes to values. The input may be hostile: every length is checked against what is there before memory is
// taken for it, and nothing is trusted to be what its place asks for.
#include <Python.h>

#include <cstring>

#include "compiler/marshal.h"
#include "interpreter/code.h"

namespace ks::compiler {
namespace {

class Reader {
 public:
  Reader(const char* data, Py_ssize_t size, bool allow_code) : next_(data), end_(data + size), allow_code_(allow_code) {}
  Reader(FILE* file) : stream_(file), allow_code_(true) {}
  Reader(PyObject* file, bool allow_code) : file_(borrow(file)), allow_code_(allow_code) {}
  ~Reader() { PyMem_Free(buffer_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The whole value, never an empty place.
  Ref<> read() {
    references_ = TRY(steal(PyList_New(0)));
    Ref<> result = value();
    if (!result && !PyErr_Occurred()) return raise(PyExc_TypeError, "NULL object in marshal data for object");
    return result;
  }
  long number() {
    const auto* data = reinterpret_cast<const unsigned char*>(bytes(4));
    if (!data) return -1;
    return static_cast<int32_t>(data[0] | data[1] << 8 | data[2] << 16 | static_cast<uint32_t>(data[3]) << 24);
  }
  int short_number() {
    const auto* data = reinterpret_cast<const unsigned char*>(bytes(2));
    if (!data) return -1;
    return static_cast<int16_t>(data[0] | data[1] << 8);
  }
  const char* rest() const { return next_; }

 private:
  // `count` bytes, valid until the next call; nullptr with EOFError.
  const char* bytes(Py_ssize_t count);
  int byte() {
    if (next_ && next_ < end_) return static_cast<unsigned char>(*next_++);
    if (in_memory()) return raise(PyExc_EOFError, "EOF read where not expected");
    const char* data = bytes(1);
    return data ? static_cast<unsigned char>(*data) : -1;
  }
  // The type byte; -1 with EOFError.
  int code_byte();
  Ref<> value();  // empty without an exception: the mark of an empty place
  Ref<> value_of(int type, bool flag);
  Ref<> item(const char* container) {
    Ref<> result = value();
    if (!result && !PyErr_Occurred()) return raise(PyExc_TypeError, "NULL object in marshal data for %s", container);
    return result;
  }
  Status size(const char* what, Py_ssize_t* out) {
    const long count = number();
    if (count == -1 && PyErr_Occurred()) return failed;
    if (count < 0) return raise(PyExc_ValueError, "bad marshal data (%s size out of range)", what);
    *out = count;
    return Status::Ok;
  }
  bool in_memory() const { return !stream_ && !file_; }

  // Gives the value its number, when it is to have one.
  Ref<> remember(Ref<> value, bool flag) {
    if (value && flag && PyList_Append(references_, value) < 0) return failed;
    return value;
  }
  // The number of a value that is not made yet; -1 without flag, -2 with an exception.
  Py_ssize_t reserve(bool flag) {
    if (!flag) return -1;
    const Py_ssize_t index = PyList_GET_SIZE(references_.get());
    if (index >= 0x7FFFFFFE) {
      raise(PyExc_ValueError, "bad marshal data (index list too large)");
      return -2;
    }
    return PyList_Append(references_, Py_None) < 0 ? -2 : index;
  }
  Ref<> fill(Ref<> value, Py_ssize_t index) {
    if (value && index >= 0) PyList_SetItem(references_, index, Py_NewRef(value));
    return value;
  }

  Ref<> big_integer();
  Ref<> float_text();
  Status real(double* out);
  Ref<> ascii(Py_ssize_t length, bool interned);
  Ref<> tuple(Py_ssize_t length, bool flag);
  Ref<> list(bool flag);
  Ref<> dict(bool flag);
  Ref<> set(bool frozen, bool flag);
  Ref<> code(bool flag);

  const char* next_ = nullptr;
  const char* end_ = nullptr;
  FILE* stream_ = nullptr;
  Ref<> file_;
  char* buffer_ = nullptr;
  Py_ssize_t buffer_size_ = 0;
  int depth_ = 0;
  bool allow_code_;
  Ref<> references_;
};

const char* Reader::bytes(Py_ssize_t count) {
  if (in_memory()) {
    if (end_ - next_ < count) return raise(PyExc_EOFError, "marshal data too short");
    const char* result = next_;
    next_ += count;
    return result;
  }
  // In steps: a length that is a lie meets the end of the file before it meets the end of memory.
  constexpr Py_ssize_t kStep = 1 << 24;
  for (Py_ssize_t have = 0; have < count || count == 0;) {
    const Py_ssize_t step = count - have < kStep ? count - have : kStep;
    if (have + step > buffer_size_ || !buffer_) {
      void* buffer = PyMem_Realloc(buffer_, static_cast<size_t>(have + step < 256 ? 256 : have + step));
      if (!buffer) {
        PyErr_NoMemory();
        return nullptr;
      }
      buffer_ = static_cast<char*>(buffer);
      buffer_size_ = have + step < 256 ? 256 : have + step;
    }
    if (count == 0) break;
    Py_ssize_t got;
    if (stream_) {
      got = static_cast<Py_ssize_t>(fread(buffer_ + have, 1, static_cast<size_t>(step), stream_));
    } else {
      Ref<> view = TRY(steal(PyMemoryView_FromMemory(buffer_ + have, step, PyBUF_WRITE)));
      Ref<> result = TRY(steal(PyObject_CallMethod(file_, "readinto", "O", view.get())));
      got = PyNumber_AsSsize_t(result, PyExc_ValueError);
      if (got == -1 && PyErr_Occurred()) return nullptr;
      if (got > step)
        return raise(PyExc_ValueError, "read() returned too much data: %zd bytes requested, %zd returned", step, got);
    }
    if (got != step) return raise(PyExc_EOFError, "EOF read where not expected");
    have += step;
  }
  return buffer_;
}

int Reader::code_byte() {
  if (in_memory()) {
    if (next_ < end_) return static_cast<unsigned char>(*next_++);
  } else {
    const char* data = bytes(1);
    if (data) return static_cast<unsigned char>(*data);
    if (!PyErr_ExceptionMatches(PyExc_EOFError)) return -1;
    PyErr_Clear();
  }
  return raise(PyExc_EOFError, "EOF read where object expected");
}

Ref<> Reader::value() {
  const int head = code_byte();
  if (head < 0) return failed;
  if (depth_ >= kMarshalMaxDepth) return raise(PyExc_ValueError, "recursion limit exceeded");
  ++depth_;
  Ref<> result = value_of(head & ~kMarshalFlagRef, head & kMarshalFlagRef);
  --depth_;
  return result;
}

Ref<> Reader::big_integer() {
  const long count = number();
  if (count == -1 && PyErr_Occurred()) return failed;
  if (count == 0) return steal(PyLong_FromLong(0));
  if (count < -INT32_MAX) return raise(PyExc_ValueError, "bad marshal data (long size out of range)");
  const Py_ssize_t halves = count < 0 ? -count : count;
  if (in_memory() && end_ - next_ < halves * 2) return raise(PyExc_EOFError, "marshal data too short");
  const Py_ssize_t digit_count = (halves + 1) / 2;
  Ref<> data = TRY(steal(PyBytes_FromStringAndSize(nullptr, digit_count * 4)));
  auto* digits = reinterpret_cast<uint32_t*>(PyBytes_AS_STRING(data.get()));
  for (Py_ssize_t i = 0; i < halves; ++i) {
    const int half = short_number();
    if (half == -1 && PyErr_Occurred()) return failed;
    if (half < 0) return raise(PyExc_ValueError, "bad marshal data (digit out of range in long)");
    if (i == halves - 1 && half == 0) return raise(PyExc_ValueError, "bad marshal data (unnormalized long data)");
    if (i % 2 == 0) digits[i / 2] = static_cast<uint32_t>(half);
    else digits[i / 2] |= static_cast<uint32_t>(half) << 15;
  }
  void* memory;
  PyLongWriter* writer = PyLongWriter_Create(count < 0, digit_count, &memory);
  if (!writer) return failed;
  std::memcpy(memory, digits, static_cast<size_t>(digit_count) * 4);
  return steal(PyLongWriter_Finish(writer));
}

Status Reader::real(double* out) {
  const char* data = bytes(8);
  if (!data) return failed;
  std::memcpy(out, data, 8);
  return Status::Ok;
}

Ref<> Reader::float_text() {
  const int length = byte();
  if (length < 0) return failed;
  const char* data = bytes(length);
  if (!data) return failed;
  char text[256];
  std::memcpy(text, data, static_cast<size_t>(length));
  text[length] = 0;
  const double value = PyOS_string_to_double(text, nullptr, nullptr);
  if (value == -1.0 && PyErr_Occurred()) return failed;
  return steal(PyFloat_FromDouble(value));
}

Ref<> Reader::ascii(Py_ssize_t length, bool interned) {
  const char* data = bytes(length);
  if (!data) return failed;
  PyObject* text = PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, data, length);
  if (text && interned) PyUnicode_InternInPlace(&text);
  return steal(text);
}

Ref<> Reader::tuple(Py_ssize_t length, bool flag) {
  // Lengths beyond the data are refused late by the reference too, item by item; memory is taken only for what is there.
  if (in_memory() && length > end_ - next_) {
    if (reserve(flag) == -2) return failed;
    for (Py_ssize_t i = 0; i < length; ++i) {
      Ref<> element = item("tuple");
      if (!element) return failed;
    }
  }
  Ref<> result = TRY(steal(PyTuple_New(length)));
  result = remember(std::move(result), flag);
  if (!result) return failed;
  for (Py_ssize_t i = 0; i < length; ++i) {
    Ref<> element = item("tuple");
    if (!element) return failed;
    PyTuple_SET_ITEM(result.get(), i, element.release());
  }
  return result;
}

Ref<> Reader::list(bool flag) {
  Py_ssize_t length;
  TRY(size("list", &length));
  Ref<> result = remember(steal(PyList_New(0)), flag);
  if (!result) return failed;
  for (Py_ssize_t i = 0; i < length; ++i) {
    Ref<> element = TRY(item("list"));
    TRY(status(PyList_Append(result, element)));
  }
  return result;
}

Ref<> Reader::dict(bool flag) {
  Ref<> result = remember(steal(PyDict_New()), flag);
  if (!result) return failed;
  while (Ref<> key = value()) {
    Ref<> item = value();
    if (!item) break;
    TRY(status(PyDict_SetItem(result, key, item)));
  }
  if (PyErr_Occurred()) return failed;
  return result;
}

Ref<> Reader::set(bool frozen, bool flag) {
  Py_ssize_t length;
  TRY(size("set", &length));
  // A frozenset cannot contain itself: its number is given before it is made.
  Ref<> result = TRY(steal(frozen ? PyFrozenSet_New(nullptr) : PySet_New(nullptr)));
  if (frozen && length == 0) return remember(std::move(result), flag);
  Py_ssize_t index = -1;
  if (frozen) {
    index = reserve(flag);
    if (index == -2) return failed;
  } else {
    result = remember(std::move(result), flag);
    if (!result) return failed;
  }
  for (Py_ssize_t i = 0; i < length; ++i) {
    Ref<> element = TRY(item("set"));
    TRY(status(PySet_Add(result, element)));
  }
  return fill(std::move(result), index);
}

Ref<> Reader::code(bool flag) {
  if (!allow_code_) return raise(PyExc_ValueError, "unmarshalling code objects is disallowed");
  const Py_ssize_t index = reserve(flag);
  if (index == -2) return failed;
  int numbers[5];
  for (int& one : numbers) {
    one = static_cast<int>(number());
    if (one == -1 && PyErr_Occurred()) return failed;
  }
  Ref<> objects[8];  // code, consts, names, localsplusnames, localspluskinds, filename, name, qualname
  for (Ref<>& one : objects) one = TRY(item("object"));
  const int firstlineno = static_cast<int>(number());
  if (firstlineno == -1 && PyErr_Occurred()) return failed;
  Ref<> linetable = TRY(item("object"));
  Ref<> exceptiontable = TRY(item("object"));
  CodeParts parts{.filename = objects[5], .name = objects[6], .qualname = objects[7], .flags = numbers[4],
                  .code = objects[0], .firstlineno = firstlineno, .linetable = linetable, .consts = objects[1],
                  .names = objects[2], .localsplusnames = objects[3], .localspluskinds = objects[4],
                  .argcount = numbers[0], .posonlyargcount = numbers[1], .kwonlyargcount = numbers[2],
                  .stacksize = numbers[3], .exceptiontable = exceptiontable};
  if (PySys_Audit("code.__new__", "OOOiiiiii", parts.code, parts.filename, parts.name, parts.argcount,
                  parts.posonlyargcount, parts.kwonlyargcount,
                  PyTuple_Check(parts.localsplusnames) ? static_cast<int>(PyTuple_GET_SIZE(parts.localsplusnames)) : 0,
                  parts.stacksize, parts.flags) < 0)
    return failed;
  Ref<> result = code_new(parts);
  return fill(std::move(result), index);
}

Ref<> Reader::value_of(int type, bool flag) {
  switch (static_cast<MarshalType>(type)) {
    case MarshalType::Null:
      return nullptr;
    case MarshalType::None:
      return borrow(Py_None);
    case MarshalType::StopIteration:
      return borrow(PyExc_StopIteration);
    case MarshalType::Ellipsis:
      return borrow(Py_Ellipsis);
    case MarshalType::False:
      return borrow(Py_False);
    case MarshalType::True:
      return borrow(Py_True);
    case MarshalType::Int: {
      const long value = number();
      if (value == -1 && PyErr_Occurred()) return failed;
      return remember(steal(PyLong_FromLong(value)), flag);
    }
    case MarshalType::Int64: {
      const char* data = bytes(8);
      if (!data) return failed;
      int64_t value;
      std::memcpy(&value, data, 8);
      return remember(steal(PyLong_FromLongLong(value)), flag);
    }
    case MarshalType::Long:
      return remember(big_integer(), flag);
    case MarshalType::Float:
      return remember(float_text(), flag);
    case MarshalType::BinaryFloat: {
      double value;
      TRY(real(&value));
      return remember(steal(PyFloat_FromDouble(value)), flag);
    }
    case MarshalType::Complex: {
      Ref<> first = TRY(float_text());
      Ref<> second = TRY(float_text());
      return remember(steal(PyComplex_FromDoubles(PyFloat_AS_DOUBLE(first.get()), PyFloat_AS_DOUBLE(second.get()))), flag);
    }
    case MarshalType::BinaryComplex: {
      double first, second;
      TRY(real(&first));
      TRY(real(&second));
      return remember(steal(PyComplex_FromDoubles(first, second)), flag);
    }
    case MarshalType::Bytes: {
      Py_ssize_t length;
      TRY(size("bytes object", &length));
      const char* data = bytes(length);
      if (!data) return failed;
      return remember(steal(PyBytes_FromStringAndSize(data, length)), flag);
    }
    case MarshalType::Ascii:
    case MarshalType::AsciiInterned: {
      Py_ssize_t length;
      TRY(size("string", &length));
      return remember(ascii(length, type == static_cast<int>(MarshalType::AsciiInterned)), flag);
    }
    case MarshalType::ShortAscii:
    case MarshalType::ShortAsciiInterned: {
      const int length = byte();
      if (length < 0) return failed;
      return remember(ascii(length, type == static_cast<int>(MarshalType::ShortAsciiInterned)), flag);
    }
    case MarshalType::Text:
    case MarshalType::Interned: {
      Py_ssize_t length;
      TRY(size("string", &length));
      const char* data = length ? bytes(length) : "";
      if (!data) return failed;
      PyObject* text = PyUnicode_DecodeUTF8(data, length, "surrogatepass");
      if (text && type == static_cast<int>(MarshalType::Interned)) PyUnicode_InternInPlace(&text);
      return remember(steal(text), flag);
    }
    case MarshalType::SmallTuple: {
      const int length = byte();
      if (length < 0) return failed;
      return tuple(length, flag);
    }
    case MarshalType::Tuple: {
      Py_ssize_t length;
      TRY(size("tuple", &length));
      return tuple(length, flag);
    }
    case MarshalType::List:
      return list(flag);
    case MarshalType::Dict:
      return dict(flag);
    case MarshalType::Set:
      return set(false, flag);
    case MarshalType::FrozenSet:
      return set(true, flag);
    case MarshalType::Code:
      return code(flag);
    case MarshalType::Slice: {
      const Py_ssize_t index = reserve(flag);
      if (index == -2) return failed;
      Ref<> start = TRY(item("object"));
      Ref<> stop = TRY(item("object"));
      Ref<> step = TRY(item("object"));
      return fill(steal(PySlice_New(start, stop, step)), index);
    }
    case MarshalType::Ref: {
      const long index = number();
      if (index == -1 && PyErr_Occurred()) return failed;
      PyObject* known = index < 0 || index >= PyList_GET_SIZE(references_.get())
                            ? Py_None
                            : PyList_GET_ITEM(references_.get(), index);
      if (known == Py_None) return raise(PyExc_ValueError, "bad marshal data (invalid reference)");
      return borrow(known);
    }
    case MarshalType::Unknown:
      break;
  }
  return raise(PyExc_ValueError, "bad marshal data (unknown type code)");
}

}  // namespace

Ref<> marshal_load(const char* data, Py_ssize_t size, bool allow_code) {
  if (PySys_Audit("marshal.loads", "y#", data, size) < 0) return failed;
  return Reader(data, size, allow_code).read();
}
Ref<> marshal_load_from(PyObject* file, bool allow_code) {
  // A first, empty read tells text files from binary ones.
  Ref<> data = TRY(steal(PyObject_CallMethod(file, "read", "i", 0)));
  if (!PyBytes_Check(data.get()))
    return raise(PyExc_TypeError, "file.read() returned not bytes but %.100s", Py_TYPE(data.get())->tp_name);
  if (PySys_Audit("marshal.load", nullptr) < 0) return failed;
  return Reader(file, allow_code).read();
}
Ref<> marshal_load_from(FILE* file) {
  if (PySys_Audit("marshal.load", nullptr) < 0) return failed;
  return Reader(file).read();
}

}  // namespace ks::compiler

// -1 with EOFError at the end.
int PyMarshal_ReadShortFromFile(FILE* file) { return ks::compiler::Reader(file).short_number(); }
long PyMarshal_ReadLongFromFile(FILE* file) { return ks::compiler::Reader(file).number(); }
// New references; nullptr with EOFError, ValueError or TypeError.
PyObject* PyMarshal_ReadObjectFromFile(FILE* file) { return ks::compiler::marshal_load_from(file).release(); }
PyObject* PyMarshal_ReadLastObjectFromFile(FILE* file) { return ks::compiler::marshal_load_from(file).release(); }
PyObject* PyMarshal_ReadObjectFromString(const char* data, Py_ssize_t size) {
  return ks::compiler::marshal_load(data, size, true).release();
}
