// emlfs journal: what the server refuses is listed, exported, retried and dropped.
#include <gmock/gmock.h>

#include <filesystem>

#include "emlfs/base/file.h"
#include "mount/commands.h"

namespace emlfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(Commands, WhatTheServerRefusesIsListedRetriedAndDropped) {
  haveMovesRefused();
  EXPECT_THAT(subjects("INBOX"), ElementsAre("m1", "m2", "m3"));

  const auto flushed = emlfs({"flush", mount().path()});
  EXPECT_EQ(flushed.status, kServer);
  EXPECT_THAT(flushed.errors, HasSubstr("the server refused 2 changes: move m"));
  EXPECT_THAT(flushed.errors, HasSubstr("'emlfs journal " + mount().path() + "' says more"));
  EXPECT_THAT(emlfs({"status", mount().path()}).output, HasSubstr("refused"));
  const auto listed = emlfs({"journal", mount().path()}).output;
  EXPECT_THAT(listed, HasSubstr("refused  move m1.1.eml from INBOX to A"));
  EXPECT_THAT(listed, HasSubstr("the server said: "));
  EXPECT_THAT(listed, HasSubstr("what to do: make the mailbox, then retry"));
  EXPECT_THAT(listed, Not(HasSubstr("since 1970")));
  EXPECT_THAT(listed, HasSubstr("<1@example.org>, UID 1, "));

  const std::string out = mount().directory() + "/out";
  const auto nowhere = emlfs({"journal", mount().path(), "export", numberOf("m1"), out});
  EXPECT_NE(nowhere.status, kOk);
  EXPECT_THAT(nowhere.errors, HasSubstr(out + ": No such file or directory"));
  std::filesystem::create_directory(out);
  const auto saved = emlfs({"journal", mount().path(), "export", numberOf("m1"), out});
  EXPECT_EQ(saved.status, kOk) << saved.errors;
  EXPECT_EQ(saved.output, out + "/m1.1.eml\n");
  EXPECT_EQ(readFile(out + "/m1.1.eml"), datedMail(1));

  EXPECT_EQ(emlfs({"journal", mount().path(), "retry", "4711"}).status, kUsage);
  bringBackA();
  const auto retried = emlfs({"journal", mount().path(), "retry", numberOf("m1")});
  EXPECT_EQ(retried.status, kOk) << retried.errors;
  EXPECT_THAT(subjects("INBOX"), ElementsAre("m2", "m3"));
  EXPECT_THAT(subjects("A"), ElementsAre("m1"));
  ASSERT_TRUE(eventually([&] { return onServer("A") == Names{"m1"}; }));
  const auto dropped = emlfs({"journal", mount().path(), "drop", "all"});
  EXPECT_EQ(dropped.status, kOk) << dropped.errors;
  EXPECT_EQ(dropped.output, "1 change dropped\n");
  EXPECT_EQ(emlfs({"flush", mount().path()}).status, kOk);
  EXPECT_THAT(onServer("INBOX"), ElementsAre("m2", "m3"));
  EXPECT_THAT(emlfs({"journal", mount().path()}).output, HasSubstr("nothing is pending"));
}

}  // namespace
}  // namespace emlfs::test
