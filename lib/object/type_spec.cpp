// Heap types from PyType_Spec, and what belongs to them: modules, tokens, per-class data in instances.
//
// A negative basicsize asks for that many bytes behind the base's, aligned for anything: the class's own data, whatever the
// base's size is in this interpreter.
#include <cstddef>
#include <cstring>

#include "object/attribute.h"
#include "object/export.h"
#include "object/type_internal.h"
#include "runtime/state.h"

namespace ks {
namespace {

constexpr Py_ssize_t kAlignment = alignof(max_align_t);
Py_ssize_t align_up(Py_ssize_t size) { return (size + kAlignment - 1) & ~(kAlignment - 1); }

struct SpecParts {
  const PyMemberDef* members = nullptr;
  Py_ssize_t member_count = 0;
  const char* doc = nullptr;
  Py_ssize_t weaklist_offset = 0, dict_offset = 0, vectorcall_offset = 0;
  Ref<> bases;
};

// Members with these names say where the fields lie and become no attributes of a new kind.
Py_ssize_t* special_member(SpecParts& parts, const PyMemberDef& member) {
  if (strcmp(member.name, "__weaklistoffset__") == 0) return &parts.weaklist_offset;
  if (strcmp(member.name, "__dictoffset__") == 0) return &parts.dict_offset;
  if (strcmp(member.name, "__vectorcalloffset__") == 0) return &parts.vectorcall_offset;
  return nullptr;
}
Status read_special_member(SpecParts& parts, const PyMemberDef& member, Py_ssize_t data_offset) {
  Py_ssize_t* target = special_member(parts, member);
  if (!target) return Status::Ok;
  *target = member.offset + (member.flags & Py_RELATIVE_OFFSET ? data_offset : 0);
  return Status::Ok;
}

Status read_slots(SpecParts& parts, const PyType_Spec* spec) {
  for (const PyType_Slot* slot = spec->slots; slot && slot->slot; ++slot) {
    if (slot->slot == Py_tp_token) continue;
    if (!slot_id_exists(slot->slot) && slot->slot != Py_tp_members) return raise(PyExc_RuntimeError, "invalid slot offset");
    if (slot->slot == Py_tp_members) {
      if (parts.members) return raise(PyExc_SystemError, "Multiple Py_tp_members slots are not supported.");
      parts.members = static_cast<const PyMemberDef*>(slot->pfunc);
      for (const PyMemberDef* member = parts.members; member && member->name; ++member) {
        ++parts.member_count;
        if ((member->flags & Py_RELATIVE_OFFSET) && spec->basicsize > 0)
          return raise(PyExc_SystemError, "With Py_RELATIVE_OFFSET, basicsize must be negative.");
        if ((member->flags & Py_RELATIVE_OFFSET) && (member->offset < 0 || member->offset >= -spec->basicsize))
          return raise(PyExc_SystemError, "Member offset out of range (0..-basicsize)");
      }
    } else if (slot->slot == Py_tp_doc) {
      if (parts.doc) return raise(PyExc_SystemError, "Multiple Py_tp_doc slots are not supported.");
      parts.doc = static_cast<const char*>(slot->pfunc);
    }
  }
  return Status::Ok;
}

Status read_bases(SpecParts& parts, const PyType_Spec* spec, PyObject* given) {
  PyObject* single = nullptr;
  if (!given) {
    for (const PyType_Slot* slot = spec->slots; slot && slot->slot; ++slot) {
      if (slot->slot == Py_tp_base) single = static_cast<PyObject*>(slot->pfunc);
      if (slot->slot == Py_tp_bases) given = static_cast<PyObject*>(slot->pfunc);
    }
    if (!given) given = single ? single : object(&PyBaseObject_Type);
  }
  parts.bases = PyTuple_Check(given) ? borrow(given) : steal(PyTuple_Pack(1, given));
  if (!parts.bases) return failed;
  if (PyTuple_GET_SIZE(parts.bases.get()) == 0) parts.bases = steal(PyTuple_Pack(1, &PyBaseObject_Type));
  return parts.bases ? Status::Ok : Status::Error;
}

Failed raise_mutable_base(const char* name, PyTypeObject* base) {
  Ref<> base_name = TRY(steal(PyType_GetFullyQualifiedName(base)));
  return raise(PyExc_TypeError, "Creating immutable type %s from mutable base %U", name, base_name.get());
}

Status check_immutable_bases(const char* name, PyObject* bases) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); ++i) {
    PyObject* base = PyTuple_GET_ITEM(bases, i);
    if (!PyType_Check(base)) return raise(PyExc_TypeError, "bases must be types");
    if (!type_has(as<PyTypeObject>(base), Py_TPFLAGS_IMMUTABLETYPE)) return raise_mutable_base(name, as<PyTypeObject>(base));
  }
  return Status::Ok;
}

char* duplicate(const char* text) {
  const size_t size = strlen(text) + 1;
  auto* copy = static_cast<char*>(PyMem_Malloc(size));
  if (!copy) return PyErr_NoMemory(), nullptr;
  memcpy(copy, text, size);
  return copy;
}

Status set_module_name(PyTypeObject* type, const PyType_Spec* spec) {
  const int given = PyDict_Contains(type->tp_dict, "__module__"_id);
  if (given != 0) return given < 0 ? Status::Error : Status::Ok;
  const char* dot = strrchr(spec->name, '.');
  if (!dot)
    return status(PyErr_WarnFormat(PyExc_DeprecationWarning, 1, "builtin type %.200s has no __module__ attribute", spec->name));
  Ref<> module = TRY(steal(PyUnicode_FromStringAndSize(spec->name, dot - spec->name)));
  return status(PyDict_SetItem(type->tp_dict, "__module__"_id, module));
}

PyObject* make(PyTypeObject* metatype, PyObject* module, const PyType_Spec* spec, PyObject* given_bases) {
  SpecParts parts;
  if (!spec->name) return raise(PyExc_SystemError, "Type spec does not define the name field.");
  TRY(read_slots(parts, spec));
  TRY(read_bases(parts, spec, given_bases));
  if (spec->flags & Py_TPFLAGS_IMMUTABLETYPE) TRY(check_immutable_bases(spec->name, parts.bases));
  if (!metatype) metatype = &PyType_Type;
  metatype = TRY(calculate_metaclass(metatype, parts.bases));
  if (!is_subtype(metatype, &PyType_Type))
    return raise(PyExc_TypeError, "Metaclass '%R' is not a subclass of 'type'.", object(metatype));
  if (metatype->tp_new && metatype->tp_new != PyType_Type.tp_new)
    return raise(PyExc_TypeError, "Metaclasses with custom tp_new are not supported.");
  PyTypeObject* base = TRY(best_base(parts.bases));

  Py_ssize_t basicsize = spec->basicsize;
  const Py_ssize_t data_offset = basicsize < 0 ? align_up(base->tp_basicsize) : 0;
  Py_ssize_t itemsize = spec->itemsize;
  if (basicsize == 0) {
    basicsize = base->tp_basicsize;
  } else if (basicsize < 0) {
    if (itemsize == 0 && base->tp_itemsize && !type_has(base, Py_TPFLAGS_ITEMS_AT_END))
      return raise(PyExc_SystemError, "Cannot extend variable-size class without Py_TPFLAGS_ITEMS_AT_END.");
    if (itemsize && !(spec->flags & Py_TPFLAGS_ITEMS_AT_END) && !type_has(base, Py_TPFLAGS_ITEMS_AT_END))
      return raise(PyExc_SystemError, "Cannot extend variable-size class without Py_TPFLAGS_ITEMS_AT_END.");
    basicsize = data_offset + align_up(-basicsize);
  }
  for (const PyMemberDef* member = parts.members; member && member->name; ++member)
    TRY(read_special_member(parts, *member, data_offset));

  auto heap = TRY((steal(as<PyHeapTypeObject>(metatype->tp_alloc(metatype, parts.member_count)))));
  PyTypeObject* type = &heap->ht_type;
  type->tp_flags = spec->flags | Py_TPFLAGS_HEAPTYPE;
  heap->_ht_tpname = TRY(duplicate(spec->name));
  type->tp_name = heap->_ht_tpname;
  heap->ht_name = TRY(PyUnicode_FromString(type_name_without_module(type)));
  heap->ht_qualname = Py_NewRef(heap->ht_name);
  heap->ht_module = Py_XNewRef(module);
  type->tp_as_async = &heap->as_async;
  type->tp_as_number = &heap->as_number;
  type->tp_as_sequence = &heap->as_sequence;
  type->tp_as_mapping = &heap->as_mapping;
  type->tp_as_buffer = &heap->as_buffer;
  type->tp_base = as<PyTypeObject>(Py_NewRef(object(base)));
  type->tp_bases = Py_NewRef(parts.bases.get());
  type->tp_basicsize = basicsize;
  type->tp_itemsize = itemsize;
  if (parts.doc) type->tp_doc = TRY(duplicate(parts.doc));
  for (const PyType_Slot* slot = spec->slots; slot && slot->slot; ++slot) {
    switch (slot->slot) {
      case Py_tp_base:
      case Py_tp_bases:
      case Py_tp_doc: break;
      case Py_tp_token: heap->ht_token = slot->pfunc ? slot->pfunc : const_cast<PyType_Spec*>(spec); break;
      case Py_tp_members: {
        PyMemberDef* copy = heap_type_members(heap);
        type->tp_members = copy;  // zeroed: what is left out shortens the list
        for (Py_ssize_t i = 0; i < parts.member_count; ++i) {
          // (The offset of the vector call stays an attribute, as in the reference.)
          const Py_ssize_t* special = special_member(parts, parts.members[i]);
          if (special && special != &parts.vectorcall_offset) continue;
          *copy = parts.members[i];
          if (copy->flags & Py_RELATIVE_OFFSET) {
            copy->flags &= ~Py_RELATIVE_OFFSET;
            copy->offset += data_offset;
          }
          ++copy;
        }
        break;
      }
      default: *slot_pointer_by_id(type, slot->slot) = slot->pfunc;
    }
  }
  // A type that says nothing about its end gets what Python classes have.
  if (!type->tp_dealloc) type->tp_dealloc = instance_dealloc;
  if (parts.vectorcall_offset) type->tp_vectorcall_offset = parts.vectorcall_offset;
  type->tp_weaklistoffset = parts.weaklist_offset;
  type->tp_dictoffset = parts.dict_offset;
  TRY(type_ready(type));
  TRY(set_module_name(type, spec));
  return object(heap.release());
}

}  // namespace
}  // namespace ks

using namespace ks;

// A heap type as the spec describes it: new. `bases`: a type or tuple of types, NULL for what the spec says.
extern "C" PyObject* PyType_FromMetaclass(PyTypeObject* metatype, PyObject* module, PyType_Spec* spec, PyObject* bases) {
  return make(metatype, module, spec, bases);
}
extern "C" PyObject* PyType_FromModuleAndSpec(PyObject* module, PyType_Spec* spec, PyObject* bases) {
  return make(nullptr, module, spec, bases);
}
extern "C" PyObject* PyType_FromSpecWithBases(PyType_Spec* spec, PyObject* bases) { return make(nullptr, nullptr, spec, bases); }
extern "C" PyObject* PyType_FromSpec(PyType_Spec* spec) { return make(nullptr, nullptr, spec, nullptr); }

// Makes a type immutable; TypeError when a base is mutable.
extern "C" int PyType_Freeze(PyTypeObject* type) {
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 1; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    auto* base = as<PyTypeObject>(PyTuple_GET_ITEM(mro, i));
    if (!type_has(base, Py_TPFLAGS_IMMUTABLETYPE)) return raise_mutable_base(type->tp_name, base);
  }
  type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
  type_modified(type);
  return 0;
}

// The module that the type was made for: borrowed; TypeError when there is none.
extern "C" PyObject* PyType_GetModule(PyTypeObject* type) {
  if (!is_heap_type(type)) return raise(PyExc_TypeError, "PyType_GetModule: Type '%s' is not a heap type", type->tp_name);
  PyObject* module = heap_type(type)->ht_module;
  if (!module) return raise(PyExc_TypeError, "PyType_GetModule: Type '%s' has no associated module", type->tp_name);
  return module;
}
// That module's state, or NULL (with TypeError when there is no module).
extern "C" void* PyType_GetModuleState(PyTypeObject* type) {
  PyObject* module = PyType_GetModule(type);
  return module ? PyModule_GetState(module) : nullptr;
}
// The module of the first class in the MRO that was made for a module with this definition: borrowed; TypeError.
extern "C" PyObject* PyType_GetModuleByDef(PyTypeObject* type, PyModuleDef* definition) {
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    auto* base = as<PyTypeObject>(PyTuple_GET_ITEM(mro, i));
    if (!is_heap_type(base)) continue;
    PyObject* module = heap_type(base)->ht_module;
    if (module && PyModule_Check(module) && PyModule_GetDef(module) == definition) return module;
  }
  return raise(PyExc_TypeError, "PyType_GetModuleByDef: No superclass of '%s' has the given module", type->tp_name);
}

// The first class in the MRO with this token; 1 and *result (borrowed), or 0.
KS_EXPORT int _PyType_GetBaseByToken_Borrow(PyTypeObject* type, void* token, PyTypeObject** result) {
  if (result) *result = nullptr;
  if (!token) return raise(PyExc_SystemError, "PyType_GetBaseByToken called with token=NULL");
  if (!PyType_Check(object(type))) return raise(PyExc_TypeError, "expected a type, got a '%T' object", object(type));
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    auto* base = as<PyTypeObject>(PyTuple_GET_ITEM(mro, i));
    if (!is_heap_type(base) || heap_type(base)->ht_token != token) continue;
    if (result) *result = base;
    return 1;
  }
  return 0;
}
// The same with a new reference; -1 with an exception.
extern "C" int PyType_GetBaseByToken(PyTypeObject* type, void* token, PyTypeObject** result) {
  const int found = _PyType_GetBaseByToken_Borrow(type, token, result);
  if (found > 0 && result) Py_INCREF(object(*result));
  return found;
}

// The class's own bytes in an instance.
extern "C" void* PyObject_GetTypeData(PyObject* obj, PyTypeObject* cls) {
  return reinterpret_cast<char*>(obj) + align_up(cls->tp_base->tp_basicsize);
}
extern "C" Py_ssize_t PyType_GetTypeDataSize(PyTypeObject* cls) {
  const Py_ssize_t size = cls->tp_basicsize - align_up(cls->tp_base->tp_basicsize);
  return size < 0 ? 0 : size;
}
// The items of an instance of a type with Py_TPFLAGS_ITEMS_AT_END; TypeError for others.
extern "C" void* PyObject_GetItemData(PyObject* obj) {
  if (!type_has(Py_TYPE(obj), Py_TPFLAGS_ITEMS_AT_END))
    return raise(PyExc_TypeError, "type '%s' does not have Py_TPFLAGS_ITEMS_AT_END", Py_TYPE(obj)->tp_name);
  return reinterpret_cast<char*>(obj) + Py_TYPE(obj)->tp_basicsize;
}
