// Servers that are broken or hostile: every crash and hang of libetpan that is known, and others.
// The session throws the right Error in time, and the process lives.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

// The most memory this process has had, in KiB.
long peakMemory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// The bound of the design. A sanitizer keeps freed memory, so it means nothing there.
void expectBounded(long before) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(peakMemory() - before, 64 << 10);
#else
  static_cast<void>(before);
#endif
}

// Sends until the client has gone, which is what the tests of endless answers expect.
void sendForever(Peer& peer, const std::string& bytes) {
  try {
    for (;;) peer.send(bytes);
  } catch (const std::runtime_error&) {  // the client has gone
  }
}

// A server that answers NOOP with `answer` and keeps the connection open.
Error answerToNoop(const std::string& answer) {
  Dialogue dialogue("IMAP4rev1", [&](Peer& peer) {
    const std::string tag = peer.expect("NOOP");
    std::string bytes = answer;
    for (size_t at; (at = bytes.find("TAG")) != std::string::npos;) bytes.replace(at, 3, tag);
    peer.send(bytes);
    peer.waitForClose();
  });
  const Error error = failureOf([&] { dialogue.session->noop(); });
  EXPECT_EQ(dialogue.end(), "");
  return error;
}

// What it says is skipped, and the session works on.
void expectHarmless(const std::string& untagged) {
  Dialogue dialogue("IMAP4rev1", [&](Peer& peer) {
    peer.send(untagged + peer.expect("NOOP") + " OK\r\n");
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->noop();
  dialogue.session->noop();
  EXPECT_EQ(dialogue.end(), "") << untagged.substr(0, 80);
}

TEST(Hostile, HarmlessOddities) {
  expectHarmless("* OK [BADCHARSET (\"x\")] hi\r\n");
  expectHarmless("* OK [PERMANENTFLAGS (%)] hi\r\n");
  expectHarmless("* XYZZY ((a) {3}\r\n(((b\r\n");
  expectHarmless("* CAPABILITY\r\n");
  expectHarmless("* 5 FETCH (((\r\n* LIST\r\n* STATUS\r\n* SEARCH x\r\n* VANISHED\r\n");
  expectHarmless("\r\n* 1 EXPUNGE\r\n* 0 EXPUNGE\r\n* 1:3 EXISTS\r\n* \r\n" +
                 std::string("* OK \0 nul\r\n", 12));
}

TEST(Hostile, ManyParentheses) {
  const Error error = answerToNoop("* X " + std::string(20'000, '(') + "\r\nTAG OK\r\n");
  EXPECT_EQ(error.code, Code::limit);
  EXPECT_EQ(error.scope, Scope::connection);
}

TEST(Hostile, LiteralOfFourGigabytes) {
  EXPECT_EQ(answerToNoop("* X {4294967295}\r\nabc").code, Code::limit);
  EXPECT_EQ(answerToNoop("* X {99999999999999999999}\r\nabc").code, Code::limit);
}

TEST(Hostile, WrongTag) {
  const Error error = answerToNoop("Z9 OK done\r\n");
  EXPECT_EQ(error.code, Code::protocol);
  EXPECT_EQ(error.scope, Scope::connection);
}

TEST(Hostile, ContinuationNobodyAskedFor) {
  EXPECT_EQ(answerToNoop("+ go on\r\n").scope, Scope::connection);
}

TEST(Hostile, Bye) {
  const Error error = answerToNoop("* BYE Session expired\r\n");
  EXPECT_EQ(error.code, Code::network);
  EXPECT_EQ(error.scope, Scope::connection);
  EXPECT_EQ(error.server, "Session expired");
}

TEST(Hostile, EndlessBye) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.expect("NOOP");
    sendForever(peer, "* BYE go away\r\n");
  });
  EXPECT_ERROR(dialogue.session->noop(), Code::network, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, DeadSessionStaysDead) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.expect("NOOP");
    peer.send("garbage\r\n");
    peer.waitForClose();
  });
  EXPECT_ERROR(dialogue.session->noop(), Code::protocol, Scope::connection);
  EXPECT_ERROR(dialogue.session->noop(), Code::network, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, EndOfStreamInALiteral) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    peer.expect("UID FETCH");
    peer.send("* 1 FETCH (UID 1 BODY[]<0> {100}\r\nabc");
  });
  dialogue.session->examine("INBOX");
  EXPECT_ERROR(dialogue.session->fetchBody(1, 0, 100), Code::network, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, EndlessLine) {
  const long before = peakMemory();
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.expect("NOOP");
    peer.send("* X ");
    sendForever(peer, std::string(65536, 'x'));
  });
  EXPECT_ERROR(dialogue.session->noop(), Code::limit, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
  expectBounded(before);
}

TEST(Hostile, EndlessResponses) {
  const long before = peakMemory();
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.expect("NOOP");
    std::string block;
    while (block.size() < 60'000) block += "* OK still here\r\n";
    sendForever(peer, block);
  });
  EXPECT_ERROR(dialogue.session->noop(), Code::limit, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
  expectBounded(before);
}

TEST(Hostile, EndlessMessages) {
  const long before = peakMemory();
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    peer.expect("UID FETCH");
    std::string block;
    while (block.size() < 60'000) {
      block += "* 1 FETCH (UID 2 RFC822.SIZE 9 BODY[HEADER.FIELDS (DATE)] {4}\r\na:b\n)\r\n";
    }
    sendForever(peer, block);
  });
  dialogue.session->examine("INBOX");
  int given = 0;
  EXPECT_ERROR(dialogue.session->fetchMetadata(1, 5, [&](MessageMeta&&) { ++given; }), Code::limit,
               Scope::connection);
  EXPECT_EQ(given, 1);
  EXPECT_EQ(dialogue.end(), "");
  expectBounded(before);
}

TEST(Hostile, MailboxesWithoutEnd) {
  const long before = peakMemory();
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.expect("LIST");
    const std::string name(1000, 'n');
    try {
      for (int i = 0;;) {
        std::string block;
        while (block.size() < 60'000) {
          block += "* LIST () \"/\" " + name + std::to_string(++i) + "\r\n";
        }
        peer.send(block);
      }
    } catch (const std::runtime_error&) {  // the client has gone
    }
  });
  EXPECT_ERROR(dialogue.session->list({{}}), Code::limit, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
  expectBounded(before);
}

TEST(Hostile, Silence) {
  Dialogue dialogue(
      "IMAP4rev1",
      [](Peer& peer) {
        peer.expect("NOOP");
        peer.waitForClose();
      },
      [](SessionOptions& options) { options.endpoint.timeout = Milliseconds{200}; });
  EXPECT_ERROR(dialogue.session->noop(), Code::timeout, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, SilenceInALiteral) {
  Dialogue dialogue(
      "IMAP4rev1",
      [](Peer& peer) {
        serveExamine(peer);
        peer.expect("UID FETCH");
        peer.send("* 1 FETCH (UID 1 BODY[]<0> {100}\r\nabc");
        peer.waitForClose();
      },
      [](SessionOptions& options) { options.endpoint.timeout = Milliseconds{200}; });
  dialogue.session->examine("INBOX");
  EXPECT_ERROR(dialogue.session->fetchBody(1, 0, 100), Code::timeout, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, Interrupt) {
  std::atomic<bool> asked{false};
  Dialogue dialogue("IMAP4rev1", [&](Peer& peer) {
    peer.expect("NOOP");
    asked = true;
    asked.notify_all();
    peer.waitForClose();
  });
  std::thread other([&] {
    asked.wait(false);
    dialogue.session->interrupt();
  });
  EXPECT_ERROR(dialogue.session->noop(), Code::cancelled, Scope::connection);
  other.join();
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, NamespaceOverflow) {
  Dialogue dialogue("IMAP4rev1 NAMESPACE", [](Peer& peer) {
    std::string many = "* NAMESPACE (";
    for (int i = 0; i < 20'000; ++i) many += "(\"" + std::string(100, 'x') + "\" \"/\")";
    peer.send(many + ") NIL NIL\r\n" + peer.expect("NAMESPACE") + " OK\r\n");
    peer.send("* NAMESPACE ((\"\" \"/\" \"X\" (\"" + std::string(100'000, 'y') +
              "\"))) NIL NIL\r\n" + peer.expect("NAMESPACE") + " OK\r\n");
    peer.waitForClose();
  });
  const auto fallback = dialogue.session->namespaces();
  ASSERT_EQ(fallback.size(), 1U);
  EXPECT_EQ(fallback[0].prefix, "");
  EXPECT_EQ(dialogue.session->namespaces().at(0).delimiter, '/');
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, UnreadableFetchFailsTheListing) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    const std::string tag = peer.expect("UID FETCH");
    peer.send(
        "* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[HEADER.FIELDS (DATE)] {0}\r\n)\r\n* 2 FETCH (UID 2 "
        "FLAGS \r\n" +
        tag + " OK\r\n");
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  int given = 0;
  EXPECT_ERROR(dialogue.session->fetchMetadata(1, 5, [&](MessageMeta&&) { ++given; }),
               Code::protocol, Scope::mailbox);
  EXPECT_EQ(given, 1);
  dialogue.session->noop();
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, NoAfterData) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    const std::string tag = peer.expect("UID FETCH");
    peer.send("* 1 FETCH (UID 1 FLAGS ())\r\n" + tag + " NO some failed\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  EXPECT_ERROR(dialogue.session->fetchFlags(1, 5, 0, [](FlagChange&&) {}), Code::refused,
               Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, StatusAndListOkWithoutData) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send("* STATUS other (MESSAGES 1)\r\n" + peer.expect("STATUS") + " OK\r\n");
    peer.send(peer.expect("LIST") + " OK\r\n");
    peer.waitForClose();
  });
  EXPECT_ERROR(dialogue.session->status("x"), Code::protocol, Scope::mailbox);
  EXPECT_EQ(failureOf([&] { dialogue.session->list({{}}); }).code, Code::protocol);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Hostile, SearchOkWithoutData) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    serveExamine(peer);
    peer.send(peer.expect("UID SEARCH") + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  EXPECT_ERROR(dialogue.session->searchUids(1, 9), Code::protocol, Scope::mailbox);
  EXPECT_EQ(dialogue.end(), "");
}

// Bodies of messages that nobody asked for, for ever.
TEST(Hostile, WhatNobodyAskedForBuysNoTime) {
  Dialogue dialogue(
      "IMAP4rev1",
      [](Peer& peer) {
        serveExamine(peer);
        peer.expect("UID FETCH");
        const std::string other = "BODY[] {3000}\r\n" + std::string(3'000, 'x') + ")\r\n";
        for (int uid = 1'000;; ++uid)
          peer.send("* 1 FETCH (UID " + std::to_string(uid) + " " + other);
      },
      [](SessionOptions& options) { options.endpoint.timeout = Milliseconds{200}; });
  UidSet wanted;
  wanted.add(1);
  const auto validity = dialogue.session->examine("INBOX").uid_validity;
  EXPECT_ERROR(dialogue.session->fetchBodies({{"INBOX", validity, wanted}}, 100'000,
                                             [](size_t, Uid, std::string&&) {}),
               Code::timeout, Scope::connection);
}

}  // namespace
}  // namespace emlfs::imap
