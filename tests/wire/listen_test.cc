// What a server says unasked: IDLE and NOTIFY, and how long one that only keeps us waiting may.
#include <poll.h>

#include <thread>

#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

constexpr Milliseconds kLong{10'000};

TEST(Idle, HearsWhatHappensInTheSelectedMailbox) {
  for (const char* said : {"* 4 EXISTS\r\n", "* 2 EXPUNGE\r\n", "* VANISHED 2\r\n",
                           "* 1 FETCH (FLAGS (\\Seen))\r\n", "* 1 FETCH (oops\r\n"}) {
    SCOPED_TRACE(said);
    Dialogue dialogue("IMAP4rev1 IDLE", [said](Peer& peer) {
      serveExamine(peer);
      const std::string tag = peer.expect("IDLE");
      // Before the "+", as some servers do; libetpan would hang on it.
      peer.send("* OK still here\r\n+ idling\r\n");
      peer.send(said);
      EXPECT_EQ(peer.readLine(), "DONE");
      peer.send(tag + " OK\r\n");
      peer.waitForClose();
    });
    dialogue.session->examine("INBOX");
    // The keep-alive may come alone.
    Push push;
    while (push.empty() && !push.woken) push = dialogue.session->listen(kLong, true);
    EXPECT_TRUE(push.selected);
    EXPECT_FALSE(push.mailboxes && push.statuses.empty() && !push.selected);
    EXPECT_EQ(dialogue.end(), "");
  }
}

TEST(Idle, EndsAtItsLimitWithARoundTrip) {
  Dialogue dialogue("IMAP4rev1 IDLE", [](Peer& peer) {
    serveExamine(peer);
    for (int i = 0; i < 2; ++i) {
      const std::string tag = peer.expect("IDLE");
      peer.send("+\r\n");
      EXPECT_EQ(peer.readLine(), "DONE");
      peer.send(tag + " OK\r\n");
    }
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  for (int i = 0; i < 2; ++i) {
    const Push push = dialogue.session->listen(Milliseconds(20), true);
    EXPECT_TRUE(push.empty());
    EXPECT_FALSE(push.woken);
  }
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Idle, EndsWhenWokenAlsoBeforeItBegins) {
  Dialogue dialogue("IMAP4rev1 IDLE", [](Peer& peer) {
    serveExamine(peer);
    for (int i = 0; i < 2; ++i) {
      const std::string tag = peer.expect("IDLE");
      peer.send("+\r\n");
      EXPECT_EQ(peer.readLine(), "DONE");
      peer.send(tag + " OK\r\n");
    }
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  dialogue.session->wake();
  EXPECT_TRUE(dialogue.session->listen(kLong, true).woken);
  std::thread waker([&] { dialogue.session->wake(); });
  EXPECT_TRUE(dialogue.session->listen(kLong, true).woken);
  waker.join();
  dialogue.session->noop();
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Idle, ARefusalLeavesTheSessionUsable) {
  Dialogue dialogue("IMAP4rev1 IDLE", [](Peer& peer) {
    serveExamine(peer);
    peer.send(peer.expect("IDLE") + " NO not now\r\n");
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  EXPECT_ERROR(dialogue.session->listen(kLong, true), Code::refused, Scope::mailbox);
  dialogue.session->noop();
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Idle, AServerThatHasVanishedIsNoticed) {
  Dialogue dialogue(
      "IMAP4rev1 IDLE",
      [](Peer& peer) {
        serveExamine(peer);
        peer.expect("IDLE");
        peer.send("+\r\n");
        peer.waitForClose();
      },
      [](SessionOptions& options) { options.endpoint.timeout = Milliseconds{1'000}; });
  dialogue.session->examine("INBOX");
  EXPECT_ERROR(dialogue.session->listen(Milliseconds(50), true), Code::timeout, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Idle, WhatCameWhileAnotherCommandRanIsToldAtOnce) {
  Dialogue dialogue("IMAP4rev1 IDLE", [](Peer& peer) {
    serveExamine(peer);
    peer.send("* 4 EXISTS\r\n" + peer.expect("NOOP") + " OK\r\n");
    const std::string tag = peer.expect("IDLE");
    peer.send("+\r\n");
    EXPECT_EQ(peer.readLine(), "DONE");
    peer.send(tag + " OK\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  dialogue.session->noop();
  EXPECT_TRUE(dialogue.session->listen(kLong, true).selected);
  EXPECT_EQ(dialogue.end(), "");
}

const std::string kNotify =
    "NOTIFY SET STATUS (selected-delayed (MessageNew MessageExpunge FlagChange)) (personal "
    "(MessageNew MessageExpunge FlagChange MailboxName))";

TEST(Notify, HearsOfAllMailboxes) {
  Dialogue dialogue("IMAP4rev1 NOTIFY", [](Peer& peer) {
    serveExamine(peer);
    peer.send(peer.expect("CLOSE") + " OK\r\n");
    peer.send("* STATUS INBOX (MESSAGES 1 UIDNEXT 2)\r\n* STATUS b (MESSAGES 3)\r\n" +
              peer.expect(kNotify) + " OK\r\n");
    peer.send("* STATUS inbox (MESSAGES 2 UIDNEXT 3 HIGHESTMODSEQ 9)\r\n");
    peer.send("* LIST (\\NonExistent) \"/\" gone\r\n");
    peer.send("* OK [NOTIFICATIONOVERFLOW] too much\r\n");
    peer.waitForClose();
  });
  dialogue.session->examine("INBOX");
  const Push first = dialogue.session->notify();
  EXPECT_EQ(first.statuses.size(), 2U);
  EXPECT_EQ(dialogue.session->selected(), "");
  Push all;
  while (!all.overflow) {
    const Push push = dialogue.session->listen(kLong, true);
    all.mailboxes |= push.mailboxes;
    all.overflow |= push.overflow;
    for (const auto& [wire, status] : push.statuses) all.statuses[wire] = status;
  }
  EXPECT_TRUE(all.mailboxes);
  ASSERT_EQ(all.statuses.size(), 1U);
  EXPECT_EQ(all.statuses["INBOX"], (MailboxStatus{2, 3, 0, 9}));
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Notify, ARefusalIsTold) {
  Dialogue dialogue("IMAP4rev1 NOTIFY", [](Peer& peer) {
    peer.send(peer.expect("NOTIFY") + " NO [NOPERM] no\r\n");
    peer.waitForClose();
  });
  EXPECT_ERROR(dialogue.session->notify(), Code::denied, Scope::mailbox);
  EXPECT_ERROR(dialogue.session->notify(), Code::stale, Scope::connection);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Notify, SilenceIsAskedAbout) {
  Dialogue dialogue("IMAP4rev1 NOTIFY", [](Peer& peer) {
    peer.send(peer.expect("NOTIFY") + " OK\r\n");
    peer.send("* STATUS b (MESSAGES 3)\r\n" + peer.expect("NOOP") + " OK\r\n");
    peer.send("* LIST () \"/\" c\r\n" + peer.expect("LIST") + " OK\r\n");
    peer.waitForClose();
  });
  EXPECT_TRUE(dialogue.session->notify().empty());
  EXPECT_TRUE(dialogue.session->listen(Milliseconds(20), false).empty());
  const Push late = dialogue.session->listen(Milliseconds(20), true);
  EXPECT_EQ(late.statuses.size(), 1U);
  EXPECT_TRUE(late.late);
  // What a command asked for is no push.
  EXPECT_EQ(dialogue.session->list({{}}).size(), 1U);
  dialogue.session->wake();
  const Push push = dialogue.session->listen(kLong, true);
  EXPECT_TRUE(push.woken);
  EXPECT_TRUE(push.empty());
  EXPECT_EQ(dialogue.end(), "");
}

// A byte, or a line that says nothing, from time to time: each alone comes in time.
TEST(Patience, AServerThatOnlyKeepsUsWaitingIsGivenUp) {
  for (const std::string drip : {"x", "* OK still here\r\n"}) {
    SCOPED_TRACE(drip);
    Dialogue dialogue(
        "IMAP4rev1",
        [drip](Peer& peer) {
          peer.expect("NOOP");
          try {
            for (int i = 0; i < 2000; ++i) {
              peer.send(drip);
              ::poll(nullptr, 0, 5);
            }
            ADD_FAILURE() << "the client waits for ever";
          } catch (const std::runtime_error&) {
            // The client has gone.
          }
        },
        [](SessionOptions& options) { options.endpoint.timeout = Milliseconds{1'000}; });
    EXPECT_ERROR(dialogue.session->noop(), Code::timeout, Scope::connection);
    EXPECT_EQ(dialogue.end(), "");
  }
}

TEST(Patience, ASlowLineIsWaitedFor) {
  const std::string body(4'000, 'b');
  Dialogue dialogue(
      "IMAP4rev1",
      [body](Peer& peer) {
        serveExamine(peer);
        const std::string tag = peer.expect("UID FETCH");
        peer.send("* 1 FETCH (UID 1 BODY[]<0> {" + std::to_string(body.size()) + "}\r\n");
        // 20 kB/s, for two thirds of the timeout.
        for (size_t at = 0; at < body.size(); at += 100) {
          peer.send(body.substr(at, 100));
          ::poll(nullptr, 0, 5);
        }
        peer.send(")\r\n" + tag + " OK\r\n");
        peer.waitForClose();
      },
      [](SessionOptions& options) { options.endpoint.timeout = Milliseconds{1'000}; });
  dialogue.session->examine("INBOX");
  EXPECT_EQ(dialogue.session->fetchBody(1, 0, 4'000).bytes, body);
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Patience, ALoginThatDripsIsGivenUp) {
  const auto server = ScriptedServer::start([](Peer& peer) {
    try {
      for (int i = 0; i < 2000; ++i) {
        peer.send("x");
        ::poll(nullptr, 0, 5);
      }
      ADD_FAILURE() << "the client waits for ever";
    } catch (const std::runtime_error&) {
      // The client has gone.
    }
  });
  SessionOptions options = plainOptions(server->port());
  options.endpoint.timeout = Milliseconds{1'000};
  EXPECT_ERROR(Session::open(options), Code::timeout, Scope::connection);
  EXPECT_EQ(server->failures(), "");
}

}  // namespace
}  // namespace emlfs::imap
