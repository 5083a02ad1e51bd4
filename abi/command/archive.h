// A zip file that nobody vouches for, read from memory (libzip). Nothing is written to disk.
#pragma once

#include <zip.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bytes.h"

namespace kingsnake {

// Bytes that are not set to zero first: they are about to be written. Large ones lie in large pages where the system has them.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : data_(other.data_), size_(other.size_), room_(other.room_) { other.data_ = nullptr, other.size_ = other.room_ = 0; }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_), std::swap(size_, other.size_), std::swap(room_, other.room_);
    return *this;
  }
  ~Buffer();
  // Keeps what was there; false: no memory.
  bool resize(uint64_t size);
  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }

 private:
  uint8_t* data_ = nullptr;
  uint64_t size_ = 0, room_ = 0;
};

class Archive {
 public:
  struct Entry {
    std::string name;
    uint64_t index, size, packed;
    uint32_t checksum;
    bool deflated;
    bool folder, readable;  // readable: not encrypted, a method that libzip knows
  };
  // False with a reason: not a zip file, cut off, entries that would leave the folder they are unpacked in, two of one name.
  bool open(Bytes bytes, std::string* reason);
  const std::vector<Entry>& entries() const { return entries_; }
  // The whole content; false with a reason: too large (over `limit` bytes), a bomb, broken.
  bool read(const Entry& entry, uint64_t limit, Buffer* content, std::string* reason) const;

 private:
  bool read_plain(const Entry& entry, bool packed, uint64_t size, Buffer* content, std::string* reason) const;

  struct Close {
    void operator()(zip_t* zip) const { zip_discard(zip); }
  };
  std::unique_ptr<zip_t, Close> zip_;
  std::vector<Entry> entries_;
};

}  // namespace kingsnake
