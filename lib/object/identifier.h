// "append"_id: a statically allocated, immortal, ASCII str that is interned when the first interpreter starts.
//
// Each distinct text is one object in the whole library. All of them lie in the ELF section ks_identifiers, where
// identifiers_intern() (lib/types/str_intern.cpp) finds them: no central list of names.
#pragma once

#include <Python.h>

#include <algorithm>
#include <cstddef>

namespace ks {

template <size_t N>
struct FixedText {
  char data[N];
  consteval FixedText(const char (&text)[N]) { std::copy_n(text, N, data); }
};

// Layout: PyASCIIObject followed by the text.
template <size_t N>
struct alignas(16) StaticAscii {
  PyASCIIObject head;
  char data[N];
};

// What the section's table holds: where each identifier is.
using IdentifierEntry = PyObject*;

template <FixedText Text>
struct Identifier {
  static constexpr size_t kLength = sizeof(Text.data) - 1;
  static constexpr StaticAscii<sizeof(Text.data)> make() {
    StaticAscii<sizeof(Text.data)> result{};
    result.head.ob_base.ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
    result.head.ob_base.ob_type = &PyUnicode_Type;
    result.head.length = kLength;
    result.head.hash = -1;
    result.head.state.kind = PyUnicode_1BYTE_KIND;
    result.head.state.compact = 1;
    result.head.state.ascii = 1;
    result.head.state.statically_allocated = 1;
    std::copy_n(Text.data, sizeof(Text.data), result.data);
    return result;
  }
  static inline constinit StaticAscii<sizeof(Text.data)> text = make();
  [[gnu::used, gnu::retain, gnu::section("ks_identifiers")]] static inline constinit IdentifierEntry entry =
      &text.head.ob_base;
};

// Texts of no or one character are the statics that every str of that value is (lib/types/str.cpp).
PyObject* str_empty();
PyObject* str_latin1_char(Py_UCS1 c);

template <FixedText Text>
[[gnu::always_inline]] inline PyObject* operator""_id() {
  if constexpr (sizeof(Text.data) == 1) return str_empty();
  if constexpr (sizeof(Text.data) == 2) return str_latin1_char(static_cast<Py_UCS1>(Text.data[0]));
  // The entry is named so that the section holds it; its address is a constant.
  (void)&Identifier<Text>::entry;
  return &Identifier<Text>::text.head.ob_base;
}

}  // namespace ks

using ks::operator""_id;
