// "Did you mean ...?": the nearest of some names.
#pragma once

#include <Python.h>

namespace ks {

// Edit distance where a change of case costs less; more than `max_cost` means too far.
Py_ssize_t edit_cost(const char* a, Py_ssize_t a_size, const char* b, Py_ssize_t b_size, Py_ssize_t max_cost);

// Keeps the best candidate for a name. Names are UTF-8.
class Suggestion {
 public:
  Suggestion(const char* name, Py_ssize_t size) : name_(name), size_(size) {}
  void offer(const char* candidate, Py_ssize_t size);
  const char* best() const { return best_; }
  Py_ssize_t best_size() const { return best_size_; }

 private:
  const char* name_;
  Py_ssize_t size_;
  const char* best_ = nullptr;
  Py_ssize_t best_size_ = 0;
  Py_ssize_t best_cost_ = PY_SSIZE_T_MAX;
};

}  // namespace ks
