// IncrementalNewlineDecoder: makes "\r\n" and "\r" into "\n" piece by piece, and notes which were seen. Also the search
// for a line's end that all text streams share.
#include "modules/io/io.h"

namespace ks::io {
namespace {

enum Seen { kCr = 1, kLf = 2, kCrLf = 4 };

struct NewlineDecoder {
  PyObject_HEAD PyObject* decoder;  // None: the input is str already
  PyObject* errors;
  bool pending_cr;
  bool translate;
  unsigned seen;
};

constexpr Signature kInitSignature =
    read_signature("IncrementalNewlineDecoder", "(decoder, translate, errors='strict')");
int decoder_init(PyObject* op, PyObject* args, PyObject* kwargs) {
  PyObject* values[3];
  if (is_failure(bind_tuple(kInitSignature, args, kwargs, values))) return -1;
  const int translate = PyObject_IsTrue(values[1]);
  if (translate < 0) return -1;
  auto* self = as<NewlineDecoder>(op);
  Ref<> old_errors = Ref<>::steal(std::exchange(self->errors, Py_NewRef(values[2] ? values[2] : "strict"_id)));
  Ref<> old_decoder = Ref<>::steal(std::exchange(self->decoder, Py_NewRef(values[0])));
  self->translate = translate;
  self->seen = 0;
  self->pending_cr = false;
  return 0;
}
Status check(NewlineDecoder* self) {
  if (self->errors) return Status::Ok;
  return raise(PyExc_ValueError, "IncrementalNewlineDecoder.__init__() not called");
}
Status check_decoded(PyObject* decoded) {
  if (!decoded) return failed;
  if (!PyUnicode_Check(decoded))
    return raise(PyExc_TypeError, "decoder should return a string result, not '%.200s'", Py_TYPE(decoded)->tp_name);
  return Status::Ok;
}

PyObject* decode(NewlineDecoder* self, PyObject* input, bool final) {
  TRY(check(self));
  Ref<> output;
  if (self->decoder != Py_None)
    output = call_method(self->decoder, "decode"_id, input, final ? Py_True : Py_False);
  else
    output = Ref<>::borrow(input);
  TRY(check_decoded(output));

  Py_ssize_t length = PyUnicode_GET_LENGTH(output.get());
  if (self->pending_cr && (final || length > 0)) {
    // The "\r" that was kept back may begin a "\r\n".
    Ref<> cr = TRY(steal(PyUnicode_FromOrdinal('\r')));
    output = TRY(steal(PyUnicode_Concat(cr, output)));
    self->pending_cr = false;
    ++length;
  }
  if (!final && length > 0 && PyUnicode_READ_CHAR(output.get(), length - 1) == '\r') {
    output = TRY(steal(PyUnicode_Substring(output, 0, length - 1)));
    self->pending_cr = true;
    --length;
  }
  if (length == 0) return output.release();

  const int kind = PyUnicode_KIND(output.get());
  const void* data = PyUnicode_DATA(output.get());
  // Without any "\r" only "\n" need be noted.
  const bool has_cr = kind == PyUnicode_1BYTE_KIND ? memchr(data, '\r', static_cast<size_t>(length)) != nullptr
                                                   : PyUnicode_FindChar(output, '\r', 0, length, 1) >= 0;
  if (!has_cr) {
    if (!(self->seen & kLf) && PyUnicode_FindChar(output, '\n', 0, length, 1) >= 0) self->seen |= kLf;
    return output.release();
  }
  if (!self->translate) {
    for (Py_ssize_t i = 0; i < length; ++i) {
      const Py_UCS4 c = PyUnicode_READ(kind, data, i);
      if (c == '\n') {
        self->seen |= kLf;
      } else if (c == '\r') {
        if (i + 1 < length && PyUnicode_READ(kind, data, i + 1) == '\n')
          self->seen |= kCrLf, ++i;
        else
          self->seen |= kCr;
      }
      if (self->seen == (kCr | kLf | kCrLf)) break;
    }
    return output.release();
  }
  Ref<> translated = TRY(steal(PyUnicode_New(length, PyUnicode_MAX_CHAR_VALUE(output.get()))));
  void* target = PyUnicode_DATA(translated.get());
  Py_ssize_t out = 0;
  for (Py_ssize_t i = 0; i < length; ++i) {
    Py_UCS4 c = PyUnicode_READ(kind, data, i);
    if (c == '\n') {
      self->seen |= kLf;
    } else if (c == '\r') {
      if (i + 1 < length && PyUnicode_READ(kind, data, i + 1) == '\n')
        self->seen |= kCrLf, ++i;
      else
        self->seen |= kCr;
      c = '\n';
    }
    PyUnicode_WRITE(kind, target, out++, c);
  }
  return PyUnicode_FromKindAndData(kind, target, out);
}

PyObject* decoder_decode(NewlineDecoder* self, PyObject* input, bool final) { return decode(self, input, final); }
METHOD(decoder, decode, "($self, /, input, final=False)", "Decode a piece and translate its line ends.");

PyObject* decoder_getstate(NewlineDecoder* self) {
  TRY(check(self));
  Ref<> buffer;
  unsigned long long flags = 0;
  if (self->decoder != Py_None) {
    Ref<> state = TRY(call_method(self->decoder, "getstate"_id));
    PyObject* inner_buffer;
    if (!PyTuple_Check(state.get())) return raise(PyExc_TypeError, "illegal decoder state");
    if (!PyArg_ParseTuple(state, "OK;illegal decoder state", &inner_buffer, &flags)) return nullptr;
    buffer = Ref<>::borrow(inner_buffer);
  } else {
    buffer = TRY(steal(PyBytes_FromStringAndSize(nullptr, 0)));
  }
  flags = flags << 1 | (self->pending_cr ? 1 : 0);
  return Py_BuildValue("OK", buffer.get(), flags);
}
METHOD(decoder, getstate, "($self, /)", "What setstate() takes.");
PyObject* decoder_setstate(NewlineDecoder* self, PyObject* state) {
  TRY(check(self));
  if (!PyTuple_Check(state)) return raise(PyExc_TypeError, "state argument must be a tuple");
  PyObject* buffer;
  unsigned long long flags;
  if (!PyArg_ParseTuple(state, "OK;setstate(): illegal state argument", &buffer, &flags)) return nullptr;
  self->pending_cr = flags & 1;
  flags >>= 1;
  if (self->decoder != Py_None) {
    Ref<> inner = TRY(steal(Py_BuildValue("(OK)", buffer, flags)));
    return call_method(self->decoder, "setstate"_id, inner.get()).release();
  }
  Py_RETURN_NONE;
}
METHOD(decoder, setstate, "($self, state, /)", "Go back to a state that getstate() gave.");
PyObject* decoder_reset(NewlineDecoder* self) {
  TRY(check(self));
  self->seen = 0;
  self->pending_cr = false;
  if (self->decoder != Py_None) return call_method(self->decoder, "reset"_id).release();
  Py_RETURN_NONE;
}
METHOD(decoder, reset, "($self, /)", "Forget everything.");

PyObject* decoder_newlines(PyObject* op, void*) {
  auto* self = as<NewlineDecoder>(op);
  TRY(check(self));
  static constexpr const char* kNames[] = {"\r", "\n", "\r\n"};
  constexpr unsigned kBits[] = {kCr, kLf, kCrLf};
  const char* found_names[3];
  int count = 0;
  for (int i = 0; i < 3; ++i)
    if (self->seen & kBits[i]) found_names[count++] = kNames[i];
  if (count == 0) Py_RETURN_NONE;
  if (count == 1) return PyUnicode_FromString(found_names[0]);
  if (count == 2) return Py_BuildValue("ss", found_names[0], found_names[1]);
  return Py_BuildValue("sss", found_names[0], found_names[1], found_names[2]);
}

int decoder_traverse(PyObject* op, visitproc visit, void* arg) {
  auto* self = as<NewlineDecoder>(op);
  Py_VISIT(Py_TYPE(op));
  Py_VISIT(self->decoder);
  Py_VISIT(self->errors);
  return 0;
}
int decoder_clear(PyObject* op) {
  auto* self = as<NewlineDecoder>(op);
  Py_CLEAR(self->decoder);
  Py_CLEAR(self->errors);
  return 0;
}
void decoder_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  decoder_clear(op);
  type->tp_free(op);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    decoder_decode_method, decoder_getstate_method, decoder_setstate_method, decoder_reset_method, {}};
PyGetSetDef getset[] = {{"newlines", decoder_newlines, nullptr, nullptr, nullptr}, {}};
constexpr char kDoc[] =
    "IncrementalNewlineDecoder(decoder, translate, errors='strict')\n--\n\n"
    "Wraps an incremental decoder (or None, for str input) and makes all line ends '\\n' when translate is true.\n"
    "The attribute newlines tells which line ends were seen.";
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(decoder_dealloc)},
                       {Py_tp_doc, const_cast<char*>(kDoc)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, getset},
                       {Py_tp_traverse, reinterpret_cast<void*>(decoder_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(decoder_clear)},
                       {Py_tp_init, reinterpret_cast<void*>(decoder_init)},
                       {0, nullptr}};

}  // namespace

PyType_Spec newline_decoder_spec = {
    "_io.IncrementalNewlineDecoder", sizeof(NewlineDecoder), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, slots};

PyObject* newline_decoder_decode(PyObject* self, PyObject* input, bool final) {
  return decode(as<NewlineDecoder>(self), input, final);
}
PyObject* newline_decoder_new(PyTypeObject* type, PyObject* decoder, bool translate) {
  return PyObject_CallFunctionObjArgs(object(type), decoder, translate ? Py_True : Py_False, nullptr);
}

Py_ssize_t find_line_ending(const NewlineMode& mode, int kind, const void* data, Py_ssize_t start, Py_ssize_t end,
                            Py_ssize_t* consumed) {
  auto find = [&](Py_UCS4 wanted, Py_ssize_t from) -> Py_ssize_t {
    if (kind == PyUnicode_1BYTE_KIND) {
      const auto* bytes = static_cast<const Py_UCS1*>(data);
      const void* hit = memchr(bytes + from, static_cast<int>(wanted), static_cast<size_t>(end - from));
      return hit ? static_cast<const Py_UCS1*>(hit) - bytes : -1;
    }
    for (Py_ssize_t i = from; i < end; ++i)
      if (PyUnicode_READ(kind, data, i) == wanted) return i;
    return -1;
  };
  *consumed = end - start;
  if (mode.translated) {
    const Py_ssize_t hit = find('\n', start);
    return hit < 0 ? -1 : hit + 1;
  }
  if (mode.universal) {
    for (Py_ssize_t i = start; i < end; ++i) {
      const Py_UCS4 c = PyUnicode_READ(kind, data, i);
      if (c == '\n') return i + 1;
      if (c == '\r') {
        if (i + 1 == end) {
          // Perhaps a "\n" follows: the newline decoder never leaves a "\r" at the end, so here it is the line's end.
          return i + 1;
        }
        return PyUnicode_READ(kind, data, i + 1) == '\n' ? i + 2 : i + 1;
      }
    }
    return -1;
  }
  const Py_ssize_t length = PyUnicode_GET_LENGTH(mode.newline);
  const Py_UCS4 first = PyUnicode_READ_CHAR(mode.newline, 0);
  if (length == 1) {
    const Py_ssize_t hit = find(first, start);
    return hit < 0 ? -1 : hit + 1;
  }
  for (Py_ssize_t at = find(first, start); at >= 0; at = at + 1 < end ? find(first, at + 1) : -1) {
    Py_ssize_t i = 1;
    while (i < length && at + i < end && PyUnicode_READ(kind, data, at + i) == PyUnicode_READ_CHAR(mode.newline, i))
      ++i;
    if (i == length) return at + length;
    if (at + i == end) {
      // The text ends within what may be a line's end.
      *consumed = at - start;
      return -1;
    }
  }
  return -1;
}

}  // namespace ks::io
