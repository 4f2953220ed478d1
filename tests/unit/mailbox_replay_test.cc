// Changes of mailboxes sent to a server whose lists leave something out, or that refuses in the
// middle: nothing is given up that is there.
#include <gmock/gmock.h>

#include "emlfs/store/journal.h"
#include "emlfs/sync/mailbox_change.h"
#include "emlfs/sync/parked.h"
#include "emlfs/sync/replay.h"
#include "unit/sync_fixture.h"

namespace emlfs::sync {
namespace {

using store::Change;
using testing::ElementsAre;

// Mailboxes by name, each with the number of its messages, all with the same flags.
class TreeSession final : public test::ReadingSession {
 public:
  struct Box {
    UidValidity validity = 1;
    uint32_t messages = 0;
    std::string special_use = {};
    bool inferiors = true;
  };
  std::map<std::string, Box> boxes;
  Flags flags;
  std::set<std::string> left_out;           // of lists
  std::string forbidden;                    // EXAMINE says NO of what begins so
  std::optional<Code> status_error;         // what STATUS says of all
  std::set<std::string> no_list;            // LIST of these says NO, once
  std::function<void()> on_rename;          // when it is done
  std::string no_rename_below = "nowhere";  // RENAME says NO

  const imap::Capabilities& capabilities() const override { return capabilities_; }
  std::string tlsVersion() const override { return {}; }
  std::string greeting() const override { return {}; }
  std::vector<Namespace> namespaces() override { return {{Namespace::Kind::personal, "", '/'}}; }
  std::vector<ListEntry> list(const std::vector<Namespace>&) override { return listBelow("", '/'); }
  std::vector<ListEntry> listBelow(std::string_view wire, char) override {
    if (no_list.erase(std::string(wire)) != 0)
      throw Error(Code::busy, Scope::mailbox, "not now", "not now");
    std::vector<ListEntry> all;
    for (const auto& [name, box] : boxes) {
      const bool below = wire.empty() || name == wire || name.starts_with(std::string(wire) + "/");
      if (!below || left_out.contains(name)) continue;
      ListEntry entry;
      entry.wire = name;
      entry.delimiter = '/';
      entry.inferiors = box.inferiors;
      entry.special_use = box.special_use;
      all.push_back(std::move(entry));
    }
    return all;
  }
  MailboxStatus status(std::string_view wire) override {
    if (status_error) throw Error(*status_error, Scope::mailbox, "trouble", "trouble");
    const Box& found = box(wire);
    return {found.messages, found.messages + 1, found.validity, 0};
  }
  imap::Selected examine(std::string_view wire, const std::optional<imap::Known>&,
                         const imap::Next&) override {
    const Box& found = box(wire);
    if (!forbidden.empty() && wire.starts_with(forbidden))
      throw Error(Code::refused, Scope::mailbox, "no", "no");
    selected_ = wire;
    imap::Selected now;
    now.uid_validity = found.validity;
    now.messages = found.messages;
    now.uid_next = found.messages + 1;
    return now;
  }
  void unselect() override { selected_.clear(); }
  const std::string& selected() const override { return selected_; }
  UidValidity selectedValidity() const override { return 0; }
  void fetchMetadata(Uid first, Uid last, const std::function<void(MessageMeta&&)>& each,
                     std::optional<UidRange>) override {
    for (Uid uid = first; uid <= std::min<Uid>(last, box(selected_).messages); ++uid) {
      MessageMeta meta;
      meta.uid = uid;
      meta.size = 100;
      meta.flags = flags;
      each(std::move(meta));
    }
  }
  void fetchFlags(Uid first, Uid last, ModSeq,
                  const std::function<void(FlagChange&&)>& each) override {
    for (Uid uid = first; uid <= std::min<Uid>(last, box(selected_).messages); ++uid)
      each({uid, flags, 0});
  }
  UidSet searchUids(Uid, Uid) override { return {}; }
  imap::BodyPiece fetchBody(Uid, uint64_t, uint32_t) override { return {}; }

  void create(std::string_view wire) override {
    if (!boxes.try_emplace(std::string(wire)).second)
      throw Error(Code::exists, Scope::mailbox, "taken");
  }
  void remove(std::string_view wire) override {
    box(wire);
    boxes.erase(std::string(wire));
  }
  void rename(std::string_view from, std::string_view to) override {
    if (to.starts_with(no_rename_below)) throw Error(Code::refused, Scope::mailbox, "no", "no");
    const Box moved = box(from);
    if (boxes.contains(std::string(to))) throw Error(Code::exists, Scope::mailbox, "taken");
    boxes.erase(std::string(from));
    boxes[std::string(to)] = moved;
    if (on_rename) on_rename();
    const std::string below = std::string(from) + "/";
    for (auto at = boxes.lower_bound(below); at != boxes.end() && at->first.starts_with(below);) {
      boxes[std::string(to) + "/" + at->first.substr(below.size())] = at->second;
      at = boxes.erase(at);
    }
  }
  void subscribe(std::string_view) override {}
  void unsubscribe(std::string_view) override {}

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, box] : boxes) all.push_back(name);
    return all;
  }

 private:
  Box& box(std::string_view wire) {
    const auto found = boxes.find(std::string(wire));
    if (found == boxes.end()) throw Error(Code::not_found, Scope::mailbox, "gone");
    return found->second;
  }
  imap::Capabilities capabilities_;
  std::string selected_;
};

class MailboxReplayTest : public StoreTest {
 protected:
  void SetUp() override {
    session_.boxes = {{"INBOX", {}}, {"a", {5, 0}}};
    refresh();
  }
  Store all() {
    auto with = store();
    with.pending = &pending_;
    return with;
  }
  void refresh() { refreshTree(session_, session_.namespaces(), all(), doubts_, ignore_); }
  MailboxId idOf(const std::string& name) {
    return MailboxId{cache_->snapshot()->find(kRoot, name).value().node};
  }
  void rename(const std::string& to) { renameMailbox(all(), idOf("a"), kRoot, to, ignore_); }
  // The answer was lost.
  void begun(UidValidity validity) {
    Change change = pending_.mailboxChanges().front();
    change.state = Change::State::begun;
    change.destination.uid_validity = validity;
    pending_.step(change);
  }
  void send() { replay(session_, all(), ignore_); }
  std::string wireOf(MailboxId id) { return cache_->snapshot()->mailbox(id).value().wire; }
  // `a` with a message that is hidden in it, and a \Trash.
  void hideOne() {
    session_.flags = Flags({"\\Deleted"});
    session_.boxes["a"].messages = 1;
    session_.boxes["t"] = {6, 0, "\\Trash", true};
    refresh();
    syncMailbox(session_, all(), idOf("a"), ignore_);
  }

  TreeSession session_;
  std::unique_ptr<store::Journal> journal_ = store::Journal::open(directory_.path() + "/journal");
  Pending pending_{*journal_};
};

TEST_F(MailboxReplayTest, ARenameThatIsNotListedHasHappened) {
  const auto id = idOf("a");
  rename("b");
  session_.left_out = {"b"};
  send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_EQ(wireOf(id), "b");
}

TEST_F(MailboxReplayTest, ARenameThatIsNotListedIsFoundAfterALostAnswer) {
  const auto id = idOf("a");
  rename("b");
  begun(5);
  session_.rename("a", "b");
  session_.left_out = {"b"};
  send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_EQ(wireOf(id), "b");
}

TEST_F(MailboxReplayTest, WhatCantBeFoundOutNowIsTriedAgain) {
  const auto id = idOf("a");
  rename("b");
  begun(5);
  session_.rename("a", "b");
  session_.left_out = {"b"};
  for (const Code code : {Code::refused, Code::busy, Code::protocol}) {
    session_.status_error = code;
    try {
      send();
      ADD_FAILURE() << "it was believed: " << name(code);
    } catch (const Error& error) {
      EXPECT_EQ(error.scope, Scope::connection);
    }
    EXPECT_EQ(pending_.mailboxChanges().size(), 1U);
  }
  session_.status_error.reset();
  send();
  EXPECT_EQ(wireOf(id), "b");
}

TEST_F(MailboxReplayTest, WhatWasRenamedAndCantBeListedIsTriedAgain) {
  const auto id = idOf("a");
  rename("b");
  session_.no_list = {};
  session_.on_rename = [this] { session_.no_list = {"b"}; };
  for (int tries = 0; tries < 2; ++tries) {
    try {
      send();
      ADD_FAILURE() << "it was believed";
    } catch (const Error& error) {
      EXPECT_EQ(error.scope, Scope::connection);
    }
    EXPECT_THAT(session_.names(), ElementsAre("INBOX", "b"));
    EXPECT_EQ(pending_.parked(), 0U);
    session_.no_list = {"a"};
  }
  session_.no_list = {};
  send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_EQ(wireOf(id), "b");
}

TEST_F(MailboxReplayTest, WhatCantBeFoundOutAndIsNotBegunIsRefused) {
  const auto id = idOf("a");
  rename("b");
  session_.status_error = Code::refused;
  send();
  ASSERT_EQ(pending_.parked(), 1U);
  EXPECT_EQ(pending_.changes().front().error, Code::refused);
  EXPECT_THAT(session_.names(), ElementsAre("INBOX", "a"));
  session_.status_error.reset();
  retryParked(all(), {pending_.changes().front().number}, ignore_);
  send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_EQ(wireOf(id), "b");
}

TEST_F(MailboxReplayTest, WhatIsAsideAndNotListedIsFinished) {
  removeMailbox(all(), idOf("a"), ignore_);
  Change change = pending_.mailboxChanges().front();
  change.state = Change::State::begun;
  change.other = "a~emlfs-removing-1-5";
  change.destination.uid_validity = 5;
  pending_.step(change);
  session_.rename("a", change.other);
  session_.left_out = {change.other};
  send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_THAT(session_.names(), ElementsAre("INBOX"));
}

TEST_F(MailboxReplayTest, WhatIsToBeRemovedAndNotListedIsRemoved) {
  removeMailbox(all(), idOf("a"), ignore_);
  session_.left_out = {"a"};
  send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_THAT(session_.names(), ElementsAre("INBOX"));
}

TEST_F(MailboxReplayTest, WhatIsRefusedWhileItIsAsideComesBack) {
  removeMailbox(all(), idOf("a"), ignore_);
  session_.forbidden = "a";
  send();
  EXPECT_EQ(pending_.parked(), 1U);
  EXPECT_THAT(session_.names(), ElementsAre("INBOX", "a"));
  EXPECT_TRUE(cache_->snapshot()->find(kRoot, "a"));
  session_.forbidden.clear();
  retryParked(all(), {pending_.changes().front().number}, ignore_);
  send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_THAT(session_.names(), ElementsAre("INBOX"));
}

TEST_F(MailboxReplayTest, WhatTheTrashRefusesComesBack) {
  hideOne();
  removeMailbox(all(), idOf("a"), ignore_);
  session_.no_rename_below = "t/";
  send();
  EXPECT_EQ(pending_.parked(), 1U);
  EXPECT_THAT(session_.names(), ElementsAre("INBOX", "a", "t"));
}

TEST_F(MailboxReplayTest, ATrashThatTakesNoMailboxesIsNotTried) {
  hideOne();
  session_.boxes["t"].inferiors = false;
  refresh();
  try {
    removeMailbox(all(), idOf("a"), ignore_);
    FAIL() << "it was allowed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::not_empty);
  }
}

// It could not be put back then.
TEST_F(MailboxReplayTest, WhatStayedAsideIsFinishedWhenItIsTriedAgain) {
  removeMailbox(all(), idOf("a"), ignore_);
  Change change = pending_.mailboxChanges().front();
  change.other = "a~emlfs-removing-1-5";
  pending_.step(change);  // pending again: a person has retried it
  session_.rename("a", change.other);
  send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_THAT(session_.names(), ElementsAre("INBOX"));
}

// What we make is known to be empty, and the kernel caches that.
TEST_F(MailboxReplayTest, AMailboxThatIsFoundFullWhenItIsMadeIsShown) {
  const auto made = makeMailbox(all(), kRoot, "new", ignore_);
  session_.boxes["new"] = {9, 2};
  bool told = false;
  replay(session_, all(),
         [&](const TreeChange& change) { told |= change.directory == made.id && change.entries; });
  EXPECT_TRUE(told);
  std::vector<std::string> names;
  syncMailbox(session_, all(), made.id, [&](const TreeChange& change) {
    EXPECT_EQ(change.directory, made.id);
    EXPECT_TRUE(change.entries);
    names.insert(names.end(), change.added.begin(), change.added.end());
  });
  EXPECT_EQ(names.size(), 2U);
}

// Whatever the server still calls it, and however deep that is there.
TEST_F(MailboxReplayTest, BelowWhatIsBeingMovedMailboxesAreMadeAndRenamed) {
  session_.boxes["deep"] = {6, 0};
  session_.boxes["a/old"] = {7, 0};
  refresh();
  const auto a = idOf("a");
  renameMailbox(all(), a, idOf("deep"), "a", ignore_);
  const auto made = makeMailbox(all(), a, "new", ignore_);
  EXPECT_EQ(made.parent, a);
  const MailboxId old{cache_->snapshot()->find(a, "old").value().node};
  renameMailbox(all(), old, made.id, "older", ignore_);
  for (int i = 0; i < 5 && pending_.size() != 0; ++i) send();
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_THAT(session_.names(), testing::UnorderedElementsAre("INBOX", "deep", "deep/a",
                                                              "deep/a/new", "deep/a/new/older"));
}

// The journal has a change before the store shows it, and the sender may be there in between.
TEST_F(MailboxReplayTest, WhatIsSentBeforeItIsShownIsThere) {
  Change change;
  change.kind = Change::Kind::create_mailbox;
  change.id = MessageId{ids_->next() | kDirectoryBit};
  change.mailbox = "new";
  pending_.add({.add = {change}});
  send();
  EXPECT_THAT(session_.names(), ElementsAre("INBOX", "a", "new"));
  EXPECT_EQ(idOf("new").value, change.id.value);
  EXPECT_FALSE(cache_->snapshot()->mailbox(idOf("new"))->unborn);
}

TEST_F(MailboxReplayTest, WhatIsRemovedBeforeItIsHiddenIsGone) {
  Change change;
  change.kind = Change::Kind::remove_mailbox;
  change.id = MessageId{idOf("a").value};
  change.mailbox = "a";
  pending_.add({.add = {change}});
  send();
  EXPECT_THAT(session_.names(), ElementsAre("INBOX"));
  EXPECT_FALSE(cache_->snapshot()->find(kRoot, "a"));
}

}  // namespace
}  // namespace emlfs::sync
