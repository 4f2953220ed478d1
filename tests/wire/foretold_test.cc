// Commands that are sent behind an EXAMINE: they cost no round trip, and nothing depends on them.
#include <functional>
#include <vector>

#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

constexpr const char* kAcl = "IMAP4rev1 ACL RIGHTS=kxte";
const std::string kSelected = "* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 4] x\r\n";
const std::string kAsked =
    "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER SUBJECT "
    "MESSAGE-ID)])";

std::string described(int uid) {
  return "* " + std::to_string(uid) + " FETCH (UID " + std::to_string(uid) +
         " FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (DATE FROM SENDER SUBJECT MESSAGE-ID)] "
         "{4}\r\n\r\n\r\n)\r\n";
}

Next rightsAndMetadata() {
  Next next;
  next.rights = true;
  next.metadata = UidRange{1, 2000};
  return next;
}

std::vector<Uid> listed(Session& session, Uid last) {
  std::vector<Uid> uids;
  session.fetchMetadata(1, last, [&](MessageMeta&& meta) { uids.push_back(meta.uid); });
  return uids;
}

// The tags of what a session asks in one breath.
std::vector<std::string> three(Peer& peer) {
  std::vector<std::string> tags;
  for (const auto& command : {std::string("EXAMINE \"INBOX\""), std::string("MYRIGHTS \"INBOX\""),
                              "UID FETCH 1:2000 " + kAsked})
    tags.push_back(exactly(peer, command));
  return tags;
}

TEST(Foretold, IsAskedInOneBreath) {
  Dialogue dialogue(kAcl, [](Peer& peer) {
    // Nothing is answered before all has come.
    const auto tags = three(peer);
    peer.send(kSelected + tags[0] + " OK done\r\n* MYRIGHTS INBOX lrs\r\n" + tags[1] + " OK\r\n" +
              described(1) + described(2) + tags[2] + " OK\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(dialogue.session->examine("INBOX", {}, rightsAndMetadata()).uid_validity, 9U);
  EXPECT_EQ(dialogue.session->myRights("INBOX"), "lrs");
  EXPECT_EQ(listed(*dialogue.session, 2000), (std::vector<Uid>{1, 2}));
  EXPECT_EQ(dialogue.traffic.commands.load(), 4U);  // with AUTHENTICATE
  EXPECT_EQ(dialogue.end(), "");
}

// As Dovecot may do it: the second FETCH runs before the first one's end is told.
TEST(Foretold, TheNextStepOfAListing) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    std::string tag = exactly(peer, "EXAMINE \"INBOX\"");
    const std::string first = exactly(peer, "UID FETCH 1:2000 " + kAsked);
    peer.send(kSelected + tag + " OK\r\n");
    const std::string second = exactly(peer, "UID FETCH 2001:2002 " + kAsked);
    peer.send(described(1) + described(2001) + first + " OK\r\n" + described(2002) + second +
              " OK\r\n");
    const std::string third = exactly(peer, "UID FETCH 2003 " + kAsked);
    peer.send(third + " OK\r\n");
    peer.waitForClose();
  });
  Next next;
  next.metadata = UidRange{1, 2000};
  dialogue.session->examine("INBOX", {}, next);
  std::vector<Uid> uids;
  const auto add = [&](MessageMeta&& meta) { uids.push_back(meta.uid); };
  dialogue.session->fetchMetadata(1, 2000, add, UidRange{2001, 2002});
  EXPECT_EQ(uids, (std::vector<Uid>{1, 2001}));
  dialogue.session->fetchMetadata(2001, 2002, add);
  EXPECT_EQ(uids, (std::vector<Uid>{1, 2001, 2002}));
  dialogue.session->fetchMetadata(2003, 2003, add);
  EXPECT_EQ(dialogue.end(), "");
}

std::string selected(int validity, const std::string& tag) {
  return "* 3 EXISTS\r\n* OK [UIDVALIDITY " + std::to_string(validity) + "] x\r\n" + tag +
         " OK\r\n";
}

std::string body(int uid, const std::string& bytes) {
  return "* 1 FETCH (UID " + std::to_string(uid) + " BODY[] {" + std::to_string(bytes.size()) +
         "}\r\n" + bytes + ")\r\n";
}

UidSet uidsOf(std::initializer_list<Uid> list) {
  UidSet uids;
  for (const Uid uid : list) uids.add(uid);
  return uids;
}

TEST(Foretold, APieceComesWithTheSelection) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    const std::string examine = exactly(peer, "EXAMINE \"INBOX\"");
    const std::string fetch = exactly(peer, "UID FETCH 5 (UID BODY.PEEK[]<0.4>)");
    peer.send(kSelected + examine + " OK\r\n* 3 FETCH (UID 5 BODY[]<0> {4}\r\nwxyz)\r\n" + fetch +
              " OK\r\n");
    peer.waitForClose();
  });
  Next next;
  next.piece = Next::Piece{5, 0, 4};
  dialogue.session->examine("INBOX", {}, next);
  EXPECT_EQ(dialogue.session->fetchBody(5, 0, 4).bytes, "wxyz");
  EXPECT_EQ(dialogue.end(), "");
}

// What can't be had of one mailbox takes nothing from the others.
TEST(Foretold, BodiesOfSeveralMailboxesInOneBreath) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    std::vector<std::string> tags;
    for (const auto* name : {"A", "gone", "replaced", "B"}) {
      tags.push_back(exactly(peer, std::string("EXAMINE \"") + name + "\""));
      tags.push_back(exactly(peer, "UID FETCH 1:2 (UID BODY.PEEK[])"));
    }
    peer.send(selected(1, tags[0]) + body(1, "a") + body(2, "aa") + tags[1] + " OK\r\n");
    peer.send(tags[2] + " NO [NONEXISTENT] gone\r\n" + tags[3] + " BAD nothing selected\r\n");
    peer.send(selected(7, tags[4]) + body(1, "another") + tags[5] + " OK\r\n");
    peer.send(selected(4, tags[6]) + body(2, "bb") + tags[7] + " OK\r\n");
    // B is selected by now.
    const std::string tag = exactly(peer, "UID FETCH 3 (UID BODY.PEEK[])");
    peer.send(body(3, "bbb") + tag + " OK\r\n");
    peer.waitForClose();
  });
  std::string got;
  const auto get = [&](const std::vector<WantedBodies>& wanted) {
    dialogue.session->fetchBodies(wanted, 100, [&](size_t i, Uid uid, std::string&& bytes) {
      got += wanted[i].wire + std::to_string(uid) + "=" + bytes + " ";
    });
  };
  get({{"A", 1, uidsOf({1, 2})},
       {"gone", 2, uidsOf({1, 2})},
       {"replaced", 3, uidsOf({1, 2})},
       {"B", 4, uidsOf({1, 2})}});
  EXPECT_EQ(got, "A1=a A2=aa B2=bb ");
  EXPECT_EQ(dialogue.session->selected(), "B");
  got.clear();
  get({{"B", 4, uidsOf({3})}});
  EXPECT_EQ(got, "B3=bbb ");
  EXPECT_EQ(dialogue.end(), "");
}

// A message of A and one of B are asked for in one breath. What is said then ends the connection,
// since a body of the one must never be taken for a body of the other.
struct AskedInTwo {
  std::string a, bodies_of_a, b, bodies_of_b;  // tags
};
void endsTheConnection(const std::function<std::string(const AskedInTwo&)>& answer) {
  Dialogue dialogue("IMAP4rev1", [&](Peer& peer) {
    const std::string bodies = "UID FETCH 1 (UID BODY.PEEK[])";
    AskedInTwo tags;
    tags.a = exactly(peer, "EXAMINE \"A\"");
    tags.bodies_of_a = exactly(peer, bodies);
    tags.b = exactly(peer, "EXAMINE \"B\"");
    tags.bodies_of_b = exactly(peer, bodies);
    peer.send(answer(tags));
    peer.waitForClose();
  });
  std::string got;
  EXPECT_ERROR(
      dialogue.session->fetchBodies({{"A", 1, uidsOf({1})}, {"B", 2, uidsOf({1})}}, 100,
                                    [&](size_t, Uid, std::string&& bytes) { got += bytes; }),
      Code::protocol, Scope::connection);
  EXPECT_EQ(got, "");
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Foretold, AMailboxThatIsSelectedOutOfTurnEndsTheConnection) {
  endsTheConnection([](const AskedInTwo& tags) {
    return selected(1, tags.a) + selected(2, tags.b) + body(1, "b") + tags.bodies_of_b + " OK\r\n" +
           body(1, "a") + tags.bodies_of_a + " OK\r\n";
  });
}

// Who asks again for what was refused so would ask in the mailbox that is selected by then.
TEST(Foretold, AFetchThatIsRefusedBeforeItsTurnIsNotAskedInAnotherMailbox) {
  endsTheConnection([](const AskedInTwo& tags) {
    return tags.bodies_of_a + " BAD not selected\r\n" + selected(1, tags.a) + selected(2, tags.b) +
           body(1, "b") + tags.bodies_of_b + " OK\r\n";
  });
}

// The answer to LIST, which tells whether it is gone, comes behind all that is on its way.
TEST(Foretold, BodiesBehindAMailboxThatIsRefusedWithoutAReason) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    std::string a = exactly(peer, "EXAMINE \"A\"");
    const std::string fetch = exactly(peer, "UID FETCH 1 (UID BODY.PEEK[])");
    std::string b = exactly(peer, "EXAMINE \"B\"");
    std::string bodies = exactly(peer, "UID FETCH 1 (UID BODY.PEEK[])");
    peer.send(a + " NO no\r\n" + fetch + " BAD\r\n" + selected(2, b) + body(1, "lost") + bodies +
              " OK\r\n");
    const std::string list = peer.expect("LIST");
    peer.send("* LIST () \"/\" A\r\n" + list + " OK\r\n");
    b = exactly(peer, "EXAMINE \"B\"");
    peer.send(selected(2, b));
    bodies = exactly(peer, "UID FETCH 1 (UID BODY.PEEK[])");
    peer.send(body(1, "b") + bodies + " OK\r\n");
    peer.waitForClose();
  });
  std::string got;
  dialogue.session->fetchBodies({{"A", 1, uidsOf({1})}, {"B", 2, uidsOf({1})}}, 100,
                                [&](size_t, Uid, std::string&& bytes) { got += bytes; });
  EXPECT_EQ(got, "b");
  EXPECT_EQ(dialogue.end(), "");
}

// The answers are read, and forgotten; what is wanted after all is asked for again.
TEST(Foretold, ButNotAskedFor) {
  Dialogue dialogue(kAcl, [](Peer& peer) {
    const auto tags = three(peer);
    peer.send(kSelected + tags[0] + " OK done\r\n* MYRIGHTS INBOX lrs\r\n" + tags[1] + " OK\r\n" +
              described(1) + "* 4 EXISTS\r\n" + tags[2] + " OK\r\n");
    std::string tag = exactly(peer, "NOOP");
    peer.send(tag + " OK\r\n");
    tag = exactly(peer, "UID FETCH 1:2000 " + kAsked);
    peer.send(described(3) + tag + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX", {}, rightsAndMetadata());
  dialogue.session->noop();
  EXPECT_EQ(listed(*dialogue.session, 2000), (std::vector<Uid>{3}));
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Foretold, ListensOnceTheAnswersAreRead) {
  Dialogue dialogue("IMAP4rev1 IDLE", [](Peer& peer) {
    const std::string examine = exactly(peer, "EXAMINE \"INBOX\"");
    const std::string fetch = exactly(peer, "UID FETCH 1:2000 " + kAsked);
    peer.send(kSelected + examine + " OK\r\n" + described(1) + fetch + " OK\r\n");
    const std::string idle = exactly(peer, "IDLE");
    peer.send("+ idling\r\n* 4 EXISTS\r\n");
    EXPECT_EQ(peer.readLine(), "DONE");
    peer.send(idle + " OK\r\n");
    peer.waitForClose();
  });
  Next next;
  next.metadata = UidRange{1, 2000};
  dialogue.session->examine("INBOX", {}, next);
  EXPECT_TRUE(dialogue.session->listen(Milliseconds{5'000}, false).selected);
  EXPECT_EQ(dialogue.end(), "");
}

// Which answer the data belonged to is not known then.
TEST(Foretold, AnsweredOutOfTurnIsAskedAgain) {
  Dialogue dialogue(kAcl, [](Peer& peer) {
    const auto tags = three(peer);
    peer.send(kSelected + tags[0] + " OK done\r\n" + described(1) + tags[2] +
              " OK\r\n* MYRIGHTS INBOX lrs\r\n" + tags[1] + " OK\r\n");
    const std::string tag = exactly(peer, "UID FETCH 1:2000 " + kAsked);
    peer.send(described(1) + tag + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX", {}, rightsAndMetadata());
  EXPECT_EQ(dialogue.session->myRights("INBOX"), "lrs");
  EXPECT_EQ(listed(*dialogue.session, 2000), (std::vector<Uid>{1}));
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Foretold, OfAMailboxThatCantBeOpened) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    const std::string examine = exactly(peer, "EXAMINE \"gone\"");
    const std::string fetch = exactly(peer, "UID FETCH 1:2000 " + kAsked);
    peer.send(examine + " NO [NONEXISTENT] gone\r\n" + fetch + " BAD no mailbox selected\r\n");
    serveExamine(peer);
    const std::string tag = exactly(peer, "UID FETCH 1:2000 " + kAsked);
    peer.send(described(1) + tag + " OK\r\n");
    peer.waitForClose();
  });
  Next next;
  next.metadata = UidRange{1, 2000};
  EXPECT_ERROR(dialogue.session->examine("gone", {}, next), Code::not_found, Scope::mailbox);
  dialogue.session->examine("INBOX");
  EXPECT_EQ(listed(*dialogue.session, 2000), (std::vector<Uid>{1}));
  EXPECT_EQ(dialogue.end(), "");
}

// MODSEQ can't be asked for in a mailbox that has none (RFC 7162 section 3.1.2.2).
TEST(Foretold, WithModseqsThatTheMailboxLacks) {
  Dialogue dialogue("IMAP4rev1 CONDSTORE", [](Peer& peer) {
    const std::string examine = exactly(peer, "EXAMINE \"INBOX\" (CONDSTORE)");
    const std::string fetch = peer.expect(
        "UID FETCH 1:2000 (UID FLAGS INTERNALDATE RFC822.SIZE "
        "MODSEQ");
    peer.send(kSelected + "* OK [NOMODSEQ] none\r\n" + examine + " OK\r\n" + fetch +
              " BAD no MODSEQ here\r\n");
    const std::string tag = exactly(peer, "UID FETCH 1:2000 " + kAsked);
    peer.send(described(1) + tag + " OK\r\n");
    peer.waitForClose();
  });
  Next next;
  next.metadata = UidRange{1, 2000};
  dialogue.session->examine("INBOX", {}, next);
  EXPECT_EQ(listed(*dialogue.session, 2000), (std::vector<Uid>{1}));
  EXPECT_EQ(dialogue.end(), "");
}

// A name that has to wait for the server is said alone.
TEST(Foretold, NotBehindWhatWaits) {
  Dialogue dialogue(kAcl, [](Peer& peer) {
    std::string line = peer.readLine();
    const std::string examine = line.substr(0, line.find(' '));
    EXPECT_NE(line.find("EXAMINE {"), std::string::npos);
    peer.send("+ go on\r\n");
    EXPECT_EQ(peer.readLine(), "caf\xc3\xa9");
    const std::string fetch = exactly(peer, "UID FETCH 1:2000 " + kAsked);
    peer.send(kSelected + examine + " OK\r\n" + described(1) + fetch + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("caf\xc3\xa9", {}, rightsAndMetadata());
  EXPECT_EQ(listed(*dialogue.session, 2000), (std::vector<Uid>{1}));
  EXPECT_EQ(dialogue.end(), "");
}

}  // namespace
}  // namespace emlfs::imap
