#include "image.h"

#include <algorithm>

namespace kingsnake {

const Export* Image::find_export(std::string_view name) const {
  const auto at = std::lower_bound(exports.begin(), exports.end(), name, [](const Export& e, std::string_view n) { return e.name < n; });
  return at != exports.end() && at->name == name ? &*at : nullptr;
}

Bytes Image::at(uint64_t address) const {
  for (const Segment& segment : segments)
    if (address >= segment.address && address - segment.address < segment.size) {
      const uint64_t within = address - segment.address;
      if (segment.offset > bytes.size() || within > bytes.size() - segment.offset) return {};
      const uint64_t start = segment.offset + within;
      return bytes.part(start, std::min<uint64_t>(segment.size - within, bytes.size() - start));
    }
  return {};
}

Reading read_images(Bytes bytes, bool deep, std::vector<Image>* images, std::string* reason) {
  Image image;
  Reading reading = read_elf(bytes, deep, &image, reason);
  if (reading == Reading::NotThis) reading = read_macho(bytes, images, reason);
  else if (reading == Reading::Fine) images->push_back(std::move(image));
  if (reading == Reading::NotThis) {
    Image other;
    reading = read_pe(bytes, &other, reason);
    if (reading == Reading::Fine) images->push_back(std::move(other));
  }
  for (Image& one : *images)
    std::sort(one.exports.begin(), one.exports.end(), [](const Export& a, const Export& b) {
      // The default version of a name comes first.
      if (a.name != b.name) return a.name < b.name;
      return a.hidden_version != b.hidden_version ? a.hidden_version < b.hidden_version : a.address < b.address;
    });
  return reading;
}

}  // namespace kingsnake
