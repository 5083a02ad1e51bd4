// From a unit's instructions to its code object: blocks, optimisation, and the bytes.
#pragma once

#include "compiler/unit.h"
#include "interpreter/code.h"

namespace ks::compiler {

// The code object of the unit. `flags` are its co_flags; `constant_cache` merges equal constants.
Ref<PyCodeObject> assemble_unit(Unit& unit, int flags, PyObject* filename, PyObject* constant_cache, Identifier first_local_name);

class Graph;
// Its parts: all optimisations of a graph that has just been built, and lowering and assembling.
Status optimize_graph(Graph& graph, int local_count, int parameter_count);
Ref<PyCodeObject> assemble_graph(Graph& graph, Unit& unit, int flags, PyObject* filename, Identifier first_local_name);

}  // namespace ks::compiler
