// Text of the operating system as str and bytes.
#pragma once

#include <Python.h>

#include "object/ref.h"

namespace ks {

// errors: "strict", "surrogateescape", "surrogatepass". current_locale: not even UTF-8 mode counts.
Ref<> decode_with_locale(const char* text, Py_ssize_t size, const char* errors, bool current_locale);
Ref<> encode_with_locale(PyObject* text, const char* errors, bool current_locale);
bool locale_is_utf8();

}  // namespace ks
