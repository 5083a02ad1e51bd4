#include "tags.h"

#include <algorithm>

namespace kingsnake {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

int to_number(std::string_view text) {
  if (text.empty() || text.size() > 6) return -1;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool WheelName::has_abi(std::string_view abi) const { return std::find(abis.begin(), abis.end(), abi) != abis.end(); }

int WheelName::minimum() const {
  int smallest = -1;
  for (const std::string_view tag : pythons)
    if ((tag.starts_with("cp3") || tag.starts_with("py3")) && tag.size() > 3)
      if (const int minor = to_number(tag.substr(3)); minor >= 0 && (smallest < 0 || minor < smallest)) smallest = minor;
  return smallest;
}

std::string parse_wheel_name(std::string_view file, WheelName* name) {
  if (!file.ends_with(".whl")) return "its name does not end with .whl";
  file.remove_suffix(4);
  const auto parts = split(file, '-');
  if (parts.size() != 5 && parts.size() != 6) return "its name is not NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl";
  name->name = parts[0];
  name->version = parts[1];
  name->pythons = split(parts[parts.size() - 3], '.');
  name->abis = split(parts[parts.size() - 2], '.');
  name->platforms = split(parts[parts.size() - 1], '.');
  for (const auto& list : {name->pythons, name->abis, name->platforms})
    for (const std::string_view one : list)
      if (one.empty()) return "a tag in its name is empty";
  return "";
}

bool parse_module_name(std::string_view path, ModuleName* name) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  const size_t first = file.find('.');
  if (first == 0 || first == std::string_view::npos) return false;
  name->base = file.substr(0, first);
  const size_t last = file.rfind('.');
  name->extension = file.substr(last + 1);
  const bool versioned = file.find(".so.") != std::string_view::npos;  // libfoo.so.1.2
  if (!versioned && name->extension != "so" && name->extension != "pyd" && name->extension != "dylib" && name->extension != "dll") return false;
  if (versioned) {
    name->extension = "so";
    return true;
  }
  const std::string_view tag = first < last ? file.substr(first + 1, last - first - 1) : std::string_view{};
  name->tag = tag;
  if (tag == "abi3" || tag.starts_with("abi3-")) name->kind = ModuleName::Kind::Stable, name->platform = tag.substr(std::min<size_t>(5, tag.size()));
  else if (tag == "abi3t") name->kind = ModuleName::Kind::StableThreaded;
  else if (tag.starts_with("cpython-3") || tag.starts_with("cp3")) {
    std::string_view rest = tag.substr(tag.starts_with("cpython-3") ? 9 : 3);
    size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
    const int minor = to_number(rest.substr(0, digits));
    if (minor < 0) return true;
    name->kind = ModuleName::Kind::Version;
    name->minor = minor;
    rest.remove_prefix(digits);
    while (!rest.empty() && rest[0] != '-') {
      if (rest[0] == 't') name->threaded = true;
      if (rest[0] == 'd') name->debug = true;
      rest.remove_prefix(1);
    }
    name->platform = rest.empty() ? rest : rest.substr(1);
  }
  return true;
}

Platform parse_platform(std::string_view tag) {
  Platform platform;
  if (tag == "any") platform.kind = Platform::Kind::Any;
  else if (tag == "win32") platform.kind = Platform::Kind::Windows, platform.machine = "win32";
  else if (tag.starts_with("win_")) platform.kind = Platform::Kind::Windows, platform.machine = tag.substr(4);
  else if (tag.starts_with("linux_")) platform.kind = Platform::Kind::Linux, platform.machine = tag.substr(6);
  else if (tag.starts_with("manylinux1_")) platform = {Platform::Kind::ManyLinux, {2, 5}, tag.substr(11)};
  else if (tag.starts_with("manylinux2010_")) platform = {Platform::Kind::ManyLinux, {2, 12}, tag.substr(14)};
  else if (tag.starts_with("manylinux2014_")) platform = {Platform::Kind::ManyLinux, {2, 17}, tag.substr(14)};
  else if (tag.starts_with("manylinux_") || tag.starts_with("musllinux_") || tag.starts_with("macosx_")) {
    platform.kind = tag[0] == 'm' && tag[1] == 'a' && tag[2] == 'n' ? Platform::Kind::ManyLinux : tag[1] == 'u' ? Platform::Kind::MuslLinux : Platform::Kind::MacOs;
    std::string_view rest = tag.substr(tag.find('_') + 1);
    const size_t first = rest.find('_');
    const size_t second = first == std::string_view::npos ? first : rest.find('_', first + 1);
    if (second == std::string_view::npos) return {};
    platform.release = {to_number(rest.substr(0, first)), to_number(rest.substr(first + 1, second - first - 1))};
    platform.machine = rest.substr(second + 1);
  }
  return platform;
}

}  // namespace kingsnake
