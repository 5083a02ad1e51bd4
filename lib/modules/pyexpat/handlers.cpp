// libexpat's callbacks: each makes Python arguments and calls the handler. After an exception all handlers are removed and
// the parser is stopped; the exception waits until libexpat has returned.
#include "modules/pyexpat/expat.h"

#include <cstring>
#include <type_traits>

#include "object/export.h"

KS_EXPORT void _PyTraceback_Add(const char* function, const char* file, int line);

namespace ks {
namespace {

// ---- arguments ----------------------------------------------------------------------------------------------------------

Ref<> text(const XML_Char* data) { return data ? steal(PyUnicode_DecodeUTF8(data, static_cast<Py_ssize_t>(strlen(data)), "strict")) : Ref<>::borrow(Py_None); }
Ref<> text_of(const XML_Char* data, int length) { return data ? steal(PyUnicode_DecodeUTF8(data, length, "strict")) : Ref<>::borrow(Py_None); }
// Names: one object for each, by the parser's dict `intern`.
Ref<> name(ExpatParser* self, const XML_Char* data) {
  Ref<> result = TRY(text(data));
  if (!self->intern) return result;
  PyObject* known;
  if (PyDict_SetDefaultRef(self->intern, result, result, &known) < 0) return failed;
  return steal(known);
}
Ref<> number(long value) { return steal(PyLong_FromLong(value)); }

Ref<> content_model(const XML_Content* model) {
  if (Py_EnterRecursiveCall(" in conv_content_model")) return failed;
  struct Leave {
    ~Leave() { Py_LeaveRecursiveCall(); }
  } leave;
  Ref<> children = TRY(steal(PyTuple_New(static_cast<Py_ssize_t>(model->numchildren))));
  for (unsigned i = 0; i < model->numchildren; ++i) {
    Ref<> child = TRY(content_model(&model->children[i]));
    PyTuple_SET_ITEM(children.get(), i, child.release());
  }
  Ref<> own_name = TRY(text(model->name));
  return steal(Py_BuildValue("(iiOO)", static_cast<int>(model->type), static_cast<int>(model->quant), own_name.get(), children.get()));
}

// ---- the call -----------------------------------------------------------------------------------------------------------

// What libexpat calls once something went wrong: it stops at external entities as well.
int refuse_entity(XML_Parser, const XML_Char*, const XML_Char*, const XML_Char*, const XML_Char*) { return 0; }
void give_up(ExpatParser* self) {
  expat_clear_handlers(self);
  XML_SetExternalEntityRefHandler(self->parser, refuse_entity);
}
// Whether to go on: nothing has failed, there is a handler, what is buffered has been told.
bool begins(ExpatParser* self, int index) {
  if (!self->handlers[index] || PyErr_Occurred()) return false;
  if (is_failure(expat_flush(self))) return false;
  return self->handlers[index] != nullptr;
}
// The handler's result, or nothing with the exception noted. The traceback shows the callback.
Ref<> call(ExpatParser* self, int index, const char* function, Ref<> arguments) {
  if (!arguments) {
    give_up(self);
    return failed;
  }
  Ref<> handler = Ref<>::borrow(self->handlers[index]);
  self->in_callback = 1;
  Ref<> result = steal(PyObject_CallObject(handler, arguments));
  self->in_callback = 0;
  if (!result) {
    _PyTraceback_Add(function, "../Modules/pyexpat.c", 1);
    XML_StopParser(self->parser, XML_FALSE);
    give_up(self);
  }
  return result;
}
// A tuple of arguments of which one may have failed.
template <class... T>
Ref<> arguments(T... values) {
  const bool good = (static_cast<bool>(values) && ...);
  if (!good) return failed;
  return steal(PyTuple_Pack(sizeof...(T), values.get()...));
}
int int_result(ExpatParser* self, Ref<> result) {
  if (!result) return 0;
  const long value = PyLong_AsLong(result);
  if (value == -1 && PyErr_Occurred()) {
    give_up(self);
    return 0;
  }
  return static_cast<int>(value);
}

Status tell_character_data(ExpatParser* self, const XML_Char* data, int length) {
  if (PyErr_Occurred()) return failed;
  if (!self->handlers[kCharacterData]) return failed;
  Ref<> result = call(self, kCharacterData, "CharacterData", arguments(text_of(data, length)));
  return result ? Status::Ok : failed;
}

// ---- callbacks ----------------------------------------------------------------------------------------------------------

void on_character_data(void* data, const XML_Char* chars, int length) {
  ExpatParser* self = static_cast<ExpatParser*>(data);
  if (PyErr_Occurred()) return;
  if (self->buffer) {
    if (self->buffer_used + length > self->buffer_size) {
      if (is_failure(expat_flush(self))) return;
      if (!self->handlers[kCharacterData]) return;  // gone in the meantime
    }
    // The handler may also have taken the buffer away or made it smaller.
    if (self->buffer && length <= self->buffer_size) {
      memcpy(self->buffer + self->buffer_used, chars, static_cast<size_t>(length));
      self->buffer_used += length;
      return;
    }
    self->buffer_used = 0;
  }
  (void)tell_character_data(self, chars, length);
}
void ignore_character_data(void*, const XML_Char*, int) {}

Ref<> attribute_container(ExpatParser* self, const XML_Char** attributes) {
  Py_ssize_t count = 0;
  if (self->specified_attributes) count = XML_GetSpecifiedAttributeCount(self->parser);
  else
    while (attributes[count]) count += 2;
  Ref<> container = TRY(steal(self->ordered_attributes ? PyList_New(count) : PyDict_New()));
  for (Py_ssize_t i = 0; i < count; i += 2) {
    Ref<> key = TRY(name(self, attributes[i]));
    Ref<> value = TRY(text(attributes[i + 1]));
    if (self->ordered_attributes) {
      PyList_SET_ITEM(container.get(), i, key.release());
      PyList_SET_ITEM(container.get(), i + 1, value.release());
    } else if (PyDict_SetItem(container, key, value) < 0) {
      return failed;
    }
  }
  return container;
}
Ref<> start_arguments(ExpatParser* self, const XML_Char* tag, const XML_Char** attributes) {
  Ref<> container = TRY(attribute_container(self, attributes));
  return arguments(name(self, tag), std::move(container));
}
void on_start_element(void* data, const XML_Char* tag, const XML_Char** attributes) {
  ExpatParser* self = static_cast<ExpatParser*>(data);
  if (begins(self, kStartElement)) (void)call(self, kStartElement, "StartElement", start_arguments(self, tag, attributes));
}

// CALLBACK(index, name, parameters, arguments): a callback without result.
#define CALLBACK(INDEX, FUNCTION, NAME, PARAMETERS, ARGUMENTS)              \
  void FUNCTION PARAMETERS {                                                \
    ExpatParser* self = static_cast<ExpatParser*>(data);                    \
    if (begins(self, INDEX)) (void)call(self, INDEX, NAME, ARGUMENTS);      \
  }
using Chars = const XML_Char*;
CALLBACK(1, on_end_element, "EndElement", (void* data, Chars tag), arguments(name(self, tag)))
CALLBACK(2, on_processing_instruction, "ProcessingInstruction", (void* data, Chars target, Chars content),
         arguments(name(self, target), text(content)))
CALLBACK(4, on_unparsed_entity, "UnparsedEntityDecl",
         (void* data, Chars entity, Chars base, Chars system, Chars publicid, Chars notation),
         arguments(name(self, entity), name(self, base), name(self, system), name(self, publicid), name(self, notation)))
CALLBACK(5, on_notation, "NotationDecl", (void* data, Chars notation, Chars base, Chars system, Chars publicid),
         arguments(name(self, notation), name(self, base), name(self, system), name(self, publicid)))
CALLBACK(6, on_start_namespace, "StartNamespaceDecl", (void* data, Chars prefix, Chars uri), arguments(name(self, prefix), name(self, uri)))
CALLBACK(7, on_end_namespace, "EndNamespaceDecl", (void* data, Chars prefix), arguments(name(self, prefix)))
CALLBACK(8, on_comment, "Comment", (void* data, Chars content), arguments(text(content)))
CALLBACK(9, on_start_cdata, "StartCdataSection", (void* data), steal(PyTuple_New(0)))
CALLBACK(10, on_end_cdata, "EndCdataSection", (void* data), steal(PyTuple_New(0)))
CALLBACK(11, on_default, "Default", (void* data, Chars content, int length), arguments(text_of(content, length)))
CALLBACK(12, on_default_expand, "DefaultHandlerExpand", (void* data, Chars content, int length), arguments(text_of(content, length)))
CALLBACK(15, on_start_doctype, "StartDoctypeDecl", (void* data, Chars doctype, Chars system, Chars publicid, int has_subset),
         arguments(name(self, doctype), name(self, system), name(self, publicid), number(has_subset)))
CALLBACK(16, on_end_doctype, "EndDoctypeDecl", (void* data), steal(PyTuple_New(0)))
CALLBACK(17, on_entity, "EntityDecl",
         (void* data, Chars entity, int is_parameter, Chars value, int length, Chars base, Chars system, Chars publicid, Chars notation),
         arguments(name(self, entity), number(is_parameter), text_of(value, length), name(self, base), name(self, system),
                   name(self, publicid), name(self, notation)))
CALLBACK(18, on_xml, "XmlDecl", (void* data, Chars version, Chars encoding, int standalone),
         arguments(text(version), text(encoding), number(standalone)))
CALLBACK(20, on_attlist, "AttlistDecl", (void* data, Chars element, Chars attribute, Chars type, Chars fallback, int required),
         arguments(name(self, element), name(self, attribute), text(type), text(fallback), number(required)))
CALLBACK(21, on_skipped_entity, "SkippedEntity", (void* data, Chars entity, int is_parameter),
         arguments(name(self, entity), number(is_parameter)))
#undef CALLBACK

void on_element_decl(void* data, Chars element, XML_Content* model) {
  ExpatParser* self = static_cast<ExpatParser*>(data);
  if (begins(self, 19)) {
    Ref<> model_object = content_model(model);
    if (model_object) (void)call(self, 19, "ElementDecl", arguments(name(self, element), std::move(model_object)));
    else give_up(self);
  }
  XML_FreeContentModel(self->parser, model);
}
int on_not_standalone(void* data) {
  ExpatParser* self = static_cast<ExpatParser*>(data);
  if (!begins(self, 13)) return 0;
  return int_result(self, call(self, 13, "NotStandalone", steal(PyTuple_New(0))));
}
int on_external_entity(XML_Parser parser, Chars context, Chars base, Chars system, Chars publicid) {
  ExpatParser* self = static_cast<ExpatParser*>(XML_GetUserData(parser));
  if (!begins(self, kExternalEntityRef)) return 0;
  return int_result(self, call(self, kExternalEntityRef, "ExternalEntityRef",
                               arguments(text(context), name(self, base), name(self, system), name(self, publicid))));
}

// ---- the table ----------------------------------------------------------------------------------------------------------

struct Row {
  const char* name;
  void (*set)(XML_Parser parser, bool on);
};
#define ROW(NAME, FUNCTION) {#NAME, [](XML_Parser parser, bool on) { XML_Set##NAME(parser, on ? FUNCTION : nullptr); }}
constexpr Row kRows[] = {
    ROW(StartElementHandler, on_start_element),
    ROW(EndElementHandler, on_end_element),
    ROW(ProcessingInstructionHandler, on_processing_instruction),
    ROW(CharacterDataHandler, on_character_data),
    ROW(UnparsedEntityDeclHandler, on_unparsed_entity),
    ROW(NotationDeclHandler, on_notation),
    ROW(StartNamespaceDeclHandler, on_start_namespace),
    ROW(EndNamespaceDeclHandler, on_end_namespace),
    ROW(CommentHandler, on_comment),
    ROW(StartCdataSectionHandler, on_start_cdata),
    ROW(EndCdataSectionHandler, on_end_cdata),
    ROW(DefaultHandler, on_default),
    ROW(DefaultHandlerExpand, on_default_expand),
    ROW(NotStandaloneHandler, on_not_standalone),
    ROW(ExternalEntityRefHandler, on_external_entity),
    ROW(StartDoctypeDeclHandler, on_start_doctype),
    ROW(EndDoctypeDeclHandler, on_end_doctype),
    ROW(EntityDeclHandler, on_entity),
    ROW(XmlDeclHandler, on_xml),
    ROW(ElementDeclHandler, on_element_decl),
    ROW(AttlistDeclHandler, on_attlist),
    ROW(SkippedEntityHandler, on_skipped_entity),
};
#undef ROW
static_assert(sizeof(kRows) / sizeof(kRows[0]) == kExpatHandlers);

}  // namespace

const char* expat_handler_name(int index) { return kRows[index].name; }
void expat_set_callback(ExpatParser* self, int index, bool on) { kRows[index].set(self->parser, on); }
void expat_ignore_character_data(ExpatParser* self) { XML_SetCharacterDataHandler(self->parser, ignore_character_data); }
void expat_clear_handlers(ExpatParser* self) {
  if (!self->handlers) return;
  for (int i = 0; i < kExpatHandlers; ++i) {
    if (self->parser) expat_set_callback(self, i, false);
    Py_CLEAR(self->handlers[i]);
  }
}
Status expat_flush(ExpatParser* self) {
  if (!self->buffer || !self->buffer_used) return Status::Ok;
  const int length = self->buffer_used;
  self->buffer_used = 0;
  if (!self->handlers[kCharacterData]) return Status::Ok;
  return tell_character_data(self, self->buffer, length);
}

int expat_unknown_encoding(void*, const XML_Char* encoding, XML_Encoding* info) {
  if (PyErr_Occurred()) return XML_STATUS_ERROR;
  // What each byte means alone.
  char bytes[256];
  for (int i = 0; i < 256; ++i) bytes[i] = static_cast<char>(i);
  Ref<> decoded = steal(PyUnicode_Decode(bytes, 256, encoding, "replace"));
  if (!decoded) return XML_STATUS_ERROR;
  if (PyUnicode_GET_LENGTH(decoded.get()) != 256) {
    PyErr_SetString(PyExc_ValueError, "multi-byte encodings are not supported");
    return XML_STATUS_ERROR;
  }
  for (int i = 0; i < 256; ++i) {
    const Py_UCS4 c = PyUnicode_READ_CHAR(decoded.get(), i);
    info->map[i] = c == Py_UNICODE_REPLACEMENT_CHARACTER ? -1 : static_cast<int>(c);
  }
  info->data = nullptr;
  info->convert = nullptr;
  info->release = nullptr;
  return XML_STATUS_OK;
}

}  // namespace ks
