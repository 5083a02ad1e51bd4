// OrderedDict: dict keeps the order of insertion already, so an OrderedDict is a dict that can also move an entry to either
// end (dict_move) and take the first one away in constant time.
//
// first_hint: no live entry has a smaller number, as long as dict_numbering() is first_numbering. `state` counts changes of
// the order, for the iterators.
#include "object/export.h"
#include "object/method.h"
#include "types/dict_private.h"

extern "C" {
PyObject* _PyObject_GetState(PyObject* self);
Py_ssize_t _PyDict_SizeOf(PyDictObject* dict);
const char* _PyType_Name(PyTypeObject* type);
}

struct _odictobject {
  PyDictObject dict;
  size_t state;
  PyObject* instance_dict;
  PyObject* weak_references;
  Py_ssize_t first_hint;
  uint32_t first_numbering;
};

namespace ks {
namespace {

PyODictObject* as_odict(PyObject* op) { return reinterpret_cast<PyODictObject*>(op); }

PyObject* entry_key(PyDictKeysObject* keys, Py_ssize_t i) {
  return is_general(keys) ? general_entries(keys)[i].key : unicode_entries(keys)[i].key;
}
PyObject* entry_value(PyDictKeysObject* keys, Py_ssize_t i) {
  return is_general(keys) ? general_entries(keys)[i].value : unicode_entries(keys)[i].value;
}
Py_hash_t entry_hash(PyDictKeysObject* keys, Py_ssize_t i) {
  return is_general(keys) ? general_entries(keys)[i].hash : reinterpret_cast<PyASCIIObject*>(unicode_entries(keys)[i].key)->hash;
}
// The number of the first or last live entry; the dict is not empty.
Py_ssize_t first_entry(PyODictObject* od) {
  PyDictKeysObject* keys = od->dict.ma_keys;
  Py_ssize_t i = od->first_numbering == dict_numbering(&od->dict) ? od->first_hint : 0;
  while (!entry_value(keys, i)) ++i;
  od->first_hint = i;
  od->first_numbering = dict_numbering(&od->dict);
  return i;
}
Py_ssize_t next_entry(PyDictKeysObject* keys, Py_ssize_t i) {
  while (i < keys->nentries && !entry_value(keys, i)) ++i;
  return i < keys->nentries ? i : -1;
}
Py_ssize_t previous_entry(PyDictKeysObject* keys, Py_ssize_t i) {
  while (i >= 0 && !entry_value(keys, i)) --i;
  return i;
}

int odict_set(PyObject* self, PyObject* key, PyObject* value) {
  const Py_hash_t hash = PyObject_Hash(key);
  if (hash == -1) return -1;
  auto* od = as_odict(self);
  const Py_ssize_t used = od->dict.ma_used;
  TRY(dict_set_known_hash(&od->dict, key, hash, value));
  if (od->dict.ma_used != used) ++od->state;
  return 0;
}
int odict_delete(PyObject* self, PyObject* key) {
  const Py_hash_t hash = PyObject_Hash(key);
  if (hash == -1) return -1;
  TRY(dict_delete_known_hash(&as_odict(self)->dict, key, hash));
  ++as_odict(self)->state;
  return 0;
}
int odict_assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  return value ? odict_set(self, key, value) : odict_delete(self, key);
}

// ---- update ------------------------------------------------------------------------------------------------------------------

Status add_pairs(PyObject* self, PyObject* pairs) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(pairs)));
  while (Ref<> pair = steal(PyIter_Next(iterator))) {
    Ref<> parts = TRY(steal(PyObject_GetIter(pair)));
    Ref<> key = steal(PyIter_Next(parts));
    if (!key) return PyErr_Occurred() ? Status::Error : Status(raise(PyExc_ValueError, "need more than 0 values to unpack"));
    Ref<> value = steal(PyIter_Next(parts));
    if (!value) return PyErr_Occurred() ? Status::Error : Status(raise(PyExc_ValueError, "need more than 1 value to unpack"));
    Ref<> rest = steal(PyIter_Next(parts));
    if (rest) return raise(PyExc_ValueError, "too many values to unpack (expected 2)");
    if (PyErr_Occurred()) return failed;
    TRY(PyObject_SetItem(self, key, value));
  }
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
// As collections.abc.MutableMapping.update: through self[key] = value, so that subclasses see it.
Status update_from(PyObject* self, PyObject* other) {
  if (PyDict_CheckExact(other)) {
    Ref<> items = TRY(steal(PyDict_Items(other)));
    return add_pairs(self, items);
  }
  Ref<> method;
  if (TRY(PyObject_GetOptionalAttr(other, "keys"_id, method.out()))) {
    Ref<> keys = TRY(steal(PyObject_CallNoArgs(method)));
    Ref<> iterator = TRY(steal(PyObject_GetIter(keys)));
    keys.reset();
    while (Ref<> key = steal(PyIter_Next(iterator))) {
      Ref<> value = TRY(steal(PyObject_GetItem(other, key)));
      TRY(PyObject_SetItem(self, key, value));
    }
    return PyErr_Occurred() ? Status::Error : Status::Ok;
  }
  if (TRY(PyObject_GetOptionalAttr(other, "items"_id, method.out()))) {
    Ref<> items = TRY(steal(PyObject_CallNoArgs(method)));
    return add_pairs(self, items);
  }
  return add_pairs(self, other);
}
Status update_arguments(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count > 1) return raise(PyExc_TypeError, "update() takes at most 1 positional argument (%zd given)", count);
  if (count) TRY(update_from(self, PyTuple_GET_ITEM(args, 0)));
  if (kwargs) {
    Ref<> items = TRY(steal(PyDict_Items(kwargs)));
    TRY(add_pairs(self, items));
  }
  return Status::Ok;
}
PyObject* odict_update(PyObject* self, PyObject* args, PyObject* kwargs) { return box(update_arguments(self, args, kwargs)); }

int odict_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count > 1) return raise(PyExc_TypeError, "expected at most 1 argument, got %zd", count);
  return to_c(update_arguments(self, args, kwargs));
}

// ---- methods -------------------------------------------------------------------------------------------------------------------

PyObject* odict_fromkeys(PyObject* type, PyObject* iterable, PyObject* value) {
  Ref<> self = steal(PyObject_CallNoArgs(type));
  if (!self) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(iterable));
  if (!iterator) return nullptr;
  while (Ref<> key = steal(PyIter_Next(iterator)))
    if (PyObject_SetItem(self, key, value ? value : Py_None) < 0) return nullptr;
  return PyErr_Occurred() ? nullptr : self.release();
}
METHOD_AS(odict_fromkeys, "fromkeys", METH_CLASS, "($type, /, iterable, value=None)",
          "Create a new ordered dictionary with keys from iterable and values set to value.");
PyObject* odict_setdefault(PyObject* self, PyObject* key, PyObject* fallback) {
  if (!fallback) fallback = Py_None;
  if (PyODict_CheckExact(self)) {
    Ref<> value;
    if (PyDict_GetItemRef(self, key, value.out()) < 0) return nullptr;
    if (value) return value.release();
    return odict_set(self, key, fallback) < 0 ? nullptr : Py_NewRef(fallback);
  }
  const int there = PySequence_Contains(self, key);
  if (there < 0) return nullptr;
  if (there) return PyObject_GetItem(self, key);
  return PyObject_SetItem(self, key, fallback) < 0 ? nullptr : Py_NewRef(fallback);
}
METHOD_AS(odict_setdefault, "setdefault", 0, "($self, /, key, default=None)",
          "Insert key with a value of default if key is not in the dictionary.\n\n"
          "Return the value for key if key is in the dictionary, else default.");
PyObject* odict_pop(PyObject* self, PyObject* key, PyObject* fallback) {
  const Py_hash_t hash = PyObject_Hash(key);
  if (hash == -1) return nullptr;
  PyObject* value;
  const Found there = dict_take(as_dict(self), key, hash, &value);
  if (there == Found::Error) return nullptr;
  if (there == Found::Yes) {
    ++as_odict(self)->state;
    return value;
  }
  if (fallback) return Py_NewRef(fallback);
  _PyErr_SetKeyError(key);
  return nullptr;
}
METHOD_AS(odict_pop, "pop", 0, "($self, /, key, default=<unrepresentable>)",
          "od.pop(key[,default]) -> v, remove specified key and return the corresponding value.\n\n"
          "If the key is not found, return the default if given; otherwise,\nraise a KeyError.");
PyObject* odict_popitem(PyODictObject* self, bool last) {
  if (self->dict.ma_used == 0) return raise(PyExc_KeyError, "dictionary is empty");
  PyObject *key, *value;
  if (last) {
    if (dict_pop_last(&self->dict, &key, &value) == Status::Error) return nullptr;
  } else {
    PyDictKeysObject* keys = self->dict.ma_keys;
    const Py_ssize_t index = first_entry(self);
    key = Py_NewRef(entry_key(keys, index));
    dict_notify(&self->dict, PyDict_EVENT_DELETED, key, nullptr);
    (void)dict_remove_at(&self->dict, index, entry_hash(keys, index), &value);
  }
  ++self->state;
  PyObject* pair = PyTuple_Pack(2, key, value);
  Py_DECREF(key);
  Py_DECREF(value);
  return pair;
}
METHOD_AS(odict_popitem, "popitem", 0, "($self, /, last=True)",
          "Remove and return a (key, value) pair from the dictionary.\n\n"
          "Pairs are returned in LIFO order if last is true or FIFO order if false.");
Status odict_move_to_end(PyODictObject* self, PyObject* key, bool last) {
  if (self->dict.ma_used == 0) {
    _PyErr_SetKeyError(key);
    return failed;
  }
  const Py_hash_t hash = PyObject_Hash(key);
  if (hash == -1) return failed;
  PyObject* value;
  const Py_ssize_t index = dict_lookup(&self->dict, key, hash, &value);
  if (index == kLookupError) return failed;
  if (!value) {
    _PyErr_SetKeyError(key);
    return failed;
  }
  if (!last) self->first_hint = 0;
  if (last ? previous_entry(self->dict.ma_keys, self->dict.ma_keys->nentries - 1) != index : first_entry(self) != index) {
    TRY(dict_move(&self->dict, index, hash, last));
    if (!last) self->first_hint = 0;
    ++self->state;
  }
  return Status::Ok;
}
METHOD_AS(odict_move_to_end, "move_to_end", 0, "($self, /, key, last=True)",
          "Move an existing element to the end (or beginning if last is false).\n\nRaise KeyError if the element does not exist.");
void odict_clear(PyODictObject* self) {
  dict_clear(&self->dict);
  ++self->state;
}
METHOD(odict, clear, "($self, /)", "Remove all items from ordered dict.");
PyObject* odict_copy(PyObject* self) {
  Ref<> copy = steal(PyODict_CheckExact(self) ? PyODict_New() : PyObject_CallNoArgs(object(Py_TYPE(self))));
  if (!copy) return nullptr;
  const bool exact = PyODict_CheckExact(self);
  const size_t state = as_odict(self)->state;
  Py_ssize_t position = 0;
  PyObject *borrowed_key, *borrowed_value;
  while (dict_next(as_dict(self), &position, &borrowed_key, &borrowed_value, nullptr)) {
    Ref<> key = borrow(borrowed_key);
    Ref<> value = exact ? borrow(borrowed_value) : steal(PyObject_GetItem(self, key));
    if (!value) return nullptr;
    if (as_odict(self)->state != state) return raise(PyExc_RuntimeError, "OrderedDict mutated during iteration");
    if ((exact ? odict_set(copy, key, value) : PyObject_SetItem(copy, key, value)) < 0) return nullptr;
    if (as_odict(self)->state != state) return raise(PyExc_RuntimeError, "OrderedDict mutated during iteration");
  }
  return copy.release();
}
METHOD(odict, copy, "($self, /)", "A shallow copy of ordered dict.");
Py_ssize_t odict_sizeof(PyDictObject* self) {
  return _PyDict_SizeOf(self);
}
METHOD_AS(odict_sizeof, "__sizeof__", 0, "($self, /)", "");
PyObject* odict_reduce(PyObject* self) {
  Ref<> state = steal(_PyObject_GetState(self));
  if (!state) return nullptr;
  Ref<> items = steal(PyObject_CallMethodNoArgs(self, "items"_id));
  if (!items) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(items));
  return iterator ? Py_BuildValue("O()OOO", Py_TYPE(self), state.get(), Py_None, iterator.get()) : nullptr;
}
METHOD_AS(odict_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling");

PyObject* odict_repr(PyObject* self) {
  const char* name = _PyType_Name(Py_TYPE(self));
  if (PyDict_GET_SIZE(self) == 0) return PyUnicode_FromFormat("%s()", name);
  const int entered = Py_ReprEnter(self);
  if (entered != 0) return entered > 0 ? PyUnicode_FromString("...") : nullptr;
  PyObject* result = nullptr;
  Ref<> copy;
  if (PyODict_CheckExact(self)) {
    copy = steal(dict_copy(as_dict(self)));
  } else if (Ref<> items = steal(PyObject_CallMethodNoArgs(self, "items"_id))) {
    copy = steal(PyDict_New());
    if (copy && PyDict_MergeFromSeq2(copy, items, 1) < 0) copy.reset();
  }
  if (copy) result = PyUnicode_FromFormat("%s(%R)", name, copy.get());
  Py_ReprLeave(self);
  return result;
}

// Same keys in the same order?
int keys_equal(PyODictObject* a, PyODictObject* b) {
  Py_ssize_t position_a = 0, position_b = 0;
  PyObject *key_a, *key_b;
  const size_t state_a = a->state, state_b = b->state;
  while (true) {
    const bool more_a = dict_next(&a->dict, &position_a, &key_a, nullptr, nullptr);
    const bool more_b = dict_next(&b->dict, &position_b, &key_b, nullptr, nullptr);
    if (!more_a || !more_b) return more_a == more_b;
    Ref<> hold_a = borrow(key_a), hold_b = borrow(key_b);
    const int equal = PyObject_RichCompareBool(key_a, key_b, Py_EQ);
    if (equal <= 0) return equal;
    if (a->state != state_a || b->state != state_b)
      return raise(PyExc_RuntimeError, "OrderedDict mutated during iteration");
  }
}
PyObject* odict_richcompare(PyObject* self, PyObject* other, int op) {
  if (!PyODict_Check(self) || !PyDict_Check(other) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  Ref<> same = steal(PyDict_Type.tp_richcompare(self, other, Py_EQ));
  if (!same) return nullptr;
  int equal = same == Py_True;
  if (equal && PyODict_Check(other)) {
    equal = keys_equal(as_odict(self), as_odict(other));
    if (equal < 0) return nullptr;
  }
  return Py_NewRef(equal == (op == Py_EQ) ? Py_True : Py_False);
}
PyObject* odict_or(PyObject* left, PyObject* right) {
  const bool left_first = PyODict_Check(left);
  PyTypeObject* type = Py_TYPE(left_first ? left : right);
  PyObject* other = left_first ? right : left;
  if (!PyDict_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  Ref<> result = steal(PyObject_CallOneArg(object(type), left));
  if (!result || update_from(result, right) == Status::Error) return nullptr;
  return result.release();
}
PyObject* odict_inplace_or(PyObject* self, PyObject* other) {
  return update_from(self, other) == Status::Error ? nullptr : Py_NewRef(self);
}

// ---- life ------------------------------------------------------------------------------------------------------------------------

void odict_dealloc(PyObject* self) {
  gc_untrack_if_tracked(self);
  auto* od = as_odict(self);
  Py_CLEAR(od->instance_dict);
  if (od->weak_references) PyObject_ClearWeakRefs(self);
  PyDict_Type.tp_dealloc(self);
}
int odict_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as_odict(self)->instance_dict);
  return dict_traverse(self, visit, arg);
}
int odict_tp_clear(PyObject* self) {
  Py_CLEAR(as_odict(self)->instance_dict);
  odict_clear(as_odict(self));
  return 0;
}

// ---- iterators and views -----------------------------------------------------------------------------------------------------------

enum Kind { kKeys = 1, kValues = 2, kItems = 3, kReversed = 4 };
struct OdictIterator {
  PyObject ob_base;
  int kind;
  PyODictObject* od;     // nullptr once exhausted
  size_t state;
  Py_ssize_t size;
  uint32_t numbering;
  Py_ssize_t index;      // the entry that comes next, -1 at the end
};
PyObject* iterator_new(PyObject* od, int kind) {
  OdictIterator* iterator = allocate_gc<OdictIterator>(&PyODictIter_Type);
  if (!iterator) return nullptr;
  auto* self = as_odict(Py_NewRef(od));
  PyDictKeysObject* keys = self->dict.ma_keys;
  iterator->kind = kind;
  iterator->od = self;
  iterator->state = self->state;
  iterator->size = self->dict.ma_used;
  iterator->numbering = dict_numbering(&self->dict);
  if (self->dict.ma_used == 0) iterator->index = -1;
  else iterator->index = kind & kReversed ? previous_entry(keys, keys->nentries - 1) : first_entry(self);
  track(iterator);
  return object(iterator);
}
void iterator_dealloc(PyObject* self) {
  untrack(self);
  Py_XDECREF(object(as<OdictIterator>(self)->od));
  PyObject_GC_Del(self);
}
int iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<OdictIterator>(self)->od);
  return 0;
}
PyObject* iterator_next(PyObject* self) {
  auto* iterator = as<OdictIterator>(self);
  PyODictObject* od = iterator->od;
  if (!od) return nullptr;
  const char* changed = nullptr;
  const Py_ssize_t index = iterator->index;
  PyObject *key = nullptr, *value = nullptr;
  if (index >= 0) {
    if (od->state != iterator->state) changed = "OrderedDict mutated during iteration";
    else if (od->dict.ma_used != iterator->size) changed = "OrderedDict changed size during iteration";
    else if (dict_numbering(&od->dict) != iterator->numbering) changed = "OrderedDict mutated during iteration";
    if (!changed) {
      PyDictKeysObject* keys = od->dict.ma_keys;
      key = entry_key(keys, index);
      value = entry_value(keys, index);
      iterator->index = iterator->kind & kReversed ? previous_entry(keys, index - 1) : next_entry(keys, index + 1);
      if (!value) changed = "OrderedDict mutated during iteration";
    }
  }
  if (index < 0 || changed) {
    if (changed) PyErr_SetString(PyExc_RuntimeError, changed);
    iterator->od = nullptr;
    Py_DECREF(object(od));
    return nullptr;
  }
  switch (iterator->kind & kItems) {
    case kKeys:
      return Py_NewRef(key);
    case kValues:
      return PyODict_CheckExact(object(od)) ? Py_NewRef(value) : PyObject_GetItem(object(od), key);
    default: {
      Ref<> held_key = borrow(key);
      Ref<> item = PyODict_CheckExact(object(od)) ? borrow(value) : steal(PyObject_GetItem(object(od), key));
      return item ? PyTuple_Pack(2, held_key.get(), item.get()) : nullptr;
    }
  }
}
PyObject* odict_iterator_reduce(OdictIterator* self) {
  OdictIterator* copy = allocate_gc<OdictIterator>(&PyODictIter_Type);
  if (!copy) return nullptr;
  const PyObject head = copy->ob_base;
  *copy = *self;
  copy->ob_base = head;
  Py_XINCREF(object(copy->od));
  track(copy);
  Ref<> own = steal(object(copy));
  Ref<> list = steal(PySequence_List(own));
  if (!list) return nullptr;
  Ref<> iter = builtin("iter"_id);
  return iter ? Py_BuildValue("O(O)", iter.get(), list.get()) : nullptr;
}
METHOD_AS(odict_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling");
PyMethodDef iterator_methods[] = {odict_iterator_reduce_method, {}};

// A view's first member after the head is its dict (dict_views.cpp).
PyObject* viewed(PyObject* view) { return *reinterpret_cast<PyObject**>(view + 1); }
PyObject* keys_iter(PyObject* view) { return iterator_new(viewed(view), kKeys); }
PyObject* values_iter(PyObject* view) { return iterator_new(viewed(view), kValues); }
PyObject* items_iter(PyObject* view) { return iterator_new(viewed(view), kItems); }
PyObject* odict_keys_reversed(PyObject* view) { return iterator_new(viewed(view), kKeys | kReversed); }
METHOD_AS(odict_keys_reversed, "__reversed__", 0, "($self, /)", "");
PyObject* odict_values_reversed(PyObject* view) { return iterator_new(viewed(view), kValues | kReversed); }
METHOD_AS(odict_values_reversed, "__reversed__", 0, "($self, /)", "");
PyObject* odict_items_reversed(PyObject* view) { return iterator_new(viewed(view), kItems | kReversed); }
METHOD_AS(odict_items_reversed, "__reversed__", 0, "($self, /)", "");
PyMethodDef keys_methods[] = {odict_keys_reversed_method, {}};
PyMethodDef values_methods[] = {odict_values_reversed_method, {}};
PyMethodDef items_methods[] = {odict_items_reversed_method, {}};

PyObject* odict_iter(PyObject* self) { return iterator_new(self, kKeys); }
PyObject* odict_reversed(PyObject* self) { return iterator_new(self, kKeys | kReversed); }
METHOD_AS(odict_reversed, "__reversed__", 0, "($self, /)", "od.__reversed__() <==> reversed(od)");
PyObject* odict_keys(PyObject* self) { return dict_view_new(self, &PyODictKeys_Type); }
METHOD(odict, keys, "($self, /)", "");
PyObject* odict_values(PyObject* self) { return dict_view_new(self, &PyODictValues_Type); }
METHOD(odict, values, "($self, /)", "");
PyObject* odict_items(PyObject* self) { return dict_view_new(self, &PyODictItems_Type); }
METHOD(odict, items, "($self, /)", "");

PyMethodDef odict_methods[] = {odict_fromkeys_method,
                               odict_sizeof_method,
                               odict_reduce_method,
                               odict_setdefault_method,
                               odict_pop_method,
                               odict_popitem_method,
                               odict_keys_method,
                               odict_values_method,
                               odict_items_method,
                               {"update", KS_CONSTANT_CAST(PyCFunction, odict_update), METH_VARARGS | METH_KEYWORDS,
                                "D.update([E, ]**F) -> None.  Update D from mapping/iterable E and F."},
                               odict_clear_method,
                               odict_copy_method,
                               odict_reversed_method,
                               odict_move_to_end_method,
                               {}};
PyGetSetDef odict_getset[] = {{"__dict__", PyObject_GenericGetDict, nullptr, nullptr, nullptr}, {}};
PyMappingMethods odict_as_mapping = {.mp_ass_subscript = odict_assign_subscript};
PyNumberMethods odict_as_number = {.nb_or = odict_or, .nb_inplace_or = odict_inplace_or};

}  // namespace
}  // namespace ks

using namespace ks;

PyTypeObject PyODict_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "collections.OrderedDict",
    .tp_basicsize = sizeof(PyODictObject),
    .tp_dealloc = odict_dealloc,
    .tp_repr = odict_repr,
    .tp_as_number = &odict_as_number,
    .tp_as_mapping = &odict_as_mapping,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_doc = "Dictionary that remembers insertion order",
    .tp_traverse = odict_traverse,
    .tp_clear = odict_tp_clear,
    .tp_richcompare = odict_richcompare,
    .tp_weaklistoffset = offsetof(PyODictObject, weak_references),
    .tp_iter = odict_iter,
    .tp_methods = odict_methods,
    .tp_getset = odict_getset,
    .tp_base = &PyDict_Type,
    .tp_dictoffset = offsetof(PyODictObject, instance_dict),
    .tp_init = odict_init,
    .tp_alloc = PyType_GenericAlloc,
};
PyTypeObject PyODictIter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "odict_iterator",
    .tp_basicsize = sizeof(OdictIterator),
    .tp_dealloc = iterator_dealloc,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = iterator_next,
    .tp_methods = iterator_methods,
};
PyTypeObject PyODictKeys_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "odict_keys",
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_iter = keys_iter,
    .tp_methods = keys_methods,
    .tp_base = &PyDictKeys_Type,
};
PyTypeObject PyODictValues_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "odict_values",
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_iter = values_iter,
    .tp_methods = values_methods,
    .tp_base = &PyDictValues_Type,
};
PyTypeObject PyODictItems_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "odict_items",
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_iter = items_iter,
    .tp_methods = items_methods,
    .tp_base = &PyDictItems_Type,
};

// New reference.
PyObject* PyODict_New(void) { return PyDict_Type.tp_new(&PyODict_Type, nullptr, nullptr); }
int PyODict_SetItem(PyObject* od, PyObject* key, PyObject* item) { return odict_set(od, key, item); }
int PyODict_DelItem(PyObject* od, PyObject* key) { return odict_delete(od, key); }
