// _thread._local: attributes of each thread's own.
//
// A local owns its dictionaries: {address of a token: dictionary}. Each thread owns its token, in the thread state's
// dictionary under the local's key; when the thread ends the token dies and drops the dictionary, if the local is still
// there. So nothing keeps anything alive too long, and the collector sees cycles through a local.
#include "modules/_thread.h"

KS_EXPORT PyObject* _PyObject_GenericGetAttrWithDict(PyObject* object, PyObject* name, PyObject* dict, int suppress);
KS_EXPORT int _PyObject_GenericSetAttrWithDict(PyObject* object, PyObject* name, PyObject* value, PyObject* dict);

namespace ks {

namespace {

struct Token {
  PyObject ob_base;
  PyObject* local;  // a weak reference
};
struct Local {
  PyObject ob_base;
  PyObject* key;
  PyObject *args, *kwargs;
  PyObject* weakrefs;
  PyObject* dictionaries;
  PyObject* reference;      // the weak reference to this object that the tokens have
  PyObject* token_type;
};
Local* local_of(PyObject* self) { return as<Local>(self); }

void token_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Ref<> exception = steal(PyErr_GetRaisedException());
  Ref<> local;
  if (as<Token>(self)->local && PyWeakref_GetRef(as<Token>(self)->local, local.out()) > 0) {
    Ref<> dropped, key = steal(PyLong_FromVoidPtr(self));
    if (!key || (local_of(local)->dictionaries && PyDict_Pop(local_of(local)->dictionaries, key, dropped.out()) < 0))
      PyErr_FormatUnraisable("Exception ignored while clearing thread local %R", local.get());
  }
  Py_CLEAR(as<Token>(self)->local);
  type->tp_free(self);
  Py_DECREF(type);
  PyErr_SetRaisedException(exception.release());
}
PyType_Slot token_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(token_dealloc)}, {0, nullptr}};
PyType_Spec token_spec = {"_thread._localdummy", sizeof(Token), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, token_slots};

// A new dictionary for this thread; borrowed.
PyObject* create_dictionary(Local* self) {
  PyObject* thread_dict = PyThreadState_GetDict();
  if (!thread_dict) return raise(PyExc_RuntimeError, "Couldn't get thread-state dictionary");
  Ref<> dict = steal(PyDict_New());
  Ref<> token = steal(as<PyTypeObject>(self->token_type)->tp_alloc(as<PyTypeObject>(self->token_type), 0));
  if (!dict || !token) return nullptr;
  as<Token>(token.get())->local = Py_NewRef(self->reference);
  Ref<> address = steal(PyLong_FromVoidPtr(token));
  if (!address || PyDict_SetItem(self->dictionaries, address, dict) < 0) return nullptr;
  if (PyDict_SetItem(thread_dict, self->key, token) < 0) return nullptr;
  return dict;  // self->dictionaries has it
}

// This thread's dictionary, borrowed; made, with __init__ called, at the first use in the thread.
PyObject* own_dictionary(PyObject* object_self) {
  Local* self = local_of(object_self);
  PyObject* thread_dict = PyThreadState_GetDict();
  if (!thread_dict) return raise(PyExc_RuntimeError, "Couldn't get thread-state dictionary");
  PyObject* token = PyDict_GetItemWithError(thread_dict, self->key);
  if (token) {
    Ref<> address = steal(PyLong_FromVoidPtr(token));
    PyObject* dict = address ? PyDict_GetItemWithError(self->dictionaries, address) : nullptr;
    if (dict) return dict;
    if (PyErr_Occurred()) return nullptr;
  } else if (PyErr_Occurred()) {
    return nullptr;
  }
  PyObject* dict = create_dictionary(self);
  if (!dict) return nullptr;
  if (Py_TYPE(object_self)->tp_init != PyBaseObject_Type.tp_init && Py_TYPE(object_self)->tp_init(object_self, self->args, self->kwargs) < 0) {
    // A later use tries again.
    Ref<> exception = steal(PyErr_GetRaisedException());
    if (PyDict_DelItem(thread_dict, self->key) < 0) PyErr_Clear();
    PyErr_SetRaisedException(exception.release());
    return nullptr;
  }
  return dict;
}

PyObject* local_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (type->tp_init == PyBaseObject_Type.tp_init && (PyTuple_GET_SIZE(args) || (kwargs && PyDict_Size(kwargs))))
    return raise(PyExc_TypeError, "Initialization arguments are not supported");
  // The module that made the type keeps the token's type.
  PyTypeObject* base = type;
  while (base && !PyType_GetModule(base)) {
    PyErr_Clear();
    base = base->tp_base;
  }
  Ref<> token_type;
  for (; base && !token_type; base = base->tp_base) {
    PyObject* module = PyType_GetModule(base);
    if (!module) {
      PyErr_Clear();
      continue;
    }
    if (PyObject_GetOptionalAttr(module, "_localdummy"_id, token_type.out()) < 0) return nullptr;
  }
  if (!token_type) {
    Ref<> module = steal(PyImport_ImportModule("_thread"));
    token_type = module ? steal(PyObject_GetAttr(module, "_localdummy"_id)) : nullptr;
    if (!token_type) return nullptr;
  }
  Ref<> owner = steal(type->tp_alloc(type, 0));
  if (!owner) return nullptr;
  Local* self = local_of(owner);
  self->args = Py_NewRef(args);
  self->kwargs = Py_XNewRef(kwargs);
  self->token_type = token_type.release();
  self->key = PyUnicode_FromFormat("thread.local.%p", static_cast<void*>(self));
  self->dictionaries = PyDict_New();
  self->reference = PyWeakref_NewRef(owner, nullptr);
  if (!self->key || !self->dictionaries || !self->reference || !create_dictionary(self)) return nullptr;
  return owner.release();
}
int local_traverse(PyObject* object_self, visitproc visit, void* arg) {
  Local* self = local_of(object_self);
  Py_VISIT(Py_TYPE(object_self));
  Py_VISIT(self->args);
  Py_VISIT(self->kwargs);
  Py_VISIT(self->dictionaries);
  Py_VISIT(self->reference);
  Py_VISIT(self->token_type);
  return 0;
}
int local_clear(PyObject* object_self) {
  Local* self = local_of(object_self);
  Py_CLEAR(self->args);
  Py_CLEAR(self->kwargs);
  Py_CLEAR(self->dictionaries);
  // The tokens in the threads' dictionaries.
  if (self->key) {
    for (PyThreadState* state = interpreter()->core.threads; state; state = state->next) {
      if (!state->dict) continue;
      Ref<> token;
      if (PyDict_Pop(state->dict, self->key, token.out()) < 0) PyErr_Clear();
    }
  }
  return 0;
}
void local_dealloc(PyObject* object_self) {
  Local* self = local_of(object_self);
  PyObject_GC_UnTrack(object_self);
  if (self->weakrefs) PyObject_ClearWeakRefs(object_self);
  local_clear(object_self);
  Py_CLEAR(self->key);
  Py_CLEAR(self->reference);
  Py_CLEAR(self->token_type);
  PyTypeObject* type = Py_TYPE(object_self);
  type->tp_free(object_self);
  Py_DECREF(type);
}
int local_setattro(PyObject* self, PyObject* name, PyObject* value) {
  PyObject* dict = own_dictionary(self);
  if (!dict) return -1;
  const int is_dict = PyObject_RichCompareBool(name, "__dict__"_id, Py_EQ);
  if (is_dict < 0) return -1;
  if (is_dict) {
    PyErr_Format(PyExc_AttributeError, "'%.100s' object attribute %R is read-only", Py_TYPE(self)->tp_name, name);
    return -1;
  }
  Ref<> keep = borrow(dict);
  return _PyObject_GenericSetAttrWithDict(self, name, value, dict);
}
PyObject* local_getattro(PyObject* self, PyObject* name) {
  Ref<> dict = borrow(own_dictionary(self));
  if (!dict) return nullptr;
  const int is_dict = PyObject_RichCompareBool(name, "__dict__"_id, Py_EQ);
  if (is_dict < 0) return nullptr;
  if (is_dict) return dict.release();
  return _PyObject_GenericGetAttrWithDict(self, name, dict, 0);
}
PyMemberDef local_members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Local, weakrefs), Py_READONLY, nullptr}, {}};
PyType_Slot local_slots[] = {{Py_tp_new, reinterpret_cast<void*>(local_new)},
                             {Py_tp_dealloc, reinterpret_cast<void*>(local_dealloc)},
                             {Py_tp_traverse, reinterpret_cast<void*>(local_traverse)},
                             {Py_tp_clear, reinterpret_cast<void*>(local_clear)},
                             {Py_tp_getattro, reinterpret_cast<void*>(local_getattro)},
                             {Py_tp_setattro, reinterpret_cast<void*>(local_setattro)},
                             {Py_tp_members, local_members},
                             {Py_tp_doc, const_cast<char*>("_local()\n--\n\nThread-local data")},
                             {0, nullptr}};
PyType_Spec local_spec = {"_thread._local", sizeof(Local), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, local_slots};

}  // namespace

Status add_local_type(PyObject* module) {
  Ref<> token = TRY(steal(PyType_FromModuleAndSpec(module, &token_spec, nullptr)));
  TRY(PyModule_AddObjectRef(module, "_localdummy", token));
  Ref<> local = TRY(steal(PyType_FromModuleAndSpec(module, &local_spec, nullptr)));
  return status(PyModule_AddObjectRef(module, "_local", local));
}

}  // namespace ks
