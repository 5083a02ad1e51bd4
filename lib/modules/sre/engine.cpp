// The backtracking machine.
//
// `entries_` holds two sorts of entries: choices (where and how to go on when the present path fails) and undo records
// (what the path has changed since the choice below). Failing pops entries, undoing, until a choice gives a new path.
// Invariant: popping all entries of a run restores marks, lastindex, loop and loops as they were when it began.
#include "modules/sre/engine.h"

#include <algorithm>
#include <cstring>

namespace ks::sre {

// ---- the subject -----------------------------------------------------------------------------------------------------

Status Subject::open(PyObject* object, Py_ssize_t from, Py_ssize_t to) {
  if (PyUnicode_Check(object)) {
    data = PyUnicode_DATA(object);
    kind = PyUnicode_KIND(object);
    length = PyUnicode_GET_LENGTH(object);
  } else {
    if (PyObject_GetBuffer(object, &view_, PyBUF_SIMPLE) < 0) {
      PyErr_Clear();
      return raise(PyExc_TypeError, "expected string or bytes-like object, got '%.200s'", Py_TYPE(object)->tp_name);
    }
    data = view_.buf;
    length = view_.len;
    is_bytes = true;
    if (!data && length > 0) return raise(PyExc_ValueError, "buffer is NULL");
  }
  string = Py_NewRef(object);
  start = std::clamp<Py_ssize_t>(from, 0, length);
  end = std::clamp<Py_ssize_t>(to, start, length);
  if (to < from) end = std::max(start, std::clamp<Py_ssize_t>(to, 0, length));
  return Status::Ok;
}

void Subject::close() {
  if (view_.obj) PyBuffer_Release(&view_);
  view_.obj = nullptr;
  Ref<> old = Ref<>::steal(std::exchange(string, nullptr));
}

Ref<> Subject::slice(Py_ssize_t from, Py_ssize_t to) const {
  if (!is_bytes) {
    if (from == 0 && to == length && PyUnicode_CheckExact(string)) return borrow(string);
    return steal(PyUnicode_Substring(string, from, to));
  }
  if (from == 0 && to == length && PyBytes_CheckExact(string)) return borrow(string);
  return steal(PyBytes_FromStringAndSize(static_cast<const char*>(data) + from, to - from));
}

// ---- entries ---------------------------------------------------------------------------------------------------------

enum class EntryKind : unsigned char {
  // Choices.
  Alternative,  // go on at pc, from `at`
  Greedy,       // a repeated single character: one repetition less, while at > low
  Lazy,         // one repetition more, while count < high
  LoopExit,     // leave the loop `index` for what follows it
  LoopAgain,    // a lazy loop's next iteration
  // Undo records.
  Mark,         // marks_[index] was `at`
  LastIndex,    // lastindex was `at`
  OpenLoop,     // loop_ was `index`
  LoopState,    // loops_[index] had count `low` and last position `at`
  LoopTop       // loop_count_ was `index`
};

struct Matcher::Entry {
  EntryKind kind;
  const Word* pc;
  Py_ssize_t at;
  Py_ssize_t low;
  Py_ssize_t index;
};

// A REPEAT that was entered: nested ones are linked by `outer`.
struct Matcher::Loop {
  const Word* pc;      // at REPEAT's skip word
  Py_ssize_t count;
  Py_ssize_t last;     // where the latest iteration began, or -1
  Py_ssize_t outer;
};

Matcher::Matcher(const PatternView& pattern, const Subject& subject) : pattern_(pattern), subject_(subject) {
  const size_t count = 2 * static_cast<size_t>(pattern.groups) + 2;
  marks_ = static_cast<Py_ssize_t*>(PyMem_Malloc(sizeof(Py_ssize_t) * count));
  reset();
}
Matcher::~Matcher() {
  PyMem_Free(marks_);
  PyMem_Free(entries_);
  PyMem_Free(loops_);
}

void Matcher::reset() {
  if (marks_) std::fill_n(marks_, 2 * pattern_.groups, -1);
  lastindex = -1;
  entry_count_ = loop_count_ = 0;
  loop_ = -1;
}

template <class T>
static bool append(T** items, Py_ssize_t* count, Py_ssize_t* capacity, const T& item) {
  if (*count == *capacity) {
    const Py_ssize_t wanted = *capacity ? *capacity * 2 : 64;
    T* grown = static_cast<T*>(PyMem_Realloc(*items, sizeof(T) * static_cast<size_t>(wanted)));
    if (!grown) {
      PyErr_NoMemory();
      return false;
    }
    *items = grown;
    *capacity = wanted;
  }
  (*items)[(*count)++] = item;
  return true;
}
bool Matcher::push(const Entry& entry) { return append(&entries_, &entry_count_, &entry_capacity_, entry); }
bool Matcher::push_loop(const Loop& loop) { return append(&loops_, &loop_count_, &loop_capacity_, loop); }

// ---- single characters -----------------------------------------------------------------------------------------------

static bool in_set(const Word* set, Py_UCS4 c) {
  bool yes = true;
  for (;;) {
    switch (*set++) {
      case FAILURE: return !yes;
      case LITERAL:
        if (c == set[0]) return yes;
        ++set;
        break;
      case CATEGORY:
        if (in_category(set[0], c)) return yes;
        ++set;
        break;
      case CHARSET:
        if (c < 256 && (set[c / 32] >> (c % 32) & 1)) return yes;
        set += 8;
        break;
      case RANGE:
        if (set[0] <= c && c <= set[1]) return yes;
        set += 2;
        break;
      case RANGE_UNI_IGNORE: {
        if (set[0] <= c && c <= set[1]) return yes;
        const Py_UCS4 upper = Py_UNICODE_TOUPPER(c);
        if (set[0] <= upper && upper <= set[1]) return yes;
        set += 2;
        break;
      }
      case NEGATE: yes = !yes; break;
      case BIGCHARSET: {
        const Word blocks = *set++;
        const auto* index = reinterpret_cast<const unsigned char*>(set);
        const int block = c < 0x10000 ? index[c >> 8] : -1;
        set += 64;
        if (block >= 0 && (set[(static_cast<Word>(block) * 256 + (c & 255)) / 32] >> (c & 31) & 1)) return yes;
        set += blocks * 8;
        break;
      }
      default: return false;
    }
  }
}

static bool in_set_locale(const Word* set, Py_UCS4 c) {
  const Py_UCS4 lower = lower_locale(c);
  const Py_UCS4 upper = upper_locale(c);
  if (upper == lower) return in_set(set, lower);
  // A negated set must have neither.
  return set[0] == NEGATE ? in_set(set, lower) && in_set(set, upper) : in_set(set, lower) || in_set(set, upper);
}
static bool is_literal_locale(Word literal, Py_UCS4 c) {
  return c == literal || lower_locale(c) == literal || upper_locale(c) == literal;
}

// Whether `c` matches the one-character instruction at pc.
static bool matches_one(const Word* pc, Py_UCS4 c) {
  switch (pc[0]) {
    case ANY: return c != '\n';
    case ANY_ALL: return true;
    case LITERAL: return c == pc[1];
    case NOT_LITERAL: return c != pc[1];
    case IN: return in_set(pc + 2, c);
    case LITERAL_IGNORE: return lower_ascii(c) == pc[1];
    case NOT_LITERAL_IGNORE: return lower_ascii(c) != pc[1];
    case IN_IGNORE: return in_set(pc + 2, lower_ascii(c));
    case LITERAL_UNI_IGNORE: return lower_unicode(c) == pc[1];
    case NOT_LITERAL_UNI_IGNORE: return lower_unicode(c) != pc[1];
    case IN_UNI_IGNORE: return in_set(pc + 2, lower_unicode(c));
    case LITERAL_LOC_IGNORE: return is_literal_locale(pc[1], c);
    case NOT_LITERAL_LOC_IGNORE: return !is_literal_locale(pc[1], c);
    case IN_LOC_IGNORE: return in_set_locale(pc + 2, c);
    case CATEGORY: return in_category(pc[1], c);
    default: return false;
  }
}
static bool is_one_character(Word op) {
  switch (op) {
    case ANY: case ANY_ALL: case LITERAL: case NOT_LITERAL: case IN: case LITERAL_IGNORE: case NOT_LITERAL_IGNORE: case IN_IGNORE:
    case LITERAL_UNI_IGNORE: case NOT_LITERAL_UNI_IGNORE: case IN_UNI_IGNORE: case LITERAL_LOC_IGNORE:
    case NOT_LITERAL_LOC_IGNORE: case IN_LOC_IGNORE: return true;
    default: return false;
  }
}

// ---- the machine -----------------------------------------------------------------------------------------------------

template <class Char>
struct Matcher::Machine {
  Matcher& m;
  const Char* text;
  Py_ssize_t end;

  bool is_word(Py_ssize_t at, Word category) const { return at >= 0 && at < end && in_category(category, text[at]); }

  bool at_position(Word where, Py_ssize_t at) const {
    auto boundary = [&](Word category) { return is_word(at - 1, category) != is_word(at, category); };
    switch (where) {
      case AT_BEGINNING:
      case AT_BEGINNING_STRING: return at == 0;
      case AT_BEGINNING_LINE: return at == 0 || text[at - 1] == '\n';
      case AT_END: return at == end || (at == end - 1 && text[at] == '\n');
      case AT_END_LINE: return at == end || text[at] == '\n';
      case AT_END_STRING: return at == end;
      case AT_BOUNDARY: return boundary(CATEGORY_WORD);
      case AT_NON_BOUNDARY: return !boundary(CATEGORY_WORD);
      case AT_LOC_BOUNDARY: return boundary(CATEGORY_LOC_WORD);
      case AT_LOC_NON_BOUNDARY: return !boundary(CATEGORY_LOC_WORD);
      case AT_UNI_BOUNDARY: return boundary(CATEGORY_UNI_WORD);
      case AT_UNI_NON_BOUNDARY: return !boundary(CATEGORY_UNI_WORD);
      default: return false;
    }
  }

  // How many characters from `at` on match the instruction, `most` at most.
  Py_ssize_t count(const Word* pc, Py_ssize_t at, Word most) const {
    Py_ssize_t stop = end;
    if (most != kMaxRepeat && static_cast<Py_ssize_t>(most) < end - at) stop = at + static_cast<Py_ssize_t>(most);
    Py_ssize_t i = at;
    switch (pc[0]) {
      case ANY_ALL: return stop - at;
      case ANY:
        if constexpr (sizeof(Char) == 1) {
          const void* found = stop > i ? memchr(text + i, '\n', static_cast<size_t>(stop - i)) : nullptr;
          return found ? static_cast<const Char*>(found) - (text + at) : stop - at;
        }
        while (i < stop && text[i] != '\n') ++i;
        break;
      case LITERAL:
        while (i < stop && text[i] == pc[1]) ++i;
        break;
      case NOT_LITERAL:
        while (i < stop && text[i] != pc[1]) ++i;
        break;
      case IN:
        // The most frequent sets: one bitmap, one category, or either negated.
        if (pc[2] == CHARSET && pc[11] == FAILURE) {
          const Word* bits = pc + 3;
          while (i < stop && text[i] < 256 && (bits[text[i] / 32] >> (text[i] % 32) & 1)) ++i;
        } else {
          while (i < stop && in_set(pc + 2, text[i])) ++i;
        }
        break;
      default:
        while (i < stop && matches_one(pc, text[i])) ++i;
        break;
    }
    return i - at;
  }

  bool set_mark(Word index, Py_ssize_t at) {
    if (!m.push({EntryKind::Mark, nullptr, m.marks_[index], 0, static_cast<Py_ssize_t>(index)})) return false;
    m.marks_[index] = at;
    if (index & 1) {
      if (!m.push({EntryKind::LastIndex, nullptr, m.lastindex, 0, 0})) return false;
      m.lastindex = static_cast<Py_ssize_t>(index / 2) + 1;
    }
    return true;
  }
  bool open_loop(Py_ssize_t loop) {
    if (!m.push({EntryKind::OpenLoop, nullptr, 0, 0, m.loop_})) return false;
    m.loop_ = loop;
    return true;
  }
  bool change_loop(Py_ssize_t loop, Py_ssize_t count_now, Py_ssize_t last) {
    Loop& state = m.loops_[loop];
    if (!m.push({EntryKind::LoopState, nullptr, state.last, state.count, loop})) return false;
    state.count = count_now;
    state.last = last;
    return true;
  }

  void undo(const Entry& entry) {
    switch (entry.kind) {
      case EntryKind::Mark: m.marks_[entry.index] = entry.at; break;
      case EntryKind::LastIndex: m.lastindex = entry.at; break;
      case EntryKind::OpenLoop: m.loop_ = entry.index; break;
      case EntryKind::LoopState:
        m.loops_[entry.index].count = entry.low;
        m.loops_[entry.index].last = entry.at;
        break;
      case EntryKind::LoopTop: m.loop_count_ = entry.index; break;
      default: break;
    }
  }
  // Undoes everything above `base`.
  void rewind(Py_ssize_t base) {
    while (m.entry_count_ > base) undo(m.entries_[--m.entry_count_]);
  }
  // Forgets the choices above `base`; what they changed can still be undone.
  void commit(Py_ssize_t base) {
    Py_ssize_t kept = base;
    for (Py_ssize_t i = base; i < m.entry_count_; ++i)
      if (m.entries_[i].kind >= EntryKind::Mark) m.entries_[kept++] = m.entries_[i];
    m.entry_count_ = kept;
  }

  // The group's text, or false when it did not take part.
  bool group(Word index, Py_ssize_t* from, Py_ssize_t* to) const {
    *from = m.marks_[2 * index];
    *to = m.marks_[2 * index + 1];
    return *from >= 0 && *to >= *from;
  }

  // Where the greedy repetition at `low`..*at can end so that what follows has a chance; false: nowhere.
  bool find_tail(const Word* tail, Py_ssize_t low, Py_ssize_t* at) const {
    if (tail[0] != LITERAL) return true;
    const Word literal = tail[1];
    while (*at >= low && (*at >= end || text[*at] != literal)) --*at;
    return *at >= low;
  }

  // Runs from pc until SUCCESS. *at: from where, then to where. Choices made stay on the stack on success.
  Outcome run(const Word* pc, Py_ssize_t* position, bool top) {
    const Py_ssize_t base = m.entry_count_;
    Py_ssize_t at = *position;
    for (;;) {
      bool good = true;
      if ((++m.steps_ & 0xfff) == 0 && PyErr_CheckSignals() < 0) return Outcome::Error;
      switch (*pc) {
        case SUCCESS:
          if (top && ((m.match_all && at != end) || m.must_advance == at)) {
            good = false;
            break;
          }
          *position = at;
          return Outcome::Yes;
        case FAILURE: good = false; break;
        case MARK:
          if (!set_mark(pc[1], at)) return Outcome::Error;
          pc += 2;
          break;
        case ANY:
          if ((good = at < end && text[at] != '\n')) ++at, ++pc;
          break;
        case ANY_ALL:
          if ((good = at < end)) ++at, ++pc;
          break;
        case LITERAL:
          if ((good = at < end && text[at] == pc[1])) ++at, pc += 2;
          break;
        case NOT_LITERAL:
          if ((good = at < end && text[at] != pc[1])) ++at, pc += 2;
          break;
        case LITERAL_IGNORE: case NOT_LITERAL_IGNORE: case LITERAL_UNI_IGNORE: case NOT_LITERAL_UNI_IGNORE:
        case LITERAL_LOC_IGNORE: case NOT_LITERAL_LOC_IGNORE:
          if ((good = at < end && matches_one(pc, text[at]))) ++at, pc += 2;
          break;
        case IN: case IN_IGNORE: case IN_UNI_IGNORE: case IN_LOC_IGNORE:
          if ((good = at < end && matches_one(pc, text[at]))) ++at, pc += 1 + pc[1];
          break;
        case AT:
          if ((good = at_position(pc[1], at))) pc += 2;
          break;
        case INFO:
        case JUMP: pc += 1 + pc[1]; break;
        case BRANCH: {
          // The first alternative now, the rest later; alternatives whose first character cannot fit are passed over.
          const Word* alternative = pc + 1;
          const Word* chosen = nullptr;
          while (*alternative) {
            const Word* first = alternative + 1;
            const Word* next = alternative + *alternative;
            const bool possible = !(first[0] == LITERAL && (at >= end || text[at] != first[1])) &&
                                  !(first[0] == IN && (at >= end || !in_set(first + 2, text[at])));
            if (possible) {
              chosen = first;
              alternative = next;
              break;
            }
            alternative = next;
          }
          if (!chosen) {
            good = false;
            break;
          }
          if (*alternative && !m.push({EntryKind::Alternative, alternative - 1, at, 0, 0})) return Outcome::Error;
          pc = chosen;
          break;
        }
        case REPEAT_ONE: {
          const Word least = pc[2], most = pc[3];
          const Word* tail = pc + 1 + pc[1];
          const Py_ssize_t low = at + static_cast<Py_ssize_t>(least);
          if (least > static_cast<Word>(PY_SSIZE_T_MAX) || end - at < static_cast<Py_ssize_t>(least)) {
            good = false;
            break;
          }
          Py_ssize_t stop = at + count(pc + 4, at, most);
          if (stop < low || !find_tail(tail, low, &stop)) {
            good = false;
            break;
          }
          if (stop > low && !m.push({EntryKind::Greedy, tail, stop, low, 0})) return Outcome::Error;
          at = stop;
          pc = tail;
          break;
        }
        case MIN_REPEAT_ONE: {
          const Word least = pc[2], most = pc[3];
          const Word* tail = pc + 1 + pc[1];
          if (end - at < static_cast<Py_ssize_t>(least) ||
              (least && count(pc + 4, at, least) < static_cast<Py_ssize_t>(least))) {
            good = false;
            break;
          }
          at += static_cast<Py_ssize_t>(least);
          if (least < most && !m.push({EntryKind::Lazy, pc, at, static_cast<Py_ssize_t>(least), 0})) return Outcome::Error;
          pc = tail;
          break;
        }
        case POSSESSIVE_REPEAT_ONE: {
          const Py_ssize_t taken = end - at < static_cast<Py_ssize_t>(pc[2]) ? -1 : count(pc + 4, at, pc[3]);
          if ((good = taken >= static_cast<Py_ssize_t>(pc[2]))) {
            at += taken;
            pc += 1 + pc[1];
          }
          break;
        }
        case REPEAT: {
          if (!m.push({EntryKind::LoopTop, nullptr, 0, 0, m.loop_count_})) return Outcome::Error;
          if (!m.push_loop({pc + 1, -1, -1, m.loop_})) return Outcome::Error;
          if (!open_loop(m.loop_count_ - 1)) return Outcome::Error;
          pc += 1 + pc[1];  // its UNTIL decides whether there is a first iteration
          break;
        }
        case MAX_UNTIL:
        case MIN_UNTIL: {
          const Py_ssize_t loop = m.loop_;
          const Loop state = m.loops_[loop];
          const Py_ssize_t done = state.count + 1;
          const Py_ssize_t least = state.pc[1];
          const bool unlimited = state.pc[2] == kMaxRepeat;
          const bool may_go_on = unlimited || done < static_cast<Py_ssize_t>(state.pc[2]);
          const Word* body = state.pc + 3;
          if (done < least) {
            if (!change_loop(loop, done, at)) return Outcome::Error;
            pc = body;
          } else if (*pc == MAX_UNTIL) {
            // An iteration that matched nothing is not repeated: it would match nothing again.
            if (may_go_on && at != state.last) {
              if (!m.push({EntryKind::LoopExit, pc, at, 0, loop})) return Outcome::Error;
              if (!change_loop(loop, done, at)) return Outcome::Error;
              pc = body;
            } else {
              if (!open_loop(state.outer)) return Outcome::Error;
              ++pc;
            }
          } else {
            if (may_go_on && at != state.last && !m.push({EntryKind::LoopAgain, body, at, done, loop})) return Outcome::Error;
            if (!open_loop(state.outer)) return Outcome::Error;
            ++pc;
          }
          break;
        }
        case POSSESSIVE_REPEAT: {
          const Word* body = pc + 4;
          const Word least = pc[2], most = pc[3];
          const Py_ssize_t loop = m.loop_;
          Word done = 0;
          while (done < most || most == kMaxRepeat) {
            const Py_ssize_t before = m.entry_count_;
            Py_ssize_t stop = at;
            const Outcome outcome = run(body, &stop, false);
            if (outcome == Outcome::Error) return outcome;
            if (outcome == Outcome::No) {
              good = done >= least;
              break;
            }
            commit(before);
            if (m.loop_ != loop && !open_loop(loop)) return Outcome::Error;
            ++done;
            if (stop == at && done >= least) break;
            at = stop;
          }
          if (good) pc += 2 + pc[1];
          break;
        }
        case ATOMIC_GROUP: {
          const Py_ssize_t before = m.entry_count_;
          Py_ssize_t stop = at;
          const Outcome outcome = run(pc + 2, &stop, false);
          if (outcome == Outcome::Error) return outcome;
          if ((good = outcome == Outcome::Yes)) {
            commit(before);
            at = stop;
            pc += 1 + pc[1];
          }
          break;
        }
        case ASSERT: {
          const Py_ssize_t back = static_cast<Py_ssize_t>(pc[2]);
          if (!(good = at >= back)) break;
          const Py_ssize_t before = m.entry_count_;
          Py_ssize_t stop = at - back;
          const Outcome outcome = run(pc + 3, &stop, false);
          if (outcome == Outcome::Error) return outcome;
          if ((good = outcome == Outcome::Yes)) {
            commit(before);
            pc += 1 + pc[1];
          }
          break;
        }
        case ASSERT_NOT: {
          const Py_ssize_t back = static_cast<Py_ssize_t>(pc[2]);
          if (at >= back) {
            const Py_ssize_t before = m.entry_count_;
            Py_ssize_t stop = at - back;
            const Outcome outcome = run(pc + 3, &stop, false);
            if (outcome == Outcome::Error) return outcome;
            if (outcome == Outcome::Yes) {
              rewind(before);
              good = false;
              break;
            }
          }
          pc += 1 + pc[1];
          break;
        }
        case GROUPREF: case GROUPREF_IGNORE: case GROUPREF_UNI_IGNORE: case GROUPREF_LOC_IGNORE: {
          Py_ssize_t from, to;
          if (!(good = group(pc[1], &from, &to) && to - from <= end - at)) break;
          for (; good && from < to; ++from, ++at) {
            const Py_UCS4 a = text[from], b = text[at];
            switch (*pc) {
              case GROUPREF: good = a == b; break;
              case GROUPREF_IGNORE: good = lower_ascii(a) == lower_ascii(b); break;
              case GROUPREF_UNI_IGNORE: good = lower_unicode(a) == lower_unicode(b); break;
              default: good = lower_locale(a) == lower_locale(b); break;
            }
          }
          pc += 2;
          break;
        }
        case GROUPREF_EXISTS: {
          Py_ssize_t from, to;
          pc = group(pc[1], &from, &to) ? pc + 3 : pc + 1 + pc[2];
          break;
        }
        default: (void)raise(PyExc_RuntimeError, "invalid SRE code"); return Outcome::Error;
      }
      if (good) continue;

      // Back to the latest choice that is left.
      bool chosen = false;
      while (!chosen) {
        if (m.entry_count_ == base) return Outcome::No;
        Entry& entry = m.entries_[m.entry_count_ - 1];
        switch (entry.kind) {
          case EntryKind::Alternative: {
            at = entry.at;
            const Word* alternative = entry.pc + 1;
            pc = alternative + 1;
            alternative += *alternative;
            if (*alternative) entry.pc = alternative - 1;
            else --m.entry_count_;
            chosen = true;
            break;
          }
          case EntryKind::Greedy:
            --entry.at;
            if (entry.at < entry.low || !find_tail(entry.pc, entry.low, &entry.at)) {
              --m.entry_count_;
              break;
            }
            at = entry.at;
            pc = entry.pc;
            if (at == entry.low) --m.entry_count_;
            chosen = true;
            break;
          case EntryKind::Lazy: {
            const Word* repeat = entry.pc;
            if (entry.at >= end || !matches_one(repeat + 4, text[entry.at])) {
              --m.entry_count_;
              break;
            }
            at = ++entry.at;
            pc = repeat + 1 + repeat[1];
            if (repeat[3] != kMaxRepeat && ++entry.low >= static_cast<Py_ssize_t>(repeat[3])) --m.entry_count_;
            chosen = true;
            break;
          }
          case EntryKind::LoopExit: {
            const Entry exit = entry;
            --m.entry_count_;
            at = exit.at;
            pc = exit.pc + 1;
            if (!open_loop(m.loops_[exit.index].outer)) return Outcome::Error;
            chosen = true;
            break;
          }
          case EntryKind::LoopAgain: {
            const Entry again = entry;
            --m.entry_count_;
            at = again.at;
            pc = again.pc;
            if (m.loop_ != again.index && !open_loop(again.index)) return Outcome::Error;
            if (!change_loop(again.index, again.low, at)) return Outcome::Error;
            chosen = true;
            break;
          }
          default:
            undo(entry);
            --m.entry_count_;
            break;
        }
      }
    }
  }
};

Outcome Matcher::run(const Word* pc, Py_ssize_t* at, bool top) {
  switch (subject_.kind) {
    case 1: return Machine<Py_UCS1>{*this, static_cast<const Py_UCS1*>(subject_.data), subject_.end}.run(pc, at, top);
    case 2: return Machine<Py_UCS2>{*this, static_cast<const Py_UCS2*>(subject_.data), subject_.end}.run(pc, at, top);
    default: return Machine<Py_UCS4>{*this, static_cast<const Py_UCS4*>(subject_.data), subject_.end}.run(pc, at, top);
  }
}

Outcome Matcher::match(Py_ssize_t from) {
  if (!marks_) {
    PyErr_NoMemory();
    return Outcome::Error;
  }
  reset();
  Py_ssize_t at = from;
  const Outcome outcome = run(pattern_.code, &at, true);
  if (outcome == Outcome::Yes) match_start = from, match_end = at;
  return outcome;
}

Outcome Matcher::search(Py_ssize_t from) {
  switch (subject_.kind) {
    case 1: return search_in<Py_UCS1>(from);
    case 2: return search_in<Py_UCS2>(from);
    default: return search_in<Py_UCS4>(from);
  }
}

// Tries the places in turn; what the pattern's INFO block says rules most of them out at once.
template <class Char>
Outcome Matcher::search_in(Py_ssize_t from) {
  const auto* text = static_cast<const Char*>(subject_.data);
  Py_ssize_t last = subject_.end;
  const Word* prefix = nullptr;
  const Word* charset = nullptr;
  Py_ssize_t prefix_length = 0;
  const Word* code = pattern_.code;
  if (code[0] == INFO) {
    const Word flags = code[2];
    const Py_ssize_t least = static_cast<Py_ssize_t>(code[3]);
    if (least > last - from) return Outcome::No;
    if (least > 1) last -= least - 1;
    if (flags & kInfoPrefix) {
      prefix_length = static_cast<Py_ssize_t>(code[5]);
      prefix = code + 7;
    } else if (flags & kInfoCharset) {
      charset = code + 5;
    }
  }
  const Word* first = code[0] == INFO ? code + 1 + code[1] : code;
  // What is anchored to the beginning matches there or nowhere.
  if (first[0] == AT && (first[1] == AT_BEGINNING || first[1] == AT_BEGINNING_STRING)) last = std::min(last, from);
  for (Py_ssize_t at = from; at <= last; ++at) {
    if (prefix) {
      const Word head = prefix[0];
      if constexpr (sizeof(Char) == 1) {
        if (head > 255) return Outcome::No;
        const void* found = at < subject_.end ? memchr(text + at, static_cast<int>(head), static_cast<size_t>(subject_.end - at)) : nullptr;
        if (!found) return Outcome::No;
        at = static_cast<const Char*>(found) - text;
      } else {
        while (at < subject_.end && text[at] != head) ++at;
      }
      if (subject_.end - at < prefix_length) return Outcome::No;
      bool same = true;
      for (Py_ssize_t i = 1; i < prefix_length && same; ++i) same = text[at + i] == prefix[i];
      if (!same) continue;
    } else if (charset) {
      while (at < subject_.end && !in_set(charset, text[at])) ++at;
      if (at >= subject_.end) return Outcome::No;
    } else if (is_one_character(first[0])) {
      while (at < subject_.end && !matches_one(first, text[at])) ++at;
      if (at >= subject_.end) return Outcome::No;
    }
    const Outcome outcome = match(at);
    if (outcome != Outcome::No) return outcome;
  }
  return Outcome::No;
}

}  // namespace ks::sre
