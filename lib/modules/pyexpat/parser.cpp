// The type pyexpat.xmlparser.
#include "modules/pyexpat/expat.h"

#include <sys/random.h>
#include <time.h>

#include <array>
#include <cmath>
#include <cstring>

namespace ks {
namespace {

// ---- errors -------------------------------------------------------------------------------------------------------------

// ExpatError with code, offset and lineno. `message` is taken over; nothing where that failed.
Failed raise_expat(PyObject* self, int code, Ref<> message) {
  if (!message) return failed;
  ExpatParser* p = expat_parser(self);
  ExpatState* state = expat_state(Py_TYPE(self));
  Ref<> error = TRY(steal(PyObject_CallOneArg(state->error, message)));
  const auto set = [&](PyObject* attribute, long value) -> Status {
    Ref<> number = TRY(steal(PyLong_FromLong(value)));
    return status(PyObject_SetAttr(error, attribute, number));
  };
  TRY(set("code"_id, code));
  TRY(set("lineno"_id, static_cast<long>(XML_GetErrorLineNumber(p->parser))));
  TRY(set("offset"_id, static_cast<long>(XML_GetErrorColumnNumber(p->parser))));
  PyErr_SetObject(state->error, error);
  return failed;
}
Failed raise_error_code(PyObject* self, XML_Error code) {
  ExpatParser* p = expat_parser(self);
  const char* text = XML_ErrorString(code);
  return raise_expat(self, code,
                     steal(PyUnicode_FromFormat("%s: line %i, column %i", text ? text : "(null)", static_cast<int>(XML_GetErrorLineNumber(p->parser)),
                                                static_cast<int>(XML_GetErrorColumnNumber(p->parser)))));
}
// What a call of XML_Parse gave as the method's result.
PyObject* parse_result(PyObject* self, int result) {
  ExpatParser* p = expat_parser(self);
  if (PyErr_Occurred()) return nullptr;
  if (result == 0) return raise_error_code(self, XML_GetErrorCode(p->parser));
  TRY(expat_flush(p));
  return PyLong_FromLong(result);
}

// ---- making and freeing ---------------------------------------------------------------------------------------------------

void* expat_malloc(size_t size) { return PyMem_Malloc(size); }
void* expat_realloc(void* block, size_t size) { return PyMem_Realloc(block, size); }
void expat_free(void* block) { PyMem_Free(block); }
constexpr XML_Memory_Handling_Suite kMemory = {expat_malloc, expat_realloc, expat_free};

// Everything but the libexpat parser.
Ref<> allocate(PyTypeObject* type) {
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  ExpatParser* p = expat_parser(self.get());
  p->buffer_size = 8192;
  p->reparse_deferral = XML_SetReparseDeferralEnabled != nullptr;
  p->handlers = static_cast<PyObject**>(PyMem_Calloc(kExpatHandlers, sizeof(PyObject*)));
  if (!p->handlers) {
    PyErr_NoMemory();
    return failed;
  }
  return self;
}
int parser_traverse(PyObject* self, visitproc visit, void* arg) {
  ExpatParser* p = expat_parser(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(p->intern);
  Py_VISIT(object(p->parent));
  for (int i = 0; p->handlers && i < kExpatHandlers; ++i) Py_VISIT(p->handlers[i]);
  return 0;
}
int parser_clear(PyObject* self) {
  expat_clear_handlers(expat_parser(self));
  Py_CLEAR(expat_parser(self)->intern);
  return 0;
}
void parser_dealloc(PyObject* self) {
  ExpatParser* p = expat_parser(self);
  PyObject_GC_UnTrack(self);
  (void)parser_clear(self);
  // Before the parent, of which it uses memory.
  if (p->parser) XML_ParserFree(p->parser);
  p->parser = nullptr;
  Py_CLEAR(p->parent);
  PyMem_Free(p->handlers);
  PyMem_Free(p->buffer);
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

// ---- parsing --------------------------------------------------------------------------------------------------------------

// libexpat is not reentrant.
Status check_outside(ExpatParser* p, const char* method) {
  if (!p->in_callback) return Status::Ok;
  return raise(PyExc_RuntimeError, "cannot call %s() from within a handler", method);
}
PyObject* expat_Parse(PyObject* self, PyObject* data, bool is_final) {
  ExpatParser* p = expat_parser(self);
  TRY(check_outside(p, "Parse"));
  Py_buffer view{};
  const char* text;
  Py_ssize_t size;
  if (PyUnicode_Check(data)) {
    text = PyUnicode_AsUTF8AndSize(data, &size);
    if (!text) return nullptr;
    // What the declaration in the text says does not matter.
    (void)XML_SetEncoding(p->parser, "utf-8");
  } else {
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return nullptr;
    text = static_cast<const char*>(view.buf);
    size = view.len;
  }
  constexpr int kChunk = 1 << 20;
  int result = 1;
  while (size > kChunk && result) {
    result = XML_Parse(p->parser, text, kChunk, 0);
    text += kChunk;
    size -= kChunk;
  }
  if (result) result = XML_Parse(p->parser, text, static_cast<int>(size), is_final);
  if (view.obj) PyBuffer_Release(&view);
  return parse_result(self, result);
}
METHOD(expat, Parse, "($self, data, isfinal=False, /)",
       "Parse XML data.\n\n'data' can be a bytes-like object or a string.  If it is a string,\nthe encoding declaration in the XML data is "
       "ignored.\n'isfinal' should be true at end of input.");

// Reads into libexpat's buffer: the number of bytes, or -1.
int read_into(char* buffer, int room, PyObject* read) {
  Ref<> count = TRY(steal(PyLong_FromLong(room)));
  Ref<> data = TRY(steal(PyObject_CallOneArg(read, count)));
  const char* bytes;
  Py_ssize_t size;
  if (PyBytes_Check(data)) {
    bytes = PyBytes_AS_STRING(data.get());
    size = PyBytes_GET_SIZE(data.get());
  } else if (PyByteArray_Check(data)) {
    bytes = PyByteArray_AS_STRING(data.get());
    size = PyByteArray_GET_SIZE(data.get());
  } else {
    return raise(PyExc_TypeError, "read() did not return a bytes object (type=%.400s)", Py_TYPE(data)->tp_name);
  }
  if (size > room) return raise(PyExc_ValueError, "read() returned too much data: %i bytes requested, %zd returned", room, size);
  memcpy(buffer, bytes, static_cast<size_t>(size));
  return static_cast<int>(size);
}
PyObject* expat_ParseFile(PyObject* self, PyObject* file) {
  ExpatParser* p = expat_parser(self);
  TRY(check_outside(p, "ParseFile"));
  PyObject* found_read;
  if (PyObject_GetOptionalAttr(file, "read"_id, &found_read) < 0) return nullptr;
  Ref<> read = steal(found_read);
  if (!read) return raise(PyExc_TypeError, "argument must have 'read' attribute");
  for (;;) {
    constexpr int kRoom = 2048;
    char* buffer = static_cast<char*>(XML_GetBuffer(p->parser, kRoom));
    if (!buffer) return parse_result(self, 0);
    const int count = read_into(buffer, kRoom, read);
    if (count < 0) return nullptr;
    const int result = XML_ParseBuffer(p->parser, count, count == 0);
    if (PyErr_Occurred()) return nullptr;
    if (!result || count == 0) return parse_result(self, result);
  }
}
METHOD(expat, ParseFile, "($self, file, /)", "Parse XML data from a binary file-like object.\n\nIts read() method should return bytes.");

// ---- other methods --------------------------------------------------------------------------------------------------------

PyObject* expat_SetBase(PyObject* self, TextArgument base) {
  if (!XML_SetBase(expat_parser(self)->parser, base)) return PyErr_NoMemory();
  Py_RETURN_NONE;
}
METHOD(expat, SetBase, "($self, base, /)", "Set the base URL for the parser.");
PyObject* expat_GetBase(PyObject* self) {
  const XML_Char* base = XML_GetBase(expat_parser(self)->parser);
  return base ? PyUnicode_FromString(base) : Py_NewRef(Py_None);
}
METHOD(expat, GetBase, "($self, /)", "Return base URL string for the parser.");
PyObject* expat_GetInputContext(PyObject* self) {
  ExpatParser* p = expat_parser(self);
  if (!p->in_callback) Py_RETURN_NONE;
  int offset, size;
  const char* buffer = XML_GetInputContext(p->parser, &offset, &size);
  if (!buffer) Py_RETURN_NONE;
  return PyBytes_FromStringAndSize(buffer + offset, size - offset);
}
METHOD(expat, GetInputContext, "($self, /)",
       "Return the input which generated the current event as bytes.\n\nThe data is in the encoding of the entity which contains the text.\n"
       "It extends to the end of the currently buffered input, therefore it\ncan contain also the data of the following events, and if the "
       "event\nwas generated by a large amount of text, not all of it may be\navailable.");
Ref<> expat_ExternalEntityParserCreate(PyObject* self, TextOrNoneArgument context, TextArgument encoding) {
  ExpatParser* p = expat_parser(self);
  Ref<> made = TRY(allocate(Py_TYPE(self)));
  ExpatParser* child = expat_parser(made.get());
  child->ordered_attributes = p->ordered_attributes;
  child->specified_attributes = p->specified_attributes;
  child->namespace_prefixes = p->namespace_prefixes;
  child->reparse_deferral = p->reparse_deferral;
  child->buffer_size = p->buffer_size;
  child->parent = as<ExpatParser>(Py_NewRef(self));
  child->intern = Py_XNewRef(p->intern);
  child->parser = XML_ExternalEntityParserCreate(p->parser, context, encoding);
  if (p->buffer) child->buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(p->buffer_size)));
  if (!child->parser || (p->buffer && !child->buffer)) {
    PyErr_NoMemory();
    return failed;
  }
  XML_SetUserData(child->parser, child);
  for (int i = 0; i < kExpatHandlers; ++i) {
    if (!p->handlers[i]) continue;
    child->handlers[i] = Py_NewRef(p->handlers[i]);
    expat_set_callback(child, i, true);
  }
  return made;
}
METHOD(expat, ExternalEntityParserCreate, "($self, context, encoding=<unrepresentable>,\n                           /)",
       "Create a parser for parsing an external entity based on the information passed to the ExternalEntityRefHandler.");
PyObject* expat_SetParamEntityParsing(PyObject* self, int flag) {
  return PyLong_FromLong(XML_SetParamEntityParsing(expat_parser(self)->parser, static_cast<XML_ParamEntityParsing>(flag)));
}
METHOD(expat, SetParamEntityParsing, "($self, flag, /)",
       "Controls parsing of parameter entities (including the external DTD subset).\n\nPossible flag values are "
       "XML_PARAM_ENTITY_PARSING_NEVER,\nXML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE and\nXML_PARAM_ENTITY_PARSING_ALWAYS. Returns true if "
       "setting the flag\nwas successful.");
Status expat_UseForeignDTD(PyObject* self, bool flag) {
  const XML_Error code = XML_UseForeignDTD(expat_parser(self)->parser, flag ? XML_TRUE : XML_FALSE);
  if (code != XML_ERROR_NONE) return raise_error_code(self, code);
  return Status::Ok;
}
METHOD(expat, UseForeignDTD, "($self, flag=True, /)",
       "Allows the application to provide an artificial external subset if one is not specified as part of the document instance.\n\n"
       "This readily allows the use of a 'default' document type controlled\nby the application, while still getting the advantage of "
       "providing\ndocument type information to the parser.  'flag' defaults to True if\nnot provided.");

// Limits. They belong to the parser of the document, not to those of entities.
Failed raise_limit(PyObject* self, const char* message) {
  return raise_expat(self, 41 /* XML_ERROR_INVALID_ARGUMENT */, steal(PyUnicode_FromString(message)));
}
Status set_threshold(PyObject* self, PyObject* number, XML_Bool (*set)(XML_Parser, unsigned long long), const char* name) {
  Ref<> index = TRY(steal(PyNumber_Index(number)));
  if (PyLong_IsNegative(index) == 1) return raise(PyExc_ValueError, "Cannot convert negative int");
  const unsigned long long threshold = PyLong_AsUnsignedLongLong(index);
  if (threshold == static_cast<unsigned long long>(-1) && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) return raise(PyExc_OverflowError, "Python int too large for C unsigned long long");
    return failed;
  }
  if (!set) return raise(PyExc_NotImplementedError, "the machine's libexpat is too old for %s", name);
  if (!set(expat_parser(self)->parser, threshold)) return raise_limit(self, "parser must be a root parser");
  return Status::Ok;
}
Status set_factor(PyObject* self, double factor, XML_Bool (*set)(XML_Parser, float), const char* name) {
  const float value = static_cast<float>(factor);
  if (!set) return raise(PyExc_NotImplementedError, "the machine's libexpat is too old for %s", name);
  if (set(expat_parser(self)->parser, value)) return Status::Ok;
  return raise_limit(self, std::isnan(value) || value < 1.0f ? "'max_factor' must be at least 1.0" : "parser must be a root parser");
}
Status expat_SetBillionLaughsAttackProtectionActivationThreshold(PyObject* self, PyObject* threshold) {
  return set_threshold(self, threshold, XML_SetBillionLaughsAttackProtectionActivationThreshold,
                       "SetBillionLaughsAttackProtectionActivationThreshold");
}
METHOD(expat, SetBillionLaughsAttackProtectionActivationThreshold, "($self, threshold, /)",
       "Sets the number of output bytes needed to activate protection against billion laughs attacks.\n\n"
       "Output counts what entities are expanded to and what is read of DTD files. Thresholds below 4 MiB break known documents (DITA 1.3).");
Status expat_SetBillionLaughsAttackProtectionMaximumAmplification(PyObject* self, double max_factor) {
  return set_factor(self, max_factor, XML_SetBillionLaughsAttackProtectionMaximumAmplification,
                    "SetBillionLaughsAttackProtectionMaximumAmplification");
}
METHOD(expat, SetBillionLaughsAttackProtectionMaximumAmplification,
       "($self, max_factor,\n                                                     /)",
       "Sets the maximum tolerated amplification factor for protection against billion laughs attacks.\n\n"
       "The factor is (direct + indirect) / direct in bytes: what the document has, and what entities and DTD files add. At least 1.0.");
Status expat_SetAllocTrackerActivationThreshold(PyObject* self, PyObject* threshold) {
  return set_threshold(self, threshold, XML_SetAllocTrackerActivationThreshold, "SetAllocTrackerActivationThreshold");
}
METHOD(expat, SetAllocTrackerActivationThreshold, "($self, threshold, /)",
       "Sets the number of allocated bytes of dynamic memory needed to activate protection against disproportionate use of RAM.");
Status expat_SetAllocTrackerMaximumAmplification(PyObject* self, double max_factor) {
  return set_factor(self, max_factor, XML_SetAllocTrackerMaximumAmplification, "SetAllocTrackerMaximumAmplification");
}
METHOD(expat, SetAllocTrackerMaximumAmplification, "($self, max_factor, /)",
       "Sets the maximum amplification factor between direct input and bytes of dynamic memory allocated. At least 1.0.");
void expat_SetReparseDeferralEnabled(PyObject* self, bool enabled) {
  ExpatParser* p = expat_parser(self);
  if (!XML_SetReparseDeferralEnabled) return;
  if (XML_SetReparseDeferralEnabled(p->parser, enabled ? XML_TRUE : XML_FALSE)) p->reparse_deferral = enabled;
}
METHOD(expat, SetReparseDeferralEnabled, "($self, enabled, /)", "Enable/Disable reparse deferral; enabled by default with Expat >=2.6.0.");
bool expat_GetReparseDeferralEnabled(PyObject* self) { return expat_parser(self)->reparse_deferral; }
METHOD(expat, GetReparseDeferralEnabled, "($self, /)",
       "Retrieve reparse deferral enabled status; always returns false with Expat <2.6.0.");

PyMethodDef methods[] = {expat_Parse_method,
                         expat_ParseFile_method,
                         expat_SetBase_method,
                         expat_GetBase_method,
                         expat_GetInputContext_method,
                         expat_ExternalEntityParserCreate_method,
                         expat_SetParamEntityParsing_method,
                         expat_UseForeignDTD_method,
                         expat_SetBillionLaughsAttackProtectionActivationThreshold_method,
                         expat_SetBillionLaughsAttackProtectionMaximumAmplification_method,
                         expat_SetAllocTrackerActivationThreshold_method,
                         expat_SetAllocTrackerMaximumAmplification_method,
                         expat_SetReparseDeferralEnabled_method,
                         expat_GetReparseDeferralEnabled_method,
                         {}};

// ---- attributes -----------------------------------------------------------------------------------------------------------

Failed cannot_delete() { return raise(PyExc_RuntimeError, "Cannot delete attribute"); }

template <int index>
PyObject* get_handler(PyObject* self, void*) {
  PyObject* handler = expat_parser(self)->handlers[index];
  return Py_NewRef(handler ? handler : Py_None);
}
template <int index>
int set_handler(PyObject* self, PyObject* value, void*) {
  ExpatParser* p = expat_parser(self);
  if (!value) return cannot_delete();
  // What is collected belongs to the old handler.
  if (index == kCharacterData) TRY(expat_flush(p));
  const bool on = value != Py_None;
  Ref<> old = steal(p->handlers[index]);
  p->handlers[index] = on ? Py_NewRef(value) : nullptr;
  // libexpat does not notice that the callback which it is in goes away.
  if (index == kCharacterData && !on && p->in_callback) expat_ignore_character_data(p);
  else expat_set_callback(p, index, on);
  return 0;
}

#define LONG_ATTRIBUTE(NAME) \
  PyObject* get_##NAME(PyObject* self, void*) { return PyLong_FromLong(static_cast<long>(XML_Get##NAME(expat_parser(self)->parser))); }
LONG_ATTRIBUTE(ErrorCode)
LONG_ATTRIBUTE(ErrorLineNumber)
LONG_ATTRIBUTE(ErrorColumnNumber)
LONG_ATTRIBUTE(ErrorByteIndex)
LONG_ATTRIBUTE(CurrentLineNumber)
LONG_ATTRIBUTE(CurrentColumnNumber)
LONG_ATTRIBUTE(CurrentByteIndex)
#undef LONG_ATTRIBUTE

PyObject* get_buffer_size(PyObject* self, void*) { return PyLong_FromLong(expat_parser(self)->buffer_size); }
int set_buffer_size(PyObject* self, PyObject* value, void*) {
  ExpatParser* p = expat_parser(self);
  if (!value) return cannot_delete();
  if (!PyLong_Check(value)) return raise(PyExc_TypeError, "buffer_size must be an integer");
  const long size = PyLong_AsLong(value);
  if (size <= 0) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "buffer_size must be greater than zero");
    return -1;
  }
  if (size > INT_MAX) return raise(PyExc_ValueError, "buffer_size must not be greater than %i", INT_MAX);
  if (size == p->buffer_size) return 0;
  if (p->buffer) {
    TRY(expat_flush(p));
    char* buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size)));
    if (!buffer) {
      PyErr_NoMemory();
      return -1;
    }
    PyMem_Free(p->buffer);
    p->buffer = buffer;
    p->buffer_used = 0;
  }
  p->buffer_size = static_cast<int>(size);
  return 0;
}
PyObject* get_buffer_text(PyObject* self, void*) { return PyBool_FromLong(expat_parser(self)->buffer != nullptr); }
int set_buffer_text(PyObject* self, PyObject* value, void*) {
  ExpatParser* p = expat_parser(self);
  if (!value) return cannot_delete();
  const int on = TRY(PyObject_IsTrue(value));
  if (on && !p->buffer) {
    p->buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(p->buffer_size)));
    if (!p->buffer) {
      PyErr_NoMemory();
      return -1;
    }
    p->buffer_used = 0;
  } else if (!on && p->buffer) {
    TRY(expat_flush(p));
    PyMem_Free(p->buffer);
    p->buffer = nullptr;
  }
  return 0;
}
PyObject* get_buffer_used(PyObject* self, void*) { return PyLong_FromLong(expat_parser(self)->buffer_used); }
template <int ExpatParser::*flag>
PyObject* get_flag(PyObject* self, void*) {
  return PyBool_FromLong(expat_parser(self)->*flag);
}
template <int ExpatParser::*flag>
int set_flag(PyObject* self, PyObject* value, void*) {
  if (!value) return cannot_delete();
  const int on = TRY(PyObject_IsTrue(value));
  expat_parser(self)->*flag = on;
  if (flag == &ExpatParser::namespace_prefixes) XML_SetReturnNSTriplet(expat_parser(self)->parser, on);
  return 0;
}

constexpr PyGetSetDef kFixed[] = {
    {"ErrorCode", get_ErrorCode, nullptr, nullptr, nullptr},
    {"ErrorLineNumber", get_ErrorLineNumber, nullptr, nullptr, nullptr},
    {"ErrorColumnNumber", get_ErrorColumnNumber, nullptr, nullptr, nullptr},
    {"ErrorByteIndex", get_ErrorByteIndex, nullptr, nullptr, nullptr},
    {"CurrentLineNumber", get_CurrentLineNumber, nullptr, nullptr, nullptr},
    {"CurrentColumnNumber", get_CurrentColumnNumber, nullptr, nullptr, nullptr},
    {"CurrentByteIndex", get_CurrentByteIndex, nullptr, nullptr, nullptr},
    {"buffer_size", get_buffer_size, set_buffer_size, nullptr, nullptr},
    {"buffer_text", get_buffer_text, set_buffer_text, nullptr, nullptr},
    {"buffer_used", get_buffer_used, nullptr, nullptr, nullptr},
    {"namespace_prefixes", get_flag<&ExpatParser::namespace_prefixes>, set_flag<&ExpatParser::namespace_prefixes>, nullptr, nullptr},
    {"ordered_attributes", get_flag<&ExpatParser::ordered_attributes>, set_flag<&ExpatParser::ordered_attributes>, nullptr, nullptr},
    {"specified_attributes", get_flag<&ExpatParser::specified_attributes>, set_flag<&ExpatParser::specified_attributes>, nullptr, nullptr},
};
constexpr size_t kFixedCount = sizeof(kFixed) / sizeof(kFixed[0]);
#define HANDLER(INDEX, NAME) {#NAME, get_handler<INDEX>, set_handler<INDEX>, nullptr, nullptr}
constexpr PyGetSetDef kHandlers[] = {
    HANDLER(0, StartElementHandler),       HANDLER(1, EndElementHandler),        HANDLER(2, ProcessingInstructionHandler),
    HANDLER(3, CharacterDataHandler),      HANDLER(4, UnparsedEntityDeclHandler), HANDLER(5, NotationDeclHandler),
    HANDLER(6, StartNamespaceDeclHandler), HANDLER(7, EndNamespaceDeclHandler),  HANDLER(8, CommentHandler),
    HANDLER(9, StartCdataSectionHandler),  HANDLER(10, EndCdataSectionHandler),  HANDLER(11, DefaultHandler),
    HANDLER(12, DefaultHandlerExpand),     HANDLER(13, NotStandaloneHandler),    HANDLER(14, ExternalEntityRefHandler),
    HANDLER(15, StartDoctypeDeclHandler),  HANDLER(16, EndDoctypeDeclHandler),   HANDLER(17, EntityDeclHandler),
    HANDLER(18, XmlDeclHandler),           HANDLER(19, ElementDeclHandler),      HANDLER(20, AttlistDeclHandler),
    HANDLER(21, SkippedEntityHandler)};
#undef HANDLER
static_assert(sizeof(kHandlers) / sizeof(kHandlers[0]) == kExpatHandlers);

consteval std::array<PyGetSetDef, kFixedCount + kExpatHandlers + 1> all_attributes() {
  std::array<PyGetSetDef, kFixedCount + kExpatHandlers + 1> result{};
  for (size_t i = 0; i < kFixedCount; ++i) result[i] = kFixed[i];
  for (size_t i = 0; i < kExpatHandlers; ++i) result[kFixedCount + i] = kHandlers[i];
  return result;
}
constinit std::array<PyGetSetDef, kFixedCount + kExpatHandlers + 1> getset = all_attributes();
PyMemberDef members[] = {{"intern", _Py_T_OBJECT, offsetof(ExpatParser, intern), Py_READONLY, nullptr}, {}};

PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(parser_dealloc)},
                       {Py_tp_doc, const_cast<char*>("XML parser")},
                       {Py_tp_traverse, reinterpret_cast<void*>(parser_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(parser_clear)},
                       {Py_tp_methods, methods},
                       {Py_tp_members, members},
                       {Py_tp_getset, getset.data()},
                       {0, nullptr}};

}  // namespace

PyType_Spec expat_parser_spec = {"pyexpat.xmlparser", sizeof(ExpatParser), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                                 slots};

void expat_random_salt(uint8_t (&salt)[16]) {
  if (getrandom(salt, sizeof salt, GRND_NONBLOCK) == static_cast<ssize_t>(sizeof salt)) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  static_assert(sizeof now == sizeof salt);
  memcpy(salt, &now, sizeof salt);
}
void expat_set_salt(XML_Parser parser, const uint8_t (&salt)[16]) {
  if (XML_SetHashSalt16Bytes) {
    (void)XML_SetHashSalt16Bytes(parser, salt);
    return;
  }
  unsigned long number;
  memcpy(&number, salt, sizeof number);
  (void)XML_SetHashSalt(parser, number);
}

PyObject* expat_parser_new(ExpatState* state, const char* encoding, const char* separator, PyObject* intern) {
  Ref<> self = TRY(allocate(state->parser_type));
  ExpatParser* p = expat_parser(self.get());
  p->intern = Py_XNewRef(intern);
  p->parser = XML_ParserCreate_MM(encoding, &kMemory, separator);
  if (!p->parser) {
    PyErr_SetString(PyExc_RuntimeError, "XML_ParserCreate failed");
    return nullptr;
  }
  expat_set_salt(p->parser, state->salt);
  XML_SetUserData(p->parser, p);
  XML_SetUnknownEncodingHandler(p->parser, expat_unknown_encoding, nullptr);
  return self.release();
}

}  // namespace ks
