// One module or library of a wheel against what is promised for it.
#pragma once

#include <unordered_set>

#include "checks.h"
#include "tags.h"

namespace kingsnake {

struct Promise {
  enum class Kind { Nothing, Stable, Version } kind = Kind::Nothing;
  int minor = -1;          // Stable: the oldest release, -1: not said; Version: the release
  bool threaded = false;   // free-threaded build or stable ABI
  std::string source;      // where it is from, for messages: the wheel's tag, the file's name
};

struct ModuleUse {
  bool api = false;        // it uses the C API
  bool init = false;       // it has an init function
  int needs = 0;           // the smallest 3.x that has all names of the stable ABI that it uses
  size_t stable = 0, beyond = 0;
};

using NameSet = std::unordered_set<std::string_view>;

// `siblings`: names that other files of the same wheel export.
ModuleUse check_module(const Image& image, const std::string& where, const ModuleName& name, const Promise& promise, const NameSet& siblings, Result* result);
// The platform tags of a wheel against one file.
void check_platform(const Image& image, const std::string& where, const std::vector<std::string_view>& platforms, bool own_cxx, Result* result);
// Would it load against that libpython?
void check_provider(const Image& image, const std::string& where, const NameSet& siblings, const Provider& provider, Result* result);

}  // namespace kingsnake
