// Access to the Unicode data: properties, case mapping, names.
#include "text/unicode.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "object/export.h"

namespace ks {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
alignas(16) const unsigned char unicode_data[] = {
#embed "unicode.bin"
};
#pragma clang diagnostic pop

// ---- case --------------------------------------------------------------------------------------------------------------

struct SpecialCase {
  uint32_t code;
  uint32_t upper[3], lower[3], title[3], fold[3];
};

static const SpecialCase* special_case(Py_UCS4 c) {
  const auto* begin = unicode_section<SpecialCase>(k_special_cases);
  return std::lower_bound(begin, begin + k_special_case_count, c,
                          [](const SpecialCase& a, Py_UCS4 code) { return a.code < code; });
}
static int copy_mapping(const uint32_t (&mapping)[3], Py_UCS4* out) {
  int n = 0;
  do out[n] = mapping[n];
  while (++n < 3 && mapping[n]);
  return n;
}
static Py_UCS4 shifted(Py_UCS4 c, int32_t difference) { return static_cast<Py_UCS4>(static_cast<int32_t>(c) + difference); }

int full_upper(Py_UCS4 c, Py_UCS4* out) {
  const CharacterType& type = character_type(c);
  if (type.flags & kIs_special_case) return copy_mapping(special_case(c)->upper, out);
  out[0] = shifted(c, type.to_upper);
  return 1;
}
int full_lower(Py_UCS4 c, Py_UCS4* out) {
  const CharacterType& type = character_type(c);
  if (type.flags & kIs_special_case) return copy_mapping(special_case(c)->lower, out);
  out[0] = shifted(c, type.to_lower);
  return 1;
}
int full_title(Py_UCS4 c, Py_UCS4* out) {
  const CharacterType& type = character_type(c);
  if (type.flags & kIs_special_case) return copy_mapping(special_case(c)->title, out);
  out[0] = shifted(c, type.to_title);
  return 1;
}
int full_fold(Py_UCS4 c, Py_UCS4* out) {
  const CharacterType& type = character_type(c);
  if (type.flags & kIs_special_case) return copy_mapping(special_case(c)->fold, out);
  out[0] = shifted(c, type.to_lower);
  return 1;
}

// ---- names ---------------------------------------------------------------------------------------------------------------

struct NameRange {
  uint32_t first, last, kind;
};
struct NameRun {
  uint32_t code, count, entry;
};
static constexpr int kEntryCount = k_named_count + k_alias_count + k_sequence_count;

static int write_word(unsigned number, char* out) {
  const auto* starts = unicode_section<uint32_t>(k_word_starts);
  const uint32_t start = starts[number], length = starts[number + 1] - start;
  memcpy(out, unicode_data + k_word_text + start, length);
  return static_cast<int>(length);
}
static int write_entry(int entry, char* out) {
  const unsigned char* p = unicode_data + k_name_codes + unicode_section<uint32_t>(k_name_starts)[entry / 8];
  for (int skip = entry % 8; skip > 0; --skip) {
    while (*p) p += *p < k_short_words ? 1 : 2;
    ++p;
  }
  int length = 0;
  while (*p) {
    unsigned number = *p++;
    if (number >= static_cast<unsigned>(k_short_words)) number = k_short_words + ((number - k_short_words) << 8) + *p++;
    length += write_word(number - 1, out + length);
  }
  return length;
}

static constexpr const char* kLead[] = {"G", "GG", "N", "D", "DD", "R", "M", "B", "BB", "S", "SS", "", "J", "JJ", "C", "K", "T", "P", "H"};
static constexpr const char* kVowel[] = {"A", "AE", "YA", "YAE", "EO", "E", "YEO", "YE", "O", "WA", "WAE", "OE", "YO", "U", "WEO", "WE", "WI", "YU", "EU", "YI", "I"};
static constexpr const char* kTail[] = {"", "G", "GG", "GS", "N", "NJ", "NH", "D", "L", "LG", "LM", "LB", "LS", "LT", "LP", "LH", "M", "B", "BS", "S", "SS", "NG", "J", "C", "K", "T", "P", "H"};

int character_name(Py_UCS4 c, char* out) {
  if (c >= 0xac00 && c <= 0xd7a3) {
    const unsigned index = c - 0xac00;
    return snprintf(out, kNameSize, "HANGUL SYLLABLE %s%s%s", kLead[index / 588], kVowel[index % 588 / 28], kTail[index % 28]);
  }
  for (int i = 0; i < k_name_range_count; ++i) {
    const NameRange& range = unicode_section<NameRange>(k_name_ranges)[i];
    if (c >= range.first && c <= range.last) return snprintf(out, kNameSize, "%s%04X", kRangeNames[range.kind], c);
  }
  const auto* runs = unicode_section<NameRun>(k_name_runs);
  const NameRun* run = std::upper_bound(runs, runs + k_name_run_count, c,
                                        [](Py_UCS4 code, const NameRun& a) { return code < a.code; });
  if (run == runs) return 0;
  --run;
  if (c - run->code >= run->count) return 0;
  return write_entry(static_cast<int>(run->entry + (c - run->code)), out);
}

static bool starts_with(const char* text, Py_ssize_t length, const char* prefix) {
  const Py_ssize_t count = static_cast<Py_ssize_t>(strlen(prefix));
  return length >= count && memcmp(text, prefix, static_cast<size_t>(count)) == 0;
}
// The longest of the table's texts at the place.
template <size_t N>
static int longest_match(const char*& p, const char* end, const char* const (&table)[N]) {
  int best = -1;
  size_t best_length = 0;
  for (size_t i = 0; i < N; ++i) {
    const size_t length = strlen(table[i]);
    if ((best < 0 || length > best_length) && static_cast<size_t>(end - p) >= length && memcmp(p, table[i], length) == 0)
      best = static_cast<int>(i), best_length = length;
  }
  p += best_length;
  return best;
}

int character_by_name(const char* name, Py_ssize_t length, NameKinds kinds, Py_UCS4* out) {
  if (length <= 0 || length >= kNameSize) return 0;
  char upper[kNameSize];
  for (Py_ssize_t i = 0; i < length; ++i)
    upper[i] = name[i] >= 'a' && name[i] <= 'z' ? static_cast<char>(name[i] - 32) : name[i];
  upper[length] = 0;
  if (starts_with(upper, length, "HANGUL SYLLABLE ")) {
    const char* p = upper + 16;
    const char* end = upper + length;
    const int lead = longest_match(p, end, kLead);
    const int vowel = longest_match(p, end, kVowel);
    const int tail = longest_match(p, end, kTail);
    if (lead < 0 || vowel < 0 || tail < 0 || p != end || vowel == -1) return 0;
    out[0] = 0xac00 + static_cast<Py_UCS4>((lead * 21 + vowel) * 28 + tail);
    return 1;
  }
  for (unsigned kind = 0; kind < std::size(kRangeNames); ++kind) {
    if (!starts_with(upper, length, kRangeNames[kind])) continue;
    const char* p = upper + strlen(kRangeNames[kind]);
    const Py_ssize_t digits = upper + length - p;
    if (digits != 4 && digits != 5) continue;
    Py_UCS4 code = 0;
    bool good = true;
    for (; *p; ++p) {
      const int digit = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'A' && *p <= 'F' ? *p - 'A' + 10 : -1;
      if (digit < 0) good = false;
      code = code * 16 + static_cast<Py_UCS4>(digit & 15);
    }
    if (!good || (digits == 5 && code < 0x10000)) return 0;
    // Tangut ideographs are found by name, though name() does not know them, as in the reference.
    if (kind == 1 && ((code >= 0x17000 && code <= 0x187f7) || (code >= 0x18d00 && code <= 0x18d08))) {
      out[0] = code;
      return 1;
    }
    for (int i = 0; i < k_name_range_count; ++i) {
      const NameRange& range = unicode_section<NameRange>(k_name_ranges)[i];
      if (range.kind == kind && code >= range.first && code <= range.last) {
        out[0] = code;
        return 1;
      }
    }
    return 0;
  }
  const auto* order = unicode_section<uint16_t>(k_name_order);
  int low = 0, high = kEntryCount;
  char candidate[kNameSize];
  while (low < high) {
    const int middle = (low + high) / 2;
    const int entry = order[middle];
    const int size = write_entry(entry, candidate);
    int comparison = memcmp(upper, candidate, static_cast<size_t>(std::min<Py_ssize_t>(length, size)));
    if (comparison == 0) comparison = length < size ? -1 : length > size ? 1 : 0;
    if (comparison < 0) {
      high = middle;
    } else if (comparison > 0) {
      low = middle + 1;
    } else if (entry < k_named_count) {
      const auto* runs = unicode_section<NameRun>(k_name_runs);
      const NameRun* run = std::upper_bound(runs, runs + k_name_run_count, static_cast<uint32_t>(entry),
                                            [](uint32_t value, const NameRun& a) { return value < a.entry; }) - 1;
      out[0] = run->code + (static_cast<uint32_t>(entry) - run->entry);
      return 1;
    } else if (entry < k_named_count + k_alias_count) {
      if (kinds == NameKinds::Characters) return 0;
      out[0] = unicode_section<uint32_t>(k_alias_targets)[entry - k_named_count];
      return 1;
    } else {
      if (kinds != NameKinds::WithSequences) return 0;
      const uint32_t* target = unicode_section<uint32_t>(k_sequence_targets) + 4 * (entry - k_named_count - k_alias_count);
      int n = 0;
      while (n < 4 && target[n]) out[n] = target[n], ++n;
      return n;
    }
  }
  return 0;
}

}  // namespace ks

using namespace ks;

extern "C" {

// What the macros of unicodeobject.h ask.
int _PyUnicode_IsLowercase(Py_UCS4 c) { return character_is(c, kIs_lower); }
int _PyUnicode_IsUppercase(Py_UCS4 c) { return character_is(c, kIs_upper); }
int _PyUnicode_IsTitlecase(Py_UCS4 c) { return character_is(c, kIs_title); }
int _PyUnicode_IsWhitespace(Py_UCS4 c) { return character_is(c, kIs_space); }
int _PyUnicode_IsLinebreak(Py_UCS4 c) { return character_is(c, kIs_linebreak); }
int _PyUnicode_IsPrintable(Py_UCS4 c) { return character_is(c, kIs_printable); }
int _PyUnicode_IsAlpha(Py_UCS4 c) { return character_is(c, kIs_alpha); }
int _PyUnicode_IsDecimalDigit(Py_UCS4 c) { return character_type(c).decimal >= 0; }
int _PyUnicode_IsDigit(Py_UCS4 c) { return character_type(c).digit >= 0; }
int _PyUnicode_IsNumeric(Py_UCS4 c) { return character_type(c).numeric != 0; }
Py_UCS4 _PyUnicode_ToLowercase(Py_UCS4 c) { return shifted(c, character_type(c).to_lower); }
Py_UCS4 _PyUnicode_ToUppercase(Py_UCS4 c) { return shifted(c, character_type(c).to_upper); }
Py_UCS4 _PyUnicode_ToTitlecase(Py_UCS4 c) { return shifted(c, character_type(c).to_title); }
int _PyUnicode_ToDecimalDigit(Py_UCS4 c) { return character_type(c).decimal; }
int _PyUnicode_ToDigit(Py_UCS4 c) { return character_type(c).digit; }
double _PyUnicode_ToNumeric(Py_UCS4 c) {
  return unicode_section<double>(k_numeric_values)[character_type(c).numeric];
}

}  // extern "C"

// The header declares an array of unknown size; this is its object.
extern "C" __attribute__((visibility("default"))) const unsigned char _Py_ascii_whitespace[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
