// cmake --install: all there is, where it is looked for, and working from there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "emlfs/base/file.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/scratch_dir.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kFiles{"share/doc/emlfs/README.md",
                                      "share/doc/emlfs/accounts.md",
                                      "share/doc/emlfs/recipes.md",
                                      "share/doc/emlfs/safety.md",
                                      "share/doc/emlfs/examples/sort-mail",
                                      "share/doc/emlfs/examples/grep-decoded",
                                      "bin/emlfs",
                                      "sbin/mount.emlfs",
                                      "lib/systemd/user/emlfs@.service",
                                      "share/man/man1/emlfs.1",
                                      "share/man/man5/emlfs.toml.5",
                                      "share/man/man8/mount.emlfs.8",
                                      "share/bash-completion/completions/emlfs",
                                      "share/zsh/site-functions/_emlfs",
                                      "share/fish/vendor_completions.d/emlfs.fish"};

std::vector<std::string> filesBelow(const std::string& directory) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (!entry.is_directory()) found.push_back(entry.path().lexically_relative(directory));
  return found;
}

TEST(Install, WorksFromAnyPrefix) {
  const ScratchDir directory;
  const std::string prefix = directory / "here";
  runOrThrow({"cmake", "--install", kBuildDirectory, "--prefix", prefix});
  EXPECT_THAT(filesBelow(prefix), testing::UnorderedElementsAreArray(kFiles));
  for (const std::string& file : kFiles) EXPECT_TRUE(fs::is_regular_file(fs::path(prefix) / file));
  EXPECT_THAT(runOrThrow({prefix + "/bin/emlfs", "--version"}), testing::StartsWith("emlfs "));
  EXPECT_THAT(run({prefix + "/sbin/mount.emlfs"}).errors,
              testing::HasSubstr("usage: mount.emlfs SOURCE DIR"));
  EXPECT_THAT(readFile(prefix + "/lib/systemd/user/emlfs@.service"),
              testing::HasSubstr("\nExecStart=" + prefix + "/bin/emlfs mount --foreground %i\n"));
}

// As those do who make packages: what it says of its place is without DESTDIR.
TEST(Install, GoesBelowDestdir) {
  const ScratchDir directory;
  runOrThrow({"env", "DESTDIR=" + directory.path(), "cmake", "--install", kBuildDirectory,
              "--prefix", "/opt/mail"});
  EXPECT_THAT(filesBelow(directory / "opt/mail"), testing::UnorderedElementsAreArray(kFiles));
  EXPECT_EQ(fs::canonical(directory / "opt/mail/sbin/mount.emlfs"),
            directory / "opt/mail/bin/emlfs");
  EXPECT_THAT(readFile(directory / "opt/mail/lib/systemd/user/emlfs@.service"),
              testing::HasSubstr("\nExecStart=/opt/mail/bin/emlfs mount"));
}

}  // namespace
}  // namespace emlfs::test
