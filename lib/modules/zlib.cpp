// zlib: compression and decompression with the library of that name.
#include <zlib.h>

#include <algorithm>

#include "modules/module.h"
#include "types/bytes.h"

namespace ks {
namespace {

constexpr Py_ssize_t kBufferSize = 16 * 1024;

struct ZlibState {
  PyObject* error;
  PyTypeObject *compress_type, *decompress_type, *decompressor_type;
};
extern PyModuleDef module;
ZlibState* state_of(PyObject* m) { return static_cast<ZlibState*>(PyModule_GetState(m)); }
ZlibState* state_of_object(PyObject* o) { return state_of(PyType_GetModuleByDef(Py_TYPE(o), &module)); }

Failed raise_zlib(ZlibState* state, const z_stream& stream, int code, const char* what) {
  if (code == Z_MEM_ERROR) {
    PyErr_NoMemory();
    return failed;
  }
  const char* message = code == Z_VERSION_ERROR ? "library version mismatch" : stream.msg;
  if (!message) {
    switch (code) {
      case Z_BUF_ERROR: message = "incomplete or truncated stream"; break;
      case Z_STREAM_ERROR: message = "inconsistent stream state"; break;
      case Z_DATA_ERROR: message = "invalid input data"; break;
    }
  }
  if (!message) return raise(state->error, "Error %d %s", code, what);
  return raise(state->error, "Error %d %s: %.200s", code, what, message);
}

bool read_int(PyObject* o, int* value) { return !o || convert_int(o, value); }

// Runs the step function until the stream wants more input, ends or fails; output grows up to `limit` (0: none).
// `rest` is input beyond what fits z_stream's counter.
template <class Step>
int run(z_stream& stream, BytesBuilder& out, Py_ssize_t& rest, Py_ssize_t limit, Py_ssize_t first_room, Step step, bool* no_memory) {
  int code = Z_OK;
  Py_ssize_t room = std::max<Py_ssize_t>(first_room, 1);
  *no_memory = false;
  for (;;) {
    if (stream.avail_in == 0 && rest > 0) {
      const auto part = static_cast<uInt>(std::min<Py_ssize_t>(rest, UINT_MAX));
      stream.avail_in = part;
      rest -= part;
    }
    Py_ssize_t want = room;
    if (limit > 0) want = std::min(want, limit - out.size());
    if (want == 0) return code;
    want = std::min<Py_ssize_t>(want, UINT_MAX);
    char* place = out.reserve(want);
    if (!place) {
      *no_memory = true;
      return Z_MEM_ERROR;
    }
    stream.next_out = reinterpret_cast<Bytef*>(place);
    stream.avail_out = static_cast<uInt>(want);
    code = step(rest == 0);
    out.add(want - static_cast<Py_ssize_t>(stream.avail_out));
    if (code != Z_OK && code != Z_BUF_ERROR) return code;
    // Room left over: no more can be made of what there is.
    if (stream.avail_out != 0 && stream.avail_in == 0 && rest == 0) return code;
    if (stream.avail_out != 0 && code == Z_BUF_ERROR) return code;
    if (stream.avail_out == 0) room = std::min<Py_ssize_t>(room * 2, 64 * 1024 * 1024);
  }
}

// ---- one call ----------------------------------------------------------------------------------------------------------

PyObject* zlib_compress(PyObject* m, const BufferArgument& data, PyObject* level_object, PyObject* wbits_object) {
  int level = Z_DEFAULT_COMPRESSION, wbits = MAX_WBITS;
  if (!read_int(level_object, &level) || !read_int(wbits_object, &wbits)) return nullptr;
  ZlibState* state = state_of(m);
  z_stream stream{};
  const int start = deflateInit2(&stream, level, Z_DEFLATED, wbits, 8, Z_DEFAULT_STRATEGY);
  if (start == Z_MEM_ERROR) return raise(PyExc_MemoryError, "Out of memory while compressing data");
  if (start == Z_STREAM_ERROR) return raise(state->error, "Bad compression level");
  if (start != Z_OK) {
    deflateEnd(&stream);
    return raise_zlib(state, stream, start, "while compressing data");
  }
  BytesBuilder out;
  Py_ssize_t rest = data.size();
  bool no_memory;
  stream.next_in = const_cast<Bytef*>(data.data());
  const int code = run(stream, out, rest, 0, std::clamp<Py_ssize_t>(data.size() / 2, 256, 1 << 20),
                       [&](bool last) { return deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH); }, &no_memory);
  const int end = deflateEnd(&stream);
  if (no_memory) return nullptr;
  if (code != Z_STREAM_END) return raise_zlib(state, stream, code, "while compressing data");
  if (end != Z_OK) return raise_zlib(state, stream, end, "while finishing compression");
  return out.finish();
}
METHOD(zlib, compress, "($module, data, /, level=Z_DEFAULT_COMPRESSION, wbits=MAX_WBITS)",
       "Returns a bytes object containing compressed data.\n\n  data\n    Binary data to be compressed.\n  level\n    Compression level, in 0-9 or -1.\n"
       "  wbits\n    The window buffer size and container format.");
PyObject* zlib_decompress(PyObject* m, const BufferArgument& data, PyObject* wbits_object, PyObject* bufsize_object) {
  int wbits = MAX_WBITS;
  Py_ssize_t bufsize = kBufferSize;
  if (!read_int(wbits_object, &wbits) || (bufsize_object && !convert_ssize(bufsize_object, &bufsize))) return nullptr;
  if (bufsize < 0) return raise(PyExc_ValueError, "bufsize must be non-negative");
  ZlibState* state = state_of(m);
  z_stream stream{};
  Py_ssize_t rest = data.size();
  stream.next_in = const_cast<Bytef*>(data.data());
  const int start = inflateInit2(&stream, wbits);
  if (start == Z_MEM_ERROR) return raise(PyExc_MemoryError, "Out of memory while decompressing data");
  if (start != Z_OK) {
    inflateEnd(&stream);
    return raise_zlib(state, stream, start, "while preparing to decompress data");
  }
  BytesBuilder out;
  bool no_memory;
  const int code = run(stream, out, rest, 0, bufsize, [&](bool last) { return inflate(&stream, last ? Z_FINISH : Z_NO_FLUSH); }, &no_memory);
  if (code != Z_STREAM_END) {
    if (!no_memory) (void)raise_zlib(state, stream, code == Z_OK ? Z_BUF_ERROR : code, "while decompressing data");
    inflateEnd(&stream);
    return nullptr;
  }
  const int end = inflateEnd(&stream);
  if (end != Z_OK) return raise_zlib(state, stream, end, "while finishing decompression");
  return out.finish();
}
METHOD(zlib, decompress, "($module, data, /, wbits=MAX_WBITS, bufsize=DEF_BUF_SIZE)",
       "Returns a bytes object containing the uncompressed data.\n\n  data\n    Compressed data.\n  wbits\n    The window buffer size and container format.\n"
       "  bufsize\n    The initial output buffer size.");
PyObject* checksum(const BufferArgument& data, PyObject* value, unsigned long start, uLong (*function)(uLong, const Bytef*, z_size_t)) {
  if (value) {
    start = PyLong_AsUnsignedLongMask(value) & 0xffffffffu;
    if (PyErr_Occurred()) return nullptr;
  }
  return PyLong_FromUnsignedLong(function(start, data.data(), static_cast<z_size_t>(data.size())) & 0xffffffffu);
}
PyObject* zlib_adler32(PyObject*, const BufferArgument& data, PyObject* value) { return checksum(data, value, 1, adler32_z); }
METHOD(zlib, adler32, "($module, data, value=1, /)",
       "Compute an Adler-32 checksum of data.\n\n  value\n    Starting value of the checksum.\n\nThe returned checksum is an integer.");
PyObject* zlib_crc32(PyObject*, const BufferArgument& data, PyObject* value) { return checksum(data, value, 0, crc32_z); }
METHOD(zlib, crc32, "($module, data, value=0, /)",
       "Compute a CRC-32 checksum of data.\n\n  value\n    Starting value of the checksum.\n\nThe returned checksum is an integer.");

// ---- objects -----------------------------------------------------------------------------------------------------------

struct Stream {
  PyObject ob_base;
  z_stream stream;
  PyObject* unused_data;
  PyObject* unconsumed_tail;
  PyObject* zdict;
  char eof;
  bool open, deflating;
  bool needs_input;
  // _ZlibDecompressor: input that is kept between calls.
  char* kept;
  Py_ssize_t kept_size;
};
Stream* new_stream(PyTypeObject* type) {
  auto* self = PyObject_New(Stream, type);
  if (!self) return nullptr;
  memset(reinterpret_cast<char*>(self) + sizeof(PyObject), 0, sizeof(Stream) - sizeof(PyObject));
  self->unused_data = bytes_empty();
  self->unconsumed_tail = bytes_empty();
  self->needs_input = true;
  return self;
}
void stream_dealloc(PyObject* o) {
  auto* self = as<Stream>(o);
  PyTypeObject* type = Py_TYPE(o);
  if (self->open) self->deflating ? deflateEnd(&self->stream) : inflateEnd(&self->stream);
  Py_XDECREF(self->unused_data);
  Py_XDECREF(self->unconsumed_tail);
  Py_XDECREF(self->zdict);
  PyMem_Free(self->kept);
  PyObject_Free(o);
  Py_DECREF(type);
}
Status set_inflate_dictionary(ZlibState* state, Stream* self) {
  Py_buffer view;
  if (PyObject_GetBuffer(self->zdict, &view, PyBUF_SIMPLE) < 0) return failed;
  const int code = inflateSetDictionary(&self->stream, static_cast<Bytef*>(view.buf), static_cast<uInt>(view.len));
  PyBuffer_Release(&view);
  if (code != Z_OK) return raise_zlib(state, self->stream, code, "while setting zdict");
  return Status::Ok;
}

PyObject* zlib_compressobj(PyObject* m, PyObject* level_object, PyObject* method_object, PyObject* wbits_object, PyObject* mem_object,
                           PyObject* strategy_object, PyObject* zdict) {
  int level = Z_DEFAULT_COMPRESSION, method = Z_DEFLATED, wbits = MAX_WBITS, memory = 8, strategy = Z_DEFAULT_STRATEGY;
  if (!read_int(level_object, &level) || !read_int(method_object, &method) || !read_int(wbits_object, &wbits) || !read_int(mem_object, &memory) ||
      !read_int(strategy_object, &strategy))
    return nullptr;
  ZlibState* state = state_of(m);
  struct Dictionary {
    Py_buffer view{};
    ~Dictionary() {
      if (view.obj) PyBuffer_Release(&view);
    }
  } dictionary;
  if (zdict && PyObject_GetBuffer(zdict, &dictionary.view, PyBUF_SIMPLE) < 0) return nullptr;
  Ref<Stream> self = TRY(steal(new_stream(state->compress_type)));
  self->deflating = true;
  const int code = deflateInit2(&self->stream, level, method, wbits, memory, strategy);
  if (code == Z_MEM_ERROR) return raise(PyExc_MemoryError, "Can't allocate memory for compression object");
  if (code == Z_STREAM_ERROR) return raise(PyExc_ValueError, "Invalid initialization option");
  if (code != Z_OK) return raise_zlib(state, self->stream, code, "while creating compression object");
  self->open = true;
  if (zdict) {
    const int set = deflateSetDictionary(&self->stream, static_cast<Bytef*>(dictionary.view.buf), static_cast<uInt>(dictionary.view.len));
    if (set == Z_STREAM_ERROR) return raise(PyExc_ValueError, "Invalid dictionary");
    if (set != Z_OK) return raise(PyExc_ValueError, "deflateSetDictionary()");
  }
  return object(self.release());
}
METHOD(zlib, compressobj,
       "($module, /, level=Z_DEFAULT_COMPRESSION, method=DEFLATED,\n            wbits=MAX_WBITS, memLevel=DEF_MEM_LEVEL,\n"
       "            strategy=Z_DEFAULT_STRATEGY, zdict=<unrepresentable>)",
       "Return a compressor object.\n\n  level\n    The compression level (an integer in the range 0-9 or -1; default is\n    currently equivalent to 6).\n"
       "  method\n    The compression algorithm; DEFLATED is the only one.\n  wbits\n    +9 to +15: zlib header and trailer; -9 to -15: raw; +25 to +31: gzip.\n"
       "  memLevel\n    How much memory the state takes, 1 to 9.\n  strategy\n    Z_DEFAULT_STRATEGY, Z_FILTERED, and Z_HUFFMAN_ONLY.\n"
       "  zdict\n    The predefined compression dictionary.");
// A decompressing stream of a type; the dictionary is None or absent.
PyObject* make_inflater(ZlibState* state, PyTypeObject* type, int wbits, PyObject* zdict) {
  if (zdict && !PyObject_CheckBuffer(zdict)) return raise(PyExc_TypeError, "zdict argument must support the buffer protocol");
  Ref<Stream> self = TRY(steal(new_stream(type)));
  if (zdict) self->zdict = Py_NewRef(zdict);
  const int code = inflateInit2(&self->stream, wbits);
  if (code == Z_STREAM_ERROR) return raise(PyExc_ValueError, "Invalid initialization option");
  if (code == Z_MEM_ERROR) return raise(PyExc_MemoryError, "Can't allocate memory for decompression object");
  if (code != Z_OK) return raise_zlib(state, self->stream, code, "while creating decompression object");
  self->open = true;
  if (zdict && wbits < 0) TRY(set_inflate_dictionary(state, self));
  return object(self.release());
}
PyObject* zlib_decompressobj(PyObject* m, PyObject* wbits_object, PyObject* zdict) {
  int wbits = MAX_WBITS;
  if (!read_int(wbits_object, &wbits)) return nullptr;
  return make_inflater(state_of(m), state_of(m)->decompress_type, wbits, zdict);
}
METHOD(zlib, decompressobj, "($module, /, wbits=MAX_WBITS, zdict=b'')",
       "Return a decompressor object.\n\n  wbits\n    The window buffer size and container format.\n  zdict\n    The predefined compression dictionary.");

PyObject* compress_compress(PyObject* o, const BufferArgument& data) {
  auto* self = as<Stream>(o);
  BytesBuilder out;
  Py_ssize_t rest = data.size();
  bool no_memory;
  self->stream.next_in = const_cast<Bytef*>(data.data());
  self->stream.avail_in = 0;
  const int code = run(self->stream, out, rest, 0, kBufferSize, [&](bool) { return deflate(&self->stream, Z_NO_FLUSH); }, &no_memory);
  if (no_memory) return nullptr;
  if (code == Z_STREAM_ERROR) return raise_zlib(state_of_object(o), self->stream, code, "while compressing data");
  return out.finish();
}
METHOD_AS(compress_compress, "compress", 0, "($self, data, /)",
          "Returns a bytes object containing compressed data.\n\n  data\n    Binary data to be compressed.\n\n"
          "After calling this function, some of the input data may still\nbe stored in internal buffers for later processing.\nCall the flush() method to clear these buffers.");
PyObject* compress_flush(PyObject* o, PyObject* mode_object) {
  auto* self = as<Stream>(o);
  int mode = Z_FINISH;
  if (!read_int(mode_object, &mode)) return nullptr;
  if (mode == Z_NO_FLUSH) return bytes_empty();
  BytesBuilder out;
  Py_ssize_t rest = 0;
  bool no_memory;
  self->stream.avail_in = 0;
  const int code = run(self->stream, out, rest, 0, kBufferSize, [&](bool) { return deflate(&self->stream, mode); }, &no_memory);
  if (no_memory) return nullptr;
  if (code == Z_STREAM_END && mode == Z_FINISH) {
    self->open = false;
    const int end = deflateEnd(&self->stream);
    if (end != Z_OK) return raise_zlib(state_of_object(o), self->stream, end, "while finishing compression");
  } else if (code != Z_OK && code != Z_BUF_ERROR) {
    return raise_zlib(state_of_object(o), self->stream, code, "while flushing");
  }
  return out.finish();
}
METHOD_AS(compress_flush, "flush", 0, "($self, mode=zlib.Z_FINISH, /)",
          "Return a bytes object containing any remaining compressed data.\n\n  mode\n    One of the constants Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH.\n"
          "    If mode == Z_FINISH, the compressor object can no longer be\n    used after calling the flush() method.  Otherwise, more data\n    can still be compressed.");
PyObject* copy_stream(PyObject* o) {
  auto* self = as<Stream>(o);
  ZlibState* state = state_of_object(o);
  if (!self->open) return raise(PyExc_ValueError, self->deflating ? "Inconsistent stream state" : "Inconsistent stream state");
  Ref<Stream> copy = TRY(steal(new_stream(Py_TYPE(o))));
  copy->deflating = self->deflating;
  const int code = self->deflating ? deflateCopy(&copy->stream, &self->stream) : inflateCopy(&copy->stream, &self->stream);
  if (code == Z_STREAM_ERROR) return raise(PyExc_ValueError, "Inconsistent stream state");
  if (code == Z_MEM_ERROR) return raise(PyExc_MemoryError, self->deflating ? "Can't allocate memory for compression object" : "Can't allocate memory for decompression object");
  if (code != Z_OK) return raise_zlib(state, self->stream, code, self->deflating ? "while copying compression object" : "while copying decompression object");
  Py_XSETREF(copy->unused_data, Py_NewRef(self->unused_data));
  Py_XSETREF(copy->unconsumed_tail, Py_NewRef(self->unconsumed_tail));
  Py_XSETREF(copy->zdict, Py_XNewRef(self->zdict));
  copy->eof = self->eof;
  copy->open = true;
  return object(copy.release());
}
METHOD_AS(copy_stream, "copy", 0, "($self, /)", "Return a copy of the object.");
PyObject* copy_operator(PyObject* o) { return copy_stream(o); }
METHOD_AS(copy_operator, "__copy__", 0, "($self, /)", "");
PyObject* deep_copy_operator(PyObject* o, PyObject*) { return copy_stream(o); }
METHOD_AS(deep_copy_operator, "__deepcopy__", 0, "($self, memo, /)", "");

// What the stream did not take: behind its end, or because of max_length.
Status keep_rest(Stream* self, const Bytef* data, Py_ssize_t size, int code) {
  const Py_ssize_t left = data + size - self->stream.next_in;
  if (code == Z_STREAM_END) {
    if (left > 0) {
      const Py_ssize_t old = PyBytes_GET_SIZE(self->unused_data);
      Ref<> joined = TRY(steal(bytes_new(old + left)));
      memcpy(bytes_data(joined), bytes_data(self->unused_data), static_cast<size_t>(old));
      memcpy(bytes_data(joined) + old, self->stream.next_in, static_cast<size_t>(left));
      Py_SETREF(self->unused_data, joined.release());
      self->stream.avail_in = 0;
    }
  }
  if (left > 0 && code != Z_STREAM_END) {
    Py_SETREF(self->unconsumed_tail, TRY(bytes_from(reinterpret_cast<const char*>(self->stream.next_in), left)));
  } else if (PyBytes_GET_SIZE(self->unconsumed_tail) > 0) {
    Py_SETREF(self->unconsumed_tail, bytes_empty());
  }
  return Status::Ok;
}
// The step of decompression, which sets the dictionary when the stream asks for it.
int inflate_step(ZlibState* state, Stream* self, int flush, bool* failed_dictionary) {
  int code = inflate(&self->stream, flush);
  if (code == Z_NEED_DICT && self->zdict) {
    if (is_failure(set_inflate_dictionary(state, self))) {
      *failed_dictionary = true;
      return code;
    }
    code = inflate(&self->stream, flush);
  }
  return code;
}
PyObject* decompress_decompress(PyObject* o, const BufferArgument& data, Py_ssize_t max_length) {
  auto* self = as<Stream>(o);
  ZlibState* state = state_of_object(o);
  if (max_length < 0) return raise(PyExc_ValueError, "max_length must be non-negative");
  BytesBuilder out;
  Py_ssize_t rest = data.size();
  bool no_memory, bad_dictionary = false;
  self->stream.next_in = const_cast<Bytef*>(data.data());
  self->stream.avail_in = 0;
  const int code = run(self->stream, out, rest, max_length, kBufferSize,
                       [&](bool) { return inflate_step(state, self, Z_SYNC_FLUSH, &bad_dictionary); }, &no_memory);
  if (no_memory || bad_dictionary) return nullptr;
  TRY(keep_rest(self, data.data(), data.size(), code));
  if (code == Z_STREAM_END) self->eof = 1;
  else if (code != Z_OK && code != Z_BUF_ERROR) return raise_zlib(state, self->stream, code, "while decompressing data");
  return out.finish();
}
METHOD_AS(decompress_decompress, "decompress", 0, "($self, data, /, max_length=0)",
          "Return a bytes object containing the decompressed version of the data.\n\n  data\n    The binary data to decompress.\n"
          "  max_length\n    The maximum allowable length of the decompressed data.\n    Unconsumed input data will be stored in\n    the unconsumed_tail attribute.\n\n"
          "After calling this function, some of the input data may still be stored in\ninternal buffers for later processing.\nCall the flush() method to clear these buffers.");
PyObject* decompress_flush(PyObject* o, PyObject* length_object) {
  auto* self = as<Stream>(o);
  ZlibState* state = state_of_object(o);
  Py_ssize_t length = kBufferSize;
  if (length_object && !convert_ssize(length_object, &length)) return nullptr;
  if (length <= 0) return raise(PyExc_ValueError, "length must be greater than zero");
  if (!self->open) return bytes_empty();
  Ref<> tail = borrow(self->unconsumed_tail);
  BytesBuilder out;
  Py_ssize_t rest = PyBytes_GET_SIZE(tail.get());
  const auto* data = reinterpret_cast<Bytef*>(bytes_data(tail));
  bool no_memory, bad_dictionary = false;
  self->stream.next_in = const_cast<Bytef*>(data);
  self->stream.avail_in = 0;
  const int code = run(self->stream, out, rest, 0, length,
                       [&](bool last) { return inflate_step(state, self, last ? Z_FINISH : Z_NO_FLUSH, &bad_dictionary); }, &no_memory);
  if (no_memory || bad_dictionary) return nullptr;
  TRY(keep_rest(self, data, PyBytes_GET_SIZE(tail.get()), code));
  if (code == Z_STREAM_END) {
    self->eof = 1;
    self->open = false;
    const int end = inflateEnd(&self->stream);
    if (end != Z_OK) return raise_zlib(state, self->stream, end, "while finishing decompression");
  } else if (code != Z_OK && code != Z_BUF_ERROR) {
    return raise_zlib(state, self->stream, code, "while flushing");
  }
  return out.finish();
}
METHOD_AS(decompress_flush, "flush", 0, "($self, length=zlib.DEF_BUF_SIZE, /)",
          "Return a bytes object containing any remaining decompressed data.\n\n  length\n    the initial size of the output buffer.");

// ---- _ZlibDecompressor -----------------------------------------------------------------------------------------------------

constexpr Signature decompressor_signature = read_signature("_ZlibDecompressor", "(wbits=MAX_WBITS, zdict=b'')");
PyObject* decompressor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  TRY(bind_tuple(decompressor_signature, args, kwargs, values));
  int wbits = MAX_WBITS;
  if (!read_int(values[0], &wbits)) return nullptr;
  PyObject* m = PyType_GetModuleByDef(type, &module);
  return m ? make_inflater(state_of(m), type, wbits, values[1]) : nullptr;
}
PyObject* decompressor_decompress(PyObject* o, const BufferArgument& data, Py_ssize_t max_length) {
  auto* self = as<Stream>(o);
  ZlibState* state = state_of_object(o);
  if (self->eof) return raise(PyExc_EOFError, "End of stream already reached");
  // New input goes behind what is kept.
  const Py_ssize_t total = self->kept_size + data.size();
  const Bytef* input = data.data();
  if (self->kept_size) {
    auto* grown = static_cast<char*>(PyMem_Realloc(self->kept, static_cast<size_t>(total)));
    if (!grown) return PyErr_NoMemory();
    memcpy(grown + self->kept_size, data.data(), static_cast<size_t>(data.size()));
    self->kept = grown;
    self->kept_size = total;
    input = reinterpret_cast<Bytef*>(grown);
  }
  BytesBuilder out;
  Py_ssize_t rest = total;
  bool no_memory = false, bad_dictionary = false;
  self->stream.next_in = const_cast<Bytef*>(input);
  self->stream.avail_in = 0;
  int code = Z_OK;
  if (max_length != 0)
    code = run(self->stream, out, rest, std::max<Py_ssize_t>(max_length, 0), kBufferSize,
               [&](bool) { return inflate_step(state, self, Z_SYNC_FLUSH, &bad_dictionary); }, &no_memory);
  if (no_memory || bad_dictionary) return nullptr;
  if (code != Z_STREAM_END && code != Z_OK && code != Z_BUF_ERROR) return raise_zlib(state, self->stream, code, "while decompressing data");
  const Py_ssize_t left = input + total - self->stream.next_in;
  if (code == Z_STREAM_END) {
    self->eof = 1;
    self->needs_input = false;
    if (left > 0) Py_SETREF(self->unused_data, TRY(bytes_from(reinterpret_cast<const char*>(self->stream.next_in), left)));
    PyMem_Free(self->kept);
    self->kept = nullptr;
    self->kept_size = 0;
    return out.finish();
  }
  char* kept = nullptr;
  if (left > 0) {
    kept = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(left)));
    if (!kept) return PyErr_NoMemory();
    memcpy(kept, self->stream.next_in, static_cast<size_t>(left));
  }
  PyMem_Free(self->kept);
  self->kept = kept;
  self->kept_size = left;
  // Full output may mean that the stream still holds some.
  self->needs_input = left == 0 && !(max_length > 0 && out.size() == max_length);
  return out.finish();
}
METHOD_AS(decompressor_decompress, "decompress", 0, "($self, /, data, max_length=-1)",
          "Decompress *data*, returning uncompressed data as bytes.\n\nIf *max_length* is nonnegative, returns at most *max_length* bytes of\n"
          "decompressed data. If this limit is reached and further output can be\nproduced, *self.needs_input* will be set to ``False``. In this case, the next\n"
          "call to *decompress()* may provide *data* as b'' to obtain more of the output.\n\nIf all of the input data was decompressed and returned (either because this\n"
          "was less than *max_length* bytes, or because *max_length* was negative),\n*self.needs_input* will be set to True.\n\n"
          "Attempting to decompress data after the end of stream is reached raises an\nEOFError.  Any data found after the end of the stream is ignored and saved in\nthe unused_data attribute.");

PyMethodDef compress_methods[] = {compress_compress_method, compress_flush_method, copy_stream_method, copy_operator_method, deep_copy_operator_method, {}};
PyMethodDef decompress_methods[] = {decompress_decompress_method, decompress_flush_method, copy_stream_method, copy_operator_method, deep_copy_operator_method, {}};
PyMethodDef decompressor_methods[] = {decompressor_decompress_method, {}};
PyMemberDef decompress_members[] = {{"unused_data", Py_T_OBJECT_EX, offsetof(Stream, unused_data), Py_READONLY, nullptr},
                                    {"unconsumed_tail", Py_T_OBJECT_EX, offsetof(Stream, unconsumed_tail), Py_READONLY, nullptr},
                                    {"eof", Py_T_BOOL, offsetof(Stream, eof), Py_READONLY, nullptr},
                                    {}};
PyMemberDef decompressor_members[] = {
    {"eof", Py_T_BOOL, offsetof(Stream, eof), Py_READONLY, "True if the end-of-stream marker has been reached."},
    {"unused_data", Py_T_OBJECT_EX, offsetof(Stream, unused_data), Py_READONLY, "Data found after the end of the compressed stream."},
    {"needs_input", Py_T_BOOL, offsetof(Stream, needs_input), Py_READONLY, "True if more input is needed before more decompressed data can be produced."},
    {}};
PyType_Slot compress_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(stream_dealloc)}, {Py_tp_methods, compress_methods}, {0, nullptr}};
PyType_Slot decompress_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(stream_dealloc)}, {Py_tp_methods, decompress_methods},
                                  {Py_tp_members, decompress_members}, {0, nullptr}};
PyType_Slot decompressor_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(stream_dealloc)}, {Py_tp_methods, decompressor_methods}, {Py_tp_members, decompressor_members},
    {Py_tp_new, reinterpret_cast<void*>(decompressor_new)},
    {Py_tp_doc, const_cast<char*>("_ZlibDecompressor(wbits=15, zdict=b'')\n--\n\nCreate a decompressor object for decompressing data incrementally.")},
    {0, nullptr}};
PyType_Spec compress_spec = {"zlib.Compress", sizeof(Stream), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, compress_slots};
PyType_Spec decompress_spec = {"zlib.Decompress", sizeof(Stream), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, decompress_slots};
PyType_Spec decompressor_spec = {"zlib._ZlibDecompressor", sizeof(Stream), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, decompressor_slots};

PyMethodDef methods[] = {zlib_adler32_method, zlib_compress_method, zlib_compressobj_method, zlib_crc32_method, zlib_decompress_method, zlib_decompressobj_method, {}};

PyTypeObject* make_type(PyObject* m, PyType_Spec* spec) { return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, spec, nullptr)); }
int exec(PyObject* m) {
  ZlibState* state = state_of(m);
  if (!(state->compress_type = make_type(m, &compress_spec)) || !(state->decompress_type = make_type(m, &decompress_spec)) ||
      !(state->decompressor_type = make_type(m, &decompressor_spec)))
    return -1;
  if (!(state->error = PyErr_NewException("zlib.error", nullptr, nullptr))) return -1;
  if (PyModule_AddObjectRef(m, "error", state->error) < 0 || PyModule_AddType(m, state->decompressor_type) < 0) return -1;
  static constexpr IntConstant kConstants[] = {{"MAX_WBITS", MAX_WBITS}, {"DEFLATED", Z_DEFLATED}, {"DEF_MEM_LEVEL", 8}, {"DEF_BUF_SIZE", kBufferSize},
                                               {"Z_NO_COMPRESSION", Z_NO_COMPRESSION}, {"Z_BEST_SPEED", Z_BEST_SPEED},
                                               {"Z_BEST_COMPRESSION", Z_BEST_COMPRESSION}, {"Z_DEFAULT_COMPRESSION", Z_DEFAULT_COMPRESSION},
                                               {"Z_FILTERED", Z_FILTERED}, {"Z_HUFFMAN_ONLY", Z_HUFFMAN_ONLY}, {"Z_RLE", Z_RLE}, {"Z_FIXED", Z_FIXED},
                                               {"Z_DEFAULT_STRATEGY", Z_DEFAULT_STRATEGY}, {"Z_NO_FLUSH", Z_NO_FLUSH}, {"Z_PARTIAL_FLUSH", Z_PARTIAL_FLUSH},
                                               {"Z_SYNC_FLUSH", Z_SYNC_FLUSH}, {"Z_FULL_FLUSH", Z_FULL_FLUSH}, {"Z_FINISH", Z_FINISH}, {"Z_BLOCK", Z_BLOCK},
                                               {"Z_TREES", Z_TREES}};
  if (is_failure(add_constants(m, kConstants))) return -1;
  if (PyModule_Add(m, "ZLIB_VERSION", PyUnicode_FromString(ZLIB_VERSION)) < 0 ||
      PyModule_Add(m, "ZLIB_RUNTIME_VERSION", PyUnicode_FromString(zlibVersion())) < 0)
    return -1;
  return PyModule_AddStringConstant(m, "__version__", "1.0");
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  ZlibState* state = state_of(m);
  if (!state) return 0;
  Py_VISIT(state->error);
  Py_VISIT(state->compress_type);
  Py_VISIT(state->decompress_type);
  Py_VISIT(state->decompressor_type);
  return 0;
}
int clear(PyObject* m) {
  ZlibState* state = state_of(m);
  if (!state) return 0;
  Py_CLEAR(state->error);
  Py_CLEAR(state->compress_type);
  Py_CLEAR(state->decompress_type);
  Py_CLEAR(state->decompressor_type);
  return 0;
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "zlib",
                      .m_doc = "The functions in this module allow compression and decompression using the\nzlib library, which is based on GNU zip.\n\n"
                               "adler32(string[, start]) -- Compute an Adler-32 checksum.\ncompress(data[, level]) -- Compress data, with compression level 0-9 or -1.\n"
                               "compressobj([level[, ...]]) -- Return a compressor object.\ncrc32(string[, start]) -- Compute a CRC-32 checksum.\n"
                               "decompress(string,[wbits],[bufsize]) -- Decompresses a compressed string.\ndecompressobj([wbits[, zdict]]) -- Return a decompressor object.\n\n"
                               "'wbits' is window buffer size and container format.\nCompressor objects support compress() and flush() methods; decompressor\nobjects support decompress() and flush().",
                      .m_size = sizeof(ZlibState), .m_methods = methods, .m_slots = slots, .m_traverse = traverse, .m_clear = clear,
                      .m_free = [](void* m) { clear(static_cast<PyObject*>(m)); }};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_zlib(void) { return PyModuleDef_Init(&ks::module); }
