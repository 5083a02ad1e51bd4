// The module pyexpat with its submodules errors and model, and its C API, the capsule pyexpat.expat_CAPI.
#include "modules/pyexpat/expat.h"

#include <cstring>

#include <pyexpat.h>

namespace ks {
namespace {

ExpatState* state_of(PyObject* module) { return static_cast<ExpatState*>(PyModule_GetState(module)); }

PyObject* expat_ParserCreate(PyObject* module, TextOrNoneArgument encoding, TextOrNoneArgument namespace_separator, PyObject* intern) {
  if (namespace_separator.text && strlen(namespace_separator) > 1)
    return raise(PyExc_ValueError, "namespace_separator must be at most one character, omitted, or None");
  Ref<> names;
  if (!intern) names = TRY(steal(PyDict_New()));
  else if (intern != Py_None) {
    if (!PyDict_Check(intern)) return raise(PyExc_TypeError, "intern must be a dictionary");
    names = Ref<>::borrow(intern);
  }
  return expat_parser_new(state_of(module), encoding, namespace_separator, names);
}
METHOD(expat, ParserCreate, "($module, /, encoding=None, namespace_separator=None,\n             intern=<unrepresentable>)",
       "Return a new XML parser object.");
PyObject* expat_ErrorString(PyObject*, long code) {
  const XML_LChar* text = XML_ErrorString(static_cast<XML_Error>(code));
  return text ? PyUnicode_FromString(text) : Py_NewRef(Py_None);
}
METHOD(expat, ErrorString, "($module, code, /)", "Returns string error for given number.");
PyMethodDef methods[] = {expat_ParserCreate_method, expat_ErrorString_method, {}};

// ---- submodules -----------------------------------------------------------------------------------------------------------

// By code, from 1.
constexpr const char* kErrors[] = {"NO_MEMORY",
                                   "SYNTAX",
                                   "NO_ELEMENTS",
                                   "INVALID_TOKEN",
                                   "UNCLOSED_TOKEN",
                                   "PARTIAL_CHAR",
                                   "TAG_MISMATCH",
                                   "DUPLICATE_ATTRIBUTE",
                                   "JUNK_AFTER_DOC_ELEMENT",
                                   "PARAM_ENTITY_REF",
                                   "UNDEFINED_ENTITY",
                                   "RECURSIVE_ENTITY_REF",
                                   "ASYNC_ENTITY",
                                   "BAD_CHAR_REF",
                                   "BINARY_ENTITY_REF",
                                   "ATTRIBUTE_EXTERNAL_ENTITY_REF",
                                   "MISPLACED_XML_PI",
                                   "UNKNOWN_ENCODING",
                                   "INCORRECT_ENCODING",
                                   "UNCLOSED_CDATA_SECTION",
                                   "EXTERNAL_ENTITY_HANDLING",
                                   "NOT_STANDALONE",
                                   "UNEXPECTED_STATE",
                                   "ENTITY_DECLARED_IN_PE",
                                   "FEATURE_REQUIRES_XML_DTD",
                                   "CANT_CHANGE_FEATURE_ONCE_PARSING",
                                   "UNBOUND_PREFIX",
                                   "UNDECLARING_PREFIX",
                                   "INCOMPLETE_PE",
                                   "XML_DECL",
                                   "TEXT_DECL",
                                   "PUBLICID",
                                   "SUSPENDED",
                                   "NOT_SUSPENDED",
                                   "ABORTED",
                                   "FINISHED",
                                   "SUSPEND_PE",
                                   "RESERVED_PREFIX_XML",
                                   "RESERVED_PREFIX_XMLNS",
                                   "RESERVED_NAMESPACE_URI",
                                   "INVALID_ARGUMENT",
                                   "NO_BUFFER",
                                   "AMPLIFICATION_LIMIT_BREACH",
                                   "NOT_STARTED"};
// What libexpat itself may be too old to say.
const char* error_text(int code) {
  const char* text = XML_ErrorString(static_cast<XML_Error>(code));
  if (text) return text;
  if (code == 42) return "a successful prior call to function XML_GetBuffer is required";
  if (code == 43) return "limit on input amplification factor (from DTD and entities) breached";
  return "parser not started";
}

// A module that is an attribute and in sys.modules under its full name; borrowed.
PyObject* add_submodule(PyObject* module, const char* full_name, const char* name, const char* doc) {
  PyObject* submodule = TRY(PyImport_AddModule(full_name));
  TRY(PyModule_SetDocString(submodule, doc));
  TRY(PyModule_AddObjectRef(module, name, submodule));
  return submodule;
}
Status add_errors(PyObject* module) {
  PyObject* errors = TRY(add_submodule(module, "pyexpat.errors", "errors", "Constants used to describe error conditions."));
  Ref<> codes = TRY(steal(PyDict_New()));
  Ref<> messages = TRY(steal(PyDict_New()));
  int code = 0;
  for (const char* tail : kErrors) {
    ++code;
    char name[64];
    PyOS_snprintf(name, sizeof name, "XML_ERROR_%s", tail);
    Ref<> text = TRY(steal(PyUnicode_FromString(error_text(code))));
    Ref<> number = TRY(steal(PyLong_FromLong(code)));
    TRY(PyModule_AddObjectRef(errors, name, text));
    TRY(PyDict_SetItem(codes, text, number));
    TRY(PyDict_SetItem(messages, number, text));
  }
  TRY(PyModule_AddObjectRef(errors, "codes", codes));
  return status(PyModule_AddObjectRef(errors, "messages", messages));
}
Status add_model(PyObject* module) {
  PyObject* model = TRY(add_submodule(module, "pyexpat.model", "model", "Constants used to interpret content model information."));
  static constexpr IntConstant constants[] = {
      {"XML_CTYPE_EMPTY", XML_CTYPE_EMPTY}, {"XML_CTYPE_ANY", XML_CTYPE_ANY},       {"XML_CTYPE_MIXED", XML_CTYPE_MIXED},
      {"XML_CTYPE_NAME", XML_CTYPE_NAME},   {"XML_CTYPE_CHOICE", XML_CTYPE_CHOICE}, {"XML_CTYPE_SEQ", XML_CTYPE_SEQ},
      {"XML_CQUANT_NONE", XML_CQUANT_NONE}, {"XML_CQUANT_OPT", XML_CQUANT_OPT},     {"XML_CQUANT_REP", XML_CQUANT_REP},
      {"XML_CQUANT_PLUS", XML_CQUANT_PLUS}};
  return add_constants(model, constants);
}
Status add_features(PyObject* module) {
  Ref<> list = TRY(steal(PyList_New(0)));
  for (const XML_Feature* feature = XML_GetFeatureList(); feature->feature != XML_FEATURE_END; ++feature) {
    Ref<> pair = TRY(steal(Py_BuildValue("si", feature->name, static_cast<int>(feature->value))));
    TRY(PyList_Append(list, pair));
  }
  return status(PyModule_AddObjectRef(module, "features", list));
}

// ---- the module -------------------------------------------------------------------------------------------------------------

constexpr char kMagic[] = PyExpat_CAPI_MAGIC;

Status add_capsule(PyObject* module) {
  // Not a constant: which functions there are is known when the program runs.
  PyExpat_CAPI* api = static_cast<PyExpat_CAPI*>(PyMem_Calloc(1, sizeof(PyExpat_CAPI)));
  if (!api) {
    PyErr_NoMemory();
    return failed;
  }
  const XML_Expat_Version version = XML_ExpatVersionInfo();
  *api = {.magic = const_cast<char*>(kMagic),
          .size = sizeof(PyExpat_CAPI),
          .MAJOR_VERSION = version.major,
          .MINOR_VERSION = version.minor,
          .MICRO_VERSION = version.micro,
          .ErrorString = XML_ErrorString,
          .GetErrorCode = XML_GetErrorCode,
          .GetErrorColumnNumber = XML_GetErrorColumnNumber,
          .GetErrorLineNumber = XML_GetErrorLineNumber,
          .Parse = XML_Parse,
          .ParserCreate_MM = XML_ParserCreate_MM,
          .ParserFree = XML_ParserFree,
          .SetCharacterDataHandler = XML_SetCharacterDataHandler,
          .SetCommentHandler = XML_SetCommentHandler,
          .SetDefaultHandlerExpand = XML_SetDefaultHandlerExpand,
          .SetElementHandler = XML_SetElementHandler,
          .SetNamespaceDeclHandler = XML_SetNamespaceDeclHandler,
          .SetProcessingInstructionHandler = XML_SetProcessingInstructionHandler,
          .SetUnknownEncodingHandler = XML_SetUnknownEncodingHandler,
          .SetUserData = XML_SetUserData,
          .SetStartDoctypeDeclHandler = XML_SetStartDoctypeDeclHandler,
          .SetEncoding = XML_SetEncoding,
          .DefaultUnknownEncodingHandler = expat_unknown_encoding,
          .SetHashSalt = XML_SetHashSalt,
          .SetReparseDeferralEnabled = XML_SetReparseDeferralEnabled,
          .SetAllocTrackerActivationThreshold = XML_SetAllocTrackerActivationThreshold,
          .SetAllocTrackerMaximumAmplification = XML_SetAllocTrackerMaximumAmplification,
          .SetBillionLaughsAttackProtectionActivationThreshold = XML_SetBillionLaughsAttackProtectionActivationThreshold,
          .SetBillionLaughsAttackProtectionMaximumAmplification = XML_SetBillionLaughsAttackProtectionMaximumAmplification,
          .SetHashSalt16Bytes = XML_SetHashSalt16Bytes};
  Ref<> capsule =
      steal(PyCapsule_New(api, PyExpat_CAPSULE_NAME, [](PyObject* o) { PyMem_Free(PyCapsule_GetPointer(o, PyExpat_CAPSULE_NAME)); }));
  if (!capsule) {
    PyMem_Free(api);
    return failed;
  }
  return status(PyModule_AddObjectRef(module, "expat_CAPI", capsule));
}

int exec(PyObject* module) {
  ExpatState* state = state_of(module);
  expat_random_salt(state->salt);
  state->parser_type = as<PyTypeObject>(TRY(PyType_FromModuleAndSpec(module, &expat_parser_spec, nullptr)));
  state->error = TRY(PyErr_NewException("xml.parsers.expat.ExpatError", nullptr, nullptr));
  TRY(PyModule_AddObjectRef(module, "error", state->error));
  TRY(PyModule_AddObjectRef(module, "ExpatError", state->error));
  TRY(PyModule_AddObjectRef(module, "XMLParserType", object(state->parser_type)));
  TRY(PyModule_AddStringConstant(module, "EXPAT_VERSION", XML_ExpatVersion()));
  const XML_Expat_Version version = XML_ExpatVersionInfo();
  Ref<> numbers = TRY(steal(Py_BuildValue("(iii)", version.major, version.minor, version.micro)));
  TRY(PyModule_AddObjectRef(module, "version_info", numbers));
  TRY(PyModule_AddStringConstant(module, "native_encoding", "UTF-8"));
  TRY(add_errors(module));
  TRY(add_model(module));
  TRY(add_features(module));
  static constexpr IntConstant constants[] = {
      {"XML_PARAM_ENTITY_PARSING_NEVER", XML_PARAM_ENTITY_PARSING_NEVER},
      {"XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE", XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE},
      {"XML_PARAM_ENTITY_PARSING_ALWAYS", XML_PARAM_ENTITY_PARSING_ALWAYS}};
  TRY(add_constants(module, constants));
  return to_c(add_capsule(module));
}
int traverse(PyObject* module, visitproc visit, void* arg) {
  Py_VISIT(state_of(module)->error);
  Py_VISIT(object(state_of(module)->parser_type));
  return 0;
}
int clear(PyObject* module) {
  Py_CLEAR(state_of(module)->error);
  Py_CLEAR(state_of(module)->parser_type);
  return 0;
}

MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT,
                      .m_name = "pyexpat",
                      .m_doc = "Python wrapper for Expat parser.",
                      .m_size = sizeof(ExpatState),
                      .m_methods = methods,
                      .m_slots = slots,
                      .m_traverse = traverse,
                      .m_clear = clear,
                      .m_free = [](void* m) { (void)clear(static_cast<PyObject*>(m)); }};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_pyexpat(void) { return PyModuleDef_Init(&ks::module); }
