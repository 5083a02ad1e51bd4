// The type Element: construction, attributes, sequence and mapping protocol.
#include "modules/elementtree/tree.h"

#include <cstring>

namespace ks {

PyObject* LazyText::get() {
  if (!pieces()) return object();
  Ref<> list = Ref<>::borrow(object());
  Ref<> empty = TRY(steal(PyUnicode_FromStringAndSize(nullptr, 0)));
  Ref<> joined = TRY(steal(PyUnicode_Join(empty, list)));
  set(std::move(joined));
  return object();
}

Failed raise_not_element(PyObject* o) { return raise(PyExc_TypeError, "expected an Element, not \"%.200s\"", Py_TYPE(o)->tp_name); }

// ---- children and attributes ----------------------------------------------------------------------------------------------

static Status make_extra(PyObject* self, PyObject* attrib) {
  ElementExtra* extra = static_cast<ElementExtra*>(PyMem_Malloc(sizeof(ElementExtra)));
  if (!extra) {
    PyErr_NoMemory();
    return failed;
  }
  extra->attrib = Py_XNewRef(attrib);
  extra->children = extra->few;
  extra->length = 0;
  extra->allocated = 4;
  element(self)->extra = extra;
  return Status::Ok;
}
void element_clear_extra(PyObject* self) {
  ElementExtra* extra = std::exchange(element(self)->extra, nullptr);
  if (!extra) return;
  Py_XDECREF(extra->attrib);
  for (Py_ssize_t i = 0; i < extra->length; ++i) Py_DECREF(extra->children[i]);
  if (extra->children != extra->few) PyMem_Free(extra->children);
  PyMem_Free(extra);
}
// Room for so many more children.
Status element_resize(PyObject* self, Py_ssize_t more) {
  if (!element(self)->extra) TRY(make_extra(self, nullptr));
  ElementExtra* extra = element(self)->extra;
  const Py_ssize_t size = extra->length + more;
  if (size <= extra->allocated) return Status::Ok;
  const Py_ssize_t room = size + (size >> 3) + (size < 9 ? 3 : 6);
  const bool small = extra->children == extra->few;
  PyObject** children = static_cast<PyObject**>(PyMem_Realloc(small ? nullptr : extra->children, static_cast<size_t>(room) * sizeof(PyObject*)));
  if (!children) {
    PyErr_NoMemory();
    return failed;
  }
  if (small) memcpy(children, extra->few, static_cast<size_t>(extra->length) * sizeof(PyObject*));
  extra->children = children;
  extra->allocated = room;
  return Status::Ok;
}
Status element_add(TreeState* state, PyObject* parent, PyObject* child) {
  if (!is_element(state, child)) return raise_not_element(child);
  TRY(element_resize(parent, 1));
  ElementExtra* extra = element(parent)->extra;
  extra->children[extra->length++] = Py_NewRef(child);
  return Status::Ok;
}
PyObject* element_attributes(PyObject* self) {
  if (!element(self)->extra) TRY(make_extra(self, nullptr));
  ElementExtra* extra = element(self)->extra;
  if (!extra->attrib) extra->attrib = PyDict_New();
  return extra->attrib;
}

static Ref<> allocate(PyTypeObject* type) {
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  ElementObject* e = element(self.get());
  e->tag = Py_NewRef(Py_None);
  e->text.set(Ref<>::borrow(Py_None));
  e->tail.set(Ref<>::borrow(Py_None));
  return self;
}
Ref<> element_new(TreeState* state, PyObject* tag, PyObject* attrib) {
  Ref<> self = TRY(allocate(state->element_type));
  if (attrib && PyDict_GET_SIZE(attrib)) TRY(make_extra(self, attrib));
  Py_SETREF(element(self.get())->tag, Py_NewRef(tag));
  return self;
}
// attrib and keywords in one new dict; `attrib=` counts as the former where that is not given.
Ref<> attributes_from_keywords(PyObject* attrib, PyObject* kwargs) {
  Ref<> result;
  if (attrib) result = TRY(steal(PyDict_Copy(attrib)));
  if (!kwargs || !PyDict_GET_SIZE(kwargs)) return result ? std::move(result) : steal(PyDict_New());
  Ref<> rest = Ref<>::borrow(kwargs);
  if (!result) {
    PyObject* given;
    const int there = TRY(PyDict_GetItemRef(kwargs, "attrib"_id, &given));
    Ref<> by_name = steal(given);
    if (there) {
      if (!PyDict_Check(by_name)) return raise(PyExc_TypeError, "attrib must be dict, not %.100s", Py_TYPE(by_name)->tp_name);
      result = TRY(steal(PyDict_Copy(by_name)));
      rest = TRY(steal(PyDict_Copy(kwargs)));
      TRY(PyDict_DelItem(rest, "attrib"_id));
    } else {
      result = TRY(steal(PyDict_New()));
    }
  }
  TRY(PyDict_Update(result, rest));
  return result;
}

namespace {

PyObject* element_tp_new(PyTypeObject* type, PyObject*, PyObject*) { return allocate(type).release(); }
int element_tp_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject *tag, *given = nullptr;
  if (!PyArg_ParseTuple(args, "O|O!:Element", &tag, &PyDict_Type, &given)) return -1;
  Ref<> attrib;
  if (given || kwargs) attrib = TRY(attributes_from_keywords(given, kwargs));
  element_clear_extra(self);
  if (attrib && PyDict_GET_SIZE(attrib.get())) TRY(make_extra(self, attrib));
  ElementObject* e = element(self);
  Py_SETREF(e->tag, Py_NewRef(tag));
  e->text.set(Ref<>::borrow(Py_None));
  e->tail.set(Ref<>::borrow(Py_None));
  return 0;
}
int element_tp_traverse(PyObject* self, visitproc visit, void* arg) {
  ElementObject* e = element(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(e->tag);
  Py_VISIT(e->text.object());
  Py_VISIT(e->tail.object());
  if (e->extra) {
    Py_VISIT(e->extra->attrib);
    for (Py_ssize_t i = 0; i < e->extra->length; ++i) Py_VISIT(e->extra->children[i]);
  }
  return 0;
}
int element_tp_clear(PyObject* self) {
  ElementObject* e = element(self);
  Py_CLEAR(e->tag);
  e->text.set(nullptr);
  e->tail.set(nullptr);
  element_clear_extra(self);
  return 0;
}
void element_tp_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyTypeObject* type = Py_TYPE(self);
  // Deep trees.
  Py_TRASHCAN_BEGIN(self, element_tp_dealloc)
  if (element(self)->weak_references) PyObject_ClearWeakRefs(self);
  (void)element_tp_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
  Py_TRASHCAN_END
}
PyObject* element_tp_repr(PyObject* self) {
  ElementObject* e = element(self);
  if (!e->tag) return PyUnicode_FromFormat("<Element at %p>", self);
  const int entered = Py_ReprEnter(self);
  if (entered < 0) return nullptr;
  if (entered > 0) return raise(PyExc_RuntimeError, "reentrant call inside %s.__repr__", Py_TYPE(self)->tp_name);
  Ref<> tag = Ref<>::borrow(e->tag);
  PyObject* result = PyUnicode_FromFormat("<Element %R at %p>", tag.get(), self);
  Py_ReprLeave(self);
  return result;
}

// ---- attributes of the object ---------------------------------------------------------------------------------------------

PyObject* get_tag(PyObject* self, void*) { return Py_NewRef(element(self)->tag ? element(self)->tag : Py_None); }
PyObject* get_text(PyObject* self, void*) { return Py_XNewRef(element(self)->text ? element(self)->text.get() : Py_None); }
PyObject* get_tail(PyObject* self, void*) { return Py_XNewRef(element(self)->tail ? element(self)->tail.get() : Py_None); }
PyObject* get_attrib(PyObject* self, void*) { return Py_XNewRef(element_attributes(self)); }
Failed cannot_delete() { return raise(PyExc_AttributeError, "can't delete element attribute"); }
int set_tag(PyObject* self, PyObject* value, void*) {
  if (!value) return cannot_delete();
  Py_XSETREF(element(self)->tag, Py_NewRef(value));
  return 0;
}
int set_text(PyObject* self, PyObject* value, void*) {
  if (!value) return cannot_delete();
  element(self)->text.set(Ref<>::borrow(value));
  return 0;
}
int set_tail(PyObject* self, PyObject* value, void*) {
  if (!value) return cannot_delete();
  element(self)->tail.set(Ref<>::borrow(value));
  return 0;
}
int set_attrib(PyObject* self, PyObject* value, void*) {
  if (!value) return cannot_delete();
  if (!PyDict_Check(value)) return raise(PyExc_TypeError, "attrib must be dict, not %.200s", Py_TYPE(value)->tp_name);
  if (!element(self)->extra) TRY(make_extra(self, nullptr));
  Py_XSETREF(element(self)->extra->attrib, Py_NewRef(value));
  return 0;
}
PyGetSetDef getset[] = {{"tag", get_tag, set_tag, "A string identifying what kind of data this element represents", nullptr},
                        {"text", get_text, set_text, "A string of text directly after the start tag, or None", nullptr},
                        {"tail", get_tail, set_tail, "A string of text directly after the end tag, or None", nullptr},
                        {"attrib", get_attrib, set_attrib, "A dictionary containing the element's attributes", nullptr},
                        {}};
PyMemberDef members[] = {{"__weaklistoffset__", Py_T_PYSSIZET, offsetof(ElementObject, weak_references), Py_READONLY, nullptr}, {}};

// ---- sequence -------------------------------------------------------------------------------------------------------------

int element_bool(PyObject* self) {
  if (PyErr_WarnEx(PyExc_DeprecationWarning,
                   "Testing an element's truth value will always return True in future versions.  Use specific 'len(elem)' or 'elem is not "
                   "None' test instead.",
                   1) < 0)
    return -1;
  return child_count(self) != 0;
}
Py_ssize_t element_length(PyObject* self) { return child_count(self); }
PyObject* element_item(PyObject* self, Py_ssize_t index) {
  if (index < 0 || index >= child_count(self)) return raise(PyExc_IndexError, "child index out of range");
  return Py_NewRef(child_at(self, index));
}
int element_set_item(PyObject* self, Py_ssize_t index, PyObject* value) {
  if (index < 0 || index >= child_count(self)) return raise(PyExc_IndexError, "child assignment index out of range");
  ElementExtra* extra = element(self)->extra;
  PyObject* old = extra->children[index];
  if (value) {
    if (!is_element(tree_state_of(Py_TYPE(self)), value)) return raise_not_element(value);
    extra->children[index] = Py_NewRef(value);
  } else {
    --extra->length;
    for (Py_ssize_t i = index; i < extra->length; ++i) extra->children[i] = extra->children[i + 1];
  }
  Py_DECREF(old);
  return 0;
}
Status index_of(PyObject* self, PyObject* key, Py_ssize_t* index) {
  *index = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (*index == -1 && PyErr_Occurred()) return failed;
  if (*index < 0) *index += child_count(self);
  return Status::Ok;
}
PyObject* element_subscript(PyObject* self, PyObject* key) {
  if (PyIndex_Check(key)) {
    Py_ssize_t index;
    TRY(index_of(self, key, &index));
    return element_item(self, index);
  }
  if (!PySlice_Check(key)) return raise(PyExc_TypeError, "element indices must be integers");
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(key, &start, &stop, &step) < 0) return nullptr;
  const Py_ssize_t count = PySlice_AdjustIndices(child_count(self), &start, &stop, step);
  Ref<> list = TRY(steal(PyList_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) PyList_SET_ITEM(list.get(), i, Py_NewRef(child_at(self, start + i * step)));
  return list.release();
}
// Frees `count` children starting at `start`, `step` apart, and closes the gaps. The objects die afterwards.
Status delete_slice(PyObject* self, Py_ssize_t start, Py_ssize_t step, Py_ssize_t count) {
  if (count <= 0) return Status::Ok;
  if (step < 0) {
    start += step * (count - 1);
    step = -step;
  }
  ElementExtra* extra = element(self)->extra;
  Ref<> removed = TRY(steal(PyList_New(count)));
  Py_ssize_t write = start, taken = 0;
  for (Py_ssize_t read = start; read < extra->length; ++read) {
    if (taken < count && read == start + taken * step) PyList_SET_ITEM(removed.get(), taken++, extra->children[read]);
    else extra->children[write++] = extra->children[read];
  }
  extra->length = write;
  return Status::Ok;
}
int element_assign_slice(PyObject* self, PyObject* key, PyObject* value) {
  Py_ssize_t first, last, step;
  if (PySlice_Unpack(key, &first, &last, &step) < 0) return -1;
  Py_ssize_t start = first, stop = last;
  Py_ssize_t count = PySlice_AdjustIndices(child_count(self), &start, &stop, step);
  if (!value) return to_c(delete_slice(self, start, step, count));
  Ref<> sequence = steal(PySequence_Fast(value, "assignment expects an iterable"));
  if (!sequence) return -1;
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(sequence.get());
  TreeState* state = tree_state_of(Py_TYPE(self));
  for (Py_ssize_t i = 0; i < size; ++i)
    if (!is_element(state, PySequence_Fast_GET_ITEM(sequence.get(), i))) return raise_not_element(PySequence_Fast_GET_ITEM(sequence.get(), i));
  // The children may have changed while the value was read.
  start = first;
  stop = last;
  count = PySlice_AdjustIndices(child_count(self), &start, &stop, step);
  if (step != 1 && size != count)
    return raise(PyExc_ValueError, "attempt to assign sequence of size %zd to extended slice of size %zd", size, count);
  if (step == 1 && size > count) TRY(element_resize(self, size - count));
  if (size == 0 && count == 0) return 0;
  ElementExtra* extra = element(self)->extra;
  Ref<> removed = TRY(steal(PyList_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) PyList_SET_ITEM(removed.get(), i, extra->children[start + i * step]);
  if (step == 1 && size != count) {
    memmove(extra->children + start + size, extra->children + start + count,
            static_cast<size_t>(extra->length - start - count) * sizeof(PyObject*));
    extra->length += size - count;
  }
  for (Py_ssize_t i = 0; i < size; ++i) extra->children[start + i * step] = Py_NewRef(PySequence_Fast_GET_ITEM(sequence.get(), i));
  return 0;
}
int element_assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  if (PyIndex_Check(key)) {
    Py_ssize_t index;
    TRY(index_of(self, key, &index));
    return element_set_item(self, index, value);
  }
  if (!PySlice_Check(key)) return raise(PyExc_TypeError, "element indices must be integers");
  return element_assign_slice(self, key, value);
}

PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(element_tp_new)},
                       {Py_tp_init, reinterpret_cast<void*>(element_tp_init)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(element_tp_dealloc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(element_tp_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(element_tp_clear)},
                       {Py_tp_repr, reinterpret_cast<void*>(element_tp_repr)},
                       {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                       {Py_tp_methods, element_method_table},
                       {Py_tp_members, members},
                       {Py_tp_getset, getset},
                       {Py_nb_bool, reinterpret_cast<void*>(element_bool)},
                       {Py_sq_length, reinterpret_cast<void*>(element_length)},
                       {Py_sq_item, reinterpret_cast<void*>(element_item)},
                       {Py_sq_ass_item, reinterpret_cast<void*>(element_set_item)},
                       {Py_mp_length, reinterpret_cast<void*>(element_length)},
                       {Py_mp_subscript, reinterpret_cast<void*>(element_subscript)},
                       {Py_mp_ass_subscript, reinterpret_cast<void*>(element_assign_subscript)},
                       {0, nullptr}};

}  // namespace

PyType_Spec element_spec = {"xml.etree.ElementTree.Element", sizeof(ElementObject), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, slots};

PyObject* element_sub_element(PyObject* module, PyObject* args, PyObject* kwargs) {
  TreeState* state = tree_state(module);
  PyObject *parent, *tag, *given = nullptr;
  if (!PyArg_ParseTuple(args, "O!O|O!:SubElement", state->element_type, &parent, &tag, &PyDict_Type, &given)) return nullptr;
  Ref<> attrib;
  if (given || kwargs) attrib = TRY(attributes_from_keywords(given, kwargs));
  Ref<> made = TRY(element_new(state, tag, attrib));
  TRY(element_add(state, parent, made));
  return made.release();
}

}  // namespace ks
