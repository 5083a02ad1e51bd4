// The matcher: a backtracking machine over a pattern's code.
//
// Choices that can be taken back, and what has to be undone on the way, are entries of one stack on the heap, so that the
// depth of backtracking is bounded by memory alone. Only assertions and atomic groups nest calls: as deep as the pattern.
#pragma once

#include "modules/sre/code.h"
#include "object/result.h"

namespace ks::sre {

enum class Outcome { Error = -1, No = 0, Yes = 1 };

// The subject of a match and what the match found.
class Subject {
 public:
  Subject() = default;
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  ~Subject() { close(); }

  // Str or anything with a simple buffer; TypeError otherwise. [start, end) is clipped.
  Status open(PyObject* string, Py_ssize_t start, Py_ssize_t end);
  void close();

  // The part [start, end) of the subject; `empty` when start is negative.
  Ref<> slice(Py_ssize_t start, Py_ssize_t end) const;

  PyObject* string = nullptr;  // owned
  const void* data = nullptr;
  int kind = 1;                // bytes a character
  bool is_bytes = false;
  Py_ssize_t length = 0;       // of the whole
  Py_ssize_t start = 0;
  Py_ssize_t end = 0;

 private:
  Py_buffer view_{};
};

struct PatternView {
  const Word* code;
  Py_ssize_t groups;
};

class Matcher {
 public:
  Matcher(const PatternView& pattern, const Subject& subject);
  ~Matcher();
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  bool match_all = false;        // the match must end where the subject ends
  Py_ssize_t must_advance = -1;  // a match from here must not be empty

  Outcome match(Py_ssize_t from);
  Outcome search(Py_ssize_t from);

  // Of the last success. Marks are positions or -1, two for each group.
  Py_ssize_t match_start = 0;
  Py_ssize_t match_end = 0;
  Py_ssize_t lastindex = -1;
  const Py_ssize_t* marks() const { return marks_; }

 private:
  struct Entry;
  struct Loop;
  template <class Char>
  struct Machine;

  Outcome run(const Word* pc, Py_ssize_t* at, bool top);
  template <class Char>
  Outcome search_in(Py_ssize_t from);
  void reset();
  bool push(const Entry& entry);
  bool push_loop(const Loop& loop);

  PatternView pattern_;
  const Subject& subject_;
  Py_ssize_t* marks_ = nullptr;
  Entry* entries_ = nullptr;
  Py_ssize_t entry_count_ = 0;
  Py_ssize_t entry_capacity_ = 0;
  Loop* loops_ = nullptr;
  Py_ssize_t loop_count_ = 0;
  Py_ssize_t loop_capacity_ = 0;
  Py_ssize_t loop_ = -1;  // the innermost loop that is open
  unsigned steps_ = 0;
};

}  // namespace ks::sre
