// What pjdfstest asks of files that grow, are cut, dated and removed: new files (drafts), and what
// of it messages refuse.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/mount.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr int64_t kDate = 1'600'000'000;

int errorOf(int64_t result) {
  return result < 0 ? errno : 0;
}
std::string nameOf(int error) {
  return ::strerrorname_np(error);
}

struct stat statOf(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) throw systemError("fstat", errno);
  return st;
}

std::string contentOf(int fd) {
  std::string text(100'000, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  if (got < 0) throw systemError("read", errno);
  text.resize(static_cast<size_t>(got));
  return text;
}

class PosixDraft : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    server_ = std::make_unique<Dovecot>(kKeepBytes);
    server_->createMailbox("A");
    server_->deliver("A", kText);
    mount_ = std::make_unique<Mount>(*server_);
    message_ = *mount_ / "A/" + namesIn(*mount_ / "A").at(0);
  }

  std::string at(const std::string& name) const { return *mount_ / "A/" + name; }
  const Dovecot& server() const { return *server_; }
  const std::string& message() const { return message_; }
  // Throws Error(system).
  static Fd open(const std::string& path, int flags) {
    Fd file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
    if (!file) throw systemError(path, errno);
    return file;
  }
  Fd draft(const std::string& name) const { return open(at(name), O_RDWR | O_CREAT | O_EXCL); }
  static void write(const Fd& file, std::string_view bytes) {
    ASSERT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  static void rewrite(const Fd& file, std::string_view bytes, off_t offset) {
    ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), offset),
              static_cast<ssize_t>(bytes.size()));
  }
  void flush() const {
    const Fd root = open(mount_->path(), O_RDONLY | O_DIRECTORY);
    EXPECT_EQ(nameOf(errorOf(::fsync(root.get()))), "0");
  }

  const std::string kText = makeMessage("posix", 1'000, 1);

 private:
  std::unique_ptr<Dovecot> server_;
  std::unique_ptr<Mount> mount_;
  std::string message_;
};

TEST_F(PosixDraft, Grows) {
  const Fd file = draft("x.eml");
  EXPECT_EQ(statOf(file.get()).st_size, 0);
  EXPECT_EQ(statOf(file.get()).st_nlink, 1U);
  EXPECT_TRUE(S_ISREG(statOf(file.get()).st_mode));
  write(file, kText);
  write(file, kText);
  EXPECT_EQ(statOf(file.get()).st_size, static_cast<off_t>(2 * kText.size()));
  EXPECT_EQ(statOf(file.get()).st_blocks, static_cast<blkcnt_t>((2 * kText.size() + 511) / 512));
  struct stat by_name{};
  ASSERT_EQ(::stat(at("x.eml").c_str(), &by_name), 0);
  EXPECT_EQ(by_name.st_size, static_cast<off_t>(2 * kText.size()));
  EXPECT_EQ(by_name.st_ino, statOf(file.get()).st_ino);
  EXPECT_EQ(contentOf(file.get()), kText + kText);
}

TEST_F(PosixDraft, AppendsAtItsEndWhoeverWrites) {
  const Fd file = draft("x.eml");
  const Fd end = open(at("x.eml"), O_WRONLY | O_APPEND);
  write(file, kText);
  write(end, "one\r\n");
  EXPECT_EQ(::lseek(end.get(), 0, SEEK_SET), 0);
  write(end, "two\r\n");
  EXPECT_EQ(contentOf(file.get()), kText + "one\r\ntwo\r\n");
}

TEST_F(PosixDraft, IsCutAndStretched) {
  const Fd file = draft("x.eml");
  write(file, kText);
  EXPECT_EQ(::ftruncate(file.get(), 10), 0);
  EXPECT_EQ(contentOf(file.get()), kText.substr(0, 10));
  EXPECT_EQ(::truncate(at("x.eml").c_str(), 5'000), 0);
  EXPECT_EQ(contentOf(file.get()), kText.substr(0, 10) + std::string(4'990, '\0'));
  rewrite(file, kText, 0);
  EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(kText.size())), 0);
  EXPECT_EQ(contentOf(file.get()), kText);
  const Fd cut = open(at("x.eml"), O_WRONLY | O_TRUNC);
  EXPECT_EQ(statOf(file.get()).st_size, 0);
  write(cut, kText.substr(0, 100));
  EXPECT_EQ(contentOf(file.get()), kText.substr(0, 100));
}

TEST_F(PosixDraft, ErrorsOfTruncateAndWrite) {
  const Fd file = draft("x.eml");
  write(file, kText);
  const Fd reader = open(at("x.eml"), O_RDONLY);
  const Fd writer = open(at("x.eml"), O_WRONLY);
  char byte = 'x';
  EXPECT_EQ(nameOf(errorOf(::ftruncate(reader.get(), 0))), "EINVAL");
  EXPECT_EQ(nameOf(errorOf(::write(reader.get(), &byte, 1))), "EBADF");
  EXPECT_EQ(nameOf(errorOf(::read(writer.get(), &byte, 1))), "EBADF");
  EXPECT_EQ(nameOf(errorOf(::ftruncate(file.get(), -1))), "EINVAL");
  EXPECT_EQ(nameOf(errorOf(::ftruncate(file.get(), std::numeric_limits<off_t>::max()))), "EFBIG");
  const auto truncate = [](const std::string& path) {
    return nameOf(errorOf(::truncate(path.c_str(), 0)));
  };
  EXPECT_EQ(truncate(at("none.eml")), "ENOENT");
  EXPECT_EQ(truncate(at("x.eml/below")), "ENOTDIR");
  EXPECT_EQ(truncate(at("")), "EISDIR");
  EXPECT_EQ(contentOf(file.get()), kText);

  // A message.
  const Fd sent = open(message(), O_RDWR | O_APPEND);
  EXPECT_EQ(truncate(message()), "EPERM");
  EXPECT_EQ(nameOf(errorOf(::ftruncate(sent.get(), 5))), "EPERM");
  EXPECT_EQ(nameOf(errorOf(::write(sent.get(), &byte, 1))), "EPERM");
  EXPECT_EQ(statOf(sent.get()).st_size, static_cast<off_t>(kText.size()));
  EXPECT_EQ(contentOf(sent.get()), kText);
}

TEST_F(PosixDraft, Times) {
  constexpr timespec kNow{0, UTIME_NOW};
  constexpr timespec kOmit{0, UTIME_OMIT};
  const Fd file = draft("x.eml");
  write(file, kText);
  const auto set = [&](const std::string& path, timespec access, timespec change) {
    const timespec times[]{access, change};
    return nameOf(errorOf(::utimensat(AT_FDCWD, path.c_str(), times, 0)));
  };
  const auto isNow = [&] {
    return std::abs(statOf(file.get()).st_mtime - std::time(nullptr)) < 60;
  };
  EXPECT_TRUE(isNow());
  EXPECT_EQ(set(at("x.eml"), {1, 0}, {kDate, 700'000'000}), "0");
  EXPECT_EQ(statOf(file.get()).st_mtime, kDate);  // in whole seconds, all three alike
  EXPECT_EQ(statOf(file.get()).st_ctime, kDate);
  EXPECT_EQ(statOf(file.get()).st_atime, kDate);
  EXPECT_EQ(set(at("x.eml"), kOmit, kOmit), "0");
  EXPECT_EQ(set(at("x.eml"), kNow, kOmit), "0");
  EXPECT_EQ(set(at("x.eml"), kOmit, {1, 1'000'000'000}), "EINVAL");
  EXPECT_EQ(statOf(file.get()).st_mtime, kDate);
  EXPECT_EQ(set(at("x.eml"), kOmit, kNow), "0");
  EXPECT_TRUE(isNow());
  EXPECT_EQ(set(at("x.eml"), kOmit, {kDate, 0}), "0");
  write(file, "more\r\n");
  EXPECT_TRUE(isNow());
  EXPECT_EQ(set(at("x.eml"), kNow, kNow), "0");
  EXPECT_EQ(set(at("none.eml"), kNow, kNow), "ENOENT");
  EXPECT_EQ(set(at("x.eml/below"), kNow, kNow), "ENOTDIR");

  // A directory's are those of its changes, a message's that of its arrival.
  EXPECT_EQ(set(at(""), {1, 0}, {kDate, 0}), "0");
  const Fd directory = open(at(""), O_RDONLY | O_DIRECTORY);
  EXPECT_NE(statOf(directory.get()).st_mtime, kDate);
  const Fd sent = open(message(), O_RDONLY);
  const timespec its_own = statOf(sent.get()).st_mtim;
  EXPECT_EQ(set(message(), kNow, its_own), "0");
  EXPECT_EQ(set(message(), kOmit, {kDate, 0}), "EPERM");
  EXPECT_EQ(statOf(sent.get()).st_mtime, its_own.tv_sec);
}

// Whoever has a file open goes on with it, and nobody is sent it.
TEST_F(PosixDraft, OutlivesItsName) {
  for (const char* name : {"x.eml", ".x.tmp"}) {
    const Fd file = draft(name);
    write(file, kText);
    ASSERT_EQ(::unlink(at(name).c_str()), 0);
    EXPECT_EQ(statOf(file.get()).st_nlink, 0U) << name;
    rewrite(file, "FROM", 0);
    rewrite(file, "end\r\n", static_cast<off_t>(kText.size()));
    EXPECT_EQ(contentOf(file.get()), "FROM" + kText.substr(4) + "end\r\n") << name;
    EXPECT_EQ(::ftruncate(file.get(), 4), 0);
    EXPECT_EQ(statOf(file.get()).st_size, 4);
    EXPECT_EQ(::fsync(file.get()), 0);
    // Another one by that name has nothing to do with it.
    write(draft(name), kText + kText);
    EXPECT_EQ(contentOf(file.get()), "FROM") << name;
    ASSERT_EQ(::unlink(at(name).c_str()), 0);
  }
  const Fd replaced = draft("y.eml");
  write(replaced, kText);
  write(draft("z.eml"), kText + kText);
  ASSERT_EQ(::rename(at("z.eml").c_str(), at("y.eml").c_str()), 0);
  EXPECT_EQ(contentOf(replaced.get()), kText);
  EXPECT_EQ(contentOf(open(at("y.eml"), O_RDONLY).get()), kText + kText);

  const Fd sent = open(message(), O_RDONLY);
  ASSERT_EQ(::unlink(message().c_str()), 0);
  flush();
  EXPECT_EQ(contentOf(sent.get()), kText);
  EXPECT_EQ(namesIn(at("")), (std::vector<std::string>{"y.eml"}));
  const Mail mail = mailOf(server());
  ASSERT_EQ(mail.at("A").size(), 1U);
  EXPECT_EQ(mail.at("A")[0].sha256, sha256(kText + kText));
}

}  // namespace
}  // namespace emlfs::test
