#include "file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kingsnake {

MappedFile::~MappedFile() {
  if (data_) munmap(data_, size_);
}

bool MappedFile::open(const std::string& path, std::string* reason) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    *reason = std::string("cannot open it: ") + strerror(errno);
    return false;
  }
  struct stat status;
  bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  if (!good) *reason = "not an ordinary file";
  else if (status.st_size == 0) *reason = "the file is empty", good = false;
  else {
    size_ = static_cast<size_t>(status.st_size);
    // Private and writable: libelf may convert in place.
    void* data = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) *reason = std::string("cannot read it: ") + strerror(errno), good = false;
    else data_ = data;
  }
  close(fd);
  return good;
}

}  // namespace kingsnake
