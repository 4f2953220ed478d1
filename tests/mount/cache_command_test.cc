// `emlfs cache`, without a mount and beside one. No password is ever asked for.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/sandbox.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class CacheCommand : public MountTest {
 protected:
  CacheCommand() {
    for (int i = 0; i < 4; ++i)
      server_.deliver("INBOX", makeMessage(fmt::format("cache {}", i), 300'000, 1));
  }

  ProcessResult mount(const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments{"mount", source_, box_.mountPoint(), "-o",
                                       "ca_file=" + server_.caFile()};
    for (const std::string& option : options) arguments.insert(arguments.end(), {"-o", option});
    return box_.emlfs(arguments, server_.password());
  }
  ProcessResult cache(const std::string& action, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"cache", action, source_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return box_.emlfs(arguments);
  }
  ProcessResult umount() const { return box_.emlfs({"umount", box_.mountPoint()}); }
  // Mounts, fetches all, unmounts.
  void fill() const {
    const auto mounted = mount();
    ASSERT_EQ(mounted.status, 0) << mounted.errors;
    const auto fetched = box_.emlfs({"fetch", box_.mountPoint()});
    EXPECT_EQ(fetched.status, 0) << fetched.errors;
    ASSERT_EQ(umount().status, 0);
  }
  std::string directory() const {
    return box_ /
           fmt::format("cache/emlfs/{}@{}:{}", server_.user(), server_.host(), server_.imapsPort());
  }

  const Dovecot server_{kKeepBytes};
  const Sandbox box_;
  const std::string source_ =
      fmt::format("imaps://{}@{}:{}", server_.user(), server_.host(), server_.imapsPort());
};

TEST_F(CacheCommand, SaysWhatIsThere) {
  const auto none = cache("info");
  EXPECT_EQ(none.status, 0) << none.errors;
  EXPECT_THAT(none.output, HasSubstr("none yet"));
  EXPECT_EQ(cache("clear").output, fmt::format("there is no cache in {}\n", directory()));
  EXPECT_FALSE(fs::exists(directory()));

  fill();
  const auto info = cache("info", {"-o", "cache_size=100MiB"});
  EXPECT_EQ(info.status, 0) << info.errors;
  EXPECT_THAT(info.output, HasSubstr("directory     " + directory() + "\n"));
  EXPECT_THAT(info.output, HasSubstr("in use        no\n"));
  EXPECT_THAT(info.output, HasSubstr("messages      4\n"));
  EXPECT_THAT(info.output, HasSubstr("bodies        4, 1.1 MiB\n"));

  ASSERT_EQ(mount().status, 0);
  EXPECT_THAT(cache("info").output, HasSubstr("in use        yes, it is mounted\n"));
  EXPECT_EQ(umount().status, 0);
}

TEST_F(CacheCommand, VerifiesAWholeCacheAndADamagedOne) {
  fill();
  const auto whole = cache("verify");
  EXPECT_EQ(whole.status, 0) << whole.output << whole.errors;
  EXPECT_THAT(whole.output, HasSubstr("all is well\n"));

  const std::string file = directory() + "/cache.mdb";
  std::string bytes = readFile(file);
  for (size_t at = 8192 + 100; at < bytes.size(); at += 4096)
    bytes[at] = static_cast<char>(~bytes[at]);
  std::ofstream(file, std::ios::binary) << bytes;
  const auto damaged = cache("verify");
  EXPECT_EQ(damaged.status, 10) << damaged.output << damaged.errors;
  EXPECT_THAT(damaged.output, HasSubstr("found: "));

  // Whatever it was, the next mount has the right bytes.
  const auto mounted = mount();
  EXPECT_EQ(mounted.status, 0) << mounted.errors;
  EXPECT_EQ(mailOf(readTree(box_.mountPoint())), mailOf(server_));
  EXPECT_EQ(umount().status, 0);
}

TEST_F(CacheCommand, ADamagedCacheIsPutAsideAloud) {
  fill();
  EXPECT_THAT(cache("info").output, Not(HasSubstr("put aside")));
  const std::string file = directory() + "/cache.mdb";
  std::string bytes = readFile(file);
  for (const size_t header : {0, 4096}) bytes.replace(header + 104, 10, 10, 'x');
  std::ofstream(file, std::ios::binary) << bytes;

  const std::string log = box_ / "log";
  const auto mounted = mount({"log_file=" + log});
  EXPECT_EQ(mounted.status, 0) << mounted.errors;
  const std::string notice = "it is put aside as " + file + ".damaged, and made anew";
  EXPECT_THAT(mounted.errors,
              AllOf(StartsWith("emlfs: the cache was damaged ("), EndsWith(notice + "\n")));
  EXPECT_THAT(readFile(log), HasSubstr(notice));
  EXPECT_THAT(box_.emlfs({"status", box_.mountPoint()}).output, HasSubstr(notice));
  EXPECT_THAT(cache("info").output, HasSubstr("put aside     "));
  EXPECT_EQ(mailOf(readTree(box_.mountPoint())), mailOf(server_));
  EXPECT_EQ(umount().status, 0);

  // Once.
  const auto again = mount();
  EXPECT_EQ(again.status, 0);
  EXPECT_EQ(again.errors, "");
  EXPECT_EQ(umount().status, 0);
}

TEST_F(CacheCommand, PrunesBesideAMount) {
  fill();
  ASSERT_EQ(mount().status, 0);
  const auto nothing = cache("prune");
  EXPECT_EQ(nothing.status, 0) << nothing.errors;
  EXPECT_EQ(nothing.output, "0 B of bodies went; 1.1 MiB of 2.0 GiB are left\n");
  const auto some = cache("prune", {"--size", "600KiB"});
  EXPECT_EQ(some.status, 0) << some.errors;
  EXPECT_EQ(some.output, "586.0 KiB of bodies went; 586.0 KiB of 600.0 KiB are left\n");
  EXPECT_EQ(mailOf(readTree(box_.mountPoint())), mailOf(server_));
  EXPECT_EQ(umount().status, 0);
}

TEST_F(CacheCommand, ClearsOnlyWhatNobodyUses) {
  fill();
  const auto state = [&] { return namesIn(box_ / "state/emlfs"); };
  const auto before = state();
  ASSERT_EQ(mount().status, 0);
  const auto refused = cache("clear");
  EXPECT_EQ(refused.status, 6);
  EXPECT_EQ(refused.errors,
            fmt::format("emlfs: {} is in use by an emlfs: unmount that first\n", directory()));
  EXPECT_EQ(umount().status, 0);

  const auto cleared = cache("clear");
  EXPECT_EQ(cleared.status, 0) << cleared.errors;
  EXPECT_FALSE(fs::exists(directory() + "/cache.mdb"));
  EXPECT_EQ(state(), before);
  EXPECT_THAT(cache("info").output, HasSubstr("none yet"));
  ASSERT_EQ(mount().status, 0);
  EXPECT_EQ(mailOf(readTree(box_.mountPoint())), mailOf(server_));
  EXPECT_EQ(umount().status, 0);
}

}  // namespace
}  // namespace emlfs::test
