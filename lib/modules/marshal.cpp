// The module marshal.
#include "compiler/marshal.h"

#include "modules/module.h"

namespace ks {
namespace {

using compiler::marshal_dump;

// The argument `version`, which is the module's own by default.
Status version_number(PyObject* version, int* out) {
  *out = Py_MARSHAL_VERSION;
  if (!version) return Status::Ok;
  *out = PyLong_AsInt(version);
  return *out == -1 && PyErr_Occurred() ? Status::Error : Status::Ok;
}

Ref<> marshal_dumps(PyObject*, PyObject* value, PyObject* version, bool allow_code) {
  int number;
  TRY(version_number(version, &number));
  return marshal_dump(value, number, allow_code);
}
METHOD(marshal, dumps, "($module, value, version=version, /, *, allow_code=True)",
       "The bytes that dump(value, file) would write.\n\n"
       "version is the data format to use; allow_code says whether code objects may be written.\n"
       "ValueError for a value of an unsupported type, or with such a value inside.");

Ref<> marshal_dump_to(PyObject*, PyObject* value, PyObject* file, PyObject* version, bool allow_code) {
  int number;
  TRY(version_number(version, &number));
  Ref<> data = TRY(marshal_dump(value, number, allow_code));
  return steal(PyObject_CallMethodOneArg(file, "write"_id, data));
}
METHOD_AS(marshal_dump_to, "dump", 0, "($module, value, file, version=version, /, *, allow_code=True)",
          "Write the value to a binary file.\n\n"
          "version is the data format to use; allow_code says whether code objects may be written.\n"
          "ValueError for a value of an unsupported type, or with such a value inside.");

Ref<> marshal_loads(PyObject*, const BufferArgument& bytes, bool allow_code) {
  return compiler::marshal_load(static_cast<const char*>(bytes.view.buf), bytes.view.len, allow_code);
}
METHOD(marshal, loads, "($module, bytes, /, *, allow_code=True)",
       "The value at the start of a bytes-like object; what follows it is ignored.\n\n"
       "allow_code says whether code objects may be read. EOFError, ValueError or TypeError where there is no valid value.");

Ref<> marshal_load(PyObject*, PyObject* file, bool allow_code) { return compiler::marshal_load_from(file, allow_code); }
METHOD(marshal, load, "($module, file, /, *, allow_code=True)",
       "Read one value from a binary file.\n\n"
       "allow_code says whether code objects may be read. EOFError, ValueError or TypeError where there is no valid value.");

PyMethodDef methods[] = {marshal_dump_to_method, marshal_load_method, marshal_dumps_method, marshal_loads_method, {}};
int marshal_exec(PyObject* module) { return PyModule_AddIntConstant(module, "version", Py_MARSHAL_VERSION); }
MODULE_SLOTS(slots, marshal_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "marshal",
                      .m_doc = "Python values to bytes and back, in a format of Python's own.\n\n"
                               "It is for values that do not depend on the running program: None, numbers, texts, bytes, tuples,\n"
                               "lists, sets, dictionaries, slices, code objects.",
                      .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyMarshal_Init(void) { return PyModuleDef_Init(&ks::module); }
PyMODINIT_FUNC PyInit_marshal(void) { return PyModuleDef_Init(&ks::module); }
