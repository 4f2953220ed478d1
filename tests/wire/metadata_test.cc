// What is fetched of many messages at once: metadata, flags, UIDs.
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>
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
    peer.send(peer.expect("NOOP") + " OK\r\n");
    const std::string again = peer.expect("UID FETCH 4 " + kMetadata);
    peer.send("* 1 FETCH (UID 4 BODY[HEADER.FIELDS (\"DATE\")] NIL INTERNALDATE \"never\")\r\n" +
              again + " OK\r\n");
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
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.send("* 2 FETCH (UID 2 RFC822.SIZE 6)\r\n" + peer.expect("UID FETCH 2") + " OK\r\n");
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

// As Dovecot describes a message that another client removes in that moment.
TEST(Metadata, AMessageThatGoesMeanwhileIsNotGiven) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    const std::string gone =
        "* 2 FETCH (UID 2 FLAGS () INTERNALDATE \"01-Jan-1970 00:00:00 +0000\" RFC822.SIZE 0 "
        "BODY[HEADER.FIELDS (DATE FROM SENDER SUBJECT MESSAGE-ID)] NIL)\r\n";
    const std::string late =
        "* 3 FETCH (UID 3 FLAGS () INTERNALDATE \"01-Jan-1970 00:00:00 +0000\" RFC822.SIZE 0 "
        "BODY[HEADER.FIELDS (DATE FROM SENDER SUBJECT MESSAGE-ID)] NIL)\r\n";
    const std::string tag = peer.expect("UID FETCH 1:4 ");
    peer.send(metadata(1, "Subject: one\r\n\r\n") + gone + late +
              metadata(4, "Subject: four\r\n\r\n") + "* 2 EXPUNGE\r\n" + tag +
              " OK [EXPUNGEISSUED] Some messages were already expunged\r\n");
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.send(metadata(3, "Subject: three\r\n\r\n") + peer.expect("UID FETCH 2:3 ") + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  std::map<Uid, MessageMeta> given;
  dialogue.session->fetchMetadata(1, 4, [&](MessageMeta&& meta) { given[meta.uid] = meta; });
  EXPECT_EQ(dialogue.end(), "");
  ASSERT_EQ(given.size(), 3U);
  EXPECT_EQ(given.count(2), 0U);
  EXPECT_EQ(given[3].header.subject, "three");
  EXPECT_EQ(given[3].size, 77U);
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

}  // namespace
}  // namespace emlfs::imap
