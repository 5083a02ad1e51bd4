// Tokens: kinds with the numbers of Python's `token` module (`_tokenize` hands them out), and keywords behind them.
#pragma once

#include <Python.h>

#include <cstring>

#include "object/result.h"

namespace ks::syntax {

enum class TokenKind : unsigned char {
  EndMarker, Name, Number, String, NewLine, Indent, Dedent, LeftParenthesis, RightParenthesis, LeftBracket, RightBracket,
  Colon, Comma, Semicolon, Plus, Minus, Star, Slash, Bar, Ampersand, Less, Greater, Equal, Dot, Percent, LeftBrace,
  RightBrace, EqualEqual, NotEqual, LessEqual, GreaterEqual, Tilde, Circumflex, LeftShift, RightShift, DoubleStar,
  PlusEqual, MinusEqual, StarEqual, SlashEqual, PercentEqual, AmpersandEqual, BarEqual, CircumflexEqual, LeftShiftEqual,
  RightShiftEqual, DoubleStarEqual, DoubleSlash, DoubleSlashEqual, At, AtEqual, RightArrow, Ellipsis, ColonEqual,
  Exclamation, Operator, TypeIgnore, TypeComment, SoftKeyword, FStringStart, FStringMiddle, FStringEnd, TStringStart,
  TStringMiddle, TStringEnd, Comment, BlankNewLine, Error,
  // Keywords: names for the tokenizer and for `_tokenize`, kinds of their own for the parser.
  False = 128, None, True, And, As, Assert, Async, Await, Break, Class, Continue, Def, Del, Elif, Else, Except, Finally,
  For, From, Global, If, Import, In, Is, Lambda, NonLocal, Not, Or, Pass, Raise, Return, Try, While, With, Yield
};
static_assert(static_cast<int>(TokenKind::Error) == 67 && static_cast<int>(TokenKind::Exclamation) == 54);

// A token's text is [start, end) of the source; columns are offsets in bytes within the line of start / of end.
struct Token {
  TokenKind kind = TokenKind::EndMarker;
  char format_of = 0;       // ':' that begins a format specification: 'f' or 't'
  bool at_end = false;      // a NEWLINE that the end of a single statement stands for: it has no place of its own
  unsigned char level = 0;  // how many parentheses are open, at most 200
  int line = 0;
  int column = 0;
  int end_line = 0;
  int end_column = 0;
  const char* start = nullptr;
  const char* end = nullptr;

  Py_ssize_t size() const { return end - start; }
  bool is(const char* text) const {
    const size_t length = strlen(text);
    return static_cast<size_t>(end - start) == length && memcmp(start, text, length) == 0;
  }
};

// An array that grows; failure is MemoryError, never an abort. For trivially copyable items.
template <class T>
class GrowingArray {
 public:
  GrowingArray() = default;
  GrowingArray(const GrowingArray&) = delete;
  GrowingArray& operator=(const GrowingArray&) = delete;
  ~GrowingArray() { PyMem_RawFree(items_); }

  Status append(const T& item) {
    if (size_ == capacity_) {
      const Py_ssize_t capacity = capacity_ ? capacity_ * 2 : 16;
      T* items = static_cast<T*>(PyMem_RawRealloc(items_, sizeof(T) * static_cast<size_t>(capacity)));
      if (!items) {
        PyErr_NoMemory();
        return failed;
      }
      items_ = items;
      capacity_ = capacity;
    }
    items_[size_++] = item;
    return Status::Ok;
  }
  T& operator[](Py_ssize_t index) { return items_[index]; }
  const T& operator[](Py_ssize_t index) const { return items_[index]; }
  T* begin() const { return items_; }
  T* end() const { return items_ + size_; }
  T& back() { return items_[size_ - 1]; }
  Py_ssize_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void pop() { --size_; }
  void shrink(Py_ssize_t size) { size_ = size; }

 private:
  T* items_ = nullptr;
  Py_ssize_t size_ = 0;
  Py_ssize_t capacity_ = 0;
};

// The keyword that [start, end) spells, or TokenKind::Name.
TokenKind keyword_kind(const char* start, const char* end);

}  // namespace ks::syntax
