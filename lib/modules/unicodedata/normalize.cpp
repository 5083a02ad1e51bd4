// Normalisation: NFD, NFKD, NFC, NFKC (Unicode Standard Annex 15).
#include <algorithm>

#include "modules/unicodedata/database.h"
#include "types/str_private.h"

namespace ks {

struct Composition {
  uint32_t first, second, composed;
};
static constexpr Py_UCS4 kSBase = 0xac00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11a7;
static constexpr Py_UCS4 kLCount = 19, kVCount = 21, kTCount = 28, kSCount = 11172;

// A growing array of characters.
class Characters {
 public:
  Characters() = default;
  Characters(const Characters&) = delete;
  Characters& operator=(const Characters&) = delete;
  ~Characters() {
    if (data_ != small_) PyMem_Free(data_);
  }
  bool add(Py_UCS4 c) {
    if (size_ == capacity_) {
      auto* data = static_cast<Py_UCS4*>(PyMem_Malloc(static_cast<size_t>(capacity_) * 2 * sizeof(Py_UCS4)));
      if (!data) {
        PyErr_NoMemory();
        return false;
      }
      memcpy(data, data_, static_cast<size_t>(size_) * sizeof(Py_UCS4));
      if (data_ != small_) PyMem_Free(data_);
      data_ = data;
      capacity_ *= 2;
    }
    data_[size_++] = c;
    return true;
  }
  Py_UCS4& operator[](Py_ssize_t i) { return data_[i]; }
  Py_ssize_t size() const { return size_; }
  void shrink(Py_ssize_t size) { size_ = size; }
  Py_UCS4* data() { return data_; }

 private:
  Py_UCS4 small_[128];
  Py_UCS4* data_ = small_;
  Py_ssize_t size_ = 0, capacity_ = 128;
};

// Unicode 3.2 had five mistakes, which Corrigendum 4 corrected.
static Py_UCS4 old_mistake(Py_UCS4 c) {
  switch (c) {
    case 0x2f868: return 0x2136a;
    case 0x2f874: return 0x5f33;
    case 0x2f91f: return 0x43ab;
    case 0x2f95f: return 0x7aae;
    case 0x2f9bf: return 0x4d57;
    default: return 0;
  }
}

static bool decompose_one(Characters& out, Py_UCS4 c, bool compatible, bool old) {
  if (c < 0xa0) return out.add(c);
  if (c - kSBase < kSCount) {
    const Py_UCS4 index = c - kSBase;
    if (!out.add(kLBase + index / (kVCount * kTCount)) || !out.add(kVBase + index % (kVCount * kTCount) / kTCount)) return false;
    return index % kTCount == 0 || out.add(kTBase + index % kTCount);
  }
  if (old)
    if (const Py_UCS4 wrong = old_mistake(c)) return out.add(wrong);
  const Decomposition d = decomposition_of(c, old);
  if (d.count == 0 || (d.prefix && !compatible)) return out.add(c);
  for (unsigned i = 0; i < d.count; ++i)
    if (!decompose_one(out, d.characters[i], compatible, old)) return false;
  return true;
}

// Stable, by combining class.
static bool sort_marks(Py_UCS4* marks, Py_ssize_t count) {
  if (count <= 32) {
    for (Py_ssize_t i = 1; i < count; ++i) {
      const Py_UCS4 c = marks[i];
      const int cls = combining_class(c);
      Py_ssize_t j = i;
      for (; j > 0 && combining_class(marks[j - 1]) > cls; --j) marks[j] = marks[j - 1];
      marks[j] = c;
    }
    return true;
  }
  Characters sorted;
  for (int cls = 1; cls < 256; ++cls)
    for (Py_ssize_t i = 0; i < count; ++i)
      if (combining_class(marks[i]) == cls && !sorted.add(marks[i])) return false;
  memcpy(marks, sorted.data(), static_cast<size_t>(count) * sizeof(Py_UCS4));
  return true;
}

static bool decompose(Characters& out, PyObject* s, bool compatible, bool old) {
  const Py_ssize_t length = str_length(s);
  for (Py_ssize_t i = 0; i < length; ++i)
    if (!decompose_one(out, str_char(s, i), compatible, old)) return false;
  // Canonical order: marks by combining class, stable.
  for (Py_ssize_t i = 0; i < out.size();) {
    if (!combining_class(out[i])) {
      ++i;
      continue;
    }
    Py_ssize_t end = i;
    while (end < out.size() && combining_class(out[end])) ++end;
    if (!sort_marks(out.data() + i, end - i)) return false;
    i = end;
  }
  return true;
}

static Py_UCS4 compose_pair(Py_UCS4 a, Py_UCS4 b) {
  if (a - kLBase < kLCount && b - kVBase < kVCount) return kSBase + ((a - kLBase) * kVCount + (b - kVBase)) * kTCount;
  if (a - kSBase < kSCount && (a - kSBase) % kTCount == 0 && b - kTBase - 1 < kTCount - 1) return a + (b - kTBase);
  const auto* begin = unicode_section<Composition>(k_compositions);
  const auto* end = begin + k_composition_count;
  const Composition* found = std::lower_bound(begin, end, Composition{a, b, 0}, [](const Composition& x, const Composition& y) {
    return x.first != y.first ? x.first < y.first : x.second < y.second;
  });
  return found != end && found->first == a && found->second == b ? found->composed : 0;
}

static void compose(Characters& text) {
  Py_ssize_t starter = -1, to = 0;
  int last_class = -1;  // of the mark kept last since the starter; -1: none
  for (Py_ssize_t i = 0; i < text.size(); ++i) {
    const Py_UCS4 c = text[i];
    const int cls = combining_class(c);
    if (starter >= 0 && (last_class < cls || last_class == -1) && !(last_class == 0)) {
      if (const Py_UCS4 composed = compose_pair(text[starter], c)) {
        text[starter] = composed;
        continue;
      }
    }
    if (cls == 0) {
      starter = to;
      last_class = -1;
    } else {
      last_class = cls;
    }
    text[to++] = c;
  }
  text.shrink(to);
}

enum class Quick { Yes, No, Maybe };
static Quick quick_check(PyObject* s, unsigned no_bit, bool composed) {
  int previous = 0;
  Quick result = Quick::Yes;
  const Py_ssize_t length = str_length(s);
  for (Py_ssize_t i = 0; i < length; ++i) {
    const Py_UCS4 c = str_char(s, i);
    if (c < 0xa0) {
      previous = 0;
      continue;
    }
    const DatabaseRecord& record = database_record(c);
    if (record.combining && previous > record.combining) return Quick::No;
    previous = record.combining;
    if (record.check & no_bit) return Quick::No;
    if (composed && (record.check & 16)) result = Quick::Maybe;
  }
  return result;
}

struct Form {
  bool compatible, composed;
  unsigned no_bit;
};
static Status read_form(PyObject* name, Form* form) {
  if (str_equal_ascii(name, "NFC")) *form = {false, true, 4};
  else if (str_equal_ascii(name, "NFKC")) *form = {true, true, 8};
  else if (str_equal_ascii(name, "NFD")) *form = {false, false, 1};
  else if (str_equal_ascii(name, "NFKD")) *form = {true, false, 2};
  else return raise(PyExc_ValueError, "invalid normalization form");
  return Status::Ok;
}

static PyObject* normalize_by(PyObject* s, const Form& form, bool old) {
  Characters text;
  if (!decompose(text, s, form.compatible, old)) return nullptr;
  if (form.composed) compose(text);
  return str_from_ucs4(text.data(), text.size());
}

PyObject* normalize(PyObject* form_name, PyObject* s, bool old) {
  if (str_length(s) == 0) return str_exact(s);
  Form form;
  TRY(read_form(form_name, &form));
  if (!old && (str_is_ascii(s) || quick_check(s, form.no_bit, form.composed) == Quick::Yes)) return str_exact(s);
  return normalize_by(s, form, old);
}

Found is_normalized(PyObject* form_name, PyObject* s, bool old) {
  if (str_length(s) == 0) return Found::Yes;
  Form form;
  TRY(read_form(form_name, &form));
  if (!old) {
    const Quick quick = quick_check(s, form.no_bit, form.composed);
    if (quick != Quick::Maybe) return quick == Quick::Yes ? Found::Yes : Found::No;
  }
  Ref<> other = TRY(steal(normalize_by(s, form, old)));
  return str_equal(s, other) ? Found::Yes : Found::No;
}

}  // namespace ks
