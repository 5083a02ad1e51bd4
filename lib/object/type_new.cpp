// type.__new__: making a class from a name, bases and a namespace.
//
// Layout of instances: the base's fields, then one word for each name in __slots__. Dictionary and weak references are
// managed: they lie before the object (attribute.h). Layout of the class: PyHeapTypeObject, then PyMemberDef rows for the
// slots.
#include <cstring>

#include "object/attribute.h"
#include "object/call.h"
#include "object/evaluator.h"
#include "object/method.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/tuple.h"

namespace ks {
namespace {

struct Making {
  PyTypeObject* metatype;
  PyObject* args;
  PyObject* kwargs;
  PyObject* name;
  PyObject* original_dict;
  Ref<> bases;
  PyTypeObject* base = nullptr;
  Ref<> dict;
  Ref<> slots;  // tuple of names, mangled and sorted; empty: no __slots__
  bool may_add_dict = false, may_add_weak = false, add_dict = false, add_weak = false;
  Py_ssize_t slot_count() const { return slots ? PyTuple_GET_SIZE(slots.get()) : 0; }
};

// ---- __slots__ -----------------------------------------------------------------------------------------------------------------

// "__x" in class C is "_C__x"; the class's leading underscores do not count.
Ref<> mangle(PyObject* class_name, PyObject* name) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(name);
  auto at = [](PyObject* text, Py_ssize_t i) { return PyUnicode_READ_CHAR(text, i); };
  if (length < 2 || at(name, 0) != '_' || at(name, 1) != '_') return borrow(name);
  if ((at(name, length - 1) == '_' && at(name, length - 2) == '_') ||
      PyUnicode_FindChar(name, '.', 0, length, 1) >= 0)
    return borrow(name);
  const Py_ssize_t class_length = PyUnicode_GET_LENGTH(class_name);
  Py_ssize_t start = 0;
  while (start < class_length && at(class_name, start) == '_') ++start;
  if (start == class_length) return borrow(name);
  Ref<> stem = TRY(steal(PyUnicode_Substring(class_name, start, class_length)));
  return steal(PyUnicode_FromFormat("_%U%U", stem.get(), name));
}

Status check_slot_names(Making& making, PyObject* names) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "__slots__ items must be strings, not '%.200s'", Py_TYPE(name)->tp_name);
    if (!PyUnicode_IsIdentifier(name)) return raise(PyExc_TypeError, "__slots__ must be identifiers");
    if (PyUnicode_EqualToUTF8(name, "__dict__")) {
      if (!making.may_add_dict || making.add_dict) return raise(PyExc_TypeError, "__dict__ slot disallowed: we already got one");
      making.add_dict = true;
    } else if (PyUnicode_EqualToUTF8(name, "__weakref__")) {
      if (!making.may_add_weak || making.add_weak) return raise(PyExc_TypeError, "__weakref__ slot disallowed: we already got one");
      making.add_weak = true;
    }
  }
  return Status::Ok;
}

// The names that become members: mangled, sorted.
Ref<> member_names(Making& making, PyObject* names) {
  Ref<> list = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    if (PyUnicode_EqualToUTF8(name, "__dict__") || PyUnicode_EqualToUTF8(name, "__weakref__")) continue;
    Ref<> mangled = TRY(mangle(making.name, name));
    TRY(PyList_Append(list, mangled));
    const int taken = PyDict_Contains(making.dict, mangled);
    if (taken < 0) return failed;
    // These are in the namespace but do not stay there.
    if (taken && !PyUnicode_EqualToUTF8(mangled, "__qualname__") && !PyUnicode_EqualToUTF8(mangled, "__classcell__") &&
        !PyUnicode_EqualToUTF8(mangled, "__classdictcell__"))
      return raise(PyExc_ValueError, "%R in __slots__ conflicts with class variable", mangled.get());
  }
  TRY(PyList_Sort(list));
  return steal(PyList_AsTuple(list));
}

Status choose_layout(Making& making) {
  PyTypeObject* base = making.base;
  making.may_add_dict = base->tp_dictoffset == 0;
  making.may_add_weak = base->tp_weaklistoffset == 0 && base->tp_itemsize == 0;
  Ref<> slots;
  if (PyDict_GetItemRef(making.dict, "__slots__"_id, slots.out()) < 0) return failed;
  if (!slots) {
    making.add_dict = making.may_add_dict;
    making.add_weak = making.may_add_weak;
    return Status::Ok;
  }
  Ref<> names = TRY(steal(PyUnicode_Check(slots) ? PyTuple_Pack(1, slots.get()) : PySequence_Tuple(slots)));
  if (PyTuple_GET_SIZE(names.get()) > 0 && base->tp_itemsize != 0)
    return raise(PyExc_TypeError, "nonempty __slots__ not supported for subtype of '%s'", base->tp_name);
  TRY(check_slot_names(making, names));
  making.slots = TRY(member_names(making, names));
  // Further bases may have a dictionary or weak references.
  const Py_ssize_t count = PyTuple_GET_SIZE(making.bases.get());
  for (Py_ssize_t i = 0; i < count && count > 1; ++i) {
    auto* other = as<PyTypeObject>(PyTuple_GET_ITEM(making.bases.get(), i));
    if (other == base) continue;
    if (making.may_add_dict && other->tp_dictoffset != 0) making.add_dict = true;
    if (making.may_add_weak && other->tp_weaklistoffset != 0) making.add_weak = true;
  }
  return Status::Ok;
}

// ---- bases and metatype -----------------------------------------------------------------------------------------------------------

// *result is set when the metatype that the bases want makes the class itself.
Status choose_bases(Making& making, Ref<>* result) {
  PyObject* bases = making.bases;
  const Py_ssize_t count = PyTuple_GET_SIZE(bases);
  if (count == 0) {
    making.base = &PyBaseObject_Type;
    making.bases = TRY(steal(PyTuple_Pack(1, making.base)));
    return Status::Ok;
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* base = PyTuple_GET_ITEM(bases, i);
    if (PyType_Check(base)) continue;
    Ref<> entries;
    if (TRY(get_optional_attribute(base, "__mro_entries__"_id, &entries)))
      return raise(PyExc_TypeError, "type() doesn't support MRO entry resolution; use types.new_class()");
  }
  PyTypeObject* winner = TRY(calculate_metaclass(making.metatype, bases));
  if (winner != making.metatype) {
    if (winner->tp_new != type_new) {
      if (!winner->tp_new) return raise(PyExc_TypeError, "cannot create '%s' instances", winner->tp_name);
      *result = TRY(steal(winner->tp_new(winner, making.args, making.kwargs)));
      return Status::Ok;
    }
    making.metatype = winner;
  }
  making.base = TRY(best_base(bases));
  return Status::Ok;
}

// ---- the namespace's special names --------------------------------------------------------------------------------------------------

Status set_name(Making& making, PyHeapTypeObject* type) {
  Py_ssize_t length;
  const char* text = TRY(PyUnicode_AsUTF8AndSize(making.name, &length));
  if (strlen(text) != static_cast<size_t>(length)) return raise(PyExc_ValueError, "type name must not contain null characters");
  type->ht_type.tp_name = text;
  return Status::Ok;
}

Status set_module(Making& making) {
  const int given = PyDict_Contains(making.dict, "__module__"_id);
  if (given != 0) return given < 0 ? Status::Error : Status::Ok;
  PyObject* module = frame_module_name();
  if (!module) return thread()->current_exception ? Status::Error : Status::Ok;
  return status(PyDict_SetItem(making.dict, "__module__"_id, module));
}

Status set_qualified_name(Making& making, PyHeapTypeObject* type) {
  Ref<> name;
  if (PyDict_GetItemRef(making.dict, "__qualname__"_id, name.out()) < 0) return failed;
  if (!name) {
    type->ht_qualname = Py_NewRef(making.name);
    return Status::Ok;
  }
  if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "type __qualname__ must be a str, not %s", Py_TYPE(name)->tp_name);
  TRY(PyDict_DelItem(making.dict, "__qualname__"_id));
  type->ht_qualname = name.release();
  return Status::Ok;
}

Status set_doc(Making& making, PyHeapTypeObject* type) {
  Ref<> doc;
  if (PyDict_GetItemRef(making.dict, "__doc__"_id, doc.out()) < 0) return failed;
  if (!doc || !PyUnicode_Check(doc)) return Status::Ok;
  Py_ssize_t length;
  const char* text = TRY(PyUnicode_AsUTF8AndSize(doc, &length));
  auto* copy = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(length) + 1));
  if (!copy) return PyErr_NoMemory(), failed;
  memcpy(copy, text, static_cast<size_t>(length) + 1);
  type->ht_type.tp_doc = copy;
  return Status::Ok;
}

// A plain function under this name is meant as a static or class method.
Status wrap_function(Making& making, PyObject* name, PyObject* (*wrap)(PyObject*)) {
  Ref<> function;
  if (PyDict_GetItemRef(making.dict, name, function.out()) < 0) return failed;
  if (!function || !PyFunction_Check(function)) return Status::Ok;
  Ref<> wrapped = TRY(steal(wrap(function)));
  return status(PyDict_SetItem(making.dict, name, wrapped));
}

Status set_class_cells(Making& making, PyTypeObject* type) {
  Ref<> cell;
  if (PyDict_GetItemRef(making.dict, "__classcell__"_id, cell.out()) < 0) return failed;
  if (cell) {
    if (!PyCell_Check(cell))
      return raise(PyExc_TypeError, "__classcell__ must be a nonlocal cell, not %.200R", Py_TYPE(cell));
    TRY(PyCell_Set(cell, object(type)));
    TRY(PyDict_DelItem(making.dict, "__classcell__"_id));
  }
  Ref<> dict_cell;
  if (PyDict_GetItemRef(making.dict, "__classdictcell__"_id, dict_cell.out()) < 0) return failed;
  if (dict_cell) {
    if (!PyCell_Check(dict_cell))
      return raise(PyExc_TypeError, "__classdictcell__ must be a nonlocal cell, not %.200R", Py_TYPE(dict_cell));
    TRY(PyCell_Set(dict_cell, making.dict));
    TRY(PyDict_DelItem(making.dict, "__classdictcell__"_id));
  }
  return Status::Ok;
}

// ---- building the object ----------------------------------------------------------------------------------------------------------

Status set_members(Making& making, PyHeapTypeObject* heap) {
  PyTypeObject* type = &heap->ht_type;
  Py_ssize_t offset = making.base->tp_basicsize;
  PyMemberDef* member = heap_type_members(heap);
  for (Py_ssize_t i = 0; i < making.slot_count(); ++i, ++member) {
    PyObject* name = PyTuple_GET_ITEM(making.slots.get(), i);
    member->name = TRY(PyUnicode_AsUTF8(name));
    member->type = Py_T_OBJECT_EX;
    member->offset = offset;
    offset += static_cast<Py_ssize_t>(sizeof(PyObject*));
  }
  type->tp_basicsize = offset;
  type->tp_itemsize = making.base->tp_itemsize;
  type->tp_members = heap_type_members(heap);
  if (making.add_dict) {
    type->tp_flags |= Py_TPFLAGS_MANAGED_DICT;
    type->tp_dictoffset = -1;
  }
  if (making.add_weak) {
    type->tp_flags |= Py_TPFLAGS_MANAGED_WEAKREF;
    type->tp_weaklistoffset = kManagedWeakOffset;
  }
  type->tp_getset = making.add_dict ? instance_dict_getset : making.add_weak ? instance_weak_getset : nullptr;
  // The rows for both follow each other: the weak one alone is the tail.
  if (making.add_dict && !making.add_weak) type->tp_getset = instance_dict_only_getset;
  return Status::Ok;
}

Status check_keys(Making& making, PyTypeObject* type) {
  Py_ssize_t position = 0;
  PyObject* key;
  while (PyDict_Next(making.dict, &position, &key, nullptr)) {
    if (PyUnicode_Check(key)) continue;
    return status(PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "non-string key in the __dict__ of class %.200s", type->tp_name));
  }
  return Status::Ok;
}

Ref<PyHeapTypeObject> build(Making& making) {
  auto heap = TRY((steal(as<PyHeapTypeObject>(making.metatype->tp_alloc(making.metatype, making.slot_count())))));
  PyTypeObject* type = &heap->ht_type;
  type->tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
  type->tp_as_async = &heap->as_async;
  type->tp_as_sequence = &heap->as_sequence;
  type->tp_as_mapping = &heap->as_mapping;
  type->tp_as_number = &heap->as_number;
  type->tp_as_buffer = &heap->as_buffer;
  type->tp_bases = Py_NewRef(making.bases.get());
  type->tp_base = as<PyTypeObject>(Py_NewRef(object(making.base)));
  type->tp_dict = Py_NewRef(making.dict.get());
  heap->ht_name = Py_NewRef(making.name);
  heap->ht_slots = making.slots ? Py_NewRef(making.slots.get()) : nullptr;
  type->tp_name = "?";
  TRY(set_name(making, heap));
  TRY(set_module(making));
  TRY(set_qualified_name(making, heap));
  TRY(set_doc(making, heap));
  TRY(wrap_function(making, "__new__"_id, PyStaticMethod_New));
  TRY(wrap_function(making, "__init_subclass__"_id, PyClassMethod_New));
  TRY(wrap_function(making, "__class_getitem__"_id, PyClassMethod_New));
  TRY(set_members(making, heap));
  type->tp_dealloc = instance_dealloc;
  type->tp_traverse = instance_traverse;
  type->tp_clear = instance_clear;
  type->tp_alloc = PyType_GenericAlloc;
  type->tp_free = PyObject_GC_Del;
  // Calls of the class go through the metatype's slot; its own vectorcall spares the tuple.
  if (making.metatype->tp_call == PyType_Type.tp_call) type->tp_vectorcall = class_vectorcall;
  TRY(set_class_cells(making, type));
  TRY(check_keys(making, type));
  return heap;
}

Status call_set_names(PyTypeObject* type) {
  // A copy, as __set_name__ may change the class.
  Ref<> names = TRY(steal(PyDict_Copy(type_dict(type))));
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (PyDict_Next(names, &position, &key, &value)) {
    Ref<> method = lookup_special(value, "__set_name__"_id);
    if (!method) {
      if (thread()->current_exception) return failed;
      continue;
    }
    Ref<> result = steal(call(method.get(), object(type), key));
    if (result) continue;
    Ref<> error = steal(PyErr_GetRaisedException());
    Ref<> note = steal(PyUnicode_FromFormat("Error calling __set_name__ on '%.100s' instance %R in '%.100s'",
                                            Py_TYPE(value)->tp_name, key, type->tp_name));
    Ref<> added = note ? steal(call_method(error.get(), "add_note"_id, note.get())) : nullptr;
    if (!added) PyErr_Clear();
    PyErr_SetRaisedException(error.release());
    return failed;
  }
  return Status::Ok;
}

Status call_init_subclass(PyTypeObject* type, PyObject* kwargs) {
  Ref<> method = TRY(steal(super_lookup(type, object(type), "__init_subclass__"_id, nullptr)));
  Ref<> result = TRY(steal(PyObject_VectorcallDict(method, nullptr, 0, kwargs)));
  return Status::Ok;
}

Failed raise_argument(int index, const char* expected, PyObject* actual) {
  return raise(PyExc_TypeError, "type.__new__() argument %d must be %s, not %.50s", index, expected, Py_TYPE(actual)->tp_name);
}

}  // namespace

PyObject* type_new(PyTypeObject* metatype, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) != 3)
    return raise(PyExc_TypeError, "type.__new__() takes exactly 3 arguments (%zd given)", PyTuple_GET_SIZE(args));
  Making making{.metatype = metatype, .args = args, .kwargs = kwargs, .name = PyTuple_GET_ITEM(args, 0),
                .original_dict = PyTuple_GET_ITEM(args, 2), .bases = borrow(PyTuple_GET_ITEM(args, 1)), .dict = nullptr, .slots = nullptr};
  if (!PyUnicode_Check(making.name)) return raise_argument(1, "str", making.name);
  if (!PyTuple_Check(making.bases)) return raise_argument(2, "tuple", making.bases);
  if (!PyDict_Check(making.original_dict)) return raise_argument(3, "dict", making.original_dict);
  Ref<> made_elsewhere;
  TRY(choose_bases(making, &made_elsewhere));
  if (made_elsewhere) return made_elsewhere.release();
  making.dict = TRY(steal(PyDict_Copy(making.original_dict)));
  TRY(choose_layout(making));
  auto heap = TRY(build(making));
  PyTypeObject* type = &heap->ht_type;
  TRY(type_ready(type));
  update_all_slots(type);
  TRY(call_set_names(type));
  TRY(call_init_subclass(type, kwargs));
  return object(heap.release());
}

// ---- __new__ of C types ----------------------------------------------------------------------------------------------------------------

namespace {
PyMethodDef new_method[] = {
    {"__new__", KS_CONSTANT_CAST(PyCFunction, &type_new_wrapper), METH_VARARGS | METH_KEYWORDS,
     "__new__($type, *args, **kwargs)\n--\n\nCreate and return a new object.  See help(type) for accurate signature."},
    {}};
}  // namespace

Status add_new_wrapper(PyTypeObject* type) {
  PyObject* dict = type_dict(type);
  const int given = PyDict_Contains(dict, "__new__"_id);
  if (given != 0) return given < 0 ? Status::Error : Status::Ok;
  Ref<> function = TRY(steal(PyCFunction_NewEx(new_method, object(type), nullptr)));
  return status(PyDict_SetItem(dict, "__new__"_id, function));
}

// C.__new__(type, …): calls C's tp_new when that is safe for the type.
extern "C" PyObject* type_new_wrapper(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!PyType_Check(self)) {
    PyErr_Format(PyExc_SystemError, "__new__() called with non-type 'self'");
    return nullptr;
  }
  auto* type = as<PyTypeObject>(self);
  if (!PyTuple_Check(args) || PyTuple_GET_SIZE(args) < 1)
    return raise(PyExc_TypeError, "%s.__new__(): not enough arguments", type->tp_name);
  PyObject* first = PyTuple_GET_ITEM(args, 0);
  if (!PyType_Check(first))
    return raise(PyExc_TypeError, "%s.__new__(X): X is not a type object (%s)", type->tp_name, Py_TYPE(first)->tp_name);
  auto* subtype = as<PyTypeObject>(first);
  if (!is_subtype(subtype, type))
    return raise(PyExc_TypeError, "%s.__new__(%s): %s is not a subtype of %s", type->tp_name, subtype->tp_name, subtype->tp_name, type->tp_name);
  // The nearest C type's tp_new knows its own fields: a base's must not be used in its place.
  PyTypeObject* nearest = subtype;
  while (nearest && nearest->tp_new == slot_tp_new) nearest = nearest->tp_base;
  if (nearest && nearest->tp_new != type->tp_new) {
    if (type_has(nearest, Py_TPFLAGS_DISALLOW_INSTANTIATION) || !nearest->tp_new)
      return raise(PyExc_TypeError, "cannot create '%s' instances", nearest->tp_name);
    return raise(PyExc_TypeError, "%s.__new__(%s) is not safe, use %s.__new__()", type->tp_name, subtype->tp_name, nearest->tp_name);
  }
  Ref<> rest = TRY(steal(PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args))));
  return type->tp_new(subtype, rest, kwargs);
}

}  // namespace ks
