// What code_locations.cpp gives to the methods of code objects.
#pragma once

#include "interpreter/code.h"

namespace ks {

Ref<> code_lines_iterator(PyCodeObject* code);      // (start, end, line) of runs of equal lines
Ref<> code_positions_iterator(PyCodeObject* code);  // (line, end_line, column, end_column) of each unit
Ref<> code_branches_iterator(PyCodeObject* code);   // (source, not taken, taken) of each branch
Ref<> code_old_line_table(PyCodeObject* code);      // co_lnotab

}  // namespace ks
