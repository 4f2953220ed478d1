#include "app/shared_secret.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <vector>

#include "emlfs/base/error.h"
#include "support/eventually.h"

namespace emlfs::app {
namespace {

// What gives a secret, and waits until it is let go.
class Source {
 public:
  AskForSecret ask() {
    return [this](const Event* interrupt) -> Secret {
      const int number = ++asked;
      while (!open) {
        if (interrupt && interrupted) throw Error(Code::cancelled, Scope::connection, "stop");
        ::poll(nullptr, 0, 2);
      }
      if (failing) throw Error(Code::auth, Scope::connection, "token_command failed");
      return Secret(changing ? "secret " + std::to_string(number) : "secret");
    };
  }
  std::atomic<int> asked{0};
  std::atomic<bool> open{true};
  std::atomic<bool> interrupted{false};
  std::atomic<bool> failing{false};
  std::atomic<bool> changing{true};
};

std::string text(const Secret& secret) {
  return std::string(secret.reveal());
}

TEST(SharedSecret, IsAskedForOnceAndKept) {
  Source source;
  const auto secret = sharedSecret(source.ask());
  EXPECT_EQ(source.asked, 0);
  EXPECT_EQ(text(secret({})), "secret 1");
  EXPECT_EQ(text(secret({})), "secret 1");
  EXPECT_EQ(source.asked, 1);
  EXPECT_EQ(text(sharedSecret(source.ask(), Secret("typed"))({})), "typed");
  EXPECT_EQ(source.asked, 1);
}

TEST(SharedSecret, ARefusedOneIsReplacedOnce) {
  Source source;
  const auto secret = sharedSecret(source.ask());
  const Secret first = secret({});
  EXPECT_EQ(text(secret({&first, nullptr})), "secret 2");
  // Another connection had the first one as well.
  EXPECT_EQ(text(secret({&first, nullptr})), "secret 2");
  EXPECT_EQ(text(secret({})), "secret 2");
  EXPECT_EQ(source.asked, 2);
}

// A password that is put right is found at the next try, not only after one more refusal.
TEST(SharedSecret, OneThatIsGivenAgainIsNotKept) {
  Source source;
  source.changing = false;
  const auto secret = sharedSecret(source.ask());
  const Secret first = secret({});
  EXPECT_EQ(text(secret({&first, nullptr})), "secret");
  EXPECT_EQ(source.asked, 2);
  source.changing = true;
  EXPECT_EQ(text(secret({})), "secret 3");
}

TEST(SharedSecret, AfterAFailureTheRefusedOneIsNotGivenAgain) {
  Source source;
  const auto secret = sharedSecret(source.ask());
  const Secret first = secret({});
  source.failing = true;
  for (int i = 0; i < 2; ++i) {
    try {
      secret(i == 0 ? imap::SecretRequest{&first, nullptr} : imap::SecretRequest{});
      ADD_FAILURE() << "given";
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::auth);
      EXPECT_EQ(error.scope, Scope::connection);
    }
  }
  source.failing = false;
  EXPECT_EQ(text(secret({})), "secret 4");
}

TEST(SharedSecret, ManyWaitForOne) {
  Source source;
  source.open = false;
  const auto secret = sharedSecret(source.ask());
  std::vector<std::future<std::string>> all;
  all.reserve(8);
  for (int i = 0; i < 8; ++i)
    all.push_back(std::async(std::launch::async, [&] { return text(secret({})); }));
  ASSERT_TRUE(test::eventually([&] { return source.asked == 1; }));
  source.open = true;
  for (auto& each : all) EXPECT_EQ(each.get(), "secret 1");
  EXPECT_EQ(source.asked, 1);
}

TEST(SharedSecret, ManyHearOfOneFailure) {
  Source source;
  source.open = false;
  source.failing = true;
  const auto secret = sharedSecret(source.ask());
  std::vector<std::future<Secret>> all;
  all.reserve(4);
  for (int i = 0; i < 4; ++i)
    all.push_back(std::async(std::launch::async, [&] { return secret({}); }));
  ASSERT_TRUE(test::eventually([&] { return source.asked >= 1; }));
  source.open = true;
  for (auto& each : all) EXPECT_THROW(each.get(), Error);
}

TEST(SharedSecret, WhoWaitsCanBeInterrupted) {
  Source source;
  source.open = false;
  const auto secret = sharedSecret(source.ask());
  auto asks = std::async(std::launch::async, [&] { return text(secret({})); });
  ASSERT_TRUE(test::eventually([&] { return source.asked == 1; }));
  Event interrupt;
  auto waits = std::async(std::launch::async, [&] { return text(secret({nullptr, &interrupt})); });
  interrupt.signal();
  try {
    waits.get();
    ADD_FAILURE() << "not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::cancelled);
    EXPECT_EQ(error.scope, Scope::connection);
  }
  source.open = true;
  EXPECT_EQ(asks.get(), "secret 1");
}

TEST(SharedSecret, WhenWhoAsksIsInterruptedAnotherAsks) {
  Source source;
  source.open = false;
  const auto secret = sharedSecret(source.ask());
  Event interrupt;
  auto asks = std::async(std::launch::async, [&] { return text(secret({nullptr, &interrupt})); });
  ASSERT_TRUE(test::eventually([&] { return source.asked == 1; }));
  auto waits = std::async(std::launch::async, [&] { return text(secret({})); });
  source.interrupted = true;
  EXPECT_THROW(asks.get(), Error);
  source.open = true;
  EXPECT_EQ(waits.get(), "secret 2");
}

}  // namespace
}  // namespace emlfs::app
