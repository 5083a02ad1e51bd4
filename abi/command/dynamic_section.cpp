#include "dynamic_section.h"

#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kingsnake {

namespace {
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};
struct Handle {
  Elf* elf;
  ~Handle() {
    if (elf) elf_end(elf);
  }
};
}  // namespace

bool read_dynamic_section(const std::string& path, DynamicSection* section, std::string* reason) {
  elf_version(EV_CURRENT);
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) {
    *reason = strerror(errno);
    return false;
  }
  const Handle handle{elf_begin(file.fd, ELF_C_READ, nullptr)};
  if (!handle.elf || elf_kind(handle.elf) != ELF_K_ELF) {
    *reason = "not an ELF file";
    return false;
  }
  size_t headers = 0;
  if (elf_getphdrnum(handle.elf, &headers) != 0) {
    *reason = elf_errmsg(-1);
    return false;
  }
  for (size_t i = 0; i < headers; ++i) {
    GElf_Phdr header;
    if (!gelf_getphdr(handle.elf, static_cast<int>(i), &header) || header.p_type != PT_INTERP) continue;
    const char* image = elf_rawfile(handle.elf, nullptr);
    size_t size = 0;
    image = elf_rawfile(handle.elf, &size);
    if (image && header.p_offset < size && header.p_filesz <= size - header.p_offset)
      section->interpreter.assign(image + header.p_offset, strnlen(image + header.p_offset, header.p_filesz));
  }
  for (Elf_Scn* part = nullptr; (part = elf_nextscn(handle.elf, part));) {
    GElf_Shdr header;
    if (!gelf_getshdr(part, &header) || header.sh_type != SHT_DYNAMIC || header.sh_entsize == 0) continue;
    Elf_Data* data = elf_getdata(part, nullptr);
    if (!data) continue;
    const size_t count = header.sh_size / header.sh_entsize;
    for (size_t i = 0; i < count; ++i) {
      GElf_Dyn entry;
      if (!gelf_getdyn(data, static_cast<int>(i), &entry) || entry.d_tag == DT_NULL) break;
      std::string* target = entry.d_tag == DT_RPATH     ? &section->rpath
                            : entry.d_tag == DT_RUNPATH ? &section->runpath
                            : entry.d_tag == DT_SONAME  ? &section->soname
                                                        : nullptr;
      if (!target && entry.d_tag != DT_NEEDED) continue;
      const char* text = elf_strptr(handle.elf, header.sh_link, entry.d_un.d_val);
      if (!text) continue;
      if (target) *target = text;
      else section->needed.emplace_back(text);
    }
  }
  return true;
}

}  // namespace kingsnake
