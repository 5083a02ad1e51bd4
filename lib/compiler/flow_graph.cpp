// The passes in their order.
#include "compiler/flow_graph.h"

#include "compiler/graph.h"

namespace ks::compiler {

Status optimize_graph(Graph& graph, int local_count, int parameter_count) {
  graph.label_exception_targets();
  graph.inline_small_blocks();
  graph.remove_unreachable();
  graph.resolve_line_numbers();
  TRY(graph.fold_constant_loads());
  TRY(graph.optimize_blocks());
  graph.remove_redundant_nops_and_pairs();
  graph.remove_unreachable();
  graph.remove_redundant_nops_and_jumps();
  TRY(graph.remove_unused_constants());
  graph.check_unbound_locals(local_count, parameter_count);
  graph.make_superinstructions();
  graph.push_cold_blocks_to_end();
  graph.resolve_line_numbers();
  return Status::Ok;
}

Ref<PyCodeObject> assemble_unit(Unit& unit, int flags, PyObject* filename, PyObject* constant_cache, Identifier first_local_name) {
  Graph graph(unit, constant_cache);
  TRY(graph.build(*unit.code));
  TRY(optimize_graph(graph, static_cast<int>(unit.varnames.size()), static_cast<int>(unit.scope->parameters.size())));
  return assemble_graph(graph, unit, flags, filename, first_local_name);
}

Ref<PyCodeObject> assemble_graph(Graph& graph, Unit& unit, int flags, PyObject* filename, Identifier first_local_name) {
  graph.lower_conditional_jumps();
  const int stack_size = graph.stack_depth();
  if (stack_size < 0) return failed;
  const int local_count = graph.place_cells(flags);
  graph.lower_pseudo_instructions();
  graph.normalize_jumps();
  graph.borrow_locals();
  return assemble(graph, unit,
                  {.flags = flags,
                   .filename = filename,
                   .first_local_name = first_local_name,
                   .stack_size = stack_size,
                   .local_count = local_count});
}

}  // namespace ks::compiler
