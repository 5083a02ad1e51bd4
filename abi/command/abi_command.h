// `kingsnake abi`: what the command line says, and its work.
#pragma once

#include <string>
#include <vector>

#include "checks.h"

namespace kingsnake {

struct AbiCommand {
  std::vector<std::string> arguments;  // files, folders, names
  LibraryOptions library;
  WheelOptions wheel;
  std::vector<std::string> libraries;  // explain --in
  bool json = false, sarif = false, verbose = false, quiet = false, strict = false;
  std::string colour = "auto";
  unsigned jobs = 0;                   // 0: one for each processor
  uint64_t limit_mib = 1024;

  int run_library() const;
  int run_wheel() const;
  int run_explain() const;

 private:
  Style style() const;
  int finish(std::vector<Result>& results, const char* command) const;
};

}  // namespace kingsnake
