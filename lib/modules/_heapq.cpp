// _heapq: binary heaps in lists, smallest first or (the _max functions) largest first.
//
// A comparison may run Python code that changes the list: the size is checked after each one, and items are held.
#include "modules/module.h"

namespace ks {
namespace {

Found precedes(PyObject* left, PyObject* right, bool max) {
  return found(max ? PyObject_RichCompareBool(right, left, Py_LT) : PyObject_RichCompareBool(left, right, Py_LT));
}
Failed raise_changed() { return raise(PyExc_RuntimeError, "list changed size during iteration"); }

// Asks whether item i comes before item j, with both held while Python code may run.
Found item_precedes(PyListObject* heap, Py_ssize_t i, Py_ssize_t j, Py_ssize_t size, bool max) {
  Ref<> left = Ref<>::borrow(heap->ob_item[i]);
  Ref<> right = Ref<>::borrow(heap->ob_item[j]);
  const bool result = TRY(precedes(left, right, max));
  if (PyList_GET_SIZE(heap) != size) return raise_changed();
  return result ? Found::Yes : Found::No;
}
// Moves the item at `position` towards the root, not above `start`.
Status sift_towards_root(PyListObject* heap, Py_ssize_t start, Py_ssize_t position, bool max) {
  const Py_ssize_t size = PyList_GET_SIZE(heap);
  if (position >= size) return raise(PyExc_IndexError, "index out of range");
  while (position > start) {
    const Py_ssize_t parent = (position - 1) >> 1;
    if (!TRY(item_precedes(heap, position, parent, size, max))) break;
    std::swap(heap->ob_item[parent], heap->ob_item[position]);
    position = parent;
  }
  return Status::Ok;
}
// Moves the item at `position` to a leaf along the better children, then back up: cheaper than comparing with it on
// the way down, as it came from the end and mostly belongs there.
Status sift_to_leaf(PyListObject* heap, Py_ssize_t position, bool max) {
  const Py_ssize_t start = position, size = PyList_GET_SIZE(heap);
  if (position >= size) return raise(PyExc_IndexError, "index out of range");
  const Py_ssize_t first_leaf = size >> 1;
  while (position < first_leaf) {
    Py_ssize_t child = 2 * position + 1;
    if (child + 1 < size && !TRY(item_precedes(heap, child, child + 1, size, max))) ++child;
    std::swap(heap->ob_item[child], heap->ob_item[position]);
    position = child;
  }
  return sift_towards_root(heap, start, position, max);
}

PyListObject* as_heap(const Signature& signature, PyObject* object) {
  if (PyList_Check(object)) return as<PyListObject>(object);
  (void)raise_bad_argument(signature, 0, "list", object);
  return nullptr;
}
constexpr Signature kOneOf2 = read_signature("", "($module, heap, item, /)");

Status push(PyListObject* heap, PyObject* item, bool max) {
  TRY(PyList_Append(object(heap), item));
  return sift_towards_root(heap, 0, PyList_GET_SIZE(heap) - 1, max);
}
PyObject* pop(PyListObject* heap, bool max) {
  const Py_ssize_t size = PyList_GET_SIZE(heap);
  if (size == 0) return raise(PyExc_IndexError, "index out of range");
  Ref<> last = Ref<>::borrow(heap->ob_item[size - 1]);
  TRY(PyList_SetSlice(object(heap), size - 1, size, nullptr));
  if (size == 1) return last.release();
  Ref<> result = Ref<>::steal(std::exchange(heap->ob_item[0], last.release()));
  TRY(sift_to_leaf(heap, 0, max));
  return result.release();
}
PyObject* replace(PyListObject* heap, PyObject* item, bool max) {
  if (PyList_GET_SIZE(heap) == 0) return raise(PyExc_IndexError, "index out of range");
  Ref<> result = Ref<>::steal(std::exchange(heap->ob_item[0], Py_NewRef(item)));
  TRY(sift_to_leaf(heap, 0, max));
  return result.release();
}
PyObject* push_and_pop(PyListObject* heap, PyObject* item, bool max) {
  if (PyList_GET_SIZE(heap) == 0) return Py_NewRef(item);
  Ref<> top = Ref<>::borrow(heap->ob_item[0]);
  if (!TRY(precedes(top, item, max))) return Py_NewRef(item);
  if (PyList_GET_SIZE(heap) == 0) return raise(PyExc_IndexError, "index out of range");
  return replace(heap, item, max);
}
Status make_heap(PyListObject* heap, bool max) {
  for (Py_ssize_t i = (PyList_GET_SIZE(heap) >> 1) - 1; i >= 0; --i) TRY(sift_to_leaf(heap, i, max));
  return Status::Ok;
}

#define HEAP_FUNCTIONS(SUFFIX, MAX, WHICH)                                                                        \
  Status heapq_heappush##SUFFIX(PyObject*, PyObject* heap, PyObject* item) {                                      \
    Signature signature = kOneOf2;                                                                                \
    signature.function = "heappush" #SUFFIX;                                                                      \
    PyListObject* list = as_heap(signature, heap);                                                                \
    return list ? push(list, item, MAX) : Status::Error;                                                          \
  }                                                                                                               \
  METHOD(heapq, heappush##SUFFIX, "($module, heap, item, /)", "Add an item to a heap.");                          \
  PyObject* heapq_heappop##SUFFIX(PyObject*, PyObject* heap) {                                                    \
    static constexpr Signature signature = read_signature("heappop" #SUFFIX, "($module, heap, /)");               \
    PyListObject* list = as_heap(signature, heap);                                                                \
    return list ? pop(list, MAX) : nullptr;                                                                       \
  }                                                                                                               \
  METHOD(heapq, heappop##SUFFIX, "($module, heap, /)", "Take the " WHICH " item off a heap.");                    \
  PyObject* heapq_heapreplace##SUFFIX(PyObject*, PyObject* heap, PyObject* item) {                                \
    Signature signature = kOneOf2;                                                                                \
    signature.function = "heapreplace" #SUFFIX;                                                                   \
    PyListObject* list = as_heap(signature, heap);                                                                \
    return list ? replace(list, item, MAX) : nullptr;                                                             \
  }                                                                                                               \
  METHOD(heapq, heapreplace##SUFFIX, "($module, heap, item, /)", "Take the " WHICH " item off, then add one.");   \
  PyObject* heapq_heappushpop##SUFFIX(PyObject*, PyObject* heap, PyObject* item) {                                \
    Signature signature = kOneOf2;                                                                                \
    signature.function = "heappushpop" #SUFFIX;                                                                   \
    PyListObject* list = as_heap(signature, heap);                                                                \
    return list ? push_and_pop(list, item, MAX) : nullptr;                                                        \
  }                                                                                                               \
  METHOD(heapq, heappushpop##SUFFIX, "($module, heap, item, /)", "Add an item, then take the " WHICH " one off."); \
  Status heapq_heapify##SUFFIX(PyObject*, PyObject* heap) {                                                       \
    static constexpr Signature signature = read_signature("heapify" #SUFFIX, "($module, heap, /)");               \
    PyListObject* list = as_heap(signature, heap);                                                                \
    return list ? make_heap(list, MAX) : Status::Error;                                                           \
  }                                                                                                               \
  METHOD(heapq, heapify##SUFFIX, "($module, heap, /)", "Turn a list into a heap, in linear time.")
HEAP_FUNCTIONS(, false, "smallest");
HEAP_FUNCTIONS(_max, true, "largest");

PyMethodDef methods[] = {heapq_heappush_method, heapq_heappop_method, heapq_heapreplace_method, heapq_heappushpop_method,
                         heapq_heapify_method, heapq_heappush_max_method, heapq_heappop_max_method,
                         heapq_heapreplace_max_method, heapq_heappushpop_max_method, heapq_heapify_max_method, {}};
int heapq_exec(PyObject* module) {
  return PyModule_AddStringConstant(module, "__about__",
                                    "A heap is a list in which no item precedes its parent: the parent of item i is item (i-1)//2.\n"
                                    "So the first item is the smallest, and adding or taking off an item costs log(n) comparisons.");
}
MODULE_SLOTS(slots, heapq_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_heapq", .m_doc = "Heaps, for the module heapq.", .m_size = 0,
                      .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__heapq(void) { return PyModuleDef_Init(&ks::module); }
