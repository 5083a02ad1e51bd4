// Match objects and replacement templates.
#include "modules/sre/sre.h"

namespace ks::sre {

static MatchObject* self_of(PyObject* object) { return as<MatchObject>(object); }

Ref<> match_object(PatternObject* pattern, const Subject& subject, const Matcher& matcher, Outcome outcome) {
  if (outcome == Outcome::Error) return nullptr;
  if (outcome == Outcome::No) return borrow(Py_None);
  PyTypeObject* type = state_of(Py_TYPE(pattern))->match_type;
  auto* match = PyObject_GC_NewVar(MatchObject, type, 2 * (pattern->groups + 1));
  if (!match) return nullptr;
  match->pattern = as<PatternObject>(Py_NewRef(object(pattern)));
  match->string = Py_NewRef(subject.string);
  match->regs = nullptr;
  match->groups = pattern->groups + 1;
  match->mark[0] = matcher.match_start;
  match->mark[1] = matcher.match_end;
  const Py_ssize_t* marks = matcher.marks();
  for (Py_ssize_t i = 0; i < pattern->groups; ++i) {
    const bool set = marks[2 * i] >= 0 && marks[2 * i + 1] >= marks[2 * i];
    match->mark[2 * i + 2] = set ? marks[2 * i] : -1;
    match->mark[2 * i + 3] = set ? marks[2 * i + 1] : -1;
  }
  match->pos = subject.start;
  match->endpos = subject.end;
  match->lastindex = matcher.lastindex;
  PyObject_GC_Track(match);
  return Ref<>::steal(object(match));
}

static int match_traverse(PyObject* o, visitproc visit, void* arg) {
  MatchObject* self = self_of(o);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->string);
  Py_VISIT(self->regs);
  Py_VISIT(self->pattern);
  return 0;
}
static int match_clear(PyObject* o) {
  MatchObject* self = self_of(o);
  Py_CLEAR(self->string);
  Py_CLEAR(self->regs);
  Py_CLEAR(self->pattern);
  return 0;
}
static void match_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  match_clear(o);
  PyObject_GC_Del(o);
  Ref<> held = Ref<>::steal(object(type));
}

static Ref<> slice_of(PyObject* string, Py_ssize_t from, Py_ssize_t to) {
  Subject subject;
  TRY(subject.open(string, 0, PY_SSIZE_T_MAX));
  if (to > subject.length) to = subject.length;  // a buffer may have shrunk
  if (from > to) from = to;
  return subject.slice(from, to);
}

Ref<> match_slice(MatchObject* match, Py_ssize_t group, PyObject* fallback) {
  if (match->mark[2 * group] < 0) return borrow(fallback);
  return slice_of(match->string, match->mark[2 * group], match->mark[2 * group + 1]);
}

// The number of a group given by number or name; -1 with IndexError.
static Py_ssize_t group_number(MatchObject* self, PyObject* index) {
  Py_ssize_t number = -1;
  if (PyIndex_Check(index)) {
    number = PyNumber_AsSsize_t(index, nullptr);
    if (number == -1 && PyErr_Occurred()) PyErr_Clear();
  } else {
    PyObject* known = PyDict_GetItemWithError(self->pattern->groupindex, index);
    if (known && PyLong_Check(known)) number = PyLong_AsSsize_t(known);
    else PyErr_Clear();
  }
  if (number < 0 || number >= self->groups) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_IndexError, "no such group");
    return -1;
  }
  return number;
}

static PyObject* match_group(PyObject* o, PyObject* const* args, Py_ssize_t nargs) {
  MatchObject* self = self_of(o);
  auto one = [&](PyObject* index) -> Ref<> {
    const Py_ssize_t number = group_number(self, index);
    if (number < 0) return nullptr;
    return match_slice(self, number, Py_None);
  };
  if (nargs == 0) return match_slice(self, 0, Py_None).release();
  if (nargs == 1) return one(args[0]).release();
  Ref<> result = TRY(steal(PyTuple_New(nargs)));
  for (Py_ssize_t i = 0; i < nargs; ++i) {
    Ref<> item = TRY(one(args[i]));
    PyTuple_SET_ITEM(result.get(), i, item.release());
  }
  return result.release();
}

static PyObject* match_subscript(PyObject* o, PyObject* index) {
  const Py_ssize_t number = group_number(self_of(o), index);
  return number < 0 ? nullptr : match_slice(self_of(o), number, Py_None).release();
}

static Ref<> match_groups(PyObject* o, PyObject* fallback) {
  MatchObject* self = self_of(o);
  Ref<> result = TRY(steal(PyTuple_New(self->groups - 1)));
  for (Py_ssize_t i = 1; i < self->groups; ++i) {
    Ref<> item = TRY(match_slice(self, i, fallback ? fallback : Py_None));
    PyTuple_SET_ITEM(result.get(), i - 1, item.release());
  }
  return result;
}
METHOD(match, groups, "($self, /, default=None)",
       "Return a tuple containing all the subgroups of the match, from 1.\n\n"
       "  default\n    Is used for groups that did not participate in the match.");

static Ref<> match_groupdict(PyObject* o, PyObject* fallback) {
  MatchObject* self = self_of(o);
  Ref<> result = TRY(steal(PyDict_New()));
  PyObject *key, *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(self->pattern->groupindex, &position, &key, &value)) {
    const Py_ssize_t number = group_number(self, key);
    if (number < 0) return nullptr;
    Ref<> text = TRY(match_slice(self, number, fallback ? fallback : Py_None));
    TRY(PyDict_SetItem(result, key, text));
  }
  return result;
}
METHOD(match, groupdict, "($self, /, default=None)",
       "Return a dictionary containing all the named subgroups of the match, keyed by the subgroup name.\n\n"
       "  default\n    Is used for groups that did not participate in the match.");

static PyObject* match_start(PyObject* o, PyObject* group) {
  const Py_ssize_t number = group ? group_number(self_of(o), group) : 0;
  return number < 0 ? nullptr : PyLong_FromSsize_t(self_of(o)->mark[2 * number]);
}
METHOD(match, start, "($self, group=0, /)", "Return index of the start of the substring matched by group.");
static PyObject* match_end(PyObject* o, PyObject* group) {
  const Py_ssize_t number = group ? group_number(self_of(o), group) : 0;
  return number < 0 ? nullptr : PyLong_FromSsize_t(self_of(o)->mark[2 * number + 1]);
}
METHOD(match, end, "($self, group=0, /)", "Return index of the end of the substring matched by group.");
static PyObject* match_span(PyObject* o, PyObject* group) {
  const Py_ssize_t number = group ? group_number(self_of(o), group) : 0;
  if (number < 0) return nullptr;
  return Py_BuildValue("(nn)", self_of(o)->mark[2 * number], self_of(o)->mark[2 * number + 1]);
}
METHOD(match, span, "($self, group=0, /)", "For match object m, return the 2-tuple (m.start(group), m.end(group)).");

static Ref<> match_expand(PyObject* o, PyObject* text) {
  Ref<> what = TRY(compile_template(self_of(o)->pattern, text));
  if (Py_TYPE(what.get()) == state_of(Py_TYPE(o))->template_type) return expand_template(as<TemplateObject>(what.get()), self_of(o));
  return what;
}
METHOD(match, expand, "($self, /, template)",
       "Return the string obtained by doing backslash substitution on the string template, as done by the sub() method.");

static PyObject* match_copy(PyObject* self) { return Py_NewRef(self); }
METHOD_AS(match_copy, "__copy__", 0, "($self, /)", "");
static PyObject* match_deepcopy(PyObject* self, PyObject*) { return Py_NewRef(self); }
METHOD_AS(match_deepcopy, "__deepcopy__", 0, "($self, memo, /)", "");

static PyObject* match_repr(PyObject* o) {
  Ref<> text = TRY(match_slice(self_of(o), 0, Py_None));
  return PyUnicode_FromFormat("<%s object; span=(%zd, %zd), match=%R>", Py_TYPE(o)->tp_name, self_of(o)->mark[0], self_of(o)->mark[1],
                              text.get());
}

static PyObject* match_lastindex(PyObject* o, void*) {
  if (self_of(o)->lastindex >= 0) return PyLong_FromSsize_t(self_of(o)->lastindex);
  return Py_NewRef(Py_None);
}
static PyObject* match_lastgroup(PyObject* o, void*) {
  MatchObject* self = self_of(o);
  PyObject* names = self->pattern->indexgroup;
  if (self->lastindex >= 0 && self->lastindex < PyTuple_GET_SIZE(names)) return Py_NewRef(PyTuple_GET_ITEM(names, self->lastindex));
  return Py_NewRef(Py_None);
}
static PyObject* match_regs(PyObject* o, void*) {
  MatchObject* self = self_of(o);
  if (!self->regs) {
    Ref<> spans = TRY(steal(PyTuple_New(self->groups)));
    for (Py_ssize_t i = 0; i < self->groups; ++i) {
      Ref<> span = TRY(steal(Py_BuildValue("(nn)", self->mark[2 * i], self->mark[2 * i + 1])));
      PyTuple_SET_ITEM(spans.get(), i, span.release());
    }
    self->regs = spans.release();
  }
  return Py_NewRef(self->regs);
}

static PyMethodDef match_methods[] = {
    {"group", KS_CONSTANT_CAST(PyCFunction, match_group), METH_FASTCALL,
     "group([group1, ...]) -> str or tuple.\n    Return subgroup(s) of the match by indices or names.\n    For 0 returns the "
     "entire match."},
    match_start_method, match_end_method, match_span_method, match_groups_method, match_groupdict_method, match_expand_method,
    match_copy_method, match_deepcopy_method,
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585"}, {}};
static PyGetSetDef match_getset[] = {
    {"lastindex", match_lastindex, nullptr, "The integer index of the last matched capturing group.", nullptr},
    {"lastgroup", match_lastgroup, nullptr, "The name of the last matched capturing group.", nullptr},
    {"regs", match_regs, nullptr, nullptr, nullptr},
    {}};
static PyMemberDef match_members[] = {
    {"string", _Py_T_OBJECT, offsetof(MatchObject, string), Py_READONLY, "The string passed to match() or search()."},
    {"re", _Py_T_OBJECT, offsetof(MatchObject, pattern), Py_READONLY, "The regular expression object."},
    {"pos", Py_T_PYSSIZET, offsetof(MatchObject, pos), Py_READONLY,
     "The index into the string at which the RE engine started looking for a match."},
    {"endpos", Py_T_PYSSIZET, offsetof(MatchObject, endpos), Py_READONLY,
     "The index into the string beyond which the RE engine will not go."},
    {}};
static PyType_Slot match_slots[] = {
    {Py_tp_doc, const_cast<char*>("The result of re.match() and re.search().\nMatch objects always have a boolean value of True.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(match_dealloc)}, {Py_tp_traverse, reinterpret_cast<void*>(match_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(match_clear)}, {Py_tp_repr, reinterpret_cast<void*>(match_repr)},
    {Py_tp_methods, match_methods}, {Py_tp_members, match_members}, {Py_tp_getset, match_getset},
    {Py_mp_subscript, reinterpret_cast<void*>(match_subscript)}, {0, nullptr}};
PyType_Spec match_spec = {
    "re.Match", offsetof(MatchObject, mark), sizeof(Py_ssize_t),
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC, match_slots};

// ---- templates ---------------------------------------------------------------------------------------------------------

static int template_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* self = as<TemplateObject>(o);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->literal);
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) Py_VISIT(self->items[i].literal);
  return 0;
}
static int template_clear(PyObject* o) {
  auto* self = as<TemplateObject>(o);
  Py_CLEAR(self->literal);
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) Py_CLEAR(self->items[i].literal);
  return 0;
}
static void template_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  template_clear(o);
  PyObject_GC_Del(o);
  Ref<> held = Ref<>::steal(object(type));
}
static PyType_Slot template_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(template_dealloc)},
                                       {Py_tp_traverse, reinterpret_cast<void*>(template_traverse)},
                                       {Py_tp_clear, reinterpret_cast<void*>(template_clear)},
                                       {0, nullptr}};
PyType_Spec template_spec = {
    "_sre.SRE_Template", offsetof(TemplateObject, items), sizeof(TemplateItem),
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC, template_slots};

// parts: [literal, group, literal, group, ..., literal].
Ref<> template_new(PyObject* module, PyObject* pattern, PyObject* parts) {
  auto* state = static_cast<ModuleState*>(PyModule_GetState(module));
  (void)pattern;
  if (!PyList_Check(parts) || PyList_GET_SIZE(parts) % 2 == 0) return raise(PyExc_TypeError, "invalid template");
  const Py_ssize_t count = PyList_GET_SIZE(parts) / 2;
  auto* self = PyObject_GC_NewVar(TemplateObject, state->template_type, count);
  if (!self) return nullptr;
  self->chunks = 1 + 2 * count;
  self->literal = Py_NewRef(PyList_GET_ITEM(parts, 0));
  for (Py_ssize_t i = 0; i < count; ++i) self->items[i] = {0, nullptr};
  Ref<> result = Ref<>::steal(object(self));
  PyObject_GC_Track(self);
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Py_ssize_t index = PyLong_AsSsize_t(PyList_GET_ITEM(parts, 2 * i + 1));
    if (index == -1 && PyErr_Occurred()) return nullptr;
    if (index < 0) return raise(PyExc_TypeError, "invalid template");
    self->items[i].index = index;
    PyObject* literal = PyList_GET_ITEM(parts, 2 * i + 2);
    // Empty literals are left out when the template is expanded.
    if (PyObject_Length(literal) != 0) self->items[i].literal = Py_NewRef(literal);
    else if (PyErr_Occurred()) return nullptr;
  }
  return result;
}

static Ref<> join(PyObject* string, PyObject* list) {
  if (PyList_GET_SIZE(list) == 1) return borrow(PyList_GET_ITEM(list, 0));
  Ref<> empty = TRY(slice_of(string, 0, 0));
  if (PyUnicode_Check(empty.get())) return steal(PyUnicode_Join(empty, list));
  return steal(PyObject_CallMethodOneArg(empty, "join"_id, list));
}

Ref<> expand_template(TemplateObject* what, MatchObject* match) {
  Ref<> list = TRY(steal(PyList_New(0)));
  TRY(PyList_Append(list, what->literal));
  for (Py_ssize_t i = 0; i < Py_SIZE(what); ++i) {
    const TemplateItem& item = what->items[i];
    if (item.index >= match->groups) return raise(PyExc_IndexError, "no such group");
    Ref<> text = TRY(match_slice(match, item.index, Py_None));
    if (text.get() != Py_None) TRY(PyList_Append(list, text));
    if (item.literal) TRY(PyList_Append(list, item.literal));
  }
  return join(match->string, list);
}

Ref<> compile_template(PatternObject* pattern, PyObject* text) {
  ModuleState* state = state_of(Py_TYPE(pattern));
  if (!state->compile_template) {
    Ref<> module = TRY(steal(PyImport_ImportModule("re")));
    state->compile_template = TRY(PyObject_GetAttrString(module, "_compile_template"));
  }
  PyObject* args[] = {object(pattern), text};
  Ref<> result = steal(PyObject_Vectorcall(state->compile_template, args, 2, nullptr));
  if (!result && PyErr_ExceptionMatches(PyExc_TypeError) && !PyUnicode_Check(text) && !PyBytes_Check(text)) {
    // An unhashable template cannot be cached: a copy of its bytes can.
    Ref<> error = steal(PyErr_GetRaisedException());
    Ref<> bytes = steal(PyBytes_FromObject(text));
    if (!bytes) {
      PyErr_Clear();
      PyErr_SetRaisedException(error.release());
      return nullptr;
    }
    args[1] = bytes;
    return steal(PyObject_Vectorcall(state->compile_template, args, 2, nullptr));
  }
  return result;
}

}  // namespace ks::sre
