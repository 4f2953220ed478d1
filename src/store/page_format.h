// Offsets and values of LMDB's data file, which its own header doesn't publish: as of mdb.c 0.9, on
// this machine's byte order. What reads a file without LMDB agrees here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "store/pages.h"

namespace emlfs::store {

constexpr size_t kPageHeader = 16;
constexpr size_t kNodeHeader = 8;
constexpr size_t kTreeBytes = 48;
constexpr uint64_t kNoPage = ~uint64_t{0};
constexpr uint64_t kFirstPage = 2;  // behind the two headers
constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint32_t kVersion = 1;
constexpr uint16_t kBranch = 0x01;
constexpr uint16_t kLeaf = 0x02;
constexpr uint16_t kOverflow = 0x04;
constexpr uint16_t kMeta = 0x08;
constexpr uint16_t kDirty = 0x10;
constexpr uint16_t kBigData = 0x01;
constexpr uint16_t kSubTree = 0x02;
constexpr size_t kHeaderBytes = kPageHeader + 4 + 4 + 8 + 8 + 2 * kTreeBytes + 8 + 8;

template <class Number>
Number number(std::string_view bytes, size_t at) {
  Number value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

inline Tree readTree(std::string_view bytes) {
  return {.flags = number<uint16_t>(bytes, 4),
          .depth = number<uint16_t>(bytes, 6),
          .branch_pages = number<uint64_t>(bytes, 8),
          .leaf_pages = number<uint64_t>(bytes, 16),
          .overflow_pages = number<uint64_t>(bytes, 24),
          .entries = number<uint64_t>(bytes, 32),
          .root = number<uint64_t>(bytes, 40)};
}

}  // namespace emlfs::store
