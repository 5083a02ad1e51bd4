// What can be said about a code object from its tables and instructions alone: how many variables of each kind it has, and
// whether it depends on anything outside. For interpreters that run code of each other, and for CPython's tests.
#include "compiler/opcodes.h"
#include "interpreter/code.h"
#include "object/export.h"
#include "object/ref.h"

namespace ks {
namespace {

// CPython's struct of this purpose.
struct VarCounts {
  int total;
  struct {
    int total;
    struct {
      int total, numposonly, numposorkw, numkwonly, varargs, varkwargs;
    } args;
    int numpure;
    struct {
      int total, numargs, numothers;
    } cells;
    struct {
      int total, numpure, numcells;
    } hidden;
  } locals;
  int numfree;
  struct Unbound {
    int total;
    struct {
      int total, numglobal, numbuiltin, numunknown;
    } globals;
    int numattrs;
    int numunknown;
  } unbound;
};

// The instructions of a code object, with their whole operands.
class Instructions {
 public:
  explicit Instructions(const PyCodeObject* code)
      : at_(reinterpret_cast<const unsigned char*>(code->co_code_adaptive)), end_(at_ + 2 * Py_SIZE(code)) {}
  bool next() {
    previous_opcode = opcode;
    previous_oparg = oparg;
    oparg = 0;
    while (at_ < end_) {
      opcode = at_[0];
      oparg = oparg << 8 | at_[1];
      at_ += 2;
      if (opcode == compiler::EXTENDED_ARG) continue;
      at_ += 2 * compiler::opcode_caches(opcode);
      return true;
    }
    return false;
  }
  int opcode = -1, oparg = 0;
  int previous_opcode = -1, previous_oparg = 0;

 private:
  const unsigned char* at_;
  const unsigned char* end_;
};

void count_variables(const PyCodeObject* code, VarCounts* out) {
  VarCounts counts = {};
  auto& locals = counts.locals;
  locals.args.numposonly = code->co_posonlyargcount;
  locals.args.numposorkw = code->co_argcount - code->co_posonlyargcount;
  locals.args.numkwonly = code->co_kwonlyargcount;
  locals.args.varargs = (code->co_flags & CO_VARARGS) != 0;
  locals.args.varkwargs = (code->co_flags & CO_VARKEYWORDS) != 0;
  locals.args.total = code->co_argcount + code->co_kwonlyargcount + locals.args.varargs + locals.args.varkwargs;
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    const unsigned char kind = local_kind(code, i);
    if (kind & kFastFree) {
      ++counts.numfree;
      continue;
    }
    ++locals.total;
    const bool argument = i < locals.args.total;
    const bool cell = kind & kFastCell;
    if (cell) ++(argument ? locals.cells.numargs : locals.cells.numothers);
    if (kind & kFastHidden) ++(cell ? locals.hidden.numcells : locals.hidden.numpure);
    else if (!argument && !cell) ++locals.numpure;
  }
  locals.cells.total = locals.cells.numargs + locals.cells.numothers;
  locals.hidden.total = locals.hidden.numcells + locals.hidden.numpure;
  counts.unbound.total = counts.unbound.numunknown = static_cast<int>(PyTuple_GET_SIZE(code->co_names));
  counts.total = locals.total + counts.numfree + counts.unbound.total;
  *out = counts;
}

// Yes if the name is new in the set, into which it goes.
Found add_new(PyObject* set, PyObject* name) {
  const int known = PySet_Contains(set, name);
  if (known) return known < 0 ? Found::Error : Found::No;
  return PySet_Add(set, name) < 0 ? Found::Error : Found::Yes;
}

Status count_names(PyCodeObject* code, PyObject* globals, PyObject* attributes, PyObject* global_namespace, PyObject* builtins,
                   VarCounts::Unbound* unbound, int* both) {
  auto contains = [](PyObject* dict, PyObject* name) { return dict ? found(PyDict_Contains(dict, name)) : Found::No; };
  Instructions instructions(code);
  while (instructions.next()) {
    const bool attribute = instructions.opcode == compiler::LOAD_ATTR;
    if (!attribute && instructions.opcode != compiler::LOAD_GLOBAL) continue;
    PyObject* name = PyTuple_GET_ITEM(code->co_names, instructions.oparg >> 1);
    if (!TRY(add_new(attribute ? attributes : globals, name))) continue;
    ++unbound->total;
    *both += TRY(found(PySet_Contains(attribute ? globals : attributes, name)));
    if (attribute) {
      ++unbound->numattrs;
      continue;
    }
    ++unbound->globals.total;
    if (TRY(contains(global_namespace, name))) ++unbound->globals.numglobal;
    else if (TRY(contains(builtins, name))) ++unbound->globals.numbuiltin;
    else ++unbound->globals.numunknown;
  }
  return Status::Ok;
}

Status refine_counts(PyCodeObject* code, VarCounts* counts, PyObject* given_globals, PyObject* given_attributes, PyObject* global_namespace,
                     PyObject* builtins) {
  Ref<> globals = given_globals ? borrow(given_globals) : steal(PySet_New(nullptr));
  Ref<> attributes = given_attributes ? borrow(given_attributes) : steal(PySet_New(nullptr));
  if (!globals || !attributes) return failed;
  VarCounts::Unbound unbound = {};
  int both = 0;
  TRY(count_names(code, globals, attributes, global_namespace, builtins, &unbound, &both));
  // A name can be that of a global and of an attribute.
  const int total = counts->unbound.total + both;
  unbound.numunknown = total - unbound.total;
  unbound.total = total;
  counts->unbound = unbound;
  counts->total += both;
  return Status::Ok;
}

const char* external_state(const VarCounts& counts) {
  if (counts.numfree > 0) return "closures not supported";
  const auto& globals = counts.unbound.globals;
  if (globals.numglobal > 0 || (globals.numbuiltin > 0 && globals.numunknown > 0)) return "globals not supported";
  return nullptr;  // what is unknown may be a builtin
}

const char* impurity(const PyCodeObject* code) {
  if (code->co_flags & CO_GENERATOR) return "generators not supported";
  if (code->co_flags & CO_COROUTINE) return "coroutines not supported";
  if (code->co_flags & CO_ITERABLE_COROUTINE) return "coroutines not supported";
  if (code->co_flags & CO_ASYNC_GENERATOR) return "generators not supported";
  return nullptr;
}

int answer(const char* problem, const char** message) {
  if (problem && message) *message = problem;
  return problem == nullptr;
}

}  // namespace
}  // namespace ks

using namespace ks;

// Counts the variables of a code object by kind; the kinds of names that are not local are not told apart.
KS_EXPORT void _PyCode_GetVarCounts(PyCodeObject* code, VarCounts* counts) { count_variables(code, counts); }

// Tells globals, builtins and attributes apart, as far as the namespaces (dicts or NULL) say; the names go into the sets that are
// given. -1 with an exception.
KS_EXPORT int _PyCode_SetUnboundVarCounts(PyThreadState*, PyCodeObject* code, VarCounts* counts, PyObject* globalnames, PyObject* attrnames,
                                          PyObject* globalsns, PyObject* builtinsns) {
  return to_c(refine_counts(code, counts, globalnames, attrnames, globalsns, builtinsns));
}

// 1, or 0 with what there is as *message. Code objects here have no state of their own: specialisation and instrumentation
// lie elsewhere.
KS_EXPORT int _PyCode_CheckNoInternalState(PyCodeObject*, const char**) { return 1; }
KS_EXPORT int _PyCode_CheckNoExternalState(PyCodeObject*, const VarCounts* counts, const char** message) {
  return answer(external_state(*counts), message);
}
KS_EXPORT int _PyCode_CheckPureFunction(PyCodeObject* code, const char** message) { return answer(impurity(code), message); }

// 0 if the code needs nothing from outside but builtins; -1 with ValueError.
KS_EXPORT int _PyCode_VerifyStateless(PyThreadState*, PyCodeObject* code, PyObject* globalnames, PyObject* globalsns, PyObject* builtinsns) {
  VarCounts counts;
  count_variables(code, &counts);
  TRY(refine_counts(code, &counts, globalnames, nullptr, globalsns, builtinsns));
  // With builtins to look into, what is not there must be a global.
  if (builtinsns) ++counts.unbound.globals.numbuiltin;
  if (const char* problem = external_state(counts)) return raise(PyExc_ValueError, "%s", problem);
  return 0;
}

// The same of a function, which must not have defaults or a closure.
KS_EXPORT int _PyFunction_VerifyStateless(PyThreadState* state, PyObject* o) {
  auto* function = reinterpret_cast<PyFunctionObject*>(o);
  if (!PyDict_Check(function->func_globals)) return raise(PyExc_TypeError, "unsupported globals %R", function->func_globals);
  if (!PyDict_Check(function->func_builtins)) return raise(PyExc_TypeError, "unsupported builtins %R", function->func_builtins);
  if (function->func_defaults && PyTuple_Check(function->func_defaults) && PyTuple_GET_SIZE(function->func_defaults))
    return raise(PyExc_ValueError, "defaults not supported");
  if (function->func_kwdefaults && PyDict_Check(function->func_kwdefaults) && PyDict_GET_SIZE(function->func_kwdefaults))
    return raise(PyExc_ValueError, "keyword defaults not supported");
  if (function->func_closure && PyTuple_Check(function->func_closure) && PyTuple_GET_SIZE(function->func_closure))
    return raise(PyExc_ValueError, "closures not supported");
  return _PyCode_VerifyStateless(state, reinterpret_cast<PyCodeObject*>(function->func_code), nullptr, function->func_globals,
                                 function->func_builtins);
}

// Does a call of the code return None, if it returns at all?
KS_EXPORT int _PyCode_ReturnsOnlyNone(PyCodeObject* code) {
  if (impurity(code)) return 0;
  Instructions instructions(code);
  while (instructions.next()) {
    if (instructions.opcode != compiler::RETURN_VALUE) continue;
    if (instructions.previous_opcode != compiler::LOAD_CONST) return 0;
    const int index = instructions.previous_oparg;
    if (index >= PyTuple_GET_SIZE(code->co_consts) || PyTuple_GET_ITEM(code->co_consts, index) != Py_None) return 0;
  }
  return 1;
}
