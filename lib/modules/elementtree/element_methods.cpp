// Element's methods.
#include "modules/elementtree/tree.h"

namespace ks {
namespace {

TreeState* state_of(PyObject* self) { return tree_state_of(Py_TYPE(self)); }

Status check_element(TreeState* state, const char* method, const char* which, PyObject* o) {
  if (is_element(state, o)) return Status::Ok;
  return raise(PyExc_TypeError, "%s() argument%s must be xml.etree.ElementTree.Element, not %.50s", method, which,
               o == Py_None ? "None" : Py_TYPE(o)->tp_name);
}
Status check_dict(const char* method, const char* which, PyObject* o) {
  if (PyDict_Check(o)) return Status::Ok;
  return raise(PyExc_TypeError, "%s() argument%s must be dict, not %.50s", method, which, o == Py_None ? "None" : Py_TYPE(o)->tp_name);
}

// ---- children -------------------------------------------------------------------------------------------------------------

Status element_append(PyObject* self, PyObject* subelement) {
  TreeState* state = state_of(self);
  TRY(check_element(state, "append", " 1", subelement));
  return element_add(state, self, subelement);
}
METHOD_AS(element_append, "append", 0, "($self, subelement, /)", "Adds an element at the end.");
void element_clear(PyObject* self) {
  element_clear_extra(self);
  element(self)->text.set(Ref<>::borrow(Py_None));
  element(self)->tail.set(Ref<>::borrow(Py_None));
}
METHOD_AS(element_clear, "clear", 0, "($self, /)", "Removes children and attributes, text and tail.");
Status element_extend(PyObject* self, PyObject* elements) {
  TreeState* state = state_of(self);
  Ref<> sequence = steal(PySequence_Fast(elements, "'elements' must be an iterable"));
  if (!sequence) return failed;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence.get()); ++i) {
    Ref<> child = Ref<>::borrow(PySequence_Fast_GET_ITEM(sequence.get(), i));
    TRY(element_add(state, self, child));
  }
  return Status::Ok;
}
METHOD_AS(element_extend, "extend", 0, "($self, elements, /)", "Adds elements at the end.");
Status element_insert(PyObject* self, Py_ssize_t index, PyObject* subelement) {
  TRY(check_element(state_of(self), "insert", " 2", subelement));
  TRY(element_resize(self, 1));
  ElementExtra* extra = element(self)->extra;
  if (index < 0) {
    index += extra->length;
    if (index < 0) index = 0;
  }
  if (index > extra->length) index = extra->length;
  for (Py_ssize_t i = extra->length; i > index; --i) extra->children[i] = extra->children[i - 1];
  extra->children[index] = Py_NewRef(subelement);
  ++extra->length;
  return Status::Ok;
}
METHOD_AS(element_insert, "insert", 0, "($self, index, subelement, /)", "Inserts an element before the index.");
Status element_remove(PyObject* self, PyObject* subelement) {
  TRY(check_element(state_of(self), "remove", "", subelement));
  Py_ssize_t at = 0;
  bool there = false;
  for (; at < child_count(self); ++at) {
    Ref<> child = Ref<>::borrow(child_at(self, at));
    there = TRY(PyObject_RichCompareBool(child, subelement, Py_EQ));
    if (there) break;
  }
  if (!there) return raise(PyExc_ValueError, "Element.remove(x): element not found");
  // Asking for equality may have taken the children away.
  if (at >= child_count(self)) return Status::Ok;
  ElementExtra* extra = element(self)->extra;
  Ref<> removed = steal(extra->children[at]);
  --extra->length;
  for (Py_ssize_t i = at; i < extra->length; ++i) extra->children[i] = extra->children[i + 1];
  return Status::Ok;
}
METHOD_AS(element_remove, "remove", 0, "($self, subelement, /)", "Removes the first child that is this element.");

// ---- attributes -----------------------------------------------------------------------------------------------------------

PyObject* attributes_or_null(PyObject* self) { return element(self)->extra ? element(self)->extra->attrib : nullptr; }
PyObject* element_get(PyObject* self, PyObject* key, PyObject* fallback) {
  PyObject* value = nullptr;
  if (PyObject* attrib = attributes_or_null(self)) {
    Ref<> held = Ref<>::borrow(attrib);
    if (PyDict_GetItemRef(attrib, key, &value) < 0) return nullptr;
  }
  return value ? value : Py_NewRef(fallback ? fallback : Py_None);
}
METHOD_AS(element_get, "get", 0, "($self, /, key, default=None)", "An attribute, or the default.");
Status element_set(PyObject* self, PyObject* key, PyObject* value) {
  PyObject* attrib = element_attributes(self);
  if (!attrib) return failed;
  return status(PyDict_SetItem(attrib, key, value));
}
METHOD_AS(element_set, "set", 0, "($self, key, value, /)", "Sets an attribute.");
PyObject* element_items(PyObject* self) {
  PyObject* attrib = attributes_or_null(self);
  return attrib ? PyDict_Items(attrib) : PyList_New(0);
}
METHOD_AS(element_items, "items", 0, "($self, /)", "The attributes, a list of pairs.");
PyObject* element_keys(PyObject* self) {
  PyObject* attrib = attributes_or_null(self);
  return attrib ? PyDict_Keys(attrib) : PyList_New(0);
}
METHOD_AS(element_keys, "keys", 0, "($self, /)", "The attributes' names.");

// ---- searching --------------------------------------------------------------------------------------------------------------

// Whether this is more than a plain tag: then xml.etree.ElementPath searches.
bool is_path(PyObject* tag) {
  const auto special = [](Py_UCS4 c) { return c == '/' || c == '*' || c == '[' || c == '@' || c == '.'; };
  if (PyUnicode_Check(tag)) {
    const Py_ssize_t size = PyUnicode_GET_LENGTH(tag);
    const void* data = PyUnicode_DATA(tag);
    const int kind = PyUnicode_KIND(tag);
    // The part in braces is free; {} and {*} stand for namespaces.
    bool outside = true;
    if (size >= 3 && PyUnicode_READ(kind, data, 0) == '{' &&
        (PyUnicode_READ(kind, data, 1) == '}' || (PyUnicode_READ(kind, data, 1) == '*' && PyUnicode_READ(kind, data, 2) == '}')))
      return true;
    for (Py_ssize_t i = 0; i < size; ++i) {
      const Py_UCS4 c = PyUnicode_READ(kind, data, i);
      if (c == '{') outside = false;
      else if (c == '}') outside = true;
      else if (outside && special(c)) return true;
    }
    return false;
  }
  if (PyBytes_Check(tag)) {
    const char* data = PyBytes_AS_STRING(tag);
    const Py_ssize_t size = PyBytes_GET_SIZE(tag);
    bool outside = true;
    if (size >= 3 && data[0] == '{' && (data[1] == '}' || (data[1] == '*' && data[2] == '}'))) return true;
    for (Py_ssize_t i = 0; i < size; ++i) {
      if (data[i] == '{') outside = false;
      else if (data[i] == '}') outside = true;
      else if (outside && special(static_cast<unsigned char>(data[i]))) return true;
    }
    return false;
  }
  return true;
}
Ref<> search(PyObject* self, PyObject* method, PyObject* path, PyObject* namespaces) {
  return steal(PyObject_CallMethodObjArgs(state_of(self)->element_path, method, self, path, namespaces, nullptr));
}
// The next child from `index` on whose tag is this, or nothing (with or without exception).
Ref<> next_child(TreeState* state, PyObject* self, PyObject* tag, Py_ssize_t* index) {
  while (*index < child_count(self)) {
    Ref<> child = Ref<>::borrow(child_at(self, (*index)++));
    if (!is_element(state, child)) continue;
    if (element(child.get())->tag == tag) return child;
    Ref<> own = Ref<>::borrow(element(child.get())->tag);
    const int same = PyObject_RichCompareBool(own, tag, Py_EQ);
    if (same < 0) return failed;
    if (same) return child;
  }
  return nullptr;
}
Ref<> element_find(PyObject* self, PyObject* path, PyObject* namespaces) {
  if (!namespaces) namespaces = Py_None;
  if (namespaces != Py_None || is_path(path)) return search(self, "find"_id, path, namespaces);
  Py_ssize_t index = 0;
  Ref<> child = next_child(state_of(self), self, path, &index);
  if (child || PyErr_Occurred()) return child;
  return Ref<>::borrow(Py_None);
}
METHOD_AS(element_find, "find", 0, "($self, /, path, namespaces=None)", "The first child (or descendant) of the path, or None.");
PyObject* element_findtext(PyObject* self, PyObject* path, PyObject* fallback, PyObject* namespaces) {
  if (!namespaces) namespaces = Py_None;
  if (!fallback) fallback = Py_None;
  if (namespaces != Py_None || is_path(path))
    return PyObject_CallMethodObjArgs(state_of(self)->element_path, "findtext"_id, self, path, fallback, namespaces, nullptr);
  Py_ssize_t index = 0;
  Ref<> child = next_child(state_of(self), self, path, &index);
  if (!child) return PyErr_Occurred() ? nullptr : Py_NewRef(fallback);
  PyObject* text = TRY(element(child.get())->text.get());
  if (text == Py_None) return PyUnicode_FromStringAndSize(nullptr, 0);
  return Py_NewRef(text);
}
METHOD_AS(element_findtext, "findtext", 0, "($self, /, path, default=None, namespaces=None)", "The text of the first child of the path.");
Ref<> element_findall(PyObject* self, PyObject* path, PyObject* namespaces) {
  if (!namespaces) namespaces = Py_None;
  if (namespaces != Py_None || is_path(path)) return search(self, "findall"_id, path, namespaces);
  Ref<> result = TRY(steal(PyList_New(0)));
  TreeState* state = state_of(self);
  Py_ssize_t index = 0;
  while (Ref<> child = next_child(state, self, path, &index)) TRY(PyList_Append(result, child));
  if (PyErr_Occurred()) return failed;
  return result;
}
METHOD_AS(element_findall, "findall", 0, "($self, /, path, namespaces=None)", "The children (or descendants) of the path, a list.");
Ref<> element_iterfind(PyObject* self, PyObject* path, PyObject* namespaces) {
  return search(self, "iterfind"_id, path, namespaces ? namespaces : Py_None);
}
METHOD_AS(element_iterfind, "iterfind", 0, "($self, /, path, namespaces=None)", "An iterator over the elements of the path.");
PyObject* element_iter(PyObject* self, PyObject* tag) {
  if (!tag) tag = Py_None;
  if (PyUnicode_Check(tag) && PyUnicode_EqualToUTF8(tag, "*")) tag = Py_None;
  else if (PyBytes_Check(tag) && PyBytes_GET_SIZE(tag) == 1 && *PyBytes_AS_STRING(tag) == '*') tag = Py_None;
  return element_iterator_new(state_of(self), self, tag, false);
}
METHOD_AS(element_iter, "iter", 0, "($self, /, tag=None)", "An iterator over this element and all below it.");
PyObject* element_itertext(PyObject* self) { return element_iterator_new(state_of(self), self, Py_None, true); }
METHOD_AS(element_itertext, "itertext", 0, "($self, /)", "An iterator over all text in this element.");

// ---- copies ---------------------------------------------------------------------------------------------------------------

Ref<> element_makeelement(PyObject* self, PyObject* tag, PyObject* attrib) {
  TRY(check_dict("makeelement", " 2", attrib));
  Ref<> copy = TRY(steal(PyDict_Copy(attrib)));
  return element_new(state_of(self), tag, copy);
}
METHOD_AS(element_makeelement, "makeelement", 0, "($self, tag, attrib, /)", "A new element.");
Ref<> element___copy__(PyObject* self) {
  TreeState* state = state_of(self);
  Ref<> copy = TRY(element_new(state, element(self)->tag, attributes_or_null(self)));
  element(copy.get())->text.share(element(self)->text);
  element(copy.get())->tail.share(element(self)->tail);
  for (Py_ssize_t i = 0; i < child_count(self); ++i) TRY(element_add(state, copy, child_at(self, i)));
  return copy;
}
METHOD_AS(element___copy__, "__copy__", 0, "($self, /)", "A copy with the same children.");

Ref<> deep_copy_element(TreeState* state, PyObject* self, PyObject* memo);
// copy.deepcopy(o, memo), without the call where the result is known.
Ref<> deep_copy(TreeState* state, PyObject* o, PyObject* memo) {
  if (o == Py_None || PyUnicode_CheckExact(o)) return Ref<>::borrow(o);
  if (Py_REFCNT(o) == 1) {
    // Nobody else refers to it, so the memo need not be asked.
    if (PyDict_CheckExact(o)) {
      bool simple = true;
      PyObject *key, *value;
      Py_ssize_t at = 0;
      while (simple && PyDict_Next(o, &at, &key, &value)) simple = PyUnicode_CheckExact(key) && PyUnicode_CheckExact(value);
      if (simple) return steal(PyDict_Copy(o));
    } else if (is_exact_element(state, o)) {
      Ref<> held = Ref<>::borrow(o);
      return deep_copy_element(state, o, memo);
    }
  }
  return steal(PyObject_CallFunctionObjArgs(state->deepcopy, o, memo, nullptr));
}
Ref<> deep_copy_text(TreeState* state, LazyText& text, PyObject* memo) {
  PyObject* plain = TRY(text.get());
  Ref<> held = Ref<>::borrow(plain);
  return deep_copy(state, held, memo);
}
Ref<> deep_copy_element(TreeState* state, PyObject* self, PyObject* memo) {
  if (Py_EnterRecursiveCall(" while deep copying an element")) return failed;
  const auto copy_all = [&]() -> Ref<> {
    ElementObject* e = element(self);
    Ref<> own_tag = Ref<>::borrow(e->tag ? e->tag : Py_None);
    Ref<> tag = TRY(deep_copy(state, own_tag, memo));
    Ref<> attrib;
    if (PyObject* own = attributes_or_null(self)) attrib = TRY(deep_copy(state, own, memo));
    if (attrib && !PyDict_Check(attrib)) return raise(PyExc_TypeError, "the copy of attrib is no dict");
    Ref<> copy = TRY(element_new(state, tag, attrib));
    Ref<> text = TRY(deep_copy_text(state, e->text, memo));
    element(copy.get())->text.set(std::move(text));
    Ref<> tail = TRY(deep_copy_text(state, e->tail, memo));
    element(copy.get())->tail.set(std::move(tail));
    for (Py_ssize_t i = 0; i < child_count(self); ++i) {
      // Borrowed from the parent where one reference is all there is.
      PyObject* child = child_at(self, i);
      Ref<> held;
      if (Py_REFCNT(child) > 1) held = Ref<>::borrow(child);
      Ref<> child_copy = TRY(deep_copy(state, child, memo));
      TRY(element_add(state, copy, child_copy));
    }
    Ref<> id = TRY(steal(PyLong_FromVoidPtr(self)));
    TRY(PyDict_SetItem(memo, id, copy));
    return copy;
  };
  Ref<> result = copy_all();
  Py_LeaveRecursiveCall();
  return result;
}
Ref<> element___deepcopy__(PyObject* self, PyObject* memo) {
  TRY(check_dict("__deepcopy__", "", memo));
  return deep_copy_element(state_of(self), self, memo);
}
METHOD_AS(element___deepcopy__, "__deepcopy__", 0, "($self, memo, /)", "A copy with copies of everything below it.");
Py_ssize_t element___sizeof__(PyObject* self) {
  Py_ssize_t size = Py_TYPE(self)->tp_basicsize;
  if (ElementExtra* extra = element(self)->extra) {
    size += static_cast<Py_ssize_t>(sizeof(ElementExtra));
    if (extra->children != extra->few) size += static_cast<Py_ssize_t>(sizeof(PyObject*)) * extra->allocated;
  }
  return size;
}
METHOD_AS(element___sizeof__, "__sizeof__", 0, "($self, /)", "Size in bytes.");

// ---- pickles --------------------------------------------------------------------------------------------------------------

Ref<> element___getstate__(PyObject* self) {
  const Py_ssize_t count = child_count(self);
  Ref<> children = TRY(steal(PyList_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) PyList_SET_ITEM(children.get(), i, Py_NewRef(child_at(self, i)));
  PyObject* own = attributes_or_null(self);
  Ref<> attrib = own ? Ref<>::borrow(own) : steal(PyDict_New());
  if (!attrib) return failed;
  PyObject* text = TRY(element(self)->text.get());
  PyObject* tail = TRY(element(self)->tail.get());
  return steal(Py_BuildValue("{sOsOsOsOsO}", "tag", element(self)->tag, "_children", children.get(), "attrib", attrib.get(), "text", text,
                             "tail", tail));
}
METHOD_AS(element___getstate__, "__getstate__", 0, "($self, /)", "The state as a dict, as the Python class has it.");
Status set_text_from(LazyText& text, PyObject* value) {
  // A list of pieces is kept as one.
  text.set(Ref<>::borrow(value ? value : Py_None), value && PyList_CheckExact(value));
  return Status::Ok;
}
Status element___setstate__(PyObject* self, PyObject* value) {
  if (!PyDict_CheckExact(value)) return raise(PyExc_TypeError, "Don't know how to unpickle \"%.200R\" as an Element", value);
  TreeState* state = state_of(self);
  static const char* const names[] = {"tag", "_children", "attrib", "text", "tail", nullptr};
  PyObject *tag = nullptr, *children = nullptr, *attrib = nullptr, *text = nullptr, *tail = nullptr;
  Ref<> args = TRY(steal(PyTuple_New(0)));
  if (!PyArg_ParseTupleAndKeywords(args, value, "|$OOOOO", const_cast<char**>(names), &tag, &children, &attrib, &text, &tail)) return failed;
  if (!tag) return raise(PyExc_TypeError, "tag may not be NULL");
  if (children && !PyList_Check(children)) return raise(PyExc_TypeError, "'_children' is not a list");
  const Py_ssize_t count = children ? PyList_GET_SIZE(children) : 0;
  for (Py_ssize_t i = 0; i < count; ++i)
    if (!is_element(state, PyList_GET_ITEM(children, i))) return raise_not_element(PyList_GET_ITEM(children, i));
  Py_XSETREF(element(self)->tag, Py_NewRef(tag));
  TRY(set_text_from(element(self)->text, text));
  TRY(set_text_from(element(self)->tail, tail));
  element_clear_extra(self);
  TRY(element_resize(self, count));
  for (Py_ssize_t i = 0; i < count; ++i) TRY(element_add(state, self, PyList_GET_ITEM(children, i)));
  if (attrib && PyDict_Check(attrib)) Py_XSETREF(element(self)->extra->attrib, Py_NewRef(attrib));
  return Status::Ok;
}
METHOD_AS(element___setstate__, "__setstate__", 0, "($self, state, /)", "Takes the state from a dict.");

}  // namespace

PyMethodDef element_method_table[] = {
    element_clear_method,       element_get_method,          element_set_method,           element_find_method,        element_findtext_method,
    element_findall_method,     element_append_method,       element_extend_method,        element_insert_method,      element_remove_method,
    element_iter_method,        element_itertext_method,     element_iterfind_method,      element_items_method,       element_keys_method,
    element_makeelement_method, element___copy___method,     element___deepcopy___method,  element___sizeof___method,  element___getstate___method,
    element___setstate___method, {}};

}  // namespace ks
