// What the names of wheels and modules promise (packaging.python.org: wheel file names, platform tags; PEP 3149).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kingsnake {

std::vector<std::string_view> split(std::string_view text, char separator);
int to_number(std::string_view text);  // -1: not a number

struct WheelName {
  std::string_view name, version;
  std::vector<std::string_view> pythons, abis, platforms;
  bool has_abi(std::string_view abi) const;
  // The smallest 3.x of the Python tags; -1: none names one.
  int minimum() const;
};
// "" and filled, or the reason why it is no wheel's name. `file` is without a folder.
std::string parse_wheel_name(std::string_view file, WheelName* name);

// NAME[.TAG].so|pyd|dylib|dll
struct ModuleName {
  enum class Kind { Plain, Stable, StableThreaded, Version } kind = Kind::Plain;
  std::string_view base;      // the module's own name
  std::string_view tag;       // abi3, cpython-314-x86_64-linux-gnu, cp314-win_amd64
  std::string_view platform;  // x86_64-linux-gnu, win_amd64, darwin
  std::string_view extension;
  int minor = -1;
  bool threaded = false;      // cpython-314t
  bool debug = false;
};
// False: no file that may be a module or library.
bool parse_module_name(std::string_view path, ModuleName* name);

struct Release {
  int major = 0, minor = 0;
  auto operator<=>(const Release&) const = default;
};
// Platform tags: the C library's release that a manylinux or musllinux tag admits at least; the system's of a macosx tag.
struct Platform {
  enum class Kind { Any, Linux, ManyLinux, MuslLinux, MacOs, Windows, Other } kind = Kind::Other;
  Release release;
  std::string_view machine;
};
Platform parse_platform(std::string_view tag);

}  // namespace kingsnake
