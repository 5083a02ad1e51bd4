// First pass: visiting the tree.
#include "compiler/symbols.h"

#include "compiler/error.h"
#include "compiler/symbols_analyze.h"
#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

Identifier mangle(Identifier class_name, Identifier name, Arena& arena) {
  if (!class_name || PyUnicode_GET_LENGTH(name) < 3 || PyUnicode_READ_CHAR(name, 0) != '_' || PyUnicode_READ_CHAR(name, 1) != '_')
    return name;
  const Py_ssize_t length = PyUnicode_GET_LENGTH(name);
  if (PyUnicode_READ_CHAR(name, length - 1) == '_' && PyUnicode_READ_CHAR(name, length - 2) == '_') return name;
  if (PyUnicode_FindChar(name, '.', 0, length, 1) != -1) return name;
  Py_ssize_t skip = 0;
  const Py_ssize_t class_length = PyUnicode_GET_LENGTH(class_name);
  while (skip < class_length && PyUnicode_READ_CHAR(class_name, skip) == '_') ++skip;
  if (skip == class_length) return name;
  Ref<> stripped = steal(PyUnicode_Substring(class_name, skip, class_length));
  if (!stripped) return nullptr;
  PyObject* result = PyUnicode_FromFormat("_%U%U", stripped.get(), name);
  if (!result) return nullptr;
  PyUnicode_InternInPlace(&result);
  return arena.own(steal(result));
}

Identifier mangle_in(const Scope* scope, Identifier class_name, Identifier name, Arena& arena) {
  if (scope && scope->mangled_names && !scope->mangled_names->contains(name)) return name;
  return mangle(class_name, name, arena);
}

Constant* docstring_of(const Sequence<Statement*>& body) {
  if (body.empty() || !body[0]->is<Expr>()) return nullptr;
  Constant* constant = body[0]->as<Expr>()->value->if_is<Constant>();
  return constant && PyUnicode_CheckExact(constant->value) ? constant : nullptr;
}

class SymbolVisitor {
 public:
  SymbolVisitor(SymbolTable& table) : table_(table), arena_(table.arena_) {}
  Status module(const Module* module);

 private:
  // ---- scopes ----

  Scope* make_scope(Identifier name, ScopeType type, const void* key, const Position& position) {
    table_.scopes_.push_back(std::make_unique<Scope>());
    Scope* scope = table_.scopes_.back().get();
    scope->type = type;
    scope->method = type == ScopeType::Function && current_ && current_->type == ScopeType::Class;
    scope->name = name;
    scope->position = position;
    scope->key = key;
    scope->id = static_cast<int>(table_.scopes_.size());
    scope->nested = current_ && (current_->nested || current_->is_function_like());
    table_.by_key_[key] = scope;
    return scope;
  }
  // Goes into a scope; a lazily run one takes the argument .format.
  Status enter(Identifier name, ScopeType type, const void* key, const Position& position) {
    enter_made(make_scope(name, type, key, position));
    if (type == ScopeType::Annotation || type == ScopeType::TypeVariable || type == ScopeType::TypeAlias) {
      TRY(define(".format"_id, kParameter, position));
      TRY(define(".format"_id, kUsed, position));
    }
    return Status::Ok;
  }
  void enter_made(Scope* scope) {
    // With string annotations, annotation scopes are looked at, but are no part of the table.
    if (current_ && !(future_annotations() && scope->type == ScopeType::Annotation)) current_->children.push_back(scope);
    enter_again(scope);
  }
  // A scope that has been left.
  void enter_again(Scope* scope) {
    Scope* parent = current_;
    stack_.push_back(scope);
    if (parent) {
      scope->iterable_depth = parent->iterable_depth;
      if (parent->mangled_names && scope->type != ScopeType::Class) scope->mangled_names = parent->mangled_names;
    }
    current_ = scope;
  }
  void leave() {
    stack_.pop_back();
    current_ = stack_.empty() ? nullptr : stack_.back();
  }
  bool future_annotations() const { return table_.future_.flags & CO_FUTURE_ANNOTATIONS; }

  // ---- names ----

  template <class... A>
  Failed error(const Position& at, const char* format, A... arguments) {
    return scope_error(table_.filename_, at, format, arguments...);
  }
  Status check_name(Identifier name, const Position& at, Context context) {
    if (name != "__debug__"_id) return Status::Ok;
    if (context == Context::Store) return error(at, "cannot assign to __debug__");
    if (context == Context::Del) return error(at, "cannot delete __debug__");
    return Status::Ok;
  }
  Status define(Identifier name, int flags, const Position& at) {
    return define(name, flags, at, flags == kUsed ? Context::Load : Context::Store);
  }
  Status define(Identifier name, int flags, const Position& at, Context context) {
    if (flags & (kParameter | kAssigned | kImported)) TRY(check_name(name, at, context));
    if ((flags & kTypeParameter) && current_->mangled_names) current_->mangled_names->add(name);
    return define_in(current_, name, flags, at);
  }
  Status define_in(Scope* scope, Identifier name, int flags, const Position& at) {
    const Identifier mangled = TRY(mangle_in(current_, private_, name, arena_));
    int& all = scope->symbols.at(mangled);
    if (flags & all & kParameter) return error(at, "duplicate argument '%U' in function definition", name);
    if (flags & all & kTypeParameter) return error(at, "duplicate type parameter '%U'", name);
    all |= flags;
    if (scope->in_iteration_target) {
      if (all & (kGlobalStatement | kNonlocalStatement))
        return error(at, "comprehension inner loop cannot rebind assignment expression target '%U'", name);
      all |= kIterationVariable;
    }
    if (flags & kParameter) scope->parameters.push_back(mangled);
    else if (flags & kGlobalStatement) table_.top_->symbols.at(mangled) |= flags;
    return Status::Ok;
  }
  Status lookup(const Scope* scope, Identifier name, int* out) {
    const Identifier mangled = TRY(mangle_in(current_, private_, name, arena_));
    *out = scope->flags_of(mangled);
    return Status::Ok;
  }
  Status note_directive(Identifier name, const Position& at) {
    const Identifier mangled = TRY(mangle_in(current_, private_, name, arena_));
    current_->directives.push_back({mangled, at});
    return Status::Ok;
  }

  // ---- visits ----

  template <class T>
  Status visit(const Sequence<T*>& nodes) {
    for (T* node : nodes)
      if (node) TRY(visit(node));
    return Status::Ok;
  }
  Status visit_maybe(const Expression* node) { return node ? visit(node) : Status::Ok; }
  Status visit(const Statement* node);
  Status visit_fields(const Statement* node);
  Status visit(const Expression* node);
  Status visit_fields(const Expression* node);
  Status visit(const Pattern* node);
  Status visit(const TypeParameter* node);
  Status visit(const Alias* node);
  Status visit(const ExceptHandler* node);
  Status visit(const MatchCase* node);
  Status visit(const Comprehension* node);
  Status visit(const WithItem* node) {
    TRY(visit(node->context_expr));
    return visit_maybe(node->optional_vars);
  }
  Status visit(const Keyword* node) {
    if (node->arg) TRY(check_name(node->arg, node->position, Context::Store));
    return visit(node->value);
  }
  Status visit(const Arguments* node);
  Status parameters(const Sequence<Argument*>& arguments) {
    for (const Argument* argument : arguments) TRY(define(argument->arg, kParameter, argument->position));
    return Status::Ok;
  }

  template <class F>
  Status function(const F* node, bool async);
  Status function_annotations(const Statement* node, const Arguments* arguments, Expression* returns, Scope* function);
  Status annotated(const Sequence<Argument*>& arguments) {
    for (const Argument* argument : arguments)
      if (argument->annotation) {
        TRY(visit(argument->annotation));
        current_->annotations_used = true;
      }
    return Status::Ok;
  }
  Status variable_annotation(const Expression* annotation);
  Status class_definition(const ClassDef* node);
  Status type_alias(const TypeAlias* node);
  Status enter_type_parameters(Identifier name, const void* key, bool defaults, bool keyword_defaults, bool is_class,
                               const Position& at);
  Status bound_or_default(const Expression* node, Identifier name, const void* key, const char* description);
  Status comprehension(const Expression* node, Identifier name, ComprehensionKind kind,
                       const Sequence<Comprehension*>& generators, const Expression* element, const Expression* value);
  Status named_expression(const NamedExpr* node);
  Status extend_named_expression(const Expression* target);
  Status global_or_nonlocal(const Sequence<Identifier>& names, bool global, const Position& at);
  Status annotated_assignment(const AnnAssign* node);
  Status not_in_annotation(const char* what, const Expression* node);
  Status no_yield_in_comprehension(const Expression* node);
  Status require_coroutine(const char* message, const Position& at) {
    if (!current_->coroutine) return error(at, "%s", message);
    return Status::Ok;
  }
  void module_becomes_coroutine() {
    if (table_.top_level_await_ && current_->type == ScopeType::Module) current_->coroutine = true;
  }
  bool allows_top_level_await() const { return table_.top_level_await_ && current_->type == ScopeType::Module; }
  bool in_async_function() const { return current_->is_function_like() && current_->coroutine; }

  class Conditional {
   public:
    explicit Conditional(Scope* scope) : scope_(scope), before_(scope->in_conditional_block) { scope->in_conditional_block = true; }
    ~Conditional() { scope_->in_conditional_block = before_; }

   private:
    Scope* scope_;
    bool before_;
  };

  SymbolTable& table_;
  Arena& arena_;
  Scope* current_ = nullptr;
  std::vector<Scope*> stack_;
  Identifier private_ = nullptr;
};

Status SymbolVisitor::module(const Module* module) {
  static constexpr Position kStart = {0, 0, 0, 0};
  Scope* top = make_scope("top"_id, ScopeType::Module, module, kStart);
  table_.top_ = top;
  enter_made(top);
  switch (module->kind) {
    case ModuleKind::Module:
    case ModuleKind::Interactive:
      TRY(visit(module->body));
      break;
    case ModuleKind::Expression:
      TRY(visit(module->expression));
      break;
    case ModuleKind::FunctionType:
      return raise(PyExc_RuntimeError, "this compiler does not handle FunctionTypes");
  }
  leave();
  return Status::Ok;
}

// ---- statements ------------------------------------------------------------------------------------------------------

Status SymbolVisitor::visit(const Statement* node) {
  Nesting nesting;
  if (!nesting) return failed;
  return visit_fields(node);
}

Status SymbolVisitor::visit_fields(const Statement* node) {
  const Position& at = node->position;
  switch (node->kind) {
    case StatementKind::FunctionDef:
      return function(node->as<FunctionDef>(), false);
    case StatementKind::AsyncFunctionDef:
      return function(node->as<AsyncFunctionDef>(), true);
    case StatementKind::ClassDef:
      return class_definition(node->as<ClassDef>());
    case StatementKind::TypeAlias:
      return type_alias(node->as<TypeAlias>());
    case StatementKind::Return:
      if (const Expression* value = node->as<Return>()->value) {
        TRY(visit(value));
        current_->returns_value = true;
      }
      return Status::Ok;
    case StatementKind::Delete:
      return visit(node->as<Delete>()->targets);
    case StatementKind::Assign:
      TRY(visit(node->as<Assign>()->targets));
      return visit(node->as<Assign>()->value);
    case StatementKind::AnnAssign:
      return annotated_assignment(node->as<AnnAssign>());
    case StatementKind::AugAssign:
      TRY(visit(node->as<AugAssign>()->target));
      return visit(node->as<AugAssign>()->value);
    case StatementKind::For: {
      const auto* n = node->as<For>();
      TRY(visit(n->target));
      TRY(visit(n->iter));
      Conditional conditional(current_);
      TRY(visit(n->body));
      return visit(n->orelse);
    }
    case StatementKind::AsyncFor: {
      const auto* n = node->as<AsyncFor>();
      module_becomes_coroutine();
      TRY(require_coroutine("'async for' outside async function", at));
      TRY(visit(n->target));
      TRY(visit(n->iter));
      Conditional conditional(current_);
      TRY(visit(n->body));
      return visit(n->orelse);
    }
    case StatementKind::While: {
      const auto* n = node->as<While>();
      TRY(visit(n->test));
      Conditional conditional(current_);
      TRY(visit(n->body));
      return visit(n->orelse);
    }
    case StatementKind::If: {
      const auto* n = node->as<If>();
      TRY(visit(n->test));
      Conditional conditional(current_);
      TRY(visit(n->body));
      return visit(n->orelse);
    }
    case StatementKind::With: {
      Conditional conditional(current_);
      TRY(visit(node->as<With>()->items));
      return visit(node->as<With>()->body);
    }
    case StatementKind::AsyncWith: {
      module_becomes_coroutine();
      TRY(require_coroutine("'async with' outside async function", at));
      Conditional conditional(current_);
      TRY(visit(node->as<AsyncWith>()->items));
      return visit(node->as<AsyncWith>()->body);
    }
    case StatementKind::Match: {
      TRY(visit(node->as<Match>()->subject));
      Conditional conditional(current_);
      return visit(node->as<Match>()->cases);
    }
    case StatementKind::Raise:
      TRY(visit_maybe(node->as<Raise>()->exc));
      return node->as<Raise>()->exc ? visit_maybe(node->as<Raise>()->cause) : Status::Ok;
    case StatementKind::Try: {
      const auto* n = node->as<Try>();
      Conditional conditional(current_);
      TRY(visit(n->body));
      TRY(visit(n->handlers));
      TRY(visit(n->orelse));
      return visit(n->finalbody);
    }
    case StatementKind::TryStar: {
      const auto* n = node->as<TryStar>();
      Conditional conditional(current_);
      TRY(visit(n->body));
      TRY(visit(n->handlers));
      TRY(visit(n->orelse));
      return visit(n->finalbody);
    }
    case StatementKind::Assert:
      TRY(visit(node->as<Assert>()->test));
      return visit_maybe(node->as<Assert>()->msg);
    case StatementKind::Import:
      return visit(node->as<Import>()->names);
    case StatementKind::ImportFrom:
      if (const auto* n = node->as<ImportFrom>(); n->module && n->module == "__future__"_id && n->level == 0 && node->position.lineno > table_.future_.last.lineno)
        return error(node->position, "from __future__ imports must occur at the beginning of the file");
      return visit(node->as<ImportFrom>()->names);
    case StatementKind::Global:
      return global_or_nonlocal(node->as<Global>()->names, true, at);
    case StatementKind::Nonlocal:
      return global_or_nonlocal(node->as<Nonlocal>()->names, false, at);
    case StatementKind::Expr:
      return visit(node->as<Expr>()->value);
    case StatementKind::Pass:
    case StatementKind::Break:
    case StatementKind::Continue:
      return Status::Ok;
  }
  return Status::Ok;
}

template <class F>
Status SymbolVisitor::function(const F* node, bool async) {
  const Position& at = node->position;
  TRY(define(node->name, kAssigned, at));
  TRY(visit(node->args->defaults));
  TRY(visit(node->args->kw_defaults));
  TRY(visit(node->decorator_list));
  const bool generic = !node->type_params.empty();
  if (generic) {
    bool keyword_defaults = false;
    for (const Expression* value : node->args->kw_defaults) keyword_defaults = keyword_defaults || value;
    TRY(enter_type_parameters(node->name, node->type_params.items, true, keyword_defaults, false, at));
    TRY(visit(node->type_params));
  }
  Scope* scope = make_scope(node->name, ScopeType::Function, node, at);
  scope->has_docstring = docstring_of(node->body) != nullptr;
  TRY(function_annotations(node, node->args, node->returns, scope));
  enter_made(scope);
  if (async) current_->coroutine = true;
  TRY(visit(node->args));
  TRY(visit(node->body));
  leave();
  if (generic) leave();
  return Status::Ok;
}

Status SymbolVisitor::function_annotations(const Statement* node, const Arguments* arguments, Expression* returns, Scope* function) {
  const bool sees_class = current_->can_see_class_scope || current_->type == ScopeType::Class;
  TRY(enter("__annotate__"_id, ScopeType::Annotation, arguments, node->position));
  if (sees_class) {
    current_->can_see_class_scope = true;
    TRY(define("__classdict__"_id, kUsed, node->position));
  }
  TRY(annotated(arguments->posonlyargs));
  TRY(annotated(arguments->args));
  for (const Argument* argument : {arguments->vararg, arguments->kwarg})
    if (argument && argument->annotation) {
      current_->annotations_used = true;
      TRY(visit(argument->annotation));
    }
  TRY(annotated(arguments->kwonlyargs));
  if (returns) {
    current_->annotations_used = true;
    TRY(visit(returns));
  }
  leave();
  return Status::Ok;
}

Status SymbolVisitor::visit(const Arguments* node) {
  TRY(parameters(node->posonlyargs));
  TRY(parameters(node->args));
  TRY(parameters(node->kwonlyargs));
  if (node->vararg) {
    TRY(define(node->vararg->arg, kParameter, node->vararg->position));
    current_->varargs = true;
  }
  if (node->kwarg) {
    TRY(define(node->kwarg->arg, kParameter, node->kwarg->position));
    current_->varkeywords = true;
  }
  return Status::Ok;
}

Status SymbolVisitor::class_definition(const ClassDef* node) {
  const Position& at = node->position;
  TRY(define(node->name, kAssigned, at));
  TRY(visit(node->decorator_list));
  const Identifier before = private_;
  const bool generic = !node->type_params.empty();
  if (generic) {
    TRY(enter_type_parameters(node->name, node->type_params.items, false, false, true, at));
    // Names in the bases stay as they are, except the type parameters.
    private_ = node->name;
    current_->mangled_names = std::make_shared<NameSet>();
    TRY(visit(node->type_params));
  }
  TRY(visit(node->bases));
  TRY(visit(node->keywords));
  TRY(enter(node->name, ScopeType::Class, node, at));
  private_ = node->name;
  if (generic) {
    TRY(define("__type_params__"_id, kAssigned, at));
    TRY(define(".type_params"_id, kUsed, at));
  }
  TRY(visit(node->body));
  leave();
  if (generic) leave();
  private_ = before;
  return Status::Ok;
}

Status SymbolVisitor::enter_type_parameters(Identifier name, const void* key, bool defaults, bool keyword_defaults, bool is_class,
                                            const Position& at) {
  const bool in_class = current_->type == ScopeType::Class;
  TRY(enter(name, ScopeType::TypeParameters, key, at));
  if (in_class) {
    current_->can_see_class_scope = true;
    TRY(define("__classdict__"_id, kUsed, at));
  }
  if (is_class) {
    for (Identifier hidden : {".type_params"_id, ".generic_base"_id}) {
      TRY(define(hidden, kAssigned, at));
      TRY(define(hidden, kUsed, at));
    }
  }
  if (defaults) TRY(define(".defaults"_id, kParameter, at));
  if (keyword_defaults) TRY(define(".kwdefaults"_id, kParameter, at));
  return Status::Ok;
}

Status SymbolVisitor::bound_or_default(const Expression* node, Identifier name, const void* key, const char* description) {
  if (!node) return Status::Ok;
  const bool sees_class = current_->can_see_class_scope;
  TRY(enter(name, ScopeType::TypeVariable, key, node->position));
  current_->can_see_class_scope = sees_class;
  if (sees_class) TRY(define("__classdict__"_id, kUsed, node->position));
  current_->description = description;
  TRY(visit(node));
  leave();
  return Status::Ok;
}

Status SymbolVisitor::visit(const TypeParameter* node) {
  Nesting nesting;
  if (!nesting) return failed;
  Identifier name = nullptr;
  switch (node->kind) {
    case TypeParameterKind::TypeVar: name = node->as<TypeVar>()->name; break;
    case TypeParameterKind::ParamSpec: name = node->as<ParamSpec>()->name; break;
    case TypeParameterKind::TypeVarTuple: name = node->as<TypeVarTuple>()->name; break;
  }
  if (name == "__classdict__"_id)
    return error(node->position, "reserved name '%U' cannot be used for type parameter", name);
  TRY(define(name, kTypeParameter | kAssigned, node->position));
  switch (node->kind) {
    case TypeParameterKind::TypeVar: {
      const auto* n = node->as<TypeVar>();
      TRY(bound_or_default(n->bound, name, n, n->bound && n->bound->is<Tuple>() ? "a TypeVar constraint" : "a TypeVar bound"));
      return bound_or_default(n->default_value, name, default_key(n), "a TypeVar default");
    }
    case TypeParameterKind::ParamSpec:
      return bound_or_default(node->as<ParamSpec>()->default_value, name, default_key(node), "a ParamSpec default");
    case TypeParameterKind::TypeVarTuple:
      return bound_or_default(node->as<TypeVarTuple>()->default_value, name, default_key(node), "a TypeVarTuple default");
  }
  return Status::Ok;
}

Status SymbolVisitor::type_alias(const TypeAlias* node) {
  TRY(visit(node->name));
  const Identifier name = node->name->as<Name>()->id;
  const bool in_class = current_->type == ScopeType::Class;
  const bool generic = !node->type_params.empty();
  if (generic) {
    TRY(enter_type_parameters(name, node->type_params.items, false, false, false, node->position));
    TRY(visit(node->type_params));
  }
  TRY(enter(name, ScopeType::TypeAlias, node, node->position));
  current_->can_see_class_scope = in_class;
  if (in_class) TRY(define("__classdict__"_id, kUsed, node->value->position));
  TRY(visit(node->value));
  leave();
  if (generic) leave();
  return Status::Ok;
}

Status SymbolVisitor::annotated_assignment(const AnnAssign* node) {
  current_->annotations_used = true;
  if (const Name* name = node->target->if_is<Name>()) {
    int known;
    TRY(lookup(current_, name->id, &known));
    if ((known & (kGlobalStatement | kNonlocalStatement)) && current_ != table_.top_ && node->simple)
      return error(node->position,
                   known & kGlobalStatement ? "annotated name '%U' can't be global" : "annotated name '%U' can't be nonlocal",
                   name->id);
    if (node->simple) TRY(define(name->id, kAnnotated | kAssigned, name->position));
    else if (node->value) TRY(define(name->id, kAssigned, name->position));
  } else {
    TRY(visit(node->target));
  }
  TRY(variable_annotation(node->annotation));
  return visit_maybe(node->value);
}

Status SymbolVisitor::variable_annotation(const Expression* annotation) {
  // Annotations of a function's locals are never run, and leave the table alone.
  const bool unevaluated = current_->type == ScopeType::Function;
  // Those of a module always count as conditional: it may be looked at while it is only half run.
  if (((current_->type == ScopeType::Class && current_->in_conditional_block) || current_->type == ScopeType::Module) &&
      !current_->has_conditional_annotations) {
    current_->has_conditional_annotations = true;
    TRY(define("__conditional_annotations__"_id, kUsed, annotation->position));
  }
  Scope* owner = current_;
  if (owner->annotation_scope) {
    enter_again(owner->annotation_scope);
  } else {
    // The key only has to be one that no node has.
    TRY(enter("__annotate__"_id, ScopeType::Annotation, &owner->annotation_scope, annotation->position));
    owner->annotation_scope = current_;
    if (owner->type == ScopeType::Class && !future_annotations()) {
      current_->can_see_class_scope = true;
      TRY(define("__classdict__"_id, kUsed, annotation->position));
    }
  }
  if (unevaluated) current_->in_unevaluated_annotation = true;
  TRY(visit(annotation));
  if (unevaluated) current_->in_unevaluated_annotation = false;
  leave();
  return Status::Ok;
}

Status SymbolVisitor::global_or_nonlocal(const Sequence<Identifier>& names, bool global, const Position& at) {
  for (Identifier name : names) {
    int known;
    TRY(lookup(current_, name, &known));
    const char* word = global ? "global" : "nonlocal";
    if (known & (kParameter | kAssigned | kUsed | kAnnotated)) {
      if (known & kParameter) return error(at, "name '%U' is parameter and %s", name, word);
      if (known & kUsed) return error(at, "name '%U' is used prior to %s declaration", name, word);
      if (known & kAnnotated) return error(at, "annotated name '%U' can't be %s", name, word);
      return error(at, "name '%U' is assigned to before %s declaration", name, word);
    }
    TRY(define(name, global ? kGlobalStatement : kNonlocalStatement, at));
    TRY(note_directive(name, at));
  }
  return Status::Ok;
}

Status SymbolVisitor::visit(const Alias* node) {
  Identifier name = node->asname ? node->asname : node->name;
  const Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1);
  if (dot == -2) return failed;
  if (dot >= 0) {
    PyObject* head = PyUnicode_Substring(name, 0, dot);
    if (!head) return failed;
    PyUnicode_InternInPlace(&head);
    name = TRY(arena_.own(steal(head)));
  }
  if (!PyUnicode_EqualToUTF8(name, "*")) return define(name, kImported, node->position);
  if (current_->type != ScopeType::Module) return error(node->position, "import * only allowed at module level");
  return Status::Ok;
}

Status SymbolVisitor::visit(const ExceptHandler* node) {
  TRY(visit_maybe(node->type));
  if (node->name) TRY(define(node->name, kAssigned, node->position));
  return visit(node->body);
}

Status SymbolVisitor::visit(const MatchCase* node) {
  TRY(visit(node->pattern));
  TRY(visit_maybe(node->guard));
  return visit(node->body);
}

Status SymbolVisitor::visit(const Pattern* node) {
  Nesting nesting;
  if (!nesting) return failed;
  switch (node->kind) {
    case PatternKind::MatchValue:
      return visit(node->as<MatchValue>()->value);
    case PatternKind::MatchSingleton:
      return Status::Ok;
    case PatternKind::MatchSequence:
      return visit(node->as<MatchSequence>()->patterns);
    case PatternKind::MatchStar:
      return node->as<MatchStar>()->name ? define(node->as<MatchStar>()->name, kAssigned, node->position) : Status::Ok;
    case PatternKind::MatchMapping: {
      const auto* n = node->as<MatchMapping>();
      TRY(visit(n->keys));
      TRY(visit(n->patterns));
      return n->rest ? define(n->rest, kAssigned, node->position) : Status::Ok;
    }
    case PatternKind::MatchClass: {
      const auto* n = node->as<MatchClass>();
      TRY(visit(n->cls));
      TRY(visit(n->patterns));
      for (Py_ssize_t i = 0; i < n->kwd_attrs.size(); ++i)
        TRY(check_name(n->kwd_attrs[i], n->kwd_patterns[i]->position, Context::Store));
      return visit(n->kwd_patterns);
    }
    case PatternKind::MatchAs:
      if (node->as<MatchAs>()->pattern) TRY(visit(node->as<MatchAs>()->pattern));
      return node->as<MatchAs>()->name ? define(node->as<MatchAs>()->name, kAssigned, node->position) : Status::Ok;
    case PatternKind::MatchOr:
      return visit(node->as<MatchOr>()->patterns);
  }
  return Status::Ok;
}

// ---- expressions -----------------------------------------------------------------------------------------------------

Status SymbolVisitor::not_in_annotation(const char* what, const Expression* node) {
  switch (current_->type) {
    case ScopeType::Annotation:
      return error(node->position, "%s cannot be used within an annotation", what);
    case ScopeType::TypeVariable:
      return error(node->position, "%s cannot be used within %s", what, current_->description);
    case ScopeType::TypeAlias:
      return error(node->position, "%s cannot be used within a type alias", what);
    case ScopeType::TypeParameters:
      return error(node->position, "%s cannot be used within the definition of a generic", what);
    default:
      return Status::Ok;
  }
}

Status SymbolVisitor::no_yield_in_comprehension(const Expression* node) {
  static constexpr const char* kMessages[] = {nullptr, "'yield' inside list comprehension", "'yield' inside dict comprehension",
                                              "'yield' inside set comprehension", "'yield' inside generator expression"};
  const char* message = kMessages[static_cast<int>(current_->comprehension)];
  if (message) return error(node->position, "%s", message);
  return Status::Ok;
}

Status SymbolVisitor::visit(const Expression* node) {
  Nesting nesting;
  if (!nesting) return failed;
  return visit_fields(node);
}

Status SymbolVisitor::visit_fields(const Expression* node) {
  switch (node->kind) {
    case ExpressionKind::NamedExpr:
      TRY(not_in_annotation("named expression", node));
      return named_expression(node->as<NamedExpr>());
    case ExpressionKind::BoolOp:
      return visit(node->as<BoolOp>()->values);
    case ExpressionKind::BinOp:
      TRY(visit(node->as<BinOp>()->left));
      return visit(node->as<BinOp>()->right);
    case ExpressionKind::UnaryOp:
      return visit(node->as<UnaryOp>()->operand);
    case ExpressionKind::Lambda: {
      const auto* n = node->as<Lambda>();
      TRY(visit(n->args->defaults));
      TRY(visit(n->args->kw_defaults));
      TRY(enter("lambda"_id, ScopeType::Function, node, node->position));
      TRY(visit(n->args));
      TRY(visit(n->body));
      leave();
      return Status::Ok;
    }
    case ExpressionKind::IfExp:
      TRY(visit(node->as<IfExp>()->test));
      TRY(visit(node->as<IfExp>()->body));
      return visit(node->as<IfExp>()->orelse);
    case ExpressionKind::Dict:
      TRY(visit(node->as<Dict>()->keys));
      return visit(node->as<Dict>()->values);
    case ExpressionKind::Set:
      return visit(node->as<Set>()->elts);
    case ExpressionKind::GeneratorExp: {
      const auto* n = node->as<GeneratorExp>();
      return comprehension(node, "genexpr"_id, ComprehensionKind::Generator, n->generators, n->elt, nullptr);
    }
    case ExpressionKind::ListComp: {
      const auto* n = node->as<ListComp>();
      return comprehension(node, "listcomp"_id, ComprehensionKind::List, n->generators, n->elt, nullptr);
    }
    case ExpressionKind::SetComp: {
      const auto* n = node->as<SetComp>();
      return comprehension(node, "setcomp"_id, ComprehensionKind::Set, n->generators, n->elt, nullptr);
    }
    case ExpressionKind::DictComp: {
      const auto* n = node->as<DictComp>();
      return comprehension(node, "dictcomp"_id, ComprehensionKind::Dict, n->generators, n->key, n->value);
    }
    case ExpressionKind::Yield:
      TRY(not_in_annotation("yield expression", node));
      TRY(visit_maybe(node->as<Yield>()->value));
      current_->generator = true;
      return no_yield_in_comprehension(node);
    case ExpressionKind::YieldFrom:
      TRY(not_in_annotation("yield expression", node));
      TRY(visit(node->as<YieldFrom>()->value));
      current_->generator = true;
      return no_yield_in_comprehension(node);
    case ExpressionKind::Await:
      TRY(not_in_annotation("await expression", node));
      if (!allows_top_level_await()) {
        if (!current_->is_function_like()) return error(node->position, "'await' outside function");
        if (!in_async_function() && current_->comprehension == ComprehensionKind::None)
          return error(node->position, "'await' outside async function");
      }
      TRY(visit(node->as<Await>()->value));
      current_->coroutine = true;
      return Status::Ok;
    case ExpressionKind::Compare:
      TRY(visit(node->as<Compare>()->left));
      return visit(node->as<Compare>()->comparators);
    case ExpressionKind::Call: {
      const auto* n = node->as<Call>();
      TRY(visit(n->func));
      TRY(visit(n->args));
      for (const Keyword* keyword : n->keywords)
        if (keyword->arg) TRY(check_name(keyword->arg, keyword->position, Context::Store));
      return visit(n->keywords);
    }
    case ExpressionKind::FormattedValue:
      TRY(visit(node->as<FormattedValue>()->value));
      return visit_maybe(node->as<FormattedValue>()->format_spec);
    case ExpressionKind::Interpolation:
      TRY(visit(node->as<Interpolation>()->value));
      return visit_maybe(node->as<Interpolation>()->format_spec);
    case ExpressionKind::JoinedStr:
      return visit(node->as<JoinedStr>()->values);
    case ExpressionKind::TemplateStr:
      return visit(node->as<TemplateStr>()->values);
    case ExpressionKind::Constant:
      return Status::Ok;
    case ExpressionKind::Attribute: {
      const auto* n = node->as<Attribute>();
      TRY(check_name(n->attr, node->position, n->ctx));
      return visit(n->value);
    }
    case ExpressionKind::Subscript:
      TRY(visit(node->as<Subscript>()->value));
      return visit(node->as<Subscript>()->slice);
    case ExpressionKind::Starred:
      return visit(node->as<Starred>()->value);
    case ExpressionKind::Slice:
      TRY(visit_maybe(node->as<Slice>()->lower));
      TRY(visit_maybe(node->as<Slice>()->upper));
      return visit_maybe(node->as<Slice>()->step);
    case ExpressionKind::Name: {
      const auto* n = node->as<Name>();
      if (current_->in_unevaluated_annotation) return Status::Ok;
      TRY(define(n->id, n->ctx == Context::Load ? kUsed : kAssigned, node->position, n->ctx));
      // super() needs the class it stands in.
      if (n->ctx == Context::Load && current_->is_function_like() && n->id == "super"_id)
        TRY(define("__class__"_id, kUsed, node->position));
      return Status::Ok;
    }
    case ExpressionKind::List:
      return visit(node->as<List>()->elts);
    case ExpressionKind::Tuple:
      return visit(node->as<Tuple>()->elts);
  }
  return Status::Ok;
}

Status SymbolVisitor::visit(const Comprehension* node) {
  current_->in_iteration_target = true;
  TRY(visit(node->target));
  current_->in_iteration_target = false;
  ++current_->iterable_depth;
  TRY(visit(node->iter));
  --current_->iterable_depth;
  TRY(visit(node->ifs));
  if (node->is_async) current_->coroutine = true;
  return Status::Ok;
}

Status SymbolVisitor::comprehension(const Expression* node, Identifier name, ComprehensionKind kind,
                                    const Sequence<Comprehension*>& generators, const Expression* element, const Expression* value) {
  const Comprehension* outermost = generators[0];
  ++current_->iterable_depth;
  TRY(visit(outermost->iter));
  --current_->iterable_depth;
  TRY(enter(name, ScopeType::Function, node, node->position));
  current_->comprehension = kind;
  if (outermost->is_async) current_->coroutine = true;
  TRY(define(".0"_id, kParameter, node->position));
  current_->in_iteration_target = true;
  TRY(visit(outermost->target));
  current_->in_iteration_target = false;
  TRY(visit(outermost->ifs));
  TRY(visit(generators.from(1)));
  if (value) TRY(visit(value));
  TRY(visit(element));
  const bool generator = kind == ComprehensionKind::Generator;
  current_->generator = generator;
  const bool async = current_->coroutine && !generator;
  leave();
  if (!async) return Status::Ok;
  if (!in_async_function() && current_->comprehension == ComprehensionKind::None && !allows_top_level_await())
    return error(node->position, "asynchronous comprehension outside of an asynchronous function");
  current_->coroutine = true;
  return Status::Ok;
}

Status SymbolVisitor::named_expression(const NamedExpr* node) {
  if (current_->iterable_depth > 0)
    return error(node->position, "assignment expression cannot be used in a comprehension iterable expression");
  if (current_->comprehension != ComprehensionKind::None) TRY(extend_named_expression(node->target));
  TRY(visit(node->value));
  return visit(node->target);
}

// In a comprehension the target belongs to the scope around all comprehensions.
Status SymbolVisitor::extend_named_expression(const Expression* target) {
  const Identifier name = target->as<Name>()->id;
  const Position& at = target->position;
  for (size_t i = stack_.size(); i-- > 0;) {
    Scope* scope = stack_[i];
    int known;
    TRY(lookup(scope, name, &known));
    if (scope->comprehension != ComprehensionKind::None) {
      if ((known & kIterationVariable) && (known & (kAssigned | kGlobalStatement)))
        return error(at, "assignment expression cannot rebind comprehension iteration variable '%U'", name);
      continue;
    }
    switch (scope->type) {
      case ScopeType::Function:
        TRY(define(name, known & kGlobalStatement ? kGlobalStatement : kNonlocalStatement, at));
        TRY(note_directive(name, at));
        return define_in(scope, name, kAssigned, at);
      case ScopeType::Module:
        TRY(define(name, kGlobalStatement, at));
        TRY(note_directive(name, at));
        return define_in(scope, name, kGlobalStatement, at);
      case ScopeType::Class:
        return error(at, "assignment expression within a comprehension cannot be used in a class body");
      case ScopeType::TypeParameters:
        return error(at, "assignment expression within a comprehension cannot be used within the definition of a generic");
      case ScopeType::TypeAlias:
        return error(at, "assignment expression within a comprehension cannot be used in a type alias");
      case ScopeType::TypeVariable:
        return error(at, "assignment expression within a comprehension cannot be used in a TypeVar bound");
      case ScopeType::Annotation:
        break;
    }
  }
  return Status::Ok;
}

Status SymbolTable::build(const Module* module) {
  TRY(SymbolVisitor(*this).module(module));
  return analyze_scopes(top_, filename_);
}

}  // namespace ks::compiler
