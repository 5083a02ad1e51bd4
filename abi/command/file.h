// A file in memory.
#pragma once

#include <string>

#include "bytes.h"

namespace kingsnake {

class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  // False with a reason. Only ordinary files: a device or pipe would block.
  bool open(const std::string& path, std::string* reason);
  Bytes bytes() const { return {data_, size_}; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace kingsnake
