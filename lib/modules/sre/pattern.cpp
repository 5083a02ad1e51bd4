// Pattern and scanner objects.
#include "modules/sre/sre.h"

namespace ks::sre {

static PatternObject* self_of(PyObject* object) { return as<PatternObject>(object); }

ModuleState* state_of(PyTypeObject* type) { return static_cast<ModuleState*>(PyType_GetModuleState(type)); }

static int pattern_traverse(PyObject* o, visitproc visit, void* arg) {
  PatternObject* self = self_of(o);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->groupindex);
  Py_VISIT(self->indexgroup);
  Py_VISIT(self->pattern);
  return 0;
}
static int pattern_clear(PyObject* o) {
  PatternObject* self = self_of(o);
  Py_CLEAR(self->groupindex);
  Py_CLEAR(self->indexgroup);
  Py_CLEAR(self->pattern);
  return 0;
}
static void pattern_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  if (self_of(o)->weakreflist) PyObject_ClearWeakRefs(o);
  pattern_clear(o);
  PyObject_GC_Del(o);
  Ref<> held = Ref<>::steal(object(type));
}

Status open_subject(PatternObject* pattern, Subject& subject, PyObject* string, Py_ssize_t start, Py_ssize_t end) {
  TRY(subject.open(string, start, end));
  if (subject.is_bytes && pattern->is_bytes == 0)
    return raise(PyExc_TypeError, "cannot use a string pattern on a bytes-like object");
  if (!subject.is_bytes && pattern->is_bytes > 0)
    return raise(PyExc_TypeError, "cannot use a bytes pattern on a string-like object");
  return Status::Ok;
}

enum class Manner { Match, FullMatch, Search };
static Ref<> find(PyObject* o, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos, Manner manner) {
  Subject subject;
  TRY(open_subject(self_of(o), subject, string, pos, endpos));
  Matcher matcher(view(self_of(o)), subject);
  matcher.match_all = manner == Manner::FullMatch;
  const Outcome outcome = manner == Manner::Search ? matcher.search(subject.start) : matcher.match(subject.start);
  return match_object(self_of(o), subject, matcher, outcome);
}

static Ref<> pattern_match(PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  return find(self, string, pos, endpos, Manner::Match);
}
METHOD(pattern, match, "($self, /, string, pos=0, endpos=sys.maxsize)", "Matches zero or more characters at the beginning of the string.");
static Ref<> pattern_fullmatch(PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  return find(self, string, pos, endpos, Manner::FullMatch);
}
METHOD(pattern, fullmatch, "($self, /, string, pos=0, endpos=sys.maxsize)", "Matches against all of the string.");
static Ref<> pattern_search(PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  return find(self, string, pos, endpos, Manner::Search);
}
METHOD(pattern, search, "($self, /, string, pos=0, endpos=sys.maxsize)",
       "Scan through string looking for a match, and return a corresponding match object instance.\n\n"
       "Return None if no position in the string matches.");

// Calls `visit` for each match in turn; an empty match never begins where an empty match before it ended.
template <class Visit>
static Status each_match(Matcher& matcher, const Subject& subject, Visit visit) {
  Py_ssize_t at = subject.start;
  while (at <= subject.end) {
    const Outcome outcome = matcher.search(at);
    if (outcome == Outcome::Error) return failed;
    if (outcome == Outcome::No) break;
    if (!TRY(visit())) break;
    at = matcher.match_end;
    matcher.must_advance = matcher.match_start == at ? at : -1;
  }
  return Status::Ok;
}

static Ref<> group_text(const Subject& subject, const Matcher& matcher, Py_ssize_t group) {
  const Py_ssize_t from = matcher.marks()[2 * group], to = matcher.marks()[2 * group + 1];
  return from >= 0 && to >= from ? subject.slice(from, to) : subject.slice(0, 0);
}

static Ref<> pattern_findall(PyObject* o, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  PatternObject* self = self_of(o);
  Subject subject;
  TRY(open_subject(self, subject, string, pos, endpos));
  Matcher matcher(view(self), subject);
  Ref<> list = TRY(steal(PyList_New(0)));
  TRY(each_match(matcher, subject, [&]() -> Found {
    Ref<> item;
    if (self->groups == 0) {
      item = TRY(subject.slice(matcher.match_start, matcher.match_end));
    } else if (self->groups == 1) {
      item = TRY(group_text(subject, matcher, 0));
    } else {
      item = TRY(steal(PyTuple_New(self->groups)));
      for (Py_ssize_t i = 0; i < self->groups; ++i) {
        Ref<> text = TRY(group_text(subject, matcher, i));
        PyTuple_SET_ITEM(item.get(), i, text.release());
      }
    }
    TRY(PyList_Append(list, item));
    return Found::Yes;
  }));
  return list;
}
METHOD(pattern, findall, "($self, /, string, pos=0, endpos=sys.maxsize)",
       "Return a list of all non-overlapping matches of pattern in string.");

static Ref<> pattern_split(PyObject* o, PyObject* string, Py_ssize_t most) {
  PatternObject* self = self_of(o);
  Subject subject;
  TRY(open_subject(self, subject, string, 0, PY_SSIZE_T_MAX));
  Matcher matcher(view(self), subject);
  Ref<> list = TRY(steal(PyList_New(0)));
  Py_ssize_t last = subject.start, count = 0;
  auto visit = [&]() -> Found {
    Ref<> item = TRY(subject.slice(last, matcher.match_start));
    TRY(PyList_Append(list, item));
    for (Py_ssize_t i = 0; i < self->groups; ++i) {
      const Py_ssize_t from = matcher.marks()[2 * i], to = matcher.marks()[2 * i + 1];
      Ref<> text = from >= 0 && to >= from ? TRY(subject.slice(from, to)) : borrow(Py_None);
      TRY(PyList_Append(list, text));
    }
    last = matcher.match_end;
    return ++count == most ? Found::No : Found::Yes;
  };
  TRY(each_match(matcher, subject, visit));
  Ref<> rest = TRY(subject.slice(last, subject.end));
  TRY(PyList_Append(list, rest));
  return list;
}
METHOD(pattern, split, "($self, /, string, maxsplit=0)", "Split string by the occurrences of pattern.");

static bool has_backslash(PyObject* text) {
  if (PyUnicode_Check(text)) return PyUnicode_FindChar(text, '\\', 0, PyUnicode_GET_LENGTH(text), 1) != -1;
  Py_buffer view;
  if (PyObject_GetBuffer(text, &view, PyBUF_SIMPLE) < 0) {
    PyErr_Clear();
    return true;
  }
  const bool found = view.len > 0 && memchr(view.buf, '\\', static_cast<size_t>(view.len));
  PyBuffer_Release(&view);
  return found;
}

static Ref<> substitute(PyObject* o, PyObject* replacement, PyObject* string, Py_ssize_t most, bool with_count) {
  PatternObject* self = self_of(o);
  PyTypeObject* template_type = state_of(Py_TYPE(o))->template_type;
  Ref<> filter;
  const bool callable = PyCallable_Check(replacement);
  if (callable || !has_backslash(replacement)) filter = borrow(replacement);
  else filter = TRY(compile_template(self, replacement));
  const bool templated = Py_TYPE(filter.get()) == template_type;

  Subject subject;
  TRY(open_subject(self, subject, string, 0, PY_SSIZE_T_MAX));
  Matcher matcher(view(self), subject);
  Ref<> list = TRY(steal(PyList_New(0)));
  Py_ssize_t last = subject.start, count = 0;
  auto visit = [&]() -> Found {
    if (last < matcher.match_start) {
      Ref<> item = TRY(subject.slice(last, matcher.match_start));
      TRY(PyList_Append(list, item));
    }
    Ref<> text;
    if (callable || templated) {
      Ref<> match = TRY(match_object(self, subject, matcher, Outcome::Yes));
      text = TRY(callable ? steal(PyObject_CallOneArg(filter, match)) : expand_template(as<TemplateObject>(filter.get()), as<MatchObject>(match.get())));
    } else {
      text = borrow(filter.get());
    }
    if (text.get() != Py_None) TRY(PyList_Append(list, text));
    last = matcher.match_end;
    return ++count == most ? Found::No : Found::Yes;
  };
  TRY(each_match(matcher, subject, visit));
  Ref<> result;
  if (count == 0 && (PyUnicode_CheckExact(string) || PyBytes_CheckExact(string))) {
    result = borrow(string);
  } else {
    if (last < subject.end) {
      Ref<> rest = TRY(subject.slice(last, subject.end));
      TRY(PyList_Append(list, rest));
    }
    Ref<> empty = TRY(subject.slice(0, 0));
    result = TRY(PyUnicode_Check(empty.get()) ? steal(PyUnicode_Join(empty, list)) : steal(PyObject_CallMethodOneArg(empty, "join"_id, list)));
  }
  if (with_count) return steal(Py_BuildValue("(On)", result.get(), count));
  return result;
}

static Ref<> pattern_sub(PyObject* self, PyObject* repl, PyObject* string, Py_ssize_t count) {
  return substitute(self, repl, string, count, false);
}
METHOD(pattern, sub, "($self, /, repl, string, count=0)",
       "Return the string obtained by replacing the leftmost non-overlapping occurrences of pattern in string by the "
       "replacement repl.");
static Ref<> pattern_subn(PyObject* self, PyObject* repl, PyObject* string, Py_ssize_t count) {
  return substitute(self, repl, string, count, true);
}
METHOD(pattern, subn, "($self, /, repl, string, count=0)",
       "Return the tuple (new_string, number_of_subs_made) found by replacing the leftmost non-overlapping occurrences of "
       "pattern with the replacement repl.");

// ---- scanners --------------------------------------------------------------------------------------------------------

struct ScannerObject {
  PyObject_HEAD
  PyObject* pattern;
  Subject subject;
  Matcher* matcher;
  Py_ssize_t at;
  bool running;  // a match calls no Python code but signal handlers, which may come here again
};

Ref<> scanner_new(PatternObject* pattern, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  auto* self = PyObject_GC_New(ScannerObject, state_of(Py_TYPE(pattern))->scanner_type);
  if (!self) return nullptr;
  new (&self->subject) Subject;
  self->pattern = nullptr;
  self->matcher = nullptr;
  self->running = false;
  Ref<> result = Ref<>::steal(object(self));
  PyObject_GC_Track(self);
  TRY(open_subject(pattern, self->subject, string, pos, endpos));
  self->pattern = Py_NewRef(object(pattern));
  self->at = self->subject.start;
  void* memory = PyMem_Malloc(sizeof(Matcher));
  if (!memory) {
    PyErr_NoMemory();
    return nullptr;
  }
  self->matcher = new (memory) Matcher(view(pattern), self->subject);
  return result;
}

static int scanner_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* self = as<ScannerObject>(o);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->pattern);
  Py_VISIT(self->subject.string);
  return 0;
}
static int scanner_clear(PyObject* o) {
  Py_CLEAR(as<ScannerObject>(o)->pattern);
  return 0;
}
static void scanner_dealloc(PyObject* o) {
  auto* self = as<ScannerObject>(o);
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  if (self->matcher) {
    self->matcher->~Matcher();
    PyMem_Free(self->matcher);
  }
  self->subject.~Subject();
  scanner_clear(o);
  PyObject_GC_Del(o);
  Ref<> held = Ref<>::steal(object(type));
}

static Ref<> scan(PyObject* o, bool search) {
  auto* self = as<ScannerObject>(o);
  if (self->running) return raise(PyExc_ValueError, "regular expression scanner already executing");
  if (self->at < 0) return borrow(Py_None);
  self->running = true;
  const Outcome outcome = self->at > self->subject.end ? Outcome::No
                          : search                     ? self->matcher->search(self->at)
                                                       : self->matcher->match(self->at);
  self->running = false;
  Ref<> match = match_object(as<PatternObject>(self->pattern), self->subject, *self->matcher, outcome);
  if (outcome == Outcome::Yes) {
    self->at = self->matcher->match_end;
    self->matcher->must_advance = self->matcher->match_start == self->at ? self->at : -1;
  }
  else self->at = -1;
  return match;
}
static Ref<> scanner_match(PyObject* self) { return scan(self, false); }
METHOD(scanner, match, "($self, /)", "");
static Ref<> scanner_search(PyObject* self) { return scan(self, true); }
METHOD(scanner, search, "($self, /)", "");
static PyMethodDef scanner_methods[] = {scanner_match_method, scanner_search_method, {}};
static PyMemberDef scanner_members[] = {
    {"pattern", _Py_T_OBJECT, sizeof(PyObject), Py_READONLY, nullptr}, {}};
static PyType_Slot scanner_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(scanner_dealloc)}, {Py_tp_traverse, reinterpret_cast<void*>(scanner_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(scanner_clear)}, {Py_tp_methods, scanner_methods}, {Py_tp_members, scanner_members},
    {0, nullptr}};
PyType_Spec scanner_spec = {
    "_sre.SRE_Scanner", sizeof(ScannerObject), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC, scanner_slots};

static Ref<> pattern_scanner(PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  return scanner_new(self_of(self), string, pos, endpos);
}
METHOD(pattern, scanner, "($self, /, string, pos=0, endpos=sys.maxsize)", "");

static Ref<> pattern_finditer(PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  Ref<> scanner = TRY(scanner_new(self_of(self), string, pos, endpos));
  Ref<> search = TRY(steal(PyObject_GetAttr(scanner, "search"_id)));
  return steal(PyCallIter_New(search, Py_None));
}
METHOD(pattern, finditer, "($self, /, string, pos=0, endpos=sys.maxsize)",
       "Return an iterator over all non-overlapping matches for the RE pattern in string.\n\n"
       "For each match, the iterator returns a match object.");

// ---- the rest of a pattern ---------------------------------------------------------------------------------------------

static PyObject* pattern_copy(PyObject* self) { return Py_NewRef(self); }
METHOD_AS(pattern_copy, "__copy__", 0, "($self, /)", "");
static PyObject* pattern_deepcopy(PyObject* self, PyObject*) { return Py_NewRef(self); }
METHOD_AS(pattern_deepcopy, "__deepcopy__", 0, "($self, memo, /)", "");

static PyObject* pattern_repr(PyObject* o) {
  static constexpr struct {
    const char* name;
    int value;
  } names[] = {{"re.IGNORECASE", kIgnoreCase}, {"re.LOCALE", kLocale}, {"re.MULTILINE", kMultiline}, {"re.DOTALL", kDotAll},
               {"re.VERBOSE", kVerbose},       {"re.DEBUG", kDebug},   {"re.ASCII", kAscii}};
  PatternObject* self = self_of(o);
  int flags = self->flags;
  // re.UNICODE goes without saying for str patterns.
  if (PyUnicode_Check(self->pattern) && (flags & (kLocale | kUnicode | kAscii)) == kUnicode) flags &= ~kUnicode;
  Ref<> items = TRY(steal(PyList_New(0)));
  for (const auto& row : names) {
    if (!(flags & row.value)) continue;
    Ref<> name = TRY(steal(PyUnicode_FromString(row.name)));
    TRY(PyList_Append(items, name));
    flags &= ~row.value;
  }
  if (flags) {
    Ref<> rest = TRY(steal(PyUnicode_FromFormat("0x%x", flags)));
    TRY(PyList_Append(items, rest));
  }
  if (PyList_GET_SIZE(items.get()) == 0) return PyUnicode_FromFormat("re.compile(%.200R)", self->pattern);
  Ref<> bar = TRY(steal(PyUnicode_FromString("|")));
  Ref<> joined = TRY(steal(PyUnicode_Join(bar, items)));
  return PyUnicode_FromFormat("re.compile(%.200R, %U)", self->pattern, joined.get());
}

static Py_hash_t pattern_hash(PyObject* o) {
  PatternObject* self = self_of(o);
  Py_hash_t hash = PyObject_Hash(self->pattern);
  if (hash == -1) return -1;
  hash ^= Py_HashBuffer(self->code, static_cast<Py_ssize_t>(sizeof(Word)) * self->code_size);
  hash ^= self->flags ^ self->is_bytes ^ self->code_size;
  return hash == -1 ? -2 : hash;
}

static PyObject* pattern_richcompare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(a) != Py_TYPE(b)) return Py_NewRef(Py_NotImplemented);
  PatternObject *left = self_of(a), *right = self_of(b);
  bool equal = left == right;
  if (!equal) {
    equal = left->flags == right->flags && left->is_bytes == right->is_bytes && left->code_size == right->code_size &&
            memcmp(left->code, right->code, sizeof(Word) * static_cast<size_t>(left->code_size)) == 0;
    if (equal) {
      const int same = PyObject_RichCompareBool(left->pattern, right->pattern, Py_EQ);
      if (same < 0) return nullptr;
      equal = same != 0;
    }
  }
  return PyBool_FromLong(equal == (op == Py_EQ));
}

static PyObject* pattern_groupindex(PyObject* o, void*) {
  PyObject* names = self_of(o)->groupindex;
  return PyDict_GET_SIZE(names) ? PyDictProxy_New(names) : PyDict_New();
}

static PyMethodDef pattern_methods[] = {
    pattern_match_method, pattern_fullmatch_method, pattern_search_method, pattern_sub_method, pattern_subn_method,
    pattern_findall_method, pattern_split_method, pattern_finditer_method, pattern_scanner_method, pattern_copy_method,
    pattern_deepcopy_method, {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585"}, {}};
static PyGetSetDef pattern_getset[] = {
    {"groupindex", pattern_groupindex, nullptr, "A dictionary mapping group names to group numbers.", nullptr}, {}};
static PyMemberDef pattern_members[] = {
    {"pattern", _Py_T_OBJECT, offsetof(PatternObject, pattern), Py_READONLY, "The pattern string from which the RE object was compiled."},
    {"flags", Py_T_INT, offsetof(PatternObject, flags), Py_READONLY, "The regex matching flags."},
    {"groups", Py_T_PYSSIZET, offsetof(PatternObject, groups), Py_READONLY, "The number of capturing groups in the pattern."},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(PatternObject, weakreflist), Py_READONLY, nullptr},
    {}};
static PyType_Slot pattern_slots[] = {
    {Py_tp_doc, const_cast<char*>("Compiled regular expression object.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(pattern_dealloc)}, {Py_tp_traverse, reinterpret_cast<void*>(pattern_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(pattern_clear)}, {Py_tp_repr, reinterpret_cast<void*>(pattern_repr)},
    {Py_tp_hash, reinterpret_cast<void*>(pattern_hash)}, {Py_tp_richcompare, reinterpret_cast<void*>(pattern_richcompare)},
    {Py_tp_methods, pattern_methods}, {Py_tp_members, pattern_members}, {Py_tp_getset, pattern_getset}, {0, nullptr}};
PyType_Spec pattern_spec = {
    "re.Pattern", offsetof(PatternObject, code), sizeof(Word),
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC, pattern_slots};

}  // namespace ks::sre
