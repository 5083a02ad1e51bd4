// Searching in bytes.
#include "object/export.h"
#include "types/bytes.h"

namespace ks {

Py_ssize_t bytes_search(const char* text, Py_ssize_t size, const char* needle, Py_ssize_t needle_size) {
  if (needle_size > size) return -1;
  if (needle_size == 0) return 0;
  const void* found = needle_size == 1 ? memchr(text, *needle, static_cast<size_t>(size))
                                       : memmem(text, static_cast<size_t>(size), needle, static_cast<size_t>(needle_size));
  return found ? static_cast<const char*>(found) - text : -1;
}
Py_ssize_t bytes_search_back(const char* text, Py_ssize_t size, const char* needle, Py_ssize_t needle_size) {
  if (needle_size > size) return -1;
  if (needle_size == 0) return size;
  const auto last = static_cast<size_t>(needle_size - 1);
  // Candidates end where the needle's last byte is.
  for (Py_ssize_t rest = size; rest >= needle_size;) {
    const auto* found = static_cast<const char*>(memrchr(text + last, needle[last], static_cast<size_t>(rest) - last));
    if (!found) return -1;
    const char* begin = found - last;
    if (memcmp(begin, needle, last) == 0) return begin - text;
    rest = found - text;
  }
  return -1;
}

}  // namespace ks

// The index of the first/last occurrence plus `offset`, or -1.
KS_EXPORT Py_ssize_t _PyBytes_Find(const char* text, Py_ssize_t size, const char* needle, Py_ssize_t needle_size, Py_ssize_t offset) {
  const Py_ssize_t at = ks::bytes_search(text, size, needle, needle_size);
  return at < 0 ? -1 : at + offset;
}
KS_EXPORT Py_ssize_t _PyBytes_ReverseFind(const char* text, Py_ssize_t size, const char* needle, Py_ssize_t needle_size, Py_ssize_t offset) {
  const Py_ssize_t at = ks::bytes_search_back(text, size, needle, needle_size);
  return at < 0 ? -1 : at + offset;
}
