// Uploads: what is sent before the server has asked, what isn't, and what may happen meanwhile.
#include <gmock/gmock.h>
#include <poll.h>

#include <algorithm>
#include <thread>

#include "support/gate.h"
#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string bytesOf(uint64_t size) {
  std::string bytes(size, 'x');
  for (uint64_t i = 0; i < size; i += 7) bytes[i] = static_cast<char>('a' + i % 23);
  return bytes;
}

NewMessage messageOf(std::string bytes, Flags flags = {}, std::optional<InternalDate> date = {}) {
  NewMessage message;
  message.flags = std::move(flags);
  message.date = date;
  message.size = bytes.size();
  message.read = [text = std::move(bytes)](uint64_t offset, std::span<char> into) {
    return text.copy(into.data(), into.size(), offset);
  };
  return message;
}

// Takes a literal and gives it.
std::string takeLiteral(Peer& peer, size_t size) {
  peer.send("+ go on\r\n");
  return peer.readBytes(size);
}

TEST(Append, WaitsToBeAsked) {
  Dialogue dialogue("IMAP4rev1 UIDPLUS", [](Peer& peer) {
    const std::string tag =
        exactly(peer, "APPEND \"a b\" ($Work \\Seen) \"17-Jul-1996 02:44:25 -0700\" {11}");
    peer.send("* 5 EXISTS\r\n* OK [ALERT] hello\r\n");
    EXPECT_EQ(takeLiteral(peer, 11), "From: a\r\n\r\n");
    EXPECT_EQ(peer.readLine(), "");
    peer.send("* 6 EXISTS\r\n" + tag + " OK [APPENDUID 38505 3955] done\r\n");
    peer.send(exactly(peer, "NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  const auto appended = dialogue.session->append(
      "a b", {messageOf("From: a\r\n\r\n", Flags({"$Work", "\\Seen", "\\Recent"}),
                        InternalDate{837'596'665, -420})});
  ASSERT_TRUE(appended);
  EXPECT_EQ(appended->uid_validity, 38505U);
  EXPECT_THAT(appended->uids, ElementsAre(3955U));
  dialogue.session->noop();
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Append, ShortOnesDontWaitWithLiteralPlus) {
  const std::string largest = bytesOf(99'999);
  const std::string larger = bytesOf(100'000);
  Dialogue plus("IMAP4rev1 LITERAL+", [&](Peer& peer) {
    std::string tag = exactly(peer, "APPEND \"a\" {99999+}");
    EXPECT_EQ(peer.readBytes(largest.size() + 2), largest + "\r\n");
    peer.send(tag + " OK\r\n");
    tag = exactly(peer, "APPEND \"a\" {100000}");
    EXPECT_EQ(takeLiteral(peer, larger.size() + 2), larger + "\r\n");
    peer.send(tag + " OK [APPENDUID 1 x] done\r\n");
    peer.waitForClose();
  });
  EXPECT_FALSE(plus.session->append("a", {messageOf(largest)}));
  EXPECT_FALSE(plus.session->append("a", {messageOf(larger)}));
  EXPECT_EQ(plus.end(), "");

  Dialogue minus("IMAP4rev1 LITERAL-", [&](Peer& peer) {
    std::string tag = exactly(peer, "APPEND \"a\" {4096+}");
    peer.readBytes(4'096 + 2);
    peer.send(tag + " OK\r\n");
    tag = exactly(peer, "APPEND \"a\" {4097}");
    takeLiteral(peer, 4'097 + 2);
    peer.send(tag + " OK\r\n");
    peer.waitForClose();
  });
  minus.session->append("a", {messageOf(bytesOf(4'096))});
  minus.session->append("a", {messageOf(bytesOf(4'097))});
  EXPECT_EQ(minus.end(), "");
}

TEST(Append, SeveralAtOnce) {
  const std::vector<std::string> texts = {bytesOf(10), bytesOf(60'000), bytesOf(50'000),
                                          bytesOf(20)};
  Dialogue dialogue("IMAP4rev1 LITERAL+ MULTIAPPEND", [&](Peer& peer) {
    const std::string tag = exactly(peer, "APPEND \"a\" {10+}");
    EXPECT_EQ(peer.readBytes(10), texts[0]);
    EXPECT_EQ(peer.readLine(), " (\\Seen) {60000+}");
    EXPECT_EQ(peer.readBytes(60'000), texts[1]);
    EXPECT_EQ(peer.readLine(), " {50000}");  // more than 100 kB unasked
    EXPECT_EQ(takeLiteral(peer, 50'000), texts[2]);
    EXPECT_EQ(peer.readLine(), " {20+}");
    EXPECT_EQ(peer.readBytes(20), texts[3]);
    EXPECT_EQ(peer.readLine(), "");
    peer.send(tag + " OK [APPENDUID 7 9,4:6] done\r\n");
    exactly(peer, "APPEND \"a\" {1+}");
    peer.readBytes(1);
    EXPECT_EQ(peer.readLine(), " {100000}");
    peer.send("A3 NO [OVERQUOTA] full\r\n");
    peer.send(exactly(peer, "NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  std::vector<NewMessage> messages;
  for (const std::string& text : texts) messages.push_back(messageOf(text));
  messages[1].flags = Flags({"\\Seen"});
  const auto appended = dialogue.session->append("a", messages);
  ASSERT_TRUE(appended);
  EXPECT_THAT(appended->uids, ElementsAre(9, 4, 5, 6));
  EXPECT_ERROR(dialogue.session->append("a", {messageOf(bytesOf(1)), messageOf(bytesOf(100'000))}),
               Code::quota, Scope::mailbox);
  dialogue.session->noop();  // nothing of the second message was sent
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Append, WhatIsRefusedBeforeAByteIsSent) {
  Dialogue dialogue("IMAP4rev1 APPENDLIMIT=1000 APPENDLIMITS=1", [](Peer& peer) {
    const std::string tag = exactly(peer, "APPEND \"a\" {1000}");
    takeLiteral(peer, 1'002);
    peer.send(tag + " OK\r\n");
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  EXPECT_EQ(session.capabilities().appendLimit(), 1'000U);
  session.append("a", {messageOf(bytesOf(1'000))});
  EXPECT_ERROR(session.append("a", {messageOf(bytesOf(1'001))}), Code::limit, Scope::message);
  EXPECT_ERROR(session.append("a", {messageOf("")}), Code::invalid, Scope::message);
  EXPECT_ERROR(session.append("a", {messageOf("x", Flags({"a b"}))}), Code::invalid,
               Scope::message);
  EXPECT_ERROR(session.append("a", {messageOf("x", {}, InternalDate{INT64_MAX, 0})}), Code::invalid,
               Scope::message);
  EXPECT_ERROR(session.append("a", {messageOf("x", {}, InternalDate{0, 1'440})}), Code::invalid,
               Scope::message);
  EXPECT_ERROR(session.append("", {messageOf("x")}), Code::invalid, Scope::mailbox);
  EXPECT_ERROR(session.append("a\nb", {messageOf("x")}), Code::invalid, Scope::mailbox);
  EXPECT_ERROR(session.append("a", {messageOf("x"), messageOf("y")}), Code::invalid,
               Scope::mailbox);
  EXPECT_FALSE(session.append("a", {}));
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Append, ARefusalInsteadOfThePlus) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    for (const char* answer : {"NO [TRYCREATE] none", "NO [OVERQUOTA] full", "NO [TOOBIG] big",
                               "NO [LIMIT] big", "NO [NOPERM] you", "BAD what"}) {
      peer.send(exactly(peer, "APPEND \"a\" {5}") + " " + answer + "\r\n");
    }
    peer.send(exactly(peer, "NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  Session& session = *dialogue.session;
  const auto append = [&] { session.append("a", {messageOf("abcde")}); };
  EXPECT_ERROR(append(), Code::not_found, Scope::mailbox);
  EXPECT_ERROR(append(), Code::quota, Scope::mailbox);
  EXPECT_ERROR(append(), Code::limit, Scope::message);
  EXPECT_ERROR(append(), Code::limit, Scope::message);
  EXPECT_ERROR(append(), Code::denied, Scope::mailbox);
  EXPECT_ERROR(append(), Code::protocol, Scope::mailbox);
  session.noop();
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Append, AnOkBeforeTheMessageIsNoSuccess) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send(exactly(peer, "APPEND \"a\" {5}") + " OK [APPENDUID 1 2] have it\r\n");
    peer.waitForClose();
  });
  EXPECT_ERROR(dialogue.session->append("a", {messageOf("abcde")}), Code::protocol,
               Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Append, APlusTooMuch) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    exactly(peer, "APPEND \"a\" {5}");
    peer.send("+ a\r\n+ b\r\n");
    peer.waitForClose();
  });
  EXPECT_ERROR(dialogue.session->append("a", {messageOf("abcde")}), Code::protocol,
               Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Append, AMessageThatCantBeReadIsNotSentHalf) {
  for (const bool throws : {true, false}) {
    Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
      exactly(peer, "APPEND \"a\" {200000}");
      peer.send("+ go\r\n");
      peer.waitForClose();
    });
    NewMessage message = messageOf(bytesOf(200'000));
    message.read = [throws](uint64_t offset, std::span<char> into) -> size_t {
      if (offset < 100'000) return into[0] = 'a', 1;
      if (throws) throw Error(Code::system, Scope::message, "the disk is broken");
      return 0;
    };
    const Error error = failureOf([&] { dialogue.session->append("a", {message}); });
    EXPECT_EQ(error.code, throws ? Code::system : Code::damaged);
    EXPECT_EQ(error.scope, Scope::connection);
    EXPECT_ERROR(dialogue.session->noop(), Code::network, Scope::connection);
    EXPECT_EQ(dialogue.end(), "");
  }
}

TEST(Append, ByeInTheMiddleIsHeard) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    exactly(peer, "APPEND \"a\" {50000000}");
    peer.send("+ go\r\n");
    peer.readBytes(1'000);
    peer.send("* BYE the disk is full\r\n");
    peer.close();
  });
  const Error error =
      failureOf([&] { dialogue.session->append("a", {messageOf(bytesOf(50'000'000))}); });
  EXPECT_EQ(error.code, Code::network);
  EXPECT_EQ(error.scope, Scope::connection);
  EXPECT_THAT(error.server, HasSubstr("disk is full"));
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Append, ALargeOneIsNeverInMemory) {
  constexpr uint64_t kSize = uint64_t{300} << 20;
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    const std::string tag = exactly(peer, "APPEND \"a\" {314572800}");
    peer.send("+ go\r\n");
    for (uint64_t left = kSize; left > 0; left -= 1 << 20) peer.readBytes(1 << 20);
    EXPECT_EQ(peer.readLine(), "");
    peer.send(tag + " OK\r\n");
    peer.waitForClose();
  });
  NewMessage message;
  message.size = kSize;
  size_t largest = 0;
  uint64_t next = 0;
  message.read = [&](uint64_t offset, std::span<char> into) {
    EXPECT_EQ(offset, next);
    largest = std::max(largest, into.size());
    std::fill(into.begin(), into.end(), 'x');
    next += into.size();
    return into.size();
  };
  dialogue.session->append("a", {message});
  EXPECT_EQ(next, kSize);
  EXPECT_LE(largest, size_t{1} << 20);
  EXPECT_EQ(dialogue.end(), "");
}

// A server that takes nothing is left after `timeout`; one that takes it slowly, but longer than
// that in all, is waited for.
TEST(Append, WhatTheServerTakesBuysTime) {
  const auto impatient = [](SessionOptions& options) {
    options.endpoint.timeout = Milliseconds{1'000};
  };
  const std::string bytes = bytesOf(uint64_t{40} << 20);
  Dialogue slow(
      "IMAP4rev1",
      [&](Peer& peer) {
        const std::string tag = exactly(peer, "APPEND \"a\" {41943040}");
        peer.send("+ go\r\n");
        for (size_t left = bytes.size(); left > 0; left -= 4 << 20) {
          peer.readBytes(4 << 20);
          poll(nullptr, 0, 300);  // slow is what this is about
        }
        EXPECT_EQ(peer.readLine(), "");
        peer.send(tag + " OK\r\n");
        peer.waitForClose();
      },
      impatient);
  const auto begun = Clock::now();
  slow.session->append("a", {messageOf(bytes)});
  EXPECT_GT(Clock::now() - begun, Milliseconds{2'000});
  EXPECT_EQ(slow.end(), "");

  test::Gate given_up;
  Dialogue stuck(
      "IMAP4rev1",
      [&](Peer& peer) {
        exactly(peer, "APPEND \"a\" {41943040}");
        peer.send("+ go\r\n");
        given_up.wait();
      },
      impatient);
  const Error error = failureOf([&] { stuck.session->append("a", {messageOf(bytes)}); });
  given_up.open();
  EXPECT_EQ(error.code, Code::timeout);
  EXPECT_EQ(error.scope, Scope::connection);
  EXPECT_EQ(stuck.end(), "");
}

// Words instead of progress.
TEST(Append, AServerThatTalksAndTakesNothingIsLeft) {
  Dialogue dialogue(
      "IMAP4rev1",
      [](Peer& peer) {
        exactly(peer, "APPEND \"a\" {41943040}");
        peer.send("+ go\r\n");
        try {
          for (int i = 0; i < 80; ++i) {
            poll(nullptr, 0, 100);
            peer.send("* OK still here\r\n");
          }
        } catch (const std::runtime_error&) {
          // The client has gone.
        }
      },
      [](SessionOptions& options) { options.endpoint.timeout = Milliseconds{1'000}; });
  NewMessage message = messageOf("x");
  message.size = 41'943'040;
  message.read = [](uint64_t, std::span<char> into) { return into.size(); };
  const auto begun = Clock::now();
  EXPECT_ERROR(dialogue.session->append("a", {message}), Code::timeout, Scope::connection);
  EXPECT_LT(Clock::now() - begun, Milliseconds{5'000});
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Append, InterruptEndsAnUpload) {
  for (const bool stuck : {true, false}) {
    test::Gate ended;
    Dialogue dialogue("IMAP4rev1", [&](Peer& peer) {
      exactly(peer, "APPEND \"a\" {1000000000000}");
      peer.send("+ go\r\n");
      if (stuck) ended.wait();
      peer.waitForClose();
    });
    NewMessage message;
    message.size = 1'000'000'000'000;
    std::thread interrupter;
    message.read = [&](uint64_t offset, std::span<char> into) {
      if (offset == 0) {
        interrupter = std::thread([&] {
          poll(nullptr, 0, 100);  // most likely in the middle
          dialogue.session->interrupt();
        });
      }
      return into.size();
    };
    EXPECT_ERROR(dialogue.session->append("a", {message}), Code::cancelled, Scope::connection);
    interrupter.join();
    ended.open();
    EXPECT_EQ(dialogue.end(), "");
  }
}

}  // namespace
}  // namespace emlfs::imap
