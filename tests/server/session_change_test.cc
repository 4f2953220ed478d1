// The commands that change a mailbox, against each real server.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>

#include "emlfs/base/error.h"
#include "emlfs/imap/session.h"
#include "support/server_test.h"
#include "support/session_options.h"

namespace emlfs::imap {
namespace {

using test::ImapServer;
using testing::ElementsAre;
using testing::Pair;
using Change = Session::Change;

std::string sampleMessage(int number, size_t size = 200) {
  std::string message = "From: Alice <alice@example.org>\r\nSubject: number " +
                        std::to_string(number) + "\r\nMessage-ID: <" + std::to_string(number) +
                        "@example.org>\r\n\r\n";
  while (message.size() < size) message += "line of " + std::to_string(message.size()) + "\r\n";
  return message;
}

NewMessage messageOf(std::string bytes, Flags flags = {}, std::optional<InternalDate> date = {}) {
  NewMessage message;
  message.flags = std::move(flags);
  message.date = date;
  message.size = bytes.size();
  message.read = [text = std::move(bytes)](uint64_t offset, std::span<char> into) {
    return text.copy(into.data(), into.size(), offset);
  };
  return message;
}

UidSet uids(std::string_view text) {
  return UidSet::parse(text).value();
}

Error errorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {Code::system, Scope::message, "no error"};
}

std::map<Uid, MessageMeta> contents(Session& session) {
  std::map<Uid, MessageMeta> given;
  session.fetchMetadata(1, UINT32_MAX, [&](MessageMeta&& meta) { given[meta.uid] = meta; });
  return given;
}

std::string wholeBody(Session& session, Uid uid) {
  std::string body;
  for (;;) {
    BodyPiece piece = session.fetchBody(uid, body.size(), 1 << 20);
    body += piece.bytes;
    if (piece.at_end) return body;
  }
}

class ChangesWith : public test::ServerTest, public testing::WithParamInterface<ImapServer::Kind> {
 protected:
  void SetUp() override {
    start(GetParam());
    if (IsSkipped()) return;
    a_ = server().wireName("A");
    b_ = server().wireName("B");
    session_ = Session::open(test::sessionOptions(server()));
    session_->create(a_);
    session_->create(b_);
  }
  bool courier() const { return GetParam() == ImapServer::Kind::courier; }
  bool has(std::string_view name) const { return session_->capabilities().has(name); }

  void deliver(int from, int to) {
    for (int i = from; i <= to; ++i) session_->append(a_, {messageOf(sampleMessage(i))});
  }

  std::unique_ptr<Session> session_;
  std::string a_;
  std::string b_;
};

TEST_P(ChangesWith, Appends) {
  const InternalDate date{1'000'000'000, 120};
  const std::string small = sampleMessage(1);
  const std::string large = sampleMessage(2, 3'000'000);
  const auto first = session_->append(a_, {messageOf(small, Flags({"\\Seen", "\\Flagged"}), date)});
  const auto second = session_->append(a_, {messageOf(large)});
  session_->select(a_);
  EXPECT_EQ(first.has_value(), has("UIDPLUS"));
  if (first) {
    EXPECT_EQ(first->uid_validity, session_->selectedValidity());
    EXPECT_THAT(first->uids, ElementsAre(1));
    EXPECT_THAT(second.value().uids, ElementsAre(2));
  }
  const auto given = contents(*session_);
  ASSERT_EQ(given.size(), 2U);
  EXPECT_EQ(given.at(1).date.seconds, date.seconds);
  EXPECT_TRUE(given.at(1).flags.has("\\Flagged") && given.at(1).flags.has("\\Seen"));
  EXPECT_EQ(wholeBody(*session_, 1), small);
  EXPECT_EQ(wholeBody(*session_, 2), large);

  const Error missing =
      errorOf([&] { session_->append(server().wireName("none"), {messageOf(small)}); });
  EXPECT_EQ(missing.code, Code::not_found) << missing.what();
  EXPECT_NE(missing.server, "");
}

TEST_P(ChangesWith, AppendsSeveralAtOnce) {
  if (!has("MULTIAPPEND")) {
    EXPECT_EQ(errorOf([&] { session_->append(a_, {messageOf("a"), messageOf("b")}); }).code,
              Code::invalid);
    return;
  }
  std::vector<NewMessage> messages;
  for (int i = 1; i <= 50; ++i)
    messages.push_back(messageOf(sampleMessage(i, static_cast<size_t>(i) * 5'000)));
  const auto appended = session_->append(a_, messages);
  ASSERT_TRUE(appended);
  ASSERT_EQ(appended->uids.size(), 50U);
  session_->select(a_);
  for (int i = 1; i <= 50; ++i) {
    const Uid uid = appended->uids[static_cast<size_t>(i - 1)];
    EXPECT_EQ(wholeBody(*session_, uid), sampleMessage(i, static_cast<size_t>(i) * 5'000));
  }
}

TEST_P(ChangesWith, MovesAndCopies) {
  deliver(1, 4);
  const Selected selected = session_->select(a_);
  EXPECT_FALSE(selected.read_only);
  EXPECT_TRUE(session_->selectedForWriting());
  ASSERT_TRUE(selected.permanent_flags);
  EXPECT_TRUE(selected.permanent_flags->allow("\\Deleted"));

  const auto copied = session_->copy(uids("2:3,9"), b_);
  EXPECT_EQ(copied.has_value(), has("UIDPLUS"));
  if (copied) {
    EXPECT_THAT(copied->uids, ElementsAre(Pair(2, 1), Pair(3, 2)));
  }
  EXPECT_EQ(session_->searchUids(1, 99).text(), "1:4");

  if (has("MOVE")) {
    const auto moved = session_->move(uids("1,4"), b_);
    ASSERT_TRUE(moved);
    EXPECT_THAT(moved->uids, ElementsAre(Pair(1, 3), Pair(4, 4)));
    EXPECT_EQ(session_->searchUids(1, 99).text(), "2:3");
    EXPECT_FALSE(session_->move(uids("77"), b_));
  } else {
    EXPECT_TRUE(courier());
    EXPECT_EQ(errorOf([&] { session_->move(uids("1"), b_); }).code, Code::invalid);
  }
  const Error missing = errorOf([&] { session_->copy(uids("2"), server().wireName("none")); });
  EXPECT_EQ(missing.code, Code::not_found) << missing.what();
  EXPECT_EQ(session_->status(b_).messages, has("MOVE") ? 4U : 2U);
}

TEST_P(ChangesWith, StoresAndExpunges) {
  deliver(1, 3);
  session_->select(a_);
  session_->store(uids("1:2,50"), Change::add, Flags({"\\Deleted", "$Work"}));
  session_->store(uids("1:3"), Change::add, Flags({"\\Answered"}));
  session_->store(uids("2"), Change::remove, Flags({"\\Answered"}));
  auto given = contents(*session_);
  EXPECT_TRUE(given.at(1).flags.has("$Work") && given.at(1).flags.has("\\Answered"));
  EXPECT_TRUE(given.at(2).flags.has("\\Deleted") && !given.at(2).flags.has("\\Answered"));
  EXPECT_FALSE(given.at(3).flags.has("\\Deleted"));
  if (has("UIDPLUS")) {
    session_->expunge(uids("2:9"));
    EXPECT_EQ(session_->searchUids(1, 99).text(), "1,3");
  } else {
    EXPECT_EQ(errorOf([&] { session_->expunge(uids("1")); }).code, Code::invalid);
  }
}

TEST_P(ChangesWith, LeavesWithoutExpunging) {
  deliver(1, 2);
  for (const bool unselect : {true, false}) {
    SessionOptions options = test::sessionOptions(server());
    if (!unselect) options.without = {"UNSELECT"};
    const auto session = Session::open(options);
    session->select(a_);
    session->store(uids("1"), Change::add, Flags({"\\Deleted"}));
    session->unselect();
    EXPECT_EQ(session->selected(), "");
    EXPECT_EQ(session->status(a_).messages, 2U);
  }
}

TEST_P(ChangesWith, MailboxesComeAndGo) {
  EXPECT_EQ(errorOf([&] { session_->create(a_); }).code, Code::exists);
  EXPECT_EQ(errorOf([&] { session_->rename(a_, b_); }).code, Code::exists);
  const std::string c = server().wireName("C");
  EXPECT_EQ(errorOf([&] { session_->remove(c); }).code, Code::not_found);
  const auto rename = [&] { session_->rename(c, server().wireName("D")); };
  if (courier()) {
    rename();  // it says OK
  } else {
    EXPECT_EQ(errorOf(rename).code, Code::not_found);
  }
  deliver(1, 1);
  session_->select(a_);
  session_->rename(a_, c);
  EXPECT_EQ(session_->selected(), "");
  session_->subscribe(c);
  session_->unsubscribe(c);
  EXPECT_EQ(session_->select(c).messages, 1U);
  session_->remove(c);
  EXPECT_EQ(errorOf([&] { session_->select(c); }).code, Code::not_found);
}

TEST_P(ChangesWith, TellsRightsAndQuota) {
  const auto rights = session_->myRights(a_);
  EXPECT_EQ(rights.has_value(), has("ACL"));
  if (rights) {
    SCOPED_TRACE(*rights);
    for (const char right : std::string_view("lrswit"))
      EXPECT_NE(rights->find(right), rights->npos);
  }
  EXPECT_EQ(session_->quota(a_).has_value(), has("QUOTA"));
}

INSTANTIATE_TEST_SUITE_P(Each, ChangesWith, test::kEachKind,
                         [](const auto& each) { return nameOf(each.param); });

class ChangesWithDovecot : public test::ServerTest {};

TEST_F(ChangesWithDovecot, ManyMovesAndTheQuota) {
  start(ImapServer::Kind::dovecot, {"--quota", "1M"});
  if (IsSkipped()) return;
  const auto session = Session::open(test::sessionOptions(server()));
  session->create("A");
  session->create("B");
  std::vector<NewMessage> messages;
  for (int i = 1; i <= 1'500; ++i) messages.push_back(messageOf(sampleMessage(i)));
  ASSERT_EQ(session->append("A", messages).value().uids.size(), 1'500U);
  session->select("A");
  UidSet odd;
  for (Uid uid = 1; uid <= 1'500; uid += 2) odd.add(uid);
  session->store(odd, Change::add, Flags({"\\Flagged"}));
  const auto moved = session->move(odd, "B");
  ASSERT_EQ(moved.value().uids.size(), 750U);
  EXPECT_EQ(session->move(uids("1:1500"), "B").value().uids.size(), 750U);
  EXPECT_EQ(session->status("B").messages, 1'500U);

  const Quota quota = session->quota("INBOX").value();
  EXPECT_EQ(quota.storage.value().limit, uint64_t{1} << 20);
  EXPECT_GT(quota.storage.value().used, 250'000U);
  const std::string large = sampleMessage(1, 900'000);
  const Error full = errorOf([&] { session->append("A", {messageOf(large)}); });
  EXPECT_EQ(full.code, Code::quota) << full.what();
  EXPECT_EQ(full.scope, Scope::mailbox);
  session->noop();
}

}  // namespace
}  // namespace emlfs::imap
