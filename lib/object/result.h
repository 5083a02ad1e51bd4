// Results that carry an error: the thread's exception is the one error channel; these types say that it is set.
#pragma once

#include "object/ref.h"

namespace ks {

enum class [[nodiscard]] Status : int { Error = -1, Ok = 0 };
enum class [[nodiscard]] Found : int { Error = -1, No = 0, Yes = 1 };

// Converts to the error value of whatever the function returns.
struct Failed {
  template <class T>
  constexpr operator T*() const noexcept {
    return nullptr;
  }
  template <class T>
  operator Ref<T>() const noexcept {
    return nullptr;
  }
  constexpr operator int() const noexcept { return -1; }
  constexpr operator long() const noexcept { return -1; }
  constexpr operator Status() const noexcept { return Status::Error; }
  constexpr operator Found() const noexcept { return Found::Error; }
};
inline constexpr Failed failed;

// Sets an exception; the format is that of PyErr_Format.
[[gnu::format(printf, 2, 0)]] inline Failed raise_v(PyObject* type, const char* format, va_list arguments) {
  PyErr_FormatV(type, format, arguments);
  return failed;
}
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wvarargs"
inline Failed raise(PyObject* type, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyErr_FormatV(type, format, arguments);
  va_end(arguments);
  return failed;
}
#pragma clang diagnostic pop

// What is not built yet says so by name; `git grep 'unimplemented('` counts what is left.
inline Failed unimplemented(const char* what) {
  return raise(PyExc_NotImplementedError, "Kingsnake does not implement %s yet", what);
}

inline bool is_failure(const void* pointer) { return pointer == nullptr; }
template <class T>
bool is_failure(const Ref<T>& reference) {
  return !reference;
}
inline bool is_failure(Status status) { return status == Status::Error; }
inline bool is_failure(Found found) { return found == Found::Error; }
inline bool is_failure(int value) { return value < 0; }
inline bool is_failure(Py_ssize_t value) { return value == -1; }

inline Status unwrap(Status status) { return status; }
inline bool unwrap(Found found) { return found == Found::Yes; }
inline int unwrap(int value) { return value; }
inline Py_ssize_t unwrap(Py_ssize_t value) { return value; }
template <class T>
T* unwrap(T* pointer) {
  return pointer;
}
template <class T>
Ref<T> unwrap(Ref<T>&& reference) {
  return std::move(reference);
}

// C results of the API's `int` functions as typed results.
inline Status status(int result) { return result < 0 ? Status::Error : Status::Ok; }
inline Found found(int result) { return result < 0 ? Found::Error : result ? Found::Yes : Found::No; }
inline int to_c(Status status) { return static_cast<int>(status); }
inline int to_c(Found found) { return static_cast<int>(found); }

}  // namespace ks

// The value of an expression that may fail; on failure the enclosing function returns its own error value at once.
//   Ref<> value = TRY(mapping_get(map, key));      if (TRY(contains(set, key))) ...      TRY(list_append(list, item));
// Not for functions where -1 is a good value too (PyLong_AsLong, ...): those need PyErr_Occurred().
#define TRY(expression)                                      \
  ({                                                         \
    auto ks_result = (expression);                           \
    if (ks::is_failure(ks_result)) return ks::failed;        \
    ks::unwrap(std::move(ks_result));                        \
  })
