// Blocks of freed objects kept for the next object of the same kind; a member of an interpreter's state.
//
// The list is linked through the first word of what is pushed (an object's reference count). Push only what has been
// cleared and untracked, and whose block is whole (with its GC head, if it has one, before it).
#pragma once

#include <cstdint>

namespace ks {

template <int Limit>
struct BlockList {
  static constexpr int kLimit = Limit;
  void* first;
  int count;

  // A block, or nullptr.
  void* pop() {
    void* block = first;
    if (block) {
      first = *static_cast<void**>(block);
      --count;
    }
    return block;
  }
  // False when the list is full: the caller frees the block.
  bool push(void* block) {
    if (count >= Limit) return false;
    *static_cast<void**>(block) = first;
    first = block;
    ++count;
    return true;
  }
  template <class Free>
  void clear(Free&& free_block) {
    while (void* block = pop()) free_block(block);
  }
};

}  // namespace ks
