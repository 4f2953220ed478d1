// The fixture of the commands about changes: a mount whose network can be taken away, and a person
// who changes mail in it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/dovecot.h"
#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/person.h"
#include "support/process.h"
#include "support/proxy.h"

namespace emlfs::test {

// Exit codes.
constexpr int kOk = 0;
constexpr int kUsage = 2;
constexpr int kNetwork = 3;
constexpr int kServer = 8;

inline std::string datedMail(int number) {
  return fmt::format(
      "From: Alice <alice@example.org>\r\nSubject: m{0}\r\nMessage-ID: <{0}@example.org>\r\n"
      "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\nThe body of {0}\r\n",
      number);
}

inline ProcessResult emlfs(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kProgram);
  return run(arguments);
}

class Commands : public MountTest {
 protected:
  using Names = std::vector<std::string>;

  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    proxy_ = Proxy::start({server_.host(), server_.imapPort()});
    for (const char* mailbox : {"A", "B"}) server_.createMailbox(mailbox);
  }

  void deliver(const std::string& mailbox, int first, int last) {
    for (int i = first; i <= last; ++i) server_.deliver(mailbox, datedMail(i));
  }
  void start(std::vector<std::string> options = {}) {
    options.insert(options.end(), {"name_format={subject}.{uid}", "timeout=10s"});
    mount_ = std::make_unique<Mount>(server_, *proxy_, options);
    person_ = std::make_unique<Person>(mount_->path());
    // What was never listed is not there without the server.
    for (const char* mailbox : {"INBOX", "A", "B"}) person_->names(mailbox);
  }
  const Mount& mount() const { return *mount_; }
  const Person& person() const { return *person_; }

  // "m1" and so on, sorted.
  Names subjects(const std::string& mailbox) const {
    Names names = person_->names(mailbox);
    for (auto& name : names) name = name.substr(0, name.find('.'));
    std::sort(names.begin(), names.end());
    return names;
  }
  Names onServer(const std::string& mailbox, const std::string& criteria = "NOT DELETED") {
    ImapClient client(server_);
    client.expectOk("EXAMINE " + mailbox);
    Names names;
    for (const Uid uid : client.search(criteria)) {
      const auto answer =
          client.expectOk(fmt::format("UID FETCH {} BODY.PEEK[HEADER.FIELDS (SUBJECT)]", uid));
      for (const auto& line : answer.untagged)
        if (const auto at = line.find("Subject: "); at != line.npos)
          names.push_back(line.substr(at + 9, line.find('\r', at) - at - 9));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  void goOffline() {
    proxy_->refuse();
    proxy_->cutNow();
    EXPECT_TRUE(eventually([&] { return mount_->status()["state"] == "offline"; }));
  }
  // Somebody who looks has the server asked at once.
  void goOnline() {
    proxy_->resume();
    EXPECT_TRUE(eventually([&] {
      return std::filesystem::exists(mount() / "INBOX") && mount_->status()["state"] == "online";
    }));
  }
  uint64_t pending() const { return mount_->status()["changes"]["pending"]; }
  uint64_t refused() const { return mount_->status()["changes"]["refused"]; }

  // Two moves from INBOX to A that the server refuses, because A is gone meanwhile.
  void haveMovesRefused() {
    deliver("INBOX", 1, 3);
    start();
    ASSERT_EQ(subjects("INBOX").size(), 3U);
    goOffline();
    person().move("m1", "INBOX", "A");
    person().move("m2", "INBOX", "A");
    server_.deleteMailbox("A");
    goOnline();
    ASSERT_TRUE(eventually([&] { return refused() == 2; })) << mount().status().dump(1);
  }
  void bringBackA() {
    server_.createMailbox("A");
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(mount() / "A"); }));
  }
  std::string numberOf(const std::string& subject) const {
    const auto journal =
        nlohmann::json::parse(runOrThrow({kProgram, "journal", mount().path(), "list", "--json"}));
    for (const auto& change : journal["changes"])
      if (change["name"].get<std::string>().starts_with(subject))
        return std::to_string(change["number"].get<uint64_t>());
    throw std::runtime_error("no change of " + subject);
  }

  Dovecot server_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<Mount> mount_;
  std::unique_ptr<Person> person_;
};

}  // namespace emlfs::test
