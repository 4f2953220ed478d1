// What pjdfstest asks of calls that take names, as far as it applies: the error that each gives
// for what it can't do with mailboxes, messages and new files. See posix_draft_test.cc.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "emlfs/base/file.h"
#include "support/mount.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

int errorOf(int result) {
  return result < 0 ? errno : 0;
}
std::string nameOf(int error) {
  return ::strerrorname_np(error);
}

const std::string kEml = ".eml";
const std::string kLongest(255 - kEml.size(), 'a');
const std::string kTooLong(256 - kEml.size(), 'a');

// A holds message.eml, which the server has, draft.eml, which it has not, and the mailbox sub,
// which holds other.eml. Empty and Other are mailboxes without messages.
class Posix : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    server_ = std::make_unique<Dovecot>(kKeepBytes);
    for (const char* mailbox : {"A", "A/sub", "Empty", "Other"}) server_->createMailbox(mailbox);
    server_->deliver("A", makeMessage("message", 1'000, 1));
    server_->deliver("A/sub", makeMessage("other", 1'000, 2));
    mount_ = std::make_unique<Mount>(*server_);
    for (const auto& name : namesIn(at("A")))
      if (name != "sub") {
        ASSERT_EQ(move("A/" + name, "A/message.eml"), 0);
      }
    ASSERT_EQ(move("A/sub/" + namesIn(at("A/sub")).at(0), "A/sub/other.eml"), 0);
    ASSERT_EQ(open("A/draft.eml", O_WRONLY | O_CREAT | O_EXCL), 0);
  }

  std::string at(const std::string& path) const { return *mount_ / path; }
  std::vector<std::string> names(const std::string& directory) const {
    return namesIn(at(directory));
  }

  // Each gives an errno, or 0.
  int open(const std::string& path, int flags) const {
    const int fd = ::open(at(path).c_str(), flags | O_CLOEXEC, kFileMode);
    const int error = errorOf(fd);
    const Fd close(fd);
    return error;
  }
  int move(const std::string& from, const std::string& to, unsigned flags = 0) const {
    return errorOf(static_cast<int>(
        ::syscall(SYS_renameat2, AT_FDCWD, at(from).c_str(), AT_FDCWD, at(to).c_str(), flags)));
  }

  struct Case {
    std::string path;
    int error = 0;
  };
  // In this order, since what succeeds changes something.
  template <class Call>
  void expectEach(const char* call, const std::vector<Case>& cases, const Call& act) const {
    for (const auto& [path, error] : cases)
      EXPECT_EQ(nameOf(errorOf(act(at(path).c_str()))), nameOf(error)) << call << " " << path;
  }

  struct Opening {
    std::string path;
    int flags = 0;
    int error = 0;
  };
  void expectOpenings(const std::vector<Opening>& cases) const {
    for (const auto& [path, flags, error] : cases)
      EXPECT_EQ(nameOf(open(path, flags)), nameOf(error)) << "open " << path << " " << flags;
  }

  struct Move {
    std::string from;
    std::string to;
    int error = 0;
    unsigned flags = 0;
  };
  void expectMoves(const std::vector<Move>& cases) const {
    for (const auto& [from, to, error, flags] : cases)
      EXPECT_EQ(nameOf(move(from, to, flags)), nameOf(error))
          << "rename " << from << " to " << to << " " << flags;
  }

 private:
  std::unique_ptr<Dovecot> server_;
  std::unique_ptr<Mount> mount_;
};

TEST_F(Posix, Mkdir) {
  expectEach("mkdir",
             {{"Fresh"},
              {"Fresh/below/"},
              {"Fresh", EEXIST},
              {"A/message.eml", EEXIST},
              {"A/draft.eml", EEXIST},
              {"inbox", EEXIST},  // INBOX in any case
              {"Inbox/below", ENOENT},
              {"INBOX", EEXIST},
              {".", EEXIST},
              {"A/..", EEXIST},
              {"none/below", ENOENT},
              {"A/message.eml/below", ENOTDIR},
              {"A/draft.eml/below", ENOTDIR},
              {".hidden", EPERM},
              {kTooLong, 0},  // 252 bytes
              {kTooLong + kEml, ENAMETOOLONG}},
             [](const char* path) { return ::mkdir(path, kDirectoryMode); });
}

TEST_F(Posix, Rmdir) {
  expectEach("rmdir",
             {{"A", ENOTEMPTY},
              {"A/sub", ENOTEMPTY},
              {"A/sub/..", ENOTEMPTY},
              {"Empty/.", EINVAL},
              {"A/message.eml", ENOTDIR},
              {"A/draft.eml", ENOTDIR},
              {"A/message.eml/below", ENOTDIR},
              {"none", ENOENT},
              {"none/below", ENOENT},
              {kTooLong + kEml, ENAMETOOLONG},
              {"INBOX", EBUSY},
              {"", EBUSY},  // the mount itself
              {"Empty"},
              {"Empty", ENOENT}},
             [](const char* path) { return ::rmdir(path); });
  EXPECT_EQ(names(""), (std::vector<std::string>{"A", "INBOX", "Other"}));
}

TEST_F(Posix, Unlink) {
  expectEach("unlink",
             {{"A", EISDIR},
              {"Empty", EISDIR},
              {"none", ENOENT},
              {"A/none.eml", ENOENT},
              {"none/below.eml", ENOENT},
              {"A/message.eml/below", ENOTDIR},
              {"A/message.eml/", ENOTDIR},
              {"A/" + kTooLong + kEml, ENAMETOOLONG},
              {"A/message.eml"},
              {"A/message.eml", ENOENT},
              {"A/draft.eml"},
              {"A/draft.eml", ENOENT}},
             [](const char* path) { return ::unlink(path); });
  EXPECT_EQ(names("A"), (std::vector<std::string>{"sub"}));
}

TEST_F(Posix, Open) {
  constexpr int kNew = O_WRONLY | O_CREAT;
  expectOpenings({{"A", O_RDONLY | O_DIRECTORY},
                  {"A", O_WRONLY, EISDIR},
                  {"A", O_RDWR, EISDIR},
                  {"A", O_RDONLY | O_TRUNC, EISDIR},
                  {"A", kNew, EISDIR},
                  {"A", kNew | O_EXCL, EEXIST},
                  {"A/message.eml", O_RDONLY},
                  {"A/message.eml", O_RDONLY | O_DIRECTORY, ENOTDIR},
                  {"A/message.eml", kNew | O_EXCL, EEXIST},
                  {"A/message.eml", O_WRONLY | O_TRUNC, EPERM},
                  {"A/message.eml/below", O_RDONLY, ENOTDIR},
                  {"A/draft.eml", kNew},
                  {"A/draft.eml", O_WRONLY | O_TRUNC},
                  {"A/draft.eml", kNew | O_EXCL, EEXIST},
                  {"A/draft.eml", O_RDONLY | O_DIRECTORY, ENOTDIR},
                  {"A/draft.eml/below", kNew, ENOTDIR},
                  {"A/none.eml", O_RDONLY, ENOENT},
                  {"none/below.eml", kNew, ENOENT},
                  {"A/new.eml/", kNew, EISDIR},
                  {"new.eml", kNew, EPERM},  // the root is no mailbox
                  {"A", O_TMPFILE | O_RDWR, EOPNOTSUPP},
                  {"A/" + kLongest + kEml, kNew | O_EXCL},
                  {"A/" + kTooLong + kEml, O_RDONLY, ENAMETOOLONG},
                  {"A/" + kTooLong + kEml, kNew, ENAMETOOLONG}});
}

TEST_F(Posix, RenameOfFiles) {
  expectMoves({{"A/none.eml", "A/x.eml", ENOENT},
               {"A/draft.eml", "none/x.eml", ENOENT},
               {"A/message.eml", "none/x.eml", ENOENT},
               {"A/draft.eml", "A/message.eml/below", ENOTDIR},
               {"A/message.eml/below", "A/x.eml", ENOTDIR},
               {"A/draft.eml", "A/x.eml/", ENOTDIR},
               {"A/draft.eml", "Empty", EISDIR},
               {"A/message.eml", "Empty", EISDIR},
               {"A/message.eml", "A/" + kTooLong + kEml, ENAMETOOLONG},
               {"A/draft.eml", "A/" + kTooLong + kEml, ENAMETOOLONG},
               {"A/message.eml", "x.eml", EPERM},  // the root is no mailbox
               {"A/draft.eml", "x.eml", EPERM},
               {"A/message.eml", "A/message.eml"},
               {"A/draft.eml", "A/draft.eml"},
               {"A/message.eml", "A/sub/other.eml", EEXIST},
               {"A/message.eml", "A/draft.eml", EEXIST},
               {"A/draft.eml", "A/message.eml", EEXIST, RENAME_NOREPLACE},
               {"A/draft.eml", "A/message.eml", EINVAL, RENAME_EXCHANGE},
               {"A/draft.eml", "A/message.eml", EINVAL, RENAME_WHITEOUT},
               {"A/draft.eml", "Other/x.eml", 0, RENAME_NOREPLACE},
               {"A/message.eml", "A/" + kLongest + kEml, 0, RENAME_NOREPLACE},
               {"A/" + kLongest + kEml, "Other/y.eml"}});
  EXPECT_EQ(names("A"), (std::vector<std::string>{"sub"}));
  EXPECT_EQ(names("Other"), (std::vector<std::string>{"x.eml", "y.eml"}));
}

TEST_F(Posix, RenameOfDirectories) {
  expectMoves({{"none", "x", ENOENT},
               {"Empty", "none/x", ENOENT},
               {"Empty", "A/message.eml", ENOTDIR},
               {"Empty", "A/draft.eml", ENOTDIR},
               {"Empty", "A/message.eml/x", ENOTDIR},
               {"Empty", "A", EEXIST},
               {"Empty", "Other", EEXIST},  // not even an empty one
               {"Empty", "Other", EINVAL, RENAME_EXCHANGE},
               {"Empty", "Other", EEXIST, RENAME_NOREPLACE},
               {"Empty", "Empty"},
               {"A", "A/x", EINVAL},
               {"A", "A/sub/x", EINVAL},
               {"A/sub", "A", ENOTEMPTY},
               {"Empty/.", "x", EBUSY},
               {"Empty", "A/.", EBUSY},
               {"Empty", "A/sub/..", EBUSY},
               {"Empty", ".x", EPERM},
               {"Empty", "inbox", EEXIST},
               {"INBOX", "x", EBUSY},
               {"Empty", kTooLong + kEml, ENAMETOOLONG},
               {"Empty", "A/sub/moved", 0, RENAME_NOREPLACE},
               {"A/sub", "Other/sub"}});
  EXPECT_EQ(names(""), (std::vector<std::string>{"A", "INBOX", "Other"}));
  EXPECT_EQ(names("Other/sub"), (std::vector<std::string>{"moved", "other.eml"}));
}

// Links and the like are nothing that a mailbox has; but a name that is taken is EEXIST first.
TEST_F(Posix, OtherKindsOfFiles) {
  const std::string target = at("A/draft.eml");
  const std::vector<Case> cases{
      {"A/message.eml", EEXIST}, {"A/draft.eml", EEXIST},      {"A", EEXIST},
      {"none/x", ENOENT},        {"A/message.eml/x", ENOTDIR}, {"A/x", EPERM}};
  expectEach("link", cases, [&](const char* path) { return ::link(target.c_str(), path); });
  expectEach("symlink", cases, [&](const char* path) { return ::symlink(target.c_str(), path); });
  expectEach("mkfifo", cases, [](const char* path) { return ::mkfifo(path, kFileMode); });
  const std::vector<Case> readlink{{"A", EINVAL}, {"A/message.eml", EINVAL}, {"none", ENOENT}};
  char buffer[8];
  expectEach("readlink", readlink, [&](const char* path) {
    return static_cast<int>(::readlink(path, buffer, sizeof buffer));
  });
}

TEST_F(Posix, BetweenFileSystems) {
  const ScratchDir elsewhere;
  const std::string outside = elsewhere / "x.eml";
  for (const char* path : {"A/message.eml", "A/draft.eml", "Empty"}) {
    EXPECT_EQ(nameOf(errorOf(::rename(at(path).c_str(), outside.c_str()))), "EXDEV") << path;
    EXPECT_EQ(::access(at(path).c_str(), F_OK), 0) << path;
  }
  EXPECT_EQ(nameOf(errorOf(::link(at("A/draft.eml").c_str(), outside.c_str()))), "EXDEV");
}

// Modes and owners are the mount's: to set them succeeds, and changes nothing.
TEST_F(Posix, ModesAndOwnersStay) {
  for (const char* path : {"A/message.eml", "A/draft.eml", "A"}) {
    struct stat before{};
    struct stat after{};
    ASSERT_EQ(::stat(at(path).c_str(), &before), 0);
    EXPECT_EQ(::chmod(at(path).c_str(), 04777), 0) << path;
    EXPECT_EQ(::chown(at(path).c_str(), ::getuid(), ::getgid()), 0) << path;
    ASSERT_EQ(::stat(at(path).c_str(), &after), 0);
    EXPECT_EQ(after.st_mode, before.st_mode) << path;
    EXPECT_EQ(after.st_uid, before.st_uid) << path;
  }
  const std::vector<Case> cases{{"A/none.eml", ENOENT}, {"A/message.eml/x", ENOTDIR}};
  expectEach("chmod", cases, [](const char* path) { return ::chmod(path, kFileMode); });
  expectEach("chown", cases,
             [](const char* path) { return ::chown(path, ::getuid(), ::getgid()); });
}

}  // namespace
}  // namespace emlfs::test
