// `kingsnake abi wheel`: wheels, modules, programs and installed distributions.
#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <set>

#include "archive.h"
#include "check_module.h"
#include "file.h"
#include "manifest.h"

namespace kingsnake {

namespace {

std::string promise_text(const Promise& promise) {
  if (promise.kind == Promise::Kind::Stable)
    return (promise.threaded ? "free-threaded stable ABI" : "stable ABI") + (promise.minor >= 0 ? fmt::format(" from 3.{} on", promise.minor) : std::string(", no oldest release said"));
  if (promise.kind == Promise::Kind::Version) return fmt::format("Python 3.{}{}", promise.minor, promise.threaded ? "t" : "");
  return "none";
}

// A file of a wheel or distribution, in memory.
struct Member {
  std::string where;
  Buffer owned;                 // from a wheel
  MappedFile mapped;            // from disk
  ModuleName name;
  std::vector<Image> images;
};

// What the wheel's tags promise for one of its modules.
Promise promise_of(const ModuleName& name, const WheelName* wheel, const WheelOptions& options) {
  Promise promise;
  if (name.kind == ModuleName::Kind::Version) return {Promise::Kind::Version, name.minor, name.threaded, "the file's name"};
  const bool named_stable = name.kind == ModuleName::Kind::Stable || name.kind == ModuleName::Kind::StableThreaded;
  const bool wheel_stable = wheel && (wheel->has_abi("abi3") || wheel->has_abi("abi3t"));
  if (named_stable || wheel_stable) {
    promise.kind = Promise::Kind::Stable;
    promise.threaded = name.kind == ModuleName::Kind::StableThreaded || (wheel && wheel->has_abi("abi3t"));
    promise.source = wheel ? "the wheel's tag" : "the command line";
    promise.minor = wheel ? wheel->minimum() : options.minor.value_or(-1);
    if (promise.minor < 2 && promise.minor >= 0) promise.minor = wheel ? -1 : promise.minor;  // py3: nothing said
    return promise;
  }
  if (wheel) {
    for (const std::string_view abi : wheel->abis)
      if (abi.starts_with("cp3")) {
        std::string_view digits = abi.substr(3);
        while (!digits.empty() && (digits.back() < '0' || digits.back() > '9')) {
          promise.threaded |= digits.back() == 't';
          digits.remove_suffix(1);
        }
        if (const int minor = to_number(digits); minor >= 0) {
          promise.kind = Promise::Kind::Version, promise.minor = minor, promise.source = "the wheel's tag";
          return promise;
        }
      }
  }
  if (options.minor) return {Promise::Kind::Version, *options.minor, false, "the command line"};
  return promise;
}

void check_tags(const Member& member, const WheelName& wheel, const ModuleUse& use, Result* result) {
  if (!use.api && !use.init) return;
  const ModuleName& name = member.name;
  const bool stable = wheel.has_abi("abi3") || wheel.has_abi("abi3t"), none = wheel.has_abi("none");
  if (name.kind == ModuleName::Kind::Version) {
    const std::string wanted = fmt::format("cp3{}{}", name.minor, name.threaded ? "t" : "");
    const bool fits = std::any_of(wheel.abis.begin(), wheel.abis.end(), [&](std::string_view abi) { return abi == wanted || abi == wanted + "m"; });
    if (!fits)
      result->add(Rule::ext_tag, none ? Severity::Warning : Severity::Error, member.where, wanted,
                  fmt::format("the file is for 3.{}{} only, the wheel's ABI tag is {}", name.minor, name.threaded ? "t" : "", fmt::join(wheel.abis, ".")));
  } else if (name.kind == ModuleName::Kind::Stable && !stable) {
    result->add(Rule::ext_tag, Severity::Warning, member.where, "abi3",
                fmt::format("the file says abi3, the wheel's ABI tag {}: later Pythons could use it, installers do not offer it", fmt::join(wheel.abis, ".")));
  } else if (none && use.api && name.kind == ModuleName::Kind::Plain && use.init) {
    result->add(Rule::ext_tag, Severity::Error, member.where, "none", "the wheel's ABI tag is none: it says that no Python ABI is used, and this module uses one");
  }
}

std::set<std::string> expand(const WheelName& wheel) {
  std::set<std::string> tags;
  for (const auto python : wheel.pythons)
    for (const auto abi : wheel.abis)
      for (const auto platform : wheel.platforms) tags.insert(fmt::format("{}-{}-{}", python, abi, platform));
  return tags;
}

// The tags in the file WHEEL are those of the name.
void check_wheel_file(std::string_view text, const WheelName& wheel, Result* result) {
  std::set<std::string> inside;
  for (std::string_view line : split(text, '\n')) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!line.starts_with("Tag:")) continue;
    line.remove_prefix(4);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    WheelName tag;
    const auto parts = split(line, '-');
    if (parts.size() != 3) {
      result->add(Rule::ext_tag, "WHEEL", std::string(line), fmt::format("\"{}\" is no tag", line));
      continue;
    }
    tag.pythons = split(parts[0], '.'), tag.abis = split(parts[1], '.'), tag.platforms = split(parts[2], '.');
    for (const std::string& one : expand(tag)) inside.insert(one);
  }
  if (inside.empty()) {
    result->add(Rule::ext_tag, Severity::Warning, "WHEEL", "", "it has no tags");
    return;
  }
  const std::set<std::string> outside = expand(wheel);
  if (inside == outside) return;
  auto without_platform = [](const std::set<std::string>& tags) {
    std::set<std::string> kept;
    for (const std::string& one : tags) kept.insert(one.substr(0, one.find('-', one.find('-') + 1)));
    return kept;
  };
  const bool same_python = without_platform(inside) == without_platform(outside);
  result->add(Rule::ext_tag, same_python ? Severity::Warning : Severity::Error, "WHEEL", "",
              fmt::format("the file WHEEL says {}, the wheel's name {}", fmt::join(inside, " "), fmt::join(outside, " ")));
}

void judge(std::list<Member>& members, const WheelName* wheel, const WheelOptions& options, const Provider* provider, Result* result) {
  std::set<std::string> provided;
  NameSet siblings;
  bool own_cxx = false;
  for (const Member& member : members) {
    if (member.where.find("libstdc++") != std::string::npos) own_cxx = true;
    for (const Image& image : member.images)
      if (!image.program)
        for (const Export& one : image.exports)
          if (is_api_name(one.name) && !manifest::find_name(one.name)) siblings.insert(one.name);
  }
  size_t modules = 0, libraries = 0, stable = 0, beyond = 0;
  int needs = 0;
  bool all_stable = true;
  std::string promised;
  int promised_minor = -1;
  for (const Member& member : members) {
    const Promise promise = promise_of(member.name, wheel, options);
    bool counted = false;
    for (const Image& image : member.images) {
      const std::string where = member.images.size() > 1 ? fmt::format("{} ({})", member.where, image.machine) : member.where;
      const ModuleUse use = check_module(image, where, member.name, promise, siblings, result);
      if (wheel) check_platform(image, where, wheel->platforms, own_cxx, result);
      if (wheel && &image == &member.images[0]) check_tags(member, *wheel, use, result);
      if (provider && image.format == provider->image->format) check_provider(image, where, siblings, *provider, result);
      if (use.api || use.init) {
        if (!counted) {
          ++modules;
          stable += use.stable, beyond += use.beyond;
          counted = true;
        }
        needs = std::max(needs, use.needs);
        if (promise.kind != Promise::Kind::Stable) all_stable = false;
        else promised_minor = std::max(promised_minor, promise.minor);
        if (promised.find(promise_text(promise)) == std::string::npos) promised += (promised.empty() ? "" : "; ") + promise_text(promise);
      }
    }
    if (!counted) ++libraries;
  }
  result->fact("modules", fmt::format("{} with the C API, {} other libraries", modules, libraries));
  if (!modules) return;
  result->fact("promise", promised);
  result->fact("names", fmt::format("{} of the stable ABI, {} beyond it", stable, beyond));
  if (beyond == 0) result->fact("true minimum", fmt::format("3.{}", std::max(needs, 2)));
  else result->fact("true minimum", fmt::format("none: {} names outside the stable ABI bind it to one release", beyond));
  if (all_stable && beyond == 0 && promised_minor >= 0 && needs < promised_minor && result->count(Severity::Error) == 0)
    result->add(Rule::ext_overclaim, "", "", fmt::format("the names need 3.{}, the promise is 3.{}", std::max(needs, 2), promised_minor));
}

void check_wheel(Bytes bytes, const WheelOptions& options, const Provider* provider, Result* result) {
  const std::string file = result->path.substr(result->path.rfind('/') + 1);
  result->kind = "wheel";
  WheelName wheel;
  const std::string bad_name = parse_wheel_name(file, &wheel);
  Archive archive;
  if (!archive.open(bytes, &result->error)) return;
  if (!bad_name.empty()) {
    result->error = bad_name;
    return;
  }
  std::list<Member> members;
  uint64_t total = 0;
  bool has_wheel_file = false;
  for (const Archive::Entry& entry : archive.entries()) {
    if (entry.folder) continue;
    const bool is_wheel_file = entry.name.ends_with(".dist-info/WHEEL") && std::count(entry.name.begin(), entry.name.end(), '/') == 1;
    ModuleName name;
    if (!is_wheel_file && !parse_module_name(entry.name, &name)) continue;
    Buffer content;
    if (!archive.read(entry, is_wheel_file ? uint64_t{1} << 20 : options.limit, &content, &result->error)) return;
    if (is_wheel_file) {
      has_wheel_file = true;
      check_wheel_file({reinterpret_cast<const char*>(content.data()), content.size()}, wheel, result);
      continue;
    }
    if ((total += content.size()) > options.limit * 4) {
      result->error = fmt::format("its libraries have more than {} bytes together (--limit)", options.limit * 4);
      return;
    }
    Member& member = members.emplace_back();
    member.where = entry.name;
    member.owned = std::move(content);
    // The name's views must point to text that stays.
    if (!parse_module_name(member.where, &member.name)) continue;
    std::string reason;
    const bool deep = member.name.kind == ModuleName::Kind::StableThreaded || wheel.has_abi("abi3t");
    const Reading reading = read_images({member.owned.data(), member.owned.size()}, deep, &member.images, &reason);
    if (reading == Reading::Broken) {
      result->error = fmt::format("{}: {}", entry.name, reason);
      return;
    }
    // Linker scripts and the like have such names too.
    if (reading == Reading::NotThis) members.pop_back();
  }
  if (!has_wheel_file) result->add(Rule::ext_tag, Severity::Warning, "", "WHEEL", "there is no .dist-info/WHEEL");
  result->fact("tag", fmt::format("{}-{}-{}", fmt::join(wheel.pythons, "."), fmt::join(wheel.abis, "."), fmt::join(wheel.platforms, ".")));
  judge(members, &wheel, options, provider, result);
}

}  // namespace

Result check_input(const Input& input, const WheelOptions& options, const Provider* provider) {
  Result result;
  result.path = input.path;
  std::list<Member> members;
  if (input.kind == Input::Kind::Distribution) {
    result.kind = "distribution";
    WheelName wheel;
    const std::string folder = input.path.substr(0, input.path.rfind('/') + 1);
    for (const std::string& path : input.files) {
      Member& member = members.emplace_back();
      member.where = path.starts_with(folder) ? path.substr(folder.size()) : path;
      std::string reason;
      if (!parse_module_name(member.where, &member.name) || !member.mapped.open(path, &reason)) {
        result.error = path + ": " + (reason.empty() ? "no module's name" : reason);
        return result;
      }
      const Reading reading = read_images(member.mapped.bytes(), member.name.kind == ModuleName::Kind::StableThreaded, &member.images, &reason);
      if (reading == Reading::Broken) {
        result.error = path + ": " + reason;
        return result;
      }
      if (reading == Reading::NotThis) members.pop_back();
    }
    judge(members, nullptr, options, provider, &result);
    return result;
  }
  MappedFile file;
  if (!file.open(input.path, &result.error)) return result;
  const Bytes bytes = file.bytes();
  if (input.path.ends_with(".whl") || (bytes.holds(0, 4) && memcmp(bytes.data(), "PK\3\4", 4) == 0)) {
    check_wheel(bytes, options, provider, &result);
    return result;
  }
  Member& member = members.emplace_back();
  const std::string base = input.path.substr(input.path.rfind('/') + 1);
  if (!parse_module_name(base, &member.name)) member.name.base = base;
  const Reading reading = read_images(bytes, member.name.kind == ModuleName::Kind::StableThreaded, &member.images, &result.error);
  if (reading == Reading::NotThis) {
    result.error = "neither a wheel nor ELF, Mach-O or PE";
    result.skipped = input.found;
  }
  if (reading != Reading::Fine) return result;
  result.kind = member.images[0].program ? "program" : "module";
  judge(members, nullptr, options, provider, &result);
  return result;
}

}  // namespace kingsnake
