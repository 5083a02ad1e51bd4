// PE: import, delayed import and export tables of Windows libraries.
#include <algorithm>

#include "image.h"

namespace kingsnake {
namespace {

struct Reader {
  Bytes bytes;
  Image* image;

  struct Part {
    uint32_t address, size, offset, file_size;
  };
  std::vector<Part> parts;

  // The bytes at a relative address, to the end of their section.
  Bytes at(uint64_t address) const {
    for (const Part& part : parts)
      if (address >= part.address && address - part.address < part.file_size) {
        const uint64_t within = address - part.address;
        if (!bytes.holds(part.offset, within)) return {};
        return bytes.part(part.offset + within, std::min<uint64_t>(part.file_size - within, bytes.size() - part.offset - within));
      }
    return {};
  }
  std::string_view text(uint64_t address) const {
    const Bytes there = at(address);
    return there.size() ? there.text(0) : std::string_view{};
  }

  void read_thunks(uint64_t address, std::string_view library, bool lazy) {
    const Bytes table = at(address);
    const uint64_t width = image->is_64 ? 8 : 4;
    for (uint64_t i = 0; table.holds(i * width, width) && image->imports.size() < 1000000; ++i) {
      const uint64_t entry = image->is_64 ? table.u64(i * width) : table.u32(i * width);
      if (!entry) break;
      const bool by_number = entry >> (image->is_64 ? 63 : 31);
      if (by_number) continue;
      const std::string_view name = text((entry & 0x7fffffff) + 2);
      if (!name.empty()) image->imports.push_back({name, SymbolKind::Unknown, false, lazy, library, {}});
    }
  }
  void read_imports(uint64_t address) {
    const Bytes table = at(address);
    for (uint64_t start = 0; table.holds(start, 20) && image->needed.size() < 4096; start += 20) {
      const uint32_t lookup = table.u32(start), name = table.u32(start + 12), thunks = table.u32(start + 16);
      if (!name) break;
      const std::string_view library = text(name);
      image->needed.push_back(library);
      read_thunks(lookup ? lookup : thunks, library, false);
    }
  }
  void read_delayed(uint64_t address) {
    const Bytes table = at(address);
    for (uint64_t start = 0; table.holds(start, 32) && image->needed.size() < 4096; start += 32) {
      if (!table.u32(start + 4)) break;
      const std::string_view library = text(table.u32(start + 4));
      image->needed.push_back(library);
      read_thunks(table.u32(start + 16), library, true);
    }
  }
  void read_exports(uint64_t address) {
    const Bytes table = at(address);
    if (!table.holds(0, 40)) return;
    image->soname = text(table.u32(12));
    const uint64_t functions = table.u32(20), count = table.u32(24);
    const Bytes names = at(table.u32(32)), numbers = at(table.u32(36)), addresses = at(table.u32(28));
    for (uint64_t i = 0; i < count && names.holds(i * 4, 4); ++i) {
      const std::string_view name = text(names.u32(i * 4));
      if (name.empty()) continue;
      uint64_t where = 0;
      if (numbers.holds(i * 2, 2))
        if (const uint64_t number = numbers.u16(i * 2); number < functions && addresses.holds(number * 4, 4)) where = addresses.u32(number * 4);
      image->exports.push_back({name, SymbolKind::Unknown, false, false, false, where, 0, {}});
    }
  }
};

}  // namespace

Reading read_pe(Bytes bytes, Image* image, std::string* reason) {
  if (!bytes.holds(0, 2) || bytes.u8(0) != 'M' || bytes.u8(1) != 'Z') return Reading::NotThis;
  auto broken = [&](const char* text) {
    *reason = text;
    return Reading::Broken;
  };
  if (!bytes.holds(0, 64)) return broken("PE: the header is not whole");
  const uint64_t header = bytes.u32(60);
  if (!bytes.holds(header, 24) || bytes.u32(header) != 0x4550) return broken("PE: the header is not within the file");
  image->format = Format::Pe;
  image->bytes = bytes;
  const uint16_t machine = bytes.u16(header + 4), count = bytes.u16(header + 6), optional_size = bytes.u16(header + 20), flags = bytes.u16(header + 22);
  image->machine = machine == 0x8664 ? "amd64" : machine == 0x14c ? "win32" : machine == 0xaa64 ? "arm64" : machine == 0x1c4 ? "arm32"
                   : "machine " + std::to_string(machine);
  image->program = !(flags & 0x2000);
  const uint64_t optional = header + 24;
  const uint16_t magic = bytes.holds(optional, 2) ? bytes.u16(optional) : 0;
  if (magic != 0x20b && magic != 0x10b) return broken("PE: the optional header is missing");
  image->is_64 = magic == 0x20b;
  const uint64_t directories = optional + (image->is_64 ? 112 : 96), table = optional + optional_size;
  if (!bytes.holds(optional, optional_size) || directories > table || !bytes.holds(table, count * 40ull)) return broken("PE: the section table is not within the file");
  const uint32_t directory_count = bytes.u32(directories - 4);
  Reader reader{bytes, image, {}};
  for (uint64_t i = 0; i < count; ++i) {
    const Bytes section = bytes.part(table + i * 40, 40);
    const uint32_t size = section.u32(16), offset = section.u32(20);
    if (size && !bytes.holds(offset, size)) return broken("PE: a section does not lie within the file (is it cut off?)");
    if (i < 1024) reader.parts.push_back({section.u32(12), section.u32(8), offset, size});
    const auto* text = reinterpret_cast<const char*>(section.data());
    const bool code = section.u32(36) & 0x20;
    image->sections.push_back({std::string_view(text, strnlen(text, 8)), section.u32(12), size, bytes.part(offset, size), code, !code});
  }
  auto directory = [&](uint32_t index) -> uint32_t {
    const uint64_t where = directories + index * 8ull;
    return index < directory_count && where + 8 <= table ? bytes.u32(where) : 0;
  };
  if (const uint32_t address = directory(0)) reader.read_exports(address);
  if (const uint32_t address = directory(1)) reader.read_imports(address);
  if (const uint32_t address = directory(13)) reader.read_delayed(address);
  return Reading::Fine;
}

}  // namespace kingsnake
