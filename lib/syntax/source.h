// Source text as the tokenizer wants it: UTF-8, line ends \n, a line end at the end.
#pragma once

#include "syntax/parser.h"
#include "syntax/token.h"

namespace ks::syntax {

// Decodes bytes by byte order mark or PEP 263 cookie (or takes them as UTF-8, as the options' flags say) into `text`,
// which gets a terminating null that does not count. False with SyntaxError set.
bool read_source(const char* source, Py_ssize_t size, const ParseOptions& options, GrowingArray<char>& text);

// The encoding that a cookie in the first two lines declares, in normal form ("utf-8", "iso-8859-1", ...); empty if none.
bool source_cookie(const char* source, Py_ssize_t size, char (&name)[64]);

}  // namespace ks::syntax
