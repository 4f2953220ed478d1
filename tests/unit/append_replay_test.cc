// New messages that a person changes while others are sent.
#include "sync/append_replay.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <array>

#include "emlfs/sync/replay.h"
#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

using State = store::Change::State;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kOne = "From: a\r\n\r\none\r\n";
constexpr const char* kThree = "From: a\r\n\r\nthree\r\n";
constexpr const char* kFourteen = "From: a\r\n\r\nfourteen\r\n";

// One mailbox, which the server doesn't show, or not all of it.
class TroubledSession final : public test::ReadingSession {
 public:
  test::ServerMailbox mailbox;
  std::optional<Code> examine_error;
  std::set<Uid> unreadable;
  std::set<Uid> undescribed;
  std::vector<uint64_t> sent;  // the sizes

  const imap::Capabilities& capabilities() const override { return capabilities_; }
  std::string tlsVersion() const override { return {}; }
  std::string greeting() const override { return {}; }
  std::vector<Namespace> namespaces() override { return {{}}; }
  std::vector<ListEntry> list(const std::vector<Namespace>&) override { return {}; }
  MailboxStatus status(std::string_view) override {
    return {static_cast<uint32_t>(mailbox.messages.size()), mailbox.uid_next, mailbox.validity, 0};
  }
  imap::Selected examine(std::string_view wire, const std::optional<imap::Known>&,
                         const imap::Next&) override {
    if (examine_error) throw Error(*examine_error, Scope::mailbox, "trouble", "trouble");
    selected_ = wire;
    imap::Selected now;
    now.uid_validity = mailbox.validity;
    now.uid_next = mailbox.uid_next;
    return now;
  }
  void unselect() override { selected_.clear(); }
  const std::string& selected() const override { return selected_; }
  UidValidity selectedValidity() const override { return mailbox.validity; }
  void fetchMetadata(Uid first, Uid last, const std::function<void(MessageMeta&&)>& each,
                     std::optional<UidRange>) override {
    for (const auto& [uid, message] : mailbox.messages)
      if (uid >= first && uid <= last && !undescribed.contains(uid))
        each(MessageMeta(message.meta));
    if (!undescribed.empty()) throw Error(Code::protocol, Scope::mailbox, "what is that?");
  }
  void fetchFlags(Uid, Uid, ModSeq, const std::function<void(FlagChange&&)>&) override {}
  UidSet searchUids(Uid first, Uid last) override {
    UidSet uids;
    for (const auto& [uid, message] : mailbox.messages)
      if (uid >= first && uid <= last) uids.add(uid);
    return uids;
  }
  imap::BodyPiece fetchBody(Uid uid, uint64_t offset, uint32_t count) override {
    if (unreadable.contains(uid)) throw Error(Code::refused, Scope::message, "trouble", "trouble");
    const auto& bytes = mailbox.messages.at(uid).bytes;
    return {bytes.substr(offset, count), offset + count >= bytes.size()};
  }
  std::optional<imap::AppendedUids> append(std::string_view,
                                           const std::vector<imap::NewMessage>& messages) override {
    for (const auto& message : messages) sent.push_back(message.size);
    return std::nullopt;
  }

 private:
  const imap::Capabilities capabilities_{{"MULTIAPPEND"}};
  std::string selected_;
};

class AppendReplay : public ReplayUnit {
 protected:
  AppendReplay() { session_.mailboxes["A"]; }

  // One whose answer was lost.
  void begun(uint64_t id, const std::string& bytes) {
    append(id, bytes);
    pending_.begin({pending_.changes().back()}, {1, 1, 0});
    pending_.end("A");
  }

  test::MailboxSession session_{{}};
};

// From then on it is what a person retries; nobody can have changed it in between.
TEST_F(AppendReplay, WhatIsRefusedIsParkedBeforeTheNextIsSent) {
  append(10, "From: a\r\n\r\none\r\n");
  append(11, "From: a\r\n\r\ntwo\r\n");
  int sent = 0;
  session_.on_append = [&](const auto&) {
    if (++sent == 1) throw Error(Code::quota, Scope::mailbox, "full", "NO [OVERQUOTA]");
    EXPECT_EQ(pending_.changes().front().state, State::parked);
  };
  sync::replay(session_, store(), ignore_);
  EXPECT_EQ(sent, 2);
  EXPECT_EQ(pending_.parked(), 1U);
  EXPECT_FALSE(cache_->snapshot()->message(MessageId{10}));
  EXPECT_TRUE(cache_->snapshot()->message(MessageId{11}));
}

TEST_F(AppendReplay, OneThatIsBeingWrittenIsNotDamaged) {
  append(10, "From: a\r\n\r\none\r\n");
  const auto run = pending_.next();
  pending_.amend(MessageId{10}, [&](store::Change append) {
    store::writeAt(spool_.open(append.spool).get(), "more", append.size);
    append.size = 0;
    return store::Batch{.update = {append}};
  });
  const sync::Refused refused = [](const auto&, const Error& error) {
    ADD_FAILURE() << error.what();
  };
  sync::appendMessages(session_, store(), run, ignore_, refused);
  EXPECT_EQ(pending_.changes().front().state, State::pending);
  EXPECT_EQ(pending_.changes().front().size, 0U);
}

// It had it all, and may store it as late again.
TEST_F(AppendReplay, AServerThatWasSilentIsGivenAsLongAgain) {
  constexpr Milliseconds kSilence{1'300};
  append(10, kOne);
  append(11, kThree);
  test::MailboxSession session({"IDLE"});
  session.mailboxes["A"];
  session.on_append = [&](const auto& messages) {
    std::array<char, 100> bytes{};
    EXPECT_EQ(messages.front().read(0, bytes), messages.front().size);
    ::poll(nullptr, 0, kSilence.count());
    throw Error(Code::network, Scope::connection, "cut");
  };
  EXPECT_THROW(sync::replay(session, store(), ignore_), Error);
  EXPECT_EQ(session.listened, Milliseconds{0});
  session.on_listen = [&] {
    session.mailboxes["A"].put(1, "", kOne);
    session.on_listen = nullptr;
  };
  session.on_append = [&](const auto& messages) {
    EXPECT_EQ(messages.front().size, std::string(kThree).size());
  };
  sync::replay(session, store(), ignore_);
  EXPECT_GT(session.listened, Milliseconds{1'000}) << "a second is the least";
  EXPECT_FALSE(pending_.appendOf(MessageId{10}));
}

TEST_F(AppendReplay, OneWithoutItsBytesIsRefused) {
  append(10, "From: a\r\n\r\none\r\n");
  spool_.remove(pending_.changes().front().spool);
  sync::replay(session_, store(), ignore_);
  ASSERT_EQ(pending_.parked(), 1U);
  EXPECT_EQ(pending_.changes().front().error, Code::damaged);
}

TEST_F(AppendReplay, OnlyWhatMayBeAnUnreadableMessageIsRefused) {
  begun(10, kOne);
  begun(11, kThree);
  begun(12, kFourteen);
  TroubledSession session;
  session.mailbox.put(1, "", kOne);
  session.mailbox.put(2, "", kThree);
  session.unreadable = {1};
  sync::replay(session, store(), ignore_);
  EXPECT_THAT(session.sent, ElementsAre(std::string(kFourteen).size()));
  ASSERT_EQ(pending_.parked(), 1U);
  const auto parked = pending_.changes().front();
  EXPECT_EQ(parked.id, MessageId{10});
  EXPECT_EQ(parked.state, State::parked);
  EXPECT_TRUE(parked.recovered) << "a retry looks for it";
  EXPECT_TRUE(spool_.read(parked.spool));
  EXPECT_EQ(cache_->snapshot()->message(MessageId{11}).value().uid, 2U);
}

TEST_F(AppendReplay, WhatTwoMessagesMayBeIsTheOneThatCanBeRead) {
  begun(10, kOne);
  TroubledSession session;
  session.mailbox.put(1, "", "From: a\r\n\r\ntwo\r\n");
  session.mailbox.put(2, "", kOne);
  session.unreadable = {1};
  sync::replay(session, store(), ignore_);
  EXPECT_THAT(session.sent, IsEmpty());
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_EQ(cache_->snapshot()->message(MessageId{10}).value().uid, 2U);
}

TEST_F(AppendReplay, WhatIsDescribedUnreadablyIsComparedAllTheSame) {
  begun(10, kOne);
  begun(11, kThree);
  TroubledSession session;
  session.mailbox.put(1, "", kOne);
  session.undescribed = {1};
  sync::replay(session, store(), ignore_);
  EXPECT_THAT(session.sent, ElementsAre(std::string(kThree).size()));
  EXPECT_EQ(pending_.parked(), 0U);
  EXPECT_EQ(cache_->snapshot()->message(MessageId{10}).value().uid, 1U);
}

TEST_F(AppendReplay, WhatCantBeLookedForIsNeitherSentNorRefused) {
  begun(10, kOne);
  TroubledSession session;
  session.mailbox.put(1, "", kOne);
  for (const Code code : {Code::refused, Code::busy, Code::limit}) {
    session.examine_error = code;
    try {
      sync::replay(session, store(), ignore_);
      ADD_FAILURE() << "it was believed: " << name(code);
    } catch (const Error& error) {
      EXPECT_EQ(error.scope, Scope::connection);
    }
    EXPECT_EQ(pending_.changes().front().state, State::begun);
  }
  session.examine_error.reset();
  sync::replay(session, store(), ignore_);
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_THAT(session.sent, IsEmpty());
}

// A mailbox that one may only put messages into, for one.
TEST_F(AppendReplay, WhereNobodyCanEverLookItIsRefused) {
  uint64_t id = 10;
  for (const Code code : {Code::denied, Code::invalid, Code::protocol}) {
    begun(id++, kOne);
    TroubledSession session;
    session.examine_error = code;
    sync::replay(session, store(), ignore_);
    EXPECT_THAT(session.sent, IsEmpty());
    EXPECT_EQ(pending_.changes().back().state, State::parked);
    EXPECT_EQ(pending_.changes().back().error, code);
  }
}

TEST_F(AppendReplay, WhatWasBegunIsSentAgainWhereItsMailboxWasMadeAnew) {
  begun(10, kOne);
  TroubledSession session;
  session.examine_error = Code::not_found;
  sync::replay(session, store(), ignore_);
  EXPECT_THAT(session.sent, ElementsAre(std::string(kOne).size()));
}

}  // namespace
}  // namespace emlfs
