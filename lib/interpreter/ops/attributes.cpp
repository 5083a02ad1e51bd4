// Attributes.
#include "interpreter/handler.h"
#include "interpreter/operations.h"
#include "interpreter/specialize.h"
#include "object/attribute.h"
#include "object/call.h"

namespace ks {

HANDLER(LOAD_ATTR) {
  ADAPT(LOAD_ATTR);
  SAVE();
  PyObject* name = NAME_AT(OPARG >> 1);
  PyObject* owner = sp[-1].object();
  if (OPARG & 1) {
    PyObject* method;
    const int unbound = get_method(owner, name, &method);
    if (unbound < 0) ERROR();
    if (unbound) {
      sp[0] = sp[-1];
      sp[-1] = Value::owned(method);
      // The method's own slot: what it borrows from is still there.
      ++sp;
      NEXT(10);
    }
    Value old = sp[-1];
    sp[-1] = Value::owned(method);
    *sp++ = Value::null();
    close(old);
    NEXT(10);
  }
  PyObject* value = PyObject_GetAttr(owner, name);
  if (!value) ERROR();
  Value old = sp[-1];
  sp[-1] = Value::owned(value);
  close(old);
  NEXT(10);
}
HANDLER(STORE_ATTR) {
  ADAPT(STORE_ATTR);
  SAVE();
  if (PyObject_SetAttr(sp[-1].object(), NAME_AT(OPARG), sp[-2].object()) < 0) ERROR();
  sp -= 2;
  close(sp[0]);
  close(sp[1]);
  NEXT(5);
}
HANDLER(DELETE_ATTR) {
  SAVE();
  if (PyObject_DelAttr(sp[-1].object(), NAME_AT(OPARG)) < 0) ERROR();
  close(*--sp);
  NEXT(1);
}

// super().name: global_super, class, self. Bit 0: for a call; bit 1: two arguments were written.
[[gnu::noinline]] static PyObject* load_super_attribute(PyThreadState* thread, Value* operands, PyObject* name, uint32_t oparg,
                                                        bool* unbound) {
  PyObject* super = operands[0].object();
  PyObject* type = operands[1].object();
  PyObject* self = operands[2].object();
  *unbound = false;
  if (super == reinterpret_cast<PyObject*>(&PySuper_Type) && PyType_Check(type))
    return super_lookup(reinterpret_cast<PyTypeObject*>(type), self, name, (oparg & 1) ? unbound : nullptr);
  PyObject* stack[] = {nullptr, type, self};
  PyObject* object = vectorcall(thread, super, stack + 1, static_cast<size_t>((oparg & 2) ? 2 : 0) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (!object) return nullptr;
  PyObject* result = PyObject_GetAttr(object, name);
  Py_DECREF(object);
  return result;
}
HANDLER(LOAD_SUPER_ATTR) {
  SAVE();
  bool unbound;
  PyObject* value = load_super_attribute(thread, sp - 3, NAME_AT(OPARG >> 2), OPARG, &unbound);
  if (!value) ERROR();
  Value super = sp[-3], type = sp[-2], self = sp[-1];
  sp[-3] = Value::owned(value);
  sp -= 2;
  if (OPARG & 1) *sp++ = unbound ? self : Value::null();
  close(super);
  close(type);
  if (!unbound) close(self);
  NEXT(2);
}

HANDLER(LOAD_SPECIAL) {
  SAVE();
  PyObject* method;
  const int unbound = load_special(sp[-1].object(), OPARG, &method);
  if (unbound < 0) ERROR();
  Value owner = sp[-1];
  sp[-1] = Value::owned(method);
  if (unbound) {
    *sp++ = owner;
  } else {
    *sp++ = Value::null();
    close(owner);
  }
  NEXT(1);
}

}  // namespace ks
