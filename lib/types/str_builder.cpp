// StrBuilder (str.h), and the two writers of the C API: PyUnicodeWriter is a StrBuilder on the heap, _PyUnicodeWriter
// is a public struct whose buffer is a str under construction.
#include <algorithm>

#include "object/export.h"
#include "types/str.h"
#include "types/str_private.h"

namespace ks {

Status StrBuilder::grow(Py_ssize_t count, Py_UCS4 c) {
  int kind = c <= 0xff ? 1 : c <= 0xffff ? 2 : 4;
  if (only_) {  // take the whole text over, then go on
    PyObject* text = std::exchange(only_, nullptr);
    const Py_ssize_t length = str_length(text);
    Status result = length > PY_SSIZE_T_MAX - count ? (PyErr_NoMemory(), Status::Error)
                                                    : grow(length + count, std::max(c, PyUnicode_MAX_CHAR_VALUE(text)));
    if (result == Status::Ok) {
      copy_chars(kind_, data_, 0, str_kind(text), str_data(text), 0, length);
      length_ = length;
      if (kind_ == 1) bits_ = str_is_ascii(text) ? 0 : 0x80;
    }
    Py_DECREF(text);
    return result;
  }
  kind = std::max(kind, kind_);
  if (count > PY_SSIZE_T_MAX / 8 - length_) return PyErr_NoMemory(), failed;
  const Py_ssize_t needed = length_ + count;
  if (kind == kind_ && needed <= capacity_) return Status::Ok;
  Py_ssize_t capacity = needed;
  if (needed > capacity_) capacity = std::max(needed, capacity_ + capacity_ / 2);
  if (capacity * kind <= static_cast<Py_ssize_t>(sizeof small_) && data_ == small_ && kind == kind_) return Status::Ok;
  capacity = std::max<Py_ssize_t>(capacity, 256);
  if (kind == kind_ && data_ != small_) {
    void* data = PyMem_Realloc(data_, static_cast<size_t>(capacity) * static_cast<size_t>(kind));
    if (!data) return PyErr_NoMemory(), failed;
    data_ = data;
  } else {
    void* data = PyMem_Malloc(static_cast<size_t>(capacity) * static_cast<size_t>(kind));
    if (!data) return PyErr_NoMemory(), failed;
    copy_chars(kind, data, 0, kind_, data_, 0, length_);
    if (data_ != small_) PyMem_Free(data_);
    data_ = data;
    kind_ = kind;
  }
  capacity_ = capacity;
  return Status::Ok;
}

Status StrBuilder::add_chars(int kind, const void* data, Py_ssize_t count, bool known_ascii) {
  if (count == 0) return Status::Ok;
  Py_UCS4 most = 0x7f;
  if (kind == 1) {
    if (!known_ascii && !all_ascii(data, count)) most = 0xff;
  } else {
    most = kind == 2 ? max_char_of(static_cast<const Py_UCS2*>(data), count)
                     : max_char_of(static_cast<const Py_UCS4*>(data), count);
  }
  TRY(prepare(count, most));
  if (kind == 1 && kind_ == 1) {
    memcpy(static_cast<Py_UCS1*>(data_) + length_, data, static_cast<size_t>(count));
  } else {
    copy_chars(kind_, data_, length_, kind, data, 0, count);
  }
  if (most > 0x7f) bits_ |= 0x80;
  length_ += count;
  return Status::Ok;
}

Status StrBuilder::add_repeated(Py_UCS4 c, Py_ssize_t count) {
  if (count <= 0) return Status::Ok;
  TRY(prepare(count, c));
  switch (kind_) {
    case 1:
      memset(static_cast<Py_UCS1*>(data_) + length_, static_cast<int>(c), static_cast<size_t>(count));
      bits_ |= static_cast<Py_UCS1>(c);
      break;
    case 2: std::fill_n(static_cast<Py_UCS2*>(data_) + length_, count, static_cast<Py_UCS2>(c)); break;
    default: std::fill_n(static_cast<Py_UCS4*>(data_) + length_, count, c);
  }
  length_ += count;
  return Status::Ok;
}

Status StrBuilder::add_utf8(const char* text, Py_ssize_t size, const char* errors) {
  if (all_ascii(text, size)) return add_ascii(text, size);
  Ref<> decoded = TRY(steal(utf8_decode(text, size, errors, nullptr)));
  return add(decoded);
}

Status StrBuilder::add_object(PyObject* o) {
  if (is_exact_str(o)) return add(o);
  Ref<> text = TRY(steal(PyObject_Str(o)));
  return add(text);
}
Status StrBuilder::add_repr(PyObject* o) {
  Ref<> text = TRY(steal(PyObject_Repr(o)));
  return add(text);
}

void StrBuilder::truncate(Py_ssize_t length) {
  if (length >= this->length()) return;
  if (only_) {
    if (grow(1, 0) == Status::Error) {
      PyErr_Clear();
      return;
    }
  }
  length_ = length;
  // What is gone may have been the only character of its width; finish() looks again then.
  if (kind_ == 1) bits_ = length && !all_ascii(data_, length) ? 0x80 : 0;
}

PyObject* StrBuilder::finish() {
  PyObject* result;
  if (only_) result = std::exchange(only_, nullptr);
  else if (kind_ == 1) {
    if (length_ == 1) result = str_latin1_char(static_cast<Py_UCS1*>(data_)[0]);
    else {
      result = str_new(length_, bits_ & 0x80 ? 0xff : 0x7f);
      if (result && length_) memcpy(str_data(result), data_, static_cast<size_t>(length_));
    }
  } else if (kind_ == 2) result = str_from_ucs2(static_cast<Py_UCS2*>(data_), length_);
  else result = str_from_ucs4(static_cast<Py_UCS4*>(data_), length_);
  discard();
  return result;
}

void StrBuilder::discard() {
  Py_CLEAR(only_);
  if (data_ != small_) PyMem_Free(data_);
  data_ = small_;
  length_ = 0;
  capacity_ = kSmall;
  kind_ = 1;
  bits_ = 0;
}

}  // namespace ks

using namespace ks;

#pragma clang diagnostic ignored "-Wdeprecated-declarations"  // _PyUnicodeWriter is deprecated for its users, not for us

static StrBuilder* builder_of(PyUnicodeWriter* writer) { return reinterpret_cast<StrBuilder*>(writer); }

extern "C" {

// New writer; `length` is a hint. ValueError, MemoryError.
PyUnicodeWriter* PyUnicodeWriter_Create(Py_ssize_t length) {
  if (length < 0) return raise(PyExc_ValueError, "length must be positive");
  void* memory = PyMem_Malloc(sizeof(StrBuilder));
  if (!memory) return PyErr_NoMemory(), nullptr;
  auto* builder = new (memory) StrBuilder;
  if (is_failure(builder->prepare(length, 0x7f))) {
    PyUnicodeWriter_Discard(reinterpret_cast<PyUnicodeWriter*>(builder));
    return nullptr;
  }
  return reinterpret_cast<PyUnicodeWriter*>(builder);
}
void PyUnicodeWriter_Discard(PyUnicodeWriter* writer) {
  if (!writer) return;
  builder_of(writer)->~StrBuilder();
  PyMem_Free(writer);
}
// New str; the writer is gone.
PyObject* PyUnicodeWriter_Finish(PyUnicodeWriter* writer) {
  PyObject* result = builder_of(writer)->finish();
  PyUnicodeWriter_Discard(writer);
  return result;
}

// The writing functions give 0, or -1 with an exception and the writer as it was.
int PyUnicodeWriter_WriteChar(PyUnicodeWriter* writer, Py_UCS4 c) {
  if (c > 0x10ffff) return raise(PyExc_ValueError, "character must be in range(0x110000)");
  return to_c(builder_of(writer)->add_char(c));
}
int PyUnicodeWriter_WriteUTF8(PyUnicodeWriter* writer, const char* text, Py_ssize_t size) {
  if (size < 0) size = static_cast<Py_ssize_t>(strlen(text));
  return to_c(builder_of(writer)->add_utf8(text, size));
}
int PyUnicodeWriter_WriteASCII(PyUnicodeWriter* writer, const char* text, Py_ssize_t size) {
  if (size < 0) size = static_cast<Py_ssize_t>(strlen(text));
  return to_c(builder_of(writer)->add_ascii(text, size));
}
int PyUnicodeWriter_WriteWideChar(PyUnicodeWriter* writer, const wchar_t* text, Py_ssize_t size) {
  if (size < 0) size = static_cast<Py_ssize_t>(wcslen(text));
  return to_c(builder_of(writer)->add_chars(4, text, size));
}
int PyUnicodeWriter_WriteUCS4(PyUnicodeWriter* writer, Py_UCS4* text, Py_ssize_t size) {
  if (size < 0) return raise(PyExc_ValueError, "size must be positive");
  return to_c(builder_of(writer)->add_chars(4, text, size));
}
int PyUnicodeWriter_WriteStr(PyUnicodeWriter* writer, PyObject* o) { return to_c(builder_of(writer)->add_object(o)); }
int PyUnicodeWriter_WriteRepr(PyUnicodeWriter* writer, PyObject* o) {
  if (!o) return to_c(builder_of(writer)->add_ascii("<NULL>", 6));
  return to_c(builder_of(writer)->add_repr(o));
}
int PyUnicodeWriter_WriteSubstring(PyUnicodeWriter* writer, PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  if (!PyUnicode_Check(s)) return raise(PyExc_TypeError, "expect str, not %T", s);
  if (start < 0 || start > end) return raise(PyExc_ValueError, "start must be positive and less than or equal to end");
  if (end > str_length(s)) return raise(PyExc_ValueError, "end is larger than the string length");
  return to_c(builder_of(writer)->add_substring(s, start, end));
}
int PyUnicodeWriter_Format(PyUnicodeWriter* writer, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Ref<> text = steal(PyUnicode_FromFormatV(format, arguments));
  va_end(arguments);
  return text ? to_c(builder_of(writer)->add(text)) : -1;
}
int PyUnicodeWriter_DecodeUTF8Stateful(PyUnicodeWriter* writer, const char* text, Py_ssize_t size, const char* errors,
                                       Py_ssize_t* consumed) {
  if (size < 0) size = static_cast<Py_ssize_t>(strlen(text));
  Ref<> decoded = steal(utf8_decode(text, size, errors, consumed));
  if (!decoded || is_failure(builder_of(writer)->add(decoded))) {
    if (consumed) *consumed = 0;
    return -1;
  }
  return 0;
}

// ---- _PyUnicodeWriter ------------------------------------------------------------------------------------------------------

static void writer_update(_PyUnicodeWriter* writer) {
  writer->maxchar = PyUnicode_MAX_CHAR_VALUE(writer->buffer);
  writer->data = PyUnicode_DATA(writer->buffer);
  if (!writer->readonly) {
    writer->kind = PyUnicode_KIND(writer->buffer);
    writer->size = PyUnicode_GET_LENGTH(writer->buffer);
  } else {
    writer->kind = 0;  // so that the next write makes a copy
    writer->size = 0;
  }
}

void _PyUnicodeWriter_Init(_PyUnicodeWriter* writer) { *writer = {}; }

int _PyUnicodeWriter_PrepareInternal(_PyUnicodeWriter* writer, Py_ssize_t length, Py_UCS4 maxchar) {
  if (length > PY_SSIZE_T_MAX - writer->pos) return PyErr_NoMemory(), -1;
  Py_ssize_t needed = writer->pos + length;
  maxchar = std::max(maxchar, writer->min_char);
  if (!writer->buffer) {
    if (writer->overallocate && needed <= PY_SSIZE_T_MAX - needed / 4) needed += needed / 4;
    needed = std::max(needed, writer->min_length);
    writer->buffer = PyUnicode_New(needed, maxchar);
    if (!writer->buffer) return -1;
  } else if (needed > writer->size || maxchar > writer->maxchar || writer->readonly) {
    if (needed > writer->size && writer->overallocate && needed <= PY_SSIZE_T_MAX - needed / 4) needed += needed / 4;
    needed = std::max({needed, writer->min_length, writer->size});
    if (maxchar > writer->maxchar || writer->readonly) {
      PyObject* wider = PyUnicode_New(needed, std::max(maxchar, writer->maxchar));
      if (!wider) return -1;
      copy_chars(str_kind(wider), str_data(wider), 0, str_kind(writer->buffer), str_data(writer->buffer), 0, writer->pos);
      writer->readonly = 0;
      Py_SETREF(writer->buffer, wider);
    } else if (PyUnicode_Resize(&writer->buffer, needed) < 0) {
      return -1;
    }
  }
  writer_update(writer);
  return 0;
}
int _PyUnicodeWriter_PrepareKindInternal(_PyUnicodeWriter* writer, int kind) {
  const Py_UCS4 maxchar = kind == 1 ? 0xff : kind == 2 ? 0xffff : 0x10ffff;
  return _PyUnicodeWriter_PrepareInternal(writer, 0, maxchar);
}
int _PyUnicodeWriter_WriteChar(_PyUnicodeWriter* writer, Py_UCS4 c) {
  if (_PyUnicodeWriter_Prepare(writer, 1, c) < 0) return -1;
  PyUnicode_WRITE(writer->kind, writer->data, writer->pos, c);
  ++writer->pos;
  return 0;
}
int _PyUnicodeWriter_WriteStr(_PyUnicodeWriter* writer, PyObject* s) {
  const Py_ssize_t length = str_length(s);
  if (length == 0) return 0;
  const Py_UCS4 maxchar = PyUnicode_MAX_CHAR_VALUE(s);
  if (maxchar > writer->maxchar || length > writer->size - writer->pos) {
    if (!writer->buffer && !writer->overallocate) {
      writer->readonly = 1;
      writer->buffer = Py_NewRef(s);
      writer_update(writer);
      writer->pos += length;
      return 0;
    }
    if (_PyUnicodeWriter_PrepareInternal(writer, length, maxchar) < 0) return -1;
  }
  copy_chars(writer->kind, writer->data, writer->pos, str_kind(s), str_data(s), 0, length);
  writer->pos += length;
  return 0;
}
int _PyUnicodeWriter_WriteSubstring(_PyUnicodeWriter* writer, PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  if (end == start) return 0;
  if (start == 0 && end == str_length(s)) return _PyUnicodeWriter_WriteStr(writer, s);
  Py_UCS4 maxchar = PyUnicode_MAX_CHAR_VALUE(s);
  if (maxchar > writer->maxchar)
    maxchar = str_visit(s, [&](auto chars) { return max_char_of(chars.data + start, end - start); });
  if (_PyUnicodeWriter_Prepare(writer, end - start, maxchar) < 0) return -1;
  copy_chars(writer->kind, writer->data, writer->pos, str_kind(s), str_data(s), start, end - start);
  writer->pos += end - start;
  return 0;
}
static int writer_write_bytes(_PyUnicodeWriter* writer, const char* text, Py_ssize_t length, Py_UCS4 maxchar) {
  if (_PyUnicodeWriter_Prepare(writer, length, maxchar) < 0) return -1;
  copy_chars(writer->kind, writer->data, writer->pos, 1, text, 0, length);
  writer->pos += length;
  return 0;
}
int _PyUnicodeWriter_WriteASCIIString(_PyUnicodeWriter* writer, const char* text, Py_ssize_t length) {
  if (length < 0) length = static_cast<Py_ssize_t>(strlen(text));
  return length ? writer_write_bytes(writer, text, length, 0x7f) : 0;
}
int _PyUnicodeWriter_WriteLatin1String(_PyUnicodeWriter* writer, const char* text, Py_ssize_t length) {
  return length ? writer_write_bytes(writer, text, length, max_char_of(reinterpret_cast<const Py_UCS1*>(text), length)) : 0;
}
// New str; the writer is empty afterwards.
PyObject* _PyUnicodeWriter_Finish(_PyUnicodeWriter* writer) {
  if (writer->pos == 0) {
    Py_CLEAR(writer->buffer);
    return str_empty();
  }
  PyObject* result = std::exchange(writer->buffer, nullptr);
  if (writer->readonly) return result;
  if (str_length(result) != writer->pos && PyUnicode_Resize(&result, writer->pos) < 0) {
    Py_DECREF(result);
    return nullptr;
  }
  if (str_length(result) == 1 && str_char(result, 0) < 256) Py_SETREF(result, str_from_char(str_char(result, 0)));
  return result;
}
void _PyUnicodeWriter_Dealloc(_PyUnicodeWriter* writer) { Py_CLEAR(writer->buffer); }

}  // extern "C"
