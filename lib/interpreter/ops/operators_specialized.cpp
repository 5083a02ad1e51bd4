// Operators on ints, floats, strings and builtin containers.
#include "interpreter/call_frame.h"
#include "interpreter/evaluate.h"
#include "interpreter/function.h"
#include "interpreter/handler.h"
#include "interpreter/operations.h"
#include "interpreter/specialize.h"
#include "object/type.h"
#include "runtime/state.h"
#include "types/dict.h"
#include "types/float.h"
#include "types/int.h"

// As `in`: also finds a set by the frozenset that equals it.
extern "C" int _PySet_Contains(PySetObject* set, PyObject* key);

namespace ks {

ADAPTIVE_FAMILY(BINARY_OP)
ADAPTIVE_FAMILY(COMPARE_OP)
ADAPTIVE_FAMILY(CONTAINS_OP)
ADAPTIVE_FAMILY(STORE_SUBSCR)

static inline bool both_ints(PyObject* a, PyObject* b) {
  return PyLong_CheckExact(a) && PyLong_CheckExact(b) && int_both_compact(a, b);
}
static inline bool both_floats(PyObject* a, PyObject* b) { return PyFloat_CheckExact(a) && PyFloat_CheckExact(b); }
// Whether the slot is the object's only owner, so that the object may be written over.
static inline bool is_sole_owner(Value value) { return !value.is_borrowed() && Py_REFCNT(value.object()) == 1; }

// The int `value` in place of the two top operands; a temporary operand is used again where the result has one digit.
#define INT_RESULT(VALUE)                                                                                      \
  do {                                                                                                         \
    const int64_t ks_value = (VALUE);                                                                          \
    Value ks_left = sp[-2], ks_right = sp[-1];                                                                 \
    if (int_is_small(ks_value)) {                                                                              \
      sp[-2] = Value::borrowed(int_small(ks_value));                                                           \
    } else {                                                                                                   \
      const uint64_t ks_magnitude = static_cast<uint64_t>(ks_value < 0 ? -ks_value : ks_value);                \
      if (ks_magnitude <= PyLong_MASK && is_sole_owner(ks_left)) {                                             \
        auto* ks_reused = reinterpret_cast<PyLongObject*>(ks_left.object());                                   \
        ks_reused->long_value.lv_tag = ks_value < 0 ? (1 << 3) | 2 : 1 << 3;                                   \
        ks_reused->long_value.ob_digit[0] = static_cast<digit>(ks_magnitude);                                  \
        --sp;                                                                                                  \
        close(ks_right);                                                                                       \
        NEXT(6);                                                                                               \
      }                                                                                                        \
      PyObject* ks_new = int_from_int64(ks_value);                                                             \
      if (!ks_new) ERROR();                                                                                    \
      sp[-2] = Value::owned(ks_new);                                                                           \
    }                                                                                                          \
    --sp;                                                                                                      \
    close(ks_left);                                                                                            \
    close(ks_right);                                                                                           \
    NEXT(6);                                                                                                   \
  } while (0)

#define INT_HANDLER(NAME, CONDITION, EXPRESSION)                                    \
  HANDLER(NAME) {                                                                   \
    PyObject *left = sp[-2].object(), *right = sp[-1].object();                     \
    if (!both_ints(left, right)) [[unlikely]] MISS(BINARY_OP);                      \
    const int64_t a = int_compact_value(left), b = int_compact_value(right);        \
    if (!(CONDITION)) [[unlikely]] MISS(BINARY_OP);                                 \
    INT_RESULT(EXPRESSION);                                                         \
  }
INT_HANDLER(BINARY_OP_INT_ADD, true, a + b)
INT_HANDLER(BINARY_OP_INT_SUBTRACT, true, a - b)
INT_HANDLER(BINARY_OP_INT_MULTIPLY, true, a* b)
INT_HANDLER(BINARY_OP_INT_AND, true, a& b)
INT_HANDLER(BINARY_OP_INT_OR, true, a | b)
INT_HANDLER(BINARY_OP_INT_XOR, true, a ^ b)
INT_HANDLER(BINARY_OP_INT_LSHIFT, b >= 0 && b < 32, static_cast<int64_t>(static_cast<uint64_t>(a) << b))
INT_HANDLER(BINARY_OP_INT_RSHIFT, b >= 0, a >> (b < 63 ? b : 63))
INT_HANDLER(BINARY_OP_INT_FLOOR_DIVIDE, b != 0, a / b - ((a % b != 0) && ((a < 0) != (b < 0))))
INT_HANDLER(BINARY_OP_INT_REMAINDER, b != 0, a % b + (((a % b != 0) && ((a < 0) != (b < 0))) ? b : 0))

#define FLOAT_RESULT(VALUE)                                                  \
  do {                                                                       \
    const double ks_value = (VALUE);                                         \
    Value ks_left = sp[-2], ks_right = sp[-1];                               \
    if (is_sole_owner(ks_left) && PyFloat_CheckExact(ks_left.object())) {    \
      reinterpret_cast<PyFloatObject*>(ks_left.object())->ob_fval = ks_value; \
      --sp;                                                                  \
      close(ks_right);                                                       \
      NEXT(6);                                                               \
    }                                                                        \
    if (is_sole_owner(ks_right) && PyFloat_CheckExact(ks_right.object())) {  \
      reinterpret_cast<PyFloatObject*>(ks_right.object())->ob_fval = ks_value; \
      sp[-2] = ks_right;                                                     \
      --sp;                                                                  \
      close(ks_left);                                                        \
      NEXT(6);                                                               \
    }                                                                        \
    PyObject* ks_new = float_new(ks_value);                                  \
    if (!ks_new) ERROR();                                                    \
    sp[-2] = Value::owned(ks_new);                                           \
    --sp;                                                                    \
    close(ks_left);                                                          \
    close(ks_right);                                                         \
    NEXT(6);                                                                 \
  } while (0)
// A float, or a one-digit int, which is exact as a double.
static inline bool as_double(PyObject* object, double* value) {
  if (PyFloat_CheckExact(object)) {
    *value = float_value(object);
    return true;
  }
  if (PyLong_CheckExact(object) && int_is_compact(object)) {
    *value = static_cast<double>(int_compact_value(object));
    return true;
  }
  return false;
}
#define FLOAT_HANDLER(NAME, CONDITION, EXPRESSION)                                                       \
  HANDLER(NAME) {                                                                                        \
    double a, b;                                                                                         \
    PyObject *left = sp[-2].object(), *right = sp[-1].object();                                          \
    if (!as_double(left, &a) || !as_double(right, &b) ||                                                 \
        (PyLong_CheckExact(left) && PyLong_CheckExact(right))) [[unlikely]]                              \
      MISS(BINARY_OP);                                                                                   \
    if (!(CONDITION)) [[unlikely]] MISS(BINARY_OP);                                                      \
    FLOAT_RESULT(EXPRESSION);                                                                            \
  }
FLOAT_HANDLER(BINARY_OP_FLOAT_ADD, true, a + b)
FLOAT_HANDLER(BINARY_OP_FLOAT_SUBTRACT, true, a - b)
FLOAT_HANDLER(BINARY_OP_FLOAT_MULTIPLY, true, a* b)
FLOAT_HANDLER(BINARY_OP_FLOAT_TRUE_DIVIDE, b != 0.0, a / b)

#define REPLACE_TWO(RESULT, UNITS)             \
  do {                                         \
    PyObject* ks_new = (RESULT);               \
    if (!ks_new) ERROR();                      \
    Value ks_right = sp[-1], ks_left = sp[-2]; \
    sp[-2] = Value::owned(ks_new);             \
    --sp;                                      \
    close(ks_left);                            \
    close(ks_right);                           \
    NEXT(UNITS);                               \
  } while (0)

HANDLER(BINARY_OP_STR_ADD) {
  if (!PyUnicode_CheckExact(sp[-2].object()) || !PyUnicode_CheckExact(sp[-1].object())) MISS(BINARY_OP);
  SAVE();
  REPLACE_TWO(PyUnicode_Concat(sp[-2].object(), sp[-1].object()), 6);
}
// x = x + y where the result goes straight back to the local it came from: appended in place when nobody else holds it.
HANDLER(BINARY_OP_INPLACE_STR_ADD) {
  if (!PyUnicode_CheckExact(sp[-2].object()) || !PyUnicode_CheckExact(sp[-1].object())) MISS(BINARY_OP);
  Unit* next = ip + 6;
  if (next->op != kSTORE_FAST || LOCAL(next->oparg).object() != sp[-2].object()) MISS(BINARY_OP);
  SAVE();
  Value right = sp[-1];
  // The local and the stack give up what they hold, so that `text` may be the only reference.
  PyObject* text = LOCAL(next->oparg).take();
  LOCAL(next->oparg) = Value::null();
  Value left = sp[-2];
  sp -= 2;
  close(left);
  PyUnicode_Append(&text, right.object());
  close(right);
  if (!text) ERROR();
  LOCAL(next->oparg) = Value::owned(text);
  NEXT(7);
}

// The index of a one-digit int in a sequence of that size, or -1.
static inline Py_ssize_t index_in(PyObject* index, Py_ssize_t size) {
  if (!PyLong_CheckExact(index) || !int_is_compact(index)) return -1;
  Py_ssize_t i = int_compact_value(index);
  if (i < 0) i += size;
  return static_cast<size_t>(i) < static_cast<size_t>(size) ? i : -1;
}
HANDLER(BINARY_OP_LIST_INDEX) {
  Value container = sp[-2], index = sp[-1];
  auto* list = reinterpret_cast<PyListObject*>(container.object());
  if (!PyList_CheckExact(list)) [[unlikely]] MISS(BINARY_OP);
  const Py_ssize_t i = index_in(index.object(), PyList_GET_SIZE(list));
  if (i < 0) [[unlikely]] MISS(BINARY_OP);
  sp[-2] = Value::owned(Py_NewRef(list->ob_item[i]));
  --sp;
  if (container.is_borrowed() && index.is_borrowed()) NEXT(6);
  SAVE();
  close(container);
  close(index);
  NEXT(6);
}
HANDLER(BINARY_OP_TUPLE_INDEX) {
  Value container = sp[-2], index = sp[-1];
  auto* tuple = reinterpret_cast<PyTupleObject*>(container.object());
  if (!PyTuple_CheckExact(tuple)) [[unlikely]] MISS(BINARY_OP);
  const Py_ssize_t i = index_in(index.object(), PyTuple_GET_SIZE(tuple));
  if (i < 0) [[unlikely]] MISS(BINARY_OP);
  sp[-2] = Value::owned(Py_NewRef(tuple->ob_item[i]));
  --sp;
  SAVE();
  close(container);
  close(index);
  NEXT(6);
}
HANDLER(BINARY_OP_STR_INDEX) {
  PyObject* text = sp[-2].object();
  if (!PyUnicode_CheckExact(text)) MISS(BINARY_OP);
  const Py_ssize_t i = index_in(sp[-1].object(), PyUnicode_GET_LENGTH(text));
  if (i < 0) MISS(BINARY_OP);
  SAVE();
  const Py_UCS4 letter = PyUnicode_READ_CHAR(text, i);
  REPLACE_TWO(PyUnicode_FromOrdinal(static_cast<int>(letter)), 6);
}
// Found: the value, new. No: nothing; an exception may be set.
[[gnu::noinline]] static PyObject* dict_item(PyObject* dict, PyObject* key) {
  const Py_hash_t hash = hash_of(key);
  if (hash == -1) {
    PyErr_Clear();
    return PyObject_GetItem(dict, key);
  }
  PyObject* value;
  const Found found = dict_find(reinterpret_cast<PyDictObject*>(dict), key, hash, &value);
  if (found == Found::No) PyErr_SetObject(PyExc_KeyError, key);
  return found == Found::Yes ? value : nullptr;
}
HANDLER(BINARY_OP_DICT_KEY) {
  PyObject* dict = sp[-2].object();
  if (!PyDict_CheckExact(dict)) MISS(BINARY_OP);
  SAVE();
  REPLACE_TWO(dict_item(dict, sp[-1].object()), 6);
}
// obj[key] with a __getitem__ in Python.
HANDLER(BINARY_OP_GETITEM_FUNCTION) {
  VersionCache* cache = version_cache(ip);
  if (Py_TYPE(sp[-2].object())->tp_version_tag != cache->version) MISS(BINARY_OP);
  auto* function = reinterpret_cast<PyFunctionObject*>(cache->object);
  if (function->func_version != cache->keys_version || thread->interp->interpreter.eval_frame) MISS(BINARY_OP);
  SAVE();
  Frame* callee = push_call_frame(thread, Value::owned(Py_NewRef(cache->object)), nullptr, sp - 2, 2, nullptr);
  sp -= 2;
  frame->stackpointer = sp;
  if (!callee) ERROR();
  frame->return_offset = 6;
  callee->previous = frame;
  thread->current_frame = frame = callee;
  sp = callee->stackpointer;
  ip = callee->instr_ptr;
  GO_TO(start_frame);
}

// ---- comparisons; with oparg bit 4 the result must be a bool, which these are anyway --------------------------------------

// Bits: 1 for less, 2 for equal, 4 for greater, 8 for unordered; indexed by the operation.
static constexpr uint8_t kAccepts[6] = {1, 3, 2, 13, 4, 6};

// A jump on the result directly behind the comparison is done along with it.
#define COMPARE_RESULT(RESULT)                                               \
  do {                                                                       \
    const bool ks_result = (RESULT);                                         \
    Value ks_right = sp[-1], ks_left = sp[-2];                               \
    sp -= 2;                                                                 \
    close(ks_left);                                                          \
    close(ks_right);                                                         \
    Unit* ks_next = ip + 2;                                                  \
    if (ks_next->op == kPOP_JUMP_IF_FALSE) {                                 \
      ip = ks_next + (ks_result ? 2u + ks_next->counter : 2 + ks_next->oparg);                   \
      DISPATCH();                                                            \
    }                                                                        \
    if (ks_next->op == kPOP_JUMP_IF_TRUE) {                                  \
      ip = ks_next + (ks_result ? 2 + ks_next->oparg : 2u + ks_next->counter);                   \
      DISPATCH();                                                            \
    }                                                                        \
    *sp++ = Value::borrowed(ks_result ? Py_True : Py_False);                 \
    NEXT(2);                                                                 \
  } while (0)

HANDLER(COMPARE_OP_INTS) {
  PyObject *left = sp[-2].object(), *right = sp[-1].object();
  if (!both_ints(left, right)) [[unlikely]] MISS(COMPARE_OP);
  const int64_t a = int_compact_value(left), b = int_compact_value(right);
  const unsigned order = a < b ? 1 : a == b ? 2 : 4;
  COMPARE_RESULT((kAccepts[OPARG >> 5] & order) != 0);
}
HANDLER(COMPARE_OP_FLOATS) {
  PyObject *left = sp[-2].object(), *right = sp[-1].object();
  if (!both_floats(left, right)) [[unlikely]] MISS(COMPARE_OP);
  const double a = float_value(left), b = float_value(right);
  const unsigned order = a < b ? 1 : a == b ? 2 : a > b ? 4 : 8;
  COMPARE_RESULT((kAccepts[OPARG >> 5] & order) != 0);
}
// == and != only.
HANDLER(COMPARE_OP_STRS) {
  PyObject *left = sp[-2].object(), *right = sp[-1].object();
  if (!PyUnicode_CheckExact(left) || !PyUnicode_CheckExact(right)) [[unlikely]] MISS(COMPARE_OP);
  const bool equal = left == right || PyUnicode_Equal(left, right);
  COMPARE_RESULT(equal == ((OPARG >> 5) == Py_EQ));
}

HANDLER(STORE_SUBSCR_LIST_INDEX) {
  Value container = sp[-2], index = sp[-1];
  auto* list = reinterpret_cast<PyListObject*>(container.object());
  if (!PyList_CheckExact(list)) [[unlikely]] MISS(STORE_SUBSCR);
  const Py_ssize_t i = index_in(index.object(), PyList_GET_SIZE(list));
  if (i < 0) [[unlikely]] MISS(STORE_SUBSCR);
  SAVE();
  PyObject* old = std::exchange(list->ob_item[i], sp[-3].take());
  sp -= 3;
  Py_DECREF(old);
  close(container);
  close(index);
  NEXT(2);
}
HANDLER(STORE_SUBSCR_DICT_KEY) {
  PyObject* dict = sp[-2].object();
  if (!PyDict_CheckExact(dict)) MISS(STORE_SUBSCR);
  SAVE();
  if (PyDict_SetItem(dict, sp[-1].object(), sp[-3].object()) < 0) ERROR();
  sp -= 3;
  close(sp[0]);
  close(sp[2]);
  close(sp[1]);
  NEXT(2);
}

#define CONTAINS_RESULT(FOUND)                                                       \
  do {                                                                               \
    const int ks_found = (FOUND);                                                    \
    if (ks_found < 0) ERROR();                                                       \
    Value ks_right = sp[-1], ks_left = sp[-2];                                       \
    sp[-2] = Value::borrowed((ks_found != 0) != (OPARG != 0) ? Py_True : Py_False);  \
    --sp;                                                                            \
    close(ks_left);                                                                  \
    close(ks_right);                                                                 \
    NEXT(2);                                                                         \
  } while (0)
HANDLER(CONTAINS_OP_DICT_KEY) {
  PyObject* dict = sp[-1].object();
  if (!PyDict_CheckExact(dict)) MISS(CONTAINS_OP);
  SAVE();
  CONTAINS_RESULT(PyDict_Contains(dict, sp[-2].object()));
}
HANDLER(CONTAINS_OP_SET_ITEM) {
  PyObject* set = sp[-1].object();
  if (!PyAnySet_CheckExact(set)) MISS(CONTAINS_OP);
  SAVE();
  CONTAINS_RESULT(_PySet_Contains(reinterpret_cast<PySetObject*>(set), sp[-2].object()));
}

// ---- choosing --------------------------------------------------------------------------------------------------------

static bool is_python_function(PyObject* object, Py_ssize_t arguments) {
  if (!object || !Py_IS_TYPE(object, &PyFunction_Type)) return false;
  auto* code = reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(object)->func_code);
  return code->co_argcount == arguments && !code->co_kwonlyargcount && (code->co_flags & CO_OPTIMIZED) &&
         !(code->co_flags & (CO_VARARGS | CO_VARKEYWORDS));
}

void specialize_BINARY_OP(PyThreadState*, Frame* frame, Unit* unit, Value* sp) {
  PyObject *left = sp[-2].object(), *right = sp[-1].object();
  uint32_t operation = unit->oparg;
  const bool in_place = operation >= NB_INPLACE_ADD && operation <= NB_INPLACE_XOR;
  if (in_place) operation -= NB_INPLACE_ADD;
  if (operation == NB_SUBSCR) {
    const bool int_index = PyLong_CheckExact(right) && int_is_compact(right);
    if (PyList_CheckExact(left) && int_index) unit->op = kBINARY_OP_LIST_INDEX;
    else if (PyTuple_CheckExact(left) && int_index) unit->op = kBINARY_OP_TUPLE_INDEX;
    else if (PyUnicode_CheckExact(left) && int_index) unit->op = kBINARY_OP_STR_INDEX;
    else if (PyDict_CheckExact(left)) unit->op = kBINARY_OP_DICT_KEY;
    else if (is_heap_type(Py_TYPE(left))) {
      unsigned int version;
      PyObject* method = type_lookup_with_version(Py_TYPE(left), "__getitem__"_id, &version);
      if (!version || !is_python_function(method, 2)) return;
      const uint32_t function = function_version(reinterpret_cast<PyFunctionObject*>(method));
      if (!function) return;
      *version_cache(unit) = {version, function, 0, method};
      unit->op = kBINARY_OP_GETITEM_FUNCTION;
    }
    return;
  }
  if (both_ints(left, right)) {
    switch (operation) {
      case NB_ADD: unit->op = kBINARY_OP_INT_ADD; return;
      case NB_SUBTRACT: unit->op = kBINARY_OP_INT_SUBTRACT; return;
      case NB_MULTIPLY: unit->op = kBINARY_OP_INT_MULTIPLY; return;
      case NB_AND: unit->op = kBINARY_OP_INT_AND; return;
      case NB_OR: unit->op = kBINARY_OP_INT_OR; return;
      case NB_XOR: unit->op = kBINARY_OP_INT_XOR; return;
      case NB_LSHIFT: if (int_compact_value(right) >= 0 && int_compact_value(right) < 32) unit->op = kBINARY_OP_INT_LSHIFT; return;
      case NB_RSHIFT: if (int_compact_value(right) >= 0) unit->op = kBINARY_OP_INT_RSHIFT; return;
      case NB_FLOOR_DIVIDE: if (int_compact_value(right)) unit->op = kBINARY_OP_INT_FLOOR_DIVIDE; return;
      case NB_REMAINDER: if (int_compact_value(right)) unit->op = kBINARY_OP_INT_REMAINDER; return;
      default: return;
    }
  }
  if (PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right)) {
    if (operation != NB_ADD) return;
    const Unit& next = unit[6];
    const bool to_same_local = next.op == kSTORE_FAST && LOCAL(next.oparg).object() == left;
    unit->op = to_same_local ? kBINARY_OP_INPLACE_STR_ADD : kBINARY_OP_STR_ADD;
    return;
  }
  double a, b;
  if (as_double(left, &a) && as_double(right, &b) && (PyFloat_CheckExact(left) || PyFloat_CheckExact(right))) {
    switch (operation) {
      case NB_ADD: unit->op = kBINARY_OP_FLOAT_ADD; return;
      case NB_SUBTRACT: unit->op = kBINARY_OP_FLOAT_SUBTRACT; return;
      case NB_MULTIPLY: unit->op = kBINARY_OP_FLOAT_MULTIPLY; return;
      case NB_TRUE_DIVIDE: if (b != 0.0) unit->op = kBINARY_OP_FLOAT_TRUE_DIVIDE; return;
      default: return;
    }
  }
}
void specialize_COMPARE_OP(PyThreadState*, Frame*, Unit* unit, Value* sp) {
  PyObject *left = sp[-2].object(), *right = sp[-1].object();
  if (both_ints(left, right)) unit->op = kCOMPARE_OP_INTS;
  else if (both_floats(left, right)) unit->op = kCOMPARE_OP_FLOATS;
  else if (PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right) && ((unit->oparg >> 5) == Py_EQ || (unit->oparg >> 5) == Py_NE))
    unit->op = kCOMPARE_OP_STRS;
}
void specialize_CONTAINS_OP(PyThreadState*, Frame*, Unit* unit, Value* sp) {
  if (PyDict_CheckExact(sp[-1].object())) unit->op = kCONTAINS_OP_DICT_KEY;
  else if (PyAnySet_CheckExact(sp[-1].object())) unit->op = kCONTAINS_OP_SET_ITEM;
}
void specialize_STORE_SUBSCR(PyThreadState*, Frame*, Unit* unit, Value* sp) {
  PyObject* container = sp[-2].object();
  if (PyDict_CheckExact(container)) unit->op = kSTORE_SUBSCR_DICT_KEY;
  else if (PyList_CheckExact(container) && PyLong_CheckExact(sp[-1].object())) unit->op = kSTORE_SUBSCR_LIST_INDEX;
}

}  // namespace ks
