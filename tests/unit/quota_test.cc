// What `df` shows of a mailbox.
#include "account/quota.h"

#include <gtest/gtest.h>

#include "fs/attributes.h"

namespace emlfs {
namespace {

TEST(QuotaSetting, IsRemembered) {
  const imap::Quota both{imap::Usage{5 << 20, 2'147'483'648}, imap::Usage{3, 1'000}};
  const auto again = parseQuotaSetting(quotaSetting(both));
  ASSERT_TRUE(again && again->storage && again->messages);
  EXPECT_EQ(again->storage->used, both.storage->used);
  EXPECT_EQ(again->storage->limit, both.storage->limit);
  EXPECT_EQ(again->messages->used, 3U);
  EXPECT_EQ(again->messages->limit, 1'000U);
  const auto one = parseQuotaSetting(quotaSetting(imap::Quota{imap::Usage{0, 1'024}, {}}));
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->storage);
  EXPECT_FALSE(one->messages);
}

TEST(QuotaSetting, WithoutALimitThereIsNone) {
  EXPECT_FALSE(parseQuotaSetting(quotaSetting(std::nullopt)));
  EXPECT_FALSE(parseQuotaSetting(quotaSetting(imap::Quota{})));
  for (const char* other : {"", "x", "1 2", "1 2 3"})
    EXPECT_FALSE(parseQuotaSetting(other)) << other;
}

TEST(Room, IsWhatTheServerGives) {
  const auto st = fs::room(imap::Quota{imap::Usage{300 << 10, 1 << 20}, imap::Usage{3, 10}});
  EXPECT_EQ(st.f_blocks * st.f_frsize, 1U << 20);
  EXPECT_EQ((st.f_blocks - st.f_bfree) * st.f_frsize, 300U << 10);
  EXPECT_EQ(st.f_bavail, st.f_bfree);
  EXPECT_EQ(st.f_files, 10U);
  EXPECT_EQ(st.f_ffree, 7U);
  const auto full = fs::room(imap::Quota{imap::Usage{2 << 20, 1 << 20}, {}});
  EXPECT_EQ(full.f_bavail, 0U);
  EXPECT_EQ(fs::room(std::nullopt).f_blocks, 0U);
}

}  // namespace
}  // namespace emlfs
