// UnicodeEncodeError, UnicodeDecodeError, UnicodeTranslateError and their C API.
//
// `object` is a str (encode, translate) or bytes (decode). start and end may be anything an assignment put there; getters
// clip them into the object.
#include "types/exceptions.h"

namespace ks {

static PyUnicodeErrorObject* unicode_error(PyObject* self) { return as<PyUnicodeErrorObject>(self); }

static void store(PyObject* self, PyObject* encoding, PyObject* target, Py_ssize_t start, Py_ssize_t end, PyObject* reason) {
  assign(&unicode_error(self)->encoding, encoding);
  assign(&unicode_error(self)->object, target);
  unicode_error(self)->start = start;
  unicode_error(self)->end = end;
  assign(&unicode_error(self)->reason, reason);
}

static int encode_error_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, kwargs) < 0) return failed;
  PyObject *encoding, *target, *reason;
  Py_ssize_t start, end;
  if (!PyArg_ParseTuple(args, "UUnnU", &encoding, &target, &start, &end, &reason)) return failed;
  store(self, encoding, target, start, end, reason);
  return 0;
}
static int decode_error_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, kwargs) < 0) return failed;
  PyObject *encoding, *target, *reason;
  Py_ssize_t start, end;
  if (!PyArg_ParseTuple(args, "UOnnU", &encoding, &target, &start, &end, &reason)) return failed;
  Ref<> bytes = borrow(target);
  if (!PyBytes_Check(target)) {
    Py_buffer view;
    if (PyObject_GetBuffer(target, &view, PyBUF_SIMPLE) < 0) return failed;
    bytes = steal(PyBytes_FromStringAndSize(static_cast<const char*>(view.buf), view.len));
    PyBuffer_Release(&view);
    if (!bytes) return failed;
  }
  store(self, encoding, bytes, start, end, reason);
  return 0;
}
static int translate_error_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, kwargs) < 0) return failed;
  PyObject *target, *reason;
  Py_ssize_t start, end;
  if (!PyArg_ParseTuple(args, "UnnU", &target, &start, &end, &reason)) return failed;
  store(self, nullptr, target, start, end, reason);
  return 0;
}

// ---- str() -----------------------------------------------------------------------------------------------------------

// The one character that failed, if it is one and inside the object; else -1.
static long single_character(PyUnicodeErrorObject* error) {
  if (error->end != error->start + 1 || error->start < 0 || !error->object) return -1;
  if (PyUnicode_Check(error->object))
    return error->start < PyUnicode_GET_LENGTH(error->object) ? static_cast<long>(PyUnicode_READ_CHAR(error->object, error->start)) : -1;
  if (PyBytes_Check(error->object) && error->start < PyBytes_GET_SIZE(error->object))
    return static_cast<unsigned char>(PyBytes_AS_STRING(error->object)[error->start]);
  return -1;
}

static const char* escape_format(long character) { return character <= 0xff ? "\\x%02x" : character <= 0xffff ? "\\u%04x" : "\\U%08x"; }

static PyObject* unicode_error_text(PyObject* self, const char* verb) {
  PyUnicodeErrorObject* error = unicode_error(self);
  if (!error->object) return PyUnicode_FromStringAndSize("", 0);  // never initialised
  Ref<> reason = TRY(steal(PyObject_Str(error->reason ? error->reason : Py_None)));
  Ref<> codec;
  if (error->encoding) codec = TRY(steal(PyObject_Str(error->encoding)));
  // str() of the fields may have run Python code that changed the object.
  const bool decoding = verb[0] == 'd';
  if (!error->object) return raise(PyExc_TypeError, "UnicodeError 'object' attribute is not set");
  if (decoding ? !PyBytes_Check(error->object) : !PyUnicode_Check(error->object))
    return raise(PyExc_TypeError, "UnicodeError 'object' attribute must be a %s", decoding ? "bytes" : "string");
  const long character = single_character(error);
  char escaped[16];
  if (character >= 0) PyOS_snprintf(escaped, sizeof escaped, escape_format(character), static_cast<unsigned>(character));
  if (verb[0] == 't') {
    if (character >= 0)
      return PyUnicode_FromFormat("can't translate character '%s' in position %zd: %U", escaped, error->start, reason.get());
    return PyUnicode_FromFormat("can't translate characters in position %zd-%zd: %U", error->start, error->end - 1, reason.get());
  }
  PyObject* encoding = codec ? codec.get() : Py_None;
  if (verb[0] == 'e') {
    if (character >= 0)
      return PyUnicode_FromFormat("'%S' codec can't encode character '%s' in position %zd: %U", encoding, escaped, error->start, reason.get());
    return PyUnicode_FromFormat("'%S' codec can't encode characters in position %zd-%zd: %U", encoding, error->start,
                                error->end - 1, reason.get());
  }
  if (character >= 0)
    return PyUnicode_FromFormat("'%S' codec can't decode byte 0x%02x in position %zd: %U", encoding,
                                static_cast<int>(character), error->start, reason.get());
  return PyUnicode_FromFormat("'%S' codec can't decode bytes in position %zd-%zd: %U", encoding, error->start, error->end - 1,
                              reason.get());
}
static PyObject* encode_error_str(PyObject* self) { return unicode_error_text(self, "encode"); }
static PyObject* decode_error_str(PyObject* self) { return unicode_error_text(self, "decode"); }
static PyObject* translate_error_str(PyObject* self) { return unicode_error_text(self, "translate"); }

static PyMemberDef unicode_error_members[] = {
    {"encoding", _Py_T_OBJECT, offsetof(PyUnicodeErrorObject, encoding), 0, "exception encoding"},
    {"object", _Py_T_OBJECT, offsetof(PyUnicodeErrorObject, object), 0, "exception object"},
    {"start", Py_T_PYSSIZET, offsetof(PyUnicodeErrorObject, start), 0, "exception start"},
    {"end", Py_T_PYSSIZET, offsetof(PyUnicodeErrorObject, end), 0, "exception end"},
    {"reason", _Py_T_OBJECT, offsetof(PyUnicodeErrorObject, reason), 0, "exception reason"},
    {}};
using UnicodeErrorLife = ExceptionLife<PyUnicodeErrorObject, &PyUnicodeErrorObject::encoding,
                                       &PyUnicodeErrorObject::object, &PyUnicodeErrorObject::reason>;
#define UNICODE_ERROR_FAMILY(VERB)                                                                                     \
  constinit const ExceptionFamily unicode_##VERB##_error_family = {                                                    \
      .size = sizeof(PyUnicodeErrorObject), .init = VERB##_error_init, .str = VERB##_error_str,                        \
      .dealloc = UnicodeErrorLife::dealloc, .traverse = UnicodeErrorLife::traverse, .clear = UnicodeErrorLife::clear,  \
      .members = unicode_error_members}
UNICODE_ERROR_FAMILY(encode);
UNICODE_ERROR_FAMILY(decode);
UNICODE_ERROR_FAMILY(translate);

// ---- checked access for the C API ---------------------------------------------------------------------------------------

static PyUnicodeErrorObject* expect_error(PyObject* self, PyObject* type) {
  if (PyObject_TypeCheck(self, as<PyTypeObject>(type))) return unicode_error(self);
  return raise(PyExc_TypeError, "expecting a %s object, got %T", as<PyTypeObject>(type)->tp_name, self);
}
static PyObject* str_field(PyObject* value, const char* name) {
  if (!value) return raise(PyExc_TypeError, "UnicodeError '%s' attribute is not set", name);
  if (!PyUnicode_Check(value)) return raise(PyExc_TypeError, "UnicodeError '%s' attribute must be a string", name);
  return Py_NewRef(value);
}
static PyObject* object_field(PyUnicodeErrorObject* error, bool bytes) {
  if (!error->object) return raise(PyExc_TypeError, "UnicodeError 'object' attribute is not set");
  if (bytes ? !PyBytes_Check(error->object) : !PyUnicode_Check(error->object))
    return raise(PyExc_TypeError, "UnicodeError 'object' attribute must be a %s", bytes ? "bytes" : "string");
  return Py_NewRef(error->object);
}
static Py_ssize_t object_size(PyObject* target) { return PyBytes_Check(target) ? PyBytes_GET_SIZE(target) : PyUnicode_GET_LENGTH(target); }

static int get_position(PyObject* self, PyObject* type, bool bytes, bool end, Py_ssize_t* position) {
  PyUnicodeErrorObject* error = TRY(expect_error(self, type));
  Ref<> target = TRY(steal(object_field(error, bytes)));
  const Py_ssize_t size = object_size(target);
  if (end) {
    *position = error->end < 1 ? 1 : error->end;
    if (*position > size) *position = size;
  } else {
    *position = error->start < 0 ? 0 : error->start;
    if (*position >= size) *position = size ? size - 1 : 0;
  }
  return 0;
}
static int set_position(PyObject* self, PyObject* type, bool end, Py_ssize_t position) {
  PyUnicodeErrorObject* error = TRY(expect_error(self, type));
  (end ? error->end : error->start) = position;
  return 0;
}
static int set_reason(PyObject* self, PyObject* type, const char* reason) {
  PyUnicodeErrorObject* error = TRY(expect_error(self, type));
  Ref<> text = TRY(steal(PyUnicode_FromString(reason)));
  assign(&error->reason, text);
  return 0;
}

}  // namespace ks

using namespace ks;

// UnicodeDecodeError with the given fields; new reference.
PyObject* PyUnicodeDecodeError_Create(const char* encoding, const char* data, Py_ssize_t length, Py_ssize_t start, Py_ssize_t end,
                                      const char* reason) {
  return PyObject_CallFunction(PyExc_UnicodeDecodeError, "sy#nns", encoding, data, length, start, end, reason);
}

// Getters return a new reference or NULL with TypeError; the position functions 0, or -1 with TypeError. Positions are
// clipped into the object.
#define UNICODE_ERROR_API(NAME, TYPE, BYTES)                                                                                \
  PyObject* NAME##_GetObject(PyObject* self) { return object_field(TRY(expect_error(self, TYPE)), BYTES); }                  \
  PyObject* NAME##_GetReason(PyObject* self) { return str_field(TRY(expect_error(self, TYPE))->reason, "reason"); }          \
  int NAME##_GetStart(PyObject* self, Py_ssize_t* start) { return get_position(self, TYPE, BYTES, false, start); }           \
  int NAME##_GetEnd(PyObject* self, Py_ssize_t* end) { return get_position(self, TYPE, BYTES, true, end); }                  \
  int NAME##_SetStart(PyObject* self, Py_ssize_t start) { return set_position(self, TYPE, false, start); }                   \
  int NAME##_SetEnd(PyObject* self, Py_ssize_t end) { return set_position(self, TYPE, true, end); }                          \
  int NAME##_SetReason(PyObject* self, const char* reason) { return set_reason(self, TYPE, reason); }
UNICODE_ERROR_API(PyUnicodeEncodeError, PyExc_UnicodeEncodeError, false)
UNICODE_ERROR_API(PyUnicodeDecodeError, PyExc_UnicodeDecodeError, true)
UNICODE_ERROR_API(PyUnicodeTranslateError, PyExc_UnicodeTranslateError, false)

PyObject* PyUnicodeEncodeError_GetEncoding(PyObject* self) {
  return str_field(TRY(expect_error(self, PyExc_UnicodeEncodeError))->encoding, "encoding");
}
PyObject* PyUnicodeDecodeError_GetEncoding(PyObject* self) {
  return str_field(TRY(expect_error(self, PyExc_UnicodeDecodeError))->encoding, "encoding");
}
