// "Did you mean ...?": edit distance with cheap changes of case.
#include "object/suggest.h"

#include <Python.h>

#include <algorithm>

#include "object/export.h"

namespace ks {

namespace {

constexpr Py_ssize_t kMove = 2;
constexpr Py_ssize_t kCase = 1;
constexpr Py_ssize_t kMaxSize = 40;

Py_ssize_t substitution(char a, char b) {
  if (a == b) return 0;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return lower(a) == lower(b) ? kCase : kMove;
}

}  // namespace

Py_ssize_t edit_cost(const char* a, Py_ssize_t a_size, const char* b, Py_ssize_t b_size, Py_ssize_t max_cost) {
  // What both begin and end with costs nothing.
  while (a_size && b_size && *a == *b) ++a, ++b, --a_size, --b_size;
  while (a_size && b_size && a[a_size - 1] == b[b_size - 1]) --a_size, --b_size;
  if (a_size == 0 || b_size == 0) return (a_size + b_size) * kMove;
  if (a_size > kMaxSize || b_size > kMaxSize) return max_cost + 1;
  if (b_size < a_size) {
    std::swap(a, b);
    std::swap(a_size, b_size);
  }
  if ((b_size - a_size) * kMove > max_cost) return max_cost + 1;
  Py_ssize_t row[kMaxSize + 1];
  for (Py_ssize_t i = 0; i <= a_size; ++i) row[i] = i * kMove;
  for (Py_ssize_t j = 0; j < b_size; ++j) {
    Py_ssize_t diagonal = row[0];
    row[0] = (j + 1) * kMove;
    Py_ssize_t least = row[0];
    for (Py_ssize_t i = 0; i < a_size; ++i) {
      const Py_ssize_t replace = diagonal + substitution(a[i], b[j]);
      diagonal = row[i + 1];
      row[i + 1] = std::min({replace, row[i] + kMove, diagonal + kMove});
      least = std::min(least, row[i + 1]);
    }
    if (least > max_cost) return max_cost + 1;
  }
  return row[a_size];
}

void Suggestion::offer(const char* candidate, Py_ssize_t size) {
  if (size == size_ && std::equal(candidate, candidate + size, name_)) return;
  // No more than a third of the characters may need to change.
  Py_ssize_t limit = (size_ + size + 3) * kMove / 6;
  limit = std::min(limit, best_cost_ - 1);
  const Py_ssize_t cost = edit_cost(name_, size_, candidate, size, limit);
  if (cost > limit) return;
  best_ = candidate;
  best_size_ = size;
  best_cost_ = cost;
}

}  // namespace ks

// The distance of two str, for _suggestions; max_cost -1 for no limit. -1 with an exception.
KS_EXPORT Py_ssize_t _Py_UTF8_Edit_Cost(PyObject* a, PyObject* b, Py_ssize_t max_cost) {
  Py_ssize_t a_size, b_size;
  const char* a_text = PyUnicode_AsUTF8AndSize(a, &a_size);
  const char* b_text = a_text ? PyUnicode_AsUTF8AndSize(b, &b_size) : nullptr;
  if (!b_text) return -1;
  if (max_cost == -1) max_cost = 2 * std::max(a_size, b_size);
  return ks::edit_cost(a_text, a_size, b_text, b_size, max_cost);
}
