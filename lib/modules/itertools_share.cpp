// itertools: groupby and tee, whose iterators share a source.
#include "modules/itertools.h"

namespace ks::itertools {
namespace {

// ---- groupby ---------------------------------------------------------------------------------------------------------------------

struct GroupBy {
  PyObject ob_base;
  PyObject* iterator;
  PyObject* key_function;
  PyObject* target_key;     // of the group given out last
  PyObject* current_key;
  PyObject* current_value;
  const void* current_grouper;  // borrowed: only it may advance
  template <class F>
  void references(F f) {
    f(iterator);
    f(key_function);
    f(target_key);
    f(current_key);
    f(current_value);
  }
};
struct Grouper {
  PyObject ob_base;
  PyObject* parent;
  PyObject* target_key;
  template <class F>
  void references(F f) {
    f(parent);
    f(target_key);
  }
};
PyObject* grouper_make(PyTypeObject* type, GroupBy* parent, PyObject* key) {
  Grouper* self = PyObject_GC_New(Grouper, type);
  if (!self) return nullptr;
  self->parent = Py_NewRef(object(parent));
  self->target_key = Py_NewRef(key);
  parent->current_grouper = self;
  PyObject_GC_Track(self);
  return object(self);
}
// Reads the next value and its key.
bool advance(GroupBy* self) {
  Ref<> value = steal(next_of(self->iterator));
  if (!value) return false;
  Ref<> key = self->key_function == Py_None ? value.share() : steal(call_one(self->key_function, value));
  if (!key) return false;
  Py_XSETREF(self->current_value, value.release());
  Py_XSETREF(self->current_key, key.release());
  return true;
}
int same_key(PyObject* left, PyObject* right) {
  Ref<> hold_left = borrow(left), hold_right = borrow(right);
  return PyObject_RichCompareBool(left, right, Py_EQ);
}
constexpr char groupby_text[] = "groupby";
constexpr Signature groupby_signature = read_signature(groupby_text, "(iterable, key=None)");
PyObject* groupby_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  if (bind_tuple(groupby_signature, args, kwargs, values) == Status::Error) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(values[0]));
  GroupBy* self = iterator ? make<GroupBy>(type) : nullptr;
  if (!self) return nullptr;
  self->iterator = iterator.release();
  self->key_function = Py_NewRef(values[1] ? values[1] : Py_None);
  return object(self);
}
PyObject* groupby_next(PyObject* op) {
  auto* self = as<GroupBy>(op);
  self->current_grouper = nullptr;
  // Skips what is left of the group.
  while (true) {
    if (self->current_key) {
      if (!self->target_key) break;
      const int same = same_key(self->target_key, self->current_key);
      if (same < 0) return nullptr;
      if (!same) break;
    }
    if (!advance(self)) return nullptr;
  }
  Py_XSETREF(self->target_key, Py_NewRef(self->current_key));
  State* state = state_of(Py_TYPE(op));
  Ref<> grouper = state ? steal(grouper_make(state->grouper_type, self, self->target_key)) : Ref<>();
  return grouper ? PyTuple_Pack(2, self->current_key, grouper.get()) : nullptr;
}
PyObject* grouper_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  State* state = state_of(type);
  PyObject *parent, *key;
  if (!state || !no_keywords("_grouper", type, kwargs) || !PyArg_ParseTuple(args, "O!O:_grouper", state->groupby_type, &parent, &key))
    return nullptr;
  return grouper_make(type, as<GroupBy>(parent), key);
}
PyObject* grouper_next(PyObject* op) {
  auto* self = as<Grouper>(op);
  auto* parent = as<GroupBy>(self->parent);
  if (parent->current_grouper != self) return nullptr;
  if (!parent->current_value && !advance(parent)) return nullptr;
  const int same = same_key(self->target_key, parent->current_key);
  if (same <= 0) return nullptr;
  Py_CLEAR(parent->current_key);
  return std::exchange(parent->current_value, nullptr);
}

// ---- tee -------------------------------------------------------------------------------------------------------------------------

// A stretch of what the source gave; the tees walk along the chain of stretches.
constexpr int kCells = 57;
struct TeeData {
  PyObject ob_base;
  PyObject* iterator;
  int count;
  int running;
  PyObject* next;
  PyObject* values[kCells];
  template <class F>
  void references(F f) {
    f(iterator);
    for (int i = 0; i < count; ++i) f(values[i]);
    f(next);
  }
};
struct Tee {
  PyObject ob_base;
  PyObject* data;
  int index;
  PyObject* weak_references;
  template <class F>
  void references(F f) {
    f(data);
  }
};
TeeData* data_make(PyTypeObject* type, PyObject* iterator) {
  TeeData* data = PyObject_GC_New(TeeData, type);
  if (!data) return nullptr;
  data->iterator = Py_NewRef(iterator);
  data->count = 0;
  data->running = 0;
  data->next = nullptr;
  PyObject_GC_Track(data);
  return data;
}
// Lets go of a chain without recursion, as far as nobody else holds it.
void drop_chain(PyObject* data) {
  while (data && Py_REFCNT(data) == 1) {
    PyObject* next = std::exchange(as<TeeData>(data)->next, nullptr);
    Py_DECREF(data);
    data = next;
  }
  Py_XDECREF(data);
}
int tee_data_clear(PyObject* op) {
  auto* self = as<TeeData>(op);
  Py_CLEAR(self->iterator);
  for (int i = 0; i < self->count; ++i) Py_CLEAR(self->values[i]);
  drop_chain(std::exchange(self->next, nullptr));
  return 0;
}
void tee_data_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  tee_data_clear(op);
  PyObject_GC_Del(op);
  Py_DECREF(object(type));
}
PyObject* tee_data_item(TeeData* self, int i) {
  if (i < self->count) return Py_NewRef(self->values[i]);
  if (self->running) return raise(PyExc_RuntimeError, "cannot re-enter the tee iterator");
  self->running = 1;
  PyObject* value = next_of(self->iterator);
  self->running = 0;
  if (!value) return nullptr;
  self->values[self->count++] = value;
  return Py_NewRef(value);
}
PyObject* tee_data_following(TeeData* self) {
  if (!self->next) self->next = object(data_make(Py_TYPE(self), self->iterator));
  return Py_XNewRef(self->next);
}
PyObject* tee_data_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject *iterator, *values, *next;
  if (!no_keywords("_tee_dataobject", type, kwargs) ||
      !PyArg_ParseTuple(args, "OO!O:teedataobject", &iterator, &PyList_Type, &values, &next))
    return nullptr;
  Ref<> self = steal(object(data_make(type, iterator)));
  if (!self) return nullptr;
  auto* data = as<TeeData>(self.get());
  const Py_ssize_t count = PyList_GET_SIZE(values);
  if (count > kCells) return raise(PyExc_ValueError, "Invalid arguments");
  for (Py_ssize_t i = 0; i < count; ++i) data->values[i] = Py_NewRef(PyList_GET_ITEM(values, i));
  data->count = static_cast<int>(count);
  if (count == kCells) {
    if (next != Py_None) {
      if (!Py_IS_TYPE(next, type)) return raise(PyExc_ValueError, "Invalid arguments");
      data->next = Py_NewRef(next);
    }
  } else if (next != Py_None) {
    return raise(PyExc_ValueError, "Invalid arguments");
  }
  return self.release();
}

PyObject* tee_next(PyObject* op) {
  auto* self = as<Tee>(op);
  if (self->index >= kCells) {
    PyObject* following = tee_data_following(as<TeeData>(self->data));
    if (!following) return nullptr;
    drop_chain(std::exchange(self->data, following));
    self->index = 0;
  }
  PyObject* value = tee_data_item(as<TeeData>(self->data), self->index);
  if (value) ++self->index;
  return value;
}
PyObject* tee_make(PyTypeObject* type, PyObject* data, int index) {
  Tee* self = PyObject_GC_New(Tee, type);
  if (!self) return nullptr;
  self->data = Py_NewRef(data);
  self->index = index;
  self->weak_references = nullptr;
  PyObject_GC_Track(self);
  return object(self);
}
PyObject* tee_copy(Tee* self) { return tee_make(Py_TYPE(self), self->data, self->index); }
METHOD_AS(tee_copy, "__copy__", 0, "($self, /)", "Returns an independent iterator.");
PyObject* tee_over(State* state, PyObject* iterable) {
  Ref<> iterator = steal(PyObject_GetIter(iterable));
  if (!iterator) return nullptr;
  if (PyObject_TypeCheck(iterator.get(), state->tee_type)) return tee_copy(as<Tee>(iterator.get()));
  Ref<> data = steal(object(data_make(state->tee_data_type, iterator)));
  return data ? tee_make(state->tee_type, data, 0) : nullptr;
}
PyObject* tee_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  State* state = state_of(type);
  if (!state || !no_keywords("_tee", type, kwargs) || !_PyArg_CheckPositional("_tee", PyTuple_GET_SIZE(args), 1, 1)) return nullptr;
  return tee_over(state, PyTuple_GET_ITEM(args, 0));
}
void tee_dealloc(PyObject* op) {
  PyTypeObject* type = Py_TYPE(op);
  PyObject_GC_UnTrack(op);
  if (as<Tee>(op)->weak_references) PyObject_ClearWeakRefs(op);
  drop_chain(std::exchange(as<Tee>(op)->data, nullptr));
  PyObject_GC_Del(op);
  Py_DECREF(object(type));
}
PyMethodDef tee_methods[] = {tee_copy_method, {}};
PyMemberDef tee_members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Tee, weak_references), Py_READONLY, nullptr}, {}};

}  // namespace

// itertools.tee
PyObject* tee_function(PyObject* module, PyObject* iterable, Py_ssize_t n) {
  if (n < 0) return raise(PyExc_ValueError, "n must be >= 0");
  Ref<> result = steal(PyTuple_New(n));
  if (!result || n == 0) return result.release();
  auto* state = static_cast<State*>(PyModule_GetState(module));
  Ref<> first = steal(PyObject_GetIter(iterable));
  if (!first) return nullptr;
  Ref<> copy;
  if (PyObject_TypeCheck(first.get(), state->tee_type)) {
    first = steal(tee_copy(as<Tee>(first.get())));
    if (!first) return nullptr;
  }
  if (PyObject_GetOptionalAttrString(first, "__copy__", copy.out()) < 0) return nullptr;
  if (!copy) {
    first = steal(tee_over(state, first));
    copy = first ? steal(PyObject_GetAttrString(first, "__copy__")) : Ref<>();
    if (!copy) return nullptr;
  }
  PyTuple_SET_ITEM(result.get(), 0, first.share().release());
  for (Py_ssize_t i = 1; i < n; ++i) {
    PyObject* another = PyObject_CallNoArgs(copy);
    if (!another) return nullptr;
    PyTuple_SET_ITEM(result.get(), i, another);
  }
  return result.release();
}

#define NOTHING
ITERTOOLS_TYPE(groupby, "groupby", GroupBy,
               "groupby(iterable, key=None)\n--\n\nmake an iterator that returns consecutive keys and groups from the iterable\n\n"
               "  iterable\n    Elements to divide into groups according to the key function.\n"
               "  key\n    A function for computing the group category for each element.\n"
               "    If the key function is not specified or is None, the element itself\n    is used for grouping.", NOTHING);
static PyType_Slot grouper_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc<Grouper>)},
                                      {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                                      {Py_tp_traverse, reinterpret_cast<void*>(traverse<Grouper>)},
                                      {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                      {Py_tp_iternext, reinterpret_cast<void*>(grouper_next)},
                                      {Py_tp_new, reinterpret_cast<void*>(grouper_new)},
                                      {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},
                                      {0, nullptr}};
PyType_Spec grouper_spec = {"itertools._grouper", sizeof(Grouper), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, grouper_slots};
static PyType_Slot tee_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(tee_dealloc)},
                                  {Py_tp_doc, const_cast<char*>("_tee(iterable, /)\n--\n\nIterator wrapped to make it copyable.")},
                                  {Py_tp_traverse, reinterpret_cast<void*>(traverse<Tee>)},
                                  {Py_tp_clear, reinterpret_cast<void*>(clear<Tee>)},
                                  {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                  {Py_tp_iternext, reinterpret_cast<void*>(tee_next)},
                                  {Py_tp_methods, tee_methods},
                                  {Py_tp_members, tee_members},
                                  {Py_tp_new, reinterpret_cast<void*>(tee_new)},
                                  {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},
                                  {0, nullptr}};
PyType_Spec tee_spec = {"itertools._tee", sizeof(Tee), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, tee_slots};
static PyType_Slot tee_data_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(tee_data_dealloc)},
                                       {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                                       {Py_tp_doc, const_cast<char*>("teedataobject(iterable, values, next, /)\n--\n\n"
                                                                     "Data container common to multiple tee objects.")},
                                       {Py_tp_traverse, reinterpret_cast<void*>(traverse<TeeData>)},
                                       {Py_tp_clear, reinterpret_cast<void*>(tee_data_clear)},
                                       {Py_tp_new, reinterpret_cast<void*>(tee_data_new)},
                                       {Py_tp_free, reinterpret_cast<void*>(PyObject_GC_Del)},
                                       {0, nullptr}};
PyType_Spec tee_data_spec = {"itertools._tee_dataobject", sizeof(TeeData), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, tee_data_slots};

}  // namespace ks::itertools
