// A mount follows what other clients do, with QRESYNC, with CONDSTORE and with neither: what it
// shows is what a fresh mount shows, and the commands are those of the strategy that was meant.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <regex>

#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/sample_mail.h"
#include "support/server_test.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

struct Case {
  const char* name;
  ImapServer::Kind kind;
  const char* server_without;  // of Dovecot
  const char* mount_without;
  // Of the commands that bring a known mailbox up to date.
  const char* wanted;
  const char* unwanted;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

constexpr const char* kQresync = "QRESYNC \\(";
constexpr const char* kCondstore = "CHANGEDSINCE";
constexpr const char* kPlain = "UID FETCH 1:[0-9]+ \\(UID FLAGS( MODSEQ)?\\)$";
constexpr const char* kMoreThanCondstore =
    "QRESYNC \\(|UID FETCH 1:[0-9]+ \\(UID FLAGS( MODSEQ)?\\)$";
constexpr const char* kMoreThanPlain = "MODSEQ|QRESYNC|CONDSTORE|CHANGEDSINCE";

constexpr auto kDovecot = ImapServer::Kind::dovecot;

const std::vector<Case> kCases{
    {"Qresync", kDovecot, "", "", kQresync, kPlain},
    {"Condstore", kDovecot, "QRESYNC", "", kCondstore, kMoreThanCondstore},
    {"Plain", kDovecot, "QRESYNC CONDSTORE", "", kPlain, kMoreThanPlain},
    {"CondstoreByOption", kDovecot, "", "QRESYNC", kCondstore, kMoreThanCondstore},
    {"PlainByOption", kDovecot, "", "QRESYNC:CONDSTORE", kPlain, kMoreThanPlain},
    {"Courier", ImapServer::Kind::courier, "", "", kPlain, kMoreThanPlain},
    {"CyrusQresync", ImapServer::Kind::cyrus, "", "", kQresync, kPlain},
    {"CyrusCondstore", ImapServer::Kind::cyrus, "", "QRESYNC", kCondstore, kMoreThanCondstore},
};

std::vector<std::string> matching(const std::vector<std::string>& commands, const char* pattern) {
  const std::regex expression(pattern);
  std::vector<std::string> found;
  std::copy_if(commands.begin(), commands.end(), std::back_inserter(found),
               [&](const std::string& line) { return std::regex_search(line, expression); });
  return found;
}

// What a person at another computer does to the mail; `round` makes it another change each time.
void changeElsewhere(const ImapServer& server, int round) {
  const auto number = std::to_string(round);
  server.deliver("INBOX", makeMessage("delivered " + number, 3000, 10));
  server.deliver("Fresh/" + number, makeMessage("in a new mailbox", 3000, 11));
  server.expunge("Lists/lkml/patches", number + "," + number + "5");
  server.changeFlags("Lists/lkml/patches", "2" + number, "+\\Flagged $Work");
  server.changeFlags("Travel", "1:3", "-\\Seen");
  server.move("INBOX", "1" + number, "Archive/2024");
  server.deleteMailbox(round == 1 ? "Newsletters" : "Junk");
  server.renameMailbox(round == 1 ? "Work/Invoices" : "Work/Bills",
                       round == 1 ? "Work/Bills" : "Bills");
}

Tree freshTree(const ImapServer& server) {
  const Mount mount(server);
  return readTree(mount.path());
}

// How the tree of the mount differs from `expected` in the end.
std::string differenceInTheEnd(const Mount& mount, const Tree& expected) {
  std::string last;
  eventually([&] {
    try {
      last = difference(expected, readTree(mount.path()));
    } catch (const std::exception& error) {
      last = error.what();  // it changed while it was read
    }
    return last.empty();
  });
  return last;
}

class Strategies : public MountTest, public ServerTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    std::vector<std::string> options;
    if (GetParam().kind == kDovecot) options = kKeepBytes;
    if (*GetParam().server_without != '\0') {
      options.emplace_back("--without");
      options.emplace_back(GetParam().server_without);
    }
    start(GetParam().kind, options, sampleMail({"--messages", "250", "--largest", "0"}));
  }
};

TEST_P(Strategies, FollowWhatOthersChange) {
  const Case& one = GetParam();
  const ImapServer& server = this->server();
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  std::vector<std::string> mount_options{"poll=1s"};
  if (*one.mount_without != '\0')
    mount_options.push_back(std::string("without=") + one.mount_without);
  Mount mount(server, *proxy, mount_options);
  EXPECT_EQ(difference(freshTree(server), readTree(mount.path())), "");

  // While it isn't there.
  mount.unmount();
  changeElsewhere(server, 1);
  const Tree after_one = freshTree(server);
  proxy->resetStats();
  mount.mount();
  EXPECT_EQ(differenceInTheEnd(mount, after_one), "");
  EXPECT_THAT(matching(proxy->commands(), one.wanted), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(matching(proxy->commands(), one.unwanted), testing::IsEmpty());

  // While it is.
  changeElsewhere(server, 2);
  EXPECT_EQ(differenceInTheEnd(mount, freshTree(server)), "");
  EXPECT_THAT(matching(proxy->commands(), one.unwanted), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Each, Strategies, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });

class Mailboxes : public MountTest {};

TEST_F(Mailboxes, AReplacedMailboxShowsNothingOfTheOldOne) {
  const Dovecot server(kKeepBytes);
  const std::string old_bytes = makeMessage("old", size_t{4} << 20, 20);
  server.deliver("Box", old_bytes);
  server.deliver("Box", makeMessage("old", 4000, 21));
  Mount mount(server, {"poll=1s"});
  const auto old_names = namesIn(mount / "Box");
  ASSERT_EQ(old_names.size(), 2U);
  Fd open_file(::open((mount / "Box/" + old_names[0]).c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(open_file);
  std::string start(1000, '\0');
  ASSERT_EQ(::pread(open_file.get(), start.data(), start.size(), 0), 1000);

  server.doveadm({"mailbox", "delete", "Box"});
  // Of the same size, and with the same UIDs.
  server.deliver("Box", makeMessage("new", size_t{4} << 20, 22));
  server.deliver("Box", makeMessage("new", 4000, 23));
  const Tree expected = freshTree(server);

  // The old file's own bytes or an error, at every place and at every moment.
  const auto probe = [&] {
    std::string piece(100'000, '\0');
    for (size_t at = 0; at < old_bytes.size(); at += 500'000) {
      const ssize_t got =
          ::pread(open_file.get(), piece.data(), piece.size(), static_cast<off_t>(at));
      if (got < 0) continue;
      ASSERT_EQ(old_bytes.compare(at, static_cast<size_t>(got), piece, 0, static_cast<size_t>(got)),
                0)
          << at;
      ASSERT_GT(got, 0);
    }
  };
  probe();
  EXPECT_EQ(differenceInTheEnd(mount, expected), "");
  probe();
  for (const auto& name : old_names)
    EXPECT_NE(::access((mount / "Box/" + name).c_str(), F_OK), 0) << name;

  // And once more, while it isn't mounted.
  open_file.reset();
  mount.unmount();
  server.doveadm({"mailbox", "delete", "Box"});
  server.deliver("Box", makeMessage("newer", 4000, 24));
  mount.mount();
  EXPECT_EQ(differenceInTheEnd(mount, freshTree(server)), "");
}

TEST_F(Mailboxes, MaildirPlusPlusWithPrefixAndDots) {
  std::vector<std::string> options = kKeepBytes;
  options.insert(options.end(),
                 {"--layout", "maildir++", "--separator", ".", "--prefix", "INBOX."});
  const Dovecot server(
      options, sampleMail({"--messages", "250", "--largest", "0", "--layout", "maildir++"}));
  const Mount mount(server);
  const Mail shown = mailOf(readTree(mount.path()));
  Mail expected;
  for (auto& [name, messages] : mailOf(server)) {
    std::string path = name == "INBOX" ? name : name.substr(std::string("INBOX.").size());
    std::replace(path.begin(), path.end(), '.', '/');
    expected[path] = messages;
  }
  // Levels that are no mailbox are directories, too.
  expected.try_emplace("Archive");
  expected.try_emplace("Lists");
  expected.try_emplace("Lists/lkml");
  expected.try_emplace("Work");
  expected.try_emplace("Work/Projects/Borealis");
  EXPECT_EQ(shown, expected);
}

TEST_F(Mailboxes, AwkwardNames) {
  // What the server calls it, and what the directory is called.
  const std::vector<std::pair<std::string, std::string>> names{
      {"a & b", "a & b"},
      {"100%", "100%"},
      {"%41", "%2541"},
      {"it's", "it's"},
      {"say \"hello\"", "say \"hello\""},
      {"[brackets] {and} (more)", "[brackets] {and} (more)"},
      {"back\\slash", "back\\slash"},
      {"$HOME `x` ;&|<>", "$HOME `x` ;&|<>"},
      {"Grüße", "Grüße"},
      {"日本語", "日本語"},
      {"🙂", "🙂"},
      {" leading and trailing ", " leading and trailing "},
      {".dot", ".dot"},
      {"-dash", "-dash"},
      {"star*", "star*"},
      {"inbox2", "inbox2"},
      {"A.B", "A.B"},
      {"NIL", "NIL"},
      {"a&b-c", "a&b-c"},
      {"x.eml", "x.eml"},
  };
  const Dovecot server(kKeepBytes);
  std::vector<std::string> expected{"INBOX"};
  uint64_t seed = 100;
  for (const auto& [mailbox, directory] : names) {
    try {
      server.deliver(mailbox, makeMessage("awkward", 1000, ++seed));
    } catch (const std::exception&) {
      continue;  // this server doesn't allow it
    }
    expected.push_back(directory);
  }
  EXPECT_GT(expected.size(), names.size() - 4);
  std::sort(expected.begin(), expected.end());
  const Mount mount(server);
  EXPECT_EQ(namesIn(mount.path()), expected);
  Mail stored = mailOf(server);
  if (const auto escaped = stored.extract("%41")) stored["%2541"] = escaped.mapped();
  EXPECT_EQ(mailOf(readTree(mount.path())), stored);
}

TEST_F(Mailboxes, LevelsWithoutAMailboxAreDirectories) {
  const Dovecot server(kKeepBytes);
  server.deliver("only/the/last", makeMessage("deep", 1000, 1));
  Mount mount(server, {"poll=1s"});
  EXPECT_EQ(namesIn(mount / "only"), std::vector<std::string>{"the"});
  EXPECT_EQ(namesIn(mount / "only/the"), std::vector<std::string>{"last"});
  EXPECT_EQ(namesIn(mount / "only/the/last").size(), 1U);

  // A level becomes a mailbox and stays the same directory.
  server.doveadm({"mailbox", "create", "only/the"});
  server.doveadm({"save", "-m", "only/the"}, makeMessage("above", 1000, 2));
  EXPECT_TRUE(eventually([&] { return namesIn(mount / "only/the").size() == 2; }));

  // And the other way.
  server.doveadm({"mailbox", "delete", "only/the"});
  EXPECT_TRUE(eventually([&] { return namesIn(mount / "only/the").size() == 1; }));
  mount.remount();
  EXPECT_EQ(namesIn(mount / "only/the"), std::vector<std::string>{"last"});
}

}  // namespace
}  // namespace emlfs::test
