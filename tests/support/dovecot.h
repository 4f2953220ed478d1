// A throwaway Dovecot for tests (tests/support/dovecot), and what can be done with its own tools.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/imap_server.h"

namespace emlfs::test {

class Dovecot : public ImapServer {
 public:
  // `options` are those of the script, such as {"--without", "QRESYNC CONDSTORE"}.
  explicit Dovecot(const std::vector<std::string>& options = {}, const std::string& mail = {})
      : ImapServer(Kind::dovecot, options, mail) {}

  const std::string& mailDirectory() const { return setting("mail"); }

  // Runs a doveadm command on the user's mail, as another client would change it: {"move",
  // "Archive", "mailbox", "INBOX", "all"}. Gives its output. Throws std::runtime_error.
  std::string doveadm(const std::vector<std::string>& command, std::string_view input = {}) const;

  // With the server's own tool, since tests of Dovecot deliver much. INTERNALDATE is now.
  void deliver(const std::string& mailbox, std::string_view message) const override;
};

}  // namespace emlfs::test
