// EXAMINE: what is said, and how it takes what different servers answer.
#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

TEST(Examine, NameAsALiteralWithDataBeforeTheContinuation) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    const std::string tag = peer.expect("EXAMINE {5}");
    peer.send("* 3 EXISTS\r\n* OK [ALERT] hello\r\n+ go\r\n");
    if (peer.readLine() != "M\xc3\xbcll") throw std::runtime_error("wrong literal");
    peer.send("* 4 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n" + tag + " OK\r\n");
    const std::string second = peer.expect("EXAMINE {5}");
    peer.send(second + " NO [NONEXISTENT] never heard of it\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(dialogue.session->examine("M\xc3\xbcll").messages, 4U);
  EXPECT_EQ(dialogue.session->selected(), "M\xc3\xbcll");
  EXPECT_EQ(dialogue.session->selectedValidity(), 5U);
  EXPECT_ERROR(dialogue.session->examine("M\xc3\xb6ll"), Code::not_found, Scope::mailbox);
  EXPECT_EQ(dialogue.session->selected(), "");
  EXPECT_ERROR(dialogue.session->fetchFlags(1, 2, 0, [](FlagChange&&) {}), Code::invalid,
               Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

// Dovecot says NO without a code.
TEST(Examine, RefusedOrGone) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send(peer.expect("EXAMINE \"a\"") + " NO Mailbox doesn't exist\r\n");
    peer.send("* LIST (\\NonExistent) \"/\" a\r\n" + peer.expect("LIST \"\" \"a\"") + " OK\r\n");
    peer.send(peer.expect("EXAMINE \"b\"") + " NO Permission denied\r\n");
    peer.send("* LIST () \"/\" b\r\n" + peer.expect("LIST \"\" \"b\"") + " OK\r\n");
    peer.send(peer.expect("EXAMINE \"c\"") + " NO [SERVERBUG] oops\r\n");
    peer.waitForClose();
  });
  EXPECT_ERROR(dialogue.session->examine("a"), Code::not_found, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->examine("b"), Code::refused, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->examine("c"), Code::refused, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Examine, Qresync) {
  Dialogue dialogue("IMAP4rev1 ENABLE QRESYNC CONDSTORE", [](Peer& peer) {
    std::string tag = peer.expect("EXAMINE \"INBOX\" (QRESYNC (9 100 1:50))");
    peer.send(
        "* 40 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 61] x\r\n"
        "* OK [HIGHESTMODSEQ 120] x\r\n* VANISHED (EARLIER) 3:5,48:60\r\n"
        "* 1 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (110))\r\n"
        "* 9 FETCH (UID 55 FLAGS () MODSEQ (111))\r\n* 8 FETCH (FLAGS ())\r\n" +
        tag + " OK\r\n");
    // Another validity: the server ignores the parameters, and so are changes that it sends.
    tag = peer.expect("EXAMINE \"INBOX\" (QRESYNC (9 120 1:60))");
    peer.send(
        "* 1 EXPUNGE\r\n* VANISHED 1\r\n* OK [CLOSED] x\r\n* 2 EXISTS\r\n"
        "* OK [UIDVALIDITY 10] x\r\n* OK [HIGHESTMODSEQ 1] x\r\n"
        "* VANISHED (EARLIER) 1\r\n" +
        tag + " OK\r\n");
    // Unreadable changes: not to be taken for no changes.
    tag = peer.expect("EXAMINE \"INBOX\" (QRESYNC (10 120 1:60))");
    peer.send("* 2 EXISTS\r\n* OK [UIDVALIDITY 10] x\r\n* VANISHED (EARLIER)\r\n" + tag +
              " OK\r\n");
    // No mod-sequence known: nothing to resynchronise from.
    tag = peer.expect("EXAMINE \"INBOX\" (CONDSTORE)");
    peer.send("* 2 EXISTS\r\n* OK [UIDVALIDITY 10] x\r\n* OK [NOMODSEQ] x\r\n" + tag + " OK\r\n");
    tag = peer.expect("UID FETCH 1:2 (UID FLAGS)");
    peer.send(tag + " OK\r\n");
    peer.waitForClose();
  });
  auto selected = dialogue.session->examine("INBOX", Known{9, 100, 50});
  EXPECT_EQ(selected.messages, 40U);
  EXPECT_EQ(selected.uid_next, 61U);
  EXPECT_EQ(selected.highest_modseq, 120U);
  EXPECT_EQ(selected.vanished.text(), "3:5,48:50");
  ASSERT_EQ(selected.changed.size(), 1U);
  EXPECT_EQ(selected.changed[0].uid, 7U);
  EXPECT_EQ(selected.changed[0].modseq, 110U);

  selected = dialogue.session->examine("INBOX", Known{9, 120, 60});
  EXPECT_EQ(selected.uid_validity, 10U);
  EXPECT_EQ(selected.messages, 2U);
  EXPECT_TRUE(selected.vanished.empty());

  EXPECT_ERROR(dialogue.session->examine("INBOX", Known{10, 120, 60}), Code::protocol,
               Scope::mailbox);
  selected = dialogue.session->examine("INBOX", Known{10, 0, 60});
  EXPECT_EQ(selected.highest_modseq, 0U);
  dialogue.session->fetchFlags(1, 2, 5, [](FlagChange&&) {});
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Examine, WithoutExtensions) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    const std::string tag = peer.expect("EXAMINE \"INBOX\"");
    peer.send("* 1 EXISTS\r\n* OK [UIDVALIDITY 0] x\r\n* OK [UIDNEXT 0] x\r\n" + tag + " OK\r\n");
    peer.waitForClose();
  });
  const auto selected = dialogue.session->examine("INBOX", Known{9, 100, 50});
  EXPECT_EQ(selected.uid_validity, 0U);
  EXPECT_EQ(selected.uid_next, 0U);
  EXPECT_EQ(dialogue.end(), "");
}

}  // namespace
}  // namespace emlfs::imap
