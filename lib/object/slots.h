// Slots of types: the table, where a slot lies, keeping C slots and special methods in step.
#pragma once

#include <Python.h>

#include "object/type.h"

extern "C" PyObject* _PyObject_NextNotImplemented(PyObject* self);

namespace ks {

enum class Suite : unsigned char { Type, Async, Number, Mapping, Sequence, Buffer };

// A row of slots.def. A slot wrapper's d_base points at `base`; base.offset is the slot's place in PyHeapTypeObject.
struct SlotRow {
  wrapperbase base;
  Suite suite;
  short offset;  // in the suite's struct
};

extern const SlotRow kSlotRows[];
extern const int kSlotRowCount;

// The address of the slot in this type; nullptr when the type lacks the suite.
void** slot_pointer(PyTypeObject* type, Suite suite, int offset);
inline void** slot_pointer(PyTypeObject* type, const SlotRow& row) { return slot_pointer(type, row.suite, row.offset); }
// By the number of PyType_Slot (Py_tp_repr, …).
void** slot_pointer_by_id(PyTypeObject* type, int id);
bool slot_id_exists(int id);

// Puts wrappers for the C slots that the type fills itself into its dictionary.
Status add_slot_wrappers(PyTypeObject* type);
// Sets every slot of a new class after what its dictionary and its bases say.
void update_all_slots(PyTypeObject* type);
// After type.name was set or deleted: the slots of that name, here and in the subclasses that do not define it.
Status update_slots_named(PyTypeObject* type, PyObject* name);
// Whether `name` looks like __name__.
bool is_dunder(PyObject* name);

// Finds the special method `name` of self's type: 1 unbound (call with self first), 0 bound, -1 error or, without an
// exception, absent. *method is new.
int find_special(PyObject* self, PyObject* name, Ref<>* method);
// The same for a method that need not be there: an AttributeError of its __get__ means that it is not.
int find_optional_special(PyObject* self, PyObject* name, Ref<>* method);

// callable(first, *args, **kwargs): new.
PyObject* call_with_first(PyObject* callable, PyObject* first, PyObject* args, PyObject* kwargs);

extern "C" PyObject* type_new_wrapper(PyObject* self, PyObject* args, PyObject* kwargs);  // the function behind C.__new__
PyObject* slot_tp_call(PyObject* self, PyObject* args, PyObject* kwargs);
PyObject* slot_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
int slot_tp_init(PyObject* self, PyObject* args, PyObject* kwargs);
PyObject* slot_tp_getattro(PyObject* self, PyObject* name);
PyObject* slot_tp_getattro_hook(PyObject* self, PyObject* name);
PyObject* slot_tp_richcompare(PyObject* self, PyObject* other, int op);
void slot_tp_finalize(PyObject* self);

extern "C" PyTypeObject BufferWrapper_Type;  // the owner of a buffer that a Python __buffer__ gave

}  // namespace ks
