#include "emlfs/base/bytes.h"

#include "emlfs/base/error.h"

namespace emlfs {
namespace {

template <class Integer>
void put(std::string& out, Integer value) {
  for (int shift = (static_cast<int>(sizeof value) - 1) * 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift & 0xff));
}

template <class Integer>
Integer get(std::string_view bytes) {
  Integer value = 0;
  for (const char byte : bytes)
    value = static_cast<Integer>(value << 8 | static_cast<unsigned char>(byte));
  return value;
}

}  // namespace

void putU8(std::string& out, uint8_t value) {
  out.push_back(static_cast<char>(value));
}
void putU32(std::string& out, uint32_t value) {
  put(out, value);
}
void putU64(std::string& out, uint64_t value) {
  put(out, value);
}

void putString(std::string& out, std::string_view value) {
  putU32(out, static_cast<uint32_t>(value.size()));
  out.append(value);
}

std::string_view ByteReader::take(size_t count) {
  if (count > bytes_.size())
    throw Error(Code::damaged, Scope::account, "a record in the cache is cut short");
  const auto taken = bytes_.substr(0, count);
  bytes_.remove_prefix(count);
  return taken;
}

uint8_t ByteReader::u8() {
  return static_cast<uint8_t>(take(1)[0]);
}
uint32_t ByteReader::u32() {
  return get<uint32_t>(take(4));
}
uint64_t ByteReader::u64() {
  return get<uint64_t>(take(8));
}
std::string_view ByteReader::string() {
  return take(u32());
}

}  // namespace emlfs
