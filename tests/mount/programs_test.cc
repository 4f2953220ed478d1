// What editors and copying programs do to files, on a real mount. draft_test.cc has the rest of
// coreutils, tar and rsync; the steps of editors are those that strace showed of vim 9.0, emacs
// 28.2 and nano 7.2.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Programs : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    server_ = std::make_unique<Dovecot>(kKeepBytes);
    server_->createMailbox("A");
    server_->createMailbox("Trash");
    server_->deliver("A", kOld);
    mount_ = std::make_unique<Mount>(*server_);
    message_ = at("A/" + namesIn(at("A")).at(0));
    const std::string flags = "+\\Flagged $Work";
    ASSERT_EQ(::setxattr(message_.c_str(), "user.imap.flags", flags.data(), flags.size(), 0), 0);
  }

  std::string at(const std::string& path) const { return *mount_ / path; }
  const std::string& message() const { return message_; }
  std::string local(const std::string& name) const { return directory_ / name; }

  static void put(const std::string& path, std::string_view bytes) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), bytes.data(), bytes.size()) < 0)
      throw systemError(path, errno);
  }
  void flush() const { runOrThrow({"sync", "-d", mount_->path()}); }

  // In the mount, with a local directory as $1.
  void shell(const std::string& script) const {
    const auto result =
        run({"bash", "-ec", "cd \"$0\"; exec 2>&1; " + script, mount_->path(), directory_.path()});
    EXPECT_EQ(result.status, 0) << script << "\n" << result.output;
  }
  std::vector<std::string> sums(const std::string& mailbox) const {
    std::vector<std::string> all;
    const Mail mail = mailOf(*server_);
    for (const auto& content : mail.at(mailbox)) all.push_back(content.sha256);
    return all;
  }
  std::string flagsOnServer() const {
    return server_->doveadm({"fetch", "flags", "mailbox", "A", "undeleted"});
  }

  const std::string kOld = makeMessage("old", 1'000, 1);
  const std::string kNew = makeMessage("old", 1'100, 2);

 private:
  ScratchDir directory_;
  std::unique_ptr<Dovecot> server_;
  std::unique_ptr<Mount> mount_;
  std::string message_;
};

TEST_F(Programs, VimPutsTheOldVersionAside) {
  put(at("A/4913"), "");
  ASSERT_EQ(::unlink(at("A/4913").c_str()), 0);
  fs::rename(message(), message() + "~");
  put(message(), kNew);
  ASSERT_EQ(::chmod(message().c_str(), 0600), 0);
  ASSERT_EQ(::unlink((message() + "~").c_str()), 0);
  flush();
  EXPECT_THAT(sums("A"), ElementsAre(sha256(kNew)));
  EXPECT_THAT(flagsOnServer(), HasSubstr("\\Flagged"));
  EXPECT_THAT(flagsOnServer(), HasSubstr("$Work"));
}

// What it wrote waits for its name while its lock file goes.
TEST_F(Programs, EmacsRenamesOverIt) {
  put(at("A/.#lock"), "user@host.4711");
  put(at("A/tmpQhX2Zb"), kNew);
  ASSERT_EQ(::unlink(at("A/.#lock").c_str()), 0);
  fs::rename(at("A/tmpQhX2Zb"), message());
  flush();
  EXPECT_THAT(sums("A"), ElementsAre(sha256(kNew)));
  EXPECT_THAT(flagsOnServer(), HasSubstr("\\Flagged"));
  EXPECT_EQ(namesIn(at("A")).size(), 1U);
}

TEST_F(Programs, NanoWritesInPlaceAndIsRefused) {
  EXPECT_EQ(::open(message().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), -1);
  EXPECT_EQ(errno, EPERM);
  // As vim does with `backupcopy=yes`.
  const Fd file(::open(message().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(::ftruncate(file.get(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::write(file.get(), kNew.data(), kNew.size()), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(readFile(message()), kOld);
  flush();
  EXPECT_THAT(sums("A"), ElementsAre(sha256(kOld)));
}

TEST_F(Programs, RsyncDeletesAndRemovesSources) {
  fs::create_directory(local("from"));
  for (const char* name : {"a", "b"})
    put(local("from/") + name + ".eml", makeMessage(name, 500, 3));
  const auto a = sha256(makeMessage("a", 500, 3));
  const auto b = sha256(makeMessage("b", 500, 3));
  shell("mkdir R S; rsync -a \"$1/from/\" R/");
  flush();
  shell("rm \"$1/from/b.eml\"; rsync -a --delete \"$1/from/\" R/");
  flush();
  EXPECT_THAT(sums("R"), ElementsAre(a));

  put(local("from/b.eml"), makeMessage("b", 500, 3));
  shell("rsync -a --remove-source-files \"$1/from/\" S/");
  EXPECT_THAT(namesIn(local("from")), IsEmpty());
  flush();
  EXPECT_THAT(sums("S"), UnorderedElementsAre(a, b));
  shell("rsync -a --remove-source-files S/ \"$1/back/\"");
  EXPECT_THAT(namesIn(at("S")), IsEmpty());
  EXPECT_THAT(namesIn(local("back")), ElementsAre("a.eml", "b.eml"));
  flush();
  EXPECT_THAT(sums("S"), IsEmpty());
}

TEST_F(Programs, TreesComeAndGo) {
  fs::create_directories(local("tree/sub"));
  put(local("tree/a.eml"), makeMessage("a", 500, 3));
  put(local("tree/sub/b.eml"), makeMessage("b", 500, 4));
  shell(
      "touch -d @1600000000 \"$1\"/tree/*.eml \"$1\"/tree/sub/*.eml; cp -a \"$1/tree\" Copied; "
      "mkdir Unpacked; tar -C \"$1/tree\" -c . | tar -C Unpacked -xp");
  flush();
  EXPECT_THAT(sums("Unpacked/sub"), ElementsAre(sha256(makeMessage("b", 500, 4))));
  shell(
      "cp -a Copied \"$1/copied\"; diff -r \"$1/tree\" \"$1/copied\"; "
      "tar -C Unpacked -c . | tar -C \"$1\" --one-top-level=unpacked -xp; "
      "diff -r \"$1/tree\" \"$1/unpacked\"");
  for (const char* file : {"copied/a.eml", "copied/sub/b.eml", "unpacked/sub/b.eml"}) {
    struct stat st{};
    ASSERT_EQ(::stat(local(file).c_str(), &st), 0) << file;
    EXPECT_EQ(st.st_mtime, 1'600'000'000) << file;
  }
  shell("rm -r Copied; mv Unpacked A/");
  flush();
  EXPECT_THAT(sums("A/Unpacked"), ElementsAre(sha256(makeMessage("a", 500, 3))));
}

// mv of a directory from another mount, and rsync -X from a copy, set and remove what is there.
TEST_F(Programs, WhatDirectoriesHaveIsNotChangedInSilence) {
  const std::string directory = at("A");
  EXPECT_EQ(::setxattr(directory.c_str(), "user.imap.mailbox", "B", 1, 0), 0);
  EXPECT_EQ(::removexattr(directory.c_str(), "user.imap.uidvalidity"), 0);
  std::string name(10, 0);
  ASSERT_EQ(::getxattr(directory.c_str(), "user.imap.mailbox", name.data(), name.size()), 1);
  EXPECT_EQ(name.front(), 'A');
  EXPECT_GT(::getxattr(directory.c_str(), "user.imap.uidvalidity", nullptr, 0), 0);
  EXPECT_EQ(::setxattr(message().c_str(), "user.imap.uid", "7", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
}

}  // namespace
}  // namespace emlfs::test
