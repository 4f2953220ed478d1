#include "imap/one_try.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <vector>

#include "support/eventually.h"

namespace emlfs::imap {
namespace {

// What was tried is remembered for the whole process.
Endpoint endpointCalled(const std::string& host) {
  Endpoint endpoint;
  endpoint.host = host;
  endpoint.user = "alice";
  return endpoint;
}

Deadline soon() {
  return Deadline::after(Milliseconds(20'000));
}

const Error kRefusal{Code::auth, Scope::account, "wrong password", "NO"};

TEST(OneTry, ARefusedSecretIsNotTriedByTheOthers) {
  const Endpoint endpoint = endpointCalled("refuses");
  const Event interrupt;
  const Secret wrong("wrong");
  const Secret other("other");
  std::optional<OneTry> first;
  first.emplace(endpoint, wrong, soon(), interrupt);
  std::atomic<int> waiting{0};
  std::vector<std::future<std::string>> all;
  all.reserve(4);
  for (int i = 0; i < 4; ++i)
    all.push_back(std::async(std::launch::async, [&]() -> std::string {
      ++waiting;
      try {
        const OneTry next(endpoint, wrong, soon(), interrupt);
        return "tried";
      } catch (const Error& error) {
        return error.server + " " + error.what();
      }
    }));
  ASSERT_TRUE(test::eventually([&] { return waiting == 4; }));
  first->refused(kRefusal);
  first.reset();
  for (auto& each : all) EXPECT_EQ(each.get(), "NO wrong password");
  EXPECT_THROW(OneTry(endpoint, wrong, soon(), interrupt), Error);
  OneTry second(endpoint, other, soon(), interrupt);  // it may be right
  second.succeeded();
}

TEST(OneTry, WhatWasRightIsTriedByAllAtOnce) {
  const Endpoint endpoint = endpointCalled("lets in");
  const Event interrupt;
  const Secret right("right");
  OneTry(endpoint, right, soon(), interrupt).succeeded();
  const OneTry first(endpoint, right, soon(), interrupt);
  const OneTry second(endpoint, right, soon(), interrupt);
}

TEST(OneTry, ABrokenTryIsNone) {
  const Endpoint endpoint = endpointCalled("breaks");
  const Event interrupt;
  const Secret secret("secret");
  {
    const OneTry first(endpoint, secret, soon(), interrupt);
  }
  const OneTry second(endpoint, secret, soon(), interrupt);
}

// Servers say so to who signs in too often.
TEST(OneTry, WhoIsNotLetInAgainAndAgainPauses) {
  const Endpoint endpoint = endpointCalled("lets nobody in");
  const Event interrupt;
  const Secret secret("secret");
  const auto fail = [&] { OneTry(endpoint, secret, soon(), interrupt).failed(); };
  for (int i = 0; i < 3; ++i) fail();
  EXPECT_NO_THROW(requireSignInPauseOver(endpoint));
  OneTry(endpoint, secret, soon(), interrupt).succeeded();
  for (int i = 0; i < 3; ++i) fail();
  EXPECT_NO_THROW(requireSignInPauseOver(endpoint));
  fail();
  try {
    requireSignInPauseOver(endpoint);
    FAIL() << "no pause";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::network);
    EXPECT_EQ(error.scope, Scope::connection);
    EXPECT_NE(std::string(error.what()).find("tried again in 5 s"), std::string::npos)
        << error.what();
  }
  EXPECT_NO_THROW(requireSignInPauseOver(endpointCalled("another")));
  // One that was under way is let in.
  OneTry(endpoint, secret, soon(), interrupt).succeeded();
  EXPECT_NO_THROW(requireSignInPauseOver(endpoint));
}

TEST(OneTry, WaitsCanBeEnded) {
  const Endpoint endpoint = endpointCalled("is slow");
  const Secret secret("secret");
  Event interrupt;
  const OneTry first(endpoint, secret, soon(), interrupt);
  const auto codeOf = [&](Milliseconds limit) {
    try {
      const OneTry second(endpoint, secret, Deadline::after(limit), interrupt);
    } catch (const Error& error) {
      EXPECT_EQ(error.scope, Scope::connection);
      return error.code;
    }
    return Code::system;
  };
  EXPECT_EQ(codeOf(Milliseconds(50)), Code::timeout);
  interrupt.signal();
  EXPECT_EQ(codeOf(Milliseconds(20'000)), Code::cancelled);
}

}  // namespace
}  // namespace emlfs::imap
