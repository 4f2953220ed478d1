// A mount whose token expires, whose password is no longer right, or that has nobody to ask for
// one.
#include <gmock/gmock.h>
#include <poll.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "mount/daemon.h"
#include "support/eventually.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/token_server.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The errno of reading it whole, 0 if that went well.
int readError(const std::string& path) {
  try {
    readFile(path);
    return 0;
  } catch (const Error& error) {
    return error.error_number;
  }
}

void write(const std::string& path, const std::string& content) {
  std::ofstream(path) << content;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

size_t linesOf(const std::string& path) {
  if (!fs::exists(path)) return 0;
  const std::string text = readFile(path);
  return static_cast<size_t>(std::ranges::count(text, '\n'));
}

size_t linesWith(const std::string& text, const std::string& words) {
  std::istringstream lines(text);
  size_t count = 0;
  for (std::string line; std::getline(lines, line);)
    if (line.find(words) != line.npos) ++count;
  return count;
}

size_t logins(const Proxy& proxy) {
  return static_cast<size_t>(std::ranges::count_if(proxy.commands(), [](const auto& command) {
    return command.find("AUTHENTICATE") != command.npos || command.find("LOGIN") != command.npos;
  }));
}

class SignIn : public MountTest {
 protected:
  static std::vector<std::string> messages(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory))
      if (entry.is_regular_file()) names.push_back(entry.path());
    std::ranges::sort(names);
    return names;
  }
  // Larger than what is read along with another one.
  static void deliver(const Dovecot& server, int count) {
    for (int i = 0; i < count; ++i)
      server.deliver("INBOX", "Subject: m" + std::to_string(i) + "\r\n\r\n" +
                                  std::string(600'000, static_cast<char>('a' + i)) + "\r\n");
  }
  const ScratchDir files_;
};

TEST_F(SignIn, ATokenExpiresInTheMiddle) {
  TokenServer tokens;
  const Dovecot server({"--oauth2", tokens.url()});
  deliver(server, 3);
  tokens.accept("token-1", server.user());
  write(files_ / "token", "token-1\n");
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  Mount mount(server, *proxy,
              {"auth=oauth2", fmt::format("token_command=echo run >> '{}'; cat '{}'",
                                          files_ / "runs", files_ / "token")});
  const auto all = messages(mount / "INBOX");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(readError(all[0]), 0);
  EXPECT_EQ(linesOf(files_ / "runs"), 1U);
  EXPECT_EQ(tokens.asked("token-2"), 0U);

  tokens.accept("token-2", server.user());
  write(files_ / "token", "token-2\n");
  const unsigned before = tokens.asked("token-1");
  proxy->cutNow();
  EXPECT_EQ(readError(all[1]), 0);
  EXPECT_EQ(readError(all[2]), 0);
  EXPECT_GE(tokens.asked("token-1"), before + 1);  // it was refused
  EXPECT_GE(tokens.asked("token-2"), 1U);
  EXPECT_EQ(linesOf(files_ / "runs"), 2U);
  EXPECT_EQ(mount.status()["state"], "online");
  EXPECT_THAT(mount.log(), testing::Not(HasSubstr("token-")));
}

// Servers lock accounts that are tried again and again. This one takes long to say NO, as most do:
// others begin to connect meanwhile.
TEST_F(SignIn, AWrongPasswordIsTriedOnce) {
  const Dovecot server({"--set", "auth_failure_delay = 5 secs"});
  deliver(server, 2);
  const std::string right = server.password() + "\n";
  write(files_ / "password", right);
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  Mount mount(server, *proxy, {"password_file=" + files_ / "password"});
  const auto all = messages(mount / "INBOX");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(readError(all[0]), 0);
  mount.unmount();

  write(files_ / "password", "wrong\n");
  proxy->resetStats();
  mount.mount();
  const auto began = Clock::now();
  for (const Deadline end = Deadline::after(Milliseconds(10'000)); !end.passed();) {
    EXPECT_EQ(readError(all[0]), 0) << "it is in the cache";
    EXPECT_EQ(readError(all[1]), EACCES);
    EXPECT_EQ(messages(mount / "INBOX").size(), 2U);
    ::poll(nullptr, 0, 100);  // how often somebody tries
  }
  EXPECT_EQ(logins(*proxy), 1U);
  EXPECT_EQ(linesWith(server.log(), "auth failed, 1 attempts"), 1U);
  const auto status = mount.status();
  EXPECT_EQ(status["state"], "offline");
  EXPECT_EQ(status["sign_in"]["state"], "refused");
  EXPECT_EQ(status["sign_in"]["from"], "password_file");
  const auto passed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began);
  EXPECT_GE(status["next_try_seconds"].get<int64_t>() + passed.count(), 59);
  const auto said = run({kProgram, "status", mount.path()});
  EXPECT_THAT(said.output, HasSubstr("the server refused the user name or password"));
  EXPECT_THAT(said.output, HasSubstr("put the right password where it comes from (password_file)"));

  write(files_ / "password", right);
  mount.remount();
  EXPECT_EQ(readError(all[1]), 0);
}

// The source knows the new password by the time that the server wants it.
TEST_F(SignIn, APasswordThatWasChangedIsFoundAtOnce) {
  const Dovecot server;
  deliver(server, 2);
  write(files_ / "password", "outdated\n");
  // The first run gives the old one, as from a cache of the program's own.
  const std::string command =
      fmt::format("if [ -e '{0}' ]; then cat '{1}'; else touch '{0}'; echo outdated; fi",
                  files_ / "ran", files_ / "password");
  write(files_ / "password", server.password() + "\n");
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"password_command=" + command});
  EXPECT_EQ(messages(mount / "INBOX").size(), 2U);
  EXPECT_GE(logins(*proxy), 2U);
}

TEST_F(SignIn, WithoutATokenItComesUpFromTheCacheAlone) {
  TokenServer tokens;
  const Dovecot server({"--oauth2", tokens.url()});
  deliver(server, 1);
  tokens.accept("token-1", server.user());
  const Sandbox box;
  const std::string script =
      fmt::format("cat '{0}' || {{ echo go and sign in >&2; exit 7; }}", files_ / "token");
  const auto arguments = [&](const char* command) {
    std::vector<std::string> all{command, imaps(server)};
    if (command == std::string("mount")) all.push_back(box.mountPoint());
    all.insert(all.end(), {"-o", "ca_file=" + server.caFile(), "-o", "auth=oauth2", "-o",
                           "token_command=" + script});
    return all;
  };
  const std::string failed = "token_command failed: exit status 7: go and sign in";
  for (const char* command : {"mount", "check"}) {
    const auto none = box.emlfs(arguments(command));
    EXPECT_EQ(none.status, 5) << none.errors;
    EXPECT_THAT(none.errors, HasSubstr(failed));
  }
  EXPECT_THAT(mountsBelow(box.path()), testing::IsEmpty());

  write(files_ / "token", "token-1\n");
  ASSERT_EQ(box.emlfs(arguments("check")).status, 0);
  ASSERT_EQ(box.emlfs(arguments("mount")).status, 0);
  EXPECT_EQ(messages(box.mountPoint() + "/INBOX").size(), 1U);
  ASSERT_EQ(box.emlfs({"umount", box.mountPoint()}).status, 0);

  fs::remove(files_ / "token");
  const auto offline = box.emlfs(arguments("mount"));
  EXPECT_EQ(offline.status, 0) << offline.errors;
  EXPECT_THAT(offline.errors, HasSubstr("signing in failed"));
  EXPECT_THAT(offline.errors, HasSubstr(failed));
  EXPECT_EQ(messages(box.mountPoint() + "/INBOX").size(), 1U);
  EXPECT_THAT(box.emlfs({"status", box.mountPoint()}).output,
              HasSubstr("run what token_command says by hand"));
  // By itself, and soon: nothing was refused.
  write(files_ / "token", "token-1\n");
  EXPECT_TRUE(eventually([&] {
    return box.emlfs({"status", box.mountPoint()}).output.find("online") != std::string::npos;
  }));
  EXPECT_EQ(box.emlfs({"umount", box.mountPoint()}).status, 0);
}

TEST_F(SignIn, OptionsThatDoNotGoTogether) {
  const Sandbox box;
  write(files_ / "key", "x");
  const std::string open = files_ / "open";
  write(open, "x");
  fs::permissions(open, fs::perms::group_read, fs::perm_options::add);
  const std::pair<const char*, std::string> bad[] = {
      {"auth=oauth2 needs token_command", "auth=oauth2"},
      {"token_command needs auth=oauth2", "token_command=true"},
      {"auth=external needs client_cert", "auth=external"},
      {"client_key needs client_cert", "client_key=" + files_ / "key"},
      {"is open to other users", "client_cert=" + open},
      {"is open to other users", "client_cert=" + files_ / "key,client_key=" + open},
  };
  for (const auto& [words, options] : bad) {
    const auto said = box.emlfs({"check", "imaps://alice@127.0.0.1:9", "-o", options}, "secret");
    EXPECT_EQ(said.status, 2) << options;
    EXPECT_THAT(said.errors, HasSubstr(words));
  }
}

}  // namespace
}  // namespace emlfs::test
