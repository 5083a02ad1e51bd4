// The types Pickler and PicklerMemoProxy.
#include <cstddef>

#include "modules/pickle/pickle.h"

namespace ks {
namespace {

// While a Pickler works its hooks must not start it again.
struct InUse {
  explicit InUse(Pickler* pickler) : self(pickler) {
    good = !self->running;
    if (good) self->running = true;
    else PyErr_SetString(PyExc_RuntimeError, "Pickler object is already used");
  }
  ~InUse() {
    if (good) self->running = false;
  }
  Pickler* self;
  bool good;
};

}  // namespace

Status pickler_set_protocol(Pickler* self, PyObject* protocol, bool fix_imports) {
  long number = kDefaultProtocol;
  if (protocol && protocol != Py_None) {
    number = PyLong_AsLong(protocol);
    if (number < 0) {
      if (number == -1 && PyErr_Occurred()) return Status::Error;
      number = kHighestProtocol;
    } else if (number > kHighestProtocol) {
      return raise(PyExc_ValueError, "pickle protocol must be <= %d", kHighestProtocol);
    }
  }
  self->proto = static_cast<int>(number);
  self->bin = number > 0;
  self->fix_imports = fix_imports && number < 3;
  return Status::Ok;
}

Status pickler_set_output(Pickler* self, PyObject* file) {
  Ref<> write;
  TRY(status(PyObject_GetOptionalAttr(file, "write"_id, write.out())));
  if (!write) return raise(PyExc_TypeError, "file must have a 'write' attribute");
  Py_XSETREF(self->write, write.release());
  return Status::Ok;
}

Status pickler_set_buffer_callback(Pickler* self, PyObject* callback) {
  if (callback == Py_None) callback = nullptr;
  if (callback && self->proto < 5) return raise(PyExc_ValueError, "buffer_callback needs protocol >= 5");
  Py_XSETREF(self->buffer_callback, Py_XNewRef(callback));
  return Status::Ok;
}

Status pickler_init_fields(Pickler* self) {
  self->frame_start = -1;
  TRY(self->memo.reserve());
  if (self->output) return Status::Ok;
  self->output = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(kFirstOutput)));
  if (!self->output) {
    PyErr_NoMemory();
    return Status::Error;
  }
  self->output_size = 0;
  self->output_capacity = kFirstOutput;
  return Status::Ok;
}

void pickler_clear_fields(Pickler* self) {
  Py_CLEAR(self->persistent_id);
  Py_CLEAR(self->persistent_id_attr);
  Py_CLEAR(self->dispatch_table);
  Py_CLEAR(self->reducer_override);
  Py_CLEAR(self->write);
  Py_CLEAR(self->buffer_callback);
  Py_CLEAR(self->fast_memo);
  PyMem_Free(std::exchange(self->output, nullptr));
  self->output_size = self->output_capacity = 0;
  self->memo.clear();
}

// ---- Pickler ---------------------------------------------------------------------------------------------------------

static PyObject* pickler_persistent_id(PyObject*, PyObject*) { return Py_NewRef(Py_None); }
METHOD(pickler, persistent_id, "($self, obj, /)", "The persistent id of the object; None: pickle the object itself.");

static PyObject* pickler_dump(PyObject* self, PyObject* object) {
  auto* pickler = as<Pickler>(self);
  PickleState* state = TRY(pickle_state_of(self));
  if (!pickler->write) return raise(state->pickling_error, "Pickler.__init__() was not called by %s.__init__()", Py_TYPE(self)->tp_name);
  InUse use(pickler);
  if (!use.good) return nullptr;
  pickler->output_size = 0;
  TRY(pickler_dump_object(state, pickler, object));
  TRY(pickler_flush(pickler));
  PyMem_Free(std::exchange(pickler->output, nullptr));
  pickler->output_capacity = 0;
  return Py_NewRef(Py_None);
}
METHOD(pickler, dump, "($self, obj, /)", "Write the pickled form of the object to the open file.");

static void pickler_clear_memo(PyObject* self) { as<Pickler>(self)->memo.clear(); }
METHOD(pickler, clear_memo, "($self, /)",
       "Forget what was pickled.\n\nObjects that were pickled before are pickled again, and not by reference to the memo.");

static Py_ssize_t pickler_sizeof(PyObject* self) {
  const auto* pickler = as<Pickler>(self);
  return Py_TYPE(self)->tp_basicsize + kMemoTableHeader + pickler->memo.capacity() * static_cast<Py_ssize_t>(sizeof(PicklerMemo::Entry)) +
         pickler->output_capacity;
}
METHOD_AS(pickler_sizeof, "__sizeof__", 0, "($self, /)", "Size in memory, in bytes.");

static constexpr Signature pickler_signature = read_signature("Pickler", "(file, protocol=None, fix_imports=True, buffer_callback=None)");

static int pickler_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  auto* pickler = as<Pickler>(self);
  PyObject* values[4] = {};
  TRY(bind_tuple(pickler_signature, args, kwargs, values));
  const int fix_imports = values[2] ? TRY(PyObject_IsTrue(values[2])) : 1;
  InUse use(pickler);
  if (!use.good) return -1;
  if (pickler->write) pickler_clear_fields(pickler);
  TRY(pickler_set_protocol(pickler, values[1], fix_imports != 0));
  TRY(pickler_set_output(pickler, values[0]));
  TRY(pickler_set_buffer_callback(pickler, values[3]));
  TRY(pickler_init_fields(pickler));
  pickler->fast = pickler->fast_nesting = 0;
  Py_CLEAR(pickler->fast_memo);
  if (pickler->dispatch_table) return 0;
  Ref<> table;
  TRY(status(PyObject_GetOptionalAttr(self, "dispatch_table"_id, table.out())));
  pickler->dispatch_table = table.release();
  return 0;
}

static int pickler_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* p = as<Pickler>(self);
  Py_VISIT(Py_TYPE(self));
  for (PyObject* member : {p->persistent_id, p->persistent_id_attr, p->dispatch_table, p->reducer_override, p->write, p->buffer_callback, p->fast_memo})
    Py_VISIT(member);
  for (Py_ssize_t i = 0; i < p->memo.capacity(); ++i) Py_VISIT(p->memo.at(i).key);
  return 0;
}
static int pickler_clear(PyObject* self) {
  pickler_clear_fields(as<Pickler>(self));
  return 0;
}
static void pickler_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  pickler_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

// An assigned persistent_id hides the method; the instance has no dict.
static bool is_persistent_id(PyObject* name) { return PyUnicode_Check(name) && PyUnicode_EqualToUTF8(name, "persistent_id"); }
static PyObject* pickler_getattro(PyObject* self, PyObject* name) {
  auto* pickler = as<Pickler>(self);
  if (pickler->persistent_id_attr && is_persistent_id(name)) return Py_NewRef(pickler->persistent_id_attr);
  return PyObject_GenericGetAttr(self, name);
}
static int pickler_setattro(PyObject* self, PyObject* name, PyObject* value) {
  if (!is_persistent_id(name)) return PyObject_GenericSetAttr(self, name, value);
  Py_XSETREF(as<Pickler>(self)->persistent_id_attr, Py_XNewRef(value));
  return 0;
}

static PyObject* pickler_get_memo(PyObject* self, void*) {
  PickleState* state = TRY(pickle_state_of(self));
  return memo_proxy_new(state->pickler_proxy_type, self);
}

static int pickler_set_memo(PyObject* self, PyObject* value, void*) {
  auto* pickler = as<Pickler>(self);
  if (!value) return raise(PyExc_TypeError, "attribute deletion is not supported");
  PickleState* state = TRY(pickle_state_of(self));
  PicklerMemo memo{};
  Status result = Status::Ok;
  if (Py_TYPE(value) == state->pickler_proxy_type) {
    const auto* other = as<Pickler>(as<MemoProxy>(value)->owner);
    for (Py_ssize_t i = 0; i < other->memo.capacity() && !is_failure(result); ++i)
      if (other->memo.at(i).key) result = memo.set(other->memo.at(i).key, other->memo.at(i).index);
  } else if (PyDict_Check(value)) {
    Py_ssize_t position = 0;
    PyObject *key, *item;
    while (!is_failure(result) && PyDict_Next(value, &position, &key, &item)) {
      if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) {
        result = raise(PyExc_TypeError, "'memo' values must be 2-item tuples");
        break;
      }
      Ref<> held = borrow(item);
      const Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GET_ITEM(item, 0));
      result = index == -1 && PyErr_Occurred() ? Status::Error : memo.set(PyTuple_GET_ITEM(item, 1), index);
    }
  } else {
    result = raise(PyExc_TypeError, "'memo' attribute must be a PicklerMemoProxy object or dict, not %.200s", Py_TYPE(value)->tp_name);
  }
  if (!is_failure(result)) pickler->memo.swap(memo);
  memo.clear();
  return to_c(result);
}

static PyMethodDef pickler_methods[] = {pickler_persistent_id_method, pickler_dump_method, pickler_clear_memo_method, pickler_sizeof_method, {}};
static PyMemberDef pickler_members[] = {{"bin", Py_T_INT, offsetof(Pickler, bin), 0, nullptr},
                                        {"fast", Py_T_INT, offsetof(Pickler, fast), 0, nullptr},
                                        {"dispatch_table", Py_T_OBJECT_EX, offsetof(Pickler, dispatch_table), 0, nullptr},
                                        {}};
static PyGetSetDef pickler_getset[] = {{"memo", pickler_get_memo, pickler_set_memo, nullptr, nullptr}, {}};
static PyType_Slot pickler_slots[] = {
    {Py_tp_doc, const_cast<char*>("Pickler(file, protocol=None, fix_imports=True, buffer_callback=None)\n--\n\n"
                                  "Writes pickles to a binary file.\n\n"
                                  "protocol: 0 to 5, or negative for the highest; the default is 5. With fix_imports and a\n"
                                  "protocol below 3 the old names of Python 2 are written. buffer_callback (protocol 5) is\n"
                                  "called with each buffer: when it returns a false value the buffer is out-of-band, else it\n"
                                  "is part of the pickle.")},
    {Py_tp_init, reinterpret_cast<void*>(pickler_init)},
    {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
    {Py_tp_dealloc, reinterpret_cast<void*>(pickler_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(pickler_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(pickler_clear)},
    {Py_tp_getattro, reinterpret_cast<void*>(pickler_getattro)},
    {Py_tp_setattro, reinterpret_cast<void*>(pickler_setattro)},
    {Py_tp_methods, pickler_methods},
    {Py_tp_members, pickler_members},
    {Py_tp_getset, pickler_getset},
    {0, nullptr}};
PyType_Spec pickler_spec = {"_pickle.Pickler", sizeof(Pickler), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, pickler_slots};

// ---- PicklerMemoProxy --------------------------------------------------------------------------------------------------

static void pickler_proxy_clear(PyObject* self) { as<Pickler>(as<MemoProxy>(self)->owner)->memo.clear(); }
METHOD(pickler_proxy, clear, "($self, /)", "Remove all items.");

static Ref<> pickler_proxy_copy(PyObject* self) {
  const PicklerMemo& memo = as<Pickler>(as<MemoProxy>(self)->owner)->memo;
  Ref<> copy = TRY(steal(PyDict_New()));
  for (Py_ssize_t i = 0; i < memo.capacity(); ++i) {
    PyObject* key = memo.at(i).key;
    if (!key) continue;
    Ref<> id = TRY(steal(PyLong_FromVoidPtr(key)));
    Ref<> pair = TRY(steal(Py_BuildValue("(nO)", memo.at(i).index, key)));
    TRY(PyDict_SetItem(copy, id, pair));
  }
  return copy;
}
METHOD(pickler_proxy, copy, "($self, /)", "The memo as a dict: id -> (index, object).");

static Ref<> pickler_proxy_reduce(PyObject* self) {
  Ref<> copy = TRY(pickler_proxy_copy(self));
  return steal(Py_BuildValue("(O(O))", &PyDict_Type, copy.get()));
}
METHOD_AS(pickler_proxy_reduce, "__reduce__", 0, "($self, /)", "Pickled as a dict.");

static PyMethodDef pickler_proxy_methods[] = {pickler_proxy_clear_method, pickler_proxy_copy_method, pickler_proxy_reduce_method, {}};
static PyType_Slot pickler_proxy_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(memo_proxy_dealloc)},
                                            {Py_tp_traverse, reinterpret_cast<void*>(memo_proxy_traverse)},
                                            {Py_tp_clear, reinterpret_cast<void*>(memo_proxy_clear)},
                                            {Py_tp_methods, pickler_proxy_methods},
                                            {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
                                            {0, nullptr}};
PyType_Spec pickler_proxy_spec = {"_pickle.PicklerMemoProxy", sizeof(MemoProxy), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, pickler_proxy_slots};

}  // namespace ks
