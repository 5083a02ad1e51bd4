// Second pass: where names live.
//
// A block is given the names bound in the functions around it, and gives back those that it and its children want from
// outside (free). A function turns those that are its own into cells; a class only what the interpreter sets for it.
#include "compiler/symbols_analyze.h"

#include "compiler/error.h"
#include "object/identifier.h"

namespace ks::compiler {
namespace {

class Analyzer {
 public:
  explicit Analyzer(PyObject* filename) : filename_(filename) {}

  // `bound` is nullptr at module level. Names are added to `free`.
  Status block(Scope* scope, NameSet* bound, NameSet& free, NameSet& global, NameSet& type_parameters, Scope* class_scope) {
    Nesting nesting;
    if (!nesting) return failed;
    NameSet local, new_bound, new_global, new_free, inlined_cells;
    NameMap<Where> where;
    const bool is_class = scope->type == ScopeType::Class;
    // Names of a class are invisible in its methods: they get what is around the class.
    if (is_class) {
      new_global.add_all(global);
      if (bound) new_bound.add_all(*bound);
    }
    for (const auto& symbol : scope->symbols)
      TRY(name(scope, where, symbol.name, symbol.value, bound, local, free, global, type_parameters, class_scope));
    if (is_class) {
      for (Identifier special : {"__class__"_id, "__classdict__"_id, "__conditional_annotations__"_id}) new_bound.add(special);
    } else {
      if (scope->is_function_like()) new_bound.add_all(local);
      if (bound) new_bound.add_all(*bound);
      new_global.add_all(global);
    }
    for (Scope* child : scope->children) {
      Scope* seen_class = nullptr;
      if (child->can_see_class_scope) seen_class = is_class ? scope : class_scope;
      NameSet child_bound = new_bound, child_free, child_global = new_global, child_parameters = type_parameters;
      child_free.add_all(new_free);
      TRY(block(child, &child_bound, child_free, child_global, child_parameters, seen_class));
      const bool inline_it = child->comprehension != ComprehensionKind::None &&
                             child->comprehension != ComprehensionKind::Generator && !scope->can_see_class_scope;
      if (inline_it) {
        inline_comprehension(scope, child, where, child_free, inlined_cells);
        child->inlined = true;
      }
      new_free.add_all(child_free);
    }
    splice_children(scope);
    if (scope->is_function_like()) make_cells(where, new_free, inlined_cells);
    else if (is_class) drop_class_cells(scope, new_free);
    update(scope, where, bound, new_free, inlined_cells, is_class || scope->can_see_class_scope);
    free.add_all(new_free);
    return Status::Ok;
  }

 private:
  static bool is_class_cell(Identifier name) {
    return name == "__class__"_id || name == "__classdict__"_id || name == "__conditional_annotations__"_id;
  }
  Status error(const Scope* scope, Identifier name, const char* format) {
    for (const Scope::Directive& directive : scope->directives)
      if (directive.name == name) return scope_error(filename_, directive.position, format, name);
    return raise(PyExc_SystemError, "no directive for a name that has one");
  }

  Status name(const Scope* scope, NameMap<Where>& where, Identifier name, int flags, NameSet* bound, NameSet& local, NameSet& free,
              NameSet& global, NameSet& type_parameters, const Scope* class_scope) {
    if (flags & kGlobalStatement) {
      if (flags & kNonlocalStatement) return error(scope, name, "name '%U' is nonlocal and global");
      where.at(name) = Where::GlobalExplicit;
      global.add(name);
      if (bound) bound->remove(name);
      return Status::Ok;
    }
    if (flags & kNonlocalStatement) {
      if (!bound) return error(scope, name, "nonlocal declaration not allowed at module level");
      if (!bound->contains(name)) return error(scope, name, "no binding for nonlocal '%U' found");
      if (type_parameters.contains(name)) return error(scope, name, "nonlocal binding not allowed for type parameter '%U'");
      where.at(name) = Where::Free;
      free.add(name);
      return Status::Ok;
    }
    if (flags & kBound) {
      where.at(name) = Where::Local;
      local.add(name);
      global.remove(name);
      if (flags & kTypeParameter) type_parameters.add(name);
      else type_parameters.remove(name);
      return Status::Ok;
    }
    // A name that the class itself binds is looked up in its dictionary, then among the globals, not in functions around.
    // Cells that the class makes are reached all the same.
    if (class_scope && !is_class_cell(name)) {
      const int in_class = class_scope->flags_of(name);
      if (in_class & kGlobalStatement) {
        where.at(name) = Where::GlobalExplicit;
        return Status::Ok;
      }
      if ((in_class & kBound) && !(in_class & kNonlocalStatement)) {
        where.at(name) = Where::GlobalImplicit;
        return Status::Ok;
      }
    }
    if (bound && bound->contains(name)) {
      where.at(name) = Where::Free;
      free.add(name);
      return Status::Ok;
    }
    where.at(name) = Where::GlobalImplicit;
    return Status::Ok;
  }

  static bool free_in_children(const Scope* scope, Identifier name) {
    for (const Scope* child : scope->children)
      if (child->where(name) == Where::Free) return true;
    return false;
  }

  // The comprehension's names become the scope's own.
  static void inline_comprehension(Scope* scope, Scope* comprehension, NameMap<Where>& where, NameSet& free, NameSet& inlined_cells) {
    for (auto& symbol : comprehension->symbols) {
      if (symbol.value & kParameter) continue;  // .0
      const Where place = where_of(symbol.value);
      const int flags = symbol.value & ((1 << kWhereShift) - 1);
      if (place == Where::Cell || (flags & kCellInComprehension)) inlined_cells.add(symbol.name);
      int* existing = scope->symbols.find(symbol.name);
      if (existing && scope->type != ScopeType::Class && place == Where::Free) *existing |= flags & kUsed;
      if (place == Where::Free && scope->type == ScopeType::Class && is_class_cell(symbol.name)) {
        // Neither a name of the class nor the cell that the class makes, which only functions inside reach.
        symbol.value = flags | (static_cast<int>(Where::GlobalImplicit) << kWhereShift);
        if (free_in_children(comprehension, symbol.name)) continue;
        free.remove(symbol.name);
        if (existing) continue;
        scope->symbols.at(symbol.name) = flags;
        where.at(symbol.name) = Where::GlobalImplicit;
      } else if (!existing) {
        scope->symbols.at(symbol.name) = flags;
        where.at(symbol.name) = place;
      } else if ((*existing & kBound) && scope->type != ScopeType::Class && !free_in_children(comprehension, symbol.name)) {
        // What is local to the scope is local now, unless functions inside the comprehension want it.
        free.remove(symbol.name);
      }
    }
  }

  static void splice_children(Scope* scope) {
    bool any = false;
    for (const Scope* child : scope->children) any = any || child->inlined;
    if (!any) return;
    std::vector<Scope*> children;
    for (Scope* child : scope->children) {
      if (child->inlined) children.insert(children.end(), child->children.begin(), child->children.end());
      else children.push_back(child);
    }
    scope->children = std::move(children);
  }

  static void make_cells(NameMap<Where>& where, NameSet& free, const NameSet& inlined_cells) {
    for (auto& entry : where) {
      if (entry.value != Where::Local) continue;
      if (!free.contains(entry.name) && !inlined_cells.contains(entry.name)) continue;
      entry.value = Where::Cell;
      free.remove(entry.name);
    }
  }

  static void drop_class_cells(Scope* scope, NameSet& free) {
    auto drop = [&free](Identifier name) {
      const bool present = free.contains(name);
      free.remove(name);
      return present;
    };
    if (drop("__class__"_id)) scope->needs_class_closure = true;
    if (drop("__classdict__"_id)) scope->needs_classdict = true;
    if (drop("__conditional_annotations__"_id)) scope->has_conditional_annotations = true;
  }

  static void update(Scope* scope, const NameMap<Where>& where, const NameSet* bound, const NameSet& free, const NameSet& inlined_cells,
                     bool class_like) {
    for (auto& symbol : scope->symbols) {
      if (inlined_cells.contains(symbol.name)) symbol.value |= kCellInComprehension;
      if (const Where* place = where.find(symbol.name)) symbol.value |= static_cast<int>(*place) << kWhereShift;
    }
    free.for_each([&](Identifier name) {
      if (int* known = scope->symbols.find(name)) {
        if (class_like) *known |= kFreeInClass;
      } else if (!bound || bound->contains(name)) {
        scope->symbols.at(name) = static_cast<int>(Where::Free) << kWhereShift;
      }
    });
  }

  PyObject* filename_;
};

}  // namespace

Status analyze_scopes(Scope* top, PyObject* filename) {
  NameSet free, global, type_parameters;
  return Analyzer(filename).block(top, nullptr, free, global, type_parameters, nullptr);
}

}  // namespace ks::compiler
