#include "app/restart.h"

#include <gtest/gtest.h>

#include "app/exit_code.h"

namespace emlfs::app {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// As waitpid(2) gives them.
int exited(ExitCode code) {
  return static_cast<int>(code) << 8;
}
constexpr int kKilled = 9;

TEST(Restart, OnlyWhatMayMendItself) {
  for (const auto code : {ExitCode::ok, ExitCode::usage, ExitCode::mount})
    EXPECT_FALSE(restartPause(exited(code), 1)) << static_cast<int>(code);
  for (const auto code :
       {ExitCode::network, ExitCode::tls, ExitCode::server, ExitCode::other, ExitCode::busy})
    EXPECT_EQ(restartPause(exited(code), 1), seconds(5)) << static_cast<int>(code);
  EXPECT_EQ(restartPause(kKilled, 1), seconds(5));
}

TEST(Restart, EverMoreRarely) {
  const int away = exited(ExitCode::network);
  EXPECT_EQ(restartPause(away, 2), seconds(10));
  EXPECT_EQ(restartPause(away, 4), seconds(40));
  EXPECT_EQ(restartPause(away, 100), minutes(5));
}

TEST(Restart, ServersLockAccountsThatAreTriedOften) {
  const int refused = exited(ExitCode::auth);
  EXPECT_EQ(restartPause(refused, 1), minutes(10));
  EXPECT_EQ(restartPause(refused, 2), minutes(20));
  EXPECT_EQ(restartPause(refused, 100), minutes(60));
}

}  // namespace
}  // namespace emlfs::app
