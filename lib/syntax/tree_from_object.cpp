// Objects of the _ast module to the tree: what compile(tree) does before anything else.
//
// The conversions are instances of ast.def: for each node, a reader a field. As the reference does, the fields of a node
// are all read before a missing (None) one is complained about, and the positions of a sum before its kind.
#include <Python.h>

#include <string_view>

#include "object/identifier.h"
#include "runtime/state.h"
#include "syntax/arena.h"
#include "syntax/parser.h"
#include "syntax/validate.h"

namespace ks::syntax {
namespace {

// The kinds' types in the order of the enumerations, borrowed from the module _ast.
struct Types {
#define STATEMENT(NAME, FIELDS) PyObject* NAME;
#include "syntax/ast.def"
#define EXPRESSION(NAME, FIELDS) PyObject* NAME;
#include "syntax/ast.def"
#define PATTERN(NAME, FIELDS) PyObject* NAME;
#include "syntax/ast.def"
#define TYPE_PARAMETER(NAME, FIELDS) PyObject* NAME;
#include "syntax/ast.def"
};
constexpr const char* kTypeNames[] = {
#define STATEMENT(NAME, FIELDS) #NAME,
#include "syntax/ast.def"
#define EXPRESSION(NAME, FIELDS) #NAME,
#include "syntax/ast.def"
#define PATTERN(NAME, FIELDS) #NAME,
#include "syntax/ast.def"
#define TYPE_PARAMETER(NAME, FIELDS) #NAME,
#include "syntax/ast.def"
};
constexpr size_t kTypeCount = sizeof kTypeNames / sizeof *kTypeNames;
static_assert(sizeof(Types) == kTypeCount * sizeof(PyObject*));
constexpr size_t kStatements = 0
#define STATEMENT(NAME, FIELDS) +1
#include "syntax/ast.def"
    ;
constexpr size_t kExpressions = 0
#define EXPRESSION(NAME, FIELDS) +1
#include "syntax/ast.def"
    ;
constexpr size_t kPatterns = 0
#define PATTERN(NAME, FIELDS) +1
#include "syntax/ast.def"
    ;
constexpr size_t kTypeParameters = 0
#define TYPE_PARAMETER(NAME, FIELDS) +1
#include "syntax/ast.def"
    ;

constexpr const char* kBooleanOperators[] = {"And", "Or"};
constexpr const char* kOperators[] = {"Add",    "Sub",    "Mult",  "MatMult", "Div",    "Mod",     "Pow",
                                      "LShift", "RShift", "BitOr", "BitXor",  "BitAnd", "FloorDiv"};
constexpr const char* kUnaryOperators[] = {"Invert", "Not", "UAdd", "USub"};
constexpr const char* kComparisons[] = {"Eq", "NotEq", "Lt", "LtE", "Gt", "GtE", "Is", "IsNot", "In", "NotIn"};
constexpr const char* kContexts[] = {"Load", "Store", "Del"};

// The manual's name of a field, where C++ has another.
constexpr const char* field_name(const char* name) {
  return std::string_view(name) == "kind_prefix" ? "kind" : name;
}

class Converter {
 public:
  Converter(Arena& arena) : arena_(arena) {}

  Status start() {
    module_ = TRY(ast_module());
    PyObject** slots = reinterpret_cast<PyObject**>(&types_);
    for (size_t i = 0; i < kTypeCount; ++i) slots[i] = TRY(type(kTypeNames[i]));
    return Status::Ok;
  }
  // The type of that name (borrowed: the arena keeps it).
  PyObject* type(const char* name) { return arena_.own(steal(PyObject_GetAttrString(module_, name))); }

  Module* module(PyObject* object, int start);

 private:
  // The kind of a sum's object: its place among `count` types; -1 with an exception set.
  int kind_of(PyObject* object, PyObject* const* types, size_t count, const char* sum) {
    PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(object));
    for (size_t i = 0; i < count; ++i)
      if (types[i] == type) return static_cast<int>(i);
    for (size_t i = 0; i < count; ++i) {
      const int is = PyObject_IsInstance(object, types[i]);
      if (is < 0) return -1;
      if (is) return static_cast<int>(i);
    }
    return raise(PyExc_TypeError, "expected some sort of %s, but got %R", sum, object);
  }

  // ---- fields: attribute `name` of `object`, of a node called `node` ----

  Found attribute(PyObject* object, const char* name, Ref<>* value) {
    return found(PyObject_GetOptionalAttrString(object, name, value->out()));
  }
  Status required(PyObject* object, const char* node, const char* name, Ref<>* value) {
    if (!TRY(attribute(object, name, value)))
      return raise(PyExc_TypeError, "required field \"%s\" missing from %s", name, node);
    return Status::Ok;
  }
  struct Depth {
    bool entered;
    explicit Depth(const char* where) : entered(Py_EnterRecursiveCall(where) == 0) {}
    ~Depth() {
      if (entered) Py_LeaveRecursiveCall();
    }
  };

  template <class T>
  Status one(PyObject* object, const char* node, const char* name, T** out) {
    Ref<> value;
    TRY(required(object, node, name, &value));
    return convert(value, out);
  }
  template <class T>
  Status maybe(PyObject* object, const char* name, T** out) {
    Ref<> value;
    if (!TRY(attribute(object, name, &value)) || value.get() == Py_None) return Status::Ok;
    return convert(value, out);
  }
  template <class T>
  Status many(PyObject* object, const char* node, const char* name, Sequence<T>* out) {
    Ref<> list;
    if (!TRY(attribute(object, name, &list))) return Status::Ok;
    if (!PyList_Check(list))
      return raise(PyExc_TypeError, "%s field \"%s\" must be a list, not a %.200s", node, name,
                   Py_TYPE(list)->tp_name);
    const Py_ssize_t length = PyList_GET_SIZE(list.get());
    *out = arena_.sequence<T>(length);
    if (out->length < 0) return failed;
    for (Py_ssize_t i = 0; i < length; ++i) {
      Ref<> item = borrow(PyList_GET_ITEM(list.get(), i));
      TRY(convert(item, &(*out)[i]));
      if (PyList_GET_SIZE(list.get()) != length)
        return raise(PyExc_RuntimeError, "%s field \"%s\" changed size during iteration", node, name);
    }
    return Status::Ok;
  }
  Status integer(PyObject* value, int* out) {
    if (!PyLong_Check(value)) return raise(PyExc_ValueError, "invalid integer value: %R", value);
    const int result = PyLong_AsInt(value);
    if (result == -1 && PyErr_Occurred()) return failed;
    *out = result;
    return Status::Ok;
  }
  Status integer_field(PyObject* object, const char* node, const char* name, int* out) {
    Ref<> value;
    TRY(required(object, node, name, &value));
    return integer(value, out);
  }
  Status maybe_integer(PyObject* object, const char* name, int* out, int otherwise) {
    Ref<> value;
    *out = otherwise;
    if (!TRY(attribute(object, name, &value)) || value.get() == Py_None) return Status::Ok;
    return integer(value, out);
  }
  Status constant(PyObject* object, const char* node, const char* name, PyObject** out) {
    Ref<> value;
    TRY(required(object, node, name, &value));
    *out = arena_.own(std::move(value));
    return *out ? Status::Ok : Status::Error;
  }
  Status string(PyObject* value, PyObject** out) {
    if (!PyUnicode_CheckExact(value) && !PyBytes_CheckExact(value))
      return raise(PyExc_TypeError, "AST string must be of type str");
    *out = arena_.own(borrow(value));
    return *out ? Status::Ok : Status::Error;
  }
  Status maybe_string(PyObject* object, const char* name, PyObject** out) {
    Ref<> value;
    if (!TRY(attribute(object, name, &value)) || value.get() == Py_None) return Status::Ok;
    return string(value, out);
  }
  // An identifier; None gives nullptr.
  Status convert(PyObject* value, Identifier* out) {
    if (value == Py_None) return Status::Ok;
    if (!PyUnicode_CheckExact(value)) return raise(PyExc_TypeError, "AST identifier must be of type str");
    PyObject* name = Py_NewRef(value);
    PyUnicode_InternInPlace(&name);
    *out = arena_.own(steal(name));
    return *out ? Status::Ok : Status::Error;
  }
  Status positions(PyObject* object, const char* node, Position* out) {
    TRY(integer_field(object, node, "lineno", &out->lineno));
    TRY(integer_field(object, node, "col_offset", &out->col_offset));
    TRY(maybe_integer(object, "end_lineno", &out->end_lineno, out->lineno));
    TRY(maybe_integer(object, "end_col_offset", &out->end_col_offset, out->col_offset));
    return Status::Ok;
  }

  // ---- enumerations ----

  template <class T, size_t N>
  Status enumerated(PyObject* value, const char* const (&names)[N], const char* sum, T* out) {
    PyObject* types[N];
    for (size_t i = 0; i < N; ++i) {
      Ref<> type = TRY(steal(PyObject_GetAttrString(module_, names[i])));
      types[i] = type.get();  // the module keeps it
    }
    const int kind = kind_of(value, types, N, sum);
    if (kind < 0) return failed;
    *out = static_cast<T>(kind);
    return Status::Ok;
  }
  Status convert(PyObject* value, BooleanOperator* out) { return enumerated(value, kBooleanOperators, "boolop", out); }
  Status convert(PyObject* value, Operator* out) { return enumerated(value, kOperators, "operator", out); }
  Status convert(PyObject* value, UnaryOperator* out) { return enumerated(value, kUnaryOperators, "unaryop", out); }
  Status convert(PyObject* value, Comparison* out) { return enumerated(value, kComparisons, "cmpop", out); }
  Status convert(PyObject* value, Context* out) { return enumerated(value, kContexts, "expr_context", out); }
  template <class T>
  Status enum_field(PyObject* object, const char* node, const char* name, T* out) {
    Ref<> value;
    TRY(required(object, node, name, &value));
    return convert(value, out);
  }

  // ---- nodes ----

  Status convert(PyObject* object, Statement** out);
  Status convert(PyObject* object, Expression** out);
  Status convert(PyObject* object, Pattern** out);
  Status convert(PyObject* object, TypeParameter** out);
  Status convert(PyObject* object, TypeIgnore** out);
#define PRODUCT(STRUCT, NAME, FIELDS) Status convert(PyObject* object, STRUCT** out);
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) Status convert(PyObject* object, STRUCT** out);
#include "syntax/ast.def"

#define NODE_READER(STRUCT) Status read(PyObject* object, STRUCT* node);
#define STATEMENT(NAME, FIELDS) NODE_READER(NAME)
#define EXPRESSION(NAME, FIELDS) NODE_READER(NAME)
#define PATTERN(NAME, FIELDS) NODE_READER(NAME)
#define TYPE_PARAMETER(NAME, FIELDS) NODE_READER(NAME)
#define PRODUCT(STRUCT, NAME, FIELDS) NODE_READER(STRUCT)
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) NODE_READER(STRUCT)
#include "syntax/ast.def"

  Status missing(const char* field, const char* node) {
    return raise(PyExc_ValueError, "field '%s' is required for %s", field, node);
  }

  Arena& arena_;
  Ref<> module_;
  Types types_;
};

// Which fields of a node are null that must not be.
#define ONE(T, NAME) \
  if (!node->NAME) return raise(PyExc_ValueError, "field '" #NAME "' is required for %s", kNode);
#define IDENTIFIER(NAME) ONE(Identifier, NAME)
#define MAYBE(T, NAME)
#define MANY(T, NAME)
#define MANY_MAYBE(T, NAME)
#define ENUM(T, NAME)
#define ENUMS(T, NAME)
#define MAYBE_IDENTIFIER(NAME)
#define IDENTIFIERS(NAME)         \
  for (Identifier item : node->NAME) \
    if (!item) return raise(PyExc_TypeError, "AST identifier must be of type str");
#define MAYBE_STRING(NAME)
#define CONSTANT(NAME)
#define INTEGER(NAME)
#define MAYBE_INTEGER(NAME)
#define CHECK(STRUCT, NAME, FIELDS)                              \
  Status check([[maybe_unused]] const STRUCT* node) {            \
    [[maybe_unused]] static constexpr const char* kNode = #NAME; \
    FIELDS return Status::Ok;                                    \
  }
#define STATEMENT(NAME, FIELDS) CHECK(NAME, NAME, FIELDS)
#define EXPRESSION(NAME, FIELDS) CHECK(NAME, NAME, FIELDS)
#define PATTERN(NAME, FIELDS) CHECK(NAME, NAME, FIELDS)
#define TYPE_PARAMETER(NAME, FIELDS) CHECK(NAME, NAME, FIELDS)
#define PRODUCT(STRUCT, NAME, FIELDS) CHECK(STRUCT, NAME, FIELDS)
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) CHECK(STRUCT, NAME, FIELDS)
#include "syntax/ast.def"

// The readers: first all fields, then what must not be null.
#define READ(STRUCT, NAME, FIELDS)                               \
  Status Converter::read(PyObject* object, STRUCT* node) {       \
    [[maybe_unused]] static constexpr const char* kNode = #NAME; \
    Depth depth(" while traversing '" #NAME "' node");           \
    if (!depth.entered) return failed;                           \
    FIELDS return check(node);                                   \
  }
#define ONE(T, NAME) TRY(one(object, kNode, #NAME, &node->NAME));
#define MAYBE(T, NAME) TRY(maybe(object, #NAME, &node->NAME));
#define MANY(T, NAME) TRY(many(object, kNode, #NAME, &node->NAME));
#define MANY_MAYBE(T, NAME) TRY(many(object, kNode, #NAME, &node->NAME));
#define ENUM(T, NAME) TRY(enum_field(object, kNode, #NAME, &node->NAME));
#define ENUMS(T, NAME) TRY(many(object, kNode, #NAME, &node->NAME));
#define IDENTIFIER(NAME) TRY(one(object, kNode, #NAME, &node->NAME));
#define MAYBE_IDENTIFIER(NAME) TRY(maybe(object, #NAME, &node->NAME));
#define IDENTIFIERS(NAME) TRY(many(object, kNode, #NAME, &node->NAME));
#define MAYBE_STRING(NAME) TRY(maybe_string(object, field_name(#NAME), &node->NAME));
#define CONSTANT(NAME) TRY(constant(object, kNode, #NAME, &node->NAME));
#define INTEGER(NAME) TRY(integer_field(object, kNode, #NAME, &node->NAME));
#define MAYBE_INTEGER(NAME) TRY(maybe_integer(object, #NAME, &node->NAME, 0));
#define STATEMENT(NAME, FIELDS) READ(NAME, NAME, FIELDS)
#define EXPRESSION(NAME, FIELDS) READ(NAME, NAME, FIELDS)
#define PATTERN(NAME, FIELDS) READ(NAME, NAME, FIELDS)
#define TYPE_PARAMETER(NAME, FIELDS) READ(NAME, NAME, FIELDS)
#define PRODUCT(STRUCT, NAME, FIELDS) READ(STRUCT, NAME, FIELDS)
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) READ(STRUCT, NAME, FIELDS)
#include "syntax/ast.def"

// A sum: positions, then the kind, then its fields.
#define SUM_BEGIN(SUM, NAME, FIRST, COUNT)                                  \
  Status Converter::convert(PyObject* object, SUM** out) {                  \
    if (object == Py_None) return Status::Ok;                               \
    Depth depth(" while traversing '" NAME "' node");                       \
    if (!depth.entered) return failed;                                      \
    Position position;                                                      \
    TRY(positions(object, NAME, &position));                                \
    const int kind = kind_of(object, &types_.FIRST, COUNT, NAME);           \
    if (kind < 0) return failed;                                            \
    switch (static_cast<SUM::Kind>(kind)) {
#define SUM_CASE(SUM, NAME)                             \
  case SUM::Kind::NAME: {                               \
    NAME* node = TRY(arena_.make<NAME>(position));      \
    *out = node;                                        \
    return read(object, node);                          \
  }
#define SUM_END \
  }             \
  return failed;\
  }
SUM_BEGIN(Statement, "stmt", FunctionDef, kStatements)
#define STATEMENT(NAME, FIELDS) SUM_CASE(Statement, NAME)
#include "syntax/ast.def"
SUM_END
SUM_BEGIN(Expression, "expr", BoolOp, kExpressions)
#define EXPRESSION(NAME, FIELDS) SUM_CASE(Expression, NAME)
#include "syntax/ast.def"
SUM_END
SUM_BEGIN(Pattern, "pattern", MatchValue, kPatterns)
#define PATTERN(NAME, FIELDS) SUM_CASE(Pattern, NAME)
#include "syntax/ast.def"
SUM_END
SUM_BEGIN(TypeParameter, "type_param", TypeVar, kTypeParameters)
#define TYPE_PARAMETER(NAME, FIELDS) SUM_CASE(TypeParameter, NAME)
#include "syntax/ast.def"
SUM_END

// Products: any object with the fields will do, and positions come last.
#define PRODUCT(STRUCT, NAME, FIELDS)                         \
  Status Converter::convert(PyObject* object, STRUCT** out) { \
    STRUCT* node = TRY(arena_.make_plain<STRUCT>());          \
    *out = node;                                              \
    return read(object, node);                                \
  }
#include "syntax/ast.def"
#define POSITIONED(STRUCT, NAME)                                    \
  Status Converter::convert(PyObject* object, STRUCT** out) {       \
    STRUCT* node = TRY(arena_.make<STRUCT>(Position{}));            \
    *out = node;                                                    \
    TRY(read(object, node));                                        \
    return positions(object, NAME, &node->position);                \
  }
POSITIONED(Argument, "arg")
POSITIONED(Keyword, "keyword")
POSITIONED(Alias, "alias")

// A sum of one kind each.
Status Converter::convert(PyObject* object, ExceptHandler** out) {
  if (object == Py_None) return Status::Ok;
  ExceptHandler* node = TRY(arena_.make<ExceptHandler>(Position{}));
  TRY(positions(object, "excepthandler", &node->position));
  PyObject* handler = TRY(type("ExceptHandler"));
  if (kind_of(object, &handler, 1, "excepthandler") < 0) return failed;
  *out = node;
  return read(object, node);
}
Status Converter::convert(PyObject* object, TypeIgnore** out) {
  PyObject* ignore = TRY(type("TypeIgnore"));
  if (kind_of(object, &ignore, 1, "type_ignore") < 0) return failed;
  TypeIgnore* node = TRY(arena_.make_plain<TypeIgnore>());
  *out = node;
  TRY(integer_field(object, "TypeIgnore", "lineno", &node->lineno));
  Ref<> tag;
  TRY(required(object, "TypeIgnore", "tag", &tag));
  if (tag.get() == Py_None) return missing("tag", "TypeIgnore");
  return string(tag, &node->tag);
}

Module* Converter::module(PyObject* object, int start) {
  static constexpr struct {
    int start;
    const char* name;
    ModuleKind kind;
  } kRoots[] = {{Py_file_input, "Module", ModuleKind::Module},
                {Py_eval_input, "Expression", ModuleKind::Expression},
                {Py_single_input, "Interactive", ModuleKind::Interactive},
                {Py_func_type_input, "FunctionType", ModuleKind::FunctionType}};
  const auto* root = &kRoots[0];
  for (const auto& candidate : kRoots)
    if (candidate.start == start) root = &candidate;
  PyObject* wanted = TRY(type(root->name));
  const int is = PyObject_IsInstance(object, wanted);
  if (is < 0) return nullptr;
  if (!is) {
    const char* name = Py_TYPE(object)->tp_name;
    const char* dot = std::strrchr(name, '.');
    return raise(PyExc_TypeError, "expected %s node, got %.400s", root->name, dot ? dot + 1 : name);
  }
  Module* module = TRY(arena_.make_plain<Module>());
  module->kind = root->kind;
  switch (root->kind) {
    case ModuleKind::Module:
      TRY(many(object, "Module", "body", &module->body));
      TRY(many(object, "Module", "type_ignores", &module->type_ignores));
      break;
    case ModuleKind::Interactive:
      TRY(many(object, "Interactive", "body", &module->body));
      break;
    case ModuleKind::Expression:
      TRY(one(object, "Expression", "body", &module->expression));
      if (!module->expression) TRY(missing("body", "Expression"));
      break;
    case ModuleKind::FunctionType:
      TRY(many(object, "FunctionType", "argtypes", &module->argtypes));
      TRY(one(object, "FunctionType", "returns", &module->expression));
      if (!module->expression) TRY(missing("returns", "FunctionType"));
      break;
  }
  return module;
}

}  // namespace

Module* tree_from_object(PyObject* object, int start, Arena& arena) {
  Converter converter(arena);
  TRY(converter.start());
  Module* module = TRY(converter.module(object, start));
  TRY(validate(module));
  return module;
}

Ref<> ast_module() {
  if (PyObject* known = interpreter()->compiler.ast_module) return borrow(known);
  return steal(PyImport_ImportModule("_ast"));
}

Found is_tree_object(PyObject* object) {
  Ref<> module = TRY(ast_module());
  Ref<> type = TRY(steal(PyObject_GetAttrString(module, "AST")));
  return found(PyObject_IsInstance(object, type));
}

}  // namespace ks::syntax
