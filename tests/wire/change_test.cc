// What the commands that change messages say, and how they take what servers answer.
#include <gmock/gmock.h>

#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using Change = Session::Change;

void serveSelect(Peer& peer, const std::string& code = "READ-WRITE") {
  const std::string tag = peer.expect("SELECT \"INBOX\"");
  peer.send("* 9 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 40] x\r\n" + tag + " OK [" +
            code + "] done\r\n");
}

// A server with a mailbox that is selected for writing.
struct Selecting : Dialogue {
  Selecting(const std::string& capabilities, const std::function<void(Peer&)>& script,
            const std::function<void(SessionOptions&)>& change = {})
      : Dialogue(
            capabilities,
            [script](Peer& peer) {
              serveSelect(peer);
              script(peer);
              peer.waitForClose();
            },
            change) {
    session->select("INBOX");
  }
};

UidSet uids(std::string_view text) {
  return UidSet::parse(text).value();
}

TEST(Select, TellsWhatCanBeChanged) {
  Dialogue dialogue("IMAP4rev1 CONDSTORE", [](Peer& peer) {
    const std::string first = exactly(peer, "SELECT \"INBOX\" (CONDSTORE)");
    peer.send(
        "* FLAGS (\\Seen $Work)\r\n* 3 EXISTS\r\n* OK [PERMANENTFLAGS (\\Deleted $Work \\*)] x\r\n"
        "* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 4] x\r\n* OK [HIGHESTMODSEQ 7] x\r\n" +
        first + " OK [READ-WRITE] done\r\n");
    const std::string second = exactly(peer, "SELECT \"shared\" (CONDSTORE)");
    peer.send("* OK [CLOSED] x\r\n* 0 EXISTS\r\n* OK [PERMANENTFLAGS ()] x\r\n" + second +
              " OK [READ-ONLY] done\r\n");
    const std::string third = exactly(peer, "EXAMINE \"INBOX\" (CONDSTORE)");
    peer.send("* 3 EXISTS\r\n" + third + " OK done\r\n");
    peer.send(exactly(peer, "SELECT \"gone\" (CONDSTORE)") + " NO [NONEXISTENT] no\r\n");
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  const Selected inbox = session.select("INBOX");
  EXPECT_FALSE(inbox.read_only);
  EXPECT_EQ(inbox.messages, 3U);
  EXPECT_EQ(inbox.highest_modseq, 7U);
  ASSERT_TRUE(inbox.permanent_flags);
  EXPECT_THAT(inbox.permanent_flags->flags.names(), ElementsAre("$Work", "\\Deleted"));
  EXPECT_TRUE(inbox.permanent_flags->allow("anything"));
  EXPECT_TRUE(inbox.permanent_flags->allow("\\deleted"));
  EXPECT_FALSE(inbox.permanent_flags->allow("\\Seen"));
  EXPECT_TRUE(session.selectedForWriting());

  const Selected shared = session.select("shared");
  EXPECT_TRUE(shared.read_only);
  EXPECT_FALSE(shared.permanent_flags->allow("anything"));
  EXPECT_FALSE(session.selectedForWriting());
  EXPECT_ERROR(session.expunge(uids("1")), Code::denied, Scope::mailbox);

  EXPECT_TRUE(session.examine("INBOX").read_only);
  EXPECT_FALSE(session.selectedForWriting());
  EXPECT_ERROR(session.store(uids("1"), Change::add, Flags({"\\Seen"})), Code::invalid,
               Scope::mailbox);
  EXPECT_ERROR(session.select("gone"), Code::not_found, Scope::mailbox);
  EXPECT_EQ(session.selected(), "");
  EXPECT_ERROR(session.copy(uids("1"), "a"), Code::invalid, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Select, AMailboxMayBecomeReadOnly) {
  Selecting dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send("* NO [READ-ONLY] another\r\n" + exactly(peer, "NOOP") + " OK\r\n");
    peer.send("* OK [READ-ONLY] from now on\r\n" + exactly(peer, "NOOP") + " OK\r\n");
  });
  dialogue.session->noop();
  EXPECT_TRUE(dialogue.session->selectedForWriting());
  dialogue.session->noop();
  EXPECT_FALSE(dialogue.session->selectedForWriting());
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Unselect, NeverExpunges) {
  Selecting with("IMAP4rev1 UNSELECT",
                 [](Peer& peer) { peer.send(exactly(peer, "UNSELECT") + " OK\r\n"); });
  with.session->unselect();
  with.session->unselect();  // nothing is selected: nothing is sent
  EXPECT_EQ(with.session->selected(), "");
  EXPECT_EQ(with.end(), "");

  Selecting without("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    peer.send(exactly(peer, "CLOSE") + " OK\r\n");
  });
  without.session->unselect();
  EXPECT_EQ(without.session->selected(), "");
  EXPECT_EQ(without.end(), "");

  Selecting gone("IMAP4rev1", [](Peer& peer) {
    peer.send(exactly(peer, "EXAMINE \"INBOX\"") + " NO [NONEXISTENT] gone\r\n");
  });
  gone.session->unselect();
  EXPECT_EQ(gone.session->selected(), "");
  EXPECT_EQ(gone.end(), "");

  // The server doesn't confirm that the mailbox is open for reading only: no CLOSE.
  Selecting unsure("IMAP4rev1", [](Peer& peer) {
    peer.send(exactly(peer, "EXAMINE \"INBOX\"") + " OK [READ-WRITE] hm\r\n");
  });
  EXPECT_ERROR(unsure.session->unselect(), Code::protocol, Scope::connection);
  EXPECT_EQ(unsure.end(), "");
}

TEST(Move, TellsWhereMessagesWent) {
  Selecting dialogue("IMAP4rev1 MOVE UIDPLUS ENABLE QRESYNC CONDSTORE", [](Peer& peer) {
    std::string tag = exactly(peer, "UID MOVE 1:3,7 \"a b\"");
    peer.send("* 2 FETCH (UID 2 FLAGS ())\r\n* OK [COPYUID 5 7,3:1 30,11:13] Moved\r\n" +
              ("* VANISHED 1:3,7\r\n" + tag) + " OK done\r\n");
    // Expunges one by one; told in two parts, and once more at the end, but otherwise.
    tag = exactly(peer, "UID MOVE 1:2 \"a\"");
    peer.send("* OK [COPYUID 5 1 9]\r\n* 1 EXPUNGE\r\n* OK [COPYUID 5 2 8]\r\n* 1 EXPUNGE\r\n" +
              tag + " OK [COPYUID 5 1:2 8:9] done\r\n");
    tag = exactly(peer, "UID MOVE 1:2 \"a\"");
    peer.send("* OK [COPYUID 5 1 9]\r\n" + tag + " OK [COPYUID 5 1:2 9:10] done\r\n");
    peer.send(exactly(peer, "UID MOVE 4 \"a\"") + " OK No messages found\r\n");
  });
  Session& session = *dialogue.session;
  const auto moved = session.move(uids("7,1:3"), "a b");
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->uid_validity, 5U);
  EXPECT_THAT(moved->uids, ElementsAre(Pair(7, 30), Pair(1, 11), Pair(2, 12), Pair(3, 13)));
  EXPECT_FALSE(session.move(uids("1:2"), "a"));  // it contradicts itself
  const auto parts = session.move(uids("1:2"), "a");
  ASSERT_TRUE(parts);
  EXPECT_THAT(parts->uids, ElementsAre(Pair(1, 9), Pair(2, 10)));
  EXPECT_FALSE(session.move(uids("4"), "a"));
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Move, NeedsTheExtension) {
  Selecting without("IMAP4rev1", [](Peer&) {});
  EXPECT_ERROR(without.session->move(uids("1"), "a"), Code::invalid, Scope::mailbox);
  EXPECT_ERROR(without.session->expunge(uids("1")), Code::invalid, Scope::mailbox);
  EXPECT_EQ(without.end(), "");

  Selecting rev2("IMAP4rev2", [](Peer& peer) {
    peer.send(exactly(peer, "UID MOVE 1 \"a\"") + " OK\r\n");
    peer.send(exactly(peer, "UID EXPUNGE 1") + " OK\r\n");
  });
  EXPECT_FALSE(rev2.session->move(uids("1"), "a"));
  rev2.session->expunge(uids("1"));
  EXPECT_EQ(rev2.end(), "");
}

TEST(Copy, AnswersWithoutSense) {
  const std::vector<std::string> answers = {
      "COPYUID",
      "COPYUID 5",
      "COPYUID 5 1:2",
      "COPYUID 0 1:2 8:9",
      "COPYUID 5 1:2 8",
      "COPYUID 5 1:2 8:10",
      "COPYUID 5 1:2 8,8",
      "COPYUID 5 1,1 8:9",
      "COPYUID 5 1:3 8:10",
      "COPYUID 5 4:5 8:9",
      "COPYUID 5 1:2 0:1",
      "COPYUID 5 1:2 8:*",
      "COPYUID 5 1:2 8:9 10",
      "COPYUID 5 1:4294967295 1:4294967295",
      "COPYUID 99999999999 1:2 8:9",
      "COPYUID 5 1:2 18446744073709551617:2",
  };
  Selecting dialogue("IMAP4rev1", [&](Peer& peer) {
    for (const std::string& answer : answers)
      peer.send(exactly(peer, "UID COPY 1:2 \"a\"") + " OK [" + answer + "] done\r\n");
    peer.send(exactly(peer, "UID COPY 1:2 \"a\"") + " OK [COPYUID 5 2,1 9,8] done\r\n");
  });
  for (const std::string& answer : answers)
    EXPECT_FALSE(dialogue.session->copy(uids("1:2"), "a")) << answer;
  EXPECT_THAT(dialogue.session->copy(uids("1:2"), "a")->uids, ElementsAre(Pair(2, 9), Pair(1, 8)));
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Copy, LongSetsGoInSeveralCommands) {
  UidSet odd;
  std::string answers;
  for (Uid uid = 1'000'001; uid <= 1'004'001; uid += 2) odd.add(uid);
  size_t longest = 0;
  std::atomic<int> commands = 0;
  UidSet seen;
  Selecting dialogue("IMAP4rev1", [&](Peer& peer) {
    while (seen.size() < odd.size()) {
      const std::string line = peer.readLine();
      longest = std::max(longest, line.size() + 2);
      const size_t set = line.find("UID COPY ") + 9;
      const std::string text = line.substr(set, line.find(' ', set) - set);
      const auto part = uids(text);
      for (const UidRange& range : part.ranges()) seen.add(range);
      std::string to = text;
      for (size_t at = 0; (at = to.find('1', at)) != to.npos; at = to.find(',', at)) to[at] = '2';
      peer.send(line.substr(0, line.find(' ')) + " OK [COPYUID 5 " + text + " " + to + "]\r\n");
      ++commands;
    }
    for (const char* part : {"1:1000", "1001:2000", "2001:2500"})
      peer.send(exactly(peer, std::string("UID COPY ") + part + " \"b\"") + " OK\r\n");
  });
  const auto copied = dialogue.session->copy(odd, "a");
  ASSERT_TRUE(copied);
  ASSERT_EQ(copied->uids.size(), 2'001U);
  for (const auto& [from, to] : copied->uids) EXPECT_EQ(to, from + 1'000'000);
  EXPECT_FALSE(dialogue.session->copy(uids("1:2500"), "b"));
  EXPECT_EQ(dialogue.end(), "");
  EXPECT_EQ(seen, odd);
  EXPECT_LE(longest, 8'000U);
  EXPECT_EQ(commands, 3);
}

TEST(Copy, ABreakInTheMiddleLeavesAPartDone) {
  Selecting dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send(exactly(peer, "UID COPY 1:1000 \"a\"") + " OK\r\n");
    peer.send(exactly(peer, "UID COPY 1001:1500 \"a\"") + " NO [OVERQUOTA] full\r\n");
  });
  EXPECT_ERROR(dialogue.session->copy(uids("1:1500"), "a"), Code::quota, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Change, RefusalsAreToldApart) {
  struct Refusal {
    const char* answer;
    Code code;
    Scope scope = Scope::mailbox;
  };
  const std::vector<Refusal> refusals = {
      {"NO [OVERQUOTA] words", Code::quota},
      {"NO [NOPERM] words", Code::denied},
      {"NO [READ-ONLY] words", Code::denied},
      {"NO [TRYCREATE] words", Code::not_found},
      {"NO [NONEXISTENT] words", Code::not_found},
      {"NO [ALREADYEXISTS] words", Code::exists},
      {"NO [LIMIT] words", Code::limit},
      {"NO [TOOBIG] words", Code::limit, Scope::message},
      {"NO [EXPUNGEISSUED] words", Code::stale},
      {"NO [CANNOT] words", Code::invalid},
      {"NO [INUSE] words", Code::busy},
      {"NO [UNAVAILABLE] words", Code::busy},
      {"NO [ALERT] words", Code::refused},
      {"NO words", Code::refused},
      {"BAD words", Code::protocol},
  };
  Selecting dialogue("IMAP4rev1 MOVE", [&](Peer& peer) {
    for (const Refusal& refusal : refusals)
      peer.send(peer.expect("UID MOVE") + " " + refusal.answer + "\r\n");
    peer.send(peer.expect("UID MOVE") + " NO [OVERQUOTA]\r\n");
  });
  for (const Refusal& refusal : refusals) {
    const Error error = failureOf([&] { dialogue.session->move(uids("1"), "a"); });
    EXPECT_EQ(error.code, refusal.code) << refusal.answer;
    EXPECT_EQ(error.scope, refusal.scope) << refusal.answer;
    EXPECT_EQ(error.server, "words");
  }
  EXPECT_EQ(failureOf([&] { dialogue.session->move(uids("1"), "a"); }).server, "OVERQUOTA");
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Change, ByeInTheMiddle) {
  Selecting dialogue("IMAP4rev1 MOVE", [](Peer& peer) {
    peer.expect("UID MOVE");
    peer.send("* OK [COPYUID 5 1 2]\r\n* BYE too many commands\r\n");
  });
  const Error error = failureOf([&] { dialogue.session->move(uids("1:2"), "a"); });
  EXPECT_EQ(error.code, Code::network);
  EXPECT_EQ(error.scope, Scope::connection);
  EXPECT_EQ(error.server, "too many commands");
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Store, OnlyAddsAndRemoves) {
  Selecting dialogue("IMAP4rev1 CONDSTORE UIDPLUS", [](Peer& peer) {
    peer.send(
        "* 1 FETCH (UID 4 MODSEQ (12))\r\n* 2 FETCH (UID 5 FLAGS (\\Seen $a) MODSEQ (13))\r\n"
        "* 3 FETCH (UID 6 FLAGS (other))\r\n* 2 FETCH (FLAGS (\\Seen))\r\n" +
        exactly(peer, "UID STORE 4:5 +FLAGS.SILENT ($a \\Seen)") + " OK\r\n");
    peer.send(exactly(peer, "UID STORE 9 -FLAGS.SILENT (\\Deleted)") + " OK\r\n");
    peer.send(exactly(peer, "UID EXPUNGE 9,11:12") + " OK\r\n");
  });
  Session& session = *dialogue.session;
  const auto told = session.store(uids("4:5"), Change::add, Flags({"\\Seen", "$a"}));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].uid, 5U);
  EXPECT_EQ(told[0].modseq, 13U);
  EXPECT_TRUE(told[0].flags.has("$a"));
  EXPECT_THAT(session.store(uids("9"), Change::remove, Flags({"\\Deleted"})), IsEmpty());
  EXPECT_THAT(session.store(uids("9"), Change::add, Flags()), IsEmpty());
  EXPECT_THAT(session.store({}, Change::add, Flags({"\\Seen"})), IsEmpty());
  session.expunge(uids("9,11:12"));
  session.expunge({});
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Store, FlagsThatImapCantSay) {
  Selecting dialogue("IMAP4rev1", [](Peer&) {});
  for (const char* flag : {"a b", "a(", "a)", "a{1}", "a%", "\\*", "*", "\"", "a\\b", "\\", "\\\\x",
                           "]", "a\r\nA9 NOOP", "a\x7f", "\xc3\xa4", "\t"}) {
    EXPECT_ERROR(dialogue.session->store(uids("1"), Change::add, Flags({flag})), Code::invalid,
                 Scope::message);
  }
  EXPECT_ERROR(dialogue.session->store(uids("1"), Change::add, Flags({std::string(5'000, 'x')})),
               Code::invalid, Scope::message);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Store, OurOwnChangesAreNoNewsButOthersAre) {
  Selecting dialogue("IMAP4rev1 IDLE", [](Peer& peer) {
    peer.send("* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n" +
              exactly(peer, "UID STORE 1 +FLAGS.SILENT (\\Seen)") + " OK\r\n");
    peer.send("* 10 EXISTS\r\n" + exactly(peer, "UID STORE 1 +FLAGS.SILENT (\\Seen)") + " OK\r\n");
    const std::string tag = exactly(peer, "IDLE");
    peer.send("+ x\r\n");
    EXPECT_EQ(peer.readLine(), "DONE");
    peer.send(tag + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->store(uids("1"), Change::add, Flags({"\\Seen"}));
  dialogue.session->store(uids("1"), Change::add, Flags({"\\Seen"}));
  EXPECT_TRUE(dialogue.session->listen(Milliseconds(4'000), false).selected);
  EXPECT_EQ(dialogue.end(), "");
}

}  // namespace
}  // namespace emlfs::imap
