// Descriptors of C-defined attributes, docstrings with text signatures, and the small descriptor types' internals.
#pragma once

#include <Python.h>

#include "object/method.h"
#include "object/result.h"

// The function types of METH_FASTCALL, declared by methodobject.h; the type of bound slot wrappers.
extern "C" PyTypeObject _PyMethodWrapper_Type;

namespace ks {

// "name(a, b)\n--\n\nText": where the text begins; the whole when there is no signature.
const char* doc_without_signature(const char* name, const char* doc);
// The text signature "(a, b)" as str, None when there is none: new. With a method's flags, METH_NOARGS and METH_O have one
// in any case.
PyObject* doc_text_signature(const char* name, const char* doc, int flags = 0);
// __doc__ of something with such a docstring: new, None when empty.
PyObject* doc_text(const char* name, const char* doc);

// The value of a slot wrapper called with (self, *args, **kwargs).
PyObject* wrapper_call(PyObject* descriptor, PyObject* self, PyObject* args, PyObject* kwargs);

inline bool is_data_descriptor(PyObject* value) { return Py_TYPE(value)->tp_descr_set != nullptr; }

// property, for the interpreter: its getter, borrowed, or nullptr.
PyObject* property_getter(PyObject* property);
// staticmethod and classmethod: what they wrap, borrowed.
PyObject* static_method_function(PyObject* method);
PyObject* class_method_function(PyObject* method);

}  // namespace ks
