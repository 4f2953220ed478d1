// Modified UTF-7, RFC 3501 section 5.1.3.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/view/names.h"
#include "view/text.h"

namespace emlfs {
namespace {

using view::decodeUtf7;
using view::encodeUtf7;

TEST(Utf7, KnownPairs) {
  const std::pair<std::string, std::string> pairs[] = {
      {"", ""},
      {"INBOX", "INBOX"},
      {"a&b", "a&-b"},
      {"&&", "&-&-"},
      {"Entwürfe", "Entw&APw-rfe"},
      {"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},  // the RFC's own
      {"Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"},
      {"😀", "&2D3eAA-"},
      {"ü&ü", "&APw-&-&APw-"},
      {"\x01", "&AAE-"},
      {"a-b", "a-b"},
      {"~", "~"},
      {"\x7f", "&AH8-"},
  };
  for (const auto& [text, wire] : pairs) {
    EXPECT_EQ(encodeUtf7(text), wire);
    EXPECT_EQ(decodeUtf7(wire), text) << wire;
  }
}

TEST(Utf7, HasOneEncodingForAText) {
  const char* const refused[] = {// not closed
                                 "&", "a&", "&AP", "&APw", "a&b",
                                 // printable ASCII, encoded
                                 "&AEE-",
                                 // closed and opened again
                                 "&APw-&APw-",
                                 // bits left over, six bits too many, too few
                                 "&APx-", "&APwA-", "&A-", "&AP-",
                                 // no digits
                                 "&A.w-", "&AP/w-", "&APw=-",
                                 // half surrogate pairs, and one the wrong way round
                                 "&2D0-", "&3gA-", "&2D3YPQ-", "&3gDYPQ-",
                                 // neither printable nor encoded
                                 "\x01", "\x7f", "\xc3\xbc", "\xff"};
  for (const char* wire : refused) {
    EXPECT_EQ(decodeUtf7(wire), std::nullopt) << wire;
  }
}

TEST(Utf7, RefusesToEncodeWhatIsNotUtf8) {
  EXPECT_THROW(encodeUtf7("a\xff"), Error);
  EXPECT_THROW(encodeUtf7("\xed\xa0\x80"), Error);
}

TEST(Utf7, ReadsWhatItWrites) {
  std::mt19937 random(7);
  for (unsigned i = 0; i < 20'000; ++i) {
    std::string text;
    for (size_t n = random() % 12; n > 0; --n) {
      const char32_t limits[] = {0x80, 0x800, 0xD800, 0x110000};
      char32_t c = static_cast<char32_t>(random() % limits[random() % 4]);
      if (c >= 0xD800 && c < 0xE000) c = '&';
      view::appendCodePoint(text, c);
    }
    const std::string wire = encodeUtf7(text);
    ASSERT_EQ(decodeUtf7(wire), text) << wire;
    ASSERT_EQ(
        wire.find_first_not_of(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                               "abcdefghijklmnopqrstuvwxyz{|}~"),
        std::string::npos);
  }
}

// Whatever decodes is what the encoder writes: two wire names never give one text.
TEST(Utf7, AcceptsOnlyItsOwn) {
  std::mt19937 random(8);
  unsigned accepted = 0;
  for (unsigned i = 0; i < 200'000; ++i) {
    std::string wire;
    for (size_t n = random() % 8; n > 0; --n) wire += "&-APwg,a"[random() % 8];
    if (const auto text = decodeUtf7(wire)) {
      ++accepted;
      ASSERT_EQ(encodeUtf7(*text), wire);
    }
  }
  EXPECT_GT(accepted, 1'000U);
}

}  // namespace
}  // namespace emlfs
