// What DWARF says about structs and functions (libdw).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bytes.h"

namespace kingsnake {

struct DebugField {
  std::string name;
  uint64_t offset, size;  // bits
};
struct DebugStruct {
  uint64_t size = 0;      // bytes
  std::vector<DebugField> fields;  // those of unnamed members under their own names, of unnamed structs as a.b
};
struct DebugInfo {
  std::map<std::string, DebugStruct, std::less<>> structs;      // by typedef and by tag
  std::map<std::string, std::string, std::less<>> functions;    // exported name -> machine signature, as in the manifest
};

// Structs and functions for which `wanted` says so. False with a reason: no or broken debug information.
bool read_debug_info(Bytes bytes, bool (*wanted)(std::string_view), DebugInfo* info, std::string* reason);

}  // namespace kingsnake
