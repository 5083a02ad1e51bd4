// Edit distance between identifiers. Costs: 2 for an insertion, deletion or substitution, 1 for a change of case only.
#include "interpreter/suggestions.h"

#include <algorithm>
#include <cstring>

namespace ks {
namespace {

constexpr size_t kMaxCandidates = 750;
constexpr size_t kMaxLength = 40;
constexpr size_t kMove = 2, kCase = 1;

size_t substitution_cost(unsigned char a, unsigned char b) {
  if (a == b) return 0;
  auto lower = [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<unsigned char>(c + 32) : c; };
  return lower(a) == lower(b) ? kCase : kMove;
}

// Distance of the two texts, or limit + 1 as soon as it must exceed the limit.
size_t distance(const char* a, size_t a_length, const char* b, size_t b_length, size_t limit) {
  if (a == b) return 0;
  while (a_length && b_length && *a == *b) ++a, --a_length, ++b, --b_length;
  while (a_length && b_length && a[a_length - 1] == b[b_length - 1]) --a_length, --b_length;
  if (a_length == 0 || b_length == 0) return (a_length + b_length) * kMove;
  if (a_length > kMaxLength || b_length > kMaxLength) return limit + 1;
  if (b_length < a_length) {
    std::swap(a, b);
    std::swap(a_length, b_length);
  }
  if ((b_length - a_length) * kMove > limit) return limit + 1;
  size_t row[kMaxLength];
  for (size_t i = 0; i < a_length; ++i) row[i] = (i + 1) * kMove;
  size_t result = 0;
  for (size_t j = 0; j < b_length; ++j) {
    size_t diagonal = j * kMove;
    result = (j + 1) * kMove;
    size_t smallest = SIZE_MAX;
    for (size_t i = 0; i < a_length; ++i) {
      const size_t substitute = diagonal + substitution_cost(static_cast<unsigned char>(b[j]), static_cast<unsigned char>(a[i]));
      diagonal = row[i];
      result = std::min(substitute, std::min(result, diagonal) + kMove);
      row[i] = result;
      smallest = std::min(smallest, result);
    }
    if (smallest > limit) return limit + 1;
  }
  return result;
}

}  // namespace

Ref<> closest_name(PyObject* candidates, PyObject* name) {
  if (!PyList_Check(candidates) || !PyUnicode_Check(name)) return nullptr;
  const Py_ssize_t count = PyList_GET_SIZE(candidates);
  if (static_cast<size_t>(count) >= kMaxCandidates) return nullptr;
  Py_ssize_t name_length;
  const char* name_text = PyUnicode_AsUTF8AndSize(name, &name_length);
  if (!name_text) return nullptr;
  size_t best_distance = SIZE_MAX;
  PyObject* best = nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* candidate = PyList_GET_ITEM(candidates, i);
    if (!PyUnicode_Check(candidate)) continue;
    if (PyUnicode_Compare(candidate, name) == 0) continue;
    Py_ssize_t length;
    const char* text = PyUnicode_AsUTF8AndSize(candidate, &length);
    if (!text) return nullptr;
    // No more than a third of the letters may differ.
    size_t limit = (static_cast<size_t>(name_length) + static_cast<size_t>(length) + 3) * kMove / 6;
    limit = std::min(limit, best_distance - 1);
    const size_t found = distance(name_text, static_cast<size_t>(name_length), text, static_cast<size_t>(length), limit);
    if (found > limit) continue;
    if (!best || found < best_distance) {
      best = candidate;
      best_distance = found;
    }
  }
  return borrow(best);
}

}  // namespace ks
