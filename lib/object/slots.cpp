// The table of slots, and keeping slots in step with special methods.
//
// A class that inherits a C slot unchanged has the C function itself in the slot. A class for which looking up the special
// method along the MRO gives something else than that C function's wrapper has the slot function of slots.def, which
// looks the method up at each call. Several rows may share one slot (__setattr__ and __delattr__): then the C function is
// used only if all of them lead to it.
#include "object/slots.h"

#include <cstddef>
#include <cstring>

#include "object/export.h"
#include "object/method.h"
#include "object/slots_functions.h"
#include "object/type_internal.h"
#include "runtime/state.h"
#include "types/dict.h"

namespace ks {
namespace {

template <Suite suite>
struct SuiteOf;
#define SUITE(NAME, STRUCT, BASE)                  \
  template <>                                      \
  struct SuiteOf<Suite::NAME> {                    \
    using Struct = STRUCT;                         \
    static constexpr int kBase = BASE;             \
  };
SUITE(Type, PyTypeObject, 0)
SUITE(Async, PyAsyncMethods, offsetof(PyHeapTypeObject, as_async))
SUITE(Number, PyNumberMethods, offsetof(PyHeapTypeObject, as_number))
SUITE(Mapping, PyMappingMethods, offsetof(PyHeapTypeObject, as_mapping))
SUITE(Sequence, PySequenceMethods, offsetof(PyHeapTypeObject, as_sequence))
SUITE(Buffer, PyBufferProcs, offsetof(PyHeapTypeObject, as_buffer))
#undef SUITE

template <class F>
constexpr void* function_pointer(F* function) {
  return KS_CONSTANT_CAST(void*, function);
}
constexpr void* function_pointer(std::nullptr_t) { return nullptr; }
template <class F>
constexpr wrapperfunc wrapper_pointer(F* function) {
  return KS_CONSTANT_CAST(wrapperfunc, function);
}
constexpr wrapperfunc wrapper_pointer(std::nullptr_t) { return nullptr; }

#define SLOT(NAME, SUITE, MEMBER, FUNCTION, WRAPPER, FLAGS, SIGNATURE, DOC)                                        \
  SlotRow{{#NAME, SuiteOf<Suite::SUITE>::kBase + static_cast<int>(offsetof(SuiteOf<Suite::SUITE>::Struct, MEMBER)),   \
           function_pointer(FUNCTION), wrapper_pointer(WRAPPER), #NAME SIGNATURE "\n--\n\n" DOC, FLAGS,               \
           ((void)&Identifier<#NAME>::entry, &Identifier<#NAME>::text.head.ob_base)},                              \
          Suite::SUITE, static_cast<short>(offsetof(SuiteOf<Suite::SUITE>::Struct, MEMBER))},

}  // namespace

constinit const SlotRow kSlotRows[] = {
#include "object/slots.def"
};
constinit const int kSlotRowCount = sizeof(kSlotRows) / sizeof(kSlotRows[0]);

namespace {

constexpr Suite kNoSuite = static_cast<Suite>(255);
struct SlotPlace {
  Suite suite = kNoSuite;
  short offset = 0;
};
// PyType_Slot numbers.
#define PLACE(ID, SUITE, STRUCT) \
  case Py_##ID: return {Suite::SUITE, static_cast<short>(offsetof(STRUCT, ID))};
#define TYPE_PLACE(ID) PLACE(ID, Type, PyTypeObject)
#define NUMBER_PLACE(ID) PLACE(ID, Number, PyNumberMethods)
constexpr SlotPlace slot_place(int id) {
  switch (id) {
    PLACE(bf_getbuffer, Buffer, PyBufferProcs)
    PLACE(bf_releasebuffer, Buffer, PyBufferProcs)
    PLACE(mp_ass_subscript, Mapping, PyMappingMethods)
    PLACE(mp_length, Mapping, PyMappingMethods)
    PLACE(mp_subscript, Mapping, PyMappingMethods)
    NUMBER_PLACE(nb_absolute) NUMBER_PLACE(nb_add) NUMBER_PLACE(nb_and) NUMBER_PLACE(nb_bool) NUMBER_PLACE(nb_divmod)
    NUMBER_PLACE(nb_float) NUMBER_PLACE(nb_floor_divide) NUMBER_PLACE(nb_index) NUMBER_PLACE(nb_inplace_add)
    NUMBER_PLACE(nb_inplace_and) NUMBER_PLACE(nb_inplace_floor_divide) NUMBER_PLACE(nb_inplace_lshift)
    NUMBER_PLACE(nb_inplace_multiply) NUMBER_PLACE(nb_inplace_or) NUMBER_PLACE(nb_inplace_power)
    NUMBER_PLACE(nb_inplace_remainder) NUMBER_PLACE(nb_inplace_rshift) NUMBER_PLACE(nb_inplace_subtract)
    NUMBER_PLACE(nb_inplace_true_divide) NUMBER_PLACE(nb_inplace_xor) NUMBER_PLACE(nb_int) NUMBER_PLACE(nb_invert)
    NUMBER_PLACE(nb_lshift) NUMBER_PLACE(nb_multiply) NUMBER_PLACE(nb_negative) NUMBER_PLACE(nb_or)
    NUMBER_PLACE(nb_positive) NUMBER_PLACE(nb_power) NUMBER_PLACE(nb_remainder) NUMBER_PLACE(nb_rshift)
    NUMBER_PLACE(nb_subtract) NUMBER_PLACE(nb_true_divide) NUMBER_PLACE(nb_xor) NUMBER_PLACE(nb_matrix_multiply)
    NUMBER_PLACE(nb_inplace_matrix_multiply)
    PLACE(sq_ass_item, Sequence, PySequenceMethods)
    PLACE(sq_concat, Sequence, PySequenceMethods)
    PLACE(sq_contains, Sequence, PySequenceMethods)
    PLACE(sq_inplace_concat, Sequence, PySequenceMethods)
    PLACE(sq_inplace_repeat, Sequence, PySequenceMethods)
    PLACE(sq_item, Sequence, PySequenceMethods)
    PLACE(sq_length, Sequence, PySequenceMethods)
    PLACE(sq_repeat, Sequence, PySequenceMethods)
    TYPE_PLACE(tp_alloc) TYPE_PLACE(tp_base) TYPE_PLACE(tp_bases) TYPE_PLACE(tp_call) TYPE_PLACE(tp_clear)
    TYPE_PLACE(tp_dealloc) TYPE_PLACE(tp_del) TYPE_PLACE(tp_descr_get) TYPE_PLACE(tp_descr_set) TYPE_PLACE(tp_doc)
    TYPE_PLACE(tp_getattr) TYPE_PLACE(tp_getattro) TYPE_PLACE(tp_hash) TYPE_PLACE(tp_init) TYPE_PLACE(tp_is_gc)
    TYPE_PLACE(tp_iter) TYPE_PLACE(tp_iternext) TYPE_PLACE(tp_methods) TYPE_PLACE(tp_new) TYPE_PLACE(tp_repr)
    TYPE_PLACE(tp_richcompare) TYPE_PLACE(tp_setattr) TYPE_PLACE(tp_setattro) TYPE_PLACE(tp_str)
    TYPE_PLACE(tp_traverse) TYPE_PLACE(tp_members) TYPE_PLACE(tp_getset) TYPE_PLACE(tp_free) TYPE_PLACE(tp_finalize)
    TYPE_PLACE(tp_vectorcall)
    PLACE(am_await, Async, PyAsyncMethods)
    PLACE(am_aiter, Async, PyAsyncMethods)
    PLACE(am_anext, Async, PyAsyncMethods)
    PLACE(am_send, Async, PyAsyncMethods)
    default: return {};
  }
}

bool same_slot(const SlotRow& a, const SlotRow& b) { return a.suite == b.suite && a.offset == b.offset; }

// The slots of a name that the type has filled: their number, and the last one.
int filled_slots(PyTypeObject* type, PyObject* name, void*** last) {
  int count = 0;
  for (int i = 0; i < kSlotRowCount; ++i) {
    if (kSlotRows[i].base.name_strobj != name) continue;
    void** pointer = slot_pointer(type, kSlotRows[i]);
    if (!pointer || !*pointer) continue;
    ++count;
    *last = pointer;
  }
  return count;
}

// Sets the slot to which the rows [first, …) of one group belong; returns the index behind the group.
int update_slot(PyTypeObject* type, int first) {
  int end = first + 1;
  while (end < kSlotRowCount && same_slot(kSlotRows[first], kSlotRows[end])) ++end;
  void** pointer = slot_pointer(type, kSlotRows[first]);
  if (!pointer) return end;
  void* c_function = nullptr;    // what all wrappers met so far wrap
  void* from_python = nullptr;   // the slot function
  bool only_c = true;
  for (int i = first; i < end; ++i) {
    const SlotRow& row = kSlotRows[i];
    PyObject* found = type_lookup(type, row.base.name_strobj);
    if (!found) {
      if (pointer == reinterpret_cast<void**>(&type->tp_iternext))
        c_function = reinterpret_cast<void*>(&_PyObject_NextNotImplemented);
      continue;
    }
    if (Py_IS_TYPE(found, &PyWrapperDescr_Type) &&
        as<PyWrapperDescrObject>(found)->d_base->name_strobj == row.base.name_strobj) {
      auto* wrapper = as<PyWrapperDescrObject>(found);
      void** filled = nullptr;
      // Where the type fills two slots of this name (nb_add and sq_concat), a generic function for one would hide the other.
      const int count = filled_slots(type, row.base.name_strobj, &filled);
      if (count != 1 || filled == pointer) from_python = row.base.function;
      if ((!c_function || c_function == wrapper->d_wrapped) && wrapper->d_base->wrapper == row.base.wrapper &&
          is_subtype(type, PyDescr_TYPE(wrapper)))
        c_function = wrapper->d_wrapped;
      else
        only_c = false;
    } else if (pointer == reinterpret_cast<void**>(&type->tp_new) && PyCFunction_CheckExact(found) &&
               PyCFunction_GET_FUNCTION(found) == reinterpret_cast<PyCFunction>(&type_new_wrapper)) {
      // C.__new__ inherited as it is: tp_new was inherited with it.
      c_function = reinterpret_cast<void*>(type->tp_new);
    } else if (found == Py_None && pointer == reinterpret_cast<void**>(&type->tp_hash)) {
      c_function = reinterpret_cast<void*>(&PyObject_HashNotImplemented);
    } else {
      only_c = false;
      from_python = row.base.function;
      // An instance with a Python __call__ is not called through the vectorcall function that a base has.
      if (pointer == reinterpret_cast<void**>(&type->tp_call)) type->tp_flags &= ~Py_TPFLAGS_HAVE_VECTORCALL;
    }
  }
  *pointer = c_function && only_c ? c_function : from_python;
  return end;
}

// Updates the groups (their first rows) in type and in those subclasses that do not define the name themselves.
Status update_down(PyTypeObject* type, PyObject* name, const int* groups, int count) {
  for (int i = 0; i < count; ++i) update_slot(type, groups[i]);
  PyObject* subclasses = type_subclasses(type);
  if (!subclasses) return Status::Ok;
  Py_ssize_t position = 0;
  PyObject* reference;
  while (PyDict_Next(subclasses, &position, nullptr, &reference)) {
    Ref<> subclass;
    if (PyWeakref_GetRef(reference, subclass.out()) <= 0) continue;
    auto* subtype = as<PyTypeObject>(subclass.get());
    const int defined = PyDict_Contains(type_dict(subtype), name);
    if (defined < 0) return failed;
    if (!defined) TRY(update_down(subtype, name, groups, count));
  }
  return Status::Ok;
}

}  // namespace

void** slot_pointer(PyTypeObject* type, Suite suite, int offset) {
  char* base = nullptr;
  switch (suite) {
    case Suite::Type: base = reinterpret_cast<char*>(type); break;
    case Suite::Async: base = reinterpret_cast<char*>(type->tp_as_async); break;
    case Suite::Number: base = reinterpret_cast<char*>(type->tp_as_number); break;
    case Suite::Mapping: base = reinterpret_cast<char*>(type->tp_as_mapping); break;
    case Suite::Sequence: base = reinterpret_cast<char*>(type->tp_as_sequence); break;
    case Suite::Buffer: base = reinterpret_cast<char*>(type->tp_as_buffer); break;
  }
  return base ? reinterpret_cast<void**>(base + offset) : nullptr;
}

bool slot_id_exists(int id) { return slot_place(id).suite != kNoSuite; }
void** slot_pointer_by_id(PyTypeObject* type, int id) {
  const SlotPlace place = slot_place(id);
  return place.suite == kNoSuite ? nullptr : slot_pointer(type, place.suite, place.offset);
}

bool is_dunder(PyObject* name) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(name);
  if (length < 5 || !PyUnicode_IS_ASCII(name)) return false;
  const char* text = static_cast<const char*>(PyUnicode_DATA(name));
  return text[0] == '_' && text[1] == '_' && text[length - 1] == '_' && text[length - 2] == '_';
}

Status add_slot_wrappers(PyTypeObject* type) {
  PyObject* dict = type_dict(type);
  for (int i = 0; i < kSlotRowCount; ++i) {
    const SlotRow& row = kSlotRows[i];
    if (!row.base.wrapper) continue;
    void** pointer = slot_pointer(type, row);
    if (!pointer || !*pointer) continue;
    if (is_static_builtin(type) && slot_is_inherited(type, row, *pointer)) continue;
    const int defined = PyDict_Contains(dict, row.base.name_strobj);
    if (defined < 0) return failed;
    if (defined) continue;
    if (*pointer == reinterpret_cast<void*>(&PyObject_HashNotImplemented)) {
      // Classes are unhashable by __hash__ = None, and so it is shown.
      TRY(PyDict_SetItem(dict, row.base.name_strobj, Py_None));
      continue;
    }
    Ref<> descriptor = TRY(steal(PyDescr_NewWrapper(type, const_cast<wrapperbase*>(&row.base), *pointer)));
    TRY(PyDict_SetItem(dict, row.base.name_strobj, descriptor));
  }
  return Status::Ok;
}

namespace {

// The one base whose slots are right for whatever the class does not define itself: object or a Python class, followed by
// its own MRO. (A C type may have special methods that fill no slot; a subclass then needs the slot function.)
PyTypeObject* base_for_slots(PyTypeObject* type) {
  PyTypeObject* base = type->tp_base;
  if (PyTuple_GET_SIZE(type->tp_bases) != 1) return nullptr;
  if (base != &PyBaseObject_Type && (!is_heap_type(base) || heap_type(base)->_ht_tpname)) return nullptr;
  PyObject *mro = type->tp_mro, *theirs = base->tp_mro;
  if (!mro || !theirs || PyTuple_GET_SIZE(mro) != PyTuple_GET_SIZE(theirs) + 1) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(theirs); ++i)
    if (PyTuple_GET_ITEM(mro, i + 1) != PyTuple_GET_ITEM(theirs, i)) return nullptr;
  return base;
}

// Takes the slot of row `first` over from the base; 0 when the class defines one of its names, else the index behind it.
int take_slot(PyTypeObject* type, PyTypeObject* base, PyDictObject* dict, int first) {
  int end = first;
  do {
    if (dict_get_str(dict, kSlotRows[end].base.name_strobj)) return 0;
    ++end;
  } while (end < kSlotRowCount && same_slot(kSlotRows[first], kSlotRows[end]));
  void** own = slot_pointer(type, kSlotRows[first]);
  if (base == &PyBaseObject_Type && own == reinterpret_cast<void**>(&type->tp_iternext)) return 0;
  void** theirs = slot_pointer(base, kSlotRows[first]);
  if (own) *own = theirs ? *theirs : nullptr;
  return end;
}

}  // namespace

void update_all_slots(PyTypeObject* type) {
  PyTypeObject* base = base_for_slots(type);
  auto* dict = as<PyDictObject>(type_dict(type));
  for (int i = 0; i < kSlotRowCount;) {
    const int next = base ? take_slot(type, base, dict, i) : 0;
    i = next ? next : update_slot(type, i);
  }
  // A key that is no str may have failed to compare.
  if (base && PyErr_Occurred()) PyErr_Clear();
}

Status update_slots_named(PyTypeObject* type, PyObject* name) {
  int groups[8];
  int count = 0;
  int group = 0;
  for (int i = 0; i < kSlotRowCount; ++i) {
    if (i == 0 || !same_slot(kSlotRows[i], kSlotRows[i - 1])) group = i;
    const SlotRow& row = kSlotRows[i];
    if (row.base.name_strobj != name && !PyUnicode_EqualToUTF8(name, row.base.name)) continue;
    if (count == 0 || groups[count - 1] != group) groups[count++] = group;
  }
  if (count == 0) return Status::Ok;
  return update_down(type, name, groups, count);
}

}  // namespace ks

// tp_iternext of a class whose __next__ was deleted: not an iterator for PyIter_Check, TypeError when called.
KS_EXPORT PyObject* _PyObject_NextNotImplemented(PyObject* self) {
  return ks::raise(PyExc_TypeError, "'%.200s' object is not iterable", Py_TYPE(self)->tp_name);
}

// PyType_GetSlot: the function in a slot, or nullptr; SystemError for a bad number. Cannot run Python code.
extern "C" void* PyType_GetSlot(PyTypeObject* type, int id) {
  if (id == Py_tp_token && ks::is_heap_type(type)) return ks::heap_type(type)->ht_token;
  if (!ks::slot_id_exists(id)) {
    if (id == Py_tp_token) return nullptr;
    PyErr_BadInternalCall();
    return nullptr;
  }
  void** pointer = ks::slot_pointer_by_id(type, id);
  return pointer ? *pointer : nullptr;
}

// The names of all special methods that have a slot: new list of str.
KS_EXPORT PyObject* _PyType_GetSlotWrapperNames() {
  using namespace ks;
  Ref<> names = TRY(steal(PyList_New(0)));
  for (int i = 0; i < kSlotRowCount; ++i) {
    PyObject* name = kSlotRows[i].base.name_strobj;
    const int known = PySequence_Contains(names, name);
    if (known < 0 || (!known && PyList_Append(names, name) < 0)) return nullptr;
  }
  return names.release();
}
