// Who goes through directories whose messages are cached is given them before he asks. Counted in
// requests; that the bytes are right is seen by programs that read all of them.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>

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

  std::unique_ptr<Dovecot> server_;
  std::unique_ptr<Mount> mount_;
  Tree tree_;
};

TEST_F(PushAhead, AFewReadsAreLeft) {
  prepare({"poll=10min"});
  const ScratchDir scratch;
  const std::string copy = scratch / "copy";
  const std::map<std::string, std::vector<std::string>> commands{
      {"grep", {"grep", "-r", "no such text", mount_->path()}},
      {"tar", {"tar", "-C", mount_->path(), "-cf", scratch / "tar", "."}},
      {"rsync", {"rsync", "-a", mount_->path() + "/", copy + "/"}}};
  for (const auto& [name, command] : commands) {
    const uint64_t asked = reads(command);
    fmt::print("{}: {} of {} messages read\n", name, asked, kMessages);
    EXPECT_LE(asked, kMessages / 2) << name;
    EXPECT_EQ(difference(tree_, readTree(mount_->path())), "") << name;
    const uint64_t before = count("read");
    run(command);
    EXPECT_LE(count("read") - before, kMessages / 50) << name << " once more";
  }
}

TEST_F(PushAhead, ReadOnlyAsWell) {
  prepare({"poll=10min", "read_only"});
  EXPECT_LE(reads({"grep", "-r", "no such text", mount_->path()}), kMessages / 2);
  EXPECT_EQ(difference(tree_, readTree(mount_->path())), "");
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
