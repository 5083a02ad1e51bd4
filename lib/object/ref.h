// Ownership of objects: Ref<T> owns one reference, a plain T* borrows.
#pragma once

#include <Python.h>

#include <cstddef>
#include <utility>

namespace ks {

// Owns one strong reference, or is empty (which, as a result, means "an exception is set").
//
// There is no constructor from a raw pointer, as one could not tell whether the reference is taken over or shared:
// Ref<>::steal(p) takes over, Ref<>::borrow(p) makes a new reference. Assignment swaps, so that the old object dies
// only when the slot already holds the new one.
template <class T = PyObject>
class [[nodiscard, clang::trivial_abi]] Ref {
 public:
  constexpr Ref() noexcept = default;
  constexpr Ref(std::nullptr_t) noexcept {}
  Ref(Ref&& other) noexcept : pointer_(other.release()) {}
  Ref(const Ref&) = delete;
  template <class U>
    requires std::is_same_v<T, PyObject>
  Ref(Ref<U>&& other) noexcept : pointer_(reinterpret_cast<PyObject*>(other.release())) {}
  ~Ref() { Py_XDECREF(reinterpret_cast<PyObject*>(pointer_)); }

  static Ref steal(T* pointer) noexcept {
    Ref result;
    result.pointer_ = pointer;
    return result;
  }
  static Ref borrow(T* pointer) noexcept {
    Py_XINCREF(reinterpret_cast<PyObject*>(pointer));
    return steal(pointer);
  }

  Ref& operator=(Ref&& other) noexcept {
    Ref old = steal(std::exchange(pointer_, other.release()));
    return *this;
  }
  Ref& operator=(const Ref&) = delete;

  // The borrowed pointer; only from a Ref that outlives the expression.
  T* get() const& noexcept { return pointer_; }
  T* get() const&& = delete;
  operator T*() const& noexcept { return pointer_; }
  operator T*() const&& = delete;
  T* operator->() const noexcept { return pointer_; }
  explicit operator bool() const noexcept { return pointer_ != nullptr; }

  PyObject* object() const& noexcept { return reinterpret_cast<PyObject*>(pointer_); }

  // Gives the reference away, for a C result or a stolen argument.
  [[nodiscard]] T* release() noexcept { return std::exchange(pointer_, nullptr); }
  [[nodiscard]] Ref share() const noexcept { return borrow(pointer_); }
  void reset() noexcept { Ref old = std::move(*this); }

  // The address of the empty slot, for C functions that store a new reference through a pointer.
  T** out() noexcept {
    reset();
    return &pointer_;
  }

 private:
  T* pointer_ = nullptr;
};

template <class T>
Ref<T> steal(T* pointer) noexcept {
  return Ref<T>::steal(pointer);
}
template <class T>
Ref<T> borrow(T* pointer) noexcept {
  return Ref<T>::borrow(pointer);
}

// View of an object as the struct of its type; the caller has checked the type.
template <class T, class U>
T* as(U* object) noexcept {
  return reinterpret_cast<T*>(object);
}
template <class U>
PyObject* object(U* pointer) noexcept {
  return reinterpret_cast<PyObject*>(pointer);
}

}  // namespace ks
