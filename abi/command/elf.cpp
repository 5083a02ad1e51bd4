// ELF as the loader sees it: the dynamic segment, through the loadable segments; sections only for what loaders do not need.
#include <elf.h>

#include <algorithm>
#include <unordered_map>

#include "image.h"

namespace kingsnake {
namespace {

constexpr uint64_t kNone = ~uint64_t{0};

std::string machine_name(uint16_t machine, bool is_64, bool big) {
  switch (machine) {
    case EM_X86_64: return is_64 ? "x86_64" : "x32";
    case EM_386: return "i686";
    case EM_AARCH64: return big ? "aarch64_be" : "aarch64";
    case EM_ARM: return "armv7l";
    case EM_PPC64: return big ? "ppc64" : "ppc64le";
    case EM_PPC: return "ppc";
    case EM_S390: return is_64 ? "s390x" : "s390";
    case EM_RISCV: return is_64 ? "riscv64" : "riscv32";
    case EM_MIPS: return is_64 ? "mips64" : "mips";
    case 258: return "loongarch64";
    default: return "machine " + std::to_string(machine);
  }
}

struct Reader {
  Bytes bytes;
  Image* image;
  bool deep;
  std::string* reason;
  bool is_64 = true;

  Reading broken(const char* text) const {
    *reason = text;
    return Reading::Broken;
  }
  uint64_t word(const Bytes& from, uint64_t offset) const { return is_64 ? from.u64(offset) : from.u32(offset); }

  // Dynamic entries, as addresses or values.
  std::unordered_map<uint64_t, uint64_t> dynamic;
  std::vector<uint64_t> needed;
  Bytes strings, symbols, versions;
  uint64_t symbol_count = 0;

  uint64_t value(uint64_t tag) const {
    const auto found = dynamic.find(tag);
    return found == dynamic.end() ? kNone : found->second;
  }
  std::string_view string(uint64_t offset) const { return offset == kNone || offset >= strings.size() ? std::string_view{} : strings.text(offset); }

  Reading run();
  bool read_segments(uint64_t* dynamic_offset, uint64_t* dynamic_size);
  bool read_sections();
  uint64_t count_symbols() const;
  void read_versions(std::unordered_map<uint16_t, std::pair<std::string_view, std::string_view>>* names) const;
  void read_symbols();
  void read_relocations(uint64_t address, uint64_t size, bool with_addend, bool is_plt);
  void read_packed(uint64_t address, uint64_t size);
  std::vector<bool> lazy_symbols;

  struct SectionHeader {
    uint32_t name, type;
    uint64_t flags, address, offset, size, link, entry;
  };
  std::vector<SectionHeader> section_headers;
};

bool Reader::read_segments(uint64_t* dynamic_offset, uint64_t* dynamic_size) {
  const uint64_t table = is_64 ? bytes.u64(32) : bytes.u32(28);
  const uint64_t entry = bytes.u16(is_64 ? 54 : 42), count = bytes.u16(is_64 ? 56 : 44);
  if (count == 0) return true;
  if (count > 1024) return false;
  if (entry < (is_64 ? 56u : 32u) || !bytes.holds(table, entry * count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    const Bytes header = bytes.part(table + i * entry, entry);
    const uint32_t type = header.u32(0), flags = header.u32(is_64 ? 4 : 24);
    const uint64_t offset = is_64 ? header.u64(8) : header.u32(4), address = is_64 ? header.u64(16) : header.u32(8);
    const uint64_t size = is_64 ? header.u64(32) : header.u32(16);
    switch (type) {
      case PT_LOAD:
        if (size && !bytes.holds(offset, size)) return false;
        image->segments.push_back({address, size, offset});
        break;
      case PT_DYNAMIC: *dynamic_offset = offset, *dynamic_size = size; break;
      case PT_INTERP:
        if (bytes.holds(offset, size)) image->interpreter = bytes.part(offset, size).text(0);
        break;
      case PT_GNU_STACK: image->executable_stack = flags & PF_X; break;
      default: break;
    }
  }
  return true;
}

bool Reader::read_sections() {
  const uint64_t table = is_64 ? bytes.u64(40) : bytes.u32(32);
  const uint64_t entry = bytes.u16(is_64 ? 58 : 46);
  uint64_t count = bytes.u16(is_64 ? 60 : 48);
  uint64_t names_index = bytes.u16(is_64 ? 62 : 50);
  if (!table) return true;  // stripped off: loaders do not need it
  if (entry < (is_64 ? 64u : 40u) || !bytes.holds(table, entry)) return false;
  auto header_at = [&](uint64_t i) {
    const Bytes header = bytes.part(table + i * entry, entry);
    return is_64 ? SectionHeader{header.u32(0), header.u32(4), header.u64(8), header.u64(16), header.u64(24), header.u64(32), header.u32(40), header.u64(56)}
                 : SectionHeader{header.u32(0), header.u32(4), header.u32(8), header.u32(12), header.u32(16), header.u32(20), header.u32(24), header.u32(36)};
  };
  if (count == 0) count = header_at(0).size;
  if (names_index == SHN_XINDEX) names_index = header_at(0).link;
  if (count > bytes.size() / entry || !bytes.holds(table, entry * count)) return false;
  for (uint64_t i = 0; i < count; ++i) section_headers.push_back(header_at(i));
  Bytes names;
  if (names_index < section_headers.size() && bytes.holds(section_headers[names_index].offset, section_headers[names_index].size))
    names = bytes.part(section_headers[names_index].offset, section_headers[names_index].size);
  for (const SectionHeader& header : section_headers) {
    if (!(header.flags & SHF_ALLOC) || header.type == SHT_NOBITS || !bytes.holds(header.offset, header.size)) continue;
    image->sections.push_back({header.name < names.size() ? names.text(header.name) : std::string_view{}, header.address, header.size,
                               bytes.part(header.offset, header.size), (header.flags & SHF_EXECINSTR) != 0,
                               header.type == SHT_PROGBITS && !(header.flags & SHF_EXECINSTR)});
  }
  return true;
}

uint64_t Reader::count_symbols() const {
  const uint64_t entry = is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  for (const SectionHeader& header : section_headers)
    if (header.type == SHT_DYNSYM && header.address == value(DT_SYMTAB)) return header.size / entry;
  if (const uint64_t address = value(DT_HASH); address != kNone && image->machine != "s390x") {
    const Bytes table = image->at(address);
    if (table.holds(0, 8)) return table.u32(4);
  }
  if (const uint64_t address = value(DT_GNU_HASH); address != kNone) {
    const Bytes table = image->at(address);
    if (!table.holds(0, 16)) return 0;
    const uint64_t buckets = table.u32(0), base = table.u32(4), bloom = table.u32(8);
    const uint64_t bucket_start = 16 + bloom * (is_64 ? 8 : 4);
    if (!table.holds(bucket_start, buckets * 4)) return 0;
    uint64_t last = 0;
    for (uint64_t i = 0; i < buckets; ++i) last = std::max<uint64_t>(last, table.u32(bucket_start + i * 4));
    if (last < base) return base;
    const uint64_t chain = bucket_start + buckets * 4;
    while (table.holds(chain + (last - base) * 4, 4) && !(table.u32(chain + (last - base) * 4) & 1)) ++last;
    return last + 1;
  }
  return 0;
}

void Reader::read_versions(std::unordered_map<uint16_t, std::pair<std::string_view, std::string_view>>* names) const {
  int budget = 1 << 18;  // hostile tables may overlap
  if (const uint64_t address = value(DT_VERNEED); address != kNone) {
    const Bytes table = image->at(address);
    uint64_t offset = 0;
    for (uint64_t i = 0; i < std::min<uint64_t>(value(DT_VERNEEDNUM), 65536) && table.holds(offset, 16); ++i) {
      const std::string_view library = string(table.u32(offset + 4));
      uint64_t part = offset + table.u32(offset + 8);
      for (uint16_t k = 0, count = table.u16(offset + 2); k < count && table.holds(part, 16) && --budget > 0; ++k) {
        const std::string_view node = string(table.u32(part + 8));
        (*names)[table.u16(part + 6) & 0x7fff] = {node, library};
        image->wanted_versions.emplace_back(library, node);
        const uint32_t next = table.u32(part + 12);
        if (!next) break;
        part += next;
      }
      const uint32_t next = table.u32(offset + 12);
      if (!next) break;
      offset += next;
    }
  }
  if (const uint64_t address = value(DT_VERDEF); address != kNone) {
    const Bytes table = image->at(address);
    uint64_t offset = 0;
    for (uint64_t i = 0; i < std::min<uint64_t>(value(DT_VERDEFNUM), 65536) && table.holds(offset, 20); ++i) {
      const uint64_t part = offset + table.u32(offset + 12);
      const bool base = table.u16(offset + 2) & VER_FLG_BASE;
      if (!base && table.holds(part, 8)) (*names)[table.u16(offset + 4) & 0x7fff] = {string(table.u32(part)), {}};
      const uint32_t next = table.u32(offset + 16);
      if (!next) break;
      offset += next;
    }
  }
}

void Reader::read_symbols() {
  std::unordered_map<uint16_t, std::pair<std::string_view, std::string_view>> names;
  read_versions(&names);
  const uint64_t entry = is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  symbol_count = std::min<uint64_t>(symbol_count, symbols.size() / entry);
  for (uint64_t i = 1; i < symbol_count; ++i) {
    const uint64_t start = i * entry;
    const std::string_view name = string(symbols.u32(start));
    const uint8_t info = symbols.u8(start + (is_64 ? 4 : 12)), other = symbols.u8(start + (is_64 ? 5 : 13));
    const uint16_t section = symbols.u16(start + (is_64 ? 6 : 14));
    const uint64_t address = is_64 ? symbols.u64(start + 8) : symbols.u32(start + 4), size = is_64 ? symbols.u64(start + 16) : symbols.u32(start + 8);
    const int binding = info >> 4, type = info & 15, visibility = other & 3;
    if (name.empty() || binding == STB_LOCAL) continue;
    const SymbolKind kind = type == STT_FUNC || type == STT_GNU_IFUNC ? SymbolKind::Function
                            : type == STT_OBJECT || type == STT_COMMON || type == STT_TLS ? SymbolKind::Data
                                                                                          : SymbolKind::Unknown;
    const uint16_t version = versions.holds(i * 2, 2) ? versions.u16(i * 2) : 1;
    const auto node = names.find(version & 0x7fff);
    if (section == SHN_UNDEF) {
      Import import{name, kind, binding == STB_WEAK, i < lazy_symbols.size() && lazy_symbols[i], {}, {}};
      if (node != names.end()) import.version = node->second.first, import.library = node->second.second;
      image->imports.push_back(import);
    } else if (visibility != STV_HIDDEN && visibility != STV_INTERNAL && section != SHN_ABS && (version & 0x7fff) != 0) {
      Export one{name, kind, binding == STB_WEAK, visibility == STV_PROTECTED, (version & 0x8000) != 0, address, size, {}};
      if (node != names.end()) one.version = node->second.first;
      image->exports.push_back(one);
    }
  }
}

void Reader::read_relocations(uint64_t address, uint64_t size, bool with_addend, bool is_plt) {
  const Bytes table = image->at(address);
  const uint64_t entry = is_64 ? (with_addend ? 24 : 16) : (with_addend ? 12 : 8);
  const uint64_t count = std::min<uint64_t>(size, table.size()) / entry;
  const uint64_t symbol_size = is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  const std::string& machine = image->machine;
  const uint32_t copy = machine == "x86_64" || machine == "i686" ? 5 : machine == "aarch64" ? 1024 : machine == "armv7l" ? 20
                        : machine == "ppc64le" ? 19 : machine == "s390x" ? 9 : machine == "riscv64" ? 4 : 0;
  const uint32_t relative = machine == "x86_64" || machine == "i686" ? 8 : machine == "aarch64" ? 1027 : 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t start = i * entry;
    const uint64_t place = word(table, start), info = word(table, start + (is_64 ? 8 : 4));
    const uint64_t symbol = is_64 ? info >> 32 : info >> 8, type = is_64 ? info & 0xffffffff : info & 0xff;
    const uint64_t addend = with_addend ? word(table, start + (is_64 ? 16 : 8)) : 0;
    std::string_view name;
    if (symbol && symbol < symbol_count && symbols.holds(symbol * symbol_size, symbol_size)) {
      name = string(symbols.u32(symbol * symbol_size));
      if (is_plt) {
        if (lazy_symbols.size() < symbol_count) lazy_symbols.resize(symbol_count);
        lazy_symbols[symbol] = true;
      } else if (symbol < lazy_symbols.size() && lazy_symbols[symbol]) {
        lazy_symbols[symbol] = false;  // its address is taken too: found when the file is loaded
      }
      if (copy && type == copy && !is_plt)
        image->copies.push_back({name, word(symbols, symbol * symbol_size + (is_64 ? 16 : 8)) & (is_64 ? ~uint64_t{0} : 0xffffffffu)});
    }
    if (deep && (!name.empty() || (relative && type == relative))) image->relocations.push_back({place, addend, name});
  }
}

// DT_RELR: addresses of words that hold their own addend, packed as bitmaps.
void Reader::read_packed(uint64_t address, uint64_t size) {
  const Bytes table = image->at(address);
  const uint64_t width = is_64 ? 8 : 4;
  uint64_t place = 0;
  for (uint64_t i = 0; i < std::min<uint64_t>(size, table.size()) / width; ++i) {
    const uint64_t value = word(table, i * width);
    if (!(value & 1)) {
      place = value;
      image->relocations.push_back({place, word(image->at(place), 0), {}});
      place += width;
    } else {
      for (uint64_t bit = 1; bit < width * 8; ++bit)
        if (value >> bit & 1) {
          const uint64_t there = place + (bit - 1) * width;
          image->relocations.push_back({there, word(image->at(there), 0), {}});
        }
      place += (width * 8 - 1) * width;
    }
  }
}

Reading Reader::run() {
  uint64_t dynamic_offset = 0, dynamic_size = 0;
  const uint16_t type = bytes.u16(16);
  image->machine = machine_name(bytes.u16(18), is_64, bytes.big_endian());
  if (type != ET_DYN && type != ET_EXEC) return broken("an ELF file, but neither a library nor a program");
  if (!read_segments(&dynamic_offset, &dynamic_size)) return broken("ELF: the segments do not lie within the file (is it cut off?)");
  image->program = type == ET_EXEC || !image->interpreter.empty();
  if (!read_sections()) return broken("ELF: the section table does not lie within the file (is it cut off?)");
  if (dynamic_size == 0) return type == ET_EXEC ? Reading::Fine : broken("ELF: no dynamic segment (a file with debug information only?)");
  if (!bytes.holds(dynamic_offset, dynamic_size)) return broken("ELF: the dynamic segment does not lie within the file");
  const Bytes table = bytes.part(dynamic_offset, dynamic_size);
  const uint64_t entry = is_64 ? 16 : 8;
  for (uint64_t i = 0; i + entry <= table.size(); i += entry) {
    const uint64_t tag = word(table, i), what = word(table, i + entry / 2);
    if (tag == DT_NULL) break;
    if (tag == DT_NEEDED) needed.push_back(what);
    else dynamic.emplace(tag, what);
  }
  if (const uint64_t address = value(DT_STRTAB); address != kNone) {
    strings = image->at(address);
    if (const uint64_t size = value(DT_STRSZ); size != kNone && size <= strings.size()) strings = strings.part(0, size);
    else return broken("ELF: the string table does not lie within the file");
  }
  for (const uint64_t offset : needed) image->needed.push_back(string(offset));
  image->soname = string(value(DT_SONAME));
  image->rpath = string(value(DT_RPATH));
  image->runpath = string(value(DT_RUNPATH));
  image->filter = string(value(DT_FILTER));
  const uint64_t flags = value(DT_FLAGS) == kNone ? 0 : value(DT_FLAGS), flags_1 = value(DT_FLAGS_1) == kNone ? 0 : value(DT_FLAGS_1);
  image->text_relocations = value(DT_TEXTREL) != kNone || flags & DF_TEXTREL;
  image->symbolic = value(DT_SYMBOLIC) != kNone || flags & DF_SYMBOLIC;
  image->bind_now = value(DT_BIND_NOW) != kNone || flags & DF_BIND_NOW || flags_1 & DF_1_NOW;
  if (flags_1 & DF_1_PIE) image->program = true;
  if (const uint64_t address = value(DT_SYMTAB); address != kNone) {
    symbols = image->at(address);
    symbol_count = count_symbols();
    const uint64_t symbol_size = is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    if (symbol_count > symbols.size() / symbol_size) return broken("ELF: the symbol table does not lie within the file");
  }
  if (const uint64_t address = value(DT_VERSYM); address != kNone) versions = image->at(address);
  if (value(DT_JMPREL) != kNone && value(DT_PLTRELSZ) != kNone)
    read_relocations(value(DT_JMPREL), value(DT_PLTRELSZ), value(DT_PLTREL) == DT_RELA, true);
  if (value(DT_RELA) != kNone && value(DT_RELASZ) != kNone) read_relocations(value(DT_RELA), value(DT_RELASZ), true, false);
  if (value(DT_REL) != kNone && value(DT_RELSZ) != kNone) read_relocations(value(DT_REL), value(DT_RELSZ), false, false);
  if (deep && value(36) != kNone && value(35) != kNone) read_packed(value(36), value(35));  // DT_RELR, DT_RELRSZ
  read_symbols();
  return Reading::Fine;
}

}  // namespace

Reading read_elf(Bytes bytes, bool deep, Image* image, std::string* reason) {
  if (!bytes.holds(0, 4) || memcmp(bytes.data(), ELFMAG, SELFMAG) != 0) return Reading::NotThis;
  const uint8_t width = bytes.u8(EI_CLASS), order = bytes.u8(EI_DATA);
  if ((width != ELFCLASS32 && width != ELFCLASS64) || (order != ELFDATA2LSB && order != ELFDATA2MSB) ||
      !bytes.holds(0, width == ELFCLASS64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr))) {
    *reason = "ELF: the header is not whole";
    return Reading::Broken;
  }
  bytes.set_big_endian(order == ELFDATA2MSB);
  image->format = Format::Elf;
  image->bytes = bytes;
  image->is_64 = width == ELFCLASS64;
  Reader reader{bytes, image, deep, reason, width == ELFCLASS64, {}, {}, {}, {}, {}, 0, {}, {}};
  return reader.run();
}

}  // namespace kingsnake
