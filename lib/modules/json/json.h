// The module _json: what its files share.
#pragma once

#include "modules/module.h"
#include "types/str.h"

namespace ks {

// The str in quotes, appended; `ascii_only` escapes everything else.
Status json_quote(StrBuilder& out, PyObject* text, bool ascii_only);
PyObject* json_encode_basestring(PyObject* module, PyObject* text);
PyObject* json_encode_basestring_ascii(PyObject* module, PyObject* text);

// The string literal whose content begins at `at`; *end is behind the closing quote.
PyObject* json_scan_string(PyObject* text, Py_ssize_t at, bool strict, Py_ssize_t* end);

extern PyType_Spec json_scanner_spec;
extern PyType_Spec json_encoder_spec;

}  // namespace ks
