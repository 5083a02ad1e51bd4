// What a program's dynamic section says about the libraries it wants.
#pragma once

#include <string>
#include <vector>

namespace kingsnake {

struct DynamicSection {
  std::vector<std::string> needed;  // DT_NEEDED, in order
  std::string rpath;                // DT_RPATH: searched before LD_LIBRARY_PATH
  std::string runpath;              // DT_RUNPATH: searched after it, and makes the loader ignore DT_RPATH
  std::string soname;
  std::string interpreter;          // the program's loader; "" for libraries and static programs
};

// Reads an ELF file; false with a reason.
bool read_dynamic_section(const std::string& path, DynamicSection* section, std::string* reason);

}  // namespace kingsnake
