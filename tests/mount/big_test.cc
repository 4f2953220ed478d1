// 50,000 messages in one mailbox: the work is linear in their number, and memory doesn't grow with
// it.
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "emlfs/base/file.h"
#include "support/mount.h"
#include "support/tree.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EMLFS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EMLFS_SANITIZED 1
#endif
#endif

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMessages = 50'000;
constexpr size_t kRead = 2'000;
constexpr uint64_t kMemoryMax = 64 << 20;

// Straight into the Maildir: a server would take minutes.
void writeMaildir(const std::string& mailbox) {
  for (const char* part : {"/cur", "/new", "/tmp"}) fs::create_directories(mailbox + part);
  for (size_t i = 0; i < kMessages; ++i) {
    const auto time = 1'500'000'000 + i * 1000;
    std::ofstream(fmt::format("{}/cur/{}.M{}P1.big:2,S", mailbox, time, i), std::ios::binary)
        << makeMessage(fmt::format("Status report {}", i), 600, i);
  }
}

class Big : public MountTest {};

TEST_F(Big, ListsInLinearWorkAndConstantMemory) {
  const ScratchDir scratch;
  fs::permissions(scratch.path(), fs::perms::others_exec, fs::perm_options::add);
  writeMaildir(scratch / "mail/Big");
  const Dovecot server({"--mail", scratch / "mail"});
  // On a busy machine each connection may find the server far, and compress.
  const Mount mount(server, {"poll=10min", "without=COMPRESS=DEFLATE"});

  const auto began = Clock::now();
  const auto names = namesIn(mount / "Big");
  EXPECT_EQ(names.size(), kMessages);
  // One for each 2,000 messages, and some to log in and look around; who watches asks meanwhile.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began);
  EXPECT_LE(mount.status()["traffic"]["commands"].get<size_t>(),
            kMessages / 2000 + 20 + static_cast<size_t>(seconds.count()));
  EXPECT_EQ(mount.bodyBytes(), 0U);

  uint64_t bytes = 0;
  for (size_t i = 0; i < names.size(); i += names.size() / kRead)
    bytes += readFile(mount / "Big/" + names[i]).size();
  EXPECT_GE(mount.bodyBytes(), bytes);
  EXPECT_LE(mount.bodyBytes(), bytes + kRead);

#ifndef EMLFS_SANITIZED
  const auto memory = mount.status()["memory"];
  EXPECT_LT(memory["rss_without_map_bytes"].get<uint64_t>(), kMemoryMax) << memory;
#endif
}

}  // namespace
}  // namespace emlfs::test
