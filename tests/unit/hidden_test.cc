// What \Deleted hides in a directory, page by page.
#include "account/hidden.h"

#include <nlohmann/json.hpp>

#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

using testing::ElementsAre;

class HiddenTest : public ReplayUnit {
 protected:
  const MailboxId a_ = test::mailboxId(1);

  void hide(uint64_t id, Uid uid) {
    auto message = test::sampleMessage(id, a_, uid);
    message.shown = store::Shown::hidden;
    update([&](auto& change) { change.putMessage(message); });
  }

  // All pages.
  struct All {
    std::vector<uint64_t> ids;
    std::vector<std::string> directories;
    unsigned pages = 0;
  };
  All all() {
    All all;
    for (uint64_t after = 0;;) {
      const std::string page = hiddenJson(store(), a_, after);
      EXPECT_LT(page.size(), size_t{64} << 10);
      ++all.pages;
      const auto json = nlohmann::json::parse(page);
      for (const auto& message : json["messages"]) all.ids.push_back(message["id"]);
      for (const auto& below : json["directories"]) all.directories.push_back(below);
      if (!json.contains("next")) return all;
      if (json["next"] <= after) {
        ADD_FAILURE() << "it does not go on";
        return all;
      }
      after = json["next"];
    }
  }
};

TEST_F(HiddenTest, ManyDirectoriesComeInPages) {
  constexpr uint64_t kDirectories = 3'000;
  update([&](auto& change) {
    for (uint64_t i = 0; i < kDirectories; ++i) {
      auto below = test::sampleMailbox(100 + i, "a mailbox with a long name " + std::to_string(i));
      below.parent = a_;
      change.putMailbox(below);
    }
    for (uint64_t i = 0; i < 1'000; ++i) {
      auto message = test::sampleMessage(5'000 - i, a_, static_cast<Uid>(i + 1));
      message.shown = store::Shown::hidden;
      change.putMessage(message);
    }
  });
  const All found = all();
  EXPECT_EQ(found.ids.size(), 1'000U);
  EXPECT_EQ(std::set(found.ids.begin(), found.ids.end()).size(), 1'000U);
  EXPECT_EQ(std::set(found.directories.begin(), found.directories.end()).size(), kDirectories);
  EXPECT_EQ(found.directories.size(), kDirectories);
  EXPECT_GT(found.pages, 3U);
}

// Where it is is the server's business, where it will be is ours.
TEST_F(HiddenTest, WhatIsOnItsWayIsHiddenWhereItGoes) {
  hide(10, 5);
  hide(11, 6);
  hide(12, 7);
  auto elsewhere = test::sampleMessage(13, test::mailboxId(2), 1);
  elsewhere.shown = store::Shown::hidden;
  update([&](auto& change) { change.putMessage(elsewhere); });
  auto arriving = move("<13@example.org>", 100);
  arriving.id = MessageId{13};
  arriving.source.mailbox = "B";
  arriving.mailbox = "A";
  auto leaving = move("<11@example.org>", 100);
  leaving.id = MessageId{11};
  auto expunged = move("<12@example.org>", 100);
  expunged.kind = store::Change::Kind::expunge;
  expunged.id = MessageId{12};
  expunged.mailbox.clear();
  pending_.add({.add = {arriving, leaving, expunged}});
  EXPECT_THAT(all().ids, ElementsAre(10, 13));
  EXPECT_THAT(hiddenIn(store(), a_, {MessageId{10}, MessageId{11}, MessageId{12}, MessageId{13}}),
              ElementsAre(MessageId{10}, MessageId{13}));
}

}  // namespace
}  // namespace emlfs
