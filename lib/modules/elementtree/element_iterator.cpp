// The iterator of Element.iter() and itertext(): an element, then what is below it, by a stack of parents.
#include "modules/elementtree/tree.h"

namespace ks {
namespace {

struct Level {
  PyObject* parent;  // owned
  Py_ssize_t next;   // the child to visit next
};
struct ElementIterator {
  PyObject_HEAD
  Level* stack;
  Py_ssize_t used, allocated;
  PyObject* root;  // owned until visited
  PyObject* tag;   // owned: None for all
  bool text;
};
ElementIterator* iterator(PyObject* o) { return as<ElementIterator>(o); }

Status push(ElementIterator* it, Ref<> parent) {
  if (it->used == it->allocated) {
    const Py_ssize_t room = it->allocated ? it->allocated * 2 : 8;
    Level* stack = static_cast<Level*>(PyMem_Realloc(it->stack, static_cast<size_t>(room) * sizeof(Level)));
    if (!stack) {
      PyErr_NoMemory();
      return failed;
    }
    it->stack = stack;
    it->allocated = room;
  }
  it->stack[it->used++] = {parent.release(), 0};
  return Status::Ok;
}
// A text if there is one worth giving, else nothing (with or without exception).
Ref<> text_of(LazyText& lazy) {
  PyObject* text = TRY(lazy.get());
  Ref<> held = Ref<>::borrow(text);
  const int truth = PyObject_IsTrue(held);
  return truth > 0 ? std::move(held) : nullptr;
}

PyObject* iterator_next(PyObject* self) {
  ElementIterator* it = iterator(self);
  for (;;) {
    Ref<> current;
    if (it->used == 0) {
      if (!it->root) return nullptr;
      current = steal(std::exchange(it->root, nullptr));
    } else {
      Level& top = it->stack[it->used - 1];
      if (top.next >= child_count(top.parent)) {
        // The parent is done; its tail comes now, but not that of the root.
        Ref<> done = steal(top.parent);
        --it->used;
        if (it->text && it->used) {
          Ref<> tail = text_of(element(done.get())->tail);
          if (tail || PyErr_Occurred()) return tail.release();
        }
        continue;
      }
      current = Ref<>::borrow(child_at(top.parent, top.next++));
    }
    TRY(push(it, current.share()));
    if (it->text) {
      // The text of a comment or processing instruction is not the document's.
      PyObject* tag = element(current.get())->tag;
      if (tag && tag != Py_None && !PyUnicode_Check(tag)) continue;
      Ref<> text = text_of(element(current.get())->text);
      if (text || PyErr_Occurred()) return text.release();
      continue;
    }
    if (it->tag == Py_None) return current.release();
    Ref<> own = Ref<>::borrow(element(current.get())->tag);
    const int same = PyObject_RichCompareBool(own, it->tag, Py_EQ);
    if (same < 0) return nullptr;
    if (same) return current.release();
  }
}
int iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  ElementIterator* it = iterator(self);
  Py_VISIT(Py_TYPE(self));
  for (Py_ssize_t i = 0; i < it->used; ++i) Py_VISIT(it->stack[i].parent);
  Py_VISIT(it->root);
  Py_VISIT(it->tag);
  return 0;
}
void iterator_dealloc(PyObject* self) {
  ElementIterator* it = iterator(self);
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  while (it->used) Py_DECREF(it->stack[--it->used].parent);
  PyMem_Free(it->stack);
  Py_XDECREF(it->root);
  Py_XDECREF(it->tag);
  type->tp_free(self);
  Py_DECREF(type);
}
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(iterator_dealloc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(iterator_traverse)},
                       {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                       {Py_tp_iternext, reinterpret_cast<void*>(iterator_next)},
                       {0, nullptr}};

}  // namespace

// Not _element_iterator of the module: it is not an attribute there.
PyType_Spec element_iterator_spec = {"_elementtree._element_iterator", sizeof(ElementIterator), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

PyObject* element_iterator_new(TreeState* state, PyObject* root, PyObject* tag, bool text) {
  Ref<> self = TRY(steal(state->iterator_type->tp_alloc(state->iterator_type, 0)));
  ElementIterator* it = iterator(self.get());
  it->root = Py_NewRef(root);
  it->tag = Py_NewRef(tag);
  it->text = text;
  return self.release();
}

}  // namespace ks
