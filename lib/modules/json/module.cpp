// The module _json: fast parts of the package json.
#include "modules/json/json.h"

namespace ks {

static PyObject* json_scanstring(PyObject*, PyObject* args) {
  PyObject* text;
  Py_ssize_t at;
  int strict = 1;
  if (!PyArg_ParseTuple(args, "On|p:scanstring", &text, &at, &strict)) return nullptr;
  if (!PyUnicode_Check(text)) return raise(PyExc_TypeError, "first argument must be a string, not %.80s", Py_TYPE(text)->tp_name);
  Py_ssize_t end = -1;
  PyObject* result = json_scan_string(text, at, strict != 0, &end);
  return result ? Py_BuildValue("(Nn)", result, end) : nullptr;
}

static PyMethodDef methods[] = {
    {"encode_basestring_ascii", json_encode_basestring_ascii, METH_O,
     "encode_basestring_ascii(string) -> string\n\nThe text as a JSON string of ASCII characters."},
    {"encode_basestring", json_encode_basestring, METH_O, "encode_basestring(string) -> string\n\nThe text as a JSON string."},
    {"scanstring", json_scanstring, METH_VARARGS,
     "scanstring(string, end, strict=True) -> (string, end)\n\nThe JSON string whose opening quote is before the index end."},
    {}};

static int exec(PyObject* module) {
  Ref<> scanner = TRY(steal(PyType_FromModuleAndSpec(module, &json_scanner_spec, nullptr)));
  Ref<> encoder = TRY(steal(PyType_FromModuleAndSpec(module, &json_encoder_spec, nullptr)));
  TRY(status(PyModule_AddObjectRef(module, "make_scanner", scanner)));
  return PyModule_AddObjectRef(module, "make_encoder", encoder);
}
MODULE_SLOTS(slots, exec);
static PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_json", .m_doc = "Fast parts of json.", .m_methods = methods, .m_slots = slots};

}  // namespace ks

PyMODINIT_FUNC PyInit__json() { return PyModuleDef_Init(&ks::definition); }
