#include "imap/deflate.h"

#include <gtest/gtest.h>

#include "emlfs/base/error.h"

namespace emlfs::imap {
namespace {

std::string inflated(Inflater& inflater, std::string_view wire) {
  std::string plain;
  inflater.take(wire);
  std::vector<char> room(1000);
  while (const size_t got = inflater.give(room)) plain.append(room.data(), got);
  return plain;
}

// What another implementation makes of it: Python's zlib.compressobj(9, DEFLATED, -15).
constexpr std::string_view kLine(
    "\xd2\x52\xf0\xf7\x56\xc8\x48\xcd\xc9\xc9\x47\x26\x79\xb9"
    "\x00\x00\x00\x00\xff\xff",
    20);

TEST(Deflate, ReadsWhatAnotherHasCompressed) {
  Inflater inflater;
  EXPECT_EQ(inflated(inflater, kLine), "* OK hello hello hello\r\n");
}

TEST(Deflate, IsCutAnywhere) {
  Inflater inflater;
  std::string plain;
  for (const char& byte : kLine) plain += inflated(inflater, {&byte, 1});
  EXPECT_EQ(plain, "* OK hello hello hello\r\n");
}

TEST(Deflate, EveryPieceCanBeReadToItsEnd) {
  Deflater deflater;
  Inflater inflater;
  EXPECT_EQ(deflater.deflate(""), "");
  std::string noise;
  for (uint32_t i = 0, x = 1; i < 300'000; ++i)
    noise += static_cast<char>((x = x * 69069 + 1) >> 24);
  const std::string zeros(3'000'000, 'z');
  for (const std::string& piece : {std::string("A1 NOOP\r\n"), noise, zeros, std::string("x")}) {
    const auto wire = deflater.deflate(piece);
    EXPECT_EQ(inflated(inflater, wire), piece);
  }
}

// No more than it has room for is unpacked at once, however much that would be.
TEST(Deflate, HoldsLittleOfWhatBecomesMuch) {
  Deflater deflater;
  Inflater inflater;
  inflater.take(deflater.deflate(std::string(50'000'000, 'z')));
  std::vector<char> room(1 << 20);
  uint64_t total = 0;
  while (const size_t got = inflater.give(room)) {
    EXPECT_LE(got, size_t{64} << 10);
    total += got;
  }
  EXPECT_EQ(total, 50'000'000U);
}

TEST(Deflate, WhatIsNoneIsSaidSo) {
  Inflater inflater;
  inflater.take("\xff\xff\xff\xff");
  try {
    inflater.ready();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::protocol);
    EXPECT_EQ(error.scope, Scope::connection);
  }
}

TEST(Deflate, TheEndOfTheStreamIsTheEndOfTheConnection) {
  Inflater inflater;
  inflater.take(std::string_view("\x03\x00", 2));  // an empty last block
  try {
    inflater.ready();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::network);
  }
}

}  // namespace
}  // namespace emlfs::imap
