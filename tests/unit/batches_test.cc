#include "imap/batches.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace emlfs::imap {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> batches(std::string_view uids, size_t octets) {
  std::vector<std::string> texts;
  UidSet set;
  if (!uids.empty()) set = UidSet::parse(uids).value();
  eachBatch(set, octets, [&](const UidSet& batch) { texts.push_back(batch.text()); });
  return texts;
}

TEST(Batches, CutByLength) {
  EXPECT_THAT(batches("", 10), IsEmpty());
  EXPECT_THAT(batches("1:5,7", 8), ElementsAre("1:5,7"));
  EXPECT_THAT(batches("1:5,7,9", 6), ElementsAre("1:5,7", "9"));
  EXPECT_THAT(batches("100:200,300:400", 8), ElementsAre("100:200", "300:400"));
  EXPECT_THAT(batches("100,300", 1), ElementsAre("100", "300"));  // one goes in any case
}

TEST(Batches, CutByNumber) {
  EXPECT_THAT(batches("1:1000", 100), ElementsAre("1:1000"));
  EXPECT_THAT(batches("1:999,1001:1003", 100), ElementsAre("1:999,1001", "1002:1003"));
  EXPECT_THAT(batches("4294964295:4294967295", 100),
              ElementsAre("4294964295:4294965294", "4294965295:4294966294", "4294966295:4294967294",
                          "4294967295"));
}

TEST(Batches, ALineHasRoomForItsName) {
  EXPECT_GT(octetsBeside(std::string(1'000, '"')), 5'000U);
  EXPECT_GT(octetsBeside(std::string(100'000, 'x')), 5'000U);
}

}  // namespace
}  // namespace emlfs::imap
