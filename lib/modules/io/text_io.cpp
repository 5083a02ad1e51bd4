// TextIOWrapper: str in front of a buffered binary stream.
//
// Writing: encoded pieces wait in `pending` (a list of bytes and ASCII str, `pending_bytes` in all) until a chunk is
// full. Reading: `decoded` holds the text of the last chunk, `decoded_used` characters of it were handed out.
// `snapshot` is (decoder flags, bytes) from which `decoded` was made: tell() finds the byte position of a character by
// decoding those bytes again, and gives a cookie that seek() understands.
#include <langinfo.h>
#include <structmember.h>

#include "runtime/state.h"
#include "text/codec.h"
#include "modules/io/io.h"
#include "object/method_text.h"


// The registry's CodecInfo (lib/text/codec_registry.cpp).

namespace ks::io {
namespace {

enum class FastCodec : char { None, Utf8, Latin1, Ascii };

struct TextIOWrapper {
  PyObject_HEAD bool ok;
  bool detached;
  Py_ssize_t chunk_size;
  PyObject* buffer;
  PyObject* encoding;
  PyObject* encoder;
  PyObject* decoder;
  PyObject* read_newline;
  PyObject* errors;
  const char* write_newline;  // what "\n" becomes: "\n", "\r", "\r\n"
  bool line_buffering;
  bool write_through;
  bool read_universal;
  bool read_translate;
  bool write_translate;
  bool seekable;
  bool has_read1;
  bool telling;
  char finalizing;
  bool encoding_start_of_stream;
  FastCodec fast_codec;
  PyObject* decoded;
  Py_ssize_t decoded_used;
  PyObject* pending;  // list, or nullptr
  Py_ssize_t pending_bytes;
  PyObject* snapshot;
  double bytes_per_character;
  PyObject* dict;
  PyObject* weakreflist;
};

// Where a character lies: the start of a chunk, the decoder's flags there, and how to go on from it.
struct Cookie {
  Offset start = 0;
  int decoder_flags = 0;
  int bytes_to_feed = 0;
  int characters_to_skip = 0;
  unsigned char need_eof = 0;
};
constexpr size_t kCookieBytes = 8 + 4 + 4 + 4 + 1;

PyObject* cookie_to_object(const Cookie& cookie) {
  unsigned char bytes[kCookieBytes];
  memcpy(bytes, &cookie.start, 8);
  memcpy(bytes + 8, &cookie.decoder_flags, 4);
  memcpy(bytes + 12, &cookie.bytes_to_feed, 4);
  memcpy(bytes + 16, &cookie.characters_to_skip, 4);
  bytes[20] = cookie.need_eof;
  return PyLong_FromNativeBytes(bytes, sizeof bytes, Py_ASNATIVEBYTES_LITTLE_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER);
}
Status cookie_from_object(PyObject* object, Cookie* cookie) {
  Ref<> integer = TRY(steal(PyNumber_Long(object)));
  unsigned char bytes[kCookieBytes];
  const Py_ssize_t needed = PyLong_AsNativeBytes(integer, bytes, sizeof bytes,
                                                 Py_ASNATIVEBYTES_LITTLE_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER);
  if (needed < 0) return failed;
  if (needed > static_cast<Py_ssize_t>(sizeof bytes))
    return raise(PyExc_OverflowError, "Python int too large to convert to C long");
  memcpy(&cookie->start, bytes, 8);
  memcpy(&cookie->decoder_flags, bytes + 8, 4);
  memcpy(&cookie->bytes_to_feed, bytes + 12, 4);
  memcpy(&cookie->characters_to_skip, bytes + 16, 4);
  cookie->need_eof = bytes[20];
  return Status::Ok;
}

Status check(TextIOWrapper* self) {
  if (self->ok) return Status::Ok;
  if (self->detached) return raise(PyExc_ValueError, "underlying buffer has been detached");
  return raise(PyExc_ValueError, "I/O operation on uninitialized object");
}
// The buffer, held while it works: what it calls may detach it.
Ref<> hold_buffer(TextIOWrapper* self) {
  if (!self->buffer) return raise(PyExc_ValueError, "underlying buffer has been detached");
  return Ref<>::borrow(self->buffer);
}
template <class... A>
Ref<> call_buffer(TextIOWrapper* self, PyObject* name, A... arguments) {
  Ref<> buffer = TRY(hold_buffer(self));
  return call_method(buffer, name, arguments...);
}
Found is_closed(TextIOWrapper* self) {
  TRY(check(self));
  Ref<> buffer = TRY(hold_buffer(self));
  Ref<> closed = TRY(steal(PyObject_GetAttr(buffer, "closed"_id)));
  return closed == Py_True ? Found::Yes : closed == Py_False ? Found::No : found(PyObject_IsTrue(closed));
}
Status check_open(TextIOWrapper* self) {
  TRY(check(self));
  if (TRY(is_closed(self))) return raise(PyExc_ValueError, "I/O operation on closed file.");
  return Status::Ok;
}

void set_decoded(TextIOWrapper* self, PyObject* text) {  // steals
  PyObject* old = std::exchange(self->decoded, text);
  Py_XDECREF(old);
  self->decoded_used = 0;
}
void set_snapshot(TextIOWrapper* self, PyObject* snapshot) {  // steals
  PyObject* old = std::exchange(self->snapshot, snapshot);
  Py_XDECREF(old);
}

// ---- codecs
// -----------------------------------------------------------------------------------------------------------

// A codec that makes str from bytes and back; LookupError for others, as open() words it.
Ref<> lookup_text_codec(const char* encoding) {
  Ref<> info = TRY(steal(codec_lookup(encoding)));
  Ref<> is_text;
  if (PyObject_GetOptionalAttr(info, "_is_text_encoding"_id, is_text.out()) < 0) return nullptr;
  if (is_text) {
    const int truth = PyObject_IsTrue(is_text);
    if (truth < 0) return nullptr;
    if (!truth) return raise(PyExc_LookupError, "'%.400s' is not a text encoding", encoding);
  }
  return info;
}

Status make_decoder(TextIOWrapper* self, PyObject* codec, const char* errors) {
  Ref<> readable = TRY(call_buffer(self, "readable"_id));
  const int truth = PyObject_IsTrue(readable);
  if (truth < 0) return failed;
  if (!truth) return Status::Ok;
  Ref<> decoder = TRY(steal(PyObject_CallMethod(codec, "incrementaldecoder", "s", errors)));
  if (self->read_universal) {
    IoState* state = TRY(io_state_of(Py_TYPE(object(self))));
    decoder = TRY(steal(newline_decoder_new(state->newline_decoder, decoder, self->read_translate)));
  }
  PyObject* old = std::exchange(self->decoder, decoder.release());
  Py_XDECREF(old);
  return Status::Ok;
}
Status make_encoder(TextIOWrapper* self, PyObject* codec, const char* errors) {
  Ref<> writable = TRY(call_buffer(self, "writable"_id));
  const int truth = PyObject_IsTrue(writable);
  if (truth < 0) return failed;
  if (!truth) return Status::Ok;
  Ref<> encoder = TRY(steal(PyObject_CallMethod(codec, "incrementalencoder", "s", errors)));
  PyObject* old = std::exchange(self->encoder, encoder.release());
  Py_XDECREF(old);
  self->fast_codec = FastCodec::None;
  Ref<> name;
  if (PyObject_GetOptionalAttr(codec, "name"_id, name.out()) < 0) return failed;
  if (name && PyUnicode_Check(name.get())) {
    if (PyUnicode_CompareWithASCIIString(name, "utf-8") == 0) self->fast_codec = FastCodec::Utf8;
    if (PyUnicode_CompareWithASCIIString(name, "iso8859-1") == 0) self->fast_codec = FastCodec::Latin1;
    if (PyUnicode_CompareWithASCIIString(name, "ascii") == 0) self->fast_codec = FastCodec::Ascii;
  }
  return Status::Ok;
}
// In the middle of a stream an encoder must not write a byte-order mark.
Status fix_encoder_state(TextIOWrapper* self) {
  if (!self->seekable || !self->encoder) return Status::Ok;
  self->encoding_start_of_stream = true;
  Ref<> position = TRY(call_buffer(self, "tell"_id));
  Ref<> zero = Ref<>::steal(PyLong_FromLong(0));
  const int at_start = PyObject_RichCompareBool(position, zero, Py_EQ);
  if (at_start < 0) return failed;
  if (!at_start) {
    self->encoding_start_of_stream = false;
    Ref<> result = TRY(call_method(self->encoder, "setstate"_id, zero.get()));
  }
  return Status::Ok;
}

Status check_newline(const char* newline) {
  if (newline && *newline && strcmp(newline, "\n") && strcmp(newline, "\r") && strcmp(newline, "\r\n"))
    return raise(PyExc_ValueError, "illegal newline value: %s", newline);
  return Status::Ok;
}
Status set_newline(TextIOWrapper* self, const char* newline) {
  PyObject* old = self->read_newline;
  if (!newline) {
    self->read_newline = nullptr;
  } else {
    self->read_newline = PyUnicode_FromString(newline);
    if (!self->read_newline) {
      self->read_newline = old;
      return failed;
    }
  }
  Py_XDECREF(old);
  self->read_universal = !newline || !*newline;
  self->read_translate = !newline;
  self->write_translate = !newline || *newline;
  self->write_newline = !newline || !*newline ? "\n" : *newline == '\n' ? "\n" : newline[1] ? "\r\n" : "\r";
  return Status::Ok;
}

Ref<> default_encoding(PyObject* self) {
  Ref<> flags = Ref<>::borrow(PySys_GetObject("flags"));
  if (flags) {
    Ref<> mode = TRY(steal(PyObject_GetAttr(flags, "utf8_mode"_id)));
    if (PyObject_IsTrue(mode) > 0) return Ref<>::steal(PyUnicode_FromString("utf-8"));
  }
  const char* codeset = nl_langinfo(CODESET);
  if (!codeset || !*codeset) codeset = "utf-8";
  return Ref<>::steal(PyUnicode_DecodeLocale(codeset, nullptr));
}

constexpr Signature kInitSignature = read_signature(
    "TextIOWrapper", "(buffer, encoding=None, errors=None, newline=None, line_buffering=False, write_through=False)");

int text_init(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* values[6];
  if (is_failure(bind_tuple(kInitSignature, args, kwargs, values))) return -1;
  auto* self = as<TextIOWrapper>(op);
  const char* encoding_text = nullptr;
  const char* newline = nullptr;
  if (values[1] && !convert_text(kInitSignature, 1, values[1], true, &encoding_text)) return -1;
  if (values[3] && !convert_text(kInitSignature, 3, values[3], true, &newline)) return -1;
  int line_buffering = 0, write_through = 0;
  if (values[4] && (line_buffering = PyObject_IsTrue(values[4])) < 0) return -1;
  if (values[5] && (write_through = PyObject_IsTrue(values[5])) < 0) return -1;
  self->ok = false;
  self->detached = false;

  if (!encoding_text) {
    Ref<> flags = Ref<>::borrow(PySys_GetObject("flags"));
    Ref<> warn = flags ? Ref<>::steal(PyObject_GetAttr(flags, "warn_default_encoding"_id)) : Ref<>();
    if (warn && PyObject_IsTrue(warn) > 0 &&
        PyErr_WarnEx(PyExc_EncodingWarning, "'encoding' argument not specified", 1) < 0)
      return -1;
    PyErr_Clear();
  }
  PyObject* errors = values[2];
  if (!errors || errors == Py_None)
    errors = "strict"_id;
  else if (!PyUnicode_Check(errors))
    return raise(PyExc_TypeError, "TextIOWrapper() argument 'errors' must be str or None, not %.50s",
                 Py_TYPE(errors)->tp_name);
  const char* errors_text = PyUnicode_AsUTF8(errors);
  if (!errors_text) return -1;
  if (interpreter()->core.config.dev_mode && Py_IsInitialized()) {
    Ref<> handler = Ref<>::steal(PyCodec_LookupError(errors_text));
    if (!handler) return -1;
  }
  if (strlen(errors_text) != static_cast<size_t>(PyUnicode_GET_LENGTH(errors)))
    return raise(PyExc_ValueError, "embedded null character");
  TRY(check_newline(newline));

  Py_CLEAR(self->encoding);
  Py_CLEAR(self->encoder);
  Py_CLEAR(self->decoder);
  Py_CLEAR(self->read_newline);
  Py_CLEAR(self->decoded);
  self->decoded_used = 0;
  Py_CLEAR(self->snapshot);
  Py_CLEAR(self->errors);
  Py_CLEAR(self->pending);
  self->pending_bytes = 0;
  self->bytes_per_character = 0;

  if (!encoding_text || strcmp(encoding_text, "locale") == 0) {
    Ref<> encoding = TRY(default_encoding(op));
    self->encoding = encoding.release();
    encoding_text = PyUnicode_AsUTF8(self->encoding);
    if (!encoding_text) return -1;
  } else {
    self->encoding = PyUnicode_FromString(encoding_text);
    if (!self->encoding) return -1;
  }
  Ref<> codec = TRY(lookup_text_codec(encoding_text));
  self->errors = Py_NewRef(errors);
  self->chunk_size = 8192;
  self->line_buffering = line_buffering;
  self->write_through = write_through;
  TRY(set_newline(self, newline));
  PyObject* old_buffer = std::exchange(self->buffer, Py_NewRef(values[0]));
  Py_XDECREF(old_buffer);
  TRY(make_decoder(self, codec, errors_text));
  TRY(make_encoder(self, codec, errors_text));

  Ref<> seekable = TRY(call_buffer(self, "seekable"_id));
  const int truth = PyObject_IsTrue(seekable);
  if (truth < 0) return -1;
  self->seekable = self->telling = truth;
  Ref<> buffer = TRY(hold_buffer(self));
  const int has_read1 = PyObject_HasAttrWithError(buffer, "read1"_id);
  if (has_read1 < 0) return -1;
  self->has_read1 = has_read1;
  self->encoding_start_of_stream = false;
  TRY(fix_encoder_state(self));
  self->ok = true;
  return 0;
}

// ---- writing
// ----------------------------------------------------------------------------------------------------------

// Hands everything that waits to the buffer.
Status write_pending(TextIOWrapper* self) {
  if (!self->pending) return Status::Ok;
  Ref<> list = Ref<>::steal(std::exchange(self->pending, nullptr));
  const Py_ssize_t total = std::exchange(self->pending_bytes, 0);
  Ref<> bytes;
  if (PyList_GET_SIZE(list.get()) == 1 && PyBytes_Check(PyList_GET_ITEM(list.get(), 0))) {
    bytes = Ref<>::borrow(PyList_GET_ITEM(list.get(), 0));
  } else {
    bytes = TRY(steal(PyBytes_FromStringAndSize(nullptr, total)));
    char* target = PyBytes_AS_STRING(bytes.get());
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
      PyObject* item = PyList_GET_ITEM(list.get(), i);
      const bool is_text = PyUnicode_Check(item);
      const Py_ssize_t size = is_text ? PyUnicode_GET_LENGTH(item) : PyBytes_GET_SIZE(item);
      memcpy(target, is_text ? static_cast<const char*>(PyUnicode_DATA(item)) : PyBytes_AS_STRING(item),
             static_cast<size_t>(size));
      target += size;
    }
  }
  Ref<> result;
  do result = call_buffer(self, "write"_id, bytes.get());
  while (!result && retry_after_interrupt());
  return result ? Status::Ok : failed;
}

// The bytes of a text: for the common codecs without going through the encoder object. ASCII text stands for itself.
Ref<> encode(TextIOWrapper* self, PyObject* text) {
  const bool plain_stream = self->fast_codec != FastCodec::None;
  if (plain_stream && PyUnicode_IS_ASCII(text) && PyUnicode_CheckExact(text)) return Ref<>::borrow(text);
  const char* errors = PyUnicode_AsUTF8(self->errors);
  switch (self->fast_codec) {
    case FastCodec::Utf8:
      return Ref<>::steal(PyUnicode_AsEncodedString(text, "utf-8", errors));
    case FastCodec::Latin1:
      return Ref<>::steal(PyUnicode_AsEncodedString(text, "latin-1", errors));
    case FastCodec::Ascii:
      return Ref<>::steal(PyUnicode_AsEncodedString(text, "ascii", errors));
    case FastCodec::None:
      break;
  }
  Ref<> bytes = call_method(self->encoder, "encode"_id, text);
  if (bytes && !PyBytes_Check(bytes.get()))
    return raise(PyExc_TypeError, "encoder should return a bytes object, not '%.200s'", Py_TYPE(bytes.get())->tp_name);
  return bytes;
}

Status flush_buffer(TextIOWrapper* self) {
  Ref<> result;
  do result = call_buffer(self, "flush"_id);
  while (!result && retry_after_interrupt());
  return result ? Status::Ok : failed;
}

PyObject* text_write(TextIOWrapper* self, StrArgument argument) {
  TRY(check(self));
  if (TRY(is_closed(self))) return raise(PyExc_ValueError, "I/O operation on closed file.");
  if (!self->encoder) return raise_unsupported(Py_TYPE(object(self)), "not writable");
  Ref<> text = Ref<>::borrow(argument.object);
  const Py_ssize_t length = PyUnicode_GET_LENGTH(text.get());
  bool has_newline = false;
  const bool must_translate = self->write_translate && strcmp(self->write_newline, "\n") != 0;
  if (must_translate || self->line_buffering) has_newline = PyUnicode_FindChar(text, '\n', 0, length, 1) >= 0;
  if (has_newline && must_translate) {
    Ref<> from = TRY(steal(PyUnicode_FromString("\n")));
    Ref<> to = TRY(steal(PyUnicode_FromString(self->write_newline)));
    if (PyUnicode_CheckExact(text.get())) {
      text = TRY(steal(PyUnicode_Replace(text, from, to, -1)));
    } else {
      // A subclass's own replace() may do anything with this stream.
      text = TRY(call_method(text, "replace"_id, from.get(), to.get()));
      if (!PyUnicode_Check(text.get())) return raise(PyExc_TypeError, "replace() should return a str, not %T", text.get());
      TRY(check_open(self));
      if (!self->encoder) return raise_unsupported(Py_TYPE(object(self)), "not writable");
    }
  }
  const bool text_needs_flush = self->write_through;
  const bool needs_flush = self->line_buffering &&
                           (has_newline || PyUnicode_FindChar(text, '\r', 0, PyUnicode_GET_LENGTH(text.get()), 1) >= 0);

  Ref<> bytes = TRY(encode(self, text));
  const Py_ssize_t size =
      PyUnicode_Check(bytes.get()) ? PyUnicode_GET_LENGTH(bytes.get()) : PyBytes_GET_SIZE(bytes.get());
  // What waits goes out first, if this would make a chunk too large.
  while (self->pending && self->pending_bytes + size > self->chunk_size) TRY(write_pending(self));
  if (!self->pending) {
    self->pending = PyList_New(0);
    if (!self->pending) return nullptr;
    self->pending_bytes = 0;
  }
  TRY(PyList_Append(self->pending, bytes));
  self->pending_bytes += size;
  if (self->pending_bytes >= self->chunk_size || needs_flush || text_needs_flush) TRY(write_pending(self));
  if (needs_flush) TRY(flush_buffer(self));
  // Text that was read ahead is no longer what follows; but a stream without position has two directions.
  if (self->snapshot) {
    set_decoded(self, nullptr);
    set_snapshot(self, nullptr);
  }
  if (self->decoder) {
    Ref<> reset = TRY(call_method(self->decoder, "reset"_id));
  }
  return PyLong_FromSsize_t(length);
}
METHOD_AS(text_write, "write", 0, "($self, text, /)", "Write a str; returns its length.");

PyObject* text_flush(TextIOWrapper* self) {
  TRY(check(self));
  if (TRY(is_closed(self))) return raise(PyExc_ValueError, "I/O operation on closed file.");
  self->telling = self->seekable;
  TRY(write_pending(self));
  return call_buffer(self, "flush"_id).release();
}
METHOD(text, flush, "($self, /)", "Hand everything to the buffer and flush that.");

// ---- reading
// ----------------------------------------------------------------------------------------------------------

// Bytes of one chunk through the decoder into `decoded`; *eof at the end of the stream.
Status read_chunk(TextIOWrapper* self, Py_ssize_t size_hint, bool* eof) {
  if (!self->decoder) return raise_unsupported(Py_TYPE(object(self)), "not readable");
  Ref<> flags_before, buffer_before;
  if (self->telling) {
    // To tell() a position in this chunk the decoder's state before it is needed.
    Ref<> state = TRY(call_method(self->decoder, "getstate"_id));
    if (!PyTuple_Check(state.get())) return raise(PyExc_TypeError, "illegal decoder state");
    PyObject *buffer, *flags;
    if (!PyArg_ParseTuple(state, "OO;illegal decoder state", &buffer, &flags)) return failed;
    if (!PyBytes_Check(buffer))
      return raise(PyExc_TypeError, "illegal decoder state: the first item should be a bytes object, not '%.200s'",
                   Py_TYPE(buffer)->tp_name);
    buffer_before = Ref<>::borrow(buffer);
    flags_before = Ref<>::borrow(flags);
  }
  if (size_hint > 0)
    size_hint = static_cast<Py_ssize_t>(Py_MAX(self->bytes_per_character, 1.0) * static_cast<double>(size_hint));
  Ref<> size = TRY(steal(PyLong_FromSsize_t(Py_MAX(self->chunk_size, size_hint))));
  Ref<> input = TRY(call_buffer(self, self->has_read1 ? "read1"_id : "read"_id, size.get()));
  Py_buffer view;
  if (PyObject_GetBuffer(input, &view, PyBUF_CONTIG_RO) < 0) {
    PyErr_Clear();
    return raise(PyExc_TypeError, "underlying %s() should have returned a bytes-like object, not '%.200s'",
                 self->has_read1 ? "read1" : "read", Py_TYPE(input.get())->tp_name);
  }
  const Py_ssize_t byte_count = view.len;
  PyBuffer_Release(&view);
  *eof = byte_count == 0;
  Ref<> text;
  IoState* state = TRY(io_state_of(Py_TYPE(object(self))));
  if (Py_TYPE(self->decoder) == state->newline_decoder)
    text = Ref<>::steal(newline_decoder_decode(self->decoder, input, *eof));
  else
    text = call_method(self->decoder, "decode"_id, input.get(), *eof ? Py_True : Py_False);
  if (!text) return failed;
  if (!PyUnicode_Check(text.get()))
    return raise(PyExc_TypeError, "decoder should return a string result, not '%.200s'", Py_TYPE(text.get())->tp_name);
  const Py_ssize_t length = PyUnicode_GET_LENGTH(text.get());
  set_decoded(self, text.release());
  self->bytes_per_character = length > 0 ? static_cast<double>(byte_count) / static_cast<double>(length) : 0.0;
  if (length > 0) *eof = false;
  if (self->telling) {
    PyObject* next = buffer_before.release();
    PyBytes_Concat(&next, input);
    if (!next) {
      Py_CLEAR(self->decoded);
      return failed;
    }
    Ref<> next_input = Ref<>::steal(next);
    Ref<> snapshot = Ref<>::steal(PyTuple_Pack(2, flags_before.get(), next_input.get()));
    if (!snapshot) return failed;
    set_snapshot(self, snapshot.release());
  }
  return Status::Ok;
}

// The next n characters of what is decoded (all: n < 0).
Ref<> take_decoded(TextIOWrapper* self, Py_ssize_t n) {
  if (!self->decoded) return Ref<>::steal(PyUnicode_New(0, 0));
  const Py_ssize_t available = PyUnicode_GET_LENGTH(self->decoded) - self->decoded_used;
  if (n < 0 || n > available) n = available;
  Ref<> result;
  if (self->decoded_used > 0 || n < available)
    result = Ref<>::steal(PyUnicode_Substring(self->decoded, self->decoded_used, self->decoded_used + n));
  else
    result = Ref<>::borrow(self->decoded);
  if (result) self->decoded_used += n;
  return result;
}

PyObject* join_text(PyObject* pieces) {
  Ref<> empty = Ref<>::steal(PyUnicode_New(0, 0));
  return PyUnicode_Join(empty, pieces);
}

PyObject* text_read(TextIOWrapper* self, SizeOrNone size_argument) {
  TRY(check_open(self));
  if (!self->decoder) return raise_unsupported(Py_TYPE(object(self)), "not readable");
  TRY(write_pending(self));
  Py_ssize_t size = size_argument;
  if (size < 0) {
    Ref<> bytes = TRY(call_buffer(self, "read"_id));
    if (bytes == Py_None) {
      return raise(PyExc_BlockingIOError, "Read returned None.");
    }
    IoState* state = TRY(io_state_of(Py_TYPE(object(self))));
    Ref<> decoded;
    if (Py_TYPE(self->decoder) == state->newline_decoder)
      decoded = Ref<>::steal(newline_decoder_decode(self->decoder, bytes, true));
    else
      decoded = call_method(self->decoder, "decode"_id, bytes.get(), Py_True);
    if (!decoded) return nullptr;
    if (!PyUnicode_Check(decoded.get()))
      return raise(PyExc_TypeError, "decoder should return a string result, not '%.200s'",
                   Py_TYPE(decoded.get())->tp_name);
    Ref<> ahead = TRY(take_decoded(self, -1));
    Ref<> result =
        PyUnicode_GET_LENGTH(ahead.get()) ? Ref<>::steal(PyUnicode_Concat(ahead, decoded)) : std::move(decoded);
    if (!result) return nullptr;
    if (self->snapshot || self->decoded) {
      set_decoded(self, nullptr);
      set_snapshot(self, nullptr);
    }
    return result.release();
  }
  Ref<> result = TRY(take_decoded(self, size));
  Py_ssize_t remaining = size - PyUnicode_GET_LENGTH(result.get());
  if (remaining == 0) return result.release();
  Ref<> pieces = TRY(steal(PyList_New(0)));
  TRY(PyList_Append(pieces, result));
  while (remaining > 0) {
    bool eof = false;
    if (is_failure(read_chunk(self, remaining, &eof))) {
      if (retry_after_interrupt()) continue;
      return nullptr;
    }
    if (eof) break;
    Ref<> piece = TRY(take_decoded(self, remaining));
    remaining -= PyUnicode_GET_LENGTH(piece.get());
    TRY(PyList_Append(pieces, piece));
  }
  return join_text(pieces);
}
METHOD_AS(text_read, "read", 0, "($self, size=-1, /)",
          "Up to size characters; all that is left when size is None or negative.");

PyObject* read_line(TextIOWrapper* self, Py_ssize_t limit) {
  TRY(write_pending(self));
  const NewlineMode mode{self->read_translate, self->read_universal, self->read_newline};
  Ref<> line;    // what is already known to belong to the line
  Ref<> pieces;  // and pieces of it before that
  Py_ssize_t length = 0;
  while (true) {
    // More text, unless some is left.
    bool ended = false;
    while (!self->decoded || self->decoded_used >= PyUnicode_GET_LENGTH(self->decoded)) {
      bool eof = false;
      if (is_failure(read_chunk(self, 0, &eof))) {
        if (retry_after_interrupt()) continue;
        return nullptr;
      }
      if (eof) {
        ended = true;
        break;
      }
    }
    if (ended) {
      set_decoded(self, nullptr);
      set_snapshot(self, nullptr);
      break;
    }
    Ref<> text = Ref<>::borrow(self->decoded);
    Py_ssize_t start = self->decoded_used;
    const Py_ssize_t end = PyUnicode_GET_LENGTH(text.get());
    Py_ssize_t consumed;
    if (line) {
      // The last chunk ended within a possible line end: look at both together.
      Ref<> rest = TRY(steal(PyUnicode_Substring(text, start, end)));
      text = TRY(steal(PyUnicode_Concat(line, rest)));
      const Py_ssize_t kept = PyUnicode_GET_LENGTH(line.get());
      line.reset();
      Py_ssize_t line_end = find_line_ending(mode, PyUnicode_KIND(text.get()), PyUnicode_DATA(text.get()), 0,
                                             PyUnicode_GET_LENGTH(text.get()), &consumed);
      if (limit >= 0 && (line_end < 0 || line_end > limit - length) &&
          PyUnicode_GET_LENGTH(text.get()) >= limit - length)
        line_end = limit - length;
      if (line_end >= 0) {
        line = TRY(steal(PyUnicode_Substring(text, 0, line_end)));
        self->decoded_used = start + line_end - kept;
        break;
      }
      if (!pieces) pieces = TRY(steal(PyList_New(0)));
      Ref<> piece = TRY(steal(PyUnicode_Substring(text, 0, consumed)));
      TRY(PyList_Append(pieces, piece));
      length += consumed;
      if (consumed < PyUnicode_GET_LENGTH(text.get()))
        line = TRY(steal(PyUnicode_Substring(text, consumed, PY_SSIZE_T_MAX)));
      set_decoded(self, nullptr);
      continue;
    }
    Py_ssize_t line_end =
        find_line_ending(mode, PyUnicode_KIND(text.get()), PyUnicode_DATA(text.get()), start, end, &consumed);
    if (limit >= 0 && (line_end < 0 ? end - start : line_end - start) >= limit - length)
      line_end = start + (limit - length);
    if (line_end >= 0) {
      self->decoded_used = line_end;
      line = start == 0 && line_end == end ? text.share() : Ref<>::steal(PyUnicode_Substring(text, start, line_end));
      if (!line) return nullptr;
      break;
    }
    if (consumed > 0) {
      if (!pieces) pieces = TRY(steal(PyList_New(0)));
      Ref<> piece = TRY(steal(PyUnicode_Substring(text, start, start + consumed)));
      TRY(PyList_Append(pieces, piece));
      length += consumed;
    }
    if (start + consumed < end) line = TRY(steal(PyUnicode_Substring(text, start + consumed, end)));
    set_decoded(self, nullptr);
  }
  if (!pieces) return line ? line.release() : PyUnicode_New(0, 0);
  if (line) TRY(PyList_Append(pieces, line));
  return join_text(pieces);
}
PyObject* text_readline(TextIOWrapper* self, Py_ssize_t size) {
  TRY(check_open(self));
  return read_line(self, size);
}
METHOD_AS(text_readline, "readline", 0, "($self, size=-1, /)", "The next line, at most size characters of it.");

PyObject* text_iternext(PyObject* op) {
  auto* self = as<TextIOWrapper>(op);
  TRY(check(self));
  // Positions in the middle of read-ahead text would be slow to keep track of.
  self->telling = false;
  IoState* state = TRY(io_state_of(Py_TYPE(op)));
  Ref<> line;
  if (Py_TYPE(op) == state->text_io_wrapper) {
    if (TRY(is_closed(self))) return raise(PyExc_ValueError, "I/O operation on closed file.");
    line = Ref<>::steal(read_line(self, -1));
  } else {
    line = call_method(op, "readline"_id);
    if (line && !PyUnicode_Check(line.get()))
      return raise(PyExc_OSError, "readline() should have returned a str object, not '%.200s'",
                   Py_TYPE(line.get())->tp_name);
  }
  if (!line) return nullptr;
  if (PyUnicode_GET_LENGTH(line.get()) == 0) {
    Py_CLEAR(self->snapshot);
    self->telling = self->seekable;
    return nullptr;
  }
  return line.release();
}

// ---- positions
// --------------------------------------------------------------------------------------------------------

Status set_decoder_state(TextIOWrapper* self, const Cookie& cookie) {
  if (cookie.start == 0 && cookie.decoder_flags == 0) {
    Ref<> result = TRY(call_method(self->decoder, "reset"_id));
    return Status::Ok;
  }
  Ref<> state = TRY(steal(Py_BuildValue("(yi)", "", cookie.decoder_flags)));
  Ref<> result = TRY(call_method(self->decoder, "setstate"_id, state.get()));
  return Status::Ok;
}
Status reset_encoder(TextIOWrapper* self, bool start_of_stream) {
  if (!self->encoder) return Status::Ok;
  Ref<> zero = Ref<>::steal(PyLong_FromLong(0));
  Ref<> result =
      start_of_stream ? call_method(self->encoder, "reset"_id) : call_method(self->encoder, "setstate"_id, zero.get());
  self->encoding_start_of_stream = start_of_stream;
  return result ? Status::Ok : failed;
}

PyObject* text_seek(TextIOWrapper* self, PyObject* cookie_argument, int whence) {
  TRY(check_open(self));
  Ref<> cookie_object = Ref<>::borrow(cookie_argument);
  if (!self->seekable) return raise_unsupported(Py_TYPE(object(self)), "underlying stream is not seekable");
  Ref<> zero = Ref<>::steal(PyLong_FromLong(0));
  if (whence == 1) {
    const int is_zero = PyObject_RichCompareBool(cookie_object, zero, Py_EQ);
    if (is_zero < 0) return nullptr;
    if (!is_zero) return raise_unsupported(Py_TYPE(object(self)), "can't do nonzero cur-relative seeks");
    cookie_object = TRY(call_method(object(self), "tell"_id));
  } else if (whence == 2) {
    const int is_zero = PyObject_RichCompareBool(cookie_object, zero, Py_EQ);
    if (is_zero < 0) return nullptr;
    if (!is_zero) return raise_unsupported(Py_TYPE(object(self)), "can't do nonzero end-relative seeks");
    Ref<> flushed = TRY(call_method(object(self), "flush"_id));
    set_decoded(self, nullptr);
    Py_CLEAR(self->snapshot);
    if (self->decoder) {
      Ref<> reset = TRY(call_method(self->decoder, "reset"_id));
    }
    Ref<> two = Ref<>::steal(PyLong_FromLong(2));
    Ref<> result = TRY(call_buffer(self, "seek"_id, zero.get(), two.get()));
    if (self->encoder) {
      const int at_start = PyObject_RichCompareBool(result, zero, Py_EQ);
      if (at_start < 0) return nullptr;
      TRY(reset_encoder(self, at_start));
    }
    return result.release();
  } else if (whence != 0) {
    return raise(PyExc_ValueError, "invalid whence (%d, should be %d, %d or %d)", whence, 0, 1, 2);
  }
  const int negative = PyObject_RichCompareBool(cookie_object, zero, Py_LT);
  if (negative < 0) return nullptr;
  if (negative) return raise(PyExc_ValueError, "negative seek position %R", cookie_object.get());
  Ref<> flushed = TRY(call_method(object(self), "flush"_id));
  Cookie cookie;
  TRY(cookie_from_object(cookie_object, &cookie));
  Ref<> start = TRY(steal(offset_to_object(cookie.start)));
  Ref<> result = TRY(call_buffer(self, "seek"_id, start.get()));
  set_decoded(self, nullptr);
  Py_CLEAR(self->snapshot);
  if (self->decoder) TRY(set_decoder_state(self, cookie));
  if (cookie.characters_to_skip) {
    // Decode the chunk's beginning again, up to the character.
    Ref<> size = TRY(steal(PyLong_FromLong(cookie.bytes_to_feed)));
    Ref<> input = TRY(call_buffer(self, "read"_id, size.get()));
    if (!PyBytes_Check(input.get()))
      return raise(PyExc_TypeError, "underlying read() should have returned a bytes object, not '%.200s'",
                   Py_TYPE(input.get())->tp_name);
    Ref<> snapshot = TRY(steal(Py_BuildValue("iO", cookie.decoder_flags, input.get())));
    set_snapshot(self, snapshot.release());
    Ref<> decoded = TRY(call_method(self->decoder, "decode"_id, input.get(), cookie.need_eof ? Py_True : Py_False));
    if (!PyUnicode_Check(decoded.get()))
      return raise(PyExc_TypeError, "decoder should return a string result, not '%.200s'",
                   Py_TYPE(decoded.get())->tp_name);
    const Py_ssize_t length = PyUnicode_GET_LENGTH(decoded.get());
    set_decoded(self, decoded.release());
    if (length < cookie.characters_to_skip) return raise(PyExc_OSError, "can't restore logical file position");
    self->decoded_used = cookie.characters_to_skip;
  } else {
    Ref<> snapshot = TRY(steal(Py_BuildValue("iy", cookie.decoder_flags, "")));
    set_snapshot(self, snapshot.release());
  }
  if (self->encoder) TRY(reset_encoder(self, cookie.start == 0 && cookie.decoder_flags == 0));
  return cookie_object.release();
}
METHOD_AS(text_seek, "seek", 0, "($self, cookie, whence=os.SEEK_SET, /)",
          "Move to a position that tell() gave, to the start (0) or to the end (whence=2, cookie 0).");

// Decoder state after feeding bytes: how many characters came out, how many bytes it kept, its flags.
Status probe_state(TextIOWrapper* self, Py_ssize_t* buffered, int* flags) {
  Ref<> state = TRY(call_method(self->decoder, "getstate"_id));
  if (!PyTuple_Check(state.get())) return raise(PyExc_TypeError, "illegal decoder state");
  PyObject* buffer;
  if (!PyArg_ParseTuple(state, "Oi;illegal decoder state", &buffer, flags)) return failed;
  if (!PyBytes_Check(buffer))
    return raise(PyExc_TypeError, "illegal decoder state: the first item should be a bytes object, not '%.200s'",
                 Py_TYPE(buffer)->tp_name);
  *buffered = PyBytes_GET_SIZE(buffer);
  return Status::Ok;
}
Py_ssize_t probe_decode(TextIOWrapper* self, const char* bytes, Py_ssize_t size, bool final) {
  Ref<> input = Ref<>::steal(PyBytes_FromStringAndSize(bytes, size));
  if (!input) return -1;
  Ref<> text = call_method(self->decoder, "decode"_id, input.get(), final ? Py_True : Py_False);
  if (!text) return -1;
  if (!PyUnicode_Check(text.get())) {
    PyErr_Format(PyExc_TypeError, "decoder should return a string result, not '%.200s'", Py_TYPE(text.get())->tp_name);
    return -1;
  }
  return PyUnicode_GET_LENGTH(text.get());
}

// Fills in how to get from the chunk's start to the character: by a good guess first, then byte by byte.
Status locate(TextIOWrapper* self, Cookie* cookie, const char* bytes, Py_ssize_t size, Py_ssize_t characters) {
  const Cookie start = *cookie;
  Py_ssize_t guess = static_cast<Py_ssize_t>(self->bytes_per_character * static_cast<double>(characters));
  Py_ssize_t step = 1;
  guess = Py_MIN(guess, size);
  // Back off until the decoder is in a state without kept bytes at or before the character.
  while (guess > 0) {
    TRY(set_decoder_state(self, *cookie));
    const Py_ssize_t decoded = probe_decode(self, bytes, guess, false);
    if (decoded < 0) return failed;
    if (decoded <= characters) {
      Py_ssize_t buffered;
      int flags;
      TRY(probe_state(self, &buffered, &flags));
      if (buffered == 0) {
        cookie->decoder_flags = flags;
        characters -= decoded;
        break;
      }
      guess -= buffered;
      step = 1;
    } else {
      guess -= step;
      step *= 2;
    }
  }
  if (guess <= 0) {
    guess = 0;
    TRY(set_decoder_state(self, start));
  }
  cookie->start += guess;
  cookie->characters_to_skip = static_cast<int>(characters);
  if (characters == 0) return Status::Ok;
  Py_ssize_t decoded = 0, fed = 0;
  for (Py_ssize_t i = guess; i < size; ++i) {
    const Py_ssize_t count = probe_decode(self, bytes + i, 1, false);
    if (count < 0) return failed;
    decoded += count;
    ++fed;
    Py_ssize_t buffered;
    int flags;
    TRY(probe_state(self, &buffered, &flags));
    if (buffered == 0 && decoded <= characters) {
      // A safe start: nothing is kept.
      cookie->start += fed;
      characters -= decoded;
      cookie->decoder_flags = flags;
      fed = decoded = 0;
    }
    if (decoded >= characters) {
      cookie->bytes_to_feed = static_cast<int>(fed);
      cookie->characters_to_skip = static_cast<int>(characters);
      return Status::Ok;
    }
  }
  const Py_ssize_t count = probe_decode(self, "", 0, true);
  if (count < 0) return failed;
  decoded += count;
  cookie->need_eof = 1;
  if (decoded < characters) return raise(PyExc_OSError, "can't reconstruct logical file position");
  cookie->bytes_to_feed = static_cast<int>(fed);
  cookie->characters_to_skip = static_cast<int>(characters);
  return Status::Ok;
}

PyObject* text_tell(TextIOWrapper* self) {
  TRY(check_open(self));
  if (!self->seekable) return raise_unsupported(Py_TYPE(object(self)), "underlying stream is not seekable");
  if (!self->telling) return raise(PyExc_OSError, "telling position disabled by next() call");
  TRY(write_pending(self));
  TRY(flush_buffer(self));
  Ref<> position = TRY(call_buffer(self, "tell"_id));
  if (!self->decoder || !self->snapshot) return position.release();
  Cookie cookie;
  cookie.start = offset_from_object(position, nullptr);
  if (PyErr_Occurred()) return nullptr;
  PyObject* next_input;
  if (!PyArg_ParseTuple(self->snapshot, "iO", &cookie.decoder_flags, &next_input)) return nullptr;
  const Py_ssize_t size = PyBytes_GET_SIZE(next_input);
  cookie.start -= size;
  if (!self->decoded || self->decoded_used == 0) return cookie_to_object(cookie);
  Ref<> keep = Ref<>::borrow(next_input);
  Ref<> saved = TRY(call_method(self->decoder, "getstate"_id));
  const Status located = locate(self, &cookie, PyBytes_AS_STRING(next_input), size, self->decoded_used);
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  Ref<> restored = call_method(self->decoder, "setstate"_id, saved.get());
  if (located == Status::Error) {
    PyErr_SetRaisedException(pending.release());
    return nullptr;
  }
  if (!restored) return nullptr;
  return cookie_to_object(cookie);
}
METHOD_AS(text_tell, "tell", 0, "($self, /)", "The position, as a number that seek() understands.");

PyObject* text_truncate(TextIOWrapper* self, PyObject* position) {
  TRY(check(self));
  Ref<> flushed = TRY(call_method(object(self), "flush"_id));
  return call_buffer(self, "truncate"_id, position ? position : Py_None).release();
}
METHOD_AS(text_truncate, "truncate", 0, "($self, pos=None, /)", "Flush, then truncate the buffer.");

// ---- the rest
// ---------------------------------------------------------------------------------------------------------

PyObject* text_detach(TextIOWrapper* self) {
  TRY(check(self));
  Ref<> flushed = TRY(call_method(object(self), "flush"_id));
  TRY(check(self));
  self->ok = false;
  self->detached = true;
  return std::exchange(self->buffer, nullptr);
}
METHOD_AS(text_detach, "detach", 0, "($self, /)",
          "Flush and give the buffer back; this object is of no use afterwards.");

PyObject* text_close(TextIOWrapper* self) {
  TRY(check(self));
  if (TRY(is_closed(self))) Py_RETURN_NONE;
  if (self->detached) Py_RETURN_NONE;  // by the question
  if (self->finalizing) {
    Ref<> warned = call_buffer(self, "_dealloc_warn"_id, object(self));
    if (!warned) PyErr_Clear();
  }
  Ref<> flushed = call_method(object(self), "flush"_id);
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  Ref<> result = call_buffer(self, "close"_id);
  if (pending) {
    if (!result) {
      Ref<> second = Ref<>::steal(PyErr_GetRaisedException());
      PyException_SetContext(second, pending.release());
      PyErr_SetRaisedException(second.release());
    } else {
      PyErr_SetRaisedException(pending.release());
    }
    return nullptr;
  }
  return result.release();
}
METHOD_AS(text_close, "close", 0, "($self, /)", "Flush and close the buffer.");

#define ASK_BUFFER(NAME, DOC)                                             \
  PyObject* text_##NAME(TextIOWrapper* self) {                            \
    TRY(check(self));                                                     \
    return call_buffer(self, operator""_id < #NAME>()).release(); \
  }                                                                       \
  METHOD_AS(text_##NAME, #NAME, 0, "($self, /)", DOC)
ASK_BUFFER(fileno, "The buffer's file descriptor.");
ASK_BUFFER(seekable, "Whether the buffer can be moved in.");
ASK_BUFFER(readable, "Whether the buffer can be read.");
ASK_BUFFER(writable, "Whether the buffer can be written.");
ASK_BUFFER(isatty, "Whether the buffer talks to a terminal.");

// A setting that may be None (keep it) or a truth value.
int optional_truth(PyObject* value, bool current) {
  if (!value || value == Py_None) return current;
  const long number = PyLong_AsLong(value);
  if (number == -1 && PyErr_Occurred()) return -1;
  return number != 0;
}

PyObject* text_reconfigure(TextIOWrapper* self, PyObject* encoding, PyObject* errors, PyObject* newline_object,
                           PyObject* line_buffering_object, PyObject* write_through_object) {
  TRY(check(self));
  const bool change_newline = newline_object != nullptr;
  const bool change_codec = (encoding && encoding != Py_None) || (errors && errors != Py_None) || change_newline;
  if (encoding && encoding != Py_None && !PyUnicode_Check(encoding))
    return raise(PyExc_TypeError, "reconfigure() argument 'encoding' must be str or None, not %s",
                 Py_TYPE(encoding)->tp_name);
  if (errors && errors != Py_None && !PyUnicode_Check(errors))
    return raise(PyExc_TypeError, "reconfigure() argument 'errors' must be str or None, not %s",
                 Py_TYPE(errors)->tp_name);
  if (self->decoder && self->decoded && change_codec)
    return raise_unsupported(Py_TYPE(object(self)),
                             "It is not possible to set the encoding or newline of stream after the first read");
  const char* newline = nullptr;
  if (newline_object && newline_object != Py_None) {
    if (!PyUnicode_Check(newline_object))
      return raise(PyExc_TypeError, "reconfigure() argument 'newline' must be str or None, not %s",
                   Py_TYPE(newline_object)->tp_name);
    newline = PyUnicode_AsUTF8(newline_object);
    if (!newline) return nullptr;
    TRY(check_newline(newline));
  }
  const int line_buffering = optional_truth(line_buffering_object, self->line_buffering);
  if (line_buffering < 0) return nullptr;
  const int write_through = optional_truth(write_through_object, self->write_through);
  if (write_through < 0) return nullptr;
  Ref<> flushed = TRY(call_method(object(self), "flush"_id));
  self->bytes_per_character = 0;
  if (change_newline) TRY(set_newline(self, newline));
  if (change_codec) {
    Ref<> new_encoding, new_errors;
    if (!encoding || encoding == Py_None) {
      new_encoding = Ref<>::borrow(self->encoding);
      new_errors = Ref<>::borrow(!errors || errors == Py_None ? self->errors : errors);
    } else {
      new_encoding = PyUnicode_CompareWithASCIIString(encoding, "locale") == 0 ? default_encoding(object(self))
                                                                               : Ref<>::borrow(encoding);
      if (!new_encoding) return nullptr;
      new_errors = Ref<>::borrow(!errors || errors == Py_None ? "strict"_id : errors);
    }
    const char* errors_text = PyUnicode_AsUTF8(new_errors);
    const char* encoding_text = PyUnicode_AsUTF8(new_encoding);
    if (!errors_text || !encoding_text) return nullptr;
    Ref<> codec = TRY(lookup_text_codec(encoding_text));
    TRY(make_decoder(self, codec, errors_text));
    TRY(make_encoder(self, codec, errors_text));
    PyObject* old_encoding = std::exchange(self->encoding, new_encoding.release());
    Py_XDECREF(old_encoding);
    PyObject* old_errors = std::exchange(self->errors, new_errors.release());
    Py_XDECREF(old_errors);
    TRY(fix_encoder_state(self));
  }
  self->line_buffering = line_buffering;
  self->write_through = write_through;
  Py_RETURN_NONE;
}
METHOD_SHOWN(
    text_reconfigure, "reconfigure", 0,
    "($self, /, *, encoding=None, errors=None, newline=<unrepresentable>, line_buffering=None, write_through=None)",
    "($self, /, *, encoding=None, errors=None, newline=None,\n            line_buffering=None, write_through=None)",
    "Change settings of the stream; it is flushed first.");

PyObject* text_repr(PyObject* op) {
  auto* self = as<TextIOWrapper>(op);
  if (!self->ok && !self->detached) TRY(check(self));
  const int status = Py_ReprEnter(op);
  if (status < 0) return nullptr;
  const char* type_name = Py_TYPE(op)->tp_name;
  if (status > 0) return raise(PyExc_RuntimeError, "reentrant call inside %s.__repr__", type_name);
  struct Leave {
    PyObject* op;
    ~Leave() { Py_ReprLeave(op); }
  } leave{op};
  Ref<> result = TRY(steal(PyUnicode_FromFormat("<%.100s", type_name)));
  for (const char* part : {"name", "mode"}) {
    Ref<> value;
    if (PyObject_GetOptionalAttrString(op, part, value.out()) < 0) {
      // A buffer that was detached has no name.
      if (!PyErr_ExceptionMatches(PyExc_ValueError)) return nullptr;
      PyErr_Clear();
    }
    if (value) result = TRY(steal(PyUnicode_FromFormat("%U %s=%R", result.get(), part, value.get())));
  }
  return PyUnicode_FromFormat("%U encoding=%R>", result.get(), self->encoding);
}
PyObject* text_getstate(TextIOWrapper* self) {
  return raise(PyExc_TypeError, "cannot pickle '%.100s' instances", Py_TYPE(object(self))->tp_name);
}
METHOD_AS(text_getstate, "__getstate__", 0, "($self, /)", "");

PyObject* buffer_attribute(PyObject* op, PyObject* name) {
  auto* self = as<TextIOWrapper>(op);
  TRY(check(self));
  Ref<> buffer = TRY(hold_buffer(self));
  return PyObject_GetAttr(buffer, name);
}
PyObject* text_buffer(PyObject* op, void*) {
  auto* self = as<TextIOWrapper>(op);
  TRY(check(self));
  return hold_buffer(self).release();
}
PyObject* text_name(PyObject* op, void*) { return buffer_attribute(op, "name"_id); }
PyObject* text_closed(PyObject* op, void*) { return buffer_attribute(op, "closed"_id); }
PyObject* text_newlines(PyObject* op, void*) {
  auto* self = as<TextIOWrapper>(op);
  TRY(check(self));
  Ref<> result;
  if (!self->decoder || PyObject_GetOptionalAttr(self->decoder, "newlines"_id, result.out()) == 0) {
    if (PyErr_Occurred()) return nullptr;
    Py_RETURN_NONE;
  }
  return result.release();
}
PyObject* text_errors(PyObject* op, void*) {
  if (!as<TextIOWrapper>(op)->detached) TRY(check(as<TextIOWrapper>(op)));
  return Py_NewRef(as<TextIOWrapper>(op)->errors);
}
PyObject* text_chunk_size(PyObject* op, void*) {
  TRY(check(as<TextIOWrapper>(op)));
  return PyLong_FromSsize_t(as<TextIOWrapper>(op)->chunk_size);
}
int text_set_chunk_size(PyObject* op, PyObject* value, void*) {
  auto* self = as<TextIOWrapper>(op);
  TRY(check(self));
  if (!value) return raise(PyExc_AttributeError, "attribute '_CHUNK_SIZE' of '%.100s' objects cannot be deleted", Py_TYPE(op)->tp_name);
  const Py_ssize_t size = PyNumber_AsSsize_t(value, PyExc_ValueError);
  if (size == -1 && PyErr_Occurred()) return -1;
  if (size <= 0) return raise(PyExc_ValueError, "a strictly positive integer is required");
  self->chunk_size = size;
  return 0;
}

int text_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* self = as<TextIOWrapper>(op);
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(self->buffer);
  Py_VISIT(self->encoding);
  Py_VISIT(self->encoder);
  Py_VISIT(self->decoder);
  Py_VISIT(self->read_newline);
  Py_VISIT(self->decoded);
  Py_VISIT(self->pending);
  Py_VISIT(self->snapshot);
  Py_VISIT(self->errors);
  Py_VISIT(self->dict);
  return 0;
}
int text_clear(PyObject* op) {
  auto* self = as<TextIOWrapper>(op);
  self->ok = false;
  Py_CLEAR(self->buffer);
  Py_CLEAR(self->encoding);
  Py_CLEAR(self->encoder);
  Py_CLEAR(self->decoder);
  Py_CLEAR(self->read_newline);
  Py_CLEAR(self->decoded);
  Py_CLEAR(self->pending);
  Py_CLEAR(self->snapshot);
  Py_CLEAR(self->errors);
  Py_CLEAR(self->dict);
  return 0;
}
void text_dealloc(PyObject* op) {
  auto* self = as<TextIOWrapper>(op);
  self->finalizing = 1;
  if (!io_base_finalize(op)) return;
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  self->ok = false;
  if (self->weakreflist) PyObject_ClearWeakRefs(op);
  text_clear(op);
  type->tp_free(op);
  Py_DECREF(type);
}

PyMethodDef methods[] = {text_detach_method,
                         text_reconfigure_method,
                         text_write_method,
                         text_read_method,
                         text_readline_method,
                         text_flush_method,
                         text_close_method,
                         text_fileno_method,
                         text_seekable_method,
                         text_readable_method,
                         text_writable_method,
                         text_isatty_method,
                         text_seek_method,
                         text_tell_method,
                         text_truncate_method,
                         text_getstate_method,
                         {}};
PyMemberDef members[] = {
    {"encoding", _Py_T_OBJECT, offsetof(TextIOWrapper, encoding), Py_READONLY, nullptr},
    {"line_buffering", Py_T_BOOL, offsetof(TextIOWrapper, line_buffering), Py_READONLY, nullptr},
    {"write_through", Py_T_BOOL, offsetof(TextIOWrapper, write_through), Py_READONLY, nullptr},
    {"_finalizing", Py_T_BOOL, offsetof(TextIOWrapper, finalizing), 0, nullptr},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(TextIOWrapper, weakreflist), Py_READONLY, nullptr},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(TextIOWrapper, dict), Py_READONLY, nullptr},
    {}};
PyGetSetDef getset[] = {{"name", text_name, nullptr, nullptr, nullptr},
                        {"buffer", text_buffer, nullptr, nullptr, nullptr},
                        {"closed", text_closed, nullptr, nullptr, nullptr},
                        {"newlines", text_newlines, nullptr, nullptr, nullptr},
                        {"errors", text_errors, nullptr, nullptr, nullptr},
                        {"_CHUNK_SIZE", text_chunk_size, text_set_chunk_size, nullptr, nullptr},
                        {}};
constexpr char kDoc[] =
    "TextIOWrapper(buffer, encoding=None, errors=None, newline=None,\n              line_buffering=False, "
    "write_through=False)\n--\n\n"
    "Text on top of a buffered binary stream.\n\n"
    "encoding is a codec's name (default: the locale's), errors its error handler. newline None: any line end is read "
    "as\n"
    "'\\n', and '\\n' is written as the system's; '': line ends are left alone; '\\n', '\\r', '\\r\\n': lines end "
    "there only.\n"
    "line_buffering: a written line end flushes. write_through: nothing waits in this object.";
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(text_dealloc)},
                       {Py_tp_repr, reinterpret_cast<void*>(text_repr)},
                       {Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(text_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(text_clear)},
                       {Py_tp_iternext, reinterpret_cast<void*>(text_iternext)},
                       {Py_tp_methods, methods},
                       {Py_tp_members, members},
                       {Py_tp_getset, getset},
                       {Py_tp_init, reinterpret_cast<void*>(text_init)},
                       {0, nullptr}};

}  // namespace

PyType_Spec text_io_wrapper_spec = {
    "_io.TextIOWrapper", sizeof(TextIOWrapper), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, slots};

}  // namespace ks::io
