// The _sre module: the engine behind re.
#include "modules/sre/sre.h"

namespace ks::sre {

static ModuleState* state(PyObject* module) { return static_cast<ModuleState*>(PyModule_GetState(module)); }

static Ref<> sre_compile(PyObject* module, PyObject* pattern, int flags, PyObject* code, Py_ssize_t groups, PyObject* groupindex,
                         PyObject* indexgroup) {
  if (!PyList_Check(code)) return raise(PyExc_TypeError, "compile() argument 'code' must be list, not %.50s", Py_TYPE(code)->tp_name);
  if (!PyDict_Check(groupindex))
    return raise(PyExc_TypeError, "compile() argument 'groupindex' must be dict, not %.50s", Py_TYPE(groupindex)->tp_name);
  if (!PyTuple_Check(indexgroup))
    return raise(PyExc_TypeError, "compile() argument 'indexgroup' must be tuple, not %.50s", Py_TYPE(indexgroup)->tp_name);
  const Py_ssize_t count = PyList_GET_SIZE(code);
  auto* self = PyObject_GC_NewVar(PatternObject, state(module)->pattern_type, count);
  if (!self) return nullptr;
  self->weakreflist = nullptr;
  self->pattern = self->groupindex = self->indexgroup = nullptr;
  self->code_size = count;
  Ref<> result = Ref<>::steal(object(self));
  PyObject_GC_Track(self);
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (i >= PyList_GET_SIZE(code)) return raise(PyExc_RuntimeError, "invalid SRE code");
    const unsigned long word = PyLong_AsUnsignedLong(PyList_GET_ITEM(code, i));
    if (word == static_cast<unsigned long>(-1) && PyErr_Occurred()) {
      if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        return raise(PyExc_OverflowError, "regular expression code size limit exceeded");
      }
      return nullptr;
    }
    self->code[i] = static_cast<Word>(word);
    if (self->code[i] != word) return raise(PyExc_OverflowError, "regular expression code size limit exceeded");
  }
  self->pattern = Py_NewRef(pattern);
  self->groupindex = Py_NewRef(groupindex);
  self->indexgroup = Py_NewRef(indexgroup);
  self->flags = flags;
  self->groups = groups;
  if (pattern == Py_None) {
    self->is_bytes = -1;
  } else {
    Subject subject;
    TRY(subject.open(pattern, 0, PY_SSIZE_T_MAX));
    self->is_bytes = subject.is_bytes ? 1 : 0;
  }
  if (!code_is_valid(self->code, count, groups)) return raise(PyExc_RuntimeError, "invalid SRE code");
  return result;
}
METHOD(sre, compile, "($module, /, pattern, flags, code, groups, groupindex,\n        indexgroup)", "");

static Ref<> sre_template(PyObject* module, PyObject* pattern, PyObject* parts) { return template_new(module, pattern, parts); }
METHOD(sre, template, "($module, pattern, template, /)", "");

static int sre_getcodesize(PyObject*) { return sizeof(Word); }
METHOD(sre, getcodesize, "($module, /)", "");
static bool sre_ascii_iscased(PyObject*, int character) {
  return character < 128 && Py_ISALPHA(character);
}
METHOD(sre, ascii_iscased, "($module, character, /)", "");
static bool sre_unicode_iscased(PyObject*, int character) {
  const auto c = static_cast<Py_UCS4>(character);
  return Py_UNICODE_TOLOWER(c) != c || Py_UNICODE_TOUPPER(c) != c;
}
METHOD(sre, unicode_iscased, "($module, character, /)", "");
static int sre_ascii_tolower(PyObject*, int character) { return static_cast<int>(lower_ascii(static_cast<Py_UCS4>(character))); }
METHOD(sre, ascii_tolower, "($module, character, /)", "");
static int sre_unicode_tolower(PyObject*, int character) { return static_cast<int>(lower_unicode(static_cast<Py_UCS4>(character))); }
METHOD(sre, unicode_tolower, "($module, character, /)", "");

static PyMethodDef sre_functions[] = {sre_compile_method,        sre_template_method,        sre_getcodesize_method,
                                      sre_ascii_iscased_method,  sre_unicode_iscased_method, sre_ascii_tolower_method,
                                      sre_unicode_tolower_method, {}};

static int sre_exec(PyObject* module) {
  ModuleState* own = state(module);
  auto make = [&](PyType_Spec* spec, PyTypeObject** slot) -> Status {
    *slot = as<PyTypeObject>(PyType_FromModuleAndSpec(module, spec, nullptr));
    return *slot ? Status::Ok : Status::Error;
  };
  TRY(make(&pattern_spec, &own->pattern_type));
  TRY(make(&match_spec, &own->match_type));
  TRY(make(&scanner_spec, &own->scanner_type));
  TRY(make(&template_spec, &own->template_type));
  TRY(add_constants(module, {{"MAGIC", kMagic}, {"CODESIZE", sizeof(Word)}, {"MAXREPEAT", kMaxRepeat}, {"MAXGROUPS", kMaxGroups}}));
  TRY(PyModule_AddStringConstant(module, "copyright", "Kingsnake's own engine for the code of re._compiler"));
  return 0;
}

static int sre_traverse(PyObject* module, visitproc visit, void* arg) {
  ModuleState* own = state(module);
  if (!own) return 0;
  Py_VISIT(own->pattern_type);
  Py_VISIT(own->match_type);
  Py_VISIT(own->scanner_type);
  Py_VISIT(own->template_type);
  Py_VISIT(own->compile_template);
  return 0;
}
static int sre_clear(PyObject* module) {
  ModuleState* own = state(module);
  if (!own) return 0;
  Py_CLEAR(own->pattern_type);
  Py_CLEAR(own->match_type);
  Py_CLEAR(own->scanner_type);
  Py_CLEAR(own->template_type);
  Py_CLEAR(own->compile_template);
  return 0;
}
static void sre_free(void* module) { sre_clear(static_cast<PyObject*>(module)); }

MODULE_SLOTS(sre_slots, sre_exec);
PyModuleDef sre_module = {.m_base = PyModuleDef_HEAD_INIT,
                          .m_name = "_sre",
                          .m_size = sizeof(ModuleState),
                          .m_methods = sre_functions,
                          .m_slots = sre_slots,
                          .m_traverse = sre_traverse,
                          .m_clear = sre_clear,
                          .m_free = sre_free};

}  // namespace ks::sre

PyMODINIT_FUNC PyInit__sre() { return PyModuleDef_Init(&ks::sre::sre_module); }
