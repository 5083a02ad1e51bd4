// PyType_Ready: fills in what a type inherits and makes its dictionary.
//
// Order: base and metatype, bases, dictionary, MRO, tp_new, what the type defines itself (into the dictionary: slot
// wrappers, methods, members, getsets, __doc__), then what it inherits (C slots and flags), hashing, the bases' lists of
// subclasses. A static builtin type is readied by the first interpreter; a later one only makes its own dictionary of it.
#include <cstring>

#include "object/attribute.h"
#include "object/descriptor.h"
#include "object/export.h"
#include "object/slots.h"
#include "object/static_types.h"
#include "object/type_internal.h"
#include "runtime/process.h"
#include "runtime/state.h"
#include "types/tuple.h"

KS_EXPORT void _Py_SetImmortal(PyObject* object);

namespace ks {
namespace {

constexpr PyTypeObject* kStaticTypes[] = {
#define STATIC_TYPE(NAME) &NAME,
#define LATE_STATIC_TYPE(NAME) &NAME,
#include "object/static_types.def"
#undef LATE_STATIC_TYPE
#undef STATIC_TYPE
};
constexpr int kStaticTypeCount = sizeof(kStaticTypes) / sizeof(kStaticTypes[0]);
constexpr int kLateStaticTypeCount = 0
#define LATE_STATIC_TYPE(NAME) +1
#include "modules/module_types.def"
#undef LATE_STATIC_TYPE
    ;
static_assert(kStaticTypeCount <= kMaxStaticTypes);

Status set_base_and_metatype(PyTypeObject* type) {
  PyTypeObject* base = type->tp_base;
  if (!base && type != &PyBaseObject_Type) {
    base = type->tp_base = &PyBaseObject_Type;
    if (is_heap_type(type)) Py_INCREF(object(base));
  }
  if (base && !is_heap_type(type) && is_heap_type(base))
    return raise(PyExc_TypeError, "type '%.100s' is not dynamically allocated but its base type '%.100s' is dynamically allocated",
                 type->tp_name, base->tp_name);
  if (base && !type_has(base, Py_TPFLAGS_READY)) TRY(type_ready(base));
  if (!Py_TYPE(object(type)) && base) Py_SET_TYPE(object(type), Py_TYPE(object(base)));
  return Status::Ok;
}

Status set_bases(PyTypeObject* type) {
  if (type->tp_bases) return Status::Ok;
  PyObject* bases = type->tp_base ? PyTuple_Pack(1, type->tp_base) : PyTuple_New(0);
  if (!bases) return failed;
  if (is_static_builtin(type)) _Py_SetImmortal(bases);
  type->tp_bases = bases;
  return Status::Ok;
}

Status set_dict(PyTypeObject* type) {
  if (type_dict(type)) return Status::Ok;
  PyObject* dict = TRY(PyDict_New());
  type_set_dict(type, dict);
  return Status::Ok;
}

Status set_mro(PyTypeObject* type) {
  if (type->tp_mro && is_static_builtin(type)) return Status::Ok;
  TRY(update_mro(type));
  if (is_static_builtin(type)) _Py_SetImmortal(type->tp_mro);
  // A static type outlives every interpreter and cannot keep a heap type alive.
  if (!is_heap_type(type)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_mro); ++i) {
      auto* base = as<PyTypeObject>(PyTuple_GET_ITEM(type->tp_mro, i));
      if (is_heap_type(base))
        return raise(PyExc_TypeError, "type '%.100s' is not dynamically allocated but its base type '%.100s' is dynamically allocated",
                     type->tp_name, base->tp_name);
    }
  }
  return Status::Ok;
}

Status set_new(PyTypeObject* type) {
  PyTypeObject* base = type->tp_base;
  // A static type without tp_new cannot be called, unless it inherits one from a base that is not object.
  if (!type->tp_new && base == &PyBaseObject_Type && !is_heap_type(type)) type->tp_flags |= Py_TPFLAGS_DISALLOW_INSTANTIATION;
  if (type_has(type, Py_TPFLAGS_DISALLOW_INSTANTIATION)) {
    type->tp_new = nullptr;
    return Status::Ok;
  }
  if (!type->tp_new) {
    type->tp_new = base->tp_new;
    return Status::Ok;
  }
  if (is_static_builtin(type) && base && base->tp_new == type->tp_new) return Status::Ok;
  return add_new_wrapper(type);
}

// Docstring and text signature: "name(signature)\n--\n\ndoc".
Status set_doc(PyTypeObject* type) {
  PyObject* dict = type_dict(type);
  const int defined = PyDict_Contains(dict, "__doc__"_id);
  if (defined != 0) return defined < 0 ? Status::Error : Status::Ok;
  if (!type->tp_doc) return status(PyDict_SetItem(dict, "__doc__"_id, Py_None));
  const char* name = type_name_without_module(type);
  Ref<> doc = TRY(steal(PyUnicode_FromString(doc_without_signature(name, type->tp_doc))));
  return status(PyDict_SetItem(dict, "__doc__"_id, doc));
}

Status fill_dict(PyTypeObject* type) {
  TRY(add_slot_wrappers(type));
  if (type->tp_methods) TRY(add_methods(type));
  if (type->tp_members) TRY(add_members(type));
  if (type->tp_getset) TRY(add_getsets(type));
  return set_doc(type);
}

// ---- inheritance ---------------------------------------------------------------------------------------------------------

void inherit_layout(PyTypeObject* type, PyTypeObject* base) {
  if (!is_gc_type(type) && is_gc_type(base) && !type->tp_traverse && !type->tp_clear) {
    type->tp_flags |= Py_TPFLAGS_HAVE_GC;
    type->tp_traverse = base->tp_traverse;
    type->tp_clear = base->tp_clear;
  }
  type->tp_flags |= base->tp_flags & Py_TPFLAGS_PREHEADER;
  if (type->tp_basicsize == 0) type->tp_basicsize = base->tp_basicsize;
  if (type->tp_itemsize == 0) type->tp_itemsize = base->tp_itemsize;
  if (type->tp_weaklistoffset == 0) type->tp_weaklistoffset = base->tp_weaklistoffset;
  if (type->tp_dictoffset == 0) type->tp_dictoffset = base->tp_dictoffset;
  constexpr unsigned long kSubclassFlags = Py_TPFLAGS_LONG_SUBCLASS | Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS |
                                           Py_TPFLAGS_BYTES_SUBCLASS | Py_TPFLAGS_UNICODE_SUBCLASS | Py_TPFLAGS_DICT_SUBCLASS |
                                           Py_TPFLAGS_BASE_EXC_SUBCLASS | Py_TPFLAGS_TYPE_SUBCLASS;
  if (type == &PyType_Type || is_subtype(base, &PyBaseObject_Type)) type->tp_flags |= base->tp_flags & kSubclassFlags;
  type->tp_flags |= base->tp_flags & (_Py_TPFLAGS_MATCH_SELF | Py_TPFLAGS_ITEMS_AT_END);
}

// Copies the function pointers in [from, end) that `base` introduces (that its own base has not) where type has none.
void inherit_suite(void* own, void* bases, void* base_bases, size_t size) {
  if (!own || !bases) return;
  auto** mine = static_cast<void**>(own);
  auto** theirs = static_cast<void**>(bases);
  auto** older = static_cast<void**>(base_bases);
  for (size_t i = 0; i < size / sizeof(void*); ++i)
    if (!mine[i] && theirs[i] && (!older || theirs[i] != older[i])) mine[i] = theirs[i];
}

template <auto Member>
bool introduces(PyTypeObject* base) {
  const auto value = base->*Member;
  return value && (!base->tp_base || base->tp_base->*Member != value);
}
template <auto Member>
void inherit(PyTypeObject* type, PyTypeObject* base) {
  if (!(type->*Member) && introduces<Member>(base)) type->*Member = base->*Member;
}

// Whether the type says in its dictionary how it compares or hashes.
Found overrides_hash(PyTypeObject* type) {
  PyObject* dict = type_dict(type);
  const int eq = PyDict_Contains(dict, "__eq__"_id);
  if (eq != 0) return found(eq);
  return found(PyDict_Contains(dict, "__hash__"_id));
}

Status inherit_slots(PyTypeObject* type, PyTypeObject* base) {
  PyTypeObject* older = base->tp_base;
#define SUITE(MEMBER, STRUCT) inherit_suite(type->MEMBER, base->MEMBER, older ? older->MEMBER : nullptr, sizeof(STRUCT));
  SUITE(tp_as_number, PyNumberMethods)
  SUITE(tp_as_async, PyAsyncMethods)
  SUITE(tp_as_sequence, PySequenceMethods)
  SUITE(tp_as_mapping, PyMappingMethods)
  SUITE(tp_as_buffer, PyBufferProcs)
#undef SUITE
  inherit<&PyTypeObject::tp_dealloc>(type, base);
  if (!type->tp_getattr && !type->tp_getattro) {
    type->tp_getattr = base->tp_getattr;
    type->tp_getattro = base->tp_getattro;
  }
  if (!type->tp_setattr && !type->tp_setattro) {
    type->tp_setattr = base->tp_setattr;
    type->tp_setattro = base->tp_setattro;
  }
  inherit<&PyTypeObject::tp_repr>(type, base);
  inherit<&PyTypeObject::tp_vectorcall_offset>(type, base);
  if (!type->tp_call && type_has(base, Py_TPFLAGS_HAVE_VECTORCALL)) type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
  inherit<&PyTypeObject::tp_call>(type, base);
  inherit<&PyTypeObject::tp_str>(type, base);
  if (!type->tp_richcompare && !type->tp_hash && !TRY(overrides_hash(type))) {
    type->tp_richcompare = base->tp_richcompare;
    type->tp_hash = base->tp_hash;
  }
  inherit<&PyTypeObject::tp_iter>(type, base);
  inherit<&PyTypeObject::tp_iternext>(type, base);
  inherit<&PyTypeObject::tp_descr_get>(type, base);
  if (type->tp_descr_get && type->tp_descr_get == base->tp_descr_get && type_has(type, Py_TPFLAGS_IMMUTABLETYPE) &&
      type_has(base, Py_TPFLAGS_METHOD_DESCRIPTOR))
    type->tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
  inherit<&PyTypeObject::tp_descr_set>(type, base);
  inherit<&PyTypeObject::tp_dictoffset>(type, base);
  inherit<&PyTypeObject::tp_init>(type, base);
  inherit<&PyTypeObject::tp_alloc>(type, base);
  inherit<&PyTypeObject::tp_is_gc>(type, base);
  inherit<&PyTypeObject::tp_finalize>(type, base);
  if (is_gc_type(type) == is_gc_type(base)) {
    inherit<&PyTypeObject::tp_free>(type, base);
  } else if (is_gc_type(type) && !type->tp_free && base->tp_free == PyObject_Free) {
    type->tp_free = PyObject_GC_Del;
  }
  return Status::Ok;
}

// What `case [x]` and `case {…}` match.
void inherit_pattern_flags(PyTypeObject* type, PyTypeObject* base) {
  constexpr unsigned long kCollection = Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_MAPPING;
  if (!type_has(type, kCollection)) type->tp_flags |= base->tp_flags & kCollection;
}

Status inherit_all(PyTypeObject* type) {
  PyTypeObject* base = type->tp_base;
  if (base) inherit_layout(type, base);
  // A static type without a suite of its own uses its base's.
  if (base) {
    if (!type->tp_as_async) type->tp_as_async = base->tp_as_async;
    if (!type->tp_as_number) type->tp_as_number = base->tp_as_number;
    if (!type->tp_as_sequence) type->tp_as_sequence = base->tp_as_sequence;
    if (!type->tp_as_mapping) type->tp_as_mapping = base->tp_as_mapping;
    if (!type->tp_as_buffer) type->tp_as_buffer = base->tp_as_buffer;
  }
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(mro); ++i) {
    PyObject* other = PyTuple_GET_ITEM(mro, i);
    if (!PyType_Check(other)) continue;
    TRY(inherit_slots(type, as<PyTypeObject>(other)));
    inherit_pattern_flags(type, as<PyTypeObject>(other));
  }
  return Status::Ok;
}

Status set_preheader(PyTypeObject* type) {
  if (type_has(type, Py_TPFLAGS_MANAGED_DICT)) {
    if (type->tp_dictoffset > 0 || type->tp_dictoffset < -1)
      return raise(PyExc_TypeError, "type %s has the Py_TPFLAGS_MANAGED_DICT flag but tp_dictoffset is set to incompatible value",
                   type->tp_name);
    type->tp_dictoffset = -1;
  }
  if (type_has(type, Py_TPFLAGS_MANAGED_WEAKREF)) {
    if (type->tp_weaklistoffset != 0 && type->tp_weaklistoffset != kManagedWeakOffset)
      return raise(PyExc_TypeError,
                   "type %s has the Py_TPFLAGS_MANAGED_WEAKREF flag but tp_weaklistoffset is set to incompatible value", type->tp_name);
    type->tp_weaklistoffset = kManagedWeakOffset;
  }
  return Status::Ok;
}

Status set_hash(PyTypeObject* type) {
  if (type->tp_hash) return Status::Ok;
  PyObject* dict = type_dict(type);
  const int defined = PyDict_Contains(dict, "__hash__"_id);
  if (defined < 0) return failed;
  if (defined) return Status::Ok;
  // Comparable by value and mutable: unhashable.
  TRY(PyDict_SetItem(dict, "__hash__"_id, Py_None));
  type->tp_hash = PyObject_HashNotImplemented;
  return Status::Ok;
}

Status add_to_bases(PyTypeObject* type) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_bases); ++i) {
    PyObject* base = PyTuple_GET_ITEM(type->tp_bases, i);
    if (PyType_Check(base)) TRY(add_subclass(as<PyTypeObject>(base), type));
  }
  return Status::Ok;
}

Status check_before(PyTypeObject* type) {
  if (is_gc_type(type) && !type->tp_traverse)
    return raise(PyExc_SystemError, "type %s has the Py_TPFLAGS_HAVE_GC flag but has no traverse function", type->tp_name);
  if (!type->tp_name) return raise(PyExc_SystemError, "Type does not define the tp_name field.");
  return Status::Ok;
}

Status ready_parts(PyTypeObject* type) {
  TRY(check_before(type));
  TRY(set_base_and_metatype(type));
  TRY(set_bases(type));
  TRY(set_dict(type));
  TRY(set_mro(type));
  TRY(set_new(type));
  TRY(fill_dict(type));
  TRY(inherit_all(type));
  TRY(set_preheader(type));
  TRY(set_hash(type));
  TRY(add_to_bases(type));
  // Static types without a function to free what they allocate.
  if (!type->tp_free) type->tp_free = is_gc_type(type) ? PyObject_GC_Del : PyObject_Free;
  return Status::Ok;
}

// The dictionary of a static builtin type that another interpreter has readied.
Status ready_view(PyTypeObject* type) {
  TRY(set_dict(type));
  if (type->tp_new && (!type->tp_base || type->tp_base->tp_new != type->tp_new)) TRY(add_new_wrapper(type));
  TRY(fill_dict(type));
  if (type->tp_hash == PyObject_HashNotImplemented) {
    const int defined = PyDict_Contains(type_dict(type), "__hash__"_id);
    if (defined < 0) return failed;
    if (!defined && (!type->tp_base || type->tp_base->tp_hash != type->tp_hash))
      TRY(PyDict_SetItem(type_dict(type), "__hash__"_id, Py_None));
  }
  return add_to_bases(type);
}

}  // namespace

Status type_ready(PyTypeObject* type) {
  if (type_has(type, Py_TPFLAGS_READY)) return Status::Ok;
  if (type_has(type, Py_TPFLAGS_READYING)) return Status::Ok;  // a cycle of bases cannot be: a row of it is being readied
  type->tp_flags |= Py_TPFLAGS_READYING;
  if (!is_heap_type(type)) {
    type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    // The references to a static type are not counted by its owner.
    if (is_static_builtin(type)) _Py_SetImmortal(object(type));
  }
  const Status result = ready_parts(type);
  type->tp_flags &= ~Py_TPFLAGS_READYING;
  TRY(result);
  type->tp_flags |= Py_TPFLAGS_READY;
  return Status::Ok;
}

// Whether one of the type's bases has the same function in this slot: then the method is found there.
bool slot_is_inherited(PyTypeObject* type, const SlotRow& row, void* function) {
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 1; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    void** pointer = slot_pointer(as<PyTypeObject>(PyTuple_GET_ITEM(mro, i)), row);
    if (pointer && *pointer == function) return true;
  }
  return false;
}

Status static_type_ready(PyTypeObject* type) {
  if (is_static_builtin(type)) {
    if (!type_has(type, Py_TPFLAGS_READY)) return type_ready(type);
    return type_dict(type) ? Status::Ok : ready_view(type);
  }
  return type_ready(type);
}

Status static_types_ready_late(PyTypeObject* const* types, int count) {
  // Interpreters with a GIL of their own import at the same time, and the types are common to them. The GIL is not held
  // while waiting.
  if (pthread_mutex_trylock(&process.late_types_mutex) != 0) {
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&process.late_types_mutex);
    Py_END_ALLOW_THREADS
  }
  Status result = Status::Ok;
  for (int i = 0; i < count && result == Status::Ok; ++i) result = static_type_ready(types[i]);
  pthread_mutex_unlock(&process.late_types_mutex);
  return result;
}

Status static_types_ready(PyInterpreterState* state) {
  // First the numbers: everything else finds the types' dictionaries by them.
  for (int i = 0; i < kStaticTypeCount; ++i) {
    PyTypeObject* type = kStaticTypes[i];
    state->object.types.static_types[i].type = type;
    if (is_static_builtin(type)) continue;
    type->tp_flags |= _Py_TPFLAGS_STATIC_BUILTIN;
    type->tp_subclasses = reinterpret_cast<void*>(static_cast<intptr_t>(i) + 1);
    // Objects of a type may be made and freed before it is ready.
    if (!type->tp_free && !type->tp_base) type->tp_free = is_gc_type(type) ? PyObject_GC_Del : PyObject_Free;
    if (!type->tp_alloc) type->tp_alloc = PyType_GenericAlloc;
  }
  for (int i = 0; i < kStaticTypeCount - kLateStaticTypeCount; ++i) TRY(static_type_ready(kStaticTypes[i]));
  return Status::Ok;
}

void static_types_end(PyInterpreterState* state) {
  Py_CLEAR(state->object.types.generic);
  PyType_ClearCache();
  for (int i = kStaticTypeCount - 1; i >= 0; --i) {
    StaticTypeView& view = state->object.types.static_types[i];
    Py_CLEAR(view.subclasses);
    if (view.dict) PyDict_Clear(view.dict);
  }
  for (int i = kStaticTypeCount - 1; i >= 0; --i) Py_CLEAR(state->object.types.static_types[i].dict);
}

static Ref<> ready_static_types() {
  Ref<> list = TRY(steal(PyList_New(0)));
  for (int i = 0; i < kStaticTypeCount - kLateStaticTypeCount; ++i)
    // One that has another's name is not on the reference's list.
    if (kStaticTypes[i] != &_PyBranchesIterator) TRY(PyList_Append(list, object(kStaticTypes[i])));
  return list;
}

}  // namespace ks

// 0, or -1 with an exception.
extern "C" int PyType_Ready(PyTypeObject* type) {
  if (!type) {
    PyErr_BadInternalCall();
    return -1;
  }
  return ks::to_c(ks::type_ready(type));
}

// As PyType_Ready, for static types of extension modules that are shared by interpreters.
KS_EXPORT int _PyStaticType_InitForExtension(PyInterpreterState*, PyTypeObject* type) { return PyType_Ready(type); }

// A new list of the library's static types, those of modules left out.
KS_EXPORT PyObject* _PyStaticType_GetBuiltins(void) { return ks::ready_static_types().release(); }
