// Expressions, except calls and comprehensions.
#include "compiler/codegen.h"
#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

namespace {

// So many operands may lie on the stack; longer displays and calls are built piece by piece.
constexpr Py_ssize_t kStackGuideline = 30;

bool is_constant_slice(const Slice* slice) {
  for (const Expression* part : {slice->lower, slice->upper, slice->step})
    if (part && !part->is<Constant>()) return false;
  return true;
}
bool is_two_part_slice(const Expression* node) {
  const auto* slice = node->if_is<Slice>();
  return slice && !slice->step && !is_constant_slice(slice);
}

// The name of the type that the expression's value surely has, or nullptr.
const char* type_name_of(const Expression* node) {
  switch (node->kind) {
    case ExpressionKind::Tuple: return "tuple";
    case ExpressionKind::List:
    case ExpressionKind::ListComp: return "list";
    case ExpressionKind::Dict:
    case ExpressionKind::DictComp: return "dict";
    case ExpressionKind::Set:
    case ExpressionKind::SetComp: return "set";
    case ExpressionKind::GeneratorExp: return "generator";
    case ExpressionKind::Lambda: return "function";
    case ExpressionKind::TemplateStr: return "string.templatelib.Template";
    case ExpressionKind::Interpolation: return "string.templatelib.Interpolation";
    case ExpressionKind::JoinedStr:
    case ExpressionKind::FormattedValue: return "str";
    case ExpressionKind::Constant: return Py_TYPE(node->as<Constant>()->value)->tp_name;
    default: return nullptr;
  }
}

}  // namespace

Location attribute_location(Location at, const Attribute* node) {
  if (at.lineno == node->position.end_lineno) return at;
  at.lineno = node->position.end_lineno;
  const int length = static_cast<int>(PyUnicode_GET_LENGTH(node->attr));
  if (length <= node->position.end_col_offset) {
    at.col_offset = node->position.end_col_offset - length;
  } else {
    at.col_offset = at.end_col_offset = -1;
  }
  return at;
}

Status Codegen::visit(const Expression* node) {
  Nesting nesting;
  if (!nesting) return failed;
  return visit_kind(node);
}

Status Codegen::visit_kind(const Expression* node) {
  const Location& at = node->position;
  switch (node->kind) {
    case ExpressionKind::NamedExpr:
      TRY(visit(node->as<NamedExpr>()->value));
      emit(COPY, 1, at);
      return visit(node->as<NamedExpr>()->target);
    case ExpressionKind::BoolOp: {
      const auto* n = node->as<BoolOp>();
      const Label end = new_label();
      const int jump = n->op == BooleanOperator::And ? JUMP_IF_FALSE : JUMP_IF_TRUE;
      for (Py_ssize_t i = 0; i + 1 < n->values.size(); ++i) {
        TRY(visit(n->values[i]));
        emit_jump(jump, end, at);
        emit(POP_TOP, at);
      }
      TRY(visit(n->values.back()));
      use(end);
      return Status::Ok;
    }
    case ExpressionKind::BinOp: {
      const auto* n = node->as<BinOp>();
      TRY(visit(n->left));
      TRY(visit(n->right));
      emit_binary(n->op, false, at);
      return Status::Ok;
    }
    case ExpressionKind::UnaryOp: {
      const auto* n = node->as<UnaryOp>();
      TRY(visit(n->operand));
      switch (n->op) {
        case UnaryOperator::Not:
          emit(TO_BOOL, at);
          emit(UNARY_NOT, at);
          break;
        case UnaryOperator::UAdd: emit(CALL_INTRINSIC_1, intrinsic::UnaryPositive, at); break;
        case UnaryOperator::USub: emit(UNARY_NEGATIVE, at); break;
        case UnaryOperator::Invert: emit(UNARY_INVERT, at); break;
      }
      return Status::Ok;
    }
    case ExpressionKind::Lambda:
      return lambda(node->as<Lambda>());
    case ExpressionKind::IfExp: {
      const auto* n = node->as<IfExp>();
      const Label end = new_label(), next = new_label();
      TRY(jump_if(n->test, next, false));
      TRY(visit(n->body));
      emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
      use(next);
      TRY(visit(n->orelse));
      use(end);
      return Status::Ok;
    }
    case ExpressionKind::Dict:
      return dict(node->as<Dict>());
    case ExpressionKind::Set:
      return build_sequence(node->as<Set>()->elts, at, 0, BUILD_SET, SET_ADD, SET_UPDATE, false);
    case ExpressionKind::GeneratorExp: {
      const auto* n = node->as<GeneratorExp>();
      return comprehension(node, "<genexpr>"_id, ComprehensionKind::Generator, n->generators, n->elt, nullptr);
    }
    case ExpressionKind::ListComp: {
      const auto* n = node->as<ListComp>();
      return comprehension(node, "<listcomp>"_id, ComprehensionKind::List, n->generators, n->elt, nullptr);
    }
    case ExpressionKind::SetComp: {
      const auto* n = node->as<SetComp>();
      return comprehension(node, "<setcomp>"_id, ComprehensionKind::Set, n->generators, n->elt, nullptr);
    }
    case ExpressionKind::DictComp: {
      const auto* n = node->as<DictComp>();
      return comprehension(node, "<dictcomp>"_id, ComprehensionKind::Dict, n->generators, n->key, n->value);
    }
    case ExpressionKind::Yield: {
      if (!scope().is_function_like()) return error(at, "'yield' outside function");
      const Expression* value = node->as<Yield>()->value;
      if (value) TRY(visit(value));
      else TRY(load_const(Py_None, at));
      emit_yield(at);
      return Status::Ok;
    }
    case ExpressionKind::YieldFrom:
      if (!scope().is_function_like()) return error(at, "'yield from' outside function");
      if (unit().type == UnitType::AsyncFunction) return error(at, "'yield from' inside async function");
      TRY(visit(node->as<YieldFrom>()->value));
      emit(GET_YIELD_FROM_ITER, at);
      TRY(load_const(Py_None, at));
      return emit_yield_from(false, at);
    case ExpressionKind::Await:
      TRY(visit(node->as<Await>()->value));
      return emit_await(0, at);
    case ExpressionKind::Compare:
      return compare(node->as<Compare>());
    case ExpressionKind::Call:
      return call(node->as<Call>());
    case ExpressionKind::Constant:
      return load_const(node->as<Constant>()->value, at);
    case ExpressionKind::JoinedStr:
      return joined_string(node->as<JoinedStr>());
    case ExpressionKind::TemplateStr:
      return template_string(node->as<TemplateStr>());
    case ExpressionKind::FormattedValue:
      return formatted_value(node->as<FormattedValue>());
    case ExpressionKind::Interpolation:
      return interpolation(node->as<Interpolation>());
    case ExpressionKind::Attribute:
      return attribute(node->as<Attribute>());
    case ExpressionKind::Subscript:
      return subscript(node->as<Subscript>());
    case ExpressionKind::Starred:
      return error(at, node->as<Starred>()->ctx == Context::Store ? "starred assignment target must be in a list or tuple"
                                                                 : "can't use starred expression here");
    case ExpressionKind::Slice:
      return slice(node->as<Slice>());
    case ExpressionKind::Name:
      return name_operation(node->as<Name>()->id, node->as<Name>()->ctx, at);
    case ExpressionKind::List:
    case ExpressionKind::Tuple: {
      const bool tuple = node->is<Tuple>();
      const Expressions& elements = tuple ? node->as<Tuple>()->elts : node->as<List>()->elts;
      const Context context = tuple ? node->as<Tuple>()->ctx : node->as<List>()->ctx;
      if (context == Context::Store) return assign_sequence(elements, at);
      if (context == Context::Load) return build_sequence(elements, at, 0, BUILD_LIST, LIST_APPEND, LIST_EXTEND, tuple);
      return visit(elements);
    }
  }
  return Status::Ok;
}

// Jumps to the target when the expression's truth is `condition`.
Status Codegen::jump_if(const Expression* node, Label target, bool condition) {
  Nesting nesting;
  if (!nesting) return failed;
  const Location& at = node->position;
  switch (node->kind) {
    case ExpressionKind::UnaryOp:
      if (node->as<UnaryOp>()->op == UnaryOperator::Not) return jump_if(node->as<UnaryOp>()->operand, target, !condition);
      break;
    case ExpressionKind::BoolOp: {
      const auto* n = node->as<BoolOp>();
      const bool is_or = n->op == BooleanOperator::Or;
      // Where an operand goes that decides the whole: to the target, or behind it all.
      const Label decided = is_or != condition ? new_label() : target;
      for (Py_ssize_t i = 0; i + 1 < n->values.size(); ++i) TRY(jump_if(n->values[i], decided, is_or));
      TRY(jump_if(n->values.back(), target, condition));
      if (!(decided == target)) use(decided);
      return Status::Ok;
    }
    case ExpressionKind::IfExp: {
      const auto* n = node->as<IfExp>();
      const Label end = new_label(), next = new_label();
      TRY(jump_if(n->test, next, false));
      TRY(jump_if(n->body, target, condition));
      emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
      use(next);
      TRY(jump_if(n->orelse, target, condition));
      use(end);
      return Status::Ok;
    }
    case ExpressionKind::Compare: {
      const auto* n = node->as<Compare>();
      const Py_ssize_t last = n->ops.size() - 1;
      if (last == 0) break;
      TRY(check_compare(n));
      const Label cleanup = new_label();
      TRY(visit(n->left));
      for (Py_ssize_t i = 0; i < last; ++i) {
        TRY(visit(n->comparators[i]));
        emit(SWAP, 2, at);
        emit(COPY, 2, at);
        emit_compare(n->ops[i], at);
        emit(TO_BOOL, at);
        emit_jump(POP_JUMP_IF_FALSE, cleanup, at);
      }
      TRY(visit(n->comparators[last]));
      emit_compare(n->ops[last], at);
      emit(TO_BOOL, at);
      emit_jump(condition ? POP_JUMP_IF_TRUE : POP_JUMP_IF_FALSE, target, at);
      const Label end = new_label();
      emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
      use(cleanup);
      emit(POP_TOP, at);
      if (!condition) emit_jump(JUMP_NO_INTERRUPT, target, kNoLocation);
      use(end);
      return Status::Ok;
    }
    default:
      break;
  }
  TRY(visit(node));
  emit(TO_BOOL, at);
  emit_jump(condition ? POP_JUMP_IF_TRUE : POP_JUMP_IF_FALSE, target, at);
  return Status::Ok;
}

// ---- displays --------------------------------------------------------------------------------------------------------

Status Codegen::unpack(const Expressions& targets, const Location& at) {
  bool seen_star = false;
  const Py_ssize_t count = targets.size();
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (!targets[i]->is<Starred>()) continue;
    if (seen_star) return error(at, "multiple starred expressions in assignment");
    if (i >= 1 << 8 || count - i - 1 >= INT_MAX >> 8) return error(at, "too many expressions in star-unpacking assignment");
    emit(UNPACK_EX, static_cast<int>(i + ((count - i - 1) << 8)), at);
    seen_star = true;
  }
  if (!seen_star) emit(UNPACK_SEQUENCE, static_cast<int>(count), at);
  return Status::Ok;
}

Status Codegen::assign_sequence(const Expressions& targets, const Location& at) {
  TRY(unpack(targets, at));
  for (const Expression* target : targets) TRY(visit(target->is<Starred>() ? target->as<Starred>()->value : target));
  return Status::Ok;
}

// A display with `pushed` items on the stack already, and `injected` loaded at its end.
Status Codegen::build_sequence(const Expressions& elements, const Location& at, int pushed, int build, int add, int extend, bool tuple,
                               Identifier injected) {
  const Py_ssize_t count = elements.size();
  const bool big = count + pushed + (injected ? 1 : 0) > kStackGuideline;
  bool starred = false;
  for (const Expression* element : elements) starred = starred || element->is<Starred>();
  if (!starred && !big) {
    TRY(visit(elements));
    if (injected) TRY(name_operation(injected, Context::Load, at));
    emit(tuple ? static_cast<int>(BUILD_TUPLE) : build, static_cast<int>(count) + pushed + (injected ? 1 : 0), at);
    return Status::Ok;
  }
  bool built = false;
  if (big) {
    emit(build, pushed, at);
    built = true;
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Expression* element = elements[i];
    if (element->is<Starred>()) {
      if (!built) {
        emit(build, static_cast<int>(i) + pushed, at);
        built = true;
      }
      TRY(visit(element->as<Starred>()->value));
      emit(extend, 1, at);
    } else {
      TRY(visit(element));
      if (built) emit(add, 1, at);
    }
  }
  if (injected) {
    TRY(name_operation(injected, Context::Load, at));
    emit(add, 1, at);
  }
  if (tuple) emit(CALL_INTRINSIC_1, intrinsic::ListToTuple, at);
  return Status::Ok;
}

Status Codegen::sub_dict(const Dict* node, Py_ssize_t begin, Py_ssize_t end) {
  const Location& at = node->position;
  const bool big = (end - begin) * 2 > kStackGuideline;
  if (big) emit(BUILD_MAP, 0, at);
  for (Py_ssize_t i = begin; i < end; ++i) {
    TRY(visit(node->keys[i]));
    TRY(visit(node->values[i]));
    if (big) emit(MAP_ADD, 1, at);
  }
  if (!big) emit(BUILD_MAP, static_cast<int>(end - begin), at);
  return Status::Ok;
}

Status Codegen::dict(const Dict* node) {
  const Location& at = node->position;
  const Py_ssize_t count = node->values.size();
  bool have_dict = false;
  Py_ssize_t waiting = 0;
  auto flush = [&](Py_ssize_t end) -> Status {
    TRY(sub_dict(node, end - waiting, end));
    if (have_dict) emit(DICT_UPDATE, 1, at);
    have_dict = true;
    waiting = 0;
    return Status::Ok;
  };
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (!node->keys[i]) {
      if (waiting) TRY(flush(i));
      if (!have_dict) {
        emit(BUILD_MAP, 0, at);
        have_dict = true;
      }
      TRY(visit(node->values[i]));
      emit(DICT_UPDATE, 1, at);
      continue;
    }
    if (waiting * 2 > kStackGuideline) {
      ++waiting;
      TRY(flush(i + 1));
    } else {
      ++waiting;
    }
  }
  if (waiting) TRY(flush(count));
  if (!have_dict) emit(BUILD_MAP, 0, at);
  return Status::Ok;
}

// ---- comparisons -----------------------------------------------------------------------------------------------------

static bool is_constant_tuple(const Tuple* tuple) {
  for (const Expression* element : tuple->elts)
    if (!element->is<Constant>()) return false;
  return true;
}

Status Codegen::check_compare(const Compare* node) {
  auto fits_is = [](const Expression* operand) {
    if (const auto* tuple = operand->if_is<Tuple>()) return !is_constant_tuple(tuple);
    const auto* constant = operand->if_is<Constant>();
    return !constant || constant->value == Py_None || PyBool_Check(constant->value) || constant->value == Py_Ellipsis;
  };
  const Expression* left = node->left;
  bool left_fits = fits_is(left);
  for (Py_ssize_t i = 0; i < node->ops.size(); ++i) {
    const Expression* right = node->comparators[i];
    const bool right_fits = fits_is(right);
    const Comparison op = node->ops[i];
    if ((op == Comparison::Is || op == Comparison::IsNot) && (!right_fits || !left_fits)) {
      const char* type = type_name_of(!left_fits ? left : right);
      return op == Comparison::Is ? warn(node->position, "\"is\" with '%.200s' literal. Did you mean \"==\"?", type)
                                  : warn(node->position, "\"is not\" with '%.200s' literal. Did you mean \"!=\"?", type);
    }
    left = right;
    left_fits = right_fits;
  }
  return Status::Ok;
}

Status Codegen::compare(const Compare* node) {
  const Location& at = node->position;
  TRY(check_compare(node));
  TRY(visit(node->left));
  const Py_ssize_t last = node->ops.size() - 1;
  if (last == 0) {
    TRY(visit(node->comparators[0]));
    emit_compare(node->ops[0], at);
    return Status::Ok;
  }
  const Label cleanup = new_label();
  for (Py_ssize_t i = 0; i < last; ++i) {
    TRY(visit(node->comparators[i]));
    emit(SWAP, 2, at);
    emit(COPY, 2, at);
    emit_compare(node->ops[i], at);
    emit(COPY, 1, at);
    emit(TO_BOOL, at);
    emit_jump(POP_JUMP_IF_FALSE, cleanup, at);
    emit(POP_TOP, at);
  }
  TRY(visit(node->comparators[last]));
  emit_compare(node->ops[last], at);
  const Label end = new_label();
  emit_jump(JUMP_NO_INTERRUPT, end, kNoLocation);
  use(cleanup);
  emit(SWAP, 2, at);
  emit(POP_TOP, at);
  use(end);
  return Status::Ok;
}

// ---- warnings about literals -----------------------------------------------------------------------------------------

Status Codegen::check_callable(const Expression* node) {
  switch (node->kind) {
    case ExpressionKind::Constant:
    case ExpressionKind::Tuple:
    case ExpressionKind::List:
    case ExpressionKind::ListComp:
    case ExpressionKind::Dict:
    case ExpressionKind::DictComp:
    case ExpressionKind::Set:
    case ExpressionKind::SetComp:
    case ExpressionKind::GeneratorExp:
    case ExpressionKind::JoinedStr:
    case ExpressionKind::TemplateStr:
    case ExpressionKind::FormattedValue:
    case ExpressionKind::Interpolation:
      return warn(node->position, "'%.200s' object is not callable; perhaps you missed a comma?", type_name_of(node));
    default:
      return Status::Ok;
  }
}

Status Codegen::check_subscriptable(const Expression* node) {
  switch (node->kind) {
    case ExpressionKind::Constant: {
      PyObject* value = node->as<Constant>()->value;
      if (!(value == Py_None || value == Py_Ellipsis || PyLong_Check(value) || PyFloat_Check(value) || PyComplex_Check(value) ||
            PyAnySet_Check(value)))
        return Status::Ok;
      break;
    }
    case ExpressionKind::Set:
    case ExpressionKind::SetComp:
    case ExpressionKind::GeneratorExp:
    case ExpressionKind::TemplateStr:
    case ExpressionKind::Interpolation:
    case ExpressionKind::Lambda:
      break;
    default:
      return Status::Ok;
  }
  return warn(node->position, "'%.200s' object is not subscriptable; perhaps you missed a comma?", type_name_of(node));
}

Status Codegen::check_index(const Expression* node, const Expression* index) {
  const char* index_type = type_name_of(index);
  if (!index_type) return Status::Ok;
  if (const auto* constant = index->if_is<Constant>(); constant && (PyLong_Check(constant->value) || PySlice_Check(constant->value)))
    return Status::Ok;
  switch (node->kind) {
    case ExpressionKind::Constant: {
      PyObject* value = node->as<Constant>()->value;
      if (!(PyUnicode_Check(value) || PyBytes_Check(value) || PyTuple_Check(value))) return Status::Ok;
      break;
    }
    case ExpressionKind::Tuple:
    case ExpressionKind::List:
    case ExpressionKind::ListComp:
    case ExpressionKind::JoinedStr:
    case ExpressionKind::FormattedValue:
      break;
    default:
      return Status::Ok;
  }
  return warn(node->position, "%.200s indices must be integers or slices, not %.200s; perhaps you missed a comma?",
              type_name_of(node), index_type);
}

// ---- attributes and subscripts ---------------------------------------------------------------------------------------

void Codegen::note_static_attribute(const Attribute* node) {
  const auto* name = node->value->if_is<Name>();
  if (!name || node->ctx != Context::Store || name->id != "self"_id) return;
  for (size_t i = units_.size(); i-- > 0;) {
    if (units_[i]->type != UnitType::Class) continue;
    units_[i]->static_attributes.add(node->attr);
    return;
  }
}

Status Codegen::attribute(const Attribute* node) {
  Location at = node->position;
  if (node->ctx == Context::Load && can_optimize_super(node)) {
    const Call* super = node->value->as<Call>();
    TRY(load_super_arguments(super));
    TRY(emit_name(LOAD_SUPER_ATTR, node->attr, at, 2, super->args.empty() ? 0 : 2));
    emit(NOP, attribute_location(at, node));
    return Status::Ok;
  }
  note_static_attribute(node);
  TRY(visit(node->value));
  at = attribute_location(at, node);
  return emit_attribute(node->ctx == Context::Load ? LOAD_ATTR : node->ctx == Context::Store ? STORE_ATTR : DELETE_ATTR, node->attr, at);
}

Status Codegen::subscript(const Subscript* node) {
  const Location& at = node->position;
  if (node->ctx == Context::Load) {
    TRY(check_subscriptable(node->value));
    TRY(check_index(node->value, node->slice));
  }
  TRY(visit(node->value));
  if (is_two_part_slice(node->slice) && node->ctx != Context::Del) {
    TRY(slice_parts(node->slice->as<Slice>()));
    emit(node->ctx == Context::Load ? BINARY_SLICE : STORE_SLICE, at);
    return Status::Ok;
  }
  TRY(visit(node->slice));
  switch (node->ctx) {
    case Context::Load: emit(BINARY_OP, binary::Subscript, at); break;
    case Context::Store: emit(STORE_SUBSCR, at); break;
    case Context::Del: emit(DELETE_SUBSCR, at); break;
  }
  return Status::Ok;
}

Status Codegen::slice_parts(const Slice* node) {
  for (const Expression* part : {node->lower, node->upper}) {
    if (part) TRY(visit(part));
    else TRY(load_const(Py_None, node->position));
  }
  return Status::Ok;
}

Status Codegen::slice(const Slice* node) {
  if (is_constant_slice(node)) {
    auto value = [](const Expression* part) { return part ? part->as<Constant>()->value : Py_None; };
    return load_const(steal(PySlice_New(value(node->lower), value(node->upper), value(node->step))), node->position);
  }
  TRY(slice_parts(node));
  if (node->step) TRY(visit(node->step));
  emit(BUILD_SLICE, node->step ? 3 : 2, node->position);
  return Status::Ok;
}

// ---- strings ---------------------------------------------------------------------------------------------------------

Status Codegen::joined_string(const JoinedStr* node) {
  const Location& at = node->position;
  const Py_ssize_t count = node->values.size();
  if (count > kStackGuideline) {
    TRY(load_const(""_id, at));
    TRY(emit_attribute(LOAD_ATTR, "join"_id, at, true));
    emit(BUILD_LIST, 0, at);
    for (const Expression* value : node->values) {
      TRY(visit(value));
      emit(LIST_APPEND, 1, at);
    }
    emit(CALL, 1, at);
    return Status::Ok;
  }
  TRY(visit(node->values));
  if (count > 1) emit(BUILD_STRING, static_cast<int>(count), at);
  else if (count == 0) TRY(load_const(""_id, at));
  return Status::Ok;
}

Status Codegen::template_string(const TemplateStr* node) {
  const Location& at = node->position;
  // Strings and interpolations alternate; between two interpolations the string is empty.
  int strings = 0, interpolations = 0;
  bool after_interpolation = true;
  for (const Expression* value : node->values) {
    if (value->is<Interpolation>()) {
      if (after_interpolation) {
        TRY(load_const(""_id, at));
        ++strings;
      }
      ++interpolations;
      after_interpolation = true;
    } else {
      TRY(visit(value));
      ++strings;
      after_interpolation = false;
    }
  }
  if (after_interpolation) {
    TRY(load_const(""_id, at));
    ++strings;
  }
  emit(BUILD_TUPLE, strings, at);
  for (const Expression* value : node->values)
    if (value->is<Interpolation>()) TRY(visit(value));
  emit(BUILD_TUPLE, interpolations, at);
  emit(BUILD_TEMPLATE, at);
  return Status::Ok;
}

namespace {
// CONVERT_VALUE's operand for !s, !r, !a; -1 for another conversion character.
int conversion_operand(int conversion) {
  switch (conversion) {
    case 's': return 1;
    case 'r': return 2;
    case 'a': return 3;
    default: return -1;
  }
}
}  // namespace

Status Codegen::formatted_value(const FormattedValue* node) {
  const Location& at = node->position;
  TRY(visit(node->value));
  if (node->conversion != -1) {
    const int operand = conversion_operand(node->conversion);
    if (operand < 0) return raise(PyExc_SystemError, "Unrecognized conversion character %d", node->conversion);
    emit(CONVERT_VALUE, operand, at);
  }
  if (node->format_spec) {
    TRY(visit(node->format_spec));
    emit(FORMAT_WITH_SPEC, at);
  } else {
    emit(FORMAT_SIMPLE, at);
  }
  return Status::Ok;
}

Status Codegen::interpolation(const Interpolation* node) {
  const Location& at = node->position;
  TRY(visit(node->value));
  TRY(load_const(node->str, at));
  int operand = 2;
  if (node->format_spec) {
    operand |= 1;
    TRY(visit(node->format_spec));
  }
  if (node->conversion != -1) {
    const int conversion = conversion_operand(node->conversion);
    if (conversion < 0) return raise(PyExc_SystemError, "Unrecognized conversion character %d", node->conversion);
    operand |= conversion << 2;
  }
  emit(BUILD_INTERPOLATION, operand, at);
  return Status::Ok;
}

}  // namespace ks::compiler
