// The module _elementtree: what its files share. Elements, the builder of trees and the parser that feeds it.
#pragma once

#include "modules/module.h"

#include <utility>

namespace ks {

struct TreeState {
  PyObject* parse_error;
  PyObject* deepcopy;        // copy.deepcopy
  PyObject* element_path;    // xml.etree.ElementPath
  PyObject* comment_factory; // nullptr until _set_factories()
  PyObject* pi_factory;
  uint8_t salt[16];          // for the tables of libexpat
  PyTypeObject *element_type, *iterator_type, *builder_type, *parser_type;
};
TreeState* tree_state(PyObject* module);
TreeState* tree_state_of(PyTypeObject* type);  // one of the types of the module or a subclass; never nullptr

// Text that may still be a list of pieces to be joined when somebody asks for it: then the pointer's lowest bit is set.
class LazyText {
 public:
  PyObject* object() const { return reinterpret_cast<PyObject*>(bits_ & ~uintptr_t{1}); }
  bool pieces() const { return bits_ & 1; }
  explicit operator bool() const { return bits_ != 0; }
  void set(Ref<> value, bool pieces = false) {
    PyObject* old = object();
    bits_ = reinterpret_cast<uintptr_t>(value.release()) | static_cast<uintptr_t>(pieces);
    Py_XDECREF(old);
  }
  // The text, joined now; borrowed. Fails where a piece is no str.
  PyObject* get();
  void share(const LazyText& other) {
    Ref<> value = Ref<>::borrow(other.object());
    set(std::move(value), other.pieces());
  }

 private:
  uintptr_t bits_;
};

// What an element without attributes and children does not need.
struct ElementExtra {
  PyObject* attrib;        // owned dict or nullptr
  PyObject** children;     // owned each; `few` or a block of `allocated`
  Py_ssize_t length;
  Py_ssize_t allocated;
  PyObject* few[4];
};
struct ElementObject {
  PyObject_HEAD
  PyObject* tag;
  LazyText text, tail;
  ElementExtra* extra;
  PyObject* weak_references;
};
inline ElementObject* element(PyObject* o) { return as<ElementObject>(o); }
inline Py_ssize_t child_count(PyObject* o) { return element(o)->extra ? element(o)->extra->length : 0; }
inline PyObject* child_at(PyObject* o, Py_ssize_t i) { return element(o)->extra->children[i]; }
inline bool is_element(TreeState* state, PyObject* o) { return PyObject_TypeCheck(o, state->element_type); }
inline bool is_exact_element(TreeState* state, PyObject* o) { return Py_IS_TYPE(o, state->element_type); }

// ---- element.cpp --------------------------------------------------------------------------------------------------------

// An element with this tag; attrib (a dict or nullptr) is shared, not copied. An empty one is not kept.
Ref<> element_new(TreeState* state, PyObject* tag, PyObject* attrib);
Status element_add(TreeState* state, PyObject* parent, PyObject* child);  // TypeError for what is no element
PyObject* element_attributes(PyObject* self);                           // borrowed dict, made where there is none
Ref<> attributes_from_keywords(PyObject* attrib, PyObject* kwargs);     // a new dict
Failed raise_not_element(PyObject* o);
PyObject* element_sub_element(PyObject* module, PyObject* args, PyObject* kwargs);
extern PyType_Spec element_spec;

// ---- element_methods.cpp ------------------------------------------------------------------------------------------------

extern PyMethodDef element_method_table[];
Status element_resize(PyObject* self, Py_ssize_t extra);
void element_clear_extra(PyObject* self);

// ---- element_iterator.cpp -----------------------------------------------------------------------------------------------

PyObject* element_iterator_new(TreeState* state, PyObject* root, PyObject* tag, bool text);
extern PyType_Spec element_iterator_spec;

// ---- builder.cpp --------------------------------------------------------------------------------------------------------

struct TreeBuilder {
  PyObject_HEAD
  PyObject* root;             // owned or nullptr
  PyObject* current;          // owned: the element that is open, None outside
  PyObject* last;             // owned: the element made or closed last, None
  PyObject* last_for_tail;    // owned: what a text follows, nullptr: it lies in `last`
  PyObject* data;             // owned: text to come, one object or a list of pieces
  PyObject* stack;            // owned list
  Py_ssize_t depth;           // so many of it are in use
  PyObject *element_factory, *comment_factory, *pi_factory;  // owned or nullptr
  char insert_comments, insert_pis;
  PyObject* append_event;     // owned or nullptr: where events go
  PyObject *start_event, *end_event, *start_ns_event, *end_ns_event, *comment_event, *pi_event;  // owned or nullptr: what is asked for
  TreeState* state;
};
inline TreeBuilder* builder(PyObject* o) { return as<TreeBuilder>(o); }
Ref<> builder_new(TreeState* state);
Ref<> builder_start(PyObject* self, PyObject* tag, PyObject* attrib);
Ref<> builder_data(PyObject* self, PyObject* data);
Ref<> builder_end(PyObject* self, PyObject* tag);
Ref<> builder_comment(PyObject* self, PyObject* text);
Ref<> builder_pi(PyObject* self, PyObject* target, PyObject* text);
Ref<> builder_start_namespace(PyObject* self, PyObject* prefix, PyObject* uri);
Ref<> builder_end_namespace(PyObject* self, PyObject* prefix);
PyObject* builder_done(PyObject* self);
extern PyType_Spec builder_spec;

// ---- parser.cpp ---------------------------------------------------------------------------------------------------------

extern PyType_Spec tree_parser_spec;

}  // namespace ks
