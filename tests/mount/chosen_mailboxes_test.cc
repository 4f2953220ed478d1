// The option `mailboxes`: what is left out is not there, costs nothing, and loses nothing.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "mount/commands.h"
#include "support/sandbox.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Names = std::vector<std::string>;

// Of the commands that the server was sent, those that hold one of these.
Names with(const std::vector<std::string>& commands, const Names& parts) {
  Names found;
  for (const auto& line : commands)
    for (const auto& part : parts)
      if (line.find(part) != line.npos) {
        found.push_back(line);
        break;
      }
  return found;
}

Names directories(const Mount& mount) {
  Names names;
  for (const auto& entry : fs::recursive_directory_iterator(mount.path()))
    if (entry.is_directory()) names.push_back(fs::relative(entry.path(), mount.path()));
  std::sort(names.begin(), names.end());
  return names;
}

int errorOf(int result) {
  return result == 0 ? 0 : errno;
}

class ChosenMailboxes : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    proxy_ = Proxy::start({server_.host(), server_.imapPort()});
    for (const char* mailbox : {"Lists/lkml", "Lists/other", "Work"}) {
      server_.deliver(mailbox, datedMail(1));
      server_.deliver(mailbox, datedMail(2));
    }
    server_.deliver("INBOX", datedMail(3));
    server_.createMailbox("Trash");
  }
  // Sorted by number: "m1.1.eml".
  static Names messages(const Mount& mount, const std::string& mailbox) {
    return namesIn(mount / mailbox);
  }
  std::string onServer(const std::string& mailbox) const {
    return server_.doveadm({"fetch", "hdr.subject", "mailbox", mailbox, "all"});
  }

  const std::string subjects_ = "name_format={subject}.{uid}";
  const Dovecot server_;
  std::unique_ptr<Proxy> proxy_;
};

TEST_F(ChosenMailboxes, PatternsThatFitNothingAreTold) {
  const Sandbox box;
  const auto say = [&](const char* command, const std::string& patterns) {
    std::vector<std::string> all{
        command,
        fmt::format("imaps://{}@{}:{}", server_.user(), server_.host(), server_.imapsPort()),
        "-o",
        "ca_file=" + server_.caFile(),
        "-o",
        "mailboxes=" + patterns};
    if (command == std::string("mount")) all.push_back(box.mountPoint());
    return box.emlfs(all, server_.password());
  };
  const auto checked = say("check", "inbox:Lists:!Lists/none:Wrok");
  EXPECT_EQ(checked.status, 0) << checked.errors;
  EXPECT_THAT(checked.output, HasSubstr("mailboxes     5, of which the option mailboxes shows 3\n"
                                        "  option mailboxes: '!Lists/none' fits none of them\n"
                                        "  option mailboxes: 'Wrok' fits none of them\n"));
  const auto mounted = say("mount", "Wrok");
  EXPECT_EQ(mounted.status, 0);
  EXPECT_THAT(mounted.errors, HasSubstr("shows none of the server's mailboxes"));
  EXPECT_EQ(box.emlfs({"umount", box.mountPoint()}).status, 0);
  const auto some = say("mount", "Work");
  EXPECT_EQ(some.status, 0);
  EXPECT_THAT(some.errors, IsEmpty());
  EXPECT_EQ(box.emlfs({"umount", box.mountPoint()}).status, 0);
}

class WatchedMailboxes : public ChosenMailboxes, public testing::WithParamInterface<const char*> {};

TEST_P(WatchedMailboxes, OnlyTheseAreThereAndAskedFor) {
  const Mount mount(server_, *proxy_,
                    {"mailboxes=inbox:Lists/lkml", "poll=10min", GetParam(), subjects_});
  EXPECT_EQ(directories(mount), (Names{"INBOX", "Lists", "Lists/lkml"}));
  EXPECT_EQ(messages(mount, "Lists/lkml").size(), 2U);
  EXPECT_EQ(mount.status()["mailboxes"]["total"], 2);
  // Nothing that nobody would see is made, and the server is not asked to.
  EXPECT_EQ(errorOf(::mkdir((mount / "New").c_str(), 0700)), EPERM);
  EXPECT_EQ(errorOf(::mkdir((mount / "Lists/new").c_str(), 0700)), EPERM);
  EXPECT_EQ(errorOf(::rename((mount / "Lists/lkml").c_str(), (mount / "lkml").c_str())), EPERM);
  EXPECT_EQ(errorOf(::rename((mount / "Lists").c_str(), (mount / "Listen").c_str())), EPERM);
  EXPECT_THAT(std::ofstream(mount / "Lists/new.eml").good(), testing::IsFalse());

  EXPECT_TRUE(eventually([&] { return mount.status()["queued"] == 0; }));
  const auto began = Clock::now();
  proxy_->resetStats();
  for (int i = 10; i < 20; ++i) {
    server_.deliver("Work", datedMail(i));
    server_.deliver("Lists/other", datedMail(i));
  }
  server_.deliver("Lists/lkml", datedMail(20));
  ASSERT_TRUE(eventually([&] { return messages(mount, "Lists/lkml").size() == 3; }));
  server_.deliver("INBOX", datedMail(21));
  ASSERT_TRUE(eventually([&] { return messages(mount, "INBOX").size() == 2; }));
  const auto commands = proxy_->commands();
  EXPECT_THAT(with(commands, {"Work", "other", "Trash", "CREATE", "RENAME"}), IsEmpty());
  // One for each time that somebody looked, and they are 5 s apart.
  const auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
  EXPECT_LE(static_cast<double>(with(commands, {" LIST "}).size()), 2 + seconds / 5)
      << testing::PrintToString(commands);
}

std::string nameOfWatch(const testing::TestParamInfo<const char*>& info) {
  constexpr std::array<const char*, 3> kNames{"Notify", "Idle", "Statuses"};
  return kNames.at(info.index);
}
INSTANTIATE_TEST_SUITE_P(, WatchedMailboxes,
                         testing::Values("without=NONE", "without=NOTIFY",
                                         "without=NOTIFY:LIST-STATUS"),
                         nameOfWatch);

// Where INBOX is left out, nobody listens in it, and nothing is asked again and again because of
// it.
TEST_F(ChosenMailboxes, InboxMayBeLeftOut) {
  const Mount mount(server_, *proxy_,
                    {"mailboxes=!INBOX", "poll=10min", "without=NOTIFY", subjects_});
  EXPECT_FALSE(fs::exists(mount / "INBOX"));
  EXPECT_EQ(messages(mount, "Work").size(), 2U);
  // Whoever looks before it is known that there is IDLE has to look again.
  const auto watched = [&] {
    EXPECT_TRUE(fs::exists(mount / "Work"));
    return mount.status()["watching"]["mailboxes"].get<Names>();
  };
  ASSERT_TRUE(eventually([&] { return watched() == Names{"Work"}; })) << mount.status()["watching"];
  proxy_->resetStats();
  server_.deliver("Work", datedMail(4));
  ASSERT_TRUE(eventually([&] { return messages(mount, "Work").size() == 3; }));
  EXPECT_THAT(with(proxy_->commands(), {"EXAMINE INBOX", "STATUS INBOX"}), IsEmpty());
  EXPECT_THAT(mount.status()["errors"], IsEmpty());
}

TEST_F(ChosenMailboxes, TheyMayBeOthersAtTheNextMount) {
  Mount mount(server_, *proxy_, {"poll=10min", subjects_});
  const auto all = directories(mount);
  const std::string first = mount / "Work/m1.1.eml";
  EXPECT_THAT(readFile(first), HasSubstr("The body of 1"));
  const auto inode = [&] {
    struct stat st{};
    EXPECT_EQ(::stat(first.c_str(), &st), 0);
    return st.st_ino;
  };
  const auto before = inode();
  mount.unmount();
  mount.setOptions({"mailboxes=INBOX:Lists/*"});
  proxy_->resetStats();
  mount.mount();
  EXPECT_EQ(directories(mount), (Names{"INBOX", "Lists", "Lists/lkml", "Lists/other"}));
  EXPECT_TRUE(eventually([&] { return mount.status()["queued"] == 0; }));
  // Nothing was doubted: no STATUS of what is not there, no list on another connection.
  EXPECT_THAT(with(proxy_->commands(), {"STATUS Work", "STATUS \"Work"}), IsEmpty());
  EXPECT_THAT(mount.status()["errors"], IsEmpty());
  EXPECT_EQ(mount.status()["cache"]["bodies"], 0);
  mount.unmount();
  mount.setOptions({"mailboxes="});
  mount.mount();
  EXPECT_EQ(directories(mount), all);
  EXPECT_THAT(readFile(first), HasSubstr("The body of 1"));
  EXPECT_EQ(inode(), before);
  EXPECT_THAT(mount.status()["errors"], IsEmpty());
}

// Without the server, too.
TEST_F(ChosenMailboxes, TheyAreChosenFromTheCache) {
  Mount mount(server_, *proxy_, {subjects_, "timeout=5s"});
  EXPECT_EQ(messages(mount, "Lists/lkml").size(), 2U);
  mount.unmount();
  proxy_->refuse();
  mount.setOptions({"mailboxes=Lists/lkml"});
  mount.mount();
  EXPECT_EQ(directories(mount), (Names{"Lists", "Lists/lkml"}));
  EXPECT_EQ(messages(mount, "Lists/lkml").size(), 2U);
}

TEST_F(ChosenMailboxes, RmStillMovesToATrashThatNobodySees) {
  const Mount mount(server_, *proxy_,
                    {"mailboxes=INBOX:Work", "delete=trash", "poll=1s", subjects_});
  EXPECT_EQ(directories(mount), (Names{"INBOX", "Work"}));
  fs::remove(mount / "Work/m1.1.eml");
  EXPECT_THAT(messages(mount, "Work"), ElementsAre("m2.2.eml"));
  ASSERT_EQ(emlfs({"flush", mount.path()}).status, 0);
  EXPECT_THAT(onServer("Trash"), HasSubstr("m1"));
  EXPECT_THAT(onServer("Work"), Not(HasSubstr("m1")));
  EXPECT_THAT(with(proxy_->commands(), {"EXAMINE Trash"}), IsEmpty());
  // After a few more lists, too.
  server_.deliver("INBOX", datedMail(5));
  ASSERT_TRUE(eventually([&] { return messages(mount, "INBOX").size() == 2; }));
  EXPECT_THAT(onServer("Trash"), HasSubstr("m1"));
  EXPECT_THAT(mount.status()["errors"], IsEmpty());
}

TEST_F(ChosenMailboxes, RmdirStillMovesUnderATrashThatNobodySees) {
  const Mount mount(server_, *proxy_, {"mailboxes=INBOX:Work", subjects_});
  runOrThrow({"rm", "-r", mount / "Work"});
  ASSERT_EQ(emlfs({"flush", mount.path()}).status, 0) << mount.status().dump(1);
  EXPECT_THAT(onServer("Trash/Work"), HasSubstr("m2"));
  EXPECT_THAT(directories(mount), ElementsAre("INBOX"));
}

// What was done to a mailbox while it was shown, and not sent, is sent when it is left out.
TEST_F(ChosenMailboxes, WhatIsPendingIsSent) {
  Mount mount(server_, *proxy_, {subjects_, "timeout=5s"});
  EXPECT_EQ(messages(mount, "INBOX").size(), 1U);
  EXPECT_EQ(messages(mount, "Work").size(), 2U);
  proxy_->refuse();
  proxy_->cutNow();
  ASSERT_TRUE(eventually([&] { return mount.status()["state"] == "offline"; }));
  fs::rename(mount / "INBOX/m3.1.eml", mount / "Work/m3.1.eml");
  std::ofstream(mount / "Work/new.eml") << datedMail(7);
  std::ofstream(mount / "Work/draft.tmp") << datedMail(8);
  ASSERT_EQ(::mkdir((mount / "Made").c_str(), 0700), 0);
  ASSERT_TRUE(eventually([&] { return mount.status()["changes"]["pending"] == 3; }))
      << mount.status().dump(1);
  mount.kill();
  proxy_->resume();
  mount.setOptions({"mailboxes=INBOX:Lists/*"});
  mount.mount();
  EXPECT_EQ(directories(mount), (Names{"INBOX", "Lists", "Lists/lkml", "Lists/other"}));
  ASSERT_TRUE(eventually([&] { return mount.status()["changes"]["pending"] == 0; }))
      << mount.status().dump(1);
  EXPECT_EQ(mount.status()["changes"]["refused"], 0) << mount.status()["refused"].dump(1);
  EXPECT_THAT(onServer("Work"), testing::AllOf(HasSubstr("m3"), HasSubstr("m7")));
  EXPECT_THAT(messages(mount, "INBOX"), IsEmpty());
  EXPECT_THAT(server_.doveadm({"mailbox", "list"}), HasSubstr("Made"));
  // Nor is what was never finished lost.
  const auto drafts = mount.status()["drafts"];
  ASSERT_EQ(drafts.size(), 1U) << drafts.dump(1);
  EXPECT_EQ(drafts[0]["path"], "Work/draft.tmp");
  mount.unmount();
  mount.setOptions({});
  mount.mount();
  ASSERT_TRUE(eventually([&] { return messages(mount, "Work").size() == 5; }))
      << testing::PrintToString(messages(mount, "Work"));
  EXPECT_EQ(readFile(mount / "Work/draft.tmp"), datedMail(8));
}

}  // namespace
}  // namespace emlfs::test
