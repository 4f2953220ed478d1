// rm with `delete = trash`, while others do so as well.
#include <memory>

#include "account/changes.h"
#include "emlfs/view/names.h"
#include "unit/draft_fixture.h"

namespace emlfs {
namespace {

class WatchedCache final : public store::Cache {
 public:
  explicit WatchedCache(store::Cache& inner) : inner_(inner) {}
  std::function<void()> before_snapshot = [] {};

  std::unique_ptr<store::Snapshot> snapshot() const override {
    before_snapshot();
    return inner_.snapshot();
  }
  std::unique_ptr<store::Update> begin(store::Durability durability) override {
    return inner_.begin(durability);
  }
  void sync() override { inner_.sync(); }
  store::CacheSize size() const override { return inner_.size(); }
  void used(MessageId id) override { inner_.used(id); }
  void noteUses() override { inner_.noteUses(); }
  uint64_t evict(uint64_t bytes, const std::function<bool()>& go_on) override {
    return inner_.evict(bytes, go_on);
  }
  uint64_t highestId() const override { return inner_.highestId(); }

 private:
  store::Cache& inner_;
};

class Discard : public DraftUnitTest {
 protected:
  void SetUp() override {
    DraftUnitTest::SetUp();
    update([&](auto& change) {
      auto trash = test::sampleMailbox(2, "Trash");
      trash.special_use = "\\Trash";
      change.putMailbox(trash);
    });
  }
  void putInTrash(uint64_t id, Uid uid, const std::string& name) {
    auto message = test::sampleMessage(id, kTrash, uid);
    message.name = name;
    update([&](auto& change) { change.putMessage(message); });
  }

  const MailboxId kTrash = test::mailboxId(2);
};

TEST_F(Discard, ANameThatAnotherTakesMeanwhileIsNotAsked) {
  const auto message = deliver("x.eml", 10, 1);
  WatchedCache cache(*cache_);
  const sync::Store store{cache, *ids_, names_, pending_.get(), spool_.get()};
  ChangesHooks hooks;
  hooks.on_change = [](const sync::TreeChange&) {};
  hooks.added = [] {};
  hooks.sync_others = [] {};
  Deletions deletions;
  const auto changes = makeChanges(store, *drafts_, Deletion::trash, deletions, hooks);
  // One after the look for a free name, and before it is taken.
  int looks = 0;
  cache.before_snapshot = [&] {
    if (++looks == 2) putInTrash(20, 1, "x.eml");
  };
  changes->remove(message.id);
  EXPECT_GT(looks, 2);
  const auto now = cache_->snapshot()->message(message.id).value();
  EXPECT_EQ(now.directory, kTrash);
  EXPECT_EQ(now.name, view::alternativeName("x.eml", 1));
  EXPECT_EQ(cache_->snapshot()->message(MessageId{20})->name, "x.eml");
}

}  // namespace
}  // namespace emlfs
