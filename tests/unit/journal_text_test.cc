// The journal as JSON, and as lines for a person.
#include "account/journal_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/journal_lines.h"
#include "emlfs/base/error.h"
#include "support/cache_samples.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

using store::Change;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class JournalText : public testing::Test {
 protected:
  JournalText() {
    const auto update = cache_->begin();
    update->putMailbox(test::sampleMailbox(10, "Lists"));
    update->putMailbox(test::sampleMailbox(11, "lkml", test::mailboxId(10)));
    update->putMessage(test::sampleMessage(100, test::mailboxId(11), 5));
    update->commit();
  }

  static Change move(uint64_t number) {
    Change change;
    change.number = number;
    change.id = MessageId{100};
    change.source = {"Lists/lkml", 7, 5, "<100@example.org>", 1239};
    change.mailbox = "Entw&APw-rfe";
    change.acknowledged = 1'795'000'000;
    return change;
  }
  static Change refused(Change change) {
    change.state = Change::State::parked;
    change.error = Code::quota;
    change.server = "NO [OVERQUOTA] \x1b[2J full";
    return change;
  }
  std::string page(const std::vector<Change>& changes, uint64_t after) const {
    return journalJson({*cache_->snapshot(), changes, name_of_, spool_}, after);
  }
  nlohmann::json json(const std::vector<Change>& changes, uint64_t after = 0) const {
    return nlohmann::json::parse(page(changes, after));
  }

  const std::string spool_ = "/spool";
  std::function<std::optional<std::string>(MessageId)> name_of_ =
      [](MessageId /*id*/) -> std::optional<std::string> { return std::nullopt; };
  const test::ScratchDir dir_;
  const std::unique_ptr<store::Cache> cache_ = store::Cache::open(dir_ / "cache");
};

TEST_F(JournalText, SaysWhatWhereAndWhy) {
  const auto all = json({refused(move(3))});
  EXPECT_EQ(all["version"], 1);
  const auto& one = all["changes"][0];
  EXPECT_EQ(one["number"], 3);
  EXPECT_EQ(one["kind"], "move");
  EXPECT_EQ(one["state"], "refused");
  EXPECT_EQ(one["error"], "quota");
  EXPECT_EQ(one["path"], "Lists/lkml/2026-11-20_Alice_Report.5.eml");
  EXPECT_EQ(one["message_id"], "<100@example.org>");
  EXPECT_EQ(one["since"], "2026-11-18T11:06:40Z");

  EXPECT_EQ(app::journalText("/mnt/mail", all),
            "     3  refused  move 2026-11-20_Alice_Report.5.eml from Lists/lkml to Entwürfe\n"
            "                 since 2026-11-18T11:06:40Z; <100@example.org>, UID 5, 1.2 KiB\n"
            "                 the server said: NO [OVERQUOTA] ?[2J full\n"
            "                 what to do: make room on the server, then retry\n"
            "'emlfs journal /mnt/mail retry N' sends it again, 'drop N' forgets it, 'export N DIR' "
            "saves the message\n");
}

TEST_F(JournalText, EachKindIsSaid) {
  Change change = move(1);
  const auto text = [&] { return app::changeText(json({change})["changes"][0]); };
  const std::string name = "2026-11-20_Alice_Report.5.eml";
  change.kind = Change::Kind::flags;
  change.add = Flags({"\\Seen"});
  change.remove = Flags({"$Work"});
  EXPECT_EQ(text(), "flags +\\Seen -$Work of " + name + " in Lists/lkml");
  change.add = Flags({"\\Deleted"});
  EXPECT_EQ(text(), "delete " + name + " in Lists/lkml");
  change.add = {};
  change.remove = Flags({"\\Deleted"});
  EXPECT_EQ(text(), "undelete " + name + " in Lists/lkml");
  change.kind = Change::Kind::expunge;
  EXPECT_EQ(text(), "expunge " + name + " in Lists/lkml");
  change.kind = Change::Kind::append;
  change.spool = "100.eml";
  EXPECT_EQ(text(), "add " + name + " to Entwürfe");
  EXPECT_EQ(json({change})["changes"][0]["spool"], "/spool/100.eml");
  change.id = {};
  change.source = {};
  change.kind = Change::Kind::create_mailbox;
  EXPECT_EQ(text(), "make the mailbox Entwürfe");
  change.kind = Change::Kind::rename_mailbox;
  change.other = "New";
  EXPECT_EQ(text(), "rename the mailbox Entwürfe to New");
  change.kind = Change::Kind::remove_mailbox;
  EXPECT_EQ(text(), "remove the mailbox Entwürfe");
}

// A new message that was refused is in no listing any more, and nowhere else.
TEST_F(JournalText, ARefusedNewMessageKeepsTheNameItWasGiven) {
  Change append = move(1);
  append.kind = Change::Kind::append;
  append.id = MessageId{4711};
  append.spool = "4711";
  name_of_ = [](MessageId id) {
    return id == MessageId{4711} ? std::optional<std::string>("offer.eml") : std::nullopt;
  };
  EXPECT_EQ(app::changeText(json({refused(append)})["changes"][0]), "add offer.eml to Entwürfe");
}

// An extended attribute holds 64 KiB.
TEST_F(JournalText, ComesInPages) {
  std::vector<Change> changes;
  for (uint64_t number = 1; number <= 1'000; ++number) changes.push_back(move(number));
  std::vector<uint64_t> seen;
  for (uint64_t after = 0;;) {
    const std::string part = page(changes, after);
    ASSERT_LT(part.size(), size_t{64} << 10);
    const auto parsed = nlohmann::json::parse(part);
    for (const auto& change : parsed["changes"]) seen.push_back(change["number"]);
    if (!parsed.contains("next")) break;
    ASSERT_GT(parsed["next"], after);
    after = parsed["next"];
  }
  EXPECT_EQ(seen.size(), 1'000U);
  EXPECT_EQ(seen.back(), 1'000U);
}

TEST_F(JournalText, OfTheServersWordsTheBeginningIsShown) {
  Change change = refused(move(1));
  change.server = std::string(200'000, 'x') + "\xff";
  EXPECT_LT(json({change}).dump().size(), 2'000U);
}

TEST_F(JournalText, TheStatusCounts) {
  Change deletion = move(2);
  deletion.kind = Change::Kind::flags;
  deletion.add = Flags({"\\Deleted"});
  Change append = move(1);
  append.kind = Change::Kind::append;
  nlohmann::json status;
  const std::vector<Change> changes{refused(append), deletion, move(3), move(4)};
  addJournal(status, {*cache_->snapshot(), changes, name_of_, spool_}, 1'795'000'060);
  EXPECT_EQ(status["changes"]["pending"], 3);
  EXPECT_EQ(status["changes"]["kinds"]["move"], 2);
  EXPECT_EQ(status["changes"]["kinds"]["delete"], 1);
  EXPECT_EQ(status["changes"]["oldest_seconds"], 60);
  EXPECT_EQ(status["changes"]["refused"], 1);
  EXPECT_EQ(status["changes"]["held_deletions"], 1);
  EXPECT_EQ(status["refused"][0]["number"], 1);
}

TEST(JournalCommands, AreFewWords) {
  const auto retry = parseJournalCommand("retry 3 17");
  EXPECT_EQ(retry.act, JournalCommand::Act::retry);
  EXPECT_THAT(retry.numbers, ElementsAre(3, 17));
  EXPECT_TRUE(parseJournalCommand("retry all").all);
  EXPECT_EQ(parseJournalCommand(" drop  4 ").act, JournalCommand::Act::drop);
  for (const char* bad : {"", "retry", "drop", "drop all", "retry all 3", "undo 3", "retry x",
                          "retry -1", "retry 3x", "drop 99999999999999999999", "3"})
    EXPECT_THROW(parseJournalCommand(bad), Error) << bad;
}

TEST(WhatIsLeft, IsNamed) {
  const auto left = [](const char* json) { return app::leftText(nlohmann::json::parse(json)); };
  EXPECT_EQ(left(R"({"changes": {"pending": 0}, "drafts": []})"), "");
  EXPECT_EQ(left(R"({})"), "");
  EXPECT_EQ(left(R"({"changes": {"pending": 1}})"), "1 change");
  EXPECT_EQ(left(R"({"changes": {"pending": 1200, "drafts": 2}, "drafts": [
      {"path": "INBOX/a.tmp", "reason": "", "temporary": true},
      {"path": "INBOX/b.eml", "reason": "it has NUL bytes", "temporary": false}]})"),
            "1,200 changes, and 2 new messages that are not finished (INBOX/a.tmp, INBOX/b.eml: it "
            "has NUL bytes)");
}

}  // namespace
}  // namespace emlfs
