#include "text/source_encoding.h"

#include <cctype>
#include <cstring>

namespace ks {
namespace {

// Names that need no codec are told from their first twelve characters, in lower case and with dashes.
const char* folded_name(const char* name, size_t length) {
  char folded[13];
  size_t size = 0;
  for (; size < length && size < 12; ++size)
    folded[size] = name[size] == '_' ? '-' : static_cast<char>(tolower(static_cast<unsigned char>(name[size])));
  folded[size] = '\0';
  auto begins_with = [&](const char* word) {
    const size_t letters = strlen(word);
    return strncmp(folded, word, letters) == 0 && (folded[letters] == '\0' || folded[letters] == '-');
  };
  if (begins_with("utf-8")) return "utf-8";
  if (begins_with("latin-1") || begins_with("iso-8859-1") || begins_with("iso-latin-1")) return "iso-8859-1";
  return nullptr;
}

bool is_name_character(char c) { return isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.'; }

}  // namespace

Found find_source_encoding(const char* source, Py_ssize_t size, Ref<>* name, int* line) {
  const char* end = source + size;
  const char* begin = source;
  for (*line = 1; *line <= 2 && begin < end; ++*line) {
    const char* stop = begin;
    while (stop < end && *stop != '\n' && *stop != '\r') ++stop;
    const char* at = begin;
    while (at < stop && (*at == ' ' || *at == '\t' || *at == '\f')) ++at;
    if (at < stop && *at != '#') return Found::No;  // code: later lines declare nothing
    for (; stop - at > 6; ++at) {
      if (memcmp(at, "coding", 6) != 0 || (at[6] != ':' && at[6] != '=')) continue;
      const char* first = at + 7;
      while (first < stop && (*first == ' ' || *first == '\t')) ++first;
      const char* last = first;
      while (last < stop && is_name_character(*last)) ++last;
      if (first == last) continue;
      const char* folded = folded_name(first, static_cast<size_t>(last - first));
      *name = steal(folded ? PyUnicode_FromString(folded) : PyUnicode_FromStringAndSize(first, last - first));
      return *name ? Found::Yes : Found::Error;
    }
    if (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n') ++stop;
    begin = stop + 1;
  }
  return Found::No;
}

}  // namespace ks
