#include "emlfs/store/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "emlfs/base/error.h"
#include "support/scratch_dir.h"
#include "unit/journal_sync.h"

namespace emlfs {
namespace {

using store::Beginning;
using store::canBeginMessage;
using store::Spool;
using testing::ElementsAre;

std::string content(int fd) {
  std::string bytes(store::fileSize(fd), '\0');
  EXPECT_EQ(store::readAt(fd, bytes, 0), bytes.size());
  return bytes;
}

std::optional<int64_t> oldest(const std::string& state_dir) {
  const auto awaited = store::OtherSpools(state_dir).oldest();
  return awaited ? std::optional(awaited->since) : std::nullopt;
}

// A file that will be sent, as it stands beside `state_dir`.
void haveOneToBeSent(const std::string& state_dir) {
  const Spool other(state_dir);
  const auto file = other.create(MessageId{1});
  store::writeAt(file.fd.get(), "A: b", 0);
  other.mark(file.name, true);
}

TEST(Spool, TellsOtherMountsWhatWillBeSent) {
  test::ScratchDir dir;
  const Spool one(dir / "one");
  const Spool two(dir / "two");
  EXPECT_FALSE(oldest(dir / "one"));
  const auto write = [&](const Spool& spool, uint64_t id, int64_t time) {
    const auto file = spool.create(MessageId{id});
    if (time != 0) store::writeAt(file.fd.get(), "From: x", 0);
    spool.mark(file.name, true);
    const std::array<timespec, 2> times{{{time, 0}, {time, 0}}};
    EXPECT_EQ(::futimens(file.fd.get(), times.data()), 0);
    return file.name;
  };
  write(one, 1, 5'000);
  write(two, 2, 0);  // empty: it is never sent
  EXPECT_EQ(oldest(dir / "two"), 5'000);
  const auto draft = write(two, 3, 4'000);
  EXPECT_EQ(oldest(dir / "one/"), 4'000);
  two.mark(draft, false);
  EXPECT_FALSE(oldest(dir / "one"));  // its own wait in the order of the journal
  EXPECT_TRUE(one.read("1.eml"));
  one.remove("1.eml");
  EXPECT_FALSE(one.read("1.eml"));
  EXPECT_FALSE(oldest(dir / "two"));
}

TEST(OtherSpools, SayWhichFileIsWaitedFor) {
  const test::ScratchDir dir;
  haveOneToBeSent(dir / "one");
  const auto awaited = store::OtherSpools(dir / "two").oldest();
  ASSERT_TRUE(awaited);
  EXPECT_EQ(awaited->path, dir / "one/spool/1.eml");
  EXPECT_EQ(awaited->why, "");
}

TEST(OtherSpools, AClockThatWentBackLetsNoDeletionOvertake) {
  const test::ScratchDir dir;
  haveOneToBeSent(dir / "one");
  int64_t now = std::time(nullptr) - 3'600;
  store::OtherSpools others(dir / "two", [&] { return now; });
  ASSERT_TRUE(others.oldest());
  EXPECT_EQ(others.oldest()->since, store::Awaited::kAll);
  EXPECT_THAT(others.oldest()->why, testing::HasSubstr("clock"));
  now += 7'200;
  EXPECT_EQ(others.oldest()->since, store::Awaited::kAll) << "what was deleted before is no older";
  std::filesystem::remove(dir / "one/spool/1.eml");
  EXPECT_FALSE(others.oldest());
  haveOneToBeSent(dir / "one");
  EXPECT_NE(others.oldest()->since, store::Awaited::kAll);
}

TEST(OtherSpools, AreSyncedBeforeADeletionIsAcknowledged) {
  const test::ScratchDir dir;
  haveOneToBeSent(dir / "one");
  store::OtherSpools others(dir / "two");
  int syncs = 0;
  int error = 0;
  const test::SyncHook hook([&] {
    ++syncs;
    return error;
  });
  error = EIO;
  EXPECT_THROW(others.sync(), Error);
  error = 0;
  syncs = 0;
  others.sync();
  EXPECT_EQ(syncs, 2) << "the file and its directory";
  others.sync();
  EXPECT_EQ(syncs, 2) << "they are on the disk";
  store::writeAt(Spool(dir / "one").open("1.eml").get(), "C: d", 0);
  others.sync();
  EXPECT_GT(syncs, 2);
}

// As with an old kernel, or in a sandbox: for this thread.
bool refuseOpenat2(int error_number) {
  const auto load = [](unsigned at) { return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, at}; };
  std::array<sock_filter, 4> filter{
      load(offsetof(seccomp_data, nr)), sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_openat2},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<unsigned>(error_number)},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  const sock_fprog program{filter.size(), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(OtherSpools, AreSeenWithoutOpenat2) {
  const test::ScratchDir dir;
  haveOneToBeSent(dir / "one");
  std::filesystem::create_directory(dir / "empty");
  std::filesystem::create_directory_symlink(dir / "one", dir / "link");
  std::ofstream(dir / "file") << "x";
  for (const int refusal : {ENOSYS, EPERM}) {
    bool refused = false;
    std::optional<store::Awaited> awaited;
    std::thread([&] {
      refused = refuseOpenat2(refusal);
      awaited = store::OtherSpools(dir / "two").oldest();
    }).join();
    if (!refused) GTEST_SKIP() << "no seccomp here";
    ASSERT_TRUE(awaited) << refusal;
    EXPECT_EQ(awaited->path, dir / "one/spool/1.eml");
    EXPECT_EQ(awaited->why, "");
  }
}

// Whether there is something to wait for is not known: all deletions wait.
TEST(OtherSpools, WhatCantBeLookedAtHoldsAllBack) {
  const test::ScratchDir dir;
  std::filesystem::create_directory(dir / "empty");
  store::OtherSpools others(dir / "two");
  EXPECT_FALSE(others.oldest());
  bool refused = false;
  std::optional<store::Awaited> awaited;
  std::thread([&] {
    refused = refuseOpenat2(EMFILE);
    awaited = others.oldest();
  }).join();
  if (!refused) GTEST_SKIP() << "no seccomp here";
  ASSERT_TRUE(awaited);
  EXPECT_EQ(awaited->since, store::Awaited::kAll);
  EXPECT_NE(awaited->why, "");
  EXPECT_FALSE(others.oldest());
}

TEST(Spool, HoldsFiles) {
  test::ScratchDir dir;
  const Spool spool(dir / "state");
  auto file = spool.create(MessageId{4711});
  EXPECT_EQ(file.name, "4711.eml");
  EXPECT_EQ(spool.create(MessageId{4711}).name, "4711-2.eml");
  EXPECT_EQ(spool.create(MessageId{4711}).name, "4711-3.eml");
  struct stat status{};
  ASSERT_EQ(::fstat(file.fd.get(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((dir / "state/spool").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);

  store::writeAt(file.fd.get(), "world", 6);
  store::writeAt(file.fd.get(), "Hello", 0);
  EXPECT_EQ(content(file.fd.get()), std::string("Hello\0world", 11));
  store::truncate(file.fd.get(), 5);
  EXPECT_EQ(content(spool.open(file.name).get()), "Hello");
  std::array<char, 10> some{};
  EXPECT_EQ(store::readAt(file.fd.get(), some, 3), 2u);
  EXPECT_EQ(store::readAt(file.fd.get(), some, 5), 0u);
  spool.sync(file.fd.get());

  spool.remove("4711-2.eml");
  spool.remove("4711-2.eml");
  spool.rename("4711-3.eml", "5.eml");
  EXPECT_THROW(spool.rename("5.eml", "4711.eml"), Error);  // never over another
  EXPECT_THAT(spool.list(), ElementsAre("4711.eml", "5.eml"));
  EXPECT_THROW(static_cast<void>(spool.open("gone.eml")), Error);
  for (const char* name : {"", "../x", ".x", "a/b"})
    EXPECT_THROW(static_cast<void>(spool.open(name)), Error) << name;
}

class Lines : public testing::Test {
 protected:
  std::string converted(const std::string& bytes) {
    auto file = spool_.create(MessageId{1});
    store::writeAt(file.fd.get(), bytes, 0);
    const uint64_t size = spool_.convertLineEnds(file.name);
    spool_.endConversion(file.name);
    const Fd after = spool_.open(file.name);
    std::string out = content(after.get());
    EXPECT_EQ(size, out.size());
    EXPECT_EQ(content(file.fd.get()), bytes);  // who has it open goes on seeing the old one
    // Twice is once, and left alone.
    struct stat first{}, second{};
    ::fstat(after.get(), &first);
    EXPECT_EQ(spool_.convertLineEnds(file.name), size);
    ::stat((dir_ / ("spool/" + file.name)).c_str(), &second);
    EXPECT_EQ(first.st_ino, second.st_ino);
    if (out == bytes) {
      ::fstat(file.fd.get(), &second);
      EXPECT_EQ(first.st_ino, second.st_ino);
    }
    spool_.remove(file.name);
    EXPECT_THAT(std::distance(std::filesystem::directory_iterator(dir_ / "spool"), {}), 0);
    return out;
  }

  test::ScratchDir dir_;
  const Spool spool_{dir_.path()};
};

TEST_F(Lines, BecomeCrlf) {
  EXPECT_EQ(converted(""), "");
  EXPECT_EQ(converted("\n"), "\r\n");
  EXPECT_EQ(converted("a\nb\n"), "a\r\nb\r\n");
  EXPECT_EQ(converted("a\r\nb\r\n"), "a\r\nb\r\n");
  EXPECT_EQ(converted("a\r\nb\nc"), "a\r\nb\r\nc");
  EXPECT_EQ(converted("\n\n\r\n\n"), "\r\n\r\n\r\n\r\n");
  EXPECT_EQ(converted("a\rb\r\r\nc\r"), "a\rb\r\r\nc\r");
  EXPECT_EQ(converted("\r"), "\r");
  EXPECT_EQ(converted("no end"), "no end");
  EXPECT_EQ(converted(std::string("nul\0\n", 5)), std::string("nul\0\r\n", 6));
}

TEST_F(Lines, BecomeCrlfInBigFiles) {
  std::mt19937 random(std::random_device{}());
  // Bare LFs at the very end, and around the borders of pieces of any likely size.
  for (const size_t border : {4096, 65'536, 131'072, 262'144})
    for (const size_t at : {border - 1, border, border + 1}) {
      std::string crlf(border + 100, 'x');
      crlf.replace(at, 2, "\r\n");
      EXPECT_TRUE(converted(crlf) == crlf) << at;
      std::string lf(border + 100, 'x');
      lf[at] = '\n';
      std::string expected = lf;
      expected.insert(at, "\r");
      EXPECT_TRUE(converted(lf) == expected) << at;
    }
  for (int round = 0; round < 5; ++round) {
    std::string bytes(1'000'000 + random() % 1000, '\0');
    for (char& byte : bytes) byte = "\r\nab"[random() % 4];
    std::string expected;
    for (const char byte : bytes) {
      if (byte == '\n' && (expected.empty() || expected.back() != '\r')) expected += '\r';
      expected += byte;
    }
    EXPECT_TRUE(converted(bytes) == expected);
  }
  std::string big(50'000'000, 'z');
  big += '\n';
  EXPECT_EQ(converted(big).size(), 50'000'002u);
}

TEST_F(Lines, KeepTheTimes) {
  auto file = spool_.create(MessageId{1});
  store::writeAt(file.fd.get(), "A: b\n", 0);
  const std::array<timespec, 2> times = {{{1'000'000'000, 1}, {1'100'000'000, 2}}};
  ASSERT_EQ(::futimens(file.fd.get(), times.data()), 0);
  spool_.convertLineEnds(file.name);
  struct stat status{};
  ASSERT_EQ(::stat((dir_ / "spool/1.eml").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'100'000'000);
  EXPECT_EQ(status.st_mtim.tv_nsec, 2);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Lines, KeepTheMark) {
  const auto file = spool_.create(MessageId{1});
  store::writeAt(file.fd.get(), "A: b\n", 0);
  spool_.markWhole(file.name);
  spool_.convertLineEnds(file.name);
  EXPECT_TRUE(spool_.isWhole(file.name));
}

TEST_F(Lines, AreAsTheyWereWhenThatIsUndone) {
  const auto file = spool_.create(MessageId{1});
  store::writeAt(file.fd.get(), "A: b\n", 0);
  spool_.undoConversion(file.name);  // there was none
  spool_.convertLineEnds(file.name);
  spool_.undoConversion(file.name);
  EXPECT_EQ(content(spool_.open(file.name).get()), "A: b\n");
  store::writeAt(file.fd.get(), "c", 5);  // who has it open still has the same file
  EXPECT_EQ(content(spool_.open(file.name).get()), "A: b\nc");
}

TEST_F(Lines, LeaveNothingOfAnInterruptedConversion) {
  const auto file = spool_.create(MessageId{1});
  store::writeAt(file.fd.get(), "A: b\n", 0);
  spool_.convertLineEnds(file.name);
  std::ofstream(dir_ / "spool/.1.eml") << "half";
  EXPECT_THAT(spool_.list(), ElementsAre("1.eml"));
  const Spool next(dir_.path());
  EXPECT_THAT(std::distance(std::filesystem::directory_iterator(dir_ / "spool"), {}), 1);
}

TEST(Spool, KeepsTheMarkOfAFileThatIsOpened) {
  const test::ScratchDir dir;
  const Spool one(dir / "one");
  const Spool two(dir / "two");
  const auto file = one.create(MessageId{1});
  store::writeAt(file.fd.get(), "A: b", 0);
  one.markWhole(file.name);
  store::writeAt(one.open(file.name).get(), "c", 0);
  EXPECT_TRUE(one.isWhole(file.name));
  EXPECT_TRUE(oldest(dir / "two"));
  // A crash in that moment.
  ASSERT_EQ(::chmod((dir / "one/spool/1.eml").c_str(), 0700), 0);
  EXPECT_TRUE(one.isWhole(file.name));
  EXPECT_TRUE(oldest(dir / "two"));
}

TEST(Beginning, OfAMessage) {
  for (const char* good :
       {"From: a", "from:", "X-Odd_name!: x", "Received : obsolete", "Subject\t:", ">From:", "a:"})
    EXPECT_EQ(canBeginMessage(good), Beginning::yes) << good;
  for (const char* bad : {"From alice@example.org Mon Nov", "\n", "\r\n\r\nbody", " folded: x",
                          ": no name", "%PDF-1.4\n",
                          "\x7f"
                          "ELF",
                          "\xEF\xBB\xBF"
                          "From: x",
                          "Subject\n", "#!/bin/sh\n", "two words: x"})
    EXPECT_EQ(canBeginMessage(bad), Beginning::no) << bad;
  EXPECT_EQ(canBeginMessage(std::string_view("\0", 1)), Beginning::no);
  EXPECT_EQ(canBeginMessage("PK\x03\x04"), Beginning::no);
  for (const char* unclear : {"", "F", "From", "From ", "Subject \t"})
    EXPECT_EQ(canBeginMessage(unclear), Beginning::undecided) << unclear;
  EXPECT_EQ(canBeginMessage(std::string(998, 'x')), Beginning::undecided);
  EXPECT_EQ(canBeginMessage(std::string(2000, 'x')), Beginning::no);
  EXPECT_EQ(canBeginMessage("a" + std::string(2000, ' ')), Beginning::no);
}

}  // namespace
}  // namespace emlfs
