// NAMESPACE, LIST and STATUS: what is said, and how it takes what different servers answer.
#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

TEST(Namespaces, AskedOnlyWhereTheServerKnows) {
  Dialogue without("IMAP4rev1", [](Peer& peer) { peer.waitForClose(); });
  EXPECT_EQ(without.session->namespaces().size(), 1U);
  EXPECT_EQ(without.end(), "");

  Dialogue refused("IMAP4rev1 NAMESPACE", [](Peer& peer) {
    peer.send(peer.expect("NAMESPACE") + " NO no\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(refused.session->namespaces().at(0).prefix, "");
  EXPECT_EQ(refused.end(), "");
}

TEST(List, OneRoundTrip) {
  Dialogue dialogue("IMAP4rev1 LIST-EXTENDED SPECIAL-USE LIST-STATUS CONDSTORE", [](Peer& peer) {
    const std::string tag = peer.expect(
        "LIST \"\" (\"*\" \"Other/*\") RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY "
        "HIGHESTMODSEQ))");
    peer.send(
        "* LIST () \"/\" inbox\r\n"
        "* STATUS INBOX (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7 HIGHESTMODSEQ 8)\r\n"
        "* LIST (\\Noselect) \"/\" Other\r\n"
        "* LIST (\\Noselect) \"/\" twice\r\n"
        "* LIST (\\Trash) \"/\" twice\r\n"
        "* LIST () \"/\" {4}\r\n../x\r\n"
        "* LIST () broken\r\n" +
        tag + " OK\r\n");
    peer.waitForClose();
  });
  const auto list = dialogue.session->list(
      {{Namespace::Kind::personal, "", '/'}, {Namespace::Kind::other_users, "Other/", '/'}});
  EXPECT_EQ(dialogue.end(), "");
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].wire, "../x");
  EXPECT_EQ(list[1].wire, "INBOX");
  EXPECT_EQ(list[1].status, (MailboxStatus{5, 6, 7, 8}));
  EXPECT_FALSE(list[2].selectable);
  EXPECT_TRUE(list[3].selectable);
  EXPECT_EQ(list[3].special_use, "\\Trash");
  EXPECT_FALSE(list[3].status);
}

TEST(List, PlainServerWithAPrefix) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send("* LIST () \".\" INBOX\r\n" + peer.expect("LIST \"\" \"INBOX\"") + " OK\r\n");
    peer.send("* LIST () \".\" INBOX\r\n* LIST () \".\" \"INBOX.a b\"\r\n" +
              peer.expect("LIST \"\" \"INBOX.*\"") + " OK\r\n");
    peer.waitForClose();
  });
  const auto list = dialogue.session->list({{Namespace::Kind::personal, "INBOX.", '.'}});
  EXPECT_EQ(dialogue.end(), "");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].wire, "INBOX.a b");
  EXPECT_EQ(list[1].delimiter, '.');
}

TEST(List, FallsBackWhenExtendedListFails) {
  Dialogue dialogue("IMAP4rev1 LIST-EXTENDED LIST-STATUS", [](Peer& peer) {
    peer.send(peer.expect("LIST \"\" \"*\" RETURN (STATUS") + " BAD what?\r\n");
    peer.send("* LIST () \"/\" INBOX\r\n" + peer.expect("LIST \"\" \"*\"") + " OK\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(dialogue.session->list({{}}).size(), 1U);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Status, AnswersAndRefusals) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send("* STATUS a (MESSAGES 1 UIDNEXT 0)\r\n" +
              peer.expect("STATUS \"a\" (MESSAGES UIDNEXT UIDVALIDITY)") + " OK\r\n");
    peer.send(peer.expect("STATUS \"b\"") + " NO [NONEXISTENT] gone\r\n");
    peer.send(peer.expect("STATUS \"c\"") + " NO no\r\n");
    peer.send("* LIST () \"/\" c\r\n" + peer.expect("LIST \"\" \"c\"") + " OK\r\n");
    peer.send(peer.expect("STATUS \"gone\"") + " NO no\r\n");
    peer.send(peer.expect("LIST \"\" \"gone\"") + " OK\r\n");
    peer.send(peer.expect("STATUS \"d\"") + " BAD bad\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(dialogue.session->status("a"), (MailboxStatus{1, 0, 0, 0}));
  EXPECT_ERROR(dialogue.session->status("b"), Code::not_found, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->status("c"), Code::refused, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->status("gone"), Code::not_found, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->status("d"), Code::protocol, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->status("a\r\nb"), Code::invalid, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

}  // namespace
}  // namespace emlfs::imap
