// The platform tags of a wheel against what its files ask of the system.
#include <fmt/format.h>

#include <algorithm>

#include "check_module.h"

namespace kingsnake {

namespace {

// What a manylinux tag's system has beside its C library: the newest GLIBCXX_3.4.N.
struct Cxx {
  Release libc;
  int glibcxx;
};
constexpr Cxx kCxx[] = {{{2, 5}, 8}, {{2, 12}, 13}, {{2, 17}, 19}, {{2, 24}, 22}, {{2, 27}, 24}, {{2, 28}, 24}, {{2, 31}, 28}, {{2, 34}, 29}, {{2, 35}, 30}, {{2, 39}, 33}};

Release release_of(std::string_view text) {
  const auto parts = split(text, '.');
  return {parts.empty() ? -1 : to_number(parts[0]), parts.size() > 1 ? to_number(parts[1]) : 0};
}

bool machine_fits(const Image& image, const Platform& platform) {
  const std::string_view wanted = platform.machine;
  const std::string& machine = image.machine;
  switch (platform.kind) {
    case Platform::Kind::Any: case Platform::Kind::Other: return true;
    case Platform::Kind::MacOs:
      if (image.format != Format::MachO) return false;
      if (wanted == "universal2") return machine == "x86_64" || machine == "arm64";
      if (wanted == "intel") return machine == "x86_64" || machine == "i386";
      if (wanted == "universal" || wanted == "fat" || wanted == "fat3" || wanted == "fat64") return true;
      return machine == wanted;
    case Platform::Kind::Windows: return image.format == Format::Pe && (machine == wanted || (wanted == "win32" && machine == "win32"));
    default:
      if (image.format != Format::Elf) return false;
      return machine == wanted || (wanted == "armv6l" && machine == "armv7l") || (wanted == "armv8l" && machine == "armv7l") || (wanted == "i386" && machine == "i686");
  }
}

const char* format_name(Format format) { return format == Format::Elf ? "ELF" : format == Format::MachO ? "Mach-O" : "PE"; }

}  // namespace

void check_platform(const Image& image, const std::string& where, const std::vector<std::string_view>& platforms, bool own_cxx, Result* result) {
  std::string_view bad_machine;
  bool fits = false;
  for (const std::string_view tag : platforms) {
    const Platform platform = parse_platform(tag);
    if (platform.kind == Platform::Kind::Any) {
      result->add(Rule::ext_platform, where, std::string(tag), fmt::format("the wheel is for any platform, and has machine code ({} {})", format_name(image.format), image.machine));
      return;
    }
    if (machine_fits(image, platform)) fits = true;
    else bad_machine = tag;
  }
  if (!fits && !bad_machine.empty()) {
    result->add(Rule::ext_machine, where, std::string(bad_machine), fmt::format("{} {}, the wheel's tag is {}", format_name(image.format), image.machine, bad_machine));
    return;
  }
  Release glibc;
  std::string_view glibc_node;
  int glibcxx = 0;
  for (const auto& [library, node] : image.wanted_versions) {
    if (node.starts_with("GLIBC_"))
      if (const Release one = release_of(node.substr(6)); one > glibc) glibc = one, glibc_node = node;
    if (node.starts_with("GLIBCXX_3.4.")) glibcxx = std::max(glibcxx, to_number(node.substr(12)));
  }
  const bool musl = std::any_of(image.needed.begin(), image.needed.end(), [](std::string_view one) { return one.starts_with("libc.musl-"); });
  const bool glibc_wanted = glibc.major || std::any_of(image.needed.begin(), image.needed.end(), [](std::string_view one) { return one == "libc.so.6"; });
  for (const std::string_view tag : platforms) {
    const Platform platform = parse_platform(tag);
    if (platform.kind == Platform::Kind::ManyLinux) {
      if (musl) result->add(Rule::ext_platform, where, std::string(tag), fmt::format("it is linked to musl's C library, {} promises glibc", tag));
      else if (glibc > platform.release)
        result->add(Rule::ext_platform, where, std::string(tag), fmt::format("it asks for {}, {} promises {}.{}", glibc_node, tag, platform.release.major, platform.release.minor));
      if (!own_cxx && glibcxx) {
        int most = 0;
        for (const Cxx& row : kCxx)
          if (row.libc <= platform.release) most = row.glibcxx;
        if (glibcxx > most)
          result->add(Rule::ext_platform, Severity::Warning, where, std::string(tag), fmt::format("it asks for GLIBCXX_3.4.{}, systems of {} have 3.4.{}", glibcxx, tag, most));
      }
    } else if (platform.kind == Platform::Kind::MuslLinux && glibc_wanted) {
      result->add(Rule::ext_platform, where, std::string(tag), fmt::format("it is linked to glibc, {} promises musl", tag));
    } else if (platform.kind == Platform::Kind::MacOs && image.format == Format::MachO && !image.minimum_system.empty()) {
      // The first macOS on ARM is 11.0, whatever the tag says.
      const Release wanted = release_of(image.minimum_system);
      const Release promised = image.machine == "arm64" ? std::max(platform.release, Release{11, 0}) : platform.release;
      if (wanted > promised)
        result->add(Rule::ext_platform, where, std::string(tag), fmt::format("it asks for macOS {}, {} promises {}.{}", image.minimum_system, tag, platform.release.major, platform.release.minor));
    }
  }
}

}  // namespace kingsnake
