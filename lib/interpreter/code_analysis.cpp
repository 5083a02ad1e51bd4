// What a code object depends on: counts of its variables, and whether it is free of state, for sharing between interpreters.
#include "interpreter/code.h"
#include "interpreter/handler.h"
#include "object/export.h"
#include "object/result.h"

// The reference's struct of the same name, as its test module has it compiled in.
struct _PyCode_var_counts_t {
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
    int numattrs, numunknown;
  } unbound;
};

namespace ks {
namespace {

// Calls visit(op, oparg) for each instruction as the compiler made it, until it answers false.
template <class F>
bool each_instruction(const PyCodeObject* code, F visit) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(code->co_code_adaptive);
  int extended = 0;
  for (Py_ssize_t i = 0; i < Py_SIZE(code);) {
    const int op = bytes[2 * i];
    const int oparg = extended << 8 | bytes[2 * i + 1];
    extended = op == kEXTENDED_ARG ? oparg : 0;
    if (op != kEXTENDED_ARG && !visit(op, oparg)) return false;
    i += 1 + kCaches[op];
  }
  return true;
}

Status check_set(PyObject* names, const char* what) {
  if (names && !PySet_CheckExact(names)) return raise(PyExc_TypeError, "unsupported %s %R", what, names);
  return Status::Ok;
}
// The name is in the namespace: 1, 0, -1 on error.
int is_in(PyObject* dict, PyObject* name) { return dict ? PyDict_Contains(dict, name) : 0; }

// Adds what LOAD_ATTR and LOAD_GLOBAL name, each name once.
Status count_names(PyCodeObject* code, PyObject* global_names, PyObject* attribute_names, PyObject* globals, PyObject* builtins,
                   _PyCode_var_counts_t::Unbound* counts) {
  Status result = Status::Ok;
  auto add = [&](int op, int oparg) -> Status {
    if (op == kLOAD_ATTR) {
      PyObject* name = PyTuple_GET_ITEM(code->co_names, oparg >> 1);
      if (TRY(found(PySet_Contains(attribute_names, name)))) return Status::Ok;
      TRY(PySet_Add(attribute_names, name));
      ++counts->total;
      ++counts->numattrs;
    } else if (op == kLOAD_GLOBAL) {
      PyObject* name = PyTuple_GET_ITEM(code->co_names, oparg >> 1);
      if (TRY(found(PySet_Contains(global_names, name)))) return Status::Ok;
      TRY(PySet_Add(global_names, name));
      ++counts->total;
      ++counts->globals.total;
      if (TRY(is_in(globals, name))) ++counts->globals.numglobal;
      else if (TRY(is_in(builtins, name))) ++counts->globals.numbuiltin;
      else ++counts->globals.numunknown;
    }
    return Status::Ok;
  };
  each_instruction(code, [&](int op, int oparg) {
    result = add(op, oparg);
    return result == Status::Ok;
  });
  return result;
}

int refuse(const char** message, const char* text) {
  if (message) *message = text;
  return text == nullptr;
}

}  // namespace
}  // namespace ks

using namespace ks;

KS_EXPORT void _PyCode_GetVarCounts(PyCodeObject* code, _PyCode_var_counts_t* counts) {
  *counts = {};
  auto& locals = counts->locals;
  locals.args.numposonly = code->co_posonlyargcount;
  locals.args.numposorkw = code->co_argcount - code->co_posonlyargcount;
  locals.args.numkwonly = code->co_kwonlyargcount;
  locals.args.varargs = (code->co_flags & CO_VARARGS) != 0;
  locals.args.varkwargs = (code->co_flags & CO_VARKEYWORDS) != 0;
  locals.args.total = code->co_argcount + code->co_kwonlyargcount + locals.args.varargs + locals.args.varkwargs;
  const auto* kinds = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(code->co_localspluskinds));
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    const unsigned char kind = kinds[i];
    if (kind & kFastFree) {
      ++counts->numfree;
      continue;
    }
    ++locals.total;
    if (kind & kFastHidden) {
      ++locals.hidden.total;
      ++(kind & kFastCell ? locals.hidden.numcells : locals.hidden.numpure);
    } else if (kind & kFastCell) {
      ++locals.cells.total;
      ++(i < locals.args.total ? locals.cells.numargs : locals.cells.numothers);
    } else if (i >= locals.args.total) {
      ++locals.numpure;
    }
  }
  counts->unbound.total = counts->unbound.numunknown = static_cast<int>(PyTuple_GET_SIZE(code->co_names));
  counts->total = locals.total + counts->numfree + counts->unbound.total;
}
// 0, or -1 with an exception. The sets (may be NULL) get the names; the namespaces (may be NULL) tell globals from builtins.
KS_EXPORT int _PyCode_SetUnboundVarCounts(PyThreadState*, PyCodeObject* code, _PyCode_var_counts_t* counts, PyObject* global_names,
                                          PyObject* attribute_names, PyObject* globals, PyObject* builtins) {
  TRY(check_set(global_names, "globalnames"));
  TRY(check_set(attribute_names, "attrnames"));
  if (globals && !PyDict_Check(globals)) return raise(PyExc_TypeError, "unsupported globalsns %R", globals);
  if (builtins && !PyDict_Check(builtins)) return raise(PyExc_TypeError, "unsupported builtinsns %R", builtins);
  Ref<> global_set = TRY(global_names ? borrow(global_names) : steal(PySet_New(nullptr)));
  Ref<> attribute_set = TRY(attribute_names ? borrow(attribute_names) : steal(PySet_New(nullptr)));
  _PyCode_var_counts_t::Unbound unbound = {};
  TRY(count_names(code, global_set, attribute_set, globals, builtins, &unbound));
  unbound.numunknown = counts->unbound.total - unbound.total;
  if (unbound.numunknown < 0) unbound.numunknown = 0;  // a name may be a global and an attribute
  else unbound.total = counts->unbound.total;
  counts->total += unbound.total - counts->unbound.total;
  counts->unbound = unbound;
  return 0;
}

// These answer 1, or 0 and why not.
KS_EXPORT int _PyCode_CheckNoInternalState(PyCodeObject* code, const char** message) {
  return refuse(message, code->co_extra ? "only basic code objects are supported" : nullptr);
}
KS_EXPORT int _PyCode_CheckNoExternalState(PyCodeObject*, _PyCode_var_counts_t* counts, const char** message) {
  const auto& globals = counts->unbound.globals;
  if (counts->numfree > 0) return refuse(message, "closures not supported");
  if (globals.numglobal > 0) return refuse(message, "globals not supported");
  if (globals.numbuiltin > 0 && globals.numunknown > 0) return refuse(message, "unknown globals not supported");
  return refuse(message, nullptr);
}
KS_EXPORT int _PyCode_CheckPureFunction(PyCodeObject* code, const char** message) {
  if (code->co_flags & (CO_GENERATOR | CO_ASYNC_GENERATOR)) return refuse(message, "generators not supported");
  if (code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE)) return refuse(message, "coroutines not supported");
  return refuse(message, nullptr);
}
// 0, or -1 with ValueError: the code has, or depends on, more than its own text.
KS_EXPORT int _PyCode_VerifyStateless(PyThreadState* state, PyCodeObject* code, PyObject* global_names, PyObject* globals, PyObject* builtins) {
  const char* message;
  _PyCode_var_counts_t counts;
  _PyCode_GetVarCounts(code, &counts);
  if (_PyCode_SetUnboundVarCounts(state, code, &counts, global_names, nullptr, globals, builtins) < 0) return -1;
  if (!_PyCode_CheckNoInternalState(code, &message)) return raise(PyExc_ValueError, "%s", message);
  // With known builtins, what is neither is not taken for one.
  if (builtins) ++counts.unbound.globals.numbuiltin;
  if (!_PyCode_CheckNoExternalState(code, &counts, &message)) return raise(PyExc_ValueError, "%s", message);
  return 0;
}
KS_EXPORT int _PyFunction_VerifyStateless(PyThreadState* state, PyObject* o) {
  auto* function = reinterpret_cast<PyFunctionObject*>(o);
  PyObject *globals = function->func_globals, *builtins = function->func_builtins;
  if (globals && !PyDict_Check(globals)) return raise(PyExc_TypeError, "unsupported globals %R", globals);
  if (builtins && !PyDict_Check(builtins)) return raise(PyExc_TypeError, "unsupported builtins %R", builtins);
  PyObject *defaults = function->func_defaults, *keyword_defaults = function->func_kwdefaults, *closure = function->func_closure;
  if (defaults && PyTuple_Check(defaults) && PyTuple_GET_SIZE(defaults)) return raise(PyExc_ValueError, "defaults not supported");
  if (keyword_defaults && PyDict_Check(keyword_defaults) && PyDict_GET_SIZE(keyword_defaults))
    return raise(PyExc_ValueError, "keyword defaults not supported");
  if (closure && PyTuple_Check(closure) && PyTuple_GET_SIZE(closure)) return raise(PyExc_ValueError, "closures not supported");
  return _PyCode_VerifyStateless(state, reinterpret_cast<PyCodeObject*>(function->func_code), nullptr, globals, builtins);
}
// 1 for a plain function's code of which all returns are of None.
KS_EXPORT int _PyCode_ReturnsOnlyNone(PyCodeObject* code) {
  if (!_PyCode_CheckPureFunction(code, nullptr)) return 0;
  bool none = false;
  return each_instruction(code, [&](int op, int oparg) {
    if (op == kRETURN_VALUE && !none) return false;
    none = op == kLOAD_CONST && PyTuple_GET_ITEM(code->co_consts, oparg) == Py_None;
    return true;
  });
}
