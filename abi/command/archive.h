// A zip file that nobody vouches for, read from memory (libzip). Nothing is written to disk.
#pragma once

#include <zip.h>

#include <memory>
#include <string>
#include <vector>

#include "bytes.h"

namespace kingsnake {

class Archive {
 public:
  struct Entry {
    std::string name;
    uint64_t index, size, packed;
    bool folder, readable;  // readable: not encrypted, a method that libzip knows
  };
  // False with a reason: not a zip file, cut off, entries that would leave the folder they are unpacked in, two of one name.
  bool open(Bytes bytes, std::string* reason);
  const std::vector<Entry>& entries() const { return entries_; }
  // The whole content; false with a reason: too large (over `limit` bytes), a bomb, broken.
  bool read(const Entry& entry, uint64_t limit, std::vector<uint8_t>* content, std::string* reason) const;

 private:
  struct Close {
    void operator()(zip_t* zip) const { zip_discard(zip); }
  };
  std::unique_ptr<zip_t, Close> zip_;
  std::vector<Entry> entries_;
};

}  // namespace kingsnake
