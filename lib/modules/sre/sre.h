// The objects of the _sre module.
#pragma once

#include "modules/module.h"
#include "modules/sre/engine.h"

namespace ks::sre {

struct ModuleState {
  PyTypeObject* pattern_type;
  PyTypeObject* match_type;
  PyTypeObject* scanner_type;
  PyTypeObject* template_type;
  PyObject* compile_template;  // re._compile_template, once it was needed
};

struct PatternObject {
  PyObject_VAR_HEAD
  Py_ssize_t groups;
  PyObject* groupindex;  // dict: name -> number
  PyObject* indexgroup;  // tuple: number -> name or None
  PyObject* pattern;     // str, bytes or None
  int flags;
  PyObject* weakreflist;
  int is_bytes;          // -1: unknown
  Py_ssize_t code_size;
  Word code[1];
};

struct MatchObject {
  PyObject_VAR_HEAD
  PyObject* string;
  PyObject* regs;        // cached tuple of spans, or nullptr
  PatternObject* pattern;
  Py_ssize_t pos, endpos;
  Py_ssize_t lastindex;
  Py_ssize_t groups;     // with the whole match
  Py_ssize_t mark[1];    // two for each group: from and to, -1 where it did not take part
};

// What a replacement template is: literals and groups in turn.
struct TemplateItem {
  Py_ssize_t index;
  PyObject* literal;  // may be nullptr
};
struct TemplateObject {
  PyObject_VAR_HEAD
  Py_ssize_t chunks;
  PyObject* literal;  // what comes before the first group
  TemplateItem items[1];
};

ModuleState* state_of(PyTypeObject* type);  // of the module that the type belongs to
extern PyModuleDef sre_module;

extern PyType_Spec pattern_spec, match_spec, scanner_spec, template_spec;
extern PyMethodDef template_row;

// The outcome of a matcher as an object: a Match, None, or nullptr on an error.
Ref<> match_object(PatternObject* pattern, const Subject& subject, const Matcher& matcher, Outcome outcome);
// Opens the subject of a call of the pattern, with the TypeErrors for str against bytes.
Status open_subject(PatternObject* pattern, Subject& subject, PyObject* string, Py_ssize_t start, Py_ssize_t end);
// The text of a match's group; `fallback` (borrowed) when it did not take part.
Ref<> match_slice(MatchObject* match, Py_ssize_t group, PyObject* fallback);
Ref<> expand_template(TemplateObject* what, MatchObject* match);
// re._compile_template(pattern, template): a str or bytes without groups, or a template.
Ref<> compile_template(PatternObject* pattern, PyObject* text);
Ref<> template_new(PyObject* module, PyObject* pattern, PyObject* parts);
Ref<> scanner_new(PatternObject* pattern, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos);

inline PatternView view(PatternObject* pattern) { return {pattern->code, pattern->groups}; }

}  // namespace ks::sre
