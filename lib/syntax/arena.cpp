// Blocks of memory in a list, and an array of owned references.
#include "syntax/arena.h"

namespace ks::syntax {

struct Arena::Block {
  Block* next;
  size_t size;
};

namespace {
constexpr size_t kFirstBlock = 16 * 1024;
constexpr size_t kLargestBlock = 512 * 1024;
}  // namespace

Arena::~Arena() {
  for (size_t i = object_count_; i-- > 0;) Py_DECREF(objects_[i]);
  PyMem_RawFree(objects_);
  while (Block* block = blocks_) {
    blocks_ = block->next;
    PyMem_RawFree(block);
  }
}

void* Arena::allocate_block(size_t size) {
  size_t block_size = blocks_ ? blocks_->size * 2 : kFirstBlock;
  if (block_size > kLargestBlock) block_size = kLargestBlock;
  const bool own_block = size > block_size / 4;
  if (own_block) block_size = size;
  Block* block = static_cast<Block*>(PyMem_RawMalloc(sizeof(Block) + block_size));
  static_assert(sizeof(Block) % 16 == 0);
  if (!block) {
    PyErr_NoMemory();
    return nullptr;
  }
  char* memory = reinterpret_cast<char*>(block + 1);
  if (own_block && blocks_) {
    // A large piece leaves the current block in use.
    *block = {blocks_->next, block_size};
    blocks_->next = block;
    return memory;
  }
  *block = {blocks_, block_size};
  blocks_ = block;
  next_ = memory + size;
  end_ = memory + block_size;
  return memory;
}

void* Arena::allocate_array(size_t size, Py_ssize_t length) {
  size_t total;
  if (length < 0 || __builtin_mul_overflow(size, static_cast<size_t>(length), &total) || total > PY_SSIZE_T_MAX - 64) {
    PyErr_NoMemory();
    return nullptr;
  }
  return allocate(total);
}

PyObject* Arena::own(Ref<> object) {
  if (!object) return nullptr;
  if (object_count_ == object_capacity_) {
    const size_t capacity = object_capacity_ ? object_capacity_ * 2 : 64;
    void* memory = PyMem_RawRealloc(objects_, capacity * sizeof(PyObject*));
    if (!memory) {
      PyErr_NoMemory();
      return nullptr;
    }
    objects_ = static_cast<PyObject**>(memory);
    object_capacity_ = capacity;
  }
  return objects_[object_count_++] = object.release();
}

Identifier Arena::identifier(const char* text, Py_ssize_t length) {
  PyObject* name = PyUnicode_DecodeUTF8(text, length, nullptr);
  if (!name) return nullptr;
  PyUnicode_InternInPlace(&name);
  return own(steal(name));
}

}  // namespace ks::syntax
