// dict: the type, its methods and the exported PyDict_*.
#include <cstring>

#include "object/export.h"
#include "object/method.h"
#include "types/dict_private.h"

extern "C" {
PyObject* _PyObject_LookupSpecial(PyObject* self, PyObject* name);
int _PySet_NextEntry(PyObject* set, Py_ssize_t* position, PyObject** key, Py_hash_t* hash);
}

namespace ks {

// ---- creation ----------------------------------------------------------------------------------------------------------

static PyObject* dict_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* self = type->tp_alloc(type, 0);
  if (!self) return nullptr;
  auto* dict = as_dict(self);
  dict->ma_used = 0;
  dict->_ma_watcher_tag = 0;
  dict->ma_keys = &empty_keys;
  dict->ma_values = nullptr;
  return self;
}

// The pairs of an iterable, as dict(pairs) reads them.
Status dict_merge_pairs(PyDictObject* dict, PyObject* pairs, int override) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(pairs)));
  for (Py_ssize_t i = 0;; ++i) {
    Ref<> item = steal(PyIter_Next(iterator));
    if (!item) return PyErr_Occurred() ? Status::Error : Status::Ok;
    Ref<> fast = steal(PySequence_Fast(item, "object is not iterable"));
    if (!fast) {
      if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        Ref<> error = steal(PyErr_GetRaisedException());
        Ref<> note = steal(PyUnicode_FromFormat("Cannot convert dictionary update sequence element #%zd to a sequence", i));
        if (note) {
          Ref<> done = steal(PyObject_CallMethodOneArg(error, "add_note"_id, note));
          if (!done) PyErr_Clear();
        } else {
          PyErr_Clear();
        }
        PyErr_SetRaisedException(error.release());
      }
      return failed;
    }
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(fast.get());
    if (count != 2)
      return raise(PyExc_ValueError, "dictionary update sequence element #%zd has length %zd; 2 is required", i, count);
    Ref<> key = borrow(PySequence_Fast_GET_ITEM(fast.get(), 0));
    Ref<> value = borrow(PySequence_Fast_GET_ITEM(fast.get(), 1));
    const Py_hash_t hash = hash_of_dict_key(key);
    if (hash == -1) return failed;
    if (override == 1) {
      TRY(dict_insert_taking(dict, key.release(), hash, value.release()));
    } else {
      TRY(dict_set_default(dict, key, hash, value, nullptr));
    }
  }
}

static Status merge_dict(PyDictObject* target, PyDictObject* source, int override) {
  if (target == source || source->ma_used == 0) return Status::Ok;
  if (target->ma_used == 0) {
    override = 1;
    PyDictKeysObject* keys = source->ma_keys;
    if (!source->ma_values && source->ma_used == keys->nentries && !target->ma_values &&
        (target->ma_keys == &empty_keys ||
         (usable_of(target->ma_keys->log2_size) < source->ma_used && target->ma_keys->refcount == 1)) &&
        usable_of(keys->log2_size - 1) < source->ma_used) {
      dict_notify(target, PyDict_EVENT_CLONED, object(source), nullptr);
      PyDictKeysObject* clone = TRY(keys_clone(source));
      PyDictKeysObject* old = target->ma_keys;
      target->ma_keys = clone;
      target->ma_used = source->ma_used;
      dict_renumbered(target);
      dict_keys_release(old);
      return Status::Ok;
    }
  }
  // Room for all at once, unless the target has it.
  if (!target->ma_values && usable_of(target->ma_keys->log2_size) < source->ma_used)
    TRY(dict_resize(target, log2_size_for(target->ma_used + source->ma_used), is_general(source->ma_keys)));

  PyDictKeysObject* keys = source->ma_keys;
  const Py_ssize_t used = source->ma_used;
  Py_ssize_t position = 0;
  PyObject *key, *value;
  Py_hash_t hash;
  while (dict_next(source, &position, &key, &value, &hash)) {
    Ref<> own_key = borrow(key);
    Ref<> own_value = borrow(value);
    if (override == 1) {
      TRY(dict_insert_taking(target, own_key.release(), hash, own_value.release()));
    } else if (override == 0) {
      TRY(dict_set_default(target, key, hash, value, nullptr));
    } else {
      PyObject* there;
      if (dict_lookup(target, key, hash, &there) == kLookupError) return failed;
      if (there) {
        _PyErr_SetKeyError(key);
        return failed;
      }
      TRY(dict_insert_taking(target, own_key.release(), hash, own_value.release()));
    }
    if (source->ma_keys != keys || source->ma_used != used)
      return raise(PyExc_RuntimeError, "dict mutated during update");
  }
  return Status::Ok;
}

Status dict_merge(PyDictObject* target, PyObject* source, int override) {
  if (PyDict_Check(source) && Py_TYPE(source)->tp_iter == dict_iter) return merge_dict(target, as_dict(source), override);
  Ref<> keys = TRY(steal(PyMapping_Keys(source)));
  Ref<> iterator = TRY(steal(PyObject_GetIter(keys)));
  while (true) {
    Ref<> key = steal(PyIter_Next(iterator));
    if (!key) return PyErr_Occurred() ? Status::Error : Status::Ok;
    const Py_hash_t hash = hash_of_dict_key(key);
    if (hash == -1) return failed;
    if (override != 1) {
      PyObject* there;
      if (dict_lookup(target, key, hash, &there) == kLookupError) return failed;
      if (there) {
        if (override == 0) continue;
        _PyErr_SetKeyError(key);
        return failed;
      }
    }
    Ref<> value = TRY(steal(PyObject_GetItem(source, key)));
    TRY(dict_insert_taking(target, key.release(), hash, value.release()));
  }
}

// dict(x) and dict.update(x): a mapping has keys, all else gives pairs.
Status dict_update_from(PyObject* self, PyObject* source) {
  if (PyDict_CheckExact(source)) return merge_dict(as_dict(self), as_dict(source), 1);
  Ref<> keys;
  const int has_keys = PyObject_GetOptionalAttr(source, "keys"_id, keys.out());
  if (has_keys < 0) return failed;
  keys.reset();
  return has_keys ? dict_merge(as_dict(self), source, 1) : dict_merge_pairs(as_dict(self), source, 1);
}
Status dict_update_common(PyObject* self, PyObject* args, PyObject* kwargs, const char* name) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (!check_positional(name, count, 0, 1)) return failed;
  if (count == 1) TRY(dict_update_from(self, PyTuple_GET_ITEM(args, 0)));
  if (kwargs) {
    if (!PyArg_ValidateKeywordArguments(kwargs)) return failed;
    TRY(dict_merge(as_dict(self), kwargs, 1));
  }
  return Status::Ok;
}

static int dict_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  return to_c(dict_update_common(self, args, kwargs, "dict"));
}
static Status update_vector(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, const char* name) {
  if (!check_positional(name, nargs, 0, 1)) return failed;
  if (nargs == 1) TRY(dict_update_from(self, args[0]));
  if (kwnames) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i) {
      PyObject* key = PyTuple_GET_ITEM(kwnames, i);
      const Py_hash_t hash = hash_of_dict_key(key);
      if (hash == -1) return failed;
      TRY(dict_set_known_hash(as_dict(self), key, hash, args[nargs + i]));
    }
  }
  return Status::Ok;
}
static PyObject* dict_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  Ref<> self = steal(type == object(&PyDict_Type) ? PyDict_New() : dict_new(as<PyTypeObject>(type), nullptr, nullptr));
  if (!self) return nullptr;
  if (update_vector(self, args, PyVectorcall_NARGS(nargsf), kwnames, "dict") == Status::Error) return nullptr;
  return self.release();
}

// ---- subscripts ----------------------------------------------------------------------------------------------------------

static PyObject* dict_subscript(PyObject* self, PyObject* key) {
  const Py_hash_t hash = hash_of_dict_key(key);
  if (hash == -1) return nullptr;
  PyObject* value;
  if (dict_lookup(as_dict(self), key, hash, &value) == kLookupError) return nullptr;
  if (value) return Py_NewRef(value);
  if (!PyDict_CheckExact(self)) {
    Ref<> missing = steal(_PyObject_LookupSpecial(self, "__missing__"_id));
    if (missing) return PyObject_CallOneArg(missing, key);
    if (PyErr_Occurred()) return nullptr;
  }
  _PyErr_SetKeyError(key);
  return nullptr;
}
static int dict_assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  const Py_hash_t hash = hash_of_dict_key(key);
  if (hash == -1) return -1;
  return to_c(value ? dict_set_known_hash(as_dict(self), key, hash, value)
                    : dict_delete_known_hash(as_dict(self), key, hash));
}
static int dict_contains(PyObject* self, PyObject* key) {
  const Py_hash_t hash = hash_of_dict_key(key);
  if (hash == -1) return -1;
  PyObject* value;
  if (dict_lookup(as_dict(self), key, hash, &value) == kLookupError) return -1;
  return value != nullptr;
}
static Py_ssize_t dict_length(PyObject* self) { return as_dict(self)->ma_used; }

static PyObject* dict_contains_method_body(PyObject* self, PyObject* key) {
  const int result = dict_contains(self, key);
  return result < 0 ? nullptr : Py_NewRef(result ? Py_True : Py_False);
}

// ---- methods -------------------------------------------------------------------------------------------------------------

static PyObject* dict_get(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (!check_positional("get", nargs, 1, 2)) return nullptr;
  const Py_hash_t hash = hash_of_dict_key(args[0]);
  if (hash == -1) return nullptr;
  PyObject* value;
  if (dict_lookup(as_dict(self), args[0], hash, &value) == kLookupError) return nullptr;
  if (!value) value = nargs > 1 ? args[1] : Py_None;
  return Py_NewRef(value);
}
static PyObject* dict_setdefault(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (!check_positional("setdefault", nargs, 1, 2)) return nullptr;
  const Py_hash_t hash = hash_of_dict_key(args[0]);
  if (hash == -1) return nullptr;
  PyObject* result;
  (void)dict_set_default(as_dict(self), args[0], hash, nargs > 1 ? args[1] : Py_None, &result);
  return result;
}
static PyObject* pop_key(PyDictObject* dict, PyObject* key, PyObject* fallback) {
  PyObject* value = nullptr;
  if (dict->ma_used > 0) {
    const Py_hash_t hash = hash_of_dict_key(key);
    if (hash == -1 || dict_take(dict, key, hash, &value) == Found::Error) return nullptr;
  }
  if (value) return value;
  if (fallback) return Py_NewRef(fallback);
  _PyErr_SetKeyError(key);
  return nullptr;
}
static PyObject* dict_pop(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (!check_positional("pop", nargs, 1, 2)) return nullptr;
  return pop_key(as_dict(self), args[0], nargs > 1 ? args[1] : nullptr);
}
static PyObject* dict_popitem(PyDictObject* self) {
  Ref<> pair = steal(PyTuple_New(2));  // before the dict changes
  if (!pair) return nullptr;
  if (self->ma_used == 0) return raise(PyExc_KeyError, "popitem(): dictionary is empty");
  PyObject *key, *value;
  if (dict_pop_last(self, &key, &value) == Status::Error) return nullptr;
  PyTuple_SET_ITEM(pair.get(), 0, key);
  PyTuple_SET_ITEM(pair.get(), 1, value);
  return pair.release();
}
METHOD(dict, popitem, "($self, /)",
       "Remove and return a (key, value) pair, the one added last. Raises KeyError if the dict is empty.");
METHOD(dict, clear, "($self, /)", "Remove all items from the dict.");
METHOD(dict, copy, "($self, /)", "Return a shallow copy of the dict.");
METHOD_AS(dict_reversed_keys, "__reversed__", 0, "($self, /)", "Return a reverse iterator over the dict keys.");

static PyObject* dict_keys(PyObject* self) { return dict_view_new(self, &PyDictKeys_Type); }
METHOD(dict, keys, "($self, /)", "Return a set-like object providing a view on the dict's keys.");
static PyObject* dict_items(PyObject* self) { return dict_view_new(self, &PyDictItems_Type); }
METHOD(dict, items, "($self, /)", "Return a set-like object providing a view on the dict's items.");
static PyObject* dict_values(PyObject* self) { return dict_view_new(self, &PyDictValues_Type); }
METHOD(dict, values, "($self, /)", "Return an object providing a view on the dict's values.");

static PyObject* dict_update(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (update_vector(self, args, nargs, kwnames, "update") == Status::Error) return nullptr;
  Py_RETURN_NONE;
}
METHOD_RAW(dict_update, "update", 0,
           "D.update([E, ]**F) -> None.  Update D from mapping/iterable E and F.\n"
           "If E is present and has a .keys() method, then does:  for k in E.keys(): D[k] = E[k]\n"
           "If E is present and lacks a .keys() method, then does:  for k, v in E: D[k] = v\n"
           "In either case, this is followed by: for k in F:  D[k] = F[k]");

static PyObject* from_keys(PyObject* type, PyObject* iterable, PyObject* value) {
  Ref<> result = steal(PyObject_CallNoArgs(type));
  if (!result) return nullptr;
  if (PyDict_CheckExact(result.get())) {
    auto* dict = as_dict(result);
    if (PyDict_CheckExact(iterable)) {
      if (dict->ma_used == 0 && dict->ma_keys == &empty_keys && as_dict(iterable)->ma_used > usable_of(3))
        if (dict_resize(dict, log2_size_for(as_dict(iterable)->ma_used), is_general(as_dict(iterable)->ma_keys)) == Status::Error)
          return nullptr;
      Py_ssize_t position = 0;
      PyObject* key;
      Py_hash_t hash;
      while (dict_next(as_dict(iterable), &position, &key, nullptr, &hash))
        if (dict_set_known_hash(dict, key, hash, value) == Status::Error) return nullptr;
      return result.release();
    }
    if (PyAnySet_CheckExact(iterable)) {
      Py_ssize_t position = 0;
      PyObject* borrowed;
      Py_hash_t hash;
      while (_PySet_NextEntry(iterable, &position, &borrowed, &hash) > 0) {
        Ref<> key = borrow(borrowed);
        if (dict_set_known_hash(dict, key, hash, value) == Status::Error) return nullptr;
      }
      return result.release();
    }
  }
  Ref<> iterator = steal(PyObject_GetIter(iterable));
  if (!iterator) return nullptr;
  const bool exact = PyDict_CheckExact(result.get());
  while (Ref<> key = steal(PyIter_Next(iterator))) {
    if ((exact ? PyDict_SetItem(result, key, value) : PyObject_SetItem(result, key, value)) < 0) return nullptr;
  }
  if (PyErr_Occurred()) return nullptr;
  return result.release();
}
static PyObject* dict_fromkeys(PyObject* type, PyObject* const* args, Py_ssize_t nargs) {
  if (!check_positional("fromkeys", nargs, 1, 2)) return nullptr;
  return from_keys(type, args[0], nargs > 1 ? args[1] : Py_None);
}

KS_EXPORT Py_ssize_t _PyDict_SizeOf(PyDictObject* dict) {
  Py_ssize_t size = Py_TYPE(dict)->tp_basicsize;
  if (dict->ma_values) {
    const Py_ssize_t capacity = dict->ma_values->capacity;
    size += static_cast<Py_ssize_t>(sizeof(_dictvalues)) + capacity * 8 + ((capacity + 7) & ~Py_ssize_t{7});
  }
  PyDictKeysObject* keys = dict->ma_keys;
  if (keys != &empty_keys && keys->refcount == 1) {
    const Py_ssize_t entry = is_general(keys) ? sizeof(GeneralEntry) : sizeof(UnicodeEntry);
    size += static_cast<Py_ssize_t>(offsetof(PyDictKeysObject, indices)) + (Py_ssize_t{1} << keys->log2_index_bytes) +
            entry * usable_of(keys->log2_size);
  }
  return size;
}
static Py_ssize_t dict_sizeof(PyDictObject* self) { return _PyDict_SizeOf(self); }
METHOD_AS(dict_sizeof, "__sizeof__", 0, "($self, /)", "Return the size of the dict in memory.");

// ---- repr, comparison, operators -------------------------------------------------------------------------------------------

static PyObject* dict_repr(PyObject* self) {
  const int entered = Py_ReprEnter(self);
  if (entered != 0) return entered > 0 ? PyUnicode_FromString("{...}") : nullptr;
  struct Leave {
    PyObject* op;
    ~Leave() { Py_ReprLeave(op); }
  } leave{self};
  auto* dict = as_dict(self);
  if (dict->ma_used == 0) return PyUnicode_FromString("{}");
  PyUnicodeWriter* writer = PyUnicodeWriter_Create(1 + 4 + 6 * (dict->ma_used - 1) + 1);
  if (!writer) return nullptr;
  auto fail = [&] {
    PyUnicodeWriter_Discard(writer);
    return nullptr;
  };
  if (PyUnicodeWriter_WriteChar(writer, '{') < 0) return fail();
  Py_ssize_t position = 0;
  bool first = true;
  PyObject *borrowed_key, *borrowed_value;
  while (dict_next(dict, &position, &borrowed_key, &borrowed_value, nullptr)) {
    Ref<> key = borrow(borrowed_key);
    Ref<> value = borrow(borrowed_value);
    if (!first && (PyUnicodeWriter_WriteChar(writer, ',') < 0 || PyUnicodeWriter_WriteChar(writer, ' ') < 0)) return fail();
    first = false;
    if (PyUnicodeWriter_WriteRepr(writer, key) < 0 || PyUnicodeWriter_WriteChar(writer, ':') < 0 ||
        PyUnicodeWriter_WriteChar(writer, ' ') < 0 || PyUnicodeWriter_WriteRepr(writer, value) < 0)
      return fail();
  }
  if (PyUnicodeWriter_WriteChar(writer, '}') < 0) return fail();
  return PyUnicodeWriter_Finish(writer);
}

static Found dict_equal(PyDictObject* left, PyDictObject* right) {
  if (left->ma_used != right->ma_used) return Found::No;
  Py_ssize_t position = 0;
  PyObject *borrowed_key, *borrowed_value;
  Py_hash_t hash;
  while (dict_next(left, &position, &borrowed_key, &borrowed_value, &hash)) {
    Ref<> key = borrow(borrowed_key);
    Ref<> value = borrow(borrowed_value);
    PyObject* other;
    if (dict_lookup(right, key, hash, &other) == kLookupError) return failed;
    if (!other) return Found::No;
    Ref<> other_value = borrow(other);
    const int equal = PyObject_RichCompareBool(value, other_value, Py_EQ);
    if (equal <= 0) return found(equal);
  }
  return Found::Yes;
}
static PyObject* dict_richcompare(PyObject* self, PyObject* other, int op) {
  if (!PyDict_Check(self) || !PyDict_Check(other) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  const Found equal = dict_equal(as_dict(self), as_dict(other));
  if (equal == Found::Error) return nullptr;
  return Py_NewRef((equal == Found::Yes) == (op == Py_EQ) ? Py_True : Py_False);
}

PyObject* dict_or(PyObject* left, PyObject* right) {
  if (!PyDict_Check(left) || !PyDict_Check(right)) Py_RETURN_NOTIMPLEMENTED;
  Ref<> result = steal(dict_copy(as_dict(left)));
  if (!result || dict_update_from(result, right) == Status::Error) return nullptr;
  return result.release();
}
PyObject* dict_inplace_or(PyObject* self, PyObject* other) {
  if (dict_update_from(self, other) == Status::Error) return nullptr;
  return Py_NewRef(self);
}

static int dict_tp_clear(PyObject* self) {
  dict_clear(as_dict(self));
  return 0;
}

static PyMethodDef dict_methods[] = {
    {"__contains__", dict_contains_method_body, METH_O | METH_COEXIST,
     "__contains__($self, key, /)\n--\n\nTrue if the dictionary has the specified key, else False."},
    {"__getitem__", dict_subscript, METH_O | METH_COEXIST, "__getitem__($self, key, /)\n--\n\nReturn self[key]."},
    dict_sizeof_method,
    {"get", KS_CONSTANT_CAST(PyCFunction, dict_get), METH_FASTCALL,
     "get($self, key, default=None, /)\n--\n\nReturn the value for key if key is in the dictionary, else default."},
    {"setdefault", KS_CONSTANT_CAST(PyCFunction, dict_setdefault), METH_FASTCALL,
     "setdefault($self, key, default=None, /)\n--\n\nInsert key with a value of default if key is not in the dictionary.\n\n"
     "Return the value for key if key is in the dictionary, else default."},
    {"pop", KS_CONSTANT_CAST(PyCFunction, dict_pop), METH_FASTCALL,
     "pop($self, key, default=<unrepresentable>, /)\n--\n\n"
     "D.pop(k[,d]) -> v, remove specified key and return the corresponding value.\n\n"
     "If the key is not found, return the default if given; otherwise,\nraise a KeyError."},
    dict_popitem_method,
    dict_keys_method,
    dict_items_method,
    dict_values_method,
    dict_update_method,
    {"fromkeys", KS_CONSTANT_CAST(PyCFunction, dict_fromkeys), METH_FASTCALL | METH_CLASS,
     "fromkeys($type, iterable, value=None, /)\n--\n\n"
     "Create a new dictionary with keys from iterable and values set to value."},
    dict_clear_method,
    dict_copy_method,
    dict_reversed_keys_method,
    KS_CLASS_GETITEM,
    {}};

static PyMappingMethods dict_as_mapping = {
    .mp_length = dict_length, .mp_subscript = dict_subscript, .mp_ass_subscript = dict_assign_subscript};
static PySequenceMethods dict_as_sequence = {.sq_contains = dict_contains};
static PyNumberMethods dict_as_number = {.nb_or = dict_or, .nb_inplace_or = dict_inplace_or};

// ---- exports ---------------------------------------------------------------------------------------------------------------

static bool is_dict(PyObject* op) {
  if (op && PyDict_Check(op)) return true;
  PyErr_BadInternalCall();
  return false;
}

}  // namespace ks

using namespace ks;

PyTypeObject PyDict_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "dict",
    .tp_basicsize = sizeof(PyDictObject),
    .tp_dealloc = dict_dealloc,
    .tp_repr = dict_repr,
    .tp_as_number = &dict_as_number,
    .tp_as_sequence = &dict_as_sequence,
    .tp_as_mapping = &dict_as_mapping,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DICT_SUBCLASS |
                _Py_TPFLAGS_MATCH_SELF | Py_TPFLAGS_MAPPING,
    .tp_doc = "dict() -> new empty dictionary\n"
              "dict(mapping) -> new dictionary initialized from a mapping object's\n    (key, value) pairs\n"
              "dict(iterable) -> new dictionary initialized as if via:\n    d = {}\n    for k, v in iterable:\n"
              "        d[k] = v\n"
              "dict(**kwargs) -> new dictionary initialized with the name=value pairs\n"
              "    in the keyword argument list.  For example:  dict(one=1, two=2)",
    .tp_traverse = dict_traverse,
    .tp_clear = dict_tp_clear,
    .tp_richcompare = dict_richcompare,
    .tp_iter = dict_iter,
    .tp_methods = dict_methods,
    .tp_init = dict_init,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = dict_new,
    .tp_free = PyObject_GC_Del,
    .tp_vectorcall = dict_vectorcall,
};

// New reference.
PyObject* PyDict_New(void) { return dict_new_with(&empty_keys, nullptr, 0); }
// New reference; room for `minused` items.
PyObject* _PyDict_NewPresized(Py_ssize_t minused) { return dict_new_presized(minused, false); }

// Borrowed; nullptr when missing, and then never with an exception: errors are reported and dropped.
static PyObject* get_item_silently(PyObject* op, PyObject* key, const char* warning) {
  if (!op || !PyDict_Check(op)) return nullptr;
  PyObject* saved = PyErr_GetRaisedException();
  PyObject* value = nullptr;
  const Py_hash_t hash = hash_of(key);
  if (hash == -1 || dict_lookup(as_dict(op), key, hash, &value) == kLookupError) {
    PyErr_FormatUnraisable(warning);
    value = nullptr;
  }
  PyErr_SetRaisedException(saved);
  return value;
}
PyObject* PyDict_GetItem(PyObject* op, PyObject* key) {
  return get_item_silently(op, key,
                           "Exception ignored in PyDict_GetItem(); consider using "
                           "PyDict_GetItemRef() or PyDict_GetItemWithError()");
}
// Borrowed; as PyDict_GetItem.
PyObject* PyDict_GetItemString(PyObject* op, const char* key) {
  PyObject* saved = PyErr_GetRaisedException();
  Ref<> name = steal(PyUnicode_FromString(key));
  if (!name) PyErr_FormatUnraisable("Exception ignored in PyDict_GetItemString(); consider using PyDict_GetItemRefString()");
  PyErr_SetRaisedException(saved);
  if (!name) return nullptr;
  return get_item_silently(op, name,
                           "Exception ignored in PyDict_GetItemString(); consider using PyDict_GetItemRefString()");
}
// Borrowed; nullptr with an exception on error, without when missing.
PyObject* PyDict_GetItemWithError(PyObject* op, PyObject* key) {
  if (!is_dict(op)) return nullptr;
  const Py_hash_t hash = hash_of_dict_key(key);
  return hash == -1 ? nullptr : dict_get_known_hash(as_dict(op), key, hash);
}
KS_EXPORT PyObject* _PyDict_GetItemStringWithError(PyObject* op, const char* key) {
  Ref<> name = steal(PyUnicode_FromString(key));
  return name ? PyDict_GetItemWithError(op, name) : nullptr;
}
// 1 and a new reference, 0 and nullptr, -1 and nullptr with an exception.
int PyDict_GetItemRef(PyObject* op, PyObject* key, PyObject** result) {
  *result = nullptr;
  if (!is_dict(op)) return -1;
  const Py_hash_t hash = hash_of_dict_key(key);
  return hash == -1 ? -1 : to_c(dict_find(as_dict(op), key, hash, result));
}
int PyDict_GetItemStringRef(PyObject* op, const char* key, PyObject** result) {
  *result = nullptr;
  Ref<> name = steal(PyUnicode_FromString(key));
  return name ? PyDict_GetItemRef(op, name, result) : -1;
}
// Borrowed.
PyObject* _PyDict_GetItem_KnownHash(PyObject* op, PyObject* key, Py_hash_t hash) {
  return is_dict(op) ? dict_get_known_hash(as_dict(op), key, hash) : nullptr;
}
KS_EXPORT int _PyDict_GetItemRef_KnownHash_LockHeld(PyDictObject* dict, PyObject* key, Py_hash_t hash, PyObject** result) {
  return to_c(dict_find(dict, key, hash, result));
}
KS_EXPORT PyObject* _PyDict_LoadGlobal(PyDictObject* globals, PyDictObject* builtins, PyObject* name) {
  return dict_load_global(globals, object(builtins), name);
}

int PyDict_SetItem(PyObject* op, PyObject* key, PyObject* value) {
  if (!is_dict(op)) return -1;
  return to_c(dict_set_taking(as_dict(op), Py_NewRef(key), Py_NewRef(value)));
}
int PyDict_SetItemString(PyObject* op, const char* key, PyObject* value) {
  PyObject* name = PyUnicode_InternFromString(key);
  if (!name) return -1;
  const int result = PyDict_SetItem(op, name, value);
  Py_DECREF(name);
  return result;
}
KS_EXPORT int _PyDict_SetItem_Take2(PyDictObject* dict, PyObject* key, PyObject* value) {
  return to_c(dict_set_taking(dict, key, value));
}
KS_EXPORT int _PyDict_SetItem_KnownHash(PyObject* op, PyObject* key, PyObject* value, Py_hash_t hash) {
  return is_dict(op) ? to_c(dict_set_known_hash(as_dict(op), key, hash, value)) : -1;
}
KS_EXPORT int _PyDict_SetItem_KnownHash_LockHeld(PyDictObject* dict, PyObject* key, PyObject* value, Py_hash_t hash) {
  return to_c(dict_set_known_hash(dict, key, hash, value));
}
int PyDict_DelItem(PyObject* op, PyObject* key) {
  if (!is_dict(op)) return -1;
  const Py_hash_t hash = hash_of_dict_key(key);
  return hash == -1 ? -1 : to_c(dict_delete_known_hash(as_dict(op), key, hash));
}
int PyDict_DelItemString(PyObject* op, const char* key) {
  Ref<> name = steal(PyUnicode_FromString(key));
  return name ? PyDict_DelItem(op, name) : -1;
}
KS_EXPORT int _PyDict_DelItem_KnownHash(PyObject* op, PyObject* key, Py_hash_t hash) {
  return is_dict(op) ? to_c(dict_delete_known_hash(as_dict(op), key, hash)) : -1;
}
// Deletes when the predicate agrees: 1 deleted, 0 kept or missing, -1 with an exception.
KS_EXPORT int _PyDict_DelItemIf(PyObject* op, PyObject* key, int (*predicate)(PyObject* value, void* arg), void* arg) {
  if (!is_dict(op)) return -1;
  const Py_hash_t hash = hash_of_dict_key(key);
  if (hash == -1) return -1;
  PyObject* value;
  if (dict_lookup(as_dict(op), key, hash, &value) == kLookupError) return -1;
  if (!value) return 0;
  const int agreed = predicate(value, arg);
  if (agreed <= 0) return agreed;
  return to_c(dict_take(as_dict(op), key, hash, nullptr));
}
void PyDict_Clear(PyObject* op) {
  if (PyDict_Check(op)) dict_clear(as_dict(op));
}
// Borrowed key and value.
int PyDict_Next(PyObject* op, Py_ssize_t* position, PyObject** key, PyObject** value) {
  return PyDict_Check(op) && dict_next(as_dict(op), position, key, value, nullptr);
}
int PyDict_Contains(PyObject* op, PyObject* key) { return dict_contains(op, key); }
int PyDict_ContainsString(PyObject* op, const char* key) {
  Ref<> name = steal(PyUnicode_FromString(key));
  return name ? PyDict_Contains(op, name) : -1;
}
Py_ssize_t PyDict_Size(PyObject* op) { return is_dict(op) ? as_dict(op)->ma_used : -1; }
int PyDict_SetDefaultRef(PyObject* op, PyObject* key, PyObject* value, PyObject** result) {
  if (result) *result = nullptr;
  if (!is_dict(op)) return -1;
  const Py_hash_t hash = hash_of_dict_key(key);
  return hash == -1 ? -1 : to_c(dict_set_default(as_dict(op), key, hash, value, result));
}
// Borrowed.
PyObject* PyDict_SetDefault(PyObject* op, PyObject* key, PyObject* value) {
  PyObject* result;
  if (PyDict_SetDefaultRef(op, key, value, &result) < 0) return nullptr;
  Py_DECREF(result);
  return result;
}
int PyDict_Pop(PyObject* op, PyObject* key, PyObject** result) {
  if (result) *result = nullptr;
  if (!is_dict(op)) return -1;
  if (as_dict(op)->ma_used == 0) return 0;
  const Py_hash_t hash = hash_of_dict_key(key);
  return hash == -1 ? -1 : to_c(dict_take(as_dict(op), key, hash, result));
}
int PyDict_PopString(PyObject* op, const char* key, PyObject** result) {
  if (result) *result = nullptr;
  Ref<> name = steal(PyUnicode_FromString(key));
  return name ? PyDict_Pop(op, name, result) : -1;
}
KS_EXPORT PyObject* _PyDict_Pop(PyObject* op, PyObject* key, PyObject* fallback) {
  return is_dict(op) ? pop_key(as_dict(op), key, fallback) : nullptr;
}
int PyDict_Merge(PyObject* op, PyObject* other, int override) { return is_dict(op) && other ? to_c(dict_merge(as_dict(op), other, override != 0)) : -1; }
int PyDict_Update(PyObject* op, PyObject* other) { return PyDict_Merge(op, other, 1); }
KS_EXPORT int _PyDict_MergeEx(PyObject* op, PyObject* other, int override) {
  return is_dict(op) ? to_c(dict_merge(as_dict(op), other, override)) : -1;
}
int PyDict_MergeFromSeq2(PyObject* op, PyObject* pairs, int override) {
  return is_dict(op) ? to_c(dict_merge_pairs(as_dict(op), pairs, override != 0)) : -1;
}
// New reference.
PyObject* PyDict_Copy(PyObject* op) { return is_dict(op) ? dict_copy(as_dict(op)) : nullptr; }

// New list of each.
template <class F>
static PyObject* list_of(PyObject* op, F&& item) {
  if (!is_dict(op)) return nullptr;
  auto* dict = as_dict(op);
  while (true) {
    const Py_ssize_t count = dict->ma_used;
    Ref<> list = steal(PyList_New(count));
    if (!list) return nullptr;
    if (count != dict->ma_used) continue;  // the allocation ran the collector
    Py_ssize_t position = 0, i = 0;
    PyObject *key, *value;
    while (i < count && dict_next(dict, &position, &key, &value, nullptr)) {
      PyObject* one = item(key, value);
      if (!one) return nullptr;
      PyList_SET_ITEM(list.get(), i++, one);
    }
    return list.release();
  }
}
PyObject* PyDict_Keys(PyObject* op) {
  return list_of(op, [](PyObject* key, PyObject*) { return Py_NewRef(key); });
}
PyObject* PyDict_Values(PyObject* op) {
  return list_of(op, [](PyObject*, PyObject* value) { return Py_NewRef(value); });
}
PyObject* PyDict_Items(PyObject* op) {
  return list_of(op, [](PyObject* key, PyObject* value) { return PyTuple_Pack(2, key, value); });
}
// New dict from two arrays with strides.
KS_EXPORT PyObject* _PyDict_FromItems(PyObject* const* keys, Py_ssize_t keys_offset, PyObject* const* values,
                                      Py_ssize_t values_offset, Py_ssize_t length) {
  bool unicode = true;
  for (Py_ssize_t i = 0; i < length && unicode; ++i) unicode = PyUnicode_CheckExact(keys[i * keys_offset]);
  Ref<> dict = steal(dict_new_presized(length, unicode));
  if (!dict) return nullptr;
  for (Py_ssize_t i = 0; i < length; ++i)
    if (PyDict_SetItem(dict, keys[i * keys_offset], values[i * values_offset]) < 0) return nullptr;
  return dict.release();
}

// ---- watchers ---------------------------------------------------------------------------------------------------------------

static constexpr int kFirstWatcher = 2;  // lower numbers are the interpreter's own
static bool watcher_exists(int id) {
  if (id < 0 || id >= 8) {
    PyErr_Format(PyExc_ValueError, "Invalid dict watcher ID %d", id);
    return false;
  }
  if (!container_state().dict_watchers[id]) {
    PyErr_Format(PyExc_ValueError, "No dict watcher set for ID %d", id);
    return false;
  }
  return true;
}
int PyDict_AddWatcher(PyDict_WatchCallback callback) {
  for (int i = kFirstWatcher; i < 8; ++i) {
    if (!container_state().dict_watchers[i]) {
      container_state().dict_watchers[i] = callback;
      return i;
    }
  }
  PyErr_SetString(PyExc_RuntimeError, "no more dict watcher IDs available");
  return -1;
}
int PyDict_ClearWatcher(int id) {
  if (!watcher_exists(id)) return -1;
  container_state().dict_watchers[id] = nullptr;
  return 0;
}
static bool watchable(PyObject* dict) {
  if (PyDict_Check(dict)) return true;
  PyErr_SetString(PyExc_ValueError, "Cannot watch non-dictionary");
  return false;
}
int PyDict_Watch(int id, PyObject* dict) {
  if (!watchable(dict) || !watcher_exists(id)) return -1;
  as_dict(dict)->_ma_watcher_tag |= uint64_t{1} << id;
  return 0;
}
int PyDict_Unwatch(int id, PyObject* dict) {
  if (!watchable(dict) || !watcher_exists(id)) return -1;
  as_dict(dict)->_ma_watcher_tag &= ~(uint64_t{1} << id);
  return 0;
}
KS_EXPORT void _PyDict_SendEvent(int bits, PyDict_WatchEvent event, PyDictObject* dict, PyObject* key, PyObject* value) {
  if (bits) dict_notify(dict, event, key, value);
}
