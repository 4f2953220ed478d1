// The manual as people see it: rendered by man(1), with all that the program's tables hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/exit_code.h"
#include "app/options.h"
#include "support/paths.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

using testing::HasSubstr;

std::string rendered(const std::string& page) {
  const auto result = run({"env", "LC_ALL=C.UTF-8", "MANWIDTH=80", "MANROFFOPT=-ww", "MANPAGER=cat",
                           "man", "--warnings", "-l", std::string(kDocsDirectory) + "/" + page});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.errors, "");
  return result.output;
}

size_t longestLine(const std::string& text) {
  size_t longest = 0;
  size_t width = 0;
  for (const char c : text) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    width = c == '\n' ? 0 : width + (continues ? 0 : 1);
    longest = std::max(longest, width);
  }
  return longest;
}

TEST(Manual, OfTheProgramSaysEverything) {
  const std::string page = rendered("emlfs.1");
  for (const char* command :
       {"emlfs mount", "emlfs umount", "emlfs status", "emlfs check", "emlfs fetch", "emlfs flush",
        "emlfs journal", "emlfs undelete", "emlfs expunge", "emlfs cache prune", "mount -t emlfs"})
    EXPECT_THAT(page, HasSubstr(command));
  EXPECT_THAT(page, testing::Not(HasSubstr("emlfs complete")));
  for (const auto& spec : app::commandLineOptions())
    EXPECT_THAT(page, HasSubstr("       " + std::string(spec.name)));
  for (const auto& row : app::exitCodeTable())
    EXPECT_THAT(page, HasSubstr("\n       " + std::to_string(static_cast<int>(row.code)) + " "));
  EXPECT_LE(longestLine(page), 80U);
}

TEST(Manual, OfTheFileSaysEverything) {
  const std::string page = rendered("emlfs.toml.5");
  for (const auto& spec : app::optionTable())
    EXPECT_THAT(page, HasSubstr("       " + std::string(spec.name)));
  EXPECT_THAT(page, HasSubstr("[account.work]"));
  EXPECT_LE(longestLine(page), 80U);
}

}  // namespace
}  // namespace emlfs::test
