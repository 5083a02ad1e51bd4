// libFuzzer targets for everything in `kingsnake abi` that reads bytes which nobody vouches for. One program for each TARGET.
#include <cstdlib>
#include <string>

#include "archive.h"
#include "check_module.h"
#include "debug_info.h"
#include "manifest.h"

using namespace kingsnake;

namespace {

// What the checks do with an image that could be read.
void use(const std::vector<Image>& images) {
  for (const Image& image : images) {
    Result result;
    const ModuleName name{ModuleName::Kind::StableThreaded, "spam", "abi3t", {}, "so"};
    const NameSet siblings;
    check_module(image, "spam", name, {Promise::Kind::Stable, 9, true, "the fuzzer"}, siblings, &result);
    check_platform(image, "spam", {"manylinux2014_x86_64", "musllinux_1_2_x86_64", "macosx_11_0_arm64", "win_amd64"}, false, &result);
    check_provider(image, "spam", siblings, {"", &image}, &result);
    library_version(image, "libpython3.14.so.1.0");
    not_implemented(image);
  }
}

[[maybe_unused]] void image(const uint8_t* data, size_t size, bool deep) {
  std::vector<Image> images;
  std::string reason;
  if (read_images({data, size}, deep, &images, &reason) == Reading::Fine) use(images);
}

[[maybe_unused]] void archive(const uint8_t* data, size_t size) {
  Archive one;
  std::string reason;
  if (!one.open({data, size}, &reason)) return;
  uint64_t total = 0;
  for (const Archive::Entry& entry : one.entries()) {
    Buffer content;
    if (one.read(entry, uint64_t{1} << 20, &content, &reason)) total += content.size();
    if (total > uint64_t{8} << 20) break;
  }
}

[[maybe_unused]] void debug(const uint8_t* data, size_t size) {
  DebugInfo info;
  std::string reason;
  std::vector<uint8_t> copy(data, data + size);
  read_debug_info({copy.data(), copy.size()}, [](std::string_view) { return true; }, &info, &reason);
}

[[maybe_unused]] void names(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  WheelName wheel;
  if (parse_wheel_name(text, &wheel).empty())
    for (const auto platform : wheel.platforms) parse_platform(platform);
  wheel.minimum();
  ModuleName module;
  parse_module_name(text, &module);
  parse_platform(text);
  manifest::find_name(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
#if defined TARGET_image
  image(data, size, false);
#elif defined TARGET_deep
  image(data, size, true);
#elif defined TARGET_archive
  archive(data, size);
#elif defined TARGET_debug
  debug(data, size);
#elif defined TARGET_names
  names(data, size);
#else
#error no target
#endif
  return 0;
}
