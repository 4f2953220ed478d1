// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, MYRIGHTS and GETQUOTAROOT.
#include <gmock/gmock.h>

#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

TEST(Mailboxes, WhatIsSent) {
  Dialogue dialogue("IMAP4rev1 LITERAL+", [](Peer& peer) {
    for (const char* command :
         {"CREATE \"a \\\"b\\\\c\"", "SUBSCRIBE \"&AOQ-\"", "UNSUBSCRIBE \"x\"",
          "RENAME \"x\" \"y%\"", "DELETE \"y%\"", "CREATE {2+}"}) {
      const std::string tag = exactly(peer, command);
      if (std::string_view(command).ends_with('}')) {
        EXPECT_EQ(peer.readLine(), "\xc3\xa4");
      }
      peer.send(tag + " OK\r\n");
    }
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  session.create("a \"b\\c");
  session.subscribe("&AOQ-");
  session.unsubscribe("x");
  session.rename("x", "y%");
  session.remove("y%");
  session.create("\xc3\xa4");
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Mailboxes, NamesThatCantBeSent) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) { peer.waitForClose(); });
  Session& session = *dialogue.session;
  for (const std::string& name : {std::string(), std::string("a\r\nA9 DELETE b"),
                                  std::string("a\0b", 3), std::string("\n")}) {
    EXPECT_ERROR(session.create(name), Code::invalid, Scope::mailbox);
    EXPECT_ERROR(session.remove(name), Code::invalid, Scope::mailbox);
    EXPECT_ERROR(session.rename("a", name), Code::invalid, Scope::mailbox);
    EXPECT_ERROR(session.rename(name, "a"), Code::invalid, Scope::mailbox);
    EXPECT_ERROR(session.subscribe(name), Code::invalid, Scope::mailbox);
  }
  EXPECT_ERROR(session.remove("inbox"), Code::invalid, Scope::mailbox);
  EXPECT_ERROR(session.rename("Inbox", "a"), Code::invalid, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Mailboxes, RefusalsWithACode) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send(exactly(peer, "CREATE \"a\"") + " NO [ALREADYEXISTS] it is\r\n");
    peer.send(exactly(peer, "CREATE \"a\"") + " NO [CANNOT] never\r\n");
    peer.send(exactly(peer, "DELETE \"a\"") + " NO [NONEXISTENT] it isn't\r\n");
    peer.send(exactly(peer, "DELETE \"a\"") + " NO [NOPERM] you\r\n");
    peer.send(exactly(peer, "RENAME \"a\" \"b\"") + " NO [ALREADYEXISTS] it is\r\n");
    peer.send(exactly(peer, "RENAME \"a\" \"b\"") + " NO [INUSE] later\r\n");
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  EXPECT_ERROR(session.create("a"), Code::exists, Scope::mailbox);
  EXPECT_ERROR(session.create("a"), Code::invalid, Scope::mailbox);
  EXPECT_ERROR(session.remove("a"), Code::not_found, Scope::mailbox);
  EXPECT_ERROR(session.remove("a"), Code::denied, Scope::mailbox);
  EXPECT_ERROR(session.rename("a", "b"), Code::exists, Scope::mailbox);
  EXPECT_ERROR(session.rename("a", "b"), Code::busy, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

// Courier gives no codes: LIST tells.
TEST(Mailboxes, RefusalsWithoutACode) {
  const std::string a = "* LIST () \"/\" a\r\n";
  const std::string b = "* LIST () \"/\" b\r\n";
  Dialogue dialogue("IMAP4rev1", [&](Peer& peer) {
    const auto refuse = [&](const std::string& command) {
      peer.send(exactly(peer, command) + " NO no\r\n");
    };
    const auto list = [&](const std::string& name, const std::string& answer) {
      peer.send(answer + exactly(peer, "LIST \"\" \"" + name + "\"") + " OK\r\n");
    };
    refuse("CREATE \"a\"");
    list("a", a);
    refuse("CREATE \"a\"");
    list("a", "");
    refuse("DELETE \"a\"");
    list("a", "");
    refuse("DELETE \"a\"");
    list("a", a);
    refuse("RENAME \"a\" \"b\"");
    list("b", b);
    refuse("RENAME \"a\" \"b\"");
    list("b", "");
    list("a", "");
    refuse("RENAME \"a\" \"b\"");
    list("b", "");
    list("a", a);
    refuse("DELETE \"a\"");
    refuse("LIST \"\" \"a\"");
    refuse("CREATE \"a\"");
    refuse("LIST \"\" \"a\"");
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  EXPECT_ERROR(session.create("a"), Code::exists, Scope::mailbox);
  EXPECT_ERROR(session.create("a"), Code::refused, Scope::mailbox);
  EXPECT_ERROR(session.remove("a"), Code::not_found, Scope::mailbox);
  EXPECT_ERROR(session.remove("a"), Code::refused, Scope::mailbox);
  EXPECT_ERROR(session.rename("a", "b"), Code::exists, Scope::mailbox);
  EXPECT_ERROR(session.rename("a", "b"), Code::not_found, Scope::mailbox);
  EXPECT_ERROR(session.rename("a", "b"), Code::refused, Scope::mailbox);
  EXPECT_ERROR(session.remove("a"), Code::refused, Scope::mailbox);
  EXPECT_ERROR(session.create("a"), Code::refused, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Mailboxes, TheSelectedOneIsLeftFirst) {
  Dialogue dialogue("IMAP4rev1 UNSELECT", [](Peer& peer) {
    for (const char* command : {"SELECT \"a\"", "UNSELECT", "RENAME \"a\" \"b\"", "EXAMINE \"b\"",
                                "UNSELECT", "DELETE \"b\"", "EXAMINE \"c\"", "DELETE \"d\""}) {
      peer.send(exactly(peer, command) + " OK\r\n");
    }
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  session.select("a");
  session.rename("a", "b");
  session.examine("b");
  session.remove("b");
  EXPECT_EQ(session.selected(), "");
  session.examine("c");
  session.remove("d");
  EXPECT_EQ(session.selected(), "c");
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Rights, AsTheServerTellsThem) {
  Dialogue dialogue("IMAP4rev1 ACL", [](Peer& peer) {
    peer.send("* MYRIGHTS inbox lrswi\r\n" + exactly(peer, "MYRIGHTS \"INBOX\"") + " OK\r\n");
    peer.send("* MYRIGHTS INBOX \"acdlr\"\r\n" + exactly(peer, "MYRIGHTS \"INBOX\"") + " OK\r\n");
    peer.send("* MYRIGHTS {3}\r\na b \"\"\r\n" + exactly(peer, "MYRIGHTS \"a b\"") + " OK\r\n");
    peer.send("* MYRIGHTS other lr\r\n* MYRIGHTS\r\n" + exactly(peer, "MYRIGHTS \"c\"") +
              " OK\r\n");
    peer.send(exactly(peer, "MYRIGHTS \"d\"") + " NO [NONEXISTENT] no\r\n");
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  EXPECT_EQ(session.myRights("INBOX"), "lrswi");
  EXPECT_EQ(session.myRights("INBOX"), "acdlrkxte");
  EXPECT_EQ(session.myRights("a b"), "");
  EXPECT_ERROR(session.myRights("c"), Code::protocol, Scope::mailbox);
  EXPECT_ERROR(session.myRights("d"), Code::not_found, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");

  Dialogue without("IMAP4rev1", [](Peer& peer) { peer.waitForClose(); });
  EXPECT_FALSE(without.session->myRights("INBOX"));
  EXPECT_FALSE(without.session->quota("INBOX"));
  EXPECT_EQ(without.end(), "");
}

TEST(Quota, TheTightestRootCounts) {
  Dialogue dialogue("IMAP4rev1 QUOTA", [](Peer& peer) {
    peer.send(
        "* QUOTAROOT INBOX \"\" other\r\n* QUOTA \"\" (STORAGE 10 512 MESSAGE 5 100)\r\n"
        "* QUOTA other (storage 400 500 X-NUM-FOLDERS 1 2)\r\n" +
        exactly(peer, "GETQUOTAROOT \"INBOX\"") + " OK\r\n");
    peer.send("* QUOTAROOT b\r\n" + exactly(peer, "GETQUOTAROOT \"b\"") + " OK\r\n");
    peer.send(
        "* QUOTA \"\" (STORAGE 99999999999999999999 1)\r\n* QUOTA \"\" (MESSAGE 5\r\n"
        "* QUOTA \"\" (STORAGE 1 18446744073709551615)\r\n* QUOTA\r\n* QUOTA \"\" ()\r\n* QUOTA "
        "\"x\"\r\n" +
        exactly(peer, "GETQUOTAROOT \"c\"") + " OK\r\n");
    peer.send(exactly(peer, "GETQUOTAROOT \"d\"") + " NO [NOPERM] no\r\n");
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  const Quota quota = session.quota("INBOX").value();
  EXPECT_EQ(quota.storage.value().used, 400U * 1024);
  EXPECT_EQ(quota.storage.value().limit, 500U * 1024);
  EXPECT_EQ(quota.messages.value().used, 5U);
  EXPECT_EQ(quota.messages.value().limit, 100U);
  for (const char* name : {"b", "c"}) {
    const Quota none = session.quota(name).value();
    EXPECT_FALSE(none.storage) << name;
    EXPECT_FALSE(none.messages) << name;
  }
  EXPECT_ERROR(session.quota("d"), Code::denied, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

}  // namespace
}  // namespace emlfs::imap
