// The instructions of compiled patterns, as the installation's re._compiler emits them (numbers: re._constants).
#pragma once

#include <Python.h>

#include <cstdint>

namespace ks::sre {

using Word = uint32_t;

inline constexpr Word kMagic = 20230612;
inline constexpr Word kMaxRepeat = ~Word{0};
inline constexpr Py_ssize_t kMaxGroups = PY_SSIZE_T_MAX / 8 > 1073741823 ? 1073741823 : PY_SSIZE_T_MAX / 8;

enum Opcode : Word {
  FAILURE, SUCCESS, ANY, ANY_ALL, ASSERT, ASSERT_NOT, AT, BRANCH, CATEGORY, CHARSET, BIGCHARSET, GROUPREF, GROUPREF_EXISTS,
  IN, INFO, JUMP, LITERAL, MARK, MAX_UNTIL, MIN_UNTIL, NOT_LITERAL, NEGATE, RANGE, REPEAT, REPEAT_ONE, SUBPATTERN,
  MIN_REPEAT_ONE, ATOMIC_GROUP, POSSESSIVE_REPEAT, POSSESSIVE_REPEAT_ONE, GROUPREF_IGNORE, IN_IGNORE, LITERAL_IGNORE,
  NOT_LITERAL_IGNORE, GROUPREF_LOC_IGNORE, IN_LOC_IGNORE, LITERAL_LOC_IGNORE, NOT_LITERAL_LOC_IGNORE, GROUPREF_UNI_IGNORE,
  IN_UNI_IGNORE, LITERAL_UNI_IGNORE, NOT_LITERAL_UNI_IGNORE, RANGE_UNI_IGNORE, kOpcodeCount
};
enum Position : Word {
  AT_BEGINNING, AT_BEGINNING_LINE, AT_BEGINNING_STRING, AT_BOUNDARY, AT_NON_BOUNDARY, AT_END, AT_END_LINE, AT_END_STRING,
  AT_LOC_BOUNDARY, AT_LOC_NON_BOUNDARY, AT_UNI_BOUNDARY, AT_UNI_NON_BOUNDARY, kPositionCount
};
enum Category : Word {
  CATEGORY_DIGIT, CATEGORY_NOT_DIGIT, CATEGORY_SPACE, CATEGORY_NOT_SPACE, CATEGORY_WORD, CATEGORY_NOT_WORD, CATEGORY_LINEBREAK,
  CATEGORY_NOT_LINEBREAK, CATEGORY_LOC_WORD, CATEGORY_LOC_NOT_WORD, CATEGORY_UNI_DIGIT, CATEGORY_UNI_NOT_DIGIT,
  CATEGORY_UNI_SPACE, CATEGORY_UNI_NOT_SPACE, CATEGORY_UNI_WORD, CATEGORY_UNI_NOT_WORD, CATEGORY_UNI_LINEBREAK,
  CATEGORY_UNI_NOT_LINEBREAK, kCategoryCount
};
enum Info : Word { kInfoPrefix = 1, kInfoLiteral = 2, kInfoCharset = 4 };
enum Flag : int { kIgnoreCase = 2, kLocale = 4, kMultiline = 8, kDotAll = 16, kUnicode = 32, kVerbose = 64, kDebug = 128, kAscii = 256 };

// Whether code of `count` words is what re._compiler could have made: the engine trusts it afterwards.
bool code_is_valid(const Word* code, Py_ssize_t count, Py_ssize_t groups);

// Case folding and classes of single characters.
Py_UCS4 lower_ascii(Py_UCS4 c);
Py_UCS4 lower_unicode(Py_UCS4 c);
Py_UCS4 lower_locale(Py_UCS4 c);
Py_UCS4 upper_locale(Py_UCS4 c);
bool in_category(Word category, Py_UCS4 c);

}  // namespace ks::sre
