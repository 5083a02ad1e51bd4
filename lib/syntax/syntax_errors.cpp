// What is wrong with a source that does not parse.
#include "syntax/parser_state.h"

namespace ks::syntax {

void Parser::find_error() {
  const Token& last = tokens[furthest];
  const Position place{last.line, last.column, last.end_line, last.end_column};
  if (last.kind == Kind::Indent) {
    error_at(place, PyExc_IndentationError, "unexpected indent");
  } else if (last.kind == Kind::Dedent) {
    error_at(place, PyExc_IndentationError, "unexpected unindent");
  } else {
    error_at(place, "invalid syntax");
  }
}

}  // namespace ks::syntax
