// New messages whose mailboxes go before they are finished.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kOld = "Subject: old\r\nMessage-ID: <old@example.org>\r\n\r\nbody\r\n";
constexpr std::string_view kNew = "Subject: new\r\nMessage-ID: <new@example.org>\r\n\r\nbody\r\n";

// An editor has given it the name of a message that is on its way there: that one is where it was,
// also when the person no longer wants what was refused.
TEST_F(MountTest, WhatADraftWasToReplaceIsThereWhenItsMailboxIsGone) {
  const Dovecot server(kKeepBytes);
  server.createMailbox("Gone");
  ImapClient client(server);
  ASSERT_TRUE(client.append("INBOX", "", kOld, "").ok);
  auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"timeout=2s"});
  const std::string name = namesIn(mount / "INBOX").at(0);
  EXPECT_THAT(namesIn(mount / "Gone"), IsEmpty());

  proxy->refuse();
  proxy->cutNow();
  fs::rename(mount / ("INBOX/" + name), mount / ("Gone/" + name));
  const Fd written(::open((mount / "Gone/.tmp").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(written.get(), kNew.data(), kNew.size()), static_cast<ssize_t>(kNew.size()));
  fs::rename(mount / "Gone/.tmp", mount / ("Gone/" + name));
  client.expectOk("DELETE Gone");
  proxy->resume();

  const auto run_journal = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {kProgram, "journal", mount.path()});
    return run(arguments).output;
  };
  const auto refused = [&] {
    const auto status = mount.status();
    return status["changes"]["refused"] == 3 && status["changes"]["pending"] == 0;
  };
  EXPECT_TRUE(eventually(refused)) << run_journal({}) << mount.log();
  EXPECT_THAT(namesIn(mount / "INBOX"), ElementsAre(name));
  run_journal({"drop", "all", "--yes"});
  EXPECT_THAT(namesIn(mount / "INBOX"), ElementsAre(name));
  EXPECT_EQ(readFile(mount / ("INBOX/" + name)), kOld);
}

}  // namespace
}  // namespace emlfs::test
