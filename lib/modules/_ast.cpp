// The _ast module: the classes of tree nodes, made from ast.def.
//
// A class's __doc__, _fields, _field_types and the None of its optional fields all follow from its row; AST itself is a
// C type that gives them __init__, __reduce__, __replace__ and __repr__.
#include <string>
#include <string_view>

#include "modules/module.h"
#include "object/identifier.h"
#include "runtime/state.h"
#include "types/exceptions.h"

namespace ks {
namespace {

struct AstObject {
  PyObject_HEAD
  PyObject* dict;
};

struct Field {
  const char* name;
  const char* type;      // as the tree's C++ type or an ASDL word
  const char* quantity;  // "", "?", "*", "?*"
};
struct Row {
  const char* name;
  const char* sum;  // nullptr: a node by itself
  const Field* fields;
  bool has_position;
};

#define ONE(T, NAME) {#NAME, #T, ""},
#define MAYBE(T, NAME) {#NAME, #T, "?"},
#define MANY(T, NAME) {#NAME, #T, "*"},
#define MANY_MAYBE(T, NAME) {#NAME, #T, "?*"},
#define ENUM(T, NAME) {#NAME, #T, ""},
#define ENUMS(T, NAME) {#NAME, #T, "*"},
#define IDENTIFIER(NAME) {#NAME, "identifier", ""},
#define MAYBE_IDENTIFIER(NAME) {#NAME, "identifier", "?"},
#define IDENTIFIERS(NAME) {#NAME, "identifier", "*"},
#define MAYBE_STRING(NAME) {#NAME, "string", "?"},
#define CONSTANT(NAME) {#NAME, "constant", ""},
#define INTEGER(NAME) {#NAME, "int", ""},
#define MAYBE_INTEGER(NAME) {#NAME, "int", "?"},
#define STATEMENT(NAME, FIELDS) constexpr Field NAME##_fields[] = {FIELDS{nullptr, nullptr, nullptr}};
#define EXPRESSION(NAME, FIELDS) constexpr Field NAME##_fields[] = {FIELDS{nullptr, nullptr, nullptr}};
#define PATTERN(NAME, FIELDS) constexpr Field NAME##_fields[] = {FIELDS{nullptr, nullptr, nullptr}};
#define TYPE_PARAMETER(NAME, FIELDS) constexpr Field NAME##_fields[] = {FIELDS{nullptr, nullptr, nullptr}};
#define PRODUCT(STRUCT, NAME, FIELDS) constexpr Field NAME##_fields[] = {FIELDS{nullptr, nullptr, nullptr}};
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) constexpr Field NAME##_fields[] = {FIELDS{nullptr, nullptr, nullptr}};
#include "syntax/ast.def"

constexpr Field no_fields[] = {{nullptr, nullptr, nullptr}};
constexpr Field module_fields[] = {{"body", "Statement", "*"}, {"type_ignores", "type_ignore", "*"}, {nullptr, nullptr, nullptr}};
constexpr Field interactive_fields[] = {{"body", "Statement", "*"}, {nullptr, nullptr, nullptr}};
constexpr Field expression_input_fields[] = {{"body", "Expression", ""}, {nullptr, nullptr, nullptr}};
constexpr Field function_type_fields[] = {{"argtypes", "Expression", "*"}, {"returns", "Expression", ""}, {nullptr, nullptr, nullptr}};
constexpr Field type_ignore_fields[] = {{"lineno", "int", ""}, {"tag", "string", ""}, {nullptr, nullptr, nullptr}};

constexpr Row kRows[] = {
    {"Module", "mod", module_fields, false},
    {"Interactive", "mod", interactive_fields, false},
    {"Expression", "mod", expression_input_fields, false},
    {"FunctionType", "mod", function_type_fields, false},
#define STATEMENT(NAME, FIELDS) {#NAME, "stmt", NAME##_fields, true},
#include "syntax/ast.def"
#define EXPRESSION(NAME, FIELDS) {#NAME, "expr", NAME##_fields, true},
#include "syntax/ast.def"
    {"Load", "expr_context", no_fields, false},
    {"Store", "expr_context", no_fields, false},
    {"Del", "expr_context", no_fields, false},
    {"And", "boolop", no_fields, false},
    {"Or", "boolop", no_fields, false},
    {"Add", "operator", no_fields, false},
    {"Sub", "operator", no_fields, false},
    {"Mult", "operator", no_fields, false},
    {"MatMult", "operator", no_fields, false},
    {"Div", "operator", no_fields, false},
    {"Mod", "operator", no_fields, false},
    {"Pow", "operator", no_fields, false},
    {"LShift", "operator", no_fields, false},
    {"RShift", "operator", no_fields, false},
    {"BitOr", "operator", no_fields, false},
    {"BitXor", "operator", no_fields, false},
    {"BitAnd", "operator", no_fields, false},
    {"FloorDiv", "operator", no_fields, false},
    {"Invert", "unaryop", no_fields, false},
    {"Not", "unaryop", no_fields, false},
    {"UAdd", "unaryop", no_fields, false},
    {"USub", "unaryop", no_fields, false},
    {"Eq", "cmpop", no_fields, false},
    {"NotEq", "cmpop", no_fields, false},
    {"Lt", "cmpop", no_fields, false},
    {"LtE", "cmpop", no_fields, false},
    {"Gt", "cmpop", no_fields, false},
    {"GtE", "cmpop", no_fields, false},
    {"Is", "cmpop", no_fields, false},
    {"IsNot", "cmpop", no_fields, false},
    {"In", "cmpop", no_fields, false},
    {"NotIn", "cmpop", no_fields, false},
#define PRODUCT(STRUCT, NAME, FIELDS) {#NAME, nullptr, NAME##_fields, false},
#include "syntax/ast.def"
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) \
  {#NAME, std::string_view(#NAME) == "ExceptHandler" ? "excepthandler" : nullptr, NAME##_fields, true},
#include "syntax/ast.def"
#define PATTERN(NAME, FIELDS) {#NAME, "pattern", NAME##_fields, true},
#include "syntax/ast.def"
    {"TypeIgnore", "type_ignore", type_ignore_fields, false},
#define TYPE_PARAMETER(NAME, FIELDS) {#NAME, "type_param", NAME##_fields, true},
#include "syntax/ast.def"
};

struct Sum {
  const char* name;
  bool has_position;
};
constexpr Sum kSums[] = {{"mod", false},          {"stmt", true},    {"expr", true},         {"expr_context", false},
                         {"boolop", false},       {"operator", false}, {"unaryop", false},   {"cmpop", false},
                         {"excepthandler", true}, {"pattern", true}, {"type_ignore", false}, {"type_param", true}};

// The manual's names for the tree's C++ types and fields.
const char* asdl_type(std::string_view type) {
  constexpr const char* rows[][2] = {{"Statement", "stmt"},       {"Expression", "expr"},       {"Pattern", "pattern"},
                                     {"TypeParameter", "type_param"}, {"Arguments", "arguments"}, {"Argument", "arg"},
                                     {"Keyword", "keyword"},      {"Alias", "alias"},           {"WithItem", "withitem"},
                                     {"MatchCase", "match_case"}, {"Comprehension", "comprehension"},
                                     {"ExceptHandler", "excepthandler"}, {"BooleanOperator", "boolop"}, {"Operator", "operator"},
                                     {"UnaryOperator", "unaryop"}, {"Comparison", "cmpop"},     {"Context", "expr_context"}};
  for (const auto& row : rows)
    if (type == row[0]) return row[1];
  return type.data();
}
const char* field_name(const char* name) { return std::string_view(name) == "kind_prefix" ? "kind" : name; }

std::string describe(const Row& row) {
  std::string text = row.name;
  if (!row.fields[0].name) return text;
  text += '(';
  for (const Field* field = row.fields; field->name; ++field) {
    if (field != row.fields) text += ", ";
    text += asdl_type(field->type);
    text += field->quantity;
    text += ' ';
    text += field_name(field->name);
  }
  return text + ')';
}
std::string describe(const Sum& sum) {
  std::string text = std::string(sum.name) + " = ";
  const std::string separator = "\n" + std::string(strlen(sum.name), ' ') + " | ";
  bool first = true, plain = true;
  for (const Row& row : kRows)
    if (row.sum && std::string_view(row.sum) == sum.name && row.fields[0].name) plain = false;
  for (const Row& row : kRows) {
    if (!row.sum || std::string_view(row.sum) != sum.name) continue;
    if (!first) text += plain ? " | " : separator;
    first = false;
    text += describe(row);
  }
  return text;
}

struct ModuleState {
  PyObject* ast;           // the class AST
  PyObject* expr_context;  // the class
  PyObject* load;          // an instance of Load
};
ModuleState* state_of(PyObject* module) { return static_cast<ModuleState*>(PyModule_GetState(module)); }
PyModuleDef* definition();
ModuleState* state_of_class(PyTypeObject* type) {
  PyObject* module = PyType_GetModuleByDef(type, definition());
  return module ? state_of(module) : nullptr;
}

// ---- AST -------------------------------------------------------------------------------------------------------------

// A class attribute as a list or tuple of names; empty when there is none.
Ref<> names_of(PyObject* self, PyObject* attribute) {
  Ref<> names;
  if (attribute == "_fields"_id) names = TRY(steal(PyObject_GetAttr(object(Py_TYPE(self)), attribute)));
  else if (PyObject_GetOptionalAttr(object(Py_TYPE(self)), attribute, names.out()) < 0) return nullptr;
  if (!names) return steal(PyTuple_New(0));
  return steal(PySequence_Tuple(names));
}

Status warn_deprecated(const char* format, const char* type, PyObject* name) {
  return status(PyErr_WarnFormat(PyExc_DeprecationWarning, 1, format, type, name));
}

int ast_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  const char* type_name = Py_TYPE(self)->tp_name;
  Ref<> fields = TRY(names_of(self, "_fields"_id));
  Ref<> attributes = TRY(names_of(self, "_attributes"_id));
  const Py_ssize_t count = PyTuple_GET_SIZE(fields.get());
  if (PyTuple_GET_SIZE(args) > count)
    return raise(PyExc_TypeError, "%.400s constructor takes at most %zd positional argument%s",
                 strrchr(type_name, '.') ? strrchr(type_name, '.') + 1 : type_name, count, count == 1 ? "" : "s");
  Ref<> remaining = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < count; ++i) TRY(PyDict_SetItem(remaining, PyTuple_GET_ITEM(fields.get(), i), Py_None));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
    PyObject* name = PyTuple_GET_ITEM(fields.get(), i);
    TRY(PyObject_SetAttr(self, name, PyTuple_GET_ITEM(args, i)));
    TRY(PyDict_Pop(remaining, name, nullptr));
  }
  if (kwargs) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(kwargs, &position, &key, &value)) {
      Ref<> held_key = borrow(key), held_value = borrow(value);
      if (TRY(found(PySequence_Contains(fields, key)))) {
        const int had = PyDict_Pop(remaining, key, nullptr);
        if (had < 0) return failed;
        if (!had) return raise(PyExc_TypeError, "%.400s got multiple values for argument %R", type_name, key);
      } else if (!TRY(found(PySequence_Contains(attributes, key)))) {
        TRY(warn_deprecated("%.400s.__init__ got an unexpected keyword argument %R. Support for arbitrary keyword arguments is "
                            "deprecated and will be removed in Python 3.15.",
                            type_name, key));
      }
      TRY(PyObject_SetAttr(self, key, value));
    }
  }
  if (PyDict_GET_SIZE(remaining.get()) == 0) return 0;
  Ref<> types;
  if (PyObject_GetOptionalAttr(object(Py_TYPE(self)), "_field_types"_id, types.out()) < 0) return failed;
  if (!types) return 0;
  if (!PyDict_Check(types.get())) return raise(PyExc_TypeError, "_field_types is not a dict");
  ModuleState* state = TRY(state_of_class(Py_TYPE(self)));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* name = PyTuple_GET_ITEM(fields.get(), i);
    if (!TRY(found(PyDict_Contains(remaining, name)))) continue;
    Ref<> type;
    if (PyDict_GetItemRef(types, name, type.out()) < 0) return failed;
    if (!type) {
      Ref<> shown = borrow(name);
      TRY(PyErr_WarnFormat(PyExc_DeprecationWarning, 1,
                           "Field %R is missing from %.400s._field_types. This will become an error in Python 3.15.", name, type_name));
    } else if (strcmp(Py_TYPE(type.get())->tp_name, "typing.Union") == 0 || strcmp(Py_TYPE(type.get())->tp_name, "types.UnionType") == 0) {
      // Optional: the class says None.
    } else if (Py_IS_TYPE(type.get(), &Py_GenericAliasType)) {
      Ref<> list = TRY(steal(PyList_New(0)));
      TRY(PyObject_SetAttr(self, name, list));
    } else if (type.get() == state->expr_context) {
      TRY(PyObject_SetAttr(self, name, state->load));
    } else {
      TRY(warn_deprecated("%.400s.__init__ missing 1 required positional argument: %R. This will become an error in Python 3.15.",
                          type_name, name));
    }
  }
  return 0;
}

int ast_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as<AstObject>(self)->dict);
  return 0;
}
int ast_clear(PyObject* self) {
  Py_CLEAR(as<AstObject>(self)->dict);
  return 0;
}
void ast_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_TRASHCAN_BEGIN(self, ast_dealloc)
  ast_clear(self);
  type->tp_free(self);
  Ref<> held = Ref<>::steal(object(type));
  Py_TRASHCAN_END
}

// (class, (None, ...), state): as many arguments as leading fields are there, so that __init__ finds nothing missing.
PyObject* ast_reduce(PyObject* self) {
  Ref<> dict;
  if (PyObject_GetOptionalAttr(self, "__dict__"_id, dict.out()) < 0) return failed;
  if (!dict) return Py_BuildValue("O()", Py_TYPE(self));
  Ref<> fields = TRY(names_of(self, "_fields"_id));
  Py_ssize_t leading = 0;
  for (; leading < PyTuple_GET_SIZE(fields.get()); ++leading) {
    const int there = PyMapping_HasKeyWithError(dict, PyTuple_GET_ITEM(fields.get(), leading));
    if (there < 0) return failed;
    if (!there) break;
  }
  Ref<> args = TRY(steal(PyTuple_New(leading)));
  for (Py_ssize_t i = 0; i < leading; ++i) PyTuple_SET_ITEM(args.get(), i, Py_NewRef(Py_None));
  return PyTuple_Pack(3, Py_TYPE(self), args.get(), dict.get());
}
METHOD_AS(ast_reduce, "__reduce__", 0, "($self, /)", "");

PyObject* ast_replace_with(PyObject* self, PyObject* kwargs) {
  const char* type_name = Py_TYPE(self)->tp_name;
  Ref<> fields = TRY(names_of(self, "_fields"_id));
  Ref<> attributes = TRY(names_of(self, "_attributes"_id));
  Ref<> dict;
  if (PyObject_GetOptionalAttr(self, "__dict__"_id, dict.out()) < 0) return failed;
  Ref<> payload = TRY(steal(PyDict_New()));
  // Fields and attributes that are set; anything else in __dict__ is not carried over.
  for (PyObject* names : {fields.get(), attributes.get()})
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
      PyObject* name = PyTuple_GET_ITEM(names, i);
      Ref<> value;
      if (PyObject_GetOptionalAttr(self, name, value.out()) < 0) return failed;
      if (value) TRY(PyDict_SetItem(payload, name, value));
    }
  if (kwargs) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(kwargs, &position, &key, &value)) {
      const int known = TRY(found(PySequence_Contains(fields, key))) || TRY(found(PySequence_Contains(attributes, key)));
      if (!known) return raise(PyExc_TypeError, "%.400s.__replace__ got an unexpected keyword argument %R.", type_name, key);
      TRY(PyDict_SetItem(payload, key, value));
    }
  }
  Ref<> missing = TRY(steal(PyList_New(0)));
  Ref<> types;
  if (PyObject_GetOptionalAttr(object(Py_TYPE(self)), "_field_types"_id, types.out()) < 0) return failed;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields.get()); ++i) {
    PyObject* name = PyTuple_GET_ITEM(fields.get(), i);
    if (TRY(found(PyDict_Contains(payload, name)))) continue;
    Ref<> shown = TRY(steal(PyObject_Repr(name)));
    TRY(PyList_Append(missing, shown));
  }
  if (const Py_ssize_t count = PyList_GET_SIZE(missing.get())) {
    Ref<> comma = TRY(steal(PyUnicode_FromString(", ")));
    Ref<> shown = TRY(steal(PyUnicode_Join(comma, missing)));
    return raise(PyExc_TypeError, "%.400s.__replace__ missing %zd keyword argument%s: %U.", type_name, count, count == 1 ? "" : "s",
                 shown.get());
  }
  Ref<> empty = TRY(steal(PyTuple_New(0)));
  return PyObject_Call(object(Py_TYPE(self)), empty, payload);
}

PyObject* ast_replace_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args)) return raise(PyExc_TypeError, "__replace__() takes no positional arguments");
  return ast_replace_with(self, kwargs);
}

Ref<> ast_show(PyObject* self, int depth, PyObject* ast);

Ref<> show_value(PyObject* value, int depth, PyObject* ast) {
  if (PyObject_TypeCheck(value, as<PyTypeObject>(ast))) return ast_show(value, depth - 1, ast);
  if (!PyList_Check(value) && !PyTuple_Check(value)) return steal(PyObject_Repr(value));
  // Of a sequence: the first and the last.
  const bool list = PyList_Check(value);
  const Py_ssize_t count = PySequence_Size(value);
  Ref<> text = TRY(steal(PyUnicode_FromString(list ? "[" : "(")));
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (i == 1 && count > 2) {
      text = TRY(steal(PyUnicode_FromFormat("%U, ...", text.get())));
      i = count - 1;
    }
    Ref<> item = TRY(steal(PySequence_GetItem(value, i)));
    Ref<> shown = TRY(PyObject_TypeCheck(item.get(), as<PyTypeObject>(ast)) ? ast_show(item, depth - 1, ast) : steal(PyObject_Repr(item)));
    text = TRY(steal(PyUnicode_FromFormat(i ? "%U, %U" : "%U%U", text.get(), shown.get())));
  }
  return steal(PyUnicode_FromFormat(list ? "%U]" : count == 1 ? "%U,)" : "%U)", text.get()));
}

Ref<> ast_show(PyObject* self, int depth, PyObject* ast) {
  const char* name = Py_TYPE(self)->tp_name;
  if (depth <= 0) return steal(PyUnicode_FromFormat("%s(...)", name));
  if (const int entered = Py_ReprEnter(self)) return entered > 0 ? steal(PyUnicode_FromFormat("%s(...)", name)) : Ref<>();
  auto body = [&]() -> Ref<> {
    Ref<> fields = TRY(names_of(self, "_fields"_id));
    Ref<> text = TRY(steal(PyUnicode_FromFormat("%s(", name)));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields.get()); ++i) {
      PyObject* field = PyTuple_GET_ITEM(fields.get(), i);
      Ref<> value = TRY(steal(PyObject_GetAttr(self, field)));
      Ref<> shown = TRY(show_value(value, depth, ast));
      text = TRY(steal(PyUnicode_FromFormat(i ? "%U, %U=%U" : "%U%U=%U", text.get(), field, shown.get())));
    }
    return steal(PyUnicode_FromFormat("%U)", text.get()));
  };
  Ref<> result = body();
  Py_ReprLeave(self);
  return result;
}
PyObject* ast_repr(PyObject* self) {
  ModuleState* state = TRY(state_of_class(Py_TYPE(self)));
  return ast_show(self, 3, state->ast).release();
}

PyMethodDef ast_methods[] = {ast_reduce_method,
                             {"__replace__", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(ast_replace_call)), METH_VARARGS | METH_KEYWORDS,
                              "__replace__($self, /, **fields)\n--\n\nReturn a copy of the AST node with new values for the specified fields."},
                             {}};
PyGetSetDef ast_getset[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr}, {}};
PyMemberDef ast_members[] = {{"__dictoffset__", Py_T_PYSSIZET, offsetof(AstObject, dict), Py_READONLY, nullptr}, {}};
PyType_Slot ast_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(ast_dealloc)},
                           {Py_tp_repr, reinterpret_cast<void*>(ast_repr)},
                           {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                           {Py_tp_setattro, reinterpret_cast<void*>(PyObject_GenericSetAttr)},
                           {Py_tp_traverse, reinterpret_cast<void*>(ast_traverse)},
                           {Py_tp_clear, reinterpret_cast<void*>(ast_clear)},
                           {Py_tp_members, ast_members},
                           {Py_tp_methods, ast_methods},
                           {Py_tp_getset, ast_getset},
                           {Py_tp_init, reinterpret_cast<void*>(ast_init)},
                           {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
                           {0, nullptr}};
PyType_Spec ast_spec = {"ast.AST", sizeof(AstObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, ast_slots};

// ---- the classes -----------------------------------------------------------------------------------------------------

Ref<> positions_tuple(bool has_position) {
  if (!has_position) return steal(PyTuple_New(0));
  return steal(Py_BuildValue("(ssss)", "lineno", "col_offset", "end_lineno", "end_col_offset"));
}

// A class with the given fields; `attributes` nullptr: inherited.
Ref<> make_class(PyObject* module, const char* name, PyObject* base, const Field* fields, const bool* has_position, const std::string& doc) {
  Ref<> names = TRY(steal(PyTuple_New([&] {
    Py_ssize_t count = 0;
    while (fields[count].name) ++count;
    return count;
  }())));
  Ref<> dict = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; fields[i].name; ++i) {
    Ref<> text = TRY(steal(PyUnicode_InternFromString(field_name(fields[i].name))));
    if (strcmp(fields[i].quantity, "?") == 0) TRY(PyDict_SetItem(dict, text, Py_None));
    PyTuple_SET_ITEM(names.get(), i, text.release());
  }
  TRY(PyDict_SetItem(dict, "_fields"_id, names));
  TRY(PyDict_SetItem(dict, "__match_args__"_id, names));
  Ref<> module_name = TRY(steal(PyUnicode_FromString("ast")));
  TRY(PyDict_SetItem(dict, "__module__"_id, module_name));
  Ref<> doc_text = TRY(steal(PyUnicode_FromStringAndSize(doc.data(), static_cast<Py_ssize_t>(doc.size()))));
  TRY(PyDict_SetItem(dict, "__doc__"_id, doc_text));
  if (has_position) {
    Ref<> attributes = TRY(positions_tuple(*has_position));
    TRY(PyDict_SetItem(dict, "_attributes"_id, attributes));
    if (*has_position) {
      TRY(PyDict_SetItem(dict, "end_lineno"_id, Py_None));
      TRY(PyDict_SetItem(dict, "end_col_offset"_id, Py_None));
    }
  }
  Ref<> cls = TRY(steal(PyObject_CallFunction(object(&PyType_Type), "s(O)O", name, base, dict.get())));
  TRY(PyModule_AddObjectRef(module, name, cls));
  return cls;
}

// What _field_types says of a field: a class, list[class] or class | None.
Ref<> field_type(PyObject* module, const Field& field) {
  const std::string_view type = asdl_type(field.type);
  Ref<> base;
  if (type == "identifier" || type == "string") base = borrow(object(&PyUnicode_Type));
  else if (type == "int") base = borrow(object(&PyLong_Type));
  else if (type == "constant") base = borrow(object(&PyBaseObject_Type));
  else base = TRY(steal(PyObject_GetAttrString(module, asdl_type(field.type))));
  const std::string_view quantity = field.quantity;
  if (quantity == "*" || quantity == "?*") return steal(Py_GenericAlias(object(&PyList_Type), base));
  if (quantity == "?") return steal(PyNumber_Or(base, Py_None));
  return base;
}

// A module that is imported again has the classes of the first one.
Status copy_module(PyObject* from, PyObject* to) {
  PyObject *name, *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(PyModule_GetDict(from), &position, &name, &value)) {
    Py_ssize_t length;
    const char* text = TRY(PyUnicode_AsUTF8AndSize(name, &length));
    if (length > 1 && text[0] == '_' && text[1] == '_') continue;
    TRY(PyModule_AddObjectRef(to, text, value));
  }
  return Status::Ok;
}

int ast_exec(PyObject* module) {
  ModuleState* state = state_of(module);
  if (PyObject* first = interpreter()->compiler.ast_module) {
    const ModuleState* known = state_of(first);
    state->ast = Py_NewRef(known->ast);
    state->expr_context = Py_NewRef(known->expr_context);
    state->load = Py_NewRef(known->load);
    TRY(copy_module(first, module));
    return 0;
  }
  state->ast = TRY(PyType_FromModuleAndSpec(module, &ast_spec, nullptr));
  Ref<> empty = TRY(steal(PyTuple_New(0)));
  for (PyObject* name : {"_fields"_id, "__match_args__"_id, "_attributes"_id}) TRY(PyObject_SetAttr(state->ast, name, empty));
  TRY(PyModule_AddObjectRef(module, "AST", state->ast));
  for (const Sum& sum : kSums) Ref<> made = TRY(make_class(module, sum.name, state->ast, no_fields, &sum.has_position, describe(sum)));
  for (const Row& row : kRows) {
    Ref<> base = row.sum ? TRY(steal(PyObject_GetAttrString(module, row.sum))) : borrow(state->ast);
    Ref<> made = TRY(make_class(module, row.name, base, row.fields, row.sum ? nullptr : &row.has_position, describe(row)));
  }
  for (const Row& row : kRows) {
    Ref<> cls = TRY(steal(PyObject_GetAttrString(module, row.name)));
    Ref<> types = TRY(steal(PyDict_New()));
    for (const Field* field = row.fields; field->name; ++field) {
      Ref<> type = TRY(field_type(module, *field));
      TRY(PyDict_SetItemString(types, field_name(field->name), type));
    }
    TRY(PyObject_SetAttr(cls, "_field_types"_id, types));
    TRY(PyObject_SetAttr(cls, "__annotations__"_id, types));
  }
  state->expr_context = TRY(PyObject_GetAttrString(module, "expr_context"));
  Ref<> load = TRY(steal(PyObject_GetAttrString(module, "Load")));
  state->load = TRY(PyObject_CallNoArgs(load));
  TRY(add_constants(module, {{"PyCF_ALLOW_TOP_LEVEL_AWAIT", PyCF_ALLOW_TOP_LEVEL_AWAIT},
                             {"PyCF_ONLY_AST", PyCF_ONLY_AST},
                             {"PyCF_TYPE_COMMENTS", PyCF_TYPE_COMMENTS},
                             {"PyCF_OPTIMIZED_AST", PyCF_OPTIMIZED_AST}}));
  interpreter()->compiler.ast_module = Py_NewRef(module);
  return 0;
}
int ast_module_traverse(PyObject* module, visitproc visit, void* arg) {
  if (ModuleState* state = state_of(module)) {
    Py_VISIT(state->ast);
    Py_VISIT(state->expr_context);
    Py_VISIT(state->load);
  }
  return 0;
}
int ast_module_clear(PyObject* module) {
  if (ModuleState* state = state_of(module)) {
    Py_CLEAR(state->ast);
    Py_CLEAR(state->expr_context);
    Py_CLEAR(state->load);
  }
  return 0;
}

MODULE_SLOTS(ast_module_slots, ast_exec);
PyModuleDef ast_module = {.m_base = PyModuleDef_HEAD_INIT,
                          .m_name = "_ast",
                          .m_size = sizeof(ModuleState),
                          .m_slots = ast_module_slots,
                          .m_traverse = ast_module_traverse,
                          .m_clear = ast_module_clear};
PyModuleDef* definition() { return &ast_module; }

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__ast() { return PyModuleDef_Init(&ks::ast_module); }
