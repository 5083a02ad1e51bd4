// Building, extending, unpacking and matching containers; formatting.
#include "interpreter/handler.h"
#include "interpreter/operations.h"
#include "types/list.h"
#include "types/tuple.h"

namespace ks {

// The top `count` values as owned references in place, for builders that take an array over.
static inline PyObject** own_in_place(Value* values, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; ++i) values[i] = Value::owned(values[i].take());
  return reinterpret_cast<PyObject**>(values);
}

HANDLER(BUILD_TUPLE) {
  SAVE();
  const auto count = static_cast<Py_ssize_t>(OPARG);
  sp -= count;
  PyObject* tuple = count ? tuple_from_array_taking(own_in_place(sp, count), count) : Py_NewRef(empty_tuple());
  if (!tuple) ERROR();
  *sp++ = Value::owned(tuple);
  NEXT(1);
}
HANDLER(BUILD_LIST) {
  SAVE();
  const auto count = static_cast<Py_ssize_t>(OPARG);
  sp -= count;
  PyObject* list = list_from_array_taking(own_in_place(sp, count), count);
  if (!list) ERROR();
  *sp++ = Value::owned(list);
  NEXT(1);
}
HANDLER(BUILD_SET) {
  SAVE();
  const auto count = static_cast<Py_ssize_t>(OPARG);
  PyObject* set = build_set(sp - count, count);
  if (!set) ERROR();
  for (Py_ssize_t i = 0; i < count; ++i) close(*--sp);
  *sp++ = Value::owned(set);
  NEXT(1);
}
HANDLER(BUILD_MAP) {
  SAVE();
  const Py_ssize_t count = 2 * static_cast<Py_ssize_t>(OPARG);
  PyObject* map = build_map(sp - count, count / 2);
  if (!map) ERROR();
  for (Py_ssize_t i = 0; i < count; ++i) close(*--sp);
  *sp++ = Value::owned(map);
  NEXT(1);
}
HANDLER(BUILD_STRING) {
  SAVE();
  const auto count = static_cast<Py_ssize_t>(OPARG);
  PyObject* text = join_strings(sp - count, count);
  if (!text) ERROR();
  for (Py_ssize_t i = 0; i < count; ++i) close(*--sp);
  *sp++ = Value::owned(text);
  NEXT(1);
}
HANDLER(BUILD_SLICE) {
  SAVE();
  const auto count = static_cast<Py_ssize_t>(OPARG);
  PyObject* slice = PySlice_New(sp[-count].object(), sp[1 - count].object(), count == 3 ? sp[-1].object() : nullptr);
  if (!slice) ERROR();
  for (Py_ssize_t i = 0; i < count; ++i) close(*--sp);
  *sp++ = Value::owned(slice);
  NEXT(1);
}
HANDLER(BUILD_TEMPLATE) {
  SAVE();
  PyObject* result = template_build(sp[-2].object(), sp[-1].object());
  if (!result) ERROR();
  close(*--sp);
  close(*--sp);
  *sp++ = Value::owned(result);
  NEXT(1);
}
// value, expression text, format (if oparg & 1); the conversion is oparg >> 2
HANDLER(BUILD_INTERPOLATION) {
  SAVE();
  const int count = 2 + static_cast<int>(OPARG & 1);
  PyObject* result = interpolation_build(sp[-count].object(), sp[1 - count].object(), static_cast<int>(OPARG >> 2),
                                         (OPARG & 1) ? sp[-1].object() : nullptr);
  if (!result) ERROR();
  for (int i = 0; i < count; ++i) close(*--sp);
  *sp++ = Value::owned(result);
  NEXT(1);
}

HANDLER(LIST_APPEND) {
  SAVE();
  PyObject* item = (--sp)->take();
  auto* list = reinterpret_cast<PyListObject*>(sp[-static_cast<Py_ssize_t>(OPARG)].object());
  if (is_failure(list_append_taking(list, item))) ERROR();
  NEXT(1);
}
HANDLER(SET_ADD) {
  SAVE();
  PyObject* set = sp[-1 - static_cast<Py_ssize_t>(OPARG)].object();
  if (!PySet_Check(set)) {
    // __conditional_annotations__ may have been given another value.
    raise(PyExc_TypeError, "'%.200s' object is not a set", Py_TYPE(set)->tp_name);
    ERROR();
  }
  if (PySet_Add(set, sp[-1].object()) < 0) ERROR();
  close(*--sp);
  NEXT(1);
}
HANDLER(MAP_ADD) {
  SAVE();
  if (PyDict_SetItem(sp[-2 - static_cast<Py_ssize_t>(OPARG)].object(), sp[-2].object(), sp[-1].object()) < 0) ERROR();
  close(*--sp);
  close(*--sp);
  NEXT(1);
}
HANDLER(LIST_EXTEND) {
  SAVE();
  if (is_failure(extend_list(sp[-1 - static_cast<Py_ssize_t>(OPARG)].object(), sp[-1].object()))) ERROR();
  close(*--sp);
  NEXT(1);
}
extern "C" int _PySet_Update(PyObject* set, PyObject* iterable);
HANDLER(SET_UPDATE) {
  SAVE();
  if (_PySet_Update(sp[-1 - static_cast<Py_ssize_t>(OPARG)].object(), sp[-1].object()) < 0) ERROR();
  close(*--sp);
  NEXT(1);
}
HANDLER(DICT_UPDATE) {
  SAVE();
  if (is_failure(update_dict(sp[-1 - static_cast<Py_ssize_t>(OPARG)].object(), sp[-1].object()))) ERROR();
  close(*--sp);
  NEXT(1);
}
HANDLER(DICT_MERGE) {
  SAVE();
  const auto depth = static_cast<Py_ssize_t>(OPARG);
  if (is_failure(merge_keywords(sp[-4 - depth].object(), sp[-1 - depth].object(), sp[-1].object()))) ERROR();
  close(*--sp);
  NEXT(1);
}

HANDLER(UNPACK_SEQUENCE) {
  SAVE();
  const auto count = static_cast<int>(OPARG);
  Value iterable = sp[-1];
  PyObject* object = iterable.object();
  if ((PyTuple_CheckExact(object) || PyList_CheckExact(object)) && Py_SIZE(object) == count) {
    PyObject** items = PyTuple_CheckExact(object) ? reinterpret_cast<PyTupleObject*>(object)->ob_item
                                                  : reinterpret_cast<PyListObject*>(object)->ob_item;
    --sp;
    for (int i = count; i-- > 0;) *sp++ = Value::owned(Py_NewRef(items[i]));
    close(iterable);
    NEXT(2);
  }
  // The iterable gives up its slot only when the items are there.
  if (is_failure(unpack(object, sp, count, -1))) ERROR();
  for (int i = 0; i < count; ++i) sp[i - 1] = sp[i];
  sp += count - 1;
  close(iterable);
  NEXT(2);
}
HANDLER(UNPACK_EX) {
  SAVE();
  const auto before = static_cast<int>(OPARG & 0xFF), after = static_cast<int>(OPARG >> 8);
  Value iterable = sp[-1];
  if (is_failure(unpack(iterable.object(), sp, before, after))) ERROR();
  const int total = before + after + 1;
  for (int i = 0; i < total; ++i) sp[i - 1] = sp[i];
  sp += total - 1;
  close(iterable);
  NEXT(1);
}

HANDLER(FORMAT_SIMPLE) {
  Value value = sp[-1];
  if (PyUnicode_CheckExact(value.object())) NEXT(1);
  SAVE();
  PyObject* text = PyObject_Format(value.object(), nullptr);
  if (!text) ERROR();
  sp[-1] = Value::owned(text);
  close(value);
  NEXT(1);
}
HANDLER(FORMAT_WITH_SPEC) {
  SAVE();
  PyObject* text = PyObject_Format(sp[-2].object(), sp[-1].object());
  if (!text) ERROR();
  Value value = sp[-2], spec = sp[-1];
  sp[-2] = Value::owned(text);
  --sp;
  close(value);
  close(spec);
  NEXT(1);
}
HANDLER(CONVERT_VALUE) {
  SAVE();
  PyObject* text = convert_value(OPARG, sp[-1].object());
  if (!text) ERROR();
  Value value = sp[-1];
  sp[-1] = Value::owned(text);
  close(value);
  NEXT(1);
}

HANDLER(GET_LEN) {
  SAVE();
  const Py_ssize_t length = PyObject_Length(sp[-1].object());
  if (length < 0) ERROR();
  PyObject* result = PyLong_FromSsize_t(length);
  if (!result) ERROR();
  *sp++ = Value::owned(result);
  NEXT(1);
}
HANDLER(MATCH_MAPPING) {
  const bool yes = Py_TYPE(sp[-1].object())->tp_flags & Py_TPFLAGS_MAPPING;
  *sp++ = Value::borrowed(yes ? Py_True : Py_False);
  NEXT(1);
}
HANDLER(MATCH_SEQUENCE) {
  const bool yes = Py_TYPE(sp[-1].object())->tp_flags & Py_TPFLAGS_SEQUENCE;
  *sp++ = Value::borrowed(yes ? Py_True : Py_False);
  NEXT(1);
}
HANDLER(MATCH_KEYS) {
  SAVE();
  PyObject* result = match_keys(sp[-2].object(), sp[-1].object());
  if (!result) ERROR();
  *sp++ = Value::owned(result);
  NEXT(1);
}
HANDLER(MATCH_CLASS) {
  SAVE();
  PyObject* result = match_class(sp[-3].object(), sp[-2].object(), static_cast<Py_ssize_t>(OPARG), sp[-1].object());
  if (!result) ERROR();
  close(*--sp);
  close(*--sp);
  Value subject = sp[-1];
  sp[-1] = Value::owned(result);
  close(subject);
  NEXT(1);
}

}  // namespace ks
