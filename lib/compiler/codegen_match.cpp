// The match statement.
//
// The subject lies on the stack. While a pattern is matched, the captured values are collected beneath `on_top` working
// items, and stored only when the whole pattern has matched. A failing test jumps to a label that pops what is there.
#include <algorithm>

#include "compiler/codegen.h"
#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

namespace {

bool is_wildcard(const Pattern* node) { return node->is<MatchAs>() && !node->as<MatchAs>()->name && !node->as<MatchAs>()->pattern; }
bool is_star_wildcard(const Pattern* node) { return node->is<MatchStar>() && !node->as<MatchStar>()->name; }

}  // namespace

void Codegen::ensure_fail_pop(size_t count, PatternContext& context) {
  while (context.fail_pop.size() <= count) context.fail_pop.push_back(new_label());
}

void Codegen::jump_to_fail(int opcode, PatternContext& context, const Location& at) {
  const size_t pops = static_cast<size_t>(context.on_top) + context.stores.size();
  ensure_fail_pop(pops, context);
  emit_jump(opcode, context.fail_pop[pops], at);
}

void Codegen::emit_fail_pops(PatternContext& context, const Location& at) {
  if (context.fail_pop.empty()) return;
  for (size_t i = context.fail_pop.size(); i-- > 1;) {
    use(context.fail_pop[i]);
    emit(POP_TOP, at);
  }
  use(context.fail_pop[0]);
  context.fail_pop.clear();
}

// Moves the top item below count - 1 others.
void Codegen::rotate(int count, const Location& at) {
  for (; count > 1; --count) emit(SWAP, count, at);
}

Status Codegen::match(const Match* node) {
  TRY(visit(node->subject));
  const Label end = new_label();
  const Py_ssize_t cases = node->cases.size();
  const bool has_default = is_wildcard(node->cases[cases - 1]->pattern) && cases > 1;
  PatternContext context;
  for (Py_ssize_t i = 0; i < cases - has_default; ++i) {
    const MatchCase* m = node->cases[i];
    const Location& at = m->pattern->position;
    const bool last = i == cases - has_default - 1;
    if (!last) emit(COPY, 1, at);
    context = {};
    // What always matches must have a guard or come last.
    context.allow_irrefutable = m->guard || i == cases - 1;
    TRY(pattern(m->pattern, context));
    for (Identifier name : context.stores) TRY(name_operation(name, Context::Store, at));
    context.stores.clear();
    if (m->guard) {
      ensure_fail_pop(0, context);
      TRY(jump_if(m->guard, context.fail_pop[0], false));
    }
    if (!last) emit(POP_TOP, kNextLocation);
    TRY(visit(m->body));
    emit_jump(JUMP, end, kNoLocation);
    emit_fail_pops(context, at);
  }
  if (has_default) {
    const MatchCase* m = node->cases[cases - 1];
    emit(NOP, m->pattern->position);
    if (m->guard) TRY(jump_if(m->guard, end, false));
    TRY(visit(m->body));
  }
  use(end);
  return Status::Ok;
}

Status Codegen::capture(Identifier name, PatternContext& context, const Location& at) {
  if (!name) {
    emit(POP_TOP, at);
    return Status::Ok;
  }
  if (std::find(context.stores.begin(), context.stores.end(), name) != context.stores.end())
    return error(at, "multiple assignments to name %R in pattern", name);
  rotate(context.on_top + static_cast<int>(context.stores.size()) + 1, at);
  context.stores.push_back(name);
  return Status::Ok;
}

Status Codegen::sub_pattern(const Pattern* node, PatternContext& context) {
  const bool before = context.allow_irrefutable;
  context.allow_irrefutable = true;
  TRY(pattern(node, context));
  context.allow_irrefutable = before;
  return Status::Ok;
}

Status Codegen::pattern(const Pattern* node, PatternContext& context) {
  Nesting nesting;
  if (!nesting) return failed;
  const Location& at = node->position;
  switch (node->kind) {
    case PatternKind::MatchValue: {
      const Expression* value = node->as<MatchValue>()->value;
      if (!value->is<Constant>() && !value->is<Attribute>())
        return error(at, "patterns may only match literals and attribute lookups");
      TRY(visit(value));
      emit_compare(Comparison::Eq, at);
      emit(TO_BOOL, at);
      jump_to_fail(POP_JUMP_IF_FALSE, context, at);
      return Status::Ok;
    }
    case PatternKind::MatchSingleton:
      TRY(load_const(node->as<MatchSingleton>()->value, at));
      emit_compare(Comparison::Is, at);
      jump_to_fail(POP_JUMP_IF_FALSE, context, at);
      return Status::Ok;
    case PatternKind::MatchSequence:
      return sequence_pattern(node->as<MatchSequence>(), context);
    case PatternKind::MatchMapping:
      return mapping_pattern(node->as<MatchMapping>(), context);
    case PatternKind::MatchClass:
      return class_pattern(node->as<MatchClass>(), context);
    case PatternKind::MatchStar:
      return capture(node->as<MatchStar>()->name, context, at);
    case PatternKind::MatchAs:
      return as_pattern(node->as<MatchAs>(), context);
    case PatternKind::MatchOr:
      return or_pattern(node->as<MatchOr>(), context);
  }
  return Status::Ok;
}

Status Codegen::as_pattern(const MatchAs* node, PatternContext& context) {
  const Location& at = node->position;
  if (!node->pattern) {
    if (!context.allow_irrefutable) {
      if (node->name) return error(at, "name capture %R makes remaining patterns unreachable", node->name);
      return error(at, "wildcard makes remaining patterns unreachable");
    }
    return capture(node->name, context, at);
  }
  ++context.on_top;
  emit(COPY, 1, at);
  TRY(pattern(node->pattern, context));
  --context.on_top;
  return capture(node->name, context, at);
}

Status Codegen::sequence_pattern(const MatchSequence* node, PatternContext& context) {
  const Location& at = node->position;
  const auto& patterns = node->patterns;
  const Py_ssize_t size = patterns.size();
  Py_ssize_t star = -1;
  bool only_wildcard = true, star_wildcard = false;
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!patterns[i]->is<MatchStar>()) {
      only_wildcard = only_wildcard && is_wildcard(patterns[i]);
      continue;
    }
    if (star >= 0) return error(at, "multiple starred names in sequence pattern");
    star = i;
    star_wildcard = is_star_wildcard(patterns[i]);
    only_wildcard = only_wildcard && star_wildcard;
  }
  ++context.on_top;
  emit(MATCH_SEQUENCE, at);
  jump_to_fail(POP_JUMP_IF_FALSE, context, at);
  if (star < 0 || size > 1) {
    emit(GET_LEN, at);
    TRY(load_int(star < 0 ? size : size - 1, at));
    emit_compare(star < 0 ? Comparison::Eq : Comparison::GtE, at);
    jump_to_fail(POP_JUMP_IF_FALSE, context, at);
  }
  --context.on_top;
  if (only_wildcard) {
    emit(POP_TOP, at);
    return Status::Ok;
  }
  if (star_wildcard) {
    // Only the items that are wanted are taken out.
    ++context.on_top;
    for (Py_ssize_t i = 0; i < size; ++i) {
      if (i == star || is_wildcard(patterns[i])) continue;
      emit(COPY, 1, at);
      if (i < star) {
        TRY(load_int(i, at));
      } else {
        // The subject may not understand negative indices.
        emit(GET_LEN, at);
        TRY(load_int(size - i, at));
        emit_binary(Operator::Sub, false, at);
      }
      emit(BINARY_OP, binary::Subscript, at);
      TRY(sub_pattern(patterns[i], context));
    }
    --context.on_top;
    emit(POP_TOP, at);
    return Status::Ok;
  }
  if (star >= 0) {
    if (star >= 1 << 8 || size - star - 1 >= INT_MAX >> 8)
      return error(at, "too many expressions in star-unpacking sequence pattern");
    emit(UNPACK_EX, static_cast<int>(star + ((size - star - 1) << 8)), at);
  } else {
    emit(UNPACK_SEQUENCE, static_cast<int>(size), at);
  }
  context.on_top += static_cast<int>(size);
  for (const Pattern* item : patterns) {
    --context.on_top;
    TRY(sub_pattern(item, context));
  }
  return Status::Ok;
}

Status Codegen::class_pattern(const MatchClass* node, PatternContext& context) {
  const Location& at = node->position;
  const Py_ssize_t positional = node->patterns.size(), named = node->kwd_attrs.size();
  if (positional > INT_MAX - 1 || named > INT_MAX - 1 || positional + named > INT_MAX - 1)
    return error(at, "too many sub-patterns in class pattern %R", Py_None);
  for (Py_ssize_t i = 0; i < named; ++i)
    for (Py_ssize_t j = i + 1; j < named; ++j)
      if (node->kwd_attrs[i] == node->kwd_attrs[j])
        return error(node->kwd_patterns[j]->position, "attribute name repeated in class pattern: %U", node->kwd_attrs[i]);
  TRY(visit(node->cls));
  Ref<> names = TRY(steal(PyTuple_New(named)));
  for (Py_ssize_t i = 0; i < named; ++i) PyTuple_SET_ITEM(names.get(), i, Py_NewRef(node->kwd_attrs[i]));
  TRY(load_const(std::move(names), at));
  emit(MATCH_CLASS, static_cast<int>(positional), at);
  emit(COPY, 1, at);
  TRY(load_const(Py_None, at));
  emit(IS_OP, 1, at);
  ++context.on_top;
  jump_to_fail(POP_JUMP_IF_FALSE, context, at);
  const Py_ssize_t total = positional + named;
  emit(UNPACK_SEQUENCE, static_cast<int>(total), at);
  context.on_top += static_cast<int>(total) - 1;
  for (Py_ssize_t i = 0; i < total; ++i) {
    --context.on_top;
    const Pattern* item = i < positional ? node->patterns[i] : node->kwd_patterns[i - positional];
    if (is_wildcard(item)) {
      emit(POP_TOP, at);
      continue;
    }
    TRY(sub_pattern(item, context));
  }
  return Status::Ok;
}

Status Codegen::mapping_pattern(const MatchMapping* node, PatternContext& context) {
  const Location& at = node->position;
  const Py_ssize_t size = node->keys.size();
  if (size != node->patterns.size())
    return error(at, "keys (%zd) / patterns (%zd) length mismatch in mapping pattern", size, node->patterns.size());
  ++context.on_top;
  emit(MATCH_MAPPING, at);
  jump_to_fail(POP_JUMP_IF_FALSE, context, at);
  if (size == 0 && !node->rest) {
    --context.on_top;
    emit(POP_TOP, at);
    return Status::Ok;
  }
  if (size) {
    emit(GET_LEN, at);
    TRY(load_int(size, at));
    emit_compare(Comparison::GtE, at);
    jump_to_fail(POP_JUMP_IF_FALSE, context, at);
  }
  if (size - 1 > INT_MAX) return error(at, "too many sub-patterns in mapping pattern");
  Ref<> seen = TRY(steal(PySet_New(nullptr)));
  for (Py_ssize_t i = 0; i < size; ++i) {
    const Expression* key = node->keys[i];
    if (!key)
      return error(node->patterns[i]->position, "can't use NULL keys in MatchMapping (set 'rest' parameter instead)");
    if (const auto* constant = key->if_is<Constant>()) {
      if (TRY(found(PySet_Contains(seen, constant->value))))
        return error(at, "mapping pattern checks duplicate key (%R)", constant->value);
      TRY(status(PySet_Add(seen, constant->value)));
    } else if (!key->is<Attribute>()) {
      return error(at, "mapping pattern keys may only match literals and attribute lookups");
    }
    TRY(visit(key));
  }
  emit(BUILD_TUPLE, static_cast<int>(size), at);
  emit(MATCH_KEYS, at);
  // Above the subject now: the keys, and the values or None.
  context.on_top += 2;
  emit(COPY, 1, at);
  TRY(load_const(Py_None, at));
  emit(IS_OP, 1, at);
  jump_to_fail(POP_JUMP_IF_FALSE, context, at);
  emit(UNPACK_SEQUENCE, static_cast<int>(size), at);
  context.on_top += static_cast<int>(size) - 1;
  for (const Pattern* item : node->patterns) {
    --context.on_top;
    TRY(sub_pattern(item, context));
  }
  context.on_top -= 2;
  if (node->rest) {
    // A copy of the subject without the keys.
    emit(BUILD_MAP, 0, at);
    emit(SWAP, 3, at);
    emit(DICT_UPDATE, 2, at);
    emit(UNPACK_SEQUENCE, static_cast<int>(size), at);
    for (int left = static_cast<int>(size); left > 0; --left) {
      emit(COPY, 1 + left, at);
      emit(SWAP, 2, at);
      emit(DELETE_SUBSCR, at);
    }
    return capture(node->rest, context, at);
  }
  emit(POP_TOP, at);
  emit(POP_TOP, at);
  return Status::Ok;
}

Status Codegen::or_pattern(const MatchOr* node, PatternContext& context) {
  const Label end = new_label();
  const Py_ssize_t size = node->patterns.size();
  const PatternContext outer = context;
  std::vector<Identifier> control;  // names of the first alternative, whose order all others follow
  for (Py_ssize_t i = 0; i < size; ++i) {
    const Pattern* alternative = node->patterns[i];
    const Location& at = alternative->position;
    PatternContext own;
    own.allow_irrefutable = i == size - 1 && outer.allow_irrefutable;
    emit(COPY, 1, at);
    TRY(pattern(alternative, own));
    if (i == 0) {
      control = own.stores;
    } else {
      auto differs = [&] { return error(node->position, "alternative patterns bind different names"); };
      if (own.stores.size() != control.size()) return differs();
      for (size_t wanted = control.size(); wanted-- > 0;) {
        const auto place = std::find(own.stores.begin(), own.stores.end(), control[wanted]);
        if (place == own.stores.end()) return differs();
        const size_t actual = static_cast<size_t>(place - own.stores.begin());
        if (actual == wanted) continue;
        // Brings the captures up to `actual` behind those up to `wanted`.
        std::rotate(own.stores.begin(), own.stores.begin() + static_cast<std::ptrdiff_t>(actual) + 1,
                    own.stores.begin() + static_cast<std::ptrdiff_t>(wanted) + 1);
        for (size_t turns = actual + 1; turns > 0; --turns) rotate(static_cast<int>(wanted) + 1, at);
      }
    }
    emit_jump(JUMP, end, at);
    emit_fail_pops(own, at);
  }
  context = outer;
  const Location& at = node->position;
  // No alternative matched.
  emit(POP_TOP, at);
  jump_to_fail(JUMP, context, at);
  use(end);
  // The captures lie above the subject's copy, the working items and the earlier captures; they go below all of that.
  const int depth = static_cast<int>(control.size()) + 1 + context.on_top + static_cast<int>(context.stores.size());
  for (Identifier name : control) {
    rotate(depth, at);
    if (std::find(context.stores.begin(), context.stores.end(), name) != context.stores.end())
      return error(at, "multiple assignments to name %R in pattern", name);
    context.stores.push_back(name);
  }
  emit(POP_TOP, at);
  return Status::Ok;
}

}  // namespace ks::compiler
