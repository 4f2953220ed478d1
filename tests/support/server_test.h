// A test that is run against a server of any kind, and skipped where that can't run.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/imap_server.h"

namespace emlfs::test {

class ServerTest : public virtual testing::Test {
 protected:
  // To be called by SetUp, which ends the test if it is skipped.
  void start(ImapServer::Kind kind, const std::vector<std::string>& options = {},
             const std::string& mail = {}) {
    try {
      server_ = std::make_unique<ImapServer>(kind, options, mail);
    } catch (const ImapServer::CannotRun& reason) {
      GTEST_SKIP() << reason.what();
    }
  }
  ImapServer& server() { return *server_; }

 private:
  std::unique_ptr<ImapServer> server_;
};

inline const auto kEachKind =
    testing::Values(ImapServer::Kind::dovecot, ImapServer::Kind::courier, ImapServer::Kind::cyrus);

}  // namespace emlfs::test
