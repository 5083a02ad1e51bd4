// Character classes, and the check of code that somebody may have made by hand.
#include "modules/sre/code.h"

#include <cctype>

namespace ks::sre {

Py_UCS4 lower_ascii(Py_UCS4 c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
Py_UCS4 lower_unicode(Py_UCS4 c) { return Py_UNICODE_TOLOWER(c); }
Py_UCS4 lower_locale(Py_UCS4 c) { return c < 256 ? static_cast<Py_UCS4>(tolower(static_cast<int>(c))) : c; }
Py_UCS4 upper_locale(Py_UCS4 c) { return c < 256 ? static_cast<Py_UCS4>(toupper(static_cast<int>(c))) : c; }

static bool ascii_space(Py_UCS4 c) { return c == ' ' || (c >= 9 && c <= 13); }
static bool ascii_word(Py_UCS4 c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool unicode_word(Py_UCS4 c) { return c < 128 ? ascii_word(c) : Py_UNICODE_ISALNUM(c) != 0; }
static bool locale_word(Py_UCS4 c) { return c < 256 && (isalnum(static_cast<int>(c)) || c == '_'); }

bool in_category(Word category, Py_UCS4 c) {
  switch (category) {
    case CATEGORY_DIGIT: return c >= '0' && c <= '9';
    case CATEGORY_NOT_DIGIT: return !(c >= '0' && c <= '9');
    case CATEGORY_SPACE: return ascii_space(c);
    case CATEGORY_NOT_SPACE: return !ascii_space(c);
    case CATEGORY_WORD: return ascii_word(c);
    case CATEGORY_NOT_WORD: return !ascii_word(c);
    case CATEGORY_LINEBREAK: return c == '\n';
    case CATEGORY_NOT_LINEBREAK: return c != '\n';
    case CATEGORY_LOC_WORD: return locale_word(c);
    case CATEGORY_LOC_NOT_WORD: return !locale_word(c);
    case CATEGORY_UNI_DIGIT: return Py_UNICODE_ISDECIMAL(c) != 0;
    case CATEGORY_UNI_NOT_DIGIT: return !Py_UNICODE_ISDECIMAL(c);
    case CATEGORY_UNI_SPACE: return Py_UNICODE_ISSPACE(c) != 0;
    case CATEGORY_UNI_NOT_SPACE: return !Py_UNICODE_ISSPACE(c);
    case CATEGORY_UNI_WORD: return unicode_word(c);
    case CATEGORY_UNI_NOT_WORD: return !unicode_word(c);
    case CATEGORY_UNI_LINEBREAK: return Py_UNICODE_ISLINEBREAK(c) != 0;
    case CATEGORY_UNI_NOT_LINEBREAK: return !Py_UNICODE_ISLINEBREAK(c);
    default: return false;
  }
}

// ---- validation ------------------------------------------------------------------------------------------------------

namespace {

class Validator {
 public:
  Validator(Py_ssize_t groups) : groups_(groups) {}

  // A set: items up to FAILURE, which must be the last word.
  bool set(const Word* at, const Word* end) {
    while (at < end) {
      switch (*at++) {
        case NEGATE: break;
        case FAILURE: return at == end;
        case LITERAL:
          if (end - at < 1) return false;
          ++at;
          break;
        case RANGE:
        case RANGE_UNI_IGNORE:
          if (end - at < 2) return false;
          at += 2;
          break;
        case CHARSET:
          if (end - at < 8) return false;
          at += 8;
          break;
        case BIGCHARSET: {
          if (end - at < 1) return false;
          const Word blocks = *at++;
          if (end - at < 64) return false;
          const auto* index = reinterpret_cast<const unsigned char*>(at);
          for (int i = 0; i < 256; ++i)
            if (index[i] >= blocks) return false;
          at += 64;
          if (static_cast<uint64_t>(end - at) < static_cast<uint64_t>(blocks) * 8) return false;
          at += blocks * 8;
          break;
        }
        case CATEGORY:
          if (end - at < 1 || *at >= kCategoryCount) return false;
          ++at;
          break;
        default: return false;
      }
    }
    return false;
  }

  // Code [at, end) without what ends it. `backwards`: of a lookbehind.
  bool code(const Word* at, const Word* end) {
    if (++depth_ > 1000) return false;
    const bool good = sequence(at, end);
    --depth_;
    return good;
  }

 private:
  // The block that a skip word at `at` leads over: [at + 1, *stop).
  static bool skip(const Word* at, const Word* end, const Word** stop) {
    if (at >= end) return false;
    const Word distance = *at;
    if (distance < 1 || distance > static_cast<uint64_t>(end - at)) return false;
    *stop = at + distance;
    return true;
  }

  bool sequence(const Word* at, const Word* end) {
    while (at < end) {
      const Word op = *at++;
      const Word* stop;
      switch (op) {
        case MARK:
          if (at >= end || *at > 2 * static_cast<uint64_t>(groups_) + 1) return false;
          ++at;
          break;
        case LITERAL: case NOT_LITERAL: case LITERAL_IGNORE: case NOT_LITERAL_IGNORE: case LITERAL_UNI_IGNORE:
        case NOT_LITERAL_UNI_IGNORE: case LITERAL_LOC_IGNORE: case NOT_LITERAL_LOC_IGNORE:
          if (at >= end) return false;
          ++at;
          break;
        case SUCCESS: case FAILURE: case ANY: case ANY_ALL: break;
        case AT:
          if (at >= end || *at >= kPositionCount) return false;
          ++at;
          break;
        case IN: case IN_IGNORE: case IN_UNI_IGNORE: case IN_LOC_IGNORE:
          if (!skip(at, end, &stop) || !set(at + 1, stop)) return false;
          at = stop;
          break;
        case INFO: {
          if (!skip(at, end, &stop) || stop - at < 4) return false;
          const Word flags = at[1];
          const Word* data = at + 4;
          if (flags & ~static_cast<Word>(kInfoPrefix | kInfoLiteral | kInfoCharset)) return false;
          if ((flags & kInfoPrefix) && (flags & kInfoCharset)) return false;
          if ((flags & kInfoLiteral) && !(flags & kInfoPrefix)) return false;
          if (flags & kInfoPrefix) {
            if (stop - data < 2) return false;
            const Word length = data[0], prefix_skip = data[1];
            data += 2;
            if (static_cast<uint64_t>(stop - data) < 2 * static_cast<uint64_t>(length) || length == 0 || prefix_skip > length) return false;
            for (Word i = 0; i < length; ++i)
              if (data[length + i] >= length) return false;
          }
          if ((flags & kInfoCharset) && !set(data, stop)) return false;
          at = stop;
          break;
        }
        case BRANCH: {
          const Word* target = nullptr;
          for (;;) {
            if (at >= end) return false;
            if (*at == 0) {
              ++at;
              break;
            }
            if (!skip(at, end, &stop) || stop - at < 3) return false;
            if (stop[-2] != JUMP || !code(at + 1, stop - 2)) return false;
            // All alternatives go on at the same place.
            if (stop[-1] < 1 || stop[-1] > static_cast<uint64_t>(end - (stop - 1))) return false;
            const Word* jump = stop - 1 + stop[-1];
            if (!target) target = jump;
            else if (target != jump) return false;
            at = stop;
          }
          if (target && at != target) return false;
          break;
        }
        case REPEAT_ONE: case MIN_REPEAT_ONE: case POSSESSIVE_REPEAT_ONE:
          if (!skip(at, end, &stop) || stop - at < 4 || at[1] > at[2]) return false;
          if (stop[-1] != SUCCESS || !code(at + 3, stop - 1)) return false;
          at = stop;
          break;
        case REPEAT: case POSSESSIVE_REPEAT: {
          if (!skip(at, end, &stop) || stop - at < 3 || at[1] > at[2]) return false;
          if (!code(at + 3, stop)) return false;
          if (stop >= end) return false;
          if (op == POSSESSIVE_REPEAT ? *stop != SUCCESS : *stop != MAX_UNTIL && *stop != MIN_UNTIL) return false;
          at = stop + 1;
          break;
        }
        case ATOMIC_GROUP:
          if (!skip(at, end, &stop) || stop - at < 2 || stop[-1] != SUCCESS || !code(at + 1, stop - 1)) return false;
          at = stop;
          break;
        case GROUPREF: case GROUPREF_IGNORE: case GROUPREF_UNI_IGNORE: case GROUPREF_LOC_IGNORE:
          if (at >= end || *at >= static_cast<uint64_t>(groups_)) return false;
          ++at;
          break;
        case GROUPREF_EXISTS: {
          if (end - at < 2 || *at >= static_cast<uint64_t>(groups_)) return false;
          // The distance is counted from the group's word.
          if (at[1] < 2 || at[1] > static_cast<uint64_t>(end - at)) return false;
          stop = at + at[1];
          // With an alternative, the first branch ends in a jump over it.
          const Word* yes = at + 2;
          if (stop - yes >= 2 && stop[-2] == JUMP && code(yes, stop - 2) && stop[-1] >= 1 &&
              stop[-1] <= static_cast<uint64_t>(end - (stop - 1))) {
            const Word* last = stop - 1 + stop[-1];
            if (!code(stop, last)) return false;
            at = last;
          } else {
            if (!code(yes, stop)) return false;
            at = stop;
          }
          break;
        }
        case ASSERT: case ASSERT_NOT:
          if (!skip(at, end, &stop) || stop - at < 3 || (at[1] & 0x80000000U)) return false;
          if (stop[-1] != SUCCESS || !code(at + 2, stop - 1)) return false;
          at = stop;
          break;
        case JUMP:
          if (!skip(at, end, &stop)) return false;
          at = stop;
          break;
        default: return false;
      }
    }
    return true;
  }

  Py_ssize_t groups_;
  int depth_ = 0;
};

}  // namespace

bool code_is_valid(const Word* code, Py_ssize_t count, Py_ssize_t groups) {
  if (groups < 0 || groups > kMaxGroups || count < 1 || code[count - 1] != SUCCESS) return false;
  return Validator(groups).code(code, code + count - 1);
}

}  // namespace ks::sre
