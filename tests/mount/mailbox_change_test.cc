// mkdir, rmdir, mv and rm -r of directories on a real mount.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string contentOf(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string body(const std::string& subject) {
  return "From: Alice <alice@example.org>\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject +
         "@example.org>\r\n\r\nThe body of " + subject + "\r\n";
}

std::vector<std::string> namesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& file : fs::directory_iterator(directory))
    names.push_back(file.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string only(const std::string& directory) {
  const auto names = namesIn(directory);
  if (names.size() != 1) throw std::runtime_error(directory + " holds not one file");
  return directory + "/" + names.front();
}

int errorOf(int result) {
  return result == 0 ? 0 : errno;
}

class MailboxChange : public MountTest {
 protected:
  // Waits until the server has it; the error, if it refuses.
  static int flush(const Mount& mount) {
    const Fd root(::open(mount.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return errorOf(::fsync(root.get()));
  }
  std::string onServer() { return server_.doveadm({"mailbox", "list"}); }

  Dovecot server_;
};

// Each time some connection has selected the mailbox by the name that it had before.
TEST_F(MailboxChange, ThereAndBackAgain) {
  server_.deliver("G", body("first"));
  const Mount mount(server_);
  for (int i = 0; i < 12; ++i) {
    const std::string now = i % 2 == 0 ? "G" : "H";
    const std::string next = i % 2 == 0 ? "H" : "G";
    EXPECT_FALSE(contentOf(only(mount / now)).empty());
    ASSERT_EQ(errorOf(::rename((mount / now).c_str(), (mount / next).c_str())), 0);
    ASSERT_EQ(flush(mount), 0) << "from " << now << " to " << next;
  }
}

TEST_F(MailboxChange, DirectoriesAreMailboxes) {
  server_.deliver("Work/2026/Taxes", body("first"));
  server_.deliver("Work/2026/Taxes", body("second"));
  const Mount mount(server_, {"poll=1s"});
  const auto inode = [](const std::string& path) {
    struct stat st{};
    EXPECT_EQ(::stat(path.c_str(), &st), 0) << path;
    return st.st_ino;
  };
  runOrThrow({"mkdir", "-p", mount / "New/Deep/Grüße"});
  EXPECT_EQ(errorOf(::mkdir((mount / "New").c_str(), 0700)), EEXIST);
  EXPECT_EQ(errorOf(::mkdir((mount / ".Trash-0").c_str(), 0700)), EPERM);
  EXPECT_EQ(errorOf(::rmdir((mount / "Work").c_str())), ENOTEMPTY);
  EXPECT_EQ(errorOf(::rmdir((mount / "INBOX").c_str())), EBUSY);
  EXPECT_EQ(flush(mount), 0);
  EXPECT_THAT(onServer(), HasSubstr("New/Deep/Gr"));

  // A directory takes everything along: what is cached, and who has it open.
  const auto taxes = mount / "Work/2026/Taxes";
  const auto names = namesIn(taxes);
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(contentOf(taxes + "/" + names[0]), body("first"));
  const Fd open(::open((taxes + "/" + names[1]).c_str(), O_RDONLY | O_CLOEXEC));
  const auto before = inode(taxes);
  const auto bytes = mount.bodyBytes();
  runOrThrow({"mv", mount / "Work", mount / "New/Moved"});
  EXPECT_FALSE(fs::exists(mount / "Work"));
  const auto moved = mount / "New/Moved/2026/Taxes";
  EXPECT_EQ(inode(moved), before);
  EXPECT_EQ(namesIn(moved), names);
  EXPECT_EQ(flush(mount), 0);
  EXPECT_EQ(contentOf(moved + "/" + names[0]), body("first"));
  EXPECT_EQ(mount.bodyBytes(), bytes);
  std::string text(body("second").size(), '\0');
  EXPECT_EQ(::pread(open.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(text, body("second"));
  EXPECT_THAT(onServer(), HasSubstr("New/Moved/2026/Taxes"));
  EXPECT_THAT(onServer(), Not(HasSubstr("Work")));
  EXPECT_EQ(errorOf(::rename((mount / "New").c_str(), (mount / "INBOX").c_str())), EEXIST);

  EXPECT_EQ(errorOf(::rmdir((mount / "New/Deep/Grüße").c_str())), 0);
  EXPECT_EQ(errorOf(::rmdir((mount / "New/Deep").c_str())), 0);
  EXPECT_FALSE(fs::exists(mount / "New/Deep"));
  EXPECT_EQ(flush(mount), 0);
  EXPECT_THAT(onServer(), Not(HasSubstr("Deep")));
  EXPECT_THAT(onServer(), Not(HasSubstr("emlfs-removing")));
}

TEST_F(MailboxChange, ALongNameIsMadeAndRemoved) {
  const Mount mount(server_);
  const std::string name(255, 'd');
  const fs::path path = fs::path(mount.path()) / name;
  ASSERT_EQ(errorOf(::mkdir(path.c_str(), 0700)), 0);
  ASSERT_EQ(flush(mount), 0);
  ASSERT_THAT(onServer(), HasSubstr(name));
  ASSERT_EQ(errorOf(::rmdir(path.c_str())), 0);
  EXPECT_EQ(flush(mount), 0);
  EXPECT_THAT(onServer(), Not(HasSubstr("ddd")));
  EXPECT_THAT(onServer(), Not(HasSubstr("emlfs-removing")));
}

TEST_F(MailboxChange, WhatIsRemovedWithItsMessagesIsInTheTrash) {
  server_.doveadm({"mailbox", "create", "Trash"});
  for (const char* mailbox : {"Old", "Old/Older"})
    for (const char* subject : {"one", "two"}) server_.deliver(mailbox, body(subject));
  const Mount mount(server_, {"poll=1s"});
  ASSERT_EQ(namesIn(mount / "Old").size(), 3U);
  runOrThrow({"rm", "-r", mount / "Old"});
  EXPECT_FALSE(fs::exists(mount / "Old"));
  EXPECT_EQ(flush(mount), 0);
  EXPECT_FALSE(fs::exists(mount / "Old"));
  EXPECT_THAT(onServer(), HasSubstr("Trash/Older"));
  for (const char* mailbox : {"Trash/Old", "Trash/Older"})
    EXPECT_THAT(server_.doveadm({"search", "mailbox", mailbox, "all"}), HasSubstr("\n")) << mailbox;
}

// A Maildir server can't have one of that name; nobody wants to hear of it once it is gone.
TEST_F(MailboxChange, WhatIsRefusedAndRemovedIsForgotten) {
  const auto proxy = Proxy::start({server_.host(), server_.imapPort()});
  const Mount mount(server_, *proxy, {"poll=1s"});
  EXPECT_EQ(errorOf(::mkdir((mount / "cur").c_str(), 0700)), 0);
  EXPECT_NE(flush(mount), 0);
  EXPECT_TRUE(eventually([&] { return !fs::exists(mount / "cur"); }));
  EXPECT_EQ(mount.status().at("changes").at("refused"), 1);

  proxy->refuse();
  proxy->cutNow();
  EXPECT_EQ(errorOf(::mkdir((mount / "new").c_str(), 0700)), 0);
  EXPECT_EQ(errorOf(::rmdir((mount / "new").c_str())), 0);
  proxy->resume();
  EXPECT_TRUE(eventually([&] { return mount.status().at("changes").at("pending") == 0; }));
  EXPECT_EQ(mount.status().at("changes").at("refused"), 1);
  EXPECT_FALSE(fs::exists(mount / "new"));
}

TEST_F(MailboxChange, OfflineAndThenOnline) {
  server_.deliver("INBOX", body("travels"));
  server_.deliver("Away", body("stays"));
  const auto proxy = Proxy::start({server_.host(), server_.imapPort()});
  const Mount mount(server_, *proxy, {"poll=1s"});
  const auto message = only(mount / "INBOX");
  const auto other = only(mount / "Away");
  EXPECT_EQ(contentOf(message), body("travels"));
  proxy->refuse();
  proxy->cutNow();
  runOrThrow({"mkdir", mount / "Sorted"});
  runOrThrow({"mv", message, mount / "Sorted/a name.eml"});
  runOrThrow({"mv", mount / "Away", mount / "Sorted/Away"});
  runOrThrow({"mkdir", mount / "Away"});
  EXPECT_EQ(namesIn(mount / "Sorted"), (std::vector<std::string>{"Away", "a name.eml"}));
  EXPECT_EQ(contentOf(mount / "Sorted/a name.eml"), body("travels"));
  EXPECT_TRUE(namesIn(mount / "Away").empty());
  EXPECT_NE(flush(mount), 0);
  proxy->resume();
  EXPECT_TRUE(eventually([&] { return flush(mount) == 0; }));
  EXPECT_EQ(namesIn(mount / "Sorted"), (std::vector<std::string>{"Away", "a name.eml"}));
  EXPECT_EQ(contentOf(mount / "Sorted/a name.eml"), body("travels"));
  EXPECT_EQ(contentOf(only(mount / "Sorted/Away")), body("stays"));
  EXPECT_THAT(server_.doveadm({"search", "mailbox", "Sorted", "all"}), HasSubstr("1"));
  EXPECT_THAT(server_.doveadm({"search", "mailbox", "Sorted/Away", "all"}), HasSubstr("1"));
  EXPECT_EQ(server_.doveadm({"search", "mailbox", "Away", "all"}), "");
}

// While the first is on its way through the name that the second one gets.
TEST_F(MailboxChange, OneInThePlaceOfAnotherThatMovedOn) {
  server_.deliver("A", body("first"));
  server_.doveadm({"mailbox", "create", "P"});
  const auto proxy = Proxy::start({server_.host(), server_.imapPort()});
  const Mount mount(server_, *proxy, {"poll=1s"});
  EXPECT_EQ(contentOf(only(mount / "A")), body("first"));
  EXPECT_TRUE(namesIn(mount / "P").empty());
  proxy->refuse();
  proxy->cutNow();
  runOrThrow({"mv", mount / "A", mount / "B"});
  runOrThrow({"mv", mount / "B", mount / "C"});
  runOrThrow({"mkdir", mount / "B"});
  runOrThrow({"mv", mount / "B", mount / "P/B"});
  const auto as_expected = [&] {
    return namesIn(mount / "P") == std::vector<std::string>{"B"} && !fs::exists(mount / "A") &&
           !fs::exists(mount / "B") && namesIn(mount / "P/B").empty() &&
           namesIn(mount / "C").size() == 1;
  };
  EXPECT_TRUE(as_expected());
  proxy->resume();
  EXPECT_TRUE(eventually([&] { return flush(mount) == 0; }));
  EXPECT_TRUE(as_expected());
  EXPECT_EQ(contentOf(only(mount / "C")), body("first"));
  EXPECT_THAT(server_.doveadm({"search", "mailbox", "C", "all"}), HasSubstr("1"));
  EXPECT_EQ(server_.doveadm({"search", "mailbox", "P/B", "all"}), "");
}

// In the order of the journal it is there before the mailbox that it is moved to.
TEST_F(MailboxChange, ANewMessageIsMovedIntoMailboxesThatAreMadeAfterIt) {
  for (const char* const name : {"A", "B"}) server_.doveadm({"mailbox", "create", name});
  const auto proxy = Proxy::start({server_.host(), server_.imapPort()});
  const Mount mount(server_, *proxy, {"poll=1s"});
  EXPECT_TRUE(namesIn(mount / "A").empty());
  proxy->refuse();
  proxy->cutNow();
  const std::vector<std::string> names{"made", "again", "renamed", "below", "on", "gone"};
  for (const auto& name : names) std::ofstream(mount / "A" + "/" + name) << body(name);
  const auto appends = [&] { return mount.status().at("changes").at("kinds").value("append", 0); };
  EXPECT_TRUE(eventually([&] { return appends() == 6; }));
  runOrThrow({"mkdir", mount / "Made", mount / "Again"});
  runOrThrow({"rmdir", mount / "Again"});
  runOrThrow({"mkdir", mount / "Again"});
  runOrThrow({"mkdir", mount / "B/sub"});
  runOrThrow({"mv", mount / "B", mount / "C"});
  runOrThrow({"mkdir", mount / "B"});
  runOrThrow({"mv", mount / "A/made", mount / "Made/made"});
  runOrThrow({"mv", mount / "A/again", mount / "Again/again"});
  runOrThrow({"mv", mount / "A/renamed", mount / "B/renamed"});
  runOrThrow({"mv", mount / "A/below", mount / "C/sub/below"});
  // They have been on their way for a while when they go on.
  for (const char* const name : {"on", "gone"})
    runOrThrow({"mv", mount / "A" + "/" + name, mount / "Made/"});
  EXPECT_TRUE(eventually([&] { return mount.status().at("changes").at("drafts") == 0; }));
  runOrThrow({"mv", mount / "Made/on", mount / "Again/went on"});
  runOrThrow({"rm", mount / "Made/gone"});
  proxy->resume();
  EXPECT_TRUE(eventually([&] { return flush(mount) == 0; }));
  EXPECT_TRUE(namesIn(mount / "A").empty());
  EXPECT_EQ(contentOf(mount / "Made/made"), body("made"));
  EXPECT_EQ(contentOf(mount / "Again/again"), body("again"));
  EXPECT_EQ(contentOf(mount / "Again/went on"), body("on"));
  EXPECT_EQ(namesIn(mount / "Made"), (std::vector<std::string>{"made"}));
  EXPECT_EQ(contentOf(mount / "B/renamed"), body("renamed"));
  EXPECT_EQ(contentOf(mount / "C/sub/below"), body("below"));
  EXPECT_EQ(server_.doveadm({"search", "mailbox", "A", "all"}), "");
  for (const char* const mailbox : {"Made", "Again", "B", "C/sub"})
    EXPECT_THAT(server_.doveadm({"search", "mailbox", mailbox, "all"}), HasSubstr("1")) << mailbox;
}

// What the cache has of such a message is where it is shown.
TEST_F(MailboxChange, ANewMessageThatWasMovedIsThereAfterARemountToo) {
  for (const char* const name : {"A", "B"}) server_.doveadm({"mailbox", "create", name});
  const auto proxy = Proxy::start({server_.host(), server_.imapPort()});
  std::optional<Mount> mount(std::in_place, server_, *proxy, std::vector<std::string>{"poll=1s"});
  EXPECT_TRUE(namesIn(*mount / "B").empty());
  EXPECT_TRUE(namesIn(*mount / "A").empty());
  proxy->refuse();
  proxy->cutNow();
  for (const char* const name : {"made", "renamed"})
    std::ofstream(*mount / "A" + "/" + name) << body(name);
  EXPECT_TRUE(eventually(
      [&] { return mount->status().at("changes").at("kinds").value("append", 0) == 2; }));
  runOrThrow({"mkdir", *mount / "N"});
  runOrThrow({"mv", *mount / "A/made", *mount / "N/made"});
  runOrThrow({"mv", *mount / "B", *mount / "C"});
  runOrThrow({"mv", *mount / "A/renamed", *mount / "C/renamed"});
  mount->remount();
  const auto expectMoved = [&] {
    EXPECT_TRUE(namesIn(*mount / "A").empty());
    EXPECT_EQ(namesIn(*mount / "N"), (std::vector<std::string>{"made"}));
    EXPECT_EQ(namesIn(*mount / "C"), (std::vector<std::string>{"renamed"}));
  };
  expectMoved();
  proxy->resume();
  EXPECT_TRUE(eventually([&] { return flush(*mount) == 0; }));
  expectMoved();
}

TEST_F(MailboxChange, AnotherClientChangesMailboxesToo) {
  server_.deliver("Shared", body("kept"));
  const Mount mount(server_, {"poll=1s"});
  EXPECT_EQ(contentOf(only(mount / "Shared")), body("kept"));
  server_.renameMailbox("Shared", "Theirs");
  const int renamed = errorOf(::rename((mount / "Shared").c_str(), (mount / "Ours").c_str()));
  EXPECT_TRUE(renamed == 0 || renamed == ENOENT) << renamed;
  server_.createMailbox("Both");
  const int made = errorOf(::mkdir((mount / "Both").c_str(), 0700));
  EXPECT_TRUE(made == 0 || made == EEXIST) << made;
  flush(mount);
  const auto settled = [&] {
    return fs::exists(mount / "Theirs") && !fs::exists(mount / "Shared") &&
           !fs::exists(mount / "Ours") && fs::exists(mount / "Both");
  };
  EXPECT_TRUE(eventually(settled));
  EXPECT_EQ(contentOf(only(mount / "Theirs")), body("kept"));
}

TEST_F(MailboxChange, WhatTheServerForbidsIsRefusedAtOnce) {
  server_.deliver("Locked", body("read only"));
  server_.deliver("INBOX", body("mine"));
  server_.doveadm({"acl", "set", "Locked", "owner", "lookup", "read"});
  const Mount mount(server_, {"poll=1s"});
  const auto locked = only(mount / "Locked");
  const auto mine = only(mount / "INBOX");
  EXPECT_TRUE(eventually([&] { return errorOf(::unlink(locked.c_str())) == EACCES; }));
  EXPECT_EQ(contentOf(locked), body("read only"));
  EXPECT_EQ(errorOf(::rename(mine.c_str(), (mount / "Locked/x.eml").c_str())), EACCES);
  EXPECT_EQ(errorOf(::creat((mount / "Locked/new.eml").c_str(), 0600)), EACCES);
  const Fd draft(::creat((mount / "INBOX/new.eml").c_str(), 0600));
  EXPECT_EQ(
      errorOf(::rename((mount / "INBOX/new.eml").c_str(), (mount / "Locked/new.eml").c_str())),
      EACCES);
  EXPECT_EQ(errorOf(::mkdir((mount / "Locked/below").c_str(), 0700)), EACCES);
  EXPECT_EQ(errorOf(::rename((mount / "Locked").c_str(), (mount / "Free").c_str())), EACCES);
  EXPECT_EQ(errorOf(::rename(mine.c_str(), (mount / "INBOX/y.eml").c_str())), 0);
}

}  // namespace
}  // namespace emlfs::test
