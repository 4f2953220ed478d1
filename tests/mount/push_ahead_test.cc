// Who goes through directories whose messages are cached is given them before he asks. Counted in
// requests; that the bytes are right is seen by programs that read all of them.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/sample_mail.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr uint64_t kMessages = 2'000;
// Of them, by who takes his time; pages that nobody touches for long may be reclaimed meanwhile.
constexpr uint64_t kWalked = 600;
constexpr size_t kLarge = 100 << 10;  // bytes; may not be given

// Whether the kernel has all of this file, which is not asked for.
bool isResident(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto size = static_cast<size_t>(std::filesystem::file_size(path));
  void* const pages = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (pages == MAP_FAILED) throw systemError("mapping " + path, errno);
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> there((size + page - 1) / page);
  const int result = ::mincore(pages, size, there.data());
  ::munmap(pages, size);
  if (result != 0) throw systemError("mincore", errno);
  return std::ranges::all_of(there, [](unsigned char each) { return (each & 1) != 0; });
}

class PushAhead : public MountTest {
 protected:
  // All is in the cache, and a fresh mount's kernel has nothing of it.
  void prepare(const std::vector<std::string>& options) {
    mount_ = std::make_unique<Mount>(*server_, options);
    tree_ = readTree(mount_->path());
    ASSERT_GE(tree_.size(), kMessages);
  }
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    server_ = std::make_unique<Dovecot>(
        kKeepBytes, sampleMail({"--flat", std::to_string(kMessages), "--mailbox", "Big"}));
  }
  uint64_t count(const std::string& operation) const {
    const auto requests = mount_->status().at("requests").get<std::map<std::string, uint64_t>>();
    const auto at = requests.find(operation);
    return at == requests.end() ? 0 : at->second;
  }
  // READs of a command on a kernel that is cold.
  uint64_t reads(const std::vector<std::string>& command) {
    mount_->remount();
    const uint64_t before = count("read");
    run(command);
    return count("read") - before;
  }
  // ... of one who reads the messages in their order, and whom nobody has to outrun: a message that
  // is not there he reads when one of the next is.
  void walkPatiently(uint64_t& reads) {
    constexpr size_t kFirst = 3;  // nobody knows yet that he walks
    constexpr size_t kNear = 4;
    static_assert(kWalked < kMessages);
    mount_->remount();
    std::vector<std::string> small;
    for (const auto& name : namesIn(*mount_ / "Big"))
      if (std::filesystem::file_size(*mount_ / "Big/" + name) < kLarge)
        small.push_back(*mount_ / "Big/" + name);
    const uint64_t before = count("read");
    ASSERT_GT(small.size(), kWalked + kNear);
    for (size_t i = 0; i < kWalked; ++i) {
      const auto next = std::span(small).subspan(i).first(kNear);
      const auto given = [&] { return std::ranges::any_of(next, isResident); };
      ASSERT_TRUE(i < kFirst || eventually(given)) << small[i];
      readFile(small[i]);
    }
    reads = count("read") - before;
  }

  std::unique_ptr<Dovecot> server_;
  std::unique_ptr<Mount> mount_;
  Tree tree_;
};

TEST_F(PushAhead, AFewReadsAreLeft) {
  prepare({"poll=10min"});
  uint64_t asked = 0;
  walkPatiently(asked);
  fmt::print("{} of {} messages read\n", asked, kWalked);
  EXPECT_LE(asked, kWalked / 8);
}

TEST_F(PushAhead, ReadOnlyAsWell) {
  prepare({"poll=10min", "read_only"});
  uint64_t asked = 0;
  walkPatiently(asked);
  EXPECT_LE(asked, kWalked / 8);
  EXPECT_EQ(difference(tree_, readTree(mount_->path())), "");
}

// Whether they or what they are given is faster.
TEST_F(PushAhead, ProgramsReadWhatIsThere) {
  prepare({"poll=10min"});
  const ScratchDir scratch;
  const std::string copy = scratch / "copy";
  const std::map<std::string, std::vector<std::string>> commands{
      {"grep", {"grep", "-r", "no such text", mount_->path()}},
      {"tar", {"tar", "-C", mount_->path(), "-cf", scratch / "tar", "."}},
      {"rsync", {"rsync", "-a", mount_->path() + "/", copy + "/"}}};
  for (const auto& [name, command] : commands) {
    fmt::print("{}: {} of {} messages read\n", name, reads(command), kMessages);
    EXPECT_EQ(difference(tree_, readTree(mount_->path())), "") << name;
    // At once, mostly: but some machines reclaim pages that nobody has touched for seconds.
    EXPECT_TRUE(eventually([&] {
      const uint64_t before = count("read");
      run(command);
      return count("read") - before <= kMessages / 50;
    })) << name
        << " finds little in the page cache";
  }
  run({"diff", "-r", copy, mount_->path()});
}

TEST_F(PushAhead, OneMessageBringsNoOther) {
  prepare({"poll=10min"});
  const auto names = namesIn(*mount_ / "Big");
  EXPECT_EQ(reads({"cat", *mount_ / "Big/" + names[0]}), 1U);
  for (size_t i = 5; i < 30; i += 6) run({"cat", *mount_ / "Big/" + names[i]});
  const uint64_t before = count("read");
  run({"bash", "-c", "cat $0/* >/dev/null", *mount_ / "Big"});
  EXPECT_GE(count("read") - before, 3U) << "nobody had been taken for a walker before";
}

// The message that is written on stands in the middle of a walk.
TEST_F(PushAhead, WhatIsWrittenAnewIsNeverShownAsItWas) {
  prepare({"poll=10min"});
  mount_->remount();
  const std::string path = *mount_ / "Big/mine.eml";
  const auto write = [&](const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    const Fd root(::open(mount_->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::fsync(root.get()), 0);
  };
  for (int i = 0; i < 4; ++i) {
    const std::string text = makeMessage("mine", 3'000 + 700 * static_cast<size_t>(i), 70);
    write(text);
    for (const char* program : {"grep -r 'no such text' .", "cat $(ls -r Big/*) | wc -c"})
      run({"bash", "-c", "cd \"$0\" && " + std::string(program), mount_->path()});
    EXPECT_EQ(readFile(path), text) << i;
  }
}

}  // namespace
}  // namespace emlfs::test
