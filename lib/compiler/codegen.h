// Syntax tree to instructions: one visit of the tree, with a stack of units for nested code objects.
#pragma once

#include <memory>
#include <vector>

#include "compiler/error.h"
#include "compiler/flow_graph.h"
#include "compiler/symbols.h"
#include "compiler/unit.h"

namespace ks::compiler {

struct Settings {
  PyObject* filename;
  int flags;  // PyCF_* and CO_FUTURE_*, those of the module itself included
  int optimize;
  FutureFeatures future;
  bool interactive = false;
};

struct ArgumentCounts {
  int positional = 0, positional_only = 0, keyword_only = 0;
};

class Codegen {
 public:
  Codegen(const Settings& settings, const SymbolTable& symbols, syntax::Arena& arena)
      : settings_(settings), symbols_(symbols), arena_(arena) {}
  Ref<PyCodeObject> module(const syntax::Module* module);
  // See generate_only in compile.h.
  Ref<> instructions(const syntax::Module* module, std::unique_ptr<InstructionSequence>* code);

 private:
  using Statement = syntax::Statement;
  using Expression = syntax::Expression;
  using Statements = syntax::Sequence<Statement*>;
  using Expressions = syntax::Sequence<Expression*>;
  using Context = syntax::Context;

  // ---- instructions (codegen.cpp) ----
  Unit& unit() { return *units_.back(); }
  Scope& scope() { return *units_.back()->scope; }
  void emit(int opcode, const Location& at) { emit(opcode, 0, at); }
  void emit(int opcode, int oparg, const Location& at) { unit().code->instructions.push_back({opcode, oparg, at}); }
  void emit_jump(int opcode, Label target, const Location& at) { emit(opcode, target.id, at); }
  Label new_label() { return unit().code->new_label(); }
  void use(Label label) { unit().code->place(label); }
  Status load_const(PyObject* value, const Location& at);
  Status load_const(Ref<> value, const Location& at) {
    if (!value) return failed;
    return load_const(value.get(), at);
  }
  Status load_int(long value, const Location& at) { return load_const(steal(PyLong_FromLong(value)), at); }
  // An instruction with a name that is mangled first; the operand is index << shift | low.
  Status emit_name(int opcode, Identifier name, const Location& at, int shift = 0, int low = 0);
  Status emit_attribute(int opcode, Identifier name, const Location& at, bool method = false);
  Status name_operation(Identifier name, Context context, const Location& at);
  void emit_binary(syntax::Operator op, bool in_place, const Location& at);
  void emit_compare(syntax::Comparison op, const Location& at);
  void emit_yield(const Location& at);
  Status emit_yield_from(bool await, const Location& at);
  Status emit_await(int how, const Location& at);
  Status mangled(Identifier name, Identifier* out);
  template <class... A>
  Failed error(const Location& at, const char* format, A... arguments) {
    return syntax_error(settings_.filename, at, format, arguments...);
  }
  template <class... A>
  Status warn(const Location& at, const char* format, A... arguments) {
    if (silent_) return Status::Ok;
    return syntax_warning(settings_.filename, at, format, arguments...);
  }
  bool future_annotations() const { return settings_.flags & CO_FUTURE_ANNOTATIONS; }

  // ---- units (codegen.cpp) ----
  Status enter(Identifier name, UnitType type, const void* key, int line, Identifier class_name, ArgumentCounts counts = {});
  Status set_qualname();
  // The code object of the innermost unit, which is left.
  Ref<PyCodeObject> leave(bool return_none, Identifier first_local_name = nullptr);
  Status return_at_end(bool return_none) {
    if (return_none) TRY(load_const(Py_None, kNoLocation));
    emit(RETURN_VALUE, kNoLocation);
    return Status::Ok;
  }
  Found module_body(const syntax::Module* module);  // No: an expression, whose value is on the stack
  Status make_closure(PyCodeObject* code, int attributes, const Location& at);
  Status push_block(const FrameBlock& block);
  void pop_block() { unit().blocks.pop_back(); }
  Status unwind_blocks(Location* at, bool preserve_top, const FrameBlock** loop);
  Status unwind_block(const FrameBlock& block, Location* at, bool preserve_top);
  Status call_exit_with_nones(const Location& at);
  Status wrap_in_stop_iteration_handler();

  // ---- definitions (codegen_definitions.cpp) ----
  Status body(const Statements& statements, const Location& at);
  Status deferred_annotations(const Location& at);
  Status enter_annotations(Identifier name, const void* key, const Location& at);
  Status leave_annotations(bool return_none, int attributes, const Location& at, bool rename_format);
  template <class F>
  Status function(const F* node, bool async);
  template <class F>
  Status function_body(const F* node, bool async, int attributes, int line);
  Status default_arguments(const syntax::Arguments* arguments, const Location& at, int* attributes);
  Status function_annotations(const syntax::Arguments* arguments, const Expression* returns, const Location& at, int* attributes);
  Status argument_annotation(Identifier name, const Expression* annotation, const Location& at, int* count);
  Status decorators(const Expressions& list);
  void apply_decorators(const Expressions& list);
  Status class_definition(const syntax::ClassDef* node);
  Status class_body(const syntax::ClassDef* node, int line);
  Status type_parameters(const syntax::Sequence<syntax::TypeParameter*>& parameters);
  Status bound_or_default(const Expression* node, Identifier name, const void* key, bool starred_allowed);
  Status type_alias(const syntax::TypeAlias* node);
  Status lambda(const syntax::Lambda* node);
  Status annotation_text(const Expression* annotation);
  Ref<> static_attributes();

  // ---- statements (codegen_statements.cpp) ----
  Status visit(const Statement* node);
  Status visit_kind(const Statement* node);
  Status visit(const Statements& statements);
  // Another copy of statements whose warnings are given elsewhere.
  Status visit_again(const Statements& statements) {
    ++silent_;
    const Status result = visit(statements);
    --silent_;
    return result;
  }
  Status if_statement(const syntax::If* node);
  Status while_statement(const syntax::While* node);
  Status for_statement(const syntax::For* node);
  Status async_for_statement(const syntax::AsyncFor* node);
  template <class W>
  Status with_statement(const W* node, Py_ssize_t item, bool async);
  void with_except_finish(Label cleanup);
  template <class T>
  Status try_statement(const T* node, bool star);
  template <class T>
  Status try_except(const T* node);
  template <class T>
  Status try_star(const T* node);
  Status clear_handler_name(Identifier name);
  void pop_except_and_reraise();
  Status return_statement(const syntax::Return* node);
  Status break_statement(const Location& at);
  Status continue_statement(const Location& at);
  Status augmented_assignment(const syntax::AugAssign* node);
  Status annotated_assignment(const syntax::AnnAssign* node);
  Status assert_statement(const syntax::Assert* node);
  Status import_statement(const syntax::Import* node);
  Status import_from(const syntax::ImportFrom* node);
  Status expression_statement(const syntax::Expr* node);

  // ---- expressions (codegen_expressions.cpp) ----
  Status visit(const Expression* node);
  Status visit_kind(const Expression* node);
  Status visit(const Expressions& nodes) {
    for (const Expression* node : nodes) TRY(visit(node));
    return Status::Ok;
  }
  Status jump_if(const Expression* node, Label target, bool condition);
  Status unpack(const Expressions& targets, const Location& at);
  Status assign_sequence(const Expressions& targets, const Location& at);
  Status build_sequence(const Expressions& elements, const Location& at, int pushed, int build, int add, int extend, bool tuple,
                        Identifier injected = nullptr);
  Status dict(const syntax::Dict* node);
  Status sub_dict(const syntax::Dict* node, Py_ssize_t begin, Py_ssize_t end);
  Status compare(const syntax::Compare* node);
  Status check_compare(const syntax::Compare* node);
  Status check_callable(const Expression* node);
  Status check_subscriptable(const Expression* node);
  Status check_index(const Expression* node, const Expression* index);
  Status attribute(const syntax::Attribute* node);
  Status subscript(const syntax::Subscript* node);
  Status slice(const syntax::Slice* node);
  Status slice_parts(const syntax::Slice* node);
  Status joined_string(const syntax::JoinedStr* node);
  Status template_string(const syntax::TemplateStr* node);
  Status formatted_value(const syntax::FormattedValue* node);
  Status interpolation(const syntax::Interpolation* node);
  void note_static_attribute(const syntax::Attribute* node);

  // ---- calls and comprehensions (codegen_calls.cpp) ----
  Status call(const syntax::Call* node);
  Found method_call(const syntax::Call* node);
  Status builtin_with_generator(const syntax::Call* node, Label end);
  Status call_with(const Expressions& arguments, const syntax::Sequence<syntax::Keyword*>& keywords, int pushed, const Location& at,
                   Identifier injected = nullptr);
  Status keyword_names(const syntax::Sequence<syntax::Keyword*>& keywords, const Location& at);
  Status keyword_dict(const syntax::Sequence<syntax::Keyword*>& keywords, Py_ssize_t begin, Py_ssize_t end, const Location& at);
  Status validate_keywords(const syntax::Sequence<syntax::Keyword*>& keywords);
  bool can_optimize_super(const syntax::Attribute* node);
  Status load_super_arguments(const syntax::Call* node);

  struct Inlined {  // what an inlined comprehension has changed in its unit
    std::vector<std::pair<Identifier, int>> saved_symbols;
    std::vector<Identifier> hidden;
    std::vector<Identifier> pushed;
    Label cleanup;
  };
  Status comprehension(const Expression* node, Identifier name, ComprehensionKind kind,
                       const syntax::Sequence<syntax::Comprehension*>& generators, const Expression* element, const Expression* value);
  Status generator(const Location& at, const syntax::Sequence<syntax::Comprehension*>& generators, Py_ssize_t index, int depth,
                   const Expression* element, const Expression* value, ComprehensionKind kind, bool iterator_on_stack);
  Status sync_generator(const Location& at, const syntax::Sequence<syntax::Comprehension*>& generators, Py_ssize_t index, int depth,
                        const Expression* element, const Expression* value, ComprehensionKind kind, bool iterator_on_stack);
  Status async_generator(const Location& at, const syntax::Sequence<syntax::Comprehension*>& generators, Py_ssize_t index, int depth,
                         const Expression* element, const Expression* value, ComprehensionKind kind, bool iterator_on_stack);
  Status element(const Expression* element, const Expression* value, ComprehensionKind kind, int depth, Location* at);
  Status iterable(const syntax::Comprehension* outermost);
  Status push_inlined(Scope* comprehension, const Location& at, Inlined* state);
  void pop_inlined(const Location& at, const Inlined& state);
  void restore_inlined_locals(const Location& at, const Inlined& state);

  // ---- match (codegen_match.cpp) ----
  struct PatternContext {
    std::vector<Identifier> stores;   // captured so far, on the stack
    bool allow_irrefutable = false;
    std::vector<Label> fail_pop;      // where to jump with so many items to pop
    int on_top = 0;                   // items on the stack above the captures
  };
  Status match(const syntax::Match* node);
  Status pattern(const syntax::Pattern* node, PatternContext& context);
  Status sub_pattern(const syntax::Pattern* node, PatternContext& context);
  Status capture(Identifier name, PatternContext& context, const Location& at);
  Status sequence_pattern(const syntax::MatchSequence* node, PatternContext& context);
  Status mapping_pattern(const syntax::MatchMapping* node, PatternContext& context);
  Status class_pattern(const syntax::MatchClass* node, PatternContext& context);
  Status or_pattern(const syntax::MatchOr* node, PatternContext& context);
  Status as_pattern(const syntax::MatchAs* node, PatternContext& context);
  void jump_to_fail(int opcode, PatternContext& context, const Location& at);
  void ensure_fail_pop(size_t count, PatternContext& context);
  void emit_fail_pops(PatternContext& context, const Location& at);
  void rotate(int count, const Location& at);

  const Settings& settings_;
  const SymbolTable& symbols_;
  syntax::Arena& arena_;
  std::vector<std::unique_ptr<Unit>> units_;
  Ref<> constant_cache_;
  bool keep_nested_ = false;  // instructions of functions are kept for who asked for instructions
  int silent_ = 0;  // how many copies are being made of what has warned already
};

// The source text of an expression, as string annotations keep it.
Ref<> expression_text(const syntax::Expression* node);
// The docstring without the indentation that its lines share.
Ref<> clean_docstring(PyObject* docstring);

}  // namespace ks::compiler
