// What each command says, and how it takes what different servers answer.
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <utility>

#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;

const std::string kMetadata =
    "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER SUBJECT "
    "MESSAGE-ID)])";

std::string metadata(int uid, const std::string& header) {
  return "* 1 FETCH (UID " + std::to_string(uid) +
         " FLAGS (\\Seen \\Recent) INTERNALDATE \"17-Jul-2026 10:00:00 +0200\" RFC822.SIZE 77 "
         "BODY[HEADER.FIELDS (DATE FROM SENDER SUBJECT MESSAGE-ID)] {" +
         std::to_string(header.size()) + "}\r\n" + header + ")\r\n";
}

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
    peer.send(peer.expect("STATUS \"d\"") + " BAD bad\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(dialogue.session->status("a"), (MailboxStatus{1, 0, 0, 0}));
  EXPECT_ERROR(dialogue.session->status("b"), Code::not_found, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->status("c"), Code::refused, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->status("d"), Code::protocol, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->status("a\r\nb"), Code::invalid, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

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

TEST(Metadata, StrangeAnswersAreLeftOut) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    const std::string tag = peer.expect("UID FETCH 2:9 " + kMetadata);
    peer.send(metadata(9, "Subject: nine\r\n\r\n") + metadata(0, "Subject: zero\r\n") +
              metadata(10, "Subject: outside\r\n") + metadata(9, "Subject: again\r\n") +
              "* 1 FETCH (UID 3 FLAGS ())\r\n* 1 FETCH (FLAGS ())\r\n* 2 EXPUNGE\r\n" +
              "* 1 FETCH (UID 4 BODY[HEADER.FIELDS (\"DATE\")] NIL INTERNALDATE \"never\")\r\n" +
              "* 1 FETCH (BODY[HEADER.FIELDS (DATE)] \"Subject: quoted\" RFC822.SIZE 5000000000 "
              "UID 2)\r\n" +
              tag + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  std::vector<MessageMeta> given;
  dialogue.session->fetchMetadata(2, 9, [&](MessageMeta&& meta) { given.push_back(meta); });
  EXPECT_EQ(dialogue.end(), "");
  ASSERT_EQ(given.size(), 3U);
  EXPECT_EQ(given[0].uid, 9U);
  EXPECT_EQ(given[0].header.subject, "nine");
  EXPECT_EQ(given[0].size, 77U);
  EXPECT_EQ(given[0].date.seconds, 1784275200);
  EXPECT_THAT(given[0].flags.names(), ElementsAre("\\Seen"));
  EXPECT_EQ(given[1].uid, 2U);
  EXPECT_EQ(given[1].header.subject, "quoted");
  EXPECT_EQ(given[1].size, 5'000'000'000U);
  EXPECT_EQ(given[2].uid, 4U);
  EXPECT_EQ(given[2].date, InternalDate{});
}

TEST(Metadata, OneMessageInSeveralAnswers) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    const std::string tag = peer.expect("UID FETCH");
    peer.send(
        "* 1 FETCH (UID 1 RFC822.SIZE 5 FLAGS (a))\r\n* 2 FETCH (UID 2 RFC822.SIZE 6)\r\n"
        "* 1 FETCH (UID 1 FLAGS (b))\r\n"
        "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] \"Subject: one\")\r\n" +
        tag + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  std::vector<MessageMeta> given;
  dialogue.session->fetchMetadata(1, 3, [&](MessageMeta&& meta) { given.push_back(meta); });
  EXPECT_EQ(dialogue.end(), "");
  ASSERT_EQ(given.size(), 2U);
  EXPECT_EQ(given[0].header.subject, "one");
  EXPECT_EQ(given[0].flags.text(), "b");
  EXPECT_EQ(given[0].size, 5U);
  EXPECT_EQ(given[1].uid, 2U);
  EXPECT_EQ(given[1].header.subject, "");
}

// In KiB, now.
long residentMemory() {
  std::ifstream statm("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statm >> total >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

TEST(Metadata, MemoryDoesNotGrowWithTheNumber) {
  constexpr int kMessages = 50'000;
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    const std::string tag = peer.expect("UID FETCH");
    std::string block;
    for (int uid = 1; uid <= kMessages; ++uid) {
      block += metadata(uid, "Subject: " + std::string(300, 's') + "\r\n\r\n");
      if (block.size() > 60'000 || uid == kMessages) peer.send(std::exchange(block, {}));
    }
    peer.send(tag + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  int given = 0;
  long early = 0;
  dialogue.session->fetchMetadata(1, kMessages, [&](MessageMeta&&) {
    if (++given == 2'000) early = residentMemory();
  });
  const long late = residentMemory();
  EXPECT_EQ(dialogue.end(), "");
  EXPECT_EQ(given, kMessages);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(late - early, 4096);
#else
  static_cast<void>(late);
#endif
}

TEST(Metadata, AnExceptionOfTheCallerLeavesTheSessionUsable) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    const std::string tag = peer.expect("UID FETCH");
    peer.send(metadata(1, "") + metadata(2, "") + tag + " OK\r\n");
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  int given = 0;
  EXPECT_THROW(dialogue.session->fetchMetadata(1, 2,
                                               [&](MessageMeta&&) {
                                                 ++given;
                                                 throw std::logic_error("caller");
                                               }),
               std::logic_error);
  EXPECT_EQ(given, 1);
  dialogue.session->noop();
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Flags, ChangedSince) {
  Dialogue dialogue("IMAP4rev1 CONDSTORE", [](Peer& peer) {
    const std::string examine = peer.expect("EXAMINE \"INBOX\" (CONDSTORE)");
    peer.send("* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [HIGHESTMODSEQ 50] x\r\n" + examine +
              " OK\r\n");
    const std::string tag = peer.expect("UID FETCH 1:9 (UID FLAGS MODSEQ) (CHANGEDSINCE 40)");
    peer.send("* 1 FETCH (UID 5 FLAGS (a b) MODSEQ (45))\r\n* 1 FETCH (UID 6 MODSEQ (46))\r\n" +
              tag + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  std::vector<FlagChange> given;
  dialogue.session->fetchFlags(1, 9, 40, [&](FlagChange&& change) { given.push_back(change); });
  EXPECT_EQ(dialogue.end(), "");
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given[0].uid, 5U);
  EXPECT_EQ(given[0].flags.text(), "a b");
  EXPECT_EQ(given[0].modseq, 45U);
}

TEST(Search, BothForms) {
  Dialogue plain("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    peer.send("* SEARCH 1 5\r\n* SEARCH 9 12\r\n" + peer.expect("UID SEARCH UID 2:10") + " OK\r\n");
    peer.waitForClose();
  });
  plain.session->examine("INBOX");
  EXPECT_EQ(plain.session->searchUids(2, 10).text(), "5,9");
  EXPECT_EQ(plain.end(), "");

  Dialogue extended("IMAP4rev1 ESEARCH", [](Peer& peer) {
    serveExamine(peer);
    const std::string tag = peer.expect("UID SEARCH RETURN (ALL) UID 2:10");
    peer.send("* ESEARCH (TAG \"" + tag + "\") UID ALL 1:4,8:4294967295\r\n" + tag + " OK\r\n");
    const std::string none = peer.expect("UID SEARCH");
    peer.send("* ESEARCH (TAG \"" + none + "\") UID\r\n" + none + " OK\r\n");
    peer.waitForClose();
  });
  extended.session->examine("INBOX");
  EXPECT_EQ(extended.session->searchUids(2, 10).text(), "2:4,8:10");
  EXPECT_TRUE(extended.session->searchUids(2, 10).empty());
  EXPECT_EQ(extended.end(), "");
}

// A session with INBOX selected, whose server answers the body requests in turn.
struct BodyDialogue {
  using Answers = std::vector<std::pair<std::string, std::string>>;
  explicit BodyDialogue(const Answers& answers)
      : dialogue("IMAP4rev1", [answers](Peer& peer) {
          serveExamine(peer);
          for (const auto& [request, answer] : answers) {
            const std::string tag = peer.expect("UID FETCH 7 (UID " + request + ")");
            peer.send(answer + tag + " OK\r\n");
          }
          peer.waitForClose();
        }) {
    dialogue.session->examine("INBOX");
  }
  BodyPiece get(uint64_t offset, uint32_t count) {
    return dialogue.session->fetchBody(7, offset, count);
  }
  Dialogue dialogue;
};

TEST(Body, Parts) {
  BodyDialogue body({{"BODY.PEEK[]<0.4>", "* 1 FETCH (UID 7 BODY[]<0> {4}\r\n0123)\r\n"},
                     {"BODY.PEEK[]<4.4>", "* 1 FETCH (BODY[]<4> \"45\" UID 7)\r\n"},
                     {"BODY.PEEK[]<6.4>", "* 1 FETCH (UID 7 BODY[]<6> NIL)\r\n"},
                     {"BODY.PEEK[]<6.4>", "* 1 FETCH (UID 7 BODY[]<6> {0}\r\n)\r\n"},
                     {"BODY.PEEK[]<5000000000.4>",
                      "* 2 FETCH (UID 8 BODY[]<5000000000> {1}\r\nx)\r\n"
                      "* 1 FETCH (UID 7 BODY[]<5000000000> {4}\r\nabcd)\r\n"}});
  EXPECT_EQ(body.get(0, 4).bytes, "0123");
  auto piece = body.get(4, 4);
  EXPECT_EQ(piece.bytes, "45");
  EXPECT_TRUE(piece.at_end);
  for (int i = 0; i < 2; ++i) {
    piece = body.get(6, 4);
    EXPECT_EQ(piece.bytes, "");
    EXPECT_TRUE(piece.at_end);
  }
  piece = body.get(5'000'000'000, 4);
  EXPECT_EQ(piece.bytes, "abcd");
  EXPECT_FALSE(piece.at_end);
  EXPECT_GE(body.dialogue.traffic.body_bytes.load(), 9U);
  EXPECT_EQ(body.dialogue.end(), "");
}

TEST(Body, ServerThatSendsTheWholeMessage) {
  const std::string whole = "* 1 FETCH (UID 7 BODY[] {10}\r\n0123456789)\r\n";
  BodyDialogue body({{"BODY.PEEK[]<0.4>", whole},
                     {"BODY.PEEK[]<4.4>", whole},
                     {"BODY.PEEK[]<8.4>", whole},
                     {"BODY.PEEK[]<0.50>", whole},
                     // 10 bytes may be the part 5.20 or the whole: ask again, and for the whole.
                     {"BODY.PEEK[]<5.20>", whole},
                     {"BODY.PEEK[]", whole},
                     {"BODY.PEEK[]<5.20>", "* 1 FETCH (UID 7 BODY[] {5}\r\n56789)\r\n"},
                     {"BODY.PEEK[]", whole},
                     {"BODY.PEEK[]<4.3>", "* 1 FETCH (UID 7 BODY[] \"0123456789\")\r\n"}});
  EXPECT_EQ(body.get(0, 4).bytes, "0123");
  EXPECT_EQ(body.get(4, 4).bytes, "4567");
  auto piece = body.get(8, 4);
  EXPECT_EQ(piece.bytes, "89");
  EXPECT_TRUE(piece.at_end);
  piece = body.get(0, 50);
  EXPECT_EQ(piece.bytes, "0123456789");
  EXPECT_TRUE(piece.at_end);
  EXPECT_EQ(body.get(5, 20).bytes, "56789");
  EXPECT_EQ(body.get(5, 20).bytes, "56789");
  EXPECT_EQ(body.get(4, 3).bytes, "456");
  EXPECT_EQ(body.dialogue.end(), "");
}

TEST(Body, NoDataIsNeverAnEmptyMessage) {
  BodyDialogue body({{"BODY.PEEK[]<0.4>", ""},
                     {"BODY.PEEK[]<0.4>", "* 1 FETCH (UID 7 BODY[]<0> NIL)\r\n"},
                     {"BODY.PEEK[]<0.4>", "* 1 FETCH (UID 7 BODY[]<0> \"\")\r\n"},
                     {"BODY.PEEK[]<0.4>", "* 1 FETCH (UID 8 BODY[]<0> \"x\")\r\n"}});
  for (int i = 0; i < 4; ++i) EXPECT_ERROR(body.get(0, 4), Code::stale, Scope::message);
  EXPECT_EQ(body.dialogue.end(), "");
}

TEST(Body, AnotherPartIsAnError) {
  BodyDialogue body({{"BODY.PEEK[]<4.4>", "* 1 FETCH (UID 7 BODY[]<0> {4}\r\n0123)\r\n"},
                     {"BODY.PEEK[]<4.4>", "* 1 FETCH (UID 7 BODY[]<4> \"\r\n"}});
  EXPECT_ERROR(body.get(4, 4), Code::protocol, Scope::message);
  EXPECT_ERROR(body.get(4, 4), Code::protocol, Scope::message);
  EXPECT_ERROR(body.get(0, (16 << 20) + 1), Code::invalid, Scope::message);
  EXPECT_EQ(body.dialogue.end(), "");
}

}  // namespace
}  // namespace emlfs::imap
