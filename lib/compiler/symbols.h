// Symbol tables: what each scope's names mean.
//
// A Scope is a block of code with names of its own: module, function (also lambda and comprehension), class, and the
// lazily run blocks: annotations, values of type aliases, bounds and defaults of type parameters, and the block around
// a generic function or class that binds its type parameters. The first pass visits the tree and notes how names are used; the
// second (analyze) decides for each name where it lives.
#pragma once

#include <Python.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "compiler/future.h"
#include "compiler/names.h"
#include "object/result.h"
#include "syntax/arena.h"

namespace ks::compiler {

using syntax::Position;

// How a name is used in a scope; `where` is in the bits from kWhereShift.
inline constexpr int kGlobalStatement = 1;
inline constexpr int kAssigned = 2;
inline constexpr int kParameter = 4;
inline constexpr int kNonlocalStatement = 8;
inline constexpr int kUsed = 16;
inline constexpr int kFreeInClass = 64;       // free in a method, of the same name as a local of the class
inline constexpr int kImported = 128;
inline constexpr int kAnnotated = 256;
inline constexpr int kIterationVariable = 512;  // of a comprehension
inline constexpr int kTypeParameter = 1024;
inline constexpr int kCellInComprehension = 2048;  // a cell in a comprehension that is inlined
inline constexpr int kBound = kAssigned | kParameter | kImported | kTypeParameter;
inline constexpr int kWhereShift = 12;

enum class Where { Unknown = 0, Local = 1, GlobalExplicit = 2, GlobalImplicit = 3, Free = 4, Cell = 5 };
inline Where where_of(int flags) { return static_cast<Where>(flags >> kWhereShift & 15); }

enum class ScopeType { Function, Class, Module, Annotation, TypeVariable, TypeAlias, TypeParameters };
enum class ComprehensionKind { None, List, Dict, Set, Generator };

struct Scope {
  ScopeType type;
  Identifier name;
  Position position;
  const void* key;
  int id;
  NameMap<int> symbols;
  std::vector<Identifier> parameters;
  std::vector<Scope*> children;
  struct Directive {
    Identifier name;
    Position position;
  };
  std::vector<Directive> directives;  // global and nonlocal statements
  std::shared_ptr<NameSet> mangled_names;  // around a generic class: the only names that are mangled
  Scope* annotation_scope = nullptr;  // of the variables of a class or module
  const char* description = nullptr;  // of a type variable's scope, for messages
  ComprehensionKind comprehension = ComprehensionKind::None;
  int iterable_depth = 0;             // inside how many iterables of comprehensions the visit is
  bool nested = false;
  bool generator = false;
  bool coroutine = false;
  bool varargs = false;
  bool varkeywords = false;
  bool returns_value = false;
  bool method = false;
  bool has_docstring = false;
  bool needs_class_closure = false;   // a class whose methods want the cell __class__
  bool needs_classdict = false;
  bool inlined = false;               // a comprehension that runs in its parent's frame
  bool in_iteration_target = false;
  bool can_see_class_scope = false;
  bool annotations_used = false;
  bool in_conditional_block = false;
  bool has_conditional_annotations = false;
  bool in_unevaluated_annotation = false;

  bool is_function_like() const { return type != ScopeType::Class && type != ScopeType::Module; }
  int flags_of(Identifier name) const {
    const int* flags = symbols.find(name);
    return flags ? *flags : 0;
  }
  Where where(Identifier name) const { return where_of(flags_of(name)); }
};

class SymbolTable {
 public:
  SymbolTable(PyObject* filename, const FutureFeatures& future, bool top_level_await, syntax::Arena& arena)
      : filename_(filename), future_(future), top_level_await_(top_level_await), arena_(arena) {}

  // SyntaxError where names contradict each other.
  Status build(const syntax::Module* module);

  Scope* top() const { return top_; }
  // The scope of a node: function, class, lambda, comprehension, Arguments (annotations), ...; never nullptr for a node
  // that has one.
  Scope* lookup(const void* key) const {
    auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : found->second;
  }

 private:
  friend class SymbolVisitor;
  friend class SymbolAnalyzer;
  PyObject* filename_;
  const FutureFeatures& future_;
  bool top_level_await_;
  syntax::Arena& arena_;
  Scope* top_ = nullptr;
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::unordered_map<const void*, Scope*> by_key_;
};

// The name as a class's private name: __x in class C is _C__x. Owned by the arena; nullptr with MemoryError.
Identifier mangle(Identifier class_name, Identifier name, syntax::Arena& arena);
// The same in a scope: around a generic class only its type parameters are mangled.
Identifier mangle_in(const Scope* scope, Identifier class_name, Identifier name, syntax::Arena& arena);

// The docstring at the head of a body, or nullptr.
syntax::Constant* docstring_of(const syntax::Sequence<syntax::Statement*>& body);

// The key of the scope of a type parameter's default; its bound's is the node itself.
inline const void* default_key(const syntax::TypeParameter* parameter) { return reinterpret_cast<const char*>(parameter) + 1; }

}  // namespace ks::compiler
