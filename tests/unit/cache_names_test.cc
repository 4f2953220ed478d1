// What is asked of the cache about names: which is free in a directory, and where a directory is.
#include "emlfs/store/path.h"
#include "emlfs/sync/free_name.h"
#include "support/cache_samples.h"
#include "unit/cache_fixture.h"

namespace emlfs {
namespace {

using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;

TEST_F(CacheTest, AFreeNameIsTheNextThatNothingHas) {
  update([](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    change.putMailbox(sampleMailbox(3, "b"));
    uint64_t id = 10;
    for (const char* name : {"x.7.eml", "x~1.7.eml", "x~3.7.eml"}) {
      auto record = sampleMessage(id, mailboxId(2), static_cast<Uid>(id));
      record.name = name;
      change.putMessage(record);
      ++id;
    }
  });
  const auto snapshot = cache_->snapshot();
  EXPECT_EQ(sync::freeName(*snapshot, mailboxId(2), "y.7.eml"), "y.7.eml");
  EXPECT_EQ(sync::freeName(*snapshot, mailboxId(3), "x.7.eml"), "x.7.eml");
  EXPECT_EQ(sync::freeName(*snapshot, mailboxId(2), "x.7.eml"), "x~2.7.eml");
  EXPECT_EQ(sync::freeName(*snapshot, mailboxId(2), "x.7.eml", MessageId{10}), "x.7.eml");
  EXPECT_EQ(sync::freeName(*snapshot, mailboxId(2), "x.7.eml", MessageId{11}), "x~1.7.eml");
}

TEST_F(CacheTest, ADirectoryHasAPath) {
  update([](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    change.putMailbox(sampleMailbox(3, "b", mailboxId(2)));
  });
  const auto snapshot = cache_->snapshot();
  EXPECT_EQ(store::pathOf(*snapshot, kRoot), "");
  EXPECT_EQ(store::pathOf(*snapshot, mailboxId(2)), "/a");
  EXPECT_EQ(store::pathOf(*snapshot, mailboxId(3)), "/a/b");
  EXPECT_EQ(store::pathOf(*snapshot, mailboxId(4)), std::nullopt);
}

}  // namespace
}  // namespace emlfs
