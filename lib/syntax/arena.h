// Where a syntax tree lives: memory that is handed out piece by piece and freed at once, and the objects in the tree.
#pragma once

#include <Python.h>

#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "object/result.h"
#include "syntax/ast.h"

namespace ks::syntax {

// Every function that returns a pointer returns nullptr with MemoryError set when memory is short.
class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Memory aligned for any node, not initialised.
  void* allocate(size_t size) {
    size = (size + 15) & ~size_t{15};
    if (size > static_cast<size_t>(end_ - next_)) return allocate_block(size);
    void* result = next_;
    next_ += size;
    return result;
  }

  // A node: make<BinOp>(position, left, op, right), make<Arguments>(...).
  template <class T, class... Fields>
  T* make(const Position& position, Fields&&... fields) {
    void* memory = allocate(sizeof(T));
    if (!memory) return nullptr;
    if constexpr (std::is_base_of_v<Positioned, T>) return new (memory) T{{position}, std::forward<Fields>(fields)...};
    else return new (memory) T{{{T::kKind, position}}, std::forward<Fields>(fields)...};
  }
  template <class T, class... Fields>
    requires(!std::is_base_of_v<Positioned, T> && !requires { T::kKind; })
  T* make_plain(Fields&&... fields) {
    void* memory = allocate(sizeof(T));
    return memory ? new (memory) T{std::forward<Fields>(fields)...} : nullptr;
  }

  // An array of `length` zeroed items; items is nullptr, and length -1, when memory is short.
  template <class T>
  Sequence<T> sequence(Py_ssize_t length) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (length == 0) return {};
    void* memory = allocate_array(sizeof(T), length);
    if (!memory) return {nullptr, -1};
    std::memset(memory, 0, sizeof(T) * static_cast<size_t>(length));
    return {static_cast<T*>(memory), length};
  }
  template <class T>
  Sequence<T> copy(const T* items, Py_ssize_t length) {
    Sequence<T> result = sequence<T>(length);
    if (result.length > 0) std::memcpy(result.items, items, sizeof(T) * static_cast<size_t>(length));
    return result;
  }

  // Takes a reference over and returns it as borrowed; nullptr in, nullptr out.
  PyObject* own(Ref<> object);
  PyObject* own(PyObject* object) = delete;

  // The interned str of UTF-8 text.
  Identifier identifier(const char* text, Py_ssize_t length);

 private:
  struct Block;
  void* allocate_block(size_t size);
  void* allocate_array(size_t size, Py_ssize_t length);

  char* next_ = nullptr;
  char* end_ = nullptr;
  Block* blocks_ = nullptr;
  PyObject** objects_ = nullptr;
  size_t object_count_ = 0;
  size_t object_capacity_ = 0;
};

}  // namespace ks::syntax
