// Start and end of what the container types and the small types keep for an interpreter: their free lists.
#include "object/collector.h"
#include "runtime/rooms.h"
#include "types/container_support.h"
#include "types/dict.h"

namespace ks {
namespace {

void free_plain(FreeList& list) {
  while (void* block = list.take()) PyMem_Free(block);
}
void free_objects(FreeList& list) {
  while (void* block = list.take()) PyObject_GC_Del(block);
}
void clear_container_lists(PyInterpreterState* interpreter) {
  ContainerTypesState& state = interpreter->containers;
  free_objects(state.dicts);
  free_plain(state.dict_keys);
  free_objects(state.dict_iterators);
  free_objects(state.lists);
  free_objects(state.list_iterators);
  free_objects(state.tuple_iterators);
  for (FreeList& list : state.tuples) free_objects(list);
}
void clear_small_lists(PyInterpreterState* interpreter) {
  if (PySliceObject* slice = interpreter->small.spare_slice) {
    interpreter->small.spare_slice = nullptr;
    PyObject_GC_Del(slice);
  }
}

}  // namespace

Status containers_start(PyInterpreterState* state) {
  collector_add_free_lists(state, clear_container_lists);
  return Status::Ok;
}
void containers_end(PyInterpreterState* state) { clear_container_lists(state); }

Status small_start(PyInterpreterState* state) {
  collector_add_free_lists(state, clear_small_lists);
  return Status::Ok;
}
void small_end(PyInterpreterState* state) { clear_small_lists(state); }

}  // namespace ks
