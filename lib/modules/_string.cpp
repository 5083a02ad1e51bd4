// The module _string: what string.Formatter needs of str.format().
#include "modules/module.h"

namespace ks {

PyObject* formatter_parser(PyObject* text);  // types/str_format.cpp
PyObject* formatter_field_name_split(PyObject* text);

static PyObject* string_formatter_parser(PyObject*, PyObject* text) { return formatter_parser(text); }
METHOD(string, formatter_parser, "($self, object, /)", "Iterates over (literal, field name, format spec, conversion) of a format string.");
static PyObject* string_formatter_field_name_split(PyObject*, PyObject* text) { return formatter_field_name_split(text); }
METHOD(string, formatter_field_name_split, "($self, object, /)", "The first part of a field name, and an iterator over the rest.");

static PyMethodDef methods[] = {string_formatter_field_name_split_method, string_formatter_parser_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(slots);
static PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_string", .m_doc = "Helpers of the module string.", .m_methods = methods, .m_slots = slots};

}  // namespace ks

PyMODINIT_FUNC PyInit__string() { return PyModuleDef_Init(&ks::definition); }
