#include "app/secret_command.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <future>

#include "emlfs/base/error.h"
#include "support/eventually.h"
#include "support/scratch_dir.h"

namespace emlfs::app {
namespace {

using testing::HasSubstr;

Secret runIt(const std::string& script, Milliseconds limit = Milliseconds(60'000),
             const Event* interrupt = nullptr) {
  return runSecretCommand({"token_command", "token", script, limit}, interrupt);
}

Error failure(const std::string& script, Milliseconds limit = Milliseconds(60'000),
              const Event* interrupt = nullptr) {
  try {
    runIt(script, limit, interrupt);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no failure";
  return {Code::system, Scope::message, ""};
}

// A process that has ended, but is still somebody's child, counts as ended.
bool runs(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t name = text.rfind(')');
  return name != text.npos && text.at(name + 2) != 'Z';
}

pid_t pidIn(const std::string& path) {
  pid_t pid = 0;
  std::ifstream(path) >> pid;
  return pid;
}

TEST(SecretCommand, GivesTheFirstLine) {
  EXPECT_EQ(runIt("echo noise >&2; printf 'ya29.a\\nmore\\n'").reveal(), "ya29.a");
}

TEST(SecretCommand, FailuresEndWithItsLastWords) {
  ASSERT_EQ(::isatty(STDERR_FILENO), 0) << "on a terminal it says them there";
  const Error error =
      failure("echo secret; echo first >&2; printf 'run oama auth\\033[31m\\n\\n' >&2; exit 3");
  EXPECT_EQ(error.code, Code::auth);
  EXPECT_EQ(error.scope, Scope::connection);
  EXPECT_STREQ(error.what(), "token_command failed: exit status 3: run oama auth?[31m");
  EXPECT_STREQ(failure("exit 1").what(), "token_command failed: exit status 1");
  EXPECT_STREQ(failure("echo nothing there >&2").what(),
               "token_command printed no token: nothing there");
  const Error loud = failure("yes long | tr -d '\\n' | head -c 1000000 >&2; exit 1");
  EXPECT_LT(std::string(loud.what()).size(), 300U);
}

TEST(SecretCommand, AllThatItStartedEndsWithIt) {
  const test::ScratchDir directory;
  const std::string file = directory / "pid";
  const std::string script = "tail -f /dev/null & echo $! > '" + file + "'; wait";
  const Error late = failure(script, Milliseconds(500));
  EXPECT_EQ(late.code, Code::auth);
  EXPECT_EQ(late.scope, Scope::connection);
  EXPECT_THAT(late.what(), HasSubstr("ran for more than"));
  const pid_t first = pidIn(file);
  ASSERT_GT(first, 0);
  EXPECT_TRUE(test::eventually([&] { return !runs(first); }));

  Event interrupt;
  ::unlink(file.c_str());
  auto ended = std::async(std::launch::async,
                          [&] { return failure(script, Milliseconds(60'000), &interrupt); });
  ASSERT_TRUE(test::eventually([&] { return pidIn(file) > 0; }));
  const pid_t second = pidIn(file);
  interrupt.signal();
  const Error stopped = ended.get();
  EXPECT_EQ(stopped.code, Code::cancelled);
  EXPECT_EQ(stopped.scope, Scope::connection);
  EXPECT_TRUE(test::eventually([&] { return !runs(second); }));
}

}  // namespace
}  // namespace emlfs::app
