// XMLParser: libexpat's events for a target, without the way through Python where that is a TreeBuilder itself.
#include "modules/elementtree/tree.h"
#include "modules/pyexpat/expat.h"

#include <climits>
#include <cstring>

namespace ks {
namespace {

struct TreeParser {
  PyObject_HEAD
  XML_Parser parser;
  PyObject* target;  // owned: nullptr before __init__
  PyObject* entity;  // owned dict: what entities stand for that the document does not define
  PyObject* names;   // owned dict: libexpat's name -> tag
  PyObject *on_start_ns, *on_end_ns, *on_start, *on_data, *on_end, *on_comment, *on_pi, *on_close, *on_doctype;  // owned or nullptr
  TreeState* state;
};
TreeParser* tree_parser(PyObject* o) { return as<TreeParser>(o); }
bool builds_tree(TreeParser* p) { return Py_IS_TYPE(p->target, p->state->builder_type); }

// ---- errors -------------------------------------------------------------------------------------------------------------

Failed raise_parse_error(TreeParser* p, XML_Error code, XML_Size line, XML_Size column, const char* message) {
  const size_t l = line, c = column;
  if (!message) message = XML_ErrorString(code);
  Ref<> text = TRY(steal(PyUnicode_FromFormat("%s: line %zu, column %zu", message ? message : "", l, c)));
  Ref<> error = TRY(steal(PyObject_CallOneArg(p->state->parse_error, text)));
  Ref<> number = TRY(steal(PyLong_FromLong(code)));
  TRY(PyObject_SetAttr(error, "code"_id, number));
  Ref<> position = TRY(steal(Py_BuildValue("(nn)", static_cast<Py_ssize_t>(l), static_cast<Py_ssize_t>(c))));
  TRY(PyObject_SetAttr(error, "position"_id, position));
  PyErr_SetObject(p->state->parse_error, error);
  return failed;
}

// ---- text ---------------------------------------------------------------------------------------------------------------

Ref<> text(const XML_Char* data) { return steal(PyUnicode_DecodeUTF8(data, static_cast<Py_ssize_t>(strlen(data)), "strict")); }
Ref<> text_or(const XML_Char* data, PyObject* fallback) { return data ? text(data) : Ref<>::borrow(fallback); }
// "uri}name" becomes "{uri}name"; each is made once.
Ref<> universal_name(TreeParser* p, const XML_Char* name) {
  const size_t size = strlen(name);
  Ref<> key = TRY(steal(PyBytes_FromStringAndSize(name, static_cast<Py_ssize_t>(size))));
  PyObject* known;
  const int there = TRY(PyDict_GetItemRef(p->names, key, &known));
  if (there) return steal(known);
  Ref<> plain = TRY(steal(PyUnicode_DecodeUTF8(name, static_cast<Py_ssize_t>(size), "strict")));
  Ref<> tag = memchr(name, '}', size) ? steal(PyUnicode_FromFormat("{%U", plain.get())) : std::move(plain);
  if (!tag) return failed;
  TRY(PyDict_SetItem(p->names, key, tag));
  return tag;
}

// ---- callbacks ----------------------------------------------------------------------------------------------------------
// They return nothing: an exception is seen when libexpat comes back.

TreeParser* continue_with(void* data) { return PyErr_Occurred() ? nullptr : static_cast<TreeParser*>(data); }
template <class... T>
Ref<> call(PyObject* handler, T*... arguments) {
  Ref<> held = Ref<>::borrow(handler);
  return steal(PyObject_CallFunctionObjArgs(held, arguments..., nullptr));
}

void on_default(void* data, const XML_Char* chars, int length) {
  TreeParser* p = continue_with(data);
  if (!p || length < 2 || chars[0] != '&') return;
  Ref<> key = steal(PyUnicode_DecodeUTF8(chars + 1, length - 2, "strict"));
  if (!key) return;
  PyObject* found_value;
  if (PyDict_GetItemRef(p->entity, key, &found_value) < 0) return;
  if (Ref<> value = steal(found_value)) {
    if (builds_tree(p)) (void)builder_data(p->target, value);
    else if (p->on_data) (void)call(p->on_data, value.get());
    return;
  }
  char message[128] = "undefined entity ";
  strncat(message, chars, static_cast<size_t>(length < 100 ? length : 100));
  (void)raise_parse_error(p, XML_ERROR_UNDEFINED_ENTITY, XML_GetErrorLineNumber(p->parser), XML_GetErrorColumnNumber(p->parser), message);
}
void on_start(void* data, const XML_Char* name, const XML_Char** attributes) {
  TreeParser* p = continue_with(data);
  if (!p) return;
  Ref<> tag = universal_name(p, name);
  if (!tag) return;
  Ref<> attrib;
  const bool tree = builds_tree(p);
  if (attributes[0] || !tree) {
    attrib = steal(PyDict_New());
    if (!attrib) return;
    for (; attributes[0]; attributes += 2) {
      Ref<> key = universal_name(p, attributes[0]);
      if (!key) return;
      Ref<> value = text(attributes[1]);
      if (!value || PyDict_SetItem(attrib, key, value) < 0) return;
    }
  }
  if (tree) (void)builder_start(p->target, tag, attrib);
  else if (p->on_start) (void)call(p->on_start, tag.get(), attrib.get());
}
void on_data(void* data, const XML_Char* chars, int length) {
  TreeParser* p = continue_with(data);
  if (!p) return;
  Ref<> content = steal(PyUnicode_DecodeUTF8(chars, length, "strict"));
  if (!content) return;
  if (builds_tree(p)) (void)builder_data(p->target, content);
  else if (p->on_data) (void)call(p->on_data, content.get());
}
void on_end(void* data, const XML_Char* name) {
  TreeParser* p = continue_with(data);
  if (!p) return;
  if (builds_tree(p)) {
    (void)builder_end(p->target, Py_None);
  } else if (p->on_end) {
    Ref<> tag = universal_name(p, name);
    if (tag) (void)call(p->on_end, tag.get());
  }
}
void on_start_namespace(void* data, const XML_Char* prefix_text, const XML_Char* uri_text) {
  TreeParser* p = continue_with(data);
  if (!p || (!builds_tree(p) && !p->on_start_ns)) return;
  Ref<> prefix = text(prefix_text ? prefix_text : "");
  if (!prefix) return;
  Ref<> uri = text(uri_text ? uri_text : "");
  if (!uri) return;
  if (builds_tree(p)) (void)builder_start_namespace(p->target, prefix, uri);
  else (void)call(p->on_start_ns, prefix.get(), uri.get());
}
void on_end_namespace(void* data, const XML_Char* prefix_text) {
  TreeParser* p = continue_with(data);
  if (!p) return;
  if (builds_tree(p)) {
    (void)builder_end_namespace(p->target, Py_None);
  } else if (p->on_end_ns) {
    Ref<> prefix = text(prefix_text ? prefix_text : "");
    if (prefix) (void)call(p->on_end_ns, prefix.get());
  }
}
void on_comment(void* data, const XML_Char* content_text) {
  TreeParser* p = continue_with(data);
  if (!p || (!builds_tree(p) && !p->on_comment)) return;
  Ref<> content = text(content_text);
  if (!content) return;
  if (builds_tree(p)) (void)builder_comment(p->target, content);
  else (void)call(p->on_comment, content.get());
}
void on_pi(void* data, const XML_Char* target_text, const XML_Char* content_text) {
  TreeParser* p = continue_with(data);
  if (!p || (!builds_tree(p) && !p->on_pi)) return;
  Ref<> target = text(target_text);
  if (!target) return;
  Ref<> content = text_or(content_text, Py_None);
  if (!content) return;
  if (builds_tree(p)) (void)builder_pi(p->target, target, content);
  else (void)call(p->on_pi, target.get(), content.get());
}
void on_doctype(void* data, const XML_Char* name_text, const XML_Char* system_text, const XML_Char* public_text, int) {
  TreeParser* p = continue_with(data);
  if (!p) return;
  if (!p->on_doctype) {
    const int there = PyObject_HasAttrWithError(object(p), "doctype"_id);
    if (there > 0)
      (void)PyErr_WarnEx(PyExc_RuntimeWarning,
                         "The doctype() method of XMLParser is ignored.  Define doctype() method on the TreeBuilder target.", 1);
    return;
  }
  Ref<> name = text(name_text);
  if (!name) return;
  Ref<> system = text_or(system_text, Py_None);
  if (!system) return;
  Ref<> publicid = text_or(public_text, Py_None);
  if (publicid) (void)call(p->on_doctype, name.get(), publicid.get(), system.get());
}

// ---- the type -----------------------------------------------------------------------------------------------------------

constexpr XML_Memory_Handling_Suite kMemory = {[](size_t size) { return PyObject_Malloc(size); },
                                               [](void* block, size_t size) { return PyObject_Realloc(block, size); },
                                               [](void* block) { PyObject_Free(block); }};

PyObject* parser_tp_new(PyTypeObject* type, PyObject*, PyObject*) {
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  tree_parser(self.get())->state = tree_state_of(type);
  return self.release();
}
int parser_tp_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  static constexpr char name[] = "XMLParser";
  static constexpr Signature signature = read_signature(name, "(*, target=None, encoding=None)");
  PyObject* values[2] = {};
  TRY(bind_tuple(signature, args, kwargs, values));
  const char* encoding = nullptr;
  if (values[1] && !convert_text(signature, 1, values[1], true, &encoding)) return -1;
  TreeParser* p = tree_parser(self);
  Ref<> entity = TRY(steal(PyDict_New()));
  Ref<> names = TRY(steal(PyDict_New()));
  XML_Parser parser = XML_ParserCreate_MM(encoding, &kMemory, "}");
  if (!parser) {
    PyErr_NoMemory();
    return -1;
  }
  if (p->parser) XML_ParserFree(p->parser);
  p->parser = parser;
  Py_XSETREF(p->entity, entity.release());
  Py_XSETREF(p->names, names.release());
  expat_set_salt(parser, p->state->salt);
  Ref<> target = values[0] && values[0] != Py_None ? Ref<>::borrow(values[0]) : builder_new(p->state);
  if (!target) return -1;
  Py_XSETREF(p->target, target.share().release());
  const struct {
    PyObject* name;
    PyObject** slot;
  } handlers[] = {{"start_ns"_id, &p->on_start_ns}, {"end_ns"_id, &p->on_end_ns},   {"start"_id, &p->on_start},
                  {"data"_id, &p->on_data},         {"end"_id, &p->on_end},         {"comment"_id, &p->on_comment},
                  {"pi"_id, &p->on_pi},             {"close"_id, &p->on_close},     {"doctype"_id, &p->on_doctype}};
  for (const auto& row : handlers) {
    PyObject* handler;
    if (PyObject_GetOptionalAttr(target, row.name, &handler) < 0) return -1;
    Py_XSETREF(*row.slot, handler);
  }
  XML_SetUserData(parser, p);
  if (p->on_start_ns || p->on_end_ns) XML_SetNamespaceDeclHandler(parser, on_start_namespace, on_end_namespace);
  XML_SetElementHandler(parser, on_start, on_end);
  XML_SetDefaultHandlerExpand(parser, on_default);
  XML_SetCharacterDataHandler(parser, on_data);
  if (p->on_comment) XML_SetCommentHandler(parser, on_comment);
  if (p->on_pi) XML_SetProcessingInstructionHandler(parser, on_pi);
  XML_SetStartDoctypeDeclHandler(parser, on_doctype);
  XML_SetUnknownEncodingHandler(parser, expat_unknown_encoding, nullptr);
  return 0;
}
int parser_tp_traverse(PyObject* self, visitproc visit, void* arg) {
  TreeParser* p = tree_parser(self);
  Py_VISIT(Py_TYPE(self));
  PyObject* const all[] = {p->target, p->entity,     p->names, p->on_start_ns, p->on_end_ns,  p->on_start,
                           p->on_data, p->on_end, p->on_comment, p->on_pi, p->on_close, p->on_doctype};
  for (PyObject* o : all) Py_VISIT(o);
  return 0;
}
int parser_tp_clear(PyObject* self) {
  TreeParser* p = tree_parser(self);
  if (p->parser) XML_ParserFree(std::exchange(p->parser, nullptr));
  PyObject** const all[] = {&p->target,  &p->entity, &p->names,      &p->on_start_ns, &p->on_end_ns, &p->on_start,
                            &p->on_data, &p->on_end, &p->on_comment, &p->on_pi,       &p->on_close,  &p->on_doctype};
  for (PyObject** slot : all) Py_CLEAR(*slot);
  return 0;
}
void parser_tp_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)parser_tp_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

// ---- methods --------------------------------------------------------------------------------------------------------------

Status check_ready(TreeParser* p) {
  if (p->target) return Status::Ok;
  return raise(PyExc_ValueError, "XMLParser.__init__() wasn't called");
}
Status parse(TreeParser* p, const char* data, int size, bool is_final) {
  const int good = XML_Parse(p->parser, data, size, is_final);
  if (PyErr_Occurred()) return failed;
  if (good) return Status::Ok;
  return raise_parse_error(p, XML_GetErrorCode(p->parser), XML_GetErrorLineNumber(p->parser), XML_GetErrorColumnNumber(p->parser), nullptr);
}
PyObject* xmlparser_close(PyObject* self) {
  TreeParser* p = tree_parser(self);
  TRY(check_ready(p));
  TRY(parse(p, "", 0, true));
  if (builds_tree(p)) return builder_done(p->target);
  if (p->on_close) return call(p->on_close).release();
  Py_RETURN_NONE;
}
METHOD(xmlparser, close, "($self, /)", "Ends the document; what the target's close() gives.");
Status xmlparser_flush(PyObject* self) {
  TreeParser* p = tree_parser(self);
  TRY(check_ready(p));
  if (!XML_SetReparseDeferralEnabled) return Status::Ok;
  // What waits for more input is parsed now.
  (void)XML_SetReparseDeferralEnabled(p->parser, XML_FALSE);
  const Status result = parse(p, "", 0, false);
  (void)XML_SetReparseDeferralEnabled(p->parser, XML_TRUE);
  return result;
}
METHOD(xmlparser, flush, "($self, /)", "Parses what waits for more input.");
Status xmlparser_feed(PyObject* self, PyObject* data) {
  TreeParser* p = tree_parser(self);
  TRY(check_ready(p));
  if (PyUnicode_Check(data)) {
    Py_ssize_t size;
    const char* chars = PyUnicode_AsUTF8AndSize(data, &size);
    if (!chars) return failed;
    if (size > INT_MAX) return raise(PyExc_OverflowError, "size does not fit in an int");
    // What the declaration says of the encoding does not matter for a str.
    (void)XML_SetEncoding(p->parser, "utf-8");
    return parse(p, chars, static_cast<int>(size), false);
  }
  BufferArgument buffer;
  if (PyObject_GetBuffer(data, &buffer.view, PyBUF_SIMPLE) < 0) return failed;
  if (buffer.size() > INT_MAX) return raise(PyExc_OverflowError, "size does not fit in an int");
  return parse(p, reinterpret_cast<const char*>(buffer.data()), static_cast<int>(buffer.size()), false);
}
METHOD(xmlparser, feed, "($self, data, /)", "Parses a part of the document.");
PyObject* xmlparser__parse_whole(PyObject* self, PyObject* file) {
  TreeParser* p = tree_parser(self);
  TRY(check_ready(p));
  Ref<> read = TRY(steal(PyObject_GetAttr(file, "read"_id)));
  Ref<> count = TRY(steal(PyLong_FromLong(64 * 1024)));
  for (;;) {
    Ref<> data = TRY(steal(PyObject_CallOneArg(read, count)));
    if (PyUnicode_CheckExact(data)) {
      // A file in text mode.
      if (PyUnicode_GET_LENGTH(data.get()) == 0) break;
      data = TRY(steal(PyUnicode_AsEncodedString(data, "utf-8", "surrogatepass")));
      (void)XML_SetEncoding(p->parser, "utf-8");
    } else if (!PyBytes_CheckExact(data) || PyBytes_GET_SIZE(data.get()) == 0) {
      break;
    }
    if (PyBytes_GET_SIZE(data.get()) > INT_MAX) return raise(PyExc_OverflowError, "size does not fit in an int");
    TRY(parse(p, PyBytes_AS_STRING(data.get()), static_cast<int>(PyBytes_GET_SIZE(data.get())), false));
  }
  TRY(parse(p, "", 0, true));
  if (builds_tree(p)) return builder_done(p->target);
  Py_RETURN_NONE;
}
METHOD_AS(xmlparser__parse_whole, "_parse_whole", 0, "($self, file, /)", "Parses a file to its end.");
Status xmlparser__setevents(PyObject* self, PyObject* events_queue, PyObject* events_to_report) {
  TreeParser* p = tree_parser(self);
  TRY(check_ready(p));
  if (!builds_tree(p)) return raise(PyExc_TypeError, "event handling only supported for ElementTree.TreeBuilder targets");
  TreeBuilder* b = builder(p->target);
  Ref<> append = TRY(steal(PyObject_GetAttr(events_queue, "append"_id)));
  Py_XSETREF(b->append_event, append.release());
  Py_CLEAR(b->start_event);
  Py_CLEAR(b->end_event);
  Py_CLEAR(b->start_ns_event);
  Py_CLEAR(b->end_ns_event);
  Py_CLEAR(b->comment_event);
  Py_CLEAR(b->pi_event);
  if (!events_to_report || events_to_report == Py_None) {
    b->end_event = TRY(PyUnicode_FromString("end"));
    return Status::Ok;
  }
  Ref<> sequence = steal(PySequence_Fast(events_to_report, "events must be a sequence"));
  if (!sequence) return failed;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence.get()); ++i) {
    Ref<> name = Ref<>::borrow(PySequence_Fast_GET_ITEM(sequence.get(), i));
    const char* event = nullptr;
    if (PyUnicode_Check(name)) {
      event = PyUnicode_AsUTF8(name);
      if (!event) return failed;
    } else if (PyBytes_Check(name)) {
      event = PyBytes_AS_STRING(name.get());
    }
    if (!event) return raise(PyExc_ValueError, "invalid events sequence");
    const auto is = [&](const char* other) { return strcmp(event, other) == 0; };
    if (is("start")) {
      Py_XSETREF(b->start_event, name.release());
    } else if (is("end")) {
      Py_XSETREF(b->end_event, name.release());
    } else if (is("start-ns")) {
      Py_XSETREF(b->start_ns_event, name.release());
      XML_SetNamespaceDeclHandler(p->parser, on_start_namespace, on_end_namespace);
    } else if (is("end-ns")) {
      Py_XSETREF(b->end_ns_event, name.release());
      XML_SetNamespaceDeclHandler(p->parser, on_start_namespace, on_end_namespace);
    } else if (is("comment")) {
      Py_XSETREF(b->comment_event, name.release());
      XML_SetCommentHandler(p->parser, on_comment);
    } else if (is("pi")) {
      Py_XSETREF(b->pi_event, name.release());
      XML_SetProcessingInstructionHandler(p->parser, on_pi);
    } else {
      return raise(PyExc_ValueError, "unknown event '%s'", event);
    }
  }
  return Status::Ok;
}
METHOD_AS(xmlparser__setevents, "_setevents", 0, "($self, events_queue, events_to_report=None, /)", "Where events go, and which.");
PyMethodDef methods[] = {xmlparser_feed_method,         xmlparser_close_method,      xmlparser_flush_method,
                         xmlparser__parse_whole_method, xmlparser__setevents_method, {}};

PyObject* get_version(PyObject*, void*) {
  const XML_Expat_Version version = XML_ExpatVersionInfo();
  return PyUnicode_FromFormat("Expat %d.%d.%d", version.major, version.minor, version.micro);
}
PyGetSetDef getset[] = {{"version", get_version, nullptr, nullptr, nullptr}, {}};
PyMemberDef members[] = {{"entity", _Py_T_OBJECT, offsetof(TreeParser, entity), Py_READONLY, nullptr},
                         {"target", _Py_T_OBJECT, offsetof(TreeParser, target), Py_READONLY, nullptr},
                         {}};
PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(parser_tp_new)},
                       {Py_tp_init, reinterpret_cast<void*>(parser_tp_init)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(parser_tp_dealloc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(parser_tp_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(parser_tp_clear)},
                       {Py_tp_methods, methods},
                       {Py_tp_members, members},
                       {Py_tp_getset, getset},
                       {0, nullptr}};

}  // namespace

PyType_Spec tree_parser_spec = {"xml.etree.ElementTree.XMLParser", sizeof(TreeParser), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, slots};

}  // namespace ks
