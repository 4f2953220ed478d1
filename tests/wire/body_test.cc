// Bodies, in parts: nothing is taken for another part, or for the whole.
#include <utility>
#include <vector>

#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

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

TEST(Bodies, AsManyAsTheServerGives) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    const std::string tag = exactly(peer, "UID FETCH 1:3,5,7:9 (UID BODY.PEEK[])");
    peer.send(
        "* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)\r\n"
        "* 1 FETCH (BODY[] \"one\" UID 1)\r\n"
        "* 1 FETCH (UID 1 BODY[] {5}\r\nagain)\r\n"         // what was given is given
        "* 3 FETCH (UID 3 BODY[] NIL)\r\n"                  // gone
        "* 4 FETCH (UID 4 BODY[] {4}\r\nfour)\r\n"          // nobody asked for that
        "* 5 FETCH (UID 5 BODY[] {11}\r\nmore than 5)\r\n"  // too long
        "* 6 FETCH (UID 7 BODY[]<0> {5}\r\nseven)\r\n"      // a part
        "* 7 FETCH (UID 8 FLAGS (\\Seen))\r\n"
        "* 8 FETCH (UID 9 BODY[] {0}\r\n)\r\n");
    peer.send(tag + " NO some were not there\r\n");
    const std::string next = peer.expect("UID FETCH 2 (UID BODY.PEEK[]<0.100>)");
    peer.send("* 2 FETCH (UID 2 BODY[]<0> {3}\r\ntwo)\r\n" + next + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  UidSet uids;
  for (const Uid uid : {1U, 2U, 3U, 5U, 7U, 8U, 9U}) uids.add(uid);
  std::vector<std::pair<Uid, std::string>> given;
  dialogue.session->fetchBodies(
      {{"INBOX", 9, uids}}, 10,
      [&](size_t, Uid uid, std::string&& bytes) { given.emplace_back(uid, std::move(bytes)); });
  EXPECT_EQ(given, (std::vector<std::pair<Uid, std::string>>{{2, "two"}, {1, "one"}}));
  EXPECT_EQ(dialogue.session->fetchBody(2, 0, 100).bytes, "two");
  EXPECT_EQ(dialogue.end(), "");
}

}  // namespace
}  // namespace emlfs::imap
