#include "compiler/future.h"

#include <cstring>

#include "compiler/error.h"
#include "compiler/symbols.h"
#include "object/identifier.h"

namespace ks::compiler {

using namespace syntax;

namespace {

struct Feature {
  const char* name;
  int flag;  // 0: always on by now
};
constexpr Feature kFeatures[] = {
    {"nested_scopes", 0},
    {"generators", 0},
    {"division", 0},
    {"absolute_import", 0},
    {"with_statement", 0},
    {"print_function", 0},
    {"unicode_literals", 0},
    {"barry_as_FLUFL", CO_FUTURE_BARRY_AS_BDFL},
    {"generator_stop", 0},
    {"annotations", CO_FUTURE_ANNOTATIONS},
};

Status read_names(const ImportFrom* node, PyObject* filename, FutureFeatures* out) {
  for (const Alias* alias : node->names) {
    const char* name = PyUnicode_AsUTF8(alias->name);
    if (!name) return failed;
    const Feature* feature = nullptr;
    for (const Feature& candidate : kFeatures)
      if (strcmp(candidate.name, name) == 0) feature = &candidate;
    if (feature) {
      out->flags |= feature->flag;
    } else if (strcmp(name, "braces") == 0) {
      return scope_error(filename, alias->position, "not a chance");
    } else {
      return scope_error(filename, alias->position, "future feature %.100s is not defined", name);
    }
  }
  return Status::Ok;
}

}  // namespace

Status read_future_features(const Module* module, PyObject* filename, FutureFeatures* out) {
  if (module->kind != ModuleKind::Module && module->kind != ModuleKind::Interactive) return Status::Ok;
  // Only a docstring and other such statements may come before.
  Py_ssize_t at = docstring_of(module->body) ? 1 : 0;
  bool late = false;
  int line = 0;
  for (; at < module->body.size(); ++at) {
    const Statement* statement = module->body[at];
    // The line on which the head of the module ends is looked at to its end; later ones are for the symbol table.
    if (late && statement->position.lineno > line) break;
    line = statement->position.lineno;
    const auto* import = statement->if_is<ImportFrom>();
    if (!import || import->level != 0 || !import->module || !PyUnicode_EqualToUTF8(import->module, "__future__")) {
      late = true;
      continue;
    }
    if (late)
      return scope_error(filename, statement->position, "from __future__ imports must occur at the beginning of the file");
    TRY(read_names(import, filename, out));
    out->last = statement->position;
  }
  return Status::Ok;
}

}  // namespace ks::compiler
