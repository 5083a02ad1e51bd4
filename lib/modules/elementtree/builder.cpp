// TreeBuilder: makes a tree of what a parser tells.
#include "modules/elementtree/tree.h"

namespace ks {

Ref<> builder_new(TreeState* state) { return steal(PyObject_CallNoArgs(object(state->builder_type))); }

// ---- text -----------------------------------------------------------------------------------------------------------------

static Ref<> joined(PyObject* data) {
  if (!PyList_CheckExact(data)) return Ref<>::borrow(data);
  Ref<> empty = TRY(steal(PyUnicode_FromStringAndSize(nullptr, 0)));
  return steal(PyUnicode_Join(empty, data));
}
static Status add_text(TreeState* state, PyObject* to, Ref<> data, bool tail) {
  if (is_exact_element(state, to)) {
    LazyText& text = tail ? element(to)->tail : element(to)->text;
    if (!text || text.object() == Py_None) {
      const bool pieces = PyList_CheckExact(data);
      text.set(std::move(data), pieces);
      return Status::Ok;
    }
    Ref<> whole = TRY(joined(data));
    PyObject* before = TRY(text.get());
    Ref<> held = Ref<>::borrow(before);
    whole = TRY(steal(PyNumber_Add(held, whole)));
    text.set(std::move(whole));
    return Status::Ok;
  }
  PyObject* name = tail ? "tail"_id : "text"_id;
  Ref<> before = TRY(steal(PyObject_GetAttr(to, name)));
  Ref<> whole = TRY(joined(data));
  if (before != Py_None) whole = TRY(steal(PyNumber_Add(before, whole)));
  return status(PyObject_SetAttr(to, name, whole));
}
static Status flush(TreeBuilder* b) {
  if (!b->data) return Status::Ok;
  Ref<> data = steal(std::exchange(b->data, nullptr));
  const bool tail = b->last_for_tail != nullptr;
  Ref<> to = Ref<>::borrow(tail ? b->last_for_tail : b->last);
  return add_text(b->state, to, std::move(data), tail);
}
Ref<> builder_data(PyObject* self, PyObject* data) {
  TreeBuilder* b = builder(self);
  if (!b->data) {
    if (b->last == Py_None) return Ref<>::borrow(Py_None);  // before the root
    b->data = Py_NewRef(data);
    return Ref<>::borrow(Py_None);
  }
  if (!PyList_CheckExact(b->data)) {
    Ref<> list = TRY(steal(PyList_New(1)));
    PyList_SET_ITEM(list.get(), 0, b->data);
    b->data = list.release();
  }
  TRY(PyList_Append(b->data, data));
  return Ref<>::borrow(Py_None);
}

// ---- elements ---------------------------------------------------------------------------------------------------------------

static Status append_event(TreeBuilder* b, PyObject* event, PyObject* node) {
  if (!b->append_event || !event) return Status::Ok;
  Ref<> pair = TRY(steal(PyTuple_Pack(2, event, node)));
  Ref<> append = Ref<>::borrow(b->append_event);
  Ref<> result = TRY(steal(PyObject_CallOneArg(append, pair)));
  return Status::Ok;
}
static Status add_to(TreeState* state, PyObject* parent, PyObject* child) {
  if (is_exact_element(state, parent)) return element_add(state, parent, child);
  Ref<> result = TRY(steal(PyObject_CallMethodOneArg(parent, "append"_id, child)));
  return Status::Ok;
}
Ref<> builder_start(PyObject* self, PyObject* tag, PyObject* attrib) {
  TreeBuilder* b = builder(self);
  TRY(flush(b));
  Ref<> node;
  if (!b->element_factory) {
    node = TRY(element_new(b->state, tag, attrib));
  } else {
    Ref<> attributes = attrib ? Ref<>::borrow(attrib) : steal(PyDict_New());
    if (!attributes) return failed;
    Ref<> factory = Ref<>::borrow(b->element_factory);
    node = TRY(steal(PyObject_CallFunctionObjArgs(factory, tag, attributes.get(), nullptr)));
  }
  Ref<> parent = Ref<>::borrow(b->current);
  Py_CLEAR(b->last_for_tail);
  if (parent != Py_None) {
    TRY(add_to(b->state, parent, node));
  } else {
    if (b->root) return raise(b->state->parse_error, "multiple elements on top level");
    b->root = Py_NewRef(node);
  }
  if (b->depth < PyList_GET_SIZE(b->stack)) TRY(PyList_SetItem(b->stack, b->depth, parent.share().release()));
  else TRY(PyList_Append(b->stack, parent));
  ++b->depth;
  Py_SETREF(b->current, Py_NewRef(node));
  Py_SETREF(b->last, Py_NewRef(node));
  TRY(append_event(b, b->start_event, node));
  return node;
}
Ref<> builder_end(PyObject* self, PyObject*) {
  TreeBuilder* b = builder(self);
  TRY(flush(b));
  if (b->depth == 0) return raise(PyExc_IndexError, "pop from empty stack");
  Ref<> done = Ref<>::borrow(b->current);
  Py_SETREF(b->last, Py_NewRef(done));
  Py_XSETREF(b->last_for_tail, Py_NewRef(done));
  --b->depth;
  Py_SETREF(b->current, Py_NewRef(PyList_GET_ITEM(b->stack, b->depth)));
  TRY(append_event(b, b->end_event, done));
  return done;
}
static Status insert(TreeBuilder* b, PyObject* node) {
  Ref<> parent = Ref<>::borrow(b->current);
  TRY(add_to(b->state, parent, node));
  Py_XSETREF(b->last_for_tail, Py_NewRef(node));
  return Status::Ok;
}
Ref<> builder_comment(PyObject* self, PyObject* text) {
  TreeBuilder* b = builder(self);
  TRY(flush(b));
  Ref<> comment = Ref<>::borrow(text);
  if (b->comment_factory) {
    Ref<> factory = Ref<>::borrow(b->comment_factory);
    comment = TRY(steal(PyObject_CallOneArg(factory, text)));
    if (b->insert_comments && b->current != Py_None) TRY(insert(b, comment));
  }
  TRY(append_event(b, b->comment_event, comment));
  return comment;
}
Ref<> builder_pi(PyObject* self, PyObject* target, PyObject* text) {
  TreeBuilder* b = builder(self);
  TRY(flush(b));
  Ref<> pi;
  if (b->pi_factory) {
    Ref<> factory = Ref<>::borrow(b->pi_factory);
    pi = TRY(steal(PyObject_CallFunctionObjArgs(factory, target, text, nullptr)));
    if (b->insert_pis && b->current != Py_None) TRY(insert(b, pi));
  } else {
    pi = TRY(steal(PyTuple_Pack(2, target, text)));
  }
  TRY(append_event(b, b->pi_event, pi));
  return pi;
}
Ref<> builder_start_namespace(PyObject* self, PyObject* prefix, PyObject* uri) {
  TreeBuilder* b = builder(self);
  Ref<> pair;
  if (b->append_event && b->start_ns_event) {
    pair = TRY(steal(PyTuple_Pack(2, prefix, uri)));
    TRY(append_event(b, b->start_ns_event, pair));
  }
  return Ref<>::borrow(Py_None);
}
Ref<> builder_end_namespace(PyObject* self, PyObject* prefix) {
  TreeBuilder* b = builder(self);
  TRY(append_event(b, b->end_ns_event, prefix));
  return Ref<>::borrow(Py_None);
}
PyObject* builder_done(PyObject* self) { return Py_NewRef(builder(self)->root ? builder(self)->root : Py_None); }

namespace {

// ---- methods --------------------------------------------------------------------------------------------------------------

Ref<> treebuilder_start(PyObject* self, PyObject* tag, PyObject* attrs) {
  if (!PyDict_Check(attrs))
    return raise(PyExc_TypeError, "start() argument 2 must be dict, not %.50s", attrs == Py_None ? "None" : Py_TYPE(attrs)->tp_name);
  return builder_start(self, tag, attrs);
}
METHOD(treebuilder, start, "($self, tag, attrs, /)", "Opens an element.");
Ref<> treebuilder_end(PyObject* self, PyObject* tag) { return builder_end(self, tag); }
METHOD(treebuilder, end, "($self, tag, /)", "Closes the element that is open.");
Ref<> treebuilder_data(PyObject* self, PyObject* data) { return builder_data(self, data); }
METHOD(treebuilder, data, "($self, data, /)", "Adds text.");
Ref<> treebuilder_comment(PyObject* self, PyObject* text) { return builder_comment(self, text); }
METHOD(treebuilder, comment, "($self, text, /)", "Makes a comment.");
Ref<> treebuilder_pi(PyObject* self, PyObject* target, PyObject* text) { return builder_pi(self, target, text ? text : Py_None); }
METHOD(treebuilder, pi, "($self, target, text=None, /)", "Makes a processing instruction.");
PyObject* treebuilder_close(PyObject* self) { return builder_done(self); }
METHOD(treebuilder, close, "($self, /)", "The root of the tree.");
PyMethodDef methods[] = {treebuilder_data_method, treebuilder_start_method, treebuilder_end_method, treebuilder_comment_method,
                         treebuilder_pi_method,   treebuilder_close_method, {}};

// ---- type -----------------------------------------------------------------------------------------------------------------

PyObject* builder_tp_new(PyTypeObject* type, PyObject*, PyObject*) {
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  TreeBuilder* b = builder(self.get());
  b->current = Py_NewRef(Py_None);
  b->last = Py_NewRef(Py_None);
  b->stack = TRY(PyList_New(0));
  b->state = tree_state_of(type);
  return self.release();
}
int builder_tp_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  static constexpr char name[] = "TreeBuilder";
  static constexpr Signature signature =
      read_signature(name, "(element_factory=None, *, comment_factory=None, pi_factory=None, insert_comments=False, insert_pis=False)");
  PyObject* values[5] = {};
  TRY(bind_tuple(signature, args, kwargs, values));
  TreeBuilder* b = builder(self);
  int insert_comments = 0, insert_pis = 0;
  if (values[3]) insert_comments = TRY(PyObject_IsTrue(values[3]));
  if (values[4]) insert_pis = TRY(PyObject_IsTrue(values[4]));
  const auto given = [](PyObject* value) { return value && value != Py_None ? Py_NewRef(value) : nullptr; };
  // Without a factory of its own the one that was set for the module; that only matters where things are inserted.
  const auto factory = [&](PyObject* value, PyObject* common) { return value && value != Py_None ? Py_NewRef(value) : Py_XNewRef(common); };
  Py_XSETREF(b->element_factory, given(values[0]));
  b->insert_comments = static_cast<char>(insert_comments);
  b->insert_pis = static_cast<char>(insert_pis);
  Py_XSETREF(b->comment_factory, factory(values[1], b->state->comment_factory));
  if (!b->comment_factory) b->insert_comments = 0;
  Py_XSETREF(b->pi_factory, factory(values[2], b->state->pi_factory));
  if (!b->pi_factory) b->insert_pis = 0;
  return 0;
}
int builder_tp_traverse(PyObject* self, visitproc visit, void* arg) {
  TreeBuilder* b = builder(self);
  Py_VISIT(Py_TYPE(self));
  PyObject* const all[] = {b->root,       b->current,      b->last,        b->last_for_tail,  b->data,        b->stack,         b->element_factory,
                           b->comment_factory, b->pi_factory, b->append_event, b->start_event, b->end_event, b->start_ns_event, b->end_ns_event,
                           b->comment_event, b->pi_event};
  for (PyObject* o : all) Py_VISIT(o);
  return 0;
}
int builder_tp_clear(PyObject* self) {
  TreeBuilder* b = builder(self);
  PyObject** const all[] = {&b->root,       &b->current,         &b->last,       &b->last_for_tail, &b->data,        &b->stack,
                            &b->element_factory, &b->comment_factory, &b->pi_factory, &b->append_event, &b->start_event, &b->end_event,
                            &b->start_ns_event, &b->end_ns_event, &b->comment_event, &b->pi_event};
  for (PyObject** slot : all) Py_CLEAR(*slot);
  return 0;
}
void builder_tp_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)builder_tp_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}
PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(builder_tp_new)},
                       {Py_tp_init, reinterpret_cast<void*>(builder_tp_init)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(builder_tp_dealloc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(builder_tp_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(builder_tp_clear)},
                       {Py_tp_methods, methods},
                       {0, nullptr}};

}  // namespace

PyType_Spec builder_spec = {"xml.etree.ElementTree.TreeBuilder", sizeof(TreeBuilder), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, slots};

}  // namespace ks
