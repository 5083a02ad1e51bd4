// What the parts of the _io module share: its types (one set for each interpreter) and small helpers.
#pragma once

#include <Python.h>

#include "object/method.h"
#include "object/ref.h"
#include "object/result.h"

#include "object/identifier.h"

namespace ks::io {

inline constexpr Py_ssize_t kDefaultBufferSize = 128 * 1024;

struct IoState {
  PyTypeObject* io_base;
  PyTypeObject* raw_io_base;
  PyTypeObject* buffered_io_base;
  PyTypeObject* text_io_base;
  PyTypeObject* file_io;
  PyTypeObject* bytes_io;
  PyTypeObject* bytes_io_buffer;
  PyTypeObject* string_io;
  PyTypeObject* buffered_reader;
  PyTypeObject* buffered_writer;
  PyTypeObject* buffered_random;
  PyTypeObject* buffered_rw_pair;
  PyTypeObject* text_io_wrapper;
  PyTypeObject* newline_decoder;
  PyObject* unsupported_operation;
};

extern PyModuleDef io_module;

IoState* io_state(PyObject* module);
// The state behind an object of one of the module's types or a subclass; nullptr with TypeError for others.
IoState* io_state_of(PyTypeObject* type);

extern PyType_Spec io_base_spec, raw_io_base_spec, buffered_io_base_spec, text_io_base_spec, file_io_spec,
    bytes_io_spec, bytes_io_buffer_spec, string_io_spec, buffered_reader_spec, buffered_writer_spec,
    buffered_random_spec, buffered_rw_pair_spec, text_io_wrapper_spec, newline_decoder_spec;

// The head of every object whose type derives from _IOBase.
struct IoBase {
  PyObject_HEAD PyObject* dict;
  PyObject* weakreflist;
};

// For dealloc of _IOBase subclasses: runs close() when the object is still open. False when it was resurrected.
bool io_base_finalize(PyObject* self);

// ValueError when self.closed is true; TypeError-like errors of the attribute pass through.
Status check_closed(PyObject* self, const char* message = nullptr);
Status check_readable(PyObject* self);
Status check_writable(PyObject* self);
Status check_seekable(PyObject* self);
Failed raise_unsupported(PyTypeObject* type, const char* message);

using Offset = int64_t;

// Any integer-like object as a file offset; -1 with an exception.
Offset offset_from_object(PyObject* object, PyObject* overflow_error);
inline PyObject* offset_to_object(Offset offset) { return PyLong_FromLongLong(offset); }

// True when the current exception is an OSError of EINTR; it is cleared then and signals were handled: try again.
bool retry_after_interrupt();

// Method call by interned name.
template <class... Arguments>
Ref<> call_method(PyObject* self, PyObject* name, Arguments*... arguments) {
  PyObject* stack[] = {self, arguments...};
  return Ref<>::steal(PyObject_VectorcallMethod(name, stack, sizeof...(Arguments) + 1, nullptr));
}

// Looks for the end of a line in text[start..end) of a newline mode; see text_io.cpp.
struct NewlineMode {
  bool translated = true;       // newlines were made "\n" already
  bool universal = true;        // "\r", "\n" and "\r\n" end lines
  PyObject* newline = nullptr;  // else: this str does (borrowed)
};
// The position behind the line's end, or -1 and *consumed = how much may be kept as "no line end in here".
Py_ssize_t find_line_ending(const NewlineMode& mode, int kind, const void* data, Py_ssize_t start, Py_ssize_t end,
                            Py_ssize_t* consumed);

PyObject* io_open(PyObject* module, PyObject* file, TextArgument mode, int buffering, TextOrNoneArgument encoding,
                  TextOrNoneArgument errors, TextOrNoneArgument newline, bool closefd, PyObject* opener);

// One IncrementalNewlineDecoder step without going through the method (used by StringIO and TextIOWrapper).
PyObject* newline_decoder_decode(PyObject* self, PyObject* input, bool final);
PyObject* newline_decoder_new(PyTypeObject* type, PyObject* decoder, bool translate);

}  // namespace ks::io
