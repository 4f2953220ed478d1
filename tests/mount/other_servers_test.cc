// A mount of each kind of server: every byte as it was delivered, and what another client changes
// shows up, on Courier and Cyrus as on Dovecot.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <map>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/sample_mail.h"
#include "support/server_test.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::MatchesRegex;

std::vector<std::string> bytesAsTheyAre(ImapServer::Kind kind) {
  return kind == ImapServer::Kind::dovecot ? kKeepBytes : std::vector<std::string>{};
}

class OtherServers : public MountTest,
                     public ServerTest,
                     public testing::WithParamInterface<ImapServer::Kind> {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (!IsSkipped()) start(GetParam(), bytesAsTheyAre(GetParam()));
  }
};

// The message of that subject; empty if it isn't there, or not yet.
std::string find(const std::string& directory, const std::string& subject) {
  std::error_code absent;
  if (!fs::is_directory(directory, absent)) return {};
  for (const auto& name : namesIn(directory))
    if (name.find("_" + subject + ".") != name.npos) return directory + "/" + name;
  return {};
}

std::string flagsOf(const std::string& file) {
  std::array<char, 1024> value;
  const ssize_t size = ::getxattr(file.c_str(), "user.imap.flags", value.data(), value.size());
  if (size < 0) throw systemError("flags of " + file, errno);
  return {value.data(), static_cast<size_t>(size)};
}

std::string contentOf(const std::string& file) {
  try {
    return readFile(file);
  } catch (const Error& error) {
    return error.what();
  }
}

TEST_P(OtherServers, EveryByteIsAsDelivered) {
  std::map<std::string, std::string> sent;  // by path, but for what is added to the name
  uint64_t seed = 0;
  for (const char* mailbox : {"INBOX", "Work", "Work/Projects", "Work/Projects/Far below"}) {
    for (const size_t size : {size_t{1'000}, size_t{200'000}, size_t{3'000'000}}) {
      const std::string subject = fmt::format("of {} bytes", size);
      std::string message = makeMessage(subject, size, ++seed);
      server().deliver(mailbox, message);
      sent[fmt::format("{}/of-{}-bytes", mailbox, size)] = std::move(message);
    }
  }
  const std::string unicode = "Entw&APw-rfe &- Fotos";
  server().deliver(unicode, makeMessage("encoded", 500, ++seed));
  server().changeFlags("Work", "2", "+\\Flagged $Work");

  Mount mount(server());
  EXPECT_THAT(namesIn(mount.path()), ElementsAre("Entwürfe & Fotos", "INBOX", "Work"));
  const Tree tree = readTree(mount.path());
  size_t messages = 0;
  for (const auto& [path, entry] : tree) {
    if (entry.directory || path.starts_with("Entw")) continue;
    ++messages;
    const fs::path file(path);
    EXPECT_THAT(file.filename(), MatchesRegex("2[0-9-]+_Test_of-[0-9]+-bytes\\.[123]\\.eml"));
    const size_t subject = path.rfind("_of-") + 1;
    const std::string key =
        file.parent_path().string() + "/" + path.substr(subject, path.find('.', subject) - subject);
    ASSERT_EQ(sent.count(key), 1U) << key;
    EXPECT_EQ(entry.size, sent[key].size()) << path;
    EXPECT_EQ(entry.sha256, sha256(sent[key])) << path;
    if (key == "Work/of-200000-bytes") {
      EXPECT_THAT(entry.flags, testing::HasSubstr("\\Flagged"));
      EXPECT_THAT(entry.flags, testing::HasSubstr("$Work"));
    } else {
      EXPECT_THAT(entry.flags, testing::Not(testing::HasSubstr("\\Seen")));
    }
  }
  EXPECT_EQ(messages, sent.size());

  // From the cache alone.
  mount.remount();
  EXPECT_EQ(difference(tree, readTree(mount.path())), "");
  EXPECT_EQ(mount.bodyBytes(), 0U);
}

TEST_P(OtherServers, WhatAnotherClientDoesShowsUp) {
  const std::string kept = makeMessage("kept", 2'000, 1);
  const std::string late = makeMessage("late", 300'000, 2);
  server().deliver("INBOX", kept);
  server().deliver("INBOX", makeMessage("doomed", 2'000, 3));
  server().deliver("Old/Sub", makeMessage("below", 2'000, 4));
  const Mount mount(server(), {"poll=1s"});
  const auto in = [&](const char* mailbox, const char* subject) {
    return find(mount / mailbox, subject);
  };
  const std::string kept_file = in("INBOX", "kept");
  const std::string doomed_file = in("INBOX", "doomed");
  EXPECT_EQ(contentOf(kept_file), kept);
  EXPECT_NE(doomed_file, "");
  EXPECT_NE(in("Old/Sub", "below"), "");

  server().deliver("INBOX", late);
  EXPECT_TRUE(eventually([&] { return !in("INBOX", "late").empty(); }));
  EXPECT_EQ(contentOf(in("INBOX", "late")), late);

  const auto flagged = [&] { return flagsOf(kept_file).find("\\Flagged") != std::string::npos; };
  server().changeFlags("INBOX", "1", "+\\Flagged");
  EXPECT_TRUE(eventually(flagged));
  server().changeFlags("INBOX", "1", "-\\Flagged");
  EXPECT_TRUE(eventually([&] { return !flagged(); }));

  server().expunge("INBOX", "2");
  EXPECT_TRUE(eventually([&] { return in("INBOX", "doomed").empty(); }));
  EXPECT_FALSE(fs::exists(doomed_file));
  EXPECT_EQ(contentOf(kept_file), kept);

  server().createMailbox("Fresh");
  EXPECT_TRUE(eventually([&] { return fs::exists(mount / "Fresh"); }));
  server().move("INBOX", "3", "Fresh");
  EXPECT_TRUE(
      eventually([&] { return in("INBOX", "late").empty() && !in("Fresh", "late").empty(); }));
  EXPECT_EQ(contentOf(in("Fresh", "late")), late);

  server().renameMailbox("Fresh", "Stale");
  EXPECT_TRUE(
      eventually([&] { return !fs::exists(mount / "Fresh") && !in("Stale", "late").empty(); }));
  EXPECT_EQ(contentOf(in("Stale", "late")), late);
  server().deleteMailbox("Stale");
  EXPECT_TRUE(eventually([&] { return !fs::exists(mount / "Stale"); }));
}

TEST_P(OtherServers, TheServersRestartIsSurvived) {
  const auto bytes = [](const char* subject) { return makeMessage(subject, 2'000, 1); };
  server().deliver("INBOX", bytes("before"));
  server().deliver("INBOX", bytes("unread"));
  const Mount mount(server(), {"poll=1s"});
  const std::string before = find(mount / "INBOX", "before");
  const std::string unread = find(mount / "INBOX", "unread");
  EXPECT_EQ(contentOf(before), bytes("before"));

  server().kill();
  EXPECT_EQ(contentOf(before), bytes("before"));
  EXPECT_EQ(find(mount / "INBOX", "unread"), unread);
  EXPECT_NE(contentOf(unread), bytes("unread"));

  server().restart();
  EXPECT_TRUE(eventually([&] { return contentOf(unread) == bytes("unread"); }));
  server().deliver("INBOX", bytes("after"));
  EXPECT_TRUE(eventually([&] { return !find(mount / "INBOX", "after").empty(); }));
  EXPECT_EQ(contentOf(find(mount / "INBOX", "after")), bytes("after"));
}

INSTANTIATE_TEST_SUITE_P(Each, OtherServers, kEachKind,
                         [](const auto& each) { return nameOf(each.param); });

// The odd messages of the sample, in all its mailboxes.
class OtherServersSample : public MountTest,
                           public ServerTest,
                           public testing::WithParamInterface<ImapServer::Kind> {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (!IsSkipped()) start(GetParam(), bytesAsTheyAre(GetParam()), mail_);
  }
  const std::string mail_ = sampleMail({"--messages", "250", "--largest", "0"});
};

TEST_P(OtherServersSample, ComesBackAsItWasGiven) {
  // Cyrus refuses what is no header, and Courier ends the last line.
  const size_t refused = GetParam() == ImapServer::Kind::cyrus ? 3 : 0;
  std::map<std::string, size_t> given;  // how often, by hash
  size_t files = 0;
  for (const auto& found : fs::recursive_directory_iterator(mail_)) {
    if (!found.is_regular_file()) continue;
    std::string bytes = readFile(found.path());
    if (GetParam() == ImapServer::Kind::courier && !bytes.ends_with('\n')) bytes += "\r\n";
    ++given[sha256(bytes)];
    ++files;
  }
  const Mount mount(server());
  size_t shown = 0;
  for (const auto& [path, entry] : readTree(mount.path())) {
    if (entry.directory) continue;
    ++shown;
    auto& left = given[entry.sha256];
    EXPECT_GT(left, 0U) << path;
    if (left > 0) --left;
  }
  EXPECT_EQ(shown, files - refused);
  EXPECT_TRUE(fs::is_directory(mount / "Work/Projects/Borealis/Design"));
  EXPECT_FALSE(fs::exists(mount / "INBOX/Work")) << "the prefix is shown";
}

INSTANTIATE_TEST_SUITE_P(Each, OtherServersSample, kEachKind,
                         [](const auto& each) { return nameOf(each.param); });

}  // namespace
}  // namespace emlfs::test
