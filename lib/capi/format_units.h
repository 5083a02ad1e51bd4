// One unit of an argument format ("i", "s#", "O!", "(ii)"): converting an argument with it, or passing over it.
#pragma once

#include <Python.h>

#include <cstdarg>

namespace ks {

// A va_list that can be passed by reference.
struct Variadic {
  va_list list;
};

// What conversions have allocated or acquired; released when a later argument fails.
class Acquired {
 public:
  enum class Kind { Memory, Buffer, Converter };
  Acquired() = default;
  Acquired(const Acquired&) = delete;
  Acquired& operator=(const Acquired&) = delete;
  ~Acquired();
  // False with MemoryError.
  bool add(Kind kind, void* item, int (*converter)(PyObject*, void*) = nullptr);
  // Undoes everything; the conversions failed.
  void release();

 private:
  struct Entry {
    Kind kind;
    void* item;
    int (*converter)(PyObject*, void*);
  };
  static constexpr int kSmall = 8;
  Entry small_[kSmall];
  Entry* entries_ = small_;
  int count_ = 0;
  int capacity_ = kSmall;
};

// Where in the arguments an error is: numbers of nested items from 1, 0 at the end. They are told from 0, as the reference
// does.
struct Place {
  static constexpr int kDepth = 32;
  int levels[kDepth] = {};
  char message[256] = {};  // what is wrong, "must be int, not str"; empty when an exception is set
};

// Converts with the unit at *format, which moves behind it. False with place->message or an exception.
bool convert_unit(PyObject* argument, const char** format, Variadic* arguments, Acquired* acquired, Place* place, int depth);
// Moves behind the unit and its C arguments. A message when the unit is unknown, else nullptr.
const char* skip_unit(const char** format, Variadic* arguments);
// Raises what a failed conversion has left in `place`, unless an exception is set. argument 0: there is only one.
void raise_at(const Place& place, int argument, const char* function, const char* message);

}  // namespace ks
