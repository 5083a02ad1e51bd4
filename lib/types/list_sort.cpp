// list.sort: a stable merge sort that looks for runs that are already in order, merges them in an order chosen by powersort, and
// gallops where one run wins many times in a row.
//
// The sorter is a template on the comparison, so that keys of one common type compare without calls. Keys and, with a key
// function, the values move together. A comparison that raises leaves some permutation of the items.
#include <algorithm>
#include <cstring>

#include "types/container_support.h"
#include "types/list.h"

namespace ks {

namespace {

// A stretch of keys with their values (nullptr without key function).
struct Stretch {
  PyObject** keys;
  PyObject** values;

  Stretch operator+(Py_ssize_t n) const { return {keys + n, values ? values + n : nullptr}; }
  void advance(Py_ssize_t n) {
    keys += n;
    if (values) values += n;
  }
};
inline void copy_one(const Stretch& to, Py_ssize_t i, const Stretch& from, Py_ssize_t j) {
  to.keys[i] = from.keys[j];
  if (to.values) to.values[i] = from.values[j];
}
inline void copy_many(const Stretch& to, Py_ssize_t i, const Stretch& from, Py_ssize_t j, Py_ssize_t n) {
  std::memcpy(to.keys + i, from.keys + j, static_cast<size_t>(n) * sizeof(PyObject*));
  if (to.values) std::memcpy(to.values + i, from.values + j, static_cast<size_t>(n) * sizeof(PyObject*));
}
inline void move_many(const Stretch& to, Py_ssize_t i, const Stretch& from, Py_ssize_t j, Py_ssize_t n) {
  std::memmove(to.keys + i, from.keys + j, static_cast<size_t>(n) * sizeof(PyObject*));
  if (to.values) std::memmove(to.values + i, from.values + j, static_cast<size_t>(n) * sizeof(PyObject*));
}
inline void reverse(const Stretch& run, Py_ssize_t n) {
  list_reverse_range(run.keys, run.keys + n);
  if (run.values) list_reverse_range(run.values, run.values + n);
}

// ---- comparisons: left < right as 1, 0, or -1 with an exception ---------------------------------------------------------

struct AnyLess {
  static int equal(PyObject* left, PyObject* right) { return PyObject_RichCompareBool(left, right, Py_EQ); }
  int operator()(PyObject* left, PyObject* right) const { return PyObject_RichCompareBool(left, right, Py_LT); }
};
// All keys of one type, whose tp_richcompare is asked directly.
struct SameTypeLess {
  richcmpfunc compare;
  int operator()(PyObject* left, PyObject* right) const {
    // A comparison may have given an object another class.
    if (Py_TYPE(left)->tp_richcompare != compare) return PyObject_RichCompareBool(left, right, Py_LT);
    PyObject* result = compare(left, right, Py_LT);
    if (result == Py_True) return 1;  // immortal: no count to drop
    if (result == Py_False) return 0;
    if (!result) return -1;
    if (result == Py_NotImplemented) return PyObject_RichCompareBool(left, right, Py_LT);
    const int truth = PyObject_IsTrue(result);
    Py_DECREF(result);
    return truth;
  }
};
// Exact str, all Latin-1.
struct Latin1Less {
  static int equal(PyObject* left, PyObject* right) {
    const Py_ssize_t length = PyUnicode_GET_LENGTH(left);
    return length == PyUnicode_GET_LENGTH(right) &&
           std::memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right), static_cast<size_t>(length)) == 0;
  }
  int operator()(PyObject* left, PyObject* right) const {
    const Py_ssize_t left_length = PyUnicode_GET_LENGTH(left), right_length = PyUnicode_GET_LENGTH(right);
    const int order = std::memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right),
                                  static_cast<size_t>(std::min(left_length, right_length)));
    return order ? order < 0 : left_length < right_length;
  }
};
// Exact int of one digit.
struct SmallIntLess {
  static int equal(PyObject* left, PyObject* right) { return small_ints_equal(left, right); }
  int operator()(PyObject* left, PyObject* right) const {
    return PyUnstable_Long_CompactValue(as<PyLongObject>(left)) < PyUnstable_Long_CompactValue(as<PyLongObject>(right));
  }
};
struct FloatLess {
  static int equal(PyObject* left, PyObject* right) { return left == right || PyFloat_AS_DOUBLE(left) == PyFloat_AS_DOUBLE(right); }
  int operator()(PyObject* left, PyObject* right) const { return PyFloat_AS_DOUBLE(left) < PyFloat_AS_DOUBLE(right); }
};
// Non-empty tuples whose first items are of one kind, that FirstLess compares.
template <class FirstLess>
struct TupleLess {
  FirstLess first_less;
  int operator()(PyObject* left, PyObject* right) const {
    const Py_ssize_t left_size = PyTuple_GET_SIZE(left), right_size = PyTuple_GET_SIZE(right);
    const int same = FirstLess::equal(PyTuple_GET_ITEM(left, 0), PyTuple_GET_ITEM(right, 0));
    if (same < 0) return -1;
    if (!same) return first_less(PyTuple_GET_ITEM(left, 0), PyTuple_GET_ITEM(right, 0));
    Py_ssize_t i = 1;
    for (; i < left_size && i < right_size; ++i) {
      PyObject *a = PyTuple_GET_ITEM(left, i), *b = PyTuple_GET_ITEM(right, i);
      if (a == b) continue;
      if (both_small_ints(a, b)) {
        if (!small_ints_equal(a, b)) return SmallIntLess{}(a, b);
        continue;
      }
      const int equal = PyObject_RichCompareBool(a, b, Py_EQ);
      if (equal < 0) return -1;
      if (!equal) break;
    }
    if (i >= left_size || i >= right_size) return left_size < right_size;
    return PyObject_RichCompareBool(PyTuple_GET_ITEM(left, i), PyTuple_GET_ITEM(right, i), Py_LT);
  }
};

// ---- the sorter ------------------------------------------------------------------------------------------------------------

template <class Less>
class Sorter {
 public:
  Sorter(Less less, Stretch all, Py_ssize_t size) : less_(less), all_(all), size_(size) {
    temporary_ = {small_, all.values ? small_ + kSmall / 2 : nullptr};
    room_ = all.values ? kSmall / 2 : kSmall;
  }
  ~Sorter() {
    if (temporary_.keys != small_) PyMem_Free(temporary_.keys);
  }
  Status sort();

 private:
  static constexpr Py_ssize_t kSmall = 256;
  static constexpr Py_ssize_t kMinGallop = 7;
  struct Run {
    Stretch base;
    Py_ssize_t length;
    int power;
  };

  int less(PyObject* left, PyObject* right) { return less_(left, right); }
  Py_ssize_t count_run(Stretch run, Py_ssize_t limit);
  Status insertion_sort(Stretch run, Py_ssize_t n, Py_ssize_t sorted);
  Py_ssize_t gallop_left(PyObject* key, PyObject** a, Py_ssize_t n, Py_ssize_t hint);
  Py_ssize_t gallop_right(PyObject* key, PyObject** a, Py_ssize_t n, Py_ssize_t hint);
  Status reserve(Py_ssize_t need);
  Status merge_low(Stretch a, Py_ssize_t na, Stretch b, Py_ssize_t nb);
  Status merge_high(Stretch a, Py_ssize_t na, Stretch b, Py_ssize_t nb);
  Status merge_top();
  int power_of(Py_ssize_t start, Py_ssize_t n1, Py_ssize_t n2) const;

  Less less_;
  Stretch all_;
  Py_ssize_t size_;
  Py_ssize_t min_gallop_ = kMinGallop;
  Run runs_[72];
  int run_count_ = 0;
  Stretch temporary_;
  Py_ssize_t room_;
  PyObject* small_[kSmall];
};

// The length of the run at the start, made ascending; -1 on error.
template <class Less>
Py_ssize_t Sorter<Less>::count_run(Stretch run, Py_ssize_t limit) {
  PyObject** keys = run.keys;
  if (limit <= 1) return limit;
  int below = less(keys[1], keys[0]);
  if (below < 0) return -1;
  Py_ssize_t n = 2;
  if (below) {  // strictly descending
    for (; n < limit; ++n) {
      below = less(keys[n], keys[n - 1]);
      if (below < 0) return -1;
      if (!below) break;
    }
    reverse(run, n);
    // Now ascending: it may go on.
    for (; n < limit; ++n) {
      below = less(keys[n], keys[n - 1]);
      if (below < 0) return -1;
      if (below) break;
    }
    return n;
  }
  // Ascending so far: all equal items may start a descending run, but stability asks for care; ascending is good enough.
  for (; n < limit; ++n) {
    below = less(keys[n], keys[n - 1]);
    if (below < 0) return -1;
    if (below) break;
  }
  return n;
}

template <class Less>
Status Sorter<Less>::insertion_sort(Stretch run, Py_ssize_t n, Py_ssize_t sorted) {
  PyObject** keys = run.keys;
  for (Py_ssize_t i = sorted < 1 ? 1 : sorted; i < n; ++i) {
    PyObject* pivot = keys[i];
    Py_ssize_t low = 0, high = i;
    while (low < high) {
      const Py_ssize_t middle = low + ((high - low) >> 1);
      const int below = less(pivot, keys[middle]);
      if (below < 0) return failed;
      if (below) high = middle;
      else low = middle + 1;
    }
    for (Py_ssize_t j = i; j > low; --j) keys[j] = keys[j - 1];
    keys[low] = pivot;
    if (run.values) {
      PyObject* value = run.values[i];
      for (Py_ssize_t j = i; j > low; --j) run.values[j] = run.values[j - 1];
      run.values[low] = value;
    }
  }
  return Status::Ok;
}

// The k with a[k-1] < key <= a[k], looked for from hint outwards in doubling steps; -1 on error.
template <class Less>
Py_ssize_t Sorter<Less>::gallop_left(PyObject* key, PyObject** a, Py_ssize_t n, Py_ssize_t hint) {
  Py_ssize_t last = 0, offset = 1;
  int below = less(a[hint], key);
  if (below < 0) return -1;
  Py_ssize_t low, high;
  if (below) {
    const Py_ssize_t limit = n - hint;
    while (offset < limit) {
      below = less(a[hint + offset], key);
      if (below < 0) return -1;
      if (!below) break;
      last = offset;
      offset = offset * 2 + 1;
    }
    if (offset > limit) offset = limit;
    low = hint + last + 1;
    high = hint + offset;
  } else {
    const Py_ssize_t limit = hint + 1;
    while (offset < limit) {
      below = less(a[hint - offset], key);
      if (below < 0) return -1;
      if (below) break;
      last = offset;
      offset = offset * 2 + 1;
    }
    if (offset > limit) offset = limit;
    low = hint - offset + 1;
    high = hint - last;
  }
  while (low < high) {
    const Py_ssize_t middle = low + ((high - low) >> 1);
    below = less(a[middle], key);
    if (below < 0) return -1;
    if (below) low = middle + 1;
    else high = middle;
  }
  return high;
}
// The k with a[k-1] <= key < a[k]; -1 on error.
template <class Less>
Py_ssize_t Sorter<Less>::gallop_right(PyObject* key, PyObject** a, Py_ssize_t n, Py_ssize_t hint) {
  Py_ssize_t last = 0, offset = 1;
  int below = less(key, a[hint]);
  if (below < 0) return -1;
  Py_ssize_t low, high;
  if (below) {
    const Py_ssize_t limit = hint + 1;
    while (offset < limit) {
      below = less(key, a[hint - offset]);
      if (below < 0) return -1;
      if (!below) break;
      last = offset;
      offset = offset * 2 + 1;
    }
    if (offset > limit) offset = limit;
    low = hint - offset + 1;
    high = hint - last;
  } else {
    const Py_ssize_t limit = n - hint;
    while (offset < limit) {
      below = less(key, a[hint + offset]);
      if (below < 0) return -1;
      if (below) break;
      last = offset;
      offset = offset * 2 + 1;
    }
    if (offset > limit) offset = limit;
    low = hint + last + 1;
    high = hint + offset;
  }
  while (low < high) {
    const Py_ssize_t middle = low + ((high - low) >> 1);
    below = less(key, a[middle]);
    if (below < 0) return -1;
    if (below) high = middle;
    else low = middle + 1;
  }
  return high;
}

template <class Less>
Status Sorter<Less>::reserve(Py_ssize_t need) {
  if (need <= room_) return Status::Ok;
  if (temporary_.keys != small_) PyMem_Free(temporary_.keys);
  const bool values = all_.values != nullptr;
  const size_t bytes = static_cast<size_t>(need) * sizeof(PyObject*) * (values ? 2 : 1);
  temporary_.keys = static_cast<PyObject**>(PyMem_Malloc(bytes));
  if (!temporary_.keys) {
    temporary_ = {small_, values ? small_ + kSmall / 2 : nullptr};
    room_ = values ? kSmall / 2 : kSmall;
    PyErr_NoMemory();
    return failed;
  }
  temporary_.values = values ? temporary_.keys + need : nullptr;
  room_ = need;
  return Status::Ok;
}

// Merges neighbours a and b, a the shorter one; b[0] < a[0] and a's last belongs at the end.
template <class Less>
Status Sorter<Less>::merge_low(Stretch a, Py_ssize_t na, Stretch b, Py_ssize_t nb) {
  TRY(reserve(na));
  copy_many(temporary_, 0, a, 0, na);
  Stretch to = a, left = temporary_;
  Status result = Status::Error;
  Py_ssize_t gallop = min_gallop_;
  auto take_left = [&] {
    copy_one(to, 0, left, 0);
    to.advance(1);
    left.advance(1);
    --na;
  };
  auto take_right = [&] {
    copy_one(to, 0, b, 0);
    to.advance(1);
    b.advance(1);
    --nb;
  };
  take_right();
  if (nb == 0) goto done;
  if (na == 1) goto last_left;
  while (true) {
    Py_ssize_t left_wins = 0, right_wins = 0;
    while (true) {
      const int below = less(b.keys[0], left.keys[0]);
      if (below < 0) goto stop;
      if (below) {
        take_right();
        ++right_wins;
        left_wins = 0;
        if (nb == 0) goto done;
        if (right_wins >= gallop) break;
      } else {
        take_left();
        ++left_wins;
        right_wins = 0;
        if (na == 1) goto last_left;
        if (left_wins >= gallop) break;
      }
    }
    ++gallop;
    do {
      gallop -= gallop > 1;
      min_gallop_ = gallop;
      Py_ssize_t n = gallop_right(b.keys[0], left.keys, na, 0);
      left_wins = n;
      if (n < 0) goto stop;
      if (n) {
        copy_many(to, 0, left, 0, n);
        to.advance(n);
        left.advance(n);
        na -= n;
        if (na == 1) goto last_left;
        if (na == 0) goto done;  // only with inconsistent comparisons
      }
      take_right();
      if (nb == 0) goto done;
      n = gallop_left(left.keys[0], b.keys, nb, 0);
      right_wins = n;
      if (n < 0) goto stop;
      if (n) {
        move_many(to, 0, b, 0, n);
        to.advance(n);
        b.advance(n);
        nb -= n;
        if (nb == 0) goto done;
      }
      take_left();
      if (na == 1) goto last_left;
    } while (left_wins >= kMinGallop || right_wins >= kMinGallop);
    ++gallop;
    min_gallop_ = gallop;
  }
done:
  result = Status::Ok;
stop:
  if (na) copy_many(to, 0, left, 0, na);
  return result;
last_left:
  move_many(to, 0, b, 0, nb);
  copy_one(to, nb, left, 0);
  return Status::Ok;
}

// The same with b the shorter one, from the high end.
template <class Less>
Status Sorter<Less>::merge_high(Stretch a, Py_ssize_t na, Stretch b, Py_ssize_t nb) {
  TRY(reserve(nb));
  const Stretch base_a = a;
  const Stretch base_b = temporary_;
  copy_many(temporary_, 0, b, 0, nb);
  // The next place to fill is a[na + nb - 1]; the candidates are a[na - 1] and base_b[nb - 1].
  Status result = Status::Error;
  Py_ssize_t gallop = min_gallop_;
  auto take_a = [&] {
    copy_one(base_a, na + nb - 1, base_a, na - 1);
    --na;
  };
  auto take_b = [&] {
    copy_one(base_a, na + nb - 1, base_b, nb - 1);
    --nb;
  };
  take_a();
  if (na == 0) goto done;
  if (nb == 1) goto last_b;
  while (true) {
    Py_ssize_t a_wins = 0, b_wins = 0;
    while (true) {
      const int below = less(base_b.keys[nb - 1], base_a.keys[na - 1]);
      if (below < 0) goto stop;
      if (below) {
        take_a();
        ++a_wins;
        b_wins = 0;
        if (na == 0) goto done;
        if (a_wins >= gallop) break;
      } else {
        take_b();
        ++b_wins;
        a_wins = 0;
        if (nb == 1) goto last_b;
        if (b_wins >= gallop) break;
      }
    }
    ++gallop;
    do {
      gallop -= gallop > 1;
      min_gallop_ = gallop;
      Py_ssize_t k = gallop_right(base_b.keys[nb - 1], base_a.keys, na, na - 1);
      if (k < 0) goto stop;
      a_wins = na - k;
      if (a_wins) {
        move_many(base_a, k + nb, base_a, k, a_wins);
        na = k;
        if (na == 0) goto done;
      }
      take_b();
      if (nb == 1) goto last_b;
      k = gallop_left(base_a.keys[na - 1], base_b.keys, nb, nb - 1);
      if (k < 0) goto stop;
      b_wins = nb - k;
      if (b_wins) {
        copy_many(base_a, na + k, base_b, k, b_wins);
        nb = k;
        if (nb == 1) goto last_b;
        if (nb == 0) goto done;  // only with inconsistent comparisons
      }
      take_a();
      if (na == 0) goto done;
    } while (a_wins >= kMinGallop || b_wins >= kMinGallop);
    ++gallop;
    min_gallop_ = gallop;
  }
done:
  result = Status::Ok;
stop:
  if (nb) copy_many(base_a, na, base_b, 0, nb);
  return result;
last_b:
  move_many(base_a, 1, base_a, 0, na);
  copy_one(base_a, 0, base_b, 0);
  return Status::Ok;
}

// Merges the two runs on top of the stack.
template <class Less>
Status Sorter<Less>::merge_top() {
  Run& first = runs_[run_count_ - 2];
  const Run& second = runs_[run_count_ - 1];
  Stretch a = first.base, b = second.base;
  Py_ssize_t na = first.length, nb = second.length;
  first.length = na + nb;
  --run_count_;
  // What is in place already stays out of the merge.
  const Py_ssize_t k = gallop_right(b.keys[0], a.keys, na, 0);
  if (k < 0) return failed;
  a.advance(k);
  na -= k;
  if (na == 0) return Status::Ok;
  nb = gallop_left(a.keys[na - 1], b.keys, nb, nb - 1);
  if (nb <= 0) return nb < 0 ? Status::Error : Status::Ok;
  return na <= nb ? merge_low(a, na, b, nb) : merge_high(a, na, b, nb);
}

// Powersort: the depth, in the perfectly balanced merge tree, of the node between two neighbouring runs.
template <class Less>
int Sorter<Less>::power_of(Py_ssize_t start, Py_ssize_t n1, Py_ssize_t n2) const {
  // Twice the runs' middles; bits of middle / size are compared from the top.
  Py_ssize_t a = 2 * start + n1, b = a + n1 + n2;
  int power = 0;
  while (true) {
    ++power;
    if (a >= size_) {
      a -= size_;
      b -= size_;
    } else if (b >= size_) {
      return power;
    }
    a <<= 1;
    b <<= 1;
  }
}

template <class Less>
Status Sorter<Less>::sort() {
  Py_ssize_t remaining = size_;
  Py_ssize_t minimum = size_;  // runs shorter than this are extended by insertion
  Py_ssize_t odd = 0;
  while (minimum >= 64) {
    odd |= minimum & 1;
    minimum >>= 1;
  }
  minimum += odd;
  Stretch low = all_;
  while (remaining) {
    Py_ssize_t n = count_run(low, remaining);
    if (n < 0) return failed;
    if (n < minimum) {
      const Py_ssize_t forced = std::min(remaining, minimum);
      TRY(insertion_sort(low, forced, n));
      n = forced;
    }
    int power = 0;
    if (run_count_) {
      const Run& top = runs_[run_count_ - 1];
      power = power_of(top.base.keys - all_.keys, top.length, n);
      while (run_count_ > 1 && runs_[run_count_ - 2].power > power) TRY(merge_top());
      runs_[run_count_ - 1].power = power;
    }
    runs_[run_count_++] = {low, n, 0};
    low.advance(n);
    remaining -= n;
  }
  while (run_count_ > 1) TRY(merge_top());
  return Status::Ok;
}

template <class Less>
Status sort_with(Less less, Stretch all, Py_ssize_t size) {
  return Sorter<Less>(less, all, size).sort();
}

// ---- choosing the comparison -------------------------------------------------------------------------------------------------

enum class KeyKind { Mixed, SameType, Latin1, SmallInt, Float };

// What all the objects have in common; `get` gives the i-th.
template <class Get>
KeyKind common_kind(Py_ssize_t size, Get get) {
  PyTypeObject* type = Py_TYPE(get(0));
  bool latin1 = type == &PyUnicode_Type, small = type == &PyLong_Type;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* key = get(i);
    if (!Py_IS_TYPE(key, type)) return KeyKind::Mixed;
    if (latin1) latin1 = PyUnicode_KIND(key) == PyUnicode_1BYTE_KIND;
    else if (small) small = PyUnstable_Long_IsCompact(as<PyLongObject>(key));
  }
  if (latin1) return KeyKind::Latin1;
  if (small) return KeyKind::SmallInt;
  if (type == &PyFloat_Type) return KeyKind::Float;
  return type->tp_richcompare ? KeyKind::SameType : KeyKind::Mixed;
}

Status sort_keys(Stretch all, Py_ssize_t size) {
  PyObject** keys = all.keys;
  const bool tuples = std::all_of(keys, keys + size, [](PyObject* key) { return PyTuple_CheckExact(key) && PyTuple_GET_SIZE(key) > 0; });
  if (tuples) {
    switch (common_kind(size, [&](Py_ssize_t i) { return PyTuple_GET_ITEM(keys[i], 0); })) {
      case KeyKind::Latin1:
        return sort_with(TupleLess<Latin1Less>{}, all, size);
      case KeyKind::SmallInt:
        return sort_with(TupleLess<SmallIntLess>{}, all, size);
      case KeyKind::Float:
        return sort_with(TupleLess<FloatLess>{}, all, size);
      default:
        return sort_with(TupleLess<AnyLess>{}, all, size);
    }
  }
  switch (common_kind(size, [&](Py_ssize_t i) { return keys[i]; })) {
    case KeyKind::Latin1:
      return sort_with(Latin1Less{}, all, size);
    case KeyKind::SmallInt:
      return sort_with(SmallIntLess{}, all, size);
    case KeyKind::Float:
      return sort_with(FloatLess{}, all, size);
    case KeyKind::SameType:
      return sort_with(SameTypeLess{Py_TYPE(keys[0])->tp_richcompare}, all, size);
    case KeyKind::Mixed:
      break;
  }
  return sort_with(AnyLess{}, all, size);
}

Status sort_items(PyObject** items, Py_ssize_t size, PyObject* key, bool backwards) {
  if (size == 0) return Status::Ok;
  PyObject** keys = items;
  PyObject** values = nullptr;
  if (key) {
    values = items;
    keys = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(size) * sizeof(PyObject*)));
    if (!keys) {
      PyErr_NoMemory();
      return failed;
    }
    for (Py_ssize_t i = 0; i < size; ++i) {
      keys[i] = PyObject_CallOneArg(key, values[i]);
      if (!keys[i]) {
        while (--i >= 0) Py_DECREF(keys[i]);
        PyMem_Free(keys);
        return failed;
      }
    }
  }
  Status result = Status::Ok;
  if (size > 1) {
    // Reversing before and after keeps equal items in their order.
    const Stretch all = {keys, values};
    if (backwards) reverse(all, size);
    result = sort_keys(all, size);
    if (backwards) reverse(all, size);
  }
  if (key) {
    for (Py_ssize_t i = 0; i < size; ++i) Py_DECREF(keys[i]);
    PyMem_Free(keys);
  }
  return result;
}

}  // namespace

Status list_sort(PyListObject* list, PyObject* key, bool backwards) {
  if (key == Py_None) key = nullptr;
  // The list looks empty while Python code may run, so that it cannot get at the array.
  const Py_ssize_t size = Py_SIZE(list);
  PyObject** items = list->ob_item;
  const Py_ssize_t allocated = list->allocated;
  Py_SET_SIZE(list, 0);
  list->ob_item = nullptr;
  list->allocated = -1;

  Status result = sort_items(items, size, key, backwards);

  if (list->allocated != -1 && result == Status::Ok) {
    (void)raise(PyExc_ValueError, "list modified during sort");
    result = Status::Error;
  }
  PyObject** strange_items = list->ob_item;
  Py_ssize_t strange_size = Py_SIZE(list);
  Py_SET_SIZE(list, size);
  list->ob_item = items;
  list->allocated = allocated;
  if (strange_items) {
    while (--strange_size >= 0) Py_XDECREF(strange_items[strange_size]);
    PyMem_Free(strange_items);
  }
  return result;
}

}  // namespace ks
