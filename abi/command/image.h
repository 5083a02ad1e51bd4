// What a library, module or program of any of three formats says about itself, in one form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bytes.h"

namespace kingsnake {

enum class Format : uint8_t { Elf, MachO, Pe };
enum class SymbolKind : uint8_t { Unknown, Function, Data };

// A name that the file wants from others.
struct Import {
  std::string_view name;
  SymbolKind kind = SymbolKind::Unknown;
  bool weak = false;
  bool lazy = false;               // found at the first call only
  std::string_view library;        // which library it names: PE always, Mach-O by ordinal, ELF by version node
  std::string_view version;        // ELF: the version node
};

// A name that the file gives to others.
struct Export {
  std::string_view name;
  SymbolKind kind = SymbolKind::Unknown;
  bool weak = false;
  bool is_protected = false;       // ELF: cannot be interposed
  bool hidden_version = false;     // ELF: name@NODE, only for programs linked long ago
  uint64_t address = 0;
  uint64_t size = 0;
  std::string_view version;
};

// ELF: a program's own copy of a library's data.
struct CopyRelocation {
  std::string_view name;
  uint64_t size;
};

struct Relocation {
  uint64_t place;                  // address
  uint64_t addend;
  std::string_view symbol;         // empty: relative
};

struct Section {
  std::string_view name;
  uint64_t address, size;
  Bytes bytes;
  bool code, data_text;            // holds instructions; may hold strings
};

struct Image {
  Format format = Format::Elf;
  Bytes bytes;
  std::string machine;             // x86_64 aarch64 i686 armv7l ppc64le s390x riscv64 arm64 amd64 …
  bool is_64 = true;
  bool program = false;            // an executable rather than a library
  std::string_view soname;         // or install name, or the PE's own name
  std::string_view interpreter;
  std::vector<std::string_view> needed;
  std::string_view rpath, runpath;
  std::string_view filter;         // ELF: the library that its names are really looked up in
  bool text_relocations = false, symbolic = false, bind_now = false, executable_stack = false;
  std::string minimum_system;      // Mach-O: the system's release
  std::vector<Import> imports;
  std::vector<Export> exports;     // sorted by name
  std::vector<CopyRelocation> copies;
  std::vector<Relocation> relocations;      // ELF, x86-64 and aarch64: only with `deep`
  std::vector<Section> sections;
  std::vector<std::pair<std::string_view, std::string_view>> wanted_versions;  // ELF: library, node

  const Export* find_export(std::string_view name) const;
  // The bytes at an address, to the end of what the file has there.
  Bytes at(uint64_t address) const;

  struct Segment {
    uint64_t address, size, offset;
  };
  std::vector<Segment> segments;
};

enum class Reading : uint8_t { Fine, NotThis, Broken };

// Each reads one format; NotThis: the bytes are of another. `reason` is set for Broken. Views point into the bytes.
Reading read_elf(Bytes bytes, bool deep, Image* image, std::string* reason);
Reading read_macho(Bytes bytes, std::vector<Image>* slices, std::string* reason);
Reading read_pe(Bytes bytes, Image* image, std::string* reason);

// Any of them: one image, or the slices of a universal file.
Reading read_images(Bytes bytes, bool deep, std::vector<Image>* images, std::string* reason);

}  // namespace kingsnake
