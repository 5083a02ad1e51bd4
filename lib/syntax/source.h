// Source text as the tokenizer wants it: UTF-8, line ends \n, a line end at the end.
#pragma once

#include "syntax/parser.h"
#include "syntax/token.h"

namespace ks::syntax {

struct Source {
  GrowingArray<char> text;  // with a terminating null that does not count
  Ref<> encoding;           // str, where a cookie or byte order mark declares one
  // Files are read as they are tokenized: what is wrong further on is told only by who comes that far. `text` ends
  // before the bad line.
  Ref<> stop;               // the exception
};

// Decodes bytes by byte order mark or PEP 263 cookie; str (PyCF_IGNORE_COOKIE) comes as UTF-8. False with SyntaxError set.
bool read_source(const char* given, Py_ssize_t size, const ParseOptions& options, Source& source);

}  // namespace ks::syntax
