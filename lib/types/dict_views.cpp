// dict: iterators (forward and reversed, over keys, values, items) and views.
#include "object/export.h"
#include "object/method.h"
#include "types/dict_private.h"
#include "types/tuple.h"

namespace ks {

// ---- iterators ---------------------------------------------------------------------------------------------------------------

namespace {

// `position` is the entry to look at next (going down for the reversed ones). `pair` is the tuple that is used again when
// nobody else holds it.
struct DictIterator {
  PyObject ob_base;
  PyDictObject* dict;  // nullptr once exhausted
  Py_ssize_t used;
  Py_ssize_t position;
  PyObject* pair;
  Py_ssize_t left;
};

enum class What { Keys, Values, Items };

PyObject* iterator_new(PyDictObject* dict, PyTypeObject* type) {
  void* block = container_state().dict_iterators.take();
  DictIterator* iterator = block ? revive<DictIterator>(block, type) : allocate_gc<DictIterator>(type);
  if (!iterator) return nullptr;
  iterator->dict = as_dict(Py_NewRef(object(dict)));
  iterator->used = dict->ma_used;
  iterator->left = dict->ma_used;
  iterator->pair = nullptr;
  const bool backwards = type == &PyDictRevIterKey_Type || type == &PyDictRevIterValue_Type || type == &PyDictRevIterItem_Type;
  iterator->position = !backwards ? 0 : dict->ma_values ? dict->ma_values->size - 1 : dict->ma_keys->nentries - 1;
  if (type == &PyDictIterItem_Type || type == &PyDictRevIterItem_Type) {
    iterator->pair = PyTuple_Pack(2, Py_None, Py_None);
    if (!iterator->pair) {
      Py_DECREF(object(dict));
      PyObject_GC_Del(iterator);
      return nullptr;
    }
  }
  track(iterator);
  return object(iterator);
}
void iterator_dealloc(PyObject* self) {
  untrack(self);
  auto* iterator = as<DictIterator>(self);
  Py_XDECREF(object(iterator->dict));
  Py_XDECREF(iterator->pair);
  if (!container_state().dict_iterators.give(self, 10)) PyObject_GC_Del(self);
}
int iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as<DictIterator>(self)->dict);
  Py_VISIT(as<DictIterator>(self)->pair);
  return 0;
}

// Puts key and value (borrowed) into a pair: the iterator's own if nobody holds it.
PyObject* make_pair(DictIterator* iterator, PyObject* key, PyObject* value) {
  PyObject* pair = iterator->pair;
  if (Py_REFCNT(pair) == 1) {
    auto* tuple = reinterpret_cast<PyTupleObject*>(pair);
    PyObject* old_key = tuple->ob_item[0];
    PyObject* old_value = tuple->ob_item[1];
    tuple->ob_item[0] = Py_NewRef(key);
    tuple->ob_item[1] = Py_NewRef(value);
    tuple->ob_hash = -1;
    Py_INCREF(pair);
    Py_DECREF(old_key);
    Py_DECREF(old_value);
    // The collector may have stopped tracking it while it held atoms.
    if (!gc_is_tracked(pair)) track(pair);
    return pair;
  }
  return tuple_pair(key, value);
}

// Steps; false at the end, with or without an exception. Key and value are borrowed.
template <bool kBackwards>
bool step(DictIterator* iterator, PyObject** key, PyObject** value) {
  PyDictObject* dict = iterator->dict;
  if (!dict) return false;
  if (iterator->used != dict->ma_used) {
    (void)raise(PyExc_RuntimeError, "dictionary changed size during iteration");
    iterator->used = -1;  // stays so
    return false;
  }
  Py_ssize_t i = iterator->position;
  PyDictKeysObject* keys = dict->ma_keys;
  if (PyDictValues* values = dict->ma_values) {
    if (i < 0 || i >= values->size) goto end;
    const int index = values->order()[i];
    *key = unicode_entries(keys)[index].key;
    *value = values->values[index];
  } else {
    const Py_ssize_t count = keys->nentries;
    if (kBackwards && i >= count) goto end;
    if (is_general(keys)) {
      const GeneralEntry* entries = general_entries(keys);
      if constexpr (kBackwards) {
        while (i >= 0 && !entries[i].value) --i;
      } else {
        while (i < count && !entries[i].value) ++i;
      }
      if (i < 0 || i >= count) goto end;
      *key = entries[i].key;
      *value = entries[i].value;
    } else {
      const UnicodeEntry* entries = unicode_entries(keys);
      if constexpr (kBackwards) {
        while (i >= 0 && !entries[i].value) --i;
      } else {
        while (i < count && !entries[i].value) ++i;
      }
      if (i < 0 || i >= count) goto end;
      *key = entries[i].key;
      *value = entries[i].value;
    }
  }
  if (iterator->left == 0) {
    // As many keys as at the start, but not the same ones.
    (void)raise(PyExc_RuntimeError, "dictionary keys changed during iteration");
    goto end;
  }
  iterator->position = kBackwards ? i - 1 : i + 1;
  --iterator->left;
  return true;
end:
  iterator->dict = nullptr;
  Py_DECREF(object(dict));
  return false;
}
template <What kWhat, bool kBackwards>
PyObject* iterator_next(PyObject* self) {
  auto* iterator = as<DictIterator>(self);
  PyObject *key, *value;
  if (!step<kBackwards>(iterator, &key, &value)) return nullptr;
  if constexpr (kWhat == What::Keys) return Py_NewRef(key);
  else if constexpr (kWhat == What::Values) return Py_NewRef(value);
  else return make_pair(iterator, key, value);
}

Py_ssize_t dict_iterator_length_hint(DictIterator* self) {
  return self->dict && self->used == self->dict->ma_used ? self->left : 0;
}
METHOD_AS(dict_iterator_length_hint, "__length_hint__", 0, "($self, /)", "Private method returning an estimate of len(list(it)).");
PyObject* dict_iterator_reduce(DictIterator* self) {
  // A copy that shares the dict is drained, this one stays where it is.
  DictIterator* copy = allocate_gc<DictIterator>(Py_TYPE(self));
  if (!copy) return nullptr;
  copy->dict = as_dict(Py_XNewRef(object(self->dict)));
  copy->used = self->used;
  copy->position = self->position;
  copy->left = self->left;
  copy->pair = self->pair ? PyTuple_Pack(2, Py_None, Py_None) : nullptr;
  track(copy);
  Ref<> own = steal(object(copy));
  Ref<> list = steal(PySequence_List(own));
  if (!list) return nullptr;
  Ref<> iter = builtin("iter"_id);
  return iter ? Py_BuildValue("O(O)", iter.get(), list.get()) : nullptr;
}
METHOD_AS(dict_iterator_reduce, "__reduce__", 0, "($self, /)", "Return state information for pickling.");
PyMethodDef dict_iterator_methods[] = {dict_iterator_length_hint_method, dict_iterator_reduce_method, {}};

// ---- views -----------------------------------------------------------------------------------------------------------------------

struct DictView {
  PyObject ob_base;
  PyDictObject* dict;
};
DictView* as_view(PyObject* op) { return reinterpret_cast<DictView*>(op); }

void view_dealloc(PyObject* self) {
  untrack(self);
  Py_XDECREF(object(as_view(self)->dict));
  PyObject_GC_Del(self);
}
int view_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as_view(self)->dict);
  return 0;
}
Py_ssize_t view_length(PyObject* self) { return as_view(self)->dict ? as_view(self)->dict->ma_used : 0; }
PyObject* view_mapping(PyObject* self, void*) { return PyDictProxy_New(object(as_view(self)->dict)); }
PyGetSetDef view_getset[] = {{"mapping", view_mapping, nullptr, "dictionary that this view refers to", nullptr}, {}};

PyObject* view_repr(PyObject* self) {
  const int entered = Py_ReprEnter(self);
  if (entered != 0) return entered > 0 ? PyUnicode_FromString("...") : nullptr;
  PyObject* result = nullptr;
  if (Ref<> list = steal(PySequence_List(self))) result = PyUnicode_FromFormat("%s(%R)", Py_TYPE(self)->tp_name, list.get());
  Py_ReprLeave(self);
  return result;
}

PyObject* keys_iter(PyObject* self) { return iterator_new(as_view(self)->dict, &PyDictIterKey_Type); }
PyObject* values_iter(PyObject* self) { return iterator_new(as_view(self)->dict, &PyDictIterValue_Type); }
PyObject* items_iter(PyObject* self) { return iterator_new(as_view(self)->dict, &PyDictIterItem_Type); }
PyObject* keys_reversed(PyObject* self) { return iterator_new(as_view(self)->dict, &PyDictRevIterKey_Type); }
METHOD_AS(keys_reversed, "__reversed__", 0, "($self, /)", "Return a reverse iterator over the dict keys.");
PyObject* values_reversed(PyObject* self) { return iterator_new(as_view(self)->dict, &PyDictRevIterValue_Type); }
METHOD_AS(values_reversed, "__reversed__", 0, "($self, /)", "Return a reverse iterator over the dict values.");
PyObject* items_reversed(PyObject* self) { return iterator_new(as_view(self)->dict, &PyDictRevIterItem_Type); }
METHOD_AS(items_reversed, "__reversed__", 0, "($self, /)", "Return a reverse iterator over the dict items.");

int keys_contains(PyObject* self, PyObject* key) { return PyDict_Contains(object(as_view(self)->dict), key); }
int items_contains(PyObject* self, PyObject* item) {
  if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) return 0;
  Ref<> value;
  const int there = PyDict_GetItemRef(object(as_view(self)->dict), PyTuple_GET_ITEM(item, 0), value.out());
  if (there <= 0) return there;
  return PyObject_RichCompareBool(value, PyTuple_GET_ITEM(item, 1), Py_EQ);
}

// Are all of left's members in right?
Found all_contained(PyObject* left, PyObject* right) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(left)));
  while (Ref<> item = steal(PyIter_Next(iterator))) {
    const int there = PySequence_Contains(right, item);
    if (there <= 0) return found(there);
  }
  return PyErr_Occurred() ? Found::Error : Found::Yes;
}
bool is_view_set(PyObject* op) { return PyDictViewSet_Check(op); }

PyObject* view_richcompare(PyObject* self, PyObject* other, int op) {
  if (!PyAnySet_Check(other) && !is_view_set(other)) Py_RETURN_NOTIMPLEMENTED;
  const Py_ssize_t own_length = PyObject_Size(self);
  const Py_ssize_t other_length = own_length < 0 ? -1 : PyObject_Size(other);
  if (other_length < 0) return nullptr;
  Found result = Found::No;
  switch (op) {
    case Py_NE:
    case Py_EQ:
      if (own_length == other_length) result = all_contained(self, other);
      if (op == Py_NE && result != Found::Error) result = result == Found::Yes ? Found::No : Found::Yes;
      break;
    case Py_LT:
      if (own_length < other_length) result = all_contained(self, other);
      break;
    case Py_LE:
      if (own_length <= other_length) result = all_contained(self, other);
      break;
    case Py_GT:
      if (own_length > other_length) result = all_contained(other, self);
      break;
    case Py_GE:
      if (own_length >= other_length) result = all_contained(other, self);
      break;
  }
  return box(result);
}

// A set with self's members; self may be any iterable (reflected operators).
Ref<> view_to_set(PyObject* self) { return steal(PySet_New(self)); }

PyObject* view_subtract(PyObject* self, PyObject* other) {
  Ref<> result = view_to_set(self);
  if (!result) return nullptr;
  Ref<> done = steal(PyObject_CallMethodOneArg(result, "difference_update"_id, other));
  return done ? result.release() : nullptr;
}
PyObject* view_or(PyObject* self, PyObject* other) {
  Ref<> result = view_to_set(self);
  if (!result) return nullptr;
  Ref<> done = steal(PyObject_CallMethodOneArg(result, "update"_id, other));
  return done ? result.release() : nullptr;
}
PyObject* view_and(PyObject* self, PyObject* other) {
  // One side is a view; let it be `self`, and the longer side the one that is asked.
  if (is_view_set(other) && !is_view_set(self)) std::swap(self, other);
  if (is_view_set(self) && is_view_set(other) && view_length(other) > view_length(self)) std::swap(self, other);
  if (PySet_CheckExact(other) && PyObject_Size(other) >= view_length(self))
    return PyObject_CallMethodOneArg(other, "intersection"_id, self);
  Ref<> result = steal(PySet_New(nullptr));
  if (!result) return nullptr;
  Ref<> iterator = steal(PyObject_GetIter(other));
  if (!iterator) return nullptr;
  const bool keys = PyDictKeys_Check(self);
  while (Ref<> item = steal(PyIter_Next(iterator))) {
    const int there = keys ? keys_contains(self, item) : items_contains(self, item);
    if (there < 0 || (there && PySet_Add(result, item) < 0)) return nullptr;
  }
  return PyErr_Occurred() ? nullptr : result.release();
}
PyObject* view_xor(PyObject* self, PyObject* other) {
  Ref<> result = view_to_set(self);
  if (!result) return nullptr;
  Ref<> done = steal(PyObject_CallMethodOneArg(result, "symmetric_difference_update"_id, other));
  return done ? result.release() : nullptr;
}
PyObject* view_isdisjoint(PyObject* self, PyObject* other) {
  if (self == other) return Py_NewRef(view_length(self) == 0 ? Py_True : Py_False);
  // Iterate over the shorter, ask the longer.
  if (PyAnySet_CheckExact(other) || is_view_set(other)) {
    const Py_ssize_t other_length = PyObject_Size(other);
    if (other_length < 0) return nullptr;
    if (other_length > view_length(self)) std::swap(self, other);
  }
  Ref<> iterator = steal(PyObject_GetIter(other));
  if (!iterator) return nullptr;
  while (Ref<> item = steal(PyIter_Next(iterator))) {
    const int there = PySequence_Contains(self, item);
    if (there < 0) return nullptr;
    if (there) Py_RETURN_FALSE;
  }
  if (PyErr_Occurred()) return nullptr;
  Py_RETURN_TRUE;
}
METHOD_AS(view_isdisjoint, "isdisjoint", 0, "($self, object, /)", "Return True if the view and the given iterable have a null intersection.");

PyNumberMethods view_as_number = {
    .nb_subtract = view_subtract, .nb_and = view_and, .nb_xor = view_xor, .nb_or = view_or};
PySequenceMethods keys_as_sequence = {.sq_length = view_length, .sq_contains = keys_contains};
PySequenceMethods items_as_sequence = {.sq_length = view_length, .sq_contains = items_contains};
PySequenceMethods values_as_sequence = {.sq_length = view_length};
PyMethodDef keys_methods[] = {view_isdisjoint_method, keys_reversed_method, {}};
PyMethodDef items_methods[] = {view_isdisjoint_method, items_reversed_method, {}};
PyMethodDef values_methods[] = {values_reversed_method, {}};

}  // namespace

PyObject* dict_iter(PyObject* dict) { return iterator_new(as_dict(dict), &PyDictIterKey_Type); }
PyObject* dict_reversed_keys(PyObject* dict) { return iterator_new(as_dict(dict), &PyDictRevIterKey_Type); }
PyObject* dict_view_new(PyObject* dict, PyTypeObject* type) {
  if (!PyDict_Check(dict))
    return raise(PyExc_TypeError, "%s() requires a dict argument, not '%s'", type->tp_name, Py_TYPE(dict)->tp_name);
  DictView* view = allocate_gc<DictView>(type);
  if (!view) return nullptr;
  view->dict = as_dict(Py_NewRef(dict));
  track(view);
  return object(view);
}

}  // namespace ks

using namespace ks;

#define ITERATOR_TYPE(TYPE, NAME, WHAT, BACKWARDS)                  \
  PyTypeObject TYPE = {                                             \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)             \
      .tp_name = NAME,                                              \
      .tp_basicsize = sizeof(DictIterator),                         \
      .tp_dealloc = iterator_dealloc,                               \
      .tp_getattro = PyObject_GenericGetAttr,                       \
      .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,          \
      .tp_traverse = iterator_traverse,                             \
      .tp_iter = PyObject_SelfIter,                                 \
      .tp_iternext = iterator_next<What::WHAT, BACKWARDS>,          \
      .tp_methods = dict_iterator_methods,                          \
  }
ITERATOR_TYPE(PyDictIterKey_Type, "dict_keyiterator", Keys, false);
ITERATOR_TYPE(PyDictIterValue_Type, "dict_valueiterator", Values, false);
ITERATOR_TYPE(PyDictIterItem_Type, "dict_itemiterator", Items, false);
ITERATOR_TYPE(PyDictRevIterKey_Type, "dict_reversekeyiterator", Keys, true);
ITERATOR_TYPE(PyDictRevIterValue_Type, "dict_reversevalueiterator", Values, true);
ITERATOR_TYPE(PyDictRevIterItem_Type, "dict_reverseitemiterator", Items, true);

PyTypeObject PyDictKeys_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "dict_keys",
    .tp_basicsize = sizeof(DictView),
    .tp_dealloc = view_dealloc,
    .tp_repr = view_repr,
    .tp_as_number = &view_as_number,
    .tp_as_sequence = &keys_as_sequence,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = view_traverse,
    .tp_richcompare = view_richcompare,
    .tp_iter = keys_iter,
    .tp_methods = keys_methods,
    .tp_getset = view_getset,
};
PyTypeObject PyDictItems_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "dict_items",
    .tp_basicsize = sizeof(DictView),
    .tp_dealloc = view_dealloc,
    .tp_repr = view_repr,
    .tp_as_number = &view_as_number,
    .tp_as_sequence = &items_as_sequence,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = view_traverse,
    .tp_richcompare = view_richcompare,
    .tp_iter = items_iter,
    .tp_methods = items_methods,
    .tp_getset = view_getset,
};
PyTypeObject PyDictValues_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "dict_values",
    .tp_basicsize = sizeof(DictView),
    .tp_dealloc = view_dealloc,
    .tp_repr = view_repr,
    .tp_as_sequence = &values_as_sequence,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = view_traverse,
    .tp_iter = values_iter,
    .tp_methods = values_methods,
    .tp_getset = view_getset,
};
