// The tree as objects of the _ast module: what ast.parse() hands out.
//
// The conversions are instances of ast.def: for each node, a writer a field. Singletons (operators, contexts) are one
// object each for the whole tree, as the reference has them.
#include <Python.h>

#include <iterator>
#include <string_view>

#include "object/identifier.h"
#include "syntax/arena.h"
#include "syntax/parser.h"

namespace ks::syntax {
namespace {

constexpr const char* kBooleanOperators[] = {"And", "Or"};
constexpr const char* kOperators[] = {"Add",    "Sub",    "Mult",  "MatMult", "Div",    "Mod",     "Pow",
                                      "LShift", "RShift", "BitOr", "BitXor",  "BitAnd", "FloorDiv"};
constexpr const char* kUnaryOperators[] = {"Invert", "Not", "UAdd", "USub"};
constexpr const char* kComparisons[] = {"Eq", "NotEq", "Lt", "LtE", "Gt", "GtE", "Is", "IsNot", "In", "NotIn"};
constexpr const char* kContexts[] = {"Load", "Store", "Del"};

class Writer {
 public:
  Status start() {
    module_ = TRY(ast_module());
    classes_ = TRY(steal(PyDict_New()));
    return Status::Ok;
  }

  Ref<> module(const Module* tree) {
    switch (tree->kind) {
      case ModuleKind::Module: {
        Ref<> node = TRY(create("Module"));
        TRY(field(node, "body", tree->body));
        TRY(field(node, "type_ignores", tree->type_ignores));
        return node;
      }
      case ModuleKind::Interactive: {
        Ref<> node = TRY(create("Interactive"));
        TRY(field(node, "body", tree->body));
        return node;
      }
      case ModuleKind::Expression: {
        Ref<> node = TRY(create("Expression"));
        TRY(field(node, "body", tree->expression));
        return node;
      }
      case ModuleKind::FunctionType: {
        Ref<> node = TRY(create("FunctionType"));
        TRY(field(node, "argtypes", tree->argtypes));
        TRY(field(node, "returns", tree->expression));
        return node;
      }
    }
    return nullptr;
  }

 private:
  // A class of the module (borrowed).
  PyObject* type(const char* name) {
    Ref<> key = TRY(steal(PyUnicode_InternFromString(name)));
    if (PyObject* known = PyDict_GetItemWithError(classes_, key)) return known;
    if (PyErr_Occurred()) return failed;
    Ref<> found = TRY(steal(PyObject_GetAttr(module_, key)));
    TRY(PyDict_SetItem(classes_, key, found));
    return found.get();
  }
  // An instance without __init__: all its fields are about to be set.
  Ref<> create(const char* name) {
    auto* cls = as<PyTypeObject>(TRY(type(name)));
    Ref<> no_arguments = TRY(steal(PyTuple_New(0)));
    return steal(cls->tp_new(cls, no_arguments, nullptr));
  }
  // The one instance of a class without fields.
  Ref<> singleton(const char* name) {
    Ref<> key = TRY(steal(PyUnicode_FromFormat("%s()", name)));
    if (PyObject* known = PyDict_GetItemWithError(classes_, key)) return borrow(known);
    if (PyErr_Occurred()) return failed;
    Ref<> made = TRY(create(name));
    TRY(PyDict_SetItem(classes_, key, made));
    return made;
  }

  Status set(PyObject* node, const char* name, Ref<> value) {
    if (!value) return failed;
    Ref<> key = TRY(steal(PyUnicode_InternFromString(std::string_view(name) == "kind_prefix" ? "kind" : name)));
    return status(PyObject_SetAttr(node, key, value));
  }
  static Ref<> or_none(PyObject* object) { return borrow(object ? object : Py_None); }

  template <class T>
  Status field(PyObject* node, const char* name, T* child) {
    return set(node, name, child ? convert(child) : borrow(Py_None));
  }
  template <class T>
  Status field(PyObject* node, const char* name, const Sequence<T>& items) {
    Ref<> list = TRY(steal(PyList_New(items.length)));
    for (Py_ssize_t i = 0; i < items.length; ++i) {
      Ref<> item = TRY(item_of(items[i]));
      PyList_SET_ITEM(list.get(), i, item.release());
    }
    return set(node, name, std::move(list));
  }
  template <class T>
  Ref<> item_of(T* item) {
    return item ? convert(item) : borrow(Py_None);
  }
  Ref<> item_of(PyObject* item) { return or_none(item); }
  Ref<> item_of(Comparison op) { return singleton(kComparisons[static_cast<int>(op)]); }
  Status number(PyObject* node, const char* name, int value) { return set(node, name, steal(PyLong_FromLong(value))); }
  Status enumerated(PyObject* node, const char* name, BooleanOperator op) { return set(node, name, singleton(kBooleanOperators[static_cast<int>(op)])); }
  Status enumerated(PyObject* node, const char* name, Operator op) { return set(node, name, singleton(kOperators[static_cast<int>(op)])); }
  Status enumerated(PyObject* node, const char* name, UnaryOperator op) { return set(node, name, singleton(kUnaryOperators[static_cast<int>(op)])); }
  Status enumerated(PyObject* node, const char* name, Context context) { return set(node, name, singleton(kContexts[static_cast<int>(context)])); }

  Status place(PyObject* node, const Position& position) {
    TRY(number(node, "lineno", position.lineno));
    TRY(number(node, "col_offset", position.col_offset));
    TRY(number(node, "end_lineno", position.end_lineno));
    return number(node, "end_col_offset", position.end_col_offset);
  }

#define ONE(T, NAME) TRY(field(node, #NAME, from->NAME));
#define MAYBE(T, NAME) TRY(field(node, #NAME, from->NAME));
#define MANY(T, NAME) TRY(field(node, #NAME, from->NAME));
#define MANY_MAYBE(T, NAME) TRY(field(node, #NAME, from->NAME));
#define ENUM(T, NAME) TRY(enumerated(node, #NAME, from->NAME));
#define ENUMS(T, NAME) TRY(field(node, #NAME, from->NAME));
#define IDENTIFIER(NAME) TRY(set(node, #NAME, or_none(from->NAME)));
#define MAYBE_IDENTIFIER(NAME) TRY(set(node, #NAME, or_none(from->NAME)));
#define IDENTIFIERS(NAME) TRY(field(node, #NAME, from->NAME));
#define MAYBE_STRING(NAME) TRY(set(node, #NAME, or_none(from->NAME)));
#define CONSTANT(NAME) TRY(set(node, #NAME, or_none(from->NAME)));
#define INTEGER(NAME) TRY(number(node, #NAME, from->NAME));
#define MAYBE_INTEGER(NAME) TRY(number(node, #NAME, from->NAME));
#define KIND(NAME, FIELDS)                                       \
  Ref<> convert_kind(const NAME* from) {                         \
    Ref<> node = TRY(create(#NAME));                             \
    (void)from;                                                  \
    FIELDS TRY(place(node, from->position));                     \
    return node;                                                 \
  }
#define STATEMENT(NAME, FIELDS) KIND(NAME, FIELDS)
#define EXPRESSION(NAME, FIELDS) KIND(NAME, FIELDS)
#define PATTERN(NAME, FIELDS) KIND(NAME, FIELDS)
#define TYPE_PARAMETER(NAME, FIELDS) KIND(NAME, FIELDS)
#define PRODUCT(STRUCT, NAME, FIELDS)    \
  Ref<> convert(const STRUCT* from) {    \
    Ref<> node = TRY(create(#NAME));     \
    FIELDS return node;                  \
  }
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) \
  Ref<> convert(const STRUCT* from) {               \
    Ref<> node = TRY(create(#NAME));                \
    FIELDS TRY(place(node, from->position));        \
    return node;                                    \
  }
#include "syntax/ast.def"
#undef KIND

  Ref<> convert(const TypeIgnore* from) {
    Ref<> node = TRY(create("TypeIgnore"));
    TRY(number(node, "lineno", from->lineno));
    TRY(set(node, "tag", or_none(from->tag)));
    return node;
  }

  // Sums: by kind, with an eye on the depth.
  template <class Dispatch>
  Ref<> nested(Dispatch dispatch) {
    if (Py_EnterRecursiveCall(" during  ast construction")) return nullptr;
    Ref<> result = dispatch();
    Py_LeaveRecursiveCall();
    return result;
  }
  Ref<> convert(const Statement* from) {
    return nested([&]() -> Ref<> {
      switch (from->kind) {
#define STATEMENT(NAME, FIELDS) \
  case StatementKind::NAME: return convert_kind(from->as<NAME>());
#include "syntax/ast.def"
      }
      return nullptr;
    });
  }
  Ref<> convert(const Expression* from) {
    return nested([&]() -> Ref<> {
      switch (from->kind) {
#define EXPRESSION(NAME, FIELDS) \
  case ExpressionKind::NAME: return convert_kind(from->as<NAME>());
#include "syntax/ast.def"
      }
      return nullptr;
    });
  }
  Ref<> convert(const Pattern* from) {
    return nested([&]() -> Ref<> {
      switch (from->kind) {
#define PATTERN(NAME, FIELDS) \
  case PatternKind::NAME: return convert_kind(from->as<NAME>());
#include "syntax/ast.def"
      }
      return nullptr;
    });
  }
  Ref<> convert(const TypeParameter* from) {
    switch (from->kind) {
#define TYPE_PARAMETER(NAME, FIELDS) \
  case TypeParameterKind::NAME: return convert_kind(from->as<NAME>());
#include "syntax/ast.def"
    }
    return nullptr;
  }

  Ref<> module_;
  Ref<> classes_;  // dict: name -> class, "name()" -> singleton
};

}  // namespace

Ref<> tree_to_object(const Module* tree) {
  Writer writer;
  TRY(writer.start());
  return writer.module(tree);
}

}  // namespace ks::syntax
