#include "archive.h"

#include <fmt/format.h>
#ifdef KINGSNAKE_LIBDEFLATE
#include <libdeflate.h>
#endif

#include <sys/mman.h>

#include <algorithm>
#include <unordered_set>

namespace kingsnake {

namespace {

constexpr uint64_t kMostEntries = 200000;
constexpr uint64_t kBombSize = uint64_t{32} << 20, kBombRatio = 400;  // deflate reaches 1032:1 on zeros; code and data stay below 50:1

// Why a name must not be unpacked; nullptr: it may.
const char* bad_name(std::string_view name) {
  if (name.empty()) return "an entry without a name";
  if (name.size() > 4096) return "an entry with an overlong name";
  if (name[0] == '/' || name[0] == '\\') return "an entry with an absolute path";
  if (name.size() > 1 && name[1] == ':') return "an entry with a drive letter";
  if (name.find('\\') != std::string_view::npos) return "an entry with a backslash in its path";
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 32) return "an entry with control characters in its name";
  while (!name.empty()) {
    const size_t end = std::min(name.find('/'), name.size());
    if (name.substr(0, end) == "..") return "an entry that leaves its folder (..)";
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return nullptr;
}

}  // namespace

namespace {

// Memory of buffers that are gone, for the next ones: the kernel clears every page that it gives, which costs as much as unpacking does.
struct Pool {
  struct Block {
    void* data;
    uint64_t room;
  };
  static constexpr size_t kBlocks = 6;
  Block blocks[kBlocks] = {};

  ~Pool() {
    for (const Block& one : blocks)
      if (one.data) munmap(one.data, one.room);
  }
  // The smallest that suffices, or else the largest: it grows with the fewest new pages.
  Block take(uint64_t size) {
    Block* best = blocks;
    for (Block& one : blocks)
      if (one.room >= size ? best->room < size || one.room < best->room : best->room < size && one.room > best->room) best = &one;
    return std::exchange(*best, {});
  }
  void give(Block block) {
    Block* worst = std::min_element(blocks, blocks + kBlocks, [](const Block& a, const Block& b) { return a.room < b.room; });
    if (worst->room < block.room && block.room <= uint64_t{256} << 20) std::swap(*worst, block);
    if (block.data) munmap(block.data, block.room);
  }
};
thread_local Pool pool;

}  // namespace

Buffer::~Buffer() {
  if (data_) pool.give({data_, room_});
}

bool Buffer::resize(uint64_t size) {
  if (!data_ && size > 65536) {
    const Pool::Block block = pool.take(size);
    data_ = static_cast<uint8_t*>(block.data), room_ = block.room;
  }
  if (size > room_) {
    const uint64_t room = (size + 0xffff) & ~uint64_t{0xffff};
    void* grown = data_ ? mremap(data_, room_, room, MREMAP_MAYMOVE) : mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (grown == MAP_FAILED) return false;
    if (room >= uint64_t{4} << 20) madvise(grown, room, MADV_HUGEPAGE);
    data_ = static_cast<uint8_t*>(grown), room_ = room;
  }
  size_ = size;
  return true;
}

bool Archive::open(Bytes bytes, std::string* reason) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : nullptr;
  if (!zip) {
    *reason = fmt::format("not a whole zip file: {}", zip_error_strerror(&error));
    if (source) zip_source_free(source);
    zip_error_fini(&error);
    return false;
  }
  zip_error_fini(&error);
  zip_.reset(zip);
  const zip_int64_t count = zip_get_num_entries(zip, 0);
  if (count < 0 || static_cast<uint64_t>(count) > kMostEntries) {
    *reason = fmt::format("{} entries: more than any wheel has", count);
    return false;
  }
  std::unordered_set<std::string> seen;
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t status;
    zip_stat_init(&status);
    if (zip_stat_index(zip, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW, &status) != 0 || !(status.valid & ZIP_STAT_NAME) || !status.name) {
      *reason = fmt::format("entry {} cannot be read: {}", i, zip_strerror(zip));
      return false;
    }
    const std::string name = status.name;
    if (const char* what = bad_name(name)) {
      *reason = fmt::format("{}: \"{}\"", what, name);
      return false;
    }
    if (!seen.insert(name).second) {
      *reason = fmt::format("two entries with one name: \"{}\"", name);
      return false;
    }
    const bool sized = status.valid & ZIP_STAT_SIZE && status.valid & ZIP_STAT_COMP_SIZE;
    const bool readable = sized && (!(status.valid & ZIP_STAT_ENCRYPTION_METHOD) || status.encryption_method == ZIP_EM_NONE) &&
                          (!(status.valid & ZIP_STAT_COMP_METHOD) || zip_compression_method_supported(status.comp_method, 0));
    entries_.push_back({name, static_cast<uint64_t>(i), sized ? status.size : 0, sized ? status.comp_size : 0, status.valid & ZIP_STAT_CRC ? status.crc : 0,
                        status.valid & ZIP_STAT_CRC && status.valid & ZIP_STAT_COMP_METHOD && status.comp_method == ZIP_CM_DEFLATE, name.ends_with('/'), readable});
  }
  return true;
}

bool Archive::read(const Entry& entry, uint64_t limit, Buffer* content, std::string* reason) const {
  if (!entry.readable) {
    *reason = fmt::format("{}: encrypted, or packed by a method that is not known", entry.name);
    return false;
  }
  if (entry.size > kBombSize && entry.size / kBombRatio > entry.packed) {
    *reason = fmt::format("{}: {} bytes packed into {}: a zip bomb", entry.name, entry.size, entry.packed);
    return false;
  }
  if (entry.size > limit) {
    *reason = fmt::format("{}: {} bytes, more than the limit of {} (--limit)", entry.name, entry.size, limit);
    return false;
  }
#ifdef KINGSNAKE_LIBDEFLATE
  if (entry.deflated) {
    Buffer packed;
    if (!read_plain(entry, true, entry.packed, &packed, reason)) return false;
    if (!content->resize(entry.size)) {
      *reason = fmt::format("{}: no memory for {} bytes", entry.name, entry.size);
      return false;
    }
    struct Free {
      void operator()(libdeflate_decompressor* one) const { libdeflate_free_decompressor(one); }
    };
    const std::unique_ptr<libdeflate_decompressor, Free> inflate(libdeflate_alloc_decompressor());
    const auto outcome = inflate ? libdeflate_deflate_decompress(inflate.get(), packed.data(), packed.size(), content->data(), entry.size, nullptr) : LIBDEFLATE_BAD_DATA;
    if (outcome != LIBDEFLATE_SUCCESS)
      *reason = fmt::format("{}: {}", entry.name, outcome == LIBDEFLATE_BAD_DATA ? "broken" : outcome == LIBDEFLATE_SHORT_OUTPUT
        ? "holds less than it says" : "holds more than it says");
    else if (libdeflate_crc32(0, content->data(), entry.size) != entry.checksum) *reason = fmt::format("{}: broken (its checksum is wrong)", entry.name);
    else return true;
    return false;
  }
#endif
  return read_plain(entry, false, entry.size, content, reason);
}

// As it is packed, or unpacked by libzip. The size may be a lie: memory grows with what really comes.
bool Archive::read_plain(const Entry& entry, bool packed, uint64_t size, Buffer* content, std::string* reason) const {
  zip_file_t* file = zip_fopen_index(zip_.get(), entry.index, packed ? ZIP_FL_COMPRESSED : 0);
  if (!file) {
    *reason = fmt::format("{}: {}", entry.name, zip_strerror(zip_.get()));
    return false;
  }
  constexpr uint64_t kStep = uint64_t{16} << 20;
  uint64_t used = 0;
  bool good = true;
  while (good) {
    const uint64_t room = std::min(kStep, size - used);
    if (!content->resize(used + room)) {
      *reason = fmt::format("{}: no memory", entry.name);
      good = false;
      break;
    }
    uint8_t spare = 0;
    const zip_int64_t got = zip_fread(file, room ? content->data() + used : &spare, room ? room : 1);
    if (got < 0) {
      *reason = fmt::format("{}: {}", entry.name, zip_error_strerror(zip_file_get_error(file)));
      good = false;
    } else if (got == 0) {
      break;
    } else if (room == 0) {
      *reason = fmt::format("{}: holds more than the {} bytes that it says", entry.name, size);
      good = false;
    } else {
      used += static_cast<uint64_t>(got);
    }
  }
  zip_fclose(file);
  if (good && !content->resize(used)) good = false;
  if (good && used != size) {
    *reason = fmt::format("{}: {} bytes, not the {} that it says", entry.name, used, size);
    good = false;
  }
  return good;
}

}  // namespace kingsnake
