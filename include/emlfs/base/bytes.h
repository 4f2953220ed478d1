// Big-endian integers and length-prefixed strings: the encoding of keys and records on disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace emlfs {

void putU8(std::string& out, uint8_t value);
void putU32(std::string& out, uint32_t value);
void putU64(std::string& out, uint64_t value);
void putString(std::string& out, std::string_view value);  // u32 length, then the bytes

// Reads what the functions above wrote. Every call throws Error(damaged) past the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  uint8_t u8();
  uint32_t u32();
  uint64_t u64();
  std::string_view string();
  std::string_view rest() const { return bytes_; }
  bool done() const { return bytes_.empty(); }

 private:
  std::string_view take(size_t count);
  std::string_view bytes_;
};

}  // namespace emlfs
