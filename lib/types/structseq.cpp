// Struct sequences (time.struct_time, os.stat_result, ...): tuples whose items have names.
//
// An object is a tuple of the visible fields, followed by the hidden ones, which have only names. Its type's tp_basicsize
// is that of a tuple plus the hidden fields; so the number of all fields is known without asking the type's dictionary.
// tp_members holds the named fields in order.
#include <Python.h>
#include <structmember.h>

#include <cstring>

#include "object/allocate.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "object/result.h"
#include "object/type.h"

extern "C" {
extern __attribute__((visibility("default"))) const char* const PyStructSequence_UnnamedField;
const char* const PyStructSequence_UnnamedField = "unnamed field";
}

namespace ks {
namespace {

constexpr Py_ssize_t kHead = offsetof(PyTupleObject, ob_item);

PyObject** items_of(PyObject* o) { return reinterpret_cast<PyTupleObject*>(o)->ob_item; }
Py_ssize_t hidden_count(PyTypeObject* type) { return (type->tp_basicsize - kHead) / static_cast<Py_ssize_t>(sizeof(PyObject*)); }
Py_ssize_t field_count(PyObject* o) { return Py_SIZE(o) + hidden_count(Py_TYPE(o)); }

// One of the type's numbers; -1 with an exception.
Py_ssize_t type_number(PyTypeObject* type, PyObject* name) {
  Ref<> value;
  const int there = PyObject_GetOptionalAttr(object(type), name, value.out());
  if (there < 0) return -1;
  if (there == 0) return raise(PyExc_TypeError, "Missed attribute '%U' of type %s", name, type->tp_name);
  return PyLong_AsSsize_t(value);
}

Ref<> make(PyTypeObject* type, Py_ssize_t visible) {
  const Py_ssize_t count = visible + hidden_count(type);
  PyObject* self = allocate_gc(type, static_cast<size_t>(kHead) + static_cast<size_t>(count) * sizeof(PyObject*));
  if (!self) return failed;
  reinterpret_cast<PyTupleObject*>(self)->ob_hash = -1;
  Py_SET_SIZE(self, visible);
  for (Py_ssize_t i = 0; i < count; ++i) items_of(self)[i] = nullptr;
  return steal(self);
}

void structseq_dealloc(PyObject* self) {
  gc_untrack(self);
  PyTypeObject* type = Py_TYPE(self);
  const Py_ssize_t count = field_count(self);
  for (Py_ssize_t i = 0; i < count; ++i) Py_XDECREF(items_of(self)[i]);
  PyObject_GC_Del(self);
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) Py_DECREF(type);
}
int structseq_traverse(PyObject* self, visitproc visit, void* arg) {
  if (Py_TYPE(self)->tp_flags & Py_TPFLAGS_HEAPTYPE) Py_VISIT(Py_TYPE(self));
  const Py_ssize_t count = field_count(self);
  for (Py_ssize_t i = 0; i < count; ++i) Py_VISIT(items_of(self)[i]);
  return 0;
}

constexpr Signature kNewSignature = read_signature("structseq", "(sequence, dict={})");
PyObject* structseq_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* arguments[2];
  TRY(bind_tuple(kNewSignature, args, kwargs, arguments));
  PyObject* dict = arguments[1];
  Ref<> sequence = TRY(steal(PySequence_Fast(arguments[0], "constructor requires a sequence")));
  if (dict && !PyDict_Check(dict))
    return raise(PyExc_TypeError, "%.500s() takes a dict as second arg, if any", type->tp_name);
  const Py_ssize_t visible = type_number(type, "n_sequence_fields"_id);
  const Py_ssize_t unnamed = type_number(type, "n_unnamed_fields"_id);
  if (visible < 0 || unnamed < 0) return nullptr;
  const Py_ssize_t most = visible + hidden_count(type);
  const Py_ssize_t given = PySequence_Fast_GET_SIZE(sequence.get());
  if (visible != most) {
    if (given < visible)
      return raise(PyExc_TypeError, "%.500s() takes an at least %zd-sequence (%zd-sequence given)", type->tp_name, visible, given);
    if (given > most)
      return raise(PyExc_TypeError, "%.500s() takes an at most %zd-sequence (%zd-sequence given)", type->tp_name, most, given);
  } else if (given != visible) {
    return raise(PyExc_TypeError, "%.500s() takes a %zd-sequence (%zd-sequence given)", type->tp_name, visible, given);
  }
  Ref<> self = TRY(make(type, visible));
  PyObject** items = items_of(self);
  for (Py_ssize_t i = 0; i < given; ++i) items[i] = Py_NewRef(PySequence_Fast_GET_ITEM(sequence.get(), i));
  Py_ssize_t used = 0;
  for (Py_ssize_t i = given; i < most; ++i) {
    PyObject* value = nullptr;
    if (dict) {
      const int there = PyDict_GetItemStringRef(dict, type->tp_members[i - unnamed].name, &value);
      if (there < 0) return nullptr;
      used += there;
    }
    items[i] = value ? value : Py_NewRef(Py_None);
  }
  if (dict && PyDict_GET_SIZE(dict) > used)
    return raise(PyExc_TypeError, "%.500s() got duplicate or unexpected field name(s)", type->tp_name);
  gc_track(self.get());
  return self.release();
}

Ref<> repr_of(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Ref<> parts = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    const char* name = type->tp_members[i].name;
    if (!name)
      return raise(PyExc_SystemError, "In structseq_repr(), member %zd name is NULL for type %.500s", i, type->tp_name);
    Ref<> part = TRY(steal(PyUnicode_FromFormat("%s=%R", name, items_of(self)[i])));
    TRY(PyList_Append(parts, part));
  }
  Ref<> separator = TRY(steal(PyUnicode_FromString(", ")));
  Ref<> joined = TRY(steal(PyUnicode_Join(separator, parts)));
  return steal(PyUnicode_FromFormat("%s(%U)", type->tp_name, joined.get()));
}
PyObject* structseq_repr(PyObject* self) { return repr_of(self).release(); }

Ref<> visible_tuple(PyObject* self) {
  Ref<> tuple = TRY(steal(PyTuple_New(Py_SIZE(self))));
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_XNewRef(items_of(self)[i]));
  return tuple;
}
PyObject* structseq_reduce(PyObject* self, PyObject*) {
  const Py_ssize_t unnamed = type_number(Py_TYPE(self), "n_unnamed_fields"_id);
  if (unnamed < 0) return nullptr;
  Ref<> tuple = TRY(visible_tuple(self));
  Ref<> dict = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = Py_SIZE(self); i < field_count(self); ++i)
    TRY(PyDict_SetItemString(dict, Py_TYPE(self)->tp_members[i - unnamed].name, items_of(self)[i]));
  return Py_BuildValue("(O(OO))", Py_TYPE(self), tuple.get(), dict.get());
}
PyObject* structseq_replace(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyTypeObject* type = Py_TYPE(self);
  if (PyTuple_GET_SIZE(args)) return raise(PyExc_TypeError, "__replace__() takes no positional arguments");
  const Py_ssize_t unnamed = type_number(type, "n_unnamed_fields"_id);
  if (unnamed < 0) return nullptr;
  if (unnamed > 0)
    return raise(PyExc_TypeError, "__replace__() is not supported for %.500s because it has unnamed field(s)", type->tp_name);
  Ref<> result = TRY(make(type, Py_SIZE(self)));
  Ref<> changes;
  if (kwargs) changes = TRY(steal(PyDict_Copy(kwargs)));
  for (Py_ssize_t i = 0; i < field_count(self); ++i) {
    PyObject* value = nullptr;
    if (changes && PyDict_PopString(changes, type->tp_members[i].name, &value) < 0) return nullptr;
    items_of(result)[i] = value ? value : Py_NewRef(items_of(self)[i]);
  }
  if (changes && PyDict_GET_SIZE(changes.get()) > 0) {
    Ref<> names = TRY(steal(PyDict_Keys(changes)));
    return raise(PyExc_TypeError, "Got unexpected field name(s): %R", names.get());
  }
  gc_track(result.get());
  return result.release();
}
PyMethodDef structseq_methods[] = {
    {"__reduce__", structseq_reduce, METH_NOARGS, nullptr},
    {"__replace__", KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionWithKeywords>(structseq_replace)),
     METH_VARARGS | METH_KEYWORDS, "__replace__($self, /, **changes)\n--\n\nA copy of the struct sequence with some fields replaced."},
    {}};

struct Counts {
  Py_ssize_t fields = 0;
  Py_ssize_t unnamed = 0;
  Py_ssize_t visible = 0;
};
Counts count_fields(const PyStructSequence_Desc* description) {
  Counts counts;
  counts.visible = description->n_in_sequence;
  for (; description->fields[counts.fields].name; ++counts.fields)
    if (description->fields[counts.fields].name == PyStructSequence_UnnamedField) ++counts.unnamed;
  return counts;
}
Py_ssize_t basic_size(const Counts& counts) {
  return kHead + (counts.fields - counts.visible) * static_cast<Py_ssize_t>(sizeof(PyObject*));
}

// The table of named fields; nullptr with MemoryError. The caller frees it, or keeps it for a static type.
PyMemberDef* make_members(const PyStructSequence_Desc* description, const Counts& counts) {
  auto* members = static_cast<PyMemberDef*>(PyMem_Calloc(static_cast<size_t>(counts.fields - counts.unnamed + 1), sizeof(PyMemberDef)));
  if (!members) {
    PyErr_NoMemory();
    return nullptr;
  }
  PyMemberDef* member = members;
  for (Py_ssize_t i = 0; i < counts.fields; ++i) {
    const PyStructSequence_Field& field = description->fields[i];
    if (field.name == PyStructSequence_UnnamedField) continue;
    member->name = field.name;
    member->type = _Py_T_OBJECT;
    member->offset = kHead + i * static_cast<Py_ssize_t>(sizeof(PyObject*));
    member->flags = Py_READONLY;
    member->doc = field.doc;
    ++member;
  }
  return members;
}

Status add_numbers(PyTypeObject* type, const PyStructSequence_Desc* description, const Counts& counts) {
  PyObject* dict = type_dict(type);
  auto add = [&](PyObject* name, Py_ssize_t value) {
    Ref<> number = steal(PyLong_FromSsize_t(value));
    return number && PyDict_SetItem(dict, name, number) == 0;
  };
  if (!add("n_sequence_fields"_id, counts.visible) || !add("n_fields"_id, counts.fields) ||
      !add("n_unnamed_fields"_id, counts.unnamed))
    return failed;
  Ref<> names = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < counts.visible; ++i) {
    if (description->fields[i].name == PyStructSequence_UnnamedField) continue;
    Ref<> name = TRY(steal(PyUnicode_FromString(description->fields[i].name)));
    TRY(PyList_Append(names, name));
  }
  Ref<> tuple = TRY(steal(PyList_AsTuple(names)));
  TRY(PyDict_SetItem(dict, "__match_args__"_id, tuple));
  type_modified(type);
  return Status::Ok;
}

}  // namespace
}  // namespace ks

using namespace ks;

// A new object with empty fields, to be filled with SetItem.
PyObject* PyStructSequence_New(PyTypeObject* type) {
  const Py_ssize_t visible = type_number(type, "n_sequence_fields"_id);
  if (visible < 0) return nullptr;
  Ref<> self = TRY(make(type, visible));
  return self.release();
}
// Takes over the value.
void PyStructSequence_SetItem(PyObject* o, Py_ssize_t index, PyObject* value) { items_of(o)[index] = value; }
// Borrowed.
PyObject* PyStructSequence_GetItem(PyObject* o, Py_ssize_t index) { return items_of(o)[index]; }

// Makes a type of a zeroed static type object; -1 on error.
int PyStructSequence_InitType2(PyTypeObject* type, PyStructSequence_Desc* description) {
  if (Py_REFCNT(type) > 1) {
    PyErr_BadInternalCall();
    return -1;
  }
  const Counts counts = count_fields(description);
  PyMemberDef* members = make_members(description, counts);
  if (!members) return -1;
  type->tp_name = description->name;
  type->tp_basicsize = basic_size(counts);
  type->tp_itemsize = sizeof(PyObject*);
  type->tp_dealloc = structseq_dealloc;
  type->tp_repr = structseq_repr;
  type->tp_doc = description->doc;
  type->tp_base = &PyTuple_Type;
  type->tp_methods = structseq_methods;
  type->tp_new = structseq_new;
  type->tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
  type->tp_traverse = structseq_traverse;
  type->tp_members = members;
  if (PyType_Ready(type) < 0) {
    PyMem_Free(members);
    return -1;
  }
  Py_INCREF(type);
  return to_c(add_numbers(type, description, counts));
}
void PyStructSequence_InitType(PyTypeObject* type, PyStructSequence_Desc* description) {
  (void)PyStructSequence_InitType2(type, description);
}

// A new heap type.
KS_EXPORT PyTypeObject* _PyStructSequence_NewType(PyStructSequence_Desc* description, unsigned long flags) {
  const Counts counts = count_fields(description);
  PyMemberDef* members = make_members(description, counts);
  if (!members) return nullptr;
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(structseq_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(structseq_repr)},
                         {Py_tp_methods, structseq_methods},
                         {Py_tp_new, reinterpret_cast<void*>(structseq_new)},
                         {Py_tp_members, members},
                         {Py_tp_traverse, reinterpret_cast<void*>(structseq_traverse)},
                         {Py_tp_doc, const_cast<char*>(description->doc)},
                         {0, nullptr}};
  if (!description->doc) slots[6] = {0, nullptr};
  PyType_Spec spec = {.name = description->name,
                      .basicsize = static_cast<int>(basic_size(counts)),
                      .itemsize = sizeof(PyObject*),
                      .flags = static_cast<unsigned int>(Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | flags),
                      .slots = slots};
  Ref<> bases = steal(PyTuple_Pack(1, &PyTuple_Type));
  Ref<> type = bases ? steal(PyType_FromSpecWithBases(&spec, bases)) : Ref<>();
  PyMem_Free(members);
  if (!type) return nullptr;
  TRY(add_numbers(reinterpret_cast<PyTypeObject*>(type.get()), description, counts));
  return reinterpret_cast<PyTypeObject*>(type.release());
}
PyTypeObject* PyStructSequence_NewType(PyStructSequence_Desc* description) { return _PyStructSequence_NewType(description, 0); }
