#include "compiler/preprocess.h"

#include <cstdio>
#include <vector>

#include "compiler/error.h"
#include "compiler/symbols.h"
#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

namespace {

constexpr Position kNowhere = {-1, -1, -1, -1};

// One %-conversion of a format string.
struct Conversion {
  Py_UCS4 kind = 0;
  bool left = false;
  int width = -1;
  int precision = -1;
};

class Preprocessor {
 public:
  Preprocessor(const PreprocessOptions& options, Arena& arena) : options_(options), arena_(arena) {}
  Status run(Module* module) {
    switch (module->kind) {
      case ModuleKind::Module: return body(module->body);
      case ModuleKind::Interactive: return all(module->body);
      case ModuleKind::Expression: return one(module->expression);
      case ModuleKind::FunctionType: return Status::Ok;
    }
    return Status::Ok;
  }

 private:
  // What `return`, `break` and `continue` are in.
  enum class Inside { Finally, Function, Loop };

  template <class F>
  Status in(Inside inside, F visit) {
    inside_.push_back(inside);
    const Status result = visit();
    inside_.pop_back();
    return result;
  }
  Status leaves_finally(const char* word, const Position& at) {
    if (!options_.warn) return Status::Ok;
    return syntax_warning(options_.filename, at, "'%s' in a 'finally' block", word);
  }
  bool directly_in_finally() const { return !inside_.empty() && inside_.back() == Inside::Finally; }

  template <class T>
  Status all(const Sequence<T*>& nodes) {
    for (T*& node : nodes)
      if (node) TRY(one(node));
    return Status::Ok;
  }
  Status body(Sequence<Statement*>& statements);
  Status one(Statement*& node);
  Status one(Expression*& node);
  Status one(Pattern*& node);
  Status one(TypeParameter*& node) { return children(node); }
  Status one(Argument*& node) {
    if (node->annotation) TRY(annotation(node->annotation));
    return Status::Ok;
  }
  Status one(Alias*&) { return Status::Ok; }
  template <class T>
  Status one(T*& node) {
    return fields(node);
  }
  Status annotation(Expression*& node) {
    // As text, annotations stay as they were written.
    return options_.flags & CO_FUTURE_ANNOTATIONS ? Status::Ok : one(node);
  }

  Status children(Statement* node);
  Status children(Expression* node);
  Status children(Pattern* node);
  Status children(TypeParameter* node);
#define ONE(T, NAME) TRY(one(node->NAME));
#define MAYBE(T, NAME) \
  if (node->NAME) TRY(one(node->NAME));
#define MANY(T, NAME) TRY(all(node->NAME));
#define MANY_MAYBE(T, NAME) TRY(all(node->NAME));
#define ENUM(T, NAME)
#define ENUMS(T, NAME)
#define IDENTIFIER(NAME)
#define MAYBE_IDENTIFIER(NAME)
#define IDENTIFIERS(NAME)
#define MAYBE_STRING(NAME)
#define CONSTANT(NAME)
#define INTEGER(NAME)
#define MAYBE_INTEGER(NAME)
#define FIELDS_OF(NAME, FIELDS)  \
  Status fields([[maybe_unused]] NAME* node) { \
    FIELDS                       \
    return Status::Ok;           \
  }
#define STATEMENT(NAME, FIELDS) FIELDS_OF(NAME, FIELDS)
#define EXPRESSION(NAME, FIELDS) FIELDS_OF(NAME, FIELDS)
#define PATTERN(NAME, FIELDS) FIELDS_OF(NAME, FIELDS)
#define TYPE_PARAMETER(NAME, FIELDS) FIELDS_OF(NAME, FIELDS)
#define PRODUCT(STRUCT, NAME, FIELDS) FIELDS_OF(STRUCT, FIELDS)
#define PRODUCT_WITH_POSITION(STRUCT, NAME, FIELDS) FIELDS_OF(STRUCT, FIELDS)
#include "syntax/ast.def"

  template <class F>
  Status function(F* node);
  template <class T>
  Status try_statement(T* node);
  template <class T>
  Status loop(T* node);

  Constant* make_constant(Ref<> value, const Position& at) {
    PyObject* owned = arena_.own(std::move(value));
    return owned ? arena_.make<Constant>(at, owned, nullptr) : nullptr;
  }
  Found percent_format(Expression*& node, PyObject* format, const Sequence<Expression*>& values);
  Found literal_part(PyObject* format, Py_ssize_t* at, std::vector<Expression*>* parts);
  Expression* value_part(const Conversion& conversion, Expression* value);
  Status pattern_constant(Expression*& node);

  const PreprocessOptions& options_;
  Arena& arena_;
  std::vector<Inside> inside_;
};

Status Preprocessor::children(Statement* node) {
  switch (node->kind) {
#define STATEMENT(NAME, FIELDS) \
  case StatementKind::NAME: return fields(node->as<NAME>());
#include "syntax/ast.def"
  }
  return Status::Ok;
}
Status Preprocessor::children(Expression* node) {
  switch (node->kind) {
#define EXPRESSION(NAME, FIELDS) \
  case ExpressionKind::NAME: return fields(node->as<NAME>());
#include "syntax/ast.def"
  }
  return Status::Ok;
}
Status Preprocessor::children(Pattern* node) {
  switch (node->kind) {
#define PATTERN(NAME, FIELDS) \
  case PatternKind::NAME: return fields(node->as<NAME>());
#include "syntax/ast.def"
  }
  return Status::Ok;
}
Status Preprocessor::children(TypeParameter* node) {
  switch (node->kind) {
#define TYPE_PARAMETER(NAME, FIELDS) \
  case TypeParameterKind::NAME: return fields(node->as<NAME>());
#include "syntax/ast.def"
  }
  return Status::Ok;
}

// A body that may begin with a docstring.
Status Preprocessor::body(Sequence<Statement*>& statements) {
  const bool has_docstring = docstring_of(statements) != nullptr;
  bool removed = false;
  if (has_docstring && options_.optimize >= 2 && !options_.check_only) {
    if (statements.size() == 1) {
      const Position& at = statements[0]->position;
      Statement* pass = arena_.make<Pass>({at.lineno, at.col_offset, at.lineno, at.col_offset + 4});
      if (!pass) return failed;
      statements.items[0] = pass;
      return Status::Ok;
    }
    statements = statements.from(1);
    removed = true;
  }
  TRY(all(statements));
  if ((!has_docstring || removed) && docstring_of(statements)) {
    // A string that only now is the first statement is no docstring.
    auto* statement = statements[0]->as<Expr>();
    Sequence<Expression*> values = arena_.sequence<Expression*>(1);
    if (values.length < 0) return failed;
    values.items[0] = statement->value;
    statement->value = arena_.make<JoinedStr>(statement->value->position, values);
    if (!statement->value) return failed;
  }
  return Status::Ok;
}

template <class F>
Status Preprocessor::function(F* node) {
  TRY(all(node->type_params));
  TRY(fields(node->args));
  TRY(in(Inside::Function, [&] { return body(node->body); }));
  TRY(all(node->decorator_list));
  return node->returns ? annotation(node->returns) : Status::Ok;
}

template <class T>
Status Preprocessor::try_statement(T* node) {
  TRY(all(node->body));
  TRY(all(node->handlers));
  TRY(all(node->orelse));
  return in(Inside::Finally, [&] { return all(node->finalbody); });
}

template <class T>
Status Preprocessor::loop(T* node) {
  TRY(in(Inside::Loop, [&] { return all(node->body); }));
  return all(node->orelse);
}

Status Preprocessor::one(Statement*& node) {
  const Nesting nesting;
  if (!nesting) return failed;
  switch (node->kind) {
    case StatementKind::FunctionDef: return function(node->as<FunctionDef>());
    case StatementKind::AsyncFunctionDef: return function(node->as<AsyncFunctionDef>());
    case StatementKind::ClassDef: {
      auto* cls = node->as<ClassDef>();
      TRY(all(cls->type_params));
      TRY(all(cls->bases));
      TRY(all(cls->keywords));
      TRY(body(cls->body));
      return all(cls->decorator_list);
    }
    case StatementKind::AnnAssign: {
      auto* assign = node->as<AnnAssign>();
      TRY(one(assign->target));
      TRY(annotation(assign->annotation));
      return assign->value ? one(assign->value) : Status::Ok;
    }
    case StatementKind::For:
      TRY(one(node->as<For>()->target));
      TRY(one(node->as<For>()->iter));
      return loop(node->as<For>());
    case StatementKind::AsyncFor:
      TRY(one(node->as<AsyncFor>()->target));
      TRY(one(node->as<AsyncFor>()->iter));
      return loop(node->as<AsyncFor>());
    case StatementKind::While:
      TRY(one(node->as<While>()->test));
      return loop(node->as<While>());
    case StatementKind::Try: return try_statement(node->as<Try>());
    case StatementKind::TryStar: return try_statement(node->as<TryStar>());
    case StatementKind::Return:
      if (directly_in_finally()) TRY(leaves_finally("return", node->position));
      return children(node);
    case StatementKind::Break:
      if (directly_in_finally()) return leaves_finally("break", node->position);
      return Status::Ok;
    case StatementKind::Continue:
      if (directly_in_finally()) return leaves_finally("continue", node->position);
      return Status::Ok;
    default: return children(node);
  }
}

Status Preprocessor::one(Expression*& node) {
  const Nesting nesting;
  if (!nesting) return failed;
  TRY(children(node));
  if (options_.check_only) return Status::Ok;
  if (const Name* name = node->if_is<Name>()) {
    if (name->ctx != Context::Load || !PyUnicode_EqualToUTF8(name->id, "__debug__")) return Status::Ok;
    node = make_constant(borrow(options_.optimize ? Py_False : Py_True), node->position);
    return node ? Status::Ok : Status::Error;
  }
  if (const BinOp* operation = node->if_is<BinOp>()) {
    if (operation->op != Operator::Mod) return Status::Ok;
    const Constant* format = operation->left->if_is<Constant>();
    const Tuple* values = operation->right->if_is<Tuple>();
    if (!format || !values || !PyUnicode_Check(format->value)) return Status::Ok;
    for (const Expression* value : values->elts)
      if (value->is<Starred>()) return Status::Ok;
    TRY(percent_format(node, format->value, values->elts));
  }
  return Status::Ok;
}

// ---- "..." % (...) ---------------------------------------------------------------------------------------------------

// The text up to the next conversion, if there is any.
Found Preprocessor::literal_part(PyObject* format, Py_ssize_t* at, std::vector<Expression*>* parts) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(format), start = *at;
  bool doubled = false;
  while (*at < length) {
    if (PyUnicode_READ_CHAR(format, *at) != '%') {
      ++*at;
    } else if (*at + 1 < length && PyUnicode_READ_CHAR(format, *at + 1) == '%') {
      doubled = true;
      *at += 2;
    } else {
      break;
    }
  }
  if (*at == start) return Found::No;
  Ref<> text = TRY(steal(PyUnicode_Substring(format, start, *at)));
  if (doubled) {
    Ref<> two = TRY(steal(PyUnicode_FromString("%%")));
    Ref<> single = TRY(steal(PyUnicode_FromString("%")));
    text = TRY(steal(PyUnicode_Replace(text, two, single, -1)));
  }
  parts->push_back(TRY(make_constant(std::move(text), kNowhere)));
  return Found::Yes;
}

// Reads what follows a %; false if it is something that f-strings do otherwise.
bool read_conversion(PyObject* format, Py_ssize_t* at, Conversion* out) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(format);
  Py_UCS4 character = 0;
  auto next = [&] {
    if (*at >= length) return false;
    character = PyUnicode_READ_CHAR(format, (*at)++);
    return true;
  };
  auto number = [&](int* value) {
    constexpr int kMostDigits = 3;
    int digits = 0;
    *value = 0;
    while (character >= '0' && character <= '9') {
      *value = *value * 10 + static_cast<int>(character - '0');
      if (!next() || ++digits >= kMostDigits) return false;
    }
    return true;
  };
  for (;;) {
    if (!next()) return false;
    if (character == '-') out->left = true;
    else if (character != '+' && character != ' ' && character != '#' && character != '0') break;
  }
  if (character >= '0' && character <= '9' && !number(&out->width)) return false;
  if (character == '.' && (!next() || !number(&out->precision))) return false;
  out->kind = character;
  return character == 's' || character == 'r' || character == 'a';
}

Expression* Preprocessor::value_part(const Conversion& conversion, Expression* value) {
  char buffer[16];
  int length = 0;
  if (!conversion.left && conversion.width > 0) buffer[length++] = '>';
  if (conversion.width >= 0) length += snprintf(buffer + length, sizeof buffer - static_cast<size_t>(length), "%d", conversion.width);
  if (conversion.precision >= 0) length += snprintf(buffer + length, sizeof buffer - static_cast<size_t>(length), ".%d", conversion.precision);
  Expression* spec = nullptr;
  if (length) spec = TRY(make_constant(steal(PyUnicode_FromStringAndSize(buffer, length)), kNowhere));
  return arena_.make<FormattedValue>(value->position, value, static_cast<int>(conversion.kind), spec);
}

// "%s and %r" % (a, b) becomes f"{a!s} and {b!r}"; No where that is not the same.
Found Preprocessor::percent_format(Expression*& node, PyObject* format, const Sequence<Expression*>& values) {
  std::vector<Expression*> parts;
  Py_ssize_t at = 0, used = 0;
  for (;;) {
    TRY(literal_part(format, &at, &parts));
    if (at >= PyUnicode_GET_LENGTH(format)) break;
    if (used >= values.size()) return Found::No;
    ++at;
    Conversion conversion;
    if (!read_conversion(format, &at, &conversion)) return Found::No;
    parts.push_back(TRY(value_part(conversion, values[used++])));
  }
  if (used < values.size()) return Found::No;
  const Sequence<Expression*> sequence = arena_.copy(parts.data(), static_cast<Py_ssize_t>(parts.size()));
  if (sequence.length < 0) return failed;
  node = TRY(arena_.make<JoinedStr>(node->position, sequence));
  return Found::Yes;
}

// ---- patterns --------------------------------------------------------------------------------------------------------

Status Preprocessor::one(Pattern*& node) {
  TRY(children(node));
  if (options_.check_only) return Status::Ok;
  if (auto* value = node->if_is<MatchValue>()) return pattern_constant(value->value);
  if (auto* mapping = node->if_is<MatchMapping>())
    for (Expression*& key : mapping->keys) TRY(pattern_constant(key));
  return Status::Ok;
}

// -1 and 1 + 2j are values too.
Status Preprocessor::pattern_constant(Expression*& node) {
  Ref<> value;
  if (auto* unary = node->if_is<UnaryOp>()) {
    const Constant* operand = unary->operand->if_is<Constant>();
    if (unary->op != UnaryOperator::USub || !operand) return Status::Ok;
    value = steal(PyNumber_Negative(operand->value));
  } else if (auto* operation = node->if_is<BinOp>()) {
    if (operation->op != Operator::Add && operation->op != Operator::Sub) return Status::Ok;
    TRY(pattern_constant(operation->left));
    const Constant* left = operation->left->if_is<Constant>();
    const Constant* right = operation->right->if_is<Constant>();
    if (!left || !right) return Status::Ok;
    value = steal(operation->op == Operator::Add ? PyNumber_Add(left->value, right->value) : PyNumber_Subtract(left->value, right->value));
  } else {
    return Status::Ok;
  }
  if (!value) {
    PyErr_Clear();
    return Status::Ok;
  }
  node = make_constant(std::move(value), node->position);
  return node ? Status::Ok : Status::Error;
}

}  // namespace

Status preprocess(Module* module, const PreprocessOptions& options, Arena& arena) { return Preprocessor(options, arena).run(module); }

}  // namespace ks::compiler
