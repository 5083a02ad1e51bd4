// Properties of characters; the data are in unicode.bin (scripts/generate-unicode).
#pragma once

#include <Python.h>

#include <cstdint>

#include "object/result.h"

namespace ks {

#include "text/unicode_layout.inc"

extern const unsigned char unicode_data[];

template <class T>
const T* unicode_section(unsigned offset) {
  return reinterpret_cast<const T*>(unicode_data + offset);
}
// The number a two-level table has for a code point.
#define KS_TRIE(NAME, CODE)                                                                                        \
  ks::trie_find<ks::NAME##_top_type, ks::NAME##_block_type>(ks::k_##NAME##_top, ks::k_##NAME##_blocks,             \
                                                            ks::k_##NAME##_shift, ks::k_##NAME##_count, CODE)
template <class Top, class Block>
unsigned trie_find(unsigned top, unsigned blocks, int shift, int count, Py_UCS4 code) {
  if (code > 0x10ffff) code = 0x10ffff;
  unsigned index = code >> shift;
  if (index >= static_cast<unsigned>(count)) index = static_cast<unsigned>(count) - 1;
  const size_t block = unicode_section<Top>(top)[index];
  return unicode_section<Block>(blocks)[(block << shift) | (code & ((1u << shift) - 1))];
}

struct CharacterType {
  int32_t to_lower, to_upper, to_title;  // differences
  uint16_t flags;                        // kIs_...
  int8_t decimal, digit;                 // -1: none
  uint8_t numeric;                       // index into the values, 0: none
  uint8_t padding[3];
};
static_assert(sizeof(CharacterType) == 20);

inline const CharacterType& character_type(Py_UCS4 c) {
  return unicode_section<CharacterType>(k_type_records)[KS_TRIE(type, c)];
}
inline bool character_is(Py_UCS4 c, unsigned flags) { return (character_type(c).flags & flags) != 0; }

// Full case mappings: one to three characters into `out`, their number as result.
int full_upper(Py_UCS4 c, Py_UCS4* out);
int full_lower(Py_UCS4 c, Py_UCS4* out);
int full_title(Py_UCS4 c, Py_UCS4* out);
int full_fold(Py_UCS4 c, Py_UCS4* out);

inline bool is_alphanumeric(Py_UCS4 c) {
  return character_is(c, kIs_alpha | kIs_decimal | kIs_digit | kIs_numeric);
}

// Names. A name's text goes into `out` (kNameSize bytes); the length, or 0 when the character has none.
inline constexpr int kNameSize = 256;
int character_name(Py_UCS4 c, char* out);
// What a name stands for: 1 to 4 characters, or 0. Any case.
enum class NameKinds { Characters, WithAliases, WithSequences };  // each with the ones before it
int character_by_name(const char* name, Py_ssize_t length, NameKinds kinds, Py_UCS4* out);
// The names are ours, but \N{...} has always been a matter of the module unicodedata: UnicodeError when that cannot be imported.
Status need_character_names();

}  // namespace ks
