// emlfs undelete and expunge, on a real mount.
#include <gmock/gmock.h>

#include <filesystem>

#include "mount/commands.h"

namespace emlfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(Commands, WhatWasHiddenComesBackOrGoesForGood) {
  deliver("A", 1, 4);
  deliver("B", 5, 6);
  start();
  const auto first = person().find("A", "m1");
  for (const char* message : {"m1", "m2", "m3"}) person().remove(message, "A");
  person().remove("m5", "B");
  person().flush();
  EXPECT_THAT(onServer("A"), ElementsAre("m4"));
  EXPECT_THAT(onServer("A", "ALL"), ElementsAre("m1", "m2", "m3", "m4"));

  const auto dry = emlfs({"undelete", "-n", mount() / "A"});
  EXPECT_EQ(dry.status, kOk) << dry.errors;
  EXPECT_THAT(dry.output, HasSubstr("2026-11-"));
  EXPECT_THAT(dry.output, HasSubstr("  " + first));
  EXPECT_THAT(dry.output, HasSubstr("3 messages would be brought back\n"));
  EXPECT_THAT(subjects("A"), ElementsAre("m4"));

  EXPECT_EQ(emlfs({"undelete", first}).output, "1 message is brought back\n");
  EXPECT_THAT(subjects("A"), ElementsAre("m1", "m4"));
  EXPECT_TRUE(std::filesystem::exists(first));
  const auto again = emlfs({"undelete", first});
  EXPECT_EQ(again.status, kUsage);
  EXPECT_THAT(again.errors, HasSubstr("is not deleted"));
  EXPECT_EQ(emlfs({"undelete", mount() / "A/none.eml"}).status, kUsage);

  EXPECT_THAT(emlfs({"undelete", mount().path()}).output, HasSubstr("nothing deleted"));
  EXPECT_EQ(emlfs({"undelete", "-r", mount().path()}).output, "3 messages are brought back\n");
  EXPECT_THAT(subjects("A"), ElementsAre("m1", "m2", "m3", "m4"));
  EXPECT_THAT(subjects("B"), ElementsAre("m5", "m6"));
  person().flush();
  EXPECT_THAT(onServer("A"), ElementsAre("m1", "m2", "m3", "m4"));

  person().remove("m1", "A");
  person().remove("m2", "A");
  const auto unasked = emlfs({"expunge", mount() / "A"});
  EXPECT_EQ(unasked.status, kUsage);
  EXPECT_THAT(unasked.errors, HasSubstr("2 messages would be removed for good: say --yes"));
  EXPECT_EQ(emlfs({"expunge", "--yes", mount() / "A"}).output, "2 messages are removed for good\n");
  person().flush();
  EXPECT_THAT(onServer("A", "ALL"), ElementsAre("m3", "m4"));
  EXPECT_THAT(emlfs({"undelete", mount() / "A"}).output, HasSubstr("nothing deleted"));
}

// Their names don't fit into one extended attribute.
TEST_F(Commands, ManyDirectoriesAreLookedInto) {
  constexpr int kDirectories = 450;
  const auto name = [](int i) { return fmt::format("A/{:a>200}", i); };
  ImapClient client(server_);
  for (int i = 1; i <= kDirectories; ++i) client.expectOk(fmt::format("CREATE \"{}\"", name(i)));
  deliver("A", 1, 1);
  deliver(name(kDirectories), 2, 2);
  for (const auto& mailbox : {std::string("A"), name(kDirectories)}) {
    client.expectOk(fmt::format("SELECT \"{}\"", mailbox));
    client.expectOk("STORE 1 +FLAGS (\\Deleted)");
  }
  start();
  EXPECT_EQ(emlfs({"undelete", "-r", mount() / "A"}).output, "2 messages are brought back\n");
}

// A bare EXPUNGE would take what others have marked.
TEST_F(Commands, WithoutUidplusNothingIsRemovedForGood) {
  deliver("A", 1, 2);
  start({"without=UIDPLUS"});
  person().remove("m1", "A");
  const auto expunged = emlfs({"expunge", "--yes", mount() / "A"});
  EXPECT_EQ(expunged.status, kOk) << expunged.errors;
  EXPECT_THAT(expunged.output, HasSubstr("1 message is marked: the server can't"));
  EXPECT_THAT(emlfs({"status", mount().path()}).output, HasSubstr("no UIDPLUS"));
  person().flush();
  EXPECT_THAT(onServer("A", "DELETED"), ElementsAre("m1"));
}

// A message that was moved before the server knew of it.
TEST_F(Commands, OfflineToo) {
  deliver("A", 1, 2);
  start();
  EXPECT_EQ(subjects("A").size(), 2U);
  EXPECT_EQ(subjects("B").size(), 0U);
  goOffline();
  person().move("m1", "A", "B");
  person().remove("m1", "B");
  person().remove("m2", "A");
  EXPECT_EQ(emlfs({"undelete", "-r", mount().path()}).output, "2 messages are brought back\n");
  EXPECT_THAT(subjects("A"), ElementsAre("m2"));
  EXPECT_THAT(subjects("B"), ElementsAre("m1"));
  goOnline();
  ASSERT_TRUE(eventually([&] { return pending() == 0; }));
  EXPECT_THAT(onServer("A"), ElementsAre("m2"));
  EXPECT_THAT(onServer("B"), ElementsAre("m1"));
}

}  // namespace
}  // namespace emlfs::test
