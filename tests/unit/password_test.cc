#include "app/password.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "app/netrc.h"
#include "emlfs/base/error.h"
#include "environment.h"
#include "support/scratch_dir.h"

namespace emlfs::app {
namespace {

using test::Variable;

// A home of its own, and none of the sources that the environment names.
class Password : public testing::Test {
 protected:
  Password() {
    request_.user = "alice";
    request_.host = "mail.example.org";
  }

  std::string file(const std::string& name, const std::string& content, mode_t mode = 0600) {
    const std::string path = home_ / name;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }

  std::string found() { return std::string(findPassword(request_).password.reveal()); }

  std::string refusal(Code code) {
    try {
      return "found " + found();
    } catch (const Error& error) {
      EXPECT_EQ(error.code, code) << error.what();
      return error.what();
    }
  }

  test::ScratchDir home_;
  Variable home_variable_{"HOME", home_.path()};
  Variable password_{"EMLFS_PASSWORD"};
  Variable credentials_{"CREDENTIALS_DIRECTORY"};
  PasswordRequest request_;
};

TEST_F(Password, CommandGivesItsFirstLine) {
  request_.command = "printf 'se cret\\r\\nsecond line\\n'";
  EXPECT_EQ(found(), "se cret");
}

TEST_F(Password, CommandMayLeaveSomethingRunning) {
  const std::string fifo = home_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  request_.command = "cat '" + fifo + "' & echo secret";
  EXPECT_EQ(found(), "secret");  // though cat still holds the pipe
  const int end = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(end, 0);
  ::close(end);  // ends cat
}

TEST_F(Password, CommandFailures) {
  request_.command = "echo secret; exit 3";
  EXPECT_EQ(refusal(Code::auth), "password_command failed: exit status 3");
  request_.command = "kill -9 $$";
  EXPECT_EQ(refusal(Code::auth), "password_command failed: signal 9 (Killed)");
  request_.command = "true";
  EXPECT_EQ(refusal(Code::auth), "password_command printed no password");
  request_.command = "cat /dev/zero";
  EXPECT_EQ(refusal(Code::auth), "password_command: more than 64 KiB of output");
  request_.command = "exec tail -f /dev/null";
  request_.command_limit = Milliseconds(200);
  EXPECT_EQ(refusal(Code::auth), "password_command: /bin/sh ran for more than 1 s");
}

TEST_F(Password, CommandDoesNotSeeTheEnvironmentsPassword) {
  const Variable variable("EMLFS_PASSWORD", "from-environment");
  request_.command = "echo \"<$EMLFS_PASSWORD>\"";
  EXPECT_EQ(found(), "<>");
}

TEST_F(Password, FileGivesItsFirstLine) {
  request_.file = file("pw", "secret\nmore\n");
  EXPECT_EQ(found(), "secret");
}

TEST_F(Password, FileFailures) {
  request_.file = file("pw", "secret\n", 0640);
  EXPECT_EQ(refusal(Code::invalid), "password_file " + request_.file +
                                        " is open to other users: chmod 600 " + request_.file);
  request_.file = file("pw", "secret\n", 0604);
  EXPECT_EQ(refusal(Code::invalid), "password_file " + request_.file +
                                        " is open to other users: chmod 600 " + request_.file);
  request_.file = file("empty", "\nsecret\n");
  EXPECT_EQ(refusal(Code::invalid), "password_file " + request_.file + ": its first line is empty");
  request_.file = file("large", std::string(70'000, 'x'));
  EXPECT_EQ(refusal(Code::invalid), request_.file + " is larger than 64 KiB");
  request_.file = home_ / "missing";
  EXPECT_EQ(refusal(Code::invalid), "password_file " + request_.file + " does not exist");
  request_.file = home_.path();
  ::chmod(home_.path().c_str(), 0700);
  EXPECT_EQ(refusal(Code::invalid), "can't read " + home_.path() + ": Is a directory");
}

TEST_F(Password, SystemdCredential) {
  const Variable directory("CREDENTIALS_DIRECTORY", home_.path());
  file("password", "from-systemd\n", 0440);
  EXPECT_EQ(found(), "from-systemd");
}

TEST_F(Password, SystemdCredentialOfTheAccount) {
  const Variable directory("CREDENTIALS_DIRECTORY", home_.path());
  file("password", "of all\n", 0440);
  file("work.password", "of work\n", 0440);
  EXPECT_EQ(found(), "of all");
  request_.account = "work";
  EXPECT_EQ(found(), "of work");
  request_.account = "home";
  EXPECT_EQ(found(), "of all");
  request_.given = Secret("of the config file");
  EXPECT_EQ(found(), "of the config file");
}

TEST_F(Password, ADirectoryOfOtherCredentialsIsPassedOver) {
  const Variable directory("CREDENTIALS_DIRECTORY", home_.path());
  const Variable variable("EMLFS_PASSWORD", "from-environment");
  EXPECT_EQ(found(), "from-environment");
}

TEST_F(Password, EnvironmentIsTakenAndCleared) {
  const Variable variable("EMLFS_PASSWORD", "from-environment");
  const char* bytes = std::getenv("EMLFS_PASSWORD");
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(found(), "from-environment");
  EXPECT_EQ(std::getenv("EMLFS_PASSWORD"), nullptr);
  EXPECT_EQ(std::strlen(bytes), 0U);  // as /proc/PID/environ would show it
}

TEST_F(Password, Netrc) {
  file(".netrc", "machine mail.example.org login alice password \"se \\\"cret\"\n");
  EXPECT_EQ(found(), "se \"cret");
}

TEST_F(Password, NetrcThatOthersCanReadIsRefusedOnlyIfItIsUsed) {
  const std::string path =
      file(".netrc", "machine mail.example.org login alice password x\n", 0644);
  EXPECT_EQ(refusal(Code::invalid), path + " is open to other users: chmod 600 " + path);
  const Variable variable("EMLFS_PASSWORD", "from-environment");
  EXPECT_EQ(found(), "from-environment");
}

TEST_F(Password, SourcesHaveAnOrder) {
  const Variable directory("CREDENTIALS_DIRECTORY", home_.path());
  file("password", "from-systemd\n");
  file(".netrc", "machine mail.example.org login alice password from-netrc\n");
  const std::string pw = file("pw", "from-file\n");
  const auto foundWithEnvironment = [&] {
    const Variable variable("EMLFS_PASSWORD", "from-environment");
    return found();
  };
  request_.file = pw;
  request_.command = "echo from-command";
  EXPECT_EQ(foundWithEnvironment(), "from-command");
  request_.command.clear();
  EXPECT_EQ(foundWithEnvironment(), "from-file");
  request_.file.clear();
  EXPECT_EQ(foundWithEnvironment(), "from-systemd");
  ::unlink((home_ / "password").c_str());
  EXPECT_EQ(foundWithEnvironment(), "from-environment");
  EXPECT_EQ(found(), "from-netrc");
}

TEST(Netrc, FindsTheEntryOfHostAndUser) {
  const std::string_view text =
      "# machine mail login alice password commented\n"
      "machine other login alice password other\n"
      "machine mail login bob password bobs\n"
      "macdef init\nmachine mail login alice password macro\nquit\n\n"
      "MACHINE x\n"
      "machine MAIL\n\tlogin \"alice\"\n\taccount a\n\tpassword p#ss\\word\n"
      "machine free password for-anyone\n"
      "default login carol password default\n";
  const auto find = [&](std::string_view host, std::string_view user) {
    const auto password = findInNetrc(text, host, user);
    return password ? std::string(password->reveal()) : "none";
  };
  EXPECT_EQ(find("mail", "alice"), "p#ss\\word");
  EXPECT_EQ(find("mail", "bob"), "bobs");
  EXPECT_EQ(find("other", "alice"), "other");
  EXPECT_EQ(find("free", "whoever"), "for-anyone");
  EXPECT_EQ(find("mail", "carol"), "default");
  EXPECT_EQ(find("mail", "dave"), "none");
  EXPECT_EQ(find("nowhere", "alice"), "none");
}

TEST(Netrc, TakesBrokenFiles) {
  for (const char* text : {"", "machine", "machine h", "machine h login",
                           "machine h login a password", "machine h password \"", "macdef x", "#"})
    EXPECT_FALSE(findInNetrc(text, "h", "a") && !findInNetrc(text, "h", "a")->empty()) << text;
}

}  // namespace
}  // namespace emlfs::app
