// Every file under the mount against the server's own files: bytes, sizes, times, names, modes.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <set>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/sample_mail.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr size_t kLarge = size_t{20} << 20;

std::string sample() {
  return sampleMail({"--messages", "400", "--largest", "3"});
}

struct stat statOf(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) throw systemError(path, errno);
  return st;
}

std::string onlyFileIn(const std::string& directory) {
  const auto names = namesIn(directory);
  if (names.size() != 1) throw std::runtime_error(directory + " holds not just one file");
  return directory + "/" + names[0];
}

class Bytes : public MountTest {};

TEST_F(Bytes, AreThoseOfTheServersFiles) {
  const Dovecot server(kKeepBytes, sample());
  server.deliver("Large", makeMessage("large", kLarge, 1));
  const std::string unseen = server.doveadm({"search", "mailbox", "*", "unseen"});
  Mount mount(server);

  const Tree tree = readTree(mount.path());
  const Mail shown = mailOf(tree);
  const Mail stored = mailOf(server);
  EXPECT_EQ(shown, stored);
  size_t messages = 0;
  for (const auto& [mailbox, content] : stored) messages += content.size();
  EXPECT_GT(messages, 400U);
  EXPECT_EQ(server.doveadm({"search", "mailbox", "*", "unseen"}), unseen) << "reading set \\Seen";

  std::set<uint64_t> inodes;
  for (const auto& [path, entry] : tree) inodes.insert(entry.inode);
  EXPECT_EQ(inodes.size(), tree.size());

  // Nothing is remembered, and yet names, numbers and flags are the same.
  mount.unmount();
  mount.clear();
  mount.mount();
  EXPECT_EQ(difference(tree, readTree(mount.path())), "");
}

TEST_F(Bytes, ComeRightHoweverTheyAreRead) {
  const Dovecot server(kKeepBytes);
  const std::string expected = makeMessage("large", kLarge, 2);
  server.deliver("Large", expected);
  Mount mount(server);
  const std::string path = onlyFileIn(mount / "Large");
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file);

  // At random places of what isn't cached yet, also beyond the end.
  std::mt19937 random(1);
  std::string buffer(300'000, '\0');
  for (int i = 0; i < 60; ++i) {
    const size_t offset = random() % (expected.size() + 1000);
    const size_t wanted = 1 + random() % buffer.size();
    const ssize_t got = ::pread(file.get(), buffer.data(), wanted, static_cast<off_t>(offset));
    ASSERT_GE(got, 0) << errno;
    const size_t there = offset < expected.size() ? expected.size() - offset : 0;
    const auto count = static_cast<size_t>(got);
    ASSERT_EQ(count, std::min(wanted, there));
    ASSERT_EQ(std::string_view(buffer).substr(0, count),
              std::string_view(expected).substr(std::min(offset, expected.size()), count))
        << offset;
  }

  // From the first byte to the last with odd sizes.
  std::string whole;
  for (size_t wanted = 1;; wanted = wanted * 3 + 7) {
    wanted = std::min(wanted, buffer.size() - 1);
    const ssize_t got = ::read(file.get(), buffer.data(), wanted);
    ASSERT_GE(got, 0) << errno;
    if (got == 0) break;
    whole.append(buffer, 0, static_cast<size_t>(got));
  }
  EXPECT_TRUE(whole == expected);

  void* const map = ::mmap(nullptr, expected.size(), PROT_READ, MAP_PRIVATE, file.get(), 0);
  ASSERT_NE(map, MAP_FAILED);
  EXPECT_TRUE(std::string_view(static_cast<const char*>(map), expected.size()) == expected);
  ::munmap(map, expected.size());

  // Past the page cache, so that each read reaches the daemon.
  const Fd direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
  if (direct) {
    whole.clear();
    for (ssize_t got = 0; (got = ::read(direct.get(), buffer.data(), 258'048)) > 0;)
      whole.append(buffer, 0, static_cast<size_t>(got));
    EXPECT_TRUE(whole == expected);
  }
}

TEST_F(Bytes, AreWhatRsyncAndDiffSee) {
  const Dovecot server(kKeepBytes, sample());
  const Mount mount(server);
  const ScratchDir scratch;
  const std::string copy = scratch / "copy";
  runOrThrow({"rsync", "-a", mount.path() + "/", copy});
  EXPECT_EQ(runOrThrow({"diff", "-r", mount.path(), copy}), "");
  const uint64_t moved = mount.bodyBytes();
  EXPECT_GT(moved, 0U);
  EXPECT_EQ(runOrThrow({"rsync", "-ai", mount.path() + "/", copy}), "");
  EXPECT_EQ(mount.bodyBytes(), moved);
}

TEST_F(Bytes, AttributesAreAsTheOptionsSay) {
  const Dovecot server(kKeepBytes);
  server.deliver("INBOX", makeMessage("attributes", 5000, 3));
  {
    const Mount mount(server);
    const struct stat st = statOf(onlyFileIn(mount / "INBOX"));
    EXPECT_EQ(st.st_mode, S_IFREG | 0600U);
    EXPECT_EQ(st.st_uid, ::getuid());
    EXPECT_EQ(st.st_gid, ::getgid());
    EXPECT_EQ(st.st_nlink, 1U);
    EXPECT_EQ(st.st_blocks, (st.st_size + 511) / 512);
    EXPECT_EQ(statOf(mount / "INBOX").st_mode, S_IFDIR | 0700U);
  }
  const Mount mount(server, {"umask=027", "uid=12", "gid=34"});
  const struct stat st = statOf(onlyFileIn(mount / "INBOX"));
  EXPECT_EQ(st.st_mode, S_IFREG | 0640U);
  EXPECT_EQ(st.st_uid, 12U);
  EXPECT_EQ(st.st_gid, 34U);
  EXPECT_EQ(statOf(mount / "INBOX").st_mode, S_IFDIR | 0750U);
}

TEST_F(Bytes, CannotBeChangedWhereReadOnly) {
  const Dovecot server(kKeepBytes);
  server.deliver("INBOX", makeMessage("read-only", 5000, 4));
  server.doveadm({"mailbox", "create", "Other"});
  const Mount mount(server, {"read_only"});
  const Tree before = readTree(mount.path());
  const std::string message = onlyFileIn(mount / "INBOX");
  const std::string fresh = mount / "INBOX/new.eml";
  const auto refused = [](long result) { return result < 0 ? errno : 0; };

  EXPECT_EQ(refused(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), EROFS);
  EXPECT_EQ(refused(::open(message.c_str(), O_WRONLY | O_CLOEXEC)), EROFS);
  EXPECT_EQ(refused(::truncate(message.c_str(), 0)), EROFS);
  EXPECT_EQ(refused(::unlink(message.c_str())), EROFS);
  EXPECT_EQ(refused(::rename(message.c_str(), (mount / "Other/x.eml").c_str())), EROFS);
  EXPECT_EQ(refused(::mkdir((mount / "New").c_str(), 0700)), EROFS);
  EXPECT_EQ(refused(::rmdir((mount / "Other").c_str())), EROFS);
  EXPECT_EQ(refused(::rename((mount / "Other").c_str(), (mount / "New").c_str())), EROFS);
  EXPECT_EQ(refused(::chmod(message.c_str(), 0644)), EROFS);
  EXPECT_EQ(refused(::chown(message.c_str(), 1, 1)), EROFS);
  EXPECT_EQ(refused(::utimensat(AT_FDCWD, message.c_str(), nullptr, 0)), EROFS);
  EXPECT_EQ(refused(::link(message.c_str(), fresh.c_str())), EROFS);
  EXPECT_EQ(refused(::symlink("x", fresh.c_str())), EROFS);
  EXPECT_EQ(refused(::setxattr(message.c_str(), "user.imap.flags", "+\\Seen", 6, 0)), EROFS);
  EXPECT_EQ(refused(::removexattr(message.c_str(), "user.imap.flags")), EROFS);

  EXPECT_EQ(difference(before, readTree(mount.path())), "");
}

}  // namespace
}  // namespace emlfs::test
