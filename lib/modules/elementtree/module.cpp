// The module _elementtree.
#include "modules/elementtree/tree.h"
#include "modules/pyexpat/expat.h"

namespace ks {

TreeState* tree_state(PyObject* module) { return static_cast<TreeState*>(PyModule_GetState(module)); }

static Ref<> tree__set_factories(PyObject* module, PyObject* comment_factory, PyObject* pi_factory) {
  TreeState* state = tree_state(module);
  if (!PyCallable_Check(comment_factory) && comment_factory != Py_None)
    return raise(PyExc_TypeError, "Comment factory must be callable, not %.100s", Py_TYPE(comment_factory)->tp_name);
  if (!PyCallable_Check(pi_factory) && pi_factory != Py_None)
    return raise(PyExc_TypeError, "PI factory must be callable, not %.100s", Py_TYPE(pi_factory)->tp_name);
  Ref<> old = TRY(steal(PyTuple_Pack(2, state->comment_factory ? state->comment_factory : Py_None, state->pi_factory ? state->pi_factory : Py_None)));
  Py_XSETREF(state->comment_factory, comment_factory == Py_None ? nullptr : Py_NewRef(comment_factory));
  Py_XSETREF(state->pi_factory, pi_factory == Py_None ? nullptr : Py_NewRef(pi_factory));
  return old;
}
METHOD_AS(tree__set_factories, "_set_factories", 0, "($module, comment_factory, pi_factory, /)",
          "Change the factories used to create comments and processing instructions.\n\nFor internal use only.");
static PyMethodDef methods[] = {{"SubElement", KS_CONSTANT_CAST(PyCFunction, &element_sub_element), METH_VARARGS | METH_KEYWORDS, nullptr},
                                tree__set_factories_method,
                                {}};

static int exec(PyObject* module) {
  TreeState* state = tree_state(module);
  expat_random_salt(state->salt);
  const auto make = [&](PyType_Spec* spec, PyTypeObject** type, const char* name) -> Status {
    *type = as<PyTypeObject>(TRY(PyType_FromModuleAndSpec(module, spec, nullptr)));
    return name ? status(PyModule_AddObjectRef(module, name, object(*type))) : Status::Ok;
  };
  TRY(make(&element_iterator_spec, &state->iterator_type, nullptr));
  state->deepcopy = TRY(PyImport_ImportModuleAttrString("copy", "deepcopy"));
  state->element_path = TRY(PyImport_ImportModule("xml.etree.ElementPath"));
  // Whoever blocks pyexpat has no parser here either.
  Ref<> expat = TRY(steal(PyImport_ImportModule("pyexpat")));
  state->parse_error = TRY(PyErr_NewException("xml.etree.ElementTree.ParseError", PyExc_SyntaxError, nullptr));
  TRY(PyModule_AddObjectRef(module, "ParseError", state->parse_error));
  TRY(make(&element_spec, &state->element_type, "Element"));
  TRY(make(&builder_spec, &state->builder_type, "TreeBuilder"));
  TRY(make(&tree_parser_spec, &state->parser_type, "XMLParser"));
  return 0;
}
static int traverse(PyObject* module, visitproc visit, void* arg) {
  TreeState* state = tree_state(module);
  PyObject* const all[] = {state->parse_error, state->deepcopy, state->element_path, state->comment_factory, state->pi_factory,
                           object(state->element_type), object(state->iterator_type), object(state->builder_type),
                           object(state->parser_type)};
  for (PyObject* o : all) Py_VISIT(o);
  return 0;
}
static int clear(PyObject* module) {
  TreeState* state = tree_state(module);
  Py_CLEAR(state->parse_error);
  Py_CLEAR(state->deepcopy);
  Py_CLEAR(state->element_path);
  Py_CLEAR(state->comment_factory);
  Py_CLEAR(state->pi_factory);
  Py_CLEAR(state->element_type);
  Py_CLEAR(state->iterator_type);
  Py_CLEAR(state->builder_type);
  Py_CLEAR(state->parser_type);
  return 0;
}
MODULE_SLOTS(slots, exec);
static PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT,
                                 .m_name = "_elementtree",
                                 .m_size = sizeof(TreeState),
                                 .m_methods = methods,
                                 .m_slots = slots,
                                 .m_traverse = traverse,
                                 .m_clear = clear,
                                 .m_free = [](void* m) { (void)clear(static_cast<PyObject*>(m)); }};

TreeState* tree_state_of(PyTypeObject* type) { return tree_state(PyType_GetModuleByDef(type, &definition)); }

}  // namespace ks

PyMODINIT_FUNC PyInit__elementtree(void) { return PyModuleDef_Init(&ks::definition); }
