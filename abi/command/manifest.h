// The manifest as tables in the program: generated from abi/*.tsv (abi/generate --tables), sorted by name. abi/README.md says
// what the columns mean.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace kingsnake::manifest {

enum class Form : uint8_t { Function, Inline, Macro, Data };
enum class Level : uint8_t { Stable, Limited, Full, Unstable, Private };

constexpr int kMinor = 14;  // the release that the tables are about: 3.14

struct Name {
  const char* name;
  Form form;
  Level level;
  bool exported;
  uint8_t stable_since;   // minor release, 0: not in the stable ABI
  uint8_t limited_since;  // smallest Py_LIMITED_API that shows it, 0: none
  uint32_t size;          // data only
  const char* added;
  const char* deprecated;
  const char* removal;
  const char* condition;
  const char* header;
  const char* page;
  const char* machine;
  const char* signature;  // of data: its type
  const char* result;
  const char* error;
  const char* stolen;
  const char* nullable;
};

struct Field {
  const char* name;
  uint32_t offset;  // bits
  uint32_t size;    // bits
  bool bits;
  Level level;
  const char* type;
};

struct Struct {
  const char* name;
  const char* tag;
  uint32_t size, alignment;
  Level level;
  uint8_t stable_since;
  const char* header;
  uint32_t first, count;  // of fields()
};

struct Constant {
  const char* name;
  const char* kind;
  const char* type;
  const char* value;
  Level level;
  uint8_t limited_since;
  const char* header;
  const char* page;
};

std::span<const Name> names();
std::span<const Struct> structs();
std::span<const Field> fields();
std::span<const Constant> constants();

inline std::span<const Field> fields_of(const Struct& row) { return fields().subspan(row.first, row.count); }

template <class Row>
const Row* find(std::span<const Row> rows, std::string_view name) {
  size_t low = 0, high = rows.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (std::string_view(rows[middle].name) < name) low = middle + 1;
    else high = middle;
  }
  return low < rows.size() && rows[low].name == name ? &rows[low] : nullptr;
}
inline const Name* find_name(std::string_view name) { return find(names(), name); }

inline const char* level_name(Level level) {
  constexpr const char* names[] = {"stable", "limited", "full", "unstable", "private"};
  return names[static_cast<int>(level)];
}
inline const char* form_name(Form form) {
  constexpr const char* names[] = {"function", "inline function", "macro", "data"};
  return names[static_cast<int>(form)];
}

}  // namespace kingsnake::manifest
