// The fixture of what is written in a mount and sent to a real server.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>

#include "server/replay.h"
#include "support/imap_client.h"

namespace emlfs::sync {

// By the bytes, since no two messages here have the same.
struct OnServer {
  std::string flags;
  std::string date;
  int copies = 0;
};

class AppendReplayTest : public ReplayFixture, public testing::WithParamInterface<ReplayCase> {
 protected:
  void SetUp() override { startBehindProxy(GetParam().kind, {"A", "B"}); }

  std::unique_ptr<test::SyncClient> writer() { return client(GetParam().without); }

  // What is not \Deleted there, over a connection of its own.
  std::map<std::string, OnServer> onServer(const std::string& mailbox) {
    test::ImapClient client(server());
    client.expectOk("EXAMINE \"" + server().wireName(mailbox) + "\"");
    std::map<std::string, OnServer> found;
    for (const Uid uid : client.search("UNDELETED")) {
      const auto answer =
          client.expectOk(fmt::format("UID FETCH {} (FLAGS INTERNALDATE BODY.PEEK[])", uid));
      for (const auto& line : answer.untagged) {
        const size_t literal = line.find("BODY[] {");
        if (literal == std::string::npos) continue;
        const size_t begin = line.find("\r\n", literal) + 2;
        const size_t size = std::stoul(line.substr(literal + 8));
        const auto between = [&](const std::string& from, char to) {
          const size_t at = line.find(from) + from.size();
          return line.substr(at, line.find(to, at) - at);
        };
        auto& one = found[line.substr(begin, size)];
        ++one.copies;
        one.flags = between("FLAGS (", ')');
        one.date = between("INTERNALDATE \"", '"');
      }
    }
    return found;
  }
};

}  // namespace emlfs::sync
