// Expressions as source text: what `from __future__ import annotations` keeps of an annotation.
//
// Parentheses are put only where the level of binding asks for them; strings are shown as repr() shows them.
#include <string>

#include "compiler/codegen.h"

namespace ks::compiler {

using namespace syntax;

namespace {

enum Level { kTuple, kTest, kOr, kAnd, kNot, kCompare, kBitOr, kBitXor, kBitAnd, kShift, kSum, kProduct, kFactor, kPower, kAwait, kAtom };

struct BinaryRow {
  const char* text;
  Level level;
};
constexpr BinaryRow kBinary[] = {{" + ", kSum},     {" - ", kSum},     {" * ", kProduct}, {" @ ", kProduct}, {" / ", kProduct},
                                 {" % ", kProduct}, {" ** ", kPower},  {" << ", kShift},  {" >> ", kShift},  {" | ", kBitOr},
                                 {" ^ ", kBitXor},  {" & ", kBitAnd},  {" // ", kProduct}};
constexpr const char* kComparisons[] = {" == ", " != ", " < ", " <= ", " > ", " >= ", " is ", " is not ", " in ", " not in "};

constexpr Level tighter(Level level) { return static_cast<Level>(level + 1); }

class Text {
 public:
  Status add(const Expression* node, int level) {
    switch (node->kind) {
      case ExpressionKind::BoolOp: {
        const auto* op = node->as<BoolOp>();
        const Level own = op->op == BooleanOperator::And ? kAnd : kOr;
        return wrapped(level > own, [&] {
          return list(op->values, own == kAnd ? " and " : " or ", tighter(own));
        });
      }
      case ExpressionKind::BinOp: {
        const auto* op = node->as<BinOp>();
        const BinaryRow& row = kBinary[static_cast<int>(op->op)];
        const bool right = row.level == kPower;
        return wrapped(level > row.level, [&]() -> Status {
          TRY(add(op->left, row.level + right));
          text += row.text;
          return add(op->right, row.level + !right);
        });
      }
      case ExpressionKind::UnaryOp: {
        const auto* op = node->as<UnaryOp>();
        const Level own = op->op == UnaryOperator::Not ? kNot : kFactor;
        constexpr const char* signs[] = {"~", "not ", "+", "-"};
        return wrapped(level > own, [&] {
          text += signs[static_cast<int>(op->op)];
          return add(op->operand, own);
        });
      }
      case ExpressionKind::Lambda:
        return wrapped(level > kTest, [&]() -> Status {
          const auto* lambda = node->as<Lambda>();
          text += "lambda";
          const size_t before = text.size();
          text += ' ';
          TRY(parameters(lambda->args));
          if (text.size() == before + 1) text.resize(before);
          text += ": ";
          return add(lambda->body, kTest);
        });
      case ExpressionKind::IfExp:
        return wrapped(level > kTest, [&]() -> Status {
          const auto* choice = node->as<IfExp>();
          TRY(add(choice->body, tighter(kTest)));
          text += " if ";
          TRY(add(choice->test, tighter(kTest)));
          text += " else ";
          return add(choice->orelse, kTest);
        });
      case ExpressionKind::NamedExpr:
        return wrapped(level > kTuple, [&]() -> Status {
          TRY(add(node->as<NamedExpr>()->target, kAtom));
          text += " := ";
          return add(node->as<NamedExpr>()->value, kAtom);
        });
      case ExpressionKind::Dict: return dict(node->as<Dict>());
      case ExpressionKind::Set: return bracketed('{', '}', [&] { return list(node->as<Set>()->elts, ", ", kTest); });
      case ExpressionKind::List: return bracketed('[', ']', [&] { return list(node->as<List>()->elts, ", ", kTest); });
      case ExpressionKind::Tuple: {
        const auto& items = node->as<Tuple>()->elts;
        if (items.empty()) return put("()");
        return wrapped(level > kTuple, [&]() -> Status {
          TRY(list(items, ", ", kTest));
          return put(items.size() == 1 ? "," : "");
        });
      }
      case ExpressionKind::ListComp:
        return bracketed('[', ']', [&] { return comprehension(node->as<ListComp>()->elt, nullptr, node->as<ListComp>()->generators); });
      case ExpressionKind::SetComp:
        return bracketed('{', '}', [&] { return comprehension(node->as<SetComp>()->elt, nullptr, node->as<SetComp>()->generators); });
      case ExpressionKind::GeneratorExp:
        return bracketed('(', ')', [&] { return comprehension(node->as<GeneratorExp>()->elt, nullptr, node->as<GeneratorExp>()->generators); });
      case ExpressionKind::DictComp: {
        const auto* comp = node->as<DictComp>();
        return bracketed('{', '}', [&] { return comprehension(comp->key, comp->value, comp->generators); });
      }
      case ExpressionKind::Await:
        return wrapped(level > kAwait, [&] {
          text += "await ";
          return add(node->as<Await>()->value, kAtom);
        });
      case ExpressionKind::Yield: {
        const auto* value = node->as<Yield>()->value;
        if (!value) return put("(yield)");
        text += "(yield ";
        TRY(add(value, kTuple));
        return put(")");
      }
      case ExpressionKind::YieldFrom:
        text += "(yield from ";
        TRY(add(node->as<YieldFrom>()->value, kTest));
        return put(")");
      case ExpressionKind::Compare:
        return wrapped(level > kCompare, [&]() -> Status {
          const auto* compare = node->as<Compare>();
          TRY(add(compare->left, tighter(kCompare)));
          for (Py_ssize_t i = 0; i < compare->ops.size(); ++i) {
            text += kComparisons[static_cast<int>(compare->ops[i])];
            TRY(add(compare->comparators[i], tighter(kCompare)));
          }
          return Status::Ok;
        });
      case ExpressionKind::Call: return call(node->as<Call>());
      case ExpressionKind::JoinedStr: return formatted(node->as<JoinedStr>()->values, 'f');
      case ExpressionKind::TemplateStr: return formatted(node->as<TemplateStr>()->values, 't');
      case ExpressionKind::FormattedValue:
      case ExpressionKind::Interpolation: {
        Text body;
        TRY(body.field(node));
        return quoted('f', body.text);
      }
      case ExpressionKind::Constant: {
        const auto* constant = node->as<Constant>();
        if (constant->kind_prefix) TRY(object(constant->kind_prefix, false));
        return object(constant->value, true);
      }
      case ExpressionKind::Attribute: {
        const auto* attribute = node->as<Attribute>();
        TRY(add(attribute->value, kAtom));
        // "1.real" would be a float.
        const auto* constant = attribute->value->if_is<Constant>();
        text += constant && PyLong_CheckExact(constant->value) ? " ." : ".";
        return object(attribute->attr, false);
      }
      case ExpressionKind::Subscript:
        TRY(add(node->as<Subscript>()->value, kAtom));
        return bracketed('[', ']', [&] { return add(node->as<Subscript>()->slice, kTuple); });
      case ExpressionKind::Starred:
        text += '*';
        return add(node->as<Starred>()->value, kBitOr);
      case ExpressionKind::Name: return object(node->as<Name>()->id, false);
      case ExpressionKind::Slice: {
        const auto* slice = node->as<Slice>();
        if (slice->lower) TRY(add(slice->lower, kTest));
        text += ':';
        if (slice->upper) TRY(add(slice->upper, kTest));
        if (slice->step) {
          text += ':';
          TRY(add(slice->step, kTest));
        }
        return Status::Ok;
      }
    }
    return Status::Ok;
  }

  std::string text;

 private:
  Status put(const char* more) {
    text += more;
    return Status::Ok;
  }
  template <class Body>
  Status wrapped(bool parentheses, Body body) {
    if (parentheses) text += '(';
    TRY(body());
    if (parentheses) text += ')';
    return Status::Ok;
  }
  template <class Body>
  Status bracketed(char open, char close, Body body) {
    text += open;
    TRY(body());
    text += close;
    return Status::Ok;
  }
  template <class Items>
  Status list(const Items& items, const char* separator, int level) {
    for (Py_ssize_t i = 0; i < items.size(); ++i) {
      if (i) text += separator;
      TRY(add(items[i], level));
    }
    return Status::Ok;
  }
  // An object's text: of a constant, as source has it (infinity as a number too large, an ellipsis as dots).
  Status object(PyObject* value, bool as_constant) {
    if (as_constant && value == Py_Ellipsis) return put("...");
    Ref<> shown = TRY(steal(as_constant ? PyObject_Repr(value) : PyObject_Str(value)));
    const char* utf8 = TRY(PyUnicode_AsUTF8(shown));
    std::string written = utf8;
    if (as_constant && (PyFloat_CheckExact(value) || PyComplex_CheckExact(value)))
      for (size_t at; (at = written.find("inf")) != std::string::npos;) written.replace(at, 3, "1e309");
    text += written;
    return Status::Ok;
  }

  Status dict(const Dict* node) {
    return bracketed('{', '}', [&]() -> Status {
      for (Py_ssize_t i = 0; i < node->values.size(); ++i) {
        if (i) text += ", ";
        if (node->keys[i]) {
          TRY(add(node->keys[i], kTest));
          text += ": ";
          TRY(add(node->values[i], kTest));
        } else {
          text += "**";
          TRY(add(node->values[i], kBitOr));
        }
      }
      return Status::Ok;
    });
  }

  Status comprehension(const Expression* element, const Expression* value, const Sequence<Comprehension*>& clauses) {
    TRY(add(element, kTest));
    if (value) {
      text += ": ";
      TRY(add(value, kTest));
    }
    for (const Comprehension* clause : clauses) {
      text += clause->is_async ? " async for " : " for ";
      TRY(add(clause->target, kTuple));
      text += " in ";
      TRY(add(clause->iter, tighter(kTest)));
      for (const Expression* condition : clause->ifs) {
        text += " if ";
        TRY(add(condition, tighter(kTest)));
      }
    }
    return Status::Ok;
  }

  Status call(const Call* node) {
    TRY(add(node->func, kAtom));
    // A generator that is the only argument brings its own parentheses.
    if (node->args.size() == 1 && node->keywords.empty() && node->args[0]->is<GeneratorExp>()) return add(node->args[0], kTest);
    return bracketed('(', ')', [&]() -> Status {
      TRY(list(node->args, ", ", kTest));
      for (Py_ssize_t i = 0; i < node->keywords.size(); ++i) {
        if (i || !node->args.empty()) text += ", ";
        if (node->keywords[i]->arg) {
          TRY(object(node->keywords[i]->arg, false));
          text += '=';
        } else {
          text += "**";
        }
        TRY(add(node->keywords[i]->value, kTest));
      }
      return Status::Ok;
    });
  }

  Status parameters(const Arguments* args) {
    bool first = true;
    auto next = [&] {
      if (!first) text += ", ";
      first = false;
    };
    const Py_ssize_t positional = args->posonlyargs.size() + args->args.size();
    const Py_ssize_t without_default = positional - args->defaults.size();
    for (Py_ssize_t i = 0; i < positional; ++i) {
      next();
      const bool positional_only = i < args->posonlyargs.size();
      TRY(parameter(positional_only ? args->posonlyargs[i] : args->args[i - args->posonlyargs.size()]));
      if (i >= without_default) {
        text += '=';
        TRY(add(args->defaults[i - without_default], kTest));
      }
      if (i + 1 == args->posonlyargs.size()) text += ", /";
    }
    if (args->vararg || !args->kwonlyargs.empty()) {
      next();
      text += '*';
      if (args->vararg) TRY(parameter(args->vararg));
    }
    for (Py_ssize_t i = 0; i < args->kwonlyargs.size(); ++i) {
      next();
      TRY(parameter(args->kwonlyargs[i]));
      if (args->kw_defaults[i]) {
        text += '=';
        TRY(add(args->kw_defaults[i], kTest));
      }
    }
    if (args->kwarg) {
      next();
      text += "**";
      TRY(parameter(args->kwarg));
    }
    return Status::Ok;
  }
  Status parameter(const Argument* argument) {
    TRY(object(argument->arg, false));
    if (!argument->annotation) return Status::Ok;
    text += ": ";
    return add(argument->annotation, kTest);
  }

  // ---- f-strings and t-strings

  Status field(const Expression* node) {
    const auto* formatted_value = node->if_is<FormattedValue>();
    const auto* interpolation = node->if_is<Interpolation>();
    const Expression* value = formatted_value ? formatted_value->value : interpolation->value;
    const int conversion = formatted_value ? formatted_value->conversion : interpolation->conversion;
    const Expression* specification = formatted_value ? formatted_value->format_spec : interpolation->format_spec;
    Text inner;
    // Of an interpolation the text is known as it was written.
    if (interpolation && interpolation->str && PyUnicode_Check(interpolation->str)) {
      Py_ssize_t size;
      const char* written = TRY(PyUnicode_AsUTF8AndSize(interpolation->str, &size));
      inner.text.assign(written, static_cast<size_t>(size));
    } else {
      TRY(inner.add(value, tighter(kTest)));
    }
    // "{{" would be a brace.
    text += !inner.text.empty() && inner.text[0] == '{' ? "{ " : "{";
    text += inner.text;
    if (conversion > 0) {
      text += '!';
      text += static_cast<char>(conversion);
    }
    if (specification) {
      text += ':';
      TRY(parts(specification));
    }
    text += '}';
    return Status::Ok;
  }
  Status parts(const Expression* node) {
    if (const auto* joined = node->if_is<JoinedStr>()) {
      for (const Expression* part : joined->values) TRY(parts(part));
      return Status::Ok;
    }
    if (const auto* constant = node->if_is<Constant>()) {
      const char* utf8 = TRY(PyUnicode_AsUTF8(constant->value));
      for (; *utf8; ++utf8) {
        text += *utf8;
        if (*utf8 == '{' || *utf8 == '}') text += *utf8;
      }
      return Status::Ok;
    }
    return field(node);
  }
  Status formatted(const Sequence<Expression*>& values, char prefix) {
    Text body;
    for (const Expression* value : values) TRY(body.parts(value));
    return quoted(prefix, body.text);
  }
  Status quoted(char prefix, const std::string& body) {
    Ref<> value = TRY(steal(PyUnicode_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size()))));
    text += prefix;
    return object(value, true);
  }
};

}  // namespace

Ref<> expression_text(const Expression* node) {
  Text text;
  TRY(text.add(node, kTest));
  return steal(PyUnicode_FromStringAndSize(text.text.data(), static_cast<Py_ssize_t>(text.text.size())));
}

}  // namespace ks::compiler
