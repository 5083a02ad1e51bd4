// _symtable: the compiler's symbol tables as objects, for the symtable module.
#include <cstring>
#include <structmember.h>

#include "compiler/future.h"
#include "compiler/symbols.h"
#include "modules/builtins/builtins.h"
#include "modules/module.h"
#include "syntax/arena.h"
#include "syntax/parser.h"

namespace ks {
namespace {

using compiler::Scope;
using compiler::ScopeType;

// What a scope looks like from outside; it does not change any more.
struct Entry {
  PyObject_HEAD
  PyObject* id;
  PyObject* name;
  PyObject* symbols;
  PyObject* varnames;
  PyObject* children;
  int nested;
  int type;
  int lineno;
};
Entry* self_of(PyObject* o) { return as<Entry>(o); }

// The numbers that _symtable gives the types.
int number_of(ScopeType type) {
  switch (type) {
    case ScopeType::Function: return 0;
    case ScopeType::Class: return 1;
    case ScopeType::Module: return 2;
    case ScopeType::Annotation: return 3;
    case ScopeType::TypeAlias: return 4;
    case ScopeType::TypeParameters: return 5;
    case ScopeType::TypeVariable: return 6;
  }
  return -1;
}

int entry_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(self_of(o)->symbols);
  Py_VISIT(self_of(o)->varnames);
  Py_VISIT(self_of(o)->children);
  return 0;
}
int entry_clear(PyObject* o) {
  Py_CLEAR(self_of(o)->symbols);
  Py_CLEAR(self_of(o)->varnames);
  Py_CLEAR(self_of(o)->children);
  return 0;
}
void entry_dealloc(PyObject* o) {
  Ref<> type = Ref<>::steal(object(Py_TYPE(o)));
  PyObject_GC_UnTrack(o);
  entry_clear(o);
  Py_CLEAR(self_of(o)->id);
  Py_CLEAR(self_of(o)->name);
  PyObject_GC_Del(o);
}
PyObject* entry_repr(PyObject* o) {
  return PyUnicode_FromFormat("<symtable entry %U(%R), line %d>", self_of(o)->name, self_of(o)->id, self_of(o)->lineno);
}

PyMemberDef entry_members[] = {{"id", Py_T_OBJECT_EX, offsetof(Entry, id), Py_READONLY, nullptr},
                               {"name", Py_T_OBJECT_EX, offsetof(Entry, name), Py_READONLY, nullptr},
                               {"symbols", Py_T_OBJECT_EX, offsetof(Entry, symbols), Py_READONLY, nullptr},
                               {"varnames", Py_T_OBJECT_EX, offsetof(Entry, varnames), Py_READONLY, nullptr},
                               {"children", Py_T_OBJECT_EX, offsetof(Entry, children), Py_READONLY, nullptr},
                               {"nested", Py_T_INT, offsetof(Entry, nested), Py_READONLY, nullptr},
                               {"type", Py_T_INT, offsetof(Entry, type), Py_READONLY, nullptr},
                               {"lineno", Py_T_INT, offsetof(Entry, lineno), Py_READONLY, nullptr},
                               {nullptr, 0, 0, 0, nullptr}};
PyType_Slot entry_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(entry_dealloc)},
                             {Py_tp_traverse, reinterpret_cast<void*>(entry_traverse)},
                             {Py_tp_clear, reinterpret_cast<void*>(entry_clear)},
                             {Py_tp_repr, reinterpret_cast<void*>(entry_repr)},
                             {Py_tp_members, entry_members},
                             {0, nullptr}};
PyType_Spec entry_spec = {"builtins.symtable entry", sizeof(Entry), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                          entry_slots};

struct State {
  PyTypeObject* entry_type;
};
State* state_of(PyObject* module) { return static_cast<State*>(PyModule_GetState(module)); }

Ref<> make_entry(const Scope& scope, PyTypeObject* type) {
  if (Py_EnterRecursiveCall(" while making symbol tables")) return failed;
  auto build = [&]() -> Ref<> {
    Ref<> result = TRY(steal(PyType_GenericAlloc(type, 0)));
    Entry* entry = self_of(result);
    entry->type = number_of(scope.type);
    entry->nested = scope.nested;
    entry->lineno = scope.position.lineno;
    entry->name = Py_NewRef(scope.name);
    entry->id = TRY(PyLong_FromVoidPtr(const_cast<void*>(scope.key)));
    entry->symbols = TRY(PyDict_New());
    for (const auto& symbol : scope.symbols) {
      Ref<> flags = TRY(steal(PyLong_FromLong(symbol.value)));
      TRY(status(PyDict_SetItem(entry->symbols, symbol.name, flags)));
    }
    entry->varnames = TRY(PyList_New(0));
    for (compiler::Identifier name : scope.parameters) TRY(status(PyList_Append(entry->varnames, name)));
    entry->children = TRY(PyList_New(0));
    for (const Scope* child : scope.children) {
      Ref<> made = TRY(make_entry(*child, type));
      TRY(status(PyList_Append(entry->children, made)));
    }
    return result;
  };
  Ref<> result = build();
  Py_LeaveRecursiveCall();
  return result;
}

PyObject* symtable_symtable(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "_symtable.symtable() takes no keyword arguments");
  if (nargs != 3) return raise(PyExc_TypeError, "symtable expected 3 arguments, got %zd", nargs);
  Ref<> filename, owner;
  if (!PyUnicode_FSDecoder(args[1], filename.out())) return nullptr;
  if (!PyUnicode_Check(args[2])) return raise(PyExc_TypeError, "symtable() argument 3 must be str, not %T", args[2]);
  const char* mode = TRY(PyUnicode_AsUTF8(args[2]));
  PyCompilerFlags flags{.cf_flags = PyCF_SOURCE_IS_UTF8, .cf_feature_version = PY_MINOR_VERSION};
  const char* source = TRY(source_text(args[0], "symtable", "string or bytes", &flags, &owner));
  int start;
  if (strcmp(mode, "exec") == 0) start = Py_file_input;
  else if (strcmp(mode, "eval") == 0) start = Py_eval_input;
  else if (strcmp(mode, "single") == 0) start = Py_single_input;
  else return raise(PyExc_ValueError, "symtable() arg 3 must be 'exec' or 'eval' or 'single'");
  syntax::Arena arena;
  syntax::Module* tree = TRY(syntax::parse(source, static_cast<Py_ssize_t>(strlen(source)),
                                           {.filename = filename, .start = start, .flags = flags.cf_flags}, arena));
  compiler::FutureFeatures future;
  TRY(compiler::read_future_features(tree, filename, &future));
  compiler::SymbolTable symbols(filename, future, false, arena);
  TRY(symbols.build(tree));
  return make_entry(*symbols.top(), state_of(module)->entry_type).release();
}
METHOD_RAW(symtable_symtable, "symtable", 0,
           "symtable($module, source, filename, startstr, /)\n--\n\nReturn symbol and scope dictionaries used internally by compiler.");

int symtable_exec(PyObject* module) {
  using namespace compiler;
  Ref<> type = TRY(steal(PyType_FromModuleAndSpec(module, &entry_spec, nullptr)));
  state_of(module)->entry_type = reinterpret_cast<PyTypeObject*>(type.release());
  constexpr struct {
    const char* name;
    long value;
  } constants[] = {{"USE", kUsed}, {"DEF_GLOBAL", kGlobalStatement}, {"DEF_NONLOCAL", kNonlocalStatement}, {"DEF_LOCAL", kAssigned},
                   {"DEF_PARAM", kParameter}, {"DEF_TYPE_PARAM", kTypeParameter}, {"DEF_FREE_CLASS", kFreeInClass},
                   {"DEF_IMPORT", kImported}, {"DEF_BOUND", kAssigned | kParameter | kImported}, {"DEF_ANNOT", kAnnotated},
                   {"DEF_COMP_ITER", kIterationVariable}, {"DEF_COMP_CELL", kCellInComprehension}, {"TYPE_FUNCTION", 0},
                   {"TYPE_CLASS", 1}, {"TYPE_MODULE", 2}, {"TYPE_ANNOTATION", 3}, {"TYPE_TYPE_ALIAS", 4},
                   {"TYPE_TYPE_PARAMETERS", 5}, {"TYPE_TYPE_VARIABLE", 6}, {"LOCAL", static_cast<long>(Where::Local)},
                   {"GLOBAL_EXPLICIT", static_cast<long>(Where::GlobalExplicit)},
                   {"GLOBAL_IMPLICIT", static_cast<long>(Where::GlobalImplicit)}, {"FREE", static_cast<long>(Where::Free)},
                   {"CELL", static_cast<long>(Where::Cell)}, {"SCOPE_OFF", kWhereShift}, {"SCOPE_MASK", 15}};
  for (const auto& constant : constants) TRY(PyModule_AddIntConstant(module, constant.name, constant.value));
  return 0;
}
int symtable_traverse(PyObject* module, visitproc visit, void* arg) {
  if (state_of(module)) Py_VISIT(state_of(module)->entry_type);
  return 0;
}
int symtable_clear(PyObject* module) {
  if (state_of(module)) Py_CLEAR(state_of(module)->entry_type);
  return 0;
}

PyMethodDef methods[] = {symtable_symtable_method, {nullptr, nullptr, 0, nullptr}};
MODULE_SLOTS(symtable_slots, symtable_exec);
PyModuleDef symtable_module = {.m_base = PyModuleDef_HEAD_INIT,
                               .m_name = "_symtable",
                               .m_size = sizeof(State),
                               .m_methods = methods,
                               .m_slots = symtable_slots,
                               .m_traverse = symtable_traverse,
                               .m_clear = symtable_clear};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__symtable() { return PyModuleDef_Init(&ks::symtable_module); }
