// The stages of a compilation in their order, and the room's start and end.
#include "compiler/compile.h"

#include "compiler/codegen.h"
#include "compiler/preprocess.h"
#include "runtime/rooms.h"
#include "runtime/state.h"

namespace ks::compiler {
namespace {

int optimization_level(int given) { return given >= 0 ? given : interpreter()->core.config.optimization_level; }

}  // namespace

Status preprocess_tree(syntax::Module* tree, const CompileOptions& options, bool check_only, syntax::Arena& arena) {
  FutureFeatures future;
  TRY(read_future_features(tree, options.filename, &future));
  return preprocess(tree,
                    {.filename = options.filename,
                     .optimize = optimization_level(options.optimize),
                     .flags = future.flags | options.flags,
                     .check_only = check_only,
                    .warn = false},
                    arena);
}

Ref<> compile_text(const char* source, Py_ssize_t size, const syntax::ParseOptions& options, int optimize) {
  syntax::Arena arena;
  syntax::Module* tree = syntax::parse(source, size, options, arena);
  if (!tree) return failed;
  const CompileOptions compile{.filename = options.filename, .flags = options.flags, .optimize = optimize};
  if (options.flags & PyCF_ONLY_AST) {
    const bool check_only = (options.flags & PyCF_OPTIMIZED_AST) == PyCF_ONLY_AST;
    TRY(preprocess_tree(tree, compile, check_only, arena));
    return syntax::tree_to_object(tree);
  }
  return Ref<>(compile_tree(tree, compile, arena));
}

// The stages up to code generation, which `generate(codegen)` ends.
template <class F>
static Ref<> run_stages(syntax::Module* tree, const CompileOptions& options, syntax::Arena& arena, F generate) {
  Settings settings{.filename = options.filename,
                    .flags = options.flags,
                    .optimize = optimization_level(options.optimize),
                    .future = {},
                    .interactive = tree->kind == syntax::ModuleKind::Interactive};
  TRY(read_future_features(tree, options.filename, &settings.future));
  settings.flags |= settings.future.flags;
  settings.future.flags |= options.flags & PyCF_MASK;
  TRY(preprocess(tree, {.filename = options.filename, .optimize = settings.optimize, .flags = settings.flags}, arena));
  SymbolTable symbols(options.filename, settings.future, settings.flags & PyCF_ALLOW_TOP_LEVEL_AWAIT, arena);
  TRY(symbols.build(tree));
  Codegen codegen(settings, symbols, arena);
  return generate(codegen);
}

Ref<PyCodeObject> compile_tree(syntax::Module* tree, const CompileOptions& options, syntax::Arena& arena) {
  Ref<> code = run_stages(tree, options, arena, [tree](Codegen& codegen) { return Ref<>(codegen.module(tree)); });
  return Ref<PyCodeObject>::steal(as<PyCodeObject>(code.release()));
}

Ref<> generate_only(syntax::Module* tree, const CompileOptions& options, syntax::Arena& arena, std::unique_ptr<InstructionSequence>* code) {
  return run_stages(tree, options, arena, [tree, code](Codegen& codegen) { return codegen.instructions(tree, code); });
}

}  // namespace ks::compiler

namespace ks {

Status compiler_start(PyInterpreterState*) { return Status::Ok; }
void compiler_end(PyInterpreterState* interpreter) { Py_CLEAR(interpreter->compiler.ast_module); }

}  // namespace ks
