// In which order tools come to the directories of a tree.
#include "account/tree_order.h"

#include <gmock/gmock.h>

#include "support/cache_samples.h"
#include "unit/cache_fixture.h"

namespace emlfs {
namespace {

using testing::ElementsAre;

class TreeOrderTest : public CacheTest {
 protected:
  void SetUp() override {
    CacheTest::SetUp();
    // The names are in another order than the ids.
    update([](auto& change) {
      const auto put = [&](uint64_t id, const char* name, uint64_t parent) {
        auto mailbox = test::sampleMailbox(id, name);
        if (parent != 0) mailbox.parent = test::mailboxId(parent);
        change.putMailbox(mailbox);
      };
      put(1, "c", 0);
      put(2, "a", 0);
      put(3, "b", 0);
      put(4, "z", 2);
      put(5, "y", 2);
      put(6, "x", 5);
    });
  }
  std::vector<uint64_t> from(MailboxId directory, TreeOrder order) const {
    std::vector<uint64_t> ids;
    const auto snapshot = cache_->snapshot();
    for (std::optional<MailboxId> at = directory; at && ids.size() < 20;
         at = directoryAfter(*snapshot, *at, order))
      ids.push_back(*at == kRoot ? 0 : at->value & ~kDirectoryBit);
    return ids;
  }
};

TEST_F(TreeOrderTest, AsListedSubdirectoriesComeFirst) {
  EXPECT_THAT(from(test::mailboxId(1), TreeOrder::listed), ElementsAre(1, 4, 6, 5, 2, 3, 0));
}

TEST_F(TreeOrderTest, BackwardsTheyComeLastAndTheLastOfThemFirst) {
  EXPECT_THAT(from(kRoot, TreeOrder::backwards), ElementsAre(0, 3, 2, 5, 6, 4, 1));
}

TEST_F(TreeOrderTest, ByNameTheyComeLast) {
  EXPECT_THAT(from(kRoot, TreeOrder::by_name), ElementsAre(0, 2, 5, 6, 4, 3, 1));
}

TEST_F(TreeOrderTest, OfWhatIsGoneNothingFollows) {
  for (const auto order : {TreeOrder::listed, TreeOrder::backwards, TreeOrder::by_name})
    EXPECT_EQ(directoryAfter(*cache_->snapshot(), test::mailboxId(99), order), std::nullopt);
}

}  // namespace
}  // namespace emlfs
