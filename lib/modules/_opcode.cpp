// _opcode: facts about instructions, from the one opcode table.
#include "modules/module.h"
#include "object/method.h"

namespace ks {
namespace {

enum : unsigned { kArg = 1, kConst = 2, kName = 4, kJump = 8, kFree = 16, kLocal = 32, kExc = 64, kValid = 128, kSpecial = 256 };

constexpr int kCount = 267;
struct Fact {
  unsigned flags = 0;
};
struct Facts {
  Fact rows[kCount];
};
consteval Facts make_facts() {
  Facts facts;
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) facts.rows[NUMBER].flags = kValid | (FLAGS);
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) facts.rows[NUMBER].flags = kValid | (FLAGS);
#define SPECIALIZED(NUMBER, NAME, FAMILY, FLAGS) facts.rows[NUMBER].flags = kValid | kSpecial | (FLAGS);
#define PSEUDO(NUMBER, NAME, EFFECT, JUMP_EFFECT, FLAGS) facts.rows[NUMBER].flags = kValid | (FLAGS);
#include "interpreter/opcodes.def"
  return facts;
}
constexpr Facts facts = make_facts();

constexpr long kNoEffect = 1L << 40;
long effect_of(int opcode, long oparg, bool jump) {
  (void)oparg;
  switch (opcode) {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) case NUMBER: return jump ? (JUMP_EFFECT) : (EFFECT);
#define INSTRUMENTED(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) case NUMBER: return jump ? (JUMP_EFFECT) : (EFFECT);
#define PSEUDO(NUMBER, NAME, EFFECT, JUMP_EFFECT, FLAGS) case NUMBER: return jump ? (JUMP_EFFECT) : (EFFECT);
#include "interpreter/opcodes.def"
    default: return kNoEffect;
  }
}

bool has(int opcode, unsigned flag) { return opcode >= 0 && opcode < kCount && (facts.rows[opcode].flags & flag); }

PyObject* opcode_stack_effect(PyObject*, int opcode, PyObject* oparg, PyObject* jump) {
  int value = 0;
  if (oparg && oparg != Py_None && !convert_int(oparg, &value)) return nullptr;
  long effect = 0;
  const bool known = has(opcode, kValid) && !has(opcode, kSpecial);
  if (!jump || jump == Py_None) {
    const long straight = effect_of(opcode, value, false), jumping = effect_of(opcode, value, true);
    effect = straight > jumping ? straight : jumping;
  } else if (jump == Py_True || jump == Py_False) {
    effect = effect_of(opcode, value, jump == Py_True);
  } else {
    return raise(PyExc_ValueError, "stack_effect: jump must be False, True or None");
  }
  if (!known || effect == kNoEffect) return raise(PyExc_ValueError, "invalid opcode or oparg");
  return PyLong_FromLong(effect);
}
METHOD(opcode, stack_effect, "($module, opcode, oparg=None, /, *, jump=None)", "Compute the stack effect of the opcode.");

#define QUESTION(NAME, FLAG, DOC)                                              \
  bool opcode_##NAME(PyObject*, int number) { return has(number, FLAG); }      \
  METHOD(opcode, NAME, "($module, /, opcode)", DOC)
QUESTION(is_valid, kValid, "Return True if opcode is valid, False otherwise.");
QUESTION(has_arg, kArg, "Return True if the opcode uses its oparg, False otherwise.");
QUESTION(has_const, kConst, "Return True if the opcode accesses a constant, False otherwise.");
QUESTION(has_name, kName, "Return True if the opcode accesses an attribute by name, False otherwise.");
QUESTION(has_jump, kJump, "Return True if the opcode has a jump target, False otherwise.");
QUESTION(has_free, kFree,
         "Return True if the opcode accesses a free variable, False otherwise.\n\nNote that 'free' in this context refers to names in the "
         "current scope\nthat are referenced by inner scopes or names in outer scopes that are\nreferenced from this scope. It does not "
         "include references to global\nor builtin scopes.");
QUESTION(has_local, kLocal, "Return True if the opcode accesses a local variable, False otherwise.");
QUESTION(has_exc, kExc, "Return True if the opcode sets an exception handler, False otherwise.");

Ref<> list_of(const char* const* texts, size_t count) {
  Ref<> list = TRY(Ref<>::steal(PyList_New(static_cast<Py_ssize_t>(count))));
  for (size_t i = 0; i < count; ++i) PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), TRY(PyUnicode_FromString(texts[i])));
  return list;
}
template <size_t N>
Ref<> list_of(const char* const (&texts)[N]) {
  return list_of(texts, N);
}

PyObject* opcode_get_specialization_stats(PyObject*) { return Py_NewRef(Py_None); }
METHOD(opcode, get_specialization_stats, "($module, /)", "Return the specialization stats");

PyObject* opcode_get_nb_ops(PyObject*) {
  constexpr struct { const char *name, *symbol; } operations[] = {
      {"NB_ADD", "+"}, {"NB_AND", "&"}, {"NB_FLOOR_DIVIDE", "//"}, {"NB_LSHIFT", "<<"}, {"NB_MATRIX_MULTIPLY", "@"}, {"NB_MULTIPLY", "*"},
      {"NB_REMAINDER", "%"}, {"NB_OR", "|"}, {"NB_POWER", "**"}, {"NB_RSHIFT", ">>"}, {"NB_SUBTRACT", "-"}, {"NB_TRUE_DIVIDE", "/"},
      {"NB_XOR", "^"}, {"NB_INPLACE_ADD", "+="}, {"NB_INPLACE_AND", "&="}, {"NB_INPLACE_FLOOR_DIVIDE", "//="}, {"NB_INPLACE_LSHIFT", "<<="},
      {"NB_INPLACE_MATRIX_MULTIPLY", "@="}, {"NB_INPLACE_MULTIPLY", "*="}, {"NB_INPLACE_REMAINDER", "%="}, {"NB_INPLACE_OR", "|="},
      {"NB_INPLACE_POWER", "**="}, {"NB_INPLACE_RSHIFT", ">>="}, {"NB_INPLACE_SUBTRACT", "-="}, {"NB_INPLACE_TRUE_DIVIDE", "/="},
      {"NB_INPLACE_XOR", "^="}, {"NB_SUBSCR", "[]"}};
  Ref<> list = TRY(Ref<>::steal(PyList_New(0)));
  for (const auto& operation : operations) {
    Ref<> pair = TRY(Ref<>::steal(Py_BuildValue("(ss)", operation.name, operation.symbol)));
    TRY(PyList_Append(list, pair));
  }
  return list.release();
}
METHOD(opcode, get_nb_ops, "($module, /)", "Return array of symbols of binary ops.\n\nIndexed by the BINARY_OP oparg value.");

Ref<> opcode_get_intrinsic1_descs(PyObject*) {
  return list_of({"INTRINSIC_1_INVALID", "INTRINSIC_PRINT", "INTRINSIC_IMPORT_STAR", "INTRINSIC_STOPITERATION_ERROR",
                  "INTRINSIC_ASYNC_GEN_WRAP", "INTRINSIC_UNARY_POSITIVE", "INTRINSIC_LIST_TO_TUPLE", "INTRINSIC_TYPEVAR",
                  "INTRINSIC_PARAMSPEC", "INTRINSIC_TYPEVARTUPLE", "INTRINSIC_SUBSCRIPT_GENERIC", "INTRINSIC_TYPEALIAS"});
}
METHOD(opcode, get_intrinsic1_descs, "($module, /)", "Return a list of names of the unary intrinsics.");
Ref<> opcode_get_intrinsic2_descs(PyObject*) {
  return list_of({"INTRINSIC_2_INVALID", "INTRINSIC_PREP_RERAISE_STAR", "INTRINSIC_TYPEVAR_WITH_BOUND",
                  "INTRINSIC_TYPEVAR_WITH_CONSTRAINTS", "INTRINSIC_SET_FUNCTION_TYPE_PARAMS", "INTRINSIC_SET_TYPEPARAM_DEFAULT"});
}
METHOD(opcode, get_intrinsic2_descs, "($module, /)", "Return a list of names of the binary intrinsics.");
Ref<> opcode_get_special_method_names(PyObject*) { return list_of({"__enter__", "__exit__", "__aenter__", "__aexit__"}); }
METHOD(opcode, get_special_method_names, "($module, /)", "Return a list of special method names.");

// As in a build without an optimizer.
PyObject* opcode_get_executor(PyObject*, PyObject* code, int) {
  if (!PyCode_Check(code)) return raise(PyExc_TypeError, "expected a code object, not '%.100s'", Py_TYPE(code)->tp_name);
  return raise(PyExc_ValueError, "no executor at given byte offset");
}
METHOD(opcode, get_executor, "($module, /, code, offset)", "Return the executor object at offset in code if exists, None otherwise.");

PyMethodDef methods[] = {opcode_stack_effect_method, opcode_is_valid_method, opcode_has_arg_method, opcode_has_const_method,
                         opcode_has_name_method, opcode_has_jump_method, opcode_has_free_method, opcode_has_local_method,
                         opcode_has_exc_method, opcode_get_specialization_stats_method, opcode_get_nb_ops_method,
                         opcode_get_intrinsic1_descs_method, opcode_get_intrinsic2_descs_method, opcode_get_special_method_names_method,
                         opcode_get_executor_method, {}};
int opcode_exec(PyObject* module) {
  if (PyModule_AddIntConstant(module, "ENABLE_SPECIALIZATION", 1) < 0) return -1;
  return PyModule_AddIntConstant(module, "ENABLE_SPECIALIZATION_FT", 1);
}
MODULE_SLOTS(slots, opcode_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_opcode", .m_doc = "Opcode support module.", .m_size = 0,
                      .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__opcode(void) { return PyModuleDef_Init(&ks::module); }
