// The types Unpickler and UnpicklerMemoProxy; what both proxies share.
#include <cstddef>
#include <cstring>

#include "modules/pickle/pickle.h"

namespace ks {
namespace {

struct InUse {
  explicit InUse(Unpickler* unpickler) : self(unpickler) {
    good = !self->running;
    if (good) self->running = true;
    else PyErr_SetString(PyExc_RuntimeError, "Unpickler object is already used");
  }
  ~InUse() {
    if (good) self->running = false;
  }
  Unpickler* self;
  bool good;
};

}  // namespace

void unpickler_clear_fields(Unpickler* self) {
  Py_CLEAR(self->read);
  Py_CLEAR(self->readinto);
  Py_CLEAR(self->readline);
  Py_CLEAR(self->peek);
  Py_CLEAR(self->persistent_load);
  Py_CLEAR(self->persistent_load_attr);
  Py_CLEAR(self->buffers);
  if (self->view.obj) PyBuffer_Release(&self->view);
  self->view = {};
  self->position = self->prefetched = self->frame_end = 0;
  unpickle_memo_clear(self);
  PyObject** stack = std::exchange(self->stack, nullptr);
  const Py_ssize_t size = std::exchange(self->stack_size, 0);
  self->stack_capacity = self->fence = 0;
  for (Py_ssize_t i = 0; i < size; ++i) Py_XDECREF(stack[i]);
  PyMem_Free(stack);
  PyMem_Free(std::exchange(self->marks, nullptr));
  self->mark_count = self->mark_capacity = 0;
  PyMem_Free(std::exchange(self->line, nullptr));
  self->line_capacity = 0;
  PyMem_Free(std::exchange(self->encoding, nullptr));
}

// ---- Unpickler -------------------------------------------------------------------------------------------------------

static PyObject* unpickler_persistent_load(PyObject* self, PyObject*) {
  PickleState* state = TRY(pickle_state_of(self));
  return raise(state->unpickling_error, "A load persistent id instruction was encountered, but no persistent_load function was specified.");
}
METHOD(unpickler, persistent_load, "($self, pid, /)", "The object of a persistent id.");

static PyObject* unpickler_load(PyObject* self) {
  auto* unpickler = as<Unpickler>(self);
  PickleState* state = TRY(pickle_state_of(self));
  if (!unpickler->read) return raise(state->unpickling_error, "Unpickler.__init__() was not called by %s.__init__()", Py_TYPE(self)->tp_name);
  InUse use(unpickler);
  return use.good ? unpickler_load_object(state, unpickler) : nullptr;
}
METHOD(unpickler, load, "($self, /)", "Load a pickle.\n\nRead a pickled object from the open file and return what it describes.");

static PyObject* unpickler_find_class(PyObject* self, PyObject* module_name, PyObject* global_name) {
  PickleState* state = TRY(pickle_state_of(self));
  return unpickler_find_class_default(state, as<Unpickler>(self), module_name, global_name);
}
METHOD(unpickler, find_class, "($self, module_name, global_name, /)",
       "Return an object from a module.\n\n"
       "The module is imported if necessary. Subclasses override this to say which classes and\n"
       "functions a pickle may name.");

static Py_ssize_t unpickler_sizeof(PyObject* self) {
  const auto* u = as<Unpickler>(self);
  Py_ssize_t size = Py_TYPE(self)->tp_basicsize + u->memo_capacity * static_cast<Py_ssize_t>(sizeof(PyObject*)) +
                    u->mark_capacity * static_cast<Py_ssize_t>(sizeof(Py_ssize_t)) + u->line_capacity;
  if (u->encoding) size += static_cast<Py_ssize_t>(strlen(u->encoding) + strlen(unpickler_errors(u))) + 2;
  return size;
}
METHOD_AS(unpickler_sizeof, "__sizeof__", 0, "($self, /)", "Size in memory, in bytes.");

static constexpr Signature unpickler_signature =
    read_signature("Unpickler", "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())");

static int unpickler_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  auto* unpickler = as<Unpickler>(self);
  PyObject* values[5] = {};
  TRY(bind_tuple(unpickler_signature, args, kwargs, values));
  const int fix_imports = values[1] ? TRY(PyObject_IsTrue(values[1])) : 1;
  const char *encoding = nullptr, *errors = nullptr;
  if (values[2] && !convert_text(unpickler_signature, 2, values[2], false, &encoding)) return -1;
  if (values[3] && !convert_text(unpickler_signature, 3, values[3], false, &errors)) return -1;
  InUse use(unpickler);
  if (!use.good) return -1;
  if (unpickler->read) unpickler_clear_fields(unpickler);
  TRY(unpickler_set_file(unpickler, values[0]));
  TRY(unpickler_set_encoding(unpickler, encoding, errors));
  TRY(unpickler_set_buffers(unpickler, values[4]));
  unpickler->fix_imports = fix_imports != 0;
  TRY(unpickle_memo_restart(unpickler));
  unpickler->proto = 0;
  return 0;
}

static int unpickler_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* u = as<Unpickler>(self);
  Py_VISIT(Py_TYPE(self));
  for (PyObject* member : {u->read, u->readinto, u->readline, u->peek, u->persistent_load, u->persistent_load_attr, u->buffers, u->sparse_memo})
    Py_VISIT(member);
  for (Py_ssize_t i = 0; i < u->stack_size; ++i) Py_VISIT(u->stack[i]);
  for (Py_ssize_t i = 0; i < u->memo_capacity; ++i) Py_VISIT(u->memo[i]);
  return 0;
}
static int unpickler_clear(PyObject* self) {
  unpickler_clear_fields(as<Unpickler>(self));
  return 0;
}
static void unpickler_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  unpickler_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static bool is_persistent_load(PyObject* name) { return PyUnicode_Check(name) && PyUnicode_EqualToUTF8(name, "persistent_load"); }
static PyObject* unpickler_getattro(PyObject* self, PyObject* name) {
  auto* unpickler = as<Unpickler>(self);
  if (unpickler->persistent_load_attr && is_persistent_load(name)) return Py_NewRef(unpickler->persistent_load_attr);
  return PyObject_GenericGetAttr(self, name);
}
static int unpickler_setattro(PyObject* self, PyObject* name, PyObject* value) {
  if (!is_persistent_load(name)) return PyObject_GenericSetAttr(self, name, value);
  Py_XSETREF(as<Unpickler>(self)->persistent_load_attr, Py_XNewRef(value));
  return 0;
}

static PyObject* unpickler_get_memo(PyObject* self, void*) {
  PickleState* state = TRY(pickle_state_of(self));
  return memo_proxy_new(state->unpickler_proxy_type, self);
}

static int unpickler_set_memo(PyObject* self, PyObject* value, void*) {
  auto* unpickler = as<Unpickler>(self);
  if (!value) return raise(PyExc_TypeError, "attribute deletion is not supported");
  PickleState* state = TRY(pickle_state_of(self));
  Ref<> items;
  if (Py_TYPE(value) == state->unpickler_proxy_type) {
    items = TRY(unpickle_memo_copy(as<Unpickler>(as<MemoProxy>(value)->owner)));
  } else if (PyDict_Check(value)) {
    items = TRY(steal(PyDict_Copy(value)));
  } else {
    return raise(PyExc_TypeError, "'memo' attribute must be an UnpicklerMemoProxy object or dict, not %.200s", Py_TYPE(value)->tp_name);
  }
  Py_ssize_t position = 0;
  PyObject *key, *item;
  while (PyDict_Next(items, &position, &key, &item)) {
    if (!PyLong_Check(key)) return raise(PyExc_TypeError, "memo key must be integers");
    const Py_ssize_t index = PyLong_AsSsize_t(key);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (index < 0) return raise(PyExc_ValueError, "memo key must be positive integers.");
  }
  TRY(unpickle_memo_restart(unpickler));
  position = 0;
  while (PyDict_Next(items, &position, &key, &item)) TRY(unpickle_memo_put(unpickler, PyLong_AsSsize_t(key), item));
  return 0;
}

static PyMethodDef unpickler_methods[] = {unpickler_persistent_load_method, unpickler_load_method, unpickler_find_class_method,
                                          unpickler_sizeof_method, {}};
static PyGetSetDef unpickler_getset[] = {{"memo", unpickler_get_memo, unpickler_set_memo, nullptr, nullptr}, {}};
static PyType_Slot unpickler_slots[] = {
    {Py_tp_doc, const_cast<char*>("Unpickler(file, *, fix_imports=True, encoding='ASCII', errors='strict',\n          buffers=())\n--\n\n"
                                  "Reads pickles from a binary file; the protocol is in the pickle.\n\n"
                                  "The file has the methods read(size) and readline(), and perhaps readinto() and peek().\n"
                                  "With fix_imports the names of Python 2 are mapped to those of Python 3; encoding and errors\n"
                                  "say how its 8-bit strings are decoded (\"bytes\": not at all). buffers: an iterable of the\n"
                                  "buffers that are not part of the pickle.")},
    {Py_tp_init, reinterpret_cast<void*>(unpickler_init)},
    {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
    {Py_tp_dealloc, reinterpret_cast<void*>(unpickler_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(unpickler_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(unpickler_clear)},
    {Py_tp_getattro, reinterpret_cast<void*>(unpickler_getattro)},
    {Py_tp_setattro, reinterpret_cast<void*>(unpickler_setattro)},
    {Py_tp_methods, unpickler_methods},
    {Py_tp_getset, unpickler_getset},
    {0, nullptr}};
PyType_Spec unpickler_spec = {"_pickle.Unpickler", sizeof(Unpickler), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, unpickler_slots};

// ---- the proxies -----------------------------------------------------------------------------------------------------

PyObject* memo_proxy_new(PyTypeObject* type, PyObject* owner) {
  auto* proxy = PyObject_GC_New(MemoProxy, type);
  if (!proxy) return nullptr;
  proxy->owner = Py_NewRef(owner);
  PyObject_GC_Track(proxy);
  return object(proxy);
}
int memo_proxy_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as<MemoProxy>(self)->owner);
  return 0;
}
int memo_proxy_clear(PyObject* self) {
  Py_CLEAR(as<MemoProxy>(self)->owner);
  return 0;
}
void memo_proxy_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  memo_proxy_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static Status unpickler_proxy_clear(PyObject* self) { return unpickle_memo_restart(as<Unpickler>(as<MemoProxy>(self)->owner)); }
METHOD(unpickler_proxy, clear, "($self, /)", "Remove all items.");
static Ref<> unpickler_proxy_copy(PyObject* self) { return unpickle_memo_copy(as<Unpickler>(as<MemoProxy>(self)->owner)); }
METHOD(unpickler_proxy, copy, "($self, /)", "The memo as a dict: index -> object.");
static Ref<> unpickler_proxy_reduce(PyObject* self) {
  Ref<> copy = TRY(unpickler_proxy_copy(self));
  return steal(Py_BuildValue("(O(O))", &PyDict_Type, copy.get()));
}
METHOD_AS(unpickler_proxy_reduce, "__reduce__", 0, "($self, /)", "Pickled as a dict.");

static PyMethodDef unpickler_proxy_methods[] = {unpickler_proxy_clear_method, unpickler_proxy_copy_method, unpickler_proxy_reduce_method, {}};
static PyType_Slot unpickler_proxy_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(memo_proxy_dealloc)},
                                              {Py_tp_traverse, reinterpret_cast<void*>(memo_proxy_traverse)},
                                              {Py_tp_clear, reinterpret_cast<void*>(memo_proxy_clear)},
                                              {Py_tp_methods, unpickler_proxy_methods},
                                              {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
                                              {0, nullptr}};
PyType_Spec unpickler_proxy_spec = {"_pickle.UnpicklerMemoProxy", sizeof(MemoProxy), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, unpickler_proxy_slots};

}  // namespace ks
