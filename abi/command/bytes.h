// Reading numbers and text from bytes that nobody vouches for: every access is checked, a wrong one reads as zero and is remembered.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace kingsnake {

class Bytes {
 public:
  Bytes() = default;
  Bytes(const void* data, size_t size, bool big_endian = false) : data_(static_cast<const uint8_t*>(data)), size_(size), big_(big_endian) {}

  size_t size() const { return size_; }
  const uint8_t* data() const { return data_; }
  bool failed() const { return failed_; }
  void set_big_endian(bool big) { big_ = big; }
  bool big_endian() const { return big_; }
  bool holds(uint64_t offset, uint64_t length) const { return offset <= size_ && length <= size_ - offset; }

  template <class Number>
  Number number(uint64_t offset) const {
    Number value{};
    if (!holds(offset, sizeof value)) {
      failed_ = true;
      return value;
    }
    memcpy(&value, data_ + offset, sizeof value);
    if (big_) {
      if constexpr (sizeof value == 2) value = static_cast<Number>(__builtin_bswap16(static_cast<uint16_t>(value)));
      else if constexpr (sizeof value == 4) value = static_cast<Number>(__builtin_bswap32(static_cast<uint32_t>(value)));
      else if constexpr (sizeof value == 8) value = static_cast<Number>(__builtin_bswap64(static_cast<uint64_t>(value)));
    }
    return value;
  }
  uint8_t u8(uint64_t offset) const { return number<uint8_t>(offset); }
  uint16_t u16(uint64_t offset) const { return number<uint16_t>(offset); }
  uint32_t u32(uint64_t offset) const { return number<uint32_t>(offset); }
  uint64_t u64(uint64_t offset) const { return number<uint64_t>(offset); }

  // Text up to its NUL; text that does not end is cut at the end of the bytes.
  std::string_view text(uint64_t offset) const {
    if (offset >= size_) {
      failed_ = true;
      return {};
    }
    const auto* begin = reinterpret_cast<const char*>(data_ + offset);
    return {begin, strnlen(begin, size_ - offset)};
  }
  // A part; empty, and remembered, where it does not lie within.
  Bytes part(uint64_t offset, uint64_t length) const {
    if (!holds(offset, length)) {
      failed_ = true;
      return {};
    }
    return {data_ + offset, static_cast<size_t>(length), big_};
  }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  bool big_ = false;
  mutable bool failed_ = false;
};

}  // namespace kingsnake
