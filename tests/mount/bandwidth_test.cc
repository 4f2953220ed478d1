// The option `bandwidth`: a limit that holds, is no reason to give up, and outlives the mount.
#include <gmock/gmock.h>

#include "mount/commands.h"
#include "support/sample_mail.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class BandwidthOfMount : public MountTest {
 protected:
  std::string deliver(size_t bytes, uint64_t seed) const {
    const std::string message = makeMessage("limited", bytes, seed);
    server_.deliver("INBOX", message);
    return message;
  }
  static std::string only(const Mount& mount) {
    return mount / ("INBOX/" + namesIn(mount / "INBOX").at(0));
  }

  const Dovecot server_{kKeepBytes};
};

TEST_F(BandwidthOfMount, AReaderGetsAllOfItBeyondTheTimeout) {
  const std::string message = deliver(200'000, 1);
  // With TLS, whose bytes count as well; a timeout that a pause of ours could exceed.
  const Mount mount(server_, {"bandwidth=20KB/s", "timeout=2s", "without=COMPRESS=DEFLATE"});
  const std::string file = only(mount);
  const auto began = Clock::now();
  EXPECT_TRUE(readFile(file) == message);
  // A second's worth was saved up, and the kernel's buffers hold a piece.
  EXPECT_GE(Clock::now() - began, seconds(5));
  const auto status = mount.status();
  EXPECT_THAT(status["errors"], testing::IsEmpty()) << status["errors"].dump(1);
  EXPECT_EQ(status["traffic"]["limit_bytes"], 20'000);
  EXPECT_EQ(status["traffic"]["limit_seconds"], 1);
  EXPECT_THAT(emlfs({"status", mount.path()}).output, HasSubstr("limited to 19.5 KiB a second, "));
}

TEST_F(BandwidthOfMount, WhatIsSentIsLimitedToo) {
  const Mount mount(server_, {"bandwidth=20KB/s", "timeout=2s", "without=COMPRESS=DEFLATE"});
  namesIn(mount / "INBOX");
  const std::string message = makeMessage("sent", 200'000, 2);
  const auto began = Clock::now();
  runOrThrow({"sh", "-c", "cat > \"$0\"", mount / "INBOX/new.eml"}, message);
  EXPECT_EQ(emlfs({"flush", mount.path()}).status, kOk) << mount.status().dump(1);
  EXPECT_GE(Clock::now() - began, seconds(5));
  EXPECT_THAT(mount.status()["errors"], testing::IsEmpty());
  EXPECT_TRUE(server_.doveadm({"fetch", "text", "mailbox", "INBOX", "all"}).size() > 200'000);
}

// Somebody who waits for our own limit can be killed, and the mount ends at once.
TEST_F(BandwidthOfMount, AWaitForItEnds) {
  deliver(3'000'000, 3);
  Mount mount(server_, {"bandwidth=10KB/s", "without=COMPRESS=DEFLATE"});
  const std::string file = only(mount);
  const auto began = Clock::now();
  EXPECT_NE(run({"timeout", "-s", "KILL", "2", "cat", file}).status, 0);
  mount.unmount();
  EXPECT_LT(Clock::now() - began, seconds(20));
}

TEST_F(BandwidthOfMount, ANewMountHasWhatTheLastOneLeft) {
  const std::string message = deliver(5'000'000, 4);
  Mount mount(server_, {"bandwidth=40MB/h", "without=COMPRESS=DEFLATE"});
  const auto left = [&] { return mount.status()["traffic"]["limit_left_bytes"].get<uint64_t>(); };
  EXPECT_GT(left(), 39'000'000U);
  EXPECT_TRUE(readFile(only(mount)) == message);
  EXPECT_LT(left(), 36'000'000U);
  mount.remount();
  EXPECT_LT(left(), 36'000'000U);
  EXPECT_GT(left(), 30'000'000U);
}

}  // namespace
}  // namespace emlfs::test
