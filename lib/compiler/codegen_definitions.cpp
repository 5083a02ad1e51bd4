// Functions, classes, annotations, type parameters and type aliases: everything that makes code objects of its own.
#include <algorithm>

#include "compiler/codegen.h"
#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

namespace {
// SET_FUNCTION_ATTRIBUTE's operands.
enum { kDefaults = 1, kKeywordDefaults = 2, kAnnotate = 16 };
// annotationlib.Format.VALUE_WITH_FAKE_GLOBALS: what an annotate function understands at most.
constexpr long kHighestFormat = 2;
}  // namespace

// The statements of a module or class.
Status Codegen::body(const Statements& statements, const Location& at) {
  // The names of annotated variables whose statement ran.
  if (scope().has_conditional_annotations) {
    emit(BUILD_SET, 0, at);
    if (scope().type == ScopeType::Class) emit(STORE_DEREF, index_of(unit().cellvars, "__conditional_annotations__"_id), at);
    else emit(STORE_NAME, index_of(unit().names, "__conditional_annotations__"_id), at);
  }
  if (future_annotations() && scope().annotations_used) emit(SETUP_ANNOTATIONS, at);
  if (statements.empty()) return Status::Ok;
  Py_ssize_t first = 0;
  if (!(settings_.interactive && units_.size() == 1)) {
    if (const Constant* docstring = docstring_of(statements)) {
      first = 1;
      TRY(load_const(clean_docstring(docstring->value), docstring->position));
      TRY(name_operation("__doc__"_id, Context::Store, kNoLocation));
    }
  }
  for (Py_ssize_t i = first; i < statements.size(); ++i) TRY(visit(statements[i]));
  if (!future_annotations()) TRY(deferred_annotations(at));
  return Status::Ok;
}

// ---- annotations -----------------------------------------------------------------------------------------------------

Status Codegen::enter_annotations(Identifier name, const void* key, const Location& at) {
  TRY(enter(name, UnitType::Annotations, key, at.lineno, nullptr, {.positional_only = 1}));
  // if .format > VALUE_WITH_FAKE_GLOBALS: raise NotImplementedError
  const Label run = new_label();
  emit(LOAD_FAST, 0, at);
  TRY(load_int(kHighestFormat, at));
  emit_compare(Comparison::Gt, at);
  emit_jump(POP_JUMP_IF_FALSE, run, at);
  emit(LOAD_COMMON_CONSTANT, common_constant::NotImplementedError, at);
  emit(RAISE_VARARGS, 1, at);
  use(run);
  return Status::Ok;
}

Status Codegen::leave_annotations(bool return_none, int attributes, const Location& at, bool rename_format) {
  emit(RETURN_VALUE, at);
  // An annotate function's parameter is called "format", but must not hide a variable of that name.
  Ref<PyCodeObject> code = TRY(leave(return_none, rename_format ? "format"_id : nullptr));
  return make_closure(code, attributes, at);
}

// The function that makes the annotations of a module's or class's variables.
Status Codegen::deferred_annotations(const Location& at) {
  if (unit().deferred_annotations.empty()) return Status::Ok;
  const std::vector<Unit::DeferredAnnotation> annotations = std::move(unit().deferred_annotations);
  Scope* owner = unit().scope;
  const bool in_class = owner->type == ScopeType::Class;
  // In a module it goes to the beginning, so that it is there when the module is looked at half run.
  std::unique_ptr<InstructionSequence> main;
  if (!in_class) {
    main = std::move(unit().code);
    unit().code = std::make_unique<InstructionSequence>();
  }
  TRY(enter_annotations(owner->annotation_scope->name, owner->annotation_scope->key, at));
  emit(BUILD_MAP, 0, at);
  for (const auto& annotation : annotations) {
    const AnnAssign* node = annotation.node;
    const Location& here = node->position;
    const Label not_set = new_label();
    if (annotation.index >= 0) {
      TRY(load_int(annotation.index, here));
      if (in_class) emit(LOAD_DEREF, index_of(unit().freevars, "__conditional_annotations__"_id), here);
      else emit(LOAD_GLOBAL, index_of(unit().names, "__conditional_annotations__"_id) << 1, here);
      emit(CONTAINS_OP, 0, here);
      emit_jump(POP_JUMP_IF_FALSE, not_set, here);
    }
    TRY(visit(node->annotation));
    emit(COPY, 2, here);
    Identifier name;
    TRY(mangled(node->target->as<Name>()->id, &name));
    TRY(load_const(name, here));
    emit(STORE_SUBSCR, at);
    use(not_set);
  }
  TRY(leave_annotations(true, 0, at, true));
  TRY(name_operation(in_class ? "__annotate_func__"_id : "__annotate__"_id, Context::Store, at));
  if (!in_class) {
    main->annotations = std::move(unit().code);
    unit().code = std::move(main);
  }
  return Status::Ok;
}

Status Codegen::annotation_text(const Expression* annotation) {
  return load_const(expression_text(annotation), annotation->position);
}

Status Codegen::argument_annotation(Identifier name, const Expression* annotation, const Location& at, int* count) {
  if (!annotation) return Status::Ok;
  TRY(mangled(name, &name));
  TRY(load_const(name, at));
  if (future_annotations()) {
    TRY(annotation_text(annotation));
  } else if (const auto* starred = annotation->if_is<Starred>()) {
    // *args: *Ts means the one item of Ts.
    TRY(visit(starred->value));
    emit(UNPACK_SEQUENCE, 1, at);
  } else {
    TRY(visit(annotation));
  }
  ++*count;
  return Status::Ok;
}

Status Codegen::function_annotations(const Arguments* arguments, const Expression* returns, const Location& at, int* attributes) {
  const Scope* annotations = symbols_.lookup(arguments);
  if (!annotations || !annotations->annotations_used) return Status::Ok;
  TRY(enter_annotations(annotations->name, arguments, at));
  int count = 0;
  for (const Argument* a : arguments->args) TRY(argument_annotation(a->arg, a->annotation, at, &count));
  for (const Argument* a : arguments->posonlyargs) TRY(argument_annotation(a->arg, a->annotation, at, &count));
  if (const Argument* a = arguments->vararg) TRY(argument_annotation(a->arg, a->annotation, at, &count));
  for (const Argument* a : arguments->kwonlyargs) TRY(argument_annotation(a->arg, a->annotation, at, &count));
  if (const Argument* a = arguments->kwarg) TRY(argument_annotation(a->arg, a->annotation, at, &count));
  TRY(argument_annotation("return"_id, returns, at, &count));
  emit(BUILD_MAP, count, at);
  TRY(leave_annotations(true, 0, at, true));
  *attributes |= kAnnotate;
  return Status::Ok;
}

// ---- functions -------------------------------------------------------------------------------------------------------

Status Codegen::decorators(const Expressions& list) { return visit(list); }
void Codegen::apply_decorators(const Expressions& list) {
  for (Py_ssize_t i = list.size(); i-- > 0;) emit(CALL, 0, list[i]->position);
}

Status Codegen::default_arguments(const Arguments* arguments, const Location& at, int* attributes) {
  if (!arguments->defaults.empty()) {
    TRY(visit(arguments->defaults));
    emit(BUILD_TUPLE, static_cast<int>(arguments->defaults.size()), at);
    *attributes |= kDefaults;
  }
  int count = 0;
  for (Py_ssize_t i = 0; i < arguments->kwonlyargs.size(); ++i) {
    const Expression* value = arguments->kw_defaults[i];
    if (!value) continue;
    Identifier name;
    TRY(mangled(arguments->kwonlyargs[i]->arg, &name));
    TRY(load_const(name, at));
    TRY(visit(value));
    ++count;
  }
  if (count) {
    emit(BUILD_MAP, count, at);
    *attributes |= kKeywordDefaults;
  }
  return Status::Ok;
}

template <class F>
Status Codegen::function(const F* node, bool async) {
  const Location& at = node->position;
  TRY(decorators(node->decorator_list));
  const int line = node->decorator_list.empty() ? at.lineno : node->decorator_list[0]->position.lineno;
  int attributes = 0;
  TRY(default_arguments(node->args, at, &attributes));
  const bool generic = !node->type_params.empty();
  int passed = 0;  // defaults that go through the block of the type parameters
  if (generic) {
    passed = ((attributes & kDefaults) != 0) + ((attributes & kKeywordDefaults) != 0);
    if (passed == 2) emit(SWAP, 2, at);
    const Identifier name = TRY(arena_.own(steal(PyUnicode_FromFormat("<generic parameters of %U>", node->name))));
    TRY(enter(name, UnitType::TypeParameters, node->type_params.items, line, nullptr, {.positional = passed}));
    TRY(type_parameters(node->type_params));
    for (int i = 0; i < passed; ++i) emit(LOAD_FAST, i, at);
  }
  TRY(function_annotations(node->args, node->returns, at, &attributes));
  TRY(function_body(node, async, attributes, line));
  if (generic) {
    emit(SWAP, 2, at);
    emit(CALL_INTRINSIC_2, intrinsic::SetFunctionTypeParams, at);
    Ref<PyCodeObject> code = TRY(leave(false));
    TRY(make_closure(code, 0, at));
    if (passed) {
      emit(SWAP, passed + 1, at);
      emit(CALL, passed - 1, at);
    } else {
      emit(PUSH_NULL, at);
      emit(CALL, 0, at);
    }
  }
  apply_decorators(node->decorator_list);
  return name_operation(node->name, Context::Store, at);
}
template Status Codegen::function(const FunctionDef* node, bool async);
template Status Codegen::function(const AsyncFunctionDef* node, bool async);

template <class F>
Status Codegen::function_body(const F* node, bool async, int attributes, int line) {
  const Arguments* arguments = node->args;
  TRY(enter(node->name, async ? UnitType::AsyncFunction : UnitType::Function, node, line, nullptr,
            {static_cast<int>(arguments->args.size()), static_cast<int>(arguments->posonlyargs.size()),
             static_cast<int>(arguments->kwonlyargs.size())}));
  Py_ssize_t first = 0;
  if (scope().has_docstring) {
    // The docstring is the first constant.
    first = 1;
    Ref<> docstring = TRY(clean_docstring(docstring_of(node->body)->value));
    if (unit().constants.add(docstring, constant_cache_) < 0) return failed;
  }
  const Label start = new_label();
  use(start);
  const bool wrap = scope().coroutine || scope().generator;
  if (wrap) TRY(push_block({BlockType::StopIteration, start, {}, kNoLocation}));
  for (Py_ssize_t i = first; i < node->body.size(); ++i) TRY(visit(node->body[i]));
  if (wrap) {
    TRY(wrap_in_stop_iteration_handler());
    pop_block();
  }
  Ref<PyCodeObject> code = TRY(leave(true));
  return make_closure(code, attributes, node->position);
}

Status Codegen::lambda(const Lambda* node) {
  const Arguments* arguments = node->args;
  int attributes = 0;
  TRY(default_arguments(arguments, node->position, &attributes));
  TRY(enter("<lambda>"_id, UnitType::Lambda, node, node->position.lineno, nullptr,
            {static_cast<int>(arguments->args.size()), static_cast<int>(arguments->posonlyargs.size()),
             static_cast<int>(arguments->kwonlyargs.size())}));
  TRY(visit(node->body));
  bool return_none = false;
  if (!scope().generator) {
    emit(RETURN_VALUE, node->body->position);
    return_none = true;
  }
  Ref<PyCodeObject> code = TRY(leave(return_none));
  return make_closure(code, attributes, node->position);
}

// ---- classes ---------------------------------------------------------------------------------------------------------

Status Codegen::class_definition(const ClassDef* node) {
  const Location& at = node->position;
  TRY(decorators(node->decorator_list));
  const int line = node->decorator_list.empty() ? at.lineno : node->decorator_list[0]->position.lineno;
  const bool generic = !node->type_params.empty();
  if (generic) {
    const Identifier name = TRY(arena_.own(steal(PyUnicode_FromFormat("<generic parameters of %U>", node->name))));
    TRY(enter(name, UnitType::TypeParameters, node->type_params.items, line, node->name));
    TRY(type_parameters(node->type_params));
    TRY(name_operation(".type_params"_id, Context::Store, at));
  }
  TRY(class_body(node, line));
  if (generic) {
    TRY(name_operation(".type_params"_id, Context::Load, at));
    emit(CALL_INTRINSIC_1, intrinsic::SubscriptGeneric, at);
    TRY(name_operation(".generic_base"_id, Context::Store, at));
    TRY(call_with(node->bases, node->keywords, 2, at, ".generic_base"_id));
    Ref<PyCodeObject> code = TRY(leave(false));
    TRY(make_closure(code, 0, at));
    emit(PUSH_NULL, at);
    emit(CALL, 0, at);
  } else {
    TRY(call_with(node->bases, node->keywords, 2, at));
  }
  apply_decorators(node->decorator_list);
  return name_operation(node->name, Context::Store, at);
}

Ref<> Codegen::static_attributes() {
  Ref<> list = TRY(steal(PyList_New(0)));
  bool good = true;
  unit().static_attributes.for_each([&](Identifier name) { good = good && PyList_Append(list, name) == 0; });
  if (!good || PyList_Sort(list) < 0) return failed;
  return steal(PyList_AsTuple(list));
}

Status Codegen::class_body(const ClassDef* node, int line) {
  TRY(enter(node->name, UnitType::Class, node, line, node->name));
  const Location head = {line, 0, line, 0};
  TRY(name_operation("__name__"_id, Context::Load, head));
  TRY(name_operation("__module__"_id, Context::Store, head));
  TRY(load_const(unit().qualname, head));
  TRY(name_operation("__qualname__"_id, Context::Store, head));
  TRY(load_int(line, head));
  TRY(name_operation("__firstlineno__"_id, Context::Store, head));
  if (!node->type_params.empty()) {
    TRY(name_operation(".type_params"_id, Context::Load, head));
    TRY(name_operation("__type_params__"_id, Context::Store, head));
  }
  if (scope().needs_classdict) {
    emit(LOAD_LOCALS, head);
    emit(STORE_DEREF, index_of(unit().cellvars, "__classdict__"_id), head);
  }
  TRY(body(node->body, head));
  TRY(load_const(static_attributes(), kNoLocation));
  TRY(name_operation("__static_attributes__"_id, Context::Store, kNoLocation));
  if (scope().needs_classdict) {
    emit(LOAD_CLOSURE, index_of(unit().cellvars, "__classdict__"_id), kNoLocation);
    TRY(name_operation("__classdictcell__"_id, Context::Store, kNoLocation));
  }
  if (scope().needs_class_closure) {
    // type.__new__ puts the class into the cell.
    emit(LOAD_CLOSURE, index_of(unit().cellvars, "__class__"_id), kNoLocation);
    emit(COPY, 1, kNoLocation);
    TRY(name_operation("__classcell__"_id, Context::Store, kNoLocation));
  } else {
    TRY(load_const(Py_None, kNoLocation));
  }
  emit(RETURN_VALUE, kNoLocation);
  Ref<PyCodeObject> code = TRY(leave(true));
  const Location& at = node->position;
  emit(LOAD_BUILD_CLASS, at);
  emit(PUSH_NULL, at);
  TRY(make_closure(code, 0, at));
  return load_const(node->name, at);
}

// ---- generics --------------------------------------------------------------------------------------------------------

Status Codegen::bound_or_default(const Expression* node, Identifier name, const void* key, bool starred_allowed) {
  const Location& at = node->position;
  // The default of its parameter: Format.VALUE.
  TRY(load_const(steal(Py_BuildValue("(i)", 1)), at));
  TRY(enter_annotations(name, key, at));
  const auto* starred = node->if_is<Starred>();
  if (starred_allowed && starred) {
    TRY(visit(starred->value));
    emit(UNPACK_SEQUENCE, 1, at);
  } else {
    TRY(visit(node));
  }
  return leave_annotations(true, kDefaults, at, false);
}

Status Codegen::type_parameters(const Sequence<TypeParameter*>& parameters) {
  bool seen_default = false;
  for (const TypeParameter* parameter : parameters) {
    const Location& at = parameter->position;
    Identifier name = nullptr;
    const Expression* default_value = nullptr;
    switch (parameter->kind) {
      case TypeParameterKind::TypeVar: {
        const auto* n = parameter->as<TypeVar>();
        name = n->name;
        default_value = n->default_value;
        TRY(load_const(name, at));
        if (n->bound) {
          TRY(bound_or_default(n->bound, name, n, false));
          emit(CALL_INTRINSIC_2, n->bound->is<Tuple>() ? intrinsic::TypeVarWithConstraints : intrinsic::TypeVarWithBound, at);
        } else {
          emit(CALL_INTRINSIC_1, intrinsic::TypeVar, at);
        }
        break;
      }
      case TypeParameterKind::ParamSpec:
        name = parameter->as<ParamSpec>()->name;
        default_value = parameter->as<ParamSpec>()->default_value;
        TRY(load_const(name, at));
        emit(CALL_INTRINSIC_1, intrinsic::ParamSpec, at);
        break;
      case TypeParameterKind::TypeVarTuple:
        name = parameter->as<TypeVarTuple>()->name;
        default_value = parameter->as<TypeVarTuple>()->default_value;
        TRY(load_const(name, at));
        emit(CALL_INTRINSIC_1, intrinsic::TypeVarTuple, at);
        break;
    }
    if (default_value) {
      seen_default = true;
      TRY(bound_or_default(default_value, name, default_key(parameter), parameter->is<TypeVarTuple>()));
      emit(CALL_INTRINSIC_2, intrinsic::SetTypeParamDefault, at);
    } else if (seen_default) {
      return error(at, "non-default type parameter '%U' follows default type parameter", name);
    }
    emit(COPY, 1, at);
    TRY(name_operation(name, Context::Store, at));
  }
  emit(BUILD_TUPLE, static_cast<int>(parameters.size()), parameters[0]->position);
  return Status::Ok;
}

Status Codegen::type_alias(const TypeAlias* node) {
  const Location& at = node->position;
  const Identifier name = node->name->as<Name>()->id;
  const bool generic = !node->type_params.empty();
  if (generic) {
    const Identifier block = TRY(arena_.own(steal(PyUnicode_FromFormat("<generic parameters of %U>", name))));
    TRY(enter(block, UnitType::TypeParameters, node->type_params.items, at.lineno, nullptr));
    TRY(load_const(name, at));
    TRY(type_parameters(node->type_params));
  } else {
    TRY(load_const(name, at));
    TRY(load_const(Py_None, at));
  }
  TRY(load_const(steal(Py_BuildValue("(i)", 1)), at));
  TRY(enter_annotations(name, node, at));
  TRY(visit(node->value));
  TRY(leave_annotations(false, kDefaults, at, false));
  emit(BUILD_TUPLE, 3, at);
  emit(CALL_INTRINSIC_1, intrinsic::TypeAlias, at);
  if (generic) {
    Ref<PyCodeObject> code = TRY(leave(false));
    TRY(make_closure(code, 0, at));
    emit(PUSH_NULL, at);
    emit(CALL, 0, at);
  }
  return name_operation(name, Context::Store, at);
}

}  // namespace ks::compiler
