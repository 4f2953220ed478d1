// COMPRESS=DEFLATE: when it is begun, and what a server may do wrong with it.
#include <poll.h>

#include "imap/deflate.h"
#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

constexpr const char* kOffered = "IMAP4rev1 COMPRESS=DEFLATE";

// A server that is so far that it takes this long to answer.
std::function<void(Peer&)> answeringAfter(Milliseconds time,
                                          const std::function<void(Peer&)>& then) {
  return [=](Peer& peer) {
    peer.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
    const std::string tag = peer.expect("AUTHENTICATE PLAIN");
    ::poll(nullptr, 0, static_cast<int>(time.count()));
    peer.send(tag + " OK [CAPABILITY " + kOffered + "] logged in\r\n");
    then(peer);
  };
}

std::unique_ptr<ScriptedServer> far(const std::function<void(Peer&)>& then) {
  return ScriptedServer::start(answeringAfter(Milliseconds{5}, then));
}

// Reads a compressed line, a byte at a time.
std::string readLine(Peer& peer, Inflater& inflater) {
  std::string line;
  std::vector<char> room(1000);
  while (!line.ends_with("\r\n")) {
    inflater.take(peer.readBytes(1));
    while (const size_t got = inflater.give(room)) line.append(room.data(), got);
  }
  return line.substr(0, line.size() - 2);
}

std::string tagOf(const std::string& line) {
  return line.substr(0, line.find(' '));
}

TEST(Compress, AllThatFollowsIsCompressed) {
  const auto server = far([](Peer& peer) {
    const std::string tag = exactly(peer, "COMPRESS DEFLATE");
    Deflater deflater;
    Inflater inflater;
    // With the first compressed bytes right behind the answer.
    peer.send(tag + " OK begin\r\n" + deflater.deflate("* OK compressed\r\n"));
    for (int i = 0; i < 3; ++i) {
      const auto line = readLine(peer, inflater);
      EXPECT_EQ(line.substr(tagOf(line).size()), " NOOP");
      // Cut where it is worst; but for the last, since the client need not wait for the mark at its
      // end.
      const std::string wire = deflater.deflate(tagOf(line) + " OK done\r\n");
      const size_t piece = i < 2 ? 1 : wire.size();
      for (size_t at = 0; at < wire.size(); at += piece) peer.send(wire.substr(at, piece));
    }
    peer.waitForClose();
  });
  auto session = Session::open(plainOptions(server->port()));
  EXPECT_TRUE(session->capabilities().has("COMPRESS=DEFLATE"));
  for (int i = 0; i < 3; ++i) session->noop();
  session.reset();
  EXPECT_EQ(server->failures(), "");
}

TEST(Compress, IsLeftAloneWhereItIsRefusedUnwantedOrNotWorthIt) {
  const auto noop = [](Peer& peer) {
    const std::string tag = exactly(peer, "NOOP");
    peer.send(tag + " OK done\r\n");
    peer.waitForClose();
  };
  const auto refusing = far([&](Peer& peer) {
    const std::string tag = exactly(peer, "COMPRESS DEFLATE");
    peer.send(tag + " NO [COMPRESSIONACTIVE] TLS does\r\n");
    noop(peer);
  });
  const auto unwanted = far(noop);
  for (auto* server : {refusing.get(), unwanted.get()}) {
    auto options = plainOptions(server->port());
    if (server == unwanted.get()) options.without = {"COMPRESS=DEFLATE"};
    auto session = Session::open(options);
    EXPECT_FALSE(session->capabilities().has("COMPRESS=DEFLATE"));
    session->noop();
    session.reset();
    EXPECT_EQ(server->failures(), "");
  }
}

TEST(Compress, GarbageEndsTheConnection) {
  const auto server = far([](Peer& peer) {
    const std::string tag = exactly(peer, "COMPRESS DEFLATE");
    peer.send(tag + " OK begin\r\n");
    Inflater inflater;
    readLine(peer, inflater);
    peer.send("A9 OK not compressed at all\r\n");
    peer.waitForClose();
  });
  auto session = Session::open(plainOptions(server->port()));
  try {
    session->noop();
    FAIL() << "took what is not compressed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::protocol);
    EXPECT_EQ(error.scope, Scope::connection);
  }
  session.reset();
  EXPECT_EQ(server->failures(), "");
}

// A few bytes that become endless text meet the bounds that all answers have.
TEST(Compress, ABombIsAnEndlessLine) {
  const auto server = far([](Peer& peer) {
    const std::string tag = exactly(peer, "COMPRESS DEFLATE");
    peer.send(tag + " OK begin\r\n");
    Inflater inflater;
    readLine(peer, inflater);
    Deflater deflater;
    peer.send(deflater.deflate("* OK " + std::string(100'000'000, 'z')));
    peer.waitForClose();
  });
  auto session = Session::open(plainOptions(server->port()));
  try {
    session->noop();
    FAIL() << "took an endless line";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::limit);
  }
  session.reset();
  EXPECT_EQ(server->failures(), "");
}

TEST(Compress, WhatIsToldMeanwhileIsHeard) {
  const auto server = ScriptedServer::start(answeringAfter(Milliseconds{5}, [](Peer& peer) {
    const std::string tag = exactly(peer, "COMPRESS DEFLATE");
    peer.send(tag + " OK begin\r\n");
    Inflater inflater;
    Deflater deflater;
    const auto examine = readLine(peer, inflater);
    peer.send(deflater.deflate("* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 4] x\r\n" +
                               tagOf(examine) + " OK [READ-ONLY] done\r\n"));
    const auto noop = readLine(peer, inflater);
    peer.send(deflater.deflate("* 4 EXISTS\r\n" + tagOf(noop) + " OK done\r\n"));
    peer.waitForClose();
  }));
  auto session = Session::open(plainOptions(server->port()));
  EXPECT_EQ(session->examine("INBOX").messages, 3U);
  session->noop();
  EXPECT_TRUE(session->listen(Milliseconds{0}, false).selected);
  session.reset();
  EXPECT_EQ(server->failures(), "");
}

}  // namespace
}  // namespace emlfs::imap
