// Mach-O: load commands and the symbol table; universal files are several images.
#include <algorithm>

#include "image.h"

namespace kingsnake {
namespace {

constexpr uint32_t kMagic32 = 0xfeedface, kMagic64 = 0xfeedfacf, kFat = 0xcafebabe, kFat64 = 0xcafebabf;

std::string machine_name(uint32_t type) {
  switch (type) {
    case 0x01000007: return "x86_64";
    case 7: return "i386";
    case 0x0100000c: return "arm64";
    case 12: return "arm";
    case 18: return "ppc";
    case 0x01000012: return "ppc64";
    default: return "machine " + std::to_string(type);
  }
}

std::string release(uint32_t packed) { return std::to_string(packed >> 16) + "." + std::to_string(packed >> 8 & 0xff); }

// Names have an underscore before them.
std::string_view bare(std::string_view name) { return !name.empty() && name[0] == '_' ? name.substr(1) : name; }

Reading read_slice(Bytes bytes, Image* image, std::string* reason) {
  auto broken = [&](const char* text) {
    *reason = text;
    return Reading::Broken;
  };
  if (!bytes.holds(0, 28)) return broken("Mach-O: the header is not whole");
  uint32_t magic = bytes.u32(0);
  if (magic != kMagic32 && magic != kMagic64) {
    bytes.set_big_endian(true);
    magic = bytes.u32(0);
    if (magic != kMagic32 && magic != kMagic64) return broken("Mach-O: a slice without a Mach-O header");
  }
  image->format = Format::MachO;
  image->bytes = bytes;
  image->is_64 = magic == kMagic64;
  image->machine = machine_name(bytes.u32(4));
  const uint32_t type = bytes.u32(12), count = bytes.u32(16);
  image->program = type == 2;
  uint64_t offset = image->is_64 ? 32 : 28;
  const uint64_t end = offset + bytes.u32(20);
  if (!bytes.holds(0, end)) return broken("Mach-O: the load commands do not lie within the file");
  uint64_t symbols = 0, symbol_count = 0, names_offset = 0, names_size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (offset + 8 > end) return broken("Mach-O: the load commands do not end where they say");
    const uint32_t kind = bytes.u32(offset) & 0x7fffffff, size = bytes.u32(offset + 4);
    if (size < 8 || size > end - offset) return broken("Mach-O: a load command is larger than their table");
    const Bytes command = bytes.part(offset, size);
    switch (kind) {
      case 0x0c: case 0x18: case 0x1f: case 0x20: case 0x23:  // load dylib: plain, weak, reexported, lazy, upward
        if (size >= 12) image->needed.push_back(command.text(command.u32(8)));
        break;
      case 0x0d: if (size >= 12) image->soname = command.text(command.u32(8)); break;
      case 0x1c: if (size >= 12) image->runpath = command.text(command.u32(8)); break;
      case 0x24: if (size >= 12) image->minimum_system = release(command.u32(8)); break;
      case 0x32: if (size >= 16) image->minimum_system = release(command.u32(12)); break;
      case 0x02:
        if (size >= 24) symbols = command.u32(8), symbol_count = command.u32(12), names_offset = command.u32(16), names_size = command.u32(20);
        break;
      case 0x19:
        if (size >= 72) {
          const uint64_t address = command.u64(24), file_offset = command.u64(40), file_size = command.u64(48);
          if (image->segments.size() < 1024) image->segments.push_back({address, file_size, file_offset});
          const uint32_t sections = command.u32(64);
          for (uint64_t k = 0; k < sections && command.holds(72 + k * 80, 80); ++k) {
            const Bytes section = command.part(72 + k * 80, 80);
            const uint64_t where = section.u32(48), length = section.u64(40);
            const uint32_t flags = section.u32(64);
            const std::string_view name(reinterpret_cast<const char*>(section.data()), strnlen(reinterpret_cast<const char*>(section.data()), 16));
            if ((flags & 0xff) == 1 || (flags & 0xff) == 12 || !bytes.holds(where, length)) continue;  // zero-filled
            const bool code = flags & 0x80000400;
            image->sections.push_back({name, section.u64(32), length, bytes.part(where, length), code, !code});
          }
        }
        break;
      default: break;
    }
    offset += size;
  }
  const uint64_t entry = image->is_64 ? 16 : 12;
  if (!bytes.holds(symbols, symbol_count * entry) || !bytes.holds(names_offset, names_size))
    return broken("Mach-O: the symbol table does not lie within the file");
  const Bytes table = bytes.part(symbols, symbol_count * entry), names = bytes.part(names_offset, names_size);
  for (uint64_t i = 0; i < symbol_count; ++i) {
    const uint64_t start = i * entry;
    const uint8_t kind = table.u8(start + 4);
    const uint32_t name_offset = table.u32(start);
    if (kind & 0xe0 || !(kind & 1) || name_offset >= names.size()) continue;  // debugging entries and local names
    const std::string_view name = bare(names.text(name_offset));
    const uint16_t description = table.u16(start + 6);
    const uint64_t address = image->is_64 ? table.u64(start + 8) : table.u32(start + 8);
    if ((kind & 0x0e) == 0 && address == 0) {
      Import import{name, SymbolKind::Unknown, (description & 0x40) != 0, false, {}, {}};
      const unsigned ordinal = description >> 8;
      if (ordinal >= 1 && ordinal <= image->needed.size() && ordinal < 0xfd) import.library = image->needed[ordinal - 1];
      image->imports.push_back(import);
    } else if ((kind & 0x0e) == 0x0e && !(kind & 0x10)) {
      image->exports.push_back({name, SymbolKind::Unknown, (description & 0x80) != 0, false, false, address, 0, {}});
    }
  }
  return Reading::Fine;
}

}  // namespace

Reading read_macho(Bytes bytes, std::vector<Image>* slices, std::string* reason) {
  if (!bytes.holds(0, 8)) return Reading::NotThis;
  Bytes big = bytes;
  big.set_big_endian(true);
  const uint32_t magic = big.u32(0), other = bytes.u32(0);
  if (magic == kFat || magic == kFat64) {
    const uint32_t count = big.u32(4);
    if (count == 0 || count > 32) return Reading::NotThis;  // Java classes have the same first bytes
    const uint64_t entry = magic == kFat64 ? 32 : 20;
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t start = 8 + i * entry;
      const uint64_t offset = magic == kFat64 ? big.u64(start + 8) : big.u32(start + 8), size = magic == kFat64 ? big.u64(start + 16) : big.u32(start + 12);
      if (!big.holds(start, entry) || !bytes.holds(offset, size)) {
        *reason = "Mach-O: a slice does not lie within the file (is it cut off?)";
        return Reading::Broken;
      }
      Image image;
      const Reading reading = read_slice(bytes.part(offset, size), &image, reason);
      if (reading != Reading::Fine) return reading;
      slices->push_back(std::move(image));
    }
    return Reading::Fine;
  }
  if (magic != kMagic32 && magic != kMagic64 && other != kMagic32 && other != kMagic64) return Reading::NotThis;
  Image image;
  const Reading reading = read_slice(bytes, &image, reason);
  if (reading == Reading::Fine) slices->push_back(std::move(image));
  return reading;
}

}  // namespace kingsnake
