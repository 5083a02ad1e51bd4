// Operators on strings and builtin containers; choosing for all (numbers: numbers.cpp).
#include "interpreter/call_frame.h"
#include "interpreter/evaluate.h"
#include "interpreter/function.h"
#include "interpreter/handler.h"
#include "interpreter/immediates.h"
#include "interpreter/operations.h"
#include "interpreter/specialize.h"
#include "object/type.h"
#include "runtime/state.h"
#include "types/dict.h"

// As `in`: also finds a set by the frozenset that equals it.
extern "C" int _PySet_Contains(PySetObject* set, PyObject* key);

namespace ks {

ADAPTIVE_FAMILY(BINARY_OP)
ADAPTIVE_FAMILY(COMPARE_OP)
ADAPTIVE_FAMILY(CONTAINS_OP)
ADAPTIVE_FAMILY(STORE_SUBSCR)

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

// Whether one of the two topmost values is no object.
static inline bool immediate_among(const Value* sp) { return Value{sp[-1].bits | sp[-2].bits}.is_immediate(); }

HANDLER(BINARY_OP_STR_ADD) {
  if (immediate_among(sp)) [[unlikely]] MISS(BINARY_OP);
  if (!PyUnicode_CheckExact(sp[-2].object()) || !PyUnicode_CheckExact(sp[-1].object())) MISS(BINARY_OP);
  SAVE();
  REPLACE_TWO(PyUnicode_Concat(sp[-2].object(), sp[-1].object()), 6);
}
// x = x + y where the result goes straight back to the local it came from: appended in place when nobody else holds it.
HANDLER(BINARY_OP_INPLACE_STR_ADD) {
  if (immediate_among(sp)) [[unlikely]] MISS(BINARY_OP);
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

// The index of an int in a sequence of that size, or -1.
static inline Py_ssize_t index_in(Value index, Py_ssize_t size) {
  int64_t i;
  if (!int_operand(index, &i)) return -1;
  if (i < 0) i += size;
  return static_cast<size_t>(i) < static_cast<size_t>(size) ? i : -1;
}
HANDLER(BINARY_OP_LIST_INDEX) {
  Value container = sp[-2], index = sp[-1];
  auto* list = reinterpret_cast<PyListObject*>(container.object());
  if (container.is_immediate() || !PyList_CheckExact(list)) [[unlikely]] MISS(BINARY_OP);
  const Py_ssize_t i = index_in(index, PyList_GET_SIZE(list));
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
  if (container.is_immediate() || !PyTuple_CheckExact(tuple)) [[unlikely]] MISS(BINARY_OP);
  const Py_ssize_t i = index_in(index, PyTuple_GET_SIZE(tuple));
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
  if (sp[-2].is_immediate() || !PyUnicode_CheckExact(text)) MISS(BINARY_OP);
  const Py_ssize_t i = index_in(sp[-1], PyUnicode_GET_LENGTH(text));
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
  if (sp[-2].is_immediate() || !PyDict_CheckExact(dict)) MISS(BINARY_OP);
  SAVE();
  if (sp[-1].is_immediate() && !make_slot_object(frame, sp - 1)) ERROR();
  REPLACE_TWO(dict_item(dict, sp[-1].object()), 6);
}
// obj[key] with a __getitem__ in Python.
HANDLER(BINARY_OP_GETITEM_FUNCTION) {
  VersionCache* cache = version_cache(ip);
  if (immediate_among(sp)) [[unlikely]] MISS(BINARY_OP);
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

// ---- comparisons -----------------------------------------------------------------------------------------------------

// == and != only.
HANDLER(COMPARE_OP_STRS) {
  if (immediate_among(sp)) [[unlikely]] MISS(COMPARE_OP);
  PyObject *left = sp[-2].object(), *right = sp[-1].object();
  if (!PyUnicode_CheckExact(left) || !PyUnicode_CheckExact(right)) [[unlikely]] MISS(COMPARE_OP);
  const bool equal = left == right || PyUnicode_Equal(left, right);
  COMPARE_RESULT(equal == ((OPARG >> 5) == Py_EQ));
}

HANDLER(STORE_SUBSCR_LIST_INDEX) {
  Value container = sp[-2], index = sp[-1];
  auto* list = reinterpret_cast<PyListObject*>(container.object());
  if (container.is_immediate() || !PyList_CheckExact(list)) [[unlikely]] MISS(STORE_SUBSCR);
  const Py_ssize_t i = index_in(index, PyList_GET_SIZE(list));
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
  if (sp[-2].is_immediate() || !PyDict_CheckExact(dict)) MISS(STORE_SUBSCR);
  SAVE();
  if (sp[-1].is_immediate() && !make_slot_object(frame, sp - 1)) ERROR();
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
  uint32_t operation = unit->oparg;
  const bool in_place = operation >= NB_INPLACE_ADD && operation <= NB_INPLACE_XOR;
  if (in_place) operation -= NB_INPLACE_ADD;
  if (operation != NB_SUBSCR && specialize_arithmetic(frame, unit, sp, operation)) return;
  if (sp[-2].is_immediate()) return;
  PyObject* left = sp[-2].object();
  if (operation == NB_SUBSCR) {
    int64_t index;
    const bool int_index = int_operand(sp[-1], &index);
    if (PyList_CheckExact(left) && int_index) unit->op = kBINARY_OP_LIST_INDEX;
    else if (PyTuple_CheckExact(left) && int_index) unit->op = kBINARY_OP_TUPLE_INDEX;
    else if (PyUnicode_CheckExact(left) && int_index) unit->op = kBINARY_OP_STR_INDEX;
    else if (PyDict_CheckExact(left)) unit->op = kBINARY_OP_DICT_KEY;
    else if (is_heap_type(Py_TYPE(left)) && !sp[-1].is_immediate()) {
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
  if (sp[-1].is_immediate()) return;
  PyObject* right = sp[-1].object();
  if (PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right)) {
    if (operation != NB_ADD) return;
    const Unit& next = unit[6];
    const bool to_same_local = next.op == kSTORE_FAST && LOCAL(next.oparg).object() == left;
    unit->op = to_same_local ? kBINARY_OP_INPLACE_STR_ADD : kBINARY_OP_STR_ADD;
    return;
  }
}
void specialize_COMPARE_OP(PyThreadState*, Frame* frame, Unit* unit, Value* sp) {
  if (specialize_number_comparison(frame, unit, sp) || immediate_among(sp)) return;
  PyObject *left = sp[-2].object(), *right = sp[-1].object();
  if (PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right) && ((unit->oparg >> 5) == Py_EQ || (unit->oparg >> 5) == Py_NE))
    unit->op = kCOMPARE_OP_STRS;
}
void specialize_CONTAINS_OP(PyThreadState*, Frame*, Unit* unit, Value* sp) {
  if (PyDict_CheckExact(sp[-1].object())) unit->op = kCONTAINS_OP_DICT_KEY;
  else if (PyAnySet_CheckExact(sp[-1].object())) unit->op = kCONTAINS_OP_SET_ITEM;
}
void specialize_STORE_SUBSCR(PyThreadState*, Frame*, Unit* unit, Value* sp) {
  if (sp[-2].is_immediate()) return;
  PyObject* container = sp[-2].object();
  int64_t index;
  if (PyDict_CheckExact(container)) unit->op = kSTORE_SUBSCR_DICT_KEY;
  else if (PyList_CheckExact(container) && int_operand(sp[-1], &index)) unit->op = kSTORE_SUBSCR_LIST_INDEX;
}

}  // namespace ks
