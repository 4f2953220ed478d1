// A throwaway Dovecot for tests (tests/support/dovecot): started on construction, ended on
// destruction. Not thread-safe, but any number can run at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/scratch_dir.h"

namespace emlfs::test {

class Dovecot {
 public:
  // `options` are those of the script, such as {"--without", "QRESYNC CONDSTORE"}. With `mail`, the
  // path of a Maildir such as sampleMail() gives, the server starts with a copy of it. Throws
  // std::runtime_error with the server's log if it doesn't start.
  explicit Dovecot(const std::vector<std::string>& options = {}, const std::string& mail = {});
  ~Dovecot();
  Dovecot(const Dovecot&) = delete;
  Dovecot& operator=(const Dovecot&) = delete;

  const std::string& host() const { return setting("address"); }  // the certificate has it
  uint16_t imapPort() const { return port("imap"); }              // plaintext and STARTTLS
  uint16_t imapsPort() const { return port("imaps"); }
  const std::string& user() const { return setting("user"); }
  const std::string& password() const { return setting("password"); }
  const std::string& caFile() const { return setting("ca_file"); }
  const std::string& mailDirectory() const { return setting("mail"); }
  std::string log() const;

  void stop();     // clients are disconnected
  void kill();     // a crash
  void restart();  // on the same ports, with the same mail

  // Runs a doveadm command on the user's mail, as another client would change it: {"move",
  // "Archive", "mailbox", "INBOX", "all"}. Gives its output. Throws std::runtime_error.
  std::string doveadm(const std::vector<std::string>& command, std::string_view input = {}) const;

  // A new message in `mailbox` (made if missing). INTERNALDATE is now.
  void deliver(const std::string& mailbox, std::string_view message) const;

 private:
  const std::string& setting(const std::string& name) const;
  uint16_t port(const std::string& name) const;

  ScratchDir directory_;
  std::map<std::string, std::string> settings_;
  bool running_ = false;
};

}  // namespace emlfs::test
