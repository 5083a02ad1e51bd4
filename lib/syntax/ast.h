// The syntax tree: plain structs in an Arena, one for each node of ast.def.
//
// A sum (Statement, Expression, Pattern, TypeParameter) is a base struct with kind and position; a kind is reached by
// node->as<BinOp>(). Nodes are made by arena.make<BinOp>(position, left, Operator::Add, right) (syntax/arena.h).
// Objects in the tree (identifiers, constants, strings) are borrowed from the arena, which owns them; identifiers are
// interned. Nodes may be changed in place: the optimiser replaces children.
// `Constant::kind_prefix` is the field `kind` of the manual ("u" for u"..." or null).
#pragma once

#include <Python.h>

namespace ks::syntax {

class Arena;

using Identifier = PyObject*;  // interned str, borrowed from the arena

// Columns are offsets in the line's UTF-8 bytes; lines count from 1.
struct Position {
  int lineno = 0;
  int col_offset = 0;
  int end_lineno = 0;
  int end_col_offset = 0;
};

// An array in the arena; copies share it.
template <class T>
struct Sequence {
  T* items = nullptr;
  Py_ssize_t length = 0;

  Py_ssize_t size() const { return length; }
  bool empty() const { return length == 0; }
  T& operator[](Py_ssize_t index) const { return items[index]; }
  T* begin() const { return items; }
  T* end() const { return items + length; }
  T& back() const { return items[length - 1]; }
  Sequence from(Py_ssize_t index) const { return {items + index, length - index}; }
};

enum class BooleanOperator : unsigned char { And, Or };
enum class Operator : unsigned char {
  Add, Sub, Mult, MatMult, Div, Mod, Pow, LShift, RShift, BitOr, BitXor, BitAnd, FloorDiv
};
enum class UnaryOperator : unsigned char { Invert, Not, UAdd, USub };
enum class Comparison : unsigned char { Eq, NotEq, Lt, LtE, Gt, GtE, Is, IsNot, In, NotIn };
enum class Context : unsigned char { Load, Store, Del };

#define STATEMENT(NAME, FIELDS) NAME,
enum class StatementKind : unsigned char {
#include "syntax/ast.def"
};
#define EXPRESSION(NAME, FIELDS) NAME,
enum class ExpressionKind : unsigned char {
#include "syntax/ast.def"
};
#define PATTERN(NAME, FIELDS) NAME,
enum class PatternKind : unsigned char {
#include "syntax/ast.def"
};
#define TYPE_PARAMETER(NAME, FIELDS) NAME,
enum class TypeParameterKind : unsigned char {
#include "syntax/ast.def"
};

// A node of a sum: what all its kinds have.
template <class KindType>
struct Node {
  using Kind = KindType;
  Kind kind;
  Position position;

  template <class T>
  bool is() const {
    return kind == T::kKind;
  }
  // This node as the struct of its kind; the caller has looked at `kind`.
  template <class T>
  T* as() {
    return static_cast<T*>(this);
  }
  template <class T>
  const T* as() const {
    return static_cast<const T*>(this);
  }
  // The same, or nullptr when it is of another kind.
  template <class T>
  T* if_is() {
    return kind == T::kKind ? static_cast<T*>(this) : nullptr;
  }
  template <class T>
  const T* if_is() const {
    return kind == T::kKind ? static_cast<const T*>(this) : nullptr;
  }
};
struct Statement : Node<StatementKind> {};
struct Expression : Node<ExpressionKind> {};
struct Pattern : Node<PatternKind> {};
struct TypeParameter : Node<TypeParameterKind> {};

// A product with positions has them as its base.
struct Positioned {
  Position position;
};

struct Arguments;
struct Argument;
struct Keyword;
struct Alias;
struct WithItem;
struct MatchCase;
struct Comprehension;
struct ExceptHandler;

#define ONE(T, NAME) T* NAME{};
#define MAYBE(T, NAME) T* NAME{};
#define MANY(T, NAME) Sequence<T*> NAME{};
#define MANY_MAYBE(T, NAME) Sequence<T*> NAME{};
#define ENUM(T, NAME) T NAME{};
#define ENUMS(T, NAME) Sequence<T> NAME{};
#define IDENTIFIER(NAME) Identifier NAME{};
#define MAYBE_IDENTIFIER(NAME) Identifier NAME{};
#define IDENTIFIERS(NAME) Sequence<Identifier> NAME{};
#define MAYBE_STRING(NAME) PyObject* NAME{};
#define CONSTANT(NAME) PyObject* NAME{};
#define INTEGER(NAME) int NAME{};
#define MAYBE_INTEGER(NAME) int NAME{};
#define STATEMENT(NAME, FIELDS)                                 \
  struct NAME : Statement {                                     \
    static constexpr StatementKind kKind = StatementKind::NAME; \
    FIELDS                                                      \
  };
#define EXPRESSION(NAME, FIELDS)                                  \
  struct NAME : Expression {                                      \
    static constexpr ExpressionKind kKind = ExpressionKind::NAME; \
    FIELDS                                                        \
  };
#define PATTERN(NAME, FIELDS)                               \
  struct NAME : Pattern {                                   \
    static constexpr PatternKind kKind = PatternKind::NAME; \
    FIELDS                                                  \
  };
#define TYPE_PARAMETER(NAME, FIELDS)                                    \
  struct NAME : TypeParameter {                                         \
    static constexpr TypeParameterKind kKind = TypeParameterKind::NAME; \
    FIELDS                                                              \
  };
#define PRODUCT(STRUCT, NAME, FIELDS) \
  struct STRUCT {                     \
    FIELDS                            \
  };
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) \
  struct STRUCT : Positioned {                      \
    FIELDS                                          \
  };
#include "syntax/ast.def"

struct TypeIgnore {
  int lineno = 0;
  PyObject* tag = nullptr;  // str
};

enum class ModuleKind : unsigned char { Module, Interactive, Expression, FunctionType };

// The root (`mod` in the manual): which fields are meant depends on the kind.
struct Module {
  ModuleKind kind = ModuleKind::Module;
  Sequence<Statement*> body;              // Module, Interactive
  Sequence<TypeIgnore*> type_ignores;     // Module
  Expression* expression = nullptr;       // Expression: `body`; FunctionType: `returns`
  Sequence<Expression*> argtypes;         // FunctionType
};

}  // namespace ks::syntax
