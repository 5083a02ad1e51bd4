// The order in which bases are searched, and the tree of types: MRO, lists of subclasses, changing __bases__, which
// base determines the layout of instances.
#include <cstring>

#include "object/attribute.h"
#include "object/call.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/tuple.h"

namespace ks {
namespace {

// ---- C3 ----------------------------------------------------------------------------------------------------------------------

PyObject* tuple_item(PyObject* tuple, Py_ssize_t index) { return PyTuple_GET_ITEM(tuple, index); }

bool in_tail(PyObject* tuple, Py_ssize_t after, PyObject* wanted) {
  for (Py_ssize_t i = after + 1; i < PyTuple_GET_SIZE(tuple); ++i)
    if (tuple_item(tuple, i) == wanted) return true;
  return false;
}

// The name for messages: __name__ when that can be had.
Ref<> class_name(PyObject* cls) {
  Ref<> name;
  if (is_failure(get_optional_attribute(cls, "__name__"_id, &name))) return nullptr;
  if (!name) name = steal(PyObject_Repr(cls));
  if (name && !PyUnicode_Check(name)) return nullptr;
  return name;
}

Status check_duplicates(PyObject* bases) {
  const Py_ssize_t count = PyTuple_GET_SIZE(bases);
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (!in_tail(bases, i, tuple_item(bases, i))) continue;
    Ref<> name = class_name(tuple_item(bases, i));
    if (name) return raise(PyExc_TypeError, "duplicate base class %U", name.get());
    if (thread()->current_exception) PyErr_Clear();
    return raise(PyExc_TypeError, "duplicate base class");
  }
  return Status::Ok;
}

// What stands in the way: the heads that no list lets go first.
Failed raise_inconsistent(PyObject* const* lists, const Py_ssize_t* positions, Py_ssize_t count) {
  Ref<> heads = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < count; ++i)
    if (positions[i] < PyTuple_GET_SIZE(lists[i])) TRY(PyDict_SetItem(heads, tuple_item(lists[i], positions[i]), Py_None));
  Ref<> text = borrow("Cannot create a consistent method resolution order (MRO) for bases"_id);
  Py_ssize_t position = 0;
  PyObject* cls;
  const char* separator = " ";
  while (PyDict_Next(heads, &position, &cls, nullptr)) {
    Ref<> name = class_name(cls);
    if (thread()->current_exception) return failed;
    text = name ? steal(PyUnicode_FromFormat("%U%s%U", text.get(), separator, name.get()))
                : steal(PyUnicode_FromFormat("%U%s?", text.get(), separator));
    if (!text) return failed;
    separator = ", ";
  }
  PyErr_SetObject(PyExc_TypeError, text);
  return failed;
}

// C3: the next class is the first head of the lists (the bases' MROs, then the bases) that is in no list's tail.
Ref<> merge(PyTypeObject* type, PyObject* bases) {
  const Py_ssize_t base_count = PyTuple_GET_SIZE(bases), count = base_count + 1;
  auto** lists = static_cast<PyObject**>(PyMem_Calloc(static_cast<size_t>(count), 2 * sizeof(PyObject*)));
  if (!lists) return PyErr_NoMemory(), nullptr;
  auto* positions = reinterpret_cast<Py_ssize_t*>(lists + count);
  for (Py_ssize_t i = 0; i < base_count; ++i) lists[i] = as<PyTypeObject>(tuple_item(bases, i))->tp_mro;
  lists[base_count] = bases;
  Ref<> result = steal(PyList_New(1));
  if (result) PyList_SET_ITEM(result.get(), 0, Py_NewRef(object(type)));
  bool good = static_cast<bool>(result);
  while (good) {
    Py_ssize_t exhausted = 0;
    PyObject* next = nullptr;
    for (Py_ssize_t i = 0; i < count && !next; ++i) {
      if (positions[i] >= PyTuple_GET_SIZE(lists[i])) {
        ++exhausted;
        continue;
      }
      PyObject* candidate = tuple_item(lists[i], positions[i]);
      bool blocked = false;
      for (Py_ssize_t j = 0; j < count && !blocked; ++j) blocked = in_tail(lists[j], positions[j], candidate);
      if (!blocked) next = candidate;
    }
    if (!next) {
      if (exhausted != count) {
        raise_inconsistent(lists, positions, count);
        good = false;
      }
      break;
    }
    good = PyList_Append(result, next) == 0;
    for (Py_ssize_t i = 0; i < count; ++i)
      if (positions[i] < PyTuple_GET_SIZE(lists[i]) && tuple_item(lists[i], positions[i]) == next) ++positions[i];
  }
  PyMem_Free(lists);
  return good ? std::move(result) : nullptr;
}

Ref<> compute_mro(PyTypeObject* type) {
  PyObject* bases = type->tp_bases;
  const Py_ssize_t count = PyTuple_GET_SIZE(bases);
  for (Py_ssize_t i = 0; i < count; ++i) {
    auto* base = as<PyTypeObject>(tuple_item(bases, i));
    if (!PyType_Check(object(base)) || !base->tp_mro)
      return raise(PyExc_TypeError, "Cannot extend an incomplete type '%.100s'", base->tp_name);
  }
  if (count == 1) {
    PyObject* theirs = as<PyTypeObject>(tuple_item(bases, 0))->tp_mro;
    const Py_ssize_t size = PyTuple_GET_SIZE(theirs);
    Ref<> result = TRY(steal(PyTuple_New(size + 1)));
    PyTuple_SET_ITEM(result.get(), 0, Py_NewRef(object(type)));
    for (Py_ssize_t i = 0; i < size; ++i) PyTuple_SET_ITEM(result.get(), i + 1, Py_NewRef(tuple_item(theirs, i)));
    return result;
  }
  if (count == 0) return steal(PyTuple_Pack(1, type));
  TRY(check_duplicates(bases));
  Ref<> list = TRY(merge(type, bases));
  return steal(PyList_AsTuple(list));
}

// A custom mro() may name anything: it must be classes whose layouts ours extends.
Status check_custom_mro(PyTypeObject* type, PyObject* mro) {
  PyTypeObject* solid = solid_base(type);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); ++i) {
    PyObject* entry = tuple_item(mro, i);
    if (!PyType_Check(entry)) return raise(PyExc_TypeError, "mro() returned a non-class ('%.500s')", Py_TYPE(entry)->tp_name);
    auto* base = as<PyTypeObject>(entry);
    if (!is_subtype(solid, solid_base(base)))
      return raise(PyExc_TypeError, "mro() returned base with unsuitable layout ('%.500s')", base->tp_name);
  }
  return Status::Ok;
}

// The types with a custom mro() in their MRO are not cached by version: the MRO may change without a sign.
void disable_cache_if_custom(PyTypeObject* type) {
  if (!is_heap_type(type)) return;
  bool custom = false;
  PyTypeObject* metatype = Py_TYPE(object(type));
  if (metatype != &PyType_Type) {
    PyObject* method = type_lookup(metatype, "mro"_id);
    PyObject* standard = type_lookup(&PyType_Type, "mro"_id);
    custom = method && method != standard;
  }
  for (Py_ssize_t i = 0; !custom && i < PyTuple_GET_SIZE(type->tp_bases); ++i) {
    auto* base = as<PyTypeObject>(tuple_item(type->tp_bases, i));
    custom = !is_subtype(type, base);
  }
  if (!custom) return;
  type->tp_versions_used = _Py_ATTR_CACHE_UNUSED;
  type->tp_version_tag = 0;
}

// ---- __bases__ ---------------------------------------------------------------------------------------------------------------

// Computes the MROs of a type and all below it; `undo` collects (type, old MRO) pairs.
Status update_mros_below(PyTypeObject* type, PyObject* undo) {
  Ref<> old = borrow(type->tp_mro);
  TRY(update_mro(type));
  if (old) {
    Ref<> pair = TRY(steal(PyTuple_Pack(2, type, old.get())));
    TRY(PyList_Append(undo, pair));
  }
  Ref<> subclasses = TRY(list_subclasses(type));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses.get()); ++i)
    TRY(update_mros_below(as<PyTypeObject>(PyList_GET_ITEM(subclasses.get(), i)), undo));
  return Status::Ok;
}

bool extra_fields(PyTypeObject* type, PyTypeObject* base) {
  // Not the dictionary and weak reference list as last fields.
  Py_ssize_t size = type->tp_basicsize;
  if (type->tp_weaklistoffset > 0 && base->tp_weaklistoffset == 0 && type->tp_itemsize == 0 &&
      type->tp_weaklistoffset + static_cast<Py_ssize_t>(sizeof(PyObject*)) == size && is_heap_type(type))
    size -= static_cast<Py_ssize_t>(sizeof(PyObject*));
  if (type->tp_dictoffset > 0 && base->tp_dictoffset == 0 && type->tp_itemsize == 0 &&
      type->tp_dictoffset + static_cast<Py_ssize_t>(sizeof(PyObject*)) == size && is_heap_type(type))
    size -= static_cast<Py_ssize_t>(sizeof(PyObject*));
  return type->tp_itemsize != base->tp_itemsize || size != base->tp_basicsize;
}

bool same_slots_added(PyTypeObject* a, PyTypeObject* b) {
  PyTypeObject* base = a->tp_base;
  Py_ssize_t size = base->tp_basicsize;
  if (a->tp_dictoffset == size && b->tp_dictoffset == size) size += static_cast<Py_ssize_t>(sizeof(PyObject*));
  if (a->tp_weaklistoffset == size && b->tp_weaklistoffset == size) size += static_cast<Py_ssize_t>(sizeof(PyObject*));
  if (is_heap_type(a) && is_heap_type(b)) {
    PyObject* slots_a = heap_type(a)->ht_slots;
    PyObject* slots_b = heap_type(b)->ht_slots;
    if (slots_a && slots_b) {
      if (PyObject_RichCompareBool(slots_a, slots_b, Py_EQ) != 1) {
        PyErr_Clear();
        return false;
      }
      size += static_cast<Py_ssize_t>(sizeof(PyObject*)) * PyTuple_GET_SIZE(slots_a);
    }
  }
  return size == a->tp_basicsize && size == b->tp_basicsize;
}

bool same_shape(PyTypeObject* a, PyTypeObject* b) {
  return a->tp_basicsize == b->tp_basicsize && a->tp_itemsize == b->tp_itemsize && a->tp_dictoffset == b->tp_dictoffset &&
         a->tp_weaklistoffset == b->tp_weaklistoffset && is_gc_type(a) == is_gc_type(b) &&
         (a->tp_flags & Py_TPFLAGS_PREHEADER) == (b->tp_flags & Py_TPFLAGS_PREHEADER);
}
// The child adds nothing to the layout of its parent.
bool same_shape_as_base(PyTypeObject* child) {
  PyTypeObject* base = child->tp_base;
  return base && same_shape(child, base);
}

}  // namespace

Ref<> standard_mro(PyTypeObject* type) { return compute_mro(type); }

Status update_mro(PyTypeObject* type) {
  PyTypeObject* metatype = Py_TYPE(object(type));
  Ref<> mro;
  bool custom = metatype != &PyType_Type;
  if (custom) {
    Ref<> method = lookup_special(object(type), "mro"_id);
    if (!method) {
      if (!thread()->current_exception) PyErr_SetObject(PyExc_AttributeError, "mro"_id);
      return failed;
    }
    Ref<> result = TRY(steal(PyObject_CallNoArgs(method)));
    mro = TRY(steal(PySequence_Tuple(result)));
    if (PyTuple_GET_SIZE(mro.get()) == 0) return raise(PyExc_TypeError, "type MRO must not be empty");
    TRY(check_custom_mro(type, mro));
  } else {
    mro = TRY(compute_mro(type));
    if (!PyTuple_CheckExact(mro)) mro = TRY(steal(PySequence_Tuple(mro)));
  }
  Ref<> old = steal(std::exchange(type->tp_mro, mro.release()));
  type_modified(type);
  disable_cache_if_custom(type);
  return Status::Ok;
}

Status add_subclass(PyTypeObject* base, PyTypeObject* type) {
  PyObject* dict = type_subclasses(base);
  if (!dict) {
    dict = TRY(PyDict_New());
    if (is_static_builtin(base))
      interpreter()->object.types.static_types[reinterpret_cast<intptr_t>(base->tp_subclasses) - 1].subclasses = dict;
    else
      base->tp_subclasses = dict;
  }
  Ref<> key = TRY(steal(PyLong_FromVoidPtr(type)));
  Ref<> reference = TRY(steal(PyWeakref_NewRef(object(type), nullptr)));
  return status(PyDict_SetItem(dict, key, reference));
}

void remove_subclass(PyTypeObject* base, PyTypeObject* type) {
  PyObject* dict = type_subclasses(base);
  if (!dict) return;
  Ref<> pending = steal(PyErr_GetRaisedException());
  Ref<> key = steal(PyLong_FromVoidPtr(type));
  if (!key || PyDict_Pop(dict, key, nullptr) < 0) PyErr_Clear();
  PyErr_SetRaisedException(pending.release());
}

void remove_from_bases(PyTypeObject* type) {
  PyObject* bases = type->tp_bases;
  for (Py_ssize_t i = 0; bases && i < PyTuple_GET_SIZE(bases); ++i)
    if (PyType_Check(tuple_item(bases, i))) remove_subclass(as<PyTypeObject>(tuple_item(bases, i)), type);
}

Ref<> list_subclasses(PyTypeObject* type) {
  Ref<> list = TRY(steal(PyList_New(0)));
  PyObject* dict = type_subclasses(type);
  Py_ssize_t position = 0;
  PyObject* reference;
  while (dict && PyDict_Next(dict, &position, nullptr, &reference)) {
    Ref<> subclass;
    if (PyWeakref_GetRef(reference, subclass.out()) > 0) TRY(PyList_Append(list, subclass));
  }
  return list;
}

PyTypeObject* solid_base(PyTypeObject* type) {
  PyTypeObject* base = type->tp_base ? solid_base(type->tp_base) : &PyBaseObject_Type;
  return extra_fields(type, base) ? type : base;
}

PyTypeObject* best_base(PyObject* bases) {
  PyTypeObject *winner = nullptr, *result = nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); ++i) {
    PyObject* item = tuple_item(bases, i);
    if (!PyType_Check(item)) return raise(PyExc_TypeError, "bases must be types");
    auto* base = as<PyTypeObject>(item);
    if (!type_has(base, Py_TPFLAGS_READY)) TRY(type_ready(base));
    if (!type_has(base, Py_TPFLAGS_BASETYPE))
      return raise(PyExc_TypeError, "type '%.100s' is not an acceptable base type", base->tp_name);
    PyTypeObject* candidate = solid_base(base);
    if (!winner) {
      winner = candidate;
      result = base;
    } else if (is_subtype(winner, candidate)) {
    } else if (is_subtype(candidate, winner)) {
      winner = candidate;
      result = base;
    } else {
      return raise(PyExc_TypeError, "multiple bases have instance lay-out conflict");
    }
  }
  return result;
}

PyTypeObject* calculate_metaclass(PyTypeObject* metatype, PyObject* bases) {
  PyTypeObject* winner = metatype;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); ++i) {
    PyTypeObject* other = Py_TYPE(tuple_item(bases, i));
    if (is_subtype(winner, other)) continue;
    if (is_subtype(other, winner)) {
      winner = other;
      continue;
    }
    return raise(PyExc_TypeError,
                 "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of all its bases");
  }
  return winner;
}

bool compatible_for_assignment(PyTypeObject* old_type, PyTypeObject* new_type, const char* attribute) {
  if (new_type->tp_dealloc != old_type->tp_dealloc && new_type->tp_free != old_type->tp_free) {
    PyErr_Format(PyExc_TypeError, "%s assignment: '%s' deallocator differs from '%s'", attribute, new_type->tp_name, old_type->tp_name);
    return false;
  }
  // Up to the classes that add something: those must be one class, or add the same to one base.
  PyTypeObject *newer = new_type, *older = old_type;
  while (same_shape_as_base(newer)) newer = newer->tp_base;
  while (same_shape_as_base(older)) older = older->tp_base;
  if (newer != older && (newer->tp_base != older->tp_base || !same_slots_added(newer, older) ||
                         (newer->tp_flags & Py_TPFLAGS_PREHEADER) != (older->tp_flags & Py_TPFLAGS_PREHEADER))) {
    PyErr_Format(PyExc_TypeError, "%s assignment: '%s' object layout differs from '%s'", attribute, new_type->tp_name, old_type->tp_name);
    return false;
  }
  return true;
}

Status set_type_bases(PyTypeObject* type, PyObject* bases) {
  if (type_has(type, Py_TPFLAGS_IMMUTABLETYPE))
    return raise(PyExc_TypeError, "cannot set '__bases__' attribute of immutable type '%s'", type->tp_name);
  if (!bases) return raise(PyExc_TypeError, "cannot delete '__bases__' attribute of immutable type '%s'", type->tp_name);
  TRY(PySys_Audit("object.__setattr__", "OsO", type, "__bases__", bases));
  if (!PyTuple_Check(bases))
    return raise(PyExc_TypeError, "can only assign tuple to %s.__bases__, not %s", type->tp_name, Py_TYPE(bases)->tp_name);
  if (PyTuple_GET_SIZE(bases) == 0)
    return raise(PyExc_TypeError, "can only assign non-empty tuple to %s.__bases__, not ()", type->tp_name);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); ++i) {
    PyObject* item = tuple_item(bases, i);
    if (!PyType_Check(item))
      return raise(PyExc_TypeError, "%s.__bases__ must be tuple of classes, not '%s'", type->tp_name, Py_TYPE(item)->tp_name);
    auto* base = as<PyTypeObject>(item);
    // Below the class, or still to be one of its MRO while that is being computed.
    bool cycle = is_subtype(base, type);
    for (PyTypeObject* up = base; !cycle && up; up = up->tp_base) cycle = up == type;
    if (cycle) return raise(PyExc_TypeError, "a __bases__ item causes an inheritance cycle");
  }
  PyTypeObject* new_base = TRY(best_base(bases));
  if (!compatible_for_assignment(type->tp_base, new_base, "__bases__")) return failed;

  Ref<> old_bases = steal(std::exchange(type->tp_bases, Py_NewRef(bases)));
  PyTypeObject* old_base = std::exchange(type->tp_base, as<PyTypeObject>(Py_NewRef(object(new_base))));
  Ref<> undo = TRY(steal(PyList_New(0)));
  if (is_failure(update_mros_below(type, undo))) {
    Ref<> error = steal(PyErr_GetRaisedException());
    for (Py_ssize_t i = PyList_GET_SIZE(undo.get()) - 1; i >= 0; --i) {
      PyObject* pair = PyList_GET_ITEM(undo.get(), i);
      auto* changed = as<PyTypeObject>(tuple_item(pair, 0));
      Py_XSETREF(changed->tp_mro, Py_NewRef(tuple_item(pair, 1)));
      type_modified(changed);
    }
    // Unless mro() itself has set other bases meanwhile.
    if (type->tp_bases == bases && type->tp_base == new_base) {
      type->tp_bases = old_bases.release();
      Py_DECREF(bases);
      type->tp_base = old_base;
      Py_DECREF(object(new_base));
    } else {
      Py_DECREF(object(old_base));
    }
    PyErr_SetRaisedException(error.release());
    return failed;
  }
  if (type->tp_bases != bases) {
    // mro() has set other bases and done the rest.
    Py_DECREF(object(old_base));
    return Status::Ok;
  }
  for (Py_ssize_t i = PyTuple_GET_SIZE(old_bases.get()) - 1; i >= 0; --i)
    if (PyType_Check(tuple_item(old_bases, i))) remove_subclass(as<PyTypeObject>(tuple_item(old_bases, i)), type);
  Status result = Status::Ok;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); ++i)
    if (is_failure(add_subclass(as<PyTypeObject>(tuple_item(bases, i)), type))) result = Status::Error;
  update_all_slots_below(type);
  Py_DECREF(object(old_base));
  return result;
}

void update_all_slots_below(PyTypeObject* type) {
  type_modified(type);
  update_all_slots(type);
  Ref<> subclasses = list_subclasses(type);
  if (!subclasses) {
    PyErr_Clear();
    return;
  }
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses.get()); ++i)
    update_all_slots_below(as<PyTypeObject>(PyList_GET_ITEM(subclasses.get(), i)));
}

}  // namespace ks

// Whether `type` is `base` or below it. Works for types that are not ready, too.
extern "C" int PyType_IsSubtype(PyTypeObject* type, PyTypeObject* base) {
  if (PyObject* mro = type->tp_mro) {
    const Py_ssize_t size = PyTuple_GET_SIZE(mro);
    for (Py_ssize_t i = 0; i < size; ++i)
      if (PyTuple_GET_ITEM(mro, i) == ks::object(base)) return 1;
    return 0;
  }
  for (PyTypeObject* up = type; up; up = up->tp_base)
    if (up == base) return 1;
  return base == &PyBaseObject_Type;
}
