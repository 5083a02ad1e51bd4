// Iteration over lists, tuples, ranges and generators.
#include "interpreter/generator.h"
#include "interpreter/handler.h"
#include "interpreter/immediates.h"
#include "interpreter/specialize.h"
#include "runtime/state.h"
#include "types/list.h"
#include "types/range.h"
#include "types/tuple.h"

namespace ks {

ADAPTIVE_FAMILY(FOR_ITER)
HANDLER_DECLARATION(FOR_ITER_ENTER_GENERATOR);

HANDLER(FOR_ITER_OVER_LIST) {
  auto* iterator = reinterpret_cast<ListIterator*>(sp[-1].object());
  if (!Py_IS_TYPE(iterator, &PyListIter_Type)) [[unlikely]] MISS(FOR_ITER);
  PyListObject* list = iterator->list;
  if (list && static_cast<size_t>(iterator->index) < static_cast<size_t>(PyList_GET_SIZE(list))) [[likely]] {
    *sp++ = Value::owned(Py_NewRef(list->ob_item[iterator->index++]));
    NEXT(2);
  }
  if (list) {
    SAVE();
    iterator->list = nullptr;
    Py_DECREF(list);
  }
  NEXT(2 + OPARG + 1);
}
HANDLER(FOR_ITER_OVER_TUPLE) {
  auto* iterator = reinterpret_cast<TupleIterator*>(sp[-1].object());
  if (!Py_IS_TYPE(iterator, &PyTupleIter_Type)) [[unlikely]] MISS(FOR_ITER);
  PyTupleObject* tuple = iterator->tuple;
  if (tuple && static_cast<size_t>(iterator->index) < static_cast<size_t>(PyTuple_GET_SIZE(tuple))) [[likely]] {
    *sp++ = Value::owned(Py_NewRef(tuple->ob_item[iterator->index++]));
    NEXT(2);
  }
  if (tuple) {
    SAVE();
    iterator->tuple = nullptr;
    Py_DECREF(tuple);
  }
  NEXT(2 + OPARG + 1);
}
static inline long next_of_range(RangeIterator* iterator) {
  const long value = iterator->start;
  iterator->start = value + iterator->step;
  --iterator->len;
  return value;
}
// The number itself, for an instruction that takes it; a loop variable with nothing to close gets it at once.
HANDLER_DECLARATION(FOR_ITER_OVER_RANGE_REUSING);
HANDLER(FOR_ITER_OVER_RANGE_NUMBER) {
  auto* iterator = reinterpret_cast<RangeIterator*>(sp[-1].object());
  if (!Py_IS_TYPE(iterator, &PyRangeIter_Type)) [[unlikely]] MISS(FOR_ITER);
  if (iterator->len <= 0) NEXT(2 + OPARG + 1);
  if (!Value::int_fits(iterator->start)) [[unlikely]] MISS(FOR_ITER);
  Unit* next = ip + 2;
  if (next->op == kSTORE_FAST) {
    const Value old = LOCAL(next->oparg);
    if (old && !old.is_borrowed()) GO_TO(FOR_ITER_OVER_RANGE_REUSING);
    LOCAL(next->oparg) = Value::immediate_int(next_of_range(iterator));
    NEXT(3);
  }
  *sp++ = Value::immediate_int(next_of_range(iterator));
  NEXT(2);
}
// The body makes an object of the variable each time: the last one is written over when nobody else has it.
HANDLER(FOR_ITER_OVER_RANGE_REUSING) {
  const long value = next_of_range(reinterpret_cast<RangeIterator*>(sp[-1].object()));
  const Value old = LOCAL(ip[2].oparg);
  if (value <= static_cast<long>(PyLong_MASK) && value >= 0 && !int_is_small(value) && PyLong_CheckExact(old.object()) &&
      Py_REFCNT(old.object()) == 1 && int_is_compact(old.object())) {
    auto* reused = reinterpret_cast<PyLongObject*>(old.object());
    reused->long_value.lv_tag = 1 << 3;
    reused->long_value.ob_digit[0] = static_cast<digit>(value);
    NEXT(3);
  }
  *sp++ = Value::immediate_int(value);
  NEXT(2);
}
HANDLER(FOR_ITER_OVER_RANGE) {
  auto* iterator = reinterpret_cast<RangeIterator*>(sp[-1].object());
  if (!Py_IS_TYPE(iterator, &PyRangeIter_Type)) [[unlikely]] MISS(FOR_ITER);
  if (iterator->len <= 0) NEXT(2 + OPARG + 1);
  SAVE();
  PyObject* number = int_from_int64(next_of_range(iterator));
  if (!number) ERROR();
  *sp++ = Value::owned(number);
  NEXT(2);
}
HANDLER(FOR_ITER_GENERATOR) {
  auto* generator = reinterpret_cast<PyGenObject*>(sp[-1].object());
  if (!Py_IS_TYPE(generator, &PyGen_Type) || generator->gi_frame_state >= kGenExecuting || thread->interp->interpreter.eval_frame ||
      thread->interp->interpreter.monitoring.active)
    MISS(FOR_ITER);
  SAVE();
  GO_TO(FOR_ITER_ENTER_GENERATOR);
}

void specialize_FOR_ITER(PyThreadState*, Frame* frame, Unit* unit, Value* sp) {
  PyTypeObject* type = Py_TYPE(sp[-1].object());
  if (type == &PyListIter_Type) unit->op = kFOR_ITER_OVER_LIST;
  else if (type == &PyTupleIter_Type) unit->op = kFOR_ITER_OVER_TUPLE;
  else if (type == &PyRangeIter_Type) {
    Executable* executable = executable_of(frame_code(frame));
    ensure_marked_loads(executable);
    const bool number = Value::int_fits(reinterpret_cast<RangeIterator*>(sp[-1].object())->start) &&
                        goes_to_taker(executable, unit - executable->units, 0, Origin::Fresh);
    unit->op = number ? kFOR_ITER_OVER_RANGE_NUMBER : kFOR_ITER_OVER_RANGE;
  }
  else if (type == &PyGen_Type && !interpreter()->interpreter.monitoring.active && unit->oparg + 2 < 0xFFFF) unit->op = kFOR_ITER_GENERATOR;
}

}  // namespace ks
