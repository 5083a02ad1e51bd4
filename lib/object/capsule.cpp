// Capsules: a C pointer as an object.
#include <Python.h>

#include <cstring>

#include "object/allocate.h"
#include "object/export.h"
#include "object/result.h"

namespace ks {
namespace {

struct Capsule {
  PyObject_HEAD
  void* pointer;
  const char* name;
  void* context;
  PyCapsule_Destructor destructor;
  traverseproc traverse;
  inquiry clear;
};

bool same_name(const char* a, const char* b) {
  if (!a || !b) return a == b;
  return strcmp(a, b) == 0;
}

// The capsule, or nullptr with ValueError "FUNCTION called with invalid PyCapsule object".
Capsule* legal(PyObject* o, const char* function) {
  if (o && PyCapsule_CheckExact(o) && reinterpret_cast<Capsule*>(o)->pointer) return reinterpret_cast<Capsule*>(o);
  return raise(PyExc_ValueError, "%s called with invalid PyCapsule object", function);
}

void capsule_dealloc(PyObject* o) {
  gc_untrack_if_tracked(o);
  auto* capsule = reinterpret_cast<Capsule*>(o);
  if (capsule->destructor) capsule->destructor(o);
  PyObject_GC_Del(o);
}
PyObject* capsule_repr(PyObject* o) {
  auto* capsule = reinterpret_cast<Capsule*>(o);
  const char* quote = capsule->name ? "\"" : "";
  return PyUnicode_FromFormat("<capsule object %s%s%s at %p>", quote, capsule->name ? capsule->name : "NULL", quote, o);
}
int capsule_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* capsule = reinterpret_cast<Capsule*>(o);
  return capsule->traverse ? capsule->traverse(o, visit, arg) : 0;
}
int capsule_clear(PyObject* o) {
  auto* capsule = reinterpret_cast<Capsule*>(o);
  return capsule->clear ? capsule->clear(o) : 0;
}

}  // namespace
}  // namespace ks

using namespace ks;

// A new capsule; the name is not copied. NULL with ValueError for a null pointer.
PyObject* PyCapsule_New(void* pointer, const char* name, PyCapsule_Destructor destructor) {
  if (!pointer) return raise(PyExc_ValueError, "PyCapsule_New called with null pointer");
  auto* capsule = allocate_gc<Capsule>(&PyCapsule_Type);
  if (!capsule) return nullptr;
  capsule->pointer = pointer;
  capsule->name = name;
  capsule->context = nullptr;
  capsule->destructor = destructor;
  capsule->traverse = nullptr;
  capsule->clear = nullptr;
  // Only those with a traverse function are tracked.
  return object(capsule);
}

int PyCapsule_IsValid(PyObject* o, const char* name) {
  if (!o || !PyCapsule_CheckExact(o)) return 0;
  auto* capsule = reinterpret_cast<Capsule*>(o);
  return capsule->pointer && same_name(capsule->name, name);
}
// NULL with ValueError when the object is no capsule of that name.
void* PyCapsule_GetPointer(PyObject* o, const char* name) {
  Capsule* capsule = TRY(legal(o, "PyCapsule_GetPointer"));
  if (!same_name(name, capsule->name))
    return raise(PyExc_ValueError, "PyCapsule_GetPointer called with incorrect name");
  return capsule->pointer;
}
const char* PyCapsule_GetName(PyObject* o) { return TRY(legal(o, "PyCapsule_GetName"))->name; }
PyCapsule_Destructor PyCapsule_GetDestructor(PyObject* o) { return TRY(legal(o, "PyCapsule_GetDestructor"))->destructor; }
void* PyCapsule_GetContext(PyObject* o) { return TRY(legal(o, "PyCapsule_GetContext"))->context; }
int PyCapsule_SetPointer(PyObject* o, void* pointer) {
  Capsule* capsule = TRY(legal(o, "PyCapsule_SetPointer"));
  if (!pointer) return raise(PyExc_ValueError, "PyCapsule_SetPointer called with null pointer");
  capsule->pointer = pointer;
  return 0;
}
int PyCapsule_SetName(PyObject* o, const char* name) {
  TRY(legal(o, "PyCapsule_SetName"))->name = name;
  return 0;
}
int PyCapsule_SetDestructor(PyObject* o, PyCapsule_Destructor destructor) {
  TRY(legal(o, "PyCapsule_SetDestructor"))->destructor = destructor;
  return 0;
}
int PyCapsule_SetContext(PyObject* o, void* context) {
  TRY(legal(o, "PyCapsule_SetContext"))->context = context;
  return 0;
}
// Makes the capsule take part in cycle collection.
KS_EXPORT int _PyCapsule_SetTraverse(PyObject* o, traverseproc traverse, inquiry clear) {
  Capsule* capsule = TRY(legal(o, "_PyCapsule_SetTraverse"));
  if (!traverse || !clear) return raise(PyExc_ValueError, "_PyCapsule_SetTraverse() called with NULL callback");
  capsule->traverse = traverse;
  capsule->clear = clear;
  if (!gc_is_tracked(o)) gc_track(o);
  return 0;
}

// The pointer of the capsule "module.attribute" after importing the module.
void* PyCapsule_Import(const char* name, int) {
  const size_t size = strlen(name) + 1;
  auto* copy = static_cast<char*>(PyMem_Malloc(size));
  if (!copy) return PyErr_NoMemory();
  memcpy(copy, name, size);
  Ref<> current;
  void* result = nullptr;
  bool good = true;
  for (char* part = copy; part && good;) {
    char* dot = strchr(part, '.');
    if (dot) *dot++ = 0;
    if (!current) {
      current = steal(PyImport_ImportModule(part));
      if (!current) (void)raise(PyExc_ImportError, "PyCapsule_Import could not import module \"%s\"", part);
    } else {
      current = steal(PyObject_GetAttrString(current, part));
    }
    good = static_cast<bool>(current);
    part = dot;
  }
  if (good) {
    if (PyCapsule_IsValid(current, name)) result = reinterpret_cast<Capsule*>(current.get())->pointer;
    else (void)raise(PyExc_AttributeError, "PyCapsule_Import \"%s\" is not valid", name);
  }
  PyMem_Free(copy);
  return result;
}

PyTypeObject PyCapsule_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "PyCapsule",
    .tp_basicsize = sizeof(Capsule),
    .tp_dealloc = capsule_dealloc,
    .tp_repr = capsule_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "A C pointer as a Python object: how an extension module hands its C interface to another one.",
    .tp_traverse = capsule_traverse,
    .tp_clear = capsule_clear,
};
